/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_packet.h"

#define IPV4_HEADER_MIN 20
#define IPV6_HEADER     40
#define TCP_HEADER_MIN  20
#define UDP_HEADER      8
/* RFC 8200: extension headers that may stand before TCP or UDP. More than this many: give up. */
#define IPV6_EXTENSIONS_MAX 6
#define IPV6_HOP_BY_HOP     0
#define IPV6_ROUTING        43
#define IPV6_FRAGMENT       44
#define IPV6_DESTINATION    60

/* Accept l4 at offset if its fixed header is within the bytes that are there. */
static void set_l4(struct svio_packet *packet, uint8_t protocol, uint32_t offset, uint32_t bytes)
{
	uint32_t header;

	if (protocol == SVIO_IPPROTO_TCP)
		header = TCP_HEADER_MIN;
	else if (protocol == SVIO_IPPROTO_UDP)
		header = UDP_HEADER;
	else
		return;
	if (offset + header > bytes)
		return;
	packet->l4 = protocol;
	packet->l4_offset = (uint16_t)offset;
}

static void parse_ipv4(const uint8_t *frame, uint32_t bytes, struct svio_packet *packet)
{
	uint32_t offset = packet->l3_offset;
	const uint8_t *ip = frame + offset;
	uint32_t header;

	if (offset + IPV4_HEADER_MIN > bytes || ip[0] >> 4 != 4)
		return;
	header = (uint32_t)(ip[0] & 15) * 4;
	if (header < IPV4_HEADER_MIN || offset + header > bytes)
		return;
	packet->l3 = 4;
	/* More-fragments, or an offset: RFC 791. */
	packet->fragment = (svio_get_be16(ip + 6) & 0x3fff) != 0;
	if (!packet->fragment)
		set_l4(packet, ip[9], offset + header, bytes);
}

static void parse_ipv6(const uint8_t *frame, uint32_t bytes, struct svio_packet *packet)
{
	uint32_t offset = packet->l3_offset;
	uint8_t next;
	int i;

	if (offset + IPV6_HEADER > bytes || frame[offset] >> 4 != 6)
		return;
	packet->l3 = 6;
	next = frame[offset + 6];
	offset += IPV6_HEADER;
	for (i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		if (next == IPV6_FRAGMENT) {
			packet->fragment = true;
			return;
		}
		if (next != IPV6_HOP_BY_HOP && next != IPV6_ROUTING && next != IPV6_DESTINATION)
			break;
		if (offset + 8 > bytes)
			return;
		next = frame[offset];
		offset += ((uint32_t)frame[offset + 1] + 1) * 8;
	}
	set_l4(packet, next, offset, bytes);
}

void svio_packet_parse(const uint8_t *frame, uint32_t bytes, struct svio_packet *packet)
{
	*packet = (struct svio_packet){ 0 };
	if (bytes < 14)
		return;
	packet->ethertype = svio_get_be16(frame + 12);
	packet->l3_offset = 14;
	if (packet->ethertype == SVIO_ETHERTYPE_VLAN && bytes >= 18) {
		packet->tagged = true;
		packet->vlan_tci = svio_get_be16(frame + 14);
		packet->ethertype = svio_get_be16(frame + 16);
		packet->l3_offset = 18;
	}
	if (packet->ethertype == SVIO_ETHERTYPE_IPV4)
		parse_ipv4(frame, bytes, packet);
	else if (packet->ethertype == SVIO_ETHERTYPE_IPV6)
		parse_ipv6(frame, bytes, packet);
}
