/* SPDX-License-Identifier: BSD-3-Clause */
/* The processor's own clock: what reading the time costs must not be what is measured. */
#ifndef BENCH_TICKS_H
#define BENCH_TICKS_H

#include <stdint.h>

#include "bench.h"

static inline uint64_t bench_ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return bench_now_ns();
#endif
}

/* Found out once, in some milliseconds. */
double bench_ticks_per_ns(void);

#endif /* BENCH_TICKS_H */
