// SPDX-License-Identifier: GPL-2.0-only
#include "svio_dim.h"

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"

#if IS_ENABLED(CONFIG_DIMLIB)
#define PERIOD_MODE DIM_CQ_PERIOD_MODE_START_FROM_EQE
#define FIRST_PROFILE 1 /* of the library's five: a few microseconds */

bool svio_dim_is_possible(const struct svio *svio)
{
	return svio_hw_has(&svio->hw, SVIO_FEATURE(MODERATION));
}

struct svio_moderation svio_dim_moderation(const struct svio *svio, u16 kind)
{
	const bool tx = kind == SVIO_QUEUE_TX;
	struct dim_cq_moder start;

	if (!(tx ? svio->tx_adaptive : svio->rx_adaptive))
		return tx ? svio->tx_moderation : svio->rx_moderation;
	start = tx ? net_dim_get_tx_moderation(PERIOD_MODE, FIRST_PROFILE) :
		     net_dim_get_rx_moderation(PERIOD_MODE, FIRST_PROFILE);
	return (struct svio_moderation){ .usecs = start.usec, .frames = start.pkts };
}

static void apply(struct svio_pair *pair, u16 kind, struct dim *dim, struct dim_cq_moder profile)
{
	const struct svio_moderation moderation = { .usecs = profile.usec, .frames = profile.pkts };

	/* When the device is in trouble, its queues begin anew soon. */
	svio_cmd_moderation_set(pair->svio, kind, pair->index, &moderation);
	dim->state = DIM_START_MEASURE;
}

static void tx_work(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);
	struct svio_pair *pair = container_of(dim, struct svio_pair, dim.tx);

	apply(pair, SVIO_QUEUE_TX, dim, net_dim_get_tx_moderation(dim->mode, dim->profile_ix));
}

static void rx_work(struct work_struct *work)
{
	struct dim *dim = container_of(work, struct dim, work);
	struct svio_pair *pair = container_of(dim, struct svio_pair, dim.rx);

	apply(pair, SVIO_QUEUE_RX, dim, net_dim_get_rx_moderation(dim->mode, dim->profile_ix));
}

static void start(struct dim *dim, work_func_t work)
{
	memset(dim, 0, sizeof(*dim));
	INIT_WORK(&dim->work, work);
	dim->mode = PERIOD_MODE;
	dim->profile_ix = FIRST_PROFILE;
}

void svio_dim_start(struct svio_pair *pair)
{
	start(&pair->dim.tx, tx_work);
	start(&pair->dim.rx, rx_work);
}

void svio_dim_stop(struct svio_pair *pair)
{
	cancel_work_sync(&pair->dim.tx.work);
	cancel_work_sync(&pair->dim.rx.work);
}

void svio_dim_poll(struct svio_pair *pair)
{
	const struct svio_rx_stats *stats = pair->rx.stats;
	struct svio_dim *dim = &pair->dim;
	struct dim_sample sample = {};

	if (READ_ONCE(pair->svio->tx_adaptive)) {
		dim_update_sample(dim->events, pair->tx.done_packets, pair->tx.done_bytes,
				  &sample);
		svio_compat_net_dim(&dim->tx, &sample);
	}
	if (READ_ONCE(pair->svio->rx_adaptive)) {
		/* NAPI alone writes these. */
		dim_update_sample(dim->events, u64_stats_read(&stats->v[SVIO_RX_STAT_packets]),
				  u64_stats_read(&stats->v[SVIO_RX_STAT_bytes]), &sample);
		svio_compat_net_dim(&dim->rx, &sample);
	}
}
#else
bool svio_dim_is_possible(const struct svio *svio)
{
	return false;
}

struct svio_moderation svio_dim_moderation(const struct svio *svio, u16 kind)
{
	return kind == SVIO_QUEUE_TX ? svio->tx_moderation : svio->rx_moderation;
}

void svio_dim_start(struct svio_pair *pair)
{
}

void svio_dim_stop(struct svio_pair *pair)
{
}

void svio_dim_poll(struct svio_pair *pair)
{
}
#endif /* CONFIG_DIMLIB */
