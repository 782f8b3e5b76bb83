/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * sviod's event loop: one thread, epoll, level-triggered. Callbacks never
 * block; they may add and remove any source, their own included.
 */
#ifndef SVIO_LOOP_H
#define SVIO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct svio_loop;
struct svio_loop_source;

/* NULL: no memory or descriptors (errno). */
struct svio_loop *svio_loop_new(void);
void svio_loop_free(struct svio_loop *loop);

/* events: EPOLLIN, EPOLLOUT, ... as in epoll_ctl(2). */
typedef void (*svio_loop_fd_fn)(void *context, int fd, uint32_t events);

/* Watch fd (which stays the caller's). NULL: errno says why. */
struct svio_loop_source *svio_loop_add_fd(struct svio_loop *loop, int fd, uint32_t events,
					  svio_loop_fd_fn fn, void *context);
int svio_loop_set_events(struct svio_loop_source *source, uint32_t events);

typedef void (*svio_loop_timer_fn)(void *context);

/*
 * Call fn once after delay_us, or every period_us (0: once). NULL: errno says
 * why. Also a timer that has fired once is removed by its owner.
 */
struct svio_loop_source *svio_loop_add_timer(struct svio_loop *loop, uint64_t delay_us,
					     uint64_t period_us, svio_loop_timer_fn fn,
					     void *context);

/*
 * Remove any source (NULL is fine); its callback is not called again. Does not
 * close the fd: close it after this, not before.
 */
void svio_loop_remove(struct svio_loop_source *source);

/* Zeroed by whoever owns it; the loop's while it waits for the round's end. */
struct svio_loop_late {
	struct svio_loop_late *next;
	void (*fn)(void *context);
	void *context;
};

/*
 * Within a round: call late->fn(late->context) when all its events were handled, in the order of
 * these calls. late stays where it is until then. Outside of rounds: calls it now.
 */
void svio_loop_at_end(struct svio_loop *loop, struct svio_loop_late *late);

/* Run until svio_loop_stop(). 0, or -errno where epoll itself failed. */
int svio_loop_run(struct svio_loop *loop);
/* One round, waiting at most timeout_ms (-1: for ever). For tests. */
int svio_loop_run_once(struct svio_loop *loop, int timeout_ms);
void svio_loop_stop(struct svio_loop *loop);

#endif /* SVIO_LOOP_H */
