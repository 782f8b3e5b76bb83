/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench vif: user-space guests on VIFs of one device, and on other ways between two guests. */
#include <argp.h>
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "bench_vif.h"

#define MINUTES_DEFAULT 3.6 /* and a little for what ends then: less than 4 */

struct command {
	struct vif_options options;
	const char *json_path;
	double minutes;
};

enum key {
	KEY_PEER = 0x100,
	KEY_IDLE_VIFS,
	KEY_MINUTES,
	KEY_KEEP,
	KEY_VIFS
};

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 2048 (default: 64,512,1500)", 0 },
	{ "peers", 'P', NULL, 0,
	  "DPDK's vhost-user and memif, too, in turns with svio (needs DPDK's drivers)", 0 },
	{ "peer", KEY_PEER, "NAME", 0,
	  "Only peers whose names begin so: vhost, vhost-packed, memif ... Implies --peers", 0 },
	{ "part", 'p', "NAME", 0, "Only rate, latency, scale or idle (default: all)", 0 },
	{ "windows", 'n', "N", 0, "Windows that count of each figure (5 to 200; default: 11)", 0 },
	{ "window-ms", 'w', "MS", 0, "Length of a window (1 to 1000; default: 20)", 0 },
	{ "minutes", KEY_MINUTES, "M", 0, "After so long no window is taken again (default: 3.6)",
	  0 },
	{ "keep-disturbed", KEY_KEEP, NULL, 0,
	  "Count disturbed windows, too: only to see the program run", 0 },
	{ "vifs", KEY_VIFS, "N,...", 0,
	  "How many VIFs send at once, 1 to 1000 (default: 1,16,64,256)", 0 },
	{ "idle-vifs", KEY_IDLE_VIFS, "N", 0, "How many VIFs are idle (default: 1024)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' processor (default: the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};

/* Numbers with commas between them; how many. */
static size_t parse_list(const char *text, uint32_t *numbers, size_t count_max, unsigned long least,
			 unsigned long most, struct argp_state *state)
{
	size_t count = 0;

	for (;; text++) {
		char *end;
		unsigned long number = strtoul(text, &end, 10);

		if (end == text || number < least || number > most || (*end && *end != ','))
			argp_error(state, "'%s': numbers from %lu to %lu, with commas between them",
				   text, least, most);
		if (count == count_max)
			argp_error(state, "more than %zu numbers", count_max);
		numbers[count++] = (uint32_t)number;
		if (!*end)
			return count;
		text = end;
	}
}

static void parse_counts(const char *text, struct vif_options *options, struct argp_state *state)
{
	options->count_count = parse_list(text, options->counts, VIF_COUNTS_MAX, 1, 1000, state);
	for (size_t i = 1; i < options->count_count; i++)
		if (options->counts[i] <= options->counts[i - 1])
			argp_error(state, "'%s': the least first", text);
}

static unsigned parse_part(const char *text, struct argp_state *state)
{
	static const char *const names[] = { "rate", "latency", "scale", "idle" };

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(text, names[i]) == 0)
			return 1u << i;
	argp_error(state, "no part '%s': rate, latency, scale or idle", text);
	return 0;
}

static error_t parse_measure(int key, const char *argument, struct command *command,
			     struct argp_state *state)
{
	struct vif_options *options = &command->options;

	switch (key) {
	case 'n':
		options->measure.windows = (uint32_t)bench_parse_number(argument, 200, state);
		if (options->measure.windows < MEASURE_WINDOWS_MIN)
			argp_error(state, "fewer than %u windows are no figure",
				   MEASURE_WINDOWS_MIN);
		return 0;
	case 'w':
		options->measure.window_ns = bench_parse_number(argument, 1000, state) * 1000000u;
		options->measure.warm_up_ns = options->measure.window_ns / 4;
		return 0;
	case KEY_MINUTES:
		command->minutes = strtod(argument, NULL);
		if (!(command->minutes > 0 && command->minutes <= 600))
			argp_error(state, "'%s' minutes: more than 0, at most 600", argument);
		return 0;
	case 'd':
		options->places.device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->places.guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case KEY_KEEP:
		options->measure.keep_disturbed = true;
		return 0;
	case 'f':
		options->places.first = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct command *command = state->input;
	struct vif_options *options = &command->options;

	switch (key) {
	case 's':
		options->size_count =
			parse_list(argument, options->sizes, VIF_SIZES_MAX, 60, 2048, state);
		return 0;
	case KEY_VIFS:
		parse_counts(argument, options, state);
		return 0;
	case KEY_PEER:
		options->only = argument;
		options->peers = true;
		return 0;
	case 'P':
		options->peers = true;
		return 0;
	case 'p':
		options->parts = parse_part(argument, state);
		return 0;
	case KEY_IDLE_VIFS:
		options->idle_vifs = (uint32_t)bench_parse_number(argument, 4000, state);
		return 0;
	case 'j':
		command->json_path = argument;
		return 0;
	default:
		return parse_measure(key, argument, command, state);
	}
}

static bool wants(const struct vif_options *options, enum vif_part part)
{
	return options->parts & part;
}

static bool run_all(const struct vif_options *options, struct vif_report *report)
{
	bool enough;

	if (options->places.first)
		bench_come_first();
	vif_start_paths(options, report);
	enough = (!wants(options, VIF_PART_RATE) || vif_run_rate(options, report)) &&
		 (!wants(options, VIF_PART_LATENCY) || vif_run_latency(options, report));
	vif_stop_paths(report);
	return enough && (!wants(options, VIF_PART_SCALE) || vif_run_scale(options, report)) &&
	       (!wants(options, VIF_PART_IDLE) || vif_run_idle(options, report));
}

static const char doc[] =
	"Packets between user-space guests on VIFs of one device, and with --peers by DPDK's "
	"vhost-user and memif, in turns. Starts everything itself.\v"
	"One way: a guest sends new frames, another receives and drops them. To and fro: 512 frames "
	"go between them, as between two testpmd in io mode. Both guests are on one thread and one "
	"processor, the device on another; they touch 24 bytes of each frame, in bursts of 32.\n"
	"\n"
	"A window in which a thread waited for its processor is thrown away and taken again. Exit "
	"status 3: the machine was too noisy for a figure.\n"
	"\n"
	"Examples:\n"
	"  svio-bench vif --peers --json out.json       all of it, in less than 4 minutes\n"
	"  svio-bench vif --first --peers               on a machine that has other work\n"
	"  svio-bench vif --part rate --sizes 64 --peer vhost-packed\n"
	"  svio-bench vif --part scale";

int bench_vif_main(int argc, char **argv)
{
	static const struct argp parser = { .options = argp_options,
					    .parser = parse_option,
					    .doc = doc };
	struct command command = { .options = { .sizes = { 64, 512, 1500 },
						.size_count = 3,
						.parts = VIF_PART_ALL,
						.counts = { 1, 16, 64, 256 },
						.count_count = 4,
						.idle_vifs = VIF_IDLE_DEFAULT,
						.measure = { .windows = 11,
							     .window_ns = 20000000,
							     .warm_up_ns = 5000000 },
						.places = { .device_cpu = bench_cpu(0),
							    .guest_cpu = bench_cpu(1) } },
				   .minutes = MINUTES_DEFAULT };
	struct vif_report *report = calloc(1, sizeof(*report));
	FILE *json = NULL;
	bool enough;

	argp_parse(&parser, argc, argv, 0, NULL, &command);
	if (!report)
		err(1, "memory");
	if (command.json_path) {
		json = fopen(command.json_path, "we");
		if (!json)
			err(1, "%s", command.json_path);
	}
	command.options.measure.deadline_ns =
		bench_now_ns() + (uint64_t)(command.minutes * 60 * 1e9);
	enough = run_all(&command.options, report);
	if (json) {
		if (enough)
			vif_write_json(json, report, &command.options);
		if (fclose(json))
			err(1, "%s", command.json_path);
	}
	vif_free_report(report);
	return enough ? 0 : BENCH_EXIT_NOISY;
}
