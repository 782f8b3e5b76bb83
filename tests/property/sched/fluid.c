/* SPDX-License-Identifier: BSD-3-Clause */
#include "fluid.h"

#include <math.h>
#include <string.h>

/* Less than this is nothing: what rounding leaves of a queue or a bucket. Bytes. */
#define NOTHING 1e-6L

#define FOR_EACH_CHILD(fluid, child, of) \
	for (uint32_t child = (fluid)->node[of].first; child; child = (fluid)->node[child].next)

void fluid_init(struct fluid *fluid, long double capacity)
{
	memset(fluid, 0, sizeof(*fluid));
	fluid->capacity = capacity;
	fluid->node[0].settings.weight = 1;
	fluid->changed = true;
}

void fluid_add(struct fluid *fluid, uint32_t node, uint32_t parent, bool leaf,
	       const struct fluid_settings *settings)
{
	struct fluid_node *n = &fluid->node[node];

	memset(n, 0, sizeof(*n));
	n->settings = *settings;
	n->leaf = leaf;
	n->parent = parent;
	n->tokens = settings->depth;
	n->next = fluid->node[parent].first;
	fluid->node[parent].first = node;
	fluid->changed = true;
}

void fluid_set(struct fluid *fluid, uint32_t node, const struct fluid_settings *settings)
{
	struct fluid_node *n = &fluid->node[node];

	if (n->settings.max == 0)
		n->tokens = 0;
	n->settings = *settings;
	n->tokens = fminl(n->tokens, settings->depth);
	fluid->changed = true;
}

void fluid_arrive(struct fluid *fluid, uint32_t leaf, long double bytes)
{
	fluid->node[leaf].backlog += bytes;
	fluid->changed = true;
}

void fluid_endless(struct fluid *fluid, uint32_t leaf, bool endless)
{
	fluid->node[leaf].endless = endless;
	fluid->node[leaf].backlog = 0;
	fluid->changed = true;
}

/* What a node can take, and is guaranteed: from the leaves up. */
static void look_at(struct fluid *fluid, uint32_t node)
{
	struct fluid_node *n = &fluid->node[node];

	n->rate = 0;
	n->room = n->endless || n->backlog > 0 ? INFINITY : 0;
	n->guaranteed = 0;
	FOR_EACH_CHILD(fluid, child, node)
	{
		look_at(fluid, child);
		n->room += fluid->node[child].room;
		n->guaranteed += fluid->node[child].guaranteed;
	}
	if (n->settings.max > 0 && n->tokens <= 0)
		n->room = fminl(n->room, n->settings.max);
	n->guaranteed = fmaxl(n->settings.min, n->guaranteed);
	n->floor = fminl(n->room, n->guaranteed);
}

/* To each child what it is guaranteed; all of them in proportion, if there is not enough. Returns what is left. */
static long double give_mins(struct fluid *fluid, uint32_t node)
{
	long double rate = fluid->node[node].rate;
	long double sum = 0;
	long double part;

	FOR_EACH_CHILD(fluid, child, node)
	sum += fluid->node[child].floor;
	part = sum > rate ? rate / sum : 1;
	FOR_EACH_CHILD(fluid, child, node)
	fluid->node[child].rate = part * fluid->node[child].floor;
	return fmaxl(0, rate - part * sum);
}

/* Fill the children of one priority like vessels of a width. Returns what is left. */
static long double fill(struct fluid *fluid, uint32_t node, uint32_t priority, long double left)
{
	bool full[FLUID_NODES] = { false };
	bool again = true;

	while (again) {
		long double weights = 0;

		again = false;
		FOR_EACH_CHILD(fluid, child, node)
		{
			const struct fluid_node *c = &fluid->node[child];

			full[child] = full[child] || c->settings.priority != priority ||
				      c->room <= c->rate;
			if (!full[child])
				weights += c->settings.weight;
		}
		if (weights <= 0)
			return left;
		/* Those that cannot take their share take what they can, and are out of it. */
		FOR_EACH_CHILD(fluid, child, node)
		{
			struct fluid_node *c = &fluid->node[child];

			if (full[child] || c->room - c->rate > left * c->settings.weight / weights)
				continue;
			left -= c->room - c->rate;
			c->rate = c->room;
			full[child] = true;
			again = true;
			break;
		}
		if (again)
			continue;
		FOR_EACH_CHILD(fluid, child, node)
		if (!full[child])
			fluid->node[child].rate +=
				left * fluid->node[child].settings.weight / weights;
		left = 0;
	}
	return left;
}

/* From the port down. */
static void divide(struct fluid *fluid, uint32_t node)
{
	long double left = give_mins(fluid, node);
	uint32_t priority;

	for (priority = 8; priority-- > 0 && left > 0;)
		left = fill(fluid, node, priority, left);
	FOR_EACH_CHILD(fluid, child, node)
	divide(fluid, child);
}

void fluid_settle(struct fluid *fluid)
{
	if (!fluid->changed)
		return;
	look_at(fluid, 0);
	fluid->node[0].rate = fminl(fluid->node[0].room, fluid->capacity);
	divide(fluid, 0);
	fluid->changed = false;
}

/* Seconds until a queue or a bucket runs empty, at most so many. */
static long double next_event(const struct fluid *fluid, uint32_t node, long double seconds)
{
	const struct fluid_node *n = &fluid->node[node];

	if (n->leaf && n->backlog > 0 && n->rate > 0)
		seconds = fminl(seconds, n->backlog / n->rate);
	if (n->settings.max > 0 && n->tokens > 0 && n->rate > n->settings.max)
		seconds = fminl(seconds, n->tokens / (n->rate - n->settings.max));
	FOR_EACH_CHILD(fluid, child, node)
	seconds = next_event(fluid, child, seconds);
	return seconds;
}

static void flow(struct fluid *fluid, uint32_t node, long double seconds)
{
	struct fluid_node *n = &fluid->node[node];

	n->served += n->rate * seconds;
	if (n->leaf && n->backlog > 0) {
		n->backlog -= n->rate * seconds;
		if (n->backlog < NOTHING) {
			n->backlog = 0;
			fluid->changed = true;
		}
	}
	if (n->settings.max > 0) {
		n->tokens += (n->settings.max - n->rate) * seconds;
		n->tokens = fminl(n->tokens, n->settings.depth);
		if (n->tokens < NOTHING && n->rate > n->settings.max) {
			n->tokens = 0;
			fluid->changed = true;
		}
		/* Rounding must not make an empty bucket a little less than empty, or more. */
		if (n->tokens < NOTHING)
			n->tokens = 0;
	}
	FOR_EACH_CHILD(fluid, child, node)
	flow(fluid, child, seconds);
}

void fluid_advance(struct fluid *fluid, long double seconds)
{
	while (seconds > 0) {
		long double step;

		fluid_settle(fluid);
		step = next_event(fluid, 0, seconds);
		flow(fluid, 0, step);
		seconds -= step;
	}
}
