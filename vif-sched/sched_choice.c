/* SPDX-License-Identifier: BSD-3-Clause */
/* A child's weight, priority and min, in its parent's queues. */
#include "sched_choice.h"

void sched_child_remove(struct svio_sched *sched, struct sched_node *child)
{
	if (sched_queued(child, SCHED_DUE))
		sched_queue_unlink(&sched_home(sched, child)->due, sched->node, child, SCHED_DUE);
	if (!sched_queued(child, SCHED_SHARE))
		return;
	sched_queue_unlink(sched_share(sched, child), sched->node, child, SCHED_SHARE);
	if (!sched_share(sched, child)->octaves)
		sched_home(sched, child)->ready &= ~(1u << child->priority);
}

/* The queues, or the seat, of a priority. */
static void change_priority(struct svio_sched *sched, struct sched_node *c, uint8_t priority)
{
	if (c->home_at) {
		c->share_at =
			(uint32_t)((char *)&sched_home(sched, c)->share[priority] - (char *)sched);
	} else {
		struct sched_vif *vif = sched_parent(sched, c)->vif;

		vif->at &= ~sched_seat(c->priority, c->seat);
		vif->at |= sched_seat(priority, c->seat);
	}
	c->priority = priority;
}

void sched_child_set_share(struct svio_sched *sched, struct sched_node *child, uint32_t weight,
			   uint8_t priority)
{
	uint64_t bytes = 0;
	bool early = false;

	/* It owes, or is owed, as many bytes as before; in another priority it is a newcomer. */
	if (child->weight && priority == child->priority) {
		uint64_t clock = *sched_virtual_time(sched, child);

		early = sched_before(child->start, clock);
		bytes = sched_mul_div(early ? clock - child->start : child->start - clock,
				      child->weight, weight);
	}
	change_priority(sched, child, priority);
	child->start = *sched_virtual_time(sched, child) + (early ? 0 - bytes : bytes);
	child->weight = weight;
	child->tag_per_byte = (uint32_t)((SCHED_TAG_SCALE + weight / 2) / weight);
	/* Rounded up: weight 65535 is octave 1, weight 1 octave 16. */
	child->octave[SCHED_SHARE] = (uint8_t)(32 - __builtin_clz(child->tag_per_byte - 1) - 15);
}

/* It owes, or is owed, as many bytes of its min as before. */
static void change_due(struct sched_node *c, uint64_t cost, uint64_t now_ns)
{
	bool owed = sched_before(c->due.ns, now_ns);
	uint64_t ns = owed ? now_ns - c->due.ns : c->due.ns - now_ns;

	ns = c->min_cost && cost ? sched_mul_div(ns, cost, c->min_cost) : 0;
	sched_clock_set(&c->due, owed ? now_ns - ns : now_ns + ns);
}

void sched_child_set_min(struct svio_sched *sched, struct sched_node *child, uint64_t cost,
			 uint64_t now_ns)
{
	uint32_t log2 = cost ? 64u - (uint32_t)__builtin_clzll(cost) : 0;

	if (sched_queued(child, SCHED_DUE))
		sched_queue_unlink(&sched_home(sched, child)->due, sched->node, child, SCHED_DUE);
	change_due(child, cost, now_ns);
	child->min_cost = cost;
	sched_due_moved(sched, child);
	child->octave[SCHED_DUE] =
		(uint8_t)(log2 > SCHED_DUE_COST_LOG2 ? log2 - SCHED_DUE_COST_LOG2 : 0);
	if (!child->home_at) {
		struct sched_vif *vif = sched_parent(sched, child)->vif;
		uint32_t others = vif->with_min & ~(1u << child->seat);

		vif->with_min = (uint8_t)(others | (uint32_t)(cost != 0) << child->seat);
	} else if (cost && sched_servable(child) && !(child->flags & SCHED_TURN)) {
		sched_push_due(sched, child);
	}
}
