// SPDX-License-Identifier: BSD-3-Clause
#include "log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_BYTES 1024

static svio_log_sink_fn log_sink;

static const char *const level_prefix[] = {
	[SVIO_LOG_ERROR] = "error: ",
	[SVIO_LOG_WARNING] = "warning: ",
	[SVIO_LOG_INFO] = "",
};

void svio_log(enum svio_log_level level, const char *format, ...)
{
	char line[LINE_BYTES];
	int saved_errno = errno;
	int bytes = snprintf(line, sizeof(line), "sviod: %s", level_prefix[level]);
	va_list arguments;

	va_start(arguments, format);
	bytes += vsnprintf(line + bytes, sizeof(line) - (size_t)bytes - 1, format, arguments);
	va_end(arguments);
	if (bytes > LINE_BYTES - 2)
		bytes = LINE_BYTES - 2;
	if (log_sink) {
		log_sink(level, line);
	} else {
		/* One write, so that the lines of several processes do not mix. */
		line[bytes] = '\n';
		if (write(STDERR_FILENO, line, (size_t)bytes + 1) < 0)
			errno = 0; /* nowhere left to complain */
	}
	errno = saved_errno;
}

void svio_log_set_sink(svio_log_sink_fn sink)
{
	log_sink = sink;
}

uint64_t svio_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

bool svio_log_allow(struct svio_log_limit *limit, const char *who)
{
	uint64_t now_ns = svio_clock_ns();

	if (limit->lines == 0 || now_ns - limit->window_start_ns > SVIO_LOG_WINDOW_NS) {
		limit->window_start_ns = now_ns;
		limit->lines = 0;
	}
	limit->lines++;
	if (limit->lines == SVIO_LOG_BURST + 1)
		svio_log(SVIO_LOG_WARNING, "%s: more messages follow each other closely: left out",
			 who);
	return limit->lines <= SVIO_LOG_BURST;
}
