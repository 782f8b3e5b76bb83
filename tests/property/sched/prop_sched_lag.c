/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif-sched beside its fluid twin: in random trees, with packets that come and go
 * and settings that change, no leaf is ever further behind the fluid law, further
 * ahead of it, or short of its min, than the bounds below, however long it runs.
 * Ceilings and work conservation are checked with each call. SVIO_TEST_ROUNDS: trees.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_tree.h"
#include "svio_test.h"

#define EVENTS 300

static const struct svio_sched_limits limits = { .leaves = 40, .vifs = 12, .groups = 12 };
static struct twin twin;
static struct random_tree tree;
static long double worst_lag;
static long double worst_lead;
static long double worst_lack;

static uint64_t below(uint64_t limit)
{
	return random_tree_below(&tree, limit);
}

/* What one turn may take: packets while there is some of it left. */
static long double turn(void)
{
	return (long double)sched_model_turn(&twin.model) + tree.packet_max;
}

static uint32_t depth(svio_sched_node node)
{
	return twin.model.node[node].depth;
}

/* Siblings of all nodes on the way to a leaf. */
static uint32_t siblings(svio_sched_node node)
{
	uint32_t found = 0;
	uint32_t i;

	for (; node; node = twin.model.node[node].parent)
		for (i = 1; i <= twin.model.nodes_max; i++)
			found += twin.model.node[i].kind && i != node &&
				 twin.model.node[i].parent == twin.model.node[node].parent;
	return found;
}

/* What is not spent anywhere, for the time being. */
static long double held_anywhere(void)
{
	long double bytes = 0;
	uint32_t i;

	for (i = 0; i <= twin.model.nodes_max; i++)
		bytes += sched_model_hold(&twin.model, &twin.model.node[i].params);
	return bytes;
}

/*
 * Behind: four turns a level; a turn of each sibling on the way, which it may have had before it was
 * due; and what nodes on the way did not spend while they were held back.
 */
static long double lag_bound(svio_sched_node leaf)
{
	return 4 * depth(leaf) * turn() + siblings(leaf) * (turn() + SVIO_SCHED_EARLY_BYTES) +
	       twin_hold(&twin, leaf);
}

/* Ahead: two turns a level and what others are behind: of each sibling a turn, and what is held. */
static long double lead_bound(svio_sched_node leaf)
{
	return (2 * depth(leaf) + siblings(leaf)) * turn() + held_anywhere();
}

/* Short of its min: five turns a level, whatever the number of siblings; and what is held. */
static long double lack_bound(svio_sched_node leaf)
{
	return 5 * depth(leaf) * turn() + twin_hold(&twin, leaf);
}

static void change_settings(void)
{
	svio_sched_node node = tree.node[below(tree.nodes)];
	struct svio_sched_params params;

	random_tree_settings(&tree, node, &params);
	twin_set(&twin, node, &params);
}

/* Something happens. Two leaves never rest: a leaf that is alone has longer turns. */
static void happen(uint32_t changes)
{
	uint32_t which = (uint32_t)below(tree.leaves);
	svio_sched_node leaf = tree.leaf[which];
	uint64_t what = below(100);

	if (what < changes)
		change_settings();
	else if (what >= 2ull * changes || which < 2)
		twin_arrive(&twin, leaf, 1 + (uint32_t)below(16));
	else if (twin.leaf[leaf].endless)
		twin_endless(&twin, leaf, false);
	else if (!twin.model.node[leaf].active && twin.fluid.node[leaf].backlog <= 0)
		twin_endless(&twin, leaf, true);
}

static bool within(const char *what, svio_sched_node leaf, long double value, long double bound,
		   long double *worst)
{
	*worst = fmaxl(*worst, value / bound);
	if (value > bound)
		printf("leaf %u: %s %.0Lf, bound %.0Lf\n", leaf, what, value, bound);
	return value <= bound;
}

static bool check_tree(void)
{
	bool good = twin.model.wrong == NULL;
	uint32_t i;

	if (!good)
		printf("%s\n", twin.model.wrong);
	for (i = 0; i < tree.leaves; i++) {
		svio_sched_node leaf = tree.leaf[i];
		const struct twin_leaf *l = &twin.leaf[leaf];

		good &= within("lag", leaf, l->lag, lag_bound(leaf), &worst_lag);
		good &= within("lead", leaf, l->lead, lead_bound(leaf), &worst_lead);
		good &= within("lack", leaf, l->lack, lack_bound(leaf), &worst_lack);
	}
	return good;
}

/* A kind of trees and of what happens to them. */
struct lag_case {
	uint64_t rate_bps; /* 0: any */
	uint32_t packet_max;
	uint32_t changes; /* in 100 events: settings; as many times a leaf starts or stops */
	uint32_t trees;
	uint64_t seed;
	bool with_mins;
	bool with_ceilings;
};

static bool run_tree(const struct lag_case *c, void *memory, uint64_t seed)
{
	uint64_t rate_bps = c->rate_bps;
	uint64_t port_bps = 0;
	uint64_t device_bps;
	uint64_t gap_ns;
	uint32_t i;

	memset(&tree, 0, sizeof(tree));
	tree.seed = seed;
	if (!rate_bps)
		rate_bps = (uint64_t)powl(10, 3 + 8.6L * below(1000) / 1000);
	device_bps = rate_bps;
	if (below(3) == 0) {
		port_bps = rate_bps;
		device_bps += rate_bps / 4 * below(10);
	}
	tree.rate_bps = rate_bps;
	tree.packet_max = c->packet_max;
	tree.with_mins = c->with_mins;
	tree.with_ceilings = c->with_ceilings;
	/* The clock wraps in every other run. */
	twin_init(&twin, memory, &limits, port_bps, device_bps, 0 - below(2) * below(1000000),
		  seed);
	random_tree_grow(&tree, &twin, 8 + (uint32_t)below(32));
	for (i = 0; i < tree.leaves; i++)
		if (i < 2 || below(2))
			twin_endless(&twin, tree.leaf[i], true);
	/* From hardly any load to far too much, beside what is endless. */
	gap_ns = (uint64_t)(c->packet_max * (1 + below(16)) * 8e9L / (long double)rate_bps) + 1;
	for (i = 0; i < EVENTS && !twin.model.wrong; i++) {
		happen(c->changes);
		twin_run(&twin, twin.model.now_ns + below(2 * gap_ns));
	}
	return check_tree();
}

static void run_trees(const struct lag_case *c)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : c->trees;
	void *memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	uint64_t seed = svio_test_seed(c->seed);
	bool good = true;
	uint64_t i;

	CU_ASSERT_FATAL(memory != NULL);
	worst_lag = 0;
	worst_lead = 0;
	worst_lack = 0;
	for (i = 0; i < rounds && good; i++)
		good = run_tree(c, memory, seed + i);
	if (!good)
		printf("seed %llu\n", (unsigned long long)(seed + i - 1));
	printf("%llu trees; worst, of the bounds: lag %.3Lf, lead %.3Lf, lack of min %.3Lf\n",
	       (unsigned long long)i, worst_lag, worst_lead, worst_lack);
	CU_ASSERT(good);
	free(memory);
}

static void prop_lag_by_weight_and_priority(void)
{
	run_trees(&(const struct lag_case){
		.rate_bps = 10000000000, .packet_max = 1538, .trees = 500, .seed = 10000 });
}

static void prop_lag_with_mins(void)
{
	run_trees(&(const struct lag_case){ .rate_bps = 10000000000,
					    .packet_max = 1538,
					    .trees = 500,
					    .seed = 20000,
					    .with_mins = true });
}

static void prop_lag_with_mins_and_ceilings(void)
{
	run_trees(&(const struct lag_case){ .rate_bps = 10000000000,
					    .packet_max = 1538,
					    .trees = 500,
					    .seed = 30000,
					    .with_mins = true,
					    .with_ceilings = true });
}

static void prop_lag_while_settings_change(void)
{
	run_trees(&(const struct lag_case){ .rate_bps = 10000000000,
					    .packet_max = 1538,
					    .changes = 2,
					    .trees = 800,
					    .seed = 40000,
					    .with_mins = true,
					    .with_ceilings = true });
}

static void prop_lag_with_the_largest_packets(void)
{
	run_trees(&(const struct lag_case){ .rate_bps = 10000000000,
					    .packet_max = SVIO_SCHED_PACKET_BYTES_MAX,
					    .changes = 2,
					    .trees = 60,
					    .seed = 50000,
					    .with_mins = true,
					    .with_ceilings = true });
}

/* Here a leaf is owed more than an octave's slots reach when its weight changes. */
static void prop_lag_of_one_that_is_owed_much(void)
{
	run_trees(&(const struct lag_case){ .rate_bps = 10000000000,
					    .packet_max = SVIO_SCHED_PACKET_BYTES_MAX,
					    .changes = 2,
					    .trees = 1,
					    .seed = 3055,
					    .with_mins = true,
					    .with_ceilings = true });
}

static void prop_lag_from_1_kbps_to_400_gbps(void)
{
	run_trees(&(const struct lag_case){ .packet_max = 1538,
					    .trees = 300,
					    .seed = 60000,
					    .with_mins = true,
					    .with_ceilings = true });
}

/*
 * Why the bound on lag counts siblings: small mins that fall due at once all have their turns at
 * once, while the fluid law spreads each over the time that it takes at its rate.
 */
static void prop_each_sibling_may_have_a_turn_before_it_is_due(void)
{
	const struct svio_sched_params small = { .min_bps = 1000000000 / (limits.leaves - 1) };
	void *memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	svio_sched_node leaf[40] = { 0 };
	uint32_t i;

	CU_ASSERT_FATAL(memory != NULL);
	memset(&tree, 0, sizeof(tree));
	tree.packet_max = 1538;
	twin_init(&twin, memory, &limits, 0, 10000000000, 0, svio_test_seed(70000));
	for (i = 0; i < limits.leaves; i++) {
		/* The one without a min has a higher priority, and so nine tenths of the port. */
		leaf[i] = twin_add(&twin, SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
				   i ? &small : &(const struct svio_sched_params){ .priority = 7 });
		twin_packets(&twin, leaf[i], tree.packet_max, tree.packet_max);
	}
	for (i = 0; i < limits.leaves; i++)
		twin_endless(&twin, leaf[i], true);
	twin_run(&twin, twin.model.now_ns + 10000000);
	printf("lag %.0Lf, with siblings %.0Lf, without %.0Lf\n", twin.leaf[leaf[0]].lag,
	       lag_bound(leaf[0]), 4 * turn());
	CU_ASSERT(twin.leaf[leaf[0]].lag > siblings(leaf[0]) * turn());
	CU_ASSERT(twin.leaf[leaf[0]].lag <= lag_bound(leaf[0]));
	CU_ASSERT_PTR_NULL(twin.model.wrong);
	free(memory);
}

SVIO_TEST_MAIN("sched lag", SVIO_TEST(prop_lag_by_weight_and_priority),
	       SVIO_TEST(prop_lag_with_mins), SVIO_TEST(prop_lag_with_mins_and_ceilings),
	       SVIO_TEST(prop_lag_while_settings_change),
	       SVIO_TEST(prop_lag_with_the_largest_packets),
	       SVIO_TEST(prop_lag_of_one_that_is_owed_much),
	       SVIO_TEST(prop_lag_from_1_kbps_to_400_gbps),
	       SVIO_TEST(prop_each_sibling_may_have_a_turn_before_it_is_due))
