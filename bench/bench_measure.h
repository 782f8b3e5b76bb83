/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Measurements of paths: they take turns in windows; a window in which one of a
 * path's threads waited for its processor, or the host of a virtual machine took
 * it away, is thrown away and taken again.
 */
#ifndef BENCH_MEASURE_H
#define BENCH_MEASURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench_histogram.h"
#include "bench_path.h"

#define MEASURE_PATHS_MAX   24u
#define MEASURE_WINDOWS_MAX 256u
#define MEASURE_WINDOWS_MIN 5u /* fewer are no figure */

struct measure_options {
	uint32_t windows; /* that count, of each path; MEASURE_WINDOWS_MIN at least */
	uint64_t window_ns;
	uint32_t wait_share;  /* of a window may be waited for a processor, 1 in so many; 0: 100 */
	uint32_t tries_each;  /* turns for each window that is to count; 0: 8 */
	uint64_t warm_up_ns;  /* before the windows of a turn */
	bool keep_disturbed;  /* for tests of svio-bench itself */
	bool may_fail;        /* a path that fails is left out from then on, path->why tells */
	uint64_t deadline_ns; /* bench_now_ns() when no window is taken again; 0: never */
};

/* Median and spread of the windows that counted. */
struct measure_figure {
	double median; /* NAN: none */
	double low;    /* least */
	double high;   /* greatest */
	size_t windows;
	size_t discarded;
};

/* What a path did with one load. */
struct measure_path {
	struct bench_path *path;
	struct measure_figure mpps;
	/* Of the windows that counted together: */
	uint64_t packets;
	uint64_t least;     /* of the flow that got least in its window */
	uint64_t window_ns; /* all of them */
	uint64_t sent;
	uint64_t due;
	uint64_t late;
	uint64_t lost;
	double device_ns; /* CPU time a packet */
	double guest_ns;  /* of both guests */
	double turns;     /* how often a thread of the path got its processor, a packet */
	double notices;   /* how often one side told the other through the kernel, a packet */
	double held;      /* share of looks at which the guest waited for the device */
	/* With times: medians of the windows' own quantiles, ns. */
	struct measure_figure p50;
	struct measure_figure p99;
	struct measure_figure p999;
	struct bench_histogram *times; /* ns, of all windows; the caller's; NULL: none are wanted */
};

/*
 * Measures the load on all paths in turns; its times are those of the options. pps: of each path, for
 * GUEST_PACED, else NULL. False: a path has fewer than MEASURE_WINDOWS_MIN windows, as the machine is
 * too noisy, or as it failed. Ends the program when a path fails that must not.
 */
bool measure_paths(struct measure_path *measured, size_t count, const struct guest_load *load,
		   const double *pps, const struct measure_options *options);

/* Median and spread of values, which it sorts. */
struct measure_figure measure_figure_of(double *values, size_t count, size_t discarded);

#endif /* BENCH_MEASURE_H */
