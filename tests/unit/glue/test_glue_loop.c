// SPDX-License-Identifier: BSD-3-Clause
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "loop.h"
#include "svio_test.h"

struct counter {
	struct svio_loop *loop;
	struct svio_loop_source *self, *other;
	int calls;
};

static void count_fd(void *context, int fd, uint32_t events)
{
	struct counter *counter = context;
	uint64_t value;

	CU_ASSERT(events & EPOLLIN);
	CU_ASSERT_EQUAL(read(fd, &value, sizeof(value)), sizeof(value));
	counter->calls++;
}

static void add_fd_ready_descriptor_is_called(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };
	int fd = eventfd(1, EFD_NONBLOCK);

	counter.self = svio_loop_add_fd(loop, fd, EPOLLIN, count_fd, &counter);
	CU_ASSERT_PTR_NOT_NULL(counter.self);
	CU_ASSERT_EQUAL(svio_loop_run_once(loop, -1), 0);
	CU_ASSERT_EQUAL(counter.calls, 1);
	CU_ASSERT_EQUAL(svio_loop_run_once(loop, 0), 0);
	CU_ASSERT_EQUAL(counter.calls, 1);
	svio_loop_free(loop);
	close(fd);
}

static void add_fd_closed_descriptor_fails(void)
{
	struct svio_loop *loop = svio_loop_new();

	errno = 0;
	CU_ASSERT_PTR_NULL(svio_loop_add_fd(loop, -1, EPOLLIN, count_fd, NULL));
	CU_ASSERT_EQUAL(errno, EBADF);
	svio_loop_free(loop);
}

static void set_events_none_silences_source(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };
	int fd = eventfd(1, EFD_NONBLOCK);

	counter.self = svio_loop_add_fd(loop, fd, EPOLLIN, count_fd, &counter);
	CU_ASSERT_EQUAL(svio_loop_set_events(counter.self, 0), 0);
	svio_loop_run_once(loop, 0);
	CU_ASSERT_EQUAL(counter.calls, 0);
	CU_ASSERT_EQUAL(svio_loop_set_events(counter.self, EPOLLIN), 0);
	svio_loop_run_once(loop, -1);
	CU_ASSERT_EQUAL(counter.calls, 1);
	svio_loop_free(loop);
	close(fd);
}

static void remove_both(void *context, int fd, uint32_t events)
{
	struct counter *counter = context;

	(void)fd;
	(void)events;
	counter->calls++;
	svio_loop_remove(counter->other);
	svio_loop_remove(counter->self);
	counter->self = counter->other = NULL;
}

/* Both are ready in one round; whoever comes first removes both. */
static void remove_from_callback_other_is_not_called(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };
	int a = eventfd(1, EFD_NONBLOCK), b = eventfd(1, EFD_NONBLOCK);

	counter.self = svio_loop_add_fd(loop, a, EPOLLIN, remove_both, &counter);
	counter.other = svio_loop_add_fd(loop, b, EPOLLIN, remove_both, &counter);
	svio_loop_run_once(loop, -1);
	CU_ASSERT_EQUAL(counter.calls, 1);
	svio_loop_run_once(loop, 0);
	CU_ASSERT_EQUAL(counter.calls, 1);
	svio_loop_free(loop);
	close(a);
	close(b);
}

/* What happened in a round, in order: '.' an event, 'a', 'b' the ends. */
static char story[16];

static void tell(const char *what)
{
	strncat(story, what, sizeof(story) - strlen(story) - 1);
}

struct teller {
	struct svio_loop *loop;
	struct svio_loop_late late;
	struct teller *after; /* comes behind this one, at the end */
	const char *name;
};

static void tell_end(void *context)
{
	struct teller *teller = context;

	tell(teller->name);
	if (teller->after)
		svio_loop_at_end(teller->loop, &teller->after->late);
}

static void tell_event(void *context, int fd, uint32_t events)
{
	struct teller *teller = context;
	uint64_t value;

	(void)events;
	CU_ASSERT_EQUAL(read(fd, &value, sizeof(value)), sizeof(value));
	tell(".");
	svio_loop_at_end(teller->loop, &teller->late);
}

static void at_end_comes_after_all_events_in_order(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct teller c = { loop, { NULL, tell_end, &c }, NULL, "c" };
	struct teller a = { loop, { NULL, tell_end, &a }, &c, "a" };
	struct teller b = { loop, { NULL, tell_end, &b }, NULL, "b" };
	int fds[] = { eventfd(1, EFD_NONBLOCK), eventfd(1, EFD_NONBLOCK) };

	story[0] = 0;
	svio_loop_add_fd(loop, fds[0], EPOLLIN, tell_event, &a);
	svio_loop_add_fd(loop, fds[1], EPOLLIN, tell_event, &b);
	svio_loop_run_once(loop, -1);
	CU_ASSERT_STRING_EQUAL(story, "..abc");
	svio_loop_run_once(loop, 0);
	CU_ASSERT_STRING_EQUAL(story, "..abc");
	/* No round runs: at once. */
	svio_loop_at_end(loop, &b.late);
	CU_ASSERT_STRING_EQUAL(story, "..abcb");
	svio_loop_free(loop);
	close(fds[0]);
	close(fds[1]);
}

static void count_timer(void *context)
{
	struct counter *counter = context;

	if (++counter->calls == 3)
		svio_loop_stop(counter->loop);
}

static void add_timer_periodic_fires_until_stopped(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };

	CU_ASSERT_PTR_NOT_NULL(svio_loop_add_timer(loop, 0, 100, count_timer, &counter));
	CU_ASSERT_EQUAL(svio_loop_run(loop), 0);
	CU_ASSERT_EQUAL(counter.calls, 3);
	svio_loop_free(loop);
}

static void remove_self(void *context)
{
	struct counter *counter = context;

	counter->calls++;
	svio_loop_remove(counter->self);
	svio_loop_stop(counter->loop);
}

static void add_timer_once_may_remove_itself(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };

	counter.self = svio_loop_add_timer(loop, 1, 0, remove_self, &counter);
	CU_ASSERT_EQUAL(svio_loop_run(loop), 0);
	CU_ASSERT_EQUAL(counter.calls, 1);
	svio_loop_free(loop);
}

static void note_order(void *context)
{
	struct counter *counter = context;

	/* The other's counter is what this one must have been called before or after. */
	counter->calls++;
	if (counter->other)
		svio_loop_stop(counter->loop);
}

static void add_timer_several_fire_in_the_order_of_time(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter late = { .loop = loop }, early = { .loop = loop };

	svio_loop_add_timer(loop, 3600000000ull, 0, note_order, &late);
	early.other = svio_loop_add_timer(loop, 1000, 0, note_order, &early);
	CU_ASSERT_EQUAL(svio_loop_run(loop), 0);
	CU_ASSERT_EQUAL(early.calls, 1);
	CU_ASSERT_EQUAL(late.calls, 0);
	/* One that has fired is quiet, but still its owner's. */
	svio_loop_run_once(loop, 2);
	CU_ASSERT_EQUAL(early.calls, 1);
	svio_loop_remove(early.other);
	svio_loop_free(loop); /* and the other with it */
}

static void add_another(void *context)
{
	struct counter *counter = context;

	counter->calls++;
	svio_loop_add_timer(counter->loop, 0, 0, add_another, counter);
}

/* A timer that always adds one which is due at once does not keep the loop from all else. */
static void add_timer_from_timer_waits_for_the_next_round(void)
{
	struct svio_loop *loop = svio_loop_new();
	struct counter counter = { .loop = loop };

	add_another(&counter);
	for (int i = 0; i < 100; i++)
		svio_loop_run_once(loop, -1);
	CU_ASSERT(counter.calls > 1);
	svio_loop_free(loop);
}

static void remove_null_is_ignored(void)
{
	svio_loop_remove(NULL);
	svio_loop_free(NULL);
	CU_PASS("nothing crashed");
}

SVIO_TEST_MAIN("glue loop", SVIO_TEST(add_fd_ready_descriptor_is_called),
	       SVIO_TEST(add_fd_closed_descriptor_fails),
	       SVIO_TEST(set_events_none_silences_source),
	       SVIO_TEST(remove_from_callback_other_is_not_called),
	       SVIO_TEST(at_end_comes_after_all_events_in_order),
	       SVIO_TEST(add_timer_periodic_fires_until_stopped),
	       SVIO_TEST(add_timer_once_may_remove_itself),
	       SVIO_TEST(add_timer_several_fire_in_the_order_of_time),
	       SVIO_TEST(add_timer_from_timer_waits_for_the_next_round),
	       SVIO_TEST(remove_null_is_ignored))
