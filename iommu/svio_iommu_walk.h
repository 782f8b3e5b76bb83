/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the side that reads, inlined into the firmware's packet path.
 *
 * Format. A table is a page of 512 entries of 64 bits; four levels of 9 bits
 * above 12 bits of offset. Level 0 holds 4 KiB leaves, level 1 may hold 2 MiB
 * leaves, level 2 1 GiB leaves.
 *   bit  0      present
 *   bit  1      leaf
 *   bit  2, 3   read, write (leaf)
 *   bit  4      first leaf of a mapping (for the writer; readers ignore it)
 *   table:      bits 12-43  page number of the next table in the arena
 *   leaf:       bits 12-45  page number in the object (offset >> 12)
 *               bits 48-63  object number
 * Domain d's root entry is word d of the arena's first page(s): a table entry
 * or 0.
 *
 * A reader calls these between svio_iommu_core_enter() and _exit()
 * (svio_iommu_grace.h), and keeps no translation across them.
 */
#ifndef SVIO_IOMMU_WALK_H
#define SVIO_IOMMU_WALK_H

#include <stdint.h>

#define SVIO_PTE_PRESENT      0x1ull
#define SVIO_PTE_LEAF         0x2ull
#define SVIO_PTE_READ         0x4ull
#define SVIO_PTE_WRITE        0x8ull
#define SVIO_PTE_FIRST        0x10ull
#define SVIO_PTE_TABLE_MASK   0x00000ffffffff000ull
#define SVIO_PTE_OFFSET_MASK  0x00003ffffffff000ull
#define SVIO_PTE_OBJECT_SHIFT 48

/* What a leaf gives: [object, offset] for bytes bytes from the address asked for. */
struct svio_iommu_run {
	uint64_t offset;
	uint64_t bytes; /* to the end of the leaf's page, at least 1 */
	uint32_t object;
};

enum svio_iommu_fault_reason {
	SVIO_IOMMU_OK = 0,
	SVIO_IOMMU_FAULT_UNMAPPED = 1,
	SVIO_IOMMU_FAULT_RIGHTS = 2,
	SVIO_IOMMU_FAULT_RANGE = 3,  /* address beyond 2^48, or address + length wraps */
	SVIO_IOMMU_FAULT_OBJECT = 4, /* the object is not there (recorded by the port) */
	SVIO_IOMMU_FAULT_GRANT = 5,  /* the guest's own first stage does not grant it (firmware) */
};

static inline uint64_t svio_iommu_entry(const void *arena, uint64_t page, uint32_t index)
{
	const uint64_t *table = (const uint64_t *)((const char *)arena + (page << 12));

	return __atomic_load_n(&table[index], __ATOMIC_ACQUIRE);
}

/*
 * Translate one address of a domain for one access.
 *
 * arena: as mapped here. rights: SVIO_IOMMU_READ and/or _WRITE (svio_iommu.h),
 * the bits 0x1 and 0x2. On SVIO_IOMMU_OK *run is set; else it is untouched.
 */
static inline enum svio_iommu_fault_reason svio_iommu_walk(const void *arena, uint32_t domain,
							   uint64_t iova, uint32_t rights,
							   struct svio_iommu_run *run)
{
	uint64_t need = (uint64_t)rights << 2;
	uint64_t entry;
	int level;

	if (iova >> 48)
		return SVIO_IOMMU_FAULT_RANGE;
	entry = svio_iommu_entry(arena, 0, domain);
	for (level = 3; level >= 0; level--) {
		uint32_t shift = 12 + 9 * (uint32_t)level;

		if (!(entry & SVIO_PTE_PRESENT))
			return SVIO_IOMMU_FAULT_UNMAPPED;
		entry = svio_iommu_entry(arena, (entry & SVIO_PTE_TABLE_MASK) >> 12,
					 (uint32_t)(iova >> shift) & 511);
		if (entry & SVIO_PTE_LEAF) {
			uint64_t mask = (1ull << shift) - 1;

			if ((entry & need) != need)
				return SVIO_IOMMU_FAULT_RIGHTS;
			run->offset = (entry & SVIO_PTE_OFFSET_MASK) + (iova & mask);
			run->bytes = mask + 1 - (iova & mask);
			run->object = (uint32_t)(entry >> SVIO_PTE_OBJECT_SHIFT);
			return SVIO_IOMMU_OK;
		}
	}
	return SVIO_IOMMU_FAULT_UNMAPPED;
}

#endif /* SVIO_IOMMU_WALK_H */
