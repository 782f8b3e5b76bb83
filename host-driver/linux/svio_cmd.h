/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One function for each admin command that the driver uses. All may sleep, and
 * return what svio_adminq_exec() returns. A command without its feature is the
 * caller's mistake: the device answers -EOPNOTSUPP.
 */
#ifndef SVIO_CMD_H
#define SVIO_CMD_H

#include <linux/types.h>

#include "svio_admin.h"

struct svio;
struct svio_moderation;

/* What both create commands need besides the kind and the number of the queue. */
struct svio_cmd_queue {
	dma_addr_t ring;
	dma_addr_t completion;
	u16 vector;
	u16 buf_len; /* receive only */
	u8 ring_lg2;
};

int svio_cmd_nop(struct svio *svio);
int svio_cmd_queue_create(struct svio *svio, u16 kind, u16 qid, const struct svio_cmd_queue *queue,
			  const struct svio_moderation *moderation);
/* ring and status as svio_map_entry[2^lg2] and svio_map_status. */
int svio_cmd_mapq_create(struct svio *svio, dma_addr_t ring, dma_addr_t status, u8 lg2);
int svio_cmd_queue_destroy(struct svio *svio, u16 kind, u16 qid);
/* *error: enum svio_error; *index: entries that the device has completed. */
int svio_cmd_queue_get(struct svio *svio, u16 kind, u16 qid, u32 *error, u32 *index);
int svio_cmd_moderation_set(struct svio *svio, u16 kind, u16 qid,
			    const struct svio_moderation *moderation);
/* opcode: SVIO_ADMIN_MAC_SET, _ADD or _DEL. */
int svio_cmd_mac(struct svio *svio, u16 opcode, const u8 *mac);
/* opcode: SVIO_ADMIN_VLAN_ADD or _DEL. */
int svio_cmd_vlan(struct svio *svio, u16 opcode, u16 vid);
int svio_cmd_rx_mode_set(struct svio *svio, u32 flags);
int svio_cmd_rss_set(struct svio *svio, const u8 *key, u32 types);
int svio_cmd_rss_table_set(struct svio *svio, const u8 *table);
int svio_cmd_mtu_set(struct svio *svio, u32 mtu);
int svio_cmd_offload_set(struct svio *svio, u64 features);
/* Counters in host order; those that an older device lacks stay zero. */
int svio_cmd_stats_get(struct svio *svio, u16 kind, u16 qid, u64 *counters, u32 count);
int svio_cmd_link_get(struct svio *svio, bool *up, u32 *speed_mbps);

#endif /* SVIO_CMD_H */
