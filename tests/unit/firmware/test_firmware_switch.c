/* SPDX-License-Identifier: BSD-3-Clause */
/* Who receives what: VIFs, the wire, VLANs, filters, anti-spoofing; and against a naive model. */
#include <string.h>

#include "guest.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_test.h"

#define VIFS 4

static struct guest guest[VIFS];
static struct guest_packet packet;
static uint8_t frame[9100];
static uint32_t wire_before;

static const uint8_t broadcast[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 9 };
static const uint8_t stranger[6] = { 0x02, 0, 0, 0, 0x99, 1 };

static void start(uint64_t features)
{
	uint32_t i;

	for (i = 0; i < VIFS; i++)
		guest_start_queues(&guest[i], i, features, 6);
}

static void setup(void)
{
	uint32_t i;

	fake_init();
	wire_before = 0;
	for (i = 0; i < VIFS; i++)
		fake_vif_add(i);
	start(GUEST_ALL_FEATURES & ~(SVIO_FEATURE(VLAN_FILTER) | SVIO_FEATURE(RX_VLAN)));
}

static void set_config(uint32_t vif, uint32_t flags, uint16_t vlan)
{
	fake_config(vif)->flags = SVIO_HOST_VIF_BUS_MASTER | flags;
	fake_config(vif)->vlan = vlan;
	CU_ASSERT_EQUAL_FATAL(svio_fw_vif_update(fake.fw, vif), 0);
}

static void send(uint32_t from, uint32_t bytes)
{
	guest_send(&guest[from], 0, frame, bytes);
	fake_run();
}

/* A frame with a tag in it, 64 bytes. */
static void tagged_frame(const uint8_t *dst, const uint8_t *src, uint16_t tci)
{
	guest_frame(frame, 64, dst, src, tci);
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_VLAN);
	svio_put_be16(frame + 14, tci);
}

/* Bit i: VIF i got exactly one packet; bit 31: the wire got exactly one more. Anything else: all. */
static uint32_t who_got_it(void)
{
	uint32_t who = 0;
	uint32_t i;

	for (i = 0; i < VIFS; i++) {
		if (guest_receive(&guest[i], 0, &packet))
			who |= 1u << i;
		if (guest_receive(&guest[i], 0, &packet))
			return UINT32_MAX;
		guest_post(&guest[i], 0, UINT32_MAX);
	}
	if (fake.hal.sent_count - wire_before == 1)
		who |= 1u << 31;
	else if (fake.hal.sent_count != wire_before)
		return UINT32_MAX;
	wire_before = fake.hal.sent_count;
	return who;
}

#define WIRE 0x80000000u

static void unicast_to_vif_arrives_there_only(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 60), 0);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void unknown_unicast_goes_to_the_wire_only(void)
{
	guest_frame(frame, 60, stranger, fake_config(0)->mac, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	CU_ASSERT_EQUAL(memcmp(fake.hal.sent[0].data, frame, 60), 0);
}

static void to_oneself_is_nobodys(void)
{
	guest_frame_between(frame, 60, 0, 0, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_switch_drop), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void broadcast_goes_to_all_but_the_sender(void)
{
	guest_frame(frame, 60, broadcast, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE | 0xd);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_copies), 3);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_tx_broadcast), 1);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_rx_broadcast), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void multicast_goes_to_those_who_asked(void)
{
	struct svio_admin_cmd add = { .opcode = SVIO_ADMIN_MAC_ADD };
	struct svio_admin_cmd mode = { .opcode = SVIO_ADMIN_RX_MODE_SET };

	memcpy(add.mac.mac, group, 6);
	CU_ASSERT_EQUAL(guest_command(&guest[2], &add), SVIO_ADMIN_STATUS_OK);
	mode.rx_mode.flags = SVIO_RX_MODE_ALLMULTI;
	CU_ASSERT_EQUAL(guest_command(&guest[3], &mode), SVIO_ADMIN_STATUS_OK);
	guest_frame(frame, 60, group, fake_config(0)->mac, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE | 0xc);
	CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_multicast), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void multicast_without_the_feature_goes_to_all(void)
{
	start(0);
	guest_frame(frame, 60, group, fake_config(0)->mac, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE | 0xe);
}

static void wire_frames_reach_their_vif_and_no_wire(void)
{
	guest_frame(frame, 60, fake_config(2)->mac, stranger, 1);
	fake_wire_receive(frame, 60, 0);
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), 4);
	guest_frame(frame, 60, stranger, stranger, 1);
	fake_wire_receive(frame, 60, 0);
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_switch_drop), 1);
	guest_frame(frame, 60, broadcast, stranger, 1);
	fake_wire_receive(frame, 60, 0);
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), 0xf);
	CU_ASSERT_EQUAL(fake.hal.wire_taken, 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void wire_frame_of_odd_length_is_malformed(void)
{
	guest_frame(frame, 9100, fake_config(2)->mac, stranger, 1);
	fake_wire_receive(frame, 13, 0);
	fake_wire_receive(frame, SVIO_FRAME_BYTES_MAX + 1, 0);
	fake_wire_receive(frame, SVIO_FRAME_BYTES_MAX, 0);
	fake_wire_receive(frame, 14, 0);
	fake_run();
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_rx_malformed), 2);
	CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_packets), 2);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void wire_that_refuses_is_counted(void)
{
	uint32_t i;

	guest_frame(frame, 60, stranger, fake_config(0)->mac, 1);
	fake.hal.refuse_at_flush = 3;
	for (i = 0; i < 10; i++)
		guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_packets), 7);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_bytes), 420);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop), 3);
	fake.hal.room_left = 0;
	send(0, 60);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop), 4);
	CU_ASSERT_EQUAL(guest_tx_free(&guest[0], 0), 64);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void foreign_source_is_dropped_unless_trusted(void)
{
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	guest_frame(frame, 60, fake_config(1)->mac, broadcast, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_spoof_mac), 2);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), 0);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), 0);
	set_config(0, SVIO_HOST_VIF_TRUSTED, 0);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
}

static void source_of_trusted_vif_is_learned_and_ages(void)
{
	set_config(0, SVIO_HOST_VIF_TRUSTED, 0);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	who_got_it();
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), 1);
	fake.hal.now_ns += 301000000000ull;
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
}

static void learned_address_moves_to_the_wire(void)
{
	set_config(0, SVIO_HOST_VIF_TRUSTED, 0);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	fake_wire_receive(frame, 60, 0);
	fake_run();
	while (guest_receive(&guest[1], 0, &packet))
		;
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
}

static void static_address_cannot_be_taken(void)
{
	set_config(0, SVIO_HOST_VIF_TRUSTED, 0);
	guest_frame(frame, 60, fake_config(2)->mac, fake_config(1)->mac, 1);
	send(0, 60);                     /* a trusted VIF with another's MAC */
	fake_wire_receive(frame, 60, 0); /* and the wire */
	fake_run();
	while (guest_receive(&guest[2], 0, &packet))
		;
	guest_frame_between(frame, 60, 3, 1, 1);
	send(3, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
}

static void promiscuous_vif_sees_unicast_of_others(void)
{
	struct svio_admin_cmd mode = { .opcode = SVIO_ADMIN_RX_MODE_SET };

	set_config(3, SVIO_HOST_VIF_TRUSTED, 0);
	mode.rx_mode.flags = SVIO_RX_MODE_PROMISC;
	CU_ASSERT_EQUAL(guest_command(&guest[3], &mode), SVIO_ADMIN_STATUS_OK);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2 | 8);
	guest_frame(frame, 60, stranger, fake_config(0)->mac, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE | 8);
	guest_frame_between(frame, 60, 0, 3, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 8);
	mode.rx_mode.flags = 0;
	CU_ASSERT_EQUAL(guest_command(&guest[3], &mode), SVIO_ADMIN_STATUS_OK);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void source_of_zeros_is_dropped_unless_trusted(void)
{
	static const uint8_t zero[6];

	guest_frame(frame, 60, fake_config(1)->mac, zero, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_spoof_mac), 1);
}

/* Where the table had a free entry, such a frame made the switch forget all. */
static void wire_source_of_zeros_takes_back_nothing(void)
{
	static const uint8_t zero[6];

	set_config(0, SVIO_HOST_VIF_TRUSTED, 0);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	guest_frame(frame, 60, fake_config(1)->mac, zero, 1);
	fake_wire_receive(frame, 60, 0);
	send(0, 60);
	while (guest_receive(&guest[1], 0, &packet))
		;
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), 1);
	guest_frame(frame, 60, zero, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
}

static void learned_address_ends_with_vlan_and_trust(void)
{
	set_config(0, SVIO_HOST_VIF_TRUSTED, 10);
	set_config(1, 0, 10);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	set_config(0, SVIO_HOST_VIF_TRUSTED, 20);
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	set_config(1, 0, 20);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	set_config(0, 0, 20);
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
}

static void chosen_addresses_end_with_trust(void)
{
	struct svio_admin_cmd set = { .opcode = SVIO_ADMIN_MAC_SET };
	struct svio_admin_cmd add = { .opcode = SVIO_ADMIN_MAC_ADD };

	set_config(3, SVIO_HOST_VIF_TRUSTED, 0);
	memcpy(set.mac.mac, stranger, 6);
	CU_ASSERT_EQUAL(guest_command(&guest[3], &set), SVIO_ADMIN_STATUS_OK);
	memcpy(add.mac.mac, stranger, 6);
	add.mac.mac[5]++;
	CU_ASSERT_EQUAL(guest_command(&guest[3], &add), SVIO_ADMIN_STATUS_OK);
	set_config(3, 0, 0);
	guest_frame(frame, 60, stranger, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	guest_frame(frame, 60, add.mac.mac, fake_config(1)->mac, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	guest_frame_between(frame, 60, 1, 3, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), 8);
	guest_frame(frame, 60, fake_config(1)->mac, stranger, 1);
	send(3, 60);
	CU_ASSERT_EQUAL(who_got_it(), 0);
}

static void promiscuous_ends_with_trust(void)
{
	struct svio_admin_cmd mode = { .opcode = SVIO_ADMIN_RX_MODE_SET };

	set_config(3, SVIO_HOST_VIF_TRUSTED, 0);
	mode.rx_mode.flags = SVIO_RX_MODE_PROMISC;
	CU_ASSERT_EQUAL(guest_command(&guest[3], &mode), SVIO_ADMIN_STATUS_OK);
	set_config(3, 0, 0);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
}

static void access_vlans_are_apart(void)
{
	set_config(0, 0, 10);
	set_config(1, 0, 10);
	set_config(2, 0, 20);
	guest_frame(frame, 60, broadcast, fake_config(0)->mac, 1);
	send(0, 60);
	/* VIF 1 in the same VLAN, VIF 3 a trunk, and the wire with a tag. */
	CU_ASSERT_EQUAL(who_got_it(), WIRE | 2 | 8);
	CU_ASSERT_EQUAL(svio_get_be16(fake.hal.sent[0].data + 12), SVIO_ETHERTYPE_VLAN);
	CU_ASSERT_EQUAL(svio_get_be16(fake.hal.sent[0].data + 14), 10);
	CU_ASSERT_EQUAL(fake.hal.sent[0].bytes, 64);
	guest_frame_between(frame, 60, 0, 2, 1);
	send(0, 60); /* in VLAN 10 nobody has that address */
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 60), 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void tag_from_access_vif_is_dropped_unless_trusted(void)
{
	set_config(0, 0, 10);
	tagged_frame(fake_config(3)->mac, fake_config(0)->mac, 20);
	send(0, 64);
	tagged_frame(fake_config(3)->mac, fake_config(0)->mac, 10);
	send(0, 64);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_spoof_vlan), 2);
	set_config(0, SVIO_HOST_VIF_TRUSTED, 10);
	send(0, 64);
	CU_ASSERT_EQUAL(who_got_it(), 8);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void vlan_4095_is_dropped(void)
{
	tagged_frame(fake_config(3)->mac, fake_config(0)->mac, 0xfff);
	send(0, 64);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_spoof_vlan), 1);
	tagged_frame(fake_config(3)->mac, stranger, 0xfff);
	fake_wire_receive(frame, 64, 0);
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void tagged_wire_frame_reaches_access_vif_untagged(void)
{
	set_config(0, 0, 10);
	tagged_frame(fake_config(0)->mac, stranger, 0x600a);
	fake_wire_receive(frame, 64, 0);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[0], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 12), 0);
	CU_ASSERT_EQUAL(memcmp(packet.data + 12, frame + 16, 48), 0);
	guest_frame(frame, 60, fake_config(0)->mac, stranger, 1);
	fake_wire_receive(frame, 60, 0); /* untagged: another VLAN */
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), 0);
}

static void vlan_filter_passes_what_was_added(void)
{
	struct svio_admin_cmd add = { .opcode = SVIO_ADMIN_VLAN_ADD };

	start(SVIO_FEATURE(VLAN_FILTER));
	tagged_frame(fake_config(1)->mac, fake_config(0)->mac, 0x2007);
	send(0, 64);
	CU_ASSERT_EQUAL(who_got_it(), 0);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_drop_filter), 1);
	add.vlan.vid = 7;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &add), SVIO_ADMIN_STATUS_OK);
	send(0, 64);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	tagged_frame(fake_config(1)->mac, fake_config(0)->mac, 0xe000); /* priority tag */
	send(0, 64);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void mac_set_moves_the_address(void)
{
	struct svio_admin_cmd set = { .opcode = SVIO_ADMIN_MAC_SET };

	set_config(1, SVIO_HOST_VIF_MAC_SET, 0);
	memcpy(set.mac.mac, stranger, 6);
	CU_ASSERT_EQUAL(guest_command(&guest[1], &set), SVIO_ADMIN_STATUS_OK);
	guest_frame(frame, 60, stranger, fake_config(0)->mac, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), WIRE);
	guest_frame(frame, 60, fake_config(0)->mac, stranger, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(who_got_it(), 1);
	guest_frame_between(frame, 60, 1, 0, 1);
	send(1, 60);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_tx_drop_spoof_mac), 1);
	/* Reset brings the permanent one back. */
	guest_start_queues(&guest[1], 1, 0, 6);
	guest_frame_between(frame, 60, 0, 1, 1);
	send(0, 60);
	CU_ASSERT_EQUAL(who_got_it(), 2);
}

/* The naive model: everything this switch does, in the obvious way. */
struct model {
	uint16_t vlan[VIFS];
	bool trusted[VIFS];
	int learned[256][3]; /* VIF that sent from stranger n in VLAN index v, or -1 */
};

static const uint16_t vlans[3] = { 0, 10, 20 };

static int vlan_index(uint32_t vlan)
{
	return vlan == 10 ? 1 : vlan == 20 ? 2 : 0;
}

static bool member(const struct model *model, uint32_t vif, uint32_t vlan)
{
	return !model->vlan[vif] || model->vlan[vif] == vlan;
}

static uint32_t expect_receivers(const struct model *model, int from, int dst, uint32_t vlan)
{
	uint32_t who = 0;
	uint32_t i;

	if (dst < 0) { /* broadcast */
		for (i = 0; i < VIFS; i++) {
			if ((int)i != from && member(model, i, vlan))
				who |= 1u << i;
		}
		return from < VIFS ? who | WIRE : who;
	}
	if (dst < VIFS && member(model, (uint32_t)dst, vlan))
		return dst == from ? 0 : 1u << dst;
	if (dst >= VIFS && dst < 256 && model->learned[dst][vlan_index(vlan)] >= 0) {
		int at = model->learned[dst][vlan_index(vlan)];

		return at == from ? 0 : 1u << at;
	}
	return from < VIFS ? WIRE : 0;
}

static void mac_of(int who, uint8_t *mac)
{
	memcpy(mac, broadcast, 6);
	if (who >= 0 && who < VIFS)
		memcpy(mac, fake_config((uint32_t)who)->mac, 6);
	else if (who >= VIFS) {
		memcpy(mac, stranger, 6);
		mac[5] = (uint8_t)who;
	}
}

/* One random frame from a VIF or the wire, with or without a tag. */
static void model_step(struct model *model, uint64_t *seed)
{
	int from = (int)(svio_test_random(seed) % (VIFS + 1));
	int dst = (int)(svio_test_random(seed) % (VIFS + 5)) - 1;
	int src = svio_test_random(seed) % 2 && from < VIFS
			  ? from
			  : VIFS + (int)(svio_test_random(seed) % 4);
	uint16_t tag = vlans[svio_test_random(seed) % 3];
	uint32_t access = from < VIFS ? model->vlan[from] : 0;
	uint32_t vlan = tag ? tag : access;
	uint32_t expected = 0;
	uint8_t dst_mac[6];
	uint8_t src_mac[6];

	mac_of(dst, dst_mac);
	mac_of(src, src_mac);
	if (tag)
		tagged_frame(dst_mac, src_mac, tag);
	else
		guest_frame(frame, 64, dst_mac, src_mac, 1);
	if (from == VIFS || model->trusted[from] || (src == from && !(tag && access))) {
		if (from == VIFS && src >= VIFS)
			model->learned[src][vlan_index(vlan)] = -1;
		else if (src >= VIFS && member(model, (uint32_t)from, vlan))
			model->learned[src][vlan_index(vlan)] = from;
		expected = expect_receivers(model, from, dst, vlan);
	}
	if (from == VIFS)
		fake_wire_receive(frame, 64, 0);
	else
		guest_send(&guest[from], 0, frame, 64);
	fake_run();
	CU_ASSERT_EQUAL(who_got_it(), expected);
}

static void prop_switch_does_as_the_naive_model(void)
{
	uint64_t seed = svio_test_seed(0x51ca7e);
	struct model model;
	uint32_t round;
	uint32_t i;

	for (round = 0; round < 40; round++) {
		setup();
		memset(&model, 0xff, sizeof(model));
		for (i = 0; i < VIFS; i++) {
			model.vlan[i] = vlans[svio_test_random(&seed) % 3];
			model.trusted[i] = svio_test_random(&seed) % 2;
			set_config(i, model.trusted[i] ? SVIO_HOST_VIF_TRUSTED : 0, model.vlan[i]);
		}
		for (i = 0; i < 200; i++)
			model_step(&model, &seed);
		CU_ASSERT_TRUE(fake_books_balance());
	}
}

SVIO_TEST_MAIN_WITH(
	"firmware switch", setup, fake_free, SVIO_TEST(unicast_to_vif_arrives_there_only),
	SVIO_TEST(unknown_unicast_goes_to_the_wire_only), SVIO_TEST(to_oneself_is_nobodys),
	SVIO_TEST(broadcast_goes_to_all_but_the_sender),
	SVIO_TEST(multicast_goes_to_those_who_asked),
	SVIO_TEST(multicast_without_the_feature_goes_to_all),
	SVIO_TEST(wire_frames_reach_their_vif_and_no_wire),
	SVIO_TEST(wire_frame_of_odd_length_is_malformed), SVIO_TEST(wire_that_refuses_is_counted),
	SVIO_TEST(foreign_source_is_dropped_unless_trusted),
	SVIO_TEST(source_of_trusted_vif_is_learned_and_ages),
	SVIO_TEST(learned_address_moves_to_the_wire), SVIO_TEST(static_address_cannot_be_taken),
	SVIO_TEST(promiscuous_vif_sees_unicast_of_others), SVIO_TEST(promiscuous_ends_with_trust),
	SVIO_TEST(source_of_zeros_is_dropped_unless_trusted),
	SVIO_TEST(wire_source_of_zeros_takes_back_nothing),
	SVIO_TEST(learned_address_ends_with_vlan_and_trust),
	SVIO_TEST(chosen_addresses_end_with_trust), SVIO_TEST(access_vlans_are_apart),
	SVIO_TEST(tag_from_access_vif_is_dropped_unless_trusted), SVIO_TEST(vlan_4095_is_dropped),
	SVIO_TEST(tagged_wire_frame_reaches_access_vif_untagged),
	SVIO_TEST(vlan_filter_passes_what_was_added), SVIO_TEST(mac_set_moves_the_address),
	SVIO_TEST(prop_switch_does_as_the_naive_model))
