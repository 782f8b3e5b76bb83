/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_measure.h"

#include <err.h>
#include <math.h>
#include <stdlib.h>

#define WAIT_SHARE_DEFAULT 100    /* of a window: 1 % */
#define WAKE_MAX_NS        10000u /* who sleeps waits a little each time that it is woken */
#define TRIES_DEFAULT      8      /* turns for each window that is to count */

struct progress {
	double mpps[MEASURE_WINDOWS_MAX];
	size_t count;
	size_t discarded;
	uint64_t device_ns;
	uint64_t guest_ns;
	uint64_t turns;
	double notices;
	uint64_t steps;
	uint64_t held;
	size_t timed; /* windows with times: */
	double p50[MEASURE_WINDOWS_MAX];
	double p99[MEASURE_WINDOWS_MAX];
	double p999[MEASURE_WINDOWS_MAX];
};

/* What a window needs besides. */
struct tools {
	const struct measure_options *options;
	struct bench_histogram window;
	uint32_t times[GUEST_TIMES_MAX];
};

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

struct measure_figure measure_figure_of(double *values, size_t count, size_t discarded)
{
	struct measure_figure figure = { NAN, NAN, NAN, count, discarded };

	if (!count)
		return figure;
	qsort(values, count, sizeof(*values), compare_values);
	figure.median = count % 2 ? values[count / 2]
				  : (values[count / 2 - 1] + values[count / 2]) / 2;
	figure.low = values[0];
	figure.high = values[count - 1];
	return figure;
}

static void count_times(struct measure_path *measured, struct progress *progress,
			const struct guest_result *result, struct tools *tools)
{
	if (!measured->times || !result->time_count)
		return;
	bench_histogram_clear(&tools->window);
	bench_histogram_add(&tools->window, tools->times, result->time_count);
	bench_histogram_add(measured->times, tools->times, result->time_count);
	progress->p50[progress->timed] = bench_histogram_quantile(&tools->window, 0.5);
	progress->p99[progress->timed] = bench_histogram_quantile(&tools->window, 0.99);
	progress->p999[progress->timed++] = bench_histogram_quantile(&tools->window, 0.999);
}

static void count_window(struct measure_path *measured, struct progress *progress,
			 const struct guest_result *result, struct tools *tools)
{
	count_times(measured, progress, result, tools);
	progress->mpps[progress->count++] = (double)result->packets * 1e3 / (double)result->ns;
	progress->steps += result->steps;
	progress->held += result->held;
	progress->device_ns += result->device.cpu_ns;
	progress->guest_ns += result->guests.cpu_ns;
	progress->turns += result->device.turns + result->guests.turns;
	measured->packets += result->packets;
	measured->least += result->least;
	measured->window_ns += result->ns;
	measured->sent += result->sent;
	measured->due += result->due;
	measured->late += result->late;
	measured->lost += result->lost;
}

static bool is_disturbed(const struct guest_result *result, const struct measure_options *options)
{
	uint64_t turns = result->device.turns + result->guests.turns;
	uint32_t share = options->wait_share ? options->wait_share : WAIT_SHARE_DEFAULT;

	return result->stolen || result->device.waited_ns + result->guests.waited_ns >
					 options->window_ns / share + turns * WAKE_MAX_NS;
}

static uint64_t count_notices(struct bench_path *path)
{
	return path->type->notices ? path->type->notices(path) : 0;
}

static void run_window(struct measure_path *measured, struct progress *progress,
		       const struct guest_load *load, struct tools *tools)
{
	struct bench_path *path = measured->path;
	struct guest_result result;
	uint64_t notices = count_notices(path);

	bench_path_resume(path);
	path->failed = !path->type->run(path, load, &result, tools->times);
	bench_path_pause(path);
	if (path->failed && !tools->options->may_fail)
		errx(1, "%s: %s", path->type->name, path->why);
	if (path->failed)
		return;
	notices = count_notices(path) - notices;
	if (is_disturbed(&result, tools->options)) {
		progress->discarded++;
		if (!tools->options->keep_disturbed)
			return;
	}
	/* They were counted while it warmed up, too. */
	progress->notices +=
		(double)notices * (double)load->ns / (double)(load->ns + load->warm_up_ns);
	count_window(measured, progress, &result, tools);
}

static void finish(struct measure_path *measured, struct progress *progress)
{
	double packets = measured->packets ? (double)measured->packets : NAN;

	measured->mpps = measure_figure_of(progress->mpps, progress->count, progress->discarded);
	measured->device_ns = (double)progress->device_ns / packets;
	measured->guest_ns = (double)progress->guest_ns / packets;
	measured->turns = (double)progress->turns / packets;
	measured->notices = progress->notices / packets;
	if (measured->times) {
		measured->p50 = measure_figure_of(progress->p50, progress->timed, 0);
		measured->p99 = measure_figure_of(progress->p99, progress->timed, 0);
		measured->p999 = measure_figure_of(progress->p999, progress->timed, 0);
	}
	measured->held = progress->steps ? (double)progress->held / (double)progress->steps : NAN;
}

static void clear(struct measure_path *measured)
{
	measured->packets = 0;
	measured->least = 0;
	measured->window_ns = 0;
	measured->sent = 0;
	measured->due = 0;
	measured->late = 0;
	measured->lost = 0;
	if (measured->times)
		bench_histogram_clear(measured->times);
}

bool measure_paths(struct measure_path *measured, size_t count, const struct guest_load *load,
		   const double *pps, const struct measure_options *options)
{
	struct progress *progress = calloc(count, sizeof(*progress));
	struct tools *tools = malloc(sizeof(*tools));
	struct guest_load one = *load;
	uint32_t tries = options->tries_each ? options->tries_each : TRIES_DEFAULT;
	size_t missing = count;
	bool enough = true;

	if (!progress || !tools)
		err(1, "memory");
	tools->options = options;
	one.ns = options->window_ns;
	one.warm_up_ns = options->warm_up_ns;
	for (size_t i = 0; i < count; i++)
		clear(&measured[i]);
	for (uint32_t turn = 0; missing && turn < options->windows * tries; turn++) {
		if (options->deadline_ns && bench_now_ns() > options->deadline_ns)
			break;
		missing = 0;
		for (size_t k = 0; k < count; k++) {
			size_t i = (k + turn) % count; /* who is first changes */

			if (progress[i].count == options->windows || measured[i].path->failed)
				continue;
			one.pps = pps ? pps[i] : 0;
			run_window(&measured[i], &progress[i], &one, tools);
			missing += progress[i].count < options->windows;
		}
	}
	for (size_t i = 0; i < count; i++) {
		finish(&measured[i], &progress[i]);
		enough = enough && progress[i].count >= MEASURE_WINDOWS_MIN;
	}
	free(progress);
	free(tools);
	return enough;
}
