/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench-sviod: sviod, and a socket by which svio-bench has it time its own
 * work on VIF "a". Questions and answers are single messages of DIR/measure.sock.
 */
#ifndef BENCH_SVIOD_H
#define BENCH_SVIOD_H

#include <stdint.h>

#define BENCH_SVIOD_SOCKET "measure.sock"
#define BENCH_SVIOD_VIF    "a"

enum bench_sviod_what {
	BENCH_SVIOD_PAIRS, /* map and unmap a page, count times */
	BENCH_SVIOD_UNMAP, /* map a page, wait delay_ns, unmap it: the unmap's time */
};

struct bench_sviod_question {
	uint32_t what;
	uint32_t count;
	uint32_t delay_ns;
	uint32_t beside; /* 1: the page's neighbour is mapped all the time: its tables stay */
};

struct bench_sviod_answer {
	uint64_t ns;
	uint32_t preempted; /* 1: this thread lost its processor meanwhile */
	uint32_t reserved;
};

#endif /* BENCH_SVIOD_H */
