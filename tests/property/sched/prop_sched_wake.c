/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How long somebody waits who has a right not to wait: a leaf with an unused min
 * that wakes up, and a leaf of high priority, in a device that the others keep
 * busy. SVIO_TEST_ROUNDS: trees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_tree.h"
#include "svio_test.h"

#define DEVICE_BPS 10000000000ull
#define WAKE_NS    100000u
#define WATCH_NS   1000000u
#define WAKES      40
/*
 * Half of 100 us is a turn at this rate. A slower one waits for its deadline, two turns at its
 * min; so does one of several levels, on each.
 */
#define PROMPT_BPS 600000000ull

static const struct svio_sched_limits limits = { .leaves = 40, .vifs = 10, .groups = 14 };
static struct twin twin;
static struct random_tree tree;
static void *memory;

static uint64_t below(uint64_t limit)
{
	return random_tree_below(&tree, limit);
}

static uint64_t device_ns(uint64_t bytes)
{
	return bytes * 8000000000ull / DEVICE_BPS + 1;
}

/*
 * A leaf below so many groups of the same priority, beside others that are always busy; so is a
 * random tree around them.
 */
static svio_sched_node sleeper_in_tree(const struct svio_sched_params *params, uint32_t levels,
				       uint32_t packet_max, bool with_mins, uint64_t seed)
{
	struct svio_sched_params group = { .priority = params->priority };
	svio_sched_node parent = SVIO_SCHED_PORT;
	svio_sched_node leaf;
	uint32_t i;

	memset(&tree, 0, sizeof(tree));
	tree.seed = seed;
	tree.rate_bps = DEVICE_BPS / 10 * 7;
	tree.packet_max = packet_max;
	tree.with_mins = with_mins;
	tree.with_ceilings = true;
	twin_init(&twin, memory, &limits, 0, DEVICE_BPS, 0 - below(10000000), seed);
	random_tree_grow(&tree, &twin, 12 + (uint32_t)below(28));
	for (i = 0; i < tree.leaves; i++)
		twin_endless(&twin, tree.leaf[i], true);
	for (; levels; levels--)
		parent = twin_add(&twin, parent, SVIO_SCHED_GROUP, &group);
	for (i = 0; i < 2; i++) {
		leaf = twin_add(&twin, parent, SVIO_SCHED_LEAF,
				&(const struct svio_sched_params){ .weight = 1 });
		twin_packets(&twin, leaf, 84, packet_max);
		twin_endless(&twin, leaf, true);
	}
	leaf = twin_add(&twin, parent, SVIO_SCHED_LEAF, params);
	twin_packets(&twin, leaf, 84, packet_max);
	return leaf;
}

/* It wakes now. Does it get its min, but for the first 100 us and what a turn may be late? */
static bool wake(svio_sched_node leaf, uint64_t min_bps)
{
	const struct sched_model_node *n = &twin.model.node[leaf];
	uint64_t start_ns = twin.model.now_ns;
	uint64_t packets = n->packets;
	long double before = twin_real(&twin, leaf);
	bool good = true;
	uint64_t ns;

	twin_endless(&twin, leaf, true);
	for (ns = WAKE_NS; ns <= WATCH_NS && good && !twin.model.wrong; ns += 5000) {
		long double due = min_bps / 8e9L * (ns - WAKE_NS) -
				  (sched_model_turn(&twin.model) + tree.packet_max);
		long double got;

		twin_run(&twin, start_ns + ns);
		got = twin_real(&twin, leaf) - before;
		good = got >= due && n->packets > packets;
		if (!good)
			printf("leaf %u, depth %u, min %llu: %.0Lf bytes %llu us after waking\n",
			       leaf, n->depth, (unsigned long long)min_bps, got,
			       (unsigned long long)ns / 1000);
	}
	twin_endless(&twin, leaf, false);
	return good;
}

static void run_trees(bool (*run)(uint64_t seed), uint64_t fallback_seed, uint64_t trees)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : trees;
	uint64_t seed = svio_test_seed(fallback_seed);
	bool good = true;
	uint64_t i;

	memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	CU_ASSERT_FATAL(memory != NULL);
	for (i = 0; i < rounds && good; i++) {
		good = run(seed + i) && !twin.model.wrong;
		if (!good)
			printf("seed %llu: %s\n", (unsigned long long)(seed + i),
			       twin.model.wrong ? twin.model.wrong : "");
	}
	CU_ASSERT(good);
	free(memory);
}

static bool wake_in_tree(uint64_t seed)
{
	uint32_t levels = (uint32_t)(seed % 3);
	uint64_t min_bps = PROMPT_BPS * (levels + 1ull) + (seed % 13) * 100000000;
	const struct svio_sched_params params = { .min_bps = min_bps };
	svio_sched_node leaf = sleeper_in_tree(&params, levels, 1538, true, seed);
	bool good = true;
	uint32_t i;

	for (i = 0; i < WAKES && good; i++) {
		twin_run(&twin, twin.model.now_ns + below(300000));
		good = wake(leaf, min_bps);
	}
	return good;
}

static void prop_an_unused_min_is_there_100_us_after_waking(void)
{
	run_trees(wake_in_tree, 61000, 30);
}

/* A packet arrives now. Is it on its way before the device has moved so many bytes? */
static bool arrive(svio_sched_node leaf, uint64_t bytes)
{
	uint64_t packets = twin.model.node[leaf].packets;

	twin_arrive(&twin, leaf, 1);
	twin_run(&twin, twin.model.now_ns + device_ns(bytes));
	if (twin.model.node[leaf].packets > packets)
		return true;
	printf("leaf %u, depth %u: not served within %llu bytes\n", leaf,
	       twin.model.node[leaf].depth, (unsigned long long)bytes);
	return false;
}

static bool first_among(uint64_t seed, uint32_t packet_max)
{
	const struct svio_sched_params params = { .priority = 7, .max_bps = DEVICE_BPS / 2 };
	svio_sched_node leaf =
		sleeper_in_tree(&params, (uint32_t)(seed % 3), packet_max, false, seed);
	bool good = true;
	uint32_t i;

	for (i = 0; i < tree.nodes; i++)
		twin_set(&twin, tree.node[i], &(const struct svio_sched_params){ .weight = 1 + i });
	for (i = 0; i < 100 && good && !twin.model.wrong; i++) {
		/* So long that it stays below its ceiling. */
		twin_run(&twin, twin.model.now_ns + 2 * device_ns(packet_max) + below(100000));
		good = arrive(leaf, sched_model_turn(&twin.model) + packet_max);
	}
	return good;
}

static bool first_among_small(uint64_t seed)
{
	return first_among(seed, 1538);
}

static bool first_among_large(uint64_t seed)
{
	return first_among(seed, SVIO_SCHED_PACKET_BYTES_MAX);
}

static void prop_high_priority_waits_for_one_turn_and_packet(void)
{
	run_trees(first_among_small, 62000, 20);
	run_trees(first_among_large, 63000, 5);
}

/* What is alone in the device has the longest grants. */
static bool first_beside_one(uint64_t seed)
{
	const struct svio_sched_params high = { .priority = 7 };
	const struct svio_sched_params low = { .priority = 6 };
	svio_sched_node leaf[2];
	bool good = true;
	uint32_t i;

	memset(&tree, 0, sizeof(tree));
	tree.seed = seed;
	twin_init(&twin, memory, &limits, 0, DEVICE_BPS, 0, seed);
	leaf[0] = twin_add(&twin, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &high);
	leaf[1] = twin_add(&twin, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &low);
	for (i = 0; i < 2; i++)
		twin_packets(&twin, leaf[i], 84, SVIO_SCHED_PACKET_BYTES_MAX);
	twin_endless(&twin, leaf[1], true);
	for (i = 0; i < 200 && good && !twin.model.wrong; i++) {
		twin_run(&twin, twin.model.now_ns + below(1000000));
		good = arrive(leaf[0], 2ull * SVIO_SCHED_PACKET_BYTES_MAX);
	}
	return good;
}

static void prop_high_priority_waits_for_two_packets_of_one_that_was_alone(void)
{
	run_trees(first_beside_one, 64000, 10);
}

SVIO_TEST_MAIN("sched wake", SVIO_TEST(prop_an_unused_min_is_there_100_us_after_waking),
	       SVIO_TEST(prop_high_priority_waits_for_one_turn_and_packet),
	       SVIO_TEST(prop_high_priority_waits_for_two_packets_of_one_that_was_alone))
