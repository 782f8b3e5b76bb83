/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_histogram.h"

#include <math.h>
#include <string.h>

#define SUB (1u << HISTOGRAM_SUB_LG2)

/* Cells of one nanosecond up to 2 * SUB, then SUB cells for each power of two. */
static uint32_t cell_of(uint32_t time)
{
	uint32_t shift;

	if (time < 2 * SUB)
		return time;
	shift = 31u - (uint32_t)__builtin_clz(time) - HISTOGRAM_SUB_LG2;
	return (shift << HISTOGRAM_SUB_LG2) + (time >> shift);
}

static double middle_of(uint32_t cell)
{
	uint32_t shift = cell < 2 * SUB ? 0 : (cell >> HISTOGRAM_SUB_LG2) - 1;
	double low = ldexp(cell - (shift << HISTOGRAM_SUB_LG2), (int)shift);

	return low + (ldexp(1, (int)shift) - 1) / 2;
}

void bench_histogram_clear(struct bench_histogram *histogram)
{
	memset(histogram, 0, sizeof(*histogram));
}

void bench_histogram_add(struct bench_histogram *histogram, const uint32_t *times, size_t count)
{
	for (size_t i = 0; i < count; i++)
		histogram->cells[cell_of(times[i])]++;
	histogram->count += count;
}

double bench_histogram_quantile(const struct bench_histogram *histogram, double share)
{
	uint64_t wanted = (uint64_t)ceil(share * (double)histogram->count);
	uint64_t seen = 0;

	if (!histogram->count)
		return NAN;
	for (uint32_t i = 0; i < HISTOGRAM_CELLS; i++) {
		seen += histogram->cells[i];
		if (seen && seen >= wanted)
			return middle_of(i);
	}
	return NAN;
}
