// SPDX-License-Identifier: BSD-3-Clause
#include "fake_tree.h"

#include <errno.h>
#include <stddef.h>

struct entry {
	bool known;
	uint32_t parent;
	uint64_t min_bps;
	uint64_t max_bps;
};

/* The port is always there. */
static struct entry groups[SVIO_HOST_GROUPS_MAX] = { { .known = true } };
static struct entry vifs_known[SVIO_HOST_VIFS_MAX];

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What is guaranteed below a group; UINT64_MAX: more than somebody's max. */
static uint64_t guaranteed(uint32_t number)
{
	const struct entry *group = &groups[number];
	uint64_t sum = 0;

	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		if (!groups[i].known || groups[i].parent != number)
			continue;
		if (guaranteed(i) == UINT64_MAX)
			return UINT64_MAX;
		sum += guaranteed(i);
	}
	for (uint32_t i = 0; i < SVIO_HOST_VIFS_MAX; i++)
		if (vifs_known[i].known && vifs_known[i].parent == number)
			sum += vifs_known[i].min_bps;
	sum = larger(sum, group->min_bps);
	return group->max_bps && sum > group->max_bps ? UINT64_MAX : sum;
}

/* Take the change, or refuse it. */
static int change(struct entry *entry, struct entry to)
{
	struct entry before = *entry;

	if (to.parent >= SVIO_HOST_GROUPS_MAX || !groups[to.parent].known)
		return -ENOENT;
	*entry = to;
	if (guaranteed(0) != UINT64_MAX)
		return 0;
	*entry = before;
	return -E2BIG;
}

static bool has_members(uint32_t number)
{
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		if (groups[i].known && groups[i].parent == number)
			return true;
	for (uint32_t i = 0; i < SVIO_HOST_VIFS_MAX; i++)
		if (vifs_known[i].known && vifs_known[i].parent == number)
			return true;
	return false;
}

int fake_tree_group(const struct svio_host_segment *segment, uint32_t number, bool set)
{
	const struct svio_host_group *group = &segment->group[number];

	if (number >= SVIO_HOST_GROUPS_MAX || !group->in_use)
		return -ENOENT;
	if (set)
		return change(&groups[number], (struct entry){ .known = true,
							       .parent = group->parent,
							       .min_bps = group->qos.min_bps,
							       .max_bps = group->qos.max_bps });
	if (number == 0 || !groups[number].known)
		return -ENOENT;
	if (has_members(number))
		return -EBUSY;
	groups[number].known = false;
	return 0;
}

int fake_tree_vif(uint32_t vif, const struct svio_host_vif_qos *qos)
{
	uint64_t below = 0;

	if (!qos) {
		vifs_known[vif].known = false;
		return 0;
	}
	for (uint32_t i = 0; i < qos->classes && i < SVIO_HOST_CLASSES; i++)
		below += qos->class_node[i].min_bps;
	return change(&vifs_known[vif],
		      (struct entry){ .known = true,
				      .parent = qos->group,
				      .min_bps = larger(below, qos->node.min_bps) });
}

static void grow(struct svio_host_qos_live *live)
{
	live->bytes += 1000;
	live->packets++;
	live->state = SVIO_HOST_QOS_READY;
}

void fake_tree_read(struct svio_host_segment *segment, struct svio_host_vif *vifs)
{
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (groups[i].known)
			grow(&segment->group[i].live);
	for (uint32_t i = 0; i < segment->vifs_max; i++) {
		if (!vifs_known[i].known)
			continue;
		grow(&vifs[i].live);
		for (uint32_t k = 0; k < vifs[i].qos.classes; k++)
			grow(&vifs[i].class_live[k]);
	}
}
