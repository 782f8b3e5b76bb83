/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_csum.h"

#include <string.h>

/*
 * One's-complement addition commutes with byte order (RFC 1071, section 2 B):
 * the sum is taken over native words and turned once, in svio_csum_fold().
 */
uint64_t svio_csum_add(uint64_t sum, const void *data, uint32_t bytes)
{
	const uint8_t *p = data;
	uint64_t low = 0;
	uint64_t high = 0;

	/* Two 32-bit lanes: their carries collect in the upper halves; 4 GiB cannot overflow them. */
	while (bytes >= 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		low += word & 0xffffffffu;
		high += word >> 32;
		p += 8;
		bytes -= 8;
	}
	if (bytes) {
		uint64_t word = 0;

		memcpy(&word, p, bytes);
		low += word & 0xffffffffu;
		high += word >> 32;
	}
	/* Keep the running sum below 2^35, so that any number of pieces can be added. */
	low = (low & 0xffffffffu) + (low >> 32);
	high = (high & 0xffffffffu) + (high >> 32);
	sum += low + high;
	return (sum & 0xffffffffu) + (sum >> 32);
}

uint16_t svio_csum_fold(uint64_t sum)
{
	uint8_t bytes[2];
	uint16_t native;

	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	native = (uint16_t)sum;
	memcpy(bytes, &native, sizeof(bytes));
	return svio_get_be16(bytes);
}

uint64_t svio_csum_pseudo(const uint8_t *l3, uint8_t version, uint8_t protocol, uint32_t l4_bytes)
{
	uint8_t tail[8] = { 0 };
	uint64_t sum;

	svio_put_be32(tail, l4_bytes);
	tail[7] = protocol;
	if (version == 4)
		sum = svio_csum_add(0, l3 + 12, 8);
	else
		sum = svio_csum_add(0, l3 + 8, 32);
	return svio_csum_add(sum, tail, sizeof(tail));
}

bool svio_csum_complete(uint8_t *frame, uint32_t bytes, uint32_t start, uint32_t offset)
{
	uint16_t checksum;

	if (start >= bytes || offset > bytes || start + offset + 2 > bytes)
		return false;
	checksum = (uint16_t)~svio_csum_fold(svio_csum_add(0, frame + start, bytes - start));
	/* RFC 768: a UDP checksum of zero would mean "none"; for TCP both zeros are equal. */
	svio_put_be16(frame + start + offset, checksum ? checksum : 0xffff);
	return true;
}

/* Bytes of the L4 segment by the IP header; 0 where it does not fit the frame. */
static uint32_t l4_length(const uint8_t *frame, uint32_t bytes, const struct svio_packet *packet)
{
	const uint8_t *ip = frame + packet->l3_offset;
	uint32_t end;

	if (packet->l3 == 4)
		end = packet->l3_offset + svio_get_be16(ip + 2);
	else
		end = packet->l3_offset + 40u + svio_get_be16(ip + 4);
	if (end > bytes || end <= packet->l4_offset)
		return 0;
	return end - packet->l4_offset;
}

bool svio_csum_verify(const uint8_t *frame, uint32_t bytes, const struct svio_packet *packet)
{
	const uint8_t *l4 = frame + packet->l4_offset;
	uint32_t length;
	uint64_t sum;

	if (!packet->l4)
		return false;
	length = l4_length(frame, bytes, packet);
	if (length < 8)
		return false;
	if (packet->l4 == SVIO_IPPROTO_UDP && !svio_get_be16(l4 + 6))
		return false;
	sum = svio_csum_pseudo(frame + packet->l3_offset, packet->l3, packet->l4, length);
	return svio_csum_fold(svio_csum_add(sum, l4, length)) == 0xffff;
}

void svio_csum_ipv4(uint8_t *ip)
{
	uint32_t header = (uint32_t)(ip[0] & 15) * 4;

	svio_put_be16(ip + 10, 0);
	svio_put_be16(ip + 10, (uint16_t)~svio_csum_fold(svio_csum_add(0, ip, header)));
}
