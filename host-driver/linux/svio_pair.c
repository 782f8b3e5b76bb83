// SPDX-License-Identifier: GPL-2.0-only
#include "svio_pair.h"

#include <linux/delay.h>
#include <linux/slab.h>

#include "svio.h"
#include "svio_irq.h"
#include "svio_netdev.h"

/* Packets of an old receive queue are given up after this long. */
#define DRAIN_MS 20

static int alloc_pair(struct svio *svio, struct svio_pair *pair)
{
	int err;

	err = svio_irq_setup(pair);
	if (err)
		return err;
	err = svio_txq_alloc(svio, &pair->tx, pair->index);
	if (err)
		goto teardown_irq;
	err = svio_rxq_alloc(svio, &pair->rx, pair->index, &pair->napi);
	if (err)
		goto free_tx;
	svio_rxq_settle(&pair->rx);
	return 0;
free_tx:
	svio_txq_free(&pair->tx);
teardown_irq:
	svio_irq_teardown(pair);
	return err;
}

static void free_pairs(struct svio *svio, u16 count)
{
	while (count--) {
		struct svio_pair *pair = &svio->pairs[count];

		/* A pool is destroyed while its NAPI exists, and is disabled. */
		svio_rxq_free(&pair->rx);
		svio_txq_free(&pair->tx);
		svio_irq_teardown(pair);
	}
}

static int alloc_pairs(struct svio *svio)
{
	u16 i;
	int err;

	for (i = 0; i < svio->num_pairs; i++) {
		err = alloc_pair(svio, &svio->pairs[i]);
		if (err) {
			free_pairs(svio, i);
			return err;
		}
	}
	return 0;
}

static int create_queues(struct svio *svio)
{
	u16 i;
	int err;

	for (i = 0; i < svio->num_pairs; i++) {
		err = svio_txq_create(&svio->pairs[i].tx);
		if (!err)
			err = svio_rxq_create(&svio->pairs[i].rx);
		if (err) {
			netdev_err(svio->netdev, "device refuses queue pair %u: %pe\n", i,
				   ERR_PTR(err));
			return err;
		}
	}
	return svio_rss_apply(svio);
}

/* 0: the device touches no memory of any queue any more. */
static int destroy_queues(struct svio *svio)
{
	u16 i;
	int err;

	for (i = 0; i < svio->num_pairs; i++) {
		err = svio_rxq_destroy(&svio->pairs[i].rx);
		if (!err)
			err = svio_txq_destroy(&svio->pairs[i].tx);
		if (err)
			return err;
	}
	return 0;
}

/* Take the device's queues away by force. */
static void reset_device(struct svio *svio)
{
	svio_adminq_stop(svio);
	svio_hw_reset(&svio->hw);
	svio_map_lapse(svio);
}

static void start_pairs(struct svio *svio)
{
	u16 i;

	for (i = 0; i < svio->num_pairs; i++) {
		svio_rxq_fill(&svio->pairs[i].rx);
		svio_irq_start(&svio->pairs[i]);
	}
	svio->pairs_up = true;
	netif_tx_start_all_queues(svio->netdev);
	svio_netdev_carrier_enable(svio, true);
}

static void stop_pairs(struct svio *svio)
{
	u16 i;

	svio_netdev_carrier_enable(svio, false);
	svio->pairs_up = false;
	for (i = 0; i < svio->num_pairs; i++) {
		svio_rxq_quiesce(&svio->pairs[i].rx);
		svio_irq_stop(&svio->pairs[i]);
		/* Its last poll may have asked for pages once more. */
		svio_rxq_quiesce(&svio->pairs[i].rx);
	}
	/* After NAPI, which could wake a queue: waits for senders that are on their way. */
	netif_tx_disable(svio->netdev);
}

int svio_pairs_up(struct svio *svio)
{
	int err;

	err = alloc_pairs(svio);
	if (err)
		return err;
	err = create_queues(svio);
	if (err) {
		reset_device(svio);
		svio_reset_schedule(svio);
		free_pairs(svio, svio->num_pairs);
		return err;
	}
	start_pairs(svio);
	return 0;
}

void svio_pairs_down(struct svio *svio)
{
	if (!svio->pairs_up)
		return;
	stop_pairs(svio);
	if (destroy_queues(svio)) {
		reset_device(svio);
		svio_reset_schedule(svio);
	}
	free_pairs(svio, svio->num_pairs);
}

void svio_pairs_down_reset(struct svio *svio)
{
	bool up = svio->pairs_up;

	if (up)
		stop_pairs(svio);
	reset_device(svio);
	if (up)
		free_pairs(svio, svio->num_pairs);
}

/* Have NAPI receive what is in a queue that gets no more; what it leaves is dropped. */
static void drain_rx(struct svio_pair *pair)
{
	int tries = DRAIN_MS;

	while (svio_rxq_has_work(&pair->rx) && tries--) {
		svio_irq_kick(pair);
		usleep_range(1000, 2000);
	}
}

/* A pool comes and goes while its NAPI is disabled. */
static int alloc_fresh(struct svio_pair *pair, struct svio_rxq *fresh)
{
	int err;

	svio_irq_pause(pair);
	err = svio_rxq_alloc(pair->svio, fresh, pair->index, &pair->napi);
	svio_irq_resume(pair);
	return err;
}

static void free_fresh(struct svio_pair *pair, struct svio_rxq *fresh)
{
	svio_irq_pause(pair);
	svio_rxq_free(fresh);
	svio_irq_resume(pair);
}

/*
 * Put @fresh in the place of the pair's receive queue. The device lets go of the old one
 * first, so what NAPI then finds in it are all packets that ever will be there.
 */
static void renew_rx(struct svio_pair *pair, struct svio_rxq *fresh)
{
	struct svio_rxq *rxq = &pair->rx;
	int err;

	err = svio_rxq_destroy(rxq);
	if (!err)
		drain_rx(pair);
	svio_rxq_quiesce(rxq);
	svio_irq_pause(pair);
	svio_rxq_quiesce(rxq);
	if (err) {
		svio_rxq_free(fresh);
	} else {
		svio_rxq_free(rxq);
		*rxq = *fresh;
		svio_rxq_settle(rxq);
		err = svio_rxq_create(rxq);
	}
	if (err)
		svio_reset_schedule(pair->svio);
	else
		svio_rxq_fill(rxq);
	svio_irq_resume(pair);
}

int svio_pairs_renew_rx(struct svio *svio)
{
	struct svio_rxq *fresh;
	int err = 0;
	u16 i;

	if (!svio->pairs_up)
		return 0;
	fresh = kvcalloc(svio->num_pairs, sizeof(*fresh), GFP_KERNEL);
	if (!fresh)
		return -ENOMEM;
	for (i = 0; i < svio->num_pairs; i++) {
		err = alloc_fresh(&svio->pairs[i], &fresh[i]);
		if (err)
			goto free;
	}
	for (i = 0; i < svio->num_pairs; i++)
		renew_rx(&svio->pairs[i], &fresh[i]);
	goto out;
free:
	while (i--)
		free_fresh(&svio->pairs[i], &fresh[i]);
out:
	kvfree(fresh);
	return err;
}
