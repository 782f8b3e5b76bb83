/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommu: the allocation of each table page fails in turn, for want of the domain's
 * budget or of the arena's pages. Nothing may change then, not one word.
 */
#include <errno.h>
#include <stdio.h>

#include "iommu_fixture.h"

#define FIRST_PAGES 2u /* of an arena: nothing, and the domain's root */
#define ROOMY_PAGES 64u
#define NEIGHBOUR   3u /* table pages of what is mapped before */

struct range {
	uint64_t iova;
	uint64_t bytes;
	uint64_t offset;
	uint32_t tables; /* besides the neighbour's */
};

static const struct range ranges[] = {
	{ 4 * KIB, 4 * KIB, 0, 0 },
	{ 2 * MIB, 4 * KIB, 0, 1 },
	{ GIB, 4 * KIB, 0, 2 },
	{ 512 * GIB, 4 * KIB, 0, 3 },
	{ 4 * MIB - 4 * KIB, 8 * KIB, 0, 2 },                   /* across 2 MiB */
	{ 2 * GIB - 4 * KIB, 8 * KIB, 0, 4 },                   /* across 1 GiB */
	{ 1024 * GIB - 4 * KIB, 8 * KIB, 0, 6 },                /* across 512 GiB */
	{ 2 * MIB, 6 * MIB, 4 * KIB, 3 },                       /* no leaf larger than 4 KiB */
	{ 4 * MIB - 4 * KIB, 4 * MIB, 2 * MIB - 4 * KIB, 2 },   /* 4 KiB, 2 MiB leaf, 4 KiB */
	{ GIB - 2 * MIB, 2 * GIB + 4 * MIB, GIB - 2 * MIB, 1 }, /* 2 MiB, two of 1 GiB, 2 MiB */
};
#define RANGES (sizeof(ranges) / sizeof(ranges[0]))

static struct iommu_fixture fixture;
static svio_iommu_domain domain;

/* An arena of so many table pages, a domain that may use so many, and one page mapped in it. */
static void begin(uint32_t arena_tables, uint32_t budget)
{
	iommu_fixture_open(&fixture, FIRST_PAGES + arena_tables, 1);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(fixture.iommu, budget, &domain), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fixture.iommu, domain, 0, 4 * KIB, 1, 0, RW), 0);
}

static void end(void)
{
	svio_iommu_domain_destroy(fixture.iommu, domain);
	iommu_fixture_close(&fixture);
}

static int map(const struct range *range)
{
	return svio_iommu_map(fixture.iommu, domain, range->iova, range->bytes, 2, range->offset,
			      RW);
}

static struct svio_iommu_domain_stats stats(void)
{
	struct svio_iommu_domain_stats found = { 0 };

	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(fixture.iommu, domain, &found), 0);
	return found;
}

/* A map that must not succeed; the tables and all accounts are as before. */
static void fail_to_map(const struct range *range)
{
	void *before = malloc(fixture.arena_bytes);
	struct svio_iommu_domain_stats was = stats();
	struct svio_iommu_domain_stats is;
	uint32_t pages_free = svio_iommu_pages_free(fixture.iommu);

	if (!before)
		abort();
	memcpy(before, fixture.arena, fixture.arena_bytes);
	CU_ASSERT_EQUAL(map(range), -ENOSPC);
	is = stats();
	CU_ASSERT_EQUAL(memcmp(before, fixture.arena, fixture.arena_bytes), 0);
	CU_ASSERT_EQUAL(was.mapped_bytes, is.mapped_bytes);
	CU_ASSERT_EQUAL(was.mappings, is.mappings);
	CU_ASSERT_EQUAL(was.table_pages, is.table_pages);
	CU_ASSERT_EQUAL(was.table_pages_max, is.table_pages_max);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(fixture.iommu), pages_free);
	free(before);
}

static void succeed_to_map(const struct range *range)
{
	struct svio_iommu_run run = { 0 };

	CU_ASSERT_EQUAL(map(range), 0);
	CU_ASSERT_EQUAL(stats().table_pages, NEIGHBOUR + range->tables);
	CU_ASSERT_EQUAL(svio_iommu_walk(fixture.arena, domain, range->iova + range->bytes - 1,
					SVIO_IOMMU_WRITE, &run),
			SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.offset, range->offset + range->bytes - 1);
}

static void budget_used_up_at_each_table_changes_nothing(void)
{
	for (uint32_t i = 0; i < RANGES; i++) {
		for (uint32_t tables = 0; tables < ranges[i].tables; tables++) {
			begin(ROOMY_PAGES, NEIGHBOUR + tables);
			fail_to_map(&ranges[i]);
			end();
		}
		begin(ROOMY_PAGES, NEIGHBOUR + ranges[i].tables);
		succeed_to_map(&ranges[i]);
		end();
	}
}

static void arena_used_up_at_each_table_changes_nothing(void)
{
	for (uint32_t i = 0; i < RANGES; i++) {
		for (uint32_t tables = 0; tables < ranges[i].tables; tables++) {
			begin(NEIGHBOUR + tables, UINT32_MAX);
			fail_to_map(&ranges[i]);
			end();
		}
		begin(NEIGHBOUR + ranges[i].tables, UINT32_MAX);
		succeed_to_map(&ranges[i]);
		end();
	}
}

/* Pages that wait for a grace period are not there: each that comes back is one more. */
static void pages_that_wait_for_readers_are_not_used(void)
{
	const struct range *range = &ranges[6];

	begin(NEIGHBOUR + range->tables, UINT32_MAX);
	succeed_to_map(range);
	CU_ASSERT_EQUAL(svio_iommu_unmap(fixture.iommu, domain, range->iova,
					 range->iova + range->bytes - 1, NULL, NULL, NULL),
			0);
	fail_to_map(range);
	svio_iommu_reclaim(fixture.iommu);
	succeed_to_map(range);
	end();
}

SVIO_TEST_MAIN("iommu exhaust", SVIO_TEST(budget_used_up_at_each_table_changes_nothing),
	       SVIO_TEST(arena_used_up_at_each_table_changes_nothing),
	       SVIO_TEST(pages_that_wait_for_readers_are_not_used))
