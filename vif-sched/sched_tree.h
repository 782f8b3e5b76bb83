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

#include "sched_clock.h"
#include "sched_queue.h"
#include "svio_sched.h"

enum sched_flags {
	SCHED_WANTS = 1,
	SCHED_HELD = 2,
	SCHED_TURN = 4,    /* its parent's turn_of */
	SCHED_TIMELY = 8,  /* and in that for its min */
	SCHED_QUEUED = 16, /* SCHED_QUEUED << enum sched_queue_kind: in that queue */
};

struct sched_node {
	/* Each turn. */
	uint16_t parent;
	uint16_t link[SCHED_QUEUE_KINDS]; /* next in the same slot */
	uint8_t kind;                     /* enum svio_sched_kind; 0: not in use */
	uint8_t flags;                    /* enum sched_flags */
	uint8_t priority;
	uint8_t octave[2]; /* in its parent's queues, SCHED_SHARE and SCHED_DUE */
	uint8_t seat;      /* which child of a VIF it is */
	uint16_t turn_of;  /* the child whose turn it is; 0: none */
	uint64_t start;    /* start tag of its next turn: 2^-31 of bytes / weight */
	uint32_t tag_per_byte;
	uint32_t turn_bytes; /* taken in its turn so far */
	uint32_t turn_packets;
	uint32_t turn_budget;
	struct sched_clock full; /* max: when its bucket is full again */
	uint64_t max_cost;       /* 2^-32 ns a byte; 0: no max */
	/* Each turn of those who have them. */
	struct sched_clock due;            /* min: when the next byte is due */
	uint64_t min_cost;                 /* of what is guaranteed to it; 0: nothing */
	uint64_t depth_ns;                 /* max: how long a bucket takes to fill */
	uint32_t resume_ns;                /* worth of tokens that end a wait */
	uint16_t servable;                 /* children that can be served */
	uint16_t place[SCHED_QUEUE_KINDS]; /* in the queue: octave and slot */
	uint16_t children;                 /* also: next in the list of free nodes */
	uint32_t weight;
	uint64_t packet_cost; /* max_pps; 0: none */
	/* Others. */
	struct sched_clock packet_full;
	uint64_t packet_depth_ns;
	struct svio_sched_stats stats;
	uint64_t min_bps;   /* its own */
	uint64_t below_bps; /* guaranteed to its children */
	uint64_t max_bps;
	uint16_t arbiter; /* of a group or VIF: which one is its own */
	uint8_t depth;    /* distance from the port */
};

_Static_assert(sizeof(struct sched_node) <= 256, "see svio_sched.h");

/* How a group chooses among its children. */
struct sched_group {
	struct sched_queue share[SVIO_SCHED_PRIORITIES];
	struct sched_queue due;
	uint32_t ready; /* bit p: share[p] has nodes */
	uint16_t free;  /* next in the list of free ones */
};

/* How a VIF chooses among its classes: few enough to look at each. */
struct sched_vif {
	uint64_t served[SVIO_SCHED_PRIORITIES]; /* start tag last served */
	uint16_t class_node[SVIO_SCHED_CLASSES];
	uint8_t at[SVIO_SCHED_PRIORITIES]; /* classes of this priority */
	uint8_t ready;                     /* classes that can be served */
	uint8_t timely;                    /* classes with a min */
	uint16_t free;
};

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
	uint32_t active;       /* leaves */
	uint64_t port_wake_ns; /* when a port that is held goes on */
	struct sched_group *group;
	struct sched_vif *vif;
	struct sched_queue timers;
	_Alignas(64) struct sched_node node[]; /* 0: the port */
};

/* A start tag's unit: bytes of weight 1 in 2^31; one charge of 2^30 bytes is below 2^62. */
#define SCHED_TAG_SCALE (1ull << 31)
/* Tags begin shortly before they wrap, so that every test and every device sees it happen. */
#define SCHED_TAG_FIRST (0 - (SCHED_TAG_SCALE << 20))

#define SCHED_TURN_LOG2 12
_Static_assert(SVIO_SCHED_TURN_BYTES == 1u << SCHED_TURN_LOG2, "octaves count on it");

/* log2 of the width of octave 0's slots. */
#define SCHED_SHARE_UNIT    (SCHED_TURN_LOG2 + 15) /* tags: weight 65535 is 2^15 a byte */
#define SCHED_DUE_COST_LOG2 26                     /* 400 Gbit/s costs more than 2^26 a byte */
#define SCHED_DUE_UNIT      (SCHED_TURN_LOG2 + SCHED_DUE_COST_LOG2 - 32) /* ns */
#define SCHED_TIMER_UNIT    8                                            /* ns */

static inline bool sched_servable(const struct sched_node *node)
{
	return (node->flags & (SCHED_WANTS | SCHED_HELD)) == SCHED_WANTS;
}

static inline bool sched_queued(const struct sched_node *node, enum sched_queue_kind kind)
{
	return node->flags & SCHED_QUEUED << kind;
}

static inline struct sched_group *sched_group_of(struct svio_sched *sched,
						 const struct sched_node *node)
{
	return &sched->group[node->arbiter];
}

static inline struct sched_vif *sched_vif_of(struct svio_sched *sched,
					     const struct sched_node *node)
{
	return &sched->vif[node->arbiter];
}

/* A node in use, or NULL. */
static inline struct sched_node *sched_node_find(struct svio_sched *sched, svio_sched_node node)
{
	if (node >= sched->fresh || !sched->node[node].kind)
		return NULL;
	return &sched->node[node];
}

/* --- sched_choice.c: a node's children in its queues --- */

/* A child counts among those that can be served. */
void sched_child_join(struct svio_sched *sched, uint32_t child);
/* The same, for one that could not be so far: it goes where newcomers go. */
void sched_child_enter(struct svio_sched *sched, uint32_t child, uint64_t now_ns);
/* A child cannot be served any more. It stays queued. */
void sched_child_leave(struct svio_sched *sched, uint32_t child);
/* A child that can be served goes into the queues it is not in, with the tags it has. */
void sched_child_again(struct svio_sched *sched, uint32_t child, uint64_t now_ns);
/* Take a child out of its parent's queues. */
void sched_child_remove(struct svio_sched *sched, uint32_t child);
/* Charge a turn to a child's min or share. */
void sched_child_charge(struct svio_sched *sched, uint32_t child, uint32_t bytes);
/* Guarantee a child a min of that cost; 0: none. It has not its turn. */
void sched_child_set_min(struct svio_sched *sched, uint32_t child, uint64_t cost, uint64_t now_ns);
/* The child whose turn comes, out of its queue, marked SCHED_TURN; 0: none can be served. */
uint32_t sched_child_choose(struct svio_sched *sched, uint32_t parent, uint64_t now_ns);
/* Should another child go before the one whose turn it is? */
bool sched_child_preempted(struct svio_sched *sched, uint32_t parent, uint64_t now_ns);

/* --- sched_hold.c: ceilings --- */

/* Has a node reached its ceiling? */
bool sched_exhausted(const struct sched_node *node, uint64_t now_ns);
/* Bytes of the turn that begins, of wanted: fewer when its tokens are running out. */
uint32_t sched_turn_budget(const struct sched_node *node, uint32_t wanted, uint64_t now_ns);
/* Charge its buckets. */
void sched_take_tokens(struct sched_node *node, uint64_t bytes, uint32_t packets, uint64_t now_ns);
/* When a node that has reached its ceiling goes on. */
uint64_t sched_resume_ns(const struct sched_node *node);
/* A node that was not served so far waits in the timers for its ceiling. */
void sched_wait(struct svio_sched *sched, uint32_t node, uint64_t now_ns);
/* The same for one that was served. */
void sched_hold(struct svio_sched *sched, uint32_t node, uint64_t now_ns);
/* Take it out of the timers. */
void sched_unhold(struct svio_sched *sched, uint32_t node);
/* Let go of those whose time has come. */
void sched_expire(struct svio_sched *sched, uint64_t now_ns);
/* When the first of the timers ends; SVIO_SCHED_NEVER: there is none. */
uint64_t sched_first_timer(struct svio_sched *sched);

/* --- sched_turn.c --- */

/* A node can be served from now on (wants and is not held), and so perhaps those above it. */
void sched_rise(struct svio_sched *sched, uint32_t node, uint64_t now_ns);
/* A node cannot be served any more, and so perhaps those above it. */
void sched_fall(struct svio_sched *sched, uint32_t node);
/* A node has one child less that can be served. */
void sched_lose(struct svio_sched *sched, uint32_t parent);
/* End a node's turn. */
void sched_turn_end(struct svio_sched *sched, uint32_t node, uint64_t now_ns);

#endif /* SCHED_TREE_H */
