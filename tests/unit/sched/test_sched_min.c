/* SPDX-License-Identifier: BSD-3-Clause */
/* Guarantees: min, what is passed upwards, what does not fit; and classes below a VIF. */
#include <errno.h>

#include "sched_fixture.h"

static struct sched_fixture fixture;
static struct svio_sched_refusal refusal;

static void setup(void)
{
	memset(&refusal, 0, sizeof(refusal));
	sched_fixture_open(&fixture, 40, GBPS);
}

static void teardown(void)
{
	sched_fixture_close(&fixture);
}

static svio_sched_node leaf_below(svio_sched_node parent, struct svio_sched_params params)
{
	svio_sched_node leaf = sched_fixture_add(&fixture, parent, SVIO_SCHED_LEAF, &params);

	svio_sched_activate(fixture.sched, leaf, fixture.now_ns);
	return leaf;
}

static int add(svio_sched_node parent, enum svio_sched_kind kind, struct svio_sched_params params)
{
	svio_sched_node node;

	return svio_sched_add(fixture.sched, parent, kind, &params, fixture.now_ns, &node,
			      &refusal);
}

static int set(svio_sched_node node, struct svio_sched_params params)
{
	return svio_sched_set(fixture.sched, node, &params, fixture.now_ns, &refusal);
}

/* Mbit/s of a node over the next 100 ms, on a device that is as fast as the port. */
static double rate_of(svio_sched_node node)
{
	uint64_t before = sched_fixture_bytes(&fixture, node);
	uint64_t start_ns = fixture.now_ns;

	sched_fixture_run(&fixture, 100 * MS, 10 * GBPS, 1538);
	return (double)(sched_fixture_bytes(&fixture, node) - before) * 8000.0 /
	       (double)(fixture.now_ns - start_ns);
}

static void min_holds_beside_any_weight(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 300 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .weight = 65535 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 300, 3);
}

static void min_holds_beside_any_priority(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 300 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 300, 3);
}

static void what_is_left_is_shared_on_top_of_min(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 200 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ 0 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 600, 6);
}

static void unused_min_goes_to_others(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 900 * MBPS });
	svio_sched_node other = leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ 0 });

	svio_sched_deactivate(fixture.sched, one);
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538); /* the port's first burst */
	CU_ASSERT_DOUBLE_EQUAL(rate_of(other), 1000, 5);
}

static void min_of_all_the_port_leaves_nothing(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 600 * MBPS });
	svio_sched_node two =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 400 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 600, 3);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(two), 400, 3);
}

static void min_that_wakes_is_next(void)
{
	svio_sched_node sleeper =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 500 * MBPS });
	struct svio_sched_grant grant;

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	svio_sched_deactivate(fixture.sched, sleeper);
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538);
	CU_ASSERT(svio_sched_pick(fixture.sched, fixture.now_ns + MS, &grant));
	CU_ASSERT_NOT_EQUAL(grant.leaf, sleeper);
	svio_sched_activate(fixture.sched, sleeper, fixture.now_ns + MS);
	/* The turn in hand ends first. */
	svio_sched_charge(fixture.sched, grant.leaf, SVIO_SCHED_TURN_BYTES_NO_RATE, 3, true,
			  fixture.now_ns + MS);
	CU_ASSERT(svio_sched_pick(fixture.sched, fixture.now_ns + 2 * MS, &grant));
	CU_ASSERT_EQUAL(grant.leaf, sleeper);
}

static void idle_time_of_a_min_is_not_saved_up(void)
{
	svio_sched_node sleeper =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 100 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	svio_sched_deactivate(fixture.sched, sleeper);
	sched_fixture_run(&fixture, 500 * MS, 10 * GBPS, 1538);
	svio_sched_activate(fixture.sched, sleeper, fixture.now_ns);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(sleeper), 100, 1);
}

/* Mins that are due at the same moment do not make a high priority wait for all of them. */
static void high_priority_waits_for_one_min_at_most(void)
{
	svio_sched_node high;
	uint32_t waited = 0;
	uint32_t i;

	for (i = 0; i < 12; i++)
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 80 * MBPS });
	high = leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	for (;; waited++) {
		struct svio_sched_grant grant;

		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
		sched_fixture_serve(&fixture, &grant, 1538);
		if (grant.leaf == high)
			break;
	}
	CU_ASSERT(waited <= 1);
}

static void group_passes_its_childrens_mins_up(void)
{
	svio_sched_node group = sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
						  &(struct svio_sched_params){ 0 });
	svio_sched_node inner =
		leaf_below(group, (struct svio_sched_params){ .min_bps = 250 * MBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .weight = 65535, .priority = 7 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(inner), 250, 3);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, inner), 0);
	/* And takes it back: nothing is guaranteed to the group any more. */
	leaf_below(group, (struct svio_sched_params){ 0 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(group), 0, 2);
}

static void min_changed_while_it_runs_holds_at_once(void)
{
	svio_sched_node one = leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ 0 });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 0, 2);
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .min_bps = 700 * MBPS }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 700, 5);
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .min_bps = 0 }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 0, 2);
}

/* What it owes from a turn at a small min does not keep it waiting at a large one. */
static void min_raised_does_not_wait_at_the_old_rate(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 100 * KBPS });

	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	sched_fixture_run(&fixture, MS, 10 * GBPS, 1538);
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .min_bps = 700 * MBPS }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 700, 5);
}

static void min_beyond_the_port_is_refused_with_what_is_left(void)
{
	svio_sched_node one =
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .min_bps = 600 * MBPS });

	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 401 * MBPS }),
			-E2BIG);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "min");
	CU_ASSERT_EQUAL(refusal.node, SVIO_SCHED_PORT);
	CU_ASSERT_EQUAL(refusal.available, 400 * MBPS);
	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 400 * MBPS }),
			0);
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .min_bps = 601 * MBPS }), -E2BIG);
	CU_ASSERT_EQUAL(refusal.available, 600 * MBPS);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, one), 0);
	CU_ASSERT_EQUAL(add(SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 600 * MBPS }),
			0);
}

static void refusal_names_the_node_that_has_no_room(void)
{
	svio_sched_node outer =
		sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
				  &(struct svio_sched_params){ .max_bps = 500 * MBPS });
	svio_sched_node inner =
		sched_fixture_add(&fixture, outer, SVIO_SCHED_GROUP,
				  &(struct svio_sched_params){ .min_bps = 100 * MBPS });

	/* 100 of it are the inner group's own. */
	CU_ASSERT_EQUAL(
		add(inner, SVIO_SCHED_LEAF, (struct svio_sched_params){ .min_bps = 90 * MBPS }), 0);
	CU_ASSERT_EQUAL(add(outer, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 300 * MBPS }),
			0);
	CU_ASSERT_EQUAL(add(inner, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 111 * MBPS }),
			-E2BIG);
	CU_ASSERT_EQUAL(refusal.node, outer);
	CU_ASSERT_EQUAL(refusal.available, 200 * MBPS);
	CU_ASSERT_EQUAL(add(inner, SVIO_SCHED_LEAF,
			    (struct svio_sched_params){ .min_bps = 110 * MBPS }),
			0);
	/* A ceiling below what is promised beneath it. */
	CU_ASSERT_EQUAL(set(outer, (struct svio_sched_params){ .max_bps = 499 * MBPS }), -E2BIG);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "max");
	CU_ASSERT_EQUAL(refusal.node, outer);
	CU_ASSERT_EQUAL(refusal.available, 500 * MBPS);
}

/* --- classes --- */

static svio_sched_node vif_with_classes(void)
{
	return sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_VIF,
				 &(struct svio_sched_params){ 0 });
}

static void vif_takes_eight_leaves_and_nothing_else(void)
{
	svio_sched_node vif = vif_with_classes();
	uint32_t i;

	CU_ASSERT_EQUAL(add(vif, SVIO_SCHED_GROUP, (struct svio_sched_params){ 0 }), -EINVAL);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "kind");
	CU_ASSERT_EQUAL(add(vif, SVIO_SCHED_VIF, (struct svio_sched_params){ 0 }), -EINVAL);
	for (i = 0; i < SVIO_SCHED_CLASSES; i++)
		CU_ASSERT_EQUAL(add(vif, SVIO_SCHED_LEAF, (struct svio_sched_params){ 0 }), 0);
	CU_ASSERT_EQUAL(add(vif, SVIO_SCHED_LEAF, (struct svio_sched_params){ 0 }), -ENOSPC);
	CU_ASSERT_STRING_EQUAL(refusal.parameter, "classes");
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, vif), -EBUSY);
}

static void classes_share_by_priority_and_weight(void)
{
	svio_sched_node vif = vif_with_classes();
	svio_sched_node high =
		leaf_below(vif, (struct svio_sched_params){ .priority = 5, .max_bps = 400 * MBPS });
	svio_sched_node one = leaf_below(vif, (struct svio_sched_params){ .weight = 1 });
	svio_sched_node two = leaf_below(vif, (struct svio_sched_params){ .weight = 2 });

	CU_ASSERT_DOUBLE_EQUAL(rate_of(high), 400, 6);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 200, 4);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(two), 400, 6);
}

static void class_has_its_min_beside_a_high_priority(void)
{
	svio_sched_node vif = vif_with_classes();
	svio_sched_node low = leaf_below(vif, (struct svio_sched_params){ .min_bps = 300 * MBPS });

	leaf_below(vif, (struct svio_sched_params){ .priority = 7 });
	leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .priority = 7 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(low), 300, 4);
}

static void classes_change_and_go_while_they_run(void)
{
	svio_sched_node vif = vif_with_classes();
	svio_sched_node one = leaf_below(vif, (struct svio_sched_params){ .weight = 1 });
	svio_sched_node two = leaf_below(vif, (struct svio_sched_params){ .weight = 1 });

	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 500, 5);
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .weight = 4 }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 800, 8);
	CU_ASSERT_EQUAL(set(two, (struct svio_sched_params){ .priority = 1 }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 0, 2);
	CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, two), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 1000, 10);
	two = leaf_below(vif, (struct svio_sched_params){ .weight = 4 });
	CU_ASSERT_DOUBLE_EQUAL(rate_of(two), 500, 5);
}

/* --- changed while it runs --- */

static void weight_changed_keeps_what_is_owed(void)
{
	svio_sched_node one = leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ 0 });
	uint32_t i;

	for (i = 0; i < 4; i++)
		leaf_below(SVIO_SCHED_PORT, (struct svio_sched_params){ .weight = 60000 });
	sched_fixture_run(&fixture, MS, 10 * GBPS, 1538);
	/* One that has just had its turn at weight 1 would wait for hundreds of megabytes. */
	CU_ASSERT_EQUAL(set(one, (struct svio_sched_params){ .weight = 60000 }), 0);
	CU_ASSERT_DOUBLE_EQUAL(rate_of(one), 200, 3);
}

/* Thirty years: a walk through that time in steps of microseconds would not end. */
static void who_was_idle_for_long_is_found_at_once(void)
{
	const struct svio_sched_params params = { .min_bps = 100000000 };
	svio_sched_node leaf[6];
	struct svio_sched_grant grant;
	uint32_t round;
	uint32_t i;

	for (i = 0; i < 6; i++)
		leaf[i] = sched_fixture_leaf(&fixture, &params);
	for (round = 0; round < 4; round++) {
		uint32_t awake = round % 2 ? 2 : 6; /* the others stay in the queues */

		for (i = 0; i < awake; i++)
			svio_sched_activate(fixture.sched, leaf[i], fixture.now_ns);
		for (i = 0; i < awake; i++) {
			CU_ASSERT_TRUE_FATAL(
				svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
			svio_sched_charge(fixture.sched, grant.leaf, 100, 1, false, fixture.now_ns);
		}
		CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
		fixture.now_ns += 1000000000ull * 86400 * 365 * 30;
	}
}

static void states_tell_what_holds_a_node_back(void)
{
	svio_sched_node group = sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
						  &(struct svio_sched_params){ .max_bps = 8 * MBPS,
									       .burst_bytes = 1 });
	svio_sched_node leaf = leaf_below(group, (struct svio_sched_params){ 0 });
	struct svio_sched_grant grant;

	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_READY);
	CU_ASSERT(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
	svio_sched_charge(fixture.sched, leaf, 1538, 1, true, fixture.now_ns);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, group), SVIO_SCHED_HELD);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_BEHIND);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, SVIO_SCHED_PORT), SVIO_SCHED_READY);
	svio_sched_deactivate(fixture.sched, leaf);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_IDLE);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, group), SVIO_SCHED_IDLE);
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, 99), SVIO_SCHED_IDLE);
}

SVIO_TEST_MAIN_WITH("sched min", setup, teardown, SVIO_TEST(min_holds_beside_any_weight),
		    SVIO_TEST(min_holds_beside_any_priority),
		    SVIO_TEST(what_is_left_is_shared_on_top_of_min),
		    SVIO_TEST(unused_min_goes_to_others),
		    SVIO_TEST(min_of_all_the_port_leaves_nothing),
		    SVIO_TEST(min_that_wakes_is_next),
		    SVIO_TEST(idle_time_of_a_min_is_not_saved_up),
		    SVIO_TEST(high_priority_waits_for_one_min_at_most),
		    SVIO_TEST(group_passes_its_childrens_mins_up),
		    SVIO_TEST(min_changed_while_it_runs_holds_at_once),
		    SVIO_TEST(min_raised_does_not_wait_at_the_old_rate),
		    SVIO_TEST(min_beyond_the_port_is_refused_with_what_is_left),
		    SVIO_TEST(refusal_names_the_node_that_has_no_room),
		    SVIO_TEST(vif_takes_eight_leaves_and_nothing_else),
		    SVIO_TEST(classes_share_by_priority_and_weight),
		    SVIO_TEST(class_has_its_min_beside_a_high_priority),
		    SVIO_TEST(classes_change_and_go_while_they_run),
		    SVIO_TEST(weight_changed_keeps_what_is_owed),
		    SVIO_TEST(who_was_idle_for_long_is_found_at_once),
		    SVIO_TEST(states_tell_what_holds_a_node_back))
