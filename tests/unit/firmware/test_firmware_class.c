/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes of a VIF: where a packet belongs, that it is sent and charged there,
 * and that a guest gains nothing by lying about it.
 */
#include <string.h>

#include "frame_builder.h"
#include "guest.h"
#include "svio_error.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_sched.h"
#include "svio_test.h"

#define CLASSES 8
#define BYTES   100

static struct guest guest[2];
static struct guest_packet packet;
static uint8_t frame[9100];

static struct svio_host_vif_qos *settings(void)
{
	return &fake_slot(0)->qos;
}

static void update(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_fw_vif_update(fake.fw, 0), 0);
}

/* Level n is class n; DSCP n is level n / 8, the class selectors of RFC 2474. Class 7 first. */
static void set_classes(uint32_t classes)
{
	uint32_t i;

	settings()->classes = classes;
	for (i = 0; i < CLASSES; i++) {
		settings()->lane[i] = (uint8_t)(i < classes ? i : classes - 1);
		settings()->class_node[i].priority = i;
	}
	for (i = 0; i < sizeof(settings()->dscp_level); i++)
		settings()->dscp_level[i] = (uint8_t)(i / 8);
}

static void setup(void)
{
	uint32_t i;
	uint32_t q;

	fake_init();
	fake_vif_add(1);
	fake_vif_prepare(0);
	set_classes(CLASSES);
	CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, 0), 0);
	for (i = 0; i < 2; i++)
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES & ~SVIO_FEATURE(VLAN_FILTER),
				   8);
	for (q = 1; q < GUEST_QUEUES; q++)
		CU_ASSERT_EQUAL_FATAL(guest_txq_create(&guest[0], q, 8), 0);
}

/* What each class was charged, as QOS_READ tells. */
static uint64_t packets_of(uint32_t class)
{
	svio_fw_qos_read(fake.fw);
	return fake_slot(0)->class_live[class].packets;
}

static uint64_t bytes_of(uint32_t class)
{
	svio_fw_qos_read(fake.fw);
	return fake_slot(0)->class_live[class].bytes;
}

/* The one class that was charged one packet of bytes since setup(); 99: it is another story. */
static uint32_t only_class(uint32_t bytes)
{
	uint32_t found = 99;
	uint32_t i;

	for (i = 0; i < CLASSES; i++) {
		if (!packets_of(i) && !bytes_of(i))
			continue;
		if (found != 99 || packets_of(i) != 1 ||
		    bytes_of(i) != bytes + SVIO_SCHED_FRAMING_BYTES)
			return 99;
		found = i;
	}
	return found;
}

static void address_frame(void)
{
	memcpy(frame, fake_config(1)->mac, 6);
	memcpy(frame + 6, fake_config(0)->mac, 6);
}

static void make_plain(uint32_t bytes)
{
	guest_frame_between(frame, bytes, 0, 1, 1);
}

static void make_ipv4(uint32_t dscp)
{
	make_plain(BYTES);
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV4);
	frame[14] = 0x45;
	frame[15] = (uint8_t)(dscp << 2 | 3); /* both ECN bits: not part of it */
}

static void make_ipv6(uint32_t dscp)
{
	make_plain(BYTES);
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV6);
	svio_put_be16(frame + 14, (uint16_t)(0x6000 | dscp << 6 | 3 << 4 | 15));
}

static void make_tagged(uint32_t pcp, uint32_t vid)
{
	make_plain(BYTES);
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_VLAN);
	svio_put_be16(frame + 14, (uint16_t)(pcp << 13 | vid));
}

static void send_on(uint32_t qid, uint32_t bytes, uint32_t pieces)
{
	guest_send_pieces(&guest[0], qid, frame, bytes, pieces, NULL);
}

static void pcp_in_the_frame_decides(void)
{
	uint32_t pcp;

	for (pcp = 0; pcp < 8; pcp++) {
		setup();
		make_tagged(pcp, pcp % 2); /* a tag for VLAN 0 is one as well */
		svio_put_be16(frame + 16, SVIO_ETHERTYPE_IPV4);
		frame[18] = 0x45;
		frame[19] = (uint8_t)((pcp ^ 5) << 5);
		send_on(0, BYTES, 1 + pcp % 5);
		fake_run();
		/* The switch keeps the tag beside the frame: it is no cost of the port's. */
		CU_ASSERT_EQUAL(only_class(BYTES - SVIO_VLAN_TAG_BYTES), pcp);
		CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	}
}

static void pcp_in_the_descriptor_decides(void)
{
	uint32_t pcp;

	for (pcp = 0; pcp < 8; pcp++) {
		struct svio_tx_desc desc = { .len = BYTES,
					     .flags = SVIO_TX_END | SVIO_TX_VLAN,
					     .vlan_tci = (uint16_t)(pcp << 13 | 5) };

		setup();
		make_ipv4(63 - pcp * 8);
		desc.addr = guest_tx_place(&guest[0], frame, BYTES);
		guest_tx_put(&guest[0], 0, &desc);
		guest_tx_ring(&guest[0], 0);
		fake_run();
		CU_ASSERT_EQUAL(only_class(BYTES), pcp);
	}
}

static void dscp_decides_for_both_versions(void)
{
	uint32_t dscp;

	for (dscp = 0; dscp < 64; dscp++) {
		setup();
		make_ipv4(dscp);
		send_on(0, BYTES, 1 + dscp % 7);
		fake_run();
		CU_ASSERT_EQUAL(only_class(BYTES), dscp / 8);
		setup();
		make_ipv6(dscp);
		send_on(0, BYTES, 1 + dscp % 7);
		fake_run();
		CU_ASSERT_EQUAL(only_class(BYTES), dscp / 8);
	}
}

static void tables_of_the_vif_decide(void)
{
	uint32_t i;

	for (i = 0; i < 64; i++)
		settings()->dscp_level[i] = (uint8_t)(i == 46 ? 6 : 1);
	for (i = 0; i < CLASSES; i++)
		settings()->lane[i] = (uint8_t)(i == 6 ? 2 : i == 1 ? 4 : 0);
	update();
	make_ipv4(46);
	send_on(0, BYTES, 1);
	make_ipv6(45);
	send_on(0, BYTES, 1);
	make_plain(BYTES);
	send_on(0, BYTES, 1);
	fake_run();
	CU_ASSERT_EQUAL(packets_of(2), 1);
	CU_ASSERT_EQUAL(packets_of(4), 1);
	CU_ASSERT_EQUAL(packets_of(0), 1);
}

/* Neither tag nor IP, or what only looks so: level 0. */
static void anything_else_is_of_level_zero(void)
{
	static const uint32_t lengths[] = { 14, 15, 16, 17, 18, 60, 1514 };
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		setup();
		settings()->lane[0] = 3;
		update();
		make_plain(lengths[i]);
		send_on(0, lengths[i], 1);
		fake_run();
		CU_ASSERT_EQUAL(only_class(lengths[i]), 3);
	}
	setup();
	make_ipv4(40);
	frame[14] = 0x65; /* says version 6 under the type of version 4 */
	send_on(0, BYTES, 1);
	fake_run();
	CU_ASSERT_EQUAL(only_class(BYTES), 0);
	setup();
	make_ipv4(40); /* ends before its DSCP */
	send_on(0, 15, 1);
	fake_run();
	CU_ASSERT_EQUAL(only_class(15), 0);
	setup();
	make_tagged(5, 9); /* too short for a tag: an unknown type */
	send_on(0, 17, 1);
	fake_run();
	CU_ASSERT_EQUAL(only_class(17), 0);
}

static void shortest_ip_frame_tells_its_dscp(void)
{
	make_ipv4(40);
	send_on(0, 16, 16);
	fake_run();
	CU_ASSERT_EQUAL(only_class(16), 5);
}

static void access_vlan_of_the_vif_is_no_tag_of_the_packet(void)
{
	fake_config(0)->vlan = 7;
	update();
	make_ipv4(40);
	send_on(0, BYTES, 1);
	fake_run();
	CU_ASSERT_EQUAL(only_class(BYTES), 5);
}

static void unsegmented_packet_is_charged_to_its_class(void)
{
	struct frame_spec spec = { .version = 4,
				   .protocol = SVIO_IPPROTO_TCP,
				   .payload_bytes = 3000 };
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM,
				   .csum_start = 34,
				   .csum_offset = 16,
				   .gso_size = 1000,
				   .hdr_len = 54,
				   .gso_type = SVIO_GSO_TCP4 };
	uint32_t bytes = build_frame(&spec, frame);

	address_frame();
	frame[15] = 40 << 2;
	guest_send_pieces(&guest[0], 0, frame, bytes, 2, &ext);
	fake_run();
	CU_ASSERT_EQUAL(packets_of(5), 1);
	CU_ASSERT_EQUAL(bytes_of(5), 3ull * (54 + 1000 + SVIO_SCHED_FRAMING_BYTES));
	CU_ASSERT_EQUAL(packets_of(0), 0);
}

/* Order of arrival by DSCP's class; each packet's number is in its last byte. */
static void queue_numbered(uint32_t qid, uint32_t class, uint8_t number)
{
	make_ipv4(class * 8);
	frame[BYTES - 1] = number;
	send_on(qid, BYTES, 1);
}

static uint32_t next_number(void)
{
	if (!guest_receive(&guest[1], 0, &packet))
		return UINT32_MAX;
	guest_post(&guest[1], 0, UINT32_MAX);
	return packet.data[BYTES - 1];
}

static void class_of_higher_priority_goes_first(void)
{
	queue_numbered(0, 1, 1);
	queue_numbered(1, 6, 6);
	queue_numbered(2, 3, 3);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 6);
	CU_ASSERT_EQUAL(next_number(), 3);
	CU_ASSERT_EQUAL(next_number(), 1);
}

/* A queue keeps its order: what stands behind a packet of a low class waits for it. */
static void queue_waits_in_the_class_of_its_head(void)
{
	queue_numbered(0, 1, 1);
	queue_numbered(0, 7, 2);
	queue_numbered(0, 1, 3);
	queue_numbered(1, 4, 4);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 4);
	CU_ASSERT_EQUAL(next_number(), 1);
	CU_ASSERT_EQUAL(next_number(), 2);
	CU_ASSERT_EQUAL(next_number(), 3);
	CU_ASSERT_EQUAL(packets_of(1), 2);
	CU_ASSERT_EQUAL(packets_of(7), 1);
	CU_ASSERT_EQUAL(packets_of(4), 1);
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 3);
}

/* Two queues of one class share it alike though another class is served in between. */
static void queues_of_one_class_take_turns(void)
{
	uint32_t heads[2];
	uint32_t i;

	settings()->class_node[2].priority = 3;
	update();
	for (i = 0; i < 200; i++) {
		make_ipv4((i % 2 ? 3 : 2) * 8);
		send_on(i % 2 ? 2 : i / 2 % 2, 1000, 1);
		send_on(i % 2 ? 2 : i / 2 % 2, 1000, 1);
	}
	svio_fw_poll(fake.fw);
	for (i = 0; i < 2; i++)
		heads[i] = guest_tx_head(&guest[0], i);
	CU_ASSERT_TRUE(heads[0] > 10 && heads[0] < 100);
	CU_ASSERT_TRUE(heads[0] < heads[1] + 10 && heads[1] < heads[0] + 10);
	fake_run();
	CU_ASSERT_EQUAL(packets_of(2), 200);
	CU_ASSERT_EQUAL(packets_of(3), 200);
}

/* Nothing is sent in a class but what belongs there, whatever a guest mixes. */
static void every_mixture_is_charged_exactly(void)
{
	uint64_t seed = svio_test_seed(0xc1a55);
	uint64_t expected[CLASSES] = { 0 };
	uint32_t i;

	for (i = 0; i < 3000; i++) {
		uint32_t class = (uint32_t)(svio_test_random(&seed) % CLASSES);
		uint32_t qid = (uint32_t)(svio_test_random(&seed) % GUEST_QUEUES);

		if (guest_tx_free(&guest[0], qid)) {
			queue_numbered(qid, class, (uint8_t) class);
			expected[class]++;
		}
		if (svio_test_random(&seed) % 3)
			continue;
		svio_fw_poll(fake.fw);
		while (guest_receive(&guest[1], 0, &packet))
			;
		guest_post(&guest[1], 0, UINT32_MAX);
	}
	fake_run();
	for (i = 0; i < CLASSES; i++) {
		CU_ASSERT_EQUAL(packets_of(i), expected[i]);
		CU_ASSERT_EQUAL(bytes_of(i), expected[i] * (BYTES + SVIO_SCHED_FRAMING_BYTES));
	}
	CU_ASSERT_TRUE(fake_books_balance());
}

/* A ceiling that is used up, so that a class waits with its queue looked at already. */
static void hold_class(uint32_t class)
{
	settings()->class_node[class].max_bps = 8000;
	settings()->class_node[class].burst_bytes = 1;
	update();
	queue_numbered(3, class, 100);
	fake_run();
	CU_ASSERT_EQUAL_FATAL(next_number(), 100);
}

static uint8_t *place_of(const struct guest_queue *queue, uint32_t index)
{
	struct svio_tx_desc desc;

	memcpy(&desc, fake_at(0, queue->ring) + (size_t)index * 16, sizeof(desc));
	return fake_at(0, desc.addr);
}

/*
 * Of class 1, whose ceiling is low, as many large packets as one grant, or a few
 * more or less: wherever the grant ends, the packet behind the last need not wait.
 */
static void queue_is_looked_at_after_its_turn(void)
{
	uint32_t count;
	uint32_t i;

	for (count = 1; count <= 9; count++) {
		setup();
		settings()->class_node[1].max_bps = 8000;
		settings()->class_node[1].burst_bytes = 1;
		update();
		for (i = 0; i < count; i++) {
			guest_frame_between(frame, 9000, 0, 1, i);
			svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV4);
			svio_put_be16(frame + 14, 0x4520);
			send_on(0, 9000, 1);
		}
		queue_numbered(0, 7, 2);
		for (i = 0; i < count && guest_tx_head(&guest[0], 0) < count; i++) {
			fake.hal.now_ns += 100000000000;
			fake_run();
		}
		CU_ASSERT_EQUAL(packets_of(1), count);
		CU_ASSERT_EQUAL(packets_of(7), 1);
	}
}

/* Class 0 is held: whoever is taken for one of it waits. */
static void scattered_header_is_looked_at(void)
{
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM, .csum_start = 34, .csum_offset = 6 };
	uint32_t pieces;

	hold_class(0);
	for (pieces = 1; pieces <= 20; pieces++) {
		make_ipv4(40);
		frame[BYTES - 1] = (uint8_t)pieces;
		send_on(0, BYTES, pieces);
		fake_run();
		CU_ASSERT_EQUAL(next_number(), pieces);
		guest_send_pieces(&guest[0], 1, frame, BYTES, pieces, &ext);
		fake_run();
		CU_ASSERT_EQUAL(next_number(), pieces);
	}
	CU_ASSERT_EQUAL(packets_of(5), 40);
	CU_ASSERT_EQUAL(packets_of(0), 1);
}

static void tag_in_the_descriptor_is_looked_at(void)
{
	struct svio_tx_desc desc = { .len = BYTES,
				     .flags = SVIO_TX_END | SVIO_TX_VLAN,
				     .vlan_tci = 5 << 13 };

	hold_class(0);
	make_plain(BYTES);
	desc.addr = guest_tx_place(&guest[0], frame, BYTES);
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packets_of(5), 1);
}

/* Looked at in class 7, which may go first, then said to be of class 2, which is held back. */
static void header_changed_while_it_waits_gains_nothing(void)
{
	hold_class(2);
	hold_class(7);
	queue_numbered(0, 7, 1);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 0);
	place_of(&guest[0].tx[0], 0)[15] = 2 * 8 << 2;
	fake.hal.now_ns += 10000000000;
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 1);
	CU_ASSERT_EQUAL(packets_of(7), 1); /* hold_class()'s own */
	CU_ASSERT_EQUAL(packets_of(2), 2);
}

static void header_changed_to_a_free_class_is_charged_there(void)
{
	hold_class(2);
	queue_numbered(0, 2, 1);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), UINT32_MAX);
	place_of(&guest[0].tx[0], 0)[15] = 7 * 8 << 2;
	fake_run();
	CU_ASSERT_EQUAL(next_number(), UINT32_MAX); /* it still waits in class 2 */
	fake.hal.now_ns += 10000000000;
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 1);
	CU_ASSERT_EQUAL(packets_of(2), 1);
	CU_ASSERT_EQUAL(packets_of(7), 1);
	CU_ASSERT_EQUAL(packet.data[15] >> 2, 7 * 8);
}

static void held_class_does_not_hold_the_others(void)
{
	hold_class(7);
	queue_numbered(0, 7, 1);
	queue_numbered(1, 0, 2);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 2);
	CU_ASSERT_EQUAL(next_number(), UINT32_MAX);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[7].state, SVIO_HOST_QOS_HELD);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[0].state, SVIO_HOST_QOS_IDLE);
	CU_ASSERT_TRUE(fake_slot(0)->class_live[7].held > 0);
}

static void malformed_packet_stops_its_queue_only(void)
{
	struct svio_tx_desc unmapped = { .addr = GUEST_UNMAPPED, .len = 60, .flags = SVIO_TX_END };
	struct svio_tx_desc empty = { .addr = GUEST_TX_DATA, .flags = SVIO_TX_END };
	struct svio_tx_desc endless = { .addr = GUEST_TX_DATA, .len = 1 };

	guest_tx_put(&guest[0], 0, &unmapped);
	guest_tx_ring(&guest[0], 0);
	guest_tx_put(&guest[0], 1, &empty);
	guest_tx_ring(&guest[0], 1);
	guest_tx_put(&guest[0], 2, &endless);
	guest_tx_ring(&guest[0], 2);
	queue_numbered(3, 5, 5);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 5);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_DMA_UNMAPPED);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 1), SVIO_ERROR_DESC_LEN);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 2), SVIO_ERROR_DESC_CHAIN);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_dma_faults), 1); /* a look is no access */
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_malformed), 3);
	CU_ASSERT_EQUAL(packets_of(0), 0);
	CU_ASSERT_EQUAL(packets_of(5), 1);
}

static void doorbell_beyond_the_ring_stops_the_queue(void)
{
	guest_doorbell(&guest[0], SVIO_QUEUE_TX, 0)->tail = 1000;
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_RING_INDEX);
}

static void extension_at_the_tail_is_no_way_out(void)
{
	struct svio_tx_desc desc = { .addr = GUEST_TX_DATA, .len = 4, .flags = SVIO_TX_EXT };

	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_DESC_EXT);
}

static void destroyed_queue_leaves_its_class(void)
{
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };

	hold_class(6);
	queue_numbered(0, 6, 1);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[6].state, SVIO_HOST_QOS_HELD);
	CU_ASSERT_EQUAL(guest_command(&guest[0], &destroy), SVIO_ADMIN_STATUS_OK);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[6].state, SVIO_HOST_QOS_IDLE);
	queue_numbered(1, 0, 2);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 2);
}

static void sleeping_device_looks_before_it_sleeps(void)
{
	uint64_t deadline_ns;

	CU_ASSERT_TRUE_FATAL(svio_fw_sleep(fake.fw, &deadline_ns));
	svio_fw_wake(fake.fw);
	queue_numbered(0, 7, 1);
	CU_ASSERT_FALSE(svio_fw_sleep(fake.fw, &deadline_ns));
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 1);
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	svio_fw_wake(fake.fw);
}

static void link_down_keeps_packets_until_it_is_up(void)
{
	fake_config(0)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	update();
	queue_numbered(0, 7, 1);
	fake_run();
	CU_ASSERT_EQUAL(next_number(), UINT32_MAX);
	fake_config(0)->flags &= ~(uint32_t)SVIO_HOST_VIF_LINK_DOWN;
	update();
	fake_run();
	CU_ASSERT_EQUAL(next_number(), 1);
}

static void reset_forgets_what_waited(void)
{
	hold_class(7);
	queue_numbered(0, 7, 1);
	fake_run();
	CU_ASSERT_EQUAL(svio_fw_vif_reset(fake.fw, 0), 0);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[7].state, SVIO_HOST_QOS_IDLE);
	CU_ASSERT_EQUAL(fake_slot(0)->live.state, SVIO_HOST_QOS_IDLE);
}

SVIO_TEST_MAIN_WITH(
	"firmware classes", setup, fake_free, SVIO_TEST(pcp_in_the_frame_decides),
	SVIO_TEST(pcp_in_the_descriptor_decides), SVIO_TEST(dscp_decides_for_both_versions),
	SVIO_TEST(tables_of_the_vif_decide), SVIO_TEST(anything_else_is_of_level_zero),
	SVIO_TEST(shortest_ip_frame_tells_its_dscp),
	SVIO_TEST(access_vlan_of_the_vif_is_no_tag_of_the_packet),
	SVIO_TEST(unsegmented_packet_is_charged_to_its_class),
	SVIO_TEST(class_of_higher_priority_goes_first),
	SVIO_TEST(queue_waits_in_the_class_of_its_head), SVIO_TEST(queues_of_one_class_take_turns),
	SVIO_TEST(every_mixture_is_charged_exactly), SVIO_TEST(queue_is_looked_at_after_its_turn),
	SVIO_TEST(scattered_header_is_looked_at), SVIO_TEST(tag_in_the_descriptor_is_looked_at),
	SVIO_TEST(header_changed_while_it_waits_gains_nothing),
	SVIO_TEST(header_changed_to_a_free_class_is_charged_there),
	SVIO_TEST(held_class_does_not_hold_the_others),
	SVIO_TEST(malformed_packet_stops_its_queue_only),
	SVIO_TEST(doorbell_beyond_the_ring_stops_the_queue),
	SVIO_TEST(extension_at_the_tail_is_no_way_out), SVIO_TEST(destroyed_queue_leaves_its_class),
	SVIO_TEST(sleeping_device_looks_before_it_sleeps),
	SVIO_TEST(link_down_keeps_packets_until_it_is_up), SVIO_TEST(reset_forgets_what_waited))
