/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A receive queue. Buffers are whole pages of a page pool, with room before and
 * behind the data so that an skb can be built around the first of a packet; the
 * others become its fragments. With an XDP program there is more room before
 * the data, and what it sends back is sent from the same page. All of it belongs to NAPI.
 */
#ifndef SVIO_RX_H
#define SVIO_RX_H

#include <linux/netdevice.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <net/xdp.h>

#include "svio_hw.h"
#include "svio_stats.h"

struct bpf_prog;
struct page_pool;
struct svio;

struct svio_rxq {
	/* read-mostly */
	struct svio *svio;
	struct napi_struct *napi;
	struct svio_rx_desc *ring;
	struct svio_rx_cmpl *completions; /* written by the device */
	struct page **pages; /* of posted buffers */
	struct page_pool *pool;
	struct svio_doorbell __iomem *db;
	struct svio_rx_stats *stats;
	struct bpf_prog *prog; /* NULL: none. Changes to another, not from or to NULL */
	u32 mask;
	u16 headroom; /* before the data, in each buffer */
	u16 buf_len;
	u16 qid;
	u8 lg2;
	u8 dma_dir; /* enum dma_data_direction */

	/* NAPI */
	u32 next; /* completions consumed */
	u32 tail; /* buffers posted; next + ring size when full */
	bool broken; /* the device wrote nonsense: wait for the reset */

	struct xdp_rxq_info xdp ____cacheline_aligned;

	/* slow path */
	dma_addr_t ring_dma;
	struct delayed_work refill_work; /* when the machine was out of pages */
};

/* Bytes of the longest frame that is in one piece while there is an XDP program. */
u32 svio_rxq_xdp_bytes(void);

/*
 * -ENOMEM, or what page_pool_create() says. Unknown to the device. Its buffers are as
 * svio->xdp wants them now. Under rtnl.
 */
int svio_rxq_alloc(struct svio *svio, struct svio_rxq *rxq, u16 qid, struct napi_struct *napi);

/* Neither device nor NAPI use the queue, and NAPI is disabled. */
void svio_rxq_free(struct svio_rxq *rxq);

/* Before the queue is used, at the place where it stays: svio_rxq_alloc() may be elsewhere. */
void svio_rxq_settle(struct svio_rxq *rxq);

/* Smallest ring that takes the largest packet. */
u8 svio_rxq_ring_lg2_min(const struct svio_hw *hw);

/* Tell the device about it, or take it away. As svio_cmd_queue_create(). */
int svio_rxq_create(struct svio_rxq *rxq);
int svio_rxq_destroy(struct svio_rxq *rxq);

/* Post as many buffers as there are pages for; the first time before NAPI runs. */
void svio_rxq_fill(struct svio_rxq *rxq);

/* Schedule NAPI once after @delay, in jiffies. Any context. */
void svio_rxq_nudge(struct svio_rxq *rxq, unsigned long delay);

/* Stop what may still schedule NAPI. Before napi_disable(). May sleep. */
void svio_rxq_quiesce(struct svio_rxq *rxq);

/* Give up to @budget packets to the stack; returns how many. NAPI context. */
int svio_rxq_poll(struct svio_rxq *rxq, int budget);

/* Whether svio_rxq_poll() would find something. NAPI context. */
static inline bool svio_rxq_has_work(const struct svio_rxq *rxq)
{
	const u16 flags = le16_to_cpu(READ_ONCE(rxq->completions[rxq->next & rxq->mask].flags));

	return !rxq->broken && (flags & SVIO_RX_PHASE) == !((rxq->next >> rxq->lg2) & 1);
}

#endif /* SVIO_RX_H */
