/* SPDX-License-Identifier: BSD-3-Clause */
/* The Internet checksum (RFC 1071) over bytes in device or wire memory. */
#ifndef SVIO_CSUM_H
#define SVIO_CSUM_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_packet.h"

/*
 * Add bytes to a running sum. Sums of pieces may be chained as long as every
 * piece but the last has an even number of bytes. Start with 0.
 */
uint64_t svio_csum_add(uint64_t sum, const void *data, uint32_t bytes);

/* Fold a running sum to the 16 bits as they stand in memory order (big-endian value). */
uint16_t svio_csum_fold(uint64_t sum);

/* The pseudo-header's sum for an IP header at l3 (RFC 793, RFC 8200 section 8.1). */
uint64_t svio_csum_pseudo(const uint8_t *l3, uint8_t version, uint8_t protocol, uint32_t l4_bytes);

/*
 * Complete the checksum of a contiguous frame as svio_tx_ext says: sum from
 * start to the end, into start + offset, which holds the pseudo-header's sum.
 * False, nothing changed: the field is not within the frame.
 */
bool svio_csum_complete(uint8_t *frame, uint32_t bytes, uint32_t start, uint32_t offset);

/* Is the TCP or UDP checksum of this contiguous frame right? False also where there is none. */
bool svio_csum_verify(const uint8_t *frame, uint32_t bytes, const struct svio_packet *packet);

/* Set the header checksum of the IPv4 header at ip (its length was checked by parse). */
void svio_csum_ipv4(uint8_t *ip);

#endif /* SVIO_CSUM_H */
