/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench wire: what its two files share. */
#ifndef BENCH_WIRE_H
#define BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "bench.h"

/* Is testpmd there? */
bool wire_has_testpmd(void);

/*
 * testpmd on one port, for so many seconds on one processor: Mpps, from what it says each
 * second. mode: "txonly" or "rxonly". NAN: it said nothing.
 */
double wire_testpmd_mpps(const char *vdev, const char *mode, uint32_t bytes, int cpu,
			 unsigned int seconds);

#endif /* BENCH_WIRE_H */
