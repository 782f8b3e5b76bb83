/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_iommu_dirty.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#define ADDRESS_LAST ((1ull << 48) - 1)
#define WORD_PAGES   64u

_Static_assert(sizeof(struct svio_iommu_dirty_log) <= SVIO_IOMMU_DIRTY_HEADER_BYTES, "header");
_Static_assert(sizeof(struct svio_iommu_dirty_extent) == 32, "layout is shared");
_Static_assert(offsetof(struct svio_iommu_dirty_log, extent) == 64, "layout is shared");

static uint64_t *bitmap_of(struct svio_iommu_dirty_log *log)
{
	return (uint64_t *)(void *)((char *)log + SVIO_IOMMU_DIRTY_HEADER_BYTES);
}

/* Where a page's word is, from the bitmap's begin. */
static uint64_t word_of(const struct svio_iommu_dirty_extent *extent, uint64_t page)
{
	return extent->word + page / WORD_PAGES - extent->first / WORD_PAGES;
}

/* The extent that has a page, or the next one: the first whose last page is not below it. */
static uint32_t find_extent(const struct svio_iommu_dirty_extent *extent, uint32_t count,
			    uint64_t page)
{
	uint32_t low = 0;

	while (low < count) {
		uint32_t middle = low + (count - low) / 2;

		if (extent[middle].last < page)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

void svio_iommu_dirty_mark(struct svio_iommu_dirty_log *log, uint64_t iova, uint64_t bytes)
{
	uint64_t page = iova >> log->page_lg2;
	uint64_t last = (iova + (bytes - 1)) >> log->page_lg2;
	uint32_t i = find_extent(log->extent, log->extents, page);

	for (; page <= last; page++) {
		const struct svio_iommu_dirty_extent *extent = &log->extent[i];
		uint64_t bit = 1ull << page % WORD_PAGES;
		uint64_t *word;

		if (i == log->extents)
			return;
		if (page < extent->first)
			continue;
		word = &bitmap_of(log)[word_of(extent, page)];
		/* Acquire: the write to the page stays behind the mark. */
		if (!(__atomic_load_n(word, __ATOMIC_RELAXED) & bit))
			__atomic_fetch_or(word, bit, __ATOMIC_ACQUIRE);
		if (page == extent->last)
			i++;
	}
}

/* Starting: until the granularity is chosen extents are in bytes, first to last. */

/* Into its place. -EINVAL: it overlaps another. */
static int insert_range(struct svio_iommu_dirty *dirty, uint64_t first, uint64_t last)
{
	struct svio_iommu_dirty_extent *extent = dirty->extent;
	uint32_t at = find_extent(extent, dirty->extents, first);

	if (at < dirty->extents && extent[at].first <= last)
		return -EINVAL;
	memmove(&extent[at + 1], &extent[at], (dirty->extents - at) * sizeof(*extent));
	extent[at] = (struct svio_iommu_dirty_extent){ .first = first, .last = last };
	dirty->extents++;
	return 0;
}

static int take_ranges(struct svio_iommu_dirty *dirty, uint64_t page_bytes,
		       const struct svio_iommu_dirty_range *ranges, uint32_t count)
{
	uint32_t i;

	if (count > SVIO_IOMMU_DIRTY_RANGES_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++) {
		uint64_t first = ranges[i].iova;
		uint64_t last = first + (ranges[i].bytes - 1);
		int status;

		if (!ranges[i].bytes || (first | ranges[i].bytes) & (page_bytes - 1))
			return -EINVAL;
		if (last < first)
			return -EOVERFLOW;
		status = insert_range(dirty, first, last);
		if (status)
			return status;
	}
	return count ? 0 : insert_range(dirty, 0, ADDRESS_LAST);
}

/* What lies beyond the address range goes. */
static void clip_ranges(struct svio_iommu_dirty *dirty)
{
	struct svio_iommu_dirty_extent *end;

	while (dirty->extents && dirty->extent[dirty->extents - 1].first > ADDRESS_LAST)
		dirty->extents--;
	if (!dirty->extents)
		return;
	end = &dirty->extent[dirty->extents - 1];
	if (end->last > ADDRESS_LAST)
		end->last = ADDRESS_LAST;
}

/* Words of the bitmap for pages of 2^lg2, if no two ranges share one. */
static uint64_t count_words(const struct svio_iommu_dirty *dirty, uint32_t lg2)
{
	uint64_t words = 0;
	uint32_t i;

	for (i = 0; i < dirty->extents; i++)
		words += (dirty->extent[i].last >> lg2) / WORD_PAGES -
			 (dirty->extent[i].first >> lg2) / WORD_PAGES + 1;
	return words;
}

/* Turn bytes into pages: ranges that adjoin, or share a page, become one extent. */
static void lay_out(struct svio_iommu_dirty *dirty)
{
	struct svio_iommu_dirty_extent *to = dirty->extent;
	uint32_t count = 0;
	uint64_t words = 0;
	uint32_t i;

	for (i = 0; i < dirty->extents; i++) {
		uint64_t first = dirty->extent[i].first >> dirty->page_lg2;
		uint64_t last = dirty->extent[i].last >> dirty->page_lg2;

		if (count && first <= to[count - 1].last + 1) {
			count--;
			first = to[count].first;
			words = to[count].word;
		}
		to[count++] = (struct svio_iommu_dirty_extent){ first, last, words, 0 };
		words += last / WORD_PAGES - first / WORD_PAGES + 1;
	}
	dirty->extents = count;
}

static bool is_power_of_two(uint64_t n)
{
	return n && !(n & (n - 1));
}

/* The smallest granularity from the wish on whose bitmap fits; none: above the maximum. */
static uint32_t choose_page_lg2(const struct svio_iommu_dirty *dirty, uint64_t page_bytes,
				uint64_t words_max)
{
	uint32_t lg2 = (uint32_t)__builtin_ctzll(page_bytes);

	if (lg2 < SVIO_IOMMU_DIRTY_PAGE_LG2_MIN)
		lg2 = SVIO_IOMMU_DIRTY_PAGE_LG2_MIN;
	if (lg2 > SVIO_IOMMU_DIRTY_PAGE_LG2_MAX)
		lg2 = SVIO_IOMMU_DIRTY_PAGE_LG2_MAX;
	while (lg2 <= SVIO_IOMMU_DIRTY_PAGE_LG2_MAX && count_words(dirty, lg2) > words_max)
		lg2++;
	return lg2;
}

int svio_iommu_dirty_start(struct svio_iommu_dirty *dirty, void *memory, size_t memory_bytes,
			   uint64_t *page_bytes, const struct svio_iommu_dirty_range *ranges,
			   uint32_t count)
{
	struct svio_iommu_dirty_log *log = memory;
	int status;

	if (!is_power_of_two(*page_bytes))
		return -EINVAL;
	if (memory_bytes < SVIO_IOMMU_DIRTY_HEADER_BYTES)
		return -ENOSPC;
	dirty->log = log;
	dirty->extents = 0;
	dirty->reported = 0;
	status = take_ranges(dirty, *page_bytes, ranges, count);
	if (status)
		return status;
	clip_ranges(dirty);
	dirty->page_lg2 =
		choose_page_lg2(dirty, *page_bytes,
				(memory_bytes - SVIO_IOMMU_DIRTY_HEADER_BYTES) / sizeof(uint64_t));
	if (dirty->page_lg2 > SVIO_IOMMU_DIRTY_PAGE_LG2_MAX)
		return -ENOSPC;
	lay_out(dirty);
	*page_bytes = 1ull << dirty->page_lg2;
	log->page_lg2 = dirty->page_lg2;
	log->extents = dirty->extents;
	memcpy(log->extent, dirty->extent, dirty->extents * sizeof(log->extent[0]));
	return 0;
}

/* Reporting */

struct report {
	uint64_t iova;
	uint64_t last;
	uint32_t page_lg2; /* of the report */
	uint64_t *bitmap;
};

static void set_bits(uint64_t *bitmap, uint64_t first, uint64_t last)
{
	uint64_t word = first / WORD_PAGES;
	uint64_t from = ~0ull << first % WORD_PAGES;
	uint64_t to = ~0ull >> (WORD_PAGES - 1 - last % WORD_PAGES);

	for (; word < last / WORD_PAGES; word++) {
		bitmap[word] |= from;
		from = ~0ull;
	}
	bitmap[word] |= from & to;
}

/* The log's pages first to last, all dirty, as far as they were asked for. */
static void report_run(const struct report *report, uint32_t log_lg2, uint64_t first, uint64_t last)
{
	uint64_t from = first << log_lg2;
	uint64_t to = ((last + 1) << log_lg2) - 1;

	if (from < report->iova)
		from = report->iova;
	if (to > report->last)
		to = report->last;
	set_bits(report->bitmap, (from - report->iova) >> report->page_lg2,
		 (to - report->iova) >> report->page_lg2);
}

/* One word of the log: bits of the pages that touch the report; whole are those that lie in it. */
static void report_word(struct svio_iommu_dirty *dirty, const struct report *report, uint64_t *word,
			uint64_t page, uint64_t touch, uint64_t whole)
{
	uint64_t bits = __atomic_load_n(word, __ATOMIC_RELAXED) & touch;

	if (!bits)
		return;
	if (bits & whole)
		bits |= __atomic_fetch_and(word, ~whole, __ATOMIC_ACQUIRE) & touch;
	dirty->reported += (uint64_t)__builtin_popcountll(bits);
	page -= page % WORD_PAGES;
	while (bits) {
		uint32_t first = (uint32_t)__builtin_ctzll(bits);
		uint64_t above = bits + (1ull << first); /* carries to the end of the run of ones */
		uint32_t end = above ? (uint32_t)__builtin_ctzll(above) : WORD_PAGES;

		report_run(report, dirty->page_lg2, page + first, page + end - 1);
		bits &= above;
	}
}

/* Of a word of pages from page - page % 64 on: bits first to last, which need not be in it. */
static uint64_t word_mask(uint64_t page, uint64_t first, uint64_t last)
{
	uint64_t base = page - page % WORD_PAGES;
	uint64_t end = base + WORD_PAGES - 1;

	if (first > last || first > end || last < base)
		return 0;
	return (first <= base ? ~0ull : ~0ull << (first - base)) &
	       (last >= end ? ~0ull : ~0ull >> (end - last));
}

static void report_extent(struct svio_iommu_dirty *dirty, const struct report *report,
			  const struct svio_iommu_dirty_extent *extent)
{
	uint64_t page_bytes = 1ull << dirty->page_lg2;
	uint64_t first = report->iova >> dirty->page_lg2;
	uint64_t last = report->last >> dirty->page_lg2;
	/* Those that are wholly asked for: from the first that begins in the report... */
	uint64_t whole_first = first + (report->iova & (page_bytes - 1) ? 1 : 0);
	/* ...to before the first that does not end in it. */
	uint64_t whole_end = last + ((report->last & (page_bytes - 1)) == page_bytes - 1 ? 1 : 0);
	uint64_t page;

	if (first < extent->first)
		first = extent->first;
	if (last > extent->last)
		last = extent->last;
	for (page = first; page <= last; page += WORD_PAGES - page % WORD_PAGES) {
		uint64_t touch = word_mask(page, first, last);
		uint64_t whole = whole_end ? word_mask(page, whole_first, whole_end - 1) : 0;

		report_word(dirty, report, &bitmap_of(dirty->log)[word_of(extent, page)], page,
			    touch, touch & whole);
	}
}

int svio_iommu_dirty_report(struct svio_iommu_dirty *dirty, uint64_t iova, uint64_t bytes,
			    uint64_t page_bytes, uint64_t *bitmap)
{
	struct report report = { .iova = iova, .last = iova + (bytes - 1), .bitmap = bitmap };
	uint32_t i;

	if (!is_power_of_two(page_bytes) || page_bytes < 1u << SVIO_IOMMU_DIRTY_PAGE_LG2_MIN ||
	    !bytes || (iova | bytes) & (page_bytes - 1))
		return -EINVAL;
	if (report.last < iova)
		return -EOVERFLOW;
	report.page_lg2 = (uint32_t)__builtin_ctzll(page_bytes);
	memset(bitmap, 0, ((bytes >> report.page_lg2) + 63) / 64 * sizeof(*bitmap));
	i = find_extent(dirty->extent, dirty->extents, iova >> dirty->page_lg2);
	for (; i < dirty->extents && dirty->extent[i].first <= report.last >> dirty->page_lg2; i++)
		report_extent(dirty, &report, &dirty->extent[i]);
	return 0;
}

uint64_t svio_iommu_dirty_bytes(const struct svio_iommu_dirty *dirty)
{
	uint64_t pages = 0;
	uint32_t i;

	for (i = 0; i < dirty->extents; i++)
		pages += dirty->extent[i].last - dirty->extent[i].first + 1;
	return pages << dirty->page_lg2;
}
