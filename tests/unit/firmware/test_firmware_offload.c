/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksum, segmentation and VLAN offloads, from the sender's descriptor to what each receiver gets. */
#include <string.h>

#include "frame_builder.h"
#include "guest.h"
#include "svio_error.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_test.h"

#define SENDER   0
#define RECEIVER 1

static struct guest guest[2];
static struct guest_packet packet;
static uint8_t frame[70000];   /* as sent: checksum partial */
static uint8_t correct[70000]; /* with the right checksum */
static struct svio_tx_ext ext;
static uint32_t bytes;

static void start(uint64_t receiver_features)
{
	fake_init();
	fake_vif_add(SENDER);
	fake_vif_add(RECEIVER);
	guest_start_queues(&guest[SENDER], SENDER, GUEST_ALL_FEATURES, 8);
	guest_start_queues(&guest[RECEIVER], RECEIVER, receiver_features, 7);
}

static void setup(void)
{
	start(0);
}

/* A TCP or UDP packet to the receiver, its checksum left for the device. */
static void build(struct frame_spec spec, uint32_t gso_size)
{
	uint32_t l4 = build_l4_offset(&spec);
	uint32_t offset = spec.protocol == SVIO_IPPROTO_TCP ? 16 : 6;
	const uint8_t *l3 = frame + build_l3_offset(&spec);
	uint32_t sum;

	bytes = build_frame(&spec, frame);
	memcpy(frame, fake_config(RECEIVER)->mac, 6);
	memcpy(frame + 6, fake_config(SENDER)->mac, 6);
	memcpy(correct, frame, bytes);
	/* The pseudo-header: addresses, protocol, length. */
	sum = spec.version == 4 ? naive_sum(l3 + 12, 8, 0) : naive_sum(l3 + 8, 32, 0);
	sum += spec.protocol + (bytes - l4);
	sum = (sum & 0xffff) + (sum >> 16);
	svio_put_be16(frame + l4 + offset, (uint16_t)((sum & 0xffff) + (sum >> 16)));
	ext = (struct svio_tx_ext){ .flags = SVIO_TX_EXT_CSUM,
				    .csum_start = (uint16_t)l4,
				    .csum_offset = (uint16_t)offset };
	if (gso_size) {
		ext.gso_size = (uint16_t)gso_size;
		ext.hdr_len = (uint16_t)build_header_bytes(&spec);
		ext.gso_type = spec.protocol == SVIO_IPPROTO_TCP
				       ? (spec.version == 4 ? SVIO_GSO_TCP4 : SVIO_GSO_TCP6)
				       : (spec.version == 4 ? SVIO_GSO_UDP4 : SVIO_GSO_UDP6);
	}
}

static void transmit(uint32_t pieces)
{
	guest_send_pieces(&guest[SENDER], 0, frame, bytes, pieces, &ext);
	fake_run();
}

static const struct frame_spec specs[] = {
	{ .version = 4, .protocol = SVIO_IPPROTO_TCP, .payload_bytes = 1001 },
	{ .version = 6, .protocol = SVIO_IPPROTO_TCP, .payload_bytes = 0, .tcp_option_words = 3 },
	{ .version = 4, .protocol = SVIO_IPPROTO_UDP, .payload_bytes = 1, .ipv4_option_words = 10 },
	{ .version = 6,
	  .protocol = SVIO_IPPROTO_UDP,
	  .payload_bytes = 1399,
	  .ipv6_extension_words = 2 },
};
#define SPECS (sizeof(specs) / sizeof(specs[0]))

static void partial_checksum_is_completed_for_plain_receiver(void)
{
	uint32_t pieces;
	size_t i;

	for (i = 0; i < SPECS; i++) {
		for (pieces = 1; pieces <= 7; pieces++) {
			build(specs[i], 0);
			transmit(pieces);
			CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
			CU_ASSERT_EQUAL(packet.bytes, bytes);
			CU_ASSERT_EQUAL(memcmp(packet.data, correct, bytes), 0);
			CU_ASSERT_FALSE(packet.first.flags & (SVIO_RX_PARTIAL | SVIO_RX_CSUM_OK));
			guest_post(&guest[RECEIVER], 0, UINT32_MAX);
		}
	}
}

static void completed_checksum_is_vouched_for(void)
{
	start(SVIO_FEATURE(RX_CSUM));
	build(specs[0], 0);
	transmit(1);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_CSUM_OK);
	/* Nobody looked at this one. */
	guest_send(&guest[SENDER], 0, correct, bytes);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_FALSE(packet.first.flags & SVIO_RX_CSUM_OK);
}

static void partial_checksum_passes_to_receiver_that_takes_it(void)
{
	start(SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_CSUM));
	build(specs[0], 0);
	transmit(3);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
	CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_PARTIAL);
	CU_ASSERT_EQUAL(packet.first.csum_start, ext.csum_start);
	CU_ASSERT_EQUAL(packet.first.csum_offset, ext.csum_offset);
}

static void offload_set_off_means_completed(void)
{
	struct svio_admin_cmd off = { .opcode = SVIO_ADMIN_OFFLOAD_SET };

	start(SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_CSUM));
	CU_ASSERT_EQUAL(guest_command(&guest[RECEIVER], &off), SVIO_ADMIN_STATUS_OK);
	build(specs[0], 0);
	transmit(1);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_EQUAL(memcmp(packet.data, correct, bytes), 0);
	CU_ASSERT_EQUAL(packet.first.flags & (SVIO_RX_PARTIAL | SVIO_RX_CSUM_OK), 0);
}

static void partial_checksum_at_the_wire_is_completed_or_left_to_hardware(void)
{
	build(specs[0], 0);
	frame[5] = correct[5] = 0x77; /* nobody's MAC */
	transmit(2);
	CU_ASSERT_EQUAL_FATAL(fake.hal.sent_count, 1);
	CU_ASSERT_EQUAL(memcmp(fake.hal.sent[0].data, correct, bytes), 0);
	CU_ASSERT_EQUAL(fake.hal.sent[0].flags, 0);

	fake_init();
	fake.wire_csum = true;
	fake_attach();
	fake_vif_add(SENDER);
	guest_start_queues(&guest[SENDER], SENDER, GUEST_ALL_FEATURES, 8);
	transmit(2);
	CU_ASSERT_EQUAL_FATAL(fake.hal.sent_count, 1);
	CU_ASSERT_EQUAL(memcmp(fake.hal.sent[0].data, frame, bytes), 0);
	CU_ASSERT_EQUAL(fake.hal.sent[0].flags, SVIO_WIRE_CSUM);
	CU_ASSERT_EQUAL(fake.hal.sent[0].csum_start, ext.csum_start);
}

static void wire_checksum_verdict_reaches_the_receiver(void)
{
	start(SVIO_FEATURE(RX_CSUM));
	build(specs[0], 0);
	fake_wire_receive(correct, bytes, SVIO_WIRE_CSUM_OK);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_CSUM_OK);
	fake_wire_receive(correct, bytes, 0);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_FALSE(packet.first.flags & SVIO_RX_CSUM_OK);
}

static const struct frame_spec large[] = {
	{ .version = 4, .protocol = SVIO_IPPROTO_TCP, .payload_bytes = 20001 },
	{ .version = 6,
	  .protocol = SVIO_IPPROTO_TCP,
	  .payload_bytes = 14000,
	  .tcp_option_words = 3 },
	{ .version = 4, .protocol = SVIO_IPPROTO_UDP, .payload_bytes = 9001 },
	{ .version = 6,
	  .protocol = SVIO_IPPROTO_UDP,
	  .payload_bytes = 7000,
	  .ipv6_extension_words = 1 },
};
#define LARGE (sizeof(large) / sizeof(large[0]))

static void unsegmented_passes_to_receiver_that_takes_it(void)
{
	size_t i;

	start(GUEST_ALL_FEATURES);
	for (i = 0; i < LARGE; i++) {
		build(large[i], 1400);
		transmit(3);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
		CU_ASSERT_EQUAL(packet.bytes, bytes);
		CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
		CU_ASSERT_EQUAL((packet.first.flags & SVIO_RX_GSO_MASK) >> SVIO_RX_GSO_SHIFT,
				ext.gso_type);
		CU_ASSERT_EQUAL(packet.first.gso_size, 1400);
		CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_PARTIAL);
		guest_post(&guest[RECEIVER], 0, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(fake_counter(SENDER, SVIO_COUNTER_tx_tso_packets), LARGE);
	CU_ASSERT_EQUAL(fake_counter(RECEIVER, SVIO_COUNTER_rx_tso_packets), LARGE);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* One segment: right checksum, the next bytes of the payload. */
static uint32_t check_segment(const struct frame_spec *spec, const uint8_t *data, uint32_t length,
			      uint32_t payload_done)
{
	uint32_t l3 = build_l3_offset(spec);
	uint32_t l4 = build_l4_offset(spec);
	uint32_t header = build_header_bytes(spec);
	uint32_t ip_bytes = spec->version == 4 ? svio_get_be16(data + l3 + 2)
					       : svio_get_be16(data + l3 + 4) + 40u;

	CU_ASSERT_EQUAL(ip_bytes, length - l3);
	CU_ASSERT_EQUAL(naive_l4_sum(data + l3, spec->version, spec->protocol, data + l4,
				     length - l4),
			0xffff);
	if (spec->version == 4)
		CU_ASSERT_EQUAL(naive_sum(data + l3, l4 - l3, 0), 0xffff);
	CU_ASSERT_EQUAL(memcmp(data + header, correct + header + payload_done, length - header), 0);
	return length - header;
}

static void unsegmented_is_cut_for_plain_receiver(void)
{
	size_t i;

	for (i = 0; i < LARGE; i++) {
		uint32_t done = 0;

		build(large[i], 1400);
		transmit(5);
		while (done < large[i].payload_bytes) {
			CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
			done += check_segment(&large[i], packet.data, packet.bytes, done);
			CU_ASSERT_EQUAL(packet.first.flags & SVIO_RX_GSO_MASK, 0);
		}
		CU_ASSERT_EQUAL(done, large[i].payload_bytes);
		CU_ASSERT_FALSE(guest_receive(&guest[RECEIVER], 0, &packet));
		guest_post(&guest[RECEIVER], 0, UINT32_MAX);
	}
	CU_ASSERT_EQUAL(fake_counter(SENDER, SVIO_COUNTER_tx_packets), LARGE);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void cut_for_the_wire(bool lends)
{
	uint32_t done = 0;
	uint32_t i;

	start(0);
	fake.hal.lends = lends;
	build(large[0], 1448);
	frame[5] = 0x77;
	transmit(4);
	CU_ASSERT_EQUAL(fake.hal.sent_count, (20001 + 1447) / 1448);
	for (i = 0; i < fake.hal.sent_count; i++)
		done += check_segment(&large[0], fake.hal.sent[i].data, fake.hal.sent[i].bytes,
				      done);
	CU_ASSERT_EQUAL(done, 20001);
	CU_ASSERT_EQUAL(fake.hal.lent != 0, lends);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void unsegmented_is_cut_for_the_wire(void)
{
	cut_for_the_wire(false);
	fake_free();
	cut_for_the_wire(true);
}

static void multicast_reaches_each_receiver_in_its_own_form(void)
{
	static struct guest third;
	uint32_t done = 0;

	fake_vif_add(2);
	guest_start_queues(&third, 2, GUEST_ALL_FEATURES & ~SVIO_FEATURE(MAC_FILTER), 7);
	build(large[0], 1400);
	memset(frame, 0xff, 6);
	memset(correct, 0xff, 6);
	transmit(1);
	while (guest_receive(&guest[RECEIVER], 0, &packet))
		done += check_segment(&large[0], packet.data, packet.bytes, done);
	CU_ASSERT_EQUAL(done, 20001);
	CU_ASSERT_TRUE_FATAL(guest_receive(&third, 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, bytes);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
	CU_ASSERT_EQUAL(fake.hal.sent_count, (20001 + 1399) / 1400);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void access_vlan_of_the_sender_is_a_tag_for_a_trunk(void)
{
	fake_config(SENDER)->vlan = 5;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, SENDER), 0);
	start(SVIO_FEATURE(RX_PARTIAL));
	fake_config(SENDER)->vlan = 5;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, SENDER), 0);
	build(specs[0], 0);
	transmit(1);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, bytes + 4);
	CU_ASSERT_EQUAL(svio_get_be16(packet.data + 12), SVIO_ETHERTYPE_VLAN);
	CU_ASSERT_EQUAL(svio_get_be16(packet.data + 14), 5);
	CU_ASSERT_EQUAL(memcmp(packet.data + 16, frame + 12, bytes - 12), 0);
	CU_ASSERT_EQUAL(packet.first.csum_start, ext.csum_start + 4);
}

static void tag_is_stripped_where_accepted(void)
{
	struct svio_tx_desc desc = { .len = 60,
				     .flags = SVIO_TX_END | SVIO_TX_VLAN,
				     .vlan_tci = 0xa007 };

	start(SVIO_FEATURE(RX_VLAN));
	guest_frame_between(frame, 60, SENDER, RECEIVER, 1);
	desc.addr = guest_tx_place(&guest[SENDER], frame, 60);
	guest_tx_put(&guest[SENDER], 0, &desc);
	guest_tx_ring(&guest[SENDER], 0);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[RECEIVER], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_VLAN);
	CU_ASSERT_EQUAL(packet.first.vlan_tci, 0xa007);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 60), 0);
}

static void tag_in_the_frame_counts_in_offsets(void)
{
	struct frame_spec spec = large[0];
	uint32_t done = 0;

	spec.tagged = true;
	spec.vlan_tci = 9;
	build(spec, 1400);
	CU_ASSERT_EQUAL(ext.hdr_len, 58);
	transmit(2);
	while (guest_receive(&guest[RECEIVER], 0, &packet)) {
		CU_ASSERT_EQUAL(svio_get_be16(packet.data + 14), 9);
		done += check_segment(&spec, packet.data, packet.bytes, done);
	}
	CU_ASSERT_EQUAL(done, 20001);
}

/* The valid large packet with one field of ext changed stops the queue. */
#define EXT_STOPS(error, field, value)                                               \
	do {                                                                         \
		setup();                                                             \
		build(large[0], 1400);                                               \
		ext.field = (value);                                                 \
		transmit(1);                                                         \
		CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), \
				SVIO_ERROR_##error);                                 \
		CU_ASSERT_EQUAL(fake_counter(RECEIVER, SVIO_COUNTER_rx_packets), 0); \
		CU_ASSERT_TRUE(fake_books_balance());                                \
	} while (0)

static void extension_is_checked(void)
{
	EXT_STOPS(DESC_FLAGS, reserved0, 1);
	EXT_STOPS(DESC_FLAGS, reserved1, 1);
	EXT_STOPS(DESC_FLAGS, flags, 3);
	EXT_STOPS(DESC_EXT, flags, 0);
	EXT_STOPS(DESC_EXT, gso_type, SVIO_GSO_COUNT);
	EXT_STOPS(DESC_EXT, gso_type, SVIO_GSO_NONE);
	EXT_STOPS(OFFLOAD, gso_type, SVIO_GSO_TCP6);
	EXT_STOPS(OFFLOAD, gso_type, SVIO_GSO_UDP4);
	EXT_STOPS(OFFLOAD, gso_size, 0);
	EXT_STOPS(OFFLOAD, hdr_len, 53);
	EXT_STOPS(OFFLOAD, hdr_len, 0);
	EXT_STOPS(OFFLOAD, hdr_len, 193);
	EXT_STOPS(OFFLOAD, hdr_len, 0xffff);
	EXT_STOPS(OFFLOAD, csum_start, 0);
	EXT_STOPS(OFFLOAD, csum_start, 33);
	EXT_STOPS(OFFLOAD, csum_start, 0xffff);
	EXT_STOPS(OFFLOAD, csum_offset, 0xffff);
	EXT_STOPS(OFFLOAD, csum_offset, 15);
}

/* A small packet without segmentation, one field of ext changed: sent, or stops the queue. */
static enum svio_error try_ext(struct svio_tx_ext changed)
{
	setup();
	build(specs[0], 0);
	ext = changed;
	transmit(1);
	CU_ASSERT_TRUE(fake_books_balance());
	CU_ASSERT_EQUAL(fake_counter(RECEIVER, SVIO_COUNTER_rx_packets),
			guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0) ? 0 : 1);
	return guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0);
}

#define EXT(...) try_ext((struct svio_tx_ext){ __VA_ARGS__ })

/* The checksum may lie from behind the Ethernet header to the end of what the device copies first. */
static void checksum_place_is_checked_to_the_byte(void)
{
	const uint16_t csum = SVIO_TX_EXT_CSUM;

	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 14, .csum_offset = 16), SVIO_ERROR_NONE);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 13, .csum_offset = 16),
			SVIO_ERROR_OFFLOAD);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 34, .csum_offset = 156), SVIO_ERROR_NONE);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 34, .csum_offset = 157),
			SVIO_ERROR_OFFLOAD);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 191), SVIO_ERROR_OFFLOAD);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 1055), SVIO_ERROR_OFFLOAD);
	CU_ASSERT_EQUAL(EXT(.flags = csum, .csum_start = 34, .csum_offset = 0xffff),
			SVIO_ERROR_OFFLOAD);
}

/* What is not asked for has no parameters. */
static void extension_that_asks_for_nothing_is_empty(void)
{
	CU_ASSERT_EQUAL(EXT(0), SVIO_ERROR_NONE);
	CU_ASSERT_EQUAL(EXT(.csum_start = 34), SVIO_ERROR_DESC_EXT);
	CU_ASSERT_EQUAL(EXT(.csum_offset = 16), SVIO_ERROR_DESC_EXT);
	CU_ASSERT_EQUAL(EXT(.gso_size = 100), SVIO_ERROR_DESC_EXT);
	CU_ASSERT_EQUAL(EXT(.hdr_len = 54), SVIO_ERROR_DESC_EXT);
	CU_ASSERT_EQUAL(EXT(.gso_type = SVIO_GSO_TCP4, .gso_size = 100, .hdr_len = 54),
			SVIO_ERROR_DESC_EXT);
	/* It needs no feature either. */
	setup();
	guest_start_queues(&guest[SENDER], SENDER, 0, 8);
	build(specs[0], 0);
	ext = (struct svio_tx_ext){ 0 };
	transmit(1);
	CU_ASSERT_TRUE(guest_receive(&guest[RECEIVER], 0, &packet));
}

static void headers_longer_than_the_device_copies_are_refused(void)
{
	const struct frame_spec spec = { .version = 6,
					 .protocol = SVIO_IPPROTO_TCP,
					 .payload_bytes = 5000,
					 .ipv6_extension_words = 16 };

	build(spec, 1000);
	CU_ASSERT(ext.hdr_len > 192);
	transmit(1);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), SVIO_ERROR_OFFLOAD);
}

/* With an extension, too, only what is to be cut may be longer than a frame. */
static void length_with_extension_is_checked(void)
{
	struct svio_tx_desc desc[3] = {
		{ .addr = GUEST_TX_DATA, .len = 9019, .flags = SVIO_TX_END | SVIO_TX_EXT }
	};

	guest_tx_put(&guest[SENDER], 0, &desc[0]);
	guest_tx_put(&guest[SENDER], 0, &desc[1]);
	guest_tx_ring(&guest[SENDER], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), SVIO_ERROR_FRAME_LEN);
	setup();
	build(large[0], 1400);
	desc[0] = (struct svio_tx_desc){ .addr = guest_tx_place(&guest[SENDER], frame, 0xffff),
					 .len = 0xffff,
					 .flags = SVIO_TX_EXT };
	desc[1] = (struct svio_tx_desc){ .addr = desc[0].addr,
					 .len = SVIO_GSO_BYTES_MAX + 1 - 0xffff,
					 .flags = SVIO_TX_END };
	guest_tx_put(&guest[SENDER], 0, &desc[0]);
	guest_tx_put(&guest[SENDER], 0, &ext);
	guest_tx_put(&guest[SENDER], 0, &desc[1]);
	guest_tx_ring(&guest[SENDER], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), SVIO_ERROR_FRAME_LEN);
}

static void extension_missing_at_tail_is_refused(void)
{
	struct svio_tx_desc desc = { .addr = GUEST_TX_DATA,
				     .len = 60,
				     .flags = SVIO_TX_END | SVIO_TX_EXT };

	guest_tx_put(&guest[SENDER], 0, &desc);
	guest_tx_ring(&guest[SENDER], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), SVIO_ERROR_DESC_EXT);
}

static void segment_larger_than_receivers_mtu_is_dropped(void)
{
	struct svio_admin_cmd mtu = { .opcode = SVIO_ADMIN_MTU_SET };

	start(GUEST_ALL_FEATURES);
	mtu.value.value = 1400;
	CU_ASSERT_EQUAL(guest_command(&guest[RECEIVER], &mtu), SVIO_ADMIN_STATUS_OK);
	build(large[0], 1400);
	transmit(1);
	CU_ASSERT_EQUAL(fake_counter(RECEIVER, SVIO_COUNTER_rx_drop_too_long), 1);
	build(large[0], 1300);
	transmit(1);
	CU_ASSERT_TRUE(guest_receive(&guest[RECEIVER], 0, &packet));
}

static void smallest_segments_of_largest_packet_are_survived(void)
{
	struct frame_spec spec = { .version = 4,
				   .protocol = SVIO_IPPROTO_TCP,
				   .payload_bytes = 65481 };

	build(spec, 64);
	frame[5] = 0x77;
	guest_send_pieces(&guest[SENDER], 0, frame, bytes, 2, &ext);
	fake_run();
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_packets), 1024);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* 65481 copies for each receiver of a broadcast would hold a section open for seconds. */
static void more_segments_than_allowed_are_refused(void)
{
	struct frame_spec spec = { .version = 4,
				   .protocol = SVIO_IPPROTO_TCP,
				   .payload_bytes = 65481 };

	build(spec, 63);
	frame[5] = 0x77;
	guest_send_pieces(&guest[SENDER], 0, frame, bytes, 2, &ext);
	fake_run();
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_packets), 0);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[SENDER], SVIO_QUEUE_TX, 0), SVIO_ERROR_OFFLOAD);
	CU_ASSERT_TRUE(fake_books_balance());
}

SVIO_TEST_MAIN_WITH("firmware offloads", setup, fake_free,
		    SVIO_TEST(partial_checksum_is_completed_for_plain_receiver),
		    SVIO_TEST(completed_checksum_is_vouched_for),
		    SVIO_TEST(partial_checksum_passes_to_receiver_that_takes_it),
		    SVIO_TEST(offload_set_off_means_completed),
		    SVIO_TEST(partial_checksum_at_the_wire_is_completed_or_left_to_hardware),
		    SVIO_TEST(wire_checksum_verdict_reaches_the_receiver),
		    SVIO_TEST(unsegmented_passes_to_receiver_that_takes_it),
		    SVIO_TEST(unsegmented_is_cut_for_plain_receiver),
		    SVIO_TEST(unsegmented_is_cut_for_the_wire),
		    SVIO_TEST(multicast_reaches_each_receiver_in_its_own_form),
		    SVIO_TEST(access_vlan_of_the_sender_is_a_tag_for_a_trunk),
		    SVIO_TEST(tag_is_stripped_where_accepted),
		    SVIO_TEST(tag_in_the_frame_counts_in_offsets), SVIO_TEST(extension_is_checked),
		    SVIO_TEST(checksum_place_is_checked_to_the_byte),
		    SVIO_TEST(extension_that_asks_for_nothing_is_empty),
		    SVIO_TEST(headers_longer_than_the_device_copies_are_refused),
		    SVIO_TEST(length_with_extension_is_checked),
		    SVIO_TEST(extension_missing_at_tail_is_refused),
		    SVIO_TEST(segment_larger_than_receivers_mtu_is_dropped),
		    SVIO_TEST(smallest_segments_of_largest_packet_are_survived),
		    SVIO_TEST(more_segments_than_allowed_are_refused))
