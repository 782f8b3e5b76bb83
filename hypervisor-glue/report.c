// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <stdio.h>
#include <time.h>

#include "device.h"
#include "qos_json.h"
#include "settings.h"
#include "svio_error.h"
#include "svio_iommu_walk.h"
#include "svio_regs.h"
#include "svio_ring.h"

static void add_text(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

static void add_number(struct json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

static void add_flag(struct json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

/* Numbers that the firmware wrote may be anything: names only for those that have one. */
static const char *name_of(const char *const *names, size_t count, uint32_t number)
{
	return number < count && names[number] ? names[number] : "unknown";
}

static const char *const state_names[] = { "reset", "negotiated", "ready", "error" };

static const char *const error_texts[] = {
#define ERROR_TEXT(name, number, text) [number] = text,
	SVIO_ERROR_LIST(ERROR_TEXT)
#undef ERROR_TEXT
};

static const char *const error_names[] = {
#define ERROR_NAME(name, number, text) [number] = #name,
	SVIO_ERROR_LIST(ERROR_NAME)
#undef ERROR_NAME
};

static const char *const fault_reasons[] = {
	[SVIO_IOMMU_OK] = "none",
	[SVIO_IOMMU_FAULT_UNMAPPED] = "not mapped",
	[SVIO_IOMMU_FAULT_RIGHTS] = "mapped without the right",
	[SVIO_IOMMU_FAULT_RANGE] = "address out of range",
	[SVIO_IOMMU_FAULT_OBJECT] = "no memory behind it",
	[SVIO_IOMMU_FAULT_GRANT] = "not granted by the guest",
};

#define NAME_OF(names, number) name_of(names, sizeof(names) / sizeof((names)[0]), number)

static uint32_t read_reg(const struct svio_vif *vif, uint32_t offset)
{
	uint32_t value;

	svio_vif_reg_read(vif, offset, &value, sizeof(value));
	return value;
}

/* "tx 3": which queue a word of kind and number is about. */
static struct json_object *report_queue(uint32_t kind, uint32_t queue)
{
	static const char *const kinds[] = {
		[SVIO_QUEUE_TX] = "tx",
		[SVIO_QUEUE_RX] = "rx",
		[SVIO_QUEUE_ADMIN] = "admin",
		[SVIO_QUEUE_MAP] = "map",
	};
	char text[32];

	snprintf(text, sizeof(text), "%s %u", NAME_OF(kinds, kind), queue);
	return json_object_new_string(text);
}

static struct json_object *report_error(const struct svio_vif *vif)
{
	struct json_object *error = json_object_new_object();
	uint32_t number = read_reg(vif, SVIO_REG_ERROR);
	uint32_t info = read_reg(vif, SVIO_REG_ERROR_INFO);

	add_text(error, "name", NAME_OF(error_names, number));
	add_text(error, "text", NAME_OF(error_texts, number));
	json_object_object_add(error, "queue", report_queue(info >> 16, info & 0xffff));
	add_number(error, "address",
		   (uint64_t)read_reg(vif, SVIO_REG_ERROR_ADDR_HI) << 32 |
			   read_reg(vif, SVIO_REG_ERROR_ADDR_LO));
	return error;
}

static struct json_object *report_maps(const struct svio_vif *vif)
{
	struct json_object *maps = json_object_new_object();
	struct svio_iommu_domain_stats stats = { 0 };

	svio_iommu_domain_stats_get(vif->device->iommu, vif->domain, &stats);
	add_number(maps, "count", stats.mappings);
	add_number(maps, "bytes", stats.mapped_bytes);
	add_number(maps, "table_pages", stats.table_pages);
	add_number(maps, "table_pages_max", stats.table_pages_max);
	return maps;
}

struct json_object *svio_report_vif(const struct svio_vif *vif)
{
	const struct svio_vif_settings *settings = &vif->settings;
	const struct svio_group *group = svio_group_get(vif->device, settings->qos.group);
	struct json_object *report = json_object_new_object();
	uint32_t state = read_reg(vif, SVIO_REG_STATUS);
	char mac[SVIO_MAC_BYTES];

	if (!report)
		return NULL;
	add_text(report, "name", settings->name);
	add_text(report, "socket", vif->path);
	add_text(report, "mac", svio_mac_format(settings->mac, mac));
	add_number(report, "vlan", settings->vlan);
	add_number(report, "queues", settings->queues);
	add_number(report, "vectors", vif->vectors);
	add_number(report, "mtu", settings->mtu_max);
	add_text(report, "group", group ? group->name : SVIO_PORT_NAME);
	svio_qos_report_node(report, &settings->qos.node, true);
	add_number(report, "rx_max_bps", settings->rx_max_bps);
	add_number(report, "rx_wait_us", settings->rx_wait_us);
	svio_qos_report_classes(report, &settings->qos, true);
	add_flag(report, "trusted", settings->trusted);
	add_flag(report, "map_queue", settings->map_queue);
	add_text(report, "link", settings->link_down ? "down" : "up");
	add_flag(report, "connected", svio_vif_connected(vif));
	add_text(report, "state", NAME_OF(state_names, state));
	if (state == SVIO_VIF_STATE_ERROR)
		json_object_object_add(report, "error", report_error(vif));
	json_object_object_add(report, "maps", report_maps(vif));
	return report;
}

static struct json_object *report_firmware(const struct svio_device *device)
{
	static const char *const states[] = { "none", "polling", "asleep" };
	struct svio_host_segment *shared = device->segment.shared;
	struct json_object *report = json_object_new_object();
	uint32_t state = __atomic_load_n(&shared->fw_state, __ATOMIC_RELAXED);
	bool ready = svio_device_ready(device);

	add_text(report, "state", ready ? NAME_OF(states, state) : "starting");
	add_number(report, "pid", (uint64_t)svio_fw_process_pid(device->firmware));
	add_number(report, "restarts", svio_fw_process_restarts(device->firmware));
	add_number(report, "uptime_ms", ready ? (svio_clock_ns() - device->ready_ns) / 1000000 : 0);
	return report;
}

static uint32_t count_groups(const struct svio_device *device)
{
	uint32_t count = 0;

	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		count += svio_group_get(device, i) != NULL;
	return count;
}

struct json_object *svio_report_device(const struct svio_device *device)
{
	struct svio_host_segment *shared = device->segment.shared;
	struct json_object *report = json_object_new_object();
	uint32_t link = __atomic_load_n(&shared->wire_link, __ATOMIC_RELAXED);

	if (!report)
		return NULL;
	add_text(report, "run_dir", device->run_dir);
	add_text(report, "wire", device->wire);
	add_text(report, "wire_link", link & 1 ? "up" : "down");
	add_number(report, "wire_speed_mbps",
		   __atomic_load_n(&shared->wire_speed, __ATOMIC_RELAXED));
	add_number(report, "vifs", device->vif_count);
	add_number(report, "vifs_max", device->segment.vifs_max);
	add_number(report, "groups", count_groups(device));
	add_number(report, "memory_objects", svio_objects_count(device->objects));
	add_number(report, "unmap_waits", device->graces);
	add_number(report, "unmap_wait_max_us", device->grace_max_ns / 1000);
	add_number(report, "uptime_ms", (svio_clock_ns() - device->started_ns) / 1000000);
	json_object_object_add(report, "firmware", report_firmware(device));
	return report;
}

static const char *const vif_counters[] = {
#define COUNTER_NAME(name, text) [SVIO_COUNTER_##name] = #name,
	SVIO_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};

static const char *const device_counters[] = {
#define COUNTER_NAME(name, text) [SVIO_DEVICE_COUNTER_##name] = #name,
	SVIO_DEVICE_COUNTER_LIST(COUNTER_NAME)
#undef COUNTER_NAME
};

static struct json_object *report_counters(const uint64_t *values, const char *const *names,
					   size_t count)
{
	struct json_object *report = json_object_new_object();

	for (size_t i = 0; i < count; i++)
		add_number(report, names[i], __atomic_load_n(&values[i], __ATOMIC_RELAXED));
	return report;
}

static struct json_object *report_vif_stats(const struct svio_vif *vif)
{
	struct json_object *report = json_object_new_object();

	add_text(report, "name", vif->settings.name);
	json_object_object_add(report, "counters",
			       report_counters(vif->shared->counters, vif_counters,
					       SVIO_COUNTER_COUNT));
	return report;
}

struct json_object *svio_report_stats(struct svio_device *device, const struct svio_vif *vif)
{
	struct json_object *report = json_object_new_object();
	struct json_object *vifs = json_object_new_array();
	uint32_t slot = 0;

	if (!report || !vifs) {
		json_object_put(report);
		json_object_put(vifs);
		return NULL;
	}
	add_number(report, "time_ns", svio_clock_ns());
	json_object_object_add(report, "vifs", vifs);
	if (vif) {
		json_object_array_add(vifs, report_vif_stats(vif));
		return report;
	}
	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		json_object_array_add(vifs, report_vif_stats(vif));
	json_object_object_add(report, "device",
			       report_counters(device->segment.shared->counters, device_counters,
					       SVIO_DEVICE_COUNTER_COUNT));
	return report;
}

/* The VIF that a record is about; NULL: it does not exist any more. */
static const struct svio_vif *fault_vif(const struct svio_device *device,
					const struct svio_iommu_fault *fault)
{
	const struct svio_vif *vif =
		fault->vif < device->segment.vifs_max ? device->vifs[fault->vif] : NULL;

	return vif && !vif->deleting && fault->sequence > vif->faults_before ? vif : NULL;
}

/* When it was, as a clock on the wall says it. */
static struct json_object *report_time(uint64_t age_ns)
{
	struct timespec now;
	struct tm utc;
	uint64_t then_ms;
	time_t seconds;
	char text[32], whole[40];

	clock_gettime(CLOCK_REALTIME, &now);
	then_ms = ((uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec - age_ns) / 1000000;
	seconds = (time_t)(then_ms / 1000);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
	snprintf(whole, sizeof(whole), "%s.%03uZ", text, (unsigned int)(then_ms % 1000));
	return json_object_new_string(whole);
}

static struct json_object *report_fault(const struct svio_iommu_fault *fault,
					const struct svio_vif *vif)
{
	struct json_object *report = json_object_new_object();
	uint64_t now_ns = svio_clock_ns();
	uint64_t age_ns = fault->time_ns < now_ns ? now_ns - fault->time_ns : 0;

	add_number(report, "sequence", fault->sequence);
	add_number(report, "age_ms", age_ns / 1000000);
	json_object_object_add(report, "time", report_time(age_ns));
	json_object_object_add(report, "vif",
			       vif ? json_object_new_string(vif->settings.name) : NULL);
	json_object_object_add(report, "queue",
			       report_queue(fault->queue >> 8, fault->queue & 0xff));
	add_text(report, "access", fault->access & SVIO_IOMMU_WRITE ? "write" : "read");
	add_number(report, "address", fault->iova);
	add_number(report, "bytes", fault->bytes);
	add_text(report, "reason", NAME_OF(fault_reasons, fault->reason));
	add_number(report, "suppressed", fault->suppressed);
	return report;
}

struct json_object *svio_report_faults(struct svio_device *device, const struct svio_vif *vif)
{
	const struct svio_iommu_fault_log *log = device->segment.faults;
	uint64_t head = __atomic_load_n(&log->head, __ATOMIC_ACQUIRE);
	uint64_t first = head > SVIO_IOMMU_FAULTS ? head - SVIO_IOMMU_FAULTS + 1 : 1;
	struct json_object *report = json_object_new_object();
	struct json_object *faults = json_object_new_array();
	struct svio_iommu_fault fault;

	if (!report || !faults) {
		json_object_put(report);
		json_object_put(faults);
		return NULL;
	}
	for (uint64_t i = 0; i < SVIO_IOMMU_FAULTS && first + i <= head; i++) {
		if (!svio_iommu_fault_get(log, first + i, &fault))
			continue;
		if (!vif || fault_vif(device, &fault) == vif)
			json_object_array_add(faults,
					      report_fault(&fault, fault_vif(device, &fault)));
	}
	add_number(report, "recorded", head);
	json_object_object_add(report, "faults", faults);
	return report;
}
