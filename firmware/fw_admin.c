/* SPDX-License-Identifier: BSD-3-Clause */
/* The table of admin commands, and those that need few lines (SPEC.md, chapter 7). */
#include "fw_admin.h"

#include <string.h>

#include "fw_dma.h"

#define RX_OFFLOADS                                                                 \
	(SVIO_FEATURE(RX_CSUM) | SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_TSO4) | \
	 SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO) | SVIO_FEATURE(RX_VLAN))

/* Bytes of the body that a field takes, as a mask of 56 bits. */
#define FIELD_BYTES(type, field) \
	(((1ull << sizeof(((struct type *)0)->field)) - 1) << offsetof(struct type, field))

#define CREATE_BYTES                                           \
	(FIELD_BYTES(svio_admin_queue_create, ring) |          \
	 FIELD_BYTES(svio_admin_queue_create, completion) |    \
	 FIELD_BYTES(svio_admin_queue_create, qid) |           \
	 FIELD_BYTES(svio_admin_queue_create, vector) |        \
	 FIELD_BYTES(svio_admin_queue_create, ring_lg2) |      \
	 FIELD_BYTES(svio_admin_queue_create, buf_len) |       \
	 FIELD_BYTES(svio_admin_queue_create, moderation_us) | \
	 FIELD_BYTES(svio_admin_queue_create, moderation_frames))
#define MAP_BYTES                                           \
	(FIELD_BYTES(svio_admin_queue_create, ring) |       \
	 FIELD_BYTES(svio_admin_queue_create, completion) | \
	 FIELD_BYTES(svio_admin_queue_create, vector) |     \
	 FIELD_BYTES(svio_admin_queue_create, ring_lg2))
#define QUEUE_BYTES (FIELD_BYTES(svio_admin_queue, kind) | FIELD_BYTES(svio_admin_queue, qid))
#define MODERATION_BYTES                                              \
	(QUEUE_BYTES | FIELD_BYTES(svio_admin_queue, moderation_us) | \
	 FIELD_BYTES(svio_admin_queue, moderation_frames))
#define MAC_BYTES     FIELD_BYTES(svio_admin_mac, mac)
#define VLAN_BYTES    FIELD_BYTES(svio_admin_vlan, vid)
#define RX_MODE_BYTES FIELD_BYTES(svio_admin_rx_mode, flags)
#define RSS_BYTES     (FIELD_BYTES(svio_admin_rss, key) | FIELD_BYTES(svio_admin_rss, types))
#define TABLE_BYTES   (FIELD_BYTES(svio_admin_buffer, addr) | FIELD_BYTES(svio_admin_buffer, len))
#define STATS_BYTES \
	(TABLE_BYTES | FIELD_BYTES(svio_admin_buffer, kind) | FIELD_BYTES(svio_admin_buffer, qid))
#define VALUE_BYTES FIELD_BYTES(svio_admin_value, value)

void fw_admin_commit(struct fw_admin_call *call)
{
	struct fw_admin *admin = &call->vif->sram->admin;

	__atomic_store_n(&admin->executing, (uint32_t)admin->position + 1, __ATOMIC_RELEASE);
	SVIO_HAL_STEP(call->fw->hal);
}

enum svio_admin_status fw_admin_refuse(struct fw_admin_call *call, enum svio_admin_status status,
				       uint32_t offset)
{
	call->detail = offset;
	return status;
}

static enum svio_admin_status nop(struct fw_admin_call *call)
{
	(void)call;
	return SVIO_ADMIN_STATUS_OK;
}

static enum svio_admin_status mtu_set(struct fw_admin_call *call)
{
	uint64_t mtu = call->cmd->value.value;

	if (mtu < SVIO_MTU_MIN || mtu > call->vif->slot->config.mtu_max)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(value.value));
	fw_admin_commit(call);
	call->vif->sram->mtu = (uint32_t)mtu;
	return SVIO_ADMIN_STATUS_OK;
}

static enum svio_admin_status offload_set(struct fw_admin_call *call)
{
	uint64_t value = call->cmd->value.value;

	if (value & ~(call->vif->sram->features & RX_OFFLOADS) ||
	    !fw_features_valid(call->vif, value))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(value.value));
	fw_admin_commit(call);
	call->vif->sram->offloads = value;
	return SVIO_ADMIN_STATUS_OK;
}

/* The counters asked for; NULL: no such queue. */
static const uint64_t *find_counters(const struct fw_admin_call *call, uint32_t *count)
{
	const struct svio_admin_buffer *body = &call->cmd->buffer;
	const struct fw_queue *queue;

	if (body->kind == SVIO_STATS_VIF) {
		*count = SVIO_COUNTER_COUNT;
		return body->qid ? NULL : call->vif->slot->counters;
	}
	if (body->qid >= SVIO_QUEUES_MAX)
		return NULL;
	queue = &call->vif->sram->queue[body->qid][body->kind];
	*count = SVIO_QUEUE_COUNTER_COUNT;
	return queue->state == FW_QUEUE_NONE ? NULL : queue->counters;
}

static enum svio_admin_status stats_get(struct fw_admin_call *call)
{
	const struct svio_admin_buffer *body = &call->cmd->buffer;
	struct fw_qref ref = { .vif = call->vif, .kind = SVIO_QUEUE_ADMIN };
	const uint64_t *counters;
	uint32_t count = 0;
	uint32_t bytes;

	if (body->kind != SVIO_STATS_TXQ && body->kind != SVIO_STATS_RXQ &&
	    body->kind != SVIO_STATS_VIF)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(buffer.kind));
	counters = find_counters(call, &count);
	if (!counters)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_QUEUE,
				       FW_ADMIN_OFFSET(buffer.qid));
	bytes = count * 8;
	if (bytes > body->len)
		bytes = body->len & ~7u;
	if (!fw_dma_mapped(call->fw, &ref, body->addr, bytes, FW_WRITE) ||
	    fw_dma_write(call->fw, &ref, body->addr, counters, bytes))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS,
				       FW_ADMIN_OFFSET(buffer.addr));
	call->result = bytes;
	return SVIO_ADMIN_STATUS_OK;
}

static enum svio_admin_status link_get(struct fw_admin_call *call)
{
	call->result = fw_vif_link(call->vif);
	call->detail = fw_vif_speed(call->fw, call->vif);
	return SVIO_ADMIN_STATUS_OK;
}

struct command {
	enum svio_admin_status (*run)(struct fw_admin_call *call);
	uint64_t feature; /* must be accepted */
	uint64_t bytes;   /* of the body that may be other than zero */
};

static const struct command commands[SVIO_ADMIN_OPCODE_COUNT] = {
	[SVIO_ADMIN_NOP] = { nop, 0, 0 },
	[SVIO_ADMIN_TXQ_CREATE] = { fw_admin_txq_create, 0, CREATE_BYTES },
	[SVIO_ADMIN_RXQ_CREATE] = { fw_admin_rxq_create, 0, CREATE_BYTES },
	[SVIO_ADMIN_QUEUE_DESTROY] = { fw_admin_queue_destroy, 0, QUEUE_BYTES },
	[SVIO_ADMIN_QUEUE_GET] = { fw_admin_queue_get, 0, QUEUE_BYTES },
	[SVIO_ADMIN_MODERATION_SET] = { fw_admin_moderation_set, SVIO_FEATURE(MODERATION),
					MODERATION_BYTES },
	[SVIO_ADMIN_MAC_SET] = { fw_admin_mac_set, SVIO_FEATURE(MAC_SET), MAC_BYTES },
	[SVIO_ADMIN_MAC_ADD] = { fw_admin_mac_add, SVIO_FEATURE(MAC_FILTER), MAC_BYTES },
	[SVIO_ADMIN_MAC_DEL] = { fw_admin_mac_del, SVIO_FEATURE(MAC_FILTER), MAC_BYTES },
	[SVIO_ADMIN_VLAN_ADD] = { fw_admin_vlan_add, SVIO_FEATURE(VLAN_FILTER), VLAN_BYTES },
	[SVIO_ADMIN_VLAN_DEL] = { fw_admin_vlan_del, SVIO_FEATURE(VLAN_FILTER), VLAN_BYTES },
	[SVIO_ADMIN_RX_MODE_SET] = { fw_admin_rx_mode_set, SVIO_FEATURE(RX_MODE), RX_MODE_BYTES },
	[SVIO_ADMIN_RSS_SET] = { fw_admin_rss_set, SVIO_FEATURE(RSS), RSS_BYTES },
	[SVIO_ADMIN_RSS_TABLE_SET] = { fw_admin_rss_table_set, SVIO_FEATURE(RSS), TABLE_BYTES },
	[SVIO_ADMIN_MTU_SET] = { mtu_set, SVIO_FEATURE(MTU), VALUE_BYTES },
	[SVIO_ADMIN_OFFLOAD_SET] = { offload_set, 0, VALUE_BYTES },
	[SVIO_ADMIN_STATS_GET] = { stats_get, 0, STATS_BYTES },
	[SVIO_ADMIN_LINK_GET] = { link_get, 0, 0 },
	[SVIO_ADMIN_MAPQ_CREATE] = { fw_admin_mapq_create, SVIO_FEATURE(MAP_QUEUE), MAP_BYTES },
};

static enum svio_admin_status check_reserved(struct fw_admin_call *call, uint64_t bytes)
{
	uint32_t i;

	if (call->cmd->reserved)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_RESERVED,
				       FW_ADMIN_OFFSET(reserved));
	for (i = 0; i < sizeof(call->cmd->bytes); i++) {
		if (call->cmd->bytes[i] && !(bytes >> i & 1))
			return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_RESERVED,
					       FW_ADMIN_OFFSET(bytes) + i);
	}
	return SVIO_ADMIN_STATUS_OK;
}

static enum svio_admin_status run(struct fw_admin_call *call)
{
	const struct svio_admin_cmd *cmd = call->cmd;
	const struct command *command;
	enum svio_admin_status status;

	if (cmd->opcode >= SVIO_ADMIN_OPCODE_COUNT ||
	    !fw_feature(call->vif, commands[cmd->opcode].feature))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_OPCODE, FW_ADMIN_OFFSET(opcode));
	command = &commands[cmd->opcode];
	status = check_reserved(call, command->bytes);
	return status ? status : command->run(call);
}

void fw_admin_execute(struct fw_admin_call *call, struct svio_admin_cmpl *cmpl)
{
	enum svio_admin_status status = run(call);

	fw_count(call->vif, SVIO_COUNTER_admin_commands, 1);
	if (status)
		fw_count(call->vif, SVIO_COUNTER_admin_errors, 1);
	*cmpl = (struct svio_admin_cmpl){
		.id = call->cmd->id,
		.status = (uint16_t)status,
		.result = call->result,
		.detail = call->detail,
		.info = call->info,
	};
}
