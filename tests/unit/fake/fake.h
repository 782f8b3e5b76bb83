/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A whole device for tests: segment, IOMMU, guest memory, doorbells, clock,
 * wire, and the firmware on top. One at a time; fake_init() starts anew.
 *
 * Each VIF's guest has FAKE_MEM_BYTES of memory, object vif + 1, mapped at I/O
 * address FAKE_IOVA. fake_iova() and fake_at() turn one into the other. The pages
 * around it cannot be accessed.
 */
#ifndef SVIO_FAKE_H
#define SVIO_FAKE_H

#include <setjmp.h>
#include <stdbool.h>
#include <stdint.h>

#include "svio_admin.h"
#include "svio_error.h"
#include "svio_firmware.h"
#include "svio_hal.h"
#include "svio_iommu.h"
#include "svio_iommu_dirty.h"
#include "svio_ring.h"

/* Of the library svio-fake; svio-fake-many has more. */
#ifndef FAKE_VIFS
#define FAKE_VIFS 8
#endif
#define FAKE_MEM_BYTES    (4u << 20)
#define FAKE_GUARD_BYTES  4096u
#define FAKE_IOVA         0x08000000ull
#define FAKE_PAGES        (FAKE_MEM_BYTES / 4096)
#define FAKE_DIRTY_BYTES  65536u /* of a VIF's dirty log, which are used */
#define FAKE_WIRE_FRAMES  256
#define FAKE_WIRE_PIECES  1024
#define FAKE_FRAME_BYTES  9216u
#define FAKE_PACKET_BYTES 65600u

struct fake_frame {
	uint32_t bytes;
	uint16_t flags;
	uint16_t csum_start;
	uint16_t csum_offset;
	uint16_t gso_size;
	uint16_t hdr_len;
	uint8_t gso_type; /* then its bytes are in svio_hal.unsegmented, not in data */
	uint8_t data[FAKE_FRAME_BYTES];
};

/* Memory that a queued frame refers to. */
struct fake_piece {
	char *to;
	const char *data;
	uint32_t bytes;
};

struct svio_hal {
	uint64_t now_ns;
	/* wire */
	struct fake_frame sent[FAKE_WIRE_FRAMES]; /* to the wire, by the firmware */
	uint32_t sent_count;
	uint32_t sent_queued; /* of these: not flushed yet */
	uint32_t room_left;   /* frames the wire takes before it refuses; UINT32_MAX: all */
	uint32_t refuse_at_flush;
	bool lends; /* the wire reads guest memory itself, when it is flushed */
	struct fake_piece piece[FAKE_WIRE_PIECES];
	uint32_t pieces;           /* not flushed yet */
	uint32_t room_piece;       /* the first of the frame in the last room */
	uint32_t append_fails;     /* in so many pieces there is no memory; 0: never */
	uint32_t lent, lent_bytes; /* pieces so far */
	void (*at_flush)(void);    /* called by it, if set */
	struct fake_frame received[FAKE_WIRE_FRAMES]; /* from the wire, by the test */
	uint32_t received_first, received_count;
	uint8_t unsegmented[FAKE_PACKET_BYTES]; /* the last one, to or from the wire */
	uint32_t wire_taken; /* frames out that are not given back by wire_rx_done */
	/* interrupts */
	uint32_t raised[FAKE_VIFS][64];
	/* crash */
	uint64_t steps;    /* seen since fake_init() */
	uint64_t crash_at; /* 0: never; else longjmp at that step */
	jmp_buf crash;
	bool unmaps_wait;     /* at each step one more unmap begins to wait */
	uint32_t object_lost; /* this object is not there */
	uint32_t log_lines;
};

struct fake {
	struct svio_hal hal;
	struct svio_fw *fw;
	struct svio_host_segment *segment;
	struct svio_iommu *iommu;
	struct svio_doorbell_bar *doorbells[FAKE_VIFS];
	uint8_t *mem[FAKE_VIFS]; /* guest memory, guards around it */
	svio_iommu_domain domain[FAKE_VIFS];
	struct svio_iommu_dirty dirty[FAKE_VIFS];
	bool wire_csum;
	uint32_t wire_gso;
};

extern struct fake fake;

/* Everything new; no VIF. */
void fake_init(void);
void fake_free(void);

/* A firmware attaches to the segment as it is (first start, or after a crash). */
void fake_attach(void);
int fake_try_attach(void);

struct svio_host_vif *fake_slot(uint32_t vif);
struct svio_host_vif_config *fake_config(uint32_t vif);
struct svio_host_qos *fake_qos(uint32_t vif);

/* Set up a slot with usual values and memory mapped; then svio_fw_vif_add(). */
void fake_vif_prepare(uint32_t vif);
void fake_vif_add(uint32_t vif);

static inline uint64_t fake_iova(uint32_t offset)
{
	return FAKE_IOVA + offset;
}

static inline uint8_t *fake_at(uint32_t vif, uint64_t iova)
{
	return fake.mem[vif] + (iova - FAKE_IOVA);
}

uint32_t fake_reg(uint32_t vif, uint32_t offset);
void fake_reg_write(uint32_t vif, uint32_t offset, uint32_t value);

/* What the device sees of a grace period, as sviod has one after unmaps and reports of dirty pages. */
void fake_grace(void);

/* Take [first, last] of a VIF's memory from the device, as sviod does. svio_iommu_unmap()'s status. */
int fake_unmap(uint32_t vif, uint64_t first, uint64_t last);

/* Log what the device writes to these addresses of a VIF; count 0: all. */
void fake_dirty_start(uint32_t vif, const struct svio_iommu_dirty_range *ranges, uint32_t count);
/* No more, and the log's memory is zero again. */
void fake_dirty_stop(uint32_t vif);

/* Put a frame on the wire for the firmware to receive. */
void fake_wire_receive(const void *data, uint32_t bytes, uint16_t flags);
/* The same, as frame says: an unsegmented packet, one at a time, or a partial checksum. */
void fake_wire_receive_as(const struct svio_wire_frame *frame);

/* Poll until a pass does nothing; the number of passes is bounded. */
void fake_run(void);

/* Set a queue's index in SRAM, as if it had been used for long. */
void fake_warp_queue(uint32_t vif, uint32_t kind, uint32_t qid, uint32_t index);

/* The identity of svio_counters.h. */
bool fake_books_balance(void);

uint64_t fake_counter(uint32_t vif, enum svio_counter counter);
uint64_t fake_device_counter(enum svio_device_counter counter);

#endif /* SVIO_FAKE_H */
