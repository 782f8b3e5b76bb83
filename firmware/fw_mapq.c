/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map queue's ring.
 *
 * Order of stores: the note that an entry has begun, its pages in the table, the index in
 * SRAM, later the guest's head. A crash in between repeats one entry at most, which then may
 * find its work done; where none had begun, a mistake is a mistake.
 *
 * Strict revocation. The guest learns that an entry is done by its head, and head is written
 * only at the beginning of a section: no pointer into guest memory is older than the
 * section, and this core uses the table only after it has written it. With several cores the
 * others' sections count, too: between table and head there would have to be a
 * grace period (svio_iommu_grace.h) over their epochs, and head would be written by a later pass.
 */
#include "fw_mapq.h"

#include <string.h>

#include "fw_admin.h"
#include "fw_dma.h"
#include "fw_stage.h"

#define ADDRESS_LG2 48

static struct fw_qref map_ref(struct fw_vif *vif)
{
	return (struct fw_qref){ .vif = vif, .kind = SVIO_QUEUE_MAP };
}

static uint64_t entry_addr(const struct fw_queue *map)
{
	return map->ring + 16ull * (map->index & ((1u << map->ring_lg2) - 1));
}

static void stop(struct svio_fw *fw, struct fw_vif *vif, enum svio_error error, uint64_t addr)
{
	struct fw_queue *map = &vif->sram->map;
	struct fw_qref ref = map_ref(vif);

	if (error == SVIO_ERROR_MEMORY_GONE) {
		fw_vif_fail(fw, vif, error, &ref, addr);
		return;
	}
	map->error = error;
	map->error_addr = addr;
	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n(&map->state, FW_QUEUE_STOPPED, __ATOMIC_RELEASE);
	fw_count(vif, SVIO_COUNTER_queue_errors, 1);
	vif->sram->admin.queue_errors[SVIO_QUEUE_MAP] = 1;
	fw_admin_event(fw, vif, SVIO_EVENT_QUEUE_ERROR);
}

static enum svio_error check_entry(const struct svio_map_entry *entry)
{
	uint64_t bytes = (uint64_t)entry->pages << SVIO_MAP_PAGE_LG2;

	if (!entry->pages || entry->pages > SVIO_MAP_ENTRY_PAGES_MAX || !entry->flags ||
	    entry->flags & ~SVIO_MAP_FLAGS)
		return SVIO_ERROR_MAP_ENTRY;
	if (entry->flags & SVIO_MAP_REVOKE && (entry->flags != SVIO_MAP_REVOKE || entry->addr))
		return SVIO_ERROR_MAP_ENTRY;
	if (entry->addr & FW_STAGE_PAGE_MASK || entry->addr > (1ull << ADDRESS_LG2) - bytes)
		return SVIO_ERROR_MAP_ENTRY;
	if (entry->page >= SVIO_MAP_PAGES_MAX || entry->pages > SVIO_MAP_PAGES_MAX - entry->page)
		return SVIO_ERROR_MAP_RANGE;
	return SVIO_ERROR_NONE;
}

static enum svio_error carry_out(struct svio_fw *fw, struct fw_vif *vif,
				 const struct svio_map_entry *entry)
{
	enum svio_error error = check_entry(entry);
	bool repeat = vif->map_repeat;

	vif->map_repeat = false;
	if (error)
		return error;
	if (entry->flags & SVIO_MAP_REVOKE)
		return fw_stage_revoke(fw, vif, entry->page, entry->pages, repeat)
			       ? SVIO_ERROR_NONE
			       : SVIO_ERROR_MAP_MISSING;
	return fw_stage_grant(fw, vif, entry->page, entry->pages, entry->addr | entry->flags,
			      repeat)
		       ? SVIO_ERROR_NONE
		       : SVIO_ERROR_MAP_EXISTS;
}

/* One piece of the ring, at most count entries. Returns how many; 0: the queue has stopped. */
static uint32_t take_piece(struct svio_fw *fw, struct fw_vif *vif, uint32_t count)
{
	struct fw_queue *map = &vif->sram->map;
	uint32_t to_end = (1u << map->ring_lg2) - (map->index & ((1u << map->ring_lg2) - 1));
	struct fw_qref ref = map_ref(vif);
	enum svio_error error = SVIO_ERROR_NONE;
	const char *from;
	uint32_t bytes = 0;
	uint32_t i;

	from = fw_dma_run_direct(fw, &ref, entry_addr(map), (count < to_end ? count : to_end) * 16,
				 &bytes, &error);
	if (bytes < 16) {
		stop(fw, vif, error == SVIO_ERROR_MEMORY_GONE ? error : SVIO_ERROR_RING_DMA,
		     entry_addr(map));
		return 0;
	}
	for (i = 0; i < bytes / 16; i++) {
		struct svio_map_entry entry;
		uint64_t words[2];

		fw_dma_read16(words, from + (size_t)i * 16);
		memcpy(&entry, words, sizeof(entry));
		error = carry_out(fw, vif, &entry);
		if (error) {
			stop(fw, vif, error, entry_addr(map));
			return 0;
		}
		__atomic_store_n(&map->index, map->index + 1, __ATOMIC_RELEASE);
		SVIO_HAL_STEP(fw->hal);
	}
	return i;
}

/*
 * Entries between index and tail, at most max. The guest has been told of map_published, so a
 * tail further than a ring from there has overwritten what was not done.
 */
static uint32_t take(struct svio_fw *fw, struct fw_vif *vif, uint32_t max)
{
	struct fw_queue *map = &vif->sram->map;
	uint32_t tail = fw_load(&vif->doorbells->map.tail);
	uint32_t untold = map->index - vif->map_published;
	uint32_t taken = 0;

	if (tail - map->index > (1u << map->ring_lg2) - untold) {
		stop(fw, vif, SVIO_ERROR_RING_INDEX, tail);
		return 0;
	}
	while (map->index != tail && taken < max) {
		uint32_t left = tail - map->index;
		uint32_t count = take_piece(fw, vif, left < max - taken ? left : max - taken);

		if (!count)
			break;
		taken += count;
	}
	return taken;
}

/* Tell the guest. What it has revoked is not touched any more. */
static void publish(struct svio_fw *fw, struct fw_vif *vif)
{
	const struct fw_queue *map = &vif->sram->map;
	struct fw_qref ref = map_ref(vif);
	enum svio_error error = SVIO_ERROR_NONE;
	struct fw_target head;

	vif->map_published = map->index;
	if (!fw_dma_target(fw, &ref, map->completion, 4, &head, &error) || head.bytes < 4) {
		if (map->state == FW_QUEUE_RUNNING)
			stop(fw, vif, error == SVIO_ERROR_MEMORY_GONE ? error : SVIO_ERROR_RING_DMA,
			     map->completion);
		return;
	}
	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n((uint32_t *)(void *)fw_dma_dirty(vif, &head, 0, 4), map->index,
			 __ATOMIC_RELEASE);
	SVIO_HAL_STEP(fw->hal);
}

uint32_t fw_mapq_poll(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t taken;

	if (!fw_mapq_pending(vif))
		return 0;
	taken = take(fw, vif, FW_MAPQ_BATCH);
	if (vif->sram->map.index != vif->map_published)
		publish(fw, vif);
	return taken;
}

bool fw_mapq_catch_up(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->sram->map.state != FW_QUEUE_RUNNING ||
	    fw_load(&vif->doorbells->map.tail) == vif->sram->map.index)
		return false;
	return take(fw, vif, UINT32_MAX) > 0;
}

void fw_mapq_forget(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_queue *map = &vif->sram->map;

	fw_stage_clear(fw, vif);
	vif->sram->admin.queue_errors[SVIO_QUEUE_MAP] = 0;
	__atomic_store_n(&map->state, FW_QUEUE_NONE, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(fw->hal);
	memset(map, 0, sizeof(*map));
	vif->sram->map_begun = 0;
	vif->map_published = 0;
	vif->map_repeat = false;
	vif->staged = false;
}

void fw_mapq_resume(struct fw_vif *vif)
{
	vif->staged = vif->sram->map.state != FW_QUEUE_NONE;
	vif->map_published = vif->sram->map.index;
	vif->map_repeat = vif->sram->map_begun == (FW_MAP_BEGUN | vif->sram->map.index);
}

void fw_mapq_recover(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->sram->map.state != FW_QUEUE_NONE)
		publish(fw, vif);
}

#define CREATE_OFFSET(field) FW_ADMIN_OFFSET(queue_create.field)

static bool has_queues(const struct fw_vif *vif)
{
	uint32_t qid;

	for (qid = 0; qid < SVIO_QUEUES_MAX; qid++) {
		if (vif->sram->queue[qid][SVIO_QUEUE_TX].state != FW_QUEUE_NONE ||
		    vif->sram->queue[qid][SVIO_QUEUE_RX].state != FW_QUEUE_NONE)
			return true;
	}
	return false;
}

static enum svio_admin_status check_create(struct fw_admin_call *call)
{
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	struct fw_qref ref = map_ref(call->vif);

	if (body->ring_lg2 < SVIO_RING_LG2_MIN || body->ring_lg2 > SVIO_MAP_RING_LG2_MAX)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, CREATE_OFFSET(ring_lg2));
	if (body->vector != SVIO_VECTOR_NONE)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, CREATE_OFFSET(vector));
	if (has_queues(call->vif))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_STATE, 0);
	if (body->ring % SVIO_CACHE_LINE_BYTES ||
	    !fw_dma_mapped(call->fw, &ref, body->ring, 16u << body->ring_lg2, FW_READ))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS, CREATE_OFFSET(ring));
	if (body->completion % SVIO_CACHE_LINE_BYTES ||
	    !fw_dma_mapped(call->fw, &ref, body->completion, sizeof(struct svio_map_status),
			   FW_WRITE))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS,
				       CREATE_OFFSET(completion));
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_mapq_create(struct fw_admin_call *call)
{
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	struct fw_vif *vif = call->vif;
	enum svio_admin_status status;

	if (vif->sram->map.state != FW_QUEUE_NONE)
		return call->repeat ? SVIO_ADMIN_STATUS_OK
				    : fw_admin_refuse(call, SVIO_ADMIN_STATUS_EXISTS, 0);
	status = check_create(call);
	if (status)
		return status;
	fw_admin_commit(call);
	vif->sram->map = (struct fw_queue){
		.ring = body->ring,
		.completion = body->completion,
		.vector = SVIO_VECTOR_NONE,
		.ring_lg2 = body->ring_lg2,
	};
	SVIO_HAL_STEP(call->fw->hal);
	__atomic_store_n(&vif->sram->map.state, FW_QUEUE_RUNNING, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(call->fw->hal);
	vif->map_published = 0;
	vif->map_repeat = false;
	fw_stage_forget(vif); /* they are of addresses without this stage */
	vif->staged = true;
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_mapq_destroy(struct fw_admin_call *call)
{
	if (has_queues(call->vif))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_STATE, 0);
	fw_admin_commit(call);
	fw_mapq_forget(call->fw, call->vif);
	return SVIO_ADMIN_STATUS_OK;
}
