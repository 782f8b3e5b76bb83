/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_dma.h"

#include <string.h>

#include "fw_mapq.h"
#include "fw_stage.h"

enum svio_error fw_dma_error(enum svio_iommu_fault_reason reason)
{
	switch (reason) {
	case SVIO_IOMMU_FAULT_RIGHTS:
		return SVIO_ERROR_DMA_RIGHTS;
	case SVIO_IOMMU_FAULT_RANGE:
		return SVIO_ERROR_DMA_RANGE;
	case SVIO_IOMMU_FAULT_OBJECT:
		return SVIO_ERROR_MEMORY_GONE;
	default:
		return SVIO_ERROR_DMA_UNMAPPED;
	}
}

enum svio_iommu_fault_reason fw_dma_translate_direct(struct svio_fw *fw, struct fw_vif *vif,
						     uint64_t iova, uint32_t rights,
						     struct fw_translation *translation)
{
	struct svio_iommu_run found;
	enum svio_iommu_fault_reason reason;
	uint64_t object_bytes;
	uint64_t before;
	char *base;

	if (!vif->domain)
		return SVIO_IOMMU_FAULT_UNMAPPED;
	vif->slot->walks++;
	reason = svio_iommu_walk(fw->tables, vif->domain, iova, rights, &found);
	if (reason != SVIO_IOMMU_OK)
		return reason;
	base = svio_hal_object(fw->hal, found.object);
	object_bytes = svio_hal_object_bytes(fw->hal, found.object);
	if (!base || found.offset >= object_bytes)
		return SVIO_IOMMU_FAULT_OBJECT;
	before = iova & ((1ull << found.page_lg2) - 1);
	if (found.bytes > object_bytes - found.offset)
		found.bytes = object_bytes - found.offset;
	translation->era = fw->era;
	translation->end = iova + found.bytes;
	translation->bytes = before + found.bytes;
	translation->from_iova = (uintptr_t)base + found.offset - iova;
	return SVIO_IOMMU_OK;
}

/*
 * Both stages, a page at a time. A driver need not wait until a grant is carried out: what it
 * put on the map queue before the address counts.
 */
static enum svio_iommu_fault_reason translate_staged(struct svio_fw *fw, struct fw_vif *vif,
						     uint64_t addr, uint32_t rights,
						     struct fw_translation *translation)
{
	enum svio_iommu_fault_reason reason;
	uint32_t within = (uint32_t)(addr & FW_STAGE_PAGE_MASK);
	struct fw_run run;
	uint64_t page;

	reason = fw_stage_find(vif, addr, rights, &page);
	if (reason != SVIO_IOMMU_OK && fw_mapq_catch_up(fw, vif))
		reason = fw_stage_find(vif, addr, rights, &page);
	if (reason == SVIO_IOMMU_OK)
		reason = fw_dma_find_direct(fw, vif, page, FW_STAGE_PAGE_MASK + 1, rights, &run);
	if (reason != SVIO_IOMMU_OK)
		return reason;
	if (run.bytes <= within)
		return SVIO_IOMMU_FAULT_OBJECT; /* it ends within the page */
	if (rights == FW_WRITE && vif->dirty)
		svio_iommu_dirty_mark(vif->dirty, page, run.bytes);
	translation->era = fw->era;
	translation->end = addr - within + run.bytes;
	translation->bytes = run.bytes;
	translation->from_iova = (uintptr_t)run.data - (addr - within);
	return SVIO_IOMMU_OK;
}

enum svio_iommu_fault_reason fw_dma_translate(struct svio_fw *fw, struct fw_vif *vif, uint64_t iova,
					      uint32_t rights, struct fw_translation *translation)
{
	if (__builtin_expect(vif->staged, 0))
		return translate_staged(fw, vif, iova, rights, translation);
	return fw_dma_translate_direct(fw, vif, iova, rights, translation);
}

enum svio_error fw_dma_fault(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
			     uint32_t bytes, uint32_t rights, enum svio_iommu_fault_reason reason)
{
	struct svio_iommu_fault fault = {
		.time_ns = fw->now_ns,
		.iova = iova,
		.bytes = bytes,
		.vif = ref->vif->id,
		.queue = (uint16_t)(ref->kind << 8 | ref->qid),
		.access = (uint8_t)rights,
		.reason = (uint8_t)reason,
	};

	fw_count(ref->vif, SVIO_COUNTER_dma_faults, 1);
	if (svio_iommu_fault_allow(&ref->vif->fault_limit, fw->now_ns, &fault.suppressed))
		svio_iommu_fault_add(fw->faults, &fault);
	return fw_dma_error(reason);
}

/* fw_dma_find() as a queue of this kind has it. */
static enum svio_iommu_fault_reason find_for(struct svio_fw *fw, const struct fw_qref *ref,
					     uint64_t iova, uint32_t bytes, uint32_t rights,
					     struct fw_run *run)
{
	return ref->kind >= SVIO_QUEUE_ADMIN
		       ? fw_dma_find_direct(fw, ref->vif, iova, bytes, rights, run)
		       : fw_dma_find(fw, ref->vif, iova, bytes, rights, run);
}

bool fw_dma_mapped(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova, uint32_t bytes,
		   uint32_t rights)
{
	struct fw_run run;

	while (bytes) {
		if (find_for(fw, ref, iova, bytes, rights, &run) != SVIO_IOMMU_OK)
			return false;
		iova += run.bytes;
		bytes -= run.bytes;
	}
	return true;
}

enum svio_error fw_dma_read(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova, void *to,
			    uint32_t bytes)
{
	char *out = to;

	while (bytes) {
		struct fw_run run;
		enum svio_iommu_fault_reason reason = find_for(fw, ref, iova, bytes, FW_READ, &run);

		if (reason != SVIO_IOMMU_OK)
			return fw_dma_fault(fw, ref, iova, bytes, FW_READ, reason);
		memcpy(out, run.data, run.bytes);
		out += run.bytes;
		iova += run.bytes;
		bytes -= run.bytes;
	}
	return SVIO_ERROR_NONE;
}

enum svio_error fw_dma_write(struct svio_fw *fw, const struct fw_qref *ref, uint64_t iova,
			     const void *from, uint32_t bytes)
{
	enum svio_error error = SVIO_ERROR_NONE;
	const char *in = from;

	while (bytes) {
		struct fw_target target;

		if (!fw_dma_target(fw, ref, iova, bytes, &target, &error))
			return error;
		memcpy(fw_dma_dirty(ref->vif, &target, 0, target.bytes), in, target.bytes);
		in += target.bytes;
		iova += target.bytes;
		bytes -= target.bytes;
	}
	return SVIO_ERROR_NONE;
}

/* Depth-first over the tables below one entry; level 0 holds 4 KiB leaves only. */
static bool table_uses(const void *tables, uint64_t table, int level, uint32_t object)
{
	uint32_t i;

	for (i = 0; i < 512; i++) {
		uint64_t entry = svio_iommu_entry(tables, table, i);

		if (!entry)
			continue;
		if (entry & SVIO_PTE_LEAF) {
			if (entry >> SVIO_PTE_OBJECT_SHIFT == object)
				return true;
		} else if (level > 0 && table_uses(tables, entry, level - 1, object)) {
			return true;
		}
	}
	return false;
}

bool fw_dma_domain_uses(struct svio_fw *fw, uint32_t domain, uint32_t object)
{
	return domain && table_uses(fw->tables, svio_iommu_root(domain), 3, object);
}
