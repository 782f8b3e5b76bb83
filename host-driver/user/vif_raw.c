/* SPDX-License-Identifier: BSD-3-Clause */
/* See svio_vif_raw.h. */
#include "svio_vif_raw.h"

#include "vif_internal.h"

uint16_t svio_vif_raw_messages(const struct svio_vif *vif)
{
	return vif->client.next_id;
}

void svio_vif_raw_get(struct svio_vif *vif, struct svio_vif_raw *raw)
{
	raw->doorbells = vif->doorbells;
	raw->admin_sq = vif->admin.sq;
	raw->admin_cq = vif->admin.cq;
	raw->admin_lg2 = VIF_ADMIN_LG2;
	raw->memory = vif->memory.base;
	raw->memory_bytes = vif->memory.bytes;
	raw->iova = vif->options.iova;
	raw->memory_fd = vif->memory.fd;
}

void svio_vif_raw_tail_store(struct svio_vif *vif, uint16_t kind, uint16_t qid, uint32_t tail)
{
	volatile struct svio_doorbell *doorbell = &vif->doorbells->admin;

	if (kind == SVIO_QUEUE_TX)
		doorbell = &vif->doorbells->tx[qid % SVIO_QUEUES_MAX];
	else if (kind == SVIO_QUEUE_RX)
		doorbell = &vif->doorbells->rx[qid % SVIO_QUEUES_MAX];
	vif_doorbell_store(&doorbell->tail, tail);
	vif_tail_announce(vif);
}

int svio_vif_raw_reg_read(struct svio_vif *vif, uint32_t offset, uint32_t *value)
{
	return vif_reg_read(vif, offset, value);
}

int svio_vif_raw_reg_write(struct svio_vif *vif, uint32_t offset, uint32_t value)
{
	return vif_reg_write(vif, offset, value);
}

int svio_vif_raw_region_read(struct svio_vif *vif, uint32_t region, uint64_t offset, void *data,
			     uint32_t bytes)
{
	return vfio_user_client_region_read(&vif->client, region, offset, data, bytes);
}

int svio_vif_raw_region_write(struct svio_vif *vif, uint32_t region, uint64_t offset,
			      const void *data, uint32_t bytes)
{
	return vfio_user_client_region_write(&vif->client, region, offset, data, bytes);
}

int svio_vif_raw_dma_map(struct svio_vif *vif, uint64_t iova, uint64_t bytes, int fd,
			 uint64_t offset, bool readable, bool writable)
{
	uint32_t flags = (readable ? VFIO_USER_DMA_READABLE : 0) |
			 (writable ? VFIO_USER_DMA_WRITEABLE : 0);

	return vfio_user_client_dma_map(&vif->client, iova, bytes, fd, offset, flags);
}

int svio_vif_raw_dma_unmap(struct svio_vif *vif, uint64_t iova, uint64_t bytes)
{
	return vfio_user_client_dma_unmap(&vif->client, iova, bytes, 0);
}

int svio_vif_raw_bus_reset(struct svio_vif *vif)
{
	return vfio_user_client_device_reset(&vif->client);
}

int svio_vif_raw_bus_master_set(struct svio_vif *vif, bool on)
{
	return vif_bus_master_set(vif, on);
}

_Static_assert(sizeof(struct svio_vif_raw_range) == sizeof(struct vfio_user_range), "handed on");

int svio_vif_raw_dirty_start(struct svio_vif *vif, const struct svio_vif_raw_range *ranges,
			     uint32_t count, uint64_t *page_bytes)
{
	return vfio_user_client_logging_start(&vif->client, (const void *)ranges, count,
					      page_bytes);
}

int svio_vif_raw_dirty_stop(struct svio_vif *vif)
{
	return vfio_user_client_logging_stop(&vif->client);
}

int svio_vif_raw_dirty_report(struct svio_vif *vif, uint64_t iova, uint64_t bytes,
			      uint64_t page_bytes, uint64_t *bitmap)
{
	return vfio_user_client_logging_report(&vif->client, iova, bytes, page_bytes, bitmap);
}
