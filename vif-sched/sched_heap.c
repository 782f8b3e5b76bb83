/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pairing heaps inside the array of nodes (Fredman, Sedgewick, Sleator, Tarjan,
 * "The Pairing Heap", Algorithmica 1, 1986): insert O(1), remove O(log n)
 * amortised. Node 0, the port, is in no heap, so 0 ends a list.
 */
#include "sched_tree.h"

/* Join two heaps; either may be empty. The first one's root wins a tie. */
static uint32_t join(struct sched_node *node, uint32_t a, uint32_t b)
{
	if (!a || !b)
		return a ? a : b;
	if (sched_before(node[b].key, node[a].key)) {
		uint32_t swap = a;

		a = b;
		b = swap;
	}
	node[b].previous = a;
	node[b].next = node[a].first;
	if (node[b].next)
		node[node[b].next].previous = b;
	node[a].first = b;
	return a;
}

/* Make one heap of a list of siblings: join in pairs, then join those from the last on. */
static uint32_t join_siblings(struct sched_node *node, uint32_t first)
{
	uint32_t pairs = 0;
	uint32_t heap = 0;

	while (first) {
		uint32_t a = first;
		uint32_t b = node[a].next;

		first = b ? node[b].next : 0;
		node[a].next = 0;
		if (b)
			node[b].next = 0;
		a = join(node, a, b);
		node[a].next = pairs;
		pairs = a;
	}
	while (pairs) {
		uint32_t next = node[pairs].next;

		node[pairs].next = 0;
		heap = join(node, heap, pairs);
		pairs = next;
	}
	return heap;
}

void svio_sched_heap_insert(struct svio_sched *sched, uint32_t *head, uint32_t node)
{
	sched->node[node].first = 0;
	sched->node[node].next = 0;
	sched->node[node].previous = 0;
	*head = join(sched->node, *head, node);
}

void svio_sched_heap_remove(struct svio_sched *sched, uint32_t *head, uint32_t node)
{
	struct sched_node *n = &sched->node[node];
	uint32_t rest = join_siblings(sched->node, n->first);

	if (*head == node) {
		*head = rest;
	} else {
		struct sched_node *previous = &sched->node[n->previous];

		if (previous->first == node)
			previous->first = n->next;
		else
			previous->next = n->next;
		if (n->next)
			sched->node[n->next].previous = n->previous;
		*head = join(sched->node, *head, rest);
	}
	if (*head) {
		sched->node[*head].previous = 0;
		sched->node[*head].next = 0;
	}
}
