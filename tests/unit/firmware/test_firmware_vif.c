/* SPDX-License-Identifier: BSD-3-Clause */
/* A VIF's life: states and who may move them, coming, going, configuration. */
#include <errno.h>
#include <string.h>

#include "guest.h"
#include "svio_error.h"
#include "svio_regs.h"
#include "svio_test.h"

static struct guest guest;

static void setup(void)
{
	fake_init();
	fake_vif_add(0);
}

static uint32_t status(void)
{
	return fake_reg(0, SVIO_REG_STATUS);
}

/* Bring VIF 0 into a state by what a driver would do. */
static void enter(uint32_t state)
{
	if (state == SVIO_VIF_STATE_READY) {
		guest_start(&guest, 0, 0);
		return;
	}
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	fake_reg_write(0, SVIO_REG_DRIVER_FEATURES_LO, 0);
	if (state == SVIO_VIF_STATE_ERROR)
		fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	else if (state == SVIO_VIF_STATE_NEGOTIATED)
		fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
}

/* CONTROL in each state: SPEC.md 3.1. ENABLE without admin rings is an error of its own. */
static void control_every_state_and_value_moves_as_specified(void)
{
	static const uint32_t expected[SVIO_VIF_STATE_COUNT][4] = {
		[SVIO_VIF_STATE_RESET] = { 0, SVIO_VIF_STATE_RESET, SVIO_VIF_STATE_NEGOTIATED,
					   SVIO_VIF_STATE_ERROR },
		[SVIO_VIF_STATE_NEGOTIATED] = { 1, SVIO_VIF_STATE_RESET, SVIO_VIF_STATE_ERROR,
						SVIO_VIF_STATE_ERROR },
		[SVIO_VIF_STATE_READY] = { 2, SVIO_VIF_STATE_RESET, SVIO_VIF_STATE_ERROR,
					   SVIO_VIF_STATE_ERROR },
		[SVIO_VIF_STATE_ERROR] = { 3, SVIO_VIF_STATE_RESET, SVIO_VIF_STATE_ERROR,
					   SVIO_VIF_STATE_ERROR },
	};
	uint32_t from;
	uint32_t value;

	for (from = 0; from < SVIO_VIF_STATE_COUNT; from++) {
		for (value = 0; value < 4; value++) {
			enter(from);
			CU_ASSERT_EQUAL_FATAL(status(), from);
			fake_reg_write(0, SVIO_REG_CONTROL, value);
			CU_ASSERT_EQUAL(status(), expected[from][value]);
		}
	}
}

static void control_in_wrong_state_says_sequence(void)
{
	enter(SVIO_VIF_STATE_READY);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_SEQUENCE);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_NONE);
}

static void failing_over_and_over_does_not_fill_the_log(void)
{
	uint32_t i;

	for (i = 0; i < 100; i++)
		enter(SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake.hal.log_lines, 1);
	fake.hal.now_ns += 1000000000;
	enter(SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake.hal.log_lines, 2);
}

static void control_unknown_value_is_ignored(void)
{
	enter(SVIO_VIF_STATE_READY);
	fake_reg_write(0, SVIO_REG_CONTROL, 4);
	fake_reg_write(0, SVIO_REG_CONTROL, 0xffffffff);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_READY);
}

static void negotiate_each_feature_needs_what_the_list_says(void)
{
	static const struct {
		uint64_t bit;
		uint64_t needs;
	} features[] = {
#define ROW(name, number, mask, text) { 1ull << (number), (mask) },
		SVIO_FEATURE_LIST(ROW)
#undef ROW
	};
	size_t i;

	fake_config(0)->flags |= SVIO_HOST_VIF_MAP_QUEUE;
	for (i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
		uint32_t alone = features[i].needs ? SVIO_VIF_STATE_ERROR
						   : SVIO_VIF_STATE_NEGOTIATED;

		enter(SVIO_VIF_STATE_RESET);
		fake_reg_write(0, SVIO_REG_DRIVER_FEATURES_LO, (uint32_t)features[i].bit);
		fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
		CU_ASSERT_EQUAL(status(), alone);
		enter(SVIO_VIF_STATE_RESET);
		fake_reg_write(0, SVIO_REG_DRIVER_FEATURES_LO,
			       (uint32_t)(features[i].bit | features[i].needs));
		fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
		CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_NEGOTIATED);
	}
}

static void negotiate_unknown_feature_is_an_error(void)
{
	enter(SVIO_VIF_STATE_RESET);
	fake_reg_write(0, SVIO_REG_DRIVER_FEATURES_HI, 1);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_FEATURES);
}

/* Everything right but one register. */
static uint32_t enable_with(uint32_t offset, uint32_t value)
{
	enter(SVIO_VIF_STATE_NEGOTIATED);
	fake_reg_write(0, SVIO_REG_ADMIN_SQ_LO, (uint32_t)GUEST_ADMIN_SQ);
	fake_reg_write(0, SVIO_REG_ADMIN_CQ_LO, (uint32_t)GUEST_ADMIN_CQ);
	fake_reg_write(0, SVIO_REG_ADMIN_CONFIG, 3);
	fake_reg_write(0, offset, value);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	return fake_reg(0, SVIO_REG_ERROR);
}

static void enable_bad_admin_ring_is_an_error(void)
{
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_SCRATCH, 0), SVIO_ERROR_NONE);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_READY);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_SQ_LO, (uint32_t)GUEST_ADMIN_SQ + 32),
			SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CQ_LO, (uint32_t)GUEST_ADMIN_CQ + 1),
			SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_SQ_LO, (uint32_t)GUEST_UNMAPPED - 64),
			SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CQ_HI, 0x10000), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CQ_HI, 0xffffffff), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CONFIG, 2), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CONFIG, 9), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CONFIG, 16u << 16 | 3), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_ADMIN_CONFIG, 0xffffu << 16 | 3), SVIO_ERROR_NONE);
}

static void enable_without_bus_master_is_an_error(void)
{
	fake_config(0)->flags = 0;
	CU_ASSERT_EQUAL(enable_with(SVIO_REG_SCRATCH, 0), SVIO_ERROR_BUS_MASTER);
}

static void admin_tail_beyond_ring_fails_the_vif(void)
{
	enter(SVIO_VIF_STATE_READY);
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->tail = 9;
	fake_run();
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR_INFO), SVIO_QUEUE_ADMIN << 16);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR_ADDR_LO), 9);
}

static void admin_head_ahead_fails_the_vif(void)
{
	enter(SVIO_VIF_STATE_READY);
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->head = 1;
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->tail = 1;
	fake_run();
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_ADMIN_RING);
}

static void reset_clears_queues_doorbells_and_pending(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_NOP };

	guest_start_queues(&guest, 0, 0, 4);
	guest_doorbell(&guest, SVIO_QUEUE_TX, 3)->arm = 77;
	fake_slot(0)->pending = 5;
	CU_ASSERT_EQUAL(svio_fw_vif_reset(fake.fw, 0), 0);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_RESET);
	CU_ASSERT_EQUAL(guest_doorbell(&guest, SVIO_QUEUE_TX, 3)->arm, 0);
	CU_ASSERT_EQUAL(guest_doorbell(&guest, SVIO_QUEUE_RX, 0)->tail, 0);
	CU_ASSERT_EQUAL(fake_slot(0)->pending, 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_resets), 2);
	CU_ASSERT_EQUAL(guest_start(&guest, 0, 0), SVIO_VIF_STATE_READY);
	CU_ASSERT_EQUAL(guest_command(&guest, &cmd), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(guest_queue_error(&guest, SVIO_QUEUE_TX, 0), UINT32_MAX);
}

static void reset_no_such_vif_is_refused(void)
{
	CU_ASSERT_EQUAL(svio_fw_vif_reset(fake.fw, 1), -ENODEV);
	CU_ASSERT_EQUAL(svio_fw_vif_del(fake.fw, 1), -ENODEV);
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), -ENODEV);
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 0), -EEXIST);
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 1), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, FAKE_VIFS), -EINVAL);
}

#define BAD_CONFIG(field, value)                                       \
	do {                                                           \
		fake_vif_prepare(1);                                   \
		fake_config(1)->field = (value);                       \
		CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 1), -EINVAL); \
	} while (0)

#define BAD_QOS(field, value)                                          \
	do {                                                           \
		fake_vif_prepare(1);                                   \
		fake_qos(1)->field = (value);                          \
		CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 1), -EINVAL); \
	} while (0)

static void vif_add_contradictory_config_is_refused(void)
{
	BAD_CONFIG(vlan, 4095);
	BAD_CONFIG(txqs, 0);
	BAD_CONFIG(rxqs, 33);
	BAD_CONFIG(vectors, 65);
	BAD_CONFIG(vectors, 0);
	BAD_CONFIG(mtu_max, 67);
	BAD_CONFIG(mtu_max, 9001);
	BAD_QOS(priority, 8);
	BAD_QOS(priority, 256);
	BAD_QOS(weight, 65536);
	BAD_CONFIG(mac[0], 1);
	BAD_CONFIG(mac[5], 1); /* the MAC of VIF 0 */
	fake_vif_prepare(1);
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 1), 0);
}

static void vif_add_del_many_times_leaves_nothing(void)
{
	uint32_t i;

	for (i = 0; i < 300; i++) {
		fake_vif_prepare(1);
		CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, 1), 0);
		if (i % 3 == 0)
			guest_start_queues(&guest, 1, GUEST_ALL_FEATURES, 4);
		CU_ASSERT_EQUAL_FATAL(svio_fw_vif_del(fake.fw, 1), 0);
		fake_slot(1)->in_use = 0;
	}
	CU_ASSERT_EQUAL(fake_reg(1, SVIO_REG_MAGIC), 0);
}

static void vif_update_contradictory_changes_nothing(void)
{
	fake_config(0)->mtu_max = 1;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), -EINVAL);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_MTU_MAX), 9000);
}

static void vif_update_link_tells_the_guest(void)
{
	struct svio_admin_cmpl cmpl;

	enter(SVIO_VIF_STATE_READY);
	fake_config(0)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	fake_qos(0)->max_bps = 50000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_admin_next(&guest, &cmpl));
	CU_ASSERT_EQUAL(cmpl.event, SVIO_EVENT_LINK);
	CU_ASSERT_EQUAL(cmpl.result, 0);
	CU_ASSERT_EQUAL(cmpl.detail, 50);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_LINK), 0);
	CU_ASSERT_FALSE(guest_admin_next(&guest, &cmpl));
}

static void wire_link_speed_reaches_vifs_without_ceiling(void)
{
	svio_fw_wire_link(fake.fw, true, 25000);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_LINK_SPEED), 25000);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_LINK), SVIO_LINK_UP);
	svio_fw_wire_link(fake.fw, false, 0);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_LINK), SVIO_LINK_UP);
}

static void object_lost_fails_the_vif_that_maps_it(void)
{
	static struct guest other;

	fake_vif_add(1);
	enter(SVIO_VIF_STATE_READY);
	guest_start_queues(&other, 1, 0, 4);
	fake.hal.object_lost = 1;
	svio_fw_object_lost(fake.fw, 1);
	CU_ASSERT_EQUAL(status(), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_MEMORY_GONE);
	CU_ASSERT_EQUAL(fake_reg(1, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
}

/* A VIF that maps nothing uses nobody's memory. */
static void object_lost_spares_a_vif_without_maps(void)
{
	fake_vif_prepare(2);
	CU_ASSERT_EQUAL(fake_unmap(2, 0, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(svio_fw_vif_add(fake.fw, 2), 0);
	fake.hal.object_lost = 1;
	svio_fw_object_lost(fake.fw, 1);
	CU_ASSERT_EQUAL(fake_reg(2, SVIO_REG_STATUS), SVIO_VIF_STATE_RESET);
	fake_config(2)->domain = 0;
	svio_fw_object_lost(fake.fw, 1);
	CU_ASSERT_EQUAL(fake_reg(2, SVIO_REG_STATUS), SVIO_VIF_STATE_RESET);
}

static void attach_foreign_segment_is_refused(void)
{
	struct svio_hal_ops ops = { 0 };
	struct svio_fw *fw;

	CU_ASSERT_EQUAL(svio_fw_attach(NULL, fake.segment, &fake, &fake.hal, &ops, 0, &fw),
			-EINVAL);
	fake.segment->version++;
	CU_ASSERT_EQUAL(fake_try_attach(), -EPROTO);
	fake.segment->version--;
	fake.segment->bytes = 4096;
	CU_ASSERT_EQUAL(fake_try_attach(), -EPROTO);
}

SVIO_TEST_MAIN_WITH("firmware vif", setup, fake_free,
		    SVIO_TEST(control_every_state_and_value_moves_as_specified),
		    SVIO_TEST(control_in_wrong_state_says_sequence),
		    SVIO_TEST(failing_over_and_over_does_not_fill_the_log),
		    SVIO_TEST(control_unknown_value_is_ignored),
		    SVIO_TEST(negotiate_each_feature_needs_what_the_list_says),
		    SVIO_TEST(negotiate_unknown_feature_is_an_error),
		    SVIO_TEST(enable_bad_admin_ring_is_an_error),
		    SVIO_TEST(enable_without_bus_master_is_an_error),
		    SVIO_TEST(admin_tail_beyond_ring_fails_the_vif),
		    SVIO_TEST(admin_head_ahead_fails_the_vif),
		    SVIO_TEST(reset_clears_queues_doorbells_and_pending),
		    SVIO_TEST(reset_no_such_vif_is_refused),
		    SVIO_TEST(vif_add_contradictory_config_is_refused),
		    SVIO_TEST(vif_add_del_many_times_leaves_nothing),
		    SVIO_TEST(vif_update_contradictory_changes_nothing),
		    SVIO_TEST(vif_update_link_tells_the_guest),
		    SVIO_TEST(wire_link_speed_reaches_vifs_without_ceiling),
		    SVIO_TEST(object_lost_fails_the_vif_that_maps_it),
		    SVIO_TEST(object_lost_spares_a_vif_without_maps),
		    SVIO_TEST(attach_foreign_segment_is_refused))
