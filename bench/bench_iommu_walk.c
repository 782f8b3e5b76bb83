/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The code that translates, as the firmware has it inlined: iommu's walk, and the
 * firmware's way around it (fw_dma.h), on tables that iommu's writer made.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "bench_iommu.h"
#include "fw_dma.h"
#include "svio_iommu.h"

#define ARENA_PAGES  1024u
#define OBJECT_BYTES (1ull << 40) /* said, never touched: no address is followed */

/* The firmware's library wants a port, which no lookup calls. */
struct svio_hal_clock svio_hal_clock;

void svio_port_irq_raise(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	(void)irq;
	(void)vif;
	(void)vector;
}

/* What a walk needs, and what the firmware has around it. */
struct walker {
	void *arena;
	void *state;
	svio_iommu_domain domain;
	struct svio_hal hal;
	struct svio_fw *fw;
	struct fw_vif *vif;
	struct svio_host_vif slot;
};

static void map_case(struct svio_iommu *iommu, svio_iommu_domain domain, const struct iommu_case *c)
{
	for (uint32_t i = 0; i < c->maps; i++)
		if (svio_iommu_map(iommu, domain, IOMMU_IOVA + i * c->map_bytes, c->map_bytes,
				   iommu_case_object(i), iommu_case_offset(c, i),
				   SVIO_IOMMU_READ | SVIO_IOMMU_WRITE))
			errx(1, "map %u of %u failed", i, c->maps);
}

static void *open_walker(const struct iommu_case *c)
{
	size_t bytes = (size_t)ARENA_PAGES * SVIO_IOMMU_PAGE_BYTES;
	struct walker *walker = calloc(1, sizeof(*walker));
	struct svio_iommu *iommu;

	if (!walker)
		err(1, "walk");
	walker->arena = iommu_memory_new(bytes);
	walker->state = calloc(1, svio_iommu_state_bytes(bytes));
	walker->fw = calloc(1, sizeof(*walker->fw));
	walker->vif = calloc(1, sizeof(*walker->vif));
	walker->hal.objects = calloc(SVIO_HAL_OBJECTS_MAX, sizeof(*walker->hal.objects));
	if (!walker->state || !walker->fw || !walker->vif || !walker->hal.objects)
		err(1, "walk");
	iommu = svio_iommu_init(walker->state, walker->arena, bytes, 1);
	if (!iommu || svio_iommu_domain_create(iommu, ARENA_PAGES, &walker->domain))
		errx(1, "no domain");
	map_case(iommu, walker->domain, c);
	for (uint32_t i = 0; i < c->maps; i++)
		walker->hal.objects[iommu_case_object(i)] =
			(struct svio_hal_object){ (char *)4096, OBJECT_BYTES };
	walker->fw->tables = walker->arena;
	walker->fw->hal = &walker->hal;
	walker->fw->section = 1;
	walker->vif->domain = walker->domain;
	walker->vif->slot = &walker->slot; /* walks are counted there */
	return walker;
}

static void close_walker(void *subject)
{
	struct walker *walker = subject;

	free(walker->hal.objects);
	free(walker->vif);
	free(walker->fw);
	free(walker->state);
	free(walker->arena);
	free(walker);
}

static uint64_t run_walk(void *subject, const uint64_t *iovas, uint32_t count)
{
	const struct walker *walker = subject;
	const void *arena = walker->arena;
	uint32_t domain = walker->domain;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct svio_iommu_run run;

		if (svio_iommu_walk(arena, domain, iovas[i], SVIO_IOMMU_READ, &run) ==
		    SVIO_IOMMU_OK)
			sum += run.offset + run.object;
	}
	return sum;
}

/* A hit where one leaf has all addresses, and mostly a miss where not. */
static uint64_t run_find(void *subject, const uint64_t *iovas, uint32_t count)
{
	const struct walker *walker = subject;
	struct svio_fw *fw = walker->fw;
	struct fw_vif *vif = walker->vif;
	uint64_t sum = 0;

	for (uint32_t i = 0; i < count; i++) {
		struct fw_run run;

		if (fw_dma_find(fw, vif, iovas[i], 64, FW_READ, &run) == SVIO_IOMMU_OK)
			sum += (uintptr_t)run.data + run.bytes;
	}
	return sum;
}

const struct iommu_subject iommu_subject_walk = { "walk", false, open_walker, run_walk,
						  close_walker };
const struct iommu_subject iommu_subject_hit = { "hit", true, open_walker, run_find, close_walker };
const struct iommu_subject iommu_subject_miss = { "miss", false, open_walker, run_find,
						  close_walker };

/*
 * Tables of guests: each has RAM as QEMU's q35 machine maps 1 GiB of it, low
 * memory with its holes and shadows included.
 */
#define GUESTS 1000u

static void map_guest(struct svio_iommu *iommu, svio_iommu_domain domain, uint32_t object)
{
	static const struct {
		uint64_t iova;
		uint64_t bytes;
	} ram[] = {
		{ 0, 0xa0000 },       /* conventional */
		{ 0xc0000, 0x0b000 }, /* shadows of option ROMs */
		{ 0xcb000, 0x03000 },     { 0xce000, 0x0e000 },
		{ 0xdc000, 0x14000 },     { 0xf0000, 0x10000 }, /* of the BIOS */
		{ 0x100000, 0x3ff00000 },
	};

	for (size_t i = 0; i < sizeof(ram) / sizeof(ram[0]); i++)
		if (svio_iommu_map(iommu, domain, ram[i].iova, ram[i].bytes, object, ram[i].iova,
				   SVIO_IOMMU_READ | SVIO_IOMMU_WRITE))
			errx(1, "a guest's memory cannot be mapped");
}

void iommu_run_tables(struct bench_json *json)
{
	size_t bytes = (size_t)GUESTS * 64 * SVIO_IOMMU_PAGE_BYTES;
	void *arena = iommu_memory_new(bytes);
	void *state = calloc(1, svio_iommu_state_bytes(bytes));
	struct svio_iommu *iommu = state ? svio_iommu_init(state, arena, bytes, GUESTS) : NULL;
	uint64_t pages = 0;

	if (!iommu)
		errx(1, "no arena");
	for (uint32_t i = 0; i < GUESTS; i++) {
		struct svio_iommu_domain_stats stats;
		svio_iommu_domain domain;

		if (svio_iommu_domain_create(iommu, 64, &domain))
			errx(1, "no domain");
		map_guest(iommu, domain, 1 + i);
		if (svio_iommu_domain_stats_get(iommu, domain, &stats))
			errx(1, "no domain");
		pages += stats.table_pages + 1; /* the root */
	}
	printf("\ntables of %u domains with 1 GiB of RAM, as QEMU maps it: %.1f KiB each\n", GUESTS,
	       (double)pages * SVIO_IOMMU_PAGE_BYTES / 1024 / GUESTS);
	bench_json_number(json, "table_bytes_a_domain",
			  (double)pages * SVIO_IOMMU_PAGE_BYTES / GUESTS);
	free(state);
	free(arena);
}
