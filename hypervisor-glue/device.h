/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inside the registry (registry.h): what its own files share.
 *
 * A VIF lives from vif add until the firmware has answered VIF_DEL; from the
 * deletion on ("deleting") it cannot be found any more and keeps only its slot.
 */
#ifndef SVIO_DEVICE_H
#define SVIO_DEVICE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "firmware_process.h"
#include "log.h"
#include "mailbox.h"
#include "object.h"
#include "registry.h"
#include "segment.h"
#include "svio_iommu.h"

#define SVIO_VECTORS_MAX 64

struct svio_control;

/* One MSI-X vector. At most one IRQ_SET of it is under way. */
struct svio_irq {
	struct svio_vif *vif;
	int fd; /* -1: off */
	bool posted;
	bool changed; /* since it was posted */
};

struct svio_vif {
	struct svio_device *device;
	struct svio_host_vif *shared;
	void *front; /* the bus' */
	char *path;  /* of its socket */
	struct svio_vif_settings settings;
	struct svio_vif_settings
		accepted;       /* by the firmware: where a refused change goes back to */
	uint64_t faults_before; /* records up to here are of an earlier VIF in this slot */
	svio_iommu_domain domain;
	uint32_t slot;
	int doorbell_fd;
	uint16_t vectors;
	pid_t client;     /* 0: not known */
	uint32_t updates; /* changes of settings on their way to the firmware */
	bool deleting;
	svio_mailbox_done_fn del_done; /* who waits for the end of the deletion, or NULL */
	void *del_context;
	svio_mailbox_done_fn add_done; /* who waits for the firmware's consent, or NULL */
	void *add_context;
	int add_status;
	struct svio_log_limit log_limit;
	struct svio_irq irqs[SVIO_VECTORS_MAX];
};

struct svio_device {
	struct svio_loop *loop;
	const struct svio_bus_ops *bus_ops;
	void *bus;
	char *run_dir;
	char *wire;
	char *fw_path;
	struct svio_segment segment;
	struct svio_iommu *iommu;
	void *iommu_state; /* its memory */
	struct svio_mailbox *mailbox;
	struct svio_objects *objects;
	struct svio_fw_process *firmware;
	struct svio_control *control;
	struct svio_vif **vifs; /* by slot; also those that are being deleted */
	uint32_t vif_count;     /* without those */
	uint32_t next_slot;
	uint64_t grace_max_ns; /* the longest wait for a grace period so far */
	uint64_t started_ns;
	uint64_t ready_ns; /* when the present firmware answered HELLO */
	int kick_fd;
	int lock_fd;
	int status;
	bool unmapped; /* entries were cleared, the grace period is still due */
	bool closing;
};

/* vif.c */

/* Replay one VIF and its vectors to a new firmware. 0; -errno. */
int svio_vif_replay(struct svio_vif *vif);
/* Mark the VIF for the firmware to look at, and wake it. */
void svio_vif_wake(struct svio_vif *vif);
/* Bus master off, nothing mapped. */
void svio_vif_quiesce(struct svio_vif *vif);

/*
 * vif_admin.c: as in registry.h, and done(context, status) when the firmware
 * has answered; it is called only where the function returned 0. done may be
 * NULL. A VIF that the firmware refuses is deleted again before done.
 */
int svio_device_vif_add_then(struct svio_device *device, const struct svio_vif_settings *settings,
			     char *error, svio_mailbox_done_fn done, void *context);
int svio_device_vif_set_then(struct svio_device *device, const struct svio_vif_settings *settings,
			     char *error, svio_mailbox_done_fn done, void *context);
int svio_device_vif_del_then(struct svio_device *device, const char *name, char *error,
			     svio_mailbox_done_fn done, void *context);

/* The sentence for a name that no VIF has, with a proposal. -ENOENT. */
int svio_device_vif_missing(struct svio_device *device, const char *name, char *error);

/* dma.c */

/*
 * Wait until no core can use what was cleared before: strict. Returns at once
 * when no firmware runs. A firmware that holds a core inside for too long is
 * ended, which ends the wait.
 */
void svio_device_grace_wait(struct svio_device *device);

#endif /* SVIO_DEVICE_H */
