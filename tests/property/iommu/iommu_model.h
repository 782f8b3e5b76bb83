/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a domain should do, written to be obviously right: a list of mappings in
 * the order of their addresses, searched from the front each time. Also counts
 * the tables that the mappings need, leaf by leaf.
 */
#ifndef IOMMU_MODEL_H
#define IOMMU_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_iommu.h"

#define IOMMU_MODEL_MAPPINGS 512

struct iommu_model {
	uint32_t count;
	uint64_t mapped_bytes;
	struct svio_iommu_mapping mapping[IOMMU_MODEL_MAPPINGS];
};

/* The errors of svio_iommu_map() but for -ENOSPC; adds the mapping if commit. */
int iommu_model_map(struct iommu_model *model, const struct svio_iommu_mapping *mapping,
		    bool commit);

/* The errors of svio_iommu_unmap(). */
int iommu_model_unmap(struct iommu_model *model, uint64_t iova, uint64_t last,
		      uint64_t *unmapped_bytes);

/* The mapping that iova lies in, or NULL. */
const struct svio_iommu_mapping *iommu_model_find(const struct iommu_model *model, uint64_t iova);

/* Table pages for all mappings, and extra (or NULL) besides. */
uint32_t iommu_model_tables(const struct iommu_model *model,
			    const struct svio_iommu_mapping *extra);

#endif /* IOMMU_MODEL_H */
