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

/* Where the flags of completion index are; NULL: not mapped any more. */
static uint16_t *find_flags(struct svio_fw *fw, const struct fw_qref *ref, uint32_t index,
			    uint32_t rights)
{
	enum svio_error error = SVIO_ERROR_NONE;
	uint32_t bytes;
	char *cmpl = fw_dma_run(fw, ref, cmpl_addr(fw_queue_of(ref), index),
				sizeof(struct svio_rx_cmpl), rights, &bytes, &error);

	if (!cmpl || bytes < sizeof(struct svio_rx_cmpl))
		return NULL;
	return (uint16_t *)(void *)(cmpl + offsetof(struct svio_rx_cmpl, flags));
}

static bool recover_rx(struct svio_fw *fw, const struct fw_qref *ref)
{
	struct fw_queue *queue = fw_queue_of(ref);
	uint32_t entries = 1u << queue->ring_lg2;
	uint32_t index = queue->index;
	uint32_t end = index + entries;
	uint16_t *flags = NULL;

	for (; index != end; index++) {
		flags = find_flags(fw, ref, index, FW_WRITE);
		if (!flags)
			return false;
		if ((__atomic_load_n(flags, __ATOMIC_ACQUIRE) & SVIO_RX_PHASE) !=
		    fw_phase(index, queue->ring_lg2))
			break;
	}
	__atomic_store_n(&queue->index, index, __ATOMIC_RELAXED);
	/* Entries from index on that were written early: the lap before is what they show again. */
	for (; index != end; index++) {
		flags = find_flags(fw, ref, index, FW_WRITE);
		if (!flags)
			return false;
		if ((__atomic_load_n(flags, __ATOMIC_RELAXED) & SVIO_RX_PHASE) ==
		    fw_phase(index, queue->ring_lg2))
			__atomic_store_n(flags, fw_phase(index, queue->ring_lg2) ^ SVIO_RX_PHASE,
					 __ATOMIC_RELEASE);
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
