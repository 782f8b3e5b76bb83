/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SRAM: what the firmware keeps of a VIF in the shared segment
 * (svio_host_vif.private_state). It outlives the firmware process, so it holds
 * I/O addresses and indices, never pointers, and every step that changes it is
 * safe to stop at (fw_recover.c).
 *
 * The state of the VIF itself is its STATUS register (svio_host_vif.regs).
 */
#ifndef SVIO_FW_SRAM_H
#define SVIO_FW_SRAM_H

#include <stdint.h>

#include "svio_admin.h"
#include "svio_counters.h"
#include "svio_host.h"
#include "svio_ring.h"

/* Grows by two whenever the structs below change: a firmware does not read another layout. */
#define FW_SRAM_MAGIC 0x53564607u

#define FW_MAC_FILTERS  32
#define FW_VLAN_FILTERS 4094

enum fw_queue_state {
	FW_QUEUE_NONE = 0,
	FW_QUEUE_RUNNING = 1,
	FW_QUEUE_STOPPED = 2, /* by its own mistake: error and error_addr say which */
};

/* One queue. Its number and kind are its place. */
struct fw_queue {
	uint64_t ring;       /* I/O address */
	uint64_t completion; /* I/O address of svio_tx_status or the svio_rx_cmpl ring */
	uint32_t index;      /* TX: entries consumed; RX: completions written */
	uint32_t raised_arm; /* the arm value that was last answered by an interrupt, or 0 */
	uint16_t vector;
	uint16_t buf_len;
	uint16_t moderation_us;
	uint16_t moderation_frames;
	uint32_t ring_lg2;
	uint32_t state; /* enum fw_queue_state */
	uint32_t error; /* enum svio_error */
	uint32_t reserved;
	uint64_t error_addr;
	uint64_t counters[SVIO_QUEUE_COUNTER_COUNT];
	uint64_t
		unreported_ns; /* when the first completion was written that no interrupt told of */
	uint64_t reserved1[4];
};
SVIO_ASSERT_SIZE(struct fw_queue, 128);

#define FW_MAP_BEGUN (1ull << 32)

struct fw_admin {
	uint64_t sq; /* I/O addresses */
	uint64_t cq;
	uint64_t position;   /* completions written << 32 | commands taken: one store moves both */
	uint32_t events;     /* 1 << SVIO_EVENT_*: to be told */
	uint32_t ring_lg2;   /* up to here: what a look for commands reads, in one line */
	uint32_t executing;  /* 1 + index of the command whose changes have begun, or 0 */
	uint32_t raised_arm; /* as in fw_queue */
	uint32_t vector;
	uint32_t queue_errors[4]; /* SVIO_EVENT_QUEUE_ERROR to be told, a bit a queue, by kind */
	uint32_t reserved;
};

struct fw_sram {
	uint32_t magic; /* FW_SRAM_MAGIC once the rest is valid */
	uint32_t last_control;
	uint64_t features; /* accepted, fixed by NEGOTIATE */
	uint64_t offloads; /* RX_* features in use */
	uint64_t mac;      /* byte 0 in bits 0-7 */
	uint32_t mtu;
	uint32_t rx_mode; /* SVIO_RX_MODE_* */
	uint32_t rss_types;
	uint32_t reserved;
	uint8_t rss_key[SVIO_RSS_KEY_BYTES];
	uint8_t rss_table[SVIO_RSS_TABLE_ENTRIES];
	uint64_t mac_filter[FW_MAC_FILTERS]; /* as mac; 0: free */
	struct fw_admin admin;
	struct fw_queue map; /* the map queue; index: entries carried out */
	uint64_t map_begun;  /* FW_MAP_BEGUN | index of the entry whose stores began last, or 0 */
	uint32_t map_end;    /* 1 + highest page of the window that may be granted */
	/* By kind, a bit a queue: written to since SRAM was cleared. The others' pages may not exist. */
	uint32_t queue_used[2];
	uint32_t vlan_used; /* vlan_filter was written to, as above */
	uint32_t reserved1[4];
	/* By number and kind: those of few queues share a page with the rest. */
	struct fw_queue queue[SVIO_QUEUES_MAX][2];
	uint64_t vlan_filter[4096 / 64];
};
_Static_assert(sizeof(struct fw_sram) <= SVIO_HOST_VIF_PRIVATE_BYTES, "SRAM of a VIF");
_Static_assert(offsetof(struct fw_sram, admin.position) / SVIO_CACHE_LINE_BYTES ==
		       offsetof(struct fw_sram, admin.ring_lg2) / SVIO_CACHE_LINE_BYTES,
	       "a look for commands");
_Static_assert(offsetof(struct svio_host_vif, private_state) + offsetof(struct fw_sram, queue[3]) <=
		       4096,
	       "a VIF of three pairs of queues is one page of the segment");
_Static_assert((offsetof(struct svio_host_vif, private_state) + offsetof(struct fw_sram, queue)) %
			       SVIO_CACHE_LINE_BYTES ==
		       0,
	       "a queue is two cache lines");

#endif /* SVIO_FW_SRAM_H */
