/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes JSON. Keys are NULL within arrays. Without a file (all zero) nothing is written. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_json {
	FILE *file; /* NULL: nobody wants it */
	const char *path;
	int depth;
	bool follows; /* something stands before what comes next */
};

void bench_json_open(struct bench_json *json, const char *key, char bracket); /* '{' or '[' */
void bench_json_close(struct bench_json *json, char bracket);
void bench_json_number(struct bench_json *json, const char *key, double value); /* NAN: null */
void bench_json_count(struct bench_json *json, const char *key, uint64_t value);
void bench_json_text(struct bench_json *json, const char *key, const char *value); /* NULL: null */

void bench_json_boolean(struct bench_json *json, const char *key, bool value);

/*
 * The file of a measurement: one object, which is open until finish. path NULL: none is wanted. Both
 * end the program when they cannot.
 */
void bench_json_create(struct bench_json *json, const char *path);
void bench_json_finish(struct bench_json *json);

#endif /* BENCH_JSON_H */
