/* SPDX-License-Identifier: BSD-3-Clause */
/* A node of the scheduler's tree, private to vif-sched. */
#ifndef SCHED_NODE_H
#define SCHED_NODE_H

#include "sched_clock.h"
#include "svio_sched.h"

/* A node can be in one queue of each kind. */
enum sched_queue_kind {
	SCHED_SHARE = 0, /* its share of what is left; key: start tag */
	SCHED_DUE = 1,   /* its min; key: when the next byte is due, in ns */
	SCHED_TIMER = 2, /* its ceiling; key: when it is free again, in ns */
	SCHED_QUEUE_KINDS
};

enum sched_flags {
	SCHED_WANTS = 1,
	SCHED_HELD = 2,
	SCHED_TURN = 4,             /* its parent's turn_of */
	SCHED_TIMELY = 8,           /* and in that for its min */
	SCHED_QUEUED = 16,          /* SCHED_QUEUED << enum sched_queue_kind: in that queue */
	SCHED_COUNTS_PACKETS = 128, /* it has a max_pps */
};

struct sched_group;
struct sched_vif;

struct sched_node {
	/* Each turn: two cache lines. */
	_Alignas(64) uint16_t link[SCHED_QUEUE_KINDS]; /* next in the same slot */
	uint16_t place[SCHED_QUEUE_KINDS];             /* octave and slot */
	uint16_t self;
	uint16_t parent;
	uint8_t kind;  /* enum svio_sched_kind; 0: not in use */
	uint8_t flags; /* enum sched_flags */
	uint8_t priority;
	uint8_t seat;      /* which child of a VIF it is */
	uint8_t octave[2]; /* in its parent's queues, SCHED_SHARE and SCHED_DUE */
	uint16_t servable; /* children that can be served */
	uint64_t start;    /* start tag of its next turn: 2^-31 of bytes / weight */
	/* Where they are behind the scheduler: pointers would not fit. 0: none, below a VIF. */
	uint32_t home_at;  /* its parent's struct sched_group */
	uint32_t share_at; /* the queue of those it shares with */
	uint32_t tag_per_byte;
	uint32_t turn_bytes; /* taken in its turn so far */
	uint32_t turn_packets;
	uint32_t turn_budget;
	uint64_t bytes; /* of turns that have ended */

	struct sched_clock due; /* min: when the next byte is due */
	uint32_t weight;
	struct sched_clock free; /* max: when it has tokens again, at least one packet's */
	uint16_t turn_of;        /* the child whose turn it is; 0: none */
	uint16_t children;       /* also: next in the list of free nodes */
	uint64_t min_cost;       /* of what is guaranteed to it, 2^-32 ns a byte; 0: nothing */
	uint64_t max_cost;       /* 0: no max */
	uint64_t depth_ns;       /* max: how long its bucket takes to fill */
	uint64_t packets;        /* of turns that have ended */

	/* When it waits, when settings change. */
	union {
		struct sched_group *group; /* how it chooses, if it is a group */
		struct sched_vif *vif;     /* if it is a VIF */
	};
	uint64_t throttled;
	uint64_t min_bps;   /* its own */
	uint64_t below_bps; /* guaranteed to its children */
	uint64_t max_bps;
	uint64_t packet_cost; /* max_pps; 0: none */
	struct sched_clock packet_free;
	uint32_t resume_ns; /* worth of tokens that end a wait */
};

_Static_assert(sizeof(struct sched_node) == 192, "see svio_sched.h");

/* It has something to send and is not held back. */
static inline bool sched_servable(const struct sched_node *node)
{
	return (node->flags & (SCHED_WANTS | SCHED_HELD)) == SCHED_WANTS;
}

static inline bool sched_queued(const struct sched_node *node, enum sched_queue_kind kind)
{
	return node->flags & SCHED_QUEUED << kind;
}

/* Has a node reached a ceiling? */
static inline bool sched_exhausted(const struct sched_node *node, uint64_t now_ns)
{
	if (node->max_cost && sched_before(now_ns, sched_clock_reached_ns(&node->free)))
		return true;
	return node->flags & SCHED_COUNTS_PACKETS &&
	       sched_before(now_ns, sched_clock_reached_ns(&node->packet_free));
}

/*
 * A bucket holds no more than its depth, besides what was taken in the turn that goes on and
 * is charged at its end.
 */
static inline void sched_cut_bucket(struct sched_clock *free, uint64_t depth_ns, uint64_t cost,
				    uint64_t taken, uint64_t now_ns)
{
	uint64_t full_ns = now_ns - depth_ns;

	if (!sched_before(free->ns, full_ns))
		return;
	full_ns -= sched_units_ns(cost, taken);
	if (sched_before(free->ns, full_ns))
		sched_clock_set(free, full_ns);
}

/* Tokens of max_pps: for 64 packets, or for what it gives in 1 ms. */
#define SCHED_BURST_PACKETS 64u
#define SCHED_BURST_NS      1000000ull /* a pause this long costs nobody its max */

static inline uint64_t sched_packet_depth_ns(uint64_t packet_cost)
{
	uint64_t packets_ns = sched_units_ns(packet_cost, SCHED_BURST_PACKETS);

	return packets_ns > SCHED_BURST_NS ? packets_ns : SCHED_BURST_NS;
}

/* When a turn begins, and when it goes on: time may have passed meanwhile. */
static inline void sched_cut(struct sched_node *node, uint64_t now_ns)
{
	if (node->max_cost)
		sched_cut_bucket(&node->free, node->depth_ns, node->max_cost, node->turn_bytes,
				 now_ns);
	if (node->flags & SCHED_COUNTS_PACKETS)
		sched_cut_bucket(&node->packet_free, sched_packet_depth_ns(node->packet_cost),
				 node->packet_cost, node->turn_packets, now_ns);
}

/* Of a node with max_pps: 64 packets of 64 bytes, for which it had tokens. */
#define SCHED_COUNTED_TURN_BYTES 4096u

/*
 * Bytes of the turn that begins, of wanted: with a ceiling a turn, and one packet when its tokens are
 * running out.
 */
static inline uint32_t sched_turn_budget(struct sched_node *node, uint32_t wanted,
					 uint32_t turn_bytes, uint64_t now_ns)
{
	if (!node->max_cost && !(node->flags & SCHED_COUNTS_PACKETS))
		return wanted;
	sched_cut(node, now_ns);
	if (node->max_cost &&
	    sched_before(now_ns, sched_clock_reached_ns(&node->free) +
					 sched_units_ns(node->max_cost, turn_bytes)))
		return 1;
	if (node->flags & SCHED_COUNTS_PACKETS &&
	    sched_before(now_ns, sched_clock_reached_ns(&node->packet_free) +
					 sched_units_ns(node->packet_cost, SCHED_BURST_PACKETS)))
		return 1;
	if (node->flags & SCHED_COUNTS_PACKETS && turn_bytes > SCHED_COUNTED_TURN_BYTES)
		turn_bytes = SCHED_COUNTED_TURN_BYTES;
	return wanted > turn_bytes ? turn_bytes : wanted;
}

/* Charge a node's buckets for a turn. */
static inline void sched_take_tokens(struct sched_node *node, uint64_t bytes, uint32_t packets)
{
	if (node->max_cost)
		sched_clock_advance(&node->free, node->max_cost, bytes);
	if (node->flags & SCHED_COUNTS_PACKETS)
		sched_clock_advance(&node->packet_free, node->packet_cost, packets);
}

#endif /* SCHED_NODE_H */
