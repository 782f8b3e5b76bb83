/* SPDX-License-Identifier: BSD-3-Clause */
/* Turns, discarding and figures, on paths whose windows are made up. */
#include <math.h>

#include "bench/bench_measure.h"
#include "svio_test.h"

#define PATHS 2

struct fake {
	struct bench_path path;
	uint32_t runs;
	uint32_t disturbed_each; /* of so many windows one is disturbed; 0: none; 1: all */
	uint64_t stolen;         /* in a disturbed window; 0: it waited */
	uint64_t packets;
	uint32_t fails_at; /* this run, and every later one; 0: none */
	bool rests;
};

static struct fake fakes[PATHS];
static struct measure_path measured[PATHS];
static uint32_t running; /* how many do not rest */

static void resume(struct bench_path *path)
{
	((struct fake *)path)->rests = false;
	running++;
	CU_ASSERT_EQUAL(running, 1);
}

static void pause_fake(struct bench_path *path)
{
	((struct fake *)path)->rests = true;
	running--;
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct fake *fake = (struct fake *)path;
	bool disturbed = fake->disturbed_each && fake->runs % fake->disturbed_each == 0;

	CU_ASSERT_FALSE(fake->rests);
	memset(result, 0, sizeof(*result));
	result->ns = load->ns;
	result->packets = fake->packets + fake->runs % 3; /* least, median, greatest */
	result->device.cpu_ns = 2 * result->packets;
	result->time_count = 1;
	times[0] = disturbed ? 400 : 100 + fake->runs % 3;
	if (disturbed && fake->stolen)
		result->stolen = fake->stolen;
	else if (disturbed)
		result->device.waited_ns = load->ns / 100 + 1;
	else
		result->guests.waited_ns = load->ns / 100;
	fake->runs++;
	return !fake->fails_at || fake->runs < fake->fails_at;
}

static const struct measure_options options = { .windows = 9, .window_ns = 1000000 };

static bool measure(const struct measure_options *how)
{
	const struct guest_load load = { .pattern = GUEST_PING, .bytes = 64 };

	return measure_paths(measured, PATHS, &load, NULL, how);
}

static void make_paths(void)
{
	static const struct bench_path_type type = {
		.name = "fake", .resume = resume, .run = run, .pause = pause_fake
	};
	static struct bench_histogram histograms[PATHS];

	memset(fakes, 0, sizeof(fakes));
	memset(measured, 0, sizeof(measured));
	for (int i = 0; i < PATHS; i++) {
		fakes[i].path.type = &type;
		fakes[i].packets = 1000;
		fakes[i].rests = true;
		measured[i].path = &fakes[i].path;
		measured[i].times = &histograms[i];
	}
}

static void measure_quiet_takes_as_many_windows_as_wanted(void)
{
	make_paths();
	CU_ASSERT_TRUE(measure(&options));
	for (int i = 0; i < PATHS; i++) {
		CU_ASSERT_EQUAL(fakes[i].runs, 9);
		CU_ASSERT_EQUAL(measured[i].mpps.windows, 9);
		CU_ASSERT_EQUAL(measured[i].mpps.discarded, 0);
		CU_ASSERT_DOUBLE_EQUAL(measured[i].mpps.low, 1.000, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(measured[i].mpps.median, 1.001, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(measured[i].mpps.high, 1.002, 1e-9);
		CU_ASSERT_DOUBLE_EQUAL(measured[i].device_ns, 2, 1e-9);
		CU_ASSERT_EQUAL(measured[i].p50.median, 101);
		CU_ASSERT_EQUAL(measured[i].times->count, 9);
	}
}

static void measure_disturbed_windows_are_taken_again(void)
{
	make_paths();
	fakes[0].disturbed_each = 2;
	fakes[1].disturbed_each = 3;
	fakes[1].stolen = 1;
	CU_ASSERT_TRUE(measure(&options));
	CU_ASSERT_EQUAL(measured[0].mpps.windows, 9);
	CU_ASSERT_EQUAL(measured[0].mpps.discarded, 9);
	CU_ASSERT_EQUAL(measured[1].mpps.windows, 9);
	CU_ASSERT_TRUE(measured[1].mpps.discarded >= 4);
	CU_ASSERT_TRUE(measured[0].p999.high < 400); /* times of such windows do not count either */
	CU_ASSERT_TRUE(bench_histogram_quantile(measured[0].times, 1) < 400);
}

static void measure_noisy_is_no_figure(void)
{
	make_paths();
	fakes[1].disturbed_each = 1;
	CU_ASSERT_FALSE(measure(&options));
	CU_ASSERT_EQUAL(measured[0].mpps.windows, 9);
	CU_ASSERT_EQUAL(measured[1].mpps.windows, 0);
	CU_ASSERT_TRUE(isnan(measured[1].mpps.median));
}

static void measure_ends_at_the_deadline(void)
{
	struct measure_options late = options;

	make_paths();
	late.deadline_ns = 1;
	CU_ASSERT_FALSE(measure(&late));
	CU_ASSERT_EQUAL(fakes[0].runs, 0);
}

static void measure_keeps_disturbed_when_told(void)
{
	struct measure_options keep = options;

	make_paths();
	fakes[0].disturbed_each = 1;
	keep.keep_disturbed = true;
	CU_ASSERT_TRUE(measure(&keep));
	CU_ASSERT_EQUAL(measured[0].mpps.windows, 9);
}

static void measure_leaves_out_a_path_that_fails(void)
{
	struct measure_options may_fail = options;

	make_paths();
	fakes[1].fails_at = 4;
	may_fail.may_fail = true;
	CU_ASSERT_FALSE(measure(&may_fail));
	CU_ASSERT_EQUAL(fakes[1].runs, 4);
	CU_ASSERT_EQUAL(measured[1].mpps.windows, 3);
	CU_ASSERT_EQUAL(measured[0].mpps.windows, 9);
	CU_ASSERT_TRUE(fakes[1].rests);
	/* From then on. */
	CU_ASSERT_FALSE(measure(&may_fail));
	CU_ASSERT_EQUAL(fakes[1].runs, 4);
	CU_ASSERT_EQUAL(measured[0].mpps.windows, 9);
}

static void figure_of_even_count_is_between(void)
{
	double values[] = { 4, 1, 3, 2 };
	struct measure_figure figure = measure_figure_of(values, 4, 5);

	CU_ASSERT_EQUAL(figure.median, 2.5);
	CU_ASSERT_EQUAL(figure.low, 1);
	CU_ASSERT_EQUAL(figure.high, 4);
	CU_ASSERT_EQUAL(figure.discarded, 5);
}

SVIO_TEST_MAIN("bench measure", SVIO_TEST(measure_quiet_takes_as_many_windows_as_wanted),
	       SVIO_TEST(measure_disturbed_windows_are_taken_again),
	       SVIO_TEST(measure_noisy_is_no_figure), SVIO_TEST(measure_ends_at_the_deadline),
	       SVIO_TEST(measure_keeps_disturbed_when_told),
	       SVIO_TEST(measure_leaves_out_a_path_that_fails),
	       SVIO_TEST(figure_of_even_count_is_between))
