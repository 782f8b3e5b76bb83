/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: grace periods, step by step in one thread (test_iommu_race.c has the threads). */
#include "svio_iommu_grace.h"
#include "svio_test.h"

/* As in the shared segment: one word a cache line. */
struct core {
	uint64_t epoch;
	uint64_t reserved[7];
};

static void grace_no_core_inside_is_over_at_once(void)
{
	struct core cores[3] = { { .epoch = 0 }, { .epoch = 4 }, { .epoch = 100 } };
	struct svio_iommu_grace grace;

	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), 3);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), 0);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
}

static void grace_waits_for_each_core_that_was_inside(void)
{
	struct core cores[SVIO_IOMMU_CORES_MAX] = { 0 };
	struct svio_iommu_grace grace;

	svio_iommu_core_enter(&cores[0].epoch);
	svio_iommu_core_enter(&cores[7].epoch);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), SVIO_IOMMU_CORES_MAX);
	CU_ASSERT_FALSE(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
	svio_iommu_core_exit(&cores[0].epoch);
	CU_ASSERT_FALSE(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
	svio_iommu_core_exit(&cores[7].epoch);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
}

static void grace_does_not_wait_for_those_who_came_later(void)
{
	struct core cores[2] = { 0 };
	struct svio_iommu_grace grace;

	svio_iommu_core_enter(&cores[0].epoch);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), 2);
	svio_iommu_core_enter(&cores[1].epoch);
	svio_iommu_core_exit(&cores[0].epoch);
	svio_iommu_core_enter(&cores[0].epoch);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
}

static void grace_survives_an_epoch_that_wraps(void)
{
	struct core cores[1] = { { .epoch = UINT64_MAX - 1 } };
	struct svio_iommu_grace grace;

	svio_iommu_core_enter(&cores[0].epoch);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), 1);
	CU_ASSERT_FALSE(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
	svio_iommu_core_exit(&cores[0].epoch);
	CU_ASSERT_EQUAL(cores[0].epoch, 0);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
}

/* Whoever buries a core sets its epoch even. */
static void grace_ends_when_a_dead_core_is_buried(void)
{
	struct core cores[1] = { 0 };
	struct svio_iommu_grace grace;

	svio_iommu_core_enter(&cores[0].epoch);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), 1);
	__atomic_store_n(&cores[0].epoch, (cores[0].epoch + 1) & ~1ull, __ATOMIC_RELEASE);
	CU_ASSERT(svio_iommu_grace_over(&grace, cores, sizeof(cores[0])));
}

SVIO_TEST_MAIN("iommu grace", SVIO_TEST(grace_no_core_inside_is_over_at_once),
	       SVIO_TEST(grace_waits_for_each_core_that_was_inside),
	       SVIO_TEST(grace_does_not_wait_for_those_who_came_later),
	       SVIO_TEST(grace_survives_an_epoch_that_wraps),
	       SVIO_TEST(grace_ends_when_a_dead_core_is_buried))
