/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: strict unmap. A grace period is over when every core that could have
 * read an entry before it was cleared has let go of it.
 *
 * Each polling core owns an epoch, a 64-bit word in shared memory: odd while
 * the core may touch guest memory, even while it does not. The unmapper clears
 * its entries, then notes all epochs, and waits until each noted odd one has
 * changed. (Quiescent-state reclamation; Desnoyers et al., "User-Level
 * Implementations of Read-Copy Update", IEEE TPDS 2012.) A core that is gone
 * has its epoch set even by whoever buried it.
 *
 * The barrier in enter() pairs with the one in grace_start(): either the core
 * sees the cleared entry, or the unmapper sees the odd epoch.
 *
 * By the same pair a core may keep what it found beyond _exit(): the unmapper raises a
 * counter behind the cleared entries and before grace_start(), the core reads it behind
 * each enter(), and forgets all when it has changed. A section that the unmapper does not
 * wait for begins behind its barrier, and so sees the counter raised.
 */
#ifndef SVIO_IOMMU_GRACE_H
#define SVIO_IOMMU_GRACE_H

#include <stdbool.h>
#include <stdint.h>

#define SVIO_IOMMU_CORES_MAX 8

static inline void svio_iommu_core_enter(uint64_t *epoch)
{
	/* Release: who sees this epoch and not the even one before must see that as past, too. */
	__atomic_store_n(epoch, *epoch + 1, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* A: pairs with B */
}

static inline void svio_iommu_core_exit(uint64_t *epoch)
{
	__atomic_store_n(epoch, *epoch + 1, __ATOMIC_RELEASE);
}

struct svio_iommu_grace {
	uint64_t noted[SVIO_IOMMU_CORES_MAX];
	uint32_t cores;
};

/* epoch: core i's word is at epochs + i * stride bytes. */
static inline const uint64_t *svio_iommu_epoch(const void *epochs, uint32_t stride, uint32_t core)
{
	return (const uint64_t *)((const char *)epochs + (uint64_t)stride * core);
}

/* Begin to wait, after the entries were cleared. cores <= SVIO_IOMMU_CORES_MAX. */
static inline void svio_iommu_grace_start(struct svio_iommu_grace *grace, const void *epochs,
					  uint32_t stride, uint32_t cores)
{
	uint32_t i;

	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* B: pairs with A */
	grace->cores = cores;
	for (i = 0; i < cores; i++)
		grace->noted[i] =
			__atomic_load_n(svio_iommu_epoch(epochs, stride, i), __ATOMIC_ACQUIRE);
}

/* True when no core can still use what was cleared before svio_iommu_grace_start(). */
static inline bool svio_iommu_grace_over(const struct svio_iommu_grace *grace, const void *epochs,
					 uint32_t stride)
{
	uint32_t i;

	for (i = 0; i < grace->cores; i++) {
		const uint64_t *epoch = svio_iommu_epoch(epochs, stride, i);

		if ((grace->noted[i] & 1) &&
		    __atomic_load_n(epoch, __ATOMIC_ACQUIRE) == grace->noted[i])
			return false;
	}
	return true;
}

#endif /* SVIO_IOMMU_GRACE_H */
