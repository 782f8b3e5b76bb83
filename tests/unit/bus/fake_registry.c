// SPDX-License-Identifier: BSD-3-Clause
#include "fake_registry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svio_iommu_dirty.h"
#include "svio_pci.h"

#define PAGE 4096

struct svio_vif *fake_vif_new(const char *name, uint16_t vectors)
{
	struct svio_vif *vif = calloc(1, sizeof(*vif));

	if (!vif)
		return NULL;
	strncpy(vif->name, name, sizeof(vif->name) - 1);
	vif->vectors = vectors;
	for (size_t i = 0; i < sizeof(vif->regs); i++)
		vif->regs[i] = (uint8_t)i;
	for (size_t i = 0; i < 64; i++)
		vif->vector_fds[i] = -1;
	vif->doorbell_fd = memfd_create("doorbell", MFD_CLOEXEC);
	if (vif->doorbell_fd < 0 || ftruncate(vif->doorbell_fd, SVIO_BAR_DOORBELL_BYTES)) {
		fake_vif_free(vif);
		return NULL;
	}
	return vif;
}

static void drop_client(struct svio_vif *vif)
{
	vif->map_count = 0;
	vif->dirty = false;
	for (size_t i = 0; i < 64; i++) {
		if (vif->vector_fds[i] >= 0)
			close(vif->vector_fds[i]);
		vif->vector_fds[i] = -1;
	}
}

void fake_vif_free(struct svio_vif *vif)
{
	drop_client(vif);
	if (vif->doorbell_fd >= 0)
		close(vif->doorbell_fd);
	free(vif);
}

void fake_vif_forget(struct svio_vif *vif)
{
	vif->record_count = 0;
	memset(vif->counts, 0, sizeof(vif->counts));
}

size_t fake_vif_find(const struct svio_vif *vif, enum fake_call call, uint64_t arg, size_t from)
{
	for (size_t i = from; i < vif->record_count; i++) {
		if (vif->records[i].call == call && vif->records[i].arg == arg)
			return i;
	}
	return SIZE_MAX;
}

/* Returns the status that was injected for this call. */
static int record_call(struct svio_vif *vif, enum fake_call call, uint64_t arg)
{
	int status = vif->fail[call];

	vif->fail[call] = 0;
	vif->counts[call]++;
	if (vif->record_count < FAKE_CALLS_MAX)
		vif->records[vif->record_count++] = (struct fake_record){ call, arg };
	return status;
}

static void complete(struct svio_vif *vif, svio_vif_done_fn done, void *context, int status)
{
	if (!vif->hold) {
		done(context, status);
		return;
	}
	if (vif->held_count == FAKE_HELD_MAX)
		abort();
	vif->held[vif->held_count].done = done;
	vif->held[vif->held_count++].context = context;
}

bool fake_vif_held(const struct svio_vif *vif)
{
	return vif->held_count > 0;
}

void fake_vif_release(struct svio_vif *vif, int status)
{
	svio_vif_done_fn done = vif->held[0].done;
	void *context = vif->held[0].context;

	memmove(&vif->held[0], &vif->held[1], --vif->held_count * sizeof(vif->held[0]));
	done(context, status);
}

const char *svio_vif_name(const struct svio_vif *vif)
{
	return vif->name;
}

uint16_t svio_vif_vectors(const struct svio_vif *vif)
{
	return vif->vectors;
}

int svio_vif_doorbell_fd(const struct svio_vif *vif)
{
	return vif->doorbell_fd;
}

void svio_vif_connected_by(struct svio_vif *vif, int32_t pid)
{
	vif->client = pid;
}

void svio_vif_reg_read(const struct svio_vif *vif, uint32_t offset, void *data, uint32_t bytes)
{
	memcpy(data, vif->regs + offset, bytes);
}

void svio_vif_reg_write(struct svio_vif *vif, uint32_t offset, const void *data, uint32_t bytes,
			svio_vif_done_fn done, void *context)
{
	uint32_t word = 0;
	int status;

	memcpy(&word, data, bytes < sizeof(word) ? bytes : sizeof(word));
	status = record_call(vif, FAKE_REG_WRITE, (uint64_t)offset << 32 | word);
	if (!status)
		memcpy(vif->regs + offset, data, bytes);
	complete(vif, done, context, status);
}

void svio_vif_reset(struct svio_vif *vif, svio_vif_done_fn done, void *context)
{
	complete(vif, done, context, record_call(vif, FAKE_RESET, 0));
}

void svio_vif_bus_master_set(struct svio_vif *vif, bool on)
{
	record_call(vif, FAKE_BUS_MASTER, on);
	vif->bus_master = on;
}

static int check_memory(int fd, uint64_t offset, uint64_t bytes, bool writable)
{
	struct stat status;
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fstat(fd, &status) || !S_ISREG(status.st_mode))
		return -EINVAL;
	if (offset % PAGE || offset + bytes > (uint64_t)status.st_size)
		return -EINVAL;
	if (writable && (flags & O_ACCMODE) != O_RDWR)
		return -EACCES;
	return 0;
}

int svio_vif_dma_map(struct svio_vif *vif, uint64_t iova, uint64_t bytes, int fd, uint64_t offset,
		     bool readable, bool writable)
{
	int status = record_call(vif, FAKE_DMA_MAP, iova);

	(void)readable;
	if (status)
		return status;
	if (bytes == 0 || iova % PAGE || bytes % PAGE)
		return -EINVAL;
	if (iova + (bytes - 1) < iova || offset + bytes < offset)
		return -EOVERFLOW;
	if (fd >= 0) {
		status = check_memory(fd, offset, bytes, writable);
		if (status)
			return status;
	}
	for (size_t i = 0; i < vif->map_count; i++) {
		const struct fake_map *map = &vif->maps[i];

		if (iova <= map->iova + (map->bytes - 1) && map->iova <= iova + (bytes - 1))
			return -EEXIST;
	}
	if (vif->map_count == FAKE_MAPS_MAX)
		return -ENOSPC;
	vif->maps[vif->map_count++] = (struct fake_map){ iova, bytes };
	return 0;
}

int svio_vif_dma_unmap_begin(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all)
{
	int status = record_call(vif, FAKE_DMA_UNMAP_BEGIN, iova);
	uint64_t last = iova + (bytes - 1);
	size_t kept = 0;

	if (status)
		return status;
	for (size_t i = 0; i < vif->map_count && !all; i++) {
		const struct fake_map *map = &vif->maps[i];
		uint64_t map_last = map->iova + (map->bytes - 1);
		bool outside = map_last < iova || map->iova > last;

		if (!outside && (map->iova < iova || map_last > last))
			return -EINVAL;
	}
	for (size_t i = 0; i < vif->map_count && !all; i++) {
		const struct fake_map map = vif->maps[i];

		if (map.iova + (map.bytes - 1) < iova || map.iova > last)
			vif->maps[kept++] = map;
	}
	vif->map_count = kept;
	return 0;
}

void svio_vif_dma_unmap_flush(struct svio_vif *vif)
{
	record_call(vif, FAKE_DMA_UNMAP_FLUSH, 0);
}

int svio_vif_dma_unmap(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all)
{
	int status = svio_vif_dma_unmap_begin(vif, iova, bytes, all);

	if (!status)
		svio_vif_dma_unmap_flush(vif);
	return status;
}

int svio_vif_dirty_start(struct svio_vif *vif, const struct svio_iommu_dirty_range *ranges,
			 uint32_t count, uint64_t *page_bytes)
{
	int status = record_call(vif, FAKE_DIRTY_START, (uint64_t)count << 32 | *page_bytes);

	for (uint32_t i = 0; i < count && !status; i++)
		status = ranges[i].bytes ? 0 : -EINVAL;
	if (status)
		return status;
	if (vif->dirty)
		return -EBUSY;
	if (*page_bytes < PAGE)
		*page_bytes = PAGE;
	vif->dirty = true;
	return 0;
}

void svio_vif_dirty_stop(struct svio_vif *vif)
{
	record_call(vif, FAKE_DIRTY_STOP, 0);
	vif->dirty = false;
}

int svio_vif_dirty_report(struct svio_vif *vif, uint64_t iova, uint64_t bytes, uint64_t page_bytes,
			  uint64_t *bitmap)
{
	int status = record_call(vif, FAKE_DIRTY_REPORT, iova);

	if (status)
		return status;
	if (!vif->dirty || page_bytes < PAGE || bytes % page_bytes)
		return -EINVAL;
	memset(bitmap, 0, (bytes / page_bytes + 63) / 64 * 8);
	for (uint64_t page = 0; page < bytes / page_bytes; page += 3)
		bitmap[page / 64] |= 1ull << page % 64;
	return 0;
}

int svio_vif_irq_set(struct svio_vif *vif, uint16_t vector, int fd)
{
	int status = record_call(vif, FAKE_IRQ_SET, (uint64_t)vector << 1 | (fd >= 0));

	if (status)
		return status;
	if (vector >= vif->vectors)
		return -EINVAL;
	if (vif->vector_fds[vector] >= 0)
		close(vif->vector_fds[vector]);
	vif->vector_fds[vector] = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, 0) : -1;
	return 0;
}

uint64_t svio_vif_irq_pending(const struct svio_vif *vif)
{
	return vif->pending;
}

void svio_vif_disconnected(struct svio_vif *vif)
{
	record_call(vif, FAKE_DISCONNECTED, 0);
	drop_client(vif);
}
