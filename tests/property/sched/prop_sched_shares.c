/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif-sched against a fluid model: in random trees each backlogged leaf gets
 * what water-filling gives it, within a bound that is stated below and does not
 * grow with time. SVIO_TEST_ROUNDS: trees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched_model.h"
#include "svio_test.h"

#define MS         1000000ull
#define DEVICE_BPS 40000000000ull
#define WARM_UP_NS (100 * MS)
#define MEASURE_NS (400 * MS)

static uint64_t seed;
static struct sched_model model;
static long double worst_of_bound;
static long double worst_of_rate;

static uint64_t below(uint64_t limit)
{
	return svio_test_random(&seed) % limit;
}

/* From low on, evenly over decades orders of magnitude. */
static uint64_t random_scale(uint64_t low, uint32_t decades)
{
	uint64_t value = low * (1 + below(9)) + below(low);
	uint64_t steps = below(decades);

	while (steps--)
		value *= 10;
	return value;
}

static void random_params(struct svio_sched_params *params)
{
	memset(params, 0, sizeof(*params));
	params->weight = (uint32_t)(below(3) ? random_scale(1, 3) : below(65536));
	if (below(3) == 0)
		params->max_bps = random_scale(1000000, 4);
	if (below(10) == 0)
		params->max_bps = random_scale(1000, 9);
	if (below(2))
		params->burst_bytes = (uint32_t)below(1000000) + 2 * SVIO_SCHED_PACKET_BYTES_MAX;
	if (below(4) == 0)
		params->priority = (uint8_t)below(8);
}

static uint32_t random_packet(void)
{
	static const uint32_t sizes[] = { 88, 536, 1538, 9038, 65536 + 24 };

	return below(4) ? sizes[below(5)] : 84 + (uint32_t)below(9000);
}

static void random_tree(uint32_t nodes)
{
	uint32_t i;

	for (i = 0; i < nodes; i++) {
		svio_sched_node parent = SVIO_SCHED_PORT;
		struct svio_sched_params params;
		svio_sched_node node;
		bool leaf;

		/* A few tries for a group that has room below it. */
		while (below(3)) {
			svio_sched_node candidate = (svio_sched_node)below(i + 1);

			if (!model.node[candidate].leaf && model.node[candidate].depth < 4)
				parent = candidate;
		}
		leaf = model.node[parent].depth == 3 || below(3) != 0;
		random_params(&params);
		node = sched_model_add(&model, parent, leaf, &params, random_packet());
		if (leaf)
			sched_model_activate(&model, node, true);
	}
}

/* The largest charge that any one grant can lead to. */
static long double largest_charge(void)
{
	uint32_t largest = 0;
	uint32_t i;

	for (i = 1; i <= model.nodes_max; i++)
		if (model.node[i].packet_bytes > largest)
			largest = model.node[i].packet_bytes;
	return (long double)SVIO_SCHED_GRANT_BYTES + largest;
}

/*
 * How far from fluid a leaf may be. At each level its node is one of n: it may
 * wait for a grant of each other one, and be ahead by one of its own (start-time
 * fair queueing). Whatever nodes with a ceiling have saved up in their buckets,
 * they take from all in proportion; its own and its groups' buckets count whole.
 * Rounding of weights: 1 / 4096 of what it got.
 */
static long double bound_of(svio_sched_node leaf)
{
	long double charge = largest_charge();
	long double bound = 0;
	svio_sched_node node;
	uint32_t i;

	for (node = leaf; node; node = model.node[node].parent) {
		uint32_t siblings = 0;

		for (i = 1; i <= model.nodes_max; i++)
			siblings += model.node[i].used &&
				    model.node[i].parent == model.node[node].parent;
		bound += (siblings + 1) * charge;
		if (model.node[node].params.max_bps)
			bound += model.node[node].burst;
	}
	for (i = 1; i <= model.nodes_max; i++)
		if (model.node[i].params.max_bps)
			bound += model.node[i].burst * model.node[leaf].fluid * 8 / DEVICE_BPS;
	return bound + model.node[leaf].fluid * MEASURE_NS / 1e9L / 4096;
}

static void run_until(uint64_t end_ns)
{
	while ((int64_t)(end_ns - model.now_ns) > 0 && !model.wrong)
		sched_model_step(&model, end_ns, true);
}

static uint32_t measure_leaf(svio_sched_node leaf, uint64_t before_bytes, long double seconds)
{
	const struct sched_model_node *n = &model.node[leaf];
	long double expected = n->fluid * seconds;
	long double off = (long double)(n->bytes - before_bytes) - expected;
	long double bound = bound_of(leaf);

	off = off < 0 ? -off : off;
	if (off / bound > worst_of_bound)
		worst_of_bound = off / bound;
	if (expected > 1e8L && off / expected > worst_of_rate)
		worst_of_rate = off / expected;
	if (off > bound)
		printf("leaf %u: %llu bytes, expected %.0Lf, bound %.0Lf\n", leaf,
		       (unsigned long long)(n->bytes - before_bytes), expected, bound);
	return off > bound;
}

/* One tree. Returns how many leaves were out of bounds. */
static uint32_t measure_tree(void *memory)
{
	uint64_t before[SCHED_MODEL_NODES + 1];
	uint32_t nodes = 1 + (uint32_t)below(SCHED_MODEL_NODES);
	uint64_t start_ns;
	uint32_t wrong = 0;
	uint32_t i;

	sched_model_init(&model, memory, nodes, DEVICE_BPS, UINT64_MAX - below(1000 * MS));
	random_tree(nodes);
	run_until(model.now_ns + WARM_UP_NS);
	for (i = 0; i <= nodes; i++)
		before[i] = model.node[i].bytes;
	start_ns = model.now_ns;
	run_until(model.now_ns + MEASURE_NS);
	if (model.wrong)
		printf("%s\n", model.wrong);
	sched_model_fluid(&model);
	for (i = 1; i <= nodes && !model.wrong; i++)
		if (model.node[i].leaf)
			wrong += measure_leaf(i, before[i],
					      (long double)(model.now_ns - start_ns) / 1e9L);
	return wrong + (model.wrong != NULL);
}

static void prop_backlogged_leaves_get_their_fluid_rate(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : 25;
	const struct svio_sched_limits limits = sched_model_limits(SCHED_MODEL_NODES);
	void *memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	uint32_t wrong = 0;
	uint64_t round;

	CU_ASSERT_FATAL(memory != NULL);
	seed = svio_test_seed(20261121);
	for (round = 0; round < rounds && !wrong; round++)
		wrong = measure_tree(memory);
	if (wrong)
		printf("tree %llu\n", (unsigned long long)(round - 1));
	printf("worst: %.3Lf of the bound; %.5Lf of the rate, for leaves of 100 MB and more\n",
	       worst_of_bound, worst_of_rate);
	CU_ASSERT_EQUAL(wrong, 0);
	free(memory);
}

SVIO_TEST_MAIN("sched shares", SVIO_TEST(prop_backlogged_leaves_get_their_fluid_rate))
