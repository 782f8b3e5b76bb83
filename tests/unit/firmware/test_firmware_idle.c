/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VIF that is idle is not touched: its doorbells and its slot in the segment are taken
 * away while the firmware serves others, so that a look at them ends the program.
 */
#include <string.h>
#include <sys/mman.h>

#include "guest.h"
#include "svio_regs.h"
#include "svio_test.h"

#define IDLE       1024
#define ACTIVE     2
#define PAGE_BYTES 4096ul

static struct guest guest[ACTIVE];
static struct guest_packet packet;
static uint8_t frame[64];

static bool falls_asleep(uint32_t vif)
{
	uint32_t i;

	for (i = 0; i < 5000 && !fake.doorbells[vif]->asleep; i++) {
		fake.hal.now_ns += 100000;
		svio_fw_poll(fake.fw);
	}
	return fake.doorbells[vif]->asleep;
}

/* The whole pages within [memory, memory + bytes). */
static void protect(void *memory, size_t bytes, int rights)
{
	uintptr_t begin = ((uintptr_t)memory + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
	uintptr_t end = ((uintptr_t)memory + bytes) & ~(PAGE_BYTES - 1);

	/* NOLINTNEXTLINE(performance-no-int-to-ptr) */
	CU_ASSERT_EQUAL(mprotect((void *)begin, end - begin, rights), 0);
}

static void protect_idle(int rights)
{
	uint32_t i;

	for (i = 0; i < IDLE; i++)
		protect(fake.doorbells[i], sizeof(struct svio_doorbell_bar), rights);
	protect(fake_slot(0), IDLE * sizeof(struct svio_host_vif), rights);
}

/* VIFs 0 to IDLE - 1 have been used and sleep; two more, which are awake. */
static void setup(void)
{
	static struct guest sleeper;
	uint32_t i;

	fake_init();
	for (i = 0; i < IDLE; i++) {
		fake_vif_add(i);
		if (i % 64)
			continue;
		guest_start_queues(&sleeper, i, GUEST_ALL_FEATURES, 4);
		falls_asleep(i);
	}
	for (i = 0; i < ACTIVE; i++) {
		fake_vif_add(IDLE + i);
		guest_start_queues(&guest[i], IDLE + i, GUEST_ALL_FEATURES, 6);
	}
}

static void teardown(void)
{
	fake_free();
}

static void exchange(uint32_t packets)
{
	uint32_t i;

	for (i = 0; i < packets; i++) {
		uint32_t from = i % ACTIVE;

		guest_frame_between(frame, sizeof(frame), IDLE + from, IDLE + !from, i);
		guest_send(&guest[from], 0, frame, sizeof(frame));
		fake_run();
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[!from], 0, &packet));
		guest_post(&guest[!from], 0, 1);
	}
}

static void idle_vifs_are_not_touched_while_others_work(void)
{
	protect_idle(PROT_NONE);
	exchange(500);
	protect_idle(PROT_READ | PROT_WRITE);
}

static void idle_vifs_are_not_touched_on_the_way_to_sleep(void)
{
	uint64_t deadline_ns;

	protect_idle(PROT_NONE);
	exchange(10);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	svio_fw_wake(fake.fw);
	CU_ASSERT_TRUE(falls_asleep(IDLE));
	CU_ASSERT_TRUE(falls_asleep(IDLE + 1));
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_EQUAL(deadline_ns, UINT64_MAX);
	svio_fw_wake(fake.fw);
	protect_idle(PROT_READ | PROT_WRITE);
}

/* Each of them is found by its own bit, and no other is. */
static void any_vif_is_woken_alone(void)
{
	uint32_t i, k;

	for (i = 0; i < IDLE; i += 64) {
		svio_host_wake_set(fake.segment, i);
		svio_fw_poll(fake.fw);
		CU_ASSERT_FALSE(svio_host_wake_any(fake.segment));
		for (k = 0; k < IDLE; k += 64)
			CU_ASSERT_EQUAL(fake_counter(k, SVIO_COUNTER_wakes), k <= i);
	}
}

SVIO_TEST_MAIN_WITH("firmware idle VIFs", setup, teardown,
		    SVIO_TEST(idle_vifs_are_not_touched_while_others_work),
		    SVIO_TEST(idle_vifs_are_not_touched_on_the_way_to_sleep),
		    SVIO_TEST(any_vif_is_woken_alone))
