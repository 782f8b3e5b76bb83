// SPDX-License-Identifier: BSD-3-Clause
/*
 * A firmware process without a firmware: keeps the protocol of svio_host.h,
 * except where --wire tells it not to (fake_protocol.h).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fake_protocol.h"
#include "fake_tree.h"
#include "svio_host.h"

#define OBJECTS 65536

static struct svio_host_segment *segment;
static struct svio_host_vif *vifs;
static struct fake_log *fake_log;
static const char *wire;
static int host_fd, kick_fd = -1;
static uint32_t messages;
static bool vif_added[SVIO_HOST_VIFS_MAX];
static struct {
	void *base;
	uint64_t bytes;
} objects[OBJECTS];

/* Is there "key=value" or "key=value@G" with this generation? */
static bool told(const char *key, uint32_t value)
{
	const char *at = wire;
	size_t length = strlen(key);

	while ((at = strchr(at, ','))) {
		uint32_t number;
		char *end;

		at++;
		if (strncmp(at, key, length) != 0 || at[length] != '=')
			continue;
		number = (uint32_t)strtoul(at + length + 1, &end, 10);
		if (number == value && segment &&
		    (*end != '@' || strtoul(end + 1, NULL, 10) == segment->fw_generation))
			return true;
	}
	return false;
}

/* The status after "exit=" for this generation; -1: none. */
static int told_exit(void)
{
	for (int status = 0; status < 256; status++)
		if (told("exit", (uint32_t)status))
			return status;
	return -1;
}

static void die(void)
{
	raise(SIGKILL);
}

static int handle_hello(const int *fds, int count)
{
	if (count != 3)
		return -EINVAL;
	segment = mmap(NULL, sizeof(*segment), PROT_READ, MAP_SHARED, fds[0], 0);
	if (segment == MAP_FAILED || segment->magic != SVIO_HOST_MAGIC)
		return -EPROTO;
	segment = mmap(NULL, segment->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fds[0], 0);
	if (segment == MAP_FAILED)
		return -ENOMEM;
	/* The tables may be read, and only that. */
	if ((fcntl(fds[1], F_GETFL) & O_ACCMODE) != O_RDONLY)
		return -EPERM;
	vifs = (struct svio_host_vif *)((char *)segment + segment->vifs_offset);
	fake_log = (struct fake_log *)((char *)segment + segment->private_offset);
	fake_log->count = 0;
	kick_fd = fds[2];
	segment->fw_generation++;
	if (told_exit() >= 0 || told("linger", 1))
		return -EIO;
	__atomic_store_n(&segment->fw_state, SVIO_HOST_FW_POLLING, __ATOMIC_SEQ_CST);
	return 0;
}

static int handle_object(const struct svio_host_msg *msg, const int *fds, int count)
{
	uint64_t number = msg->arg[0];
	int protection = PROT_READ | (msg->arg[2] ? PROT_WRITE : 0);

	if (number == 0 || number >= OBJECTS)
		return -EINVAL;
	if (msg->type == SVIO_HOST_OBJECT_DEL) {
		if (!objects[number].base)
			return -ENOENT;
		munmap(objects[number].base, objects[number].bytes);
		objects[number].base = NULL;
		return 0;
	}
	if (count != 1 || objects[number].base)
		return -EINVAL;
	objects[number].bytes = msg->arg[1];
	objects[number].base = mmap(NULL, msg->arg[1], protection, MAP_SHARED, fds[0], 0);
	if (objects[number].base != MAP_FAILED)
		return 0;
	objects[number].base = NULL;
	return -errno;
}

static uint32_t *reg(uint32_t vif, uint32_t offset)
{
	return (uint32_t *)&vifs[vif].regs[offset];
}

static int handle_vif(const struct svio_host_msg *msg, int count)
{
	uint32_t vif = msg->vif;

	if (vif >= segment->vifs_max || !vifs[vif].in_use)
		return -ENODEV;
	if (msg->type == SVIO_HOST_VIF_ADD) {
		if (vif_added[vif])
			return -EEXIST;
		if (count != 1)
			return -EINVAL;
		if (fake_tree_vif(vif, &vifs[vif].qos))
			return -E2BIG;
		vif_added[vif] = true;
		*reg(vif, SVIO_REG_MAGIC) = SVIO_MAGIC;
		return 0;
	}
	if (!vif_added[vif])
		return -ENODEV;
	if (msg->type == SVIO_HOST_VIF_DEL) {
		vif_added[vif] = false;
		fake_tree_vif(vif, NULL);
		memset(vifs[vif].regs, 0, sizeof(vifs[vif].regs));
	} else if (msg->type == SVIO_HOST_VIF_RESET) {
		*reg(vif, SVIO_REG_SCRATCH) = 0;
	} else {
		if (fake_tree_vif(vif, &vifs[vif].qos))
			return -E2BIG;
		*reg(vif, SVIO_REG_LINK) = !(vifs[vif].config.flags & SVIO_HOST_VIF_LINK_DOWN);
	}
	return 0;
}

static int handle_vector(const struct svio_host_msg *msg, const int *fds, int count)
{
	const uint64_t one = 1;

	if (!vif_added[msg->vif] || msg->arg[0] >= vifs[msg->vif].config.vectors)
		return -EINVAL;
	if (count == 1 && write(fds[0], &one, sizeof(one)) != sizeof(one))
		return -errno;
	return 0;
}

static int handle_write(const struct svio_host_msg *msg)
{
	if (!vif_added[msg->vif])
		return -ENODEV;
	if (msg->arg[0] == SVIO_REG_SCRATCH)
		*reg(msg->vif, SVIO_REG_SCRATCH) = (uint32_t)msg->arg[1];
	return 0;
}

static int handle(const struct svio_host_msg *msg, const int *fds, int count)
{
	if (msg->type != SVIO_HOST_HELLO && !segment)
		return -EPROTO;
	if (msg->type != SVIO_HOST_HELLO && told("refuse", msg->type))
		return -EINVAL;
	switch (msg->type) {
	case SVIO_HOST_HELLO:
		return handle_hello(fds, count);
	case SVIO_HOST_OBJECT_ADD:
	case SVIO_HOST_OBJECT_DEL:
		return handle_object(msg, fds, count);
	case SVIO_HOST_VIF_ADD:
	case SVIO_HOST_VIF_DEL:
	case SVIO_HOST_VIF_UPDATE:
	case SVIO_HOST_VIF_RESET:
		return handle_vif(msg, count);
	case SVIO_HOST_IRQ_SET:
		return handle_vector(msg, fds, count);
	case SVIO_HOST_REG_WRITE:
		return handle_write(msg);
	case SVIO_HOST_GROUP_SET:
		return fake_tree_group(segment, (uint32_t)msg->arg[0], true);
	case SVIO_HOST_GROUP_DEL:
		return fake_tree_group(segment, (uint32_t)msg->arg[0], false);
	case SVIO_HOST_OBJECT_REVOKE:
		return 0;
	case SVIO_HOST_QOS_READ:
		fake_tree_read(segment, vifs);
		return 0;
	case SVIO_HOST_STOP:
		return 0;
	default:
		return -EOPNOTSUPP;
	}
}

static void note(const struct svio_host_msg *msg)
{
	uint32_t i = fake_log->count;

	if (i >= FAKE_LOG_MAX)
		return;
	fake_log->entry[i].type = msg->type;
	fake_log->entry[i].vif = msg->vif;
	fake_log->entry[i].arg[0] = msg->arg[0];
	fake_log->entry[i].arg[1] = msg->arg[1];
	__atomic_store_n(&fake_log->count, i + 1, __ATOMIC_RELEASE);
}

/* Be inside of guest memory, as a polling core would. */
static void hold(const struct svio_host_msg *msg)
{
	uint32_t value = (uint32_t)msg->arg[1];
	struct timespec time = { .tv_nsec = (long)(value & 0xffff) * 1000000 };

	if (msg->type != SVIO_HOST_REG_WRITE || msg->arg[0] != SVIO_REG_SCRATCH ||
	    (value & 0xffff0000u) != FAKE_HOLD_MS)
		return;
	if (value == FAKE_HOLD_EVER)
		for (;;)
			pause();
	nanosleep(&time, NULL);
	__atomic_fetch_add(&segment->core[0].epoch, 1, __ATOMIC_RELEASE);
}

static void answer(const struct svio_host_msg *msg, int status)
{
	struct svio_host_msg reply = {
		.type = SVIO_HOST_REPLY, .seq = msg->seq, .vif = msg->vif, .status = status
	};
	size_t bytes = sizeof(reply);

	if (told("die", messages))
		die();
	while (told("mute", messages))
		pause();
	if (told("garbage", messages))
		memset(&reply, 0xa5, sizeof(reply));
	if (told("swap", messages))
		reply.seq++;
	if (told("short", messages))
		bytes = 8;
	/* Before the answer: who gets it may already rely on it. */
	if (msg->type == SVIO_HOST_REG_WRITE && msg->arg[0] == SVIO_REG_SCRATCH &&
	    (msg->arg[1] & 0xffff0000u) == FAKE_HOLD_MS)
		__atomic_fetch_add(&segment->core[0].epoch, 1, __ATOMIC_SEQ_CST);
	if (send(host_fd, &reply, bytes, MSG_NOSIGNAL) < 0)
		exit(0);
	if (told("late", messages))
		die();
}

/* Take all wake bits. False: there was none. */
static bool take_wakes(void)
{
	uint32_t taken = 0;

	for (uint32_t i = 0; i < SVIO_HOST_VIFS_MAX / 32; i++)
		taken += (uint32_t)__builtin_popcount(
			__atomic_exchange_n(&segment->wake[i], 0, __ATOMIC_ACQUIRE));
	__atomic_fetch_add(&fake_log->wakes, taken, __ATOMIC_RELEASE);
	return taken > 0;
}

static bool has_message(void)
{
	char byte;

	return recv(host_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0;
}

/* Wait for a message; asleep meanwhile, if that is the part to play. */
static void wait_message(void)
{
	struct pollfd fds[] = { { .fd = host_fd, .events = POLLIN },
				{ .fd = kick_fd, .events = POLLIN } };
	uint64_t kicks;

	if (!segment || !strstr(wire, "sleepy")) {
		poll(fds, 1, -1);
		return;
	}
	/* Only the kick ends the sleep, as with a real core; the end of sviod ends everything. */
	fds[0].events = 0;
	__atomic_store_n(&segment->fw_state, SVIO_HOST_FW_ASLEEP, __ATOMIC_SEQ_CST);
	if (!take_wakes() && !has_message()) {
		poll(fds, 2, -1);
		if ((fds[1].revents & POLLIN) && read(kick_fd, &kicks, sizeof(kicks)) > 0)
			take_wakes();
	}
	__atomic_store_n(&segment->fw_state, SVIO_HOST_FW_POLLING, __ATOMIC_SEQ_CST);
}

/* As one that cannot open its wire: the answer comes first, then the end. */
static void end_badly(void)
{
	while (told_exit() < 0)
		pause();
	exit(told_exit());
}

/* False: sviod is gone. */
static bool serve(void)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct svio_host_msg msg;
	struct iovec iov = { .iov_base = &msg, .iov_len = sizeof(msg) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 .msg_controllen = sizeof(control) };
	struct cmsghdr *cmsg;
	int fds[8], count = 0, status;
	ssize_t bytes;

	wait_message();
	bytes = recvmsg(host_fd, &header, MSG_DONTWAIT);
	if (bytes < 0 && errno == EAGAIN)
		return true;
	if (bytes != sizeof(msg))
		return false;
	for (cmsg = CMSG_FIRSTHDR(&header); cmsg; cmsg = CMSG_NXTHDR(&header, cmsg)) {
		count = (int)((cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(fds, CMSG_DATA(cmsg), (size_t)count * sizeof(int));
	}
	messages++;
	status = handle(&msg, fds, count);
	if (segment)
		note(&msg);
	/* What sviod says must make sense to each firmware, whatever became of the one before. */
	if (segment && status && status != -EIO && !strstr(wire, "refuse")) {
		fprintf(stderr, "fake firmware: generation %u, message %u, type %u, VIF %u: %s\n",
			segment->fw_generation, messages, msg.type, msg.vif, strerror(-status));
		fake_log->mistakes++;
	}
	for (int i = 0; i < count; i++)
		if (fds[i] != kick_fd)
			close(fds[i]);
	answer(&msg, status);
	if (msg.type == SVIO_HOST_HELLO && status == -EIO)
		end_badly();
	hold(&msg);
	return msg.type != SVIO_HOST_STOP;
}

int main(int argc, char **argv)
{
	/* svio-fw --host-fd N --wire SPEC */
	if (argc != 5)
		return 2;
	host_fd = (int)strtol(argv[2], NULL, 10);
	wire = argv[4];
	while (serve())
		;
	return 0;
}
