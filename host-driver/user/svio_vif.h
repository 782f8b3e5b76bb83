/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * libsvio-vif: a VIF driven from user space, over its vfio-user socket.
 *
 * What the kernel's driver does for a guest, for a program: a poll-mode guest,
 * a test, a benchmark. Packets lie in memory that the device reads and writes
 * directly; sending and receiving takes no system call.
 *
 *	struct svio_vif_options options = { .path = "run/vif0.sock" };
 *	struct svio_vif_buf bufs[32];
 *	struct svio_vif *vif;
 *
 *	if (svio_vif_open(&options, &vif))
 *		errx(1, "%s", svio_vif_message());
 *	struct svio_vif_queue *queue = svio_vif_queue(vif, 0);
 *	for (;;) {
 *		uint32_t n = svio_vif_rx_burst(queue, bufs, 32);
 *		uint32_t sent = svio_vif_tx_burst(queue, bufs, n); // echo
 *		svio_vif_free_burst(queue, bufs + sent, n - sent);
 *	}
 *
 * Queues come in pairs: pair i is transmit queue i, receive queue i and a pool
 * of buffers that the two share.
 *
 * Threads. A pair and its pool belong to one thread at a time; different pairs
 * may be used by different threads at once. Calls that take a struct svio_vif
 * are for one thread at a time, too (the control thread), beside the threads of
 * the pairs. svio_vif_reset(), svio_vif_queue_restart() and svio_vif_close()
 * need all threads out of the pairs that they concern.
 *
 * Errors are negative errno values. svio_vif_message() says in words what the
 * last failed call of this thread met, and what to do.
 *
 * The device itself is described in firmware/abi/SPEC.md ("SPEC").
 */
#ifndef SVIO_VIF_H
#define SVIO_VIF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "svio_admin.h"
#include "svio_counters.h"
#include "svio_error.h"
#include "svio_regs.h"
#include "svio_ring.h"

#ifdef __cplusplus
extern "C" {
#endif

#define SVIO_VIF_API __attribute__((visibility("default")))

struct svio_vif;
struct svio_vif_queue;

/* Wanted features that mean: whatever is offered. */
#define SVIO_VIF_FEATURES_ALL UINT64_MAX

/* How to open a VIF. Zero means the default that is named. */
struct svio_vif_options {
	const char *path;    /* the VIF's vfio-user socket, DIR/NAME.sock */
	uint16_t queues;     /* pairs; 1 */
	uint8_t tx_ring_lg2; /* entries of a ring, 3..12; 10: 1024 */
	uint8_t rx_ring_lg2; /* 10 */
	uint64_t features;   /* wanted, SVIO_FEATURE(); what is not offered is left out; 0: none */
	uint64_t features_required; /* refuse to open where one of these is not offered */
	uint32_t buf_bytes;         /* of one buffer, 256..65535; 2048 */
	uint32_t bufs;              /* of one pair's pool; both rings' entries and 512 more */
	uint64_t extra_bytes;       /* more DMA memory for the caller, svio_vif_extra(); none */
	uint64_t iova;              /* where the memory begins for the device; 4 GiB */
	bool hugepages;             /* try huge pages first; without any the default pages serve */
	bool map_queue;             /* the device gets what is granted to it: svio_vif_map_post() */
	bool interrupts;            /* connect MSI-X vectors: the calls for waiting work */
	uint16_t vectors;           /* for pairs, which share them where there are more; one each */
	uint16_t moderation_us;     /* of each queue, 0..10000; needs the feature MODERATION */
	uint16_t moderation_frames;
	uint32_t timeout_ms; /* for each answer of the device; 5000 */
};

/* What was found and agreed. Valid until the VIF is closed or reset. */
struct svio_vif_info {
	uint64_t features_offered;
	uint64_t features; /* agreed */
	uint8_t mac[6];    /* permanent */
	uint16_t mtu_max;
	uint16_t queues; /* pairs in use */
	uint16_t txqs_max;
	uint16_t rxqs_max;
	uint16_t vectors;
	uint16_t segs_max; /* data buffers that a transmit packet may have */
	uint16_t mac_filters;
	uint16_t vlan_filters;
	uint32_t fw_version; /* major << 16 | minor << 8 | patch */
	uint32_t buf_bytes;
	bool hugepages; /* the memory has them */
};

/* State of the VIF as its registers tell. */
struct svio_vif_status {
	enum svio_vif_state state;
	enum svio_error error; /* in state ERROR: why */
	uint16_t error_kind;   /* SVIO_QUEUE_* of the cause */
	uint16_t error_qid;
	uint64_t error_addr; /* I/O address of the cause */
	bool link_up;
	uint32_t link_mbps;     /* 0: not known */
	uint32_t fw_generation; /* increments when the firmware was replaced */
};

/*
 * One buffer of a packet. A packet is 1 or more consecutive elements of an
 * array; the last has END. The metadata counts in the first element only.
 *
 * data is where the packet's bytes lie; on transmit it may point anywhere in
 * the buffer (or in svio_vif_extra() memory, with buf SVIO_VIF_BUF_NONE: the
 * library then does not free it, and the caller leaves it alone until
 * svio_vif_tx_pending() says that it was sent).
 */
struct svio_vif_buf {
	uint8_t *data;
	uint32_t buf;   /* which buffer of the pool, or SVIO_VIF_BUF_NONE */
	uint16_t len;   /* bytes of the packet in this buffer */
	uint16_t flags; /* SVIO_VIF_* below */
	/* metadata */
	uint16_t vlan_tci;
	uint16_t csum_start; /* as struct svio_tx_ext */
	uint16_t csum_offset;
	uint16_t gso_size;
	uint16_t hdr_len; /* transmit with a gso_type only */
	uint8_t gso_type; /* SVIO_GSO_* */
	uint8_t reserved;
	uint32_t hash; /* receive only */
};

#define SVIO_VIF_BUF_NONE UINT32_MAX

/* Both ways. A received packet may be sent on as it is; only a gso_type then needs its hdr_len. */
#define SVIO_VIF_END  SVIO_RX_END     /* last buffer of its packet */
#define SVIO_VIF_CSUM SVIO_RX_PARTIAL /* csum_start, csum_offset: to be completed */
#define SVIO_VIF_VLAN SVIO_RX_VLAN    /* vlan_tci: insert it; was stripped */
/* Receive only; ignored on transmit. */
#define SVIO_VIF_CSUM_OK SVIO_RX_CSUM_OK /* the checksum was verified */
#define SVIO_VIF_HASH_L3 SVIO_RX_HASH_L3 /* hash is valid */
#define SVIO_VIF_HASH_L4 SVIO_RX_HASH_L4

/*
 * Opens a VIF: connects, gives it memory, negotiates, creates the queues and
 * posts receive buffers. On success *vif is in state READY.
 *
 * 0; -EINVAL: an option is out of range, or the VIF has fewer queues; -EBUSY:
 * somebody else has the VIF open; -ENOENT, -ECONNREFUSED: nobody serves the
 * socket; -EOPNOTSUPP: a required feature is not offered; -EPROTO: the device
 * is not a VIF, has another major version, or went into ERROR; -ENOMEM;
 * -ETIMEDOUT, -ENOTCONN: the device does not answer.
 */
SVIO_VIF_API int svio_vif_open(const struct svio_vif_options *options, struct svio_vif **vif);

/* Resets the VIF, disconnects and frees everything, all buffers included. NULL is fine. */
SVIO_VIF_API void svio_vif_close(struct svio_vif *vif);

/*
 * Resets the VIF and sets it up again as it was opened: the way back from
 * every error. All buffers are in their pools afterwards, those that the
 * caller held, too; filters, RSS, MTU and events are forgotten. Errors as
 * svio_vif_open(); after one, only another reset or close is of use.
 */
SVIO_VIF_API int svio_vif_reset(struct svio_vif *vif);

/* What the last call of this thread that failed met, as a sentence. Never NULL. */
SVIO_VIF_API const char *svio_vif_message(void);

SVIO_VIF_API const struct svio_vif_info *svio_vif_info(const struct svio_vif *vif);

/* Reads the state from the registers. 0, -ENOTCONN, -ETIMEDOUT. */
SVIO_VIF_API int svio_vif_status(struct svio_vif *vif, struct svio_vif_status *status);

/* Pair index, NULL where there is none. */
SVIO_VIF_API struct svio_vif_queue *svio_vif_queue(struct svio_vif *vif, uint16_t index);

/* The DMA memory asked for by extra_bytes, for data or tests. NULL when none. */
SVIO_VIF_API void *svio_vif_extra(struct svio_vif *vif);

/* I/O address of a byte of the DMA memory. With a map queue no queue takes it as it is. */
SVIO_VIF_API uint64_t svio_vif_iova(const struct svio_vif *vif, const void *data);

/*
 * The packet path. On the pair's thread; no system call but to wake a device
 * that sleeps.
 */

/*
 * Takes up to n buffers from the pool. Each has data, buf, len 0 and flags
 * END. Returns how many.
 */
SVIO_VIF_API uint32_t svio_vif_alloc_burst(struct svio_vif_queue *queue, struct svio_vif_buf *bufs,
					   uint32_t n);

/*
 * Gives buffers back to this pair's pool, also those that came from another
 * pair. Elements with SVIO_VIF_BUF_NONE are skipped.
 */
SVIO_VIF_API void svio_vif_free_burst(struct svio_vif_queue *queue, const struct svio_vif_buf *bufs,
				      uint32_t n);

/*
 * Sends the packets in bufs[0..n). Returns how many elements were taken, whole
 * packets only: fewer when the ring is full. Those are the library's now and
 * go to the pair's pool when sent; the others stay the caller's. The frames are
 * not checked: the device stops the queue at a mistake (SPEC, chapter 8).
 */
SVIO_VIF_API uint32_t svio_vif_tx_burst(struct svio_vif_queue *queue,
					const struct svio_vif_buf *bufs, uint32_t n);

/*
 * Receives up to n elements, whole packets only. n must have room for the
 * longest packet: one element, or with buffers shorter than a frame as many as
 * that takes (with unsegmented packets: 65553 / buf_bytes + 1). The buffers are
 * the caller's. New ones are posted from the pool as it has them.
 */
SVIO_VIF_API uint32_t svio_vif_rx_burst(struct svio_vif_queue *queue, struct svio_vif_buf *bufs,
					uint32_t n);

/* Takes back what was sent meanwhile, and returns the ring entries not sent yet. */
SVIO_VIF_API uint32_t svio_vif_tx_pending(struct svio_vif_queue *queue);

/*
 * Waiting, with options.interrupts. Pair i has one vector for both rings. With V vectors, fewer than
 * pairs, pairs i, i + V, ... share one and its event: one thread waits for them, and looks at all.
 */

#define SVIO_VIF_RX 0x1
#define SVIO_VIF_TX 0x2

/*
 * Asks for one interrupt when something is received (RX) or sent (TX). Returns
 * 0: wait now; else the ways that have something already: then nothing is armed
 * and the caller goes on polling. A way that is not named is masked.
 */
SVIO_VIF_API uint32_t svio_vif_queue_arm(struct svio_vif_queue *queue, uint32_t ways);

/*
 * Waits for the pair's interrupt and takes it. 0; -ETIMEDOUT; -EINTR;
 * -EOPNOTSUPP: opened without interrupts. timeout_ms -1: for ever.
 */
SVIO_VIF_API int svio_vif_queue_wait(struct svio_vif_queue *queue, int timeout_ms);

/* The pair's eventfd, for poll() and epoll. -EOPNOTSUPP: opened without interrupts. */
SVIO_VIF_API int svio_vif_queue_fd(const struct svio_vif_queue *queue);

/*
 * Commands (SPEC, chapter 7). Each waits for the device's answer: some
 * microseconds, longer while its firmware is being replaced.
 *
 * 0; the device's refusal: -EOPNOTSUPP the feature was not agreed (BAD_OPCODE),
 * -EINVAL (BAD_FIELD, BAD_RESERVED), -ENXIO (BAD_QUEUE), -EEXIST, -ENOENT
 * (MISSING), -EFAULT (BAD_ADDRESS), -ENOSPC, -EPERM (DENIED), -EBUSY
 * (BAD_STATE), -EAGAIN (BUSY); -ETIMEDOUT no answer in time; -EIO the VIF is in
 * ERROR or not READY, svio_vif_status() tells why.
 */

/* Any command. *completion (may be NULL) is what the device wrote, on refusal, too. */
SVIO_VIF_API int svio_vif_admin(struct svio_vif *vif, const struct svio_admin_cmd *command,
				struct svio_admin_cmpl *completion);

SVIO_VIF_API int svio_vif_mac_set(struct svio_vif *vif, const uint8_t mac[6]);
SVIO_VIF_API int svio_vif_mac_add(struct svio_vif *vif, const uint8_t mac[6]);
SVIO_VIF_API int svio_vif_mac_del(struct svio_vif *vif, const uint8_t mac[6]);
/* vid: 1..4094 */
SVIO_VIF_API int svio_vif_vlan_add(struct svio_vif *vif, uint16_t vid);
SVIO_VIF_API int svio_vif_vlan_del(struct svio_vif *vif, uint16_t vid);
/* flags: SVIO_RX_MODE_* */
SVIO_VIF_API int svio_vif_rx_mode_set(struct svio_vif *vif, uint32_t flags);
/* key: SVIO_RSS_KEY_BYTES; types: SVIO_RSS_* */
SVIO_VIF_API int svio_vif_rss_set(struct svio_vif *vif, const uint8_t *key, uint32_t types);
/* table: SVIO_RSS_TABLE_ENTRIES receive queues */
SVIO_VIF_API int svio_vif_rss_table_set(struct svio_vif *vif, const uint8_t *table);
/* mtu: bytes of layer-3 payload, 68..mtu_max */
SVIO_VIF_API int svio_vif_mtu_set(struct svio_vif *vif, uint16_t mtu);
/* features: the agreed RX_* features that are in use from now on */
SVIO_VIF_API int svio_vif_offload_set(struct svio_vif *vif, uint64_t features);
/* kind: SVIO_QUEUE_TX or _RX; us: 0..10000 */
SVIO_VIF_API int svio_vif_moderation_set(struct svio_vif *vif, uint16_t kind, uint16_t qid,
					 uint16_t us, uint16_t frames);
SVIO_VIF_API int svio_vif_stats_get(struct svio_vif *vif, uint64_t counters[SVIO_COUNTER_COUNT]);
SVIO_VIF_API int svio_vif_queue_stats_get(struct svio_vif *vif, uint16_t kind, uint16_t qid,
					  uint64_t counters[SVIO_QUEUE_COUNTER_COUNT]);
SVIO_VIF_API int svio_vif_link_get(struct svio_vif *vif, bool *up, uint32_t *mbps);

/* How a queue is: *error NONE while it runs, else why the device stopped it and where. */
SVIO_VIF_API int svio_vif_queue_error_get(struct svio_vif *vif, uint16_t kind, uint16_t qid,
					  enum svio_error *error, uint64_t *addr);

/*
 * Destroys and creates again both queues of a pair: the way back of a stopped
 * queue without touching others. Unsent packets and posted buffers go back to
 * the pool; received packets that were not taken are lost.
 */
SVIO_VIF_API int svio_vif_queue_restart(struct svio_vif *vif, uint16_t index);

/* Counters through the register window: works in every state. 0, -ENOTCONN, -ETIMEDOUT. */
SVIO_VIF_API int svio_vif_snapshot_get(struct svio_vif *vif, uint64_t counters[SVIO_COUNTER_COUNT]);

/*
 * The map queue, with options.map_queue (SPEC, chapter 11). The library grants its own memory for
 * the VIF's life, as the first pages of the window; the others are the caller's. Control thread.
 */

/*
 * Puts entries on the queue, all or none. 0; -EAGAIN: no room, wait first; -EOPNOTSUPP. A mistake
 * in them stops the queue: svio_vif_queue_error_get() with SVIO_QUEUE_MAP, 0.
 */
SVIO_VIF_API int svio_vif_map_post(struct svio_vif *vif, const struct svio_map_entry *entries,
				   uint32_t n);

/* Is all that was put carried out? What was revoked is then not touched any more. */
SVIO_VIF_API bool svio_vif_map_done(const struct svio_vif *vif);

/* Waits for it. 0, -ETIMEDOUT. */
SVIO_VIF_API int svio_vif_map_wait(struct svio_vif *vif);

/* What the device tells unasked. */
struct svio_vif_event {
	uint8_t type; /* SVIO_EVENT_* */
	/* QUEUE_ERROR */
	enum svio_error error;
	uint16_t kind;
	uint16_t qid;
	uint64_t addr;
	/* LINK */
	bool link_up;
	uint32_t link_mbps;
};

/* The next event: 1, or 0 when there is none. */
SVIO_VIF_API int svio_vif_event_next(struct svio_vif *vif, struct svio_vif_event *event);

/* Texts for people. Never NULL. */
SVIO_VIF_API const char *svio_vif_error_text(uint32_t error);
SVIO_VIF_API const char *svio_vif_error_name(uint32_t error);
SVIO_VIF_API const char *svio_vif_admin_status_text(uint32_t status);
SVIO_VIF_API const char *svio_vif_counter_name(uint32_t counter);
SVIO_VIF_API const char *svio_vif_feature_name(uint32_t bit);

#ifdef __cplusplus
}
#endif

#endif /* SVIO_VIF_H */
