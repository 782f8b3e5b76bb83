/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommu: one thread maps and unmaps, others translate and read the memory.
 *
 * The memory is plain: after unmap and grace period the unmapper overwrites it,
 * so that a reader that still looks at it reads the poison, and the thread
 * sanitizer reports the race. Pages move between addresses, and table pages
 * between uses, all the time. SVIO_TEST_ROUNDS sets how many rounds (20000) at
 * least, and how often each reader must have met mapped memory.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "iommu_fixture.h"
#include "svio_iommu_fault.h"
#include "svio_iommu_grace.h"

#define READERS 2u
#define SLOTS   8u /* I/O addresses in use, each in a table of its own */
#define POISON  0xdeadbeefu

struct core {
	uint64_t epoch;
	uint64_t reserved[7];
};

/* What a slot's memory object holds while it is mapped: its address's number. */
static uint32_t memory[SLOTS + 1][16];
static struct core cores[READERS];
static struct iommu_fixture fixture;
static svio_iommu_domain domain;
static int stop;

struct reader {
	pthread_t thread;
	uint32_t core;
	uint64_t hits; /* the main thread looks at it while it grows */
	uint64_t misses;
	uint64_t wrong;
};

static uint64_t rounds_wanted(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? strtoull(text, NULL, 0) : 20000;
}

static uint64_t slot_iova(uint32_t slot)
{
	return slot * GIB;
}

static void read_slot(struct reader *reader, uint32_t slot)
{
	struct svio_iommu_run run;
	uint32_t i;

	svio_iommu_core_enter(&cores[reader->core].epoch);
	if (svio_iommu_walk(fixture.arena, domain, slot_iova(slot), SVIO_IOMMU_READ, &run) ==
	    SVIO_IOMMU_OK) {
		__atomic_store_n(&reader->hits, reader->hits + 1, __ATOMIC_RELAXED);
		for (i = 0; i < 16; i++)
			reader->wrong += memory[run.object][i] != slot;
	} else {
		reader->misses++;
	}
	svio_iommu_core_exit(&cores[reader->core].epoch);
}

static void *reader_main(void *argument)
{
	struct reader *reader = argument;
	uint64_t random = reader->core;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED))
		read_slot(reader, (uint32_t)(svio_test_random(&random) % SLOTS));
	return NULL;
}

static void fill(uint32_t object, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < 16; i++)
		memory[object][i] = value;
}

static void wait_grace(void)
{
	struct svio_iommu_grace grace;

	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), READERS);
	while (!svio_iommu_grace_over(&grace, cores, sizeof(cores[0])))
		sched_yield();
}

/* Move whatever memory slot has to another slot. Returns how many calls failed. */
static uint32_t move_slot(uint32_t *object_of, uint32_t from, uint32_t to)
{
	uint32_t object = object_of[from];
	uint32_t failed = 0;

	failed += svio_iommu_unmap(fixture.iommu, domain, slot_iova(from),
				   slot_iova(from) + 4 * KIB - 1, NULL, NULL, NULL) != 0;
	wait_grace();
	fill(object, POISON);
	svio_iommu_reclaim(fixture.iommu);
	fill(object, to);
	failed += svio_iommu_map(fixture.iommu, domain, slot_iova(to), 4 * KIB, object, 0, RW) != 0;
	object_of[from] = 0;
	object_of[to] = object;
	return failed;
}

static bool readers_are_done(const struct reader *readers)
{
	uint32_t i;

	for (i = 0; i < READERS; i++)
		if (__atomic_load_n(&readers[i].hits, __ATOMIC_RELAXED) < rounds_wanted())
			return false;
	return true;
}

static uint32_t shuffle_slots(const struct reader *readers)
{
	uint64_t random = svio_test_seed(1);
	uint32_t object_of[SLOTS] = { 0 };
	uint32_t failed = 0;
	uint32_t slot;
	uint64_t i;

	/* Half of the slots are mapped at any time. */
	for (slot = 0; slot < SLOTS / 2; slot++) {
		object_of[slot] = slot + 1;
		fill(slot + 1, slot);
		failed += svio_iommu_map(fixture.iommu, domain, slot_iova(slot), 4 * KIB, slot + 1,
					 0, RW) != 0;
	}
	for (i = 0; i < rounds_wanted() || !readers_are_done(readers); i++) {
		uint32_t from = (uint32_t)(svio_test_random(&random) % SLOTS);
		uint32_t to = (uint32_t)(svio_test_random(&random) % SLOTS);

		if (object_of[from] && !object_of[to])
			failed += move_slot(object_of, from, to);
	}
	return failed;
}

static void nobody_touches_memory_after_unmap_and_grace(void)
{
	struct reader readers[READERS] = { 0 };
	uint32_t i;

	/* Few pages: tables are reused at once. */
	iommu_fixture_open(&fixture, 32, 4);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(fixture.iommu, 32, &domain), 0);
	for (i = 0; i < READERS; i++) {
		readers[i].core = i;
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
	}
	CU_ASSERT_EQUAL(shuffle_slots(readers), 0);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < READERS; i++) {
		pthread_join(readers[i].thread, NULL);
		printf("reader %u: %llu hits, %llu misses\n", i,
		       (unsigned long long)readers[i].hits, (unsigned long long)readers[i].misses);
		CU_ASSERT_EQUAL(readers[i].wrong, 0);
	}
	svio_iommu_domain_destroy(fixture.iommu, domain);
	iommu_fixture_close(&fixture);
}

static struct svio_iommu_fault_log fault_log;
static pthread_barrier_t log_start;

static bool record_is_whole(const struct svio_iommu_fault *fault, uint64_t sequence)
{
	return fault->iova == sequence && fault->time_ns == ~sequence &&
	       fault->sequence == sequence && fault->vif == (uint32_t)sequence;
}

/* Reads the oldest records, the next ones to be overwritten, and now and then all. */
static void *log_reader_main(void *argument)
{
	uint64_t *wrong = argument;
	uint64_t turn = 0;

	pthread_barrier_wait(&log_start);
	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint64_t head = __atomic_load_n(&fault_log.head, __ATOMIC_ACQUIRE);
		uint64_t first = head > SVIO_IOMMU_FAULTS ? head - SVIO_IOMMU_FAULTS + 1 : 1;
		uint64_t last = turn++ % 64 ? first + 1 : head + 1;
		uint64_t sequence;

		for (sequence = first; sequence <= last; sequence++) {
			struct svio_iommu_fault fault;

			if (svio_iommu_fault_get(&fault_log, sequence, &fault))
				*wrong += !record_is_whole(&fault, sequence);
		}
	}
	return NULL;
}

static void log_readers_never_see_a_torn_record(void)
{
	pthread_t thread;
	uint64_t wrong = 0;
	uint64_t i;

	stop = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_barrier_init(&log_start, NULL, 2), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, log_reader_main, &wrong), 0);
	pthread_barrier_wait(&log_start);
	for (i = 1; i <= rounds_wanted() * 100; i++) {
		struct svio_iommu_fault fault = { .iova = i, .time_ns = ~i, .vif = (uint32_t)i };

		svio_iommu_fault_add(&fault_log, &fault);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&log_start);
	CU_ASSERT_EQUAL(wrong, 0);
}

SVIO_TEST_MAIN("iommu race", SVIO_TEST(nobody_touches_memory_after_unmap_and_grace),
	       SVIO_TEST(log_readers_never_see_a_torn_record))
