/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet that is being switched: where its bytes are, and what has to be
 * done with it.
 *
 * The first bytes are a copy in device memory (the head), so that what was
 * checked is what is delivered; the rest stays in the sender's memory or the
 * wire's buffer. A VLAN tag is kept beside the head, and put into it or taken
 * out again as each receiver needs it.
 */
#ifndef SVIO_FW_PACKET_H
#define SVIO_FW_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "fw.h"
#include "svio_gso.h"
#include "svio_packet.h"

/* 40 descriptors, each in two pages at least, 64 KiB of 4 KiB pages, and the head. */
#define FW_SEGS_MAX 104

/* Bytes of the frame that are copied into the head, if it has so many: plain, with offloads. */
#define FW_HEAD_PLAIN_BYTES 128
#define FW_HEAD_BYTES       SVIO_GSO_HEADER_MAX

/* Bytes of a frame's addresses: a tag goes behind them. */
#define FW_MACS_BYTES 12

struct fw_seg {
	const char *data;
	uint32_t bytes;
};

struct fw_packet {
	uint32_t source; /* VIF or FW_WIRE */
	uint32_t vlan;   /* the switch's VLAN, 0: none */
	uint32_t owner;  /* the VIF that has the destination address, or FW_MAC_NOBODY */
	uint32_t bytes;  /* of the frame without tag */
	uint32_t segs;
	uint64_t dst; /* MACs as in fw_mac.h */
	uint64_t src;
	uint16_t tci;
	bool tagged;     /* tci counts */
	bool tag_inline; /* the tag stands in the head now */
	bool multicast;  /* or broadcast */
	bool broadcast;
	bool partial;  /* checksum to be completed: csum_start, csum_offset, without tag */
	bool verified; /* the device or the wire answers for the checksum */
	bool parsed;   /* info is valid */
	uint16_t csum_start;
	uint16_t csum_offset;
	uint32_t gso_type;       /* SVIO_GSO_*; then gso is valid */
	struct svio_packet info; /* of the head without tag */
	struct svio_gso *gso;
	struct fw_seg *seg; /* [0] is the head; somewhere in pieces */
	struct fw_seg pieces[FW_SEGS_MAX];
	char room[SVIO_VLAN_TAG_BYTES + FW_HEAD_BYTES + 4];
};

static inline uint8_t *fw_packet_head(struct fw_packet *packet)
{
	return (uint8_t *)packet->room + SVIO_VLAN_TAG_BYTES;
}

/* Length as the next receiver sees it: fw_packet_tag() first. */
static inline uint32_t fw_packet_bytes(const struct fw_packet *packet)
{
	return packet->bytes + (packet->tag_inline ? SVIO_VLAN_TAG_BYTES : 0);
}

static inline uint32_t fw_packet_shift(const struct fw_packet *packet)
{
	return packet->tag_inline ? SVIO_VLAN_TAG_BYTES : 0;
}

/* Put the tag into the head, or take it out. */
void fw_packet_tag_move(struct fw_packet *packet, bool inside);

static inline void fw_packet_tag(struct fw_packet *packet, bool inside)
{
	if (__builtin_expect(packet->tag_inline != inside, 0))
		fw_packet_tag_move(packet, inside);
}

/* Headers of the frame without tag. */
const struct svio_packet *fw_packet_info(struct fw_packet *packet);

/*
 * Make the head: pieces[1..] hold the whole frame of packet->bytes; its first
 * bytes are copied and seg is set.
 */
void fw_packet_pull(struct fw_packet *packet, uint32_t head_bytes);

/* Ready for a new frame. */
void fw_packet_begin(struct fw_packet *packet, uint32_t source);

/* Read MACs and flags out of the head. */
void fw_packet_addresses(struct fw_packet *packet);

/* A tag that stands in the head as it came: take it out and note it. */
void fw_packet_tag_parse(struct fw_packet *packet);

/* Complete a partial checksum in the head. */
void fw_packet_csum_complete(struct fw_packet *packet);

/*
 * Make segment index of a gso packet: its head, and the payload's pieces as they
 * lie. The checksum is left partial.
 */
void fw_packet_segment(const struct fw_packet *packet, uint32_t index, struct fw_packet *segment);

/* Copy bytes from offset of the frame (tag as it is now) to contiguous memory. */
void fw_packet_copy(const struct fw_packet *packet, char *to);

/* A walk over the packet's bytes. */
struct fw_cursor {
	const struct fw_seg *seg;
	uint32_t done; /* of *seg */
};

static inline void fw_cursor_begin(struct fw_cursor *cursor, const struct fw_packet *packet)
{
	cursor->seg = packet->seg;
	cursor->done = 0;
}

/* Copy the next bytes, which must be there. */
static inline void fw_cursor_copy(struct fw_cursor *cursor, char *to, uint32_t bytes)
{
	while (bytes) {
		uint32_t n = cursor->seg->bytes - cursor->done;

		if (n > bytes)
			n = bytes;
		svio_hal_copy(to, cursor->seg->data + cursor->done, n);
		to += n;
		bytes -= n;
		cursor->done += n;
		if (cursor->done == cursor->seg->bytes) {
			cursor->seg++;
			cursor->done = 0;
		}
	}
}

#endif /* SVIO_FW_PACKET_H */
