/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler's law with nothing in its way: bits flow, no packets, no turns.
 *
 * At every moment a node's rate is divided among its children that have
 * something to send. Each first gets what it is guaranteed, as far as it can
 * take it. What is left goes to the highest priority, in the ratio of weights, up
 * to what each can take; what that leaves over to the next one.
 *
 * A node is guaranteed its own min or the sum of what its children are,
 * whichever is more, and whoever of them has something to send: what an idle child
 * leaves of it is divided among the others below the node. A node can take what its
 * children can, and no more than max once its bucket is empty.
 *
 * Rates change only at events: an arrival, a setting, a queue or a bucket that
 * runs empty. In between everything is a straight line, so the integration is
 * exact but for the rounding of long double. Shares no code with vif-sched.
 */
#ifndef FLUID_H
#define FLUID_H

#include <stdbool.h>
#include <stdint.h>

#define FLUID_NODES 96

/* Bytes and bytes a second. */
struct fluid_settings {
	long double min;
	long double max;   /* 0: none */
	long double depth; /* of max's bucket */
	long double weight;
	uint32_t priority; /* higher ones first */
};

struct fluid_node {
	struct fluid_settings settings;
	bool leaf;
	bool endless; /* a leaf whose queue never empties */
	uint32_t parent;
	uint32_t first; /* child; 0: none */
	uint32_t next;  /* sibling */
	long double backlog;
	long double tokens;
	long double served;
	long double guaranteed;
	/* Until the next event. */
	long double room;  /* the most that it can take */
	long double floor; /* what it is guaranteed, as far as it can take it */
	long double rate;
};

struct fluid {
	long double capacity; /* of the device */
	bool changed;         /* rates are to be computed again */
	struct fluid_node node[FLUID_NODES];
};

/* A port, node 0, of a device that moves capacity bytes a second. */
void fluid_init(struct fluid *fluid, long double capacity);

/* Nodes are numbered by the caller. A new bucket is full. */
void fluid_add(struct fluid *fluid, uint32_t node, uint32_t parent, bool leaf,
	       const struct fluid_settings *settings);

/* A bucket that was not there before is empty; else it keeps its level, cut to its new depth. */
void fluid_set(struct fluid *fluid, uint32_t node, const struct fluid_settings *settings);

/* Bytes to send; or, from now on always something or (with an empty queue) nothing more. */
void fluid_arrive(struct fluid *fluid, uint32_t leaf, long double bytes);
void fluid_endless(struct fluid *fluid, uint32_t leaf, bool endless);

/* Let time go by; fluid->node[].served grows. */
void fluid_advance(struct fluid *fluid, long double seconds);

/* Rates at this moment, without letting time go by. */
void fluid_settle(struct fluid *fluid);

#endif /* FLUID_H */
