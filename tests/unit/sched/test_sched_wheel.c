/* SPDX-License-Identifier: BSD-3-Clause */
/* The timing wheel: its first slot, wherever the clock is and wherever the wheel ends. */
#include <string.h>

#include "sched_wheel.h"
#include "svio_test.h"

#define START (UINT64_MAX - 5000000)

static struct sched_wheel wheel;

static void setup(void)
{
	memset(&wheel, 0, sizeof(wheel));
}

static void wait_ends_with_the_next_slot(void)
{
	CU_ASSERT_EQUAL(sched_wheel_slot_ns(4096), 4096);
	CU_ASSERT_EQUAL(sched_wheel_slot_ns(4097), 8192);
	CU_ASSERT_EQUAL(sched_wheel_slot_ns(UINT64_MAX), 0);
}

static void longest_wait_is_found(void)
{
	uint64_t slot_ns = sched_wheel_slot_ns(START + SCHED_WHEEL_NS);

	sched_wheel_mark(&wheel, sched_wheel_index(slot_ns));
	CU_ASSERT_EQUAL(sched_wheel_first_ns(&wheel, START), slot_ns);
	sched_wheel_clear(&wheel, sched_wheel_index(slot_ns));
	CU_ASSERT_EQUAL(wheel.words, 0);
}

/* Few or many waits of random length, served in order while the clock goes round. */
static void first_is_first_all_the_way_round(void)
{
	static bool used[SCHED_WHEEL_SLOTS];
	uint64_t seed = svio_test_seed(11);
	uint64_t clock_ns = START;
	uint32_t round;

	memset(used, 0, sizeof(used));
	for (round = 0; round < 20000; round++) {
		uint32_t more = (uint32_t)svio_test_random(&seed) % (round < 10000 ? 2 : 4);
		uint64_t expected;
		uint32_t index;

		if (!more && !wheel.words)
			more = 1;
		for (; more; more--) {
			uint64_t wait_ns = 1 + svio_test_random(&seed) % (SCHED_WHEEL_NS - 1);

			index = sched_wheel_index(sched_wheel_slot_ns(clock_ns + wait_ns));
			used[index] = true;
			sched_wheel_mark(&wheel, index);
		}
		expected = clock_ns >> SCHED_WHEEL_SLOT_LOG2 << SCHED_WHEEL_SLOT_LOG2;
		while (!used[sched_wheel_index(expected)])
			expected += 1ull << SCHED_WHEEL_SLOT_LOG2;
		clock_ns = sched_wheel_first_ns(&wheel, clock_ns);
		CU_ASSERT_EQUAL_FATAL(clock_ns, expected);
		index = sched_wheel_index(clock_ns);
		used[index] = false;
		sched_wheel_clear(&wheel, index);
	}
}

SVIO_TEST_MAIN_WITH("sched wheel", setup, NULL, SVIO_TEST(wait_ends_with_the_next_slot),
		    SVIO_TEST(longest_wait_is_found), SVIO_TEST(first_is_first_all_the_way_round))
