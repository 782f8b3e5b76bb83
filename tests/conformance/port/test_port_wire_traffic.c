/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Real traffic over each kind of wire, both ways: frames of all lengths, checksums left to the
 * device, unsegmented packets; what the wire counted is what the far end saw. In a network
 * namespace of this program's own.
 */
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device_guest.h"
#include "svio_test.h"

#include "fake_sviod.h"
#include "far_end.h"

#define FRAMES        400
#define WINDOW        16
#define RECEIVE_BUFS  64
#define SEGMENT_BYTES 1400
#define LARGE_PAYLOAD 50001
#define TCP_CSUM      16
#define UDP_CSUM      6
#define RING_LG2      12
#define RING_FRAMES   4000 /* in a guest's ring, for a wire that holds 1024 */

static const uint8_t nobody[6] = { 0x02, 0, 0, 0, 0, 0x77 };

static struct device_lab lab;
static struct guest guest;
static struct far_end far;
static struct received received;
static struct far_frame seen;
static uint8_t data[FRAME_BYTES_MAX];

static void start(const char *wire, const char *interface, uint64_t features)
{
	struct svio_vif_options options = { .features = features, .tx_ring_lg2 = RING_LG2 };

	lab_start_wire(&lab, wire);
	lab_vif_add(&lab, "a", "");
	guest_open(&guest, &lab, "a", &options);
	if (interface)
		far_end_open(&far, interface);
}

static void stop(void)
{
	CU_ASSERT_TRUE(lab_books_balance(&lab));
	guest_close(&guest);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Of any length up to the wire's, all lengths in the end. */
static uint32_t choose_length(uint32_t n, uint32_t max)
{
	return n % 2 ? 60 + n % 80 : 60 + (n * 977u) % (max - 59);
}

static void to_far_end(uint32_t max)
{
	for (uint32_t n = 0; n < FRAMES; n += WINDOW) {
		for (uint32_t i = n; i < n + WINDOW; i++) {
			uint32_t bytes = choose_length(i, max);

			frame_fill(data, bytes, nobody, guest.mac, (uint8_t)i);
			CU_ASSERT_TRUE_FATAL(guest_send(&guest, data, bytes, i % 3 * 20, NULL));
		}
		for (uint32_t i = n; i < n + WINDOW; i++) {
			uint32_t bytes = choose_length(i, max);

			frame_fill(data, bytes, nobody, guest.mac, (uint8_t)i);
			CU_ASSERT_TRUE_FATAL(far_end_receive(&far, &seen));
			CU_ASSERT_EQUAL(seen.bytes, bytes);
			CU_ASSERT_EQUAL(memcmp(seen.data, data, bytes), 0);
		}
	}
}

/* The next of several packets under way: guest_receive() is for one at a time. */
static bool receive_next(struct svio_vif_buf *bufs, uint32_t *count)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	uint32_t n = 0;

	received.bytes = 0;
	while (!*count && lab_now_ns() < deadline)
		*count = svio_vif_rx_burst(guest.queue, bufs, RECEIVE_BUFS);
	if (!*count)
		return false;
	do {
		memcpy(received.data + received.bytes, bufs[n].data, bufs[n].len);
		received.bytes += bufs[n].len;
	} while (!(bufs[n++].flags & SVIO_VIF_END));
	svio_vif_free_burst(guest.queue, bufs, n);
	*count -= n;
	memmove(bufs, bufs + n, *count * sizeof(*bufs));
	return true;
}

static void from_far_end(uint32_t max)
{
	struct svio_vif_buf bufs[RECEIVE_BUFS];
	uint32_t count = 0;

	for (uint32_t n = 0; n < FRAMES; n += WINDOW) {
		for (uint32_t i = n; i < n + WINDOW; i++) {
			uint32_t bytes = choose_length(i, max);

			frame_fill(data, bytes, guest.mac, nobody, (uint8_t)i);
			far_end_send(&far, data, bytes, NULL);
		}
		for (uint32_t i = n; i < n + WINDOW; i++) {
			uint32_t bytes = choose_length(i, max);

			frame_fill(data, bytes, guest.mac, nobody, (uint8_t)i);
			CU_ASSERT_TRUE_FATAL(receive_next(bufs, &count));
			CU_ASSERT_EQUAL(received.bytes, bytes);
			CU_ASSERT_EQUAL(memcmp(received.data, data, bytes), 0);
		}
	}
}

static struct frame make_frame(const uint8_t *dst, const uint8_t *src, int kind, uint32_t bytes)
{
	return (struct frame){ .dst = dst,
			       .src = src,
			       .ipv6 = kind & 1,
			       .udp = kind & 2,
			       .sport = 1000,
			       .dport = 2000,
			       .payload_bytes = bytes,
			       .seed = (uint8_t)(bytes + (uint32_t)kind),
			       .partial = true };
}

static struct svio_vif_buf make_meta(const struct frame *frame, uint32_t bytes, uint16_t gso_size)
{
	struct svio_vif_buf meta = { .flags = SVIO_VIF_CSUM,
				     .csum_start = (uint16_t)frame_l4_offset(data, bytes),
				     .csum_offset = frame->udp ? UDP_CSUM : TCP_CSUM };

	if (gso_size) {
		meta.gso_size = gso_size;
		meta.hdr_len = (uint16_t)frame_payload_offset(data, bytes);
		meta.gso_type = frame->udp ? (frame->ipv6 ? SVIO_GSO_UDP6 : SVIO_GSO_UDP4)
					   : (frame->ipv6 ? SVIO_GSO_TCP6 : SVIO_GSO_TCP4);
	}
	return meta;
}

static void checksums_to_far_end(void)
{
	for (int kind = 0; kind < 4; kind++)
		for (uint32_t payload = 0; payload < 1300; payload += 131) {
			struct frame frame = make_frame(nobody, guest.mac, kind, payload);
			uint32_t bytes = frame_build(&frame, data);
			struct svio_vif_buf meta = make_meta(&frame, bytes, 0);

			CU_ASSERT_TRUE_FATAL(guest_send(&guest, data, bytes, 0, &meta));
			CU_ASSERT_TRUE_FATAL(far_end_receive(&far, &seen));
			CU_ASSERT_EQUAL(seen.bytes, bytes);
			CU_ASSERT_TRUE(frame_checksums_hold(seen.data, seen.bytes));
		}
}

/* What came of an unsegmented packet: its payload in order, in one frame or in many. */
static void expect_payload(const struct frame *frame)
{
	uint32_t at = frame_payload_offset(data, FAR_END_BYTES);
	uint32_t done = 0;

	while (done < frame->payload_bytes) {
		CU_ASSERT_TRUE_FATAL(far_end_receive(&far, &seen));
		CU_ASSERT_FATAL(seen.bytes > at && seen.bytes - at <= frame->payload_bytes - done);
		CU_ASSERT_EQUAL(memcmp(seen.data + at, data + at + done, seen.bytes - at), 0);
		if (seen.header.gso_type == VIRTIO_NET_HDR_GSO_NONE) {
			CU_ASSERT(seen.bytes - at <= SEGMENT_BYTES);
			CU_ASSERT_TRUE(frame_checksums_hold(seen.data, seen.bytes));
		} else {
			CU_ASSERT_EQUAL(seen.header.gso_size, SEGMENT_BYTES);
			CU_ASSERT_TRUE(seen.header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM);
		}
		done += seen.bytes - at;
	}
}

static void unsegmented_to_far_end(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct frame frame = make_frame(nobody, guest.mac, kind, LARGE_PAYLOAD);
		uint32_t bytes = frame_build(&frame, data);
		struct svio_vif_buf meta = make_meta(&frame, bytes, SEGMENT_BYTES);

		CU_ASSERT_TRUE_FATAL(guest_send(&guest, data, bytes, 0, &meta));
		expect_payload(&frame);
	}
}

/* The far end may have a frame before the firmware gets to counting it. */
static void expect_counter(const char *name, uint64_t value)
{
	for (int ms = 0; ms < 5000 && lab_device_counter(&lab, name) != value; ms++)
		usleep(1000);
	CU_ASSERT_EQUAL(lab_device_counter(&lab, name), value);
}

/* Each frame that either end saw was counted, and nothing else. */
static void expect_exact_counts(void)
{
	CU_ASSERT_TRUE(far_end_is_silent(&far));
	expect_counter("wire_tx_packets", far.received);
	expect_counter("wire_tx_bytes", far.received_bytes);
	expect_counter("wire_tx_drop", 0);
	expect_counter("wire_rx_packets", far.sent);
	expect_counter("wire_rx_bytes", far.sent_bytes);
	expect_counter("wire_rx_malformed", 0);
	far_end_close(&far);
}

static void exchange(uint32_t max)
{
	to_far_end(max);
	from_far_end(max);
	checksums_to_far_end();
	unsegmented_to_far_end();
}

static void tap_carries_everything_both_ways(void)
{
	start("tap:swt0", "swt0", GUEST_PLAIN);
	fake_run("ip link set swt0 mtu 9000");
	exchange(9014);
	/* Its far end takes packets in one piece: 4, not 4 times 36. */
	CU_ASSERT_EQUAL(far.received, FRAMES + 4 * 10 + 4);
	expect_exact_counts();
	stop();
}

static struct virtio_net_hdr host_header(const struct svio_vif_buf *meta, uint8_t gso_type)
{
	return (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
					.gso_type = gso_type,
					.hdr_len = meta->hdr_len,
					.gso_size = meta->gso_size,
					.csum_start = meta->csum_start,
					.csum_offset = meta->csum_offset };
}

/* The host's stack leaves its checksums and its segmentation to us; we, to the guest. */
static void tap_takes_unsegmented_packets_from_the_host(void)
{
	static const uint8_t host_types[] = { VIRTIO_NET_HDR_GSO_TCPV4, VIRTIO_NET_HDR_GSO_TCPV6 };

	start("tap:swt1", "swt1", SVIO_VIF_FEATURES_ALL);
	for (int kind = 0; kind < 2; kind++) {
		struct frame frame = make_frame(guest.mac, nobody, kind, LARGE_PAYLOAD);
		uint32_t bytes = frame_build(&frame, data);
		struct svio_vif_buf meta = make_meta(&frame, bytes, SEGMENT_BYTES);
		struct virtio_net_hdr header = host_header(&meta, host_types[kind]);

		far_end_send(&far, data, bytes, &header);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest, &received));
		CU_ASSERT_EQUAL(received.bytes, bytes);
		CU_ASSERT_EQUAL(memcmp(received.data, data, bytes), 0);
		CU_ASSERT_EQUAL(received.meta.gso_type, meta.gso_type);
		CU_ASSERT_EQUAL(received.meta.gso_size, SEGMENT_BYTES);
		CU_ASSERT_EQUAL(received.meta.csum_start, meta.csum_start);
	}
	expect_exact_counts();
	stop();
}

static void tap_cuts_the_hosts_packets_for_a_guest_that_cannot(void)
{
	struct virtio_net_hdr header;
	struct svio_vif_buf meta;
	struct frame frame;
	struct svio_vif_buf bufs[RECEIVE_BUFS];
	uint32_t count = 0;
	uint32_t done = 0;
	uint32_t bytes;
	uint32_t at;

	start("tap:swt2", "swt2", GUEST_PLAIN);
	frame = make_frame(guest.mac, nobody, 0, LARGE_PAYLOAD);
	bytes = frame_build(&frame, data);
	at = frame_payload_offset(data, bytes);
	meta = make_meta(&frame, bytes, SEGMENT_BYTES);
	header = host_header(&meta, VIRTIO_NET_HDR_GSO_TCPV4);
	far_end_send(&far, data, bytes, &header);
	while (done < LARGE_PAYLOAD) {
		CU_ASSERT_TRUE_FATAL(receive_next(bufs, &count));
		CU_ASSERT_TRUE(frame_checksums_hold(received.data, received.bytes));
		CU_ASSERT_FATAL(received.bytes > at && received.bytes - at <= SEGMENT_BYTES);
		CU_ASSERT_EQUAL(memcmp(received.data + at, data + at + done, received.bytes - at),
				0);
		done += received.bytes - at;
	}
	CU_ASSERT_EQUAL(done, LARGE_PAYLOAD);
	expect_exact_counts();
	stop();
}

static void af_packet_carries_everything_both_ways(void)
{
	fake_run("ip link add swa0 mtu 9000 type veth peer name swa1 mtu 9000");
	fake_run("ip link set swa0 up && ip link set swa1 up");
	start("af_packet:swa0", "swa1", GUEST_PLAIN);
	exchange(9014);
	expect_exact_counts();
	stop();
	fake_run("ip link del swa0");
}

/* Frames lie in pages: none is longer than a page's rest. */
static void af_xdp_carries_everything_both_ways(void)
{
	fake_run("ip link add swx0 numrxqueues 1 numtxqueues 1 type veth peer name swx1 "
		 "numrxqueues 1 numtxqueues 1");
	fake_run("ip link set swx0 mtu 3400 && ip link set swx1 mtu 3400");
	fake_run("ip link set swx0 up && ip link set swx1 up");
	start("af_xdp:swx0", "swx1", GUEST_PLAIN);
	exchange(3414);
	expect_exact_counts();
	stop();
	fake_run("ip link del swx0");
}

static void dpdk_tap_carries_everything_both_ways(void)
{
	start("net_tap0,iface=swn0", "swn0", GUEST_PLAIN);
	exchange(1514);
	expect_exact_counts();
	stop();
}

static bool is_settled(void)
{
	return !svio_vif_tx_pending(guest.queue) &&
	       lab_device_counter(&lab, "wire_rx_packets") ==
		       lab_device_counter(&lab, "wire_tx_packets");
}

/*
 * A ring whose other end is its own, and more for it at once than it holds. What it refuses is
 * counted, and the guest goes on.
 */
static void full_wire_is_counted_by_its_reason(void)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	uint64_t dropped;
	uint64_t sent;

	start("net_ring0", NULL, GUEST_PLAIN);
	frame_fill(data, 60, nobody, guest.mac, 1);
	kill(lab_firmware(&lab), SIGSTOP);
	for (uint32_t i = 0; i < RING_FRAMES; i++)
		CU_ASSERT_TRUE_FATAL(guest_send(&guest, data, 60, 0, NULL));
	kill(lab_firmware(&lab), SIGCONT);
	while (!is_settled() && lab_now_ns() < deadline)
		sched_yield();
	sent = lab_device_counter(&lab, "wire_tx_packets");
	dropped = lab_device_counter(&lab, "wire_tx_drop");
	printf("     %llu of %d refused\n", (unsigned long long)dropped, RING_FRAMES);
	CU_ASSERT(dropped > 0);
	CU_ASSERT_EQUAL(sent + dropped, RING_FRAMES);
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_tx_bytes"), 60 * sent);
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_rx_packets"), sent);
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_rx_bytes"), 60 * sent);
	CU_ASSERT_TRUE(guest_send(&guest, data, 60, 0, NULL));
	while (!is_settled() && lab_now_ns() < deadline)
		sched_yield();
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_tx_packets"), sent + 1);
	stop();
}

static void null_wire_drops_and_counts(void)
{
	start("null", NULL, SVIO_VIF_FEATURES_ALL);
	for (uint32_t i = 0; i < FRAMES; i++) {
		frame_fill(data, 60, nobody, guest.mac, 1);
		CU_ASSERT_TRUE_FATAL(guest_send(&guest, data, 60, 0, NULL));
	}
	while (svio_vif_tx_pending(guest.queue))
		sched_yield();
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_tx_drop"), FRAMES);
	CU_ASSERT_EQUAL(lab_device_counter(&lab, "wire_tx_packets"), 0);
	stop();
}

int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(tap_carries_everything_both_ways),
		SVIO_TEST(tap_takes_unsegmented_packets_from_the_host),
		SVIO_TEST(tap_cuts_the_hosts_packets_for_a_guest_that_cannot),
		SVIO_TEST(af_packet_carries_everything_both_ways),
		SVIO_TEST(af_xdp_carries_everything_both_ways),
		SVIO_TEST(dpdk_tap_carries_everything_both_ways),
		SVIO_TEST(full_wire_is_counted_by_its_reason),
		SVIO_TEST(null_wire_drops_and_counts),
	};
	const struct svio_test_suite suite = { "wire traffic", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };

	fake_enter_netns();
	/* Interfaces that say nothing by themselves. */
	fake_run("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	return svio_test_run(&suite, argc, argv);
}
