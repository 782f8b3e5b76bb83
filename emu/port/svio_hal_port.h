/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot half of the HAL for Linux (firmware/svio_hal.h has the contract):
 * what the firmware's packet path inlines. Included by svio_hal.h only.
 *
 * Nothing in here needs DPDK. Wires are reached through struct
 * svio_hal_wire_ops, one table a kind of wire: a call a burst or a frame, which
 * a null or TAP wire then does not pay DPDK's start for.
 */
#ifndef SVIO_HAL_PORT_H
#define SVIO_HAL_PORT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "svio_host.h"
#include "svio_ring.h"

struct svio_port_irq;
struct svio_wire_frame;

#define SVIO_HAL_OBJECTS_MAX 65536 /* object numbers are 16 bits in the IOMMU's leaves */
#define SVIO_HAL_VECTORS_MAX 64    /* of one VIF */

/* A mapped memory object. base NULL: not there. */
struct svio_hal_object {
	char *base;
	uint64_t bytes;
};

/* A wire's packet path. As svio_hal_wire_*() in svio_hal.h; state is the wire's own. */
struct svio_hal_wire_ops {
	uint32_t (*rx)(void *state, struct svio_wire_frame *frames, uint32_t max);
	void (*rx_done)(void *state);
	void *(*tx_room)(void *state, uint32_t bytes);
	/* NULL: neither lends nor takes unsegmented packets */
	bool (*tx_append)(void *state, const char *data, uint32_t bytes);
	void (*tx_send)(void *state, const struct svio_wire_frame *frame);
	uint32_t (*tx_flush)(void *state);
	bool lends; /* tx_append is worth more than a copy */
};

/* The port's state as the hot calls see it; written by the core's own thread between polls. */
struct svio_hal {
	struct svio_hal_object *objects;      /* [SVIO_HAL_OBJECTS_MAX] */
	struct svio_doorbell_bar **doorbells; /* [vifs_max] */
	struct svio_port_irq *irq;            /* irq.h */
	struct svio_host_vif *vifs;           /* in the segment */
	uint32_t vifs_max;
	const struct svio_hal_wire_ops *wire;
	void *wire_state;
};

/*
 * The clock: CLOCK_MONOTONIC, stepped forward by the processor's cycle counter
 * where that runs at a constant rate. mult 0: not calibrated, ask the kernel.
 */
struct svio_hal_clock {
	uint64_t base_cycles;
	uint64_t base_ns;
	uint64_t mult; /* ns per cycle, 32.32 */
};

extern struct svio_hal_clock svio_hal_clock;

static inline uint64_t svio_hal_clock_kernel_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#ifdef __x86_64__
static inline uint64_t svio_hal_cycles(void)
{
	uint32_t low, high;

	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
}
#endif

static inline uint64_t svio_hal_now_ns(void)
{
#ifdef __x86_64__
	const struct svio_hal_clock *clock = &svio_hal_clock;

	if (__builtin_expect(clock->mult != 0, 1)) {
		uint64_t cycles = svio_hal_cycles() - clock->base_cycles;

		return clock->base_ns + (uint64_t)(((unsigned __int128)cycles * clock->mult) >> 32);
	}
#endif
	return svio_hal_clock_kernel_ns();
}

static inline char *svio_hal_object(struct svio_hal *hal, uint32_t object)
{
	return object < SVIO_HAL_OBJECTS_MAX ? hal->objects[object].base : NULL;
}

static inline uint64_t svio_hal_object_bytes(struct svio_hal *hal, uint32_t object)
{
	return object < SVIO_HAL_OBJECTS_MAX ? hal->objects[object].bytes : 0;
}

/*
 * Small copies are inlined as moves of fixed size whose last one overlaps the
 * one before: a call and its size dispatch cost more than the bytes.
 */
static inline void svio_hal_copy(void *to, const void *from, size_t bytes)
{
	char *t = to;
	const char *f = from;
	size_t i;

	if (bytes > 256) {
		memcpy(t, f, bytes);
	} else if (bytes >= 32) {
		for (i = 0; i + 32 < bytes; i += 32) {
			__asm__("" : "+r"(i)); /* or the compiler takes the loop for a memcpy() */
			__builtin_memcpy(t + i, f + i, 32);
		}
		__builtin_memcpy(t + bytes - 32, f + bytes - 32, 32);
	} else if (bytes >= 16) {
		__builtin_memcpy(t, f, 16);
		__builtin_memcpy(t + bytes - 16, f + bytes - 16, 16);
	} else if (bytes >= 8) {
		__builtin_memcpy(t, f, 8);
		__builtin_memcpy(t + bytes - 8, f + bytes - 8, 8);
	} else if (bytes >= 4) {
		__builtin_memcpy(t, f, 4);
		__builtin_memcpy(t + bytes - 4, f + bytes - 4, 4);
	} else {
		for (i = 0; i < bytes; i++)
			t[i] = f[i];
	}
}

/* irq.c: a system call, or some bits for a thread that makes it. Nothing to be inlined. */
void svio_port_irq_raise(struct svio_port_irq *irq, uint32_t vif, uint32_t vector);

static inline void svio_hal_raise(struct svio_hal *hal, uint32_t vif, uint32_t vector)
{
	svio_port_irq_raise(hal->irq, vif, vector);
}

static inline uint32_t svio_hal_wire_rx(struct svio_hal *hal, struct svio_wire_frame *frames,
					uint32_t max)
{
	return hal->wire->rx(hal->wire_state, frames, max);
}

static inline void svio_hal_wire_rx_done(struct svio_hal *hal)
{
	hal->wire->rx_done(hal->wire_state);
}

static inline void *svio_hal_wire_tx_room(struct svio_hal *hal, uint32_t bytes)
{
	return hal->wire->tx_room(hal->wire_state, bytes);
}

static inline bool svio_hal_wire_lends(const struct svio_hal *hal)
{
	return hal->wire->lends;
}

static inline bool svio_hal_wire_tx_append(struct svio_hal *hal, const char *data, uint32_t bytes)
{
	return hal->wire->tx_append(hal->wire_state, data, bytes);
}

static inline void svio_hal_wire_tx_send(struct svio_hal *hal, const struct svio_wire_frame *frame)
{
	hal->wire->tx_send(hal->wire_state, frame);
}

static inline uint32_t svio_hal_wire_tx_flush(struct svio_hal *hal)
{
	return hal->wire->tx_flush(hal->wire_state);
}

static inline struct svio_doorbell_bar *svio_hal_doorbells(struct svio_hal *hal, uint32_t vif)
{
	return vif < hal->vifs_max ? hal->doorbells[vif] : NULL;
}

#endif /* SVIO_HAL_PORT_H */
