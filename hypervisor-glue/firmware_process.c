// SPDX-License-Identifier: BSD-3-Clause
#include "firmware_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"

/* A socket pair, a pipe and a pidfd, less the two descriptors that the dead one frees. */
#define RESERVE          4
#define HOST_FD          3
#define IRQ_ARGUMENT     5
#define QUICK_DEATH_NS   1000000000ull
#define QUICK_DEATHS_MAX 5 /* in a row, before starts are delayed */
#define DELAY_MIN_US     200000
#define DELAY_MAX_US     10000000
#define END_WAIT_US      2000000
#define STOP_WAIT_MS     2000

struct svio_fw_process {
	struct svio_loop *loop;
	const char *path;
	const char *wire;
	const char *irq;
	const struct svio_fw_process_ops *ops;
	void *context;
	struct svio_loop_source *watch;     /* of pidfd */
	struct svio_loop_source *timer;     /* to the next start */
	struct svio_loop_source *end_timer; /* until it must have ended */
	const char *end_reason;
	uint64_t started_ns;
	uint64_t delay_us;
	uint32_t starts;
	uint32_t quick_deaths;
	int reserve[RESERVE]; /* descriptors that are given up for a restart; -1: not there */
	int timer_fd;
	pid_t pid; /* 0: none */
	int pidfd; /* -1: none */
	bool ready;
	bool ever_ready;
	bool stopping;
	bool killed; /* by us: not a crash to wonder at */
};

static void handle_exit(void *context, int fd, uint32_t events);

/* In the child, between fork and exec: only async-signal-safe calls. */
static void run_child(const struct svio_fw_process *process, int socket, int error_pipe,
		      pid_t parent)
{
	char *arguments[] = { (char *)process->path, (char *)"--host-fd",
			      (char *)"3",           (char *)"--wire",
			      (char *)process->wire, NULL,
			      (char *)process->irq,  NULL };
	sigset_t none;
	int error;

	if (process->irq)
		arguments[IRQ_ARGUMENT] = (char *)"--irq";
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* It would see the end of its socket, but not while it hangs. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	if (socket == HOST_FD)
		error = fcntl(socket, F_SETFD, 0) ? errno : 0;
	else
		error = dup2(socket, HOST_FD) < 0 ? errno : 0;
	if (!error) {
		execv(process->path, arguments);
		error = errno;
	}
	if (write(error_pipe, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

/* A descriptor number above those that the child is given. */
static int move_up(int fd)
{
	int moved;

	if (fd > HOST_FD)
		return fd;
	moved = fcntl(fd, F_DUPFD_CLOEXEC, HOST_FD + 1);
	close(fd);
	return moved;
}

/* Start path with socket as its descriptor 3. 0 and *pid, or -errno, also of the exec. */
static int spawn(const struct svio_fw_process *process, int socket, pid_t *pid)
{
	pid_t parent = getpid();
	int pipe_fds[2];
	int error = 0;

	if (pipe2(pipe_fds, O_CLOEXEC))
		return -errno;
	pipe_fds[1] = move_up(pipe_fds[1]);
	*pid = pipe_fds[1] < 0 ? -1 : fork();
	if (*pid < 0) {
		error = errno;
		close(pipe_fds[0]);
		if (pipe_fds[1] >= 0)
			close(pipe_fds[1]);
		return -error;
	}
	if (*pid == 0)
		run_child(process, socket, pipe_fds[1], parent);
	close(pipe_fds[1]);
	while (read(pipe_fds[0], &error, sizeof(error)) < 0 && errno == EINTR)
		;
	close(pipe_fds[0]);
	if (error)
		waitpid(*pid, NULL, 0);
	return -error;
}

static int watch_process(struct svio_fw_process *process, pid_t pid)
{
	int status;

	process->pidfd = (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by definition */
	if (process->pidfd >= 0)
		process->watch = svio_loop_add_fd(process->loop, process->pidfd, EPOLLIN,
						  handle_exit, process);
	if (process->watch) {
		process->pid = pid;
		return 0;
	}
	status = -errno;
	if (process->pidfd >= 0)
		close(process->pidfd);
	process->pidfd = -1;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return status;
}

static int start(struct svio_fw_process *process)
{
	int pair[2];
	int status;
	pid_t pid = -1;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	status = spawn(process, pair[1], &pid);
	close(pair[1]);
	if (!status)
		status = watch_process(process, pid);
	if (status) {
		close(pair[0]);
		return status;
	}
	process->started_ns = svio_clock_ns();
	process->starts++;
	process->ready = false;
	process->killed = false;
	process->ops->started(process->context, pair[0]);
	return 0;
}

static void start_later(struct svio_fw_process *process, uint64_t delay_us)
{
	struct itimerspec spec = { .it_value = { .tv_sec = (time_t)(delay_us / 1000000),
						 .tv_nsec = (long)(delay_us % 1000000) * 1000 } };

	if (delay_us == 0)
		spec.it_value.tv_nsec = 1; /* zero would disarm it */
	timerfd_settime(process->timer_fd, 0, &spec, NULL);
}

static uint64_t next_delay_us(struct svio_fw_process *process)
{
	if (process->quick_deaths <= QUICK_DEATHS_MAX)
		return 0;
	process->delay_us = process->delay_us ? process->delay_us * 2 : DELAY_MIN_US;
	if (process->delay_us > DELAY_MAX_US)
		process->delay_us = DELAY_MAX_US;
	return process->delay_us;
}

static void fill_reserve(struct svio_fw_process *process)
{
	for (int i = 0; i < RESERVE; i++)
		if (process->reserve[i] < 0)
			process->reserve[i] = fcntl(process->timer_fd, F_DUPFD_CLOEXEC, 3);
}

static void empty_reserve(struct svio_fw_process *process)
{
	for (int i = 0; i < RESERVE; i++) {
		if (process->reserve[i] >= 0)
			close(process->reserve[i]);
		process->reserve[i] = -1;
	}
}

static void handle_timer(void *context, int fd, uint32_t events)
{
	struct svio_fw_process *process = context;
	uint64_t expirations;
	int status;

	(void)events;
	if (read(fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	empty_reserve(process);
	status = start(process);
	fill_reserve(process);
	if (!status)
		return;
	process->quick_deaths++;
	svio_log(SVIO_LOG_ERROR, "cannot start the firmware %s: %s", process->path,
		 strerror(-status));
	start_later(process, DELAY_MAX_US);
}

static const char *explain_exit(const siginfo_t *info, char *text, size_t bytes)
{
	if (info->si_code == CLD_EXITED && info->si_status == SVIO_FW_EXIT_WIRE)
		return "cannot open the wire";
	if (info->si_code == CLD_EXITED &&
	    (info->si_status == SVIO_FW_EXIT_VERSION || info->si_status == SVIO_FW_EXIT_USAGE))
		return "is of another version than sviod: install both of the same";
	if (info->si_code == CLD_EXITED)
		snprintf(text, bytes, "ended with status %d", info->si_status);
	else
		snprintf(text, bytes, "was ended by signal %d (%s)", info->si_status,
			 strsignal(info->si_status));
	return text;
}

/* An end that trying again will not change, before it has ever worked. */
static bool is_fatal(const struct svio_fw_process *process, const siginfo_t *info)
{
	return !process->ever_ready && info->si_code == CLD_EXITED &&
	       (info->si_status == SVIO_FW_EXIT_WIRE || info->si_status == SVIO_FW_EXIT_VERSION ||
		info->si_status == SVIO_FW_EXIT_USAGE);
}

static void forget_process(struct svio_fw_process *process)
{
	svio_loop_remove(process->watch);
	process->watch = NULL;
	svio_loop_remove(process->end_timer);
	process->end_timer = NULL;
	close(process->pidfd);
	process->pidfd = -1;
	process->pid = 0;
	process->ready = false;
}

static void handle_exit(void *context, int fd, uint32_t events)
{
	struct svio_fw_process *process = context;
	bool quick = svio_clock_ns() - process->started_ns < QUICK_DEATH_NS;
	siginfo_t info = { .si_status = -1 };
	pid_t pid = process->pid;
	uint64_t delay_us;
	char text[128];

	(void)fd;
	(void)events;
	waitid(P_PID, (id_t)pid, &info, WEXITED);
	forget_process(process);
	process->quick_deaths = quick ? process->quick_deaths + 1 : 0;
	if (!quick)
		process->delay_us = 0;
	process->ops->gone(process->context);
	if (process->stopping)
		return;
	if (is_fatal(process, &info)) {
		svio_log(SVIO_LOG_ERROR, "the firmware %s",
			 explain_exit(&info, text, sizeof(text)));
		process->ops->failed(process->context);
		return;
	}
	delay_us = next_delay_us(process);
	svio_log(process->killed ? SVIO_LOG_INFO : SVIO_LOG_WARNING,
		 "the firmware (process %d) %s; starting it again%s", (int)pid,
		 explain_exit(&info, text, sizeof(text)),
		 delay_us ? ", slowly, because it keeps dying" : "");
	start_later(process, delay_us);
}

/* What a restart needs is there from the start: it must not fail for want of a descriptor. */
static int prepare_restart(struct svio_fw_process *process)
{
	process->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (process->timer_fd < 0)
		return -errno;
	process->timer =
		svio_loop_add_fd(process->loop, process->timer_fd, EPOLLIN, handle_timer, process);
	if (!process->timer) {
		int error = errno;

		close(process->timer_fd);
		return -error;
	}
	for (int i = 0; i < RESERVE; i++)
		process->reserve[i] = -1;
	fill_reserve(process);
	return 0;
}

static void free_process(struct svio_fw_process *process)
{
	svio_loop_remove(process->timer);
	close(process->timer_fd);
	empty_reserve(process);
	free(process);
}

int svio_fw_process_new(struct svio_loop *loop, const char *path, const char *wire, const char *irq,
			const struct svio_fw_process_ops *ops, void *context,
			struct svio_fw_process **made)
{
	struct svio_fw_process *process = calloc(1, sizeof(*process));
	int status;

	if (!process)
		return -ENOMEM;
	process->loop = loop;
	process->path = path;
	process->wire = wire;
	process->irq = irq;
	process->ops = ops;
	process->context = context;
	process->pidfd = -1;
	status = prepare_restart(process);
	if (status) {
		free(process);
		return status;
	}
	*made = process; /* before started(), which may ask it things */
	status = start(process);
	if (status) {
		svio_log(SVIO_LOG_ERROR, "cannot start the firmware %s: %s", path,
			 strerror(-status));
		*made = NULL;
		free_process(process);
	}
	return status;
}

static bool wait_exit(const struct svio_fw_process *process, int timeout_ms)
{
	struct pollfd pollfd = { .fd = process->pidfd, .events = POLLIN };
	int count;

	do
		count = poll(&pollfd, 1, timeout_ms);
	while (count < 0 && errno == EINTR);
	return count > 0;
}

void svio_fw_process_free(struct svio_fw_process *process)
{
	if (!process)
		return;
	if (process->pid) {
		if (!wait_exit(process, STOP_WAIT_MS)) {
			svio_log(SVIO_LOG_WARNING, "the firmware does not stop: ending it");
			kill(process->pid, SIGKILL);
		}
		waitpid(process->pid, NULL, 0);
		forget_process(process);
	}
	free_process(process);
}

void svio_fw_process_stopping(struct svio_fw_process *process)
{
	process->stopping = true;
}

void svio_fw_process_ready(struct svio_fw_process *process)
{
	process->ready = true;
	process->ever_ready = true;
}

bool svio_fw_process_is_ready(const struct svio_fw_process *process)
{
	return process->ready;
}

void svio_fw_process_kill(struct svio_fw_process *process, const char *reason)
{
	if (!process->pid)
		return;
	if (reason) {
		svio_log(SVIO_LOG_ERROR, "ending the firmware (process %d): %s", (int)process->pid,
			 reason);
		process->killed = true;
	}
	kill(process->pid, SIGKILL);
}

static void handle_end_timer(void *context)
{
	struct svio_fw_process *process = context;

	svio_loop_remove(process->end_timer);
	process->end_timer = NULL;
	svio_fw_process_kill(process, process->end_reason);
}

void svio_fw_process_let_end(struct svio_fw_process *process, const char *reason)
{
	if (!process->pid || process->end_timer)
		return;
	process->end_reason = reason;
	process->end_timer =
		svio_loop_add_timer(process->loop, END_WAIT_US, 0, handle_end_timer, process);
	if (!process->end_timer)
		svio_fw_process_kill(process, reason);
}

bool svio_fw_process_runs(const struct svio_fw_process *process)
{
	return process->pid && !wait_exit(process, 0);
}

pid_t svio_fw_process_pid(const struct svio_fw_process *process)
{
	return process->pid;
}

uint32_t svio_fw_process_restarts(const struct svio_fw_process *process)
{
	return process->starts > 0 ? process->starts - 1 : 0;
}
