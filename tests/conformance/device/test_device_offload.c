/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums, segmentation and VLAN tags, to receivers that take them and to those that do not. */
#include <errno.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

#define TCP_SUM_OFFSET 16
#define UDP_SUM_OFFSET 6
#define SEGMENT_BYTES  1448

static struct device_lab lab;
static struct guest sender;
static struct guest able; /* takes partial checksums, unsegmented packets, stripped tags */
static struct guest plain;
static struct received received;
static uint8_t data[FRAME_BYTES_MAX];

static void start(void)
{
	struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL };

	lab_start(&lab);
	lab_vif_add(&lab, "sender", "");
	lab_vif_add(&lab, "able", "");
	lab_vif_add(&lab, "plain", "");
	guest_open(&sender, &lab, "sender", &options);
	guest_open(&able, &lab, "able", &options);
	options.features = 0;
	guest_open(&plain, &lab, "plain", &options);
}

static struct frame make_frame(const struct guest *to, bool ipv6, bool udp, uint32_t payload_bytes)
{
	return (struct frame){ .dst = to->mac,
			       .src = sender.mac,
			       .ipv6 = ipv6,
			       .udp = udp,
			       .sport = 1000,
			       .dport = 2000,
			       .payload_bytes = payload_bytes,
			       .seed = 5 };
}

static struct svio_vif_buf checksum_meta(const struct frame *frame, const uint8_t *bytes,
					 uint32_t length)
{
	return (struct svio_vif_buf){ .flags = SVIO_VIF_CSUM,
				      .csum_start = (uint16_t)frame_l4_offset(bytes, length),
				      .csum_offset = frame->udp ? UDP_SUM_OFFSET : TCP_SUM_OFFSET };
}

/* Sends it with the checksum left to the device. */
static bool send_partial(struct frame *frame)
{
	uint32_t bytes;
	struct svio_vif_buf meta;

	frame->partial = true;
	bytes = frame_build(frame, data);
	meta = checksum_meta(frame, data, bytes);
	return guest_send(&sender, data, bytes, 0, &meta);
}

static void checksum_to_able_peer_stays_partial(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct frame frame = make_frame(&able, kind & 1, kind & 2, 700);

		CU_ASSERT_TRUE(send_partial(&frame));
		CU_ASSERT_TRUE(guest_receive(&able, &received));
		CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_CSUM);
		CU_ASSERT_EQUAL(received.meta.csum_start,
				frame_l4_offset(received.data, received.bytes));
		CU_ASSERT_EQUAL(received.meta.csum_offset,
				frame.udp ? UDP_SUM_OFFSET : TCP_SUM_OFFSET);
		CU_ASSERT_EQUAL(memcmp(received.data, data, received.bytes), 0);
	}
}

static void checksum_to_plain_peer_is_completed(void)
{
	for (int kind = 0; kind < 4; kind++) {
		for (uint32_t payload = 0; payload < 64; payload++) {
			struct frame frame = make_frame(&plain, kind & 1, kind & 2, payload);

			CU_ASSERT_TRUE(send_partial(&frame));
			CU_ASSERT_TRUE(guest_receive(&plain, &received));
			CU_ASSERT_FALSE(received.meta.flags & SVIO_VIF_CSUM);
			CU_ASSERT_TRUE(frame_checksums_hold(received.data, received.bytes));
		}
	}
}

/* A complete checksum goes through untouched, right or wrong. */
static void checksum_of_the_sender_is_not_touched(void)
{
	struct frame frame = make_frame(&plain, false, false, 100);
	uint32_t bytes = frame_build(&frame, data);

	data[frame_l4_offset(data, bytes) + TCP_SUM_OFFSET] ^= 0x55;
	CU_ASSERT_TRUE(guest_send(&sender, data, bytes, 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&plain, &received));
	CU_ASSERT_EQUAL(received.bytes, bytes);
	CU_ASSERT_EQUAL(memcmp(received.data, data, bytes), 0);
}

static uint8_t gso_type(const struct frame *frame)
{
	if (frame->udp)
		return frame->ipv6 ? SVIO_GSO_UDP6 : SVIO_GSO_UDP4;
	return frame->ipv6 ? SVIO_GSO_TCP6 : SVIO_GSO_TCP4;
}

static bool send_unsegmented(struct frame *frame, uint32_t *bytes)
{
	struct svio_vif_buf meta;

	frame->partial = true;
	*bytes = frame_build(frame, data);
	meta = checksum_meta(frame, data, *bytes);
	meta.gso_type = gso_type(frame);
	meta.gso_size = SEGMENT_BYTES;
	meta.hdr_len = (uint16_t)frame_payload_offset(data, *bytes);
	return guest_send(&sender, data, *bytes, 0, &meta);
}

static void gso_to_able_peer_passes_unsegmented(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct frame frame = make_frame(&able, kind & 1, kind & 2, 60000);
		uint32_t bytes;

		CU_ASSERT_TRUE(send_unsegmented(&frame, &bytes));
		CU_ASSERT_TRUE(guest_receive(&able, &received));
		CU_ASSERT_EQUAL(received.bytes, bytes);
		CU_ASSERT_EQUAL(received.meta.gso_type, gso_type(&frame));
		CU_ASSERT_EQUAL(received.meta.gso_size, SEGMENT_BYTES);
		CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_CSUM);
		CU_ASSERT_EQUAL(memcmp(received.data + 60, data + 60, bytes - 60), 0);
	}
}

static void expect_segments(const struct frame *frame)
{
	uint32_t payload_offset = 0;
	uint32_t seen = 0;

	while (seen < frame->payload_bytes) {
		uint32_t due = frame->payload_bytes - seen;

		due = due < SEGMENT_BYTES ? due : SEGMENT_BYTES;
		CU_ASSERT_TRUE_FATAL(guest_receive(&plain, &received));
		CU_ASSERT_EQUAL(received.meta.gso_type, SVIO_GSO_NONE);
		CU_ASSERT_TRUE(frame_checksums_hold(received.data, received.bytes));
		payload_offset = frame_payload_offset(received.data, received.bytes);
		CU_ASSERT_EQUAL_FATAL(received.bytes, payload_offset + due);
		CU_ASSERT_EQUAL(memcmp(received.data + payload_offset, data + payload_offset + seen,
				       due),
				0);
		seen += due;
	}
}

static void gso_to_plain_peer_is_segmented(void)
{
	for (int kind = 0; kind < 4; kind++) {
		struct frame frame = make_frame(&plain, kind & 1, kind & 2, 50001);
		uint32_t bytes;

		CU_ASSERT_TRUE(send_unsegmented(&frame, &bytes));
		expect_segments(&frame);
	}
}

/* The books of a segmented packet: one packet in, its segments out. */
static void gso_to_plain_peer_is_counted(void)
{
	struct frame frame = make_frame(&plain, false, false, 3 * SEGMENT_BYTES);
	uint64_t before[2][SVIO_COUNTER_COUNT];
	uint64_t after[2][SVIO_COUNTER_COUNT];
	uint32_t bytes;

	CU_ASSERT_EQUAL(svio_vif_stats_get(sender.vif, before[0]), 0);
	CU_ASSERT_EQUAL(svio_vif_stats_get(plain.vif, before[1]), 0);
	CU_ASSERT_TRUE(send_unsegmented(&frame, &bytes));
	expect_segments(&frame);
	CU_ASSERT_EQUAL(svio_vif_stats_get(sender.vif, after[0]), 0);
	CU_ASSERT_EQUAL(svio_vif_stats_get(plain.vif, after[1]), 0);
	CU_ASSERT_EQUAL(after[0][SVIO_COUNTER_tx_packets] - before[0][SVIO_COUNTER_tx_packets], 1);
	CU_ASSERT_EQUAL(
		after[0][SVIO_COUNTER_tx_tso_packets] - before[0][SVIO_COUNTER_tx_tso_packets], 1);
	CU_ASSERT_EQUAL(after[1][SVIO_COUNTER_rx_packets] - before[1][SVIO_COUNTER_rx_packets], 3);
}

/* OFFLOAD_SET: what was agreed may be laid aside and taken up again. */
static void offload_set_switches_receive_offloads(void)
{
	struct frame frame = make_frame(&able, false, false, 700);
	uint64_t agreed = svio_vif_info(able.vif)->features;
	uint64_t receive = SVIO_FEATURE(RX_CSUM) | SVIO_FEATURE(RX_PARTIAL) |
			   SVIO_FEATURE(RX_TSO4) | SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO) |
			   SVIO_FEATURE(RX_VLAN);

	CU_ASSERT_EQUAL(svio_vif_offload_set(able.vif, 0), 0);
	CU_ASSERT_TRUE(send_partial(&frame));
	CU_ASSERT_TRUE(guest_receive(&able, &received));
	CU_ASSERT_FALSE(received.meta.flags & SVIO_VIF_CSUM);
	CU_ASSERT_TRUE(frame_checksums_hold(received.data, received.bytes));
	CU_ASSERT_EQUAL(svio_vif_offload_set(able.vif, SVIO_FEATURE(TX_CSUM)), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_offload_set(able.vif, agreed & receive), 0);
	CU_ASSERT_TRUE(send_partial(&frame));
	CU_ASSERT_TRUE(guest_receive(&able, &received));
	CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_CSUM);
}

static void vlan_inserted_tag_is_stripped_for_able_peer(void)
{
	struct svio_vif_buf meta = { .flags = SVIO_VIF_VLAN, .vlan_tci = 0x6064 };

	CU_ASSERT_EQUAL(svio_vif_vlan_add(able.vif, 100), 0);
	frame_fill(data, 100, able.mac, sender.mac, 1);
	CU_ASSERT_TRUE(guest_send(&sender, data, 100, 0, &meta));
	CU_ASSERT_TRUE(guest_receive(&able, &received));
	CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_VLAN);
	CU_ASSERT_EQUAL(received.meta.vlan_tci, 0x6064);
	CU_ASSERT_EQUAL(received.bytes, 100);
	CU_ASSERT_EQUAL(memcmp(received.data, data, 100), 0);
	CU_ASSERT_EQUAL(svio_vif_vlan_del(able.vif, 100), 0);
}

static void vlan_inserted_tag_stays_for_plain_peer(void)
{
	static const uint8_t tag[4] = { 0x81, 0x00, 0x60, 0x64 };
	struct svio_vif_buf meta = { .flags = SVIO_VIF_VLAN, .vlan_tci = 0x6064 };

	frame_fill(data, 100, plain.mac, sender.mac, 1);
	CU_ASSERT_TRUE(guest_send(&sender, data, 100, 0, &meta));
	CU_ASSERT_TRUE(guest_receive(&plain, &received));
	CU_ASSERT_EQUAL(received.bytes, 104);
	CU_ASSERT_EQUAL(memcmp(received.data, data, 12), 0);
	CU_ASSERT_EQUAL(memcmp(received.data + 12, tag, 4), 0);
	CU_ASSERT_EQUAL(memcmp(received.data + 16, data + 12, 88), 0);
}

/* The checksum's place moves with the tag. */
static void vlan_with_checksum_to_both_peers(void)
{
	struct frame frame = make_frame(&plain, false, false, 333);
	struct svio_vif_buf meta;
	uint32_t bytes;

	frame.partial = true;
	bytes = frame_build(&frame, data);
	meta = checksum_meta(&frame, data, bytes);
	meta.flags |= SVIO_VIF_VLAN;
	meta.vlan_tci = 7;
	CU_ASSERT_TRUE(guest_send(&sender, data, bytes, 0, &meta));
	CU_ASSERT_TRUE(guest_receive(&plain, &received));
	CU_ASSERT_EQUAL(received.bytes, bytes + 4);
	CU_ASSERT_TRUE(frame_checksums_hold(received.data, received.bytes));
}

/* After all that: every packet is accounted for. */
static void books_balance(void)
{
	CU_ASSERT_TRUE(lab_books_balance(&lab));
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(checksum_to_able_peer_stays_partial),
		SVIO_TEST(checksum_to_plain_peer_is_completed),
		SVIO_TEST(checksum_of_the_sender_is_not_touched),
		SVIO_TEST(gso_to_able_peer_passes_unsegmented),
		SVIO_TEST(gso_to_plain_peer_is_segmented),
		SVIO_TEST(gso_to_plain_peer_is_counted),
		SVIO_TEST(offload_set_switches_receive_offloads),
		SVIO_TEST(vlan_inserted_tag_is_stripped_for_able_peer),
		SVIO_TEST(vlan_inserted_tag_stays_for_plain_peer),
		SVIO_TEST(vlan_with_checksum_to_both_peers),
		SVIO_TEST(books_balance),
	};
	const struct svio_test_suite suite = { "device offload", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&sender);
	guest_close(&able);
	guest_close(&plain);
	return lab_stop(&lab) ? 1 : status;
}
