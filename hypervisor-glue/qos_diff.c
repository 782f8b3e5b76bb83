// SPDX-License-Identifier: BSD-3-Clause
/*
 * How two trees differ, as an administrator would say it.
 */
#include <stdio.h>
#include <string.h>

#include "qos_json.h"

static struct json_object *add_change(struct json_object *changes, const char *node,
				      const char *change)
{
	struct json_object *entry = json_object_new_object();

	json_object_object_add(entry, "node", json_object_new_string(node));
	json_object_object_add(entry, "change", json_object_new_string(change));
	json_object_array_add(changes, entry);
	return entry;
}

static void add_set(struct json_object *changes, const char *node, const char *setting,
		    struct json_object *from, struct json_object *to)
{
	struct json_object *entry = add_change(changes, node, "set");

	json_object_object_add(entry, "setting", json_object_new_string(setting));
	json_object_object_add(entry, "from", json_object_get(from));
	json_object_object_add(entry, "to", json_object_get(to));
}

/* Two reports of the same kind of thing, setting by setting. Both are put. */
static void diff_reports(struct json_object *changes, const char *node, struct json_object *before,
			 struct json_object *after)
{
	json_object_object_foreach(after, key, value)
	{
		struct json_object *old = json_object_object_get(before, key);

		if (!json_object_equal(old, value))
			add_set(changes, node, key, old, value);
	}
	json_object_put(before);
	json_object_put(after);
}

static struct json_object *report_node(const struct svio_host_qos *qos)
{
	struct json_object *report = json_object_new_object();

	svio_qos_report_node(report, qos, true);
	return report;
}

static struct json_object *report_vif(const struct svio_qos_tree *tree,
				      const struct svio_qos_vif *vif)
{
	struct json_object *report = report_node(&vif->qos.node);

	json_object_object_add(report, "group",
			       json_object_new_string(tree->group[vif->qos.group].name));
	json_object_object_add(report, "rx_max_bps", json_object_new_uint64(vif->rx_max_bps));
	svio_qos_report_classes(report, &vif->qos, true);
	json_object_object_del(report, "classes");
	json_object_object_add(report, "classes", json_object_new_uint64(vif->qos.classes));
	return report;
}

static void diff_vif(struct json_object *changes, const struct svio_qos_tree *before,
		     const struct svio_qos_vif *old, const struct svio_qos_tree *after,
		     const struct svio_qos_vif *new)
{
	char node[SVIO_HOST_NAME_BYTES + 12];

	diff_reports(changes, new->name, report_vif(before, old), report_vif(after, new));
	for (uint32_t i = 0; i < new->qos.classes; i++) {
		snprintf(node, sizeof(node), "%.31s/%u", new->name, i);
		diff_reports(changes, node, report_node(&old->qos.class_node[i]),
			     report_node(&new->qos.class_node[i]));
	}
}

static const char *parent_name(const struct svio_qos_tree *tree, int number)
{
	return tree->group[tree->group[number].parent].name;
}

static void diff_group(struct json_object *changes, const struct svio_qos_tree *before,
		       const struct svio_qos_tree *after, int number)
{
	static const struct svio_host_qos nothing;
	const struct svio_qos_group *new = &after->group[number];
	int old = svio_qos_tree_group(before, new->name);

	/* Another place is another group, to the scheduler too. */
	if (old >= 0 && strcmp(parent_name(before, old), parent_name(after, number)) != 0) {
		add_change(changes, new->name, "del");
		old = -1;
	}
	if (old < 0)
		json_object_object_add(add_change(changes, new->name, "add"), "parent",
				       json_object_new_string(parent_name(after, number)));
	diff_reports(changes, new->name, report_node(old < 0 ? &nothing : &before->group[old].qos),
		     report_node(&new->qos));
}

struct json_object *svio_qos_tree_diff(const struct svio_qos_tree *before,
				       const struct svio_qos_tree *after)
{
	struct json_object *changes = json_object_new_array();

	for (int i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (*after->group[i].name)
			diff_group(changes, before, after, i);
	for (uint32_t i = 0; i < after->vif_count; i++) {
		int old = svio_qos_tree_vif(before, after->vif[i].name);

		if (old >= 0)
			diff_vif(changes, before, &before->vif[old], after, &after->vif[i]);
	}
	for (int i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		if (*before->group[i].name && svio_qos_tree_group(after, before->group[i].name) < 0)
			add_change(changes, before->group[i].name, "del");
	return changes;
}
