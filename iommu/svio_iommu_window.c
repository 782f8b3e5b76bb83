/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_iommu_window.h"

#include <errno.h>

#include "svio_iommu_walk.h"

#define PAGE_MASK (SVIO_IOMMU_PAGE_BYTES - 1ull)
/* The table says which pages are lent; what they are translated to is the host's business. */
#define OBJECT 1

int svio_iommu_window_open(struct svio_iommu_window *window, void *state, void *arena,
			   size_t arena_bytes, uint32_t pages_max,
			   const struct svio_iommu_host_ops *ops, void *context)
{
	*window = (struct svio_iommu_window){
		.arena = arena, .pages_max = pages_max, .ops = ops, .context = context
	};
	window->iommu = svio_iommu_init(state, arena, arena_bytes, 1);
	if (!window->iommu)
		return -EINVAL;
	return svio_iommu_domain_create(window->iommu, UINT32_MAX, &window->domain);
}

static bool is_lent(const struct svio_iommu_window *window, uint64_t page)
{
	struct svio_iommu_run run;

	return svio_iommu_walk(window->arena, window->domain, page, SVIO_IOMMU_READ, &run) ==
	       SVIO_IOMMU_OK;
}

static int lend_page(struct svio_iommu_window *window, const char *memory)
{
	uint64_t page = (uint64_t)(uintptr_t)memory;
	int status;

	if (window->pages >= window->pages_max)
		return -ENOSPC;
	status = svio_iommu_map(window->iommu, window->domain, page, SVIO_IOMMU_PAGE_BYTES, OBJECT,
				0, SVIO_IOMMU_READ);
	if (status)
		return status;
	status = window->ops->map(window->context, page, memory, SVIO_IOMMU_PAGE_BYTES,
				  SVIO_IOMMU_READ);
	if (status) {
		svio_iommu_unmap(window->iommu, window->domain, page, page | PAGE_MASK, NULL, NULL,
				 NULL);
		svio_iommu_reclaim(window->iommu);
		return status;
	}
	window->pages++;
	window->maps++;
	return 0;
}

bool svio_iommu_window_lend(struct svio_iommu_window *window, const void *memory, uint64_t bytes)
{
	const char *page = (const char *)memory - ((uint64_t)(uintptr_t)memory & PAGE_MASK);
	const char *end = (const char *)memory + bytes;

	for (; page < end; page += SVIO_IOMMU_PAGE_BYTES) {
		int status = is_lent(window, (uint64_t)(uintptr_t)page) ? 0
									: lend_page(window, page);

		if (status == -ENOSPC)
			window->full = true;
		if (status)
			return false;
	}
	return true;
}

/* first and last: of pages; last is inclusive. */
static int revoke(struct svio_iommu_window *window, uint64_t first, uint64_t last)
{
	uint64_t bytes = 0;
	int status =
		svio_iommu_unmap(window->iommu, window->domain, first, last, NULL, NULL, &bytes);

	/* The host last: what fails there must not be taken for lent again. */
	if (!status && bytes > 0) {
		svio_iommu_reclaim(window->iommu);
		window->pages -= (uint32_t)(bytes >> SVIO_IOMMU_PAGE_LG2);
		window->revokes++;
		status = window->ops->unmap(window->context, first, last - first + 1);
	}
	return status;
}

int svio_iommu_window_revoke(struct svio_iommu_window *window, const void *memory, uint64_t bytes)
{
	uint64_t at = (uint64_t)(uintptr_t)memory;

	if (!window->pages || !bytes)
		return 0;
	return revoke(window, at & ~PAGE_MASK, (at + bytes - 1) | PAGE_MASK);
}

/* Between two guests' memory there may be mappings of others: only what touches goes at once. */
int svio_iommu_window_settle(struct svio_iommu_window *window)
{
	struct svio_iommu_mapping found;
	uint64_t first = 0, end = 0;
	int status = 0;

	if (!window->full)
		return 0;
	window->full = false;
	while (!status && !svio_iommu_mapping_next(window->iommu, window->domain, end, &found)) {
		if (found.iova != end && end > first)
			status = revoke(window, first, end - 1);
		if (found.iova != end)
			first = found.iova;
		end = found.iova + found.bytes;
	}
	return !status && end > first ? revoke(window, first, end - 1) : status;
}
