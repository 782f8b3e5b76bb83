/* SPDX-License-Identifier: BSD-3-Clause */
/* What all schedulers under measurement are given: counts, backlog, memory. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench_sched.h"

#define HUGE_PAGE_BYTES (2u << 20)

uint64_t sched_port_bps = SCHED_PORT_GBPS * 1000000000ull;

uint32_t sched_case_vifs(const struct sched_case *sched_case)
{
	return sched_case->active / SCHED_VIF_CLASSES;
}

/* About as many groups as VIFs in each. */
uint32_t sched_case_groups(const struct sched_case *sched_case)
{
	uint32_t groups = 1;

	while (groups * groups * 4 <= sched_case_vifs(sched_case))
		groups *= 2;
	return groups;
}

bool sched_case_binds(uint32_t index)
{
	return index % SCHED_BINDING_EACH == SCHED_BINDING_AT;
}

void sched_delay_init(struct sched_delay *delay, const struct sched_case *sched_case)
{
	uint32_t half = sched_case->active / 2;

	memset(delay, 0, sizeof(*delay));
	delay->room = half < SCHED_BURST ? half : SCHED_BURST - 1;
}

void *sched_memory_new(size_t bytes)
{
	size_t rounded = (bytes + HUGE_PAGE_BYTES - 1) & ~(size_t)(HUGE_PAGE_BYTES - 1);
	void *memory = aligned_alloc(HUGE_PAGE_BYTES, rounded);

	if (!memory)
		err(1, "memory");
	madvise(memory, rounded, MADV_HUGEPAGE);
	memset(memory, 0, rounded);
	return memory;
}

void sched_memory_free(void *memory)
{
	free(memory);
}
