/* SPDX-License-Identifier: BSD-3-Clause */
/* The physical port: frames to it and from it. */
#include <string.h>

#include "fw_packet.h"

void fw_wire_flush(struct svio_fw *fw)
{
	uint32_t refused;
	uint32_t i;

	if (!fw->wire_queued)
		return;
	refused = svio_hal_wire_tx_flush(fw->hal);
	if (refused > fw->wire_queued)
		refused = fw->wire_queued;
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_tx_packets, fw->wire_queued - refused);
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_tx_drop, refused);
	/* It is the last ones that a wire refuses. */
	for (i = 0; i < fw->wire_queued - refused; i++)
		fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_tx_bytes, fw->wire_bytes[i]);
	fw->wire_queued = 0;
}

/* Frames with less than this behind their head are copied: that is cheaper than to wait. */
#define LEND_BYTES_MIN 512

static bool should_lend(const struct svio_fw *fw, const struct fw_packet *packet)
{
	return svio_hal_wire_lends(fw->hal) && packet->source != FW_WIRE &&
	       packet->segs <= SVIO_WIRE_PIECES_MAX + 1 &&
	       packet->bytes >= packet->seg[0].bytes + LEND_BYTES_MIN;
}

/*
 * Pieces at the frame's beginning that lie in our memory, where the next packet will be: the
 * head, as it was checked, and in a first segment the payload that was copied with it.
 */
static uint32_t own_pieces(const struct svio_fw *fw, const struct fw_packet *packet)
{
	uintptr_t room = (uintptr_t)fw->packet->room;
	uint32_t n = 1;

	while (n < packet->segs && (uintptr_t)packet->seg[n].data - room < sizeof(fw->packet->room))
		n++;
	return n;
}

/* What follows the first own pieces lies in the guest's memory. False: the frame is lost. */
static bool append_frame(struct svio_fw *fw, const struct fw_packet *packet, uint32_t own,
			 char *room)
{
	uint32_t i;

	for (i = 0; i < own; i++) {
		memcpy(room, packet->seg[i].data, packet->seg[i].bytes);
		room += packet->seg[i].bytes;
	}
	for (; i < packet->segs; i++)
		if (!svio_hal_wire_tx_append(fw->hal, packet->seg[i].data, packet->seg[i].bytes))
			return false;
	return true;
}

static char *take_room(struct svio_fw *fw, uint32_t bytes)
{
	char *room;

	if (bytes > SVIO_FRAME_BYTES_MAX)
		return NULL;
	if (fw->wire_queued == FW_WIRE_QUEUE)
		fw_wire_flush(fw);
	room = svio_hal_wire_tx_room(fw->hal, bytes);
	if (!room && fw->wire_queued) {
		fw_wire_flush(fw);
		room = svio_hal_wire_tx_room(fw->hal, bytes);
	}
	return room;
}

/* Room with the packet in it. NULL: the wire has none, the packet is lost. */
static char *put_packet(struct svio_fw *fw, const struct fw_packet *packet)
{
	uint32_t bytes = 0;
	uint32_t own;
	char *room;
	uint32_t i;

	if (!packet->gso_type && !should_lend(fw, packet)) {
		bytes = fw_packet_bytes(packet);
		room = take_room(fw, bytes);
		if (room && packet->segs == 1)
			svio_hal_copy(room, packet->seg[0].data, bytes);
		else if (room)
			fw_packet_copy(packet, room);
		return room;
	}
	own = own_pieces(fw, packet);
	for (i = 0; i < own; i++)
		bytes += packet->seg[i].bytes;
	room = take_room(fw, bytes);
	return room && append_frame(fw, packet, own, room) ? room : NULL;
}

/* A frame, or an unsegmented packet for a wire that cuts it. */
static void send_one(struct svio_fw *fw, struct fw_packet *packet)
{
	struct svio_wire_frame frame = { .gso_type = (uint8_t)packet->gso_type };

	if (packet->partial && !fw->ops->wire_csum)
		fw_packet_csum_complete(packet);
	fw_packet_tag(packet, packet->tagged);
	frame.bytes = fw_packet_bytes(packet);
	frame.data = put_packet(fw, packet);
	if (!frame.data) {
		fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_tx_drop, 1);
		return;
	}
	if (packet->partial) {
		frame.flags = SVIO_WIRE_CSUM;
		frame.csum_start = (uint16_t)(packet->csum_start + fw_packet_shift(packet));
		frame.csum_offset = packet->csum_offset;
	}
	if (packet->gso_type) {
		frame.gso_size = packet->gso->size;
		frame.hdr_len = (uint16_t)(packet->gso->header_bytes + fw_packet_shift(packet));
	}
	svio_hal_wire_tx_send(fw->hal, &frame);
	fw->wire_bytes[fw->wire_queued++] = frame.bytes;
}

_Static_assert(FW_SEGS_MAX <= SVIO_WIRE_GSO_PIECES_MAX, "any packet can be appended");

/* Segments that are longer than a frame may be are nobody's to send. */
static bool wire_segments(const struct svio_fw *fw, const struct fw_packet *packet)
{
	return fw->ops->wire_csum && fw->ops->wire_gso >> packet->gso_type & 1 &&
	       packet->gso->header_bytes + packet->gso->size + SVIO_VLAN_TAG_BYTES <=
		       SVIO_FRAME_BYTES_MAX;
}

uint32_t fw_wire_send(struct svio_fw *fw, struct fw_packet *packet)
{
	uint32_t i;

	if (!packet->gso_type || wire_segments(fw, packet)) {
		send_one(fw, packet);
		return 1;
	}
	fw_packet_tag(packet, false);
	for (i = 0; i < packet->gso->segments; i++) {
		fw_packet_segment(packet, i, fw->segment_packet);
		send_one(fw, fw->segment_packet);
	}
	return packet->gso->segments;
}

static bool length_holds(const struct svio_wire_frame *frame)
{
	uint32_t longest = frame->gso_type ? SVIO_GSO_BYTES_MAX : SVIO_FRAME_BYTES_MAX;

	return frame->bytes >= SVIO_ETH_HEADER_BYTES && frame->bytes <= longest;
}

/* What the frame's sender left to be done, checked: a host may be wrong as a guest may. */
static bool apply_offload(const struct svio_wire_frame *frame, struct fw_packet *packet)
{
	uint32_t tag_bytes = frame->bytes - packet->bytes;
	uint32_t start = frame->csum_start;

	if (!(frame->flags & SVIO_WIRE_CSUM))
		return !frame->gso_type;
	if (start < SVIO_ETH_HEADER_BYTES + tag_bytes ||
	    start - tag_bytes + frame->csum_offset + 2u > packet->seg[0].bytes)
		return false;
	packet->partial = true;
	packet->csum_start = (uint16_t)(start - tag_bytes);
	packet->csum_offset = frame->csum_offset;
	if (!frame->gso_type)
		return true;
	if (frame->hdr_len < tag_bytes || frame->hdr_len - tag_bytes > packet->seg[0].bytes ||
	    svio_gso_begin(packet->gso, fw_packet_head(packet), frame->hdr_len - tag_bytes,
			   packet->bytes, frame->gso_type, frame->gso_size) ||
	    packet->csum_start != svio_gso_csum_start(packet->gso) ||
	    packet->csum_offset != svio_gso_csum_offset(packet->gso))
		return false;
	packet->gso_type = frame->gso_type;
	return true;
}

/* The frame as a packet: head, tag, addresses. False: it makes no sense. */
static bool take_frame(const struct svio_wire_frame *frame, struct fw_packet *packet)
{
	uint32_t head = frame->flags & SVIO_WIRE_CSUM ? FW_HEAD_BYTES : FW_HEAD_PLAIN_BYTES;

	if (!length_holds(frame))
		return false;
	fw_packet_begin(packet, FW_WIRE);
	packet->bytes = frame->bytes;
	packet->verified = frame->flags & SVIO_WIRE_CSUM_OK;
	packet->pieces[1] = (struct fw_seg){ .data = frame->data, .bytes = frame->bytes };
	packet->segs = 1;
	fw_packet_pull(packet, frame->bytes < head ? frame->bytes : head);
	fw_packet_tag_parse(packet);
	fw_packet_addresses(packet);
	return apply_offload(frame, packet);
}

static void receive_one(struct svio_fw *fw, const struct svio_wire_frame *frame)
{
	struct fw_packet *packet = fw->packet;

	if (!take_frame(frame, packet)) {
		fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_malformed, 1);
		return;
	}
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_packets, 1);
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_bytes, frame->bytes);
	packet->vlan = packet->tagged ? packet->tci & 0xfffu : 0;
	if (packet->vlan == 0xfff) {
		fw_device_count(fw, SVIO_DEVICE_COUNTER_switch_drop, 1);
		return;
	}
	fw_mac_unlearn(fw->macs, packet->src, packet->vlan);
	fw_switch_forward(fw, packet);
}

uint32_t fw_wire_poll(struct svio_fw *fw)
{
	struct svio_wire_frame frames[FW_WIRE_BURST];
	uint32_t count = svio_hal_wire_rx(fw->hal, frames, FW_WIRE_BURST);
	uint32_t i;

	if (!count)
		return 0;
	fw_section_begin(fw);
	for (i = 0; i < count; i++) {
		if (fw_section_leave(fw)) {
			fw_section_end(fw);
			fw_section_begin(fw);
		}
		receive_one(fw, &frames[i]);
	}
	fw_section_end(fw);
	svio_hal_wire_rx_done(fw->hal);
	return count;
}
