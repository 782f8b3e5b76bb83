/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench vif: user-space guests on VIFs of one device, and on other ways between two guests. */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "bench_vif.h"

#define MINUTES_DEFAULT 3.6 /* and a little for what ends then: less than 4 */

struct command {
	struct vif_options options;
	struct bench_options common;
	struct bench_windows windows;
	double minutes;
};

enum key {
	KEY_PEER = 0x100,
	KEY_IDLE_VIFS,
	KEY_MINUTES,
	KEY_VIFS
};

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 2048 (default: 64,512,1500)", 0 },
	{ "peers", 'P', NULL, 0,
	  "DPDK's vhost-user and memif, too, in turns with svio (needs DPDK's drivers)", 0 },
	{ "peer", KEY_PEER, "NAME", 0,
	  "Only peers whose names begin so: vhost, vhost-packed, memif ... Implies --peers", 0 },
	{ "part", 'p', "NAME", 0, "Only rate, latency, scale or idle (default: all)", 0 },
	{ "minutes", KEY_MINUTES, "M", 0, "After so long no window is taken again (default: 3.6)",
	  0 },
	{ "vifs", KEY_VIFS, "N,...", 0,
	  "How many VIFs send at once, 1 to 1000 (default: 1,16,64,256)", 0 },
	{ "idle-vifs", KEY_IDLE_VIFS, "N", 0, "How many VIFs are idle (default: 1024)", 0 },
	{ 0 }
};

static void parse_counts(const char *text, struct vif_options *options, struct argp_state *state)
{
	options->count_count =
		bench_parse_list(text, options->counts, VIF_COUNTS_MAX, 1, 1000, state);
	for (size_t i = 1; i < options->count_count; i++)
		if (options->counts[i] <= options->counts[i - 1])
			argp_error(state, "'%s': the least first", text);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const parts[] = { "rate", "latency", "scale", "idle", NULL };
	struct command *command = state->input;
	struct vif_options *options = &command->options;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &command->common;
		state->child_inputs[1] = &command->windows;
		return 0;
	case 's':
		options->size_count =
			bench_parse_list(argument, options->sizes, VIF_SIZES_MAX, 60, 2048, state);
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
		options->parts = 1u << bench_parse_name(argument, parts, state);
		return 0;
	case KEY_IDLE_VIFS:
		options->idle_vifs = (uint32_t)bench_parse_number(argument, 4000, state);
		return 0;
	case KEY_MINUTES:
		command->minutes = bench_parse_time(argument, 600, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
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
	"Packets between user-space guests on VIFs of one device, by one copy and nothing else (the "
	"bound), and with --peers by DPDK's vhost-user and memif, in turns. Starts everything itself. 11 "
	"windows of 20 ms count.\v"
	"One way: a guest sends new frames, another receives and drops them. To and fro: 512 frames "
	"go between them, as between two testpmd in io mode. Both guests are on one thread and one "
	"processor, the device on another; they touch 24 bytes of each frame, in bursts of 32.\n"
	"\n"
	"A window in which a thread waited for its processor is thrown away and taken again. Exit "
	"status 3: the machine was too noisy for a figure; the file of --json then says only that.\n"
	"\n"
	"Examples:\n"
	"  svio-bench vif --peers --json out.json       all of it, in less than 4 minutes\n"
	"  svio-bench vif --first --peers               on a machine that has other work\n"
	"  svio-bench vif --part rate --sizes 64 --peer vhost-packed\n"
	"  svio-bench vif --part scale";

static void set_windows(struct command *command)
{
	struct measure_options *measure = &command->options.measure;
	const struct bench_windows *windows = &command->windows;

	measure->windows = windows->count ? (uint32_t)windows->count : 11;
	if (measure->windows < MEASURE_WINDOWS_MIN)
		errx(1, "fewer than %u windows are no figure", MEASURE_WINDOWS_MIN);
	if (measure->windows > MEASURE_WINDOWS_MAX)
		errx(1, "%u windows are the most", MEASURE_WINDOWS_MAX);
	measure->window_ns = windows->ns ? windows->ns : 20000000u;
	measure->warm_up_ns = measure->window_ns / 4;
	measure->keep_disturbed = windows->keep_disturbed;
	measure->deadline_ns = bench_now_ns() + (uint64_t)(command->minutes * 60 * 1e9);
}

int bench_vif_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp },
						      { .argp = &bench_windows_keep_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options, .parser = parse_option, .doc = doc, .children = children
	};
	struct command command = { .options = { .sizes = { 64, 512, 1500 },
						.size_count = 3,
						.parts = VIF_PART_ALL,
						.counts = { 1, 16, 64, 256 },
						.count_count = 4,
						.idle_vifs = VIF_IDLE_DEFAULT },
				   .minutes = MINUTES_DEFAULT };
	struct vif_report *report = calloc(1, sizeof(*report));
	struct bench_json json;
	bool enough;

	bench_options_init(&command.common);
	argp_parse(&parser, argc, argv, 0, NULL, &command);
	if (!report)
		err(1, "memory");
	bench_json_create(&json, command.common.json_path);
	command.options.places = command.common.places;
	set_windows(&command);
	enough = run_all(&command.options, report);
	bench_json_text(&json, "refused", enough ? NULL : report->refused);
	if (enough)
		vif_write_json(&json, report, &command.options);
	bench_json_finish(&json);
	vif_free_report(report);
	return enough ? 0 : BENCH_EXIT_NOISY;
}
