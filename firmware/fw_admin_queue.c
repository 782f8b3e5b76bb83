/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands about queues. */
#include "fw_admin.h"
#include "fw_dma.h"

#define CREATE_OFFSET(field) FW_ADMIN_OFFSET(queue_create.field)
#define QUEUE_OFFSET(field)  FW_ADMIN_OFFSET(queue.field)

static bool moderation_allowed(const struct fw_vif *vif, uint16_t us, uint16_t frames)
{
	return (!us && frames <= 1) || fw_feature(vif, SVIO_FEATURE(MODERATION));
}

static enum svio_admin_status check_numbers(struct fw_admin_call *call, uint32_t kind)
{
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	uint32_t bad = 0;

	if (body->ring_lg2 < SVIO_RING_LG2_MIN || body->ring_lg2 > SVIO_RING_LG2_MAX)
		bad = CREATE_OFFSET(ring_lg2);
	else if (body->vector != SVIO_VECTOR_NONE &&
		 body->vector >= call->vif->slot->config.vectors)
		bad = CREATE_OFFSET(vector);
	else if (kind == SVIO_QUEUE_TX ? body->buf_len != 0 : body->buf_len < SVIO_RX_BUF_LEN_MIN)
		bad = CREATE_OFFSET(buf_len);
	else if (body->moderation_us > SVIO_MODERATION_US_MAX ||
		 !moderation_allowed(call->vif, body->moderation_us, 0))
		bad = CREATE_OFFSET(moderation_us);
	else if (!moderation_allowed(call->vif, 0, body->moderation_frames))
		bad = CREATE_OFFSET(moderation_frames);
	return bad ? fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, bad) : SVIO_ADMIN_STATUS_OK;
}

static bool memory_usable(struct fw_admin_call *call, uint32_t kind, uint64_t addr, uint32_t bytes,
			  uint32_t rights)
{
	struct fw_qref ref = { .vif = call->vif, .kind = kind };

	return addr % SVIO_CACHE_LINE_BYTES == 0 &&
	       fw_dma_mapped(call->fw, &ref, addr, bytes, rights);
}

static enum svio_admin_status check_memory(struct fw_admin_call *call, uint32_t kind)
{
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	uint32_t ring_bytes = 16u << body->ring_lg2;
	uint32_t completion_bytes = kind == SVIO_QUEUE_TX ? (uint32_t)sizeof(struct svio_tx_status)
							  : ring_bytes;

	if (!memory_usable(call, kind, body->ring, ring_bytes, FW_READ))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS, CREATE_OFFSET(ring));
	if (!memory_usable(call, kind, body->completion, completion_bytes, FW_WRITE))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS,
				       CREATE_OFFSET(completion));
	return SVIO_ADMIN_STATUS_OK;
}

/* The queue exists once state says so; all else is written before. */
static void start_queue(struct fw_admin_call *call, uint32_t kind)
{
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	struct fw_vif *vif = call->vif;
	struct fw_queue *queue = &vif->sram->queue[body->qid][kind];

	__atomic_store_n(&vif->sram->queue_used[kind],
			 vif->sram->queue_used[kind] | 1u << body->qid, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(call->fw->hal);
	*queue = (struct fw_queue){
		.ring = body->ring,
		.completion = body->completion,
		.vector = body->vector,
		.buf_len = body->buf_len,
		.moderation_us = body->moderation_us,
		.moderation_frames = body->moderation_frames,
		.ring_lg2 = body->ring_lg2,
	};
	SVIO_HAL_STEP(call->fw->hal);
	__atomic_store_n(&queue->state, FW_QUEUE_RUNNING, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(call->fw->hal);
	if (kind == SVIO_QUEUE_TX)
		vif->tx_running |= 1u << body->qid;
	else
		vif->rx_running |= 1u << body->qid;
	fw_irq_recheck(call->fw, vif);
}

static enum svio_admin_status create(struct fw_admin_call *call, uint32_t kind)
{
	const struct svio_host_vif_config *config = &call->vif->slot->config;
	const struct svio_admin_queue_create *body = &call->cmd->queue_create;
	enum svio_admin_status status;

	if (body->qid >= (kind == SVIO_QUEUE_TX ? config->txqs : config->rxqs))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_QUEUE, CREATE_OFFSET(qid));
	if (call->vif->sram->queue[body->qid][kind].state != FW_QUEUE_NONE) {
		if (call->repeat)
			return SVIO_ADMIN_STATUS_OK;
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_EXISTS, CREATE_OFFSET(qid));
	}
	status = check_numbers(call, kind);
	if (!status)
		status = check_memory(call, kind);
	if (status)
		return status;
	fw_admin_commit(call);
	start_queue(call, kind);
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_txq_create(struct fw_admin_call *call)
{
	return create(call, SVIO_QUEUE_TX);
}

enum svio_admin_status fw_admin_rxq_create(struct fw_admin_call *call)
{
	return create(call, SVIO_QUEUE_RX);
}

/* The queue that a command names, which exists, into *ref of this VIF. */
static enum svio_admin_status find_queue(struct fw_admin_call *call, struct fw_qref *ref)
{
	const struct svio_admin_queue *body = &call->cmd->queue;

	if (body->kind != SVIO_QUEUE_TX && body->kind != SVIO_QUEUE_RX)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, QUEUE_OFFSET(kind));
	if (body->qid >= SVIO_QUEUES_MAX ||
	    (!call->repeat && call->vif->sram->queue[body->qid][body->kind].state == FW_QUEUE_NONE))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_QUEUE, QUEUE_OFFSET(qid));
	ref->kind = body->kind;
	ref->qid = body->qid;
	return SVIO_ADMIN_STATUS_OK;
}

/* Does the command name the map queue, which exists? *status is set where it does not. */
static bool is_map_queue(struct fw_admin_call *call, enum svio_admin_status *status)
{
	if (call->cmd->queue.kind != SVIO_QUEUE_MAP ||
	    !fw_feature(call->vif, SVIO_FEATURE(MAP_QUEUE)))
		return false;
	*status = SVIO_ADMIN_STATUS_OK;
	if (call->cmd->queue.qid || (!call->repeat && call->vif->sram->map.state == FW_QUEUE_NONE))
		*status = fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_QUEUE, QUEUE_OFFSET(qid));
	return true;
}

enum svio_admin_status fw_admin_queue_destroy(struct fw_admin_call *call)
{
	struct fw_qref ref = { .vif = call->vif };
	enum svio_admin_status status;

	if (is_map_queue(call, &status))
		return status ? status : fw_admin_mapq_destroy(call);
	status = find_queue(call, &ref);
	if (status)
		return status;
	fw_admin_commit(call);
	fw_queue_forget(call->fw, &ref);
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_queue_get(struct fw_admin_call *call)
{
	struct fw_qref ref = { .vif = call->vif };
	const struct fw_queue *queue = &call->vif->sram->map;
	enum svio_admin_status status;

	if (!is_map_queue(call, &status)) {
		status = find_queue(call, &ref);
		queue = fw_queue_of(&ref);
	}
	if (status)
		return status;
	call->result = queue->error;
	call->detail = queue->index;
	call->info = queue->error_addr;
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_moderation_set(struct fw_admin_call *call)
{
	const struct svio_admin_queue *body = &call->cmd->queue;
	struct fw_qref ref = { .vif = call->vif };
	enum svio_admin_status status = find_queue(call, &ref);
	struct fw_queue *queue;

	if (status)
		return status;
	if (body->moderation_us > SVIO_MODERATION_US_MAX)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       QUEUE_OFFSET(moderation_us));
	fw_admin_commit(call);
	queue = fw_queue_of(&ref);
	queue->moderation_us = body->moderation_us;
	queue->moderation_frames = body->moderation_frames;
	return SVIO_ADMIN_STATUS_OK;
}
