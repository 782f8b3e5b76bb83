/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest that does what a driver must not do: attacks on a device through one
 * VIF, and what the device has to answer (SPEC, chapter 8).
 *
 * Each attack begins with a VIF that was just set up and ends when the device
 * has stopped the queue or the VIF with a reason, or has refused the command.
 */
#ifndef HOSTILE_H
#define HOSTILE_H

#include "svio_vif.h"
#include "svio_vif_raw.h"

/* Where the answer to an attack is to be seen. */
enum hostile_answer {
	HOSTILE_STOPS_TX,  /* transmit queue 0 stops */
	HOSTILE_STOPS_RX,  /* receive queue 0 stops, at the next packet for it */
	HOSTILE_STOPS_VIF, /* the VIF goes into ERROR */
	HOSTILE_REFUSED,   /* an admin command is refused: expected is an enum svio_admin_status */
	HOSTILE_IGNORED,   /* nothing happens, the VIF works as before */
};

struct hostile {
	struct svio_vif *vif;
	struct svio_vif_raw raw;
	struct svio_vif_raw_queue queue;
	uint8_t *page;      /* DMA memory of the attacker's, 64 KiB */
	uint64_t page_iova; /* its address for the device */
	uint16_t refusal;   /* REFUSED: the status that came */
};

struct hostile_attack {
	const char *name;
	const char *text; /* what it does */
	enum hostile_answer answer;
	uint32_t expected;
	int (*run)(struct hostile *hostile);
	/* Undoes what a reset of the VIF does not; may be NULL. */
	void (*undo)(struct hostile *hostile);
};

struct hostile_outcome {
	bool as_expected;
	bool answered;      /* the device gave an answer at all */
	uint32_t reason;    /* enum svio_error, or for REFUSED the status */
	char sentence[160]; /* for people */
};

/* Bytes of svio_vif_options.extra_bytes that the attacks need. */
#define HOSTILE_EXTRA_BYTES 0x10000

extern const struct hostile_attack hostile_tx_attacks[];
extern const struct hostile_attack hostile_rx_attacks[];
extern const struct hostile_attack hostile_vif_attacks[];
extern const size_t hostile_tx_attack_count;
extern const size_t hostile_rx_attack_count;
extern const size_t hostile_vif_attack_count;

/*
 * Resets the VIF, attacks, waits for the answer and resets the VIF again.
 * prod (may be NULL) is called over and over while it waits: it sends a packet
 * to the VIF, for the attacks with HOSTILE_STOPS_RX. 0, or why the attack could
 * not be made.
 */
int hostile_attack_run(struct svio_vif *vif, const struct hostile_attack *attack,
		       void (*prod)(void *context), void *context, struct hostile_outcome *outcome);

/* For the attacks: transmit descriptor or extension number n of queue 0, and the doorbell. */
struct svio_tx_desc *hostile_tx_entry(struct hostile *hostile, uint32_t n);
void hostile_tx_ring(struct hostile *hostile, uint32_t entries);

#endif /* HOSTILE_H */
