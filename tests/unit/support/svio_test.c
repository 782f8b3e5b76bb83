/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* CUnit's handlers have no context argument. */
static unsigned int asserts_before;
static unsigned int empty_cases;

static void print_failures(const struct CU_FailureRecord *failure)
{
	for (; failure; failure = failure->pNext)
		printf("    %s:%u: %s\n", failure->strFileName, failure->uiLineNumber,
		       failure->strCondition);
}

static void begin_case(const CU_pTest test, const CU_pSuite suite)
{
	(void)test;
	(void)suite;
	asserts_before = CU_get_number_of_asserts();
}

static void end_case(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	(void)suite;
	if (failure) {
		printf("FAIL %s\n", test->pName);
		print_failures(failure);
	} else if (CU_get_number_of_asserts() == asserts_before) {
		printf("FAIL %s: it asserts nothing\n", test->pName);
		empty_cases++;
	} else {
		printf("ok   %s\n", test->pName);
	}
	fflush(stdout);
}

static CU_pSuite add_suite(const struct svio_test_suite *suite, const char *filter)
{
	CU_pSuite handle = CU_add_suite_with_setup_and_teardown(suite->name, NULL, NULL,
								suite->setup, suite->teardown);

	if (!handle)
		return NULL;
	for (size_t i = 0; i < suite->case_count; i++) {
		if (filter && !strstr(suite->cases[i].name, filter))
			continue;
		if (!CU_add_test(handle, suite->cases[i].name, suite->cases[i].run))
			return NULL;
	}
	return handle;
}

int svio_test_run(const struct svio_test_suite *suite, int argc, char **argv)
{
	unsigned int failed;
	unsigned int ran;

	if (CU_initialize_registry() != CUE_SUCCESS ||
	    !add_suite(suite, argc > 1 ? argv[1] : NULL)) {
		fprintf(stderr, "%s: %s\n", suite->name, CU_get_error_msg());
		return EXIT_FAILURE;
	}
	CU_set_test_start_handler(begin_case);
	CU_set_test_complete_handler(end_case);
	CU_run_all_tests();

	ran = CU_get_number_of_tests_run();
	failed = CU_get_number_of_tests_failed() + empty_cases;
	printf("%s: %u cases, %u failed, %u assertions\n", suite->name, ran, failed,
	       CU_get_number_of_asserts());
	failed += CU_get_number_of_failure_records();
	CU_cleanup_registry();
	return ran && !failed ? EXIT_SUCCESS : EXIT_FAILURE;
}

uint64_t svio_test_seed(uint64_t fallback)
{
	const char *text = getenv("SVIO_TEST_SEED");
	uint64_t seed = text ? strtoull(text, NULL, 0) : fallback;

	printf("seed: SVIO_TEST_SEED=0x%llx\n", (unsigned long long)seed);
	return seed;
}

/* splitmix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014. */
uint64_t svio_test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}
