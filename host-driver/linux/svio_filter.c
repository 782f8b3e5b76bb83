// SPDX-License-Identifier: GPL-2.0-only
#include "svio_filter.h"

#include <linux/etherdevice.h>
#include <linux/slab.h>

#include "svio.h"
#include "svio_cmd.h"

/* Whether the queue is dead rather than the command refused: no use in going on. */
static bool is_fatal(int err)
{
	return err == -ENODEV || err == -EIO || err == -ETIMEDOUT;
}

static bool contains(const struct svio_filter_mac *macs, u16 num, const u8 *addr)
{
	u16 i;

	for (i = 0; i < num; i++)
		if (ether_addr_equal(macs[i].addr, addr))
			return true;
	return false;
}

/*
 * Copy the stack's lists to filter->wanted. Returns how many addresses it wants;
 * *mode tells what must be received as a whole because the table is too small.
 */
static u16 collect_wanted(struct svio *svio, u32 *mode)
{
	struct net_device *netdev = svio->netdev;
	struct svio_filter *filter = &svio->filter;
	struct netdev_hw_addr *ha;
	u16 num = 0;

	*mode = 0;
	/* The lists are empty, and their lock is not initialised before registration. */
	if (netdev->reg_state == NETREG_UNINITIALIZED)
		return 0;
	netif_addr_lock_bh(netdev);
	if (netdev->flags & IFF_PROMISC)
		*mode |= SVIO_RX_MODE_PROMISC | SVIO_RX_MODE_ALLMULTI;
	if (netdev->flags & IFF_ALLMULTI)
		*mode |= SVIO_RX_MODE_ALLMULTI;
	netdev_for_each_uc_addr(ha, netdev) {
		if (num < filter->max)
			ether_addr_copy(filter->wanted[num++].addr, ha->addr);
		else
			*mode |= SVIO_RX_MODE_PROMISC;
	}
	netdev_for_each_mc_addr(ha, netdev) {
		if (num < filter->max)
			ether_addr_copy(filter->wanted[num++].addr, ha->addr);
		else
			*mode |= SVIO_RX_MODE_ALLMULTI;
	}
	netif_addr_unlock_bh(netdev);
	return num;
}

static int delete_unwanted(struct svio *svio, u16 num_wanted)
{
	struct svio_filter *filter = &svio->filter;
	u16 i = 0;
	int err;

	while (i < filter->num) {
		if (contains(filter->wanted, num_wanted, filter->macs[i].addr)) {
			i++;
			continue;
		}
		err = svio_cmd_mac(svio, SVIO_ADMIN_MAC_DEL, filter->macs[i].addr);
		if (is_fatal(err))
			return err;
		filter->macs[i] = filter->macs[--filter->num];
	}
	return 0;
}

static int add_wanted(struct svio *svio, u16 num_wanted)
{
	struct svio_filter *filter = &svio->filter;
	u16 i;
	int err;

	for (i = 0; i < num_wanted; i++) {
		const u8 *addr = filter->wanted[i].addr;

		if (contains(filter->macs, filter->num, addr))
			continue;
		err = svio_cmd_mac(svio, SVIO_ADMIN_MAC_ADD, addr);
		if (is_fatal(err))
			return err;
		if (err && err != -EEXIST) {
			netdev_warn_once(svio->netdev, "device refuses to receive %pM: %pe\n", addr,
					 ERR_PTR(err));
			continue;
		}
		ether_addr_copy(filter->macs[filter->num++].addr, addr);
	}
	return 0;
}

static int set_mode(struct svio *svio, u32 mode)
{
	struct svio_filter *filter = &svio->filter;
	int err;

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(RX_MODE)) || mode == filter->mode)
		return 0;
	err = svio_cmd_rx_mode_set(svio, mode);
	if (err == -EPERM && (mode & SVIO_RX_MODE_PROMISC)) {
		if (!filter->denied)
			netdev_info(svio->netdev,
				    "this VIF may not be promiscuous: its administrator can trust it\n");
		filter->denied = true;
		mode &= ~SVIO_RX_MODE_PROMISC;
		err = mode == filter->mode ? 0 : svio_cmd_rx_mode_set(svio, mode);
	}
	if (!err)
		filter->mode = mode;
	return err;
}

/* Under lock. */
static int synchronise(struct svio *svio)
{
	u16 num;
	u32 mode;
	int err;

	num = collect_wanted(svio, &mode);
	err = delete_unwanted(svio, num);
	if (!err)
		err = add_wanted(svio, num);
	if (!err)
		err = set_mode(svio, mode);
	return is_fatal(err) ? err : 0;
}

static void filter_work(struct work_struct *work)
{
	struct svio *svio = container_of(work, struct svio, filter.work);

	mutex_lock(&svio->filter.lock);
	/* A device that does not answer gets its filters when it has recovered. */
	synchronise(svio);
	mutex_unlock(&svio->filter.lock);
}

void svio_filter_schedule(struct svio *svio)
{
	schedule_work(&svio->filter.work);
}

static int restore_vlans(struct svio *svio)
{
	u16 vid;
	int err;

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(VLAN_FILTER)))
		return 0;
	for_each_set_bit(vid, svio->filter.vlans, VLAN_N_VID) {
		err = svio_cmd_vlan(svio, SVIO_ADMIN_VLAN_ADD, vid);
		if (is_fatal(err))
			return err;
		if (err)
			netdev_warn(svio->netdev, "device refuses VLAN %u: %pe\n", vid,
				    ERR_PTR(err));
	}
	return 0;
}

int svio_filter_restore(struct svio *svio)
{
	struct svio_filter *filter = &svio->filter;
	int err;

	mutex_lock(&filter->lock);
	filter->num = 0;
	filter->mode = 0;
	err = restore_vlans(svio);
	if (!err)
		err = synchronise(svio);
	mutex_unlock(&filter->lock);
	return err;
}

int svio_filter_vlan_add(struct svio *svio, u16 vid)
{
	int err;

	/* Priority-tagged frames always pass. */
	if (!vid)
		return 0;
	err = svio_cmd_vlan(svio, SVIO_ADMIN_VLAN_ADD, vid);
	if (err && err != -EEXIST && err != -ENODEV)
		return err;
	/* Not running: a reset is on its way, and it restores the list. */
	set_bit(vid, svio->filter.vlans);
	return 0;
}

int svio_filter_vlan_del(struct svio *svio, u16 vid)
{
	int err;

	if (!vid)
		return 0;
	clear_bit(vid, svio->filter.vlans);
	err = svio_cmd_vlan(svio, SVIO_ADMIN_VLAN_DEL, vid);
	return err == -ENOENT || err == -ENODEV ? 0 : err;
}

int svio_filter_init(struct svio *svio)
{
	struct svio_filter *filter = &svio->filter;

	mutex_init(&filter->lock);
	INIT_WORK(&filter->work, filter_work);
	if (svio_hw_has(&svio->hw, SVIO_FEATURE(MAC_FILTER)))
		filter->max = svio->hw.mac_filters;
	if (!filter->max)
		return 0;
	filter->macs = kcalloc(filter->max, sizeof(*filter->macs), GFP_KERNEL);
	filter->wanted = kcalloc(filter->max, sizeof(*filter->wanted), GFP_KERNEL);
	if (filter->macs && filter->wanted)
		return 0;
	svio_filter_exit(svio);
	return -ENOMEM;
}

void svio_filter_exit(struct svio *svio)
{
	kfree(svio->filter.macs);
	kfree(svio->filter.wanted);
}
