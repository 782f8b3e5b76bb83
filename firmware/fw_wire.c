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
 * The head is in our memory, as it was checked; what follows it lies in the
 * guest's. False: the frame is lost.
 */
static bool lend_frame(struct svio_fw *fw, const struct fw_packet *packet, char *room)
{
	uint32_t i;

	memcpy(room, packet->seg[0].data, packet->seg[0].bytes);
	for (i = 1; i < packet->segs; i++)
		if (!svio_hal_wire_tx_append(fw->hal, packet->seg[i].data, packet->seg[i].bytes))
			return false;
	return true;
}

static void send_one(struct svio_fw *fw, struct fw_packet *packet)
{
	struct svio_wire_frame frame = { 0 };
	char *room = NULL;

	if (packet->partial && !fw->ops->wire_csum)
		fw_packet_csum_complete(packet);
	fw_packet_tag(packet, packet->tagged);
	frame.bytes = fw_packet_bytes(packet);
	if (frame.bytes <= SVIO_FRAME_BYTES_MAX) {
		if (fw->wire_queued == FW_WIRE_QUEUE)
			fw_wire_flush(fw);
		room = svio_hal_wire_tx_room(fw->hal, frame.bytes);
		if (!room && fw->wire_queued) {
			fw_wire_flush(fw);
			room = svio_hal_wire_tx_room(fw->hal, frame.bytes);
		}
	}
	if (room && !should_lend(fw, packet))
		fw_packet_copy(packet, room);
	else if (room && !lend_frame(fw, packet, room))
		room = NULL;
	if (!room) {
		fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_tx_drop, 1);
		return;
	}
	frame.data = room;
	if (packet->partial) {
		frame.flags = SVIO_WIRE_CSUM;
		frame.csum_start = (uint16_t)(packet->csum_start + fw_packet_shift(packet));
		frame.csum_offset = packet->csum_offset;
	}
	svio_hal_wire_tx_send(fw->hal, &frame);
	fw->wire_bytes[fw->wire_queued++] = (uint16_t)frame.bytes;
}

uint32_t fw_wire_send(struct svio_fw *fw, struct fw_packet *packet)
{
	uint32_t i;

	if (!packet->gso_type) {
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

static void receive_one(struct svio_fw *fw, const struct svio_wire_frame *frame)
{
	struct fw_packet *packet = fw->packet;

	if (frame->bytes < SVIO_ETH_HEADER_BYTES || frame->bytes > SVIO_FRAME_BYTES_MAX) {
		fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_malformed, 1);
		return;
	}
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_packets, 1);
	fw_device_count(fw, SVIO_DEVICE_COUNTER_wire_rx_bytes, frame->bytes);
	fw_packet_begin(packet, FW_WIRE);
	packet->bytes = frame->bytes;
	packet->verified = frame->flags & SVIO_WIRE_CSUM_OK;
	packet->pieces[1] = (struct fw_seg){ .data = frame->data, .bytes = frame->bytes };
	packet->segs = 1;
	fw_packet_pull(packet,
		       frame->bytes < FW_HEAD_PLAIN_BYTES ? frame->bytes : FW_HEAD_PLAIN_BYTES);
	fw_packet_tag_parse(packet);
	fw_packet_addresses(packet);
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
