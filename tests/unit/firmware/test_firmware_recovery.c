/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware dies at every step that it has (SVIO_HAL_STEP, and in the middle
 * of every copy); another one attaches and goes on. The guests notice nothing
 * but packets that come twice and interrupts without cause.
 */
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include "guest.h"
#include "svio_error.h"
#include "svio_regs.h"
#include "svio_test.h"

#define VIFS    2
#define PACKETS 24

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint64_t second_crash; /* steps after the first; 0: none */
static uint32_t crashes;
static uint32_t classes; /* of each VIF; 0: none */

/* What each guest sent and got: packet n of a sender carries n. */
static uint32_t sent[VIFS];
static uint32_t expected[VIFS]; /* next number from the other one */
static uint32_t duplicates;
static bool intact;

static void plan_crash(uint64_t after)
{
	fake.hal.crash_at = after ? fake.hal.steps + after : 0;
}

static void restart(void)
{
	uint32_t i;

	fake_attach();
	for (i = 0; i < VIFS; i++) {
		if (fake_slot(i)->in_use && svio_fw_vif_add(fake.fw, i))
			intact = false;
	}
}

/* The device works until there is nothing to do, dying on the way as planned. */
static void device_runs(void)
{
	static bool dead;

	dead = false;
	if (setjmp(fake.hal.crash)) {
		crashes++;
		dead = true;
		plan_crash(crashes == 1 ? second_crash : 0);
	}
	if (dead) {
		dead = false;
		restart();
	}
	fake_run();
}

/* IPv4 by its first two bytes: runs of three packets of each class. */
static void make_numbered(uint8_t *frame, uint32_t bytes, uint32_t from, uint32_t to,
			  uint32_t number)
{
	guest_frame_between(frame, bytes, from, to, number);
	frame[12] = 0x08;
	frame[13] = 0x00;
	frame[14] = 0x45;
	frame[15] = (uint8_t)(number / 3 << 5);
	memcpy(frame + 16, &number, 4);
}

static void send_numbered(uint32_t from, uint32_t to, uint32_t bytes, uint32_t pieces)
{
	uint8_t frame[2000];

	make_numbered(frame, bytes, from, to, sent[from]);
	sent[from]++;
	guest_send_pieces(&guest[from], 0, frame, bytes, pieces, NULL);
}

static void check_packet(uint32_t at, uint32_t from)
{
	uint8_t frame[2000];
	uint32_t number;

	memcpy(&number, packet.data + 16, 4);
	make_numbered(frame, packet.bytes, from, at, number);
	if (packet.bytes > sizeof(frame) || memcmp(frame, packet.data, packet.bytes) != 0)
		intact = false;
	if (number == expected[at])
		expected[at]++;
	else if (number < expected[at])
		duplicates++;
	else
		intact = false; /* one is missing */
}

static void drain(uint32_t at, uint32_t from)
{
	while (guest_receive(&guest[at], 0, &packet))
		check_packet(at, from);
	guest_post(&guest[at], 0, UINT32_MAX);
}

/* One a DSCP's class, in the same order of service for all. */
static void set_classes(struct svio_host_vif_qos *qos)
{
	uint32_t i;

	qos->classes = classes;
	for (i = 0; i < SVIO_HOST_LEVELS && classes; i++)
		qos->lane[i] = (uint8_t)(i % classes);
	for (i = 0; i < sizeof(qos->dscp_level); i++)
		qos->dscp_level[i] = (uint8_t)(i / 8);
}

static void set_up(void)
{
	uint32_t i;

	fake_init();
	memset(sent, 0, sizeof(sent));
	memset(expected, 0, sizeof(expected));
	duplicates = 0;
	crashes = 0;
	intact = true;
	for (i = 0; i < VIFS; i++) {
		fake_vif_prepare(i);
		set_classes(&fake_slot(i)->qos);
		if (svio_fw_vif_add(fake.fw, i))
			intact = false;
		guest_start(&guest[i], i, GUEST_ALL_FEATURES);
		guest_txq_create(&guest[i], 0, 6);
		guest_rxq_create(&guest[i], 0, 6, 256);
		guest_warp(&guest[i], SVIO_QUEUE_RX, 0, UINT32_MAX - 70);
		guest_warp(&guest[i], SVIO_QUEUE_TX, 0, UINT32_MAX - 10);
		guest_post(&guest[i], 0, UINT32_MAX);
	}
}

/* Traffic both ways, one buffer and several, one piece and several. */
static void traffic(void)
{
	uint32_t i;

	for (i = 0; i < PACKETS; i++) {
		send_numbered(0, 1, 40 + i * 97 % 1400, 1 + i % 3);
		if (i % 2)
			send_numbered(1, 0, 60, 1);
		if (i % 4 == 3) {
			device_runs();
			drain(0, 1);
			drain(1, 0);
		}
	}
	device_runs();
	drain(0, 1);
	drain(1, 0);
}

static bool all_arrived(void)
{
	return intact && expected[1] == sent[0] && expected[0] == sent[1];
}

static bool all_given_back(void)
{
	uint32_t i;

	for (i = 0; i < VIFS; i++) {
		if (guest_tx_head(&guest[i], 0) != guest[i].tx[0].tail)
			return false;
	}
	return true;
}

static void check_crash_at_every_step(void)
{
	uint64_t at;

	second_crash = 0;
	for (at = 1;; at++) {
		set_up();
		plan_crash(at);
		traffic();
		CU_ASSERT_TRUE(all_arrived());
		CU_ASSERT_TRUE(all_given_back());
		CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_queue_errors), 0);
		CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_queue_errors), 0);
		if (!crashes)
			break;
		CU_ASSERT_TRUE(duplicates <= 64);
	}
	printf("%llu steps\n", (unsigned long long)at);
	CU_ASSERT_TRUE(at > 200);
	CU_ASSERT_EQUAL(duplicates, 0);
}

static void traffic_survives_a_crash_at_every_step(void)
{
	check_crash_at_every_step();
}

static void traffic_of_many_classes_survives_a_crash_at_every_step(void)
{
	classes = SVIO_HOST_CLASSES;
	check_crash_at_every_step();
	classes = 0;
}

static void traffic_survives_a_crash_in_recovery(void)
{
	uint64_t seed = svio_test_seed(0x5eed);
	uint32_t round;

	for (round = 0; round < 300; round++) {
		set_up();
		second_crash = 1 + svio_test_random(&seed) % 60;
		plan_crash(1 + svio_test_random(&seed) % 500);
		traffic();
		CU_ASSERT_TRUE(all_arrived());
		CU_ASSERT_TRUE(all_given_back());
	}
	second_crash = 0;
}

static struct svio_admin_cmd mac_add(uint8_t last)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MAC_ADD };

	cmd.mac.mac[0] = 1;
	cmd.mac.mac[5] = last;
	return cmd;
}

/* Commands that change something, each the opposite of an earlier one. */
static uint32_t make_commands(struct svio_admin_cmd *cmds)
{
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };
	struct svio_admin_cmd vlan = { .opcode = SVIO_ADMIN_VLAN_ADD };
	uint32_t n = 0;

	destroy.queue.kind = SVIO_QUEUE_TX;
	destroy.queue.qid = 1;
	vlan.vlan.vid = 7;
	cmds[n++] = guest_txq_cmd(1, 4);
	cmds[n++] = mac_add(1);
	cmds[n++] = guest_rxq_cmd(1, 4, 2048);
	cmds[n++] = vlan;
	cmds[n++] = destroy;
	cmds[n++] = mac_add(2);
	cmds[n] = mac_add(1);
	cmds[n++].opcode = SVIO_ADMIN_MAC_DEL;
	cmds[n] = vlan;
	cmds[n++].opcode = SVIO_ADMIN_VLAN_DEL;
	cmds[n++] = guest_txq_cmd(1, 5);
	cmds[n++] = (struct svio_admin_cmd){ .opcode = SVIO_ADMIN_LINK_GET };
	return n;
}

/* Each command is answered once, in order, and was right. */
static void run_commands(void)
{
	struct svio_admin_cmd cmds[16];
	struct svio_admin_cmpl cmpl;
	uint32_t count = make_commands(cmds);
	uint16_t next = (uint16_t)(guest[0].admin_id + 1);
	uint32_t answered = 0;
	uint32_t put = 0;

	while (answered < count) {
		uint32_t before = answered;

		/* The queues' memory is cleared by the driver before it asks for them. */
		while (put < count && put < answered + 3)
			guest_admin_put(&guest[0], &cmds[put++]);
		device_runs();
		while (guest_admin_next(&guest[0], &cmpl)) {
			if (cmpl.event)
				continue;
			if (cmpl.id != next || cmpl.status != SVIO_ADMIN_STATUS_OK)
				intact = false;
			next++;
			answered++;
		}
		if (answered == before) {
			intact = false;
			return;
		}
	}
}

static void admin_commands_survive_a_crash_at_every_step(void)
{
	uint64_t at;

	for (at = 1;; at++) {
		set_up();
		plan_crash(at);
		run_commands();
		plan_crash(0);
		CU_ASSERT_TRUE(intact);
		CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 1), SVIO_ERROR_NONE);
		CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_RX, 1), SVIO_ERROR_NONE);
		if (!crashes)
			break;
	}
	CU_ASSERT_TRUE(at > 40);
}

/* sviod sends a message again that was not answered. */
static const struct {
	uint32_t offset;
	uint32_t value;
} bring_up[] = {
	{ SVIO_REG_CONTROL, SVIO_CONTROL_RESET },
	{ SVIO_REG_DRIVER_FEATURES_LO, (uint32_t)GUEST_ALL_FEATURES },
	{ SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE },
	{ SVIO_REG_ADMIN_SQ_LO, (uint32_t)GUEST_ADMIN_SQ },
	{ SVIO_REG_ADMIN_CQ_LO, (uint32_t)GUEST_ADMIN_CQ },
	{ SVIO_REG_ADMIN_CONFIG, GUEST_ADMIN_LG2 },
	{ SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE },
};

static void write_registers(void)
{
	static uint32_t next;

	next = 0;
	if (setjmp(fake.hal.crash)) {
		crashes++;
		plan_crash(0);
		restart();
	}
	for (; next < sizeof(bring_up) / sizeof(bring_up[0]); next++)
		fake_reg_write(0, bring_up[next].offset, bring_up[next].value);
}

static void bring_up_survives_a_crash_at_every_step(void)
{
	struct svio_admin_cmd nop = { .opcode = SVIO_ADMIN_NOP };
	uint64_t at;

	for (at = 1;; at++) {
		set_up();
		plan_crash(at);
		write_registers();
		plan_crash(0);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
		CU_ASSERT_TRUE(fake_counter(0, SVIO_COUNTER_resets) >= 2);
		memset(fake_at(0, GUEST_ADMIN_SQ), 0, 0x8000);
		guest[0].admin_tail = 0;
		guest[0].admin_head = 0;
		CU_ASSERT_EQUAL(guest_command(&guest[0], &nop), SVIO_ADMIN_STATUS_OK);
		if (!crashes)
			break;
	}
	CU_ASSERT_TRUE(at > 3);
}

static void answered_control_that_comes_again_is_an_error(void)
{
	set_up();
	restart();
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE); /* as if not answered */
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_ERROR);
}

/* Nobody knows which interrupts the dead one raised. */
static void armed_queues_get_an_interrupt_after_restart(void)
{
	set_up();
	guest_doorbell(&guest[0], SVIO_QUEUE_RX, 0)->arm = SVIO_ARM_ENABLE |
							   (guest[0].rx[0].head & SVIO_ARM_INDEX);
	restart();
	fake_run();
	CU_ASSERT_EQUAL(fake.hal.raised[0][8], 1);
	CU_ASSERT_EQUAL(fake.hal.raised[1][8], 0);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_FW_GENERATION), 2);
}

static void completion_is_reported_by_an_interrupt_whenever_it_crashes(void)
{
	uint64_t at;

	for (at = 1;; at++) {
		set_up();
		guest_doorbell(&guest[1], SVIO_QUEUE_RX, 0)->arm =
			SVIO_ARM_ENABLE | (guest[1].rx[0].head & SVIO_ARM_INDEX);
		plan_crash(at);
		send_numbered(0, 1, 60, 1);
		device_runs();
		CU_ASSERT_TRUE(fake.hal.raised[1][8] >= 1);
		if (!crashes)
			break;
	}
	CU_ASSERT_EQUAL(fake.hal.raised[1][8], 1);
}

static void filters_and_learned_settings_survive(void)
{
	struct svio_admin_cmd add = mac_add(0x42);
	struct svio_admin_cmd mtu = { .opcode = SVIO_ADMIN_MTU_SET };
	uint8_t frame[1600];

	set_up();
	mtu.value.value = 1000;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &add), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(guest_command(&guest[1], &mtu), SVIO_ADMIN_STATUS_OK);
	restart();
	guest_frame(frame, 60, add.mac.mac, fake_config(0)->mac, 1);
	guest_send(&guest[0], 0, frame, 60);
	guest_frame_between(frame, 1500, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 1500);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_drop_too_long), 1);
}

/* sviod tells the next firmware only what is so now. */
static void settings_changed_while_dead_come_into_force(void)
{
	static const uint8_t mac[6] = { 0x02, 0, 0, 0, 0x55, 1 };
	uint8_t frame[1600];

	set_up();
	memcpy(fake_config(1)->mac, mac, 6);
	fake_config(1)->mtu_max = 1000;
	fake_qos(1)->max_bps = 50000000;
	guest[1].events = 0;
	restart();
	guest_frame(frame, 60, mac, fake_config(0)->mac, 1);
	guest_send(&guest[0], 0, frame, 60);
	guest_frame(frame, 1500, mac, fake_config(0)->mac, 1);
	guest_send(&guest[0], 0, frame, 1500);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_drop_too_long), 1);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0), 0);
	CU_ASSERT_EQUAL(guest[1].events, 1u << SVIO_EVENT_LINK);
	CU_ASSERT_EQUAL(guest[1].event.event, SVIO_EVENT_LINK);
	CU_ASSERT_EQUAL(guest[1].event.detail, 50);
}

static void ring_gone_while_dead_stops_the_queue(void)
{
	set_up();
	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, FAKE_IOVA, FAKE_IOVA + FAKE_MEM_BYTES - 1), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], FAKE_IOVA, 0x8000, 1, 0,
					     SVIO_IOMMU_READ | SVIO_IOMMU_WRITE),
			      0);
	restart();
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_RX, 0), SVIO_ERROR_RING_DMA);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
	CU_ASSERT_EQUAL(fake_reg(1, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
}

SVIO_TEST_MAIN_WITH("firmware recovery", NULL, fake_free,
		    SVIO_TEST(traffic_survives_a_crash_at_every_step),
		    SVIO_TEST(traffic_of_many_classes_survives_a_crash_at_every_step),
		    SVIO_TEST(traffic_survives_a_crash_in_recovery),
		    SVIO_TEST(admin_commands_survive_a_crash_at_every_step),
		    SVIO_TEST(bring_up_survives_a_crash_at_every_step),
		    SVIO_TEST(answered_control_that_comes_again_is_an_error),
		    SVIO_TEST(armed_queues_get_an_interrupt_after_restart),
		    SVIO_TEST(completion_is_reported_by_an_interrupt_whenever_it_crashes),
		    SVIO_TEST(filters_and_learned_settings_survive),
		    SVIO_TEST(settings_changed_while_dead_come_into_force),
		    SVIO_TEST(ring_gone_while_dead_stops_the_queue))
