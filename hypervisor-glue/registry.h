/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The VIF registry: what the bus knows of the device behind it.
 *
 * The glue owns the segment, the IOMMU's tables, the memory objects and the
 * firmware process; the bus owns vfio-user sockets and PCI. A VIF is made by
 * the administrator (control socket), lives here, and gets one bus front.
 *
 * All functions are called on sviod's one thread. Functions with a done
 * callback answer through it exactly once, possibly before they return;
 * while the firmware process is being replaced that may take some 100 ms.
 */
#ifndef SVIO_REGISTRY_H
#define SVIO_REGISTRY_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_host.h"

struct svio_device;
struct svio_iommu_dirty_range;
struct svio_vif;
struct svio_loop;

/* What an administrator decides about a VIF. Zero means the default where one is named. */
struct svio_vif_settings {
	char name[SVIO_HOST_NAME_BYTES]; /* [a-z0-9][a-z0-9._-]*, at most 31 */
	uint8_t mac[6];                  /* all zero: made from the name, locally administered */
	uint16_t vlan;                   /* 1..4094; 0: trunk */
	uint16_t queues;                 /* pairs; 0: 4 */
	uint16_t mtu_max;                /* 0: 9000 */
	bool trusted;
	bool link_down;
	bool map_queue; /* the feature MAP_QUEUE is offered, from the driver's next reset on */
	bool mapped;    /* qos.lane and qos.dscp_level are given; else they get their defaults */
	uint64_t rx_max_bps;          /* 0: no ceiling */
	uint32_t rx_wait_us;          /* how long other VIFs wait for its buffers; 0: they do not */
	struct svio_host_vif_qos qos; /* all zero: below the port, an equal share, no ceiling */
};

/*
 * The bus front of a VIF: what the registry asks of the bus. Each is called
 * with what add() returned.
 */
struct svio_bus_ops {
	/* A VIF was made: listen on path (DIR/NAME.sock). NULL with errno: the VIF is not made. */
	void *(*add)(void *bus, struct svio_vif *vif, const char *path);
	/* The VIF goes away: close the client as QEMU-safe as possible, unlink the socket, free. */
	void (*del)(void *front);
	/* A client is connected. */
	bool (*connected)(void *front);
};

/* For the bus. */

const char *svio_vif_name(const struct svio_vif *vif);
/* MSI-X vectors of this VIF, 1..64. */
uint16_t svio_vif_vectors(const struct svio_vif *vif);
/* The doorbell BAR's memory (SVIO_BAR_DOORBELL_BYTES, offset 0). The registry keeps it open. */
int svio_vif_doorbell_fd(const struct svio_vif *vif);

/*
 * status: 0; -errno from the firmware; -ECANCELED: the VIF was deleted or its
 * client disconnected meanwhile (called before svio_vif_disconnected() or the
 * bus' del() returns, never after); -ENODEV: the VIF is being deleted.
 */
typedef void (*svio_vif_done_fn)(void *context, int status);

/*
 * A client has connected: its process (SO_PEERCRED; 0: not known). Lets
 * svio_vif_dma_map() find out that a guest was started without share=on, from
 * /proc. Optional, before the first map.
 */
void svio_vif_connected_by(struct svio_vif *vif, int32_t pid);

/*
 * Read BAR0: aligned 32-bit words; other widths and bytes beyond the image read
 * zero (SPEC.md, chapter 3). Never waits.
 */
void svio_vif_reg_read(const struct svio_vif *vif, uint32_t offset, void *data, uint32_t bytes);

/*
 * Write BAR0. Only aligned 32-bit writes reach the device; others are ignored,
 * as SPEC.md says. WAKE is answered at once; others when the firmware has acted.
 */
void svio_vif_reg_write(struct svio_vif *vif, uint32_t offset, const void *data, uint32_t bytes,
			svio_vif_done_fn done, void *context);

/* FLR, DEVICE_RESET, new client: done when no queue runs and no core can touch guest memory. */
void svio_vif_reset(struct svio_vif *vif, svio_vif_done_fn done, void *context);

/* COMMAND.BM. Off: when this returns no core can touch guest memory of this VIF. */
void svio_vif_bus_master_set(struct svio_vif *vif, bool on);

/*
 * Map guest memory, as VFIO_USER_DMA_MAP asks. fd stays the caller's (it is
 * duplicated or recognised by device and inode); fd -1: a range without memory
 * behind it (another device's BAR): accepted, kept for unmap, never accessible.
 * 0; -EINVAL: misaligned, empty, fd too short or not memory; -EOVERFLOW: wraps;
 * -EEXIST: overlaps; -EACCES: fd is read-only and write was asked; -ENOSPC:
 * too many maps. A fd that is not shared memory (guest started without
 * share=on) is refused with a log line that says so.
 */
int svio_vif_dma_map(struct svio_vif *vif, uint64_t iova, uint64_t bytes, int fd, uint64_t offset,
		     bool readable, bool writable);

/*
 * Unmap; strict: when this returns no core can touch it. 0, also where nothing
 * was mapped; -EINVAL: would split a map, or a bad range. all: every map.
 */
int svio_vif_dma_unmap(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all);

/* The same for many ranges that are queued: clear now, one grace period for all at _flush(). */
int svio_vif_dma_unmap_begin(struct svio_vif *vif, uint64_t iova, uint64_t bytes, bool all);
void svio_vif_dma_unmap_flush(struct svio_vif *vif);

/*
 * The dirty log: which pages the device writes from when this returns (svio_iommu_dirty.h for
 * ranges and *page_bytes). It goes on over resets, and whatever is mapped and unmapped, and
 * ends when the client leaves. 0; -EBUSY: it is on; -ENODEV; -ENOMEM; -EINVAL, -EOVERFLOW,
 * -E2BIG: bad ranges.
 */
int svio_vif_dirty_start(struct svio_vif *vif, const struct svio_iommu_dirty_range *ranges,
			 uint32_t count, uint64_t *page_bytes);
/* Also where it is not on. */
void svio_vif_dirty_stop(struct svio_vif *vif);
/*
 * Report and clear, as svio_iommu_dirty_report(). What is reported has been written when this
 * returns, and what is written after it is in a later report. -EINVAL: also where no log is kept.
 */
int svio_vif_dirty_report(struct svio_vif *vif, uint64_t iova, uint64_t bytes, uint64_t page_bytes,
			  uint64_t *bitmap);

/* Connect a vector to an eventfd (duplicated), or disconnect (fd -1). 0; -EINVAL: no such vector. */
int svio_vif_irq_set(struct svio_vif *vif, uint16_t vector, int fd);

/* MSI-X pending bits, for reads of the PBA. */
uint64_t svio_vif_irq_pending(const struct svio_vif *vif);

/* The client is gone: all maps and vectors dropped, the VIF reset. */
void svio_vif_disconnected(struct svio_vif *vif);

/* For sviod's main and the control socket. */

struct svio_device_options {
	const char *run_dir; /* sockets live here */
	const char *wire;    /* handed to svio-fw */
	const char *fw_path; /* the svio-fw program */
	const char *irq;     /* svio-fw's --irq; NULL: its default */
	uint32_t vifs_max;   /* 1..SVIO_HOST_VIFS_MAX */
};

/* 0 and *device; -errno with a message logged. The firmware is started, not yet ready. */
int svio_device_open(const struct svio_device_options *options, struct svio_loop *loop,
		     const struct svio_bus_ops *bus_ops, void *bus, struct svio_device **device);
/* Clean end: VIFs deleted, firmware stopped. Not from within a callback of the loop. */
void svio_device_close(struct svio_device *device);

/*
 * 0; -EIO: the firmware cannot work at all (no such wire, wrong version). That
 * was logged and the loop stopped: close and exit 1. Only before it was ready once.
 */
int svio_device_status(const struct svio_device *device);
/* The firmware has attached and answers. */
bool svio_device_ready(const struct svio_device *device);

/*
 * error: at least 256 bytes; on failure a sentence that names the thing and the
 * remedy. 0; -EEXIST; -EINVAL; -ENOSPC; -ENOENT; -ENOMEM. The firmware is told;
 * _set() takes all settings, in place of those before (queues cannot change).
 * A deleted VIF's slot is free again when the firmware has let go of it.
 */
int svio_device_vif_add(struct svio_device *device, const struct svio_vif_settings *settings,
			char *error);
int svio_device_vif_set(struct svio_device *device, const struct svio_vif_settings *settings,
			char *error);
int svio_device_vif_del(struct svio_device *device, const char *name, char *error);
struct svio_vif *svio_device_vif_find(struct svio_device *device, const char *name);
/* Iterate by slot: the first VIF at or after slot, NULL when there is none; *slot is set to it. */
struct svio_vif *svio_device_vif_next(struct svio_device *device, uint32_t *slot);

const struct svio_vif_settings *svio_vif_settings_get(const struct svio_vif *vif);
const struct svio_host_vif *svio_vif_shared(const struct svio_vif *vif);
const struct svio_host_segment *svio_device_segment(const struct svio_device *device);
bool svio_vif_connected(const struct svio_vif *vif);

#endif /* SVIO_REGISTRY_H */
