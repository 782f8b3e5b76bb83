/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench iommu: what DMA protection costs: translations, maps and unmaps,
 * tables, and packets.
 */
#include <argp.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_iommu.h"

#define MAP_QUEUE_KEY "map_queue_vs_viommu_time_ratio"

struct iommu_figure iommu_figure_of(struct bench_result *result)
{
	return (struct iommu_figure){ .median = bench_result_quantile(result, 0.5),
				      .low = bench_result_quantile(result, 0),
				      .high = bench_result_quantile(result, 1),
				      .count = result->count };
}

static void write_key(struct iommu_report *report, const char *key, const char *suffix)
{
	fprintf(report->json, "%s\n  \"%s%s\": ", report->any ? "," : "", key, suffix);
	report->any = true;
}

static void write_value(struct iommu_report *report, const char *key, const char *suffix,
			double value)
{
	if (!report->json)
		return;
	write_key(report, key, suffix);
	if (isnan(value))
		fprintf(report->json, "null");
	else
		fprintf(report->json, "%.6g", value);
}

void iommu_report_figure(struct iommu_report *report, const char *key,
			 const struct iommu_figure *figure)
{
	write_value(report, key, "", figure->median);
	write_value(report, key, "_min", figure->low);
	write_value(report, key, "_max", figure->high);
}

void iommu_report_number(struct iommu_report *report, const char *key, double value)
{
	write_value(report, key, "", value);
}

void iommu_report_missing(struct iommu_report *report, const char *key, const char *reason)
{
	printf("%s: not measured: %s\n", key, reason);
	write_value(report, key, "", NAN);
	if (!report->json)
		return;
	write_key(report, key, "_reason");
	fprintf(report->json, "\"%s\"", reason);
}

static const struct argp_option argp_options[] = {
	{ "part", 'p', "NAME", 0, "Only lookup, tables, unmap or throughput (default: all of them)",
	  0 },
	{ "repetitions", 'r', "N", 0, "Windows of each that count (default: 7)", 0 },
	{ "window-ms", 'w', "MS", 0, "Length of a window (default: 20)", 0 },
	{ "count-lookups", 'n', "N", 0,
	  "No times: so many lookups, rounded up to a multiple of 1024, for callgrind", 0 },
	{ "subject", 's', "NAME", 0,
	  "For --count-lookups: hit, walk, miss, sorted or tree (default: walk)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' and sviod's processor (default: the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "map-queue", 'q', "FILE", 0, "Add the ratio that bench/map_queue.py --json has written",
	  0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};

/* One of names, which NULL ends. */
static const char *parse_name(const char *text, const char *const *names, struct argp_state *state)
{
	for (size_t i = 0; names[i]; i++)
		if (strcmp(names[i], text) == 0)
			return names[i];
	argp_error(state, "'%s' is not known: see --help", text);
	return NULL;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const parts[] = { "lookup", "tables", "unmap", "throughput", NULL };
	static const char *const names[] = { "hit", "walk", "miss", "sorted", "tree", NULL };
	struct iommu_options *options = state->input;

	switch (key) {
	case 'p':
		options->part = parse_name(argument, parts, state);
		return 0;
	case 'r':
		options->repetitions = bench_parse_number(argument, 1000, state);
		return 0;
	case 'w':
		options->window_ms = bench_parse_number(argument, 10000, state);
		return 0;
	case 'n':
		options->count_lookups = bench_parse_number(argument, 1000000000, state);
		return 0;
	case 's':
		options->count_subject = parse_name(argument, names, state);
		return 0;
	case 'd':
		options->device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'f':
		options->first = true;
		return 0;
	case 'q':
		options->map_queue_path = argument;
		return 0;
	case 'j':
		options->json_path = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static bool is_wanted(const struct iommu_options *options, const char *part)
{
	return !options->part || strcmp(options->part, part) == 0;
}

/* Measured in a guest, by bench/map_queue.py. */
static void report_map_queue(const struct iommu_options *options, struct iommu_report *report)
{
	FILE *file = options->map_queue_path ? fopen(options->map_queue_path, "r") : NULL;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *value = strstr(line, "\"" MAP_QUEUE_KEY "\": ");
		double ratio = value ? strtod(strchr(value, ':') + 1, NULL) : 0;

		if (ratio <= 0)
			continue;
		iommu_report_number(report, MAP_QUEUE_KEY, ratio);
		fclose(file);
		return;
	}
	if (file)
		fclose(file);
	iommu_report_missing(report, MAP_QUEUE_KEY,
			     "needs a guest with a vIOMMU: bench/map_queue.py --json FILE, then "
			     "--map-queue FILE");
}

static void run_all(const struct iommu_options *options, struct iommu_report *report)
{
	if (options->first)
		bench_come_first();
	bench_pin(getpid(), options->guest_cpu, options->first);
	if (options->count_lookups || is_wanted(options, "lookup"))
		iommu_run_lookups(options, report);
	if (options->count_lookups)
		return;
	if (is_wanted(options, "tables"))
		iommu_run_tables(report);
	if (is_wanted(options, "unmap"))
		iommu_run_sviod(options, report);
	if (is_wanted(options, "throughput"))
		iommu_run_throughput(options, report);
	report_map_queue(options, report);
}

int bench_iommu_main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "What DMA protection costs: a translation beside other ways to find one, tables, "
		       "maps and unmaps, and packets. Starts devices of its own.\v"
		       "Examples:\n"
		       "  svio-bench iommu --json out.json\n"
		       "  svio-bench iommu --first --repetitions 21\n"
		       "  svio-bench iommu --part lookup --window-ms 50\n"
		       "  valgrind --tool=callgrind --toggle-collect=run_walk \\\n"
		       "      svio-bench iommu --count-lookups 102400 --subject walk",
	};
	struct iommu_options options = { .repetitions = 7,
					 .window_ms = 20,
					 .count_subject = "walk",
					 .device_cpu = bench_cpu(0),
					 .guest_cpu = bench_cpu(1) };
	struct iommu_report report = { 0 };

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.json_path) {
		report.json = fopen(options.json_path, "we");
		if (!report.json)
			err(1, "%s", options.json_path);
		fprintf(report.json, "{");
	}
	run_all(&options, &report);
	if (report.json) {
		fprintf(report.json, "\n}\n");
		if (fclose(report.json))
			err(1, "%s", options.json_path);
	}
	return 0;
}
