/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_path.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

bool bench_path_start(struct bench_path *path, const struct bench_path_type *type,
		      const struct bench_places *places)
{
	memset(path, 0, sizeof(*path));
	path->type = type;
	path->places = *places;
	bench_waits_open(&path->device);
	bench_waits_open(&path->guests);
	return type->start(path);
}

static void end_child(struct bench_path *path)
{
	kill(path->child, SIGKILL);
	while (waitpid(path->child, NULL, 0) < 0 && errno == EINTR)
		;
	path->child = 0;
}

void bench_path_resume(struct bench_path *path)
{
	if (path->child)
		kill(path->child, SIGCONT);
	if (path->type->resume)
		path->type->resume(path);
}

void bench_path_pause(struct bench_path *path)
{
	if (path->type->pause)
		path->type->pause(path);
	if (path->child)
		kill(path->child, SIGSTOP);
}

void bench_path_stop(struct bench_path *path)
{
	bench_waits_close(&path->device);
	bench_waits_close(&path->guests);
	if (path->child)
		end_child(path);
	path->type->stop(path);
}

bool bench_path_run_guests(struct bench_path *path, struct guest_flow *flows, size_t count,
			   const struct guest_load *load, struct guest_result *result,
			   uint32_t *times)
{
	const struct guest_watch watch = { .device = &path->device,
					   .guests = &path->guests,
					   .device_cpu = path->places.device_cpu,
					   .guest_cpu = path->places.guest_cpu };

	if (guest_run(flows, count, load, &watch, result, times) == 0)
		return true;
	snprintf(path->why, sizeof(path->why), "a frame did not come back");
	return false;
}
