// SPDX-License-Identifier: GPL-2.0-only
#include "svio_irq.h"

#include <linux/cpumask.h>
#include <linux/interrupt.h>
#include <linux/netdevice.h>
#include <linux/pci.h>

#include "svio.h"
#include "svio_compat.h"

int svio_irq_alloc_vectors(struct svio *svio)
{
	int got = pci_alloc_irq_vectors(svio->pdev, SVIO_PAIR_VECTOR(1),
					SVIO_PAIR_VECTOR(svio->max_pairs), PCI_IRQ_MSIX);

	if (got < 0)
		return got;
	svio->max_pairs = min_t(u16, svio->max_pairs, got - SVIO_PAIR_VECTOR(0));
	return 0;
}

void svio_irq_free_vectors(struct svio *svio)
{
	pci_free_irq_vectors(svio->pdev);
}

static void mask_pair(struct svio_pair *pair)
{
	svio_hw_mask(pair->tx.db);
	svio_hw_mask(pair->rx.db);
}

static irqreturn_t pair_interrupt(int irq, void *data)
{
	struct svio_pair *pair = data;

	pair->dim.events++;
	/* Each queue raises once for each arm; the pair's other queue may still be armed. */
	mask_pair(pair);
	napi_schedule_irqoff(&pair->napi);
	return IRQ_HANDLED;
}

static int poll_pair(struct napi_struct *napi, int budget)
{
	struct svio_pair *pair = container_of(napi, struct svio_pair, napi);
	int done = 0;

	svio_txq_clean(&pair->tx, budget);
	/* Netpoll comes with no budget, to have transmitted packets freed. */
	if (unlikely(!budget))
		return 0;
	done = svio_rxq_poll(&pair->rx, budget);
	if (done == budget)
		return done;
	svio_dim_poll(pair);
	if (!napi_complete_done(napi, done))
		return done;
	/* A device that was slow to revoke is looked at again, without a core spinning for it. */
	if (svio_txq_waits(&pair->tx))
		svio_rxq_nudge(&pair->rx, 1);
	svio_hw_arm(pair->tx.db, svio_txq_seen(&pair->tx));
	svio_hw_arm(pair->rx.db, pair->rx.next);
	if (svio_txq_has_work(&pair->tx) || svio_rxq_has_work(&pair->rx)) {
		if (napi_schedule_prep(napi)) {
			mask_pair(pair);
			__napi_schedule(napi);
		}
	}
	return done;
}

/*
 * A pair's interrupt on one processor, neighbours' on others; its transmit queue is that
 * processor's, and where there are fewer pairs than processors also some others'.
 */
static void spread_pair(struct svio_pair *pair)
{
	const int node = dev_to_node(&pair->svio->pdev->dev);
	cpumask_var_t senders;
	unsigned int i;

	irq_set_affinity_and_hint(pair->irq, cpumask_of(cpumask_local_spread(pair->index, node)));
	if (!zalloc_cpumask_var(&senders, GFP_KERNEL))
		return;
	for (i = pair->index; i < num_online_cpus(); i += pair->svio->num_pairs)
		cpumask_set_cpu(cpumask_local_spread(i, node), senders);
	netif_set_xps_queue(pair->svio->netdev, senders, pair->index);
	free_cpumask_var(senders);
}

int svio_irq_setup(struct svio_pair *pair)
{
	struct net_device *netdev = pair->svio->netdev;
	int err;

	netif_napi_add(netdev, &pair->napi, poll_pair);
	pair->irq = pci_irq_vector(pair->svio->pdev, SVIO_PAIR_VECTOR(pair->index));
	snprintf(pair->irq_name, sizeof(pair->irq_name), "%s-pair%u", netdev_name(netdev),
		 pair->index);
	err = request_irq(pair->irq, pair_interrupt, 0, pair->irq_name, pair);
	if (err) {
		netif_napi_del(&pair->napi);
		return err;
	}
	svio_compat_napi_irq(&pair->napi, pair->irq);
	spread_pair(pair);
	return 0;
}

void svio_irq_teardown(struct svio_pair *pair)
{
	svio_compat_napi_irq(&pair->napi, -1);
	irq_set_affinity_and_hint(pair->irq, NULL);
	free_irq(pair->irq, pair);
	netif_napi_del(&pair->napi);
}

void svio_irq_start(struct svio_pair *pair)
{
	svio_irq_resume(pair);
	svio_compat_queue_napi(pair->svio->netdev, pair->index, &pair->napi);
}

void svio_irq_stop(struct svio_pair *pair)
{
	svio_compat_queue_napi(pair->svio->netdev, pair->index, NULL);
	svio_irq_pause(pair);
	mask_pair(pair);
}

void svio_irq_pause(struct svio_pair *pair)
{
	napi_disable(&pair->napi);
	svio_dim_stop(pair);
}

void svio_irq_resume(struct svio_pair *pair)
{
	svio_dim_start(pair);
	napi_enable(&pair->napi);
	/* The first poll arms both queues. */
	svio_irq_kick(pair);
}

void svio_irq_kick(struct svio_pair *pair)
{
	local_bh_disable();
	napi_schedule(&pair->napi);
	local_bh_enable();
}
