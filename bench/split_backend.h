/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split drivers: the driver domain, in the manner of Linux's netback and bridge.
 *
 * What is modelled: shared rings with event thresholds; a grant checked for each
 * use of a guest's page; event channels; the backend's own packet (struct
 * split_packet, as an skb) with the first 128 bytes copied into it and the rest of
 * the page lent (mapped) until the receiver has its copy; a learning bridge; the
 * copy into the receiver's page; bursts of 64.
 *
 * What is there in a cheaper form: a hypercall a batch of grant operations is a
 * system call; an event channel is an eventfd, and a domain that waits for it a
 * process.
 *
 * What is not there, and would make it slower: page tables and their flushes for
 * lent pages, locks of the grant table, the kernel's network stack around the
 * bridge, and the hops between netback's threads: one loop does everything here.
 * Nor are there checksum and segmentation offloads, several queues or persistent
 * grants, which make it faster with some traffic.
 */
#ifndef SPLIT_BACKEND_H
#define SPLIT_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "split_front.h"
#include "split_grant.h"
#include "split_ring.h"

#define SPLIT_PORTS       2u
#define SPLIT_COPY_BYTES  128u /* of each frame, copied when it is taken */
#define SPLIT_BURST       64u
#define SPLIT_QUEUE       512u /* packets that may wait for a receiver */
#define SPLIT_PACKETS     1024u
#define SPLIT_MAC_BUCKETS 256u

struct split_packet {
	uint8_t linear[SPLIT_COPY_BYTES];
	uint16_t bytes;
	uint16_t linear_bytes; /* less than bytes: the rest is in the sender's page */
	uint16_t sender;       /* port */
	uint16_t id;           /* of the sender's request */
	uint32_t grant;
	const uint8_t *rest;
};

struct split_port {
	struct split_guest_memory guest;
	struct split_ring_back tx;
	struct split_ring_back rx;
	int guest_event; /* eventfd: the event channel to the guest */
	bool broken;     /* the guest's ring makes no sense; it is left alone from then on */
	struct split_packet *queue[SPLIT_QUEUE]; /* for this port's guest */
	uint32_t queue_head;
	uint32_t queue_tail;
};

struct split_backend {
	struct split_port ports[SPLIT_PORTS];
	struct {
		uint8_t mac[6];
		uint8_t port_plus_1; /* 0: empty */
	} macs[SPLIT_MAC_BUCKETS];
	struct split_packet packets[SPLIT_PACKETS];
	struct split_packet *free_packets[SPLIT_PACKETS];
	uint32_t free_count;
	bool mapped; /* pages in this burst: it wants a hypercall */
	bool unmapped;
	uint64_t switched;
	uint64_t dropped;       /* the receiver's queue was full */
	uint64_t refused;       /* requests and pages that the checks did not let through */
	uint64_t notifications; /* of guests */
};

void split_backend_init(struct split_backend *backend);

/* Connects a guest's memory to a port. The rings are set up: split_front_open(). */
void split_backend_attach(struct split_backend *backend, uint32_t port, struct split_memory *memory,
			  int guest_event);

/* One pass over all ports; returns the frames taken and given. */
uint32_t split_backend_step(struct split_backend *backend);

/* Before sleeping: asks for notifications. false: there is work already. */
bool split_backend_sleep(struct split_backend *backend);

#endif /* SPLIT_BACKEND_H */
