/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The configuration space of a VIF's PCI function: a type 0 header with power
 * management, PCI Express endpoint (with function-level reset) and MSI-X
 * capabilities. No expansion ROM, no INTx, no extended capabilities.
 *
 * A pure model: a write changes bytes and tells what it means for the device;
 * the caller acts on that.
 */
#ifndef SVIO_BUS_PCI_CONFIG_H
#define SVIO_BUS_PCI_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What region 7 has. Beyond the first 256 bytes all is zero: no extended capability. */
#define BUS_PCI_CONFIG_BYTES        4096
#define BUS_PCI_CONFIG_LEGACY_BYTES 256

struct bus_pci_id {
	uint16_t vendor;
	uint16_t device;
};

struct bus_pci_config {
	uint8_t value[BUS_PCI_CONFIG_LEGACY_BYTES];
	uint8_t writable[BUS_PCI_CONFIG_LEGACY_BYTES]; /* bits that a write changes */
	struct bus_pci_id id;
	uint16_t vectors;
};

/* Power-on state. vectors: MSI-X vectors, 1..64. */
void bus_pci_config_init(struct bus_pci_config *config, struct bus_pci_id id, uint16_t vectors);

/* As after power-on or a function-level reset. */
void bus_pci_config_reset(struct bus_pci_config *config);

/* offset + bytes at most BUS_PCI_CONFIG_BYTES. */
void bus_pci_config_read(const struct bus_pci_config *config, uint32_t offset, uint8_t *data,
			 size_t bytes);

/*
 * Write any bytes: read-only bits keep their value. Returns true where a
 * function-level reset was asked for: the caller resets the device and then
 * calls bus_pci_config_reset().
 */
bool bus_pci_config_write(struct bus_pci_config *config, uint32_t offset, const uint8_t *data,
			  size_t bytes);

/* The function may do DMA: COMMAND's bus master is set and the power state is D0. */
bool bus_pci_config_dma_allowed(const struct bus_pci_config *config);

#endif /* SVIO_BUS_PCI_CONFIG_H */
