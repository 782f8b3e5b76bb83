/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of nodes by key, private to vif-sched: O(1) whatever the number of nodes.
 *
 * A queue has 32 octaves, an octave 32 slots of the same width, twice that of the
 * octave below. A node's octave says how far its key moves at most when it is
 * served for one turn (its cost per byte, rounded up to a power of two), so few
 * slots of an octave are in use at a time, and a slot's start is a good enough
 * stand-in for the keys in it. This is the order of Quick Fair Queueing (Checconi,
 * Rizzo, Valente, "QFQ: Efficient Packet Scheduling with Tight Guarantees",
 * IEEE/ACM ToN 21(3), 2013), without its sets of groups: an octave is in use when
 * somebody has such a weight, and those few are compared one by one.
 *
 * Nodes of one slot are served in the order in which they came. A key beyond the last slot waits in the last slot, and is placed again when that
 * comes first. Keys are compared modulo 2^64.
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#define SCHED_OCTAVES 32u
#define SCHED_SLOTS   32u

struct sched_node;

/* A node can be in one queue of each kind. */
enum sched_queue_kind {
	SCHED_SHARE = 0, /* its share of what is left; key: start tag */
	SCHED_DUE = 1,   /* its min; key: when the next byte is due, in ns */
	SCHED_TIMER = 2, /* its ceiling; key: when it is free again, in ns */
	SCHED_QUEUE_KINDS
};

struct sched_queue {
	uint64_t clock;  /* share: virtual time */
	uint64_t slope;  /* share: 2^16 times its advance per byte, for slope_weight */
	uint32_t weight; /* share: of those that could be served */
	uint32_t slope_weight;
	uint32_t octaves;                          /* bit i: octave i is in use */
	uint8_t unit;                              /* log2 of the width of a slot of octave 0 */
	uint8_t kind;                              /* enum sched_queue_kind */
	uint32_t used[SCHED_OCTAVES];              /* bit s: slot s has a node */
	uint64_t first[SCHED_OCTAVES];             /* where the first slot in use begins */
	uint16_t head[SCHED_OCTAVES][SCHED_SLOTS]; /* 0: the slot is empty */
	uint16_t tail[SCHED_OCTAVES][SCHED_SLOTS];
};

#define SCHED_NO_OCTAVE UINT32_MAX

void sched_queue_init(struct sched_queue *queue, enum sched_queue_kind kind, uint32_t unit,
		      uint64_t clock);

/* Put a node in, by its key and octave. It must not be in a queue of that kind. */
void sched_queue_push(struct sched_queue *queue, struct sched_node *nodes, uint32_t node,
		      uint32_t octave, uint64_t key);

/* Take a node out, wherever it is: O(nodes before it in its slot). */
void sched_queue_unlink(struct sched_queue *queue, struct sched_node *nodes, uint32_t node);

/* Take the first node of an octave in use. *slot: where its slot begins. */
uint32_t sched_queue_pop(struct sched_queue *queue, struct sched_node *nodes, uint32_t octave,
			 uint64_t *slot);

static inline bool sched_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static inline uint64_t sched_later(uint64_t a, uint64_t b)
{
	return sched_before(a, b) ? b : a;
}

/* The first node of an octave in use. */
static inline uint32_t sched_queue_head(const struct sched_queue *queue, uint32_t octave)
{
	uint64_t slot = queue->first[octave] >> (queue->unit + octave);

	return queue->head[octave][slot % SCHED_SLOTS];
}

/* The octave whose first slot begins earliest; the queue is not empty. */
static inline uint32_t sched_queue_earliest(const struct sched_queue *queue)
{
	uint32_t left = queue->octaves & (queue->octaves - 1);
	uint32_t best = (uint32_t)__builtin_ctz(queue->octaves);

	for (; left; left &= left - 1) {
		uint32_t octave = (uint32_t)__builtin_ctz(left);

		if (sched_before(queue->first[octave], queue->first[best]))
			best = octave;
	}
	return best;
}

/* Of the octaves that have begun by then, the one to be finished first; or SCHED_NO_OCTAVE. */
static inline uint32_t sched_queue_eligible(const struct sched_queue *queue, uint64_t by)
{
	uint32_t left = queue->octaves;
	uint32_t best = SCHED_NO_OCTAVE;
	uint64_t best_finish = 0;

	for (; left; left &= left - 1) {
		uint32_t octave = (uint32_t)__builtin_ctz(left);
		uint64_t finish = queue->first[octave] + (2ull << (queue->unit + octave));

		if (sched_before(by, queue->first[octave]))
			continue;
		if (best == SCHED_NO_OCTAVE || sched_before(finish, best_finish)) {
			best = octave;
			best_finish = finish;
		}
	}
	return best;
}

#endif /* SCHED_QUEUE_H */
