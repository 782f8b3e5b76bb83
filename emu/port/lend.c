/* SPDX-License-Identifier: BSD-3-Clause */
#include "lend.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_memory.h>
#include <rte_vfio.h>

/* Tables of the window: sparse, 4 KiB for each 2 MiB in which a page is lent. */
#define ARENA_BYTES (64u << 20)
/* DPDK's own mappings come out of the same room. */
#define ROOM_KEPT 256

static int fail(struct svio_port_lend *lend, const char *error, int status)
{
	lend->error = error;
	return status;
}

int svio_port_lend_open(struct svio_port_lend *lend, const char *address)
{
	int group;

	if (rte_vfio_get_group_num("/sys/bus/pci/devices", address, &group) != 1)
		return fail(lend, "it has no IOMMU group, or is not bound to vfio-pci", -ENODEV);
	lend->container = rte_vfio_container_create();
	if (lend->container < 0)
		return fail(lend, "no VFIO container", -EIO);
	if (rte_vfio_container_group_bind(lend->container, group) < 0)
		return fail(lend, "its group cannot be opened: somebody else has it", -EBUSY);
	return 0;
}

static int map_own(const struct rte_memseg_list *list, const struct rte_memseg *segment,
		   size_t bytes, void *context)
{
	struct svio_port_lend *lend = context;

	if (list->external)
		return 0;
	return lend->vfio.ops->map(&lend->vfio, segment->iova, segment->addr, bytes,
				   SVIO_IOMMU_READ | SVIO_IOMMU_WRITE);
}

static int open_window(struct svio_port_lend *lend)
{
	void *arena = mmap(NULL, ARENA_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *state = mmap(NULL, svio_iommu_state_bytes(ARENA_BYTES), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (arena == MAP_FAILED || state == MAP_FAILED)
		return -ENOMEM;
	return svio_iommu_window_open(&lend->window, state, arena, ARENA_BYTES,
				      lend->vfio.room - ROOM_KEPT, lend->vfio.ops, &lend->vfio);
}

/* DPDK calls it when the count is zero, which it never is: one is ours. */
static void give_back(void *data, void *context)
{
	(void)data;
	(void)context;
}

int svio_port_lend_start(struct svio_port_lend *lend)
{
	int status;

	if (rte_eal_iova_mode() != RTE_IOVA_VA)
		return fail(lend, "DPDK does not use virtual addresses for I/O", -ENOTSUP);
	status = svio_iommu_vfio_open(&lend->vfio, lend->container, NULL);
	if (status)
		return fail(lend, "the container's IOMMU is of no known kind", status);
	if (lend->vfio.room <= ROOM_KEPT)
		return fail(lend, "the IOMMU takes too few mappings", -ENOSPC);
	status = rte_memseg_contig_walk(map_own, lend);
	if (status)
		return fail(lend, "DPDK's memory cannot be mapped", status);
	lend->shared.free_cb = give_back;
	rte_mbuf_ext_refcnt_set(&lend->shared, 1);
	status = open_window(lend);
	return status ? fail(lend, "no memory", status) : 0;
}

bool svio_port_lend_attach(struct svio_port_lend *lend, struct rte_mbuf *piece, const char *data,
			   uint16_t bytes)
{
	if (!svio_iommu_window_lend(&lend->window, data, bytes))
		return false;
	rte_mbuf_ext_refcnt_update(&lend->shared, 1);
	rte_pktmbuf_attach_extbuf(piece, (void *)data, (rte_iova_t)data, bytes, &lend->shared);
	piece->data_off = 0;
	piece->data_len = bytes;
	return true;
}
