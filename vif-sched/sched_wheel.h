/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A timing wheel, private to vif-sched: waits of up to 16 ms that may end 4 us late. One step in,
 * one step out (Varghese, Lauck, "Hashed and Hierarchical Timing Wheels", SOSP 1987; as in
 * Carousel, SIGCOMM 2017).
 */
#ifndef SCHED_WHEEL_H
#define SCHED_WHEEL_H

#include "sched_slot.h"

#define SCHED_WHEEL_SLOT_LOG2 12 /* ns */
#define SCHED_WHEEL_SLOTS     4096u
/* The longest wait. */
#define SCHED_WHEEL_NS ((uint64_t)(SCHED_WHEEL_SLOTS - 2) << SCHED_WHEEL_SLOT_LOG2)

struct sched_wheel {
	uint64_t words; /* bit w: used[w] has a bit */
	uint64_t used[SCHED_WHEEL_SLOTS / 64];
	struct sched_slot slot[SCHED_WHEEL_SLOTS];
};

/* The slot that begins when a wait is over, or soon after. */
static inline uint64_t sched_wheel_slot_ns(uint64_t wake_ns)
{
	uint64_t width_ns = 1ull << SCHED_WHEEL_SLOT_LOG2;

	return (wake_ns + width_ns - 1) & ~(width_ns - 1);
}

static inline uint32_t sched_wheel_index(uint64_t slot_ns)
{
	return (uint32_t)(slot_ns >> SCHED_WHEEL_SLOT_LOG2) % SCHED_WHEEL_SLOTS;
}

static inline void sched_wheel_mark(struct sched_wheel *wheel, uint32_t index)
{
	wheel->used[index / 64] |= 1ull << index % 64;
	wheel->words |= 1ull << index / 64;
}

static inline void sched_wheel_clear(struct sched_wheel *wheel, uint32_t index)
{
	wheel->used[index / 64] &= ~(1ull << index % 64);
	if (!wheel->used[index / 64])
		wheel->words &= ~(1ull << index / 64);
}

/* When the first slot in use begins; the wheel is not empty, and no slot before clock_ns in use. */
static inline uint64_t sched_wheel_first_ns(const struct sched_wheel *wheel, uint64_t clock_ns)
{
	uint64_t slot = clock_ns >> SCHED_WHEEL_SLOT_LOG2;
	uint32_t from = (uint32_t)slot % SCHED_WHEEL_SLOTS;
	uint32_t word = from / 64;
	uint64_t bits = wheel->used[word] >> from % 64;

	if (!bits) {
		/* The next word in use, in a circle; that of the clock comes last. */
		uint32_t shift = (word + 1) % 64;
		uint64_t words = wheel->words >> shift | wheel->words << (64 - shift) % 64;
		uint32_t ahead = (uint32_t)__builtin_ctzll(words);

		bits = wheel->used[(shift + ahead) % 64];
		slot += (ahead + 1) * 64 - from % 64;
	}
	return (slot + (uint64_t)__builtin_ctzll(bits)) << SCHED_WHEEL_SLOT_LOG2;
}

#endif /* SCHED_WHEEL_H */
