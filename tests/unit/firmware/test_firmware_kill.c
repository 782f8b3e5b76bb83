/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware runs in a process of its own and is killed after a random number
 * of machine instructions, wherever that is; another one goes on. What
 * test_firmware_recovery does at named steps, here without names.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "guest.h"
#include "svio_regs.h"
#include "svio_test.h"

#define VIFS          2
#define PACKETS       6
#define KILLS         30
#define KILLS_A_ROUND 3
#define STEPS_MAX     15000

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint32_t sent[VIFS];
static uint32_t expected[VIFS];
static bool intact;

static void set_up(void)
{
	uint32_t i;

	fake_init();
	memset(sent, 0, sizeof(sent));
	memset(expected, 0, sizeof(expected));
	intact = true;
	for (i = 0; i < VIFS; i++) {
		fake_vif_add(i);
		guest_start(&guest[i], i, GUEST_ALL_FEATURES);
		guest_txq_create(&guest[i], 0, 5);
		guest_rxq_create(&guest[i], 0, 6, 256);
		guest_post(&guest[i], 0, UINT32_MAX);
	}
}

static void restart(void)
{
	uint32_t i;

	fake_attach();
	for (i = 0; i < VIFS; i++) {
		if (svio_fw_vif_add(fake.fw, i))
			intact = false;
	}
}

/* The firmware, in a child. It does not come back from here. */
static void run_as_child(void)
{
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	raise(SIGSTOP);
	fake_run();
	_exit(0);
}

/* Let it execute so many instructions, then kill it. False: it was done before. */
static bool run_and_kill(uint64_t steps)
{
	pid_t child = fork();
	bool alive = true;
	int status;

	if (!child)
		run_as_child();
	waitpid(child, &status, 0);
	while (steps-- && alive) {
		if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL))
			break;
		waitpid(child, &status, 0);
		alive = !WIFEXITED(status) && !WIFSIGNALED(status);
	}
	if (alive) {
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
	} else if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		intact = false; /* it crashed by itself */
	}
	return alive;
}

static void send_numbered(uint32_t from, uint32_t to)
{
	uint32_t bytes = 40 + sent[from] * 97 % 900;
	uint8_t frame[1000];

	guest_frame_between(frame, bytes, from, to, sent[from]);
	memcpy(frame + 14, &sent[from], 4);
	guest_send_pieces(&guest[from], 0, frame, bytes, 1 + sent[from] % 2, NULL);
	sent[from]++;
}

static void drain(uint32_t at, uint32_t from)
{
	uint8_t frame[1000];
	uint32_t number;

	while (guest_receive(&guest[at], 0, &packet)) {
		memcpy(&number, packet.data + 14, 4);
		guest_frame_between(frame, packet.bytes % 1000, from, at, number);
		memcpy(frame + 14, &number, 4);
		if (memcmp(frame, packet.data, packet.bytes % 1000) != 0 || number > expected[at])
			intact = false;
		if (number == expected[at])
			expected[at]++;
	}
	guest_post(&guest[at], 0, UINT32_MAX);
}

/* Kill it a few times in one life of the guests, then let it finish. */
static uint32_t round_of_kills(uint64_t *seed)
{
	uint32_t killed = 0;
	uint32_t i;
	uint32_t n;

	set_up();
	for (i = 0; i < KILLS_A_ROUND; i++) {
		for (n = 0; n < PACKETS; n++)
			send_numbered(n % 2, !(n % 2));
		killed += run_and_kill(svio_test_random(seed) % STEPS_MAX);
		drain(0, 1);
		drain(1, 0);
		restart();
		fake_run();
		drain(0, 1);
		drain(1, 0);
	}
	return killed;
}

static bool ptrace_allowed(void)
{
	pid_t child = fork();
	int status;

	if (!child)
		_exit(ptrace(PTRACE_TRACEME, 0, NULL, NULL) ? 1 : 0);
	waitpid(child, &status, 0);
	return WIFEXITED(status) && !WEXITSTATUS(status);
}

static void traffic_survives_a_kill_at_any_instruction(void)
{
	uint64_t seed = svio_test_seed(0xdead);
	uint32_t killed = 0;
	uint32_t i;

	if (!ptrace_allowed()) {
		CU_PASS("no ptrace here");
		return;
	}
	for (i = 0; i < KILLS / KILLS_A_ROUND; i++) {
		killed += round_of_kills(&seed);
		CU_ASSERT_TRUE(intact);
		CU_ASSERT_EQUAL(expected[0], sent[1]);
		CU_ASSERT_EQUAL(expected[1], sent[0]);
		CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), guest[0].tx[0].tail);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
		CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_queue_errors), 0);
	}
	printf("%u of %d killed in the middle\n", killed, KILLS);
	CU_ASSERT_TRUE(killed > KILLS / 10);
}

SVIO_TEST_MAIN_WITH("firmware kill", NULL, fake_free,
		    SVIO_TEST(traffic_survives_a_kill_at_any_instruction))
