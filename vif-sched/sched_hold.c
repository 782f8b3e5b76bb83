/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ceilings: token buckets, kept as the time at which they are full again (the
 * generic cell rate algorithm of ITU-T I.371 read backwards), and the timers of
 * those that have used up theirs.
 */
#include "sched_tree.h"

/* Slots of 4 us. */
#define TIMER_LATE_OCTAVE 6u

uint64_t sched_resume_ns(const struct sched_node *node)
{
	uint64_t bytes_ns = sched_clock_reached_ns(&node->free) + node->resume_ns;
	uint64_t packets_ns = sched_clock_reached_ns(&node->packet_free);

	if (!(node->flags & SCHED_COUNTS_PACKETS))
		return bytes_ns;
	return node->max_cost ? sched_later(bytes_ns, packets_ns) : packets_ns;
}

/* Would it lose tokens if a wait of this octave ended with the slot, not before? */
static bool may_be_late(const struct sched_node *node, uint32_t octave)
{
	uint64_t width_ns = 1ull << (SCHED_TIMER_UNIT + octave);

	return octave == 0 ||
	       (octave <= TIMER_LATE_OCTAVE && width_ns <= node->depth_ns - node->resume_ns);
}

/*
 * Put a node into the timers. A wait has a slot between 8 and 17 slots ahead of the timers'
 * clock, so that all of an octave's fit. A short one ends with its slot: late by an eighth of
 * the wait, 4 us at most, and only if the bucket has room for what comes in meanwhile. Others
 * begin with their slot and are put in again, into a smaller one.
 */
static void start_timer(struct svio_sched *sched, struct sched_node *node)
{
	uint64_t wake_ns = sched_later(sched_resume_ns(node), sched->timers.clock);
	uint64_t wait_ns = wake_ns - sched->timers.clock;
	uint32_t bits = wait_ns ? 64u - (uint32_t)__builtin_clzll(wait_ns) : 0;
	uint32_t octave = bits > SCHED_TIMER_UNIT + 4 ? bits - SCHED_TIMER_UNIT - 4 : 0;

	if (octave >= SCHED_OCTAVES)
		octave = SCHED_OCTAVES - 1;
	if (may_be_late(node, octave))
		wake_ns += (1ull << (SCHED_TIMER_UNIT + octave)) - 1;
	sched_queue_push(&sched->timers, sched->node, node, SCHED_TIMER, octave, wake_ns);
	node->flags |= SCHED_HELD;
}

void sched_wait(struct svio_sched *sched, struct sched_node *node)
{
	node->stats.throttled++;
	start_timer(sched, node);
}

void sched_hold(struct svio_sched *sched, struct sched_node *node)
{
	sched_wait(sched, node);
	sched_fall(sched, node);
}

void sched_unhold(struct svio_sched *sched, struct sched_node *node)
{
	sched_queue_unlink(&sched->timers, sched->node, node, SCHED_TIMER);
	node->flags &= (uint8_t)~SCHED_HELD;
}

/* A node that is out of the timers, and held: it goes on, or back. */
static void go_on(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	if (sched_before(now_ns, sched_resume_ns(node))) {
		start_timer(sched, node);
	} else {
		node->flags &= (uint8_t)~SCHED_HELD;
		sched_rise(sched, node, now_ns);
	}
}

void sched_hold_again(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	sched_queue_unlink(&sched->timers, sched->node, node, SCHED_TIMER);
	go_on(sched, node, now_ns);
}

/*
 * Those that were put in too early go in again. A slot's beginning is the timers' clock while its
 * nodes go: now would be too far ahead of the slots that are still in use.
 */
void sched_expire_some(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_queue *timers = &sched->timers;

	while (timers->octaves) {
		uint32_t octave = sched_queue_earliest(timers);

		timers->soonest = timers->first[octave];
		if (sched_before(now_ns, timers->soonest))
			return;
		timers->clock = sched_later(timers->clock, timers->soonest);
		go_on(sched, sched_queue_pop(timers, sched->node, SCHED_TIMER, octave), now_ns);
	}
}

uint64_t sched_first_timer(const struct svio_sched *sched)
{
	const struct sched_queue *timers = &sched->timers;
	uint64_t best_ns = SVIO_SCHED_NEVER;
	uint32_t left;

	for (left = timers->octaves; left; left &= left - 1) {
		uint32_t octave = (uint32_t)__builtin_ctz(left);
		uint32_t first = octave * SCHED_SLOTS + sched_queue_first(timers, octave);
		const struct sched_node *node = &sched->node[timers->slot[first].head];
		uint64_t ns = timers->first[octave];

		if (!node->link[SCHED_TIMER])
			ns = sched_later(ns, sched_resume_ns(node));
		if (left == timers->octaves || sched_before(ns, best_ns))
			best_ns = ns;
	}
	return best_ns;
}
