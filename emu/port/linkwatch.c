/* SPDX-License-Identifier: BSD-3-Clause */
/* News of network interfaces (rtnetlink, RTNLGRP_LINK), used as an event only. */
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "port.h"

int svio_port_linkwatch_open(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

void svio_port_linkwatch_drain(int fd)
{
	char bytes[4096];
	ssize_t n;

	/* ENOBUFS: news was lost, which is news as well; the next read goes on. */
	do
		n = recv(fd, bytes, sizeof(bytes), 0);
	while (n > 0 || (n < 0 && errno == ENOBUFS));
}
