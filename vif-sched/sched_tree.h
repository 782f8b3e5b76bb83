/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler's tree, private to vif-sched.
 *
 * Where a node is:
 *   idle    in no queue
 *   ready   in its parent's queue of its priority; key: start tag
 *   timed   in the timer queue, as it had no tokens; key: when it will have
 * A node that is ready has a parent that is ready, timed, or the port.
 *
 * Nodes leave a queue only when they are at its head, or are deleted: a leaf
 * that went idle, or whose tokens are used up, keeps its place (and so its tag)
 * until its turn comes, and is then sorted out. So going idle for a moment wins
 * nothing: a node that enters a queue has waited until others had caught up.
 */
#ifndef SCHED_TREE_H
#define SCHED_TREE_H

#include "sched_meter.h"
#include "svio_sched.h"

enum sched_place {
	SCHED_IDLE = 0,
	SCHED_READY,
	SCHED_TIMED,
};

/* Children of one priority. */
struct sched_class {
	uint64_t served; /* start tag in service, or last served */
	uint32_t head;
	uint32_t reserved;
};

struct sched_node {
	/* Every pick and charge. */
	uint64_t key;
	uint64_t tag_per_byte; /* SCHED_TAG_SCALE / weight */
	uint32_t parent;
	uint32_t first; /* heap links: first child, next and previous sibling (or heap parent) */
	uint32_t next;
	uint32_t previous;
	uint8_t kind;  /* enum svio_sched_kind; 0: not in use */
	uint8_t place; /* enum sched_place */
	uint8_t priority;
	uint8_t active;   /* a leaf that has something to send */
	uint32_t classes; /* a group: bit i: class[i] has a head */
	struct svio_sched_meter bytes;
	struct svio_sched_meter packets;
	int64_t resume_tokens; /* of bytes: once out of tokens it waits for so many */
	struct svio_sched_stats stats;
	/* Groups. */
	struct sched_class class[SVIO_SCHED_PRIORITIES];
	/* Seldom. */
	uint32_t children; /* also: next in the list of free nodes */
	uint32_t depth;
};

struct svio_sched {
	uint32_t nodes_max;
	uint32_t fresh; /* from here on no node was ever used */
	uint32_t free;
	uint32_t timers; /* heap of timed nodes */
	uint32_t active; /* leaves */
	uint32_t reserved[11];
	struct sched_node node[]; /* 0: the port */
};

/*
 * Tags are compared modulo 2^64. One charge advances a tag by at most 2^30 bytes
 * times SCHED_TAG_SCALE = 2^58, and no tag is further than SCHED_TAG_SPREAD_MAX
 * ahead of the one in service. 2^28 keeps the rounding of 1 / weight below 1 / 8192.
 */
#define SCHED_TAG_SCALE      (1ull << 28)
#define SCHED_TAG_SPREAD_MAX (1ull << 60)

/* Tags begin shortly before they wrap, so that every test and every device sees it happen. */
#define SCHED_TAG_FIRST (0 - (SCHED_TAG_SCALE << 20))

static inline bool sched_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* A node in use, or NULL. */
static inline struct sched_node *sched_node_find(struct svio_sched *sched, svio_sched_node node)
{
	if (node >= sched->fresh || !sched->node[node].kind)
		return NULL;
	return &sched->node[node];
}

/* Heaps of nodes by key; *head 0: empty. Order among equal keys is not defined. */
void svio_sched_heap_insert(struct svio_sched *sched, uint32_t *head, uint32_t node);
void svio_sched_heap_remove(struct svio_sched *sched, uint32_t *head, uint32_t node);

/* Put an idle node (and its idle ancestors) into the ready queues, at the tag in service. */
void svio_sched_node_enqueue(struct svio_sched *sched, uint32_t node);

/* Take a node out of whatever queue it is in. */
void svio_sched_node_dequeue(struct svio_sched *sched, uint32_t node);

#endif /* SCHED_TREE_H */
