// SPDX-License-Identifier: BSD-3-Clause
/*
 * One table gives each register's place, reset value and writable bits; sizing
 * of BARs (write ones, read the size mask) follows from the writable bits.
 *
 * Sections are those of the PCI Express Base Specification 4.0 (section 7.5)
 * and of the PCI Power Management Specification 1.2.
 */
#include "pci_config.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "svio_pci.h"

#define PM_CAP   0x40
#define EXP_CAP  0x50
#define MSIX_CAP 0x90

_Static_assert(PM_CAP + PCI_PM_SIZEOF <= EXP_CAP, "capabilities overlap");
_Static_assert(EXP_CAP + PCI_EXP_SLTSTA2 + 2 <= MSIX_CAP, "capabilities overlap");

/* A 32-bit memory BAR, not prefetchable: the address bits beyond its size can be written. */
#define BAR(size)         0, (uint32_t) ~((uint32_t)(size)-1)
#define BAR_REGISTER(bar) (PCI_BASE_ADDRESS_0 + 4 * (bar))

/* An 8 GT/s link, 16 lanes: nothing of it limits the device, but drivers print it. */
#define LINK_SPEED 3
#define LINK_WIDTH 16

struct field {
	uint8_t offset;
	uint8_t bytes;
	uint32_t reset;
	uint32_t writable;
};

static const struct field fields[] = {
	/* Type 0 header (7.5.1). Vendor and device ID are filled in by fill_ids(). */
	{ PCI_COMMAND, 2, 0,
	  PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_PARITY | PCI_COMMAND_SERR |
		  PCI_COMMAND_INTX_DISABLE },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST, 0 },
	{ PCI_CLASS_REVISION, 4, SVIO_PCI_CLASS << 8 | SVIO_PCI_REVISION, 0 },
	{ PCI_CACHE_LINE_SIZE, 1, 0, 0xff },
	{ BAR_REGISTER(SVIO_BAR_REGS), 4, BAR(SVIO_BAR_REGS_BYTES) },
	{ BAR_REGISTER(SVIO_BAR_DOORBELL), 4, BAR(SVIO_BAR_DOORBELL_BYTES) },
	{ BAR_REGISTER(SVIO_BAR_MSIX), 4, BAR(SVIO_BAR_MSIX_BYTES) },
	{ PCI_CAPABILITY_LIST, 1, PM_CAP, 0 },
	{ PCI_INTERRUPT_LINE, 1, 0, 0xff },

	/* Power management: D0 and D3hot, and no reset on the way back. No PME. */
	{ PM_CAP + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_PM, 0 },
	{ PM_CAP + PCI_CAP_LIST_NEXT, 1, EXP_CAP, 0 },
	{ PM_CAP + PCI_PM_PMC, 2, 3, 0 },
	{ PM_CAP + PCI_PM_CTRL, 2, PCI_PM_CTRL_NO_SOFT_RESET, PCI_PM_CTRL_STATE_MASK },

	/* PCI Express (7.5.3): version 2, endpoint, 128-byte payloads, FLR. */
	{ EXP_CAP + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_EXP, 0 },
	{ EXP_CAP + PCI_CAP_LIST_NEXT, 1, MSIX_CAP, 0 },
	{ EXP_CAP + PCI_EXP_FLAGS, 2, 2 | PCI_EXP_TYPE_ENDPOINT << 4, 0 },
	{ EXP_CAP + PCI_EXP_DEVCAP, 4, PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR, 0 },
	/* The bit that asks for a reset reads zero; bus_pci_config_write() looks for it. */
	{ EXP_CAP + PCI_EXP_DEVCTL, 2,
	  PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ_512B,
	  0xffff & ~(PCI_EXP_DEVCTL_BCR_FLR | PCI_EXP_DEVCTL_PHANTOM | PCI_EXP_DEVCTL_AUX_PME) },
	{ EXP_CAP + PCI_EXP_LNKCAP, 4, LINK_SPEED | LINK_WIDTH << 4, 0 },
	{ EXP_CAP + PCI_EXP_LNKCTL, 2, 0, PCI_EXP_LNKCTL_RCB | PCI_EXP_LNKCTL_CCC },
	{ EXP_CAP + PCI_EXP_LNKSTA, 2, LINK_SPEED | LINK_WIDTH << 4, 0 },
	{ EXP_CAP + PCI_EXP_LNKCAP2, 4, (2 << LINK_SPEED) - 2, 0 },
	{ EXP_CAP + PCI_EXP_LNKCTL2, 2, LINK_SPEED, PCI_EXP_LNKCTL2_TLS },

	/* MSI-X (7.7.2). The table size is filled in by fill_ids(). */
	{ MSIX_CAP + PCI_CAP_LIST_ID, 1, PCI_CAP_ID_MSIX, 0 },
	{ MSIX_CAP + PCI_MSIX_FLAGS, 2, 0, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ MSIX_CAP + PCI_MSIX_TABLE, 4, SVIO_MSIX_TABLE_OFFSET | SVIO_BAR_MSIX, 0 },
	{ MSIX_CAP + PCI_MSIX_PBA, 4, SVIO_MSIX_PBA_OFFSET | SVIO_BAR_MSIX, 0 },
};

static void put_le(uint8_t *bytes, uint32_t value, size_t count)
{
	for (size_t i = 0; i < count; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
}

static uint16_t get_le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}

/* What is not the same for all functions. */
static void fill_ids(struct bus_pci_config *config)
{
	uint8_t *value = config->value;

	put_le(value + PCI_VENDOR_ID, config->id.vendor, 2);
	put_le(value + PCI_DEVICE_ID, config->id.device, 2);
	put_le(value + PCI_SUBSYSTEM_VENDOR_ID, config->id.vendor, 2);
	put_le(value + PCI_SUBSYSTEM_ID, config->id.device, 2);
	value[MSIX_CAP + PCI_MSIX_FLAGS] |= (uint8_t)(config->vectors - 1);
}

void bus_pci_config_init(struct bus_pci_config *config, struct bus_pci_id id, uint16_t vectors)
{
	memset(config, 0, sizeof(*config));
	config->id = id;
	config->vectors = vectors;
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put_le(config->writable + fields[i].offset, fields[i].writable, fields[i].bytes);
	bus_pci_config_reset(config);
}

void bus_pci_config_reset(struct bus_pci_config *config)
{
	memset(config->value, 0, sizeof(config->value));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		put_le(config->value + fields[i].offset, fields[i].reset, fields[i].bytes);
	fill_ids(config);
}

void bus_pci_config_read(const struct bus_pci_config *config, uint32_t offset, uint8_t *data,
			 size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		size_t at = offset + i;

		data[i] = at < sizeof(config->value) ? config->value[at] : 0;
	}
}

/*
 * D1 and D2 do not exist here; a write of them "completes normally, but the
 * data is discarded and no state change occurs" (PM 1.2, 3.2.4). state: before
 * the write.
 */
static void keep_power_state_valid(struct bus_pci_config *config, uint8_t state)
{
	uint8_t *control = &config->value[PM_CAP + PCI_PM_CTRL];
	uint8_t wanted = *control & PCI_PM_CTRL_STATE_MASK;

	if (wanted != 0 && wanted != 3)
		*control = (uint8_t)((*control & ~PCI_PM_CTRL_STATE_MASK) | state);
}

bool bus_pci_config_write(struct bus_pci_config *config, uint32_t offset, const uint8_t *data,
			  size_t bytes)
{
	const size_t flr_byte = EXP_CAP + PCI_EXP_DEVCTL + 1;
	uint8_t state = config->value[PM_CAP + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK;
	bool flr = false;

	for (size_t i = 0; i < bytes; i++) {
		size_t at = offset + i;
		uint8_t mask;

		if (at >= sizeof(config->value))
			break;
		mask = config->writable[at];
		config->value[at] = (uint8_t)((config->value[at] & ~mask) | (data[i] & mask));
		if (at == flr_byte && (data[i] & (PCI_EXP_DEVCTL_BCR_FLR >> 8)))
			flr = true;
	}
	keep_power_state_valid(config, state);
	return flr;
}

bool bus_pci_config_dma_allowed(const struct bus_pci_config *config)
{
	uint16_t command = get_le16(config->value + PCI_COMMAND);

	return (command & PCI_COMMAND_MASTER) &&
	       (config->value[PM_CAP + PCI_PM_CTRL] & PCI_PM_CTRL_STATE_MASK) == 0;
}
