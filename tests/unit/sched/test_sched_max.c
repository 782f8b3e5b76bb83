/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched: ceilings, on leaves, groups and the port; when to look again. */
#include "sched_fixture.h"

#define LARGEST ((uint64_t)SVIO_SCHED_PACKET_BYTES_MAX)

static struct sched_fixture fixture;

static void setup(void)
{
	sched_fixture_open(&fixture, 64, NO_PORT);
}

static void teardown(void)
{
	sched_fixture_close(&fixture);
}

/* What max gives in a time, in bytes. */
static uint64_t bytes_in(uint64_t bps, uint64_t ns)
{
	return (uint64_t)((long double)bps * ns / 8 / SECOND);
}

static svio_sched_node leaf_of_max(uint64_t max_bps, uint32_t burst_bytes)
{
	return sched_fixture_leaf(&fixture,
				  &(struct svio_sched_params){ .max_bps = max_bps,
							       .burst_bytes = burst_bytes });
}

static void set_max(svio_sched_node node, uint64_t max_bps)
{
	CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, node,
				       &(struct svio_sched_params){ .max_bps = max_bps },
				       fixture.now_ns, NULL),
			0);
}

/* One leaf at each order of magnitude: max * t, to a packet, after the burst. */
static void leaf_gets_its_max_exactly(void)
{
	static const struct {
		uint64_t bps;
		uint64_t ns;
		uint32_t packet;
	} cases[] = {
		{ 1000, 3600 * SECOND, 88 },   { 64 * KBPS, 100 * SECOND, 1538 },
		{ 50 * MBPS, SECOND, 1538 },   { 333333333, SECOND, 9038 },
		{ GBPS, 100 * MS, 88 },        { 9999999999, 100 * MS, 65560 },
		{ 100 * GBPS, 10 * MS, 1538 }, { 400 * GBPS, 10 * MS, 1538 },
	};
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		svio_sched_node leaf = leaf_of_max(cases[i].bps, 2 * LARGEST);
		uint64_t start_ns = fixture.now_ns;
		uint64_t fair;
		uint64_t got;

		/* A device a little faster than the fastest rate. */
		sched_fixture_run(&fixture, cases[i].ns, 500 * GBPS, cases[i].packet);
		got = sched_fixture_bytes(&fixture, leaf);
		fair = bytes_in(cases[i].bps, fixture.now_ns - start_ns);
		CU_ASSERT(got <= fair + 2 * LARGEST);
		CU_ASSERT(got >= bytes_in(cases[i].bps, cases[i].ns));
		CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, leaf), 0);
	}
}

static void next_ns_is_the_first_moment_a_pick_succeeds(void)
{
	svio_sched_node leaf = leaf_of_max(8 * MBPS, LARGEST);
	struct svio_sched_grant grant;
	uint64_t next_ns;

	/* Its bucket holds nothing besides the packet in hand: 1500 bytes are 1500 us. */
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(grant.bytes, 1);
	svio_sched_charge(fixture.sched, leaf, 1500, 1, true, START_NS);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
	next_ns = svio_sched_next_ns(fixture.sched, START_NS);
	CU_ASSERT(sched_fixture_soon(next_ns, START_NS + 1500000));
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, next_ns - 1, &grant));
	/* Looked at again, it is late by a slot at most. */
	next_ns = svio_sched_next_ns(fixture.sched, next_ns - 1);
	CU_ASSERT(sched_fixture_soon(next_ns, START_NS + 1500000));
	CU_ASSERT(svio_sched_pick(fixture.sched, next_ns, &grant));
}

static void next_ns_counts_all_ceilings_on_the_way(void)
{
	svio_sched_node outer = sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
						  &(struct svio_sched_params){ .max_bps = 80 * MBPS,
									       .burst_bytes = 1 });
	svio_sched_node leaf = sched_fixture_add(&fixture, outer, SVIO_SCHED_LEAF,
						 &(struct svio_sched_params){ .max_bps = 8 * MBPS,
									      .burst_bytes = 1 });
	struct svio_sched_grant grant;
	uint64_t next_ns;

	svio_sched_activate(fixture.sched, leaf, START_NS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, 1500, 1, true, START_NS);
	/* The group is free after 150 us, but nobody in it is. */
	next_ns = svio_sched_next_ns(fixture.sched, START_NS);
	CU_ASSERT(sched_fixture_soon(next_ns, START_NS + 1500000));
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, next_ns - 1, &grant));
	CU_ASSERT(svio_sched_pick(fixture.sched, next_ns + 64, &grant));
}

static void a_short_wait_is_not_lost_behind_a_long_one(void)
{
	svio_sched_node slow = leaf_of_max(50 * MBPS, 1);
	svio_sched_node soon = sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_LEAF,
						 &(struct svio_sched_params){ .max_bps = 50 * MBPS,
									      .burst_bytes = 1 });
	struct svio_sched_grant grant;
	uint64_t at_ns, next_ns;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, slow, 45000, 1, true, START_NS);
	for (at_ns = START_NS; at_ns < START_NS + 7 * MS; at_ns = next_ns) {
		/* Asking how long the slow one waits... */
		CU_ASSERT(sched_fixture_soon(svio_sched_next_ns(fixture.sched, at_ns),
					     START_NS + 7200000));
		svio_sched_activate(fixture.sched, soon, at_ns);
		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, at_ns, &grant));
		CU_ASSERT_EQUAL(grant.leaf, soon);
		svio_sched_charge(fixture.sched, soon, 3, 1, true, at_ns);
		/* ... must not be in the way of one that waits for 480 ns. */
		next_ns = svio_sched_next_ns(fixture.sched, at_ns);
		CU_ASSERT_FATAL(next_ns - at_ns >= 480);
		CU_ASSERT(next_ns - at_ns < 480 + 64);
		CU_ASSERT(svio_sched_pick(fixture.sched, next_ns, &grant));
		svio_sched_charge(fixture.sched, soon, 0, 0, false, next_ns);
		next_ns += 9999;
	}
}

static void equal_waits_end_after_few_looks(void)
{
	struct svio_sched_grant grant;
	uint64_t at_ns = START_NS, next_ns;
	uint32_t i, looks = 0;

	for (i = 0; i < 8; i++) {
		leaf_of_max(8 * MBPS, 1);
		CU_ASSERT(svio_sched_pick(fixture.sched, at_ns, &grant));
		svio_sched_charge(fixture.sched, grant.leaf, 1000000, 1, true, at_ns);
	}
	/* All wait for a second: nobody is looked up one by one, but the guesses close in. */
	while ((next_ns = svio_sched_next_ns(fixture.sched, at_ns)) != at_ns) {
		CU_ASSERT_FATAL(next_ns - at_ns <= START_NS + SECOND + 4096 + 64 - at_ns);
		CU_ASSERT(next_ns - at_ns >= (START_NS + SECOND - at_ns) / 8 * 7 ||
			  START_NS + SECOND - at_ns < 64);
		CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, next_ns - 1, &grant));
		at_ns = next_ns;
		looks++;
	}
	CU_ASSERT(sched_fixture_soon(at_ns, START_NS + SECOND));
	CU_ASSERT(looks >= 2 && looks <= 10);
}

static void next_ns_forgets_a_throttled_leaf_that_went_idle(void)
{
	svio_sched_node group = sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
						  &(struct svio_sched_params){ .max_bps = 80 * MBPS,
									       .burst_bytes = 1 });
	svio_sched_node inner = sched_fixture_add(&fixture, group, SVIO_SCHED_LEAF,
						  &(struct svio_sched_params){ 0 });
	svio_sched_node slow = leaf_of_max(8 * MBPS, 1);
	struct svio_sched_grant grant;
	uint32_t i;

	svio_sched_activate(fixture.sched, inner, START_NS);
	for (i = 0; i < 2; i++) {
		CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
		svio_sched_charge(fixture.sched, grant.leaf, 1500, 1, true, START_NS);
	}
	CU_ASSERT(
		sched_fixture_soon(svio_sched_next_ns(fixture.sched, START_NS), START_NS + 150000));
	svio_sched_deactivate(fixture.sched, inner);
	CU_ASSERT(sched_fixture_soon(svio_sched_next_ns(fixture.sched, START_NS),
				     START_NS + 1500000));
	svio_sched_deactivate(fixture.sched, slow);
	CU_ASSERT_EQUAL(svio_sched_next_ns(fixture.sched, START_NS), SVIO_SCHED_NEVER);
}

static void going_idle_does_not_forgive_a_debt(void)
{
	svio_sched_node leaf = leaf_of_max(8 * MBPS, 1);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, 1500, 1, false, START_NS);
	svio_sched_activate(fixture.sched, leaf, START_NS + 10);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS + 10, &grant));
	CU_ASSERT(sched_fixture_soon(svio_sched_next_ns(fixture.sched, START_NS + 10),
				     START_NS + 1500000));
}

static void throttled_leaf_leaves_the_rest_to_the_others(void)
{
	svio_sched_node slow = leaf_of_max(GBPS, 0);
	svio_sched_node fast = leaf_of_max(0, 0);
	struct svio_sched_stats stats;
	uint64_t total = sched_fixture_run(&fixture, 100 * MS, 10 * GBPS, 1538);

	CU_ASSERT(sched_fixture_bytes(&fixture, slow) <= bytes_in(GBPS, 101 * MS) + 2 * LARGEST);
	CU_ASSERT(sched_fixture_bytes(&fixture, slow) >= bytes_in(GBPS, 99 * MS));
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, slow) + sched_fixture_bytes(&fixture, fast),
			total);
	CU_ASSERT(total >= bytes_in(10 * GBPS, 100 * MS) - 100000);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, slow, &stats), 0);
	CU_ASSERT(stats.throttled > 0);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, fast, &stats), 0);
	CU_ASSERT_EQUAL(stats.throttled, 0);
}

static void group_ceiling_holds_for_all_its_leaves_together(void)
{
	svio_sched_node group = sched_fixture_add(
		&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP,
		&(struct svio_sched_params){ .max_bps = GBPS, .burst_bytes = 2 * LARGEST });
	svio_sched_node leaf[3];
	uint32_t i;

	for (i = 0; i < 3; i++) {
		leaf[i] = sched_fixture_add(&fixture, group, SVIO_SCHED_LEAF,
					    &(struct svio_sched_params){ .weight = i + 1 });
		svio_sched_activate(fixture.sched, leaf[i], START_NS);
	}
	sched_fixture_run(&fixture, 100 * MS, 10 * GBPS, 1538);
	CU_ASSERT(sched_fixture_bytes(&fixture, group) <= bytes_in(GBPS, 100 * MS) + 2 * LARGEST);
	CU_ASSERT(sched_fixture_bytes(&fixture, group) >= bytes_in(GBPS, 100 * MS));
	for (i = 0; i < 3; i++)
		CU_ASSERT_DOUBLE_EQUAL(sched_fixture_bytes(&fixture, leaf[i]) * 6.0 / (i + 1),
				       sched_fixture_bytes(&fixture, group), 200000);
}

static void port_rate_holds_for_everybody(void)
{
	svio_sched_node one = leaf_of_max(0, 0);
	svio_sched_node other = leaf_of_max(0, 0);

	set_max(SVIO_SCHED_PORT, GBPS);
	sched_fixture_run(&fixture, 100 * MS, 10 * GBPS, 1538);
	CU_ASSERT(sched_fixture_bytes(&fixture, SVIO_SCHED_PORT) <=
		  bytes_in(GBPS, 100 * MS) + LARGEST);
	/* Its bucket began empty, and may hold what ends a wait: a turn. */
	CU_ASSERT(sched_fixture_bytes(&fixture, SVIO_SCHED_PORT) + SVIO_SCHED_TURN_BYTES_NO_RATE +
			  1538 >=
		  bytes_in(GBPS, 100 * MS));
	CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, one) -
				    sched_fixture_bytes(&fixture, other))) <=
		  2ll * (SVIO_SCHED_TURN_BYTES_NO_RATE + 1538));
}

static void max_pps_holds_back_small_packets(void)
{
	svio_sched_node leaf =
		sched_fixture_leaf(&fixture, &(struct svio_sched_params){ .max_pps = 100000 });
	struct svio_sched_stats stats;

	sched_fixture_run(&fixture, 100 * MS, 10 * GBPS, 88);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, leaf, &stats), 0);
	/* 10000 and the burst: 1 ms. */
	CU_ASSERT(stats.packets >= 10000 && stats.packets <= 10101);
}

static void max_changed_while_throttled_counts_at_once(void)
{
	svio_sched_node leaf = leaf_of_max(8 * KBPS, 1);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, 1000, 1, true, START_NS);
	CU_ASSERT(
		sched_fixture_soon(svio_sched_next_ns(fixture.sched, START_NS), START_NS + SECOND));
	CU_ASSERT_EQUAL(
		svio_sched_set(fixture.sched, leaf,
			       &(struct svio_sched_params){ .max_bps = 8 * MBPS, .burst_bytes = 1 },
			       START_NS, NULL),
		0);
	CU_ASSERT(sched_fixture_soon(svio_sched_next_ns(fixture.sched, START_NS), START_NS + MS));
	set_max(leaf, 0);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
}

/* 100 changes under traffic: what it got is what the ceilings gave, and one burst. */
static void max_changed_often_gives_nothing_away(void)
{
	svio_sched_node leaf = leaf_of_max(GBPS, 0);
	uint64_t allowed = 0;
	uint32_t i;

	for (i = 0; i < 100; i++) {
		uint64_t bps = i % 2 ? 50 * MBPS : GBPS;
		uint64_t start_ns = fixture.now_ns;

		set_max(leaf, bps);
		sched_fixture_run(&fixture, 3 * MS, 10 * GBPS, 1538);
		allowed += bytes_in(bps, fixture.now_ns - start_ns);
	}
	CU_ASSERT(sched_fixture_bytes(&fixture, leaf) <= allowed + 2 * LARGEST);
	CU_ASSERT(sched_fixture_bytes(&fixture, leaf) >= allowed);
}

static void max_off_and_on_again_gives_no_burst(void)
{
	svio_sched_node leaf = leaf_of_max(0, 0);
	struct svio_sched_grant grant;

	set_max(leaf, 8 * MBPS);
	CU_ASSERT(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
	CU_ASSERT_EQUAL(grant.bytes, 1);
}

static void throttled_leaf_is_served_in_bursts(void)
{
	svio_sched_node leaf = leaf_of_max(10 * GBPS, 0);
	struct svio_sched_stats before = { 0 };
	struct svio_sched_stats after = { 0 };

	sched_fixture_run(&fixture, 10 * MS, 100 * GBPS, 1538);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, leaf, &before), 0);
	sched_fixture_run(&fixture, 10 * MS, 100 * GBPS, 1538);
	CU_ASSERT_EQUAL(svio_sched_stats_get(fixture.sched, leaf, &after), 0);
	CU_ASSERT(after.throttled > before.throttled);
	CU_ASSERT((after.packets - before.packets) / (after.throttled - before.throttled) >= 10);
}

static void clock_far_ahead_fills_a_burst_no_more(void)
{
	svio_sched_node leaf = leaf_of_max(400 * GBPS, 2 * LARGEST);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, LARGEST, 1, true, START_NS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS + INT64_MAX, &grant));
	CU_ASSERT(grant.bytes <= LARGEST);
}

/* A bucket that holds no turn gives packet by packet, however long it had nothing to do. */
static void idle_bucket_gives_its_depth_only(void)
{
	svio_sched_node leaf = leaf_of_max(558177387, 55431);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS + SECOND, &grant));
	CU_ASSERT_EQUAL(grant.bytes, 1);
	svio_sched_charge(fixture.sched, leaf, 2369, 1, true, START_NS + SECOND);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS + SECOND + 474, &grant));
}

/* A turn that waits while the port is held does not fill its bucket beyond the depth. */
static void pause_within_a_turn_fills_a_bucket_no_more(void)
{
	svio_sched_node leaf = leaf_of_max(GBPS, 2 * LARGEST);
	uint64_t served = 0;
	struct svio_sched_grant grant;

	leaf_of_max(0, 0);
	do {
		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, START_NS, &grant));
	} while (grant.leaf != leaf && sched_fixture_serve(&fixture, &grant, 1538));
	svio_sched_charge(fixture.sched, leaf, 100, 1, true, START_NS);
	/* A second later everything that the bucket holds is taken at once. */
	fixture.now_ns += SECOND;
	while (served < 3 * LARGEST && svio_sched_pick(fixture.sched, fixture.now_ns, &grant)) {
		uint64_t bytes = sched_fixture_serve(&fixture, &grant, 1538);

		served += grant.leaf == leaf ? bytes : 0;
		if (svio_sched_state(fixture.sched, leaf) == SVIO_SCHED_HELD)
			break;
	}
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_HELD);
	/* Its depth, and the packet that the last token goes into. */
	CU_ASSERT(served <= LARGEST + 1538);
}

/* A port that gets a rate does not go on with the turn that it had without. */
static void port_that_gets_a_rate_begins_a_turn(void)
{
	struct svio_sched_grant grant;

	leaf_of_max(0, 0);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(grant.bytes, SVIO_SCHED_GRANT_ALONE_BYTES);
	sched_fixture_serve(&fixture, &(struct svio_sched_grant){ grant.leaf, 1, 1 }, 1538);
	set_max(SVIO_SCHED_PORT, GBPS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(grant.bytes, 1); /* it begins without tokens */
}

/* A wait ends when there are tokens for a turn: a shorter turn ends it sooner. */
static void wait_is_as_long_as_the_ports_turn_says(void)
{
	const struct svio_sched_params fast = { .max_bps = 40000000000 };
	const struct svio_sched_params slow = { .max_bps = 1000000000 };
	const struct svio_sched_params max = { .max_bps = 1000000000 };
	svio_sched_node leaf = sched_fixture_leaf(&fixture, &max);
	struct svio_sched_grant grant;

	svio_sched_set(fixture.sched, SVIO_SCHED_PORT, &fast, fixture.now_ns, NULL);
	for (fixture.now_ns += MS; svio_sched_state(fixture.sched, leaf) != SVIO_SCHED_HELD;
	     fixture.now_ns += 400) {
		if (svio_sched_pick(fixture.sched, fixture.now_ns, &grant))
			svio_sched_charge(fixture.sched, leaf, 1538, 1, true, fixture.now_ns);
	}
	/* 16 KiB at 1 Gbit/s are 131 us; next_ns may be early by an eighth. */
	CU_ASSERT(svio_sched_next_ns(fixture.sched, fixture.now_ns) - fixture.now_ns > 110000);
	fixture.now_ns += 50000;
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
	CU_ASSERT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_HELD);
	/* 1 KiB are 8 us, and no wait is below 20. */
	svio_sched_set(fixture.sched, SVIO_SCHED_PORT, &slow, fixture.now_ns, NULL);
	CU_ASSERT_NOT_EQUAL(svio_sched_state(fixture.sched, leaf), SVIO_SCHED_HELD);
}

static void deepest_debt_is_repaid(void)
{
	svio_sched_node leaf = leaf_of_max(400 * GBPS, 1);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, UINT64_MAX, 1, true, START_NS);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
	/* 1 GiB of debt takes 21.5 ms. */
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS + 21 * MS, &grant));
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS + 22 * MS, &grant));
}

SVIO_TEST_MAIN_WITH("sched max", setup, teardown, SVIO_TEST(leaf_gets_its_max_exactly),
		    SVIO_TEST(next_ns_is_the_first_moment_a_pick_succeeds),
		    SVIO_TEST(next_ns_counts_all_ceilings_on_the_way),
		    SVIO_TEST(a_short_wait_is_not_lost_behind_a_long_one),
		    SVIO_TEST(equal_waits_end_after_few_looks),
		    SVIO_TEST(next_ns_forgets_a_throttled_leaf_that_went_idle),
		    SVIO_TEST(going_idle_does_not_forgive_a_debt),
		    SVIO_TEST(throttled_leaf_leaves_the_rest_to_the_others),
		    SVIO_TEST(group_ceiling_holds_for_all_its_leaves_together),
		    SVIO_TEST(port_rate_holds_for_everybody),
		    SVIO_TEST(max_pps_holds_back_small_packets),
		    SVIO_TEST(max_changed_while_throttled_counts_at_once),
		    SVIO_TEST(max_changed_often_gives_nothing_away),
		    SVIO_TEST(max_off_and_on_again_gives_no_burst),
		    SVIO_TEST(throttled_leaf_is_served_in_bursts),
		    SVIO_TEST(clock_far_ahead_fills_a_burst_no_more),
		    SVIO_TEST(idle_bucket_gives_its_depth_only),
		    SVIO_TEST(pause_within_a_turn_fills_a_bucket_no_more),
		    SVIO_TEST(port_that_gets_a_rate_begins_a_turn),
		    SVIO_TEST(wait_is_as_long_as_the_ports_turn_says),
		    SVIO_TEST(deepest_debt_is_repaid))
