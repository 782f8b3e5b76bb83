// SPDX-License-Identifier: BSD-3-Clause
/*
 * The event loop (loop.h).
 *
 * A source that is removed while a round of events is being handled may still
 * stand further down in that round. So it is only marked dead and put on the
 * grave list, which is emptied when the outermost round is over.
 *
 * A timer is a timerfd: one kind of source, and microseconds where epoll's own
 * timeout has milliseconds.
 */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define EVENTS_A_ROUND 64

struct svio_loop_source {
	struct svio_loop *loop;
	struct svio_loop_source *prev, *next; /* list of the living, or (next) of the dead */
	void *context;
	svio_loop_fd_fn fd_fn;
	svio_loop_timer_fn timer_fn; /* not NULL: this is a timer and fd is ours */
	int fd;
	bool dead;
};

struct svio_loop {
	struct svio_loop_source *living, *dead;
	int epoll_fd;
	int depth; /* rounds being handled */
	bool stop;
};

struct svio_loop *svio_loop_new(void)
{
	struct svio_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		int error = errno;

		free(loop);
		errno = error;
		return NULL;
	}
	return loop;
}

static void free_dead(struct svio_loop *loop)
{
	while (loop->dead) {
		struct svio_loop_source *source = loop->dead;

		loop->dead = source->next;
		free(source);
	}
}

void svio_loop_free(struct svio_loop *loop)
{
	if (!loop)
		return;
	while (loop->living)
		svio_loop_remove(loop->living);
	free_dead(loop);
	close(loop->epoll_fd);
	free(loop);
}

static struct svio_loop_source *add_source(struct svio_loop *loop, int fd, uint32_t events,
					   const struct svio_loop_source *init)
{
	struct epoll_event event = { .events = events };
	struct svio_loop_source *source = malloc(sizeof(*source));
	int error;

	if (!source)
		return NULL;
	*source = *init;
	source->loop = loop;
	source->fd = fd;
	event.data.ptr = source;
	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event)) {
		error = errno;
		free(source);
		errno = error;
		return NULL;
	}
	source->next = loop->living;
	if (source->next)
		source->next->prev = source;
	loop->living = source;
	return source;
}

struct svio_loop_source *svio_loop_add_fd(struct svio_loop *loop, int fd, uint32_t events,
					  svio_loop_fd_fn fn, void *context)
{
	struct svio_loop_source init = { .fd_fn = fn, .context = context };

	return add_source(loop, fd, events, &init);
}

int svio_loop_set_events(struct svio_loop_source *source, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = source };

	return epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &event) ? -errno : 0;
}

static struct timespec timespec_of_us(uint64_t us)
{
	return (struct timespec){ .tv_sec = (time_t)(us / 1000000),
				  .tv_nsec = (long)(us % 1000000) * 1000 };
}

struct svio_loop_source *svio_loop_add_timer(struct svio_loop *loop, uint64_t delay_us,
					     uint64_t period_us, svio_loop_timer_fn fn,
					     void *context)
{
	struct svio_loop_source init = { .timer_fn = fn, .context = context };
	struct itimerspec spec = { .it_value = timespec_of_us(delay_us),
				   .it_interval = timespec_of_us(period_us) };
	struct svio_loop_source *source = NULL;
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	int error;

	if (fd < 0)
		return NULL;
	if (delay_us == 0)
		spec.it_value.tv_nsec = 1; /* zero would disarm it */
	if (!timerfd_settime(fd, 0, &spec, NULL))
		source = add_source(loop, fd, EPOLLIN, &init);
	if (!source) {
		error = errno;
		close(fd);
		errno = error;
	}
	return source;
}

void svio_loop_remove(struct svio_loop_source *source)
{
	struct svio_loop *loop;

	if (!source || source->dead)
		return;
	loop = source->loop;
	source->dead = true;
	epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
	if (source->timer_fn)
		close(source->fd);
	if (source->prev)
		source->prev->next = source->next;
	else
		loop->living = source->next;
	if (source->next)
		source->next->prev = source->prev;
	source->next = loop->dead;
	loop->dead = source;
	if (loop->depth == 0)
		free_dead(loop);
}

static void handle_timer(struct svio_loop_source *source)
{
	void *context = source->context;
	svio_loop_timer_fn fn = source->timer_fn;
	uint64_t expirations;

	if (read(source->fd, &expirations, sizeof(expirations)) != sizeof(expirations))
		return; /* another round has taken it */
	/*
	 * A timer that fires once stays a source until its owner removes it: the
	 * owner holds the pointer and cannot be made to guess whether it is valid.
	 */
	fn(context);
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

		if (source->dead)
			continue;
		if (source->timer_fn)
			handle_timer(source);
		else
			source->fd_fn(source->context, source->fd, events[i].events);
	}
	if (--loop->depth == 0)
		free_dead(loop);
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
