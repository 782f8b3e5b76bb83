/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched: who is picked, and how shares come out. */
#include "sched_fixture.h"

static struct sched_fixture fixture;

static void setup(void)
{
	sched_fixture_open(&fixture, 5000, NO_PORT);
}

static void teardown(void)
{
	sched_fixture_close(&fixture);
}

static svio_sched_node leaf_of_weight(uint32_t weight)
{
	return sched_fixture_leaf(&fixture, &(struct svio_sched_params){ .weight = weight });
}

static void pick_nothing_active_returns_false(void)
{
	struct svio_sched_grant grant;

	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(svio_sched_next_ns(fixture.sched, START_NS), SVIO_SCHED_NEVER);
}

static void pick_only_leaf_gets_a_large_grant(void)
{
	svio_sched_node leaf = leaf_of_weight(1);
	struct svio_sched_grant grant;

	CU_ASSERT_EQUAL(svio_sched_next_ns(fixture.sched, START_NS), START_NS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(grant.leaf, leaf);
	CU_ASSERT_EQUAL(grant.bytes, SVIO_SCHED_GRANT_ALONE_BYTES);
	CU_ASSERT_EQUAL(grant.packets, SVIO_SCHED_GRANT_ALONE_PACKETS);
}

static void pick_competing_leaves_get_small_grants_in_turn(void)
{
	svio_sched_node one = leaf_of_weight(1);
	svio_sched_node other = leaf_of_weight(1);
	svio_sched_node last = 0;
	uint32_t i;

	for (i = 0; i < 10; i++) {
		struct svio_sched_grant grant;

		CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
		CU_ASSERT_EQUAL(grant.bytes, SVIO_SCHED_TURN_BYTES_NO_RATE);
		CU_ASSERT_EQUAL(grant.packets, SVIO_SCHED_GRANT_PACKETS);
		CU_ASSERT(grant.leaf == one || grant.leaf == other);
		CU_ASSERT_NOT_EQUAL(grant.leaf, last);
		last = grant.leaf;
		svio_sched_charge(fixture.sched, last, 16384, 11, true, START_NS);
	}
}

static void turn_is_what_the_port_sends_in_its_time(void)
{
	static const struct {
		uint64_t port_bps;
		uint32_t turn_bytes;
	} cases[] = {
		{ 0, 4096 },           { 100000000, 1024 },   { 1000000000, 1024 },
		{ 10000000000, 4096 }, { 20000000000, 8192 }, { SVIO_SCHED_BPS_MAX, 16384 },
		{ 10000000000, 4096 }, { 0, 4096 },
	};
	/* A ceiling that does not bind must not make turns shorter. */
	const struct svio_sched_params fast = { .max_bps = SVIO_SCHED_BPS_MAX };
	struct svio_sched_grant grant;
	uint32_t i;

	leaf_of_weight(1);
	sched_fixture_leaf(&fixture, &fast);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]) * 2; i++) {
		const struct svio_sched_params port = { .max_bps = cases[i / 2].port_bps };

		fixture.now_ns += 1000000000;
		CU_ASSERT_EQUAL_FATAL(svio_sched_set(fixture.sched, SVIO_SCHED_PORT, &port,
						     fixture.now_ns, NULL),
				      0);
		/* A ceiling that is new has nothing yet. */
		fixture.now_ns += 1000000000;
		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
		CU_ASSERT(grant.bytes + 1 >= cases[i / 2].turn_bytes);
		CU_ASSERT(grant.bytes <= cases[i / 2].turn_bytes);
		svio_sched_charge(fixture.sched, grant.leaf, SVIO_SCHED_TURN_BYTES_MAX, 11, true,
				  fixture.now_ns);
	}
}

static void port_without_a_rate_has_turns_of_its_speed(void)
{
	static _Alignas(64) char memory[1u << 20];
	struct svio_sched_limits limits = { .leaves = 2, .speed_bps = 20000000000 };
	const struct svio_sched_params leaf = { .weight = 1 };
	const struct svio_sched_params rated = { .max_bps = 1000000000 };
	struct svio_sched_grant grant;
	struct svio_sched *sched;
	svio_sched_node node[2];
	uint32_t i;

	CU_ASSERT_FATAL(svio_sched_bytes(&limits) <= sizeof(memory));
	sched = svio_sched_init(memory, &limits, 0, 0);
	for (i = 0; i < 2; i++) {
		svio_sched_add(sched, SVIO_SCHED_PORT, SVIO_SCHED_LEAF, &leaf, 0, &node[i], NULL);
		svio_sched_activate(sched, node[i], 0);
	}
	CU_ASSERT_FATAL(svio_sched_pick(sched, 1, &grant));
	CU_ASSERT_EQUAL(grant.bytes, 8192);
	svio_sched_charge(sched, grant.leaf, 8192, 5, true, 1);
	svio_sched_set(sched, SVIO_SCHED_PORT, &rated, 1, NULL);
	CU_ASSERT_FATAL(svio_sched_pick(sched, 1000000000, &grant));
	CU_ASSERT(grant.bytes <= 1024);
}

static void charge_without_more_ends_the_turn(void)
{
	svio_sched_node leaf = leaf_of_weight(1);
	struct svio_sched_grant grant;

	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, leaf, 100, 1, false, START_NS);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
	CU_ASSERT_EQUAL(svio_sched_next_ns(fixture.sched, START_NS), SVIO_SCHED_NEVER);
	svio_sched_activate(fixture.sched, leaf, START_NS);
	svio_sched_activate(fixture.sched, leaf, START_NS);
	CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_deactivate(fixture.sched, leaf);
	svio_sched_deactivate(fixture.sched, leaf);
	svio_sched_charge(fixture.sched, leaf, 0, 0, false, START_NS);
	CU_ASSERT_FALSE(svio_sched_pick(fixture.sched, START_NS, &grant));
}

/* Two leaves of these weights and packet sizes: within one grant and packet of the ratio. */
static void weights_divide_the_device(void)
{
	static const uint32_t weights[][2] = { { 1, 1 },  { 1, 2 },        { 1, 100 },
					       { 7, 11 }, { 65535, 1000 }, { 60000, 65535 } };
	size_t i;

	for (i = 0; i < sizeof(weights) / sizeof(weights[0]); i++) {
		uint32_t w0 = weights[i][0];
		uint32_t w1 = weights[i][1];
		svio_sched_node one = leaf_of_weight(w0);
		svio_sched_node other = leaf_of_weight(w1);
		double normal;
		double bound;

		sched_fixture_run(&fixture, SECOND, 100 * GBPS, 1538);
		normal = (double)sched_fixture_bytes(&fixture, one) / w0 -
			 (double)sched_fixture_bytes(&fixture, other) / w1;
		/* 1/8192 of what went by: the rounding of weights. */
		bound = (16384.0 + 1538) / w0 + (16384.0 + 1538) / w1 + 12.5e9 / (w0 + w1) / 8192;
		CU_ASSERT(normal <= bound && -normal <= bound);
		CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, one), 0);
		CU_ASSERT_EQUAL(svio_sched_del(fixture.sched, other), 0);
	}
}

static void equal_leaves_share_alike_whatever_their_packets(void)
{
	svio_sched_node small = leaf_of_weight(1);
	svio_sched_node large = leaf_of_weight(1);
	uint64_t i;

	for (i = 0; i < 20000; i++) {
		struct svio_sched_grant grant;

		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, START_NS, &grant));
		sched_fixture_serve(&fixture, &grant, grant.leaf == small ? 88 : 9038);
	}
	CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, small) -
				    sched_fixture_bytes(&fixture, large))) <= 16384 + 9038);
}

static void many_equal_leaves_share_alike(void)
{
	uint64_t least = UINT64_MAX;
	uint64_t most = 0;
	uint32_t i;

	for (i = 0; i < 4096; i++)
		leaf_of_weight(1);
	sched_fixture_run(&fixture, 10 * MS, 400 * GBPS, 1538);
	for (i = 1; i <= 4096; i++) {
		uint64_t bytes = sched_fixture_bytes(&fixture, i);

		least = bytes < least ? bytes : least;
		most = bytes > most ? bytes : most;
	}
	CU_ASSERT(least > 0);
	CU_ASSERT(most - least <= SVIO_SCHED_TURN_BYTES_NO_RATE + 1538);
}

static void higher_priority_is_served_first(void)
{
	struct svio_sched_grant grant;
	svio_sched_node low = leaf_of_weight(65535);
	svio_sched_node high = sched_fixture_leaf(
		&fixture, &(struct svio_sched_params){ .weight = 1, .priority = 7 });
	uint64_t low_bytes;

	sched_fixture_run(&fixture, MS, 10 * GBPS, 1538);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, low), 0);
	svio_sched_deactivate(fixture.sched, high);
	sched_fixture_run(&fixture, MS, 10 * GBPS, 1538);
	low_bytes = sched_fixture_bytes(&fixture, low);
	CU_ASSERT(low_bytes > 0);
	/* As soon as it wakes, it is next. */
	svio_sched_activate(fixture.sched, high, fixture.now_ns);
	CU_ASSERT(svio_sched_pick(fixture.sched, fixture.now_ns, &grant));
	CU_ASSERT_EQUAL(grant.leaf, high);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, low), low_bytes);
}

static void priority_changed_while_waiting_counts_at_once(void)
{
	struct svio_sched_grant grant;
	svio_sched_node one = leaf_of_weight(1);
	svio_sched_node other = leaf_of_weight(1);
	uint32_t i;

	for (i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, other,
					       &(struct svio_sched_params){ .priority = 3 },
					       START_NS, NULL),
				0);
		CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
		CU_ASSERT_EQUAL(grant.leaf, other);
		svio_sched_charge(fixture.sched, grant.leaf, 1000, 1, true, START_NS);
		CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, one,
					       &(struct svio_sched_params){ .priority = 4 },
					       START_NS, NULL),
				0);
		CU_ASSERT(svio_sched_pick(fixture.sched, START_NS, &grant));
		CU_ASSERT_EQUAL(grant.leaf, one);
		svio_sched_charge(fixture.sched, grant.leaf, 1000, 1, true, START_NS);
		CU_ASSERT_EQUAL(svio_sched_set(fixture.sched, one,
					       &(struct svio_sched_params){ .priority = 0 },
					       START_NS, NULL),
				0);
	}
}

/* A tenant with many VIFs gets no more than one with a single VIF. */
static void groups_divide_before_their_leaves(void)
{
	const struct svio_sched_params params = { .weight = 1 };
	svio_sched_node many =
		sched_fixture_add(&fixture, SVIO_SCHED_PORT, SVIO_SCHED_GROUP, &params);
	svio_sched_node one = leaf_of_weight(1);
	uint32_t i;

	for (i = 0; i < 9; i++)
		svio_sched_activate(fixture.sched,
				    sched_fixture_add(&fixture, many, SVIO_SCHED_LEAF, &params),
				    START_NS);
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538);
	CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, many) -
				    sched_fixture_bytes(&fixture, one))) <=
		  SVIO_SCHED_TURN_BYTES_NO_RATE + 1538);
	for (i = 0; i < 9; i++)
		CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, one + 1 + i) * 9 -
					    sched_fixture_bytes(&fixture, many))) <=
			  9ll * (SVIO_SCHED_TURN_BYTES_NO_RATE + 1538));
}

/* A leaf that slept long has saved up nothing, and one that just had its turn keeps its debt. */
static void idle_time_is_not_saved_up(void)
{
	svio_sched_node busy = leaf_of_weight(1);
	svio_sched_node sleeper = leaf_of_weight(1);
	uint64_t before;

	svio_sched_deactivate(fixture.sched, sleeper);
	sched_fixture_run(&fixture, 50 * MS, 10 * GBPS, 1538);
	before = sched_fixture_bytes(&fixture, busy);
	svio_sched_activate(fixture.sched, sleeper, fixture.now_ns);
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538);
	CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, busy) - before -
				    sched_fixture_bytes(&fixture, sleeper))) <=
		  SVIO_SCHED_GRANT_ALONE_BYTES + 1538);
}

static void going_idle_between_turns_wins_nothing(void)
{
	svio_sched_node steady = leaf_of_weight(1);
	svio_sched_node blinker = leaf_of_weight(1);
	uint32_t i;

	for (i = 0; i < 10000; i++) {
		struct svio_sched_grant grant;

		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, START_NS, &grant));
		svio_sched_charge(fixture.sched, grant.leaf, 16384, 11, grant.leaf == steady,
				  START_NS);
		svio_sched_activate(fixture.sched, blinker, START_NS);
	}
	CU_ASSERT(llabs((long long)(sched_fixture_bytes(&fixture, steady) -
				    sched_fixture_bytes(&fixture, blinker))) <= 2ll * 16384);
}

static void empty_grants_do_not_keep_others_waiting(void)
{
	svio_sched_node liar = leaf_of_weight(1);
	svio_sched_node honest = leaf_of_weight(1);
	uint32_t i;

	for (i = 0; i < 1000; i++) {
		struct svio_sched_grant grant;

		CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, START_NS, &grant));
		svio_sched_charge(fixture.sched, grant.leaf, grant.leaf == liar ? 0 : 640,
				  grant.leaf == liar ? 0 : 1, true, START_NS);
	}
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, liar), 0);
	CU_ASSERT(sched_fixture_bytes(&fixture, honest) >= 640 * 1000 / 12);
}

static void charge_of_absurd_size_is_survived(void)
{
	svio_sched_node leaf[2] = { leaf_of_weight(1), leaf_of_weight(1) };
	struct svio_sched_grant grant;
	svio_sched_node other;

	CU_ASSERT_FATAL(svio_sched_pick(fixture.sched, START_NS, &grant));
	svio_sched_charge(fixture.sched, grant.leaf, UINT64_MAX, UINT32_MAX, true, START_NS);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, grant.leaf), 1ull << 30);
	other = grant.leaf == leaf[0] ? leaf[1] : leaf[0];
	sched_fixture_run(&fixture, 10 * MS, 10 * GBPS, 1538);
	CU_ASSERT(sched_fixture_bytes(&fixture, other) > 12000000);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, grant.leaf), 1ull << 30);
}

static void charge_without_a_grant_only_says_what_is_left(void)
{
	svio_sched_node leaf = leaf_of_weight(1);

	svio_sched_charge(fixture.sched, leaf, 1000, 1, true, START_NS);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, leaf), 0);
	CU_ASSERT(svio_sched_active(fixture.sched, leaf));
	svio_sched_charge(fixture.sched, leaf, 1000, 1, false, START_NS);
	CU_ASSERT_EQUAL(sched_fixture_bytes(&fixture, SVIO_SCHED_PORT), 0);
	CU_ASSERT_FALSE(svio_sched_active(fixture.sched, leaf));
}

SVIO_TEST_MAIN_WITH("sched pick", setup, teardown, SVIO_TEST(pick_nothing_active_returns_false),
		    SVIO_TEST(pick_only_leaf_gets_a_large_grant),
		    SVIO_TEST(pick_competing_leaves_get_small_grants_in_turn),
		    SVIO_TEST(turn_is_what_the_port_sends_in_its_time),
		    SVIO_TEST(port_without_a_rate_has_turns_of_its_speed),
		    SVIO_TEST(charge_without_more_ends_the_turn),
		    SVIO_TEST(weights_divide_the_device),
		    SVIO_TEST(equal_leaves_share_alike_whatever_their_packets),
		    SVIO_TEST(many_equal_leaves_share_alike),
		    SVIO_TEST(higher_priority_is_served_first),
		    SVIO_TEST(priority_changed_while_waiting_counts_at_once),
		    SVIO_TEST(groups_divide_before_their_leaves),
		    SVIO_TEST(idle_time_is_not_saved_up),
		    SVIO_TEST(going_idle_between_turns_wins_nothing),
		    SVIO_TEST(empty_grants_do_not_keep_others_waiting),
		    SVIO_TEST(charge_of_absurd_size_is_survived),
		    SVIO_TEST(charge_without_a_grant_only_says_what_is_left))
