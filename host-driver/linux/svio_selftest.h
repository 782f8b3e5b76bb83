/* SPDX-License-Identifier: GPL-2.0-only */
/* ethtool -t */
#ifndef SVIO_SELFTEST_H
#define SVIO_SELFTEST_H

#include <linux/ethtool.h>
#include <linux/types.h>

struct svio;

int svio_selftest_count(void);
void svio_selftest_strings(u8 *data);

/* Results are 0 (passed) or 1. ETH_TEST_FL_OFFLINE: stops traffic too. Under rtnl. */
void svio_selftest_run(struct svio *svio, struct ethtool_test *test, u64 *results);

#endif /* SVIO_SELFTEST_H */
