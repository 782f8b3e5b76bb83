/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A driver that is wrong on purpose, to test the wall around it: on request it
 * gives the device the address of memory that it has unmapped already.
 *
 * Only in a module that is built with SVIO_STALE_DMA=1. In any other there is
 * nothing of it: no code, no parameter.
 */
#ifndef SVIO_STALE_H
#define SVIO_STALE_H

#include <linux/dma-direction.h>
#include <linux/types.h>

struct svio;

#ifdef SVIO_STALE_DMA
/*
 * The address for a descriptor of queue @qid: @dma, or once after "echo 1 >
 * /sys/module/svio/parameters/stale_read" (DMA_TO_DEVICE) or stale_write
 * (DMA_FROM_DEVICE) a stale one, which the kernel's log names. Any context.
 */
dma_addr_t svio_stale_dma(struct svio *svio, enum dma_data_direction direction, u16 qid,
			  dma_addr_t dma);
#else
static inline dma_addr_t svio_stale_dma(struct svio *svio, enum dma_data_direction direction,
					u16 qid, dma_addr_t dma)
{
	return dma;
}
#endif

#endif /* SVIO_STALE_H */
