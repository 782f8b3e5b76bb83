// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a client sends, byte for byte, with descriptors, in pieces, to a session
 * on a VIF that completes at once or later.
 *
 * Input: portions, each {u8 control, u8 length, bytes}. control:
 *   bits 0-1  1: an eventfd comes along, 2: memory, 3: three of them
 *   bit 2     shake hands properly before these bytes (once)
 *   bit 3     the server gets no turn before the next portion
 *   bit 4     the VIF holds its completions from here on; clear: it lets go
 *   bit 5     the client reads what has come
 *   bit 6     64 times the bytes, for messages that are large
 */
#include <assert.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fake_registry.h"
#include "function.h"
#include "log.h"
#include "loop.h"
#include "session.h"

static struct svio_loop *loop;
static struct svio_vif *vif;
static struct bus_function function;
static struct bus_session *session; /* NULL: ended */
static int event_fd, memory_fd;

static void drop_line(enum svio_log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void end_session(void *owner, struct bus_session *ended)
{
	(void)owner;
	assert(ended == session);
	if (bus_session_is_client(session))
		bus_function_release(&function);
	bus_session_close(session);
	session = NULL;
}

static const struct bus_session_ops ops = { end_session };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	svio_log_set_sink(drop_line);
	loop = svio_loop_new();
	vif = fake_vif_new("vif", 5);
	event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	memory_fd = memfd_create("guest", MFD_CLOEXEC);
	if (!loop || !vif || event_fd < 0 || memory_fd < 0 || ftruncate(memory_fd, 1 << 20) ||
	    bus_function_init(&function, vif, (struct bus_pci_id){ 0x1234, 0x5610 }))
		abort();
	return 0;
}

static void run_server(void)
{
	for (int i = 0; i < 4; i++)
		svio_loop_run_once(loop, 0);
}

static void read_replies(int fd)
{
	char waste[65536];

	/* Without a control buffer the kernel closes descriptors that come along. */
	while (recv(fd, waste, sizeof(waste), MSG_DONTWAIT) > 0)
		run_server();
}

static void send_bytes(int fd, const uint8_t *bytes, size_t count, const int *fds, size_t fd_count)
{
	union {
		char bytes[CMSG_SPACE(3 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes, count };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (fd_count) {
		control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	/* What does not fit is lost, as if the client had died there. */
	(void)!sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void shake_hands(int fd)
{
	static const struct {
		struct vfio_user_header header;
		char payload[7];
	} message = { { 1, VFIO_USER_VERSION, 23, 0, 0 }, { 0, 0, 0, 0, '{', '}', 0 } };

	send_bytes(fd, (const uint8_t *)&message, 23, NULL, 0);
	run_server();
}

static void send_portion(int fd, uint8_t control, const uint8_t *bytes, size_t count)
{
	const int fds[3] = { control & 1 ? event_fd : memory_fd, memory_fd, event_fd };
	const size_t fd_counts[4] = { 0, 1, 1, 3 };

	if (!count)
		return;
	send_bytes(fd, bytes, count, fds, fd_counts[control & 3]);
	for (int i = 1; control & 0x40 && i < 64; i++)
		send_bytes(fd, bytes, count, NULL, 0);
}

static void let_go(void)
{
	while (fake_vif_held(vif)) {
		fake_vif_release(vif, 0);
		run_server();
	}
}

/* After the last client nothing of it may be left. */
static void check_clean(void)
{
	assert(!session && !function.client);
	assert(vif->map_count == 0 && !vif->bus_master);
	for (size_t i = 0; i < 64; i++)
		assert(vif->vector_fds[i] < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool shaken = false;
	int fds[2];
	int lowest = dup(event_fd);

	close(lowest);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds))
		abort();
	session = bus_session_open(loop, fds[0], &function, 1000000000, &ops, NULL);
	if (!session)
		abort();
	while (size >= 2) {
		uint8_t control = data[0];
		size_t count = data[1] < size - 2 ? data[1] : size - 2;

		if (control & 4 && !shaken) {
			shake_hands(fds[1]);
			shaken = true;
		}
		vif->hold = control & 0x10;
		if (!vif->hold)
			let_go();
		send_portion(fds[1], control, data + 2, count);
		if (!(control & 8))
			run_server();
		if (control & 0x20)
			read_replies(fds[1]);
		data += 2 + count;
		size -= 2 + count;
	}
	close(fds[1]);
	for (int i = 0; i < 4096 && session; i++)
		svio_loop_run_once(loop, 0);
	vif->hold = false;
	let_go();
	check_clean();
	fake_vif_forget(vif);
	/* Every descriptor is closed again: the next one has the number it had. */
	fds[0] = dup(event_fd);
	assert(fds[0] == lowest);
	close(fds[0]);
	return 0;
}
