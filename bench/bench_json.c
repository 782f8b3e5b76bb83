/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_json.h"

#include <inttypes.h>
#include <math.h>

static void write_text(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if ((unsigned char)*text < ' ') {
			fprintf(file, "\\u%04x", *text);
			continue;
		}
		if (*text == '"' || *text == '\\')
			fputc('\\', file);
		fputc(*text, file);
	}
	fputc('"', file);
}

static void begin(struct bench_json *json, const char *key)
{
	if (json->follows)
		fputc(',', json->file);
	if (json->depth)
		fprintf(json->file, "\n%*s", 2 * json->depth, "");
	if (key) {
		write_text(json->file, key);
		fprintf(json->file, ": ");
	}
	json->follows = true;
}

void bench_json_open(struct bench_json *json, const char *key, char bracket)
{
	begin(json, key);
	fputc(bracket, json->file);
	json->depth++;
	json->follows = false;
}

void bench_json_close(struct bench_json *json, char bracket)
{
	json->depth--;
	if (json->follows)
		fprintf(json->file, "\n%*s", 2 * json->depth, "");
	fputc(bracket, json->file);
	json->follows = true;
	if (!json->depth)
		fputc('\n', json->file);
}

void bench_json_number(struct bench_json *json, const char *key, double value)
{
	begin(json, key);
	if (isfinite(value))
		fprintf(json->file, "%.6g", value);
	else
		fprintf(json->file, "null");
}

void bench_json_count(struct bench_json *json, const char *key, uint64_t value)
{
	begin(json, key);
	fprintf(json->file, "%" PRIu64, value);
}

void bench_json_text(struct bench_json *json, const char *key, const char *value)
{
	begin(json, key);
	if (value)
		write_text(json->file, value);
	else
		fprintf(json->file, "null");
}
