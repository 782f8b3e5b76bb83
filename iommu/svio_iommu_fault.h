/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU: the fault log. A ring in shared memory with one writer (the firmware)
 * and any number of readers; the newest SVIO_IOMMU_FAULTS records are kept.
 */
#ifndef SVIO_IOMMU_FAULT_H
#define SVIO_IOMMU_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#define SVIO_IOMMU_FAULTS 256

struct svio_iommu_fault {
	uint64_t sequence; /* from 1; 0: this record is being written */
	uint64_t time_ns;  /* the firmware's monotonic clock */
	uint64_t iova;
	uint32_t bytes;
	uint32_t vif;
	uint16_t queue;      /* kind << 8 | qid, SVIO_QUEUE_* */
	uint8_t access;      /* SVIO_IOMMU_READ or _WRITE */
	uint8_t reason;      /* enum svio_iommu_fault_reason */
	uint32_t suppressed; /* faults of this VIF left out since its last record */
	uint64_t reserved[3];
};

struct svio_iommu_fault_log {
	uint64_t head; /* records ever written */
	uint64_t reserved[7];
	struct svio_iommu_fault record[SVIO_IOMMU_FAULTS];
};

/* Add a record (sequence is set here). Only the log's one writer may call this. */
void svio_iommu_fault_add(struct svio_iommu_fault_log *log, const struct svio_iommu_fault *fault);

/*
 * Read record number sequence (1..head). False: it was overwritten, is being
 * written, or was never there. Any thread or process.
 */
bool svio_iommu_fault_get(const struct svio_iommu_fault_log *log, uint64_t sequence,
			  struct svio_iommu_fault *fault);

/* At most SVIO_IOMMU_FAULT_BURST records of a VIF at once, then one each interval. */
#define SVIO_IOMMU_FAULT_BURST       16
#define SVIO_IOMMU_FAULT_INTERVAL_NS 100000000ull

/* A token bucket a VIF. All zero: full. */
struct svio_iommu_fault_limit {
	uint64_t full_ns;    /* when the bucket will be full again */
	uint32_t suppressed; /* since the last record */
	uint32_t reserved;
};

/*
 * Ask before each record. True: record this fault with *suppressed (the number left out since the
 * last one is handed out and cleared). False: it was counted instead. now_ns: monotonic; a clock
 * that went back fills the bucket.
 */
bool svio_iommu_fault_allow(struct svio_iommu_fault_limit *limit, uint64_t now_ns,
			    uint32_t *suppressed);

#endif /* SVIO_IOMMU_FAULT_H */
