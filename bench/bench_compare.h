/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench compare: its options, and the part whose guests are processes. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include <stdio.h>

#include "bench_measure.h"

#define COMPARE_SIZES_MAX 8u

struct compare_options {
	uint32_t sizes[COMPARE_SIZES_MAX];
	size_t size_count;
	bool processes;
	bool guests;
	bool quick;
	bool force;       /* disturbed windows count, too, and the report says so */
	const char *ways; /* NAME,...: those whose names begin so; NULL: all */
	const char *json_path;
	const char *html_path;
	struct measure_options measure;
	struct bench_places places;
};

/*
 * Measures all ways between two processes and writes JSON. False: the machine is
 * too noisy, which has been told.
 */
bool compare_processes(const struct compare_options *options, FILE *file);

/* What is going on, with the time since the first call. */
void compare_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* BENCH_COMPARE_H */
