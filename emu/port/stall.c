/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interrupt is a write to an eventfd that a client gave, and shares with us: it
 * can fill the counter and take O_NONBLOCK away at any time, and the thread that
 * raises would wait in write() for as long as the client likes. No flag of a write
 * prevents that, but a signal ends it: a timer sends one to each thread that raises, all
 * the time (masked while it sleeps). A write that one ends has waited, which
 * a counter that is not full never does; that VIF gets no more interrupts.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "port.h"

#define PERIOD_NS 20000000

static void handle_alarm(int signal_number)
{
	(void)signal_number;
}

int svio_port_stall_watch(void)
{
	struct sigaction action = { .sa_handler = handle_alarm }; /* no SA_RESTART */
	struct sigevent event = { .sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGALRM };
	struct itimerspec period = { .it_interval.tv_nsec = PERIOD_NS,
				     .it_value.tv_nsec = PERIOD_NS };
	timer_t timer;

	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	sigemptyset(&action.sa_mask);
	if (sigaction(SIGALRM, &action, NULL) < 0 ||
	    timer_create(CLOCK_MONOTONIC, &event, &timer) < 0 ||
	    timer_settime(timer, 0, &period, NULL) < 0)
		return -errno;
	return 0;
}
