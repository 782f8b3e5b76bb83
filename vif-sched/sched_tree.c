/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler's tree: nodes, what may be set on them, their accounts. */
#include <errno.h>
#include <string.h>

#include "sched_choice.h"

#define NS_PER_S 1000000000ull
#define BIT_NS   8000000000ull /* a byte at 1 bit/s */
/* A wait ends with tokens for a turn: that many, in time. */
#define RESUME_MIN_NS 20000u
#define RESUME_MAX_NS 200000u
#define NODES_MAX     65535u

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* --- memory --- */

struct layout {
	size_t group;
	size_t vif;
	size_t bytes;
	uint32_t nodes;
};

static bool lay_out(const struct svio_sched_limits *limits, struct layout *layout)
{
	uint64_t nodes = (uint64_t)limits->leaves + limits->vifs + limits->groups + 1;

	if (nodes > NODES_MAX)
		return false;
	layout->nodes = (uint32_t)nodes;
	layout->group = sizeof(struct svio_sched) + (size_t)nodes * sizeof(struct sched_node);
	layout->vif = layout->group + (limits->groups + 1) * sizeof(struct sched_group);
	/* A node says with 32 bits where its group is. */
	_Static_assert(NODES_MAX * (uint64_t)sizeof(struct sched_group) < 3ull << 30, "32 bits");
	layout->bytes = layout->vif + (limits->vifs + 1) * sizeof(struct sched_vif);
	return true;
}

size_t svio_sched_bytes(const struct svio_sched_limits *limits)
{
	struct layout layout;

	return lay_out(limits, &layout) ? layout.bytes : 0;
}

/* Numbers of groups and VIFs: used ones come back first. */
static uint16_t take_group(struct svio_sched *sched)
{
	uint16_t number = sched->free_group;

	if (number)
		sched->free_group = sched->group[number].free;
	else
		number = sched->fresh_group++;
	return number;
}

static uint16_t take_vif(struct svio_sched *sched)
{
	uint16_t number = sched->free_vif;

	if (number)
		sched->free_vif = sched->vif[number].free;
	else
		number = sched->fresh_vif++;
	return number;
}

static void set_spans(struct sched_group *group, uint32_t turn_bytes)
{
	uint32_t i;

	for (i = 0; i < SVIO_SCHED_PRIORITIES; i++)
		group->share[i].span = sched_queue_span(SCHED_SHARE_UNIT, turn_bytes);
	group->due.span = sched_queue_span(SCHED_DUE_UNIT, turn_bytes);
}

static void init_group(struct sched_group *group, uint32_t turn_bytes)
{
	uint32_t i;

	for (i = 0; i < SVIO_SCHED_PRIORITIES; i++)
		sched_queue_init(&group->share[i], SCHED_SHARE_UNIT, SCHED_TAG_FIRST);
	sched_queue_init(&group->due, SCHED_DUE_UNIT, 0);
	set_spans(group, turn_bytes);
	group->ready = 0;
	group->timely = false;
}

static void init_vif(struct sched_vif *vif)
{
	uint32_t i;

	memset(vif, 0, sizeof(*vif));
	for (i = 0; i < SVIO_SCHED_PRIORITIES; i++)
		vif->served[i] = SCHED_TAG_FIRST;
}

static void init_node(struct svio_sched *sched, uint32_t node, enum svio_sched_kind kind)
{
	struct sched_node *n = &sched->node[node];

	memset(n, 0, sizeof(*n));
	n->self = (uint16_t)node;
	n->kind = (uint8_t)kind;
	if (kind == SVIO_SCHED_GROUP) {
		n->group = &sched->group[take_group(sched)];
		init_group(n->group, sched->turn_bytes);
	} else if (kind == SVIO_SCHED_VIF) {
		n->vif = &sched->vif[take_vif(sched)];
		init_vif(n->vif);
	}
}

/* --- parameters --- */

static int refuse(struct svio_sched_refusal *refusal, int error, const char *parameter,
		  uint64_t available)
{
	if (refusal) {
		refusal->parameter = parameter;
		refusal->available = available;
	}
	return error;
}

static int refuse_at(struct svio_sched_refusal *refusal, svio_sched_node node, int error,
		     const char *parameter, uint64_t available)
{
	if (refusal)
		refusal->node = node;
	return refuse(refusal, error, parameter, available);
}

static int check_params(const struct svio_sched_params *params, struct svio_sched_refusal *refusal)
{
	if (params->max_bps && params->max_bps < SVIO_SCHED_BPS_MIN)
		return refuse(refusal, -EINVAL, "max", SVIO_SCHED_BPS_MIN);
	if (params->max_bps > SVIO_SCHED_BPS_MAX)
		return refuse(refusal, -EINVAL, "max", SVIO_SCHED_BPS_MAX);
	if (params->max_pps > SVIO_SCHED_PPS_MAX)
		return refuse(refusal, -EINVAL, "max_pps", SVIO_SCHED_PPS_MAX);
	if (params->burst_bytes > SVIO_SCHED_BURST_BYTES_MAX)
		return refuse(refusal, -EINVAL, "burst", SVIO_SCHED_BURST_BYTES_MAX);
	if (params->weight > SVIO_SCHED_WEIGHT_MAX)
		return refuse(refusal, -EINVAL, "weight", SVIO_SCHED_WEIGHT_MAX);
	if (params->priority >= SVIO_SCHED_PRIORITIES)
		return refuse(refusal, -EINVAL, "priority", SVIO_SCHED_PRIORITIES - 1);
	if (params->min_bps && params->min_bps < SVIO_SCHED_BPS_MIN)
		return refuse(refusal, -EINVAL, "min", SVIO_SCHED_BPS_MIN);
	if (params->min_bps > SVIO_SCHED_BPS_MAX)
		return refuse(refusal, -EINVAL, "min", SVIO_SCHED_BPS_MAX);
	return 0;
}

/* What a node is guaranteed: its own min, or what its children need of it. */
static uint64_t guaranteed(const struct sched_node *node)
{
	return larger(node->min_bps, node->below_bps);
}

/*
 * May what a child of parent is guaranteed grow from was to becomes? Each node above passes on
 * what its own min does not cover.
 */
static int check_min(const struct svio_sched *sched, uint32_t parent, uint64_t was,
		     uint64_t becomes, struct svio_sched_refusal *refusal)
{
	while (becomes > was) {
		const struct sched_node *p = &sched->node[parent];
		uint64_t others = p->below_bps - was;

		if (p->max_bps && others + becomes > p->max_bps)
			return refuse_at(refusal, parent, -E2BIG, "min",
					 p->max_bps - smaller(p->max_bps, others));
		if (parent == SVIO_SCHED_PORT)
			break;
		was = guaranteed(p);
		becomes = larger(p->min_bps, others + becomes);
		parent = p->parent;
	}
	return 0;
}

/* The parameters against the node itself and those above. node: NULL: it is new. */
static int check_fit(const struct svio_sched *sched, const struct sched_node *node, uint32_t parent,
		     const struct svio_sched_params *params, struct svio_sched_refusal *refusal)
{
	uint64_t below = node ? node->below_bps : 0;

	if (params->max_bps && params->min_bps > params->max_bps)
		return refuse(refusal, -E2BIG, "min", params->max_bps);
	if (params->max_bps && below > params->max_bps)
		return refuse(refusal, -E2BIG, "max", below);
	if (node == &sched->node[SVIO_SCHED_PORT])
		return 0;
	return check_min(sched, parent, node ? guaranteed(node) : 0, larger(params->min_bps, below),
			 refusal);
}

/* What a child of parent is guaranteed has changed: those above guarantee more, or less. */
static void pass_min_on(struct svio_sched *sched, uint32_t parent, uint64_t was, uint64_t is,
			uint64_t now_ns)
{
	while (was != is) {
		struct sched_node *p = &sched->node[parent];
		uint64_t before = guaranteed(p);

		p->below_bps += is - was;
		if (parent == SVIO_SCHED_PORT)
			break;
		was = before;
		is = guaranteed(p);
		if (was == is)
			break;
		if (p->flags & SCHED_TURN)
			sched_turn_end(sched, p, now_ns);
		sched_child_set_min(sched, p, sched_cost(BIT_NS, is), now_ns);
		parent = p->parent;
	}
}

/*
 * Tokens when full. A node may spend its last token on a largest packet, so that
 * much of the burst is kept out of the bucket.
 */
static uint64_t depth_bytes(const struct svio_sched_params *params)
{
	if (params->burst_bytes == 0)
		return larger(SVIO_SCHED_PACKET_BYTES_MAX,
			      sched_mul_div(params->max_bps, SCHED_BURST_NS, BIT_NS));
	return params->burst_bytes - smaller(params->burst_bytes, SVIO_SCHED_PACKET_BYTES_MAX);
}

/* What a bucket becomes. */
struct bucket {
	uint64_t cost;
	uint64_t depth; /* bytes or packets, rounded down */
	uint64_t depth_ns;
	uint64_t tokens_ns; /* of one that had no rate so far */
};

/*
 * Give a bucket another rate and depth: its tokens stay as they are, in bytes or packets, and
 * are never rounded up.
 */
static void change_bucket(struct sched_clock *free, uint64_t old_cost, uint64_t old_depth_ns,
			  const struct bucket *bucket, uint64_t now_ns)
{
	uint64_t was_ns = sched_clock_reached_ns(free);
	uint64_t ns = bucket->tokens_ns;

	if (!bucket->cost)
		return;
	if (old_cost && sched_before(now_ns, was_ns)) {
		sched_clock_set(free,
				now_ns + sched_mul_div_up(was_ns - now_ns, bucket->cost, old_cost));
		return;
	}
	if (old_cost) {
		uint64_t left_ns = smaller(now_ns - was_ns, old_depth_ns);

		/* Compared as units first: in nanoseconds of the new rate it might not fit. */
		ns = bucket->depth_ns;
		if (sched_mul_div(left_ns, 1ull << 32, old_cost) <= bucket->depth)
			ns = smaller(ns, sched_mul_div(left_ns, bucket->cost, old_cost));
	}
	sched_clock_set(free, now_ns - ns);
}

static void apply_max(struct sched_node *node, const struct svio_sched_params *params, bool fresh,
		      uint64_t now_ns)
{
	struct bucket bucket = {
		.cost = sched_cost(BIT_NS, params->max_bps),
		.depth = depth_bytes(params),
	};

	bucket.depth_ns = sched_units_ns(bucket.cost, bucket.depth);
	bucket.tokens_ns = fresh ? bucket.depth_ns : 0;
	change_bucket(&node->free, node->max_cost, node->depth_ns, &bucket, now_ns);
	node->max_cost = bucket.cost;
	node->depth_ns = bucket.depth_ns;
}

static void apply_max_pps(struct sched_node *node, const struct svio_sched_params *params,
			  bool fresh, uint64_t now_ns)
{
	struct bucket bucket = {
		.cost = sched_cost(NS_PER_S, params->max_pps),
		.depth = larger(SCHED_BURST_PACKETS, params->max_pps / (NS_PER_S / SCHED_BURST_NS)),
	};

	if (bucket.cost)
		bucket.depth_ns = sched_packet_depth_ns(bucket.cost);
	bucket.tokens_ns = fresh ? bucket.depth_ns : 0;
	change_bucket(&node->packet_free, node->packet_cost,
		      sched_packet_depth_ns(node->packet_cost), &bucket, now_ns);
	node->packet_cost = bucket.cost;
	node->flags &= (uint8_t)~SCHED_COUNTS_PACKETS;
	if (bucket.cost)
		node->flags |= SCHED_COUNTS_PACKETS;
}

/* What depends on the length of a turn. */
static void apply_turn(struct sched_node *node, uint32_t turn_bytes)
{
	uint64_t turn_ns = sched_units_ns(node->max_cost, turn_bytes);

	turn_ns = larger(RESUME_MIN_NS, smaller(turn_ns, RESUME_MAX_NS));
	node->resume_ns = (uint32_t)smaller(node->depth_ns / 2, turn_ns);
}

static void apply_params(const struct svio_sched *sched, struct sched_node *node,
			 const struct svio_sched_params *params, bool fresh, uint64_t now_ns)
{
	apply_max(node, params, fresh, now_ns);
	apply_max_pps(node, params, fresh, now_ns);
	apply_turn(node, sched->turn_bytes);
	node->min_bps = params->min_bps;
	node->max_bps = params->max_bps;
}

static uint32_t weight_of(const struct svio_sched_params *params)
{
	return params->weight ? params->weight : 1;
}

static uint32_t turn_for(const struct svio_sched *sched, uint64_t port_bps)
{
	return svio_sched_turn_bytes(port_bps ? port_bps : sched->limits.speed_bps);
}

struct svio_sched *svio_sched_init(void *memory, const struct svio_sched_limits *limits,
				   uint64_t port_bps, uint64_t now_ns)
{
	struct svio_sched *sched = memory;
	struct svio_sched_params params = { 0 };
	struct layout layout;

	if (!lay_out(limits, &layout))
		return NULL;
	if (port_bps)
		params.max_bps = larger(SVIO_SCHED_BPS_MIN, smaller(port_bps, SVIO_SCHED_BPS_MAX));
	memset(sched, 0, sizeof(*sched));
	sched->limits = *limits;
	sched->nodes = layout.nodes;
	sched->group = (struct sched_group *)(void *)((char *)memory + layout.group);
	sched->vif = (struct sched_vif *)(void *)((char *)memory + layout.vif);
	sched->fresh = 1;
	sched->fresh_vif = 1;
	sched->turn_bytes = turn_for(sched, params.max_bps);
	sched_queue_init(&sched->timers, SCHED_TIMER_UNIT, now_ns);
	sched->timer_ns = now_ns;
	init_node(sched, SVIO_SCHED_PORT, SVIO_SCHED_GROUP);
	apply_params(sched, &sched->node[SVIO_SCHED_PORT], &params, true, now_ns);
	return sched;
}

/* --- nodes come, change and go --- */

static uint32_t *count_of(struct svio_sched_limits *limits, enum svio_sched_kind kind)
{
	if (kind == SVIO_SCHED_LEAF)
		return &limits->leaves;
	return kind == SVIO_SCHED_VIF ? &limits->vifs : &limits->groups;
}

/* Distance from the port. */
static uint32_t depth(const struct svio_sched *sched, uint32_t node)
{
	uint32_t levels = 0;

	for (; node != SVIO_SCHED_PORT; node = sched->node[node].parent)
		levels++;
	return levels;
}

static int check_place(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		       struct svio_sched_refusal *refusal)
{
	const struct sched_node *above = sched_node_find(sched, parent);

	if (kind != SVIO_SCHED_GROUP && kind != SVIO_SCHED_LEAF && kind != SVIO_SCHED_VIF)
		return refuse(refusal, -EINVAL, "kind", SVIO_SCHED_LEAF);
	if (!above || above->kind == SVIO_SCHED_LEAF)
		return refuse(refusal, -EINVAL, "parent", SVIO_SCHED_PORT);
	if (above->kind == SVIO_SCHED_VIF && kind != SVIO_SCHED_LEAF)
		return refuse(refusal, -EINVAL, "kind", SVIO_SCHED_LEAF);
	if (depth(sched, parent) == SVIO_SCHED_DEPTH_MAX)
		return refuse(refusal, -EINVAL, "depth", SVIO_SCHED_DEPTH_MAX);
	return 0;
}

static int check_room(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		      struct svio_sched_refusal *refusal)
{
	uint32_t limit = *count_of(&sched->limits, kind);

	if (*count_of(&sched->count, kind) >= limit)
		return refuse(refusal, -ENOSPC, "node", limit);
	if (sched->node[parent].kind == SVIO_SCHED_VIF &&
	    sched->node[parent].children == SVIO_SCHED_CLASSES)
		return refuse(refusal, -ENOSPC, "classes", SVIO_SCHED_CLASSES);
	return 0;
}

/* A child finds its parent's queues, or a seat in a VIF. */
static void settle_in(struct svio_sched *sched, struct sched_node *node, uint32_t parent)
{
	struct sched_node *p = &sched->node[parent];

	node->parent = (uint16_t)parent;
	p->children++;
	if (p->kind == SVIO_SCHED_GROUP) {
		node->home_at = (uint32_t)((char *)p->group - (char *)sched);
		return;
	}
	while (p->vif->class_node[node->seat])
		node->seat++;
	p->vif->class_node[node->seat] = node->self;
}

static void leave_seat(struct sched_vif *vif, const struct sched_node *node)
{
	vif->at &= ~sched_seat(node->priority, node->seat);
	vif->with_min &= (uint8_t) ~(1u << node->seat);
	vif->class_node[node->seat] = 0;
}

int svio_sched_add(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		   const struct svio_sched_params *params, uint64_t now_ns, svio_sched_node *node,
		   struct svio_sched_refusal *refusal)
{
	struct sched_node *added;
	uint32_t taken = sched->free_node;
	int error;

	if (refusal)
		refusal->node = parent;
	error = check_place(sched, parent, kind, refusal);
	if (!error)
		error = check_params(params, refusal);
	if (!error)
		error = check_room(sched, parent, kind, refusal);
	if (!error)
		error = check_fit(sched, NULL, parent, params, refusal);
	if (error)
		return error;

	sched_settle(sched, now_ns);
	if (taken)
		sched->free_node = sched->node[taken].children;
	else
		taken = sched->fresh++;
	++*count_of(&sched->count, kind);
	init_node(sched, taken, kind);
	added = &sched->node[taken];
	settle_in(sched, added, parent);
	apply_params(sched, added, params, true, now_ns);
	sched_child_set_share(sched, added, weight_of(params), params->priority);
	sched_child_set_min(sched, added, sched_cost(BIT_NS, guaranteed(added)), now_ns);
	pass_min_on(sched, parent, 0, guaranteed(added), now_ns);
	*node = taken;
	return 0;
}

/* Turns are as long as the port's rate says. */
static void set_turn(struct svio_sched *sched, uint32_t turn_bytes, uint64_t now_ns)
{
	uint32_t i;

	if (turn_bytes == sched->turn_bytes)
		return;
	sched->turn_bytes = turn_bytes;
	for (i = 0; i < sched->fresh; i++) {
		struct sched_node *node = &sched->node[i];

		if (!node->kind)
			continue;
		apply_turn(node, turn_bytes);
		if (node->kind == SVIO_SCHED_GROUP)
			set_spans(node->group, turn_bytes);
	}
	/* Who waits has tokens for a turn sooner now, or later. */
	for (i = 1; i < sched->fresh; i++) {
		if (sched->node[i].kind && sched->node[i].flags & SCHED_HELD)
			sched_hold_again(sched, &sched->node[i], now_ns);
	}
}

static void set_port(struct svio_sched *sched, const struct svio_sched_params *params,
		     uint64_t now_ns)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];

	sched_port_turn_end(sched, now_ns);
	set_turn(sched, turn_for(sched, params->max_bps), now_ns);
	apply_params(sched, port, params, false, now_ns);
	port->flags &= (uint8_t)~SCHED_HELD;
	if (sched_exhausted(port, now_ns)) {
		port->flags |= SCHED_HELD;
		sched->port_wake_ns = sched_resume_ns(port);
	}
}

/* Out of the queues, changed, and in again, with the tags it had: it keeps its turn. */
static void set_child(struct svio_sched *sched, struct sched_node *n,
		      const struct svio_sched_params *params, uint64_t now_ns)
{
	uint64_t was = guaranteed(n);
	bool served;

	if (n->flags & SCHED_TURN)
		sched_turn_end(sched, n, now_ns);
	served = sched_servable(n);
	if (n->flags & SCHED_HELD)
		sched_unhold(sched, n);
	if (served)
		sched_child_leave(sched, n);
	sched_child_remove(sched, n);
	sched_child_set_share(sched, n, weight_of(params), params->priority);
	apply_params(sched, n, params, false, now_ns);
	sched_child_set_min(sched, n, sched_cost(BIT_NS, guaranteed(n)), now_ns);
	if (served) {
		sched_child_join(sched, n);
		if (sched_exhausted(n, now_ns))
			sched_hold(sched, n);
		else
			sched_child_again(sched, n);
	} else if (n->flags & SCHED_WANTS) {
		sched_rise(sched, n, now_ns);
	}
	pass_min_on(sched, n->parent, was, guaranteed(n), now_ns);
}

int svio_sched_set(struct svio_sched *sched, svio_sched_node node,
		   const struct svio_sched_params *params, uint64_t now_ns,
		   struct svio_sched_refusal *refusal)
{
	struct sched_node *n = sched_node_find(sched, node);
	int error;

	if (refusal)
		refusal->node = node;
	if (!n)
		return refuse(refusal, -EINVAL, "node", 0);
	error = check_params(params, refusal);
	if (!error)
		error = check_fit(sched, n, n->parent, params, refusal);
	if (error)
		return error;
	sched_settle(sched, now_ns);
	if (node == SVIO_SCHED_PORT)
		set_port(sched, params, now_ns);
	else
		set_child(sched, n, params, now_ns);
	return 0;
}

int svio_sched_del(struct svio_sched *sched, svio_sched_node node)
{
	struct sched_node *n = sched_node_find(sched, node);
	uint64_t now_ns = sched->timers.clock; /* near enough: only accounts change */

	if (!n || node == SVIO_SCHED_PORT)
		return -EINVAL;
	if (n->children)
		return -EBUSY;
	sched_settle(sched, now_ns);
	svio_sched_deactivate(sched, node);
	if (n->flags & SCHED_TURN)
		sched_turn_end(sched, n, now_ns);
	sched_child_remove(sched, n);
	pass_min_on(sched, n->parent, guaranteed(n), 0, now_ns);
	if (!n->home_at)
		leave_seat(sched_parent(sched, n)->vif, n);
	if (n->kind == SVIO_SCHED_GROUP) {
		n->group->free = sched->free_group;
		sched->free_group = (uint16_t)(n->group - sched->group);
	} else if (n->kind == SVIO_SCHED_VIF) {
		n->vif->free = sched->free_vif;
		sched->free_vif = (uint16_t)(n->vif - sched->vif);
	}
	--*count_of(&sched->count, n->kind);
	sched->node[n->parent].children--;
	n->kind = 0;
	n->children = sched->free_node;
	sched->free_node = (uint16_t)node;
	return 0;
}

enum svio_sched_state svio_sched_state(const struct svio_sched *sched, svio_sched_node node)
{
	const struct sched_node *n;

	if (node >= sched->fresh || !sched->node[node].kind)
		return SVIO_SCHED_IDLE;
	n = &sched->node[node];
	if (node == SVIO_SCHED_PORT ? !sched->active : !(n->flags & SCHED_WANTS))
		return SVIO_SCHED_IDLE;
	if (n->flags & SCHED_HELD)
		return SVIO_SCHED_HELD;
	while (node != SVIO_SCHED_PORT) {
		node = sched->node[node].parent;
		/* Its turns go through all of these. */
		if (sched->node[node].flags & SCHED_HELD)
			return SVIO_SCHED_BEHIND;
	}
	return SVIO_SCHED_READY;
}

/* Is node on the way from below to the port? */
static bool is_above(const struct svio_sched *sched, uint32_t node, uint32_t below)
{
	while (below != node && below != SVIO_SCHED_PORT)
		below = sched->node[below].parent;
	return below == node;
}

int svio_sched_stats_get(const struct svio_sched *sched, svio_sched_node node,
			 struct svio_sched_stats *stats)
{
	const struct sched_node *n;

	if (node >= sched->fresh || !sched->node[node].kind)
		return -EINVAL;
	n = &sched->node[node];
	stats->bytes = n->bytes + n->turn_bytes;
	stats->packets = n->packets + n->turn_packets;
	stats->throttled = n->throttled;
	if (sched->leaf && is_above(sched, node, sched->leaf)) {
		stats->bytes += sched->taken_bytes;
		stats->packets += sched->taken_packets;
	}
	return 0;
}
