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
#include "fw_dma.h"

/*
 * Of the entries desc[0..count) at a transmit queue's head, whose data was looked up as
 * run[0..count), send those at the front that are plain, while *cost is below cost_max and the
 * section need not be left. Adds to *cost, and counts the packets. Returns how many; 0: the long
 * way takes the next one. In a section; the VIF is open and without classes.
 */
uint32_t fw_express_send(struct svio_fw *fw, const struct fw_qref *ref,
			 const struct svio_tx_desc *desc, const struct fw_run *run, uint32_t count,
			 uint64_t cost_max, uint64_t *cost);

#endif /* SVIO_FW_EXPRESS_H */
