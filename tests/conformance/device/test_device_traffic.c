/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets from VIF to VIF: every length, scattered, into several buffers, to many. */
#include <errno.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct received received;
static uint8_t frame[FRAME_BYTES_MAX];

static void start(void)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN, .queues = 2 };

	lab_start(&lab);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", &options);
}

static bool arrives(struct guest *from, struct guest *to, uint32_t bytes, uint32_t cut)
{
	frame_fill(frame, bytes, to->mac, from->mac, (uint8_t)bytes);
	return guest_send(from, frame, bytes, cut, NULL) && guest_receive(to, &received) &&
	       received.bytes == bytes && memcmp(received.data, frame, bytes) == 0;
}

static void tx_burst_one_packet_arrives_both_ways(void)
{
	CU_ASSERT_TRUE(arrives(&a, &b, 60, 0));
	CU_ASSERT_TRUE(arrives(&b, &a, 60, 0));
	CU_ASSERT_TRUE(arrives(&a, &b, 1514, 0));
	CU_ASSERT_TRUE(arrives(&b, &a, 1514, 0));
}

static void tx_burst_every_length_arrives(void)
{
	uint32_t wrong = 0;

	for (uint32_t bytes = 14; bytes <= SVIO_FRAME_BYTES_MAX; bytes++)
		if (!arrives(&a, &b, bytes, 0))
			wrong++;
	CU_ASSERT_EQUAL(wrong, 0);
}

/* A first buffer of each length, so that headers lie in one, two or three parts. */
static void tx_burst_scattered_packet_arrives(void)
{
	uint32_t wrong = 0;

	for (uint32_t cut = 1; cut < 100; cut++)
		if (!arrives(&a, &b, 100 + cut, cut) || !arrives(&a, &b, 6000, cut))
			wrong++;
	CU_ASSERT_EQUAL(wrong, 0);
}

static void tx_burst_most_segments_arrive(void)
{
	uint32_t segs = svio_vif_info(a.vif)->segs_max;
	uint32_t bytes = segs * 30;
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	struct svio_vif_buf bufs[SVIO_TX_SEGS_MAX];

	CU_ASSERT_FATAL(segs >= 1 && segs <= SVIO_TX_SEGS_MAX);
	frame_fill(frame, bytes, b.mac, a.mac, 9);
	CU_ASSERT_EQUAL_FATAL(svio_vif_alloc_burst(a.queue, bufs, segs), segs);
	for (uint32_t i = 0; i < segs; i++) {
		memcpy(bufs[i].data, frame + i * 30ul, 30);
		bufs[i].len = 30;
		bufs[i].flags = i + 1 == segs ? SVIO_VIF_END : 0;
	}
	CU_ASSERT_EQUAL(svio_vif_tx_burst(a.queue, bufs, segs), segs);
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_EQUAL(received.bytes, bytes);
	CU_ASSERT_EQUAL(memcmp(received.data, frame, bytes), 0);
	while (svio_vif_tx_pending(a.queue) && lab_now_ns() < deadline)
		;
	CU_ASSERT_EQUAL(svio_vif_tx_pending(a.queue), 0);
}

static void rx_burst_small_buffers_spreads_the_packet(void)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN,
					    .buf_bytes = 256,
					    .bufs = 2100 };

	guest_close(&b);
	guest_open(&b, &lab, "b", &options);
	CU_ASSERT_TRUE(arrives(&a, &b, 200, 0));
	CU_ASSERT_EQUAL(received.bufs, 1);
	CU_ASSERT_TRUE(arrives(&a, &b, 256, 0));
	CU_ASSERT_EQUAL(received.bufs, 1);
	CU_ASSERT_TRUE(arrives(&a, &b, 257, 0));
	CU_ASSERT_EQUAL(received.bufs, 2);
	CU_ASSERT_TRUE(arrives(&a, &b, 9014, 0));
	CU_ASSERT_EQUAL(received.bufs, (9014 + 255) / 256);
	guest_close(&b);
	options.buf_bytes = 0;
	options.bufs = 0;
	options.queues = 2;
	guest_open(&b, &lab, "b", &options);
}

static void tx_burst_long_stream_loses_nothing(void)
{
	struct stream stream;

	stream_start(&stream, &a, &b);
	CU_ASSERT_TRUE(stream_run(&stream, 200000));
	CU_ASSERT_TRUE(stream_drain(&stream));
	CU_ASSERT_EQUAL(stream.lost, 0);
	CU_ASSERT_EQUAL(stream.duplicates, 0);
	CU_ASSERT_EQUAL(stream.broken, 0);
}

static void tx_burst_second_queue_arrives_in_first(void)
{
	struct svio_vif_queue *queue = svio_vif_queue(a.vif, 1);
	struct svio_vif_buf buf;

	CU_ASSERT_EQUAL_FATAL(svio_vif_alloc_burst(queue, &buf, 1), 1);
	frame_fill(buf.data, 100, b.mac, a.mac, 1);
	buf.len = 100;
	CU_ASSERT_EQUAL(svio_vif_tx_burst(queue, &buf, 1), 1);
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_EQUAL(received.bytes, 100);
}

static void tx_burst_broadcast_reaches_all_others(void)
{
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	struct guest c;

	lab_vif_add(&lab, "c", "");
	guest_open(&c, &lab, "c", NULL);
	frame_fill(frame, 100, broadcast, a.mac, 3);
	CU_ASSERT_TRUE(guest_send(&a, frame, 100, 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_EQUAL(memcmp(received.data, frame, 100), 0);
	CU_ASSERT_TRUE(guest_receive(&c, &received));
	CU_ASSERT_EQUAL(memcmp(received.data, frame, 100), 0);
	CU_ASSERT_TRUE(guest_receives_only_marker(&a, &b));
	guest_close(&c);
	lab_vif_del(&lab, "c");
}

static void mtu_set_longer_frames_are_dropped(void)
{
	uint64_t before[SVIO_COUNTER_COUNT];
	uint64_t after[SVIO_COUNTER_COUNT];

	CU_ASSERT_EQUAL(svio_vif_stats_get(b.vif, before), 0);
	CU_ASSERT_EQUAL(svio_vif_mtu_set(b.vif, 1500), 0);
	CU_ASSERT_TRUE(arrives(&a, &b, 1518, 0));
	frame_fill(frame, 1519, b.mac, a.mac, 3);
	CU_ASSERT_TRUE(guest_send(&a, frame, 1519, 0, NULL));
	CU_ASSERT_TRUE(guest_receives_only_marker(&b, &a));
	CU_ASSERT_EQUAL(svio_vif_stats_get(b.vif, after), 0);
	CU_ASSERT_EQUAL(
		after[SVIO_COUNTER_rx_drop_too_long] - before[SVIO_COUNTER_rx_drop_too_long], 1);
	CU_ASSERT_EQUAL(svio_vif_mtu_set(b.vif, 9001), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_mtu_set(b.vif, 67), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_mtu_set(b.vif, 9000), 0);
}

static void rx_burst_no_buffers_are_counted_and_the_rest_goes_on(void)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN,
					    .rx_ring_lg2 = 3,
					    .bufs = 1200 };
	uint64_t counters[SVIO_COUNTER_COUNT];
	uint64_t before[SVIO_COUNTER_COUNT];
	uint32_t got = 0;

	guest_close(&b);
	guest_open(&b, &lab, "b", &options);
	CU_ASSERT_EQUAL(svio_vif_stats_get(b.vif, before), 0);
	frame_fill(frame, 64, b.mac, a.mac, 1);
	for (int i = 0; i < 20; i++)
		CU_ASSERT_TRUE(guest_send(&a, frame, 64, 0, NULL));
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (svio_vif_tx_pending(a.queue) && lab_now_ns() < deadline)
		;
	while (guest_receive_now(&b, 0, &received))
		got++;
	CU_ASSERT_EQUAL(svio_vif_stats_get(b.vif, counters), 0);
	CU_ASSERT(got >= 8);
	CU_ASSERT_EQUAL(counters[SVIO_COUNTER_rx_packets] - before[SVIO_COUNTER_rx_packets] +
				counters[SVIO_COUNTER_rx_drop_no_buffer] -
				before[SVIO_COUNTER_rx_drop_no_buffer],
			20);
	CU_ASSERT_TRUE(guest_receives_only_marker(&b, &a));
	guest_close(&b);
	options = (struct svio_vif_options){ .features = GUEST_PLAIN, .queues = 2 };
	guest_open(&b, &lab, "b", &options);
}

static void open_second_client_is_busy(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "a") };
	struct svio_vif *vif;

	CU_ASSERT_EQUAL(svio_vif_open(&options, &vif), -EBUSY);
	CU_ASSERT_TRUE(arrives(&a, &b, 60, 0));
}

static void reset_running_vif_comes_back(void)
{
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(svio_vif_reset(a.vif), 0);
		CU_ASSERT_TRUE(arrives(&a, &b, 60, 0));
		CU_ASSERT_TRUE(arrives(&b, &a, 60, 0));
	}
}

static void queue_restart_running_pair_comes_back(void)
{
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_EQUAL(svio_vif_queue_restart(b.vif, 0), 0);
		CU_ASSERT_TRUE(arrives(&a, &b, 60, 0));
		CU_ASSERT_TRUE(arrives(&b, &a, 60, 0));
	}
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(tx_burst_one_packet_arrives_both_ways),
		SVIO_TEST(tx_burst_every_length_arrives),
		SVIO_TEST(tx_burst_scattered_packet_arrives),
		SVIO_TEST(tx_burst_most_segments_arrive),
		SVIO_TEST(rx_burst_small_buffers_spreads_the_packet),
		SVIO_TEST(tx_burst_long_stream_loses_nothing),
		SVIO_TEST(tx_burst_second_queue_arrives_in_first),
		SVIO_TEST(tx_burst_broadcast_reaches_all_others),
		SVIO_TEST(mtu_set_longer_frames_are_dropped),
		SVIO_TEST(rx_burst_no_buffers_are_counted_and_the_rest_goes_on),
		SVIO_TEST(open_second_client_is_busy),
		SVIO_TEST(reset_running_vif_comes_back),
		SVIO_TEST(queue_restart_running_pair_comes_back),
	};
	const struct svio_test_suite suite = { "device traffic", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&a);
	guest_close(&b);
	return lab_stop(&lab) ? 1 : status;
}
