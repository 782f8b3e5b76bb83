/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench irq: interrupts raised by the firmware's core, and by a thread beside it.
 *
 * A device of each kind runs all the time; they take turns. Guests wait by interrupts.
 *
 *   latency  one packet goes to and fro; both guests, on one thread, wait for an interrupt each
 *   stream   a sends as much as it can; b, on a second thread, takes all there is, and waits
 */
#include <argp.h>
#include <err.h>
#include <glob.h>
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_pair.h"

#define MODES       2
#define WINDOW_NS   50000000ull
#define ROUND_TRIPS 100 /* a turn */
#define WAIT_MS     1000

struct options {
	double seconds;
	unsigned int moderation_us;
	const char *json_path;
	int device_cpu, guest_cpu, irq_cpu;
	bool first;
};

struct side {
	const char *mode;
	struct bench_device device;
	struct pair pair;
	struct bench_result round_trip_us;
	struct bench_result mpps;
	uint64_t packets;
	uint64_t interrupts;
};

static struct side sides[MODES] = { { .mode = "inline" }, { .mode = "sidecore" } };
static bool stop;
static uint64_t received; /* by the receiver's thread; read when that has ended */

/* The core where the device belongs, and the thread beside it elsewhere. */
static void pin_firmware(const struct side *side, const struct options *options)
{
	char pattern[64];
	glob_t tasks;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", (int)side->device.firmware);
	if (glob(pattern, GLOB_NOSORT, NULL, &tasks))
		return;
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		pid_t task = (pid_t)strtol(strrchr(tasks.gl_pathv[i], '/') + 1, NULL, 10);
		bool core = task == side->device.firmware;
		cpu_set_t cpus;

		CPU_ZERO(&cpus);
		CPU_SET(core ? options->device_cpu : options->irq_cpu, &cpus);
		sched_setaffinity(task, sizeof(cpus), &cpus);
	}
	globfree(&tasks);
}

static void open_side(struct side *side, const struct options *options)
{
	struct pair *pair = &side->pair;
	char path[128];
	struct svio_vif_options vif = { .path = path,
					.interrupts = true,
					.features = SVIO_VIF_FEATURES_ALL,
					.moderation_us = (uint16_t)options->moderation_us };

	side->device.irq = side->mode;
	bench_device_start(&side->device, options->device_cpu, options->first);
	pin_firmware(side, options);
	bench_device_vif_add(&side->device, "a", path);
	if (svio_vif_open(&vif, &pair->a))
		errx(1, "%s", svio_vif_message());
	bench_device_vif_add(&side->device, "b", path);
	if (svio_vif_open(&vif, &pair->b))
		errx(1, "%s", svio_vif_message());
	pair->qa = svio_vif_queue(pair->a, 0);
	pair->qb = svio_vif_queue(pair->b, 0);
	memcpy(pair->mac_a, svio_vif_info(pair->a)->mac, 6);
	memcpy(pair->mac_b, svio_vif_info(pair->b)->mac, 6);
	pair->bytes = 64;
}

static void close_side(struct side *side)
{
	svio_vif_close(side->pair.a);
	svio_vif_close(side->pair.b);
	bench_device_stop(&side->device);
}

static void await_packet(struct svio_vif_queue *queue)
{
	while (!svio_vif_queue_arm(queue, SVIO_VIF_RX))
		if (svio_vif_queue_wait(queue, WAIT_MS))
			errx(1, "an interrupt did not come");
}

static void measure_latency(struct side *side)
{
	struct pair *pair = &side->pair;

	for (int i = 0; i < ROUND_TRIPS; i++) {
		uint64_t start = bench_now_ns();
		struct svio_vif_buf buf;

		pair_send_new(pair, 1);
		do
			await_packet(pair->qb);
		while (!pair_bounce_side(pair, pair->qb, pair->mac_b, pair->mac_a));
		do
			await_packet(pair->qa);
		while (!svio_vif_rx_burst(pair->qa, &buf, 1));
		svio_vif_free_burst(pair->qa, &buf, 1);
		bench_result_add(&side->round_trip_us, (double)(bench_now_ns() - start) / 1e3);
	}
}

static void *run_receiver(void *context)
{
	struct pair *pair = context;
	struct svio_vif_buf bufs[PAIR_BURST];

	received = 0;
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t n = svio_vif_rx_burst(pair->qb, bufs, PAIR_BURST);

		for (uint32_t i = 0; i < n; i++)
			pair->sink ^= pair_read_header(&bufs[i]);
		svio_vif_free_burst(pair->qb, bufs, n);
		received += n;
		if (!n && !svio_vif_queue_arm(pair->qb, SVIO_VIF_RX))
			svio_vif_queue_wait(pair->qb, 10);
	}
	return NULL;
}

static uint64_t count_interrupts(struct side *side)
{
	uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };

	if (svio_vif_stats_get(side->pair.b, counters))
		errx(1, "%s", svio_vif_message());
	return counters[SVIO_COUNTER_irqs];
}

static void measure_stream(struct side *side)
{
	uint64_t before = count_interrupts(side);
	uint64_t start = bench_now_ns();
	pthread_t receiver;

	stop = false;
	if (pthread_create(&receiver, NULL, run_receiver, &side->pair))
		errx(1, "no thread");
	while (bench_now_ns() - start < WINDOW_NS)
		if (!pair_send_new(&side->pair, PAIR_BURST))
			sched_yield();
	__atomic_store_n(&stop, true, __ATOMIC_RELAXED);
	pthread_join(receiver, NULL);
	bench_result_add(&side->mpps, (double)received * 1e3 / (double)(bench_now_ns() - start));
	pair_drain(&side->pair);
	side->packets += received;
	side->interrupts += count_interrupts(side) - before;
}

static void report(struct side *side, FILE *json, bool last)
{
	double p50 = bench_result_quantile(&side->round_trip_us, 0.5);
	double p99 = bench_result_quantile(&side->round_trip_us, 0.99);
	double mpps = bench_result_quantile(&side->mpps, 0.5);
	double interrupts = (double)side->interrupts / (double)side->packets;

	printf("%-9s round trip p50 %.2f us, p99 %.2f us; stream %.3f Mpps, %.5f interrupts a "
	       "packet\n",
	       side->mode, p50, p99, mpps, interrupts);
	if (json)
		fprintf(json,
			"    \"%s\": {\"round_trip_p50_us\": %.3f, \"round_trip_p99_us\": %.3f, "
			"\"stream_mpps\": %.4f, \"interrupts_a_packet\": %.6f}%s\n",
			side->mode, p50, p99, mpps, interrupts, last ? "" : ",");
}

static void run(const struct options *options, FILE *json)
{
	uint64_t end;

	if (options->first)
		bench_come_first();
	for (int i = 0; i < MODES; i++)
		open_side(&sides[i], options);
	bench_pin(getpid(), options->guest_cpu, options->first);
	end = bench_now_ns() + (uint64_t)(options->seconds * 1e9);
	do {
		for (int i = 0; i < MODES; i++) {
			measure_latency(&sides[i]);
			measure_stream(&sides[i]);
		}
	} while (bench_now_ns() < end);
	if (json)
		fprintf(json, "{\n  \"irq\": {\n");
	for (int i = 0; i < MODES; i++)
		report(&sides[i], json, i == MODES - 1);
	if (json)
		fprintf(json, "  }\n}\n");
	for (int i = 0; i < MODES; i++)
		close_side(&sides[i]);
}

static const struct argp_option argp_options[] = {
	{ "seconds", 't', "S", 0, "Of all (default: 10)", 0 },
	{ "moderation", 'm', "US", 0, "Of each queue, 0 to 10000 (default: 0)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' processor (default: the second)", 0 },
	{ "irq-cpu", 'i', "N", 0, "The sidecore's (default: the third, or else the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 't':
		options->seconds = strtod(argument, NULL);
		if (!(options->seconds > 0 && options->seconds <= 200))
			argp_error(state, "'%s' seconds: more than 0, at most 200", argument);
		return 0;
	case 'm':
		options->moderation_us = (unsigned int)strtoul(argument, NULL, 10);
		if (options->moderation_us > SVIO_MODERATION_US_MAX)
			argp_error(state, "'%s' us: 0 to %d", argument, SVIO_MODERATION_US_MAX);
		return 0;
	case 'd':
		options->device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'i':
		options->irq_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'f':
		options->first = true;
		return 0;
	case 'j':
		options->json_path = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_irq_main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Interrupts raised by the firmware's core, and by a thread beside it: latency, "
		       "and a stream to a guest that waits. Starts devices of its own.\v"
		       "Example:\n  svio-bench irq --seconds 20 --json out.json",
	};
	struct options options = { .seconds = 10,
				   .device_cpu = bench_cpu(0),
				   .guest_cpu = bench_cpu(1),
				   .irq_cpu = bench_cpu(2) };
	FILE *json = NULL;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.json_path) {
		json = fopen(options.json_path, "we");
		if (!json)
			err(1, "%s", options.json_path);
	}
	run(&options, json);
	if (json && fclose(json))
		err(1, "%s", options.json_path);
	return 0;
}
