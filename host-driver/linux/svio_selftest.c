// SPDX-License-Identifier: GPL-2.0-only
#include "svio_selftest.h"

#include <linux/ethtool.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"

enum access {
	RO,
	RW,
	WO,
};

struct reg_info {
	u32 offset;
	enum access access;
	u32 reset; /* of an RO register: 0 may be anything */
};

static const struct reg_info registers[] = {
#define REG_INFO(name, offset, access, reset, text) { offset, access, reset },
	SVIO_REG_LIST(REG_INFO)
#undef REG_INFO
};

static const u32 patterns[] = { 0x5a5a5a5a, 0xa5a5a5a5, 0x00000000, 0xffffffff };

/* A register keeps what is written if it is RW, and does not care if it is RO. */
static bool test_register(struct svio_hw *hw, const struct reg_info *reg)
{
	void __iomem *address = hw->regs + reg->offset;
	u32 before = readl(address);
	bool good = true;
	int i;

	if (reg->access == WO)
		return before == 0; /* a write would be an action */
	if (reg->reset && before != reg->reset)
		good = false;
	for (i = 0; i < ARRAY_SIZE(patterns); i++) {
		writel(patterns[i], address);
		if (readl(address) != (reg->access == RW ? patterns[i] : before))
			good = false;
	}
	if (reg->access == RW)
		writel(before, address);
	return good;
}

/* All registers, in state RESET, where none of them means anything yet. */
static bool test_registers(struct svio *svio)
{
	bool good = true;
	int i;

	for (i = 0; i < ARRAY_SIZE(registers); i++) {
		if (test_register(&svio->hw, &registers[i]))
			continue;
		netdev_err(svio->netdev, "self test: register %#x fails\n", registers[i].offset);
		good = false;
	}
	return good;
}

static bool test_scratch(struct svio *svio)
{
	const struct reg_info scratch = { SVIO_REG_SCRATCH, RW, 0 };

	return test_register(&svio->hw, &scratch);
}

static bool test_admin(struct svio *svio)
{
	return !svio_cmd_nop(svio);
}

static bool test_link(struct svio *svio)
{
	bool up = false;
	u32 speed;

	return !svio_cmd_link_get(svio, &up, &speed) && up;
}

static const struct {
	const char *name;
	bool (*run)(struct svio *svio);
	bool offline;
} tests[] = {
	{ "registers (offline)", test_registers, true },
	{ "scratch register (online)", test_scratch, false },
	{ "admin queue (online)", test_admin, false },
	{ "link (online)", test_link, false },
};

int svio_selftest_count(void)
{
	return ARRAY_SIZE(tests);
}

void svio_selftest_strings(u8 *data)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++)
		ethtool_puts(&data, tests[i].name);
}

static void run_some(struct svio *svio, bool offline, struct ethtool_test *test, u64 *results)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(tests); i++) {
		if (tests[i].offline != offline)
			continue;
		results[i] = !tests[i].run(svio);
		if (results[i])
			test->flags |= ETH_TEST_FL_FAILED;
	}
}

void svio_selftest_run(struct svio *svio, struct ethtool_test *test, u64 *results)
{
	int err = 0;

	memset(results, 0, ARRAY_SIZE(tests) * sizeof(*results));
	if (test->flags & ETH_TEST_FL_OFFLINE) {
		svio_pairs_down_reset(svio);
		run_some(svio, true, test, results);
		if (netif_running(svio->netdev))
			err = svio_netdev_up(svio);
		else
			err = svio_device_start(svio);
		if (err) {
			test->flags |= ETH_TEST_FL_FAILED;
			svio_reset_schedule(svio);
		}
	}
	run_some(svio, false, test, results);
}
