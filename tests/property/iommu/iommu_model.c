/* SPDX-License-Identifier: BSD-3-Clause */
#include "iommu_model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool overlap(const struct svio_iommu_mapping *a, const struct svio_iommu_mapping *b)
{
	return a->iova < b->iova + b->bytes && b->iova < a->iova + a->bytes;
}

static void insert(struct iommu_model *model, const struct svio_iommu_mapping *mapping)
{
	uint32_t i = model->count++;

	while (i > 0 && model->mapping[i - 1].iova > mapping->iova) {
		model->mapping[i] = model->mapping[i - 1];
		i--;
	}
	model->mapping[i] = *mapping;
	model->mapped_bytes += mapping->bytes;
}

int iommu_model_map(struct iommu_model *model, const struct svio_iommu_mapping *mapping,
		    bool commit)
{
	uint32_t i;

	if (mapping->iova + mapping->bytes > 1ull << 48 ||
	    mapping->offset + mapping->bytes > 1ull << 46)
		return -EOVERFLOW;
	for (i = 0; i < model->count; i++)
		if (overlap(&model->mapping[i], mapping))
			return -EEXIST;
	if (commit)
		insert(model, mapping);
	return 0;
}

int iommu_model_unmap(struct iommu_model *model, uint64_t iova, uint64_t last,
		      uint64_t *unmapped_bytes)
{
	uint32_t kept = 0;
	uint32_t i;

	for (i = 0; i < model->count; i++) {
		const struct svio_iommu_mapping *m = &model->mapping[i];
		uint64_t m_last = m->iova + m->bytes - 1;
		bool touched = m->iova <= last && m_last >= iova;

		if (touched && (m->iova < iova || m_last > last))
			return -EINVAL;
	}
	*unmapped_bytes = 0;
	for (i = 0; i < model->count; i++) {
		const struct svio_iommu_mapping *m = &model->mapping[i];

		if (m->iova >= iova && m->iova <= last)
			*unmapped_bytes += m->bytes;
		else
			model->mapping[kept++] = *m;
	}
	model->count = kept;
	model->mapped_bytes -= *unmapped_bytes;
	return 0;
}

const struct svio_iommu_mapping *iommu_model_find(const struct iommu_model *model, uint64_t iova)
{
	uint32_t i;

	for (i = 0; i < model->count; i++) {
		const struct svio_iommu_mapping *m = &model->mapping[i];

		if (m->iova <= iova && iova - m->iova < m->bytes)
			return m;
	}
	return NULL;
}

/* A growing set of table names: level in the top bits, region number below. */
struct table_set {
	uint64_t *names;
	size_t count;
	size_t room;
	uint64_t newest[3]; /* of each level: neighbours share their tables */
};

static void add_table(struct table_set *set, unsigned int level, uint64_t iova)
{
	uint64_t name = (uint64_t)level << 60 | iova >> (21 + 9 * level);

	if (set->newest[level] == name)
		return;
	set->newest[level] = name;
	if (set->count == set->room) {
		set->room = set->room ? 2 * set->room : 1024;
		set->names = realloc(set->names, set->room * sizeof(*set->names));
		if (!set->names)
			abort();
	}
	set->names[set->count++] = name;
}

/* A leaf of level needs the tables of its own level and all above, but the root. */
static void add_mapping(struct table_set *set, const struct svio_iommu_mapping *mapping)
{
	uint64_t done = 0;

	while (done < mapping->bytes) {
		uint64_t iova = mapping->iova + done;
		uint64_t aligned = iova | (mapping->offset + done);
		uint64_t left = mapping->bytes - done;
		unsigned int level = 0;
		unsigned int upper;

		if (aligned % (1ull << 30) == 0 && left >= 1ull << 30)
			level = 2;
		else if (aligned % (1ull << 21) == 0 && left >= 1ull << 21)
			level = 1;
		for (upper = level; upper <= 2; upper++)
			add_table(set, upper, iova);
		done += 1ull << (12 + 9 * level);
	}
}

static int compare_names(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

uint32_t iommu_model_tables(const struct iommu_model *model, const struct svio_iommu_mapping *extra)
{
	struct table_set set = { .newest = { UINT64_MAX, UINT64_MAX, UINT64_MAX } };
	uint32_t tables = 0;
	size_t i;

	for (i = 0; i < model->count; i++)
		add_mapping(&set, &model->mapping[i]);
	if (extra)
		add_mapping(&set, extra);
	if (set.count)
		qsort(set.names, set.count, sizeof(*set.names), compare_names);
	for (i = 0; i < set.count; i++)
		tables += i == 0 || set.names[i] != set.names[i - 1];
	free(set.names);
	return tables;
}
