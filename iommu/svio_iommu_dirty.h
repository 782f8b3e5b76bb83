/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the dirty log of a domain, for migration: which pages did the device
 * write since they were last reported?
 *
 * One bitmap by I/O address, for the ranges that a client named, in shared
 * memory: the device (the firmware) sets bits, the manager (sviod) reads and
 * clears them. The layout of the bitmap is the manager's; what it believes of
 * it is its own copy, so that the device cannot lead it astray.
 *
 * Nothing is missed, and the device does not stop:
 *   - the device marks a page, then writes to it, both in one section
 *     (svio_iommu_grace.h);
 *   - the manager takes bits, waits for a grace period, and only then tells the
 *     client, who copies the pages after that.
 * A section whose look at a bit came before the bit was taken is over when the
 * client hears of it: what it wrote is in the client's copy. Any other section
 * finds the bit cleared and sets it again, for the next report. (The fences A and
 * B of svio_iommu_grace.h leave no third case.) Reported too often are only pages
 * that a section had marked and not written yet.
 *
 * A device that is killed between mark and write leaves a mark too many, never
 * a write without a mark: the bitmap is shared memory, and outlives it.
 *
 * Several cores may mark. A core looks first, and does its atomic only where the
 * bit is not set: once a page and report.
 */
#ifndef SVIO_IOMMU_DIRTY_H
#define SVIO_IOMMU_DIRTY_H

#include <stddef.h>
#include <stdint.h>

#define SVIO_IOMMU_DIRTY_RANGES_MAX   256
#define SVIO_IOMMU_DIRTY_PAGE_LG2_MIN 12
#define SVIO_IOMMU_DIRTY_PAGE_LG2_MAX 30

/* Pages with neighbouring bits: numbers first to last; bit n % 64 of a word is page n. */
struct svio_iommu_dirty_extent {
	uint64_t first;
	uint64_t last;
	uint64_t word; /* of the bitmap: where page first is */
	uint64_t reserved;
};

/* In shared memory. The manager writes it while the log is off. The bitmap follows it. */
struct svio_iommu_dirty_log {
	uint32_t page_lg2;
	uint32_t extents;
	uint64_t reserved[7];
	struct svio_iommu_dirty_extent extent[SVIO_IOMMU_DIRTY_RANGES_MAX]; /* ascending */
};

/* Where the bitmap begins: on a page of its own. */
#define SVIO_IOMMU_DIRTY_HEADER_BYTES 12288u

/*
 * The device: [iova, iova + bytes), bytes > 0, is going to be written. In a section, before the
 * write. What lies in no range is not logged.
 */
void svio_iommu_dirty_mark(struct svio_iommu_dirty_log *log, uint64_t iova, uint64_t bytes);

/* The manager's side. One thread. */

struct svio_iommu_dirty_range {
	uint64_t iova;
	uint64_t bytes;
};

struct svio_iommu_dirty {
	struct svio_iommu_dirty_log *log;
	uint32_t page_lg2;
	uint32_t extents;
	uint64_t reported; /* pages, since the start; one that is reported twice counts twice */
	struct svio_iommu_dirty_extent extent[SVIO_IOMMU_DIRTY_RANGES_MAX];
};

/*
 * Lay out a log for these ranges; count 0: all addresses.
 *
 * memory: page-aligned, zero, no device marks in it; memory_bytes: header and
 * bitmap. page_bytes: the granularity wished for, a power of two that all ranges
 * are multiples of. *page_bytes becomes the one in use: at least 4 KiB, and
 * larger than asked for where the bitmap would not fit. What lies beyond 2^48
 * cannot be mapped and is left out. The device may mark from the caller's grace
 * period after this on.
 * 0; -EINVAL: page_bytes is no power of two, a range is empty, misaligned or
 * overlaps another; -EOVERFLOW: a range wraps; -E2BIG: too many ranges;
 * -ENOSPC: memory is too small for any granularity.
 */
int svio_iommu_dirty_start(struct svio_iommu_dirty *dirty, void *memory, size_t memory_bytes,
			   uint64_t *page_bytes, const struct svio_iommu_dirty_range *ranges,
			   uint32_t count);

/*
 * Take the bits of [iova, iova + bytes): bit i of bitmap (64 to a word, the lowest
 * first) is set where the device wrote to page i of page_bytes, which need not
 * be the log's granularity. All other bits of the (bytes / page_bytes + 63) / 64
 * words are cleared. A page of the log that is only partly asked for is reported
 * and stays marked. Outside of the log's ranges nothing is set.
 *
 * Tell nobody before a grace period has passed.
 * 0; -EINVAL: page_bytes is below 4 KiB or no power of two, the range is empty or
 * not a multiple of it; -EOVERFLOW: it wraps.
 */
int svio_iommu_dirty_report(struct svio_iommu_dirty *dirty, uint64_t iova, uint64_t bytes,
			    uint64_t page_bytes, uint64_t *bitmap);

/* Bytes that the log covers, as rounded to its pages. */
uint64_t svio_iommu_dirty_bytes(const struct svio_iommu_dirty *dirty);

#endif /* SVIO_IOMMU_DIRTY_H */
