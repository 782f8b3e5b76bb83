// SPDX-License-Identifier: GPL-2.0-only
#include "svio_cmd.h"

#include <linux/etherdevice.h>

#include "svio.h"
#include "svio_counters.h"

#define COMMAND(name) { .opcode = cpu_to_le16(SVIO_ADMIN_##name) }

int svio_cmd_nop(struct svio *svio)
{
	struct svio_admin_cmd cmd = COMMAND(NOP);

	return svio_adminq_exec(svio, &cmd, NULL);
}

/* Moderation is only mentioned to a device that has it. */
static struct svio_moderation usable(const struct svio *svio, const struct svio_moderation *wanted)
{
	struct svio_moderation none = {};

	return svio_hw_has(&svio->hw, SVIO_FEATURE(MODERATION)) ? *wanted : none;
}

int svio_cmd_queue_create(struct svio *svio, u16 kind, u16 qid, const struct svio_cmd_queue *queue,
			  const struct svio_moderation *moderation)
{
	struct svio_moderation mod = usable(svio, moderation);
	struct svio_admin_cmd cmd = {
		.opcode = cpu_to_le16(kind == SVIO_QUEUE_TX ? SVIO_ADMIN_TXQ_CREATE :
							      SVIO_ADMIN_RXQ_CREATE),
		.queue_create = {
			.ring = cpu_to_le64(queue->ring),
			.completion = cpu_to_le64(queue->completion),
			.qid = cpu_to_le16(qid),
			.vector = cpu_to_le16(queue->vector),
			.ring_lg2 = queue->ring_lg2,
			.buf_len = cpu_to_le16(queue->buf_len),
			.moderation_us = cpu_to_le16(mod.usecs),
			.moderation_frames = cpu_to_le16(mod.frames),
		},
	};

	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_mapq_create(struct svio *svio, dma_addr_t ring, dma_addr_t status, u8 lg2)
{
	struct svio_admin_cmd cmd = COMMAND(MAPQ_CREATE);

	cmd.queue_create.ring = cpu_to_le64(ring);
	cmd.queue_create.completion = cpu_to_le64(status);
	cmd.queue_create.vector = cpu_to_le16(SVIO_VECTOR_NONE);
	cmd.queue_create.ring_lg2 = lg2;
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_queue_destroy(struct svio *svio, u16 kind, u16 qid)
{
	struct svio_admin_cmd cmd = COMMAND(QUEUE_DESTROY);

	cmd.queue.kind = cpu_to_le16(kind);
	cmd.queue.qid = cpu_to_le16(qid);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_queue_get(struct svio *svio, u16 kind, u16 qid, u32 *error, u32 *index)
{
	struct svio_admin_cmd cmd = COMMAND(QUEUE_GET);
	struct svio_admin_cmpl reply;
	int err;

	cmd.queue.kind = cpu_to_le16(kind);
	cmd.queue.qid = cpu_to_le16(qid);
	err = svio_adminq_exec(svio, &cmd, &reply);
	if (err)
		return err;
	*error = le32_to_cpu(reply.result);
	*index = le32_to_cpu(reply.detail);
	return 0;
}

int svio_cmd_moderation_set(struct svio *svio, u16 kind, u16 qid,
			    const struct svio_moderation *moderation)
{
	struct svio_admin_cmd cmd = COMMAND(MODERATION_SET);

	cmd.queue.kind = cpu_to_le16(kind);
	cmd.queue.qid = cpu_to_le16(qid);
	cmd.queue.moderation_us = cpu_to_le16(moderation->usecs);
	cmd.queue.moderation_frames = cpu_to_le16(moderation->frames);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_mac(struct svio *svio, u16 opcode, const u8 *mac)
{
	struct svio_admin_cmd cmd = { .opcode = cpu_to_le16(opcode) };

	ether_addr_copy(cmd.mac.mac, mac);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_vlan(struct svio *svio, u16 opcode, u16 vid)
{
	struct svio_admin_cmd cmd = { .opcode = cpu_to_le16(opcode) };

	cmd.vlan.vid = cpu_to_le16(vid);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_rx_mode_set(struct svio *svio, u32 flags)
{
	struct svio_admin_cmd cmd = COMMAND(RX_MODE_SET);

	cmd.rx_mode.flags = cpu_to_le32(flags);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_rss_set(struct svio *svio, const u8 *key, u32 types)
{
	struct svio_admin_cmd cmd = COMMAND(RSS_SET);

	memcpy(cmd.rss.key, key, sizeof(cmd.rss.key));
	cmd.rss.types = cpu_to_le32(types);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_rss_table_set(struct svio *svio, const u8 *table)
{
	struct svio_admin_cmd cmd = COMMAND(RSS_TABLE_SET);

	return svio_adminq_exec_buffer(svio, &cmd, table, NULL, SVIO_RSS_TABLE_ENTRIES, NULL);
}

int svio_cmd_mtu_set(struct svio *svio, u32 mtu)
{
	struct svio_admin_cmd cmd = COMMAND(MTU_SET);

	cmd.value.value = cpu_to_le64(mtu);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_offload_set(struct svio *svio, u64 features)
{
	struct svio_admin_cmd cmd = COMMAND(OFFLOAD_SET);

	cmd.value.value = cpu_to_le64(features);
	return svio_adminq_exec(svio, &cmd, NULL);
}

int svio_cmd_stats_get(struct svio *svio, u16 kind, u16 qid, u64 *counters, u32 count)
{
	struct svio_admin_cmd cmd = COMMAND(STATS_GET);
	struct svio_admin_cmpl reply;
	__le64 raw[SVIO_COUNTER_COUNT];
	u32 got, i;
	int err;

	count = min_t(u32, count, ARRAY_SIZE(raw));
	cmd.buffer.kind = cpu_to_le16(kind);
	cmd.buffer.qid = cpu_to_le16(qid);
	err = svio_adminq_exec_buffer(svio, &cmd, NULL, raw, count * sizeof(*raw), &reply);
	if (err)
		return err;
	got = min_t(u32, le32_to_cpu(reply.result) / sizeof(*raw), count);
	for (i = 0; i < count; i++)
		counters[i] = i < got ? le64_to_cpu(raw[i]) : 0;
	return 0;
}

int svio_cmd_link_get(struct svio *svio, bool *up, u32 *speed_mbps)
{
	struct svio_admin_cmd cmd = COMMAND(LINK_GET);
	struct svio_admin_cmpl reply;
	int err;

	err = svio_adminq_exec(svio, &cmd, &reply);
	if (err)
		return err;
	*up = le32_to_cpu(reply.result) & SVIO_LINK_UP;
	*speed_mbps = le32_to_cpu(reply.detail);
	return 0;
}
