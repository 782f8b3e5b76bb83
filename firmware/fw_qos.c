/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_qos.h"

#include <errno.h>
#include <string.h>

#include "fw.h"
#include "fw_class.h"

/* Without a rate the port is as fast as memory: most packets are from VIF to VIF. */
#define FW_SPEED_BPS 100000000000ull

struct svio_sched_limits fw_qos_limits(uint32_t vifs_max)
{
	/* A VIF is one leaf, or a node with up to eight. */
	return (struct svio_sched_limits){
		.leaves = vifs_max * SVIO_HOST_CLASSES,
		.vifs = vifs_max,
		.groups = SVIO_HOST_GROUPS_MAX - 1,
		.speed_bps = FW_SPEED_BPS,
	};
}

/* A node that is made goes on counting from what the segment says. */
static struct svio_sched_stats counted(const struct svio_host_qos_live *live)
{
	return (struct svio_sched_stats){ live->bytes, live->packets, live->held };
}

void fw_qos_begin(struct svio_fw *fw)
{
	fw->group[0] = (struct fw_group){
		.there = true,
		.node = SVIO_SCHED_PORT,
	};
	fw->group[0].before = counted(&fw->segment->group[0].live);
}

static struct svio_sched_params sched_params(const struct svio_host_qos *qos)
{
	return (struct svio_sched_params){
		.min_bps = qos->min_bps,
		.max_bps = qos->max_bps,
		.max_pps = qos->max_pps,
		.burst_bytes = qos->burst_bytes,
		.weight = qos->weight,
		.priority = qos->priority < SVIO_SCHED_PRIORITIES ? (uint8_t)qos->priority : 0xff,
	};
}

static int add_node(struct svio_fw *fw, svio_sched_node parent, enum svio_sched_kind kind,
		    const struct svio_host_qos *qos, svio_sched_node *node)
{
	struct svio_sched_params params = sched_params(qos);

	return svio_sched_add(fw->sched, parent, kind, &params, fw->now_ns, node, NULL);
}

static int set_node(struct svio_fw *fw, svio_sched_node node, const struct svio_host_qos *qos)
{
	struct svio_sched_params params = sched_params(qos);

	return svio_sched_set(fw->sched, node, &params, fw->now_ns, NULL);
}

/* What a node did in all, and what holds it back, into the segment. */
static void report(struct svio_fw *fw, svio_sched_node node, const struct svio_sched_stats *before,
		   struct svio_host_qos_live *live)
{
	struct svio_sched_stats stats = { 0 };

	svio_sched_stats_get(fw->sched, node, &stats);
	__atomic_store_n(&live->bytes, before->bytes + stats.bytes, __ATOMIC_RELAXED);
	__atomic_store_n(&live->packets, before->packets + stats.packets, __ATOMIC_RELAXED);
	__atomic_store_n(&live->held, before->throttled + stats.throttled, __ATOMIC_RELAXED);
	__atomic_store_n(&live->state, (uint32_t)svio_sched_state(fw->sched, node),
			 __ATOMIC_RELAXED);
}
_Static_assert((int)SVIO_HOST_QOS_IDLE == (int)SVIO_SCHED_IDLE &&
		       (int)SVIO_HOST_QOS_READY == (int)SVIO_SCHED_READY &&
		       (int)SVIO_HOST_QOS_HELD == (int)SVIO_SCHED_HELD &&
		       (int)SVIO_HOST_QOS_BEHIND == (int)SVIO_SCHED_BEHIND,
	       "states are the scheduler's");

static bool qos_valid(const struct svio_fw *fw, const struct svio_host_vif_qos *qos)
{
	uint32_t i;

	if (qos->group >= SVIO_HOST_GROUPS_MAX || !fw->group[qos->group].there ||
	    qos->classes > SVIO_HOST_CLASSES)
		return false;
	for (i = 0; qos->classes && i < SVIO_HOST_LEVELS; i++) {
		if (qos->lane[i] >= qos->classes)
			return false;
	}
	for (i = 0; qos->classes && i < sizeof(qos->dscp_level); i++) {
		if (qos->dscp_level[i] >= SVIO_HOST_LEVELS)
			return false;
	}
	return true;
}

static void take_leaf(struct svio_fw *fw, struct fw_vif *vif, uint32_t class, svio_sched_node leaf)
{
	vif->leaf[class] = leaf;
	fw->leaf_owner[leaf] = vif->id | class << FW_LEAF_CLASS_SHIFT;
}

static void del_nodes(struct svio_fw *fw, struct fw_vif *vif, uint32_t classes)
{
	while (classes)
		svio_sched_del(fw->sched, vif->leaf[--classes]);
	svio_sched_del(fw->sched, vif->qos.node);
}

static int add_nodes(struct svio_fw *fw, struct fw_vif *vif, const struct svio_host_vif_qos *qos)
{
	enum svio_sched_kind kind = qos->classes ? SVIO_SCHED_VIF : SVIO_SCHED_LEAF;
	svio_sched_node leaf;
	uint32_t i;
	int error;

	error = add_node(fw, fw->group[qos->group].node, kind, &qos->node, &vif->qos.node);
	if (error)
		return error;
	if (!qos->classes)
		take_leaf(fw, vif, 0, vif->qos.node);
	for (i = 0; i < qos->classes; i++) {
		error = add_node(fw, vif->qos.node, SVIO_SCHED_LEAF, &qos->class_node[i], &leaf);
		if (error) {
			del_nodes(fw, vif, i);
			return error;
		}
		take_leaf(fw, vif, i, leaf);
	}
	return 0;
}

static int set_nodes(struct svio_fw *fw, struct fw_vif *vif, const struct svio_host_vif_qos *qos)
{
	int error = set_node(fw, vif->qos.node, &qos->node);
	uint32_t i;

	for (i = 0; i < qos->classes && !error; i++)
		error = set_node(fw, vif->leaf[i], &qos->class_node[i]);
	return error;
}

/* As it was set, but nothing is guaranteed. */
static void drop_guarantees(struct svio_fw *fw, struct fw_vif *vif)
{
	struct svio_host_vif_qos qos = vif->qos.set;
	uint32_t i;

	qos.node.min_bps = 0;
	for (i = 0; i < SVIO_HOST_CLASSES; i++)
		qos.class_node[i].min_bps = 0;
	for (i = 0; i < qos.classes; i++)
		set_node(fw, vif->leaf[i], &qos.class_node[i]);
	set_node(fw, vif->qos.node, &qos.node);
}

static int change_nodes(struct svio_fw *fw, struct fw_vif *vif, const struct svio_host_vif_qos *qos)
{
	int error = set_nodes(fw, vif, qos);

	if (!error)
		return 0;
	/* Perhaps because of the order: a guarantee may go from one class to another. */
	drop_guarantees(fw, vif);
	error = set_nodes(fw, vif, qos);
	if (error) {
		drop_guarantees(fw, vif);
		set_nodes(fw, vif, &vif->qos.set);
	}
	return error;
}

static void report_vif(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t i;

	report(fw, vif->qos.node, &vif->qos.before, &vif->slot->live);
	for (i = 0; i < vif->qos.set.classes; i++)
		report(fw, vif->leaf[i], &vif->qos.class_before[i], &vif->slot->class_live[i]);
}

static void go_on_counting(struct fw_vif *vif)
{
	uint32_t i;

	vif->qos.before = counted(&vif->slot->live);
	for (i = 0; i < SVIO_HOST_CLASSES; i++) {
		vif->qos.class_before[i] = counted(&vif->slot->class_live[i]);
		__atomic_store_n(&vif->slot->class_live[i].state, SVIO_HOST_QOS_IDLE,
				 __ATOMIC_RELAXED);
	}
}

/* Another group or number of classes: new nodes in place of the old ones. */
static int replace_nodes(struct svio_fw *fw, struct fw_vif *vif,
			 const struct svio_host_vif_qos *qos)
{
	int error;

	report_vif(fw, vif);
	del_nodes(fw, vif, vif->qos.set.classes);
	error = add_nodes(fw, vif, qos);
	if (error)
		add_nodes(fw, vif, &vif->qos.set); /* they had room before */
	go_on_counting(vif);
	return error;
}

int fw_qos_add(struct svio_fw *fw, struct fw_vif *vif)
{
	struct svio_host_vif_qos qos = vif->slot->qos;
	int error;

	if (!qos_valid(fw, &qos))
		return -EINVAL;
	error = add_nodes(fw, vif, &qos);
	if (error)
		return error;
	vif->qos.set = qos;
	go_on_counting(vif);
	return 0;
}

void fw_qos_del(struct svio_fw *fw, struct fw_vif *vif)
{
	del_nodes(fw, vif, vif->qos.set.classes);
}

static bool same_queues(const struct svio_host_vif_qos *a, const struct svio_host_vif_qos *b)
{
	return !a->classes || (!memcmp(a->lane, b->lane, sizeof(a->lane)) &&
			       !memcmp(a->dscp_level, b->dscp_level, sizeof(a->dscp_level)));
}

int fw_qos_update(struct svio_fw *fw, struct fw_vif *vif)
{
	struct svio_host_vif_qos qos = vif->slot->qos;
	const struct svio_host_vif_qos *set = &vif->qos.set;
	bool same_nodes = qos.group == set->group && qos.classes == set->classes;
	bool again = !same_nodes || !same_queues(&qos, set);
	int error;

	if (!qos_valid(fw, &qos))
		return -EINVAL;
	error = same_nodes ? change_nodes(fw, vif, &qos) : replace_nodes(fw, vif, &qos);
	if (!error)
		vif->qos.set = qos;
	if (again)
		fw_class_again(fw, vif);
	return error;
}

static int add_group(struct svio_fw *fw, uint32_t id, const struct svio_host_group *slot)
{
	struct fw_group *group = &fw->group[id];
	const struct fw_group *parent;
	int error;

	if (slot->parent >= SVIO_HOST_GROUPS_MAX)
		return -EINVAL;
	parent = &fw->group[slot->parent];
	/* Groups nest once. */
	if (!parent->there || (slot->parent && parent->parent))
		return -EINVAL;
	error = add_node(fw, parent->node, SVIO_SCHED_GROUP, &slot->qos, &group->node);
	if (error)
		return error;
	group->there = true;
	group->parent = slot->parent;
	group->before = counted(&slot->live);
	return 0;
}

int svio_fw_group_set(struct svio_fw *fw, uint32_t id)
{
	struct svio_host_group slot;

	if (id >= SVIO_HOST_GROUPS_MAX)
		return -EINVAL;
	slot = fw->segment->group[id];
	if (id && !slot.in_use)
		return -EINVAL;
	fw->now_ns = svio_hal_now_ns();
	if (!fw->group[id].there)
		return add_group(fw, id, &slot);
	if (id && slot.parent != fw->group[id].parent)
		return -EBUSY;
	return set_node(fw, fw->group[id].node, &slot.qos);
}

int svio_fw_group_del(struct svio_fw *fw, uint32_t id)
{
	int error = 0;

	if (!id || id >= SVIO_HOST_GROUPS_MAX)
		return -EINVAL;
	if (fw->group[id].there)
		error = svio_sched_del(fw->sched, fw->group[id].node);
	if (error)
		return error;
	fw->group[id].there = false;
	memset(&fw->segment->group[id].live, 0, sizeof(fw->segment->group[id].live));
	return 0;
}

void svio_fw_qos_read(struct svio_fw *fw)
{
	uint32_t id;

	for (id = 0; id < SVIO_HOST_GROUPS_MAX; id++) {
		if (fw->group[id].there)
			report(fw, fw->group[id].node, &fw->group[id].before,
			       &fw->segment->group[id].live);
	}
	for (id = 0; id < fw->vifs_end; id++) {
		if (fw->vifs[id].slot)
			report_vif(fw, &fw->vifs[id]);
	}
}
