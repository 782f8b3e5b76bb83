// SPDX-License-Identifier: GPL-2.0-only
/*
 * Only in a module that is built with SVIO_MAP_BENCH=1: what mapping and unmapping
 * pages costs, by the function's own IOMMU (the guest's, strict or not) and by the
 * map queue, in turns. "echo ROUNDS > /sys/module/svio/parameters/map_bench" while the
 * interface is down; the kernel's log has a line a round and batch.
 */
#include "svio_mapbench.h"

#include <linux/dma-mapping.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "svio.h"

#define PAGES_A_ROUND 256
#define BATCH_MAX 32

static struct svio *target; /* under rtnl */

void svio_mapbench_set(struct svio *svio)
{
	rtnl_lock();
	target = svio;
	rtnl_unlock();
}

/* Map up to @count pages; how many it became. */
static u32 map_pages(struct device *dev, struct page *page, dma_addr_t *dma, u32 count)
{
	u32 i;

	for (i = 0; i < count; i++) {
		dma[i] = dma_map_page(dev, page + i, 0, PAGE_SIZE, DMA_TO_DEVICE);
		if (dma_mapping_error(dev, dma[i]))
			break;
	}
	return i;
}

/* By revocations that are waited for once; without a map queue by the DMA API. */
static void unmap_pages(struct device *dev, struct svio_map *map, const dma_addr_t *dma, u32 count)
{
	u32 i;

	if (!map) {
		for (i = 0; i < count; i++)
			dma_unmap_page(dev, dma[i], PAGE_SIZE, DMA_TO_DEVICE);
		return;
	}
	for (i = 0; i < count; i++)
		while (!svio_map_revoke(map, dma[i], PAGE_SIZE))
			svio_map_wait(map, svio_map_ring(map));
	svio_map_wait(map, svio_map_ring(map));
}

/* Map and unmap PAGES_A_ROUND pages, @batch at a time; ns for one, or -errno. */
static s64 time_pages(struct device *dev, struct svio_map *map, struct page *page, u32 batch)
{
	u64 start = ktime_get_ns();
	dma_addr_t dma[BATCH_MAX];
	u32 done, mapped;

	for (done = 0; done < PAGES_A_ROUND; done += batch) {
		mapped = map_pages(dev, page, dma, batch);
		unmap_pages(dev, map, dma, mapped);
		if (mapped < batch)
			return -ENOMEM;
	}
	return (ktime_get_ns() - start) / PAGES_A_ROUND;
}

static int run_batch(struct svio *svio, struct svio_map *map, struct page *page, u32 batch)
{
	struct device *dev = &svio->pdev->dev;
	const s64 by_dma = time_pages(dev, NULL, page, batch);
	const s64 by_map = time_pages(svio_map_device(map), map, page, batch);

	if (by_dma < 0 || by_map < 0)
		return min(by_dma, by_map);
	dev_info(dev, "BENCH: batch %u dma %lld map %lld\n", batch, by_dma, by_map);
	return 0;
}

static int run_rounds(struct svio *svio, struct svio_map *map, struct page *page, u32 rounds)
{
	static const u32 batches[] = { 1, 8, BATCH_MAX };
	u32 round, i;
	int err;

	for (round = 0; round < rounds; round++) {
		for (i = 0; i < ARRAY_SIZE(batches); i++) {
			err = run_batch(svio, map, page, batches[i]);
			if (err)
				return err;
		}
	}
	return 0;
}

static int run(struct svio *svio, u32 rounds)
{
	struct page *page = alloc_pages(GFP_KERNEL, ilog2(BATCH_MAX));
	struct svio_map *map;
	int err;

	if (!page)
		return -ENOMEM;
	map = svio_map_bench_begin(svio);
	err = PTR_ERR_OR_ZERO(map);
	if (!err) {
		err = run_rounds(svio, map, page, rounds);
		svio_map_bench_end(svio, map);
	}
	__free_pages(page, ilog2(BATCH_MAX));
	return err;
}

static int start(const char *text, const struct kernel_param *parameter)
{
	unsigned int rounds;
	int err = kstrtouint(text, 0, &rounds);

	if (err)
		return err;
	rtnl_lock();
	err = target ? run(target, rounds) : -ENODEV;
	rtnl_unlock();
	return err;
}

static const struct kernel_param_ops bench_ops = { .set = start };
module_param_cb(map_bench, &bench_ops, NULL, 0200);
MODULE_PARM_DESC(map_bench, "compare the map queue with the DMA API, so many rounds (TEST BUILD)");
