/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_rx.h"

#include "fw_wait.h"

/* A queue that gets one packet reads the descriptors in its cache line and the next one. */
#define FIRST_BATCH 8

/* What a first completion says besides len, FIRST, END and PHASE. */
struct rx_meta {
	uint32_t hash;
	uint16_t vlan_tci;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t gso_size;
	uint16_t flags;
};

/*
 * Publish one completion: the first half, then the half with the flags; a guest
 * that sees the phase sees the rest, and the data that was copied before (R1:
 * pairs with the driver's read barrier after it has read flags).
 */
static void publish(struct svio_rx_cmpl *to, uint32_t len, uint16_t flags,
		    const struct rx_meta *meta)
{
	/* Put together in registers, in the order of struct svio_rx_cmpl. */
	uint64_t low = len | (uint64_t)meta->vlan_tci << 16 | (uint64_t)meta->hash << 32;
	uint64_t high = meta->csum_start | (uint64_t)meta->csum_offset << 16 |
			(uint64_t)meta->gso_size << 32 | (uint64_t)(meta->flags | flags) << 48;

	__atomic_store_n((uint64_t *)(void *)to, low, __ATOMIC_RELAXED);
	__atomic_store_n((uint64_t *)(void *)to + 1, high, __ATOMIC_RELEASE); /* R1 */
}

static uint32_t entries_to_end(const struct fw_rx_open *open, uint32_t index)
{
	uint32_t entries = 1u << open->queue->ring_lg2;

	return entries - (index & (entries - 1));
}

static uint64_t entry_addr(const struct fw_queue *queue, uint64_t base, uint32_t index)
{
	return base + 16ull * (index & ((1u << queue->ring_lg2) - 1));
}

static void close_one(struct svio_fw *fw, struct fw_rx_open *open)
{
	struct fw_vif *vif = open->ref.vif;

	vif->rx_open[open->ref.qid] = NULL;
	if (!open->packets)
		return;
	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n(&open->queue->index, open->index, __ATOMIC_RELAXED);
	SVIO_HAL_STEP(fw->hal);
	open->queue->counters[SVIO_QUEUE_COUNTER_packets] += open->packets;
	open->queue->counters[SVIO_QUEUE_COUNTER_bytes] += open->bytes;
	fw_count(vif, SVIO_COUNTER_rx_packets, open->packets);
	fw_count(vif, SVIO_COUNTER_rx_bytes, open->bytes);
	vif->slot->descriptors += open->index - open->first;
	fw_irq_note(fw, vif, SVIO_QUEUE_RX, open->ref.qid);
	/* Who receives is likely to answer. */
	fw_vif_activate(fw, vif);
}

void fw_rx_close(struct svio_fw *fw)
{
	while (fw->rx_open_count)
		close_one(fw, &fw->rx_slots[--fw->rx_open_count]);
}

/* The queue as open, or NULL after it was stopped for a nonsensical tail. */
static struct fw_rx_open *open_queue(struct svio_fw *fw, const struct fw_qref *ref)
{
	struct fw_rx_open *open;

	if (fw->rx_open_count == FW_RX_OPEN_MAX)
		fw_rx_close(fw);
	open = &fw->rx_slots[fw->rx_open_count];
	open->ref = *ref;
	open->queue = fw_queue_of(ref);
	open->first = open->queue->index;
	open->index = open->first;
	open->tail = open->index;
	open->batch_count = 0;
	open->batch_max = FIRST_BATCH - (open->index & 3);
	open->cmpl_count = 0;
	open->packets = 0;
	open->bytes = 0;
	ref->vif->rx_open[ref->qid] = open;
	fw->rx_open_count++;
	return open;
}

struct fw_rx_open *fw_rx_open(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid)
{
	struct fw_qref ref = { .vif = vif, .kind = SVIO_QUEUE_RX, .qid = qid };
	struct fw_rx_open *open = vif->rx_open[qid];

	return open ? open : open_queue(fw, &ref);
}

/* The doorbell. Nonsense leaves open->tail as it was. */
static uint32_t look_at_tail(struct svio_fw *fw, struct fw_rx_open *open)
{
	uint32_t tail;

	/* So the index in SRAM is never more than one lap behind: fw_recover.c counts on it. */
	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n(&open->queue->index, open->index, __ATOMIC_RELAXED);
	tail = fw_load(&fw_doorbell(open->ref.vif, SVIO_QUEUE_RX, open->ref.qid)->tail);
	if (tail - open->index > 1u << open->queue->ring_lg2)
		return tail;
	open->tail = tail;
	if (tail != open->index)
		fw_wait_posted(open->ref.vif, open->ref.qid);
	return tail;
}

/* Are there so many buffers? Looks at the doorbell only if it seems not. */
static bool have_buffers(struct svio_fw *fw, struct fw_rx_open *open, uint32_t need)
{
	uint32_t tail;

	if (open->tail - open->index >= need)
		return true;
	tail = look_at_tail(fw, open);
	if (tail == open->tail)
		return tail - open->index >= need;
	fw_queue_stop(fw, &open->ref, SVIO_ERROR_RING_INDEX, tail);
	return false;
}

static uint32_t buffers_for(const struct fw_rx_open *open, uint32_t bytes)
{
	uint32_t buf_len = open->queue->buf_len;

	return bytes <= buf_len ? 1 : (bytes + buf_len - 1) / buf_len;
}

/* What a guest says of a buffer. */
static enum svio_error check_desc(const struct fw_rx_open *open, const struct svio_rx_desc *desc)
{
	if (desc->reserved0 || desc->reserved1)
		return SVIO_ERROR_DESC_FLAGS;
	if (desc->len < open->queue->buf_len)
		return SVIO_ERROR_BUF_LEN;
	return SVIO_ERROR_NONE;
}

/* Entries of a next batch, from index on. */
static uint32_t batch_want(struct fw_rx_open *open, uint32_t index)
{
	uint32_t want = open->tail - index;

	if (want > open->batch_max)
		want = open->batch_max;
	open->batch_max = FW_RX_DESC_BATCH;
	return want < entries_to_end(open, index) ? want : entries_to_end(open, index);
}

/* Read the descriptors once, and look up their buffers. */
static void load_batch(struct svio_fw *fw, struct fw_rx_open *open, uint32_t index,
		       const struct fw_run *run)
{
	uint32_t i;

	open->batch_first = index;
	open->batch_count = run->bytes / 16;
	memcpy(open->batch, run->data, (size_t)open->batch_count * 16);
	for (i = 0; i < open->batch_count; i++) {
		const struct svio_rx_desc *desc = &open->batch[i];
		struct fw_target *target = &open->targets[i];

		if (check_desc(open, desc) ||
		    fw_dma_find_target(fw, open->ref.vif, desc->addr, desc->len, target) !=
			    SVIO_IOMMU_OK)
			*target = (struct fw_target){ 0 };
		else if (i < FW_RX_AHEAD)
			__builtin_prefetch(target->unmarked, 1);
	}
}

static enum svio_error read_batch(struct svio_fw *fw, struct fw_rx_open *open, uint32_t index)
{
	enum svio_error error = SVIO_ERROR_NONE;
	struct fw_run run;

	run.data = fw_dma_run(fw, &open->ref, entry_addr(open->queue, open->queue->ring, index),
			      batch_want(open, index) * 16, &run.bytes, &error);
	if (!run.data || run.bytes < 16)
		return SVIO_ERROR_RING_DMA;
	load_batch(fw, open, index, &run);
	return SVIO_ERROR_NONE;
}

/* Completions from index on go to a target. */
static void load_cmpl(struct fw_rx_open *open, uint32_t index, const struct fw_target *target)
{
	open->cmpl = *target;
	open->cmpl_first = index;
	open->cmpl_count = target->bytes / 16;
}

bool fw_rx_refill(struct svio_fw *fw, struct fw_rx_open *open)
{
	const struct fw_queue *queue = open->queue;
	struct fw_vif *vif = open->ref.vif;
	uint32_t index = open->index;
	struct fw_target cmpl;
	struct fw_run run;

	if (open->tail == index && (look_at_tail(fw, open) != open->tail || open->tail == index))
		return false;
	if (index - open->cmpl_first >= open->cmpl_count) {
		if (fw_dma_find_target(fw, vif, entry_addr(queue, queue->completion, index),
				       entries_to_end(open, index) * 16, &cmpl) != SVIO_IOMMU_OK ||
		    cmpl.bytes < 16)
			return false;
		load_cmpl(open, index, &cmpl);
	}
	if (index - open->batch_first < open->batch_count)
		return true;
	if (fw_dma_find(fw, vif, entry_addr(queue, queue->ring, index),
			batch_want(open, index) * 16, FW_READ, &run) != SVIO_IOMMU_OK ||
	    run.bytes < 16)
		return false;
	load_batch(fw, open, index, &run);
	return true;
}

/* The descriptor of buffer index, read once, as its place in the batch. */
static enum svio_error find_desc(struct svio_fw *fw, struct fw_rx_open *open, uint32_t index,
				 uint32_t *at)
{
	if (index - open->batch_first >= open->batch_count) {
		enum svio_error error = read_batch(fw, open, index);

		if (error)
			return error;
	}
	*at = index - open->batch_first;
	fw_rx_fetch(open, *at);
	return check_desc(open, &open->batch[*at]);
}

/* Where completion index is written. */
static enum svio_error find_cmpl(struct svio_fw *fw, struct fw_rx_open *open, uint32_t index,
				 struct svio_rx_cmpl **cmpl, uint64_t *addr)
{
	if (index - open->cmpl_first >= open->cmpl_count) {
		struct fw_target target;
		enum svio_error error;

		open->cmpl_count = 0;
		if (!fw_dma_target(fw, &open->ref,
				   entry_addr(open->queue, open->queue->completion, index),
				   entries_to_end(open, index) * 16, &target, &error) ||
		    target.bytes < 16) {
			*addr = open->queue->completion;
			return SVIO_ERROR_RING_DMA;
		}
		load_cmpl(open, index, &target);
	}
	*cmpl = (struct svio_rx_cmpl *)(void *)fw_dma_dirty(open->ref.vif, &open->cmpl,
							    (index - open->cmpl_first) * 16, 16);
	return SVIO_ERROR_NONE;
}

/* Copy the next bytes of the packet into one buffer. */
static enum svio_error fill_buffer(struct svio_fw *fw, struct fw_rx_open *open, uint32_t at,
				   uint32_t bytes, struct fw_cursor *cursor)
{
	enum svio_error error = SVIO_ERROR_NONE;
	const struct fw_vif *vif = open->ref.vif;
	const struct fw_target *ahead = &open->targets[at];
	uint64_t addr = open->batch[at].addr;

	if (ahead->bytes >= bytes) {
		fw_cursor_copy(cursor, fw_dma_dirty(vif, ahead, 0, bytes), bytes);
		return SVIO_ERROR_NONE;
	}
	while (bytes) {
		struct fw_target target;

		if (!fw_dma_target(fw, &open->ref, addr, bytes, &target, &error))
			return error;
		fw_cursor_copy(cursor, fw_dma_dirty(vif, &target, 0, target.bytes), target.bytes);
		addr += target.bytes;
		bytes -= target.bytes;
	}
	return SVIO_ERROR_NONE;
}

/* Fill buffer index with up to *left bytes. *n: how many; *addr: what is at fault. */
static enum svio_error put_buffer(struct svio_fw *fw, struct fw_rx_open *open, uint32_t index,
				  uint32_t left, struct fw_cursor *cursor, uint32_t *n,
				  uint64_t *addr)
{
	enum svio_error error;
	uint32_t at = 0;

	*addr = entry_addr(open->queue, open->queue->ring, index);
	error = find_desc(fw, open, index, &at);
	if (error)
		return error;
	*addr = open->batch[at].addr;
	*n = left < open->batch[at].len ? left : open->batch[at].len;
	return fill_buffer(fw, open, at, *n, cursor);
}

/*
 * Copy, then complete: buffers 1.. first, buffer 0 last, so that a packet that
 * has begun is whole. *addr is the I/O address at fault.
 */
static enum svio_error put_packet(struct svio_fw *fw, struct fw_rx_open *open,
				  const struct fw_packet *packet, const struct rx_meta *meta,
				  uint64_t *addr)
{
	static const struct rx_meta none;
	uint32_t left = fw_packet_bytes(packet);
	uint16_t first_flags = fw_phase(open->index, open->queue->ring_lg2) | SVIO_RX_FIRST;
	uint32_t index = open->index;
	struct fw_cursor cursor;
	struct svio_rx_cmpl *first;
	struct svio_rx_cmpl *cmpl;
	enum svio_error error;
	uint32_t first_bytes;
	uint32_t n = 0;

	fw_cursor_begin(&cursor, packet);
	error = put_buffer(fw, open, index, left, &cursor, &first_bytes, addr);
	if (!error)
		error = find_cmpl(fw, open, index, &first, addr);
	if (error)
		return error;
	left -= first_bytes;
	if (!left)
		first_flags |= SVIO_RX_END;
	while (left) {
		uint16_t flags = fw_phase(++index, open->queue->ring_lg2);

		error = put_buffer(fw, open, index, left, &cursor, &n, addr);
		if (!error)
			error = find_cmpl(fw, open, index, &cmpl, addr);
		if (error)
			return error;
		left -= n;
		SVIO_HAL_STEP(fw->hal);
		publish(cmpl, n, left ? flags : flags | SVIO_RX_END, &none);
	}
	SVIO_HAL_STEP(fw->hal);
	publish(first, first_bytes, first_flags, meta);
	SVIO_HAL_STEP(fw->hal);
	open->index = index + 1;
	return SVIO_ERROR_NONE;
}

/* Which queue, and the hash if there is one. */
static uint32_t steer(struct fw_vif *vif, struct fw_packet *packet, struct rx_meta *meta)
{
	struct fw_sram *sram = vif->sram;

	if (sram->rss_types) {
		const struct svio_packet *info = fw_packet_info(packet);
		uint32_t hash;

		meta->flags |= svio_rss_hash(vif->rss, sram->rss_types, fw_packet_head(packet),
					     info, &hash);
		if (meta->flags & (SVIO_RX_HASH_L3 | SVIO_RX_HASH_L4)) {
			meta->hash = hash;
			return sram->rss_table[hash % SVIO_RSS_TABLE_ENTRIES];
		}
	}
	return sram->rss_table[0];
}

static void count_drop(struct fw_vif *vif, enum svio_counter reason, struct fw_queue *queue)
{
	fw_count(vif, reason, 1);
	if (queue)
		queue->counters[SVIO_QUEUE_COUNTER_drops]++;
}

/* The receiver cannot take it now: the sender hears of it, if the packet was for this one alone. */
static void count_refusal(struct svio_fw *fw, struct fw_vif *vif, const struct fw_packet *packet,
			  enum svio_counter reason, struct fw_queue *queue)
{
	count_drop(vif, reason, queue);
	if (packet->owner == vif->id && packet->source != FW_WIRE)
		fw_count(&fw->vifs[packet->source], SVIO_COUNTER_tx_drop_receiver, 1);
}

static void count_kind(struct fw_vif *vif, const struct fw_packet *packet)
{
	if (packet->broadcast)
		fw_count(vif, SVIO_COUNTER_rx_broadcast, 1);
	else if (packet->multicast)
		fw_count(vif, SVIO_COUNTER_rx_multicast, 1);
	if (packet->gso_type)
		fw_count(vif, SVIO_COUNTER_rx_tso_packets, 1);
}

/* Tag, checksum and segmentation as this receiver takes them. */
static void prepare_meta(struct fw_vif *vif, struct fw_packet *packet, struct rx_meta *meta)
{
	uint64_t offloads = vif->sram->offloads;
	bool give_tag = packet->tagged && !vif->vlan;

	if (packet->partial && !(offloads & SVIO_FEATURE(RX_PARTIAL)))
		fw_packet_csum_complete(packet);
	if (packet->verified && (offloads & SVIO_FEATURE(RX_CSUM)))
		meta->flags |= SVIO_RX_CSUM_OK;
	if (give_tag && (offloads & SVIO_FEATURE(RX_VLAN))) {
		meta->flags |= SVIO_RX_VLAN;
		meta->vlan_tci = packet->tci;
		give_tag = false;
	}
	fw_packet_tag(packet, give_tag);
	if (packet->partial) {
		meta->flags |= SVIO_RX_PARTIAL;
		meta->csum_start = (uint16_t)(packet->csum_start + fw_packet_shift(packet));
		meta->csum_offset = packet->csum_offset;
	}
	if (packet->gso_type) {
		meta->flags |= (uint16_t)(packet->gso_type << SVIO_RX_GSO_SHIFT);
		meta->gso_size = packet->gso->size;
	}
}

/* One packet or segment into one queue. */
static void deliver_one(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet)
{
	struct rx_meta meta = { 0 };
	struct fw_qref ref = { .vif = vif, .kind = SVIO_QUEUE_RX };
	struct fw_rx_open *open;
	enum svio_error error;
	uint32_t bytes;
	uint64_t addr;

	ref.qid = steer(vif, packet, &meta);
	if (!(vif->rx_running >> ref.qid & 1)) {
		count_refusal(fw, vif, packet, SVIO_COUNTER_rx_drop_no_queue, NULL);
		return;
	}
	open = fw_rx_open(fw, vif, ref.qid);
	prepare_meta(vif, packet, &meta);
	bytes = fw_packet_bytes(packet);
	if (!have_buffers(fw, open, buffers_for(open, bytes))) {
		if (vif->rx_running >> ref.qid & 1)
			count_refusal(fw, vif, packet, SVIO_COUNTER_rx_drop_no_buffer, open->queue);
		else
			count_drop(vif, SVIO_COUNTER_rx_drop_error, open->queue);
		return;
	}
	error = put_packet(fw, open, packet, &meta, &addr);
	if (error) {
		count_drop(vif, SVIO_COUNTER_rx_drop_error, open->queue);
		fw_queue_stop(fw, &ref, error, addr);
		return;
	}
	open->packets++;
	open->bytes += bytes;
	count_kind(vif, packet);
}

static bool accepts_gso(const struct fw_vif *vif, uint32_t type)
{
	static const uint64_t feature[SVIO_GSO_COUNT] = {
		[SVIO_GSO_TCP4] = SVIO_FEATURE(RX_TSO4),
		[SVIO_GSO_TCP6] = SVIO_FEATURE(RX_TSO6),
		[SVIO_GSO_UDP4] = SVIO_FEATURE(RX_USO),
		[SVIO_GSO_UDP6] = SVIO_FEATURE(RX_USO),
	};

	return (vif->sram->offloads & (feature[type] | SVIO_FEATURE(RX_PARTIAL))) ==
	       (feature[type] | SVIO_FEATURE(RX_PARTIAL));
}

/* Longest frame as it would be on a wire, tag included. */
static uint32_t frame_bytes(const struct fw_packet *packet)
{
	uint32_t bytes = packet->bytes;

	if (packet->gso_type && packet->gso->header_bytes + packet->gso->size < bytes)
		bytes = packet->gso->header_bytes + packet->gso->size;
	return bytes + (packet->tagged ? SVIO_VLAN_TAG_BYTES : 0);
}

static uint32_t wire_cost(const struct fw_packet *packet)
{
	uint32_t frames = packet->gso_type ? packet->gso->segments : 1;
	uint32_t headers = packet->gso_type ? (frames - 1) * packet->gso->header_bytes : 0;

	return packet->bytes + headers + frames * SVIO_SCHED_FRAMING_BYTES;
}

uint32_t fw_rx_deliver(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet)
{
	uint32_t i;

	if (!vif->rx_running || !fw_vif_open(fw, vif) || vif->flags & SVIO_HOST_VIF_LINK_DOWN) {
		count_refusal(fw, vif, packet, SVIO_COUNTER_rx_drop_no_queue, NULL);
		return 1;
	}
	if (frame_bytes(packet) > vif->sram->mtu + SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES) {
		count_drop(vif, SVIO_COUNTER_rx_drop_too_long, NULL);
		return 1;
	}
	if (!svio_sched_meter_pass(&vif->rx_meter, wire_cost(packet), fw->now_ns)) {
		count_refusal(fw, vif, packet, SVIO_COUNTER_rx_drop_rate, NULL);
		return 1;
	}
	if (!packet->gso_type || accepts_gso(vif, packet->gso_type)) {
		deliver_one(fw, vif, packet);
		return 1;
	}
	fw_packet_tag(packet, false);
	for (i = 0; i < packet->gso->segments; i++) {
		fw_packet_segment(packet, i, fw->segment_packet);
		deliver_one(fw, vif, fw->segment_packet);
	}
	return packet->gso->segments;
}

bool fw_rx_must_wait(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet)
{
	struct rx_meta meta = { 0 };
	struct fw_rx_open *open;
	uint32_t bytes = packet->bytes;
	uint32_t qid;

	if (!vif->rx_running || !fw_vif_open(fw, vif) || vif->flags & SVIO_HOST_VIF_LINK_DOWN ||
	    (packet->gso_type && !accepts_gso(vif, packet->gso_type)))
		return false;
	qid = steer(vif, packet, &meta);
	if (!fw_wait_allowed(fw, vif, qid))
		return false;
	if (packet->tagged && !vif->vlan && !(vif->sram->offloads & SVIO_FEATURE(RX_VLAN)))
		bytes += SVIO_VLAN_TAG_BYTES;
	open = fw_rx_open(fw, vif, qid);
	if (have_buffers(fw, open, buffers_for(open, bytes)) || !(vif->rx_running >> qid & 1))
		return false;
	fw->blocked_by.vif = vif;
	fw->blocked_by.qid = qid;
	fw->blocked_by.tail = open->tail;
	return true;
}
