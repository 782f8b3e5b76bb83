/* SPDX-License-Identifier: BSD-3-Clause */
/* svio_hal_now_ns(): never backwards, never behind the kernel's clock at a correction. */
#include "port.h"
#include "svio_test.h"

static void clock_before_calibration_is_the_kernels(void)
{
	uint64_t before, now, after;

	svio_port_clock_start();
	before = svio_hal_clock_kernel_ns();
	now = svio_hal_now_ns();
	after = svio_hal_clock_kernel_ns();
	CU_ASSERT_TRUE(before <= now && now <= after);
}

static void prop_clock_never_goes_back(void)
{
	uint64_t end, last, back = 0, behind = 0, ticks = 0;

	svio_port_clock_start();
	last = svio_hal_now_ns();
	end = last + 60000000;
	while (last < end) {
		uint64_t kernel = svio_hal_clock_kernel_ns(), now;
		int i;

		svio_port_clock_tick();
		ticks++;
		now = svio_hal_now_ns();
		/* The corrected clock starts from a reading of the kernel's after this one. */
		behind += now < kernel;
		for (i = 0; i < 1000; i++) {
			now = svio_hal_now_ns();
			back += now < last;
			last = now;
		}
	}
	CU_ASSERT_EQUAL(back, 0);
	CU_ASSERT_EQUAL(behind, 0);
	CU_ASSERT_TRUE(ticks > 0);
}

SVIO_TEST_MAIN("port clock", SVIO_TEST(clock_before_calibration_is_the_kernels),
	       SVIO_TEST(prop_clock_never_goes_back))
