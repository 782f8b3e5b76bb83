/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A path: one way of packets between two guests on this host, with its own
 * processes, so that several can be there at once and take turns.
 *
 * To add one: a struct bench_path_type with its functions in a file of its own,
 * bench_path_NAME.c, declared below. Where its guests run in svio-bench itself
 * it needs two guest ports (bench_guest.h: send, receive, bounce) and run() is a
 * call of bench_path_run_guests(); the loop, the patterns and the times come from there, the
 * same for all. Where they run in a process of their own, that process calls
 * guest_run() (see bench_path_dpdk.c).
 *
 * Order of calls: start, then (resume, run..., pause)..., then stop. Between
 * pause and resume a path uses no processor to speak of. bench_measure.h has
 * what is done with paths: windows, turns, discarding, figures.
 */
#ifndef BENCH_PATH_H
#define BENCH_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench.h"
#include "bench_guest.h"

struct bench_path {
	const struct bench_path_type *type;
	struct bench_places places;
	/* Set by start: the threads whose times and turns are the path's. Empty: in the kernel only. */
	struct bench_waits device;
	struct bench_waits guests;
	void *state;   /* the type's own */
	pid_t child;   /* of bench_path_fork(); 0: none */
	bool failed;   /* in its last window */
	char why[256]; /* after a failure: what, and what to do */
};

struct bench_path_type {
	const char *name;  /* "vhost-packed": in options and JSON */
	const char *title; /* for people */
	bool sleeps;       /* of types of two kinds: who finds nothing sleeps, else looks again */
	/*
	 * Starts its processes and connects its guests. False: it cannot here; path->why tells, and
	 * stop is called next.
	 */
	bool (*start)(struct bench_path *path);
	/* NULL where the path rests of itself when nothing is sent; a child is stopped besides. */
	void (*resume)(struct bench_path *path);
	void (*pause)(struct bench_path *path);
	/*
	 * One window; the rest as guest_run(). False: frames did not arrive or a process has gone;
	 * path->why tells.
	 */
	bool (*run)(struct bench_path *path, const struct guest_load *load,
		    struct guest_result *result, uint32_t *times);
	/* Times that one side told the other through the kernel so far. NULL: it does not. */
	uint64_t (*notices)(struct bench_path *path);
	void (*stop)(struct bench_path *path);
};

extern const struct bench_path_type bench_path_svio;

/* DPDK's peers: of vhost-user the kinds of ring that virtio-user has routines for, and memif. */
extern const struct bench_path_type bench_path_dpdk[];
extern const size_t bench_path_dpdk_count; /* 0: built without DPDK */

/* What no device can beat: a process that copies each frame from one guest's memory to the other's. */
extern const struct bench_path_type bench_path_bound;

/* Backend-driver I/O: split drivers and TAPs, each sleeping as the original does, and polling. */
extern const struct bench_path_type bench_path_split;
extern const struct bench_path_type bench_path_split_polling;
extern const struct bench_path_type bench_path_tap;
extern const struct bench_path_type bench_path_tap_polling;

/* DPDK's version; NULL: built without it. */
const char *bench_peer_version(void);

/* Starts a path, type and places given; false as type->start. */
bool bench_path_start(struct bench_path *path, const struct bench_path_type *type,
		      const struct bench_places *places);
void bench_path_resume(struct bench_path *path);
void bench_path_pause(struct bench_path *path);
void bench_path_stop(struct bench_path *path);

/*
 * For a type's start: a process that runs this function, which never returns, and goes with svio-bench
 * and with the path.
 */
void bench_path_fork(struct bench_path *path, void (*run)(void *state), void *state);
/* Then: it has this processor, and runs between resume and pause only. */
void bench_path_settle_child(struct bench_path *path, int cpu);
/* Zeroed memory that a child shares; munmap() returns it. Ends the program when there is none. */
void *bench_path_share(size_t bytes);

/* For a type's run: guest_run() over flows of this process, watching the path's threads. */
bool bench_path_run_guests(struct bench_path *path, struct guest_flow *flows, size_t count,
			   const struct guest_load *load, struct guest_result *result,
			   uint32_t *times);

#endif /* BENCH_PATH_H */
