// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli.h"
#include "run_dir.h"

static void fail_connect(const struct cli *cli, int error)
{
	switch (error) {
	case ENOENT:
	case ECONNREFUSED:
		cli_fail(
			CLI_FAILED,
			"sviod is not running (nobody listens on %s/%s): start it, or name its run "
			"directory with --run-dir or SVIO_RUN_DIR",
			cli->run_dir, SVIO_CONTROL_SOCKET);
	case EACCES:
	case EPERM:
		cli_fail(CLI_FAILED, "%s/%s is not for this user: run svio as the user of sviod",
			 cli->run_dir, SVIO_CONTROL_SOCKET);
	default:
		cli_fail(CLI_FAILED, "cannot reach sviod at %s/%s: %s", cli->run_dir,
			 SVIO_CONTROL_SOCKET, strerror(error));
	}
}

static int connect_sviod(const struct cli *cli)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		cli_fail(CLI_FAILED, "no socket: %s", strerror(errno));
	if ((size_t)snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", cli->run_dir,
			     SVIO_CONTROL_SOCKET) >= sizeof(address.sun_path))
		cli_fail(CLI_USAGE, "--run-dir %s: the path is too long for a socket",
			 cli->run_dir);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		fail_connect(cli, errno);
	return fd;
}

static void send_line(int fd, const char *line, size_t bytes)
{
	while (bytes > 0) {
		ssize_t sent = send(fd, line, bytes, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			cli_fail(CLI_FAILED, "sviod hung up: %s", strerror(errno));
		line += sent;
		bytes -= (size_t)sent;
	}
}

static char *grow(char *text, size_t bytes)
{
	char *grown = realloc(text, bytes);

	if (!grown)
		cli_fail(CLI_FAILED, "out of memory");
	return grown;
}

/* Everything up to the newline; the caller's. */
static char *receive_line(int fd)
{
	size_t bytes = 0, room = 65536;
	char *line = grow(NULL, room);

	for (;;) {
		ssize_t got;

		if (bytes + 1 >= room)
			line = grow(line, room *= 2);
		got = recv(fd, line + bytes, room - bytes - 1, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			cli_fail(CLI_FAILED, "sviod hung up before it answered: see its log");
		bytes += (size_t)got;
		if (line[bytes - 1] == '\n')
			break;
	}
	line[bytes] = '\0';
	return line;
}

struct json_object *cli_request_new(const char *name, const char *vif)
{
	struct json_object *request = json_object_new_object();

	json_object_object_add(request, "cmd", json_object_new_string(name));
	if (vif)
		json_object_object_add(request, "name", json_object_new_string(vif));
	return request;
}

/* An error for programs goes to stdout, where they read; the sentence always to stderr. */
static void fail_reply(const struct cli *cli, struct json_object *reply)
{
	const char *message = cli_text(json_object_object_get(reply, "error"), "message");

	if (cli->json)
		cli_print_json(reply);
	cli_fail(CLI_FAILED, "%s", *message ? message : "sviod's answer makes no sense");
}

struct json_object *cli_call(struct cli *cli, struct json_object *request)
{
	int fd = connect_sviod(cli);
	struct json_object *reply, *result;
	const char *text;
	char *line;
	size_t bytes;

	text = json_object_to_json_string_length(request, JSON_C_TO_STRING_PLAIN, &bytes);
	send_line(fd, text, bytes);
	send_line(fd, "\n", 1);
	json_object_put(request);
	line = receive_line(fd);
	close(fd);
	reply = json_tokener_parse(line);
	free(line);
	if (!cli_flag(reply, "ok"))
		fail_reply(cli, reply);
	result = json_object_get(json_object_object_get(reply, "result"));
	json_object_put(reply);
	return result;
}

void cli_print_json(struct json_object *value)
{
	puts(json_object_to_json_string_ext(value, JSON_C_TO_STRING_PRETTY |
							   JSON_C_TO_STRING_SPACED |
							   JSON_C_TO_STRING_NOSLASHESCAPE));
}

const char *cli_text(struct json_object *from, const char *key)
{
	struct json_object *value = json_object_object_get(from, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

uint64_t cli_number(struct json_object *from, const char *key)
{
	return json_object_get_uint64(json_object_object_get(from, key));
}

bool cli_flag(struct json_object *from, const char *key)
{
	return json_object_get_boolean(json_object_object_get(from, key));
}

size_t cli_count(struct json_object *from, const char *key)
{
	struct json_object *list = json_object_object_get(from, key);

	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

struct json_object *cli_item(struct json_object *from, const char *key, size_t index)
{
	return json_object_array_get_idx(json_object_object_get(from, key), index);
}
