/* SPDX-License-Identifier: BSD-3-Clause */
/* How much of some processors others take: a virtual machine's host, too. */
#ifndef BENCH_NOISE_H
#define BENCH_NOISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Keeps the processors busy for ns, one process each, and returns the share of the
 * time (0..1) in which the worst of them did not run. first: at the priority of the
 * measurement (see bench_come_first()). Gaps below 20 us, such as timer interrupts,
 * do not count. Ends the program when it cannot.
 */
double bench_noise_share(const int *cpus, size_t count, bool first, uint64_t ns);

#endif /* BENCH_NOISE_H */
