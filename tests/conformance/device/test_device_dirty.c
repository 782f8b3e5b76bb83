/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The dirty log, end to end: a client that copies what is reported has all that
 * the device wrote, under traffic and while the firmware is killed; and nothing
 * that was not written is reported.
 *
 * Guest b only receives. Its driver writes to rings (and reads buffers), so
 * whatever else changes in its memory the device wrote.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device_guest.h"
#include "svio_test.h"

#define PAGE       4096ull
#define ROUNDS     400 /* of reports under traffic */
#define KILLS      3
#define EXTRA_IOVA 0x7000000000ull
#define EXTRA      (64 * PAGE)

static struct device_lab lab;
static struct guest a;
static struct guest b;
static struct svio_vif_raw memory; /* b's */
static struct svio_vif_raw_queue rings;
static struct neighbours traffic;
static struct received received;
static uint8_t *copy; /* what a client has of b's memory */
static uint64_t pages;
static uint64_t *bitmap;

static void open_b(void)
{
	guest_open(&b, &lab, "b", NULL);
	svio_vif_raw_get(b.vif, &memory);
	svio_vif_raw_queue_get(b.queue, &rings);
	pages = memory.memory_bytes / PAGE;
}

static void start(void)
{
	lab_start(&lab);
	lab_vif_add(&lab, "a", "");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", NULL);
	open_b();
	copy = malloc(memory.memory_bytes);
	bitmap = calloc((pages + 63) / 64, sizeof(*bitmap));
	CU_ASSERT_FATAL(copy != NULL && bitmap != NULL);
}

static void stop(void)
{
	free(copy);
	free(bitmap);
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

static int log_range(uint64_t iova, uint64_t bytes, uint64_t page_bytes)
{
	struct svio_vif_raw_range range = { iova, bytes };

	return svio_vif_raw_dirty_start(b.vif, &range, 1, &page_bytes);
}

static int log_all(uint64_t page_bytes)
{
	return log_range(memory.iova, memory.memory_bytes, page_bytes);
}

static bool is_reported(uint64_t page)
{
	return bitmap[page / 64] >> (page % 64) & 1;
}

/* Of all of b's memory. How many pages are in it. */
static uint64_t report(void)
{
	uint64_t count = 0;

	CU_ASSERT_EQUAL_FATAL(svio_vif_raw_dirty_report(b.vif, memory.iova, memory.memory_bytes,
							PAGE, bitmap),
			      0);
	for (uint64_t page = 0; page < pages; page++)
		count += is_reported(page);
	return count;
}

static bool overlaps(uint64_t page, const volatile void *data, size_t bytes)
{
	uint64_t first = (uint64_t)((const volatile uint8_t *)data - memory.memory) / PAGE;
	uint64_t last =
		((uint64_t)((const volatile uint8_t *)data - memory.memory) + bytes - 1) / PAGE;

	return page >= first && page <= last;
}

static bool is_drivers(uint64_t page)
{
	return overlaps(page, rings.rx_ring, 16ul << rings.rx_lg2) ||
	       overlaps(page, rings.tx_ring, 16ul << rings.tx_lg2) ||
	       overlaps(page, memory.admin_sq, 64ul << memory.admin_lg2);
}

static bool differs(uint64_t page)
{
	return memcmp(copy + page * PAGE, memory.memory + page * PAGE, PAGE) != 0;
}

static uint64_t copy_reported(void)
{
	uint64_t count = report();

	for (uint64_t page = 0; page < pages; page++)
		if (is_reported(page))
			memcpy(copy + page * PAGE, memory.memory + page * PAGE, PAGE);
	return count;
}

/* Pages of the device that the copy has not as they are. */
static uint64_t count_missed(void)
{
	uint64_t missed = 0;

	for (uint64_t page = 0; page < pages; page++)
		missed += !is_drivers(page) && differs(page);
	return missed;
}

static void send_one(uint8_t seed)
{
	uint8_t frame[60];

	frame_fill(frame, sizeof(frame), b.mac, a.mac, seed);
	CU_ASSERT_TRUE(guest_send(&a, frame, sizeof(frame), 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
}

static void one_packet_is_buffer_and_completion(void)
{
	uint64_t changed = 0, extra = 0;

	CU_ASSERT_EQUAL_FATAL(log_all(PAGE), 0);
	report();
	memcpy(copy, memory.memory, memory.memory_bytes);
	send_one(1);
	CU_ASSERT_EQUAL(report(), 2);
	for (uint64_t page = 0; page < pages; page++) {
		changed += differs(page) && !is_drivers(page);
		extra += is_reported(page) && !differs(page);
		CU_ASSERT_FALSE(differs(page) && !is_drivers(page) && !is_reported(page));
	}
	CU_ASSERT_TRUE(changed >= 1);
	CU_ASSERT_EQUAL(extra, 0);
	CU_ASSERT_EQUAL(report(), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

/* What a migrating client does: copy all, then what is reported, at last when nothing moves. */
static void migrate(uint64_t page_bytes, uint32_t kills)
{
	uint64_t copied = 0;

	CU_ASSERT_EQUAL_FATAL(log_all(page_bytes), 0);
	CU_ASSERT_TRUE_FATAL(neighbours_start(&traffic, &a, &b));
	memcpy(copy, memory.memory, memory.memory_bytes);
	for (uint32_t i = 0; i < ROUNDS; i++) {
		copied += copy_reported();
		if (kills && i % (ROUNDS / kills) == ROUNDS / kills / 2)
			lab_firmware_kill(&lab);
	}
	CU_ASSERT_TRUE(neighbours_stop(&traffic));
	CU_ASSERT_EQUAL(svio_vif_raw_bus_master_set(b.vif, false), 0);
	copied += copy_reported();
	CU_ASSERT_EQUAL(count_missed(), 0);
	CU_ASSERT_EQUAL(report(), 0);
	printf("     %llu pages copied, of %llu\n", (unsigned long long)copied,
	       (unsigned long long)pages);
	CU_ASSERT_TRUE(copied > 0);
	CU_ASSERT_EQUAL(svio_vif_raw_bus_master_set(b.vif, true), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

static void a_copy_under_traffic_misses_nothing(void)
{
	migrate(PAGE, 0);
}

static void a_copy_in_large_pages_misses_nothing(void)
{
	migrate(16 * PAGE, 0);
}

static void a_copy_with_the_firmware_killed_misses_nothing(void)
{
	migrate(PAGE, KILLS);
}

/* Receive buffers into memory of one's own: rows of the ring that are posted now. */
static void redirect_buffers(uint64_t iova, uint64_t bytes)
{
	uint32_t entries = 1u << rings.rx_lg2;

	for (uint32_t i = 0; i < entries; i++)
		rings.rx_ring[i].addr = iova + 2 * PAGE * i % bytes;
}

static uint64_t report_extra(uint64_t words[EXTRA / PAGE / 64])
{
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, EXTRA_IOVA, EXTRA, PAGE, words), 0);
	return words[0];
}

static bool await_data(const uint8_t *data, uint64_t bytes)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (lab_now_ns() < deadline)
		for (uint64_t at = 0; at < bytes; at += PAGE)
			if (__atomic_load_n(&data[at], __ATOMIC_ACQUIRE))
				return true;
	return false;
}

/* Which pages have anything in them. */
static uint64_t used_pages(const uint8_t *data)
{
	uint64_t used = 0;

	for (uint64_t page = 0; page < EXTRA / PAGE; page++)
		for (uint64_t at = 0; at < PAGE; at++)
			if (data[page * PAGE + at])
				used |= 1ull << page;
	return used;
}

static void send_into(uint8_t *data)
{
	uint8_t frame[60];

	frame_fill(frame, sizeof(frame), b.mac, a.mac, 7);
	CU_ASSERT_TRUE(guest_send(&a, frame, sizeof(frame), 0, NULL));
	CU_ASSERT_TRUE(await_data(data, EXTRA));
}

static void renew_b(void)
{
	guest_close(&b);
	open_b();
}

/* The log is of addresses: what was written before an unmap is told after it, and a new map begins clean. */
static void unmapped_and_mapped_memory_is_logged(void)
{
	int fd = memfd_create("extra", MFD_CLOEXEC), other = memfd_create("other", MFD_CLOEXEC);
	uint64_t words[EXTRA / PAGE / 64];
	uint8_t *first, *second;

	CU_ASSERT_FATAL(fd >= 0 && other >= 0 && !ftruncate(fd, EXTRA) && !ftruncate(other, EXTRA));
	first = mmap(NULL, EXTRA, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	second = mmap(NULL, EXTRA, PROT_READ | PROT_WRITE, MAP_SHARED, other, 0);
	CU_ASSERT_FATAL(first != MAP_FAILED && second != MAP_FAILED);
	renew_b();
	redirect_buffers(EXTRA_IOVA, EXTRA);
	/* Logged before anything is mapped there. */
	CU_ASSERT_EQUAL_FATAL(log_range(EXTRA_IOVA, EXTRA, PAGE), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(b.vif, EXTRA_IOVA, EXTRA, fd, 0, true, true), 0);
	send_into(first);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_unmap(b.vif, EXTRA_IOVA, EXTRA), 0);
	CU_ASSERT_EQUAL(report_extra(words), used_pages(first));
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(b.vif, EXTRA_IOVA, EXTRA, other, 0, true, true), 0);
	CU_ASSERT_EQUAL(report_extra(words), 0);
	send_into(second);
	CU_ASSERT_EQUAL(svio_vif_raw_bus_master_set(b.vif, false), 0);
	CU_ASSERT_EQUAL(report_extra(words), used_pages(second));
	munmap(first, EXTRA);
	munmap(second, EXTRA);
	close(fd);
	close(other);
	renew_b();
}

static void function_reset_keeps_the_log(void)
{
	CU_ASSERT_EQUAL_FATAL(log_all(PAGE), 0);
	send_one(1);
	CU_ASSERT_EQUAL(svio_vif_raw_function_reset(b.vif), 0);
	CU_ASSERT_TRUE(report() >= 2);
	CU_ASSERT_EQUAL(svio_vif_reset(b.vif), 0);
	report();
	send_one(2);
	CU_ASSERT_TRUE(report() >= 2);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

static void what_makes_no_sense_is_refused(void)
{
	struct svio_vif_raw_range range = { memory.iova, memory.memory_bytes };
	uint64_t page_bytes = 3 * PAGE;
	uint64_t word;

	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, 0, PAGE, PAGE, &word), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_start(b.vif, &range, 1, &page_bytes), -EINVAL);
	CU_ASSERT_EQUAL(log_range(1ull << 63, 1ull << 63, PAGE), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
	CU_ASSERT_EQUAL(log_range(0 - PAGE, 2 * PAGE, PAGE), -EOVERFLOW);
	page_bytes = PAGE;
	/* Everything: in pages as small as the bitmap allows. */
	CU_ASSERT_EQUAL_FATAL(svio_vif_raw_dirty_start(b.vif, &range, 0, &page_bytes), 0);
	CU_ASSERT_EQUAL(page_bytes, 512ull * 1024);
	CU_ASSERT_EQUAL(log_all(PAGE), -EBUSY);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, 1, PAGE, PAGE, &word), -EINVAL);
	/* Beyond all that can be mapped: nothing is dirty. */
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, 0 - PAGE, PAGE, PAGE, &word), 0);
	CU_ASSERT_EQUAL(word, 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

/* Asked for in pieces, and together with what is not logged, each page is told once. */
static void reports_in_pieces_add_up(void)
{
	uint64_t whole, half = memory.iova + (pages / 2) * PAGE, sum = 0;
	uint64_t *words = calloc(pages / 64 + 2, sizeof(*words));

	CU_ASSERT_EQUAL_FATAL(log_range(memory.iova, (pages / 2) * PAGE, PAGE), 0);
	for (uint8_t i = 0; i < 100; i++)
		send_one(i);
	for (uint64_t at = memory.iova; at < half; at += 7 * PAGE) {
		uint64_t word;

		CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, at, 7 * PAGE, PAGE, &word), 0);
		CU_ASSERT_EQUAL(word >> 7, 0);
		sum += (uint64_t)__builtin_popcountll(word);
	}
	whole = report();
	CU_ASSERT_EQUAL(whole, 0);
	CU_ASSERT_TRUE(sum >= 1 && sum < pages / 2);
	free(words);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

/* What the administrator sees of it. */
static void iommu_show_tells_of_it(void)
{
	static char text[8192];

	CU_ASSERT_EQUAL_FATAL(log_all(2 * PAGE), 0);
	send_one(1);
	report();
	CU_ASSERT_EQUAL(lab_svio(&lab, text, sizeof(text), "iommu show b"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "dirty log     on for "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "in pages of 8 KiB, 2 pages in 1 reports"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "translations  1 descriptors, "));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, " rw"));
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
	CU_ASSERT_EQUAL(lab_svio(&lab, text, sizeof(text), "iommu show b"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "dirty log     off"));
}

/* The next client, and the next VIF, begin without a log. */
static void the_log_ends_with_its_client(void)
{
	uint64_t word;

	CU_ASSERT_EQUAL_FATAL(log_all(PAGE), 0);
	send_one(1);
	renew_b();
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, 0, PAGE, PAGE, &word), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(log_all(PAGE), 0);
	CU_ASSERT_EQUAL(report(), 0);
	lab_vif_del(&lab, "b");
	guest_close(&b);
	lab_vif_add(&lab, "b", "");
	open_b();
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_report(b.vif, 0, PAGE, PAGE, &word), -EINVAL);
	CU_ASSERT_EQUAL_FATAL(log_all(PAGE), 0);
	CU_ASSERT_EQUAL(report(), 0);
	send_one(1);
	CU_ASSERT_EQUAL(report(), 2);
	CU_ASSERT_EQUAL(svio_vif_raw_dirty_stop(b.vif), 0);
}

SVIO_TEST_MAIN_WITH("device dirty log", start, stop, SVIO_TEST(one_packet_is_buffer_and_completion),
		    SVIO_TEST(a_copy_under_traffic_misses_nothing),
		    SVIO_TEST(a_copy_in_large_pages_misses_nothing),
		    SVIO_TEST(a_copy_with_the_firmware_killed_misses_nothing),
		    SVIO_TEST(unmapped_and_mapped_memory_is_logged),
		    SVIO_TEST(function_reset_keeps_the_log),
		    SVIO_TEST(what_makes_no_sense_is_refused), SVIO_TEST(reports_in_pieces_add_up),
		    SVIO_TEST(iommu_show_tells_of_it), SVIO_TEST(the_log_ends_with_its_client))
