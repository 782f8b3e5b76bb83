/* SPDX-License-Identifier: BSD-3-Clause */
/* Checksums and segmentation at the wire: left to a wire that does them, and taken from it. */
#include <string.h>

#include "frame_builder.h"
#include "guest.h"
#include "svio_packet.h"
#include "svio_test.h"

#define GUEST    0
#define GSO_SIZE 1400
#define ALL_GSO \
	(1u << SVIO_GSO_TCP4 | 1u << SVIO_GSO_TCP6 | 1u << SVIO_GSO_UDP4 | 1u << SVIO_GSO_UDP6)

static const uint8_t nobody[6] = { 0x02, 0, 0, 0, 0, 0x77 };

static struct guest guest;
static struct guest_packet packet;
static uint8_t frame[70000];   /* checksum partial */
static uint8_t correct[70000]; /* with the right one */
static struct svio_wire_frame meta;

static void start(uint32_t wire_gso, uint64_t features)
{
	fake_init();
	fake.wire_csum = true;
	fake.wire_gso = wire_gso;
	fake_attach();
	fake_vif_add(GUEST);
	guest_start_queues(&guest, GUEST, features, 8);
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

static uint8_t gso_type_of(const struct frame_spec *spec)
{
	if (spec->protocol == SVIO_IPPROTO_TCP)
		return spec->version == 4 ? SVIO_GSO_TCP4 : SVIO_GSO_TCP6;
	return spec->version == 4 ? SVIO_GSO_UDP4 : SVIO_GSO_UDP6;
}

/* frame, correct and meta: a packet from src to dst, its checksum not complete. */
static void build(const struct frame_spec *spec, const uint8_t *dst, const uint8_t *src)
{
	uint32_t l4 = build_l4_offset(spec);
	uint32_t offset = spec->protocol == SVIO_IPPROTO_TCP ? 16 : 6;
	const uint8_t *l3 = frame + build_l3_offset(spec);
	uint32_t bytes = build_frame(spec, frame);
	uint32_t sum;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	memcpy(correct, frame, bytes);
	sum = spec->version == 4 ? naive_sum(l3 + 12, 8, 0) : naive_sum(l3 + 8, 32, 0);
	sum += spec->protocol + (bytes - l4);
	sum = (sum & 0xffff) + (sum >> 16);
	svio_put_be16(frame + l4 + offset, (uint16_t)((sum & 0xffff) + (sum >> 16)));
	meta = (struct svio_wire_frame){ .data = frame,
					 .bytes = bytes,
					 .flags = SVIO_WIRE_CSUM,
					 .csum_start = (uint16_t)l4,
					 .csum_offset = (uint16_t)offset,
					 .gso_size = GSO_SIZE,
					 .hdr_len = (uint16_t)build_header_bytes(spec),
					 .gso_type = gso_type_of(spec) };
}

static void transmit(uint32_t pieces)
{
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM,
				   .csum_start = meta.csum_start,
				   .csum_offset = meta.csum_offset,
				   .gso_size = meta.gso_size,
				   .hdr_len = meta.hdr_len,
				   .gso_type = meta.gso_type };

	guest_send_pieces(&guest, 0, frame, meta.bytes, pieces, &ext);
	fake_run();
}

static void unsegmented_goes_to_a_wire_that_segments(void)
{
	for (size_t i = 0; i < LARGE; i++) {
		const struct fake_frame *sent;

		start(ALL_GSO, GUEST_ALL_FEATURES);
		build(&large[i], nobody, fake_config(GUEST)->mac);
		transmit(5);
		sent = &fake.hal.sent[0];
		CU_ASSERT_EQUAL_FATAL(fake.hal.sent_count, 1);
		CU_ASSERT_EQUAL(sent->bytes, meta.bytes);
		CU_ASSERT_EQUAL(memcmp(fake.hal.unsegmented, frame, meta.bytes), 0);
		CU_ASSERT_EQUAL(sent->flags, SVIO_WIRE_CSUM);
		CU_ASSERT_EQUAL(sent->csum_start, meta.csum_start);
		CU_ASSERT_EQUAL(sent->csum_offset, meta.csum_offset);
		CU_ASSERT_EQUAL(sent->gso_type, meta.gso_type);
		CU_ASSERT_EQUAL(sent->gso_size, GSO_SIZE);
		CU_ASSERT_EQUAL(sent->hdr_len, meta.hdr_len);
		CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_packets), 1);
		CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_bytes), meta.bytes);
		CU_ASSERT_TRUE(fake_books_balance());
	}
}

/* The longest there is: its length is more than 16 bits. */
static void unsegmented_of_the_longest_is_counted_whole(void)
{
	struct frame_spec spec = { .version = 6, .protocol = SVIO_IPPROTO_TCP };

	start(ALL_GSO, GUEST_ALL_FEATURES);
	fake_slot(GUEST)->config.vlan = 7;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, GUEST), 0);
	spec.payload_bytes = SVIO_GSO_BYTES_MAX - build_header_bytes(&spec);
	build(&spec, nobody, fake_config(GUEST)->mac);
	transmit(40);
	CU_ASSERT_EQUAL_FATAL(fake.hal.sent_count, 1);
	CU_ASSERT_EQUAL(fake.hal.sent[0].bytes, meta.bytes + 4);
	CU_ASSERT_EQUAL(fake.hal.sent[0].hdr_len, meta.hdr_len + 4);
	CU_ASSERT_EQUAL(fake.hal.sent[0].csum_start, meta.csum_start + 4);
	CU_ASSERT_EQUAL(svio_get_be16(fake.hal.unsegmented + 14), 7);
	CU_ASSERT_EQUAL(memcmp(fake.hal.unsegmented + 16, frame + 12, meta.bytes - 12), 0);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_bytes), meta.bytes + 4);
}

static void unsegmented_of_a_type_the_wire_does_not_know_is_cut(void)
{
	for (size_t i = 0; i < LARGE; i++) {
		uint32_t segments = (large[i].payload_bytes + GSO_SIZE - 1) / GSO_SIZE;

		start(ALL_GSO & ~(1u << gso_type_of(&large[i])), GUEST_ALL_FEATURES);
		build(&large[i], nobody, fake_config(GUEST)->mac);
		transmit(5);
		CU_ASSERT_EQUAL(fake.hal.sent_count, segments);
		CU_ASSERT_EQUAL(fake.hal.sent[0].gso_type, SVIO_GSO_NONE);
		CU_ASSERT_TRUE(fake_books_balance());
	}
}

/* A wire that is full of it: the frame is counted, the queue goes on. */
static void unsegmented_without_memory_at_the_wire_is_counted(void)
{
	start(ALL_GSO, GUEST_ALL_FEATURES);
	build(&large[0], nobody, fake_config(GUEST)->mac);
	fake.hal.append_fails = 1;
	transmit(5);
	CU_ASSERT_EQUAL(fake.hal.sent_count, 0);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop), 1);
	transmit(5);
	CU_ASSERT_EQUAL(fake.hal.sent_count, 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

/*
 * A wire that reads guests' memory, but cuts no packets: what is in the device's memory of one
 * must not be read when the next one is there.
 */
static void segments_that_are_lent_keep_their_own_payload(void)
{
	/* Short enough that both are sent in one turn. */
	static const struct frame_spec two = { .version = 4,
					       .protocol = SVIO_IPPROTO_TCP,
					       .payload_bytes = GSO_SIZE + 1 };
	static uint8_t first[4000];
	uint32_t header = build_header_bytes(&two);
	struct svio_tx_ext ext;

	start(0, GUEST_ALL_FEATURES);
	fake.hal.lends = true;
	build(&two, nobody, fake_config(GUEST)->mac);
	ext = (struct svio_tx_ext){ .flags = SVIO_TX_EXT_CSUM,
				    .csum_start = meta.csum_start,
				    .csum_offset = meta.csum_offset,
				    .gso_size = GSO_SIZE,
				    .hdr_len = meta.hdr_len,
				    .gso_type = meta.gso_type };
	guest_send_pieces(&guest, 0, frame, meta.bytes, 1, &ext);
	memcpy(first, frame, meta.bytes);
	memset(frame + header, 0x55, 1000);
	guest_send_pieces(&guest, 0, frame, meta.bytes, 1, &ext);
	fake_run();
	CU_ASSERT(fake.hal.lent > 0);
	CU_ASSERT_EQUAL(memcmp(fake.hal.sent[0].data + header, first + header, GSO_SIZE), 0);
	CU_ASSERT_EQUAL(memcmp(fake.hal.sent[2].data + header, frame + header, GSO_SIZE), 0);
}

static void receive_large(size_t i)
{
	build(&large[i], fake_config(GUEST)->mac, nobody);
	fake_wire_receive_as(&meta);
	fake_run();
}

static void unsegmented_from_the_wire_reaches_a_guest_that_takes_it(void)
{
	for (size_t i = 0; i < LARGE; i++) {
		start(0, GUEST_ALL_FEATURES);
		receive_large(i);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest, 0, &packet));
		CU_ASSERT_EQUAL(packet.bytes, meta.bytes);
		CU_ASSERT_EQUAL(memcmp(packet.data, frame, meta.bytes), 0);
		CU_ASSERT_EQUAL((packet.first.flags & SVIO_RX_GSO_MASK) >> SVIO_RX_GSO_SHIFT,
				meta.gso_type);
		CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_PARTIAL);
		CU_ASSERT_EQUAL(packet.first.gso_size, GSO_SIZE);
		CU_ASSERT_TRUE(fake_books_balance());
	}
}

static void unsegmented_from_the_wire_is_cut_for_a_plain_guest(void)
{
	for (size_t i = 0; i < LARGE; i++) {
		const struct frame_spec *spec = &large[i];
		uint32_t header = build_header_bytes(spec);
		uint32_t done = 0;

		start(0, 0);
		receive_large(i);
		while (guest_receive(&guest, 0, &packet)) {
			uint32_t l4 = build_l4_offset(spec);

			CU_ASSERT_EQUAL(naive_l4_sum(packet.data + build_l3_offset(spec),
						     spec->version, spec->protocol,
						     packet.data + l4, packet.bytes - l4),
					0xffff);
			CU_ASSERT_EQUAL(memcmp(packet.data + header, frame + header + done,
					       packet.bytes - header),
					0);
			done += packet.bytes - header;
		}
		CU_ASSERT_EQUAL(done, spec->payload_bytes);
		CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_rx_packets), 1);
		CU_ASSERT_TRUE(fake_books_balance());
	}
}

static void partial_checksum_from_the_wire_is_passed_on_or_completed(void)
{
	static const struct frame_spec small = { .version = 4,
						 .protocol = SVIO_IPPROTO_UDP,
						 .payload_bytes = 333,
						 .tagged = true,
						 .vlan_tci = 9 };

	for (int able = 0; able < 2; able++) {
		start(0, able ? SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_CSUM) : 0);
		build(&small, fake_config(GUEST)->mac, nobody);
		meta.gso_type = SVIO_GSO_NONE;
		fake_wire_receive_as(&meta);
		fake_run();
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest, 0, &packet));
		CU_ASSERT_EQUAL(packet.bytes, meta.bytes);
		CU_ASSERT_EQUAL(memcmp(packet.data, able ? frame : correct, meta.bytes), 0);
		CU_ASSERT_EQUAL(!!(packet.first.flags & SVIO_RX_PARTIAL), able);
		CU_ASSERT_EQUAL(packet.first.csum_start, able ? meta.csum_start : 0);
	}
}

static void nonsense_from_the_wire_is_malformed(void)
{
	static const struct svio_wire_frame lies[] = {
		{ .flags = SVIO_WIRE_CSUM, .csum_start = 13, .csum_offset = 6 },
		{ .flags = SVIO_WIRE_CSUM, .csum_start = 34, .csum_offset = 6000 },
		{ .flags = SVIO_WIRE_CSUM, .csum_start = UINT16_MAX, .csum_offset = UINT16_MAX },
		{ .gso_type = SVIO_GSO_TCP4, .gso_size = 1400, .hdr_len = 54 },
		{ .flags = SVIO_WIRE_CSUM,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_type = SVIO_GSO_TCP4,
		  .hdr_len = 54 },
		{ .flags = SVIO_WIRE_CSUM,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_type = SVIO_GSO_TCP4,
		  .gso_size = 1400,
		  .hdr_len = 60000 },
		{ .flags = SVIO_WIRE_CSUM,
		  .csum_start = 34,
		  .csum_offset = 16,
		  .gso_type = SVIO_GSO_COUNT,
		  .gso_size = 1400,
		  .hdr_len = 54 },
		{ .flags = SVIO_WIRE_CSUM,
		  .csum_start = 30,
		  .csum_offset = 16,
		  .gso_type = SVIO_GSO_TCP4,
		  .gso_size = 1400,
		  .hdr_len = 54 },
	};
	size_t count = sizeof(lies) / sizeof(lies[0]);

	start(0, GUEST_ALL_FEATURES);
	for (size_t i = 0; i < count; i++) {
		struct svio_wire_frame lie = lies[i];

		build(&large[0], fake_config(GUEST)->mac, nobody);
		lie.data = frame;
		lie.bytes = lie.gso_type ? meta.bytes : 1000;
		fake_wire_receive_as(&lie);
		fake_run();
	}
	CU_ASSERT_FALSE(guest_receive(&guest, 0, &packet));
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_rx_malformed), count);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_rx_packets), 0);
}

SVIO_TEST_MAIN_WITH("firmware wire", NULL, fake_free,
		    SVIO_TEST(unsegmented_goes_to_a_wire_that_segments),
		    SVIO_TEST(unsegmented_of_the_longest_is_counted_whole),
		    SVIO_TEST(unsegmented_of_a_type_the_wire_does_not_know_is_cut),
		    SVIO_TEST(unsegmented_without_memory_at_the_wire_is_counted),
		    SVIO_TEST(segments_that_are_lent_keep_their_own_payload),
		    SVIO_TEST(unsegmented_from_the_wire_reaches_a_guest_that_takes_it),
		    SVIO_TEST(unsegmented_from_the_wire_is_cut_for_a_plain_guest),
		    SVIO_TEST(partial_checksum_from_the_wire_is_passed_on_or_completed),
		    SVIO_TEST(nonsense_from_the_wire_is_malformed))
