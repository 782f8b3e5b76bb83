/* SPDX-License-Identifier: BSD-3-Clause */
/* Two user-space guests on two VIFs of one device, on one thread. They touch 24 bytes of each packet. */
#ifndef BENCH_PAIR_H
#define BENCH_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"
#include "svio_vif.h"

#define PAIR_BURST 32

struct pair {
	struct svio_vif *a;
	struct svio_vif *b;
	struct svio_vif_queue *qa;
	struct svio_vif_queue *qb;
	uint8_t mac_a[6];
	uint8_t mac_b[6];
	uint32_t bytes;           /* of each packet; the caller sets it */
	uint64_t sink;            /* what was read of packets: so that it is read */
	struct bench_waits waits; /* of the firmware and this thread */
};

/* Makes VIFs a and b and opens them. Ends the program when it cannot. */
void pair_open(struct pair *pair, struct bench_device *device, bool hugepages);
void pair_close(struct pair *pair);

/* New packets from a, at most PAIR_BURST; returns how many were taken. */
uint32_t pair_send_new(struct pair *pair, uint32_t n);

/* What has come to one side goes back to where it came from; returns how many. */
uint32_t pair_bounce_side(struct pair *pair, struct svio_vif_queue *queue, const uint8_t *own,
			  const uint8_t *other);

/* A step of a pattern: packets through the device. */
typedef uint64_t (*pair_step_fn)(struct pair *pair);
uint64_t pair_step_one_way(struct pair *pair); /* a sends new ones, b drops them */
uint64_t pair_step_bounce(struct pair *pair);  /* those that are under way go to and fro */
uint64_t pair_run_steps(struct pair *pair, pair_step_fn step, uint64_t ns);

/* Until nothing is under way between the guests. */
void pair_drain(struct pair *pair);

/* Packets that the receivers had no buffers for: they cost the device time and count as nothing. */
uint64_t pair_count_drops(struct pair *pair);

uint64_t pair_read_header(const struct svio_vif_buf *buf);

#endif /* BENCH_PAIR_H */
