/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_iommu_vfio.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* What the kernel allows unless it says otherwise: its parameter dma_entry_limit. */
#define ROOM_DEFAULT 65535
/* Of type 1's answer with its capabilities. */
#define INFO_BYTES 4096

static int real_ioctl(int fd, unsigned long request, void *argument)
{
	return ioctl(fd, request, argument);
}

static const struct svio_iommu_vfio_sys real_sys = { .ioctl = real_ioctl };

int svio_iommu_vfio_in_range(const struct svio_iommu_vfio *vfio, uint64_t iova, uint64_t bytes)
{
	if (!vfio->ranges)
		return -1;
	for (uint32_t i = 0; i < vfio->ranges; i++)
		if (iova >= vfio->range[i].first && iova <= vfio->range[i].last &&
		    bytes - 1 <= vfio->range[i].last - iova)
			return 1;
	return 0;
}

static int type1_map(void *context, uint64_t iova, const void *memory, uint64_t bytes,
		     uint32_t rights)
{
	struct svio_iommu_vfio *vfio = context;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = (rights & SVIO_IOMMU_READ ? VFIO_DMA_MAP_FLAG_READ : 0u) |
			 (rights & SVIO_IOMMU_WRITE ? VFIO_DMA_MAP_FLAG_WRITE : 0u),
		.vaddr = (uint64_t)(uintptr_t)memory,
		.iova = iova,
		.size = bytes,
	};

	if (!svio_iommu_vfio_in_range(vfio, iova, bytes))
		return -ERANGE;
	if (vfio->sys->ioctl(vfio->container, VFIO_IOMMU_MAP_DMA, &map) < 0)
		return -errno;
	return 0;
}

static int type1_unmap(void *context, uint64_t iova, uint64_t bytes)
{
	struct svio_iommu_vfio *vfio = context;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = bytes,
	};

	if (vfio->sys->ioctl(vfio->container, VFIO_IOMMU_UNMAP_DMA, &unmap) < 0)
		return -errno;
	/* It answers how much it has unmapped: nothing would mean that we know something wrong. */
	return unmap.size ? 0 : -ENOENT;
}

static const struct svio_iommu_host_ops type1_ops = { .map = type1_map, .unmap = type1_unmap };

static void take_ranges(struct svio_iommu_vfio *vfio, const char *info, uint32_t info_bytes,
			uint32_t at)
{
	struct vfio_iommu_type1_info_cap_iova_range header;
	struct vfio_iova_range range;

	if (at + sizeof(header) > info_bytes)
		return;
	memcpy(&header, info + at, sizeof(header));
	at += (uint32_t)sizeof(header);
	for (uint32_t i = 0; i < header.nr_iovas && vfio->ranges < SVIO_IOMMU_VFIO_RANGES; i++) {
		if (at + sizeof(range) > info_bytes)
			return;
		memcpy(&range, info + at, sizeof(range));
		at += (uint32_t)sizeof(range);
		vfio->range[vfio->ranges].first = range.start;
		vfio->range[vfio->ranges++].last = range.end;
	}
}

/* Capabilities are a chain of offsets into the answer; each leads forward, so it ends. */
static void take_capabilities(struct svio_iommu_vfio *vfio, const char *info, uint32_t info_bytes,
			      uint32_t at)
{
	struct vfio_info_cap_header header;
	struct vfio_iommu_type1_info_dma_avail avail;

	while (at && at + sizeof(header) <= info_bytes) {
		memcpy(&header, info + at, sizeof(header));
		if (header.id == VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE)
			take_ranges(vfio, info, info_bytes, at);
		if (header.id == VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL &&
		    at + sizeof(avail) <= info_bytes) {
			memcpy(&avail, info + at, sizeof(avail));
			vfio->room = avail.avail;
		}
		if (header.next <= at)
			break;
		at = header.next;
	}
}

static int type1_probe(struct svio_iommu_vfio *vfio)
{
	struct vfio_iommu_type1_info info;
	uint64_t answer[INFO_BYTES / sizeof(uint64_t)] = { 0 };

	memcpy(answer, &(struct vfio_iommu_type1_info){ .argsz = sizeof(answer) }, sizeof(info));
	if (vfio->sys->ioctl(vfio->container, VFIO_IOMMU_GET_INFO, answer) < 0)
		return errno == ENOTTY || errno == EINVAL ? -ENOTSUP : -errno;
	memcpy(&info, answer, sizeof(info));
	/* argsz is now what a whole answer has; one that did not fit has no capabilities. */
	if ((info.flags & VFIO_IOMMU_INFO_CAPS) && info.argsz <= sizeof(answer))
		take_capabilities(vfio, (const char *)answer, info.argsz, info.cap_offset);
	vfio->ops = &type1_ops;
	vfio->name = "VFIO type 1";
	return 0;
}

int svio_iommu_vfio_open(struct svio_iommu_vfio *vfio, int container,
			 const struct svio_iommu_vfio_sys *sys)
{
	int status;

	*vfio = (struct svio_iommu_vfio){ .container = container,
					  .sys = sys ? sys : &real_sys,
					  .room = ROOM_DEFAULT };
	status = svio_iommu_iommufd_probe(vfio);
	return status == -ENOTTY ? type1_probe(vfio) : status;
}
