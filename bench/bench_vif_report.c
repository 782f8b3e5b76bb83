/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench vif's figures as JSON: docs/performance.md tells the keys. */
#include <math.h>
#include <stdlib.h>

#include "bench_environment.h"
#include "bench_vif.h"

static void write_figure(struct bench_json *json, const struct measure_figure *figure)
{
	bench_json_number(json, "min", figure->low);
	bench_json_number(json, "max", figure->high);
	bench_json_count(json, "windows", figure->windows);
	bench_json_count(json, "discarded", figure->discarded);
}

/* What a path did with a load, beside its rate. */
static void write_path(struct bench_json *json, const struct measure_path *of)
{
	bench_json_text(json, "path", of->path->type->name);
	bench_json_number(json, "mpps", of->mpps.median);
	write_figure(json, &of->mpps);
	bench_json_count(json, "lost", of->lost);
	bench_json_number(json, "guest_held", of->held);
	bench_json_number(json, "device_cpu_ns_per_packet", of->device_ns);
	bench_json_number(json, "guest_cpu_ns_per_packet", of->guest_ns);
	bench_json_number(json, "context_switches_per_packet", of->turns);
}

static void write_paths(struct bench_json *json, const char *key, const struct measure_path *of,
			size_t count)
{
	bench_json_open(json, key, '[');
	for (size_t i = 0; i < count; i++) {
		bench_json_open(json, NULL, '{');
		write_path(json, &of[i]);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static void write_rate(struct bench_json *json, const char *name, const char *pattern,
		       const struct measure_path *of)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_%smpps", name, pattern);
	bench_json_number(json, key, of ? of->mpps.median : NAN);
}

/* Of vhost-user and memif without copies whichever of its kinds is the fastest. */
static void write_rates(struct bench_json *json, const char *pattern, const struct measure_path *of,
			size_t count)
{
	write_rate(json, "svio", pattern, vif_find(of, count, "svio"));
	write_rate(json, "bound", pattern, vif_find(of, count, "bound"));
	write_rate(json, "vhost", pattern, vif_best_rate(of, count, "vhost"));
	write_rate(json, "memif", pattern, vif_find(of, count, "memif"));
	write_rate(json, "memif_zero_copy", pattern, vif_best_rate(of, count, "memif-zero-copy"));
}

static void write_sizes(struct bench_json *json, const struct vif_report *report)
{
	size_t count = report->path_count;

	bench_json_open(json, "sizes", '[');
	for (size_t i = 0; i < report->size_count; i++) {
		const struct vif_size *size = &report->sizes[i];
		const struct measure_path *vhost = vif_best_rate(size->one_way, count, "vhost");

		bench_json_open(json, NULL, '{');
		bench_json_count(json, "bytes", size->bytes);
		write_rates(json, "", size->one_way, count);
		bench_json_text(json, "vhost_variant", vhost ? vhost->path->type->name : NULL);
		write_rates(json, "bounce_", size->bounce, count);
		write_paths(json, "one_way", size->one_way, count);
		write_paths(json, "bounce", size->bounce, count);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static void write_times(struct bench_json *json, const struct measure_path *of)
{
	bench_json_text(json, "path", of->path->type->name);
	bench_json_number(json, "p50_ns", of->p50.median);
	bench_json_number(json, "p50_ns_min", of->p50.low);
	bench_json_number(json, "p50_ns_max", of->p50.high);
	bench_json_number(json, "p99_ns", of->p99.median);
	bench_json_number(json, "p99_ns_min", of->p99.low);
	bench_json_number(json, "p99_ns_max", of->p99.high);
	bench_json_number(json, "p999_ns", of->p999.median);
	bench_json_count(json, "samples", of->times->count);
	bench_json_count(json, "windows", of->mpps.windows);
	bench_json_count(json, "discarded", of->mpps.discarded);
}

static void write_loads(struct bench_json *json, const struct vif_report *report)
{
	bench_json_open(json, "loads", '[');
	for (uint32_t i = 0; i < VIF_LOADS; i++)
		for (size_t k = 0; k < report->path_count; k++) {
			const struct measure_path *of = &report->loads[i][k];

			bench_json_open(json, NULL, '{');
			bench_json_number(json, "load", vif_loads[i]);
			write_times(json, of);
			bench_json_number(json, "mpps", of->mpps.median);
			bench_json_count(json, "due", of->due);
			bench_json_count(json, "sent_late", of->late);
			bench_json_count(json, "lost", of->lost);
			bench_json_close(json, '}');
		}
	bench_json_close(json, ']');
}

static void write_best_times(struct bench_json *json, const char *name,
			     const struct measure_path *of)
{
	char key[64];

	snprintf(key, sizeof(key), "%s_p50_ns", name);
	bench_json_number(json, key, of ? of->p50.median : NAN);
	snprintf(key, sizeof(key), "%s_p99_ns", name);
	bench_json_number(json, key, of ? of->p99.median : NAN);
	snprintf(key, sizeof(key), "%s_p999_ns", name);
	bench_json_number(json, key, of ? of->p999.median : NAN);
}

static void write_latency(struct bench_json *json, const struct vif_report *report)
{
	size_t count = report->path_count;
	const struct measure_path *vhost = vif_best_p50(report->ping, count, "vhost");
	const struct measure_path *zero_copy = vif_best_p50(report->ping, count, "memif-zero-copy");
	const struct measure_path *memif = vif_find(report->ping, count, "memif");
	const struct measure_path *svio = vif_find(report->ping, count, "svio");

	bench_json_open(json, "latency", '{');
	write_best_times(json, "svio", svio);
	write_best_times(json, "bound", vif_find(report->ping, count, "bound"));
	write_best_times(json, "vhost", vhost);
	write_best_times(json, "memif", memif);
	write_best_times(json, "memif_zero_copy", zero_copy);
	bench_json_text(json, "vhost_variant", vhost ? vhost->path->type->name : NULL);
	if (svio) {
		bench_json_open(json, "one_frame", '[');
		for (size_t i = 0; i < count; i++) {
			bench_json_open(json, NULL, '{');
			write_times(json, &report->ping[i]);
			bench_json_close(json, '}');
		}
		bench_json_close(json, ']');
		write_loads(json, report);
	}
	bench_json_close(json, '}');
}

static void write_counts(struct bench_json *json, const struct vif_report *report,
			 const struct vif_options *options)
{
	bench_json_open(json, "vif_count", '[');
	for (size_t i = 0; i < options->count_count && report->counts[i].mpps.windows; i++) {
		const struct measure_path *of = &report->counts[i];

		bench_json_open(json, NULL, '{');
		bench_json_count(json, "vifs", options->counts[i]);
		bench_json_number(json, "cycles_per_packet",
				  vif_cycles_per_packet(of->mpps.median));
		bench_json_number(json, "guest_held", of->held);
		bench_json_number(json, "mpps", of->mpps.median);
		write_figure(json, &of->mpps);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static void write_queues(struct bench_json *json, const struct vif_report *report)
{
	bench_json_open(json, "queue_count", '[');
	for (size_t i = 0; i < VIF_QUEUES && report->queues[i].mpps.windows; i++) {
		bench_json_open(json, NULL, '{');
		bench_json_count(json, "queues", vif_queues[i]);
		bench_json_number(json, "mpps", report->queues[i].mpps.median);
		write_figure(json, &report->queues[i].mpps);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static void write_guests(struct bench_json *json, const struct vif_report *report)
{
	bench_json_open(json, "guest_count", '[');
	for (size_t i = 0; i < VIF_GUESTS && report->guests[i].mpps.windows; i++) {
		const struct measure_path *of = &report->guests[i];
		double due = of->due ? (double)of->due : NAN;

		bench_json_open(json, NULL, '{');
		bench_json_count(json, "guests", vif_guests[i]);
		bench_json_number(json, "mpps", of->mpps.median);
		bench_json_number(json, "mpps_per_guest", of->mpps.median / vif_guests[i]);
		bench_json_number(json, "mpps_wanted_per_guest", report->guest_pps / 1e6);
		bench_json_number(json, "least_share", vif_least_share(report, i));
		bench_json_number(json, "sent_late_share", (double)of->late / due);
		write_figure(json, &of->mpps);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static void write_idle(struct bench_json *json, const struct vif_report *report)
{
	const struct measure_path *idle = report->idle;
	bool measured = report->idle_cpu.windows != 0;

	bench_json_number(json, "idle_cpu_percent", measured ? report->idle_cpu.median : NAN);
	if (!measured)
		return;
	bench_json_open(json, "idle", '{');
	bench_json_count(json, "vifs", report->idle_vifs);
	bench_json_number(json, "mpps_beside_them", idle[1].mpps.median);
	bench_json_number(json, "mpps_alone", idle[0].mpps.median);
	bench_json_number(json, "cost_percent",
			  100 * (1 - idle[1].mpps.median / idle[0].mpps.median));
	bench_json_number(json, "cpu_percent_min", report->idle_cpu.low);
	bench_json_number(json, "cpu_percent_max", report->idle_cpu.high);
	bench_json_close(json, '}');
}

void vif_write_json(struct bench_json *json, const struct vif_report *report,
		    const struct vif_options *options)
{
	write_sizes(json, report);
	write_latency(json, report);
	write_counts(json, report, options);
	write_idle(json, report);
	write_queues(json, report);
	write_guests(json, report);
	bench_environment_write(json, &options->places);
}

void vif_free_report(struct vif_report *report)
{
	for (size_t i = 0; i < MEASURE_PATHS_MAX; i++) {
		free(report->ping[i].times);
		for (size_t k = 0; k < VIF_LOADS; k++)
			free(report->loads[k][i].times);
	}
	free(report);
}
