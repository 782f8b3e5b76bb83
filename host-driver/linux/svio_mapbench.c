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

/* Map and unmap PAGES_A_ROUND pages by the DMA API, @batch at a time; ns for one, or -errno. */
static s64 time_dma(struct device *dev, struct page *page, u32 batch)
{
	u64 start = ktime_get_ns();
	dma_addr_t dma[BATCH_MAX];
	u32 done, i;

	for (done = 0; done < PAGES_A_ROUND; done += batch) {
		for (i = 0; i < batch; i++) {
			dma[i] = dma_map_page(dev, page + i, 0, PAGE_SIZE, DMA_TO_DEVICE);
			if (dma_mapping_error(dev, dma[i]))
				return -ENOMEM;
		}
		for (i = 0; i < batch; i++)
			dma_unmap_page(dev, dma[i], PAGE_SIZE, DMA_TO_DEVICE);
	}
	return (ktime_get_ns() - start) / PAGES_A_ROUND;
}

/* The same by grants and revocations, each batch waited for once. */
static s64 time_map(struct svio_map *map, struct page *page, u32 batch)
{
	struct device *dev = svio_map_device(map);
	u64 start = ktime_get_ns();
	dma_addr_t dma[BATCH_MAX];
	u32 done, i;

	for (done = 0; done < PAGES_A_ROUND; done += batch) {
		for (i = 0; i < batch; i++) {
			dma[i] = dma_map_page(dev, page + i, 0, PAGE_SIZE, DMA_TO_DEVICE);
			if (dma_mapping_error(dev, dma[i]))
				return -ENOMEM;
		}
		for (i = 0; i < batch; i++)
			while (!svio_map_revoke(map, dma[i], PAGE_SIZE))
				svio_map_wait(map, svio_map_ring(map));
		svio_map_wait(map, svio_map_ring(map));
	}
	return (ktime_get_ns() - start) / PAGES_A_ROUND;
}

static int run(struct svio *svio, u32 rounds)
{
	struct device *dev = &svio->pdev->dev;
	struct svio_map *map = svio_map_bench_begin(svio);
	struct page *page;
	u32 round, batch;

	if (IS_ERR(map))
		return PTR_ERR(map);
	page = alloc_pages(GFP_KERNEL, ilog2(BATCH_MAX));
	for (round = 0; page && round < rounds; round++)
		for (batch = 1; batch <= BATCH_MAX; batch = batch == 1 ? 8 : batch * 4)
			dev_info(dev, "BENCH: batch %u dma %lld map %lld\n", batch,
				 time_dma(dev, page, batch), time_map(map, page, batch));
	svio_map_bench_end(svio, map);
	if (page)
		__free_pages(page, ilog2(BATCH_MAX));
	return 0;
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
