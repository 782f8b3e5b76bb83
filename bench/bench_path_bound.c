/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bound of two processors as a path: a process copies each frame from one
 * guest's memory to the other's, once, and does nothing else. No descriptors, no
 * addresses to translate, nobody to ask who may send what: what is between a
 * device and this is the price of being one.
 *
 * A lane for each way: frames lie in slots, three counters tell whose they are.
 * Slots are a cache line longer than 2 KiB, so that their first lines spread over
 * all sets of the caches.
 */
#include <err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_path.h"

#define GUESTS     2
#define SLOTS      1024u /* a power of 2 */
#define LINE       64u
#define SLOT_BYTES (2048u + LINE)

struct lane {
	_Alignas(LINE) _Atomic uint32_t sent;   /* frames, by the sender */
	_Alignas(LINE) _Atomic uint32_t copied; /* by the process between */
	_Alignas(LINE) uint32_t taken;          /* by the receiver; both guests are one thread's */
	_Alignas(LINE) uint16_t lengths[SLOTS];
	_Alignas(LINE) uint8_t from[SLOTS][SLOT_BYTES];
	_Alignas(LINE) uint8_t to[SLOTS][SLOT_BYTES];
};

struct bound_guest {
	struct guest_port port; /* first */
	struct lane *out;
	struct lane *in;
	uint32_t bounce_bytes;
};

struct bound_path {
	struct bound_guest guests[GUESTS];
	struct lane *lanes;
};

/* Between the guests. */

static void copy_frames(struct lane *lane, uint32_t *copied)
{
	uint32_t sent = atomic_load_explicit(&lane->sent, memory_order_acquire);
	uint32_t end = sent - *copied > GUEST_BURST ? *copied + GUEST_BURST : sent;

	if (sent == *copied)
		return;
	for (; *copied != end; ++*copied) {
		uint32_t slot = *copied % SLOTS;

		memcpy(lane->to[slot], lane->from[slot], lane->lengths[slot]);
	}
	atomic_store_explicit(&lane->copied, *copied, memory_order_release);
}

static void run_between(void *state)
{
	struct bound_path *bound = state;
	uint32_t copied[GUESTS] = { 0 };

	for (;;)
		for (int i = 0; i < GUESTS; i++)
			copy_frames(&bound->lanes[i], &copied[i]);
}

/* The guests. */

static uint32_t send_frames(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			    uint32_t bytes)
{
	struct bound_guest *guest = (struct bound_guest *)port;
	struct lane *lane = guest->out;
	uint32_t sent = atomic_load_explicit(&lane->sent, memory_order_relaxed);
	uint32_t room = SLOTS - (sent - lane->taken);

	if (n > room)
		n = room;
	for (uint32_t i = 0; i < n; i++, sent++) {
		guest_write(lane->from[sent % SLOTS], port, stamps[i]);
		lane->lengths[sent % SLOTS] = (uint16_t)bytes;
	}
	atomic_store_explicit(&lane->sent, sent, memory_order_release);
	return n;
}

static uint32_t receive_frames(struct guest_port *port, uint64_t *stamps)
{
	struct lane *lane = ((struct bound_guest *)port)->in;
	uint32_t n = atomic_load_explicit(&lane->copied, memory_order_acquire) - lane->taken;

	if (n > GUEST_BURST)
		n = GUEST_BURST;
	for (uint32_t i = 0; i < n; i++)
		stamps[i] = guest_read(port, lane->to[lane->taken++ % SLOTS]);
	return n;
}

static uint32_t bounce_frames(struct guest_port *port)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n = receive_frames(port, stamps);

	return n ? send_frames(port, stamps, n, ((struct bound_guest *)port)->bounce_bytes) : 0;
}

static const struct guest_port_ops port_ops = {
	.send = send_frames,
	.receive = receive_frames,
	.bounce = bounce_frames,
};

static void make_guest(struct bound_path *bound, uint32_t number)
{
	const uint8_t own[6] = { 2, 0, 0, 0, 0, (uint8_t)(1 + number) };
	const uint8_t other[6] = { 2, 0, 0, 0, 0, (uint8_t)(2 - number) };
	struct bound_guest *guest = &bound->guests[number];

	guest->port.ops = &port_ops;
	guest->out = &bound->lanes[number];
	guest->in = &bound->lanes[!number];
	guest_set_header(&guest->port, own, other);
}

static bool start(struct bench_path *path)
{
	struct bound_path *bound = calloc(1, sizeof(*bound));

	if (!bound)
		err(1, "memory");
	path->state = bound;
	bound->lanes = bench_path_share(GUESTS * sizeof(*bound->lanes));
	for (uint32_t i = 0; i < GUESTS; i++)
		make_guest(bound, i);
	bench_path_fork(path, run_between, bound);
	bench_path_settle_child(path, path->places.device_cpu);
	bench_pin(getpid(), path->places.guest_cpu, path->places.first);
	bench_waits_add_process(&path->device, path->child);
	bench_waits_add_thread(&path->guests);
	return true;
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct bound_path *bound = path->state;
	struct guest_flow flow = { .from = &bound->guests[0].port, .to = &bound->guests[1].port };

	if (load->bytes > SLOT_BYTES) {
		snprintf(path->why, sizeof(path->why), "frames of %u bytes at most", SLOT_BYTES);
		return false;
	}
	for (uint32_t i = 0; i < GUESTS; i++)
		bound->guests[i].bounce_bytes = load->bytes;
	return bench_path_run_guests(path, &flow, 1, load, result, times);
}

static void stop(struct bench_path *path)
{
	struct bound_path *bound = path->state;

	munmap(bound->lanes, GUESTS * sizeof(*bound->lanes));
	free(bound);
}

const struct bench_path_type bench_path_bound = {
	.name = "bound",
	.title = "One copy and nothing else",
	.start = start,
	.run = run,
	.stop = stop,
};
