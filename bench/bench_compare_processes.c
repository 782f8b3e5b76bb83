/* SPDX-License-Identifier: BSD-3-Clause */
/* Two guests that are processes, on every way between them: rate, latency, and what a packet costs. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_compare.h"
#include "bench_json.h"

#define LATENCY_BYTES      64u
#define LATENCY_SHORTER    2   /* windows than the rates' */
#define LATENCY_WAIT_SHARE 500 /* of a window may be waited, 1 in so many */
#define LATENCY_TRIES_EACH 20
#define QUANTILES          200u

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
	if (bench_path_start(path, type, &options->common.places)) {
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
	add_path(found, options, &bench_path_bound);
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

static bool is_figure(const struct measure_path *measured)
{
	return measured->mpps.windows >= MEASURE_WINDOWS_MIN;
}

static void measure(const struct comparison *found, const struct measure_options *options,
		    struct measure_path *measured, const struct guest_load *load, const char *what)
{
	size_t windows = 0;
	size_t discarded = 0;

	compare_say("%s, %u bytes: %zu ways in turns", what, load->bytes, found->count);
	measure_paths(measured, found->count, load, NULL, options);
	for (size_t i = 0; i < found->count; i++) {
		windows += measured[i].mpps.windows;
		discarded += measured[i].mpps.discarded;
		if (!is_figure(&measured[i]))
			compare_say(
				"%s, %u bytes, %s: only %zu undisturbed windows, %zu disturbed; %s",
				what, load->bytes, measured[i].path->type->name,
				measured[i].mpps.windows, measured[i].mpps.discarded,
				measured[i].path->why);
	}
	compare_say("%s, %u bytes: %zu windows count, %zu were disturbed", what, load->bytes,
		    windows, discarded);
}

/* Of the time that is left each measurement that is to come may use as much as the others. */
static uint64_t next_deadline(const struct compare_options *options, size_t left)
{
	uint64_t now = bench_now_ns();
	uint64_t end = options->measure.deadline_ns;

	return now + (end > now ? (end - now) / left : 1);
}

static void measure_all(struct comparison *found, const struct compare_options *options)
{
	struct guest_load load = { .pattern = GUEST_ONE_WAY };
	struct measure_options how = options->measure;
	size_t left = options->size_count + 1;

	how.may_fail = true;

	for (size_t i = 0; i < options->size_count; i++) {
		load.bytes = options->sizes[i];
		how.deadline_ns = next_deadline(options, left--);
		measure(found, &how, found->rates[i], &load, "rate");
	}
	/* One wait of 1 % would be a percentile of its own. */
	how.window_ns = options->measure.window_ns / LATENCY_SHORTER;
	how.wait_share = LATENCY_WAIT_SHARE;
	how.tries_each = LATENCY_TRIES_EACH;
	how.deadline_ns = next_deadline(options, left);
	load = (struct guest_load){ .pattern = GUEST_PING, .bytes = LATENCY_BYTES };
	measure(found, &how, found->ping, &load, "latency");
}

/* Figures that are there, and where a VIF's is missing what. */
static size_t count_figures(const struct comparison *found, const struct compare_options *options,
			    const char **missing)
{
	size_t figures = 0;

	for (size_t i = 0; i < found->count; i++) {
		bool whole = is_figure(&found->ping[i]);

		figures += whole;
		for (size_t k = 0; k < options->size_count; k++) {
			figures += is_figure(&found->rates[k][i]);
			whole = whole && is_figure(&found->rates[k][i]);
		}
		if (!whole && found->paths[i].type == &bench_path_svio)
			*missing = "a figure of VIFs has";
	}
	return figures;
}

/* Why nothing can be compared; false: it can. */
static bool is_refused(const struct comparison *found, const struct compare_options *options,
		       char *why, size_t bytes)
{
	size_t wanted = found->count * (options->size_count + 1);
	const char *missing = NULL;
	size_t figures = count_figures(found, options, &missing);

	if (2 * figures < wanted)
		missing = "most figures have";
	if (!missing)
		return false;
	snprintf(
		why, bytes,
		"the machine is too noisy: %s too few undisturbed windows (%zu of %zu figures have the "
		"%u that are needed). End other work, or take precedence (--first). --force counts "
		"disturbed windows, and marks the report.",
		missing, figures, wanted, MEASURE_WINDOWS_MIN);
	return true;
}

static void write_windows(struct bench_json *json, const struct measure_figure *figure)
{
	bench_json_count(json, "windows", figure->windows);
	bench_json_count(json, "discarded", figure->discarded);
}

/* Why there is no figure. */
static void write_missing(struct bench_json *json, const struct measure_path *measured)
{
	const struct bench_path *path = measured->path;
	char why[512];

	snprintf(why, sizeof(why), "%zu undisturbed windows of %u that are needed, %zu disturbed",
		 measured->mpps.windows, MEASURE_WINDOWS_MIN, measured->mpps.discarded);
	bench_json_text(json, "missing", path->failed ? path->why : why);
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
	bool is = is_figure(measured);
	const struct measure_figure *mpps = &measured->mpps;

	bench_json_open(json, NULL, '{');
	bench_json_count(json, "bytes", bytes);
	bench_json_open(json, "mpps", '{');
	bench_json_number(json, "median", is ? mpps->median : NAN);
	bench_json_number(json, "low", is ? mpps->low : NAN);
	bench_json_number(json, "high", is ? mpps->high : NAN);
	write_windows(json, mpps);
	bench_json_close(json, '}');
	if (is)
		write_costs(json, measured);
	else
		write_missing(json, measured);
	bench_json_close(json, '}');
}

/* With the time that each share of the frames does not exceed: finer where it is steep. */
static void write_quantiles(struct bench_json *json, const struct bench_histogram *times)
{
	bench_json_open(json, "quantiles", '[');
	for (uint32_t i = 0; times->count && i < QUANTILES; i++) {
		double share = (i + 0.5) / QUANTILES;

		bench_json_open(json, NULL, '[');
		bench_json_number(json, NULL, share);
		bench_json_number(json, NULL, bench_histogram_quantile(times, share));
		bench_json_close(json, ']');
	}
	bench_json_close(json, ']');
}

static void write_latency(struct bench_json *json, const struct measure_path *measured)
{
	bench_json_open(json, "latency", '{');
	write_windows(json, &measured->mpps);
	if (is_figure(measured)) {
		bench_json_number(json, "p50_ns", measured->p50.median);
		bench_json_number(json, "p50_low_ns", measured->p50.low);
		bench_json_number(json, "p50_high_ns", measured->p50.high);
		bench_json_number(json, "p99_ns", measured->p99.median);
		bench_json_number(json, "p99_low_ns", measured->p99.low);
		bench_json_number(json, "p99_high_ns", measured->p99.high);
		bench_json_count(json, "samples", measured->times->count);
		write_costs(json, measured);
		write_quantiles(json, measured->times);
	} else {
		write_missing(json, measured);
	}
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

static void write_report(struct bench_json *json, const struct comparison *found,
			 const struct compare_options *options)
{
	bench_json_count(json, "windows", options->measure.windows);
	bench_json_number(json, "window_ms", (double)options->measure.window_ns / 1e6);
	bench_json_count(json, "device_cpu", (uint64_t)options->common.places.device_cpu);
	bench_json_boolean(json, "disturbed_count", options->measure.keep_disturbed);
	bench_json_count(json, "guest_cpu", (uint64_t)options->common.places.guest_cpu);
	bench_json_open(json, "ways", '[');
	for (size_t i = 0; i < found->count; i++)
		write_path(json, found, options, i);
	for (size_t i = 0; i < found->missing_count; i++) {
		bench_json_open(json, NULL, '{');
		bench_json_text(json, "name", found->missing[i].type->name);
		bench_json_text(json, "title", found->missing[i].type->title);
		bench_json_text(json, "missing", found->missing[i].why);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

bool compare_processes(const struct compare_options *options, struct bench_json *json)
{
	struct comparison *found = calloc(1, sizeof(*found));
	char why[512];
	bool refused;

	if (!found)
		err(1, "memory");
	start_paths(found, options);
	measure_all(found, options);
	refused = is_refused(found, options, why, sizeof(why));
	if (refused)
		warnx("%s", why);
	bench_json_text(json, "refused", refused ? why : NULL);
	write_report(json, found, options);
	stop_paths(found);
	free(found);
	return !refused;
}
