/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths with a process of their own that svio-bench forks. */
#include <err.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bench_path.h"

void bench_path_fork(struct bench_path *path, void (*run)(void *state), void *state)
{
	path->child = fork();
	if (path->child < 0)
		err(1, "fork");
	if (path->child)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	run(state);
	_exit(1);
}

void bench_path_settle_child(struct bench_path *path, int cpu)
{
	bench_pin(path->child, cpu, path->places.first);
	kill(path->child, SIGSTOP);
}

void *bench_path_share(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "memory");
	return memory;
}
