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
	if (err)
		return err;
	err = svio_hw_negotiate(&svio->hw);
	if (!err)
		err = svio_adminq_start(svio);
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
}
