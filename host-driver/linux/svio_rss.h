/* SPDX-License-Identifier: GPL-2.0-only */
/* Receive-side scaling: hash key and types, and the table from hash to queue. */
#ifndef SVIO_RSS_H
#define SVIO_RSS_H

#include <linux/types.h>

#include "svio_admin.h"

struct svio;

/* Under rtnl. */
struct svio_rss {
	u8 key[SVIO_RSS_KEY_BYTES];
	u8 table[SVIO_RSS_TABLE_ENTRIES]; /* queue of each hash value */
	u32 types; /* SVIO_RSS_* */
};

/* Random key, all types. Once, at probe. */
void svio_rss_init(struct svio *svio);

/* Spread the table evenly over the queues in use, unless the user has set one. */
void svio_rss_spread(struct svio *svio);

/* Tell the device all three; its queues exist. As svio_adminq_exec(); 0 without RSS. */
int svio_rss_apply(struct svio *svio);

#endif /* SVIO_RSS_H */
