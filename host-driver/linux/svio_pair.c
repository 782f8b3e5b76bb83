// SPDX-License-Identifier: GPL-2.0-only
#include "svio_pair.h"

#include "svio.h"
#include "svio_irq.h"
#include "svio_netdev.h"

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
