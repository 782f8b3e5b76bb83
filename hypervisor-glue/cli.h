/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio, the administrator's command: what its files share. One run carries out
 * one command; functions that cannot go on print why and end the program.
 */
#ifndef SVIO_CLI_H
#define SVIO_CLI_H

#include <getopt.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum cli_exit {
	CLI_OK = 0,
	CLI_FAILED = 1, /* sviod refused, or is not there */
	CLI_USAGE = 2,
};

/* Options that every command has. */
struct cli {
	const char *run_dir;
	bool json;
};

enum cli_option {
	CLI_OPTION_RUN_DIR = 0x100,
	CLI_OPTION_JSON,
	CLI_OPTION_HELP,
	CLI_OPTION_OWN, /* a command's own start here */
};

#define CLI_COMMON_OPTIONS                                          \
	{ "run-dir", required_argument, NULL, CLI_OPTION_RUN_DIR }, \
		{ "json", no_argument, NULL, CLI_OPTION_JSON },     \
	{                                                           \
		"help", no_argument, NULL, CLI_OPTION_HELP          \
	}

struct cli_command {
	const char *group; /* "vif", or NULL */
	const char *name;
	const char *arguments; /* for the usage line */
	const char *summary;
	const char *help; /* options and examples */
	/* argv[0] is the command's name. Returns enum cli_exit. */
	int (*run)(const struct cli_command *command, struct cli *cli, int argc, char **argv);
};

extern const struct cli_command cli_vif_commands[];
extern const struct cli_command cli_group_commands[];
extern const struct cli_command cli_qos_commands[];
extern const struct cli_command cli_iommu_commands[];
extern const struct cli_command cli_report_commands[];

/*
 * Next option, as getopt_long(3); the common ones are taken care of. -1 at the
 * end. Ends the program on --help and on an unknown option.
 */
int cli_next_option(const struct cli_command *command, struct cli *cli, int argc, char **argv,
		    const struct option *options);
/* The count words that must be left, NULL-filled where optional; ends the program otherwise. */
void cli_take_arguments(const struct cli_command *command, int argc, char **argv, int min, int max,
			const char **taken);

void cli_print_help(const struct cli_command *command);
/* "svio: sentence", and end with this status. */
void cli_fail(enum cli_exit status, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));

/* cli_client.c: a connection to sviod */

/* {"cmd": name}; with "name": vif where vif is not NULL. */
struct json_object *cli_request_new(const char *name, const char *vif);
/*
 * Send request (put here) and wait for the answer. The result, the caller's; an
 * error ends the program with its sentence.
 */
struct json_object *cli_call(struct cli *cli, struct json_object *request);
void cli_print_json(struct json_object *value);

/* Readers that are content with a field that is not there. */
const char *cli_text(struct json_object *from, const char *key);
uint64_t cli_number(struct json_object *from, const char *key);
bool cli_flag(struct json_object *from, const char *key);

/* An array in an object: how long (0: not there), and its items. */
size_t cli_count(struct json_object *from, const char *key);
struct json_object *cli_item(struct json_object *from, const char *key, size_t index);

/* cli_setting.c: options that become settings in a request */

enum cli_qos_option {
	CLI_QOS_MIN = CLI_OPTION_OWN + 0x100,
	CLI_QOS_MAX,
	CLI_QOS_BURST,
	CLI_QOS_MAX_PPS,
	CLI_QOS_WEIGHT,
	CLI_QOS_PRIORITY,
};

#define CLI_QOS_OPTIONS                                                  \
	{ "min", required_argument, NULL, CLI_QOS_MIN },                 \
		{ "max", required_argument, NULL, CLI_QOS_MAX },         \
		{ "burst", required_argument, NULL, CLI_QOS_BURST },     \
		{ "max-pps", required_argument, NULL, CLI_QOS_MAX_PPS }, \
		{ "weight", required_argument, NULL, CLI_QOS_WEIGHT },   \
	{                                                                \
		"priority", required_argument, NULL, CLI_QOS_PRIORITY    \
	}

#define CLI_QOS_HELP                                                                              \
	"  --min RATE       guaranteed, in bits/s on the wire: 2.5G, 50M, off (default)\n"        \
	"  --max RATE       ceiling\n"                                                            \
	"  --weight N       share of what the mins leave, 1 (default) to 65535\n"                 \
	"  --priority N     0 (default) to 7: a higher one goes first, after every min\n"         \
	"  --burst BYTES    how far ahead of --max it may get: 64k, 1MiB; default: 1 ms' worth\n" \
	"  --max-pps N      ceiling in packets a second: 100k, 1.5M, off (default)\n"

/* Adds optarg to the request where option is one of these; false: it is not. */
bool cli_add_qos(struct json_object *request, int option);
void cli_add_number(struct json_object *request, const char *key, uint64_t value);
/* Both end the program where text is not what it should be; option: for the message. */
void cli_add_rate(struct json_object *request, const char *option, const char *key,
		  const char *text);
void cli_add_whole(struct json_object *request, const char *option, const char *key,
		   const char *text, uint64_t min, uint64_t max);
/* "0,0,1,1,2,2,3,3" as "lanes"; "46=5,10=1" or "default" as "dscp". */
void cli_add_lanes(struct json_object *request, const char *text);
void cli_add_dscp(struct json_object *request, const char *text);
/* The value of a setting as its option would have it. text: CLI_CELL_BYTES; returned. */
const char *cli_format_setting(const char *key, struct json_object *value, char *text);
/* The answer to qos-set and qos-load: what was, or would be, changed. */
void cli_print_changes(struct json_object *result);

/* cli_qos_show.c */
int cli_qos_show(const struct cli_command *command, struct cli *cli, int argc, char **argv);

/* cli_watch.c: commands that can be repeated, [NAME] [--watch[=SECONDS] [--count N]] */

struct cli_watch {
	double interval_s; /* 0: once */
	uint64_t count;    /* how often; 0: for ever */
};

/* Takes options and arguments; name: NULL where none is given. Ends the program on a bad one. */
void cli_watch_take(const struct cli_command *command, struct cli *cli, int argc, char **argv,
		    struct cli_watch *watch, const char **name);
/* Is there another one after so many? */
bool cli_watch_goes_on(const struct cli_watch *watch, uint64_t done);
void cli_sleep(double seconds);

/* cli_table.c: tables for eyes */

#define CLI_COLUMNS_MAX 10
#define CLI_CELL_BYTES  128

struct cli_table;

enum cli_colour {
	CLI_PLAIN,
	CLI_BOLD,
	CLI_GOOD,
	CLI_BAD,
};

/* headings: count of them; one that starts with '>' is a column of numbers, aligned right. */
struct cli_table *cli_table_new(const char *const *headings, size_t count);
/* The next cell, from left to right. */
void cli_table_add(struct cli_table *table, enum cli_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Print and free. */
void cli_table_print(struct cli_table *table);

/* 1234567 as "1.23M" with the unit after it; exact below 10000. text: CLI_CELL_BYTES; returned. */
const char *cli_format_count(uint64_t value, const char *unit, char *text);
/* A time in ms as people say it: "850 ms", "12.3 s", "5 min", "3 h". */
const char *cli_format_age(uint64_t ms, char *text);
/* text as one word for a POSIX shell, on stdout. */
void cli_print_quoted(const char *text);

#endif /* SVIO_CLI_H */
