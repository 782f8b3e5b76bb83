/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_pair.h"

#include <err.h>
#include <string.h>

#define TOUCHED        24
#define STEPS_PER_LOOK 64
#define DRAIN_NS       50000000ull

static void write_header(struct svio_vif_buf *buf, const uint8_t *dst, const uint8_t *src,
			 uint64_t number)
{
	memcpy(buf->data, dst, 6);
	memcpy(buf->data + 6, src, 6);
	buf->data[12] = 0x88;
	buf->data[13] = 0xb5;
	memcpy(buf->data + 16, &number, sizeof(number));
}

uint64_t pair_read_header(const struct svio_vif_buf *buf)
{
	uint64_t words[TOUCHED / 8];

	memcpy(words, buf->data, sizeof(words));
	return words[0] ^ words[1] ^ words[2];
}

/* New packets from a; returns how many were taken. */
uint32_t pair_send_new(struct pair *pair, uint32_t n)
{
	struct svio_vif_buf bufs[PAIR_BURST];
	uint32_t taken;

	n = svio_vif_alloc_burst(pair->qa, bufs, n);
	for (uint32_t i = 0; i < n; i++) {
		write_header(&bufs[i], pair->mac_b, pair->mac_a, i);
		bufs[i].len = (uint16_t)pair->bytes;
	}
	taken = svio_vif_tx_burst(pair->qa, bufs, n);
	svio_vif_free_burst(pair->qa, bufs + taken, n - taken);
	return taken;
}

uint64_t pair_step_one_way(struct pair *pair)
{
	struct svio_vif_buf bufs[PAIR_BURST];
	uint64_t received = 0;
	uint32_t n;

	do {
		n = svio_vif_rx_burst(pair->qb, bufs, PAIR_BURST);
		for (uint32_t i = 0; i < n; i++)
			pair->sink ^= pair_read_header(&bufs[i]);
		svio_vif_free_burst(pair->qb, bufs, n);
		received += n;
	} while (n == PAIR_BURST);
	pair_send_new(pair, PAIR_BURST);
	return received;
}

/* What came goes back to where it came from. */
uint32_t pair_bounce_side(struct pair *pair, struct svio_vif_queue *queue, const uint8_t *own,
			  const uint8_t *other)
{
	struct svio_vif_buf bufs[PAIR_BURST];
	uint32_t n = svio_vif_rx_burst(queue, bufs, PAIR_BURST);
	uint32_t taken;

	for (uint32_t i = 0; i < n; i++) {
		pair->sink ^= pair_read_header(&bufs[i]);
		write_header(&bufs[i], other, own, i);
	}
	taken = svio_vif_tx_burst(queue, bufs, n);
	svio_vif_free_burst(queue, bufs + taken, n - taken);
	return n;
}

uint64_t pair_step_bounce(struct pair *pair)
{
	return pair_bounce_side(pair, pair->qa, pair->mac_a, pair->mac_b) +
	       (uint64_t)pair_bounce_side(pair, pair->qb, pair->mac_b, pair->mac_a);
}

uint64_t pair_run_steps(struct pair *pair, pair_step_fn step, uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;
	uint64_t packets = 0;

	do {
		for (int i = 0; i < STEPS_PER_LOOK; i++)
			packets += step(pair);
	} while (bench_now_ns() < end);
	return packets;
}

/* Until nothing is under way between the guests. */
void pair_drain(struct pair *pair)
{
	uint64_t end = bench_now_ns() + DRAIN_NS;

	while (bench_now_ns() < end) {
		struct svio_vif_buf bufs[PAIR_BURST];
		uint32_t n = svio_vif_rx_burst(pair->qb, bufs, PAIR_BURST);

		svio_vif_free_burst(pair->qb, bufs, n);
		if (n)
			end = bench_now_ns() + DRAIN_NS;
		n = svio_vif_rx_burst(pair->qa, bufs, PAIR_BURST);
		svio_vif_free_burst(pair->qa, bufs, n);
		if (n)
			end = bench_now_ns() + DRAIN_NS;
	}
}

void pair_open(struct pair *pair, struct bench_device *device, bool hugepages)
{
	char path[128];
	struct svio_vif_options vif = { .path = path, .hugepages = hugepages };

	memset(pair, 0, sizeof(*pair));
	bench_device_vif_add(device, "a", path);
	if (svio_vif_open(&vif, &pair->a))
		errx(1, "%s", svio_vif_message());
	bench_device_vif_add(device, "b", path);
	if (svio_vif_open(&vif, &pair->b))
		errx(1, "%s", svio_vif_message());
	pair->qa = svio_vif_queue(pair->a, 0);
	pair->qb = svio_vif_queue(pair->b, 0);
	memcpy(pair->mac_a, svio_vif_info(pair->a)->mac, 6);
	memcpy(pair->mac_b, svio_vif_info(pair->b)->mac, 6);
	bench_waits_open(&pair->waits);
	bench_waits_add_process(&pair->waits, device->firmware);
	bench_waits_add_thread(&pair->waits);
}

void pair_close(struct pair *pair)
{
	bench_waits_close(&pair->waits);
	svio_vif_close(pair->a);
	svio_vif_close(pair->b);
}

/* Packets that the receivers had no buffers for: they cost the device time and count as nothing. */
uint64_t pair_count_drops(struct pair *pair)
{
	uint64_t a[SVIO_COUNTER_COUNT] = { 0 };
	uint64_t b[SVIO_COUNTER_COUNT] = { 0 };

	if (svio_vif_stats_get(pair->a, a) || svio_vif_stats_get(pair->b, b))
		errx(1, "%s", svio_vif_message());
	return a[SVIO_COUNTER_rx_drop_no_buffer] + b[SVIO_COUNTER_rx_drop_no_buffer];
}
