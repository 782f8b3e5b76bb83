// SPDX-License-Identifier: BSD-3-Clause
/* What svio qos show says of guests that are held back by different things. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

/* More than a ceiling's burst of 64 KiB and a packet, less than a ring. */
#define HELD_FRAMES 100
#define HELD_BYTES  1500
#define SMALL_BYTES 64

static struct device_lab lab;
static struct guest a;
static struct guest b;
static atomic_bool stop;
static uint8_t frame[FRAME_BYTES_MAX];

static void svio(const char *arguments)
{
	char output[4096];
	int status = lab_svio(&lab, output, sizeof(output), "%s", arguments);

	if (status)
		printf("     svio %s: %s\n", arguments, output);
	CU_ASSERT_EQUAL(status, 0);
}

static void setup(void)
{
	lab_start(&lab);
	svio("group add blue");
	lab_vif_add(&lab, "a", "--group blue");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", NULL);
	guest_open(&b, &lab, "b", NULL);
}

static void teardown(void)
{
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Leaves frames in the guest's ring: what holds it back has used up its burst. */
static void send_much(void)
{
	frame_fill(frame, HELD_BYTES, b.mac, a.mac, 1);
	for (int i = 0; i < HELD_FRAMES; i++)
		CU_ASSERT_TRUE_FATAL(guest_send(&a, frame, HELD_BYTES, 0, NULL));
}

/* Does the report on this node say all of that? */
static bool shows(const char *node, const char *limit, const char *ceiling)
{
	char output[8192] = "", wanted[64];

	CU_ASSERT_EQUAL(lab_svio(&lab, output, sizeof(output), "qos show %s --json", node), 0);
	snprintf(wanted, sizeof(wanted), "\"limited_by\": \"%s\"", limit);
	if (!strstr(output, wanted)) {
		printf("     %s\n", output);
		return false;
	}
	snprintf(wanted, sizeof(wanted), "\"ceiling\": \"%s\"", ceiling);
	return !*ceiling || strstr(output, wanted);
}

static void vif_that_sends_nothing_is_idle(void)
{
	CU_ASSERT_TRUE(shows("a", "idle", ""));
	CU_ASSERT_TRUE(shows("port", "idle", ""));
}

static void vif_at_its_max_is_held_by_it(void)
{
	svio("qos set a --max 8k");
	send_much();
	CU_ASSERT_TRUE(shows("a", "max", ""));
	svio("qos set a --max off");
}

static void vif_at_its_packet_rate_is_held_by_that(void)
{
	svio("qos set a --max-pps 1");
	send_much();
	CU_ASSERT_TRUE(shows("a", "max_pps", ""));
	svio("qos set a --max-pps off");
}

static void vif_in_a_full_group_is_held_by_the_group(void)
{
	svio("qos set blue --max 8k");
	send_much();
	CU_ASSERT_TRUE(shows("a", "above", "blue"));
	svio("qos set blue --max off");
}

static void *send_on_and_on(void *context)
{
	(void)context;
	frame_fill(frame, SMALL_BYTES, b.mac, a.mac, 1);
	while (!atomic_load(&stop))
		if (!guest_send(&a, frame, SMALL_BYTES, 0, NULL))
			return &stop;
	return NULL;
}

/* b does not read what it gets, so that it soon has no buffers. */
static void vif_whose_receiver_does_not_read_is_held_by_it(void)
{
	void *failed = NULL;
	pthread_t thread;

	atomic_store(&stop, false);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, send_on_and_on, NULL), 0);
	CU_ASSERT_TRUE(shows("a", "receiver", ""));
	atomic_store(&stop, true);
	pthread_join(thread, &failed);
	CU_ASSERT_PTR_NULL(failed);
}

SVIO_TEST_MAIN_WITH("sviod qos", setup, teardown, SVIO_TEST(vif_that_sends_nothing_is_idle),
		    SVIO_TEST(vif_at_its_max_is_held_by_it),
		    SVIO_TEST(vif_at_its_packet_rate_is_held_by_that),
		    SVIO_TEST(vif_in_a_full_group_is_held_by_the_group),
		    SVIO_TEST(vif_whose_receiver_does_not_read_is_held_by_it))
