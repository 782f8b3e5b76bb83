/* SPDX-License-Identifier: GPL-2.0-only */
/* Measuring the map queue: only in a module that is built with SVIO_MAP_BENCH=1. */
#ifndef SVIO_MAPBENCH_H
#define SVIO_MAPBENCH_H

struct svio;

#ifdef SVIO_MAP_BENCH
/* Which VIF is measured when the parameter is written; NULL: none. Not under rtnl. */
void svio_mapbench_set(struct svio *svio);
#else
static inline void svio_mapbench_set(struct svio *svio)
{
}
#endif

#endif /* SVIO_MAPBENCH_H */
