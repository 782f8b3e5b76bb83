/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device with a scheduler, and its twin: the same tree, the same packets, the
 * same settings at the same time, but fluid. Every call to the scheduler goes
 * through sched_model and is checked.
 */
#ifndef SCHED_TWIN_H
#define SCHED_TWIN_H

#include "fluid.h"
#include "sched_model.h"

#define TWIN_QUEUE 64

_Static_assert(SCHED_MODEL_NODES < FLUID_NODES, "the same numbers for nodes");

struct twin_leaf {
	bool endless;        /* always has something to send */
	uint32_t packet_min; /* sizes of its packets are between the two */
	uint32_t packet_max;
	uint32_t first;
	uint32_t count;
	uint32_t queue[TWIN_QUEUE];
	/* The most of fluid - real and of real - fluid; since its queue became endless. Bytes. */
	long double base;
	long double lag;
	long double lead;
	/*
	 * While it has something to send: how much less than min * t it got, in whatever time t
	 * before now it lacks most, and the most that this has been.
	 */
	long double lacking;
	long double lack;
	uint64_t seen_ns;
	uint64_t seen_bytes;
};

struct twin {
	struct sched_model model;
	struct fluid fluid;
	uint64_t seed;
	svio_sched_node serving; /* until model.busy_ns */
	struct twin_leaf leaf[SCHED_MODEL_NODES + 1];
};

/* As sched_model_init(); the packets are made from seed. */
void twin_init(struct twin *twin, void *memory, const struct svio_sched_limits *limits,
	       uint64_t port_bps, uint64_t device_bps, uint64_t now_ns, uint64_t seed);

svio_sched_node twin_add(struct twin *twin, svio_sched_node parent, enum svio_sched_kind kind,
			 const struct svio_sched_params *params);

/* The sizes of a leaf's packets; before it has any. */
void twin_packets(struct twin *twin, svio_sched_node leaf, uint32_t min, uint32_t max);

void twin_set(struct twin *twin, svio_sched_node node, const struct svio_sched_params *params);

/* A leaf begins to have packets without end, or to have none. */
void twin_endless(struct twin *twin, svio_sched_node leaf, bool endless);

/* So many packets, as far as there is room in the queue of a leaf that is not endless. */
void twin_arrive(struct twin *twin, svio_sched_node leaf, uint32_t packets);

/* Both until then. Stops early if model.wrong. */
void twin_run(struct twin *twin, uint64_t until_ns);

/* What has left the device, with the part of a grant that is out by now. Bytes. */
long double twin_real(const struct twin *twin, svio_sched_node leaf);

/* What a leaf may miss, and get later, because nodes on its way are held back. Bytes. */
long double twin_hold(const struct twin *twin, svio_sched_node leaf);

#endif /* SCHED_TWIN_H */
