/* SPDX-License-Identifier: BSD-3-Clause */
/* IOMMU domains: the arena's beginning, their life and their accounts. */
#include <errno.h>
#include <string.h>

#include "svio_iommu_table.h"

#define ARENA_PAGES_MAX (1ull << 32)

/* domains_max is at most the number of pages, see svio_iommu_init(). */
size_t svio_iommu_state_bytes(size_t arena_bytes)
{
	size_t pages = arena_bytes / SVIO_IOMMU_PAGE_BYTES;

	return sizeof(struct svio_iommu) + (pages + 1) * (sizeof(struct svio_iommu_page) +
							  sizeof(struct svio_iommu_domain_state));
}

/* The root tables of domains 0..domains_max. */
static uint64_t first_pages(uint32_t domains_max)
{
	return (uint64_t)domains_max + 1;
}

struct svio_iommu *svio_iommu_init(void *state, void *arena, size_t arena_bytes,
				   uint32_t domains_max)
{
	struct svio_iommu *iommu = state;
	uint64_t pages = arena_bytes / SVIO_IOMMU_PAGE_BYTES;

	if (!state || !arena || domains_max == 0 || arena_bytes % SVIO_IOMMU_PAGE_BYTES ||
	    (uintptr_t)arena % SVIO_IOMMU_PAGE_BYTES || pages >= ARENA_PAGES_MAX ||
	    first_pages(domains_max) + domains_max > pages)
		return NULL;
	memset(iommu, 0, sizeof(*iommu));
	iommu->arena = arena;
	iommu->domains = (struct svio_iommu_domain_state *)(iommu + 1);
	iommu->pages = (struct svio_iommu_page *)(iommu->domains + pages + 1);
	iommu->page_count = (uint32_t)pages;
	iommu->page_fresh = (uint32_t)first_pages(domains_max);
	iommu->domains_max = domains_max;
	iommu->domain_fresh = 1;
	return iommu;
}

int svio_iommu_domain_create(struct svio_iommu *iommu, uint32_t pages_max,
			     svio_iommu_domain *domain)
{
	svio_iommu_domain found = iommu->domain_free;

	if (pages_max == 0)
		return -EINVAL;
	if (found)
		iommu->domain_free = iommu->domains[found].next_free;
	else if (iommu->domain_fresh <= iommu->domains_max)
		found = iommu->domain_fresh++;
	else
		return -ENOSPC;
	memset(&iommu->domains[found], 0, sizeof(iommu->domains[found]));
	iommu->domains[found].table_pages_max = pages_max;
	*domain = found;
	return 0;
}

void svio_iommu_domain_destroy(struct svio_iommu *iommu, svio_iommu_domain domain)
{
	struct svio_iommu_domain_state *state = svio_iommu_domain_find(iommu, domain);
	struct svio_iommu_path path;
	uint64_t base = 0;

	if (!state)
		return;
	/* Nobody is inside: emptied tables need not wait for a grace period. */
	while (svio_iommu_path_next(iommu, domain, base, SVIO_IOMMU_ADDRESS_LAST, &path, &base))
		svio_iommu_path_clear(iommu, domain, &path, &iommu->free);
	state->table_pages_max = 0;
	state->next_free = iommu->domain_free;
	iommu->domain_free = domain;
}

int svio_iommu_domain_stats_get(const struct svio_iommu *iommu, svio_iommu_domain domain,
				struct svio_iommu_domain_stats *stats)
{
	const struct svio_iommu_domain_state *state = svio_iommu_domain_find(iommu, domain);

	if (!state)
		return -EINVAL;
	stats->mapped_bytes = state->mapped_bytes;
	stats->mappings = state->mappings;
	stats->table_pages = state->table_pages;
	stats->table_pages_max = state->table_pages_max;
	return 0;
}

static void count_leaves(const struct svio_iommu *iommu, uint64_t table, uint32_t level,
			 uint64_t leaves[3])
{
	uint64_t i;

	for (i = 0; i < SVIO_IOMMU_TABLE_ENTRIES; i++) {
		uint64_t entry = svio_iommu_entry(iommu->arena, table, i);

		if (entry & SVIO_PTE_LEAF && level <= SVIO_IOMMU_LEAF_LEVEL_MAX)
			leaves[level]++;
		else if (entry && level)
			count_leaves(iommu, entry, level - 1, leaves);
	}
}

int svio_iommu_leaves_count(const struct svio_iommu *iommu, svio_iommu_domain domain,
			    uint64_t leaves[3])
{
	leaves[0] = leaves[1] = leaves[2] = 0;
	if (!svio_iommu_domain_find(iommu, domain))
		return -EINVAL;
	count_leaves(iommu, svio_iommu_root(domain), SVIO_IOMMU_ROOT_LEVEL, leaves);
	return 0;
}
