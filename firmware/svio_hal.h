/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The firmware's only way out: what a port implements.
 *
 * Hot calls are inline functions from "svio_hal_port.h", a header that each
 * port has under that name and the build chooses by include path (emu/port for
 * Linux + DPDK, tests/unit/fake for tests). Cold calls are struct svio_hal_ops.
 * All are called by the core's own thread only.
 *
 * The port's header provides, all static inline:
 *
 *   uint64_t svio_hal_now_ns(void);
 *        A monotonic clock. Cheap: called once or twice a burst.
 *
 *   char *svio_hal_object(struct svio_hal *hal, uint32_t object);
 *        Where a memory object (iommu/) is mapped; NULL: it is not there.
 *
 *   uint64_t svio_hal_object_bytes(struct svio_hal *hal, uint32_t object);
 *        Its length. 0: not there.
 *
 *   void svio_hal_copy(void *to, const void *from, size_t bytes);
 *        memcpy between guest memories; may use wide stores.
 *
 *   void svio_hal_raise(struct svio_hal *hal, uint32_t vif, uint32_t vector);
 *        Raise an MSI-X vector, or set its pending bit if it has no eventfd.
 *
 *   uint32_t svio_hal_wire_rx(struct svio_hal *hal, struct svio_wire_frame *frames, uint32_t max);
 *        Take up to max frames from the wire. Each stays valid until
 *        svio_hal_wire_rx_done(), once for all frames of a burst. Where the other end is a host
 *        that leaves work to its port, a frame may come unsegmented or with SVIO_WIRE_CSUM.
 *   void svio_hal_wire_rx_done(struct svio_hal *hal);
 *
 *   void *svio_hal_wire_tx_room(struct svio_hal *hal, uint32_t bytes);
 *        Room for a frame, or its first bytes (<= SVIO_FRAME_BYTES_MAX). NULL: the
 *        wire cannot take one now.
 *   bool svio_hal_wire_lends(const struct svio_hal *hal);
 *        Whether the wire can send guest memory without a copy: svio_hal_wire_tx_append().
 *   bool svio_hal_wire_tx_append(struct svio_hal *hal, const char *data, uint32_t bytes);
 *        Behind what stands in the last room and was appended to it, the frame has these
 *        bytes (1..65535). They are sent from where they lie, or copied; either
 *        way they are not read any more when svio_hal_wire_tx_flush() has returned. At most
 *        SVIO_WIRE_PIECES_MAX times a frame, SVIO_WIRE_GSO_PIECES_MAX times an unsegmented one.
 *        False: out of memory, the room and all of the frame are gone. Only while
 *        svio_hal_wire_lends(), and for what ops->wire_gso names.
 *   void svio_hal_wire_tx_send(struct svio_hal *hal, const struct svio_wire_frame *frame);
 *        Queue the frame that was written to the last room (frame->data == room); bytes count
 *        all of it, what was appended too.
 *   uint32_t svio_hal_wire_tx_flush(struct svio_hal *hal);
 *        Hand all queued frames to the wire; returns how many it refused (they are gone).
 *
 *   struct svio_doorbell_bar *svio_hal_doorbells(struct svio_hal *hal, uint32_t vif);
 *        The VIF's mapped BAR. NULL: it has none (yet).
 */
#ifndef SVIO_HAL_H
#define SVIO_HAL_H

#include <stddef.h>
#include <stdint.h>

#include "svio_host.h"
#include "svio_ring.h"

struct svio_hal; /* the port's own state */

/* One frame at the wire, or an unsegmented packet; contiguous, without FCS. */
struct svio_wire_frame {
	const void *data;
	uint32_t bytes;
	uint16_t flags;      /* SVIO_WIRE_* */
	uint16_t csum_start; /* with SVIO_WIRE_CSUM, as in svio_tx_ext */
	uint16_t csum_offset;
	uint16_t gso_size; /* with a gso_type, and then SVIO_WIRE_CSUM: as in svio_tx_ext */
	uint16_t hdr_len;
	uint8_t gso_type; /* SVIO_GSO_*; transmit: only what ops->wire_gso names */
};

#define SVIO_WIRE_PIECES_MAX     8 /* of memory that is appended, a frame */
#define SVIO_WIRE_GSO_PIECES_MAX 104

#define SVIO_WIRE_CSUM_OK 0x1 /* receive: the port's hardware has verified the L4 checksum */
#define SVIO_WIRE_CSUM    0x2 /* not complete yet; transmit: only if ops->wire_csum */

/* Cold calls. */
struct svio_hal_ops {
	/* One line for the host's log, naming VIF (or UINT32_MAX) and event. */
	void (*log)(struct svio_hal *hal, uint32_t vif, const char *text);
	/* The wire's MAC filter must let these through: wires are promiscuous in this version. */
	/* The next two may change between two polls: a wire is there, or another one. */
	/* The wire can complete L4 checksums on transmit. */
	uint32_t wire_csum;
	/* Bit SVIO_GSO_*: it segments such packets itself, their checksums included. */
	uint32_t wire_gso;
};

#include "svio_hal_port.h"

#endif /* SVIO_HAL_H */
