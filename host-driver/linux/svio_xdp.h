/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * XDP: programs that judge received packets before the stack sees them, and frames
 * that such programs send. While there is a program the device delivers nothing that a
 * program could not judge: no unsegmented packet, no unfinished checksum, and tags
 * in the frame.
 */
#ifndef SVIO_XDP_H
#define SVIO_XDP_H

#include <linux/types.h>

struct bpf_prog;
struct net_device;
struct netdev_bpf;
struct svio;
struct svio_rxq;
struct xdp_buff;
struct xdp_frame;

/* Frames are sent back in batches: each costs a lock and a doorbell. */
#define SVIO_XDP_BATCH 16

struct svio_xdp {
	struct bpf_prog *prog; /* NULL: none. Under rtnl; each queue has a copy for NAPI */
};

/* What one poll leaves to be done at its end. */
struct svio_xdp_batch {
	struct xdp_frame *frames[SVIO_XDP_BATCH]; /* to be sent back */
	unsigned int count;
	bool redirected;
};

/*
 * Let @prog judge a packet. True: it passes, as *xdp now is; else the packet is used
 * up. NAPI context; svio_xdp_flush() before it ends.
 */
bool svio_xdp_run(struct svio_rxq *rxq, struct bpf_prog *prog, struct xdp_buff *xdp,
		  struct svio_xdp_batch *batch);
void svio_xdp_flush(struct svio_rxq *rxq, struct svio_xdp_batch *batch);

/* Whether a program that takes packets in one piece only leaves no room for @mtu. Under rtnl. */
bool svio_xdp_limits_mtu(const struct svio *svio, int mtu);

/* Before register_netdev(). */
void svio_xdp_init(struct net_device *netdev);

/* ndo_bpf, ndo_xdp_xmit */
int svio_xdp_setup(struct net_device *netdev, struct netdev_bpf *bpf);
int svio_xdp_xmit(struct net_device *netdev, int count, struct xdp_frame **frames, u32 flags);

#endif /* SVIO_XDP_H */
