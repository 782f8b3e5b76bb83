/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched: building and changing the tree; what is refused and how. */
#include <errno.h>

#include "sched_fixture.h"

static struct sched_fixture fixture;
static struct svio_sched_refusal refusal;

static void setup(void)
{
	sched_fixture_open(&fixture, 6, 10 * GBPS);
	memset(&refusal, 0, sizeof(refusal));
}

static void teardown(void)
{
	sched_fixture_close(&fixture);
}

static int add(svio_sched_node parent, enum svio_sched_kind kind, struct svio_sched_params params,
	       svio_sched_node *node)
{
	return svio_sched_add(fixture.sched, parent, kind, &params, START_NS, node, &refusal);
}

static void add_beyond_nodes_max_is_refused(void)
{
	svio_sched_node node = 0;
	uint32_t i;

	for (i = 1; i <= 6; i++) {
		CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
				    (struct svio_sched_params){ 0 }, &node),
				0);
		CU_ASSERT_EQUAL(node, i);
	}
	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF, (struct svio_sched_params){ 0 },
			    &node),
			-ENOSPC);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "node");
	CU_ASSERT_EQUAL(refusal.available, 6);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, 3), 0);
	CU_ASSERT_EQUAL(
		add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF, (struct svio_sched_params){ 0 }, &node), 0);
	CU_ASSERT_EQUAL(node, 3);
}

static void add_below_what_is_no_group_is_refused(void)
{
	const struct svio_sched_params none = { 0 };
	svio_sched_node leaf = 0;
	svio_sched_node node = 99;

	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF, none, &leaf), 0);
	CU_ASSERT_EQUAL(add(leaf, SVIO_SCHED_LEAF, none, &node), -EINVAL);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "parent");
	CU_ASSERT_EQUAL(add(5, SVIO_SCHED_LEAF, none, &node), -EINVAL);
	CU_ASSERT_EQUAL(add(UINT32_MAX, SVIO_SCHED_LEAF, none, &node), -EINVAL);
	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, (enum svio_sched_kind)4, none, &node), -EINVAL);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "kind");
	CU_ASSERT_EQUAL(node, 99);
	CU_ASSERT_EQUAL(svio_sched_add(fixture.sched, leaf, SVIO_SCHED_LEAF, &none, START_NS, &node,
				       NULL),
			-EINVAL);
}

static void add_deeper_than_a_class_is_refused(void)
{
	const struct svio_sched_params none = { 0 };
	svio_sched_node node = SVIO_SCHED_PORT;
	uint32_t depth;

	for (depth = 0; depth < SVIO_SCHED_DEPTH_MAX; depth++)
		CU_ASSERT_EQUAL(add(node, SVIO_SCHED_GROUP, none, &node), 0);
	CU_ASSERT_EQUAL(add(node, SVIO_SCHED_LEAF, none, &node), -EINVAL);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "depth");
	CU_ASSERT_EQUAL(refusal.available, SVIO_SCHED_DEPTH_MAX);
}

/* Each parameter out of its range: error, name, and what would fit. */
static void params_out_of_range_are_refused_by_name(void)
{
	static const struct {
		struct svio_sched_params params;
		int error;
		const char *parameter;
		uint64_t available;
	} cases[] = {
		{ { .max_bps = 999 }, -EINVAL, "max", 1000 },
		{ { .max_bps = 400000000001 }, -EINVAL, "max", 400000000000 },
		{ { .max_bps = UINT64_MAX }, -EINVAL, "max", 400000000000 },
		{ { .max_pps = 1000000001 }, -EINVAL, "max_pps", 1000000000 },
		{ { .burst_bytes = (1u << 30) + 1 }, -EINVAL, "burst", 1u << 30 },
		{ { .weight = 65536 }, -EINVAL, "weight", 65535 },
		{ { .priority = 8 }, -EINVAL, "priority", 7 },
		{ { .min_bps = 999 }, -EINVAL, "min", 1000 },
		{ { .min_bps = 400000000001 }, -EINVAL, "min", 400000000000 },
		{ { .min_bps = 2000, .max_bps = 1999 }, -E2BIG, "min", 1999 },
	};
	const struct svio_sched_params fits = { .max_bps = 1000,
						.max_pps = 1,
						.weight = 65535,
						.burst_bytes = 1u << 30,
						.priority = 7 };
	svio_sched_node leaf = 0;
	svio_sched_node other = 99;
	size_t i;

	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF, fits, &leaf), 0);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF, cases[i].params, &other),
				cases[i].error);
		CU_ASSERT_EQUAL(refusal.node, SVIO_SCHED_PORT);
		memset(&refusal, 0, sizeof(refusal));
		CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, leaf, &cases[i].params, START_NS,
					       &refusal),
				cases[i].error);
		CU_ASSERT_EQUAL(refusal.node, leaf);
		CU_ASSERT_STRING_EQUAL(refusal.parameter, cases[i].parameter);
		CU_ASSERT_EQUAL(refusal.available, cases[i].available);
		CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, leaf, &cases[i].params, START_NS,
					       NULL),
				cases[i].error);
	}
	CU_ASSERT_EQUAL(other, 99);
}

static void set_of_no_node_is_refused(void)
{
	const struct svio_sched_params none = { 0 };

	CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, 1, &none, START_NS, &refusal), -EINVAL);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "node");
	CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, UINT32_MAX, &none, START_NS, NULL), -EINVAL);
	CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, SVIO_SCHED_PORT, &none, START_NS, NULL), 0);
}

static void del_only_what_is_there_and_empty(void)
{
	const struct svio_sched_params none = { 0 };
	struct svio_sched_stats stats;
	svio_sched_node group = 0;
	svio_sched_node leaf = 0;

	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, SVIO_SCHED_PORT), -EINVAL);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, 1), -EINVAL);
	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_GROUP, none, &group), 0);
	CU_ASSERT_EQUAL(add(group, SVIO_SCHED_LEAF, none, &leaf), 0);
	svio_sched_activate(fixture.sched, leaf, START_NS);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, group), -EBUSY);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, leaf), 0);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, leaf), -EINVAL);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, group), 0);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, leaf, &stats), -EINVAL);
	CU_ASSERT_EQUAL(svio_sched_next_ns(fixture.sched, START_NS), SVIO_SCHED_NEVER);
}

/* A group, or nothing, cannot be active; asking does no harm. */
static void activate_what_is_no_leaf_does_nothing(void)
{
	const struct svio_sched_params none = { 0 };
	struct svio_sched_grant grant;
	svio_sched_node group = 0;

	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_GROUP, none, &group), 0);
	svio_sched_activate(fixture.sched, group, START_NS);
	svio_sched_activate(fixture.sched, SVIO_SCHED_PORT, START_NS);
	svio_sched_activate(fixture.sched, 4, START_NS);
	svio_sched_activate(fixture.sched, UINT32_MAX, START_NS);
	svio_sched_deactivate(fixture.sched, group);
	svio_sched_deactivate(fixture.sched, UINT32_MAX);
	svio_sched_charge(fixture.sched, group, 1000, 1, true, START_NS);
	svio_sched_charge(fixture.sched, UINT32_MAX, 1000, 1, true, START_NS);
	CU_ASSERT_FALSE(svio_sched_active(fixture.sched, group));
	CU_ASSERT_FALSE(svio_sched_active(fixture.sched, UINT32_MAX));
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, SVIO_SCHED_PORT), 0);
}

static void stats_count_on_every_node_of_the_way(void)
{
	const struct svio_sched_params none = { 0 };
	struct svio_sched_stats stats;
	struct svio_sched_grant grant;
	svio_sched_node group = 0;
	svio_sched_node leaf = 0;

	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_GROUP, none, &group), 0);
	CU_ASSERT_EQUAL(add(group, SVIO_SCHED_LEAF, none, &leaf), 0);
	svio_sched_activate(fixture.sched, leaf, START_NS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, 3000, 2, false, START_NS);
	CU_ASSERT_FALSE(svio_sched_active(fixture.sched, leaf));
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, leaf, &stats), 0);
	CU_ASSERT(stats.bytes == 3000 && stats.packets == 2 && stats.throttled == 0);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, group, &stats), 0);
	CU_ASSERT(stats.bytes == 3000 && stats.packets == 2);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, SVIO_SCHED_PORT, &stats), 0);
	CU_ASSERT(stats.bytes == 3000 && stats.packets == 2);
}

SVIO_TEST_MAIN_WITH("sched tree", setup, teardown, SVIO_TEST(add_beyond_nodes_max_is_refused),
		    SVIO_TEST(add_below_what_is_no_group_is_refused),
		    SVIO_TEST(add_deeper_than_a_class_is_refused),
		    SVIO_TEST(params_out_of_range_are_refused_by_name),
		    SVIO_TEST(set_of_no_node_is_refused),
		    SVIO_TEST(del_only_what_is_there_and_empty),
		    SVIO_TEST(activate_what_is_no_leaf_does_nothing),
		    SVIO_TEST(stats_count_on_every_node_of_the_way))
