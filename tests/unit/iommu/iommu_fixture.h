/* SPDX-License-Identifier: BSD-3-Clause */
/* An arena with its writer, for tests. Leaks are checked when it is closed. */
#ifndef IOMMU_FIXTURE_H
#define IOMMU_FIXTURE_H

#include <stdlib.h>
#include <string.h>

#include "svio_iommu.h"
#include "svio_iommu_walk.h"
#include "svio_test.h"

#define KIB          (1ull << 10)
#define MIB          (1ull << 20)
#define GIB          (1ull << 30)
#define ADDRESS_LAST ((1ull << SVIO_IOMMU_ADDRESS_LG2) - 1)
#define RW           (SVIO_IOMMU_READ | SVIO_IOMMU_WRITE)

struct iommu_fixture {
	struct svio_iommu *iommu;
	void *arena;
	size_t arena_bytes;
	uint32_t pages; /* table pages of the empty arena */
};

static inline void iommu_fixture_open(struct iommu_fixture *fixture, uint32_t pages,
				      uint32_t domains_max)
{
	void *state;

	fixture->arena_bytes = (size_t)pages * SVIO_IOMMU_PAGE_BYTES;
	fixture->arena = aligned_alloc(SVIO_IOMMU_PAGE_BYTES, fixture->arena_bytes);
	state = malloc(svio_iommu_state_bytes(fixture->arena_bytes));
	if (!fixture->arena || !state)
		abort();
	memset(fixture->arena, 0, fixture->arena_bytes);
	memset(state, 0xa5, svio_iommu_state_bytes(fixture->arena_bytes));
	fixture->iommu = svio_iommu_init(state, fixture->arena, fixture->arena_bytes, domains_max);
	CU_ASSERT_FATAL(fixture->iommu != NULL);
	fixture->pages = svio_iommu_pages_free(fixture->iommu);
}

/* Every domain must have been destroyed: all pages are free again, and all zero. */
static inline void iommu_fixture_close(struct iommu_fixture *fixture)
{
	const uint64_t *word = fixture->arena;
	uint64_t left = 0;
	size_t i;

	svio_iommu_reclaim(fixture->iommu);
	CU_ASSERT_EQUAL(svio_iommu_pages_free(fixture->iommu), fixture->pages);
	for (i = 0; i < fixture->arena_bytes / sizeof(*word); i++)
		left |= word[i];
	CU_ASSERT_EQUAL(left, 0);
	free(fixture->arena);
	free(fixture->iommu);
}

#endif /* IOMMU_FIXTURE_H */
