/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_crowd.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define IDLE_RING_LG2 3
#define IDLE_BUFS     32
#define HEADERS_BYTES 42 /* Ethernet, IPv4, UDP */
#define FRAME_BYTES   64
#define QUEUES_MAX    32 /* of a VIF */
#define PORTS_TRIED   4096
#define ARRIVAL_NS    1000000000ull

/* Each VIF takes some descriptors. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static struct svio_vif *open_vif(struct crowd *crowd, struct bench_control *control,
				 struct svio_vif_options options, uint32_t number)
{
	struct svio_vif *vif;
	char path[128];

	bench_control_send(control, "{\"cmd\": \"vif-add\", \"name\": \"v%u\"}", number);
	if (bench_control_wait(control) != BENCH_DONE)
		errx(1, "VIF %u: %s", number, control->answer);
	snprintf(path, sizeof(path), "%s/v%u.sock", crowd->device.dir, number);
	options.path = path;
	if (svio_vif_open(&options, &vif))
		errx(1, "VIF %u: %s", number, svio_vif_message());
	return vif;
}

static void open_vifs(struct crowd *crowd, const struct crowd_options *options)
{
	struct bench_control *control = malloc(sizeof(*control));
	struct svio_vif_options active = { .queues = options->queues,
					   .tx_ring_lg2 = options->ring_lg2,
					   .rx_ring_lg2 = options->ring_lg2,
					   .features = SVIO_FEATURE(RSS) | SVIO_FEATURE(MODERATION),
					   .bufs = 3u << options->ring_lg2,
					   .interrupts = options->vectors != 0,
					   .vectors = options->vectors,
					   .moderation_us = options->moderation_us };
	struct svio_vif_options idle = { .tx_ring_lg2 = IDLE_RING_LG2,
					 .rx_ring_lg2 = IDLE_RING_LG2,
					 .bufs = IDLE_BUFS };

	if (!control)
		err(1, "memory");
	bench_control_open(control, &crowd->device);
	for (uint32_t i = 0; i < crowd->vif_count; i++)
		crowd->vifs[i] =
			open_vif(crowd, control, i < 2 * options->pairs ? active : idle, i);
	bench_control_close(control);
	free(control);
}

static uint32_t count_flows(const struct crowd_options *options)
{
	return options->pairs * options->queues;
}

static void connect_flows(struct crowd *crowd, const struct crowd_options *options)
{
	struct vif_port *port = crowd->ports;
	struct guest_flow *flow = crowd->flows;

	for (uint32_t i = 0; i < options->pairs; i++) {
		struct svio_vif **pair = &crowd->vifs[2 * (size_t)i];

		for (uint16_t queue = 0; queue < options->queues; queue++) {
			vif_port_init(&port[0], pair[0], queue, pair[1]);
			vif_port_init(&port[1], pair[1], queue, pair[0]);
			flow->from = &port[0].port;
			flow->to = &port[1].port;
			port += 2;
			flow++;
		}
	}
}

/* Ethernet, IPv4 and UDP with this source port, as guest_write() leaves it: header, stamp, the rest. */
static void write_udp(uint8_t *frame, const struct guest_port *port, uint64_t stamp,
		      uint16_t source)
{
	static const uint8_t rest[HEADERS_BYTES - GUEST_TOUCHED] = { 0, 0, 10, 0, 0, 1, 10, 0, 0,
								     2, 0, 0,  0, 9, 0, 30, 0, 0 };

	guest_write(frame, port, stamp);
	memcpy(frame + GUEST_TOUCHED, rest, sizeof(rest));
	frame[34] = (uint8_t)(source >> 8);
	frame[35] = (uint8_t)source;
}

/* Which receive queue of the flows' a frame with this source port goes to. */
static uint16_t find_queue(struct crowd *crowd, uint16_t queues, uint16_t source)
{
	struct vif_port *from = (struct vif_port *)crowd->flows[0].from;
	uint64_t deadline = bench_now_ns() + ARRIVAL_NS;
	uint64_t stamps[GUEST_BURST];
	struct svio_vif_buf buf;

	if (svio_vif_alloc_burst(from->queue, &buf, 1) != 1)
		errx(1, "no buffer");
	write_udp(buf.data, &from->port, crowd->stamp, source);
	buf.len = FRAME_BYTES;
	if (svio_vif_tx_burst(from->queue, &buf, 1) != 1)
		errx(1, "the transmit ring is stuck");
	while (bench_now_ns() < deadline)
		for (uint16_t i = 0; i < queues; i++) {
			struct guest_port *to = crowd->flows[i].to;

			if (to->ops->receive(to, stamps))
				return i;
		}
	errx(1, "a frame did not arrive");
}

/* All buffers that the flow will ever send: only GUEST_TOUCHED bytes of them are written again. */
static void write_buffers(struct vif_port *from, uint64_t stamp, uint16_t source)
{
	static struct svio_vif_buf bufs[4096];
	uint32_t n;

	/* Those of find_queue() are to come back first. */
	while (svio_vif_tx_pending(from->queue))
		;
	n = svio_vif_alloc_burst(from->queue, bufs, sizeof(bufs) / sizeof(bufs[0]));

	for (uint32_t i = 0; i < n; i++)
		write_udp(bufs[i].data, &from->port, stamp, source);
	svio_vif_free_burst(from->queue, bufs, n);
}

/* Has the frames of each transmit queue go to the receive queue of the same number. */
static void spread_flows(struct crowd *crowd, uint16_t queues)
{
	/* Any key without long runs of zeros would do. */
	static const uint8_t key[SVIO_RSS_KEY_BYTES] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa
	};
	static const uint8_t stamp[8] = { 0, 50, 0, 0, 0, 0, 64, 17 }; /* of an IPv4 header */
	uint8_t table[SVIO_RSS_TABLE_ENTRIES];
	uint16_t sources[QUEUES_MAX];
	uint16_t source = 0;

	for (int i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
		table[i] = (uint8_t)(i % queues);
	if (svio_vif_rss_table_set(crowd->vifs[1], table) ||
	    svio_vif_rss_set(crowd->vifs[1], key, SVIO_RSS_TYPES))
		errx(1, "%s", svio_vif_message());
	memcpy(&crowd->stamp, stamp, sizeof(stamp));
	for (uint16_t i = 0; i < queues; i++) {
		static const uint8_t type[] = { 0x08, 0x00, 0x45, 0x00 };

		memcpy(crowd->flows[i].from->header + 12, type, sizeof(type));
	}
	for (uint16_t i = 0; i < queues; i++) {
		do
			if (++source > PORTS_TRIED)
				errx(1, "no frame goes to queue %u", i);
		while (find_queue(crowd, queues, source) != i);
		sources[i] = source;
	}
	for (uint16_t i = 0; i < queues; i++)
		write_buffers((struct vif_port *)crowd->flows[i].from, crowd->stamp, sources[i]);
}

void crowd_open(struct crowd *crowd, const struct crowd_options *options)
{
	uint32_t flows = count_flows(options);

	memset(crowd, 0, sizeof(*crowd));
	raise_descriptor_limit();
	crowd->places = options->places;
	crowd->vif_count = 2 * options->pairs + options->idle;
	crowd->vifs = calloc(crowd->vif_count, sizeof(struct svio_vif *));
	crowd->ports = calloc(2 * (size_t)flows, sizeof(*crowd->ports));
	crowd->flows = calloc(flows, sizeof(*crowd->flows));
	if (!crowd->vifs || !crowd->ports || !crowd->flows)
		err(1, "memory");
	crowd->device.vifs_max = crowd->vif_count + 1;
	crowd->device.irq = options->irq;
	bench_unpin();
	bench_device_start(&crowd->device, options->places.device_cpu, options->places.first);
	bench_pin(getpid(), options->places.guest_cpu, options->places.first);
	open_vifs(crowd, options);
	connect_flows(crowd, options);
	if (options->queues > 1)
		spread_flows(crowd, options->queues);
	bench_waits_open(&crowd->device_waits);
	bench_waits_add_process(&crowd->device_waits, crowd->device.firmware);
	bench_waits_add_process(&crowd->device_waits, crowd->device.sviod);
	bench_waits_open(&crowd->guest_waits);
	bench_waits_add_thread(&crowd->guest_waits);
}

void crowd_close(struct crowd *crowd)
{
	bench_waits_close(&crowd->device_waits);
	bench_waits_close(&crowd->guest_waits);
	for (uint32_t i = 0; i < crowd->vif_count; i++)
		svio_vif_close(crowd->vifs[i]);
	bench_device_stop(&crowd->device);
	free(crowd->vifs);
	free(crowd->ports);
	free(crowd->flows);
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct crowd_view *view = (struct crowd_view *)path;
	struct guest_load with_stamp = *load;

	with_stamp.stamp = view->crowd->stamp;
	return bench_path_run_guests(path, view->crowd->flows, view->flow_count, &with_stamp,
				     result, times);
}

void crowd_view_init(struct crowd_view *view, struct crowd *crowd, size_t flow_count)
{
	static const struct bench_path_type type = { .name = "svio", .title = "VIFs", .run = run };

	memset(view, 0, sizeof(*view));
	view->path.type = &type;
	view->path.places = crowd->places;
	view->path.device = crowd->device_waits;
	view->path.guests = crowd->guest_waits;
	view->crowd = crowd;
	view->flow_count = flow_count;
}
