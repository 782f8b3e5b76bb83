/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the side that reads, inlined into the firmware's packet path.
 *
 * Format. A table is a page of 512 entries of 64 bits; four levels of 9 bits
 * above 12 bits of offset. Level 0 holds 4 KiB leaves, level 1 may hold 2 MiB
 * leaves, level 2 1 GiB leaves. An entry is
 *   0        nothing is mapped there
 *   a table  where in the arena the next table begins (a multiple of 4096)
 *   a leaf   bit  1      set
 *            bit  2, 3   read, write
 *            bit  4      first leaf of a mapping (for the writer; readers ignore it)
 *            bits 12-45  page number in the object (offset >> 12)
 *            bits 48-63  object number
 * The arena begins with the root tables, of level 3: domain d's is page d and is
 * always there. Domain 0 is none, so page 0 is a table of nothing, never written:
 * an entry of 0 leads there and from there nowhere, and a walk need not look
 * whether an entry is present before it goes on.
 *
 * A reader calls these between svio_iommu_core_enter() and _exit(), and what it finds
 * holds until then; svio_iommu_grace.h says how it may be kept for longer.
 */
#ifndef SVIO_IOMMU_WALK_H
#define SVIO_IOMMU_WALK_H

#include <stdint.h>

#define SVIO_PTE_LEAF         0x2ull
#define SVIO_PTE_READ         0x4ull
#define SVIO_PTE_WRITE        0x8ull
#define SVIO_PTE_FIRST        0x10ull
#define SVIO_PTE_OFFSET_MASK  0x00003ffffffff000ull
#define SVIO_PTE_OBJECT_SHIFT 48

/* What a leaf gives: [object, offset] for bytes bytes from the address asked for. */
struct svio_iommu_run {
	uint64_t offset;
	uint64_t bytes; /* to the end of the leaf's page, at least 1 */
	uint32_t object;
	uint32_t page_lg2; /* of the leaf: 12, 21 or 30 */
};

enum svio_iommu_fault_reason {
	SVIO_IOMMU_OK = 0,
	SVIO_IOMMU_FAULT_UNMAPPED = 1,
	SVIO_IOMMU_FAULT_RIGHTS = 2,
	SVIO_IOMMU_FAULT_RANGE = 3,  /* address beyond 2^48, or address + length wraps */
	SVIO_IOMMU_FAULT_OBJECT = 4, /* the object is not there (recorded by the port) */
	SVIO_IOMMU_FAULT_GRANT = 5,  /* the guest's own first stage does not grant it (firmware) */
};

/* Where a domain's root table begins, in bytes into the arena. */
static inline uint64_t svio_iommu_root(uint32_t domain)
{
	return (uint64_t)domain << 12;
}

/* Entry index of the table that begins at table bytes into the arena. */
static inline uint64_t svio_iommu_entry(const void *arena, uint64_t table, uint64_t index)
{
	/* A table begins at a multiple of its size: put together so, one addition is left. */
	const char *entry = (const char *)arena + (table | index * sizeof(uint64_t));

	return __atomic_load_n((const uint64_t *)(const void *)entry, __ATOMIC_ACQUIRE);
}

/* The entry for an address in the table of the level whose leaves have 2^page_lg2 bytes. */
static inline uint64_t svio_iommu_step(const void *arena, uint64_t table, uint64_t iova,
				       uint32_t page_lg2)
{
	return svio_iommu_entry(arena, table, (iova >> page_lg2) & 511);
}

/* The end of a walk: a leaf, or 0. need: the bits that it must have, SVIO_PTE_LEAF among them. */
static inline enum svio_iommu_fault_reason svio_iommu_leaf(uint64_t entry, uint64_t iova,
							   uint32_t page_lg2, uint64_t need,
							   struct svio_iommu_run *run)
{
	uint64_t within = iova & ((1ull << page_lg2) - 1);

	if ((entry & need) != need)
		return entry ? SVIO_IOMMU_FAULT_RIGHTS : SVIO_IOMMU_FAULT_UNMAPPED;
	run->offset = (entry & SVIO_PTE_OFFSET_MASK) + within;
	run->bytes = (1ull << page_lg2) - within;
	run->object = (uint32_t)(entry >> SVIO_PTE_OBJECT_SHIFT);
	run->page_lg2 = page_lg2;
	return SVIO_IOMMU_OK;
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
	uint64_t need = (uint64_t)rights << 2 | SVIO_PTE_LEAF;
	uint64_t top = iova >> 39;
	uint64_t entry;

	if (top > 511)
		return SVIO_IOMMU_FAULT_RANGE;
	entry = svio_iommu_entry(arena, svio_iommu_root(domain), top);
	entry = svio_iommu_step(arena, entry, iova, 30);
	if (entry & SVIO_PTE_LEAF)
		return svio_iommu_leaf(entry, iova, 30, need, run);
	entry = svio_iommu_step(arena, entry, iova, 21);
	if (entry & SVIO_PTE_LEAF)
		return svio_iommu_leaf(entry, iova, 21, need, run);
	return svio_iommu_leaf(svio_iommu_step(arena, entry, iova, 12), iova, 12, need, run);
}

#endif /* SVIO_IOMMU_WALK_H */
