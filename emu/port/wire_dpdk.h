/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A DPDK wire's inside, for its three files: wire_dpdk.c opens it and sleeps on it,
 * wire_dpdk_device.c knows what a --wire means to DPDK, wire_dpdk_packet.c has the packet path.
 */
#ifndef SVIO_PORT_WIRE_DPDK_H
#define SVIO_PORT_WIRE_DPDK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "lend.h"
#include "svio_hal.h"
#include "wire.h"

#define RX_BURST 32
#define TX_BURST 64
#define TX_SPARE 32
/* A wire without a descriptor is looked at this often while asleep: doubling while it is silent. */
#define LOOK_MIN_NS 250000ull
#define LOOK_MAX_NS 8000000ull

struct dpdk {
	uint16_t port;
	uint16_t rx_count;
	uint16_t tx_count;
	uint16_t spare_count;
	uint16_t segs_max;     /* mbufs of one frame */
	uint32_t tx_refused;   /* since the last flush */
	uint64_t tx_offloads;  /* RTE_ETH_TX_OFFLOAD_*, in use */
	bool tx_prepare;       /* a queued frame asks for some of them */
	struct rte_mbuf *room; /* handed out by tx_room, not sent yet */
	struct rte_mbuf *last; /* of room's chain */
	bool zero_copy;        /* asked for */
	bool lends;            /* and possible, and no NIC has stood still with our memory */
	bool link_up;
	bool lent_now; /* since the last flush */
	uint16_t tx_descs;
	uint64_t lent_bytes;
	struct svio_port_lend lend;
	struct rte_mbuf *rx[RX_BURST];
	struct rte_mbuf *tx[TX_BURST];
	struct rte_mbuf *spare[TX_SPARE]; /* without data, for the next frames */
	struct rte_mempool *pool;

	/* the opening thread */
	struct svio_port_wire *wire;
	pthread_t thread;
	bool thread_runs; /* to be joined */
	int progress;     /* enum svio_port_wire_progress, atomic */
	bool eal;         /* to be cleaned up */
	bool started;     /* the port */
	char device[256]; /* DPDK's device argument */
	bool pci;
	bool xdp;            /* net_af_xdp */
	char eal_error[256]; /* what DPDK logged last */

	/* sleep */
	int readiness_fd;
	int xsk_fd;  /* the driver's own AF_XDP socket, -1: none */
	int intr_fd; /* of the receive queue, -1: none */
	bool intr_is_eventfd;
	unsigned int ifindex; /* of the host's interface behind it; 0: none */
	uint64_t look_ns;
	int control_fd; /* for interface ioctls */
};

/* How it copies, and how it lends. Core's thread. */
extern const struct svio_hal_wire_ops svio_port_dpdk_ops;
extern const struct svio_hal_wire_ops svio_port_dpdk_lending_ops;

/* What was lent, for whoever reads the device's counters. */
void svio_port_dpdk_count_lent(struct dpdk *d);

/*
 * The checksums and segmentation that the port does, as wire->csum and wire->gso, from
 * d->tx_offloads.
 */
void svio_port_dpdk_offer(struct dpdk *d);

/*
 * d->device and what goes with it, from wire->spec. 0; -EINVAL, -ENODEV with wire->error.
 */
int svio_port_dpdk_device(struct dpdk *d);

#endif /* SVIO_PORT_WIRE_DPDK_H */
