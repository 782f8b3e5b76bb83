// SPDX-License-Identifier: BSD-3-Clause
/*
 * A VIF's dirty log: switched by a flag in the segment that the firmware reads in each section,
 * so that it needs no message, and a firmware that starts anew goes on with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device.h"

static char *memory_of(const struct svio_vif *vif)
{
	return vif->device->segment.dirty + vif->slot * SVIO_HOST_DIRTY_BYTES;
}

int svio_vif_dirty_start(struct svio_vif *vif, const struct svio_iommu_dirty_range *ranges,
			 uint32_t count, uint64_t *page_bytes)
{
	struct svio_vif_dirty *dirty;
	int status;

	if (vif->deleting)
		return -ENODEV;
	if (vif->dirty)
		return -EBUSY;
	dirty = calloc(1, sizeof(*dirty));
	if (!dirty)
		return -ENOMEM;
	status = svio_iommu_dirty_start(&dirty->log, memory_of(vif), SVIO_HOST_DIRTY_BYTES,
					page_bytes, ranges, count);
	if (status) {
		free(dirty);
		return status;
	}
	dirty->started_ns = svio_clock_ns();
	vif->dirty = dirty;
	__atomic_fetch_or(&vif->shared->config.flags, SVIO_HOST_VIF_DIRTY_LOG, __ATOMIC_RELEASE);
	/* A section that has read the flags before does not mark what it writes. */
	svio_device_grace_wait(vif->device);
	return 0;
}

void svio_vif_dirty_stop(struct svio_vif *vif)
{
	if (!vif->dirty)
		return;
	__atomic_fetch_and(&vif->shared->config.flags, ~(uint32_t)SVIO_HOST_VIF_DIRTY_LOG,
			   __ATOMIC_SEQ_CST);
	svio_device_grace_wait(vif->device);
	/* Zero for the next one, and nobody's memory until then. */
	if (madvise(memory_of(vif), SVIO_HOST_DIRTY_BYTES, MADV_REMOVE))
		memset(memory_of(vif), 0, SVIO_HOST_DIRTY_BYTES);
	free(vif->dirty);
	vif->dirty = NULL;
}

int svio_vif_dirty_report(struct svio_vif *vif, uint64_t iova, uint64_t bytes, uint64_t page_bytes,
			  uint64_t *bitmap)
{
	int status;

	if (!vif->dirty)
		return -EINVAL;
	status = svio_iommu_dirty_report(&vif->dirty->log, iova, bytes, page_bytes, bitmap);
	if (status)
		return status;
	vif->dirty->reports++;
	svio_device_grace_wait(vif->device);
	return 0;
}
