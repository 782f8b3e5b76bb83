/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware without its walls, to measure what they cost. Put before each of
 * the firmware's sources (-include) when svio-fw-unprotected is built, so that
 * the firmware itself knows no way to leave them out.
 *
 * A VIF's first address is translated; from then on every I/O address is taken to
 * lie at the same distance from its memory. No walk, no cache, no bounds, no
 * rights; and no epochs, since nobody could wait for them: an unmap is not
 * followed at all. Only a guest with one block of memory works on it.
 */
#ifndef BENCH_UNPROTECTED_H
#define BENCH_UNPROTECTED_H

#define fw_dma_find fw_dma_find_protected
#include "fw_lookup.h"
#undef fw_dma_find

#define svio_iommu_core_enter(epoch) ((void)(epoch))
#define svio_iommu_core_exit(epoch)  ((void)(epoch))

#define UNPROTECTED_VIFS 64

static inline enum svio_iommu_fault_reason fw_dma_find(struct svio_fw *fw, struct fw_vif *vif,
						       uint64_t iova, uint32_t bytes,
						       uint32_t rights, struct fw_run *run)
{
	static uint64_t distance[UNPROTECTED_VIFS];
	uint64_t *from_iova = &distance[vif->id % UNPROTECTED_VIFS];

	if (__builtin_expect(!*from_iova, 0)) {
		struct fw_run first;
		enum svio_iommu_fault_reason reason =
			fw_dma_find_protected(fw, vif, iova, bytes, rights, &first);

		if (reason != SVIO_IOMMU_OK)
			return reason;
		*from_iova = (uintptr_t)first.data - iova;
	}
	run->data = (const char *)(uintptr_t)(iova + *from_iova);
	run->bytes = bytes;
	return SVIO_IOMMU_OK;
}

#endif /* BENCH_UNPROTECTED_H */
