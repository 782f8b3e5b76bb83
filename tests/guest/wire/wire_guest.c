/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: wire_guest SOCKET FRAMES BYTES
 * A guest of a VIF in user space: sends numbered broadcast frames, all of their buffers in a few
 * pages that are used again and again, and ends when the device has given all of them back.
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

/* Byte i of frame number n; tests/guest/wire/test_wire_nic.py knows it too. */
static uint8_t pattern(uint32_t n, uint32_t i)
{
	return (uint8_t)(n * 7 + i * 13);
}

static void build(uint8_t *frame, uint32_t bytes, const uint8_t *mac, uint32_t n)
{
	memset(frame, 0xff, 6);
	memcpy(frame + 6, mac, 6);
	frame[12] = ETHERTYPE >> 8;
	frame[13] = ETHERTYPE & 0xff;
	for (uint32_t i = 0; i < 4; i++)
		frame[HEADER + i] = (uint8_t)(n >> (24 - 8 * i));
	for (uint32_t i = HEADER + 4; i < bytes; i++)
		frame[i] = pattern(n, i);
}

int main(int argc, char **argv)
{
	struct svio_vif_options options = { .path = argc > 1 ? argv[1] : "",
					    .bufs = 2048,
					    .hugepages = true };
	const time_t end = time(NULL) + SECONDS;
	struct svio_vif_queue *queue;
	struct svio_vif_buf buf;
	struct svio_vif *vif;
	uint32_t frames, bytes;

	if (argc != 4)
		errx(2, "usage: wire_guest SOCKET FRAMES BYTES");
	frames = (uint32_t)strtoul(argv[2], NULL, 10);
	bytes = (uint32_t)strtoul(argv[3], NULL, 10);
	if (bytes < HEADER + 4 || bytes > 2048)
		errx(2, "BYTES: 18 to 2048");
	if (svio_vif_open(&options, &vif))
		errx(1, "%s", svio_vif_message());
	queue = svio_vif_queue(vif, 0);
	for (uint32_t n = 0; n < frames;) {
		if (time(NULL) > end)
			errx(1, "the device takes no frame any more: %u of %u", n, frames);
		if (!svio_vif_alloc_burst(queue, &buf, 1)) {
			svio_vif_tx_burst(queue, NULL, 0);
			continue;
		}
		build(buf.data, bytes, svio_vif_info(vif)->mac, n);
		buf.len = (uint16_t)bytes;
		buf.flags = SVIO_VIF_END;
		while (!svio_vif_tx_burst(queue, &buf, 1))
			if (time(NULL) > end)
				errx(1, "the ring stays full at frame %u", n);
		n++;
	}
	while (svio_vif_tx_pending(queue))
		if (time(NULL) > end)
			errx(1, "the device does not give back all frames");
	svio_vif_close(vif);
	return 0;
}
