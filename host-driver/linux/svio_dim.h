/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Adaptive moderation: how long interrupts are held back follows the traffic, as the
 * kernel's DIM library decides for each queue. Its changes go to the device by admin
 * commands, from a work item.
 */
#ifndef SVIO_DIM_H
#define SVIO_DIM_H

#include <linux/dim.h>
#include <linux/types.h>

struct svio;
struct svio_pair;

/* When an interrupt is held back: see the MODERATION feature. */
struct svio_moderation {
	u16 usecs;
	u16 frames;
};

struct svio_dim {
	struct dim tx;
	struct dim rx;
	u16 events; /* interrupts of the pair */
};

/* Whether this kernel has the library and the device the feature. */
bool svio_dim_is_possible(const struct svio *svio);

/* What a queue (SVIO_QUEUE_TX, _RX) begins with, by settings. Under rtnl. */
struct svio_moderation svio_dim_moderation(const struct svio *svio, u16 kind);

/* Begin anew; the queues have svio_dim_moderation(). NAPI does not run. */
void svio_dim_start(struct svio_pair *pair);

/* No command goes to the device any more. NAPI does not run. May sleep. */
void svio_dim_stop(struct svio_pair *pair);

/* The pair's poll comes to an end. NAPI context. */
void svio_dim_poll(struct svio_pair *pair);

#endif /* SVIO_DIM_H */
