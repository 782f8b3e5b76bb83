/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Admin commands. Each has a row in a table (what it needs, which bytes it may
 * use) and a handler that checks everything, calls fw_admin_commit(), and then
 * cannot fail.
 *
 * A crash between commit and completion makes the next firmware execute the
 * command again with repeat set: a change that is there already is then no
 * error.
 */
#ifndef SVIO_FW_ADMIN_H
#define SVIO_FW_ADMIN_H

#include "fw.h"

struct fw_admin_call {
	struct svio_fw *fw;
	struct fw_vif *vif;
	const struct svio_admin_cmd *cmd; /* device memory */
	bool repeat;
	uint32_t result;
	uint32_t detail; /* refused: offset of the field at fault */
	uint64_t info;
};

/* Execute a command whose bytes were copied: the completion but for its phase. */
void fw_admin_execute(struct fw_admin_call *call, struct svio_admin_cmpl *cmpl);

/* From here on the command changes things. */
void fw_admin_commit(struct fw_admin_call *call);

/* Refuse: status, naming the field at this offset of the command. */
enum svio_admin_status fw_admin_refuse(struct fw_admin_call *call, enum svio_admin_status status,
				       uint32_t offset);

/* Handlers, by subject: queues (fw_admin_queue.c, fw_mapq.c) and receive filters (fw_admin_filter.c). */
enum svio_admin_status fw_admin_txq_create(struct fw_admin_call *call);
enum svio_admin_status fw_admin_rxq_create(struct fw_admin_call *call);
enum svio_admin_status fw_admin_mapq_create(struct fw_admin_call *call);
enum svio_admin_status fw_admin_mapq_destroy(struct fw_admin_call *call); /* it exists */
enum svio_admin_status fw_admin_queue_destroy(struct fw_admin_call *call);
enum svio_admin_status fw_admin_queue_get(struct fw_admin_call *call);
enum svio_admin_status fw_admin_moderation_set(struct fw_admin_call *call);
enum svio_admin_status fw_admin_mac_set(struct fw_admin_call *call);
enum svio_admin_status fw_admin_mac_add(struct fw_admin_call *call);
enum svio_admin_status fw_admin_mac_del(struct fw_admin_call *call);
enum svio_admin_status fw_admin_vlan_add(struct fw_admin_call *call);
enum svio_admin_status fw_admin_vlan_del(struct fw_admin_call *call);
enum svio_admin_status fw_admin_rx_mode_set(struct fw_admin_call *call);
enum svio_admin_status fw_admin_rss_set(struct fw_admin_call *call);
enum svio_admin_status fw_admin_rss_table_set(struct fw_admin_call *call);

#define FW_ADMIN_OFFSET(field) ((uint32_t)offsetof(struct svio_admin_cmd, field))

#endif /* SVIO_FW_ADMIN_H */
