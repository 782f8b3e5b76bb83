// SPDX-License-Identifier: BSD-3-Clause
#include "control_client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "svio_test.h"

struct fixture fixture;
struct client client;

int connect_control(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", fixture.run_dir);
	CU_ASSERT_EQUAL_FATAL(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

void send_text(const char *text)
{
	CU_ASSERT_EQUAL(send(client.fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

void client_receive(struct client *from)
{
	ssize_t bytes =
		recv(from->fd, from->in + from->bytes, sizeof(from->in) - 1 - from->bytes, 0);

	if (bytes > 0)
		from->bytes += (size_t)bytes;
	if (bytes == 0 || (bytes < 0 && errno != EAGAIN))
		from->eof = true;
	from->in[from->bytes] = '\0';
}

static bool has_line(void *context)
{
	struct client *from = context;

	client_receive(from);
	return from->eof || strchr(from->in, '\n');
}

bool client_has_eof(void *context)
{
	struct client *from = context;

	client_receive(from);
	return from->eof;
}

struct json_object *next_answer(void)
{
	struct json_object *answer;
	char *end;

	if (!fixture_wait(&fixture, has_line, &client))
		return NULL;
	end = strchr(client.in, '\n');
	if (!end)
		return NULL;
	*end = '\0';
	answer = json_tokener_parse(client.in);
	client.bytes -= (size_t)(end + 1 - client.in);
	memmove(client.in, end + 1, client.bytes + 1);
	return answer;
}

struct json_object *ask(const char *format, ...)
{
	struct json_object *answer, *result;
	char request[8192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(request, sizeof(request), format, arguments);
	va_end(arguments);
	send_text(request);
	send_text("\n");
	answer = next_answer();
	CU_ASSERT(json_object_get_boolean(json_object_object_get(answer, "ok")));
	result = json_object_get(json_object_object_get(answer, "result"));
	json_object_put(answer);
	return result;
}

const char *field(struct json_object *from, const char *key)
{
	const char *text = json_object_get_string(json_object_object_get(from, key));

	return text ? text : "";
}

void expect_error(const char *request, const char *code, const char *part)
{
	struct json_object *answer, *error;

	send_text(request);
	send_text("\n");
	answer = next_answer();
	CU_ASSERT_FALSE(json_object_get_boolean(json_object_object_get(answer, "ok")));
	error = json_object_object_get(answer, "error");
	CU_ASSERT_STRING_EQUAL(field(error, "code"), code);
	CU_ASSERT_PTR_NOT_NULL(strstr(field(error, "message"), part));
	if (!strstr(field(error, "message"), part))
		fprintf(stderr, "%s -> %s\n", request, field(error, "message"));
	json_object_put(answer);
}
