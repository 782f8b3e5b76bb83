// SPDX-License-Identifier: BSD-3-Clause
/*
 * What the nodes of the QoS tree did.
 */
#include <stdio.h>

#include "device.h"
#include "report.h"

/* Whatever the firmware may have written. */
static const char *state_name(uint32_t state)
{
	static const char *const names[] = {
		[SVIO_HOST_QOS_IDLE] = "idle",
		[SVIO_HOST_QOS_READY] = "ready",
		[SVIO_HOST_QOS_HELD] = "held",
		[SVIO_HOST_QOS_BEHIND] = "behind",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

static uint64_t load(const svio_le64 *value)
{
	return __atomic_load_n(value, __ATOMIC_RELAXED);
}

static struct json_object *report_live(const char *node, const struct svio_host_qos_live *live)
{
	struct json_object *report = json_object_new_object();

	json_object_object_add(report, "node", json_object_new_string(node));
	json_object_object_add(report, "bytes", json_object_new_uint64(load(&live->bytes)));
	json_object_object_add(report, "packets", json_object_new_uint64(load(&live->packets)));
	json_object_object_add(report, "held", json_object_new_uint64(load(&live->held)));
	json_object_object_add(report, "state",
			       json_object_new_string(state_name(
				       __atomic_load_n(&live->state, __ATOMIC_RELAXED))));
	return report;
}

static void add_vif(struct json_object *nodes, const struct svio_vif *vif)
{
	struct json_object *report = report_live(vif->settings.name, &vif->shared->live);
	char node[SVIO_HOST_NAME_BYTES + 12];

	json_object_object_add(
		report, "tx_packets",
		json_object_new_uint64(load(&vif->shared->counters[SVIO_COUNTER_tx_packets])));
	json_object_object_add(report, "tx_drop_receiver",
			       json_object_new_uint64(load(
				       &vif->shared->counters[SVIO_COUNTER_tx_drop_receiver])));
	json_object_array_add(nodes, report);
	for (uint32_t i = 0; i < vif->settings.qos.classes; i++) {
		snprintf(node, sizeof(node), "%.31s/%u", vif->settings.name, i);
		json_object_array_add(nodes, report_live(node, &vif->shared->class_live[i]));
	}
}

struct json_object *svio_report_qos(struct svio_device *device)
{
	struct json_object *report = json_object_new_object(), *nodes = json_object_new_array();
	uint32_t slot = 0;
	const struct svio_vif *vif;

	json_object_object_add(report, "time_ns", json_object_new_uint64(svio_clock_ns()));
	json_object_object_add(report, "nodes", nodes);
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		const struct svio_group *group = svio_group_get(device, i);

		if (group)
			json_object_array_add(nodes,
					      report_live(group->name,
							  &device->segment.shared->group[i].live));
	}
	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		add_vif(nodes, vif);
	return report;
}
