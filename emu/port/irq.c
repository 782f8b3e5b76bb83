/* SPDX-License-Identifier: BSD-3-Clause */
#include "irq.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "port.h"

#define FORBIDDEN (-2) /* instead of an eventfd: one of the VIF's made a write wait (stall.c) */

/* How long the sidecore looks for more before it sleeps: longer than most guests' polls between. */
#define SPIN_NS 50000u

/* AUTO: above this share of its time the core leaves raising to the sidecore, far below not. */
#define BUSY_SHARE  16
#define CALM_SHARE  64
#define CALM_ROUNDS 40

static int *fd_of(const struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	return &irq->fds[(size_t)vif * SVIO_HAL_VECTORS_MAX + vector];
}

static void count(struct svio_port_irq *irq, enum svio_device_counter counter)
{
	__atomic_fetch_add(&irq->counters[counter], 1, __ATOMIC_RELAXED);
}

/* sviod reads it for the PBA. */
static void set_pending(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	__atomic_fetch_or(&irq->vifs[vif].pending, 1ull << vector, __ATOMIC_RELEASE);
}

/* Under the lock where there is a sidecore, as all that writes fds. */
static void close_all(struct svio_port_irq *irq, uint32_t vif, int instead)
{
	uint32_t vector;

	for (vector = 0; vector < SVIO_HAL_VECTORS_MAX; vector++) {
		int *fd = fd_of(irq, vif, vector);

		if (*fd >= 0)
			close(*fd);
		__atomic_store_n(fd, instead, __ATOMIC_RELAXED);
	}
}

static void forbid(struct svio_port_irq *irq, uint32_t vif)
{
	close_all(irq, vif, FORBIDDEN);
	svio_port_log("VIF %.*s: its client's eventfd made us wait: no interrupts any more until "
		      "it is added anew",
		      SVIO_HOST_NAME_BYTES, irq->vifs[vif].config.name);
}

static void write_eventfd(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	int fd = *fd_of(irq, vif, vector);
	uint64_t one = 1;

	if (fd >= 0)
		count(irq, SVIO_DEVICE_COUNTER_irq_writes);
	/* EAGAIN: the eventfd's count is full, so it is signalled already. */
	if (fd >= 0 && (write(fd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN))
		return;
	if (fd >= 0 && errno == EINTR)
		forbid(irq, vif);
	set_pending(irq, vif, vector);
}

/* The sidecore */

static void raise_vif(struct svio_port_irq *irq, uint32_t vif)
{
	uint64_t bits;

	pthread_mutex_lock(&irq->lock);
	bits = __atomic_exchange_n(&irq->vectors[vif], 0, __ATOMIC_ACQ_REL);
	for (; bits; bits &= bits - 1)
		write_eventfd(irq, vif, (uint32_t)__builtin_ctzll(bits));
	pthread_mutex_unlock(&irq->lock);
}

/* False: there was nothing. */
static bool raise_all(struct svio_port_irq *irq)
{
	uint64_t top;

	if (!__atomic_load_n(&irq->top, __ATOMIC_RELAXED))
		return false;
	top = __atomic_exchange_n(&irq->top, 0, __ATOMIC_SEQ_CST);
	for (; top; top &= top - 1) {
		uint32_t word = (uint32_t)__builtin_ctzll(top);
		uint64_t vifs = __atomic_exchange_n(&irq->words[word], 0, __ATOMIC_ACQ_REL);

		for (; vifs; vifs &= vifs - 1)
			raise_vif(irq, word * 64 + (uint32_t)__builtin_ctzll(vifs));
	}
	return true;
}

/* asleep, then a look at top; defer() sets top, then looks at asleep: one sees the other. */
static void sleep_until_woken(struct svio_port_irq *irq, const sigset_t *mask)
{
	struct pollfd wake = { .fd = irq->wake_fd, .events = POLLIN };
	uint64_t times;

	__atomic_store_n(&irq->asleep, 1, __ATOMIC_SEQ_CST);
	if (!__atomic_load_n(&irq->top, __ATOMIC_SEQ_CST) &&
	    !__atomic_load_n(&irq->stop, __ATOMIC_SEQ_CST))
		ppoll(&wake, 1, NULL, mask);
	__atomic_store_n(&irq->asleep, 0, __ATOMIC_SEQ_CST);
	/* One that comes after this shortens the next sleep, no more. */
	if (read(irq->wake_fd, &times, sizeof(times)) == sizeof(times))
		count(irq, SVIO_DEVICE_COUNTER_irq_wakes);
}

static void *run_sidecore(void *context)
{
	struct svio_port_irq *irq = context;
	uint64_t idle_since_ns = 0;
	sigset_t alarm_only, asleep_mask;

	pthread_setaffinity_np(pthread_self(), sizeof(irq->cpus), &irq->cpus);
	sigfillset(&asleep_mask);
	sigemptyset(&alarm_only);
	sigaddset(&alarm_only, SIGALRM);
	pthread_sigmask(SIG_UNBLOCK, &alarm_only, NULL);
	if (svio_port_stall_watch() < 0)
		svio_port_log("no timer for interrupts: a client may make them wait");
	while (!__atomic_load_n(&irq->stop, __ATOMIC_ACQUIRE)) {
		if (raise_all(irq)) {
			idle_since_ns = 0;
			continue;
		}
		if (!idle_since_ns)
			idle_since_ns = svio_hal_clock_kernel_ns();
		if (svio_hal_clock_kernel_ns() - idle_since_ns < SPIN_NS) {
			svio_port_relax();
			continue;
		}
		sleep_until_woken(irq, &asleep_mask);
		idle_since_ns = 0;
	}
	raise_all(irq);
	return NULL;
}

/* Its signals are the core's thread's. 0; -errno. */
static int start_sidecore(struct svio_port_irq *irq)
{
	sigset_t all, before;
	int status;

	if (irq->runs)
		return 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	status = pthread_create(&irq->thread, NULL, run_sidecore, irq);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	irq->runs = !status;
	return -status;
}

static void wake_sidecore(struct svio_port_irq *irq)
{
	uint64_t one = 1;

	if (__atomic_load_n(&irq->asleep, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&irq->asleep, 0, __ATOMIC_SEQ_CST) &&
	    write(irq->wake_fd, &one, sizeof(one)) < 0)
		return; /* full: it is awake */
}

/* The core */

static void defer(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	/* Bits that were there are announced already, and not taken yet. */
	if (__atomic_fetch_or(&irq->vectors[vif], 1ull << vector, __ATOMIC_ACQ_REL))
		return;
	__atomic_fetch_or(&irq->words[vif / 64], 1ull << vif % 64, __ATOMIC_RELEASE);
	__atomic_fetch_or(&irq->top, 1ull << vif / 64, __ATOMIC_SEQ_CST);
	wake_sidecore(irq);
}

static void raise_inline(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	uint64_t begin_ns;

	if (irq->mode != SVIO_PORT_IRQ_AUTO) {
		write_eventfd(irq, vif, vector);
		return;
	}
	begin_ns = svio_hal_now_ns();
	if (irq->runs) /* it may still raise what was left to it */
		pthread_mutex_lock(&irq->lock);
	write_eventfd(irq, vif, vector);
	if (irq->runs)
		pthread_mutex_unlock(&irq->lock);
	irq->raise_ns += svio_hal_now_ns() - begin_ns;
}

void svio_port_irq_raise(struct svio_port_irq *irq, uint32_t vif, uint32_t vector)
{
	if (vif >= irq->vifs_max || vector >= SVIO_HAL_VECTORS_MAX)
		return;
	irq->raises++;
	if (__atomic_load_n(fd_of(irq, vif, vector), __ATOMIC_RELAXED) < 0)
		set_pending(irq, vif, vector);
	else if (irq->deferred)
		defer(irq, vif, vector);
	else
		raise_inline(irq, vif, vector);
}

int svio_port_irq_set(struct svio_port_irq *irq, uint32_t vif, uint32_t vector, int fd)
{
	int *place = fd_of(irq, vif, vector);
	uint64_t bit = 1ull << vector;
	int status = 0;

	pthread_mutex_lock(&irq->lock);
	if (*place == FORBIDDEN) {
		if (fd >= 0)
			close(fd);
		status = fd >= 0 ? -EPERM : 0;
	} else {
		if (*place >= 0)
			close(*place);
		__atomic_store_n(place, fd, __ATOMIC_RELAXED);
		/* What the sidecore was to raise, and has not, is raised here or pending. */
		if (__atomic_fetch_and(&irq->vectors[vif], ~bit, __ATOMIC_ACQ_REL) & bit)
			write_eventfd(irq, vif, vector);
		else if (fd >= 0 &&
			 __atomic_fetch_and(&irq->vifs[vif].pending, ~bit, __ATOMIC_ACQ_REL) & bit)
			write_eventfd(irq, vif, vector);
	}
	pthread_mutex_unlock(&irq->lock);
	return status;
}

void svio_port_irq_release(struct svio_port_irq *irq, uint32_t vif)
{
	pthread_mutex_lock(&irq->lock);
	__atomic_store_n(&irq->vectors[vif], 0, __ATOMIC_RELEASE);
	close_all(irq, vif, -1);
	pthread_mutex_unlock(&irq->lock);
}

/*
 * While it is inline the time is measured. While it is deferred only the number is known; few
 * raises for a while mean that the core can do them itself again.
 */
void svio_port_irq_judge(struct svio_port_irq *irq, uint64_t now_ns)
{
	uint64_t elapsed_ns = now_ns - irq->judged_ns;

	if (irq->mode != SVIO_PORT_IRQ_AUTO || !elapsed_ns ||
	    CPU_COUNT(&irq->cpus) < SVIO_PORT_IRQ_CPUS_MIN - 1)
		return;
	if (!irq->deferred && irq->raise_ns > elapsed_ns / BUSY_SHARE) {
		irq->deferred = start_sidecore(irq) == 0;
		irq->calm = 0;
	} else if (irq->deferred) {
		/* A raise is some 1000 ns where it wakes somebody. */
		bool few = irq->raises * 1000ull < elapsed_ns / CALM_SHARE;

		irq->calm = few ? irq->calm + 1 : 0;
		irq->deferred = irq->calm < CALM_ROUNDS;
	}
	irq->raise_ns = 0;
	irq->raises = 0;
	irq->judged_ns = now_ns;
}

int svio_port_irq_open(struct svio_port_irq *irq, enum svio_port_irq_mode mode,
		       const cpu_set_t *cpus, struct svio_host_segment *segment, uint64_t now_ns)
{
	size_t fds = (size_t)segment->vifs_max * SVIO_HAL_VECTORS_MAX;

	memset(irq, 0, sizeof(*irq));
	irq->mode = mode;
	irq->cpus = *cpus;
	irq->vifs_max = segment->vifs_max;
	irq->vifs = (struct svio_host_vif *)(void *)((char *)segment + segment->vifs_offset);
	irq->counters = segment->counters;
	irq->judged_ns = now_ns;
	pthread_mutex_init(&irq->lock, NULL);
	irq->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irq->fds = malloc(fds * sizeof(*irq->fds));
	irq->vectors = calloc(irq->vifs_max, sizeof(*irq->vectors));
	if (irq->wake_fd < 0 || !irq->fds || !irq->vectors)
		return -ENOMEM;
	memset(irq->fds, 0xff, fds * sizeof(*irq->fds)); /* -1 */
	irq->deferred = mode == SVIO_PORT_IRQ_SIDECORE;
	return irq->deferred ? start_sidecore(irq) : 0;
}

void svio_port_irq_close(struct svio_port_irq *irq)
{
	uint32_t vif;

	__atomic_store_n(&irq->stop, 1, __ATOMIC_SEQ_CST);
	if (irq->runs) {
		wake_sidecore(irq);
		pthread_join(irq->thread, NULL);
	}
	for (vif = 0; vif < irq->vifs_max; vif++)
		close_all(irq, vif, -1);
	close(irq->wake_fd);
	free(irq->fds);
	free(irq->vectors);
}
