/* SPDX-License-Identifier: BSD-3-Clause */
/* Builds frames for tests, and checks checksums the slow, obvious way. */
#ifndef FRAME_BUILDER_H
#define FRAME_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

struct frame_spec {
	uint8_t version;  /* 4 or 6 */
	uint8_t protocol; /* 6, 17 or anything */
	bool tagged;
	uint16_t vlan_tci;
	uint8_t tcp_option_words;  /* 0..10 */
	uint8_t ipv4_option_words; /* 0..10 */
	uint8_t ipv6_extension_words; /* 0: none, else 8-byte units of one destination options header */
	uint32_t payload_bytes;
};

/* Write the frame; returns its length. Payload byte i is (uint8_t)(i * 7 + 3). Checksums are right. */
uint32_t build_frame(const struct frame_spec *spec, uint8_t *frame);
uint32_t build_header_bytes(const struct frame_spec *spec);
uint32_t build_l3_offset(const struct frame_spec *spec);
uint32_t build_l4_offset(const struct frame_spec *spec);

/* RFC 1071, two bytes at a time. */
uint16_t naive_sum(const uint8_t *data, uint32_t bytes, uint32_t start);
/* Over pseudo-header and segment: 0xffff where the checksum is right. */
uint16_t naive_l4_sum(const uint8_t *l3, uint8_t version, uint8_t protocol, const uint8_t *l4,
		      uint32_t bytes);

#endif /* FRAME_BUILDER_H */
