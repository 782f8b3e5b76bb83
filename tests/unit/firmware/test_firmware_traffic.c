/* SPDX-License-Identifier: BSD-3-Clause */
/* Random traffic of every shape among VIFs and the wire: the books are exact, nothing is torn. */
#include <string.h>

#include "frame_builder.h"
#include "guest.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_sched.h"
#include "svio_test.h"

#define VIFS   3
#define QUEUES 2
#define GROUPS 3

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint8_t frame[70000];
static uint64_t received[VIFS];
static uint64_t queued[VIFS]; /* packets put into transmit queues */

static uint32_t pick(uint64_t *seed, uint32_t below)
{
	return (uint32_t)(svio_test_random(seed) % below);
}

/* A group and classes, some, many or none. */
static void choose_place(uint64_t *seed, uint32_t vif)
{
	struct svio_host_vif_qos *qos = &fake_slot(vif)->qos;
	uint32_t i;

	qos->group = pick(seed, GROUPS);
	qos->classes = pick(seed, 2) ? pick(seed, SVIO_HOST_CLASSES + 1) : 0;
	for (i = 0; i < SVIO_HOST_LEVELS && qos->classes; i++) {
		qos->lane[i] = (uint8_t)pick(seed, qos->classes);
		qos->class_node[i].priority = pick(seed, SVIO_SCHED_PRIORITIES);
	}
	for (i = 0; i < sizeof(qos->dscp_level); i++)
		qos->dscp_level[i] = (uint8_t)pick(seed, SVIO_HOST_LEVELS);
}

static void make_groups(void)
{
	uint32_t i;

	for (i = 1; i < GROUPS; i++) {
		fake.segment->group[i].in_use = 1;
		if (svio_fw_group_set(fake.fw, i))
			CU_FAIL_FATAL("group");
	}
}

/* Each guest takes what it likes of the features. */
static void bring_up(uint64_t *seed)
{
	static const uint64_t sets[] = {
		0,
		GUEST_ALL_FEATURES,
		GUEST_ALL_FEATURES &
			~(SVIO_FEATURE(RX_TSO4) | SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO)),
		SVIO_FEATURE(TX_CSUM) | SVIO_FEATURE(TX_TSO4) | SVIO_FEATURE(RX_CSUM),
	};
	uint32_t i;
	uint32_t q;

	fake_init();
	make_groups();
	for (i = 0; i < VIFS; i++) {
		fake_vif_prepare(i);
		fake_config(i)->vlan = (uint16_t)(pick(seed, 3) * 7);
		choose_place(seed, i);
		if (svio_fw_vif_add(fake.fw, i))
			CU_FAIL_FATAL("vif");
		guest_start(&guest[i], i, sets[pick(seed, 4)]);
		for (q = 0; q < QUEUES; q++) {
			guest_txq_create(&guest[i], q, 6 + pick(seed, 2));
			guest_rxq_create(&guest[i], q, 4 + pick(seed, 3),
					 (uint16_t)(256 << pick(seed, 4)));
		}
	}
	memset(received, 0, sizeof(received));
	memset(queued, 0, sizeof(queued));
}

static void choose_macs(uint64_t *seed, uint32_t from)
{
	uint32_t to = pick(seed, VIFS + 2);

	memset(frame, 0xff, 6);
	if (to < VIFS)
		memcpy(frame, fake_config(to)->mac, 6);
	else if (to == VIFS)
		frame[0] = 0x02; /* unknown */
	if (from < VIFS)
		memcpy(frame + 6, fake_config(from)->mac, 6);
	else
		memset(frame + 6, 0x22, 6);
	if (!pick(seed, 20))
		frame[11] ^= 0x40; /* a liar */
}

/* Often IPv4 or IPv6, by the first bytes of its header. */
static void choose_level(uint64_t *seed, uint32_t bytes)
{
	uint32_t version = pick(seed, 3) * 2;

	if (!version || bytes < 60)
		return;
	svio_put_be16(frame + 12, version == 2 ? SVIO_ETHERTYPE_IPV4 : SVIO_ETHERTYPE_IPV6);
	frame[14] = (uint8_t)(version == 2 ? 0x45 : 0x60 | pick(seed, 16));
	frame[15] = (uint8_t)pick(seed, 256);
}

static void send_plain(uint64_t *seed, uint32_t from, uint32_t queue)
{
	uint32_t bytes = 14 + pick(seed, pick(seed, 2) ? 9000 : 200);
	uint32_t pieces = 1 + pick(seed, 4);

	guest_frame_between(frame, bytes, 0, 1, pick(seed, 256));
	choose_macs(seed, from);
	choose_level(seed, bytes);
	guest_send_pieces(&guest[from], queue, frame, bytes, pieces, NULL);
}

static bool can_segment(uint32_t from)
{
	/* What the guest accepted is in its register. */
	return fake_reg(from, SVIO_REG_DRIVER_FEATURES_LO) & SVIO_FEATURE(TX_TSO4);
}

static void send_large(uint64_t *seed, uint32_t from, uint32_t queue)
{
	struct frame_spec spec = { .version = 4, .protocol = SVIO_IPPROTO_TCP };
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM,
				   .csum_start = 34,
				   .csum_offset = 16,
				   .hdr_len = 54,
				   .gso_type = SVIO_GSO_TCP4 };
	uint32_t bytes;

	spec.payload_bytes = 1 + pick(seed, 30000);
	ext.gso_size = (uint16_t)(500 + pick(seed, 1000));
	bytes = build_frame(&spec, frame);
	choose_macs(seed, from);
	guest_send_pieces(&guest[from], queue, frame, bytes, 1 + pick(seed, 5), &ext);
}

static void receive_all(uint32_t at)
{
	uint32_t q;

	for (q = 0; q < QUEUES; q++) {
		while (guest_receive(&guest[at], q, &packet))
			received[at]++;
	}
}

static void act(uint64_t *seed)
{
	uint32_t who = pick(seed, VIFS + 1);
	uint32_t queue = pick(seed, QUEUES);
	uint32_t bytes = 14 + pick(seed, 1600);

	if (who == VIFS) {
		guest_frame_between(frame, bytes, 0, 1, bytes);
		choose_macs(seed, who);
		if (fake.hal.received_count < FAKE_WIRE_FRAMES)
			fake_wire_receive(frame, bytes, 0);
	} else if (guest_tx_free(&guest[who], queue) > 8) {
		if (can_segment(who) && !pick(seed, 4))
			send_large(seed, who, queue);
		else
			send_plain(seed, who, queue);
		queued[who]++;
	}
	if (!pick(seed, 50)) {
		choose_place(seed, pick(seed, VIFS));
		for (who = 0; who < VIFS; who++)
			CU_ASSERT_EQUAL_FATAL(svio_fw_vif_update(fake.fw, who), 0);
	}
	if (!pick(seed, 5))
		fake.hal.refuse_at_flush = pick(seed, 3);
	if (!pick(seed, 3))
		svio_fw_poll(fake.fw);
	if (!pick(seed, 4)) {
		who = pick(seed, VIFS);
		receive_all(who);
		guest_post(&guest[who], queue, pick(seed, 20));
	}
}

static uint64_t taken(uint32_t vif)
{
	return fake_counter(vif, SVIO_COUNTER_tx_packets) +
	       fake_counter(vif, SVIO_COUNTER_tx_drop_spoof_mac) +
	       fake_counter(vif, SVIO_COUNTER_tx_drop_spoof_vlan) +
	       fake_counter(vif, SVIO_COUNTER_tx_drop_malformed);
}

/* What the scheduler charged: in all, in groups, in VIFs. */
static void check_charges(void)
{
	uint64_t vifs = 0;
	uint32_t i;

	svio_fw_qos_read(fake.fw);
	for (i = 0; i < VIFS; i++) {
		CU_ASSERT_EQUAL(fake_slot(i)->live.packets, taken(i));
		CU_ASSERT_EQUAL(fake_slot(i)->live.state, SVIO_HOST_QOS_IDLE);
		vifs += fake_slot(i)->live.bytes;
	}
	CU_ASSERT_EQUAL(fake.segment->group[0].live.bytes, vifs);
}

static void prop_books_are_exact_after_random_traffic(void)
{
	uint64_t seed = svio_test_seed(0xb00c);
	uint32_t round;
	uint32_t i;

	for (round = 0; round < 60; round++) {
		bring_up(&seed);
		for (i = 0; i < 400; i++)
			act(&seed);
		fake_run();
		CU_ASSERT_TRUE(fake_books_balance());
		check_charges();
		for (i = 0; i < VIFS; i++) {
			receive_all(i);
			CU_ASSERT_EQUAL(taken(i), queued[i]);
			CU_ASSERT_EQUAL(fake_counter(i, SVIO_COUNTER_rx_packets), received[i]);
			CU_ASSERT_EQUAL(fake_counter(i, SVIO_COUNTER_queue_errors), 0);
		}
	}
}

SVIO_TEST_MAIN_WITH("firmware traffic", NULL, fake_free,
		    SVIO_TEST(prop_books_are_exact_after_random_traffic))
