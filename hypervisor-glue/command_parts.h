/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of commands share: a command on its way, and how it is answered.
 */
#ifndef SVIO_COMMAND_PARTS_H
#define SVIO_COMMAND_PARTS_H

#include <json-c/json.h>
#include <stdbool.h>

#include "command.h"
#include "device.h"
#include "settings.h"

/* Freed when it is answered. */
struct command {
	struct svio_device *device;
	struct json_object *request; /* only until svio_command_run() returns */
	svio_command_reply_fn reply;
	void *context;
	const char *what; /* for the answer to a failure of the firmware: "VIF" */
	const char *verb; /* "made" */
	/* What success is answered with, made when the firmware has answered; NULL: null. */
	struct json_object *(*report)(const struct command *command);
	struct json_object *result; /* or made already */
	char name[SVIO_HOST_NAME_BYTES];
	char error[SVIO_ERROR_BYTES];
};

struct command_entry {
	const char *name;
	void (*run)(struct command *command); /* answers, now or later */
};

/* Ends with an entry without a name. */
extern const struct command_entry command_qos_entries[];

/* Answer and free the command. result becomes part of the answer. */
void command_answer(struct command *command, int status, struct json_object *result);
/* A sentence into command->error. -EINVAL. */
int command_refuse(struct command *command, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The name in the request into command->name; what: "VIF" or "group". */
int command_read_name(struct command *command, const char *what);
/* "dry_run" in the request. 0; -EINVAL. */
int command_read_dry_run(struct command *command, bool *dry_run);

/*
 * Who shall hear the firmware's answer: nobody where there is no firmware now.
 * Then the change is made, takes effect when the firmware is back, and an
 * administrator should not wait for that. Ask before the change, and pass
 * what it says to command_conclude() after it.
 */
svio_mailbox_done_fn command_listener(const struct command *command);
/* After a change was tried: answer now where it failed or nobody listens. */
void command_conclude(struct command *command, int status, svio_mailbox_done_fn listener);

#endif /* SVIO_COMMAND_PARTS_H */
