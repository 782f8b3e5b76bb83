/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths of DPDK: starts a peer's processes and tells them what to do.
 *
 * The device forwards bursts of 32 from one port to the other, as testpmd does
 * in io mode, on rings of 1024. The guests are svio's guests (bench_guest.h) on
 * ports of virtio-user or memif.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench_path.h"
#include "peer_dpdk.h"

#define ANSWER_MAX_S 30

/* Virtio's arguments decide which of DPDK's receive and transmit routines run. */
#define VHOST(arguments)                                                                         \
	{                                                                                        \
		.device = "net_vhost", .device_arguments = "iface=", .guest = "net_virtio_user", \
		.guest_arguments = "queue_size=1024," arguments ",path=", .ports = 2             \
	}
#define MEMIF(arguments, port_count)                                                               \
	{                                                                                          \
		.device = "net_memif", .guest = "net_memif", .numbered = true,                     \
		.device_arguments = "role=server,rsize=10,socket-abstract=no,socket=",             \
		.guest_arguments = "role=client,rsize=10,socket-abstract=no," arguments "socket=", \
		.ports = port_count                                                                \
	}

/* In the order of bench_path_dpdk. */
static const struct peer_kind kinds[] = {
	VHOST("in_order=0,mrg_rxbuf=1"),
	VHOST("in_order=1,mrg_rxbuf=0"),
	VHOST("in_order=0,mrg_rxbuf=0,vectorized=1"),
	VHOST("packed_vq=1,in_order=0,mrg_rxbuf=1"),
	VHOST("packed_vq=1,in_order=1,mrg_rxbuf=0"),
	VHOST("packed_vq=1,in_order=1,mrg_rxbuf=0,vectorized=1"),
	MEMIF("", 2),
	MEMIF("zero-copy=yes,", 2),
	MEMIF("zero-copy=yes,", 1),
};

struct process {
	pid_t pid;
	int socket;
};

struct state {
	char dir[BENCH_FOLDER_BYTES];
	int memory;
	struct peer_shared *shared;
	struct process device;
	struct process guests;
};

static bool fail(struct bench_path *path, const char *what)
{
	struct state *state = path->state;

	snprintf(path->why, sizeof(path->why), "%s: see %s/log", what, state->dir);
	return false;
}

static void run_child(const struct bench_path *path, const char *role, int socket)
{
	const struct state *state = path->state;
	bool device = strcmp(role, "device") == 0;
	static char program[] = "svio-bench";
	static char peer[] = "peer";
	char words[PEER_WORDS][80];
	char *arguments[PEER_WORDS + 3] = { program, peer };
	int cpu = device ? path->places.device_cpu : path->places.guest_cpu;
	char log_path[96];
	int log;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	snprintf(log_path, sizeof(log_path), "%s/log", state->dir);
	log = open(log_path, O_WRONLY | O_CREAT | O_APPEND, 0600);
	dup2(log, STDOUT_FILENO);
	dup2(log, STDERR_FILENO);
	bench_pin(getpid(), cpu, path->places.first);
	snprintf(words[0], sizeof(words[0]), "%s", role);
	snprintf(words[1], sizeof(words[1]), "%td", path->type - bench_path_dpdk);
	snprintf(words[2], sizeof(words[2]), "%s", state->dir);
	snprintf(words[3], sizeof(words[3]), "%d", cpu);
	snprintf(words[4], sizeof(words[4]), "%d", socket);
	snprintf(words[5], sizeof(words[5]), "%d", state->memory);
	for (size_t i = 0; i < PEER_WORDS; i++)
		arguments[i + 2] = words[i];
	fcntl(socket, F_SETFD, 0);
	fcntl(state->memory, F_SETFD, 0);
	execv("/proc/self/exe", arguments);
	err(127, "svio-bench");
}

static bool receive_answer(const struct process *process, struct peer_answer *answer)
{
	ssize_t n;

	do
		n = recv(process->socket, answer, sizeof(*answer), 0);
	while (n < 0 && errno == EINTR);
	return n == sizeof(*answer);
}

static bool start_process(struct bench_path *path, struct process *process, const char *role,
			  struct bench_waits *waits)
{
	const struct timeval most = { .tv_sec = ANSWER_MAX_S };
	struct peer_answer answer;
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		err(1, "socketpair");
	setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	process->pid = fork();
	if (process->pid < 0)
		err(1, "fork");
	if (process->pid == 0)
		run_child(path, role, ends[1]);
	close(ends[1]);
	process->socket = ends[0];
	if (!receive_answer(process, &answer) || answer.error)
		return fail(path, "a process of DPDK did not start");
	bench_waits_add_process(waits, process->pid);
	return true;
}

static bool start(struct bench_path *path)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state)
		err(1, "memory");
	path->state = state;
	state->device.socket = -1;
	state->guests.socket = -1;
	bench_folder_make(state->dir, "svio-peer");
	state->memory = memfd_create("svio-bench", MFD_CLOEXEC);
	if (state->memory < 0 || ftruncate(state->memory, sizeof(*state->shared)))
		err(1, "memory");
	state->shared = mmap(NULL, sizeof(*state->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			     state->memory, 0);
	if (state->shared == MAP_FAILED)
		err(1, "memory");
	return start_process(path, &state->device, "device", &path->device) &&
	       start_process(path, &state->guests, "guest", &path->guests);
}

static void resume(struct bench_path *path)
{
	struct state *state = path->state;
	const struct peer_request request = { 0 };

	atomic_store(&state->shared->forwarding, 1);
	send(state->device.socket, &request, sizeof(request), MSG_NOSIGNAL);
}

static void pause_device(struct bench_path *path)
{
	struct state *state = path->state;
	struct peer_answer answer;

	atomic_store(&state->shared->forwarding, 0);
	if (!receive_answer(&state->device, &answer))
		errx(1, "%s: the device has gone; see %s/log", path->type->name, state->dir);
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct state *state = path->state;
	const struct peer_request request = { .load = *load,
					      .device = state->device.pid,
					      .device_cpu = path->places.device_cpu,
					      .guest_cpu = path->places.guest_cpu,
					      .wants_times = times != NULL };
	struct peer_answer answer;

	if (send(state->guests.socket, &request, sizeof(request), MSG_NOSIGNAL) < 0 ||
	    !receive_answer(&state->guests, &answer))
		return fail(path, "the guests have gone");
	if (answer.error)
		return fail(path, "a frame did not come back");
	*result = answer.result;
	if (times)
		memcpy(times, state->shared->times, result->time_count * sizeof(*times));
	return true;
}

static void stop_process(struct process *process)
{
	if (process->socket >= 0)
		close(process->socket);
	if (process->pid <= 0)
		return;
	kill(process->pid, SIGKILL);
	while (waitpid(process->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static void stop(struct bench_path *path)
{
	struct state *state = path->state;

	stop_process(&state->guests);
	stop_process(&state->device);
	munmap(state->shared, sizeof(*state->shared));
	close(state->memory);
	bench_folder_remove(state->dir);
	free(state);
}

#define PATH(path_name, path_title)                                                       \
	{                                                                                 \
		.name = path_name, .title = path_title, .start = start, .resume = resume, \
		.run = run, .pause = pause_device, .stop = stop                           \
	}

const struct bench_path_type bench_path_dpdk[] = {
	PATH("vhost-split", "vhost-user, split ring"),
	PATH("vhost-split-in-order", "vhost-user, split ring in order"),
	PATH("vhost-split-vectorized", "vhost-user, split ring, vectorized"),
	PATH("vhost-packed", "vhost-user, packed ring"),
	PATH("vhost-packed-in-order", "vhost-user, packed ring in order"),
	PATH("vhost-packed-vectorized", "vhost-user, packed ring, vectorized"),
	PATH("memif", "memif, copied by guests and device"),
	PATH("memif-zero-copy", "memif, the guests' side without a copy"),
	PATH("memif-zero-copy-loop", "memif, the same, one port for both guests: no wall"),
};
#ifdef BENCH_DPDK_PEERS
const size_t bench_path_dpdk_count = sizeof(kinds) / sizeof(kinds[0]);

int bench_peer_main(int argc, char **argv)
{
	return argc == PEER_WORDS + 1 ? peer_main(kinds, bench_path_dpdk_count, argv + 1) : 2;
}

const char *bench_peer_version(void)
{
	return peer_version();
}
#else
const size_t bench_path_dpdk_count = 0;

int bench_peer_main(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	(void)kinds;
	return 2;
}

const char *bench_peer_version(void)
{
	return NULL;
}
#endif
