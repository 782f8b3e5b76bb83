/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which child a node serves next, private to vif-sched.
 *
 * Those whose min is due: earliest deadline first. Those who share what is left: the
 * highest priority, and in it by weight (WF2Q+: of those whose turn has begun in
 * virtual time, the one to be finished first; Bennett, Zhang, "Hierarchical Packet
 * Fair Queueing Algorithms", IEEE/ACM ToN 5(5), 1997). The two take turns as
 * long as no deadline has passed: so a high priority waits for one turn, not for
 * everybody's min that happens to be due, and a min is late by no more than that.
 *
 * What every turn does is in line here; what settings change is in sched_choice.c.
 */
#ifndef SCHED_CHOICE_H
#define SCHED_CHOICE_H

#include "sched_tree.h"

/* A grant costs at least this in its leaf's share, so that an empty one is not for free. */
#define SCHED_SHARE_BYTES_MIN 64u

/* How far a min may fall behind and still be made up: a pause of the device, or 8 turns. */
#define SCHED_DUE_CREDIT_NS         10000000ull
#define SCHED_DUE_CREDIT_BYTES_LOG2 15

/* Its parent's, of a child of a group. */
static inline struct sched_group *sched_home(struct svio_sched *sched,
					     const struct sched_node *child)
{
	return (struct sched_group *)(void *)((char *)sched + child->home_at);
}

/* The queue of those that a child of a group shares with. */
static inline struct sched_queue *sched_share(struct svio_sched *sched,
					      const struct sched_node *child)
{
	return (struct sched_queue *)(void *)((char *)sched + child->share_at);
}

static inline void sched_push_share(struct svio_sched *sched, struct sched_node *child)
{
	sched_queue_push(sched_share(sched, child), sched->node, child, SCHED_SHARE,
			 child->octave[SCHED_SHARE], child->start);
	sched_home(sched, child)->ready |= 1u << child->priority;
}

static inline void sched_push_due(struct svio_sched *sched, struct sched_node *child)
{
	sched_queue_push(&sched_home(sched, child)->due, sched->node, child, SCHED_DUE,
			 child->octave[SCHED_DUE], child->due.ns);
}

/* Of those that a child shares with. */
static inline uint64_t *sched_virtual_time(struct svio_sched *sched, const struct sched_node *child)
{
	return child->home_at ? &sched_share(sched, child)->clock
			      : &sched_parent(sched, child)->vif->served[child->priority];
}

/* A VIF keeps its classes' due times, too: it looks at all of them. */
static inline void sched_due_moved(struct svio_sched *sched, const struct sched_node *child)
{
	struct sched_vif *vif;

	if (child->home_at)
		return;
	vif = sched_parent(sched, child)->vif;
	vif->due_ns[child->seat] = child->due.ns;
	vif->soonest_ns = sched_earlier(vif->soonest_ns, child->due.ns);
}

/* A child counts among those that can be served. */
static inline void sched_child_join(struct svio_sched *sched, struct sched_node *child)
{
	if (child->home_at)
		sched_share(sched, child)->weight += child->weight;
	else
		sched_parent(sched, child)->vif->ready |= (uint8_t)(1u << child->seat);
}

/* A child cannot be served any more. It stays queued. */
static inline void sched_child_leave(struct svio_sched *sched, struct sched_node *child)
{
	if (child->home_at)
		sched_share(sched, child)->weight -= child->weight;
	else
		sched_parent(sched, child)->vif->ready &= (uint8_t) ~(1u << child->seat);
}

/* A child that can be served goes into the queues it is not in, with the tags it has. */
static inline void sched_child_again(struct svio_sched *sched, struct sched_node *child)
{
	if (!child->home_at)
		return;
	if (!sched_queued(child, SCHED_SHARE))
		sched_push_share(sched, child);
	if (child->min_cost && !sched_queued(child, SCHED_DUE))
		sched_push_due(sched, child);
}

/* A child that could not be served so far can be: it goes where newcomers go. */
static inline void sched_child_enter(struct svio_sched *sched, struct sched_node *child,
				     uint64_t now_ns)
{
	/* Time without anything to send is not saved up. */
	child->start = sched_later(child->start, *sched_virtual_time(sched, child));
	if (child->min_cost) {
		if (sched_before(child->due.ns, now_ns))
			sched_clock_set(&child->due, now_ns);
		sched_due_moved(sched, child);
	}
	sched_child_join(sched, child);
	if (!(child->flags & SCHED_TURN))
		sched_child_again(sched, child);
}

/* A node can be served from now on (wants and is not held), and so perhaps those above it. */
static inline void sched_rise(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	while (node->self != SVIO_SCHED_PORT) {
		if (sched_exhausted(node, now_ns)) {
			sched_wait(sched, node);
			return;
		}
		sched_child_enter(sched, node, now_ns);
		node = sched_parent(sched, node);
		if (node->servable++)
			return;
		node->flags |= SCHED_WANTS;
	}
}

/* A node cannot be served any more, and so perhaps those above it. */
static inline void sched_fall(struct svio_sched *sched, struct sched_node *node)
{
	for (;;) {
		sched_child_leave(sched, node);
		node = sched_parent(sched, node);
		if (--node->servable)
			return;
		node->flags &= (uint8_t)~SCHED_WANTS;
		if (node->self == SVIO_SCHED_PORT)
			return;
		if (node->flags & SCHED_HELD) {
			sched_unhold(sched, node);
			return; /* it did not count above */
		}
	}
}

/* Virtual time passes by bytes / weight of all that share. */
static inline void sched_advance_virtual_time(struct sched_queue *queue, uint32_t weight,
					      uint32_t bytes)
{
	if (weight != queue->slope_weight) {
		queue->slope_weight = weight;
		queue->slope = (SCHED_TAG_SCALE << 16) / weight;
	}
	queue->clock += (uint64_t)((sched_uint128)queue->slope * bytes >> 16);
}

static inline void sched_charge_min(struct sched_node *child, uint32_t bytes, uint64_t now_ns)
{
	uint64_t credit_ns =
		SCHED_DUE_CREDIT_NS + (child->min_cost >> (32 - SCHED_DUE_CREDIT_BYTES_LOG2));

	if (sched_before(child->due.ns, now_ns - credit_ns))
		sched_clock_set(&child->due, now_ns - credit_ns);
	sched_clock_advance(&child->due, child->min_cost, bytes);
}

/* Charge a turn to a child's min or share. */
static inline void sched_child_charge(struct svio_sched *sched, struct sched_node *child,
				      uint32_t bytes, uint64_t now_ns)
{
	if (child->flags & SCHED_TIMELY) {
		sched_charge_min(child, bytes, now_ns);
		sched_due_moved(sched, child);
		return;
	}
	if (bytes < SCHED_SHARE_BYTES_MIN)
		bytes = SCHED_SHARE_BYTES_MIN;
	/* It shared during its turn, even if it has nothing to send now. */
	if (child->home_at)
		sched_advance_virtual_time(sched_share(sched, child),
					   sched_share(sched, child)->weight +
						   (sched_servable(child) ? 0 : child->weight),
					   bytes);
	child->start += (uint64_t)bytes * child->tag_per_byte;
}

/*
 * Take the first node of an octave. NULL: it cannot be served any more, or its key
 * has moved, or was too far ahead for the slots: it is put in again then.
 */
static inline struct sched_node *sched_child_pop(struct svio_sched *sched,
						 struct sched_queue *queue,
						 enum sched_queue_kind kind, uint32_t octave)
{
	uint64_t end = queue->first[octave] + (1ull << (queue->unit + octave));
	struct sched_node *child = sched_queue_pop(queue, sched->node, kind, octave);

	if (!sched_servable(child))
		return NULL;
	if (sched_before(sched_queue_key(child, kind), end))
		return child;
	sched_queue_postpone(queue, sched->node, child, kind, octave);
	return NULL;
}

/* The one whose min is due and whose deadline is first; NULL: nobody, or it can wait a turn. */
static inline struct sched_node *sched_choose_due(struct svio_sched *sched,
						  struct sched_group *group, uint64_t now_ns)
{
	struct sched_queue *due = &group->due;

	while (due->octaves && !sched_before(now_ns, due->soonest)) {
		int64_t deadline;
		uint32_t octave = sched_queue_eligible(due, now_ns, &deadline);
		struct sched_node *child;

		if (octave == SCHED_NO_OCTAVE) {
			due->soonest = due->first[sched_queue_earliest(due)];
			return NULL;
		}
		if (group->timely && group->ready && deadline > 0)
			return NULL;
		child = sched_child_pop(sched, due, SCHED_DUE, octave);
		if (child)
			return child;
	}
	return NULL;
}

static inline struct sched_node *sched_choose_share(struct svio_sched *sched,
						    struct sched_group *group)
{
	while (group->ready) {
		uint32_t top = 31u - (uint32_t)__builtin_clz(group->ready);
		struct sched_queue *queue = &group->share[top];
		int64_t finish;
		uint32_t octave = sched_queue_eligible(queue, queue->clock, &finish);
		struct sched_node *child;

		if (octave == SCHED_NO_OCTAVE) {
			/* Nobody's turn has begun: virtual time jumps to the first that does. */
			octave = sched_queue_earliest(queue);
			queue->clock = queue->first[octave];
		}
		child = sched_child_pop(sched, queue, SCHED_SHARE, octave);
		if (!queue->octaves)
			group->ready &= ~(1u << top);
		if (child)
			return child;
	}
	return NULL;
}

static inline struct sched_node *sched_choose_in_group(struct svio_sched *sched,
						       struct sched_group *group, uint64_t now_ns)
{
	struct sched_node *child = sched_choose_due(sched, group, now_ns);

	group->timely = child != NULL;
	if (!child)
		return sched_choose_share(sched, group); /* who can be served is in there, too */
	child->flags |= SCHED_TIMELY;
	return child;
}

/*
 * Of the classes whose min is due, the one whose deadline is first; NULL: none is due, or it
 * can wait for a turn. A deadline is four slots' worth after it is due, as in a queue about.
 */
static inline struct sched_node *sched_choose_due_class(struct svio_sched *sched,
							struct sched_vif *vif, uint64_t now_ns)
{
	int64_t best_ns = vif->timely ? 0 : INT64_MAX;
	int64_t soonest_ns = INT64_MAX / 2; /* none: look again some day */
	struct sched_node *best = NULL;
	uint32_t left;

	if (sched_before(now_ns, vif->soonest_ns))
		return NULL;
	for (left = vif->ready & vif->with_min; left; left &= left - 1) {
		uint32_t seat = (uint32_t)__builtin_ctz(left);
		int64_t due_ns = (int64_t)(vif->due_ns[seat] - now_ns);
		struct sched_node *c = &sched->node[vif->class_node[seat]];

		if (due_ns < soonest_ns)
			soonest_ns = due_ns;
		if (due_ns > 0)
			continue;
		due_ns += (int64_t)(c->min_cost >> (32 - SCHED_SLOT_LOG2 - 2));
		if (due_ns <= best_ns) {
			best = c;
			best_ns = due_ns;
		}
	}
	vif->soonest_ns = now_ns + (uint64_t)soonest_ns;
	return best;
}

/* Of the classes that can be served, those of the highest priority. */
static inline uint32_t sched_top_classes(const struct sched_vif *vif)
{
	uint64_t classes = vif->at & vif->ready * 0x0101010101010101u;
	uint32_t top = (63u - (uint32_t)__builtin_clzll(classes | 1)) / 8;

	return classes >> 8 * top & 0xff;
}

static inline struct sched_node *sched_choose_in_vif(struct svio_sched *sched,
						     struct sched_vif *vif, uint64_t now_ns)
{
	struct sched_node *best = sched_choose_due_class(sched, vif, now_ns);
	uint32_t left;

	vif->timely = best != NULL;
	if (best) {
		best->flags |= SCHED_TIMELY;
		return best;
	}
	left = sched_top_classes(vif);
	best = &sched->node[vif->class_node[__builtin_ctz(left)]];
	for (left &= left - 1; left; left &= left - 1) {
		struct sched_node *c = &sched->node[vif->class_node[__builtin_ctz(left)]];

		if (sched_before(c->start, best->start))
			best = c;
	}
	vif->served[best->priority] = best->start;
	return best;
}

/* The child whose turn comes, out of its queue, marked SCHED_TURN; NULL: none can be served. */
static inline struct sched_node *sched_child_choose(struct svio_sched *sched,
						    struct sched_node *parent, uint64_t now_ns)
{
	struct sched_node *child = NULL;

	if (parent->servable)
		child = parent->kind == SVIO_SCHED_GROUP
				? sched_choose_in_group(sched, parent->group, now_ns)
				: sched_choose_in_vif(sched, parent->vif, now_ns);
	if (child)
		child->flags |= SCHED_TURN;
	parent->turn_of = child ? child->self : 0;
	return child;
}

/* Should another child go before the one whose turn it is? */
static inline bool sched_child_preempted(const struct sched_node *parent,
					 const struct sched_node *child)
{
	if (child->flags & SCHED_TIMELY)
		return false;
	if (parent->kind == SVIO_SCHED_GROUP)
		return parent->group->ready >> (child->priority + 1);
	return !(sched_top_classes(parent->vif) & 1u << child->seat);
}

#endif /* SCHED_CHOICE_H */
