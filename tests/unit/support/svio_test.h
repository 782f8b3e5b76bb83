/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The frame of every CUnit program of the project: list the cases, get a main().
 *
 *	static void map_overlapping_range_is_refused(void)
 *	{
 *		CU_ASSERT_EQUAL(svio_iommu_map(...), -EEXIST);
 *	}
 *
 *	SVIO_TEST_MAIN("iommu domain", SVIO_TEST(map_overlapping_range_is_refused))
 *
 * A case that asserts nothing fails, and so does a program without cases.
 */
#ifndef SVIO_TEST_H
#define SVIO_TEST_H

#include <CUnit/CUnit.h>
#include <stddef.h>
#include <stdint.h>

/* One case: what to call and what to print. */
struct svio_test_case {
	const char *name;
	void (*run)(void);
};

/* A suite with optional per-case set-up and tear-down (either may be NULL). */
struct svio_test_suite {
	const char *name;
	void (*setup)(void);
	void (*teardown)(void);
	const struct svio_test_case *cases;
	size_t case_count;
};

#define SVIO_TEST(function)         \
	{                           \
#function, function \
	}

#define SVIO_TEST_MAIN_WITH(suite_name, setup_function, teardown_function, ...)            \
	int main(int argc, char **argv)                                                    \
	{                                                                                  \
		static const struct svio_test_case cases[] = { __VA_ARGS__ };              \
		const struct svio_test_suite suite = { (suite_name), (setup_function),     \
						       (teardown_function), cases,         \
						       sizeof(cases) / sizeof(cases[0]) }; \
                                                                                           \
		return svio_test_run(&suite, argc, argv);                                  \
	}

#define SVIO_TEST_MAIN(suite_name, ...) SVIO_TEST_MAIN_WITH(suite_name, NULL, NULL, __VA_ARGS__)

/*
 * Runs the cases one after another and prints a line for each. argv[1], if given, is a substring
 * that selects cases. Returns the program's exit status: 0 when every case ran, asserted something
 * and held.
 */
int svio_test_run(const struct svio_test_suite *suite, int argc, char **argv);

/*
 * The seed of this run's random numbers: SVIO_TEST_SEED from the environment, else the fixed
 * fallback. Printed once, so that a failure can be repeated.
 */
uint64_t svio_test_seed(uint64_t fallback);

/* Next number of a splitmix64 sequence; *state may start anywhere (see svio_test_seed). */
uint64_t svio_test_random(uint64_t *state);

#endif
