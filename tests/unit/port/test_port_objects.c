/* SPDX-License-Identifier: BSD-3-Clause */
/* Memory objects: mapping, and surviving their truncation. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port.h"
#include "svio_test.h"

#define OBJECT_BYTES (1 << 20)

static struct svio_hal hal;
static int memory;

static void setup(void)
{
	memset(&hal, 0, sizeof(hal));
	CU_ASSERT_EQUAL_FATAL(svio_port_objects_open(&hal), 0);
	memory = memfd_create("test", MFD_CLOEXEC);
	CU_ASSERT_EQUAL_FATAL(ftruncate(memory, OBJECT_BYTES), 0);
}

static void teardown(void)
{
	uint64_t object;

	for (object = 0; object < SVIO_HAL_OBJECTS_MAX; object++)
		svio_port_object_unmap(&hal, object);
	free(hal.objects);
	close(memory);
}

static void map_shares_the_memory(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_port_object_map(&hal, 9, memory, OBJECT_BYTES, true), 0);
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, 9), OBJECT_BYTES);
	CU_ASSERT_EQUAL(pwrite(memory, "abc", 3, 5000), 3);
	CU_ASSERT_EQUAL(memcmp(svio_hal_object(&hal, 9) + 5000, "abc", 3), 0);
}

static void map_again_replaces(void)
{
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, OBJECT_BYTES, true), 0);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, 4096, false), 0);
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, 9), 4096);
	CU_ASSERT_EQUAL(svio_port_object_unmap(&hal, 9), 0);
	CU_ASSERT_PTR_NULL(svio_hal_object(&hal, 9));
	CU_ASSERT_EQUAL(svio_port_object_unmap(&hal, 9), -ENOENT);
}

static void map_failing_keeps_what_was_there(void)
{
	int pipes[2];

	CU_ASSERT_EQUAL(pipe(pipes), 0);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, 4096, true), 0);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, OBJECT_BYTES + 1, true), -EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, pipes[0], 4096, true), -EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, -1, 4096, true), -EBADF);
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, 9), 4096);
	close(pipes[0]);
	close(pipes[1]);
}

static void map_out_of_range_is_refused(void)
{
	int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	CU_ASSERT_EQUAL(svio_port_object_map(&hal, SVIO_HAL_OBJECTS_MAX, memory, 4096, true),
			-EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, UINT64_MAX, memory, 4096, true), -EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, 0, true), -EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, directory, 1, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_port_object_unmap(&hal, SVIO_HAL_OBJECTS_MAX), -ENOENT);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, SVIO_HAL_OBJECTS_MAX - 1, memory, 4096, true),
			0);
	CU_ASSERT_PTR_NULL(svio_hal_object(&hal, SVIO_HAL_OBJECTS_MAX));
	CU_ASSERT_EQUAL(svio_hal_object_bytes(&hal, SVIO_HAL_OBJECTS_MAX), 0);
	close(directory);
}

/* As the descriptor allows, and no more than was asked for. */
static void map_has_the_rights_of_the_descriptor(void)
{
	char path[64];
	int read_only;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, read_only, 4096, true), -EACCES);
	CU_ASSERT_PTR_NULL(svio_hal_object(&hal, 9));
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, read_only, 4096, false), 0);
	close(read_only);
}

static bool is_mapped(char *base)
{
	unsigned char page;

	return mincore(base, 4096, &page) == 0;
}

static void unmapped_memory_cannot_be_touched(void)
{
	char *first, *second;

	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, 4096, true), 0);
	first = svio_hal_object(&hal, 9);
	CU_ASSERT_EQUAL(svio_port_object_map(&hal, 9, memory, 4096, true), 0);
	second = svio_hal_object(&hal, 9);
	CU_ASSERT_FALSE(is_mapped(first));
	CU_ASSERT_TRUE(is_mapped(second));
	CU_ASSERT_EQUAL(svio_port_object_unmap(&hal, 9), 0);
	CU_ASSERT_FALSE(is_mapped(second));
}

/* Neighbours in memory, their numbers rising and falling: it is the right one that is lost. */
static void truncated_object_is_told_from_its_neighbours(void)
{
	static const uint32_t numbers[] = { 20, 21, 22, 12, 11, 10 };
	int fds[6];

	for (int i = 0; i < 6; i++) {
		fds[i] = memfd_create("one of many", MFD_CLOEXEC);
		CU_ASSERT_EQUAL(ftruncate(fds[i], 4096), 0);
		CU_ASSERT_EQUAL(svio_port_object_map(&hal, numbers[i], fds[i], 4096, true), 0);
	}
	for (int i = 0; i < 6; i++) {
		CU_ASSERT_EQUAL(ftruncate(fds[i], 0), 0);
		CU_ASSERT_EQUAL(*(volatile char *)svio_hal_object(&hal, numbers[i]), 0);
		CU_ASSERT_TRUE(svio_port_objects_lost());
		CU_ASSERT_EQUAL(svio_port_object_lost_next(), numbers[i]);
		CU_ASSERT_EQUAL(svio_port_object_lost_next(), -1);
		close(fds[i]);
	}
}

static void truncated_object_is_replaced_and_told(void)
{
	static char buffer[OBJECT_BYTES];
	char *base;

	CU_ASSERT_EQUAL_FATAL(svio_port_object_map(&hal, 3, memory, OBJECT_BYTES, true), 0);
	CU_ASSERT_EQUAL_FATAL(svio_port_object_map(&hal, 4, memory, OBJECT_BYTES, true), 0);
	base = svio_hal_object(&hal, 3);
	memset(base, 1, OBJECT_BYTES);
	CU_ASSERT_FALSE(svio_port_objects_lost());
	CU_ASSERT_EQUAL(ftruncate(memory, 4096), 0);
	svio_hal_copy(buffer, base, OBJECT_BYTES);
	CU_ASSERT_EQUAL(buffer[OBJECT_BYTES - 1], 0);
	svio_hal_copy(base, buffer, OBJECT_BYTES);
	CU_ASSERT_TRUE(svio_port_objects_lost());
	CU_ASSERT_EQUAL(svio_port_object_lost_next(), 3);
	CU_ASSERT_EQUAL(svio_port_object_lost_next(), -1);
	CU_ASSERT_FALSE(svio_port_objects_lost());
	/* Once replaced it is private: the other mapping of that memory notices for itself. */
	svio_hal_copy(svio_hal_object(&hal, 4) + 8192, buffer, 64);
	CU_ASSERT_TRUE(svio_port_objects_lost());
	CU_ASSERT_EQUAL(svio_port_object_lost_next(), 4);
}

static void truncated_doorbells_are_replaced(void)
{
	static struct svio_doorbell_bar *doorbells[2];
	int page = memfd_create("doorbells", MFD_CLOEXEC);

	CU_ASSERT_EQUAL(ftruncate(page, sizeof(struct svio_doorbell_bar)), 0);
	doorbells[1] = mmap(NULL, sizeof(struct svio_doorbell_bar), PROT_READ | PROT_WRITE,
			    MAP_SHARED, page, 0);
	CU_ASSERT_PTR_NOT_EQUAL_FATAL(doorbells[1], MAP_FAILED);
	hal.doorbells = doorbells;
	hal.vifs_max = 2;
	doorbells[1]->tx[0].tail = 77;
	CU_ASSERT_EQUAL(ftruncate(page, 0), 0);
	CU_ASSERT_EQUAL(*(volatile svio_le32 *)&doorbells[1]->tx[0].tail, 0);
	CU_ASSERT_FALSE(svio_port_objects_lost());
	munmap(doorbells[1], sizeof(struct svio_doorbell_bar));
	close(page);
}

SVIO_TEST_MAIN_WITH("port memory objects", setup, teardown, SVIO_TEST(map_shares_the_memory),
		    SVIO_TEST(map_again_replaces), SVIO_TEST(map_failing_keeps_what_was_there),
		    SVIO_TEST(map_out_of_range_is_refused),
		    SVIO_TEST(map_has_the_rights_of_the_descriptor),
		    SVIO_TEST(unmapped_memory_cannot_be_touched),
		    SVIO_TEST(truncated_object_is_replaced_and_told),
		    SVIO_TEST(truncated_object_is_told_from_its_neighbours),
		    SVIO_TEST(truncated_doorbells_are_replaced))
