/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif-sched over given times: what leaves get in any 10 and any 100 ms beside the
 * fluid law, thousands of equals, the smallest weights, and the three service
 * levels of the first self-virtualizing NIC. SVIO_TEST_ROUNDS: trees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random_tree.h"
#include "svio_test.h"

#define MS         1000000ull
#define DEVICE_BPS 10000000000ull
#define WARM_UP_NS (50 * MS)
#define SAMPLE_NS  (MS / 4)
#define SAMPLES    800
#define LARGEST    1538u

static const struct svio_sched_limits limits = { .leaves = 40, .vifs = 10, .groups = 12 };
static struct twin twin;
static struct random_tree tree;
static void *memory;

/* After each sample time, by leaf of the tree. */
static long double real[SAMPLES][SCHED_MODEL_NODES];
static long double fluid[SAMPLES][SCHED_MODEL_NODES];

static uint64_t below(uint64_t limit)
{
	return random_tree_below(&tree, limit);
}

static void take_samples(void)
{
	uint64_t start_ns = twin.model.now_ns;
	uint32_t sample;
	uint32_t i;

	for (sample = 0; sample < SAMPLES && !twin.model.wrong; sample++) {
		twin_run(&twin, start_ns + sample * SAMPLE_NS);
		for (i = 0; i < tree.leaves; i++) {
			real[sample][i] = twin_real(&twin, tree.leaf[i]);
			fluid[sample][i] = twin.fluid.node[tree.leaf[i]].served;
		}
	}
}

/*
 * In all windows of so many samples: off by at most a part of what the fluid law gives, and,
 * on each level, three turns of which each may end with a packet, and what nodes on
 * the way did not spend while they were held back.
 */
static bool check_windows(uint32_t samples, long double part, long double *worst)
{
	bool good = true;
	uint32_t from;
	uint32_t i;

	for (i = 0; i < tree.leaves; i++) {
		svio_sched_node leaf = tree.leaf[i];
		long double few = 3 * twin.model.node[leaf].depth *
					  (sched_model_turn(&twin.model) + LARGEST) +
				  twin_hold(&twin, leaf);

		for (from = 0; from + samples < SAMPLES; from++) {
			long double due = fluid[from + samples][i] - fluid[from][i];
			long double off = real[from + samples][i] - real[from][i] - due;
			long double of_bound;

			off = off < 0 ? -off : off;
			of_bound = off / (due * part + few);
			if (of_bound > *worst)
				*worst = of_bound;
			if (of_bound > 1 && good) {
				printf("leaf %u, from sample %u: %.0Lf bytes off %.0Lf\n", leaf,
				       from, off, due);
				good = false;
			}
		}
	}
	return good;
}

static bool measure_tree(uint64_t seed, long double *worst_10, long double *worst_100)
{
	bool good;
	uint32_t i;

	memset(&tree, 0, sizeof(tree));
	tree.seed = seed;
	tree.rate_bps = DEVICE_BPS;
	tree.packet_max = LARGEST;
	tree.with_mins = true;
	tree.with_ceilings = true;
	twin_init(&twin, memory, &limits, below(2) * DEVICE_BPS, DEVICE_BPS, 0 - below(100 * MS),
		  seed);
	random_tree_grow(&tree, &twin, 8 + (uint32_t)below(32));
	for (i = 0; i < tree.leaves; i++)
		twin_endless(&twin, tree.leaf[i], true);
	/* Everybody's first turn, and what is in the buckets: see prop_sched_lag. */
	twin_run(&twin, twin.model.now_ns + WARM_UP_NS);
	take_samples();
	if (twin.model.wrong)
		printf("%s\n", twin.model.wrong);
	good = !twin.model.wrong;
	good = good && check_windows(10 * MS / SAMPLE_NS, 0.01L, worst_10);
	return good && check_windows(100 * MS / SAMPLE_NS, 0.0025L, worst_100);
}

static void prop_backlogged_leaves_get_their_fluid_rate_in_any_window(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : 12;
	uint64_t seed = svio_test_seed(20261121);
	long double worst_10 = 0;
	long double worst_100 = 0;
	bool good = true;
	uint64_t i;

	memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	CU_ASSERT_FATAL(memory != NULL);
	for (i = 0; i < rounds && good; i++)
		good = measure_tree(seed + i, &worst_10, &worst_100);
	if (!good)
		printf("seed %llu\n", (unsigned long long)(seed + i - 1));
	printf("worst, of the bounds: %.3Lf in 10 ms, %.3Lf in 100 ms\n", worst_10, worst_100);
	CU_ASSERT(good);
	free(memory);
}

/* Leaves below the port, all busy, in a device that is faster than the port. */
static void open_leaves(const struct svio_sched_params *params, uint32_t leaves,
			svio_sched_node *leaf)
{
	uint32_t i;

	memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	CU_ASSERT_FATAL(memory != NULL);
	twin_init(&twin, memory, &limits, DEVICE_BPS, 4 * DEVICE_BPS, 0, svio_test_seed(71000));
	for (i = 0; i < leaves; i++) {
		leaf[i] = twin_add(&twin, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &params[i]);
		twin_packets(&twin, leaf[i], 84, LARGEST);
		twin_endless(&twin, leaf[i], true);
	}
}

/* Bytes of a leaf in the next 100 ms. */
static void run_100_ms(const svio_sched_node *leaf, uint32_t leaves, long double *bytes)
{
	uint32_t i;

	for (i = 0; i < leaves; i++)
		bytes[i] = -twin_real(&twin, leaf[i]);
	twin_run(&twin, twin.model.now_ns + 100 * MS);
	for (i = 0; i < leaves; i++)
		bytes[i] += twin_real(&twin, leaf[i]);
	CU_ASSERT_PTR_NULL(twin.model.wrong);
}

/*
 * Raj and Schwan, HPDC 2007: three virtual interfaces of one device at different service levels.
 * Each alone gets what the port can do; together the high one keeps that, and what it leaves
 * is divided by weight.
 */
static void prop_three_service_levels(void)
{
	struct svio_sched_params level[3] = { { .priority = 7 }, { .weight = 3 }, { .weight = 1 } };
	const long double peak = DEVICE_BPS / 80.0L; /* in 100 ms */
	svio_sched_node leaf[3];
	long double bytes[3];
	uint32_t i;
	uint32_t j;

	open_leaves(level, 3, leaf);
	run_100_ms(leaf, 3, bytes); /* buckets are empty now */
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 3; j++)
			twin_endless(&twin, leaf[j], j == i);
		run_100_ms(leaf, 3, bytes);
		CU_ASSERT(bytes[i] >= 0.999L * peak);
	}
	for (i = 0; i < 3; i++)
		twin_endless(&twin, leaf[i], true);
	run_100_ms(leaf, 3, bytes);
	CU_ASSERT(bytes[0] >= 0.99L * peak);

	/* The high one has less to do than the port could. */
	level[0].max_bps = DEVICE_BPS / 10 * 6;
	twin_set(&twin, leaf[0], &level[0]);
	run_100_ms(leaf, 3, bytes);
	printf("of the port: %.4Lf %.4Lf %.4Lf\n", bytes[0] / peak, bytes[1] / peak,
	       bytes[2] / peak);
	CU_ASSERT(bytes[0] >= 0.99L * 0.6L * peak);
	CU_ASSERT(bytes[1] >= 0.99L * 0.3L * peak);
	CU_ASSERT(bytes[2] >= 0.99L * 0.1L * peak);
	free(memory);
}

/* Nobody who has a min, or a weight at the priority that is served, is ever left waiting. */
static void prop_nobody_starves(void)
{
	static const struct svio_sched_params params[] = {
		{ .weight = SVIO_SCHED_WEIGHT_MAX, .priority = 5 },
		{ .weight = 1, .priority = 5 },
		{ .weight = 1, .priority = 4, .min_bps = 1000000 },
		{ .weight = 1, .priority = 0, .min_bps = SVIO_SCHED_BPS_MIN },
	};
	svio_sched_node leaf[4];
	long double bytes[4];

	open_leaves(params, 4, leaf);
	run_100_ms(leaf, 4, bytes);
	/* A 65536th of the port, and 12500 and 12.5 bytes: at least a turn comes in that time. */
	CU_ASSERT(bytes[0] > 0);
	CU_ASSERT(bytes[1] > 0);
	CU_ASSERT(bytes[2] >= 12500 - (sched_model_turn(&twin.model) + LARGEST));
	CU_ASSERT(bytes[3] > 0);
	/* And in a second as much again. */
	bytes[1] = twin_real(&twin, leaf[1]);
	twin_run(&twin, twin.model.now_ns + 1000 * MS);
	CU_ASSERT(twin_real(&twin, leaf[1]) - bytes[1] >=
		  DEVICE_BPS / 8.0L / 65536 - 2 * (sched_model_turn(&twin.model) + LARGEST));
	CU_ASSERT_PTR_NULL(twin.model.wrong);
	free(memory);
}

#define EQUALS 4096u

/* Jain, Chiu, Hawe, DEC-TR-301, 1984: 1 if all get the same, 1 / n if one gets everything. */
static long double jain(const uint64_t *bytes, uint32_t count)
{
	long double sum = 0;
	long double squares = 0;
	uint32_t i;

	for (i = 0; i < count; i++) {
		sum += bytes[i];
		squares += (long double)bytes[i] * bytes[i];
	}
	return sum * sum / squares / count;
}

static void prop_thousands_of_equals_get_the_same(void)
{
	const struct svio_sched_limits many = { .leaves = EQUALS };
	static uint64_t bytes[EQUALS];
	void *room = aligned_alloc(64, (svio_sched_bytes(&many) + 63) / 64 * 64);
	uint64_t seed = svio_test_seed(72000);
	uint64_t now_ns = 0;
	struct svio_sched *sched;
	uint32_t i;

	CU_ASSERT_FATAL(room != NULL);
	sched = svio_sched_init(room, &many, 0, now_ns);
	for (i = 0; i < EQUALS; i++) {
		svio_sched_node leaf = 0;

		svio_sched_add(sched, SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
			       &(const struct svio_sched_params){ .weight = 10 }, now_ns, &leaf,
			       NULL);
		CU_ASSERT_FATAL(leaf >= 1 && leaf <= EQUALS);
		svio_sched_activate(sched, leaf, now_ns);
	}
	/* A second of the device. Each has packets of its own size. */
	while (now_ns < 1000 * MS) {
		struct svio_sched_grant grant = { 0 };
		uint32_t packet = 0;
		uint64_t cost = 0;

		CU_ASSERT_FATAL(svio_sched_pick(sched, now_ns, &grant));
		packet = 84 + grant.leaf * 2654435761u % (LARGEST - 83);
		for (i = 0; cost < grant.bytes && i < grant.packets; i++)
			cost += packet;
		svio_sched_charge(sched, grant.leaf, cost, i, true, now_ns);
		bytes[grant.leaf - 1] += cost;
		now_ns += cost * 8 / 10 + svio_test_random(&seed) % 2;
	}
	printf("Jain's index of %u: %.6Lf\n", EQUALS, jain(bytes, EQUALS));
	CU_ASSERT(jain(bytes, EQUALS) >= 0.999L);
	free(room);
}

SVIO_TEST_MAIN("sched shares", SVIO_TEST(prop_backlogged_leaves_get_their_fluid_rate_in_any_window),
	       SVIO_TEST(prop_three_service_levels), SVIO_TEST(prop_nobody_starves),
	       SVIO_TEST(prop_thousands_of_equals_get_the_same))
