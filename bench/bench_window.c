/* SPDX-License-Identifier: BSD-3-Clause */
/* Time, waits for a processor, and the values of windows. */
#include <err.h>
#include <fcntl.h>
#include <glob.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bench_ticks.h"

#define CALIBRATION_NS 10000000u
#define STOLEN_COLUMN  8 /* of a processor's line in /proc/stat */

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

double bench_ticks_per_ns(void)
{
	static double known;
	uint64_t start_ns;
	uint64_t start;

	if (known > 0)
		return known;
	start_ns = bench_now_ns();
	start = bench_ticks();
	while (bench_now_ns() - start_ns < CALIBRATION_NS)
		;
	known = (double)(bench_ticks() - start) / (double)(bench_now_ns() - start_ns);
	return known;
}

void bench_waits_open(struct bench_waits *waits)
{
	waits->count = 0;
}

static void add_file(struct bench_waits *waits, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);

	if (file < 0 || waits->count == BENCH_THREADS_MAX)
		errx(1, "%s cannot be watched", path);
	waits->files[waits->count++] = file;
}

void bench_waits_add_process(struct bench_waits *waits, pid_t pid)
{
	char pattern[64];
	glob_t tasks;

	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*/schedstat", (int)pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &tasks))
		errx(1, "process %d cannot be watched", (int)pid);
	for (size_t i = 0; i < tasks.gl_pathc; i++)
		add_file(waits, tasks.gl_pathv[i]);
	globfree(&tasks);
}

void bench_waits_add_thread(struct bench_waits *waits)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%ld/schedstat", syscall(SYS_gettid));
	add_file(waits, path);
}

/* A line "time on a processor, time waiting for one, turns" for each thread. */
struct bench_usage bench_waits_read_usage(const struct bench_waits *waits)
{
	struct bench_usage sum = { 0 };

	for (size_t i = 0; i < waits->count; i++) {
		char line[128];
		ssize_t n = pread(waits->files[i], line, sizeof(line) - 1, 0);
		char *at = line;

		if (n <= 0)
			errx(1, "the device has gone");
		line[n] = 0;
		sum.cpu_ns += strtoull(at, &at, 10);
		sum.waited_ns += strtoull(at, &at, 10);
		sum.turns += strtoull(at, &at, 10);
	}
	return sum;
}

uint64_t bench_waits_read(const struct bench_waits *waits)
{
	return bench_waits_read_usage(waits).waited_ns;
}

uint64_t bench_read_stolen(int cpu)
{
	static char text[16384];
	static int file = -1;
	char key[16];
	uint64_t stolen = 0;
	char *line;
	ssize_t n;

	if (file < 0)
		file = open("/proc/stat", O_RDONLY | O_CLOEXEC);
	n = pread(file, text, sizeof(text) - 1, 0);
	if (n <= 0)
		return 0;
	text[n] = 0;
	snprintf(key, sizeof(key), "\ncpu%d ", cpu);
	line = strstr(text, key);
	if (!line)
		return 0;
	line += strlen(key);
	for (int i = 0; i < STOLEN_COLUMN; i++)
		stolen = strtoull(line, &line, 10);
	return stolen;
}

void bench_waits_close(struct bench_waits *waits)
{
	while (waits->count)
		close(waits->files[--waits->count]);
}

void bench_result_add(struct bench_result *result, double value)
{
	if (result->count < BENCH_WINDOWS_MAX)
		result->values[result->count++] = value;
}

static int compare_values(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_result_quantile(struct bench_result *result, double share)
{
	size_t at = (size_t)(share * (double)result->count);

	if (!result->count)
		return NAN;
	qsort(result->values, result->count, sizeof(result->values[0]), compare_values);
	return result->values[at < result->count ? at : result->count - 1];
}
