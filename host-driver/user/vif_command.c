/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin commands by name. */
#include <errno.h>
#include <string.h>

#include "vif_internal.h"

static int run_mac(struct svio_vif *vif, uint16_t opcode, const uint8_t *mac)
{
	struct svio_admin_cmd cmd = { .opcode = opcode };

	memcpy(cmd.mac.mac, mac, sizeof(cmd.mac.mac));
	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_mac_set(struct svio_vif *vif, const uint8_t mac[6])
{
	return run_mac(vif, SVIO_ADMIN_MAC_SET, mac);
}

int svio_vif_mac_add(struct svio_vif *vif, const uint8_t mac[6])
{
	return run_mac(vif, SVIO_ADMIN_MAC_ADD, mac);
}

int svio_vif_mac_del(struct svio_vif *vif, const uint8_t mac[6])
{
	return run_mac(vif, SVIO_ADMIN_MAC_DEL, mac);
}

int svio_vif_vlan_add(struct svio_vif *vif, uint16_t vid)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_VLAN_ADD, .vlan.vid = vid };

	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_vlan_del(struct svio_vif *vif, uint16_t vid)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_VLAN_DEL, .vlan.vid = vid };

	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_rx_mode_set(struct svio_vif *vif, uint32_t flags)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RX_MODE_SET, .rx_mode.flags = flags };

	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_rss_set(struct svio_vif *vif, const uint8_t *key, uint32_t types)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RSS_SET, .rss.types = types };

	memcpy(cmd.rss.key, key, sizeof(cmd.rss.key));
	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_rss_table_set(struct svio_vif *vif, const uint8_t *table)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RSS_TABLE_SET,
				      .buffer.addr = svio_vif_iova(vif, vif->scratch),
				      .buffer.len = SVIO_RSS_TABLE_ENTRIES };

	memcpy(vif->scratch, table, SVIO_RSS_TABLE_ENTRIES);
	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_mtu_set(struct svio_vif *vif, uint16_t mtu)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MTU_SET, .value.value = mtu };

	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_offload_set(struct svio_vif *vif, uint64_t features)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_OFFLOAD_SET, .value.value = features };

	return svio_vif_admin(vif, &cmd, NULL);
}

int svio_vif_moderation_set(struct svio_vif *vif, uint16_t kind, uint16_t qid, uint16_t us,
			    uint16_t frames)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MODERATION_SET,
				      .queue = { .kind = kind,
						 .qid = qid,
						 .moderation_us = us,
						 .moderation_frames = frames } };

	return svio_vif_admin(vif, &cmd, NULL);
}

static int get_stats(struct svio_vif *vif, uint16_t kind, uint16_t qid, uint64_t *counters,
		     uint32_t count)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_STATS_GET,
				      .buffer = { .addr = svio_vif_iova(vif, vif->scratch),
						  .len = count * 8,
						  .kind = kind,
						  .qid = qid } };
	struct svio_admin_cmpl cmpl;
	int status = svio_vif_admin(vif, &cmd, &cmpl);

	if (status)
		return status;
	/* An older device has fewer counters: the others are zero. */
	memset(counters, 0, count * sizeof(*counters));
	memcpy(counters, vif->scratch, cmpl.result < count * 8 ? cmpl.result : count * 8);
	return 0;
}

int svio_vif_stats_get(struct svio_vif *vif, uint64_t counters[SVIO_COUNTER_COUNT])
{
	return get_stats(vif, SVIO_STATS_VIF, 0, counters, SVIO_COUNTER_COUNT);
}

int svio_vif_queue_stats_get(struct svio_vif *vif, uint16_t kind, uint16_t qid,
			     uint64_t counters[SVIO_QUEUE_COUNTER_COUNT])
{
	if (kind != SVIO_QUEUE_TX && kind != SVIO_QUEUE_RX)
		return vif_fail(-EINVAL, "queue kind %u is neither transmit nor receive", kind);
	return get_stats(vif, kind, qid, counters, SVIO_QUEUE_COUNTER_COUNT);
}

int svio_vif_link_get(struct svio_vif *vif, bool *up, uint32_t *mbps)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_LINK_GET };
	struct svio_admin_cmpl cmpl;
	int status = svio_vif_admin(vif, &cmd, &cmpl);

	if (status)
		return status;
	*up = cmpl.result & SVIO_LINK_UP;
	*mbps = cmpl.detail;
	return 0;
}

int svio_vif_queue_error_get(struct svio_vif *vif, uint16_t kind, uint16_t qid,
			     enum svio_error *error, uint64_t *addr)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_GET,
				      .queue = { .kind = kind, .qid = qid } };
	struct svio_admin_cmpl cmpl;
	int status = svio_vif_admin(vif, &cmd, &cmpl);

	if (status)
		return status;
	*error = cmpl.result;
	if (addr)
		*addr = cmpl.info;
	return 0;
}
