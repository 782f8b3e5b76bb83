// SPDX-License-Identifier: BSD-3-Clause
#include "pci_config.h"

#include <linux/pci_regs.h>
#include <string.h>

#include "svio_pci.h"
#include "svio_test.h"

static struct bus_pci_config config;

static void setup(void)
{
	bus_pci_config_init(&config, (struct bus_pci_id){ 0x1234, 0x5610 }, 64);
}

static uint32_t read_value(uint32_t offset, size_t bytes)
{
	uint8_t data[4] = { 0 };

	bus_pci_config_read(&config, offset, data, bytes);
	return data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
}

static bool write_value(uint32_t offset, uint32_t value, size_t bytes)
{
	const uint8_t data[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
				  (uint8_t)(value >> 24) };

	return bus_pci_config_write(&config, offset, data, bytes);
}

static uint32_t find_capability(uint8_t id)
{
	uint32_t at = read_value(PCI_CAPABILITY_LIST, 1);

	for (int hops = 0; at && hops < 16; hops++) {
		if (read_value(at, 1) == id)
			return at;
		at = read_value(at + 1, 1);
	}
	CU_FAIL_FATAL("the capability is not in the list");
	return 0;
}

static void init_ids_are_those_asked_for(void)
{
	CU_ASSERT_EQUAL(read_value(PCI_VENDOR_ID, 4), 0x56101234);
	CU_ASSERT_EQUAL(read_value(PCI_CLASS_REVISION, 4), 0x02000001);
	CU_ASSERT_EQUAL(read_value(PCI_SUBSYSTEM_VENDOR_ID, 4), 0x56101234);
	CU_ASSERT_EQUAL(read_value(PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
	CU_ASSERT_EQUAL(read_value(PCI_INTERRUPT_PIN, 1), 0);
	bus_pci_config_init(&config, (struct bus_pci_id){ 0xabcd, 0xef01 }, 1);
	CU_ASSERT_EQUAL(read_value(PCI_VENDOR_ID, 4), 0xef01abcd);
	CU_ASSERT_EQUAL(read_value(PCI_SUBSYSTEM_VENDOR_ID, 4), 0xef01abcd);
}

static void write_ones_to_bar_reads_size(void)
{
	static const struct {
		uint32_t bar, bytes;
	} bars[] = { { SVIO_BAR_REGS, SVIO_BAR_REGS_BYTES },
		     { SVIO_BAR_DOORBELL, SVIO_BAR_DOORBELL_BYTES },
		     { SVIO_BAR_MSIX, SVIO_BAR_MSIX_BYTES } };

	for (size_t i = 0; i < 3; i++) {
		uint32_t at = PCI_BASE_ADDRESS_0 + 4 * bars[i].bar;

		CU_ASSERT_EQUAL(read_value(at, 4), PCI_BASE_ADDRESS_MEM_TYPE_32);
		write_value(at, 0xffffffff, 4);
		CU_ASSERT_EQUAL(-(read_value(at, 4) & ~0xfu), bars[i].bytes);
		write_value(at, 0xfe001000 + 0x2000 * bars[i].bar, 4);
		CU_ASSERT_EQUAL(read_value(at, 4),
				(0xfe001000 + 0x2000 * bars[i].bar) & ~(bars[i].bytes - 1));
		/* The BARs in between do not exist. */
		write_value(at + 4, 0xffffffff, 4);
		CU_ASSERT_EQUAL(read_value(at + 4, 4), 0);
	}
	write_value(PCI_ROM_ADDRESS, 0xffffffff, 4);
	CU_ASSERT_EQUAL(read_value(PCI_ROM_ADDRESS, 4), 0);
}

static void capabilities_are_pm_express_msix(void)
{
	uint32_t pm = find_capability(PCI_CAP_ID_PM), exp = find_capability(PCI_CAP_ID_EXP);
	uint32_t msix = find_capability(PCI_CAP_ID_MSIX);

	CU_ASSERT(read_value(PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	CU_ASSERT_EQUAL(read_value(pm + PCI_PM_PMC, 2) & PCI_PM_CAP_VER_MASK, 3);
	CU_ASSERT(read_value(pm + PCI_PM_CTRL, 2) & PCI_PM_CTRL_NO_SOFT_RESET);
	CU_ASSERT_EQUAL(read_value(exp + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_VERS, 2);
	CU_ASSERT_EQUAL(read_value(exp + PCI_EXP_FLAGS, 2) & PCI_EXP_FLAGS_TYPE, 0);
	CU_ASSERT(read_value(exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	CU_ASSERT_EQUAL(read_value(msix + PCI_MSIX_FLAGS, 2), 63);
	CU_ASSERT_EQUAL(read_value(msix + PCI_MSIX_TABLE, 4), SVIO_BAR_MSIX);
	CU_ASSERT_EQUAL(read_value(msix + PCI_MSIX_PBA, 4), 0x1000 | SVIO_BAR_MSIX);
	/* No extended capability. */
	CU_ASSERT_EQUAL(read_value(0x100, 4), 0);
}

static void dma_allowed_follows_bus_master_and_power_state(void)
{
	uint32_t pm = find_capability(PCI_CAP_ID_PM);

	CU_ASSERT_FALSE(bus_pci_config_dma_allowed(&config));
	write_value(PCI_COMMAND, PCI_COMMAND_MASTER, 1); /* one byte of the register */
	CU_ASSERT(bus_pci_config_dma_allowed(&config));
	write_value(pm + PCI_PM_CTRL, 3, 2);
	CU_ASSERT_FALSE(bus_pci_config_dma_allowed(&config));
	write_value(pm + PCI_PM_CTRL, 0, 2);
	CU_ASSERT(bus_pci_config_dma_allowed(&config));
	write_value(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	CU_ASSERT_FALSE(bus_pci_config_dma_allowed(&config));
}

static void write_power_state_that_does_not_exist_changes_nothing(void)
{
	uint32_t control = find_capability(PCI_CAP_ID_PM) + PCI_PM_CTRL;

	write_value(control, 1, 2);
	CU_ASSERT_EQUAL(read_value(control, 1) & 3, 0);
	write_value(control, 3, 2);
	write_value(control, 2, 2);
	CU_ASSERT_EQUAL(read_value(control, 1) & 3, 3);
}

static void write_flr_bit_asks_for_reset_and_reads_zero(void)
{
	uint32_t control = find_capability(PCI_CAP_ID_EXP) + PCI_EXP_DEVCTL;

	CU_ASSERT(write_value(control, PCI_EXP_DEVCTL_BCR_FLR, 2));
	CU_ASSERT_FALSE(read_value(control, 2) & PCI_EXP_DEVCTL_BCR_FLR);
	CU_ASSERT(write_value(control + 1, 0x80, 1)); /* by its own byte */
	CU_ASSERT_FALSE(write_value(control, 0x7fff, 2));
	CU_ASSERT_FALSE(write_value(control + 2, 0xffff, 2));
}

static void reset_undoes_every_write(void)
{
	struct bus_pci_config fresh = config;
	uint8_t ones[BUS_PCI_CONFIG_BYTES];

	memset(ones, 0xff, sizeof(ones));
	CU_ASSERT(bus_pci_config_write(&config, 0, ones, sizeof(ones)));
	CU_ASSERT_NOT_EQUAL(memcmp(&config, &fresh, sizeof(config)), 0);
	bus_pci_config_reset(&config);
	CU_ASSERT_EQUAL(memcmp(&config, &fresh, sizeof(config)), 0);
}

/* Whatever is written: read-only bits stay, and a write is the same as its bytes one by one. */
static void prop_write_is_bytewise_and_keeps_read_only_bits(void)
{
	uint64_t random = svio_test_seed(0x5610);
	struct bus_pci_config single, fresh = config;
	bool same = true, kept = true;

	single = config;
	for (int i = 0; i < 20000; i++) {
		uint8_t data[8];
		uint64_t bits = svio_test_random(&random);
		uint32_t bytes = 1 + bits % 8, offset = (uint32_t)(bits >> 8) % (256 - bytes);

		bits = svio_test_random(&random);
		memcpy(data, &bits, sizeof(data));
		bus_pci_config_write(&config, offset, data, bytes);
		for (uint32_t j = 0; j < bytes; j++)
			bus_pci_config_write(&single, offset + j, data + j, 1);
		same = same && !memcmp(&single, &config, sizeof(config));
		for (size_t j = 0; j < 256; j++)
			kept = kept && !((config.value[j] ^ fresh.value[j]) & ~config.writable[j]);
	}
	CU_ASSERT(same);
	CU_ASSERT(kept);
}

SVIO_TEST_MAIN_WITH("bus PCI configuration space", setup, NULL,
		    SVIO_TEST(init_ids_are_those_asked_for),
		    SVIO_TEST(write_ones_to_bar_reads_size),
		    SVIO_TEST(capabilities_are_pm_express_msix),
		    SVIO_TEST(dma_allowed_follows_bus_master_and_power_state),
		    SVIO_TEST(write_power_state_that_does_not_exist_changes_nothing),
		    SVIO_TEST(write_flr_bit_asks_for_reset_and_reads_zero),
		    SVIO_TEST(reset_undoes_every_write),
		    SVIO_TEST(prop_write_is_bytewise_and_keeps_read_only_bits))
