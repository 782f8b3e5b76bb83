/* SPDX-License-Identifier: BSD-3-Clause */
/* Commands that can be repeated: [NAME] [--watch[=SECONDS] [--count N]]. */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "cli.h"

enum option_value {
	OPTION_WATCH = CLI_OPTION_OWN,
	OPTION_COUNT,
};

static double parse_interval(const char *text)
{
	char *end;
	double seconds = text ? strtod(text, &end) : 1;

	if (text && (end == text || *end || !(seconds >= 0.1 && seconds <= 86400)))
		cli_fail(CLI_USAGE, "--watch: \"%s\" is not a time in seconds, 0.1 to 86400", text);
	return seconds;
}

static uint64_t parse_count(const char *text)
{
	unsigned long long count;
	char *end;

	errno = 0;
	count = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !count)
		cli_fail(CLI_USAGE, "--count: \"%s\" is not how often; give a number from 1 on",
			 text);
	return count;
}

void cli_watch_take(const struct cli_command *command, struct cli *cli, int argc, char **argv,
		    struct cli_watch *watch, const char **name)
{
	static const struct option options[] = { { "watch", optional_argument, NULL, OPTION_WATCH },
						 { "count", required_argument, NULL, OPTION_COUNT },
						 CLI_COMMON_OPTIONS,
						 { 0 } };
	int option;

	*watch = (struct cli_watch){ 0 };
	while ((option = cli_next_option(command, cli, argc, argv, options)) >= 0) {
		if (option == OPTION_WATCH)
			watch->interval_s = parse_interval(optarg);
		else
			watch->count = parse_count(optarg);
	}
	if (watch->count && watch->interval_s <= 0)
		cli_fail(CLI_USAGE, "--count says how often --watch looks: give both");
	cli_take_arguments(command, argc, argv, 0, 1, name);
}

bool cli_watch_goes_on(const struct cli_watch *watch, uint64_t done)
{
	return !watch->count || done < watch->count;
}

void cli_sleep(double seconds)
{
	struct timespec pause = { .tv_sec = (time_t)seconds };

	pause.tv_nsec = (long)((seconds - (double)pause.tv_sec) * 1e9);
	nanosleep(&pause, NULL);
}
