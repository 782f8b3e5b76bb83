/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched under measurement: its trees, and packets that are picked and charged. */
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "bench_sched.h"
#include "svio_sched.h"

#define TIME_BITS 16 /* of a nanosecond's fraction */

struct svio_subject {
	struct svio_sched *sched;
	void *memory;
	uint64_t now; /* 2^-TIME_BITS ns: when the port has sent what was charged */
	uint64_t packet_time;
	uint32_t cost;
	uint32_t active;
	bool sparse;
	struct sched_delay delay;
	svio_sched_node leaves[SCHED_LEAVES_MAX];
};

static const struct svio_sched_limits limits = { .leaves = SCHED_LEAVES_MAX,
						 .vifs = SCHED_LEAVES_MAX / SCHED_VIF_CLASSES,
						 .groups = SCHED_LEAVES_MAX / SCHED_VIF_CLASSES };

/* What a node is set to. fair: its part of the port if all were equal. */
static struct svio_sched_params choose_params(uint64_t fair_bps, uint32_t index)
{
	struct svio_sched_params params = { .min_bps = fair_bps * 3 / 4,
					    .max_bps = fair_bps * 4,
					    .burst_bytes = SCHED_BURST_BYTES,
					    .weight = 1u << index / SCHED_BINDING_EACH % 4,
					    .priority = (uint8_t)(index % SVIO_SCHED_PRIORITIES) };

	if (sched_case_binds(index)) {
		params.min_bps = fair_bps / 4;
		params.max_bps = fair_bps / 2;
	}
	if (params.max_bps > sched_port_bps)
		params.max_bps = sched_port_bps;
	if (!sched_tree_has_min())
		params.min_bps = 0;
	return params;
}

static svio_sched_node add_node(struct svio_sched *sched, svio_sched_node parent,
				enum svio_sched_kind kind, const struct svio_sched_params *params)
{
	struct svio_sched_refusal refusal = { 0 };
	svio_sched_node node = 0;
	int error = svio_sched_add(sched, parent, kind, params, 0, &node, &refusal);

	if (error)
		errx(1, "the scheduler refuses %s (%d)", refusal.parameter, error);
	return node;
}

bool sched_tree_has_min(void)
{
	static int has_min = -1;
	const struct svio_sched_limits one = { .leaves = 1 };
	const struct svio_sched_params params = { .min_bps = SVIO_SCHED_BPS_MIN };
	svio_sched_node node;
	void *memory;

	if (has_min < 0) {
		memory = sched_memory_new(svio_sched_bytes(&one));
		has_min = svio_sched_add(svio_sched_init(memory, &one, sched_port_bps, 0),
					 SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &params, 0, &node,
					 NULL) == 0;
		sched_memory_free(memory);
	}
	return has_min != 0;
}

static void build_flat(struct svio_subject *subject)
{
	for (uint32_t i = 0; i < subject->active; i++) {
		struct svio_sched_params params =
			choose_params(sched_port_bps / subject->active, i);

		subject->leaves[i] =
			add_node(subject->sched, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &params);
	}
}

/* The classes of a VIF share half of its min, so that the other half is the VIF's to divide. */
static void build_vif(struct svio_subject *subject, svio_sched_node group,
		      const struct svio_sched_params *params, uint32_t vif)
{
	svio_sched_node parent = add_node(subject->sched, group, SVIO_SCHED_VIF, params);

	for (uint32_t i = 0; i < SCHED_VIF_CLASSES; i++) {
		struct svio_sched_params class = *params;

		class.min_bps = params->min_bps / 2 / SCHED_VIF_CLASSES;
		if (sched_case_binds(i))
			class.max_bps = sched_port_bps / subject->active / 2;
		class.weight = 1 + i;
		class.priority = (uint8_t)i;
		subject->leaves[vif * SCHED_VIF_CLASSES + i] =
			add_node(subject->sched, parent, SVIO_SCHED_LEAF, &class);
	}
}

static void build_deep(struct svio_subject *subject, const struct sched_case *sched_case)
{
	uint32_t groups = sched_case_groups(sched_case);
	uint32_t vifs = sched_case_vifs(sched_case);

	for (uint32_t g = 0; g < groups; g++) {
		uint64_t fair_bps = sched_port_bps / groups;
		struct svio_sched_params params = choose_params(fair_bps, g);
		svio_sched_node group;

		/* A group has to hold what its VIFs are guaranteed. */
		params.min_bps = sched_tree_has_min() ? fair_bps * 9 / 10 : 0;
		params.max_bps = groups == 1 ? sched_port_bps : fair_bps * 2;
		group = add_node(subject->sched, SVIO_SCHED_PORT, SVIO_SCHED_GROUP, &params);
		for (uint32_t v = g * (vifs / groups); v < (g + 1) * (vifs / groups); v++) {
			params = choose_params(sched_port_bps / vifs, v);
			build_vif(subject, group, &params, v);
		}
	}
}

static void *open_svio(const struct sched_case *sched_case)
{
	struct svio_subject *subject = calloc(1, sizeof(*subject));

	if (!subject)
		err(1, "memory");
	subject->memory = sched_memory_new(svio_sched_bytes(&limits));
	subject->sched = svio_sched_init(subject->memory, &limits, sched_port_bps, 0);
	subject->active = sched_case->active;
	subject->sparse = sched_case->sparse;
	subject->cost = sched_case->cost_bytes;
	/* Rounded up: a port that falls behind by rounding would get grants of one packet. */
	subject->packet_time =
		((uint64_t)sched_case->cost_bytes * 8 * 1000000000 << TIME_BITS) / sched_port_bps +
		1;
	sched_delay_init(&subject->delay, sched_case);
	if (sched_case->deep)
		build_deep(subject, sched_case);
	else
		build_flat(subject);
	for (uint32_t i = 0; i < subject->active; i++)
		svio_sched_activate(subject->sched, subject->leaves[i], 0);
	return subject;
}

/* Nobody may be served: a queue is filled again, or the port waits. */
static void wait_for_work(struct svio_subject *subject)
{
	uint64_t now_ns = subject->now >> TIME_BITS;
	uint64_t next_ns;
	uint32_t leaf;

	if (sched_delay_pop(&subject->delay, &leaf)) {
		svio_sched_activate(subject->sched, leaf, now_ns);
		return;
	}
	next_ns = svio_sched_next_ns(subject->sched, now_ns);
	if (next_ns == SVIO_SCHED_NEVER)
		errx(1, "the scheduler waits for ever");
	if (next_ns > now_ns)
		subject->now = next_ns << TIME_BITS;
}

static void charge(struct svio_subject *subject, svio_sched_node leaf, uint32_t packets)
{
	uint32_t back;

	subject->now += packets * subject->packet_time;
	svio_sched_charge(subject->sched, leaf, (uint64_t)packets * subject->cost, packets,
			  !subject->sparse, subject->now >> TIME_BITS);
	if (subject->sparse && sched_delay_turn(&subject->delay, leaf, &back))
		svio_sched_activate(subject->sched, back, subject->now >> TIME_BITS);
}

/* Not inlined: callgrind counts what is below it. */
__attribute__((noinline)) static uint64_t serve_svio(void *state, uint64_t packets)
{
	struct svio_subject *subject = state;
	struct svio_sched_grant grant;

	for (uint64_t i = 0; i < packets; i++) {
		while (!svio_sched_pick(subject->sched, subject->now >> TIME_BITS, &grant))
			wait_for_work(subject);
		charge(subject, grant.leaf, 1);
	}
	return packets;
}

__attribute__((noinline)) static uint64_t serve_grants(void *state, uint64_t packets)
{
	struct svio_subject *subject = state;
	struct svio_sched_grant grant;
	uint64_t served = 0;

	while (served < packets) {
		uint32_t taken;

		while (!svio_sched_pick(subject->sched, subject->now >> TIME_BITS, &grant))
			wait_for_work(subject);
		taken = (grant.bytes + subject->cost - 1) / subject->cost;
		if (taken > grant.packets)
			taken = grant.packets;
		if (subject->sparse)
			taken = 1;
		charge(subject, grant.leaf, taken);
		served += taken;
	}
	return served;
}

static uint32_t count_starved(void *state)
{
	struct svio_subject *subject = state;
	uint32_t starved = 0;

	for (uint32_t i = 0; i < subject->active; i++) {
		struct svio_sched_stats stats;

		if (svio_sched_stats_get(subject->sched, subject->leaves[i], &stats) ||
		    !stats.packets)
			starved++;
	}
	return starved;
}

static void close_svio(void *state)
{
	struct svio_subject *subject = state;

	sched_memory_free(subject->memory);
	free(subject);
}

const struct sched_subject sched_subject_svio = {
	.name = "svio",
	.open = open_svio,
	.serve = serve_svio,
	.starved = count_starved,
	.close = close_svio,
};

const struct sched_subject sched_subject_grants = {
	.name = "svio_burst",
	.open = open_svio,
	.serve = serve_grants,
	.starved = count_starved,
	.close = close_svio,
};
