/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Senders that wait for a receiver's buffers.
 *
 * A VIF whose administrator says so (rx_wait_us) pushes its senders back: a unicast packet from
 * another VIF that finds no buffer stays in its sender's ring, and that queue waits, off the
 * scheduler, and all that is behind the packet with it. It goes on when the receiver posts
 * buffers or cannot receive any more. A receiver that posts none for rx_wait_us is stalled: what
 * waits for it is dropped, and nobody waits for it again until it has posted.
 */
#ifndef SVIO_FW_WAIT_H
#define SVIO_FW_WAIT_H

#include "fw.h"

/* Transmit queues that may wait at the same time; others drop. */
#define FW_WAITS_MAX 256

/* One that sleeps looks so often whether somebody posted: posting alone wakes nobody. */
#define FW_WAIT_LOOK_NS 20000u

/* A transmit queue, and what it waits for. */
struct fw_wait {
	uint64_t until_ns;
	uint32_t vif;
	uint32_t receiver;
	uint32_t tail; /* the receiver's doorbell when it was found to have no buffers */
	uint8_t qid;
	uint8_t receiver_qid;
};

/*
 * May senders wait for this queue of a VIF's, which has no buffers? False: not, or it is
 * stalled, or too many wait; the packet is dropped.
 */
bool fw_wait_allowed(const struct svio_fw *fw, const struct fw_vif *receiver, uint32_t qid);

/* A transmit queue waits from now on, for fw->blocked_by. The caller takes it off the scheduler. */
void fw_wait_begin(struct svio_fw *fw, const struct fw_qref *ref);

/* A queue is stopped, or its VIF: it waits no more. */
void fw_wait_forget(struct svio_fw *fw, struct fw_vif *vif, uint32_t queues);

/* Each pass: who need not wait any more? */
void fw_wait_poll(struct svio_fw *fw);

/* The queue has buffers again. */
static inline void fw_wait_posted(struct fw_vif *receiver, uint32_t qid)
{
	if (__builtin_expect(receiver->rx_stalled != 0, 0))
		receiver->rx_stalled &= ~(1u << qid);
}

#endif /* SVIO_FW_WAIT_H */
