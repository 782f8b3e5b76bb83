/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the driver counts for each queue, and what the device counts for the
 * VIF. The driver's counters outlive queues: they start with the interface.
 */
#ifndef SVIO_STATS_H
#define SVIO_STATS_H

#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/u64_stats_sync.h>
#include <linux/workqueue.h>

#include "svio_counters.h"

struct svio;

/* All written under the queue's transmit lock. */
#define SVIO_TX_STAT_LIST(X) \
	X(packets) \
	X(bytes) \
	X(gso_packets) /* left unsegmented */ \
	X(csum_packets) /* checksum left to the device, not GSO */ \
	X(dropped) /* could not be described or mapped */ \
	X(linearized) /* had too many pieces */ \
	X(stops) /* ring was full */ \
	X(doorbells) /* stores that tell the device of packets */ \
	X(wakes) /* of these, those that found the device asleep */ \
	X(xdp_packets) /* among packets: frames of XDP */ \
	X(xdp_dropped) /* the ring was full, or the frame too long */

enum svio_tx_stat {
#define SVIO_TX_STAT_ENUM(name) SVIO_TX_STAT_##name,
	SVIO_TX_STAT_LIST(SVIO_TX_STAT_ENUM)
#undef SVIO_TX_STAT_ENUM
	SVIO_TX_STAT_COUNT
};

/* All written by NAPI. */
#define SVIO_RX_STAT_LIST(X) \
	X(packets) \
	X(bytes) \
	X(gso_packets) /* arrived unsegmented */ \
	X(csum_ok) /* verified by the device */ \
	X(csum_partial) /* never left this host */ \
	X(copied) /* small: its buffer was used again at once */ \
	X(dropped) /* no memory for the skb, or malformed */ \
	X(alloc_failed) /* no page for a buffer */ \
	X(doorbells) /* stores that tell the device of buffers */ \
	X(xdp_pass) \
	X(xdp_drop) \
	X(xdp_tx) /* sent back, or given up: see the transmit queue's xdp_dropped */ \
	X(xdp_redirect) \
	X(xdp_aborted) /* by the program, for its verdict, or as it could not be carried out */

enum svio_rx_stat {
#define SVIO_RX_STAT_ENUM(name) SVIO_RX_STAT_##name,
	SVIO_RX_STAT_LIST(SVIO_RX_STAT_ENUM)
#undef SVIO_RX_STAT_ENUM
	SVIO_RX_STAT_COUNT
};

struct svio_tx_stats {
	struct u64_stats_sync sync;
	u64_stats_t v[SVIO_TX_STAT_COUNT];
} ____cacheline_aligned;

struct svio_rx_stats {
	struct u64_stats_sync sync;
	u64_stats_t v[SVIO_RX_STAT_COUNT];
} ____cacheline_aligned;

/* Add to one counter, in the context that its list names. */
#define svio_stat_add(stats, index, value) \
	do { \
		u64_stats_update_begin(&(stats)->sync); \
		u64_stats_add(&(stats)->v[index], value); \
		u64_stats_update_end(&(stats)->sync); \
	} while (0)

struct svio_stats {
	struct svio_tx_stats *tx; /* max_pairs of them */
	struct svio_rx_stats *rx;

	/*
	 * The device's counters as last read. ndo_get_stats64 may not sleep and
	 * admin commands do: it reports these and asks for newer ones.
	 */
	u64 vif[SVIO_COUNTER_COUNT];
	unsigned long vif_jiffies;
	struct work_struct work;
};

/* -ENOMEM. After max_pairs is known. */
int svio_stats_init(struct svio *svio);
void svio_stats_exit(struct svio *svio);

/* Read the VIF's counters from the device into stats.vif. May sleep. As svio_cmd_stats_get(). */
int svio_stats_refresh(struct svio *svio);

/* ndo_get_stats64 */
void svio_stats_get64(struct net_device *netdev, struct rtnl_link_stats64 *out);

/* ethtool -S */
int svio_stats_count(const struct svio *svio);
void svio_stats_strings(const struct svio *svio, u8 *data);
void svio_stats_values(struct svio *svio, u64 *data);

#endif /* SVIO_STATS_H */
