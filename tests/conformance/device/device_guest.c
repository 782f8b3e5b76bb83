/* SPDX-License-Identifier: BSD-3-Clause */
/* See device_guest.h: guests, sending and receiving. */
#include "device_guest.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svio_vif_raw.h"

#define SEND_ELEMENTS_MAX 64
#define MARKER_BYTES      60
#define MARKER_SEED       0xa7

void guest_open(struct guest *guest, struct device_lab *lab, const char *name,
		const struct svio_vif_options *options)
{
	struct svio_vif_options all = { .features = SVIO_VIF_FEATURES_ALL };

	if (options)
		all = *options;
	memset(guest, 0, sizeof(*guest));
	guest->lab = lab;
	snprintf(guest->name, sizeof(guest->name), "%s", name);
	all.path = lab_socket(lab, name);
	if (svio_vif_open(&all, &guest->vif)) {
		fprintf(stderr, "guest %s: %s\n", name, svio_vif_message());
		exit(1);
	}
	guest->queue = svio_vif_queue(guest->vif, 0);
	memcpy(guest->mac, svio_vif_info(guest->vif)->mac, 6);
}

void guest_close(struct guest *guest)
{
	svio_vif_close(guest->vif);
	guest->vif = NULL;
}

/* Spreads a frame over buffers; returns how many, 0 when the pool has too few. */
static uint32_t fill_bufs(struct guest *guest, struct svio_vif_buf *bufs, const uint8_t *frame,
			  uint32_t bytes, uint32_t cut)
{
	uint32_t room = svio_vif_info(guest->vif)->buf_bytes;
	uint32_t first = cut && cut < room ? cut : room;
	uint32_t n = bytes <= first ? 1 : 1 + (bytes - first + room - 1) / room;

	if (n > SEND_ELEMENTS_MAX)
		return 0;
	if (svio_vif_alloc_burst(guest->queue, bufs, n) < n)
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t share = i ? room : first;

		share = share < bytes ? share : bytes;
		memcpy(bufs[i].data, frame, share);
		bufs[i].len = (uint16_t)share;
		bufs[i].flags = i + 1 == n ? SVIO_VIF_END : 0;
		frame += share;
		bytes -= share;
	}
	return n;
}

static void apply_meta(struct svio_vif_buf *buf, const struct svio_vif_buf *meta)
{
	buf->flags |= meta->flags & ~SVIO_VIF_END;
	buf->vlan_tci = meta->vlan_tci;
	buf->csum_start = meta->csum_start;
	buf->csum_offset = meta->csum_offset;
	buf->gso_size = meta->gso_size;
	buf->gso_type = meta->gso_type;
	buf->hdr_len = meta->hdr_len;
}

bool guest_send(struct guest *guest, const void *frame, uint32_t bytes, uint32_t cut,
		const struct svio_vif_buf *meta)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	struct svio_vif_buf bufs[SEND_ELEMENTS_MAX];
	uint32_t n = 0;

	while (!(n = fill_bufs(guest, bufs, frame, bytes, cut))) {
		if (lab_now_ns() > deadline)
			return false;
		sched_yield();
	}
	if (meta)
		apply_meta(&bufs[0], meta);
	while (!svio_vif_tx_burst(guest->queue, bufs, n)) {
		if (lab_now_ns() > deadline) {
			svio_vif_free_burst(guest->queue, bufs, n);
			return false;
		}
		sched_yield();
	}
	return true;
}

/* Has the next completion been written? */
static bool waits(struct svio_vif_queue *queue)
{
	struct svio_vif_raw_queue raw;
	uint16_t flags;

	svio_vif_raw_queue_get(queue, &raw);
	flags = __atomic_load_n(&raw.rx_cmpl[raw.rx_head & ((1u << raw.rx_lg2) - 1)].flags,
				__ATOMIC_ACQUIRE);
	return (flags & SVIO_RX_PHASE) == ((raw.rx_head >> raw.rx_lg2 & 1) ^ 1);
}

/*
 * Asks for room for one element, two, … until the packet that waits fits: so it alone is taken.
 * If none waited before the first try, several that come meanwhile would be taken for one.
 */
bool guest_receive_now(struct guest *guest, uint16_t pair, struct received *received)
{
	struct svio_vif_queue *queue = svio_vif_queue(guest->vif, pair);
	struct svio_vif_buf bufs[SEND_ELEMENTS_MAX * 5];
	uint32_t n = 0;

	if (!waits(queue))
		return false;
	for (uint32_t room = 1; !n && room <= sizeof(bufs) / sizeof(bufs[0]); room++)
		n = svio_vif_rx_burst(queue, bufs, room);
	if (!n)
		return false;
	received->bytes = 0;
	received->bufs = n;
	received->meta = bufs[0];
	for (uint32_t i = 0; i < n; i++) {
		if (received->bytes + bufs[i].len <= FRAME_BYTES_MAX)
			memcpy(received->data + received->bytes, bufs[i].data, bufs[i].len);
		received->bytes += bufs[i].len;
	}
	svio_vif_free_burst(queue, bufs, n);
	return true;
}

bool guest_receive_on(struct guest *guest, uint16_t pair, struct received *received)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (!guest_receive_now(guest, pair, received)) {
		if (lab_now_ns() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

bool guest_receive(struct guest *guest, struct received *received)
{
	return guest_receive_on(guest, 0, received);
}

bool guest_receives_only_marker(struct guest *guest, struct guest *from)
{
	static struct received received;
	uint8_t marker[MARKER_BYTES];

	frame_fill(marker, sizeof(marker), guest->mac, from->mac, MARKER_SEED);
	if (!guest_send(from, marker, sizeof(marker), 0, NULL) || !guest_receive(guest, &received))
		return false;
	return received.bytes == sizeof(marker) &&
	       memcmp(received.data, marker, sizeof(marker)) == 0;
}
