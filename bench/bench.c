/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench.h"

#include <argp.h>
#include <stdlib.h>

unsigned long bench_parse_number(const char *text, unsigned long most, struct argp_state *state)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || number < 1 || number > most)
		argp_error(state, "'%s': a number from 1 to %lu", text, most);
	return number;
}
