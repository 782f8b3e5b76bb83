/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_gso.h"

#include <errno.h>
#include <string.h>

#include "svio_csum.h"
#include "svio_packet.h"
#include "svio_ring.h"

#define TCP_FLAGS 13
#define TCP_FIN   0x01
#define TCP_PSH   0x08
#define TCP_CWR   0x80
#define TCP_CSUM  16
#define UDP_CSUM  6

static int is_tcp(uint32_t type)
{
	return type == SVIO_GSO_TCP4 || type == SVIO_GSO_TCP6;
}

static uint8_t ip_version(uint32_t type)
{
	return type == SVIO_GSO_TCP4 || type == SVIO_GSO_UDP4 ? 4 : 6;
}

/* Bytes of headers by the headers themselves; 0 where they are not of this type. */
static uint32_t measure_headers(const struct svio_packet *packet, const uint8_t *header,
				uint32_t type)
{
	if (packet->l3 != ip_version(type))
		return 0;
	if (!is_tcp(type))
		return packet->l4 == SVIO_IPPROTO_UDP ? packet->l4_offset + 8u : 0;
	if (packet->l4 != SVIO_IPPROTO_TCP || header[packet->l4_offset + 12] >> 4 < 5)
		return 0;
	return packet->l4_offset + (uint32_t)(header[packet->l4_offset + 12] >> 4) * 4;
}

int svio_gso_begin(struct svio_gso *gso, const uint8_t *header, uint32_t header_bytes,
		   uint32_t bytes, uint32_t type, uint32_t size)
{
	struct svio_packet packet;

	if (type == SVIO_GSO_NONE || type >= SVIO_GSO_COUNT || !size || size > UINT16_MAX)
		return -EINVAL;
	if (header_bytes > SVIO_GSO_HEADER_MAX || bytes <= header_bytes ||
	    bytes - header_bytes > UINT16_MAX)
		return -EINVAL;
	/* More would let one packet hold up the device, and each of its neighbours, for long. */
	if (bytes - header_bytes > size * SVIO_GSO_SEGMENTS_MAX)
		return -EINVAL;
	svio_packet_parse(header, header_bytes, &packet);
	if (measure_headers(&packet, header, type) != header_bytes)
		return -EINVAL;

	memcpy(gso->header, header, header_bytes);
	gso->header_bytes = (uint16_t)header_bytes;
	gso->payload_bytes = bytes - header_bytes;
	gso->size = (uint16_t)size;
	gso->segments = (gso->payload_bytes + size - 1) / size;
	gso->l3_offset = packet.l3_offset;
	gso->l4_offset = packet.l4_offset;
	gso->type = (uint8_t)type;
	return 0;
}

uint32_t svio_gso_payload_bytes(const struct svio_gso *gso, uint32_t index)
{
	uint32_t done = index * gso->size;

	return gso->payload_bytes - done < gso->size ? gso->payload_bytes - done : gso->size;
}

uint32_t svio_gso_payload_offset(const struct svio_gso *gso, uint32_t index)
{
	return gso->header_bytes + index * gso->size;
}

static void set_ip(const struct svio_gso *gso, uint32_t index, uint8_t *ip, uint32_t ip_bytes)
{
	if (ip_version(gso->type) == 4) {
		svio_put_be16(ip + 2, (uint16_t)ip_bytes);
		svio_put_be16(ip + 4, (uint16_t)(svio_get_be16(ip + 4) + index));
		svio_csum_ipv4(ip);
	} else {
		svio_put_be16(ip + 4, (uint16_t)(ip_bytes - 40));
	}
}

static void set_tcp(const struct svio_gso *gso, uint32_t index, uint8_t *tcp)
{
	svio_put_be32(tcp + 4, svio_get_be32(tcp + 4) + index * gso->size);
	/* The first alone announces CWR (RFC 3168), the last alone ends or pushes. */
	if (index)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (index + 1 < gso->segments)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
}

void svio_gso_header(const struct svio_gso *gso, uint32_t index, uint8_t *out)
{
	uint32_t payload = svio_gso_payload_bytes(gso, index);
	uint32_t l4_bytes = gso->header_bytes - gso->l4_offset + payload;
	uint8_t *l4 = out + gso->l4_offset;
	uint8_t protocol = is_tcp(gso->type) ? SVIO_IPPROTO_TCP : SVIO_IPPROTO_UDP;
	uint64_t pseudo;

	memcpy(out, gso->header, gso->header_bytes);
	set_ip(gso, index, out + gso->l3_offset, gso->header_bytes - gso->l3_offset + payload);
	if (is_tcp(gso->type))
		set_tcp(gso, index, l4);
	else
		svio_put_be16(l4 + 4, (uint16_t)l4_bytes);
	pseudo = svio_csum_pseudo(out + gso->l3_offset, ip_version(gso->type), protocol, l4_bytes);
	svio_put_be16(l4 + svio_gso_csum_offset(gso), svio_csum_fold(pseudo));
}

uint16_t svio_gso_csum_start(const struct svio_gso *gso)
{
	return gso->l4_offset;
}

uint16_t svio_gso_csum_offset(const struct svio_gso *gso)
{
	return is_tcp(gso->type) ? TCP_CSUM : UDP_CSUM;
}
