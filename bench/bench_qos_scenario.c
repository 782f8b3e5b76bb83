/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The scenarios of svio-bench qos. The port has 1 Gbit/s in all of them: little
 * enough that two shared processors hold it, with 64-byte frames, too.
 */
#include "bench_qos.h"
#include "svio_sched.h"

#define FULL  1500
#define SHORT 64

/* clang-format off */
const struct qos_scenario qos_scenarios[] = {
	{ .name = "equal", .title = "equal shares",
	  .vifs = { { .name = "a", .frame_bytes = FULL, .wire_mbps = 250 },
		    { .name = "b", .frame_bytes = FULL, .wire_mbps = 250 },
		    { .name = "c", .frame_bytes = FULL, .wire_mbps = 250 },
		    { .name = "d", .frame_bytes = FULL, .wire_mbps = 250 } } },
	{ .name = "lengths", .title = "equal shares, frames of 64, 512, 1500 B",
	  .vifs = { { .name = "short", .frame_bytes = SHORT, .wire_mbps = QOS_PORT_MBPS / 3 },
		    { .name = "middle", .frame_bytes = 512, .wire_mbps = QOS_PORT_MBPS / 3 },
		    { .name = "full", .frame_bytes = FULL, .wire_mbps = QOS_PORT_MBPS / 3 } } },
	{ .name = "weights", .title = "weights 1 : 2 : 4",
	  .vifs = { { .name = "one", .settings = "\"weight\": 1", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS / 7 },
		    { .name = "two", .settings = "\"weight\": 2", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS * 2 / 7 },
		    { .name = "four", .settings = "\"weight\": 4", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS * 4 / 7 } } },
	{ .name = "min", .title = "min of 300M beside a flood of 64 B at priority 7",
	  .vifs = { { .name = "min", .settings = "\"min_bps\": 300000000", .frame_bytes = FULL,
		      .wire_mbps = 300 },
		    { .name = "flood", .settings = "\"priority\": 7", .frame_bytes = SHORT,
		      .wire_mbps = 700 } } },
	{ .name = "max", .title = "max of 100M and 300M, and none",
	  .vifs = { { .name = "max100", .settings = "\"max_bps\": 100000000", .frame_bytes = FULL,
		      .wire_mbps = 100 },
		    { .name = "max300", .settings = "\"max_bps\": 300000000", .frame_bytes = FULL,
		      .wire_mbps = 300 },
		    { .name = "rest", .frame_bytes = FULL, .wire_mbps = 600 } } },
	{ .name = "priority-low-alone", .title = "three service levels: low alone",
	  .vifs = { { .name = "high", .settings = "\"priority\": 7" },
		    { .name = "medium", .settings = "\"priority\": 4" },
		    { .name = "low", .settings = "\"priority\": 1", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS } } },
	{ .name = "priority-medium-alone", .title = "three service levels: medium alone",
	  .vifs = { { .name = "high", .settings = "\"priority\": 7" },
		    { .name = "medium", .settings = "\"priority\": 4", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS },
		    { .name = "low", .settings = "\"priority\": 1" } } },
	{ .name = "priority-high-alone", .title = "three service levels: high alone",
	  .vifs = { { .name = "high", .settings = "\"priority\": 7", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS },
		    { .name = "medium", .settings = "\"priority\": 4" },
		    { .name = "low", .settings = "\"priority\": 1" } } },
	{ .name = "priority-together", .title = "three service levels together",
	  .vifs = { { .name = "high", .settings = "\"priority\": 7", .frame_bytes = FULL,
		      .wire_mbps = QOS_PORT_MBPS },
		    { .name = "medium", .settings = "\"priority\": 4", .frame_bytes = FULL,
		      .wire_mbps = 0 },
		    { .name = "low", .settings = "\"priority\": 1", .frame_bytes = FULL,
		      .wire_mbps = 0 } } },
	{ .name = "groups", .title = "group x (weight 3): VIFs 1 : 2; group y (1): three VIFs",
	  .groups = { { .name = "x", .settings = "\"weight\": 3" },
		      { .name = "y", .settings = "\"weight\": 1" } },
	  .vifs = { { .name = "x1", .group = "x", .frame_bytes = FULL, .wire_mbps = 250 },
		    { .name = "x2", .group = "x", .settings = "\"weight\": 2", .frame_bytes = FULL,
		      .wire_mbps = 500 },
		    { .name = "y1", .group = "y", .frame_bytes = FULL, .wire_mbps = 250.0 / 3 },
		    { .name = "y2", .group = "y", .frame_bytes = FULL, .wire_mbps = 250.0 / 3 },
		    { .name = "y3", .group = "y", .frame_bytes = FULL,
		      .wire_mbps = 250.0 / 3 } } },
	{ .name = "changes", .title = "a VIF changes 100 times a second, a and b have 350M",
	  .vifs = { { .name = "a", .settings = "\"max_bps\": 350000000, \"priority\": 5",
		      .frame_bytes = FULL, .wire_mbps = 350 },
		    { .name = "b", .settings = "\"min_bps\": 350000000, \"max_bps\": 350000000",
		      .frame_bytes = SHORT, .wire_mbps = 350 },
		    { .name = "changing", .settings = "\"max_bps\": 100000000, \"priority\": 3",
		      .frame_bytes = FULL, .wire_mbps = 175,
		      .changes = { "\"max_bps\": 250000000, \"weight\": 9, \"priority\": 4",
				   "\"max_bps\": 100000000, \"weight\": 1, \"priority\": 3" } },
		    { .name = "rest", .frame_bytes = FULL, .wire_mbps = 125 } } },
	/* 1000 - 100 - 200 - 100 - 80 = 520 are left to weights 1 + 2 + 1. */
	{ .name = "everything", .title = "min, max, weights, priorities, a flood of 64 B, 100 changes/s",
	  .vifs = { { .name = "high", .settings = "\"max_bps\": 100000000, \"priority\": 7",
		      .frame_bytes = FULL, .wire_mbps = 100 },
		    { .name = "changing", .settings = "\"max_bps\": 50000000, \"priority\": 3",
		      .frame_bytes = FULL, .wire_mbps = 100,
		      .changes = { "\"max_bps\": 150000000, \"weight\": 9, \"priority\": 4",
				   "\"max_bps\": 50000000, \"weight\": 1, \"priority\": 3" } },
		    { .name = "min", .settings = "\"min_bps\": 200000000", .frame_bytes = FULL,
		      .wire_mbps = 330 },
		    { .name = "max", .settings = "\"max_bps\": 80000000, \"weight\": 10",
		      .frame_bytes = FULL, .wire_mbps = 80 },
		    { .name = "weight2", .settings = "\"weight\": 2", .frame_bytes = FULL,
		      .wire_mbps = 260 },
		    { .name = "flood", .frame_bytes = SHORT, .wire_mbps = 130 } } },
};
/* clang-format on */

const size_t qos_scenario_count = sizeof(qos_scenarios) / sizeof(qos_scenarios[0]);

double qos_expected_mbps(const struct qos_vif *vif)
{
	return vif->wire_mbps * vif->frame_bytes / (vif->frame_bytes + SVIO_SCHED_FRAMING_BYTES);
}
