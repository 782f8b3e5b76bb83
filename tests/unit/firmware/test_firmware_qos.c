/* SPDX-License-Identifier: BSD-3-Clause */
/* Places in the scheduler's tree: groups, VIFs in them, what they did, and a firmware that dies. */
#include <errno.h>
#include <string.h>

#include "guest.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_sched.h"
#include "svio_test.h"

#define BYTES 100
#define COST  (BYTES + SVIO_SCHED_FRAMING_BYTES + 0ull)

static struct guest guest[3];
static struct guest_packet packet;
static uint8_t frame[BYTES];

static struct svio_host_group *group(uint32_t id)
{
	return &fake.segment->group[id];
}

static int group_set(uint32_t id, uint32_t parent)
{
	group(id)->in_use = 1;
	group(id)->parent = parent;
	return svio_fw_group_set(fake.fw, id);
}

/* VIFs 0 and 1 send to VIF 2, each with two queues. */
static void setup(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < 3; i++) {
		fake_vif_add(i);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, 8);
		CU_ASSERT_EQUAL_FATAL(guest_txq_create(&guest[i], 1, 8), 0);
	}
}

static void send_from(uint32_t vif, uint32_t qid, uint32_t count)
{
	while (count--) {
		guest_frame_between(frame, BYTES, vif, 2, count);
		svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV4);
		frame[14] = 0x45;
		frame[15] = (uint8_t)(qid * 8 << 2); /* queue n in class n */
		guest_send(&guest[vif], qid, frame, BYTES);
	}
}

static uint32_t take_all(void)
{
	uint32_t count = 0;

	while (guest_receive(&guest[2], 0, &packet))
		count++;
	guest_post(&guest[2], 0, UINT32_MAX);
	return count;
}

static int move_to(uint32_t vif, uint32_t to, uint32_t classes)
{
	struct svio_host_vif_qos *qos = &fake_slot(vif)->qos;
	uint32_t i;

	qos->group = to;
	qos->classes = classes;
	for (i = 0; i < SVIO_HOST_LEVELS; i++)
		qos->lane[i] = (uint8_t)(i < classes ? i : 0);
	for (i = 0; i < sizeof(qos->dscp_level); i++)
		qos->dscp_level[i] = (uint8_t)(i / 8);
	return svio_fw_vif_update(fake.fw, vif);
}

/* A ceiling that holds everything below it back but for one packet in a while. */
static void close_gate(struct svio_host_qos *qos)
{
	qos->max_bps = 8000;
	qos->burst_bytes = 1;
}

static void later(void)
{
	fake.hal.now_ns += 1000000000;
}

static void group_out_of_range_or_without_parent_is_refused(void)
{
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, SVIO_HOST_GROUPS_MAX), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, UINT32_MAX), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, 5), -EINVAL); /* not in use */
	CU_ASSERT_EQUAL(group_set(5, 6), -EINVAL);
	CU_ASSERT_EQUAL(group_set(5, 5), -EINVAL);
	CU_ASSERT_EQUAL(group_set(5, SVIO_HOST_GROUPS_MAX), -EINVAL);
	CU_ASSERT_EQUAL(group_set(5, UINT32_MAX), -EINVAL);
	group(5)->qos.priority = 8;
	CU_ASSERT_EQUAL(group_set(5, 0), -EINVAL);
	group(5)->qos.priority = 256;
	CU_ASSERT_EQUAL(group_set(5, 0), -EINVAL);
	group(5)->qos.priority = 7;
	group(5)->qos.max_bps = 1;
	CU_ASSERT_EQUAL(group_set(5, 0), -EINVAL);
	group(5)->qos.max_bps = 0;
	CU_ASSERT_EQUAL(group_set(5, 0), 0);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, SVIO_HOST_GROUPS_MAX), -EINVAL);
}

static void group_set_again_is_a_change(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	CU_ASSERT_EQUAL(group_set(2, 0), -EBUSY);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 1), -EBUSY);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 2), 0);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 1), 0);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 1), 0); /* a repeated message */
}

static void groups_nest_once(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	CU_ASSERT_EQUAL(group_set(3, 2), -EINVAL);
}

static void all_groups_and_vifs_with_classes_have_room(void)
{
	uint32_t i;

	for (i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		CU_ASSERT_EQUAL(group_set(i, i % 2 ? 0 : i - 1), 0);
	for (i = 3; i < FAKE_VIFS; i++)
		fake_vif_add(i);
	for (i = 0; i < FAKE_VIFS; i++)
		CU_ASSERT_EQUAL(move_to(i, 254, SVIO_HOST_CLASSES), 0);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 254), -EBUSY);
}

static void vif_qos_out_of_range_changes_nothing(void)
{
	struct svio_host_vif_qos good;
	struct svio_host_vif_qos *qos = &fake_slot(0)->qos;
	uint32_t i;

	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(move_to(0, 1, 2), 0);
	good = *qos;
	for (i = 0; i < 9; i++) {
		*qos = good;
		switch (i) {
		case 0:
			qos->group = 2;
			break;
		case 1:
			qos->group = SVIO_HOST_GROUPS_MAX;
			break;
		case 2:
			qos->classes = SVIO_HOST_CLASSES + 1;
			break;
		case 3:
			qos->lane[7] = 2;
			break;
		case 4:
			qos->dscp_level[63] = SVIO_HOST_LEVELS;
			break;
		case 5:
			qos->class_node[1].weight = 65536;
			break;
		case 6:
			qos->node.priority = 8;
			break;
		case 7: /* new nodes, the last of which cannot be */
			qos->group = 0;
			qos->class_node[1].priority = 8;
			break;
		default:
			qos->classes = 3;
			qos->class_node[2].max_bps = 1;
			break;
		}
		CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), -EINVAL);
		send_from(0, 0, 1);
		send_from(0, 1, 1);
		fake_run();
		CU_ASSERT_EQUAL(take_all(), 2);
	}
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(1)->live.packets, 18);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[1].packets, 9);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[2].packets, 0);
}

static void vif_add_with_bad_qos_is_refused(void)
{
	fake_vif_prepare(3);
	fake_slot(3)->qos.group = 9;
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 3), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_vif_del(fake.fw, 3), -ENODEV);
	fake_slot(3)->qos.group = 0;
	fake_slot(3)->qos.classes = 8;
	fake_slot(3)->qos.class_node[7].priority = 8;
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 3), -EINVAL);
	fake_slot(3)->qos.class_node[7].priority = 7;
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 3), 0);
}

static void everything_is_counted_on_every_level(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	CU_ASSERT_EQUAL(move_to(0, 2, 2), 0);
	CU_ASSERT_EQUAL(move_to(1, 1, 0), 0);
	send_from(0, 0, 3);
	send_from(0, 1, 4);
	send_from(1, 0, 5);
	fake_run();
	CU_ASSERT_EQUAL(group(0)->live.packets, 0); /* nobody has asked */
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(0)->live.packets, 12);
	CU_ASSERT_EQUAL(group(0)->live.bytes, 12 * COST);
	CU_ASSERT_EQUAL(group(1)->live.packets, 12);
	CU_ASSERT_EQUAL(group(2)->live.packets, 7);
	CU_ASSERT_EQUAL(fake_slot(0)->live.bytes, 7 * COST);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[0].packets, 3);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[1].packets, 4);
	CU_ASSERT_EQUAL(fake_slot(1)->live.packets, 5);
	CU_ASSERT_EQUAL(fake_slot(1)->class_live[0].packets, 0);
	CU_ASSERT_EQUAL(group(0)->live.state, SVIO_HOST_QOS_IDLE);
}

/* Who is held back, and by whom, with each place of the ceiling. */
static void states_say_what_holds_back(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(move_to(0, 1, 2), 0);
	close_gate(&group(1)->qos);
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	later();
	send_from(0, 1, 3);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(1)->live.state, SVIO_HOST_QOS_HELD);
	CU_ASSERT_TRUE(group(1)->live.held > 0);
	CU_ASSERT_EQUAL(fake_slot(0)->live.state, SVIO_HOST_QOS_BEHIND);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[1].state, SVIO_HOST_QOS_BEHIND);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[0].state, SVIO_HOST_QOS_IDLE);
	CU_ASSERT_EQUAL(fake_slot(1)->live.state, SVIO_HOST_QOS_IDLE);
	memset(&group(1)->qos, 0, sizeof(group(1)->qos));
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	fake_run();
	CU_ASSERT_EQUAL(take_all(), 3);
}

/* 600 packets are more than the burst of a port: at least one largest packet. */
static void port_has_the_rate_of_group_zero(void)
{
	uint32_t i;

	close_gate(&group(0)->qos);
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, 0), 0);
	for (i = 0; i < 4; i++)
		send_from(i % 2, i / 2, 150);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_TRUE(group(0)->live.packets < 600);
	CU_ASSERT_EQUAL(fake_slot(0)->live.state, SVIO_HOST_QOS_BEHIND);
	group(0)->qos.max_bps = 1;
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, 0), -EINVAL);
	group(0)->qos.max_bps = 0;
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, 0), 0);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(0)->live.packets, 600);
}

/* Queues wait with packets while their VIF gets another place: none is forgotten. */
static void queues_stay_ready_wherever_the_vif_goes(void)
{
	static const struct {
		uint32_t group;
		uint32_t classes;
	} places[] = { { 1, 0 }, { 2, 8 }, { 2, 2 }, { 0, 2 }, { 1, 8 }, { 1, 0 }, { 0, 0 } };
	size_t i;

	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		close_gate(fake_qos(0));
		CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
		later();
		send_from(0, 0, 4);
		send_from(0, 1, 4);
		fake_run();
		CU_ASSERT_TRUE(take_all() < 8);
		memset(fake_qos(0), 0, sizeof(*fake_qos(0)));
		CU_ASSERT_EQUAL(move_to(0, places[i].group, places[i].classes), 0);
		fake_run();
		take_all();
		CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_packets), 8 * (i + 1));
		svio_fw_qos_read(fake.fw);
		CU_ASSERT_EQUAL(fake_slot(0)->live.packets, 8 * (i + 1));
		CU_ASSERT_EQUAL(group(0)->live.packets, 8 * (i + 1));
	}
}

/* Not one pass of the device between the doorbell and the change. */
static void queues_not_looked_at_yet_survive_a_change(void)
{
	send_from(0, 0, 1);
	CU_ASSERT_EQUAL(move_to(0, 0, 4), 0);
	send_from(0, 1, 1);
	CU_ASSERT_EQUAL(move_to(0, 0, 0), 0);
	fake_run();
	CU_ASSERT_EQUAL(take_all(), 2);
}

static void move_shows_in_the_group_that_is_charged(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 0), 0);
	CU_ASSERT_EQUAL(move_to(0, 1, 0), 0);
	send_from(0, 0, 3);
	fake_run();
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 1), -EBUSY);
	CU_ASSERT_EQUAL(move_to(0, 2, 0), 0);
	send_from(0, 0, 4);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(1)->live.packets, 3);
	CU_ASSERT_EQUAL(group(2)->live.packets, 4);
	CU_ASSERT_EQUAL(svio_fw_group_del(fake.fw, 1), 0);
	CU_ASSERT_EQUAL(group(1)->live.packets, 0);
}

static void guarantee_goes_from_one_class_to_another(void)
{
	struct svio_host_qos *classes = fake_slot(0)->qos.class_node;

	group(0)->qos.max_bps = 1000000000;
	CU_ASSERT_EQUAL(svio_fw_group_set(fake.fw, 0), 0);
	fake_qos(0)->min_bps = 100000000;
	fake_qos(0)->max_bps = 100000000;
	classes[0].min_bps = 90000000;
	classes[1].min_bps = 10000000;
	CU_ASSERT_EQUAL(move_to(0, 0, 2), 0);
	classes[0].min_bps = 10000000;
	classes[1].min_bps = 90000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	classes[0].min_bps = 90000000;
	classes[1].min_bps = 10000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	/* Twice what the port has: refused, and what was is in force. */
	fake_qos(0)->max_bps = 0;
	fake_qos(0)->min_bps = 2000000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), -E2BIG);
	fake_qos(1)->min_bps = 900000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), 0);
	fake_qos(1)->min_bps = 900000001;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), -E2BIG);
}

static void vif_that_comes_again_counts_anew(void)
{
	send_from(0, 0, 3);
	fake_run();
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->live.packets, 3);
	CU_ASSERT_EQUAL(svio_fw_vif_del(fake.fw, 0), 0);
	CU_ASSERT_EQUAL(fake_slot(0)->live.packets, 0);
	fake_vif_add(0);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->live.packets, 0);
}

static void restart(void)
{
	uint32_t i;

	fake_attach();
	for (i = 0; i < 3; i++) {
		if (group(i)->in_use)
			CU_ASSERT_EQUAL_FATAL(svio_fw_group_set(fake.fw, i), 0);
	}
	for (i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, i), 0);
}

/* The next firmware serves what waited, in its class, and counts from where the last was asked. */
static void next_firmware_goes_on(void)
{
	CU_ASSERT_EQUAL(group_set(1, 0), 0);
	CU_ASSERT_EQUAL(group_set(2, 1), 0);
	CU_ASSERT_EQUAL(move_to(0, 2, 2), 0);
	send_from(0, 1, 3);
	fake_run();
	svio_fw_qos_read(fake.fw);
	send_from(0, 1, 2);
	send_from(0, 0, 4);
	restart();
	fake_run();
	CU_ASSERT_EQUAL(take_all(), 9);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[1].packets, 5);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[0].packets, 4);
	CU_ASSERT_EQUAL(fake_slot(0)->live.bytes, 9 * COST);
	CU_ASSERT_EQUAL(group(2)->live.packets, 9);
	CU_ASSERT_EQUAL(group(0)->live.packets, 9);
}

static void qos_changed_while_dead_comes_into_force(void)
{
	struct svio_host_vif_qos *qos = &fake_slot(0)->qos;

	send_from(0, 1, 2);
	group(1)->in_use = 1;
	qos->group = 1;
	qos->classes = 1;
	restart();
	fake_run();
	CU_ASSERT_EQUAL(take_all(), 2);
	svio_fw_qos_read(fake.fw);
	CU_ASSERT_EQUAL(group(1)->live.packets, 2);
	CU_ASSERT_EQUAL(fake_slot(0)->class_live[0].packets, 2);
}

SVIO_TEST_MAIN_WITH("firmware qos", setup, fake_free,
		    SVIO_TEST(group_out_of_range_or_without_parent_is_refused),
		    SVIO_TEST(group_set_again_is_a_change), SVIO_TEST(groups_nest_once),
		    SVIO_TEST(all_groups_and_vifs_with_classes_have_room),
		    SVIO_TEST(vif_qos_out_of_range_changes_nothing),
		    SVIO_TEST(vif_add_with_bad_qos_is_refused),
		    SVIO_TEST(everything_is_counted_on_every_level),
		    SVIO_TEST(states_say_what_holds_back),
		    SVIO_TEST(port_has_the_rate_of_group_zero),
		    SVIO_TEST(queues_stay_ready_wherever_the_vif_goes),
		    SVIO_TEST(queues_not_looked_at_yet_survive_a_change),
		    SVIO_TEST(move_shows_in_the_group_that_is_charged),
		    SVIO_TEST(guarantee_goes_from_one_class_to_another),
		    SVIO_TEST(vif_that_comes_again_counts_anew), SVIO_TEST(next_firmware_goes_on),
		    SVIO_TEST(qos_changed_while_dead_comes_into_force))
