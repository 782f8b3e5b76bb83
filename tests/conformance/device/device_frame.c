/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames of the tests, and their checksums, computed the plain way. */
#include <arpa/inet.h>
#include <string.h>

#include "device_guest.h"

#define IPV4_BYTES      20
#define IPV6_BYTES      40
#define TCP_BYTES       20
#define UDP_BYTES       8
#define PROTOCOL_TCP    6
#define PROTOCOL_UDP    17
#define TCP_SUM_OFFSET  16
#define UDP_SUM_OFFSET  6
#define TCP_OFFSET_FIVE 0x50
#define TCP_FLAGS_ACK   0x10

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t add_bytes(uint32_t sum, const uint8_t *data, uint32_t bytes)
{
	for (uint32_t i = 0; i + 1 < bytes; i += 2) {
		sum += get16(data + i);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (bytes & 1) {
		sum += (uint32_t)data[bytes - 1] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

static uint32_t pseudo_header_sum(const uint8_t *ip, bool ipv6, uint8_t protocol, uint32_t l4_bytes)
{
	uint32_t sum = protocol + (l4_bytes >> 16) + (l4_bytes & 0xffff);

	if (ipv6)
		return add_bytes(sum, ip + 8, 32);
	return add_bytes(sum, ip + 12, 8);
}

static void put_ipv4(uint8_t *ip, uint8_t protocol, uint32_t total_bytes)
{
	static const uint8_t addresses[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };

	memset(ip, 0, IPV4_BYTES);
	ip[0] = 0x45;
	put16(ip + 2, total_bytes > 0xffff ? 0 : total_bytes);
	put16(ip + 4, 0x1234);
	ip[8] = 64;
	ip[9] = protocol;
	memcpy(ip + 12, addresses, sizeof(addresses));
	put16(ip + 10, (uint16_t)~add_bytes(0, ip, IPV4_BYTES));
}

static void put_ipv6(uint8_t *ip, uint8_t protocol, uint32_t payload_bytes)
{
	memset(ip, 0, IPV6_BYTES);
	ip[0] = 0x60;
	put16(ip + 4, payload_bytes > 0xffff ? 0 : payload_bytes);
	ip[6] = protocol;
	ip[7] = 64;
	ip[8] = 0xfd;
	ip[23] = 1;
	ip[24] = 0xfd;
	ip[39] = 2;
}

static void put_l4(uint8_t *l4, const struct frame *frame, uint32_t l4_bytes)
{
	uint32_t header = frame->udp ? UDP_BYTES : TCP_BYTES;

	memset(l4, 0, header);
	put16(l4, frame->sport);
	put16(l4 + 2, frame->dport);
	if (frame->udp) {
		put16(l4 + 4, l4_bytes > 0xffff ? 0 : l4_bytes);
	} else {
		put16(l4 + 6, 1000); /* sequence number */
		l4[12] = TCP_OFFSET_FIVE;
		l4[13] = TCP_FLAGS_ACK;
		put16(l4 + 14, 0xffff);
	}
	for (uint32_t i = 0; i < frame->payload_bytes; i++)
		l4[header + i] = (uint8_t)(frame->seed + i * 7 + (i >> 8));
}

static uint32_t put_ethernet(const struct frame *frame, uint8_t *data)
{
	uint32_t at = 12;

	memcpy(data, frame->dst, 6);
	memcpy(data + 6, frame->src, 6);
	if (frame->vlan) {
		put16(data + 12, 0x8100);
		put16(data + 14, frame->vlan);
		at = 16;
	}
	put16(data + at, frame->ipv6 ? 0x86dd : 0x0800);
	return at + 2;
}

uint32_t frame_build(const struct frame *frame, uint8_t *data)
{
	uint8_t protocol = frame->udp ? PROTOCOL_UDP : PROTOCOL_TCP;
	uint32_t l4_bytes = (frame->udp ? UDP_BYTES : TCP_BYTES) + frame->payload_bytes;
	uint8_t *ip = data + put_ethernet(frame, data);
	uint8_t *l4 = ip + (frame->ipv6 ? IPV6_BYTES : IPV4_BYTES);
	uint8_t *sum_at = l4 + (frame->udp ? UDP_SUM_OFFSET : TCP_SUM_OFFSET);
	uint32_t sum;

	if (frame->ipv6)
		put_ipv6(ip, protocol, l4_bytes);
	else
		put_ipv4(ip, protocol, l4_bytes + IPV4_BYTES);
	put_l4(l4, frame, l4_bytes);
	sum = pseudo_header_sum(ip, frame->ipv6, protocol, l4_bytes);
	if (frame->partial) {
		put16(sum_at, sum);
	} else {
		sum = (uint16_t)~add_bytes(sum, l4, l4_bytes);
		put16(sum_at, frame->udp && !sum ? 0xffff : sum);
	}
	return (uint32_t)(l4 - data) + l4_bytes;
}

uint32_t frame_l4_offset(const uint8_t *data, uint32_t bytes)
{
	uint32_t at = 14;

	if (bytes < 34)
		return 0;
	if (get16(data + 12) == 0x8100)
		at = 18;
	if (get16(data + at - 2) == 0x0800)
		return at + (data[at] & 0xfu) * 4;
	return get16(data + at - 2) == 0x86dd ? at + IPV6_BYTES : 0;
}

static bool is_udp(const uint8_t *data)
{
	uint32_t at = get16(data + 12) == 0x8100 ? 18 : 14;

	return (data[at] >> 4 == 6 ? data[at + 6] : data[at + 9]) == PROTOCOL_UDP;
}

uint32_t frame_payload_offset(const uint8_t *data, uint32_t bytes)
{
	uint32_t l4 = frame_l4_offset(data, bytes);

	return l4 + (is_udp(data) ? UDP_BYTES : (data[l4 + 12] >> 4) * 4u);
}

bool frame_checksums_hold(const uint8_t *data, uint32_t bytes)
{
	uint32_t l4 = frame_l4_offset(data, bytes);
	uint32_t at = get16(data + 12) == 0x8100 ? 18 : 14;
	bool ipv6 = data[at] >> 4 == 6;
	uint8_t protocol = is_udp(data) ? PROTOCOL_UDP : PROTOCOL_TCP;
	uint32_t sum;

	if (!l4 || l4 >= bytes)
		return false;
	if (!ipv6 && (uint16_t)~add_bytes(0, data + at, IPV4_BYTES) != 0)
		return false;
	sum = pseudo_header_sum(data + at, ipv6, protocol, bytes - l4);
	return (uint16_t)~add_bytes(sum, data + l4, bytes - l4) == 0;
}

void frame_fill(uint8_t *data, uint32_t bytes, const uint8_t *dst, const uint8_t *src, uint8_t seed)
{
	memcpy(data, dst, 6);
	memcpy(data + 6, src, 6);
	put16(data + 12, 0x88b5);
	for (uint32_t i = 14; i < bytes; i++)
		data[i] = (uint8_t)(seed + i * 13 + (i >> 8));
}
