/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One VIF as its driver sees it.
 *
 * Locks, outermost first:
 *   rtnl           open, close, reset, settings: whatever creates or frees queues
 *   filter.lock    what the device was told to receive
 *   adminq.lock    one admin command at a time
 *   adminq.cq_lock consumption of admin completions (the interrupt thread, and a
 *                  waiting command that gave up on the interrupt)
 * The packet path takes none of them: NAPI owns the completion side of a pair,
 * the stack's transmit lock the producing side.
 */
#ifndef SVIO_H
#define SVIO_H

#include <linux/bitmap.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "svio_adminq.h"
#include "svio_device.h"
#include "svio_filter.h"
#include "svio_hw.h"
#include "svio_map.h"
#include "svio_netdev.h"
#include "svio_pair.h"
#include "svio_reset.h"
#include "svio_rss.h"
#include "svio_stats.h"
#include "svio_xdp.h"

#define SVIO_DRIVER_NAME "svio"

/* Vector 0 is the admin queue's, vector 1 + i that of pair i. */
#define SVIO_ADMIN_VECTOR 0
#define SVIO_PAIR_VECTOR(i) (1 + (i))

#define SVIO_RING_LG2_DEFAULT_TX 9
#define SVIO_RING_LG2_DEFAULT_RX 10
#define SVIO_COPYBREAK_DEFAULT 256

/* Bits of svio.flags. */
enum svio_flag {
	SVIO_FLAG_REMOVING, /* no recovery may start any more */
	SVIO_FLAG_GONE, /* the function reads all ones: it was unplugged */
};

struct svio {
	struct pci_dev *pdev;
	struct net_device *netdev;
	struct svio_hw hw;
	struct svio_adminq adminq;
	struct svio_map *map; /* NULL: the device reaches all that the function may reach */
	struct device *dma_dev; /* what queues map their memory on: svio_map.h */
	unsigned long flags; /* enum svio_flag, atomic bit operations */

	/* Settings, under rtnl; they outlive queues and resets. */
	struct svio_pair *pairs; /* max_pairs of them */
	u16 max_pairs;
	u16 num_pairs; /* in use while the interface is up */
	u8 tx_ring_lg2;
	u8 rx_ring_lg2;
	struct svio_moderation tx_moderation;
	struct svio_moderation rx_moderation;
	bool tx_adaptive; /* moderation follows the traffic: svio_dim.h */
	bool rx_adaptive;
	u32 copybreak; /* packets up to this long are copied */
	struct svio_xdp xdp;
	struct svio_rss rss;
	struct svio_filter filter;

	/* State, under rtnl. */
	bool pairs_up; /* queues exist and run */

	struct svio_link link;
	struct svio_stats stats;
	struct svio_reset reset;
};

#endif /* SVIO_H */
