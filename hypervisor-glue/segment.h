/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The memory that sviod shares with the firmware: the segment (svio_host.h),
 * the IOMMU's tables (the arena), and the doorbell BAR of each VIF.
 *
 * All are memfds whose size is sealed: neither the firmware nor a guest's QEMU
 * can truncate what the other has mapped. Offsets in the segment's header are
 * for the firmware; sviod itself only uses its own copies, because the
 * firmware can write there.
 */
#ifndef SVIO_SEGMENT_H
#define SVIO_SEGMENT_H

#include <stddef.h>
#include <stdint.h>

#include "svio_host.h"
#include "svio_iommu_fault.h"

struct svio_segment {
	struct svio_host_segment *shared;
	struct svio_host_vif *vifs; /* [vifs_max] */
	const struct svio_iommu_fault_log *faults;
	char *dirty; /* VIFs' dirty logs, SVIO_HOST_DIRTY_BYTES each; memory is taken as bits are used */
	void *arena;
	size_t bytes;
	size_t maps_offset;
	size_t arena_bytes;
	uint32_t vifs_max;
	uint32_t cores;
	uint32_t pages_a_domain; /* table pages that one VIF may use */
	int fd;
	int arena_fd; /* read-only: what the firmware gets */
};

/*
 * Make a cleared segment and arena for vifs_max VIFs (1..SVIO_HOST_VIFS_MAX).
 * Memory is taken as it is used. 0; -errno with nothing left behind.
 */
int svio_segment_create(struct svio_segment *segment, uint32_t vifs_max);
void svio_segment_destroy(struct svio_segment *segment);

/* A VIF has gone, and its firmware knows: its slot is zero again, and takes no memory. */
void svio_segment_slot_release(const struct svio_segment *segment, uint32_t slot);

/* Memory for a VIF's doorbell BAR, zero-filled. The descriptor, or -errno. */
int svio_segment_doorbell_create(const char *name);

#endif /* SVIO_SEGMENT_H */
