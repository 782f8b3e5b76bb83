/* SPDX-License-Identifier: BSD-3-Clause */
/* Many lives of VIFs and clients: sviod and svio-fw hold nothing more afterwards. */
#include <sched.h>
#include <stdio.h>

#include "device_guest.h"
#include "svio_test.h"

#define CONNECTS 200
#define CYCLES   1000

/* The allocators' own slack: much less than one VIF's worth a hundred times. */
#define SLACK_KIB 1024

#define SETTLE_NS 500000000ull

static struct device_lab lab;
static struct received received;

struct holdings {
	int sviod_fds;
	int fw_fds;
	long sviod_kib;
	long fw_kib;
};

static struct holdings look(void)
{
	pid_t fw = lab_firmware(&lab);

	return (struct holdings){ .sviod_fds = lab_open_fds(lab.sviod),
				  .fw_fds = lab_open_fds(fw),
				  .sviod_kib = lab_resident_kib(lab.sviod),
				  .fw_kib = lab_resident_kib(fw) };
}

/*
 * sviod closes the connections that were hung up in its own time. So: look until
 * there are no more descriptors than goal says, or (goal NULL) for a while.
 */
static struct holdings look_settled(const struct holdings *goal)
{
	uint64_t end = lab_now_ns() + (goal ? LAB_PATIENCE_NS : SETTLE_NS);
	struct holdings least = look();

	while (lab_now_ns() < end) {
		struct holdings now = look();

		least.sviod_fds = now.sviod_fds < least.sviod_fds ? now.sviod_fds : least.sviod_fds;
		least.fw_fds = now.fw_fds < least.fw_fds ? now.fw_fds : least.fw_fds;
		least.sviod_kib = now.sviod_kib;
		least.fw_kib = now.fw_kib;
		if (goal && least.sviod_fds <= goal->sviod_fds && least.fw_fds <= goal->fw_fds)
			break;
		sched_yield();
	}
	return least;
}

static void expect_no_growth(const struct holdings *before, const struct holdings *after)
{
	printf("     held by sviod: %d -> %d descriptors, %ld -> %ld KiB; svio-fw: %d -> %d, %ld -> %ld KiB\n",
	       before->sviod_fds, after->sviod_fds, before->sviod_kib, after->sviod_kib,
	       before->fw_fds, after->fw_fds, before->fw_kib, after->fw_kib);
	CU_ASSERT(after->sviod_fds <= before->sviod_fds);
	CU_ASSERT(after->fw_fds <= before->fw_fds);
#ifndef __SANITIZE_ADDRESS__ /* which keeps freed memory for a while */
	CU_ASSERT(after->sviod_kib <= before->sviod_kib + SLACK_KIB);
	CU_ASSERT(after->fw_kib <= before->fw_kib + SLACK_KIB);
#endif
}

static void connect_and_send(struct guest *to)
{
	struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL,
					    .queues = 2,
					    .interrupts = true };
	struct guest guest;
	uint8_t frame[60];

	guest_open(&guest, &lab, "guest", &options);
	frame_fill(frame, sizeof(frame), to->mac, guest.mac, 1);
	CU_ASSERT_TRUE(guest_send(&guest, frame, sizeof(frame), 0, NULL));
	CU_ASSERT_TRUE(guest_receive(to, &received));
	guest_close(&guest);
}

static void connects_of_a_client_leave_nothing(void)
{
	struct guest to;
	struct holdings before;
	struct holdings after;

	lab_vif_add(&lab, "to", "");
	lab_vif_add(&lab, "guest", "");
	guest_open(&to, &lab, "to", NULL);
	for (int i = 0; i < 20; i++)
		connect_and_send(&to);
	before = look_settled(NULL);
	for (int i = 0; i < CONNECTS; i++)
		connect_and_send(&to);
	after = look_settled(&before);
	expect_no_growth(&before, &after);
	guest_close(&to);
	lab_vif_del(&lab, "to");
	lab_vif_del(&lab, "guest");
}

/* Each tenth VIF has a client, and is deleted under it. */
static void live_once(int i)
{
	struct guest guest = { 0 };

	lab_vif_add(&lab, "short-lived", i % 3 ? "" : "--max 100M --vlan 7");
	if (i % 10 == 0)
		guest_open(&guest, &lab, "short-lived", NULL);
	lab_vif_del(&lab, "short-lived");
	if (i % 10 == 0)
		guest_close(&guest);
}

static void creations_of_vifs_leave_nothing(void)
{
	struct holdings before;
	struct holdings after;

	for (int i = 0; i < 50; i++)
		live_once(i);
	before = look_settled(NULL);
	for (int i = 0; i < CYCLES; i++)
		live_once(i);
	after = look_settled(&before);
	expect_no_growth(&before, &after);
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(connects_of_a_client_leave_nothing),
		SVIO_TEST(creations_of_vifs_leave_nothing),
	};
	const struct svio_test_suite suite = { "device leak", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	lab_start(&lab);
	status = svio_test_run(&suite, argc, argv);
	return lab_stop(&lab) ? 1 : status;
}
