/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Recovery: when the device reports an error, does not answer, or stops
 * sending, it is reset and brought up again with its settings. Repeated resets
 * come at growing intervals.
 */
#ifndef SVIO_RESET_H
#define SVIO_RESET_H

#include <linux/types.h>
#include <linux/workqueue.h>

#include "svio_ring.h"

struct svio;

struct svio_reset {
	struct delayed_work work;
	struct work_struct timeout_work;
	unsigned long timed_out; /* bit: transmit queue; atomic bit operations */
	unsigned long last; /* jiffies of the last reset; the work only */
	u8 streak; /* resets without a quiet time between; the work only */
};

/* Once, before anything may fail. */
void svio_reset_init(struct svio *svio);

/* Have the device reset soon. Any context; ignored while the driver leaves. */
void svio_reset_schedule(struct svio *svio);

/* No recovery from now on; waits for one that runs. Not under rtnl. */
void svio_reset_forbid(struct svio *svio);

/* ndo_tx_timeout: find out whether the device is stuck or only slow. */
void svio_reset_tx_timeout(struct svio *svio, unsigned int qid);

#endif /* SVIO_RESET_H */
