/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "firmware/abi/svio_ring.h"
#include "firmware/svio_rss.h"
#include "svio_test.h"

/* Key and vectors: Microsoft, "Verifying the RSS Hash Calculation". */
static const uint8_t key[40] = { 0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
				 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
				 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
				 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa };

static const struct vector {
	uint8_t version;
	uint8_t source[16], destination[16];
	uint16_t source_port, destination_port;
	uint32_t l3, l4;
} vectors[] = {
	{ 4, { 66, 9, 149, 187 }, { 161, 142, 100, 80 }, 2794, 1766, 0x323e8fc2, 0x51ccc178 },
	{ 4, { 199, 92, 111, 2 }, { 65, 69, 140, 83 }, 14230, 4739, 0xd718262a, 0xc626b0ea },
	{ 4, { 24, 19, 198, 95 }, { 12, 22, 207, 184 }, 12898, 38024, 0xd2d0a5de, 0x5c2b394a },
	{ 6,
	  { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7 },
	  { 0x3f, 0xfe, 0x25, 0x01, 0x02, 0x00, 0x00, 0x03, 0, 0, 0, 0, 0, 0, 0, 1 },
	  2794,
	  1766,
	  0x2cc18cd5,
	  0x40207d3d },
};

static struct svio_rss rss;
static uint8_t frame[128];

static struct svio_packet make_packet(const struct vector *vector, uint8_t protocol)
{
	uint32_t address = vector->version == 4 ? 4 : 16;
	uint32_t l4 = vector->version == 4 ? 34 : 54;
	uint8_t *at = frame + 14 + (vector->version == 4 ? 12 : 8);
	struct svio_packet packet;

	memset(frame, 0, sizeof(frame));
	svio_put_be16(frame + 12, vector->version == 4 ? SVIO_ETHERTYPE_IPV4 : SVIO_ETHERTYPE_IPV6);
	frame[14] = vector->version == 4 ? 0x45 : 0x60;
	frame[14 + (vector->version == 4 ? 9 : 6)] = protocol;
	memcpy(at, vector->source, address);
	memcpy(at + address, vector->destination, address);
	svio_put_be16(frame + l4, vector->source_port);
	svio_put_be16(frame + l4 + 2, vector->destination_port);
	svio_packet_parse(frame, sizeof(frame), &packet);
	return packet;
}

static void hash_published_vectors_are_met(void)
{
	uint32_t hash;
	size_t i;

	svio_rss_prepare(&rss, key);
	for (i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		struct svio_packet packet = make_packet(&vectors[i], 6);

		CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_IPV4 | SVIO_RSS_IPV6, frame, &packet,
					      &hash),
				SVIO_RX_HASH_L3);
		CU_ASSERT_EQUAL(hash, vectors[i].l3);
		CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_TYPES, frame, &packet, &hash),
				SVIO_RX_HASH_L4);
		CU_ASSERT_EQUAL(hash, vectors[i].l4);
	}
}

static void hash_types_not_asked_for_give_none(void)
{
	struct svio_packet packet = make_packet(&vectors[0], 17);
	uint32_t hash = 1;

	svio_rss_prepare(&rss, key);
	CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_TCP4 | SVIO_RSS_UDP6, frame, &packet, &hash),
			0);
	CU_ASSERT_EQUAL(hash, 0);
	CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_UDP4, frame, &packet, &hash), SVIO_RX_HASH_L4);
	CU_ASSERT_EQUAL(hash, vectors[0].l4);
	packet = make_packet(&vectors[0], 1); /* ICMP: addresses only */
	CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_TYPES, frame, &packet, &hash),
			SVIO_RX_HASH_L3);
	memset(&packet, 0, sizeof(packet));
	CU_ASSERT_EQUAL(svio_rss_hash(&rss, SVIO_RSS_TYPES, frame, &packet, &hash), 0);
}

SVIO_TEST_MAIN("firmware rss", SVIO_TEST(hash_published_vectors_are_met),
	       SVIO_TEST(hash_types_not_asked_for_give_none))
