/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WINDOW_MS_MAX 10000

unsigned long bench_parse_number(const char *text, unsigned long most, struct argp_state *state)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || !number || number > most)
		argp_error(state, "'%s': a number from 1 to %lu", text, most);
	return number;
}

double bench_parse_time(const char *text, double most, struct argp_state *state)
{
	char *end;
	double time = strtod(text, &end);

	if (end == text || *end || !(time > 0 && time <= most))
		argp_error(state, "'%s': more than 0, at most %g", text, most);
	return time;
}

int bench_parse_cpu(const char *text, struct argp_state *state)
{
	char *end;
	long cpu = strtol(text, &end, 10);

	for (int i = 0; end != text && !*end; i++) {
		int usable = bench_cpu(i);

		if (usable == cpu)
			return usable;
		if (usable == bench_cpu(i + 1))
			break;
	}
	argp_error(state, "'%s': no processor that this program may use", text);
	return 0;
}

size_t bench_parse_list(const char *text, uint32_t *numbers, size_t count_max, unsigned long least,
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

unsigned bench_parse_name(const char *text, const char *const *names, struct argp_state *state)
{
	char all[256] = "";

	for (unsigned i = 0; names[i]; i++) {
		size_t used = strlen(all);

		if (strcmp(text, names[i]) == 0)
			return i;
		snprintf(all + used, sizeof(all) - used, "%s%s", i ? ", " : "", names[i]);
	}
	argp_error(state, "'%s': one of %s", text, all);
	return 0;
}

enum key {
	KEY_KEEP = 0x1000
};

static error_t parse_common(int key, char *argument, struct argp_state *state)
{
	struct bench_options *options = state->input;

	switch (key) {
	case 'f':
		options->places.first = true;
		return 0;
	case 'j':
		options->json_path = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_cpus(int key, char *argument, struct argp_state *state)
{
	struct bench_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options;
		return 0;
	case 'd':
	case 'c':
		options->places.device_cpu = bench_parse_cpu(argument, state);
		return 0;
	case 'g':
		options->places.guest_cpu = bench_parse_cpu(argument, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option common[] = {
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};
static const struct argp_option two_cpus[] = {
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guests' processor (default: the second)", 0 },
	{ 0 }
};
static const struct argp_option one_cpu[] = {
	{ "cpu", 'c', "N", 0, "Which processor (default: the first)", 0 }, { 0 }
};

static const struct argp common_argp = { .options = common, .parser = parse_common };
static const struct argp_child common_children[] = { { .argp = &common_argp }, { 0 } };
const struct argp bench_options_argp = { .options = two_cpus,
					 .parser = parse_cpus,
					 .children = common_children };
const struct argp bench_options_one_cpu_argp = { .options = one_cpu,
						 .parser = parse_cpus,
						 .children = common_children };

void bench_options_init(struct bench_options *options)
{
	*options = (struct bench_options){ .places = { .device_cpu = bench_cpu(0),
						       .guest_cpu = bench_cpu(1) } };
}

static const struct argp_option windows[] = {
	{ "windows", 'n', "N", 0, "Windows of each figure that count", 0 },
	{ "repetitions", 'r', NULL, OPTION_ALIAS, NULL, 0 },
	{ "window-ms", 'w', "MS", 0, "Length of a window", 0 },
	{ 0 }
};

static error_t parse_windows(int key, char *argument, struct argp_state *state)
{
	struct bench_windows *options = state->input;

	switch (key) {
	case 'n':
	case 'r':
		options->count = bench_parse_number(argument, BENCH_WINDOWS_COUNT_MAX, state);
		return 0;
	case 'w':
		options->ns = bench_parse_number(argument, WINDOW_MS_MAX, state) * 1000000u;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp bench_windows_argp = { .options = windows, .parser = parse_windows };

static const struct argp_option keep[] = {
	{ "keep-disturbed", KEY_KEEP, NULL, 0,
	  "Count disturbed windows, too: only to see the program run", 0 },
	{ 0 }
};

static error_t parse_keep(int key, char *argument, struct argp_state *state)
{
	struct bench_windows *options = state->input;

	(void)argument;
	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = options;
		return 0;
	case KEY_KEEP:
		options->keep_disturbed = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_child keep_children[] = { { .argp = &bench_windows_argp }, { 0 } };
const struct argp bench_windows_keep_argp = { .options = keep,
					      .parser = parse_keep,
					      .children = keep_children };
