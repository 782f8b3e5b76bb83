/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log: every page of guest memory that the device changes is marked,
 * and no other. What changed is found by comparing memory before and after.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "map_guest.h"
#include "svio_error.h"
#include "svio_test.h"

#define VIFS 2
#define LG2  4

static const struct svio_iommu_dirty_range all_memory = { FAKE_IOVA, FAKE_MEM_BYTES };

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint8_t before[VIFS][FAKE_MEM_BYTES];
static uint64_t bitmap[FAKE_PAGES / 64];

static void set_up(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < VIFS; i++) {
		fake_vif_prepare(i);
		CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, i), 0);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, LG2);
		fake_dirty_start(i, &all_memory, 1);
	}
}

static void remember(void)
{
	uint32_t i;

	for (i = 0; i < VIFS; i++)
		memcpy(before[i], fake.mem[i], FAKE_MEM_BYTES);
}

static void take(uint32_t vif)
{
	CU_ASSERT_EQUAL_FATAL(svio_iommu_dirty_report(&fake.dirty[vif], FAKE_IOVA, FAKE_MEM_BYTES,
						      4096, bitmap),
			      0);
	fake_grace();
}

static bool is_marked(uint64_t page)
{
	return bitmap[page / 64] >> (page % 64) & 1;
}

static bool is_changed(uint32_t vif, uint32_t page)
{
	return memcmp(before[vif] + (size_t)page * 4096, fake.mem[vif] + (size_t)page * 4096,
		      4096) != 0;
}

struct outcome {
	uint32_t changed;
	uint32_t missed; /* changed, not marked */
	uint32_t extra;  /* marked, not changed */
};

/* Since remember(), of one VIF; its log is taken. */
static struct outcome compare(uint32_t vif)
{
	struct outcome outcome = { 0 };
	uint32_t page;

	take(vif);
	for (page = 0; page < FAKE_PAGES; page++) {
		outcome.changed += is_changed(vif, page);
		outcome.missed += is_changed(vif, page) && !is_marked(page);
		outcome.extra += !is_changed(vif, page) && is_marked(page);
	}
	return outcome;
}

static void send_one(uint32_t from, uint32_t to, uint32_t bytes, uint32_t seed)
{
	static uint8_t frame[9018];

	guest_frame_between(frame, bytes, from, to, seed);
	guest_send(&guest[from], 0, frame, bytes);
}

static uint64_t page_of(uint64_t iova)
{
	return (iova - FAKE_IOVA) / 4096;
}

static void a_packet_marks_its_buffer_and_completion_and_head(void)
{
	struct outcome outcome;

	set_up();
	send_one(0, 1, 60, 1);
	remember();
	fake_run();
	outcome = compare(1);
	CU_ASSERT_EQUAL(outcome.changed, 2);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
	CU_ASSERT_TRUE(is_marked(page_of(guest[1].rx[0].buffers)));
	CU_ASSERT_TRUE(is_marked(page_of(guest[1].rx[0].completion)));
	outcome = compare(0);
	CU_ASSERT_EQUAL(outcome.changed, 1);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
	CU_ASSERT_TRUE(is_marked(page_of(guest[0].tx[0].completion)));
}

static void a_large_packet_marks_every_buffer(void)
{
	struct outcome outcome;

	set_up();
	send_one(0, 1, 9000, 1);
	remember();
	fake_run();
	outcome = compare(1);
	CU_ASSERT_TRUE(outcome.changed >= 4);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
}

static void a_command_marks_completion_and_data(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_STATS_GET };
	struct outcome outcome;

	set_up();
	send_one(0, 1, 60, 1);
	fake_run();
	take(0);
	cmd.buffer.addr = GUEST_SCRATCH;
	cmd.buffer.len = 4096;
	cmd.buffer.kind = SVIO_STATS_VIF;
	guest_admin_put(&guest[0], &cmd);
	remember();
	fake_run();
	outcome = compare(0);
	CU_ASSERT_EQUAL(outcome.changed, 2);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
	CU_ASSERT_TRUE(is_marked(page_of(GUEST_ADMIN_CQ)));
	CU_ASSERT_TRUE(is_marked(page_of(GUEST_SCRATCH)));
}

static void an_event_marks_its_completion(void)
{
	struct outcome outcome;

	set_up();
	fake_config(0)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	remember();
	fake_run();
	outcome = compare(0);
	CU_ASSERT_EQUAL(outcome.changed, 1);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
}

/* What was reported is reported again only when it is written again. */
static void a_report_clears(void)
{
	set_up();
	send_one(0, 1, 60, 1);
	fake_run();
	take(1);
	CU_ASSERT_TRUE(is_marked(page_of(guest[1].rx[0].buffers)));
	take(1);
	CU_ASSERT_FALSE(is_marked(page_of(guest[1].rx[0].buffers)));
	send_one(0, 1, 60, 2);
	fake_run();
	take(1);
	CU_ASSERT_TRUE(is_marked(page_of(guest[1].rx[0].completion)));
}

static void nothing_is_marked_without_a_log(void)
{
	const char *log;
	uint64_t left = 0;
	uint32_t i;

	set_up();
	log = (const char *)fake.dirty[1].log;
	fake_dirty_stop(0);
	fake_dirty_stop(1);
	send_one(0, 1, 60, 1);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	for (i = 0; i < FAKE_DIRTY_BYTES; i++)
		left |= (uint8_t)log[i];
	CU_ASSERT_EQUAL(left, 0);
}

/* A segment may have no logs at all. */
static void a_flag_without_memory_is_harmless(void)
{
	fake_init();
	fake.segment->dirty_offset = 0;
	fake_attach();
	fake_vif_prepare(0);
	fake_config(0)->flags |= SVIO_HOST_VIF_DIRTY_LOG;
	CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, 0), 0);
	guest_start_queues(&guest[0], 0, GUEST_ALL_FEATURES, LG2);
	send_one(0, 0, 60, 1);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 1);
}

static void a_log_that_does_not_fit_the_segment_is_refused(void)
{
	fake_init();
	fake.segment->dirty_offset += 4096;
	CU_ASSERT_EQUAL(fake_try_attach(), -EPROTO);
	fake.segment->dirty_offset = fake.segment->bytes + 64;
	CU_ASSERT_EQUAL(fake_try_attach(), -EPROTO);
	fake.segment->dirty_offset = 32;
	CU_ASSERT_EQUAL(fake_try_attach(), -EPROTO);
}

/* Only what was asked for is logged. */
static void only_ranges_are_logged(void)
{
	struct svio_iommu_dirty_range range = { 0, 4096 };

	set_up();
	fake_dirty_stop(1);
	range.iova = guest[1].rx[0].completion & ~4095ull;
	fake_dirty_start(1, &range, 1);
	send_one(0, 1, 60, 1);
	fake_run();
	take(1);
	CU_ASSERT_TRUE(is_marked(page_of(range.iova)));
	CU_ASSERT_FALSE(is_marked(page_of(guest[1].rx[0].buffers)));
}

/*
 * A guest's device addresses are not I/O addresses: the log has the latter. Here both mean memory
 * that is logged.
 */
static void behind_a_map_queue_the_page_granted_is_marked(void)
{
	const uint64_t window = SPARE_ADDR + 0x8000;
	const struct svio_iommu_dirty_range ranges[] = { { 0, 4096 }, all_memory };
	uint64_t first = 0;
	const struct guest_queue *rx = &map_guest[0].rx[0];
	uint8_t frame[60];
	struct outcome outcome;
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up() && map_set_up_queues());
	map_do(SPARE_ADDR, (uint32_t)(window >> SVIO_MAP_PAGE_LG2), 1, MAP_BOTH);
	for (i = 0; i < 1u << rx->ring_lg2; i++)
		memcpy(fake_at(0, rx->ring) + i * sizeof(struct svio_rx_desc), &window,
		       sizeof(window));
	fake_dirty_start(0, ranges, 2);
	guest_frame_between(frame, sizeof(frame), 1, 0, 1);
	for (i = 0; i < 2; i++)
		guest_send(&map_guest[1], 0, frame, sizeof(frame));
	remember();
	fake_run();
	outcome = compare(0);
	CU_ASSERT_TRUE(is_changed(0, (uint32_t)page_of(SPARE_ADDR)));
	CU_ASSERT_EQUAL(outcome.changed, 2);
	CU_ASSERT_EQUAL(outcome.missed, 0);
	CU_ASSERT_EQUAL(outcome.extra, 0);
	CU_ASSERT_EQUAL(svio_iommu_dirty_report(&fake.dirty[0], 0, 4096, 4096, &first), 0);
	CU_ASSERT_EQUAL(first, 0);
	map_do(SPARE_ADDR + 4096, SPARE_PAGE + 1, 1, MAP_BOTH);
	take(0);
	CU_ASSERT_TRUE(is_marked(page_of(MAP_STATUS)));
}

static uint32_t pick(uint64_t *seed, uint32_t below)
{
	return (uint32_t)(svio_test_random(seed) % below);
}

static void act(uint64_t *seed)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_STATS_GET };
	uint32_t who = pick(seed, VIFS);
	uint32_t n;

	cmd.buffer.addr = GUEST_SCRATCH;
	cmd.buffer.len = 4096;
	cmd.buffer.kind = SVIO_STATS_VIF;
	for (n = pick(seed, 4); n && guest_tx_free(&guest[who], 0) > 2; n--)
		send_one(who, pick(seed, VIFS), 14 + pick(seed, 9000), pick(seed, 256));
	if (!pick(seed, 3))
		guest_admin_put(&guest[who], &cmd);
}

static void prop_what_changed_is_marked(void)
{
	uint64_t seed = svio_test_seed(0xd127);
	struct outcome sum = { 0 };
	uint32_t step;
	uint32_t i;

	set_up();
	for (step = 0; step < 60; step++) {
		struct svio_admin_cmpl cmpl;

		act(&seed);
		remember();
		fake_run();
		for (i = 0; i < VIFS; i++) {
			struct outcome outcome = compare(i);

			sum.changed += outcome.changed;
			sum.missed += outcome.missed;
			while (guest_admin_next(&guest[i], &cmpl))
				;
			while (guest_receive(&guest[i], 0, &packet))
				;
			guest_post(&guest[i], 0, UINT32_MAX);
		}
	}
	CU_ASSERT_TRUE(sum.changed > 100);
	CU_ASSERT_EQUAL(sum.missed, 0);
}

/* One life of the firmware: the crash ends it, or it ends by itself. True: it crashed. */
static bool run_until_crash(void)
{
	if (setjmp(fake.hal.crash))
		return true;
	fake_run();
	return false;
}

static uint32_t missed_after_crash_at(uint64_t step, bool *crashed)
{
	uint32_t missed = 0;
	uint32_t i;

	set_up();
	for (i = 0; i < 3; i++) {
		send_one(0, 1, 60 + 2000 * i, i);
		send_one(1, 0, 60, i);
	}
	remember();
	fake.hal.crash_at = fake.hal.steps + step;
	*crashed = run_until_crash();
	fake.hal.crash_at = 0;
	/* The marks of the dead, then those of the next one, which repairs rings and goes on. */
	for (i = 0; i < VIFS; i++)
		missed += compare(i).missed;
	remember();
	fake_attach();
	for (i = 0; i < VIFS; i++)
		missed += svio_fw_vif_add(fake.fw, i) != 0;
	fake_run();
	for (i = 0; i < VIFS; i++)
		missed += compare(i).missed;
	return missed;
}

static void a_crash_at_any_step_misses_nothing(void)
{
	bool crashed = true;
	uint32_t missed = 0;
	uint64_t step;

	for (step = 1; crashed; step++)
		missed += missed_after_crash_at(step, &crashed);
	printf("%u steps\n", (uint32_t)step);
	CU_ASSERT_TRUE(step > 30);
	CU_ASSERT_EQUAL(missed, 0);
}

SVIO_TEST_MAIN_WITH("iommu marking", NULL, fake_free,
		    SVIO_TEST(a_packet_marks_its_buffer_and_completion_and_head),
		    SVIO_TEST(a_large_packet_marks_every_buffer),
		    SVIO_TEST(a_command_marks_completion_and_data),
		    SVIO_TEST(an_event_marks_its_completion), SVIO_TEST(a_report_clears),
		    SVIO_TEST(nothing_is_marked_without_a_log),
		    SVIO_TEST(a_flag_without_memory_is_harmless),
		    SVIO_TEST(a_log_that_does_not_fit_the_segment_is_refused),
		    SVIO_TEST(only_ranges_are_logged),
		    SVIO_TEST(behind_a_map_queue_the_page_granted_is_marked),
		    SVIO_TEST(prop_what_changed_is_marked),
		    SVIO_TEST(a_crash_at_any_step_misses_nothing))
