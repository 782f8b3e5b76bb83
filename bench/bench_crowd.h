/* SPDX-License-Identifier: BSD-3-Clause */
/* A device with many VIFs, and paths that use some of them. */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include "bench_path.h"
#include "bench_vif_port.h"

struct crowd_options {
	struct bench_places places;
	uint32_t pairs;   /* of VIFs: one sends to the other */
	uint16_t queues;  /* of each of them; a flow for each */
	uint8_t ring_lg2; /* of the pairs' rings */
	bool hugepages;   /* the pairs' memory, where there are enough */
	uint32_t idle;    /* VIFs besides, open and silent, with the smallest rings */
	const char *irq;  /* sviod's --irq; NULL: its default */
	uint16_t vectors; /* of each of the pairs' VIFs for its queues; 0: guests that only poll */
	uint16_t moderation_us;
};

struct crowd {
	struct bench_device device;
	struct bench_places places;
	struct svio_vif **vifs; /* the pairs', then the idle ones */
	uint32_t vif_count;
	struct vif_port *ports;
	struct guest_flow *flows; /* pair by pair, queue by queue */
	struct bench_waits device_waits;
	struct bench_waits guest_waits;
	uint64_t stamp; /* for loads: with several queues it is part of the frames' headers */
};

/* Ends the program when it cannot. */
void crowd_open(struct crowd *crowd, const struct crowd_options *options);
void crowd_close(struct crowd *crowd);

/* A path of its first flows, for bench_measure.h; not to be started or stopped. */
struct crowd_view {
	struct bench_path path;
	struct crowd *crowd;
	size_t flow_count;
};

void crowd_view_init(struct crowd_view *view, struct crowd *crowd, size_t flow_count);

#endif /* BENCH_CROWD_H */
