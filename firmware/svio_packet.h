/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the firmware knows of a frame's headers. Pure functions over bytes that
 * were already copied out of guest memory; nothing here trusts a length field
 * of the packet without comparing it to the bytes that are there.
 */
#ifndef SVIO_PACKET_H
#define SVIO_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#define SVIO_ETHERTYPE_VLAN 0x8100
#define SVIO_ETHERTYPE_QINQ 0x88a8
#define SVIO_ETHERTYPE_IPV4 0x0800
#define SVIO_ETHERTYPE_IPV6 0x86dd
#define SVIO_IPPROTO_TCP    6
#define SVIO_IPPROTO_UDP    17

/* Bytes of a frame's beginning that svio_packet_parse() wants to see if they exist. */
#define SVIO_PACKET_HEADER_BYTES 192

struct svio_packet {
	uint16_t ethertype; /* of the payload, behind one VLAN tag if there is one */
	uint16_t vlan_tci;  /* with tagged */
	uint16_t l3_offset; /* bytes from the start of the frame */
	uint16_t l4_offset; /* 0: no TCP or UDP header that can be trusted */
	uint8_t l3;         /* 4, 6 or 0 */
	uint8_t l4;         /* SVIO_IPPROTO_TCP, _UDP or 0 */
	bool tagged;
	bool fragment; /* IP fragment: l4 is 0 */
};

static inline uint16_t svio_get_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t svio_get_be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static inline void svio_put_be16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline void svio_put_be32(uint8_t *p, uint32_t value)
{
	svio_put_be16(p, (uint16_t)(value >> 16));
	svio_put_be16(p + 2, (uint16_t)value);
}

static inline bool svio_mac_is_multicast(const uint8_t *mac)
{
	return mac[0] & 1;
}

static inline bool svio_mac_is_broadcast(const uint8_t *mac)
{
	return (mac[0] & mac[1] & mac[2] & mac[3] & mac[4] & mac[5]) == 0xff;
}

/*
 * Look at the first bytes of a frame (bytes >= 14, else all is zero). Whatever
 * cannot be parsed within bytes is left zero: never an error.
 */
void svio_packet_parse(const uint8_t *frame, uint32_t bytes, struct svio_packet *packet);

#endif /* SVIO_PACKET_H */
