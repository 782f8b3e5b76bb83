/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's ways between two guests, beside svio: a device process that forwards
 * from port to port, and a process with both guests. Each is svio-bench itself,
 * started anew with words of its own, since a process can start DPDK once. They
 * are told what to do by messages of a socket, and share some memory.
 */
#ifndef PEER_DPDK_H
#define PEER_DPDK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench_guest.h"

#define PEER_RING  1024
#define PEER_WORDS 6 /* that a process is started with, see peer_main() */

/* A kind of peer. */
struct peer_kind {
	const char *device;           /* driver of the device's ports, and its arguments, */
	const char *device_arguments; /* up to the path of the port's socket */
	const char *guest;            /* of the guests' */
	const char *guest_arguments;
	uint32_t ports; /* of each process: 2; 1: what a guest sends comes back to it */
	bool numbered;  /* a port has an id */
};

/* Mapped by both processes and by svio-bench. */
struct peer_shared {
	atomic_uint forwarding; /* the device goes on as long as it is set */
	uint32_t times[GUEST_TIMES_MAX];
};

/* To a process. The device: forward until shared->forwarding is clear. Guests: run the load. */
struct peer_request {
	struct guest_load load;
	int32_t device; /* process, to be watched together with the guests themselves */
	int32_t device_cpu;
	int32_t guest_cpu;
	uint32_t wants_times;
};

/* From it: first when it is ready, then when a request is done. */
struct peer_answer {
	int32_t error; /* as guest_run() */
	struct guest_result result;
};

/*
 * The life of such a process. Words: "device" or "guest", the number of a kind, the folder for
 * sockets, the processor, the socket's and the memory's descriptor.
 */
int peer_main(const struct peer_kind *kinds, size_t kind_count, char **words);

const char *peer_version(void);

#endif /* PEER_DPDK_H */
