/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The first stage: a VIF's window, which its guest fills by the map queue.
 *
 * A flat table in the segment, one word a page (struct svio_host_map): a grant or a
 * revocation is a store, a look-up is a load, nothing is allocated, and what a guest can
 * make the host hold is bounded by the table. It says what the guest has granted and
 * nothing more: what it leads to is an I/O address, which the second stage, sviod's
 * tables, translates and checks at every access.
 */
#ifndef SVIO_FW_STAGE_H
#define SVIO_FW_STAGE_H

#include "fw.h"
#include "svio_iommu_walk.h"

#define FW_STAGE_PAGE_MASK ((1ull << SVIO_MAP_PAGE_LG2) - 1)

/*
 * Where a device address leads: *page is the I/O address of its page. rights:
 * SVIO_MAP_READ or _WRITE (FW_READ, FW_WRITE). SVIO_IOMMU_OK, or why not.
 */
static inline enum svio_iommu_fault_reason fw_stage_find(const struct fw_vif *vif, uint64_t addr,
							 uint32_t rights, uint64_t *page)
{
	uint64_t entry;

	if (addr >> SVIO_MAP_PAGE_LG2 >= SVIO_MAP_PAGES_MAX)
		return SVIO_IOMMU_FAULT_GRANT;
	entry = __atomic_load_n(&vif->map->page[addr >> SVIO_MAP_PAGE_LG2], __ATOMIC_RELAXED);
	if (!entry)
		return SVIO_IOMMU_FAULT_GRANT;
	if ((entry & rights) != rights)
		return SVIO_IOMMU_FAULT_RIGHTS;
	*page = entry & ~FW_STAGE_PAGE_MASK;
	return SVIO_IOMMU_OK;
}

/*
 * Grant pages [page, page + pages) of the window, which are within it: the first leads to
 * the I/O address in entry, which has rights in its low bits, the others to those that follow.
 * All or nothing. The entry of the map queue that is carried out is noted as begun first: repeat
 * says that an earlier firmware has done so, and then pages that hold just that already are no
 * mistake. False: one is granted already.
 */
bool fw_stage_grant(struct svio_fw *fw, struct fw_vif *vif, uint32_t page, uint32_t pages,
		    uint64_t entry, bool repeat);

/*
 * Take pages back, all or nothing. repeat: those that are gone are no mistake. False: one was
 * not granted. Translations are dropped; pointers that were made of them are
 * not: nothing may tell the guest before the section has ended (fw_mapq.c).
 */
bool fw_stage_revoke(struct svio_fw *fw, struct fw_vif *vif, uint32_t page, uint32_t pages,
		     bool repeat);

/* Nothing that was looked up through the first stage is used any more. */
static inline void fw_stage_forget(struct fw_vif *vif)
{
	uint32_t i;

	for (i = 0; i < FW_TRANSLATIONS; i++)
		vif->translation[i].era = 0;
}

/* Take all back. */
void fw_stage_clear(struct svio_fw *fw, struct fw_vif *vif);

#endif /* SVIO_FW_STAGE_H */
