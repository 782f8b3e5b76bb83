/* SPDX-License-Identifier: BSD-3-Clause */
/* What stops a queue, and what is left of it. */
#include <string.h>

#include "fw.h"
#include "fw_class.h"
#include "fw_wait.h"

static void clear_running(struct svio_fw *fw, struct fw_vif *vif, uint32_t kind, uint32_t qid)
{
	uint32_t bit = 1u << qid;

	if (kind == SVIO_QUEUE_TX) {
		vif->tx_running &= ~bit;
		fw_class_leave(fw, vif, qid);
		fw_wait_forget(fw, vif, bit);
	} else {
		vif->rx_running &= ~bit;
	}
}

void fw_queue_stop(struct svio_fw *fw, const struct fw_qref *ref, enum svio_error error,
		   uint64_t addr)
{
	struct fw_vif *vif = ref->vif;
	struct fw_queue *queue = fw_queue_of(ref);

	if (queue->state != FW_QUEUE_RUNNING)
		return;
	if (error == SVIO_ERROR_MEMORY_GONE) {
		fw_vif_fail(fw, vif, error, ref, addr);
		return;
	}
	queue->error = error;
	queue->error_addr = addr;
	SVIO_HAL_STEP(fw->hal);
	__atomic_store_n(&queue->state, FW_QUEUE_STOPPED, __ATOMIC_RELEASE);
	clear_running(fw, vif, ref->kind, ref->qid);
	fw_count(vif, SVIO_COUNTER_queue_errors, 1);
	vif->sram->admin.queue_errors[ref->kind] |= 1u << ref->qid;
	fw_admin_event(fw, vif, SVIO_EVENT_QUEUE_ERROR);
}

void fw_queue_forget(struct svio_fw *fw, const struct fw_qref *ref)
{
	struct fw_vif *vif = ref->vif;
	struct fw_queue *queue = fw_queue_of(ref);

	clear_running(fw, vif, ref->kind, ref->qid);
	fw_irq_forget(vif, ref->kind, ref->qid);
	vif->sram->admin.queue_errors[ref->kind] &= ~(1u << ref->qid);
	__atomic_store_n(&queue->state, FW_QUEUE_NONE, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(fw->hal);
	memset(queue, 0, sizeof(*queue));
}
