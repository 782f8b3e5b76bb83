/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * The host's side of the device: what sviod (bus, glue) and the firmware share.
 *
 * Three things connect the two processes:
 *   - the segment: one memfd, the device's SRAM. Everything a guest could miss
 *     after a firmware crash lives here or in the guest's own rings;
 *   - a SOCK_SEQPACKET pair that carries struct svio_host_msg and descriptors;
 *   - the kick: an eventfd that sviod writes to wake a sleeping firmware.
 *
 * Each field has one writer, named above it. sviod creates and clears the
 * segment; a firmware process attaches, checks magic and version, and goes on
 * from what it finds. Only offsets and indices are stored, never pointers.
 */
#ifndef SVIO_HOST_H
#define SVIO_HOST_H

#include "svio_counters.h"
#include "svio_regs.h"
#include "svio_ring.h"
#include "svio_types.h"

#define SVIO_HOST_MAGIC      0x68657653u
#define SVIO_HOST_VERSION    6
#define SVIO_HOST_VIFS_MAX   4096
#define SVIO_HOST_CORES_MAX  8
#define SVIO_HOST_NAME_BYTES 32
#define SVIO_HOST_GROUPS_MAX 256 /* 0 is the port */
#define SVIO_HOST_CLASSES    8
#define SVIO_HOST_LEVELS     8 /* service levels of packets */

/* A VIF's struct svio_iommu_dirty_log and its bitmap: 2 TiB in pages of 4 KiB. */
#define SVIO_HOST_DIRTY_BYTES (16384 + (64ull << 20))

/*
 * Room for the firmware's private state of a VIF; the firmware asserts that its own fits. It
 * makes a slot five pages, of which only those exist that something was written to: the first
 * holds all that a VIF without queues needs.
 */
#define SVIO_HOST_VIF_PRIVATE_BYTES    17856
#define SVIO_HOST_DEVICE_PRIVATE_BYTES (1024 * 1024)

/* Counters of the whole device, kept by the firmware. */
#define SVIO_DEVICE_COUNTER_LIST(X)                                                        \
	X(wire_rx_packets, "packets from the wire")                                        \
	X(wire_rx_bytes, "bytes of wire_rx_packets")                                       \
	X(wire_tx_packets, "packets given to the wire")                                    \
	X(wire_tx_bytes, "bytes of wire_tx_packets")                                       \
	X(wire_tx_drop, "packets the wire did not take")                                   \
	X(wire_rx_malformed, "frames from the wire shorter than 14 bytes or too long")     \
	X(copies, "packets added by flooding and by segmentation")                         \
	X(switch_drop, "packets that nobody was to receive")                               \
	X(sleeps, "times the firmware slept")                                              \
	X(kicks, "times it was woken by sviod")                                            \
	X(polls, "passes of the polling loop")                                             \
	X(wire_tx_lent_bytes, "of wire_tx_bytes, sent from guests' memory without a copy") \
	X(wire_lends, "times a page was lent to the wire")                                 \
	X(wire_revokes, "times pages were taken back from it")                             \
	X(irq_writes, "eventfds written to raise interrupts")                              \
	X(irq_wakes, "times the thread that raises interrupts was woken")

enum svio_device_counter {
#define SVIO_DEVICE_COUNTER_ENUM(name, text) SVIO_DEVICE_COUNTER_##name,
	SVIO_DEVICE_COUNTER_LIST(SVIO_DEVICE_COUNTER_ENUM)
#undef SVIO_DEVICE_COUNTER_ENUM
	SVIO_DEVICE_COUNTER_COUNT
};

/* Flags of svio_host_vif. */
#define SVIO_HOST_VIF_BUS_MASTER 0x01 /* COMMAND.BM: without it the VIF may not do DMA */
#define SVIO_HOST_VIF_TRUSTED    0x02 /* may send any MAC and VLAN, be promiscuous */
#define SVIO_HOST_VIF_LINK_DOWN  0x04 /* the administrator took the link down */
#define SVIO_HOST_VIF_MAC_SET    0x08 /* the guest may change its MAC */
#define SVIO_HOST_VIF_MAP_QUEUE  0x10 /* the feature MAP_QUEUE is offered */
#define SVIO_HOST_VIF_DIRTY_LOG  0x20 /* writes to guest memory are marked in the VIF's dirty log */

/* What an administrator sets on a node of the scheduler's tree (vif-sched/svio_sched.h). */
struct svio_host_qos {
	svio_le64 min_bps;     /* guaranteed, bits/s on the wire; 0: none */
	svio_le64 max_bps;     /* ceiling; 0: none */
	svio_le64 max_pps;     /* ceiling, packets a second; 0: none */
	svio_le32 burst_bytes; /* of max; 0: the scheduler's default */
	svio_le32 weight;      /* 1..65535; 0 counts as 1 */
	svio_le32 priority;    /* 0..7, 7 is served first */
	svio_le32 reserved;
};
SVIO_ASSERT_SIZE(struct svio_host_qos, 40);

/* What a node did; the firmware writes it when it is asked by QOS_READ. */
struct svio_host_qos_live {
	svio_le64 bytes; /* on the wire */
	svio_le64 packets;
	svio_le64 held;  /* times its own ceiling held it back */
	svio_le32 state; /* enum svio_host_qos_state, at that moment */
	svio_le32 reserved;
};
SVIO_ASSERT_SIZE(struct svio_host_qos_live, 32);

enum svio_host_qos_state {
	SVIO_HOST_QOS_IDLE = 0,   /* nothing to send: limited by its own demand */
	SVIO_HOST_QOS_READY = 1,  /* waits for its turn: limited by its share */
	SVIO_HOST_QOS_HELD = 2,   /* limited by its own max or max_pps */
	SVIO_HOST_QOS_BEHIND = 3, /* limited by a max above it */
};

/* A group of VIFs and groups; number 0 is the port. Groups nest once: port, group, group, VIF. */
struct svio_host_group {
	/* sviod */
	svio_le32 in_use;
	svio_le32 parent; /* group; 0: the port */
	struct svio_host_qos qos;
	/* firmware */
	struct svio_host_qos_live live;
	svio_le64 reserved[6];
};
SVIO_ASSERT_SIZE(struct svio_host_group, 128);

/*
 * A VIF's place in the tree and its classes. A packet's service level is its
 * PCP when it carries a VLAN tag, else what dscp_level says of its DSCP when it is
 * IPv4 or IPv6, else 0; lane says which class that level belongs to.
 */
struct svio_host_vif_qos {
	svio_le32 group;   /* 0: the port */
	svio_le32 classes; /* 0: none, the VIF is served as a whole; else 1..8 */
	svio_le64 reserved0;
	struct svio_host_qos node;
	svio_le64 reserved1;
	svio_u8 lane[SVIO_HOST_LEVELS]; /* below classes */
	svio_le64 reserved2[7];
	svio_u8 dscp_level[64]; /* below SVIO_HOST_LEVELS */
	struct svio_host_qos class_node[SVIO_HOST_CLASSES];
};
SVIO_ASSERT_SIZE(struct svio_host_vif_qos, 512);
SVIO_ASSERT_OFFSET(struct svio_host_vif_qos, node, 16);
SVIO_ASSERT_OFFSET(struct svio_host_vif_qos, lane, 64);
SVIO_ASSERT_OFFSET(struct svio_host_vif_qos, dscp_level, 128);
SVIO_ASSERT_OFFSET(struct svio_host_vif_qos, class_node, 192);

/* One VIF. sviod writes config and qos before VIF_ADD and announces changes by VIF_UPDATE. */
struct svio_host_vif_config {
	svio_le32 flags;  /* SVIO_HOST_VIF_*; atomic: BUS_MASTER, DIRTY_LOG change at any time */
	svio_le32 domain; /* IOMMU domain, a handle of iommu/; 0: none */
	svio_u8 mac[6];
	svio_le16 vlan; /* access VLAN 1..4094 (tag added and removed by the switch); 0: trunk */
	svio_le16 txqs; /* queues that may be created */
	svio_le16 rxqs;
	svio_le16 vectors;
	svio_le16 mtu_max;
	svio_le64 rx_max_bps; /* bits/s on the wire to the guest; 0: no ceiling */
	svio_le32 rx_wait_us; /* how long others wait for its buffers, each time; 0: they drop */
	svio_le32 reserved1;
	svio_le64 reserved[11];
	char name[SVIO_HOST_NAME_BYTES]; /* NUL-terminated, for messages */
};
SVIO_ASSERT_SIZE(struct svio_host_vif_config, 160);
SVIO_ASSERT_OFFSET(struct svio_host_vif_config, mac, 8);
SVIO_ASSERT_OFFSET(struct svio_host_vif_config, rx_max_bps, 24);
SVIO_ASSERT_OFFSET(struct svio_host_vif_config, rx_wait_us, 32);
SVIO_ASSERT_OFFSET(struct svio_host_vif_config, name, 128);

struct svio_host_vif {
	/* sviod */
	svio_le32 in_use; /* set before VIF_ADD, cleared after VIF_DEL was answered */
	svio_le32 reserved0[7];
	struct svio_host_vif_config config;
	struct svio_host_vif_qos qos;
	/* firmware */
	struct svio_host_qos_live live; /* of the VIF */
	struct svio_host_qos_live class_live[SVIO_HOST_CLASSES];
	svio_le64
		descriptors; /* taken of rings; the data of each was looked up once or more often */
	svio_le64 walks;     /* of the IOMMU's tables: look-ups that met no translation at hand */
	svio_le64 reserved2[2];
	svio_le64 pending; /* MSI-X pending bits: raised while the vector had no eventfd */
	svio_le64 reserved1[7];
	svio_le64 counters[64];              /* live, enum svio_counter */
	svio_u8 regs[SVIO_REGS_IMAGE_BYTES]; /* what a read of BAR0 returns, kept current */
	svio_u8 private_state[SVIO_HOST_VIF_PRIVATE_BYTES];
};
SVIO_ASSERT_OFFSET(struct svio_host_vif, config, 32);
SVIO_ASSERT_OFFSET(struct svio_host_vif, qos, 192);
SVIO_ASSERT_OFFSET(struct svio_host_vif, live, 704);
SVIO_ASSERT_OFFSET(struct svio_host_vif, pending, 1024);
SVIO_ASSERT_OFFSET(struct svio_host_vif, counters, 1088);
SVIO_ASSERT_OFFSET(struct svio_host_vif, regs, 1600);
SVIO_ASSERT_OFFSET(struct svio_host_vif, private_state, 2624);
SVIO_ASSERT_SIZE(struct svio_host_vif, 20480);

/*
 * What a VIF's guest has granted by its map queue (SPEC.md, chapter 11): the first stage.
 * Written by the firmware. It outlives a firmware process, so the guest does not
 * notice that one died. Sparse: pages of it exist where a guest uses its window.
 * Entry: I/O address of the page | SVIO_MAP_READ | SVIO_MAP_WRITE; 0: not granted.
 */
struct svio_host_map {
	svio_le64 page[SVIO_MAP_PAGES_MAX];
};
SVIO_ASSERT_SIZE(struct svio_host_map, 8ul * SVIO_MAP_PAGES_MAX);

/* wire_flags: the wire's host interface was made by us and ends with the device. */
#define SVIO_HOST_WIRE_MADE 0x1
/*
 * The wire reads guests' memory itself: after an unmap OBJECT_REVOKE comes before the reply. Set by
 * the firmware before it lends for the first time, and never cleared; a firmware that lends nothing
 * has nothing to do.
 */
#define SVIO_HOST_WIRE_LENDS 0x2

/* Quiescence of one polling core (iommu/svio_iommu_grace.h): odd while it may touch guest memory. */
struct svio_host_core {
	svio_le64 epoch; /* that core */
	svio_le64 reserved[7];
};
SVIO_ASSERT_SIZE(struct svio_host_core, 64);

enum svio_host_fw_state {
	SVIO_HOST_FW_NONE = 0, /* no process, or it has not attached yet */
	SVIO_HOST_FW_POLLING = 1,
	SVIO_HOST_FW_ASLEEP = 2, /* write the kick after anything it should see */
};

struct svio_host_segment {
	/* sviod, before the first firmware starts */
	svio_le32 magic;
	svio_le32 version;
	svio_le64 bytes; /* of the whole segment */
	svio_le32 vifs_max;
	svio_le32 cores;
	svio_le64 vifs_offset;    /* struct svio_host_vif[vifs_max] */
	svio_le64 faults_offset;  /* struct svio_iommu_fault_log */
	svio_le64 private_offset; /* SVIO_HOST_DEVICE_PRIVATE_BYTES of the firmware's own */
	svio_le64 maps_offset;    /* struct svio_host_map[vifs_max]; page-aligned */
	svio_le64 dirty_offset;   /* SVIO_HOST_DIRTY_BYTES a VIF; 0: there are none */
	/* sviod, at any time */
	svio_le32
		mail; /* incremented after a message was sent: the firmware looks when it differs */
	svio_le32 unmaps; /* incremented before each grace period: sections are left early, and what
			     was translated is forgotten */
	/* bit i: wake[i] may have bits. In the line of mail, which every pass looks at anyway */
	svio_le64 wake_words[SVIO_HOST_VIFS_MAX / 32 / 64];
	svio_le32 reserved1[10];
	/* svio_host_wake_set() sets bits, the firmware takes them: VIFs whose WAKE was written */
	svio_le32 wake[SVIO_HOST_VIFS_MAX / 32];
	/* firmware */
	svio_le32
		fw_state; /* enum svio_host_fw_state; set back to NONE by sviod when the process is gone */
	svio_le32 fw_generation;
	svio_le32 wire_link;  /* bit 0: up */
	svio_le32 wire_speed; /* Mbit/s */
	svio_u8 wire_mac[8];
	svio_le32 wire_flags; /* SVIO_HOST_WIRE_*, for the next firmware process */
	svio_le32 reserved3;
	svio_le64 reserved2[4];
	svio_le64 counters[64]; /* enum svio_device_counter */
	struct svio_host_core core[SVIO_HOST_CORES_MAX];
	struct svio_host_group group[SVIO_HOST_GROUPS_MAX];
};
SVIO_ASSERT_OFFSET(struct svio_host_segment, group, 1216 + 64 * SVIO_HOST_CORES_MAX);
SVIO_ASSERT_OFFSET(struct svio_host_segment, mail, 64);
SVIO_ASSERT_OFFSET(struct svio_host_segment, unmaps, 68);
SVIO_ASSERT_OFFSET(struct svio_host_segment, wake_words, 72);
SVIO_ASSERT_OFFSET(struct svio_host_segment, wake, 128);
SVIO_ASSERT_OFFSET(struct svio_host_segment, fw_state, 640);
SVIO_ASSERT_OFFSET(struct svio_host_segment, counters, 704);
SVIO_ASSERT_OFFSET(struct svio_host_segment, core, 1216);
SVIO_ASSERT(SVIO_DEVICE_COUNTER_COUNT <= 64);

/*
 * Have the firmware look at a VIF. The firmware takes a word of wake_words first, then the
 * words of wake that it names: a bit whose word is set late is found by it. A firmware that
 * sleeps has to be kicked besides.
 */
static inline void svio_host_wake_set(struct svio_host_segment *segment, svio_le32 vif)
{
	svio_le32 word = vif / 32;

	__atomic_fetch_or(&segment->wake[word], (svio_le32)1 << vif % 32, __ATOMIC_RELEASE);
	__atomic_fetch_or(&segment->wake_words[word / 64], (svio_le64)1 << word % 64,
			  __ATOMIC_RELEASE);
}

/* Are there VIFs to be looked at? */
static inline svio_le64 svio_host_wake_any(const struct svio_host_segment *segment)
{
	return __atomic_load_n(&segment->wake_words[0], __ATOMIC_RELAXED) |
	       __atomic_load_n(&segment->wake_words[1], __ATOMIC_RELAXED);
}
SVIO_ASSERT(SVIO_HOST_VIFS_MAX / 32 / 64 == 2);

/*
 * Messages. sviod asks, the firmware answers each in order with REPLY and the
 * same seq. A request that has no answer when the firmware dies is sent again
 * to the next one, so each must be safe to repeat.
 */
enum svio_host_msg_type {
	SVIO_HOST_HELLO = 1,      /* fds: segment, IOMMU tables (read-only), kick */
	SVIO_HOST_OBJECT_ADD = 2, /* arg0 object, arg1 bytes, arg2 1: writable; fd: the memory */
	SVIO_HOST_OBJECT_DEL = 3, /* arg0 object; nothing maps it any more */
	SVIO_HOST_VIF_ADD = 4,    /* fd: doorbell memory. A VIF with state in the segment goes on */
	SVIO_HOST_VIF_DEL = 5,    /* the VIF's state is cleared */
	SVIO_HOST_VIF_UPDATE = 6, /* config has changed */
	SVIO_HOST_VIF_RESET =
		7, /* FLR or bus reset: as CONTROL = RESET, doorbell page zeroed too */
	SVIO_HOST_REG_WRITE = 8, /* arg0 offset, arg1 value: a 32-bit write to BAR0 (not WAKE) */
	SVIO_HOST_IRQ_SET = 9,   /* arg0 vector; fd: eventfd, or none: vector is off */
	SVIO_HOST_STOP = 10,     /* finish and exit 0 */
	SVIO_HOST_GROUP_SET =
		11, /* arg0 group: it is new or its qos has changed; a parent comes before its children */
	SVIO_HOST_GROUP_DEL = 12, /* arg0 group: nothing is below it any more */
	SVIO_HOST_QOS_READ = 13,  /* bring every live in the segment up to date */
	/* arg0 object: its mappings have changed; take back what of it was lent to the wire */
	SVIO_HOST_OBJECT_REVOKE = 20,
	SVIO_HOST_REPLY = 128, /* status: 0 or -errno */
};

struct svio_host_msg {
	svio_le32 type;
	svio_le32 seq;
	svio_le32 vif;
	int32_t status;
	svio_le64 arg[4];
	svio_le64 reserved[2];
};
SVIO_ASSERT_SIZE(struct svio_host_msg, 64);
SVIO_ASSERT_OFFSET(struct svio_host_msg, arg, 16);

#endif /* SVIO_HOST_H */
