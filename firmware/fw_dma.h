/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guest memory: from an address to a pointer, through the VIF's domain and
 * the bounds of the object behind it. Only inside a section; no pointer outlives
 * it.
 *
 * Addresses that a transmit or receive queue names go through both stages when there is a
 * map queue (fw_stage.h); what is remembered covers both, so a hit costs the same. Those of
 * the admin and the map queue are direct: through the domain alone. They are kept apart.
 */
#ifndef SVIO_FW_DMA_H
#define SVIO_FW_DMA_H

#include "fw_lookup.h"

/*
 * A piece that is to be written: fw_dma_dirty() gives the pointer, and nothing else does,
 * so that no write escapes the dirty log.
 */
struct fw_target {
	char *unmarked;
	uint64_t iova; /* in the VIF's domain, for the log; or FW_MARKED */
	uint32_t bytes;
};

/* Behind a first stage whole pages are marked when they are looked up, once an era: reports end it. */
#define FW_MARKED UINT64_MAX

/* The slow half of fw_dma_find_direct(). */
enum svio_iommu_fault_reason fw_dma_translate_direct(struct svio_fw *fw, struct fw_vif *vif,
						     uint64_t iova, uint32_t rights,
						     struct fw_translation *translation);

/* fw_dma_find() past the first stage. */
static inline enum svio_iommu_fault_reason fw_dma_find_direct(struct svio_fw *fw,
							      struct fw_vif *vif, uint64_t iova,
							      uint32_t bytes, uint32_t rights,
							      struct fw_run *run)
{
	struct fw_translation *translation = fw_dma_slot(vif->direct, iova, rights);
	enum svio_iommu_fault_reason reason;

	if (!fw_dma_known(fw, translation, iova)) {
		reason = fw_dma_translate_direct(fw, vif, iova, rights, translation);
		if (reason != SVIO_IOMMU_OK)
			return reason;
	}
	fw_dma_take(translation, iova, bytes, run);
	return SVIO_IOMMU_OK;
}

/* As fw_dma_find(), for writing. */
static inline enum svio_iommu_fault_reason fw_dma_find_target(struct svio_fw *fw,
							      struct fw_vif *vif, uint64_t iova,
							      uint32_t bytes,
							      struct fw_target *target)
{
	struct fw_run run;
	enum svio_iommu_fault_reason reason = fw_dma_find(fw, vif, iova, bytes, FW_WRITE, &run);

	if (reason == SVIO_IOMMU_OK)
		*target = (struct fw_target){ (char *)run.data, vif->staged ? FW_MARKED : iova,
					      run.bytes };
	return reason;
}

static inline enum svio_iommu_fault_reason fw_dma_find_target_direct(struct svio_fw *fw,
								     struct fw_vif *vif,
								     uint64_t iova, uint32_t bytes,
								     struct fw_target *target)
{
	struct fw_run run;
	enum svio_iommu_fault_reason reason =
		fw_dma_find_direct(fw, vif, iova, bytes, FW_WRITE, &run);

	if (reason == SVIO_IOMMU_OK)
		*target = (struct fw_target){ (char *)run.data, iova, run.bytes };
	return reason;
}

/*
 * Where to write bytes (> 0) at an offset of the target, which has so many: now, in
 * this section. Marks them in the dirty log, where there is one.
 */
static inline char *fw_dma_dirty(const struct fw_vif *vif, const struct fw_target *target,
				 uint32_t offset, uint32_t bytes)
{
	if (__builtin_expect(vif->dirty != NULL, 0) && target->iova != FW_MARKED)
		svio_iommu_dirty_mark(vif->dirty, target->iova + offset, bytes);
	return target->unmarked + offset;
}

/* What a fault does to the queue that met it. */
enum svio_error fw_dma_error(enum svio_iommu_fault_reason reason);

/* Record a fault: log (rate-limited), counter. Returns fw_dma_error(reason). */
enum svio_error fw_dma_fault(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
			     uint32_t bytes, uint32_t rights, enum svio_iommu_fault_reason reason);

/*
 * fw_dma_find() for a queue that reads: NULL, fault recorded and *error set, or the piece.
 */
static inline const char *fw_dma_run(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
				     uint32_t bytes, uint32_t *run_bytes, enum svio_error *error)
{
	struct fw_run run;
	enum svio_iommu_fault_reason reason = fw_dma_find(fw, ref->vif, iova, bytes, FW_READ, &run);

	if (__builtin_expect(reason != SVIO_IOMMU_OK, 0)) {
		*error = fw_dma_fault(fw, ref, iova, bytes, FW_READ, reason);
		return NULL;
	}
	*run_bytes = run.bytes;
	return run.data;
}

/* fw_dma_run() for the admin and the map queue. */
static inline const char *fw_dma_run_direct(struct svio_fw *fw, const struct fw_qref *ref,
					    uint64_t iova, uint32_t bytes, uint32_t *run_bytes,
					    enum svio_error *error)
{
	struct fw_run run;
	enum svio_iommu_fault_reason reason =
		fw_dma_find_direct(fw, ref->vif, iova, bytes, FW_READ, &run);

	if (__builtin_expect(reason != SVIO_IOMMU_OK, 0)) {
		*error = fw_dma_fault(fw, ref, iova, bytes, FW_READ, reason);
		return NULL;
	}
	*run_bytes = run.bytes;
	return run.data;
}

/*
 * For a queue that writes, as its kind reaches memory: true and *target; or false, fault recorded
 * and *error set.
 */
static inline bool fw_dma_target(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
				 uint32_t bytes, struct fw_target *target, enum svio_error *error)
{
	enum svio_iommu_fault_reason reason =
		ref->kind >= SVIO_QUEUE_ADMIN
			? fw_dma_find_target_direct(fw, ref->vif, iova, bytes, target)
			: fw_dma_find_target(fw, ref->vif, iova, bytes, target);

	if (__builtin_expect(reason == SVIO_IOMMU_OK, 1))
		return true;
	*error = fw_dma_fault(fw, ref, iova, bytes, FW_WRITE, reason);
	return false;
}

/*
 * All of [iova, iova + bytes) may be accessed so, by a queue of ref's kind. Nothing is
 * recorded.
 */
bool fw_dma_mapped(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova, uint32_t bytes,
		   uint32_t rights);

/*
 * Copy out of and into guest memory, as ref's kind reaches it. SVIO_ERROR_NONE, or the recorded
 * fault's error.
 */
enum svio_error fw_dma_read(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova, void *to,
			    uint32_t bytes);
enum svio_error fw_dma_write(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
			     const void *from, uint32_t bytes);

/* Does the domain map anything of this object? For an object that vanished. */
bool fw_dma_domain_uses(struct svio_fw *fw, uint32_t domain, uint32_t object);

/*
 * Ring entries of 16 bytes, read once each as two 64-bit words. p is 16-aligned
 * (the device checked the ring's alignment).
 */
static inline void fw_dma_read16(void *to, const void *p)
{
	const uint64_t *from = p;
	uint64_t *words = to;

	words[0] = __atomic_load_n(&from[0], __ATOMIC_RELAXED);
	words[1] = __atomic_load_n(&from[1], __ATOMIC_RELAXED);
}

#endif /* SVIO_FW_DMA_H */
