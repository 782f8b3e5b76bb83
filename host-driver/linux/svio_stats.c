// SPDX-License-Identifier: GPL-2.0-only
#include "svio_stats.h"

#include <linux/ethtool.h>
#include <linux/slab.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"

/* The device's counters are read at most this often for "ip -s link". */
#define REFRESH_INTERVAL HZ

static void read_tx(const struct svio_tx_stats *stats, u64 *out)
{
	unsigned int start;
	int i;

	do {
		start = u64_stats_fetch_begin(&stats->sync);
		for (i = 0; i < SVIO_TX_STAT_COUNT; i++)
			out[i] = u64_stats_read(&stats->v[i]);
	} while (u64_stats_fetch_retry(&stats->sync, start));
}

static void read_rx(const struct svio_rx_stats *stats, u64 *out)
{
	unsigned int start;
	int i;

	do {
		start = u64_stats_fetch_begin(&stats->sync);
		for (i = 0; i < SVIO_RX_STAT_COUNT; i++)
			out[i] = u64_stats_read(&stats->v[i]);
	} while (u64_stats_fetch_retry(&stats->sync, start));
}

int svio_stats_refresh(struct svio *svio)
{
	u64 counters[SVIO_COUNTER_COUNT];
	int err, i;

	err = svio_cmd_stats_get(svio, SVIO_STATS_VIF, 0, counters, SVIO_COUNTER_COUNT);
	if (err)
		return err;
	for (i = 0; i < SVIO_COUNTER_COUNT; i++)
		WRITE_ONCE(svio->stats.vif[i], counters[i]);
	WRITE_ONCE(svio->stats.vif_jiffies, jiffies);
	return 0;
}

static void refresh_work(struct work_struct *work)
{
	svio_stats_refresh(container_of(work, struct svio, stats.work));
}

void svio_stats_get64(struct net_device *netdev, struct rtnl_link_stats64 *out)
{
	struct svio *svio = netdev_priv(netdev);
	const u64 *vif = svio->stats.vif;
	u64 tx[SVIO_TX_STAT_COUNT], rx[SVIO_RX_STAT_COUNT];
	u16 i;

	for (i = 0; i < svio->max_pairs; i++) {
		read_tx(&svio->stats.tx[i], tx);
		read_rx(&svio->stats.rx[i], rx);
		out->tx_packets += tx[SVIO_TX_STAT_packets];
		out->tx_bytes += tx[SVIO_TX_STAT_bytes];
		out->tx_dropped += tx[SVIO_TX_STAT_dropped];
		out->rx_packets += rx[SVIO_RX_STAT_packets];
		out->rx_bytes += rx[SVIO_RX_STAT_bytes];
		out->rx_dropped += rx[SVIO_RX_STAT_dropped];
	}
	out->multicast = READ_ONCE(vif[SVIO_COUNTER_rx_multicast]);
	out->rx_missed_errors = READ_ONCE(vif[SVIO_COUNTER_rx_drop_no_buffer]);
	out->rx_length_errors = READ_ONCE(vif[SVIO_COUNTER_rx_drop_too_long]);
	out->rx_errors = out->rx_length_errors;
	out->tx_errors = READ_ONCE(vif[SVIO_COUNTER_tx_drop_spoof_mac]) +
			 READ_ONCE(vif[SVIO_COUNTER_tx_drop_spoof_vlan]) +
			 READ_ONCE(vif[SVIO_COUNTER_tx_drop_malformed]);
	if (time_after(jiffies, READ_ONCE(svio->stats.vif_jiffies) + REFRESH_INTERVAL))
		schedule_work(&svio->stats.work);
}

/*
 * ethtool -S: the VIF's counters, then for each possible queue the driver's
 * counters, then the device's; then the page pools'. All possible queues, because
 * the count must not change between asking for names and for values.
 */

static const char *const vif_names[] = {
#define VIF_NAME(name, text) "vif_" #name,
	SVIO_COUNTER_LIST(VIF_NAME)
#undef VIF_NAME
};

static const char *const tx_names[] = {
#define STAT_NAME(name) #name,
	SVIO_TX_STAT_LIST(STAT_NAME)
};

static const char *const rx_names[] = {
	SVIO_RX_STAT_LIST(STAT_NAME)
#undef STAT_NAME
};

static const char *const device_names[] = {
#define DEVICE_NAME(name, text) "device_" #name,
	SVIO_QUEUE_COUNTER_LIST(DEVICE_NAME)
#undef DEVICE_NAME
};

static_assert(ARRAY_SIZE(vif_names) == SVIO_COUNTER_COUNT);
static_assert(ARRAY_SIZE(tx_names) == SVIO_TX_STAT_COUNT);
static_assert(ARRAY_SIZE(rx_names) == SVIO_RX_STAT_COUNT);
static_assert(ARRAY_SIZE(device_names) == SVIO_QUEUE_COUNTER_COUNT);

int svio_stats_count(const struct svio *svio)
{
	return SVIO_COUNTER_COUNT +
	       svio->max_pairs *
		       (SVIO_TX_STAT_COUNT + SVIO_RX_STAT_COUNT + 2 * SVIO_QUEUE_COUNTER_COUNT) +
	       page_pool_ethtool_stats_get_count();
}

static void queue_strings(u8 **data, const char *kind, u16 qid, const char *const *names, int count)
{
	int i;

	for (i = 0; i < count; i++)
		ethtool_sprintf(data, "%s%u_%s", kind, qid, names[i]);
}

void svio_stats_strings(const struct svio *svio, u8 *data)
{
	u16 q;
	int i;

	for (i = 0; i < SVIO_COUNTER_COUNT; i++)
		ethtool_puts(&data, vif_names[i]);
	for (q = 0; q < svio->max_pairs; q++) {
		queue_strings(&data, "tx", q, tx_names, SVIO_TX_STAT_COUNT);
		queue_strings(&data, "tx", q, device_names, SVIO_QUEUE_COUNTER_COUNT);
		queue_strings(&data, "rx", q, rx_names, SVIO_RX_STAT_COUNT);
		queue_strings(&data, "rx", q, device_names, SVIO_QUEUE_COUNTER_COUNT);
	}
	page_pool_ethtool_stats_get_strings(data);
}

/* The device's counters of a queue; zero while it does not exist. */
static void device_values(struct svio *svio, u16 kind, u16 qid, u64 *data)
{
	memset(data, 0, SVIO_QUEUE_COUNTER_COUNT * sizeof(*data));
	if (svio->pairs_up && qid < svio->num_pairs)
		svio_cmd_stats_get(svio, kind, qid, data, SVIO_QUEUE_COUNTER_COUNT);
}

/* Of all page pools in use together; nothing in a kernel that does not count them. */
static void pool_values(struct svio *svio, u64 *data)
{
#ifdef CONFIG_PAGE_POOL_STATS
	struct page_pool_stats stats = {};
	u16 i;

	for (i = 0; svio->pairs_up && i < svio->num_pairs; i++)
		page_pool_get_stats(svio->pairs[i].rx.pool, &stats);
	page_pool_ethtool_stats_get(data, &stats);
#endif
}

void svio_stats_values(struct svio *svio, u64 *data)
{
	u16 q;

	/* A device in trouble shows what it showed last. */
	svio_stats_refresh(svio);
	memcpy(data, svio->stats.vif, sizeof(svio->stats.vif));
	data += SVIO_COUNTER_COUNT;
	for (q = 0; q < svio->max_pairs; q++) {
		read_tx(&svio->stats.tx[q], data);
		data += SVIO_TX_STAT_COUNT;
		device_values(svio, SVIO_STATS_TXQ, q, data);
		data += SVIO_QUEUE_COUNTER_COUNT;
		read_rx(&svio->stats.rx[q], data);
		data += SVIO_RX_STAT_COUNT;
		device_values(svio, SVIO_STATS_RXQ, q, data);
		data += SVIO_QUEUE_COUNTER_COUNT;
	}
	pool_values(svio, data);
}

int svio_stats_init(struct svio *svio)
{
	struct svio_stats *stats = &svio->stats;
	u16 i;

	INIT_WORK(&stats->work, refresh_work);
	stats->vif_jiffies = jiffies - REFRESH_INTERVAL - 1;
	stats->tx = kcalloc(svio->max_pairs, sizeof(*stats->tx), GFP_KERNEL);
	stats->rx = kcalloc(svio->max_pairs, sizeof(*stats->rx), GFP_KERNEL);
	if (!stats->tx || !stats->rx) {
		svio_stats_exit(svio);
		return -ENOMEM;
	}
	for (i = 0; i < svio->max_pairs; i++) {
		u64_stats_init(&stats->tx[i].sync);
		u64_stats_init(&stats->rx[i].sync);
	}
	return 0;
}

void svio_stats_exit(struct svio *svio)
{
	kfree(svio->stats.tx);
	kfree(svio->stats.rx);
}
