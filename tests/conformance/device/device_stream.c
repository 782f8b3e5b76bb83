/* SPDX-License-Identifier: BSD-3-Clause */
/* See device_guest.h: sequence-checked traffic. */
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "device_guest.h"

#define STREAM_WINDOW    256
#define NEIGHBOURS_MIN   1000 /* packets: fewer would show nothing */
#define STREAM_BURST     16
#define STREAM_BYTES     64
#define STREAM_ETHERTYPE 0x88b5 /* IEEE 802: local experiments */

void stream_start(struct stream *stream, struct guest *from, struct guest *to)
{
	memset(stream, 0, sizeof(*stream));
	stream->from = from;
	stream->to = to;
	stream->last_ns = lab_now_ns();
}

static void fill_numbered(const struct stream *stream, struct svio_vif_buf *buf, uint64_t number)
{
	memset(buf->data, 0, STREAM_BYTES);
	memcpy(buf->data, stream->to->mac, 6);
	memcpy(buf->data + 6, stream->from->mac, 6);
	buf->data[12] = STREAM_ETHERTYPE >> 8;
	buf->data[13] = STREAM_ETHERTYPE & 0xff;
	memcpy(buf->data + 16, &number, sizeof(number));
	buf->len = STREAM_BYTES;
}

static void send_some(struct stream *stream)
{
	struct svio_vif_buf bufs[STREAM_BURST];
	uint64_t under_way = stream->sent - (stream->received + stream->lost);
	uint32_t n = STREAM_BURST;

	if (under_way + n > STREAM_WINDOW)
		return;
	n = svio_vif_alloc_burst(stream->from->queue, bufs, n);
	for (uint32_t i = 0; i < n; i++)
		fill_numbered(stream, &bufs[i], stream->sent + i);
	uint32_t taken = svio_vif_tx_burst(stream->from->queue, bufs, n);

	stream->sent += taken;
	svio_vif_free_burst(stream->from->queue, bufs + taken, n - taken);
}

static void judge_frame(struct stream *stream, const struct svio_vif_buf *buf)
{
	uint64_t expected = stream->received + stream->lost;
	uint64_t now = lab_now_ns();
	uint64_t number;

	memcpy(&number, buf->data + 16, sizeof(number));
	if (buf->len != STREAM_BYTES || memcmp(buf->data, stream->to->mac, 6) != 0 ||
	    memcmp(buf->data + 6, stream->from->mac, 6) != 0 || number >= stream->sent) {
		stream->broken++;
		return;
	}
	if (now - stream->last_ns > stream->gap_max_ns)
		stream->gap_max_ns = now - stream->last_ns;
	stream->last_ns = now;
	if (number < expected) {
		stream->duplicates++;
		return;
	}
	stream->lost += number - expected;
	stream->received++;
}

void stream_step(struct stream *stream)
{
	struct svio_vif_buf bufs[STREAM_BURST];
	uint32_t n;

	send_some(stream);
	n = svio_vif_rx_burst(stream->to->queue, bufs, STREAM_BURST);
	for (uint32_t i = 0; i < n; i++)
		judge_frame(stream, &bufs[i]);
	svio_vif_free_burst(stream->to->queue, bufs, n);
	if (!n)
		sched_yield();
}

static bool stream_is_stuck(const struct stream *stream)
{
	return lab_now_ns() - stream->last_ns > LAB_PATIENCE_NS;
}

bool stream_run(struct stream *stream, uint64_t count)
{
	uint64_t goal = stream->received + count;

	stream->last_ns = lab_now_ns();
	while (stream->received < goal) {
		stream_step(stream);
		if (stream_is_stuck(stream))
			return false;
	}
	return true;
}

bool stream_drain(struct stream *stream)
{
	struct svio_vif_buf bufs[STREAM_BURST];

	stream->last_ns = lab_now_ns();
	while (stream->received + stream->lost < stream->sent) {
		uint32_t n = svio_vif_rx_burst(stream->to->queue, bufs, STREAM_BURST);

		for (uint32_t i = 0; i < n; i++)
			judge_frame(stream, &bufs[i]);
		svio_vif_free_burst(stream->to->queue, bufs, n);
		if (stream_is_stuck(stream))
			return false;
		if (!n)
			sched_yield();
	}
	return true;
}

static void *run_neighbours(void *context)
{
	struct neighbours *neighbours = context;

	neighbours->drained = false;
	while (!atomic_load(&neighbours->stop) || neighbours->stream.received < NEIGHBOURS_MIN)
		if (!stream_run(&neighbours->stream, STREAM_BURST))
			return NULL;
	neighbours->drained = stream_drain(&neighbours->stream);
	return NULL;
}

bool neighbours_start(struct neighbours *neighbours, struct guest *from, struct guest *to)
{
	stream_start(&neighbours->stream, from, to);
	atomic_store(&neighbours->stop, false);
	return pthread_create(&neighbours->thread, NULL, run_neighbours, neighbours) == 0;
}

bool neighbours_stop(struct neighbours *neighbours)
{
	struct stream *stream = &neighbours->stream;

	atomic_store(&neighbours->stop, true);
	pthread_join(neighbours->thread, NULL);
	printf("     neighbours: %llu packets, %llu lost, %llu twice, longest gap %.1f ms\n",
	       (unsigned long long)stream->received, (unsigned long long)stream->lost,
	       (unsigned long long)stream->duplicates, (double)stream->gap_max_ns / 1e6);
	return neighbours->drained && stream->received > 0 && stream->lost == 0 &&
	       stream->broken == 0;
}
