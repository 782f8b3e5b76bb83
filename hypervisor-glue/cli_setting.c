// SPDX-License-Identifier: BSD-3-Clause
/*
 * Options that become settings, and settings as people read them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "settings.h"

void cli_add_number(struct json_object *request, const char *key, uint64_t value)
{
	json_object_object_add(request, key, json_object_new_uint64(value));
}

void cli_add_rate(struct json_object *request, const char *option, const char *key,
		  const char *text)
{
	char error[SVIO_ERROR_BYTES];
	uint64_t bps;

	if (svio_rate_parse(text, &bps, error))
		cli_fail(CLI_USAGE, "%s: %s", option, error);
	cli_add_number(request, key, bps);
}

void cli_add_whole(struct json_object *request, const char *option, const char *key,
		   const char *text, uint64_t min, uint64_t max)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < min || value > max)
		cli_fail(CLI_USAGE, "%s: \"%s\" is not a whole number from %" PRIu64 " to %" PRIu64,
			 option, text, min, max);
	cli_add_number(request, key, value);
}

bool cli_add_qos(struct json_object *request, int option)
{
	char error[SVIO_ERROR_BYTES];
	uint64_t number;

	switch (option) {
	case CLI_QOS_MIN:
		cli_add_rate(request, "--min", "min_bps", optarg);
		return true;
	case CLI_QOS_MAX:
		cli_add_rate(request, "--max", "max_bps", optarg);
		return true;
	case CLI_QOS_BURST:
		if (svio_bytes_parse(optarg, SVIO_SCHED_BURST_BYTES_MAX, &number, error))
			cli_fail(CLI_USAGE, "--burst: %s", error);
		cli_add_number(request, "burst_bytes", number);
		return true;
	case CLI_QOS_MAX_PPS:
		if (svio_count_parse(optarg, SVIO_SCHED_PPS_MAX, &number, error))
			cli_fail(CLI_USAGE, "--max-pps: %s", error);
		cli_add_number(request, "max_pps", number);
		return true;
	case CLI_QOS_WEIGHT:
		cli_add_whole(request, "--weight", "weight", optarg, 1, SVIO_SCHED_WEIGHT_MAX);
		return true;
	case CLI_QOS_PRIORITY:
		cli_add_whole(request, "--priority", "priority", optarg, 0,
			      SVIO_SCHED_PRIORITIES - 1);
		return true;
	default:
		return false;
	}
}

/* A small number, up to what follows it; -1: there is none up to max. */
static int take_number(const char **at, int max)
{
	int number = 0, digits = 0;

	for (; **at >= '0' && **at <= '9' && number <= max; ++*at, digits++)
		number = number * 10 + (**at - '0');
	return digits > 0 && number <= max ? number : -1;
}

void cli_add_lanes(struct json_object *request, const char *text)
{
	struct json_object *lanes = json_object_new_array();
	const char *at = text;
	int class, count = 0;

	do {
		class = take_number(&at, SVIO_HOST_CLASSES - 1);
		json_object_array_add(lanes, json_object_new_int(class));
		count++;
	} while (class >= 0 && *at++ == ',');
	if (class < 0 || at[-1] != '\0' || count != SVIO_HOST_LEVELS)
		cli_fail(CLI_USAGE,
			 "--lanes: \"%s\" does not name a class, from 0 on, for each of the 8 "
			 "service levels: write it like 0,0,0,0,1,1,1,1",
			 text);
	json_object_object_add(request, "lanes", lanes);
}

void cli_add_dscp(struct json_object *request, const char *text)
{
	struct json_object *table = json_object_new_object();
	const char *at = text;
	int dscp, level = -1;
	char key[16];

	if (!strcmp(text, "default")) {
		json_object_put(table);
		json_object_object_add(request, "dscp", json_object_new_string(text));
		return;
	}
	do {
		dscp = take_number(&at, 63);
		level = dscp >= 0 && *at++ == '=' ? take_number(&at, SVIO_HOST_LEVELS - 1) : -1;
		snprintf(key, sizeof(key), "%d", dscp);
		json_object_object_add(table, key, json_object_new_int(level));
	} while (level >= 0 && *at++ == ',');
	if (level < 0 || at[-1] != '\0')
		cli_fail(CLI_USAGE,
			 "--dscp: \"%s\" is not a list of DSCP (0 to 63) = service level (0 to 7): "
			 "write it like 46=5,10=1, or default",
			 text);
	json_object_object_add(request, "dscp", table);
}

/* "0,0,1,1", "46=5,10=1" */
static const char *format_list(struct json_object *list, char *text)
{
	size_t used = 0;

	text[0] = '\0';
	if (json_object_is_type(list, json_type_object)) {
		json_object_object_foreach(list, key, value)
		{
			if (used < CLI_CELL_BYTES - 16)
				used += (size_t)snprintf(text + used, CLI_CELL_BYTES - used,
							 "%s%.4s=%d", used ? "," : "", key,
							 json_object_get_int(value));
		}
		return used ? text : memcpy(text, "default", sizeof("default"));
	}
	for (size_t i = 0; i < json_object_array_length(list) && used < CLI_CELL_BYTES - 16; i++)
		used += (size_t)snprintf(text + used, CLI_CELL_BYTES - used, "%s%d",
					 used ? "," : "",
					 json_object_get_int(json_object_array_get_idx(list, i)));
	return text;
}

const char *cli_format_setting(const char *key, struct json_object *value, char *text)
{
	uint64_t number = json_object_get_uint64(value);

	if (json_object_is_type(value, json_type_array) ||
	    json_object_is_type(value, json_type_object))
		return format_list(value, text);
	if (json_object_is_type(value, json_type_string))
		snprintf(text, CLI_CELL_BYTES, "%s", json_object_get_string(value));
	else if (strstr(key, "_bps") || !strcmp(key, "max_pps"))
		svio_rate_format(number, text);
	else if (number == 0 && !strcmp(key, "classes"))
		snprintf(text, CLI_CELL_BYTES, "off");
	else if (number == 0 && !strcmp(key, "burst_bytes"))
		snprintf(text, CLI_CELL_BYTES, "default");
	else if (!strcmp(key, "burst_bytes") && number % 1024 == 0)
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 "%s",
			 number % (1 << 20) ? number / 1024 : number >> 20,
			 number % (1 << 20) ? "KiB" : "MiB");
	else
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64, number);
	return text;
}

/* "max_bps" as the option calls it. */
static const char *option_name(const char *key)
{
	static const char *const names[][2] = {
		{ "min_bps", "min" },       { "max_bps", "max" },     { "rx_max_bps", "rx-max" },
		{ "burst_bytes", "burst" }, { "max_pps", "max-pps" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(key, names[i][0]))
			return names[i][1];
	return key;
}

static void print_change(struct json_object *change)
{
	const char *node = cli_text(change, "node"), *what = cli_text(change, "change");
	const char *setting = cli_text(change, "setting");
	char from[CLI_CELL_BYTES], to[CLI_CELL_BYTES];

	if (!strcmp(what, "add"))
		printf("  %s: new group below %s\n", node, cli_text(change, "parent"));
	else if (!strcmp(what, "del"))
		printf("  %s: group is deleted\n", node);
	else
		printf("  %s: %s %s -> %s\n", node, option_name(setting),
		       cli_format_setting(setting, json_object_object_get(change, "from"), from),
		       cli_format_setting(setting, json_object_object_get(change, "to"), to));
}

void cli_print_changes(struct json_object *result)
{
	size_t count = cli_count(result, "changes");
	bool dry_run = cli_flag(result, "dry_run");

	if (count == 0)
		puts(dry_run ? "It fits. Nothing would change." : "Nothing changed.");
	else
		puts(dry_run ? "It fits. This would change:" : "Changed:");
	for (size_t i = 0; i < count; i++)
		print_change(cli_item(result, "changes", i));
}
