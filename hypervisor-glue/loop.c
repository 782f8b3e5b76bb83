// SPDX-License-Identifier: BSD-3-Clause
/*
 * The event loop (loop.h).
 *
 * A source that is removed while a round of events is being handled may still
 * stand further down in that round. So it is only marked dead and put on the
 * grave list, which is emptied when the outermost round is over.
 *
 * All timers share one timerfd, armed for the earliest: microseconds where
 * epoll's own timeout has milliseconds, and a timer never fails for want of a
 * descriptor. They are few, so a list will do.
 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_A_ROUND 64
#define NEVER          UINT64_MAX

struct svio_loop_source {
	struct svio_loop *loop;
	LIST_ENTRY(svio_loop_source) link; /* in fds, timers or dead */
	void *context;
	svio_loop_fd_fn fd_fn;
	svio_loop_timer_fn timer_fn; /* not NULL: this is a timer */
	uint64_t due_ns;             /* NEVER: has fired */
	uint64_t period_ns;
	int fd;
	bool dead;
};

LIST_HEAD(source_list, svio_loop_source);

struct svio_loop {
	struct source_list fds, timers, dead;
	struct svio_loop_late *late, **late_end;
	uint64_t armed_ns; /* what timer_fd is set to */
	int epoll_fd;
	int timer_fd;
	int depth; /* rounds being handled */
	bool stop;
};

static uint64_t clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

/* Its events carry no source. 0; -errno. */
static int open_timer(struct svio_loop *loop)
{
	struct epoll_event event = { .events = EPOLLIN };

	loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (loop->timer_fd < 0)
		return -errno;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->timer_fd, &event)) {
		int error = errno;

		close(loop->timer_fd);
		return -error;
	}
	loop->armed_ns = NEVER;
	return 0;
}

struct svio_loop *svio_loop_new(void)
{
	struct svio_loop *loop = calloc(1, sizeof(*loop));
	int status;

	if (!loop)
		return NULL;
	loop->late_end = &loop->late;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	status = loop->epoll_fd < 0 ? -errno : open_timer(loop);
	if (!status)
		return loop;
	if (loop->epoll_fd >= 0)
		close(loop->epoll_fd);
	free(loop);
	errno = -status;
	return NULL;
}

static void free_list(struct source_list *list)
{
	while (!LIST_EMPTY(list)) {
		struct svio_loop_source *source = LIST_FIRST(list);

		LIST_REMOVE(source, link);
		free(source);
	}
}

void svio_loop_free(struct svio_loop *loop)
{
	if (!loop)
		return;
	free_list(&loop->fds);
	free_list(&loop->timers);
	free_list(&loop->dead);
	close(loop->timer_fd);
	close(loop->epoll_fd);
	free(loop);
}

struct svio_loop_source *svio_loop_add_fd(struct svio_loop *loop, int fd, uint32_t events,
					  svio_loop_fd_fn fn, void *context)
{
	struct epoll_event event = { .events = events };
	struct svio_loop_source *source = calloc(1, sizeof(*source));

	if (!source) {
		errno = ENOMEM;
		return NULL;
	}
	source->loop = loop;
	source->fd = fd;
	source->fd_fn = fn;
	source->context = context;
	event.data.ptr = source;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		int error = errno;

		free(source);
		errno = error;
		return NULL;
	}
	LIST_INSERT_HEAD(&loop->fds, source, link);
	return source;
}

int svio_loop_set_events(struct svio_loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) ? -errno : 0;
}

/* Set the timerfd to the earliest timer. */
static void arm(struct svio_loop *loop)
{
	struct itimerspec spec = { 0 };
	const struct svio_loop_source *timer;
	uint64_t due_ns = NEVER;

	for (timer = LIST_FIRST(&loop->timers); timer; timer = LIST_NEXT(timer, link))
		if (timer->due_ns < due_ns)
			due_ns = timer->due_ns;
	if (due_ns == loop->armed_ns)
		return;
	loop->armed_ns = due_ns;
	if (due_ns != NEVER) {
		spec.it_value.tv_sec = (time_t)(due_ns / 1000000000);
		spec.it_value.tv_nsec = (long)(due_ns % 1000000000);
	}
	timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

struct svio_loop_source *svio_loop_add_timer(struct svio_loop *loop, uint64_t delay_us,
					     uint64_t period_us, svio_loop_timer_fn fn,
					     void *context)
{
	struct svio_loop_source *source = calloc(1, sizeof(*source));

	if (!source) {
		errno = ENOMEM;
		return NULL;
	}
	source->loop = loop;
	source->fd = -1;
	source->timer_fn = fn;
	source->context = context;
	source->due_ns = clock_ns() + delay_us * 1000;
	source->period_ns = period_us * 1000;
	LIST_INSERT_HEAD(&loop->timers, source, link);
	arm(loop);
	return source;
}

void svio_loop_remove(struct svio_loop_source *source)
{
	struct svio_loop *loop;

	if (!source || source->dead)
		return;
	loop = source->loop;
	source->dead = true;
	LIST_REMOVE(source, link);
	LIST_INSERT_HEAD(&loop->dead, source, link);
	if (source->timer_fn)
		arm(loop);
	else
		epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (loop->depth == 0)
		free_list(&loop->dead);
}

static struct svio_loop_source *find_due(const struct svio_loop *loop, uint64_t now_ns)
{
	struct svio_loop_source *timer;

	for (timer = LIST_FIRST(&loop->timers); timer; timer = LIST_NEXT(timer, link))
		if (timer->due_ns <= now_ns)
			return timer;
	return NULL;
}

/*
 * Each timer that is due now fires once; those that the callbacks add wait for
 * the next round. One that has fired and has no period stays, unarmed, until
 * its owner removes it: the owner holds the pointer.
 */
static void handle_timers(struct svio_loop *loop)
{
	uint64_t now_ns = clock_ns(), expirations;
	struct svio_loop_source *timer;

	if (read(loop->timer_fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return;
	loop->armed_ns = NEVER;
	while ((timer = find_due(loop, now_ns))) {
		timer->due_ns = timer->period_ns ? now_ns + timer->period_ns : NEVER;
		timer->timer_fn(timer->context);
	}
	arm(loop);
}

void svio_loop_at_end(struct svio_loop *loop, struct svio_loop_late *late)
{
	if (loop->depth == 0) {
		late->fn(late->context);
		return;
	}
	late->next = NULL;
	*loop->late_end = late;
	loop->late_end = &late->next;
}

/* What they add waits for its turn behind them. */
static void handle_late(struct svio_loop *loop)
{
	while (loop->late) {
		struct svio_loop_late *late = loop->late;

		loop->late = late->next;
		if (!loop->late)
			loop->late_end = &loop->late;
		late->fn(late->context); /* may free it */
	}
}

int svio_loop_run_once(struct svio_loop *loop, int timeout_ms)
{
	struct epoll_event events[EVENTS_A_ROUND];
	int count = epoll_wait(loop->epoll_fd, events, EVENTS_A_ROUND, timeout_ms);

	if (count < 0)
		return errno == EINTR ? 0 : -errno;
	loop->depth++;
	for (int i = 0; i < count; i++) {
		struct svio_loop_source *source = events[i].data.ptr;

		if (!source)
			handle_timers(loop);
		else if (!source->dead)
			source->fd_fn(source->context, source->fd, events[i].events);
	}
	handle_late(loop);
	if (--loop->depth == 0)
		free_list(&loop->dead);
	return 0;
}

int svio_loop_run(struct svio_loop *loop)
{
	loop->stop = false;
	while (!loop->stop) {
		int status = svio_loop_run_once(loop, -1);

		if (status)
			return status;
	}
	return 0;
}

void svio_loop_stop(struct svio_loop *loop)
{
	loop->stop = true;
}
