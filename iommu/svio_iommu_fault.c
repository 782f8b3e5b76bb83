/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the fault log. Each record is a sequence lock of its own: the writer
 * zeroes its sequence, writes the rest, and sets the sequence; a reader that
 * finds the same sequence before and after has read a whole record.
 */
#include <stddef.h>
#include <string.h>

#include "svio_iommu_fault.h"

#define WORDS (sizeof(struct svio_iommu_fault) / sizeof(uint64_t))

_Static_assert(sizeof(struct svio_iommu_fault) == 64, "a record is one cache line");
_Static_assert(offsetof(struct svio_iommu_fault, sequence) == 0, "word 0 is the sequence");
_Static_assert(offsetof(struct svio_iommu_fault_log, record) == 64, "head has a line of its own");

/* A record is copied word by word with atomic accesses: readers may overlap the writer. */
void svio_iommu_fault_add(struct svio_iommu_fault_log *log, const struct svio_iommu_fault *fault)
{
	uint64_t sequence = __atomic_load_n(&log->head, __ATOMIC_RELAXED) + 1;
	uint64_t *to = (uint64_t *)&log->record[sequence % SVIO_IOMMU_FAULTS];
	uint64_t words[WORDS];
	size_t i;

	memcpy(words, fault, sizeof(words));
	__atomic_store_n(&to[0], 0, __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_RELEASE); /* C: pairs with D */
	for (i = 1; i < WORDS; i++)
		__atomic_store_n(&to[i], words[i], __ATOMIC_RELAXED);
	__atomic_store_n(&to[0], sequence, __ATOMIC_RELEASE);
	__atomic_store_n(&log->head, sequence, __ATOMIC_RELEASE);
}

bool svio_iommu_fault_get(const struct svio_iommu_fault_log *log, uint64_t sequence,
			  struct svio_iommu_fault *fault)
{
	const uint64_t *from = (const uint64_t *)&log->record[sequence % SVIO_IOMMU_FAULTS];
	uint64_t words[WORDS];
	size_t i;

	if (sequence == 0)
		return false;
	words[0] = __atomic_load_n(&from[0], __ATOMIC_ACQUIRE);
	if (words[0] != sequence)
		return false;
	for (i = 1; i < WORDS; i++)
		words[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	__atomic_thread_fence(__ATOMIC_ACQUIRE); /* D: pairs with C */
	if (__atomic_load_n(&from[0], __ATOMIC_RELAXED) != sequence)
		return false;
	memcpy(fault, words, sizeof(*fault));
	return true;
}

/* The generic cell rate algorithm (ITU-T I.371): a token bucket kept as one point in time. */
bool svio_iommu_fault_allow(struct svio_iommu_fault_limit *limit, uint64_t now_ns,
			    uint32_t *suppressed)
{
	const uint64_t depth_ns = SVIO_IOMMU_FAULT_BURST * SVIO_IOMMU_FAULT_INTERVAL_NS;

	if (limit->full_ns < now_ns || limit->full_ns - now_ns > depth_ns)
		limit->full_ns = now_ns;
	if (limit->full_ns - now_ns > depth_ns - SVIO_IOMMU_FAULT_INTERVAL_NS) {
		if (limit->suppressed != UINT32_MAX)
			limit->suppressed++;
		return false;
	}
	limit->full_ns += SVIO_IOMMU_FAULT_INTERVAL_NS;
	*suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
