/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Correctness at speed: two guests, four queues each, frames of 60 to 9014 bytes. Each is checked
 * byte for byte, each stream for its order, and afterwards every counter of queues, VIFs and device.
 * SVIO_TEST_PACKETS: of the first two cases (2000000); the others have an eighth.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "device_flow.h"
#include "svio_test.h"

#define WINDOW       512 /* buffers: half of a receive ring */
#define SMALL_RING   5   /* lg2 */
#define OTHERS       8   /* share of the packets that the other cases have */
#define KILLS        3
#define KILL_TWICE   64 /* packets of one section, docs/firmware.md: at most those go out again */
#define CHANGE_NS    20000000
#define STALLS       10
#define OVERLOAD_LG2 8

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct flow flow;

/* Steps in from beside while the flow runs. */
struct disturbance {
	pthread_t thread;
	atomic_bool stop;
	uint64_t random;
	uint32_t count;
};

static struct disturbance disturbance;

static void start(void)
{
	lab_start(&lab);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
}

/* spread: over the receiver's queues, by RSS; else all packets come on one, by the express lane. */
static void open_guests(uint8_t tx_ring_lg2, uint8_t rx_ring_lg2, bool spread)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN,
					    .queues = FLOW_QUEUES,
					    .tx_ring_lg2 = tx_ring_lg2 };

	guest_open(&a, &lab, "a", &options);
	options.tx_ring_lg2 = 0;
	options.rx_ring_lg2 = rx_ring_lg2;
	guest_open(&b, &lab, "b", &options);
	if (spread)
		CU_ASSERT_TRUE_FATAL(flow_prepare(&b));
	memset(&flow, 0, sizeof(flow));
	flow.from = &a;
	flow.to = &b;
	flow.packets = flow_packets(OTHERS);
	flow.seed = svio_test_seed(20261121);
}

static void stop(void)
{
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Runs it; what came is what was sent, in order. */
static void run_flow(void)
{
	CU_ASSERT_TRUE_FATAL(flow_run(&flow));
	flow_print(&flow);
	CU_ASSERT_EQUAL(flow_total(flow.sent).packets, flow.packets);
	CU_ASSERT_EQUAL(flow.broken, 0);
	CU_ASSERT_EQUAL(flow.misplaced, 0);
}

static void expect_all_once(void)
{
	CU_ASSERT_EQUAL(flow.lost, 0);
	CU_ASSERT_EQUAL(flow.duplicates, 0);
	CU_ASSERT_EQUAL(flow_total(flow.received).bytes, flow_total(flow.sent).bytes);
}

/* Each queue counted what passed it. Returns the drops of all. */
static uint64_t check_queues(struct guest *guest, uint16_t kind, const struct flow_sum *sums)
{
	uint64_t counters[SVIO_QUEUE_COUNTER_COUNT];
	uint64_t drops = 0;

	for (uint16_t q = 0; q < FLOW_QUEUES; q++) {
		CU_ASSERT_EQUAL(svio_vif_queue_stats_get(guest->vif, kind, q, counters), 0);
		CU_ASSERT_EQUAL(counters[SVIO_QUEUE_COUNTER_packets], sums[q].packets);
		CU_ASSERT_EQUAL(counters[SVIO_QUEUE_COUNTER_bytes], sums[q].bytes);
		drops += counters[SVIO_QUEUE_COUNTER_drops];
	}
	return drops;
}

/* Reasons to drop that nothing here gives. */
static void expect_no_other_drops(const uint64_t counters[SVIO_COUNTER_COUNT])
{
	static const enum svio_counter reasons[] = {
		SVIO_COUNTER_tx_drop_spoof_mac, SVIO_COUNTER_tx_drop_spoof_vlan,
		SVIO_COUNTER_tx_drop_malformed, SVIO_COUNTER_rx_drop_no_queue,
		SVIO_COUNTER_rx_drop_too_long,  SVIO_COUNTER_rx_drop_filter,
		SVIO_COUNTER_rx_drop_rate,      SVIO_COUNTER_rx_drop_error,
		SVIO_COUNTER_dma_faults,        SVIO_COUNTER_queue_errors,
	};

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		CU_ASSERT_EQUAL(counters[reasons[i]], 0);
}

/* What the guests counted themselves is what queues, VIFs and device counted: exactly. */
static void expect_exact_books(void)
{
	struct flow_sum sent = flow_total(flow.sent);
	struct flow_sum received = flow_total(flow.received);
	uint64_t missing = sent.packets - received.packets;
	uint64_t at_a[SVIO_COUNTER_COUNT];
	uint64_t at_b[SVIO_COUNTER_COUNT];

	CU_ASSERT_EQUAL(svio_vif_stats_get(a.vif, at_a), 0);
	CU_ASSERT_EQUAL(svio_vif_stats_get(b.vif, at_b), 0);
	CU_ASSERT_EQUAL(check_queues(&a, SVIO_QUEUE_TX, flow.sent), 0);
	CU_ASSERT_EQUAL(check_queues(&b, SVIO_QUEUE_RX, flow.received), missing);
	CU_ASSERT_EQUAL(at_a[SVIO_COUNTER_tx_packets], sent.packets);
	CU_ASSERT_EQUAL(at_a[SVIO_COUNTER_tx_bytes], sent.bytes);
	CU_ASSERT_EQUAL(at_b[SVIO_COUNTER_rx_packets], received.packets);
	CU_ASSERT_EQUAL(at_b[SVIO_COUNTER_rx_bytes], received.bytes);
	CU_ASSERT_EQUAL(at_b[SVIO_COUNTER_rx_drop_no_buffer], missing);
	CU_ASSERT_EQUAL(at_a[SVIO_COUNTER_tx_drop_receiver], missing);
	CU_ASSERT_EQUAL(flow.lost, missing);
	expect_no_other_drops(at_a);
	expect_no_other_drops(at_b);
	CU_ASSERT_TRUE(lab_books_balance(&lab));
}

static void sender_within_the_receivers_buffers_loses_nothing(void)
{
	open_guests(0, 0, false);
	flow.packets = flow_packets(1);
	flow.window = WINDOW;
	run_flow();
	expect_all_once();
	CU_ASSERT_EQUAL(flow.received[0].packets, flow.packets);
	expect_exact_books();
}

static void flows_spread_over_queues_lose_nothing(void)
{
	open_guests(0, 0, true);
	flow.packets = flow_packets(1);
	flow.window = WINDOW;
	run_flow();
	expect_all_once();
	for (uint32_t q = 0; q < FLOW_QUEUES; q++)
		CU_ASSERT(flow.received[q].packets > 0);
	expect_exact_books();
}

/* The sender's rings are full all the time. */
static void full_transmit_rings_lose_nothing(void)
{
	open_guests(SMALL_RING, 0, false);
	flow.window = WINDOW;
	run_flow();
	expect_all_once();
	expect_exact_books();
}

static void receiver_that_stops_for_a_while_loses_nothing(void)
{
	open_guests(0, 0, true);
	flow.window = WINDOW;
	flow.stall_every = flow.packets / STALLS;
	run_flow();
	expect_all_once();
	expect_exact_books();
}

/* Nobody holds the sender back, and the receiver has few buffers: losses are counted, each once. */
static void overload_is_counted_by_queue_vif_and_device(void)
{
	open_guests(0, OVERLOAD_LG2, false);
	flow.stall_every = flow.packets / STALLS / 4;
	run_flow();
	CU_ASSERT_EQUAL(flow.duplicates, 0);
	CU_ASSERT(flow.lost > 0);
	CU_ASSERT(flow_total(flow.received).packets > 0);
	expect_exact_books();
}

/*
 * The same, but b has its senders wait: what finds no buffer stays in their rings, and comes, each
 * once, when b goes on.
 */
static void overload_waited_for(bool spread)
{
	uint64_t at_a[SVIO_COUNTER_COUNT];

	CU_ASSERT_EQUAL_FATAL(lab_svio(&lab, NULL, 0, "vif set b --rx-wait 1s"), 0);
	open_guests(0, OVERLOAD_LG2, spread);
	flow.stall_every = flow.packets / STALLS / 4;
	run_flow();
	expect_all_once();
	expect_exact_books();
	CU_ASSERT_EQUAL(svio_vif_stats_get(a.vif, at_a), 0);
	printf("     %llu waits\n", (unsigned long long)at_a[SVIO_COUNTER_tx_waits]);
	CU_ASSERT(at_a[SVIO_COUNTER_tx_waits] > 0);
}

static void overload_of_a_receiver_that_is_waited_for_loses_nothing(void)
{
	overload_waited_for(false);
}

static void overload_of_queues_that_are_waited_for_loses_nothing(void)
{
	overload_waited_for(true);
}

static void pause_ns(uint64_t ns)
{
	struct timespec pause = { .tv_nsec = (long)ns };

	nanosleep(&pause, NULL);
}

static void *kill_now_and_then(void *context)
{
	struct disturbance *d = context;

	while (d->count < KILLS && !atomic_load(&d->stop)) {
		pause_ns(CHANGE_NS + svio_test_random(&d->random) % CHANGE_NS);
		lab_firmware_kill(&lab);
		d->count++;
	}
	return NULL;
}

static void *change_max(void *context)
{
	static const char *const settings[] = { "2G", "off", "500M", "5G" };
	struct disturbance *d = context;

	while (!atomic_load(&d->stop)) {
		uint32_t which = d->count++ % (sizeof(settings) / sizeof(settings[0]));

		if (lab_svio(&lab, NULL, 0, "vif set a --max %s", settings[which]))
			return NULL;
		pause_ns(CHANGE_NS);
	}
	return d;
}

static void disturb(void *(*how)(void *))
{
	memset(&disturbance, 0, sizeof(disturbance));
	disturbance.random = flow.seed;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&disturbance.thread, NULL, how, &disturbance), 0);
}

static void *end_disturbance(void)
{
	void *result;

	atomic_store(&disturbance.stop, true);
	pthread_join(disturbance.thread, &result);
	return result;
}

/* Until so many kills have hit it; then the device still counts what it should. */
static void firmware_kills_lose_nothing_and_repeat_little(void)
{
	struct flow_sum sent;
	struct flow_sum received;

	open_guests(0, 0, false);
	flow.window = WINDOW;
	disturb(kill_now_and_then);
	run_flow();
	end_disturbance();
	sent = flow_total(flow.sent);
	received = flow_total(flow.received);
	printf("     %u kills\n", disturbance.count);
	CU_ASSERT(disturbance.count > 0);
	CU_ASSERT_EQUAL(flow.lost, 0);
	CU_ASSERT(flow.duplicates <= (uint64_t)disturbance.count * KILL_TWICE);
	CU_ASSERT_EQUAL(received.packets, sent.packets + flow.duplicates);
}

static void changing_max_loses_nothing(void)
{
	open_guests(0, 0, true);
	flow.window = WINDOW;
	disturb(change_max);
	run_flow();
	CU_ASSERT_PTR_NOT_NULL(end_disturbance());
	printf("     %u changes\n", disturbance.count);
	expect_all_once();
	expect_exact_books();
}

SVIO_TEST_MAIN_WITH("device flow", start, stop,
		    SVIO_TEST(sender_within_the_receivers_buffers_loses_nothing),
		    SVIO_TEST(flows_spread_over_queues_lose_nothing),
		    SVIO_TEST(full_transmit_rings_lose_nothing),
		    SVIO_TEST(receiver_that_stops_for_a_while_loses_nothing),
		    SVIO_TEST(overload_is_counted_by_queue_vif_and_device),
		    SVIO_TEST(overload_of_a_receiver_that_is_waited_for_loses_nothing),
		    SVIO_TEST(overload_of_queues_that_are_waited_for_loses_nothing),
		    SVIO_TEST(firmware_kills_lose_nothing_and_repeat_little),
		    SVIO_TEST(changing_max_loses_nothing))
