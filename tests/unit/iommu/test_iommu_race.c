/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * iommu: one thread maps and unmaps, others are cores: they translate, and read
 * and write the memory.
 *
 * The memory is plain: after unmap and grace period the unmapper overwrites it,
 * so that a core that still looks at it reads the poison, one that still writes
 * spoils it, and the thread sanitizer reports the race. Several unmaps share a
 * grace period, as those of several clients do. One core forgets what it found when it lets go,
 * the other keeps it by the counter that svio_iommu_grace.h tells of. Memory moves between addresses and
 * page sizes, and table pages between uses, all the time. SVIO_TEST_ROUNDS sets how
 * many unmaps (10000) at least, and how often each core must have met mapped
 * memory; SVIO_TEST_ROUNDS=10000000 takes minutes where each thread has a processor: on two
 * take SVIO_TEST_READERS=1, or nearly all of the time goes by in waiting for a core that has none.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "iommu_fixture.h"
#include "svio_iommu_fault.h"
#include "svio_iommu_grace.h"

#define READERS   2u /* at most: SVIO_TEST_READERS */
#define SLOTS     8u /* I/O addresses in use, each in a table of its own */
#define BATCH_MAX 3u /* unmaps that share a grace period */
#define WORDS     16u
#define POISON    0xdeadbeefu

struct core {
	uint64_t epoch;
	uint64_t reserved[7];
};

/* What a slot's memory object holds while it is mapped: its address's number. */
static struct {
	uint32_t read[WORDS];
	uint32_t written[READERS]; /* each core has a word of its own */
} memory[SLOTS + 1];
static struct core cores[READERS];
static struct iommu_fixture fixture;
static svio_iommu_domain domain;
static uint32_t unmaps; /* raised before each grace period */
static int stop;

struct reader {
	pthread_t thread;
	uint32_t core;
	bool keeps;
	uint32_t seen; /* unmaps, when kept was found */
	struct {
		struct svio_iommu_run run;
		bool found;
	} kept[SLOTS];
	uint64_t reused;
	uint64_t hits; /* the main thread looks at it while it grows */
	uint64_t misses;
	uint64_t wrong;
};

static uint64_t rounds_wanted(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? strtoull(text, NULL, 0) : 10000;
}

static uint32_t reader_count(void)
{
	const char *text = getenv("SVIO_TEST_READERS");

	return text && strtoul(text, NULL, 0) == 1 ? 1 : READERS;
}

static uint64_t slot_iova(uint32_t slot)
{
	return slot * GIB;
}

/* Between translation and access, as long as a packet takes; now and then the processor is lost. */
static void linger(uint64_t random)
{
	volatile uint32_t turns = (uint32_t)random % 128;

	if (random >> 32 & 1023)
		while (turns)
			turns = turns - 1;
	else
		sched_yield();
}

/* Behind enter(): does what was found before still hold? */
static void forget_if_changed(struct reader *reader)
{
	uint32_t now = __atomic_load_n(&unmaps, __ATOMIC_ACQUIRE);

	if (now != reader->seen)
		memset(reader->kept, 0, sizeof(reader->kept));
	reader->seen = now;
}

static bool find(struct reader *reader, uint32_t slot, struct svio_iommu_run *run)
{
	if (reader->kept[slot].found) {
		reader->reused++;
		*run = reader->kept[slot].run;
		return true;
	}
	if (svio_iommu_walk(fixture.arena, domain, slot_iova(slot), RW, run) != SVIO_IOMMU_OK)
		return false;
	if (reader->keeps) {
		reader->kept[slot].run = *run;
		reader->kept[slot].found = true;
	}
	return true;
}

static void access_slot(struct reader *reader, uint32_t slot, uint64_t random)
{
	struct svio_iommu_run run;
	uint32_t i;

	svio_iommu_core_enter(&cores[reader->core].epoch);
	forget_if_changed(reader);
	if (find(reader, slot, &run)) {
		__atomic_store_n(&reader->hits, reader->hits + 1, __ATOMIC_RELAXED);
		linger(random);
		for (i = 0; i < WORDS; i++)
			reader->wrong += memory[run.object].read[i] != slot;
		memory[run.object].written[reader->core] = slot;
	} else {
		reader->misses++;
	}
	svio_iommu_core_exit(&cores[reader->core].epoch);
}

static void *reader_main(void *argument)
{
	struct reader *reader = argument;
	uint64_t random = reader->core;

	while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
		uint32_t slot = (uint32_t)(svio_test_random(&random) % SLOTS);

		access_slot(reader, slot, svio_test_random(&random));
	}
	return NULL;
}

static void fill(uint32_t object, uint32_t value)
{
	uint32_t i;

	for (i = 0; i < WORDS; i++)
		memory[object].read[i] = value;
	for (i = 0; i < READERS; i++)
		memory[object].written[i] = value;
}

/* 1: somebody wrote after the poison was laid. */
static uint32_t is_touched(uint32_t object)
{
	uint32_t touched = 0;
	uint32_t i;

	for (i = 0; i < READERS; i++)
		touched |= memory[object].written[i] != POISON;
	return touched;
}

static void wait_grace(void)
{
	struct svio_iommu_grace grace;

	__atomic_store_n(&unmaps, unmaps + 1, __ATOMIC_RELEASE);
	svio_iommu_grace_start(&grace, cores, sizeof(cores[0]), READERS);
	while (!svio_iommu_grace_over(&grace, cores, sizeof(cores[0])))
		sched_yield();
}

/* The unmapper's books. */
struct mapper {
	uint64_t random;
	uint32_t object_of[SLOTS]; /* 0: nothing is mapped there */
	uint64_t bytes_of[SLOTS];
	uint32_t failed; /* calls that should not have */
	uint32_t touched;
	uint64_t unmaps;
};

static void map_slot(struct mapper *mapper, uint32_t slot, uint32_t object)
{
	uint64_t bytes = svio_test_random(&mapper->random) % 2 ? 4 * KIB : 2 * MIB;

	fill(object, slot);
	mapper->failed +=
		svio_iommu_map(fixture.iommu, domain, slot_iova(slot), bytes, object, 0, RW) != 0;
	mapper->object_of[slot] = object;
	mapper->bytes_of[slot] = bytes;
}

/* Any slot that is mapped, or that is not. */
static uint32_t choose_slot(struct mapper *mapper, bool mapped)
{
	for (;;) {
		uint32_t slot = (uint32_t)(svio_test_random(&mapper->random) % SLOTS);

		if ((mapper->object_of[slot] != 0) == mapped)
			return slot;
	}
}

/* The memory of one to BATCH_MAX slots goes to other slots. */
static void move_slots(struct mapper *mapper)
{
	uint32_t count = 1 + (uint32_t)(svio_test_random(&mapper->random) % BATCH_MAX);
	uint32_t objects[BATCH_MAX];
	uint32_t i;

	for (i = 0; i < count; i++) {
		uint32_t slot = choose_slot(mapper, true);
		uint64_t iova = slot_iova(slot);

		mapper->failed += svio_iommu_unmap(fixture.iommu, domain, iova,
						   iova + mapper->bytes_of[slot] - 1, NULL, NULL,
						   NULL) != 0;
		objects[i] = mapper->object_of[slot];
		mapper->object_of[slot] = 0;
	}
	wait_grace();
	for (i = 0; i < count; i++)
		fill(objects[i], POISON);
	svio_iommu_reclaim(fixture.iommu);
	for (i = 0; i < count; i++) {
		mapper->touched += is_touched(objects[i]);
		map_slot(mapper, choose_slot(mapper, false), objects[i]);
	}
	mapper->unmaps += count;
}

static bool readers_are_done(const struct reader *readers)
{
	uint32_t i;

	for (i = 0; i < reader_count(); i++)
		if (__atomic_load_n(&readers[i].hits, __ATOMIC_RELAXED) < rounds_wanted())
			return false;
	return true;
}

/* Half of the slots are mapped at any time. */
static void shuffle_slots(struct mapper *mapper, const struct reader *readers)
{
	uint32_t slot;

	for (slot = 0; slot < SLOTS / 2; slot++)
		map_slot(mapper, slot, slot + 1);
	while (mapper->unmaps < rounds_wanted() || !readers_are_done(readers))
		move_slots(mapper);
}

static void nobody_touches_memory_after_unmap_and_grace(void)
{
	struct reader readers[READERS] = { 0 };
	struct mapper mapper = { .random = svio_test_seed(1) };
	uint32_t i;

	/* Few pages: tables are reused at once. */
	iommu_fixture_open(&fixture, 32, 4);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_domain_create(fixture.iommu, 32, &domain), 0);
	for (i = 0; i < reader_count(); i++) {
		readers[i].core = i;
		readers[i].keeps = i % 2;
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&readers[i].thread, NULL, reader_main, &readers[i]), 0);
	}
	shuffle_slots(&mapper, readers);
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < reader_count(); i++) {
		pthread_join(readers[i].thread, NULL);
		printf("core %u: %llu hits, %llu of them kept, %llu misses\n", i,
		       (unsigned long long)readers[i].hits, (unsigned long long)readers[i].reused,
		       (unsigned long long)readers[i].misses);
		CU_ASSERT_EQUAL(readers[i].reused > 0, readers[i].keeps);
		CU_ASSERT_EQUAL(readers[i].wrong, 0);
	}
	printf("%llu unmaps, %u touches after the wait\n", (unsigned long long)mapper.unmaps,
	       mapper.touched);
	CU_ASSERT_EQUAL(mapper.failed, 0);
	CU_ASSERT_EQUAL(mapper.touched, 0);
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
