// SPDX-License-Identifier: BSD-3-Clause
#include "front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "function.h"
#include "log.h"
#include "loop.h"
#include "registry.h"
#include "session.h"

/* Connections that have not said VERSION yet; with one more the oldest has to go. */
#define STRANGERS_MAX 8

#define LISTEN_BACKLOG 16

/* Out of descriptors or memory: how long not to accept. */
#define ACCEPT_PAUSE_US 100000

struct front {
	struct svio_loop *loop;
	uint64_t answer_max_us;
	struct svio_loop_source *source, *pause;
	int fd;
	struct bus_function function;
	struct bus_session *sessions; /* newest first */
	struct sockaddr_un address;
};

static void unlink_session(struct front *front, struct bus_session *session)
{
	struct bus_session **link = &front->sessions;

	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
}

static void end_session(void *owner, struct bus_session *session)
{
	struct front *front = owner;

	unlink_session(front, session);
	if (bus_session_is_client(session)) {
		svio_log(SVIO_LOG_INFO, "vif %s: client disconnected",
			 svio_vif_name(front->function.vif));
		bus_function_release(&front->function);
	}
	bus_session_close(session);
}

static const struct bus_session_ops session_ops = { .ended = end_session };

static void limit_strangers(struct front *front)
{
	struct bus_session *oldest = NULL;
	unsigned int strangers = 0;

	for (struct bus_session *session = front->sessions; session; session = session->next) {
		if (bus_session_is_client(session))
			continue;
		strangers++;
		oldest = session;
	}
	if (strangers > STRANGERS_MAX)
		end_session(front, oldest);
}

static void resume_accepting(void *context)
{
	struct front *front = context;

	svio_loop_remove(front->pause);
	front->pause = NULL;
	svio_loop_set_events(front->source, EPOLLIN);
}

/* The connection stays in the backlog; without a pause it would wake us again at once. */
static void pause_accepting(struct front *front, int error)
{
	svio_log(SVIO_LOG_ERROR, "vif %s: cannot accept a client: %s",
		 svio_vif_name(front->function.vif), strerror(error));
	front->pause =
		svio_loop_add_timer(front->loop, ACCEPT_PAUSE_US, 0, resume_accepting, front);
	if (front->pause)
		svio_loop_set_events(front->source, 0);
}

static void accept_client(void *context, int fd, uint32_t events)
{
	struct front *front = context;
	struct bus_session *session;
	/* cppcheck-suppress nullPointer ; who it is does not matter */
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (client < 0) {
		if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
			pause_accepting(front, errno);
		return;
	}
	session = bus_session_open(front->loop, client, &front->function, front->answer_max_us,
				   &session_ops, front);
	if (!session) {
		int error = errno;

		close(client);
		pause_accepting(front, error);
		return;
	}
	session->next = front->sessions;
	front->sessions = session;
	limit_strangers(front);
}

/*
 * A socket of that name is a left-over: whoever starts a second sviod in this
 * directory is stopped by the lock. Anything else is not ours to remove.
 */
static int remove_stale_socket(const char *path)
{
	struct stat status;

	if (lstat(path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	return unlink(path) ? -errno : 0;
}

/* 0, or -errno with the reason logged. */
static int listen_on(struct front *front, const char *path)
{
	const struct sockaddr *address = (const struct sockaddr *)&front->address;
	size_t length = strlen(path);
	int status;

	if (length >= sizeof(front->address.sun_path)) {
		svio_log(SVIO_LOG_ERROR,
			 "socket %s: the path has more than %zu bytes; use a shorter --run-dir",
			 path, sizeof(front->address.sun_path) - 1);
		return -ENAMETOOLONG;
	}
	front->address.sun_family = AF_UNIX;
	memcpy(front->address.sun_path, path, length + 1);
	front->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (front->fd < 0)
		return -errno;
	status = remove_stale_socket(path);
	if (!status &&
	    (bind(front->fd, address, sizeof(front->address)) || listen(front->fd, LISTEN_BACKLOG)))
		status = -errno;
	if (!status) {
		front->source =
			svio_loop_add_fd(front->loop, front->fd, EPOLLIN, accept_client, front);
		status = front->source ? 0 : -errno;
		if (status)
			unlink(path);
	}
	if (status) {
		svio_log(SVIO_LOG_ERROR, "socket %s: %s%s", path, strerror(-status),
			 status == -EEXIST ? "; something else has this name, remove it" : "");
		close(front->fd);
	}
	return status;
}

static void *add_front(void *bus, struct svio_vif *vif, const char *path)
{
	const struct bus_settings *settings = bus;
	struct front *front = calloc(1, sizeof(*front));
	int status;

	if (!front)
		return NULL;
	front->loop = settings->loop;
	front->answer_max_us = settings->answer_max_us ? settings->answer_max_us
						       : BUS_ANSWER_MAX_US;
	status = bus_function_init(&front->function, vif, settings->id);
	if (status)
		goto free_front;
	status = listen_on(front, path);
	if (status)
		goto fini_function;
	return front;

fini_function:
	bus_function_fini(&front->function);
free_front:
	free(front);
	errno = -status;
	return NULL;
}

/* The VIF goes with its maps and vectors, so nothing is released here. */
static void del_front(void *context)
{
	struct front *front = context;

	while (front->sessions) {
		struct bus_session *session = front->sessions;

		front->sessions = session->next;
		bus_session_close(session);
	}
	svio_loop_remove(front->pause);
	svio_loop_remove(front->source);
	close(front->fd);
	unlink(front->address.sun_path);
	bus_function_fini(&front->function);
	free(front);
}

static bool front_connected(void *context)
{
	const struct front *front = context;

	return front->function.client != NULL;
}

const struct svio_bus_ops bus_front_ops = {
	.add = add_front,
	.del = del_front,
	.connected = front_connected,
};
