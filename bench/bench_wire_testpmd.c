/* SPDX-License-Identifier: BSD-3-Clause */
/* testpmd, DPDK's own program, on the port that is the device's wire otherwise. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_wire.h"

#define TESTPMD "dpdk-testpmd"

static _Noreturn void run_testpmd(const struct wire_testpmd *how, int output)
{
	char lcores[32];
	char forward[32];
	char length[32];
	const char *const arguments[] = { TESTPMD,
					  "--no-huge",
					  "--no-shconf",
					  "-m",
					  "256",
					  "--no-pci",
					  "--no-telemetry",
					  "--log-level=*:error",
					  "--lcores",
					  lcores,
					  "--vdev",
					  how->vdev,
					  "--",
					  forward,
					  length,
					  "--total-num-mbufs=4096",
					  "--no-flush-rx",
					  "--stats-period=1",
					  NULL };

	snprintf(lcores, sizeof(lcores), "0@%d,1@%d", how->cpu, how->cpu);
	snprintf(forward, sizeof(forward), "--forward-mode=%s", how->mode);
	snprintf(length, sizeof(length), "--txpkts=%u", how->bytes);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
	dup2(output, STDOUT_FILENO);
	dup2(output, STDERR_FILENO);
	execvp(arguments[0], (char *const *)arguments);
	_exit(127);
}

/* The median of the seconds behind the first: what it says, or what the interface has counted. */
static double read_rates(const struct wire_testpmd *how, FILE *output)
{
	static struct bench_result rates;
	const char *key = how->mode[0] == 't' ? "Tx-pps:" : "Rx-pps:";
	uint64_t counted = 0;
	uint64_t start = 0;
	unsigned int seen = 0;
	char line[256];

	rates.count = 0;
	while (seen <= how->seconds && fgets(line, sizeof(line), output)) {
		const char *found = strstr(line, key);
		uint64_t now = bench_now_ns();
		uint64_t count = wire_count(how->counter);
		double mpps;

		if (!found)
			continue;
		mpps = how->counter ? (double)(count - counted) * 1e3 / (double)(now - start)
				    : strtod(found + strlen(key), NULL) / 1e6;
		if (seen++ > 0)
			bench_result_add(&rates, mpps);
		counted = count;
		start = now;
	}
	return bench_result_quantile(&rates, 0.5);
}

bool wire_has_testpmd(void)
{
	return system("command -v " TESTPMD " > /dev/null") == 0;
}

double wire_testpmd_mpps(const struct wire_testpmd *how)
{
	double mpps = NAN;
	int ends[2];
	FILE *output;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) || (pid = fork()) < 0)
		err(1, TESTPMD);
	if (pid == 0)
		run_testpmd(how, ends[1]);
	close(ends[1]);
	output = fdopen(ends[0], "r");
	if (output) {
		mpps = read_rates(how, output);
		fclose(output);
	}
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return mpps;
}
