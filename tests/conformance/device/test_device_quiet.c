/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two guests that poll exchange packets, and the bus is silent: no message to sviod, no trapped
 * access, and sviod gets no turn of a processor. SVIO_TEST_ROUNDS: packets (default 1000000).
 *
 * On a busy machine a guest may lose its processor for so long that the device falls asleep and
 * has to be woken. So the packets are counted in slices, of which only silent ones count; what
 * came besides must be wakes, and few.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

#define SLICE 10000

static struct device_lab lab;
static struct guest a, b;
static struct stream stream;

static uint64_t packets_wanted(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? strtoull(text, NULL, 10) : 1000000;
}

static void start(void)
{
	struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL };

	lab_start(&lab);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", &options);
}

/* How often sviod got a processor. */
static uint64_t sviod_turns(void)
{
	char path[64], line[128] = "";
	const char *third;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)lab.sviod);
	file = fopen(path, "re");
	if (!file || !fgets(line, sizeof(line), file))
		CU_FAIL("schedstat");
	if (file)
		fclose(file);
	third = strrchr(line, ' ');
	return third ? strtoull(third, NULL, 10) : 0;
}

static uint32_t messages(void)
{
	return svio_vif_raw_messages(a.vif) + svio_vif_raw_messages(b.vif);
}

static void polling_guests_leave_the_bus_alone(void)
{
	uint64_t wanted = packets_wanted(), silent = 0, slices = 0;
	uint64_t turns;
	uint32_t all;

	stream_start(&stream, &a, &b);
	CU_ASSERT_TRUE_FATAL(
		stream_run(&stream, SLICE)); /* awake, and what began with the start is over */
	turns = sviod_turns();
	all = messages();
	while (silent < wanted && slices < 20 * (wanted / SLICE + 1)) {
		uint32_t before = messages();
		uint64_t turns_before = sviod_turns();

		CU_ASSERT_TRUE_FATAL(stream_run(&stream, SLICE));
		slices++;
		if (messages() == before && sviod_turns() == turns_before)
			silent += SLICE;
	}
	turns = sviod_turns() - turns;
	all = messages() - all;
	printf("    %llu packets of %llu without a message; %u messages\n",
	       (unsigned long long)silent, (unsigned long long)(slices * SLICE), all);
	CU_ASSERT_TRUE(silent >= wanted);
	/* sviod ran for messages alone, but for a timer of its start. */
	CU_ASSERT_TRUE(turns <= all + 4ull);
	CU_ASSERT_TRUE(stream_drain(&stream));
	CU_ASSERT_EQUAL(stream.lost, 0);
	CU_ASSERT_EQUAL(stream.broken, 0);
}

/* A guest that waits pays one message for each time that the device had fallen asleep. */
static void waking_costs_one_message(void)
{
	struct svio_vif_raw raw;

	svio_vif_raw_get(a.vif, &raw);
	for (int i = 0; i < 20; i++) {
		uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
		uint32_t before;

		while (!raw.doorbells->asleep && lab_now_ns() < deadline)
			;
		before = messages();
		CU_ASSERT_TRUE_FATAL(stream_run(&stream, 1));
		CU_ASSERT_TRUE(messages() > before);
		CU_ASSERT_TRUE_FATAL(stream_drain(&stream));
	}
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(polling_guests_leave_the_bus_alone),
		SVIO_TEST(waking_costs_one_message),
	};
	const struct svio_test_suite suite = { "device leaves the bus alone", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&a);
	guest_close(&b);
	return lab_stop(&lab) ? 1 : status;
}
