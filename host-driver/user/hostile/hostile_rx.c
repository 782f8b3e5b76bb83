/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by a receive ring: they work when a packet comes. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

#define EXTRA_IOVA 0x7000000000ull
#define NOWHERE    0x00007ffffffff000ull
#define PAGE_BYTES 4096

/* Spoils every buffer that is posted: the next packet meets one. */
static struct svio_rx_desc *every(struct hostile *hostile, uint32_t i)
{
	return i < 1u << hostile->queue.rx_lg2 ? &hostile->queue.rx_ring[i] : NULL;
}

static int tail_ahead(struct hostile *hostile)
{
	svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_RX, 0,
				hostile->queue.rx_tail + (2u << hostile->queue.rx_lg2));
	return 0;
}

static int address_nowhere(struct hostile *hostile)
{
	struct svio_rx_desc *desc;

	for (uint32_t i = 0; (desc = every(hostile, i)); i++)
		desc->addr = NOWHERE;
	return 0;
}

static int address_wraps(struct hostile *hostile)
{
	struct svio_rx_desc *desc;

	for (uint32_t i = 0; (desc = every(hostile, i)); i++)
		desc->addr = UINT64_MAX - 10;
	return 0;
}

static int address_past_end(struct hostile *hostile)
{
	struct svio_rx_desc *desc;

	for (uint32_t i = 0; (desc = every(hostile, i)); i++)
		desc->addr = hostile->raw.iova + hostile->raw.memory_bytes - 10;
	return 0;
}

static int buffer_short(struct hostile *hostile)
{
	struct svio_rx_desc *desc;

	for (uint32_t i = 0; (desc = every(hostile, i)); i++)
		desc->len = 64;
	return 0;
}

static int reserved_set(struct hostile *hostile)
{
	struct svio_rx_desc *desc;

	for (uint32_t i = 0; (desc = every(hostile, i)); i++)
		desc->reserved1 = 1;
	return 0;
}

static int address_read_only(struct hostile *hostile)
{
	struct svio_rx_desc *desc;
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	int status = fd < 0 || ftruncate(fd, PAGE_BYTES) ? -errno : 0;

	if (!status)
		status = svio_vif_raw_dma_map(hostile->vif, EXTRA_IOVA, PAGE_BYTES, fd, 0, true,
					      false);
	if (fd >= 0)
		close(fd);
	for (uint32_t i = 0; !status && (desc = every(hostile, i)); i++)
		desc->addr = EXTRA_IOVA;
	return status;
}

static void unmap_page(struct hostile *hostile)
{
	svio_vif_raw_dma_unmap(hostile->vif, EXTRA_IOVA, PAGE_BYTES);
}

#define ATTACK(function, error, words)                                                 \
	{                                                                              \
#function, words, HOSTILE_STOPS_RX, SVIO_ERROR_##error, function, NULL \
	}

const struct hostile_attack hostile_rx_attacks[] = {
	ATTACK(tail_ahead, RING_INDEX, "more buffers than the ring has entries"),
	ATTACK(address_nowhere, DMA_UNMAPPED, "having an address written that is not ours"),
	ATTACK(address_wraps, DMA_RANGE, "a buffer across the end of all addresses"),
	ATTACK(address_past_end, DMA_UNMAPPED, "a buffer across the end of our memory"),
	ATTACK(buffer_short, BUF_LEN, "buffers shorter than was declared"),
	ATTACK(reserved_set, DESC_FLAGS, "a reserved field that is not zero"),
	{ "address_read_only", "having a page written that is only for reading", HOSTILE_STOPS_RX,
	  SVIO_ERROR_DMA_RIGHTS, address_read_only, unmap_page },
};

const size_t hostile_rx_attack_count = sizeof(hostile_rx_attacks) / sizeof(hostile_rx_attacks[0]);
