/* SPDX-License-Identifier: BSD-3-Clause */
/* Asks sviod's control socket: a line of JSON there, a line of JSON back. */
#include <err.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"

void bench_control_open(struct bench_control *control, const struct bench_device *device)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(control, 0, sizeof(*control));
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/control.sock", device->dir);
	control->socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (control->socket < 0 ||
	    connect(control->socket, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", address.sun_path);
}

void bench_control_close(struct bench_control *control)
{
	close(control->socket);
}

void bench_control_send(struct bench_control *control, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int bytes;

	va_start(arguments, format);
	bytes = vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	if (bytes < 0 || bytes >= (int)sizeof(line) - 1)
		errx(1, "a request is too long");
	line[bytes++] = '\n';
	if (send(control->socket, line, (size_t)bytes, MSG_NOSIGNAL) != bytes)
		err(1, "sviod");
	control->bytes = 0;
}

/* The text of an error, up to its quote. */
static void cut_message(struct bench_control *control)
{
	static const char key[] = "\"message\"";
	char *text = strstr(control->answer, key);

	if (!text)
		return;
	text = strchr(text + sizeof(key) - 1, '"');
	if (!text)
		return;
	memmove(control->answer, text + 1, strlen(text + 1) + 1);
	/* A quote within the text is escaped. */
	for (text = control->answer; *text && *text != '"'; text++)
		if (*text == '\\' && text[1])
			memmove(text, text + 1, strlen(text));
	*text = 0;
}

static enum bench_answer judge_answer(struct bench_control *control)
{
	const char *ok = strstr(control->answer, "\"ok\"");

	if (!ok)
		errx(1, "sviod answers nonsense: %s", control->answer);
	ok += strspn(ok + 4, " :") + 4;
	if (strncmp(ok, "true", 4) == 0)
		return BENCH_DONE;
	cut_message(control);
	return BENCH_REFUSED;
}

static enum bench_answer receive(struct bench_control *control, int flags)
{
	for (;;) {
		char *end = memchr(control->answer, '\n', control->bytes);
		ssize_t n;

		if (end) {
			*end = 0;
			return judge_answer(control);
		}
		if (control->bytes == sizeof(control->answer))
			errx(1, "sviod's answer is too long");
		n = recv(control->socket, control->answer + control->bytes,
			 sizeof(control->answer) - control->bytes, flags);
		if (n < 0 && errno == EAGAIN)
			return BENCH_PENDING;
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			errx(1, "sviod has gone");
		control->bytes += (size_t)n;
	}
}

enum bench_answer bench_control_poll(struct bench_control *control)
{
	return receive(control, MSG_DONTWAIT);
}

enum bench_answer bench_control_wait(struct bench_control *control)
{
	return receive(control, 0);
}
