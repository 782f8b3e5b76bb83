/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_model.h"

#include <errno.h>
#include <string.h>

#define LARGEST ((long double)SVIO_SCHED_PACKET_BYTES_MAX)
/* A node is held back for the time of a turn at its max, within these, and this much longer. */
#define HOLD_MIN_S 20e-6L
#define HOLD_MAX_S 200e-6L
#define LATE_S     4.1e-6L
/* Nanoseconds are the clock's grain; tokens of one are neither here nor there. */
#define GRAIN(bps) ((long double)(bps) / 8e9L + 1e-3L)

static void require(struct sched_model *model, bool condition, const char *what)
{
	if (!condition && !model->wrong)
		model->wrong = what;
}

static long double larger(long double a, long double b)
{
	return a > b ? a : b;
}

static long double smaller(long double a, long double b)
{
	return a < b ? a : b;
}

long double sched_model_burst(const struct svio_sched_params *params)
{
	if (params->burst_bytes == 0)
		return LARGEST + larger(LARGEST, params->max_bps * 1e-3L / 8);
	return larger(LARGEST, params->burst_bytes);
}

static long double packets_depth(const struct svio_sched_params *params)
{
	return larger(64, params->max_pps * 1e-3L);
}

uint32_t sched_model_turn(const struct sched_model *model)
{
	return svio_sched_turn_bytes(model->node[SVIO_SCHED_PORT].params.max_bps);
}

long double sched_model_hold(const struct sched_model *model,
			     const struct svio_sched_params *params)
{
	long double depth = sched_model_burst(params) - LARGEST;
	long double rate = params->max_bps / 8.0L;
	long double turn = smaller(sched_model_turn(model), rate * HOLD_MAX_S);

	return smaller(depth / 2, larger(turn, rate * HOLD_MIN_S)) + rate * LATE_S;
}

/* A node's bucket and allowance as of now. */
static void fill(const struct sched_model *model, struct sched_model_node *n)
{
	const struct svio_sched_params *p = &n->params;
	long double seconds;

	if (n->filled_ns == model->now_ns)
		return;
	seconds = (long double)(model->now_ns - n->filled_ns) / 1e9L;
	n->filled_ns = model->now_ns;
	if (!p->max_bps && !p->max_pps)
		return;
	n->allowed += p->max_bps * seconds / 8;
	n->tokens = smaller(sched_model_burst(p) - LARGEST, n->tokens + p->max_bps * seconds / 8);
	n->packet_tokens = smaller(packets_depth(p), n->packet_tokens + p->max_pps * seconds);
}

void sched_model_advance(struct sched_model *model, uint64_t now_ns)
{
	model->now_ns = now_ns;
}

void sched_model_init(struct sched_model *model, void *memory,
		      const struct svio_sched_limits *limits, uint64_t port_bps,
		      uint64_t device_bps, uint64_t now_ns)
{
	struct sched_model_node *port = &model->node[SVIO_SCHED_PORT];

	memset(model, 0, sizeof(*model));
	model->sched = svio_sched_init(memory, limits, port_bps, now_ns);
	model->limits = *limits;
	model->now_ns = now_ns;
	model->busy_ns = now_ns;
	model->device_bps = device_bps;
	model->nodes_max = limits->leaves + limits->vifs + limits->groups;
	port->kind = SVIO_SCHED_GROUP;
	port->filled_ns = now_ns;
	port->params.max_bps = port_bps;
	port->burst = sched_model_burst(&port->params);
	port->tokens = port->burst - LARGEST;
}

static bool params_fit(const struct svio_sched_params *p)
{
	return (p->min_bps == 0 || p->min_bps >= SVIO_SCHED_BPS_MIN) &&
	       p->min_bps <= SVIO_SCHED_BPS_MAX &&
	       (p->max_bps == 0 ||
		(p->max_bps >= SVIO_SCHED_BPS_MIN && p->max_bps <= SVIO_SCHED_BPS_MAX)) &&
	       p->max_pps <= SVIO_SCHED_PPS_MAX && p->burst_bytes <= SVIO_SCHED_BURST_BYTES_MAX &&
	       p->weight <= SVIO_SCHED_WEIGHT_MAX && p->priority < SVIO_SCHED_PRIORITIES;
}

static bool exists(const struct sched_model *model, svio_sched_node node)
{
	return node <= model->nodes_max && model->node[node].kind;
}

static uint32_t count(const struct sched_model *model, enum svio_sched_kind kind)
{
	uint32_t found = 0;
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++)
		found += model->node[i].kind == kind;
	return found;
}

static uint32_t children(const struct sched_model *model, svio_sched_node parent)
{
	uint32_t found = 0;
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++)
		found += model->node[i].kind && model->node[i].parent == parent;
	return found;
}

/* Is there a place for another node below parent? */
static bool place_fits(const struct sched_model *model, svio_sched_node parent,
		       enum svio_sched_kind kind)
{
	const struct svio_sched_limits *limits = &model->limits;

	if (!exists(model, parent) || model->node[parent].kind == SVIO_SCHED_LEAF ||
	    model->node[parent].depth == SVIO_SCHED_DEPTH_MAX)
		return false;
	if (model->node[parent].kind == SVIO_SCHED_VIF &&
	    (kind != SVIO_SCHED_LEAF || children(model, parent) == SVIO_SCHED_CLASSES))
		return false;
	switch (kind) {
	case SVIO_SCHED_GROUP:
		return count(model, kind) < limits->groups;
	case SVIO_SCHED_VIF:
		return count(model, kind) < limits->vifs;
	case SVIO_SCHED_LEAF:
		return count(model, kind) < limits->leaves;
	default:
		return false;
	}
}

/* What is guaranteed to a node: its own min or its children's together, whichever is more. */
static uint64_t min_of(const struct sched_model *model, svio_sched_node node)
{
	uint64_t sum = 0;
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++)
		if (model->node[i].kind && model->node[i].parent == node)
			sum += min_of(model, i);
	return sum > model->node[node].params.min_bps ? sum : model->node[node].params.min_bps;
}

/* No node may be promised more than its max lets through. */
static bool mins_fit(const struct sched_model *model)
{
	uint32_t i;

	for (i = 0; i <= model->nodes_max; i++)
		if (model->node[i].kind && model->node[i].params.max_bps &&
		    min_of(model, i) > model->node[i].params.max_bps)
			return false;
	return true;
}

/* The node as it would be. Returns whether its settings and its place are allowed. */
static bool put_node(struct sched_model *model, svio_sched_node node,
		     const struct sched_model_node *wanted)
{
	struct sched_model_node before = model->node[node];

	if (!params_fit(&wanted->params))
		return false;
	model->node[node] = *wanted;
	if (mins_fit(model))
		return true;
	model->node[node] = before;
	return false;
}

svio_sched_node sched_model_add(struct sched_model *model, svio_sched_node parent,
				enum svio_sched_kind kind, const struct svio_sched_params *params,
				uint32_t packet_bytes)
{
	struct sched_model_node wanted = { .kind = kind, .parent = parent, .params = *params };
	bool fits = place_fits(model, parent, kind);
	svio_sched_node node = 0;
	int error = svio_sched_add(model->sched, parent, kind, params, model->now_ns, &node, NULL);
	uint32_t i;

	if (error) {
		/* Any free place will do to find out whether it should have been refused. */
		for (i = 1; fits && i <= model->nodes_max && model->node[i].kind; i++)
			;
		require(model, !fits || !put_node(model, i, &wanted), "add: refused wrongly");
		return 0;
	}
	require(model, node >= 1 && node <= model->nodes_max && !model->node[node].kind,
		"add: not a free node");
	if (model->wrong)
		return 0;
	wanted.depth = model->node[parent].depth + 1;
	wanted.filled_ns = model->now_ns;
	wanted.packet_bytes = packet_bytes;
	wanted.burst = sched_model_burst(params);
	wanted.tokens = wanted.burst - LARGEST;
	wanted.packet_tokens = packets_depth(params);
	require(model, fits && put_node(model, node, &wanted), "add: accepted wrongly");
	return node;
}

/* A change of rate may cost two nanoseconds' worth of the old one; a full bucket makes up for it. */
static void lose_some(struct sched_model_node *n)
{
	if (n->tokens >= sched_model_burst(&n->params) - LARGEST)
		n->lost = 0;
	if (n->packet_tokens >= packets_depth(&n->params))
		n->lost_packets = 0;
	n->lost += 2 * GRAIN(n->params.max_bps);
	n->lost_packets += 2e-9L * n->params.max_pps;
}

void sched_model_set(struct sched_model *model, svio_sched_node node,
		     const struct svio_sched_params *params)
{
	int error = svio_sched_set(model->sched, node, params, model->now_ns, NULL);
	struct sched_model_node n;
	bool fits = false;

	model->looks = 0;
	if (exists(model, node)) {
		fill(model, &model->node[node]);
		n = model->node[node];
		lose_some(&n);
		if (!n.params.max_bps || !params->max_bps) {
			n.lowest = (long double)n.bytes - n.allowed;
			n.tokens = 0;
			n.burst = 0;
		}
		if (!n.params.max_pps || !params->max_pps)
			n.packet_tokens = 0;
		n.params = *params;
		n.burst = larger(n.burst, sched_model_burst(params));
		n.tokens = smaller(n.tokens, sched_model_burst(params) - LARGEST);
		n.packet_tokens = smaller(n.packet_tokens, packets_depth(params));
		fits = put_node(model, node, &n);
	}
	require(model, (error == 0) == fits, "set: accepted or refused wrongly");
}

void sched_model_del(struct sched_model *model, svio_sched_node node)
{
	int error = svio_sched_del(model->sched, node);
	int expected = 0;

	if (node == SVIO_SCHED_PORT || !exists(model, node))
		expected = -EINVAL;
	else if (children(model, node))
		expected = -EBUSY;
	require(model, error == expected, "del: wrong answer");
	if (error == 0)
		model->node[node].kind = 0;
}

void sched_model_activate(struct sched_model *model, svio_sched_node leaf, bool active)
{
	model->looks = 0;
	if (active)
		svio_sched_activate(model->sched, leaf, model->now_ns);
	else
		svio_sched_deactivate(model->sched, leaf);
	if (exists(model, leaf) && model->node[leaf].kind == SVIO_SCHED_LEAF) {
		model->node[leaf].active = active;
		require(model, svio_sched_active(model->sched, leaf) == active, "active: not so");
	} else {
		require(model, !svio_sched_active(model->sched, leaf), "active: not a leaf");
	}
}

/* Served and charged. */
static void serve_node(struct sched_model *model, struct sched_model_node *n, uint64_t bytes,
		       uint32_t packets)
{
	long double ahead;

	fill(model, n);
	ahead = (long double)n->bytes - n->allowed;
	if (n->params.max_bps) {
		require(model, n->tokens >= -GRAIN(n->params.max_bps),
			"pick: a ceiling was reached");
		n->lowest = smaller(n->lowest, ahead);
		require(model, ahead + bytes - n->lowest <= n->burst + GRAIN(n->params.max_bps),
			"max: more than max * t + burst");
	}
	if (n->params.max_pps)
		require(model, n->packet_tokens >= -1e-3L, "pick: a packet ceiling was reached");
	n->bytes += bytes;
	n->packets += packets;
	n->tokens -= bytes;
	n->packet_tokens -= packets;
}

/* Packets while the grant lasts; the last may exceed it. */
static void fetch_equal_packets(const struct sched_model *model,
				const struct svio_sched_grant *grant, struct sched_model_load *load)
{
	while (load->bytes < grant->bytes && load->packets < grant->packets) {
		load->bytes += model->node[grant->leaf].packet_bytes;
		load->packets++;
	}
}

/* The device is busy with so many bytes from now on. */
static void occupy(struct sched_model *model, uint64_t bytes)
{
	/* At most 2^30 bytes: 9e18 < 2^63. */
	uint64_t work = bytes * 8000000000ull + model->device_rest;

	model->busy_ns = model->now_ns + work / model->device_bps;
	model->device_rest = work % model->device_bps;
}

static void serve(struct sched_model *model, const struct svio_sched_grant *grant, bool more)
{
	struct sched_model_load load = { .more = more };
	struct sched_model_node *leaf = &model->node[grant->leaf];
	struct svio_sched_stats stats = { 0 };
	svio_sched_node node;

	require(model, exists(model, grant->leaf) && leaf->kind == SVIO_SCHED_LEAF && leaf->active,
		"pick: not an active leaf");
	require(model, grant->bytes && grant->packets, "pick: an empty grant");
	require(model, svio_sched_state(model->sched, grant->leaf) == SVIO_SCHED_READY,
		"state: not ready, but picked");
	if (model->wrong)
		return;
	if (model->fetch)
		model->fetch(model->context, grant, &load);
	else
		fetch_equal_packets(model, grant, &load);
	for (node = grant->leaf; node; node = model->node[node].parent)
		serve_node(model, &model->node[node], load.bytes, load.packets);
	serve_node(model, &model->node[SVIO_SCHED_PORT], load.bytes, load.packets);
	svio_sched_charge(model->sched, grant->leaf, load.bytes, load.packets, load.more,
			  model->now_ns);
	leaf->active = load.more;
	svio_sched_stats_get(model->sched, grant->leaf, &stats);
	require(model, stats.bytes == leaf->bytes && stats.packets == leaf->packets,
		"stats: not what was charged");
	occupy(model, load.bytes);
}

/* Is a node at one of its ceilings, or waiting to have something to spend again? */
static bool held_back(struct sched_model *model, svio_sched_node node)
{
	struct sched_model_node *n = &model->node[node];
	const struct svio_sched_params *p = &n->params;
	long double wait = sched_model_hold(model, p);

	fill(model, n);
	return (p->max_bps && n->tokens <= wait + GRAIN(p->max_bps) + n->lost) ||
	       (p->max_pps && n->packet_tokens < p->max_pps * LATE_S + 1e-3L + n->lost_packets);
}

/* Nobody may be served: then every active leaf has a ceiling in its way. */
static void check_idle(struct sched_model *model)
{
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++) {
		bool held = held_back(model, SVIO_SCHED_PORT);
		svio_sched_node node;

		if (!model->node[i].kind || !model->node[i].active)
			continue;
		for (node = i; node; node = model->node[node].parent)
			held |= held_back(model, node);
		require(model, held, "pick: not work-conserving");
	}
}

/* A node's wait is looked at again at most this often: 32 octaves, three at least each time. */
#define LOOKS_PER_NODE 11

/* next_ns may be too early, but not over and over. */
static void check_looks(struct sched_model *model)
{
	if (svio_sched_next_ns(model->sched, model->now_ns) == model->now_ns)
		model->looks = 0;
	else
		model->looks++;
	require(model, model->looks <= LOOKS_PER_NODE * (model->nodes_max + 1),
		"next_ns: too early");
}

bool sched_model_serve(struct sched_model *model, bool more, uint64_t *next_ns)
{
	struct svio_sched_grant grant = { 0 };
	bool picked;

	*next_ns = svio_sched_next_ns(model->sched, model->now_ns);
	picked = svio_sched_pick(model->sched, model->now_ns, &grant);
	/* At the one nanosecond that is called never, next_ns cannot say now. */
	require(model, picked == (*next_ns == model->now_ns) || model->now_ns == SVIO_SCHED_NEVER,
		"next_ns: disagrees with pick");
	if (picked && !model->wrong)
		serve(model, &grant, more);
	if (!picked)
		check_idle(model);
	require(model,
		picked || *next_ns == SVIO_SCHED_NEVER || (int64_t)(*next_ns - model->now_ns) > 0,
		"next_ns: in the past");
	return picked;
}

void sched_model_step(struct sched_model *model, uint64_t end_ns, bool more)
{
	struct svio_sched_grant grant;
	uint64_t next_ns;
	bool picked = sched_model_serve(model, more, &next_ns);

	if (model->wrong)
		return;
	if (picked) {
		sched_model_advance(model, model->busy_ns);
		return;
	}
	if (next_ns == SVIO_SCHED_NEVER || (int64_t)(next_ns - end_ns) > 0) {
		sched_model_advance(model, end_ns);
		return;
	}
	require(model, !svio_sched_pick(model->sched, next_ns - 1, &grant), "next_ns: too late");
	sched_model_advance(model, next_ns);
	check_looks(model);
}
