/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench irq: interrupts raised by the firmware's core, and by a thread beside it; a vector for
 * each queue, and one that several queues share.
 *
 * A device of each kind runs all the time; they take turns. Guests wait by interrupts.
 *
 *   latency  one packet goes to and fro, over another queue each time; both guests, on one thread,
 *            wait for an interrupt each
 *   stream   a sends as much as it can, over all queues; b, on a second thread, takes all there is
 *            from all queues, and waits
 *
 * A guest with a vector for each queue looks, when it is interrupted, at the queue of that vector. One
 * whose queues share a vector looks at all of them.
 */
#include <err.h>
#include <glob.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_crowd.h"
#include "bench_json.h"
#include "bench_options.h"

#define QUEUES_MAX  4u
#define RING_LG2    10
#define BYTES       64u
#define WINDOW_NS   50000000ull
#define ROUND_TRIPS 100 /* a turn */
#define WAIT_MS     10000
#define STREAM_MS   10
#define DRAIN_NS    50000000ull

struct options {
	double seconds;
	unsigned int moderation_us;
	int irq_cpu;
	struct bench_options common;
};

struct side {
	const char *name; /* in the JSON */
	const char *mode; /* sviod's --irq */
	uint16_t queues;
	uint16_t vectors; /* of each guest; as many as queues, or one */
	struct crowd crowd;
	struct pollfd events[QUEUES_MAX]; /* b's, of each vector */
	struct bench_result round_trip_us;
	struct bench_result mpps;
	uint64_t packets;
	uint64_t interrupts;
};

static struct side sides[] = {
	{ .name = "inline", .mode = "inline", .queues = 1, .vectors = 1 },
	{ .name = "sidecore", .mode = "sidecore", .queues = 1, .vectors = 1 },
	{ .name = "own", .mode = "inline", .queues = QUEUES_MAX, .vectors = QUEUES_MAX },
	{ .name = "shared", .mode = "inline", .queues = QUEUES_MAX, .vectors = 1 },
};
#define SIDES (sizeof(sides) / sizeof(sides[0]))
#define MODES 2u /* the first sides; the others are about vectors */

static bool stop;
static uint64_t received; /* by the receiver's thread; read when that has ended */

/* The core where the device belongs, and the thread beside it elsewhere. */
static void pin_firmware(const struct side *side, const struct options *options)
{
	pid_t firmware = side->crowd.device.firmware;
	char pattern[64];
	glob_t tasks;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", (int)firmware);
	if (glob(pattern, GLOB_NOSORT, NULL, &tasks))
		return;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		pid_t task = (pid_t)strtol(strrchr(tasks.gl_pathv[i], '/') + 1, NULL, 10);
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(task == firmware ? options->common.places.device_cpu : options->irq_cpu,
			&cpus);
		sched_setaffinity(task, sizeof(cpus), &cpus);
	}
	globfree(&tasks);
}

static struct svio_vif_queue *queue_of(struct guest_port *port)
{
	return ((struct vif_port *)port)->queue;
}

static void open_side(struct side *side, const struct options *options)
{
	const struct crowd_options crowd = { .places = options->common.places,
					     .pairs = 1,
					     .queues = side->queues,
					     .ring_lg2 = RING_LG2,
					     .irq = side->mode,
					     .vectors = side->vectors,
					     .moderation_us = (uint16_t)options->moderation_us };

	crowd_open(&side->crowd, &crowd);
	pin_firmware(side, options);
	for (uint16_t i = 0; i < side->vectors; i++)
		side->events[i] =
			(struct pollfd){ .fd = svio_vif_queue_fd(queue_of(side->crowd.flows[i].to)),
					 .events = POLLIN };
}

/* Asks for an interrupt of each of b's queues. False: one has something already. */
static bool arm_receiver(struct side *side)
{
	bool armed = true;

	for (uint16_t i = 0; i < side->queues; i++)
		if (svio_vif_queue_arm(queue_of(side->crowd.flows[i].to), SVIO_VIF_RX))
			armed = false;
	return armed;
}

/* Sleeps until one of b's vectors fires, and takes all that did. False: none. */
static bool await_interrupt(struct side *side, int timeout_ms)
{
	uint64_t count;

	if (poll(side->events, side->vectors, timeout_ms) <= 0)
		return false;
	for (uint16_t i = 0; i < side->vectors; i++)
		if ((side->events[i].revents & POLLIN) &&
		    read(side->events[i].fd, &count, sizeof(count)) != sizeof(count))
			err(1, "an interrupt");
	return true;
}

/* Takes a burst of each queue whose vector has fired. */
static uint32_t receive_fired(struct side *side)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n = 0;

	for (uint16_t i = 0; i < side->queues; i++) {
		struct guest_port *port = side->crowd.flows[i].to;

		if (side->events[i % side->vectors].revents & POLLIN)
			n += port->ops->receive(port, stamps);
	}
	return n;
}

static uint32_t receive_all(struct side *side)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n = 0;

	for (uint16_t i = 0; i < side->queues; i++) {
		struct guest_port *port = side->crowd.flows[i].to;

		n += port->ops->receive(port, stamps);
	}
	return n;
}

static void await_at_b(struct side *side)
{
	uint32_t n = receive_all(side);

	while (!n) {
		if (!arm_receiver(side))
			n = receive_all(side);
		else if (await_interrupt(side, WAIT_MS))
			n = receive_fired(side);
		else
			errx(1, "an interrupt did not come");
	}
}

/* Without RSS of its own a has all in its first queue. */
static void await_at_a(struct side *side)
{
	struct guest_port *port = side->crowd.flows[0].from;
	uint64_t stamps[GUEST_BURST];

	while (!port->ops->receive(port, stamps))
		if (!svio_vif_queue_arm(queue_of(port), SVIO_VIF_RX) &&
		    svio_vif_queue_wait(queue_of(port), WAIT_MS))
			errx(1, "an interrupt did not come");
}

static void send_one(struct side *side, struct guest_port *port)
{
	if (port->ops->send(port, &side->crowd.stamp, 1, BYTES) != 1)
		errx(1, "the transmit ring is stuck");
}

static void measure_latency(struct side *side)
{
	for (uint32_t i = 0; i < ROUND_TRIPS; i++) {
		struct guest_flow *flow = &side->crowd.flows[i % side->queues];
		uint64_t start = bench_now_ns();

		send_one(side, flow->from);
		await_at_b(side);
		send_one(side, flow->to);
		await_at_a(side);
		bench_result_add(&side->round_trip_us, (double)(bench_now_ns() - start) / 1e3);
	}
}

static void *run_receiver(void *context)
{
	struct side *side = context;

	received = 0;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t n = receive_all(side);

		if (!n && arm_receiver(side) && await_interrupt(side, STREAM_MS))
			n = receive_fired(side);
		received += n;
	}
	return NULL;
}

static uint64_t count_interrupts(struct side *side)
{
	uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };

	if (svio_vif_stats_get(side->crowd.vifs[1], counters))
		errx(1, "%s", svio_vif_message());
	return counters[SVIO_COUNTER_irqs];
}

static uint32_t send_all(struct side *side)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n = 0;

	for (uint32_t i = 0; i < GUEST_BURST; i++)
		stamps[i] = side->crowd.stamp;
	for (uint16_t i = 0; i < side->queues; i++) {
		struct guest_port *port = side->crowd.flows[i].from;

		n += port->ops->send(port, stamps, GUEST_BURST, BYTES);
	}
	return n;
}

/* Until nothing is under way. */
static void drain(struct side *side)
{
	uint64_t end = bench_now_ns() + DRAIN_NS;

	while (bench_now_ns() < end)
		if (receive_all(side))
			end = bench_now_ns() + DRAIN_NS;
}

static void measure_stream(struct side *side)
{
	uint64_t before = count_interrupts(side);
	uint64_t start = bench_now_ns();
	pthread_t receiver;

	stop = false;
	if (pthread_create(&receiver, NULL, run_receiver, side))
		errx(1, "no thread");
	while (bench_now_ns() - start < WINDOW_NS)
		if (!send_all(side))
			sched_yield();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(receiver, NULL);
	bench_result_add(&side->mpps, (double)received * 1e3 / (double)(bench_now_ns() - start));
	drain(side);
	side->packets += received;
	side->interrupts += count_interrupts(side) - before;
}

static void report(struct side *side, struct bench_json *json)
{
	double p50 = bench_result_quantile(&side->round_trip_us, 0.5);
	double p99 = bench_result_quantile(&side->round_trip_us, 0.99);
	double mpps = bench_result_quantile(&side->mpps, 0.5);
	double packets = side->packets ? (double)side->packets : NAN;
	double interrupts = (double)side->interrupts / packets;

	printf("%-9s %u queues, %u vectors: round trip p50 %.2f us, p99 %.2f us; stream %.3f Mpps, %.5f "
	       "interrupts a packet\n",
	       side->name, side->queues, side->vectors, p50, p99, mpps, interrupts);
	bench_json_open(json, side->name, '{');
	bench_json_count(json, "queues", side->queues);
	bench_json_count(json, "vectors", side->vectors);
	bench_json_number(json, "round_trip_p50_us", p50);
	bench_json_number(json, "round_trip_p99_us", p99);
	bench_json_number(json, "stream_mpps", mpps);
	bench_json_number(json, "interrupts_a_packet", interrupts);
	bench_json_close(json, '}');
}

static void run(const struct options *options, struct bench_json *json)
{
	const struct bench_places *places = &options->common.places;
	uint64_t end;

	if (places->first)
		bench_come_first();
	for (size_t i = 0; i < SIDES; i++)
		open_side(&sides[i], options);
	bench_pin(getpid(), places->guest_cpu, places->first);
	end = bench_now_ns() + (uint64_t)(options->seconds * 1e9);
	do {
		for (size_t i = 0; i < SIDES; i++) {
			measure_latency(&sides[i]);
			measure_stream(&sides[i]);
		}
	} while (bench_now_ns() < end);
	bench_json_open(json, "irq", '{');
	for (size_t i = 0; i < MODES; i++)
		report(&sides[i], json);
	bench_json_close(json, '}');
	bench_json_open(json, "sharing", '{');
	for (size_t i = MODES; i < SIDES; i++)
		report(&sides[i], json);
	bench_json_close(json, '}');
	for (size_t i = 0; i < SIDES; i++)
		crowd_close(&sides[i].crowd);
}

static const struct argp_option argp_options[] = {
	{ "seconds", 't', "S", 0, "Of all (default: 20)", 0 },
	{ "moderation", 'm', "US", 0, "Of each queue, 1 to 10000 (default: none)", 0 },
	{ "irq-cpu", 'i', "N", 0, "The sidecore's (default: the third, or else the second)", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		return 0;
	case 't':
		options->seconds = bench_parse_time(argument, 200, state);
		return 0;
	case 'm':
		options->moderation_us =
			(unsigned int)bench_parse_number(argument, SVIO_MODERATION_US_MAX, state);
		return 0;
	case 'i':
		options->irq_cpu = bench_parse_cpu(argument, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_irq_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp }, { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Interrupts raised by the firmware's core, and by a thread beside it; a vector for "
		       "each of four queues, and one for all: latency, and a stream to a guest that "
		       "waits. Starts devices of its own.\v"
		       "Examples:\n"
		       "  svio-bench irq --seconds 40 --json out.json\n"
		       "  svio-bench irq --moderation 50",
		.children = children,
	};
	struct options options = { .seconds = 20, .irq_cpu = bench_cpu(2) };
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	run(&options, &json);
	bench_json_finish(&json);
	return 0;
}
