/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vif-sched under random changes of everything while traffic runs: ceilings are
 * never exceeded, nobody idles while somebody could be served, next_ns closes in on the truth.
 * SVIO_TEST_ROUNDS: operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sched_model.h"
#include "svio_test.h"

#define NODES  48 /* in all */
#define ROUNDS 1000000

static uint64_t seed;
static struct sched_model model;

static uint64_t below(uint64_t limit)
{
	return svio_test_random(&seed) % limit;
}

/* Mostly good, sometimes absurd. */
static void random_params(struct svio_sched_params *params)
{
	memset(params, 0, sizeof(*params));
	params->weight = (uint32_t)below(below(2) ? 10 : 65540);
	if (below(2))
		params->max_bps = below(below(10) ? 2000000000 : 500000000000);
	if (below(5) == 0)
		params->max_pps = below(below(10) ? 1000000 : 1100000000);
	if (below(3) == 0)
		params->burst_bytes = (uint32_t)below(below(20) ? 300000 : UINT32_MAX);
	if (below(3) == 0)
		params->priority = (uint8_t)below(9);
	if (below(4) == 0)
		params->min_bps = below(below(10) ? 500000000 : 500000000000);
}

static void add_something(void)
{
	struct svio_sched_params params;
	enum svio_sched_kind kind = SVIO_SCHED_LEAF;

	if (below(3) == 0)
		kind = (enum svio_sched_kind)below(5);
	random_params(&params);
	sched_model_add(&model, (svio_sched_node)below(NODES + 2), kind, &params,
			84 + (uint32_t)below(below(10) ? 9000 : 65000));
}

static void change_something(void)
{
	svio_sched_node node = (svio_sched_node)below(NODES + 2);
	struct svio_sched_params params;

	switch (below(8)) {
	case 0:
		add_something();
		break;
	case 1:
		if (below(4) == 0)
			sched_model_del(&model, node);
		break;
	case 2:
	case 3:
		random_params(&params);
		sched_model_set(&model, node, &params);
		break;
	case 4:
		sched_model_activate(&model, node, false);
		break;
	default:
		sched_model_activate(&model, node, true);
	}
}

static void prop_laws_hold_whatever_changes(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : ROUNDS;
	const struct svio_sched_limits limits = { .leaves = 32, .vifs = 8, .groups = 8 };
	void *memory = aligned_alloc(64, (svio_sched_bytes(&limits) + 63) / 64 * 64);
	uint64_t round;

	CU_ASSERT_FATAL(memory != NULL);
	seed = svio_test_seed(20261122);
	sched_model_init(&model, memory, &limits, 0, 40000000000, 0 - below(20000000000));
	for (round = 0; round < rounds && !model.wrong; round++) {
		if (below(3) == 0)
			change_something();
		sched_model_step(&model, model.now_ns + below(10000000), below(20) != 0);
	}
	if (model.wrong)
		printf("operation %llu: %s\n", (unsigned long long)(round - 1), model.wrong);
	CU_ASSERT_PTR_NULL(model.wrong);
	/* The run put the laws to the test. */
	printf("%llu packets\n", (unsigned long long)model.node[0].packets);
	CU_ASSERT(rounds < ROUNDS || model.node[0].packets > rounds / 10);
	free(memory);
}

SVIO_TEST_MAIN("sched changes", SVIO_TEST(prop_laws_hold_whatever_changes))
