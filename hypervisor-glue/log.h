/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sviod's log: one line an event, to stderr. Called on sviod's one thread.
 */
#ifndef SVIO_LOG_H
#define SVIO_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum svio_log_level {
	SVIO_LOG_ERROR,
	SVIO_LOG_WARNING,
	SVIO_LOG_INFO,
};

/* One line without a newline at its end; longer than 1000 bytes is cut. Keeps errno. */
void svio_log(enum svio_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Where lines go instead of stderr (tests); NULL: stderr again. */
typedef void (*svio_log_sink_fn)(enum svio_log_level level, const char *line);
void svio_log_set_sink(svio_log_sink_fn sink);

/*
 * For lines that a guest or client can cause as often as it likes: at most
 * SVIO_LOG_BURST in SVIO_LOG_WINDOW_NS. Zero-filled to start with.
 */
#define SVIO_LOG_BURST     8
#define SVIO_LOG_WINDOW_NS 10000000000ull

struct svio_log_limit {
	uint64_t window_start_ns;
	uint32_t lines;
};

/* True: write the line. The last one that is let through is followed by a line saying so. */
bool svio_log_allow(struct svio_log_limit *limit, const char *who);

/* CLOCK_MONOTONIC; what the glue measures its delays with. */
uint64_t svio_clock_ns(void);

#endif /* SVIO_LOG_H */
