/* SPDX-License-Identifier: GPL-2.0-only */
/* MSI-X vectors of queue pairs, and the NAPI poll that they start. */
#ifndef SVIO_IRQ_H
#define SVIO_IRQ_H

struct net_device;
struct svio;
struct svio_pair;

/*
 * Allocate vectors for the admin queue and up to svio->max_pairs pairs, which
 * becomes how many there are vectors for. Negative errno as
 * pci_alloc_irq_vectors(). Undone by svio_irq_free_vectors().
 */
int svio_irq_alloc_vectors(struct svio *svio);
void svio_irq_free_vectors(struct svio *svio);

/* Request a pair's vector and add its NAPI, disabled. Under rtnl. As request_irq(). */
int svio_irq_setup(struct svio_pair *pair);
void svio_irq_teardown(struct svio_pair *pair);

/* Let packets flow: enable NAPI and look at both rings. */
void svio_irq_start(struct svio_pair *pair);

/* Mask the pair and wait until its poll does not run any more. May sleep. */
void svio_irq_stop(struct svio_pair *pair);

/*
 * Keep the pair's poll from running for a while; interrupts stay as they are. Under rtnl,
 * between start and stop. May sleep.
 */
void svio_irq_pause(struct svio_pair *pair);
void svio_irq_resume(struct svio_pair *pair);

/* Poll the pair now although no interrupt came. Any context. */
void svio_irq_kick(struct svio_pair *pair);

#endif /* SVIO_IRQ_H */
