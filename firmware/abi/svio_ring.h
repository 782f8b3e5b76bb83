/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * BAR2 and guest memory: doorbells, descriptors, completions (SPEC.md,
 * chapters 4 to 6), and the map queue (chapter 11).
 *
 * Rings have 2^lg2 entries. Indices run freely over 32 bits; entry = index
 * mod 2^lg2. The driver's doorbell holds how many entries it has ever filled
 * (tail); the device refuses a tail that is more than a ring ahead of what it
 * has consumed.
 */
#ifndef SVIO_RING_H
#define SVIO_RING_H

#include "svio_types.h"

#define SVIO_RING_LG2_MIN 3
#define SVIO_RING_LG2_MAX 12
#define SVIO_QUEUES_MAX   32 /* of each kind in one VIF */

#define SVIO_QUEUE_TX    0
#define SVIO_QUEUE_RX    1
#define SVIO_QUEUE_ADMIN 2
#define SVIO_QUEUE_MAP   3

/*
 * One doorbell: a cache line of the mapped BAR, written by the driver only.
 *
 * arm asks for one interrupt: SVIO_ARM_ENABLE | index (31 bits) of the first
 * entry the driver has not yet seen completed. The device raises the queue's
 * vector once as soon as its own completion index differs from it, and then
 * not again until arm changes. 0 masks the queue. After writing arm the driver
 * issues a full barrier and looks at the ring once more.
 */
struct svio_doorbell {
	svio_le32 tail; /* entries filled so far */
	svio_le32 arm;  /* SVIO_ARM_ENABLE | index, or 0 */
	svio_le32 head; /* admin only: completions consumed so far */
	svio_le32 reserved[13];
};
SVIO_ASSERT_SIZE(struct svio_doorbell, 64);
SVIO_ASSERT_OFFSET(struct svio_doorbell, tail, 0);
SVIO_ASSERT_OFFSET(struct svio_doorbell, arm, 4);
SVIO_ASSERT_OFFSET(struct svio_doorbell, head, 8);
SVIO_ASSERT_OFFSET(struct svio_doorbell, reserved, 12);

#define SVIO_ARM_ENABLE 0x80000000u
#define SVIO_ARM_INDEX  0x7fffffffu

/*
 * The mapped BAR. asleep is written by the device only: 1 while nobody polls
 * this VIF. The driver stores a tail, issues a full barrier, reads asleep, and
 * if it is set writes the WAKE register. (The device sets asleep, issues a
 * full barrier and looks at all doorbells once more: none is lost.)
 */
struct svio_doorbell_bar {
	svio_le32 asleep;
	svio_le32 reserved0[15];
	struct svio_doorbell admin;
	struct svio_doorbell map;
	svio_u8 reserved1[0x1000 - 192];
	struct svio_doorbell tx[SVIO_QUEUES_MAX];
	struct svio_doorbell rx[SVIO_QUEUES_MAX];
};
SVIO_ASSERT_SIZE(struct svio_doorbell_bar, 0x2000);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, asleep, 0);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, reserved0, 4);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, admin, 0x40);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, map, 0x80);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, reserved1, 0xc0);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, tx, 0x1000);
SVIO_ASSERT_OFFSET(struct svio_doorbell_bar, rx, 0x1800);

/*
 * Transmit. A packet is 1..SEGS_MAX consecutive svio_tx_desc; the last has
 * END. If the first has EXT, the next entry is one svio_tx_ext and the data
 * descriptors go on behind it. vlan_tci counts in the first only.
 */
struct svio_tx_desc {
	svio_le64 addr;     /* I/O address of the data */
	svio_le16 len;      /* 1..65535 bytes */
	svio_le16 flags;    /* SVIO_TX_* */
	svio_le16 vlan_tci; /* tag to insert, with SVIO_TX_VLAN; else 0 */
	svio_le16 reserved; /* 0 */
};
SVIO_ASSERT_SIZE(struct svio_tx_desc, 16);
SVIO_ASSERT_OFFSET(struct svio_tx_desc, addr, 0);
SVIO_ASSERT_OFFSET(struct svio_tx_desc, len, 8);
SVIO_ASSERT_OFFSET(struct svio_tx_desc, flags, 10);
SVIO_ASSERT_OFFSET(struct svio_tx_desc, vlan_tci, 12);
SVIO_ASSERT_OFFSET(struct svio_tx_desc, reserved, 14);

#define SVIO_TX_END   0x0001 /* last descriptor of its packet */
#define SVIO_TX_EXT   0x0002 /* first only: the next entry is a svio_tx_ext */
#define SVIO_TX_VLAN  0x0004 /* first only: insert vlan_tci */
#define SVIO_TX_FLAGS 0x0007

/*
 * Offloads of one packet. csum_start counts from the first byte of the frame;
 * the field at csum_start + csum_offset holds the pseudo-header's sum and
 * receives the checksum from csum_start to the end. With gso_type not NONE,
 * gso_size is the payload bytes of each segment and hdr_len the bytes of all
 * headers, copied to each.
 */
struct svio_tx_ext {
	svio_le16 csum_start;
	svio_le16 csum_offset;
	svio_le16 gso_size;
	svio_le16 hdr_len;
	svio_u8 gso_type; /* SVIO_GSO_* */
	svio_u8 reserved0;
	svio_le16 flags; /* SVIO_TX_EXT_* */
	svio_le32 reserved1;
};
SVIO_ASSERT_SIZE(struct svio_tx_ext, 16);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, csum_start, 0);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, csum_offset, 2);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, gso_size, 4);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, hdr_len, 6);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, gso_type, 8);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, reserved0, 9);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, flags, 10);
SVIO_ASSERT_OFFSET(struct svio_tx_ext, reserved1, 12);

#define SVIO_TX_EXT_CSUM  0x0001 /* complete the checksum */
#define SVIO_TX_EXT_FLAGS 0x0001

#define SVIO_GSO_NONE  0
#define SVIO_GSO_TCP4  1
#define SVIO_GSO_TCP6  2
#define SVIO_GSO_UDP4  3
#define SVIO_GSO_UDP6  4
#define SVIO_GSO_COUNT 5

/*
 * Guest memory, 64 bytes, one a transmit queue: how far the device has got.
 * Entries before head belong to the driver again.
 */
struct svio_tx_status {
	svio_le32 head; /* entries consumed so far */
	svio_le32 reserved[15];
};
SVIO_ASSERT_SIZE(struct svio_tx_status, 64);
SVIO_ASSERT_OFFSET(struct svio_tx_status, head, 0);
SVIO_ASSERT_OFFSET(struct svio_tx_status, reserved, 4);

/*
 * Receive: a buffer. All buffers of a queue have at least the queue's buf_len
 * bytes (given when it was created); the device fills at most len.
 */
struct svio_rx_desc {
	svio_le64 addr;
	svio_le16 len;       /* buf_len..65535 bytes */
	svio_le16 reserved0; /* 0 */
	svio_le32 reserved1; /* 0 */
};
SVIO_ASSERT_SIZE(struct svio_rx_desc, 16);
SVIO_ASSERT_OFFSET(struct svio_rx_desc, addr, 0);
SVIO_ASSERT_OFFSET(struct svio_rx_desc, len, 8);
SVIO_ASSERT_OFFSET(struct svio_rx_desc, reserved0, 10);
SVIO_ASSERT_OFFSET(struct svio_rx_desc, reserved1, 12);

/*
 * Receive: completion i tells of buffer i; buffers are used in order. A packet
 * is one or more consecutive completions, FIRST on the first, END on the last;
 * all but len and PHASE/FIRST/END are valid in the first only. PHASE tells new
 * entries from old: in lap n of the ring (from 0) it is 1 for even n, 0 for
 * odd; the driver clears the ring before it creates the queue. The device
 * publishes the first completion of a packet last, so a packet that has begun
 * is complete.
 */
struct svio_rx_cmpl {
	svio_le16 len;        /* bytes in this buffer */
	svio_le16 vlan_tci;   /* with SVIO_RX_VLAN */
	svio_le32 hash;       /* with SVIO_RX_HASH_L3 or _L4 */
	svio_le16 csum_start; /* with SVIO_RX_PARTIAL, as in svio_tx_ext */
	svio_le16 csum_offset;
	svio_le16 gso_size; /* with a gso type in flags */
	svio_le16 flags;    /* SVIO_RX_* */
};
SVIO_ASSERT_SIZE(struct svio_rx_cmpl, 16);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, len, 0);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, vlan_tci, 2);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, hash, 4);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, csum_start, 8);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, csum_offset, 10);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, gso_size, 12);
SVIO_ASSERT_OFFSET(struct svio_rx_cmpl, flags, 14);

#define SVIO_RX_PHASE     0x0001
#define SVIO_RX_FIRST     0x0002
#define SVIO_RX_END       0x0004
#define SVIO_RX_CSUM_OK   0x0008 /* the L4 checksum was verified, or came from a neighbour VIF */
#define SVIO_RX_PARTIAL   0x0010 /* the L4 checksum is still to be completed */
#define SVIO_RX_VLAN      0x0020 /* a tag was stripped into vlan_tci */
#define SVIO_RX_HASH_L3   0x0040 /* hash over IP addresses */
#define SVIO_RX_HASH_L4   0x0080 /* hash over addresses and ports */
#define SVIO_RX_GSO_SHIFT 8      /* bits 8-10: SVIO_GSO_* of an unsegmented packet */
#define SVIO_RX_GSO_MASK  0x0700

/*
 * Map queue: one entry grants pages of guest memory to the device's window, or
 * revokes them. Page n of the window is what a transmit or receive queue finds
 * at device address n << SVIO_MAP_PAGE_LG2. Entries are carried out in order.
 */
struct svio_map_entry {
	svio_le64 addr;  /* grant: I/O address of the first page, page-aligned; revoke: 0 */
	svio_le32 page;  /* first page of the window */
	svio_le16 pages; /* 1..SVIO_MAP_ENTRY_PAGES_MAX */
	svio_le16 flags; /* SVIO_MAP_READ and/or _WRITE: grant; SVIO_MAP_REVOKE alone: revoke */
};
SVIO_ASSERT_SIZE(struct svio_map_entry, 16);
SVIO_ASSERT_OFFSET(struct svio_map_entry, addr, 0);
SVIO_ASSERT_OFFSET(struct svio_map_entry, page, 8);
SVIO_ASSERT_OFFSET(struct svio_map_entry, pages, 12);
SVIO_ASSERT_OFFSET(struct svio_map_entry, flags, 14);

#define SVIO_MAP_READ   0x0001 /* the device may read: transmit data, descriptors */
#define SVIO_MAP_WRITE  0x0002 /* the device may write: receive buffers, completions */
#define SVIO_MAP_REVOKE 0x0004
#define SVIO_MAP_FLAGS  0x0007

#define SVIO_MAP_PAGE_LG2        12
#define SVIO_MAP_PAGES_MAX       65536 /* of a window; MAP_PAGES has the number of this VIF */
#define SVIO_MAP_ENTRY_PAGES_MAX 16
#define SVIO_MAP_RING_LG2_MAX    8

/*
 * Guest memory, 64 bytes: how far the device has got. Entries before head are
 * carried out: what they have revoked is not touched any more.
 */
struct svio_map_status {
	svio_le32 head; /* entries carried out so far */
	svio_le32 reserved[15];
};
SVIO_ASSERT_SIZE(struct svio_map_status, 64);
SVIO_ASSERT_OFFSET(struct svio_map_status, head, 0);
SVIO_ASSERT_OFFSET(struct svio_map_status, reserved, 4);

/* Bytes: Ethernet header with one VLAN tag, and the longest frame and packet. */
#define SVIO_ETH_HEADER_BYTES 14
#define SVIO_VLAN_TAG_BYTES   4
#define SVIO_MTU_MIN          68
#define SVIO_MTU_MAX          9000
#define SVIO_FRAME_BYTES_MAX  (SVIO_MTU_MAX + SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES)
#define SVIO_GSO_BYTES_MAX    (65535 + SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES)
#define SVIO_TX_SEGS_MAX      40   /* data descriptors a packet */
#define SVIO_GSO_SEGMENTS_MAX 1024 /* frames that segmentation makes of a packet */
#define SVIO_RX_BUF_LEN_MIN   256

#endif /* SVIO_RING_H */
