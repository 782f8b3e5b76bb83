// SPDX-License-Identifier: BSD-3-Clause
/*
 * Guest memory ("VFIO_USER_DMA_MAP", "VFIO_USER_DMA_UNMAP").
 *
 * An unmap is answered when no core of the device can touch the pages any
 * more. Clients send unmaps in bursts, so those that have arrived together, of
 * whichever clients, are all cleared first and then waited for once; their
 * answers are held back until then, because the connection sends nothing before
 * handle_idle(). Anything else that the client has sent in between waits first:
 * a map of the same range must not be entered while a core may still use the old
 * one.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "function.h"
#include "registry.h"
#include "session.h"

#define MAP_FLAGS (VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

static int check_map(const struct vfio_user_dma_map *map)
{
	if (map->argsz < sizeof(*map) || map->flags & ~(uint32_t)MAP_FLAGS ||
	    !(map->flags & MAP_FLAGS) || map->bytes == 0)
		return -EINVAL;
	if (map->iova + (map->bytes - 1) < map->iova || map->offset + map->bytes < map->offset)
		return -EOVERFLOW;
	return 0;
}

int bus_dma_map(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_dma_map map;
	int status;

	memcpy(&map, request->payload, sizeof(map));
	status = check_map(&map);
	if (!status)
		status = svio_vif_dma_map(session->function->vif, map.iova, map.bytes,
					  request->fd_count ? request->fds[0] : -1, map.offset,
					  map.flags & VFIO_DMA_MAP_FLAG_READ,
					  map.flags & VFIO_DMA_MAP_FLAG_WRITE);
	if (!status)
		bus_session_reply(session, NULL, 0);
	return status;
}

/*
 * With ALL, address and size say nothing. Otherwise the range may hold any
 * number of whole maps, also none: with a vIOMMU clients unmap far more than
 * they have mapped. Its end may be the end of the address space.
 */
static int check_unmap(const struct vfio_user_dma_unmap *unmap)
{
	if (unmap->argsz < sizeof(*unmap) || unmap->flags & ~(uint32_t)VFIO_DMA_UNMAP_FLAG_ALL)
		return -EINVAL;
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL)
		return 0;
	if (unmap->bytes == 0 || unmap->iova + (unmap->bytes - 1) < unmap->iova)
		return -EINVAL;
	return 0;
}

int bus_dma_unmap(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_dma_unmap unmap;
	int status;

	memcpy(&unmap, request->payload, sizeof(unmap));
	status = check_unmap(&unmap);
	if (status)
		return status;
	status = svio_vif_dma_unmap_begin(session->function->vif, unmap.iova, unmap.bytes,
					  unmap.flags & VFIO_DMA_UNMAP_FLAG_ALL);
	if (status)
		return status;
	session->unmaps_queued = true;
	bus_session_reply(session, &unmap, sizeof(unmap));
	return 0;
}

void bus_dma_flush(struct bus_session *session)
{
	if (!session->unmaps_queued)
		return;
	session->unmaps_queued = false;
	svio_vif_dma_unmap_flush(session->function->vif);
}
