// SPDX-License-Identifier: GPL-2.0-only
#include "svio_netdev.h"

#include <linux/etherdevice.h>
#include <linux/if_vlan.h>

#include "svio.h"
#include "svio_cmd.h"
#include "svio_ethtool.h"

/* Longer than any pause while the host replaces the firmware. */
#define WATCHDOG_TIMEOUT (10 * HZ)

u64 svio_netdev_wanted_features(void)
{
	static const u64 bits[] = {
#define FEATURE_BIT(name, bit, needs, text) SVIO_FEATURE(name),
		SVIO_FEATURE_LIST(FEATURE_BIT)
#undef FEATURE_BIT
	};
	u64 features = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(bits); i++)
		features |= bits[i];
	return features;
}

/*
 * Link and carrier
 */

static void apply_carrier(struct svio *svio)
{
	if (svio->link.up && svio->link.enabled)
		netif_carrier_on(svio->netdev);
	else
		netif_carrier_off(svio->netdev);
}

void svio_netdev_link(struct svio *svio, bool up, u32 speed_mbps)
{
	spin_lock_bh(&svio->link.lock);
	svio->link.up = up;
	svio->link.speed_mbps = speed_mbps;
	apply_carrier(svio);
	spin_unlock_bh(&svio->link.lock);
}

void svio_netdev_carrier_enable(struct svio *svio, bool enable)
{
	spin_lock_bh(&svio->link.lock);
	svio->link.enabled = enable;
	apply_carrier(svio);
	spin_unlock_bh(&svio->link.lock);
}

/*
 * Up and down
 */

int svio_netdev_up(struct svio *svio)
{
	int err;

	if (!svio->adminq.running) {
		err = svio_device_start(svio);
		if (err)
			return err;
	}
	err = netif_set_real_num_queues(svio->netdev, svio->num_pairs, svio->num_pairs);
	if (err)
		return err;
	svio_rss_spread(svio);
	return svio_pairs_up(svio);
}

static int svio_netdev_open(struct net_device *netdev)
{
	return svio_netdev_up(netdev_priv(netdev));
}

static int svio_netdev_stop(struct net_device *netdev)
{
	svio_pairs_down(netdev_priv(netdev));
	return 0;
}

void svio_netdev_reconfigure_begin(struct svio *svio)
{
	if (netif_running(svio->netdev))
		svio_pairs_down(svio);
}

int svio_netdev_reconfigure_end(struct svio *svio)
{
	return netif_running(svio->netdev) ? svio_netdev_up(svio) : 0;
}

void svio_netdev_reconfigure_undone(struct svio *svio)
{
	if (svio_netdev_reconfigure_end(svio))
		svio_reset_schedule(svio);
}

/*
 * Settings
 */

/* A device that is not running now gets all settings when it starts. */
static int unless_stopped(int err)
{
	return err == -ENODEV ? 0 : err;
}

static int svio_netdev_set_mac(struct net_device *netdev, void *data)
{
	struct svio *svio = netdev_priv(netdev);
	const struct sockaddr *address = data;
	int err;

	err = eth_prepare_mac_addr_change(netdev, data);
	if (err)
		return err;
	if (ether_addr_equal(address->sa_data, netdev->dev_addr))
		return 0;
	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(MAC_SET)))
		return -EOPNOTSUPP;
	err = unless_stopped(svio_cmd_mac(svio, SVIO_ADMIN_MAC_SET, address->sa_data));
	if (err)
		return err;
	eth_commit_mac_addr_change(netdev, data);
	return 0;
}

static int svio_netdev_change_mtu(struct net_device *netdev, int mtu)
{
	struct svio *svio = netdev_priv(netdev);
	/* Frames that wait in the rings would be too long for a smaller MTU. */
	bool pause = mtu < netdev->mtu;
	int err = 0, up_err;

	if (svio_xdp_limits_mtu(svio, mtu)) {
		netdev_warn(netdev, "MTU %d is too large for an XDP program without fragments\n",
			    mtu);
		return -EOPNOTSUPP;
	}
	if (pause)
		svio_netdev_reconfigure_begin(svio);
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(MTU)))
		err = unless_stopped(svio_cmd_mtu_set(svio, mtu));
	if (!err)
		WRITE_ONCE(netdev->mtu, mtu);
	if (!pause)
		return err;
	up_err = svio_netdev_reconfigure_end(svio);
	if (up_err)
		svio_reset_schedule(svio);
	return err ?: up_err;
}

u64 svio_netdev_offloads(const struct svio *svio, netdev_features_t features)
{
	u64 offloads = 0;

	if (features & NETIF_F_RXCSUM)
		offloads |= SVIO_FEATURE(RX_CSUM);
	if ((features & NETIF_F_RXCSUM) && !svio->xdp.prog)
		offloads |= SVIO_FEATURE(RX_PARTIAL);
	if ((features & NETIF_F_RXCSUM) && (features & NETIF_F_GRO_HW))
		offloads |= SVIO_FEATURE(RX_TSO4) | SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO);
	if (features & NETIF_F_HW_VLAN_CTAG_RX)
		offloads |= SVIO_FEATURE(RX_VLAN);
	return offloads & svio->hw.features;
}

/* What XDP programs could not judge: see svio_xdp.h. */
static netdev_features_t svio_netdev_fix_features(struct net_device *netdev,
						  netdev_features_t features)
{
	struct svio *svio = netdev_priv(netdev);

	if (svio->xdp.prog)
		features &= ~(NETIF_F_GRO_HW | NETIF_F_HW_VLAN_CTAG_RX);
	return features;
}

static int svio_netdev_set_features(struct net_device *netdev, netdev_features_t features)
{
	struct svio *svio = netdev_priv(netdev);
	u64 offloads = svio_netdev_offloads(svio, features);

	if (offloads == svio_netdev_offloads(svio, netdev->features))
		return 0;
	return unless_stopped(svio_cmd_offload_set(svio, offloads));
}

int svio_netdev_apply_offloads(struct svio *svio)
{
	u64 offloads;

	netdev_update_features(svio->netdev);
	offloads = svio_netdev_offloads(svio, svio->netdev->features);
	return unless_stopped(svio_cmd_offload_set(svio, offloads));
}

static void svio_netdev_set_rx_mode(struct net_device *netdev)
{
	svio_filter_schedule(netdev_priv(netdev));
}

static int svio_netdev_vlan_add(struct net_device *netdev, __be16 proto, u16 vid)
{
	return svio_filter_vlan_add(netdev_priv(netdev), vid);
}

static int svio_netdev_vlan_del(struct net_device *netdev, __be16 proto, u16 vid)
{
	return svio_filter_vlan_del(netdev_priv(netdev), vid);
}

static void svio_netdev_tx_timeout(struct net_device *netdev, unsigned int queue)
{
	svio_reset_tx_timeout(netdev_priv(netdev), queue);
}

static const struct net_device_ops svio_netdev_ops = {
	.ndo_open = svio_netdev_open,
	.ndo_stop = svio_netdev_stop,
	.ndo_start_xmit = svio_tx_xmit,
	.ndo_features_check = svio_tx_features_check,
	.ndo_set_rx_mode = svio_netdev_set_rx_mode,
	.ndo_set_mac_address = svio_netdev_set_mac,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_change_mtu = svio_netdev_change_mtu,
	.ndo_tx_timeout = svio_netdev_tx_timeout,
	.ndo_get_stats64 = svio_stats_get64,
	.ndo_vlan_rx_add_vid = svio_netdev_vlan_add,
	.ndo_vlan_rx_kill_vid = svio_netdev_vlan_del,
	.ndo_fix_features = svio_netdev_fix_features,
	.ndo_set_features = svio_netdev_set_features,
	.ndo_bpf = svio_xdp_setup,
	.ndo_xdp_xmit = svio_xdp_xmit,
};

/*
 * Set-up
 */

static netdev_features_t stack_features(const struct svio *svio)
{
	/* Bits that must all be accepted, and what the stack may then rely on. */
	static const struct {
		u64 device;
		netdev_features_t stack;
	} map[] = {
		{ SVIO_FEATURE(TX_CSUM), NETIF_F_HW_CSUM },
		{ SVIO_FEATURE(TX_TSO4), NETIF_F_TSO },
		{ SVIO_FEATURE(TX_TSO6), NETIF_F_TSO6 },
		{ SVIO_FEATURE(TX_USO), NETIF_F_GSO_UDP_L4 },
		{ SVIO_FEATURE(RX_CSUM), NETIF_F_RXCSUM },
		{ SVIO_FEATURE(RX_CSUM) | SVIO_FEATURE(RX_TSO4), NETIF_F_GRO_HW },
		{ SVIO_FEATURE(TX_VLAN), NETIF_F_HW_VLAN_CTAG_TX },
		{ SVIO_FEATURE(RX_VLAN), NETIF_F_HW_VLAN_CTAG_RX },
		{ SVIO_FEATURE(RSS), NETIF_F_RXHASH },
	};
	netdev_features_t features = NETIF_F_SG;
	int i;

	for (i = 0; i < ARRAY_SIZE(map); i++)
		if (svio_hw_has(&svio->hw, map[i].device))
			features |= map[i].stack;
	return features;
}

void svio_netdev_init(struct svio *svio)
{
	struct net_device *netdev = svio->netdev;

	spin_lock_init(&svio->link.lock);
	netdev->netdev_ops = &svio_netdev_ops;
	svio_ethtool_init(netdev);
	netdev->watchdog_timeo = WATCHDOG_TIMEOUT;
	netdev->min_mtu = SVIO_MTU_MIN;
	netdev->max_mtu = svio->hw.mtu_max;
	netdev->mtu = min_t(u32, ETH_DATA_LEN, netdev->max_mtu);
	netdev->hw_features = stack_features(svio);
	netdev->features = netdev->hw_features | NETIF_F_HIGHDMA;
	netdev->vlan_features = netdev->features &
				(NETIF_F_SG | NETIF_F_HIGHDMA | NETIF_F_HW_CSUM | NETIF_F_TSO |
				 NETIF_F_TSO6 | NETIF_F_GSO_UDP_L4 | NETIF_F_RXCSUM);
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(VLAN_FILTER)))
		netdev->features |= NETIF_F_HW_VLAN_CTAG_FILTER;
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(MAC_FILTER)))
		netdev->priv_flags |= IFF_UNICAST_FLT;
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(MAC_SET)))
		netdev->priv_flags |= IFF_LIVE_ADDR_CHANGE;
	netif_set_tso_max_segs(netdev, SVIO_GSO_SEGMENTS_MAX);
	svio_xdp_init(netdev);
	/* Until it is up: frames of XDP come whenever they like. */
	netif_tx_stop_all_queues(netdev);
	netif_carrier_off(netdev);
}
