/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench vif: two user-space guests on two VIFs of one device.
 *
 * Both guests run on one thread and one processor, the device on another. They
 * touch 24 bytes of each packet, in bursts of 32, with rings of 1024.
 *
 *   one-way  a sends new packets, b receives and drops them: packets/s received
 *   bounce   a fixed number of packets goes to and fro: packets/s through the
 *            device, as between two testpmd in io mode
 *   latency  one packet goes to and fro: half of its round trip
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_pair.h"

#define WINDOW_NS       5000000ull
#define WARM_UP_NS      200000000ull
#define WAIT_MAX_NS     50000ull /* of a window: 1 % */
#define BOUNCE_PACKETS  512
#define SIZES_MAX       8
#define LATENCY_SAMPLES 4000000
#define STALL_NS        10000000000ull

struct options {
	uint32_t sizes[SIZES_MAX];
	size_t size_count;
	double seconds;
	const char *json_path;
	const char *pattern; /* NULL: all */
	int device_cpu;
	int guest_cpu;
	bool hugepages;
	bool first;
};

static void measure_rate(struct pair *pair, pair_step_fn step, double seconds,
			 struct bench_result *result)
{
	uint64_t end;

	result->count = 0;
	result->discarded = 0;
	pair_run_steps(pair, step, WARM_UP_NS);
	end = bench_now_ns() + (uint64_t)(seconds * 1e9);
	while (bench_now_ns() < end) {
		uint64_t waited = bench_waits_read(&pair->waits);
		uint64_t start = bench_now_ns();
		uint64_t packets = pair_run_steps(pair, step, WINDOW_NS);
		uint64_t ns = bench_now_ns() - start;

		if (bench_waits_read(&pair->waits) - waited > WAIT_MAX_NS)
			result->discarded++;
		else
			bench_result_add(result, (double)packets * 1e3 / (double)ns);
	}
}

/* One packet to and fro; ns of the round trip. */
static uint64_t ping(struct pair *pair)
{
	uint64_t start = bench_now_ns();
	struct svio_vif_buf buf;

	if (pair_send_new(pair, 1) != 1)
		errx(1, "the transmit ring is stuck");
	while (!pair_bounce_side(pair, pair->qb, pair->mac_b, pair->mac_a))
		if (bench_now_ns() - start > STALL_NS)
			errx(1, "a packet to b did not arrive");
	while (!svio_vif_rx_burst(pair->qa, &buf, 1))
		if (bench_now_ns() - start > STALL_NS)
			errx(1, "a packet to a did not arrive");
	pair->sink ^= pair_read_header(&buf);
	svio_vif_free_burst(pair->qa, &buf, 1);
	return bench_now_ns() - start;
}

static int compare_times(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a;
	uint32_t y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Half a round trip. times: sorted, ns. */
static double one_way_us(const uint32_t *times, size_t count, size_t percent)
{
	size_t at = count * percent / 100;

	return times[at] / 2e3;
}

struct latency {
	double p50_us;
	double p99_us;
	size_t samples;
	size_t discarded; /* windows */
};

static void measure_latency(struct pair *pair, double seconds, struct latency *latency)
{
	uint32_t *times = malloc(LATENCY_SAMPLES * sizeof(*times));
	uint64_t end = bench_now_ns() + (uint64_t)(seconds * 1e9);
	size_t count = 0;

	if (!times)
		err(1, "samples");
	latency->discarded = 0;
	while (bench_now_ns() < end && count < LATENCY_SAMPLES) {
		uint64_t waited = bench_waits_read(&pair->waits);
		uint64_t window_end = bench_now_ns() + WINDOW_NS;
		size_t before = count;

		while (bench_now_ns() < window_end && count < LATENCY_SAMPLES)
			times[count++] = (uint32_t)ping(pair);
		if (bench_waits_read(&pair->waits) - waited > WAIT_MAX_NS) {
			count = before;
			latency->discarded++;
		}
	}
	latency->samples = count;
	qsort(times, count, sizeof(*times), compare_times);
	latency->p50_us = count ? one_way_us(times, count, 50) : NAN;
	latency->p99_us = count ? one_way_us(times, count, 99) : NAN;
	free(times);
}

static void report_rate(const char *name, uint32_t bytes, struct bench_result *result,
			uint64_t drops, FILE *json, bool *first)
{
	double median = bench_result_quantile(result, 0.5);
	double low = bench_result_quantile(result, 0.1);
	double high = bench_result_quantile(result, 0.9);

	printf("%-8s %5u B  %7.3f Mpps  (10-90 %%: %.3f - %.3f; %zu windows, %zu thrown away; "
	       "%llu without a buffer)\n",
	       name, bytes, median, low, high, result->count, result->discarded,
	       (unsigned long long)drops);
	fflush(stdout);
	if (json)
		fprintf(json,
			"%s\n    \"%s_%u\": {\"mpps\": %.4f, \"p10\": %.4f, \"p90\": %.4f, "
			"\"windows\": %zu, \"discarded\": %zu, \"dropped\": %llu}",
			*first ? "" : ",", name, bytes, result->count ? median : 0.0,
			result->count ? low : 0.0, result->count ? high : 0.0, result->count,
			result->discarded, (unsigned long long)drops);
	*first = false;
}

static bool is_wanted(const struct options *options, const char *pattern)
{
	return !options->pattern || strcmp(options->pattern, pattern) == 0;
}

static void run_size(struct pair *pair, const struct options *options, FILE *json, bool *first)
{
	static struct bench_result result;
	uint64_t drops = pair_count_drops(pair);

	if (is_wanted(options, "one-way")) {
		measure_rate(pair, pair_step_one_way, options->seconds, &result);
		pair_drain(pair);
		report_rate("one-way", pair->bytes, &result, pair_count_drops(pair) - drops, json,
			    first);
	}
	if (is_wanted(options, "bounce")) {
		drops = pair_count_drops(pair);
		for (int i = 0; i < BOUNCE_PACKETS; i += PAIR_BURST)
			pair_send_new(pair, PAIR_BURST);
		measure_rate(pair, pair_step_bounce, options->seconds, &result);
		pair_drain(pair);
		report_rate("bounce", pair->bytes, &result, pair_count_drops(pair) - drops, json,
			    first);
	}
}

static void run_latency(struct pair *pair, const struct options *options, FILE *json, bool *first)
{
	struct latency latency;

	pair->bytes = 64;
	measure_latency(pair, options->seconds, &latency);
	printf("latency     64 B  p50 %.2f us, p99 %.2f us one way (%zu samples, %zu windows thrown "
	       "away)\n",
	       latency.p50_us, latency.p99_us, latency.samples, latency.discarded);
	if (json)
		fprintf(json,
			"%s\n    \"latency\": {\"p50_us\": %.3f, \"p99_us\": %.3f, \"samples\": %zu}",
			*first ? "" : ",", latency.samples ? latency.p50_us : 0.0,
			latency.samples ? latency.p99_us : 0.0, latency.samples);
	*first = false;
}

static void run_all(const struct options *options, FILE *json)
{
	struct bench_device device = { 0 };
	struct pair pair;
	bool first = true;

	if (options->first)
		bench_come_first();
	bench_device_start(&device, options->device_cpu, options->first);
	bench_pin(getpid(), options->guest_cpu, options->first);
	pair_open(&pair, &device, options->hugepages);
	if (json)
		fprintf(json, "{\n  \"vif\": {");
	for (size_t i = 0; i < options->size_count; i++) {
		pair.bytes = options->sizes[i];
		run_size(&pair, options, json, &first);
	}
	if (is_wanted(options, "latency"))
		run_latency(&pair, options, json, &first);
	if (json)
		fprintf(json, "\n  }\n}\n");
	pair_close(&pair);
	bench_device_stop(&device);
}

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 2048 (default: 64,1500)", 0 },
	{ "seconds", 't', "S", 0, "Of each measurement (default: 5)", 0 },
	{ "pattern", 'p', "NAME", 0, "Only one-way, bounce or latency (default: all)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' processor (default: the second)", 0 },
	{ "hugepages", 'H', NULL, 0, "Guests' memory in huge pages, where there are some", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};

static void parse_sizes(char *text, struct options *options, struct argp_state *state)
{
	char *at = NULL;

	options->size_count = 0;
	for (char *size = strtok_r(text, ",", &at); size; size = strtok_r(NULL, ",", &at)) {
		unsigned long bytes = strtoul(size, NULL, 10);

		if (bytes < 60 || bytes > 2048 || options->size_count == SIZES_MAX)
			argp_error(state, "'%s': up to %d frame lengths of 60 to 2048 bytes", size,
				   SIZES_MAX);
		options->sizes[options->size_count++] = (uint32_t)bytes;
	}
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 's':
		parse_sizes(argument, options, state);
		return 0;
	case 't':
		options->seconds = strtod(argument, NULL);
		if (!(options->seconds > 0 && options->seconds <= 200))
			argp_error(state, "'%s' seconds: more than 0, at most 200", argument);
		return 0;
	case 'p':
		options->pattern = argument;
		if (strcmp(argument, "one-way") != 0 && strcmp(argument, "bounce") != 0 &&
		    strcmp(argument, "latency") != 0)
			argp_error(state, "no pattern '%s': one-way, bounce or latency", argument);
		return 0;
	case 'd':
		options->device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'H':
		options->hugepages = true;
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

int bench_vif_main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Packets and latency between two user-space guests on two VIFs of one device. "
		       "Starts a device of its own.\v"
		       "Example:\n  svio-bench vif --sizes 64,512,1500 --seconds 10 --json out.json",
	};
	struct options options = { .sizes = { 64, 1500 },
				   .size_count = 2,
				   .seconds = 5,
				   .device_cpu = bench_cpu(0),
				   .guest_cpu = bench_cpu(1) };
	FILE *json = NULL;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.json_path) {
		json = fopen(options.json_path, "we");
		if (!json)
			err(1, "%s", options.json_path);
	}
	run_all(&options, json);
	if (json && fclose(json))
		err(1, "%s", options.json_path);
	return 0;
}
