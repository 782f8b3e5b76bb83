/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Points in time to 2^-32 ns, and what a byte or a packet costs in them, private
 * to vif-sched.
 *
 * A rate is kept as its inverse, in 2^-32 ns a unit, rounded up: 1.2e-8 too slow
 * at 400 Gbit/s, less below. A cost of 2^30 bytes at 1 kbit/s is below 2^54 ns.
 */
#ifndef SCHED_CLOCK_H
#define SCHED_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

__extension__ typedef unsigned __int128 sched_uint128;

/* Packed, so that something else fits beside it. */
struct __attribute__((packed, aligned(4))) sched_clock {
	uint64_t ns;
	uint32_t fraction; /* 2^-32 ns */
};

/* Times and tags are compared modulo 2^64. */
static inline bool sched_before(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

static inline uint64_t sched_later(uint64_t a, uint64_t b)
{
	return sched_before(a, b) ? b : a;
}

static inline uint64_t sched_earlier(uint64_t a, uint64_t b)
{
	return sched_before(a, b) ? a : b;
}

static inline void sched_clock_set(struct sched_clock *clock, uint64_t ns)
{
	clock->ns = ns;
	clock->fraction = 0;
}

/* How long so many units take, rounded down. */
static inline uint64_t sched_units_ns(uint64_t cost, uint64_t units)
{
	return (uint64_t)((sched_uint128)cost * units >> 32);
}

/* cost: below 2^62; units: at most 2^30. */
static inline void sched_clock_advance(struct sched_clock *clock, uint64_t cost, uint64_t units)
{
	sched_uint128 sum = (sched_uint128)cost * units + clock->fraction;

	clock->fraction = (uint32_t)sum;
	clock->ns += (uint64_t)(sum >> 32);
}

/* The first whole nanosecond that is not before it. */
static inline uint64_t sched_clock_reached_ns(const struct sched_clock *clock)
{
	return clock->ns + (clock->fraction != 0);
}

/* a * b / c, rounded down; the result must fit. For settings, not for packets: 128 steps. */
uint64_t sched_mul_div(uint64_t a, uint64_t b, uint64_t c);
uint64_t sched_mul_div_up(uint64_t a, uint64_t b, uint64_t c);

/* Cost of a unit that takes numerator_ns at a rate of 1, in 2^-32 ns; 0: no rate. */
uint64_t sched_cost(uint64_t numerator_ns, uint64_t rate);

#endif /* SCHED_CLOCK_H */
