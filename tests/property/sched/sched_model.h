/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scheduler and, beside it, what it should do, computed another way: nodes in
 * an array, ceilings in floating point, shares by filling water. Every call goes
 * through here and is checked. Slow and meant to be read.
 */
#ifndef SCHED_MODEL_H
#define SCHED_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_sched.h"

#define SCHED_MODEL_NODES 64

struct sched_model_node {
	bool used;
	bool leaf;
	bool active;
	svio_sched_node parent;
	uint32_t depth;
	struct svio_sched_params params;
	uint32_t packet_bytes; /* a leaf's packets are all of this size */
	uint64_t bytes;        /* served */
	uint64_t packets;
	/* The ceiling's law: served - allowed has never risen by more than burst. */
	long double allowed;
	long double lowest;
	long double burst;
	/* The bucket behind it. */
	long double tokens;
	long double packet_tokens;
	/* Rate of the fluid model, bytes a second. */
	long double fluid;
	long double appetite;
};

struct sched_model {
	struct svio_sched *sched;
	uint64_t now_ns;
	uint64_t device_bps;
	uint32_t nodes_max;
	struct sched_model_node node[SCHED_MODEL_NODES + 1];
	/* What was wrong first; NULL: nothing. */
	const char *wrong;
};

/* So many nodes in all. */
static inline struct svio_sched_limits sched_model_limits(uint32_t nodes_max)
{
	return (struct svio_sched_limits){ .leaves = nodes_max };
}

/* memory: svio_sched_bytes(sched_model_limits(nodes_max)). The port has no rate of its own. */
void sched_model_init(struct sched_model *model, void *memory, uint32_t nodes_max,
		      uint64_t device_bps, uint64_t now_ns);

/* The calls of svio_sched.h; results are checked against what they should be. */
svio_sched_node sched_model_add(struct sched_model *model, svio_sched_node parent, bool leaf,
				const struct svio_sched_params *params, uint32_t packet_bytes);
void sched_model_set(struct sched_model *model, svio_sched_node node,
		     const struct svio_sched_params *params);
void sched_model_del(struct sched_model *model, svio_sched_node node);
void sched_model_activate(struct sched_model *model, svio_sched_node leaf, bool active);

/*
 * Pick and serve once, or, if nobody may be served, let time go by until next_ns, at most to
 * end_ns. more: the leaf has more packets afterwards.
 */
void sched_model_step(struct sched_model *model, uint64_t end_ns, bool more);

/* Compute node.fluid for the leaves that are active now, each always backlogged. */
void sched_model_fluid(struct sched_model *model);

#endif /* SCHED_MODEL_H */
