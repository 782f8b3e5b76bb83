/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_express.h"

#include "fw_mac.h"
#include "fw_rx.h"
#include "svio_rss.h"

/* Shorter frames are rare, and their heads would need care. */
#define BYTES_MIN 32

/* The first 16 bytes of a frame, read once: what is checked is what is delivered. */
struct head {
	uint64_t low;  /* destination, two bytes of the source */
	uint64_t high; /* four bytes of the source, type, two more */
};

static inline struct head read_head(const char *data)
{
	return (struct head){ .low = fw_express_word(data),
			      .high = fw_express_word(data + sizeof(uint64_t)) };
}

static inline uint64_t dst_of(const struct head *head)
{
	return head->low & FW_EXPRESS_DST_MASK;
}

static inline uint64_t src_of(const struct head *head)
{
	return head->low >> 48 | (head->high & 0xffffffffu) << 16;
}

static inline bool has_tag(const struct head *head)
{
	const uint32_t type = SVIO_ETHERTYPE_VLAN >> 8 | (SVIO_ETHERTYPE_VLAN & 0xff) << 8;

	return (head->high >> 32 & 0xffff) == type;
}

/* The DSCP is in the head: FW_CLASS_HEAD_BYTES. */
static inline bool in_class(const struct fw_vif *vif, uint32_t class, struct head head)
{
	return class == FW_CLASS_UNKNOWN || fw_class_of_untagged(vif, &head) == class;
}

/* One flags word, no tag, nothing reserved. */
static inline bool is_plain(const struct svio_tx_desc *desc)
{
	return desc->flags == SVIO_TX_END && !desc->vlan_tci && !desc->reserved;
}

/* Where packets to one address end. */
struct route {
	uint64_t dst;
	struct fw_vif *vif;      /* NULL: they take the long way */
	struct fw_rx_open *open; /* the queue; NULL: it depends on a packet's hash */
	uint32_t bytes_max;      /* of a frame */
};

static void find_route(struct svio_fw *fw, const struct fw_vif *from, uint64_t dst,
		       struct route *route)
{
	uint32_t owner = fw_mac_find(fw->macs, dst, from->vlan, fw->now_ns);
	struct fw_vif *vif;
	uint32_t qid;

	*route = (struct route){ .dst = dst };
	if (owner == FW_MAC_NOBODY || owner == from->id)
		return;
	vif = &fw->vifs[owner];
	if (!fw_vif_open(fw, vif) || vif->vlan != from->vlan ||
	    vif->flags & SVIO_HOST_VIF_LINK_DOWN)
		return;
	qid = vif->sram->rss_table[0];
	if (!vif->sram->rss_types) {
		if (!(vif->rx_running >> qid & 1))
			return;
		route->open = fw_rx_open(fw, vif, qid);
	}
	route->vif = vif;
	route->bytes_max =
		vif->sram->mtu + SVIO_ETH_HEADER_BYTES + (vif->vlan ? 0 : SVIO_VLAN_TAG_BYTES);
	if (route->open && route->bytes_max > route->open->queue->buf_len)
		route->bytes_max = route->open->queue->buf_len;
}

/* Packets ahead of the one that is copied whose payload is being fetched. */
#define FETCH_AHEAD 2

/*
 * Fetch what a packet further on is copied from, and to, where its queue is known: the headers'
 * lines are on their way already, and a processor's own prefetching begins too late in so short a
 * run.
 */
static inline void fetch_payload(const struct fw_rx_open *open, const struct fw_run *run)
{
	const char *to = NULL;
	uint32_t at;
	uint32_t i;

	if (open) {
		at = open->index - open->batch_first + FETCH_AHEAD;
		if (at >= open->batch_count || open->targets[at].bytes < run->bytes)
			return;
		to = open->targets[at].unmarked;
	}
	for (i = SVIO_CACHE_LINE_BYTES; i < run->bytes; i += SVIO_CACHE_LINE_BYTES) {
		__builtin_prefetch(run->data + i);
		if (to)
			__builtin_prefetch(to + i, 1);
	}
}

/* A frame that is plain. */
struct frame {
	const void *head; /* its first bytes, in device memory: what was judged is delivered */
	uint32_t head_bytes;
	uint32_t bytes;
	const char *data; /* in the sender's memory */
	uint32_t hash;
	uint16_t flags; /* SVIO_RX_HASH_* */
};

/* May this receiver have it now? Asked last: what passes is charged. */
static inline bool pass_meter(struct svio_fw *fw, struct fw_vif *vif, uint32_t bytes)
{
	return !vif->rx_meter.rate ||
	       svio_sched_meter_pass(&vif->rx_meter, bytes + SVIO_SCHED_FRAMING_BYTES, fw->now_ns);
}

/* Copy a frame into the queue's next buffer, and complete it. False: not now, or not here. */
static inline bool put(struct svio_fw *fw, struct fw_rx_open *open, const struct frame *frame)
{
	uint32_t index = open->index;
	const struct fw_target *target;
	uint32_t at;
	char *to;

	if ((index - open->batch_first >= open->batch_count ||
	     index - open->cmpl_first >= open->cmpl_count) &&
	    !fw_rx_refill(fw, open))
		return false;
	at = index - open->batch_first;
	target = &open->targets[at];
	if (target->bytes < frame->bytes || !pass_meter(fw, open->ref.vif, frame->bytes))
		return false;
	fw_rx_fetch(open, at);
	to = fw_dma_dirty(open->ref.vif, target, 0, frame->bytes);
	svio_hal_copy(to, frame->head, frame->head_bytes);
	svio_hal_copy(to + frame->head_bytes, frame->data + frame->head_bytes,
		      frame->bytes - frame->head_bytes);
	SVIO_HAL_STEP(fw->hal);
	to = fw_dma_dirty(open->ref.vif, &open->cmpl, (index - open->cmpl_first) * 16, 16);
	fw_rx_publish_plain(to, frame->bytes, frame->hash,
			    fw_phase(index, open->queue->ring_lg2) | frame->flags | SVIO_RX_FIRST |
				    SVIO_RX_END);
	SVIO_HAL_STEP(fw->hal);
	open->index = index + 1;
	open->packets++;
	open->bytes += frame->bytes;
	return true;
}

/*
 * The same where the queue depends on the packet's hash, which is of as many bytes as the long
 * way's. Not inlined: it would take registers from those that have one queue.
 */
__attribute__((noinline)) static bool put_hashed(struct svio_fw *fw, struct fw_vif *vif,
						 struct head head, const char *data, uint32_t bytes)
{
	uint8_t room[FW_HEAD_PLAIN_BYTES];
	struct frame frame = { .head = room,
			       .head_bytes = bytes < sizeof(room) ? bytes : sizeof(room),
			       .data = data,
			       .bytes = bytes };
	struct fw_rx_open *open;
	struct svio_packet info;
	uint32_t qid;

	svio_hal_copy(room, data, frame.head_bytes);
	memcpy(room, &head, sizeof(head)); /* that the sender may have changed since */
	svio_packet_parse(room, frame.head_bytes, &info);
	frame.flags = svio_rss_hash(vif->rss, vif->sram->rss_types, room, &info, &frame.hash);
	qid = vif->sram->rss_table[frame.hash % SVIO_RSS_TABLE_ENTRIES];
	if (!(vif->rx_running >> qid & 1))
		return false;
	open = fw_rx_open(fw, vif, qid);
	return bytes <= open->queue->buf_len && put(fw, open, &frame);
}

/* Copy a frame to where it belongs. */
static inline bool deliver(struct svio_fw *fw, const struct route *route, struct head head,
			   const char *data, uint32_t bytes)
{
	struct frame frame = {
		.head = &head, .head_bytes = sizeof(head), .data = data, .bytes = bytes
	};

	if (__builtin_expect(!route->open, 0))
		return put_hashed(fw, route->vif, head, data, bytes);
	return put(fw, route->open, &frame);
}

static void count_sent(struct svio_fw *fw, const struct fw_qref *ref, uint64_t packets,
		       uint64_t bytes)
{
	struct fw_queue *queue = fw_queue_of(ref);

	queue->counters[SVIO_QUEUE_COUNTER_packets] += packets;
	queue->counters[SVIO_QUEUE_COUNTER_bytes] += bytes;
	fw_count(ref->vif, SVIO_COUNTER_tx_packets, packets);
	fw_count(ref->vif, SVIO_COUNTER_tx_bytes, bytes);
	fw->section_copies += (uint32_t)packets;
	fw->express_packets += packets;
}

uint32_t fw_express_send(struct svio_fw *fw, struct fw_express *express,
			 const struct svio_tx_desc *desc, const struct fw_run *run, uint32_t count,
			 uint64_t cost_max, uint64_t *cost)
{
	const struct fw_vif *vif = express->ref->vif;
	const uint32_t tx_max =
		(uint32_t)vif->slot->config.mtu_max + SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES;
	const uint64_t own = vif->sram->mac;
	const uint32_t class = express->class;
	struct route route = { .dst = FW_EXPRESS_NO_DETOUR }; /* no address */
	uint64_t spent = *cost;
	uint64_t bytes_sent = 0;
	uint32_t sent;

	if (fw->promisc_count)
		return 0;
	for (sent = 0; sent < count && spent < cost_max; sent++) {
		uint32_t bytes = desc[sent].len;
		struct head head;

		if (!is_plain(&desc[sent]) || bytes < BYTES_MIN || bytes > tx_max ||
		    run[sent].bytes != bytes || (sent && fw_section_leave(fw)))
			break;
		head = read_head(run[sent].data);
		if (src_of(&head) != own || has_tag(&head) || !in_class(vif, class, head))
			break;
		if (dst_of(&head) != route.dst)
			find_route(fw, vif, dst_of(&head), &route);
		if (!route.vif) {
			*fw_express_detour(express, route.dst) = route.dst;
			break;
		}
		if (bytes > route.bytes_max)
			break;
		if (sent + FETCH_AHEAD < count)
			fetch_payload(route.open, &run[sent + FETCH_AHEAD]);
		if (!deliver(fw, &route, head, run[sent].data, bytes))
			break;
		bytes_sent += bytes;
		spent += bytes + SVIO_SCHED_FRAMING_BYTES;
	}
	*cost = spent;
	if (sent)
		count_sent(fw, express->ref, sent, bytes_sent);
	return sent;
}
