// SPDX-License-Identifier: BSD-3-Clause
/*
 * Map messages of a client, from the socket to the page tables: the real session on the real
 * registry. After each message the reply is what a naive model expects, and so is every
 * translation of the addresses in play. A stand-in of svio-fw takes the memory objects.
 *
 * Input: messages of 8 bytes, {operation, address, size, offset, flags, memory, odd, burst}:
 * places in tables of ordinary and of nasty values. burst: the server gets no turn before the
 * next message.
 */
#include <assert.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device.h"
#include "function.h"
#include "log.h"
#include "loop.h"
#include "map_model.h"
#include "session.h"
#include "svio_iommu_walk.h"

#define MESSAGE_BYTES 8
#define BURST_MAX     16
#define TOP           (1ull << 48)
#define HUGE          (2ull << 20)
#define MEMORY_BYTES  (4ull << 20)
#define COUNT(array)  (sizeof(array) / sizeof((array)[0]))

static const uint64_t addresses[] = {
	0,          0x1000,       0x2000,        0x5000,
	0x100000,   HUGE,         HUGE - 0x1000, 2 * HUGE,
	1ull << 30, TOP - 0x1000, TOP - HUGE,    TOP,
	TOP / 2,    0x1001,       0x800,         UINT64_MAX - 0xfff,
	UINT64_MAX, TOP - 0x2000, 1ull << 63,    HUGE + 0x3000,
};
static const uint64_t sizes[] = {
	0x1000,     0x2000, 0x5000,     HUGE,          MEMORY_BYTES,  0,
	1,          0xfff,  TOP,        TOP / 2,       1ull << 30,    UINT64_MAX - 0xfff,
	1ull << 63, 0x1001, UINT64_MAX, HUGE + 0x1000, HUGE - 0x1000,
};
static const uint64_t offsets[] = { 0,
				    0x1000,
				    HUGE,
				    MEMORY_BYTES - 0x1000,
				    MEMORY_BYTES,
				    1,
				    0x800,
				    UINT64_MAX - 0xfff,
				    1ull << 47,
				    HUGE - 0x1000 };

enum {
	MEMORY,
	READ_ONLY,
	WRITE_ONLY,
	SHORT,
	PIPE,
	EVENT,
	EMPTY,
	FDS
};

static struct svio_loop *loop;
static struct svio_device *device;
static struct svio_vif *vif;
static struct bus_function function;
static struct bus_session *session; /* NULL: ended */
static int fds[FDS];
static const struct model_memory memories[FDS] = {
	[MEMORY] = { true, true, MEMORY_BYTES },
	[READ_ONLY] = { true, false, MEMORY_BYTES },
	[SHORT] = { true, true, 0x1800 },
};
static struct model model;
static bool expected[BURST_MAX]; /* of the replies that are to come */
static size_t expected_count;

static void drop_line(enum svio_log_level level, const char *line)
{
	(void)level;
	(void)line;
}

static void *add_front(void *bus, struct svio_vif *made, const char *path)
{
	(void)bus;
	(void)path;
	return made;
}

static void del_front(void *front)
{
	svio_vif_disconnected(front);
}

static bool front_connected(void *front)
{
	(void)front;
	return session != NULL;
}

static const struct svio_bus_ops bus_ops = { add_front, del_front, front_connected };

static void end_session(void *owner, struct bus_session *ended)
{
	(void)owner;
	assert(ended == session);
	if (bus_session_is_client(session))
		bus_function_release(&function);
	bus_session_close(session);
	session = NULL;
}

static const struct bus_session_ops session_ops = { end_session };

static int reopen(int fd, int flags)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags | O_CLOEXEC);
}

static void open_fds(void)
{
	int ends[2];

	fds[MEMORY] = memfd_create("memory", MFD_CLOEXEC);
	fds[READ_ONLY] = reopen(fds[MEMORY], O_RDONLY);
	fds[WRITE_ONLY] = reopen(fds[MEMORY], O_WRONLY);
	fds[SHORT] = memfd_create("short", MFD_CLOEXEC);
	fds[EMPTY] = memfd_create("empty", MFD_CLOEXEC);
	fds[EVENT] = eventfd(0, EFD_CLOEXEC);
	if (ftruncate(fds[MEMORY], (off_t)MEMORY_BYTES) ||
	    ftruncate(fds[SHORT], (off_t)memories[SHORT].bytes) || pipe2(ends, O_CLOEXEC))
		abort();
	fds[PIPE] = ends[0];
}

static char run_dir[] = "/tmp/svio-fuzz-XXXXXX";

static void close_device(void)
{
	char lock[64];

	svio_device_close(device);
	snprintf(lock, sizeof(lock), "%s/lock", run_dir);
	unlink(lock);
	rmdir(run_dir);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct svio_device_options options = {
		.run_dir = run_dir, .wire = "fake", .fw_path = FAKE_FIRMWARE, .vifs_max = 2
	};
	struct svio_vif_settings settings = { .name = "vif" };
	char error[256];

	(void)argc;
	(void)argv;
	signal(SIGPIPE, SIG_IGN);
	svio_log_set_sink(drop_line);
	loop = svio_loop_new();
	if (!mkdtemp(run_dir) || svio_device_open(&options, loop, &bus_ops, NULL, &device))
		abort();
	while (!svio_device_ready(device))
		svio_loop_run_once(loop, 100);
	if (svio_device_vif_add(device, &settings, error))
		abort();
	vif = svio_device_vif_find(device, "vif");
	if (bus_function_init(&function, vif, (struct bus_pci_id){ 0x1234, 0x5610 }))
		abort();
	open_fds();
	atexit(close_device);
	return 0;
}

static void run_server(void)
{
	for (int i = 0; i < 4; i++)
		svio_loop_run_once(loop, 0);
}

static void send_message(int fd, const void *bytes, size_t count, const int *with,
			 size_t with_count)
{
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)(uintptr_t)bytes, count };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (with_count) {
		control.align.cmsg_len = CMSG_LEN(with_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), with, with_count * sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(with_count * sizeof(int));
	}
	if (sendmsg(fd, &message, MSG_NOSIGNAL) != (ssize_t)count)
		abort();
}

/* The next reply's header; its payload is read away. */
static struct vfio_user_header receive_reply(int fd)
{
	struct vfio_user_header header;
	char payload[256];

	while (recv(fd, &header, sizeof(header), MSG_DONTWAIT) != sizeof(header))
		svio_loop_run_once(loop, 1);
	assert(header.bytes - sizeof(header) <= sizeof(payload));
	if (header.bytes > sizeof(header) &&
	    recv(fd, payload, header.bytes - sizeof(header), MSG_WAITALL) < 0)
		abort();
	return header;
}

static void shake_hands(int fd)
{
	static const struct {
		struct vfio_user_header header;
		char payload[7];
	} message = { { 1, VFIO_USER_VERSION, 23, 0, 0 }, { 0, 0, 0, 0, '{', '}', 0 } };

	send_message(fd, &message, 23, NULL, 0);
	assert(!(receive_reply(fd).flags & VFIO_USER_ERROR));
}

/* What the firmware would find at an address, for one right. */
static void check_access(uint64_t iova, uint32_t right)
{
	const struct model_map *map = model_find(&model, iova);
	struct svio_iommu_run run;
	enum svio_iommu_fault_reason reason =
		svio_iommu_walk(device->segment.arena, vif->domain, iova, right, &run);

	if (!map) {
		assert(reason ==
		       (iova >= TOP ? SVIO_IOMMU_FAULT_RANGE : SVIO_IOMMU_FAULT_UNMAPPED));
	} else if (!(right == SVIO_IOMMU_READ ? map->readable : map->writable)) {
		assert(reason == SVIO_IOMMU_FAULT_RIGHTS);
	} else {
		assert(reason == SVIO_IOMMU_OK);
		assert(run.bytes <= map->bytes - (iova - map->iova));
		assert(map->memory == (run.object != SVIO_OBJECT_HOLLOW));
		assert(!map->memory || run.offset == map->offset + (iova - map->iova));
	}
}

/* At every edge that may be one: a byte before, the first, and some in the middle. */
static void check_translations(void)
{
	for (size_t i = 0; i < COUNT(addresses); i++)
		for (size_t n = 0; n < COUNT(sizes); n++)
			for (uint32_t right = 1; right <= 2; right++) {
				check_access(addresses[i] + sizes[n], right);
				check_access(addresses[i] + sizes[n] - 1, right);
			}
}

static void settle(int fd)
{
	run_server();
	for (size_t i = 0; i < expected_count; i++)
		assert(!(receive_reply(fd).flags & VFIO_USER_ERROR) == expected[i]);
	expected_count = 0;
	check_translations();
}

static struct model_request make_request(const uint8_t *in, bool unmap, int *fd)
{
	uint32_t memory = in[5] % (FDS + 2);

	*fd = unmap || memory >= FDS ? -1 : fds[memory];
	return (struct model_request){
		/* Of the ordinary size, or one byte short, or anything. */
		.argsz = in[6] & 1 ? (unmap ? 24 : 32) - (in[6] >> 1 & 1) : 32,
		.flags = in[4] & 0x80 ? in[4]
			 : unmap      ? 2u * (in[4] % 8 == 0)
				      : in[4] % 4,
		.iova = addresses[in[1] % COUNT(addresses)],
		.bytes = sizes[in[2] % COUNT(sizes)],
		.offset = offsets[in[3] % COUNT(offsets)],
		.memory = *fd < 0 ? NULL : &memories[memory],
		.malformed = in[6] >= 0xf0 && !unmap,
	};
}

static void send_map(int to, const struct model_request *request, int fd, uint8_t odd)
{
	struct {
		struct vfio_user_header header;
		struct vfio_user_dma_map map;
	} message = { { 2, VFIO_USER_DMA_MAP, sizeof(message), 0, 0 },
		      { request->argsz, request->flags, request->offset, request->iova,
			request->bytes } };
	const int with[2] = { fd, fds[EVENT] };

	if (odd >= 0xf8) { /* a byte short, or a descriptor more */
		message.header.bytes--;
		send_message(to, &message, sizeof(message) - 1, with, fd >= 0);
	} else if (odd >= 0xf0) {
		send_message(to, &message, sizeof(message), fd >= 0 ? with : &with[1],
			     fd >= 0 ? 2 : 0);
	} else {
		send_message(to, &message, sizeof(message), with, fd >= 0);
	}
}

static void send_unmap(int to, const struct model_request *request)
{
	struct {
		struct vfio_user_header header;
		struct vfio_user_dma_unmap unmap;
	} message = { { 3, VFIO_USER_DMA_UNMAP, sizeof(message), 0, 0 },
		      { request->argsz, request->flags, request->iova, request->bytes } };

	send_message(to, &message, sizeof(message), NULL, 0);
}

/* A request of another kind, which must neither change maps nor overtake an unmap. */
static void send_reset(int to)
{
	static const struct vfio_user_header header = { 4, VFIO_USER_DEVICE_RESET, sizeof(header),
							0, 0 };

	send_message(to, &header, sizeof(header), NULL, 0);
}

static void take_message(int to, const uint8_t *in)
{
	bool unmap = in[0] % 8 >= 5;
	int fd;
	struct model_request request = make_request(in, unmap, &fd);
	bool *outcome = &expected[expected_count++];

	/* Two descriptors where there is one place; without a first one it is just one message. */
	if (request.malformed && in[6] < 0xf8 && fd < 0)
		request.malformed = false;
	if (in[0] % 32 == 31) {
		send_reset(to);
		*outcome = true;
	} else if (unmap) {
		send_unmap(to, &request);
		*outcome = model_unmap(&model, &request);
	} else {
		send_map(to, &request, fd, in[6]);
		*outcome = model.count < MODEL_MAPS && model_map(&model, &request);
	}
}

static void wait_until_clean(void)
{
	assert(!session && !function.client);
	model.count = 0;
	check_translations();
	for (int i = 0; svio_objects_count(device->objects); i++) {
		assert(i < 100000);
		svio_loop_run_once(loop, 1);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int pair[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair))
		abort();
	session = bus_session_open(loop, pair[0], &function, 60000000, &session_ops, NULL);
	if (!session)
		abort();
	shake_hands(pair[1]);
	for (size_t n = 0; size >= MESSAGE_BYTES && n < MODEL_MAPS; n++) {
		take_message(pair[1], data);
		if (!(data[7] & 1) || expected_count == BURST_MAX)
			settle(pair[1]);
		data += MESSAGE_BYTES;
		size -= MESSAGE_BYTES;
	}
	settle(pair[1]);
	close(pair[1]);
	for (int i = 0; i < 4096 && session; i++)
		svio_loop_run_once(loop, 0);
	wait_until_clean();
	return 0;
}
