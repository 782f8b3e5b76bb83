/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which child a node serves next.
 *
 * Those whose min is due: earliest deadline first. Those who share what is left: the
 * highest priority, and in it by weight (WF2Q+: of those whose turn has begun in
 * virtual time, the one to be finished first; Bennett, Zhang, "Hierarchical Packet
 * Fair Queueing Algorithms", IEEE/ACM ToN 5(5), 1997). The two take turns as
 * long as no deadline has passed: so a high priority waits for one turn, not for
 * everybody's min that happens to be due, and a min is late by no more than that.
 */
#include "sched_tree.h"

/* A grant costs at least this in its leaf's share, so that an empty one is not for free. */
#define SHARE_BYTES_MIN 64u

/* How far a min may fall behind and still be made up: a pause of the device, or 8 turns. */
#define DUE_CREDIT_NS         10000000ull
#define DUE_CREDIT_BYTES_LOG2 15

static inline void push_share(struct svio_sched *sched, struct sched_node *c)
{
	sched_queue_push(c->share, sched->node, c, SCHED_SHARE, c->octave[SCHED_SHARE], c->start);
	c->home->ready |= 1u << c->priority;
}

static inline void push_due(struct svio_sched *sched, struct sched_node *c)
{
	sched_queue_push(&c->home->due, sched->node, c, SCHED_DUE, c->octave[SCHED_DUE], c->due.ns);
}

static inline uint64_t *virtual_time(struct svio_sched *sched, const struct sched_node *c)
{
	return c->home ? &c->share->clock : &sched_parent(sched, c)->vif->served[c->priority];
}

void sched_child_join(struct svio_sched *sched, struct sched_node *child)
{
	if (child->home)
		child->share->weight += child->weight;
	else
		sched_parent(sched, child)->vif->ready |= (uint8_t)(1u << child->seat);
}

void sched_child_leave(struct svio_sched *sched, struct sched_node *child)
{
	if (child->home)
		child->share->weight -= child->weight;
	else
		sched_parent(sched, child)->vif->ready &= (uint8_t) ~(1u << child->seat);
}

void sched_child_enter(struct svio_sched *sched, struct sched_node *child, uint64_t now_ns)
{
	/* Time without anything to send is not saved up. */
	child->start = sched_later(child->start, *virtual_time(sched, child));
	if (child->min_cost && sched_before(child->due.ns, now_ns))
		sched_clock_set(&child->due, now_ns);
	sched_child_join(sched, child);
	if (!(child->flags & SCHED_TURN))
		sched_child_again(sched, child);
}

void sched_child_again(struct svio_sched *sched, struct sched_node *child)
{
	if (!child->home)
		return;
	if (!sched_queued(child, SCHED_SHARE))
		push_share(sched, child);
	if (child->min_cost && !sched_queued(child, SCHED_DUE))
		push_due(sched, child);
}

void sched_child_remove(struct svio_sched *sched, struct sched_node *child)
{
	if (sched_queued(child, SCHED_DUE))
		sched_queue_unlink(&child->home->due, sched->node, child, SCHED_DUE);
	if (!sched_queued(child, SCHED_SHARE))
		return;
	sched_queue_unlink(child->share, sched->node, child, SCHED_SHARE);
	if (!child->share->octaves)
		child->home->ready &= ~(1u << child->priority);
}

/* The queues, or the seat, of a priority. */
static void change_priority(struct svio_sched *sched, struct sched_node *c, uint8_t priority)
{
	struct sched_vif *vif = sched_parent(sched, c)->vif;

	if (c->home) {
		c->share = &c->home->share[priority];
	} else {
		vif->at[c->priority] &= (uint8_t) ~(1u << c->seat);
		vif->at[priority] |= (uint8_t)(1u << c->seat);
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
		uint64_t clock = *virtual_time(sched, child);

		early = sched_before(child->start, clock);
		bytes = sched_mul_div(early ? clock - child->start : child->start - clock,
				      child->weight, weight);
	}
	change_priority(sched, child, priority);
	child->start = *virtual_time(sched, child) + (early ? 0 - bytes : bytes);
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
		sched_queue_unlink(&child->home->due, sched->node, child, SCHED_DUE);
	change_due(child, cost, now_ns);
	child->min_cost = cost;
	child->octave[SCHED_DUE] =
		(uint8_t)(log2 > SCHED_DUE_COST_LOG2 ? log2 - SCHED_DUE_COST_LOG2 : 0);
	if (!child->home) {
		struct sched_vif *vif = sched_parent(sched, child)->vif;
		uint32_t others = vif->with_min & ~(1u << child->seat);

		vif->with_min = (uint8_t)(others | (uint32_t)(cost != 0) << child->seat);
	} else if (cost && sched_servable(child) && !(child->flags & SCHED_TURN)) {
		push_due(sched, child);
	}
}

/* Virtual time passes by bytes / weight of all that share. */
static void advance_clock(struct sched_queue *queue, uint32_t weight, uint32_t bytes)
{
	if (weight != queue->slope_weight) {
		queue->slope_weight = weight;
		queue->slope = (SCHED_TAG_SCALE << 16) / weight;
	}
	queue->clock += (uint64_t)((sched_uint128)queue->slope * bytes >> 16);
}

static void charge_min(struct sched_node *c, uint32_t bytes, uint64_t now_ns)
{
	uint64_t credit_ns = DUE_CREDIT_NS + (c->min_cost >> (32 - DUE_CREDIT_BYTES_LOG2));

	if (sched_before(c->due.ns, now_ns - credit_ns))
		sched_clock_set(&c->due, now_ns - credit_ns);
	sched_clock_advance(&c->due, c->min_cost, bytes);
}

void sched_child_charge(struct sched_node *child, uint32_t bytes, uint64_t now_ns)
{
	if (child->flags & SCHED_TIMELY) {
		charge_min(child, bytes, now_ns);
		return;
	}
	if (bytes < SHARE_BYTES_MIN)
		bytes = SHARE_BYTES_MIN;
	/* It shared during its turn, even if it has nothing to send now. */
	if (child->home)
		advance_clock(child->share,
			      child->share->weight + (sched_servable(child) ? 0 : child->weight),
			      bytes);
	child->start += (uint64_t)bytes * child->tag_per_byte;
}

/*
 * Take the first node of an octave. NULL: it cannot be served any more, or its key
 * has moved, or was too far ahead for the slots: it is put in again then.
 */
static inline struct sched_node *pop(struct svio_sched *sched, struct sched_queue *queue,
				     enum sched_queue_kind kind, uint32_t octave)
{
	uint64_t end = queue->first[octave] + (1ull << (queue->unit + octave));
	struct sched_node *c = sched_queue_pop(queue, sched->node, kind, octave);
	uint64_t key = sched_queue_key(c, kind);
	bool too_far;

	if (!sched_servable(c))
		return NULL;
	if (sched_before(key, end))
		return c;
	too_far = sched_queue_too_far(queue, octave, key);
	sched_queue_push(queue, sched->node, c, kind, octave, key);
	if (__builtin_expect(too_far, 0))
		sched_queue_gather(queue, sched->node, kind, octave);
	return NULL;
}

/* The one whose min is due and whose deadline is first; NULL: nobody, or it can wait a turn. */
static inline struct sched_node *choose_due(struct svio_sched *sched, struct sched_group *group,
					    uint64_t now_ns)
{
	struct sched_queue *due = &group->due;

	while (due->octaves && !sched_before(now_ns, due->soonest)) {
		int64_t deadline;
		uint32_t octave = sched_queue_eligible(due, now_ns, &deadline);
		struct sched_node *c;

		if (octave == SCHED_NO_OCTAVE) {
			due->soonest = due->first[sched_queue_earliest(due)];
			return NULL;
		}
		if (group->timely && group->ready && deadline > 0)
			return NULL;
		c = pop(sched, due, SCHED_DUE, octave);
		if (c)
			return c;
	}
	return NULL;
}

static inline struct sched_node *choose_share(struct svio_sched *sched, struct sched_group *group)
{
	while (group->ready) {
		uint32_t top = 31u - (uint32_t)__builtin_clz(group->ready);
		struct sched_queue *queue = &group->share[top];
		int64_t finish;
		uint32_t octave = sched_queue_eligible(queue, queue->clock, &finish);
		struct sched_node *c;

		if (octave == SCHED_NO_OCTAVE) {
			/* Nobody's turn has begun: virtual time jumps to the first that does. */
			octave = sched_queue_earliest(queue);
			queue->clock = queue->first[octave];
		}
		c = pop(sched, queue, SCHED_SHARE, octave);
		if (!queue->octaves)
			group->ready &= ~(1u << top);
		if (c)
			return c;
	}
	return NULL;
}

static struct sched_node *choose_in_group(struct svio_sched *sched, struct sched_group *group,
					  uint64_t now_ns)
{
	struct sched_node *c = choose_due(sched, group, now_ns);

	group->timely = c != NULL;
	if (!c)
		return choose_share(sched, group); /* who can be served is in there, too */
	c->flags |= SCHED_TIMELY;
	return c;
}

/*
 * Of the classes whose min is due, the one whose deadline is first; NULL: none is due, or it
 * can wait for a turn. A deadline is four slots' worth after it is due, as in a queue about.
 */
static struct sched_node *due_class(struct svio_sched *sched, const struct sched_vif *vif,
				    uint64_t now_ns)
{
	uint32_t left = vif->ready & vif->with_min;
	int64_t best_ns = vif->timely ? 0 : INT64_MAX;
	struct sched_node *best = NULL;

	for (; left; left &= left - 1) {
		struct sched_node *c = &sched->node[vif->class_node[__builtin_ctz(left)]];
		int64_t due_ns = (int64_t)(c->due.ns - now_ns);
		int64_t deadline_ns = due_ns + (int64_t)(c->min_cost >> (32 - SCHED_SLOT_LOG2 - 2));

		if (due_ns <= 0 && deadline_ns <= best_ns) {
			best = c;
			best_ns = deadline_ns;
		}
	}
	return best;
}

static uint32_t top_classes(const struct sched_vif *vif)
{
	uint32_t classes = 0;
	uint32_t priority;

	for (priority = SVIO_SCHED_PRIORITIES; priority-- > 0 && !classes;)
		classes = vif->at[priority] & vif->ready;
	return classes;
}

static struct sched_node *choose_in_vif(struct svio_sched *sched, struct sched_vif *vif,
					uint64_t now_ns)
{
	struct sched_node *best = due_class(sched, vif, now_ns);
	uint32_t left;

	vif->timely = best != NULL;
	if (best) {
		best->flags |= SCHED_TIMELY;
		return best;
	}
	left = top_classes(vif);
	best = &sched->node[vif->class_node[__builtin_ctz(left)]];
	for (left &= left - 1; left; left &= left - 1) {
		struct sched_node *c = &sched->node[vif->class_node[__builtin_ctz(left)]];

		if (sched_before(c->start, best->start))
			best = c;
	}
	vif->served[best->priority] = best->start;
	return best;
}

struct sched_node *sched_child_choose(struct svio_sched *sched, struct sched_node *parent,
				      uint64_t now_ns)
{
	struct sched_node *c = NULL;

	if (parent->servable)
		c = parent->group ? choose_in_group(sched, parent->group, now_ns)
				  : choose_in_vif(sched, parent->vif, now_ns);
	if (c)
		c->flags |= SCHED_TURN;
	parent->turn_of = c ? c->self : 0;
	return c;
}

bool sched_child_preempted(const struct sched_node *parent, const struct sched_node *child)
{
	if (child->flags & SCHED_TIMELY)
		return false;
	if (parent->group)
		return parent->group->ready >> (child->priority + 1);
	return !(top_classes(parent->vif) & 1u << child->seat);
}
