/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The admin queue: one command at a time, answered through the completion ring
 * that also carries the device's events.
 */
#ifndef SVIO_ADMINQ_H
#define SVIO_ADMINQ_H

#include <linux/completion.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "svio_admin.h"

struct svio;

/* Commands carry tables and counters through this much memory. */
#define SVIO_ADMINQ_BUFFER_BYTES 1024

struct svio_adminq {
	struct svio_admin_cmd *sq;
	struct svio_admin_cmpl *cq;
	void *buffer; /* under lock */
	void *memory; /* the three above */
	dma_addr_t memory_dma;
	dma_addr_t sq_dma;
	dma_addr_t cq_dma;
	dma_addr_t buffer_dma;

	struct mutex lock; /* one command at a time; running */
	bool running;
	u32 tail; /* commands filled */
	u16 last_id;

	struct mutex cq_lock; /* all below */
	u32 next; /* completions consumed */
	bool waiting; /* for the completion of last_id */
	struct svio_admin_cmpl reply;
	struct completion done;

	int irq;
	char irq_name[32];
};

/* Allocate rings and request vector 0. Once, at probe. May sleep. */
int svio_adminq_init(struct svio *svio);

/* Release all. The device is in RESET. */
void svio_adminq_exit(struct svio *svio);

/*
 * NEGOTIATED to READY: give the rings to the device, accept commands and
 * events. Undone by svio_adminq_stop() and a device reset.
 */
int svio_adminq_start(struct svio *svio);

/* Refuse commands from now on, and forget the one that waits. Idempotent. */
void svio_adminq_stop(struct svio *svio);

/*
 * Carry out @cmd (id is filled in) and copy its completion to @reply, if not
 * NULL. Process context, may sleep for seconds.
 *
 * 0, or: -ENODEV the queue is not running; -EIO the VIF is in ERROR or gone;
 * -ETIMEDOUT no answer (recovery was started in both cases); else the device's
 * refusal: -EOPNOTSUPP, -EINVAL, -ENOENT, -EEXIST, -EFAULT, -ENOSPC, -EPERM
 * (policy), -EBUSY (state), -EAGAIN.
 */
int svio_adminq_exec(struct svio *svio, struct svio_admin_cmd *cmd,
		     struct svio_admin_cmpl *reply);

/*
 * The same for a command whose body is svio_admin_buffer: @in (len bytes, may
 * be NULL) is shown to the device, then @out (len bytes, may be NULL) is copied
 * from what it wrote. len is at most SVIO_ADMINQ_BUFFER_BYTES.
 */
int svio_adminq_exec_buffer(struct svio *svio, struct svio_admin_cmd *cmd, const void *in,
			    void *out, u32 len, struct svio_admin_cmpl *reply);

#endif /* SVIO_ADMINQ_H */
