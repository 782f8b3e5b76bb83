// SPDX-License-Identifier: BSD-3-Clause
/*
 * Framing (conn.h).
 *
 * A read never crosses the end of a message: first what is missing of the
 * header, then what is missing of the payload. The kernel hands descriptors
 * over with the first byte that they were sent with, so those that a read
 * returns belong to the message being read.
 *
 * While a request waits for its answer, or answers wait for room in the
 * socket, nothing is read: the client is slowed down by its own full socket,
 * and what we hold of it is bounded.
 */
#include "conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "loop.h"

/* Requests that one connection may have served before others get their turn. */
#define REQUESTS_A_TURN 64

/*
 * Payloads up to this size need no allocation of their own: what comes again and again, as maps,
 * register writes, interrupts. Each client that does nothing has so much.
 */
#define PAYLOAD_KEPT_BYTES 512u

struct answer {
	struct answer *next;
	int fd;
	size_t bytes, sent;
	uint8_t data[];
};

struct bus_conn {
	struct svio_loop *loop;
	struct svio_loop_source *source;
	const struct bus_conn_ops *ops;
	void *owner;
	int fd;
	uint32_t events; /* what the source watches now */

	/* The message being read, then the request at hand. */
	struct bus_request request;
	size_t received; /* bytes of it, header included */
	uint8_t *payload;
	size_t payload_room;

	struct answer *answers;      /* to be sent, oldest first */
	struct answer **answers_end; /* where the next one is linked */

	bool waiting;   /* a request is at hand */
	bool finishing; /* nothing more is read */
	bool hung_up;   /* nobody is there to read an answer */
	bool ended;     /* the owner was told */
	bool closed;
	bool serving; /* from serve() to finish_turn(): freed at its end */
	struct svio_loop_late turn_end;
};

enum progress {
	MESSAGE_WHOLE,
	MESSAGE_PARTIAL,
	MESSAGE_BAD,
	STREAM_ENDED
};

static void drop_fds(struct bus_request *request)
{
	for (size_t i = 0; i < request->fd_count; i++) {
		if (request->fds[i] >= 0)
			close(request->fds[i]);
	}
	request->fd_count = 0;
	request->fds_lost = false;
}

static void take_fd(struct bus_request *request, int fd)
{
	if (request->fd_count < VFIO_USER_FDS_MAX) {
		request->fds[request->fd_count++] = fd;
		return;
	}
	close(fd);
	request->fds_lost = true;
}

static void take_fds(struct bus_request *request, struct msghdr *message)
{
	/* What did not fit into the control buffer the kernel has closed. */
	if (message->msg_flags & MSG_CTRUNC)
		request->fds_lost = true;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			take_fd(request, fd);
		}
	}
}

/* As recvmsg(2), descriptors taken. */
static ssize_t receive_bytes(struct bus_conn *conn, void *buffer, size_t bytes)
{
	union {
		char bytes[CMSG_SPACE(VFIO_USER_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { .iov_base = buffer, .iov_len = bytes };
	struct msghdr message = { .msg_iov = &iov,
				  .msg_iovlen = 1,
				  .msg_control = control.bytes,
				  .msg_controllen = sizeof(control.bytes) };
	ssize_t got;

	do
		got = recvmsg(conn->fd, &message, MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	if (got > 0)
		take_fds(&conn->request, &message);
	return got;
}

/* Receive until *received has grown to end; buffer holds the bytes from start on. */
static enum progress receive_until(struct bus_conn *conn, uint8_t *buffer, size_t start, size_t end)
{
	while (conn->received < end) {
		ssize_t got = receive_bytes(conn, buffer + (conn->received - start),
					    end - conn->received);

		if (got > 0)
			conn->received += (size_t)got;
		else if (got < 0 && errno == EAGAIN)
			return MESSAGE_PARTIAL;
		else
			return STREAM_ENDED;
	}
	return MESSAGE_WHOLE;
}

static bool make_room(struct bus_conn *conn, size_t bytes)
{
	uint8_t *payload;

	if (bytes <= conn->payload_room)
		return true;
	if (bytes < PAYLOAD_KEPT_BYTES)
		bytes = PAYLOAD_KEPT_BYTES;
	payload = malloc(bytes);
	if (!payload)
		return false;
	free(conn->payload);
	conn->payload = payload;
	conn->payload_room = bytes;
	return true;
}

static enum progress receive_message(struct bus_conn *conn)
{
	struct vfio_user_header *header = &conn->request.header;
	enum progress progress;

	if (conn->received < sizeof(*header)) {
		progress = receive_until(conn, (uint8_t *)header, 0, sizeof(*header));
		if (progress != MESSAGE_WHOLE)
			return progress;
		if (header->bytes < sizeof(*header) || header->bytes > VFIO_USER_MESSAGE_BYTES_MAX)
			return MESSAGE_BAD;
		if (!make_room(conn, header->bytes - sizeof(*header)))
			return MESSAGE_BAD;
	}
	progress = receive_until(conn, conn->payload, sizeof(*header), header->bytes);
	if (progress != MESSAGE_WHOLE)
		return progress;
	/* A reply answers nothing of ours, and answering a reply could go on for ever. */
	if ((header->flags & VFIO_USER_TYPE_MASK) == VFIO_USER_TYPE_REPLY)
		return MESSAGE_BAD;
	conn->request.payload = conn->payload;
	conn->request.payload_bytes = header->bytes - sizeof(*header);
	return MESSAGE_WHOLE;
}

/* The request at hand is answered: make ready for the next message. */
static void forget_request(struct bus_conn *conn)
{
	drop_fds(&conn->request);
	conn->received = 0;
	conn->waiting = false;
	if (conn->payload_room > PAYLOAD_KEPT_BYTES) {
		free(conn->payload);
		conn->payload = NULL;
		conn->payload_room = 0;
	}
}

/* The oldest one. */
static void drop_answer(struct bus_conn *conn)
{
	struct answer *answer = conn->answers;

	conn->answers = answer->next;
	if (!conn->answers)
		conn->answers_end = &conn->answers;
	free(answer);
}

/*
 * Send as much as the socket takes, each answer by a sendmsg of its own: QEMU
 * wants a header in one piece, and descriptors with their message.
 */
static void send_answers(struct bus_conn *conn)
{
	while (conn->answers) {
		struct answer *answer = conn->answers;
		union {
			char bytes[CMSG_SPACE(sizeof(int))];
			struct cmsghdr align;
		} control = { { 0 } };
		struct iovec iov = { .iov_base = answer->data + answer->sent,
				     .iov_len = answer->bytes - answer->sent };
		struct msghdr message = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t sent;

		if (answer->fd >= 0 && answer->sent == 0) {
			control.align.cmsg_len = CMSG_LEN(sizeof(int));
			control.align.cmsg_level = SOL_SOCKET;
			control.align.cmsg_type = SCM_RIGHTS;
			memcpy(CMSG_DATA(&control.align), &answer->fd, sizeof(answer->fd));
			message.msg_control = control.bytes;
			message.msg_controllen = sizeof(control.bytes);
		}
		do
			sent = sendmsg(conn->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
		while (sent < 0 && errno == EINTR);
		if (sent < 0 && errno == EAGAIN)
			return;
		if (sent < 0)
			conn->finishing = true; /* nobody reads any more: drop this and the rest */
		else
			answer->sent += (size_t)sent;
		if (sent < 0 || answer->sent == answer->bytes)
			drop_answer(conn);
	}
}

/* Watch for what this connection can do something about now. */
static void watch_events(struct bus_conn *conn)
{
	uint32_t events;

	if (conn->answers)
		events = EPOLLOUT;
	else if (conn->waiting || conn->ended)
		events = EPOLLONESHOT; /* else a hang-up, which cannot be masked, would spin */
	else if (conn->finishing)
		events = EPOLLOUT; /* fires at once: ended() comes from the loop */
	else
		events = EPOLLIN;
	if (events == conn->events)
		return;
	conn->events = events;
	svio_loop_set_events(conn->source, events);
}

static void free_conn(struct bus_conn *conn)
{
	while (conn->answers)
		drop_answer(conn);
	drop_fds(&conn->request);
	free(conn->payload);
	free(conn);
}

static void serve_requests(struct bus_conn *conn)
{
	for (int i = 0; i < REQUESTS_A_TURN && !conn->finishing && !conn->waiting; i++) {
		switch (receive_message(conn)) {
		case MESSAGE_PARTIAL:
			return;
		case MESSAGE_WHOLE:
			conn->waiting = true;
			conn->ops->request(conn->owner, &conn->request);
			if (conn->closed)
				return;
			break;
		case MESSAGE_BAD: /* where the next message starts is not known */
			conn->waiting = true;
			if ((conn->request.header.flags & VFIO_USER_TYPE_MASK) ==
			    VFIO_USER_TYPE_REPLY)
				forget_request(conn);
			else
				bus_conn_refuse(conn, EINVAL);
			conn->finishing = true;
			return;
		case STREAM_ENDED:
			conn->finishing = true;
			return;
		}
	}
}

static bool is_over(const struct bus_conn *conn)
{
	if (conn->waiting)
		return conn->hung_up;
	return conn->finishing && !conn->answers;
}

static void finish_turn(void *context)
{
	struct bus_conn *conn = context;

	if (!conn->closed)
		conn->ops->idle(conn->owner);
	if (!conn->closed)
		send_answers(conn);
	if (!conn->closed && !conn->ended && is_over(conn)) {
		conn->ended = true;
		conn->ops->ended(conn->owner);
	}
	conn->serving = false;
	if (conn->closed)
		free_conn(conn);
	else
		watch_events(conn);
}

static void serve(struct bus_conn *conn)
{
	conn->serving = true;
	if (!conn->answers)
		serve_requests(conn);
	if (!conn->closed && conn->ops->shares && conn->ops->shares(conn->owner))
		svio_loop_at_end(conn->loop, &conn->turn_end);
	else
		finish_turn(conn);
}

/*
 * Mostly it does not matter which event it was: a read or a send finds out. But
 * what a client that is gone has left to read is served before its end is seen.
 */
static void handle_events(void *context, int fd, uint32_t events)
{
	struct bus_conn *conn = context;

	(void)fd;
	if (events & (EPOLLHUP | EPOLLERR))
		conn->hung_up = true;
	serve(conn);
}

struct bus_conn *bus_conn_open(struct svio_loop *loop, int fd, const struct bus_conn_ops *ops,
			       void *owner)
{
	struct bus_conn *conn = calloc(1, sizeof(*conn));

	if (!conn)
		return NULL;
	conn->loop = loop;
	conn->ops = ops;
	conn->owner = owner;
	conn->fd = fd;
	conn->answers_end = &conn->answers;
	conn->turn_end = (struct svio_loop_late){ .fn = finish_turn, .context = conn };
	conn->events = EPOLLIN;
	conn->source = svio_loop_add_fd(loop, fd, conn->events, handle_events, conn);
	if (!conn->source) {
		int error = errno;

		free(conn);
		errno = error;
		return NULL;
	}
	return conn;
}

static void queue_answer(struct bus_conn *conn, uint32_t error, const void *payload, size_t bytes,
			 int fd)
{
	struct vfio_user_header header = conn->request.header;
	struct answer *answer = malloc(sizeof(*answer) + sizeof(header) + bytes);

	if (!answer) {
		conn->finishing = true;
		return;
	}
	header.bytes = (uint32_t)(sizeof(header) + bytes);
	header.flags = VFIO_USER_TYPE_REPLY | (error ? VFIO_USER_ERROR : 0);
	header.error = error;
	answer->fd = fd;
	answer->sent = 0;
	answer->bytes = header.bytes;
	memcpy(answer->data, &header, sizeof(header));
	if (bytes)
		memcpy(answer->data + sizeof(header), payload, bytes);
	answer->next = NULL;
	*conn->answers_end = answer;
	conn->answers_end = &answer->next;
}

static void answer_request(struct bus_conn *conn, uint32_t error, const void *payload, size_t bytes,
			   int fd)
{
	if (!conn->waiting || conn->closed)
		return;
	if (!(conn->request.header.flags & VFIO_USER_NO_REPLY))
		queue_answer(conn, error, payload, bytes, fd);
	forget_request(conn);
	if (!conn->serving) {
		/* An answer that came later: send it; the loop goes on with what has arrived. */
		send_answers(conn);
		watch_events(conn);
	}
}

void bus_conn_reply(struct bus_conn *conn, const void *payload, size_t bytes, int fd)
{
	answer_request(conn, 0, payload, bytes, fd);
}

void bus_conn_refuse(struct bus_conn *conn, int error)
{
	answer_request(conn, (uint32_t)error, NULL, 0, -1);
}

int32_t bus_conn_peer(const struct bus_conn *conn)
{
	struct ucred peer;
	socklen_t bytes = sizeof(peer);

	if (getsockopt(conn->fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes) || peer.pid < 0)
		return 0;
	return peer.pid;
}

void bus_conn_finish(struct bus_conn *conn)
{
	conn->finishing = true;
	if (!conn->serving && !conn->closed)
		watch_events(conn);
}

/* After the shutdown no byte can be added; without a control buffer descriptors are closed. */
static void drain_socket(int fd)
{
	char waste[4096];
	ssize_t got;

	shutdown(fd, SHUT_RDWR);
	do
		got = recv(fd, waste, sizeof(waste), MSG_DONTWAIT);
	while (got > 0 || (got < 0 && errno == EINTR));
}

void bus_conn_close(struct bus_conn *conn)
{
	if (conn->closed)
		return;
	conn->closed = true;
	svio_loop_remove(conn->source);
	drain_socket(conn->fd);
	close(conn->fd);
	if (!conn->serving)
		free_conn(conn);
}
