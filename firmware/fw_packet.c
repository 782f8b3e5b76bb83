/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_packet.h"

#include "svio_csum.h"

void fw_packet_tag_move(struct fw_packet *packet, bool inside)
{
	char *head = packet->room + SVIO_VLAN_TAG_BYTES;
	uint8_t tag[SVIO_VLAN_TAG_BYTES];

	if (inside) {
		svio_put_be16(tag, SVIO_ETHERTYPE_VLAN);
		svio_put_be16(tag + 2, packet->tci);
		memmove(packet->room, head, FW_MACS_BYTES);
		memcpy(packet->room + FW_MACS_BYTES, tag, sizeof(tag));
		packet->seg[0].data = packet->room;
		packet->seg[0].bytes += SVIO_VLAN_TAG_BYTES;
	} else {
		memmove(head, packet->room, FW_MACS_BYTES);
		packet->seg[0].data = head;
		packet->seg[0].bytes -= SVIO_VLAN_TAG_BYTES;
	}
	packet->tag_inline = inside;
}

/* The head holds at least 14 bytes, and 18 where the frame has them. */
void fw_packet_tag_parse(struct fw_packet *packet)
{
	uint8_t *head = fw_packet_head(packet);

	if (packet->bytes < SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES ||
	    svio_get_be16(head + FW_MACS_BYTES) != SVIO_ETHERTYPE_VLAN)
		return;
	packet->tci = svio_get_be16(head + FW_MACS_BYTES + 2);
	packet->tagged = true;
	packet->seg[0].bytes -= SVIO_VLAN_TAG_BYTES;
	packet->bytes -= SVIO_VLAN_TAG_BYTES;
	memmove(head + FW_MACS_BYTES, head + FW_MACS_BYTES + SVIO_VLAN_TAG_BYTES,
		packet->seg[0].bytes - FW_MACS_BYTES);
}

void fw_packet_begin(struct fw_packet *packet, uint32_t source)
{
	packet->source = source;
	packet->vlan = 0;
	packet->owner = FW_MAC_NOBODY;
	packet->bytes = 0;
	packet->segs = 0;
	packet->tci = 0;
	packet->tagged = false;
	packet->tag_inline = false;
	packet->partial = false;
	packet->verified = false;
	packet->parsed = false;
	packet->gso_type = SVIO_GSO_NONE;
}

void fw_packet_pull(struct fw_packet *packet, uint32_t head_bytes)
{
	struct fw_seg *piece = &packet->pieces[1];
	char *head = (char *)fw_packet_head(packet);
	uint32_t done = 0;

	while (done < head_bytes) {
		uint32_t n = piece->bytes;

		if (n > head_bytes - done)
			n = head_bytes - done;
		svio_hal_copy(head + done, piece->data, n);
		done += n;
		piece->data += n;
		piece->bytes -= n;
		if (!piece->bytes)
			piece++;
	}
	packet->segs -= (uint32_t)(piece - &packet->pieces[1]);
	packet->segs++;
	packet->seg = piece - 1;
	packet->seg[0].data = head;
	packet->seg[0].bytes = head_bytes;
}

void fw_packet_addresses(struct fw_packet *packet)
{
	const uint8_t *head = fw_packet_head(packet);

	packet->dst = fw_mac_load(head);
	packet->src = fw_mac_load(head + 6);
	packet->multicast = svio_mac_is_multicast(head);
	packet->broadcast = svio_mac_is_broadcast(head);
}

const struct svio_packet *fw_packet_info(struct fw_packet *packet)
{
	if (!packet->parsed) {
		uint32_t bytes = packet->seg[0].bytes - fw_packet_shift(packet);

		fw_packet_tag(packet, false);
		svio_packet_parse(fw_packet_head(packet), bytes, &packet->info);
		packet->parsed = true;
	}
	return &packet->info;
}

/*
 * The pieces may have odd lengths: a piece that begins at an odd byte adds its
 * sum with the bytes swapped (RFC 1071, section 2 B), which on a little-endian
 * machine is what svio_csum_fold() returns.
 */
static uint16_t sum_from(const struct fw_packet *packet, uint32_t start)
{
	const struct fw_seg *seg = packet->seg;
	uint32_t left = packet->bytes - start;
	uint64_t sum = 0;
	bool odd = false;

	while (start >= seg->bytes) {
		start -= seg->bytes;
		seg++;
	}
	for (; left; seg++) {
		uint32_t n = seg->bytes - start;
		uint64_t piece = svio_csum_add(0, seg->data + start, n);

		sum += odd ? svio_csum_fold(piece) : piece;
		odd ^= n & 1;
		left -= n;
		start = 0;
	}
	return svio_csum_fold(sum);
}

void fw_packet_csum_complete(struct fw_packet *packet)
{
	uint16_t checksum;

	fw_packet_tag(packet, false);
	checksum = (uint16_t)~sum_from(packet, packet->csum_start);
	/* RFC 768: a UDP checksum of zero would mean "none"; for TCP both zeros are equal. */
	svio_put_be16(fw_packet_head(packet) + packet->csum_start + packet->csum_offset,
		      checksum ? checksum : 0xffff);
	packet->partial = false;
	packet->verified = true;
}

/* Point at bytes of packet from offset on (without tag, behind the head). */
static uint32_t slice(const struct fw_packet *packet, uint32_t offset, uint32_t bytes,
		      struct fw_seg *out)
{
	const struct fw_seg *seg = packet->seg;
	uint32_t count = 0;

	while (offset >= seg->bytes) {
		offset -= seg->bytes;
		seg++;
	}
	while (bytes) {
		uint32_t n = seg->bytes - offset;

		if (n > bytes)
			n = bytes;
		out[count++] = (struct fw_seg){ .data = seg->data + offset, .bytes = n };
		bytes -= n;
		offset = 0;
		seg++;
	}
	return count;
}

void fw_packet_segment(const struct fw_packet *packet, uint32_t index, struct fw_packet *segment)
{
	const struct svio_gso *gso = packet->gso;
	uint32_t payload = svio_gso_payload_bytes(gso, index);

	fw_packet_begin(segment, packet->source);
	segment->vlan = packet->vlan;
	segment->owner = packet->owner;
	segment->bytes = gso->header_bytes + payload;
	segment->dst = packet->dst;
	segment->src = packet->src;
	segment->tci = packet->tci;
	segment->tagged = packet->tagged;
	segment->multicast = packet->multicast;
	segment->broadcast = packet->broadcast;
	segment->partial = true;
	segment->csum_start = svio_gso_csum_start(gso);
	segment->csum_offset = svio_gso_csum_offset(gso);
	segment->seg = segment->pieces;
	svio_gso_header(gso, index, fw_packet_head(segment));
	segment->seg[0].data = (char *)fw_packet_head(segment);
	segment->seg[0].bytes = gso->header_bytes;
	segment->segs =
		1 + slice(packet, svio_gso_payload_offset(gso, index), payload, &segment->seg[1]);
}

void fw_packet_copy(const struct fw_packet *packet, char *to)
{
	struct fw_cursor cursor;

	fw_cursor_begin(&cursor, packet);
	fw_cursor_copy(&cursor, to, fw_packet_bytes(packet));
}
