/* SPDX-License-Identifier: BSD-3-Clause */
/* The inlined HAL calls that need no process: copying, raising, bounds of the tables. */
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

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

/* Only after a write that a signal has ended, which is tested on the real program. */
void svio_hal_irq_forbid(struct svio_hal *hal, uint32_t vif)
{
	(void)hal;
	(void)vif;
	CU_FAIL("no write has waited");
}

static struct svio_host_vif vifs[2];
static int irq_fds[2 * SVIO_HAL_VECTORS_MAX];
static struct svio_hal_object objects[SVIO_HAL_OBJECTS_MAX];
static struct svio_doorbell_bar *doorbells[2];

static struct svio_hal make_hal(void)
{
	memset(vifs, 0, sizeof(vifs));
	memset(irq_fds, 0xff, sizeof(irq_fds));
	return (struct svio_hal){ .objects = objects,
				  .doorbells = doorbells,
				  .irq_fds = irq_fds,
				  .vifs = vifs,
				  .vifs_max = 2 };
}

static void raise_without_eventfd_sets_pending(void)
{
	struct svio_hal hal = make_hal();

	svio_hal_raise(&hal, 1, 0);
	svio_hal_raise(&hal, 1, 63);
	CU_ASSERT_EQUAL(vifs[1].pending, 1ull << 63 | 1);
	CU_ASSERT_EQUAL(vifs[0].pending, 0);
}

static void raise_with_eventfd_signals(void)
{
	struct svio_hal hal = make_hal();
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t count = UINT64_MAX - 1;

	irq_fds[SVIO_HAL_VECTORS_MAX + 5] = fd;
	svio_hal_raise(&hal, 1, 5);
	CU_ASSERT_EQUAL(read(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	CU_ASSERT_EQUAL(count, 1);
	/* One that is full is signalled already: neither blocks nor is noted as pending. */
	count = UINT64_MAX - 1;
	CU_ASSERT_EQUAL(write(fd, &count, sizeof(count)), (ssize_t)sizeof(count));
	svio_hal_raise(&hal, 1, 5);
	CU_ASSERT_EQUAL(vifs[1].pending, 0);
	close(fd);
}

static void raise_with_dead_eventfd_sets_pending(void)
{
	struct svio_hal hal = make_hal();
	int fd = open("/dev/null", O_RDONLY);

	irq_fds[5] = fd;
	svio_hal_raise(&hal, 0, 5);
	CU_ASSERT_EQUAL(vifs[0].pending, 1ull << 5);
	close(fd);
}

static void calls_out_of_range_do_nothing(void)
{
	struct svio_hal hal = make_hal();

	svio_hal_raise(&hal, 2, 0);
	svio_hal_raise(&hal, UINT32_MAX, 0);
	svio_hal_raise(&hal, 0, 64);
	CU_ASSERT_EQUAL(vifs[0].pending | vifs[1].pending, 0);
	CU_ASSERT_PTR_NULL(svio_hal_object(&hal, SVIO_HAL_OBJECTS_MAX));
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, UINT32_MAX), 0);
	CU_ASSERT_PTR_NULL(svio_hal_doorbells(&hal, 2));
}

SVIO_TEST_MAIN("port HAL calls", SVIO_TEST(copy_every_size_copies_that_and_no_more),
	       SVIO_TEST(raise_without_eventfd_sets_pending), SVIO_TEST(raise_with_eventfd_signals),
	       SVIO_TEST(raise_with_dead_eventfd_sets_pending),
	       SVIO_TEST(calls_out_of_range_do_nothing))
