/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both stages against a naive model that has an array entry for each page of each: random
 * grants and revocations by the map queue (mistakes, too), random maps and unmaps of the second
 * stage, firmwares that are replaced, and look-ups of all of it. What the device finds is
 * what the model says, byte for byte. SVIO_TEST_ROUNDS: operations.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fw_dma.h"
#include "map_guest.h"
#include "svio_regs.h"
#include "svio_test.h"

#define ROUNDS       60000
#define WINDOW_PAGES 96u /* few, so that grants meet */
#define FAR_PAGE     (SVIO_MAP_PAGES_MAX - WINDOW_PAGES / 2)
#define MEMORY_PAGES 64u
#define MEMORY       fake_iova(FAKE_MEM_BYTES) /* where the second stage is changed */
#define PAGE         4096u

/* The model: a page of the window -> a page of MEMORY, with rights; that -> guest memory. */
static struct {
	uint32_t flags; /* 0: not granted */
	uint32_t page;  /* of MEMORY; may be beyond */
} first[WINDOW_PAGES];
static struct {
	uint32_t rights; /* 0: not mapped */
	uint32_t offset; /* in the guest's memory object */
} second[MEMORY_PAGES];

static uint64_t seed;

/* A law that was never put to the test is none. */
static struct {
	uint64_t granted, revoked, mistakes, hits, not_granted, unmapped, rights, restarts;
} seen;

static uint32_t below(uint32_t limit)
{
	return (uint32_t)(svio_test_random(&seed) % limit);
}

/* Half of the window's pages that are used are its last. */
static uint32_t window_page(uint32_t i)
{
	return i < WINDOW_PAGES / 2 ? i : FAR_PAGE + i - WINDOW_PAGES / 2;
}

static void must(bool holds, const char *what)
{
	if (holds)
		return;
	CU_FAIL(what);
	printf("     %s\n", what);
	exit(1);
}

/* After a mistake the queue begins anew, and all grants are gone. */
static void begin_anew(void)
{
	must(map_destroy(SVIO_QUEUE_MAP) == SVIO_ADMIN_STATUS_OK, "queue is destroyed");
	must(map_create() == SVIO_ADMIN_STATUS_OK, "queue is created");
	must(!map_granted(), "nothing is granted");
	memset(first, 0, sizeof(first));
}

static void change_first(void)
{
	uint32_t i = below(WINDOW_PAGES / 2) + (below(2) ? WINDOW_PAGES / 2 : 0);
	uint32_t room = (i < WINDOW_PAGES / 2 ? WINDOW_PAGES / 2 : WINDOW_PAGES) - i;
	uint32_t pages = 1 + below(4);
	uint32_t page = below(MEMORY_PAGES + 2);
	uint32_t flags = below(3) ? 1 + below(3) : SVIO_MAP_REVOKE;
	bool mistake = false;
	uint32_t n;

	if (pages > room)
		pages = room;
	for (n = 0; n < pages; n++)
		mistake |= (flags == SVIO_MAP_REVOKE) == !first[i + n].flags;
	/* Mistakes are dear; most are turned into what they could have been. */
	if (mistake && below(50))
		return;
	map_do(flags == SVIO_MAP_REVOKE ? 0 : MEMORY + (uint64_t)page * PAGE, window_page(i), pages,
	       flags);
	must((map_error() != 0) == mistake, "exactly mistakes stop the queue");
	if (mistake) {
		seen.mistakes++;
		begin_anew();
		return;
	}
	must(map_head() == map_tail, "what is done is told");
	for (n = 0; n < pages; n++) {
		first[i + n].flags = flags == SVIO_MAP_REVOKE ? 0 : flags;
		first[i + n].page = page + n;
	}
	*(flags == SVIO_MAP_REVOKE ? &seen.revoked : &seen.granted) += pages;
}

static void change_second(void)
{
	uint32_t i = below(MEMORY_PAGES);
	uint64_t addr = MEMORY + (uint64_t)i * PAGE;

	if (second[i].rights) {
		must(!fake_unmap(0, addr, addr + PAGE - 1), "unmap");
		svio_iommu_reclaim(fake.iommu);
		second[i].rights = 0;
		return;
	}
	second[i].rights = 1 + below(3);
	second[i].offset = below(FAKE_MEM_BYTES / PAGE) * PAGE;
	must(!svio_iommu_map(fake.iommu, fake.domain[0], addr, PAGE, 1, second[i].offset,
			     second[i].rights),
	     "map");
}

/* What a queue should find at a byte of the window. */
static enum svio_iommu_fault_reason expected(uint32_t i, uint32_t rights, uint32_t *offset)
{
	if (!first[i].flags)
		return SVIO_IOMMU_FAULT_GRANT;
	if (!(first[i].flags & rights))
		return SVIO_IOMMU_FAULT_RIGHTS;
	if (first[i].page >= MEMORY_PAGES || !second[first[i].page].rights)
		return SVIO_IOMMU_FAULT_UNMAPPED;
	if (!(second[first[i].page].rights & rights))
		return SVIO_IOMMU_FAULT_RIGHTS;
	*offset = second[first[i].page].offset;
	return SVIO_IOMMU_OK;
}

static void look_up(struct fw_vif *vif)
{
	uint32_t i = below(WINDOW_PAGES);
	uint32_t within = below(PAGE);
	uint32_t rights = 1 + below(2);
	uint32_t bytes = 1 + below(2 * PAGE);
	uint64_t addr = ((uint64_t)window_page(i) << 12) + within;
	enum svio_iommu_fault_reason want;
	enum svio_iommu_fault_reason got;
	struct fw_run run;
	uint32_t offset = 0;

	want = expected(i, rights, &offset);
	got = fw_dma_find(fake.fw, vif, addr, bytes, rights, &run);
	must(got == want, "the outcome is the model's");
	if (got == SVIO_IOMMU_OK) {
		must(run.data == (char *)fake.mem[0] + offset + within, "the place is the model's");
		must(run.bytes == (bytes < PAGE - within ? bytes : PAGE - within),
		     "a piece ends with its page");
		seen.hits++;
	}
	seen.not_granted += got == SVIO_IOMMU_FAULT_GRANT;
	seen.unmapped += got == SVIO_IOMMU_FAULT_UNMAPPED;
	seen.rights += got == SVIO_IOMMU_FAULT_RIGHTS;
}

/* Several in one section, so that what is remembered counts. */
static void look_up_some(void)
{
	struct fw_vif *vif = &fake.fw->vifs[0];
	uint32_t n;

	fw_section_begin(fake.fw);
	must(fw_vif_open(fake.fw, vif), "the VIF works");
	for (n = 0; n < 16; n++)
		look_up(vif);
	fw_section_end(fake.fw);
}

static void both_stages_are_the_models(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");
	uint64_t rounds = text ? strtoull(text, NULL, 10) : ROUNDS;
	uint64_t round;

	seed = svio_test_seed(20261121);
	must(map_set_up(), "a device");
	for (round = 0; round < rounds; round++) {
		switch (below(8)) {
		case 0:
		case 1:
		case 2:
			change_first();
			break;
		case 3:
			change_second();
			break;
		default:
			look_up_some();
			break;
		}
		if (below(500) == 0) {
			must(map_restart(), "another firmware");
			seen.restarts++;
		}
	}
	printf("     %llu pages granted, %llu revoked, %llu mistakes, %llu restarts; look-ups: %llu "
	       "hits, %llu not granted, %llu unmapped, %llu without right\n",
	       (unsigned long long)seen.granted, (unsigned long long)seen.revoked,
	       (unsigned long long)seen.mistakes, (unsigned long long)seen.restarts,
	       (unsigned long long)seen.hits, (unsigned long long)seen.not_granted,
	       (unsigned long long)seen.unmapped, (unsigned long long)seen.rights);
	CU_ASSERT_TRUE(seen.granted && seen.revoked && seen.mistakes && seen.restarts);
	CU_ASSERT_TRUE(seen.hits && seen.not_granted && seen.unmapped && seen.rights);
	fake_free();
}

SVIO_TEST_MAIN("both stages of translation", SVIO_TEST(both_stages_are_the_models))
