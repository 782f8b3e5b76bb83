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
#include "qos_tree.h"
#include "registry.h"
#include "segment.h"
#include "svio_iommu.h"
#include "svio_iommu_dirty.h"

struct svio_control;

/* One MSI-X vector. At most one IRQ_SET of it is under way. */
struct svio_irq {
	struct svio_vif *vif;
	int fd; /* -1: off */
	bool posted;
	bool changed; /* since it was posted */
};

/* A log that is kept. */
struct svio_vif_dirty {
	struct svio_iommu_dirty log;
	uint64_t started_ns;
	uint64_t reports;
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
	struct svio_vif_dirty *dirty; /* NULL: no log is kept */
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
	struct svio_irq irqs[]; /* [vectors] */
};

/*
 * A group of VIFs and groups, or the port (number 0). Its qos is what the segment has; after a
 * refusal by the firmware it goes back to accepted.
 */
struct svio_group {
	struct svio_device *device;
	uint32_t number;
	uint32_t parent;  /* a number */
	uint32_t updates; /* changes on their way to the firmware */
	char name[SVIO_HOST_NAME_BYTES];
	struct svio_host_qos qos;
	struct svio_host_qos accepted;
	bool known;    /* the firmware was told of it once; of the port only when it has settings */
	bool deleting; /* cannot be found any more, keeps its number */
	svio_mailbox_done_fn del_done;
	void *del_context;
};

struct svio_device {
	struct svio_loop *loop;
	const struct svio_bus_ops *bus_ops;
	void *bus;
	char *run_dir;
	char *wire;
	char *irq; /* of the firmware's options; NULL: its default */
	char *fw_path;
	struct svio_segment segment;
	struct svio_iommu *iommu;
	void *iommu_state; /* its memory */
	struct svio_mailbox *mailbox;
	struct svio_objects *objects;
	struct svio_fw_process *firmware;
	struct svio_control *control;
	struct svio_vif **vifs; /* by slot; also those that are being deleted */
	struct svio_group *groups[SVIO_HOST_GROUPS_MAX]; /* by number; 0: the port */
	uint32_t vif_count;                              /* without those */
	uint32_t next_slot;
	uint64_t graces; /* grace periods so far: of unmaps, and of VIFs that lost their DMA */
	uint64_t grace_max_ns; /* the longest wait for one */
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

/* Without a check: settings are complete, and fit. As post() of the mailbox. */
int svio_vif_update(struct svio_vif *vif, const struct svio_vif_settings *settings,
		    svio_mailbox_done_fn done, void *context);

/* The sentence for a name that no VIF has, with a proposal. -ENOENT. */
int svio_device_vif_missing(struct svio_device *device, const char *name, char *error);

/* group.c: groups and the port */

/* Make the port. 0; -ENOMEM. */
int svio_groups_open(struct svio_device *device);
void svio_groups_close(struct svio_device *device);
/* To a new firmware: port and groups, parents first. 0; -errno. */
int svio_groups_replay(struct svio_device *device);

/* NULL: there is none of this name (of this number). SVIO_PORT_NAME is the port's. */
struct svio_group *svio_group_find(struct svio_device *device, const char *name);
struct svio_group *svio_group_get(const struct svio_device *device, uint32_t number);
/* The sentence for a name that no group has, with a proposal. -ENOENT. */
int svio_group_missing(struct svio_device *device, const char *name, char *error);

/*
 * The administrator's wishes: checked, then told to the firmware. done as for VIFs. add: name and
 * parent (a number) are good; 0; -EEXIST; -EINVAL; -E2BIG; -ENOSPC; -ENOMEM. del: -EBUSY: it is
 * not empty.
 */
int svio_group_add_then(struct svio_device *device, const struct svio_qos_group *group, char *error,
			svio_mailbox_done_fn done, void *context);
int svio_group_set_then(struct svio_group *group, const struct svio_host_qos *qos, char *error,
			svio_mailbox_done_fn done, void *context);
int svio_group_del_then(struct svio_group *group, char *error, svio_mailbox_done_fn done,
			void *context);

/* Parts of these without a check. As post() of the mailbox. make: *number too. */
int svio_group_make(struct svio_device *device, const struct svio_qos_group *what,
		    svio_mailbox_done_fn done, void *context, uint32_t *number);
int svio_group_update(struct svio_group *group, const struct svio_host_qos *qos,
		      svio_mailbox_done_fn done, void *context);
int svio_group_remove(struct svio_group *group, svio_mailbox_done_fn done, void *context);

/* qos_admit.c: the registry as a tree, and what may become of it */

/* VIFs in the order of their slots. NULL: no memory. */
struct svio_qos_tree *svio_device_qos_tree(struct svio_device *device);
/* May the VIF (new, or in place of the one of that name) be so? Its settings are complete. */
int svio_device_admit_vif(struct svio_device *device, const struct svio_vif_settings *settings,
			  char *error);
int svio_device_admit_group(struct svio_device *device, const struct svio_qos_group *group,
			    char *error);

/*
 * Make the device be as tree says, which was checked and has all of the device's VIFs. Numbers
 * of groups are the tree's own. done: once all of it was answered, with the first error; possibly before this returns. 0; -ENOMEM, -ENOSPC (of
 * groups): nothing was changed.
 */
int svio_device_qos_load(struct svio_device *device, const struct svio_qos_tree *tree,
			 svio_mailbox_done_fn done, void *context);

/* dma.c */

/*
 * Wait until no core can use what was cleared before: strict. Returns at once
 * when no firmware runs. A firmware that holds a core inside for too long is
 * ended, which ends the wait.
 */
void svio_device_grace_wait(struct svio_device *device);

#endif /* SVIO_DEVICE_H */
