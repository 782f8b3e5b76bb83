// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command_parts.h"
#include "qos_json.h"
#include "report.h"

struct json_object *svio_command_error(int status, const char *message)
{
	struct json_object *reply = json_object_new_object();
	struct json_object *error = json_object_new_object();

	if (!reply || !error) {
		json_object_put(reply);
		json_object_put(error);
		return NULL;
	}
	json_object_object_add(error, "code", json_object_new_string(strerrorname_np(-status)));
	json_object_object_add(error, "message", json_object_new_string(message));
	json_object_object_add(reply, "ok", json_object_new_boolean(0));
	json_object_object_add(reply, "error", error);
	return reply;
}

void command_answer(struct command *command, int status, struct json_object *result)
{
	struct json_object *reply = NULL;

	if (status) {
		json_object_put(result);
		reply = svio_command_error(status, command->error);
	} else {
		reply = json_object_new_object();
		if (reply) {
			json_object_object_add(reply, "ok", json_object_new_boolean(1));
			json_object_object_add(reply, "result", result);
		} else {
			json_object_put(result);
		}
	}
	json_object_put(command->result);
	command->reply(command->context, reply);
	free(command);
}

int command_refuse(struct command *command, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(command->error, sizeof(command->error), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* Setting readers: value into settings. 0; -EINVAL with a sentence in command->error. */

static int read_uint(struct command *command, struct json_object *value, const char *key,
		     uint64_t max, uint64_t *number)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return command_refuse(command, "\"%s\" must be a whole number, not negative", key);
	*number = json_object_get_uint64(value);
	if (*number > max)
		return command_refuse(command, "\"%s\" is too large", key);
	return 0;
}

static int read_u16(struct command *command, struct json_object *value, const char *key,
		    uint16_t *to)
{
	uint64_t number = 0;
	int status = read_uint(command, value, key, UINT16_MAX, &number);

	if (!status)
		*to = (uint16_t)number;
	return status;
}

static int read_rx_wait(struct command *command, struct json_object *value,
			struct svio_vif_settings *settings)
{
	uint64_t us = 0;
	int status = read_uint(command, value, "rx_wait_us", SVIO_RX_WAIT_MAX_US, &us);

	if (!status)
		settings->rx_wait_us = (uint32_t)us;
	return status;
}

static int read_mac(struct command *command, struct json_object *value,
		    struct svio_vif_settings *settings)
{
	if (!json_object_is_type(value, json_type_string))
		return command_refuse(command, "\"%s\" must be text like 52:54:00:12:34:56", "mac");
	return svio_mac_parse(json_object_get_string(value), settings->mac, command->error);
}

static int read_link(struct command *command, struct json_object *value,
		     struct svio_vif_settings *settings)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

	if (strcmp(text, "up") != 0 && strcmp(text, "down") != 0)
		return command_refuse(command, "\"%s\" must be \"up\" or \"down\"", "link");
	settings->link_down = !strcmp(text, "down");
	return 0;
}

static int read_flag(struct command *command, struct json_object *value, const char *key,
		     bool *flag)
{
	if (!json_object_is_type(value, json_type_boolean))
		return command_refuse(command, "\"%s\" must be true or false", key);
	*flag = json_object_get_boolean(value);
	return 0;
}

static int read_group(struct command *command, struct json_object *value,
		      struct svio_vif_settings *settings)
{
	const struct svio_group *group;

	if (!json_object_is_type(value, json_type_string))
		return command_refuse(command, "\"%s\" must be a name, or \"port\"", "group");
	group = svio_group_find(command->device, json_object_get_string(value));
	if (!group)
		return svio_group_missing(command->device, json_object_get_string(value),
					  command->error);
	settings->qos.group = group->number;
	return 0;
}

static int read_setting(struct command *command, const char *key, struct json_object *value,
			struct svio_vif_settings *settings)
{
	if (!strcmp(key, "mac"))
		return read_mac(command, value, settings);
	if (!strcmp(key, "vlan"))
		return read_u16(command, value, key, &settings->vlan);
	if (!strcmp(key, "queues"))
		return read_u16(command, value, key, &settings->queues);
	if (!strcmp(key, "mtu"))
		return read_u16(command, value, key, &settings->mtu_max);
	if (!strcmp(key, "rx_max_bps"))
		return svio_qos_read_rate(key, value, &settings->rx_max_bps, command->error);
	if (!strcmp(key, "rx_wait_us"))
		return read_rx_wait(command, value, settings);
	if (!strcmp(key, "group"))
		return read_group(command, value, settings);
	if (!strcmp(key, "link"))
		return read_link(command, value, settings);
	if (!strcmp(key, "trusted"))
		return read_flag(command, value, key, &settings->trusted);
	if (!strcmp(key, "map_queue"))
		return read_flag(command, value, key, &settings->map_queue);
	return command_refuse(command, "unknown setting \"%.40s\"", key);
}

static bool is_one_of(const char *key, const char *const *keys)
{
	for (; *keys; keys++)
		if (!strcmp(key, *keys))
			return true;
	return false;
}

/* Everything in the request but cmd, id and name. */
static int read_settings(struct command *command, struct svio_vif_settings *settings)
{
	static const char *const others[] = {
		"cmd", "id", "name", "classes", "lanes", "dscp", NULL
	};

	if (!settings->mapped) {
		svio_dscp_default(settings->qos.dscp_level);
		settings->mapped = true;
	}
	json_object_object_foreach(command->request, key, value)
	{
		int status;

		if (is_one_of(key, others))
			continue;
		status = svio_qos_read_node(key, value, &settings->qos.node, command->error);
		if (status == -ENOENT)
			status = read_setting(command, key, value, settings);
		if (status)
			return status;
	}
	return svio_qos_read_classes(command->request, &settings->qos, command->error);
}

int command_read_name(struct command *command, const char *what)
{
	struct json_object *name = json_object_object_get(command->request, "name");
	const char *text;
	int status;

	if (!json_object_is_type(name, json_type_string))
		return command_refuse(command, "\"%s\" is missing: which %s?", "name", what);
	text = json_object_get_string(name);
	status = svio_name_check(what, text, command->error);
	if (!status)
		snprintf(command->name, sizeof(command->name), "%s", text);
	return status;
}

int command_read_dry_run(struct command *command, bool *dry_run)
{
	struct json_object *value;

	*dry_run = false;
	if (!json_object_object_get_ex(command->request, "dry_run", &value))
		return 0;
	if (!json_object_is_type(value, json_type_boolean))
		return command_refuse(command, "\"%s\" must be true or false", "dry_run");
	*dry_run = json_object_get_boolean(value);
	return 0;
}

static int find_vif(struct command *command, struct svio_vif **vif)
{
	int status = command_read_name(command, "VIF");

	if (status)
		return status;
	*vif = svio_device_vif_find(command->device, command->name);
	return *vif ? 0 : svio_device_vif_missing(command->device, command->name, command->error);
}

/* The firmware has answered. */
static void finish(void *context, int status)
{
	struct command *command = context;
	struct json_object *result = NULL;

	if (status)
		snprintf(command->error, sizeof(command->error),
			 "%s %s could not be %s: the firmware answered: %s", command->what,
			 command->name, command->verb, strerror(-status));
	else if (command->result)
		result = json_object_get(command->result);
	else if (command->report)
		result = command->report(command);
	command_answer(command, status, result);
}

svio_mailbox_done_fn command_listener(const struct command *command)
{
	return svio_device_ready(command->device) ? finish : NULL;
}

void command_conclude(struct command *command, int status, svio_mailbox_done_fn listener)
{
	if (status)
		command_answer(command, status, NULL);
	else if (!listener)
		finish(command, 0);
}

static struct json_object *report_named(const struct command *command)
{
	const struct svio_vif *vif = svio_device_vif_find(command->device, command->name);

	return vif ? svio_report_vif(vif) : NULL;
}

static void run_add(struct command *command)
{
	struct svio_vif_settings settings = { 0 };
	svio_mailbox_done_fn done = command_listener(command);
	int status = command_read_name(command, "VIF");

	if (!status)
		status = read_settings(command, &settings);
	if (!status) {
		snprintf(settings.name, sizeof(settings.name), "%s", command->name);
		command->verb = "made";
		command->report = report_named;
		status = svio_device_vif_add_then(command->device, &settings, command->error, done,
						  command);
	}
	command_conclude(command, status, done);
}

static void run_set(struct command *command)
{
	struct svio_vif_settings settings;
	svio_mailbox_done_fn done = command_listener(command);
	struct svio_vif *vif;
	int status = find_vif(command, &vif);

	if (!status) {
		settings = *svio_vif_settings_get(vif);
		status = read_settings(command, &settings);
	}
	if (!status) {
		command->verb = "changed";
		command->report = report_named;
		status = svio_device_vif_set_then(command->device, &settings, command->error, done,
						  command);
	}
	command_conclude(command, status, done);
}

static void run_del(struct command *command)
{
	svio_mailbox_done_fn done = command_listener(command);
	int status = command_read_name(command, "VIF");

	command->verb = "deleted";
	if (!status)
		status = svio_device_vif_del_then(command->device, command->name, command->error,
						  done, command);
	command_conclude(command, status, done);
}

static void run_show(struct command *command)
{
	struct svio_vif *vif;
	int status = find_vif(command, &vif);

	command_answer(command, status, status ? NULL : svio_report_vif(vif));
}

static void run_list(struct command *command)
{
	struct json_object *list = json_object_new_array();
	uint32_t slot = 0;
	struct svio_vif *vif;

	for (; list && (vif = svio_device_vif_next(command->device, &slot)); slot++)
		json_object_array_add(list, svio_report_vif(vif));
	command_answer(command, 0, list);
}

static void run_device(struct command *command)
{
	command_answer(command, 0, svio_report_device(command->device));
}

/* For reports on one VIF, or on all where no name is given. */
static int find_optional_vif(struct command *command, struct svio_vif **vif)
{
	*vif = NULL;
	if (!json_object_object_get(command->request, "name"))
		return 0;
	return find_vif(command, vif);
}

static void run_stats(struct command *command)
{
	struct svio_vif *vif;
	int status = find_optional_vif(command, &vif);

	command_answer(command, status, status ? NULL : svio_report_stats(command->device, vif));
}

static void run_faults(struct command *command)
{
	struct svio_vif *vif;
	int status = find_optional_vif(command, &vif);

	command_answer(command, status, status ? NULL : svio_report_faults(command->device, vif));
}

static void run_iommu_show(struct command *command)
{
	struct svio_vif *vif;
	int status = find_vif(command, &vif);

	command_answer(command, status, status ? NULL : svio_report_iommu(vif));
}

static const struct command_entry entries[] = {
	{ "vif-add", run_add },           { "vif-set", run_set },
	{ "vif-del", run_del },           { "vif-show", run_show },
	{ "vif-list", run_list },         { "device", run_device },
	{ "stats", run_stats },           { "faults", run_faults },
	{ "iommu-show", run_iommu_show }, { 0 },
};

static void run_named(struct command *command, const char *name)
{
	const struct command_entry *const tables[] = { entries, command_qos_entries };

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
		for (const struct command_entry *entry = tables[i]; entry->name; entry++) {
			if (!strcmp(name, entry->name)) {
				entry->run(command);
				return;
			}
		}
	}
	command_answer(command, command_refuse(command, "unknown command \"%.40s\"", name), NULL);
}

void svio_command_run(struct svio_device *device, struct json_object *request,
		      svio_command_reply_fn reply, void *context)
{
	struct json_object *name = json_object_object_get(request, "cmd");
	struct command *command = calloc(1, sizeof(*command));

	if (!command) {
		reply(context, svio_command_error(-ENOMEM, "out of memory"));
		return;
	}
	command->device = device;
	command->request = request;
	command->reply = reply;
	command->context = context;
	command->what = "VIF";
	if (device->closing) {
		snprintf(command->error, sizeof(command->error), "sviod is ending");
		command_answer(command, -ESHUTDOWN, NULL);
		return;
	}
	if (!json_object_is_type(name, json_type_string))
		command_answer(command, command_refuse(command, "\"%s\" is missing", "cmd"), NULL);
	else
		run_named(command, json_object_get_string(name));
}
