/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop of the guests, on a way that is a queue in memory and can lose, hold or refuse frames. */
#include "bench/bench_guest.h"
#include "svio_test.h"

#define WIRE_FRAMES 4096u
#define WINDOW_NS   2000000u

struct wire {
	struct guest_port port;
	struct wire *other;
	uint64_t stamps[WIRE_FRAMES]; /* on their way to this port */
	uint32_t head;
	uint32_t count;
	uint32_t most;   /* that were on their way at once */
	uint32_t room;   /* a send takes so many */
	uint32_t losses; /* frames to be lost */
	uint64_t sent;
	uint64_t unstamped; /* frames that did not have the wanted stamp */
	uint64_t stamp;
};

static struct wire a;
static struct wire b;
static uint32_t times[GUEST_TIMES_MAX];
static const struct guest_watch nobody;
static struct guest_result result;

static void put(struct wire *to, uint64_t stamp)
{
	if (to->losses) {
		to->losses--;
		return;
	}
	to->stamps[(to->head + to->count++) % WIRE_FRAMES] = stamp;
	if (to->count > to->most)
		to->most = to->count;
}

static uint32_t send_new(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			 uint32_t bytes)
{
	struct wire *wire = (struct wire *)port;

	CU_ASSERT_EQUAL(bytes, 64);
	CU_ASSERT_TRUE(n <= GUEST_BURST);
	if (n > wire->room)
		n = wire->room;
	for (uint32_t i = 0; i < n; i++) {
		wire->unstamped += stamps[i] != wire->stamp;
		put(wire->other, stamps[i]);
	}
	wire->sent += n;
	return n;
}

static uint32_t receive(struct guest_port *port, uint64_t *stamps)
{
	struct wire *wire = (struct wire *)port;
	uint32_t n = wire->count < GUEST_BURST ? wire->count : GUEST_BURST;

	for (uint32_t i = 0; i < n; i++)
		stamps[i] = wire->stamps[wire->head++ % WIRE_FRAMES];
	wire->count -= n;
	return n;
}

static uint32_t bounce(struct guest_port *port)
{
	struct wire *wire = (struct wire *)port;
	uint64_t stamps[GUEST_BURST];
	uint32_t n = receive(port, stamps);

	for (uint32_t i = 0; i < n; i++)
		put(wire->other, stamps[i]);
	return n;
}

static void connect_wires(void)
{
	static const struct guest_port_ops ops = { send_new, receive, bounce };

	memset(&a, 0, sizeof(a));
	memset(&b, 0, sizeof(b));
	a.port.ops = &ops;
	b.port.ops = &ops;
	a.other = &b;
	b.other = &a;
	a.room = GUEST_BURST;
}

static int run(enum guest_pattern pattern, double pps)
{
	struct guest_flow flow = { .from = &a.port, .to = &b.port };
	const struct guest_load load = { .pattern = pattern,
					 .bytes = 64,
					 .ns = WINDOW_NS,
					 .warm_up_ns = WINDOW_NS / 4,
					 .pps = pps,
					 .stamp = a.stamp };

	return guest_run(&flow, 1, &load, &nobody, &result, times);
}

static void run_one_way_keeps_few_under_way_and_loses_none(void)
{
	connect_wires();
	a.stamp = 77;
	CU_ASSERT_EQUAL(run(GUEST_ONE_WAY, 0), 0);
	CU_ASSERT_TRUE(result.packets > 0);
	CU_ASSERT_TRUE(result.packets <= a.sent);
	CU_ASSERT_TRUE(result.ns >= WINDOW_NS);
	CU_ASSERT_EQUAL(result.least, result.packets);
	CU_ASSERT_EQUAL(result.lost, 0);
	CU_ASSERT_EQUAL(a.unstamped, 0);
	CU_ASSERT_TRUE(b.most <= GUEST_UNDER_WAY);
	CU_ASSERT_EQUAL(b.count, 0);
}

static void run_one_way_counts_what_is_lost(void)
{
	connect_wires();
	b.losses = 3;
	CU_ASSERT_EQUAL(run(GUEST_ONE_WAY, 0), 0);
	CU_ASSERT_EQUAL(result.lost, 3);
}

static void run_bounce_keeps_its_frames(void)
{
	connect_wires();
	CU_ASSERT_EQUAL(run(GUEST_BOUNCE, 0), 0);
	CU_ASSERT_EQUAL(a.sent, GUEST_UNDER_WAY);
	CU_ASSERT_TRUE(result.packets > 0);
	CU_ASSERT_EQUAL(result.lost, 0);
	CU_ASSERT_EQUAL(a.count + b.count, 0);
}

static void run_ping_has_one_frame_and_a_time_for_each(void)
{
	connect_wires();
	CU_ASSERT_EQUAL(run(GUEST_PING, 0), 0);
	CU_ASSERT_EQUAL(a.most, 1);
	CU_ASSERT_EQUAL(b.most, 1);
	CU_ASSERT_TRUE(result.time_count > 0);
	CU_ASSERT_EQUAL(result.packets, 2 * result.time_count);
}

static void run_paced_sends_what_is_due_and_no_more(void)
{
	connect_wires();
	CU_ASSERT_EQUAL(run(GUEST_PACED, 100000), 0);
	/* 200 in 2 ms; the window ends when the loop looks, so a few more may be due. */
	CU_ASSERT_TRUE(result.due >= 200);
	CU_ASSERT_TRUE((double)result.due <= 1.0 + (double)result.ns / 10000);
	CU_ASSERT_TRUE(result.sent <= result.due);
	CU_ASSERT_TRUE(result.late <= result.due);
	CU_ASSERT_EQUAL(result.lost, 0);
}

/* No coordinated omission: a way that refuses frames makes them late, it does not make them fewer. */
static void run_paced_refused_frames_stay_due(void)
{
	connect_wires();
	a.room = 0;
	CU_ASSERT_EQUAL(run(GUEST_PACED, 100000), 0);
	CU_ASSERT_TRUE(result.due >= 200);
	CU_ASSERT_EQUAL(result.sent, 0);
	CU_ASSERT_EQUAL(result.late, result.due);
}

/* One frame at a time on a way that takes one in each look: the later, the longer. */
static void run_paced_times_begin_when_frames_are_due(void)
{
	uint32_t longest = 0;

	connect_wires();
	a.room = 1;
	CU_ASSERT_EQUAL(run(GUEST_PACED, 1e9), 0); /* more than any loop can send */
	CU_ASSERT_TRUE_FATAL(result.time_count > 0);
	for (uint64_t i = 0; i < result.time_count; i++)
		if (times[i] > longest)
			longest = times[i];
	CU_ASSERT_TRUE(result.sent < result.due);
	/* At least half of the window behind its due time. */
	CU_ASSERT_TRUE(longest > WINDOW_NS / 2);
	CU_ASSERT_TRUE(result.late > result.due / 2);
}

SVIO_TEST_MAIN("bench guest", SVIO_TEST(run_one_way_keeps_few_under_way_and_loses_none),
	       SVIO_TEST(run_one_way_counts_what_is_lost), SVIO_TEST(run_bounce_keeps_its_frames),
	       SVIO_TEST(run_ping_has_one_frame_and_a_time_for_each),
	       SVIO_TEST(run_paced_sends_what_is_due_and_no_more),
	       SVIO_TEST(run_paced_refused_frames_stay_due),
	       SVIO_TEST(run_paced_times_begin_when_frames_are_due))
