/* SPDX-License-Identifier: BSD-3-Clause */
/* The inlined HAL calls that need no process: copying, bounds of the tables. */
#include <string.h>

#include "svio_hal.h"
#include "svio_test.h"

#define BYTES_MAX 700
#define GUARD     16

static void copy_every_size_copies_that_and_no_more(void)
{
	static unsigned char from[BYTES_MAX + 64], to[BYTES_MAX + 2 * GUARD + 64];
	size_t bytes, i, wrong = 0;
	uint64_t state = svio_test_seed(3);

	for (i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)svio_test_random(&state);
	for (bytes = 0; bytes <= BYTES_MAX; bytes++) {
		size_t shift = bytes % 16;

		memset(to, 0xa5, sizeof(to));
		svio_hal_copy(to + GUARD + shift, from + 1, bytes);
		wrong += memcmp(to + GUARD + shift, from + 1, bytes) != 0;
		for (i = 0; i < GUARD + shift; i++)
			wrong += to[i] != 0xa5;
		for (i = GUARD + shift + bytes; i < sizeof(to); i++)
			wrong += to[i] != 0xa5;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static struct svio_host_vif vifs[2];
static struct svio_hal_object objects[SVIO_HAL_OBJECTS_MAX];
static struct svio_doorbell_bar *doorbells[2];

static struct svio_hal make_hal(void)
{
	memset(vifs, 0, sizeof(vifs));
	return (struct svio_hal){
		.objects = objects, .doorbells = doorbells, .vifs = vifs, .vifs_max = 2
	};
}

static void calls_out_of_range_do_nothing(void)
{
	struct svio_hal hal = make_hal();

	CU_ASSERT_PTR_NULL(svio_hal_object(&hal, SVIO_HAL_OBJECTS_MAX));
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, UINT32_MAX), 0);
	CU_ASSERT_PTR_NULL(svio_hal_doorbells(&hal, 2));
}

SVIO_TEST_MAIN("port HAL calls", SVIO_TEST(copy_every_size_copies_that_and_no_more),
	       SVIO_TEST(calls_out_of_range_do_nothing))
