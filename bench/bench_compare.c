/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench compare: direct VIFs beside shared-memory NICs and backend drivers,
 * between two processes (bench_compare_processes.c) and between two virtual
 * machines (guests.py), and a report of both (compare/report.py).
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_compare.h"
#include "bench_noise.h"

#define NOISE_MAX     0.05
#define NOISE_LOOK_NS 1000000000ull
#define WORDS_MAX     24

static char folder[64]; /* what the parts write for the report */

void compare_say(const char *format, ...)
{
	static uint64_t start;
	uint64_t seconds;
	va_list arguments;

	if (!start)
		start = bench_now_ns();
	seconds = (bench_now_ns() - start) / 1000000000u;
	fprintf(stderr, "[%2llu:%02llu] ", (unsigned long long)(seconds / 60),
		(unsigned long long)(seconds % 60));
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void remove_folder(void)
{
	char pattern[80];
	glob_t files;

	snprintf(pattern, sizeof(pattern), "%s/*", folder);
	if (glob(pattern, GLOB_NOSORT, NULL, &files) == 0) {
		for (size_t i = 0; i < files.gl_pathc; i++)
			unlink(files.gl_pathv[i]);
		globfree(&files);
	}
	rmdir(folder);
}

static void make_folder(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(folder, sizeof(folder), "%.40s/svio-compare.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(folder))
		err(1, "%s", folder);
	atexit(remove_folder);
}

static char *part_path(const char *name, char *path)
{
	snprintf(path, 96, "%s/%s.json", folder, name);
	return path;
}

/* Runs python3 SCRIPT WORDS... (NULL: no more) of the sources' bench folder; its exit status. */
static int run_script(const char *script, const char *const *words)
{
	const char *scripts = getenv("SVIO_BENCH_SCRIPTS");
	const char *arguments[WORDS_MAX + 3] = { "python3" };
	char path[512];
	size_t count = 2;
	int status = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", scripts ? scripts : SVIO_BENCH_SCRIPTS_DIR, script);
	arguments[1] = path;
	while (words[count - 2] && count < WORDS_MAX + 2) {
		arguments[count] = words[count - 2];
		count++;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		execvp(arguments[0], (char *const *)arguments);
		err(127, "python3");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* Before anything else runs. False: the machine is too noisy. */
static bool check_noise(const struct compare_options *options)
{
	const int cpus[] = { options->places.device_cpu, options->places.guest_cpu };
	double share = bench_noise_share(cpus, 2, options->places.first, NOISE_LOOK_NS);
	char path[96];
	FILE *file = fopen(part_path("noise", path), "we");

	if (!file)
		err(1, "%s", path);
	fprintf(file, "{\"taken\": %.5f, \"limit\": %g, \"forced\": %s}\n", share, NOISE_MAX,
		options->force ? "true" : "false");
	if (fclose(file))
		err(1, "%s", path);
	compare_say("noise: others take %.1f %% of the busier processor", share * 100);
	if (share <= NOISE_MAX || options->force)
		return true;
	warnx("the machine is too noisy to compare anything: others take %.1f %% of a processor, %.0f %% "
	      "are tolerable. End other work, choose other processors (--device-cpu, --guest-cpu), or take "
	      "precedence (--first). --force measures nevertheless, and marks the report.",
	      share * 100, NOISE_MAX * 100);
	return false;
}

static bool run_processes(struct compare_options *options)
{
	uint64_t minutes = options->quick ? 2 : 5;
	char path[96];
	bool enough;
	FILE *file = fopen(part_path("processes", path), "we");

	if (!file)
		err(1, "%s", path);
	options->measure.deadline_ns = bench_now_ns() + minutes * 60000000000ull;
	enough = compare_processes(options, file);
	if (fclose(file))
		err(1, "%s", path);
	if (!enough)
		warnx("the machine is too noisy: each way needs %u undisturbed windows. End other work, or "
		      "take precedence (--first). --force counts disturbed windows, and marks the report.",
		      MEASURE_WINDOWS_MIN);
	return enough;
}

/* Where sviod is: beside this program. */
static void find_programs(char *path, size_t bytes)
{
	ssize_t n = readlink("/proc/self/exe", path, bytes - 1);

	if (n < 0)
		err(1, "where am I");
	path[n] = 0;
	*strrchr(path, '/') = 0;
}

static int run_guests(const struct compare_options *options)
{
	char path[96];
	char programs[256];
	const char *words[WORDS_MAX] = { "--json", part_path("guests", path), "--bin", programs };
	size_t count = 4;

	find_programs(programs, sizeof(programs));

	if (options->force)
		words[count++] = "--force";
	if (options->quick) {
		words[count++] = "--seconds=1";
		words[count++] = "--rounds=3";
		words[count++] = "--minutes=3";
	}
	bench_unpin();
	compare_say("two virtual machines on each way");
	return run_script("guests.py", words);
}

static int run_report(const struct compare_options *options)
{
	char environment[96];
	char noise[96];
	char processes[96];
	char guests[96];
	const char *words[WORDS_MAX] = { "--environment", part_path("environment", environment),
					 "--noise", part_path("noise", noise) };
	size_t count = 4;

	if (options->processes) {
		words[count++] = "--processes";
		words[count++] = part_path("processes", processes);
	}
	if (options->guests) {
		words[count++] = "--guests";
		words[count++] = part_path("guests", guests);
	}
	if (options->json_path) {
		words[count++] = "--json";
		words[count++] = options->json_path;
	}
	if (options->html_path) {
		words[count++] = "--html";
		words[count++] = options->html_path;
	}
	return run_script("compare/report.py", words);
}

static const struct argp_option argp_options[] = {
	{ "only", 'o', "PART", 0, "Only guests that are processes, or guests (virtual machines)",
	  0 },
	{ "quick", 'q', NULL, 0, "Fewer and shorter windows: some minutes in all", 0 },
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths of processes, 60 to 1500 (64,512,1500)", 0 },
	{ "ways", 'w', "NAME,...", 0,
	  "Processes: beside svio only ways whose names begin so (vhost, memif, split, tap)", 0 },
	{ "json", 'j', "FILE", 0, "Write all figures to FILE", 0 },
	{ "html", 'H', "FILE", 0, "Write a report with plots to FILE, which needs nothing else",
	  0 },
	{ "force", 'F', NULL, 0, "Compare on a noisy machine, too; the report is marked", 0 },
	{ "device-cpu", 'd', "N", 0, "Processor of what is between processes (the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "Processor of guests that are processes (the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Processes: at the highest ordinary priority, for a machine that has other work", 0 },
	{ "windows", 'n', "N", 0, "Processes: windows of each way that count (15; quick: 7)", 0 },
	{ "window-ms", 'm', "MS", 0, "Processes: their length (50; quick: 20)", 0 },
	{ 0 }
};

static void parse_sizes(char *text, struct compare_options *options, struct argp_state *state)
{
	char *at = NULL;

	options->size_count = 0;
	for (char *size = strtok_r(text, ",", &at); size; size = strtok_r(NULL, ",", &at)) {
		unsigned long bytes = strtoul(size, NULL, 10);

		if (bytes < 60 || bytes > 1500 || options->size_count == COMPARE_SIZES_MAX)
			argp_error(state, "'%s': up to %u frame lengths of 60 to 1500 bytes", size,
				   COMPARE_SIZES_MAX);
		options->sizes[options->size_count++] = (uint32_t)bytes;
	}
	if (!options->size_count)
		argp_error(state, "no frame lengths");
}

static void parse_part(const char *name, struct compare_options *options, struct argp_state *state)
{
	options->processes = strcmp(name, "processes") == 0;
	options->guests = strcmp(name, "guests") == 0;
	if (!options->processes && !options->guests)
		argp_error(state, "no part '%s': processes or guests", name);
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct compare_options *options = state->input;

	switch (key) {
	case 'o':
		parse_part(argument, options, state);
		return 0;
	case 'q':
		options->quick = true;
		return 0;
	case 's':
		parse_sizes(argument, options, state);
		return 0;
	case 'w':
		options->ways = argument;
		return 0;
	case 'j':
		options->json_path = argument;
		return 0;
	case 'H':
		options->html_path = argument;
		return 0;
	case 'F':
		options->force = true;
		return 0;
	case 'd':
		options->places.device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->places.guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'f':
		options->places.first = true;
		return 0;
	case 'n':
		options->measure.windows =
			(uint32_t)bench_parse_number(argument, MEASURE_WINDOWS_MAX, state);
		return 0;
	case 'm':
		options->measure.window_ns = bench_parse_number(argument, 1000, state) * 1000000u;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void set_defaults(struct compare_options *options)
{
	if (!options->measure.windows)
		options->measure.windows = options->quick ? 7 : 15;
	if (options->measure.windows < MEASURE_WINDOWS_MIN)
		options->measure.windows = MEASURE_WINDOWS_MIN;
	if (!options->measure.window_ns)
		options->measure.window_ns = options->quick ? 20000000u : 50000000u;
	options->measure.warm_up_ns = options->measure.window_ns / 5;
	options->measure.keep_disturbed = options->force;
}

int bench_compare_main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Direct VIFs beside DPDK's vhost-user and memif, TAPs on a bridge and split drivers "
		       "with a driver domain (as Xen's netback), between two processes; and beside "
		       "virtio-net, vhost-user and an emulated igb between two virtual machines. All take "
		       "turns; medians with spread, what a packet costs, the environment. Wants root.\v"
		       "Examples:\n"
		       "  svio-bench compare --json out.json --html out.html      (15 minutes at most)\n"
		       "  svio-bench compare --quick --only processes --sizes 64\n"
		       "  svio-bench compare --only guests\n\n"
		       "Virtual machines want tests/lab/prepare newest, and svio.ko beside: "
		       "tests/lab/build-module newest host-driver/linux build/modules/newest. Exit status 3: "
		       "the machine is too noisy.",
	};
	struct compare_options options = {
		.sizes = { 64, 512, 1500 },
		.size_count = 3,
		.processes = true,
		.guests = true,
		.places = { .device_cpu = bench_cpu(0), .guest_cpu = bench_cpu(1) },
	};
	char environment[96];
	const char *words[] = { NULL, NULL };
	int status = 0;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	set_defaults(&options);
	make_folder();
	words[0] = part_path("environment", environment);
	if (run_script("compare/environment.py", words))
		return 1;
	if (options.places.first)
		bench_come_first();
	if (!check_noise(&options) || (options.processes && !run_processes(&options)))
		return BENCH_EXIT_NOISY;
	if (options.guests) {
		status = run_guests(&options);
		options.guests = status == 0;
		if (status)
			warnx("no figures of virtual machines");
	}
	if (!options.processes && !options.guests)
		return status;
	return run_report(&options) ? 1 : status;
}
