/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommu: cores mark and write while the manager reports, clears and copies. The copy must be
 * the memory at the end: a write whose mark was taken too early would be missing in it.
 * SVIO_TEST_ROUNDS: reports (2000).
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "svio_iommu_dirty.h"
#include "svio_iommu_grace.h"
#include "svio_test.h"

#define CORES     2u
#define PAGES     96u /* of two words */
#define PAGE      4096ull
#define IOVA      (17ull * PAGE)
#define LOG_BYTES (SVIO_IOMMU_DIRTY_HEADER_BYTES + 4096u)

struct core {
	uint64_t epoch;
	uint64_t reserved[7];
};

struct writer {
	pthread_t thread;
	uint32_t core;
	uint64_t writes;
};

static struct core cores[CORES];
static struct svio_iommu_dirty dirty;
static uint64_t memory[PAGES];
static uint64_t copy[PAGES];
static int stop;

static uint64_t rounds_wanted(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? strtoull(text, NULL, 0) : 2000;
}

/* A section of a few writes, each behind its mark. */
static void write_some(struct writer *writer, uint64_t *random)
{
	uint32_t i;

	svio_iommu_core_enter(&cores[writer->core].epoch);
	for (i = 0; i < 4; i++) {
		uint64_t page = svio_test_random(random) % PAGES;

		svio_iommu_dirty_mark(dirty.log, IOVA + page * PAGE + 8, 64);
		if (svio_test_random(random) % 64 == 0)
			sched_yield(); /* the worst moment */
		__atomic_store_n(&memory[page], ++writer->writes << 8 | writer->core,
				 __ATOMIC_RELAXED);
	}
	svio_iommu_core_exit(&cores[writer->core].epoch);
}

static void *writer_main(void *argument)
{
	struct writer *writer = argument;
	uint64_t random = writer->core;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		write_some(writer, &random);
	return NULL;
}

static uint32_t report_and_copy(void)
{
	uint64_t bitmap[(PAGES + 63) / 64];
	struct svio_iommu_grace grace;
	uint32_t copied = 0;
	uint32_t page;

	CU_ASSERT_EQUAL_FATAL(svio_iommu_dirty_report(&dirty, IOVA, PAGES * PAGE, PAGE, bitmap), 0);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), CORES);
	while (!svio_iommu_grace_over(&grace, cores, sizeof(cores[0])))
		sched_yield();
	for (page = 0; page < PAGES; page++) {
		if (!(bitmap[page / 64] >> (page % 64) & 1))
			continue;
		copy[page] = __atomic_load_n(&memory[page], __ATOMIC_RELAXED);
		copied++;
	}
	return copied;
}

static void a_copy_of_what_is_reported_is_the_memory(void)
{
	struct svio_iommu_dirty_range range = { IOVA, PAGES * PAGE };
	struct writer writers[CORES] = { 0 };
	uint64_t page_bytes = PAGE;
	uint64_t copied = 0;
	uint64_t round;
	uint32_t i;
	void *log = aligned_alloc(4096, LOG_BYTES);

	if (!log)
		abort();
	memset(log, 0, LOG_BYTES);
	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_dirty_start(&dirty, log, LOG_BYTES, &page_bytes, &range, 1), 0);
	for (i = 0; i < CORES; i++) {
		writers[i].core = i;
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]), 0);
	}
	for (round = 0; round < rounds_wanted() || copied < rounds_wanted(); round++)
		copied += report_and_copy();
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < CORES; i++)
		pthread_join(writers[i].thread, NULL);
	report_and_copy();
	CU_ASSERT_EQUAL(memcmp(copy, memory, sizeof(copy)), 0);
	CU_ASSERT_EQUAL(report_and_copy(), 0);
	printf("%llu writes, %llu reports, %llu pages\n",
	       (unsigned long long)(writers[0].writes + writers[1].writes),
	       (unsigned long long)round, (unsigned long long)copied);
	free(log);
}

SVIO_TEST_MAIN("iommu dirty log race", SVIO_TEST(a_copy_of_what_is_reported_is_the_memory))
