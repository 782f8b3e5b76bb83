/* SPDX-License-Identifier: BSD-3-Clause */
/* A histogram of times: exact below 512 ns, to 1 part in 256 above; every time up to 2^32 - 1 ns. */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

#define HISTOGRAM_SUB_LG2 8u
#define HISTOGRAM_CELLS   ((34u - HISTOGRAM_SUB_LG2) << HISTOGRAM_SUB_LG2)

struct bench_histogram {
	uint64_t count;
	uint64_t cells[HISTOGRAM_CELLS];
};

void bench_histogram_clear(struct bench_histogram *histogram);
void bench_histogram_add(struct bench_histogram *histogram, const uint32_t *times, size_t count);

/*
 * The least time that a share of all times (0..1) does not exceed, as the middle of its cell. NAN when
 * empty.
 */
double bench_histogram_quantile(const struct bench_histogram *histogram, double share);

#endif /* BENCH_HISTOGRAM_H */
