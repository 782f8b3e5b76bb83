/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched: the heap inside the array of nodes, against looking through all keys. */
#include "sched_fixture.h"
#include "sched_tree.h"

#define NODES 200u

static struct sched_fixture fixture;
static bool inside[NODES + 1];
static uint32_t head;

static void setup(void)
{
	sched_fixture_open(&fixture, NODES, NO_PORT);
	memset(fixture.sched->node, 0, (NODES + 1) * sizeof(fixture.sched->node[0]));
	memset(inside, 0, sizeof(inside));
	head = 0;
}

static void teardown(void)
{
	sched_fixture_close(&fixture);
}

static bool head_is_least(void)
{
	uint32_t i;

	for (i = 1; i <= NODES; i++)
		if (inside[i] && (!head || sched_before(fixture.sched->node[i].key,
							fixture.sched->node[head].key)))
			return false;
	return !head || inside[head];
}

static void toggle(uint32_t node, uint64_t key)
{
	if (inside[node]) {
		svio_sched_heap_remove(fixture.sched, &head, node);
	} else {
		fixture.sched->node[node].key = key;
		svio_sched_heap_insert(fixture.sched, &head, node);
	}
	inside[node] = !inside[node];
}

static void random_inserts_and_removals_keep_the_least_first(void)
{
	uint64_t seed = svio_test_seed(5);
	uint32_t wrong = 0;
	uint32_t i;

	for (i = 0; i < 100000; i++) {
		/* Keys on both sides of where they wrap; many of them equal. */
		uint64_t key = svio_test_random(&seed) % 500 - 250;
		bool of_head = head && svio_test_random(&seed) % 3 == 0;

		toggle(of_head ? head : 1 + (uint32_t)(svio_test_random(&seed) % NODES), key);
		wrong += !head_is_least();
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void removing_all_from_the_head_sorts(void)
{
	uint64_t seed = svio_test_seed(6);
	uint64_t last = 0 - (1ull << 40);
	uint32_t count = 0;
	uint32_t i;

	for (i = 1; i <= NODES; i++)
		toggle(i, svio_test_random(&seed) % (1ull << 40) - (1ull << 39));
	while (head) {
		CU_ASSERT_FALSE(sched_before(fixture.sched->node[head].key, last));
		last = fixture.sched->node[head].key;
		toggle(head, 0);
		count++;
	}
	CU_ASSERT_EQUAL(count, NODES);
}

SVIO_TEST_MAIN_WITH("sched heap", setup, teardown,
		    SVIO_TEST(random_inserts_and_removals_keep_the_least_first),
		    SVIO_TEST(removing_all_from_the_head_sorts))
