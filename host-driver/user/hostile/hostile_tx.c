/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by a transmit ring. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "hostile.h"

#define FRAME_BYTES 128
#define EXTRA_IOVA  0x7000000000ull /* where maps of our own go: far from the library's */
#define NOWHERE     0x00007ffffffff000ull
#define PAGE_BYTES  4096

/* A descriptor that is good but for what the attack then spoils. */
static struct svio_tx_desc *good_entry(struct hostile *hostile, uint32_t n)
{
	struct svio_tx_desc *desc = hostile_tx_entry(hostile, n);

	*desc = (struct svio_tx_desc){ .addr = hostile->page_iova,
				       .len = FRAME_BYTES,
				       .flags = SVIO_TX_END };
	return desc;
}

static struct svio_tx_ext *good_ext(struct hostile *hostile)
{
	struct svio_tx_ext *ext = (struct svio_tx_ext *)hostile_tx_entry(hostile, 1);

	good_entry(hostile, 0)->flags = SVIO_TX_END | SVIO_TX_EXT;
	*ext = (struct svio_tx_ext){ .csum_start = 34,
				     .csum_offset = 16,
				     .flags = SVIO_TX_EXT_CSUM };
	return ext;
}

static int tail_ahead(struct hostile *hostile)
{
	hostile_tx_ring(hostile, (1u << hostile->queue.tx_lg2) + 1);
	return 0;
}

static int tail_behind(struct hostile *hostile)
{
	hostile_tx_ring(hostile, UINT32_MAX);
	return 0;
}

static int flag_unknown(struct hostile *hostile)
{
	good_entry(hostile, 0)->flags |= 0x8000;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int reserved_set(struct hostile *hostile)
{
	good_entry(hostile, 0)->reserved = 1;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int vlan_without_flag(struct hostile *hostile)
{
	good_entry(hostile, 0)->vlan_tci = 5;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int ext_on_second(struct hostile *hostile)
{
	good_entry(hostile, 0)->flags = 0;
	good_entry(hostile, 1)->flags = SVIO_TX_EXT | SVIO_TX_END;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int length_zero(struct hostile *hostile)
{
	good_entry(hostile, 0)->len = 0;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int end_missing(struct hostile *hostile)
{
	good_entry(hostile, 0)->flags = 0;
	good_entry(hostile, 1)->flags = 0;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int chain_too_long(struct hostile *hostile)
{
	uint32_t n = svio_vif_info(hostile->vif)->segs_max + 1;

	for (uint32_t i = 0; i < n; i++)
		good_entry(hostile, i)->flags = i + 1 == n ? SVIO_TX_END : 0;
	hostile_tx_ring(hostile, n);
	return 0;
}

static int ext_behind_tail(struct hostile *hostile)
{
	good_ext(hostile);
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int ext_gso_type_unknown(struct hostile *hostile)
{
	good_ext(hostile)->gso_type = 99;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int ext_gso_without_checksum(struct hostile *hostile)
{
	struct svio_tx_ext *ext = good_ext(hostile);

	*ext = (struct svio_tx_ext){ .gso_type = SVIO_GSO_TCP4, .gso_size = 100, .hdr_len = 54 };
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int frame_short(struct hostile *hostile)
{
	good_entry(hostile, 0)->len = 13;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int frame_long(struct hostile *hostile)
{
	good_entry(hostile, 0)->len = svio_vif_info(hostile->vif)->mtu_max + 19;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int frame_very_long(struct hostile *hostile)
{
	for (uint32_t i = 0; i < 8; i++) {
		good_entry(hostile, i)->len = 0xffff;
		hostile_tx_entry(hostile, i)->flags = i == 7 ? SVIO_TX_END : 0;
	}
	hostile_tx_ring(hostile, 8);
	return 0;
}

static int checksum_outside(struct hostile *hostile)
{
	good_ext(hostile)->csum_start = FRAME_BYTES - 1;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int checksum_wraps(struct hostile *hostile)
{
	good_ext(hostile)->csum_offset = 0xffff;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int gso_header_lies(struct hostile *hostile)
{
	struct svio_tx_ext *ext = good_ext(hostile);

	ext->gso_type = SVIO_GSO_TCP4;
	ext->gso_size = 10;
	ext->hdr_len = 0xffff;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int gso_size_zero(struct hostile *hostile)
{
	struct svio_tx_ext *ext = good_ext(hostile);

	ext->gso_type = SVIO_GSO_TCP4;
	ext->hdr_len = 54;
	hostile_tx_ring(hostile, 2);
	return 0;
}

static int address_nowhere(struct hostile *hostile)
{
	good_entry(hostile, 0)->addr = NOWHERE;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int address_zero(struct hostile *hostile)
{
	good_entry(hostile, 0)->addr = 0;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int address_past_end(struct hostile *hostile)
{
	good_entry(hostile, 0)->addr = hostile->raw.iova + hostile->raw.memory_bytes - 20;
	hostile_tx_ring(hostile, 1);
	return 0;
}

static int address_wraps(struct hostile *hostile)
{
	good_entry(hostile, 0)->addr = UINT64_MAX - 20;
	hostile_tx_ring(hostile, 1);
	return 0;
}

/* Another page of ours for the device, with the rights given. Its descriptor, or -errno. */
static int map_page(struct hostile *hostile, bool readable, bool writable)
{
	int fd = memfd_create("hostile", MFD_CLOEXEC);
	int status;

	if (fd < 0 || ftruncate(fd, PAGE_BYTES))
		return -errno;
	status = svio_vif_raw_dma_map(hostile->vif, EXTRA_IOVA, PAGE_BYTES, fd, 0, readable,
				      writable);
	if (!status)
		return fd;
	close(fd);
	return status;
}

static void unmap_page(struct hostile *hostile)
{
	svio_vif_raw_dma_unmap(hostile->vif, EXTRA_IOVA, PAGE_BYTES);
}

static int address_write_only(struct hostile *hostile)
{
	int fd = map_page(hostile, false, true);

	if (fd < 0)
		return fd;
	close(fd);
	good_entry(hostile, 0)->addr = EXTRA_IOVA;
	hostile_tx_ring(hostile, 1);
	return 0;
}

/* The page goes after the device was shown it. */
static int address_unmapped_before_use(struct hostile *hostile)
{
	int fd = map_page(hostile, true, true);

	if (fd < 0)
		return fd;
	close(fd);
	good_entry(hostile, 0)->addr = EXTRA_IOVA;
	unmap_page(hostile);
	hostile_tx_ring(hostile, 1);
	return 0;
}

/* Queue 0 again, its ring in a page that is then taken away. */
static int ring_unmapped(struct hostile *hostile)
{
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY,
					  .queue.kind = SVIO_QUEUE_TX };
	struct svio_admin_cmd create = { .opcode = SVIO_ADMIN_TXQ_CREATE,
					 .queue_create = { .ring = EXTRA_IOVA,
							   .completion = EXTRA_IOVA + 2048,
							   .vector = SVIO_VECTOR_NONE,
							   .ring_lg2 = 6 } };
	int fd = map_page(hostile, true, true);
	int status;

	if (fd < 0)
		return fd;
	close(fd);
	svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_TX, 0, 0);
	status = svio_vif_admin(hostile->vif, &destroy, NULL);
	if (!status)
		status = svio_vif_admin(hostile->vif, &create, NULL);
	unmap_page(hostile);
	if (!status)
		svio_vif_raw_tail_store(hostile->vif, SVIO_QUEUE_TX, 0, 1);
	return status;
}

#define ATTACK(function, error, words)                                                 \
	{                                                                              \
#function, words, HOSTILE_STOPS_TX, SVIO_ERROR_##error, function, NULL \
	}

const struct hostile_attack hostile_tx_attacks[] = {
	ATTACK(tail_ahead, RING_INDEX, "doorbell more than a ring ahead"),
	ATTACK(tail_behind, RING_INDEX, "doorbell behind what was consumed"),
	ATTACK(flag_unknown, DESC_FLAGS, "an unknown descriptor flag"),
	ATTACK(reserved_set, DESC_FLAGS, "a reserved field that is not zero"),
	ATTACK(vlan_without_flag, DESC_FLAGS, "a VLAN tag without its flag"),
	ATTACK(ext_on_second, DESC_FLAGS, "an extension in mid-packet"),
	ATTACK(length_zero, DESC_LEN, "a descriptor of no bytes"),
	ATTACK(end_missing, DESC_CHAIN, "a packet without an end"),
	ATTACK(chain_too_long, DESC_CHAIN, "a packet of too many descriptors"),
	ATTACK(ext_behind_tail, DESC_EXT, "an extension that is not there"),
	ATTACK(ext_gso_type_unknown, DESC_EXT, "an unknown segmentation"),
	ATTACK(ext_gso_without_checksum, DESC_EXT, "segmentation without checksum"),
	ATTACK(frame_short, FRAME_LEN, "a frame of 13 bytes"),
	ATTACK(frame_long, FRAME_LEN, "a frame longer than the MTU"),
	ATTACK(frame_very_long, FRAME_LEN, "a packet of half a megabyte"),
	ATTACK(checksum_outside, OFFLOAD, "a checksum at the frame's end"),
	ATTACK(checksum_wraps, OFFLOAD, "a checksum far outside of the frame"),
	ATTACK(gso_header_lies, OFFLOAD, "headers longer than the packet"),
	ATTACK(gso_size_zero, OFFLOAD, "segments of no bytes"),
	ATTACK(address_nowhere, DMA_UNMAPPED, "reading an address that is not ours"),
	ATTACK(address_zero, DMA_UNMAPPED, "reading address 0"),
	ATTACK(address_past_end, DMA_UNMAPPED, "reading across the end of our memory"),
	ATTACK(address_wraps, DMA_RANGE, "reading across the end of all addresses"),
	{ "address_write_only", "reading a page that is only for writing", HOSTILE_STOPS_TX,
	  SVIO_ERROR_DMA_RIGHTS, address_write_only, unmap_page },
	ATTACK(address_unmapped_before_use, DMA_UNMAPPED, "reading a page that was unmapped"),
	ATTACK(ring_unmapped, RING_DMA, "a ring whose memory was unmapped"),
};

const size_t hostile_tx_attack_count = sizeof(hostile_tx_attacks) / sizeof(hostile_tx_attacks[0]);
