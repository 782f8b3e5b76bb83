/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The textbook's way, to compare with: start-time fair queueing on a binary
 * heap. Weights, but no rates, no priorities, no hierarchy.
 */
#include <err.h>
#include <stdlib.h>

#include "bench_sched.h"

#define TAG_SCALE 256u /* of a byte at weight 1 */

struct entry {
	uint64_t tag;
	uint32_t flow;
};

struct flow {
	uint64_t finish; /* tag behind its last packet */
	uint32_t tag_per_byte;
	uint32_t served;
};

struct heap {
	uint32_t count;
	uint32_t active;
	uint32_t cost;
	bool sparse;
	uint64_t virtual_time;
	struct sched_delay delay;
	struct entry entries[SCHED_LEAVES_MAX];
	struct flow flows[SCHED_LEAVES_MAX];
};

static void sift_down(struct heap *heap, struct entry entry)
{
	uint32_t at = 0;

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= heap->count)
			break;
		if (child + 1 < heap->count &&
		    heap->entries[child + 1].tag < heap->entries[child].tag)
			child++;
		if (entry.tag <= heap->entries[child].tag)
			break;
		heap->entries[at] = heap->entries[child];
		at = child;
	}
	heap->entries[at] = entry;
}

static void sift_up(struct heap *heap, struct entry entry)
{
	uint32_t at = heap->count++;

	while (at) {
		uint32_t parent = (at - 1) / 2;

		if (heap->entries[parent].tag <= entry.tag)
			break;
		heap->entries[at] = heap->entries[parent];
		at = parent;
	}
	heap->entries[at] = entry;
}

/* A flow has a packet again: from the time in service, or where its last one ended. */
static void activate(struct heap *heap, uint32_t flow)
{
	uint64_t finish = heap->flows[flow].finish;

	if (finish < heap->virtual_time)
		finish = heap->virtual_time;
	sift_up(heap, (struct entry){ .tag = finish, .flow = flow });
}

static void *open_heap(const struct sched_case *sched_case)
{
	struct heap *heap = sched_memory_new(sizeof(*heap));

	heap->active = sched_case->active;
	heap->cost = sched_case->cost_bytes;
	heap->sparse = sched_case->sparse;
	sched_delay_init(&heap->delay, sched_case);
	for (uint32_t i = 0; i < heap->active; i++) {
		heap->flows[i].tag_per_byte = TAG_SCALE >> i / SCHED_BINDING_EACH % 4;
		activate(heap, i);
	}
	return heap;
}

__attribute__((noinline)) static uint64_t serve_heap(void *state, uint64_t packets)
{
	struct heap *heap = state;

	for (uint64_t i = 0; i < packets; i++) {
		struct entry next = heap->entries[0];
		struct flow *flow = &heap->flows[next.flow];
		uint32_t back;

		heap->virtual_time = next.tag;
		flow->served++;
		flow->finish = next.tag + (uint64_t)heap->cost * flow->tag_per_byte;
		if (!heap->sparse) {
			sift_down(heap, (struct entry){ .tag = flow->finish, .flow = next.flow });
			continue;
		}
		heap->count--;
		sift_down(heap, heap->entries[heap->count]);
		if (sched_delay_turn(&heap->delay, next.flow, &back))
			activate(heap, back);
	}
	return packets;
}

static uint32_t count_starved(void *state)
{
	struct heap *heap = state;
	uint32_t starved = 0;

	for (uint32_t i = 0; i < heap->active; i++)
		starved += !heap->flows[i].served;
	return starved;
}

const struct sched_subject sched_subject_heap = {
	.name = "heap",
	.open = open_heap,
	.serve = serve_heap,
	.starved = count_starved,
	.close = sched_memory_free,
};
