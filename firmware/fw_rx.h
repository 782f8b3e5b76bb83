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
	uint32_t ahead; /* targets[0..ahead) are where buffers begin; unmarked NULL: not known */
	struct svio_rx_desc batch[FW_RX_DESC_BATCH];
	struct fw_target targets[FW_RX_DESC_BATCH];
};

/*
 * Deliver a packet to a VIF that the switch chose, in as many pieces as it
 * takes, or count why not. Returns the pieces (1, or the segments).
 */
uint32_t fw_rx_deliver(struct svio_fw *fw, struct fw_vif *vif, struct fw_packet *packet);

/* Close all open queues. */
void fw_rx_close(struct svio_fw *fw);

/* The flags' phase of completion index of a ring of 2^lg2. */
static inline uint16_t fw_phase(uint32_t index, uint32_t ring_lg2)
{
	return (uint16_t)(~(index >> ring_lg2) & 1);
}

#endif /* SVIO_FW_RX_H */
