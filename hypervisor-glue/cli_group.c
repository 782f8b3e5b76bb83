// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio group ...
 */
#include <inttypes.h>
#include <stdio.h>

#include "cli.h"
#include "settings.h"

enum {
	OPTION_PARENT = CLI_OPTION_OWN,
};

static void add_settings(struct cli_table *table, struct json_object *node)
{
	static const char *const keys[] = { "min_bps", "max_bps", "max_pps", "weight", "priority" };
	char text[CLI_CELL_BYTES];

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		cli_table_add(table, CLI_PLAIN, "%s",
			      cli_format_setting(keys[i], json_object_object_get(node, keys[i]),
						 text));
}

static void print_groups(struct json_object *list)
{
	static const char *const headings[] = { "NAME",     "PARENT",  ">MIN",      ">MAX",
						">MAX-PPS", ">WEIGHT", ">PRIORITY", ">VIFS" };
	struct cli_table *table = cli_table_new(headings, sizeof(headings) / sizeof(headings[0]));

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *group = json_object_array_get_idx(list, i);

		cli_table_add(table, CLI_BOLD, "%s", cli_text(group, "name"));
		cli_table_add(table, CLI_PLAIN, "%s", cli_text(group, "parent"));
		add_settings(table, group);
		cli_table_add(table, CLI_PLAIN, "%" PRIu64, cli_number(group, "vifs"));
	}
	cli_table_print(table);
}

static int run_add(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_QOS_OPTIONS,
						 { "parent", required_argument, NULL,
						   OPTION_PARENT },
						 CLI_COMMON_OPTIONS,
						 { 0 } };
	struct json_object *request = cli_request_new("group-add", NULL), *list, *group;
	const char *name;
	int option;

	while ((option = cli_next_option(command, cli, argc, argv, options)) >= 0)
		if (!cli_add_qos(request, option))
			json_object_object_add(request, "parent", json_object_new_string(optarg));
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	json_object_object_add(request, "name", json_object_new_string(name));
	group = cli_call(cli, request);
	if (cli->json) {
		cli_print_json(group);
		json_object_put(group);
		return CLI_OK;
	}
	list = json_object_new_array();
	json_object_array_add(list, group);
	print_groups(list);
	json_object_put(list);
	return CLI_OK;
}

static int run_del(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	const char *name;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 1, 1, &name);
	json_object_put(cli_call(cli, cli_request_new("group-del", name)));
	if (cli->json)
		puts("{}");
	return CLI_OK;
}

static int run_list(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	struct json_object *list;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 0, 0, NULL);
	list = cli_call(cli, cli_request_new("group-list", NULL));
	if (cli->json)
		cli_print_json(list);
	else if (json_object_array_length(list) == 0)
		puts("There is no group. svio group add NAME makes one.");
	else
		print_groups(list);
	json_object_put(list);
	return CLI_OK;
}

const struct cli_command cli_group_commands[] = {
	{ "group", "add", "NAME [--parent GROUP] [SETTINGS]",
	  "make a group, which VIFs of one tenant share",
	  CLI_QOS_HELP
	  "  --parent GROUP   the group that it is part of; port (default)\n"
	  "\n"
	  "svio qos set NAME changes a group; svio vif set VIF --group NAME moves a VIF.\n"
	  "\n"
	  "Examples:\n"
	  "  svio group add blue --min 2G --max 10G\n"
	  "  svio group add lab --parent blue --weight 3\n",
	  run_add },
	{ "group", "del", "NAME", "delete a group that nobody is in",
	  "Examples:\n"
	  "  svio group del blue\n",
	  run_del },
	{ "group", "list", "", "list all groups",
	  "Examples:\n"
	  "  svio group list\n"
	  "  svio group list --json | jq -r '.[].name'\n",
	  run_list },
	{ 0 },
};
