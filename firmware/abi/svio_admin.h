/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The admin queue (SPEC.md, chapter 7): 64-byte commands in guest memory,
 * 32-byte completions and events. The device checks a command completely
 * before it changes anything. Fields not named by a command are zero.
 */
#ifndef SVIO_ADMIN_H
#define SVIO_ADMIN_H

#include "svio_types.h"

#define SVIO_ADMIN_RING_LG2_MIN 3
#define SVIO_ADMIN_RING_LG2_MAX 8

enum svio_admin_opcode {
	SVIO_ADMIN_NOP = 0,
	SVIO_ADMIN_TXQ_CREATE = 1,
	SVIO_ADMIN_RXQ_CREATE = 2,
	SVIO_ADMIN_QUEUE_DESTROY = 3,
	SVIO_ADMIN_QUEUE_GET = 4,
	SVIO_ADMIN_MODERATION_SET = 5,
	SVIO_ADMIN_MAC_SET = 6,
	SVIO_ADMIN_MAC_ADD = 7,
	SVIO_ADMIN_MAC_DEL = 8,
	SVIO_ADMIN_VLAN_ADD = 9,
	SVIO_ADMIN_VLAN_DEL = 10,
	SVIO_ADMIN_RX_MODE_SET = 11,
	SVIO_ADMIN_RSS_SET = 12,
	SVIO_ADMIN_RSS_TABLE_SET = 13,
	SVIO_ADMIN_MTU_SET = 14,
	SVIO_ADMIN_OFFLOAD_SET = 15,
	SVIO_ADMIN_STATS_GET = 16,
	SVIO_ADMIN_LINK_GET = 17,
	SVIO_ADMIN_MAPQ_CREATE = 18,
	SVIO_ADMIN_OPCODE_COUNT
};

/*
 * TXQ_CREATE, RXQ_CREATE, MAPQ_CREATE (ring, completion and ring_lg2 only, and vector
 * SVIO_VECTOR_NONE). Ring memory is aligned to 64 bytes and cleared by the driver.
 */
struct svio_admin_queue_create {
	svio_le64 ring;       /* descriptors, 16 bytes each */
	svio_le64 completion; /* TX: svio_tx_status; RX: svio_rx_cmpl ring; map: svio_map_status */
	svio_le16 qid;        /* below the limit in QUEUES */
	svio_le16 vector;     /* below VECTORS, or SVIO_VECTOR_NONE */
	svio_u8 ring_lg2;
	svio_u8 reserved0[3];
	svio_le16 buf_len;           /* RX: least buffer length; TX: 0 */
	svio_le16 moderation_us;     /* 0..SVIO_MODERATION_US_MAX */
	svio_le16 moderation_frames; /* 0: time alone; 1: each; above: needs MODERATION */
	svio_le16 reserved1[11];
};
SVIO_ASSERT_SIZE(struct svio_admin_queue_create, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, ring, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, completion, 8);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, qid, 16);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, vector, 18);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, ring_lg2, 20);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, reserved0, 21);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, buf_len, 24);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, moderation_us, 26);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, moderation_frames, 28);
SVIO_ASSERT_OFFSET(struct svio_admin_queue_create, reserved1, 30);

#define SVIO_VECTOR_NONE       0xffff
#define SVIO_MODERATION_US_MAX 10000

/*
 * QUEUE_DESTROY: the reply comes when the device will not touch the queue's
 * memory again. QUEUE_GET: result = enum svio_error (0: running), detail =
 * index reached, info = address of the cause. MODERATION_SET.
 */
struct svio_admin_queue {
	svio_le16 kind; /* SVIO_QUEUE_TX, _RX; _MAP, with qid 0: not MODERATION_SET */
	svio_le16 qid;
	svio_le16 moderation_us;     /* MODERATION_SET only */
	svio_le16 moderation_frames; /* MODERATION_SET only */
	svio_le32 reserved[12];
};
SVIO_ASSERT_SIZE(struct svio_admin_queue, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_queue, kind, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_queue, qid, 2);
SVIO_ASSERT_OFFSET(struct svio_admin_queue, moderation_us, 4);
SVIO_ASSERT_OFFSET(struct svio_admin_queue, moderation_frames, 6);
SVIO_ASSERT_OFFSET(struct svio_admin_queue, reserved, 8);

/* MAC_SET (the VIF's own), MAC_ADD, MAC_DEL (receive filters, unicast and multicast). */
struct svio_admin_mac {
	svio_u8 mac[6];
	svio_u8 reserved[50];
};
SVIO_ASSERT_SIZE(struct svio_admin_mac, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_mac, mac, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_mac, reserved, 6);

/* VLAN_ADD, VLAN_DEL: receive filter, used once VLAN_FILTER is accepted. Untagged always passes. */
struct svio_admin_vlan {
	svio_le16 vid; /* 1..4094 */
	svio_le16 reserved[27];
};
SVIO_ASSERT_SIZE(struct svio_admin_vlan, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_vlan, vid, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_vlan, reserved, 2);

/* RX_MODE_SET. DENIED where the VIF's policy forbids it. */
struct svio_admin_rx_mode {
	svio_le32 flags; /* SVIO_RX_MODE_* */
	svio_le32 reserved[13];
};
SVIO_ASSERT_SIZE(struct svio_admin_rx_mode, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_rx_mode, flags, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_rx_mode, reserved, 4);

#define SVIO_RX_MODE_PROMISC  0x1 /* all unicast the switch floods or knows for others */
#define SVIO_RX_MODE_ALLMULTI 0x2 /* all multicast */
#define SVIO_RX_MODE_FLAGS    0x3

/* RSS_SET: hash types and key; 0 types: all packets to receive queue table[0]. */
struct svio_admin_rss {
	svio_u8 key[40];
	svio_le32 types; /* SVIO_RSS_* */
	svio_le32 reserved[3];
};
SVIO_ASSERT_SIZE(struct svio_admin_rss, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_rss, key, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_rss, types, 40);
SVIO_ASSERT_OFFSET(struct svio_admin_rss, reserved, 44);

#define SVIO_RSS_IPV4          0x1
#define SVIO_RSS_TCP4          0x2
#define SVIO_RSS_UDP4          0x4
#define SVIO_RSS_IPV6          0x8
#define SVIO_RSS_TCP6          0x10
#define SVIO_RSS_UDP6          0x20
#define SVIO_RSS_TYPES         0x3f
#define SVIO_RSS_KEY_BYTES     40
#define SVIO_RSS_TABLE_ENTRIES 128

/* RSS_TABLE_SET: a table of SVIO_RSS_TABLE_ENTRIES bytes, each a created receive queue. */
struct svio_admin_buffer {
	svio_le64 addr;
	svio_le32 len;  /* RSS_TABLE_SET: 128. STATS_GET: bytes the driver can take */
	svio_le16 kind; /* STATS_GET: SVIO_STATS_* */
	svio_le16 qid;  /* STATS_GET of a queue */
	svio_le32 reserved[10];
};
SVIO_ASSERT_SIZE(struct svio_admin_buffer, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_buffer, addr, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_buffer, len, 8);
SVIO_ASSERT_OFFSET(struct svio_admin_buffer, kind, 12);
SVIO_ASSERT_OFFSET(struct svio_admin_buffer, qid, 14);
SVIO_ASSERT_OFFSET(struct svio_admin_buffer, reserved, 16);

/* STATS_GET writes le64 counters to addr; result = bytes written. */
#define SVIO_STATS_TXQ SVIO_QUEUE_TX
#define SVIO_STATS_RXQ SVIO_QUEUE_RX
#define SVIO_STATS_VIF 3

/* MTU_SET: 68..MTU_MAX. OFFLOAD_SET: accepted receive features in use now. */
struct svio_admin_value {
	svio_le64 value; /* MTU in bytes, or SVIO_FEATURE bits RX_* */
	svio_le64 reserved[6];
};
SVIO_ASSERT_SIZE(struct svio_admin_value, 56);
SVIO_ASSERT_OFFSET(struct svio_admin_value, value, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_value, reserved, 8);

/* One command. id comes back in the completion; the device does not look at it. */
struct svio_admin_cmd {
	svio_le16 opcode;
	svio_le16 id;
	svio_le32 reserved;
	union {
		struct svio_admin_queue_create queue_create;
		struct svio_admin_queue queue;
		struct svio_admin_mac mac;
		struct svio_admin_vlan vlan;
		struct svio_admin_rx_mode rx_mode;
		struct svio_admin_rss rss;
		struct svio_admin_buffer buffer;
		struct svio_admin_value value;
		svio_u8 bytes[56];
	};
};
SVIO_ASSERT_SIZE(struct svio_admin_cmd, 64);
SVIO_ASSERT_OFFSET(struct svio_admin_cmd, opcode, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_cmd, id, 2);
SVIO_ASSERT_OFFSET(struct svio_admin_cmd, reserved, 4);
SVIO_ASSERT_OFFSET(struct svio_admin_cmd, bytes, 8);

/*
 * One completion or event; PHASE as in svio_rx_cmpl. Events come into the same
 * ring: the device keeps one pending bit an event and queue, so that a slow
 * driver loses detail but never a cause, and it never writes an entry that
 * the driver has not given back by the admin doorbell's head.
 */
struct svio_admin_cmpl {
	svio_le16 id;     /* completion: the command's id */
	svio_le16 status; /* completion: enum svio_admin_status; event: enum svio_error */
	svio_u8 event;    /* SVIO_EVENT_* */
	svio_u8 reserved0;
	svio_le16 queue; /* event: kind << 8 | qid */
	svio_le32 result;
	svio_le32 detail; /* refused command: byte offset in it of the field at fault */
	svio_le64 info;   /* event: address of the cause */
	svio_le32 reserved1;
	svio_le16 reserved2;
	svio_le16 flags; /* SVIO_ADMIN_CMPL_PHASE */
};
SVIO_ASSERT_SIZE(struct svio_admin_cmpl, 32);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, id, 0);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, status, 2);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, event, 4);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, reserved0, 5);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, queue, 6);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, result, 8);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, detail, 12);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, info, 16);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, reserved1, 24);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, reserved2, 28);
SVIO_ASSERT_OFFSET(struct svio_admin_cmpl, flags, 30);

#define SVIO_ADMIN_CMPL_PHASE 0x1

#define SVIO_EVENT_NONE        0 /* a completion */
#define SVIO_EVENT_LINK        1 /* result: bit 0 link up; detail: speed in Mbit/s */
#define SVIO_EVENT_QUEUE_ERROR 2 /* status, queue, info say which, why and where */
#define SVIO_EVENT_VIF_ERROR   3 /* read the ERROR registers and reset */

#endif /* SVIO_ADMIN_H */
