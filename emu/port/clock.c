/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Calibration of the cycle counter against CLOCK_MONOTONIC.
 *
 * No time is spent waiting: until the two clocks have run side by side for
 * BASELINE_MIN_NS the kernel's is used, and the rate gets better as the
 * baseline grows. DPDK would sleep 100 ms for the same where the processor does
 * not tell its frequency (virtual machines), a third of a restart's pause.
 */
#include "port.h"

#ifdef __x86_64__
#include <cpuid.h>
#endif

#define BASELINE_MIN_NS 10000000ull

struct svio_hal_clock svio_hal_clock;

static struct {
	bool usable; /* the counter runs at a constant rate, also in sleep states */
	uint64_t cycles;
	uint64_t ns;
} origin;

#ifdef __x86_64__
static uint64_t read_cycles(void)
{
	return svio_hal_cycles();
}

static bool cycles_constant(void)
{
	unsigned int a, b, c, d;

	/* Invariant TSC: AMD64 manual volume 3, CPUID Fn8000_0007 EDX bit 8. */
	return __get_cpuid(0x80000007, &a, &b, &c, &d) && (d & 0x100);
}
#else
static uint64_t read_cycles(void)
{
	return 0;
}

static bool cycles_constant(void)
{
	return false;
}
#endif

/* Both clocks at one moment: of a few tries the one that took the fewest cycles. */
static void read_both(uint64_t *cycles, uint64_t *ns)
{
	uint64_t best = UINT64_MAX;
	int i;

	*cycles = 0;
	*ns = 0;

	for (i = 0; i < 5; i++) {
		uint64_t before = read_cycles();
		uint64_t now = svio_hal_clock_kernel_ns();
		uint64_t after = read_cycles();

		if (after - before < best) {
			best = after - before;
			*cycles = before + (after - before) / 2;
			*ns = now;
		}
	}
}

void svio_port_clock_start(void)
{
	svio_hal_clock.mult = 0;
	origin.usable = cycles_constant();
	read_both(&origin.cycles, &origin.ns);
}

void svio_port_clock_tick(void)
{
	uint64_t cycles, ns, then;

	if (!origin.usable)
		return;
	read_both(&cycles, &ns);
	if (ns - origin.ns < BASELINE_MIN_NS)
		return;
	/* Never backwards: a clock that ran ahead stands still until the kernel's has caught up. */
	then = svio_hal_now_ns();
	svio_hal_clock.base_ns = ns > then ? ns : then;
	svio_hal_clock.base_cycles = read_cycles();
	svio_hal_clock.mult =
		(uint64_t)(((unsigned __int128)(ns - origin.ns) << 32) / (cycles - origin.cycles));
}
