/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Token buckets in exact integers, private to vif-sched.
 *
 * Tokens are in 10^-9 units: elapsed nanoseconds times units a second, with no
 * division and no remainder. |tokens| <= 2^30 bytes = 8.6e18 < 2^63, so the room
 * between the deepest debt and a full bucket fits 64 bits unsigned, and
 * a product that overflows is more than any room.
 */
#ifndef SCHED_METER_H
#define SCHED_METER_H

#include "svio_sched.h"

#define SCHED_TOKENS_PER_BYTE   8000000000ll /* units: bits */
#define SCHED_TOKENS_PER_PACKET 1000000000ll /* units: packets */
#define SCHED_TOKENS_DEBT_MAX   (SVIO_SCHED_BURST_BYTES_MAX * SCHED_TOKENS_PER_BYTE)

/* Bring tokens up to date. A clock that goes back stands still until it is past again. */
static inline void sched_meter_fill(struct svio_sched_meter *meter, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - meter->filled_ns;
	uint64_t room = (uint64_t)meter->depth - (uint64_t)meter->tokens;
	uint64_t tokens;

	if (elapsed_ns > INT64_MAX)
		return;
	meter->filled_ns = now_ns;
	if (__builtin_mul_overflow(elapsed_ns, meter->rate, &tokens) || tokens >= room)
		meter->tokens = meter->depth;
	else
		/* Unsigned: the room may be more than half of 64 bits. */
		meter->tokens = (int64_t)((uint64_t)meter->tokens + tokens);
}

/* Take cost, into debt if need be. */
static inline void sched_meter_take(struct svio_sched_meter *meter, int64_t cost)
{
	if (meter->tokens < cost - SCHED_TOKENS_DEBT_MAX)
		meter->tokens = -SCHED_TOKENS_DEBT_MAX;
	else
		meter->tokens -= cost;
}

/* When a filled meter that is short of wanted tokens will have them. */
static inline uint64_t sched_meter_reach_ns(const struct svio_sched_meter *meter, int64_t wanted)
{
	uint64_t missing = (uint64_t)wanted - (uint64_t)meter->tokens;

	return meter->filled_ns + missing / meter->rate + (missing % meter->rate != 0);
}

/*
 * Give a meter a rate and a depth. One that had none before starts with tokens
 * (at most depth); else its tokens stay, cut to the new depth.
 */
void svio_sched_meter_change(struct svio_sched_meter *meter, uint64_t rate, int64_t depth,
			     int64_t tokens, uint64_t now_ns);

#endif /* SCHED_METER_H */
