// SPDX-License-Identifier: BSD-3-Clause
/*
 * Interrupts ("VFIO_USER_DEVICE_GET_IRQ_INFO", "VFIO_USER_DEVICE_SET_IRQS"):
 * MSI-X through eventfds. No INTx and no MSI. An error interrupt can be
 * connected, because QEMU does, and is never fired, because it stops the VM.
 *
 * NORESIZE is not set: QEMU then connects vector by vector as the guest uses
 * them, instead of all of them again for each.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "function.h"
#include "registry.h"
#include "session.h"

uint32_t bus_irq_count(void)
{
	return VFIO_PCI_NUM_IRQS;
}

static uint32_t count_irqs(const struct bus_session *session, uint32_t index)
{
	switch (index) {
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return session->function->msix.vectors;
	case VFIO_PCI_ERR_IRQ_INDEX:
		return 1;
	default:
		return 0;
	}
}

int bus_irq_info(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_irq_info info;

	memcpy(&info, request->payload, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFIO_PCI_NUM_IRQS)
		return -EINVAL;
	info.argsz = sizeof(info);
	info.count = count_irqs(session, info.index);
	info.flags = info.count ? VFIO_IRQ_INFO_EVENTFD : 0;
	bus_session_reply(session, &info, sizeof(info));
	return 0;
}

/*
 * The firmware writes to this descriptor on its packet path: it must be an
 * eventfd, and a full counter must not make that wait.
 */
static int check_eventfd(int fd)
{
	static const char eventfd[] = "anon_inode:[eventfd]";
	char path[32], target[sizeof(eventfd)];
	ssize_t length;
	int flags;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	length = readlink(path, target, sizeof(target));
	if (length != sizeof(eventfd) - 1 || memcmp(target, eventfd, sizeof(eventfd) - 1) != 0)
		return -EINVAL;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK)))
		return -EINVAL;
	return 0;
}

/* Exactly one kind of data and one action, and data that are there. */
static int check_set(const struct vfio_user_irq_set *set, const struct bus_request *request)
{
	uint32_t data = set->flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	uint32_t action = set->flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	if (set->argsz < sizeof(*set) || set->index >= VFIO_PCI_NUM_IRQS ||
	    set->flags & ~(uint32_t)(VFIO_IRQ_SET_DATA_TYPE_MASK | VFIO_IRQ_SET_ACTION_TYPE_MASK))
		return -EINVAL;
	if (__builtin_popcount(data) != 1 || __builtin_popcount(action) != 1)
		return -EINVAL;
	if (data != VFIO_IRQ_SET_DATA_EVENTFD && request->fd_count)
		return -EINVAL;
	if (data == VFIO_IRQ_SET_DATA_BOOL && request->payload_bytes - sizeof(*set) < set->count)
		return -EINVAL;
	return 0;
}

static int connect_vectors(struct bus_session *session, const struct vfio_user_irq_set *set,
			   const struct bus_request *request)
{
	for (size_t i = 0; i < request->fd_count; i++) {
		int status = check_eventfd(request->fds[i]);

		if (status)
			return status;
	}
	if (set->index != VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;
	for (uint32_t i = 0; i < set->count; i++) {
		int fd = request->fd_count ? request->fds[i] : -1;
		int status =
			svio_vif_irq_set(session->function->vif, (uint16_t)(set->start + i), fd);

		if (status)
			return status;
	}
	return 0;
}

static int disconnect_all(struct bus_session *session, uint32_t index)
{
	if (index != VFIO_PCI_MSIX_IRQ_INDEX)
		return 0;
	for (uint16_t i = 0; i < session->function->msix.vectors; i++) {
		int status = svio_vif_irq_set(session->function->vif, i, -1);

		if (status)
			return status;
	}
	return 0;
}

static int set_irqs(struct bus_session *session, const struct vfio_user_irq_set *set,
		    const struct bus_request *request)
{
	uint32_t count = count_irqs(session, set->index);

	/* "All off", which clients also send for types that we have none of. */
	if (set->flags & VFIO_IRQ_SET_DATA_NONE && set->start == 0 && set->count == 0)
		return set->flags & VFIO_IRQ_SET_ACTION_TRIGGER
			       ? disconnect_all(session, set->index)
			       : 0;
	if (set->count == 0 || set->start >= count || set->count > count - set->start)
		return -EINVAL;
	/* Masking is the table's business; a client that fires interrupts itself has no need of us. */
	if (set->flags != (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER))
		return -EINVAL;
	/* No descriptors at all: disconnect. */
	if (request->fd_count && request->fd_count != set->count)
		return -EINVAL;
	return connect_vectors(session, set, request);
}

int bus_irq_set(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_irq_set set;
	int status;

	memcpy(&set, request->payload, sizeof(set));
	status = check_set(&set, request);
	if (!status)
		status = set_irqs(session, &set, request);
	if (!status)
		bus_session_reply(session, NULL, 0);
	return status;
}
