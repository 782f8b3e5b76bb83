/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BAR4: MSI-X table and pending bits.
 *
 * QEMU keeps the table itself; interrupts go through eventfds. The table is
 * plain storage here, for clients that do not. Pending bits come from the VIF.
 */
#ifndef SVIO_BUS_MSIX_H
#define SVIO_BUS_MSIX_H

#include <stddef.h>
#include <stdint.h>

#include "svio_pci.h"

#define BUS_MSIX_ENTRY_BYTES 16

struct bus_msix {
	uint8_t table[SVIO_MSIX_VECTORS_MAX * BUS_MSIX_ENTRY_BYTES];
	uint16_t vectors;
};

/* All vectors masked, as after a reset. vectors: 1..64. */
void bus_msix_reset(struct bus_msix *msix, uint16_t vectors);

/* offset + bytes at most SVIO_BAR_MSIX_BYTES. pending: bit n is vector n's. */
void bus_msix_read(const struct bus_msix *msix, uint64_t pending, uint32_t offset, uint8_t *data,
		   size_t bytes);

/* The same limits. Pending bits are read-only. */
void bus_msix_write(struct bus_msix *msix, uint32_t offset, const uint8_t *data, size_t bytes);

#endif /* SVIO_BUS_MSIX_H */
