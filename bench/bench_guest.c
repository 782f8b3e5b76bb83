/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_guest.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>

#include "bench_ticks.h"

#define STEPS_PER_LOOK 16             /* at the clock */
#define PING_STALL_NS  10000000000ull /* the loss of a single one ends the run */
#define STALL_NS       500000000ull   /* a frame that takes so long is lost */

struct loop {
	struct guest_flow *flows;
	size_t count;
	const struct guest_load *load;
	const struct guest_watch *watch;
	struct guest_result *result;
	uint64_t start; /* of the phase, in ticks */
	uint32_t *times;
	double ns_per_tick;
	uint32_t under_way_max;
	uint64_t stamps[GUEST_BURST]; /* where the pattern has none */
};

static uint64_t ticks_of(uint64_t ns)
{
	return (uint64_t)((double)ns * bench_ticks_per_ns());
}

void guest_set_header(struct guest_port *port, const uint8_t own[6], const uint8_t other[6])
{
	memcpy(port->header, other, 6);
	memcpy(port->header + 6, own, 6);
	port->header[12] = 0x88;
	port->header[13] = 0xb5;
	port->header[14] = 0;
	port->header[15] = 0;
}

static void add_time(struct loop *loop, double ns)
{
	struct guest_result *result = loop->result;

	if (loop->times && result->time_count < GUEST_TIMES_MAX)
		loop->times[result->time_count++] = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

/* All that has come, without its times. */
static uint32_t receive_all(struct guest_flow *flow)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t received = 0;
	uint32_t n;

	do {
		n = flow->to->ops->receive(flow->to, stamps);
		received += n;
	} while (n == GUEST_BURST);
	flow->received += received;
	flow->under_way -= received < flow->under_way ? received : flow->under_way;
	return received;
}

/* Until nothing of a flow is under way, or nothing has come for long. */
static void drain_flow(struct loop *loop, struct guest_flow *flow)
{
	bool both = loop->load->pattern == GUEST_BOUNCE && flow->from != flow->to;
	uint64_t stall = ticks_of(STALL_NS);
	uint64_t start = bench_ticks();
	uint64_t stamps[GUEST_BURST];

	while (flow->under_way) {
		uint32_t n = receive_all(flow);

		if (both) {
			uint32_t back = flow->from->ops->receive(flow->from, stamps);

			flow->under_way -= back < flow->under_way ? back : flow->under_way;
			n += back;
		}
		if (n)
			start = bench_ticks();
		else if (bench_ticks() - start > stall)
			break;
	}
	loop->result->lost += flow->under_way;
}

static void drain(struct loop *loop)
{
	for (size_t i = 0; i < loop->count; i++)
		drain_flow(loop, &loop->flows[i]);
}

static void step_one_way(struct loop *loop, struct guest_flow *flow)
{
	loop->result->packets += receive_all(flow);
	loop->result->steps++;
	if (flow->under_way + GUEST_BURST > loop->under_way_max) {
		loop->result->held++;
		return;
	}
	flow->under_way +=
		flow->from->ops->send(flow->from, loop->stamps, GUEST_BURST, loop->load->bytes);
}

static void step_bounce(struct loop *loop, struct guest_flow *flow)
{
	loop->result->packets += flow->to->ops->bounce(flow->to);
	if (flow->from != flow->to)
		loop->result->packets += flow->from->ops->bounce(flow->from);
}

static void run_steps(struct loop *loop, void (*step)(struct loop *, struct guest_flow *),
		      uint64_t ns)
{
	uint64_t start = bench_ticks();
	uint64_t end = start + ticks_of(ns);

	do {
		for (uint32_t i = 0; i < STEPS_PER_LOOK; i++)
			for (size_t k = 0; k < loop->count; k++)
				step(loop, &loop->flows[k]);
	} while (bench_ticks() < end);
	loop->result->ns = (uint64_t)((double)(bench_ticks() - start) * loop->ns_per_tick);
}

static int run_one_way(struct loop *loop, uint64_t ns)
{
	run_steps(loop, step_one_way, ns);
	return 0;
}

static int run_bounce(struct loop *loop, uint64_t ns)
{
	run_steps(loop, step_bounce, ns);
	return 0;
}

static void start_bounce(struct loop *loop)
{
	for (size_t i = 0; i < loop->count; i++) {
		struct guest_flow *flow = &loop->flows[i];

		while (flow->under_way + GUEST_BURST <= loop->under_way_max) {
			uint32_t n = flow->from->ops->send(flow->from, loop->stamps, GUEST_BURST,
							   loop->load->bytes);

			flow->under_way += n;
			if (n < GUEST_BURST)
				break;
		}
	}
}

/* Spins until there is one. False: it is lost. */
static bool await_frame(struct guest_port *port, bool bounce, uint64_t start)
{
	uint64_t stall = ticks_of(PING_STALL_NS);
	uint64_t stamps[GUEST_BURST];

	for (uint32_t turns = 0;; turns++) {
		if (bounce ? port->ops->bounce(port) : port->ops->receive(port, stamps))
			return true;
		if (turns % 1024 == 1023 && bench_ticks() - start > stall)
			return false;
	}
}

static int run_ping(struct loop *loop, uint64_t ns)
{
	struct guest_flow *flow = loop->flows;
	uint64_t begin = bench_ticks();
	uint64_t end = begin + ticks_of(ns);
	uint64_t now = begin;

	do {
		uint64_t start = now;

		if (flow->from->ops->send(flow->from, loop->stamps, 1, loop->load->bytes) != 1 ||
		    !await_frame(flow->to, true, start) || !await_frame(flow->from, false, start))
			return -EIO;
		now = bench_ticks();
		add_time(loop, (double)(now - start) * loop->ns_per_tick / 2);
		loop->result->packets += 2;
	} while (now < end);
	loop->result->ns = (uint64_t)((double)(now - begin) * loop->ns_per_tick);
	return 0;
}

static void receive_paced(struct loop *loop, struct guest_flow *flow)
{
	uint64_t stamps[GUEST_BURST];
	uint32_t n;

	do {
		uint64_t now;

		n = flow->to->ops->receive(flow->to, stamps);
		now = n ? bench_ticks() : 0;
		for (uint32_t i = 0; i < n; i++)
			if (stamps[i] >= loop->start) /* else of the warm-up */
				add_time(loop, (double)(now - stamps[i]) * loop->ns_per_tick);
		loop->result->packets += n;
		flow->received += n;
		flow->under_way -= n < flow->under_way ? n : flow->under_way;
	} while (n == GUEST_BURST);
}

/* Of the first n frames of a flow that are due: how many were due before a moment. */
static uint32_t count_before(const struct guest_flow *flow, double moment, double interval,
			     uint32_t n)
{
	double before = ceil((moment - flow->due) / interval);

	return before <= 0 ? 0 : before >= n ? n : (uint32_t)before;
}

/* Sends what is due by now. Who is late stays so: what is due does not move. */
static void send_due(struct loop *loop, struct guest_flow *flow, double interval)
{
	double now = (double)bench_ticks();
	double late = now - GUEST_LATE_NS / loop->ns_per_tick;
	uint32_t n = count_before(flow, now, interval, GUEST_BURST);
	uint64_t stamps[GUEST_BURST];
	double due = flow->due;
	uint32_t taken;

	if (!n)
		return;
	for (uint32_t i = 0; i < n; i++) {
		stamps[i] = (uint64_t)due;
		due += interval;
	}
	taken = flow->from->ops->send(flow->from, stamps, n, loop->load->bytes);
	loop->result->late += count_before(flow, late, interval, taken);
	flow->due += taken * interval;
	flow->under_way += taken;
	loop->result->sent += taken;
}

static double paced_interval(const struct loop *loop)
{
	return 1e9 / loop->load->pps / loop->ns_per_tick;
}

/* From now on frames are due, those of one flow after those of the other. */
static uint64_t start_paced(struct loop *loop)
{
	double interval = paced_interval(loop);

	loop->start = bench_ticks();
	for (size_t i = 0; i < loop->count; i++)
		loop->flows[i].due =
			(double)loop->start + interval * (double)i / (double)loop->count;
	return loop->start;
}

static uint64_t count_overdue(const struct loop *loop, uint64_t now, double interval)
{
	uint64_t overdue = 0;

	for (size_t i = 0; i < loop->count; i++) {
		double frames = ((double)now - loop->flows[i].due) / interval;

		overdue += frames > 0 ? (uint64_t)frames : 0;
	}
	return overdue;
}

static int run_paced(struct loop *loop, uint64_t ns)
{
	double interval = paced_interval(loop);
	uint64_t end = start_paced(loop) + ticks_of(ns);
	uint64_t now;

	do {
		for (size_t i = 0; i < loop->count; i++) {
			receive_paced(loop, &loop->flows[i]);
			send_due(loop, &loop->flows[i], interval);
		}
		now = bench_ticks();
	} while (now < end);
	loop->result->ns = (uint64_t)((double)(now - loop->start) * loop->ns_per_tick);
	loop->result->due = loop->result->sent + count_overdue(loop, now, interval);
	loop->result->late += loop->result->due - loop->result->sent;
	return 0;
}

struct absence {
	struct bench_usage device;
	struct bench_usage guests;
	uint64_t stolen;
};

static struct absence read_absence(const struct guest_watch *watch)
{
	if (!watch->device)
		return (struct absence){ 0 };
	return (struct absence){ .device = bench_waits_read_usage(watch->device),
				 .guests = bench_waits_read_usage(watch->guests),
				 .stolen = bench_read_stolen(watch->device_cpu) +
					   bench_read_stolen(watch->guest_cpu) };
}

static struct bench_usage subtract(struct bench_usage a, struct bench_usage b)
{
	return (struct bench_usage){ .cpu_ns = a.cpu_ns - b.cpu_ns,
				     .waited_ns = a.waited_ns - b.waited_ns,
				     .turns = a.turns - b.turns };
}

/* What the window found, of the flows. */
static void count_least(struct loop *loop)
{
	loop->result->least = loop->flows[0].received;
	for (size_t i = 1; i < loop->count; i++)
		if (loop->flows[i].received < loop->result->least)
			loop->result->least = loop->flows[i].received;
}

/*
 * Warms up and runs the window; the device has no time to fall asleep between. The threads are looked
 * at when all is drained, since one that is off its processor is known to wait only when it is back.
 */
static int run_phases(struct loop *loop, int (*run)(struct loop *, uint64_t ns))
{
	struct guest_result *result = loop->result;
	struct absence start;
	struct absence end;

	if (loop->load->warm_up_ns && run(loop, loop->load->warm_up_ns))
		return -EIO;
	memset(result, 0, sizeof(*result));
	for (size_t i = 0; i < loop->count; i++)
		loop->flows[i].received = 0;
	start = read_absence(loop->watch);
	if (run(loop, loop->load->ns))
		return -EIO;
	count_least(loop);
	drain(loop);
	end = read_absence(loop->watch);
	result->device = subtract(end.device, start.device);
	result->guests = subtract(end.guests, start.guests);
	result->stolen = end.stolen - start.stolen;
	return 0;
}

int guest_run(struct guest_flow *flows, size_t count, const struct guest_load *load,
	      const struct guest_watch *watch, struct guest_result *result, uint32_t *times)
{
	struct loop loop = { .flows = flows,
			     .count = count,
			     .load = load,
			     .watch = watch,
			     .result = result,
			     .times = times,
			     .ns_per_tick = 1 / bench_ticks_per_ns(),
			     .under_way_max = load->under_way ? load->under_way : GUEST_UNDER_WAY };

	memset(result, 0, sizeof(*result));
	for (uint32_t i = 0; i < GUEST_BURST; i++)
		loop.stamps[i] = load->stamp;
	for (size_t i = 0; i < count; i++)
		flows[i].under_way = 0;
	switch (load->pattern) {
	case GUEST_ONE_WAY:
		return run_phases(&loop, run_one_way);
	case GUEST_BOUNCE:
		start_bounce(&loop);
		return run_phases(&loop, run_bounce);
	case GUEST_PING:
		return run_phases(&loop, run_ping);
	case GUEST_PACED:
		return run_phases(&loop, run_paced);
	}
	return -EINVAL;
}
