/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * "A frame has come in", as a descriptor, for a driver that offers none
 * (net_af_packet): a packet socket of our own on the same interface. Its filter
 * keeps one byte of each incoming frame and none of what we send ourselves; its
 * receive buffer is the smallest there is, since one waiting frame tells all.
 */
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "port.h"

static int configure(int fd, unsigned int ifindex)
{
	struct sockaddr_ll address = { .sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_ALL),
				       .sll_ifindex = (int)ifindex };
	struct sock_filter keep_one_byte[] = { { BPF_RET | BPF_K, 0, 0, 1 } };
	struct sock_fprog filter = { .len = 1, .filter = keep_one_byte };
	int one = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &one, sizeof(one)) < 0 ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) < 0)
		return -errno;
	return bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
}

int svio_port_readiness_open(unsigned int ifindex)
{
	/* Protocol 0: nothing is delivered before bind() has chosen the interface. */
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd >= 0 && configure(fd, ifindex) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void svio_port_readiness_drain(int fd)
{
	char byte;

	while (recv(fd, &byte, 1, 0) >= 0)
		;
}
