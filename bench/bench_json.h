/* SPDX-License-Identifier: BSD-3-Clause */
/* Writes JSON. Keys are NULL within arrays. */
#ifndef BENCH_JSON_H
#define BENCH_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_json {
	FILE *file;
	int depth;
	bool follows; /* something stands before what comes next */
};

void bench_json_open(struct bench_json *json, const char *key, char bracket); /* '{' or '[' */
void bench_json_close(struct bench_json *json, char bracket);
void bench_json_number(struct bench_json *json, const char *key, double value); /* NAN: null */
void bench_json_count(struct bench_json *json, const char *key, uint64_t value);
void bench_json_text(struct bench_json *json, const char *key, const char *value); /* NULL: null */

#endif /* BENCH_JSON_H */
