/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_noise.h"

#include <err.h>
#include <errno.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

#define GAP_NS   20000u
#define CPUS_MAX 16u

/* Time in gaps between two looks at the clock. */
static double spin(uint64_t ns)
{
	uint64_t start = bench_now_ns();
	uint64_t last = start;
	uint64_t gone = 0;

	do {
		uint64_t now = bench_now_ns();

		if (now - last > GAP_NS)
			gone += now - last;
		last = now;
	} while (last - start < ns);
	return (double)gone / (double)(last - start);
}

static pid_t start_spinner(int cpu, bool first, uint64_t ns, int pipe_end)
{
	pid_t pid = fork();
	double share;

	if (pid < 0)
		err(1, "fork");
	if (pid)
		return pid;
	bench_pin(getpid(), cpu, first);
	share = spin(ns);
	_exit(write(pipe_end, &share, sizeof(share)) == sizeof(share) ? 0 : 1);
}

double bench_noise_share(const int *cpus, size_t count, bool first, uint64_t ns)
{
	pid_t pids[CPUS_MAX];
	double worst = 0;
	int ends[2];

	if (count > CPUS_MAX || pipe(ends))
		err(1, "pipe");
	for (size_t i = 0; i < count; i++)
		pids[i] = start_spinner(cpus[i], first, ns, ends[1]);
	close(ends[1]);
	for (size_t i = 0; i < count; i++) {
		double share;

		if (read(ends[0], &share, sizeof(share)) != sizeof(share))
			errx(1, "processor %d could not be looked at", cpus[i]);
		worst = share > worst ? share : worst;
	}
	close(ends[0]);
	for (size_t i = 0; i < count; i++)
		while (waitpid(pids[i], NULL, 0) < 0 && errno == EINTR)
			;
	return worst;
}
