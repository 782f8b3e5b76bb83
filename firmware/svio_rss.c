/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_rss.h"

#include "svio_ring.h"

/* 32 bits of the key from bit position on. */
static uint32_t key_window(const uint8_t *key, uint32_t position)
{
	const uint8_t *p = key + position / 8;
	uint64_t bits = (uint64_t)svio_get_be32(p) << 8;

	if (position % 8)
		bits |= p[4];
	return (uint32_t)(bits >> (8 - position % 8));
}

void svio_rss_prepare(struct svio_rss *rss, const uint8_t key[SVIO_RSS_KEY_BYTES])
{
	uint32_t nibble;
	uint32_t value;
	uint32_t bit;

	for (nibble = 0; nibble < SVIO_RSS_INPUT_BYTES * 2; nibble++) {
		for (value = 0; value < 16; value++) {
			uint32_t row = 0;

			for (bit = 0; bit < 4; bit++)
				if (value & (8u >> bit))
					row ^= key_window(key, nibble * 4 + bit);
			rss->table[nibble][value] = row;
		}
	}
}

/* Inlined where bytes is a constant, so that no loop is left of it. */
static inline uint32_t toeplitz(const uint32_t (*rows)[16], const uint8_t *data, uint32_t bytes)
{
	uint32_t hash = 0;
	size_t i;

	for (i = 0; i < bytes; i++)
		hash ^= rows[2 * i][data[i] >> 4] ^ rows[2 * i + 1][data[i] & 15];
	return hash;
}

/* The type bits that this packet can satisfy: by address, and by address and ports. */
static void packet_types(const struct svio_packet *packet, uint32_t *l3_type, uint32_t *l4_type)
{
	if (packet->l3 == 4) {
		*l3_type = SVIO_RSS_IPV4;
		*l4_type = packet->l4 == SVIO_IPPROTO_TCP ? SVIO_RSS_TCP4 : SVIO_RSS_UDP4;
	} else {
		*l3_type = SVIO_RSS_IPV6;
		*l4_type = packet->l4 == SVIO_IPPROTO_TCP ? SVIO_RSS_TCP6 : SVIO_RSS_UDP6;
	}
	if (!packet->l4)
		*l4_type = 0;
}

uint16_t svio_rss_hash(const struct svio_rss *rss, uint32_t types, const uint8_t *frame,
		       const struct svio_packet *packet, uint32_t *hash)
{
	const uint8_t *l3 = frame + packet->l3_offset;
	uint32_t l3_type;
	uint32_t l4_type;

	*hash = 0;
	if (!packet->l3)
		return 0;
	packet_types(packet, &l3_type, &l4_type);
	if (!(types & (l3_type | l4_type)))
		return 0;
	if (packet->l3 == 4)
		*hash = toeplitz(rss->table, l3 + 12, 8);
	else
		*hash = toeplitz(rss->table, l3 + 8, 32);
	if (!(types & l4_type))
		return SVIO_RX_HASH_L3;
	*hash ^= toeplitz(&rss->table[packet->l3 == 4 ? 16 : 64], frame + packet->l4_offset, 4);
	return SVIO_RX_HASH_L4;
}
