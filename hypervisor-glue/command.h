/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The commands of the control socket: JSON in, JSON out.
 */
#ifndef SVIO_COMMAND_H
#define SVIO_COMMAND_H

#include <json-c/json.h>

struct svio_device;

/* reply: {"ok": ...}; the callee's. Called exactly once a command. */
typedef void (*svio_command_reply_fn)(void *context, struct json_object *reply);

/*
 * Carry out one request, whatever it holds. reply may be called before this
 * returns, or later when the firmware has answered. request stays the caller's
 * and is not used after this returns.
 */
void svio_command_run(struct svio_device *device, struct json_object *request,
		      svio_command_reply_fn reply, void *context);

/* {"ok": false, "error": {"code": "EINVAL", "message": message}}. NULL: no memory. */
struct json_object *svio_command_error(int status, const char *message);

#endif /* SVIO_COMMAND_H */
