/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * What a VIF looks like on the PCI bus (SPEC.md, chapter 2).
 *
 * The ID is experimental and unregistered; sviod can be told to show another.
 */
#ifndef SVIO_PCI_H
#define SVIO_PCI_H

#define SVIO_PCI_VENDOR_ID 0x1234
#define SVIO_PCI_DEVICE_ID 0x5610
#define SVIO_PCI_CLASS     0x020000 /* network controller, Ethernet */
#define SVIO_PCI_REVISION  0x01

/* BAR0: registers, trapped: every access is a message to the device. */
#define SVIO_BAR_REGS       0
#define SVIO_BAR_REGS_BYTES 0x1000

/* BAR2: doorbells, mapped: an access is a load or store to memory that the device polls. */
#define SVIO_BAR_DOORBELL       2
#define SVIO_BAR_DOORBELL_BYTES 0x2000

/* BAR4: MSI-X table at 0, pending bits in the second page. */
#define SVIO_BAR_MSIX          4
#define SVIO_BAR_MSIX_BYTES    0x2000
#define SVIO_MSIX_TABLE_OFFSET 0x0000
#define SVIO_MSIX_PBA_OFFSET   0x1000
#define SVIO_MSIX_VECTORS_MAX  64

#endif /* SVIO_PCI_H */
