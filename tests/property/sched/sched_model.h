/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A scheduler and, beside it, what it may do, computed another way: nodes in an
 * array, ceilings in floating point, who may be refused what. Every call goes
 * through here and is checked. Slow and meant to be read.
 */
#ifndef SCHED_MODEL_H
#define SCHED_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_sched.h"

#define SCHED_MODEL_NODES 64

struct sched_model_node {
	enum svio_sched_kind kind; /* 0: not in use */
	bool active;
	svio_sched_node parent;
	uint32_t depth;
	struct svio_sched_params params;
	uint32_t packet_bytes; /* a leaf's packets are all of this size, if there is no fetch */
	uint64_t bytes;        /* served */
	uint64_t packets;
	/* The ceiling's law: served - allowed has never risen by more than burst. */
	long double allowed;
	long double lowest;
	long double burst;
	/* The bucket behind it. */
	long double tokens;
	long double packet_tokens;
	/* Of them so many at most were lost to rounding when the rate changed. */
	long double lost;
	long double lost_packets;
	uint64_t filled_ns; /* all of this is as of then */
};

/* What the device fetched for a grant. */
struct sched_model_load {
	uint64_t bytes;
	uint32_t packets;
	bool more; /* the leaf has something left */
};

struct sched_model {
	struct svio_sched *sched;
	struct svio_sched_limits limits;
	uint64_t now_ns;
	uint64_t device_bps;
	uint64_t device_rest; /* of a nanosecond, in 1 / device_bps */
	uint64_t busy_ns;     /* until when the device is busy */
	uint32_t looks;       /* in vain, since somebody was served or something changed */
	uint32_t nodes_max;
	struct sched_model_node node[SCHED_MODEL_NODES + 1];
	/* NULL: as many packets of packet_bytes as the grant allows. */
	void (*fetch)(void *context, const struct svio_sched_grant *grant,
		      struct sched_model_load *load);
	void *context;
	/* What was wrong first; NULL: nothing. */
	const char *wrong;
};

/*
 * memory: svio_sched_bytes(limits). port_bps: the port's own rate, 0: none; the device moves
 * device_bps.
 */
void sched_model_init(struct sched_model *model, void *memory,
		      const struct svio_sched_limits *limits, uint64_t port_bps,
		      uint64_t device_bps, uint64_t now_ns);

/* What max may be ahead of by, in bytes: burst_bytes, or what stands for it. */
long double sched_model_burst(const struct svio_sched_params *params);

/* A node that has used up its tokens may be held back until it has so many again, in bytes. */
long double sched_model_hold(const struct sched_model *model,
			     const struct svio_sched_params *params);

/* Bytes of a turn. */
uint32_t sched_model_turn(const struct sched_model *model);

/* The calls of svio_sched.h; results are checked against what they should be. */
svio_sched_node sched_model_add(struct sched_model *model, svio_sched_node parent,
				enum svio_sched_kind kind, const struct svio_sched_params *params,
				uint32_t packet_bytes);
void sched_model_set(struct sched_model *model, svio_sched_node node,
		     const struct svio_sched_params *params);
void sched_model_del(struct sched_model *model, svio_sched_node node);
void sched_model_activate(struct sched_model *model, svio_sched_node leaf, bool active);

/* Let time go by. */
void sched_model_advance(struct sched_model *model, uint64_t now_ns);

/*
 * Pick and charge once; the device is then busy until busy_ns, and time is as it was. False:
 * nobody may be served before *next_ns. more: what a leaf without fetch has afterwards.
 */
bool sched_model_serve(struct sched_model *model, bool more, uint64_t *next_ns);

/*
 * Serve once and wait for the device or, if nobody may be served, let time go by until next_ns,
 * at most to end_ns.
 */
void sched_model_step(struct sched_model *model, uint64_t end_ns, bool more);

#endif /* SCHED_MODEL_H */
