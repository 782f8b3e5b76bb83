/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A lookup: from an address that a queue names to a pointer, through what was translated last.
 * Apart from fw_dma.h, so that a measurement can put another in its place (bench/unprotected).
 */
#ifndef SVIO_FW_LOOKUP_H
#define SVIO_FW_LOOKUP_H

#include "fw.h"
#include "svio_iommu_walk.h"

#define FW_READ  0x1u /* SVIO_IOMMU_READ, which belongs to the writing side's header */
#define FW_WRITE 0x2u

/* A contiguous piece of guest memory, here, to be read. */
struct fw_run {
	const char *data;
	uint32_t bytes; /* at least 1, at most what was asked for */
};

/* The slow half of fw_dma_find(): walk the tables, check the object, remember. */
enum svio_iommu_fault_reason fw_dma_translate(struct svio_fw *fw, struct fw_vif *vif, uint64_t iova,
					      uint32_t rights, struct fw_translation *translation);

/*
 * Which of four translations an address may be in: two of each right, by bit 21 of the address,
 * so that rings and buffers in neighbouring large pages do not oust each other. In bytes: as an
 * index compilers work it out again for each field.
 */
static inline struct fw_translation *fw_dma_slot(struct fw_translation *translations, uint64_t iova,
						 uint32_t rights)
{
	const uint32_t bytes_lg2 = 5;
	char *slots = (char *)&translations[rights == FW_WRITE ? 2 : 0];

	_Static_assert(sizeof(struct fw_translation) == 1u << 5, "bytes_lg2");
	return (struct fw_translation *)(void *)(slots +
						 ((iova >> (21 - bytes_lg2)) & (1u << bytes_lg2)));
}

/* Of this era, and about this address? At the end 0 is left, which wraps. */
static inline bool fw_dma_known(const struct svio_fw *fw, const struct fw_translation *translation,
				uint64_t iova)
{
	return __builtin_expect(
		translation->era == fw->era && translation->end - iova - 1 < translation->bytes, 1);
}

static inline void fw_dma_take(const struct fw_translation *translation, uint64_t iova,
			       uint32_t bytes, struct fw_run *run)
{
	uint64_t left = translation->end - iova;

	/* One addition where a pointer and an offset would be two. */
	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	run->data = (const char *)(uintptr_t)(translation->from_iova + iova);
	run->bytes = left < bytes ? (uint32_t)left : bytes;
}

/*
 * The first contiguous piece of [iova, iova + bytes), bytes > 0, for one right.
 * SVIO_IOMMU_OK and *run, or the reason why not.
 */
static inline enum svio_iommu_fault_reason fw_dma_find(struct svio_fw *fw, struct fw_vif *vif,
						       uint64_t iova, uint32_t bytes,
						       uint32_t rights, struct fw_run *run)
{
	struct fw_translation *translation = fw_dma_slot(vif->translation, iova, rights);
	enum svio_iommu_fault_reason reason;

	if (!fw_dma_known(fw, translation, iova)) {
		reason = fw_dma_translate(fw, vif, iova, rights, translation);
		if (reason != SVIO_IOMMU_OK)
			return reason;
	}
	fw_dma_take(translation, iova, bytes, run);
	return SVIO_IOMMU_OK;
}

#endif /* SVIO_FW_LOOKUP_H */
