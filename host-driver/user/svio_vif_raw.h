/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Beneath libsvio-vif: the rings, doorbells, registers and maps themselves, for
 * those who test the device by doing what a driver must not do.
 *
 * Nothing here is checked. What is changed behind the library's back stays
 * changed: after it, only svio_vif_reset() and svio_vif_close() are sure to
 * work. The threads' rules are those of svio_vif.h.
 */
#ifndef SVIO_VIF_RAW_H
#define SVIO_VIF_RAW_H

#include "svio_vif.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the device shares with this VIF. Pointers are valid until svio_vif_close(). */
struct svio_vif_raw {
	volatile struct svio_doorbell_bar *doorbells;
	struct svio_admin_cmd *admin_sq;
	struct svio_admin_cmpl *admin_cq;
	uint8_t admin_lg2;
	uint8_t *memory; /* all DMA memory */
	uint64_t memory_bytes;
	uint64_t iova; /* of memory[0] */
	int memory_fd; /* the library's */
};

/* The rings of one pair, and how many entries the library has filled. */
struct svio_vif_raw_queue {
	struct svio_tx_desc *tx_ring;
	volatile struct svio_tx_status *tx_status;
	struct svio_rx_desc *rx_ring;
	volatile struct svio_rx_cmpl *rx_cmpl;
	uint8_t tx_lg2;
	uint8_t rx_lg2;
	uint32_t tx_tail;
	uint32_t rx_tail;
	uint32_t rx_head; /* completions taken */
};

/*
 * Opens a VIF as svio_vif_open() does, but goes only so far that memory is
 * mapped and bus mastering is on: STATUS is RESET and nothing was negotiated.
 */
SVIO_VIF_API int svio_vif_raw_open(const struct svio_vif_options *options, struct svio_vif **vif);

SVIO_VIF_API void svio_vif_raw_get(struct svio_vif *vif, struct svio_vif_raw *raw);
SVIO_VIF_API void svio_vif_raw_queue_get(struct svio_vif_queue *queue,
					 struct svio_vif_raw_queue *raw);

/* A number that grows by one, modulo 65536, with each message to the device. */
SVIO_VIF_API uint16_t svio_vif_raw_messages(const struct svio_vif *vif);

/*
 * Stores a doorbell's tail as it is, and wakes a sleeping device. kind:
 * SVIO_QUEUE_*; qid is not used for the admin queue.
 */
SVIO_VIF_API void svio_vif_raw_tail_store(struct svio_vif *vif, uint16_t kind, uint16_t qid,
					  uint32_t tail);

/* The rest: 0, the device's refusal as a negative errno, -ENOTCONN, -ETIMEDOUT. */

/* Registers of BAR0, 32 bits. */
SVIO_VIF_API int svio_vif_raw_reg_read(struct svio_vif *vif, uint32_t offset, uint32_t *value);
SVIO_VIF_API int svio_vif_raw_reg_write(struct svio_vif *vif, uint32_t offset, uint32_t value);

/* Any region (VFIO's index: 0-5 BARs, 7 configuration space), any width up to 4096 bytes. */
SVIO_VIF_API int svio_vif_raw_region_read(struct svio_vif *vif, uint32_t region, uint64_t offset,
					  void *data, uint32_t bytes);
SVIO_VIF_API int svio_vif_raw_region_write(struct svio_vif *vif, uint32_t region, uint64_t offset,
					   const void *data, uint32_t bytes);

/* More maps. fd stays the caller's; -1: no memory behind it. */
SVIO_VIF_API int svio_vif_raw_dma_map(struct svio_vif *vif, uint64_t iova, uint64_t bytes, int fd,
				      uint64_t offset, bool readable, bool writable);
SVIO_VIF_API int svio_vif_raw_dma_unmap(struct svio_vif *vif, uint64_t iova, uint64_t bytes);

/* The bus's reset; and function-level reset, through configuration space. */
SVIO_VIF_API int svio_vif_raw_bus_reset(struct svio_vif *vif);
SVIO_VIF_API int svio_vif_raw_function_reset(struct svio_vif *vif);

/*
 * As a hypervisor that migrates its VM: log the pages that the device writes. count 0:
 * everywhere; *page_bytes: wished for, and got. bitmap: a bit a page, in 64-bit words.
 */
struct svio_vif_raw_range {
	uint64_t iova;
	uint64_t bytes;
};

SVIO_VIF_API int svio_vif_raw_dirty_start(struct svio_vif *vif,
					  const struct svio_vif_raw_range *ranges, uint32_t count,
					  uint64_t *page_bytes);
SVIO_VIF_API int svio_vif_raw_dirty_stop(struct svio_vif *vif);
SVIO_VIF_API int svio_vif_raw_dirty_report(struct svio_vif *vif, uint64_t iova, uint64_t bytes,
					   uint64_t page_bytes, uint64_t *bitmap);

/* COMMAND.BusMaster. */
SVIO_VIF_API int svio_vif_raw_bus_master_set(struct svio_vif *vif, bool on);

#ifdef __cplusplus
}
#endif

#endif /* SVIO_VIF_RAW_H */
