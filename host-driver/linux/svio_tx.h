/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A transmit queue. The stack fills it under its transmit lock; NAPI gives
 * back what the device has consumed. tail, head and the stack's queue state are
 * all that the two share.
 */
#ifndef SVIO_TX_H
#define SVIO_TX_H

#include <linux/netdevice.h>
#include <linux/types.h>

#include "svio_hw.h"
#include "svio_map.h"
#include "svio_stats.h"

struct svio;
struct xdp_frame;

/* What is to be given back when an entry was consumed. */
enum svio_tx_kind {
	SVIO_TX_NOTHING, /* not the last entry of its packet */
	SVIO_TX_SKB,
	SVIO_TX_FRAME,
};

/* How the memory of an entry was mapped for DMA. */
enum svio_tx_mapping {
	SVIO_TX_SINGLE, /* dma_map_single() */
	SVIO_TX_PAGED, /* skb_frag_dma_map() */
	SVIO_TX_POOLED, /* by its page pool, which keeps it mapped */
};

/* What lies behind one ring entry. */
struct svio_tx_slot {
	union { /* by kind */
		struct sk_buff *skb;
		struct xdp_frame *frame;
	};
	dma_addr_t dma;
	u32 len; /* bytes to be unmapped at dma; 0: nothing */
	u8 kind; /* enum svio_tx_kind */
	u8 mapping; /* enum svio_tx_mapping */
};

struct svio_txq {
	/* read-mostly */
	struct svio *svio;
	struct svio_map *map; /* svio->map */
	struct svio_tx_desc *ring;
	struct svio_tx_slot *slots;
	struct svio_tx_status *status; /* written by the device */
	struct svio_doorbell __iomem *db;
	struct netdev_queue *nq;
	u32 mask;
	u16 qid;
	u16 stop_below; /* free entries that the largest packet may take */

	/* the stack's side */
	u32 tail ____cacheline_aligned; /* entries filled; NAPI reads it */
	u32 rung; /* tail that the device knows */
	struct svio_tx_stats *stats;

	/* NAPI's side */
	u32 head ____cacheline_aligned; /* entries given back; the stack reads it */
	u32 revoked; /* with a map queue: entries whose revocation was posted */
	u32 revoke_index; /* what svio_map_done() is to be asked for, for these */
	u64 done_packets; /* for adaptive moderation */
	u64 done_bytes;

	/* slow path */
	dma_addr_t ring_dma;
	u32 timeout_head; /* head at the last transmit timeout */
	u8 timeouts; /* in a row without progress */
};

/* -ENOMEM. Ring of svio->tx_ring_lg2, unknown to the device. Under rtnl. */
int svio_txq_alloc(struct svio *svio, struct svio_txq *txq, u16 qid);

/* Also drops packets that were not sent. Neither device, NAPI nor stack use the queue. */
void svio_txq_free(struct svio_txq *txq);

/* Tell the device about it, or take it away. As svio_cmd_queue_create(). */
int svio_txq_create(struct svio_txq *txq);
int svio_txq_destroy(struct svio_txq *txq);

/* Smallest ring that takes the largest packet. */
u8 svio_txq_ring_lg2_min(const struct svio_hw *hw);

/* Give back consumed entries. NAPI context; budget as for napi_consume_skb(). */
void svio_txq_clean(struct svio_txq *txq, int budget);

/* Revocations were posted that are not known to be in force. NAPI context. */
static inline bool svio_txq_waits(const struct svio_txq *txq)
{
	return txq->map && txq->revoked != txq->head;
}

/* Entries that NAPI has seen consumed: the next interrupt is for those behind them. */
static inline u32 svio_txq_seen(const struct svio_txq *txq)
{
	return txq->map ? txq->revoked : txq->head;
}

/* Whether svio_txq_clean() would find something. NAPI context. */
static inline bool svio_txq_has_work(const struct svio_txq *txq)
{
	if (svio_txq_waits(txq))
		return svio_map_done(txq->map, txq->revoke_index);
	return le32_to_cpu(READ_ONCE(txq->status->head)) != svio_txq_seen(txq);
}

/*
 * Put up to @count frames on the ring and tell the device. @pooled: they are in receive
 * buffers of this pair, which stay mapped. Returns how many were taken, from the
 * first on; the caller keeps the others. Softirq context, without the transmit lock.
 */
int svio_txq_send_frames(struct svio_txq *txq, struct xdp_frame **frames, int count, bool pooled);

/* ndo_start_xmit, ndo_features_check */
netdev_tx_t svio_tx_xmit(struct sk_buff *skb, struct net_device *netdev);
netdev_features_t svio_tx_features_check(struct sk_buff *skb, struct net_device *netdev,
					 netdev_features_t features);

#endif /* SVIO_TX_H */
