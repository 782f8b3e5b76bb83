/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "firmware/svio_packet.h"
#include "frame_builder.h"
#include "svio_test.h"

static uint8_t frame[2048];

static void parse_every_combination_finds_the_offsets(void)
{
	static const uint8_t protocols[] = { 6, 17, 1 };
	struct frame_spec spec = { .payload_bytes = 10, .vlan_tci = 0x6123 };
	struct svio_packet packet;
	uint32_t i;

	for (i = 0; i < 2 * 2 * 3 * 3; i++) {
		uint32_t bytes;

		spec.tagged = i & 1;
		spec.version = i & 2 ? 6 : 4;
		spec.protocol = protocols[i / 4 % 3];
		spec.ipv4_option_words = (uint8_t)(i / 12 * 5);
		spec.ipv6_extension_words = (uint8_t)(i / 12);
		bytes = build_frame(&spec, frame);
		svio_packet_parse(frame, bytes, &packet);
		CU_ASSERT_EQUAL(packet.tagged, spec.tagged);
		CU_ASSERT_EQUAL(packet.vlan_tci, spec.tagged ? 0x6123 : 0);
		CU_ASSERT_EQUAL(packet.l3, spec.version);
		CU_ASSERT_EQUAL(packet.l3_offset, build_l3_offset(&spec));
		CU_ASSERT_EQUAL(packet.l4, spec.protocol == 1 ? 0 : spec.protocol);
		CU_ASSERT_EQUAL(packet.l4_offset, spec.protocol == 1 ? 0 : build_l4_offset(&spec));
		CU_ASSERT_FALSE(packet.fragment);
	}
}

/* A parser that reads beyond the bytes it was given is found by the sanitizers here. */
static void parse_every_truncation_trusts_nothing_beyond_the_end(void)
{
	struct frame_spec spec = { .version = 6,
				   .protocol = 6,
				   .tagged = true,
				   .ipv6_extension_words = 2,
				   .payload_bytes = 0 };
	uint32_t whole = build_frame(&spec, frame);
	struct svio_packet packet;
	uint32_t bytes;

	for (bytes = 0; bytes <= whole; bytes++) {
		uint8_t exact[256];

		memcpy(exact + sizeof(exact) - bytes, frame, bytes);
		svio_packet_parse(exact + sizeof(exact) - bytes, bytes, &packet);
		CU_ASSERT_EQUAL(packet.l4 != 0, bytes >= build_l4_offset(&spec) + 20);
		CU_ASSERT_EQUAL(packet.l3 != 0, bytes >= 18 + 40);
	}
}

static void parse_fragment_has_no_ports(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 17, .payload_bytes = 100 };
	uint32_t bytes = build_frame(&spec, frame);
	struct svio_packet packet;

	frame[14 + 6] = 0x20; /* more fragments */
	svio_packet_parse(frame, bytes, &packet);
	CU_ASSERT_TRUE(packet.fragment);
	CU_ASSERT_EQUAL(packet.l3, 4);
	CU_ASSERT_EQUAL(packet.l4, 0);

	spec.version = 6;
	bytes = build_frame(&spec, frame);
	frame[14 + 6] = 44;
	svio_packet_parse(frame, bytes, &packet);
	CU_ASSERT_TRUE(packet.fragment);
	CU_ASSERT_EQUAL(packet.l4, 0);
}

static void parse_lying_header_lengths_are_not_believed(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 6, .payload_bytes = 4 };
	uint32_t bytes = build_frame(&spec, frame);
	struct svio_packet packet;

	frame[14] = 0x44; /* 16 bytes of IPv4 header */
	svio_packet_parse(frame, bytes, &packet);
	CU_ASSERT_EQUAL(packet.l3, 0);
	frame[14] = 0x4f; /* 60 bytes, more than there are */
	svio_packet_parse(frame, bytes, &packet);
	CU_ASSERT_EQUAL(packet.l3, 0);
	frame[14] = 0x65; /* the wrong version */
	svio_packet_parse(frame, bytes, &packet);
	CU_ASSERT_EQUAL(packet.l3, 0);
}

static void parse_endless_ipv6_extensions_end(void)
{
	struct svio_packet packet;

	memset(frame, 0, sizeof(frame)); /* next header 0: hop by hop, for ever */
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV6);
	frame[14] = 0x60;
	svio_packet_parse(frame, sizeof(frame), &packet);
	CU_ASSERT_EQUAL(packet.l3, 6);
	CU_ASSERT_EQUAL(packet.l4, 0);
}

static void mac_kinds_are_told_apart(void)
{
	CU_ASSERT_TRUE(svio_mac_is_broadcast((const uint8_t *)"\xff\xff\xff\xff\xff\xff"));
	CU_ASSERT_FALSE(svio_mac_is_broadcast((const uint8_t *)"\xff\xff\xff\xff\xff\xfe"));
	CU_ASSERT_TRUE(svio_mac_is_multicast((const uint8_t *)"\x01\x00\x5e\x00\x00\x01"));
	CU_ASSERT_FALSE(svio_mac_is_multicast((const uint8_t *)"\x02\x00\x5e\x00\x00\x01"));
}

SVIO_TEST_MAIN("firmware packet", SVIO_TEST(parse_every_combination_finds_the_offsets),
	       SVIO_TEST(parse_every_truncation_trusts_nothing_beyond_the_end),
	       SVIO_TEST(parse_fragment_has_no_ports),
	       SVIO_TEST(parse_lying_header_lengths_are_not_believed),
	       SVIO_TEST(parse_endless_ipv6_extensions_end), SVIO_TEST(mac_kinds_are_told_apart))
