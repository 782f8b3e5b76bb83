/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <string.h>

#include "firmware/svio_csum.h"
#include "frame_builder.h"
#include "svio_test.h"

static uint8_t data[70000];

static void fill(uint32_t seed)
{
	uint32_t i;

	for (i = 0; i < sizeof(data); i++) {
		seed = seed * 1664525u + 1013904223u;
		data[i] = (uint8_t)(seed >> 24);
	}
}

static void add_any_length_and_alignment_equals_the_naive_sum(void)
{
	uint32_t bytes;

	fill(1);
	for (bytes = 0; bytes < 300; bytes++)
		CU_ASSERT_EQUAL(svio_csum_fold(svio_csum_add(0, data + bytes % 9, bytes)),
				naive_sum(data + bytes % 9, bytes, 0));
	CU_ASSERT_EQUAL(svio_csum_fold(svio_csum_add(0, data, 65535)), naive_sum(data, 65535, 0));
}

static void add_largest_words_carries_nothing_away(void)
{
	memset(data, 0xff, sizeof(data));
	CU_ASSERT_EQUAL(svio_csum_fold(svio_csum_add(0, data, 65536)), 0xffff);
	memset(data, 0, sizeof(data));
	CU_ASSERT_EQUAL(svio_csum_fold(svio_csum_add(0, data, 65536)), 0);
}

static void add_in_even_pieces_equals_the_whole(void)
{
	uint64_t sum = 0;
	uint32_t at = 0;
	uint32_t piece = 2;

	fill(2);
	while (at + piece < 60000) {
		sum = svio_csum_add(sum, data + at, piece);
		at += piece;
		piece = piece * 3 % 1500 / 2 * 2 + 2;
	}
	sum = svio_csum_add(sum, data + at, 60001 - at);
	CU_ASSERT_EQUAL(svio_csum_fold(sum), naive_sum(data, 60001, 0));
}

static void verify_right_frames_pass_and_every_flipped_byte_fails(void)
{
	struct frame_spec spec = { .payload_bytes = 33 };
	struct svio_packet packet;
	uint32_t kind;

	for (kind = 0; kind < 4; kind++) {
		uint32_t bytes;
		uint32_t at;

		spec.version = kind & 1 ? 6 : 4;
		spec.protocol = kind & 2 ? 17 : 6;
		bytes = build_frame(&spec, data);
		svio_packet_parse(data, bytes, &packet);
		CU_ASSERT_TRUE(svio_csum_verify(data, bytes, &packet));
		for (at = packet.l4_offset; at < bytes; at++) {
			data[at] ^= 0x10;
			CU_ASSERT_FALSE(svio_csum_verify(data, bytes, &packet));
			data[at] ^= 0x10;
		}
	}
}

static void verify_padding_behind_the_packet_is_not_summed(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 17, .payload_bytes = 1 };
	uint32_t bytes = build_frame(&spec, data);
	struct svio_packet packet;

	svio_packet_parse(data, bytes, &packet);
	memset(data + bytes, 0xaa, 20);
	CU_ASSERT_TRUE(svio_csum_verify(data, bytes + 20, &packet));
	/* An IP length beyond the frame is a lie. */
	CU_ASSERT_FALSE(svio_csum_verify(data, bytes - 1, &packet));
}

static void complete_makes_what_verify_accepts(void)
{
	struct frame_spec spec = { .version = 4, .payload_bytes = 777 };
	struct svio_packet packet;
	uint32_t kind;

	for (kind = 0; kind < 2; kind++) {
		uint32_t field = kind ? 6 : 16;
		uint32_t bytes;
		uint32_t l4;

		spec.protocol = kind ? 17 : 6;
		bytes = build_frame(&spec, data);
		l4 = build_l4_offset(&spec);
		svio_packet_parse(data, bytes, &packet);
		svio_put_be16(data + l4 + field, svio_csum_fold(svio_csum_pseudo(
							 data + 14, 4, spec.protocol, bytes - l4)));
		CU_ASSERT_FALSE(svio_csum_verify(data, bytes, &packet));
		CU_ASSERT_TRUE(svio_csum_complete(data, bytes, l4, field));
		CU_ASSERT_TRUE(svio_csum_verify(data, bytes, &packet));
	}
}

static void complete_field_outside_the_frame_is_refused(void)
{
	uint8_t before[64];

	fill(3);
	memcpy(before, data, sizeof(before));
	CU_ASSERT_FALSE(svio_csum_complete(data, 60, 60, 0));
	CU_ASSERT_FALSE(svio_csum_complete(data, 60, 20, 39));
	CU_ASSERT_FALSE(svio_csum_complete(data, 60, 65535, 65535));
	CU_ASSERT_EQUAL(memcmp(before, data, sizeof(before)), 0);
	CU_ASSERT_TRUE(svio_csum_complete(data, 60, 20, 38));
}

SVIO_TEST_MAIN("firmware csum", SVIO_TEST(add_any_length_and_alignment_equals_the_naive_sum),
	       SVIO_TEST(add_largest_words_carries_nothing_away),
	       SVIO_TEST(add_in_even_pieces_equals_the_whole),
	       SVIO_TEST(verify_right_frames_pass_and_every_flipped_byte_fails),
	       SVIO_TEST(verify_padding_behind_the_packet_is_not_summed),
	       SVIO_TEST(complete_makes_what_verify_accepts),
	       SVIO_TEST(complete_field_outside_the_frame_is_refused))
