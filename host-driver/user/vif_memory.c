/* SPDX-License-Identifier: BSD-3-Clause */
/* DMA memory: one memfd, shared with the device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vif_internal.h"

#define PAGE_BYTES     4096ull
#define HUGEPAGE_BYTES (2ull * 1024 * 1024)

static uint64_t round_up(uint64_t value, uint64_t unit)
{
	return (value + unit - 1) / unit * unit;
}

/*
 * Buffers are an odd number of cache lines apart: at a power of two the first
 * lines of all buffers would share a few sets of the processors' caches.
 */
static uint32_t buf_stride(uint32_t buf_bytes)
{
	uint32_t lines =
		(uint32_t)round_up(buf_bytes, SVIO_CACHE_LINE_BYTES) / SVIO_CACHE_LINE_BYTES;

	return (lines | 1) * SVIO_CACHE_LINE_BYTES;
}

static uint64_t pair_bytes(const struct svio_vif_options *options)
{
	uint64_t tx = 1ull << options->tx_ring_lg2;
	uint64_t rx = 1ull << options->rx_ring_lg2;

	return tx * sizeof(struct svio_tx_desc) + sizeof(struct svio_tx_status) +
	       rx * (sizeof(struct svio_rx_desc) + sizeof(struct svio_rx_cmpl));
}

static uint64_t admin_bytes(void)
{
	return (sizeof(struct svio_admin_cmd) + sizeof(struct svio_admin_cmpl)) << VIF_ADMIN_LG2;
}

static uint64_t map_bytes(void)
{
	return (sizeof(struct svio_map_entry) << VIF_MAP_LG2) + sizeof(struct svio_map_status);
}

static void plan_memory(struct svio_vif *vif)
{
	const struct svio_vif_options *options = &vif->options;
	struct vif_memory *memory = &vif->memory;
	uint64_t at = admin_bytes() + VIF_SCRATCH_BYTES + map_bytes() +
		      options->queues * pair_bytes(options);

	memory->bufs_offset = round_up(at, PAGE_BYTES);
	at = memory->bufs_offset +
	     (uint64_t)buf_stride(options->buf_bytes) * options->bufs * options->queues;
	memory->extra_offset = round_up(at, PAGE_BYTES);
	memory->bytes = round_up(memory->extra_offset + options->extra_bytes, HUGEPAGE_BYTES);
}

static int map_memfd(struct vif_memory *memory, unsigned int flags)
{
	memory->fd = memfd_create("svio-vif", MFD_CLOEXEC | flags);
	if (memory->fd < 0)
		return -errno;
	if (ftruncate(memory->fd, (off_t)memory->bytes) == 0) {
		void *base = mmap(NULL, memory->bytes, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_POPULATE, memory->fd, 0);

		if (base != MAP_FAILED) {
			memory->base = base;
			return 0;
		}
	}
	int error = -errno;

	close(memory->fd);
	memory->fd = -1;
	return error;
}

static int get_memory(struct svio_vif *vif)
{
	struct vif_memory *memory = &vif->memory;
	int status;

	if (vif->options.hugepages && map_memfd(memory, MFD_HUGETLB) == 0) {
		memory->hugepages = true;
		return 0;
	}
	status = map_memfd(memory, 0);
	if (status)
		return vif_fail(status,
				"cannot get %llu bytes of shared memory: %s; use fewer buffers",
				(unsigned long long)memory->bytes, strerror(-status));
	madvise(memory->base, memory->bytes, MADV_HUGEPAGE);
	return 0;
}

static void place_pair(struct svio_vif *vif, struct svio_vif_queue *queue, uint8_t *at)
{
	queue->tx.entries = 1u << vif->options.tx_ring_lg2;
	queue->rx.lg2 = vif->options.rx_ring_lg2;
	queue->rx.entries = 1u << queue->rx.lg2;
	queue->tx.ring = (struct svio_tx_desc *)at;
	queue->tx.status = (struct svio_tx_status *)(queue->tx.ring + queue->tx.entries);
	queue->rx.ring = (struct svio_rx_desc *)(queue->tx.status + 1);
	queue->rx.cmpl = (struct svio_rx_cmpl *)(queue->rx.ring + queue->rx.entries);
	queue->tx.iova_delta =
		vif_device_addr(vif, vif->memory.base) - (uint64_t)(uintptr_t)vif->memory.base;
	queue->rx.iova_delta = queue->tx.iova_delta;
	queue->rx.buf_bytes = vif->options.buf_bytes;
	queue->pool.base = vif->memory.base + vif->memory.bufs_offset;
	queue->pool.stride_bytes = buf_stride(vif->options.buf_bytes);
}

static void place_parts(struct svio_vif *vif)
{
	uint8_t *at = vif->memory.base;

	vif->admin.sq = (struct svio_admin_cmd *)at;
	vif->admin.cq = (struct svio_admin_cmpl *)(vif->admin.sq + (1u << VIF_ADMIN_LG2));
	vif->scratch = at + admin_bytes();
	vif->map.ring = (struct svio_map_entry *)(vif->scratch + VIF_SCRATCH_BYTES);
	vif->map.status = (struct svio_map_status *)(vif->map.ring + (1u << VIF_MAP_LG2));
	at = (uint8_t *)(vif->map.status + 1);
	for (uint16_t i = 0; i < vif->options.queues; i++)
		place_pair(vif, &vif->queues[i], at + i * pair_bytes(&vif->options));
}

int vif_memory_create(struct svio_vif *vif)
{
	int status;

	plan_memory(vif);
	if (vif->options.iova + vif->memory.bytes > 1ull << 48)
		return vif_fail(-EINVAL, "I/O addresses end at 2^48: choose a lower iova");
	status = get_memory(vif);
	if (status)
		return status;
	place_parts(vif);
	vif->info.hugepages = vif->memory.hugepages;
	status = vfio_user_client_dma_map(&vif->client, vif->options.iova, vif->memory.bytes,
					  vif->memory.fd, 0,
					  VFIO_USER_DMA_READABLE | VFIO_USER_DMA_WRITEABLE);
	if (status)
		return vif_fail(status, "the device does not take our memory: %s",
				strerror(-status));
	return 0;
}

void vif_memory_destroy(struct svio_vif *vif)
{
	if (vif->memory.base)
		munmap(vif->memory.base, vif->memory.bytes);
	if (vif->memory.fd >= 0)
		close(vif->memory.fd);
	vif->memory.base = NULL;
	vif->memory.fd = -1;
}
