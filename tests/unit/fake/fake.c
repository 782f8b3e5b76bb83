/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fw_sram.h"
#include "svio_iommu_fault.h"

#define ARENA_BYTES  ((128ul + FAKE_VIFS * 9ul) * 4096ul)
#define RUN_PASSES   100000
#define MAPPINGS_MAX 64

struct fake fake;

static void *arena;
static void *iommu_state;
static void *fw_memory;

/* Shared with children: a test may let the firmware run, and die, in another process. */
static void *allocate(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (memory == MAP_FAILED) {
		fputs("fake: out of memory\n", stderr);
		abort();
	}
	return memory;
}

static void release(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

uint64_t svio_fake_now_ns(void)
{
	return fake.hal.now_ns;
}

void svio_fake_step(struct svio_hal *hal)
{
	if (hal->unmaps_wait)
		fake.segment->unmaps++;
	if (++hal->steps == hal->crash_at)
		longjmp(hal->crash, 1);
}

/* A crash may come in the middle of a copy. */
void svio_fake_copy(void *to, const void *from, size_t bytes)
{
	size_t half = bytes / 2;

	memcpy(to, from, half);
	if (fake.hal.crash_at)
		svio_fake_step(&fake.hal);
	memcpy((char *)to + half, (const char *)from + half, bytes - half);
}

char *svio_fake_object(struct svio_hal *hal, uint32_t object)
{
	if (!object || object > FAKE_VIFS || object == hal->object_lost || !fake.mem[object - 1])
		return NULL;
	return (char *)fake.mem[object - 1];
}

uint64_t svio_fake_object_bytes(struct svio_hal *hal, uint32_t object)
{
	return svio_fake_object(hal, object) ? FAKE_MEM_BYTES : 0;
}

void svio_fake_raise(struct svio_hal *hal, uint32_t vif, uint32_t vector)
{
	svio_fake_step(hal);
	hal->raised[vif][vector]++;
}

uint32_t svio_fake_wire_rx(struct svio_hal *hal, struct svio_wire_frame *frames, uint32_t max)
{
	uint32_t count = 0;

	while (count < max && hal->received_count) {
		const struct fake_frame *frame = &hal->received[hal->received_first];

		frames[count++] = (struct svio_wire_frame){
			.data = frame->gso_type ? hal->unsegmented : frame->data,
			.bytes = frame->bytes,
			.flags = frame->flags,
			.csum_start = frame->csum_start,
			.csum_offset = frame->csum_offset,
			.gso_size = frame->gso_size,
			.hdr_len = frame->hdr_len,
			.gso_type = frame->gso_type,
		};
		hal->received_first = (hal->received_first + 1) % FAKE_WIRE_FRAMES;
		hal->received_count--;
	}
	hal->wire_taken += count;
	return count;
}

void svio_fake_wire_rx_done(struct svio_hal *hal)
{
	hal->wire_taken = 0;
}

void *svio_fake_wire_tx_room(struct svio_hal *hal, uint32_t bytes)
{
	if (bytes > SVIO_FRAME_BYTES_MAX)
		abort();
	if (!hal->room_left)
		return NULL;
	hal->room_piece = hal->pieces;
	return hal->sent[hal->sent_count % FAKE_WIRE_FRAMES].data;
}

bool svio_fake_wire_lends(const struct svio_hal *hal)
{
	return hal->lends;
}

bool svio_fake_wire_tx_append(struct svio_hal *hal, const char *data, uint32_t bytes)
{
	uint32_t max = fake.wire_gso ? SVIO_WIRE_GSO_PIECES_MAX : SVIO_WIRE_PIECES_MAX;

	if ((!hal->lends && !fake.wire_gso) || hal->pieces == FAKE_WIRE_PIECES ||
	    hal->pieces - hal->room_piece == max)
		abort();
	if (hal->append_fails && --hal->append_fails == 0) {
		hal->pieces = hal->room_piece;
		return false;
	}
	hal->lent++;
	hal->lent_bytes += bytes;
	hal->piece[hal->pieces++] = (struct fake_piece){ .data = data, .bytes = bytes };
	return true;
}

/* Where the appended pieces will lie in the frame, which now is known to be so long. */
static void place_pieces(struct svio_hal *hal, struct fake_frame *slot)
{
	char *end = (char *)(slot->gso_type ? hal->unsegmented : slot->data) + slot->bytes;
	uint32_t i;

	if (slot->gso_type)
		memcpy(hal->unsegmented, slot->data, FAKE_FRAME_BYTES);
	for (i = hal->pieces; i > hal->room_piece; i--) {
		end -= hal->piece[i - 1].bytes;
		hal->piece[i - 1].to = end;
	}
	hal->room_piece = hal->pieces;
}

void svio_fake_wire_tx_send(struct svio_hal *hal, const struct svio_wire_frame *frame)
{
	struct fake_frame *slot = &hal->sent[hal->sent_count % FAKE_WIRE_FRAMES];

	svio_fake_step(hal);
	if (frame->data != slot->data)
		abort();
	slot->bytes = frame->bytes;
	slot->flags = frame->flags;
	slot->csum_start = frame->csum_start;
	slot->csum_offset = frame->csum_offset;
	slot->gso_size = frame->gso_size;
	slot->hdr_len = frame->hdr_len;
	slot->gso_type = frame->gso_type;
	place_pieces(hal, slot);
	hal->sent_count++;
	hal->sent_queued++;
	if (hal->room_left != UINT32_MAX)
		hal->room_left--;
}

uint32_t svio_fake_wire_tx_flush(struct svio_hal *hal)
{
	uint32_t refused = hal->refuse_at_flush;

	svio_fake_step(hal);
	if (hal->at_flush)
		hal->at_flush();
	for (uint32_t i = 0; i < hal->pieces; i++)
		memcpy(hal->piece[i].to, hal->piece[i].data, hal->piece[i].bytes);
	hal->pieces = 0;
	if (refused > hal->sent_queued)
		refused = hal->sent_queued;
	hal->sent_count -= refused;
	hal->refuse_at_flush -= refused;
	hal->sent_queued = 0;
	return refused;
}

struct svio_doorbell_bar *svio_fake_doorbells(struct svio_hal *hal, uint32_t vif)
{
	(void)hal;
	return vif < FAKE_VIFS ? fake.doorbells[vif] : NULL;
}

static void log_line(struct svio_hal *hal, uint32_t vif, const char *text)
{
	(void)vif;
	(void)text;
	hal->log_lines++;
}

/* With many VIFs they would be more than an address space holds, and there are none. */
#define DIRTY_BYTES (FAKE_VIFS > 64 ? 0 : FAKE_VIFS * SVIO_HOST_DIRTY_BYTES)

static uint64_t segment_bytes(void)
{
	return sizeof(struct svio_host_segment) + FAKE_VIFS * sizeof(struct svio_host_vif) +
	       sizeof(struct svio_iommu_fault_log) + FAKE_VIFS * sizeof(struct svio_host_map) +
	       DIRTY_BYTES + 256;
}

static void lay_out_segment(void)
{
	struct svio_host_segment *segment = fake.segment;
	uint64_t at = (sizeof(*segment) + 63) & ~63ull;

	segment->magic = SVIO_HOST_MAGIC;
	segment->version = SVIO_HOST_VERSION;
	segment->bytes = segment_bytes();
	segment->vifs_max = FAKE_VIFS;
	segment->cores = 1;
	segment->vifs_offset = at;
	at += FAKE_VIFS * sizeof(struct svio_host_vif);
	segment->faults_offset = (at + 63) & ~63ull;
	at = segment->faults_offset + sizeof(struct svio_iommu_fault_log);
	segment->maps_offset = (at + 63) & ~63ull;
	at = segment->maps_offset + FAKE_VIFS * sizeof(struct svio_host_map);
	segment->dirty_offset = DIRTY_BYTES ? (at + 63) & ~63ull : 0;
}

void fake_init(void)
{
	uint32_t i;

	fake_free();
	fake.segment = allocate(segment_bytes());
	lay_out_segment();
	arena = allocate(ARENA_BYTES);
	iommu_state = allocate(svio_iommu_state_bytes(ARENA_BYTES));
	fake.iommu = svio_iommu_init(iommu_state, arena, ARENA_BYTES, FAKE_VIFS + 56);
	if (!fake.iommu)
		abort();
	for (i = 0; i < FAKE_VIFS; i++)
		fake.doorbells[i] = allocate(sizeof(struct svio_doorbell_bar));
	fake.hal.room_left = UINT32_MAX;
	fake.hal.now_ns = 1000000000;
	fake_attach();
}

void fake_free(void)
{
	uint32_t i;

	release(fake.segment, segment_bytes());
	release(arena, ARENA_BYTES);
	release(iommu_state, svio_iommu_state_bytes(ARENA_BYTES));
	release(fw_memory, svio_fw_bytes(FAKE_VIFS));
	arena = NULL;
	iommu_state = NULL;
	fw_memory = NULL;
	for (i = 0; i < FAKE_VIFS; i++) {
		release(fake.doorbells[i], sizeof(struct svio_doorbell_bar));
		if (fake.mem[i])
			release(fake.mem[i] - FAKE_GUARD_BYTES,
				FAKE_MEM_BYTES + 2 * FAKE_GUARD_BYTES);
	}
	memset(&fake, 0, sizeof(fake));
}

int fake_try_attach(void)
{
	static struct svio_hal_ops ops;
	size_t bytes = svio_fw_bytes(FAKE_VIFS);

	ops = (struct svio_hal_ops){ .log = log_line,
				     .wire_csum = fake.wire_csum,
				     .wire_gso = fake.wire_gso };
	release(fw_memory, bytes);
	fw_memory = allocate(bytes);
	fake.hal.sent_queued = 0;
	return svio_fw_attach(fw_memory, fake.segment, arena, &fake.hal, &ops, 0, &fake.fw);
}

void fake_attach(void)
{
	if (fake_try_attach())
		abort();
}

struct svio_host_vif *fake_slot(uint32_t vif)
{
	char *slots = (char *)fake.segment + fake.segment->vifs_offset;

	return (struct svio_host_vif *)(void *)slots + vif;
}

struct svio_host_vif_config *fake_config(uint32_t vif)
{
	return &fake_slot(vif)->config;
}

struct svio_host_qos *fake_qos(uint32_t vif)
{
	return &fake_slot(vif)->qos.node;
}

static void map_memory(uint32_t vif)
{
	uint8_t *block = allocate(FAKE_MEM_BYTES + 2 * FAKE_GUARD_BYTES);

	/* Any access beside a guest's memory ends the test. */
	if (mprotect(block, FAKE_GUARD_BYTES, PROT_NONE) ||
	    mprotect(block + FAKE_GUARD_BYTES + FAKE_MEM_BYTES, FAKE_GUARD_BYTES, PROT_NONE))
		abort();
	fake.mem[vif] = block + FAKE_GUARD_BYTES;
	if (svio_iommu_domain_create(fake.iommu, 32, &fake.domain[vif]) ||
	    svio_iommu_map(fake.iommu, fake.domain[vif], FAKE_IOVA, FAKE_MEM_BYTES, vif + 1, 0,
			   SVIO_IOMMU_READ | SVIO_IOMMU_WRITE))
		abort();
}

void fake_vif_prepare(uint32_t vif)
{
	struct svio_host_vif *slot = fake_slot(vif);
	const uint8_t mac[6] = { 0x02, 0, 0, 0, (uint8_t)((vif + 1) >> 8), (uint8_t)(vif + 1) };

	if (!fake.mem[vif])
		map_memory(vif);
	memset(&slot->config, 0, sizeof(slot->config));
	memset(&slot->qos, 0, sizeof(slot->qos));
	slot->config.flags = SVIO_HOST_VIF_BUS_MASTER;
	slot->config.domain = fake.domain[vif];
	memcpy(slot->config.mac, mac, sizeof(mac));
	slot->config.txqs = 4;
	slot->config.rxqs = 4;
	slot->config.vectors = 16;
	slot->config.mtu_max = 9000;
	snprintf(slot->config.name, sizeof(slot->config.name), "vif%u", vif);
	slot->in_use = 1;
}

void fake_vif_add(uint32_t vif)
{
	fake_vif_prepare(vif);
	if (svio_fw_vif_add(fake.fw, vif))
		abort();
}

static char *dirty_log(uint32_t vif)
{
	return (char *)fake.segment + fake.segment->dirty_offset + vif * SVIO_HOST_DIRTY_BYTES;
}

void fake_grace(void)
{
	__atomic_store_n(&fake.segment->unmaps, fake.segment->unmaps + 1, __ATOMIC_RELEASE);
}

int fake_unmap(uint32_t vif, uint64_t first, uint64_t last)
{
	int status = svio_iommu_unmap(fake.iommu, fake.domain[vif], first, last, NULL, NULL, NULL);

	fake_grace();
	return status;
}

void fake_dirty_start(uint32_t vif, const struct svio_iommu_dirty_range *ranges, uint32_t count)
{
	uint64_t page_bytes = 4096;

	if (svio_iommu_dirty_start(&fake.dirty[vif], dirty_log(vif), FAKE_DIRTY_BYTES, &page_bytes,
				   ranges, count))
		abort();
	fake_config(vif)->flags |= SVIO_HOST_VIF_DIRTY_LOG;
	fake_grace();
}

void fake_dirty_stop(uint32_t vif)
{
	fake_config(vif)->flags &= ~(uint32_t)SVIO_HOST_VIF_DIRTY_LOG;
	memset(dirty_log(vif), 0, FAKE_DIRTY_BYTES);
}

uint32_t fake_reg(uint32_t vif, uint32_t offset)
{
	uint32_t value;

	memcpy(&value, fake_slot(vif)->regs + offset, sizeof(value));
	return value;
}

void fake_reg_write(uint32_t vif, uint32_t offset, uint32_t value)
{
	if (svio_fw_reg_write(fake.fw, vif, offset, value))
		abort();
}

void fake_wire_receive_as(const struct svio_wire_frame *from)
{
	struct svio_hal *hal = &fake.hal;
	struct fake_frame *frame;

	if (hal->received_count == FAKE_WIRE_FRAMES ||
	    from->bytes > (from->gso_type ? FAKE_PACKET_BYTES : FAKE_FRAME_BYTES))
		abort();
	frame = &hal->received[(hal->received_first + hal->received_count++) % FAKE_WIRE_FRAMES];
	memcpy(from->gso_type ? hal->unsegmented : frame->data, from->data, from->bytes);
	frame->bytes = from->bytes;
	frame->flags = from->flags;
	frame->csum_start = from->csum_start;
	frame->csum_offset = from->csum_offset;
	frame->gso_size = from->gso_size;
	frame->hdr_len = from->hdr_len;
	frame->gso_type = from->gso_type;
}

void fake_wire_receive(const void *data, uint32_t bytes, uint16_t flags)
{
	struct svio_wire_frame frame = { .data = data, .bytes = bytes, .flags = flags };

	fake_wire_receive_as(&frame);
}

void fake_run(void)
{
	uint32_t passes = RUN_PASSES;

	while (svio_fw_poll(fake.fw)) {
		if (!passes--) {
			fputs("fake: the firmware does not come to rest\n", stderr);
			abort();
		}
	}
}

uint64_t fake_counter(uint32_t vif, enum svio_counter counter)
{
	return fake_slot(vif)->counters[counter];
}

uint64_t fake_device_counter(enum svio_device_counter counter)
{
	return fake.segment->counters[counter];
}

bool fake_books_balance(void)
{
	uint64_t in = fake_device_counter(SVIO_DEVICE_COUNTER_wire_rx_packets) +
		      fake_device_counter(SVIO_DEVICE_COUNTER_copies);
	uint64_t out = fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_packets) +
		       fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop) +
		       fake_device_counter(SVIO_DEVICE_COUNTER_switch_drop);
	uint32_t vif;

	for (vif = 0; vif < FAKE_VIFS; vif++) {
		in += fake_counter(vif, SVIO_COUNTER_tx_packets);
		out += fake_counter(vif, SVIO_COUNTER_rx_packets) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_no_buffer) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_no_queue) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_too_long) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_filter) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_rate) +
		       fake_counter(vif, SVIO_COUNTER_rx_drop_error);
	}
	return in == out;
}

void fake_warp_queue(uint32_t vif, uint32_t kind, uint32_t qid, uint32_t index)
{
	struct fw_sram *sram = (struct fw_sram *)(void *)fake_slot(vif)->private_state;

	sram->queue[qid][kind].index = index;
}
