// SPDX-License-Identifier: BSD-3-Clause
#include "vfio_client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "svio_test.h"

char client_path[96];
void (*client_pump)(void);

const char client_qemu_json[] =
	"{\"capabilities\": {\"migration\": {\"pgsize\": 4096, \"max_bitmap_size\": 268435456}, "
	"\"pgsizes\": 4096, \"max_dma_maps\": 65535, \"max_msg_fds\": 16, "
	"\"max_data_xfer_size\": 1048576, \"write_multiple\": true}}";

int client_memory(size_t bytes)
{
	int fd = memfd_create("guest", MFD_CLOEXEC);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

struct client client_connect(void)
{
	struct client client = { .fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					      0),
				 .next_id = 0x8000 };
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	CU_ASSERT_FATAL(client.fd >= 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", client_path);
	CU_ASSERT_EQUAL_FATAL(
		connect(client.fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	return client;
}

void client_close(struct client *client)
{
	close(client->fd);
	client->fd = -1;
	if (client_pump)
		client_pump();
}

/* Let the server run until the client's socket is ready. */
static void wait_for(struct client *client, short events)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = events };

	for (int waited_ms = 0; waited_ms < CLIENT_PATIENCE_MS; waited_ms += 10) {
		if (client_pump)
			client_pump();
		if (poll(&poll_fd, 1, 10) > 0)
			return;
	}
	CU_FAIL_FATAL("the server did not answer");
}

void client_send_bytes(struct client *client, const void *bytes, size_t count, const int *fds,
		       size_t fd_count)
{
	union {
		char bytes[CMSG_SPACE(253 * sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { .iov_len = count };
	struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(&iov.iov_base, &bytes, sizeof(bytes)); /* sendmsg() does not write to it */
	if (fd_count) {
		control.align.cmsg_len = CMSG_LEN(fd_count * sizeof(int));
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		memcpy(CMSG_DATA(&control.align), fds, fd_count * sizeof(int));
		message.msg_control = control.bytes;
		message.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
	}
	while (iov.iov_len) {
		ssize_t sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);

		if (sent < 0 && errno == EAGAIN) {
			wait_for(client, POLLOUT);
			continue;
		}
		if (sent < 0) /* the server has closed; what it answered is still to be read */
			return;
		iov.iov_base = (char *)iov.iov_base + sent;
		iov.iov_len -= (size_t)sent;
		message.msg_control = NULL;
		message.msg_controllen = 0;
	}
}

uint16_t client_send(struct client *client, uint16_t command, uint32_t flags, const void *payload,
		     size_t bytes, const int *fds, size_t fd_count)
{
	struct vfio_user_header header = { .id = client->next_id++,
					   .command = command,
					   .bytes = (uint32_t)(sizeof(header) + bytes),
					   .flags = flags };
	uint8_t *message = malloc(sizeof(header) + bytes);

	if (!message)
		abort();
	memcpy(message, &header, sizeof(header));
	if (bytes)
		memcpy(message + sizeof(header), payload, bytes);
	client_send_bytes(client, message, sizeof(header) + bytes, fds, fd_count);
	free(message);
	return header.id;
}

/* Receive exactly so many bytes; false: the server has closed. */
static bool receive_bytes(struct client *client, void *buffer, size_t bytes, struct reply *reply)
{
	size_t got = 0;

	while (got < bytes) {
		union {
			char bytes[CMSG_SPACE(16 * sizeof(int))];
			struct cmsghdr align;
		} control;
		struct iovec iov = { .iov_base = (char *)buffer + got, .iov_len = bytes - got };
		struct msghdr message = { .msg_iov = &iov,
					  .msg_iovlen = 1,
					  .msg_control = control.bytes,
					  .msg_controllen = sizeof(control.bytes) };
		ssize_t count = recvmsg(client->fd, &message, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c;

		if (count < 0 && errno == EAGAIN) {
			wait_for(client, POLLIN);
			continue;
		}
		if (count <= 0)
			return false;
		/* QEMU takes a header that comes in two pieces for the end of the world. */
		if (bytes == sizeof(struct vfio_user_header) && buffer == &reply->header)
			CU_ASSERT_EQUAL((size_t)count, bytes);
		got += (size_t)count;
		c = CMSG_FIRSTHDR(&message);
		if (c) {
			reply->fd_count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			memcpy(&reply->fd, CMSG_DATA(c), sizeof(reply->fd));
		}
	}
	return true;
}

void client_receive(struct client *client, struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	reply->fd = -1;
	if (!receive_bytes(client, &reply->header, sizeof(reply->header), reply)) {
		reply->closed = true;
		return;
	}
	CU_ASSERT_FATAL(reply->header.bytes >= sizeof(reply->header));
	reply->payload_bytes = reply->header.bytes - sizeof(reply->header);
	CU_ASSERT_FATAL(reply->payload_bytes <= sizeof(reply->payload));
	if (!receive_bytes(client, reply->payload, reply->payload_bytes, reply))
		reply->closed = true;
}

bool client_is_silent(struct client *client)
{
	struct pollfd poll_fd = { .fd = client->fd, .events = POLLIN };

	if (client_pump)
		client_pump();
	return poll(&poll_fd, 1, 0) == 0;
}

int client_ask_fds(struct client *client, uint16_t command, const void *payload, size_t bytes,
		   const int *fds, size_t fd_count, struct reply *reply)
{
	uint16_t id = client_send(client, command, 0, payload, bytes, fds, fd_count);

	client_receive(client, reply);
	CU_ASSERT_FALSE_FATAL(reply->closed);
	CU_ASSERT_EQUAL(reply->header.id, id);
	CU_ASSERT_EQUAL(reply->header.command, command);
	CU_ASSERT_EQUAL(reply->header.flags & VFIO_USER_TYPE_MASK, VFIO_USER_TYPE_REPLY);
	CU_ASSERT_EQUAL(!(reply->header.flags & VFIO_USER_ERROR), reply->header.error == 0);
	if (reply->header.error)
		CU_ASSERT_EQUAL(reply->payload_bytes, 0);
	return (int)reply->header.error;
}

int client_ask(struct client *client, uint16_t command, const void *payload, size_t bytes,
	       struct reply *reply)
{
	return client_ask_fds(client, command, payload, bytes, NULL, 0, reply);
}

int client_version(struct client *client, const char *json, struct reply *reply)
{
	uint8_t payload[1024] = { 0 };
	size_t bytes = sizeof(struct vfio_user_version);

	if (json) {
		bytes += (size_t)snprintf((char *)payload + bytes, sizeof(payload) - bytes, "%s",
					  json) +
			 1;
	}
	return client_ask(client, VFIO_USER_VERSION, payload, bytes, reply);
}

struct client client_ready(void)
{
	struct client client = client_connect();
	struct reply reply;

	CU_ASSERT_EQUAL_FATAL(client_version(&client, client_qemu_json, &reply), 0);
	return client;
}

int client_map(struct client *client, uint64_t iova, uint64_t bytes, int fd, uint64_t offset,
	       uint32_t flags)
{
	struct vfio_user_dma_map map = { sizeof(map), flags, offset, iova, bytes };
	struct reply reply;

	return client_ask_fds(client, VFIO_USER_DMA_MAP, &map, sizeof(map), &fd, fd >= 0, &reply);
}

int client_unmap(struct client *client, uint64_t iova, uint64_t bytes, uint32_t flags)
{
	struct vfio_user_dma_unmap unmap = { sizeof(unmap), flags, iova, bytes };
	struct reply reply;
	int error = client_ask(client, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &reply);

	if (!error) {
		CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(unmap));
		CU_ASSERT_EQUAL(memcmp(reply.payload, &unmap, sizeof(unmap)), 0);
	}
	return error;
}

int client_set_irqs(struct client *client, uint32_t flags, uint32_t index, uint32_t start,
		    uint32_t count, const int *fds, size_t fd_count)
{
	struct vfio_user_irq_set set = { sizeof(set), flags, index, start, count };
	struct reply reply;

	return client_ask_fds(client, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), fds, fd_count,
			      &reply);
}

int client_region_read(struct client *client, uint32_t region, uint64_t offset, void *data,
		       uint32_t bytes)
{
	struct vfio_user_region_access access = { offset, region, bytes };
	struct reply reply;
	int error = client_ask(client, VFIO_USER_REGION_READ, &access, sizeof(access), &reply);

	if (!error) {
		CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(access) + bytes);
		CU_ASSERT_EQUAL(memcmp(reply.payload, &access, sizeof(access)), 0);
		memcpy(data, reply.payload + sizeof(access), bytes);
	}
	return error;
}

int client_region_write(struct client *client, uint32_t region, uint64_t offset, const void *data,
			uint32_t bytes)
{
	struct vfio_user_region_access access = { offset, region, bytes };
	uint8_t payload[sizeof(access) + 8192];
	struct reply reply;
	int error;

	memcpy(payload, &access, sizeof(access));
	memcpy(payload + sizeof(access), data, bytes);
	error = client_ask(client, VFIO_USER_REGION_WRITE, payload, sizeof(access) + bytes, &reply);
	if (!error) {
		CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(access));
		CU_ASSERT_EQUAL(memcmp(reply.payload, &access, sizeof(access)), 0);
	}
	return error;
}

uint32_t client_config_read(struct client *client, uint64_t offset, uint32_t bytes)
{
	uint32_t value = 0;

	CU_ASSERT_EQUAL(client_region_read(client, 7, offset, &value, bytes), 0);
	return value;
}

void client_config_write(struct client *client, uint64_t offset, uint32_t value, uint32_t bytes)
{
	CU_ASSERT_EQUAL(client_region_write(client, 7, offset, &value, bytes), 0);
}
