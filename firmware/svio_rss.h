/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive-side scaling: the Toeplitz hash as Microsoft's RSS specification
 * defines it ("RSS hashing types", with its verification suite in the tests).
 */
#ifndef SVIO_RSS_H
#define SVIO_RSS_H

#include <stdint.h>

#include "svio_admin.h"
#include "svio_packet.h"

/* IPv6 addresses and two ports. */
#define SVIO_RSS_INPUT_BYTES 36

/* The key, multiplied out: one row a nibble of input. */
struct svio_rss {
	uint32_t table[SVIO_RSS_INPUT_BYTES * 2][16];
};

void svio_rss_prepare(struct svio_rss *rss, const uint8_t key[SVIO_RSS_KEY_BYTES]);

/*
 * Hash a frame's beginning by the types asked for (SVIO_RSS_*). Returns
 * SVIO_RX_HASH_L4, SVIO_RX_HASH_L3 or 0 (no type applies; *hash is 0).
 */
uint16_t svio_rss_hash(const struct svio_rss *rss, uint32_t types, const uint8_t *frame,
		       const struct svio_packet *packet, uint32_t *hash);

#endif /* SVIO_RSS_H */
