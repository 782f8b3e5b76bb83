/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the guest: descriptors of transmit queues. Packets stay in the ring until
 * the scheduler picks their VIF.
 *
 * Order of a burst: packets are delivered, frames handed to the wire, then the
 * index in SRAM moves, then the head in guest memory. A crash in between sends
 * some of them twice and loses none.
 */
#include "fw_class.h"
#include "fw_dma.h"
#include "fw_express.h"
#include "fw_packet.h"
#include "fw_wait.h"

/* Entries whose data is looked up and fetched ahead of the packet that is being sent. */
#define LOOKAHEAD 16

/* Packets that take the express lane at once, so that others are looked up meanwhile. */
#define EXPRESS_BURST 16

/* Packets that one queue may send before its VIF's next queue has its turn. */
#define TURN_PACKETS 32

/* First descriptor, extension, the rest of the data. */
_Static_assert(SVIO_TX_SEGS_MAX + 1 <= FW_TX_DESC_BATCH, "a packet fits a batch");

/* A turn may be short: it begins with the descriptors of a few cache lines. */
#define FIRST_BATCH 16

struct tx_walk {
	struct svio_fw *fw;
	struct fw_qref ref;
	struct fw_queue *queue;
	uint32_t tail;
	uint32_t index;       /* next entry */
	uint32_t batch_first; /* batch[i] is entry batch_first + i */
	uint32_t batch_count;
	uint32_t batch_max; /* of the next read */
	uint64_t addr;      /* I/O address of what is looked at, for errors */
	uint32_t class;     /* that is served, or FW_CLASS_UNKNOWN: the VIF has none */
	uint32_t next;      /* the class of the packet that was not in it */
	struct fw_express express;
	bool waits; /* the packet at the head, for its receiver */
	struct svio_tx_desc *batch;
	struct fw_run *runs; /* of batch[0..ahead): data NULL where there is none */
	uint32_t ahead;
	uint64_t cost; /* of what was sent; none is sent beyond cost_max */
	uint64_t cost_max;
	uint64_t ahead_cost; /* of what was sent and what is looked up, about */
};

bool fw_tx_scan(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t left = vif->tx_running & ~vif->tx_ready & ~vif->tx_waiting;
	uint32_t ready = 0;

	while (left) {
		uint32_t qid = (uint32_t)__builtin_ctz(left);

		left &= left - 1;
		if (fw_load(&vif->doorbells->tx[qid].tail) !=
		    vif->sram->queue[qid][SVIO_QUEUE_TX].index)
			ready |= 1u << qid;
	}
	if (ready)
		fw_class_ready(fw, vif, ready);
	return vif->tx_ready != 0;
}

static uint64_t entry_addr(const struct tx_walk *walk, uint32_t index)
{
	return walk->queue->ring + 16ull * (index & ((1u << walk->queue->ring_lg2) - 1));
}

/* Read as many entries from walk->index on as there are and fit. */
static enum svio_error read_batch(struct tx_walk *walk)
{
	uint32_t entries = 1u << walk->queue->ring_lg2;
	uint32_t max = walk->batch_max;
	uint32_t count = 0;

	while (count < max && walk->index + count != walk->tail) {
		enum svio_error error = SVIO_ERROR_NONE;
		uint32_t at = walk->index + count;
		uint32_t want = walk->tail - at;
		uint32_t bytes;
		uint32_t i;
		const char *run;

		if (want > max - count)
			want = max - count;
		if (want > entries - (at & (entries - 1)))
			want = entries - (at & (entries - 1));
		walk->addr = entry_addr(walk, at);
		run = fw_dma_run(walk->fw, &walk->ref, walk->addr, want * 16, &bytes, &error);
		if (!run || bytes < 16)
			return SVIO_ERROR_RING_DMA;
		for (i = 0; i < bytes / 16; i++)
			fw_dma_read16(&walk->batch[count + i], run + (size_t)i * 16);
		count += bytes / 16;
	}
	walk->batch_first = walk->index;
	walk->batch_count = count;
	walk->batch_max = FW_TX_DESC_BATCH;
	walk->ahead = 0;
	walk->ahead_cost = walk->cost;
	return SVIO_ERROR_NONE;
}

/* Is the packet at walk->index in the batch to its end? */
static bool has_whole(const struct tx_walk *walk)
{
	uint32_t at = walk->index - walk->batch_first;
	uint32_t ext;

	if (at >= walk->batch_count)
		return false;
	ext = walk->batch[at].flags & SVIO_TX_EXT ? 1 : 0;
	if (!(walk->batch[at].flags & SVIO_TX_END))
		for (at++; at + ext < walk->batch_count; at++)
			if (walk->batch[at + ext].flags & SVIO_TX_END)
				break;
	return at + ext < walk->batch_count;
}

/* Read on before the batch is used up: what it lacks could not be looked up ahead. */
static bool should_read(const struct tx_walk *walk)
{
	uint32_t left = walk->batch_count - (walk->index - walk->batch_first);

	return (left < LOOKAHEAD || !has_whole(walk)) &&
	       walk->batch_first + walk->batch_count != walk->tail;
}

/* A first batch may be too short for the packet at its head; the next one never is. */
static enum svio_error read_on(struct tx_walk *walk)
{
	enum svio_error error = read_batch(walk);

	return !error && should_read(walk) ? read_batch(walk) : error;
}

/* Entry number n of the packet at walk->index; NULL: it is at tail. */
static const struct svio_tx_desc *entry(const struct tx_walk *walk, uint32_t n)
{
	uint32_t at = walk->index - walk->batch_first + n;

	return at < walk->batch_count ? &walk->batch[at] : NULL;
}

/*
 * The data of the next packets is in the sender's cache: start to fetch it while
 * this one is copied, as far as this turn is going to reach. An extension is taken
 * for a descriptor here; what comes of that is not used.
 */
static void look_ahead(struct tx_walk *walk)
{
	uint32_t at = walk->index - walk->batch_first;
	uint32_t end = at + LOOKAHEAD;

	if (end > walk->batch_count)
		end = walk->batch_count;
	for (; walk->ahead < end; walk->ahead++) {
		const struct svio_tx_desc *desc = &walk->batch[walk->ahead];
		struct fw_run *run = &walk->runs[walk->ahead];

		if (walk->ahead > at && walk->ahead_cost >= walk->cost_max)
			break;
		walk->ahead_cost += desc->len + SVIO_SCHED_FRAMING_BYTES;
		if (fw_dma_find(walk->fw, walk->ref.vif, desc->addr, desc->len, FW_READ, run) !=
		    SVIO_IOMMU_OK)
			*run = (struct fw_run){ 0 };
		else
			__builtin_prefetch(run->data);
	}
}

/* The first piece of a descriptor's data: as looked up ahead, or now. */
static const char *first_run(struct tx_walk *walk, const struct svio_tx_desc *desc, uint32_t *bytes,
			     enum svio_error *error)
{
	uint32_t at = (uint32_t)(desc - walk->batch);

	if (at < walk->ahead && walk->runs[at].data) {
		*bytes = walk->runs[at].bytes;
		return walk->runs[at].data;
	}
	return fw_dma_run(walk->fw, &walk->ref, desc->addr, desc->len, bytes, error);
}

/* Add a data descriptor's memory to the packet. */
static enum svio_error add_data(struct tx_walk *walk, const struct svio_tx_desc *desc,
				struct fw_packet *packet)
{
	enum svio_error error = SVIO_ERROR_NONE;
	uint32_t left = desc->len;
	uint64_t addr = desc->addr;

	walk->addr = addr;
	if (!left)
		return SVIO_ERROR_DESC_LEN;
	packet->bytes += left;
	if (packet->bytes > SVIO_GSO_BYTES_MAX)
		return SVIO_ERROR_FRAME_LEN;
	while (left) {
		uint32_t n;
		struct fw_seg *last = &packet->pieces[packet->segs];
		const char *run = left == desc->len ? first_run(walk, desc, &n, &error)
						    : fw_dma_run(walk->fw, &walk->ref, addr, left,
								 &n, &error);

		if (!run)
			return error;
		if (packet->segs && last->data + last->bytes == run) {
			last->bytes += n;
		} else {
			if (packet->segs + 1 == FW_SEGS_MAX)
				return SVIO_ERROR_DESC_CHAIN;
			packet->pieces[++packet->segs] = (struct fw_seg){ run, n };
		}
		addr += n;
		left -= n;
	}
	return SVIO_ERROR_NONE;
}

/* The packet's data descriptors, from entry *used on. */
static enum svio_error add_rest(struct tx_walk *walk, uint32_t *used, struct fw_packet *packet)
{
	uint32_t data = 1;

	for (;;) {
		const struct svio_tx_desc *desc = entry(walk, *used);
		enum svio_error error;

		walk->addr = entry_addr(walk, walk->index + *used);
		if (!desc || ++data > SVIO_TX_SEGS_MAX)
			return SVIO_ERROR_DESC_CHAIN;
		if (desc->flags & ~SVIO_TX_END || desc->vlan_tci || desc->reserved)
			return SVIO_ERROR_DESC_FLAGS;
		error = add_data(walk, desc, packet);
		if (error)
			return error;
		++*used;
		if (desc->flags & SVIO_TX_END)
			return SVIO_ERROR_NONE;
	}
}

static const uint64_t gso_feature[SVIO_GSO_COUNT] = {
	[SVIO_GSO_NONE] = SVIO_FEATURE(TX_CSUM), [SVIO_GSO_TCP4] = SVIO_FEATURE(TX_TSO4),
	[SVIO_GSO_TCP6] = SVIO_FEATURE(TX_TSO6), [SVIO_GSO_UDP4] = SVIO_FEATURE(TX_USO),
	[SVIO_GSO_UDP6] = SVIO_FEATURE(TX_USO),
};

/* What an extension says, on its own. */
static enum svio_error check_ext(const struct fw_vif *vif, const struct svio_tx_ext *ext)
{
	bool csum = ext->flags & SVIO_TX_EXT_CSUM;

	if (ext->reserved0 || ext->reserved1 || ext->flags & ~SVIO_TX_EXT_FLAGS)
		return SVIO_ERROR_DESC_FLAGS;
	if (ext->gso_type >= SVIO_GSO_COUNT)
		return SVIO_ERROR_DESC_EXT;
	if (ext->gso_type == SVIO_GSO_NONE && (ext->gso_size || ext->hdr_len))
		return SVIO_ERROR_DESC_EXT;
	if (ext->gso_type != SVIO_GSO_NONE && !csum)
		return SVIO_ERROR_DESC_EXT;
	if (!csum && (ext->csum_start || ext->csum_offset))
		return SVIO_ERROR_DESC_EXT;
	if (csum && !fw_feature(vif, gso_feature[ext->gso_type]))
		return SVIO_ERROR_OFFLOAD_FEATURE;
	return SVIO_ERROR_NONE;
}

/* What it says about this frame, whose head is there and whose tag is out of it. */
static enum svio_error apply_ext(const struct svio_tx_ext *ext, struct fw_packet *packet,
				 uint32_t tag_bytes)
{
	uint32_t head = packet->seg[0].bytes;
	uint32_t start = ext->csum_start;

	if (!(ext->flags & SVIO_TX_EXT_CSUM))
		return SVIO_ERROR_NONE;
	if (start < SVIO_ETH_HEADER_BYTES + tag_bytes || start - tag_bytes >= packet->bytes ||
	    start - tag_bytes + ext->csum_offset + 2u > head)
		return SVIO_ERROR_OFFLOAD;
	packet->partial = true;
	packet->csum_start = (uint16_t)(start - tag_bytes);
	packet->csum_offset = ext->csum_offset;
	if (ext->gso_type == SVIO_GSO_NONE)
		return SVIO_ERROR_NONE;
	if (ext->hdr_len < tag_bytes || ext->hdr_len - tag_bytes > head ||
	    svio_gso_begin(packet->gso, fw_packet_head(packet), ext->hdr_len - tag_bytes,
			   packet->bytes, ext->gso_type, ext->gso_size))
		return SVIO_ERROR_OFFLOAD;
	if (packet->csum_start != svio_gso_csum_start(packet->gso) ||
	    packet->csum_offset != svio_gso_csum_offset(packet->gso))
		return SVIO_ERROR_OFFLOAD;
	packet->gso_type = ext->gso_type;
	return SVIO_ERROR_NONE;
}

static enum svio_error check_first(const struct fw_vif *vif, const struct svio_tx_desc *desc)
{
	if (desc->flags & ~SVIO_TX_FLAGS || desc->reserved)
		return SVIO_ERROR_DESC_FLAGS;
	if (!(desc->flags & SVIO_TX_VLAN) && desc->vlan_tci)
		return SVIO_ERROR_DESC_FLAGS;
	if (desc->flags & SVIO_TX_VLAN && !fw_feature(vif, SVIO_FEATURE(TX_VLAN)))
		return SVIO_ERROR_OFFLOAD_FEATURE;
	return SVIO_ERROR_NONE;
}

/* Copy the head, take the tag out, apply offloads. */
static enum svio_error finish_packet(struct tx_walk *walk, const struct svio_tx_desc *first,
				     const struct svio_tx_ext *ext, struct fw_packet *packet)
{
	uint32_t head = ext ? FW_HEAD_BYTES : FW_HEAD_PLAIN_BYTES;
	uint32_t before = packet->bytes;
	uint32_t longest = (uint32_t)walk->ref.vif->slot->config.mtu_max + SVIO_ETH_HEADER_BYTES +
			   SVIO_VLAN_TAG_BYTES;

	if (packet->bytes < SVIO_ETH_HEADER_BYTES)
		return SVIO_ERROR_FRAME_LEN;
	if ((!ext || ext->gso_type == SVIO_GSO_NONE) && packet->bytes > longest)
		return SVIO_ERROR_FRAME_LEN;
	fw_packet_pull(packet, packet->bytes < head ? packet->bytes : head);
	if (first->flags & SVIO_TX_VLAN) {
		packet->tagged = true;
		packet->tci = first->vlan_tci;
	} else {
		fw_packet_tag_parse(packet);
	}
	fw_packet_addresses(packet);
	return ext ? apply_ext(ext, packet, before - packet->bytes) : SVIO_ERROR_NONE;
}

/* Read one packet; *used entries. */
static enum svio_error take_packet(struct tx_walk *walk, struct fw_packet *packet, uint32_t *used)
{
	const struct svio_tx_desc *first = entry(walk, 0);
	const struct svio_tx_ext *ext = NULL;
	enum svio_error error;

	walk->addr = entry_addr(walk, walk->index);
	fw_packet_begin(packet, walk->ref.vif->id);
	error = check_first(walk->ref.vif, first);
	if (error)
		return error;
	*used = 1;
	if (first->flags & SVIO_TX_EXT) {
		walk->addr = entry_addr(walk, walk->index + 1);
		ext = (const struct svio_tx_ext *)(const void *)entry(walk, 1);
		if (!ext)
			return SVIO_ERROR_DESC_EXT;
		error = check_ext(walk->ref.vif, ext);
		if (error)
			return error;
		*used = 2;
	}
	error = add_data(walk, first, packet);
	if (!error && !(first->flags & SVIO_TX_END))
		error = add_rest(walk, used, packet);
	if (!error)
		error = finish_packet(walk, first, ext, packet);
	return error;
}

static bool own_mac(const struct fw_vif *vif, uint64_t mac)
{
	uint32_t i;

	if (mac == vif->sram->mac)
		return true;
	if (!mac) /* a filter that is free */
		return false;
	for (i = 0; i < FW_MAC_FILTERS; i++) {
		if (vif->sram->mac_filter[i] == mac)
			return true;
	}
	return false;
}

/* Which VLAN the packet is in; anti-spoofing. False: dropped and counted. */
static bool admit(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet)
{
	uint32_t vid = packet->tagged ? packet->tci & 0xfffu : 0;

	if (!vif->trusted && (packet->src & 1 || !own_mac(vif, packet->src))) {
		fw_count(vif, SVIO_COUNTER_tx_drop_spoof_mac, 1);
		return false;
	}
	if (vif->vlan && !packet->tagged) {
		packet->tagged = true;
		packet->tci = (uint16_t)vif->vlan;
		vid = vif->vlan;
	} else if ((vif->vlan && !vif->trusted) || vid == 0xfff) {
		fw_count(vif, SVIO_COUNTER_tx_drop_spoof_vlan, 1);
		return false;
	}
	packet->vlan = vid;
	/* What an access VIF sends into another VLAN can have no answer there. */
	if (vif->trusted && !(packet->src & 1) && packet->src != vif->sram->mac &&
	    (!vif->vlan || vif->vlan == vid))
		fw_mac_learn(fw->macs, packet->src, vid, vif->id, fw->now_ns);
	return true;
}

static uint64_t packet_cost(const struct fw_packet *packet)
{
	uint64_t frames = packet->gso_type ? packet->gso->segments : 1;
	uint64_t headers = packet->gso_type ? (frames - 1) * packet->gso->header_bytes : 0;

	return packet->bytes + headers + frames * SVIO_SCHED_FRAMING_BYTES;
}

static void count_taken(struct fw_vif *vif, struct fw_queue *queue, const struct fw_packet *packet,
			uint32_t bytes)
{
	queue->counters[SVIO_QUEUE_COUNTER_packets]++;
	queue->counters[SVIO_QUEUE_COUNTER_bytes] += bytes;
	fw_count(vif, SVIO_COUNTER_tx_packets, 1);
	fw_count(vif, SVIO_COUNTER_tx_bytes, bytes);
	if (packet->broadcast)
		fw_count(vif, SVIO_COUNTER_tx_broadcast, 1);
	else if (packet->multicast)
		fw_count(vif, SVIO_COUNTER_tx_multicast, 1);
	if (packet->gso_type)
		fw_count(vif, SVIO_COUNTER_tx_tso_packets, 1);
}

/* Give entries up to walk->index back to the guest. */
static enum svio_error commit(struct tx_walk *walk)
{
	struct fw_target head;
	enum svio_error error;

	if (walk->queue->index == walk->index)
		return SVIO_ERROR_NONE;
	fw_wire_flush(walk->fw);
	walk->ref.vif->slot->descriptors += walk->index - walk->queue->index;
	SVIO_HAL_STEP(walk->fw->hal);
	__atomic_store_n(&walk->queue->index, walk->index, __ATOMIC_RELAXED);
	SVIO_HAL_STEP(walk->fw->hal);
	walk->addr = walk->queue->completion;
	if (!fw_dma_target(walk->fw, &walk->ref, walk->addr, 4, &head, &error) || head.bytes < 4)
		return SVIO_ERROR_RING_DMA;
	/* The data was read before its buffers are given back. */
	__atomic_store_n((uint32_t *)(void *)fw_dma_dirty(walk->ref.vif, &head, 0, 4), walk->index,
			 __ATOMIC_RELEASE);
	SVIO_HAL_STEP(walk->fw->hal);
	fw_irq_note(walk->fw, walk->ref.vif, SVIO_QUEUE_TX, walk->ref.qid);
	return SVIO_ERROR_NONE;
}

/* Those at the head of the queue that want nothing but a copy. Returns how many were sent. */
static uint32_t send_plain(struct tx_walk *walk, uint32_t packets)
{
	uint32_t at = walk->index - walk->batch_first;
	uint32_t count = walk->ahead - at;

	if (!fw_express_try(&walk->express, &walk->batch[at], &walk->runs[at]))
		return 0;
	if (count > EXPRESS_BURST)
		count = EXPRESS_BURST;
	if (count > packets)
		count = packets;
	return fw_express_send(walk->fw, &walk->express, &walk->batch[at], &walk->runs[at], count,
			       walk->cost_max, &walk->cost);
}

/* The packet at the head of the queue, whatever it is. *done: false if it has to stay there. */
static enum svio_error send_one(struct tx_walk *walk, bool *done)
{
	struct svio_fw *fw = walk->fw;
	struct fw_vif *vif = walk->ref.vif;
	struct fw_packet *packet = fw->packet;
	enum svio_error error;
	uint64_t cost;
	uint32_t bytes;
	uint32_t used;

	error = take_packet(walk, packet, &used);
	if (error) {
		fw_count(vif, SVIO_COUNTER_tx_drop_malformed, 1);
		walk->queue->counters[SVIO_QUEUE_COUNTER_drops]++;
		return error;
	}
	if (walk->class != FW_CLASS_UNKNOWN && fw_class_of(vif, packet) != walk->class) {
		walk->next = fw_class_of(vif, packet);
		*done = false;
		return SVIO_ERROR_NONE;
	}
	bytes = packet->bytes + (packet->tagged ? SVIO_VLAN_TAG_BYTES : 0);
	cost = packet_cost(packet);
	if (!admit(fw, vif, packet)) {
		walk->queue->counters[SVIO_QUEUE_COUNTER_drops]++;
	} else if (fw_switch_forward(fw, packet)) {
		count_taken(vif, walk->queue, packet, bytes);
	} else {
		walk->waits = true;
		*done = false;
		return SVIO_ERROR_NONE;
	}
	walk->cost += cost;
	walk->index += used;
	*done = true;
	return SVIO_ERROR_NONE;
}

/* Send up to packets packets within walk->cost_max. Stops at the first mistake. */
static enum svio_error send_packets(struct tx_walk *walk, uint32_t packets, uint32_t *sent)
{
	*sent = 0;
	while (*sent < packets && walk->cost < walk->cost_max && walk->index != walk->tail) {
		enum svio_error error = SVIO_ERROR_NONE;
		uint32_t plain;
		bool done = true;

		if (should_read(walk))
			error = read_on(walk);
		if (error)
			return error;
		look_ahead(walk);
		plain = send_plain(walk, packets - *sent);
		walk->index += plain;
		if (!plain)
			error = send_one(walk, &done);
		if (error || !done)
			return error;
		*sent += plain ? plain : 1;
		if (fw_section_leave(walk->fw))
			break;
	}
	return SVIO_ERROR_NONE;
}

/* A queue had its turn: where does it wait now? */
static void put_back(struct tx_walk *walk, uint32_t class)
{
	struct fw_vif *vif = walk->ref.vif;
	uint32_t bit = 1u << walk->ref.qid;

	if (walk->waits)
		fw_wait_begin(walk->fw, &walk->ref);
	if (walk->waits || walk->index == walk->tail) {
		vif->tx_ready &= ~bit;
		vif->tx_class[class] &= ~bit;
	} else if (walk->class != FW_CLASS_UNKNOWN) {
		fw_class_move(walk->fw, vif, walk->ref.qid, class, walk->next);
	}
}

/* One queue's turn. */
static uint32_t serve_queue(struct svio_fw *fw, const struct fw_qref *ref, uint32_t class,
			    uint32_t packets, uint64_t cost_max, uint64_t *cost)
{
	struct tx_walk walk = {
		.fw = fw,
		.ref = *ref,
		.class = ref->vif->qos.set.classes ? class : FW_CLASS_UNKNOWN,
		.next = FW_CLASS_UNKNOWN,
		.batch = fw->tx_batch,
		.runs = fw->tx_runs,
		.cost = *cost,
		.cost_max = cost_max,
	};
	enum svio_error error;
	uint32_t sent = 0;
	uint64_t addr;

	fw_express_begin(&walk.express, &walk.ref, walk.class);
	walk.queue = fw_queue_of(ref);
	walk.index = walk.queue->index;
	walk.batch_first = walk.index;
	walk.batch_max = FIRST_BATCH - (walk.index & 3);
	walk.tail = fw_load(&ref->vif->doorbells->tx[ref->qid].tail);
	if (walk.tail - walk.index > 1u << walk.queue->ring_lg2) {
		fw_queue_stop(fw, ref, SVIO_ERROR_RING_INDEX, walk.tail);
		return 0;
	}
	error = send_packets(&walk, packets, &sent);
	*cost = walk.cost;
	addr = walk.addr;
	if (!error) {
		error = commit(&walk);
		addr = walk.addr;
	} else {
		commit(&walk);
	}
	if (error)
		fw_queue_stop(fw, ref, error, addr);
	else
		put_back(&walk, class);
	return sent;
}

/* The next of these queues, from first on. */
static uint32_t next_queue(uint32_t queues, uint32_t first)
{
	uint32_t later = queues & ~((1u << first) - 1);

	return (uint32_t)__builtin_ctz(later ? later : queues);
}

uint32_t fw_tx_serve(struct svio_fw *fw, struct fw_vif *vif, uint32_t class,
		     const struct svio_sched_grant *grant, uint64_t *cost)
{
	struct fw_qref ref = { .vif = vif, .kind = SVIO_QUEUE_TX };
	uint32_t packets = 0;
	uint32_t packets_max = FW_SECTION_PACKETS - fw->section_packets;
	uint64_t cost_max = FW_SECTION_BYTES - fw->section_bytes;

	if (packets_max > grant->packets)
		packets_max = grant->packets;
	if (cost_max > grant->bytes)
		cost_max = grant->bytes;
	*cost = 0;
	if (!fw_vif_open(fw, vif) || vif->flags & SVIO_HOST_VIF_LINK_DOWN) {
		fw_class_clear(fw, vif);
		return 0;
	}
	while (vif->tx_class[class] && packets < packets_max && *cost < cost_max) {
		uint32_t turn = packets_max - packets;

		ref.qid = next_queue(vif->tx_class[class], vif->tx_next[class]);
		if (turn > TURN_PACKETS)
			turn = TURN_PACKETS;
		packets += serve_queue(fw, &ref, class, turn, cost_max, cost);
		vif->tx_next[class] = (uint8_t)((ref.qid + 1) % SVIO_QUEUES_MAX);
		if (fw_section_leave(fw)) /* not before: each section gets on by a packet */
			break;
	}
	return packets;
}
