/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: which pages of guests' memory are lent to a real device. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "iommu_fixture.h"
#include "svio_iommu_window.h"

#define PAGES       16
#define ARENA_PAGES 64
#define PAGE        ((uint64_t)SVIO_IOMMU_PAGE_BYTES)

/* A host's IOMMU that remembers which pages of memory it maps. */
struct host {
	char *memory;
	bool mapped[PAGES];
	uint32_t maps, unmaps;
	uint32_t rights;
	int map_status, unmap_status;
};

static int host_map(void *context, uint64_t iova, const void *memory, uint64_t bytes,
		    uint32_t rights)
{
	struct host *host = context;
	uint64_t page = (iova - (uint64_t)(uintptr_t)host->memory) / PAGE;

	CU_ASSERT_EQUAL(iova, (uint64_t)(uintptr_t)memory);
	CU_ASSERT_EQUAL(bytes, PAGE);
	CU_ASSERT_FATAL(page < PAGES);
	CU_ASSERT_FALSE(host->mapped[page]);
	if (host->map_status)
		return host->map_status;
	host->mapped[page] = true;
	host->rights = rights;
	host->maps++;
	return 0;
}

static int host_unmap(void *context, uint64_t iova, uint64_t bytes)
{
	struct host *host = context;
	uint64_t page = (iova - (uint64_t)(uintptr_t)host->memory) / PAGE;
	bool any = false;

	host->unmaps++;
	for (; bytes; bytes -= PAGE, page++) {
		CU_ASSERT_FATAL(page < PAGES);
		any |= host->mapped[page];
		if (!host->unmap_status)
			host->mapped[page] = false;
	}
	CU_ASSERT(any);
	return host->unmap_status;
}

static const struct svio_iommu_host_ops host_ops = { .map = host_map, .unmap = host_unmap };

static struct host host;
static struct svio_iommu_window window;
static void *arena, *state;

/* arena_pages: of the window's tables, at most ARENA_PAGES. Returns what opening it returned. */
static int try_window(uint32_t pages_max, size_t arena_pages)
{
	memset(&host, 0, sizeof(host));
	host.memory = aligned_alloc(PAGE, (size_t)PAGES * PAGE);
	arena = aligned_alloc(PAGE, (size_t)ARENA_PAGES * PAGE);
	state = malloc(svio_iommu_state_bytes((size_t)ARENA_PAGES * PAGE));
	CU_ASSERT_FATAL(host.memory && arena && state);
	memset(arena, 0, (size_t)ARENA_PAGES * PAGE);
	return svio_iommu_window_open(&window, state, arena, arena_pages * PAGE, pages_max,
				      &host_ops, &host);
}

static void open_window(uint32_t pages_max)
{
	CU_ASSERT_EQUAL_FATAL(try_window(pages_max, ARENA_PAGES), 0);
}

static void close_window(void)
{
	free(host.memory);
	free(arena);
	free(state);
}

static bool lend(uint32_t offset, uint32_t bytes)
{
	return svio_iommu_window_lend(&window, host.memory + offset, bytes);
}

static int revoke(uint32_t offset, uint64_t bytes)
{
	return svio_iommu_window_revoke(&window, host.memory + offset, bytes);
}

static uint32_t count_mapped(void)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < PAGES; i++)
		count += host.mapped[i];
	return count;
}

static void lend_maps_the_pages_it_touches_once_and_to_be_read(void)
{
	open_window(PAGES);
	CU_ASSERT(lend(PAGE - 1, 1));
	CU_ASSERT_EQUAL(count_mapped(), 1);
	CU_ASSERT(lend(PAGE - 1, 2 + PAGE));
	CU_ASSERT(host.mapped[0] && host.mapped[1] && host.mapped[2]);
	CU_ASSERT_EQUAL(count_mapped(), 3);
	CU_ASSERT(lend(0, 3 * PAGE));
	CU_ASSERT_EQUAL(host.maps, 3);
	CU_ASSERT_EQUAL(host.rights, SVIO_IOMMU_READ);
	CU_ASSERT_EQUAL(window.pages, 3);
	close_window();
}

static void revoke_takes_back_what_it_touches_and_nothing_else(void)
{
	open_window(PAGES);
	CU_ASSERT(lend(0, 8 * PAGE));
	CU_ASSERT_EQUAL(revoke(3 * PAGE - 1, 2), 0);
	CU_ASSERT(host.mapped[1] && !host.mapped[2] && !host.mapped[3] && host.mapped[4]);
	CU_ASSERT_EQUAL(window.pages, 6);
	CU_ASSERT_EQUAL(revoke(0, PAGES * PAGE), 0);
	CU_ASSERT_EQUAL(count_mapped(), 0);
	CU_ASSERT_EQUAL(window.pages, 0);
	CU_ASSERT(lend(2 * PAGE, PAGE));
	CU_ASSERT(host.mapped[2]);
	close_window();
}

static void revoke_of_what_is_not_lent_asks_nobody(void)
{
	open_window(PAGES);
	CU_ASSERT_EQUAL(revoke(0, PAGE), 0);
	CU_ASSERT(lend(0, PAGE));
	CU_ASSERT_EQUAL(revoke(PAGE, 4 * PAGE), 0);
	CU_ASSERT_EQUAL(revoke(0, 0), 0);
	CU_ASSERT_EQUAL(host.unmaps, 0);
	CU_ASSERT(host.mapped[0]);
	close_window();
}

static void lend_without_room_is_refused_until_it_settles(void)
{
	open_window(2);
	CU_ASSERT(lend(0, PAGE));
	CU_ASSERT(lend(5 * PAGE, PAGE));
	CU_ASSERT_FALSE(lend(PAGE, PAGE));
	/* What is lent stays: a frame in it may be on its way. */
	CU_ASSERT(lend(0, PAGE));
	CU_ASSERT_EQUAL(count_mapped(), 2);
	CU_ASSERT_EQUAL(svio_iommu_window_settle(&window), 0);
	CU_ASSERT_EQUAL(count_mapped(), 0);
	/* Two pieces that do not touch: what lies between them is not ours to unmap. */
	CU_ASSERT_EQUAL(host.unmaps, 2);
	CU_ASSERT(lend(PAGE, PAGE));
	CU_ASSERT_EQUAL(svio_iommu_window_settle(&window), 0);
	CU_ASSERT_EQUAL(count_mapped(), 1);
	close_window();
}

static void lend_that_the_host_refuses_leaves_nothing(void)
{
	open_window(PAGES);
	host.map_status = -EFAULT;
	CU_ASSERT_FALSE(lend(0, PAGE));
	CU_ASSERT_EQUAL(window.pages, 0);
	CU_ASSERT_FALSE(window.full);
	host.map_status = -ENOSPC;
	CU_ASSERT_FALSE(lend(0, PAGE));
	CU_ASSERT(window.full);
	host.map_status = 0;
	CU_ASSERT(lend(0, PAGE));
	CU_ASSERT_EQUAL(count_mapped(), 1);
	close_window();
}

static void revoke_that_the_host_refuses_is_reported(void)
{
	open_window(PAGES);
	CU_ASSERT(lend(0, PAGE));
	host.unmap_status = -EIO;
	CU_ASSERT_EQUAL(revoke(0, PAGE), -EIO);
	close_window();
	open_window(2);
	CU_ASSERT(lend(0, PAGE));
	CU_ASSERT(lend(5 * PAGE, PAGE));
	CU_ASSERT_FALSE(lend(PAGE, PAGE));
	host.unmap_status = -EIO;
	CU_ASSERT_EQUAL(svio_iommu_window_settle(&window), -EIO);
	CU_ASSERT_EQUAL(host.unmaps, 1);
	close_window();
}

static void pages_side_by_side_are_taken_back_at_once(void)
{
	open_window(4);
	CU_ASSERT(lend(2 * PAGE, 4 * PAGE));
	CU_ASSERT_FALSE(lend(0, PAGE));
	CU_ASSERT_EQUAL(svio_iommu_window_settle(&window), 0);
	CU_ASSERT_EQUAL(host.unmaps, 1);
	CU_ASSERT_EQUAL(count_mapped(), 0);
	close_window();
}

/* Tables that are emptied, and those of a page that the host refuses, are there for the next. */
static void tables_are_used_again(void)
{
	open_window(PAGES);
	for (uint32_t i = 0; i < ARENA_PAGES; i++) {
		CU_ASSERT(lend(0, PAGE));
		CU_ASSERT_EQUAL(revoke(0, PAGE), 0);
	}
	close_window();
	open_window(PAGES);
	host.map_status = -EFAULT;
	for (uint32_t i = 0; i < ARENA_PAGES; i++)
		CU_ASSERT_FALSE(lend(0, PAGE));
	host.map_status = 0;
	CU_ASSERT(lend(0, PAGE));
	close_window();
}

/* A root, and tables for half of the way to a page. */
static void lend_without_tables_leaves_the_host_alone(void)
{
	CU_ASSERT_EQUAL_FATAL(try_window(PAGES, 4), 0);
	CU_ASSERT_FALSE(lend(0, PAGE));
	CU_ASSERT_EQUAL(host.maps, 0);
	CU_ASSERT(window.full);
	close_window();
	CU_ASSERT_EQUAL(try_window(PAGES, 2), -EINVAL);
	close_window();
}

static bool all_mapped(uint32_t first, uint32_t bytes)
{
	for (uint32_t page = first / PAGE; page <= (first + bytes - 1) / PAGE; page++)
		if (!host.mapped[page])
			return false;
	return true;
}

static bool any_mapped(uint32_t first, uint32_t bytes)
{
	for (uint32_t page = first / PAGE; page <= (first + bytes - 1) / PAGE; page++)
		if (host.mapped[page])
			return true;
	return false;
}

static void random_lends_and_revokes_agree_with_the_host(void)
{
	uint64_t random = svio_test_seed(0x77696e646f77);

	open_window(PAGES - 4);
	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t first = (uint32_t)(svio_test_random(&random) % (PAGES * PAGE));
		uint32_t bytes = 1 + (uint32_t)(svio_test_random(&random) % (PAGES * PAGE - first));

		if (svio_test_random(&random) & 1) {
			CU_ASSERT_EQUAL(revoke(first, bytes), 0);
			CU_ASSERT_FALSE(any_mapped(first, bytes));
		} else if (lend(first, bytes)) {
			CU_ASSERT(all_mapped(first, bytes));
		} else {
			CU_ASSERT_EQUAL(svio_iommu_window_settle(&window), 0);
			CU_ASSERT_EQUAL(count_mapped(), 0);
		}
		CU_ASSERT_EQUAL_FATAL(count_mapped(), window.pages);
	}
	close_window();
}

SVIO_TEST_MAIN("iommu window", SVIO_TEST(lend_maps_the_pages_it_touches_once_and_to_be_read),
	       SVIO_TEST(revoke_takes_back_what_it_touches_and_nothing_else),
	       SVIO_TEST(revoke_of_what_is_not_lent_asks_nobody),
	       SVIO_TEST(lend_without_room_is_refused_until_it_settles),
	       SVIO_TEST(lend_that_the_host_refuses_leaves_nothing),
	       SVIO_TEST(revoke_that_the_host_refuses_is_reported),
	       SVIO_TEST(pages_side_by_side_are_taken_back_at_once),
	       SVIO_TEST(tables_are_used_again),
	       SVIO_TEST(lend_without_tables_leaves_the_host_alone),
	       SVIO_TEST(random_lends_and_revokes_agree_with_the_host))
