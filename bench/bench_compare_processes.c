/* SPDX-License-Identifier: BSD-3-Clause */
/* Two guests that are processes, on every way between them: rate, latency, and what a packet costs. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_compare.h"
#include "bench_json.h"

#define LATENCY_BYTES 64u
#define QUANTILES     200u

struct comparison {
	struct bench_path paths[MEASURE_PATHS_MAX];
	size_t count;
	struct bench_path missing[MEASURE_PATHS_MAX]; /* what cannot be measured here; why tells */
	size_t missing_count;
	struct measure_path rates[COMPARE_SIZES_MAX][MEASURE_PATHS_MAX];
	struct measure_path ping[MEASURE_PATHS_MAX];
};

static bool is_wanted(const char *list, const char *name)
{
	for (size_t length; list && *list; list += length + (list[length] == ',')) {
		length = strcspn(list, ",");
		if (strncmp(name, list, length) == 0)
			return true;
	}
	return !list;
}

static void add_path(struct comparison *found, const struct compare_options *options,
		     const struct bench_path_type *type)
{
	struct bench_path *path = &found->paths[found->count];

	if (type != &bench_path_svio && !is_wanted(options->ways, type->name))
		return;
	if (found->count + found->missing_count == MEASURE_PATHS_MAX)
		errx(1, "too many ways");
	if (bench_path_start(path, type, &options->places)) {
		found->count++;
		return;
	}
	compare_say("%s is left out: %s", type->name, path->why);
	found->missing[found->missing_count++] = *path;
	bench_path_stop(path);
}

static void start_paths(struct comparison *found, const struct compare_options *options)
{
	compare_say("starting all ways between two processes");
	add_path(found, options, &bench_path_svio);
	for (size_t i = 0; i < bench_path_dpdk_count; i++)
		add_path(found, options, &bench_path_dpdk[i]);
	add_path(found, options, &bench_path_split_polling);
	add_path(found, options, &bench_path_split);
	add_path(found, options, &bench_path_tap_polling);
	add_path(found, options, &bench_path_tap);
	for (size_t i = 0; i < found->count; i++) {
		found->ping[i].path = &found->paths[i];
		found->ping[i].times = malloc(sizeof(struct bench_histogram));
		if (!found->ping[i].times)
			err(1, "memory");
		for (size_t k = 0; k < options->size_count; k++)
			found->rates[k][i].path = &found->paths[i];
	}
}

static void stop_paths(struct comparison *found)
{
	for (size_t i = 0; i < found->count; i++) {
		bench_path_stop(&found->paths[i]);
		free(found->ping[i].times);
	}
}

/* False: too few windows were undisturbed; tells which. */
static bool measure(const struct comparison *found, const struct compare_options *options,
		    struct measure_path *measured, const struct guest_load *load, const char *what)
{
	compare_say("%s, %u bytes: %zu ways in turns", what, load->bytes, found->count);
	if (measure_paths(measured, found->count, load, NULL, &options->measure))
		return true;
	for (size_t i = 0; i < found->count; i++)
		if (measured[i].mpps.windows < MEASURE_WINDOWS_MIN)
			compare_say("%s: %zu windows count, %zu were disturbed",
				    measured[i].path->type->name, measured[i].mpps.windows,
				    measured[i].mpps.discarded);
	return options->force;
}

static bool measure_all(struct comparison *found, const struct compare_options *options)
{
	struct guest_load load = { .pattern = GUEST_ONE_WAY };

	for (size_t i = 0; i < options->size_count; i++) {
		load.bytes = options->sizes[i];
		if (!measure(found, options, found->rates[i], &load, "rate"))
			return false;
	}
	load = (struct guest_load){ .pattern = GUEST_PING, .bytes = LATENCY_BYTES };
	return measure(found, options, found->ping, &load, "latency");
}

static void write_costs(struct bench_json *json, const struct measure_path *measured)
{
	bench_json_number(json, "device_ns", measured->device_ns);
	bench_json_number(json, "guest_ns", measured->guest_ns);
	bench_json_number(json, "turns", measured->turns);
	bench_json_number(json, "notices", measured->notices);
}

static void write_rate(struct bench_json *json, uint32_t bytes, const struct measure_path *measured)
{
	const struct measure_figure *mpps = &measured->mpps;

	bench_json_open(json, NULL, '{');
	bench_json_count(json, "bytes", bytes);
	bench_json_open(json, "mpps", '{');
	bench_json_number(json, "median", mpps->median);
	bench_json_number(json, "low", mpps->low);
	bench_json_number(json, "high", mpps->high);
	bench_json_count(json, "windows", mpps->windows);
	bench_json_count(json, "discarded", mpps->discarded);
	bench_json_close(json, '}');
	write_costs(json, measured);
	bench_json_close(json, '}');
}

/* With the time that each share of the frames does not exceed: finer where it is steep. */
static void write_latency(struct bench_json *json, const struct measure_path *measured)
{
	bench_json_open(json, "latency", '{');
	bench_json_number(json, "p50_ns", measured->p50.median);
	bench_json_number(json, "p50_low_ns", measured->p50.low);
	bench_json_number(json, "p50_high_ns", measured->p50.high);
	bench_json_number(json, "p99_ns", measured->p99.median);
	bench_json_number(json, "p99_low_ns", measured->p99.low);
	bench_json_number(json, "p99_high_ns", measured->p99.high);
	bench_json_count(json, "samples", measured->times->count);
	bench_json_count(json, "discarded", measured->mpps.discarded);
	write_costs(json, measured);
	bench_json_open(json, "quantiles", '[');
	for (uint32_t i = 0; measured->times->count && i < QUANTILES; i++) {
		double share = (i + 0.5) / QUANTILES;

		bench_json_open(json, NULL, '[');
		bench_json_number(json, NULL, share);
		bench_json_number(json, NULL, bench_histogram_quantile(measured->times, share));
		bench_json_close(json, ']');
	}
	bench_json_close(json, ']');
	bench_json_close(json, '}');
}

static void write_path(struct bench_json *json, const struct comparison *found,
		       const struct compare_options *options, size_t index)
{
	bench_json_open(json, NULL, '{');
	bench_json_text(json, "name", found->paths[index].type->name);
	bench_json_text(json, "title", found->paths[index].type->title);
	bench_json_open(json, "rates", '[');
	for (size_t i = 0; i < options->size_count; i++)
		write_rate(json, options->sizes[i], &found->rates[i][index]);
	bench_json_close(json, ']');
	write_latency(json, &found->ping[index]);
	bench_json_close(json, '}');
}

static void write_report(FILE *file, const struct comparison *found,
			 const struct compare_options *options)
{
	struct bench_json json = { .file = file };

	bench_json_open(&json, NULL, '{');
	bench_json_count(&json, "windows", options->measure.windows);
	bench_json_number(&json, "window_ms", (double)options->measure.window_ns / 1e6);
	bench_json_count(&json, "device_cpu", (uint64_t)options->places.device_cpu);
	bench_json_count(&json, "disturbed_count", options->force);
	bench_json_count(&json, "guest_cpu", (uint64_t)options->places.guest_cpu);
	bench_json_open(&json, "ways", '[');
	for (size_t i = 0; i < found->count; i++)
		write_path(&json, found, options, i);
	for (size_t i = 0; i < found->missing_count; i++) {
		bench_json_open(&json, NULL, '{');
		bench_json_text(&json, "name", found->missing[i].type->name);
		bench_json_text(&json, "title", found->missing[i].type->title);
		bench_json_text(&json, "missing", found->missing[i].why);
		bench_json_close(&json, '}');
	}
	bench_json_close(&json, ']');
	bench_json_close(&json, '}');
}

bool compare_processes(const struct compare_options *options, FILE *file)
{
	struct comparison *found = calloc(1, sizeof(*found));
	bool enough;

	if (!found)
		err(1, "memory");
	start_paths(found, options);
	enough = measure_all(found, options);
	if (enough)
		write_report(file, found, options);
	stop_paths(found);
	free(found);
	return enough;
}
