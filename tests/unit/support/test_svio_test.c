/* SPDX-License-Identifier: BSD-3-Clause */
/* The test frame's own helpers; run for every processor, so the CUnit shim is exercised too. */
#include "svio_test.h"

#include <stdlib.h>

static void random_same_seed_same_sequence(void)
{
	uint64_t a = 42;
	uint64_t b = 42;

	for (int i = 0; i < 100; i++)
		CU_ASSERT_EQUAL(svio_test_random(&a), svio_test_random(&b));
}

/* First output for state 0, from the reference implementation. */
static void random_state_zero_matches_reference(void)
{
	uint64_t state = 0;

	CU_ASSERT_EQUAL(svio_test_random(&state), 0xe220a8397b1dcdafu);
}

static void seed_from_environment_wins(void)
{
	CU_ASSERT_EQUAL_FATAL(setenv("SVIO_TEST_SEED", "0x1234", 1), 0);
	CU_ASSERT_EQUAL(svio_test_seed(7), 0x1234);
	CU_ASSERT_EQUAL_FATAL(unsetenv("SVIO_TEST_SEED"), 0);
	CU_ASSERT_EQUAL(svio_test_seed(7), 7);
}

SVIO_TEST_MAIN("test frame", SVIO_TEST(random_same_seed_same_sequence),
	       SVIO_TEST(random_state_zero_matches_reference),
	       SVIO_TEST(seed_from_environment_wins))
