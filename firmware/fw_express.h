/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The express lane: packets that want nothing but a copy.
 *
 * Most packets from VIF to VIF are one descriptor without options, come from the sender's own
 * address, go to one receiver that takes them as they are, and fit one buffer. They are recognized
 * by a few comparisons and copied straight from ring to ring. All checks of the long way (fw_tx.c,
 * fw_switch.c, fw_rx.c) hold here too; whatever fails one of them, or is not plain, is left to the
 * long way, which alone reports mistakes and counts drops. So the lane changes what a packet costs
 * and nothing else: tests/property/firmware/prop_firmware_express.c compares the two.
 */
#ifndef SVIO_FW_EXPRESS_H
#define SVIO_FW_EXPRESS_H

#include "fw.h"
#include "fw_class.h"
#include "fw_dma.h"

#define FW_EXPRESS_DST_MASK  0xffffffffffffull
#define FW_EXPRESS_NO_DETOUR UINT64_MAX /* no address */
#define FW_EXPRESS_DETOURS   8          /* by the address's last bits */

/* A transmit queue's turn, as the lane sees it. */
struct fw_express {
	const struct fw_qref *ref;
	uint32_t class; /* that is served, or FW_CLASS_UNKNOWN: the VIF has none */
	/* Packets to these addresses were found to take the long way: fw_express_detour(). */
	uint64_t detours[FW_EXPRESS_DETOURS];
};

/* Where an address is in detours, if it is. */
static inline uint64_t *fw_express_detour(struct fw_express *express, uint64_t dst)
{
	return &express->detours[dst >> 40 & (FW_EXPRESS_DETOURS - 1)];
}

static inline void fw_express_begin(struct fw_express *express, const struct fw_qref *ref,
				    uint32_t class)
{
	uint32_t i;

	express->ref = ref;
	express->class = class;
	for (i = 0; i < FW_EXPRESS_DETOURS; i++)
		express->detours[i] = FW_EXPRESS_NO_DETOUR;
}

/* A word of guest memory of any alignment, read once whatever the compiler thinks. */
static inline uint64_t fw_express_word(const char *data)
{
	const volatile struct {
		uint64_t value;
	} __attribute__((packed, may_alias)) *word = (const volatile void *)data;

	return word->value;
}

/*
 * Is it worth while to try the lane with the packet at a queue's head? A glance: what comes of it is
 * which way the packet takes, and the long way is always right.
 */
static inline bool fw_express_try(struct fw_express *express, const struct svio_tx_desc *desc,
				  const struct fw_run *run)
{
	uint64_t dst;

	if (desc->flags != SVIO_TX_END || run->bytes < sizeof(dst))
		return false;
	dst = fw_express_word(run->data) & FW_EXPRESS_DST_MASK;
	return *fw_express_detour(express, dst) != dst;
}

/*
 * Of the entries desc[0..count) at a transmit queue's head, whose data was looked up as
 * run[0..count), send those at the front that are plain and in the class that is served, while
 * *cost is below cost_max and the section need not be left. Adds to *cost, and counts the packets.
 * Returns how many; 0: the long way takes the next one. In a section; the VIF is open.
 */
uint32_t fw_express_send(struct svio_fw *fw, struct fw_express *express,
			 const struct svio_tx_desc *desc, const struct fw_run *run, uint32_t count,
			 uint64_t cost_max, uint64_t *cost);

#endif /* SVIO_FW_EXPRESS_H */
