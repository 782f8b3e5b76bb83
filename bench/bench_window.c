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

uint64_t bench_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
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

/* "time on a processor, time waiting for one, turns": the second. */
uint64_t bench_waits_read(const struct bench_waits *waits)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < waits->count; i++) {
		char line[128];
		ssize_t n = pread(waits->files[i], line, sizeof(line) - 1, 0);
		char *second;

		if (n <= 0)
			errx(1, "the device has gone");
		line[n] = 0;
		second = strchr(line, ' ');
		if (second)
			sum += strtoull(second, NULL, 10);
	}
	return sum;
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
