/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: the fault log and its rate limit. */
#include <string.h>

#include "svio_iommu_fault.h"
#include "svio_test.h"

static struct svio_iommu_fault_log fault_log;

static void setup(void)
{
	memset(&fault_log, 0, sizeof(fault_log));
}

static void add_faults(uint32_t count)
{
	struct svio_iommu_fault fault = { .bytes = 64, .queue = 0x102, .access = 2, .reason = 1 };
	uint32_t i;

	for (i = 0; i < count; i++) {
		fault.sequence = 999; /* what the caller puts here does not matter */
		fault.iova = 0x1000ull * (fault_log.head + 1);
		fault.vif = (uint32_t)fault_log.head + 1;
		fault.suppressed = i;
		svio_iommu_fault_add(&fault_log, &fault);
	}
}

static void get_added_record_returns_all_of_it(void)
{
	struct svio_iommu_fault fault;

	add_faults(3);
	CU_ASSERT_EQUAL(fault_log.head, 3);
	CU_ASSERT(svio_iommu_fault_get(&fault_log, 2, &fault));
	CU_ASSERT_EQUAL(fault.sequence, 2);
	CU_ASSERT_EQUAL(fault.iova, 0x2000);
	CU_ASSERT_EQUAL(fault.vif, 2);
	CU_ASSERT_EQUAL(fault.bytes, 64);
	CU_ASSERT_EQUAL(fault.queue, 0x102);
	CU_ASSERT_EQUAL(fault.access, 2);
	CU_ASSERT_EQUAL(fault.reason, 1);
	CU_ASSERT_EQUAL(fault.suppressed, 1);
}

static void get_what_is_not_there_says_so(void)
{
	struct svio_iommu_fault fault = { .iova = 42 };

	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 0, &fault));
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 1, &fault));
	add_faults(1);
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 0, &fault));
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 2, &fault));
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 1 + SVIO_IOMMU_FAULTS, &fault));
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, UINT64_MAX, &fault));
	CU_ASSERT_EQUAL(fault.iova, 42);
}

static void add_beyond_the_ring_keeps_the_newest(void)
{
	struct svio_iommu_fault fault;
	uint64_t sequence;

	add_faults(SVIO_IOMMU_FAULTS + 10);
	for (sequence = 1; sequence <= 10; sequence++)
		CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, sequence, &fault));
	for (; sequence <= SVIO_IOMMU_FAULTS + 10; sequence++) {
		CU_ASSERT(svio_iommu_fault_get(&fault_log, sequence, &fault));
		CU_ASSERT_EQUAL(fault.vif, sequence);
	}
}

/* A writer that died between zeroing the sequence and setting it: the next writer goes on. */
static void half_written_record_is_not_returned(void)
{
	struct svio_iommu_fault fault;

	add_faults(SVIO_IOMMU_FAULTS);
	fault_log.record[(SVIO_IOMMU_FAULTS + 1) % SVIO_IOMMU_FAULTS].sequence = 0;
	CU_ASSERT_FALSE(svio_iommu_fault_get(&fault_log, 1, &fault));
	add_faults(1);
	CU_ASSERT(svio_iommu_fault_get(&fault_log, SVIO_IOMMU_FAULTS + 1, &fault));
}

static void allow_passes_a_burst_then_one_each_interval(void)
{
	struct svio_iommu_fault_limit limit = { 0 };
	const uint64_t start = 77;
	uint32_t suppressed = 9;
	uint32_t i;

	for (i = 0; i < SVIO_IOMMU_FAULT_BURST; i++)
		CU_ASSERT(svio_iommu_fault_allow(&limit, start, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 0);
	for (i = 0; i < 5; i++)
		CU_ASSERT_FALSE(svio_iommu_fault_allow(&limit, start, &suppressed));
	CU_ASSERT_FALSE(svio_iommu_fault_allow(&limit, start + SVIO_IOMMU_FAULT_INTERVAL_NS - 1,
					       &suppressed));
	CU_ASSERT(
		svio_iommu_fault_allow(&limit, start + SVIO_IOMMU_FAULT_INTERVAL_NS, &suppressed));
	CU_ASSERT_EQUAL(suppressed, 6);
	CU_ASSERT_FALSE(
		svio_iommu_fault_allow(&limit, start + SVIO_IOMMU_FAULT_INTERVAL_NS, &suppressed));
}

static void allow_over_a_long_storm_keeps_the_rate(void)
{
	struct svio_iommu_fault_limit limit = { 0 };
	uint64_t passed = 0;
	uint64_t left_out = 0;
	uint64_t now_ns;

	for (now_ns = 0; now_ns < 10000000000ull; now_ns += 100000) {
		uint32_t suppressed = 0;

		if (svio_iommu_fault_allow(&limit, now_ns, &suppressed)) {
			passed++;
			left_out += suppressed;
		}
	}
	CU_ASSERT_EQUAL(passed, SVIO_IOMMU_FAULT_BURST + 99);
	CU_ASSERT_EQUAL(passed + left_out + limit.suppressed, 100000);
}

static void allow_clock_that_went_back_does_not_block(void)
{
	struct svio_iommu_fault_limit limit = { 0 };
	uint32_t suppressed;
	uint32_t i;

	for (i = 0; i < 2 * SVIO_IOMMU_FAULT_BURST; i++)
		svio_iommu_fault_allow(&limit, UINT64_MAX - 5000000000ull, &suppressed);
	CU_ASSERT(svio_iommu_fault_allow(&limit, 1, &suppressed));
	CU_ASSERT_EQUAL(suppressed, SVIO_IOMMU_FAULT_BURST);
}

SVIO_TEST_MAIN_WITH("iommu fault", setup, NULL, SVIO_TEST(get_added_record_returns_all_of_it),
		    SVIO_TEST(get_what_is_not_there_says_so),
		    SVIO_TEST(add_beyond_the_ring_keeps_the_newest),
		    SVIO_TEST(half_written_record_is_not_returned),
		    SVIO_TEST(allow_passes_a_burst_then_one_each_interval),
		    SVIO_TEST(allow_over_a_long_storm_keeps_the_rate),
		    SVIO_TEST(allow_clock_that_went_back_does_not_block))
