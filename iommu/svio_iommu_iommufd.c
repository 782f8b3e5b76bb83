/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommufd's own calls (Linux 6.2). Older kernel headers do not have them, so the
 * few that are used stand here.
 */
#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "svio_iommu_vfio.h"

#define IOMMUFD_IOCTL(number) _IO(';', number)
#define IOAS_IOVA_RANGES      IOMMUFD_IOCTL(0x84)
#define IOAS_MAP              IOMMUFD_IOCTL(0x85)
#define IOAS_UNMAP            IOMMUFD_IOCTL(0x86)
#define VFIO_IOAS             IOMMUFD_IOCTL(0x88)

#define MAP_FIXED_IOVA 0x1u
#define MAP_WRITEABLE  0x2u
#define MAP_READABLE   0x4u
#define VFIO_IOAS_GET  0

struct ioas_range {
	uint64_t start;
	uint64_t last;
};

struct ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas;
	uint32_t num_iovas;
	uint32_t reserved;
	uint64_t allowed_iovas; /* address of struct ioas_range[num_iovas] */
	uint64_t out_iova_alignment;
};

struct ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas;
	uint32_t reserved;
	uint64_t user_va;
	uint64_t length;
	uint64_t iova;
};

struct ioas_unmap {
	uint32_t size;
	uint32_t ioas;
	uint64_t iova;
	uint64_t length; /* out: what was unmapped */
};

struct vfio_ioas {
	uint32_t size;
	uint32_t ioas;
	uint16_t op;
	uint16_t reserved;
};

_Static_assert(sizeof(struct ioas_iova_ranges) == 32 && sizeof(struct ioas_map) == 40 &&
		       sizeof(struct ioas_unmap) == 24 && sizeof(struct vfio_ioas) == 12,
	       "as the kernel has them");

static int iommufd_map(void *context, uint64_t iova, const void *memory, uint64_t bytes,
		       uint32_t rights)
{
	struct svio_iommu_vfio *vfio = context;
	struct ioas_map map = {
		.size = sizeof(map),
		.flags = MAP_FIXED_IOVA | (rights & SVIO_IOMMU_READ ? MAP_READABLE : 0u) |
			 (rights & SVIO_IOMMU_WRITE ? MAP_WRITEABLE : 0u),
		.ioas = vfio->ioas,
		.user_va = (uint64_t)(uintptr_t)memory,
		.length = bytes,
		.iova = iova,
	};

	if (!svio_iommu_vfio_in_range(vfio, iova, bytes))
		return -ERANGE;
	return vfio->sys->ioctl(vfio->container, IOAS_MAP, &map) < 0 ? -errno : 0;
}

static int iommufd_unmap(void *context, uint64_t iova, uint64_t bytes)
{
	struct svio_iommu_vfio *vfio = context;
	struct ioas_unmap unmap = {
		.size = sizeof(unmap), .ioas = vfio->ioas, .iova = iova, .length = bytes
	};

	return vfio->sys->ioctl(vfio->container, IOAS_UNMAP, &unmap) < 0 ? -errno : 0;
}

const struct svio_iommu_host_ops svio_iommu_iommufd_ops = { .map = iommufd_map,
							    .unmap = iommufd_unmap };

static void take_ranges(struct svio_iommu_vfio *vfio)
{
	struct ioas_range ranges[SVIO_IOMMU_VFIO_RANGES] = { { 0 } };
	struct ioas_iova_ranges query = {
		.size = sizeof(query),
		.ioas = vfio->ioas,
		.num_iovas = SVIO_IOMMU_VFIO_RANGES,
		.allowed_iovas = (uint64_t)(uintptr_t)ranges,
	};

	/* EMSGSIZE: there are more than fit; those that fit are good. */
	if (vfio->sys->ioctl(vfio->container, IOAS_IOVA_RANGES, &query) < 0 && errno != EMSGSIZE)
		return;
	for (uint32_t i = 0; i < query.num_iovas && i < SVIO_IOMMU_VFIO_RANGES; i++) {
		vfio->range[i].first = ranges[i].start;
		vfio->range[i].last = ranges[i].last;
		vfio->ranges++;
	}
}

int svio_iommu_iommufd_probe(struct svio_iommu_vfio *vfio)
{
	struct vfio_ioas get = { .size = sizeof(get), .op = VFIO_IOAS_GET };

	/* Type 1 knows no such call: ENOTTY, or EINVAL from kernels that forward all to a driver. */
	if (vfio->sys->ioctl(vfio->container, VFIO_IOAS, &get) < 0)
		return errno == EINVAL ? -ENOTTY : -errno;
	vfio->ioas = get.ioas;
	vfio->ops = &svio_iommu_iommufd_ops;
	vfio->name = "iommufd";
	take_ranges(vfio);
	return 0;
}
