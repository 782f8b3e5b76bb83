/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler at work. On each level one child has the turn until it has taken
 * SVIO_SCHED_TURN_BYTES, has nothing left, or somebody goes before it. Tags and buckets
 * are charged when a turn ends; so a packet costs little more than the way down.
 */
#include "sched_tree.h"

void sched_rise(struct svio_sched *sched, uint32_t node, uint64_t now_ns)
{
	while (node != SVIO_SCHED_PORT) {
		struct sched_node *parent;

		if (sched_exhausted(&sched->node[node], now_ns)) {
			sched_wait(sched, node, now_ns);
			return;
		}
		sched_child_enter(sched, node, now_ns);
		node = sched->node[node].parent;
		parent = &sched->node[node];
		if (parent->servable++)
			return;
		parent->flags |= SCHED_WANTS;
	}
}

void sched_lose(struct svio_sched *sched, uint32_t parent)
{
	for (;;) {
		struct sched_node *p = &sched->node[parent];

		if (--p->servable)
			return;
		p->flags &= (uint8_t)~SCHED_WANTS;
		if (parent == SVIO_SCHED_PORT)
			return;
		if (p->flags & SCHED_HELD) {
			sched_unhold(sched, parent);
			return; /* it did not count above */
		}
		sched_child_leave(sched, parent);
		parent = p->parent;
	}
}

void sched_fall(struct svio_sched *sched, uint32_t node)
{
	sched_child_leave(sched, node);
	sched_lose(sched, sched->node[node].parent);
}

void sched_turn_end(struct svio_sched *sched, uint32_t node, uint64_t now_ns)
{
	struct sched_node *n = &sched->node[node];

	n->stats.bytes += n->turn_bytes;
	n->stats.packets += n->turn_packets;
	sched_take_tokens(n, n->turn_bytes, n->turn_packets, now_ns);
	sched_child_charge(sched, node, n->turn_bytes, now_ns);
	n->turn_bytes = 0;
	n->turn_packets = 0;
	n->flags &= (uint8_t) ~(SCHED_TURN | SCHED_TIMELY);
	sched->node[n->parent].turn_of = 0;
	if (!sched_servable(n))
		return;
	if (sched_exhausted(n, now_ns))
		sched_hold(sched, node, now_ns);
	else
		sched_child_again(sched, node);
}

/* The child that serves its parent now, with what is left of its turn; 0: none can be served. */
static uint32_t take_turn(struct svio_sched *sched, uint32_t parent, bool alone, uint64_t now_ns)
{
	uint32_t wanted = alone ? SVIO_SCHED_GRANT_ALONE_BYTES : SVIO_SCHED_TURN_BYTES;
	uint32_t child = sched->node[parent].turn_of;

	if (child) {
		const struct sched_node *c = &sched->node[child];

		if (sched_servable(c) && c->turn_bytes < wanted &&
		    !sched_child_preempted(sched, parent))
			return child;
		sched_turn_end(sched, child, now_ns);
	}
	child = sched_child_choose(sched, parent, now_ns);
	if (child)
		sched->node[child].turn_budget =
			sched_turn_budget(&sched->node[child], wanted, now_ns);
	return child;
}

/* The port is not in anybody's queue: it is held for itself. */
static bool port_held(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];

	if (port->flags & SCHED_HELD) {
		if (sched_before(now_ns, sched->port_wake_ns))
			return true;
		port->flags &= (uint8_t)~SCHED_HELD;
	}
	return false;
}

/*
 * What was granted is settled when its grant is used up, when something may have to
 * go before it, or when somebody looks: packets that are charged one by one cost
 * no more than those of a whole grant.
 */
static void settle_node(struct svio_sched *sched, uint32_t node, uint64_t now_ns)
{
	struct sched_node *n = &sched->node[node];

	n->turn_bytes += sched->taken_bytes;
	n->turn_packets += sched->taken_packets;
	if (sched->turn_over || n->turn_bytes >= n->turn_budget || !sched_servable(n))
		sched_turn_end(sched, node, now_ns);
}

static void settle_port(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];

	port->stats.bytes += sched->taken_bytes;
	port->stats.packets += sched->taken_packets;
	sched_take_tokens(port, sched->taken_bytes, sched->taken_packets, now_ns);
	if (!(port->flags & SCHED_HELD) && sched_exhausted(port, now_ns)) {
		port->flags |= SCHED_HELD;
		port->stats.throttled++;
	}
	if (port->flags & SCHED_HELD)
		sched->port_wake_ns = sched_resume_ns(port);
}

void sched_settle(struct svio_sched *sched, uint64_t now_ns)
{
	uint32_t node;

	if (!sched->leaf)
		return;
	for (node = sched->leaf; node != SVIO_SCHED_PORT; node = sched->node[node].parent)
		settle_node(sched, node, now_ns);
	settle_port(sched, now_ns);
	sched->leaf = 0;
}

/* From the port down to the leaf that is next; the grant shrinks on the way. 0: nobody. */
static uint32_t descend(struct svio_sched *sched, struct svio_sched_grant *grant, bool alone,
			uint64_t now_ns)
{
	uint32_t node = SVIO_SCHED_PORT;

	while (sched->node[node].kind != SVIO_SCHED_LEAF) {
		const struct sched_node *c;

		if (!sched->node[SVIO_SCHED_PORT].servable)
			return 0;
		node = take_turn(sched, node, alone, now_ns);
		c = &sched->node[node];
		/* Nobody left below a node: it has fallen, begin again above. (0 is the port.) */
		if (node && c->turn_budget - c->turn_bytes < grant->bytes)
			grant->bytes = c->turn_budget - c->turn_bytes;
	}
	return node;
}

bool svio_sched_pick(struct svio_sched *sched, uint64_t now_ns, struct svio_sched_grant *grant)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];
	bool alone = sched->active == 1;

	grant->packets = alone ? SVIO_SCHED_GRANT_ALONE_PACKETS : SVIO_SCHED_GRANT_PACKETS;
	if (sched->leaf && sched->undisturbed && !sched_queue_has(&sched->timers, now_ns)) {
		grant->leaf = sched->leaf;
		grant->bytes = sched->granted_bytes - sched->taken_bytes;
		return true;
	}
	sched_settle(sched, now_ns);
	sched_expire(sched, now_ns);
	if (port_held(sched, now_ns))
		return false;
	grant->bytes = sched_turn_budget(
		port, alone ? SVIO_SCHED_GRANT_ALONE_BYTES : SVIO_SCHED_TURN_BYTES, now_ns);
	sched->leaf = descend(sched, grant, alone, now_ns);
	grant->leaf = sched->leaf;
	sched->granted_bytes = grant->bytes;
	sched->taken_bytes = 0;
	sched->taken_packets = 0;
	sched->turn_over = false;
	sched->undisturbed = true;
	return sched->leaf != 0;
}

void svio_sched_charge(struct svio_sched *sched, svio_sched_node leaf, uint64_t bytes,
		       uint32_t packets, bool more, uint64_t now_ns)
{
	const struct sched_node *n = sched_node_find(sched, leaf);

	if (!n || n->kind != SVIO_SCHED_LEAF)
		return;
	if (leaf == sched->leaf) {
		if (bytes > SVIO_SCHED_BURST_BYTES_MAX)
			bytes = SVIO_SCHED_BURST_BYTES_MAX;
		sched->taken_bytes += (uint32_t)bytes;
		sched->taken_packets += packets;
		if (more && bytes && sched->taken_bytes < sched->granted_bytes)
			return;
		sched->turn_over = !bytes;
	}
	if (more)
		svio_sched_activate(sched, leaf, now_ns);
	else
		svio_sched_deactivate(sched, leaf);
	if (leaf == sched->leaf)
		sched_settle(sched, now_ns);
}

void svio_sched_activate(struct svio_sched *sched, svio_sched_node leaf, uint64_t now_ns)
{
	struct sched_node *n = sched_node_find(sched, leaf);

	if (!n || n->kind != SVIO_SCHED_LEAF || n->flags & SCHED_WANTS)
		return;
	n->flags |= SCHED_WANTS;
	sched->active++;
	sched->undisturbed = false;
	sched_rise(sched, leaf, now_ns);
}

void svio_sched_deactivate(struct svio_sched *sched, svio_sched_node leaf)
{
	struct sched_node *n = sched_node_find(sched, leaf);

	if (!n || n->kind != SVIO_SCHED_LEAF || !(n->flags & SCHED_WANTS))
		return;
	n->flags &= (uint8_t)~SCHED_WANTS;
	sched->active--;
	sched->undisturbed = false;
	if (n->flags & SCHED_HELD)
		sched_unhold(sched, leaf);
	else
		sched_fall(sched, leaf);
}

bool svio_sched_active(const struct svio_sched *sched, svio_sched_node leaf)
{
	return leaf < sched->fresh && sched->node[leaf].kind == SVIO_SCHED_LEAF &&
	       sched->node[leaf].flags & SCHED_WANTS;
}

uint64_t svio_sched_next_ns(struct svio_sched *sched, uint64_t now_ns)
{
	uint64_t next_ns = now_ns;

	sched_settle(sched, now_ns);
	if (!sched->active)
		return SVIO_SCHED_NEVER;
	sched_expire(sched, now_ns);
	if (!sched->node[SVIO_SCHED_PORT].servable)
		next_ns = sched_first_timer(sched);
	if (port_held(sched, now_ns) && sched_before(next_ns, sched->port_wake_ns))
		next_ns = sched->port_wake_ns;
	/* A time that happens to look like never: one nanosecond later will do. */
	return next_ns == SVIO_SCHED_NEVER ? next_ns + 1 : next_ns;
}
