// SPDX-License-Identifier: BSD-3-Clause
/*
 * A whole tree as JSON: what qos save writes and qos load reads, and how two
 * trees differ.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "qos_json.h"
#include "settings.h"

static const char *group_name(const struct svio_qos_tree *tree, uint32_t number)
{
	return tree->group[number].name;
}

static void add_text(struct json_object *to, const char *key, const char *value)
{
	json_object_object_add(to, key, json_object_new_string(value));
}

static struct json_object *report_vif(const struct svio_qos_tree *tree,
				      const struct svio_qos_vif *vif)
{
	struct json_object *report = json_object_new_object();

	add_text(report, "name", vif->name);
	if (vif->qos.group)
		add_text(report, "group", group_name(tree, vif->qos.group));
	svio_qos_report_node(report, &vif->qos.node, false);
	if (vif->rx_max_bps)
		json_object_object_add(report, "rx_max_bps",
				       json_object_new_uint64(vif->rx_max_bps));
	svio_qos_report_classes(report, &vif->qos, false);
	return report;
}

struct json_object *svio_qos_tree_report(const struct svio_qos_tree *tree)
{
	struct json_object *report = json_object_new_object(), *port = json_object_new_object();
	struct json_object *groups = json_object_new_array(), *vifs = json_object_new_array();

	svio_qos_report_node(port, &tree->group[0].qos, false);
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		struct json_object *group;

		if (!*tree->group[i].name)
			continue;
		group = json_object_new_object();
		add_text(group, "name", tree->group[i].name);
		if (tree->group[i].parent)
			add_text(group, "parent", group_name(tree, tree->group[i].parent));
		svio_qos_report_node(group, &tree->group[i].qos, false);
		json_object_array_add(groups, group);
	}
	for (uint32_t i = 0; i < tree->vif_count; i++)
		json_object_array_add(vifs, report_vif(tree, &tree->vif[i]));
	json_object_object_add(report, "port", port);
	json_object_object_add(report, "groups", groups);
	json_object_object_add(report, "vifs", vifs);
	return report;
}

/* Reading. A sentence that was made deeper down gets the name of its entry in front. */

static int blame(const char *entry, int status, char *error)
{
	char sentence[SVIO_ERROR_BYTES];

	snprintf(sentence, sizeof(sentence), "%s", error);
	snprintf(error, SVIO_ERROR_BYTES, "%s: %.180s", entry, sentence);
	return status;
}

/* "groups[2] (blue)". */
static void name_entry(char *entry, size_t bytes, const char *list, size_t index, const char *name)
{
	snprintf(entry, bytes, "%s[%zu]%s%.31s%s", list, index, *name ? " (" : "", name,
		 *name ? ")" : "");
}

static const char *text_of(struct json_object *from, const char *key)
{
	struct json_object *value = json_object_object_get(from, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

/* All settings of a node in an object; others must be among the known ones. */
static int read_node(struct json_object *from, struct svio_host_qos *qos, const char *const *known,
		     char *error)
{
	json_object_object_foreach(from, key, value)
	{
		int status = svio_qos_read_node(key, value, qos, error);
		size_t i = 0;

		if (!status)
			continue;
		if (status != -ENOENT)
			return status;
		while (known[i] && strcmp(known[i], key) != 0)
			i++;
		if (!known[i]) {
			snprintf(error, SVIO_ERROR_BYTES, "unknown setting \"%.40s\"", key);
			return -EINVAL;
		}
	}
	return 0;
}

static int read_group(struct json_object *from, struct svio_qos_tree *tree, uint32_t number,
		      char *error)
{
	static const char *const known[] = { "name", "parent", NULL };
	struct svio_qos_group *group = &tree->group[number];
	int status;

	if (!json_object_is_type(from, json_type_object)) {
		snprintf(error, SVIO_ERROR_BYTES, "not an object");
		return -EINVAL;
	}
	status = svio_name_check("group", text_of(from, "name"), error);
	if (status)
		return status;
	if (svio_qos_tree_group(tree, text_of(from, "name")) >= 0) {
		snprintf(error, SVIO_ERROR_BYTES, "another group has that name");
		return -EEXIST;
	}
	snprintf(group->name, sizeof(group->name), "%s", text_of(from, "name"));
	return read_node(from, &group->qos, known, error);
}

/* Parents, once all groups are known by name. */
static int read_parent(struct json_object *from, struct svio_qos_tree *tree, uint32_t number,
		       char *error)
{
	struct json_object *name;
	int parent;

	if (!json_object_object_get_ex(from, "parent", &name))
		return 0;
	parent = svio_qos_tree_group(tree, text_of(from, "parent"));
	if (parent < 0 || parent == (int)number) {
		snprintf(error, SVIO_ERROR_BYTES, "there is no group %.40s to be its parent",
			 text_of(from, "parent"));
		return -ENOENT;
	}
	tree->group[number].parent = (uint32_t)parent;
	return 0;
}

static int check_nesting(const struct svio_qos_tree *tree, uint32_t number, char *error)
{
	uint32_t parent = tree->group[number].parent;

	if (parent == 0 || tree->group[parent].parent == 0)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES,
		 "it cannot be below %s, which is below group %s already: groups nest once",
		 group_name(tree, parent), group_name(tree, tree->group[parent].parent));
	return -EINVAL;
}

static int read_groups(struct json_object *list, struct svio_qos_tree *tree, char *error)
{
	size_t count = list ? json_object_array_length(list) : 0;
	char entry[64];
	int status = 0;

	if (count >= SVIO_HOST_GROUPS_MAX) {
		snprintf(error, SVIO_ERROR_BYTES, "groups: %zu are too many: at most %d", count,
			 SVIO_HOST_GROUPS_MAX - 1);
		return -ENOSPC;
	}
	for (int step = 0; step < 3; step++) {
		for (size_t i = 0; i < count; i++) {
			struct json_object *from = json_object_array_get_idx(list, i);
			uint32_t number = (uint32_t)i + 1;

			if (step == 0)
				status = read_group(from, tree, number, error);
			else if (step == 1)
				status = read_parent(from, tree, number, error);
			else
				status = check_nesting(tree, number, error);
			if (!status)
				continue;
			name_entry(entry, sizeof(entry), "groups", i, text_of(from, "name"));
			return blame(entry, status, error);
		}
	}
	return 0;
}

static int find_group(const struct svio_qos_tree *tree, const char *name, uint32_t *number,
		      char *error)
{
	int found = svio_qos_tree_group(tree, name);

	if (found < 0) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no group %.40s: name it under \"groups\", or choose another",
			 name);
		return -ENOENT;
	}
	*number = (uint32_t)found;
	return 0;
}

static void explain_missing(const struct svio_qos_tree *tree, const char *name, char *error)
{
	const char **names = calloc(tree->vif_count + 1, sizeof(*names));
	const char *nearest = NULL;

	for (uint32_t i = 0; names && i < tree->vif_count; i++)
		names[i] = tree->vif[i].name;
	if (names)
		nearest = svio_nearest(name, names, tree->vif_count);
	free(names);
	if (nearest)
		snprintf(error, SVIO_ERROR_BYTES, "there is no VIF %.40s: did you mean %s?", name,
			 nearest);
	else
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no VIF %.40s: add it first (svio vif add), or leave it out",
			 name);
}

static int find_vif(const struct svio_qos_tree *tree, const char *name, char *error)
{
	int index = svio_qos_tree_vif(tree, name);

	if (index >= 0)
		return index;
	explain_missing(tree, name, error);
	return -ENOENT;
}

/* One VIF, from the defaults on. */
static int read_vif(struct json_object *from, struct svio_qos_tree *tree, struct svio_qos_vif *vif,
		    char *error)
{
	static const char *const known[] = { "name",  "group", "rx_max_bps", "classes",
					     "lanes", "dscp",  NULL };
	struct json_object *value;
	int status;

	memset(&vif->qos, 0, sizeof(vif->qos));
	vif->rx_max_bps = 0;
	svio_dscp_default(vif->qos.dscp_level);
	status = read_node(from, &vif->qos.node, known, error);
	if (!status && json_object_object_get_ex(from, "rx_max_bps", &value))
		status = svio_qos_read_rate("rx_max_bps", value, &vif->rx_max_bps, error);
	if (!status && json_object_object_get_ex(from, "group", &value))
		status = find_group(tree, text_of(from, "group"), &vif->qos.group, error);
	return status ? status : svio_qos_read_classes(from, &vif->qos, error);
}

/* named: by index, which of the device's VIFs the list has. */
static int read_vifs(struct json_object *list, struct svio_qos_tree *tree, bool *named, char *error)
{
	size_t count = list ? json_object_array_length(list) : 0;
	char entry[64];

	for (size_t i = 0; i < count; i++) {
		struct json_object *from = json_object_array_get_idx(list, i);
		int index = find_vif(tree, text_of(from, "name"), error), status = index;

		name_entry(entry, sizeof(entry), "vifs", i, text_of(from, "name"));
		if (index >= 0 && named[index]) {
			snprintf(error, SVIO_ERROR_BYTES, "it is there twice");
			status = -EEXIST;
		} else if (index >= 0) {
			named[index] = true;
			status = read_vif(from, tree, &tree->vif[index], error);
		}
		if (status < 0)
			return blame(entry, status, error);
	}
	return 0;
}

/* VIFs that the list leaves out stay as and where they are. */
static int keep_others(const struct svio_qos_tree *now, struct svio_qos_tree *tree,
		       const bool *named, char *error)
{
	for (uint32_t i = 0; i < now->vif_count; i++) {
		const char *group = group_name(now, now->vif[i].qos.group);
		int number = svio_qos_tree_group(tree, group);

		if (named[i])
			continue;
		if (number < 0) {
			snprintf(error, SVIO_ERROR_BYTES,
				 "group %s is not in it, but VIF %s, which it does not name, is in "
				 "that group: name the VIF, or the group",
				 group, now->vif[i].name);
			return -EINVAL;
		}
		tree->vif[i].qos.group = (uint32_t)number;
	}
	return 0;
}

static int check_names(const struct svio_qos_tree *tree, char *error)
{
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		if (!*tree->group[i].name || svio_qos_tree_vif(tree, tree->group[i].name) < 0)
			continue;
		snprintf(error, SVIO_ERROR_BYTES,
			 "groups: %s is the name of a VIF: choose another for the group",
			 tree->group[i].name);
		return -EEXIST;
	}
	return 0;
}

static int check_shape(struct json_object *from, char *error)
{
	static const struct {
		const char *key;
		enum json_type type;
		const char *text;
	} parts[] = { { "port", json_type_object, "an object" },
		      { "groups", json_type_array, "an array" },
		      { "vifs", json_type_array, "an array" } };
	size_t known = 0;

	if (!json_object_is_type(from, json_type_object)) {
		snprintf(error, SVIO_ERROR_BYTES, "not an object with port, groups and vifs");
		return -EINVAL;
	}
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		struct json_object *value;

		if (!json_object_object_get_ex(from, parts[i].key, &value))
			continue;
		known++;
		if (json_object_is_type(value, parts[i].type))
			continue;
		snprintf(error, SVIO_ERROR_BYTES, "\"%s\" must be %s", parts[i].key, parts[i].text);
		return -EINVAL;
	}
	if (known == (size_t)json_object_object_length(from))
		return 0;
	snprintf(error, SVIO_ERROR_BYTES, "only \"port\", \"groups\" and \"vifs\" may be in it");
	return -EINVAL;
}

int svio_qos_tree_read(struct json_object *from, const struct svio_qos_tree *now,
		       struct svio_qos_tree **made, char *error)
{
	static const char *const none[] = { NULL };
	struct svio_qos_tree *tree = svio_qos_tree_copy(now);
	bool *named = calloc(now->vif_count + 1, sizeof(*named));
	struct json_object *port;
	int status = tree && named ? check_shape(from, error) : -ENOMEM;

	if (!status) {
		memset(&tree->group[0].qos, 0, sizeof(tree->group[0].qos));
		memset(&tree->group[1], 0, sizeof(tree->group) - sizeof(tree->group[0]));
		if (json_object_object_get_ex(from, "port", &port))
			status = read_node(port, &tree->group[0].qos, none, error);
		if (status)
			status = blame("port", status, error);
	}
	if (!status)
		status = read_groups(json_object_object_get(from, "groups"), tree, error);
	if (!status)
		status = read_vifs(json_object_object_get(from, "vifs"), tree, named, error);
	if (!status)
		status = keep_others(now, tree, named, error);
	if (!status)
		status = check_names(tree, error);
	free(named);
	if (status)
		svio_qos_tree_free(tree);
	else
		*made = tree;
	return status;
}
