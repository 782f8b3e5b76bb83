// SPDX-License-Identifier: BSD-3-Clause
/*
 * Accesses to configuration space and MSI-X table. Input: accesses, each
 * {u8 what, u8 length, u16 offset, bytes}; what: bit 0 write, bit 1 MSI-X.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "msix.h"
#include "pci_config.h"

static struct bus_pci_config config, fresh;
static struct bus_msix msix;

static void check_config(bool flr)
{
	uint8_t command[2], all[BUS_PCI_CONFIG_BYTES];

	bus_pci_config_read(&config, 0, all, sizeof(all));
	for (size_t i = 0; i < sizeof(config.value); i++) {
		assert(all[i] == config.value[i]);
		assert(!((all[i] ^ fresh.value[i]) & ~fresh.writable[i]));
	}
	for (size_t i = sizeof(config.value); i < sizeof(all); i++)
		assert(all[i] == 0);
	bus_pci_config_read(&config, 4, command, 2);
	if (!(command[0] & 4))
		assert(!bus_pci_config_dma_allowed(&config));
	if (flr) {
		bus_pci_config_reset(&config);
		assert(!memcmp(&config, &fresh, sizeof(config)));
	}
}

static void access_config(uint32_t offset, const uint8_t *bytes, size_t count, bool write)
{
	uint8_t data[256];

	if (offset + count > BUS_PCI_CONFIG_BYTES)
		return; /* the caller's promise */
	if (write)
		check_config(bus_pci_config_write(&config, offset, bytes, count));
	else
		bus_pci_config_read(&config, offset, data, count);
}

static void access_msix(uint32_t offset, const uint8_t *bytes, size_t count, bool write)
{
	uint8_t data[256];

	if (offset + count > SVIO_BAR_MSIX_BYTES)
		return;
	if (write)
		bus_msix_write(&msix, offset, bytes, count);
	bus_msix_read(&msix, 0x5555, offset, data, count);
	for (size_t i = 0; i < count; i++) {
		size_t at = offset + i;

		if (at >= msix.vectors * 16u && at != SVIO_MSIX_PBA_OFFSET &&
		    at != SVIO_MSIX_PBA_OFFSET + 1)
			assert(data[i] == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint16_t vectors = size ? (uint16_t)(1 + data[0] % 64) : 1;

	bus_pci_config_init(&config, (struct bus_pci_id){ 0x1234, 0x5610 }, vectors);
	bus_msix_reset(&msix, vectors);
	fresh = config;
	while (size >= 4) {
		uint32_t offset = (uint32_t)data[2] | (uint32_t)data[3] << 8;
		size_t count = data[1] < size - 4 ? data[1] : size - 4;

		if (data[0] & 2)
			access_msix(offset, data + 4, count, data[0] & 1);
		else
			access_config(offset, data + 4, count, data[0] & 1);
		data += 4 + count;
		size -= 4 + count;
	}
	return 0;
}
