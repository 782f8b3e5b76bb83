/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "sched_tree.h"

void sched_queue_init(struct sched_queue *queue, enum sched_queue_kind kind, uint32_t unit,
		      uint64_t clock)
{
	memset(queue, 0, sizeof(*queue));
	queue->kind = (uint8_t)kind;
	queue->unit = (uint8_t)unit;
	queue->clock = clock;
}

static uint32_t rotate_right(uint32_t bits, uint32_t count)
{
	return bits >> (count & 31) | bits << (-count & 31);
}

/*
 * How many slots after the first of its octave a key belongs, where the octave
 * begins with it if it is earlier and there is room.
 */
static uint32_t find_slot(struct sched_queue *queue, uint32_t octave, uint64_t key)
{
	uint32_t shift = queue->unit + octave;
	uint64_t start = key >> shift << shift;
	int64_t ahead = (int64_t)(start - queue->first[octave]) >> shift;
	uint32_t first = (uint32_t)(queue->first[octave] >> shift) % SCHED_SLOTS;
	uint32_t last;

	if (!queue->used[octave]) {
		queue->first[octave] = start;
		return 0;
	}
	if (ahead >= 0)
		return ahead < (int64_t)SCHED_SLOTS ? (uint32_t)ahead : SCHED_SLOTS - 1;
	last = 31u - (uint32_t)__builtin_clz(rotate_right(queue->used[octave], first));
	if ((int64_t)last - ahead < (int64_t)SCHED_SLOTS)
		queue->first[octave] = start;
	return 0;
}

void sched_queue_push(struct sched_queue *queue, struct sched_node *nodes, uint32_t node,
		      uint32_t octave, uint64_t key)
{
	uint32_t ahead = find_slot(queue, octave, key);
	uint32_t slot =
		((uint32_t)(queue->first[octave] >> (queue->unit + octave)) + ahead) % SCHED_SLOTS;

	nodes[node].place[queue->kind] = (uint16_t)(octave * SCHED_SLOTS + slot);
	nodes[node].link[queue->kind] = 0;
	if (queue->head[octave][slot])
		nodes[queue->tail[octave][slot]].link[queue->kind] = (uint16_t)node;
	else
		queue->head[octave][slot] = (uint16_t)node;
	queue->tail[octave][slot] = (uint16_t)node;
	queue->used[octave] |= 1u << slot;
	queue->octaves |= 1u << octave;
}

/* A slot has become empty. */
static void leave_slot(struct sched_queue *queue, uint32_t octave, uint32_t slot)
{
	uint32_t shift = queue->unit + octave;
	uint32_t first = (uint32_t)(queue->first[octave] >> shift) % SCHED_SLOTS;
	uint32_t ahead;

	queue->used[octave] &= ~(1u << slot);
	if (!queue->used[octave]) {
		queue->octaves &= ~(1u << octave);
		return;
	}
	ahead = (uint32_t)__builtin_ctz(rotate_right(queue->used[octave], first));
	queue->first[octave] += (uint64_t)ahead << shift;
}

uint32_t sched_queue_pop(struct sched_queue *queue, struct sched_node *nodes, uint32_t octave,
			 uint64_t *slot)
{
	uint32_t at = (uint32_t)(queue->first[octave] >> (queue->unit + octave)) % SCHED_SLOTS;
	uint32_t node = queue->head[octave][at];
	uint32_t next = nodes[node].link[queue->kind];

	*slot = queue->first[octave];
	queue->head[octave][at] = (uint16_t)next;
	if (!next)
		leave_slot(queue, octave, at);
	return node;
}

void sched_queue_unlink(struct sched_queue *queue, struct sched_node *nodes, uint32_t node)
{
	uint32_t octave = nodes[node].place[queue->kind] / SCHED_SLOTS;
	uint32_t slot = nodes[node].place[queue->kind] % SCHED_SLOTS;
	uint16_t *at = &queue->head[octave][slot];
	uint16_t before = 0;

	while (*at != node) {
		before = *at;
		at = &nodes[before].link[queue->kind];
	}
	*at = nodes[node].link[queue->kind];
	if (!*at)
		queue->tail[octave][slot] = before;
	if (!queue->head[octave][slot])
		leave_slot(queue, octave, slot);
}
