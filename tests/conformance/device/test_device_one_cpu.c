/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * More threads that poll than processors: sviod, the firmware and three guests, which never wait
 * and never yield, share one. Counts tell that nobody starves.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "device_guest.h"
#include "svio_test.h"

#define PAIRS   3
#define PACKETS 4000 /* of the slowest */
/* Of two that were there all the time, this much more may the faster have. */
#define UNFAIR 3

static struct device_lab lab;

struct pair {
	struct guest from, to;
	struct stream stream;
	pthread_t thread;
	_Atomic uint64_t received;
};

static struct pair pairs[PAIRS];
static atomic_bool stop;

static void stay_on_one_cpu(void)
{
	cpu_set_t allowed, one;
	int cpu = 0;

	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(allowed), &allowed);
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void start(void)
{
	stay_on_one_cpu();
	lab_start(&lab);
	for (int i = 0; i < PAIRS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "from%d", i);
		lab_vif_add(&lab, name, "");
		guest_open(&pairs[i].from, &lab, name, NULL);
		snprintf(name, sizeof(name), "to%d", i);
		lab_vif_add(&lab, name, "");
		guest_open(&pairs[i].to, &lab, name, NULL);
	}
}

static void *poll_for_ever(void *context)
{
	struct pair *pair = context;

	while (!stop) {
		stream_step(&pair->stream);
		pair->received = pair->stream.received;
	}
	return NULL;
}

static uint64_t slowest(void)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < PAIRS; i++)
		if (pairs[i].received < least)
			least = pairs[i].received;
	return least;
}

static uint64_t fastest(void)
{
	uint64_t most = 0;

	for (int i = 0; i < PAIRS; i++)
		if (pairs[i].received > most)
			most = pairs[i].received;
	return most;
}

static void polling_guests_and_the_firmware_share_one_cpu(void)
{
	uint64_t deadline = lab_now_ns() + 3 * LAB_PATIENCE_NS;
	uint64_t least, most;

	stop = false;
	for (int i = 0; i < PAIRS; i++) {
		stream_start(&pairs[i].stream, &pairs[i].from, &pairs[i].to);
		CU_ASSERT_EQUAL_FATAL(
			pthread_create(&pairs[i].thread, NULL, poll_for_ever, &pairs[i]), 0);
	}
	/* The one that manages it gets its turn, too. */
	CU_ASSERT_EQUAL(lab_svio(&lab, NULL, 0, "vif list"), 0);
	while (slowest() < PACKETS && lab_now_ns() < deadline)
		sched_yield();
	least = slowest();
	most = fastest();
	stop = true;
	for (int i = 0; i < PAIRS; i++)
		pthread_join(pairs[i].thread, NULL);
	printf("    %llu to %llu packets\n", (unsigned long long)least, (unsigned long long)most);
	CU_ASSERT_TRUE(least >= PACKETS);
	CU_ASSERT_TRUE(most <= UNFAIR * least);
	for (int i = 0; i < PAIRS; i++) {
		CU_ASSERT_EQUAL(pairs[i].stream.lost, 0);
		CU_ASSERT_EQUAL(pairs[i].stream.broken, 0);
	}
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(polling_guests_and_the_firmware_share_one_cpu),
	};
	const struct svio_test_suite suite = { "device on one processor", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	for (int i = 0; i < PAIRS; i++) {
		guest_close(&pairs[i].from);
		guest_close(&pairs[i].to);
	}
	return lab_stop(&lab) ? 1 : status;
}
