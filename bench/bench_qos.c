/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench qos: a port of 1 Gbit/s, shared by VIFs whose guests always have
 * more to send: what each gets, beside what its settings promise.
 *
 * Goodput is counted where packets arrive, in bits of the frames. Windows of
 * 20 ms; one in which the device or the guests were kept off their processors
 * for more than 2 % is thrown away, and another one takes its place.
 */
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_json.h"
#include "bench_options.h"
#include "bench_qos.h"

struct options {
	struct qos_options run;
	struct bench_options common;
	const char *plot_path;
	const char *scenario; /* NULL: all */
};

static void find_range(const struct qos_measured *measured, size_t vif, double *low, double *high)
{
	*low = INFINITY;
	*high = 0;
	for (size_t i = 0; i < measured->windows; i++) {
		*low = fmin(*low, measured->mbps[vif][i]);
		*high = fmax(*high, measured->mbps[vif][i]);
	}
}

static void print_measured(const struct qos_measured *measured)
{
	const struct qos_vif *vifs = measured->scenario->vifs;

	printf("%s: %s\n", measured->scenario->name, measured->scenario->title);
	if (measured->refused[0]) {
		printf("  not measured: %s\n", measured->refused);
		return;
	}
	if (!measured->windows)
		printf("  every window was disturbed by other work: --first may help\n");
	for (size_t i = 0; measured->windows && vifs[i].name; i++) {
		double low, high;

		if (!vifs[i].frame_bytes)
			continue;
		find_range(measured, i, &low, &high);
		printf("  %-10s %5u B  expected %7.1f  measured %7.1f Mbit/s  (windows: %.1f - "
		       "%.1f)\n",
		       vifs[i].name, vifs[i].frame_bytes, qos_expected_mbps(&vifs[i]),
		       qos_mean_mbps(measured, i), low, high);
	}
	printf("  %zu windows, %zu thrown away; %llu packets without a buffer", measured->windows,
	       measured->discarded, (unsigned long long)measured->drops);
	if (measured->changes)
		printf("; %llu changes", (unsigned long long)measured->changes);
	printf("\n");
	fflush(stdout);
}

static void write_series(struct bench_json *json, const char *key, const double *values,
			 size_t count)
{
	bench_json_open(json, key, '[');
	for (size_t i = 0; i < count; i++)
		bench_json_number(json, NULL, values[i]);
	bench_json_close(json, ']');
}

static void write_vif(struct bench_json *json, const struct qos_measured *measured, size_t index)
{
	const struct qos_vif *vif = &measured->scenario->vifs[index];

	bench_json_open(json, NULL, '{');
	bench_json_text(json, "name", vif->name);
	bench_json_count(json, "frame_bytes", vif->frame_bytes);
	bench_json_number(json, "expected_mbps", qos_expected_mbps(vif));
	bench_json_number(json, "measured_mbps",
			  measured->windows ? qos_mean_mbps(measured, index) : NAN);
	write_series(json, "series_mbps", measured->mbps[index], measured->windows);
	bench_json_close(json, '}');
}

static void write_measured(struct bench_json *json, const struct qos_measured *measured)
{
	const struct qos_vif *vifs = measured->scenario->vifs;
	bool refused = measured->refused[0];

	bench_json_open(json, NULL, '{');
	bench_json_text(json, "name", measured->scenario->name);
	bench_json_text(json, "title", measured->scenario->title);
	if (refused) {
		bench_json_text(json, "refused", measured->refused);
	} else {
		bench_json_count(json, "windows", measured->windows);
		bench_json_count(json, "discarded", measured->discarded);
		bench_json_count(json, "dropped", measured->drops);
		bench_json_count(json, "changes", measured->changes);
		write_series(json, "seconds", measured->seconds, measured->windows);
	}
	bench_json_open(json, "vifs", '[');
	for (size_t i = 0; !refused && vifs[i].name; i++)
		if (vifs[i].frame_bytes)
			write_vif(json, measured, i);
	bench_json_close(json, ']');
	bench_json_close(json, '}');
}

static bool is_wanted(const struct qos_scenario *scenario, const char *name)
{
	return !name || strncmp(scenario->name, name, strlen(name)) == 0;
}

static void run_all(const struct options *options, struct bench_json *json)
{
	struct qos_measured *measured = calloc(qos_scenario_count, sizeof(*measured));
	size_t count = 0;

	if (!measured)
		err(1, "memory");
	printf("a port of %.0f Mbit/s; goodput in bits of frames\n", QOS_PORT_MBPS);
	for (size_t i = 0; i < qos_scenario_count; i++) {
		if (!is_wanted(&qos_scenarios[i], options->scenario))
			continue;
		qos_run(&qos_scenarios[i], &options->run, &measured[count]);
		print_measured(&measured[count++]);
	}
	bench_json_number(json, "port_mbps", QOS_PORT_MBPS);
	bench_json_open(json, "scenarios", '[');
	for (size_t i = 0; i < count; i++)
		write_measured(json, &measured[i]);
	bench_json_close(json, ']');
	if (options->plot_path)
		qos_plot(options->plot_path, measured, count);
	free(measured);
}

static const struct argp_option argp_options[] = {
	{ "scenario", 'S', "NAME", 0, "Only those whose names begin so (default: all)", 0 },
	{ "list", 'l', NULL, 0, "List the scenarios", 0 },
	{ "seconds", 't', "S", 0,
	  "Of undisturbed windows of each scenario; at most four times as long (default: 3)", 0 },
	{ "plot", 'p', "FILE", 0, "Plot to FILE, an SVG; needs gnuplot", 0 },
	{ 0 }
};

static void list_scenarios(void)
{
	for (size_t i = 0; i < qos_scenario_count; i++)
		printf("%-22s %s\n", qos_scenarios[i].name, qos_scenarios[i].title);
}

static void check_scenario(const char *name, struct argp_state *state)
{
	for (size_t i = 0; i < qos_scenario_count; i++)
		if (is_wanted(&qos_scenarios[i], name))
			return;
	argp_error(state, "no scenario '%s': --list names them", name);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		return 0;
	case 'S':
		check_scenario(argument, state);
		options->scenario = argument;
		return 0;
	case 'l':
		list_scenarios();
		exit(0);
	case 't':
		options->run.seconds = bench_parse_time(argument, 80, state);
		return 0;
	case 'p':
		options->plot_path = argument;
		if (!qos_can_plot())
			argp_failure(state, 1, 0,
				     "--plot needs gnuplot: tests/lab/install-deps bench");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_qos_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp }, { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "What VIFs get of a port with a rate, beside what their settings promise: "
		       "shares, weights, min, max, priorities, groups, changes. Starts a device of "
		       "its own for each scenario.\v"
		       "Examples:\n"
		       "  svio-bench qos --json out.json --plot out.svg\n"
		       "  svio-bench qos --scenario priority --seconds 10",
		.children = children,
	};
	struct options options = { .run = { .seconds = 3 } };
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	options.run.places = options.common.places;
	bench_json_create(&json, options.common.json_path);
	if (options.run.places.first)
		bench_come_first();
	run_all(&options, &json);
	bench_json_finish(&json);
	return 0;
}
