/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A stand-in for sviod: makes a segment, starts the real svio-fw program on it
 * and speaks svio_host.h's messages. One at a time, from one thread.
 */
#ifndef FAKE_SVIOD_H
#define FAKE_SVIOD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "svio_host.h"
#include "svio_ring.h"

#define FAKE_VIFS_MAX 40

struct fake_sviod {
	struct svio_host_segment *segment;
	struct svio_host_vif *vifs;
	uint64_t segment_bytes;
	int segment_fd;
	int tables_fd;
	int kick_fd;
	int log_fd; /* what svio-fw writes to stderr, all processes together */
	int socket; /* to svio-fw; -1: none runs */
	pid_t pid;
	uint32_t seq;
};

/* Aborts the test program where the machine does not play along (no memory, no namespace). */
void fake_open(struct fake_sviod *f);
/* Ends svio-fw if it runs (by closing the socket), frees all. */
void fake_close(struct fake_sviod *f);

/* Start svio-fw; extra: NULL or one more option. Nothing is sent. */
void fake_spawn(struct fake_sviod *f, const char *wire, const char *extra);
/* The same, then HELLO. Returns the reply's status, or -ECONNRESET where it died before. */
int fake_start(struct fake_sviod *f, const char *wire, const char *extra);

/* Send bytes and descriptors as they are, and ring: mail, kick if asleep. */
void fake_send_raw(struct fake_sviod *f, const void *bytes, size_t count, const int *fds,
		   uint32_t fd_count);
/* Wait for the next message. 0; -ECONNRESET: svio-fw has closed its end. */
int fake_receive(struct fake_sviod *f, struct svio_host_msg *msg);
/* Ask and return the reply's status; asserts that it is a REPLY with the same seq. */
int fake_ask(struct fake_sviod *f, struct svio_host_msg msg, const int *fds, uint32_t fd_count);
int fake_ask_plain(struct fake_sviod *f, uint32_t type, uint32_t vif, uint64_t arg0, uint64_t arg1);
/* A VIF in this slot with a plausible config and doorbells of its own; VIF_ADD's status. */
int fake_vif_add(struct fake_sviod *f, uint32_t vif);

/* Wait for the process to end; its exit status, or -signal. */
int fake_wait(struct fake_sviod *f);
int fake_kill(struct fake_sviod *f, int signal_number);
/* All that svio-fw has written to stderr. Static memory. */
const char *fake_log(struct fake_sviod *f);

/* Poll until condition holds; false after 20 s, which only a failing test takes. */
bool fake_until(bool (*condition)(struct fake_sviod *f), struct fake_sviod *f);
bool fake_asleep(struct fake_sviod *f);

/* A network namespace of this process's own, loopback up. Once a program. */
void fake_enter_netns(void);
/* Run a command (ip ...) in it; aborts on failure. */
void fake_run(const char *command);
/* The same, true: it succeeded. */
bool fake_try(const char *command);

int fake_memory(uint64_t bytes); /* a memfd of zeros */

#endif /* FAKE_SVIOD_H */
