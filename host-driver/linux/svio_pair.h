/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pair: one transmit and one receive queue with one vector and one NAPI.
 * All pairs in use come up and go down together, under rtnl.
 */
#ifndef SVIO_PAIR_H
#define SVIO_PAIR_H

#include <linux/netdevice.h>

#include "svio_dim.h"
#include "svio_rx.h"
#include "svio_tx.h"

struct svio;

struct svio_pair {
	struct svio *svio;
	struct napi_struct napi;
	struct svio_txq tx;
	struct svio_rxq rx;
	struct svio_dim dim;
	int irq;
	u16 index;
	char irq_name[IFNAMSIZ + 16];
};

/*
 * Allocate svio->num_pairs pairs, create them in the device and let packets
 * flow. The device is READY. Nothing is left behind on an error: -ENOMEM, as
 * request_irq(), or as svio_adminq_exec().
 */
int svio_pairs_up(struct svio *svio);

/*
 * The reverse. Cannot fail: a device that does not let go of its queues is
 * reset, and brought up again later by svio_reset. Does nothing when down.
 */
void svio_pairs_down(struct svio *svio);

/* The same, but the device is reset and not asked. The caller starts it again. */
void svio_pairs_down_reset(struct svio *svio);

/*
 * Replace all receive queues by new ones, with buffers as settings now want them. The link
 * stays up and transmission goes on; packets that wait in the old queues are received
 * first, some that come meanwhile are dropped. Does nothing when down. -ENOMEM, or as
 * svio_rxq_alloc(): all are as they were. A device that does not play along is reset later.
 */
int svio_pairs_renew_rx(struct svio *svio);

#endif /* SVIO_PAIR_H */
