// SPDX-License-Identifier: GPL-2.0-only
#include "svio_ethtool.h"

#include <linux/ethtool.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_compat.h"
#include "svio_irq.h"
#include "svio_selftest.h"

/*
 * Identity, registers, link
 */

static void get_drvinfo(struct net_device *netdev, struct ethtool_drvinfo *info)
{
	struct svio *svio = netdev_priv(netdev);
	u32 version = svio->hw.fw_version;

	strscpy(info->driver, SVIO_DRIVER_NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(svio->pdev), sizeof(info->bus_info));
	snprintf(info->fw_version, sizeof(info->fw_version), "%u.%u.%u", version >> 16,
		 version >> 8 & 0xff, version & 0xff);
}

static int get_regs_len(struct net_device *netdev)
{
	return SVIO_REGS_BYTES;
}

static void get_regs(struct net_device *netdev, struct ethtool_regs *regs, void *data)
{
	struct svio *svio = netdev_priv(netdev);

	regs->version = SVIO_VERSION_MAJOR;
	svio_hw_dump(&svio->hw, data);
}

static int get_link_ksettings(struct net_device *netdev, struct ethtool_link_ksettings *settings)
{
	struct svio *svio = netdev_priv(netdev);

	ethtool_link_ksettings_zero_link_mode(settings, supported);
	ethtool_link_ksettings_zero_link_mode(settings, advertising);
	settings->base.port = PORT_OTHER;
	settings->base.autoneg = AUTONEG_DISABLE;
	settings->base.speed = SPEED_UNKNOWN;
	settings->base.duplex = DUPLEX_UNKNOWN;
	spin_lock_bh(&svio->link.lock);
	if (svio->link.up) {
		settings->base.duplex = DUPLEX_FULL;
		if (svio->link.speed_mbps)
			settings->base.speed = svio->link.speed_mbps;
	}
	spin_unlock_bh(&svio->link.lock);
	return 0;
}

/*
 * Statistics and self test
 */

static int get_sset_count(struct net_device *netdev, int set)
{
	switch (set) {
	case ETH_SS_STATS:
		return svio_stats_count(netdev_priv(netdev));
	case ETH_SS_TEST:
		return svio_selftest_count();
	default:
		return -EOPNOTSUPP;
	}
}

static void get_strings(struct net_device *netdev, u32 set, u8 *data)
{
	if (set == ETH_SS_STATS)
		svio_stats_strings(netdev_priv(netdev), data);
	else if (set == ETH_SS_TEST)
		svio_selftest_strings(data);
}

static void get_stats(struct net_device *netdev, struct ethtool_stats *stats, u64 *data)
{
	svio_stats_values(netdev_priv(netdev), data);
}

static void self_test(struct net_device *netdev, struct ethtool_test *test, u64 *results)
{
	svio_selftest_run(netdev_priv(netdev), test, results);
}

/*
 * Rings, channels, coalescing
 */

static void get_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			  struct kernel_ethtool_ringparam *kernel_ring,
			  struct netlink_ext_ack *extack)
{
	struct svio *svio = netdev_priv(netdev);

	ring->rx_max_pending = BIT(svio->hw.ring_lg2_max);
	ring->tx_max_pending = BIT(svio->hw.ring_lg2_max);
	ring->rx_pending = BIT(svio->rx_ring_lg2);
	ring->tx_pending = BIT(svio->tx_ring_lg2);
}

/* The number of entries rounded up to what the device can do. */
static u8 ring_lg2(const struct svio *svio, u32 entries, u8 min)
{
	return clamp_t(u8, entries > 1 ? order_base_2(entries) : 0, min, svio->hw.ring_lg2_max);
}

static int set_ringparam(struct net_device *netdev, struct ethtool_ringparam *ring,
			 struct kernel_ethtool_ringparam *kernel_ring,
			 struct netlink_ext_ack *extack)
{
	struct svio *svio = netdev_priv(netdev);
	u8 tx = ring_lg2(svio, ring->tx_pending, svio_txq_ring_lg2_min(&svio->hw));
	u8 rx = ring_lg2(svio, ring->rx_pending, svio_rxq_ring_lg2_min(&svio->hw));
	u8 old_tx, old_rx;
	int err;

	if (ring->rx_mini_pending || ring->rx_jumbo_pending)
		return -EINVAL;
	if (tx == svio->tx_ring_lg2 && rx == svio->rx_ring_lg2)
		return 0;
	old_tx = svio->tx_ring_lg2;
	old_rx = svio->rx_ring_lg2;
	svio_netdev_reconfigure_begin(svio);
	svio->tx_ring_lg2 = tx;
	svio->rx_ring_lg2 = rx;
	err = svio_netdev_reconfigure_end(svio);
	if (err) {
		svio->tx_ring_lg2 = old_tx;
		svio->rx_ring_lg2 = old_rx;
		svio_netdev_reconfigure_undone(svio);
	}
	return err;
}

static void get_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct svio *svio = netdev_priv(netdev);

	channels->max_combined = svio->max_pairs;
	channels->combined_count = svio->num_pairs;
}

static int set_channels(struct net_device *netdev, struct ethtool_channels *channels)
{
	struct svio *svio = netdev_priv(netdev);
	const u16 old = svio->num_pairs;
	int err;

	if (!channels->combined_count || channels->rx_count || channels->tx_count ||
	    channels->other_count)
		return -EINVAL;
	if (channels->combined_count == svio->num_pairs)
		return 0;
	svio_netdev_reconfigure_begin(svio);
	svio->num_pairs = channels->combined_count;
	err = svio_netdev_reconfigure_end(svio);
	if (err) {
		svio->num_pairs = old;
		svio_netdev_reconfigure_undone(svio);
	}
	return err;
}

static int get_coalesce(struct net_device *netdev, struct ethtool_coalesce *coal,
			struct kernel_ethtool_coalesce *kernel_coal, struct netlink_ext_ack *extack)
{
	struct svio *svio = netdev_priv(netdev);

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(MODERATION)))
		return -EOPNOTSUPP;
	coal->use_adaptive_rx_coalesce = svio->rx_adaptive;
	coal->use_adaptive_tx_coalesce = svio->tx_adaptive;
	coal->rx_coalesce_usecs = svio->rx_moderation.usecs;
	coal->rx_max_coalesced_frames = svio->rx_moderation.frames;
	coal->tx_coalesce_usecs = svio->tx_moderation.usecs;
	coal->tx_max_coalesced_frames = svio->tx_moderation.frames;
	return 0;
}

/* Tell the device of both queues' moderation, while nothing adapts it. */
static int moderate_pair(struct svio_pair *pair)
{
	const struct svio_moderation tx = svio_dim_moderation(pair->svio, SVIO_QUEUE_TX);
	const struct svio_moderation rx = svio_dim_moderation(pair->svio, SVIO_QUEUE_RX);
	int err;

	svio_irq_pause(pair);
	err = svio_cmd_moderation_set(pair->svio, SVIO_QUEUE_TX, pair->index, &tx);
	if (!err)
		err = svio_cmd_moderation_set(pair->svio, SVIO_QUEUE_RX, pair->index, &rx);
	svio_irq_resume(pair);
	return err;
}

static int apply_moderation(struct svio *svio)
{
	u16 i;
	int err;

	if (!svio->pairs_up)
		return 0;
	for (i = 0; i < svio->num_pairs; i++) {
		err = moderate_pair(&svio->pairs[i]);
		if (err)
			return err;
	}
	return 0;
}

static int set_coalesce(struct net_device *netdev, struct ethtool_coalesce *coal,
			struct kernel_ethtool_coalesce *kernel_coal, struct netlink_ext_ack *extack)
{
	struct svio *svio = netdev_priv(netdev);

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(MODERATION)))
		return -EOPNOTSUPP;
	if (coal->rx_coalesce_usecs > SVIO_MODERATION_US_MAX ||
	    coal->tx_coalesce_usecs > SVIO_MODERATION_US_MAX) {
		NL_SET_ERR_MSG(extack, "an interrupt can be held back for 10000 us at most");
		return -ERANGE;
	}
	if (coal->rx_max_coalesced_frames > U16_MAX || coal->tx_max_coalesced_frames > U16_MAX) {
		NL_SET_ERR_MSG(extack, "frames: 65535 at most");
		return -ERANGE;
	}
	if ((coal->use_adaptive_rx_coalesce || coal->use_adaptive_tx_coalesce) &&
	    !svio_dim_is_possible(svio)) {
		NL_SET_ERR_MSG(extack, "this kernel has no library for adaptive moderation");
		return -EOPNOTSUPP;
	}
	WRITE_ONCE(svio->rx_adaptive, coal->use_adaptive_rx_coalesce);
	WRITE_ONCE(svio->tx_adaptive, coal->use_adaptive_tx_coalesce);
	svio->rx_moderation.usecs = coal->rx_coalesce_usecs;
	svio->rx_moderation.frames = coal->rx_max_coalesced_frames;
	svio->tx_moderation.usecs = coal->tx_coalesce_usecs;
	svio->tx_moderation.frames = coal->tx_max_coalesced_frames;
	return apply_moderation(svio);
}

/*
 * Tunables
 */

static int get_tunable(struct net_device *netdev, const struct ethtool_tunable *tunable, void *data)
{
	struct svio *svio = netdev_priv(netdev);

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	*(u32 *)data = svio->copybreak;
	return 0;
}

static int set_tunable(struct net_device *netdev, const struct ethtool_tunable *tunable,
		       const void *data)
{
	struct svio *svio = netdev_priv(netdev);
	const u32 value = *(const u32 *)data;

	if (tunable->id != ETHTOOL_RX_COPYBREAK)
		return -EOPNOTSUPP;
	if (value > svio_rxq_xdp_bytes())
		return -EINVAL;
	WRITE_ONCE(svio->copybreak, value);
	return 0;
}

/*
 * Receive-side scaling
 */

static u32 get_rx_ring_count(struct net_device *netdev)
{
	struct svio *svio = netdev_priv(netdev);

	return svio->num_pairs;
}

/* Which bytes of a packet are hashed, RXH_*, for one flow type. */
static int hash_fields(const struct svio *svio, u32 flow_type, u64 *fields)
{
	const u32 types = svio->rss.types;
	u32 l3, l4;

	switch (flow_type) {
	case TCP_V4_FLOW:
		l3 = SVIO_RSS_IPV4;
		l4 = SVIO_RSS_TCP4;
		break;
	case UDP_V4_FLOW:
		l3 = SVIO_RSS_IPV4;
		l4 = SVIO_RSS_UDP4;
		break;
	case TCP_V6_FLOW:
		l3 = SVIO_RSS_IPV6;
		l4 = SVIO_RSS_TCP6;
		break;
	case UDP_V6_FLOW:
		l3 = SVIO_RSS_IPV6;
		l4 = SVIO_RSS_UDP6;
		break;
	case IPV4_FLOW:
	case SCTP_V4_FLOW:
	case AH_ESP_V4_FLOW:
		l3 = SVIO_RSS_IPV4;
		l4 = 0;
		break;
	case IPV6_FLOW:
	case SCTP_V6_FLOW:
	case AH_ESP_V6_FLOW:
		l3 = SVIO_RSS_IPV6;
		l4 = 0;
		break;
	default:
		return -EINVAL;
	}
	*fields = 0;
	if (types & (l3 | l4))
		*fields |= RXH_IP_SRC | RXH_IP_DST;
	if (types & l4)
		*fields |= RXH_L4_B_0_1 | RXH_L4_B_2_3;
	return 0;
}

#ifdef SVIO_COMPAT_RXFH_FIELDS
static int get_rxfh_fields(struct net_device *netdev, struct ethtool_rxfh_fields *fields)
{
	u64 data;
	int err;

	err = hash_fields(netdev_priv(netdev), fields->flow_type, &data);
	if (!err)
		fields->data = data;
	return err;
}
#endif

#if !defined(SVIO_COMPAT_RXFH_FIELDS) || !defined(SVIO_COMPAT_RX_RING_COUNT)
static int get_rxnfc(struct net_device *netdev, struct ethtool_rxnfc *info, u32 *rules)
{
	switch (info->cmd) {
	case ETHTOOL_GRXRINGS:
		info->data = get_rx_ring_count(netdev);
		return 0;
	case ETHTOOL_GRXFH:
		return hash_fields(netdev_priv(netdev), info->flow_type, &info->data);
	default:
		return -EOPNOTSUPP;
	}
}
#endif

static u32 get_rxfh_key_size(struct net_device *netdev)
{
	struct svio *svio = netdev_priv(netdev);

	return svio_hw_has(&svio->hw, SVIO_FEATURE(RSS)) ? SVIO_RSS_KEY_BYTES : 0;
}

static u32 get_rxfh_indir_size(struct net_device *netdev)
{
	struct svio *svio = netdev_priv(netdev);

	return svio_hw_has(&svio->hw, SVIO_FEATURE(RSS)) ? SVIO_RSS_TABLE_ENTRIES : 0;
}

static int get_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *param)
{
	struct svio *svio = netdev_priv(netdev);
	int i;

	param->hfunc = ETH_RSS_HASH_TOP;
	if (param->key)
		memcpy(param->key, svio->rss.key, SVIO_RSS_KEY_BYTES);
	if (param->indir)
		for (i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
			param->indir[i] = svio->rss.table[i];
	return 0;
}

static int set_rxfh(struct net_device *netdev, struct ethtool_rxfh_param *param,
		    struct netlink_ext_ack *extack)
{
	struct svio *svio = netdev_priv(netdev);
	int i;

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(RSS)))
		return -EOPNOTSUPP;
	if (param->hfunc != ETH_RSS_HASH_NO_CHANGE && param->hfunc != ETH_RSS_HASH_TOP)
		return -EOPNOTSUPP;
	if (param->key)
		memcpy(svio->rss.key, param->key, SVIO_RSS_KEY_BYTES);
	if (param->indir)
		for (i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
			svio->rss.table[i] = param->indir[i];
	return svio->pairs_up ? svio_rss_apply(svio) : 0;
}

#ifdef SVIO_COMPAT_RXFH_ARGUMENTS
static int get_rxfh_arguments(struct net_device *netdev, u32 *indir, u8 *key, u8 *hfunc)
{
	struct ethtool_rxfh_param param = { .indir = indir, .key = key };
	int err = get_rxfh(netdev, &param);

	if (hfunc)
		*hfunc = param.hfunc;
	return err;
}

static int set_rxfh_arguments(struct net_device *netdev, const u32 *indir, const u8 *key,
			      const u8 hfunc)
{
	/* set_rxfh() only reads what they point to. */
	struct ethtool_rxfh_param param = {
		.indir = (u32 *)indir,
		.key = (u8 *)key,
		.hfunc = hfunc,
	};

	return set_rxfh(netdev, &param, NULL);
}
#endif

static const struct ethtool_ops svio_ethtool_ops = {
	.supported_coalesce_params = ETHTOOL_COALESCE_USECS | ETHTOOL_COALESCE_MAX_FRAMES |
				     ETHTOOL_COALESCE_USE_ADAPTIVE,
	.get_drvinfo = get_drvinfo,
	.get_regs_len = get_regs_len,
	.get_regs = get_regs,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = get_link_ksettings,
	.get_sset_count = get_sset_count,
	.get_strings = get_strings,
	.get_ethtool_stats = get_stats,
	.self_test = self_test,
	.get_ringparam = get_ringparam,
	.set_ringparam = set_ringparam,
	.get_channels = get_channels,
	.set_channels = set_channels,
	.get_coalesce = get_coalesce,
	.set_coalesce = set_coalesce,
	.get_tunable = get_tunable,
	.set_tunable = set_tunable,
#ifdef SVIO_COMPAT_RXFH_FIELDS
	.get_rxfh_fields = get_rxfh_fields,
#endif
#ifdef SVIO_COMPAT_RX_RING_COUNT
	.get_rx_ring_count = get_rx_ring_count,
#endif
#if !defined(SVIO_COMPAT_RXFH_FIELDS) || !defined(SVIO_COMPAT_RX_RING_COUNT)
	.get_rxnfc = get_rxnfc,
#endif
	.get_rxfh_key_size = get_rxfh_key_size,
	.get_rxfh_indir_size = get_rxfh_indir_size,
#ifdef SVIO_COMPAT_RXFH_ARGUMENTS
	.get_rxfh = get_rxfh_arguments,
	.set_rxfh = set_rxfh_arguments,
#else
	.get_rxfh = get_rxfh,
	.set_rxfh = set_rxfh,
#endif
	.get_ts_info = ethtool_op_get_ts_info,
};

void svio_ethtool_init(struct net_device *netdev)
{
	netdev->ethtool_ops = &svio_ethtool_ops;
}
