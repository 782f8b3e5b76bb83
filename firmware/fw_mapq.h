/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map queue (SPEC.md, chapter 11): by it a guest grants pages of its own to its VIF and
 * revokes them, without an exit.
 *
 * Its ring and status, and all of the admin queue, are reached through the second stage alone;
 * whatever a transmit or receive queue names goes through both.
 */
#ifndef SVIO_FW_MAPQ_H
#define SVIO_FW_MAPQ_H

#include "fw.h"

/* Entries of one VIF in one pass. Those that an access waits for are not bound by it. */
#define FW_MAPQ_BATCH 64

/* Is there something to carry out, or to tell? */
static inline bool fw_mapq_pending(const struct fw_vif *vif)
{
	const struct fw_queue *map = &vif->sram->map;

	return vif->staged && map->state == FW_QUEUE_RUNNING &&
	       (fw_load(&vif->doorbells->map.tail) != map->index ||
		map->index != vif->map_published);
}

/*
 * Carry out up to FW_MAPQ_BATCH entries and tell the guest. Only at the beginning of a
 * section: what the guest is told must hold for the rest of it. Returns entries.
 */
uint32_t fw_mapq_poll(struct svio_fw *fw, struct fw_vif *vif);

/*
 * An access met a page that is not granted: the entry that grants it may be on the ring, since
 * a driver need not wait for it. Carry out all there are, and tell nobody yet. In a section.
 * False: there were none.
 */
bool fw_mapq_catch_up(struct svio_fw *fw, struct fw_vif *vif);

/* The queue goes away, and all that was granted with it. */
void fw_mapq_forget(struct svio_fw *fw, struct fw_vif *vif);

/* A new firmware process goes on (fw_recover.c). */
void fw_mapq_resume(struct fw_vif *vif);
void fw_mapq_recover(struct svio_fw *fw, struct fw_vif *vif);

#endif /* SVIO_FW_MAPQ_H */
