/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: wire_guest SOCKET FRAMES BYTES [KIND]
 * A guest of a VIF in user space: sends numbered broadcast frames, all of their buffers in a few
 * pages that are used again and again, and ends when the device has given all of them back.
 * KIND: tcp4, tcp6, udp4 or udp6, whose checksums are left to the device, and with BYTES above
 * 1514 segmentation by 1400 bytes of payload, too.
 */
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "svio_vif.h"

#define ETHERTYPE 0x88b5 /* for local experiments, IEEE 802 */
#define HEADER    14
#define SECONDS   60
#define LONGEST   60000
#define BUFFER    2048
#define ELEMENTS  (LONGEST / BUFFER + 1)
#define SEGMENT   1400
#define UDP       17
#define TCP       6

/* Byte i of frame number n; tests/guest/wire/test_wire_nic.py knows it too. */
static uint8_t pattern(uint32_t n, uint32_t i)
{
	return (uint8_t)(n * 7 + i * 13);
}

/* What is sent: where its parts begin. */
struct kind {
	const char *name;
	uint8_t ip;       /* version; 0: no IP */
	uint8_t protocol; /* TCP or UDP */
	uint16_t l4;
	uint16_t payload;
	uint8_t gso_type;
};

static const struct kind kinds[] = {
	{ .name = "", .payload = HEADER },         { "tcp4", 4, TCP, 34, 54, SVIO_GSO_TCP4 },
	{ "tcp6", 6, TCP, 54, 74, SVIO_GSO_TCP6 }, { "udp4", 4, UDP, 34, 42, SVIO_GSO_UDP4 },
	{ "udp6", 6, UDP, 54, 62, SVIO_GSO_UDP6 },
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	errx(2, "KIND: tcp4, tcp6, udp4 or udp6");
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint32_t sum16(uint32_t sum, const uint8_t *data, uint32_t bytes)
{
	for (uint32_t i = 0; i < bytes; i += 2)
		sum += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

/* IP and L4 headers; the checksum of L4 is that of the pseudo-header. */
static void write_headers(uint8_t *frame, uint32_t bytes, const struct kind *kind)
{
	uint8_t *ip = frame + HEADER;
	uint8_t *l4 = frame + kind->l4;
	uint32_t l4_bytes = bytes - kind->l4;
	uint32_t addresses = kind->ip == 4 ? 8 : 32;
	uint8_t *address = ip + (kind->ip == 4 ? 12 : 8);

	memset(ip, 0, (size_t)(kind->payload - HEADER));
	put16(frame + 12, kind->ip == 4 ? 0x0800 : 0x86dd);
	for (uint32_t i = 0; i < addresses; i++)
		address[i] = (uint8_t)(10 + i);
	if (kind->ip == 4) {
		ip[0] = 0x45;
		put16(ip + 2, bytes - HEADER);
		ip[8] = 64;
		ip[9] = kind->protocol;
		put16(ip + 10, ~sum16(0, ip, 20));
	} else {
		ip[0] = 0x60;
		put16(ip + 4, l4_bytes);
		ip[6] = kind->protocol;
		ip[7] = 64;
	}
	put16(l4, 1000);
	put16(l4 + 2, 2000);
	if (kind->protocol == TCP)
		l4[12] = 0x50;
	else
		put16(l4 + 4, l4_bytes);
	put16(l4 + (kind->protocol == TCP ? 16 : 6),
	      sum16(kind->protocol + l4_bytes, address, addresses));
}

static void build(uint8_t *frame, uint32_t bytes, const uint8_t *mac, uint32_t n,
		  const struct kind *kind)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
	if (kind->ip)
		write_headers(frame, bytes, kind);
	for (uint32_t i = 0; i < 4; i++)
		frame[kind->payload + i] = (uint8_t)(n >> (24 - 8 * i));
	for (uint32_t i = kind->payload + 4u; i < bytes; i++)
		frame[i] = pattern(n, i);
}

/* The frame into buffers. How many; 0: there are too few at the moment. */
static uint32_t fill(struct svio_vif_queue *queue, struct svio_vif_buf *bufs, const uint8_t *frame,
		     uint32_t bytes, const struct kind *kind)
{
	uint32_t n = (bytes + BUFFER - 1) / BUFFER;
	uint32_t got = svio_vif_alloc_burst(queue, bufs, n);

	if (got < n) {
		svio_vif_free_burst(queue, bufs, got);
		return 0;
	}
	for (uint32_t i = 0; i < n; i++) {
		uint32_t share = i + 1 < n ? BUFFER : bytes - i * BUFFER;

		memcpy(bufs[i].data, frame + (size_t)i * BUFFER, share);
		bufs[i].len = (uint16_t)share;
		bufs[i].flags = i + 1 == n ? SVIO_VIF_END : 0;
	}
	if (kind->ip) {
		bufs[0].flags |= SVIO_VIF_CSUM;
		bufs[0].csum_start = kind->l4;
		bufs[0].csum_offset = kind->protocol == TCP ? 16 : 6;
	}
	if (kind->ip && bytes > 1514) {
		bufs[0].gso_type = kind->gso_type;
		bufs[0].gso_size = SEGMENT;
		bufs[0].hdr_len = kind->payload;
	}
	return n;
}

static void check_time(time_t end, const char *what)
{
	if (time(NULL) > end)
		errx(1, "%s", what);
}

int main(int argc, char **argv)
{
	struct svio_vif_options options = { .path = argc > 1 ? argv[1] : "",
					    .bufs = 2048,
					    .features = SVIO_VIF_FEATURES_ALL,
					    .hugepages = true };
	const time_t end = time(NULL) + SECONDS;
	static uint8_t frame[LONGEST];
	struct svio_vif_buf bufs[ELEMENTS];
	struct svio_vif_queue *queue;
	const struct kind *kind;
	struct svio_vif *vif;
	uint32_t frames, bytes;

	if (argc < 4)
		errx(2, "usage: wire_guest SOCKET FRAMES BYTES [KIND]");
	kind = find_kind(argc > 4 ? argv[4] : "");
	frames = (uint32_t)strtoul(argv[2], NULL, 10);
	bytes = (uint32_t)strtoul(argv[3], NULL, 10);
	if (bytes < kind->payload + 4u || bytes > (kind->ip ? LONGEST : BUFFER))
		errx(2, "BYTES: that has to hold the headers and 4 more");
	if (svio_vif_open(&options, &vif))
		errx(1, "%s", svio_vif_message());
	queue = svio_vif_queue(vif, 0);
	for (uint32_t n = 0; n < frames; n++) {
		uint32_t count;

		build(frame, bytes, svio_vif_info(vif)->mac, n, kind);
		while (!(count = fill(queue, bufs, frame, bytes, kind))) {
			svio_vif_tx_burst(queue, NULL, 0);
			check_time(end, "the device takes no frame any more");
		}
		while (!svio_vif_tx_burst(queue, bufs, count))
			check_time(end, "the ring stays full");
	}
	while (svio_vif_tx_pending(queue))
		check_time(end, "the device does not give back all frames");
	svio_vif_close(vif);
	return 0;
}
