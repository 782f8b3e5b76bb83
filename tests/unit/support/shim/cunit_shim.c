/* SPDX-License-Identifier: BSD-3-Clause */
#include <CUnit/CUnit.h>

#include <setjmp.h>
#include <stddef.h>

#define SHIM_MAX_CASES    512
#define SHIM_MAX_FAILURES 64 /* of one case; more are counted but not kept */

struct CU_Suite {
	CU_SetUpFunc setup;
	CU_TearDownFunc teardown;
	struct CU_Test tests[SHIM_MAX_CASES];
	CU_TestFunc functions[SHIM_MAX_CASES];
	size_t count;
};

static struct CU_Suite the_suite;
static struct CU_FailureRecord records[SHIM_MAX_FAILURES];
static size_t kept_failures;
static unsigned int tests_run;
static unsigned int tests_failed;
static unsigned int asserts;
static unsigned int failures;
static CU_TestStartMessageHandler start_handler;
static CU_TestCompleteMessageHandler complete_handler;
static jmp_buf fatal_exit;

CU_BOOL CU_assertImplementation(CU_BOOL value, unsigned int line, const char *condition,
				const char *file, const char *function, CU_BOOL fatal)
{
	(void)function;
	asserts++;
	if (value)
		return CU_TRUE;
	failures++;
	if (kept_failures < SHIM_MAX_FAILURES) {
		struct CU_FailureRecord *record = &records[kept_failures];

		*record = (struct CU_FailureRecord){ .uiLineNumber = line,
						     .strFileName = file,
						     .strCondition = condition };
		if (kept_failures)
			records[kept_failures - 1].pNext = record;
		kept_failures++;
	}
	if (fatal)
		longjmp(fatal_exit, 1);
	return CU_FALSE;
}

CU_ErrorCode CU_initialize_registry(void)
{
	return CUE_SUCCESS;
}

void CU_cleanup_registry(void)
{
}

CU_pSuite CU_add_suite_with_setup_and_teardown(const char *name, CU_InitializeFunc init,
					       CU_CleanupFunc cleanup, CU_SetUpFunc setup,
					       CU_TearDownFunc teardown)
{
	(void)name;
	(void)init;
	(void)cleanup;
	the_suite.setup = setup;
	the_suite.teardown = teardown;
	return &the_suite;
}

CU_pTest CU_add_test(CU_pSuite suite, const char *name, CU_TestFunc function)
{
	if (suite->count == SHIM_MAX_CASES)
		return NULL;
	suite->tests[suite->count].pName = name;
	suite->functions[suite->count] = function;
	return &suite->tests[suite->count++];
}

void CU_set_test_start_handler(CU_TestStartMessageHandler handler)
{
	start_handler = handler;
}

void CU_set_test_complete_handler(CU_TestCompleteMessageHandler handler)
{
	complete_handler = handler;
}

static void run_case(size_t i)
{
	unsigned int failures_before = failures;

	kept_failures = 0;
	if (start_handler)
		start_handler(&the_suite.tests[i], &the_suite);
	if (the_suite.setup)
		the_suite.setup();
	if (!setjmp(fatal_exit))
		the_suite.functions[i]();
	if (the_suite.teardown)
		the_suite.teardown();
	tests_run++;
	if (failures != failures_before)
		tests_failed++;
	if (complete_handler)
		complete_handler(&the_suite.tests[i], &the_suite, kept_failures ? records : NULL);
}

CU_ErrorCode CU_run_all_tests(void)
{
	for (size_t i = 0; i < the_suite.count; i++)
		run_case(i);
	return CUE_SUCCESS;
}

unsigned int CU_get_number_of_tests_run(void)
{
	return tests_run;
}

unsigned int CU_get_number_of_tests_failed(void)
{
	return tests_failed;
}

unsigned int CU_get_number_of_asserts(void)
{
	return asserts;
}

unsigned int CU_get_number_of_failure_records(void)
{
	return failures;
}

const char *CU_get_error_msg(void)
{
	return "too many cases for the CUnit shim";
}
