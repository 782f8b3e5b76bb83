/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The map queue (SPEC.md, chapter 11): pages are granted to the device and revoked
 * without leaving the guest.
 *
 * It appears as a device of its own for the DMA API, a child of the PCI function:
 * what queues map there is granted, what they unmap is revoked, and the page pool
 * needs to know nothing of it. Unmapping waits until the revocation is in force; the
 * transmit path, which can wait later, revokes in batches instead.
 */
#ifndef SVIO_MAP_H
#define SVIO_MAP_H

#include <linux/types.h>

struct device;
struct svio;
struct svio_map;

/*
 * Make svio->map and svio->dma_dev: with a map queue if the module's parameter asks
 * for it, the device offers it, and no IOMMU of the guest's translates for the
 * function; else svio->map is NULL and svio->dma_dev the function itself. At
 * probe. -ENOMEM.
 */
int svio_map_init(struct svio *svio);

/* Waits until the stack has given back every page that was granted. The device is in RESET. */
void svio_map_exit(struct svio *svio);

/* Create the queue in a device that is READY and has no others. As svio_adminq_exec(). */
int svio_map_start(struct svio *svio);

/* The device was reset, or may not do DMA: nothing is granted any more. */
void svio_map_lapse(struct svio *svio);

/*
 * Post the revocation of @len bytes at @dma, which were mapped on svio->dma_dev. False: the
 * queue is full, try later. Any context.
 */
bool svio_map_revoke(struct svio_map *map, dma_addr_t dma, size_t len);

/* Tell the device of what was posted; what svio_map_done() is to be asked for. */
u32 svio_map_ring(struct svio_map *map);

/* Whether all that was posted before @index is in force. */
bool svio_map_done(const struct svio_map *map, u32 index);

/* The same, for a few microseconds if need be. */
bool svio_map_poll(const struct svio_map *map, u32 index);

/* Wait for that. A device that does not answer loses bus mastering. Any context. */
void svio_map_wait(struct svio_map *map, u32 index);

#ifdef SVIO_MAP_BENCH
/* For measurements: a map queue of its own, whatever the parameter says. -ENODEV, -ENOMEM. */
struct svio_map *svio_map_bench_begin(struct svio *svio);
void svio_map_bench_end(struct svio *svio, struct svio_map *map);
struct device *svio_map_device(struct svio_map *map);
#endif

#endif /* SVIO_MAP_H */
