/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * To the guest: buffers and completions of receive queues.
 *
 * A queue that gets packets is open until the end of the section: its tail is
 * read once, its descriptors in batches, its index is written to SRAM and its
 * interrupt decided once for all. Each packet is visible to the guest at once.
 */
#ifndef SVIO_FW_RX_H
#define SVIO_FW_RX_H

#include "fw.h"
#include "fw_dma.h"
#include "fw_packet.h"

struct fw_rx_open {
	struct fw_qref ref;
	struct fw_queue *queue;
	uint32_t tail;        /* the doorbell, as read last */
	uint32_t first;       /* index when it was opened */
	uint32_t index;       /* next buffer */
	uint32_t batch_first; /* batch[i] is buffer batch_first + i */
	uint32_t batch_count;
	uint32_t batch_max;  /* of the next read */
	uint32_t cmpl_first; /* cmpl[0] is of buffer cmpl_first */
	uint32_t cmpl_count;
	struct fw_target cmpl;
	uint32_t packets;
	uint64_t bytes;
	struct svio_rx_desc batch[FW_RX_DESC_BATCH];
	struct fw_target targets[FW_RX_DESC_BATCH]; /* where they begin; bytes 0: not known */
};

/*
 * Deliver a packet to a VIF that the switch chose, in as many pieces as it
 * takes, or count why not. Returns the pieces (1, or the segments).
 */
uint32_t fw_rx_deliver(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet);

/*
 * A packet from another VIF, for vif alone: does it have to wait for buffers (fw_wait.h)? Then
 * *fw->blocked_by is set.
 */
bool fw_rx_must_wait(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet);

/* Close all open queues. */
void fw_rx_close(struct svio_fw *fw);

/* The queue as open in this section; it runs. */
struct fw_rx_open *fw_rx_open(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid);

/*
 * Have the next buffer and its completion at hand: batch, targets, cmpl. False: there is none, or
 * something is wrong, which whoever delivers a packet finds out again and reports.
 */
bool fw_rx_refill(struct svio_fw *fw, struct fw_rx_open *open);

/* Targets that are being fetched while one is filled. */
#define FW_RX_AHEAD 8

/* Fetch the target behind the next ones. */
static inline void fw_rx_fetch(const struct fw_rx_open *open, uint32_t at)
{
	if (at + FW_RX_AHEAD < open->batch_count)
		__builtin_prefetch(open->targets[at + FW_RX_AHEAD].unmarked, 1);
}

/*
 * Publish a completion that says no more than len, hash and flags: a guest that sees the phase, in the
 * second half, sees the first, and the data that was copied before (R1: pairs with the driver's
 * read barrier after it has read flags).
 */
static inline void fw_rx_publish_plain(char *cmpl, uint32_t len, uint32_t hash, uint16_t flags)
{
	uint64_t *words = (uint64_t *)(void *)cmpl;

	__atomic_store_n(&words[0], len | (uint64_t)hash << 32, __ATOMIC_RELAXED);
	__atomic_store_n(&words[1], (uint64_t)flags << 48, __ATOMIC_RELEASE); /* R1 */
}

/* The flags' phase of completion index of a ring of 2^lg2. */
static inline uint16_t fw_phase(uint32_t index, uint32_t ring_lg2)
{
	return (uint16_t)(~(index >> ring_lg2) & 1);
}

#endif /* SVIO_FW_RX_H */
