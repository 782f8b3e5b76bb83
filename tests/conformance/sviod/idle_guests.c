/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: idle_guests RUN_DIR FIRST COUNT
 * Guests in user space that open COUNT VIFs from vFIRST on with a pair of queues each, with their
 * memory mapped as QEMU maps that of a PC, and do nothing. Prints a line when all are open, and ends
 * with its input.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "svio_vif_raw.h"

#define BLOCK 0x200000u /* from here on in large pages */

/* The first 2 MiB: conventional memory, ROM and its shadow, what is above. */
static const struct {
	uint32_t iova;
	uint32_t end;
	bool writable;
} low[] = {
	{ 0, 0xa0000, true },
	{ 0xc0000, 0xe0000, false },
	{ 0xe0000, 0x100000, true },
	{ 0x100000, BLOCK, true },
};

static void open_one(const char *run_dir, unsigned long number)
{
	char path[256];
	struct svio_vif_options options = { .path = path,
					    .features = SVIO_VIF_FEATURES_ALL,
					    .tx_ring_lg2 = 6,
					    .rx_ring_lg2 = 6,
					    .iova = BLOCK };
	struct svio_vif_raw raw;
	struct svio_vif *vif;

	snprintf(path, sizeof(path), "%s/v%lu.sock", run_dir, number);
	if (svio_vif_open(&options, &vif))
		errx(1, "%s", svio_vif_message());
	svio_vif_raw_get(vif, &raw);
	for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++)
		if (svio_vif_raw_dma_map(vif, low[i].iova, low[i].end - low[i].iova, raw.memory_fd,
					 low[i].iova, true, low[i].writable))
			errx(1, "%s", svio_vif_message());
}

int main(int argc, char **argv)
{
	unsigned long first;
	unsigned long count;
	char byte;

	if (argc != 4)
		errx(2, "usage: idle_guests RUN_DIR FIRST COUNT");
	first = strtoul(argv[2], NULL, 10);
	count = strtoul(argv[3], NULL, 10);
	for (unsigned long i = 0; i < count; i++)
		open_one(argv[1], first + i);
	puts("open");
	fflush(stdout);
	return read(STDIN_FILENO, &byte, 1) != 0;
}
