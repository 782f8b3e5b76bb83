/* SPDX-License-Identifier: BSD-3-Clause */
/* Cases that have to fail: ctest expects this program to exit with an error for each of them. */
#include "svio_test.h"

static void empty(void)
{
}

static void wrong(void)
{
	CU_ASSERT_EQUAL(1, 2);
}

static void wrong_fatal(void)
{
	CU_ASSERT_FATAL(0);
	CU_ASSERT(1);
}

SVIO_TEST_MAIN("must fail", SVIO_TEST(empty), SVIO_TEST(wrong), SVIO_TEST(wrong_fatal))
