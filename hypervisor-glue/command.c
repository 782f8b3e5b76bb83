// SPDX-License-Identifier: BSD-3-Clause
#include "command.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "report.h"
#include "settings.h"

/* A command on its way; freed when it is answered. */
struct command {
	struct svio_device *device;
	struct json_object *request; /* only until svio_command_run() returns */
	svio_command_reply_fn reply;
	void *context;
	const char *verb; /* for the answer to a failure of the firmware */
	bool gone;        /* the VIF, after success */
	char name[SVIO_HOST_NAME_BYTES];
	char error[SVIO_ERROR_BYTES];
};

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

/* Answer and free the command. result becomes part of the answer. */
static void answer(struct command *command, int status, struct json_object *result)
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
	command->reply(command->context, reply);
	free(command);
}

static int refuse(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static int refuse(struct command *command, const char *format, ...)
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
		return refuse(command, "\"%s\" must be a whole number, not negative", key);
	*number = json_object_get_uint64(value);
	if (*number > max)
		return refuse(command, "\"%s\" is too large", key);
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

static int read_mac(struct command *command, struct json_object *value,
		    struct svio_vif_settings *settings)
{
	if (!json_object_is_type(value, json_type_string))
		return refuse(command, "\"%s\" must be text like 52:54:00:12:34:56", "mac");
	return svio_mac_parse(json_object_get_string(value), settings->mac, command->error);
}

static int read_link(struct command *command, struct json_object *value,
		     struct svio_vif_settings *settings)
{
	const char *text =
		json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";

	if (strcmp(text, "up") != 0 && strcmp(text, "down") != 0)
		return refuse(command, "\"%s\" must be \"up\" or \"down\"", "link");
	settings->link_down = !strcmp(text, "down");
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
	if (!strcmp(key, "max_bps"))
		return read_uint(command, value, key, SVIO_RATE_MAX_BPS, &settings->max_bps);
	if (!strcmp(key, "rx_max_bps"))
		return read_uint(command, value, key, SVIO_RATE_MAX_BPS, &settings->rx_max_bps);
	if (!strcmp(key, "link"))
		return read_link(command, value, settings);
	if (!strcmp(key, "trusted")) {
		if (!json_object_is_type(value, json_type_boolean))
			return refuse(command, "\"%s\" must be true or false", key);
		settings->trusted = json_object_get_boolean(value);
		return 0;
	}
	return refuse(command, "unknown setting \"%.40s\"", key);
}

/* Everything in the request but cmd, id and name. */
static int read_settings(struct command *command, struct svio_vif_settings *settings)
{
	json_object_object_foreach(command->request, key, value)
	{
		int status;

		if (!strcmp(key, "cmd") || !strcmp(key, "id") || !strcmp(key, "name"))
			continue;
		status = read_setting(command, key, value, settings);
		if (status)
			return status;
	}
	return 0;
}

/* The name in the request into command->name. */
static int read_name(struct command *command)
{
	struct json_object *name = json_object_object_get(command->request, "name");
	const char *text;
	int status;

	if (!json_object_is_type(name, json_type_string))
		return refuse(command, "\"%s\" is missing: which VIF?", "name");
	text = json_object_get_string(name);
	status = svio_name_check(text, command->error);
	if (!status)
		snprintf(command->name, sizeof(command->name), "%s", text);
	return status;
}

static int find_vif(struct command *command, struct svio_vif **vif)
{
	int status = read_name(command);

	if (status)
		return status;
	*vif = svio_device_vif_find(command->device, command->name);
	return *vif ? 0 : svio_device_vif_missing(command->device, command->name, command->error);
}

/* The firmware has answered. */
static void finish(void *context, int status)
{
	struct command *command = context;
	struct svio_vif *vif = command->gone ? NULL
					     : svio_device_vif_find(command->device, command->name);

	if (status)
		snprintf(command->error, sizeof(command->error),
			 "VIF %s could not be %s: the firmware answered: %s", command->name,
			 command->verb, strerror(-status));
	answer(command, status, !status && vif ? svio_report_vif(vif) : NULL);
}

/*
 * Who shall hear the firmware's answer: nobody where there is no firmware now.
 * Then the change is made, takes effect when the firmware is back, and an
 * administrator should not wait for that.
 */
static svio_mailbox_done_fn listener(const struct command *command)
{
	return svio_device_ready(command->device) ? finish : NULL;
}

static void run_add(struct command *command)
{
	struct svio_vif_settings settings = { 0 };
	svio_mailbox_done_fn done = listener(command);
	int status = read_name(command);

	if (!status)
		status = read_settings(command, &settings);
	if (!status) {
		snprintf(settings.name, sizeof(settings.name), "%s", command->name);
		command->verb = "made";
		status = svio_device_vif_add_then(command->device, &settings, command->error, done,
						  command);
	}
	if (status)
		answer(command, status, NULL);
	else if (!done)
		finish(command, 0);
}

static void run_set(struct command *command)
{
	struct svio_vif_settings settings;
	svio_mailbox_done_fn done = listener(command);
	struct svio_vif *vif;
	int status = find_vif(command, &vif);

	if (!status) {
		settings = *svio_vif_settings_get(vif);
		status = read_settings(command, &settings);
	}
	if (!status) {
		command->verb = "changed";
		status = svio_device_vif_set_then(command->device, &settings, command->error, done,
						  command);
	}
	if (status)
		answer(command, status, NULL);
	else if (!done)
		finish(command, 0);
}

static void run_del(struct command *command)
{
	svio_mailbox_done_fn done = listener(command);
	int status = read_name(command);

	command->verb = "deleted";
	command->gone = true;
	if (!status)
		status = svio_device_vif_del_then(command->device, command->name, command->error,
						  done, command);
	if (status)
		answer(command, status, NULL);
	else if (!done)
		finish(command, 0);
}

static void run_show(struct command *command)
{
	struct svio_vif *vif;
	int status = find_vif(command, &vif);

	answer(command, status, status ? NULL : svio_report_vif(vif));
}

static void run_list(struct command *command)
{
	struct json_object *list = json_object_new_array();
	uint32_t slot = 0;
	struct svio_vif *vif;

	for (; list && (vif = svio_device_vif_next(command->device, &slot)); slot++)
		json_object_array_add(list, svio_report_vif(vif));
	answer(command, 0, list);
}

static void run_device(struct command *command)
{
	answer(command, 0, svio_report_device(command->device));
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

	answer(command, status, status ? NULL : svio_report_stats(command->device, vif));
}

static void run_faults(struct command *command)
{
	struct svio_vif *vif;
	int status = find_optional_vif(command, &vif);

	answer(command, status, status ? NULL : svio_report_faults(command->device, vif));
}

static const struct {
	const char *name;
	void (*run)(struct command *command); /* answers, now or later */
} commands[] = {
	{ "vif-add", run_add },   { "vif-set", run_set },   { "vif-del", run_del },
	{ "vif-show", run_show }, { "vif-list", run_list }, { "device", run_device },
	{ "stats", run_stats },   { "faults", run_faults },
};

static void run_named(struct command *command, const char *name)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		if (!strcmp(name, commands[i].name)) {
			commands[i].run(command);
			return;
		}
	}
	answer(command, refuse(command, "unknown command \"%.40s\"", name), NULL);
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
	if (device->closing) {
		snprintf(command->error, sizeof(command->error), "sviod is ending");
		answer(command, -ESHUTDOWN, NULL);
		return;
	}
	if (!json_object_is_type(name, json_type_string))
		answer(command, refuse(command, "\"%s\" is missing", "cmd"), NULL);
	else
		run_named(command, json_object_get_string(name));
}
