/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU of the host, by VFIO: the domain of a device that is bound to vfio-pci.
 *
 * Two interfaces of the kernel's do the same. Type 1 is that of /dev/vfio/vfio.
 * A kernel with iommufd in its place (CONFIG_IOMMUFD_VFIO_CONTAINER) gives out
 * an iommufd under that name, which also knows type 1's calls; its own ones are
 * used then.
 *
 * Linux only. Not for several threads at once.
 */
#ifndef SVIO_IOMMU_VFIO_H
#define SVIO_IOMMU_VFIO_H

#include <stdint.h>

#include "svio_iommu_window.h"

#define SVIO_IOMMU_VFIO_RANGES 8

/* The system calls, so that tests can stand in for a kernel. As ioctl(2), with errno. */
struct svio_iommu_vfio_sys {
	int (*ioctl)(int fd, unsigned long request, void *argument);
};

struct svio_iommu_vfio {
	int container; /* the caller's; a device is attached and its IOMMU type set */
	uint32_t ioas; /* iommufd: number of the address space */
	const struct svio_iommu_host_ops *ops;
	const struct svio_iommu_vfio_sys *sys;
	const char *name; /* of the interface: "VFIO type 1" or "iommufd" */
	uint32_t room;    /* mappings that the domain takes besides those there are */
	uint32_t ranges;  /* addresses that it takes: */
	struct {
		uint64_t first, last;
	} range[SVIO_IOMMU_VFIO_RANGES];
};

/*
 * Find out which interface the container has, and its limits; ops of vfio with vfio as context
 * are a window's. sys: NULL for the real ones. 0; -ENOTSUP: its IOMMU has no type 1; -errno.
 */
int svio_iommu_vfio_open(struct svio_iommu_vfio *vfio, int container,
			 const struct svio_iommu_vfio_sys *sys);

/* Private to the two interfaces. */
extern const struct svio_iommu_host_ops svio_iommu_iommufd_ops;
/* 0: the container is an iommufd; -ENOTTY: it is not; other -errno. */
int svio_iommu_iommufd_probe(struct svio_iommu_vfio *vfio);
/* May the device use these addresses? No ranges are known: -1. */
int svio_iommu_vfio_in_range(const struct svio_iommu_vfio *vfio, uint64_t iova, uint64_t bytes);

#endif /* SVIO_IOMMU_VFIO_H */
