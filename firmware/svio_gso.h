/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Segmentation: makes the headers of each segment of an unsegmented TCP or UDP
 * packet. The payload stays where it is: the caller copies
 * svio_gso_payload_bytes() behind each header.
 */
#ifndef SVIO_GSO_H
#define SVIO_GSO_H

#include <stdint.h>

/* Ethernet, VLAN tag, IPv6 with extensions, TCP with options. */
#define SVIO_GSO_HEADER_MAX 192

struct svio_gso {
	uint8_t header[SVIO_GSO_HEADER_MAX]; /* of the unsegmented packet */
	uint32_t payload_bytes;
	uint32_t segments;
	uint16_t header_bytes;
	uint16_t size; /* payload bytes a segment */
	uint16_t l3_offset;
	uint16_t l4_offset;
	uint8_t type; /* SVIO_GSO_* */
};

/*
 * Prepare. header: header_bytes bytes of the packet, in device memory; bytes:
 * the whole packet; type, size: from svio_tx_ext. 0; -EINVAL: the headers are
 * not what type says, do not fit header_bytes, size or payload is 0, more than
 * 65535 bytes of payload, or more than SVIO_GSO_SEGMENTS_MAX segments.
 */
int svio_gso_begin(struct svio_gso *gso, const uint8_t *header, uint32_t header_bytes,
		   uint32_t bytes, uint32_t type, uint32_t size);

/* Payload bytes of segment index, 0..segments-1, and where they begin in the packet. */
uint32_t svio_gso_payload_bytes(const struct svio_gso *gso, uint32_t index);
uint32_t svio_gso_payload_offset(const struct svio_gso *gso, uint32_t index);

/*
 * Write the header_bytes bytes of header of segment index: IP lengths, IPv4 ID
 * and checksum, TCP sequence and flags, UDP length. The L4 checksum field holds
 * the pseudo-header's sum: complete it with svio_csum_complete() at
 * svio_gso_csum_start/offset once the payload is there, or pass it on as partial.
 */
void svio_gso_header(const struct svio_gso *gso, uint32_t index, uint8_t *out);
uint16_t svio_gso_csum_start(const struct svio_gso *gso);
uint16_t svio_gso_csum_offset(const struct svio_gso *gso);

#endif /* SVIO_GSO_H */
