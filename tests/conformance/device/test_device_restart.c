/* SPDX-License-Identifier: BSD-3-Clause */
/* The firmware is killed, and settings change, under traffic: nothing is lost. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>

#include "device_guest.h"
#include "svio_test.h"

/* sviod waits longer and longer when the firmware dies more often than this. */
#define KILLS       4
#define MAX_CHANGES 100

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct neighbours traffic;

static void start(void)
{
	lab_start(&lab);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", NULL);
	guest_open(&b, &lab, "b", NULL);
}

static void stop(void)
{
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Kills the firmware from beside, at a moment that the traffic does not choose. */
struct strike {
	pid_t target;
	long delay_ns;
};

static void *run_strike(void *context)
{
	const struct strike *strike = context;
	struct timespec delay = { .tv_nsec = strike->delay_ns };

	nanosleep(&delay, NULL);
	kill(strike->target, SIGKILL);
	return NULL;
}

/* Traffic before, during and after one kill. Prints and returns the pause. */
static uint64_t strike_once(struct stream *stream, uint64_t *random)
{
	struct strike strike = { .delay_ns = (long)(svio_test_random(random) % 3000000) };
	pthread_t thread;

	lab_firmware_await(&lab);
	strike.target = lab_firmware(&lab);
	CU_ASSERT_TRUE_FATAL(stream_run(stream, 5000));
	stream->gap_max_ns = 0;
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_strike, &strike), 0);
	while (kill(strike.target, 0) == 0 && lab_firmware(&lab) == strike.target)
		CU_ASSERT_TRUE_FATAL(stream_run(stream, 100));
	pthread_join(thread, NULL);
	CU_ASSERT_TRUE(stream_run(stream, 5000));
	printf("     pause %.1f ms, %llu packets twice so far\n", (double)stream->gap_max_ns / 1e6,
	       (unsigned long long)stream->duplicates);
	return stream->gap_max_ns;
}

static void firmware_kill_under_traffic_loses_nothing(void)
{
	uint64_t random = svio_test_seed(20261120);
	struct stream stream;
	struct svio_vif_status before;
	struct svio_vif_status after;

	CU_ASSERT_EQUAL(svio_vif_status(a.vif, &before), 0);
	stream_start(&stream, &a, &b);
	for (int i = 0; i < KILLS; i++)
		strike_once(&stream, &random);
	CU_ASSERT_TRUE(stream_drain(&stream));
	CU_ASSERT_EQUAL(stream.lost, 0);
	CU_ASSERT_EQUAL(stream.broken, 0);
	lab_books_balance(&lab);
	CU_ASSERT_EQUAL(svio_vif_status(a.vif, &after), 0);
	CU_ASSERT_EQUAL(after.state, SVIO_VIF_STATE_READY);
	CU_ASSERT_EQUAL(after.fw_generation, before.fw_generation + KILLS);
	printf("     %llu packets, %llu lost, %llu twice\n", (unsigned long long)stream.received,
	       (unsigned long long)stream.lost, (unsigned long long)stream.duplicates);
}

/* A command that meets no firmware waits for the next one, and a filter survives. */
static void firmware_kill_commands_and_filters_survive(void)
{
	static const uint8_t group[6] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 };
	static struct received received;
	uint8_t frame[60];

	CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, group), 0);
	frame_fill(frame, sizeof(frame), group, a.mac, 1);
	for (int i = 0; i < KILLS; i++) {
		bool up;
		uint32_t mbps;

		lab_firmware_kill(&lab);
		CU_ASSERT_EQUAL(svio_vif_link_get(b.vif, &up, &mbps), 0);
		CU_ASSERT_TRUE(guest_send(&a, frame, sizeof(frame), 0, NULL));
		CU_ASSERT_TRUE(guest_receive(&b, &received));
	}
	CU_ASSERT_EQUAL(svio_vif_mac_del(b.vif, group), 0);
	while (guest_receive_now(&b, 0, &received))
		;
}

/* Registers and reset, too. */
static void firmware_kill_reset_is_answered(void)
{
	for (int i = 0; i < KILLS; i++) {
		lab_firmware_await(&lab);
		kill(lab_firmware(&lab), SIGKILL);
		CU_ASSERT_EQUAL(svio_vif_reset(a.vif), 0);
	}
}

static void max_changes_under_traffic_lose_nothing(void)
{
	CU_ASSERT_TRUE_FATAL(neighbours_start(&traffic, &a, &b));
	for (int i = 0; i < MAX_CHANGES; i++)
		CU_ASSERT_EQUAL(
			lab_svio(&lab, NULL, 0, "vif set a --max %s", i % 2 ? "off" : "50M"), 0);
	CU_ASSERT_TRUE(neighbours_stop(&traffic));
	CU_ASSERT_EQUAL(traffic.stream.duplicates, 0);
}

SVIO_TEST_MAIN_WITH("device restart", start, stop,
		    SVIO_TEST(firmware_kill_under_traffic_loses_nothing),
		    SVIO_TEST(firmware_kill_commands_and_filters_survive),
		    SVIO_TEST(firmware_kill_reset_is_answered),
		    SVIO_TEST(max_changes_under_traffic_lose_nothing))
