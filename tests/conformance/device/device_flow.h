/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Checked traffic at speed from the queues of one guest to those of another.
 *
 * Frames of all lengths, on several queues and in several streams each (UDP ports, which the
 * receiver's RSS spreads over its queues). Each carries its stream and its number in it, and a
 * payload that follows from both; each stream must stay in order and on one queue. The sender has
 * a thread, the receiver is the caller's.
 */
#ifndef DEVICE_FLOW_H
#define DEVICE_FLOW_H

#include <pthread.h>
#include <stdatomic.h>

#include "device_guest.h"

#define FLOW_QUEUES  4
#define FLOW_STREAMS 4   /* of each queue */
#define FLOW_ALL     16u /* streams */

_Static_assert(FLOW_ALL == FLOW_QUEUES * FLOW_STREAMS, "those of all queues");

/* Packets and bytes of one queue. */
struct flow_sum {
	uint64_t packets;
	uint64_t bytes;
};

struct flow_stream {
	uint64_t next; /* number, of the next frame */
	int queue;     /* where its frames are received; -1: none came yet */
};

struct flow {
	/* Set by the caller. */
	struct guest *from; /* FLOW_QUEUES pairs each */
	struct guest *to;
	uint64_t packets;     /* to be sent */
	uint32_t window;      /* buffers of the receiver that may be under way; 0: whatever comes */
	uint64_t stall_every; /* packets after which the receiver stops for a while; 0: never */
	uint64_t seed;

	/* Results. */
	struct flow_sum sent[FLOW_QUEUES];
	struct flow_sum received[FLOW_QUEUES];
	uint64_t lost;       /* numbers that were jumped over */
	uint64_t duplicates; /* numbers that had come already */
	uint64_t broken;     /* frames with other content */
	uint64_t misplaced;  /* frames of a stream on another queue than its first */
	bool stuck;          /* nothing went on for a long time */

	/* Inside. */
	struct flow_stream source[FLOW_ALL];
	struct flow_stream sink[FLOW_ALL];
	_Atomic uint64_t taken_bufs; /* by the receiver, of frames that came for the first time */
	uint64_t sent_bufs;
	atomic_bool sender_done;
	atomic_bool give_up;
};

/* Has the receiver spread streams over its queues. False: the device refuses. */
bool flow_prepare(struct guest *to);

/* Sends and receives all of it. False: something got stuck. */
bool flow_run(struct flow *flow);

struct flow_sum flow_total(const struct flow_sum sums[FLOW_QUEUES]);

/* Prints what came of it. */
void flow_print(const struct flow *flow);

/* Packets for a case: share of SVIO_TEST_PACKETS, or of what suits every day. */
uint64_t flow_packets(uint64_t divisor);

#endif /* DEVICE_FLOW_H */
