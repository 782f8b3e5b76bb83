// SPDX-License-Identifier: BSD-3-Clause
/*
 * Guest memory maps of a VIF, and the strictness of their end.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "device.h"
#include "svio_iommu_grace.h"

#define PAGE_MASK   (SVIO_IOMMU_PAGE_BYTES - 1ull)
#define ADDRESS_END (1ull << SVIO_IOMMU_ADDRESS_LG2)
#define HUGE_MASK   ((1ull << 30) - 1)

/* A core leaves after the packet at hand; later when the kernel took its processor away. */
#define SPIN_NS      20000
#define SLEEP_MIN_NS 20000
#define SLEEP_MAX_NS 1000000
#define SLOW_NS      100000000ull /* tell the log */
/* QEMU gives a reply up after 5 s; a firmware that hangs is ended well before. */
#define HUNG_NS 2000000000ull
/* A new memory object: one message there and back, and one mmap. */
#define OBJECT_NS 200000000ull

static void sleep_ns(uint64_t ns)
{
	struct timespec time = { .tv_nsec = (long)ns };

	nanosleep(&time, NULL);
}

void svio_device_grace_wait(struct svio_device *device)
{
	struct svio_host_segment *shared = device->segment.shared;
	const struct svio_host_core *cores = shared->core;
	uint64_t start_ns, waited_ns = 0, pause_ns = SLEEP_MIN_NS;
	struct svio_iommu_grace grace;
	bool ended = false;

	device->graces++;
	/* Before the barrier: a core that is not waited for finds it changed when it begins. */
	__atomic_store_n(&shared->unmaps, shared->unmaps + 1, __ATOMIC_RELEASE);
	svio_iommu_grace_start(&grace, &cores->epoch, sizeof(*cores), device->segment.cores);
	if (svio_iommu_grace_over(&grace, &cores->epoch, sizeof(*cores)))
		return; /* asleep, gone, or between two bursts: nobody is woken */
	start_ns = svio_clock_ns();
	while (!svio_iommu_grace_over(&grace, &cores->epoch, sizeof(*cores))) {
		waited_ns = svio_clock_ns() - start_ns;
		if (waited_ns < SPIN_NS)
			continue;
		/* Of a process that is gone nothing touches memory, whatever its epochs say. */
		if (!svio_fw_process_runs(device->firmware))
			break;
		if (waited_ns > HUNG_NS && !ended) {
			svio_fw_process_kill(device->firmware, "a core does not let go of memory");
			ended = true;
		}
		sleep_ns(pause_ns);
		pause_ns = pause_ns * 2 > SLEEP_MAX_NS ? SLEEP_MAX_NS : pause_ns * 2;
	}
	if (waited_ns > device->grace_max_ns)
		device->grace_max_ns = waited_ns;
	if (waited_ns > SLOW_NS)
		svio_log(SVIO_LOG_WARNING,
			 "waited %" PRIu64 " ms until the firmware let go of memory",
			 waited_ns / 1000000);
}

static int check_range(uint64_t iova, uint64_t bytes, uint64_t offset)
{
	if (bytes == 0 || ((iova | bytes | offset) & PAGE_MASK))
		return -EINVAL;
	if (iova >= ADDRESS_END || bytes > ADDRESS_END - iova || offset + bytes < offset)
		return -EOVERFLOW;
	return 0;
}

/*
 * The guest may use the mapping as soon as it is answered: by then the firmware
 * has the memory. One that has no firmware now gets it before its VIFs.
 */
static void wait_object(struct svio_device *device)
{
	if (svio_device_ready(device) && !svio_mailbox_settle(device->mailbox, OBJECT_NS))
		svio_log(SVIO_LOG_WARNING, "the firmware is slow to take a memory object");
}

int svio_vif_dma_map(struct svio_vif *vif, uint64_t iova, uint64_t bytes, int fd, uint64_t offset,
		     bool readable, bool writable)
{
	struct svio_device *device = vif->device;
	uint32_t rights = (readable ? SVIO_IOMMU_READ : 0) | (writable ? SVIO_IOMMU_WRITE : 0);
	uint32_t object = SVIO_OBJECT_HOLLOW;
	const char *why = NULL;
	uint32_t objects = svio_objects_count(device->objects);
	int status = check_range(iova, bytes, fd < 0 ? 0 : offset);

	if (vif->deleting)
		return -ENODEV;
	if (!status && !rights)
		status = -EINVAL;
	if (!status && fd >= 0)
		status = svio_object_get(device->objects, vif->slot, fd, offset + bytes - 1,
					 writable, vif->client, &object, &why);
	if (status) {
		if (why && svio_log_allow(&vif->log_limit, vif->settings.name))
			svio_log(SVIO_LOG_WARNING,
				 "VIF %s: map of 0x%" PRIx64 " + 0x%" PRIx64 " refused: %s (%s)",
				 vif->settings.name, iova, bytes, why, strerror(-status));
		return status;
	}
	if (fd < 0) {
		/*
		 * No memory behind it: an object that the firmware does not have keeps
		 * the range in the one place that knows about overlaps. The offset lets
		 * it take few, large pages.
		 */
		offset = iova & HUGE_MASK;
		if (iova == 0 && svio_log_allow(&vif->log_limit, vif->settings.name))
			svio_log(
				SVIO_LOG_WARNING,
				"VIF %s: the memory at address 0 comes without a descriptor: start "
				"the guest with -object memory-backend-memfd,share=on",
				vif->settings.name);
	}
	status = svio_iommu_map(device->iommu, vif->domain, iova, bytes, object, offset, rights);
	if (status)
		svio_object_unget(device->objects, object);
	else if (svio_objects_count(device->objects) != objects)
		wait_object(device);
	return status;
}

static void put_object(void *context, uint64_t iova, uint64_t bytes, uint32_t object)
{
	struct svio_device *device = context;

	(void)iova;
	(void)bytes;
	svio_object_put(device->objects, object);
}

int svio_vif_dma_unmap_begin(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all)
{
	uint64_t last = ADDRESS_END - 1, unmapped_bytes = 0;
	int status;

	if (all) {
		iova = 0;
	} else {
		if (bytes == 0 || ((iova | bytes) & PAGE_MASK) || iova + (bytes - 1) < iova)
			return -EINVAL;
		if (iova >= ADDRESS_END)
			return 0; /* nothing can be mapped there */
		if (iova + (bytes - 1) < last)
			last = iova + (bytes - 1);
	}
	status = svio_iommu_unmap(vif->device->iommu, vif->domain, iova, last, put_object,
				  vif->device, &unmapped_bytes);
	if (unmapped_bytes > 0)
		vif->device->unmapped = true;
	return status;
}

/*
 * No core touches the memory any more, but the wire may have it in its own IOMMU domain. That
 * one ends with the firmware's process, so a firmware that does not answer is ended.
 */
static void take_back_from_wire(struct svio_device *device)
{
	uint32_t flags = __atomic_load_n(&device->segment.shared->wire_flags, __ATOMIC_ACQUIRE);

	if (!(flags & SVIO_HOST_WIRE_LENDS))
		return;
	if (!svio_objects_revoke(device->objects) && svio_mailbox_settle(device->mailbox, HUNG_NS))
		return;
	if (svio_fw_process_runs(device->firmware))
		svio_fw_process_kill(device->firmware,
				     "it does not take memory back from the wire");
	while (svio_fw_process_runs(device->firmware))
		sleep_ns(SLEEP_MIN_NS);
}

void svio_vif_dma_unmap_flush(struct svio_vif *vif)
{
	struct svio_device *device = vif->device;

	if (!device->unmapped)
		return;
	device->unmapped = false;
	svio_device_grace_wait(device);
	take_back_from_wire(device);
	svio_iommu_reclaim(device->iommu);
	svio_objects_put_flush(device->objects);
}

int svio_vif_dma_unmap(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all)
{
	int status = svio_vif_dma_unmap_begin(vif, iova, bytes, all);

	svio_vif_dma_unmap_flush(vif);
	return status;
}
