// SPDX-License-Identifier: GPL-2.0-only
#include "svio_stale.h"

#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/moduleparam.h>

#include "svio.h"

/*
 * An unmapped address may be given out again at once, and its use would then be
 * no fault. The kernel keeps free addresses by size; no packet has this one.
 */
#define STALE_ORDER 5

static unsigned int stale_read;
module_param(stale_read, uint, 0600);
MODULE_PARM_DESC(stale_read, "the device reads one page after its unmap (TEST BUILD)");

static unsigned int stale_write;
module_param(stale_write, uint, 0600);
MODULE_PARM_DESC(stale_write, "the device writes one page after its unmap (TEST BUILD)");

dma_addr_t svio_stale_dma(struct svio *svio, enum dma_data_direction direction, u16 qid,
			  dma_addr_t dma)
{
	const bool read = direction == DMA_TO_DEVICE;
	unsigned int *wanted = read ? &stale_read : &stale_write;
	struct device *dev = svio->dma_dev;
	struct page *pages;
	dma_addr_t stale;

	if (likely(!READ_ONCE(*wanted)) || !xchg(wanted, 0))
		return dma;
	pages = alloc_pages(GFP_ATOMIC, STALE_ORDER);
	if (!pages)
		return dma;
	stale = dma_map_page(dev, pages, 0, PAGE_SIZE << STALE_ORDER, direction);
	if (!dma_mapping_error(dev, stale)) {
		dma_unmap_page(dev, stale, PAGE_SIZE << STALE_ORDER, direction);
		dev_notice(dev, "TEST: %s queue %u is given %#llx, which is unmapped\n",
			   read ? "transmit" : "receive", qid, (u64)stale);
		dma = stale;
	}
	__free_pages(pages, STALE_ORDER);
	return dma;
}
