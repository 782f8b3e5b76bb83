/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench sched: what the scheduler costs a packet, beside other schedulers.
 *
 * Each case is one tree, one number of queues and one kind of backlog, and runs
 * twice: with packets of 1538 and of 84 bytes on the wire. The schedulers take
 * turns in windows of some milliseconds, so that what the machine does meanwhile
 * meets all of them. A window in which the thread was kept off its processor is
 * thrown away.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_json.h"
#include "bench_options.h"
#include "bench_sched.h"

#define LONG_COST      1538u
#define SHORT_COST     84u
#define CHUNK_PACKETS  4096u
#define WARM_UP_LEAST  100000u
#define TRIES_EACH     4 /* windows for one that counts, at most */
#define WAIT_MAX_SHARE 100
#define COUNT_PACKETS  100000u

/* In the order of the columns. */
static const struct sched_subject *const subjects[] = {
	&sched_subject_svio,
	&sched_subject_grants,
#ifdef BENCH_RTE_SCHED
	&sched_subject_rte,
#endif
	&sched_subject_heap,
};
#define SUBJECTS (sizeof(subjects) / sizeof(subjects[0]))

static const uint32_t actives[] = { 8, 64, 512, 4096 };
#define ACTIVES (sizeof(actives) / sizeof(actives[0]))

struct options {
	const char *tree;            /* NULL: both */
	const char *backlog;         /* NULL: both */
	unsigned long active;        /* 0: all */
	unsigned long count_packets; /* not 0: no times, so many packets of svio for callgrind */
	bool instructions;
	struct bench_windows windows;
	struct bench_options common;
};

/* What a scheduler did in one case with packets of one length. */
struct outcome {
	struct bench_result times; /* ns a packet */
	double median;
	double low;
	double high;
	uint32_t starved;
};

static bool is_compared(const struct sched_subject *subject, const struct sched_case *sched_case)
{
	/* Of a queue with one packet no grant can be used whole. */
	return subject != &sched_subject_grants || !sched_case->sparse;
}

static void warm_up(const struct sched_subject *subject, void *state,
		    const struct sched_case *sched_case)
{
	/* Each ceiling starts with its burst: it has to be used up before it holds anybody back. */
	uint64_t packets =
		(uint64_t)sched_case->active * (SCHED_BURST_BYTES / sched_case->cost_bytes);

	subject->serve(state, packets > WARM_UP_LEAST ? packets : WARM_UP_LEAST);
}

static void run_window(const struct sched_subject *subject, void *state, uint64_t window_ns,
		       const struct bench_waits *waits, struct bench_result *times)
{
	uint64_t waited = bench_waits_read(waits);
	uint64_t start = bench_now_ns();
	uint64_t packets = 0;
	uint64_t ns;

	do {
		packets += subject->serve(state, CHUNK_PACKETS);
		ns = bench_now_ns() - start;
	} while (ns < window_ns);
	if (bench_waits_read(waits) - waited > window_ns / WAIT_MAX_SHARE)
		times->discarded++;
	else
		bench_result_add(times, (double)ns / (double)packets);
}

static bool wants_window(const struct bench_result *times, const struct options *options)
{
	return times->count < options->windows.count &&
	       times->count + times->discarded < options->windows.count * TRIES_EACH;
}

/* All schedulers on one case, in turns. */
static void run_case(const struct sched_case *sched_case, const struct options *options,
		     const struct bench_waits *waits, struct outcome *outcomes)
{
	void *states[SUBJECTS] = { NULL };
	bool again = true;

	for (size_t i = 0; i < SUBJECTS; i++) {
		outcomes[i].times.count = 0;
		outcomes[i].times.discarded = 0;
		if (!is_compared(subjects[i], sched_case))
			continue;
		states[i] = subjects[i]->open(sched_case);
		warm_up(subjects[i], states[i], sched_case);
	}
	while (again) {
		again = false;
		for (size_t i = 0; i < SUBJECTS; i++) {
			if (!states[i] || !wants_window(&outcomes[i].times, options))
				continue;
			run_window(subjects[i], states[i], options->windows.ns, waits,
				   &outcomes[i].times);
			again = true;
		}
	}
	for (size_t i = 0; i < SUBJECTS; i++) {
		outcomes[i].median = bench_result_quantile(&outcomes[i].times, 0.5);
		outcomes[i].low = bench_result_quantile(&outcomes[i].times, 0);
		outcomes[i].high = bench_result_quantile(&outcomes[i].times, 1);
		if (!states[i])
			continue;
		outcomes[i].starved = subjects[i]->starved(states[i]);
		subjects[i]->close(states[i]);
	}
}

static void write_number(struct bench_json *json, const char *name, const char *suffix,
			 double value)
{
	char key[64];

	snprintf(key, sizeof(key), "%s%s", name, suffix);
	bench_json_number(json, key, value);
}

static void write_outcomes(struct bench_json *json, const struct sched_case *sched_case,
			   const struct outcome *outcomes)
{
	bool is_long = sched_case->cost_bytes == LONG_COST;

	for (size_t i = 0; i < SUBJECTS; i++) {
		const char *name = subjects[i]->name;

		if (!is_compared(subjects[i], sched_case))
			continue;
		write_number(json, name, is_long ? "_ns" : "_84_ns", outcomes[i].median);
		write_number(json, name, is_long ? "_ns_min" : "_84_ns_min", outcomes[i].low);
		write_number(json, name, is_long ? "_ns_max" : "_84_ns_max", outcomes[i].high);
		if (is_long)
			write_number(json, name, "_starved", outcomes[i].starved);
	}
}

static void print_heading(const struct options *options)
{
	printf("ns a packet, median (least - most) of %zu windows of %.0f ms\n",
	       options->windows.count, (double)options->windows.ns / 1e6);
	if (!sched_tree_has_min())
		printf("note: this scheduler refuses min; the trees have none, and strict "
		       "priorities may starve queues\n");
#ifndef BENCH_RTE_SCHED
	printf("note: built without DPDK's rte_sched\n");
#endif
	printf("%-4s %6s %-7s %5s", "tree", "active", "backlog", "bytes");
	for (size_t i = 0; i < SUBJECTS; i++)
		printf("  %-20s", subjects[i]->name);
	printf("\n");
}

static void print_outcomes(const struct sched_case *sched_case, const struct outcome *outcomes)
{
	printf("%-4s %6u %-7s %5u", sched_case->deep ? "deep" : "flat", sched_case->active,
	       sched_case->sparse ? "sparse" : "dense", sched_case->cost_bytes);
	for (size_t i = 0; i < SUBJECTS; i++) {
		char text[32] = "-";

		if (!isnan(outcomes[i].median))
			snprintf(text, sizeof(text), "%.1f (%.1f - %.1f)", outcomes[i].median,
				 outcomes[i].low, outcomes[i].high);
		printf("  %-20s", text);
	}
	printf("\n");
	for (size_t i = 0; i < SUBJECTS; i++)
		if (is_compared(subjects[i], sched_case) && outcomes[i].starved)
			printf("     %s never served %u of %u queues\n", subjects[i]->name,
			       outcomes[i].starved, sched_case->active);
	fflush(stdout);
}

static void run_lengths(struct sched_case *sched_case, const struct options *options,
			struct bench_json *json)
{
	static struct outcome outcomes[SUBJECTS];
	struct bench_waits waits;

	bench_json_open(json, NULL, '{');
	bench_json_text(json, "tree", sched_case->deep ? "deep" : "flat");
	bench_json_count(json, "active", sched_case->active);
	bench_json_text(json, "backlog", sched_case->sparse ? "sparse" : "dense");
	bench_waits_open(&waits);
	bench_waits_add_thread(&waits);
	for (int i = 0; i < 2; i++) {
		sched_case->cost_bytes = i ? SHORT_COST : LONG_COST;
		run_case(sched_case, options, &waits, outcomes);
		print_outcomes(sched_case, outcomes);
		write_outcomes(json, sched_case, outcomes);
	}
	bench_waits_close(&waits);
	if (options->instructions) {
		double instructions = sched_count_instructions(sched_case, COUNT_PACKETS);

		printf("     %.0f instructions a packet\n", instructions);
		bench_json_number(json, "svio_instructions", instructions);
	}
	bench_json_close(json, '}');
}

/* For callgrind: only what sched_subject_svio.serve() does from here on is one packet a grant. */
static void count_packets(struct sched_case *sched_case, const struct options *options)
{
	void *state;

	sched_case->cost_bytes = LONG_COST;
	state = sched_subject_svio.open(sched_case);
	warm_up(&sched_subject_grants, state, sched_case);
	sched_subject_svio.serve(state, options->count_packets);
	sched_subject_svio.close(state);
}

static bool is_wanted(const struct sched_case *sched_case, const struct options *options)
{
	return (!options->tree || strcmp(options->tree, sched_case->deep ? "deep" : "flat") == 0) &&
	       (!options->backlog ||
		strcmp(options->backlog, sched_case->sparse ? "sparse" : "dense") == 0) &&
	       (!options->active || options->active == sched_case->active);
}

static void run_all(const struct options *options, struct bench_json *json)
{
	bench_json_count(json, "port_bps", sched_port_bps);
	bench_json_count(json, "cost_bytes", LONG_COST);
	bench_json_boolean(json, "min", sched_tree_has_min());
	bench_json_open(json, "cases", '[');
	if (!options->count_packets)
		print_heading(options);
	for (size_t i = 0; i < 4 * ACTIVES; i++) {
		struct sched_case sched_case = { .deep = i >= 2 * ACTIVES,
						 .sparse = i / ACTIVES % 2 != 0,
						 .active = actives[i % ACTIVES] };

		if (!is_wanted(&sched_case, options))
			continue;
		if (options->count_packets)
			count_packets(&sched_case, options);
		else
			run_lengths(&sched_case, options, json);
	}
	bench_json_close(json, ']');
}

static const struct argp_option argp_options[] = {
	{ "tree", 't', "NAME", 0, "Only flat or deep (default: both)", 0 },
	{ "active", 'a', "N", 0, "Only with 8, 64, 512 or 4096 queues (default: all)", 0 },
	{ "backlog", 'b', "NAME", 0, "Only dense or sparse (default: both)", 0 },
	{ "port-gbps", 'p', "N", 0,
	  "The port's rate (default: 10): the faster it is, the longer is a turn", 0 },
	{ "instructions", 'i', NULL, 0,
	  "Count vif-sched's instructions a packet, too (by valgrind, takes minutes)", 0 },
	{ "count-packets", 'N', "N", 0, "No times: serve N packets of each case, for callgrind",
	  0 },
	{ 0 }
};

static unsigned long parse_active(const char *text, struct argp_state *state)
{
	unsigned long number = bench_parse_number(text, SCHED_LEAVES_MAX, state);

	for (size_t i = 0; i < ACTIVES; i++)
		if (actives[i] == number)
			return number;
	argp_error(state, "'%s': 8, 64, 512 or 4096", text);
	return number;
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	static const char *const trees[] = { "flat", "deep", NULL };
	static const char *const backlogs[] = { "dense", "sparse", NULL };
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		state->child_inputs[1] = &options->windows;
		return 0;
	case 't':
		options->tree = trees[bench_parse_name(argument, trees, state)];
		return 0;
	case 'b':
		options->backlog = backlogs[bench_parse_name(argument, backlogs, state)];
		return 0;
	case 'a':
		options->active = parse_active(argument, state);
		return 0;
	case 'p':
		sched_port_bps =
			bench_parse_number(argument, SCHED_PORT_GBPS_MAX, state) * 1000000000ull;
		return 0;
	case 'N':
		options->count_packets = bench_parse_number(argument, 1000000000, state);
		return 0;
	case 'i':
		options->instructions = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_sched_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_one_cpu_argp },
						      { .argp = &bench_windows_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "What the scheduler costs a packet, beside DPDK's rte_sched and a binary heap. 7 "
		       "windows of 20 ms of each count.\v"
		       "Examples:\n"
		       "  svio-bench sched --json out.json\n"
		       "  svio-bench sched --tree deep --active 512 --repetitions 21\n"
		       "  svio-bench sched --port-gbps 40 --backlog dense\n"
		       "  svio-bench sched --backlog dense --instructions",
		.children = children,
	};
	struct options options = { .windows = { .count = 7, .ns = 20000000 } };
	const struct bench_places *places = &options.common.places;
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	if (places->first)
		bench_come_first();
	bench_pin(getpid(), places->device_cpu, places->first);
	run_all(&options, &json);
	bench_json_finish(&json);
	return 0;
}
