/* SPDX-License-Identifier: BSD-3-Clause */
/* Lookups: all subjects on one case, in turns, so that what the machine does meets all of them. */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench_iommu.h"

#define CHUNK_LOOKUPS  1024u /* their addresses stay in the first cache */
#define TRIES_EACH     4     /* windows for one that counts, at most */
#define WAIT_MAX_SHARE 100
#define GIB            (1ull << 30)
#define MIB            (1ull << 20)

static const struct iommu_subject *const subjects[] = {
	&iommu_subject_hit,    &iommu_subject_walk, &iommu_subject_miss,
	&iommu_subject_sorted, &iommu_subject_tree,
};
enum {
	HIT,
	WALK
};
#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static const uint32_t counts[] = { 8, 64, 512, 4096, IOMMU_MAPS_MAX };
#define COUNTS (sizeof(counts) / sizeof(counts[0]))

static volatile uint64_t sink;

void *iommu_memory_new(size_t bytes)
{
	size_t huge = 2 * MIB;
	void *memory;

	bytes = (bytes + huge - 1) / huge * huge;
	memory = aligned_alloc(huge, bytes);
	if (!memory)
		err(1, "memory");
	madvise(memory, bytes, MADV_NOHUGEPAGE); /* sviod's arena is a memfd, without huge pages */
	memset(memory, 0, bytes);
	return memory;
}

/* Random addresses of a case, or within its first leaf. */
static void fill(uint64_t iovas[CHUNK_LOOKUPS], const struct iommu_case *c, bool one_leaf)
{
	static uint64_t state = 1;
	uint64_t bytes = one_leaf ? 1ull << c->leaf_lg2 : iommu_case_bytes(c);
	uint32_t shift = 1 + (uint32_t)__builtin_clzll(bytes);

	for (uint32_t i = 0; i < CHUNK_LOOKUPS; i++) {
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		iovas[i] = IOMMU_IOVA + (state >> shift);
	}
}

/* ns of a chunk of lookups. */
static uint64_t run_chunk(const struct iommu_subject *subject, void *state,
			  const struct iommu_case *c)
{
	static uint64_t iovas[CHUNK_LOOKUPS];
	uint64_t start;

	fill(iovas, c, subject->one_leaf);
	start = bench_now_ns();
	sink += subject->run(state, iovas, CHUNK_LOOKUPS);
	return bench_now_ns() - start;
}

static void run_window(const struct iommu_subject *subject, void *state, const struct iommu_case *c,
		       uint64_t window_ns, const struct bench_waits *waits,
		       struct bench_result *times)
{
	uint64_t waited = bench_waits_read(waits);
	uint64_t lookups = 0;
	uint64_t ns = 0;

	while (ns < window_ns) {
		ns += run_chunk(subject, state, c);
		lookups += CHUNK_LOOKUPS;
	}
	if (bench_waits_read(waits) - waited > window_ns / WAIT_MAX_SHARE)
		times->discarded++;
	else
		bench_result_add(times, (double)ns / (double)lookups);
}

static bool wants_window(const struct bench_result *times, const struct iommu_options *options)
{
	return times->count < options->windows.count &&
	       times->count + times->discarded < options->windows.count * TRIES_EACH;
}

static void run_case(const struct iommu_case *c, const struct iommu_options *options,
		     struct iommu_figure figures[SUBJECTS])
{
	static struct bench_result times[SUBJECTS];
	void *states[SUBJECTS];
	struct bench_waits waits;
	bool again = true;

	bench_waits_open(&waits);
	bench_waits_add_thread(&waits);
	for (size_t i = 0; i < SUBJECTS; i++) {
		times[i].count = 0;
		times[i].discarded = 0;
		states[i] = subjects[i]->open(c);
		run_chunk(subjects[i], states[i], c);
	}
	while (again) {
		again = false;
		for (size_t i = 0; i < SUBJECTS; i++) {
			if (!wants_window(&times[i], options))
				continue;
			run_window(subjects[i], states[i], c, options->windows.ns, &waits,
				   &times[i]);
			again = true;
		}
	}
	for (size_t i = 0; i < SUBJECTS; i++) {
		figures[i] = iommu_figure_of(&times[i]);
		subjects[i]->close(states[i]);
	}
	bench_waits_close(&waits);
}

/* Of 4 KiB pages: 1 GiB in so many maps. Of 2 MiB: one page a map. */
static struct iommu_case make_case(uint32_t maps, uint32_t leaf_lg2)
{
	struct iommu_case c = { .maps = maps, .leaf_lg2 = leaf_lg2 };

	c.map_bytes = leaf_lg2 == 12 ? GIB / maps : 2 * MIB;
	return c;
}

static void print_heading(const struct iommu_options *options)
{
	printf("ns a lookup, random addresses, median (least - most) of %zu windows of %.0f ms\n",
	       options->windows.count, (double)options->windows.ns / 1e6);
	printf("%-8s %6s %8s", "pages", "maps", "range");
	for (size_t i = 0; i < SUBJECTS; i++)
		printf("  %-20s", subjects[i]->name);
	printf("\n");
}

static void print_case(const struct iommu_case *c, const struct iommu_figure *figures)
{
	printf("%-8s %6u %4llu MiB", c->leaf_lg2 == 12 ? "4 KiB" : "2 MiB", c->maps,
	       (unsigned long long)(iommu_case_bytes(c) / MIB));
	for (size_t i = 0; i < SUBJECTS; i++) {
		char text[40];

		snprintf(text, sizeof(text), "%.2f (%.2f - %.2f)", figures[i].median,
			 figures[i].low, figures[i].high);
		printf("  %-20s", text);
	}
	printf("\n");
	fflush(stdout);
}

/* The keys that have a name of their own, and each subject's by case. */
static void report_case(const struct iommu_case *c, const struct iommu_figure *figures,
			struct bench_json *json)
{
	const char *pages = c->leaf_lg2 == 12 ? "4k" : "2m";
	char key[64];

	for (size_t i = 0; i < SUBJECTS; i++) {
		snprintf(key, sizeof(key), "%s_%s_%u_maps_ns", subjects[i]->name, pages, c->maps);
		iommu_report_figure(json, key, &figures[i]);
	}
	/* 1 GiB of 4 KiB pages, as a vIOMMU would map it; 1 GiB of 2 MiB pages. */
	if (c->leaf_lg2 == 12 && c->maps == 512) {
		iommu_report_figure(json, "translate_hit_ns", &figures[HIT]);
		iommu_report_figure(json, "walk_4k_ns", &figures[WALK]);
	} else if (c->leaf_lg2 == 21 && c->maps == 512) {
		iommu_report_figure(json, "walk_2m_ns", &figures[WALK]);
	}
}

/* For callgrind: only what the subject's run() does. */
static void count_lookups(const struct iommu_options *options)
{
	for (size_t i = 0; i < SUBJECTS; i++) {
		struct iommu_case c = make_case(512, 12);
		void *state;

		if (strcmp(subjects[i]->name, options->count_subject) != 0)
			continue;
		state = subjects[i]->open(&c);
		for (unsigned long n = 0; n < options->count_lookups; n += CHUNK_LOOKUPS)
			run_chunk(subjects[i], state, &c);
		subjects[i]->close(state);
	}
}

void iommu_run_lookups(const struct iommu_options *options, struct bench_json *json)
{
	struct iommu_figure figures[SUBJECTS];

	if (options->count_lookups) {
		count_lookups(options);
		return;
	}
	print_heading(options);
	for (size_t i = 0; i < 2 * COUNTS; i++) {
		struct iommu_case c = make_case(counts[i % COUNTS], i < COUNTS ? 12 : 21);

		run_case(&c, options, figures);
		print_case(&c, figures);
		report_case(&c, figures, json);
	}
}
