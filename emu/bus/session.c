// SPDX-License-Identifier: BSD-3-Clause
#include "session.h"

#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "log.h"
#include "loop.h"
#include "registry.h"

/* About as long as a new firmware takes to be there. */
#define ANSWER_AGAIN_US 500000

static int handle_version(struct bus_session *session, const struct bus_request *request);
static int handle_info(struct bus_session *session, const struct bus_request *request);
static int handle_reset(struct bus_session *session, const struct bus_request *request);

/* One line a command; a command without a line is unknown to us. */
static const struct handler {
	const char *name;
	size_t payload_bytes; /* at least these, or exactly */
	bool exact;
	size_t fds_max;
	int (*handle)(struct bus_session *session, const struct bus_request *request);
} handlers[VFIO_USER_COMMAND_END] = {
	[VFIO_USER_VERSION] = { "VERSION", sizeof(struct vfio_user_version), false, 0,
				handle_version },
	[VFIO_USER_DMA_MAP] = { "DMA_MAP", sizeof(struct vfio_user_dma_map), false, 1,
				bus_dma_map },
	[VFIO_USER_DMA_UNMAP] = { "DMA_UNMAP", sizeof(struct vfio_user_dma_unmap), false, 0,
				  bus_dma_unmap },
	[VFIO_USER_DEVICE_GET_INFO] = { "DEVICE_GET_INFO", sizeof(struct vfio_user_device_info),
					false, 0, handle_info },
	[VFIO_USER_DEVICE_GET_REGION_INFO] = { "DEVICE_GET_REGION_INFO",
					       sizeof(struct vfio_user_region_info), false, 0,
					       bus_region_info },
	[VFIO_USER_DEVICE_GET_IRQ_INFO] = { "DEVICE_GET_IRQ_INFO",
					    sizeof(struct vfio_user_irq_info), false, 0,
					    bus_irq_info },
	[VFIO_USER_DEVICE_SET_IRQS] = { "DEVICE_SET_IRQS", sizeof(struct vfio_user_irq_set), false,
					VFIO_USER_FDS_MAX, bus_irq_set },
	[VFIO_USER_REGION_READ] = { "REGION_READ", sizeof(struct vfio_user_region_access), true, 0,
				    bus_region_read },
	[VFIO_USER_REGION_WRITE] = { "REGION_WRITE", sizeof(struct vfio_user_region_access), false,
				     0, bus_region_write },
	[VFIO_USER_DEVICE_RESET] = { "DEVICE_RESET", 0, true, 0, handle_reset },
	[VFIO_USER_DEVICE_FEATURE] = { "DEVICE_FEATURE", sizeof(struct vfio_user_device_feature),
				       false, 0, bus_feature },
};

bool bus_session_is_client(const struct bus_session *session)
{
	return session->function->client == session;
}

void bus_session_reply(struct bus_session *session, const void *payload, size_t bytes)
{
	bus_conn_reply(session->conn, payload, bytes, -1);
}

/* What the VIF was asked to do; lives until it answers. */
struct bus_operation {
	struct bus_session *session; /* NULL: nobody waits for it any more */
};

struct bus_operation *bus_session_begin(struct bus_session *session, const void *reply,
					size_t bytes)
{
	struct bus_operation *operation = malloc(sizeof(*operation));

	if (!operation)
		return NULL;
	operation->session = session;
	session->operation = operation;
	session->reply_bytes = bytes;
	if (bytes)
		memcpy(session->reply, reply, bytes);
	return operation;
}

/* Whatever the VIF still answers is nobody's. */
static void forget_operation(struct bus_session *session)
{
	if (session->operation)
		session->operation->session = NULL;
	session->operation = NULL;
	svio_loop_remove(session->deadline);
	session->deadline = NULL;
}

static void answer_operation(struct bus_session *session, int status)
{
	if (status < 0)
		bus_conn_refuse(session->conn, -status);
	else
		bus_session_reply(session, session->reply, session->reply_bytes);
	if (status >= 0)
		session->shaken = true;
	else if (!session->shaken)
		bus_conn_finish(session->conn);
}

void bus_session_done(void *context, int status)
{
	struct bus_operation *operation = context;
	struct bus_session *session = operation->session;

	if (session) {
		session->overdue = false;
		forget_operation(session);
		answer_operation(session, status);
	}
	free(operation);
}

/* QEMU loses the device for good when an answer takes 5 s. An error it survives. */
static void give_up(void *context)
{
	struct bus_session *session = context;

	const char *name = svio_vif_name(session->function->vif);

	if (svio_log_allow(&session->refusals, name))
		svio_log(SVIO_LOG_WARNING, "vif %s: the firmware does not answer: request refused",
			 name);
	session->overdue = true;
	forget_operation(session);
	answer_operation(session, -ETIMEDOUT);
}

/*
 * The whole VM stands still while a request of it waits. So a firmware that has
 * let one down gets less time for the next ones, until it answers again.
 */
static void set_deadline(struct bus_session *session)
{
	uint64_t delay_us = session->answer_max_us;

	if (session->overdue && delay_us > ANSWER_AGAIN_US)
		delay_us = ANSWER_AGAIN_US;
	/* Without a timer (no memory, no descriptor) the request only lacks its deadline. */
	session->deadline = svio_loop_add_timer(session->loop, delay_us, 0, give_up, session);
}

int bus_session_reset_vif(struct bus_session *session, const void *reply, size_t bytes)
{
	struct bus_operation *operation = bus_session_begin(session, reply, bytes);

	if (!operation)
		return -ENOMEM;
	svio_vif_reset(session->function->vif, bus_session_done, operation);
	return 0;
}

/*
 * A new client finds the VIF as after power-on; the function is that since its
 * last client left. It becomes the client at once, so that a second one that
 * comes during the reset is told so.
 */
static int handle_version(struct bus_session *session, const struct bus_request *request)
{
	uint8_t reply[BUS_VERSION_REPLY_BYTES];
	size_t bytes;
	int status;

	if (bus_session_is_client(session))
		return -EINVAL;
	status = bus_version_parse(request->payload, request->payload_bytes, &session->version);
	if (status)
		return status;
	if (session->function->client)
		return -EBUSY;
	session->function->client = session;
	svio_vif_connected_by(session->function->vif, bus_conn_peer(session->conn));
	bytes = bus_version_reply(&session->version, reply, request->payload_bytes);
	return bus_session_reset_vif(session, reply, bytes);
}

static int handle_info(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_device_info info;

	memcpy(&info, request->payload, sizeof(info));
	if (info.argsz < sizeof(info))
		return -EINVAL;
	info = (struct vfio_user_device_info){ .argsz = sizeof(info),
					       .flags = VFIO_DEVICE_FLAGS_RESET |
							VFIO_DEVICE_FLAGS_PCI,
					       .regions = bus_region_count(),
					       .irqs = bus_irq_count() };
	bus_session_reply(session, &info, sizeof(info));
	return 0;
}

static int handle_reset(struct bus_session *session, const struct bus_request *request)
{
	(void)request;
	bus_function_reset(session->function);
	return bus_session_reset_vif(session, NULL, 0);
}

static const struct handler *find_handler(const struct bus_request *request)
{
	const struct handler *handler;

	if ((request->header.flags & VFIO_USER_TYPE_MASK) != VFIO_USER_TYPE_COMMAND ||
	    request->header.command >= VFIO_USER_COMMAND_END)
		return NULL;
	handler = &handlers[request->header.command];
	return handler->handle ? handler : NULL;
}

static int check_form(const struct handler *handler, const struct bus_request *request)
{
	if (!handler || request->payload_bytes < handler->payload_bytes ||
	    (handler->exact && request->payload_bytes != handler->payload_bytes))
		return -EINVAL;
	if (request->fds_lost || request->fd_count > handler->fds_max)
		return -EINVAL;
	return 0;
}

static void log_refusal(struct bus_session *session, const struct handler *handler,
			const struct bus_request *request, int status)
{
	const char *name = svio_vif_name(session->function->vif);

	if (!svio_log_allow(&session->refusals, name))
		return;
	svio_log(SVIO_LOG_WARNING,
		 "vif %s: refused %s (command %u, %zu bytes, %zu descriptors) of its client: %s",
		 name, handler ? handler->name : "a message", (unsigned int)request->header.command,
		 request->payload_bytes, request->fd_count, strerror(-status));
}

static void handle_request(void *owner, const struct bus_request *request)
{
	struct bus_session *session = owner;
	const struct handler *handler = find_handler(request);
	bool first = !bus_session_is_client(session);
	int status = check_form(handler, request);

	if (request->header.command != VFIO_USER_DMA_UNMAP)
		bus_dma_flush(session);
	if (!status && first && request->header.command != VFIO_USER_VERSION)
		status = -EINVAL;
	if (!status)
		status = handler->handle(session, request);
	if (session->operation)
		set_deadline(session);
	if (status >= 0)
		return;
	log_refusal(session, handler, request, status);
	bus_conn_refuse(session->conn, -status);
	if (first) /* whatever this is, it is no vfio-user client, or one too many */
		bus_conn_finish(session->conn);
}

/* Unmaps of several clients that are there together wait for the cores once. */
static bool shares_wait(void *owner)
{
	const struct bus_session *session = owner;

	return session->unmaps_queued;
}

static void handle_idle(void *owner)
{
	bus_dma_flush(owner);
}

static void handle_end(void *owner)
{
	struct bus_session *session = owner;

	session->ops->ended(session->owner, session);
}

static const struct bus_conn_ops conn_ops = {
	.request = handle_request,
	.idle = handle_idle,
	.ended = handle_end,
	.shares = shares_wait,
};

struct bus_session *bus_session_open(struct svio_loop *loop, int fd, struct bus_function *function,
				     uint64_t answer_max_us, const struct bus_session_ops *ops,
				     void *owner)
{
	struct bus_session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->loop = loop;
	session->function = function;
	session->answer_max_us = answer_max_us;
	session->ops = ops;
	session->owner = owner;
	session->conn = bus_conn_open(loop, fd, &conn_ops, session);
	if (!session->conn) {
		int error = errno;

		free(session);
		errno = error;
		return NULL;
	}
	return session;
}

void bus_session_close(struct bus_session *session)
{
	forget_operation(session);
	bus_conn_close(session->conn);
	free(session);
}
