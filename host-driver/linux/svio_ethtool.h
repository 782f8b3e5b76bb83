/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef SVIO_ETHTOOL_H
#define SVIO_ETHTOOL_H

struct net_device;

/* Set the ethtool operations. Before register_netdev(). */
void svio_ethtool_init(struct net_device *netdev);

#endif /* SVIO_ETHTOOL_H */
