/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map queue (SPEC, chapter 11). The library's own memory is granted as a whole, page n of it
 * under page n of the window, for as long as the VIF is set up.
 */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "vif_internal.h"

#define ENTRIES (1u << VIF_MAP_LG2)

uint64_t vif_device_addr(const struct svio_vif *vif, const void *data)
{
	if (vif->options.map_queue)
		return (uint64_t)(uintptr_t)data - (uint64_t)(uintptr_t)vif->memory.base;
	return svio_vif_iova(vif, data);
}

static uint32_t load_head(const struct svio_vif *vif)
{
	return __atomic_load_n(&vif->map.status->head, __ATOMIC_ACQUIRE);
}

int svio_vif_map_post(struct svio_vif *vif, const struct svio_map_entry *entries, uint32_t n)
{
	struct vif_map *map = &vif->map;

	if (!vif->options.map_queue)
		return vif_fail(-EOPNOTSUPP, "opened without a map queue");
	if (n > ENTRIES - (map->tail - load_head(vif)))
		return -EAGAIN;
	for (uint32_t i = 0; i < n; i++)
		map->ring[(map->tail + i) % ENTRIES] = entries[i];
	map->tail += n;
	vif_doorbell_store(&vif->doorbells->map.tail, map->tail);
	vif_tail_announce(vif);
	return 0;
}

bool svio_vif_map_done(const struct svio_vif *vif)
{
	return !vif->options.map_queue || load_head(vif) == vif->map.tail;
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

int svio_vif_map_wait(struct svio_vif *vif)
{
	uint64_t end = now_ms() + vif->options.timeout_ms;

	while (!svio_vif_map_done(vif)) {
		if (now_ms() > end)
			return vif_fail(-ETIMEDOUT,
					"the device does not carry out map entries; has the queue "
					"stopped? (svio_vif_queue_error_get)");
		sched_yield(); /* the device may need this core */
	}
	return 0;
}

/* All of our memory, in as large pieces as an entry takes. */
static int grant_memory(struct svio_vif *vif)
{
	uint32_t pages = (uint32_t)(vif->memory.bytes >> SVIO_MAP_PAGE_LG2);
	int status = 0;

	for (uint32_t page = 0; !status && page < pages; page += SVIO_MAP_ENTRY_PAGES_MAX) {
		uint32_t left = pages - page;
		struct svio_map_entry entry = {
			.addr = vif->options.iova + ((uint64_t)page << SVIO_MAP_PAGE_LG2),
			.page = page,
			.pages = (uint16_t)(left < SVIO_MAP_ENTRY_PAGES_MAX
						    ? left
						    : SVIO_MAP_ENTRY_PAGES_MAX),
			.flags = SVIO_MAP_READ | SVIO_MAP_WRITE,
		};

		status = svio_vif_map_post(vif, &entry, 1);
		if (status == -EAGAIN) {
			status = svio_vif_map_wait(vif);
			if (!status)
				status = svio_vif_map_post(vif, &entry, 1);
		}
	}
	return status ? status : svio_vif_map_wait(vif);
}

int vif_map_create(struct svio_vif *vif)
{
	struct svio_admin_cmd cmd = {
		.opcode = SVIO_ADMIN_MAPQ_CREATE,
		.queue_create = { .ring = svio_vif_iova(vif, vif->map.ring),
				  .completion = svio_vif_iova(vif, vif->map.status),
				  .vector = SVIO_VECTOR_NONE,
				  .ring_lg2 = VIF_MAP_LG2 },
	};
	uint32_t pages = 0;
	int status;

	if (!vif->options.map_queue)
		return 0;
	status = vif_reg_read(vif, SVIO_REG_MAP_PAGES, &pages);
	if (status)
		return status;
	if (vif->memory.bytes >> SVIO_MAP_PAGE_LG2 > pages)
		return vif_fail(-EINVAL, "%llu MiB of memory: the map queue's window has %u",
				(unsigned long long)(vif->memory.bytes >> 20), pages >> 8);
	memset(vif->map.ring, 0, ENTRIES * sizeof(*vif->map.ring));
	memset(vif->map.status, 0, sizeof(*vif->map.status));
	vif->map.tail = 0;
	vif_doorbell_store(&vif->doorbells->map.tail, 0);
	status = svio_vif_admin(vif, &cmd, NULL);
	return status ? status : grant_memory(vif);
}
