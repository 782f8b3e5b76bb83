/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler's tree: nodes, what may be set on them, their accounts. */
#include <errno.h>
#include <string.h>

#include "sched_tree.h"

#define BURST_NS         1000000ll /* a pause this long costs nobody its max */
#define BURST_PACKETS    64ll
#define RESUME_NS        50000ll
#define PORT_PARAMS(bps) (&(const struct svio_sched_params){ .max_bps = (bps) })

_Static_assert(sizeof(struct svio_sched) == 64, "nodes start on a cache line");

size_t svio_sched_bytes(const struct svio_sched_limits *limits)
{
	size_t nodes = (size_t)limits->leaves + limits->vifs + limits->groups;

	return sizeof(struct svio_sched) + (nodes + 1) * sizeof(struct sched_node);
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/*
 * Tokens when full. A node may spend its last token on a largest packet, so that
 * much of the burst is kept out of the bucket.
 */
static int64_t burst_tokens(const struct svio_sched_params *params)
{
	const int64_t packet = SVIO_SCHED_PACKET_BYTES_MAX * SCHED_TOKENS_PER_BYTE;

	if (params->burst_bytes == 0)
		return larger(packet, (int64_t)params->max_bps * BURST_NS);
	return larger(0, params->burst_bytes * SCHED_TOKENS_PER_BYTE - packet);
}

static void apply_params(struct sched_node *node, const struct svio_sched_params *params,
			 bool fresh, uint64_t now_ns)
{
	int64_t depth = burst_tokens(params);
	int64_t packets = larger(BURST_PACKETS * SCHED_TOKENS_PER_PACKET,
				 (int64_t)params->max_pps * BURST_NS);
	uint64_t weight = params->weight ? params->weight : 1;

	svio_sched_meter_change(&node->bytes, params->max_bps, depth, fresh ? depth : 0, now_ns);
	svio_sched_meter_change(&node->packets, params->max_pps, packets, fresh ? packets : 0,
				now_ns);
	node->resume_tokens = 0;
	if (node->depth > 0) {
		node->resume_tokens = smaller(depth, (int64_t)params->max_bps * RESUME_NS);
		node->resume_tokens = smaller(node->resume_tokens,
					      SVIO_SCHED_GRANT_BYTES * SCHED_TOKENS_PER_BYTE);
	}
	node->tag_per_byte = (SCHED_TAG_SCALE + weight / 2) / weight;
	node->priority = params->priority;
}

static int refuse(struct svio_sched_refusal *refusal, int error, const char *parameter,
		  uint64_t available)
{
	if (refusal) {
		refusal->parameter = parameter;
		refusal->available = available;
	}
	return error;
}

static int check_params(const struct svio_sched_params *params, svio_sched_node node,
			struct svio_sched_refusal *refusal)
{
	if (refusal)
		refusal->node = node;
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
	if (params->min_bps)
		return refuse(refusal, -E2BIG, "min", 0);
	return 0;
}

static void clear_node(struct sched_node *node, enum svio_sched_kind kind)
{
	uint32_t i;

	memset(node, 0, sizeof(*node));
	node->kind = (uint8_t)kind;
	for (i = 0; i < SVIO_SCHED_PRIORITIES; i++)
		node->class[i].served = SCHED_TAG_FIRST;
}

struct svio_sched *svio_sched_init(void *memory, const struct svio_sched_limits *limits,
				   uint64_t port_bps, uint64_t now_ns)
{
	struct svio_sched *sched = memory;
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];

	if (port_bps && port_bps < SVIO_SCHED_BPS_MIN)
		port_bps = SVIO_SCHED_BPS_MIN;
	if (port_bps > SVIO_SCHED_BPS_MAX)
		port_bps = SVIO_SCHED_BPS_MAX;
	memset(sched, 0, sizeof(*sched));
	sched->nodes_max = limits->leaves + limits->vifs + limits->groups;
	sched->fresh = 1;
	clear_node(port, SVIO_SCHED_GROUP);
	apply_params(port, PORT_PARAMS(port_bps), true, now_ns);
	return sched;
}

static uint32_t take_node(struct svio_sched *sched)
{
	uint32_t node = sched->free;

	if (node)
		sched->free = sched->node[node].children;
	else if (sched->fresh <= sched->nodes_max)
		node = sched->fresh++;
	return node;
}

int svio_sched_add(struct svio_sched *sched, svio_sched_node parent, enum svio_sched_kind kind,
		   const struct svio_sched_params *params, uint64_t now_ns, svio_sched_node *node,
		   struct svio_sched_refusal *refusal)
{
	struct sched_node *above = sched_node_find(sched, parent);
	struct sched_node *added;
	uint32_t taken;
	int error;

	if (refusal)
		refusal->node = parent;
	if (kind != SVIO_SCHED_GROUP && kind != SVIO_SCHED_LEAF && kind != SVIO_SCHED_VIF)
		return refuse(refusal, -EINVAL, "kind", SVIO_SCHED_LEAF);
	if (!above || above->kind == SVIO_SCHED_LEAF)
		return refuse(refusal, -EINVAL, "parent", SVIO_SCHED_PORT);
	if (above->depth == SVIO_SCHED_DEPTH_MAX)
		return refuse(refusal, -EINVAL, "depth", SVIO_SCHED_DEPTH_MAX);
	error = check_params(params, parent, refusal);
	if (error)
		return error;
	taken = take_node(sched);
	if (!taken)
		return refuse(refusal, -ENOSPC, "node", sched->nodes_max);

	added = &sched->node[taken];
	clear_node(added, kind);
	added->parent = parent;
	added->depth = above->depth + 1;
	above->children++;
	apply_params(added, params, true, now_ns);
	*node = taken;
	return 0;
}

int svio_sched_set(struct svio_sched *sched, svio_sched_node node,
		   const struct svio_sched_params *params, uint64_t now_ns,
		   struct svio_sched_refusal *refusal)
{
	struct sched_node *n = sched_node_find(sched, node);
	bool was_queued;
	int error;

	if (refusal)
		refusal->node = node;
	if (!n)
		return refuse(refusal, -EINVAL, "node", 0);
	error = check_params(params, node, refusal);
	if (error)
		return error;

	/* A new ceiling may end a wait; a new priority is another queue. Else it keeps its turn. */
	was_queued = n->place == SCHED_TIMED ||
		     (n->place == SCHED_READY && n->priority != params->priority);
	if (was_queued)
		svio_sched_node_dequeue(sched, node);
	apply_params(n, params, false, now_ns);
	if (was_queued)
		svio_sched_node_enqueue(sched, node);
	return 0;
}

int svio_sched_del(struct svio_sched *sched, svio_sched_node node)
{
	struct sched_node *n = sched_node_find(sched, node);

	if (!n || node == SVIO_SCHED_PORT)
		return -EINVAL;
	if (n->kind != SVIO_SCHED_LEAF && n->children)
		return -EBUSY;
	svio_sched_deactivate(sched, node);
	svio_sched_node_dequeue(sched, node);
	sched->node[n->parent].children--;
	n->kind = 0;
	n->children = sched->free;
	sched->free = node;
	return 0;
}

int svio_sched_stats_get(const struct svio_sched *sched, svio_sched_node node,
			 struct svio_sched_stats *stats)
{
	if (node >= sched->fresh || !sched->node[node].kind)
		return -EINVAL;
	*stats = sched->node[node].stats;
	return 0;
}

enum svio_sched_state svio_sched_state(const struct svio_sched *sched, svio_sched_node node)
{
	const struct sched_node *n;

	if (node >= sched->fresh || !sched->node[node].kind)
		return SVIO_SCHED_IDLE;
	n = &sched->node[node];
	if (n->place == SCHED_TIMED)
		return SVIO_SCHED_HELD;
	if (n->place == SCHED_IDLE || (n->kind == SVIO_SCHED_LEAF && !n->active))
		return SVIO_SCHED_IDLE;
	while (node != SVIO_SCHED_PORT) {
		node = sched->node[node].parent;
		if (sched->node[node].place == SCHED_TIMED)
			return SVIO_SCHED_BEHIND;
	}
	return SVIO_SCHED_READY;
}
