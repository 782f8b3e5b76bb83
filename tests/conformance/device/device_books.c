/* SPDX-License-Identifier: BSD-3-Clause */
/* The books of the device, from "svio stats --json". */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "device_lab.h"

#define STATS_BYTES 65536

static int64_t get(struct json_object *counters, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(counters, name, &value) ? json_object_get_int64(value) : 0;
}

/* Everything whose name begins with prefix. */
static int64_t sum_prefix(struct json_object *counters, const char *prefix)
{
	int64_t sum = 0;

	json_object_object_foreach(counters, name,
				   value) if (strncmp(name, prefix, strlen(prefix)) == 0)
		sum += json_object_get_int64(value);
	return sum;
}

static bool judge_books(struct json_object *stats)
{
	struct json_object *vifs = NULL;
	struct json_object *device = NULL;
	int64_t in;
	int64_t out;

	if (!json_object_object_get_ex(stats, "vifs", &vifs) ||
	    !json_object_object_get_ex(stats, "device", &device))
		return false;
	in = get(device, "wire_rx_packets") + get(device, "copies");
	out = get(device, "wire_tx_packets") + get(device, "wire_tx_drop") +
	      get(device, "switch_drop");
	for (size_t i = 0; i < json_object_array_length(vifs); i++) {
		struct json_object *counters = NULL;

		json_object_object_get_ex(json_object_array_get_idx(vifs, i), "counters",
					  &counters);
		in += get(counters, "tx_packets");
		out += get(counters, "rx_packets") + sum_prefix(counters, "rx_drop_");
	}
	if (in != out)
		printf("     books: %lld packets in, %lld out or dropped\n%s\n", (long long)in,
		       (long long)out, json_object_to_json_string(stats));
	return in == out;
}

static struct json_object *read_stats(struct device_lab *lab)
{
	static char text[STATS_BYTES];

	return lab_svio(lab, text, sizeof(text), "stats --json") ? NULL : json_tokener_parse(text);
}

uint64_t lab_device_counter(struct device_lab *lab, const char *name)
{
	struct json_object *stats = read_stats(lab);
	struct json_object *device = NULL;
	int64_t value = 0;

	if (stats && json_object_object_get_ex(stats, "device", &device))
		value = get(device, name);
	json_object_put(stats);
	return (uint64_t)value;
}

bool lab_books_balance(struct device_lab *lab)
{
	struct json_object *stats = read_stats(lab);
	bool balance = false;

	if (stats)
		balance = judge_books(stats);
	json_object_put(stats);
	return balance;
}
