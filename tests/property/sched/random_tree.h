/* SPDX-License-Identifier: BSD-3-Clause */
/* Random trees for a scheduler and its twin, in which every promise can be kept. */
#ifndef RANDOM_TREE_H
#define RANDOM_TREE_H

#include "sched_twin.h"

struct random_tree {
	uint64_t seed;
	uint64_t rate_bps;   /* of the device, or of the port if that is less */
	uint32_t packet_max; /* of the traffic */
	bool with_mins;
	bool with_ceilings;
	uint64_t promised[SCHED_MODEL_NODES + 1]; /* no min in a subtree is above this */
	uint64_t left[SCHED_MODEL_NODES + 1];     /* of it, for more children */
	uint32_t nodes;
	svio_sched_node node[SCHED_MODEL_NODES];
	uint32_t leaves;
	svio_sched_node leaf[SCHED_MODEL_NODES];
};

/* Below limit, evenly. */
uint64_t random_tree_below(struct random_tree *tree, uint64_t limit);

/* About so many nodes; VIFs and groups get leaves of their own. Fields above promised are set. */
void random_tree_grow(struct random_tree *tree, struct twin *twin, uint32_t nodes);

/* Other settings for a node, such as it could have had from the start. */
void random_tree_settings(struct random_tree *tree, svio_sched_node node,
			  struct svio_sched_params *params);

#endif /* RANDOM_TREE_H */
