/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An interrupt is a write to an eventfd that a client gave, and shares with us: it
 * can fill the counter and take O_NONBLOCK away at any time, and our one thread
 * would wait in write() for as long as the client likes. No flag of a write
 * prevents that, but a signal ends it: a timer sends one to the core's thread all
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

int svio_port_stall_watch(sigset_t *asleep_mask)
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
	    timer_settime(timer, 0, &period, NULL) < 0 ||
	    sigprocmask(SIG_BLOCK, NULL, asleep_mask) < 0)
		return -errno;
	sigaddset(asleep_mask, SIGALRM);
	return 0;
}

void svio_hal_irq_forbid(struct svio_hal *hal, uint32_t vif)
{
	int *fds = hal->irq_fds + (size_t)vif * SVIO_HAL_VECTORS_MAX;
	uint32_t vector;

	for (vector = 0; vector < SVIO_HAL_VECTORS_MAX; vector++) {
		if (fds[vector] >= 0)
			close(fds[vector]);
		fds[vector] = SVIO_HAL_IRQ_FORBIDDEN;
	}
	svio_port_log("VIF %.*s: its client's eventfd made us wait: no interrupts any more until "
		      "it is added anew",
		      SVIO_HOST_NAME_BYTES, hal->vifs[vif].config.name);
}
