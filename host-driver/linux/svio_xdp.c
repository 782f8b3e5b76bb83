// SPDX-License-Identifier: GPL-2.0-only
#include "svio_xdp.h"

#include <linux/bpf.h>
#include <linux/bpf_trace.h>
#include <linux/filter.h>
#include <linux/if_vlan.h>
#include <net/xdp.h>

#include "svio.h"
#include "svio_compat.h"

/*
 * Verdicts
 */

static void send_back(struct svio_rxq *rxq, struct svio_xdp_batch *batch)
{
	struct svio_txq *txq = &rxq->svio->pairs[rxq->qid].tx;
	unsigned int sent = svio_txq_send_frames(txq, batch->frames, batch->count, true);

	while (sent < batch->count)
		xdp_return_frame_rx_napi(batch->frames[sent++]);
	batch->count = 0;
}

static bool add_to_batch(struct svio_rxq *rxq, struct xdp_buff *xdp, struct svio_xdp_batch *batch)
{
	struct xdp_frame *frame = xdp_convert_buff_to_frame(xdp);

	if (unlikely(!frame))
		return false;
	batch->frames[batch->count++] = frame;
	if (batch->count == SVIO_XDP_BATCH)
		send_back(rxq, batch);
	return true;
}

static enum svio_rx_stat judge(struct svio_rxq *rxq, struct bpf_prog *prog, struct xdp_buff *xdp,
			       struct svio_xdp_batch *batch)
{
	struct net_device *netdev = rxq->svio->netdev;
	const u32 verdict = bpf_prog_run_xdp(prog, xdp);

	switch (verdict) {
	case XDP_PASS:
		return SVIO_RX_STAT_xdp_pass;
	case XDP_DROP:
		return SVIO_RX_STAT_xdp_drop;
	case XDP_TX:
		if (add_to_batch(rxq, xdp, batch))
			return SVIO_RX_STAT_xdp_tx;
		break;
	case XDP_REDIRECT:
		if (!xdp_do_redirect(netdev, xdp, prog)) {
			batch->redirected = true;
			return SVIO_RX_STAT_xdp_redirect;
		}
		break;
	case XDP_ABORTED:
		break;
	default:
		bpf_warn_invalid_xdp_action(netdev, prog, verdict);
	}
	trace_xdp_exception(netdev, prog, verdict);
	return SVIO_RX_STAT_xdp_aborted;
}

static void drop(struct svio_rxq *rxq, struct xdp_buff *xdp)
{
	if (likely(!xdp_buff_has_frags(xdp)))
		page_pool_recycle_direct(rxq->pool, virt_to_page(xdp->data_hard_start));
	else
		xdp_return_buff(xdp);
}

bool svio_xdp_run(struct svio_rxq *rxq, struct bpf_prog *prog, struct xdp_buff *xdp,
		  struct svio_xdp_batch *batch)
{
	const enum svio_rx_stat outcome = judge(rxq, prog, xdp, batch);

	svio_stat_add(rxq->stats, outcome, 1);
	if (outcome == SVIO_RX_STAT_xdp_drop || outcome == SVIO_RX_STAT_xdp_aborted)
		drop(rxq, xdp);
	return outcome == SVIO_RX_STAT_xdp_pass;
}

void svio_xdp_flush(struct svio_rxq *rxq, struct svio_xdp_batch *batch)
{
	if (batch->count)
		send_back(rxq, batch);
	if (batch->redirected)
		xdp_do_flush();
}

/*
 * Frames from elsewhere
 */

int svio_xdp_xmit(struct net_device *netdev, int count, struct xdp_frame **frames, u32 flags)
{
	struct svio *svio = netdev_priv(netdev);
	u16 qid = smp_processor_id() % READ_ONCE(svio->num_pairs);

	if (unlikely(flags & ~XDP_XMIT_FLAGS_MASK))
		return -EINVAL;
	if (unlikely(!netif_carrier_ok(netdev)))
		return -ENETDOWN;
	/* The doorbell is rung whether flags has XDP_XMIT_FLUSH or not: nobody would come later. */
	return svio_txq_send_frames(&svio->pairs[qid].tx, frames, count, false);
}

/*
 * Attaching
 */

static bool fits(const struct bpf_prog *prog, int mtu)
{
	return !prog || prog->aux->xdp_has_frags ||
	       mtu + ETH_HLEN + VLAN_HLEN <= svio_rxq_xdp_bytes();
}

bool svio_xdp_limits_mtu(const struct svio *svio, int mtu)
{
	return !fits(svio->xdp.prog, mtu);
}

/* From one program to another: the queues are as they should be. */
static void replace_prog(struct svio *svio)
{
	u16 i;

	if (!svio->pairs_up)
		return;
	for (i = 0; i < svio->num_pairs; i++)
		WRITE_ONCE(svio->pairs[i].rx.prog, svio->xdp.prog);
}

/*
 * From none to one, or back. What a program could not judge is turned off before there is
 * one, and on again after it is gone; between the two each receive queue gets other buffers.
 * The link stays up, transmission goes on.
 */
static int switch_mode(struct svio *svio, struct bpf_prog *prog)
{
	struct bpf_prog *old = svio->xdp.prog;
	int err = 0;

	svio->xdp.prog = prog;
	if (prog)
		err = svio_netdev_apply_offloads(svio);
	if (!err)
		err = svio_pairs_renew_rx(svio);
	if (err)
		svio->xdp.prog = old;
	if (err || !prog)
		svio_netdev_apply_offloads(svio);
	return err;
}

int svio_xdp_setup(struct net_device *netdev, struct netdev_bpf *bpf)
{
	struct svio *svio = netdev_priv(netdev);
	struct bpf_prog *old = svio->xdp.prog;
	int err = 0;

	if (bpf->command != XDP_SETUP_PROG)
		return -EINVAL;
	if (!fits(bpf->prog, netdev->mtu)) {
		NL_SET_ERR_MSG_MOD(bpf->extack,
				   "MTU is too large for a program that takes no fragments");
		return -EOPNOTSUPP;
	}
	if (!old == !bpf->prog) {
		svio->xdp.prog = bpf->prog;
		replace_prog(svio);
	} else {
		err = switch_mode(svio, bpf->prog);
	}
	if (err) {
		NL_SET_ERR_MSG_MOD(bpf->extack, "receive queues could not be made anew");
		return err;
	}
	if (old)
		bpf_prog_put(old);
	return 0;
}

void svio_xdp_init(struct net_device *netdev)
{
	svio_compat_xdp_features(netdev);
}
