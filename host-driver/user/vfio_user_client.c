/* SPDX-License-Identifier: BSD-3-Clause */
/* See vfio_user_client.h. */
#include "vfio_user_client.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum vfio_user_command {
	CMD_VERSION = 1,
	CMD_DMA_MAP = 2,
	CMD_DMA_UNMAP = 3,
	CMD_REGION_INFO = 5,
	CMD_SET_IRQS = 8,
	CMD_REGION_READ = 9,
	CMD_REGION_WRITE = 10,
	CMD_DEVICE_RESET = 13,
	CMD_DEVICE_FEATURE = 16,
};

struct vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t bytes; /* of the message, header included */
	uint32_t flags;
	uint32_t error;
};

#define HEADER_TYPE_MASK  0xfu
#define HEADER_TYPE_REPLY 0x1u
#define HEADER_NO_REPLY   0x10u
#define HEADER_ERROR      0x20u

#define PAYLOAD_BYTES_MAX 4352 /* the largest access and its header */
#define ACCESS_BYTES_MAX  4096
#define REPLY_FDS_MAX     8

struct dma_map_payload {
	uint32_t argsz;
	uint32_t flags;
	uint64_t offset;
	uint64_t iova;
	uint64_t bytes;
};

struct dma_unmap_payload {
	uint32_t argsz;
	uint32_t flags;
	uint64_t iova;
	uint64_t bytes;
};

struct region_access_payload {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
	uint8_t data[ACCESS_BYTES_MAX];
};

/* Of <linux/vfio.h> since Linux 6.1. */
#define FEATURE_LOGGING_START  6
#define FEATURE_LOGGING_STOP   7
#define FEATURE_LOGGING_REPORT 8

#define LOGGING_WORDS_MAX 100000 /* a message has at most 1 MiB */

struct feature_payload {
	uint32_t argsz;
	uint32_t flags;
};

struct logging_start_payload {
	struct feature_payload feature;
	uint64_t page_bytes;
	uint32_t ranges;
	uint32_t reserved;
	struct vfio_user_range range[VFIO_USER_RANGES_MAX];
};

struct logging_report_payload { /* the bitmap follows in the reply */
	struct feature_payload feature;
	uint64_t iova;
	uint64_t bytes;
	uint64_t page_bytes;
};

#define ACCESS_HEADER_BYTES offsetof(struct region_access_payload, data)

struct version_payload {
	uint16_t major;
	uint16_t minor;
	char json[512];
};

/* One request and what comes back. fd in: sent along, or -1; out: received, or -1. */
struct exchange {
	uint16_t command;
	bool posted;
	const void *payload;
	size_t payload_bytes;
	int fd;
	void *reply;
	size_t reply_bytes_max;
	size_t reply_bytes;
	int reply_fd;
};

static void break_connection(struct vfio_user_client *client)
{
	if (client->socket >= 0)
		close(client->socket);
	client->socket = -1;
}

/* One sendmsg for header, payload and descriptor, then the rest where the socket took only a part. */
static int send_request(struct vfio_user_client *client, const struct vfio_user_header *header,
			const struct exchange *x)
{
	uint8_t message[sizeof(*header) + PAYLOAD_BYTES_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec part = { message, sizeof(*header) + x->payload_bytes };
	struct msghdr msg = { .msg_iov = &part, .msg_iovlen = 1 };

	memcpy(message, header, sizeof(*header));
	if (x->payload_bytes)
		memcpy(message + sizeof(*header), x->payload, x->payload_bytes);
	if (x->fd >= 0) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &x->fd, sizeof(int));
	}
	while (part.iov_len) {
		ssize_t sent = sendmsg(client->socket, &msg, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -ENOTCONN;
		part.iov_base = (uint8_t *)part.iov_base + sent;
		part.iov_len -= (size_t)sent;
		msg.msg_control = NULL;
		msg.msg_controllen = 0;
	}
	return 0;
}

/* Keeps the first descriptor of the message in *fd, closes the others. */
static void take_descriptors(struct msghdr *msg, int *fd)
{
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		for (size_t i = 0; i < count; i++) {
			int received;

			memcpy(&received, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(int));
			if (*fd < 0)
				*fd = received;
			else
				close(received);
		}
	}
}

static int receive_bytes(struct vfio_user_client *client, void *data, size_t bytes, int *fd)
{
	uint8_t *at = data;

	while (bytes) {
		union {
			struct cmsghdr align;
			char bytes[CMSG_SPACE(REPLY_FDS_MAX * sizeof(int))];
		} control;
		struct iovec part = { at, bytes };
		struct msghdr msg = { .msg_iov = &part,
				      .msg_iovlen = 1,
				      .msg_control = control.bytes,
				      .msg_controllen = sizeof(control.bytes) };
		ssize_t got = recvmsg(client->socket, &msg, MSG_CMSG_CLOEXEC);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -ENOTCONN;
		if (got == 0)
			return -ENOTCONN;
		take_descriptors(&msg, fd);
		at += got;
		bytes -= (size_t)got;
	}
	return 0;
}

static int receive_reply(struct vfio_user_client *client, uint16_t id, struct exchange *x,
			 int *error)
{
	struct vfio_user_header header;
	int status = receive_bytes(client, &header, sizeof(header), &x->reply_fd);

	if (status)
		return status;
	if (header.bytes < sizeof(header) || header.id != id || header.command != x->command ||
	    (header.flags & HEADER_TYPE_MASK) != HEADER_TYPE_REPLY)
		return -EPROTO;
	x->reply_bytes = header.bytes - sizeof(header);
	if (x->reply_bytes > x->reply_bytes_max)
		return -EPROTO;
	status = receive_bytes(client, x->reply, x->reply_bytes, &x->reply_fd);
	if (!status && (header.flags & HEADER_ERROR))
		*error = header.error && header.error < 4096 ? -(int)header.error : -EIO;
	return status;
}

static int exchange_locked(struct vfio_user_client *client, struct exchange *x)
{
	struct vfio_user_header header = { .id = client->next_id++,
					   .command = x->command,
					   .bytes = (uint32_t)(sizeof(header) + x->payload_bytes),
					   .flags = x->posted ? HEADER_NO_REPLY : 0 };
	int error = 0;
	int status;

	if (client->socket < 0)
		return -ENOTCONN;
	status = send_request(client, &header, x);
	if (!status && !x->posted)
		status = receive_reply(client, header.id, x, &error);
	if (status)
		break_connection(client);
	return status ? status : error;
}

static int exchange(struct vfio_user_client *client, struct exchange *x)
{
	int status;

	x->reply_fd = -1;
	x->reply_bytes = 0;
	pthread_mutex_lock(&client->lock);
	status = exchange_locked(client, x);
	pthread_mutex_unlock(&client->lock);
	if (status && x->reply_fd >= 0) {
		close(x->reply_fd);
		x->reply_fd = -1;
	}
	return status;
}

/* A request whose reply carries nothing that we need: up to a request's worth is skipped. */
static int simple_exchange(struct vfio_user_client *client, uint16_t command, const void *payload,
			   size_t bytes, int fd)
{
	uint8_t skipped[PAYLOAD_BYTES_MAX];
	struct exchange x = { .command = command,
			      .payload = payload,
			      .payload_bytes = bytes,
			      .fd = fd,
			      .reply = skipped,
			      .reply_bytes_max = sizeof(skipped) };
	int status = exchange(client, &x);

	if (x.reply_fd >= 0)
		close(x.reply_fd);
	return status;
}

static int negotiate_version(struct vfio_user_client *client)
{
	static const char json[] = "{\"capabilities\":{\"max_msg_fds\":8,"
				   "\"max_data_xfer_size\":1048576,\"max_dma_maps\":65535,"
				   "\"pgsizes\":4096,\"write_multiple\":false}}";
	struct version_payload request = { .major = 0, .minor = 0 };
	struct version_payload reply = { .major = UINT16_MAX };
	struct exchange x = { .command = CMD_VERSION,
			      .payload = &request,
			      .payload_bytes =
				      offsetof(struct version_payload, json) + sizeof(json),
			      .fd = -1,
			      .reply = &reply,
			      .reply_bytes_max = sizeof(reply) };
	int status;

	memcpy(request.json, json, sizeof(json));
	status = exchange(client, &x);
	if (x.reply_fd >= 0)
		close(x.reply_fd);
	if (status)
		return status;
	if (x.reply_bytes < offsetof(struct version_payload, json) || reply.major != 0)
		return -EPROTO;
	return 0;
}

static int open_socket(const char *path, uint32_t timeout_ms)
{
	struct timeval timeout = { .tv_sec = timeout_ms / 1000,
				   .tv_usec = (timeout_ms % 1000) * 1000L };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd;
	int status;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		status = -errno;
		close(fd);
		return status;
	}
	return fd;
}

int vfio_user_client_connect(struct vfio_user_client *client, const char *path, uint32_t timeout_ms)
{
	int status;

	client->socket = open_socket(path, timeout_ms);
	if (client->socket < 0) {
		status = client->socket;
		client->socket = -1;
		return status;
	}
	client->next_id = 1;
	pthread_mutex_init(&client->lock, NULL);
	status = negotiate_version(client);
	if (status)
		vfio_user_client_disconnect(client);
	/* A server that hangs up in the handshake speaks something else. */
	return status == -ENOTCONN ? -EPROTO : status;
}

void vfio_user_client_disconnect(struct vfio_user_client *client)
{
	break_connection(client);
}

int vfio_user_client_dma_map(struct vfio_user_client *client, uint64_t iova, uint64_t bytes, int fd,
			     uint64_t offset, uint32_t flags)
{
	struct dma_map_payload payload = { .argsz = sizeof(payload),
					   .flags = flags,
					   .offset = offset,
					   .iova = iova,
					   .bytes = bytes };

	return simple_exchange(client, CMD_DMA_MAP, &payload, sizeof(payload), fd);
}

int vfio_user_client_dma_unmap(struct vfio_user_client *client, uint64_t iova, uint64_t bytes,
			       uint32_t flags)
{
	struct dma_unmap_payload payload = {
		.argsz = sizeof(payload), .flags = flags, .iova = iova, .bytes = bytes
	};

	return simple_exchange(client, CMD_DMA_UNMAP, &payload, sizeof(payload), -1);
}

int vfio_user_client_region_info(struct vfio_user_client *client, uint32_t index,
				 struct vfio_user_region *region)
{
	union {
		struct vfio_region_info info;
		uint8_t bytes[256]; /* room for capabilities */
	} reply = { .bytes = { 0 } };
	struct vfio_region_info request = { .argsz = sizeof(reply), .index = index };
	struct exchange x = { .command = CMD_REGION_INFO,
			      .payload = &request,
			      .payload_bytes = sizeof(request),
			      .fd = -1,
			      .reply = &reply,
			      .reply_bytes_max = sizeof(reply) };
	int status = exchange(client, &x);

	if (status)
		return status;
	if (x.reply_bytes < sizeof(struct vfio_region_info)) {
		if (x.reply_fd >= 0)
			close(x.reply_fd);
		return -EPROTO;
	}
	region->bytes = reply.info.size;
	region->mmap_offset = reply.info.offset;
	region->flags = reply.info.flags;
	region->fd = x.reply_fd;
	return 0;
}

int vfio_user_client_region_read(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				 void *data, uint32_t count)
{
	struct region_access_payload reply;
	struct region_access_payload request;
	struct exchange x = { .command = CMD_REGION_READ,
			      .payload = &request,
			      .payload_bytes = ACCESS_HEADER_BYTES,
			      .fd = -1,
			      .reply = &reply,
			      .reply_bytes_max = sizeof(reply) };
	int status;

	if (count > ACCESS_BYTES_MAX)
		return -EINVAL;
	request.offset = offset;
	request.region = index;
	request.count = count;
	status = exchange(client, &x);
	if (x.reply_fd >= 0)
		close(x.reply_fd);
	if (status)
		return status;
	if (x.reply_bytes != ACCESS_HEADER_BYTES + count)
		return -EPROTO;
	memcpy(data, reply.data, count);
	return 0;
}

static int write_region(struct vfio_user_client *client, uint32_t index, uint64_t offset,
			const void *data, uint32_t count, bool posted)
{
	struct region_access_payload reply;
	struct region_access_payload request;
	struct exchange x = { .command = CMD_REGION_WRITE,
			      .posted = posted,
			      .payload = &request,
			      .payload_bytes = ACCESS_HEADER_BYTES + count,
			      .fd = -1,
			      .reply = &reply,
			      .reply_bytes_max = sizeof(reply) };
	int status;

	if (count > ACCESS_BYTES_MAX)
		return -EINVAL;
	request.offset = offset;
	request.region = index;
	request.count = count;
	memcpy(request.data, data, count);
	status = exchange(client, &x);
	if (x.reply_fd >= 0)
		close(x.reply_fd);
	return status;
}

int vfio_user_client_region_write(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				  const void *data, uint32_t count)
{
	return write_region(client, index, offset, data, count, false);
}

int vfio_user_client_region_post(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				 const void *data, uint32_t count)
{
	return write_region(client, index, offset, data, count, true);
}

int vfio_user_client_msix_set(struct vfio_user_client *client, uint32_t vector, int fd)
{
	struct vfio_irq_set payload = { .argsz = sizeof(payload),
					.flags = VFIO_IRQ_SET_DATA_EVENTFD |
						 VFIO_IRQ_SET_ACTION_TRIGGER,
					.index = VFIO_PCI_MSIX_IRQ_INDEX,
					.start = vector,
					.count = 1 };

	return simple_exchange(client, CMD_SET_IRQS, &payload, sizeof(payload), fd);
}

int vfio_user_client_msix_disable(struct vfio_user_client *client)
{
	struct vfio_irq_set payload = { .argsz = sizeof(payload),
					.flags = VFIO_IRQ_SET_DATA_NONE |
						 VFIO_IRQ_SET_ACTION_TRIGGER,
					.index = VFIO_PCI_MSIX_IRQ_INDEX };

	return simple_exchange(client, CMD_SET_IRQS, &payload, sizeof(payload), -1);
}

int vfio_user_client_device_reset(struct vfio_user_client *client)
{
	return simple_exchange(client, CMD_DEVICE_RESET, NULL, 0, -1);
}

/* DEVICE_FEATURE. The payload's argsz is set; what comes back goes to reply, which may be payload. */
static int feature_exchange(struct vfio_user_client *client, struct feature_payload *payload,
			    size_t bytes, void *reply, size_t reply_bytes)
{
	struct exchange x = { .command = CMD_DEVICE_FEATURE,
			      .payload = payload,
			      .payload_bytes = bytes,
			      .fd = -1,
			      .reply = reply,
			      .reply_bytes_max = reply_bytes };
	int status;

	payload->argsz = (uint32_t)reply_bytes;
	status = exchange(client, &x);
	if (x.reply_fd >= 0)
		close(x.reply_fd);
	return !status && x.reply_bytes != reply_bytes ? -EPROTO : status;
}

int vfio_user_client_logging_start(struct vfio_user_client *client,
				   const struct vfio_user_range *ranges, uint32_t count,
				   uint64_t *page_bytes)
{
	struct logging_start_payload payload = {
		.feature.flags = VFIO_DEVICE_FEATURE_SET | FEATURE_LOGGING_START,
		.page_bytes = *page_bytes,
		.ranges = count,
	};
	size_t bytes = offsetof(struct logging_start_payload, range) + count * sizeof(*ranges);
	int status;

	if (count > VFIO_USER_RANGES_MAX)
		return -E2BIG;
	memcpy(payload.range, ranges, count * sizeof(*ranges));
	status = feature_exchange(client, &payload.feature, bytes, &payload, bytes);
	if (!status)
		*page_bytes = payload.page_bytes;
	return status;
}

int vfio_user_client_logging_stop(struct vfio_user_client *client)
{
	struct feature_payload payload = { .flags = VFIO_DEVICE_FEATURE_SET |
						    FEATURE_LOGGING_STOP };

	return feature_exchange(client, &payload, sizeof(payload), &payload, sizeof(payload));
}

int vfio_user_client_logging_report(struct vfio_user_client *client, uint64_t iova, uint64_t bytes,
				    uint64_t page_bytes, uint64_t *bitmap)
{
	struct logging_report_payload request = {
		.feature.flags = VFIO_DEVICE_FEATURE_GET | FEATURE_LOGGING_REPORT,
		.iova = iova,
		.bytes = bytes,
		.page_bytes = page_bytes,
	};
	uint64_t words = page_bytes ? (bytes / page_bytes + 63) / 64 : 0;
	struct logging_report_payload *reply;
	int status;

	if (words > LOGGING_WORDS_MAX)
		return -EINVAL;
	reply = malloc(sizeof(*reply) + words * sizeof(*bitmap));
	if (!reply)
		return -ENOMEM;
	status = feature_exchange(client, &request.feature, sizeof(request), reply,
				  sizeof(*reply) + words * sizeof(*bitmap));
	if (!status)
		memcpy(bitmap, reply + 1, words * sizeof(*bitmap));
	free(reply);
	return status;
}
