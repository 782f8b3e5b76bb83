/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One vfio-user connection: bytes and descriptors in, requests out; replies
 * back. Knows framing, nothing of devices.
 *
 * Requests are handed over one at a time and in order: the next is read when
 * this one is answered, so an answer may come later than the handler's return.
 * A message that asks for no reply (NO_REPLY) is "answered" all the same; the
 * connection drops what it should not send.
 *
 * QEMU aborts when a server's socket goes away with unread data in it. So a
 * connection ends in one way only: shutdown of both directions, after which
 * nothing more can arrive, then a read of what has arrived, then close.
 *
 * All functions are called on the loop's thread.
 */
#ifndef SVIO_BUS_CONN_H
#define SVIO_BUS_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vfio_user_proto.h"

struct svio_loop;
struct bus_conn;

/* A request, valid until it is answered. The descriptors are closed then; take one by setting -1. */
struct bus_request {
	struct vfio_user_header header;
	const uint8_t *payload; /* header.bytes - sizeof(header) bytes, aligned to 8 */
	size_t payload_bytes;
	int fds[VFIO_USER_FDS_MAX];
	size_t fd_count;
	bool fds_lost; /* more came than VFIO_USER_FDS_MAX, or than this process may open */
};

/* What the owner of a connection is told. Each is called with the owner. */
struct bus_conn_ops {
	/* Answer by bus_conn_reply() or bus_conn_refuse(), once, now or later. */
	void (*request)(void *owner, const struct bus_request *request);
	/* No further request is at hand; answers so far go out when this returns. */
	void (*idle)(void *owner);
	/*
	 * The client has gone or broken the protocol, or bus_conn_finish() is done. While a
	 * request waits for its answer only a client that has closed is noticed. The owner calls
	 * bus_conn_close(), then or later.
	 */
	void (*ended)(void *owner);
	/*
	 * Before idle(): may it, and the answers, wait until the other connections that are ready
	 * were served as well? For what is cheaper done once for all. NULL: never.
	 */
	bool (*shares)(void *owner);
};

/*
 * Serve fd (a connected, non-blocking stream socket), which becomes the
 * connection's. NULL: no memory or descriptors (errno); fd stays the caller's.
 */
struct bus_conn *bus_conn_open(struct svio_loop *loop, int fd, const struct bus_conn_ops *ops,
			       void *owner);

/*
 * Answer the request at hand; fd: a descriptor to send along (it stays the
 * caller's and must live as long as the connection), or -1. The payload is
 * copied. Without memory for the copy the connection ends.
 */
void bus_conn_reply(struct bus_conn *conn, const void *payload, size_t bytes, int fd);

/* The same with header only and an error: errno, positive. */
void bus_conn_refuse(struct bus_conn *conn, int error);

/* The client's process, as it was when it connected; 0: not known. */
int32_t bus_conn_peer(const struct bus_conn *conn);

/* Read nothing more; ended() is called when the answers so far have gone out. */
void bus_conn_finish(struct bus_conn *conn);

/*
 * Close as QEMU survives it, answers that could not be sent so far are lost.
 * No callback is called any more. May be called in a callback.
 */
void bus_conn_close(struct bus_conn *conn);

#endif /* SVIO_BUS_CONN_H */
