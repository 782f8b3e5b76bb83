/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One client of a function, from its connect to its leave.
 *
 *   connected --VERSION--> client of the function --leaves--> ended
 *       \--any other message, a bad VERSION--> refused, ended
 *       \--VERSION while the function has a client--> EBUSY, ended
 *
 * A session that has not shaken hands holds nothing of the function.
 */
#ifndef SVIO_BUS_SESSION_H
#define SVIO_BUS_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conn.h"
#include "log.h"
#include "version.h"

struct bus_function;
struct bus_operation;
struct bus_session;
struct svio_loop;

struct bus_session_ops {
	/* The client has left or was refused: the owner calls bus_session_close(). */
	void (*ended)(void *owner, struct bus_session *session);
};

struct bus_session {
	struct bus_session *next; /* the owner's */
	struct bus_function *function;
	struct bus_conn *conn;
	const struct bus_session_ops *ops;
	void *owner;

	struct bus_version version;
	struct svio_log_limit refusals; /* only nonsense from a client must not fill the log */
	bool unmaps_queued;             /* cleared in the tables, not yet waited for (dma.c) */

	bool shaken; /* VERSION was answered well */

	/* The request that waits for the VIF, see bus_session_begin(). */
	struct bus_operation *operation; /* NULL: none */
	struct svio_loop *loop;
	struct svio_loop_source *deadline;
	uint64_t answer_max_us;
	bool overdue; /* the last one was given up */
	uint8_t reply[BUS_VERSION_REPLY_BYTES];
	size_t reply_bytes;
};

/*
 * As bus_conn_open(). answer_max_us: a request that the VIF has not answered by
 * then is refused with ETIMEDOUT.
 */
struct bus_session *bus_session_open(struct svio_loop *loop, int fd, struct bus_function *function,
				     uint64_t answer_max_us, const struct bus_session_ops *ops,
				     void *owner);

/*
 * Close and free; what the VIF answers to a request that still waits for it
 * comes to nobody. ended() is not called. Does not release the function.
 */
void bus_session_close(struct bus_session *session);

/* The session is its function's client. */
bool bus_session_is_client(const struct bus_session *session);

/*
 * For handlers. A handler returns 0 when it has replied or begun, -errno when
 * the request is to be refused with it.
 */

void bus_session_reply(struct bus_session *session, const void *payload, size_t bytes);

/*
 * Before a call of the VIF that ends in bus_session_done(): what to reply then.
 * The context for it, NULL: no memory.
 */
struct bus_operation *bus_session_begin(struct bus_session *session, const void *reply,
					size_t bytes);

/* A svio_vif_done_fn; context: from bus_session_begin(). */
void bus_session_done(void *context, int status);

/* Reset the VIF, then reply. 0; -ENOMEM. */
int bus_session_reset_vif(struct bus_session *session, const void *reply, size_t bytes);

/* region.c */
int bus_region_info(struct bus_session *session, const struct bus_request *request);
int bus_region_read(struct bus_session *session, const struct bus_request *request);
int bus_region_write(struct bus_session *session, const struct bus_request *request);

/* irq.c */
int bus_irq_info(struct bus_session *session, const struct bus_request *request);
int bus_irq_set(struct bus_session *session, const struct bus_request *request);
/* Interrupt types that GET_INFO tells of. */
uint32_t bus_irq_count(void);
uint32_t bus_region_count(void);

/* dma.c */
int bus_dma_map(struct bus_session *session, const struct bus_request *request);
int bus_dma_unmap(struct bus_session *session, const struct bus_request *request);
/* Wait for all unmaps that are queued: before anything else is done, and before they are answered. */
void bus_dma_flush(struct bus_session *session);

/* feature.c */
int bus_feature(struct bus_session *session, const struct bus_request *request);

#endif /* SVIO_BUS_SESSION_H */
