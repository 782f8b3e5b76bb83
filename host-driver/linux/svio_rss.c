// SPDX-License-Identifier: GPL-2.0-only
#include "svio_rss.h"

#include <linux/ethtool.h>

#include "svio.h"
#include "svio_cmd.h"

void svio_rss_init(struct svio *svio)
{
	netdev_rss_key_fill(svio->rss.key, sizeof(svio->rss.key));
	svio->rss.types = SVIO_RSS_TYPES;
}

void svio_rss_spread(struct svio *svio)
{
	int i;

	if (netif_is_rxfh_configured(svio->netdev))
		return;
	for (i = 0; i < SVIO_RSS_TABLE_ENTRIES; i++)
		svio->rss.table[i] = ethtool_rxfh_indir_default(i, svio->num_pairs);
}

int svio_rss_apply(struct svio *svio)
{
	int err;

	if (!svio_hw_has(&svio->hw, SVIO_FEATURE(RSS)))
		return 0;
	err = svio_cmd_rss_table_set(svio, svio->rss.table);
	if (err)
		return err;
	return svio_cmd_rss_set(svio, svio->rss.key, svio->rss.types);
}
