/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reader of figures has to know of the machine that they are from. */
#ifndef BENCH_ENVIRONMENT_H
#define BENCH_ENVIRONMENT_H

#include "bench_json.h"
#include "bench_path.h"

/* The key "environment". */
void bench_environment_write(struct bench_json *json, const struct bench_places *places);

#endif /* BENCH_ENVIRONMENT_H */
