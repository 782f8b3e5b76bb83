/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Backend-driver I/O as a path: two TAPs on a Linux bridge, in a network namespace
 * that vanishes with them. What QEMU would do for a guest, a process does: one
 * system call a frame and way. The bridge's work is done where a frame is written.
 *
 * A path has two processors: guest a writes on the one, guest b, a process of its
 * own, reads on the other. A TAP does not push back: what its queue has no room
 * for is lost, so a has only so many frames under way (guest_run()) as b's queue takes.
 *
 * Two kinds: the readers sleep until there is a frame ("tap"), or look for one all
 * the time ("tap-polling").
 */
#include <err.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench_path.h"

#define FRAME_MAX    2048
#define SLEEP_MAX_MS 50

/* What guest b's process and svio-bench share. */
struct tap_shared {
	_Atomic uint64_t read;   /* frames that b has read */
	_Atomic uint64_t calls;  /* of the system that brought or took one of b's frames */
	_Atomic uint32_t echoes; /* b sends them back */
};

struct tap_guest {
	struct guest_port port; /* first */
	struct tap_path *path;
};

struct tap_path {
	struct tap_guest a;
	struct tap_guest b; /* stands for the process */
	struct tap_shared *shared;
	uint64_t seen;  /* of shared->read */
	uint64_t calls; /* a's */
	int tap_a;
	int sockets[2]; /* by which b's process sends a's TAP */
	bool sleeps;
};

/* The namespace: a bridge and two TAPs. In the process of guest b. */

static void change(int fd, unsigned long request, void *argument, const char *what)
{
	if (ioctl(fd, request, argument) < 0)
		err(1, "%s", what);
}

static int open_tap(const char *name)
{
	struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI };
	int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		err(1, "/dev/net/tun");
	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	change(fd, TUNSETIFF, &request, "a TAP");
	return fd;
}

static void bring_up(int control, const char *name)
{
	struct ifreq request = { 0 };

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
	change(control, SIOCGIFFLAGS, &request, name);
	request.ifr_flags |= IFF_UP;
	change(control, SIOCSIFFLAGS, &request, name);
}

/* Nobody in here has anything to say but the guests. */
static void silence_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		warn("IPv6");
	if (fd >= 0)
		close(fd);
}

static void make_network(int taps[2])
{
	static char bridge[] = "br0";
	int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (control < 0 || unshare(CLONE_NEWNET))
		err(1, "a network namespace");
	close(control);
	control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0); /* in the new one */
	silence_ipv6();
	change(control, SIOCBRADDBR, bridge, "a bridge");
	for (int i = 0; i < 2; i++) {
		struct ifreq request = { .ifr_name = "br0" };
		const char *name = i ? "b" : "a";

		taps[i] = open_tap(name);
		request.ifr_ifindex = (int)if_nametoindex(name);
		change(control, SIOCBRADDIF, &request, "the bridge");
		bring_up(control, name);
	}
	bring_up(control, bridge);
	close(control);
}

/* A descriptor to the other process, as the one byte's luggage. */
static void send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	char byte = 0;
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (sendmsg(socket, &message, MSG_NOSIGNAL) != 1)
		err(1, "a TAP");
}

/* -1: the other process has gone. */
static int receive_descriptor(int socket)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char byte;
	struct iovec vector = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = control.space,
				  .msg_controllen = sizeof(control.space) };
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&message))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return fd;
}

/* The guests. */

static void wait_readable(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	poll(&wanted, 1, SLEEP_MAX_MS);
}

/* A frame of the guests, not of anybody else; 0: there is none. Sleeps for it where the path does. */
static ssize_t read_frame(const struct tap_path *path, int tap, uint8_t *frame)
{
	ssize_t n = read(tap, frame, FRAME_MAX);

	if (n < 0 && path->sleeps) {
		wait_readable(tap);
		n = read(tap, frame, FRAME_MAX);
	}
	return n >= (ssize_t)GUEST_TOUCHED && frame[12] == 0x88 && frame[13] == 0xb5 ? n : 0;
}

/* Guest b, for ever. */
static _Noreturn void read_frames(struct tap_path *path, int tap)
{
	struct guest_port *port = &path->b.port;
	uint8_t frame[FRAME_MAX];
	uint64_t count = 0;
	uint64_t calls = 0;

	for (;;) {
		ssize_t n = read_frame(path, tap, frame);
		uint64_t stamp;

		if (!n)
			continue;
		stamp = guest_read(port, frame);
		atomic_store_explicit(&path->shared->calls, ++calls, memory_order_relaxed);
		atomic_store_explicit(&path->shared->read, ++count, memory_order_release);
		if (!atomic_load_explicit(&path->shared->echoes, memory_order_relaxed))
			continue;
		guest_write(frame, port, stamp);
		if (write(tap, frame, (size_t)n) != n)
			err(1, "a TAP");
		calls++;
	}
}

static uint32_t send_frames(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			    uint32_t bytes)
{
	struct tap_path *path = ((struct tap_guest *)port)->path;
	uint8_t frame[FRAME_MAX] = { 0 };

	for (uint32_t i = 0; i < n; i++) {
		guest_write(frame, port, stamps[i]);
		if (write(path->tap_a, frame, bytes) != (ssize_t)bytes)
			return i;
		path->calls++;
	}
	return n;
}

/* What has come to a. */
static uint32_t receive_at_a(struct guest_port *port, uint64_t *stamps)
{
	struct tap_path *path = ((struct tap_guest *)port)->path;
	uint8_t frame[FRAME_MAX];

	if (!read_frame(path, path->tap_a, frame))
		return 0;
	path->calls++;
	stamps[0] = guest_read(port, frame);
	return 1;
}

/* What has come to b: its process tells. */
static uint32_t receive_at_b(struct guest_port *port, uint64_t *stamps)
{
	struct tap_path *path = ((struct tap_guest *)port)->path;
	uint64_t new = atomic_load_explicit(&path->shared->read, memory_order_acquire) - path->seen;
	uint32_t n = new < GUEST_BURST ? (uint32_t) new : GUEST_BURST;

	path->seen += n;
	memset(stamps, 0, n * sizeof(*stamps));
	return n;
}

/* b's process sends back what it reads; a then waits for it in its own way. */
static uint32_t bounce_at_b(struct guest_port *port)
{
	(void)port;
	return 1;
}

static const struct guest_port_ops ops_a = { .send = send_frames, .receive = receive_at_a };
static const struct guest_port_ops ops_b = { .receive = receive_at_b, .bounce = bounce_at_b };

/* In a process of its own: the network, and guest b. */
static void run_reader(void *state)
{
	struct tap_path *path = state;
	int taps[2];

	make_network(taps);
	send_descriptor(path->sockets[1], taps[0]);
	close(path->sockets[1]);
	close(taps[0]);
	read_frames(path, taps[1]);
}

static void init_guests(struct tap_path *tap)
{
	static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 1 };
	static const uint8_t mac_b[6] = { 2, 0, 0, 0, 0, 2 };

	tap->a = (struct tap_guest){ .port.ops = &ops_a, .path = tap };
	tap->b = (struct tap_guest){ .port.ops = &ops_b, .path = tap };
	guest_set_header(&tap->a.port, mac_a, mac_b);
	guest_set_header(&tap->b.port, mac_b, mac_a);
}

static bool start(struct bench_path *path)
{
	struct tap_path *tap = calloc(1, sizeof(*tap));

	if (!tap || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, tap->sockets))
		err(1, "a TAP");
	path->state = tap;
	tap->sleeps = path->type->sleeps;
	tap->shared = bench_path_share(sizeof(*tap->shared));
	init_guests(tap);
	bench_path_fork(path, run_reader, tap);
	close(tap->sockets[1]);
	tap->tap_a = receive_descriptor(tap->sockets[0]);
	close(tap->sockets[0]);
	if (tap->tap_a < 0) {
		snprintf(
			path->why, sizeof(path->why),
			"TAPs and a bridge in a network namespace want root, and the modules tun and bridge");
		return false;
	}
	bench_path_settle_child(path, path->places.device_cpu);
	bench_pin(getpid(), path->places.guest_cpu, path->places.first);
	bench_waits_add_process(&path->guests, path->child);
	bench_waits_add_thread(&path->guests);
	return true;
}

/* System calls that wrote or read a frame. */
static uint64_t count_notices(struct bench_path *path)
{
	const struct tap_path *tap = path->state;

	return tap->calls + atomic_load_explicit(&tap->shared->calls, memory_order_relaxed);
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct tap_path *tap = path->state;
	struct guest_flow flow = { .from = &tap->a.port, .to = &tap->b.port };

	if ((load->pattern != GUEST_ONE_WAY && load->pattern != GUEST_PING) ||
	    load->bytes > FRAME_MAX) {
		snprintf(path->why, sizeof(path->why), "not with TAPs");
		return false;
	}
	tap->seen = atomic_load(&tap->shared->read);
	atomic_store(&tap->shared->echoes, load->pattern == GUEST_PING);
	return bench_path_run_guests(path, &flow, 1, load, result, times);
}

static void stop(struct bench_path *path)
{
	struct tap_path *tap = path->state;

	if (tap->tap_a >= 0)
		close(tap->tap_a);
	munmap(tap->shared, sizeof(*tap->shared));
	free(tap);
}

const struct bench_path_type bench_path_tap = {
	.name = "tap",
	.title = "TAP + Linux bridge",
	.sleeps = true,
	.start = start,
	.run = run,
	.notices = count_notices,
	.stop = stop,
};

const struct bench_path_type bench_path_tap_polling = {
	.name = "tap-polling",
	.title = "TAP + Linux bridge, polling",
	.start = start,
	.run = run,
	.notices = count_notices,
	.stop = stop,
};
