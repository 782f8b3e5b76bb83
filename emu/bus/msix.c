// SPDX-License-Identifier: BSD-3-Clause
/* PCI Express Base Specification 4.0, 7.7.2: table entries and pending bits. */
#include "msix.h"

#include <linux/pci_regs.h>
#include <string.h>

_Static_assert(BUS_MSIX_ENTRY_BYTES == PCI_MSIX_ENTRY_SIZE, "entry size");
_Static_assert(SVIO_MSIX_TABLE_OFFSET == 0, "the table is at the start of the BAR");
_Static_assert(SVIO_MSIX_VECTORS_MAX <= 64, "pending bits are one 64-bit word");

void bus_msix_reset(struct bus_msix *msix, uint16_t vectors)
{
	memset(msix, 0, sizeof(*msix));
	msix->vectors = vectors;
	for (size_t i = 0; i < vectors; i++) {
		msix->table[i * BUS_MSIX_ENTRY_BYTES + PCI_MSIX_ENTRY_VECTOR_CTRL] =
			PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
}

static size_t table_bytes(const struct bus_msix *msix)
{
	return (size_t)msix->vectors * BUS_MSIX_ENTRY_BYTES;
}

void bus_msix_read(const struct bus_msix *msix, uint64_t pending, uint32_t offset, uint8_t *data,
		   size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t at = offset + i;

		data[i] = 0;
		if (at < table_bytes(msix))
			data[i] = msix->table[at];
		else if (at >= SVIO_MSIX_PBA_OFFSET && at < SVIO_MSIX_PBA_OFFSET + 8)
			data[i] = (uint8_t)(pending >> (8 * (at - SVIO_MSIX_PBA_OFFSET)));
	}
}

/* Bits of a table entry that can be written: addresses are multiples of four, one control bit. */
static uint8_t writable_bits(size_t at)
{
	switch (at % BUS_MSIX_ENTRY_BYTES) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return 0xfc;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		return PCI_MSIX_ENTRY_CTRL_MASKBIT;
	case PCI_MSIX_ENTRY_VECTOR_CTRL + 1:
	case PCI_MSIX_ENTRY_VECTOR_CTRL + 2:
	case PCI_MSIX_ENTRY_VECTOR_CTRL + 3:
		return 0;
	default:
		return 0xff;
	}
}

void bus_msix_write(struct bus_msix *msix, uint32_t offset, const uint8_t *data, size_t bytes)
{
	for (size_t i = 0; i < bytes && offset + i < table_bytes(msix); i++)
		msix->table[offset + i] = data[i] & writable_bits(offset + i);
}
