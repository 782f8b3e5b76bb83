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
 * Put a node into the timers, as seen from a time before its own. A short wait ends
 * with its slot: late by a 16th of the wait, 4 us at most, and only if the bucket
 * has room for what comes in meanwhile. Others begin with their slot and are put in
 * again, into a smaller one.
 */
static void start_timer(struct svio_sched *sched, struct sched_node *node, uint64_t from_ns)
{
	uint64_t wake_ns = sched_resume_ns(node);
	uint64_t wait_ns = sched_before(from_ns, wake_ns) ? wake_ns - from_ns : 0;
	uint32_t bits = wait_ns ? 64u - (uint32_t)__builtin_clzll(wait_ns) : 0;
	uint32_t octave = bits > SCHED_TIMER_UNIT + 4 ? bits - SCHED_TIMER_UNIT - 4 : 0;

	/* Not behind others that are so far ahead that it has no slot of its own. */
	while (octave < SCHED_OCTAVES - 1 && !sched_queue_room(&sched->timers, octave, wake_ns))
		octave++;
	if (octave >= SCHED_OCTAVES)
		octave = SCHED_OCTAVES - 1;
	if (may_be_late(node, octave))
		wake_ns += (1ull << (SCHED_TIMER_UNIT + octave)) - 1;
	sched_queue_push(&sched->timers, sched->node, node, SCHED_TIMER, octave, wake_ns);
	node->flags |= SCHED_HELD;
}

void sched_wait(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	node->stats.throttled++;
	start_timer(sched, node, now_ns);
}

void sched_hold(struct svio_sched *sched, struct sched_node *node, uint64_t now_ns)
{
	sched_wait(sched, node, now_ns);
	sched_fall(sched, node);
}

void sched_unhold(struct svio_sched *sched, struct sched_node *node)
{
	sched_queue_unlink(&sched->timers, sched->node, node, SCHED_TIMER);
	node->flags &= (uint8_t)~SCHED_HELD;
}

/* Let the first timer go; one that was put in too early goes in again. */
static void expire_first(struct svio_sched *sched, uint64_t now_ns)
{
	uint32_t octave = sched_queue_earliest(&sched->timers);
	uint64_t slot = sched->timers.first[octave];
	struct sched_node *node = sched_queue_pop(&sched->timers, sched->node, SCHED_TIMER, octave);

	if (sched_before(slot, sched_resume_ns(node))) {
		start_timer(sched, node, slot);
	} else {
		node->flags &= (uint8_t)~SCHED_HELD;
		sched_rise(sched, node, now_ns);
	}
}

void sched_expire(struct svio_sched *sched, uint64_t now_ns)
{
	while (sched_queue_has(&sched->timers, now_ns))
		expire_first(sched, now_ns);
}

uint64_t sched_first_timer(struct svio_sched *sched)
{
	struct sched_queue *timers = &sched->timers;

	while (timers->octaves) {
		uint32_t octave = sched_queue_earliest(timers);
		uint64_t slot = timers->first[octave];
		struct sched_node *node = &sched->node[sched_queue_head(timers, octave)];

		if (!sched_before(slot, sched_resume_ns(node)))
			return slot;
		sched_queue_pop(timers, sched->node, SCHED_TIMER, octave);
		start_timer(sched, node, slot);
	}
	return SVIO_SCHED_NEVER;
}
