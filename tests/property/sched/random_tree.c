/* SPDX-License-Identifier: BSD-3-Clause */
#include "random_tree.h"

#include <string.h>

#include "svio_test.h"

uint64_t random_tree_below(struct random_tree *tree, uint64_t limit)
{
	return svio_test_random(&tree->seed) % limit;
}

/* Evenly over three orders of magnitude, up to limit. */
static uint64_t random_scale(struct random_tree *tree, uint64_t limit)
{
	static const uint32_t powers[] = { 1, 10, 100 };

	return (limit / 10 + random_tree_below(tree, limit - limit / 10)) /
	       powers[random_tree_below(tree, 3)];
}

void random_tree_settings(struct random_tree *tree, svio_sched_node node,
			  struct svio_sched_params *params)
{
	uint64_t promised = tree->promised[node];

	memset(params, 0, sizeof(*params));
	params->weight = (uint32_t)(random_tree_below(tree, 3) ? 1 + random_tree_below(tree, 10)
							       : random_scale(tree, 65535));
	if (random_tree_below(tree, 4) == 0)
		params->priority = (uint8_t)random_tree_below(tree, 8);
	if (tree->with_mins && promised && random_tree_below(tree, 2))
		params->min_bps = promised / (1 + random_tree_below(tree, 4));
	if (params->min_bps < SVIO_SCHED_BPS_MIN)
		params->min_bps = 0;
	if (tree->with_ceilings && random_tree_below(tree, 3) == 0) {
		params->max_bps = promised + random_scale(tree, tree->rate_bps);
		if (params->max_bps < SVIO_SCHED_BPS_MIN)
			params->max_bps = SVIO_SCHED_BPS_MIN;
		if (params->max_bps > SVIO_SCHED_BPS_MAX)
			params->max_bps = SVIO_SCHED_BPS_MAX;
		/* Room for what all others may take before it: else being late costs it tokens. */
		if (tree->packet_max > 9000 || random_tree_below(tree, 2))
			params->burst_bytes =
				(uint32_t)(40 * tree->packet_max + 4 * SVIO_SCHED_PACKET_BYTES_MAX +
					   random_tree_below(tree, 1000000));
	}
}

static svio_sched_node add(struct random_tree *tree, struct twin *twin, svio_sched_node parent,
			   enum svio_sched_kind kind)
{
	uint64_t promised = random_tree_below(tree, tree->left[parent] / 2 + 1);
	struct svio_sched_params params;
	svio_sched_node node;

	/* Node numbers are not known before: what goes with 0 is the port's, and put back. */
	uint64_t port = tree->promised[0];
	tree->promised[0] = promised;
	random_tree_settings(tree, 0, &params);
	tree->promised[0] = port;
	node = twin_add(twin, parent, kind, &params);
	if (!node)
		return 0;
	tree->left[parent] -= promised;
	tree->promised[node] = promised;
	tree->left[node] = promised;
	tree->node[tree->nodes++] = node;
	return node;
}

static void add_leaf(struct random_tree *tree, struct twin *twin, svio_sched_node parent)
{
	svio_sched_node leaf = add(tree, twin, parent, SVIO_SCHED_LEAF);
	uint32_t range = tree->packet_max - 84;
	uint32_t size = 84 + (uint32_t)random_tree_below(tree, range + 1);

	if (!leaf)
		return;
	tree->leaf[tree->leaves++] = leaf;
	switch (random_tree_below(tree, 4)) {
	case 0:
		twin_packets(twin, leaf, 84, tree->packet_max);
		break;
	case 1:
		twin_packets(twin, leaf, tree->packet_max, tree->packet_max);
		break;
	case 2:
		twin_packets(twin, leaf, 84, 84);
		break;
	default:
		twin_packets(twin, leaf, size, size);
	}
}

/* The port or a group, with room below it. */
static svio_sched_node random_parent(struct random_tree *tree, const struct twin *twin)
{
	svio_sched_node node;

	if (!tree->nodes || random_tree_below(tree, 2))
		return SVIO_SCHED_PORT;
	node = tree->node[random_tree_below(tree, tree->nodes)];
	return twin->model.node[node].kind == SVIO_SCHED_GROUP ? node : SVIO_SCHED_PORT;
}

void random_tree_grow(struct random_tree *tree, struct twin *twin, uint32_t nodes)
{
	tree->nodes = 0;
	tree->leaves = 0;
	tree->promised[0] = tree->rate_bps / 10 * 9;
	tree->left[0] = tree->promised[0];
	while (tree->nodes + 4 <= nodes && !twin->model.wrong) {
		svio_sched_node parent = random_parent(tree, twin);
		uint64_t kind = random_tree_below(tree, 4);
		svio_sched_node node;
		uint32_t leaves = 1 + (uint32_t)random_tree_below(tree, 3);

		if (kind == 0 && twin->model.node[parent].depth < 2) {
			add_leaf(tree, twin, add(tree, twin, parent, SVIO_SCHED_GROUP));
		} else if (kind == 1) {
			node = add(tree, twin, parent, SVIO_SCHED_VIF);
			while (leaves--)
				add_leaf(tree, twin, node);
		} else {
			add_leaf(tree, twin, parent);
		}
	}
}
