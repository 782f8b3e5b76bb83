/* SPDX-License-Identifier: BSD-3-Clause */
/* BAR0 against SVIO_REG_LIST: offsets, access rules, reset values. */
#include <errno.h>
#include <string.h>

#include "guest.h"
#include "svio_pci.h"
#include "svio_regs.h"
#include "svio_test.h"

enum access {
	RO,
	RW,
	WO
};

static const struct {
	const char *name;
	uint32_t offset;
	enum access access;
	uint32_t reset;
} regs[] = {
#define ROW(name, at, how, value, text) { #name, (at), how, (value) },
	SVIO_REG_LIST(ROW)
#undef ROW
};

#define REGS (sizeof(regs) / sizeof(regs[0]))

static void setup(void)
{
	fake_init();
	fake_vif_add(0);
}

static bool is_register(uint32_t offset)
{
	size_t i;

	for (i = 0; i < REGS; i++) {
		if (regs[i].offset == offset)
			return true;
	}
	return false;
}

static void image(uint32_t *words)
{
	memcpy(words, fake_slot(0)->regs, SVIO_REGS_IMAGE_BYTES);
}

static void reset_values_are_those_of_the_list(void)
{
	size_t i;

	for (i = 0; i < REGS; i++) {
		/* A zero in an RO register may be the VIF's own value. */
		if (regs[i].access == RO && !regs[i].reset)
			continue;
		CU_ASSERT_EQUAL(fake_reg(0, regs[i].offset), regs[i].reset);
	}
}

static void own_values_are_those_of_the_config(void)
{
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_MAC_LO), 0x00000002);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_MAC_HI), 0x0100);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_QUEUES), 4u << 16 | 4);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_VECTORS), 16);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_LINK), SVIO_LINK_UP);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_SEGS_MAX), SVIO_TX_SEGS_MAX);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_FEATURES_LO), GUEST_ALL_FEATURES);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_FEATURES_HI), 0);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_FW_GENERATION), 1);
}

static void reg_write_ro_is_ignored(void)
{
	uint32_t before[SVIO_REGS_IMAGE_BYTES / 4];
	uint32_t after[SVIO_REGS_IMAGE_BYTES / 4];
	size_t i;

	image(before);
	for (i = 0; i < REGS; i++) {
		if (regs[i].access == RO)
			fake_reg_write(0, regs[i].offset, 0xdeadbeef);
	}
	image(after);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(before)), 0);
}

static void reg_write_rw_reads_back(void)
{
	size_t i;

	for (i = 0; i < REGS; i++) {
		if (regs[i].access == RW)
			fake_reg_write(0, regs[i].offset, 0xa5a50000u + (uint32_t)i);
	}
	for (i = 0; i < REGS; i++) {
		if (regs[i].access == RW)
			CU_ASSERT_EQUAL(fake_reg(0, regs[i].offset), 0xa5a50000u + (uint32_t)i);
	}
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	for (i = 0; i < REGS; i++) {
		if (regs[i].access == RW)
			CU_ASSERT_EQUAL(fake_reg(0, regs[i].offset), 0);
	}
}

static void reg_write_wo_reads_zero(void)
{
	size_t i;

	for (i = 0; i < REGS; i++) {
		if (regs[i].access != WO)
			continue;
		fake_reg_write(0, regs[i].offset, 0x77);
		CU_ASSERT_EQUAL(fake_reg(0, regs[i].offset), 0);
	}
}

static void reg_write_unknown_offset_changes_nothing(void)
{
	uint32_t before[SVIO_REGS_IMAGE_BYTES / 4];
	uint32_t after[SVIO_REGS_IMAGE_BYTES / 4];
	uint32_t offset;

	image(before);
	for (offset = 0; offset < SVIO_BAR_REGS_BYTES; offset += 4) {
		if (!is_register(offset))
			CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, 0, offset, 0xffffffff), 0);
	}
	image(after);
	CU_ASSERT_EQUAL(memcmp(before, after, sizeof(before)), 0);
}

static void reg_write_misaligned_or_beyond_is_refused(void)
{
	uint32_t offset;

	for (offset = 0; offset < 0x100; offset++) {
		if (offset % 4)
			CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, 0, offset, 1), -EINVAL);
	}
	CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, 0, SVIO_BAR_REGS_BYTES, 1), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, 0, UINT32_MAX - 3, 1), -EINVAL);
	CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, 1, 0, 1), -ENODEV);
	CU_ASSERT_EQUAL(svio_fw_reg_write(fake.fw, UINT32_MAX, 0, 1), -ENODEV);
}

static uint64_t window(enum svio_counter counter)
{
	uint64_t value;

	memcpy(&value, fake_slot(0)->regs + SVIO_REG_COUNTERS + 8 * (size_t)counter, sizeof(value));
	return value;
}

static void snapshot_copies_counters(void)
{
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	fake_reg_write(0, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	CU_ASSERT_EQUAL(window(SVIO_COUNTER_resets), 0);
	fake_reg_write(0, SVIO_REG_SNAPSHOT, 0);
	CU_ASSERT_EQUAL(window(SVIO_COUNTER_resets), 2);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_resets), 2);
}

SVIO_TEST_MAIN_WITH("firmware registers", setup, fake_free,
		    SVIO_TEST(reset_values_are_those_of_the_list),
		    SVIO_TEST(own_values_are_those_of_the_config),
		    SVIO_TEST(reg_write_ro_is_ignored), SVIO_TEST(reg_write_rw_reads_back),
		    SVIO_TEST(reg_write_wo_reads_zero),
		    SVIO_TEST(reg_write_unknown_offset_changes_nothing),
		    SVIO_TEST(reg_write_misaligned_or_beyond_is_refused),
		    SVIO_TEST(snapshot_copies_counters))
