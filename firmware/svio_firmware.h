/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware, as a port drives it.
 *
 * A port maps the segment (svio_host.h), the IOMMU's tables and the guests'
 * memory objects, calls svio_fw_attach(), then svio_fw_poll() over and over
 * from one thread a core, and the other calls between polls on the same
 * thread. The firmware never blocks, allocates or reads a clock other than
 * svio_hal_now_ns().
 *
 * What survives a crash is in the segment; struct svio_fw is the rest, in the
 * port's memory (pointers, scheduler, caches), rebuilt by svio_fw_attach() and
 * svio_fw_vif_add().
 */
#ifndef SVIO_FIRMWARE_H
#define SVIO_FIRMWARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svio_hal.h"
#include "svio_host.h"

#define SVIO_FW_VERSION_MAJOR 0
#define SVIO_FW_VERSION_MINOR 1
#define SVIO_FW_VERSION_PATCH 0

struct svio_fw;

/*
 * Bytes of memory that svio_fw_attach() needs for a segment with vifs_max VIFs.
 * Most of it is for classes and groups: each VIF may have eight, and a node of
 * the scheduler is some hundred bytes. What is not used is never touched.
 */
size_t svio_fw_bytes(uint32_t vifs_max);

/*
 * Attach to a segment, fresh or left by an earlier firmware.
 *
 * memory: svio_fw_bytes() bytes, 64-aligned, zero-filled. tables: the IOMMU
 * arena. port_bps: the wire's rate, 0 where it has none, until group 0 is set.
 * 0 and *fw; -EPROTO: magic, version or size of the segment are not this
 * firmware's; -EINVAL: a pointer is missing or misaligned.
 */
int svio_fw_attach(void *memory, struct svio_host_segment *segment, const void *tables,
		   struct svio_hal *hal, const struct svio_hal_ops *ops, uint64_t port_bps,
		   struct svio_fw **fw);

/*
 * A VIF is there (its slot in the segment has in_use and config; its doorbells
 * are mapped). With state left from an earlier firmware it goes on where that
 * one stopped (rings are reconciled, armed queues get a spurious interrupt).
 * 0; -EINVAL: vif out of range, not in use, config or qos contradicts itself
 * or names a group that is not there; -E2BIG: guarantees do not fit; -EEXIST:
 * added already.
 */
int svio_fw_vif_add(struct svio_fw *fw, uint32_t vif);

/* A VIF goes away; its state in the segment is cleared. 0; -ENODEV: no such VIF. */
int svio_fw_vif_del(struct svio_fw *fw, uint32_t vif);

/*
 * Config or qos in the slot has changed; queues that have something to send keep
 * it, whatever becomes of the VIF's group and classes. 0; -ENODEV; -EINVAL:
 * contradictory; -E2BIG: guarantees do not fit; nothing changed then.
 */
int svio_fw_vif_update(struct svio_fw *fw, uint32_t vif);

/* FLR or bus reset. The doorbell page and all queues are as after power-on. 0; -ENODEV. */
int svio_fw_vif_reset(struct svio_fw *fw, uint32_t vif);

/*
 * A 32-bit write to BAR0. 0 (also for writes that mean nothing: the guest sees
 * STATUS and ERROR); -ENODEV; -EINVAL: offset not aligned or beyond the BAR.
 */
int svio_fw_reg_write(struct svio_fw *fw, uint32_t vif, uint32_t offset, uint32_t value);

/*
 * A group's slot in the segment was filled or has changed (group 0: the port,
 * whose max is its rate). A group that is there already is changed. 0; -EINVAL:
 * out of range, not in use, settings out of range, parent is not there or is
 * nested itself; -E2BIG: guarantees do not fit; -EBUSY: parent is another than
 * before. Nothing changed then.
 */
int svio_fw_group_set(struct svio_fw *fw, uint32_t group);

/* A group goes away. 0, also if it was not there; -EINVAL: out of range, the port; -EBUSY. */
int svio_fw_group_del(struct svio_fw *fw, uint32_t group);

/* Bring what each node did, and what holds it back, up to date in the segment. */
void svio_fw_qos_read(struct svio_fw *fw);

/* The wire's link or rate has changed: VIFs are told. */
void svio_fw_wire_link(struct svio_fw *fw, bool up, uint32_t speed_mbps);

/*
 * One pass: wakes, admin queues, transmit by schedule, wire receive, interrupts.
 * Returns the amount of work done (packets and commands): 0 means nothing was
 * to do.
 */
uint32_t svio_fw_poll(struct svio_fw *fw);

/*
 * Prepare to sleep: mark every VIF asleep, then look once more. True: nobody
 * has anything to do, the port may sleep until a kick, wire traffic or
 * *deadline_ns (absolute; UINT64_MAX: none). False: poll on (marks are undone).
 * After sleeping the port calls svio_fw_wake().
 */
bool svio_fw_sleep(struct svio_fw *fw, uint64_t *deadline_ns);
void svio_fw_wake(struct svio_fw *fw);

/* The port's objects have changed: where they lay is forgotten. Between two passes. */
void svio_fw_objects_changed(struct svio_fw *fw);

/* An object has vanished under a copy (the port caught it): stop the VIF that uses it. */
void svio_fw_object_lost(struct svio_fw *fw, uint32_t object);

#endif /* SVIO_FIRMWARE_H */
