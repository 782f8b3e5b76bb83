/* SPDX-License-Identifier: BSD-3-Clause */
/* Groups and classes of a running device: who waits, what changes under traffic, what a crash keeps. */
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

/* More than a ceiling's burst, which may be a largest packet of 64 KiB, and less than a ring. */
#define HELD_FRAMES 100
#define HELD_BYTES  1500

#define CHANGES 30
#define KILLS   2

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct received received;
static struct neighbours traffic;
static uint8_t frame[FRAME_BYTES_MAX];

static bool svio(const char *arguments)
{
	char output[4096];
	int status = lab_svio(&lab, output, sizeof(output), "%s", arguments);

	if (status)
		printf("     svio %s: %s\n", arguments, output);
	return status == 0;
}

/* VIF a is in group blue; DSCP 46 is in its class 1, anything else in class 0. */
static void start(void)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN, .queues = 2 };

	lab_start(&lab);
	CU_ASSERT_TRUE_FATAL(svio("group add blue"));
	lab_vif_add(&lab, "a", "--group blue --classes 2 --lanes 0,0,0,0,0,1,1,1 --dscp 46=5");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", &options);
}

static void stop(void)
{
	CU_ASSERT_TRUE(lab_books_balance(&lab));
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* A UDP frame of a DSCP from a to b, on a pair of a. */
static bool send_on(uint16_t pair, uint32_t dscp, uint32_t bytes)
{
	struct frame spec = { .dst = b.mac, .src = a.mac, .udp = true, .payload_bytes = bytes };
	struct svio_vif_queue *queue = svio_vif_queue(a.vif, pair);
	struct svio_vif_buf buf;

	if (svio_vif_alloc_burst(queue, &buf, 1) != 1)
		return false;
	buf.len = frame_build(&spec, frame);
	frame[15] = (uint8_t)(dscp << 2);
	memcpy(buf.data, frame, buf.len);
	return svio_vif_tx_burst(queue, &buf, 1) == 1;
}

static uint32_t received_dscp(void)
{
	return received.data[15] >> 2;
}

/* Nothing but what class 0 has in store goes out of it from now on. */
static uint32_t hold_class_zero(void)
{
	uint32_t sent = 0;

	CU_ASSERT_TRUE_FATAL(svio("qos set a/0 --max 8K"));
	while (sent < HELD_FRAMES && send_on(0, 0, HELD_BYTES))
		sent++;
	CU_ASSERT_EQUAL_FATAL(sent, HELD_FRAMES);
	return sent;
}

static bool is_held(const char *node)
{
	char output[4096];

	return lab_svio(&lab, output, sizeof(output), "qos show %s --json", node) == 0 &&
	       strstr(output, "\"limited_by\": \"max\"") != NULL;
}

/* Until one of that DSCP comes: how many others came before. */
static uint32_t count_until(uint32_t dscp)
{
	uint32_t others = 0;

	while (guest_receive(&b, &received) && received_dscp() != dscp)
		others++;
	return others;
}

/* All frames that are on their way to b arrive; if not, what the device says of them. */
static bool receives(uint32_t left)
{
	static const char *const reports[] = { "qos show", "stats a", "stats b" };
	char output[8192];

	while (left && guest_receive(&b, &received))
		left--;
	for (uint32_t i = 0; left && i < sizeof(reports) / sizeof(reports[0]); i++) {
		lab_svio(&lab, output, sizeof(output), "%s", reports[i]);
		printf("     %u frames missing. svio %s:\n%s\n", left, reports[i], output);
	}
	return left == 0;
}

static void held_class_does_not_hold_another(void)
{
	uint32_t left;

	start();
	left = hold_class_zero();
	CU_ASSERT_TRUE(is_held("a/0"));
	CU_ASSERT_FALSE(is_held("a/1"));
	CU_ASSERT_TRUE(send_on(1, 46, 100));
	left -= count_until(46);
	CU_ASSERT_EQUAL(received_dscp(), 46);
	CU_ASSERT_TRUE(left > 0);
	CU_ASSERT_TRUE(svio("qos set a/0 --max off"));
	CU_ASSERT_TRUE(receives(left));
	stop();
}

static void group_holds_all_that_is_in_it(void)
{
	start();
	CU_ASSERT_TRUE(svio("qos set blue --max 8K"));
	for (uint32_t i = 0; i < HELD_FRAMES; i++)
		CU_ASSERT_TRUE_FATAL(send_on(i % 2, i % 2 ? 46 : 0, HELD_BYTES));
	CU_ASSERT_TRUE(is_held("blue"));
	CU_ASSERT_TRUE(svio("vif set a --group port"));
	CU_ASSERT_TRUE(receives(HELD_FRAMES));
	CU_ASSERT_TRUE(svio("group del blue"));
	stop();
}

/* The VIF's nodes are made anew each time, while its queues are never empty for long. */
static void places_change_under_traffic_and_nothing_is_lost(void)
{
	static const char *const changes[] = {
		"vif set a --classes 8",  "vif set a --group port", "vif set a --classes off",
		"vif set a --group blue", "vif set a --classes 2",
	};

	start();
	CU_ASSERT_TRUE_FATAL(neighbours_start(&traffic, &a, &b));
	for (uint32_t i = 0; i < CHANGES; i++)
		CU_ASSERT_TRUE(svio(changes[i % (sizeof(changes) / sizeof(changes[0]))]));
	CU_ASSERT_TRUE(neighbours_stop(&traffic));
	CU_ASSERT_EQUAL(traffic.stream.duplicates, 0);
	stop();
}

static void next_firmware_has_groups_and_classes(void)
{
	uint32_t left;

	start();
	CU_ASSERT_TRUE_FATAL(neighbours_start(&traffic, &a, &b));
	for (uint32_t i = 0; i < KILLS; i++)
		lab_firmware_kill(&lab);
	CU_ASSERT_TRUE(neighbours_stop(&traffic)); /* some may come twice */
	left = hold_class_zero();
	CU_ASSERT_TRUE(is_held("a/0"));
	CU_ASSERT_TRUE(send_on(1, 46, 100));
	left -= count_until(46);
	CU_ASSERT_TRUE(left > 0);
	CU_ASSERT_TRUE(svio("qos set a/0 --max off"));
	while (left && guest_receive(&b, &received))
		left--;
	CU_ASSERT_EQUAL(left, 0);
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

SVIO_TEST_MAIN("device qos", SVIO_TEST(held_class_does_not_hold_another),
	       SVIO_TEST(group_holds_all_that_is_in_it),
	       SVIO_TEST(places_change_under_traffic_and_nothing_is_lost),
	       SVIO_TEST(next_firmware_has_groups_and_classes))
