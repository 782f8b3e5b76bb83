/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-fw: the firmware as a Linux process. What its files share.
 *
 *   main.c     options, signals, start and end
 *   host.c     the segment and the message socket to sviod
 *   objects.c  guests' memory, and its loss (SIGBUS)
 *   clock.c    svio_hal_now_ns()'s calibration
 *   loop.c     polling, pausing, sleeping
 *   irq.c      interrupts, raised by the core or by a thread beside it
 *   stall.c    clients that make an interrupt wait
 *   wire.c     which wire a --wire names; wire_tap.c, wire_dpdk.c: the kinds
 *   linkwatch.c, readiness.c: kernel events that wires sleep on
 *
 * Everything runs on one thread, the core's, except that interrupts may be raised by a second
 * one (irq.c), and that a DPDK wire is opened by another (wire_dpdk.c), so that a restarted
 * firmware serves its VIFs while DPDK is still starting.
 */
#ifndef SVIO_PORT_H
#define SVIO_PORT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svio_firmware.h"
#include "svio_hal.h"

#include "irq.h"
#include "wire.h"

/* Exit statuses; sviod must not restart after 2, 3 and 4. */
enum svio_port_exit {
	SVIO_PORT_EXIT_CLEAN = 0,
	SVIO_PORT_EXIT_INTERNAL = 1,
	SVIO_PORT_EXIT_USAGE = 2,
	SVIO_PORT_EXIT_WIRE = 3,    /* the wire cannot be opened */
	SVIO_PORT_EXIT_VERSION = 4, /* the segment is not this program's */
};

/* How the end came, which decides what happens to things that outlive a process. */
enum svio_port_stop {
	SVIO_PORT_RUN = 0,
	SVIO_PORT_STOP_SIGNAL, /* SIGTERM: another firmware may follow */
	SVIO_PORT_STOP_HOST,   /* STOP, or sviod is gone: the device ends */
	SVIO_PORT_STOP_WIRE,   /* the wire failed to open */
	SVIO_PORT_STOP_BROKEN, /* something of our own failed; a message was logged */
};

struct svio_port_host {
	int fd; /* SOCK_SEQPACKET to sviod */
	int kick_fd;
	struct svio_host_segment *segment;
	const void *tables; /* IOMMU arena, read-only */
	uint32_t mail_seen;
	bool reply_waits; /* reply could not be sent yet; no further request is taken */
	struct svio_host_msg reply;
};

struct svio_port {
	struct svio_hal hal; /* first: the firmware hands it back to ops */
	struct svio_port_host host;
	struct svio_port_irq irq;
	struct svio_port_wire wire;
	struct svio_fw *fw;
	void *fw_memory;
	struct svio_hal_ops hal_ops;
	/* loop.c */
	bool busy; /* --poll busy: never sleep */
	int epoll_fd;
	sigset_t asleep_mask;   /* signals that do not end a sleep */
	uint32_t cpus;          /* this process may run on */
	uint64_t idle_since_ns; /* 0: not idle */
	uint64_t spin_ns;       /* how long to look for work before sleeping */
	uint64_t pause_ns;      /* of that, without letting others run */
	uint64_t spin_min_ns, spin_max_ns;
	uint64_t housekeeping_ns; /* when it is due */
	uint32_t polls;           /* since the clock was last read for housekeeping */
	bool link_reported;       /* to the firmware, as the next two say */
	bool link_up;
	uint32_t link_speed_mbps;
	enum svio_port_stop stop;
};

/* One line to stderr, prefixed "svio-fw: ". Any thread. */
void svio_port_log(const char *format, ...) __attribute__((format(printf, 1, 2)));
/*
 * For lines that a guest can cause as often as it likes: true, write one. At most
 * SVIO_PORT_LOG_BURST in SVIO_PORT_LOG_WINDOW_NS; a line says when the rest is left out. The
 * core's thread.
 */
#define SVIO_PORT_LOG_BURST     32
#define SVIO_PORT_LOG_WINDOW_NS 10000000000ull
bool svio_port_log_allow(void);

/* Leaves the processor's other hardware thread its share. */
static inline void svio_port_relax(void)
{
#ifdef __x86_64__
	__asm__ volatile("pause");
#elif defined(__aarch64__)
	__asm__ volatile("yield");
#endif
}

/* host.c */

/*
 * Wait for HELLO and map what comes with it. 0; -EPROTO: not a segment of this
 * program's version, HELLO was refused; -ECONNRESET: sviod is gone; other
 * -errno: HELLO was refused. All but -ECONNRESET log a line.
 */
int svio_port_host_open(struct svio_port_host *host, int fd, uint32_t *hello_seq);
/* Answer a request. 0, or -errno where the socket is broken. */
int svio_port_host_reply(struct svio_port_host *host, uint32_t seq, uint32_t vif, int status);
/* True when sviod has announced messages that were not read yet. */
static inline bool svio_port_host_mail(const struct svio_port_host *host)
{
	return __atomic_load_n(&host->segment->mail, __ATOMIC_ACQUIRE) != host->mail_seen;
}
/* Take all messages that are there; sets port->stop. Returns how many. */
uint32_t svio_port_host_serve(struct svio_port *port);
/* True when sviod's end of the socket is closed. */
bool svio_port_host_gone(const struct svio_port_host *host);
/* Unmap a VIF's doorbells, close its eventfds. */
void svio_port_vif_release(struct svio_port *port, uint32_t vif);

/* objects.c */

/* Allocate the table, install the SIGBUS handler. 0; -ENOMEM. */
int svio_port_objects_open(struct svio_hal *hal);
/*
 * Map bytes of fd (which stays the caller's) as object number, in place of what
 * was there. 0; -EINVAL: number, length, or fd is not memory of that length;
 * other -errno from mmap.
 */
int svio_port_object_map(struct svio_hal *hal, uint64_t object, int fd, uint64_t bytes,
			 bool writable);
/* Unmap. 0; -ENOENT: not there. */
int svio_port_object_unmap(struct svio_hal *hal, uint64_t object);
/* True once after memory was lost under a copy; then object by object until -1. */
bool svio_port_objects_lost(void);
int64_t svio_port_object_lost_next(void);

/* clock.c */

/* Begin to calibrate; svio_hal_now_ns() is usable from the start. */
void svio_port_clock_start(void);
/* Correct the rate and the base; to be called a few times a second. */
void svio_port_clock_tick(void);

/* stall.c */

/*
 * See to it that no interrupt makes the calling thread wait for longer than some 20 ms. It gets
 * SIGALRM all the time, which it should mask where it sleeps. 0; -errno.
 */
int svio_port_stall_watch(void);

/* loop.c */

/* 0; -errno: no epoll, no timer. */
int svio_port_loop_open(struct svio_port *port);
/* Poll until port->stop is set. */
void svio_port_loop_run(struct svio_port *port);
/* Set by the signal handler. */
extern volatile sig_atomic_t svio_port_signalled;

#endif /* SVIO_PORT_H */
