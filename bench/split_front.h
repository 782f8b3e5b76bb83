/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split drivers: a guest's frontend, in the manner of Linux's netfront.
 *
 * Each frame is a page, granted for that frame and taken back afterwards, for
 * reading where it is sent and for writing where it is received. Transmit
 * responses are looked at when there is something to send, and notified of only
 * when half of what is under way has been answered.
 */
#ifndef SPLIT_FRONT_H
#define SPLIT_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "bench_guest.h"
#include "split_grant.h"
#include "split_ring.h"

/* A guest's memory, by pages. The driver domain's process has it mapped, and knows no other way in. */
struct split_memory {
	struct split_grant_entry grants[SPLIT_GRANTS];
	union {
		struct split_ring ring;
		uint8_t page[SPLIT_PAGE];
	} tx, rx;
	uint8_t tx_pages[SPLIT_RING_ENTRIES][SPLIT_PAGE];
	uint8_t rx_pages[SPLIT_RING_ENTRIES][SPLIT_PAGE];
};

_Static_assert(sizeof(struct split_memory) == (3 + 2 * (size_t)SPLIT_RING_ENTRIES) * SPLIT_PAGE,
	       "a guest's memory is whole pages");

struct split_front {
	struct guest_port port; /* its header begins each frame that is sent */
	struct split_memory *memory;
	struct split_ring_front tx;
	struct split_ring_front rx;
	int backend_event; /* eventfd: the event channel to the driver domain */
	uint16_t tx_free[SPLIT_RING_ENTRIES];
	uint32_t tx_free_count;
	uint16_t rx_used[SPLIT_RING_ENTRIES]; /* pages to be posted again */
	uint32_t rx_used_count;
	uint64_t notifications; /* sent */
	uint64_t errors;        /* responses that say so, and grants that stay in use */
};

/* The memory of a guest, zeroed, shared with all processes that are forked later. */
struct split_memory *split_memory_new(void);
void split_memory_free(struct split_memory *memory);

/* Sets the rings up and posts all receive pages; before the backend begins. */
void split_front_open(struct split_front *front, struct split_memory *memory, int backend_event);

/* Sends up to n new frames with these stamps; returns how many the ring took. */
uint32_t split_front_send(struct split_front *front, const uint64_t *stamps, uint32_t n,
			  uint32_t bytes);

/* The stamps of up to n frames that have come; their pages are posted again. Returns how many. */
uint32_t split_front_receive(struct split_front *front, uint64_t *stamps, uint32_t n);

/*
 * Before sleeping: asks for notifications of received frames, and of sent ones
 * when `sending`. false: something is there already, and the guest goes on.
 */
bool split_front_sleep(struct split_front *front, bool sending);

#endif /* SPLIT_FRONT_H */
