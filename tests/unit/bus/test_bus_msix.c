// SPDX-License-Identifier: BSD-3-Clause
#include "msix.h"

#include <string.h>

#include "svio_test.h"

static void reset_masks_every_vector(void)
{
	struct bus_msix msix;
	uint8_t control;

	bus_msix_reset(&msix, 64);
	for (uint32_t i = 0; i < 64; i++) {
		bus_msix_read(&msix, 0, i * BUS_MSIX_ENTRY_BYTES + 12, &control, 1);
		CU_ASSERT_EQUAL(control, 1);
	}
}

static void write_beyond_vectors_is_ignored(void)
{
	struct bus_msix msix, before;
	uint8_t ones[32];

	memset(ones, 0xff, sizeof(ones));
	bus_msix_reset(&msix, 2);
	before = msix;
	bus_msix_write(&msix, 2 * BUS_MSIX_ENTRY_BYTES, ones, 16);
	bus_msix_write(&msix, SVIO_MSIX_PBA_OFFSET, ones, 16);
	bus_msix_write(&msix, SVIO_BAR_MSIX_BYTES - 16, ones, 16);
	CU_ASSERT_EQUAL(memcmp(&msix, &before, sizeof(msix)), 0);
	/* A write over the last entry's end changes the entry. */
	bus_msix_write(&msix, BUS_MSIX_ENTRY_BYTES, ones, 32);
	CU_ASSERT_EQUAL(memcmp(msix.table, before.table, 16), 0);
	CU_ASSERT_EQUAL(msix.table[16], 0xfc);
	CU_ASSERT_EQUAL(msix.table[32], 0);
}

static void read_across_table_and_pba_is_seamless(void)
{
	struct bus_msix msix;
	uint8_t data[32];

	bus_msix_reset(&msix, 64);
	bus_msix_read(&msix, 0x8000000000000001ull, SVIO_MSIX_PBA_OFFSET - 8, data, 32);
	for (size_t i = 0; i < 32; i++)
		CU_ASSERT_EQUAL(data[i], i == 8 ? 1 : i == 15 ? 0x80 : 0);
}

SVIO_TEST_MAIN("bus MSI-X", SVIO_TEST(reset_masks_every_vector),
	       SVIO_TEST(write_beyond_vectors_is_ignored),
	       SVIO_TEST(read_across_table_and_pba_is_seamless))
