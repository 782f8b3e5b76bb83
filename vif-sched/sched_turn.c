/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scheduler at work. On each level one child has the turn until it has taken
 * a turn's bytes, has nothing left, or somebody goes before it. Tags and buckets
 * are charged when a turn ends; so a packet costs little more than the way down.
 */
#include "sched_choice.h"

static inline void end_turn(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	node->bytes += node->turn_bytes;
	node->packets += node->turn_packets;
	sched_take_tokens(node, node->turn_bytes, node->turn_packets);
	sched_child_charge(sched, node, node->turn_bytes, now_ns);
	node->turn_bytes = 0;
	node->turn_packets = 0;
	node->flags &= (uint8_t) ~(SCHED_TURN | SCHED_TIMELY);
	sched_parent(sched, node)->turn_of = 0;
	if (!sched_servable(node))
		return;
	if (sched_exhausted(node, now_ns))
		sched_hold(sched, node);
	else
		sched_child_again(sched, node);
}

void sched_turn_end(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	end_turn(sched, node, now_ns);
}

/* The child that serves its parent now, with what is left of its turn; NULL: none can be served. */
static struct sched_node *take_turn(struct svio_sched *sched, struct sched_node *parent,
				    uint32_t wanted, uint64_t now_ns)
{
	struct sched_node *child;

	if (parent->turn_of) {
		child = &sched->node[parent->turn_of];
		if (sched_servable(child) && child->turn_bytes < wanted &&
		    !sched_child_preempted(parent, child)) {
			sched_cut(child, now_ns);
			return child;
		}
		end_turn(sched, child, now_ns);
	}
	child = sched_child_choose(sched, parent, now_ns);
	if (child)
		child->turn_budget = sched_turn_budget(child, wanted, sched->turn_bytes, now_ns);
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

/* The port's turns are as large as those of its children, so that its bucket costs as little. */
void sched_port_turn_end(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];

	port->bytes += port->turn_bytes;
	port->packets += port->turn_packets;
	sched_take_tokens(port, port->turn_bytes, port->turn_packets);
	port->turn_bytes = 0;
	port->turn_packets = 0;
	port->turn_budget = 0;
	if (sched_exhausted(port, now_ns)) {
		port->flags |= SCHED_HELD;
		port->throttled++;
		sched->port_wake_ns = sched_resume_ns(port);
	}
}

/*
 * What was granted is settled when its grant is used up, when something may have to
 * go before it, or when somebody looks: packets that are charged one by one cost
 * no more than those of a whole grant.
 */
static inline void settle(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_node *node;

	for (node = &sched->node[sched->leaf]; node->self != SVIO_SCHED_PORT;
	     node = sched_parent(sched, node)) {
		node->turn_bytes += sched->taken_bytes;
		node->turn_packets += sched->taken_packets;
		if (sched->turn_over || node->turn_bytes >= node->turn_budget ||
		    !sched_servable(node))
			end_turn(sched, node, now_ns);
	}
	node->turn_bytes += sched->taken_bytes;
	node->turn_packets += sched->taken_packets;
	if (node->turn_bytes >= node->turn_budget)
		sched_port_turn_end(sched, now_ns);
	sched->leaf = 0;
}

void sched_settle(struct svio_sched *sched, uint64_t now_ns)
{
	if (sched->leaf)
		settle(sched, now_ns);
}

/* From the port down to the leaf that is next; the grant shrinks on the way. NULL: nobody. */
static struct sched_node *descend(struct svio_sched *sched, uint32_t *bytes, uint64_t now_ns)
{
	struct sched_node *port = &sched->node[SVIO_SCHED_PORT];
	struct sched_node *node = port;
	uint32_t wanted = sched->active == 1 ? SVIO_SCHED_GRANT_ALONE_BYTES : sched->turn_bytes;

	if (port->turn_budget)
		sched_cut(port, now_ns);
	else
		port->turn_budget = sched_turn_budget(port, wanted, sched->turn_bytes, now_ns);
	*bytes = port->turn_budget - port->turn_bytes;
	while (node->kind != SVIO_SCHED_LEAF) {
		struct sched_node *child;

		if (!port->servable)
			return NULL;
		child = take_turn(sched, node, wanted, now_ns);
		if (child && child->turn_budget - child->turn_bytes < *bytes)
			*bytes = child->turn_budget - child->turn_bytes;
		/* Nobody left below: it has fallen, begin again above. */
		node = child ? child : port;
	}
	return node;
}

bool svio_sched_pick(struct svio_sched *sched, uint64_t now_ns, struct svio_sched_grant *grant)
{
	const struct sched_node *leaf;

	/* Time that passes within a grant fills buckets, but not beyond their depth: look again. */
	if (!sched->leaf || !sched->undisturbed || now_ns != sched->charged_ns ||
	    !sched_before(now_ns, sched->timer_ns)) {
		sched_settle(sched, now_ns);
		sched_expire(sched, now_ns);
		if (port_held(sched, now_ns))
			return false;
		leaf = descend(sched, &sched->granted_bytes, now_ns);
		if (!leaf)
			return false;
		sched->leaf = leaf->self;
		sched->taken_bytes = 0;
		sched->taken_packets = 0;
		sched->turn_over = false;
		sched->undisturbed = true;
		sched->charged_ns = now_ns;
	}
	grant->leaf = sched->leaf;
	grant->bytes = sched->granted_bytes - sched->taken_bytes;
	grant->packets = sched->active == 1 ? SVIO_SCHED_GRANT_ALONE_PACKETS
					    : SVIO_SCHED_GRANT_PACKETS;
	return true;
}

/* A leaf, or NULL. */
static inline struct sched_node *find_leaf(struct svio_sched *sched, svio_sched_node leaf)
{
	struct sched_node *n = &sched->node[leaf];

	return leaf < sched->fresh && n->kind == SVIO_SCHED_LEAF ? n : NULL;
}

static inline void activate(struct svio_sched *sched, struct sched_node *leaf, uint64_t now_ns)
{
	if (leaf->flags & SCHED_WANTS)
		return;
	leaf->flags |= SCHED_WANTS;
	sched->active++;
	sched->undisturbed = false;
	sched_rise(sched, leaf, now_ns);
}

static inline void deactivate(struct svio_sched *sched, struct sched_node *leaf)
{
	if (!(leaf->flags & SCHED_WANTS))
		return;
	leaf->flags &= (uint8_t)~SCHED_WANTS;
	sched->active--;
	sched->undisturbed = false;
	if (leaf->flags & SCHED_HELD)
		sched_unhold(sched, leaf);
	else
		sched_fall(sched, leaf);
}

void svio_sched_charge(struct svio_sched *sched, svio_sched_node leaf, uint64_t bytes,
		       uint32_t packets, bool more, uint64_t now_ns)
{
	struct sched_node *n = find_leaf(sched, leaf);

	if (!n)
		return;
	if (leaf == sched->leaf) {
		if (bytes > SVIO_SCHED_BURST_BYTES_MAX)
			bytes = SVIO_SCHED_BURST_BYTES_MAX;
		sched->taken_bytes += (uint32_t)bytes;
		sched->taken_packets += packets;
		sched->charged_ns = now_ns;
		if (more && bytes && sched->taken_bytes < sched->granted_bytes)
			return;
		sched->turn_over = !bytes;
	}
	if (more)
		activate(sched, n, now_ns);
	else
		deactivate(sched, n);
	if (leaf == sched->leaf)
		settle(sched, now_ns);
}

void svio_sched_activate(struct svio_sched *sched, svio_sched_node leaf, uint64_t now_ns)
{
	struct sched_node *n = find_leaf(sched, leaf);

	if (n)
		activate(sched, n, now_ns);
}

void svio_sched_deactivate(struct svio_sched *sched, svio_sched_node leaf)
{
	struct sched_node *n = find_leaf(sched, leaf);

	if (n)
		deactivate(sched, n);
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
