/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which child a node serves next: the one whose min is due and whose deadline is
 * first (earliest deadline first among those that are due), else the highest
 * priority, and in it by weight (WF2Q+: of those whose turn has begun in virtual time,
 * the one that is to be finished first).
 */
#include "sched_tree.h"

/* A grant costs at least this in its leaf's share, so that an empty one is not for free. */
#define SHARE_BYTES_MIN 64u

/* How far a min may fall behind and still be made up: a pause of the device. */
#define DUE_CREDIT_NS 10000000ull

static void push_share(struct svio_sched *sched, struct sched_group *group, uint32_t child)
{
	struct sched_node *c = &sched->node[child];

	sched_queue_push(&group->share[c->priority], sched->node, child, c->octave[SCHED_SHARE],
			 c->start);
	group->ready |= 1u << c->priority;
	c->flags |= SCHED_QUEUED << SCHED_SHARE;
}

static void push_due(struct svio_sched *sched, struct sched_group *group, uint32_t child)
{
	struct sched_node *c = &sched->node[child];

	sched_queue_push(&group->due, sched->node, child, c->octave[SCHED_DUE], c->due.ns);
	c->flags |= SCHED_QUEUED << SCHED_DUE;
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

void sched_child_enter(struct svio_sched *sched, uint32_t child, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];

	/* Time without anything to send is not saved up. */
	if (parent->kind == SVIO_SCHED_VIF)
		c->start = sched_later(c->start, sched_vif_of(sched, parent)->served[c->priority]);
	else
		c->start = sched_later(c->start,
				       sched_group_of(sched, parent)->share[c->priority].clock);
	if (c->min_cost && sched_before(c->due.ns, now_ns))
		sched_clock_set(&c->due, now_ns);
	sched_child_join(sched, child);
	if (!(c->flags & SCHED_TURN))
		sched_child_again(sched, child, now_ns);
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

void sched_child_again(struct svio_sched *sched, uint32_t child, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	struct sched_group *group;

	if (c->min_cost && sched_before(c->due.ns, now_ns - DUE_CREDIT_NS))
		sched_clock_set(&c->due, now_ns - DUE_CREDIT_NS);
	if (parent->kind == SVIO_SCHED_VIF)
		return;
	group = sched_group_of(sched, parent);
	if (!sched_queued(c, SCHED_SHARE))
		push_share(sched, group, child);
	if (c->min_cost && !sched_queued(c, SCHED_DUE))
		push_due(sched, group, child);
}

void sched_child_remove(struct svio_sched *sched, uint32_t child)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	struct sched_group *group;

	if (parent->kind == SVIO_SCHED_VIF)
		return;
	group = sched_group_of(sched, parent);
	if (sched_queued(c, SCHED_SHARE)) {
		sched_queue_unlink(&group->share[c->priority], sched->node, child);
		if (!group->share[c->priority].octaves)
			group->ready &= ~(1u << c->priority);
	}
	if (sched_queued(c, SCHED_DUE))
		sched_queue_unlink(&group->due, sched->node, child);
	c->flags &= (uint8_t) ~(SCHED_QUEUED << SCHED_SHARE | SCHED_QUEUED << SCHED_DUE);
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

void sched_child_charge(struct svio_sched *sched, uint32_t child, uint32_t bytes)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];

	if (c->flags & SCHED_TIMELY) {
		sched_clock_advance(&c->due, c->min_cost, bytes);
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

/* The next of a queue by that time, with what cannot be served sorted out; 0: none. */
static uint32_t pop(struct svio_sched *sched, struct sched_queue *queue, uint64_t by)
{
	for (;;) {
		uint32_t octave = sched_queue_eligible(queue, by);
		struct sched_node *c;
		uint64_t slot;
		uint64_t key;
		uint32_t node;

		if (octave == SCHED_NO_OCTAVE)
			return 0;
		node = sched_queue_pop(queue, sched->node, octave, &slot);
		c = &sched->node[node];
		c->flags &= (uint8_t) ~(SCHED_QUEUED << queue->kind);
		if (!sched_servable(c))
			continue;
		key = queue->kind == SCHED_DUE ? c->due.ns : c->start;
		if (!sched_before(key, slot + (1ull << (queue->unit + octave)))) {
			/* It was too far ahead for the slots, or has moved since. */
			sched_queue_push(queue, sched->node, node, octave, key);
			c->flags |= (uint8_t)(SCHED_QUEUED << queue->kind);
			continue;
		}
		__builtin_prefetch(&sched->node[sched_queue_head(queue, octave)]);
		return node;
	}
}

static uint32_t choose_share(struct svio_sched *sched, struct sched_group *group)
{
	while (group->ready) {
		uint32_t top = 31u - (uint32_t)__builtin_clz(group->ready);
		struct sched_queue *queue = &group->share[top];

		while (queue->octaves) {
			uint32_t node = pop(sched, queue, queue->clock);

			if (!queue->octaves)
				group->ready &= ~(1u << top);
			if (node)
				return node;
			/* Nobody's turn has begun: virtual time jumps to the first that does. */
			if (queue->octaves)
				queue->clock = sched_later(
					queue->clock, queue->first[sched_queue_earliest(queue)]);
		}
		group->ready &= ~(1u << top);
	}
	return 0;
}

static uint32_t choose_in_group(struct svio_sched *sched, struct sched_group *group,
				uint64_t now_ns)
{
	uint32_t child = group->due.octaves ? pop(sched, &group->due, now_ns) : 0;

	if (child)
		sched->node[child].flags |= SCHED_TIMELY;
	else
		child = choose_share(sched, group);
	return child;
}

/* Of some classes, the one with the smallest key that is not after by. */
static uint32_t least(const struct svio_sched *sched, const struct sched_vif *vif, uint32_t classes,
		      enum sched_queue_kind kind, uint64_t by)
{
	uint32_t best = 0;
	uint64_t best_key = by;

	for (; classes; classes &= classes - 1) {
		uint32_t node = vif->class_node[__builtin_ctz(classes)];
		const struct sched_node *c = &sched->node[node];
		uint64_t key = kind == SCHED_DUE ? c->due.ns : c->start;

		if ((!best && kind == SCHED_SHARE) || !sched_before(best_key, key)) {
			best = node;
			best_key = key;
		}
	}
	return best;
}

static uint32_t top_classes(const struct sched_vif *vif, uint32_t *priority)
{
	for (*priority = SVIO_SCHED_PRIORITIES; (*priority)-- > 0;)
		if (vif->at[*priority] & vif->ready)
			return vif->at[*priority] & vif->ready;
	return 0;
}

static uint32_t choose_in_vif(struct svio_sched *sched, struct sched_vif *vif, uint64_t now_ns)
{
	uint32_t child = least(sched, vif, vif->ready & vif->timely, SCHED_DUE, now_ns);
	uint32_t priority;
	uint32_t classes;

	if (child) {
		sched->node[child].flags |= SCHED_TIMELY;
		return child;
	}
	classes = top_classes(vif, &priority);
	child = least(sched, vif, classes, SCHED_SHARE, 0);
	if (child)
		vif->served[priority] = sched->node[child].start;
	return child;
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

void sched_child_set_min(struct svio_sched *sched, uint32_t child, uint64_t cost, uint64_t now_ns)
{
	struct sched_node *c = &sched->node[child];
	struct sched_node *parent = &sched->node[c->parent];
	uint32_t log2 = cost ? 64u - (uint32_t)__builtin_clzll(cost) : 0;
	bool group = parent->kind == SVIO_SCHED_GROUP;

	if (group && sched_queued(c, SCHED_DUE)) {
		sched_queue_unlink(&sched_group_of(sched, parent)->due, sched->node, child);
		c->flags &= (uint8_t) ~(SCHED_QUEUED << SCHED_DUE);
	}
	if (!c->min_cost || sched_before(c->due.ns, now_ns))
		sched_clock_set(&c->due, now_ns);
	c->min_cost = cost;
	c->octave[SCHED_DUE] =
		(uint8_t)(log2 > SCHED_DUE_COST_LOG2 ? log2 - SCHED_DUE_COST_LOG2 : 0);
	if (group && cost && sched_servable(c) && !(c->flags & SCHED_TURN))
		push_due(sched, sched_group_of(sched, parent), child);
	if (!group) {
		struct sched_vif *vif = sched_vif_of(sched, parent);

		vif->timely =
			(uint8_t)((vif->timely & ~(1u << c->seat)) | (cost ? 1u << c->seat : 0));
	}
}

bool sched_child_preempted(struct svio_sched *sched, uint32_t parent, uint64_t now_ns)
{
	const struct sched_node *p = &sched->node[parent];
	const struct sched_node *c = &sched->node[p->turn_of];
	const struct sched_group *group;
	uint32_t priority;

	if (c->flags & SCHED_TIMELY)
		return false;
	if (p->kind == SVIO_SCHED_VIF) {
		struct sched_vif *vif = sched_vif_of(sched, p);

		if (vif->ready == 1u << c->seat)
			return false;
		return least(sched, vif, vif->ready & vif->timely, SCHED_DUE, now_ns) ||
		       (top_classes(vif, &priority) && priority > c->priority);
	}
	group = sched_group_of(sched, p);
	return group->ready >> (c->priority + 1) ||
	       (group->due.octaves &&
		!sched_before(now_ns, group->due.first[sched_queue_earliest(&group->due)]));
}
