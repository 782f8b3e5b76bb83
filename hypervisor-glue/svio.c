// SPDX-License-Identifier: BSD-3-Clause
/*
 * svio, the administrator's command: options, dispatch, help.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "run_dir.h"
#include "settings.h"

#define VERSION      "0.1.0"
#define COMMANDS_MAX 32

static const char intro[] = "Usage: svio [--run-dir DIR] [--json] COMMAND\n"
			    "\n"
			    "Administers the VIFs of a self-virtualizing network device (sviod).\n"
			    "\n"
			    "Commands:\n";

static const char common_options[] =
	"Common options:\n"
	"  --run-dir DIR    sviod's run directory (default: SVIO_RUN_DIR, else " SVIO_RUN_DIR_DEFAULT
	")\n"
	"  --json           print JSON, for programs\n"
	"  --help           print this\n";

static const char outro[] =
	"  --version        print the version\n"
	"\n"
	"svio COMMAND --help says more. Exit status: 0 done, 1 failed, 2 used wrongly.\n"
	"\n"
	"Examples:\n"
	"  svio vif add web --max 2.5G\n"
	"  svio vif qemu-args web\n"
	"  svio group add blue --max 10G\n"
	"  svio vif set web --group blue --min 3G\n"
	"  svio qos show\n"
	"  svio stats --watch\n";

void cli_fail(enum cli_exit status, const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	fputs("svio: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
	exit(status);
}

static void format_title(const struct cli_command *command, char *text, size_t bytes)
{
	snprintf(text, bytes, "%s%s%s", command->group ? command->group : "",
		 command->group ? " " : "", command->name);
}

void cli_print_help(const struct cli_command *command)
{
	char title[64];

	format_title(command, title, sizeof(title));
	printf("Usage: svio %s %s\n\nsvio %s: %s.\n\n%s\n%s", title, command->arguments, title,
	       command->summary, command->help, common_options);
}

/* All commands in the order of the help; the number of them. */
static size_t list_commands(const struct cli_command **list)
{
	const struct cli_command *const tables[] = { cli_vif_commands, cli_group_commands,
						     cli_qos_commands, cli_iommu_commands,
						     cli_report_commands };
	size_t count = 0;

	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct cli_command *at = tables[i]; at->name; at++)
			list[count++] = at;
	return count;
}

static void print_help(void)
{
	const struct cli_command *list[COMMANDS_MAX];
	size_t count = list_commands(list);

	fputs(intro, stdout);
	for (size_t i = 0; i < count; i++) {
		char title[64];

		format_title(list[i], title, sizeof(title));
		printf("  %-15s  %s\n", title, list[i]->summary);
	}
	printf("\n%s%s", common_options, outro);
}

static void take_common_option(struct cli *cli, int option)
{
	if (option == CLI_OPTION_JSON)
		cli->json = true;
	if (option != CLI_OPTION_RUN_DIR)
		return;
	if (!*optarg)
		cli_fail(CLI_USAGE, "--run-dir: the directory's name is empty");
	cli->run_dir = optarg;
}

int cli_next_option(const struct cli_command *command, struct cli *cli, int argc, char **argv,
		    const struct option *options)
{
	char title[64];

	for (;;) {
		int option = getopt_long(argc, argv, "h", options, NULL);

		switch (option) {
		case CLI_OPTION_RUN_DIR:
		case CLI_OPTION_JSON:
			take_common_option(cli, option);
			break;
		case CLI_OPTION_HELP:
		case 'h':
			cli_print_help(command);
			exit(CLI_OK);
		case '?':
			format_title(command, title, sizeof(title));
			fprintf(stderr, "See svio %s --help.\n", title);
			exit(CLI_USAGE);
		default:
			return option;
		}
	}
}

/* What the first argument of a command is a name of. */
static const char *what_is_named(const struct cli_command *command)
{
	if (!strncmp(command->arguments, "NODE", 4))
		return "node";
	if (!strncmp(command->arguments, "FILE", 4))
		return "file";
	return command->group && !strcmp(command->group, "group") ? "group" : "VIF";
}

void cli_take_arguments(const struct cli_command *command, int argc, char **argv, int min, int max,
			const char **taken)
{
	char title[64];

	format_title(command, title, sizeof(title));
	if (argc - optind < min)
		cli_fail(CLI_USAGE, "%s: which %s? Usage: svio %s %s", title,
			 what_is_named(command), title, command->arguments);
	if (argc - optind > max)
		cli_fail(CLI_USAGE, "%s: \"%s\" is too much. Usage: svio %s %s", title,
			 argv[optind + max], title, command->arguments);
	for (int i = 0; i < max; i++)
		taken[i] = optind + i < argc ? argv[optind + i] : NULL;
}

/* The names that may stand at this place: of groups and lone commands, or inside of group. */
static void fail_unknown(const char *group, const char *word)
{
	const struct cli_command *list[COMMANDS_MAX];
	size_t count = list_commands(list), named = 0;
	const char *names[COMMANDS_MAX], *nearest;

	for (size_t i = 0; i < count; i++) {
		if (group && list[i]->group && !strcmp(list[i]->group, group))
			names[named++] = list[i]->name;
		else if (!group)
			names[named++] = list[i]->group ? list[i]->group : list[i]->name;
	}
	nearest = svio_nearest(word, names, named);
	cli_fail(CLI_USAGE, "there is no command \"%s%s%s\"%s%s%s; see svio --help",
		 group ? group : "", group ? " " : "", word, nearest ? ": did you mean " : "",
		 nearest ? nearest : "", nearest ? "?" : "");
}

/* The command that argv names; *words: how many words its name has. */
static const struct cli_command *find_command(int argc, char **argv, int *words)
{
	const struct cli_command *list[COMMANDS_MAX];
	size_t count = list_commands(list);
	bool group = false;

	for (size_t i = 0; i < count; i++) {
		const struct cli_command *at = list[i];

		*words = at->group ? 2 : 1;
		if (at->group && !strcmp(argv[0], at->group))
			group = true;
		if (argc >= *words && !strcmp(argv[*words - 1], at->name) &&
		    (!at->group || !strcmp(argv[0], at->group)))
			return at;
	}
	if (group && (argc < 2 || argv[1][0] == '-')) {
		if (argc >= 2 && !strcmp(argv[1], "--help")) {
			print_help();
			exit(CLI_OK);
		}
		cli_fail(CLI_USAGE, "%s: what about it? See svio --help", argv[0]);
	}
	fail_unknown(group ? argv[0] : NULL, group ? argv[1] : argv[0]);
	return NULL;
}

/* Options before the command. */
static void parse_global_options(struct cli *cli, int argc, char **argv)
{
	static const struct option options[] = { CLI_COMMON_OPTIONS,
						 { "version", no_argument, NULL, 'V' },
						 { 0 } };
	int option;

	while ((option = getopt_long(argc, argv, "+hV", options, NULL)) >= 0) {
		switch (option) {
		case 'h':
		case CLI_OPTION_HELP:
			print_help();
			exit(CLI_OK);
		case 'V':
			puts("svio " VERSION);
			exit(CLI_OK);
		case '?':
			fputs("See svio --help.\n", stderr);
			exit(CLI_USAGE);
		default:
			take_common_option(cli, option);
			break;
		}
	}
}

int main(int argc, char **argv)
{
	const char *run_dir = getenv("SVIO_RUN_DIR");
	struct cli cli = { .run_dir = run_dir && *run_dir ? run_dir : SVIO_RUN_DIR_DEFAULT };
	const struct cli_command *command;
	int words = 1;
	int status;

	parse_global_options(&cli, argc, argv);
	argc -= optind;
	argv += optind;
	if (argc == 0) {
		print_help();
		return CLI_USAGE;
	}
	if (!strcmp(argv[0], "help")) {
		print_help();
		return CLI_OK;
	}
	command = find_command(argc, argv, &words);
	argv[words - 1] = (char *)"svio"; /* what getopt puts before its messages */
	optind = 0;                       /* glibc: start anew */
	status = command->run(command, &cli, argc - words + 1, argv + words - 1);
	if (fflush(stdout) || ferror(stdout))
		cli_fail(CLI_FAILED, "cannot write the output");
	return status;
}
