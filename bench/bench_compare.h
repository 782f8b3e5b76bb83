/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench compare: its options, and the part whose guests are processes. */
#ifndef BENCH_COMPARE_H
#define BENCH_COMPARE_H

#include "bench_json.h"
#include "bench_measure.h"
#include "bench_options.h"

#define COMPARE_SIZES_MAX 8u

struct compare_options {
	uint32_t sizes[COMPARE_SIZES_MAX];
	size_t size_count;
	bool processes;
	bool guests;
	bool quick;
	bool force;       /* disturbed windows count, too, and the report says so */
	const char *ways; /* NAME,...: those whose names begin so; NULL: all */
	const char *html_path;
	const char *plot_path;
	const char *markdown_path;
	const char *insert_path;
	const char *data_path; /* not NULL: only this is shown */
	struct measure_options measure;
	struct bench_windows windows;
	struct bench_options common;
};

/*
 * Measures all ways between two processes into the open object. A figure without enough undisturbed
 * windows is null, and "missing" tells why. False: the machine is too noisy; "refused" tells why.
 */
bool compare_processes(const struct compare_options *options, struct bench_json *json);

/* What is going on, with the time since the start. */
void compare_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* BENCH_COMPARE_H */
