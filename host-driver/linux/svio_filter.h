/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the device was told to receive: MAC and VLAN filters and the receive
 * mode. The stack's lists are spinlocked and commands sleep, so the stack's
 * wish is copied first and then compared with what the device has.
 */
#ifndef SVIO_FILTER_H
#define SVIO_FILTER_H

#include <linux/bitmap.h>
#include <linux/if_ether.h>
#include <linux/if_vlan.h>
#include <linux/mutex.h>
#include <linux/workqueue.h>

struct svio;

struct svio_filter_mac {
	u8 addr[ETH_ALEN];
};

struct svio_filter {
	struct mutex lock; /* all below */
	struct svio_filter_mac *macs; /* in the device: num of max */
	struct svio_filter_mac *wanted; /* scratch of the same size */
	u16 num;
	u16 max;
	u32 mode; /* SVIO_RX_MODE_* in the device */
	bool denied; /* the policy forbids promiscuous mode: said once */
	DECLARE_BITMAP(vlans, VLAN_N_VID); /* under rtnl; the stack's wish */
	struct work_struct work;
};

/* -ENOMEM. Once, after the device's limits are known. */
int svio_filter_init(struct svio *svio);
void svio_filter_exit(struct svio *svio);

/* Let a work item bring the device in line with the stack's lists. Any context. */
void svio_filter_schedule(struct svio *svio);

/*
 * The device was reset and has no filters: start from nothing and set what the
 * stack wants. An address that the device refuses is logged; -ENODEV, -EIO,
 * -ETIMEDOUT: the device does not answer. Under rtnl.
 */
int svio_filter_restore(struct svio *svio);

/* The stack's VLAN list changed. Under rtnl. As svio_cmd_vlan(). */
int svio_filter_vlan_add(struct svio *svio, u16 vid);
int svio_filter_vlan_del(struct svio *svio, u16 vid);

#endif /* SVIO_FILTER_H */
