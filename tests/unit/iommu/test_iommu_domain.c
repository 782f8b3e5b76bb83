/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: arenas and domains. */
#include <errno.h>

#include "iommu_fixture.h"

static void init_bad_arguments_are_refused(void)
{
	const size_t bytes = (size_t)16 * SVIO_IOMMU_PAGE_BYTES;
	char *arena = aligned_alloc(SVIO_IOMMU_PAGE_BYTES, bytes);
	void *state = malloc(svio_iommu_state_bytes(bytes));

	CU_ASSERT_FATAL(arena != NULL && state != NULL);
	CU_ASSERT_PTR_NULL(svio_iommu_init(NULL, arena, bytes, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, NULL, bytes, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, bytes, 0));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, bytes - 1, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena + 8, bytes - SVIO_IOMMU_PAGE_BYTES, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, 0, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, SVIO_IOMMU_PAGE_BYTES, 1));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, bytes, 8));
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, bytes, UINT32_MAX));
	/* More pages than have numbers; the arena is not touched. */
	CU_ASSERT_PTR_NULL(svio_iommu_init(state, arena, 1ull << 44, 7));
	CU_ASSERT_PTR_NOT_NULL(svio_iommu_init(state, arena, (1ull << 44) - 4096, 7));
	CU_ASSERT_PTR_NOT_NULL(svio_iommu_init(state, arena, bytes, 7));
	CU_ASSERT_PTR_NOT_NULL(svio_iommu_init(state, arena, bytes - SVIO_IOMMU_PAGE_BYTES, 7));
	free(arena);
	free(state);
}

static void init_reserves_a_root_table_a_domain(void)
{
	struct iommu_fixture fixture;

	/* Page 0 is the table of nothing. */
	iommu_fixture_open(&fixture, 600, 1);
	CU_ASSERT_EQUAL(fixture.pages, 598);
	iommu_fixture_close(&fixture);
	iommu_fixture_open(&fixture, 600, 299);
	CU_ASSERT_EQUAL(fixture.pages, 300);
	iommu_fixture_close(&fixture);
}

static void create_up_to_domains_max_then_refused(void)
{
	struct iommu_fixture fixture;
	svio_iommu_domain domain[513];
	svio_iommu_domain extra = 12345;
	uint32_t i;

	iommu_fixture_open(&fixture, 1100, 512);
	for (i = 0; i < 512; i++) {
		CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 8, &domain[i]), 0);
		CU_ASSERT(domain[i] >= 1 && domain[i] <= 512);
	}
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 8, &extra), -ENOSPC);
	CU_ASSERT_EQUAL(extra, 12345);
	svio_iommu_domain_destroy(fixture.iommu, domain[300]);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 0, &extra), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 8, &extra), 0);
	CU_ASSERT_EQUAL(extra, domain[300]);
	iommu_fixture_close(&fixture);
}

static void domains_do_not_see_each_other(void)
{
	struct iommu_fixture fixture;
	svio_iommu_domain one = 0;
	svio_iommu_domain other = 0;
	struct svio_iommu_run run = { 0 };

	iommu_fixture_open(&fixture, 64, 16);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 8, &one), 0);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 8, &other), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, one, 0, 4 * KIB, 1, 0, RW), 0);
	CU_ASSERT_EQUAL(svio_iommu_walk(fixture.arena, other, 0, SVIO_IOMMU_READ, &run),
			SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, other, 0, 4 * KIB, 2, 0, RW), 0);
	CU_ASSERT_EQUAL(svio_iommu_unmap(fixture.iommu, one, 0, 4095, NULL, NULL, NULL), 0);
	CU_ASSERT_EQUAL(svio_iommu_walk(fixture.arena, other, 0, SVIO_IOMMU_READ, &run),
			SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.object, 2);
	svio_iommu_domain_destroy(fixture.iommu, other);
	iommu_fixture_close(&fixture);
}

static void destroyed_domain_translates_nothing_and_is_refused(void)
{
	struct iommu_fixture fixture;
	struct svio_iommu_domain_stats stats;
	svio_iommu_domain domain = 0;
	struct svio_iommu_run run = { 0 };

	iommu_fixture_open(&fixture, 64, 16);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 50, &domain), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 0, 32 * MIB, 1, 4 * KIB, RW), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 4 * GIB, 4 * GIB, 1, 0, RW), 0);
	svio_iommu_domain_destroy(fixture.iommu, domain);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(fixture.iommu), fixture.pages);
	CU_ASSERT_EQUAL(svio_iommu_walk(fixture.arena, domain, 0, SVIO_IOMMU_READ, &run),
			SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(fixture.iommu, domain, &stats), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 0, 4096, 1, 0, RW), -EINVAL);
	/* Again, and one that never was: nothing happens. */
	svio_iommu_domain_destroy(fixture.iommu, domain);
	svio_iommu_domain_destroy(fixture.iommu, 0);
	svio_iommu_domain_destroy(fixture.iommu, UINT32_MAX);
	iommu_fixture_close(&fixture);
}

static void reused_domain_starts_with_new_accounts(void)
{
	struct iommu_fixture fixture;
	struct svio_iommu_domain_stats stats;
	svio_iommu_domain domain = 0;

	iommu_fixture_open(&fixture, 64, 16);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 50, &domain), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 0, 4 * KIB, 1, 0, RW), 0);
	svio_iommu_domain_destroy(fixture.iommu, domain);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 9, &domain), 0);
	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(fixture.iommu, domain, &stats), 0);
	CU_ASSERT(stats.mapped_bytes == 0 && stats.mappings == 0 && stats.table_pages == 0);
	CU_ASSERT_EQUAL(stats.table_pages_max, 9);
	iommu_fixture_close(&fixture);
}

static void a_gigabyte_in_2m_pages_costs_two_tables(void)
{
	struct iommu_fixture fixture;
	struct svio_iommu_domain_stats stats;
	svio_iommu_domain domain = 0;

	iommu_fixture_open(&fixture, 64, 16);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 50, &domain), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 0, GIB, 1, 2 * MIB, RW), 0);
	CU_ASSERT_EQUAL(svio_iommu_domain_stats_get(fixture.iommu, domain, &stats), 0);
	CU_ASSERT_EQUAL(stats.table_pages, 2);
	svio_iommu_domain_destroy(fixture.iommu, domain);
	iommu_fixture_close(&fixture);
}

static void leaves_are_counted_by_size(void)
{
	struct iommu_fixture fixture;
	svio_iommu_domain domain = 0;
	uint64_t leaves[3] = { 7, 7, 7 };

	iommu_fixture_open(&fixture, 64, 16);
	CU_ASSERT_EQUAL(svio_iommu_leaves_count(fixture.iommu, 1, leaves), -EINVAL);
	CU_ASSERT_EQUAL(svio_iommu_domain_create(fixture.iommu, 50, &domain), 0);
	CU_ASSERT_EQUAL(svio_iommu_leaves_count(fixture.iommu, domain, leaves), 0);
	CU_ASSERT(leaves[0] == 0 && leaves[1] == 0 && leaves[2] == 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fixture.iommu, domain, 3 * GIB - 2 * MIB - 4 * KIB,
				       2 * GIB + 4 * MIB + 12 * KIB, 1, GIB - 2 * MIB - 4 * KIB,
				       RW),
			0);
	CU_ASSERT_EQUAL(svio_iommu_leaves_count(fixture.iommu, domain, leaves), 0);
	CU_ASSERT(leaves[0] == 3 && leaves[1] == 2 && leaves[2] == 2);
	svio_iommu_domain_destroy(fixture.iommu, domain);
	iommu_fixture_close(&fixture);
}

SVIO_TEST_MAIN("iommu domain", SVIO_TEST(leaves_are_counted_by_size),
	       SVIO_TEST(init_bad_arguments_are_refused),
	       SVIO_TEST(init_reserves_a_root_table_a_domain),
	       SVIO_TEST(create_up_to_domains_max_then_refused),
	       SVIO_TEST(domains_do_not_see_each_other),
	       SVIO_TEST(destroyed_domain_translates_nothing_and_is_refused),
	       SVIO_TEST(reused_domain_starts_with_new_accounts),
	       SVIO_TEST(a_gigabyte_in_2m_pages_costs_two_tables))
