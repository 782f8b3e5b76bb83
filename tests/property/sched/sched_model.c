/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_model.h"

#include <errno.h>
#include <string.h>

#define LARGEST ((long double)SVIO_SCHED_PACKET_BYTES_MAX)
/* More than any device moves, in bytes a second. */
#define EVERYTHING 1e18L
#define GRANT      ((long double)SVIO_SCHED_GRANT_BYTES)
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

static long double burst_of(const struct svio_sched_params *params)
{
	if (params->burst_bytes == 0)
		return LARGEST + larger(LARGEST, params->max_bps * 1e-3L / 8);
	return larger(LARGEST, params->burst_bytes);
}

static long double packets_depth(const struct svio_sched_params *params)
{
	return larger(64, params->max_pps * 1e-3L);
}

/* Held back until so many tokens are there again. */
static long double resume_of(const struct svio_sched_params *params)
{
	return smaller(smaller(burst_of(params) - LARGEST, GRANT), params->max_bps * 50e-6L / 8);
}

static void advance(struct sched_model *model, uint64_t now_ns)
{
	long double seconds = (long double)(now_ns - model->now_ns) / 1e9L;
	uint32_t i;

	model->now_ns = now_ns;
	for (i = 0; i <= model->nodes_max; i++) {
		struct sched_model_node *n = &model->node[i];
		const struct svio_sched_params *p = &n->params;

		n->allowed += p->max_bps * seconds / 8;
		n->tokens = smaller(burst_of(p) - LARGEST, n->tokens + p->max_bps * seconds / 8);
		n->packet_tokens =
			smaller(packets_depth(p), n->packet_tokens + p->max_pps * seconds);
	}
}

void sched_model_init(struct sched_model *model, void *memory, uint32_t nodes_max,
		      uint64_t device_bps, uint64_t now_ns)
{
	const struct svio_sched_limits limits = sched_model_limits(nodes_max);

	memset(model, 0, sizeof(*model));
	model->sched = svio_sched_init(memory, &limits, 0, now_ns);
	model->now_ns = now_ns;
	model->device_bps = device_bps;
	model->nodes_max = nodes_max;
	model->node[0].used = true;
}

static bool params_fit(const struct svio_sched_params *p)
{
	return p->min_bps == 0 &&
	       (p->max_bps == 0 ||
		(p->max_bps >= SVIO_SCHED_BPS_MIN && p->max_bps <= SVIO_SCHED_BPS_MAX)) &&
	       p->max_pps <= SVIO_SCHED_PPS_MAX && p->burst_bytes <= SVIO_SCHED_BURST_BYTES_MAX &&
	       p->weight <= SVIO_SCHED_WEIGHT_MAX && p->priority < SVIO_SCHED_PRIORITIES;
}

static bool room_below(const struct sched_model *model, svio_sched_node parent)
{
	return parent <= model->nodes_max && model->node[parent].used &&
	       !model->node[parent].leaf && model->node[parent].depth < SVIO_SCHED_DEPTH_MAX;
}

svio_sched_node sched_model_add(struct sched_model *model, svio_sched_node parent, bool leaf,
				const struct svio_sched_params *params, uint32_t packet_bytes)
{
	svio_sched_node node = 0;
	struct sched_model_node *n;
	uint32_t used = 0;
	uint32_t i;
	int error = svio_sched_add(model->sched, parent, leaf ? SVIO_SCHED_LEAF : SVIO_SCHED_GROUP,
				   params, model->now_ns, &node, NULL);

	for (i = 1; i <= model->nodes_max; i++)
		used += model->node[i].used;
	require(model,
		(error == 0) == (params_fit(params) && room_below(model, parent) &&
				 used < model->nodes_max),
		"add: accepted or refused wrongly");
	if (error)
		return 0;
	n = &model->node[node];
	require(model, node >= 1 && node <= model->nodes_max && !n->used, "add: not a free node");
	memset(n, 0, sizeof(*n));
	n->used = true;
	n->leaf = leaf;
	n->parent = parent;
	n->depth = model->node[parent].depth + 1;
	n->params = *params;
	n->packet_bytes = packet_bytes;
	n->burst = burst_of(params);
	n->tokens = n->burst - LARGEST;
	n->packet_tokens = packets_depth(params);
	return node;
}

void sched_model_set(struct sched_model *model, svio_sched_node node,
		     const struct svio_sched_params *params)
{
	struct sched_model_node *n;
	int error = svio_sched_set(model->sched, node, params, model->now_ns, NULL);

	require(model,
		(error == 0) ==
			(params_fit(params) && node <= model->nodes_max && model->node[node].used),
		"set: accepted or refused wrongly");
	if (error || model->wrong)
		return;
	n = &model->node[node];
	if (!n->params.max_bps || !params->max_bps) {
		n->lowest = (long double)n->bytes - n->allowed;
		n->tokens = 0;
		n->burst = 0;
	}
	if (!n->params.max_pps || !params->max_pps)
		n->packet_tokens = 0;
	n->params = *params;
	n->burst = larger(n->burst, burst_of(params));
	n->tokens = smaller(n->tokens, burst_of(params) - LARGEST);
	n->packet_tokens = smaller(n->packet_tokens, packets_depth(params));
}

void sched_model_del(struct sched_model *model, svio_sched_node node)
{
	int error = svio_sched_del(model->sched, node);
	int expected = 0;
	uint32_t i;

	if (node == 0 || node > model->nodes_max || !model->node[node].used)
		expected = -EINVAL;
	for (i = 1; i <= model->nodes_max; i++)
		if (!expected && model->node[i].used && model->node[i].parent == node)
			expected = -EBUSY;
	require(model, error == expected, "del: wrong answer");
	if (error == 0)
		model->node[node].used = false;
}

void sched_model_activate(struct sched_model *model, svio_sched_node leaf, bool active)
{
	if (active)
		svio_sched_activate(model->sched, leaf, model->now_ns);
	else
		svio_sched_deactivate(model->sched, leaf);
	if (leaf <= model->nodes_max && model->node[leaf].used && model->node[leaf].leaf) {
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
	long double ahead = (long double)n->bytes - n->allowed;

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

static void serve(struct sched_model *model, const struct svio_sched_grant *grant, bool more)
{
	struct sched_model_node *leaf = &model->node[grant->leaf];
	struct svio_sched_stats stats = { 0 };
	uint64_t bytes = 0;
	uint32_t packets = 0;
	svio_sched_node node;

	require(model, grant->leaf <= model->nodes_max && leaf->used && leaf->leaf && leaf->active,
		"pick: not an active leaf");
	require(model, grant->bytes && grant->packets, "pick: an empty grant");
	if (model->wrong)
		return;
	while (bytes < grant->bytes && packets < grant->packets) {
		bytes += leaf->packet_bytes;
		packets++;
	}
	for (node = grant->leaf; node; node = model->node[node].parent)
		serve_node(model, &model->node[node], bytes, packets);
	serve_node(model, &model->node[0], bytes, packets);
	svio_sched_charge(model->sched, grant->leaf, bytes, packets, more, model->now_ns);
	leaf->active = more;
	svio_sched_stats_get(model->sched, grant->leaf, &stats);
	require(model, stats.bytes == leaf->bytes && stats.packets == leaf->packets,
		"stats: not what was charged");
	advance(model, model->now_ns + bytes * 8000000000ull / model->device_bps + 1);
}

/* Is a node at one of its ceilings, or waiting to have something to spend again? */
static bool held_back(const struct sched_model *model, svio_sched_node node)
{
	const struct svio_sched_params *p = &model->node[node].params;
	long double wait = node == SVIO_SCHED_PORT ? 0 : resume_of(p);

	return (p->max_bps && model->node[node].tokens <= wait + GRAIN(p->max_bps)) ||
	       (p->max_pps && model->node[node].packet_tokens < 1e-3L);
}

/* Nobody may be served: then every active leaf has a ceiling in its way. */
static void check_idle(struct sched_model *model)
{
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++) {
		bool held = held_back(model, SVIO_SCHED_PORT);
		svio_sched_node node;

		if (!model->node[i].used || !model->node[i].active)
			continue;
		for (node = i; node; node = model->node[node].parent)
			held |= held_back(model, node);
		require(model, held, "pick: not work-conserving");
	}
}

/* Then next_ns may be early. */
static bool any_group_ceiling(const struct sched_model *model)
{
	uint32_t i;

	for (i = 1; i <= model->nodes_max; i++)
		if (model->node[i].used && !model->node[i].leaf &&
		    (model->node[i].params.max_bps || model->node[i].params.max_pps))
			return true;
	return false;
}

void sched_model_step(struct sched_model *model, uint64_t end_ns, bool more)
{
	struct svio_sched_grant grant = { 0 };
	uint64_t next_ns = svio_sched_next_ns(model->sched, model->now_ns);
	bool picked = svio_sched_pick(model->sched, model->now_ns, &grant);

	/* At the one nanosecond that is called never, next_ns cannot say now. */
	require(model, picked == (next_ns == model->now_ns) || model->now_ns == SVIO_SCHED_NEVER,
		"next_ns: disagrees with pick");
	if (model->wrong)
		return;
	if (picked) {
		serve(model, &grant, more);
		return;
	}
	check_idle(model);
	if (next_ns == SVIO_SCHED_NEVER || (int64_t)(next_ns - end_ns) > 0) {
		advance(model, end_ns);
		return;
	}
	require(model, (int64_t)(next_ns - model->now_ns) > 0, "next_ns: in the past");
	require(model, !svio_sched_pick(model->sched, next_ns - 1, &grant), "next_ns: too late");
	advance(model, next_ns);
	require(model,
		any_group_ceiling(model) || svio_sched_next_ns(model->sched, next_ns) == next_ns,
		"next_ns: too early");
}

/* How much a node could take: what its active leaves could, and its ceiling. */
static long double appetite(struct sched_model *model, svio_sched_node node)
{
	struct sched_model_node *n = &model->node[node];
	uint32_t i;

	n->appetite = 0;
	n->fluid = 0;
	if (n->leaf)
		n->appetite = n->active ? EVERYTHING : 0;
	for (i = 1; i <= model->nodes_max; i++)
		if (model->node[i].used && model->node[i].parent == node)
			n->appetite += appetite(model, i);
	if (n->params.max_bps)
		n->appetite = smaller(n->appetite, n->params.max_bps / 8.0L);
	return n->appetite;
}

static long double weight_of(const struct sched_model_node *n)
{
	return n->params.weight ? n->params.weight : 1;
}

/* Divide a rate among the children of one priority; returns what they leave over. */
static long double divide_class(struct sched_model *model, svio_sched_node node, uint8_t priority,
				long double rate)
{
	bool full[SCHED_MODEL_NODES + 1] = { false };
	bool again = true;
	uint32_t i;

	while (again) {
		long double weights = 0;
		long double left = rate;

		again = false;
		for (i = 1; i <= model->nodes_max; i++) {
			const struct sched_model_node *n = &model->node[i];

			full[i] = full[i] || !n->used || n->parent != node ||
				  n->params.priority != priority;
			if (!full[i])
				weights += weight_of(n);
			else if (n->used && n->parent == node && n->params.priority == priority)
				left -= n->fluid;
		}
		for (i = 1; i <= model->nodes_max; i++) {
			struct sched_model_node *n = &model->node[i];

			if (full[i])
				continue;
			n->fluid = left * weight_of(n) / weights;
			if (n->fluid >= n->appetite) {
				n->fluid = n->appetite;
				full[i] = true;
				again = true;
			}
		}
	}
	for (i = 1; i <= model->nodes_max; i++)
		if (model->node[i].used && model->node[i].parent == node &&
		    model->node[i].params.priority == priority)
			rate -= model->node[i].fluid;
	return larger(0, rate);
}

static void divide(struct sched_model *model, svio_sched_node node)
{
	long double rate = model->node[node].fluid;
	int priority;
	uint32_t i;

	for (priority = SVIO_SCHED_PRIORITIES - 1; priority >= 0; priority--)
		rate = divide_class(model, node, (uint8_t)priority, rate);
	for (i = 1; i <= model->nodes_max; i++)
		if (model->node[i].used && model->node[i].parent == node && !model->node[i].leaf)
			divide(model, i);
}

void sched_model_fluid(struct sched_model *model)
{
	long double wanted = appetite(model, SVIO_SCHED_PORT);

	model->node[0].fluid = smaller(wanted, model->device_bps / 8.0L);
	divide(model, SVIO_SCHED_PORT);
}
