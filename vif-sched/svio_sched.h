/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The QoS scheduler: which queue is served next, and for how many bytes.
 *
 * A tree: port -> group -> group -> VIF -> class. Leaves are what is served (a
 * VIF, or its classes). Packets stay where they are: the scheduler hands out a
 * grant, the caller fetches at most that many bytes and charges what it took.
 *
 * Pure library: no clock (now_ns is an argument, monotonic, any origin), no
 * allocation after init, no threads, no libc beyond mem*. The caller serialises
 * all calls on one scheduler. Costs are in bytes on the wire: the caller adds
 * SVIO_SCHED_FRAMING_BYTES to each frame. Rates are in bits per second.
 */
#ifndef SVIO_SCHED_H
#define SVIO_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Preamble, start delimiter, FCS and inter-frame gap: what a frame costs beyond itself. */
#define SVIO_SCHED_FRAMING_BYTES 24

#define SVIO_SCHED_PRIORITIES 8
#define SVIO_SCHED_WEIGHT_MAX 65535
#define SVIO_SCHED_BPS_MIN    1000ull
#define SVIO_SCHED_BPS_MAX    400000000000ull
#define SVIO_SCHED_NEVER      UINT64_MAX

struct svio_sched;

/* A node; 0 is the port. */
typedef uint32_t svio_sched_node;
#define SVIO_SCHED_PORT 0u

enum svio_sched_kind {
	SVIO_SCHED_GROUP = 1,
	SVIO_SCHED_LEAF = 2,
};

/* What an administrator sets on a node. All zero: an equal share, no ceiling, lowest priority. */
struct svio_sched_params {
	uint64_t min_bps;     /* guaranteed; 0: none */
	uint64_t max_bps;     /* ceiling; 0: none */
	uint64_t max_pps;     /* packets per second; 0: none */
	uint32_t burst_bytes; /* of max: how far ahead it may get; 0: a default from max */
	uint32_t weight;      /* share of what is left, 1..SVIO_SCHED_WEIGHT_MAX; 0 counts as 1 */
	uint8_t priority;     /* 0..7; 7 is served first */
};

/* Why a setting was refused: the node at fault and what would have fitted. */
struct svio_sched_refusal {
	svio_sched_node node;
	uint64_t available;    /* in the unit of the parameter at fault */
	const char *parameter; /* static string: "min", "max", ... */
};

/* Bytes of memory for nodes_max nodes, the port not counted. */
size_t svio_sched_bytes(uint32_t nodes_max);

/*
 * Start with a port of port_bps (0: no rate of its own) and nothing below it.
 * memory: svio_sched_bytes(nodes_max), 64-aligned. Returns it as a scheduler.
 */
struct svio_sched *svio_sched_init(void *memory, uint32_t nodes_max, uint64_t port_bps,
				   uint64_t now_ns);

/*
 * Add a node below parent. 0 and *node; -ENOSPC: nodes_max reached; -EINVAL:
 * no such parent, parent is a leaf, or a parameter is out of range (*refusal
 * says which; refusal may be NULL); -E2BIG: the mins do not fit.
 */
int svio_sched_add(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		   const struct svio_sched_params *params, uint64_t now_ns, svio_sched_node *node,
		   struct svio_sched_refusal *refusal);

/*
 * Change a node's settings, the port's included, at any time. Errors as
 * svio_sched_add(); nothing is changed then. Holds from the next pick.
 */
int svio_sched_set(struct svio_sched *sched, svio_sched_node node,
		   const struct svio_sched_params *params, uint64_t now_ns,
		   struct svio_sched_refusal *refusal);

/* Take a node away. 0; -EBUSY: a group that is not empty; -EINVAL: no such node, the port. */
int svio_sched_del(struct svio_sched *sched, svio_sched_node node);

/* A leaf has something to send (idempotent). */
void svio_sched_activate(struct svio_sched *sched, svio_sched_node leaf, uint64_t now_ns);

/* A leaf has nothing to send any more, found out other than by charging (idempotent). */
void svio_sched_deactivate(struct svio_sched *sched, svio_sched_node leaf);

bool svio_sched_active(const struct svio_sched *sched, svio_sched_node leaf);

struct svio_sched_grant {
	svio_sched_node leaf;
	uint32_t
		bytes; /* fetch packets while their cost so far is below this (the last may exceed) */
	uint32_t packets; /* and at most so many */
};

/*
 * Choose whom to serve. False: nobody may be served now (see
 * svio_sched_next_ns()). After true the caller must svio_sched_charge() that
 * leaf before it picks again.
 */
bool svio_sched_pick(struct svio_sched *sched, uint64_t now_ns, struct svio_sched_grant *grant);

/*
 * Account for a grant: bytes of cost and packets taken (0 and 0 are allowed),
 * more: the leaf still has something to send.
 */
void svio_sched_charge(struct svio_sched *sched, svio_sched_node leaf, uint64_t bytes,
		       uint32_t packets, bool more, uint64_t now_ns);

/* When a pick can first succeed: now_ns or earlier: at once; SVIO_SCHED_NEVER: nothing is active. */
uint64_t svio_sched_next_ns(const struct svio_sched *sched, uint64_t now_ns);

struct svio_sched_stats {
	uint64_t bytes; /* cost charged */
	uint64_t packets;
	uint64_t throttled; /* times its own ceiling held it back */
};

/* 0; -EINVAL: no such node. */
int svio_sched_stats_get(const struct svio_sched *sched, svio_sched_node node,
			 struct svio_sched_stats *stats);

/*
 * A ceiling on its own, for the receive side: a token bucket (as in RFC 2697,
 * one rate, one colour). pass() takes cost bytes and says whether they fit.
 */
struct svio_sched_meter {
	uint64_t bps;      /* 0: everything passes */
	uint64_t full_ns;  /* when the bucket would be full again */
	uint64_t burst_ns; /* bucket's depth as time at bps */
};

void svio_sched_meter_set(struct svio_sched_meter *meter, uint64_t bps, uint32_t burst_bytes,
			  uint64_t now_ns);
bool svio_sched_meter_pass(struct svio_sched_meter *meter, uint32_t cost_bytes, uint64_t now_ns);

#endif /* SVIO_SCHED_H */
