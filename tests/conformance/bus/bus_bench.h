/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A bus front on a fake VIF, and clients that talk to it through its socket.
 *
 * One thread: while a client waits for an answer it runs the server's loop.
 * So a test sees every order of events that it makes, and no other.
 */
#ifndef BUS_BENCH_H
#define BUS_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fake_registry.h"
#include "front.h"
#include "loop.h"
#include "vfio_client.h"

struct bench {
	struct svio_loop *loop;
	struct svio_vif *vif;
	struct bus_settings settings;
	void *front;
	char dir[64];
	char path[96];
};

/* Set-up and tear-down of each case; the tear-down checks that no descriptor is left. */
extern struct bench bench;
void bench_setup(void);
void bench_teardown(void);

/* Run the server until nothing happens any more. */
void bench_settle(void);
/* Descriptors that this process has open. */
size_t bench_count_fds(void);

#endif /* BUS_BENCH_H */
