/* SPDX-License-Identifier: BSD-3-Clause */
/* The admin queue: one command at a time, events set aside as they come by (SPEC, chapter 7). */
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "vif_internal.h"

#define ADMIN_MASK ((1u << VIF_ADMIN_LG2) - 1)

/* How the wait for an answer goes: spin, then yield, and look at STATUS now and then. */
#define SPINS_BEFORE_YIELD 2000
#define STATUS_PERIOD_NS   50000000ull

void vif_admin_clear(struct svio_vif *vif)
{
	struct vif_admin *admin = &vif->admin;

	memset(admin->sq, 0, sizeof(*admin->sq) << VIF_ADMIN_LG2);
	memset(admin->cq, 0, sizeof(*admin->cq) << VIF_ADMIN_LG2);
	admin->tail = 0;
	admin->head = 0;
	admin->events_head = 0;
	admin->events_tail = 0;
}

/* An event that finds no room is lost: the oldest are those that tell what happened first. */
static void keep_event(struct vif_admin *admin, const struct svio_admin_cmpl *cmpl)
{
	struct svio_vif_event *event = &admin->events[admin->events_tail % VIF_EVENTS];

	if (admin->events_tail - admin->events_head == VIF_EVENTS)
		return;
	memset(event, 0, sizeof(*event));
	event->type = cmpl->event;
	if (cmpl->event == SVIO_EVENT_LINK) {
		event->link_up = cmpl->result & SVIO_LINK_UP;
		event->link_mbps = cmpl->detail;
	} else {
		event->error = cmpl->status;
		event->kind = cmpl->queue >> 8;
		event->qid = cmpl->queue & 0xff;
		event->addr = cmpl->info;
	}
	admin->events_tail++;
}

/* Takes the next completion if there is one, and gives the entry back to the device. */
static bool take_completion(struct svio_vif *vif, struct svio_admin_cmpl *cmpl)
{
	struct vif_admin *admin = &vif->admin;
	const struct svio_admin_cmpl *entry = &admin->cq[admin->head & ADMIN_MASK];
	uint16_t phase = ((admin->head >> VIF_ADMIN_LG2) & 1) ^ 1;

	/* Pairs with the device's release of flags: the rest of the entry was written before. */
	uint16_t flags = __atomic_load_n(&entry->flags, __ATOMIC_ACQUIRE);

	if ((flags & SVIO_ADMIN_CMPL_PHASE) != phase)
		return false;
	*cmpl = *entry;
	admin->head++;
	vif_doorbell_store(&vif->doorbells->admin.head, admin->head);
	/* A device that found the ring full may have gone to sleep with something to tell. */
	vif_tail_announce(vif);
	return true;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* A VIF that has left READY never answers. */
static int check_ready(struct svio_vif *vif)
{
	struct svio_vif_status status;
	int error = svio_vif_status(vif, &status);

	if (error)
		return error;
	if (status.state == SVIO_VIF_STATE_READY)
		return 0;
	return vif_fail(-EIO, "the VIF is in state %u: %s; reset it", (unsigned int)status.state,
			svio_vif_error_text(status.error));
}

static int await_completion(struct svio_vif *vif, uint16_t id, struct svio_admin_cmpl *cmpl)
{
	uint64_t start = now_ns();
	uint64_t next_check = start + STATUS_PERIOD_NS;
	uint64_t deadline = start + vif->options.timeout_ms * 1000000ull;

	for (uint32_t spins = 0;; spins++) {
		while (take_completion(vif, cmpl)) {
			if (cmpl->event == SVIO_EVENT_NONE && cmpl->id == id)
				return 0;
			if (cmpl->event != SVIO_EVENT_NONE)
				keep_event(&vif->admin, cmpl);
		}
		if (spins < SPINS_BEFORE_YIELD)
			continue;
		sched_yield();
		uint64_t now = now_ns();

		if (now >= next_check) {
			int error = check_ready(vif);

			if (error)
				return error;
			next_check = now + STATUS_PERIOD_NS;
		}
		if (now >= deadline)
			return vif_fail(-ETIMEDOUT, "no answer to an admin command in %u ms",
					vif->options.timeout_ms);
	}
}

static int errno_of_status(uint16_t status)
{
	static const int errors[SVIO_ADMIN_STATUS_COUNT] = {
		[SVIO_ADMIN_STATUS_OK] = 0,
		[SVIO_ADMIN_STATUS_BAD_OPCODE] = -EOPNOTSUPP,
		[SVIO_ADMIN_STATUS_BAD_FIELD] = -EINVAL,
		[SVIO_ADMIN_STATUS_BAD_RESERVED] = -EINVAL,
		[SVIO_ADMIN_STATUS_BAD_QUEUE] = -ENXIO,
		[SVIO_ADMIN_STATUS_EXISTS] = -EEXIST,
		[SVIO_ADMIN_STATUS_MISSING] = -ENOENT,
		[SVIO_ADMIN_STATUS_BAD_ADDRESS] = -EFAULT,
		[SVIO_ADMIN_STATUS_NO_SPACE] = -ENOSPC,
		[SVIO_ADMIN_STATUS_DENIED] = -EPERM,
		[SVIO_ADMIN_STATUS_BAD_STATE] = -EBUSY,
		[SVIO_ADMIN_STATUS_BUSY] = -EAGAIN,
	};

	return status < SVIO_ADMIN_STATUS_COUNT ? errors[status] : -EPROTO;
}

int svio_vif_admin(struct svio_vif *vif, const struct svio_admin_cmd *command,
		   struct svio_admin_cmpl *completion)
{
	struct vif_admin *admin = &vif->admin;
	struct svio_admin_cmd *entry = &admin->sq[admin->tail & ADMIN_MASK];
	struct svio_admin_cmpl cmpl;
	uint16_t id = ++admin->next_id;
	int status;

	*entry = *command;
	entry->id = id;
	admin->tail++;
	vif_doorbell_store(&vif->doorbells->admin.tail, admin->tail);
	vif_tail_announce(vif);
	status = await_completion(vif, id, &cmpl);
	if (status)
		return status;
	if (completion)
		*completion = cmpl;
	status = errno_of_status(cmpl.status);
	if (status)
		return vif_fail(status, "admin command %u refused: %s (byte %u of the command)",
				command->opcode, svio_vif_admin_status_text(cmpl.status),
				cmpl.detail);
	return 0;
}

int svio_vif_event_next(struct svio_vif *vif, struct svio_vif_event *event)
{
	struct vif_admin *admin = &vif->admin;
	struct svio_admin_cmpl cmpl;

	while (take_completion(vif, &cmpl))
		if (cmpl.event != SVIO_EVENT_NONE)
			keep_event(admin, &cmpl);
	if (admin->events_head == admin->events_tail)
		return 0;
	*event = admin->events[admin->events_head++ % VIF_EVENTS];
	return 1;
}
