// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio stats, faults, status.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "settings.h"
#include "svio_host.h"

struct counter_text {
	const char *name;
	const char *text;
};

static const struct counter_text vif_counters[] = {
#define COUNTER_TEXT(name, text) { #name, text },
	SVIO_COUNTER_LIST(COUNTER_TEXT)
};

static const struct counter_text device_counters[] = { SVIO_DEVICE_COUNTER_LIST(COUNTER_TEXT)
#undef COUNTER_TEXT
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static bool is_drop(const char *name)
{
	return strstr(name, "_drop") != NULL;
}

static uint64_t sum_drops(struct json_object *counters)
{
	uint64_t drops = 0;

	for (size_t i = 0; i < COUNT_OF(vif_counters); i++)
		if (is_drop(vif_counters[i].name))
			drops += cli_number(counters, vif_counters[i].name);
	return drops;
}

/* Each counter with its meaning; those that are zero are left out, but for a few. */
static void print_counters(struct json_object *counters, const struct counter_text *texts,
			   size_t count)
{
	static const char *const headings[] = { "COUNTER", ">VALUE", "MEANING" };
	struct cli_table *table = cli_table_new(headings, COUNT_OF(headings));

	for (size_t i = 0; i < count; i++) {
		uint64_t value = cli_number(counters, texts[i].name);

		if (value == 0 && i >= 4)
			continue;
		cli_table_add(table, is_drop(texts[i].name) ? CLI_BAD : CLI_PLAIN, "%s",
			      texts[i].name);
		cli_table_add(table, CLI_PLAIN, "%" PRIu64, value);
		cli_table_add(table, CLI_PLAIN, "%s", texts[i].text);
	}
	cli_table_print(table);
}

static void add_count(struct cli_table *table, uint64_t value, const char *unit, bool bad)
{
	char text[CLI_CELL_BYTES];

	cli_table_add(table, bad && value ? CLI_BAD : CLI_PLAIN, "%s",
		      cli_format_count(value, unit, text));
}

static void print_all(struct json_object *stats)
{
	static const char *const headings[] = { "NAME",        ">TX PACKETS",  ">TX BYTES",
						">RX PACKETS", ">RX BYTES",    ">DROPS",
						">DMA FAULTS", ">QUEUE ERRORS" };
	struct cli_table *table = cli_table_new(headings, COUNT_OF(headings));
	struct json_object *vifs = json_object_object_get(stats, "vifs");

	for (size_t i = 0; i < json_object_array_length(vifs); i++) {
		struct json_object *vif = json_object_array_get_idx(vifs, i);
		struct json_object *counters = json_object_object_get(vif, "counters");

		cli_table_add(table, CLI_BOLD, "%s", cli_text(vif, "name"));
		add_count(table, cli_number(counters, "tx_packets"), "", false);
		add_count(table, cli_number(counters, "tx_bytes"), "B", false);
		add_count(table, cli_number(counters, "rx_packets"), "", false);
		add_count(table, cli_number(counters, "rx_bytes"), "B", false);
		add_count(table, sum_drops(counters), "", true);
		add_count(table, cli_number(counters, "dma_faults"), "", true);
		add_count(table, cli_number(counters, "queue_errors"), "", true);
	}
	cli_table_print(table);
	puts("\nDrops by reason: svio stats NAME. The device:");
	print_counters(json_object_object_get(stats, "device"), device_counters,
		       COUNT_OF(device_counters));
}

static void print_stats(struct json_object *stats, const char *name)
{
	struct json_object *vifs = json_object_object_get(stats, "vifs");

	if (!name) {
		print_all(stats);
		return;
	}
	print_counters(json_object_object_get(json_object_array_get_idx(vifs, 0), "counters"),
		       vif_counters, COUNT_OF(vif_counters));
}

/* The counters of the same VIF in an earlier report; NULL: it is new. */
static struct json_object *counters_before(struct json_object *before, const char *name)
{
	struct json_object *vifs = json_object_object_get(before, "vifs");

	for (size_t i = 0; vifs && i < json_object_array_length(vifs); i++) {
		struct json_object *vif = json_object_array_get_idx(vifs, i);

		if (!strcmp(cli_text(vif, "name"), name))
			return json_object_object_get(vif, "counters");
	}
	return NULL;
}

static uint64_t rate(struct json_object *now, struct json_object *before, const char *key,
		     double seconds)
{
	uint64_t a = cli_number(before, key), b = cli_number(now, key);

	return b > a ? (uint64_t)((double)(b - a) / seconds + 0.5) : 0;
}

static void print_rates(struct json_object *stats, struct json_object *before)
{
	static const char *const headings[] = { "NAME",  ">TX/s",     ">TX BIT/s",
						">RX/s", ">RX BIT/s", ">DROPS/s" };
	struct json_object *vifs = json_object_object_get(stats, "vifs");
	struct cli_table *table = cli_table_new(headings, COUNT_OF(headings));
	double seconds =
		(double)(cli_number(stats, "time_ns") - cli_number(before, "time_ns")) / 1e9;

	for (size_t i = 0; i < json_object_array_length(vifs); i++) {
		struct json_object *vif = json_object_array_get_idx(vifs, i);
		struct json_object *now = json_object_object_get(vif, "counters");
		struct json_object *then = counters_before(before, cli_text(vif, "name"));
		uint64_t drops = sum_drops(now), drops_then = sum_drops(then);

		if (!then)
			continue;
		cli_table_add(table, CLI_BOLD, "%s", cli_text(vif, "name"));
		add_count(table, rate(now, then, "tx_packets", seconds), "", false);
		add_count(table, 8 * rate(now, then, "tx_bytes", seconds), "", false);
		add_count(table, rate(now, then, "rx_packets", seconds), "", false);
		add_count(table, 8 * rate(now, then, "rx_bytes", seconds), "", false);
		add_count(table,
			  drops > drops_then ? (uint64_t)((double)(drops - drops_then) / seconds)
					     : 0,
			  "", true);
	}
	cli_table_print(table);
}

/* Every interval a table of rates (or a report in JSON). */
static void watch_stats(struct cli *cli, const char *name, const struct cli_watch *watch)
{
	struct json_object *before = cli_call(cli, cli_request_new("stats", name));

	for (uint64_t i = 0; cli_watch_goes_on(watch, i); i++) {
		struct json_object *stats;

		cli_sleep(watch->interval_s);
		stats = cli_call(cli, cli_request_new("stats", name));
		if (cli->json)
			puts(json_object_to_json_string_ext(stats, JSON_C_TO_STRING_PLAIN));
		else
			print_rates(stats, before);
		if (!cli->json && cli_watch_goes_on(watch, i + 1))
			putchar('\n');
		fflush(stdout);
		json_object_put(before);
		before = stats;
	}
	json_object_put(before);
}

static int run_stats(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	struct json_object *stats;
	const char *name;
	struct cli_watch watch;

	cli_watch_take(command, cli, argc, argv, &watch, &name);
	if (watch.interval_s > 0) {
		watch_stats(cli, name, &watch);
		return CLI_OK;
	}
	stats = cli_call(cli, cli_request_new("stats", name));
	if (cli->json)
		cli_print_json(stats);
	else
		print_stats(stats, name);
	json_object_put(stats);
	return CLI_OK;
}

/* The place of the first one after number last; they are in order. */
static size_t first_fault(struct json_object *report, uint64_t last)
{
	size_t i = 0;

	while (i < cli_count(report, "faults") &&
	       cli_number(cli_item(report, "faults", i), "sequence") <= last)
		i++;
	return i;
}

/* Those from a place on. */
static void print_faults(struct json_object *report, size_t first)
{
	static const char *const headings[] = { ">NUMBER", ">AGE",   "VIF",
						"QUEUE",   "ACCESS", ">ADDRESS",
						">BYTES",  "REASON", ">LEFT OUT" };
	struct cli_table *table = cli_table_new(headings, COUNT_OF(headings));
	char text[CLI_CELL_BYTES];

	for (size_t i = first; i < cli_count(report, "faults"); i++) {
		struct json_object *fault = cli_item(report, "faults", i);
		const char *vif = cli_text(fault, "vif");

		cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(fault, "sequence"));
		cli_table_add(table, CLI_PLAIN, "%s",
			      cli_format_age(cli_number(fault, "age_ms"), text));
		cli_table_add(table, CLI_BOLD, "%s", *vif ? vif : "(deleted)");
		cli_table_add(table, CLI_PLAIN, "%s", cli_text(fault, "queue"));
		cli_table_add(table, CLI_PLAIN, "%s", cli_text(fault, "access"));
		cli_table_add(table, CLI_PLAIN, "0x%" PRIx64, cli_number(fault, "address"));
		cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(fault, "bytes"));
		cli_table_add(table, CLI_BAD, "%s", cli_text(fault, "reason"));
		cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(fault, "suppressed"));
	}
	cli_table_print(table);
}

/* One a line. */
static void print_faults_json(struct json_object *report, size_t first)
{
	for (size_t i = first; i < cli_count(report, "faults"); i++)
		puts(json_object_to_json_string_ext(cli_item(report, "faults", i),
						    JSON_C_TO_STRING_PLAIN));
}

/* Those that are recorded from now on. */
static void watch_faults(struct cli *cli, const char *name, const struct cli_watch *watch)
{
	struct json_object *report = cli_call(cli, cli_request_new("faults", name));
	uint64_t last = cli_number(report, "recorded");

	for (uint64_t i = 0; cli_watch_goes_on(watch, i); i++) {
		json_object_put(report);
		cli_sleep(watch->interval_s);
		report = cli_call(cli, cli_request_new("faults", name));
		if (cli->json)
			print_faults_json(report, first_fault(report, last));
		else if (first_fault(report, last) < cli_count(report, "faults"))
			print_faults(report, first_fault(report, last));
		fflush(stdout);
		last = cli_number(report, "recorded");
	}
	json_object_put(report);
}

static int run_faults(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	struct json_object *report;
	const char *name;
	struct cli_watch watch;

	cli_watch_take(command, cli, argc, argv, &watch, &name);
	if (watch.interval_s > 0) {
		watch_faults(cli, name, &watch);
		return CLI_OK;
	}
	report = cli_call(cli, cli_request_new("faults", name));
	if (cli->json)
		cli_print_json(report);
	else if (!cli_count(report, "faults"))
		puts("No DMA fault is recorded.");
	else
		print_faults(report, 0);
	json_object_put(report);
	return CLI_OK;
}

static void print_status(struct json_object *device)
{
	struct json_object *firmware = json_object_object_get(device, "firmware");
	uint64_t speed = cli_number(device, "wire_speed_mbps");
	char text[CLI_CELL_BYTES];

	printf("firmware   %s, process %" PRIu64 ", up for %s, restarted %" PRIu64 " times\n",
	       cli_text(firmware, "state"), cli_number(firmware, "pid"),
	       cli_format_age(cli_number(firmware, "uptime_ms"), text),
	       cli_number(firmware, "restarts"));
	printf("wire       %s, link %s", cli_text(device, "wire"), cli_text(device, "wire_link"));
	if (speed)
		printf(", %sbit/s", svio_rate_format(speed * 1000000, text));
	printf("\nVIFs       %" PRIu64 " of at most %" PRIu64 "\n", cli_number(device, "vifs"),
	       cli_number(device, "vifs_max"));
	printf("groups     %" PRIu64 "\n", cli_number(device, "groups"));
	printf("memory     %" PRIu64 " objects, longest wait for an unmap %" PRIu64 " us\n",
	       cli_number(device, "memory_objects"), cli_number(device, "unmap_wait_max_us"));
	printf("run dir    %s\n", cli_text(device, "run_dir"));
	printf("sviod      up for %s\n", cli_format_age(cli_number(device, "uptime_ms"), text));
}

static int run_status(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	struct json_object *device;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 0, 0, NULL);
	device = cli_call(cli, cli_request_new("device", NULL));
	if (cli->json)
		cli_print_json(device);
	else
		print_status(device);
	json_object_put(device);
	return CLI_OK;
}

const struct cli_command cli_report_commands[] = {
	{ NULL, "stats", "[NAME] [--watch[=SECONDS]]", "count what went through, and what did not",
	  "  --watch[=SECONDS]  print rates every second (or so many), until stopped\n"
	  "  --count N          with --watch: so often, then end\n"
	  "\n"
	  "Examples:\n"
	  "  svio stats\n"
	  "  svio stats web\n"
	  "  svio stats --watch=5\n",
	  run_stats },
	{ NULL, "faults", "[NAME] [--watch[=SECONDS]]",
	  "list accesses to memory that the IOMMU refused",
	  "  --watch[=SECONDS]  print those that come, every second (or so many), until stopped\n"
	  "  --count N          with --watch: look so often, then end\n"
	  "\n"
	  "Examples:\n"
	  "  svio faults\n"
	  "  svio faults web --json\n"
	  "  svio faults --watch\n",
	  run_faults },
	{ NULL, "status", "", "tell how the device is: firmware, wire, VIFs",
	  "Examples:\n"
	  "  svio status\n",
	  run_status },
	{ 0 },
};
