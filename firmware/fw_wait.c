/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_wait.h"

bool fw_wait_allowed(const struct svio_fw *fw, const struct fw_vif *receiver, uint32_t qid)
{
	return receiver->rx_wait_ns && receiver->rx_running >> qid & 1 &&
	       !(receiver->rx_stalled >> qid & 1) && fw->wait_count < FW_WAITS_MAX;
}

void fw_wait_begin(struct svio_fw *fw, const struct fw_qref *ref)
{
	const struct fw_vif *receiver = fw->blocked_by.vif;

	fw->wait[fw->wait_count++] = (struct fw_wait){
		.until_ns = fw->now_ns + receiver->rx_wait_ns,
		.vif = ref->vif->id,
		.qid = (uint8_t)ref->qid,
		.receiver = receiver->id,
		.receiver_qid = (uint8_t)fw->blocked_by.qid,
		.tail = fw->blocked_by.tail,
	};
	ref->vif->tx_waiting |= 1u << ref->qid;
	fw_count(ref->vif, SVIO_COUNTER_tx_waits, 1);
}

/* Take an entry out; the last one fills its place. */
static void end(struct svio_fw *fw, uint32_t at)
{
	const struct fw_wait *wait = &fw->wait[at];

	fw->vifs[wait->vif].tx_waiting &= ~(1u << wait->qid);
	fw->wait[at] = fw->wait[--fw->wait_count];
}

void fw_wait_forget(struct svio_fw *fw, struct fw_vif *vif, uint32_t queues)
{
	uint32_t i;

	if (!(vif->tx_waiting & queues))
		return;
	for (i = fw->wait_count; i-- > 0;) {
		if (fw->wait[i].vif == vif->id && queues >> fw->wait[i].qid & 1)
			end(fw, i);
	}
}

static bool is_over(struct svio_fw *fw, const struct fw_wait *wait)
{
	struct fw_vif *receiver = &fw->vifs[wait->receiver];
	uint32_t bit = 1u << wait->receiver_qid;

	if (!(receiver->rx_running & bit) || !receiver->rx_wait_ns ||
	    fw_load(&fw_doorbell(receiver, SVIO_QUEUE_RX, wait->receiver_qid)->tail) != wait->tail)
		return true;
	if (fw->now_ns < wait->until_ns)
		return false;
	receiver->rx_stalled |= bit;
	return true;
}

void fw_wait_poll(struct svio_fw *fw)
{
	uint32_t i;

	for (i = fw->wait_count; i-- > 0;) {
		struct fw_vif *vif = &fw->vifs[fw->wait[i].vif];

		if (!is_over(fw, &fw->wait[i]))
			continue;
		end(fw, i);
		fw_vif_activate(fw, vif);
	}
}
