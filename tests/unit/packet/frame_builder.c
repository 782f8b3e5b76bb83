/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame_builder.h"

#include <string.h>

#include "firmware/svio_packet.h"

uint16_t naive_sum(const uint8_t *data, uint32_t bytes, uint32_t start)
{
	uint32_t sum = start;
	uint32_t i;

	for (i = 0; i < bytes; i++) {
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
		if (sum > 0xffff)
			sum -= 0xffff;
	}
	return (uint16_t)sum;
}

uint16_t naive_l4_sum(const uint8_t *l3, uint8_t version, uint8_t protocol, const uint8_t *l4,
		      uint32_t bytes)
{
	uint8_t tail[8] = { 0 };
	uint16_t sum;

	tail[2] = (uint8_t)(bytes >> 8);
	tail[3] = (uint8_t)bytes;
	tail[7] = protocol;
	sum = version == 4 ? naive_sum(l3 + 12, 8, 0) : naive_sum(l3 + 8, 32, 0);
	return naive_sum(l4, bytes, naive_sum(tail, 8, sum));
}

uint32_t build_l3_offset(const struct frame_spec *spec)
{
	return spec->tagged ? 18 : 14;
}

uint32_t build_l4_offset(const struct frame_spec *spec)
{
	if (spec->version == 4)
		return build_l3_offset(spec) + 20 + spec->ipv4_option_words * 4u;
	return build_l3_offset(spec) + 40 + spec->ipv6_extension_words * 8u;
}

uint32_t build_header_bytes(const struct frame_spec *spec)
{
	uint32_t l4 = spec->protocol == 6 ? 20 + spec->tcp_option_words * 4u : 8;

	return build_l4_offset(spec) + l4;
}

static void build_ethernet(const struct frame_spec *spec, uint8_t *frame)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	uint16_t type = spec->version == 4 ? SVIO_ETHERTYPE_IPV4 : SVIO_ETHERTYPE_IPV6;

	memcpy(frame, macs, sizeof(macs));
	if (spec->tagged) {
		svio_put_be16(frame + 12, SVIO_ETHERTYPE_VLAN);
		svio_put_be16(frame + 14, spec->vlan_tci);
	}
	svio_put_be16(frame + build_l3_offset(spec) - 2, type);
}

static void build_ip(const struct frame_spec *spec, uint8_t *ip, uint32_t ip_bytes)
{
	static const uint8_t addresses[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };
	uint32_t i;

	if (spec->version == 4) {
		uint32_t header = 20 + spec->ipv4_option_words * 4u;

		ip[0] = (uint8_t)(0x40 | header / 4);
		svio_put_be16(ip + 2, (uint16_t)ip_bytes);
		svio_put_be16(ip + 4, 0xfffe);
		ip[8] = 64;
		ip[9] = spec->protocol;
		memcpy(ip + 12, addresses, sizeof(addresses));
		for (i = 20; i < header; i++)
			ip[i] = 1;
		svio_put_be16(ip + 10, (uint16_t)~naive_sum(ip, header, 0));
		return;
	}
	ip[0] = 0x60;
	svio_put_be16(ip + 4, (uint16_t)(ip_bytes - 40));
	ip[6] = spec->ipv6_extension_words ? 60 : spec->protocol;
	ip[7] = 64;
	for (i = 8; i < 40; i++)
		ip[i] = (uint8_t)(0x20 + i);
	if (spec->ipv6_extension_words) {
		ip[40] = spec->protocol;
		ip[41] = (uint8_t)(spec->ipv6_extension_words - 1);
	}
}

uint32_t build_frame(const struct frame_spec *spec, uint8_t *frame)
{
	uint32_t header = build_header_bytes(spec);
	uint32_t bytes = header + spec->payload_bytes;
	uint8_t *ip = frame + build_l3_offset(spec);
	uint8_t *l4 = frame + build_l4_offset(spec);
	uint32_t l4_bytes = bytes - build_l4_offset(spec);
	uint32_t check = spec->protocol == 6 ? 16 : 6;
	uint32_t i;

	memset(frame, 0, header);
	build_ethernet(spec, frame);
	build_ip(spec, ip, bytes - build_l3_offset(spec));
	svio_put_be16(l4, 1000);
	svio_put_be16(l4 + 2, 2000);
	if (spec->protocol == 6) {
		svio_put_be32(l4 + 4, 0xfffffff0);
		l4[12] = (uint8_t)((5 + spec->tcp_option_words) << 4);
		l4[13] = 0x99; /* CWR, ACK, PSH, FIN */
	} else {
		svio_put_be16(l4 + 4, (uint16_t)l4_bytes);
	}
	for (i = 0; i < spec->payload_bytes; i++)
		frame[header + i] = (uint8_t)(i * 7 + 3);
	svio_put_be16(l4 + check,
		      (uint16_t)~naive_l4_sum(ip, spec->version, spec->protocol, l4, l4_bytes));
	return bytes;
}
