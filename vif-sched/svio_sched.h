/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The QoS scheduler: which queue is served next, and for how many bytes.
 *
 * A tree: port -> group -> group -> VIF -> class. Leaves are what is served (a
 * VIF, or its classes). Packets stay where they are: the scheduler hands out a
 * grant, the caller fetches at most that many bytes and charges what it took.
 *
 * What holds (L: the largest charge of one grant, T: a turn, svio_sched_turn_bytes())
 * - min: while a node wants to send, it is served at least min * t - c * (T + L) bytes in any
 *   time t, if the mins beside it fit into what the node above has, which is
 *   checked where that has a max. What a node is guaranteed is its own min or
 *   the sum of what its children are, whichever is more; what an idle child leaves of
 *   that goes to its siblings. A min is not saved up while there is nothing to send.
 * - What is left goes to the highest priority among the active children that no
 *   ceiling holds back, in the ratio of their weights. So a node's part is
 *   its min and its share of what is left. A higher priority waits for one turn at
 *   most on each level, a min's among them.
 * - Service is behind that of the ideal fluid model by at most 4 * depth * (T + L), besides what holds
 *   of ceilings on the way add, and T + L + SVIO_SCHED_EARLY_BYTES for each sibling on the way down:
 *   mins that fall due at once have a turn each at once (prop_sched_lag shows such a case). Ahead
 *   of it by 2 * depth turns and one of each sibling, and what all ceilings hold. A min lacks at
 *   most 5 * depth * (T + L). tests/property/sched checks all of this.
 * - A node with max is charged at most max * t + burst in any time t; where
 *   burst is below the largest packet, that packet takes its place. A rate is
 *   kept as its inverse, 1.2e-8 too slow at most.
 * - Work-conserving: svio_sched_pick() succeeds whenever a leaf is active on
 *   whose way to the port no ceiling holds a node back. A node that has used up
 *   its tokens is held back until it has tokens for a turn (at least what max gives
 *   in 20 us, at most what it gives in 200 us or half of its bucket). Its timer is
 *   late by at most 4.1 us, and only if its bucket has room for that.
 *
 * How. On each level one child has the turn until it has taken T bytes, has nothing
 * left, or a higher priority comes. The next is chosen by earliest deadline first among
 * those whose min is due, and by WF2Q+ among those who share; both in slots whose
 * width is a power of two (sched_choice.h and sched_queue.h name the sources). It
 * needs no packet's length before the packet is fetched, and stays fair when the
 * device's speed varies. Ceilings are token buckets with a timer.
 *
 * Pick, charge, activate and deactivate are O(1) in the number of nodes; they depend on the
 * depth of the tree and on how many powers of two its weights lie in (at most 17). Changes
 * of settings are O(nodes of equal weight below the same node). Memory: 192 bytes a node, 168
 * more for a VIF with classes, 41 kB for a group, of which those of the priorities in use
 * are touched, and 22 kB for the timers.
 *
 * Pure library: no clock (now_ns is an argument, monotonic, any origin, may
 * wrap), no allocation after init, no threads, no libc beyond mem*. The caller
 * serialises all calls on one scheduler. Costs are in bytes on the wire: the
 * caller adds SVIO_SCHED_FRAMING_BYTES to each frame. Rates are in bits per
 * second.
 */
#ifndef SVIO_SCHED_H
#define SVIO_SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Preamble, start delimiter, FCS and inter-frame gap: what a frame costs beyond itself. */
#define SVIO_SCHED_FRAMING_BYTES 24

#define SVIO_SCHED_PRIORITIES 8
#define SVIO_SCHED_CLASSES    8
#define SVIO_SCHED_WEIGHT_MAX 65535
#define SVIO_SCHED_BPS_MIN    1000ull
#define SVIO_SCHED_BPS_MAX    400000000000ull
#define SVIO_SCHED_PPS_MAX    1000000000ull
#define SVIO_SCHED_NEVER      UINT64_MAX

/* A node's distance from the port: port -> group -> group -> VIF -> class. */
#define SVIO_SCHED_DEPTH_MAX 4

/* The largest packet as the scheduler sees it: 64 KiB unsegmented, and framing. */
#define SVIO_SCHED_PACKET_BYTES_MAX (65536u + 46u * SVIO_SCHED_FRAMING_BYTES)
#define SVIO_SCHED_BURST_BYTES_MAX  (1u << 30)

/*
 * A turn is what the port sends in SVIO_SCHED_TURN_NS: little on a slow port, where one packet too
 * many is felt for long, and much on a fast one, where a packet has to be cheap.
 */
#define SVIO_SCHED_TURN_NS            3277u
#define SVIO_SCHED_TURN_BYTES_MIN     1024u
#define SVIO_SCHED_TURN_BYTES_MAX     16384u
#define SVIO_SCHED_TURN_BYTES_NO_RATE 4096u

/* A min may be served so much before it is due: what a slot is worth that stands for its key. */
#define SVIO_SCHED_EARLY_BYTES 4096u

/* port_bps: 0: a port without a rate. */
static inline uint32_t svio_sched_turn_bytes(uint64_t port_bps)
{
	/* port_bps is at most 2^39. */
	uint64_t bytes = port_bps * SVIO_SCHED_TURN_NS / 8000000000u;

	if (!port_bps)
		return SVIO_SCHED_TURN_BYTES_NO_RATE;
	if (bytes > SVIO_SCHED_TURN_BYTES_MAX)
		return SVIO_SCHED_TURN_BYTES_MAX;
	return bytes < SVIO_SCHED_TURN_BYTES_MIN ? SVIO_SCHED_TURN_BYTES_MIN : (uint32_t)bytes;
}

/* Grants: to the only active leaf. One of several has a turn. Ceilings make them smaller. */
#define SVIO_SCHED_GRANT_ALONE_BYTES   65536u
#define SVIO_SCHED_GRANT_ALONE_PACKETS 256u
#define SVIO_SCHED_GRANT_PACKETS       64u

struct svio_sched;

/* A node; 0 is the port. */
typedef uint32_t svio_sched_node;
#define SVIO_SCHED_PORT 0u

enum svio_sched_kind {
	SVIO_SCHED_GROUP = 1, /* any number of children of any kind */
	SVIO_SCHED_LEAF = 2,  /* what is served: a VIF without classes, or a class */
	SVIO_SCHED_VIF = 3,   /* a VIF with classes: up to SVIO_SCHED_CLASSES leaves below it */
};

/* How many nodes of each kind there may be at once; together, with the port, below 65536. */
struct svio_sched_limits {
	uint32_t leaves;
	uint32_t vifs;
	uint32_t groups; /* the port not counted */
	/* What a port without a rate is expected to send: it decides the turn. 0: 10 Gbit/s. */
	uint64_t speed_bps;
};

/* What an administrator sets on a node. All zero: an equal share, no ceiling, lowest priority. */
struct svio_sched_params {
	uint64_t min_bps; /* guaranteed; 0: none */
	uint64_t max_bps; /* ceiling, SVIO_SCHED_BPS_MIN..SVIO_SCHED_BPS_MAX; 0: none */
	/* Packets per second, up to SVIO_SCHED_PPS_MAX; 0: none. Its burst: 64 packets, or 1 ms. */
	uint64_t max_pps;
	/*
	 * How far ahead of max it may get, up to SVIO_SCHED_BURST_BYTES_MAX. 0: the largest
	 * packet, and besides it what max gives in 1 ms or another largest packet, whichever
	 * is more: a pause of the device of up to 1 ms costs nothing. A burst that is no
	 * more than the largest packet leaves no time to be late: each delay lowers the rate.
	 */
	uint32_t burst_bytes;
	uint32_t weight;  /* share of what is left, 1..SVIO_SCHED_WEIGHT_MAX; 0 counts as 1 */
	uint8_t priority; /* 0..7; 7 is served first */
};

/* Why a setting was refused: the node at fault and what would have fitted. */
struct svio_sched_refusal {
	svio_sched_node node; /* in svio_sched_add(): the parent */
	uint64_t available;   /* the nearest value that fits, in the unit of the parameter */
	/*
	 * Static string: "min", "max", "max_pps", "burst", "weight", "priority", "kind",
	 * "parent", "depth", "node", "classes".
	 */
	const char *parameter;
};

/* Bytes of memory for so many nodes; 0: more than there may be. */
size_t svio_sched_bytes(const struct svio_sched_limits *limits);

/*
 * Start with a port of port_bps (0: no rate of its own; else brought into the range of rates)
 * and nothing below it. memory: svio_sched_bytes(limits), 64-aligned, any content. Returns it
 * as a scheduler.
 */
struct svio_sched *svio_sched_init(void *memory, const struct svio_sched_limits *limits,
				   uint64_t port_bps, uint64_t now_ns);

/*
 * Add a node below parent. 0 and *node; -ENOSPC: the limit of its kind is reached; -EINVAL:
 * no such parent, parent is a leaf, or a parameter is out of range (*refusal
 * says which; refusal may be NULL); -E2BIG: the mins do not fit. A new
 * ceiling starts with its whole burst.
 */
int svio_sched_add(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		   const struct svio_sched_params *params, uint64_t now_ns, svio_sched_node *node,
		   struct svio_sched_refusal *refusal);

/*
 * Change a node's settings, the port's included, at any time. Errors as
 * svio_sched_add(); nothing is changed then. Holds from the next pick. Tokens
 * and debt are kept (a smaller burst cuts tokens), so that changing a ceiling
 * over and over gives nobody more; one that was not there before starts empty.
 */
int svio_sched_set(struct svio_sched *sched, svio_sched_node node,
		   const struct svio_sched_params *params, uint64_t now_ns,
		   struct svio_sched_refusal *refusal);

/*
 * Take a node away; its number may be used again by the next add. 0; -EBUSY: a group that is not
 * empty; -EINVAL: no such node, the port.
 */
int svio_sched_del(struct svio_sched *sched, svio_sched_node node);

/* A leaf has something to send (idempotent; no such leaf: nothing happens). */
void svio_sched_activate(struct svio_sched *sched, svio_sched_node leaf, uint64_t now_ns);

/* A leaf has nothing to send any more, found out other than by charging (idempotent). */
void svio_sched_deactivate(struct svio_sched *sched, svio_sched_node leaf);

bool svio_sched_active(const struct svio_sched *sched, svio_sched_node leaf);

struct svio_sched_grant {
	svio_sched_node leaf;
	/* Both at least 1. Fetch while the cost so far is below bytes: the last may exceed it. */
	uint32_t bytes;
	uint32_t packets;
};

/*
 * Choose whom to serve. False: nobody may be served now (see
 * svio_sched_next_ns()). After true the caller must svio_sched_charge() that
 * leaf before it picks again. A grant may be used up by several picks and charges; it is the
 * same leaf's as long as nothing happens that goes before it.
 */
bool svio_sched_pick(struct svio_sched *sched, uint64_t now_ns, struct svio_sched_grant *grant);

/*
 * Account for a grant (a leaf without one: only more counts): bytes of cost and packets taken
 * (0 and 0 are allowed; more than SVIO_SCHED_BURST_BYTES_MAX bytes count as that many), more: the
 * leaf still has something to send. Less than 64 bytes count as 64 in the leaf's share, not for
 * ceilings: a leaf that is looked at in vain over and over does not keep the others waiting.
 */
void svio_sched_charge(struct svio_sched *sched, svio_sched_node leaf, uint64_t bytes,
		       uint32_t packets, bool more, uint64_t now_ns);

/*
 * When to pick again if nothing else happens: now_ns: a pick succeeds at once; SVIO_SCHED_NEVER:
 * nothing is active. No pick succeeds earlier. It may be too early, by an eighth of the wait, where
 * several nodes have to wait for about as long, and where both a node and a group above it are
 * held back: the next call tells the rest.
 */
uint64_t svio_sched_next_ns(struct svio_sched *sched, uint64_t now_ns);

struct svio_sched_stats {
	uint64_t bytes; /* cost charged */
	uint64_t packets;
	uint64_t throttled; /* times its own ceiling held it back */
};

/* What holds a node back at this moment. */
enum svio_sched_state {
	SVIO_SCHED_IDLE = 0,   /* nothing to send */
	SVIO_SCHED_READY = 1,  /* nothing: it has its turns */
	SVIO_SCHED_HELD = 2,   /* its own max or max_pps */
	SVIO_SCHED_BEHIND = 3, /* one of a node above it */
};

/* The state of a node; no such node: idle. */
enum svio_sched_state svio_sched_state(const struct svio_sched *sched, svio_sched_node node);

/* 0; -EINVAL: no such node. */
int svio_sched_stats_get(const struct svio_sched *sched, svio_sched_node node,
			 struct svio_sched_stats *stats);

/*
 * A ceiling on its own, for the receive side: a token bucket (as in RFC 2697,
 * one rate, one colour). Tokens are counted in 10^-9 units, so that a rate in
 * units per second times nanoseconds is exact. Fields are private.
 */
struct svio_sched_meter {
	uint64_t rate;      /* units (bits, packets) a second; 0: everything passes */
	uint64_t filled_ns; /* tokens are as of this time */
	int64_t tokens;     /* negative: debt; in 10^-9 units */
	int64_t depth;      /* tokens when full */
};

/*
 * Set a meter up, or change it (tokens are kept as by svio_sched_set()). All zero: passes
 * everything. bps: 0: no ceiling; else brought into the range of rates. burst_bytes: at least
 * one largest packet is taken; 0: four largest packets or 4 ms of bps, whichever is more.
 */
void svio_sched_meter_set(struct svio_sched_meter *meter, uint64_t bps, uint32_t burst_bytes,
			  uint64_t now_ns);

/*
 * Take cost_bytes if they are there. In any time t at most bps * t + burst pass. cost_bytes
 * above the burst never pass.
 */
bool svio_sched_meter_pass(struct svio_sched_meter *meter, uint32_t cost_bytes, uint64_t now_ns);

#endif /* SVIO_SCHED_H */
