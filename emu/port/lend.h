/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Zero-copy to the wire: a NIC's own domain in the host's IOMMU, and what is in it.
 *
 * DPDK keeps all devices on vfio-pci in one container of its own. A wire that
 * lends gets another: DPDK's memory is mapped there once (rings and buffers
 * are in it), guests' pages come and go (svio_iommu_window.h). I/O addresses are
 * this process' addresses, for both.
 */
#ifndef SVIO_PORT_LEND_H
#define SVIO_PORT_LEND_H

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "svio_iommu_vfio.h"
#include "svio_iommu_window.h"

struct svio_port_lend {
	int container;
	struct svio_iommu_vfio vfio;
	struct svio_iommu_window window;
	struct rte_mbuf_ext_shared_info shared; /* of all mbufs that refer to lent memory */
	const char *error;                      /* of a failed open or start: what */
};

/*
 * After EAL has started, before the device is probed: a container with the device's group.
 * address: "0000:03:00.0". 0; -errno with lend->error. Opener's thread.
 */
int svio_port_lend_open(struct svio_port_lend *lend, const char *address);

/* After the device was probed: map DPDK's memory, begin with no page lent. As above. */
int svio_port_lend_start(struct svio_port_lend *lend);

/*
 * Make piece (an mbuf without data) refer to bytes of guest memory, if the NIC may read them.
 * Core's thread. False: it may not, the caller copies.
 */
bool svio_port_lend_attach(struct svio_port_lend *lend, struct rte_mbuf *piece, const char *data,
			   uint16_t bytes);

/*
 * Whether a port has read all that was handed to its transmit queue 0 of descs descriptors. Each
 * frame must ask for a write-back (tx_rs_thresh 1). True also when it cannot tell.
 *
 * Not by rte_eth_tx_done_cleanup(): after it net_e1000_igb 22.11 waits for descriptors of frames of
 * several pieces that no NIC writes back, until its ring is full for good.
 */
static inline bool svio_port_lend_sent(uint16_t port, uint16_t descs)
{
	return rte_eth_tx_descriptor_status(port, 0, descs - 1) != RTE_ETH_TX_DESC_FULL;
}

#endif /* SVIO_PORT_LEND_H */
