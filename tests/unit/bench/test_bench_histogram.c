/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include "bench/bench_histogram.h"
#include "svio_test.h"

static struct bench_histogram histogram;

static void quantile_empty_is_none(void)
{
	bench_histogram_clear(&histogram);
	CU_ASSERT_TRUE(isnan(bench_histogram_quantile(&histogram, 0.5)));
}

static void quantile_small_times_are_exact(void)
{
	bench_histogram_clear(&histogram);
	for (uint32_t time = 1; time <= 500; time++)
		bench_histogram_add(&histogram, &time, 1);
	CU_ASSERT_EQUAL(histogram.count, 500);
	CU_ASSERT_EQUAL(bench_histogram_quantile(&histogram, 0), 1);
	CU_ASSERT_EQUAL(bench_histogram_quantile(&histogram, 0.5), 250);
	CU_ASSERT_EQUAL(bench_histogram_quantile(&histogram, 0.99), 495);
	CU_ASSERT_EQUAL(bench_histogram_quantile(&histogram, 1), 500);
}

static void quantile_of_any_time_is_within_a_256th(void)
{
	for (uint64_t time = 1; time <= UINT32_MAX; time += 1 + time / 77) {
		uint32_t one = (uint32_t)time;
		double found;

		bench_histogram_clear(&histogram);
		bench_histogram_add(&histogram, &one, 1);
		found = bench_histogram_quantile(&histogram, 0.5);
		CU_ASSERT_TRUE(fabs(found - (double)time) <= (double)time / 256);
	}
}

static void quantile_last_time_has_a_cell(void)
{
	const uint32_t times[] = { 0, UINT32_MAX };

	bench_histogram_clear(&histogram);
	bench_histogram_add(&histogram, times, 2);
	CU_ASSERT_EQUAL(bench_histogram_quantile(&histogram, 0.5), 0);
	CU_ASSERT_DOUBLE_EQUAL(bench_histogram_quantile(&histogram, 1), UINT32_MAX, 1 << 24);
}

SVIO_TEST_MAIN("bench histogram", SVIO_TEST(quantile_empty_is_none),
	       SVIO_TEST(quantile_small_times_are_exact),
	       SVIO_TEST(quantile_of_any_time_is_within_a_256th),
	       SVIO_TEST(quantile_last_time_has_a_cell))
