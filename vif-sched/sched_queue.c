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

	if (ahead > 0)
		return (queue->first[octave] >> shift) + SCHED_SLOTS - 1;
	/* The octave begins with it if the last slot in use can stay. */
	if ((int64_t)last - ahead >= (int64_t)SCHED_SLOTS)
		return queue->first[octave] >> shift;
	queue->first[octave] = slot << shift;
	if (sched_before(slot << shift, queue->soonest))
		queue->soonest = slot << shift;
	return slot;
}

void sched_queue_unlink(struct sched_queue *queue, struct sched_node *nodes,
			const struct sched_node *node, enum sched_queue_kind kind)
{
	uint32_t octave = node->place[kind] / SCHED_SLOTS;
	uint32_t at = node->place[kind] % SCHED_SLOTS;
	uint16_t *here = &queue->head[octave][at];
	uint16_t before = 0;

	nodes[node->self].flags &= (uint8_t) ~(SCHED_QUEUED << kind);
	while (*here != node->self) {
		before = *here;
		here = &nodes[before].link[kind];
	}
	*here = node->link[kind];
	if (!*here)
		queue->tail[octave][at] = before;
	if (!queue->head[octave][at])
		sched_queue_leave(queue, octave, at);
}
