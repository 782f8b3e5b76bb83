/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The admin queue's rings: commands in, completions and events out.
 *
 * Both indices are halves of one word of SRAM (fw_admin.position), written after
 * the completion is in guest memory. A crash before that is found on attach by
 * the completion's phase (fw_admin_recover()).
 */
#include <string.h>

#include "fw_admin.h"
#include "fw_dma.h"
#include "fw_rx.h"

/* Commands and events in one pass for one VIF: some take 20 us (a new RSS key). */
#define PASS_COMMANDS 1

static uint32_t taken(const struct fw_admin *admin)
{
	return (uint32_t)admin->position;
}

static uint32_t written(const struct fw_admin *admin)
{
	return (uint32_t)(admin->position >> 32);
}

/* Move both indices at once. */
static void advance(struct svio_fw *fw, struct fw_admin *admin, uint32_t commands)
{
	uint64_t position = (uint64_t)(written(admin) + 1) << 32 | (taken(admin) + commands);

	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n(&admin->position, position, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(fw->hal);
}

bool fw_admin_pending(struct fw_vif *vif)
{
	const struct fw_admin *admin = &vif->sram->admin;
	uint32_t entries = 1u << admin->ring_lg2;

	if (fw_load(&vif->doorbells->admin.tail) == taken(admin) && !admin->events)
		return false;
	/* Without room for a completion nothing can be done; broken doorbells are looked at. */
	return written(admin) - fw_load(&vif->doorbells->admin.head) != entries;
}

static struct fw_qref admin_ref(struct fw_vif *vif)
{
	return (struct fw_qref){ .vif = vif, .kind = SVIO_QUEUE_ADMIN };
}

static uint64_t cmpl_addr(const struct fw_admin *admin)
{
	return admin->cq + 32ull * (written(admin) & ((1u << admin->ring_lg2) - 1));
}

/* Publish the next completion: flags, with the phase, are in the last word. */
static bool put_cmpl(struct svio_fw *fw, struct fw_vif *vif, struct svio_admin_cmpl *cmpl)
{
	struct fw_admin *admin = &vif->sram->admin;
	struct fw_qref ref = admin_ref(vif);
	struct fw_target target;
	enum svio_error error;
	uint64_t words[4];
	uint64_t *to;
	int i;

	if (!fw_dma_target(fw, &ref, cmpl_addr(admin), sizeof(words), &target, &error) ||
	    target.bytes < sizeof(words)) {
		fw_vif_fail(fw, vif, SVIO_ERROR_ADMIN_RING, &ref, cmpl_addr(admin));
		return false;
	}
	cmpl->flags = fw_phase(written(admin), admin->ring_lg2);
	memcpy(words, cmpl, sizeof(words));
	to = (uint64_t *)(void *)fw_dma_dirty(vif, &target, 0, sizeof(words));
	SVIO_HAL_STEP(fw->hal);
	for (i = 0; i < 3; i++)
		__atomic_store_n(&to[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&to[3], words[3], __ATOMIC_RELEASE);
	return true;
}

/* Room for a completion? False after a broken doorbell failed the VIF, too. */
static bool have_room(struct svio_fw *fw, struct fw_vif *vif)
{
	const struct fw_admin *admin = &vif->sram->admin;
	uint32_t used = written(admin) - fw_load(&vif->doorbells->admin.head);
	uint32_t entries = 1u << admin->ring_lg2;
	struct fw_qref ref = admin_ref(vif);

	if (used > entries)
		fw_vif_fail(fw, vif, SVIO_ERROR_ADMIN_RING, &ref, written(admin) - used);
	return used < entries;
}

/* The next event to be told; false: none is left. */
static bool pick_event(struct svio_fw *fw, struct fw_vif *vif, struct svio_admin_cmpl *event)
{
	struct fw_admin *admin = &vif->sram->admin;
	uint32_t kind = SVIO_QUEUE_TX;

	while (kind < SVIO_QUEUE_MAP && !admin->queue_errors[kind])
		kind++;
	if (admin->queue_errors[kind]) {
		uint32_t qid = (uint32_t)__builtin_ctz(admin->queue_errors[kind]);
		const struct fw_queue *queue =
			kind == SVIO_QUEUE_MAP ? &vif->sram->map : &vif->sram->queue[qid][kind];

		event->event = SVIO_EVENT_QUEUE_ERROR;
		event->status = (uint16_t)queue->error;
		event->queue = (uint16_t)(kind << 8 | qid);
		event->info = queue->error_addr;
		return true;
	}
	if (admin->events >> SVIO_EVENT_LINK & 1) {
		event->event = SVIO_EVENT_LINK;
		event->result = fw_vif_link(vif);
		event->detail = fw_vif_speed(fw, vif);
		return true;
	}
	return false;
}

/* It was told. */
static void clear_event(struct fw_admin *admin, const struct svio_admin_cmpl *event)
{
	if (event->event == SVIO_EVENT_QUEUE_ERROR)
		admin->queue_errors[event->queue >> 8] &= ~(1u << (event->queue & 0xff));
	else
		admin->events &= ~(1u << event->event);
}

/* Tell one event; its bit is cleared last, so that a crash tells it twice rather than never. */
static bool put_event(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_admin *admin = &vif->sram->admin;
	struct svio_admin_cmpl event = { 0 };

	if (!pick_event(fw, vif, &event)) {
		admin->events = 0;
		return true;
	}
	if (!put_cmpl(fw, vif, &event))
		return false;
	advance(fw, admin, 0);
	clear_event(admin, &event);
	fw_irq_note(fw, vif, SVIO_QUEUE_ADMIN, 0);
	return true;
}

static bool take_command(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_admin *admin = &vif->sram->admin;
	uint64_t addr = admin->sq + 64ull * (taken(admin) & ((1u << admin->ring_lg2) - 1));
	struct fw_qref ref = admin_ref(vif);
	struct svio_admin_cmd cmd;
	struct svio_admin_cmpl cmpl;
	struct fw_admin_call call = { .fw = fw, .vif = vif, .cmd = &cmd };

	if (fw_dma_read(fw, &ref, addr, &cmd, sizeof(cmd))) {
		fw_vif_fail(fw, vif, SVIO_ERROR_ADMIN_RING, &ref, addr);
		return false;
	}
	call.repeat = admin->executing == taken(admin) + 1;
	fw_admin_execute(&call, &cmpl);
	if (!put_cmpl(fw, vif, &cmpl))
		return false;
	advance(fw, admin, 1);
	admin->executing = 0;
	fw_irq_note(fw, vif, SVIO_QUEUE_ADMIN, 0);
	return true;
}

uint32_t fw_admin_poll(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_admin *admin = &vif->sram->admin;
	uint32_t tail = fw_load(&vif->doorbells->admin.tail);
	struct fw_qref ref = admin_ref(vif);
	uint32_t work = 0;

	if (tail - taken(admin) > 1u << admin->ring_lg2) {
		fw_vif_fail(fw, vif, SVIO_ERROR_ADMIN_RING, &ref, tail);
		return 0;
	}
	while (admin->events && have_room(fw, vif)) {
		if (!put_event(fw, vif))
			return work;
		work++;
	}
	while (work < PASS_COMMANDS && vif->status == SVIO_VIF_STATE_READY &&
	       taken(admin) != tail && have_room(fw, vif)) {
		if (!take_command(fw, vif))
			return work;
		work++;
	}
	return work;
}

void fw_admin_event(struct svio_fw *fw, struct fw_vif *vif, uint32_t event)
{
	vif->sram->admin.events |= 1u << event;
	fw_vif_activate(fw, vif);
}

void fw_admin_last_event(struct svio_fw *fw, struct fw_vif *vif, enum svio_error error,
			 uint32_t info, uint64_t addr)
{
	struct fw_admin *admin = &vif->sram->admin;
	struct svio_admin_cmpl event = {
		.event = SVIO_EVENT_VIF_ERROR,
		.status = (uint16_t)error,
		.queue = (uint16_t)((info >> 16) << 8 | (info & 0xff)),
		.info = addr,
	};
	struct fw_run run;
	uint32_t used = written(admin) - fw_load(&vif->doorbells->admin.head);

	if (!fw->in_section || !fw_vif_open(fw, vif) || used >= 1u << admin->ring_lg2 ||
	    fw_dma_find_direct(fw, vif, cmpl_addr(admin), sizeof(event), FW_WRITE, &run) !=
		    SVIO_IOMMU_OK)
		return;
	if (!put_cmpl(fw, vif, &event))
		return;
	advance(fw, admin, 0);
	fw_irq_note(fw, vif, SVIO_QUEUE_ADMIN, 0);
}

/* ENABLE: the admin rings as the registers give them. */
enum svio_error fw_admin_begin(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_admin *admin = &vif->sram->admin;
	uint32_t config = fw_reg_get(vif, SVIO_REG_ADMIN_CONFIG);
	uint32_t lg2 = config & 0xffff;
	uint32_t vector = config >> 16;
	struct fw_qref ref = admin_ref(vif);
	bool mapped;

	memset(admin, 0, sizeof(*admin));
	admin->sq = (uint64_t)fw_reg_get(vif, SVIO_REG_ADMIN_SQ_HI) << 32 |
		    fw_reg_get(vif, SVIO_REG_ADMIN_SQ_LO);
	admin->cq = (uint64_t)fw_reg_get(vif, SVIO_REG_ADMIN_CQ_HI) << 32 |
		    fw_reg_get(vif, SVIO_REG_ADMIN_CQ_LO);
	if (lg2 < SVIO_ADMIN_RING_LG2_MIN || lg2 > SVIO_ADMIN_RING_LG2_MAX ||
	    (vector != SVIO_VECTOR_NONE && vector >= vif->slot->config.vectors) ||
	    (admin->sq | admin->cq) % SVIO_CACHE_LINE_BYTES)
		return SVIO_ERROR_ADMIN_RING;
	admin->ring_lg2 = lg2;
	admin->vector = vector;
	if (!(vif->slot->config.flags & SVIO_HOST_VIF_BUS_MASTER))
		return SVIO_ERROR_BUS_MASTER;
	fw_section_begin(fw);
	fw_vif_open(fw, vif);
	mapped = fw_dma_mapped(fw, &ref, admin->sq, 64u << lg2, FW_READ) &&
		 fw_dma_mapped(fw, &ref, admin->cq, 32u << lg2, FW_WRITE);
	fw_section_end(fw);
	return mapped ? SVIO_ERROR_NONE : SVIO_ERROR_ADMIN_RING;
}

/*
 * A completion that is in guest memory but not in position: its command or event
 * was done. The guest could have written it: then it has answered itself.
 */
void fw_admin_recover(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_admin *admin = &vif->sram->admin;
	struct fw_qref ref = admin_ref(vif);
	struct svio_admin_cmpl cmpl;

	if (fw_dma_read(fw, &ref, cmpl_addr(admin), &cmpl, sizeof(cmpl))) {
		fw_vif_fail(fw, vif, SVIO_ERROR_ADMIN_RING, &ref, cmpl_addr(admin));
		return;
	}
	if ((cmpl.flags & SVIO_ADMIN_CMPL_PHASE) != fw_phase(written(admin), admin->ring_lg2))
		return;
	if (cmpl.event == SVIO_EVENT_NONE) {
		advance(fw, admin, 1);
		admin->executing = 0;
	} else {
		advance(fw, admin, 0);
	}
}
