// SPDX-License-Identifier: BSD-3-Clause
#include "qos_json.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings.h"
#include "svio_sched.h"

static int refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static int refuse(char *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error, SVIO_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

/* A whole number from 0 to max. */
static int read_whole(const char *key, struct json_object *value, uint64_t max, uint64_t *number,
		      char *error)
{
	if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 0)
		return refuse(error, "\"%.40s\" must be a whole number, not negative", key);
	*number = json_object_get_uint64(value);
	if (*number <= max)
		return 0;
	return refuse(error, "\"%.40s\" is too large: at most %" PRIu64, key, max);
}

int svio_qos_read_rate(const char *key, struct json_object *value, uint64_t *bps, char *error)
{
	char text[SVIO_RATE_BYTES];

	if (json_object_is_type(value, json_type_string))
		return svio_rate_parse(json_object_get_string(value), bps, error);
	if (read_whole(key, value, SVIO_RATE_MAX_BPS, bps, error))
		return -EINVAL;
	if (*bps == 0 || *bps >= SVIO_RATE_MIN_BPS)
		return 0;
	return refuse(error, "\"%.40s\" is too low: at least %s, or 0 for none", key,
		      svio_rate_format(SVIO_RATE_MIN_BPS, text));
}

static int read_u32(const char *key, struct json_object *value, uint32_t max, uint32_t *to,
		    char *error)
{
	uint64_t number = 0;
	int status = read_whole(key, value, max, &number, error);

	if (!status)
		*to = (uint32_t)number;
	return status;
}

int svio_qos_read_node(const char *key, struct json_object *value, struct svio_host_qos *qos,
		       char *error)
{
	if (!strcmp(key, "min_bps"))
		return svio_qos_read_rate(key, value, &qos->min_bps, error);
	if (!strcmp(key, "max_bps"))
		return svio_qos_read_rate(key, value, &qos->max_bps, error);
	if (!strcmp(key, "max_pps"))
		return read_whole(key, value, SVIO_SCHED_PPS_MAX, &qos->max_pps, error);
	if (!strcmp(key, "burst_bytes"))
		return read_u32(key, value, SVIO_SCHED_BURST_BYTES_MAX, &qos->burst_bytes, error);
	if (!strcmp(key, "weight")) {
		int status = read_u32(key, value, SVIO_SCHED_WEIGHT_MAX, &qos->weight, error);

		if (!status && qos->weight <= 1)
			qos->weight = 0; /* one is what it is without a word */
		return status;
	}
	if (!strcmp(key, "priority"))
		return read_u32(key, value, SVIO_SCHED_PRIORITIES - 1, &qos->priority, error);
	return -ENOENT;
}

static int read_class(struct json_object *from, struct svio_host_qos *qos, char *error)
{
	memset(qos, 0, sizeof(*qos));
	if (!json_object_is_type(from, json_type_object))
		return refuse(error, "\"classes\" must be a number, or an array of objects");
	json_object_object_foreach(from, key, value)
	{
		int status = svio_qos_read_node(key, value, qos, error);

		if (status == -ENOENT)
			return refuse(error, "a class has no setting \"%.40s\"", key);
		if (status)
			return status;
	}
	return 0;
}

static int read_class_list(struct json_object *value, struct svio_host_vif_qos *qos, char *error)
{
	size_t count = json_object_array_length(value);
	int status = 0;

	if (count > SVIO_HOST_CLASSES)
		return refuse(error, "a VIF has at most %d classes", SVIO_HOST_CLASSES);
	qos->classes = (uint32_t)count;
	for (size_t i = 0; i < count && !status; i++)
		status =
			read_class(json_object_array_get_idx(value, i), &qos->class_node[i], error);
	return status;
}

static int read_lanes(struct json_object *value, struct svio_host_vif_qos *qos, char *error)
{
	if (!json_object_is_type(value, json_type_array) ||
	    json_object_array_length(value) != SVIO_HOST_LEVELS)
		return refuse(error,
			      "\"lanes\" must be an array of %d classes, one for each service "
			      "level",
			      SVIO_HOST_LEVELS);
	for (size_t i = 0; i < SVIO_HOST_LEVELS; i++) {
		uint64_t class = 0;

		if (read_whole("lanes", json_object_array_get_idx(value, i), SVIO_HOST_CLASSES - 1,
			       &class, error))
			return -EINVAL;
		if (class >= qos->classes && class > 0)
			return refuse(error,
				      "lanes: level %zu cannot go to class %" PRIu64
				      ": the VIF has %u classes, numbered from 0",
				      i, class, qos->classes);
		qos->lane[i] = (uint8_t) class;
	}
	return 0;
}

static int read_dscp(struct json_object *value, struct svio_host_vif_qos *qos, char *error)
{
	if (json_object_is_type(value, json_type_string) &&
	    !strcmp(json_object_get_string(value), "default")) {
		svio_dscp_default(qos->dscp_level);
		return 0;
	}
	if (!json_object_is_type(value, json_type_object))
		return refuse(error, "\"dscp\" must be an object like {\"46\": 5}, or \"default\"");
	json_object_object_foreach(value, key, level)
	{
		char *end;
		unsigned long dscp = strtoul(key, &end, 10);
		uint64_t number = 0;

		if (end == key || *end || dscp > 63 || *key == '-' || *key == '+')
			return refuse(error, "\"%.40s\" is not a DSCP: they are 0 to 63", key);
		if (read_whole("dscp", level, SVIO_HOST_LEVELS - 1, &number, error))
			return -EINVAL;
		qos->dscp_level[dscp] = (uint8_t)number;
	}
	return 0;
}

int svio_qos_read_classes(struct json_object *from, struct svio_host_vif_qos *qos, char *error)
{
	struct json_object *classes, *lanes, *dscp;
	uint32_t before = qos->classes;
	int status = 0;

	if (json_object_object_get_ex(from, "classes", &classes)) {
		status = json_object_is_type(classes, json_type_array)
				 ? read_class_list(classes, qos, error)
				 : read_u32("classes", classes, SVIO_HOST_CLASSES, &qos->classes,
					    error);
		if (!status && qos->classes != before)
			svio_lanes_default(qos->classes, qos->lane);
	}
	for (uint32_t i = status ? SVIO_HOST_CLASSES : qos->classes; i < SVIO_HOST_CLASSES; i++)
		memset(&qos->class_node[i], 0, sizeof(qos->class_node[i]));
	if (!status && json_object_object_get_ex(from, "lanes", &lanes))
		status = read_lanes(lanes, qos, error);
	if (!status && json_object_object_get_ex(from, "dscp", &dscp))
		status = read_dscp(dscp, qos, error);
	return status;
}

static void add_number(struct json_object *to, const char *key, uint64_t value, bool all)
{
	if (value || all)
		json_object_object_add(to, key, json_object_new_uint64(value));
}

void svio_qos_report_node(struct json_object *to, const struct svio_host_qos *qos, bool all)
{
	add_number(to, "min_bps", qos->min_bps, all);
	add_number(to, "max_bps", qos->max_bps, all);
	add_number(to, "max_pps", qos->max_pps, all);
	add_number(to, "burst_bytes", qos->burst_bytes, all);
	add_number(to, "weight", qos->weight > 1 || !all ? qos->weight : 1, all);
	add_number(to, "priority", qos->priority, all);
}

static struct json_object *report_lanes(const struct svio_host_vif_qos *qos)
{
	struct json_object *lanes = json_object_new_array();

	for (uint32_t i = 0; i < SVIO_HOST_LEVELS; i++)
		json_object_array_add(lanes, json_object_new_int(qos->lane[i]));
	return lanes;
}

static struct json_object *report_dscp(const struct svio_host_vif_qos *qos)
{
	struct json_object *dscp = json_object_new_object();
	uint8_t usual[64];
	char key[8];

	svio_dscp_default(usual);
	for (uint32_t i = 0; i < 64; i++) {
		if (qos->dscp_level[i] == usual[i])
			continue;
		snprintf(key, sizeof(key), "%u", i);
		json_object_object_add(dscp, key, json_object_new_int(qos->dscp_level[i]));
	}
	return dscp;
}

void svio_qos_report_classes(struct json_object *to, const struct svio_host_vif_qos *qos, bool all)
{
	struct json_object *classes = json_object_new_array(), *dscp = report_dscp(qos);
	uint8_t usual[SVIO_HOST_LEVELS];

	for (uint32_t i = 0; i < qos->classes; i++) {
		struct json_object *class = json_object_new_object();

		svio_qos_report_node(class, &qos->class_node[i], all);
		json_object_array_add(classes, class);
	}
	svio_lanes_default(qos->classes, usual);
	if (all || qos->classes)
		json_object_object_add(to, "classes", classes);
	else
		json_object_put(classes);
	if (all || memcmp(usual, qos->lane, sizeof(usual)) != 0)
		json_object_object_add(to, "lanes", report_lanes(qos));
	if (all || json_object_object_length(dscp) > 0)
		json_object_object_add(to, "dscp", dscp);
	else
		json_object_put(dscp);
}
