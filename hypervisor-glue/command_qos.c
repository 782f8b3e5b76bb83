// SPDX-License-Identifier: BSD-3-Clause
/*
 * Commands about groups and the tree: group-*, qos-*.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_parts.h"
#include "qos_json.h"
#include "report.h"

/* The settings of a node that are in the request, besides keys that are read elsewhere. */
static int read_node(struct command *command, struct svio_host_qos *qos, const char *other)
{
	json_object_object_foreach(command->request, key, value)
	{
		int status;

		if (!strcmp(key, "cmd") || !strcmp(key, "id") || !strcmp(key, "name") ||
		    !strcmp(key, "dry_run") || !strcmp(key, other))
			continue;
		status = svio_qos_read_node(key, value, qos, command->error);
		if (status == -ENOENT)
			return command_refuse(command, "unknown setting \"%.40s\"", key);
		if (status)
			return status;
	}
	return 0;
}

static struct svio_qos_tree *tree_of(struct command *command)
{
	struct svio_qos_tree *tree = svio_device_qos_tree(command->device);

	if (!tree)
		snprintf(command->error, sizeof(command->error), "out of memory");
	return tree;
}

static struct json_object *report_group(const struct svio_device *device,
					const struct svio_group *group)
{
	struct json_object *report = json_object_new_object();
	uint64_t vifs = 0;

	json_object_object_add(report, "name", json_object_new_string(group->name));
	json_object_object_add(report, "parent",
			       json_object_new_string(device->groups[group->parent]->name));
	svio_qos_report_node(report, &group->qos, true);
	for (uint32_t slot = 0; slot < device->segment.vifs_max; slot++) {
		const struct svio_vif *vif = device->vifs[slot];

		vifs += vif && !vif->deleting && vif->settings.qos.group == group->number;
	}
	json_object_object_add(report, "vifs", json_object_new_uint64(vifs));
	return report;
}

static struct json_object *report_named_group(const struct command *command)
{
	const struct svio_group *group = svio_group_find(command->device, command->name);

	return group ? report_group(command->device, group) : NULL;
}

static int read_parent(struct command *command, uint32_t *number)
{
	struct json_object *value;
	const struct svio_group *parent;

	if (!json_object_object_get_ex(command->request, "parent", &value))
		return 0;
	if (!json_object_is_type(value, json_type_string))
		return command_refuse(command, "\"%s\" must be a name, or \"port\"", "parent");
	parent = svio_group_find(command->device, json_object_get_string(value));
	if (!parent)
		return svio_group_missing(command->device, json_object_get_string(value),
					  command->error);
	*number = parent->number;
	return 0;
}

static void run_group_add(struct command *command)
{
	svio_mailbox_done_fn done = command_listener(command);
	struct svio_qos_group group = { 0 };
	int status = command_read_name(command, "group");

	command->what = "group";
	command->verb = "made";
	command->report = report_named_group;
	if (!status)
		status = read_parent(command, &group.parent);
	if (!status)
		status = read_node(command, &group.qos, "parent");
	if (!status) {
		snprintf(group.name, sizeof(group.name), "%s", command->name);
		status =
			svio_group_add_then(command->device, &group, command->error, done, command);
	}
	command_conclude(command, status, done);
}

static void run_group_del(struct command *command)
{
	svio_mailbox_done_fn done = command_listener(command);
	int status = command_read_name(command, "group");
	struct svio_group *group = NULL;

	command->what = "group";
	command->verb = "deleted";
	if (!status) {
		group = svio_group_find(command->device, command->name);
		if (!group)
			status = svio_group_missing(command->device, command->name, command->error);
	}
	if (group)
		status = svio_group_del_then(group, command->error, done, command);
	command_conclude(command, status, done);
}

static void run_group_list(struct command *command)
{
	struct json_object *list = json_object_new_array();

	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		const struct svio_group *group = svio_group_get(command->device, i);

		if (group)
			json_object_array_add(list, report_group(command->device, group));
	}
	command_answer(command, 0, list);
}

/* A node that an administrator names: "port", a group, a VIF, or VIF/class. */
struct node {
	struct svio_group *group; /* or the VIF */
	struct svio_vif *vif;
	int class; /* -1: the VIF itself */
};

static int find_class(struct command *command, const char *text, struct node *node)
{
	uint32_t classes = node->vif->settings.qos.classes;
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (*text >= '0' && *text <= '9' && !*end && number < classes) {
		node->class = (int)number;
		return 0;
	}
	if (classes == 0)
		command_refuse(command,
			       "VIF %s has no classes: svio vif set %s --classes N makes some",
			       node->vif->settings.name, node->vif->settings.name);
	else
		command_refuse(command, "VIF %s has no class \"%.20s\": its classes are 0 to %u",
			       node->vif->settings.name, text, classes - 1);
	return -ENOENT;
}

static void explain_missing(struct command *command, const char *name)
{
	const char *names[SVIO_HOST_GROUPS_MAX], *nearest;
	size_t count = 0;

	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (svio_group_get(command->device, i))
			names[count++] = command->device->groups[i]->name;
	nearest = svio_nearest(name, names, count);
	/* Among VIFs the registry looks itself. */
	if (!nearest) {
		svio_device_vif_missing(command->device, name, command->error);
		if (strstr(command->error, "did you mean"))
			return;
	}
	command_refuse(command,
		       "there is no group or VIF %.40s%s%s%s: svio qos show names those there are",
		       name, nearest ? " (did you mean " : "", nearest ? nearest : "",
		       nearest ? "?)" : "");
}

static int find_node(struct command *command, struct node *node)
{
	struct json_object *value = json_object_object_get(command->request, "node");
	const char *text, *slash;
	size_t bytes;

	*node = (struct node){ .class = -1 };
	if (!json_object_is_type(value, json_type_string)) {
		command_refuse(command, "\"node\" is missing: port, a group, a VIF or VIF/class");
		return -EINVAL;
	}
	text = json_object_get_string(value);
	slash = strchr(text, '/');
	bytes = slash ? (size_t)(slash - text) : strlen(text);
	if (bytes < sizeof(command->name)) {
		snprintf(command->name, sizeof(command->name), "%.*s", (int)bytes, text);
		if (!slash)
			node->group = svio_group_find(command->device, command->name);
		if (!node->group)
			node->vif = svio_device_vif_find(command->device, command->name);
	}
	if (!node->group && !node->vif) {
		explain_missing(command, text);
		return -ENOENT;
	}
	return slash && node->vif ? find_class(command, slash + 1, node) : 0;
}

/* What changes, or would. */
static struct json_object *report_changes(const struct svio_qos_tree *before,
					  const struct svio_qos_tree *after, bool dry_run)
{
	struct json_object *report = json_object_new_object();

	json_object_object_add(report, "dry_run", json_object_new_boolean(dry_run));
	json_object_object_add(report, "changes", svio_qos_tree_diff(before, after));
	return report;
}

/* The settings of the node in a tree, for a change. */
static struct svio_host_qos *node_in_tree(struct svio_qos_tree *tree, const struct node *node)
{
	struct svio_host_vif_qos *qos;

	if (node->group)
		return &tree->group[node->group->number].qos;
	qos = &tree->vif[svio_qos_tree_vif(tree, node->vif->settings.name)].qos;
	return node->class < 0 ? &qos->node : &qos->class_node[node->class];
}

static int check_set(struct command *command, const struct node *node,
		     const struct svio_qos_tree *before, const struct svio_qos_tree *after)
{
	if (node->group)
		return svio_qos_tree_check_group(before, node->group->number,
						 &after->group[node->group->number].qos,
						 command->error);
	return svio_qos_tree_check_vif(after,
				       (uint32_t)svio_qos_tree_vif(after, node->vif->settings.name),
				       command->error);
}

/* What it changes, into command->result; whether it fits, where nothing else will ask. */
static int plan_set(struct command *command, const struct node *node,
		    const struct svio_host_qos *qos, bool dry_run)
{
	struct svio_qos_tree *before = tree_of(command), *after = tree_of(command);
	int status = before && after ? 0 : -ENOMEM;

	if (!status)
		*node_in_tree(after, node) = *qos;
	if (!status && dry_run)
		status = check_set(command, node, before, after);
	if (!status)
		command->result = report_changes(before, after, dry_run);
	svio_qos_tree_free(before);
	svio_qos_tree_free(after);
	return status;
}

static int apply_set(struct command *command, const struct node *node,
		     const struct svio_host_qos *qos, svio_mailbox_done_fn done)
{
	struct svio_vif_settings settings;

	if (node->group)
		return svio_group_set_then(node->group, qos, command->error, done, command);
	settings = node->vif->settings;
	if (node->class < 0)
		settings.qos.node = *qos;
	else
		settings.qos.class_node[node->class] = *qos;
	return svio_device_vif_set_then(command->device, &settings, command->error, done, command);
}

/* Of a node that was found. */
static struct svio_host_qos qos_of(const struct node *node)
{
	if (node->group)
		return node->group->qos;
	return node->class < 0 ? node->vif->settings.qos.node
			       : node->vif->settings.qos.class_node[node->class];
}

static void run_qos_set(struct command *command)
{
	svio_mailbox_done_fn done = command_listener(command);
	struct svio_host_qos qos = { 0 };
	struct node node;
	bool dry_run = false;
	int status = find_node(command, &node);

	if (!status)
		status = command_read_dry_run(command, &dry_run);
	if (!status) {
		command->what = node.group ? "node" : "VIF";
		command->verb = "changed";
		qos = qos_of(&node);
		status = read_node(command, &qos, "node");
	}
	if (!status)
		status = plan_set(command, &node, &qos, dry_run);
	if (!status && dry_run)
		done = NULL;
	else if (!status)
		status = apply_set(command, &node, &qos, done);
	command_conclude(command, status, done);
}

static void run_qos_show(struct command *command)
{
	struct svio_qos_tree *tree = tree_of(command);

	command_answer(command, tree ? 0 : -ENOMEM, tree ? svio_qos_tree_report(tree) : NULL);
	svio_qos_tree_free(tree);
}

/* Do it, or only say what it would do. */
static int load_tree(struct command *command, const struct svio_qos_tree *before,
		     const struct svio_qos_tree *after, bool dry_run, svio_mailbox_done_fn done)
{
	int status = svio_qos_tree_check(after, command->error);

	if (status)
		return status;
	command->result = report_changes(before, after, dry_run);
	if (dry_run)
		return 0;
	status = svio_device_qos_load(command->device, after, done, command);
	if (status == -ENOSPC)
		snprintf(command->error, sizeof(command->error),
			 "there is no room for the new groups beside those they replace: delete "
			 "some first");
	else if (status)
		snprintf(command->error, sizeof(command->error), "out of memory");
	return status;
}

static void run_qos_load(struct command *command)
{
	struct json_object *from = json_object_object_get(command->request, "tree");
	svio_mailbox_done_fn done = command_listener(command);
	struct svio_qos_tree *before = tree_of(command), *after = NULL;
	bool dry_run = false;
	int status = before ? command_read_dry_run(command, &dry_run) : -ENOMEM;

	command->what = "the";
	command->verb = "changed in all that was asked";
	snprintf(command->name, sizeof(command->name), "tree");
	if (!status)
		status = svio_qos_tree_read(from, before, &after, command->error);
	if (dry_run)
		done = NULL;
	if (!status)
		status = load_tree(command, before, after, dry_run, done);
	svio_qos_tree_free(before);
	svio_qos_tree_free(after);
	command_conclude(command, status, done);
}

static struct json_object *report_live(const struct command *command)
{
	return svio_report_qos(command->device);
}

static void run_qos_read(struct command *command)
{
	struct svio_mailbox_request request = { .type = SVIO_HOST_QOS_READ,
						.vif = SVIO_MAILBOX_NO_VIF,
						.done = command_listener(command),
						.context = command };
	int status = 0;

	command->what = "the";
	command->verb = "read";
	command->report = report_live;
	snprintf(command->name, sizeof(command->name), "tree");
	if (request.done)
		status = svio_mailbox_post(command->device->mailbox, &request);
	if (status)
		command_refuse(command, "the tree cannot be read: %s", strerror(-status));
	command_conclude(command, status, request.done);
}

const struct command_entry command_qos_entries[] = {
	{ "group-add", run_group_add },   { "group-del", run_group_del },
	{ "group-list", run_group_list }, { "qos-set", run_qos_set },
	{ "qos-show", run_qos_show },     { "qos-load", run_qos_load },
	{ "qos-read", run_qos_read },     { 0 },
};
