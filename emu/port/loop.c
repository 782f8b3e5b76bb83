/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The core's loop: poll, and when there is nothing to do, spin, yield, sleep.
 *
 * Spinning finds work soonest but burns the core. So after the last work the
 * loop spins SPIN_PAUSE_NS, then lets others run between polls (a guest whose
 * turn it is may share the core), and after spin_ns in all it sleeps in epoll.
 * spin_ns adapts between SPIN_MIN_NS and SPIN_MAX_NS as KVM's halt polling does:
 * a sleep that was over soon should have been a longer spin, a long one a
 * shorter spin. Where the process may use one processor only it yields from the
 * first empty poll on: whoever has work for it must run there.
 *
 * Nobody's wake-up may be lost. Each source announces work and then looks
 * whether the firmware sleeps; the firmware says that it sleeps and then looks
 * for work; both with a full barrier between:
 *   guest   tail, then asleep in its doorbell page     svio_fw_sleep()
 *   sviod   mail or wake bits, then fw_state           go_to_sleep() below
 *   wire    its descriptor is level-triggered; it is armed before the last poll
 */
#include <sched.h>
#include <string.h>
#include <sys/epoll.h>

#include "port.h"

#define SPIN_PAUSE_NS      10000ull
#define SPIN_MIN_NS        20000ull
#define SPIN_MAX_NS        200000ull
#define SLEEP_LONG_NS      5000000ull
#define HOUSEKEEPING_NS    50000000ull
#define HOUSEKEEPING_POLLS 256
/* A sleep longer than this is asked to come back: the clock's rate is then corrected. */
#define SLEEP_MAX_NS 3600000000000ull

enum source {
	SOURCE_KICK,
	SOURCE_HOST,
	SOURCE_WIRE,
	SOURCE_LINK
};
#define SOURCES 4

volatile sig_atomic_t svio_port_signalled;

static int watch(struct svio_port *port, int fd, enum source source)
{
	struct epoll_event event = { .events = EPOLLIN, .data.u32 = source };

	if (fd < 0)
		return 0;
	return epoll_ctl(port->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

int svio_port_loop_open(struct svio_port *port)
{
	int status;

	port->pause_ns = SPIN_PAUSE_NS;
	port->spin_min_ns = SPIN_MIN_NS;
	port->spin_max_ns = SPIN_MAX_NS;
	port->spin_ns = SPIN_MAX_NS;
	port->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (port->epoll_fd < 0)
		return -errno;
	if (pthread_sigmask(SIG_BLOCK, NULL, &port->asleep_mask))
		return -EINVAL;
	sigaddset(&port->asleep_mask, SIGALRM);
	status = svio_port_stall_watch();
	if (status < 0)
		return status;
	status = watch(port, port->host.kick_fd, SOURCE_KICK);
	return status < 0 ? status : watch(port, port->host.fd, SOURCE_HOST);
}

/* The VIFs and sviod's readers learn the wire's state where it has changed; wire_mac is ours. */
static void report_link(struct svio_port *port)
{
	struct svio_port_wire *wire = &port->wire;
	svio_u8 *shared_mac = port->host.segment->wire_mac;
	uint32_t speed_mbps;
	uint8_t mac[6];
	bool up;

	wire->kind->link(wire, mac, &up, &speed_mbps);
	if (memcmp(shared_mac, mac, sizeof(mac)) != 0)
		memcpy(shared_mac, mac, sizeof(mac));
	if (port->link_reported && up == port->link_up && speed_mbps == port->link_speed_mbps)
		return;
	port->link_reported = true;
	port->link_up = up;
	port->link_speed_mbps = speed_mbps;
	svio_fw_wire_link(port->fw, up, speed_mbps);
}

/* A wire that was still opening: use it, or end. */
static void check_opening(struct svio_port *port)
{
	struct svio_port_wire *wire = &port->wire;

	switch (wire->kind->progress(wire)) {
	case SVIO_PORT_WIRE_OPENING:
		return;
	case SVIO_PORT_WIRE_FAILED:
		port->stop = SVIO_PORT_STOP_WIRE;
		return;
	case SVIO_PORT_WIRE_OPEN:
		break;
	}
	if (watch(port, wire->rx_fd, SOURCE_WIRE) < 0 ||
	    watch(port, wire->link_fd, SOURCE_LINK) < 0) {
		svio_port_log("cannot watch the wire: %s", strerror(errno));
		port->stop = SVIO_PORT_STOP_BROKEN;
		return;
	}
	wire->open = true;
	port->hal.wire_state = wire->state;
	port->hal.wire = wire->ops ? wire->ops : wire->kind->ops;
	port->hal_ops.wire_csum = wire->csum;
	port->hal_ops.wire_gso = wire->gso;
	report_link(port);
}

/* What need not be looked at in every pass. */
static void keep_house(struct svio_port *port, uint64_t now)
{
	port->housekeeping_ns = now + HOUSEKEEPING_NS;
	svio_port_clock_tick();
	svio_port_irq_judge(&port->irq, now);
	if (svio_port_signalled && !port->stop)
		port->stop = SVIO_PORT_STOP_SIGNAL;
	if (svio_port_host_gone(&port->host))
		port->stop = SVIO_PORT_STOP_HOST;
	if (!port->wire.open) {
		check_opening(port);
	} else if (!port->stop) {
		if (port->wire.link_fd >= 0)
			svio_port_linkwatch_drain(port->wire.link_fd);
		report_link(port);
	}
}

static void tell_lost_objects(struct svio_port *port)
{
	int64_t object;

	while ((object = svio_port_object_lost_next()) >= 0) {
		if (svio_port_log_allow())
			svio_port_log("memory object %lld was truncated by its owner: the VIFs "
				      "that use it are stopped",
				      (long long)object);
		svio_fw_object_lost(port->fw, (uint32_t)object);
	}
}

static uint32_t pass(struct svio_port *port)
{
	uint32_t work = svio_fw_poll(port->fw);

	if (__builtin_expect(svio_port_objects_lost(), 0))
		tell_lost_objects(port);
	if (__builtin_expect(svio_port_host_mail(&port->host) || port->host.reply_waits, 0))
		work += svio_port_host_serve(port);
	return work;
}

static bool woken_by_host(const struct svio_port *port)
{
	return svio_host_wake_any(port->host.segment) || svio_port_host_mail(&port->host) ||
	       port->host.reply_waits || svio_port_signalled;
}

static uint64_t nearer(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void drain_kick(struct svio_port *port)
{
	uint64_t *kicks = &port->host.segment->counters[SVIO_DEVICE_COUNTER_kicks];
	uint64_t count;

	if (read(port->host.kick_fd, &count, sizeof(count)) == sizeof(count))
		__atomic_store_n(kicks, *kicks + 1, __ATOMIC_RELAXED);
}

/* Block until something happens or ns are over; see to what happened. True: something has. */
static bool wait_for_events(struct svio_port *port, uint64_t ns)
{
	struct timespec timeout = { .tv_sec = (time_t)(ns / 1000000000u),
				    .tv_nsec = (long)(ns % 1000000000u) };
	struct epoll_event events[SOURCES];
	bool traffic = false;
	int i, count;

	count = epoll_pwait2(port->epoll_fd, events, SOURCES, &timeout, &port->asleep_mask);
	if (count < 0 && errno == ENOSYS) /* Linux before 5.11 */
		count = epoll_pwait(port->epoll_fd, events, SOURCES, (int)(ns / 1000000u) + 1,
				    &port->asleep_mask);
	for (i = 0; i < count; i++) {
		switch ((enum source)events[i].data.u32) {
		case SOURCE_KICK:
			drain_kick(port);
			break;
		case SOURCE_WIRE:
			traffic = true;
			break;
		case SOURCE_HOST: /* a message, or the end: either is seen at once */
			svio_port_host_serve(port);
			break;
		case SOURCE_LINK:
			port->housekeeping_ns = 0;
			break;
		}
	}
	if (port->wire.open)
		port->wire.kind->wake(&port->wire, traffic);
	return count > 0;
}

static void set_state(struct svio_port *port, enum svio_host_fw_state state)
{
	__atomic_store_n(&port->host.segment->fw_state, (uint32_t)state, __ATOMIC_SEQ_CST);
}

/* All VIFs are marked asleep and nobody had work. True: woken by an event, not by the time. */
static bool go_to_sleep(struct svio_port *port, uint64_t until_ns)
{
	uint64_t now = svio_hal_now_ns();
	bool event;

	set_state(port, SVIO_HOST_FW_ASLEEP);
	/* Pairs with sviod's barrier between mail or wake and its look at fw_state. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (woken_by_host(port) || until_ns <= now)
		event = wait_for_events(
			port, 0); /* the wire's interrupt is to be disarmed all the same */
	else
		event = wait_for_events(port, nearer(until_ns - now, SLEEP_MAX_NS));
	set_state(port, SVIO_HOST_FW_POLLING);
	svio_fw_wake(port->fw);
	return event;
}

static void adapt_spin(struct svio_port *port, uint64_t slept_ns)
{
	if (slept_ns < port->spin_max_ns)
		port->spin_ns = nearer(port->spin_ns * 2, port->spin_max_ns);
	else if (slept_ns > SLEEP_LONG_NS && port->spin_ns / 2 >= port->spin_min_ns)
		port->spin_ns /= 2;
}

static void try_to_sleep(struct svio_port *port)
{
	uint64_t deadline_ns = UINT64_MAX, most_ns = UINT64_MAX;
	uint64_t before = svio_hal_now_ns();

	if (port->wire.open)
		port->wire.kind->sleep(&port->wire, &most_ns);
	/* The wire is armed: frames that came before are found by this poll, later ones wake. */
	if (pass(port) > 0)
		port->idle_since_ns = 0;
	if (!port->idle_since_ns || port->stop || !svio_fw_sleep(port->fw, &deadline_ns)) {
		if (port->wire.open)
			port->wire.kind->wake(&port->wire, false);
		return;
	}
	if (most_ns != UINT64_MAX)
		deadline_ns = nearer(deadline_ns, before + most_ns);
	/* Woken by the time it sleeps on at once, unless the next poll finds work. */
	if (go_to_sleep(port, deadline_ns))
		port->idle_since_ns = 0;
	adapt_spin(port, svio_hal_now_ns() - before);
	if (svio_port_signalled || !port->wire.open)
		port->housekeeping_ns = 0;
}

static void idle(struct svio_port *port, uint64_t now)
{
	uint64_t idle_ns;

	if (!port->idle_since_ns)
		port->idle_since_ns = now;
	idle_ns = now - port->idle_since_ns;
	if (port->busy || (port->cpus > 1 && idle_ns < port->pause_ns))
		svio_port_relax();
	else if (idle_ns < port->spin_ns)
		sched_yield();
	else
		try_to_sleep(port);
}

void svio_port_loop_run(struct svio_port *port)
{
	set_state(port, SVIO_HOST_FW_POLLING);
	check_opening(port);
	while (!port->stop) {
		uint64_t now;

		if (pass(port) > 0) {
			port->idle_since_ns = 0;
			if (++port->polls % HOUSEKEEPING_POLLS)
				continue;
			now = svio_hal_now_ns();
		} else {
			now = svio_hal_now_ns();
			idle(port, now);
		}
		if (now >= port->housekeeping_ns)
			keep_house(port, now);
	}
}
