/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_meter.h"

#define RECEIVE_BURST_PACKETS 4
#define RECEIVE_BURST_NS      4000000ull
#define NS_PER_S              1000000000ull

void svio_sched_meter_change(struct svio_sched_meter *meter, uint64_t rate, int64_t depth,
			     int64_t tokens, uint64_t now_ns)
{
	if (meter->rate && rate) {
		sched_meter_fill(meter, now_ns);
		tokens = meter->tokens;
	} else {
		meter->filled_ns = now_ns;
	}
	meter->rate = rate;
	meter->depth = depth;
	meter->tokens = tokens < depth ? tokens : depth;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
	if (value < low)
		return low;
	return value > high ? high : value;
}

void svio_sched_meter_set(struct svio_sched_meter *meter, uint64_t bps, uint32_t burst_bytes,
			  uint64_t now_ns)
{
	uint64_t rate = bps ? clamp(bps, SVIO_SCHED_BPS_MIN, SVIO_SCHED_BPS_MAX) : 0;
	uint64_t burst = burst_bytes;
	int64_t depth;

	if (burst == 0)
		burst = clamp(rate / 8 * RECEIVE_BURST_NS / NS_PER_S,
			      RECEIVE_BURST_PACKETS * (uint64_t)SVIO_SCHED_PACKET_BYTES_MAX,
			      SVIO_SCHED_BURST_BYTES_MAX);
	burst = clamp(burst, SVIO_SCHED_PACKET_BYTES_MAX, SVIO_SCHED_BURST_BYTES_MAX);
	depth = (int64_t)burst * SCHED_TOKENS_PER_BYTE;
	svio_sched_meter_change(meter, rate, depth, depth, now_ns);
}

bool svio_sched_meter_pass(struct svio_sched_meter *meter, uint32_t cost_bytes, uint64_t now_ns)
{
	int64_t cost;

	if (meter->rate == 0)
		return true;
	sched_meter_fill(meter, now_ns);
	if (cost_bytes > SVIO_SCHED_BURST_BYTES_MAX)
		return false;
	cost = cost_bytes * SCHED_TOKENS_PER_BYTE;
	if (meter->tokens < cost)
		return false;
	meter->tokens -= cost;
	return true;
}
