/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench_json.h"
#include "svio_test.h"

/* What is in a file that write() has filled. */
static const char *written(void (*write_keys)(struct bench_json *json))
{
	static char text[512];
	char path[] = "/tmp/svio-test-json.XXXXXX";
	int fd = mkstemp(path);
	struct bench_json json;
	FILE *file;
	size_t bytes;

	CU_ASSERT_TRUE_FATAL(fd >= 0);
	bench_json_create(&json, path);
	write_keys(&json);
	bench_json_finish(&json);
	file = fdopen(fd, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	bytes = fread(text, 1, sizeof(text) - 1, file);
	text[bytes] = 0;
	fclose(file);
	unlink(path);
	return text;
}

static void write_values(struct bench_json *json)
{
	bench_json_number(json, "rate", 1.25);
	bench_json_number(json, "none", NAN);
	bench_json_number(json, "all", INFINITY);
	bench_json_count(json, "count", UINT64_MAX);
	bench_json_boolean(json, "is", true);
	bench_json_text(json, "text", "a \"b\"\\\n");
	bench_json_text(json, "no", NULL);
}

static void values_are_json(void)
{
	CU_ASSERT_STRING_EQUAL(written(write_values), "{\n  \"rate\": 1.25,\n  \"none\": null,\n"
						      "  \"all\": null,\n"
						      "  \"count\": 18446744073709551615,\n"
						      "  \"is\": true,\n"
						      "  \"text\": \"a \\\"b\\\"\\\\\\u000a\",\n"
						      "  \"no\": null\n}\n");
}

static void write_nested(struct bench_json *json)
{
	bench_json_open(json, "ways", '[');
	bench_json_open(json, NULL, '{');
	bench_json_count(json, "n", 1);
	bench_json_close(json, '}');
	bench_json_count(json, NULL, 2);
	bench_json_close(json, ']');
	bench_json_open(json, "none", '[');
	bench_json_close(json, ']');
}

static void brackets_nest(void)
{
	CU_ASSERT_STRING_EQUAL(written(write_nested),
			       "{\n  \"ways\": [\n    {\n      \"n\": 1\n    },\n    2\n  ],\n"
			       "  \"none\": []\n}\n");
}

static void without_a_path_nothing_is_written(void)
{
	struct bench_json json;

	bench_json_create(&json, NULL);
	write_values(&json);
	write_nested(&json);
	bench_json_finish(&json);
	CU_ASSERT_PTR_NULL(json.file);
	CU_ASSERT_EQUAL(json.depth, 0);
}

SVIO_TEST_MAIN("bench JSON", SVIO_TEST(values_are_json), SVIO_TEST(brackets_nest),
	       SVIO_TEST(without_a_path_nothing_is_written))
