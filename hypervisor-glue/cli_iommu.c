// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio iommu.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"

/* A length as people say it, where it is a whole number of something. */
static const char *format_bytes(uint64_t bytes, char *text)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	size_t unit = 0;

	while (unit < 4 && bytes >= 1024 && bytes % 1024 == 0) {
		bytes /= 1024;
		unit++;
	}
	if (bytes >= 10240 && unit < 4)
		snprintf(text, CLI_CELL_BYTES, "%.1f %s", (double)bytes / 1024, units[unit + 1]);
	else
		snprintf(text, CLI_CELL_BYTES, "%" PRIu64 " %s", bytes, units[unit]);
	return text;
}

static void print_summary(struct json_object *report)
{
	struct json_object *pages = json_object_object_get(report, "pages");
	struct json_object *tables = json_object_object_get(report, "tables");
	struct json_object *translations = json_object_object_get(report, "translations");
	struct json_object *faults = json_object_object_get(report, "faults");
	char text[CLI_CELL_BYTES], limit[CLI_CELL_BYTES];

	printf("maps          %" PRIu64 ", %s\n", cli_number(report, "maps"),
	       format_bytes(cli_number(report, "bytes"), text));
	printf("pages         %" PRIu64 " of 4 KiB, %" PRIu64 " of 2 MiB, %" PRIu64 " of 1 GiB\n",
	       cli_number(pages, "4k"), cli_number(pages, "2m"), cli_number(pages, "1g"));
	printf("tables        %s of at most %s\n", format_bytes(cli_number(tables, "bytes"), text),
	       format_bytes(cli_number(tables, "bytes_max"), limit));
	printf("translations  %" PRIu64 " descriptors, %" PRIu64 " table walks",
	       cli_number(translations, "descriptors"), cli_number(translations, "walks"));
	if (cli_number(translations, "descriptors"))
		printf(": at least %.1f %% found at hand",
		       100 * json_object_get_double(
				     json_object_object_get(translations, "hit_rate_min")));
	printf("\nfaults        %" PRIu64 ", of which svio faults lists %" PRIu64 "\n",
	       cli_number(faults, "count"), cli_number(faults, "listed"));
}

static void print_dirty_log(struct json_object *report)
{
	struct json_object *log = json_object_object_get(report, "dirty_log");
	char bytes[CLI_CELL_BYTES], page[CLI_CELL_BYTES], age[CLI_CELL_BYTES];

	if (!log) {
		puts("dirty log     off");
		return;
	}
	printf("dirty log     on for %s: %s in pages of %s, %" PRIu64 " pages in %" PRIu64
	       " reports\n",
	       cli_format_age(cli_number(log, "age_ms"), age),
	       format_bytes(cli_number(log, "bytes"), bytes),
	       format_bytes(cli_number(log, "page_bytes"), page), cli_number(log, "pages_reported"),
	       cli_number(log, "reports"));
}

static void print_map(struct json_object *report)
{
	static const char *const headings[] = { ">IOVA", ">BYTES", ">OBJECT", ">OFFSET", "RIGHTS" };
	struct cli_table *table;
	char text[CLI_CELL_BYTES];

	if (!cli_count(report, "map"))
		return;
	putchar('\n');
	table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));
	for (size_t i = 0; i < cli_count(report, "map"); i++) {
		struct json_object *line = cli_item(report, "map", i);

		cli_table_add(table, CLI_PLAIN, "0x%" PRIx64, cli_number(line, "iova"));
		cli_table_add(table, CLI_PLAIN, "%s",
			      format_bytes(cli_number(line, "bytes"), text));
		if (json_object_object_get(line, "object")) {
			cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(line, "object"));
			cli_table_add(table, CLI_PLAIN, "0x%" PRIx64, cli_number(line, "offset"));
		} else {
			cli_table_add(table, CLI_PLAIN, "none");
			cli_table_add(table, CLI_PLAIN, "-");
		}
		cli_table_add(table, CLI_PLAIN, "%s", cli_text(line, "rights"));
	}
	cli_table_print(table);
	if (cli_number(report, "maps_left_out"))
		printf("(%" PRIu64 " maps at higher addresses are left out)\n",
		       cli_number(report, "maps_left_out"));
}

static int run_show(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	struct json_object *report;
	const char *name;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	report = cli_call(cli, cli_request_new("iommu-show", name));
	if (cli->json) {
		cli_print_json(report);
	} else {
		print_summary(report);
		print_dirty_log(report);
		print_map(report);
	}
	json_object_put(report);
	return CLI_OK;
}

const struct cli_command cli_iommu_commands[] = {
	{ "iommu", "show", "NAME", "tell which memory a VIF may use, and how it does",
	  "Examples:\n"
	  "  svio iommu show web\n"
	  "  svio iommu show web --json | jq .translations\n",
	  run_show },
	{ 0 },
};
