/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU, private to the writer: its state, table pages, and the path from a
 * domain's root table to an entry.
 *
 * Levels: an entry of a level-l table spans 2^(12 + 9 l) bytes. A root table, of
 * level 3, spans the whole address range and is always there.
 *
 * Invariants: a page that is not in a table is all zero, except while a reader
 * may still be in it (deferred list); a table below the root has at least one
 * entry (live > 0), so an address range that is free of mappings never meets an
 * empty table where a larger leaf should go.
 */
#ifndef SVIO_IOMMU_TABLE_H
#define SVIO_IOMMU_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_iommu.h"
#include "svio_iommu_walk.h"

#define SVIO_IOMMU_ROOT_LEVEL     3u
#define SVIO_IOMMU_LEAF_LEVEL_MAX 2u
#define SVIO_IOMMU_LEVEL_LG2      9
#define SVIO_IOMMU_TABLE_ENTRIES  512u
#define SVIO_IOMMU_ADDRESS_LAST   ((1ull << SVIO_IOMMU_ADDRESS_LG2) - 1)

/* A page of the arena, seen by the allocator. */
struct svio_iommu_page {
	uint32_t next; /* on a list: page number, 0 ends it (no table is there) */
	uint32_t live; /* as a table: entries that are present */
};

struct svio_iommu_page_list {
	uint32_t head;
	uint32_t count;
};

struct svio_iommu_domain_state {
	uint64_t mapped_bytes;
	uint32_t mappings;
	uint32_t table_pages;
	uint32_t table_pages_max; /* 0: no such domain */
	svio_iommu_domain next_free;
};

/* Lies at the start of the caller's state; the two arrays follow it. */
struct svio_iommu {
	uint64_t *arena;
	struct svio_iommu_domain_state *domains; /* index: domain, 0 unused */
	struct svio_iommu_page *pages;           /* index: page number */
	uint32_t page_count;
	uint32_t page_fresh; /* from here on no page was ever used */
	struct svio_iommu_page_list free;
	struct svio_iommu_page_list deferred; /* unlinked; readers may still be in them */
	uint32_t domains_max;
	uint32_t domain_fresh; /* from here on no domain was ever used */
	svio_iommu_domain domain_free;
	uint32_t reserved;
};

/* From the root table down to the entry where the walk for an address ended. */
struct svio_iommu_path {
	uint64_t *slot[SVIO_IOMMU_ROOT_LEVEL + 1];
	uint32_t level; /* slot[level] is a leaf or empty; slots below it are not set */
};

static inline uint32_t svio_iommu_level_lg2(uint32_t level)
{
	return SVIO_IOMMU_PAGE_LG2 + SVIO_IOMMU_LEVEL_LG2 * level;
}

/* Bytes that one entry of a level spans. */
static inline uint64_t svio_iommu_level_bytes(uint32_t level)
{
	return 1ull << svio_iommu_level_lg2(level);
}

/* An address's index into its table of a level. */
static inline uint32_t svio_iommu_level_index(uint32_t level, uint64_t iova)
{
	return (uint32_t)(iova >> svio_iommu_level_lg2(level)) & (SVIO_IOMMU_TABLE_ENTRIES - 1);
}

static inline uint64_t svio_iommu_path_entry(const struct svio_iommu_path *path)
{
	return *path->slot[path->level];
}

/* Follow an address (below 2^48) down to its leaf, or to the empty entry that covers it. */
void svio_iommu_path_find(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			  struct svio_iommu_path *path);

/*
 * Find the first leaf that touches [iova, last], last below 2^48. *base is the first address of
 * that leaf, which may be below iova. False: there is none.
 */
bool svio_iommu_path_next(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			  uint64_t last, struct svio_iommu_path *path, uint64_t *base);

/*
 * Make tables from the empty entry at path->level down to level, for iova. The caller has checked
 * that there are pages.
 */
void svio_iommu_path_extend(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			    uint32_t level, struct svio_iommu_path *path);

/* Write count (>= 1) empty entries from slot on, all in one table; each value one span further. */
void svio_iommu_table_fill(struct svio_iommu *iommu, uint64_t *slot, uint64_t value,
			   uint64_t span_bytes, uint32_t count);

/* Clear the leaf that path leads to, and unlink each table that this empties, onto emptied. */
void svio_iommu_path_clear(struct svio_iommu *iommu, svio_iommu_domain domain,
			   const struct svio_iommu_path *path,
			   struct svio_iommu_page_list *emptied);

/* The state of a domain that exists, or NULL. */
static inline struct svio_iommu_domain_state *svio_iommu_domain_find(const struct svio_iommu *iommu,
								     svio_iommu_domain domain)
{
	if (domain == 0 || domain >= iommu->domain_fresh)
		return NULL;
	return iommu->domains[domain].table_pages_max ? &iommu->domains[domain] : NULL;
}

#endif /* SVIO_IOMMU_TABLE_H */
