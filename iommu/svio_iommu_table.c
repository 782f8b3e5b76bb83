/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_iommu_table.h"

/*
 * Publish an entry. Release: a reader that finds a table through it sees the
 * table's zeroes, and one that finds it gone sees nothing later by mistake.
 */
static void store_entry(uint64_t *slot, uint64_t value)
{
	__atomic_store_n(slot, value, __ATOMIC_RELEASE);
}

static uint64_t *table_slot(const struct svio_iommu *iommu, uint64_t entry, uint32_t level,
			    uint64_t iova)
{
	return iommu->arena + entry / sizeof(entry) + svio_iommu_level_index(level, iova);
}

static uint32_t slot_page(const struct svio_iommu *iommu, const uint64_t *slot)
{
	return (uint32_t)((uint64_t)(slot - iommu->arena) / SVIO_IOMMU_TABLE_ENTRIES);
}

static void push_page(struct svio_iommu *iommu, struct svio_iommu_page_list *list, uint32_t page)
{
	iommu->pages[page].next = list->head;
	list->head = page;
	list->count++;
}

static uint32_t take_page(struct svio_iommu *iommu)
{
	uint32_t page = iommu->free.head;

	if (page) {
		iommu->free.head = iommu->pages[page].next;
		iommu->free.count--;
	} else {
		page = iommu->page_fresh++;
	}
	iommu->pages[page].live = 0;
	return page;
}

uint32_t svio_iommu_pages_free(const struct svio_iommu *iommu)
{
	return iommu->free.count + (iommu->page_count - iommu->page_fresh);
}

void svio_iommu_reclaim(struct svio_iommu *iommu)
{
	while (iommu->deferred.head) {
		uint32_t page = iommu->deferred.head;

		iommu->deferred.head = iommu->pages[page].next;
		push_page(iommu, &iommu->free, page);
	}
	iommu->deferred.count = 0;
}

void svio_iommu_path_find(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			  struct svio_iommu_path *path)
{
	uint32_t level = SVIO_IOMMU_ROOT_LEVEL;
	uint64_t *slot = table_slot(iommu, svio_iommu_root(domain), level, iova);

	path->slot[level] = slot;
	while (level > 0 && *slot && !(*slot & SVIO_PTE_LEAF)) {
		slot = table_slot(iommu, *slot, level - 1, iova);
		path->slot[--level] = slot;
	}
	path->level = level;
}

bool svio_iommu_path_next(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			  uint64_t last, struct svio_iommu_path *path, uint64_t *base)
{
	while (iova <= last) {
		const uint64_t *slot;
		uint64_t span;

		svio_iommu_path_find(iommu, domain, iova, path);
		span = svio_iommu_level_bytes(path->level);
		if (svio_iommu_path_entry(path)) {
			*base = iova & ~(span - 1);
			return true;
		}
		/* To the next entry, and past its empty neighbours in the same table. */
		slot = path->slot[path->level];
		do {
			iova = (iova | (span - 1)) + 1;
			slot++;
		} while (iova <= last && svio_iommu_level_index(path->level, iova) && !*slot);
	}
	return false;
}

void svio_iommu_path_extend(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			    uint32_t level, struct svio_iommu_path *path)
{
	while (path->level > level) {
		uint64_t *slot = path->slot[path->level];
		uint64_t entry = (uint64_t)take_page(iommu) << SVIO_IOMMU_PAGE_LG2;

		store_entry(slot, entry);
		if (path->level < SVIO_IOMMU_ROOT_LEVEL)
			iommu->pages[slot_page(iommu, slot)].live++;
		iommu->domains[domain].table_pages++;
		path->level--;
		path->slot[path->level] = table_slot(iommu, entry, path->level, iova);
	}
}

void svio_iommu_table_fill(struct svio_iommu *iommu, uint64_t *slot, uint64_t value,
			   uint64_t span_bytes, uint32_t count)
{
	uint32_t i;

	iommu->pages[slot_page(iommu, slot)].live += count;
	store_entry(slot, value);
	value &= ~SVIO_PTE_FIRST;
	for (i = 1; i < count; i++)
		store_entry(&slot[i], value + i * span_bytes);
}

void svio_iommu_path_clear(struct svio_iommu *iommu, svio_iommu_domain domain,
			   const struct svio_iommu_path *path, struct svio_iommu_page_list *emptied)
{
	uint32_t level;

	store_entry(path->slot[path->level], 0);
	for (level = path->level; level < SVIO_IOMMU_ROOT_LEVEL; level++) {
		uint32_t page = slot_page(iommu, path->slot[level]);

		if (--iommu->pages[page].live)
			return;
		store_entry(path->slot[level + 1], 0);
		push_page(iommu, emptied, page);
		iommu->domains[domain].table_pages--;
	}
}
