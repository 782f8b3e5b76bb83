// SPDX-License-Identifier: BSD-3-Clause
#include "control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "command.h"
#include "device.h"
#include "log.h"
#include "loop.h"
#include "run_dir.h"

#define BACKLOG         64
#define READ_BYTES      65536
#define JSON_DEPTH_MAX  8
#define ACCEPT_PAUSE_US 100000

struct client {
	TAILQ_ENTRY(client) link;
	struct svio_control *control;
	struct svio_loop_source *source;
	struct json_object *id; /* of the request under way */
	char *in;
	char *out;
	size_t in_bytes;
	size_t out_bytes;
	size_t out_sent;
	uint32_t events; /* watched */
	int fd;          /* -1: hung up, and freed when its request is answered */
	bool waiting;    /* for the answer to its request */
	bool working;    /* on the stack, in work() */
	bool eof;
	bool ending; /* when out is sent */
};

TAILQ_HEAD(client_list, client);

struct svio_control {
	struct svio_device *device;
	struct svio_loop_source *source;
	struct svio_loop_source *pause; /* no descriptors left: accept() rests until then */
	struct client_list clients;
	uint32_t count;
	char *path;
	int fd;
};

static void work(struct client *client);

static void free_client(struct client *client)
{
	TAILQ_REMOVE(&client->control->clients, client, link);
	client->control->count--;
	json_object_put(client->id);
	free(client->in);
	free(client->out);
	free(client);
}

/* The client is of no use after this, unless it is waiting or working. */
static void hang_up(struct client *client)
{
	if (client->fd >= 0) {
		svio_loop_remove(client->source);
		client->source = NULL;
		close(client->fd);
		client->fd = -1;
	}
	if (!client->waiting && !client->working)
		free_client(client);
}

static bool append_out(struct client *client, const char *text, size_t bytes)
{
	char *out = realloc(client->out, client->out_bytes + bytes + 1);

	if (!out)
		return false;
	memcpy(out + client->out_bytes, text, bytes);
	client->out = out;
	client->out_bytes += bytes;
	client->out[client->out_bytes++] = '\n';
	return true;
}

static void queue_reply(struct client *client, struct json_object *reply)
{
	const char *text;
	size_t bytes;

	if (client->id && reply) {
		json_object_object_add(reply, "id", client->id);
		client->id = NULL;
	}
	text = reply ? json_object_to_json_string_length(reply, JSON_C_TO_STRING_PLAIN, &bytes)
		     : NULL;
	if (!text || !append_out(client, text, bytes))
		client->ending = true; /* out of memory: nothing can be said */
	json_object_put(reply);
}

static void handle_reply(void *context, struct json_object *reply)
{
	struct client *client = context;

	client->waiting = false;
	if (client->fd < 0) {
		json_object_put(reply);
		if (!client->working)
			free_client(client);
		return;
	}
	queue_reply(client, reply);
	if (!client->working)
		work(client);
}

static void run_line(struct client *client, const char *line, size_t bytes)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_DEPTH_MAX);
	struct json_object *request = NULL;

	json_object_put(client->id);
	client->id = NULL;
	if (tokener) {
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
		request = json_tokener_parse_ex(tokener, line, (int)bytes);
		/* A number ends only with what follows it: the terminating NUL says so. */
		if (json_tokener_get_error(tokener) == json_tokener_continue)
			request = json_tokener_parse_ex(tokener, "", 1);
		if (json_tokener_get_error(tokener) != json_tokener_success) {
			json_object_put(request);
			request = NULL;
		}
	}
	json_tokener_free(tokener);
	if (!json_object_is_type(request, json_type_object)) {
		queue_reply(client, svio_command_error(-EINVAL, "the request is not one line of "
								"JSON with an object in it"));
	} else {
		client->id = json_object_get(json_object_object_get(request, "id"));
		client->waiting = true;
		svio_command_run(client->control->device, request, handle_reply, client);
	}
	json_object_put(request);
}

/* Run one complete line, if there is one. False: nothing was to do. */
static bool run_next_line(struct client *client)
{
	char *end = client->in_bytes ? memchr(client->in, '\n', client->in_bytes) : NULL;
	size_t bytes;

	if (end) {
		bytes = (size_t)(end - client->in);
		if (bytes > 0)
			run_line(client, client->in, bytes);
		client->in_bytes -= bytes + 1;
		memmove(client->in, end + 1, client->in_bytes);
		return true;
	}
	if (client->in_bytes < SVIO_CONTROL_LINE_BYTES)
		return false;
	queue_reply(client, svio_command_error(-EINVAL, "the request is too long"));
	client->ending = true;
	return true;
}

/* False: the client is gone. */
static bool send_out(struct client *client)
{
	while (client->out_sent < client->out_bytes) {
		ssize_t bytes = send(client->fd, client->out + client->out_sent,
				     client->out_bytes - client->out_sent,
				     MSG_DONTWAIT | MSG_NOSIGNAL);

		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return errno == EAGAIN;
		client->out_sent += (size_t)bytes;
	}
	free(client->out);
	client->out = NULL;
	client->out_bytes = 0;
	client->out_sent = 0;
	return true;
}

static void watch_client(struct client *client)
{
	uint32_t events = 0;

	if (client->out_bytes > 0)
		events = EPOLLOUT;
	else if (!client->waiting && !client->eof)
		events = EPOLLIN;
	if (events != client->events) {
		client->events = events;
		svio_loop_set_events(client->source, events);
	}
}

/* Go on with what can be gone on with. The client may be freed by this. */
static void work(struct client *client)
{
	bool alive, idle = false;

	client->working = true;
	do {
		alive = client->fd >= 0 && send_out(client);
		idle = alive && client->out_bytes == 0 && !client->waiting;
	} while (idle && !client->ending && run_next_line(client));
	client->working = false;
	if (!alive || (idle && (client->ending || client->eof)))
		hang_up(client);
	else
		watch_client(client);
}

static void read_in(struct client *client)
{
	size_t room = SVIO_CONTROL_LINE_BYTES - client->in_bytes;
	size_t want = room < READ_BYTES ? room : READ_BYTES;
	char *in = realloc(client->in, client->in_bytes + want);
	ssize_t bytes;

	if (!in) {
		client->eof = true;
		return;
	}
	client->in = in;
	bytes = recv(client->fd, in + client->in_bytes, want, MSG_DONTWAIT);
	if (bytes > 0)
		client->in_bytes += (size_t)bytes;
	else if (bytes == 0 || (errno != EAGAIN && errno != EINTR))
		client->eof = true;
}

static void handle_client(void *context, int fd, uint32_t events)
{
	struct client *client = context;

	(void)fd;
	/* Hung up, not merely finished writing: nobody reads an answer any more. */
	if (events & (EPOLLHUP | EPOLLERR)) {
		hang_up(client);
		return;
	}
	if ((events & EPOLLIN) && client->in_bytes < SVIO_CONTROL_LINE_BYTES)
		read_in(client);
	work(client);
}

static void add_client(struct svio_control *control, int fd)
{
	static const char busy[] = "{\"ok\":false,\"error\":{\"code\":\"EBUSY\",\"message\":"
				   "\"sviod serves too many control clients: try again\"}}\n";
	struct client *client = NULL;

	if (control->count < SVIO_CONTROL_CLIENTS_MAX)
		client = calloc(1, sizeof(*client));
	if (client)
		client->source =
			svio_loop_add_fd(control->device->loop, fd, EPOLLIN, handle_client, client);
	if (!client || !client->source) {
		send(fd, busy, sizeof(busy) - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
		close(fd);
		free(client);
		return;
	}
	client->control = control;
	client->fd = fd;
	client->events = EPOLLIN;
	control->count++;
	TAILQ_INSERT_TAIL(&control->clients, client, link);
}

static void end_pause(void *context)
{
	struct svio_control *control = context;

	svio_loop_remove(control->pause);
	control->pause = NULL;
	svio_loop_set_events(control->source, EPOLLIN);
}

/* Out of descriptors: the connection stays in the queue, and must not make the loop spin. */
static void pause_accept(struct svio_control *control)
{
	if (control->pause)
		return;
	svio_log(SVIO_LOG_WARNING, "cannot accept a control client: %s", strerror(errno));
	control->pause =
		svio_loop_add_timer(control->device->loop, ACCEPT_PAUSE_US, 0, end_pause, control);
	if (control->pause)
		svio_loop_set_events(control->source, 0);
}

static void handle_accept(void *context, int fd, uint32_t events)
{
	struct svio_control *control = context;
	/* cppcheck-suppress nullPointer ; as accept(2) says */
	int client_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (client_fd >= 0)
		add_client(control, client_fd);
	else if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
		pause_accept(control);
}

static int listen_at(struct svio_control *control)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	mode_t mask;
	int status;

	if (strlen(control->path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, control->path, strlen(control->path) + 1);
	control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (control->fd < 0)
		return -errno;
	mask = umask(0177); /* from its first moment on it is for its owner only */
	status = bind(control->fd, (struct sockaddr *)&address, sizeof(address)) ? -errno : 0;
	umask(mask);
	if (!status && listen(control->fd, BACKLOG))
		status = -errno;
	if (!status) {
		control->source = svio_loop_add_fd(control->device->loop, control->fd, EPOLLIN,
						   handle_accept, control);
		status = control->source ? 0 : -errno;
	}
	return status;
}

int svio_control_new(struct svio_device *device, const char *run_dir, struct svio_control **made)
{
	struct svio_control *control = calloc(1, sizeof(*control));
	int status;

	if (!control)
		return -ENOMEM;
	TAILQ_INIT(&control->clients);
	control->device = device;
	control->fd = -1;
	if (asprintf(&control->path, "%s/%s", run_dir, SVIO_CONTROL_SOCKET) < 0) {
		free(control);
		return -ENOMEM;
	}
	status = listen_at(control);
	if (status) {
		svio_log(SVIO_LOG_ERROR, "cannot listen on %s: %s", control->path,
			 strerror(-status));
		svio_control_free(control);
		return status;
	}
	*made = control;
	return 0;
}

void svio_control_close(struct svio_control *control)
{
	struct client *client, *next;

	if (!control || control->fd < 0)
		return;
	svio_loop_remove(control->source);
	svio_loop_remove(control->pause);
	control->source = NULL;
	control->pause = NULL;
	close(control->fd);
	control->fd = -1;
	unlink(control->path);
	for (client = TAILQ_FIRST(&control->clients); client; client = next) {
		next = TAILQ_NEXT(client, link);
		hang_up(client);
	}
}

void svio_control_free(struct svio_control *control)
{
	if (!control)
		return;
	svio_control_close(control);
	free(control->path);
	free(control);
}
