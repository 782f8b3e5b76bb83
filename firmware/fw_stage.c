/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_stage.h"

static void store(struct svio_fw *fw, struct fw_vif *vif, uint32_t page, uint64_t entry)
{
	__atomic_store_n(&vif->map->page[page], entry, __ATOMIC_RELAXED);
	SVIO_HAL_STEP(fw->hal);
}

/* Nothing can refuse the entry any more: a firmware after this one may find some of it done. */
static void begin(struct svio_fw *fw, struct fw_vif *vif)
{
	__atomic_store_n(&vif->sram->map_begun, FW_MAP_BEGUN | vif->sram->map.index,
			 __ATOMIC_RELEASE);
	SVIO_HAL_STEP(fw->hal);
}

bool fw_stage_grant(struct svio_fw *fw, struct fw_vif *vif, uint32_t page, uint32_t pages,
		    uint64_t entry, bool repeat)
{
	const svio_le64 *old = &vif->map->page[page];
	uint32_t i;

	for (i = 0; i < pages; i++) {
		if (old[i] && !(repeat && old[i] == entry + ((uint64_t)i << SVIO_MAP_PAGE_LG2)))
			return false;
	}
	begin(fw, vif);
	/* Before the first page: whoever clears the table after a crash must find them all. */
	if (vif->sram->map_end < page + pages)
		__atomic_store_n(&vif->sram->map_end, page + pages, __ATOMIC_RELEASE);
	for (i = 0; i < pages; i++)
		store(fw, vif, page + i, entry + ((uint64_t)i << SVIO_MAP_PAGE_LG2));
	fw_count(vif, SVIO_COUNTER_map_granted, pages);
	return true;
}

bool fw_stage_revoke(struct svio_fw *fw, struct fw_vif *vif, uint32_t page, uint32_t pages,
		     bool repeat)
{
	const svio_le64 *old = &vif->map->page[page];
	uint32_t i;

	for (i = 0; i < pages; i++) {
		if (!old[i] && !repeat)
			return false;
	}
	begin(fw, vif);
	for (i = 0; i < pages; i++)
		store(fw, vif, page + i, 0);
	fw_stage_forget(vif);
	fw_count(vif, SVIO_COUNTER_map_revoked, pages);
	return true;
}

void fw_stage_clear(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t end = vif->sram->map_end;
	uint32_t granted = 0;
	uint32_t i;

	/* map_end is in shared memory, which a firmware before this one has written. */
	for (i = 0; i < end && i < SVIO_MAP_PAGES_MAX; i++) {
		if (!vif->map->page[i])
			continue;
		store(fw, vif, i, 0);
		granted++;
	}
	fw_stage_forget(vif);
	fw_count(vif, SVIO_COUNTER_map_revoked, granted);
	vif->sram->map_end = 0;
}
