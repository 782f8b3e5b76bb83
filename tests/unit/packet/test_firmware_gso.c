/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "firmware/abi/svio_ring.h"
#include "firmware/svio_csum.h"
#include "firmware/svio_gso.h"
#include "frame_builder.h"
#include "svio_test.h"

static uint8_t whole[70000];
static uint8_t segment[70000];

/* One segment as the device would send it: header, payload, completed checksum. */
static uint32_t make_segment(const struct svio_gso *gso, uint32_t index)
{
	uint32_t payload = svio_gso_payload_bytes(gso, index);

	svio_gso_header(gso, index, segment);
	memcpy(segment + gso->header_bytes, whole + svio_gso_payload_offset(gso, index), payload);
	CU_ASSERT_TRUE(svio_csum_complete(segment, gso->header_bytes + payload,
					  svio_gso_csum_start(gso), svio_gso_csum_offset(gso)));
	return gso->header_bytes + payload;
}

static void check_segment(const struct frame_spec *spec, const struct svio_gso *gso, uint32_t index,
			  uint32_t bytes)
{
	const uint8_t *ip = segment + build_l3_offset(spec);
	const uint8_t *l4 = segment + build_l4_offset(spec);
	uint32_t l4_bytes = bytes - build_l4_offset(spec);
	bool last = index + 1 == gso->segments;

	CU_ASSERT_EQUAL(naive_l4_sum(ip, spec->version, spec->protocol, l4, l4_bytes), 0xffff);
	if (spec->version == 4) {
		CU_ASSERT_EQUAL(naive_sum(ip, (ip[0] & 15u) * 4, 0), 0xffff);
		CU_ASSERT_EQUAL(svio_get_be16(ip + 2), bytes - build_l3_offset(spec));
		CU_ASSERT_EQUAL(svio_get_be16(ip + 4), (uint16_t)(0xfffe + index));
	} else {
		CU_ASSERT_EQUAL(svio_get_be16(ip + 4), bytes - build_l3_offset(spec) - 40);
	}
	if (spec->protocol == 6) {
		CU_ASSERT_EQUAL(svio_get_be32(l4 + 4), 0xfffffff0u + index * gso->size);
		CU_ASSERT_EQUAL(l4[13], 0x10 | (index ? 0 : 0x80) | (last ? 0x09 : 0));
	} else {
		CU_ASSERT_EQUAL(svio_get_be16(l4 + 4), l4_bytes);
	}
}

static void segments_of_every_kind_are_right_and_add_up(void)
{
	static const uint8_t types[] = { SVIO_GSO_TCP4, SVIO_GSO_TCP6, SVIO_GSO_UDP4,
					 SVIO_GSO_UDP6 };
	static const uint32_t payloads[] = { 1, 999, 1000, 1001, 2000, 30001, 65000 };
	uint32_t kind;
	uint32_t i;

	for (kind = 0; kind < 4 * 7; kind++) {
		struct frame_spec spec = { .version = kind & 1 ? 6 : 4,
					   .protocol = kind & 2 ? 17 : 6,
					   .tagged = kind & 4,
					   .tcp_option_words = 3,
					   .ipv4_option_words = (uint8_t)(kind / 4 % 3),
					   .ipv6_extension_words = (uint8_t)(kind / 4 % 3),
					   .payload_bytes = payloads[kind / 4] };
		uint32_t bytes = build_frame(&spec, whole);
		uint32_t header = build_header_bytes(&spec);
		uint32_t sum = 0;
		struct svio_gso gso;

		CU_ASSERT_EQUAL_FATAL(
			svio_gso_begin(&gso, whole, header, bytes, types[kind & 3], 1000), 0);
		CU_ASSERT_EQUAL(gso.segments, (spec.payload_bytes + 999) / 1000);
		for (i = 0; i < gso.segments; i++) {
			check_segment(&spec, &gso, i, make_segment(&gso, i));
			sum += svio_gso_payload_bytes(&gso, i);
		}
		CU_ASSERT_EQUAL(sum, spec.payload_bytes);
	}
}

static void begin_headers_of_another_type_are_refused(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 6, .payload_bytes = 100 };
	uint32_t bytes = build_frame(&spec, whole);
	uint32_t header = build_header_bytes(&spec);
	struct svio_gso gso;

	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_TCP4, 10), 0);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_TCP6, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_UDP4, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_NONE, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_COUNT, 10), -EINVAL);
}

static void begin_lengths_that_lie_are_refused(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 6, .payload_bytes = 65000 };
	uint32_t bytes = build_frame(&spec, whole);
	uint32_t header = build_header_bytes(&spec);
	struct svio_gso gso;

	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_TCP4, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, bytes, SVIO_GSO_TCP4, 65536), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, header, SVIO_GSO_TCP4, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header, header + 65536, SVIO_GSO_TCP4, 10),
			-EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header - 1, bytes, SVIO_GSO_TCP4, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header + 1, bytes, SVIO_GSO_TCP4, 10), -EINVAL);
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, 193, bytes, SVIO_GSO_TCP4, 10), -EINVAL);
	whole[build_l4_offset(&spec) + 12] = 0x40; /* a TCP header of 16 bytes */
	CU_ASSERT_EQUAL(svio_gso_begin(&gso, whole, header - 4, bytes, SVIO_GSO_TCP4, 10), -EINVAL);
}

SVIO_TEST_MAIN("firmware gso", SVIO_TEST(segments_of_every_kind_are_right_and_add_up),
	       SVIO_TEST(begin_headers_of_another_type_are_refused),
	       SVIO_TEST(begin_lengths_that_lie_are_refused))
