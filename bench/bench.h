/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench: what its measurements share.
 *
 * A measurement is a run of windows. A window in which a process was kept off
 * its core tells about the machine, not about the device, and is thrown away.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bench_folder.h"

/* Where the processes of a measurement run, and how. */
struct bench_places {
	int device_cpu; /* of whatever is between the guests */
	int guest_cpu;  /* of all guests */
	bool first;     /* at the highest ordinary priority */
};

/* svio-bench's exit status when the machine is too noisy for a measurement. */
#define BENCH_EXIT_NOISY 3

/* The device of a benchmark: sviod and svio-fw of this build. */
struct bench_device {
	/* Set before the start; relative to svio-bench's own folder. NULL: sviod, and its default. */
	const char *sviod_name;
	const char *firmware_name;
	const char *irq;   /* sviod's --irq */
	unsigned vifs_max; /* 0: sviod's default */
	const char *wire;  /* as --wire has it. NULL: null */
	char dir[BENCH_FOLDER_BYTES];
	char programs[256]; /* where sviod and svio lie: beside svio-bench */
	pid_t sviod;
	pid_t firmware;
};

/* Starts it, with all its threads on one processor (see bench_pin()). Ends the program when it cannot. */
void bench_device_start(struct bench_device *device, int cpu, bool first);
/* Is there a program of this name, for bench_device's names? */
bool bench_device_has(const char *name);
void bench_device_stop(struct bench_device *device);

/* "svio vif add NAME"; path of its socket in path (128 bytes). */
void bench_device_vif_add(struct bench_device *device, const char *name, char *path);

/* A connection to sviod's control socket, one request at a time. Requests: docs/admin.md. */
enum bench_answer {
	BENCH_PENDING,
	BENCH_DONE,
	BENCH_REFUSED
};

struct bench_control {
	int socket;
	size_t bytes;
	char answer[65536]; /* after BENCH_REFUSED: sviod's reason */
};

void bench_control_open(struct bench_control *control, const struct bench_device *device);
void bench_control_close(struct bench_control *control);
void bench_control_send(struct bench_control *control, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The answer to what was sent last, if it is there. */
enum bench_answer bench_control_poll(struct bench_control *control);
/* Waits for it. Ends the program when sviod goes. */
enum bench_answer bench_control_wait(struct bench_control *control);

/* How long threads waited for their processor, ns, from /proc/PID/task/TID/schedstat. */
#define BENCH_THREADS_MAX 16

struct bench_waits {
	int files[BENCH_THREADS_MAX];
	size_t count;
};

void bench_waits_open(struct bench_waits *waits);
void bench_waits_add_process(struct bench_waits *waits, pid_t pid);
void bench_waits_add_thread(struct bench_waits *waits);
uint64_t bench_waits_read(const struct bench_waits *waits);

/* All that the kernel tells of the threads' processor time. */
struct bench_usage {
	uint64_t cpu_ns;
	uint64_t waited_ns;
	uint64_t turns; /* how often they got a processor: context switches */
};

struct bench_usage bench_waits_read_usage(const struct bench_waits *waits);
void bench_waits_close(struct bench_waits *waits);

/* What the host of this virtual machine took of a processor so far, in the kernel's clock ticks. */
uint64_t bench_read_stolen(int cpu);

/* Rates of the windows that counted. */
#define BENCH_WINDOWS_MAX 65536

struct bench_result {
	double values[BENCH_WINDOWS_MAX];
	size_t count;
	size_t discarded;
};

void bench_result_add(struct bench_result *result, double value);
/* share 0.5: the median. Sorts. NAN when empty. */
double bench_result_quantile(struct bench_result *result, double share);

uint64_t bench_now_ns(void);
/* The n-th processor that this program may use; the last where there are fewer. */
int bench_cpu(int n);
/* Undoes bench_pin() for this process: what it starts next may use what it could at first. */
void bench_unpin(void);
/* The whole session at the highest ordinary priority, until the program ends. */
void bench_come_first(void);
/* All threads of a process, first: at the highest ordinary priority. */
void bench_pin(pid_t pid, int cpu, bool first);

/* svio-bench vif */
int bench_vif_main(int argc, char **argv);

/* svio-bench wake */
int bench_wake_main(int argc, char **argv);

/* svio-bench irq */
int bench_irq_main(int argc, char **argv);

/* svio-bench sched */
int bench_sched_main(int argc, char **argv);

/* svio-bench iommu */
int bench_iommu_main(int argc, char **argv);

/* A peer's process, which svio-bench starts itself: bench_path_dpdk.c. */
int bench_peer_main(int argc, char **argv);

/* svio-bench compare */
int bench_compare_main(int argc, char **argv);

/* svio-bench qos */
int bench_qos_main(int argc, char **argv);

/* svio-bench parts */
int bench_parts_main(int argc, char **argv);

/* svio-bench wire */
int bench_wire_main(int argc, char **argv);

#endif /* BENCH_H */
