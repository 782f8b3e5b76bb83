/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler's tree, private to vif-sched.
 *
 * A node *wants* when it has something to send: an active leaf, or a node one
 * of whose children can be served. It is *held* while its ceiling is reached; it is
 * in the timers then. It can be served when it wants and is not held, and only
 * those count in their parent. A node that can be served is in its parent's
 * queues or has its turn.
 *
 * Nodes leave a parent's queues when they come first there: one that cannot be
 * served any more stays until then. Timers hold only nodes that want.
 */
#ifndef SCHED_TREE_H
#define SCHED_TREE_H

#include "sched_queue.h"
#include "sched_wheel.h"

/* Private to the library: calls of each other may be inlined in a library that can be shared. */
#pragma GCC visibility push(hidden)

/* How a group chooses among its children. */
struct sched_group {
	struct sched_queue share[SVIO_SCHED_PRIORITIES];
	struct sched_queue due;
	bool timely;    /* the last turn was for a min */
	uint32_t ready; /* bit p: share[p] has nodes */
	uint16_t free;  /* next in the list of free ones */
};

/* How a VIF chooses among its classes: few enough to look at each. */
struct sched_vif {
	uint64_t due_ns[SVIO_SCHED_CLASSES];    /* of classes that are guaranteed something */
	uint64_t soonest_ns;                    /* no class that can be served is due before */
	uint64_t served[SVIO_SCHED_PRIORITIES]; /* start tag last served */
	uint16_t class_node[SVIO_SCHED_CLASSES];
	uint64_t at;      /* byte p: classes of priority p */
	uint8_t ready;    /* classes that can be served */
	uint8_t with_min; /* classes that are guaranteed something */
	bool timely;      /* the last turn was for a min */
	uint16_t free;
};

static inline uint64_t sched_seat(uint32_t priority, uint32_t seat)
{
	return 1ull << (8 * priority + seat);
}

struct svio_sched {
	struct svio_sched_limits limits;
	struct svio_sched_limits count;
	uint32_t fresh; /* from here on no node was ever used */
	uint32_t nodes; /* there is room for */
	uint16_t free_node;
	uint16_t free_group;
	uint16_t free_vif;
	uint16_t fresh_group;
	uint16_t fresh_vif;
	uint32_t active; /* leaves */
	uint32_t turn_bytes;
	uint64_t port_wake_ns; /* when a port that is held goes on */
	/* The grant in hand: what was charged to it so far is not yet in the nodes. */
	uint32_t leaf; /* 0: none */
	uint32_t granted_bytes;
	uint32_t taken_bytes;
	uint32_t taken_packets;
	uint64_t charged_ns; /* when something was last taken */
	bool undisturbed;    /* nothing has happened that may be such a reason already */
	bool turn_over;
	struct sched_group *group;
	struct sched_vif *vif;
	uint64_t timer_ns; /* no timer ends before it */
	struct sched_queue timers;
	struct sched_wheel wheel;              /* timers, too */
	_Alignas(64) struct sched_node node[]; /* 0: the port */
};

/* A start tag's unit: bytes of weight 1 in 2^31; one charge of 2^30 bytes is below 2^62. */
#define SCHED_TAG_SCALE (1ull << 31)
/* Tags begin shortly before they wrap, so that every test and every device sees it happen. */
#define SCHED_TAG_FIRST (0 - (SCHED_TAG_SCALE << 20))

#define SCHED_SLOT_LOG2 11
_Static_assert(SVIO_SCHED_TURN_BYTES_MAX < 16u << SCHED_SLOT_LOG2, "a turn fits into the slots");

/* log2 of the width of octave 0's slots. */
#define SCHED_SHARE_UNIT    (SCHED_SLOT_LOG2 + 15) /* tags: weight 65535 is 2^15 a byte */
#define SCHED_DUE_COST_LOG2 26                     /* 400 Gbit/s costs more than 2^26 a byte */
#define SCHED_DUE_UNIT      (SCHED_SLOT_LOG2 + SCHED_DUE_COST_LOG2 - 32) /* ns */
#define SCHED_TIMER_UNIT    6                                            /* ns */

/* From the beginning of a slot of octave 0 to the end of the turns that begin in it. */
static inline uint64_t sched_queue_span(uint32_t unit, uint32_t turn_bytes)
{
	return (1ull << unit) + (((uint64_t)turn_bytes << unit) >> SCHED_SLOT_LOG2);
}

/* A node in use, or NULL. */
static inline struct sched_node *sched_node_find(struct svio_sched *sched, svio_sched_node node)
{
	if (node >= sched->fresh || !sched->node[node].kind)
		return NULL;
	return &sched->node[node];
}

static inline struct sched_node *sched_parent(struct svio_sched *sched,
					      const struct sched_node *node)
{
	return &sched->node[node->parent];
}

/* --- sched_choice.c: a node's children in its queues; more of it in sched_choice.h --- */

/* Take a child out of its parent's queues. */
void sched_child_remove(struct svio_sched *sched, struct sched_node *child);
/* Give a child that is not in a queue another weight and priority. */
void sched_child_set_share(struct svio_sched *sched, struct sched_node *child, uint32_t weight,
			   uint8_t priority);
/* Guarantee a child a min of that cost; 0: none. It has not its turn. */
void sched_child_set_min(struct svio_sched *sched, struct sched_node *child, uint64_t cost,
			 uint64_t now_ns);

/* --- sched_hold.c: ceilings --- */

/* When a node that has reached its ceiling goes on. */
uint64_t sched_resume_ns(const struct sched_node *node);
/* A node that was not served so far waits in the timers for its ceiling. */
void sched_wait(struct svio_sched *sched, struct sched_node *node);
/* The same for one that was served. */
void sched_hold(struct svio_sched *sched, struct sched_node *node);
/* Take it out of the timers. */
void sched_unhold(struct svio_sched *sched, struct sched_node *node);
/* What it waits for has changed. */
void sched_hold_again(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns);
/* Let go of those whose time has come. */
void sched_expire_some(struct svio_sched *sched, uint64_t now_ns);

static inline void sched_expire(struct svio_sched *sched, uint64_t now_ns)
{
	if (!sched_before(now_ns, sched->timer_ns))
		sched_expire_some(sched, now_ns);
	sched->timers.clock = sched_later(sched->timers.clock, now_ns);
}

/*
 * When the first of the timers ends, or, where several share its slot, when that begins.
 * SVIO_SCHED_NEVER: there is none.
 */
uint64_t sched_first_timer(const struct svio_sched *sched);

/* --- sched_turn.c --- */

/* Account for the grant in hand. */
void sched_settle(struct svio_sched *sched, uint64_t now_ns);
/* End a node's turn. */
void sched_turn_end(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns);
void sched_port_turn_end(struct svio_sched *sched, uint64_t now_ns);

#pragma GCC visibility pop

#endif /* SCHED_TREE_H */
