/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split drivers: the I/O ring between a guest's frontend and the driver domain.
 *
 * One page, shared. The frontend produces requests, the backend answers each in
 * the ring's own entries. Both indices run freely and have an event threshold
 * beside them: who produces notifies the other only when it passes the index
 * that the other has named (its threshold), so that a busy consumer is left alone.
 *
 * As in Xen the four shared indices have one cache line, and entries are neither
 * padded nor aligned to lines.
 */
#ifndef SPLIT_RING_H
#define SPLIT_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define SPLIT_RING_ENTRIES 256u /* as many as fit into a page */

/* A frame to send: in the page of a grant. */
struct split_tx_request {
	uint32_t grant;
	uint16_t offset;
	uint16_t flags; /* always 0: checksums are complete, no frame has more than one request */
	uint16_t id;
	uint16_t size;
};

/* An empty page for a frame. */
struct split_rx_request {
	uint16_t id;
	uint16_t reserved;
	uint32_t grant;
};

/* Of both rings. status: bytes of the frame (receive), 0 (transmit), or SPLIT_STATUS_ERROR. */
struct split_response {
	uint16_t id;
	uint16_t offset;
	uint16_t flags;
	int16_t status;
};

#define SPLIT_STATUS_ERROR (-1)

union split_entry {
	struct split_tx_request tx;
	struct split_rx_request rx;
	struct split_response response;
};

struct split_ring {
	_Atomic uint32_t req_prod;
	_Atomic uint32_t req_event; /* the backend wants to hear of the request before this index */
	_Atomic uint32_t rsp_prod;
	_Atomic uint32_t rsp_event;
	uint8_t reserved[48];
	union split_entry entries[SPLIT_RING_ENTRIES];
};

_Static_assert(sizeof(struct split_ring) <= 4096, "the ring is one page");

/* The frontend's own view of it. */
struct split_ring_front {
	struct split_ring *shared;
	uint32_t req_prod; /* not all of it published */
	uint32_t rsp_cons;
};

/* The backend's. */
struct split_ring_back {
	struct split_ring *shared;
	uint32_t req_cons;
	uint32_t rsp_prod; /* not all of it published */
};

static inline union split_entry *split_ring_entry(struct split_ring *ring, uint32_t index)
{
	return &ring->entries[index & (SPLIT_RING_ENTRIES - 1)];
}

/* Both consumers hear of the first entry. */
static inline void split_ring_init(struct split_ring *ring)
{
	atomic_store(&ring->req_prod, 0);
	atomic_store(&ring->rsp_prod, 0);
	atomic_store(&ring->req_event, 1);
	atomic_store(&ring->rsp_event, 1);
}

/* Publishes entries up to `now`. Is the other side to be notified? */
static inline bool split_ring_publish(_Atomic uint32_t *producer, _Atomic uint32_t *event,
				      uint32_t now)
{
	uint32_t old = atomic_load_explicit(producer, memory_order_relaxed);

	atomic_store_explicit(producer, now, memory_order_release);
	/* Against the consumer, which names its threshold, fences and looks again. */
	atomic_thread_fence(memory_order_seq_cst);
	return now - atomic_load_explicit(event, memory_order_relaxed) < now - old;
}

/* Names the index whose entry the consumer wants to hear of. Is there something already? */
static inline bool split_ring_arm(_Atomic uint32_t *producer, _Atomic uint32_t *event,
				  uint32_t consumer, uint32_t ahead)
{
	atomic_store_explicit(event, consumer + ahead, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(producer, memory_order_acquire) - consumer >= ahead;
}

/* Entries that the frontend may still fill. */
static inline uint32_t split_front_room(const struct split_ring_front *front)
{
	return SPLIT_RING_ENTRIES - (front->req_prod - front->rsp_cons);
}

static inline bool split_front_publish(struct split_ring_front *front)
{
	return split_ring_publish(&front->shared->req_prod, &front->shared->req_event,
				  front->req_prod);
}

/* Responses that wait for the frontend. */
static inline uint32_t split_front_responses(const struct split_ring_front *front)
{
	return atomic_load_explicit(&front->shared->rsp_prod, memory_order_acquire) -
	       front->rsp_cons;
}

/* Asks for a notification when `ahead` (1..) responses are there. Are they already? */
static inline bool split_front_arm(struct split_ring_front *front, uint32_t ahead)
{
	return split_ring_arm(&front->shared->rsp_prod, &front->shared->rsp_event, front->rsp_cons,
			      ahead);
}

/* Requests that wait for the backend. More than SPLIT_RING_ENTRIES: the guest lies. */
static inline uint32_t split_back_requests(const struct split_ring_back *back)
{
	return atomic_load_explicit(&back->shared->req_prod, memory_order_acquire) - back->req_cons;
}

static inline bool split_back_publish(struct split_ring_back *back)
{
	return split_ring_publish(&back->shared->rsp_prod, &back->shared->rsp_event,
				  back->rsp_prod);
}

static inline bool split_back_arm(struct split_ring_back *back)
{
	return split_ring_arm(&back->shared->req_prod, &back->shared->req_event, back->req_cons, 1);
}

/* An answer in the next entry; published later. */
static inline void split_back_respond(struct split_ring_back *back, uint16_t id, int16_t status)
{
	split_ring_entry(back->shared, back->rsp_prod++)->response =
		(struct split_response){ .id = id, .status = status };
}

#endif /* SPLIT_RING_H */
