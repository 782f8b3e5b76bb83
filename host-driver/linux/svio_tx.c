// SPDX-License-Identifier: GPL-2.0-only
#include "svio_tx.h"

#include <linux/dma-mapping.h>
#include <linux/if_vlan.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <linux/vmalloc.h>
#include <net/ip.h>
#include <net/xdp.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"
#include "svio_stale.h"

/* Bytes of one descriptor; longer pieces are split. Keeps pieces aligned as they were. */
#define CHUNK_BYTES 0xff00

/* How far into a frame the device looks for what it changes, SPEC.md chapter 5. */
#define HEADER_BYTES_MAX 192

#define FRAME_OVERHEAD_BYTES (SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES)

static u32 free_entries(const struct svio_txq *txq)
{
	return txq->mask + 1 - (txq->tail - READ_ONCE(txq->head));
}

/*
 * Ring allocation and the device's view of it
 */

u8 svio_txq_ring_lg2_min(const struct svio_hw *hw)
{
	/* Data and extension; and as much again, or the queue would stop after each packet. */
	return max_t(u8, hw->ring_lg2_min, ilog2(roundup_pow_of_two(2 * (hw->segs_max + 1))));
}

/* Descriptors and the status line behind them. */
static size_t ring_bytes(const struct svio_txq *txq)
{
	return (txq->mask + 1) * sizeof(*txq->ring) + sizeof(*txq->status);
}

int svio_txq_alloc(struct svio *svio, struct svio_txq *txq, u16 qid)
{
	txq->svio = svio;
	txq->map = svio->map;
	txq->qid = qid;
	txq->mask = BIT(svio->tx_ring_lg2) - 1;
	txq->stop_below = min_t(u32, svio->hw.segs_max, MAX_SKB_FRAGS + 3) + 1;
	txq->db = &svio->hw.bar->tx[qid];
	txq->nq = netdev_get_tx_queue(svio->netdev, qid);
	txq->stats = &svio->stats.tx[qid];
	txq->tail = 0;
	txq->rung = 0;
	txq->head = 0;
	txq->revoked = 0;
	txq->revoke_index = 0;
	txq->done_packets = 0;
	txq->done_bytes = 0;
	txq->timeout_head = 0;
	txq->timeouts = 0;
	txq->slots = kvcalloc(txq->mask + 1, sizeof(*txq->slots), GFP_KERNEL);
	if (!txq->slots)
		return -ENOMEM;
	txq->ring = dma_alloc_coherent(svio->dma_dev, ring_bytes(txq), &txq->ring_dma, GFP_KERNEL);
	if (!txq->ring) {
		kvfree(txq->slots);
		return -ENOMEM;
	}
	txq->status = (struct svio_tx_status *)(txq->ring + txq->mask + 1);
	return 0;
}

int svio_txq_create(struct svio_txq *txq)
{
	const struct svio_cmd_queue queue = {
		.ring = txq->ring_dma,
		.completion = txq->ring_dma + (txq->mask + 1) * sizeof(*txq->ring),
		.vector = SVIO_PAIR_VECTOR(txq->qid),
		.ring_lg2 = ilog2(txq->mask + 1),
	};
	const struct svio_moderation moderation = svio_dim_moderation(txq->svio, SVIO_QUEUE_TX);

	/* The doorbell still holds the end of a former queue with this number. */
	svio_hw_mask(txq->db);
	writel(0, &txq->db->tail);
	return svio_cmd_queue_create(txq->svio, SVIO_QUEUE_TX, txq->qid, &queue,
				     &moderation);
}

int svio_txq_destroy(struct svio_txq *txq)
{
	svio_hw_mask(txq->db);
	return svio_cmd_queue_destroy(txq->svio, SVIO_QUEUE_TX, txq->qid);
}

/*
 * Completion
 */

static void unmap_slot(const struct svio_txq *txq, struct svio_tx_slot *slot)
{
	struct device *dev = txq->svio->dma_dev;

	if (!slot->len)
		return;
	if (slot->mapping == SVIO_TX_PAGED)
		dma_unmap_page(dev, slot->dma, slot->len, DMA_TO_DEVICE);
	else
		dma_unmap_single(dev, slot->dma, slot->len, DMA_TO_DEVICE);
	slot->len = 0;
}

void svio_txq_free(struct svio_txq *txq)
{
	u32 i;

	if (svio_txq_waits(txq))
		svio_map_wait(txq->map, txq->revoke_index);
	for (i = txq->head; i != txq->tail; i++) {
		struct svio_tx_slot *slot = &txq->slots[i & txq->mask];

		unmap_slot(txq, slot);
		if (slot->kind == SVIO_TX_SKB)
			dev_kfree_skb_any(slot->skb);
		else if (slot->kind == SVIO_TX_FRAME)
			xdp_return_frame(slot->frame);
	}
	netdev_tx_reset_queue(txq->nq);
	dma_free_coherent(txq->svio->dma_dev, ring_bytes(txq), txq->ring, txq->ring_dma);
	kvfree(txq->slots);
	txq->ring = NULL;
	txq->slots = NULL;
}

/* How far the device has got; what it says is not believed beyond what was given to it. */
static u32 read_device_head(struct svio_txq *txq)
{
	u32 head = le32_to_cpu(READ_ONCE(txq->status->head));

	dma_rmb(); /* head before anything that it gives back */
	if (likely(head - txq->head <= READ_ONCE(txq->tail) - txq->head))
		return head;
	netdev_err_once(txq->svio->netdev, "device says it sent what it was not given\n");
	svio_reset_schedule(txq->svio);
	return txq->head;
}

/*
 * With a map queue: how far the entries' memory is ours again. What the device has sent
 * up to @end is revoked as a batch, and one batch at a time. A device that polls has
 * it in force within a microsecond or two.
 */
static u32 revoke_sent(struct svio_txq *txq, u32 end)
{
	struct svio_map *map = txq->map;
	u32 i;

	if (svio_txq_waits(txq) && !svio_map_done(map, txq->revoke_index))
		return txq->head;
	for (i = txq->revoked; i != end; i++) {
		struct svio_tx_slot *slot = &txq->slots[i & txq->mask];

		if (slot->len && !svio_map_revoke(map, slot->dma, slot->len))
			break;
		slot->len = 0;
	}
	if (i != txq->revoked) {
		txq->revoke_index = svio_map_ring(map);
		end = svio_map_poll(map, txq->revoke_index) ? i : txq->revoked;
		txq->revoked = i;
		return end;
	}
	return txq->revoked;
}

/* What was sent on behalf of the stack, which limits the bytes that wait in the ring. */
struct sent {
	u32 packets;
	u32 bytes;
};

/* Give back what lies behind the entries up to @end, which the device has consumed. */
static u32 release_slots(struct svio_txq *txq, u32 end, int budget, struct sent *sent)
{
	struct xdp_frame_bulk bulk;
	u32 i;

	xdp_frame_bulk_init(&bulk);
	rcu_read_lock();
	for (i = txq->head; i != end; i++) {
		struct svio_tx_slot *slot = &txq->slots[i & txq->mask];

		/* Netpoll, without a budget, may have interrupts off: no place for page pools. */
		if (unlikely(!budget && slot->kind == SVIO_TX_FRAME))
			break;
		unmap_slot(txq, slot);
		if (slot->kind == SVIO_TX_SKB) {
			sent->packets++;
			sent->bytes += slot->skb->len;
			napi_consume_skb(slot->skb, budget);
		} else if (slot->kind == SVIO_TX_FRAME) {
			txq->done_packets++;
			txq->done_bytes += xdp_get_frame_len(slot->frame);
			xdp_return_frame_bulk(slot->frame, &bulk);
		}
		slot->kind = SVIO_TX_NOTHING;
	}
	xdp_flush_frame_bulk(&bulk);
	rcu_read_unlock();
	return i;
}

void svio_txq_clean(struct svio_txq *txq, int budget)
{
	u32 end = read_device_head(txq);
	struct sent sent = {};

	if (txq->map)
		end = revoke_sent(txq, end);
	end = release_slots(txq, end, budget, &sent);
	if (end == txq->head)
		return;
	WRITE_ONCE(txq->head, end);
	txq->done_packets += sent.packets;
	txq->done_bytes += sent.bytes;
	netdev_tx_completed_queue(txq->nq, sent.packets, sent.bytes);
	smp_mb(); /* head before the state; pairs with stop_if_full() */
	if (unlikely(netif_tx_queue_stopped(txq->nq)) &&
	    free_entries(txq) >= 2 * (u32)txq->stop_below)
		netif_tx_wake_queue(txq->nq);
}

/*
 * Transmission
 */

static u8 gso_type(struct sk_buff *skb)
{
	unsigned int type = skb_shinfo(skb)->gso_type;

	if (type & SKB_GSO_TCPV4)
		return SVIO_GSO_TCP4;
	if (type & SKB_GSO_TCPV6)
		return SVIO_GSO_TCP6;
	if (!(type & SKB_GSO_UDP_L4))
		return SVIO_GSO_NONE;
	return vlan_get_protocol(skb) == htons(ETH_P_IPV6) ? SVIO_GSO_UDP6 : SVIO_GSO_UDP4;
}

/* All headers of a packet to be segmented; more than any limit if they are not in its head. */
static u32 gso_header_bytes(const struct sk_buff *skb)
{
	if (!skb_transport_header_was_set(skb))
		return U32_MAX;
	if (skb_shinfo(skb)->gso_type & SKB_GSO_UDP_L4)
		return skb_transport_offset(skb) + sizeof(struct udphdr);
	if (skb_transport_offset(skb) + sizeof(struct tcphdr) > skb_headlen(skb))
		return U32_MAX;
	return skb_tcp_all_headers(skb);
}

/* Whether the device can complete the packet's checksum: it is in the first @limit bytes. */
static bool is_csum_reachable(const struct sk_buff *skb, u32 limit)
{
	const int start = skb_checksum_start_offset(skb);

	return start >= SVIO_ETH_HEADER_BYTES &&
	       start + skb->csum_offset + sizeof(__sum16) <= min_t(u32, skb->len, limit);
}

/*
 * A neighbour or a program with a packet socket may have described the packet
 * as it likes. The stack has checked its headers, but takes an IPv4 fragment.
 */
static bool is_dodgy_fragment(struct sk_buff *skb)
{
	return (skb_shinfo(skb)->gso_type & SKB_GSO_DODGY) &&
	       vlan_get_protocol(skb) == htons(ETH_P_IP) && ip_is_fragment(ip_hdr(skb));
}

static bool is_gso_possible(struct sk_buff *skb, u32 limit)
{
	const u32 header = gso_header_bytes(skb);

	/* The stack's own count of segments is not set for what came from outside. */
	return !skb->encapsulation && header <= min_t(u32, skb_headlen(skb), limit) &&
	       header < skb->len &&
	       DIV_ROUND_UP(skb->len - header, skb_shinfo(skb)->gso_size) <=
		       SVIO_GSO_SEGMENTS_MAX &&
	       !is_dodgy_fragment(skb);
}

netdev_features_t svio_tx_features_check(struct sk_buff *skb, struct net_device *netdev,
					 netdev_features_t features)
{
	/* With tag insertion off, the stack may put one into the frame after this. */
	const u32 limit = HEADER_BYTES_MAX - VLAN_HLEN;

	features = vlan_features_check(skb, features);
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return features;
	if (!is_csum_reachable(skb, limit))
		return features & ~(NETIF_F_CSUM_MASK | NETIF_F_GSO_MASK);
	if (skb_is_gso(skb) && !is_gso_possible(skb, limit))
		features &= ~NETIF_F_GSO_MASK;
	return features;
}

/*
 * Whatever the device would stop the queue for and no part of the stack has
 * sorted out is dropped here.
 */
static bool is_sendable(const struct svio_txq *txq, struct sk_buff *skb)
{
	const u32 mtu = READ_ONCE(txq->svio->netdev->mtu);

	if (skb->len < SVIO_ETH_HEADER_BYTES)
		return false;
	if (skb->ip_summed == CHECKSUM_PARTIAL && !is_csum_reachable(skb, HEADER_BYTES_MAX))
		return false;
	if (!skb_is_gso(skb))
		return skb->len <= mtu + FRAME_OVERHEAD_BYTES;
	return skb->ip_summed == CHECKSUM_PARTIAL && skb->len <= SVIO_GSO_BYTES_MAX &&
	       gso_type(skb) != SVIO_GSO_NONE && is_gso_possible(skb, HEADER_BYTES_MAX);
}

static u32 count_descriptors(const struct sk_buff *skb)
{
	u32 count = DIV_ROUND_UP(skb_headlen(skb), CHUNK_BYTES);
	int i;

	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++)
		count += DIV_ROUND_UP(skb_frag_size(&skb_shinfo(skb)->frags[i]), CHUNK_BYTES);
	return count;
}

/* Where the next descriptor of a packet goes; the entry at skip is its extension. */
struct cursor {
	u32 index;
	u32 skip;
};

/* Fill the descriptors of one mapped piece. */
static void put_piece(struct svio_txq *txq, struct cursor *at, dma_addr_t dma, u32 len,
		      enum svio_tx_mapping mapping)
{
	struct svio_tx_slot *slot = &txq->slots[at->index & txq->mask];

	slot->dma = dma;
	slot->len = mapping == SVIO_TX_POOLED ? 0 : len;
	slot->mapping = mapping;
	while (len) {
		struct svio_tx_desc *desc = &txq->ring[at->index & txq->mask];
		u32 chunk = min_t(u32, len, CHUNK_BYTES);

		desc->addr = cpu_to_le64(svio_stale_dma(txq->svio, DMA_TO_DEVICE, txq->qid, dma));
		desc->len = cpu_to_le16(chunk);
		desc->flags = 0;
		desc->vlan_tci = 0;
		desc->reserved = 0;
		dma += chunk;
		len -= chunk;
		if (++at->index == at->skip)
			at->index++;
	}
}

static void put_extension(struct svio_txq *txq, u32 index, struct sk_buff *skb)
{
	struct svio_tx_ext *ext = (struct svio_tx_ext *)&txq->ring[index & txq->mask];

	memset(ext, 0, sizeof(*ext));
	ext->flags = cpu_to_le16(SVIO_TX_EXT_CSUM);
	ext->csum_start = cpu_to_le16(skb_checksum_start_offset(skb));
	ext->csum_offset = cpu_to_le16(skb->csum_offset);
	if (!skb_is_gso(skb))
		return;
	ext->gso_type = gso_type(skb);
	ext->gso_size = cpu_to_le16(skb_shinfo(skb)->gso_size);
	ext->hdr_len = cpu_to_le16(gso_header_bytes(skb));
}

/* Undo put_piece() from txq->tail on. */
static void unmap_pieces(struct svio_txq *txq, u32 end)
{
	while (end != txq->tail)
		unmap_slot(txq, &txq->slots[--end & txq->mask]);
}

/*
 * Map the packet's pieces and fill descriptors from txq->tail on. Returns how
 * many entries the packet has, or 0 when a mapping failed.
 */
static u32 put_pieces(struct svio_txq *txq, struct sk_buff *skb, bool extended)
{
	struct cursor at = { .index = txq->tail, .skip = txq->tail + (extended ? 1 : 0) };
	struct device *dev = txq->svio->dma_dev;
	dma_addr_t dma;
	int i;

	if (skb_headlen(skb)) {
		dma = dma_map_single(dev, skb->data, skb_headlen(skb), DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma))
			return 0;
		put_piece(txq, &at, dma, skb_headlen(skb), SVIO_TX_SINGLE);
	}
	for (i = 0; i < skb_shinfo(skb)->nr_frags; i++) {
		const skb_frag_t *frag = &skb_shinfo(skb)->frags[i];

		if (!skb_frag_size(frag))
			continue;
		dma = skb_frag_dma_map(dev, frag, 0, skb_frag_size(frag), DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma))
			goto unmap;
		put_piece(txq, &at, dma, skb_frag_size(frag), SVIO_TX_PAGED);
	}
	return at.index - txq->tail;
unmap:
	unmap_pieces(txq, at.index);
	return 0;
}

/* The last of a packet's entries, whose slot says what it is. */
static struct svio_tx_slot *give_slot(struct svio_txq *txq, u32 entries, enum svio_tx_kind kind)
{
	struct svio_tx_slot *slot = &txq->slots[(txq->tail + entries - 1) & txq->mask];

	slot->kind = kind;
	return slot;
}

/* Fill the ring's next entries with the packet. 0: a mapping failed, nothing happened. */
static u32 put_packet(struct svio_txq *txq, struct sk_buff *skb)
{
	const bool extended = skb->ip_summed == CHECKSUM_PARTIAL;
	struct svio_tx_desc *first = &txq->ring[txq->tail & txq->mask];
	u32 entries = put_pieces(txq, skb, extended);
	u32 last;

	if (!entries)
		return 0;
	/* With one data descriptor the extension is the last entry, but END is the first's. */
	last = extended && entries == 2 ? 0 : entries - 1;
	txq->ring[(txq->tail + last) & txq->mask].flags |= cpu_to_le16(SVIO_TX_END);
	if (extended) {
		first->flags |= cpu_to_le16(SVIO_TX_EXT);
		put_extension(txq, txq->tail + 1, skb);
	}
	if (skb_vlan_tag_present(skb)) {
		first->flags |= cpu_to_le16(SVIO_TX_VLAN);
		first->vlan_tci = cpu_to_le16(skb_vlan_tag_get(skb));
	}
	give_slot(txq, entries, SVIO_TX_SKB)->skb = skb;
	return entries;
}

static void ring_doorbell(struct svio_txq *txq)
{
	if (txq->rung == txq->tail)
		return;
	txq->rung = txq->tail;
	svio_stat_add(txq->stats, SVIO_TX_STAT_doorbells, 1);
	if (svio_hw_ring(&txq->svio->hw, &txq->db->tail, txq->tail))
		svio_stat_add(txq->stats, SVIO_TX_STAT_wakes, 1);
}

/* Stop the stack's queue when the largest packet would not fit any more. */
static void stop_if_full(struct svio_txq *txq)
{
	if (likely(free_entries(txq) >= txq->stop_below))
		return;
	netif_tx_stop_queue(txq->nq);
	svio_stat_add(txq->stats, SVIO_TX_STAT_stops, 1);
	smp_mb(); /* the state before head; pairs with svio_txq_clean() */
	if (free_entries(txq) >= 2 * (u32)txq->stop_below)
		netif_tx_start_queue(txq->nq);
}

static void count_packet(struct svio_txq *txq, const struct sk_buff *skb)
{
	struct svio_tx_stats *stats = txq->stats;

	u64_stats_update_begin(&stats->sync);
	u64_stats_inc(&stats->v[SVIO_TX_STAT_packets]);
	u64_stats_add(&stats->v[SVIO_TX_STAT_bytes], skb->len);
	if (skb_is_gso(skb))
		u64_stats_inc(&stats->v[SVIO_TX_STAT_gso_packets]);
	else if (skb->ip_summed == CHECKSUM_PARTIAL)
		u64_stats_inc(&stats->v[SVIO_TX_STAT_csum_packets]);
	u64_stats_update_end(&stats->sync);
}

/* Put a packet that is known to fit on the ring. False: it could not be mapped for DMA. */
static bool send_packet(struct svio_txq *txq, struct sk_buff *skb, bool more)
{
	u32 entries = put_packet(txq, skb);

	if (unlikely(!entries))
		return false;
	count_packet(txq, skb);
	skb_tx_timestamp(skb);
	/* NAPI may free the skb as soon as the device has seen the tail. */
	more = !__netdev_tx_sent_queue(txq->nq, skb->len, more);
	WRITE_ONCE(txq->tail, txq->tail + entries);
	stop_if_full(txq);
	if (!more || netif_xmit_stopped(txq->nq))
		ring_doorbell(txq);
	return true;
}

netdev_tx_t svio_tx_xmit(struct sk_buff *skb, struct net_device *netdev)
{
	struct svio *svio = netdev_priv(netdev);
	struct svio_txq *txq = &svio->pairs[skb_get_queue_mapping(skb)].tx;
	bool more = netdev_xmit_more();

	if (unlikely(!is_sendable(txq, skb)))
		goto drop;
	if (unlikely(count_descriptors(skb) > txq->stop_below - 1)) {
		if (skb_linearize(skb))
			goto drop;
		svio_stat_add(txq->stats, SVIO_TX_STAT_linearized, 1);
	}
	if (unlikely(free_entries(txq) < txq->stop_below)) {
		/* The queue was started although it is full: a bug, but not a reason to drop. */
		stop_if_full(txq);
		ring_doorbell(txq);
		return NETDEV_TX_BUSY;
	}
	if (likely(send_packet(txq, skb, more)))
		return NETDEV_TX_OK;
drop:
	svio_stat_add(txq->stats, SVIO_TX_STAT_dropped, 1);
	dev_kfree_skb_any(skb);
	/* Packets before this one may have counted on it to ring. */
	if (!more)
		ring_doorbell(txq);
	return NETDEV_TX_OK;
}

/*
 * Frames of XDP. They share the queue, and its lock, with the stack; what it is told
 * about bytes in the ring is of its own packets alone.
 */

static dma_addr_t map_memory(struct svio_txq *txq, void *data, u32 len, bool pooled)
{
	struct device *dev = txq->svio->dma_dev;
	struct page *page = virt_to_page(data);
	dma_addr_t dma;

	if (!pooled)
		return dma_map_single(dev, data, len, DMA_TO_DEVICE);
	dma = page_pool_get_dma_addr(page) + offset_in_page(data);
	dma_sync_single_for_device(dev, dma, len, DMA_BIDIRECTIONAL);
	return dma;
}

/* As put_packet(). */
static u32 put_frame(struct svio_txq *txq, struct xdp_frame *frame, bool pooled)
{
	const enum svio_tx_mapping mapping = pooled ? SVIO_TX_POOLED : SVIO_TX_SINGLE;
	const struct skb_shared_info *info = xdp_get_shared_info_from_frame(frame);
	const int frags = xdp_frame_has_frags(frame) ? info->nr_frags : 0;
	struct cursor at = { .index = txq->tail, .skip = txq->tail };
	struct device *dev = txq->svio->dma_dev;
	void *data = frame->data;
	u32 len = frame->len;
	dma_addr_t dma;
	int i;

	for (i = 0;; i++) {
		dma = map_memory(txq, data, len, pooled);
		if (!pooled && dma_mapping_error(dev, dma)) {
			unmap_pieces(txq, at.index);
			return 0;
		}
		put_piece(txq, &at, dma, len, mapping);
		if (i == frags)
			break;
		data = skb_frag_address(&info->frags[i]);
		len = skb_frag_size(&info->frags[i]);
	}
	txq->ring[(at.index - 1) & txq->mask].flags |= cpu_to_le16(SVIO_TX_END);
	give_slot(txq, at.index - txq->tail, SVIO_TX_FRAME)->frame = frame;
	return at.index - txq->tail;
}

static bool is_frame_sendable(const struct svio_txq *txq, struct xdp_frame *frame)
{
	const u32 mtu = READ_ONCE(txq->svio->netdev->mtu);
	const u32 len = xdp_get_frame_len(frame);

	return len >= SVIO_ETH_HEADER_BYTES && len <= mtu + FRAME_OVERHEAD_BYTES;
}

static void count_frame(struct svio_txq *txq, struct xdp_frame *frame)
{
	struct svio_tx_stats *stats = txq->stats;

	u64_stats_update_begin(&stats->sync);
	u64_stats_inc(&stats->v[SVIO_TX_STAT_packets]);
	u64_stats_add(&stats->v[SVIO_TX_STAT_bytes], xdp_get_frame_len(frame));
	u64_stats_inc(&stats->v[SVIO_TX_STAT_xdp_packets]);
	u64_stats_update_end(&stats->sync);
}

/* Under the transmit lock. */
static bool send_frame(struct svio_txq *txq, struct xdp_frame *frame, bool pooled)
{
	u32 entries;

	/* Stopped: the ring is full, or goes away and may be freed already. */
	if (unlikely(netif_tx_queue_stopped(txq->nq)) || !txq->ring ||
	    !is_frame_sendable(txq, frame) || free_entries(txq) < txq->stop_below)
		return false;
	entries = put_frame(txq, frame, pooled);
	if (unlikely(!entries))
		return false;
	count_frame(txq, frame);
	WRITE_ONCE(txq->tail, txq->tail + entries);
	stop_if_full(txq);
	return true;
}

int svio_txq_send_frames(struct svio_txq *txq, struct xdp_frame **frames, int count, bool pooled)
{
	int sent = 0;

	__netif_tx_lock(txq->nq, smp_processor_id());
	while (sent < count && send_frame(txq, frames[sent], pooled))
		sent++;
	if (sent) {
		/* The stack's watchdog looks at a queue that others may have filled. */
		txq_trans_cond_update(txq->nq);
		ring_doorbell(txq);
	}
	if (sent < count)
		svio_stat_add(txq->stats, SVIO_TX_STAT_xdp_dropped, count - sent);
	__netif_tx_unlock(txq->nq);
	return sent;
}
