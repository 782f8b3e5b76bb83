/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: map, unmap, listing, one rule a case. */
#include <errno.h>

#include "iommu_fixture.h"

#define ARENA_PAGES 4096
#define BUDGET      4000
#define OBJECT      7u

static struct iommu_fixture fixture;
static struct svio_iommu *iommu;
static svio_iommu_domain domain;

static void setup(void)
{
	iommu_fixture_open(&fixture, ARENA_PAGES, 8);
	iommu = fixture.iommu;
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(iommu, BUDGET, &domain), 0);
}

static void teardown(void)
{
	svio_iommu_domain_destroy(iommu, domain);
	iommu_fixture_close(&fixture);
}

static int map(uint64_t iova, uint64_t bytes, uint64_t offset)
{
	return svio_iommu_map(iommu, domain, iova, bytes, OBJECT, offset, RW);
}

static int unmap(uint64_t iova, uint64_t last, uint64_t *bytes)
{
	return svio_iommu_unmap(iommu, domain, iova, last, NULL, NULL, bytes);
}

static enum svio_iommu_fault_reason walk(uint64_t iova, uint32_t rights, struct svio_iommu_run *run)
{
	return svio_iommu_walk(fixture.arena, domain, iova, rights, run);
}

static struct svio_iommu_domain_stats stats(void)
{
	struct svio_iommu_domain_stats found = { 0 };

	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(iommu, domain, &found), 0);
	return found;
}

/* Where iova translates to, all rights; UINT64_MAX: nowhere. *leaf_bytes as the walk says. */
static uint64_t offset_of(uint64_t iova, uint64_t *run_bytes)
{
	struct svio_iommu_run run = { 0 };

	if (walk(iova, RW, &run) != SVIO_IOMMU_OK || run.object != OBJECT)
		return UINT64_MAX;
	if (run_bytes)
		*run_bytes = run.bytes;
	return run.offset;
}

static void map_one_page_translates_all_its_bytes(void)
{
	uint64_t bytes = 0;

	CU_ASSERT_EQUAL(map(0x10000, 4 * KIB, 0x7000), 0);
	CU_ASSERT_EQUAL(offset_of(0x10000, &bytes), 0x7000);
	CU_ASSERT_EQUAL(bytes, 4 * KIB);
	CU_ASSERT_EQUAL(offset_of(0x10fff, &bytes), 0x7fff);
	CU_ASSERT_EQUAL(bytes, 1);
	CU_ASSERT_EQUAL(offset_of(0xffff, NULL), UINT64_MAX);
	CU_ASSERT_EQUAL(offset_of(0x11000, NULL), UINT64_MAX);
}

static void map_aligned_alike_takes_the_largest_leaves(void)
{
	uint64_t bytes = 0;

	/* 4 KiB, 2 MiB, 1 GiB, 2 MiB, 4 KiB. */
	CU_ASSERT_EQUAL(map(GIB - 2 * MIB - 4 * KIB, GIB + 4 * MIB + 8 * KIB,
			    3 * GIB - 2 * MIB - 4 * KIB),
			0);
	CU_ASSERT_EQUAL(stats().table_pages, 1 + 2 + 2);
	CU_ASSERT_EQUAL(offset_of(GIB - 2 * MIB - 4 * KIB, &bytes), 3 * GIB - 2 * MIB - 4 * KIB);
	CU_ASSERT_EQUAL(bytes, 4 * KIB);
	CU_ASSERT_EQUAL(offset_of(GIB - 2 * MIB, &bytes), 3 * GIB - 2 * MIB);
	CU_ASSERT_EQUAL(bytes, 2 * MIB);
	CU_ASSERT_EQUAL(offset_of(GIB, &bytes), 3 * GIB);
	CU_ASSERT_EQUAL(bytes, GIB);
	CU_ASSERT_EQUAL(offset_of(2 * GIB, &bytes), 4 * GIB);
	CU_ASSERT_EQUAL(bytes, 2 * MIB);
	CU_ASSERT_EQUAL(offset_of(2 * GIB + 2 * MIB, &bytes), 4 * GIB + 2 * MIB);
	CU_ASSERT_EQUAL(bytes, 4 * KIB);
}

static void map_offset_aligned_to_2m_only_uses_2m_leaves(void)
{
	uint64_t bytes = 0;

	CU_ASSERT_EQUAL(map(4 * GIB, GIB, 2 * MIB), 0);
	CU_ASSERT_EQUAL(offset_of(4 * GIB + 5 * MIB, &bytes), 7 * MIB);
	CU_ASSERT_EQUAL(bytes, MIB);
	CU_ASSERT_EQUAL(stats().table_pages, 2);
}

static void map_offset_misaligned_uses_4k_leaves(void)
{
	uint64_t bytes = 0;

	CU_ASSERT_EQUAL(map(0, 8 * MIB, 4 * KIB), 0);
	CU_ASSERT_EQUAL(offset_of(8 * MIB - 1, &bytes), 8 * MIB + 4 * KIB - 1);
	CU_ASSERT_EQUAL(offset_of(2 * MIB, &bytes), 2 * MIB + 4 * KIB);
	CU_ASSERT_EQUAL(bytes, 4 * KIB);
	CU_ASSERT_EQUAL(stats().table_pages, 2 + 4);
}

static void map_bad_arguments_are_refused(void)
{
	const uint32_t page = SVIO_IOMMU_PAGE_BYTES;

	CU_ASSERT_EQUAL(map(0, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(1, page, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, page + 1, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, page, 512), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, page, 0, 0, RW), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, page, 65536, 0, RW), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, page, OBJECT, 0, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, page, OBJECT, 0, 4), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, page, OBJECT, 0, RW | 8), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, 0, 0, page, OBJECT, 0, RW), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain + 1, 0, page, OBJECT, 0, RW), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, UINT32_MAX, 0, page, OBJECT, 0, RW), -EINVAL);
	CU_ASSERT_EQUAL(stats().table_pages, 0);
}

static void map_beyond_a_range_overflows(void)
{
	const uint64_t top = 1ull << SVIO_IOMMU_ADDRESS_LG2;
	const uint64_t object_top = 1ull << SVIO_IOMMU_OBJECT_LG2_MAX;

	CU_ASSERT_EQUAL(map(top, 4 * KIB, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(top - 4 * KIB, 8 * KIB, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(0 - 4 * KIB, 8 * KIB, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(4 * KIB, 0 - 4 * KIB, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(0, 4 * KIB, object_top), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(0, 8 * KIB, object_top - 4 * KIB), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(0, 4 * KIB, 0 - 4 * KIB), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(0, object_top + 4 * KIB, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(stats().table_pages, 0);
}

static void map_at_the_last_addresses_works(void)
{
	const uint64_t top = 1ull << SVIO_IOMMU_ADDRESS_LG2;
	const uint64_t object_top = 1ull << SVIO_IOMMU_OBJECT_LG2_MAX;
	uint64_t bytes = 0;

	CU_ASSERT_EQUAL(map(top - 4 * KIB, 4 * KIB, object_top - 4 * KIB), 0);
	CU_ASSERT_EQUAL(offset_of(top - 1, &bytes), object_top - 1);
	CU_ASSERT_EQUAL(map(top - 2 * GIB, GIB, object_top - GIB), 0);
	CU_ASSERT_EQUAL(offset_of(top - GIB - 1, &bytes), object_top - 1);
	CU_ASSERT_EQUAL(unmap(0, ADDRESS_LAST, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, GIB + 4 * KIB);
}

static void map_whole_object_range_at_once_works(void)
{
	uint64_t bytes = 0;

	CU_ASSERT_EQUAL(map(0, 1ull << SVIO_IOMMU_OBJECT_LG2_MAX, 0), 0);
	CU_ASSERT_EQUAL(stats().table_pages, 128);
	CU_ASSERT_EQUAL(unmap(0, UINT64_MAX, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 1ull << SVIO_IOMMU_OBJECT_LG2_MAX);
}

static void map_overlap_is_refused_whole(void)
{
	struct svio_iommu_domain_stats before;

	CU_ASSERT_EQUAL(map(4 * MIB, 2 * MIB, 0), 0);
	CU_ASSERT_EQUAL(map(16 * KIB, 4 * KIB, 0), 0);
	before = stats();
	CU_ASSERT_EQUAL(map(16 * KIB, 4 * KIB, 0), -EEXIST);
	CU_ASSERT_EQUAL(map(0, GIB, 0), -EEXIST);
	CU_ASSERT_EQUAL(map(6 * MIB - 4 * KIB, 4 * KIB, 0), -EEXIST);
	CU_ASSERT_EQUAL(map(4 * MIB - 4 * KIB, 8 * KIB, 0), -EEXIST);
	CU_ASSERT_EQUAL(map(12 * KIB, 8 * KIB, 0), -EEXIST);
	CU_ASSERT_EQUAL(stats().table_pages, before.table_pages);
	CU_ASSERT_EQUAL(stats().mapped_bytes, before.mapped_bytes);
	CU_ASSERT_EQUAL(offset_of(12 * KIB, NULL), UINT64_MAX);
	CU_ASSERT_EQUAL(offset_of(4 * MIB - 1, NULL), UINT64_MAX);
	/* What only touches is no overlap. */
	CU_ASSERT_EQUAL(map(20 * KIB, 4 * MIB - 20 * KIB, 0), 0);
	CU_ASSERT_EQUAL(map(6 * MIB, 4 * KIB, 0), 0);
}

static void map_beyond_the_budget_changes_nothing(void)
{
	svio_iommu_domain small;
	struct svio_iommu_domain_stats found;
	uint32_t before = svio_iommu_pages_free(iommu);

	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(iommu, 4, &small), 0);
	/* Two upper tables and three of 4 KiB leaves. */
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, small, 2 * MIB - 4 * KIB, 2 * MIB + 8 * KIB, 1,
				       4 * KIB, RW),
			-ENOSPC);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), before);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, small, 2 * MIB - 4 * KIB, 8 * KIB, 1, 4 * KIB, RW),
			0);
	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(iommu, small, &found), 0);
	CU_ASSERT_EQUAL(found.table_pages, 4);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, small, 16 * MIB, 4 * KIB, 1, 0, RW), -ENOSPC);
	svio_iommu_domain_destroy(iommu, small);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), before);
}

/* A small range in the middle of what a large leaf could cover takes its own tables, no more. */
static void map_within_the_budget_to_the_page_succeeds(void)
{
	svio_iommu_domain exact;

	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(iommu, 3, &exact), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, exact, 4 * KIB, 4 * KIB, 1, 4 * KIB, RW), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, exact, 12 * KIB, 8 * KIB, 1, 12 * KIB, RW), 0);
	svio_iommu_domain_destroy(iommu, exact);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(iommu, 2, &exact), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, exact, 2 * MIB, 2 * MIB, 1, 2 * MIB, RW), 0);
	svio_iommu_domain_destroy(iommu, exact);
}

static void map_until_the_arena_is_full_then_all_comes_back(void)
{
	svio_iommu_domain greedy;
	uint64_t iova = 0;
	int error;

	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(iommu, UINT32_MAX, &greedy), 0);
	do {
		error = svio_iommu_map(iommu, greedy, iova, 4 * KIB, 1, 0, RW);
		iova += 2 * MIB;
	} while (error == 0);
	CU_ASSERT_EQUAL(error, -ENOSPC);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), 0);
	CU_ASSERT_EQUAL(map(0, 4 * KIB, 0), -ENOSPC);
	svio_iommu_domain_destroy(iommu, greedy);
	CU_ASSERT_EQUAL(map(0, 4 * KIB, 0), 0);
}

static void map_rights_are_enforced_each(void)
{
	struct svio_iommu_run run = { 0 };

	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 0, 4 * KIB, 1, 0, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, 4 * KIB, 4 * KIB, 65535, 0, SVIO_IOMMU_WRITE),
			0);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.object, 1);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_WRITE, &run), SVIO_IOMMU_FAULT_RIGHTS);
	CU_ASSERT_EQUAL(walk(0, RW, &run), SVIO_IOMMU_FAULT_RIGHTS);
	CU_ASSERT_EQUAL(walk(4 * KIB, SVIO_IOMMU_WRITE, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.object, 65535);
	CU_ASSERT_EQUAL(walk(4 * KIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_RIGHTS);
	CU_ASSERT_EQUAL(walk(8 * KIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(walk(1ull << 48, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_RANGE);
	CU_ASSERT_EQUAL(walk(UINT64_MAX, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_RANGE);
}

struct unmapped_log {
	uint32_t calls;
	uint64_t iova[4];
	uint64_t bytes[4];
	uint32_t object[4];
};

static void log_unmapped(void *context, uint64_t iova, uint64_t bytes, uint32_t object)
{
	struct unmapped_log *log = context;

	CU_ASSERT_FATAL(log->calls < 4);
	log->iova[log->calls] = iova;
	log->bytes[log->calls] = bytes;
	log->object[log->calls++] = object;
}

static void unmap_adjoining_mappings_reports_each_as_it_was_mapped(void)
{
	struct unmapped_log log = { 0 };
	uint64_t bytes = 0;

	/* The second goes on in the same object: only the mark tells them apart. */
	CU_ASSERT_EQUAL(map(2 * MIB, 2 * MIB, 0), 0);
	CU_ASSERT_EQUAL(map(4 * MIB, 2 * MIB + 4 * KIB, 2 * MIB), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, GIB, GIB, 9, 0, RW), 0);
	CU_ASSERT_EQUAL(stats().mappings, 3);
	CU_ASSERT_EQUAL(svio_iommu_unmap(iommu, domain, 0, 8 * GIB - 1, log_unmapped, &log, &bytes),
			0);
	CU_ASSERT_EQUAL(bytes, GIB + 4 * MIB + 4 * KIB);
	CU_ASSERT_EQUAL_FATAL(log.calls, 3);
	CU_ASSERT_EQUAL(log.iova[0], 2 * MIB);
	CU_ASSERT_EQUAL(log.bytes[0], 2 * MIB);
	CU_ASSERT_EQUAL(log.iova[1], 4 * MIB);
	CU_ASSERT_EQUAL(log.bytes[1], 2 * MIB + 4 * KIB);
	CU_ASSERT_EQUAL(log.object[1], OBJECT);
	CU_ASSERT_EQUAL(log.iova[2], GIB);
	CU_ASSERT_EQUAL(log.object[2], 9);
	CU_ASSERT_EQUAL(stats().mappings, 0);
	CU_ASSERT_EQUAL(stats().mapped_bytes, 0);
	CU_ASSERT_EQUAL(stats().table_pages, 0);
}

static void unmap_of_nothing_succeeds(void)
{
	uint64_t bytes = 1;

	CU_ASSERT_EQUAL(unmap(0, ADDRESS_LAST, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	CU_ASSERT_EQUAL(map(8 * KIB, 4 * KIB, 0), 0);
	bytes = 1;
	CU_ASSERT_EQUAL(unmap(0, 8 * KIB - 1, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	CU_ASSERT_EQUAL(unmap(12 * KIB, ADDRESS_LAST, NULL), 0);
	CU_ASSERT_EQUAL(unmap(1ull << 48, UINT64_MAX, &bytes), 0);
	CU_ASSERT_EQUAL(offset_of(8 * KIB, NULL), 0);
}

static void unmap_that_would_split_changes_nothing(void)
{
	struct svio_iommu_domain_stats before;

	CU_ASSERT_EQUAL(map(GIB, GIB, 0), 0);
	CU_ASSERT_EQUAL(map(4 * KIB, 16 * KIB, 4 * KIB), 0);
	CU_ASSERT_EQUAL(map(3 * GIB, 6 * MIB, 0), 0);
	before = stats();
	CU_ASSERT_EQUAL(unmap(0, 16 * KIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(8 * KIB, ADDRESS_LAST, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(GIB + 4 * KIB, 2 * GIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(0, GIB + 2 * MIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(3 * GIB + 2 * MIB, 4 * GIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(3 * GIB, 3 * GIB + 4 * MIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(stats().mapped_bytes, before.mapped_bytes);
	CU_ASSERT_EQUAL(stats().mappings, 3);
	CU_ASSERT_EQUAL(offset_of(2 * GIB - 1, NULL), GIB - 1);
	CU_ASSERT_EQUAL(offset_of(4 * KIB, NULL), 4 * KIB);
}

/* Addresses of more than 48 bits are none of the domain's, whatever their lower bits say. */
static void unmap_beyond_the_last_address_finds_nothing_there(void)
{
	uint64_t bytes = 1;

	CU_ASSERT_EQUAL(map(0, 12 * KIB, 0), 0);
	CU_ASSERT_EQUAL(unmap((1ull << 48) + 4 * KIB, (1ull << 48) + 8 * KIB - 1, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	CU_ASSERT_EQUAL(unmap(12 * KIB, (1ull << 48) + 4 * KIB - 1, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 0);
	CU_ASSERT_EQUAL(offset_of(8 * KIB, NULL), 8 * KIB);
	CU_ASSERT_EQUAL(unmap(0, (1ull << 48) + 4 * KIB - 1, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 12 * KIB);
}

static void unmap_bad_arguments_are_refused(void)
{
	CU_ASSERT_EQUAL(unmap(4 * KIB, 0, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(4 * KIB, 4 * KIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(1, 4 * KIB - 1, NULL), -EINVAL);
	CU_ASSERT_EQUAL(unmap(0, 4 * KIB, NULL), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_unmap(iommu, 0, 0, 4095, NULL, NULL, NULL), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_unmap(iommu, domain + 1, 0, 4095, NULL, NULL, NULL), -EINVAL);
}

static void unmapped_addresses_no_longer_translate(void)
{
	CU_ASSERT_EQUAL(map(0, 4 * KIB, 0), 0);
	CU_ASSERT_EQUAL(map(4 * KIB, 4 * KIB, 0), 0);
	CU_ASSERT_EQUAL(unmap(0, 4 * KIB - 1, NULL), 0);
	CU_ASSERT_EQUAL(offset_of(0, NULL), UINT64_MAX);
	CU_ASSERT_EQUAL(offset_of(4 * KIB, NULL), 0);
}

static void emptied_tables_return_only_at_reclaim(void)
{
	uint32_t before = svio_iommu_pages_free(iommu);

	CU_ASSERT_EQUAL(map(GIB, 4 * KIB, 0), 0);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), before - 3);
	CU_ASSERT_EQUAL(unmap(GIB, GIB + 4 * KIB - 1, NULL), 0);
	CU_ASSERT_EQUAL(stats().table_pages, 0);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), before - 3);
	svio_iommu_reclaim(iommu);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(iommu), before);
}

static void mapping_next_lists_all_in_order(void)
{
	struct svio_iommu_mapping found;

	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, 0, &found), -ENOENT);
	CU_ASSERT_EQUAL(svio_iommu_map(iommu, domain, GIB, 2 * GIB, 3, GIB, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(map(0, 4 * KIB, 8 * KIB), 0);
	CU_ASSERT_EQUAL(map(4 * KIB, 4 * KIB, 12 * KIB), 0);
	CU_ASSERT_EQUAL(map(ADDRESS_LAST + 1 - 2 * MIB, 2 * MIB, 4 * KIB), 0);

	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, 0, &found), 0);
	CU_ASSERT(found.iova == 0 && found.bytes == 4 * KIB && found.offset == 8 * KIB);
	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, 4 * KIB, &found), 0);
	CU_ASSERT(found.iova == 4 * KIB && found.bytes == 4 * KIB && found.offset == 12 * KIB);
	CU_ASSERT(found.object == OBJECT && found.rights == RW);
	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, 8 * KIB, &found), 0);
	CU_ASSERT(found.iova == GIB && found.bytes == 2 * GIB && found.offset == GIB);
	CU_ASSERT(found.object == 3 && found.rights == SVIO_IOMMU_READ);
	/* From the middle of one: the next one. */
	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, GIB + 4 * KIB, &found), 0);
	CU_ASSERT(found.iova == ADDRESS_LAST + 1 - 2 * MIB && found.bytes == 2 * MIB);
	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain, found.iova + found.bytes, &found),
			-ENOENT);
	CU_ASSERT_EQUAL(svio_iommu_mapping_next(iommu, domain + 1, 0, &found), -EINVAL);
}

static void unmap_65535_packets_at_once_finds_each(void)
{
	uint64_t bytes = 0;
	uint32_t i;

	/* Each its own object offset, every other page, as a vIOMMU guest leaves them behind. */
	for (i = 0; i < 65535; i++)
		if (map(8 * KIB * i, 4 * KIB, (uint64_t)(65535 - i) * 4 * KIB))
			break;
	CU_ASSERT_EQUAL(i, 65535);
	CU_ASSERT_EQUAL(stats().mappings, 65535);
	CU_ASSERT_EQUAL(offset_of(8 * KIB * 1000 + 1, NULL), 4 * KIB * 64535 + 1);
	CU_ASSERT_EQUAL(unmap(0, ADDRESS_LAST, &bytes), 0);
	CU_ASSERT_EQUAL(bytes, 4 * KIB * 65535);
	CU_ASSERT_EQUAL(stats().table_pages, 0);
}

SVIO_TEST_MAIN_WITH(
	"iommu map", setup, teardown, SVIO_TEST(map_one_page_translates_all_its_bytes),
	SVIO_TEST(map_aligned_alike_takes_the_largest_leaves),
	SVIO_TEST(map_offset_aligned_to_2m_only_uses_2m_leaves),
	SVIO_TEST(map_offset_misaligned_uses_4k_leaves), SVIO_TEST(map_bad_arguments_are_refused),
	SVIO_TEST(map_beyond_a_range_overflows), SVIO_TEST(map_at_the_last_addresses_works),
	SVIO_TEST(map_whole_object_range_at_once_works), SVIO_TEST(map_overlap_is_refused_whole),
	SVIO_TEST(map_beyond_the_budget_changes_nothing),
	SVIO_TEST(map_within_the_budget_to_the_page_succeeds),
	SVIO_TEST(map_until_the_arena_is_full_then_all_comes_back),
	SVIO_TEST(map_rights_are_enforced_each),
	SVIO_TEST(unmap_adjoining_mappings_reports_each_as_it_was_mapped),
	SVIO_TEST(unmap_of_nothing_succeeds), SVIO_TEST(unmap_that_would_split_changes_nothing),
	SVIO_TEST(unmap_beyond_the_last_address_finds_nothing_there),
	SVIO_TEST(unmap_bad_arguments_are_refused),
	SVIO_TEST(unmapped_addresses_no_longer_translate),
	SVIO_TEST(emptied_tables_return_only_at_reclaim),
	SVIO_TEST(mapping_next_lists_all_in_order),
	SVIO_TEST(unmap_65535_packets_at_once_finds_each))
