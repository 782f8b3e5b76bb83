/* SPDX-License-Identifier: BSD-3-Clause */
/* Rate and latency of one pair of guests, by svio and by its peers. */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_ticks.h"
#include "bench_vif.h"

#define LATENCY_SHORTER    4
#define LATENCY_WAIT_SHARE 500
#define LATENCY_TRIES_EACH 20

const double vif_loads[VIF_LOADS] = { 0.1, 0.5, 0.8 };

bool vif_measure(const struct vif_options *options, struct vif_report *report, const char *what,
		 struct measure_path *measured, size_t count, const struct guest_load *load,
		 const double *pps)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "svio-bench: %s ...\n", what);
	if (measure_paths(measured, count, load, pps, &options->measure))
		return true;
	for (size_t i = 0; i < count; i++)
		if (measured[i].mpps.windows < MEASURE_WINDOWS_MIN)
			warnx("%s, %s (%zu): %zu windows counted, %zu were disturbed", what,
			      measured[i].path->type->name, i, measured[i].mpps.windows,
			      measured[i].mpps.discarded);
	snprintf(report->refused, sizeof(report->refused),
		 "the machine is too noisy for \"%s\": %s, and at least %u undisturbed windows are "
		 "needed. End other work, or try --first, a shorter --window-ms or more --minutes",
		 what,
		 bench_now_ns() > options->measure.deadline_ns ? "the time is over"
							       : "so many turns were taken",
		 MEASURE_WINDOWS_MIN);
	warnx("%s", report->refused);
	return false;
}

static void add_path(const struct vif_options *options, struct vif_report *report,
		     const struct bench_path_type *type)
{
	struct bench_path *path = &report->paths[report->path_count];

	if (report->path_count == MEASURE_PATHS_MAX)
		return;
	if (bench_path_start(path, type, &options->places)) {
		report->path_count++;
		return;
	}
	if (type == &bench_path_svio)
		errx(1, "%s", path->why);
	warnx("%s is left out: %s", type->name, path->why);
	bench_path_stop(path);
}

void vif_start_paths(const struct vif_options *options, struct vif_report *report)
{
	if (!(options->parts & (VIF_PART_RATE | VIF_PART_LATENCY)))
		return;
	add_path(options, report, &bench_path_svio);
	add_path(options, report, &bench_path_bound);
	for (size_t i = 0; options->peers && i < bench_path_dpdk_count; i++)
		if (!options->only ||
		    strncmp(bench_path_dpdk[i].name, options->only, strlen(options->only)) == 0)
			add_path(options, report, &bench_path_dpdk[i]);
	if (options->peers && report->path_count == 2)
		errx(1, "there is no such peer here: DPDK's drivers (librte-net-vhost, -virtio, "
			"-memif) are needed");
}

void vif_stop_paths(struct vif_report *report)
{
	for (size_t i = 0; i < report->path_count; i++)
		bench_path_stop(&report->paths[i]);
}

double vif_cycles_per_packet(double mpps)
{
	return bench_ticks_per_ns() * 1e3 / mpps;
}

static void use_paths(struct vif_report *report, struct measure_path *measured)
{
	for (size_t i = 0; i < report->path_count; i++)
		measured[i].path = &report->paths[i];
}

static void print_rates(const struct vif_report *report, const char *pattern, uint32_t bytes,
			const struct measure_path *measured)
{
	double own = measured[0].mpps.median;

	for (size_t i = 0; i < report->path_count; i++) {
		const struct measure_path *of = &measured[i];

		printf("%-10s %5u B  %-24s %7.3f Mpps  (%.3f - %.3f; %zu windows, %zu thrown away)",
		       pattern, bytes, of->path->type->name, of->mpps.median, of->mpps.low,
		       of->mpps.high, of->mpps.windows, of->mpps.discarded);
		if (i)
			printf("  svio: %.2f x", own / of->mpps.median);
		if (of->lost)
			printf("  %llu lost", (unsigned long long)of->lost);
		printf("\n");
	}
	fflush(stdout);
}

bool vif_run_rate(const struct vif_options *options, struct vif_report *report)
{
	char what[64];

	for (size_t i = 0; i < options->size_count; i++) {
		struct vif_size *size = &report->sizes[report->size_count++];
		struct guest_load load = { .pattern = GUEST_ONE_WAY, .bytes = options->sizes[i] };

		size->bytes = load.bytes;
		use_paths(report, size->one_way);
		use_paths(report, size->bounce);
		snprintf(what, sizeof(what), "rate one way, %u bytes", load.bytes);
		if (!vif_measure(options, report, what, size->one_way, report->path_count, &load,
				 NULL))
			return false;
		print_rates(report, "one way", load.bytes, size->one_way);
		load.pattern = GUEST_BOUNCE;
		snprintf(what, sizeof(what), "rate to and fro, %u bytes", load.bytes);
		if (!vif_measure(options, report, what, size->bounce, report->path_count, &load,
				 NULL))
			return false;
		print_rates(report, "to and fro", load.bytes, size->bounce);
	}
	return true;
}

static void give_histograms(struct vif_report *report, struct measure_path *measured)
{
	use_paths(report, measured);
	for (size_t i = 0; i < report->path_count; i++) {
		measured[i].times = malloc(sizeof(*measured[i].times));
		if (!measured[i].times)
			err(1, "memory");
	}
}

static void print_times(const struct vif_report *report, const char *what,
			const struct measure_path *measured)
{
	for (size_t i = 0; i < report->path_count; i++) {
		const struct measure_path *of = &measured[i];
		double due = of->due ? (double)of->due : NAN;

		printf("%-10s %5u B  %-24s p50 %6.0f ns (%.0f - %.0f), p99 %6.0f (%.0f - %.0f), "
		       "p99.9 %6.0f",
		       what, VIF_SMALL_BYTES, of->path->type->name, of->p50.median, of->p50.low,
		       of->p50.high, of->p99.median, of->p99.low, of->p99.high, of->p999.median);
		if (of->due)
			printf("  at %.3f Mpps; sent late: %.2f %%", of->mpps.median,
			       100 * (double)of->late / due);
		printf("\n");
	}
	fflush(stdout);
}

/* Of each path its own rate; measured here where the part "rate" was not. */
static bool find_rates(const struct vif_options *options, struct vif_report *report, double *pps)
{
	const struct guest_load load = { .pattern = GUEST_ONE_WAY, .bytes = VIF_SMALL_BYTES };
	struct measure_path measured[MEASURE_PATHS_MAX] = { 0 };
	const struct measure_path *known = NULL;

	for (size_t i = 0; i < report->size_count; i++)
		if (report->sizes[i].bytes == VIF_SMALL_BYTES)
			known = report->sizes[i].one_way;
	if (!known) {
		use_paths(report, measured);
		if (!vif_measure(options, report, "rate, 64 bytes", measured, report->path_count,
				 &load, NULL))
			return false;
		known = measured;
	}
	for (size_t i = 0; i < report->path_count; i++)
		pps[i] = known[i].mpps.median * 1e6;
	return true;
}

/*
 * Windows for times are shorter and may be disturbed less: one wait of 1 % would be a percentile of
 * its own.
 */
static struct vif_options choose_windows(const struct vif_options *options)
{
	struct vif_options times = *options;

	times.measure.window_ns = options->measure.window_ns / LATENCY_SHORTER;
	times.measure.wait_share = LATENCY_WAIT_SHARE;
	times.measure.tries_each = LATENCY_TRIES_EACH;
	return times;
}

static bool run_loads(const struct vif_options *options, struct vif_report *report,
		      const double *rates)
{
	const struct guest_load load = { .pattern = GUEST_PACED, .bytes = VIF_SMALL_BYTES };
	double pps[MEASURE_PATHS_MAX];
	char what[64];

	for (uint32_t i = 0; i < VIF_LOADS; i++) {
		for (size_t k = 0; k < report->path_count; k++)
			pps[k] = fmax(rates[k] * vif_loads[i], 1);
		give_histograms(report, report->loads[i]);
		snprintf(what, sizeof(what), "load %.0f %%", vif_loads[i] * 100);
		if (!vif_measure(options, report, what, report->loads[i], report->path_count, &load,
				 pps))
			return false;
		print_times(report, what, report->loads[i]);
	}
	return true;
}

bool vif_run_latency(const struct vif_options *options, struct vif_report *report)
{
	const struct guest_load load = { .pattern = GUEST_PING, .bytes = VIF_SMALL_BYTES };
	const struct vif_options times = choose_windows(options);
	double rates[MEASURE_PATHS_MAX] = { 0 };

	give_histograms(report, report->ping);
	if (!vif_measure(&times, report, "latency of one frame", report->ping, report->path_count,
			 &load, NULL))
		return false;
	print_times(report, "latency", report->ping);
	return find_rates(options, report, rates) && run_loads(&times, report, rates);
}

static bool is_of(const struct measure_path *measured, const char *prefix)
{
	return measured->path && measured->mpps.windows &&
	       strncmp(measured->path->type->name, prefix, strlen(prefix)) == 0;
}

const struct measure_path *vif_best_rate(const struct measure_path *measured, size_t count,
					 const char *prefix)
{
	const struct measure_path *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (is_of(&measured[i], prefix) &&
		    (!best || measured[i].mpps.median > best->mpps.median))
			best = &measured[i];
	return best;
}

const struct measure_path *vif_best_p50(const struct measure_path *measured, size_t count,
					const char *prefix)
{
	const struct measure_path *best = NULL;

	for (size_t i = 0; i < count; i++)
		if (is_of(&measured[i], prefix) &&
		    (!best || measured[i].p50.median < best->p50.median))
			best = &measured[i];
	return best;
}

const struct measure_path *vif_find(const struct measure_path *measured, size_t count,
				    const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (is_of(&measured[i], name) && strcmp(measured[i].path->type->name, name) == 0)
			return &measured[i];
	return NULL;
}
