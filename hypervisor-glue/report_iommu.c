// SPDX-License-Identifier: BSD-3-Clause
/*
 * What there is to tell about a VIF's IOMMU domain.
 *
 * The thread that answers also answers guests, so the list is bounded: neighbours that continue
 * each other in the same object are one line, and so many lines are listed.
 */
#include "device.h"
#include "report.h"
#include "svio_iommu_fault.h"

#define LINES_MAX 512
/* Mappings that are looked at for them: with a vIOMMU there may be one a packet. */
#define MAPPINGS_MAX 8192

static void add_number(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static struct json_object *report_line(const struct svio_iommu_mapping *line)
{
	static const char *const rights[] = { "", "r", "w", "rw" };
	struct json_object *report = json_object_new_object();

	add_number(report, "iova", line->iova);
	add_number(report, "bytes", line->bytes);
	/* No memory is behind a range that came without a descriptor. */
	if (line->object == SVIO_OBJECT_HOLLOW) {
		json_object_object_add(report, "object", NULL);
		json_object_object_add(report, "offset", NULL);
	} else {
		add_number(report, "object", line->object);
		add_number(report, "offset", line->offset);
	}
	json_object_object_add(report, "rights", json_object_new_string(rights[line->rights & 3]));
	return report;
}

static bool continues(const struct svio_iommu_mapping *line, const struct svio_iommu_mapping *next)
{
	return line->iova + line->bytes == next->iova && line->object == next->object &&
	       line->rights == next->rights &&
	       (line->object == SVIO_OBJECT_HOLLOW || line->offset + line->bytes == next->offset);
}

/* The map, from the lowest address on. Returns how many mappings are in it. */
static uint32_t list_map(const struct svio_vif *vif, struct json_object *list)
{
	const struct svio_iommu *iommu = vif->device->iommu;
	struct svio_iommu_mapping line = { 0 }, found;
	uint64_t iova = 0;
	uint32_t count = 0, listed = 0;

	while (count < MAPPINGS_MAX && json_object_array_length(list) < LINES_MAX &&
	       !svio_iommu_mapping_next(iommu, vif->domain, iova, &found)) {
		iova = found.iova + found.bytes;
		count++;
		if (line.bytes && continues(&line, &found)) {
			line.bytes += found.bytes;
			continue;
		}
		if (line.bytes) {
			json_object_array_add(list, report_line(&line));
			listed = count - 1;
		}
		line = found;
	}
	if (!line.bytes || json_object_array_length(list) >= LINES_MAX)
		return listed;
	json_object_array_add(list, report_line(&line));
	return count;
}

static struct json_object *report_pages(const struct svio_vif *vif)
{
	static const char *const sizes[] = { "4k", "2m", "1g" };
	struct json_object *pages = json_object_new_object();
	uint64_t leaves[3];

	svio_iommu_leaves_count(vif->device->iommu, vif->domain, leaves);
	for (int i = 0; i < 3; i++)
		add_number(pages, sizes[i], leaves[i]);
	return pages;
}

static struct json_object *report_tables(const struct svio_iommu_domain_stats *stats)
{
	struct json_object *tables = json_object_new_object();

	add_number(tables, "pages", stats->table_pages);
	add_number(tables, "pages_max", stats->table_pages_max);
	add_number(tables, "bytes", (uint64_t)stats->table_pages * SVIO_IOMMU_PAGE_BYTES);
	add_number(tables, "bytes_max", (uint64_t)stats->table_pages_max * SVIO_IOMMU_PAGE_BYTES);
	return tables;
}

/* Each descriptor's data is looked up at least once, so the true rate of hits is never less. */
static struct json_object *report_translations(const struct svio_vif *vif)
{
	uint64_t descriptors = __atomic_load_n(&vif->shared->descriptors, __ATOMIC_RELAXED);
	uint64_t walks = __atomic_load_n(&vif->shared->walks, __ATOMIC_RELAXED);
	struct json_object *report = json_object_new_object();
	double hits = walks < descriptors ? 1 - (double)walks / (double)descriptors : 0;

	add_number(report, "descriptors", descriptors);
	add_number(report, "walks", walks);
	json_object_object_add(report, "hit_rate_min", json_object_new_double(hits));
	return report;
}

/* Of the VIF's life; "listed" is what svio_report_faults() still has of them. */
static struct json_object *report_fault_counts(const struct svio_vif *vif)
{
	const struct svio_iommu_fault_log *log = vif->device->segment.faults;
	uint64_t head = __atomic_load_n(&log->head, __ATOMIC_ACQUIRE);
	uint64_t first = head > SVIO_IOMMU_FAULTS ? head - SVIO_IOMMU_FAULTS + 1 : 1;
	struct json_object *report = json_object_new_object();
	struct svio_iommu_fault fault;
	uint64_t listed = 0;

	if (first <= vif->faults_before)
		first = vif->faults_before + 1;
	for (; first <= head; first++)
		listed += svio_iommu_fault_get(log, first, &fault) && fault.vif == vif->slot;
	add_number(report, "count",
		   __atomic_load_n(&vif->shared->counters[SVIO_COUNTER_dma_faults],
				   __ATOMIC_RELAXED));
	add_number(report, "listed", listed);
	return report;
}

static struct json_object *report_dirty(const struct svio_vif *vif)
{
	const struct svio_vif_dirty *dirty = vif->dirty;
	struct json_object *report;

	if (!dirty)
		return NULL;
	report = json_object_new_object();
	add_number(report, "page_bytes", 1ull << dirty->log.page_lg2);
	add_number(report, "ranges", dirty->log.extents);
	add_number(report, "bytes", svio_iommu_dirty_bytes(&dirty->log));
	add_number(report, "age_ms", (svio_clock_ns() - dirty->started_ns) / 1000000);
	add_number(report, "reports", dirty->reports);
	add_number(report, "pages_reported", dirty->log.reported);
	return report;
}

struct json_object *svio_report_iommu(struct svio_vif *vif)
{
	struct json_object *report = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct svio_iommu_domain_stats stats = { 0 };

	if (!report || !list) {
		json_object_put(report);
		json_object_put(list);
		return NULL;
	}
	svio_iommu_domain_stats_get(vif->device->iommu, vif->domain, &stats);
	json_object_object_add(report, "name", json_object_new_string(vif->settings.name));
	add_number(report, "maps", stats.mappings);
	add_number(report, "bytes", stats.mapped_bytes);
	json_object_object_add(report, "pages", report_pages(vif));
	json_object_object_add(report, "tables", report_tables(&stats));
	json_object_object_add(report, "translations", report_translations(vif));
	json_object_object_add(report, "faults", report_fault_counts(vif));
	json_object_object_add(report, "dirty_log", report_dirty(vif));
	add_number(report, "maps_left_out", stats.mappings - list_map(vif, list));
	json_object_object_add(report, "map", list);
	return report;
}
