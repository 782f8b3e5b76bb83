/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench wake: how long a sleeping device takes to notice a packet.
 *
 * In turns, always after the other side has slept for a while:
 *
 *   device  a packet is sent to a device that sleeps, until it is received: the guest's WAKE
 *           wakes sviod, and sviod the firmware
 *   bare    an eventfd is written, on which another process waits on the device's processor,
 *           until a word that it then stores is seen
 *   awake   a packet is sent to a device that polls, until it is received
 */
#include <err.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_json.h"
#include "bench_options.h"
#include "bench_pair.h"
#include "svio_vif_raw.h"

#define STALL_NS    10000000000ull
#define WARM_UP     100
#define KIND_COUNT  3
#define SAMPLES_MIN 100u

struct options {
	unsigned int samples;
	unsigned int gap_us;
	struct bench_options common;
};

/* The process that waits on a bare eventfd. */
struct bare {
	pid_t pid;
	int eventfd;
	volatile uint64_t *seen; /* shared: how often it was woken */
};

struct wake {
	struct pair pair;
	struct bare bare;
	volatile struct svio_doorbell_bar *doorbells; /* a's */
	uint64_t gap_ns;
};

static struct bench_result results[KIND_COUNT];
static const char *const kinds[KIND_COUNT] = { "device", "bare", "awake" };

static void run_bare(struct bare *bare)
{
	uint64_t times;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(bare->eventfd, &times, sizeof(times)) == sizeof(times))
		__atomic_store_n(bare->seen, *bare->seen + 1, __ATOMIC_RELEASE);
	_exit(1);
}

static void bare_open(struct bare *bare, int cpu, bool first)
{
	bare->eventfd = eventfd(0, EFD_CLOEXEC);
	bare->seen = mmap(NULL, sizeof(*bare->seen), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (bare->eventfd < 0 || bare->seen == MAP_FAILED)
		err(1, "eventfd");
	bare->pid = fork();
	if (bare->pid < 0)
		err(1, "fork");
	if (bare->pid == 0)
		run_bare(bare);
	bench_pin(bare->pid, cpu, first);
}

static void bare_close(const struct bare *bare)
{
	kill(bare->pid, SIGKILL);
	waitpid(bare->pid, NULL, 0);
}

static void spin(uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;

	while (bench_now_ns() < end)
		;
}

static double time_bare(struct wake *wake)
{
	uint64_t before = *wake->bare.seen;
	uint64_t one = 1;
	uint64_t start = bench_now_ns();

	if (write(wake->bare.eventfd, &one, sizeof(one)) != sizeof(one))
		err(1, "eventfd");
	while (__atomic_load_n(wake->bare.seen, __ATOMIC_ACQUIRE) == before)
		if (bench_now_ns() - start > STALL_NS)
			errx(1, "the waiting process was not woken");
	return (double)(bench_now_ns() - start) / 1e3;
}

static double time_packet(struct wake *wake)
{
	uint64_t start = bench_now_ns();
	struct svio_vif_buf buf;

	if (pair_send_new(&wake->pair, 1) != 1)
		errx(1, "the transmit ring is stuck");
	while (!svio_vif_rx_burst(wake->pair.qb, &buf, 1))
		if (bench_now_ns() - start > STALL_NS)
			errx(1, "a packet did not arrive");
	start = bench_now_ns() - start;
	wake->pair.sink ^= pair_read_header(&buf);
	svio_vif_free_burst(wake->pair.qb, &buf, 1);
	return (double)start / 1e3;
}

static void await_sleep(struct wake *wake)
{
	uint64_t start = bench_now_ns();

	while (!__atomic_load_n(&wake->doorbells->asleep, __ATOMIC_RELAXED))
		if (bench_now_ns() - start > STALL_NS)
			errx(1, "the device does not fall asleep");
}

static void measure(struct wake *wake, unsigned int samples)
{
	for (unsigned int i = 0; i < samples + WARM_UP; i++) {
		double us[KIND_COUNT];

		await_sleep(wake);
		spin(wake->gap_ns);
		us[0] = time_packet(wake);
		us[2] = time_packet(wake);
		await_sleep(wake);
		spin(wake->gap_ns);
		us[1] = time_bare(wake);
		for (int kind = 0; kind < KIND_COUNT && i >= WARM_UP; kind++)
			bench_result_add(&results[kind], us[kind]);
	}
}

static void report(struct bench_json *json)
{
	static const struct {
		double share;
		const char *key;
	} quantiles[] = {
		{ 0.5, "p50_us" }, { 0.9, "p90_us" }, { 0.99, "p99_us" }, { 0.999, "p999_us" }
	};
	double ratio =
		bench_result_quantile(&results[0], 0.99) / bench_result_quantile(&results[1], 0.99);

	bench_json_open(json, "wake", '{');
	bench_json_count(json, "samples", results[0].count);
	bench_json_number(json, "p99_ratio", ratio);
	printf("us            p50      p90      p99    p99.9\n");
	for (int kind = 0; kind < KIND_COUNT; kind++) {
		printf("%-8s", kinds[kind]);
		bench_json_open(json, kinds[kind], '{');
		for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
			double us = bench_result_quantile(&results[kind], quantiles[i].share);

			printf(" %8.2f", us);
			bench_json_number(json, quantiles[i].key, us);
		}
		printf("\n");
		bench_json_close(json, '}');
	}
	printf("p99 of a wake through the device: %.2f of a bare one's\n", ratio);
	bench_json_close(json, '}');
}

static void run(const struct options *options, struct bench_json *json)
{
	const struct bench_places *places = &options->common.places;
	struct bench_device device = { 0 };
	struct svio_vif_raw raw;
	struct wake wake = { .gap_ns = options->gap_us * 1000ull };

	if (places->first)
		bench_come_first();
	bare_open(&wake.bare, places->device_cpu, places->first);
	bench_device_start(&device, places->device_cpu, places->first);
	bench_pin(getpid(), places->guest_cpu, places->first);
	pair_open(&wake.pair, &device, false);
	wake.pair.bytes = 64;
	svio_vif_raw_get(wake.pair.a, &raw);
	wake.doorbells = raw.doorbells;
	measure(&wake, options->samples);
	report(json);
	pair_close(&wake.pair);
	bench_device_stop(&device);
	bare_close(&wake.bare);
}

static const struct argp_option argp_options[] = {
	{ "samples", 'n', "N", 0, "Of each kind, 100 to 65536 (default: 5000)", 0 },
	{ "gap", 'G', "US", 0, "How long the other side has slept before (default: 200)", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		return 0;
	case 'n':
		options->samples =
			(unsigned int)bench_parse_number(argument, BENCH_WINDOWS_MAX, state);
		if (options->samples < SAMPLES_MIN)
			argp_error(state, "fewer than %u samples have no percentiles", SAMPLES_MIN);
		return 0;
	case 'G':
		options->gap_us = (unsigned int)bench_parse_number(argument, 1000000, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_wake_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp }, { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "How long a sleeping device takes to notice a packet, beside a bare eventfd. "
		       "Starts a device of its own.\v"
		       "Example:\n  svio-bench wake --samples 10000 --json out.json",
		.children = children,
	};
	struct options options = { .samples = 5000, .gap_us = 200 };
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	run(&options, &json);
	bench_json_finish(&json);
	return 0;
}
