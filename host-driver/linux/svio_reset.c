// SPDX-License-Identifier: GPL-2.0-only
#include "svio_reset.h"

#include <linux/rtnetlink.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_irq.h"

#define QUIET_TIME (60 * HZ)
#define FIRST_DELAY (HZ / 10)
#define DELAY_MAX (30 * HZ)

/*
 * A VIF may be held to a rate at which one packet takes longer than the
 * watchdog's patience: only a queue that stands still this often is stuck.
 */
#define TIMEOUTS_MAX 3

/* Under rtnl. */
static int recover(struct svio *svio)
{
	svio_pairs_down_reset(svio);
	if (!svio_hw_present(&svio->hw)) {
		set_bit(SVIO_FLAG_GONE, &svio->flags);
		netif_device_detach(svio->netdev);
		netdev_err(svio->netdev, "the device is gone\n");
		return 0;
	}
	if (netif_running(svio->netdev))
		return svio_netdev_up(svio);
	return svio_device_start(svio);
}

static bool may_recover(const struct svio *svio)
{
	return !test_bit(SVIO_FLAG_REMOVING, &svio->flags) &&
	       !test_bit(SVIO_FLAG_GONE, &svio->flags) &&
	       svio->netdev->reg_state == NETREG_REGISTERED && netif_device_present(svio->netdev);
}

static void reset_work(struct work_struct *work)
{
	struct svio *svio = container_of(work, struct svio, reset.work.work);
	struct svio_reset *reset = &svio->reset;
	int err = 0;

	rtnl_lock();
	if (may_recover(svio)) {
		if (time_after(jiffies, reset->last + QUIET_TIME))
			reset->streak = 0;
		reset->last = jiffies;
		reset->streak = min(reset->streak + 1, 16);
		err = recover(svio);
		if (net_ratelimit())
			netdev_info(svio->netdev, "reset: %s\n", err ? "failed" : "running again");
	}
	rtnl_unlock();
	if (err)
		svio_reset_schedule(svio);
}

void svio_reset_schedule(struct svio *svio)
{
	const u8 streak = READ_ONCE(svio->reset.streak);
	unsigned long delay = 0;

	if (test_bit(SVIO_FLAG_REMOVING, &svio->flags))
		return;
	if (streak && time_before(jiffies, READ_ONCE(svio->reset.last) + QUIET_TIME))
		delay = min_t(unsigned long, FIRST_DELAY << (streak - 1), DELAY_MAX);
	queue_delayed_work(system_long_wq, &svio->reset.work, delay);
}

/* Under rtnl. */
static void examine_queue(struct svio *svio, struct svio_txq *txq)
{
	u32 error, index;

	if (svio_cmd_queue_get(svio, SVIO_QUEUE_TX, txq->qid, &error, &index))
		return; /* recovery has begun */
	if (error) {
		netdev_err(svio->netdev, "transmit queue %u stands: %s\n", txq->qid,
			   svio_hw_error_text(error));
		svio_reset_schedule(svio);
		return;
	}
	/* Covers a lost interrupt and a lost wake-up. */
	svio_hw_write(&svio->hw, SVIO_REG_WAKE, 1);
	svio_irq_kick(&svio->pairs[txq->qid]);
	if (index != txq->timeout_head || !txq->timeouts) {
		txq->timeout_head = index;
		txq->timeouts = 1;
		return;
	}
	if (++txq->timeouts < TIMEOUTS_MAX)
		return;
	netdev_err(svio->netdev, "transmit queue %u: stuck at %u of %u\n", txq->qid, index,
		   READ_ONCE(txq->tail));
	svio_reset_schedule(svio);
}

static void timeout_work(struct work_struct *work)
{
	struct svio *svio = container_of(work, struct svio, reset.timeout_work);
	u16 i;

	rtnl_lock();
	for (i = 0; i < svio->num_pairs; i++)
		if (test_and_clear_bit(i, &svio->reset.timed_out) && svio->pairs_up)
			examine_queue(svio, &svio->pairs[i].tx);
	rtnl_unlock();
}

void svio_reset_tx_timeout(struct svio *svio, unsigned int qid)
{
	set_bit(qid, &svio->reset.timed_out);
	schedule_work(&svio->reset.timeout_work);
}

void svio_reset_init(struct svio *svio)
{
	BUILD_BUG_ON(SVIO_QUEUES_MAX > BITS_PER_LONG);
	INIT_DELAYED_WORK(&svio->reset.work, reset_work);
	INIT_WORK(&svio->reset.timeout_work, timeout_work);
}

void svio_reset_forbid(struct svio *svio)
{
	set_bit(SVIO_FLAG_REMOVING, &svio->flags);
	cancel_work_sync(&svio->reset.timeout_work);
	cancel_delayed_work_sync(&svio->reset.work);
}
