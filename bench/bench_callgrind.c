/* SPDX-License-Identifier: BSD-3-Clause */
/* Instructions a packet: this program once more, below valgrind. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_folder.h"
#include "bench_sched.h"

/* What callgrind found in sched_subject_svio.serve(), in its "summary:" line. NAN: nothing. */
static double read_summary(const char *path)
{
	static const char key[] = "summary:";
	FILE *file = fopen(path, "re");
	char line[1024];
	double instructions = NAN;

	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, key, sizeof(key) - 1) == 0)
			instructions = strtod(line + sizeof(key) - 1, NULL);
	if (file)
		fclose(file);
	return instructions;
}

static int run_quietly(const char *const arguments[])
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(arguments[0], (char *const *)arguments);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

double sched_count_instructions(const struct sched_case *sched_case, uint32_t packets)
{
	char program[512];
	char folder[BENCH_FOLDER_BYTES];
	char path[80];
	char out[112];
	char active[16];
	char count[16];
	char port[16];
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	double instructions;

	if (n < 0)
		err(1, "callgrind");
	bench_folder_make(folder, "svio-callgrind");
	program[n] = 0;
	snprintf(path, sizeof(path), "%s/out", folder);
	snprintf(out, sizeof(out), "--callgrind-out-file=%s", path);
	snprintf(active, sizeof(active), "%u", sched_case->active);
	snprintf(count, sizeof(count), "%u", packets);
	snprintf(port, sizeof(port), "%u", (unsigned)(sched_port_bps / 1000000000));

	const char *const arguments[] = { "valgrind",
					  "--tool=callgrind",
					  "--toggle-collect=serve_svio",
					  out,
					  program,
					  "sched",
					  "--count-packets",
					  count,
					  "--tree",
					  sched_case->deep ? "deep" : "flat",
					  "--backlog",
					  sched_case->sparse ? "sparse" : "dense",
					  "--active",
					  active,
					  "--port-gbps",
					  port,
					  NULL };
	instructions = run_quietly(arguments) ? NAN : read_summary(path) / packets;
	bench_folder_remove(folder);
	return instructions;
}
