/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench wire: what its files share. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

/* Is testpmd there? */
bool wire_has_testpmd(void);

struct wire_testpmd {
	const char *vdev;    /* its only port */
	const char *mode;    /* "txonly" or "rxonly" */
	const char *counter; /* as wire_count(); NULL: what testpmd says each second counts */
	uint32_t bytes;
	int cpu;
	unsigned int seconds;
};

/* testpmd for so many seconds on one processor: Mpps. NAN: it said nothing. */
double wire_testpmd_mpps(const struct wire_testpmd *how);

/*
 * From now on this process and its children are in a network namespace of their own, with veth pairs
 * svio0 - svio1 and testpmd0 - testpmd1, all up, and without IPv6's own packets. False: it cannot be.
 */
bool wire_make_network(void);

/* Sets an interface up as soon as it is there. Ends the program when it cannot. */
void wire_up(const char *interface);

/* Packets that an interface of the namespace has received so far. NULL: 0. */
uint64_t wire_count(const char *interface);

#endif /* BENCH_WIRE_H */
