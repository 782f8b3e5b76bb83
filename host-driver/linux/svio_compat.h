/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between Linux 6.1 and the newest release. Nothing of this file
 * would be part of a submission: it goes when the oldest kernel does.
 */
#ifndef SVIO_COMPAT_H
#define SVIO_COMPAT_H

#include <linux/dim.h>
#include <linux/ethtool.h>
#include <linux/netdevice.h>
#include <linux/version.h>

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 6, 0)
#include <net/page_pool/helpers.h>
#else
#include <net/page_pool.h>
#endif

/* A page pool may return pages without locks when it knows its NAPI. */
static inline void svio_compat_pool_napi(struct page_pool_params *params, struct napi_struct *napi,
					 unsigned int queue)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 4, 0)
	params->napi = napi;
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	params->netdev = napi->dev;
#endif
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	params->queue_idx = queue;
#endif
}

/* Tell netlink which NAPI and interrupt serve a queue pair; undone by napi == NULL. Under rtnl. */
static inline void svio_compat_queue_napi(struct net_device *netdev, unsigned int queue,
					  struct napi_struct *napi)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	netif_queue_set_napi(netdev, queue, NETDEV_QUEUE_TYPE_TX, napi);
	netif_queue_set_napi(netdev, queue, NETDEV_QUEUE_TYPE_RX, napi);
#endif
}

static inline void svio_compat_napi_irq(struct napi_struct *napi, int irq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 8, 0)
	netif_napi_set_irq(napi, irq);
#endif
}

/* What lies behind fragments, while a program may look at them. */
static inline void svio_compat_add_truesize(struct skb_shared_info *info, u32 bytes)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 14, 0)
	info->xdp_frags_truesize = bytes + (info->nr_frags == 1 ? 0 : info->xdp_frags_truesize);
#endif
}

static inline void svio_compat_xdp_features(struct net_device *netdev)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 3, 0)
	netdev->xdp_features = NETDEV_XDP_ACT_BASIC | NETDEV_XDP_ACT_REDIRECT |
			       NETDEV_XDP_ACT_NDO_XMIT | NETDEV_XDP_ACT_RX_SG |
			       NETDEV_XDP_ACT_NDO_XMIT_SG;
#endif
}

static inline void svio_compat_net_dim(struct dim *dim, const struct dim_sample *sample)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 13, 0)
	net_dim(dim, sample);
#else
	net_dim(dim, *sample);
#endif
}

#if IS_ENABLED(CONFIG_DMA_OPS) || IS_ENABLED(CONFIG_ARCH_HAS_DMA_OPS)
#define SVIO_COMPAT_DMA_OPS /* a device may have DMA operations of its own */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 18, 0)
#define SVIO_COMPAT_MAP_PHYS /* .map_phys in place of .map_page */
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define SVIO_COMPAT_RXFH_ARGUMENTS /* members of this were arguments of get_rxfh and set_rxfh */
struct ethtool_rxfh_param {
	u8 hfunc;
	u32 *indir;
	u8 *key;
};
#endif

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 8, 0)
#define ethtool_puts(data, text) ethtool_sprintf(data, "%s", text)
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 17, 0)
#define SVIO_COMPAT_RXFH_FIELDS /* .get_rxfh_fields in place of ETHTOOL_GRXFH */
#endif

#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 19, 0)
#define SVIO_COMPAT_RX_RING_COUNT /* .get_rx_ring_count in place of ETHTOOL_GRXRINGS */
#endif

#endif /* SVIO_COMPAT_H */
