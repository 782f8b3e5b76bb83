/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts: writes to eventfds that clients gave.
 *
 * Inline, the core writes each itself: a system call in the packet path, and where it wakes a
 * vCPU's thread an inter-processor interrupt besides. With a sidecore the core only sets bits,
 * which a second thread turns into writes; it spins for a while after the last, then sleeps,
 * and costs the core a wake-up the next time. That pays where interrupts are many and a
 * processor is to spare.
 *
 *   inline     always the core
 *   sidecore   always the second thread
 *   auto       the core, as long as it spends little of its time on it, or has not enough
 *              processors (SVIO_PORT_IRQ_CPUS_MIN) to give one away
 *
 * Three levels of bits tell the sidecore what to raise, each set after the one below and taken
 * before it: of top's, words; of words', VIFs; of a VIF's, vectors.
 */
#ifndef SVIO_PORT_IRQ_H
#define SVIO_PORT_IRQ_H

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>

#include "svio_hal.h"

#define SVIO_PORT_IRQ_CPUS_MIN 3 /* the core, the sidecore, and one for a guest */

enum svio_port_irq_mode {
	SVIO_PORT_IRQ_AUTO,
	SVIO_PORT_IRQ_INLINE,
	SVIO_PORT_IRQ_SIDECORE,
};

/* NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): top and asleep on lines of their own */
struct svio_port_irq {
	/* Written when it is opened. */
	enum svio_port_irq_mode mode;
	cpu_set_t cpus; /* that the sidecore may run on */
	uint32_t vifs_max;
	struct svio_host_vif *vifs; /* in the segment: pending bits */
	uint64_t *counters;         /* of the device */
	int *fds; /* [vifs_max][SVIO_HAL_VECTORS_MAX]; under lock, below 0: none */
	/* The core's own. */
	bool deferred;      /* raising is the sidecore's, now */
	uint64_t raise_ns;  /* spent on raising since judged_ns */
	uint64_t judged_ns; /* when that began */
	uint32_t raises;    /* since then */
	uint32_t calm;      /* judgements in a row that found few */
	/* Shared; top and asleep are what both look at while nothing happens. */
	uint64_t *vectors; /* [vifs_max]: a bit a vector to be raised */
	uint64_t words[SVIO_HOST_VIFS_MAX / 64];
	uint64_t top __attribute__((aligned(SVIO_CACHE_LINE_BYTES)));
	uint32_t asleep __attribute__((aligned(SVIO_CACHE_LINE_BYTES)));
	uint32_t stop;
	int wake_fd;
	bool runs;
	pthread_t thread;
	pthread_mutex_t lock; /* of fds, and of raising by the sidecore */
};

/*
 * 0; -ENOMEM; other -errno: no thread. cpus: processors of the process, without the core's own
 * where there are others. now_ns: svio_hal_now_ns(). A sidecore runs from now on in mode SIDECORE.
 */
int svio_port_irq_open(struct svio_port_irq *irq, enum svio_port_irq_mode mode,
		       const cpu_set_t *cpus, struct svio_host_segment *segment, uint64_t now_ns);
/* Raise what is still to be raised, end the sidecore, close all eventfds. */
void svio_port_irq_close(struct svio_port_irq *irq);

/*
 * The core's thread, as all that follow. fd becomes irq's own; -1: the vector is off, and what
 * is raised stays pending. What was pending is raised at once. 0; -EPERM: the VIF's interrupts
 * are forbidden (fd is closed).
 */
int svio_port_irq_set(struct svio_port_irq *irq, uint32_t vif, uint32_t vector, int fd);
/* A VIF goes away, or was never there. */
void svio_port_irq_release(struct svio_port_irq *irq, uint32_t vif);

/* svio_port_irq_raise(): svio_hal_port.h, which the firmware sees. */

/* A few times a second, in mode AUTO: who should raise? */
void svio_port_irq_judge(struct svio_port_irq *irq, uint64_t now_ns);

#endif /* SVIO_PORT_IRQ_H */
