/* SPDX-License-Identifier: BSD-3-Clause */
/* The queues behind the scheduler: slots, octaves, what is too early or too far. */
#include <string.h>

#include "sched_queue.h"
#include "svio_test.h"

#define NODES 100
#define UNIT  10u
#define SLOT  1024ull /* in octave 0 */
#define START (UINT64_MAX - 5000)

static struct sched_node nodes[NODES];
static struct sched_queue queue;

static void setup(void)
{
	uint16_t i;

	memset(nodes, 0, sizeof(nodes));
	for (i = 0; i < NODES; i++)
		nodes[i].self = i;
	sched_queue_init(&queue, UNIT, START);
}

static void push(uint32_t node, uint32_t octave, uint64_t key)
{
	sched_queue_push(&queue, nodes, &nodes[node], SCHED_SHARE, octave, key);
}

static uint32_t pop(uint32_t octave)
{
	return sched_queue_pop(&queue, nodes, SCHED_SHARE, octave)->self;
}

static void pops_come_by_slot_and_then_in_order(void)
{
	push(1, 0, START + 9000);
	push(2, 0, START + 3000);
	push(3, 0, START + 3010);
	push(4, 0, START);
	CU_ASSERT_EQUAL(queue.octaves, 1);
	CU_ASSERT_EQUAL(pop(0), 4);
	CU_ASSERT_EQUAL(pop(0), 2);
	CU_ASSERT_EQUAL(pop(0), 3);
	CU_ASSERT(sched_queued(&nodes[1], SCHED_SHARE));
	CU_ASSERT_EQUAL(pop(0), 1);
	CU_ASSERT_FALSE(sched_queued(&nodes[1], SCHED_SHARE));
	CU_ASSERT_EQUAL(queue.octaves, 0);
}

static void key_before_the_first_comes_first(void)
{
	push(1, 0, START + 20 * SLOT);
	push(2, 0, START);
	CU_ASSERT_EQUAL(pop(0), 2);
	CU_ASSERT_EQUAL(pop(0), 1);
}

/* No room for it and the last at once: it goes as far before the first as there is. */
static void key_far_before_the_first_goes_before_it(void)
{
	push(1, 0, START + 20 * SLOT);
	push(2, 0, START + 50 * SLOT);
	push(3, 0, START);
	CU_ASSERT_EQUAL(pop(0), 3);
	CU_ASSERT_EQUAL(pop(0), 1);
	CU_ASSERT_EQUAL(pop(0), 2);
}

static void key_far_before_the_first_joins_it_where_all_slots_are_in_use(void)
{
	push(1, 0, START + 20 * SLOT);
	push(2, 0, START + 51 * SLOT);
	push(3, 0, START);
	CU_ASSERT_EQUAL(pop(0), 1);
	CU_ASSERT_EQUAL(pop(0), 3);
	CU_ASSERT_EQUAL(pop(0), 2);
}

/* One that is owed much has turn after turn, until it has caught up with the others. */
static void key_that_is_owed_stays_first(void)
{
	uint64_t key = START;

	push(1, 0, START + 70 * SLOT);
	for (; sched_before(key, START + 70 * SLOT); key += 3 * SLOT) {
		push(2, 0, key);
		CU_ASSERT_EQUAL_FATAL(pop(0), 2);
	}
	push(2, 0, key);
	CU_ASSERT_EQUAL(pop(0), 1);
	CU_ASSERT_EQUAL(pop(0), 2);
}

static void key_beyond_the_slots_waits_in_the_last(void)
{
	uint64_t slot;

	push(1, 0, START);
	push(2, 0, START + 1000 * SLOT);
	push(3, 0, START + 5 * SLOT);
	CU_ASSERT_EQUAL(pop(0), 1);
	CU_ASSERT_EQUAL(pop(0), 3);
	slot = queue.first[0];
	CU_ASSERT(sched_before(slot, START + 33 * SLOT));
	CU_ASSERT_EQUAL(pop(0), 2);
}

static void eligible_is_the_first_to_be_finished(void)
{
	int64_t finish;

	push(1, 4, START);       /* until START + 32 slots of octave 0 */
	push(2, 1, START + 100); /* much earlier */
	push(3, 0, START + 50 * SLOT);
	CU_ASSERT_EQUAL(sched_queue_eligible(&queue, START + 2000, &finish), 1);
	CU_ASSERT(finish > 0);
	CU_ASSERT_EQUAL(pop(1), 2);
	CU_ASSERT_EQUAL(sched_queue_eligible(&queue, START + 2000, &finish), 4);
	CU_ASSERT_EQUAL(pop(4), 1);
	CU_ASSERT_EQUAL(sched_queue_eligible(&queue, START + 2000, &finish), SCHED_NO_OCTAVE);
	CU_ASSERT_EQUAL(sched_queue_earliest(&queue), 0);
}

/* Random pushes, pops and unlinks; what comes out is never behind what stays by a whole slot. */
static void order_holds_whatever_comes_and_goes(void)
{
	uint64_t key[NODES] = { 0 };
	uint64_t seed = svio_test_seed(7);
	uint64_t now = START;
	uint32_t round;
	uint32_t i;

	for (round = 0; round < 20000; round++) {
		uint32_t node = 1 + (uint32_t)svio_test_random(&seed) % (NODES - 1);

		if (!sched_queued(&nodes[node], SCHED_SHARE)) {
			key[node] = now + svio_test_random(&seed) % (15 * SLOT);
			push(node, 0, key[node]);
		} else if (svio_test_random(&seed) % 4 == 0) {
			sched_queue_unlink(&queue, nodes, &nodes[node], SCHED_SHARE);
			CU_ASSERT_FALSE(sched_queued(&nodes[node], SCHED_SHARE));
		} else {
			node = pop(0);
			for (i = 1; i < NODES; i++)
				if (sched_queued(&nodes[i], SCHED_SHARE))
					CU_ASSERT(sched_before(key[node], key[i] + 1024));
			now = sched_later(now, key[node]);
		}
	}
}

SVIO_TEST_MAIN_WITH("sched queue", setup, NULL, SVIO_TEST(pops_come_by_slot_and_then_in_order),
		    SVIO_TEST(key_before_the_first_comes_first),
		    SVIO_TEST(key_far_before_the_first_goes_before_it),
		    SVIO_TEST(key_far_before_the_first_joins_it_where_all_slots_are_in_use),
		    SVIO_TEST(key_that_is_owed_stays_first),
		    SVIO_TEST(key_beyond_the_slots_waits_in_the_last),
		    SVIO_TEST(eligible_is_the_first_to_be_finished),
		    SVIO_TEST(order_holds_whatever_comes_and_goes))
