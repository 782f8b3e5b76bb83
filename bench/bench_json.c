/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_json.h"

#include <err.h>
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

/* False: it is not wanted. */
static bool begin(struct bench_json *json, const char *key)
{
	if (!json->file)
		return false;
	if (json->follows)
		fputc(',', json->file);
	if (json->depth)
		fprintf(json->file, "\n%*s", 2 * json->depth, "");
	if (key) {
		write_text(json->file, key);
		fprintf(json->file, ": ");
	}
	json->follows = true;
	return true;
}

void bench_json_open(struct bench_json *json, const char *key, char bracket)
{
	if (!begin(json, key))
		return;
	fputc(bracket, json->file);
	json->depth++;
	json->follows = false;
}

void bench_json_close(struct bench_json *json, char bracket)
{
	if (!json->file)
		return;
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
	if (begin(json, key) && isfinite(value))
		fprintf(json->file, "%.6g", value);
	else if (json->file)
		fprintf(json->file, "null");
}

void bench_json_count(struct bench_json *json, const char *key, uint64_t value)
{
	if (begin(json, key))
		fprintf(json->file, "%" PRIu64, value);
}

void bench_json_text(struct bench_json *json, const char *key, const char *value)
{
	if (begin(json, key) && value)
		write_text(json->file, value);
	else if (json->file)
		fprintf(json->file, "null");
}

void bench_json_boolean(struct bench_json *json, const char *key, bool value)
{
	if (begin(json, key))
		fputs(value ? "true" : "false", json->file);
}

void bench_json_create(struct bench_json *json, const char *path)
{
	*json = (struct bench_json){ .path = path };
	if (!path)
		return;
	json->file = fopen(path, "we");
	if (!json->file)
		err(1, "%s", path);
	bench_json_open(json, NULL, '{');
}

void bench_json_finish(struct bench_json *json)
{
	if (!json->file)
		return;
	bench_json_close(json, '}');
	if (fclose(json->file))
		err(1, "%s", json->path);
	json->file = NULL;
}
