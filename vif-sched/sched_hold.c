/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ceilings: token buckets, kept as the time at which they are full again (the
 * generic cell rate algorithm of ITU-T I.371 read backwards), and the timers of
 * those that have used up theirs.
 */
#include "sched_choice.h"

/* Octaves whose slots are not wider than the wheel's. */
#define TIMER_LATE_OCTAVE (SCHED_WHEEL_SLOT_LOG2 - SCHED_TIMER_UNIT)
/* Shorter waits have narrower slots in the octaves. */
#define WHEEL_MIN_NS (8ull << SCHED_WHEEL_SLOT_LOG2)
/* In a node's place: a slot of the wheel. Slots of the octaves are below. */
#define PLACE_WHEEL (SCHED_OCTAVES * SCHED_SLOTS)

uint64_t sched_resume_ns(const struct sched_node *node)
{
	uint64_t bytes_ns = sched_clock_reached_ns(&node->free) + node->resume_ns;
	uint64_t packets_ns = sched_clock_reached_ns(&node->packet_free);

	if (!(node->flags & SCHED_COUNTS_PACKETS))
		return bytes_ns;
	return node->max_cost ? sched_later(bytes_ns, packets_ns) : packets_ns;
}

/* Has its bucket room for what comes in while it is late by a slot of so many ns? */
static bool may_be_late(const struct sched_node *node, uint64_t width_ns)
{
	return width_ns <= node->depth_ns - node->resume_ns;
}

/* When the slot begins. */
static uint64_t put_in_wheel(struct svio_sched *sched, struct sched_node *node, uint64_t wake_ns)
{
	uint64_t slot_ns = sched_wheel_slot_ns(wake_ns);
	uint32_t index = sched_wheel_index(slot_ns);

	node->place[SCHED_TIMER] = (uint16_t)(PLACE_WHEEL + index);
	sched_slot_append(&sched->wheel.slot[index], sched->node, node, SCHED_TIMER);
	sched_wheel_mark(&sched->wheel, index);
	return slot_ns;
}

/*
 * Into an octave. A wait has a slot between 8 and 17 slots ahead of the timers' clock, so that
 * all of an octave's fit. A short one ends with its slot: late by an eighth of the wait. Others
 * begin with their slot and are put in again, into a smaller one. Returns when the slot begins.
 */
static uint64_t put_in_octave(struct svio_sched *sched, struct sched_node *node, uint64_t wake_ns)
{
	uint64_t wait_ns = wake_ns - sched->timers.clock;
	uint32_t bits = wait_ns ? 64u - (uint32_t)__builtin_clzll(wait_ns) : 0;
	uint32_t octave = bits > SCHED_TIMER_UNIT + 4 ? bits - SCHED_TIMER_UNIT - 4 : 0;
	uint64_t width_ns;

	if (octave >= SCHED_OCTAVES)
		octave = SCHED_OCTAVES - 1;
	width_ns = 1ull << (SCHED_TIMER_UNIT + octave);
	if (octave == 0 || (octave <= TIMER_LATE_OCTAVE && may_be_late(node, width_ns)))
		wake_ns += width_ns - 1;
	sched_queue_push(&sched->timers, sched->node, node, SCHED_TIMER, octave, wake_ns);
	return sched->timers.first[octave];
}

/*
 * Put a node into the timers. Where nothing is lost by it a wait ends with a slot: late by an
 * eighth of it, 4 us at most.
 */
static void start_timer(struct svio_sched *sched, struct sched_node *node)
{
	uint64_t wake_ns = sched_later(sched_resume_ns(node), sched->timers.clock);
	uint64_t wait_ns = wake_ns - sched->timers.clock;
	uint64_t slot_ns;

	if (wait_ns >= WHEEL_MIN_NS && wait_ns <= SCHED_WHEEL_NS &&
	    may_be_late(node, 1ull << SCHED_WHEEL_SLOT_LOG2))
		slot_ns = put_in_wheel(sched, node, wake_ns);
	else
		slot_ns = put_in_octave(sched, node, wake_ns);
	if (sched_before(slot_ns, sched->timer_ns))
		sched->timer_ns = slot_ns;
	node->flags |= SCHED_HELD;
}

void sched_wait(struct svio_sched *sched, struct sched_node *node)
{
	node->throttled++;
	start_timer(sched, node);
}

void sched_hold(struct svio_sched *sched, struct sched_node *node)
{
	sched_wait(sched, node);
	sched_fall(sched, node);
}

static void stop_timer(struct svio_sched *sched, struct sched_node *node)
{
	uint32_t index = node->place[SCHED_TIMER] - PLACE_WHEEL;

	if (node->place[SCHED_TIMER] < PLACE_WHEEL) {
		sched_queue_unlink(&sched->timers, sched->node, node, SCHED_TIMER);
		return;
	}
	sched_slot_remove(&sched->wheel.slot[index], sched->node, node, SCHED_TIMER);
	if (!sched->wheel.slot[index].head)
		sched_wheel_clear(&sched->wheel, index);
}

void sched_unhold(struct svio_sched *sched, struct sched_node *node)
{
	stop_timer(sched, node);
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
	stop_timer(sched, node);
	go_on(sched, node, now_ns);
}

static void expire_wheel(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_wheel *wheel = &sched->wheel;

	while (wheel->words) {
		uint64_t slot_ns = sched_wheel_first_ns(wheel, sched->timers.clock);
		uint32_t index = sched_wheel_index(slot_ns);
		struct sched_slot *slot = &wheel->slot[index];

		if (sched_before(now_ns, slot_ns))
			return;
		sched->timers.clock = slot_ns;
		sched_wheel_clear(wheel, index);
		while (slot->head)
			go_on(sched, sched_slot_take(slot, sched->node, SCHED_TIMER), now_ns);
	}
}

/*
 * Those that were put in too early go in again. A slot's beginning is the timers' clock while its
 * nodes go: now would be too far ahead of the slots that are still in use.
 */
static void expire_octaves(struct svio_sched *sched, uint64_t now_ns)
{
	struct sched_queue *timers = &sched->timers;

	while (timers->octaves) {
		uint32_t octave = sched_queue_earliest(timers);
		uint64_t slot_ns = timers->first[octave];

		if (sched_before(now_ns, slot_ns))
			return;
		timers->clock = sched_later(timers->clock, slot_ns);
		go_on(sched, sched_queue_pop(timers, sched->node, SCHED_TIMER, octave), now_ns);
	}
}

void sched_expire_some(struct svio_sched *sched, uint64_t now_ns)
{
	const struct sched_queue *timers = &sched->timers;
	uint64_t first_ns = now_ns + INT64_MAX / 2; /* none: look again some day */

	/* In this order: no slot of the wheel may be behind the timers' clock. */
	expire_wheel(sched, now_ns);
	expire_octaves(sched, now_ns);
	if (timers->octaves)
		first_ns = timers->first[sched_queue_earliest(timers)];
	if (sched->wheel.words)
		first_ns =
			sched_earlier(first_ns, sched_wheel_first_ns(&sched->wheel, timers->clock));
	sched->timer_ns = first_ns;
}

static uint64_t first_in_octaves(const struct svio_sched *sched)
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

uint64_t sched_first_timer(const struct svio_sched *sched)
{
	uint64_t wheel_ns;

	if (!sched->wheel.words)
		return first_in_octaves(sched);
	wheel_ns = sched_wheel_first_ns(&sched->wheel, sched->timers.clock);
	return sched->timers.octaves ? sched_earlier(first_in_octaves(sched), wheel_ns) : wheel_ns;
}
