/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_sviod.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "svio_iommu_fault.h"
#include "svio_test.h"

#define PATIENCE_MS 20000

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	abort();
}

int fake_memory(uint64_t bytes)
{
	int fd = memfd_create("svio-test", MFD_CLOEXEC);

	must(fd >= 0 && ftruncate(fd, (off_t)bytes) == 0, "memfd");
	return fd;
}

static uint64_t align_page(uint64_t bytes)
{
	return (bytes + 4095) & ~4095ull;
}

void fake_open(struct fake_sviod *f)
{
	struct svio_host_segment *s;
	uint64_t vifs = align_page(sizeof(*s));
	uint64_t faults = vifs + align_page(FAKE_VIFS_MAX * sizeof(struct svio_host_vif));
	uint64_t private_state = faults + align_page(sizeof(struct svio_iommu_fault_log));
	uint64_t maps = private_state + (uint64_t)SVIO_HOST_DEVICE_PRIVATE_BYTES;

	memset(f, 0, sizeof(*f));
	f->segment_bytes = maps + FAKE_VIFS_MAX * sizeof(struct svio_host_map);
	f->segment_fd = fake_memory(f->segment_bytes);
	f->tables_fd = fake_memory(1 << 20);
	f->log_fd = fake_memory(0);
	f->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->socket = -1;
	s = mmap(NULL, f->segment_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->segment_fd, 0);
	must(s != MAP_FAILED && f->kick_fd >= 0, "segment");
	s->magic = SVIO_HOST_MAGIC;
	s->version = SVIO_HOST_VERSION;
	s->bytes = f->segment_bytes;
	s->vifs_max = FAKE_VIFS_MAX;
	s->cores = 1;
	s->vifs_offset = vifs;
	s->faults_offset = faults;
	s->private_offset = private_state;
	s->maps_offset = maps;
	f->segment = s;
	f->vifs = (struct svio_host_vif *)((char *)s + vifs);
}

void fake_close(struct fake_sviod *f)
{
	if (f->socket >= 0) {
		close(f->socket);
		f->socket = -1;
		fake_wait(f);
	}
	munmap(f->segment, f->segment_bytes);
	close(f->segment_fd);
	close(f->tables_fd);
	close(f->kick_fd);
	close(f->log_fd);
}

static void exec_firmware(struct fake_sviod *f, int end, const char *wire, const char *extra)
{
	char number[16];

	snprintf(number, sizeof(number), "%d", end);
	dup2(f->log_fd, STDERR_FILENO);
	execl(SVIO_FW_PROGRAM, "svio-fw", "--host-fd", number, "--wire", wire, extra, (char *)NULL);
	_exit(127);
}

void fake_spawn(struct fake_sviod *f, const char *wire, const char *extra)
{
	int ends[2], i;

	must(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0, "socketpair");
	f->pid = fork();
	must(f->pid >= 0, "fork");
	if (f->pid == 0) {
		close(ends[1]);
		exec_firmware(f, ends[0], wire, extra);
	}
	close(ends[0]);
	f->socket = ends[1];
	f->segment->fw_state = SVIO_HOST_FW_NONE;
	/* Epochs of a core that died are even. */
	for (i = 0; i < SVIO_HOST_CORES_MAX; i++)
		f->segment->core[i].epoch = (f->segment->core[i].epoch + 1) & ~1ull;
}

void fake_send_raw(struct fake_sviod *f, const void *bytes, size_t count, const int *fds,
		   uint32_t fd_count)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(8 * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = (void *)bytes, .iov_len = count };
	struct msghdr header = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint64_t one = 1;

	if (fd_count) {
		struct cmsghdr *c = &control.align;

		memset(&control, 0, sizeof(control));
		header.msg_control = &control;
		header.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
	}
	if (sendmsg(f->socket, &header, MSG_NOSIGNAL) < 0)
		must(errno == EPIPE || errno == ECONNRESET, "sendmsg");
	__atomic_add_fetch(&f->segment->mail, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&f->segment->fw_state, __ATOMIC_SEQ_CST) == SVIO_HOST_FW_ASLEEP)
		must(write(f->kick_fd, &one, sizeof(one)) == sizeof(one), "kick");
}

int fake_receive(struct fake_sviod *f, struct svio_host_msg *msg)
{
	struct pollfd p = { .fd = f->socket, .events = POLLIN };
	ssize_t n;

	must(poll(&p, 1, PATIENCE_MS) == 1, "svio-fw does not answer");
	n = recv(f->socket, msg, sizeof(*msg), 0);
	if (n <= 0)
		return -ECONNRESET;
	CU_ASSERT_EQUAL(n, (ssize_t)sizeof(*msg));
	return 0;
}

int fake_ask(struct fake_sviod *f, struct svio_host_msg msg, const int *fds, uint32_t fd_count)
{
	struct svio_host_msg reply;

	msg.seq = ++f->seq;
	fake_send_raw(f, &msg, sizeof(msg), fds, fd_count);
	if (fake_receive(f, &reply) < 0)
		return -ECONNRESET;
	CU_ASSERT_EQUAL(reply.type, SVIO_HOST_REPLY);
	CU_ASSERT_EQUAL(reply.seq, msg.seq);
	return reply.status;
}

int fake_ask_plain(struct fake_sviod *f, uint32_t type, uint32_t vif, uint64_t arg0, uint64_t arg1)
{
	struct svio_host_msg msg = { .type = type, .vif = vif, .arg = { arg0, arg1 } };

	return fake_ask(f, msg, NULL, 0);
}

int fake_start(struct fake_sviod *f, const char *wire, const char *extra)
{
	int fds[] = { f->segment_fd, f->tables_fd, f->kick_fd };
	struct svio_host_msg hello = { .type = SVIO_HOST_HELLO };

	fake_spawn(f, wire, extra);
	return fake_ask(f, hello, fds, 3);
}

int fake_vif_add(struct fake_sviod *f, uint32_t vif)
{
	struct svio_host_vif_config *config = &f->vifs[vif].config;
	struct svio_host_msg msg = { .type = SVIO_HOST_VIF_ADD, .vif = vif };
	int doorbells = fake_memory(sizeof(struct svio_doorbell_bar));
	int status;

	if (!f->vifs[vif].in_use) {
		*config = (struct svio_host_vif_config){ .mac = { 2, 0, 0, 0, 1, (uint8_t)vif },
							 .domain = vif + 1,
							 .txqs = 4,
							 .rxqs = 4,
							 .vectors = 9,
							 .mtu_max = 9000 };
		snprintf(config->name, sizeof(config->name), "vif%u", vif);
		f->vifs[vif].in_use = 1;
	}
	status = fake_ask(f, msg, &doorbells, 1);
	close(doorbells);
	return status;
}

int fake_wait(struct fake_sviod *f)
{
	time_t end = time(NULL) + PATIENCE_MS / 1000;
	int status = 0;

	while (waitpid(f->pid, &status, WNOHANG) == 0) {
		must(time(NULL) < end, "svio-fw does not end");
		sched_yield();
	}
	if (f->socket >= 0)
		close(f->socket);
	f->socket = -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int fake_kill(struct fake_sviod *f, int signal_number)
{
	kill(f->pid, signal_number);
	return fake_wait(f);
}

const char *fake_log(struct fake_sviod *f)
{
	static char text[65536];
	ssize_t n = pread(f->log_fd, text, sizeof(text) - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

bool fake_until(bool (*condition)(struct fake_sviod *f), struct fake_sviod *f)
{
	time_t end = time(NULL) + PATIENCE_MS / 1000;

	while (!condition(f)) {
		if (time(NULL) >= end)
			return false;
		sched_yield();
	}
	return true;
}

bool fake_asleep(struct fake_sviod *f)
{
	return __atomic_load_n(&f->segment->fw_state, __ATOMIC_SEQ_CST) == SVIO_HOST_FW_ASLEEP;
}

void fake_enter_netns(void)
{
	must(unshare(CLONE_NEWNET) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0,
	     "a network namespace (run as root)");
	fake_run("ip link set lo up");
}

bool fake_try(const char *command)
{
	return system(command) == 0;
}

void fake_run(const char *command)
{
	if (!fake_try(command)) {
		fprintf(stderr, "failed: %s\n", command);
		abort();
	}
}
