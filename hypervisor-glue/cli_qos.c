// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio qos set, save, load.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"
#include "settings.h"

#define FILE_DEPTH_MAX 8
#define FILE_BYTES_MAX (64l << 20)

enum {
	OPTION_DRY_RUN = CLI_OPTION_OWN,
};

static int call_for_changes(struct cli *cli, struct json_object *request)
{
	struct json_object *result = cli_call(cli, request);

	if (cli->json)
		cli_print_json(result);
	else
		cli_print_changes(result);
	json_object_put(result);
	return CLI_OK;
}

static int run_set(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_QOS_OPTIONS,
						 { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
						 CLI_COMMON_OPTIONS,
						 { 0 } };
	struct json_object *request = cli_request_new("qos-set", NULL);
	int option, settings = 0;
	const char *node;

	while ((option = cli_next_option(command, cli, argc, argv, options)) >= 0) {
		if (cli_add_qos(request, option))
			settings++;
		else
			json_object_object_add(request, "dry_run", json_object_new_boolean(true));
	}
	cli_take_arguments(command, argc, argv, 1, 1, &node);
	if (settings == 0) {
		json_object_put(request);
		cli_fail(CLI_USAGE,
			 "qos set %s: what? For example --max 500M (see svio qos set --help)",
			 node);
	}
	json_object_object_add(request, "node", json_object_new_string(node));
	return call_for_changes(cli, request);
}

/* Beside the file first, so that a failure leaves the old one whole. */
static void write_file(const char *path, const char *text)
{
	size_t bytes = strlen(path) + 16;
	char *beside = malloc(bytes);
	FILE *file = NULL;
	int fd;

	if (!beside)
		cli_fail(CLI_FAILED, "out of memory");
	snprintf(beside, bytes, "%s.XXXXXX", path);
	fd = mkostemp(beside, O_CLOEXEC);
	if (fd >= 0)
		file = fdopen(fd, "w");
	if (!file)
		cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(errno));
	if (fputs(text, file) < 0 || fputc('\n', file) < 0 || fflush(file) || fsync(fd) ||
	    fclose(file) || rename(beside, path)) {
		int error = errno;

		unlink(beside);
		cli_fail(CLI_FAILED, "cannot write %s: %s", path, strerror(error));
	}
	free(beside);
}

static int run_save(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS, { 0 } };
	struct json_object *tree;
	const char *path;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		;
	cli_take_arguments(command, argc, argv, 0, 1, &path);
	tree = cli_call(cli, cli_request_new("qos-show", NULL));
	if (!path || !strcmp(path, "-"))
		cli_print_json(tree);
	else
		write_file(path, json_object_to_json_string_ext(
					 tree, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
						       JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(tree);
	return CLI_OK;
}

/* Twice the room, zero-filled. */
static char *grow(char *text, size_t *room)
{
	char *grown = realloc(text, *room * 2);

	if (!grown)
		cli_fail(CLI_FAILED, "out of memory");
	memset(grown + *room, 0, *room);
	*room *= 2;
	return grown;
}

/* All of it, NUL-terminated; the caller's. */
static char *read_file(const char *path, size_t *bytes)
{
	FILE *file = strcmp(path, "-") != 0 ? fopen(path, "re") : stdin;
	size_t room = 65536;
	char *text = calloc(1, room);

	if (!file)
		cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(errno));
	if (!text)
		cli_fail(CLI_FAILED, "out of memory");
	*bytes = 0;
	while (!feof(file) && !ferror(file) && *bytes < FILE_BYTES_MAX) {
		*bytes += fread(text + *bytes, 1, room - *bytes - 1, file);
		if (*bytes + 1 == room)
			text = grow(text, &room);
	}
	if (ferror(file))
		cli_fail(CLI_FAILED, "cannot read %s: %s", path, strerror(errno));
	if (*bytes >= FILE_BYTES_MAX)
		cli_fail(CLI_FAILED, "%s is too long to be the settings of a device", path);
	if (file != stdin)
		fclose(file);
	return text;
}

static size_t line_of(const char *text, size_t offset)
{
	size_t line = 1;

	for (size_t i = 0; i < offset; i++)
		line += text[i] == '\n';
	return line;
}

static struct json_object *read_tree(const char *path)
{
	struct json_tokener *tokener = json_tokener_new_ex(FILE_DEPTH_MAX);
	struct json_object *tree;
	size_t bytes, end;
	char *text = read_file(path, &bytes);

	if (!tokener)
		cli_fail(CLI_FAILED, "out of memory");
	tree = json_tokener_parse_ex(tokener, text, (int)bytes);
	end = json_tokener_get_parse_end(tokener);
	if (json_tokener_get_error(tokener) == json_tokener_continue)
		cli_fail(CLI_FAILED, "%s is not complete: it ends in the middle of its JSON", path);
	if (json_tokener_get_error(tokener) != json_tokener_success)
		cli_fail(CLI_FAILED, "%s, line %zu: %s", path, line_of(text, end),
			 json_tokener_error_desc(json_tokener_get_error(tokener)));
	if (text[end + strspn(text + end, " \t\r\n")])
		cli_fail(CLI_FAILED, "%s, line %zu: something follows the end of the object", path,
			 line_of(text, end));
	json_tokener_free(tokener);
	free(text);
	return tree;
}

static int run_load(const struct cli_command *command, struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { { "dry-run", no_argument, NULL, OPTION_DRY_RUN },
						 CLI_COMMON_OPTIONS,
						 { 0 } };
	struct json_object *request = cli_request_new("qos-load", NULL);
	const char *path;

	while (cli_next_option(command, cli, argc, argv, options) >= 0)
		json_object_object_add(request, "dry_run", json_object_new_boolean(true));
	cli_take_arguments(command, argc, argv, 1, 1, &path);
	json_object_object_add(request, "tree", read_tree(path));
	return call_for_changes(cli, request);
}

const struct cli_command cli_qos_commands[] = {
	{ "qos", "show", "[NODE] [--watch[=SECONDS]]",
	  "show who may send how much, does, and what limits it",
	  "  --watch[=SECONDS]  again every second (or so many), until stopped\n"
	  "  --count N          with --watch: so often, then end\n"
	  "\n"
	  "NODE: port, a group, a VIF, or VIF/CLASS; it and what is below it are shown.\n"
	  "Rates are of half a second, and LIMITED BY is what was most often the case in it:\n"
	  "  its demand       it had nothing more to send\n"
	  "  its share        others had their turn\n"
	  "  its max          its own ceiling (or max-pps)\n"
	  "  max of GROUP     the ceiling of a group that it is in, or of the port\n"
	  "  its receivers    they had no buffers, or were above their rx-max\n"
	  "\n"
	  "Examples:\n"
	  "  svio qos show\n"
	  "  svio qos show blue --watch\n"
	  "  svio qos show --json | jq '.nodes[] | select(.limited_by == \"max\").node'\n",
	  cli_qos_show },
	{ "qos", "set", "NODE SETTINGS [--dry-run]", "change a node while it runs",
	  CLI_QOS_HELP
	  "  --dry-run        change nothing: say what would change, or why it does not fit\n"
	  "\n"
	  "NODE: port, a group, a VIF, or VIF/CLASS (classes: svio vif set VIF --classes N).\n"
	  "\n"
	  "Examples:\n"
	  "  svio qos set port --max 25G\n"
	  "  svio qos set blue --min 5G --weight 2\n"
	  "  svio qos set web --min 1G --dry-run\n"
	  "  svio qos set web/1 --priority 7 --max 100M\n",
	  run_set },
	{ "qos", "save", "[FILE]", "write the settings of port, groups and VIFs to a file",
	  "Without FILE, or with -, to the standard output. What is left out is at its default.\n"
	  "\n"
	  "Examples:\n"
	  "  svio qos save tree.json\n",
	  run_save },
	{ "qos", "load", "FILE [--dry-run]", "make the tree be as a file says",
	  "  --dry-run        change nothing: say what would change, or why it does not fit\n"
	  "\n"
	  "Groups are made and deleted as needed; VIFs must exist, and those that the file does\n"
	  "not name stay as they are. All of the file is checked before anything is changed.\n"
	  "Rates are numbers of bits per second, or text like \"2.5G\". FILE -: standard input.\n"
	  "\n"
	  "Examples:\n"
	  "  svio qos load tree.json --dry-run\n"
	  "  svio qos load tree.json\n",
	  run_load },
	{ 0 },
};
