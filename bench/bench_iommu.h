/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench iommu: what its parts share.
 *
 * Lookups: a subject is one way to find what is behind an I/O address. All
 * subjects of a case have the same mappings and are asked for the same addresses.
 */
#ifndef BENCH_IOMMU_H
#define BENCH_IOMMU_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench_json.h"
#include "bench_options.h"

#define IOMMU_MAPS_MAX 16384u
#define IOMMU_IOVA     (1ull << 32) /* where a case's mappings begin */

struct iommu_options {
	const char *map_queue_path;  /* NULL: that ratio is not known */
	const char *part;            /* NULL: all */
	unsigned long count_lookups; /* not 0: no times, so many lookups for callgrind */
	const char *count_subject;
	struct bench_windows windows;
	struct bench_options common;
};

/* A figure with its spread. NAN where there is none. */
struct iommu_figure {
	double median;
	double low;
	double high;
	size_t count;
};

struct iommu_figure iommu_figure_of(struct bench_result *result);

/* "key": value, and key_min, key_max beside it. A NAN is null. */
void iommu_report_figure(struct bench_json *json, const char *key,
			 const struct iommu_figure *figure);
/* null, and why as key_reason. */
void iommu_report_missing(struct bench_json *json, const char *key, const char *reason);

/* Mappings of a case: maps of equal size, side by side from IOMMU_IOVA on, in leaves of one size. */
struct iommu_case {
	uint32_t maps;
	uint32_t leaf_lg2; /* 12 or 21 */
	uint64_t map_bytes;
};

static inline uint64_t iommu_case_bytes(const struct iommu_case *c)
{
	return c->maps * c->map_bytes;
}

/* What is behind the first byte of mapping number i. Forces leaves of the case's size. */
static inline uint64_t iommu_case_offset(const struct iommu_case *c, uint32_t i)
{
	return i * c->map_bytes + (1ull << c->leaf_lg2);
}

static inline uint32_t iommu_case_object(uint32_t i)
{
	return 1 + i;
}

struct iommu_subject {
	const char *name;
	bool one_leaf; /* all addresses are in one: what was found once is known */
	/* Builds it for a case. Ends the program when it cannot. */
	void *(*open)(const struct iommu_case *c);
	/* Looks each up, none depends on another; the sum of what was found. */
	uint64_t (*run)(void *subject, const uint64_t *iovas, uint32_t count);
	void (*close)(void *subject);
};

extern const struct iommu_subject iommu_subject_hit;    /* firmware: what was found last, again */
extern const struct iommu_subject iommu_subject_walk;   /* iommu: from the root to the leaf */
extern const struct iommu_subject iommu_subject_miss;   /* firmware: walk, object, remember */
extern const struct iommu_subject iommu_subject_sorted; /* peer_lookup.c */
extern const struct iommu_subject iommu_subject_tree;

/* Page-aligned, all zero, never NULL; in pages of 4 KiB, as sviod's arena is. */
void *iommu_memory_new(size_t bytes);

/* The parts. Each prints its table. */
void iommu_run_lookups(const struct iommu_options *options, struct bench_json *json);
void iommu_run_tables(struct bench_json *json);
void iommu_run_sviod(const struct iommu_options *options, struct bench_json *json);
void iommu_run_throughput(const struct iommu_options *options, struct bench_json *json);

#endif /* BENCH_IOMMU_H */
