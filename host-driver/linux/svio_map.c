// SPDX-License-Identifier: GPL-2.0-only
#include "svio_map.h"

#include <linux/bitmap.h>
#include <linux/dma-map-ops.h>
#include <linux/dma-mapping.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"

static bool map_queue;
module_param(map_queue, bool, 0444);
MODULE_PARM_DESC(map_queue, "grant pages to the device one by one, where it offers a map queue");

#define RING_LG2 SVIO_MAP_RING_LG2_MAX
#define RING_ENTRIES BIT(RING_LG2)
#define WINDOW_PAGE_BYTES BIT(SVIO_MAP_PAGE_LG2)

/* Far above a pause while the host replaces the device's firmware. */
#define TIMEOUT_NS (5ull * NSEC_PER_SEC)

/* What it takes when both have a core of their own, and some more. */
#define POLL_NS (5ull * NSEC_PER_USEC)

/* A sender does not wait longer than this for room: the packet is dropped. */
#define ROOM_NS (200ull * NSEC_PER_USEC)

#define GONE_WARN_TIME (10 * HZ)

struct svio_map {
	struct device dev;
	struct svio *svio;
	struct completion gone; /* nobody holds dev any more */

	spinlock_t lock; /* all below but status */
	bool up; /* the device has the queue */
	u32 tail; /* entries filled */
	u32 next; /* page of the window where the search goes on */
	u32 pages; /* of the window */
	unsigned long *used; /* pages that somebody has mapped */
	unsigned long *granted; /* of these, those that the device knows: a reset forgets */

	struct svio_map_entry *ring;
	struct svio_map_status *status; /* written by the device */
	dma_addr_t ring_dma;
};

static size_t ring_bytes(void)
{
	return RING_ENTRIES * sizeof(struct svio_map_entry) + sizeof(struct svio_map_status);
}

static u32 read_head(const struct svio_map *map)
{
	return le32_to_cpu(READ_ONCE(map->status->head));
}

static u32 window_pages(u64 address, size_t len)
{
	return DIV_ROUND_UP(address % WINDOW_PAGE_BYTES + len, WINDOW_PAGE_BYTES);
}

/*
 * The ring, under lock
 */

static void put_entry(struct svio_map *map, u64 addr, u32 page, u32 pages, u16 flags)
{
	struct svio_map_entry *entry = &map->ring[map->tail++ % RING_ENTRIES];

	entry->addr = cpu_to_le64(addr);
	entry->page = cpu_to_le32(page);
	entry->pages = cpu_to_le16(pages);
	entry->flags = cpu_to_le16(flags);
}

/* As many entries as the pages take. */
static void put_pages(struct svio_map *map, u64 addr, u32 page, u32 pages, u16 flags)
{
	while (pages) {
		u32 n = min_t(u32, pages, SVIO_MAP_ENTRY_PAGES_MAX);

		put_entry(map, addr, page, n, flags);
		if (flags != SVIO_MAP_REVOKE)
			addr += n * WINDOW_PAGE_BYTES;
		page += n;
		pages -= n;
	}
}

static bool has_room(const struct svio_map *map, u32 pages)
{
	u32 entries = DIV_ROUND_UP(pages, SVIO_MAP_ENTRY_PAGES_MAX);

	return entries <= RING_ENTRIES - (map->tail - read_head(map));
}

/* The device takes what is filled; a sleeping one is woken. */
static void ring_device(struct svio_map *map)
{
	svio_hw_ring(&map->svio->hw, &map->svio->hw.bar->map.tail, map->tail);
}

static bool wait_for_room(struct svio_map *map, u32 pages)
{
	u64 end;

	if (likely(has_room(map, pages)))
		return true;
	ring_device(map);
	end = ktime_get_mono_fast_ns() + ROOM_NS;
	while (!has_room(map, pages)) {
		if (ktime_get_mono_fast_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* Free pages of the window, the least recently used first; map->pages: there are none. */
static u32 find_pages(struct svio_map *map, u32 pages)
{
	u32 page = bitmap_find_next_zero_area(map->used, map->pages, map->next, pages, 0);

	if (page >= map->pages)
		page = bitmap_find_next_zero_area(map->used, map->pages, 0, pages, 0);
	return min(page, map->pages);
}

/*
 * Granting and revoking
 */

static dma_addr_t grant(struct svio_map *map, phys_addr_t phys, size_t len, u16 rights)
{
	u32 within = phys % WINDOW_PAGE_BYTES;
	u32 pages = window_pages(phys, len);
	dma_addr_t dma = DMA_MAPPING_ERROR;
	unsigned long flags;
	u32 page;

	spin_lock_irqsave(&map->lock, flags);
	page = find_pages(map, pages);
	if (unlikely(page == map->pages || !map->up || !wait_for_room(map, pages)))
		goto unlock;
	bitmap_set(map->used, page, pages);
	bitmap_set(map->granted, page, pages);
	map->next = page + pages;
	put_pages(map, phys - within, page, pages, rights);
	/*
	 * Nobody waits for a grant: it counts for whatever is told to the device after this, and
	 * the doorbell of that wakes it.
	 */
	dma_wmb(); /* entries before the tail that covers them */
	writel(map->tail, &map->svio->hw.bar->map.tail);
	dma = ((dma_addr_t)page << SVIO_MAP_PAGE_LG2) + within;
unlock:
	spin_unlock_irqrestore(&map->lock, flags);
	return dma;
}

bool svio_map_revoke(struct svio_map *map, dma_addr_t dma, size_t len)
{
	u32 page = dma >> SVIO_MAP_PAGE_LG2;
	u32 pages = window_pages(dma, len);
	unsigned long flags;
	bool done = true;

	spin_lock_irqsave(&map->lock, flags);
	/* After a reset there is nothing to revoke, only a number to be given back. */
	if (test_bit(page, map->granted)) {
		done = has_room(map, pages);
		if (done) {
			put_pages(map, 0, page, pages, SVIO_MAP_REVOKE);
			bitmap_clear(map->granted, page, pages);
		}
	}
	/* In the ring's order a new grant of the page comes after this. */
	if (done)
		bitmap_clear(map->used, page, pages);
	spin_unlock_irqrestore(&map->lock, flags);
	return done;
}

u32 svio_map_ring(struct svio_map *map)
{
	unsigned long flags;
	u32 tail;

	spin_lock_irqsave(&map->lock, flags);
	tail = map->tail;
	if (map->up)
		ring_device(map);
	spin_unlock_irqrestore(&map->lock, flags);
	return tail;
}

bool svio_map_done(const struct svio_map *map, u32 index)
{
	if ((s32)(read_head(map) - index) < 0 && READ_ONCE(map->up))
		return false;
	dma_rmb(); /* head before what is done with the memory */
	return true;
}

bool svio_map_poll(const struct svio_map *map, u32 index)
{
	u64 end = ktime_get_mono_fast_ns() + POLL_NS;

	while (!svio_map_done(map, index)) {
		if (ktime_get_mono_fast_ns() > end)
			return false;
		cpu_relax();
	}
	return true;
}

/* The device does not answer. Memory is about to be freed: it may not write to it. */
static void give_up(struct svio_map *map)
{
	dev_err(&map->svio->pdev->dev, "map queue does not move: the device may do no DMA\n");
	pci_clear_master(map->svio->pdev);
	svio_map_lapse(map->svio);
	svio_reset_schedule(map->svio);
}

void svio_map_wait(struct svio_map *map, u32 index)
{
	u64 end = ktime_get_mono_fast_ns() + TIMEOUT_NS;

	while (!svio_map_done(map, index)) {
		if (ktime_get_mono_fast_ns() > end) {
			give_up(map);
			return;
		}
		cpu_relax();
	}
}

static void revoke_and_wait(struct svio_map *map, dma_addr_t dma, size_t len)
{
	while (!svio_map_revoke(map, dma, len))
		svio_map_wait(map, svio_map_ring(map));
	svio_map_wait(map, svio_map_ring(map));
}

/*
 * The DMA API's view
 */

#ifdef SVIO_COMPAT_DMA_OPS
static struct svio_map *to_map(struct device *dev)
{
	return container_of(dev, struct svio_map, dev);
}

static u16 rights_of(enum dma_data_direction direction)
{
	switch (direction) {
	case DMA_TO_DEVICE:
		return SVIO_MAP_READ;
	case DMA_FROM_DEVICE:
		return SVIO_MAP_WRITE;
	default:
		return SVIO_MAP_READ | SVIO_MAP_WRITE;
	}
}

static void *map_alloc(struct device *dev, size_t size, dma_addr_t *dma, gfp_t gfp,
		       unsigned long attrs)
{
	void *memory = (void *)__get_free_pages(gfp | __GFP_ZERO, get_order(size));

	if (!memory)
		return NULL;
	*dma = grant(to_map(dev), virt_to_phys(memory), size, rights_of(DMA_BIDIRECTIONAL));
	if (*dma != DMA_MAPPING_ERROR)
		return memory;
	free_pages((unsigned long)memory, get_order(size));
	return NULL;
}

static void map_free(struct device *dev, size_t size, void *memory, dma_addr_t dma,
		     unsigned long attrs)
{
	revoke_and_wait(to_map(dev), dma, size);
	free_pages((unsigned long)memory, get_order(size));
}

static dma_addr_t map_phys(struct device *dev, phys_addr_t phys, size_t size,
			   enum dma_data_direction direction, unsigned long attrs)
{
	return grant(to_map(dev), phys, size, rights_of(direction));
}

static void unmap_phys(struct device *dev, dma_addr_t dma, size_t size,
		       enum dma_data_direction direction, unsigned long attrs)
{
	revoke_and_wait(to_map(dev), dma, size);
}

#ifndef SVIO_COMPAT_MAP_PHYS
static dma_addr_t map_page(struct device *dev, struct page *page, unsigned long offset,
			   size_t size, enum dma_data_direction direction, unsigned long attrs)
{
	return map_phys(dev, page_to_phys(page) + offset, size, direction, attrs);
}
#endif

/* Sync operations: guests that this device can be in are cache-coherent. */
static const struct dma_map_ops map_ops = {
	.alloc = map_alloc,
	.free = map_free,
#ifdef SVIO_COMPAT_MAP_PHYS
	.map_phys = map_phys,
	.unmap_phys = unmap_phys,
#else
	.map_page = map_page,
	.unmap_page = unmap_phys,
#endif
};

static void set_ops(struct svio_map *map)
{
	set_dma_ops(&map->dev, &map_ops);
}

static const bool has_ops = true;
#else
static void set_ops(struct svio_map *map)
{
}

static const bool has_ops;
#endif /* SVIO_COMPAT_DMA_OPS */

/*
 * Life
 */

static void release_device(struct device *dev)
{
	complete(&container_of(dev, struct svio_map, dev)->gone);
}

static void init_device(struct svio_map *map)
{
	struct device *dev = &map->dev;

	device_initialize(dev);
	dev_set_name(dev, "%s-map", dev_name(&map->svio->pdev->dev));
	dev->parent = &map->svio->pdev->dev;
	set_dev_node(dev, dev_to_node(dev->parent));
	dev->release = release_device;
	dev->coherent_dma_mask = DMA_BIT_MASK(48);
	dev->dma_mask = &dev->coherent_dma_mask;
	set_ops(map);
}

static struct svio_map *alloc_map(struct svio *svio)
{
	struct svio_map *map = kzalloc(sizeof(*map), GFP_KERNEL);

	if (!map)
		return NULL;
	map->svio = svio;
	map->pages = min_t(u32, svio_hw_read(&svio->hw, SVIO_REG_MAP_PAGES), SVIO_MAP_PAGES_MAX);
	spin_lock_init(&map->lock);
	init_completion(&map->gone);
	map->used = bitmap_zalloc(map->pages, GFP_KERNEL);
	map->granted = bitmap_zalloc(map->pages, GFP_KERNEL);
	map->ring = dma_alloc_coherent(&svio->pdev->dev, ring_bytes(), &map->ring_dma,
				       GFP_KERNEL);
	if (!map->used || !map->granted || !map->ring)
		goto free;
	map->status = (struct svio_map_status *)(map->ring + RING_ENTRIES);
	init_device(map);
	return map;
free:
	if (map->ring)
		dma_free_coherent(&svio->pdev->dev, ring_bytes(), map->ring, map->ring_dma);
	bitmap_free(map->granted);
	bitmap_free(map->used);
	kfree(map);
	return NULL;
}

static void free_map(struct svio_map *map)
{
	struct device *dev = &map->svio->pdev->dev;

	put_device(&map->dev);
	/* A page pool keeps the device until the stack has given back its last page. */
	while (!wait_for_completion_timeout(&map->gone, GONE_WARN_TIME))
		dev_warn(dev, "waiting for received packets that somebody still holds\n");
	if (!bitmap_empty(map->used, map->pages))
		dev_err(dev, "map queue: %u pages were never unmapped\n",
			bitmap_weight(map->used, map->pages));
	dma_free_coherent(dev, ring_bytes(), map->ring, map->ring_dma);
	bitmap_free(map->granted);
	bitmap_free(map->used);
	kfree(map);
}

/* Whether I/O addresses are something else than what the guest calls its memory. */
static bool is_translated(struct device *dev)
{
#ifdef CONFIG_IOMMU_API
	struct iommu_domain *domain = iommu_get_domain_for_dev(dev);

	return domain && domain->type != IOMMU_DOMAIN_IDENTITY;
#else
	return false;
#endif
}

static bool is_wanted(struct svio *svio)
{
	struct device *dev = &svio->pdev->dev;

	if (!map_queue)
		return false;
	if (!has_ops)
		dev_warn(dev, "no map queue: this kernel has no DMA operations of a device\n");
	else if (!svio_hw_has(&svio->hw, SVIO_FEATURE(MAP_QUEUE)))
		dev_warn(dev, "no map queue: the device does not offer one\n");
	else if (is_translated(dev))
		dev_info(dev, "no map queue: an IOMMU protects the guest's memory already\n");
	else
		return true;
	return false;
}

int svio_map_init(struct svio *svio)
{
	svio->dma_dev = &svio->pdev->dev;
	if (!is_wanted(svio))
		return 0;
	svio->map = alloc_map(svio);
	if (!svio->map)
		return -ENOMEM;
	svio->dma_dev = &svio->map->dev;
	return 0;
}

void svio_map_exit(struct svio *svio)
{
	if (svio->map)
		free_map(svio->map);
	svio->map = NULL;
}

static int start_map(struct svio *svio, struct svio_map *map)
{
	int err;

	memset(map->status, 0, sizeof(*map->status));
	map->tail = 0;
	writel(0, &svio->hw.bar->map.tail);
	err = svio_cmd_mapq_create(svio, map->ring_dma,
				   map->ring_dma + RING_ENTRIES * sizeof(*map->ring), RING_LG2);
	if (!err)
		WRITE_ONCE(map->up, true);
	return err;
}

int svio_map_start(struct svio *svio)
{
	int err = svio->map ? start_map(svio, svio->map) : 0;

	if (err)
		dev_err(&svio->pdev->dev, "device refuses the map queue: %pe\n", ERR_PTR(err));
	return err;
}

static void lapse(struct svio_map *map)
{
	unsigned long flags;

	spin_lock_irqsave(&map->lock, flags);
	WRITE_ONCE(map->up, false);
	bitmap_zero(map->granted, map->pages);
	spin_unlock_irqrestore(&map->lock, flags);
}

void svio_map_lapse(struct svio *svio)
{
	if (svio->map)
		lapse(svio->map);
}

#ifdef SVIO_MAP_BENCH
struct svio_map *svio_map_bench_begin(struct svio *svio)
{
	struct svio_map *map;
	int err;

	if (svio->map || svio->pairs_up || !has_ops ||
	    !svio_hw_has(&svio->hw, SVIO_FEATURE(MAP_QUEUE)))
		return ERR_PTR(-ENODEV);
	map = alloc_map(svio);
	if (!map)
		return ERR_PTR(-ENOMEM);
	err = start_map(svio, map);
	if (!err)
		return map;
	free_map(map);
	return ERR_PTR(err);
}

void svio_map_bench_end(struct svio *svio, struct svio_map *map)
{
	svio_cmd_queue_destroy(svio, SVIO_QUEUE_MAP, 0);
	lapse(map);
	free_map(map);
}

struct device *svio_map_device(struct svio_map *map)
{
	return &map->dev;
}
#endif
