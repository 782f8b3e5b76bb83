/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The express lane against the long way: the same random traffic twice, once with the lane closed,
 * must give every guest the same packets with the same completions in the same order, and all
 * counters the same values. Packets of all kinds, plain ones most often, in queues that fill up,
 * stop and begin again; settings that the lane depends on change in between.
 * SVIO_TEST_ROUNDS: scenarios.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw.h"
#include "guest.h"
#include "svio_test.h"

#define ROUNDS      60
#define STEPS       40
#define VIFS        5
#define RING_LG2    6
#define FRAME_BYTES 2200
#define VLAN        5

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint8_t frame[FRAME_BYTES];
static uint64_t seed;

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

static void start_guest(uint32_t vif)
{
	static const uint16_t buf_len[VIFS] = { 2048, 2048, 512, 2048, 1024 };

	fake_vif_prepare(vif);
	if (vif >= 3) { /* two that are in a VLAN and do not know */
		fake_config(vif)->vlan = VLAN;
	}
	if (vif == 1)
		fake_config(vif)->mtu_max = 700;
	if (vif < 3 && rarely(2))
		fake_config(vif)->flags |= SVIO_HOST_VIF_TRUSTED;
	if (rarely(4))
		fake_config(vif)->rx_max_bps = 1000000ull * (1 + below(400));
	svio_fw_vif_add(fake.fw, vif);
	fake.fw->vifs[vif].rx_meter.tokens /= 50; /* or all that is sent would pass as a burst */
	guest_start(&guest[vif], vif, rarely(3) ? 0 : GUEST_ALL_FEATURES);
	guest_txq_create(&guest[vif], 0, RING_LG2);
	guest_rxq_create(&guest[vif], 0, RING_LG2, buf_len[vif]);
	guest_post(&guest[vif], 0, UINT32_MAX);
}

static void set_mtu(uint32_t vif)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MTU_SET,
				      .value = { .value = 68 + below(1900) } };

	guest_command(&guest[vif], &cmd);
}

static void set_rss(uint32_t vif)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RSS_SET };

	memset(cmd.rss.key, 0x6d, sizeof(cmd.rss.key));
	cmd.rss.types = rarely(2) ? SVIO_RSS_IPV4 : 0;
	guest_command(&guest[vif], &cmd);
}

/* A buffer that was posted is not what it should be. */
static void spoil_buffer(uint32_t vif)
{
	const struct guest_queue *queue = &guest[vif].rx[0];
	uint32_t posted = queue->tail - queue->head;
	struct svio_rx_desc *desc;

	if (!posted)
		return;
	desc = (struct svio_rx_desc *)(void *)fake_at(vif, queue->ring) +
	       ((queue->head + below(posted)) & ((1u << RING_LG2) - 1));
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
	if (rarely(4) && bytes >= 34) {
		memcpy(frame + 12, "\x08\x00\x45\x00", 4);
		frame[16] = (uint8_t)((bytes - 14) >> 8);
		frame[17] = (uint8_t)(bytes - 14);
		frame[23] = 253;
	}
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
static void send_odd(struct guest *from, uint32_t bytes)
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
	guest_tx_put(from, 0, &desc);
	guest_tx_ring(from, 0);
}

static void send_one(struct guest *from)
{
	uint32_t bytes = rarely(3) ? 14 + below(FRAME_BYTES - 14) : 32 + below(600);
	struct svio_tx_ext ext = { .csum_start = 14, .csum_offset = 16, .flags = SVIO_TX_EXT_CSUM };

	make_frame(from->vif, bytes);
	if (rarely(60))
		send_odd(from, bytes);
	else if (rarely(15) && bytes > 40)
		guest_send_pieces(from, 0, frame, bytes, 1 + below(3), rarely(2) ? &ext : NULL);
	else
		guest_send(from, 0, frame, bytes);
}

static void take_all(uint32_t vif)
{
	while (guest_receive(&guest[vif], 0, &packet)) {
		note(&vif, sizeof(vif));
		note(&packet.first, sizeof(packet.first));
		note(packet.data, packet.bytes);
		received++;
	}
}

/* A queue that stopped begins again. */
static void restart(uint32_t vif)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };
	uint32_t kind;

	for (kind = SVIO_QUEUE_TX; kind <= SVIO_QUEUE_RX; kind++) {
		if (guest_queue_error(&guest[vif], kind, 0) == SVIO_ERROR_NONE)
			continue;
		cmd.queue.kind = (uint16_t)kind;
		guest_command(&guest[vif], &cmd);
		if (kind == SVIO_QUEUE_TX)
			guest_txq_create(&guest[vif], 0, RING_LG2);
		else
			guest_rxq_create(&guest[vif], 0, RING_LG2, 2048);
	}
}

static void step(void)
{
	uint32_t from = below(VIFS);
	uint32_t count = rarely(3) ? below(60) : below(16);
	uint32_t vif;

	while (count-- && guest_tx_free(&guest[from], 0) > 4)
		send_one(&guest[from]);
	if (rarely(3)) /* more than one sender has something */
		return;
	fake.hal.now_ns += below(20000);
	fake_run();
	for (vif = 0; vif < VIFS; vif++) {
		take_all(vif);
		if (!rarely(4))
			guest_post(&guest[vif], 0, rarely(2) ? below(8) : UINT32_MAX);
		if (rarely(40))
			spoil_buffer(vif);
		restart(vif);
	}
	if (rarely(15))
		set_mtu(below(VIFS));
	if (rarely(15))
		set_rss(below(VIFS));
}

static void note_counters(void)
{
	uint32_t vif;
	uint32_t i;

	for (vif = 0; vif < VIFS; vif++) {
		note(fake_slot(vif)->counters, sizeof(fake_slot(vif)->counters));
		for (i = 0; i < 2; i++)
			note(fake.fw->vifs[vif].sram->queue[i][0].counters,
			     sizeof(fake.fw->vifs[vif].sram->queue[i][0].counters));
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
