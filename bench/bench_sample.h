/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Where a process is, looked at many times a second: addresses of its program, sampled by the kernel
 * (perf_event_open(2), the software event cpu-clock, which virtual machines have, too).
 */
#ifndef BENCH_SAMPLE_H
#define BENCH_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SAMPLE_THREADS_MAX  16
#define SAMPLE_NAME_BYTES   64
#define SAMPLE_MAPPINGS_MAX 64
#define SAMPLE_LIBRARY      (1ull << 63) /* | which mapping: not in the program itself */

struct sampler {
	struct {
		int event;
		void *ring;
	} threads[SAMPLE_THREADS_MAX];
	size_t thread_count;
	char program[256]; /* its file, for addr2line(1) */
	uint64_t base;     /* where it is mapped */
	struct {
		uint64_t start;
		uint64_t end;
		char name[SAMPLE_NAME_BYTES]; /* "[libc.so.6]" */
	} mappings[SAMPLE_MAPPINGS_MAX];      /* of code; the last: anywhere else */
	size_t mapping_count;
	uint64_t *addresses; /* within the program, as its symbols have them; or SAMPLE_LIBRARY */
	size_t count;
	size_t room;
	uint64_t lost; /* samples that the kernel had no room for */
};

/* All threads that a process has now. False: why (256 bytes) tells what to do about it. */
bool sampler_open(struct sampler *sampler, pid_t pid, char *why);
/* Takes what has been sampled since the last time into addresses, or drops it. */
void sampler_take(struct sampler *sampler, bool keep);
void sampler_close(struct sampler *sampler);

/* The functions at an address, from the innermost inlined one outwards; for sample_resolve(). */
#define SAMPLE_FRAMES_MAX 16

struct sample_place {
	uint64_t address;
	uint64_t count; /* of samples */
	size_t frame_count;
	char frames[SAMPLE_FRAMES_MAX][SAMPLE_NAME_BYTES];
};

/*
 * Sorts the samples by address and names each. The caller frees the places; *count of them. NULL:
 * addr2line(1) is missing or failed.
 */
struct sample_place *sample_resolve(struct sampler *sampler, size_t *count);

#endif /* BENCH_SAMPLE_H */
