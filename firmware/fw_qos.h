/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Places in the scheduler's tree: groups, VIFs and their classes, as sviod set
 * them in the segment. What is in force is a copy that was checked.
 */
#ifndef SVIO_FW_QOS_H
#define SVIO_FW_QOS_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_host.h"
#include "svio_sched.h"

struct svio_fw;
struct fw_vif;

struct fw_group {
	bool there;
	uint32_t parent;
	svio_sched_node node;
	struct svio_sched_stats before; /* done under an earlier firmware */
};

/* A VIF's nodes. A VIF without classes is one leaf: node and leaf[0] are the same. */
struct fw_vif_qos {
	struct svio_host_vif_qos set; /* in force */
	svio_sched_node node;
	/* Done by nodes that are no more: under an earlier firmware, or in another place. */
	struct svio_sched_stats before;
	struct svio_sched_stats class_before[SVIO_HOST_CLASSES];
};

/* What a port of vifs_max VIFs may need. */
struct svio_sched_limits fw_qos_limits(uint32_t vifs_max);

/* The port is there, nothing else. */
void fw_qos_begin(struct svio_fw *fw);

/* Make a VIF's nodes by what its slot says. 0, or -errno and none is there. */
int fw_qos_add(struct svio_fw *fw, struct fw_vif *vif);
void fw_qos_del(struct svio_fw *fw, struct fw_vif *vif);

/*
 * The slot says something else: bring it into force. 0, or -errno and nothing
 * has changed. Queues that are ready stay so.
 */
int fw_qos_update(struct svio_fw *fw, struct fw_vif *vif);

#endif /* SVIO_FW_QOS_H */
