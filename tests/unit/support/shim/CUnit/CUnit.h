/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for <CUnit/CUnit.h> in the cross builds, where no CUnit is packaged: the assertions and
 * the few registry calls that our tests use, with the meaning that CUnit documents for them.
 * Native builds use the real CUnit. One suite, one thread.
 */
#ifndef SVIO_CUNIT_SHIM_H
#define SVIO_CUNIT_SHIM_H

#include <math.h>
#include <string.h>

#define CU_BOOL     int
#define CU_TRUE     1
#define CU_FALSE    0
#define CUE_SUCCESS 0

typedef int CU_ErrorCode;
typedef void (*CU_TestFunc)(void);
typedef int (*CU_InitializeFunc)(void);
typedef int (*CU_CleanupFunc)(void);
typedef void (*CU_SetUpFunc)(void);
typedef void (*CU_TearDownFunc)(void);

struct CU_FailureRecord {
	unsigned int uiLineNumber;
	const char *strFileName;
	const char *strCondition;
	struct CU_FailureRecord *pNext;
};
struct CU_Test {
	const char *pName;
};
struct CU_Suite;
typedef struct CU_FailureRecord *CU_pFailureRecord;
typedef struct CU_Test *CU_pTest;
typedef struct CU_Suite *CU_pSuite;
typedef void (*CU_TestStartMessageHandler)(const CU_pTest, const CU_pSuite);
typedef void (*CU_TestCompleteMessageHandler)(const CU_pTest, const CU_pSuite,
					      const CU_pFailureRecord);

CU_BOOL CU_assertImplementation(CU_BOOL value, unsigned int line, const char *condition,
				const char *file, const char *function, CU_BOOL fatal);
CU_ErrorCode CU_initialize_registry(void);
void CU_cleanup_registry(void);
CU_pSuite CU_add_suite_with_setup_and_teardown(const char *name, CU_InitializeFunc init,
					       CU_CleanupFunc cleanup, CU_SetUpFunc setup,
					       CU_TearDownFunc teardown);
CU_pTest CU_add_test(CU_pSuite suite, const char *name, CU_TestFunc function);
void CU_set_test_start_handler(CU_TestStartMessageHandler handler);
void CU_set_test_complete_handler(CU_TestCompleteMessageHandler handler);
CU_ErrorCode CU_run_all_tests(void);
unsigned int CU_get_number_of_tests_run(void);
unsigned int CU_get_number_of_tests_failed(void);
unsigned int CU_get_number_of_asserts(void);
unsigned int CU_get_number_of_failure_records(void);
const char *CU_get_error_msg(void);

#define SVIO_CU_CHECK(value, text, fatal)                                              \
	{                                                                              \
		CU_assertImplementation((value), __LINE__, text, __FILE__, "", fatal); \
	}

#define CU_PASS(msg)       SVIO_CU_CHECK(CU_TRUE, "CU_PASS(" #msg ")", CU_FALSE)
#define CU_FAIL(msg)       SVIO_CU_CHECK(CU_FALSE, "CU_FAIL(" #msg ")", CU_FALSE)
#define CU_FAIL_FATAL(msg) SVIO_CU_CHECK(CU_FALSE, "CU_FAIL_FATAL(" #msg ")", CU_TRUE)

#define CU_ASSERT(value)       SVIO_CU_CHECK((value) != 0, "CU_ASSERT(" #value ")", CU_FALSE)
#define CU_ASSERT_FATAL(value) SVIO_CU_CHECK((value) != 0, "CU_ASSERT_FATAL(" #value ")", CU_TRUE)
#define CU_TEST(value)         SVIO_CU_CHECK((value) != 0, "CU_TEST(" #value ")", CU_FALSE)
#define CU_TEST_FATAL(value)   SVIO_CU_CHECK((value) != 0, "CU_TEST_FATAL(" #value ")", CU_TRUE)
#define CU_ASSERT_TRUE(value)  SVIO_CU_CHECK((value) != 0, "CU_ASSERT_TRUE(" #value ")", CU_FALSE)
#define CU_ASSERT_TRUE_FATAL(value) \
	SVIO_CU_CHECK((value) != 0, "CU_ASSERT_TRUE_FATAL(" #value ")", CU_TRUE)
#define CU_ASSERT_FALSE(value) SVIO_CU_CHECK(!(value), "CU_ASSERT_FALSE(" #value ")", CU_FALSE)
#define CU_ASSERT_FALSE_FATAL(value) \
	SVIO_CU_CHECK(!(value), "CU_ASSERT_FALSE_FATAL(" #value ")", CU_TRUE)
#define CU_ASSERT_EQUAL(actual, expected)                                                    \
	SVIO_CU_CHECK((actual) == (expected), "CU_ASSERT_EQUAL(" #actual ", " #expected ")", \
		      CU_FALSE)
#define CU_ASSERT_EQUAL_FATAL(actual, expected)                                                    \
	SVIO_CU_CHECK((actual) == (expected), "CU_ASSERT_EQUAL_FATAL(" #actual ", " #expected ")", \
		      CU_TRUE)
#define CU_ASSERT_NOT_EQUAL(actual, expected)                                                    \
	SVIO_CU_CHECK((actual) != (expected), "CU_ASSERT_NOT_EQUAL(" #actual ", " #expected ")", \
		      CU_FALSE)
#define CU_ASSERT_NOT_EQUAL_FATAL(actual, expected) \
	SVIO_CU_CHECK((actual) != (expected),       \
		      "CU_ASSERT_NOT_EQUAL_FATAL(" #actual ", " #expected ")", CU_TRUE)
#define CU_ASSERT_PTR_EQUAL(actual, expected)                             \
	SVIO_CU_CHECK((const void *)(actual) == (const void *)(expected), \
		      "CU_ASSERT_PTR_EQUAL(" #actual ", " #expected ")", CU_FALSE)
#define CU_ASSERT_PTR_EQUAL_FATAL(actual, expected)                       \
	SVIO_CU_CHECK((const void *)(actual) == (const void *)(expected), \
		      "CU_ASSERT_PTR_EQUAL_FATAL(" #actual ", " #expected ")", CU_TRUE)
#define CU_ASSERT_PTR_NOT_EQUAL(actual, expected)                         \
	SVIO_CU_CHECK((const void *)(actual) != (const void *)(expected), \
		      "CU_ASSERT_PTR_NOT_EQUAL(" #actual ", " #expected ")", CU_FALSE)
#define CU_ASSERT_PTR_NOT_EQUAL_FATAL(actual, expected)                   \
	SVIO_CU_CHECK((const void *)(actual) != (const void *)(expected), \
		      "CU_ASSERT_PTR_NOT_EQUAL_FATAL(" #actual ", " #expected ")", CU_TRUE)
#define CU_ASSERT_PTR_NULL(value) \
	SVIO_CU_CHECK((const void *)(value) == NULL, "CU_ASSERT_PTR_NULL(" #value ")", CU_FALSE)
#define CU_ASSERT_PTR_NULL_FATAL(value)                                                      \
	SVIO_CU_CHECK((const void *)(value) == NULL, "CU_ASSERT_PTR_NULL_FATAL(" #value ")", \
		      CU_TRUE)
#define CU_ASSERT_PTR_NOT_NULL(value) \
	SVIO_CU_CHECK((const void *)(value) != NULL, "CU_ASSERT_PTR_NOT_NULL(" #value ")", CU_FALSE)
#define CU_ASSERT_PTR_NOT_NULL_FATAL(value)                                                      \
	SVIO_CU_CHECK((const void *)(value) != NULL, "CU_ASSERT_PTR_NOT_NULL_FATAL(" #value ")", \
		      CU_TRUE)
#define CU_ASSERT_STRING_EQUAL(actual, expected)     \
	SVIO_CU_CHECK(!strcmp((actual), (expected)), \
		      "CU_ASSERT_STRING_EQUAL(" #actual ", " #expected ")", CU_FALSE)
#define CU_ASSERT_STRING_EQUAL_FATAL(actual, expected) \
	SVIO_CU_CHECK(!strcmp((actual), (expected)),   \
		      "CU_ASSERT_STRING_EQUAL_FATAL(" #actual ", " #expected ")", CU_TRUE)
#define CU_ASSERT_STRING_NOT_EQUAL(actual, expected)     \
	SVIO_CU_CHECK(strcmp((actual), (expected)) != 0, \
		      "CU_ASSERT_STRING_NOT_EQUAL(" #actual ", " #expected ")", CU_FALSE)
#define CU_ASSERT_STRING_NOT_EQUAL_FATAL(actual, expected) \
	SVIO_CU_CHECK(strcmp((actual), (expected)) != 0,   \
		      "CU_ASSERT_STRING_NOT_EQUAL_FATAL(" #actual ", " #expected ")", CU_TRUE)
#define CU_ASSERT_NSTRING_EQUAL(actual, expected, count)       \
	SVIO_CU_CHECK(!strncmp((actual), (expected), (count)), \
		      "CU_ASSERT_NSTRING_EQUAL(" #actual ", " #expected ", " #count ")", CU_FALSE)
#define CU_ASSERT_NSTRING_EQUAL_FATAL(actual, expected, count)                                 \
	SVIO_CU_CHECK(!strncmp((actual), (expected), (count)),                                 \
		      "CU_ASSERT_NSTRING_EQUAL_FATAL(" #actual ", " #expected ", " #count ")", \
		      CU_TRUE)
#define CU_ASSERT_NSTRING_NOT_EQUAL(actual, expected, count)                                 \
	SVIO_CU_CHECK(strncmp((actual), (expected), (count)) != 0,                           \
		      "CU_ASSERT_NSTRING_NOT_EQUAL(" #actual ", " #expected ", " #count ")", \
		      CU_FALSE)
#define CU_ASSERT_NSTRING_NOT_EQUAL_FATAL(actual, expected, count)                                 \
	SVIO_CU_CHECK(strncmp((actual), (expected), (count)) != 0,                                 \
		      "CU_ASSERT_NSTRING_NOT_EQUAL_FATAL(" #actual ", " #expected ", " #count ")", \
		      CU_TRUE)
#define CU_ASSERT_DOUBLE_EQUAL(actual, expected, granularity)                                     \
	SVIO_CU_CHECK(fabs((double)(actual) - (double)(expected)) <= fabs((double)(granularity)), \
		      "CU_ASSERT_DOUBLE_EQUAL(" #actual ", " #expected ", " #granularity ")",     \
		      CU_FALSE)
#define CU_ASSERT_DOUBLE_EQUAL_FATAL(actual, expected, granularity)                               \
	SVIO_CU_CHECK(fabs((double)(actual) - (double)(expected)) <= fabs((double)(granularity)), \
		      "CU_ASSERT_DOUBLE_EQUAL_FATAL(" #actual ", " #expected ", " #granularity    \
		      ")",                                                                        \
		      CU_TRUE)
#define CU_ASSERT_DOUBLE_NOT_EQUAL(actual, expected, granularity)                                 \
	SVIO_CU_CHECK(fabs((double)(actual) - (double)(expected)) > fabs((double)(granularity)),  \
		      "CU_ASSERT_DOUBLE_NOT_EQUAL(" #actual ", " #expected ", " #granularity ")", \
		      CU_FALSE)
#define CU_ASSERT_DOUBLE_NOT_EQUAL_FATAL(actual, expected, granularity)                            \
	SVIO_CU_CHECK(fabs((double)(actual) - (double)(expected)) > fabs((double)(granularity)),   \
		      "CU_ASSERT_DOUBLE_NOT_EQUAL_FATAL(" #actual ", " #expected ", " #granularity \
		      ")",                                                                         \
		      CU_TRUE)

#endif
