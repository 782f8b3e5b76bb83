/* SPDX-License-Identifier: BSD-3-Clause */
/* See far_end.h. */
#include "far_end.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "svio_csum.h"

#define PATIENCE_MS  20000
#define BUFFER_BYTES (8 << 20)

static void must(bool well, const char *what)
{
	if (!well) {
		perror(what);
		abort();
	}
}

void far_end_open(struct far_end *end, const char *interface)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)if_nametoindex(interface) };
	int bytes = BUFFER_BYTES;
	int one = 1;

	memset(end, 0, sizeof(*end));
	end->fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	must(end->fd >= 0, "raw socket");
	must(setsockopt(end->fd, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one)) == 0 &&
		     setsockopt(end->fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) ==
			     0 &&
		     setsockopt(end->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) == 0,
	     "raw socket's options");
	must(bind(end->fd, (struct sockaddr *)&address, sizeof(address)) == 0, interface);
}

void far_end_close(struct far_end *end)
{
	close(end->fd);
}

void far_end_send(struct far_end *end, const void *data, uint32_t bytes,
		  const struct virtio_net_hdr *header)
{
	static const struct virtio_net_hdr plain;
	struct iovec parts[2] = { { .iov_base = (void *)(header ? header : &plain),
				    .iov_len = sizeof(plain) },
				  { .iov_base = (void *)data, .iov_len = bytes } };
	ssize_t sent;

	do
		sent = writev(end->fd, parts, 2);
	while (sent < 0 && errno == ENOBUFS);
	must(sent == (ssize_t)(sizeof(plain) + bytes), "a frame to the wire");
	end->sent++;
	end->sent_bytes += bytes;
}

static bool has_frame(const struct far_end *end, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = end->fd, .events = POLLIN };

	return poll(&poll_fd, 1, timeout_ms) == 1;
}

bool far_end_receive(struct far_end *end, struct far_frame *frame)
{
	struct iovec parts[2] = { { .iov_base = &frame->header, .iov_len = sizeof(frame->header) },
				  { .iov_base = frame->data, .iov_len = sizeof(frame->data) } };
	ssize_t got;

	if (!has_frame(end, PATIENCE_MS))
		return false;
	got = readv(end->fd, parts, 2);
	must(got >= (ssize_t)sizeof(frame->header), "a frame from the wire");
	frame->bytes = (uint32_t)((size_t)got - sizeof(frame->header));
	end->received++;
	end->received_bytes += frame->bytes;
	if (frame->header.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM &&
	    frame->header.gso_type == VIRTIO_NET_HDR_GSO_NONE)
		svio_csum_complete(frame->data, frame->bytes, frame->header.csum_start,
				   frame->header.csum_offset);
	return true;
}

bool far_end_is_silent(struct far_end *end)
{
	return !has_frame(end, 0);
}
