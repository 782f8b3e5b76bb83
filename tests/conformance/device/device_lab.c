/* SPDX-License-Identifier: BSD-3-Clause */
/* See device_lab.h. */
#include "device_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SVIO_ARGUMENTS_MAX 32

_Noreturn static void give_up(const char *what)
{
	fprintf(stderr, "device lab: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t lab_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* One look at something that another process is about to do, then its next turn. */
static void yield_turn(void)
{
	struct timespec turn = { .tv_nsec = 2000000 };

	nanosleep(&turn, NULL);
}

static bool control_answers(const struct device_lab *lab)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool answers;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", lab->dir);
	answers = fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	if (fd >= 0)
		close(fd);
	return answers;
}

static pid_t start_program(char *const argv[], int output)
{
	pid_t pid = fork();

	if (pid < 0)
		give_up("fork");
	if (pid)
		return pid;
	/* A test that is killed takes its sviod along; nobody else's guest is connected to it. */
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (output >= 0) {
		dup2(output, STDOUT_FILENO);
		dup2(output, STDERR_FILENO);
	}
	execv(argv[0], argv);
	fprintf(stderr, "device lab: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static void start(struct device_lab *lab, const char *wire_spec, const char *irq_mode)
{
	const char *tmp = getenv("TMPDIR");
	static char program[] = SVIOD_PROGRAM;
	static char run_dir[] = "--run-dir";
	static char wire[] = "--wire";
	static char irq[] = "--irq";
	char *argv[] = { program,           run_dir,
			 lab->dir,          wire,
			 (char *)wire_spec, irq_mode ? irq : NULL,
			 (char *)irq_mode,  NULL };
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	snprintf(lab->dir, sizeof(lab->dir), "%.40s/svio-test.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(lab->dir))
		give_up(lab->dir);
	lab->sviod = start_program(argv, -1);
	while (!control_answers(lab) || !lab_firmware(lab)) {
		if (waitpid(lab->sviod, NULL, WNOHANG) == lab->sviod || lab_now_ns() > deadline)
			give_up("sviod did not start");
		yield_turn();
	}
}

void lab_start(struct device_lab *lab)
{
	start(lab, "null", NULL);
}

void lab_start_wire(struct device_lab *lab, const char *wire_spec)
{
	start(lab, wire_spec, NULL);
}

void lab_start_irq(struct device_lab *lab, const char *irq_mode)
{
	start(lab, "null", irq_mode);
}

static void remove_directory(const char *path)
{
	char pattern[128];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*", path);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
	rmdir(path);
}

int lab_stop(struct device_lab *lab)
{
	int status;

	kill(lab->sviod, SIGTERM);
	while (waitpid(lab->sviod, &status, 0) < 0 && errno == EINTR)
		;
	remove_directory(lab->dir);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void read_output(int fd, char *output, size_t bytes)
{
	size_t used = 0;
	char rest[4096] = "";
	ssize_t got;

	do {
		bool room = output && used + 1 < bytes;

		got = read(fd, room ? output + used : rest, room ? bytes - 1 - used : sizeof(rest));
		if (got > 0 && room)
			used += (size_t)got;
	} while (got > 0 || (got < 0 && errno == EINTR));
	if (output && bytes)
		output[used] = 0;
}

int lab_svio(struct device_lab *lab, char *output, size_t bytes, const char *format, ...)
{
	char line[1024];
	static char program[] = SVIO_PROGRAM;
	static char run_dir[] = "--run-dir";
	char *argv[SVIO_ARGUMENTS_MAX] = { program, run_dir, lab->dir };
	char *at = NULL;
	int ends[2];
	int status;
	pid_t pid;
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	for (int i = 3; i < SVIO_ARGUMENTS_MAX - 1; i++) {
		argv[i] = strtok_r(i == 3 ? line : NULL, " ", &at);
		if (!argv[i])
			break;
	}
	if (pipe2(ends, O_CLOEXEC))
		give_up("pipe");
	pid = start_program(argv, ends[1]);
	close(ends[1]);
	read_output(ends[0], output, bytes);
	close(ends[0]);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void lab_vif_add(struct device_lab *lab, const char *name, const char *options)
{
	char output[1024];

	if (lab_svio(lab, output, sizeof(output), "vif add %s %s", name, options)) {
		fprintf(stderr, "device lab: svio vif add %s %s: %s\n", name, options, output);
		exit(1);
	}
}

void lab_vif_del(struct device_lab *lab, const char *name)
{
	char output[1024];

	if (lab_svio(lab, output, sizeof(output), "vif del %s", name)) {
		fprintf(stderr, "device lab: svio vif del %s: %s\n", name, output);
		exit(1);
	}
}

const char *lab_socket(struct device_lab *lab, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s.sock", lab->dir, name);
	return path;
}

/* Parent and name of a process; 0 when there is none. */
static pid_t parent_of(pid_t pid, char *name, size_t bytes)
{
	char path[64];
	char line[512] = "";
	char *open_bracket;
	char *close_bracket;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(line, sizeof(line), file))
		line[0] = 0;
	fclose(file);
	open_bracket = strchr(line, '(');
	close_bracket = strrchr(line, ')');
	if (!open_bracket || !close_bracket || close_bracket[2] == 'Z')
		return 0;
	*close_bracket = 0;
	snprintf(name, bytes, "%s", open_bracket + 1);
	return (pid_t)strtol(close_bracket + 4, NULL, 10);
}

pid_t lab_firmware(const struct device_lab *lab)
{
	glob_t processes;
	pid_t found = 0;

	if (glob("/proc/[1-9]*", GLOB_NOSORT, NULL, &processes))
		return 0;
	for (size_t i = 0; i < processes.gl_pathc && !found; i++) {
		pid_t pid = (pid_t)strtol(processes.gl_pathv[i] + strlen("/proc/"), NULL, 10);
		char name[64];

		if (parent_of(pid, name, sizeof(name)) == lab->sviod &&
		    strcmp(name, "svio-fw") == 0)
			found = pid;
	}
	globfree(&processes);
	return found;
}

static void await_other_firmware(const struct device_lab *lab, pid_t old)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	for (pid_t now = lab_firmware(lab); now == 0 || now == old; now = lab_firmware(lab)) {
		if (lab_now_ns() > deadline)
			give_up("no new firmware");
		yield_turn();
	}
}

void lab_firmware_await(const struct device_lab *lab)
{
	await_other_firmware(lab, 0);
}

void lab_firmware_kill(const struct device_lab *lab)
{
	pid_t old = lab_firmware(lab);

	if (!old) {
		errno = ESRCH;
		give_up("no firmware to kill");
	}
	kill(old, SIGKILL);
	await_other_firmware(lab, old);
}

int lab_open_fds(pid_t pid)
{
	char pattern[64];
	glob_t found;
	int count = 0;

	snprintf(pattern, sizeof(pattern), "/proc/%d/fd/*", (int)pid);
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0) {
		count = (int)found.gl_pathc;
		globfree(&found);
	}
	return count;
}

long lab_resident_kib(pid_t pid)
{
	char path[64];
	char line[256];
	long kib = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "Rss:", 4) == 0)
			kib = strtol(line + 4, NULL, 10);
	if (file)
		fclose(file);
	return kib;
}
