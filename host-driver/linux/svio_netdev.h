/* SPDX-License-Identifier: GPL-2.0-only */
/* The network interface: what the stack asks for. */
#ifndef SVIO_NETDEV_H
#define SVIO_NETDEV_H

#include <linux/netdevice.h>
#include <linux/spinlock.h>
#include <linux/types.h>

struct svio;

/* Carrier is up when the device's link is and packets can flow. */
struct svio_link {
	spinlock_t lock; /* all below, and the carrier */
	bool up;
	bool enabled; /* the pairs are up */
	u32 speed_mbps; /* 0: not known */
};

/* All feature bits that this driver can use. */
u64 svio_netdev_wanted_features(void);

/* Operations, features and limits, from svio->hw. Before register_netdev(). */
void svio_netdev_init(struct svio *svio);

/* Receive offloads of the device (SVIO_FEATURE_RX_*) that @features stand for. */
u64 svio_netdev_offloads(const struct svio *svio, netdev_features_t features);

/*
 * Have the stack and the device follow a change of what features may be in use. Under
 * rtnl. 0, also when the device does not run; else as svio_adminq_exec().
 */
int svio_netdev_apply_offloads(struct svio *svio);

/* The device's link changed, or was asked for. Any context. */
void svio_netdev_link(struct svio *svio, bool up, u32 speed_mbps);

/* Packets can flow from now on, or not any more. Any context. */
void svio_netdev_carrier_enable(struct svio *svio, bool enable);

/*
 * Bring the pairs up if the interface is running, with as many queues as the
 * settings say; and the device before, if it is not READY. Under rtnl. 0, or as
 * svio_device_start(), svio_pairs_up().
 */
int svio_netdev_up(struct svio *svio);

/*
 * Change settings that need the queues down. Between begin and end packets do
 * not flow; end returns what svio_netdev_up() does. Under rtnl.
 */
void svio_netdev_reconfigure_begin(struct svio *svio);
int svio_netdev_reconfigure_end(struct svio *svio);

/*
 * After end has failed and the caller has put back what it had changed: up as
 * before; if even that fails, recovery goes on trying. Under rtnl.
 */
void svio_netdev_reconfigure_undone(struct svio *svio);

#endif /* SVIO_NETDEV_H */
