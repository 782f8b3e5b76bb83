/* SPDX-License-Identifier: BSD-3-Clause */
/* See map_model.h. */
#include "map_model.h"

#define PAGE         4096u
#define ADDRESSES    (1ull << 48)
#define OBJECT       (1ull << 46) /* the most that one map may have behind it, also of nothing */
#define LARGEST_PAGE (1ull << 30)
#define FLAG_READ    1u
#define FLAG_WRITE   2u
#define FLAG_ALL     2u

static bool is_aligned(uint64_t value)
{
	return value % PAGE == 0;
}

static bool overlaps(const struct model_map *map, uint64_t iova, uint64_t last)
{
	return map->iova <= last && iova <= map->iova + (map->bytes - 1);
}

static bool memory_fits(const struct model_request *request)
{
	const struct model_memory *memory = request->memory;

	return memory->usable && is_aligned(request->offset) &&
	       (memory->writable || !(request->flags & FLAG_WRITE)) &&
	       request->bytes <= memory->bytes && request->offset <= memory->bytes - request->bytes;
}

bool model_map(struct model *model, const struct model_request *request)
{
	if (request->malformed || request->argsz < 32 || request->flags == 0 || request->flags > 3)
		return false;
	if (request->bytes == 0 || !is_aligned(request->bytes) || !is_aligned(request->iova))
		return false;
	if (request->bytes > ADDRESSES || request->iova > ADDRESSES - request->bytes)
		return false;
	if (request->offset + request->bytes < request->offset) /* whether it counts or not */
		return false;
	if (request->memory ? !memory_fits(request)
			    : request->bytes > OBJECT - request->iova % LARGEST_PAGE)
		return false;
	for (size_t i = 0; i < model->count; i++)
		if (overlaps(&model->maps[i], request->iova, request->iova + (request->bytes - 1)))
			return false;
	model->maps[model->count++] = (struct model_map){ .iova = request->iova,
							  .bytes = request->bytes,
							  .offset = request->offset,
							  .memory = request->memory,
							  .readable = request->flags & FLAG_READ,
							  .writable = request->flags & FLAG_WRITE };
	return true;
}

bool model_unmap(struct model *model, const struct model_request *request)
{
	uint64_t iova = request->iova, last = iova + (request->bytes - 1);
	size_t kept = 0;

	if (request->malformed || request->argsz < 24 || (request->flags & ~FLAG_ALL))
		return false;
	if (request->flags & FLAG_ALL) {
		model->count = 0;
		return true;
	}
	if (request->bytes == 0 || last < iova || !is_aligned(iova) || !is_aligned(request->bytes))
		return false;
	for (size_t i = 0; i < model->count; i++) {
		const struct model_map *map = &model->maps[i];

		if (overlaps(map, iova, last) &&
		    (map->iova < iova || map->iova + (map->bytes - 1) > last))
			return false;
	}
	for (size_t i = 0; i < model->count; i++)
		if (!overlaps(&model->maps[i], iova, last))
			model->maps[kept++] = model->maps[i];
	model->count = kept;
	return true;
}

const struct model_map *model_find(const struct model *model, uint64_t iova)
{
	for (size_t i = 0; i < model->count; i++)
		if (overlaps(&model->maps[i], iova, iova))
			return &model->maps[i];
	return NULL;
}
