/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: the dirty log. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "svio_iommu_dirty.h"
#include "svio_test.h"

#define KIB         (1ull << 10)
#define MIB         (1ull << 20)
#define GIB         (1ull << 30)
#define PAGE        (4 * KIB)
#define WORDS       1024u /* of the bitmap: 256 MiB in pages of 4 KiB */
#define LOG_BYTES   (SVIO_IOMMU_DIRTY_HEADER_BYTES + WORDS * 8)
#define REPORT_BITS 4096u

static struct svio_iommu_dirty dirty;
static void *memory;
static uint64_t bitmap[REPORT_BITS / 64];
static uint64_t page_bytes; /* in use, by the last start */

static void set_up(void)
{
	memory = aligned_alloc(4096, LOG_BYTES);
	if (!memory)
		abort();
	memset(memory, 0, LOG_BYTES);
}

static void tear_down(void)
{
	free(memory);
}

static int start(uint64_t wish, const struct svio_iommu_dirty_range *ranges, uint32_t count)
{
	page_bytes = wish;
	return svio_iommu_dirty_start(&dirty, memory, LOG_BYTES, &page_bytes, ranges, count);
}

static int start_one(uint64_t wish, uint64_t iova, uint64_t bytes)
{
	struct svio_iommu_dirty_range range = { iova, bytes };

	return start(wish, &range, 1);
}

static void mark(uint64_t iova, uint64_t bytes)
{
	svio_iommu_dirty_mark(memory, iova, bytes);
}

static int report(uint64_t iova, uint64_t bytes, uint64_t page)
{
	memset(bitmap, 0xff, sizeof(bitmap));
	return svio_iommu_dirty_report(&dirty, iova, bytes, page, bitmap);
}

static bool bit(uint32_t n)
{
	return bitmap[n / 64] >> (n % 64) & 1;
}

/* Of the first count bits. */
static uint32_t bits(uint32_t count)
{
	uint32_t set = 0;
	uint32_t n;

	for (n = 0; n < count; n++)
		set += bit(n);
	return set;
}

static void start_refuses_bad_arguments(void)
{
	static struct svio_iommu_dirty_range many[SVIO_IOMMU_DIRTY_RANGES_MAX + 1];
	struct svio_iommu_dirty_range two[] = { { 4 * PAGE, 4 * PAGE }, { 0, 5 * PAGE } };
	uint32_t i;

	for (i = 0; i <= SVIO_IOMMU_DIRTY_RANGES_MAX; i++)
		many[i] = (struct svio_iommu_dirty_range){ 2ull * (600 - i) * PAGE, PAGE };
	CU_ASSERT_EQUAL(start_one(0, 0, PAGE), -EINVAL);
	CU_ASSERT_EQUAL(start_one(3 * PAGE, 0, 3 * PAGE), -EINVAL);
	CU_ASSERT_EQUAL(start_one(PAGE, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(start_one(PAGE, 1, PAGE), -EINVAL);
	CU_ASSERT_EQUAL(start_one(PAGE, 0, PAGE - 1), -EINVAL);
	CU_ASSERT_EQUAL(start_one(2 * MIB, MIB, 2 * MIB), -EINVAL);
	CU_ASSERT_EQUAL(start_one(PAGE, 0 - PAGE, 2 * PAGE), -EOVERFLOW);
	CU_ASSERT_EQUAL(start(PAGE, two, 2), -EINVAL);
	CU_ASSERT_EQUAL(start(PAGE, many, SVIO_IOMMU_DIRTY_RANGES_MAX + 1), -E2BIG);
	CU_ASSERT_EQUAL(start(PAGE, many, SVIO_IOMMU_DIRTY_RANGES_MAX), 0);
	page_bytes = PAGE;
	CU_ASSERT_EQUAL(svio_iommu_dirty_start(&dirty, memory, 4096, &page_bytes, NULL, 0),
			-ENOSPC);
	/* 2^18 pages of 1 GiB need 4096 words. */
	CU_ASSERT_EQUAL(start(PAGE, NULL, 0), -ENOSPC);
}

static void start_chooses_a_granularity_that_fits(void)
{
	CU_ASSERT_EQUAL(start_one(512, 512, 1024), 0);
	CU_ASSERT_EQUAL(page_bytes, PAGE);
	CU_ASSERT_EQUAL(svio_iommu_dirty_bytes(&dirty), PAGE);
	CU_ASSERT_EQUAL(start_one(64 * KIB, 0, MIB), 0);
	CU_ASSERT_EQUAL(page_bytes, 64 * KIB);
	CU_ASSERT_EQUAL(start_one(PAGE, 0, 256 * MIB), 0);
	CU_ASSERT_EQUAL(page_bytes, PAGE);
	CU_ASSERT_EQUAL(start_one(PAGE, 0, 256 * MIB + PAGE), 0);
	CU_ASSERT_EQUAL(page_bytes, 2 * PAGE);
	CU_ASSERT_EQUAL(start_one(4 * GIB, 0, 8 * GIB), 0);
	CU_ASSERT_EQUAL(page_bytes, GIB);
}

static void addresses_that_cannot_be_mapped_are_left_out(void)
{
	struct svio_iommu_dirty_range ranges[] = { { (1ull << 48) - PAGE, 4 * PAGE },
						   { 1ull << 60, 1ull << 60 } };

	CU_ASSERT_EQUAL_FATAL(start(PAGE, ranges, 2), 0);
	CU_ASSERT_EQUAL(svio_iommu_dirty_bytes(&dirty), PAGE);
	mark((1ull << 48) - 1, 1);
	CU_ASSERT_EQUAL(report((1ull << 48) - PAGE, 4 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], 1);
	CU_ASSERT_EQUAL(start(PAGE, &ranges[1], 1), 0);
	CU_ASSERT_EQUAL(svio_iommu_dirty_bytes(&dirty), 0);
	mark(0, PAGE);
	CU_ASSERT_EQUAL(report(1ull << 60, PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], 0);
}

static void mark_reports_and_clears(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(PAGE, 16 * MIB, MIB), 0);
	mark(16 * MIB + 5 * PAGE + 7, 1);
	mark(16 * MIB + 70 * PAGE - 1, 2);
	CU_ASSERT_EQUAL(report(16 * MIB, MIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 3);
	CU_ASSERT_TRUE(bit(5) && bit(69) && bit(70));
	CU_ASSERT_EQUAL(dirty.reported, 3);
	CU_ASSERT_EQUAL(report(16 * MIB, MIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 0);
	mark(16 * MIB + 5 * PAGE, PAGE);
	CU_ASSERT_EQUAL(report(16 * MIB, MIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 1);
}

/* Ranges that are not in a row, first and last pages that are not the first of a word. */
static void mark_finds_its_range(void)
{
	struct svio_iommu_dirty_range ranges[] = { { 3 * GIB, 2 * PAGE },
						   { GIB + 63 * PAGE, 2 * PAGE },
						   { 100 * PAGE, 70 * PAGE } };

	CU_ASSERT_EQUAL_FATAL(start(PAGE, ranges, 3), 0);
	CU_ASSERT_EQUAL(svio_iommu_dirty_bytes(&dirty), 74 * PAGE);
	mark(99 * PAGE, 2 * PAGE);            /* runs into a range */
	mark(169 * PAGE, 2 * PAGE);           /* out of it */
	mark(GIB + 60 * PAGE, 10 * PAGE);     /* all over it */
	mark(3 * GIB - PAGE, PAGE);           /* just before */
	mark(3 * GIB + 2 * PAGE, 100 * PAGE); /* behind all */
	CU_ASSERT_EQUAL(report(0, 256 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 2);
	CU_ASSERT_TRUE(bit(100) && bit(169));
	CU_ASSERT_EQUAL(report(GIB, 128 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bits(128), 2);
	CU_ASSERT_TRUE(bit(63) && bit(64));
	CU_ASSERT_EQUAL(report(3 * GIB, 128 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bits(128), 0);
}

/* Two ranges in one page of the log share its bit. */
static void ranges_that_share_a_page_are_one(void)
{
	struct svio_iommu_dirty_range ranges[] = { { 0, 1024 }, { 2048, 1024 }, { 4096, 1024 } };

	CU_ASSERT_EQUAL_FATAL(start(1024, ranges, 3), 0);
	CU_ASSERT_EQUAL(dirty.extents, 1);
	CU_ASSERT_EQUAL(svio_iommu_dirty_bytes(&dirty), 2 * PAGE);
	mark(2500, 1);
	CU_ASSERT_EQUAL(report(0, 2 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], 1);
}

static void report_refuses_bad_arguments(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(PAGE, 0, MIB), 0);
	CU_ASSERT_EQUAL(report(0, MIB, 0), -EINVAL);
	CU_ASSERT_EQUAL(report(0, MIB, 2048), -EINVAL);
	CU_ASSERT_EQUAL(report(0, 12 * PAGE, 3 * PAGE), -EINVAL);
	CU_ASSERT_EQUAL(report(0, 0, PAGE), -EINVAL);
	CU_ASSERT_EQUAL(report(PAGE - 1, PAGE, PAGE), -EINVAL);
	CU_ASSERT_EQUAL(report(0, PAGE + 1, PAGE), -EINVAL);
	CU_ASSERT_EQUAL(report(0 - PAGE, 2 * PAGE, PAGE), -EOVERFLOW);
	CU_ASSERT_EQUAL(report(0 - PAGE, PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], 0);
}

/* Only the words of the report are written, and of the last one no bit behind the range. */
static void report_sets_bits_of_its_range_only(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(PAGE, 0, MIB), 0);
	mark(0, MIB);
	CU_ASSERT_EQUAL(report(2 * PAGE, 66 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], ~0ull);
	CU_ASSERT_EQUAL(bitmap[1], 3);
	CU_ASSERT_EQUAL(bitmap[2], ~0ull);
	CU_ASSERT_EQUAL(report(0, 256 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 256 - 66);
}

static void report_in_larger_pages(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(PAGE, 0, 16 * MIB), 0);
	mark(2 * MIB - 1, 2);
	CU_ASSERT_EQUAL(report(0, 16 * MIB, 2 * MIB), 0);
	CU_ASSERT_EQUAL(bitmap[0], 3);
	CU_ASSERT_EQUAL(report(0, 16 * MIB, 2 * MIB), 0);
	CU_ASSERT_EQUAL(bitmap[0], 0);
}

/* A large page is reported in small ones; partly asked for it is never lost. */
static void report_in_smaller_pages(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(64 * KIB, 0, MIB), 0);
	mark(64 * KIB, 1);
	CU_ASSERT_EQUAL(report(0, 128 * KIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(32), 16);
	CU_ASSERT_TRUE(bit(16) && bit(31));
	mark(64 * KIB, 1);
	CU_ASSERT_EQUAL(report(0, 124 * KIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(31), 15);
	CU_ASSERT_EQUAL(report(124 * KIB, 2 * PAGE, PAGE), 0);
	CU_ASSERT_EQUAL(bitmap[0], 1);
	CU_ASSERT_EQUAL(report(64 * KIB, 64 * KIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(16), 16);
	CU_ASSERT_EQUAL(report(64 * KIB, 64 * KIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(16), 0);
}

/* The device may write what it likes into its memory: the manager stays within its own layout. */
static void nonsense_in_the_header_misleads_nobody(void)
{
	CU_ASSERT_EQUAL_FATAL(start_one(PAGE, MIB, MIB), 0);
	mark(MIB, 1);
	memset(memory, 0xff, SVIO_IOMMU_DIRTY_HEADER_BYTES);
	CU_ASSERT_EQUAL(report(MIB, MIB, PAGE), 0);
	CU_ASSERT_EQUAL(bits(256), 1);
}

SVIO_TEST_MAIN_WITH("iommu dirty log", set_up, tear_down, SVIO_TEST(start_refuses_bad_arguments),
		    SVIO_TEST(start_chooses_a_granularity_that_fits),
		    SVIO_TEST(addresses_that_cannot_be_mapped_are_left_out),
		    SVIO_TEST(mark_reports_and_clears), SVIO_TEST(mark_finds_its_range),
		    SVIO_TEST(ranges_that_share_a_page_are_one),
		    SVIO_TEST(report_refuses_bad_arguments),
		    SVIO_TEST(report_sets_bits_of_its_range_only),
		    SVIO_TEST(report_in_larger_pages), SVIO_TEST(report_in_smaller_pages),
		    SVIO_TEST(nonsense_in_the_header_misleads_nobody))
