/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "sched_queue.h"

void sched_queue_init(struct sched_queue *queue, uint32_t unit, uint64_t clock)
{
	memset(queue, 0, sizeof(*queue));
	queue->unit = unit;
	queue->span = 2ull << unit;
	queue->clock = clock;
}

uint64_t sched_queue_squeeze(struct sched_queue *queue, uint32_t octave, uint64_t slot)
{
	uint32_t shift = queue->unit + octave;
	uint32_t first = (uint32_t)(queue->first[octave] >> shift);
	uint32_t last =
		31u - (uint32_t)__builtin_clz(sched_rotate_right(queue->used[octave], first));
	int64_t ahead = (int64_t)((slot << shift) - queue->first[octave]) >> shift;
	/* As early as the last slot in use allows: who is owed much goes before all others. */
	int64_t earliest = (int64_t)last - (int64_t)(SCHED_SLOTS - 1);

	if (ahead > 0)
		return (queue->first[octave] >> shift) + SCHED_SLOTS - 1;
	if (ahead < earliest)
		slot = (queue->first[octave] >> shift) + (uint64_t)earliest;
	queue->first[octave] = slot << shift;
	if (sched_before(slot << shift, queue->soonest))
		queue->soonest = slot << shift;
	return slot;
}

/*
 * All nodes of an octave that can be served, linked in order; the octave is empty then. The others
 * are in it only because they have not come first since.
 */
static uint16_t take_all(struct sched_queue *queue, struct sched_node *nodes,
			 enum sched_queue_kind kind, uint32_t octave)
{
	uint32_t first = (uint32_t)(queue->first[octave] >> (queue->unit + octave));
	uint16_t list = 0;
	uint16_t *end = &list;
	uint32_t i;

	for (i = 0; i < SCHED_SLOTS; i++) {
		uint32_t at = (first + i) % SCHED_SLOTS;
		struct sched_slot *slot = &queue->slot[octave * SCHED_SLOTS + at];
		uint16_t node = slot->head;

		for (; node; node = nodes[node].link[kind]) {
			nodes[node].flags &= (uint8_t) ~(SCHED_QUEUED << kind);
			if (!sched_servable(&nodes[node]))
				continue;
			*end = node;
			end = &nodes[node].link[kind];
		}
		slot->head = 0;
	}
	*end = 0;
	queue->used[octave] = 0;
	queue->octaves &= ~(1u << octave);
	return list;
}

/*
 * Place all nodes of an octave anew, from the earliest key on: O(nodes in it). For keys that moved
 * far away while their nodes were queued; one by one, two of them would follow each other in steps of
 * 31 slots for as long as they were idle.
 */
static void gather(struct sched_queue *queue, struct sched_node *nodes, enum sched_queue_kind kind,
		   uint32_t octave)
{
	uint16_t list = take_all(queue, nodes, kind, octave);
	uint16_t *earliest = &list;
	uint16_t *here;
	uint16_t node;

	for (here = &list; *here; here = &nodes[*here].link[kind]) {
		if (sched_before(sched_queue_key(&nodes[*here], kind),
				 sched_queue_key(&nodes[*earliest], kind)))
			earliest = here;
	}
	/* It says where the octave begins; the others keep their order. */
	node = *earliest;
	*earliest = nodes[node].link[kind];
	while (node) {
		sched_queue_push(queue, nodes, &nodes[node], kind, octave,
				 sched_queue_key(&nodes[node], kind));
		node = list;
		if (node)
			list = nodes[node].link[kind];
	}
}

/* Would a key have to wait in the last slot? */
static bool too_far(const struct sched_queue *queue, uint32_t octave, uint64_t key)
{
	uint32_t shift = queue->unit + octave;
	int64_t ahead = (int64_t)((key >> shift << shift) - queue->first[octave]);

	return queue->used[octave] && ahead >> shift >= (int64_t)SCHED_SLOTS;
}

void sched_queue_postpone(struct sched_queue *queue, struct sched_node *nodes,
			  struct sched_node *node, enum sched_queue_kind kind, uint32_t octave)
{
	uint64_t key = sched_queue_key(node, kind);
	bool anew = too_far(queue, octave, key);

	sched_queue_push(queue, nodes, node, kind, octave, key);
	if (anew)
		gather(queue, nodes, kind, octave);
}

void sched_queue_unlink(struct sched_queue *queue, struct sched_node *nodes,
			struct sched_node *node, enum sched_queue_kind kind)
{
	struct sched_slot *slot = &queue->slot[node->place[kind]];

	node->flags &= (uint8_t) ~(SCHED_QUEUED << kind);
	sched_slot_remove(slot, nodes, node, kind);
	if (!slot->head)
		sched_queue_leave(queue, node->place[kind] / SCHED_SLOTS,
				  node->place[kind] % SCHED_SLOTS);
}
