// SPDX-License-Identifier: GPL-2.0-only
#include "svio_rx.h"

#include <linux/bpf.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/if_vlan.h>
#include <linux/prefetch.h>
#include <linux/vmalloc.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"
#include "svio_stale.h"
#include "svio_xdp.h"

#define HEADROOM (NET_SKB_PAD + NET_IP_ALIGN)

/* Buffers are posted in batches: each doorbell passes a cache line between cores. */
#define FILL_BATCH 16

/* When there was no page at all, try again after this long. */
#define REFILL_DELAY (HZ / 50)

/*
 * Ring allocation and the device's view of it
 */

static u32 buffer_bytes(u32 headroom)
{
	return min_t(u32, ALIGN_DOWN(SKB_WITH_OVERHEAD(PAGE_SIZE - headroom), 64), U16_MAX);
}

u32 svio_rxq_xdp_bytes(void)
{
	return buffer_bytes(XDP_PACKET_HEADROOM);
}

/*
 * With 4 KiB pages a buffer holds 3712 bytes: 18 of them, one skb head and 17
 * fragments, are just enough for an unsegmented packet of 64 KiB. While there is an XDP
 * program such packets do not come.
 */
static void choose_layout(struct svio_rxq *rxq)
{
	BUILD_BUG_ON(ALIGN_DOWN(SKB_WITH_OVERHEAD(PAGE_SIZE - HEADROOM), 64) *
		     (MAX_SKB_FRAGS + 1) < SVIO_GSO_BYTES_MAX);
	rxq->prog = rxq->svio->xdp.prog;
	rxq->headroom = rxq->prog ? XDP_PACKET_HEADROOM : HEADROOM;
	rxq->dma_dir = rxq->prog ? DMA_BIDIRECTIONAL : DMA_FROM_DEVICE;
	rxq->buf_len = buffer_bytes(rxq->headroom);
}

u8 svio_rxq_ring_lg2_min(const struct svio_hw *hw)
{
	/* One packet being filled while another is being read. */
	return max_t(u8, hw->ring_lg2_min, ilog2(roundup_pow_of_two(2 * (MAX_SKB_FRAGS + 1))));
}

/* Descriptors, and as many completions behind them. */
static size_t ring_bytes(const struct svio_rxq *rxq)
{
	return (rxq->mask + 1) * (sizeof(*rxq->ring) + sizeof(*rxq->completions));
}

static int create_pool(struct svio_rxq *rxq)
{
	struct page_pool_params params = {
		.flags = PP_FLAG_DMA_MAP | PP_FLAG_DMA_SYNC_DEV,
		.pool_size = rxq->mask + 1,
		.nid = dev_to_node(&rxq->svio->pdev->dev),
		.dev = rxq->svio->dma_dev,
		.dma_dir = rxq->dma_dir,
		.offset = rxq->headroom,
		.max_len = rxq->buf_len,
	};

	svio_compat_pool_napi(&params, rxq->napi, rxq->qid);
	rxq->pool = page_pool_create(&params);
	return PTR_ERR_OR_ZERO(rxq->pool);
}

/* Frames of this queue may outlive it: they know the pool by what is registered here. */
static int register_pool(struct svio_rxq *rxq)
{
	int err;

	err = xdp_rxq_info_reg(&rxq->xdp, rxq->svio->netdev, rxq->qid, rxq->napi->napi_id);
	if (err)
		return err;
	err = xdp_rxq_info_reg_mem_model(&rxq->xdp, MEM_TYPE_PAGE_POOL, rxq->pool);
	if (err)
		xdp_rxq_info_unreg(&rxq->xdp);
	return err;
}

/* Without a page posted no packet will come, so none would start NAPI: do it from here. */
static void refill_work(struct work_struct *work)
{
	struct svio_rxq *rxq = container_of(work, struct svio_rxq, refill_work.work);

	local_bh_disable();
	napi_schedule(rxq->napi);
	local_bh_enable();
}

int svio_rxq_alloc(struct svio *svio, struct svio_rxq *rxq, u16 qid, struct napi_struct *napi)
{
	int err = -ENOMEM;

	rxq->svio = svio;
	rxq->napi = napi;
	rxq->qid = qid;
	rxq->lg2 = svio->rx_ring_lg2;
	rxq->mask = BIT(rxq->lg2) - 1;
	rxq->db = &svio->hw.bar->rx[qid];
	rxq->stats = &svio->stats.rx[qid];
	rxq->next = 0;
	rxq->tail = 0;
	rxq->broken = false;
	choose_layout(rxq);
	rxq->pages = kvcalloc(rxq->mask + 1, sizeof(*rxq->pages), GFP_KERNEL);
	if (!rxq->pages)
		return err;
	rxq->ring = dma_alloc_coherent(svio->dma_dev, ring_bytes(rxq), &rxq->ring_dma, GFP_KERNEL);
	if (!rxq->ring)
		goto free_pages;
	rxq->completions = (struct svio_rx_cmpl *)(rxq->ring + rxq->mask + 1);
	err = create_pool(rxq);
	if (err)
		goto free_ring;
	err = register_pool(rxq);
	if (err)
		goto destroy_pool;
	return 0;
destroy_pool:
	page_pool_destroy(rxq->pool);
free_ring:
	dma_free_coherent(svio->dma_dev, ring_bytes(rxq), rxq->ring, rxq->ring_dma);
free_pages:
	kvfree(rxq->pages);
	return err;
}

void svio_rxq_settle(struct svio_rxq *rxq)
{
	INIT_DELAYED_WORK(&rxq->refill_work, refill_work);
}

void svio_rxq_free(struct svio_rxq *rxq)
{
	u32 i;

	for (i = rxq->next; i != rxq->tail; i++)
		page_pool_put_full_page(rxq->pool, rxq->pages[i & rxq->mask], false);
	xdp_rxq_info_unreg(&rxq->xdp);
	page_pool_destroy(rxq->pool);
	dma_free_coherent(rxq->svio->dma_dev, ring_bytes(rxq), rxq->ring, rxq->ring_dma);
	kvfree(rxq->pages);
	rxq->ring = NULL;
	rxq->pages = NULL;
	rxq->pool = NULL;
}

int svio_rxq_create(struct svio_rxq *rxq)
{
	const struct svio_cmd_queue queue = {
		.ring = rxq->ring_dma,
		.completion = rxq->ring_dma + (rxq->mask + 1) * sizeof(*rxq->ring),
		.vector = SVIO_PAIR_VECTOR(rxq->qid),
		.buf_len = rxq->buf_len,
		.ring_lg2 = rxq->lg2,
	};
	const struct svio_moderation moderation = svio_dim_moderation(rxq->svio, SVIO_QUEUE_RX);

	/* The doorbell still holds the end of a former queue with this number. */
	svio_hw_mask(rxq->db);
	writel(0, &rxq->db->tail);
	return svio_cmd_queue_create(rxq->svio, SVIO_QUEUE_RX, rxq->qid, &queue,
				     &moderation);
}

int svio_rxq_destroy(struct svio_rxq *rxq)
{
	svio_hw_mask(rxq->db);
	return svio_cmd_queue_destroy(rxq->svio, SVIO_QUEUE_RX, rxq->qid);
}

/*
 * Buffers
 */

static bool post_buffer(struct svio_rxq *rxq)
{
	struct svio_rx_desc *desc = &rxq->ring[rxq->tail & rxq->mask];
	struct page *page = page_pool_dev_alloc_pages(rxq->pool);
	dma_addr_t dma;

	if (unlikely(!page))
		return false;
	rxq->pages[rxq->tail & rxq->mask] = page;
	dma = page_pool_get_dma_addr(page) + rxq->headroom;
	desc->addr = cpu_to_le64(svio_stale_dma(rxq->svio, DMA_FROM_DEVICE, rxq->qid, dma));
	desc->len = cpu_to_le16(rxq->buf_len);
	desc->reserved0 = 0;
	desc->reserved1 = 0;
	rxq->tail++;
	return true;
}

void svio_rxq_fill(struct svio_rxq *rxq)
{
	const u32 full = rxq->next + rxq->mask + 1;
	const u32 before = rxq->tail;

	while (rxq->tail != full && post_buffer(rxq))
		;
	if (unlikely(rxq->tail != full)) {
		svio_stat_add(rxq->stats, SVIO_RX_STAT_alloc_failed, 1);
		schedule_delayed_work(&rxq->refill_work, REFILL_DELAY);
	}
	if (rxq->tail == before)
		return;
	svio_stat_add(rxq->stats, SVIO_RX_STAT_doorbells, 1);
	/* A device that sleeps has no packet that waits for a buffer. */
	svio_hw_post(&rxq->db->tail, rxq->tail);
}

void svio_rxq_nudge(struct svio_rxq *rxq, unsigned long delay)
{
	schedule_delayed_work(&rxq->refill_work, delay);
}

void svio_rxq_quiesce(struct svio_rxq *rxq)
{
	cancel_delayed_work_sync(&rxq->refill_work);
}

/* The page of the next completion, with its data visible to this processor. */
static struct page *take_page(struct svio_rxq *rxq, u32 len)
{
	struct page *page = rxq->pages[rxq->next++ & rxq->mask];

	dma_sync_single_range_for_cpu(rxq->svio->dma_dev, page_pool_get_dma_addr(page),
				      rxq->headroom, len, rxq->dma_dir);
	return page;
}

/*
 * Packets
 */

static void report_broken(struct svio_rxq *rxq, const char *what)
{
	rxq->broken = true;
	dev_err_ratelimited(&rxq->svio->pdev->dev, "receive queue %u: device wrote %s\n", rxq->qid,
			    what);
	svio_reset_schedule(rxq->svio);
}

/* Take the next buffer, which is not the packet's first. False: it cannot be. */
static bool add_frag(struct svio_rxq *rxq, struct xdp_buff *xdp, u32 len)
{
	struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	struct page *page;

	if (!xdp_buff_has_frags(xdp)) {
		xdp_buff_set_frags_flag(xdp);
		info->nr_frags = 0;
		info->xdp_frags_size = 0;
	}
	if (!len || len > rxq->buf_len || info->nr_frags == MAX_SKB_FRAGS)
		return false;
	page = take_page(rxq, len);
	if (unlikely(page_is_pfmemalloc(page)))
		xdp_buff_set_frag_pfmemalloc(xdp);
	__skb_fill_page_desc_noacc(info, info->nr_frags++, page, rxq->headroom, len);
	info->xdp_frags_size += len;
	svio_compat_add_truesize(info, PAGE_SIZE);
	return true;
}

/*
 * Take one packet's buffers. *first is a copy of its first completion. False: it
 * makes no sense and rxq->broken is set; its buffers are used up.
 */
static bool take_packet(struct svio_rxq *rxq, const struct svio_rx_cmpl *first,
			struct xdp_buff *xdp)
{
	u16 flags = le16_to_cpu(first->flags);
	u32 len = le16_to_cpu(first->len);
	struct page *page;

	/* One that was not posted has no page any more. */
	if (rxq->next == rxq->tail) {
		report_broken(rxq, "a completion of a buffer that it does not have");
		return false;
	}
	if (!(flags & SVIO_RX_FIRST) || !len || len > rxq->buf_len) {
		report_broken(rxq, "a completion that begins no packet");
		return false;
	}
	page = take_page(rxq, len);
	xdp_init_buff(xdp, PAGE_SIZE, &rxq->xdp);
	xdp_prepare_buff(xdp, page_address(page), rxq->headroom, len, true);
	prefetch(xdp->data);
	while (!(flags & SVIO_RX_END)) {
		const struct svio_rx_cmpl *cmpl = &rxq->completions[rxq->next & rxq->mask];

		if (!svio_rxq_has_work(rxq) || rxq->next == rxq->tail) {
			report_broken(rxq, "a packet that does not end");
			goto drop;
		}
		/* Once: what is checked is what is used. */
		flags = le16_to_cpu(READ_ONCE(cmpl->flags));
		if (!add_frag(rxq, xdp, le16_to_cpu(READ_ONCE(cmpl->len)))) {
			report_broken(rxq, "a completion longer than its buffer, or too many");
			goto drop;
		}
	}
	return true;
drop:
	xdp_return_buff(xdp);
	return false;
}

/* A short packet in a buffer of its own, so that its page does not leave the ring. */
static struct sk_buff *copy_packet(struct svio_rxq *rxq, struct xdp_buff *xdp)
{
	const u32 len = xdp->data_end - xdp->data;
	struct sk_buff *skb = napi_alloc_skb(rxq->napi, len);

	if (unlikely(!skb))
		return NULL;
	skb_put_data(skb, xdp->data, len);
	svio_stat_add(rxq->stats, SVIO_RX_STAT_copied, 1);
	page_pool_recycle_direct(rxq->pool, virt_to_page(xdp->data));
	return skb;
}

/* A packet around its first page. */
static struct sk_buff *wrap_packet(struct xdp_buff *xdp)
{
	const struct skb_shared_info *info = xdp_get_shared_info_from_buff(xdp);
	const bool paged = xdp_buff_has_frags(xdp);
	/* Building the skb clears them. */
	const u32 frags = paged ? info->nr_frags : 0;
	const u32 frag_bytes = paged ? info->xdp_frags_size : 0;
	const u32 meta_bytes = xdp->data - xdp->data_meta;
	struct sk_buff *skb = napi_build_skb(xdp->data_hard_start, xdp->frame_sz);

	if (unlikely(!skb))
		return NULL;
	skb_mark_for_recycle(skb);
	skb_reserve(skb, xdp->data - xdp->data_hard_start);
	__skb_put(skb, xdp->data_end - xdp->data);
	if (meta_bytes)
		skb_metadata_set(skb, meta_bytes);
	if (paged) {
		skb_shinfo(skb)->nr_frags = frags;
		/* Shares its place with the sizes in newer kernels. */
		skb_shinfo(skb)->destructor_arg = NULL;
		skb->len += frag_bytes;
		skb->data_len += frag_bytes;
		skb->truesize += frags * PAGE_SIZE;
		skb->pfmemalloc |= !!(xdp->flags & XDP_FLAGS_FRAGS_PF_MEMALLOC);
	}
	return skb;
}

/* The packet as the stack wants it; NULL: no memory. Its buffers are used up either way. */
static struct sk_buff *build_skb_of(struct svio_rxq *rxq, struct xdp_buff *xdp)
{
	const u32 len = xdp->data_end - xdp->data;
	struct sk_buff *skb;

	if (len <= READ_ONCE(rxq->svio->copybreak) && !xdp_buff_has_frags(xdp) &&
	    xdp->data_meta == xdp->data)
		skb = copy_packet(rxq, xdp);
	else
		skb = wrap_packet(xdp);
	if (unlikely(!skb))
		xdp_return_buff(xdp);
	return skb;
}

/* Segmentation metadata as the stack wants it. False: contradictory. */
static bool set_gso(struct sk_buff *skb, const struct svio_rx_cmpl *first, u16 flags)
{
	static const unsigned int types[SVIO_GSO_COUNT] = {
		[SVIO_GSO_TCP4] = SKB_GSO_TCPV4,
		[SVIO_GSO_TCP6] = SKB_GSO_TCPV6,
		[SVIO_GSO_UDP4] = SKB_GSO_UDP_L4,
		[SVIO_GSO_UDP6] = SKB_GSO_UDP_L4,
	};
	u16 type = (flags & SVIO_RX_GSO_MASK) >> SVIO_RX_GSO_SHIFT;
	u16 size = le16_to_cpu(first->gso_size);

	if (type >= SVIO_GSO_COUNT || !size || !(flags & SVIO_RX_PARTIAL))
		return false;
	skb_shinfo(skb)->gso_size = size;
	/* It comes from a neighbour: the stack checks its headers before it believes them. */
	skb_shinfo(skb)->gso_type = types[type] | SKB_GSO_DODGY;
	skb_shinfo(skb)->gso_segs = 0;
	return true;
}

/* What the device found out about the packet. False: contradictory. */
static bool set_metadata(struct svio_rxq *rxq, struct sk_buff *skb,
			 const struct svio_rx_cmpl *first)
{
	const netdev_features_t features = rxq->svio->netdev->features;
	const u16 flags = le16_to_cpu(first->flags);

	if (flags & SVIO_RX_PARTIAL) {
		if (!skb_partial_csum_set(skb, le16_to_cpu(first->csum_start),
					  le16_to_cpu(first->csum_offset)))
			return false;
	} else if ((flags & SVIO_RX_CSUM_OK) && (features & NETIF_F_RXCSUM)) {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	if ((flags & SVIO_RX_GSO_MASK) && !set_gso(skb, first, flags))
		return false;
	if (flags & SVIO_RX_VLAN)
		__vlan_hwaccel_put_tag(skb, htons(ETH_P_8021Q), le16_to_cpu(first->vlan_tci));
	if ((flags & (SVIO_RX_HASH_L3 | SVIO_RX_HASH_L4)) && (features & NETIF_F_RXHASH))
		skb_set_hash(skb, le32_to_cpu(first->hash),
			     flags & SVIO_RX_HASH_L4 ? PKT_HASH_TYPE_L4 : PKT_HASH_TYPE_L3);
	return true;
}

static void count_taken(struct svio_rxq *rxq, struct xdp_buff *xdp, u16 flags)
{
	struct svio_rx_stats *stats = rxq->stats;

	u64_stats_update_begin(&stats->sync);
	u64_stats_inc(&stats->v[SVIO_RX_STAT_packets]);
	u64_stats_add(&stats->v[SVIO_RX_STAT_bytes], xdp_get_buff_len(xdp));
	if (flags & SVIO_RX_GSO_MASK)
		u64_stats_inc(&stats->v[SVIO_RX_STAT_gso_packets]);
	if (flags & SVIO_RX_PARTIAL)
		u64_stats_inc(&stats->v[SVIO_RX_STAT_csum_partial]);
	else if (flags & SVIO_RX_CSUM_OK)
		u64_stats_inc(&stats->v[SVIO_RX_STAT_csum_ok]);
	u64_stats_update_end(&stats->sync);
}

/* To the stack, with what the device found out about it. */
static void deliver_packet(struct svio_rxq *rxq, struct xdp_buff *xdp,
			   const struct svio_rx_cmpl *first)
{
	struct sk_buff *skb = build_skb_of(rxq, xdp);

	if (unlikely(!skb || skb->len < ETH_HLEN || !set_metadata(rxq, skb, first))) {
		svio_stat_add(rxq->stats, SVIO_RX_STAT_dropped, 1);
		dev_kfree_skb_any(skb);
		return;
	}
	skb_record_rx_queue(skb, rxq->qid);
	skb->protocol = eth_type_trans(skb, rxq->svio->netdev);
	napi_gro_receive(rxq->napi, skb);
}

static void receive_packet(struct svio_rxq *rxq, struct svio_xdp_batch *batch)
{
	struct bpf_prog *prog = READ_ONCE(rxq->prog);
	struct svio_rx_cmpl first;
	struct xdp_buff xdp;

	dma_rmb(); /* the phase before the rest */
	first = rxq->completions[rxq->next & rxq->mask];
	if (unlikely(!take_packet(rxq, &first, &xdp))) {
		svio_stat_add(rxq->stats, SVIO_RX_STAT_dropped, 1);
		return;
	}
	count_taken(rxq, &xdp, le16_to_cpu(first.flags));
	if (!prog || svio_xdp_run(rxq, prog, &xdp, batch))
		deliver_packet(rxq, &xdp, &first);
}

int svio_rxq_poll(struct svio_rxq *rxq, int budget)
{
	struct svio_xdp_batch batch = {};
	int done = 0;

	while (done < budget && svio_rxq_has_work(rxq)) {
		receive_packet(rxq, &batch);
		done++;
	}
	svio_xdp_flush(rxq, &batch);
	if (rxq->mask + 1 - (rxq->tail - rxq->next) >= FILL_BATCH)
		svio_rxq_fill(rxq);
	return done;
}
