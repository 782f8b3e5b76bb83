/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The express lane against the long way: the same random traffic twice, once with the lane closed,
 * must give every guest the same packets with the same completions in the same order, and all
 * counters the same values. Packets of all kinds, plain ones most often, in queues that fill up,
 * stop and begin again; receivers that spread them over their queues or have a ceiling, senders with
 * classes; settings that the lane depends on change in between.
 * SVIO_TEST_ROUNDS: scenarios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frame_builder.h"
#include "fw.h"
#include "guest.h"
#include "svio_test.h"

#define ROUNDS      120
#define STEPS       40
#define VIFS        5
#define QUEUES      3 /* of each kind */
#define RING_LG2    6
#define FRAME_BYTES 2200
#define VLAN        5

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint8_t frame[FRAME_BYTES];
static uint8_t flow[FRAME_BYTES + 512];
static uint64_t seed;

static bool ceilings; /* some receivers have one */

/* What happened, folded: FNV-1a. */
static uint64_t trace;
static uint64_t received;
static uint64_t express; /* packets that were sent as they lay, in both runs */

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(svio_test_random(&seed) % limit);
}

static bool rarely(uint32_t one_in)
{
	return !below(one_in);
}

static void note(const void *data, size_t bytes)
{
	const uint8_t *byte = data;
	size_t i;

	for (i = 0; i < bytes; i++)
		trace = (trace ^ byte[i]) * 0x100000001b3ull;
}

/* Where a packet's class comes from: its tag or its DSCP. */
static void choose_classes(uint32_t vif)
{
	struct svio_host_vif_qos *qos = &fake_slot(vif)->qos;
	uint32_t i;

	qos->classes = 1 + below(SVIO_HOST_CLASSES);
	for (i = 0; i < SVIO_HOST_LEVELS; i++)
		qos->lane[i] = (uint8_t)below(qos->classes);
	for (i = 0; i < sizeof(qos->dscp_level); i++)
		qos->dscp_level[i] = (uint8_t)(rarely(2) ? below(SVIO_HOST_LEVELS) : 1);
}

static void create_queue(uint32_t vif, uint32_t kind, uint32_t qid)
{
	static const uint16_t buf_len[VIFS] = { 2048, 2048, 512, 2048, 1024 };

	if (kind == SVIO_QUEUE_TX)
		guest_txq_create(&guest[vif], qid, RING_LG2);
	else
		guest_rxq_create(&guest[vif], qid, RING_LG2 - 2 + qid / 2,
				 (uint16_t)(buf_len[vif] >> qid / 2));
}

static void set_rss(uint32_t vif)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RSS_SET };
	struct svio_admin_cmd table = { .opcode = SVIO_ADMIN_RSS_TABLE_SET };
	uint32_t i;

	for (i = 0; i < sizeof(cmd.rss.key); i++)
		cmd.rss.key[i] = (uint8_t)(i * 37 + 11);
	cmd.rss.types = rarely(4) ? 0 : below(SVIO_RSS_TYPES + 1);
	guest_command(&guest[vif], &cmd);
	for (i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
		fake_at(vif, GUEST_SCRATCH)[i] = (uint8_t)below(QUEUES);
	table.buffer.addr = GUEST_SCRATCH;
	table.buffer.len = SVIO_RSS_TABLE_ENTRIES;
	guest_command(&guest[vif], &table);
}

static void start_guest(uint32_t vif)
{
	uint32_t qid;

	fake_vif_prepare(vif);
	if (vif >= 3) { /* two that are in a VLAN and do not know */
		fake_config(vif)->vlan = VLAN;
	}
	if (vif == 1)
		fake_config(vif)->mtu_max = 700;
	if (vif < 3 && rarely(2))
		fake_config(vif)->flags |= SVIO_HOST_VIF_TRUSTED;
	if (ceilings && rarely(2))
		fake_config(vif)->rx_max_bps = 1000000ull * (1 + below(400));
	if (rarely(4))
		fake_config(vif)->rx_wait_us = 30;
	if (rarely(3))
		choose_classes(vif);
	svio_fw_vif_add(fake.fw, vif);
	fake.fw->vifs[vif].rx_meter.tokens /= 50; /* or all that is sent would pass as a burst */
	guest_start(&guest[vif], vif, rarely(3) ? 0 : GUEST_ALL_FEATURES);
	for (qid = 0; qid < QUEUES; qid++) {
		create_queue(vif, SVIO_QUEUE_TX, qid);
		create_queue(vif, SVIO_QUEUE_RX, qid);
		guest_post(&guest[vif], qid, UINT32_MAX);
	}
	if (rarely(2))
		set_rss(vif);
}

static void set_mtu(uint32_t vif)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MTU_SET,
				      .value = { .value = 68 + below(1900) } };

	guest_command(&guest[vif], &cmd);
}

/* A buffer that was posted is not what it should be. */
static void spoil_buffer(uint32_t vif, uint32_t qid)
{
	const struct guest_queue *queue = &guest[vif].rx[qid];
	uint32_t posted = queue->tail - queue->head;
	struct svio_rx_desc *desc;

	if (!posted)
		return;
	desc = (struct svio_rx_desc *)(void *)fake_at(vif, queue->ring) +
	       ((queue->head + below(posted)) & ((1u << queue->ring_lg2) - 1));
	switch (below(4)) {
	case 0:
		desc->reserved1 = 1;
		break;
	case 1:
		desc->len = (uint16_t)below(queue->buf_len);
		break;
	case 2:
		desc->addr = GUEST_UNMAPPED;
		break;
	default:
		desc->addr = GUEST_UNMAPPED - below(queue->buf_len);
		break;
	}
}

/* Buffers may be longer than their queue says. */
static void lengthen_buffers(uint32_t vif, uint32_t qid)
{
	const struct guest_queue *queue = &guest[vif].rx[qid];
	uint32_t i;

	for (i = queue->head; i != queue->tail; i++)
		((struct svio_rx_desc *)(void *)fake_at(
			vif, queue->ring))[i & ((1u << queue->ring_lg2) - 1)]
			.len = (uint16_t)(2 * queue->buf_len);
}

/* One of few flows, with all that may stand before its ports; what is longer than bytes is cut. */
static void make_flow(uint32_t bytes)
{
	struct frame_spec spec = { .version = rarely(3) ? 6 : 4,
				   .protocol = rarely(2) ? 6 : 17,
				   .payload_bytes = bytes };
	uint32_t l3;

	if (rarely(6))
		spec.protocol = 1;
	if (rarely(6)) {
		spec.ipv4_option_words = (uint8_t)below(11);
		spec.ipv6_extension_words = (uint8_t)below(16);
	}
	build_frame(&spec, flow);
	l3 = build_l3_offset(&spec);
	flow[l3 + 1] = (uint8_t)svio_test_random(&seed);              /* DSCP */
	flow[l3 + (spec.version == 4 ? 15 : 23)] = (uint8_t)below(8); /* source address */
	flow[build_l4_offset(&spec) + 1] = (uint8_t)below(8);         /* source port */
	if (rarely(12))
		flow[l3 + 6] ^= 0x20; /* a fragment; of IPv6 something unknown */
	if (bytes > 12)
		memcpy(frame + 12, flow + 12, bytes - 12);
}

/* Whom it is for: a VIF most often. */
static void make_frame(uint32_t from, uint32_t bytes)
{
	static const uint8_t roamer[6] = { 0x02, 8, 8, 8, 8, 8 };
	static const uint8_t nobody[6] = { 0x02, 9, 9, 9, 9, 9 };
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	guest_frame_between(frame, bytes, from, rarely(2) ? below(VIFS) : (from + 1) % VIFS,
			    (uint32_t)svio_test_random(&seed));
	if (rarely(20))
		memcpy(frame, rarely(2) ? nobody : all, 6);
	if (!rarely(4))
		make_flow(bytes);
	if (from < 3 && rarely(10)) /* seen at one trusted VIF and then at another */
		memcpy(frame + 6, roamer, 6);
	if (rarely(10))
		memcpy(frame, roamer, 6);
	if (rarely(40))
		frame[6 + below(6)] ^= 1u << below(8); /* not its own */
	if (rarely(20) && bytes >= 18) {
		frame[12] = 0x81;
		frame[13] = 0;
		frame[14] = (uint8_t)(below(8) << 5);
		frame[15] = (uint8_t)(rarely(2) ? VLAN : 0);
	}
}

/* One descriptor that is not plain. */
static void send_odd(struct guest *from, uint32_t qid, uint32_t bytes)
{
	struct svio_tx_desc desc = { .addr = guest_tx_place(from, frame, bytes),
				     .len = (uint16_t)bytes,
				     .flags = SVIO_TX_END };

	switch (below(10)) {
	case 0:
		desc.flags |= 0x80;
		break;
	case 1:
		desc.reserved = 1;
		break;
	case 2:
		desc.addr = GUEST_UNMAPPED - below(bytes);
		break;
	case 3:
		desc.len = (uint16_t)below(16);
		break;
	case 4:
		desc.vlan_tci = 1;
		break;
	case 5:
		desc.addr = GUEST_UNMAPPED;
		break;
	default:
		desc.flags |= SVIO_TX_VLAN;
		desc.vlan_tci = (uint16_t)(rarely(2) ? VLAN : below(4096));
		break;
	}
	guest_tx_put(from, qid, &desc);
	guest_tx_ring(from, qid);
}

static void send_one(struct guest *from, uint32_t qid)
{
	uint32_t bytes = rarely(3) ? 14 + below(FRAME_BYTES - 14) : 32 + below(600);
	struct svio_tx_ext ext = { .csum_start = 14, .csum_offset = 16, .flags = SVIO_TX_EXT_CSUM };

	if (guest_tx_free(from, qid) <= 4)
		return;
	if (rarely(4)) /* about the longest that somebody takes */
		bytes = fake.fw->vifs[below(VIFS)].sram->mtu + 12 + below(8);
	else if (rarely(3)) /* or more than a buffer */
		bytes = guest[below(VIFS)].rx[below(QUEUES)].buf_len + below(40);
	if (bytes > FRAME_BYTES)
		bytes = FRAME_BYTES;
	make_frame(from->vif, bytes);
	if (rarely(60))
		send_odd(from, qid, bytes);
	else if (rarely(15) && bytes > 40)
		guest_send_pieces(from, qid, frame, bytes, 1 + below(3), rarely(2) ? &ext : NULL);
	else
		guest_send(from, qid, frame, bytes);
}

static void take_all(uint32_t vif, uint32_t qid)
{
	while (guest_receive(&guest[vif], qid, &packet)) {
		note(&vif, sizeof(vif));
		note(&qid, sizeof(qid));
		note(&packet.first, sizeof(packet.first));
		note(packet.data, packet.bytes);
		received++;
	}
}

/* A queue that stopped begins again. */
static void restart(uint32_t vif, uint32_t kind, uint32_t qid)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };

	if (guest_queue_error(&guest[vif], kind, qid) == SVIO_ERROR_NONE)
		return;
	cmd.queue.kind = (uint16_t)kind;
	cmd.queue.qid = (uint16_t)qid;
	guest_command(&guest[vif], &cmd);
	create_queue(vif, kind, qid);
}

static void care_for(uint32_t vif, uint32_t qid)
{
	take_all(vif, qid);
	if (!rarely(4))
		guest_post(&guest[vif], qid, rarely(2) ? below(8) : UINT32_MAX);
	if (rarely(4))
		lengthen_buffers(vif, qid);
	if (rarely(40))
		spoil_buffer(vif, qid);
	restart(vif, SVIO_QUEUE_TX, qid);
	restart(vif, SVIO_QUEUE_RX, qid);
}

/* Run, and meanwhile a VIF may do no DMA, or its link is down, or each packet makes an unmap wait. */
static void run(void)
{
	uint32_t vif = below(VIFS);
	uint32_t flags = fake_config(vif)->flags;

	if (rarely(10))
		fake_config(vif)->flags &= ~(uint32_t)SVIO_HOST_VIF_BUS_MASTER;
	if (rarely(10))
		fake_config(vif)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	/* Not with a ceiling: the lane looks for a buffer first, and each look is a step. */
	fake.hal.unmaps_wait = !ceilings && rarely(4);
	fake_run();
	note(&fake.fw->section_copies, sizeof(fake.fw->section_copies));
	fake.hal.unmaps_wait = false;
	fake_config(vif)->flags = flags;
}

static void step(void)
{
	uint32_t from = below(VIFS);
	uint32_t qid = below(QUEUES);
	uint32_t count = rarely(3) ? below(60) : below(16);
	uint32_t i;

	while (count--)
		send_one(&guest[from], rarely(8) ? below(QUEUES) : qid);
	if (rarely(3)) /* more than one sender has something */
		return;
	fake.hal.now_ns += below(20000);
	run();
	for (i = 0; i < VIFS * QUEUES; i++)
		care_for(i / QUEUES, i % QUEUES);
	if (rarely(15))
		set_mtu(below(VIFS));
	if (rarely(6))
		set_rss(below(VIFS));
}

static void note_counters(void)
{
	uint32_t vif;
	uint32_t i;

	for (vif = 0; vif < VIFS; vif++) {
		note(fake_slot(vif)->counters, sizeof(fake_slot(vif)->counters));
		note(&fake.fw->vifs[vif].rx_meter.tokens, sizeof(int64_t));
		for (i = 0; i < 2 * QUEUES; i++)
			note(fake.fw->vifs[vif].sram->queue[i / 2][i % 2].counters,
			     sizeof(fake.fw->vifs[vif].sram->queue[0][0].counters));
	}
	for (i = 0; i < fake.hal.sent_count; i++)
		note(fake.hal.sent[i].data, fake.hal.sent[i].bytes);
	note(&fake.segment->counters[SVIO_DEVICE_COUNTER_copies], 8);
	note(&fake.segment->counters[SVIO_DEVICE_COUNTER_switch_drop], 8);
	note(&fake.segment->counters[SVIO_DEVICE_COUNTER_wire_tx_packets], 8);
}

static uint64_t play(uint64_t start, bool lane)
{
	uint32_t i;

	seed = start;
	trace = 0xcbf29ce484222325ull;
	fake_init();
	ceilings = rarely(2);
	if (rarely(3)) { /* short turns */
		fake.segment->group[0].qos.max_bps = 10000000000ull;
		svio_fw_group_set(fake.fw, 0);
	}
	for (i = 0; i < VIFS; i++)
		start_guest(i);
	/* As if somebody listened to everything: then no route is noted. */
	fake.fw->promisc_count = lane ? 0 : 1;
	for (i = 0; i < STEPS; i++) {
		step();
		fake.hal.sent_count = fake.hal.sent_count > 128 ? 0 : fake.hal.sent_count;
	}
	note_counters();
	CU_ASSERT(fake_books_balance());
	if (lane)
		express += fake.fw->express_packets;
	else
		CU_ASSERT_EQUAL(fake.fw->express_packets, 0);
	return trace;
}

static void both_ways_are_one(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 10) : ROUNDS;
	uint64_t base = svio_test_seed(20261121);
	uint64_t i;

	for (i = 0; i < rounds; i++) {
		uint64_t longer = play(base + i, false);

		if (play(base + i, true) == longer)
			continue;
		CU_FAIL("the express lane made a difference");
		printf("     seed %llu\n", (unsigned long long)(base + i));
		return;
	}
	printf("     %llu packets received, %llu by the express lane\n",
	       (unsigned long long)received, (unsigned long long)express);
	CU_ASSERT(express > rounds * 10);
}

SVIO_TEST_MAIN("the express lane", SVIO_TEST(both_ways_are_one))
