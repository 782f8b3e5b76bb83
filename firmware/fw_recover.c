/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * After a crash: make SRAM and the guest's rings agree again. Runs when a VIF is
 * first used by a new firmware, inside a section.
 *
 * Receive: the guest may have been given packets that SRAM does not know of (at
 * most one lap: fw_rx.c). They are recognised by their phase. A packet whose
 * first completion was not published does not exist for the guest; completions
 * of it that were written early are turned back, so that a later, shorter packet
 * does not leave them behind as a lie.
 * Transmit: the guest's head may lag behind SRAM: it is written again. Packets
 * that were sent but not noted in SRAM are sent once more.
 */
#include "fw_dma.h"
#include "fw_mapq.h"
#include "fw_rx.h"

static uint64_t cmpl_addr(const struct fw_queue *queue, uint32_t index)
{
	return queue->completion + 16ull * (index & ((1u << queue->ring_lg2) - 1));
}

/* Where completion index is; false: not mapped for writing any more. */
static bool find_cmpl(struct svio_fw *fw, const struct fw_qref *ref, uint32_t index,
		      struct fw_target *cmpl)
{
	enum svio_error error;

	return fw_dma_target(fw, ref, cmpl_addr(fw_queue_of(ref), index),
			     sizeof(struct svio_rx_cmpl), cmpl, &error) &&
	       cmpl->bytes == sizeof(struct svio_rx_cmpl);
}

static uint16_t cmpl_flags(const struct fw_target *cmpl)
{
	const char *flags = cmpl->unmarked + offsetof(struct svio_rx_cmpl, flags);

	return __atomic_load_n((const uint16_t *)(const void *)flags, __ATOMIC_ACQUIRE);
}

static void set_cmpl_flags(struct fw_vif *vif, const struct fw_target *cmpl, uint16_t flags)
{
	char *to = fw_dma_dirty(vif, cmpl, offsetof(struct svio_rx_cmpl, flags), sizeof(flags));

	__atomic_store_n((uint16_t *)(void *)to, flags, __ATOMIC_RELEASE);
}

static bool recover_rx(struct svio_fw *fw, const struct fw_qref *ref)
{
	struct fw_queue *queue = fw_queue_of(ref);
	uint32_t entries = 1u << queue->ring_lg2;
	uint32_t index = queue->index;
	uint32_t end = index + entries;
	struct fw_target cmpl;

	for (; index != end; index++) {
		if (!find_cmpl(fw, ref, index, &cmpl))
			return false;
		if ((cmpl_flags(&cmpl) & SVIO_RX_PHASE) != fw_phase(index, queue->ring_lg2))
			break;
	}
	__atomic_store_n(&queue->index, index, __ATOMIC_RELAXED);
	/* Entries from index on that were written early: the lap before is what they show again. */
	for (; index != end; index++) {
		if (!find_cmpl(fw, ref, index, &cmpl))
			return false;
		if ((cmpl_flags(&cmpl) & SVIO_RX_PHASE) == fw_phase(index, queue->ring_lg2))
			set_cmpl_flags(ref->vif, &cmpl,
				       fw_phase(index, queue->ring_lg2) ^ SVIO_RX_PHASE);
	}
	return true;
}

static bool recover_tx(struct svio_fw *fw, const struct fw_qref *ref)
{
	struct fw_queue *queue = fw_queue_of(ref);

	return fw_dma_write(fw, ref, queue->completion, &queue->index, sizeof(queue->index)) ==
	       SVIO_ERROR_NONE;
}

void fw_recover_vif(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_qref ref = { .vif = vif };

	vif->recover = false;
	fw_admin_recover(fw, vif);
	if (vif->status == SVIO_VIF_STATE_READY)
		fw_mapq_recover(fw, vif);
	if (vif->status != SVIO_VIF_STATE_READY)
		return;
	for (ref.kind = SVIO_QUEUE_TX; ref.kind <= SVIO_QUEUE_RX; ref.kind++) {
		for (ref.qid = 0; ref.qid < SVIO_QUEUES_MAX; ref.qid++) {
			if (fw_queue_of(&ref)->state != FW_QUEUE_RUNNING)
				continue;
			if (ref.kind == SVIO_QUEUE_TX ? !recover_tx(fw, &ref)
						      : !recover_rx(fw, &ref))
				fw_queue_stop(fw, &ref, SVIO_ERROR_RING_DMA,
					      fw_queue_of(&ref)->completion);
		}
	}
	fw_irq_spurious(fw, vif);
}
