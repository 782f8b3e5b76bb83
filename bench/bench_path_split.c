/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backend-driver I/O as a path: split drivers in the manner of Xen's netfront and
 * netback. The frontends run in svio-bench, the driver domain is a process of its
 * own; split_backend.h says what is modelled of it, and what is not.
 *
 * Two kinds. "split" sleeps as the original does: guests and driver domain wait for
 * their event channels when they find nothing to do. "split-polling" never sleeps:
 * what it still lacks of a VIF is not the price of wakeups.
 */
#include <err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_path.h"
#include "split_backend.h"

#define SLEEP_MAX_MS 50 /* so that a lost frame is noticed */

struct split_path;

struct split_guest {
	struct split_front front; /* first: its guest_port is the guest's, too */
	struct split_path *path;
	struct split_memory *memory;
	bool full; /* the ring did not take all of the last frames */
};

struct split_path {
	struct split_guest guests[SPLIT_PORTS];
	struct split_backend *backend; /* the driver domain's, which it shares for its counters */
	int to_backend[SPLIT_PORTS];   /* event channels */
	int to_guest[SPLIT_PORTS];
	bool sleeps;
	uint32_t bounce_bytes;
	uint32_t idle_looks; /* in a row, at rings in which there was nothing */
};

/* Sleeps until one of the events, and takes them. */
static void wait_for_events(const int *events)
{
	struct pollfd fds[SPLIT_PORTS];
	uint64_t count;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		fds[i] = (struct pollfd){ .fd = events[i], .events = POLLIN };
	if (poll(fds, SPLIT_PORTS, SLEEP_MAX_MS) <= 0)
		return;
	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		if ((fds[i].revents & POLLIN) &&
		    read(events[i], &count, sizeof(count)) != sizeof(count))
			err(1, "event channel");
}

/* The guests' processor has nothing to do when the second look in a row finds nothing. */
static void rest(struct split_path *path)
{
	bool may_sleep = true;

	if (!path->sleeps || ++path->idle_looks < 2)
		return;
	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		may_sleep &= split_front_sleep(&path->guests[i].front, path->guests[i].full);
	if (may_sleep)
		wait_for_events(path->to_guest);
	path->idle_looks = 0;
}

static uint32_t send_frames(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			    uint32_t bytes)
{
	struct split_guest *guest = (struct split_guest *)port;
	uint32_t taken = split_front_send(&guest->front, stamps, n, bytes);

	guest->full = taken < n;
	if (taken)
		guest->path->idle_looks = 0;
	return taken;
}

static uint32_t receive_frames(struct guest_port *port, uint64_t *stamps)
{
	struct split_guest *guest = (struct split_guest *)port;
	uint32_t n = split_front_receive(&guest->front, stamps, GUEST_BURST);

	if (n)
		guest->path->idle_looks = 0;
	else
		rest(guest->path);
	return n;
}

static uint32_t bounce_frames(struct guest_port *port)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n = receive_frames(port, stamps);

	return send_frames(port, stamps, n, ((struct split_guest *)port)->path->bounce_bytes);
}

static const struct guest_port_ops port_ops = {
	.send = send_frames,
	.receive = receive_frames,
	.bounce = bounce_frames,
};

static void run_domain(void *state)
{
	struct split_path *path = state;

	for (;;)
		if (!split_backend_step(path->backend) && path->sleeps &&
		    split_backend_sleep(path->backend))
			wait_for_events(path->to_backend);
}

static void make_guest(struct split_path *path, uint32_t number)
{
	const uint8_t own[6] = { 2, 0, 0, 0, 0, (uint8_t)(1 + number) };
	const uint8_t other[6] = { 2, 0, 0, 0, 0, (uint8_t)(2 - number) };
	struct split_guest *guest = &path->guests[number];

	path->to_backend[number] = eventfd(0, EFD_CLOEXEC);
	path->to_guest[number] = eventfd(0, EFD_CLOEXEC);
	if (path->to_backend[number] < 0 || path->to_guest[number] < 0)
		err(1, "eventfd");
	guest->path = path;
	guest->memory = split_memory_new();
	split_front_open(&guest->front, guest->memory, path->to_backend[number]);
	guest->front.port.ops = &port_ops;
	guest_set_header(&guest->front.port, own, other);
	split_backend_attach(path->backend, number, guest->memory, path->to_guest[number]);
}

static bool start(struct bench_path *path)
{
	struct split_path *split = calloc(1, sizeof(*split));

	if (!split)
		err(1, "memory");
	path->state = split;
	split->sleeps = path->type->sleeps;
	split->backend = bench_path_share(sizeof(*split->backend));
	split_backend_init(split->backend);
	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		make_guest(split, i);
	bench_path_fork(path, run_domain, split);
	bench_path_settle_child(path, path->places.device_cpu);
	bench_pin(getpid(), path->places.guest_cpu, path->places.first);
	bench_waits_add_process(&path->device, path->child);
	bench_waits_add_thread(&path->guests);
	return true;
}

static uint64_t count_errors(const struct split_path *split)
{
	uint64_t errors = split->backend->dropped + split->backend->refused;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		errors += split->guests[i].front.errors;
	return errors;
}

/* Event channels that were used. */
static uint64_t count_notices(struct bench_path *path)
{
	const struct split_path *split = path->state;
	uint64_t notices = split->backend->notifications;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		notices += split->guests[i].front.notifications;
	return notices;
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct split_path *split = path->state;
	struct guest_flow flow = { .from = &split->guests[0].front.port,
				   .to = &split->guests[1].front.port };

	split->bounce_bytes = load->bytes;
	if (!bench_path_run_guests(path, &flow, 1, load, result, times))
		return false;
	if (!count_errors(split))
		return true;
	snprintf(path->why, sizeof(path->why),
		 "the driver domain lost frames: %llu dropped, %llu refused",
		 (unsigned long long)split->backend->dropped,
		 (unsigned long long)split->backend->refused);
	return false;
}

static void stop(struct bench_path *path)
{
	struct split_path *split = path->state;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++) {
		close(split->to_backend[i]);
		close(split->to_guest[i]);
		split_memory_free(split->guests[i].memory);
	}
	munmap(split->backend, sizeof(*split->backend));
	free(split);
}

const struct bench_path_type bench_path_split = {
	.name = "split",
	.title = "Split drivers (as Xen's netback)",
	.sleeps = true,
	.start = start,
	.run = run,
	.notices = count_notices,
	.stop = stop,
};

const struct bench_path_type bench_path_split_polling = {
	.name = "split-polling",
	.title = "Split drivers, polling",
	.start = start,
	.run = run,
	.notices = count_notices,
	.stop = stop,
};
