// SPDX-License-Identifier: BSD-3-Clause
/*
 * A VIF as the bus sees it: registers, reset, vectors, the client's coming and going.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "svio_regs.h"

const char *svio_vif_name(const struct svio_vif *vif)
{
	return vif->settings.name;
}

uint16_t svio_vif_vectors(const struct svio_vif *vif)
{
	return vif->vectors;
}

int svio_vif_doorbell_fd(const struct svio_vif *vif)
{
	return vif->doorbell_fd;
}

const struct svio_vif_settings *svio_vif_settings_get(const struct svio_vif *vif)
{
	return &vif->settings;
}

const struct svio_host_vif *svio_vif_shared(const struct svio_vif *vif)
{
	return vif->shared;
}

bool svio_vif_connected(const struct svio_vif *vif)
{
	const struct svio_bus_ops *ops = vif->device->bus_ops;

	return vif->front && ops->connected(vif->front);
}

void svio_vif_connected_by(struct svio_vif *vif, int32_t pid)
{
	vif->client = pid > 0 ? pid : 0;
}

void svio_vif_reg_read(const struct svio_vif *vif, uint32_t offset, void *data, uint32_t bytes)
{
	const uint32_t *reg;
	uint32_t value = 0;

	memset(data, 0, bytes);
	if (bytes != sizeof(value) || offset % sizeof(value) || offset >= SVIO_REGS_IMAGE_BYTES)
		return;
	reg = (const uint32_t *)(const void *)&vif->shared->regs[offset];
	value = __atomic_load_n(reg, __ATOMIC_RELAXED);
	memcpy(data, &value, sizeof(value));
}

void svio_vif_wake(struct svio_vif *vif)
{
	struct svio_device *device = vif->device;

	svio_host_wake_set(device->segment.shared, vif->slot);
	svio_mailbox_kick(device->mailbox);
}

/* Post a request of the client's; done is called in any case. */
static void post_for_client(struct svio_vif *vif, struct svio_mailbox_request *request)
{
	int status = -ENODEV;

	request->vif = vif->slot;
	request->for_client = true;
	if (!vif->deleting)
		status = svio_mailbox_post(vif->device->mailbox, request);
	if (status && request->done)
		request->done(request->context, status);
}

void svio_vif_reg_write(struct svio_vif *vif, uint32_t offset, const void *data, uint32_t bytes,
			svio_vif_done_fn done, void *context)
{
	struct svio_mailbox_request request = { .type = SVIO_HOST_REG_WRITE,
						.done = done,
						.context = context };
	uint32_t value;

	if (bytes != sizeof(value) || offset % sizeof(value) || offset >= SVIO_REGS_BYTES) {
		done(context, 0);
		return;
	}
	if (offset == SVIO_REG_WAKE) {
		if (!vif->deleting)
			svio_vif_wake(vif);
		done(context, 0);
		return;
	}
	memcpy(&value, data, sizeof(value));
	request.arg[0] = offset;
	request.arg[1] = value;
	post_for_client(vif, &request);
}

void svio_vif_reset(struct svio_vif *vif, svio_vif_done_fn done, void *context)
{
	struct svio_mailbox_request request = { .type = SVIO_HOST_VIF_RESET,
						.done = done,
						.context = context };

	post_for_client(vif, &request);
}

void svio_vif_bus_master_set(struct svio_vif *vif, bool on)
{
	uint32_t *flags = &vif->shared->config.flags;

	if (on && vif->deleting)
		return;
	if (on) {
		__atomic_fetch_or(flags, SVIO_HOST_VIF_BUS_MASTER, __ATOMIC_RELEASE);
		svio_vif_wake(vif); /* rings may hold work from before */
		return;
	}
	if (__atomic_fetch_and(flags, ~(uint32_t)SVIO_HOST_VIF_BUS_MASTER, __ATOMIC_SEQ_CST) &
	    SVIO_HOST_VIF_BUS_MASTER)
		svio_device_grace_wait(vif->device);
}

/* Writing to anything else could make the firmware wait. */
static bool is_eventfd(int fd)
{
	static const char kind[] = "anon_inode:[eventfd]";
	char path[64], target[sizeof(kind)];
	ssize_t bytes;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	bytes = readlink(path, target, sizeof(target));
	return bytes == (ssize_t)sizeof(kind) - 1 && !memcmp(target, kind, sizeof(kind) - 1);
}

static void finish_irq(void *context, int status);

static int post_irq(struct svio_irq *irq, bool replay)
{
	struct svio_vif *vif = irq->vif;
	struct svio_mailbox_request request = { .type = SVIO_HOST_IRQ_SET,
						.vif = vif->slot,
						.arg = { (uint64_t)(irq - vif->irqs) },
						.fds = { irq->fd },
						.fd_count = irq->fd >= 0 };
	int status;

	if (replay)
		return svio_mailbox_replay(vif->device->mailbox, &request);
	request.done = finish_irq;
	request.context = irq;
	status = svio_mailbox_post(vif->device->mailbox, &request);
	irq->posted = !status;
	return status;
}

static void finish_irq(void *context, int status)
{
	struct svio_irq *irq = context;

	irq->posted = false;
	if (status && status != -ECANCELED)
		svio_log(SVIO_LOG_WARNING, "VIF %s: firmware refused vector %d: %s",
			 irq->vif->settings.name, (int)(irq - irq->vif->irqs), strerror(-status));
	if (irq->changed && !irq->vif->deleting) {
		irq->changed = false;
		post_irq(irq, false);
	}
}

int svio_vif_irq_set(struct svio_vif *vif, uint16_t vector, int fd)
{
	struct svio_irq *irq;
	int copy = -1;

	if (vector >= vif->vectors || (fd >= 0 && !is_eventfd(fd)))
		return -EINVAL;
	if (vif->deleting)
		return -ENODEV;
	irq = &vif->irqs[vector];
	if (fd < 0 && irq->fd < 0)
		return 0;
	if (fd >= 0) {
		copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (copy < 0)
			return -errno;
	}
	if (irq->fd >= 0) {
		svio_mailbox_revoke(vif->device->mailbox, irq->fd);
		close(irq->fd);
	}
	irq->fd = copy;
	if (irq->posted) {
		irq->changed = true;
		return 0;
	}
	return post_irq(irq, false);
}

uint64_t svio_vif_irq_pending(const struct svio_vif *vif)
{
	return __atomic_load_n(&vif->shared->pending, __ATOMIC_RELAXED);
}

void svio_vif_quiesce(struct svio_vif *vif)
{
	svio_vif_bus_master_set(vif, false);
	svio_vif_dma_unmap(vif, 0, 0, true);
	svio_vif_dirty_stop(vif);
	svio_objects_sweep(vif->device->objects);
}

void svio_vif_disconnected(struct svio_vif *vif)
{
	struct svio_mailbox_request reset = { .type = SVIO_HOST_VIF_RESET, .vif = vif->slot };

	vif->client = 0;
	svio_mailbox_cancel(vif->device->mailbox, vif->slot);
	if (vif->deleting)
		return;
	svio_vif_quiesce(vif);
	for (uint16_t vector = 0; vector < vif->vectors; vector++)
		svio_vif_irq_set(vif, vector, -1);
	if (svio_mailbox_post(vif->device->mailbox, &reset))
		svio_log(SVIO_LOG_ERROR, "VIF %s: no memory for its reset: the next client does it",
			 vif->settings.name);
}

int svio_vif_replay(struct svio_vif *vif)
{
	struct svio_mailbox_request request = { .type = SVIO_HOST_VIF_ADD,
						.vif = vif->slot,
						.fds = { vif->doorbell_fd },
						.fd_count = 1 };
	int status = svio_mailbox_replay(vif->device->mailbox, &request);

	for (uint16_t vector = 0; vector < vif->vectors && !status; vector++)
		if (vif->irqs[vector].fd >= 0)
			status = post_irq(&vif->irqs[vector], true);
	return status;
}
