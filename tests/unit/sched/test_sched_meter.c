/* SPDX-License-Identifier: BSD-3-Clause */
/* vif-sched: the meter on its own. */
#include "sched_fixture.h"

#define LARGEST SVIO_SCHED_PACKET_BYTES_MAX

static void pass_zero_meter_passes_everything(void)
{
	struct svio_sched_meter meter = { 0 };

	CU_ASSERT(svio_sched_meter_pass(&meter, UINT32_MAX, 0));
	CU_ASSERT(svio_sched_meter_pass(&meter, UINT32_MAX, 0));
	svio_sched_meter_set(&meter, 0, 0, 5);
	CU_ASSERT(svio_sched_meter_pass(&meter, UINT32_MAX, 5));
}

static void pass_burst_then_the_rate_to_the_byte(void)
{
	struct svio_sched_meter meter = { 0 };
	uint64_t now_ns = START_NS;

	/* 8 Mbit/s: one byte a microsecond. */
	svio_sched_meter_set(&meter, 8 * MBPS, 2 * LARGEST, now_ns);
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, now_ns));
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, now_ns));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, now_ns));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1500, now_ns + 1500000 - 1));
	CU_ASSERT(svio_sched_meter_pass(&meter, 1500, now_ns + 1500000));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, now_ns + 1500000 + 999));
	CU_ASSERT(svio_sched_meter_pass(&meter, 1, now_ns + 1500000 + 1000));
}

static void pass_odd_rate_does_not_drift(void)
{
	struct svio_sched_meter meter = { 0 };
	uint64_t now_ns = START_NS;
	uint64_t bytes = 0;
	uint64_t i;

	/* Asked every 7 ns for a million times: 7 ms of 333333333 bit/s. */
	svio_sched_meter_set(&meter, 333333333, LARGEST, now_ns);
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, now_ns));
	for (i = 0; i < 1000000; i++) {
		now_ns += 7;
		bytes += svio_sched_meter_pass(&meter, 1, now_ns);
	}
	CU_ASSERT_EQUAL(bytes, 333333333ull * 7000000 / 8 / SECOND);
}

static void pass_more_than_the_burst_never(void)
{
	struct svio_sched_meter meter = { 0 };

	svio_sched_meter_set(&meter, GBPS, 1, 0);
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, LARGEST + 1, SECOND));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, UINT32_MAX, SECOND));
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, SECOND));
}

static void pass_after_a_very_long_time_is_a_burst_no_more(void)
{
	struct svio_sched_meter meter = { 0 };
	const uint64_t later_ns = INT64_MAX;

	svio_sched_meter_set(&meter, SVIO_SCHED_BPS_MAX, UINT32_MAX, 0);
	CU_ASSERT(svio_sched_meter_pass(&meter, SVIO_SCHED_BURST_BYTES_MAX, later_ns));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, later_ns));
	CU_ASSERT(svio_sched_meter_pass(&meter, SVIO_SCHED_BURST_BYTES_MAX, later_ns + later_ns));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, later_ns + later_ns));
}

/* 2^26 ns at 2^38 bit/s: a product of 2^64 tokens must not look like none. */
static void pass_after_a_product_that_wraps_is_full(void)
{
	struct svio_sched_meter meter = { 0 };

	svio_sched_meter_set(&meter, 1ull << 38, SVIO_SCHED_BURST_BYTES_MAX, 0);
	CU_ASSERT(svio_sched_meter_pass(&meter, SVIO_SCHED_BURST_BYTES_MAX, 0));
	CU_ASSERT(svio_sched_meter_pass(&meter, SVIO_SCHED_BURST_BYTES_MAX, 1ull << 26));
}

static void pass_clock_that_goes_back_gives_nothing(void)
{
	struct svio_sched_meter meter = { 0 };

	svio_sched_meter_set(&meter, 8 * MBPS, LARGEST, SECOND);
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, SECOND));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, 0));
	CU_ASSERT_FALSE(svio_sched_meter_pass(&meter, 1, SECOND + 999));
	CU_ASSERT(svio_sched_meter_pass(&meter, 1, SECOND + 1000));
}

static void set_again_keeps_tokens(void)
{
	struct svio_sched_meter meter = { 0 };
	uint64_t passed = 0;
	uint64_t now_ns;

	svio_sched_meter_set(&meter, 8 * MBPS, LARGEST, 0);
	CU_ASSERT(svio_sched_meter_pass(&meter, LARGEST, 0));
	for (now_ns = 0; now_ns < 10 * MS; now_ns += 1000) {
		svio_sched_meter_set(&meter, now_ns / 1000 % 2 ? 8 * MBPS : 16 * MBPS, LARGEST,
				     now_ns);
		while (svio_sched_meter_pass(&meter, 1, now_ns))
			passed++;
	}
	/* Half of the time at each rate; no burst is given anew. */
	CU_ASSERT(passed >= 14999 && passed <= 15000);
}

static void set_rates_out_of_range_are_brought_in(void)
{
	struct svio_sched_meter meter = { 0 };

	svio_sched_meter_set(&meter, 1, LARGEST, 0);
	CU_ASSERT_EQUAL(meter.rate, SVIO_SCHED_BPS_MIN);
	svio_sched_meter_set(&meter, UINT64_MAX, 0, 0);
	CU_ASSERT_EQUAL(meter.rate, SVIO_SCHED_BPS_MAX);
	CU_ASSERT(meter.depth > 0);
}

SVIO_TEST_MAIN("sched meter", SVIO_TEST(pass_zero_meter_passes_everything),
	       SVIO_TEST(pass_burst_then_the_rate_to_the_byte),
	       SVIO_TEST(pass_odd_rate_does_not_drift), SVIO_TEST(pass_more_than_the_burst_never),
	       SVIO_TEST(pass_after_a_very_long_time_is_a_burst_no_more),
	       SVIO_TEST(pass_after_a_product_that_wraps_is_full),
	       SVIO_TEST(pass_clock_that_goes_back_gives_nothing),
	       SVIO_TEST(set_again_keeps_tokens), SVIO_TEST(set_rates_out_of_range_are_brought_in))
