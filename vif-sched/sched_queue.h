/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Queues of nodes by key, private to vif-sched: O(1) whatever the number of nodes.
 *
 * A queue has 32 octaves, an octave 32 slots of the same width, twice that of the
 * octave below. A node's octave is its cost per byte, rounded up to a power of two:
 * a slot is about what SCHED_SLOT_BYTES cost, so a turn moves its key by few slots, few
 * slots of an octave are in use at a time, and a slot's start is a good enough
 * stand-in for the keys in it. This is the order of Quick Fair Queueing (Checconi,
 * Rizzo, Valente, "QFQ: Efficient Packet Scheduling with Tight Guarantees",
 * IEEE/ACM ToN 21(3), 2013), without its sets of groups: an octave is in use when
 * somebody has such a weight, and those few are compared one by one.
 *
 * Nodes of one slot are served in the order in which they came. A key beyond the
 * last slot waits in the last slot, and is placed again when that comes first; if it is
 * too far still, all nodes of the octave are. Keys are compared modulo 2^64.
 *
 * What every turn does is in line here.
 */
#ifndef SCHED_QUEUE_H
#define SCHED_QUEUE_H

#include "sched_slot.h"

#define SCHED_OCTAVES 32u
#define SCHED_SLOTS   32u

struct sched_queue {
	_Alignas(64) uint64_t clock; /* share: virtual time; timers: those before it have ended */
	uint64_t slope;              /* share: 2^16 times its advance per byte, for slope_weight */
	uint32_t weight;             /* share: of those that can be served */
	uint32_t slope_weight;       /* share */
	uint64_t soonest;            /* no slot in use begins before that */
	uint64_t span;    /* of octave 0: from a slot's beginning to the end of turns begun in it */
	uint32_t octaves; /* bit i: octave i is in use */
	uint32_t unit;    /* log2 of the width of a slot of octave 0 */
	uint64_t first[SCHED_OCTAVES]; /* where the first slot in use begins */
	uint32_t used[SCHED_OCTAVES];  /* bit s: slot s has a node */
	struct sched_slot slot[SCHED_OCTAVES * SCHED_SLOTS];
};

#define SCHED_NO_OCTAVE UINT32_MAX

void sched_queue_init(struct sched_queue *queue, uint32_t unit, uint64_t clock);

/* Take a node out, wherever it is: O(nodes before it in its slot). */
void sched_queue_unlink(struct sched_queue *queue, struct sched_node *nodes,
			struct sched_node *node, enum sched_queue_kind kind);

/*
 * A node's key was beyond its slot when that came first: it is put in again, and all nodes of
 * the octave are placed anew if the key is still beyond the last slot.
 */
void sched_queue_postpone(struct sched_queue *queue, struct sched_node *nodes,
			  struct sched_node *node, enum sched_queue_kind kind, uint32_t octave);

/* A place for a key that is before the first slot in use, or beyond the last. */
uint64_t sched_queue_squeeze(struct sched_queue *queue, uint32_t octave, uint64_t slot);

/* A node's key in a queue of this kind; timers have none of their own. */
static inline uint64_t sched_queue_key(const struct sched_node *node, enum sched_queue_kind kind)
{
	return kind == SCHED_DUE ? node->due.ns : node->start;
}

static inline uint32_t sched_rotate_right(uint32_t bits, uint32_t count)
{
	return bits >> (count & 31) | bits << (-count & 31);
}

/* Put a node in, by its key and octave. It must not be in a queue of that kind. */
static inline void sched_queue_push(struct sched_queue *queue, struct sched_node *nodes,
				    struct sched_node *node, enum sched_queue_kind kind,
				    uint32_t octave, uint64_t key)
{
	uint32_t used = queue->used[octave];
	uint32_t shift = queue->unit + octave;
	uint64_t slot = key >> shift;

	node->flags |= (uint8_t)(SCHED_QUEUED << kind);
	if (!used) {
		queue->first[octave] = slot << shift;
		if (!queue->octaves || sched_before(slot << shift, queue->soonest))
			queue->soonest = slot << shift;
		queue->octaves |= 1u << octave;
	} else if (((slot << shift) - queue->first[octave]) >> shift >= SCHED_SLOTS) {
		slot = sched_queue_squeeze(queue, octave, slot);
	}
	slot %= SCHED_SLOTS;
	node->place[kind] = (uint16_t)(octave * SCHED_SLOTS + (uint32_t)slot);
	sched_slot_append(&queue->slot[node->place[kind]], nodes, node, kind);
	queue->used[octave] = used | 1u << slot;
}

/* A slot has become empty. */
static inline void sched_queue_leave(struct sched_queue *queue, uint32_t octave, uint32_t at)
{
	uint32_t shift = queue->unit + octave;
	uint32_t used = queue->used[octave] & ~(1u << at);

	queue->used[octave] = used;
	if (used)
		queue->first[octave] += (uint64_t)__builtin_ctz(sched_rotate_right(
						used, (uint32_t)(queue->first[octave] >> shift)))
					<< shift;
	else
		queue->octaves &= ~(1u << octave);
}

/* The first slot in use of an octave in use. */
static inline uint32_t sched_queue_first(const struct sched_queue *queue, uint32_t octave)
{
	return (uint32_t)(queue->first[octave] >> (queue->unit + octave)) % SCHED_SLOTS;
}

/* Take the first node of an octave in use. */
static inline struct sched_node *sched_queue_pop(struct sched_queue *queue,
						 struct sched_node *nodes,
						 enum sched_queue_kind kind, uint32_t octave)
{
	uint32_t first = sched_queue_first(queue, octave);
	struct sched_slot *slot = &queue->slot[octave * SCHED_SLOTS + first];
	struct sched_node *node = sched_slot_take(slot, nodes, kind);

	node->flags &= (uint8_t) ~(SCHED_QUEUED << kind);
	if (!slot->head)
		sched_queue_leave(queue, octave, first);
	return node;
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

/*
 * Of the octaves that have begun by then, the one to be finished first, and how
 * long after that time; or SCHED_NO_OCTAVE.
 */
static inline uint32_t sched_queue_eligible(const struct sched_queue *queue, uint64_t by,
					    int64_t *finish)
{
	uint32_t best = SCHED_NO_OCTAVE;
	uint32_t left;

	*finish = INT64_MAX;
	for (left = queue->octaves; left; left &= left - 1) {
		uint32_t octave = (uint32_t)__builtin_ctz(left);
		int64_t begins = (int64_t)(queue->first[octave] - by);
		int64_t ends;

		if (begins > 0)
			continue;
		ends = begins + (int64_t)(queue->span << octave);
		if (ends < *finish) {
			best = octave;
			*finish = ends;
		}
	}
	return best;
}

#endif /* SCHED_QUEUE_H */
