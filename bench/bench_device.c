/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts and ends the device of a benchmark. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "bench_folder.h"

#define START_MAX_NS     10000000000ull
#define HIGHEST_PRIORITY (-20)

static void find_programs(struct bench_device *device)
{
	ssize_t n = readlink("/proc/self/exe", device->programs, sizeof(device->programs) - 1);

	if (n < 0)
		err(1, "where am I");
	device->programs[n] = 0;
	*strrchr(device->programs, '/') = 0;
}

bool bench_device_has(const char *name)
{
	struct bench_device device;
	char path[320];

	find_programs(&device);
	snprintf(path, sizeof(path), "%.250s/%.60s", device.programs, name);
	return access(path, X_OK) == 0;
}

/* What the programs say is of interest only when something fails. */
static void send_output_to_log(const struct bench_device *device)
{
	char path[128];
	int log;

	snprintf(path, sizeof(path), "%s/log", device->dir);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log >= 0) {
		dup2(log, STDOUT_FILENO);
		dup2(log, STDERR_FILENO);
	}
}

static pid_t spawn(const struct bench_device *device, const char *name, char *const arguments[])
{
	char path[320];
	pid_t pid;

	snprintf(path, sizeof(path), "%s/%s", device->programs, name);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		send_output_to_log(device);
		execv(path, arguments);
		err(127, "%s", path);
	}
	return pid;
}

static bool control_answers(const struct bench_device *device)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", device->dir);
	answers = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return answers;
}

/* The child of sviod, 0: none. */
static pid_t find_firmware(pid_t sviod)
{
	glob_t stats;
	pid_t found = 0;

	if (glob("/proc/[1-9]*/stat", GLOB_NOSORT, NULL, &stats))
		return 0;
	for (size_t i = 0; i < stats.gl_pathc && !found; i++) {
		FILE *file = fopen(stats.gl_pathv[i], "re");
		char line[512] = "";
		char *behind;

		if (file && fgets(line, sizeof(line), file)) {
			behind = strrchr(line, ')');
			if (behind && strstr(line, "(svio-fw") &&
			    strtol(behind + 4, NULL, 10) == sviod)
				found = (pid_t)strtol(line, NULL, 10);
		}
		if (file)
			fclose(file);
	}
	globfree(&stats);
	return found;
}

static void set_session_priority(int nice)
{
	FILE *file = fopen("/proc/self/autogroup", "we");

	if (!file)
		return;
	fprintf(file, "%d", nice);
	fclose(file);
}

static void reset_session_priority(void)
{
	set_session_priority(0);
}

/*
 * Where the kernel shares processors among sessions first (autogroup), the nice
 * value counts within the session only: the session needs it, too.
 */
void bench_come_first(void)
{
	set_session_priority(HIGHEST_PRIORITY);
	atexit(reset_session_priority);
}

void bench_pin(pid_t pid, int cpu, bool first)
{
	char pattern[64];
	cpu_set_t set;
	glob_t tasks;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", (int)pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &tasks))
		err(1, "process %d", (int)pid);
	for (size_t i = 0; i < tasks.gl_pathc; i++) {
		const char *number = strrchr(tasks.gl_pathv[i], '/') + 1;
		pid_t tid = (pid_t)strtol(number, NULL, 10);

		if (sched_setaffinity(tid, sizeof(set), &set))
			warn("processor %d", cpu);
		if (first && setpriority(PRIO_PROCESS, (id_t)tid, HIGHEST_PRIORITY))
			warn("priority");
	}
	globfree(&tasks);
}

/* What this program could use at first. */
static const cpu_set_t *get_processors(void)
{
	static cpu_set_t set;
	static bool known;

	if (!known && sched_getaffinity(0, sizeof(set), &set))
		CPU_SET(0, &set);
	known = true;
	return &set;
}

void bench_unpin(void)
{
	sched_setaffinity(0, sizeof(cpu_set_t), get_processors());
}

int bench_cpu(int n)
{
	const cpu_set_t *set = get_processors();
	int last = 0;

	for (int cpu = 0; cpu < CPU_SETSIZE && n >= 0; cpu++) {
		if (!CPU_ISSET(cpu, set))
			continue;
		last = cpu;
		n--;
	}
	return last;
}

void bench_device_start(struct bench_device *device, int cpu, bool first)
{
	static char sviod[] = "sviod";
	static char run_dir[] = "--run-dir";
	static char wire[] = "--wire";
	char spec[256];
	static char fw[] = "--fw";
	static char max_vifs[] = "--max-vifs";
	char firmware[320];
	static char irq[] = "--irq";
	char vifs[16];
	char *arguments[12] = { sviod, run_dir, device->dir, wire, spec };
	int count = 5;
	const char *name = device->sviod_name ? device->sviod_name : sviod;
	uint64_t deadline = bench_now_ns() + START_MAX_NS;

	find_programs(device);
	snprintf(spec, sizeof(spec), "%s", device->wire ? device->wire : "null");
	if (device->firmware_name) {
		arguments[count++] = fw;
		arguments[count++] = firmware;
		snprintf(firmware, sizeof(firmware), "%s/%.60s", device->programs,
			 device->firmware_name);
	}
	if (device->irq) {
		arguments[count++] = irq;
		arguments[count++] = (char *)device->irq;
	}
	if (device->vifs_max) {
		arguments[count++] = max_vifs;
		arguments[count++] = vifs;
		snprintf(vifs, sizeof(vifs), "%u", device->vifs_max);
	}
	bench_folder_make(device->dir, "svio-bench");
	device->sviod = spawn(device, name, arguments);
	device->firmware = 0;
	while (!device->firmware || !control_answers(device)) {
		const struct timespec turn = { .tv_nsec = 2000000 };

		if (waitpid(device->sviod, NULL, WNOHANG) == device->sviod ||
		    bench_now_ns() > deadline)
			errx(1, "sviod did not start: see %s/log", device->dir);
		nanosleep(&turn, NULL);
		device->firmware = find_firmware(device->sviod);
	}
	bench_pin(device->sviod, cpu, first);
	bench_pin(device->firmware, cpu, first);
}

void bench_device_stop(struct bench_device *device)
{
	kill(device->sviod, SIGTERM);
	while (waitpid(device->sviod, NULL, 0) < 0 && errno == EINTR)
		;
	bench_folder_remove(device->dir);
}

void bench_device_vif_add(struct bench_device *device, const char *name, char *path)
{
	static char svio[] = "svio";
	static char run_dir[] = "--run-dir";
	static char json[] = "--json";
	static char vif[] = "vif";
	static char add[] = "add";
	char copy[32];
	char *arguments[] = { svio, run_dir, device->dir, json, vif, add, copy, NULL };
	int status = 0;
	pid_t pid;

	snprintf(copy, sizeof(copy), "%s", name);
	pid = spawn(device, svio, arguments);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (status)
		errx(1, "VIF %s could not be made: see %s/log", name, device->dir);
	snprintf(path, 128, "%s/%s.sock", device->dir, name);
}
