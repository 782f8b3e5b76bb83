/* SPDX-License-Identifier: BSD-3-Clause */
/* The shared segment's memory: what of it comes and goes. */
#include <string.h>
#include <sys/stat.h>

#include "segment.h"
#include "svio_test.h"

#define VIFS 3

static blkcnt_t blocks(const struct svio_segment *segment)
{
	struct stat status = { 0 };

	CU_ASSERT_EQUAL(fstat(segment->fd, &status), 0);
	return status.st_blocks;
}

static void slot_of_a_deleted_vif_is_given_back(void)
{
	struct svio_segment segment;
	struct svio_host_map *maps;
	blkcnt_t before;

	CU_ASSERT_EQUAL_FATAL(svio_segment_create(&segment, VIFS), 0);
	maps = (struct svio_host_map *)(void *)((char *)segment.shared +
						segment.shared->maps_offset);
	before = blocks(&segment);
	for (int i = 0; i < VIFS; i++) {
		memset(&maps[i], 0x5a, sizeof(maps[i]));
		memset(&segment.vifs[i], 0x5a, sizeof(segment.vifs[i]));
	}
	CU_ASSERT_TRUE(blocks(&segment) - before >= (blkcnt_t)(VIFS * sizeof(*maps) / 512));
	svio_segment_slot_release(&segment, 1);
	CU_ASSERT_TRUE(blocks(&segment) - before <=
		       (blkcnt_t)(2 * (sizeof(*maps) + sizeof(*segment.vifs)) / 512));
	/* All of its own, nothing of the neighbours'. */
	CU_ASSERT_EQUAL(maps[1].page[0], 0);
	CU_ASSERT_EQUAL(maps[1].page[SVIO_MAP_PAGES_MAX - 1], 0);
	CU_ASSERT_EQUAL(maps[0].page[SVIO_MAP_PAGES_MAX - 1], 0x5a5a5a5a5a5a5a5a);
	CU_ASSERT_EQUAL(maps[2].page[0], 0x5a5a5a5a5a5a5a5a);
	CU_ASSERT_EQUAL(segment.vifs[1].in_use, 0);
	CU_ASSERT_EQUAL(segment.vifs[1].private_state[SVIO_HOST_VIF_PRIVATE_BYTES - 1], 0);
	CU_ASSERT_EQUAL(segment.vifs[0].private_state[SVIO_HOST_VIF_PRIVATE_BYTES - 1], 0x5a);
	CU_ASSERT_EQUAL(segment.vifs[2].in_use, 0x5a5a5a5a);
	svio_segment_destroy(&segment);
}

SVIO_TEST_MAIN("segment", SVIO_TEST(slot_of_a_deleted_vif_is_given_back))
