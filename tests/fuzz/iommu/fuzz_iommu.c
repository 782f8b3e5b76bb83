/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz the IOMMU's writer: each 32 bytes of input are one call with arguments
 * as they come, its result and what then translates compared with the naive
 * model of tests/property.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommu_model.h"
#include "svio_iommu.h"
#include "svio_iommu_walk.h"

#define ARENA_PAGES 64
#define BUDGET      60

struct input {
	uint64_t iova;
	uint64_t bytes;
	uint64_t offset;
	uint16_t object;
	uint8_t rights;
	uint8_t call;
	uint32_t domain_xor; /* 0: the domain that exists */
};

static _Alignas(SVIO_IOMMU_PAGE_BYTES) uint8_t arena[ARENA_PAGES * SVIO_IOMMU_PAGE_BYTES];
static struct iommu_model model;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static bool bad_arguments(const struct input *in)
{
	return in->bytes == 0 || ((in->iova | in->bytes | in->offset) & 4095) || in->rights == 0 ||
	       in->rights > 3 || in->object == 0 || in->domain_xor;
}

static void fuzz_map(struct svio_iommu *iommu, svio_iommu_domain domain, const struct input *in)
{
	struct svio_iommu_mapping m = { in->iova, in->bytes, in->offset, in->object, in->rights };
	int got = svio_iommu_map(iommu, domain ^ in->domain_xor, in->iova, in->bytes, in->object,
				 in->offset, in->rights);

	if (bad_arguments(in)) {
		require(got == -EINVAL);
	} else if (in->iova >> 48 || in->bytes >> 48 || in->offset >> 46) {
		require(got == -EOVERFLOW);
	} else if (got == -ENOSPC) {
		require(iommu_model_map(&model, &m, false) == 0);
	} else if (model.count < IOMMU_MODEL_MAPPINGS) {
		require(got == iommu_model_map(&model, &m, true));
	} else {
		require(got != 0 || svio_iommu_unmap(iommu, domain, m.iova, m.iova + m.bytes - 1,
						     NULL, NULL, NULL) == 0);
	}
}

static void fuzz_unmap(struct svio_iommu *iommu, svio_iommu_domain domain, const struct input *in)
{
	uint64_t last = in->iova + in->bytes - 1;
	uint64_t expected = 0;
	uint64_t unmapped = 0;
	int got = svio_iommu_unmap(iommu, domain ^ in->domain_xor, in->iova, last, NULL, NULL,
				   &unmapped);

	if (in->iova > last || ((in->iova | in->bytes) & 4095) || in->domain_xor) {
		require(got == -EINVAL);
		return;
	}
	require(got == iommu_model_unmap(&model, in->iova, last, &expected));
	require(got || unmapped == expected);
}

static void check_address(svio_iommu_domain domain, uint64_t iova, uint32_t rights)
{
	const struct svio_iommu_mapping *m = iommu_model_find(&model, iova);
	struct svio_iommu_run run = { 0 };
	enum svio_iommu_fault_reason got = svio_iommu_walk(arena, domain, iova, rights, &run);

	if (iova >> 48)
		require(got == SVIO_IOMMU_FAULT_RANGE);
	else if (!m)
		require(got == SVIO_IOMMU_FAULT_UNMAPPED);
	else if ((m->rights & rights) != rights)
		require(got == SVIO_IOMMU_FAULT_RIGHTS);
	else
		require(got == SVIO_IOMMU_OK && run.object == m->object &&
			run.offset == m->offset + (iova - m->iova) &&
			run.bytes <= m->iova + m->bytes - iova && run.bytes > 0);
}

static void check_mappings(const struct svio_iommu *iommu, svio_iommu_domain domain)
{
	struct svio_iommu_mapping found = { 0 };
	struct svio_iommu_domain_stats stats;
	uint32_t i;

	require(svio_iommu_domain_stats_get(iommu, domain, &stats) == 0);
	require(stats.mappings == model.count && stats.mapped_bytes == model.mapped_bytes);
	require(stats.table_pages == iommu_model_tables(&model, NULL));
	for (i = 0; i < model.count; i++) {
		require(svio_iommu_mapping_next(iommu, domain, found.iova + found.bytes, &found) ==
			0);
		require(memcmp(&found, &model.mapping[i], sizeof(found)) == 0);
	}
}

static void fuzz_call(struct svio_iommu *iommu, svio_iommu_domain domain, const struct input *in)
{
	switch (in->call % 4) {
	case 0:
	case 1:
		fuzz_map(iommu, domain, in);
		break;
	case 2:
		fuzz_unmap(iommu, domain, in);
		break;
	default:
		svio_iommu_reclaim(iommu);
	}
	check_address(domain, in->iova, in->rights & 3);
	check_address(domain, in->iova + in->bytes - 1, 0);
	check_address(domain, in->iova + in->bytes, 0);
	check_address(domain, in->offset, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint64_t state[4096];
	struct svio_iommu *iommu;
	svio_iommu_domain domain;
	uint32_t pages;

	require(svio_iommu_state_bytes(sizeof(arena)) <= sizeof(state));
	memset(&model, 0, sizeof(model));
	iommu = svio_iommu_init(state, arena, sizeof(arena), 2);
	require(iommu && svio_iommu_domain_create(iommu, BUDGET, &domain) == 0);
	pages = svio_iommu_pages_free(iommu);
	for (; size >= sizeof(struct input); size -= sizeof(struct input)) {
		struct input in;

		memcpy(&in, data, sizeof(in));
		data += sizeof(in);
		fuzz_call(iommu, domain, &in);
	}
	check_mappings(iommu, domain);
	svio_iommu_domain_destroy(iommu, domain);
	svio_iommu_reclaim(iommu);
	require(svio_iommu_pages_free(iommu) == pages);
	for (uint32_t i = 0; i < sizeof(arena); i++)
		require(arena[i] == 0);
	return 0;
}
