/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Options that measurements share, as children of their own (struct argp_child).
 * A measurement's parser gives each child its struct at ARGP_KEY_INIT:
 *
 *	case ARGP_KEY_INIT:
 *		state->child_inputs[0] = &options->common;
 */
#ifndef BENCH_OPTIONS_H
#define BENCH_OPTIONS_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"

struct bench_options {
	struct bench_places places;
	const char *json_path; /* NULL: none is wanted */
};

/* The first two processors. */
void bench_options_init(struct bench_options *options);

/* --device-cpu, --guest-cpu, --first, --json; for a struct bench_options. */
extern const struct argp bench_options_argp;
/* The same of measurements that have one processor: --cpu, which is device_cpu. */
extern const struct argp bench_options_one_cpu_argp;

struct bench_windows {
	size_t count; /* of each figure; 0: the measurement's own number */
	uint64_t ns;  /* 0: the measurement's own */
	bool keep_disturbed;
};

#define BENCH_WINDOWS_COUNT_MAX 1000u

/* --windows (or --repetitions), --window-ms; for a struct bench_windows. */
extern const struct argp bench_windows_argp;
/* The same and --keep-disturbed. */
extern const struct argp bench_windows_keep_argp;

/* What follows ends the program when the text is something else. */

/* A number from 1 to most. */
unsigned long bench_parse_number(const char *text, unsigned long most, struct argp_state *state);
/* Seconds or minutes: more than 0, at most so many. */
double bench_parse_time(const char *text, double most, struct argp_state *state);
/* A processor that this program may use. */
int bench_parse_cpu(const char *text, struct argp_state *state);
/* Numbers from least to most with commas between them; how many. */
size_t bench_parse_list(const char *text, uint32_t *numbers, size_t count_max, unsigned long least,
			unsigned long most, struct argp_state *state);
/* Which of the names, the last of which is NULL. */
unsigned bench_parse_name(const char *text, const char *const *names, struct argp_state *state);

#endif /* BENCH_OPTIONS_H */
