/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A client of the control socket, in tests of what it can ask for: one device and
 * one connection for a test program.
 */
#ifndef CONTROL_CLIENT_H
#define CONTROL_CLIENT_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>

#include "glue_fixture.h"

struct client {
	int fd;
	size_t bytes;
	bool eof;
	char in[1 << 20];
};

extern struct fixture fixture;
extern struct client client;

/* A connection; the caller's. */
int connect_control(void);
void client_receive(struct client *from);
/* For fixture_wait(): the other end hung up. */
bool client_has_eof(void *context);

void send_text(const char *text);
/* The next answer; the caller's. NULL: the other end hung up. */
struct json_object *next_answer(void);
/* Sends a request and asserts that it is answered well. The result, the caller's. */
struct json_object *ask(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Sends a request and asserts that it is refused with this code and a text that has part in it. */
void expect_error(const char *request, const char *code, const char *part);
/* A field as text; "" where there is none. */
const char *field(struct json_object *from, const char *key);

#endif /* CONTROL_CLIENT_H */
