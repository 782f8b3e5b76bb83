/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The mailbox: requests to the firmware, in order, each answered exactly once.
 *
 * A request waits here until the firmware answers it. When the firmware dies
 * those without an answer stay, and the next firmware gets them after HELLO
 * and a replay of what the registry knows. Requests that only repeat what the
 * replay says (an object, a group, a VIF, its config, a vector) are not sent again, nor
 * those about a VIF that is being deleted, because the replay leaves it out:
 * they are answered when the replay was.
 *
 *   posted --> sent --> answered: done(status)
 *     ^          |
 *     +----------+ firmware died
 */
#ifndef SVIO_MAILBOX_H
#define SVIO_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_host.h"

struct svio_mailbox;
struct svio_loop;

#define SVIO_MAILBOX_FDS_MAX 3
/* vif of a request that is about none */
#define SVIO_MAILBOX_NO_VIF UINT32_MAX

typedef void (*svio_mailbox_done_fn)(void *context, int status);

struct svio_mailbox_request {
	uint32_t type; /* enum svio_host_msg_type */
	uint32_t vif;
	uint64_t arg[4];
	int fds[SVIO_MAILBOX_FDS_MAX]; /* the caller's; duplicated by post() */
	uint32_t fd_count;
	bool for_client;           /* svio_mailbox_cancel() may answer it */
	svio_mailbox_done_fn done; /* NULL: a failure is only logged */
	void *context;
};

/*
 * The firmware broke the protocol or does not answer: end it. detach() follows
 * when it is gone. reason NULL: it closed its socket.
 */
typedef void (*svio_mailbox_broken_fn)(void *context, const char *reason);

/* segment and kick_fd stay the caller's and outlive the mailbox. NULL: no memory. */
struct svio_mailbox *svio_mailbox_new(struct svio_loop *loop, struct svio_host_segment *segment,
				      int kick_fd, svio_mailbox_broken_fn broken, void *context);
/* Requests that are left are answered with -ECANCELED. */
void svio_mailbox_free(struct svio_mailbox *mailbox);

/*
 * A firmware process is there, at the other end of socket (which becomes the
 * mailbox's). Follow with svio_mailbox_replay() calls, then svio_mailbox_go().
 * 0; -errno: socket is closed.
 */
int svio_mailbox_attach(struct svio_mailbox *mailbox, int socket);
/*
 * Like post(), but before everything that waits, in the order of the calls, and
 * forgotten without an answer when this firmware dies. Descriptors are not
 * duplicated, so that a restart needs none: see svio_mailbox_revoke().
 */
int svio_mailbox_replay(struct svio_mailbox *mailbox, const struct svio_mailbox_request *request);
/* The caller closes fd: a replay that is not sent yet goes without it. */
void svio_mailbox_revoke(struct svio_mailbox *mailbox, int fd);
void svio_mailbox_go(struct svio_mailbox *mailbox);
/* The process is gone. */
void svio_mailbox_detach(struct svio_mailbox *mailbox);

/* 0: done will be called, never from within this call; -ENOMEM, -EMFILE: it will not. */
int svio_mailbox_post(struct svio_mailbox *mailbox, const struct svio_mailbox_request *request);

/*
 * Wait, at most so long, until the firmware has answered everything. Their
 * done callbacks are called later, from the loop. False: it has not, or it broke.
 */
bool svio_mailbox_settle(struct svio_mailbox *mailbox, uint64_t max_ns);

/* Answer all of this VIF's requests for_client with -ECANCELED, now. They are still sent. */
void svio_mailbox_cancel(struct svio_mailbox *mailbox, uint32_t vif);

/* Drop the done callbacks with this context: nobody is there to hear. */
void svio_mailbox_forget(struct svio_mailbox *mailbox, const void *context);

/* The firmware should look at the segment: wake it if it is asleep. */
void svio_mailbox_kick(struct svio_mailbox *mailbox);

/* Requests without an answer. */
uint32_t svio_mailbox_pending(const struct svio_mailbox *mailbox);

#endif /* SVIO_MAILBOX_H */
