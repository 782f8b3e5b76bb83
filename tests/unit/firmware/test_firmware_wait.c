/* SPDX-License-Identifier: BSD-3-Clause */
/* Senders that wait for a receiver's buffers. */
#include <string.h>

#include "fw.h"
#include "guest.h"
#include "svio_test.h"

#define WAIT_US 1000
#define WAIT_NS (WAIT_US * 1000ull)
#define BUFFERS 8 /* of the receiver */

static struct guest sender, receiver, other;
static struct guest_packet packet;
static uint32_t sent;
static uint32_t got; /* in order */

static void open_all(uint32_t wait_us)
{
	fake_init();
	fake_vif_add(0);
	fake_vif_prepare(1);
	fake_config(1)->rx_wait_us = wait_us;
	svio_fw_vif_add(fake.fw, 1);
	fake_vif_add(2);
	guest_start_queues(&sender, 0, 0, 6);
	guest_start_queues(&other, 2, 0, 6);
	guest_start(&receiver, 1, 0);
	guest_txq_create(&receiver, 0, 6);
	guest_rxq_create(&receiver, 0, 3, 2048);
	guest_post(&receiver, 0, BUFFERS);
	sent = 0;
	got = 0;
}

static void send(uint32_t to, uint32_t qid, uint32_t count)
{
	uint8_t frame[100];

	while (count--) {
		guest_frame_between(frame, sizeof(frame), 0, to, 0);
		memcpy(frame + 40, &sent, sizeof(sent));
		sent++;
		guest_send(&sender, qid, frame, sizeof(frame));
	}
}

static void receive(void)
{
	while (guest_receive(&receiver, 0, &packet)) {
		CU_ASSERT(!memcmp(packet.data + 40, &got, sizeof(got)));
		got++;
	}
}

static uint64_t dropped(void)
{
	return fake_counter(1, SVIO_COUNTER_rx_drop_no_buffer);
}

static void nothing_is_lost_between(void)
{
	uint32_t rounds = 0;

	open_all(WAIT_US);
	send(1, 0, 20);
	fake_run();
	receive();
	CU_ASSERT_EQUAL(got, BUFFERS);
	CU_ASSERT_EQUAL(guest_tx_head(&sender, 0), BUFFERS);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_waits), 1);
	while (got < 20 && rounds++ < 10) {
		fake.hal.now_ns += WAIT_NS / 2;
		guest_post(&receiver, 0, 3);
		fake_run();
		receive();
	}
	CU_ASSERT_EQUAL(got, 20);
	CU_ASSERT_EQUAL(dropped(), 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_receiver), 0);
	CU_ASSERT_EQUAL(fake.fw->wait_count, 0);
	CU_ASSERT(fake_books_balance());
}

static void without_a_wait_they_are_dropped(void)
{
	open_all(0);
	send(1, 0, 20);
	fake_run();
	receive();
	CU_ASSERT_EQUAL(got, BUFFERS);
	CU_ASSERT_EQUAL(guest_tx_head(&sender, 0), 20);
	CU_ASSERT_EQUAL(dropped(), 20 - BUFFERS);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_waits), 0);
}

static void a_receiver_that_posts_nothing_is_waited_for_once(void)
{
	open_all(WAIT_US);
	send(1, 0, 20);
	fake_run();
	fake.hal.now_ns += WAIT_NS - 1;
	fake_run();
	CU_ASSERT_EQUAL(dropped(), 0);
	fake.hal.now_ns += 1;
	fake_run();
	CU_ASSERT_EQUAL(dropped(), 20 - BUFFERS);
	send(1, 0, 5);
	fake_run();
	CU_ASSERT_EQUAL(dropped(), 25 - BUFFERS);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_waits), 1);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_receiver), 25 - BUFFERS);
	/* It is there again: who comes waits again. */
	receive();
	got = sent;
	guest_post(&receiver, 0, BUFFERS);
	send(1, 0, BUFFERS + 1);
	fake_run();
	receive();
	CU_ASSERT_EQUAL(got, sent - 1);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_waits), 2);
	CU_ASSERT(fake_books_balance());
}

static void others_need_not_wait(void)
{
	open_all(WAIT_US);
	guest_txq_create(&sender, 1, 6);
	send(1, 0, BUFFERS + 1);
	fake_run();
	send(2, 0, 1); /* behind it in the ring: it would overtake */
	send(2, 1, 3);
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_packets), 3);
	receive();
	guest_post(&receiver, 0, 1);
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_packets), 4);
}

static void a_receiver_that_ends_lets_them_go(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY,
				      .queue = { .kind = SVIO_QUEUE_RX } };

	open_all(WAIT_US);
	send(1, 0, 20);
	fake_run();
	CU_ASSERT_EQUAL(fake.fw->wait_count, 1);
	CU_ASSERT_EQUAL(guest_command(&receiver, &cmd), SVIO_ADMIN_STATUS_OK);
	fake_run();
	CU_ASSERT_EQUAL(fake.fw->wait_count, 0);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_drop_no_queue), 20 - BUFFERS);
	CU_ASSERT(fake_books_balance());
}

static void a_sender_that_ends_waits_no_more(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY,
				      .queue = { .kind = SVIO_QUEUE_TX } };

	open_all(WAIT_US);
	send(1, 0, 20);
	fake_run();
	CU_ASSERT_EQUAL(guest_command(&sender, &cmd), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(fake.fw->wait_count, 0);
	CU_ASSERT_EQUAL(guest_txq_create(&sender, 0, 6), SVIO_ADMIN_STATUS_OK);
	send(1, 0, 3);
	fake_run();
	CU_ASSERT_EQUAL(fake.fw->wait_count, 1);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	fake_run();
	CU_ASSERT_EQUAL(fake.fw->wait_count, 0);
	CU_ASSERT_EQUAL(fake.fw->vifs[0].tx_waiting, 0);
}

static void a_device_that_sleeps_looks_now_and_then(void)
{
	uint64_t deadline_ns = UINT64_MAX;

	open_all(WAIT_US);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT(deadline_ns > fake.hal.now_ns + WAIT_NS);
	svio_fw_wake(fake.fw);
	send(1, 0, 20);
	fake_run();
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	CU_ASSERT(deadline_ns <= fake.hal.now_ns + 20000);
	svio_fw_wake(fake.fw);
}

static void a_restarted_firmware_begins_to_wait_anew(void)
{
	open_all(WAIT_US);
	send(1, 0, 20);
	fake_run();
	receive();
	fake_attach();
	svio_fw_vif_add(fake.fw, 0);
	svio_fw_vif_add(fake.fw, 1);
	svio_fw_vif_add(fake.fw, 2);
	fake_run();
	CU_ASSERT_EQUAL(fake.fw->wait_count, 1);
	guest_post(&receiver, 0, BUFFERS);
	fake_run();
	receive();
	guest_post(&receiver, 0, BUFFERS);
	fake_run();
	receive();
	CU_ASSERT_EQUAL(got, 20);
	CU_ASSERT_EQUAL(dropped(), 0);
}

SVIO_TEST_MAIN_WITH("waiting for a receiver", NULL, fake_free, SVIO_TEST(nothing_is_lost_between),
		    SVIO_TEST(without_a_wait_they_are_dropped),
		    SVIO_TEST(a_receiver_that_posts_nothing_is_waited_for_once),
		    SVIO_TEST(others_need_not_wait), SVIO_TEST(a_receiver_that_ends_lets_them_go),
		    SVIO_TEST(a_sender_that_ends_waits_no_more),
		    SVIO_TEST(a_device_that_sleeps_looks_now_and_then),
		    SVIO_TEST(a_restarted_firmware_begins_to_wait_anew))
