/* SPDX-License-Identifier: BSD-3-Clause */
/* The map queue's ring: batches, mistakes, and a firmware that dies. */
#include <setjmp.h>
#include <string.h>

#include "fw_sram.h"
#include "map_guest.h"
#include "svio_error.h"
#include "svio_regs.h"
#include "svio_test.h"

static void set_up(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up());
}

/* Batches */

/* More grants than a turn takes, and a packet that needs the last: it does not wait. */
static void grant_counts_for_what_is_posted_after_it(void)
{
	uint8_t frame[100];
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	guest_frame_between(frame, sizeof(frame), 0, 1, 3);
	memcpy(fake_at(0, SPARE_ADDR), frame, sizeof(frame));
	for (i = 0; i < 100; i++)
		map_put(SPARE_ADDR, SPARE_PAGE + i, 1, SVIO_MAP_READ);
	map_ring();
	map_send_from((uint64_t)(SPARE_PAGE + 99) << 12, sizeof(frame));
	svio_fw_poll(fake.fw);
	CU_ASSERT_TRUE(guest_receive(&map_guest[1], 0, &map_packet));
	CU_ASSERT_EQUAL(map_granted() - (SPARE_ADDR - FAKE_IOVA) / 4096, 100);
	/* Told so only later: this section may still have used what it revoked. */
	CU_ASSERT_EQUAL(map_head(), map_tail - 36);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(map_head(), map_tail);
}

/* Found by an access in the middle of a section, a revocation is not told in that section. */
static void revocation_is_told_after_the_section(void)
{
	uint32_t before;
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(SPARE_ADDR, SPARE_PAGE, 1, SVIO_MAP_READ);
	before = map_tail;
	for (i = 0; i < 64; i++)
		map_put(SPARE_ADDR, SPARE_PAGE + 1 + i, 1, SVIO_MAP_READ);
	map_put(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	map_ring();
	map_send_from((uint64_t)(SPARE_PAGE + 200) << 12, 100);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(map_page(SPARE_PAGE), 0);
	CU_ASSERT_EQUAL(map_head(), before + 64);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(map_head(), before + 65);
}

static void turn_takes_a_bounded_number(void)
{
	uint32_t i;

	for (i = 0; i < MAP_ENTRIES; i++)
		map_put(SPARE_ADDR, SPARE_PAGE + i * 16, 16, MAP_BOTH);
	map_ring();
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(map_head(), 64);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(map_head(), 128);
	CU_ASSERT_EQUAL(map_granted(), MAP_ENTRIES * 16);
}

/* A guest that does nothing else does not keep its neighbours from their packets. */
static void flood_leaves_the_neighbours_alone(void)
{
	uint32_t round;
	uint32_t i;

	for (round = 0; round < 50; round++) {
		for (i = 0; i < MAP_ENTRIES / 2; i++) {
			map_put(SPARE_ADDR, SPARE_PAGE + i * 16, 16, MAP_BOTH);
			map_put(0, SPARE_PAGE + i * 16, 16, SVIO_MAP_REVOKE);
		}
		map_ring();
		guest_send(&map_guest[1], 0, (uint8_t[60]){ 2, 0, 0, 0, 0, 3, 2, 0, 0, 0, 0, 2 },
			   60);
		svio_fw_poll(fake.fw);
		CU_ASSERT_TRUE(guest_receive(&map_guest[2], 0, &map_packet));
		guest_post(&map_guest[2], 0, UINT32_MAX);
		fake_run();
	}
	CU_ASSERT_EQUAL(map_error(), 0);
	CU_ASSERT_EQUAL(map_granted(), 0);
}

/* Mistakes */

static void expect_stop(uint32_t error)
{
	struct svio_admin_cmpl cmpl;
	uint32_t at = map_tail - 1;

	while (guest_admin_next(&map_guest[0], &cmpl))
		;
	CU_ASSERT_EQUAL(map_guest[0].event.event, SVIO_EVENT_QUEUE_ERROR);
	CU_ASSERT_EQUAL(map_guest[0].event.queue, SVIO_QUEUE_MAP << 8);
	CU_ASSERT_EQUAL(map_guest[0].event.status, error);
	CU_ASSERT_EQUAL(map_guest[0].event.info, MAP_RING + at % MAP_ENTRIES * 16ull);
	CU_ASSERT_EQUAL(map_error(), error);
	CU_ASSERT_EQUAL(map_head(), at);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(map_granted(), 0);
	CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(map_error(), 0);
}

static void entry_that_makes_no_sense_stops_the_queue(void)
{
	static const struct {
		uint64_t addr;
		uint32_t page, pages, flags, error;
	} bad[] = {
		{ 0x1000, 0, 0, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 17, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 0xffff, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 1, 0, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 1, 8, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 1, 0x8001, SVIO_ERROR_MAP_ENTRY },
		{ 0, 0, 1, SVIO_MAP_REVOKE | SVIO_MAP_READ, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, 0, 1, SVIO_MAP_REVOKE, SVIO_ERROR_MAP_ENTRY },
		{ 0x1001, 0, 1, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0x1800, 0, 1, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 1ull << 48, 0, 1, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ (1ull << 48) - 4096, 0, 2, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0xfffffffffffff000, 0, 1, MAP_BOTH, SVIO_ERROR_MAP_ENTRY },
		{ 0x1000, SVIO_MAP_PAGES_MAX, 1, MAP_BOTH, SVIO_ERROR_MAP_RANGE },
		{ 0x1000, SVIO_MAP_PAGES_MAX - 1, 2, MAP_BOTH, SVIO_ERROR_MAP_RANGE },
		{ 0x1000, UINT32_MAX, 16, MAP_BOTH, SVIO_ERROR_MAP_RANGE },
		{ 0, UINT32_MAX - 14, 16, SVIO_MAP_REVOKE, SVIO_ERROR_MAP_RANGE },
		{ 0, 0, 1, SVIO_MAP_REVOKE, SVIO_ERROR_MAP_MISSING },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		map_do(bad[i].addr, bad[i].page, bad[i].pages, bad[i].flags);
		expect_stop(bad[i].error);
	}
	/* Just within. */
	map_do((1ull << 48) - 16 * 4096ull, SVIO_MAP_PAGES_MAX - 16, 16, MAP_BOTH);
	CU_ASSERT_EQUAL(map_error(), 0);
	CU_ASSERT_EQUAL(map_granted(), 16);
}

static void granting_twice_stops_the_queue_and_changes_nothing(void)
{
	map_do(SPARE_ADDR, SPARE_PAGE + 3, 1, MAP_BOTH);
	map_do(SPARE_ADDR, SPARE_PAGE, 4, MAP_BOTH);
	CU_ASSERT_EQUAL(map_granted(), 1);
	expect_stop(SVIO_ERROR_MAP_EXISTS);
	/* Not even by the same entry. */
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	expect_stop(SVIO_ERROR_MAP_EXISTS);
}

static void revoking_twice_stops_the_queue_and_changes_nothing(void)
{
	map_do(SPARE_ADDR, SPARE_PAGE, 4, MAP_BOTH);
	map_do(0, SPARE_PAGE + 3, 1, SVIO_MAP_REVOKE);
	map_do(0, SPARE_PAGE, 4, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL(map_granted(), 3);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_queue_errors), 1);
	expect_stop(SVIO_ERROR_MAP_MISSING);
}

/* Not even for an access that would wait for what comes after the mistake. */
static void stopped_queue_carries_out_nothing(void)
{
	struct svio_map_entry entry = {
		.addr = SPARE_ADDR, .page = SPARE_PAGE, .pages = 1, .flags = MAP_BOTH
	};

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_MAP_MISSING);
	memcpy(fake_at(0, MAP_RING) + (size_t)((map_tail - 1) % MAP_ENTRIES) * 16, &entry,
	       sizeof(entry));
	map_send_from(SPARE_WINDOW, 100);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&map_guest[0], SVIO_QUEUE_TX, 0),
			SVIO_ERROR_DMA_UNMAPPED);
	CU_ASSERT_EQUAL(map_page(SPARE_PAGE), 0);
}

static void stopped_queue_keeps_its_grants(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_MAP_MISSING);
	CU_ASSERT_TRUE(map_passes(0, 1, 1));
	CU_ASSERT_TRUE(map_passes(1, 0, 1));
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	CU_ASSERT_EQUAL(map_page(SPARE_PAGE), 0);
}

static void tail_out_of_range_stops_the_queue(void)
{
	static const uint32_t tails[] = { MAP_ENTRIES + 1, UINT32_MAX, 0x80000000 };
	size_t i;

	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		map_tail = tails[i];
		map_ring();
		fake_run();
		CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_RING_INDEX);
		CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
		CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	}
	/* A full ring is fine. */
	for (i = 0; i < MAP_ENTRIES; i++)
		map_put(SPARE_ADDR, SPARE_PAGE + (uint32_t)i, 1, MAP_BOTH);
	map_ring();
	fake_run();
	CU_ASSERT_EQUAL(map_error(), 0);
	CU_ASSERT_EQUAL(map_head(), MAP_ENTRIES);
}

/* What was carried out but not told still takes its place: the guest cannot know that it may. */
static void tail_ahead_of_what_was_told_stops_the_queue(void)
{
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	for (i = 0; i < MAP_ENTRIES; i++)
		map_put(SPARE_ADDR, SPARE_PAGE + i, 1, SVIO_MAP_READ);
	map_ring();
	map_send_from((uint64_t)(SPARE_PAGE + MAP_ENTRIES - 1) << 12, 60);
	svio_fw_poll(fake.fw); /* 64 are told, all are done */
	CU_ASSERT_EQUAL(map_head(), map_tail - (MAP_ENTRIES - 64));
	for (i = 0; i < 65; i++)
		map_put(0, SPARE_PAGE + i, 1, SVIO_MAP_REVOKE);
	map_ring();
	fake_run();
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_RING_INDEX);
}

static void ring_that_is_unmapped_stops_the_queue(void)
{
	uint64_t end = FAKE_IOVA + FAKE_MEM_BYTES - 1;

	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	map_put(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, FAKE_IOVA, end), 0);
	/* The admin queue's pages come back, those of the map queue do not. */
	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_map(fake.iommu, fake.domain[0], FAKE_IOVA, 0x8000, 1, 0, 3), 0);
	map_ring();
	fake_run();
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_RING_DMA);
	CU_ASSERT_EQUAL(map_granted(), 1);
}

/* Takes away the page at an I/O address of VIF 0; object: what it leads to instead, 0: nothing. */
static void take_page(uint64_t addr, uint32_t object)
{
	const uint64_t first = FAKE_IOVA, end = FAKE_IOVA + FAKE_MEM_BYTES;

	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, first, end - 1), 0);
	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_map(fake.iommu, fake.domain[0], first, addr - first, 1, 0, MAP_BOTH), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], addr + 4096,
					     end - addr - 4096, 1, addr + 4096 - first, MAP_BOTH),
			      0);
	if (object)
		CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], addr, 4096, object,
						     0, MAP_BOTH),
				      0);
}

static void status_that_is_unmapped_stops_the_queue(void)
{
	take_page(MAP_STATUS, 0);
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_RING_DMA);
	CU_ASSERT_EQUAL(map_guest[0].event.event, SVIO_EVENT_QUEUE_ERROR);
	map_do(SPARE_ADDR, SPARE_PAGE + 1, 1, MAP_BOTH);
	CU_ASSERT_EQUAL(map_granted(), 1);
}

/* Memory that is not there any more: not a queue's mistake, the VIF's. */
static void memory_that_is_gone_fails_the_vif(void)
{
	static const uint64_t offsets[] = { 0x9000, 0xa000 }; /* MAP_RING, MAP_STATUS */
	uint32_t i;

	for (i = 0; i < 2; i++) {
		CU_ASSERT_TRUE_FATAL(map_set_up());
		take_page(fake_iova((uint32_t)offsets[i]), 77);
		map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_ERROR);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_MEMORY_GONE);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR_ADDR_LO),
				(uint32_t)fake_iova((uint32_t)offsets[i]));
		CU_ASSERT_TRUE(map_passes(1, 2, 5));
	}
}

/* Garbage of all kinds. No entry of it may lead anywhere but into this guest's window. */
static void garbage_harms_nobody(void)
{
	uint64_t random = svio_test_seed(20261121);
	uint32_t round;
	uint32_t i;

	for (round = 0; round < 300; round++) {
		for (i = 0; i < MAP_ENTRIES; i++) {
			uint64_t words[2] = { svio_test_random(&random),
					      svio_test_random(&random) };

			if (round % 2) {
				words[0] &= 0xfffffffff000;
				words[1] &= 0x000300070000ffff;
			}
			memcpy(fake_at(0, MAP_RING) + (size_t)i * 16, words, sizeof(words));
		}
		map_tail = round % 3 ? (uint32_t)svio_test_random(&random) % (MAP_ENTRIES + 9)
				     : MAP_ENTRIES;
		map_ring();
		fake_run();
		CU_ASSERT_TRUE(map_passes(1, 2, round));
		guest_post(&map_guest[2], 0, UINT32_MAX);
		CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
		CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	}
	CU_ASSERT_EQUAL(map_granted(), 0);
}

/* Another firmware */

static void restart_keeps_grants_and_head(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(SPARE_ADDR, SPARE_PAGE, 5, MAP_BOTH);
	memset(fake_at(0, MAP_STATUS), 0, 64);
	CU_ASSERT_TRUE(map_restart());
	CU_ASSERT_EQUAL(map_head(), map_tail);
	CU_ASSERT_TRUE(map_passes(0, 1, 1));
	CU_ASSERT_TRUE(map_passes(1, 0, 1));
	map_do(0, SPARE_PAGE, 5, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL(map_error(), 0);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_GRANT));
}

/* Only an entry that the dead firmware had begun may find its work done. */
static void mistake_after_restart_is_a_mistake(void)
{
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	CU_ASSERT_TRUE(map_restart());
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_MAP_EXISTS);
}

static void restart_keeps_an_error(void)
{
	map_do(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_TRUE(map_restart());
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_MAP_MISSING);
}

static void index_wraps(void)
{
	struct fw_sram *sram = (struct fw_sram *)(void *)fake_slot(0)->private_state;
	uint32_t i;

	map_tail = UINT32_MAX - 20;
	sram->map.index = map_tail;
	fake.doorbells[0]->map.tail = map_tail;
	CU_ASSERT_TRUE(map_restart());
	CU_ASSERT_EQUAL(map_head(), map_tail);
	for (i = 0; i < 30; i++) {
		map_do(SPARE_ADDR, SPARE_PAGE, 16, MAP_BOTH);
		map_do(0, SPARE_PAGE, 16, SVIO_MAP_REVOKE);
	}
	CU_ASSERT_EQUAL(map_error(), 0);
	CU_ASSERT_EQUAL(map_head(), 39);
}

/* Entries whose outcome depends on each of them having been carried out once. */
static void put_history(void)
{
	map_put(SPARE_ADDR, SPARE_PAGE, 3, MAP_BOTH);
	map_put(0, SPARE_PAGE + 1, 1, SVIO_MAP_REVOKE);
	map_put(SPARE_ADDR + 0x8000, SPARE_PAGE + 1, 1, SVIO_MAP_READ);
	map_put(0, SPARE_PAGE, 3, SVIO_MAP_REVOKE);
	map_put(SPARE_ADDR + 0x4000, SPARE_PAGE + 2, 2, SVIO_MAP_WRITE);
}

static bool history_holds(void)
{
	return map_granted() == 2 &&
	       map_page(SPARE_PAGE + 2) == (SPARE_ADDR + 0x4000 + SVIO_MAP_WRITE) &&
	       map_page(SPARE_PAGE + 3) == (SPARE_ADDR + 0x5000 + SVIO_MAP_WRITE);
}

/* Returns whether the crash came. */
static bool crash_at_step(uint64_t step)
{
	static volatile bool crashed;

	crashed = false;
	fake.hal.crash_at = fake.hal.steps + step;
	if (setjmp(fake.hal.crash))
		crashed = true;
	else
		fake_run();
	fake.hal.crash_at = 0;
	if (crashed)
		CU_ASSERT_TRUE(map_restart());
	return crashed;
}

static void crash_at_any_step_carries_out_each_entry_once(void)
{
	uint64_t step = 1;
	bool crashed;

	do {
		CU_ASSERT_TRUE_FATAL(map_set_up());
		put_history();
		map_ring();
		crashed = crash_at_step(step++);
		CU_ASSERT_TRUE(history_holds());
		CU_ASSERT_EQUAL(map_error(), 0);
		CU_ASSERT_EQUAL(map_head(), 5);
	} while (crashed);
	CU_ASSERT_TRUE(step > 17);
}

/* Each command is answered as if nothing had happened. */
static void crash_in_create_and_destroy_is_not_noticed(void)
{
	struct svio_admin_cmd create = map_create_cmd();
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };
	struct svio_admin_cmpl cmpl;
	uint64_t step = 1;
	uint32_t commands;
	bool crashed;

	destroy.queue.kind = SVIO_QUEUE_MAP;
	do {
		CU_ASSERT_TRUE_FATAL(map_set_up());
		guest_admin_put(&map_guest[0], &destroy);
		guest_admin_put(&map_guest[0], &create);
		crashed = crash_at_step(step++);
		for (commands = 0; guest_admin_next(&map_guest[0], &cmpl); commands++)
			CU_ASSERT_EQUAL(cmpl.status, SVIO_ADMIN_STATUS_OK);
		CU_ASSERT_EQUAL(commands, 2);
		map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
		CU_ASSERT_EQUAL(map_granted(), 1);
	} while (crashed);
	CU_ASSERT_TRUE(step > 10);
}

static void crash_in_reset_leaves_no_grant(void)
{
	uint64_t step = 1;
	static volatile bool crashed;

	do {
		CU_ASSERT_TRUE_FATAL(map_set_up());
		map_do(SPARE_ADDR, SPARE_PAGE, 16, MAP_BOTH);
		crashed = false;
		fake.hal.crash_at = fake.hal.steps + step++;
		if (setjmp(fake.hal.crash))
			crashed = true;
		else
			fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
		fake.hal.crash_at = 0;
		if (crashed)
			CU_ASSERT_TRUE(map_restart());
		/* sviod sends the write again. */
		fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
		CU_ASSERT_EQUAL(map_granted(), 0);
		CU_ASSERT_EQUAL(guest_start(&map_guest[0], 0, MAP_FEATURES), SVIO_VIF_STATE_READY);
		CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	} while (crashed);
	CU_ASSERT_TRUE(step > 16);
}

static void sleeping_vif_is_woken_by_its_map_doorbell(void)
{
	uint64_t deadline;
	uint32_t i;

	for (i = 0; i < 1000 && !fake.doorbells[0]->asleep; i++) {
		fake.hal.now_ns += 1000000;
		svio_fw_poll(fake.fw);
	}
	CU_ASSERT_TRUE_FATAL(fake.doorbells[0]->asleep);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline));
	svio_fw_wake(fake.fw);
	map_put(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	map_ring();
	CU_ASSERT_FALSE(svio_fw_sleep(fake.fw, &deadline));
	fake_run();
	CU_ASSERT_EQUAL(map_head(), 1);
}

SVIO_TEST_MAIN_WITH("firmware map queue ring", set_up, fake_free,
		    SVIO_TEST(grant_counts_for_what_is_posted_after_it),
		    SVIO_TEST(revocation_is_told_after_the_section),
		    SVIO_TEST(turn_takes_a_bounded_number),
		    SVIO_TEST(flood_leaves_the_neighbours_alone),
		    SVIO_TEST(entry_that_makes_no_sense_stops_the_queue),
		    SVIO_TEST(granting_twice_stops_the_queue_and_changes_nothing),
		    SVIO_TEST(revoking_twice_stops_the_queue_and_changes_nothing),
		    SVIO_TEST(stopped_queue_keeps_its_grants),
		    SVIO_TEST(stopped_queue_carries_out_nothing),
		    SVIO_TEST(tail_out_of_range_stops_the_queue),
		    SVIO_TEST(tail_ahead_of_what_was_told_stops_the_queue),
		    SVIO_TEST(ring_that_is_unmapped_stops_the_queue),
		    SVIO_TEST(status_that_is_unmapped_stops_the_queue),
		    SVIO_TEST(memory_that_is_gone_fails_the_vif), SVIO_TEST(garbage_harms_nobody),
		    SVIO_TEST(restart_keeps_grants_and_head),
		    SVIO_TEST(mistake_after_restart_is_a_mistake),
		    SVIO_TEST(restart_keeps_an_error), SVIO_TEST(index_wraps),
		    SVIO_TEST(crash_at_any_step_carries_out_each_entry_once),
		    SVIO_TEST(crash_in_create_and_destroy_is_not_noticed),
		    SVIO_TEST(crash_in_reset_leaves_no_grant),
		    SVIO_TEST(sleeping_vif_is_woken_by_its_map_doorbell))
