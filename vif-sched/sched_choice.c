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

static void push_share(struct svio_sched *sched, struct sched_group *group, uint32_t child)
{
	struct sched_node *c = &sched->node[child];

	sched_queue_push(&group->share[c->priority], sched->node, child, SCHED_SHARE,
			 c->octave[SCHED_SHARE], c->start);
	group->ready |= 1u << c->priority;
	c->flags |= SCHED_QUEUED << SCHED_SHARE;
}

static void push_due(struct svio_sched *sched, struct sched_group *group, uint32_t child)
{
	struct sched_node *c = &sched->node[child];

	sched_queue_push(&group->due, sched->node, child, SCHED_DUE, c->octave[SCHED_DUE],
			 c->due.ns);
	c->flags |= SCHED_QUEUED << SCHED_DUE;
}

static uint64_t *virtual_time(struct svio_sched *sched, const struct sched_node *c,
			      uint8_t priority)
{
	const struct sched_node *parent = &sched->node[c->parent];

	return parent->kind == SVIO_SCHED_VIF
		       ? &sched_vif_of(sched, parent)->served[priority]
		       : &sched_group_of(sched, parent)->share[priority].clock;
}

void sched_child_join(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];

	if (parent->kind == SVIO_SCHED_VIF)
		sched_vif_of(sched, parent)->ready |= (uint8_t)(1u << c->seat);
	else
		sched_group_of(sched, parent)->share[c->priority].weight += c->weight;
}

void sched_child_leave(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];

	if (parent->kind == SVIO_SCHED_VIF)
		sched_vif_of(sched, parent)->ready &= (uint8_t) ~(1u << c->seat);
	else
		sched_group_of(sched, parent)->share[c->priority].weight -= c->weight;
}

void sched_child_enter(struct svio_sched *sched, uint32_t child, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];

	/* Time without anything to send is not saved up. */
	c->start = sched_later(c->start, *virtual_time(sched, c, c->priority));
	if (c->min_cost && sched_before(c->due.ns, now_ns))
		sched_clock_set(&c->due, now_ns);
	sched_child_join(sched, child);
	if (!(c->flags & SCHED_TURN))
		sched_child_again(sched, child);
}

void sched_child_again(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	struct sched_group *group;

	if (parent->kind == SVIO_SCHED_VIF)
		return;
	group = sched_group_of(sched, parent);
	if (!sched_queued(c, SCHED_SHARE))
		push_share(sched, group, child);
	if (c->min_cost && !sched_queued(c, SCHED_DUE))
		push_due(sched, group, child);
}

static void unlink_due(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];

	if (!sched_queued(c, SCHED_DUE))
		return;
	sched_queue_unlink(&sched_group_of(sched, &sched->node[c->parent])->due, sched->node, child,
			   SCHED_DUE);
	c->flags &= (uint8_t) ~(SCHED_QUEUED << SCHED_DUE);
}

void sched_child_remove(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];
	struct sched_group *group;

	unlink_due(sched, child);
	if (!sched_queued(c, SCHED_SHARE))
		return;
	group = sched_group_of(sched, &sched->node[c->parent]);
	sched_queue_unlink(&group->share[c->priority], sched->node, child, SCHED_SHARE);
	if (!group->share[c->priority].octaves)
		group->ready &= ~(1u << c->priority);
	c->flags &= (uint8_t) ~(SCHED_QUEUED << SCHED_SHARE);
}

void sched_child_set_share(struct svio_sched *sched, uint32_t child, uint32_t weight,
			   uint8_t priority)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	uint64_t clock = *virtual_time(sched, c, c->priority);
	bool early = sched_before(c->start, clock);
	uint64_t bytes = early ? clock - c->start : c->start - clock;

	if (parent->kind == SVIO_SCHED_VIF) {
		struct sched_vif *vif = sched_vif_of(sched, parent);

		vif->at[c->priority] &= (uint8_t) ~(1u << c->seat);
		vif->at[priority] |= (uint8_t)(1u << c->seat);
	}
	/* It owes, or is owed, as many bytes as before; in another priority it is a newcomer. */
	bytes = c->weight && priority == c->priority ? sched_mul_div(bytes, c->weight, weight) : 0;
	clock = *virtual_time(sched, c, priority);
	c->start = early ? clock - bytes : clock + bytes;
	c->priority = priority;
	c->weight = weight;
	c->tag_per_byte = (uint32_t)((SCHED_TAG_SCALE + weight / 2) / weight);
	/* Rounded up: weight 65535 is octave 1, weight 1 octave 16. */
	c->octave[SCHED_SHARE] = (uint8_t)(32 - __builtin_clz(c->tag_per_byte - 1) - 15);
}

void sched_child_set_min(struct svio_sched *sched, uint32_t child, uint64_t cost, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	uint32_t log2 = cost ? 64u - (uint32_t)__builtin_clzll(cost) : 0;

	unlink_due(sched, child);
	if (!c->min_cost || sched_before(c->due.ns, now_ns))
		sched_clock_set(&c->due, now_ns);
	c->min_cost = cost;
	c->octave[SCHED_DUE] =
		(uint8_t)(log2 > SCHED_DUE_COST_LOG2 ? log2 - SCHED_DUE_COST_LOG2 : 0);
	if (parent->kind == SVIO_SCHED_VIF) {
		struct sched_vif *vif = sched_vif_of(sched, parent);
		uint32_t others = vif->with_min & ~(1u << c->seat);

		vif->with_min = (uint8_t)(others | (uint32_t)(cost != 0) << c->seat);
	} else if (cost && sched_servable(c) && !(c->flags & SCHED_TURN)) {
		push_due(sched, sched_group_of(sched, parent), child);
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

void sched_child_charge(struct svio_sched *sched, uint32_t child, uint32_t bytes, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];

	if (c->flags & SCHED_TIMELY) {
		charge_min(c, bytes, now_ns);
		return;
	}
	if (bytes < SHARE_BYTES_MIN)
		bytes = SHARE_BYTES_MIN;
	if (parent->kind == SVIO_SCHED_GROUP) {
		struct sched_queue *queue = &sched_group_of(sched, parent)->share[c->priority];

		/* It shared during its turn, even if it has nothing to send now. */
		advance_clock(queue, queue->weight + (sched_servable(c) ? 0 : c->weight), bytes);
	}
	c->start += (uint64_t)bytes * c->tag_per_byte;
}

/*
 * Take the first node of an octave. 0: it cannot be served any more, or its key
 * has moved, or was too far ahead for the slots: it is put in again then.
 */
static inline uint32_t pop(struct svio_sched *sched, struct sched_queue *queue,
			   enum sched_queue_kind kind, uint32_t octave)
{
	uint64_t end = queue->first[octave] + (1ull << (queue->unit + octave));
	uint32_t node = sched_queue_pop(queue, sched->node, kind, octave);
	struct sched_node *c = &sched->node[node];
	uint64_t key = kind == SCHED_DUE ? c->due.ns : c->start;

	if (sched_servable(c) && sched_before(key, end)) {
		c->flags &= (uint8_t) ~(SCHED_QUEUED << kind);
		return node;
	}
	if (sched_servable(c))
		sched_queue_push(queue, sched->node, node, kind, octave, key);
	else
		c->flags &= (uint8_t) ~(SCHED_QUEUED << kind);
	return 0;
}

/* The one whose min is due and whose deadline is first; 0: nobody, or it can wait for one turn. */
static uint32_t choose_due(struct svio_sched *sched, struct sched_group *group, uint64_t now_ns)
{
	while (sched_queue_has(&group->due, now_ns)) {
		int64_t deadline;
		uint32_t octave = sched_queue_eligible(&group->due, now_ns, &deadline);
		uint32_t node;

		if (group->timely && group->ready && deadline > 0)
			return 0;
		node = pop(sched, &group->due, SCHED_DUE, octave);
		if (node)
			return node;
	}
	return 0;
}

static uint32_t choose_share(struct svio_sched *sched, struct sched_group *group)
{
	while (group->ready) {
		uint32_t top = 31u - (uint32_t)__builtin_clz(group->ready);
		struct sched_queue *queue = &group->share[top];
		int64_t finish;
		uint32_t octave = sched_queue_eligible(queue, queue->clock, &finish);
		uint32_t node;

		if (octave == SCHED_NO_OCTAVE) {
			/* Nobody's turn has begun: virtual time jumps to the first that does. */
			octave = sched_queue_earliest(queue);
			queue->clock = queue->first[octave];
		}
		node = pop(sched, queue, SCHED_SHARE, octave);
		if (!queue->octaves)
			group->ready &= ~(1u << top);
		if (node)
			return node;
	}
	return 0;
}

static uint32_t choose_in_group(struct svio_sched *sched, struct sched_group *group,
				uint64_t now_ns)
{
	uint32_t child = choose_due(sched, group, now_ns);

	group->timely = child != 0;
	if (!child)
		child = choose_share(sched, group);
	if (!child) {
		/* What was ready could not be served: those who are due need not wait. */
		child = choose_due(sched, group, now_ns);
		group->timely = child != 0;
	}
	if (group->timely)
		sched->node[child].flags |= SCHED_TIMELY;
	return child;
}

/* Of some classes, the one whose min has been due for longest; 0: none is due. */
static uint32_t longest_due(const struct svio_sched *sched, const struct sched_vif *vif,
			    uint64_t now_ns)
{
	uint32_t left = vif->ready & vif->with_min;
	uint64_t best_ns = now_ns + 1;
	uint32_t best = 0;

	for (; left; left &= left - 1) {
		uint32_t node = vif->class_node[__builtin_ctz(left)];

		if (sched_before(sched->node[node].due.ns, best_ns)) {
			best = node;
			best_ns = sched->node[node].due.ns;
		}
	}
	return best;
}

static uint32_t top_classes(const struct sched_vif *vif)
{
	uint32_t priority;

	for (priority = SVIO_SCHED_PRIORITIES; priority-- > 0;)
		if (vif->at[priority] & vif->ready)
			return vif->at[priority] & vif->ready;
	return 0;
}

static uint32_t choose_in_vif(struct svio_sched *sched, struct sched_vif *vif, uint64_t now_ns)
{
	uint32_t best = vif->timely ? 0 : longest_due(sched, vif, now_ns);
	uint32_t left;

	vif->timely = best != 0;
	if (best) {
		sched->node[best].flags |= SCHED_TIMELY;
		return best;
	}
	left = top_classes(vif);
	best = vif->class_node[__builtin_ctz(left)];
	for (left &= left - 1; left; left &= left - 1) {
		uint32_t node = vif->class_node[__builtin_ctz(left)];

		if (sched_before(sched->node[node].start, sched->node[best].start))
			best = node;
	}
	vif->served[sched->node[best].priority] = sched->node[best].start;
	return best;
}

uint32_t sched_child_choose(struct svio_sched *sched, uint32_t parent, uint64_t now_ns)
{
	struct sched_node *p = &sched->node[parent];
	uint32_t child = 0;

	if (p->servable)
		child = p->kind == SVIO_SCHED_VIF
				? choose_in_vif(sched, sched_vif_of(sched, p), now_ns)
				: choose_in_group(sched, sched_group_of(sched, p), now_ns);
	if (child)
		sched->node[child].flags |= SCHED_TURN;
	p->turn_of = (uint16_t)child;
	return child;
}

bool sched_child_preempted(struct svio_sched *sched, uint32_t parent)
{
	const struct sched_node *p = &sched->node[parent];
	const struct sched_node *c = &sched->node[p->turn_of];

	if (c->flags & SCHED_TIMELY)
		return false;
	if (p->kind == SVIO_SCHED_VIF) {
		const struct sched_vif *vif = sched_vif_of(sched, p);

		return !(top_classes(vif) & 1u << c->seat);
	}
	return sched_group_of(sched, p)->ready >> (c->priority + 1);
}
