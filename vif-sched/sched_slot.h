/* SPDX-License-Identifier: BSD-3-Clause */
/* A slot of a queue: nodes in the order in which they came. Private to vif-sched. */
#ifndef SCHED_SLOT_H
#define SCHED_SLOT_H

#include "sched_node.h"

struct sched_slot {
	uint16_t head; /* 0: the slot is empty */
	uint16_t tail;
};

static inline void sched_slot_append(struct sched_slot *slot, struct sched_node *nodes,
				     struct sched_node *node, enum sched_queue_kind kind)
{
	node->link[kind] = 0;
	if (slot->head)
		nodes[slot->tail].link[kind] = node->self;
	else
		slot->head = node->self;
	slot->tail = node->self;
}

/* The first node, out of the slot, which is not empty. */
static inline struct sched_node *sched_slot_take(struct sched_slot *slot, struct sched_node *nodes,
						 enum sched_queue_kind kind)
{
	struct sched_node *node = &nodes[slot->head];

	slot->head = node->link[kind];
	/* Who comes next is wanted soon, and may not have been for thousands of turns. */
	__builtin_prefetch(&nodes[slot->head], 1);
	__builtin_prefetch((const char *)&nodes[slot->head] + 64, 1);
	return node;
}

/* A node, out of the slot, wherever it is: O(nodes before it). */
static inline void sched_slot_remove(struct sched_slot *slot, struct sched_node *nodes,
				     const struct sched_node *node, enum sched_queue_kind kind)
{
	uint16_t *here = &slot->head;
	uint16_t before = 0;

	while (*here != node->self) {
		before = *here;
		here = &nodes[before].link[kind];
	}
	*here = node->link[kind];
	if (!*here)
		slot->tail = before;
}

#endif /* SCHED_SLOT_H */
