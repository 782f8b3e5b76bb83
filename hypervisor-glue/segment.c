// SPDX-License-Identifier: BSD-3-Clause
#include "segment.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "svio_iommu.h"
#include "svio_pci.h"

/* One polling core: the firmware's packet path is one thread. */
#define CORES 1

/*
 * Table pages a VIF: what it may use is its own, so that no guest can use up
 * the tables of another. 1024 pages map 2 GiB in 4 KiB pages, or any memory
 * that is mapped in large ones. Many VIFs get less each: 512 MiB.
 */
#define PAGES_A_DOMAIN      1024
#define PAGES_A_DOMAIN_MANY 256
#define MANY_VIFS           256
/* The root tables of the domains 0 and 1, which no VIF has. */
#define ARENA_EXTRA_PAGES 2

static size_t align_page(size_t bytes)
{
	return (bytes + SVIO_IOMMU_PAGE_BYTES - 1) & ~(size_t)(SVIO_IOMMU_PAGE_BYTES - 1);
}

/* A memfd of a size that cannot change any more; -errno. */
static int create_memory(const char *name, size_t bytes)
{
	int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)bytes) ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) {
		error = errno;
		close(fd);
		return -error;
	}
	return fd;
}

static int map_memory(int fd, size_t bytes, void **memory)
{
	*memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return *memory == MAP_FAILED ? -errno : 0;
}

/* The arena is written here and only read in the firmware, so it gets a descriptor that says so. */
static int create_arena(struct svio_segment *segment)
{
	char path[64];
	int status, fd;

	segment->pages_a_domain = segment->vifs_max > MANY_VIFS ? PAGES_A_DOMAIN_MANY
								: PAGES_A_DOMAIN;
	segment->arena_bytes =
		((size_t)segment->vifs_max * (segment->pages_a_domain + 1) + ARENA_EXTRA_PAGES) *
		SVIO_IOMMU_PAGE_BYTES;
	fd = create_memory("svio-iommu", segment->arena_bytes);
	if (fd < 0)
		return fd;
	status = map_memory(fd, segment->arena_bytes, &segment->arena);
	if (!status) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		segment->arena_fd = open(path, O_RDONLY | O_CLOEXEC);
		if (segment->arena_fd < 0) {
			status = -errno;
			munmap(segment->arena, segment->arena_bytes);
		}
	}
	close(fd);
	return status;
}

static void lay_out(struct svio_segment *segment)
{
	struct svio_host_segment *shared = segment->shared;
	size_t vifs = align_page(sizeof(*shared));
	size_t faults = align_page(vifs + segment->vifs_max * sizeof(struct svio_host_vif));

	shared->version = SVIO_HOST_VERSION;
	shared->bytes = segment->bytes;
	shared->vifs_max = segment->vifs_max;
	shared->cores = segment->cores;
	shared->vifs_offset = vifs;
	shared->faults_offset = faults;
	shared->private_offset = align_page(faults + sizeof(struct svio_iommu_fault_log));
	segment->maps_offset = shared->private_offset + (size_t)SVIO_HOST_DEVICE_PRIVATE_BYTES;
	shared->maps_offset = segment->maps_offset;
	shared->dirty_offset =
		align_page(segment->maps_offset + segment->vifs_max * sizeof(struct svio_host_map));
	shared->magic = SVIO_HOST_MAGIC;
	segment->vifs = (struct svio_host_vif *)((char *)shared + vifs);
	segment->faults = (const struct svio_iommu_fault_log *)((char *)shared + faults);
	segment->dirty = (char *)shared + shared->dirty_offset;
}

static size_t segment_bytes(uint32_t vifs_max)
{
	return align_page(sizeof(struct svio_host_segment)) +
	       align_page(vifs_max * sizeof(struct svio_host_vif)) +
	       align_page(sizeof(struct svio_iommu_fault_log)) +
	       (size_t)SVIO_HOST_DEVICE_PRIVATE_BYTES +
	       align_page(vifs_max * sizeof(struct svio_host_map)) +
	       vifs_max * SVIO_HOST_DIRTY_BYTES;
}

int svio_segment_create(struct svio_segment *segment, uint32_t vifs_max)
{
	void *memory;
	int status;

	memset(segment, 0, sizeof(*segment));
	segment->vifs_max = vifs_max;
	segment->cores = CORES;
	segment->bytes = segment_bytes(vifs_max);
	segment->fd = create_memory("svio-segment", segment->bytes);
	if (segment->fd < 0)
		return segment->fd;
	status = map_memory(segment->fd, segment->bytes, &memory);
	if (status)
		goto close_fd;
	segment->shared = memory;
	status = create_arena(segment);
	if (status)
		goto unmap;
	lay_out(segment);
	return 0;
unmap:
	munmap(memory, segment->bytes);
close_fd:
	close(segment->fd);
	return status;
}

void svio_segment_destroy(struct svio_segment *segment)
{
	munmap(segment->arena, segment->arena_bytes);
	munmap(segment->shared, segment->bytes);
	close(segment->arena_fd);
	close(segment->fd);
}

/* Zeros, in pages that do not exist any more. False: not possible. */
static bool punch(const struct svio_segment *segment, uint64_t offset, uint64_t bytes)
{
	return fallocate(segment->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
			 (off_t)bytes) == 0;
}

void svio_segment_slot_release(const struct svio_segment *segment, uint32_t slot)
{
	struct svio_host_vif *vif = &segment->vifs[slot];
	const uint64_t map_bytes = sizeof(struct svio_host_map);

	if (!punch(segment, (uint64_t)((char *)vif - (char *)segment->shared), sizeof(*vif)))
		memset(vif, 0, sizeof(*vif));
	/* What cannot be given back of a map is zero already, and serves the slot's next VIF. */
	if (!punch(segment, segment->maps_offset + slot * map_bytes, map_bytes))
		svio_log(SVIO_LOG_WARNING, "memory of a map queue cannot be given back: %s",
			 strerror(errno));
}

int svio_segment_doorbell_create(const char *name)
{
	char memory_name[64];

	snprintf(memory_name, sizeof(memory_name), "svio-doorbell-%s", name);
	return create_memory(memory_name, SVIO_BAR_DOORBELL_BYTES);
}
