/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sviod's side of the port: the segment and the message socket
 * (firmware/abi/svio_host.h).
 *
 * Requests are taken between two polls of the firmware, on its thread, so none
 * needs a lock. They come from our own supervisor and are checked all the same:
 * a bug there must not become one here.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "svio_iommu_fault.h"

#include "port.h"

#define FDS_MAX 3

struct request {
	struct svio_host_msg msg;
	int fds[FDS_MAX];
	uint32_t fd_count;
};

static void close_fds(struct request *request)
{
	uint32_t i;

	for (i = 0; i < request->fd_count; i++)
		if (request->fds[i] >= 0)
			close(request->fds[i]);
	request->fd_count = 0;
}

/* The descriptor of a request, now the caller's. */
static int take_fd(struct request *request, uint32_t index)
{
	int fd = request->fds[index];

	request->fds[index] = -1;
	return fd;
}

static void collect_fds(struct msghdr *header, struct request *request)
{
	struct cmsghdr *c;

	request->fd_count = 0;
	for (c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
		uint32_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (uint32_t)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (count > FDS_MAX)
			count = FDS_MAX; /* cannot be: there was no room */
		memcpy(request->fds, CMSG_DATA(c), count * sizeof(int));
		request->fd_count = count;
	}
}

/*
 * One message. 1; 0: sviod is gone; -EAGAIN: none there; -EBADMSG: not a
 * message of 64 bytes (its descriptors are closed); other -errno.
 */
static int receive(int fd, int flags, struct request *request)
{
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = &request->msg, .iov_len = sizeof(request->msg) };
	struct msghdr header = { .msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = &control,
				 /* Not CMSG_SPACE: its padding would let a fourth one in. */
				 .msg_controllen = CMSG_LEN(FDS_MAX * sizeof(int)) };
	ssize_t n;

	memset(&request->msg, 0, sizeof(request->msg));
	do
		n = recvmsg(fd, &header, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR && !svio_port_signalled);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n == 0)
		return 0;
	collect_fds(&header, request);
	if (n != sizeof(request->msg) || (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC))) {
		close_fds(request);
		return -EBADMSG;
	}
	return 1;
}

static int send_reply(struct svio_port_host *host)
{
	ssize_t n;

	do
		n = send(host->fd, &host->reply, sizeof(host->reply), MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	host->reply_waits = n < 0 && errno == EAGAIN;
	return n < 0 && !host->reply_waits ? -errno : 0;
}

int svio_port_host_reply(struct svio_port_host *host, uint32_t seq, uint32_t vif, int status)
{
	host->reply = (struct svio_host_msg){
		.type = SVIO_HOST_REPLY, .seq = seq, .vif = vif, .status = status
	};
	return send_reply(host);
}

static bool range_ok(uint64_t offset, uint64_t bytes, uint64_t all)
{
	return offset % SVIO_CACHE_LINE_BYTES == 0 && offset <= all && bytes <= all - offset;
}

/* The segment's header was written by another program, perhaps of another version. */
static int check_segment(const struct svio_host_segment *s, uint64_t mapped)
{
	if (s->magic != SVIO_HOST_MAGIC || s->version != SVIO_HOST_VERSION) {
		svio_port_log("the segment has magic %#x version %u, this program needs %#x "
			      "version %u: use sviod and svio-fw of one build",
			      s->magic, s->version, SVIO_HOST_MAGIC, SVIO_HOST_VERSION);
		return -EPROTO;
	}
	if (s->bytes != mapped || s->vifs_max == 0 || s->vifs_max > SVIO_HOST_VIFS_MAX ||
	    s->cores == 0 || s->cores > SVIO_HOST_CORES_MAX ||
	    !range_ok(s->vifs_offset, (uint64_t)s->vifs_max * sizeof(struct svio_host_vif),
		      mapped) ||
	    !range_ok(s->private_offset, (uint64_t)SVIO_HOST_DEVICE_PRIVATE_BYTES, mapped) ||
	    !range_ok(s->maps_offset, (uint64_t)s->vifs_max * sizeof(struct svio_host_map),
		      mapped) ||
	    !range_ok(s->faults_offset, sizeof(struct svio_iommu_fault_log), mapped)) {
		svio_port_log("the segment contradicts itself (%llu bytes, %u VIFs): use sviod "
			      "and svio-fw of one build",
			      (unsigned long long)s->bytes, s->vifs_max);
		return -EPROTO;
	}
	return 0;
}

/* Map all of a shared memory file, at least bytes_min long. NULL: errno (EINVAL: it is none). */
static void *map_whole(int fd, int prot, uint64_t bytes_min, uint64_t *bytes)
{
	struct stat st;
	void *base;

	if (fstat(fd, &st) < 0)
		return NULL;
	if (!S_ISREG(st.st_mode) || st.st_size <= 0 || (uint64_t)st.st_size < bytes_min) {
		errno = EINVAL;
		return NULL;
	}
	*bytes = (uint64_t)st.st_size;
	base = mmap(NULL, *bytes, prot, MAP_SHARED, fd, 0);
	if (base == MAP_FAILED)
		return NULL;
	return base;
}

static int map_hello(struct svio_port_host *host, struct request *request)
{
	uint64_t bytes;
	void *base;

	if (request->msg.type != SVIO_HOST_HELLO || request->fd_count != 3) {
		svio_port_log("the first message is type %u with %u descriptors, not HELLO "
			      "with 3",
			      request->msg.type, request->fd_count);
		return -EPROTO;
	}
	base = map_whole(request->fds[0], PROT_READ | PROT_WRITE, sizeof(*host->segment), &bytes);
	if (!base) {
		svio_port_log("cannot map the segment: %s", strerror(errno));
		return -errno;
	}
	host->segment = base;
	if (check_segment(host->segment, bytes) < 0)
		return -EPROTO;
	host->tables = map_whole(request->fds[1], PROT_READ, 4096, &bytes);
	if (!host->tables) {
		svio_port_log("cannot map the IOMMU's tables: %s", strerror(errno));
		return -errno;
	}
	host->kick_fd = take_fd(request, 2);
	return 0;
}

int svio_port_host_open(struct svio_port_host *host, int fd, uint32_t *hello_seq)
{
	struct request request = { .fd_count = 0 };
	int status;

	host->fd = fd;
	status = receive(fd, 0, &request);
	if (status == 0)
		return -ECONNRESET;
	if (status < 0) {
		svio_port_log("no HELLO on descriptor %d: %s", fd, strerror(-status));
		return status;
	}
	*hello_seq = request.msg.seq;
	status = map_hello(host, &request);
	close_fds(&request);
	if (status < 0) {
		svio_port_host_reply(host, *hello_seq, 0, status);
		return status;
	}
	host->mail_seen = __atomic_load_n(&host->segment->mail, __ATOMIC_ACQUIRE) - 1;
	return 0;
}

bool svio_port_host_gone(const struct svio_port_host *host)
{
	char byte;
	ssize_t n = recv(host->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

void svio_port_vif_release(struct svio_port *port, uint32_t vif)
{
	svio_port_irq_release(&port->irq, vif);
	if (port->hal.doorbells[vif])
		munmap(port->hal.doorbells[vif], sizeof(struct svio_doorbell_bar));
	port->hal.doorbells[vif] = NULL;
}

/*
 * No frame is on its way between two polls: what is taken back here the wire cannot be
 * reading. Where the host does not take it back, the end of this process does.
 */
static int revoke_object(struct svio_port *port, uint64_t number)
{
	struct svio_port_wire *wire = &port->wire;
	struct svio_hal_object *object;

	if (number >= SVIO_HAL_OBJECTS_MAX || !port->hal.objects[number].base)
		return 0; /* what is not here was not lent */
	object = &port->hal.objects[number];
	if (wire->open && wire->kind->revoke &&
	    wire->kind->revoke(wire, object->base, object->bytes) < 0) {
		svio_port_log("the host's IOMMU does not take back memory");
		port->stop = SVIO_PORT_STOP_BROKEN;
		return -EIO;
	}
	return 0;
}

static int handle_object_revoke(struct svio_port *port, struct request *request)
{
	return revoke_object(port, request->msg.arg[0]);
}

static int handle_object_add(struct svio_port *port, struct request *request)
{
	const struct svio_host_msg *msg = &request->msg;

	/* Number 0xffff is left out, so that no leaf of all ones means an object. */
	if (request->fd_count != 1 || msg->arg[0] >= SVIO_HAL_OBJECTS_MAX - 1 || msg->arg[2] > 1)
		return -EINVAL;
	revoke_object(port, msg->arg[0]);
	svio_fw_objects_changed(port->fw);
	return svio_port_object_map(&port->hal, msg->arg[0], request->fds[0], msg->arg[1],
				    msg->arg[2] == 1);
}

static int handle_object_del(struct svio_port *port, struct request *request)
{
	revoke_object(port, request->msg.arg[0]);
	svio_fw_objects_changed(port->fw);
	return svio_port_object_unmap(&port->hal, request->msg.arg[0]);
}

static int handle_vif_add(struct svio_port *port, struct request *request)
{
	uint32_t vif = request->msg.vif;
	uint64_t bytes;
	void *bar;
	int status;

	if (request->fd_count != 1)
		return -EINVAL;
	if (port->hal.doorbells[vif])
		return 0; /* repeated */
	bar = map_whole(request->fds[0], PROT_READ | PROT_WRITE, sizeof(struct svio_doorbell_bar),
			&bytes);
	if (!bar)
		return -errno;
	if (bytes > sizeof(struct svio_doorbell_bar))
		munmap((char *)bar + sizeof(struct svio_doorbell_bar),
		       bytes - sizeof(struct svio_doorbell_bar));
	port->hal.doorbells[vif] = bar;
	status = svio_fw_vif_add(port->fw, vif);
	if (status < 0)
		svio_port_vif_release(port, vif);
	return status;
}

static int handle_vif_del(struct svio_port *port, struct request *request)
{
	int status = svio_fw_vif_del(port->fw, request->msg.vif);

	svio_port_vif_release(port, request->msg.vif);
	return status;
}

static int handle_vif_update(struct svio_port *port, struct request *request)
{
	return svio_fw_vif_update(port->fw, request->msg.vif);
}

static int handle_vif_reset(struct svio_port *port, struct request *request)
{
	return svio_fw_vif_reset(port->fw, request->msg.vif);
}

static int handle_reg_write(struct svio_port *port, struct request *request)
{
	const struct svio_host_msg *msg = &request->msg;

	if (msg->arg[0] > UINT32_MAX || msg->arg[1] > UINT32_MAX)
		return -EINVAL;
	return svio_fw_reg_write(port->fw, msg->vif, (uint32_t)msg->arg[0], (uint32_t)msg->arg[1]);
}

static int handle_irq_set(struct svio_port *port, struct request *request)
{
	uint64_t vector = request->msg.arg[0];

	if (vector >= SVIO_HAL_VECTORS_MAX || request->fd_count > 1)
		return -EINVAL;
	return svio_port_irq_set(&port->irq, request->msg.vif, (uint32_t)vector,
				 request->fd_count ? take_fd(request, 0) : -1);
}

static int handle_group_set(struct svio_port *port, struct request *request)
{
	uint64_t group = request->msg.arg[0];

	return group < SVIO_HOST_GROUPS_MAX ? svio_fw_group_set(port->fw, (uint32_t)group)
					    : -EINVAL;
}

static int handle_group_del(struct svio_port *port, struct request *request)
{
	uint64_t group = request->msg.arg[0];

	return group < SVIO_HOST_GROUPS_MAX ? svio_fw_group_del(port->fw, (uint32_t)group)
					    : -EINVAL;
}

static int handle_qos_read(struct svio_port *port, struct request *request)
{
	(void)request;
	svio_fw_qos_read(port->fw);
	return 0;
}

static int handle_stop(struct svio_port *port, struct request *request)
{
	(void)request;
	port->stop = SVIO_PORT_STOP_HOST;
	return 0;
}

static const struct {
	int (*handle)(struct svio_port *port, struct request *request);
	bool vif; /* msg.vif must be a VIF's number */
	bool fds; /* may carry descriptors */
} handlers[] = {
	[SVIO_HOST_OBJECT_ADD] = { handle_object_add, false, true },
	[SVIO_HOST_OBJECT_DEL] = { handle_object_del, false, false },
	[SVIO_HOST_OBJECT_REVOKE] = { handle_object_revoke, false, false },
	[SVIO_HOST_VIF_ADD] = { handle_vif_add, true, true },
	[SVIO_HOST_VIF_DEL] = { handle_vif_del, true, false },
	[SVIO_HOST_VIF_UPDATE] = { handle_vif_update, true, false },
	[SVIO_HOST_VIF_RESET] = { handle_vif_reset, true, false },
	[SVIO_HOST_REG_WRITE] = { handle_reg_write, true, false },
	[SVIO_HOST_IRQ_SET] = { handle_irq_set, true, true },
	[SVIO_HOST_STOP] = { handle_stop, false, false },
	[SVIO_HOST_GROUP_SET] = { handle_group_set, false, false },
	[SVIO_HOST_GROUP_DEL] = { handle_group_del, false, false },
	[SVIO_HOST_QOS_READ] = { handle_qos_read, false, false },
};

static int handle_request(struct svio_port *port, struct request *request)
{
	const struct svio_host_msg *msg = &request->msg;
	uint32_t type = msg->type;

	if (type >= sizeof(handlers) / sizeof(handlers[0]) || !handlers[type].handle)
		return -EOPNOTSUPP;
	if ((handlers[type].vif && msg->vif >= port->hal.vifs_max) ||
	    (!handlers[type].fds && request->fd_count) || msg->status || msg->reserved[0] ||
	    msg->reserved[1])
		return -EINVAL;
	return handlers[type].handle(port, request);
}

/* Take one request. False: none is there, or the end has come. */
static bool serve_one(struct svio_port *port)
{
	struct request request;
	int status = receive(port->host.fd, MSG_DONTWAIT, &request);

	if (status == -EAGAIN || status == -EINTR)
		return false;
	if (status == 0) {
		port->stop = SVIO_PORT_STOP_HOST;
		return false;
	}
	if (status == -EBADMSG) {
		svio_port_log("a message from sviod is not %zu bytes with at most %d descriptors: "
			      "ignored",
			      sizeof(request.msg), FDS_MAX);
		return true;
	}
	if (status > 0) {
		int result = handle_request(port, &request);

		if (result < 0 && svio_port_log_allow())
			svio_port_log("request type %u for VIF %u (%#llx, %#llx): %s",
				      request.msg.type, request.msg.vif,
				      (unsigned long long)request.msg.arg[0],
				      (unsigned long long)request.msg.arg[1], strerror(-result));
		close_fds(&request);
		status =
			svio_port_host_reply(&port->host, request.msg.seq, request.msg.vif, result);
	}
	if (status < 0)
		port->stop = SVIO_PORT_STOP_HOST; /* the socket is broken: nobody is there */
	return status >= 0 && !port->host.reply_waits && !port->stop;
}

uint32_t svio_port_host_serve(struct svio_port *port)
{
	struct svio_port_host *host = &port->host;
	uint32_t served = 0;

	if (host->reply_waits && (send_reply(host) < 0 || host->reply_waits))
		return 0;
	/* Before the messages are read: one that comes while reading changes mail again. */
	host->mail_seen = __atomic_load_n(&host->segment->mail, __ATOMIC_ACQUIRE);
	while (serve_one(port))
		served++;
	return served;
}
