/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommu against a naive model: random maps of 4 KiB to 1 GiB, unmaps and
 * translations in several domains of one arena. SVIO_TEST_ROUNDS: operations.
 */
#include <errno.h>
#include <stdio.h>

#include "iommu_fixture.h"
#include "iommu_model.h"

#define ARENA_PAGES 1500
#define BUDGET      900
#define DOMAINS     3
#define ROUNDS      60000

static struct iommu_fixture fixture;
static struct iommu_model models[DOMAINS];
static svio_iommu_domain domains[DOMAINS];
static uint64_t seed;

/* What the run consisted of: a law that was never put to the test is none. */
static struct {
	uint64_t mapped;
	uint64_t overlaps;
	uint64_t full;
	uint64_t unmapped;
	uint64_t splits;
	uint64_t hits;
} seen;

static uint64_t below(uint64_t limit)
{
	return svio_test_random(&seed) % limit;
}

/* Mostly a few crowded GiB, sometimes the edges of the address range. */
static uint64_t random_iova(void)
{
	uint64_t align = 1ull << (12 + 9 * below(3));
	uint64_t iova = below(6 * GIB);

	if (below(8) == 0)
		iova = below(2) ? (1ull << 48) - below(2 * GIB) : below(1ull << 48);
	return iova / align * align;
}

static uint64_t random_bytes(void)
{
	static const uint64_t unit[] = { 4 * KIB, 4 * KIB, 4 * KIB, 64 * KIB, 2 * MIB, 2 * MIB };

	if (below(20) == 0)
		return GIB + below(3) * 4 * KIB;
	return unit[below(6)] * (1 + below(below(4) ? 4 : 100)) + below(3) * 4 * KIB;
}

static void random_mapping(struct svio_iommu_mapping *mapping)
{
	mapping->iova = random_iova();
	mapping->bytes = random_bytes();
	mapping->object = 1 + (uint32_t)below(65535);
	mapping->rights = 1 + (uint32_t)below(3);
	mapping->offset = below(1ull << 34) / (4 * KIB) * (4 * KIB);
	if (below(3))
		mapping->offset = (mapping->iova & (GIB - 1)) + GIB * below(1000);
	if (below(50) == 0)
		mapping->offset = (1ull << 46) - mapping->bytes + below(2) * 4 * KIB;
}

/* How many disagreements; ENOSPC must be deserved. */
static uint32_t try_map(uint32_t d)
{
	struct svio_iommu_mapping m;
	int expected;
	int got;

	random_mapping(&m);
	if (models[d].count == IOMMU_MODEL_MAPPINGS)
		return 0;
	expected = iommu_model_map(&models[d], &m, false);
	got = svio_iommu_map(fixture.iommu, domains[d], m.iova, m.bytes, m.object, m.offset,
			     m.rights);
	if (expected == 0 && got == -ENOSPC) {
		uint32_t now = iommu_model_tables(&models[d], NULL);
		uint32_t then = iommu_model_tables(&models[d], &m);

		seen.full++;
		return then <= BUDGET && then - now <= svio_iommu_pages_free(fixture.iommu);
	}
	if (got == 0 && expected == 0)
		iommu_model_map(&models[d], &m, true);
	seen.mapped += got == 0;
	seen.overlaps += got == -EEXIST;
	return got != expected;
}

/* The ends of mappings are where the mistakes are. */
static uint64_t random_edge(uint32_t d)
{
	const struct svio_iommu_mapping *m;

	if (models[d].count == 0 || below(4) == 0)
		return random_iova();
	m = &models[d].mapping[below(models[d].count)];
	switch (below(4)) {
	case 0:
		return m->iova;
	case 1:
		return m->iova + m->bytes;
	case 2:
		return m->iova + below(m->bytes) / (4 * KIB) * (4 * KIB);
	default:
		return m->iova + (below(2) ? 4 * KIB : m->bytes - 4 * KIB);
	}
}

static uint32_t try_unmap(uint32_t d)
{
	uint64_t iova = random_edge(d);
	uint64_t end = random_edge(d);
	uint64_t expected_bytes = 0;
	uint64_t got_bytes = 0;
	int expected;
	int got;

	if (end < iova) {
		uint64_t swap = end;

		end = iova;
		iova = swap;
	}
	if (below(3) && models[d].count) {
		const struct svio_iommu_mapping *m = &models[d].mapping[below(models[d].count)];

		iova = m->iova;
		end = m->iova + m->bytes;
	}
	/* end 0 is the end of all addresses. */
	expected = iova <= end - 1 ? iommu_model_unmap(&models[d], iova, end - 1, &expected_bytes)
				   : -EINVAL;
	got = svio_iommu_unmap(fixture.iommu, domains[d], iova, end - 1, NULL, NULL, &got_bytes);
	if (below(2))
		svio_iommu_reclaim(fixture.iommu);
	seen.unmapped += got == 0 && got_bytes;
	seen.splits += got == -EINVAL && iova <= end - 1;
	return got != expected || (got == 0 && got_bytes != expected_bytes);
}

static uint32_t try_translate(uint32_t d)
{
	uint64_t iova = random_edge(d) + below(3) - 1;
	uint32_t rights = (uint32_t)below(4);
	struct svio_iommu_run run;
	enum svio_iommu_fault_reason got;
	const struct svio_iommu_mapping *m;

	got = svio_iommu_walk(fixture.arena, domains[d], iova, rights, &run);
	if (iova >> 48)
		return got != SVIO_IOMMU_FAULT_RANGE;
	m = iommu_model_find(&models[d], iova);
	if (!m)
		return got != SVIO_IOMMU_FAULT_UNMAPPED;
	if ((m->rights & rights) != rights)
		return got != SVIO_IOMMU_FAULT_RIGHTS;
	if (got != SVIO_IOMMU_OK || run.object != m->object ||
	    run.offset != m->offset + (iova - m->iova))
		return 1;
	seen.hits++;
	/* A run stays within the mapping. */
	return run.bytes == 0 || run.bytes > m->iova + m->bytes - iova;
}

/* The page that every walk into nothing goes through. */
static bool page_of_nothing_is_empty(void)
{
	const uint64_t *word = fixture.arena;
	uint64_t all = 0;
	uint32_t i;

	for (i = 0; i < 512; i++)
		all |= word[i];
	return all == 0;
}

/* The whole state: accounts, table pages, list of mappings. */
static uint32_t compare_all(uint32_t d)
{
	struct svio_iommu_domain_stats stats = { 0 };
	struct svio_iommu_mapping found = { 0 };
	uint32_t wrong = 0;
	uint32_t i;

	wrong += svio_iommu_domain_stats_get(fixture.iommu, domains[d], &stats) != 0;
	wrong += stats.mapped_bytes != models[d].mapped_bytes;
	wrong += stats.mappings != models[d].count;
	wrong += stats.table_pages != iommu_model_tables(&models[d], NULL);
	wrong += !page_of_nothing_is_empty();
	for (i = 0; i < models[d].count; i++) {
		const struct svio_iommu_mapping *m = &models[d].mapping[i];

		wrong += svio_iommu_mapping_next(fixture.iommu, domains[d],
						 found.iova + found.bytes, &found) != 0;
		wrong += found.iova != m->iova || found.bytes != m->bytes ||
			 found.offset != m->offset || found.object != m->object ||
			 found.rights != m->rights;
	}
	wrong += svio_iommu_mapping_next(fixture.iommu, domains[d], found.iova + found.bytes,
					 &found) != -ENOENT;
	return wrong;
}

/* A new domain now and then: destroy must give back everything. */
static void renew_domain(uint32_t d)
{
	svio_iommu_domain_destroy(fixture.iommu, domains[d]);
	memset(&models[d], 0, sizeof(models[d]));
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(fixture.iommu, BUDGET, &domains[d]), 0);
}

static uint32_t step(uint64_t round)
{
	uint32_t d = (uint32_t)below(DOMAINS);
	uint64_t choice = below(100);
	uint32_t wrong = 0;
	uint32_t i;

	if (choice < 40)
		wrong += try_map(d);
	else if (choice < 70)
		wrong += try_unmap(d);
	else if (choice == 70 && round % 8 == 0)
		renew_domain(d);
	for (i = 0; i < 20; i++)
		wrong += try_translate(d);
	if (round % 64 == 0)
		wrong += compare_all(d);
	return wrong;
}

static void prop_translation_agrees_with_the_list_of_mappings(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 0) : ROUNDS;
	uint32_t wrong = 0;
	uint64_t round;
	uint32_t d;

	seed = svio_test_seed(20261120);
	iommu_fixture_open(&fixture, ARENA_PAGES, DOMAINS);
	for (d = 0; d < DOMAINS; d++)
		renew_domain(d);
	for (round = 0; round < rounds && !wrong; round++)
		wrong = step(round);
	if (wrong)
		printf("disagreement in round %llu\n", (unsigned long long)(round - 1));
	CU_ASSERT_EQUAL(wrong, 0);
	printf("maps %llu, overlaps %llu, full %llu, unmaps %llu, splits %llu, hits %llu\n",
	       (unsigned long long)seen.mapped, (unsigned long long)seen.overlaps,
	       (unsigned long long)seen.full, (unsigned long long)seen.unmapped,
	       (unsigned long long)seen.splits, (unsigned long long)seen.hits);
	CU_ASSERT(rounds < ROUNDS || (seen.mapped && seen.overlaps && seen.full));
	CU_ASSERT(rounds < ROUNDS || (seen.unmapped && seen.splits && seen.hits));
	for (d = 0; d < DOMAINS; d++)
		svio_iommu_domain_destroy(fixture.iommu, domains[d]);
	iommu_fixture_close(&fixture);
}

SVIO_TEST_MAIN("iommu model", SVIO_TEST(prop_translation_agrees_with_the_list_of_mappings))
