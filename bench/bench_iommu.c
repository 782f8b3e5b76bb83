/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench iommu: what DMA protection costs: translations, maps and unmaps,
 * tables, and packets.
 */
#include <stdio.h>
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

void iommu_report_figure(struct bench_json *json, const char *key,
			 const struct iommu_figure *figure)
{
	char name[96];

	bench_json_number(json, key, figure->median);
	snprintf(name, sizeof(name), "%s_min", key);
	bench_json_number(json, name, figure->low);
	snprintf(name, sizeof(name), "%s_max", key);
	bench_json_number(json, name, figure->high);
}

void iommu_report_missing(struct bench_json *json, const char *key, const char *reason)
{
	char name[96];

	printf("%s: not measured: %s\n", key, reason);
	bench_json_text(json, key, NULL);
	snprintf(name, sizeof(name), "%s_reason", key);
	bench_json_text(json, name, reason);
}

static const struct argp_option argp_options[] = {
	{ "part", 'p', "NAME", 0, "Only lookup, tables, unmap or throughput (default: all of them)",
	  0 },
	{ "count-lookups", 'N', "N", 0,
	  "No times: so many lookups, rounded up to a multiple of 1024, for callgrind", 0 },
	{ "subject", 's', "NAME", 0,
	  "For --count-lookups: hit, walk, miss, sorted or tree (default: walk)", 0 },
	{ "map-queue", 'q', "FILE", 0, "Add the ratio that bench/map_queue.py --json has written",
	  0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const parts[] = { "lookup", "tables", "unmap", "throughput", NULL };
	static const char *const names[] = { "hit", "walk", "miss", "sorted", "tree", NULL };
	struct iommu_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		state->child_inputs[1] = &options->windows;
		return 0;
	case 'p':
		options->part = parts[bench_parse_name(argument, parts, state)];
		return 0;
	case 'N':
		options->count_lookups = bench_parse_number(argument, 1000000000, state);
		return 0;
	case 's':
		options->count_subject = names[bench_parse_name(argument, names, state)];
		return 0;
	case 'q':
		options->map_queue_path = argument;
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
static void report_map_queue(const struct iommu_options *options, struct bench_json *json)
{
	FILE *file = options->map_queue_path ? fopen(options->map_queue_path, "r") : NULL;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		const char *value = strstr(line, "\"" MAP_QUEUE_KEY "\": ");
		double ratio = value ? strtod(strchr(value, ':') + 1, NULL) : 0;

		if (ratio <= 0)
			continue;
		bench_json_number(json, MAP_QUEUE_KEY, ratio);
		fclose(file);
		return;
	}
	if (file)
		fclose(file);
	iommu_report_missing(json, MAP_QUEUE_KEY,
			     "needs a guest with a vIOMMU: bench/map_queue.py --json FILE, then "
			     "--map-queue FILE");
}

static void run_all(const struct iommu_options *options, struct bench_json *json)
{
	if (options->common.places.first)
		bench_come_first();
	bench_pin(getpid(), options->common.places.guest_cpu, options->common.places.first);
	if (options->count_lookups || is_wanted(options, "lookup"))
		iommu_run_lookups(options, json);
	if (options->count_lookups)
		return;
	if (is_wanted(options, "tables"))
		iommu_run_tables(json);
	if (is_wanted(options, "unmap"))
		iommu_run_sviod(options, json);
	if (is_wanted(options, "throughput"))
		iommu_run_throughput(options, json);
	report_map_queue(options, json);
}

int bench_iommu_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp },
						      { .argp = &bench_windows_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "What DMA protection costs: a translation beside other ways to find one, tables, "
		       "maps and unmaps, and packets. Starts devices of its own. 7 windows of 20 ms "
		       "of each count. sviod runs on the guests' processor.\v"
		       "Examples:\n"
		       "  svio-bench iommu --json out.json\n"
		       "  svio-bench iommu --first --repetitions 21\n"
		       "  svio-bench iommu --part lookup --window-ms 50\n"
		       "  valgrind --tool=callgrind --toggle-collect=run_walk \\\n"
		       "      svio-bench iommu --count-lookups 102400 --subject walk",
		.children = children,
	};
	struct iommu_options options = { .count_subject = "walk",
					 .windows = { .count = 7, .ns = 20000000 } };
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	run_all(&options, &json);
	bench_json_finish(&json);
	return 0;
}
