/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A driver for tests: brings a VIF of the fake device up, sends and receives.
 * It follows SPEC.md and nothing else; tests that misbehave write descriptors
 * themselves (guest_tx_put()) or change guest memory behind its back.
 */
#ifndef SVIO_GUEST_H
#define SVIO_GUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "fake.h"

#define GUEST_QUEUES   4
#define GUEST_ADMIN_SQ (FAKE_IOVA + 0x0000)
#define GUEST_ADMIN_CQ (FAKE_IOVA + 0x4000)
#define GUEST_SCRATCH  fake_iova(0x8000) /* for RSS tables and statistics */
#define GUEST_TX_DATA  fake_iova(0x200000)
#define GUEST_TX_BYTES 0x200000u
#define GUEST_UNMAPPED fake_iova(FAKE_MEM_BYTES)

#define GUEST_ADMIN_LG2 3

struct guest_queue {
	uint64_t ring;
	uint64_t completion;
	uint64_t buffers;
	uint32_t ring_lg2;
	uint32_t tail;
	uint32_t head; /* RX: completions seen */
	uint16_t buf_len;
};

struct guest {
	struct svio_admin_cmpl event; /* the last one */
	struct guest_queue tx[GUEST_QUEUES];
	struct guest_queue rx[GUEST_QUEUES];
	uint32_t vif;
	uint32_t admin_tail;
	uint32_t admin_head;
	uint32_t tx_data; /* next free byte of the data area */
	uint32_t events;  /* events seen among completions */
	uint16_t admin_id;
};

struct guest_packet {
	uint8_t data[70000];
	uint32_t bytes;
	uint32_t buffers;
	struct svio_rx_cmpl first;
};

/* The device's usual set, for tests that do not care. */
#define GUEST_ALL_FEATURES 0x3ffffull

/* Through RESET, NEGOTIATE, ENABLE. Returns STATUS. */
uint32_t guest_start(struct guest *guest, uint32_t vif, uint64_t features);

/* One transmit and one receive queue (number 0, 2^lg2 entries, buffers posted) on top. */
void guest_start_queues(struct guest *guest, uint32_t vif, uint64_t features, uint32_t lg2);

/* Put a command, let the device work, and take its completion. False: none came. */
bool guest_admin(struct guest *guest, struct svio_admin_cmd *cmd, struct svio_admin_cmpl *cmpl);
/* The same, returning the status alone (UINT32_MAX: no completion). */
uint32_t guest_command(struct guest *guest, struct svio_admin_cmd *cmd);

/* Put a command and ring, no more. Its id. */
uint16_t guest_admin_put(struct guest *guest, struct svio_admin_cmd *cmd);

/* Take one completion or event if there is one. */
bool guest_admin_next(struct guest *guest, struct svio_admin_cmpl *cmpl);

/* Create commands with usual values; the caller may change them before guest_command(). */
struct svio_admin_cmd guest_txq_cmd(uint32_t qid, uint32_t lg2);
struct svio_admin_cmd guest_rxq_cmd(uint32_t qid, uint32_t lg2, uint16_t buf_len);
/* Clear the rings and the doorbell that a create command names. */
void guest_queue_prepare(struct guest *guest, uint32_t kind, const struct svio_admin_cmd *cmd);
uint32_t guest_txq_create(struct guest *guest, uint32_t qid, uint32_t lg2);
uint32_t guest_rxq_create(struct guest *guest, uint32_t qid, uint32_t lg2, uint16_t buf_len);

struct svio_doorbell *guest_doorbell(struct guest *guest, uint32_t kind, uint32_t qid);

/* Post as many receive buffers as fit, at most count; ring the doorbell. Returns how many. */
uint32_t guest_post(struct guest *guest, uint32_t qid, uint32_t count);

/* Write the next transmit entry, and ring. */
void guest_tx_put(struct guest *guest, uint32_t qid, const void *entry);
void guest_tx_ring(struct guest *guest, uint32_t qid);
uint32_t guest_tx_head(struct guest *guest, uint32_t qid);
uint32_t guest_tx_free(struct guest *guest, uint32_t qid);

/* Copy bytes into the data area; their I/O address. */
uint64_t guest_tx_place(struct guest *guest, const void *data, uint32_t bytes);

/* Send a frame as one descriptor, or in pieces; the doorbell is rung. */
void guest_send(struct guest *guest, uint32_t qid, const void *data, uint32_t bytes);
void guest_send_pieces(struct guest *guest, uint32_t qid, const void *data, uint32_t bytes,
		       uint32_t pieces, const struct svio_tx_ext *ext);

/* The next received packet; false: none. Its buffers are not posted again. */
bool guest_receive(struct guest *guest, uint32_t qid, struct guest_packet *packet);

/* A frame of bytes (>= 14) from one VIF's MAC to another's (or a MAC as given), payload from seed. */
void guest_frame(uint8_t *frame, uint32_t bytes, const uint8_t dst[6], const uint8_t src[6],
		 uint32_t seed);
void guest_frame_between(uint8_t *frame, uint32_t bytes, uint32_t from_vif, uint32_t to_vif,
			 uint32_t seed);

/* As if a queue that was just created had been used for index entries (RX: none are posted). */
void guest_warp(struct guest *guest, uint32_t kind, uint32_t qid, uint32_t index);

/* SVIO_ERROR_* of a queue by QUEUE_GET, or UINT32_MAX. */
uint32_t guest_queue_error(struct guest *guest, uint32_t kind, uint32_t qid);

#endif /* SVIO_GUEST_H */
