/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-fw sleeps when nothing is active, and nothing that happens then is missed. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "svio_test.h"

#include "fake_sviod.h"

static struct fake_sviod f;

static void setup(void)
{
	fake_open(&f);
}

static void teardown(void)
{
	fake_close(&f);
}

static uint64_t sleeps(void)
{
	return __atomic_load_n(&f.segment->counters[SVIO_DEVICE_COUNTER_sleeps], __ATOMIC_RELAXED);
}

static uint64_t kicks(void)
{
	return __atomic_load_n(&f.segment->counters[SVIO_DEVICE_COUNTER_kicks], __ATOMIC_RELAXED);
}

static bool wake_bits_taken(struct fake_sviod *sviod)
{
	return !__atomic_load_n(&sviod->segment->wake[0], __ATOMIC_SEQ_CST);
}

/* As sviod does when a guest writes WAKE. */
static void wake_vif(uint32_t vif)
{
	uint64_t one = 1;

	svio_host_wake_set(f.segment, vif);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&f.segment->fw_state, __ATOMIC_SEQ_CST) == SVIO_HOST_FW_ASLEEP)
		CU_ASSERT_EQUAL(write(f.kick_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
}

static void idle_firmware_sleeps_and_marks_it(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 1), 0);
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
	/* It says so, looks once more, and only then counts. */
	for (int ms = 0; ms < 5000 && !sleeps(); ms++)
		usleep(1000);
	CU_ASSERT_TRUE(sleeps() > 0);
}

static void idle_firmware_on_one_processor_sleeps(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", "--cpu=0"), 0);
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
}

static void busy_firmware_never_sleeps(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", "--poll=busy"), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 1), 0);
	wake_vif(1);
	CU_ASSERT_TRUE(fake_until(wake_bits_taken, &f));
	CU_ASSERT_EQUAL(sleeps(), 0);
	CU_ASSERT_EQUAL(f.segment->fw_state, SVIO_HOST_FW_POLLING);
}

static void sleeping_firmware_is_woken_by_messages(void)
{
	int i;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (i = 0; i < 200; i++) {
		CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
		CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_IRQ_SET, 0, 0, 0), 0);
	}
}

static void sleeping_firmware_is_woken_by_wake_bits(void)
{
	uint64_t before;
	int i;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 1), 0);
	before = kicks();
	for (i = 0; i < 200; i++) {
		CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
		wake_vif(1);
		CU_ASSERT_TRUE(fake_until(wake_bits_taken, &f));
	}
	CU_ASSERT_TRUE(kicks() > before);
}

/* Whatever the moment at which it falls asleep, an announced wake is never lost. */
static void prop_no_wake_is_lost(void)
{
	uint64_t state = svio_test_seed(20);
	int i, lost = 0;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 1), 0);
	for (i = 0; i < 2000 && !lost; i++) {
		volatile uint64_t spin = svio_test_random(&state) % 60000;

		while (spin)
			spin--;
		wake_vif(1);
		lost = !fake_until(wake_bits_taken, &f);
	}
	CU_ASSERT_EQUAL(lost, 0);
}

static void sleeping_firmware_is_woken_by_sviods_end(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
	close(f.socket);
	f.socket = -1;
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
}

/* Answers wait in svio-fw when sviod does not read them; none is lost, none is out of order. */
static void unread_answers_are_kept(void)
{
	struct svio_host_msg msg = { .type = SVIO_HOST_IRQ_SET }, reply;
	uint64_t one = 1;
	uint32_t sent, got;
	ssize_t n;

	CU_ASSERT_EQUAL(fake_start(&f, "null", NULL), 0);
	for (sent = 0; sent < 100000; sent++) {
		msg.seq = sent;
		n = send(f.socket, &msg, sizeof(msg), MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0)
			break;
		__atomic_add_fetch(&f.segment->mail, 1, __ATOMIC_SEQ_CST);
	}
	CU_ASSERT_TRUE(n < 0 && errno == EAGAIN);
	CU_ASSERT_EQUAL(write(f.kick_fd, &one, sizeof(one)), (ssize_t)sizeof(one));
	for (got = 0; got < sent && fake_receive(&f, &reply) == 0 && reply.seq == got; got++)
		;
	CU_ASSERT_EQUAL(got, sent);
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
}

SVIO_TEST_MAIN_WITH("svio-fw sleep", setup, teardown, SVIO_TEST(idle_firmware_sleeps_and_marks_it),
		    SVIO_TEST(idle_firmware_on_one_processor_sleeps),
		    SVIO_TEST(busy_firmware_never_sleeps),
		    SVIO_TEST(sleeping_firmware_is_woken_by_messages),
		    SVIO_TEST(sleeping_firmware_is_woken_by_wake_bits),
		    SVIO_TEST(prop_no_wake_is_lost),
		    SVIO_TEST(sleeping_firmware_is_woken_by_sviods_end),
		    SVIO_TEST(unread_answers_are_kept))
