/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: map, unmap, and listing of mappings.
 *
 * A map is planned first (does it overlap, how many tables does it need) and
 * written only when nothing can fail any more, so that no reader ever sees
 * a mapping that is refused. An unmap looks at the two ends of its range only:
 * a mapping is split exactly if an unmarked leaf lies on one of them.
 */
#include <errno.h>

#include "svio_iommu_table.h"

#define PAGE_MASK (SVIO_IOMMU_PAGE_BYTES - 1ull)

static int check_map(uint64_t iova, uint64_t bytes, uint32_t object, uint64_t offset,
		     uint32_t rights)
{
	if (bytes == 0 || ((iova | bytes | offset) & PAGE_MASK))
		return -EINVAL;
	if (rights == 0 || (rights & ~(SVIO_IOMMU_READ | SVIO_IOMMU_WRITE)))
		return -EINVAL;
	if (object == 0 || object > SVIO_IOMMU_OBJECTS_MAX)
		return -EINVAL;
	/* Object first: after that, bytes is small enough to be subtracted from both limits. */
	if (bytes > 1ull << SVIO_IOMMU_OBJECT_LG2_MAX ||
	    offset > (1ull << SVIO_IOMMU_OBJECT_LG2_MAX) - bytes)
		return -EOVERFLOW;
	if (iova > (1ull << SVIO_IOMMU_ADDRESS_LG2) - bytes)
		return -EOVERFLOW;
	return 0;
}

/* The largest leaf that address and offset are aligned to alike. */
static uint32_t alike_level(uint64_t iova, uint64_t offset)
{
	uint32_t level = SVIO_IOMMU_LEAF_LEVEL_MAX;

	while (level > 0 && ((iova ^ offset) & (svio_iommu_level_bytes(level) - 1)))
		level--;
	return level;
}

/*
 * Tables to make for [iova, last] below an empty entry of a level: one for each
 * table-sized region that the range touches, unless a leaf takes its place.
 */
static uint64_t count_tables(uint32_t level, uint64_t iova, uint64_t last, uint32_t leaf_level)
{
	uint64_t tables = 0;

	for (; level > 0; level--) {
		uint32_t lg2 = svio_iommu_level_lg2(level);

		tables += (last >> lg2) - (iova >> lg2) + 1;
		if (level <= leaf_level) {
			uint64_t whole = (iova + svio_iommu_level_bytes(level) - 1) >> lg2;
			uint64_t end = (last + 1) >> lg2;

			tables -= end > whole ? end - whole : 0;
		}
	}
	return tables;
}

/* 0 and the tables to be made; -EEXIST. */
static int plan_map(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		    uint64_t last, uint32_t leaf_level, uint64_t *tables)
{
	*tables = 0;
	while (iova <= last) {
		struct svio_iommu_path path;
		uint64_t end;

		svio_iommu_path_find(iommu, domain, iova, &path);
		if (svio_iommu_path_entry(&path))
			return -EEXIST;
		end = iova | (svio_iommu_level_bytes(path.level) - 1);
		if (end > last)
			end = last;
		*tables += count_tables(path.level, iova, end, leaf_level);
		iova = end + 1;
	}
	return 0;
}

/* The largest leaf for what begins at iova. */
static uint32_t choose_level(uint64_t iova, uint64_t bytes, uint32_t leaf_level)
{
	uint32_t level = leaf_level;

	while (level > 0 && (bytes < svio_iommu_level_bytes(level) ||
			     (iova & (svio_iommu_level_bytes(level) - 1))))
		level--;
	return level;
}

static void write_map(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		      uint64_t bytes, uint64_t value, uint32_t leaf_level)
{
	while (bytes) {
		uint32_t level = choose_level(iova, bytes, leaf_level);
		uint64_t span = svio_iommu_level_bytes(level);
		uint64_t count = SVIO_IOMMU_TABLE_ENTRIES - svio_iommu_level_index(level, iova);
		struct svio_iommu_path path;

		if (count > bytes / span)
			count = bytes / span;
		svio_iommu_path_find(iommu, domain, iova, &path);
		svio_iommu_path_extend(iommu, domain, iova, level, &path);
		svio_iommu_table_fill(iommu, path.slot[level], value, span, (uint32_t)count);
		iova += count * span;
		bytes -= count * span;
		value = (value & ~SVIO_PTE_FIRST) + count * span;
	}
}

int svio_iommu_map(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		   uint64_t bytes, uint32_t object, uint64_t offset, uint32_t rights)
{
	struct svio_iommu_domain_state *state = svio_iommu_domain_find(iommu, domain);
	uint32_t leaf_level = alike_level(iova, offset);
	uint64_t tables;
	int error;

	if (!state)
		return -EINVAL;
	error = check_map(iova, bytes, object, offset, rights);
	if (error)
		return error;
	error = plan_map(iommu, domain, iova, iova + bytes - 1, leaf_level, &tables);
	if (error)
		return error;
	if (tables > state->table_pages_max - state->table_pages ||
	    tables > svio_iommu_pages_free(iommu))
		return -ENOSPC;

	write_map(iommu, domain, iova, bytes,
		  (uint64_t)object << SVIO_PTE_OBJECT_SHIFT | offset | (uint64_t)rights << 2 |
			  SVIO_PTE_LEAF | SVIO_PTE_FIRST,
		  leaf_level);
	state->mapped_bytes += bytes;
	state->mappings++;
	return 0;
}

/* Does a mapping lie on both sides of this address (below 2^48)? */
static bool splits_mapping(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova)
{
	struct svio_iommu_path path;

	svio_iommu_path_find(iommu, domain, iova, &path);
	if (!svio_iommu_path_entry(&path))
		return false;
	return (iova & (svio_iommu_level_bytes(path.level) - 1)) ||
	       !(svio_iommu_path_entry(&path) & SVIO_PTE_FIRST);
}

/* Is this entry (a leaf or empty) part of the mapping that ends where it begins? */
static bool continues_mapping(uint64_t entry)
{
	return entry && !(entry & SVIO_PTE_FIRST);
}

static void start_mapping(struct svio_iommu_mapping *mapping, uint64_t iova, uint64_t entry)
{
	mapping->iova = iova;
	mapping->bytes = 0;
	mapping->offset = entry & SVIO_PTE_OFFSET_MASK;
	mapping->object = (uint32_t)(entry >> SVIO_PTE_OBJECT_SHIFT);
	mapping->rights = (uint32_t)(entry >> 2) & (SVIO_IOMMU_READ | SVIO_IOMMU_WRITE);
}

/* Take away the mapping whose first leaf path leads to; *mapping says what it was. */
static void clear_mapping(struct svio_iommu *iommu, svio_iommu_domain domain,
			  struct svio_iommu_path *path, uint64_t iova,
			  struct svio_iommu_mapping *mapping)
{
	struct svio_iommu_domain_state *state = &iommu->domains[domain];

	start_mapping(mapping, iova, svio_iommu_path_entry(path));
	do {
		uint64_t span = svio_iommu_level_bytes(path->level);

		svio_iommu_path_clear(iommu, domain, path, &iommu->deferred);
		mapping->bytes += span;
		iova += span;
		if (iova > SVIO_IOMMU_ADDRESS_LAST)
			break;
		svio_iommu_path_find(iommu, domain, iova, path);
	} while (continues_mapping(svio_iommu_path_entry(path)));
	state->mapped_bytes -= mapping->bytes;
	state->mappings--;
}

int svio_iommu_unmap(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		     uint64_t last, svio_iommu_unmapped_fn unmapped, void *context,
		     uint64_t *unmapped_bytes)
{
	struct svio_iommu_path path;
	uint64_t total = 0;

	if (iova > last || (iova & PAGE_MASK) || ((last + 1) & PAGE_MASK) ||
	    !svio_iommu_domain_find(iommu, domain))
		return -EINVAL;
	if (iova <= SVIO_IOMMU_ADDRESS_LAST && splits_mapping(iommu, domain, iova))
		return -EINVAL;
	if (last < SVIO_IOMMU_ADDRESS_LAST && splits_mapping(iommu, domain, last + 1))
		return -EINVAL;
	if (last > SVIO_IOMMU_ADDRESS_LAST)
		last = SVIO_IOMMU_ADDRESS_LAST;

	while (svio_iommu_path_next(iommu, domain, iova, last, &path, &iova)) {
		struct svio_iommu_mapping mapping;

		clear_mapping(iommu, domain, &path, iova, &mapping);
		iova += mapping.bytes;
		total += mapping.bytes;
		if (unmapped)
			unmapped(context, mapping.iova, mapping.bytes, mapping.object);
	}
	if (unmapped_bytes)
		*unmapped_bytes = total;
	return 0;
}

int svio_iommu_mapping_next(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			    struct svio_iommu_mapping *found)
{
	struct svio_iommu_path path;
	uint64_t base;

	if (!svio_iommu_domain_find(iommu, domain))
		return -EINVAL;
	for (;;) {
		if (!svio_iommu_path_next(iommu, domain, iova, SVIO_IOMMU_ADDRESS_LAST, &path,
					  &base))
			return -ENOENT;
		if (base >= iova && (svio_iommu_path_entry(&path) & SVIO_PTE_FIRST))
			break;
		iova = base + svio_iommu_level_bytes(path.level);
	}
	start_mapping(found, base, svio_iommu_path_entry(&path));
	do {
		found->bytes += svio_iommu_level_bytes(path.level);
		if (found->iova + found->bytes > SVIO_IOMMU_ADDRESS_LAST)
			break;
		svio_iommu_path_find(iommu, domain, found->iova + found->bytes, &path);
	} while (continues_mapping(svio_iommu_path_entry(&path)));
	return 0;
}
