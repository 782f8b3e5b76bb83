/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the side that writes. Domains, their page tables, map and unmap.
 *
 * A domain translates I/O addresses (what a guest's driver hands to its VIF)
 * to memory objects (a file descriptor the hypervisor passed, known here by a
 * number) and an offset in them. No memory of a guest is mapped by this code.
 *
 * All tables live in one arena, a block of shared memory that refers to itself
 * by page numbers only. One process writes it (this header); the firmware maps
 * it read-only and walks it without locks (svio_iommu_walk.h). An entry is
 * published by one aligned 64-bit store after everything it refers to.
 *
 * The page tables are also the list of mappings: the first leaf of each mapping
 * carries a mark (SVIO_PTE_FIRST), so a mapping is that leaf and the unmarked
 * ones that follow it. Costs: map and unmap take time linear in the leaves that
 * they write or clear, whatever else is mapped; a search skips what is empty by
 * whole tables.
 *
 * Pure library: no libc beyond mem*, no allocation, no clock, no threads. The
 * caller serialises all calls on one arena. "last" is inclusive.
 */
#ifndef SVIO_IOMMU_H
#define SVIO_IOMMU_H

#include <stddef.h>
#include <stdint.h>

#define SVIO_IOMMU_PAGE_LG2       12
#define SVIO_IOMMU_PAGE_BYTES     (1u << SVIO_IOMMU_PAGE_LG2)
#define SVIO_IOMMU_ADDRESS_LG2    48    /* I/O addresses are below 2^48 */
#define SVIO_IOMMU_OBJECTS_MAX    65535 /* object numbers 1..65535; 0 is none */
#define SVIO_IOMMU_OBJECT_LG2_MAX 46    /* bytes of one object */

#define SVIO_IOMMU_READ  0x1u
#define SVIO_IOMMU_WRITE 0x2u

struct svio_iommu; /* the writer's state, in the caller's memory */

/* A domain; 0 is none. The value is what svio_host_vif_config.domain holds. */
typedef uint32_t svio_iommu_domain;

/* Bytes of writer state for an arena of arena_bytes: about 1 % of it. */
size_t svio_iommu_state_bytes(size_t arena_bytes);

/*
 * Start with an empty arena.
 *
 * state: svio_iommu_state_bytes() bytes, 8-aligned, private to the caller, any content. Only
 *	what is used gets touched: an arena may be sparse and far larger than needed.
 * arena: page-aligned, arena_bytes a multiple of the page size (at most 2^44), zero-filled.
 * domains_max: how many domains may exist at once, at least 1.
 * Returns the writer (it is at state), or NULL where an argument is wrong or the arena has
 * less than one page a domain besides the root tables, which take domains_max + 1.
 */
struct svio_iommu *svio_iommu_init(void *state, void *arena, size_t arena_bytes,
				   uint32_t domains_max);

/*
 * Make a domain that maps nothing and may use at most pages_max table pages besides its root.
 * 0 on success; -ENOSPC: domains_max exist; -EINVAL: pages_max is 0.
 */
int svio_iommu_domain_create(struct svio_iommu *iommu, uint32_t pages_max,
			     svio_iommu_domain *domain);

/*
 * Give back a domain and all its tables, at once. No reader may be inside it: it was taken from
 * its VIF and a grace period has passed. Cannot fail; no such domain: nothing happens.
 */
void svio_iommu_domain_destroy(struct svio_iommu *iommu, svio_iommu_domain domain);

/*
 * Map [iova, iova + bytes) to object at offset, with rights.
 *
 * Everything page-aligned; the largest pages that fit are chosen. All or
 * nothing: it is all checked before the first entry is written. 0; -EINVAL: zero
 * or misaligned size, address or offset, no or unknown rights, no such domain,
 * object out of range; -EOVERFLOW: iova or offset wraps or leaves its range;
 * -EEXIST: overlaps a mapping; -ENOSPC: the domain's page budget or the arena is
 * used up (pages that wait for svio_iommu_reclaim() count as the arena's, not as
 * the domain's).
 */
int svio_iommu_map(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		   uint64_t bytes, uint32_t object, uint64_t offset, uint32_t rights);

/*
 * Called for each mapping that an unmap takes away, exactly as it was mapped, after its entries
 * were cleared. It must not call this library.
 */
typedef void (*svio_iommu_unmapped_fn)(void *context, uint64_t iova, uint64_t bytes,
				       uint32_t object);

/*
 * Take away all mappings that lie wholly in [iova, last].
 *
 * A mapping is what one svio_iommu_map() made. 0, also when there is none:
 * *unmapped_bytes tells. last may be anything up to UINT64_MAX. unmapped and
 * unmapped_bytes may be NULL. -EINVAL where a mapping would be split (nothing is
 * changed), iova > last, iova or last + 1 not page-aligned, no such domain. The
 * entries are gone when this returns; a reader may still use what it read before: wait for a grace period
 * (svio_iommu_grace.h) before the memory's owner is told, and before
 * svio_iommu_reclaim().
 */
int svio_iommu_unmap(struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
		     uint64_t last, svio_iommu_unmapped_fn unmapped, void *context,
		     uint64_t *unmapped_bytes);

/* After a grace period: table pages that unmaps have emptied may be used again. */
void svio_iommu_reclaim(struct svio_iommu *iommu);

/* Table pages that a map may take now, whatever the domain. */
uint32_t svio_iommu_pages_free(const struct svio_iommu *iommu);

/* One mapping, for listings and replay. */
struct svio_iommu_mapping {
	uint64_t iova;
	uint64_t bytes;
	uint64_t offset;
	uint32_t object;
	uint32_t rights;
};

/*
 * The first mapping that starts at or after iova. 0; -ENOENT: none; -EINVAL: no
 * such domain. Iterate with iova = found.iova + found.bytes.
 */
int svio_iommu_mapping_next(const struct svio_iommu *iommu, svio_iommu_domain domain, uint64_t iova,
			    struct svio_iommu_mapping *found);

struct svio_iommu_domain_stats {
	uint64_t mapped_bytes;
	uint32_t mappings;
	uint32_t table_pages; /* besides the root */
	uint32_t table_pages_max;
};

/* Leaves of 4 KiB, 2 MiB and 1 GiB. All tables are read. 0; -EINVAL: no such domain. */
int svio_iommu_leaves_count(const struct svio_iommu *iommu, svio_iommu_domain domain,
			    uint64_t leaves[3]);

/* 0; -EINVAL: no such domain. */
int svio_iommu_domain_stats_get(const struct svio_iommu *iommu, svio_iommu_domain domain,
				struct svio_iommu_domain_stats *stats);

#endif /* SVIO_IOMMU_H */
