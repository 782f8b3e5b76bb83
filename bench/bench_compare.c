/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench compare: direct VIFs beside shared-memory NICs and backend drivers,
 * between two processes (bench_compare_processes.c) and between two virtual
 * machines (guests.py), and a report of both (compare/report.py).
 */
#include <err.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_compare.h"
#include "bench_json.h"
#include "bench_noise.h"

/*
 * Windows judge: disturbed ones are thrown away, whatever disturbs them. Where others have a quarter of
 * a processor all the time none would be left, so that minutes need not be spent to find out.
 */
#define NOISE_MAX         0.25
#define NOISE_LOOK_NS     1000000000ull
#define NOISE_LOOKS       15u /* until one of them is quiet enough */
#define NOISE_LOOKS_QUICK 2u
#define WORDS_MAX         24
#define ALL_MINUTES       14.4 /* and a little for what is under way then: less than 15 */
#define PROCESS_MINUTES   5
#define QUICK_MINUTES     2
#define QUICK_ALL         6

static char folder[BENCH_FOLDER_BYTES]; /* what the parts write for the report */
static uint64_t start_ns;

static double minutes_gone(void)
{
	return (double)(bench_now_ns() - start_ns) / 60e9;
}

void compare_say(const char *format, ...)
{
	unsigned seconds = (unsigned)(minutes_gone() * 60);
	va_list arguments;

	fprintf(stderr, "[%2u:%02u] ", seconds / 60, seconds % 60);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

static void remove_folder(void)
{
	bench_folder_remove(folder);
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
		prctl(PR_SET_PDEATHSIG, SIGTERM); /* it cleans up */
		execvp(arguments[0], (char *const *)arguments);
		err(127, "python3");
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static void write_noise(const struct compare_options *options, double taken)
{
	struct bench_json json;
	char path[96];

	bench_json_create(&json, part_path("noise", path));
	bench_json_number(&json, "taken", taken);
	bench_json_number(&json, "limit", NOISE_MAX);
	bench_json_boolean(&json, "forced", options->force);
	bench_json_finish(&json);
}

/* Before anything else runs, the quietest of some seconds. False: the machine is too noisy. */
static bool check_noise(const struct compare_options *options)
{
	const struct bench_places *places = &options->common.places;
	const int cpus[] = { places->device_cpu, places->guest_cpu };
	uint32_t looks = options->force ? 1 : options->quick ? NOISE_LOOKS_QUICK : NOISE_LOOKS;
	double taken = 1;

	for (uint32_t i = 0; i < looks && taken > NOISE_MAX; i++)
		taken = fmin(taken, bench_noise_share(cpus, 2, places->first, NOISE_LOOK_NS));
	write_noise(options, taken);
	compare_say("noise: others take %.1f %% of the busier processor", taken * 100);
	if (taken <= NOISE_MAX || options->force)
		return true;
	warnx("the machine is too noisy to compare anything: in each of %u seconds others took %.1f %% "
	      "of a processor or more, up to %.0f %% are tolerable. End other work, choose other "
	      "processors (--device-cpu, --guest-cpu), or take precedence (--first). --force measures "
	      "nevertheless, and marks the report.",
	      looks, taken * 100, NOISE_MAX * 100);
	return false;
}

static bool run_processes(struct compare_options *options)
{
	uint64_t minutes = options->quick ? QUICK_MINUTES : PROCESS_MINUTES;
	struct bench_json json;
	char path[96];
	bool enough;

	bench_json_create(&json, part_path("processes", path));
	options->measure.deadline_ns = bench_now_ns() + minutes * 60000000000ull;
	enough = compare_processes(options, &json);
	bench_json_finish(&json);
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
	char minutes[32];
	const char *words[WORDS_MAX] = { "--json",    part_path("guests", path),
					 "--bin",     programs,
					 "--minutes", minutes };
	size_t count = 6;

	find_programs(programs, sizeof(programs));
	snprintf(minutes, sizeof(minutes), "%.2f",
		 fmax((options->quick ? QUICK_ALL : ALL_MINUTES) - minutes_gone(), 1));
	if (options->force)
		words[count++] = "--force";
	if (options->quick) {
		words[count++] = "--seconds=1";
		words[count++] = "--rounds=3";
	}
	bench_unpin();
	compare_say("two virtual machines on each way");
	return run_script("guests.py", words);
}

/* Appends "--NAME FILE" for each file that there is, of the parts and of what is wanted. */
static int run_report(const struct compare_options *options, bool measured)
{
	static const char *const parts[] = { "environment", "noise", "processes", "guests" };
	const struct {
		const char *option;
		const char *path;
	} wanted[] = { { "--json", measured ? options->common.json_path : NULL },
		       { "--html", options->html_path },
		       { "--plot", options->plot_path },
		       { "--markdown", options->markdown_path },
		       { "--insert", options->insert_path },
		       { "--data", options->data_path } };
	const char *words[WORDS_MAX] = { NULL };
	char paths[4][96];
	char names[4][24];
	size_t count = 0;

	for (size_t i = 0; measured && i < 4; i++) {
		if (access(part_path(parts[i], paths[i]), R_OK))
			continue;
		snprintf(names[i], sizeof(names[i]), "--%s", parts[i]);
		words[count++] = names[i];
		words[count++] = paths[i];
	}
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		if (!wanted[i].path)
			continue;
		words[count++] = wanted[i].option;
		words[count++] = wanted[i].path;
	}
	return run_script("compare/report.py", words);
}

enum key {
	KEY_PLOT = 0x100,
	KEY_MARKDOWN,
	KEY_INSERT,
	KEY_DATA
};

static const struct argp_option argp_options[] = {
	{ "only", 'o', "PART", 0, "Only guests that are processes, or guests (virtual machines)",
	  0 },
	{ "quick", 'q', NULL, 0, "Fewer windows: some minutes in all", 0 },
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths of processes, 60 to 1500 (64,512,1500)", 0 },
	{ "ways", 'W', "NAME,...", 0,
	  "Processes: beside svio only ways whose names begin so (bound, vhost, memif, split, tap)",
	  0 },
	{ "html", 'H', "FILE", 0, "Write a report with plots to FILE, which needs nothing else",
	  0 },
	{ "plot", KEY_PLOT, "FILE", 0, "Plot to FILE, an SVG", 0 },
	{ "markdown", KEY_MARKDOWN, "FILE", 0, "Write the tables to FILE (-: here) as Markdown",
	  0 },
	{ "insert", KEY_INSERT, "FILE", 0,
	  "Put the tables into FILE, between its lines <!-- compare --> and <!-- /compare -->", 0 },
	{ "data", KEY_DATA, "FILE", 0, "Measure nothing: show what --json has written to FILE", 0 },
	{ "force", 'F', NULL, 0, "Compare on a noisy machine, too; the report is marked", 0 },
	{ 0 }
};

static error_t parse_output(int key, char *argument, struct compare_options *options)
{
	switch (key) {
	case 'H':
		options->html_path = argument;
		return 0;
	case KEY_PLOT:
		options->plot_path = argument;
		return 0;
	case KEY_MARKDOWN:
		options->markdown_path = argument;
		return 0;
	case KEY_INSERT:
		options->insert_path = argument;
		return 0;
	case KEY_DATA:
		options->data_path = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const parts[] = { "processes", "guests", NULL };
	struct compare_options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		state->child_inputs[1] = &options->windows;
		return 0;
	case 'o':
		options->processes = bench_parse_name(argument, parts, state) == 0;
		options->guests = !options->processes;
		return 0;
	case 'q':
		options->quick = true;
		return 0;
	case 's':
		options->size_count = bench_parse_list(argument, options->sizes, COMPARE_SIZES_MAX,
						       60, 1500, state);
		return 0;
	case 'W':
		options->ways = argument;
		return 0;
	case 'F':
		options->force = true;
		return 0;
	default:
		return parse_output(key, argument, options);
	}
}

static void set_defaults(struct compare_options *options)
{
	struct measure_options *measure = &options->measure;
	const struct bench_windows *windows = &options->windows;

	measure->windows = windows->count ? (uint32_t)windows->count : options->quick ? 7 : 15;
	if (measure->windows < MEASURE_WINDOWS_MIN)
		measure->windows = MEASURE_WINDOWS_MIN;
	if (measure->windows > MEASURE_WINDOWS_MAX)
		measure->windows = MEASURE_WINDOWS_MAX;
	measure->window_ns = windows->ns ? windows->ns : 20000000u;
	measure->warm_up_ns = measure->window_ns / 4;
	measure->keep_disturbed = options->force;
}

static const char doc[] =
	"Direct VIFs beside DPDK's vhost-user and memif, TAPs on a bridge and split drivers with a "
	"driver domain (as Xen's netback), between two processes; and beside virtio-net, vhost-user and "
	"an emulated igb between two virtual machines. All take turns; medians with spread, what a packet "
	"costs, the environment. Wants root. Of processes 15 windows of 20 ms count, with --quick 7.\v"
	"Windows in which somebody else had a processor are thrown away and taken again. A way that has "
	"too few of the others has no figure. Exit status 3: the machine is too noisy for VIFs' own "
	"figures or for most; the file of --json then tells why.\n"
	"\n"
	"Examples:\n"
	"  svio-bench compare --json out.json --html out.html      (less than 15 minutes)\n"
	"  svio-bench compare --quick --only processes --sizes 64\n"
	"  svio-bench compare --only guests\n"
	"  svio-bench compare --data out.json --plot out.svg --insert README.md\n\n"
	"Virtual machines want tests/lab/prepare newest, and svio.ko beside: "
	"tests/lab/build-module newest host-driver/linux build/modules/newest; both are made where they "
	"are missing.";

/* Every part that can be measured. BENCH_EXIT_NOISY: one was refused, which its file tells. */
static int run_parts(struct compare_options *options)
{
	int status = 0;

	if (options->common.places.first)
		bench_come_first();
	if (!check_noise(options))
		return BENCH_EXIT_NOISY;
	if (options->processes && !run_processes(options))
		status = BENCH_EXIT_NOISY;
	if (options->guests) {
		int guests = run_guests(options);

		if (guests)
			warnx("no figures of virtual machines");
		status = guests ? guests : status;
	}
	return status;
}

int bench_compare_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp },
						      { .argp = &bench_windows_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options, .parser = parse_option, .doc = doc, .children = children
	};
	struct compare_options options = {
		.sizes = { 64, 512, 1500 }, .size_count = 3, .processes = true, .guests = true
	};
	char environment[96];
	const char *words[] = { NULL, NULL };
	int report;
	int status;

	start_ns = bench_now_ns();
	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.data_path)
		return run_report(&options, false);
	set_defaults(&options);
	bench_folder_make(folder, "svio-compare");
	atexit(remove_folder);
	words[0] = part_path("environment", environment);
	if (run_script("compare/environment.py", words))
		return 1;
	status = run_parts(&options);
	report = run_report(&options, true);
	return status ? status : report;
}
