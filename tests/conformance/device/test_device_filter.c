/* SPDX-License-Identifier: BSD-3-Clause */
/* Who receives what: MACs, multicast, VLANs, RSS; and who may send what. */
#include <errno.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

static const uint8_t other_mac[6] = { 0x02, 0x11, 0x22, 0x33, 0x44, 0x55 };
static const uint8_t group_mac[6] = { 0x01, 0x00, 0x5e, 0x01, 0x02, 0x03 };

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct received received;
static uint8_t frame[FRAME_BYTES_MAX];

static void start(void)
{
	struct svio_vif_options options = { .features = GUEST_PLAIN, .queues = 4 };

	lab_start(&lab);
	lab_vif_add(&lab, "a", "--queues 4");
	lab_vif_add(&lab, "b", "--queues 4");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", &options);
}

static uint64_t counter(struct guest *guest, enum svio_counter which)
{
	uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };

	CU_ASSERT_EQUAL(svio_vif_stats_get(guest->vif, counters), 0);
	return counters[which];
}

static bool arrives_for(const uint8_t *dst)
{
	frame_fill(frame, 80, dst, a.mac, dst[5]);
	return guest_send(&a, frame, 80, 0, NULL) && guest_receive(&b, &received) &&
	       received.bytes == 80 && memcmp(received.data, frame, 80) == 0;
}

static bool is_dropped_for(const uint8_t *dst)
{
	frame_fill(frame, 80, dst, a.mac, dst[5]);
	return guest_send(&a, frame, 80, 0, NULL) && guest_receives_only_marker(&b, &a);
}

static void mac_add_multicast_is_received(void)
{
	CU_ASSERT_TRUE(is_dropped_for(group_mac));
	CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, group_mac), 0);
	CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, group_mac), -EEXIST);
	CU_ASSERT_TRUE(arrives_for(group_mac));
	CU_ASSERT_EQUAL(svio_vif_mac_del(b.vif, group_mac), 0);
	CU_ASSERT_EQUAL(svio_vif_mac_del(b.vif, group_mac), -ENOENT);
	CU_ASSERT_TRUE(is_dropped_for(group_mac));
}

/* Else any guest could draw to itself what goes to an address behind the wire. */
static void mac_add_unicast_needs_trust(void)
{
	struct guest trusted;

	CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, other_mac), -EPERM);
	CU_ASSERT_TRUE(is_dropped_for(other_mac));
	lab_vif_add(&lab, "trusted", "--trusted");
	guest_open(&trusted, &lab, "trusted", NULL);
	CU_ASSERT_EQUAL(svio_vif_mac_add(trusted.vif, other_mac), 0);
	frame_fill(frame, 80, other_mac, a.mac, 1);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&trusted, &received));
	CU_ASSERT_EQUAL(svio_vif_mac_del(trusted.vif, other_mac), 0);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, NULL));
	CU_ASSERT_TRUE(guest_receives_only_marker(&trusted, &a));
	guest_close(&trusted);
	lab_vif_del(&lab, "trusted");
}

static void mac_add_of_another_vif_is_denied(void)
{
	CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, a.mac), -EPERM);
}

static void mac_add_full_table_has_no_space(void)
{
	uint16_t room = svio_vif_info(b.vif)->mac_filters;
	uint8_t mac[6] = { 0x01, 0x00, 0x5e, 0x7f, 0, 0 };

	CU_ASSERT_FATAL(room > 0);
	for (uint16_t i = 0; i <= room; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		CU_ASSERT_EQUAL(svio_vif_mac_add(b.vif, mac), i < room ? 0 : -ENOSPC);
	}
	for (uint16_t i = 0; i < room; i++) {
		mac[4] = (uint8_t)(i >> 8);
		mac[5] = (uint8_t)i;
		CU_ASSERT_EQUAL(svio_vif_mac_del(b.vif, mac), 0);
	}
}

static void rx_mode_allmulti_receives_every_group(void)
{
	CU_ASSERT_EQUAL(svio_vif_rx_mode_set(b.vif, SVIO_RX_MODE_ALLMULTI), 0);
	CU_ASSERT_TRUE(arrives_for(group_mac));
	CU_ASSERT_EQUAL(svio_vif_rx_mode_set(b.vif, 0), 0);
	CU_ASSERT_TRUE(is_dropped_for(group_mac));
	CU_ASSERT_EQUAL(svio_vif_rx_mode_set(b.vif, 4), -EINVAL);
}

static void rx_mode_promiscuous_needs_trust(void)
{
	struct guest trusted;

	CU_ASSERT_EQUAL(svio_vif_rx_mode_set(b.vif, SVIO_RX_MODE_PROMISC), -EPERM);
	lab_vif_add(&lab, "trusted", "--trusted");
	guest_open(&trusted, &lab, "trusted", NULL);
	CU_ASSERT_EQUAL(svio_vif_rx_mode_set(trusted.vif, SVIO_RX_MODE_PROMISC), 0);
	frame_fill(frame, 80, b.mac, a.mac, 1);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_TRUE(guest_receive(&trusted, &received));
	CU_ASSERT_EQUAL(memcmp(received.data, frame, 80), 0);
	guest_close(&trusted);
	lab_vif_del(&lab, "trusted");
}

static void spoofed_mac_is_dropped_and_counted(void)
{
	uint64_t before = counter(&a, SVIO_COUNTER_tx_drop_spoof_mac);

	frame_fill(frame, 80, b.mac, other_mac, 1);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, NULL));
	CU_ASSERT_TRUE(guest_receives_only_marker(&b, &a));
	CU_ASSERT_EQUAL(counter(&a, SVIO_COUNTER_tx_drop_spoof_mac), before + 1);
}

static void vlan_filter_passes_what_was_added(void)
{
	struct svio_vif_buf tag = { .flags = SVIO_VIF_VLAN, .vlan_tci = 42 };

	frame_fill(frame, 80, b.mac, a.mac, 1);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, &tag));
	CU_ASSERT_TRUE(guest_receives_only_marker(&b, &a));
	CU_ASSERT_EQUAL(svio_vif_vlan_add(b.vif, 42), 0);
	CU_ASSERT_EQUAL(svio_vif_vlan_add(b.vif, 42), -EEXIST);
	CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, &tag));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_EQUAL(received.meta.vlan_tci, 42);
	CU_ASSERT_EQUAL(svio_vif_vlan_del(b.vif, 42), 0);
	CU_ASSERT_EQUAL(svio_vif_vlan_del(b.vif, 42), -ENOENT);
	CU_ASSERT_EQUAL(svio_vif_vlan_add(b.vif, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_vlan_add(b.vif, 4095), -EINVAL);
}

/* Access VLANs: two VIFs of VLAN 5 hear each other, untagged; VLAN 6 hears nothing. */
static void vlan_access_ports_are_separate(void)
{
	static const uint8_t broadcast[6] = { 255, 255, 255, 255, 255, 255 };
	struct svio_vif_buf tag = { .flags = SVIO_VIF_VLAN, .vlan_tci = 6 };
	struct guest five[2];
	struct guest six;

	lab_vif_add(&lab, "five0", "--vlan 5");
	lab_vif_add(&lab, "five1", "--vlan 5");
	lab_vif_add(&lab, "six", "--vlan 6");
	guest_open(&five[0], &lab, "five0", NULL);
	guest_open(&five[1], &lab, "five1", NULL);
	guest_open(&six, &lab, "six", NULL);
	frame_fill(frame, 80, broadcast, five[0].mac, 1);
	CU_ASSERT_TRUE(guest_send(&five[0], frame, 80, 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&five[1], &received));
	CU_ASSERT_EQUAL(received.bytes, 80);
	CU_ASSERT_FALSE(received.meta.flags & SVIO_VIF_VLAN);
	CU_ASSERT_FALSE(guest_receive_now(&six, 0, &received));
	/* Tagged frames are not an access port's to send. */
	frame_fill(frame, 80, five[1].mac, five[0].mac, 1);
	CU_ASSERT_TRUE(guest_send(&five[0], frame, 80, 0, &tag));
	CU_ASSERT_TRUE(guest_receives_only_marker(&five[1], &five[0]));
	CU_ASSERT_EQUAL(counter(&five[0], SVIO_COUNTER_tx_drop_spoof_vlan), 1);
	guest_close(&five[0]);
	guest_close(&five[1]);
	guest_close(&six);
	lab_vif_del(&lab, "five0");
	lab_vif_del(&lab, "five1");
	lab_vif_del(&lab, "six");
}

static void mac_set_moves_the_address(void)
{
	struct guest c;
	uint8_t old[6];

	if (!(svio_vif_info(b.vif)->features & SVIO_FEATURE(MAC_SET))) {
		CU_ASSERT_EQUAL(svio_vif_mac_set(b.vif, other_mac), -EOPNOTSUPP);
		return;
	}
	lab_vif_add(&lab, "c", "");
	guest_open(&c, &lab, "c", NULL);
	memcpy(old, c.mac, 6);
	if (svio_vif_mac_set(c.vif, other_mac) == 0) {
		frame_fill(frame, 80, other_mac, a.mac, 1);
		CU_ASSERT_TRUE(guest_send(&a, frame, 80, 0, NULL));
		CU_ASSERT_TRUE(guest_receive(&c, &received));
	} else {
		CU_ASSERT_EQUAL(svio_vif_mac_set(c.vif, other_mac), -EPERM);
	}
	CU_ASSERT_EQUAL(svio_vif_mac_set(c.vif, group_mac), -EINVAL);
	guest_close(&c);
	lab_vif_del(&lab, "c");
}

/* Queue and hash of the IPv4 TCP frame from a to b with these ports. */
static bool send_flow(uint16_t sport, uint16_t dport, uint16_t *queue)
{
	struct frame flow = { .dst = b.mac, .src = a.mac, .sport = sport, .dport = dport };
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	if (!guest_send(&a, frame, frame_build(&flow, frame), 0, NULL))
		return false;
	for (;;) {
		for (*queue = 0; *queue < 4; (*queue)++)
			if (guest_receive_now(&b, *queue, &received))
				return true;
		if (lab_now_ns() > deadline)
			return false;
	}
}

static void rss_spreads_flows_and_keeps_each_together(void)
{
	static const uint8_t key[SVIO_RSS_KEY_BYTES] = {
		0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
		0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
		0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa
	};
	uint8_t table[SVIO_RSS_TABLE_ENTRIES];
	uint32_t per_queue[4] = { 0 };

	for (int i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
		table[i] = (uint8_t)(i % 4);
	CU_ASSERT_EQUAL(svio_vif_rss_table_set(b.vif, table), 0);
	CU_ASSERT_EQUAL(svio_vif_rss_set(b.vif, key, SVIO_RSS_TYPES), 0);
	for (uint16_t port = 1; port <= 200; port++) {
		uint16_t queue;
		uint16_t again;
		uint32_t hash;

		CU_ASSERT_TRUE_FATAL(send_flow(port, 80, &queue));
		hash = received.meta.hash;
		CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_HASH_L4);
		CU_ASSERT_EQUAL(queue, hash % SVIO_RSS_TABLE_ENTRIES % 4);
		CU_ASSERT_TRUE_FATAL(send_flow(port, 80, &again));
		CU_ASSERT_EQUAL(queue, again);
		CU_ASSERT_EQUAL(hash, received.meta.hash);
		per_queue[queue]++;
	}
	for (int i = 0; i < 4; i++)
		CU_ASSERT(per_queue[i] > 20);
	table[7] = 9;
	CU_ASSERT_EQUAL(svio_vif_rss_table_set(b.vif, table), -ENXIO);
	CU_ASSERT_EQUAL(svio_vif_rss_set(b.vif, key, 0), 0);
	CU_ASSERT_EQUAL(svio_vif_rss_set(b.vif, key, SVIO_RSS_TYPES + 1), -EINVAL);
}

static void link_get_tells_link(void)
{
	bool up;
	uint32_t mbps;

	CU_ASSERT_EQUAL(svio_vif_link_get(a.vif, &up, &mbps), 0);
	CU_ASSERT_TRUE(up);
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(mac_add_multicast_is_received),
		SVIO_TEST(mac_add_unicast_needs_trust),
		SVIO_TEST(mac_add_of_another_vif_is_denied),
		SVIO_TEST(mac_add_full_table_has_no_space),
		SVIO_TEST(rx_mode_allmulti_receives_every_group),
		SVIO_TEST(rx_mode_promiscuous_needs_trust),
		SVIO_TEST(spoofed_mac_is_dropped_and_counted),
		SVIO_TEST(vlan_filter_passes_what_was_added),
		SVIO_TEST(vlan_access_ports_are_separate),
		SVIO_TEST(mac_set_moves_the_address),
		SVIO_TEST(rss_spreads_flows_and_keeps_each_together),
		SVIO_TEST(link_get_tells_link),
	};
	const struct svio_test_suite suite = { "device filter", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&a);
	guest_close(&b);
	return lab_stop(&lab) ? 1 : status;
}
