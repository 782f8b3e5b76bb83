/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts (SPEC.md 4.3), moderation by a clock that stands, sleeping and waking. */
#include <string.h>

#include "guest.h"
#include "svio_regs.h"
#include "svio_test.h"

#define TX_VECTOR 1
#define RX_VECTOR 8

static struct guest guest[3];
static struct guest_packet packet;
static uint8_t frame[1600];

static void setup(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < 2; i++) {
		fake_vif_add(i);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, 6);
	}
	memset(fake.hal.raised, 0, sizeof(fake.hal.raised));
}

static void arm(uint32_t vif, uint32_t kind, uint32_t index)
{
	__atomic_store_n(&guest_doorbell(&guest[vif], kind, 0)->arm,
			 SVIO_ARM_ENABLE | (index & SVIO_ARM_INDEX), __ATOMIC_SEQ_CST);
}

static void send(uint32_t from, uint32_t count)
{
	while (count--) {
		guest_frame_between(frame, 60, from, !from, count);
		guest_send(&guest[from], 0, frame, 60);
	}
}

static uint32_t raised(uint32_t vif, uint32_t vector)
{
	return fake.hal.raised[vif][vector];
}

static void unarmed_queue_raises_nothing(void)
{
	send(0, 5);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	CU_ASSERT_EQUAL(raised(0, TX_VECTOR), 0);
}

static void armed_queue_raises_once(void)
{
	arm(1, SVIO_QUEUE_RX, 0);
	arm(0, SVIO_QUEUE_TX, 0);
	send(0, 1);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	CU_ASSERT_EQUAL(raised(0, TX_VECTOR), 1);
	send(0, 7);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	CU_ASSERT_EQUAL(raised(0, TX_VECTOR), 1);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_irqs), 1);
}

static void armed_again_raises_again(void)
{
	uint32_t i;

	for (i = 0; i < 5; i++) {
		arm(1, SVIO_QUEUE_RX, i);
		fake_run();
		CU_ASSERT_EQUAL(raised(1, RX_VECTOR), i);
		send(0, 1);
		fake_run();
		CU_ASSERT_EQUAL(raised(1, RX_VECTOR), i + 1);
	}
}

/* The driver has missed completions when it arms: it is told at once. */
static void armed_late_raises_at_once(void)
{
	send(0, 3);
	fake_run();
	arm(1, SVIO_QUEUE_RX, 1);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	arm(1, SVIO_QUEUE_RX, 3);
	svio_fw_poll(fake.fw);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
}

static void masked_then_armed_tells_what_came_meanwhile(void)
{
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 1);
	fake_run();
	guest_doorbell(&guest[1], SVIO_QUEUE_RX, 0)->arm = 0;
	send(0, 3);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	arm(1, SVIO_QUEUE_RX, 2);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 2);
}

static void admin_queue_raises_its_vector(void)
{
	struct svio_admin_cmd nop = { .opcode = SVIO_ADMIN_NOP };

	arm(0, SVIO_QUEUE_ADMIN, guest[0].admin_head);
	CU_ASSERT_EQUAL(guest_command(&guest[0], &nop), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(raised(0, 0), 1);
}

static void moderate(uint16_t us, uint16_t frames)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MODERATION_SET };

	cmd.queue.kind = SVIO_QUEUE_RX;
	cmd.queue.moderation_us = us;
	cmd.queue.moderation_frames = frames;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &cmd), SVIO_ADMIN_STATUS_OK);
}

static void moderation_waits_for_its_time(void)
{
	uint64_t deadline_ns = 0;

	moderate(50, 0);
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 2);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_EQUAL(deadline_ns, fake.hal.now_ns + 50000);
	svio_fw_wake(fake.fw);
	fake.hal.now_ns += 49999;
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	fake.hal.now_ns += 1;
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_EQUAL(deadline_ns, UINT64_MAX);
	svio_fw_wake(fake.fw);
}

static void moderation_ends_with_enough_completions(void)
{
	moderate(50, 4);
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 3);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	send(0, 1);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	CU_ASSERT_TRUE(fake_counter(1, SVIO_COUNTER_irqs_suppressed) >= 1);
}

static void moderation_set_to_zero_raises_at_once(void)
{
	moderate(50, 0);
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 1);
	fake_run();
	moderate(0, 0);
	fake_run();
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
}

#define SHARED_QUEUES 4
#define SHARED_VECTOR 3

/* Transmit queues 0 to 3 of VIF 0, all on one vector. */
static void share_vector(void)
{
	uint32_t qid;

	guest_start(&guest[0], 0, GUEST_ALL_FEATURES);
	for (qid = 0; qid < SHARED_QUEUES; qid++) {
		struct svio_admin_cmd cmd = guest_txq_cmd(qid, 6);

		cmd.queue_create.vector = SHARED_VECTOR;
		guest_queue_prepare(&guest[0], SVIO_QUEUE_TX, &cmd);
		CU_ASSERT_EQUAL_FATAL(guest_command(&guest[0], &cmd), SVIO_ADMIN_STATUS_OK);
	}
	memset(fake.hal.raised, 0, sizeof(fake.hal.raised));
	guest_frame_between(frame, 60, 0, 1, 1);
}

static void arm_shared(uint32_t qid, uint32_t index)
{
	__atomic_store_n(&guest_doorbell(&guest[0], SVIO_QUEUE_TX, qid)->arm,
			 SVIO_ARM_ENABLE | (index & SVIO_ARM_INDEX), __ATOMIC_SEQ_CST);
}

static void shared_vector_is_raised_once_for_all_its_queues(void)
{
	uint32_t qid;

	share_vector();
	for (qid = 0; qid < SHARED_QUEUES; qid++) {
		arm_shared(qid, 0);
		guest_send(&guest[0], qid, frame, 60);
	}
	fake_run();
	CU_ASSERT_EQUAL(raised(0, SHARED_VECTOR), 1);
	/* All of them were answered: each has to ask anew. */
	for (qid = 0; qid < SHARED_QUEUES; qid++)
		guest_send(&guest[0], qid, frame, 60);
	fake_run();
	CU_ASSERT_EQUAL(raised(0, SHARED_VECTOR), 1);
	arm_shared(2, 1);
	fake_run();
	CU_ASSERT_EQUAL(raised(0, SHARED_VECTOR), 2);
}

/* What the driver of the shared vector knows. */
static struct {
	uint32_t sent[SHARED_QUEUES];
	uint32_t seen[SHARED_QUEUES];
	uint32_t interrupts; /* handled */
} shared;

/* An interrupt came, and nothing else tells this driver to look. */
static void handle_shared(uint64_t *state)
{
	uint32_t first = (uint32_t)svio_test_random(state) % SHARED_QUEUES;
	uint32_t i;

	if (raised(0, SHARED_VECTOR) == shared.interrupts)
		return;
	shared.interrupts = raised(0, SHARED_VECTOR);
	for (i = 0; i < SHARED_QUEUES; i++) {
		uint32_t qid = (first + i) % SHARED_QUEUES;

		shared.seen[qid] = guest_tx_head(&guest[0], qid);
		if (svio_test_random(state) % 4 == 0)
			svio_fw_poll(fake.fw);
		arm_shared(qid, shared.seen[qid]);
		/* SPEC.md 4.3: once more, after it was armed. */
		shared.seen[qid] = guest_tx_head(&guest[0], qid);
		arm_shared(qid, shared.seen[qid]);
	}
}

static void prop_shared_vector_loses_no_interrupt(void)
{
	uint64_t state = svio_test_seed(17);
	uint32_t qid, i;

	share_vector();
	memset(&shared, 0, sizeof(shared));
	for (qid = 0; qid < SHARED_QUEUES; qid++)
		arm_shared(qid, 0);
	for (i = 0; i < 20000; i++) {
		qid = (uint32_t)svio_test_random(&state) % SHARED_QUEUES;
		if (svio_test_random(&state) % 2 && guest_tx_free(&guest[0], qid)) {
			guest_send(&guest[0], qid, frame, 60);
			shared.sent[qid]++;
		}
		if (svio_test_random(&state) % 3 == 0)
			svio_fw_poll(fake.fw);
		if (svio_test_random(&state) % 5 == 0)
			handle_shared(&state);
	}
	for (i = 0; i < 3; i++) {
		fake_run();
		handle_shared(&state);
	}
	for (qid = 0; qid < SHARED_QUEUES; qid++)
		CU_ASSERT_EQUAL(shared.seen[qid], shared.sent[qid]);
	CU_ASSERT_TRUE(shared.interrupts > 100);
}

/* Poll until the VIF's asleep flag is set. */
static bool falls_asleep(uint32_t vif)
{
	uint32_t i;

	for (i = 0; i < 5000; i++) {
		fake.hal.now_ns += 1000;
		svio_fw_poll(fake.fw);
		if (fake.doorbells[vif]->asleep)
			return true;
	}
	return false;
}

static void idle_vif_falls_asleep_and_wake_brings_it_back(void)
{
	uint32_t i;

	CU_ASSERT_TRUE(falls_asleep(0));
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60); /* sees asleep, sets the wake bit */
	fake_run();
	CU_ASSERT_EQUAL(fake.doorbells[0]->asleep, 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_wakes), 1);
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(fake.segment->wake[0], 0);
	CU_ASSERT_FALSE(svio_host_wake_any(fake.segment));
	/* Awake: no wake is needed. */
	for (i = 0; i < 100; i++) {
		guest_send(&guest[0], 0, frame, 60);
		fake_run();
	}
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_wakes), 1);
}

static void sleeping_vif_still_receives_and_is_told(void)
{
	CU_ASSERT_TRUE(falls_asleep(1));
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 1);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
	CU_ASSERT_EQUAL(fake.doorbells[1]->asleep, 0);
}

static void sleep_with_work_is_refused(void)
{
	uint64_t deadline_ns;

	fake_run();
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_EQUAL(deadline_ns, UINT64_MAX);
	CU_ASSERT_EQUAL(fake.segment->fw_state, SVIO_HOST_FW_ASLEEP);
	CU_ASSERT_EQUAL(fake.doorbells[0]->asleep, 1);
	CU_ASSERT_EQUAL(fake.doorbells[1]->asleep, 1);
	svio_fw_wake(fake.fw);
	CU_ASSERT_EQUAL(fake.segment->fw_state, SVIO_HOST_FW_POLLING);
	CU_ASSERT_EQUAL(fake.doorbells[0]->asleep, 0);

	send(0, 1);
	CU_ASSERT_FALSE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_EQUAL(fake.segment->fw_state, SVIO_HOST_FW_POLLING);
	CU_ASSERT_EQUAL(fake.doorbells[0]->asleep, 0);
	fake_run();
	svio_host_wake_set(fake.segment, 0);
	CU_ASSERT_FALSE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
}

static void sleep_of_rate_limited_vif_has_a_deadline(void)
{
	uint64_t deadline_ns;
	uint32_t i;

	fake_qos(0)->max_bps = 1000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	for (i = 0; i < 3; i++) {
		guest_frame_between(frame, 1500, 0, 1, i);
		guest_send(&guest[0], 0, frame, 1500);
	}
	fake_run();
	CU_ASSERT_TRUE_FATAL(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT_TRUE(deadline_ns > fake.hal.now_ns);
	CU_ASSERT_TRUE_FATAL(deadline_ns < fake.hal.now_ns + 1000000000);
	svio_fw_wake(fake.fw);
	for (i = 0; i < 3 && guest_tx_head(&guest[0], 0) != 3; i++) {
		fake.hal.now_ns = deadline_ns;
		fake_run();
		svio_fw_sleep(fake.fw, &deadline_ns);
		svio_fw_wake(fake.fw);
	}
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 3);
}

static void nothing_active_costs_no_look_at_doorbells(void)
{
	CU_ASSERT_TRUE(falls_asleep(0));
	CU_ASSERT_TRUE(falls_asleep(1));
	/* Without a wake bit a sleeping VIF is not looked at. */
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60);
	fake.segment->wake[0] = 0;
	fake.segment->wake_words[0] = 0;
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 0);
	fake_reg_write(0, SVIO_REG_WAKE, 1);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 1);
}

static void epoch_is_even_between_passes(void)
{
	uint64_t before = fake.segment->core[0].epoch;

	send(0, 10);
	fake_run();
	CU_ASSERT_EQUAL(fake.segment->core[0].epoch % 2, 0);
	CU_ASSERT_TRUE(fake.segment->core[0].epoch > before);
}

#define CROWD        FAKE_VIFS
#define LATE_PASSES  (2 * 8) /* fw_irq.c, and a VIF may change its place meanwhile */
#define CROWD_ROUNDS 2000

/* Keeps the device busy in each pass: what is seldom looked at is not looked at for want of work. */
static void busy_pass(void)
{
	struct guest_packet *drained = &packet;

	if (guest_tx_free(&guest[0], 0))
		send(0, 1);
	while (guest_receive(&guest[1], 0, drained))
		guest_post(&guest[1], 0, 1);
	svio_fw_poll(fake.fw);
}

static struct guest crowd[CROWD]; /* from 2 on */

/* Others, that poll, each with a completion that it has not seen. */
static void start_crowd(void)
{
	uint32_t i;

	for (i = 2; i < CROWD; i++) {
		fake_vif_add(i);
		guest_start_queues(&crowd[i], i, GUEST_ALL_FEATURES, 6);
		guest_frame_between(frame, 60, i, 0, i);
		guest_send(&crowd[i], 0, frame, 60);
		svio_fw_poll(fake.fw);
	}
}

/*
 * Guests that poll are looked at now and then while there is work. One of them arms late, with
 * completions that it has not seen: it is told all the same, whoever else comes and goes.
 */
static void prop_late_arm_is_noticed_among_many_that_poll(void)
{
	uint64_t state = svio_test_seed(29);
	uint32_t told = 0;
	uint32_t i;

	start_crowd();
	for (i = 0; i < CROWD_ROUNDS; i++) {
		uint32_t vif = 2 + (uint32_t)(svio_test_random(&state) % (CROWD - 2));
		uint32_t before = raised(vif, TX_VECTOR);
		uint32_t seen = guest_tx_head(&crowd[vif], 0);
		uint32_t passes = 0;

		guest_frame_between(frame, 60, vif, 0, i);
		guest_send(&crowd[vif], 0, frame, 60);
		while (guest_tx_head(&crowd[vif], 0) == seen)
			busy_pass();
		for (passes = (uint32_t)svio_test_random(&state) % 20; passes; passes--)
			busy_pass();
		CU_ASSERT_EQUAL_FATAL(raised(vif, TX_VECTOR), before);
		__atomic_store_n(&guest_doorbell(&crowd[vif], SVIO_QUEUE_TX, 0)->arm,
				 SVIO_ARM_ENABLE | (seen & SVIO_ARM_INDEX), __ATOMIC_SEQ_CST);
		while (raised(vif, TX_VECTOR) == before && passes < LATE_PASSES) {
			busy_pass();
			passes++;
		}
		CU_ASSERT_EQUAL_FATAL(raised(vif, TX_VECTOR), before + 1);
		told++;
		__atomic_store_n(&guest_doorbell(&crowd[vif], SVIO_QUEUE_TX, 0)->arm, 0,
				 __ATOMIC_SEQ_CST);
		if (svio_test_random(&state) % 8 == 0) {
			CU_ASSERT_EQUAL(svio_fw_vif_del(fake.fw, vif), 0);
			fake_vif_add(vif);
			guest_start_queues(&crowd[vif], vif, GUEST_ALL_FEATURES, 6);
		}
	}
	CU_ASSERT_EQUAL(told, CROWD_ROUNDS);
}

/* What moderation holds back is told in time, however busy the device is with others. */
static void moderated_interrupt_is_in_time_among_many(void)
{
	uint32_t i;

	start_crowd();
	moderate(20, 0);
	arm(1, SVIO_QUEUE_RX, 0);
	send(0, 1);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	for (i = 0; i < 19; i++) {
		fake.hal.now_ns += 1000;
		guest_frame_between(frame, 60, 0, 7, i); /* nobody: unknown unicast to the wire */
		guest_send(&guest[0], 0, frame, 60);
		svio_fw_poll(fake.fw);
		CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 0);
	}
	fake.hal.now_ns += 1000;
	guest_send(&guest[0], 0, frame, 60);
	svio_fw_poll(fake.fw);
	CU_ASSERT_EQUAL(raised(1, RX_VECTOR), 1);
}

SVIO_TEST_MAIN_WITH("firmware interrupts", setup, fake_free,
		    SVIO_TEST(unarmed_queue_raises_nothing), SVIO_TEST(armed_queue_raises_once),
		    SVIO_TEST(armed_again_raises_again), SVIO_TEST(armed_late_raises_at_once),
		    SVIO_TEST(masked_then_armed_tells_what_came_meanwhile),
		    SVIO_TEST(admin_queue_raises_its_vector),
		    SVIO_TEST(moderation_waits_for_its_time),
		    SVIO_TEST(moderation_ends_with_enough_completions),
		    SVIO_TEST(moderation_set_to_zero_raises_at_once),
		    SVIO_TEST(shared_vector_is_raised_once_for_all_its_queues),
		    SVIO_TEST(prop_shared_vector_loses_no_interrupt),
		    SVIO_TEST(prop_late_arm_is_noticed_among_many_that_poll),
		    SVIO_TEST(moderated_interrupt_is_in_time_among_many),
		    SVIO_TEST(idle_vif_falls_asleep_and_wake_brings_it_back),
		    SVIO_TEST(sleeping_vif_still_receives_and_is_told),
		    SVIO_TEST(sleep_with_work_is_refused),
		    SVIO_TEST(sleep_of_rate_limited_vif_has_a_deadline),
		    SVIO_TEST(nothing_active_costs_no_look_at_doorbells),
		    SVIO_TEST(epoch_is_even_between_passes))
