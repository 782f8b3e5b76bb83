/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_clock.h"

/* Bit by bit: the compiler would call a function that a device has not. */
uint64_t sched_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
	sched_uint128 product = (sched_uint128)a * b;
	sched_uint128 rest = 0;
	uint64_t quotient = 0;
	int bit;

	for (bit = 127; bit >= 0; bit--) {
		rest = rest << 1 | (product >> bit & 1);
		quotient <<= 1;
		if (rest >= c) {
			rest -= c;
			quotient |= 1;
		}
	}
	return quotient;
}

uint64_t sched_mul_div_up(uint64_t a, uint64_t b, uint64_t c)
{
	uint64_t quotient = sched_mul_div(a, b, c);

	return quotient + ((sched_uint128)quotient * c != (sched_uint128)a * b);
}

uint64_t sched_cost(uint64_t numerator_ns, uint64_t rate)
{
	return rate ? sched_mul_div_up(numerator_ns, 1ull << 32, rate) : 0;
}
