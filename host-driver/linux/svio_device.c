// SPDX-License-Identifier: GPL-2.0-only
#include "svio_device.h"

#include <linux/etherdevice.h>

#include "svio.h"
#include "svio_cmd.h"

static int restore_mac(struct svio *svio)
{
	const u8 *mac = svio->netdev->dev_addr;

	if (ether_addr_equal(mac, svio->hw.mac) || !svio_hw_has(&svio->hw, SVIO_FEATURE(MAC_SET)))
		return 0;
	return svio_cmd_mac(svio, SVIO_ADMIN_MAC_SET, mac);
}

/* Neighbour tables, upper devices and programs hear of what nobody in the guest has asked for. */
static void announce(struct net_device *netdev, unsigned long event)
{
	if (netdev->reg_state == NETREG_REGISTERED)
		call_netdevice_notifiers(event, netdev);
}

/*
 * The administrator may have given the VIF another MAC or a smaller MTU, which
 * come into force with a reset: follow, or nothing would pass. A MAC that the
 * user has set here stays. Under rtnl, or before the netdev is registered.
 */
static void follow_administrator(struct svio *svio)
{
	struct net_device *netdev = svio->netdev;
	struct svio_hw *hw = &svio->hw;
	bool permanent = ether_addr_equal(netdev->dev_addr, hw->mac);

	svio_hw_refresh(hw);
	if (permanent && is_valid_ether_addr(hw->mac) &&
	    !ether_addr_equal(netdev->dev_addr, hw->mac)) {
		netdev_info(netdev, "the VIF's MAC is now %pM\n", hw->mac);
		eth_hw_addr_set(netdev, hw->mac);
		ether_addr_copy(netdev->perm_addr, hw->mac);
		announce(netdev, NETDEV_CHANGEADDR);
	}
	netdev->max_mtu = hw->mtu_max;
	if (netdev->mtu > netdev->max_mtu) {
		netdev_warn(netdev, "MTU lowered to the VIF's limit, %u\n", netdev->max_mtu);
		WRITE_ONCE(netdev->mtu, netdev->max_mtu);
		announce(netdev, NETDEV_CHANGEMTU);
	}
}

static int restore_settings(struct svio *svio)
{
	bool up;
	u32 speed;
	int err;

	err = restore_mac(svio);
	if (err)
		return err;
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(MTU))) {
		err = svio_cmd_mtu_set(svio, svio->netdev->mtu);
		if (err)
			return err;
	}
	err = svio_cmd_offload_set(svio, svio_netdev_offloads(svio, svio->netdev->features));
	if (err)
		return err;
	err = svio_filter_restore(svio);
	if (err)
		return err;
	err = svio_cmd_link_get(svio, &up, &speed);
	if (!err)
		svio_netdev_link(svio, up, speed);
	return err;
}

int svio_device_start(struct svio *svio)
{
	int err;

	/* Taken away when an earlier reset had no answer. */
	pci_set_master(svio->pdev);
	err = svio_hw_reset(&svio->hw);
	svio_map_lapse(svio);
	if (err)
		return err;
	follow_administrator(svio);
	err = svio_hw_negotiate(&svio->hw);
	if (!err)
		err = svio_adminq_start(svio);
	if (!err)
		err = svio_map_start(svio);
	if (!err)
		err = restore_settings(svio);
	if (err)
		svio_device_stop(svio);
	return err;
}

void svio_device_stop(struct svio *svio)
{
	svio_adminq_stop(svio);
	svio_hw_reset(&svio->hw);
	svio_map_lapse(svio);
}
