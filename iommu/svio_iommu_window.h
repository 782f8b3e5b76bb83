/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU of the host: what of the guests' memory a real device may read.
 *
 * A wire that is a NIC on vfio-pci has a domain of its own in the host's
 * IOMMU. A page of a guest comes into it when a frame in it is to be sent, and
 * leaves it when the guest takes the page away from its VIF. So nothing is
 * pinned that is not sent, and at no time is a page there that no VIF may use.
 * Pages are lent to be read: no NIC can write guest memory.
 *
 * An address in that domain is the address of the page in this process, so a
 * pointer needs no second translation.
 *
 * Pure library: the domain is reached through a table of functions
 * (svio_iommu_vfio.h has it for VFIO). Which pages are in it is kept in a page
 * table of this library. Not for several threads at once.
 */
#ifndef SVIO_IOMMU_WINDOW_H
#define SVIO_IOMMU_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svio_iommu.h"

/* A domain of the host's IOMMU. context: of its owner. */
struct svio_iommu_host_ops {
	/*
	 * Let the device access [iova, iova + bytes), which is memory of this
	 * process. rights: SVIO_IOMMU_READ and _WRITE. 0; -ENOSPC: there is no
	 * room for another mapping; other -errno.
	 */
	int (*map)(void *context, uint64_t iova, const void *memory, uint64_t bytes,
		   uint32_t rights);
	/*
	 * Take away all mappings that lie in the range, at least one. When this
	 * returns 0 the device can not access them any more.
	 */
	int (*unmap)(void *context, uint64_t iova, uint64_t bytes);
};

struct svio_iommu_window {
	struct svio_iommu *iommu;
	const void *arena;
	svio_iommu_domain domain;
	uint32_t pages; /* lent now */
	uint32_t pages_max;
	bool full; /* a page was refused for want of room */
	const struct svio_iommu_host_ops *ops;
	void *context;
	uint64_t maps, revokes; /* calls of ops since it was opened */
};

/*
 * Begin with nothing lent. state, arena, arena_bytes: as svio_iommu_init(); they stay the
 * caller's. pages_max: how many mappings the host's domain has room for. 0; -EINVAL.
 */
int svio_iommu_window_open(struct svio_iommu_window *window, void *state, void *arena,
			   size_t arena_bytes, uint32_t pages_max,
			   const struct svio_iommu_host_ops *ops, void *context);

/*
 * See to it that the device can read bytes (> 0) of memory, at an I/O address that is memory's.
 * The caller may read it itself: a VIF's domain maps it now. False: there is no room, or the
 * host's IOMMU does not take it; some of its pages may be lent all the same.
 */
bool svio_iommu_window_lend(struct svio_iommu_window *window, const void *memory, uint64_t bytes);

/*
 * Take back every page that touches [memory, memory + bytes). 0: the device cannot read them any
 * more; -errno: the host did not do it, and the caller must give up its domain.
 */
int svio_iommu_window_revoke(struct svio_iommu_window *window, const void *memory, uint64_t bytes);

/*
 * To be called when the device reads nothing: take back everything if there was no room. As
 * svio_iommu_window_revoke().
 */
int svio_iommu_window_settle(struct svio_iommu_window *window);

#endif /* SVIO_IOMMU_WINDOW_H */
