/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log against an array of bytes, one a page of 4 KiB: random ranges, granularities,
 * marks and reports. SVIO_TEST_ROUNDS: logs that are started (3000).
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svio_iommu_dirty.h"
#include "svio_test.h"

#define PAGE      4096ull
#define PAGES     4096u /* of the address range that is used */
#define BASE      0x7ffff000ull
#define LOG_BYTES (SVIO_IOMMU_DIRTY_HEADER_BYTES + 4096u)
#define STEPS     60

static struct svio_iommu_dirty dirty;
static void *memory;
static uint64_t seed;
static uint64_t log_page; /* bytes */
static bool logged[PAGES + 64];
static bool marked[PAGES + 64];

static struct {
	uint64_t marks;
	uint64_t partial;
	uint64_t bits;
	uint64_t coarse;
} seen;

static uint64_t below(uint64_t limit)
{
	return svio_test_random(&seed) % limit;
}

/* The model's page of an address, in pages of the log: all of them are alike. */
static uint32_t first_of(uint64_t page)
{
	uint64_t address = (BASE + page * PAGE) & ~(log_page - 1);

	return address < BASE ? 0 : (uint32_t)((address - BASE) / PAGE);
}

static uint32_t end_of(uint64_t page)
{
	uint64_t address = ((BASE + page * PAGE) | (log_page - 1)) + 1;

	return address > BASE + PAGES * PAGE ? PAGES : (uint32_t)((address - BASE) / PAGE);
}

static void set_all(bool *pages, uint64_t page)
{
	uint32_t i;

	for (i = first_of(page); i < end_of(page); i++)
		pages[i] = true;
}

static bool start_log(void)
{
	struct svio_iommu_dirty_range ranges[8];
	uint32_t count = 1 + (uint32_t)below(8);
	uint64_t at = BASE + below(200) * PAGE;
	uint32_t i;
	uint64_t page;

	memset(memory, 0, LOG_BYTES);
	memset(logged, 0, sizeof(logged));
	memset(marked, 0, sizeof(marked));
	for (i = 0; i < count; i++) {
		ranges[i].iova = at;
		ranges[i].bytes = (1 + below(400)) * PAGE;
		at += ranges[i].bytes + below(3) * below(200) * PAGE;
	}
	/* In any order. */
	for (i = 0; i < count; i++) {
		uint32_t other = (uint32_t)below(count);
		struct svio_iommu_dirty_range swap = ranges[i];

		ranges[i] = ranges[other];
		ranges[other] = swap;
	}
	/* Often too little memory for small pages: the log takes larger ones. */
	log_page = PAGE;
	if (svio_iommu_dirty_start(&dirty, memory,
				   SVIO_IOMMU_DIRTY_HEADER_BYTES +
					   8 * (below(2) ? 512 : 8 + below(16)),
				   &log_page, ranges, count))
		return false;
	seen.coarse += log_page > PAGE;
	for (i = 0; i < count; i++)
		for (page = (ranges[i].iova - BASE) / PAGE;
		     page < (ranges[i].iova - BASE + ranges[i].bytes) / PAGE && page < PAGES;
		     page++)
			set_all(logged, page);
	return true;
}

static void mark_some(void)
{
	uint64_t first = below(PAGES) * PAGE + below(PAGE);
	uint64_t bytes = 1 + below(below(4) ? 10000 : 1000000);
	uint64_t page;

	if (bytes > PAGES * PAGE - first)
		bytes = PAGES * PAGE - first;
	svio_iommu_dirty_mark(memory, BASE + first, bytes);
	for (page = first / PAGE; page <= (first + bytes - 1) / PAGE; page++)
		if (logged[page])
			set_all(marked, page);
	seen.marks++;
}

/* Is anything of the log's pages that touch [first, end) of the report marked? */
static bool is_marked(uint64_t first, uint64_t end)
{
	for (; first < end; first++)
		if (marked[first])
			return true;
	return false;
}

static void clear_whole(uint64_t first, uint64_t end)
{
	uint64_t page;

	for (page = first; page < end; page++) {
		uint64_t begin = (BASE + page * PAGE) & ~(log_page - 1);
		bool whole = begin >= BASE + first * PAGE && begin + log_page <= BASE + end * PAGE;

		seen.partial += !whole && marked[page];
		if (whole)
			marked[page] = false;
	}
}

/* BASE is a page's multiple only: larger reports begin where they are aligned. */
static uint32_t report_some(void)
{
	uint64_t report_page = PAGE << below(4);
	uint64_t align = report_page / PAGE;
	uint64_t offset = (align - BASE / PAGE % align) % align;
	uint64_t first = offset + below((PAGES - offset) / align) * align;
	uint64_t count = 1 + below((PAGES - first) / align);
	uint64_t bitmap[PAGES / 64 + 1];
	uint32_t wrong = 0;
	uint64_t i;

	memset(bitmap, 0xff, sizeof(bitmap));
	if (svio_iommu_dirty_report(&dirty, BASE + first * PAGE, count * report_page, report_page,
				    bitmap))
		return 1;
	for (i = 0; i < (count + 63) / 64 * 64; i++) {
		bool bit = bitmap[i / 64] >> (i % 64) & 1;
		bool expected = i < count && is_marked(first + i * align, first + (i + 1) * align);

		wrong += bit != expected;
		seen.bits += bit;
	}
	clear_whole(first, first + count * align);
	return wrong;
}

static void prop_log_is_the_model(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : 3000;
	uint32_t wrong = 0;
	uint64_t round;
	uint32_t step;

	seed = svio_test_seed(0xd1247);
	memory = aligned_alloc(4096, LOG_BYTES);
	CU_ASSERT_PTR_NOT_NULL_FATAL(memory);
	for (round = 0; round < rounds; round++) {
		CU_ASSERT_TRUE_FATAL(start_log());
		for (step = 0; step < STEPS; step++) {
			if (below(3))
				mark_some();
			else
				wrong += report_some();
		}
		wrong += report_some();
	}
	free(memory);
	printf("%llu marks, %llu bits, %llu coarse logs, %llu pages kept by partial reports\n",
	       (unsigned long long)seen.marks, (unsigned long long)seen.bits,
	       (unsigned long long)seen.coarse, (unsigned long long)seen.partial);
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT_TRUE(seen.bits > rounds && seen.partial && seen.coarse);
}

SVIO_TEST_MAIN("iommu dirty log model", SVIO_TEST(prop_log_is_the_model))
