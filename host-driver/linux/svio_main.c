// SPDX-License-Identifier: GPL-2.0-only
/*
 * svio: driver for the virtual interfaces (VIFs) of a self-virtualizing network
 * device. This file makes a network interface of a PCI function.
 */
#include <linux/etherdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>

#include "svio.h"
#include "svio_irq.h"
#include "svio_mapbench.h"
#include "svio_pci.h"

/* I/O addresses are below 2^48 (SPEC.md, chapter 1). */
#define DMA_BITS 48

/* Transmit completions may be reported late, received packets may not. */
static const struct svio_moderation default_tx_moderation = { .usecs = 32, .frames = 32 };
static const struct svio_moderation default_rx_moderation = { .usecs = 0, .frames = 1 };

static int enable_function(struct pci_dev *pdev)
{
	int err;

	err = pci_enable_device_mem(pdev);
	if (err)
		return err;
	err = pci_request_mem_regions(pdev, SVIO_DRIVER_NAME);
	if (err)
		goto disable;
	err = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(DMA_BITS));
	if (err)
		goto release;
	pci_set_master(pdev);
	return 0;
release:
	pci_release_mem_regions(pdev);
disable:
	pci_disable_device(pdev);
	return err;
}

static void disable_function(struct pci_dev *pdev)
{
	pci_clear_master(pdev);
	pci_release_mem_regions(pdev);
	pci_disable_device(pdev);
}

/* The device's identity and limits; it is in RESET afterwards. */
static int identify(struct svio_hw *hw)
{
	int err;

	err = svio_hw_present(hw) ? svio_hw_reset(hw) : 0;
	if (!err)
		err = svio_hw_identify(hw);
	if (!err)
		svio_hw_accept(hw, svio_netdev_wanted_features());
	return err;
}

static void set_mac(struct svio *svio)
{
	if (is_valid_ether_addr(svio->hw.mac)) {
		eth_hw_addr_set(svio->netdev, svio->hw.mac);
		return;
	}
	eth_hw_addr_random(svio->netdev);
	dev_warn(&svio->pdev->dev, "device has no valid MAC, using %pM\n", svio->netdev->dev_addr);
}

static void default_settings(struct svio *svio)
{
	struct svio_hw *hw = &svio->hw;

	svio->num_pairs = min_t(u16, svio->max_pairs, num_online_cpus());
	svio->tx_ring_lg2 = clamp_t(u8, SVIO_RING_LG2_DEFAULT_TX, svio_txq_ring_lg2_min(hw),
				    hw->ring_lg2_max);
	svio->rx_ring_lg2 = clamp_t(u8, SVIO_RING_LG2_DEFAULT_RX, svio_rxq_ring_lg2_min(hw),
				    hw->ring_lg2_max);
	svio->tx_moderation = default_tx_moderation;
	svio->rx_moderation = default_rx_moderation;
	svio->copybreak = SVIO_COPYBREAK_DEFAULT;
	svio_rss_init(svio);
	svio_netdev_init(svio);
	set_mac(svio);
}

static int alloc_pairs(struct svio *svio)
{
	u16 i;

	svio->pairs = kvcalloc(svio->max_pairs, sizeof(*svio->pairs), GFP_KERNEL);
	if (!svio->pairs)
		return -ENOMEM;
	for (i = 0; i < svio->max_pairs; i++) {
		svio->pairs[i].svio = svio;
		svio->pairs[i].index = i;
	}
	return 0;
}

/* What the interface needs besides the device itself. max_pairs is final afterwards. */
static int alloc_parts(struct svio *svio)
{
	int err;

	svio->max_pairs = min(svio->hw.max_txqs, svio->hw.max_rxqs);
	err = svio_irq_alloc_vectors(svio);
	if (err) {
		dev_err(&svio->pdev->dev, "needs 2 MSI-X vectors, the VIF has %u: %pe\n",
			svio->hw.vectors, ERR_PTR(err));
		return err;
	}
	err = alloc_pairs(svio);
	if (err)
		goto free_vectors;
	err = svio_stats_init(svio);
	if (err)
		goto free_pairs;
	err = svio_filter_init(svio);
	if (err)
		goto exit_stats;
	err = svio_map_init(svio);
	if (err)
		goto exit_filter;
	err = svio_adminq_init(svio);
	if (err)
		goto exit_map;
	return 0;
exit_map:
	svio_map_exit(svio);
exit_filter:
	svio_filter_exit(svio);
exit_stats:
	svio_stats_exit(svio);
free_pairs:
	kvfree(svio->pairs);
free_vectors:
	svio_irq_free_vectors(svio);
	return err;
}

static void free_parts(struct svio *svio)
{
	svio_adminq_exit(svio);
	/* The interrupt thread, now gone, may have scheduled a last recovery. */
	svio_reset_forbid(svio);
	svio_map_exit(svio);
	svio_filter_exit(svio);
	svio_stats_exit(svio);
	kvfree(svio->pairs);
	svio_irq_free_vectors(svio);
}

static struct svio *alloc_svio(struct pci_dev *pdev)
{
	struct net_device *netdev = alloc_etherdev_mq(sizeof(struct svio), SVIO_QUEUES_MAX);
	struct svio *svio;

	if (!netdev)
		return NULL;
	SET_NETDEV_DEV(netdev, &pdev->dev);
	svio = netdev_priv(netdev);
	svio->netdev = netdev;
	svio->pdev = pdev;
	pci_set_drvdata(pdev, svio);
	svio_reset_init(svio);
	return svio;
}

static int svio_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct svio *svio;
	int err;

	err = enable_function(pdev);
	if (err)
		return err;
	svio = alloc_svio(pdev);
	if (!svio) {
		err = -ENOMEM;
		goto disable;
	}
	err = svio_hw_map(&svio->hw, pdev);
	if (err)
		goto free_netdev;
	err = identify(&svio->hw);
	if (err)
		goto unmap;
	err = alloc_parts(svio);
	if (err)
		goto unmap;
	default_settings(svio);
	err = svio_device_start(svio);
	if (err)
		goto free_parts;
	err = register_netdev(svio->netdev);
	if (err)
		goto stop;
	/* With MSI-X set up: for svio_slot_reset(). */
	pci_save_state(pdev);
	svio_mapbench_set(svio);
	netdev_info(svio->netdev, "%pM, up to %u queue pairs, features %#llx of %#llx\n",
		    svio->netdev->dev_addr, svio->max_pairs, svio->hw.features, svio->hw.offered);
	return 0;
stop:
	svio_device_stop(svio);
free_parts:
	svio_reset_forbid(svio);
	free_parts(svio);
unmap:
	svio_hw_unmap(&svio->hw);
free_netdev:
	free_netdev(svio->netdev);
disable:
	disable_function(pdev);
	return err;
}

static void svio_remove(struct pci_dev *pdev)
{
	struct svio *svio = pci_get_drvdata(pdev);

	svio_mapbench_set(NULL);
	svio_reset_forbid(svio);
	unregister_netdev(svio->netdev);
	/* Nobody schedules these any more; they find a device that still answers. */
	cancel_work_sync(&svio->filter.work);
	cancel_work_sync(&svio->stats.work);
	svio_device_stop(svio);
	free_parts(svio);
	svio_hw_unmap(&svio->hw);
	free_netdev(svio->netdev);
	disable_function(pdev);
}

/*
 * Pauses: the function loses its state (suspend, function-level reset, bus
 * error) and gets it back.
 */

static void pause(struct svio *svio)
{
	rtnl_lock();
	netif_device_detach(svio->netdev);
	svio_pairs_down_reset(svio);
	rtnl_unlock();
}

static int unpause(struct svio *svio)
{
	int err;

	rtnl_lock();
	if (netif_running(svio->netdev))
		err = svio_netdev_up(svio);
	else
		err = svio_device_start(svio);
	/* Attached also when it failed: recovery goes on, and the user can try. */
	netif_device_attach(svio->netdev);
	if (err)
		svio_reset_schedule(svio);
	rtnl_unlock();
	return err;
}

static void svio_shutdown(struct pci_dev *pdev)
{
	pause(pci_get_drvdata(pdev));
	pci_clear_master(pdev);
}

static int svio_suspend(struct device *dev)
{
	pause(dev_get_drvdata(dev));
	return 0;
}

static int svio_resume(struct device *dev)
{
	return unpause(dev_get_drvdata(dev));
}

static DEFINE_SIMPLE_DEV_PM_OPS(svio_pm_ops, svio_suspend, svio_resume);

static pci_ers_result_t svio_error_detected(struct pci_dev *pdev, pci_channel_state_t state)
{
	pause(pci_get_drvdata(pdev));
	if (state == pci_channel_io_perm_failure)
		return PCI_ERS_RESULT_DISCONNECT;
	return PCI_ERS_RESULT_NEED_RESET;
}

static pci_ers_result_t svio_slot_reset(struct pci_dev *pdev)
{
	struct svio *svio = pci_get_drvdata(pdev);

	pci_restore_state(pdev);
	/* Restoring has used up what was saved at probe. */
	pci_save_state(pdev);
	return svio_hw_present(&svio->hw) ? PCI_ERS_RESULT_RECOVERED : PCI_ERS_RESULT_DISCONNECT;
}

static void svio_error_resume(struct pci_dev *pdev)
{
	unpause(pci_get_drvdata(pdev));
}

/* Function-level reset, as by the reset attribute in sysfs. */
static void svio_reset_prepare(struct pci_dev *pdev)
{
	pause(pci_get_drvdata(pdev));
}

static void svio_reset_done(struct pci_dev *pdev)
{
	unpause(pci_get_drvdata(pdev));
}

static const struct pci_error_handlers svio_error_handlers = {
	.error_detected = svio_error_detected,
	.slot_reset = svio_slot_reset,
	.resume = svio_error_resume,
	.reset_prepare = svio_reset_prepare,
	.reset_done = svio_reset_done,
};

static const struct pci_device_id svio_ids[] = {
	{ PCI_DEVICE(SVIO_PCI_VENDOR_ID, SVIO_PCI_DEVICE_ID) },
	{}
};
MODULE_DEVICE_TABLE(pci, svio_ids);

static struct pci_driver svio_driver = {
	.name = SVIO_DRIVER_NAME,
	.id_table = svio_ids,
	.probe = svio_probe,
	.remove = svio_remove,
	.shutdown = svio_shutdown,
	.driver.pm = pm_sleep_ptr(&svio_pm_ops),
	.err_handler = &svio_error_handlers,
};
module_pci_driver(svio_driver);

MODULE_DESCRIPTION("Driver for VIFs of the svio self-virtualizing network device");
MODULE_LICENSE("GPL");
