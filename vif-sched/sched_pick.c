/* SPDX-License-Identifier: BSD-3-Clause */
/* The scheduler at work: who is served, what it costs, when to look again. */
#include "sched_tree.h"

/* In a leaf's share a grant costs at least this, so that an empty one is not for free. */
#define SHARE_BYTES_MIN 64u

void svio_sched_node_enqueue(struct svio_sched *sched, uint32_t node)
{
	while (node != SVIO_SCHED_PORT && sched->node[node].place == SCHED_IDLE) {
		struct sched_node *n = &sched->node[node];
		struct sched_node *parent = &sched->node[n->parent];
		struct sched_class *class = &parent->class[n->priority];

		n->place = SCHED_READY;
		n->key = class->served;
		svio_sched_heap_insert(sched, &class->head, node);
		parent->classes |= 1u << n->priority;
		node = n->parent;
	}
}

void svio_sched_node_dequeue(struct svio_sched *sched, uint32_t node)
{
	struct sched_node *n = &sched->node[node];
	struct sched_node *parent = &sched->node[n->parent];
	struct sched_class *class = &parent->class[n->priority];

	if (n->place == SCHED_TIMED)
		svio_sched_heap_remove(sched, &sched->timers, node);
	if (n->place == SCHED_READY) {
		svio_sched_heap_remove(sched, &class->head, node);
		if (!class->head)
			parent->classes &= ~(1u << n->priority);
	}
	n->place = SCHED_IDLE;
}

/* Has a node's own ceiling been reached? Then *wake_ns is when it is free again. */
static bool reached_ceiling(struct sched_node *node, uint64_t now_ns, uint64_t *wake_ns)
{
	bool reached = false;

	*wake_ns = now_ns;
	if (node->bytes.rate) {
		sched_meter_fill(&node->bytes, now_ns);
		if (node->bytes.tokens < 0) {
			*wake_ns = sched_meter_reach_ns(&node->bytes, node->resume_tokens);
			reached = true;
		}
	}
	if (node->packets.rate) {
		sched_meter_fill(&node->packets, now_ns);
		if (node->packets.tokens < 0) {
			uint64_t ns = sched_meter_reach_ns(&node->packets, 0);

			if (sched_before(*wake_ns, ns))
				*wake_ns = ns;
			reached = true;
		}
	}
	return reached;
}

static void start_timer(struct svio_sched *sched, uint32_t node, uint64_t wake_ns)
{
	svio_sched_node_dequeue(sched, node);
	sched->node[node].place = SCHED_TIMED;
	sched->node[node].key = wake_ns;
	sched->node[node].stats.throttled++;
	svio_sched_heap_insert(sched, &sched->timers, node);
}

static void expire_timers(struct svio_sched *sched, uint64_t now_ns)
{
	while (sched->timers && !sched_before(now_ns, sched->node[sched->timers].key)) {
		uint32_t node = sched->timers;

		svio_sched_node_dequeue(sched, node);
		svio_sched_node_enqueue(sched, node);
	}
}

/* Down the heads of the highest classes to a leaf, or to a group with nothing below. */
static uint32_t descend(const struct svio_sched *sched, uint32_t node)
{
	while (sched->node[node].classes) {
		uint32_t top = 31u - (uint32_t)__builtin_clz(sched->node[node].classes);

		node = sched->node[node].class[top].head;
	}
	return node;
}

/*
 * The leaf below root that is next, where no ceiling between the two (root's own
 * not counted) is reached. Sorts out what has no business at the head of its
 * queue on the way, innermost first, so that a node gets a timer only if it could
 * be served but for that. SVIO_SCHED_PORT: there is none.
 */
static uint32_t find_leaf(struct svio_sched *sched, uint32_t root, uint64_t now_ns)
{
	for (;;) {
		uint32_t leaf = descend(sched, root);
		uint32_t node;
		uint64_t wake_ns;

		if (leaf == root)
			return SVIO_SCHED_PORT;
		if (!sched->node[leaf].active) {
			/* Idle meanwhile, or a group that has become empty. */
			svio_sched_node_dequeue(sched, leaf);
			continue;
		}
		for (node = leaf; node != root; node = sched->node[node].parent)
			if (reached_ceiling(&sched->node[node], now_ns, &wake_ns))
				break;
		if (node == root)
			return leaf;
		start_timer(sched, node, wake_ns);
	}
}

/* Cut a grant to the tokens of one node, but not below 1. */
static void limit_grant(const struct sched_node *node, struct svio_sched_grant *grant)
{
	if (node->bytes.rate) {
		int64_t bytes = node->bytes.tokens / SCHED_TOKENS_PER_BYTE;

		if (bytes < grant->bytes)
			grant->bytes = bytes > 1 ? (uint32_t)bytes : 1;
	}
	if (node->packets.rate) {
		int64_t packets = node->packets.tokens / SCHED_TOKENS_PER_PACKET;

		if (packets < grant->packets)
			grant->packets = packets > 1 ? (uint32_t)packets : 1;
	}
}

bool svio_sched_pick(struct svio_sched *sched, uint64_t now_ns, struct svio_sched_grant *grant)
{
	bool alone = sched->active == 1;
	uint64_t wake_ns;
	uint32_t node;

	expire_timers(sched, now_ns);
	if (!sched->active || reached_ceiling(&sched->node[SVIO_SCHED_PORT], now_ns, &wake_ns))
		return false;
	node = find_leaf(sched, SVIO_SCHED_PORT, now_ns);
	if (node == SVIO_SCHED_PORT)
		return false;

	grant->leaf = node;
	grant->bytes = alone ? SVIO_SCHED_GRANT_ALONE_BYTES : SVIO_SCHED_GRANT_BYTES;
	grant->packets = alone ? SVIO_SCHED_GRANT_ALONE_PACKETS : SVIO_SCHED_GRANT_PACKETS;
	while (node != SVIO_SCHED_PORT) {
		const struct sched_node *n = &sched->node[node];

		limit_grant(n, grant);
		sched->node[n->parent].class[n->priority].served = n->key;
		node = n->parent;
	}
	limit_grant(&sched->node[SVIO_SCHED_PORT], grant);
	return true;
}

/* Tokens, share and accounts of one node. */
static void charge_node(struct svio_sched *sched, uint32_t node, uint64_t bytes, uint32_t packets,
			uint64_t now_ns)
{
	struct sched_node *n = &sched->node[node];
	uint64_t share = bytes < SHARE_BYTES_MIN ? SHARE_BYTES_MIN : bytes;

	n->stats.bytes += bytes;
	n->stats.packets += packets;
	if (n->bytes.rate) {
		sched_meter_fill(&n->bytes, now_ns);
		sched_meter_take(&n->bytes, (int64_t)bytes * SCHED_TOKENS_PER_BYTE);
	}
	if (n->packets.rate) {
		sched_meter_fill(&n->packets, now_ns);
		sched_meter_take(&n->packets, (int64_t)packets * SCHED_TOKENS_PER_PACKET);
	}
	if (n->place == SCHED_READY) {
		struct sched_class *class = &sched->node[n->parent].class[n->priority];

		svio_sched_heap_remove(sched, &class->head, node);
		n->key += share * n->tag_per_byte;
		/* Charged over and over without being picked: tags must stay comparable. */
		if (sched_before(class->served + SCHED_TAG_SPREAD_MAX, n->key))
			n->key = class->served + SCHED_TAG_SPREAD_MAX;
		svio_sched_heap_insert(sched, &class->head, node);
	}
}

void svio_sched_charge(struct svio_sched *sched, svio_sched_node leaf, uint64_t bytes,
		       uint32_t packets, bool more, uint64_t now_ns)
{
	const struct sched_node *n = sched_node_find(sched, leaf);
	uint32_t node = leaf;

	if (!n || n->kind != SVIO_SCHED_LEAF)
		return;
	if (bytes > SVIO_SCHED_BURST_BYTES_MAX)
		bytes = SVIO_SCHED_BURST_BYTES_MAX;
	for (; node != SVIO_SCHED_PORT; node = sched->node[node].parent)
		charge_node(sched, node, bytes, packets, now_ns);
	charge_node(sched, SVIO_SCHED_PORT, bytes, packets, now_ns);
	if (more)
		svio_sched_activate(sched, leaf, now_ns);
	else
		svio_sched_deactivate(sched, leaf);
}

void svio_sched_activate(struct svio_sched *sched, svio_sched_node leaf, uint64_t now_ns)
{
	struct sched_node *n = sched_node_find(sched, leaf);

	(void)now_ns; /* a guarantee will have to know since when a leaf waits */
	if (!n || n->kind != SVIO_SCHED_LEAF || n->active)
		return;
	n->active = 1;
	sched->active++;
	svio_sched_node_enqueue(sched, leaf);
}

void svio_sched_deactivate(struct svio_sched *sched, svio_sched_node leaf)
{
	struct sched_node *n = sched_node_find(sched, leaf);

	if (!n || n->kind != SVIO_SCHED_LEAF || !n->active)
		return;
	n->active = 0;
	sched->active--;
	if (n->place == SCHED_TIMED)
		svio_sched_node_dequeue(sched, leaf);
}

bool svio_sched_active(const struct svio_sched *sched, svio_sched_node leaf)
{
	return leaf < sched->fresh && sched->node[leaf].kind == SVIO_SCHED_LEAF &&
	       sched->node[leaf].active;
}

/* The first of the timers that anybody waits for; SVIO_SCHED_NEVER: none. */
static uint64_t first_timer_ns(struct svio_sched *sched, uint64_t now_ns)
{
	while (sched->timers) {
		uint32_t node = sched->timers;

		if (sched->node[node].kind == SVIO_SCHED_LEAF ||
		    find_leaf(sched, node, now_ns) != SVIO_SCHED_PORT)
			return sched->node[node].key;
		/* A group whose leaves have all gone idle, or wait for longer, by themselves. */
		svio_sched_node_dequeue(sched, node);
	}
	return SVIO_SCHED_NEVER;
}

uint64_t svio_sched_next_ns(struct svio_sched *sched, uint64_t now_ns)
{
	uint64_t next_ns = now_ns;
	uint64_t port_ns;

	if (!sched->active)
		return SVIO_SCHED_NEVER;
	expire_timers(sched, now_ns);
	if (find_leaf(sched, SVIO_SCHED_PORT, now_ns) == SVIO_SCHED_PORT)
		next_ns = first_timer_ns(sched, now_ns);
	if (reached_ceiling(&sched->node[SVIO_SCHED_PORT], now_ns, &port_ns) &&
	    sched_before(next_ns, port_ns))
		next_ns = port_ns;
	/* A time that happens to look like never: one nanosecond later will do. */
	return next_ns == SVIO_SCHED_NEVER ? next_ns + 1 : next_ns;
}
