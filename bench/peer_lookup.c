/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Other ways to find what is behind an I/O address, to compare with: both keep
 * the regions as they were mapped, so that a lookup takes longer the more there
 * are.
 *
 *   sorted  an array in the order of addresses, searched by halves, as DPDK's vhost
 *           library searches a guest's pages
 *   tree    a red-black tree (glibc's), as interval trees of vhost in the kernel
 *           and of device emulators are
 *
 * Neither protects anything by itself: rights, sub-pages and readers beside a
 * writer are left out.
 */
#include <err.h>
#include <search.h>
#include <stdlib.h>

#include "bench_iommu.h"

struct region {
	uint64_t iova;
	uint64_t last;
	uint64_t offset;
	uint64_t object;
};

struct regions {
	uint32_t count;
	void *root; /* of the tree */
	struct region region[];
};

static struct regions *make_regions(const struct iommu_case *c)
{
	struct regions *regions = malloc(sizeof(*regions) + c->maps * sizeof(struct region));

	if (!regions)
		err(1, "regions");
	regions->count = c->maps;
	regions->root = NULL;
	for (uint32_t i = 0; i < c->maps; i++)
		regions->region[i] =
			(struct region){ .iova = IOMMU_IOVA + i * c->map_bytes,
					 .last = IOMMU_IOVA + (i + 1) * c->map_bytes - 1,
					 .offset = iommu_case_offset(c, i),
					 .object = iommu_case_object(i) };
	return regions;
}

static void *open_sorted(const struct iommu_case *c)
{
	return make_regions(c);
}

static const struct region *find_sorted(const struct regions *regions, uint64_t iova)
{
	uint32_t low = 0;
	uint32_t high = regions->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct region *region = &regions->region[middle];

		if (iova < region->iova)
			high = middle;
		else if (iova > region->last)
			low = middle + 1;
		else
			return region;
	}
	return NULL;
}

static uint64_t run_sorted(void *subject, const uint64_t *iovas, uint32_t count)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct region *region = find_sorted(subject, iovas[i]);

		if (region)
			sum += region->offset + (iovas[i] - region->iova) + region->object;
	}
	return sum;
}

/* A range of one byte meets the region that it lies in. */
static int compare_regions(const void *a, const void *b)
{
	const struct region *x = a;
	const struct region *y = b;

	if (x->last < y->iova)
		return -1;
	return x->iova > y->last;
}

static void *open_tree(const struct iommu_case *c)
{
	struct regions *regions = make_regions(c);
	uint32_t step = 7919; /* prime: another order than that of the addresses */

	for (uint32_t i = 0; i < c->maps; i++) {
		struct region *region = &regions->region[(uint64_t)i * step % c->maps];

		if (!tsearch(region, &regions->root, compare_regions))
			err(1, "tree");
	}
	return regions;
}

static uint64_t run_tree(void *subject, const uint64_t *iovas, uint32_t count)
{
	struct regions *regions = subject;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct region key = { .iova = iovas[i], .last = iovas[i] };
		struct region **found = tfind(&key, &regions->root, compare_regions);

		if (found)
			sum += (*found)->offset + (iovas[i] - (*found)->iova) + (*found)->object;
	}
	return sum;
}

static void close_tree(void *subject)
{
	struct regions *regions = subject;

	for (uint32_t i = 0; i < regions->count; i++)
		tdelete(&regions->region[i], &regions->root, compare_regions);
	free(regions);
}

const struct iommu_subject iommu_subject_sorted = { "sorted", false, open_sorted, run_sorted,
						    free };
const struct iommu_subject iommu_subject_tree = { "tree", false, open_tree, run_tree, close_tree };
