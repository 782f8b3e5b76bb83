/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts as SPEC 4.3 says, and the device's sleep (4.2). IRQ_MODE: who raises them, sviod's
 * --irq.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>

#include "device_guest.h"
#include "svio_test.h"

#define WAIT_MS 20000

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct received received;
static uint8_t frame[64];

static void start(void)
{
	struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL,
					    .queues = 2,
					    .interrupts = true };

	lab_start_irq(&lab, IRQ_MODE);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", &options);
	frame_fill(frame, sizeof(frame), b.mac, a.mac, 1);
}

static bool send_one(void)
{
	return guest_send(&a, frame, sizeof(frame), 0, NULL);
}

/* Is an interrupt there now? */
static bool is_raised(struct guest *guest)
{
	struct pollfd pfd = { .fd = svio_vif_queue_fd(guest->queue), .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static uint64_t counter(struct guest *guest, enum svio_counter which)
{
	uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };

	CU_ASSERT_EQUAL(svio_vif_stats_get(guest->vif, counters), 0);
	return counters[which];
}

static void arm_receive_raises_once(void)
{
	for (int i = 0; i < 100; i++) {
		CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, SVIO_VIF_RX), 0);
		CU_ASSERT_FALSE(is_raised(&b));
		CU_ASSERT_TRUE(send_one());
		CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(b.queue, WAIT_MS), 0);
		CU_ASSERT_TRUE(guest_receive_now(&b, 0, &received));
		/* Not armed again: the next packet comes without. */
		CU_ASSERT_TRUE(send_one());
		CU_ASSERT_TRUE(guest_receive(&b, &received));
		counter(&b, SVIO_COUNTER_irqs);
		CU_ASSERT_FALSE(is_raised(&b));
	}
}

static void masked_queue_raises_nothing(void)
{
	uint64_t before = counter(&b, SVIO_COUNTER_irqs);

	CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, 0), 0);
	for (int i = 0; i < 50; i++) {
		CU_ASSERT_TRUE(send_one());
		CU_ASSERT_TRUE(guest_receive(&b, &received));
	}
	CU_ASSERT_EQUAL(counter(&b, SVIO_COUNTER_irqs), before);
	CU_ASSERT_FALSE(is_raised(&b));
}

/* The packet was there before the driver armed: it must not wait for another one. */
static void arm_with_packet_waiting_says_so(void)
{
	CU_ASSERT_TRUE(send_one());
	while (svio_vif_tx_pending(a.queue))
		sched_yield();
	CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, SVIO_VIF_RX), SVIO_VIF_RX);
	CU_ASSERT_TRUE(guest_receive_now(&b, 0, &received));
	/* It may have been raised before it was masked again. */
	svio_vif_queue_wait(b.queue, 0);
}

static void arm_transmit_raises_when_sent(void)
{
	for (int i = 0; i < 20; i++) {
		while (svio_vif_tx_pending(a.queue))
			sched_yield();
		CU_ASSERT_EQUAL(svio_vif_queue_arm(a.queue, SVIO_VIF_TX), 0);
		CU_ASSERT_TRUE(send_one());
		CU_ASSERT_EQUAL(svio_vif_queue_wait(a.queue, WAIT_MS), 0);
		CU_ASSERT_EQUAL(svio_vif_tx_pending(a.queue), 0);
		CU_ASSERT_TRUE(guest_receive(&b, &received));
	}
}

static void ping_pong_by_interrupts(void)
{
	uint8_t back[64];

	frame_fill(back, sizeof(back), a.mac, b.mac, 2);
	for (int i = 0; i < 2000; i++) {
		CU_ASSERT_TRUE_FATAL(send_one());
		while (!guest_receive_now(&b, 0, &received))
			if (!svio_vif_queue_arm(b.queue, SVIO_VIF_RX))
				CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(b.queue, WAIT_MS), 0);
		CU_ASSERT_TRUE_FATAL(guest_send(&b, back, sizeof(back), 0, NULL));
		while (!guest_receive_now(&a, 0, &received))
			if (!svio_vif_queue_arm(a.queue, SVIO_VIF_RX))
				CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(a.queue, WAIT_MS), 0);
	}
}

static void moderation_folds_interrupts(void)
{
	uint64_t before;

	if (!(svio_vif_info(b.vif)->features & SVIO_FEATURE(MODERATION))) {
		CU_ASSERT_EQUAL(svio_vif_moderation_set(b.vif, SVIO_QUEUE_RX, 0, 10, 10),
				-EOPNOTSUPP);
		return;
	}
	CU_ASSERT_EQUAL(svio_vif_moderation_set(b.vif, SVIO_QUEUE_RX, 0, 10000, 16), 0);
	CU_ASSERT_EQUAL(svio_vif_moderation_set(b.vif, SVIO_QUEUE_RX, 0, 10001, 16), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_moderation_set(b.vif, SVIO_QUEUE_RX, 30, 10, 16), -ENXIO);
	svio_vif_queue_wait(b.queue, 0);
	before = counter(&b, SVIO_COUNTER_irqs);
	CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, SVIO_VIF_RX), 0);
	for (int i = 0; i < 16; i++)
		CU_ASSERT_TRUE(send_one());
	CU_ASSERT_EQUAL(svio_vif_queue_wait(b.queue, WAIT_MS), 0);
	CU_ASSERT_EQUAL(counter(&b, SVIO_COUNTER_irqs), before + 1);
	for (int i = 0; i < 16; i++)
		CU_ASSERT_TRUE(guest_receive(&b, &received));
	/* One packet alone comes when its time is over. */
	CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, SVIO_VIF_RX), 0);
	CU_ASSERT_TRUE(send_one());
	CU_ASSERT_EQUAL(svio_vif_queue_wait(b.queue, WAIT_MS), 0);
	CU_ASSERT_TRUE(guest_receive_now(&b, 0, &received));
	CU_ASSERT_EQUAL(svio_vif_moderation_set(b.vif, SVIO_QUEUE_RX, 0, 0, 0), 0);
}

static bool await_sleep(struct guest *guest)
{
	struct svio_vif_raw raw;
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	svio_vif_raw_get(guest->vif, &raw);
	while (!raw.doorbells->asleep && lab_now_ns() < deadline)
		sched_yield();
	return raw.doorbells->asleep;
}

static void asleep_device_is_woken_by_a_packet(void)
{
	uint64_t before = counter(&a, SVIO_COUNTER_wakes);

	for (int i = 0; i < 50; i++) {
		CU_ASSERT_TRUE_FATAL(await_sleep(&a));
		CU_ASSERT_TRUE(send_one());
		CU_ASSERT_TRUE_FATAL(guest_receive(&b, &received));
	}
	CU_ASSERT(counter(&a, SVIO_COUNTER_wakes) >= before + 50);
}

static void asleep_device_is_woken_by_a_command(void)
{
	for (int i = 0; i < 50; i++) {
		CU_ASSERT_TRUE_FATAL(await_sleep(&a));
		CU_ASSERT_EQUAL(svio_vif_admin(a.vif,
					       &(struct svio_admin_cmd){ .opcode = SVIO_ADMIN_NOP },
					       NULL),
				0);
	}
}

/* Interrupts go on after the firmware was replaced, armed before or after. */
static void firmware_kill_armed_queue_is_raised(void)
{
	for (int i = 0; i < 4; i++) {
		CU_ASSERT_EQUAL(svio_vif_queue_arm(b.queue, SVIO_VIF_RX), 0);
		lab_firmware_kill(&lab);
		CU_ASSERT_TRUE(send_one());
		while (!guest_receive_now(&b, 0, &received)) {
			if (svio_vif_queue_arm(b.queue, SVIO_VIF_RX))
				continue;
			CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(b.queue, WAIT_MS), 0);
		}
		svio_vif_queue_wait(b.queue, 0);
	}
}

/* After all that: every packet is accounted for. */
/* Pairs that share a vector share its event, whichever of them was interrupted. */
static void shared_vector_has_one_event(void)
{
	const struct svio_vif_options options = { .queues = 2, .vectors = 1, .interrupts = true };
	uint8_t from_c[64];
	struct guest c;

	lab_vif_add(&lab, "c", "");
	guest_open(&c, &lab, "c", &options);
	frame_fill(from_c, sizeof(from_c), b.mac, c.mac, 3);
	for (uint16_t i = 0; i < 20; i++) {
		struct svio_vif_queue *other = svio_vif_queue(c.vif, (i + 1) % 2);

		c.queue = svio_vif_queue(c.vif, i % 2);
		CU_ASSERT_EQUAL(svio_vif_queue_arm(c.queue, SVIO_VIF_TX), 0);
		CU_ASSERT_TRUE(guest_send(&c, from_c, sizeof(from_c), 0, NULL));
		CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(other, WAIT_MS), 0);
		CU_ASSERT_FALSE(is_raised(&c));
		CU_ASSERT_EQUAL(svio_vif_tx_pending(c.queue), 0);
		CU_ASSERT_TRUE(guest_receive(&b, &received));
	}
	guest_close(&c);
}

static void books_balance(void)
{
	CU_ASSERT_TRUE(lab_books_balance(&lab));
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(arm_receive_raises_once),
		SVIO_TEST(masked_queue_raises_nothing),
		SVIO_TEST(arm_with_packet_waiting_says_so),
		SVIO_TEST(arm_transmit_raises_when_sent),
		SVIO_TEST(ping_pong_by_interrupts),
		SVIO_TEST(moderation_folds_interrupts),
		SVIO_TEST(asleep_device_is_woken_by_a_packet),
		SVIO_TEST(asleep_device_is_woken_by_a_command),
		SVIO_TEST(firmware_kill_armed_queue_is_raised),
		SVIO_TEST(shared_vector_has_one_event),
		SVIO_TEST(books_balance),
	};
	const struct svio_test_suite suite = { "device interrupt", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&a);
	guest_close(&b);
	return lab_stop(&lab) ? 1 : status;
}
