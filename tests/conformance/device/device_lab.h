/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole device of one's own: sviod with its svio-fw, in a run directory made
 * for it.
 *
 * Programs are those of the build tree. sviod is ended by SIGTERM, never
 * blindly: killed with requests unread it would take QEMU along.
 */
#ifndef DEVICE_LAB_H
#define DEVICE_LAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct device_lab {
	char dir[64];
	pid_t sviod;
};

/* Starts sviod and returns when its control socket answers. Failure ends the test program. */
void lab_start(struct device_lab *lab);
/* The same with a wire. */
void lab_start_wire(struct device_lab *lab, const char *wire_spec);
/* The same with a way of interrupts (sviod --irq; NULL: its default). */
void lab_start_irq(struct device_lab *lab, const char *irq_mode);

/* SIGTERM, and waits. The exit status of sviod, or 128 + signal. The directory is removed. */
int lab_stop(struct device_lab *lab);

/*
 * Runs "svio --run-dir DIR arguments", which are separated by spaces. Its exit
 * status; output (may be NULL) receives the first bytes-1 of what it printed.
 */
__attribute__((format(printf, 4, 5))) int lab_svio(struct device_lab *lab, char *output,
						   size_t bytes, const char *format, ...);

/* "svio vif add NAME options"; ends the program when that fails. */
void lab_vif_add(struct device_lab *lab, const char *name, const char *options);
void lab_vif_del(struct device_lab *lab, const char *name);

/* Path of a VIF's socket. The string belongs to the lab until the next call. */
const char *lab_socket(struct device_lab *lab, const char *name);

/* The firmware's process, 0: there is none at the moment. */
pid_t lab_firmware(const struct device_lab *lab);

/* kill -9 of the firmware; returns when sviod runs another one. */
void lab_firmware_kill(const struct device_lab *lab);

/* Returns when there is a firmware process. */
void lab_firmware_await(const struct device_lab *lab);

/*
 * Do the books of the whole device balance (svio_counters.h)? Only where nothing
 * is under way and no VIF with traffic was deleted. Prints them when not.
 */
bool lab_books_balance(struct device_lab *lab);

/* A counter of the whole device, as "svio stats --json" names it; 0: there is none such. */
uint64_t lab_device_counter(struct device_lab *lab, const char *name);

/* What a process holds. */
int lab_open_fds(pid_t pid);
long lab_resident_kib(pid_t pid);

/* Time. Never to be asserted, except against the limits of tests that wait. */
uint64_t lab_now_ns(void);

/* How long tests wait for something that must come. */
#define LAB_PATIENCE_NS 20000000000ull

#endif /* DEVICE_LAB_H */
