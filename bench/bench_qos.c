/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench qos: a port of 1 Gbit/s, shared by VIFs whose guests always have
 * more to send: what each gets, beside what its settings promise.
 *
 * Goodput is counted where packets arrive, in bits of the frames. Windows of
 * 20 ms; one in which the device or the guests were kept off their processors
 * for more than 2 % is thrown away, and another one takes its place.
 */
#include <argp.h>
#include <err.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_qos.h"

struct options {
	struct qos_options run;
	const char *json_path;
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

static void write_text(FILE *json, const char *text)
{
	fputc('"', json);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			fputc('\\', json);
		fputc(*text, json);
	}
	fputc('"', json);
}

static void write_series(FILE *json, const double *values, size_t count)
{
	fprintf(json, "[");
	for (size_t i = 0; i < count; i++)
		fprintf(json, "%s%.2f", i ? ", " : "", values[i]);
	fprintf(json, "]");
}

static void write_measured(FILE *json, const struct qos_measured *measured)
{
	const struct qos_vif *vifs = measured->scenario->vifs;
	bool first = true;

	fprintf(json, "    {\"name\": \"%s\", \"title\": ", measured->scenario->name);
	write_text(json, measured->scenario->title);
	if (measured->refused[0]) {
		fprintf(json, ", \"refused\": ");
		write_text(json, measured->refused);
		fprintf(json, ", \"vifs\": []}");
		return;
	}
	fprintf(json,
		", \"windows\": %zu, \"discarded\": %zu, \"dropped\": %llu, \"changes\": %llu, "
		"\"seconds\": ",
		measured->windows, measured->discarded, (unsigned long long)measured->drops,
		(unsigned long long)measured->changes);
	write_series(json, measured->seconds, measured->windows);
	fprintf(json, ", \"vifs\": [");
	for (size_t i = 0; vifs[i].name; i++) {
		if (!vifs[i].frame_bytes)
			continue;
		fprintf(json,
			"%s\n      {\"name\": \"%s\", \"frame_bytes\": %u, \"expected_mbps\": %.3f, ",
			first ? "" : ",", vifs[i].name, vifs[i].frame_bytes,
			qos_expected_mbps(&vifs[i]));
		if (measured->windows)
			fprintf(json, "\"measured_mbps\": %.3f, \"series_mbps\": ",
				qos_mean_mbps(measured, i));
		else
			fprintf(json, "\"measured_mbps\": null, \"series_mbps\": ");
		write_series(json, measured->mbps[i], measured->windows);
		fprintf(json, "}");
		first = false;
	}
	fprintf(json, "]}");
}

static bool is_wanted(const struct qos_scenario *scenario, const char *name)
{
	return !name || strncmp(scenario->name, name, strlen(name)) == 0;
}

static void run_all(const struct options *options, FILE *json)
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
	if (json)
		fprintf(json, "{\n  \"port_mbps\": %.0f,\n  \"scenarios\": [\n", QOS_PORT_MBPS);
	for (size_t i = 0; json && i < count; i++) {
		write_measured(json, &measured[i]);
		fprintf(json, i + 1 < count ? ",\n" : "\n");
	}
	if (json)
		fprintf(json, "  ]\n}\n");
	if (options->plot_path)
		qos_plot(options->plot_path, measured, count);
	free(measured);
}

static const struct argp_option argp_options[] = {
	{ "scenario", 'S', "NAME", 0, "Only those whose names begin so (default: all)", 0 },
	{ "list", 'l', NULL, 0, "List the scenarios", 0 },
	{ "seconds", 't', "S", 0,
	  "Of undisturbed windows of each scenario; at most four times as long (default: 3)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' processor (default: the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
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
	case 'S':
		check_scenario(argument, state);
		options->scenario = argument;
		return 0;
	case 'l':
		list_scenarios();
		exit(0);
	case 't':
		options->run.seconds = strtod(argument, NULL);
		if (!(options->run.seconds > 0 && options->run.seconds <= 80))
			argp_error(state, "'%s' seconds: more than 0, at most 80", argument);
		return 0;
	case 'd':
		options->run.device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->run.guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'f':
		options->run.first = true;
		return 0;
	case 'j':
		options->json_path = argument;
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
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "What VIFs get of a port with a rate, beside what their settings promise: "
		       "shares, weights, min, max, priorities, groups, changes. Starts a device of "
		       "its own for each scenario.\v"
		       "Examples:\n"
		       "  svio-bench qos --json out.json --plot out.svg\n"
		       "  svio-bench qos --scenario priority --seconds 10",
	};
	struct options options = {
		.run = { .seconds = 3, .device_cpu = bench_cpu(0), .guest_cpu = bench_cpu(1) }
	};
	FILE *json = NULL;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.json_path) {
		json = fopen(options.json_path, "we");
		if (!json)
			err(1, "%s", options.json_path);
	}
	if (options.run.first)
		bench_come_first();
	run_all(&options, json);
	if (json && fclose(json))
		err(1, "%s", options.json_path);
	return 0;
}
