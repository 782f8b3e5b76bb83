// SPDX-License-Identifier: GPL-2.0-only
#include "svio_hw.h"

#include <linux/bitfield.h>
#include <linux/etherdevice.h>
#include <linux/iopoll.h>

#include "svio_error.h"
#include "svio_pci.h"

/*
 * A state change is complete when the write returns, except while the host
 * replaces the device's firmware: the bound is far above such a pause.
 */
#define STATE_POLL_US 500
#define STATE_TIMEOUT_US (5 * USEC_PER_SEC)

#define HIGH16 GENMASK(31, 16)
#define LOW16 GENMASK(15, 0)

static const char *const error_texts[] = {
#define ERROR_TEXT(name, number, text) \
	[number] = text,
	SVIO_ERROR_LIST(ERROR_TEXT)
#undef ERROR_TEXT
};

const char *svio_hw_error_text(u32 error)
{
	return error < ARRAY_SIZE(error_texts) ? error_texts[error] : "unknown reason";
}

int svio_hw_map(struct svio_hw *hw, struct pci_dev *pdev)
{
	hw->pdev = pdev;
	if (pci_resource_len(pdev, SVIO_BAR_REGS) < SVIO_BAR_REGS_BYTES ||
	    pci_resource_len(pdev, SVIO_BAR_DOORBELL) < SVIO_BAR_DOORBELL_BYTES) {
		dev_err(&pdev->dev, "BAR0 or BAR2 is missing or too small\n");
		return -EIO;
	}
	hw->regs = pci_iomap(pdev, SVIO_BAR_REGS, SVIO_BAR_REGS_BYTES);
	if (!hw->regs)
		return -EIO;
	hw->bar = pci_iomap(pdev, SVIO_BAR_DOORBELL, SVIO_BAR_DOORBELL_BYTES);
	if (!hw->bar) {
		pci_iounmap(pdev, hw->regs);
		return -EIO;
	}
	return 0;
}

void svio_hw_unmap(struct svio_hw *hw)
{
	pci_iounmap(hw->pdev, hw->bar);
	pci_iounmap(hw->pdev, hw->regs);
}

bool svio_hw_present(const struct svio_hw *hw)
{
	return svio_hw_read(hw, SVIO_REG_MAGIC) == SVIO_MAGIC;
}

/* Write CONTROL and wait for the state that it leads to. */
static int control(struct svio_hw *hw, u32 command, enum svio_vif_state want)
{
	u32 state;
	int err;

	svio_hw_write(hw, SVIO_REG_CONTROL, command);
	err = readl_poll_timeout(hw->regs + SVIO_REG_STATUS, state,
				 state == want || state >= SVIO_VIF_STATE_COUNT ||
				 (state == SVIO_VIF_STATE_ERROR && command != SVIO_CONTROL_RESET),
				 STATE_POLL_US, STATE_TIMEOUT_US);
	if (err)
		return err;
	if (state == want)
		return 0;
	if (state >= SVIO_VIF_STATE_COUNT)
		return -ENODEV;
	svio_hw_error_log(hw);
	return -EIO;
}

int svio_hw_reset(struct svio_hw *hw)
{
	int err;

	err = control(hw, SVIO_CONTROL_RESET, SVIO_VIF_STATE_RESET);
	if (err) {
		dev_err(&hw->pdev->dev, "device does not answer to a reset: %pe\n", ERR_PTR(err));
		/* Memory is about to be freed: nobody may write to it from now on. */
		pci_clear_master(hw->pdev);
	}
	return err;
}

static void read_mac(struct svio_hw *hw)
{
	u32 low = svio_hw_read(hw, SVIO_REG_MAC_LO);
	u32 high = svio_hw_read(hw, SVIO_REG_MAC_HI);
	int i;

	for (i = 0; i < 4; i++)
		hw->mac[i] = low >> (8 * i);
	hw->mac[4] = high;
	hw->mac[5] = high >> 8;
}

static u16 read_mtu_max(const struct svio_hw *hw)
{
	return min_t(u32, svio_hw_read(hw, SVIO_REG_MTU_MAX), SVIO_MTU_MAX);
}

void svio_hw_refresh(struct svio_hw *hw)
{
	read_mac(hw);
	hw->mtu_max = max_t(u16, read_mtu_max(hw), SVIO_MTU_MIN);
}

static void read_limits(struct svio_hw *hw)
{
	u32 queues = svio_hw_read(hw, SVIO_REG_QUEUES);
	u32 limits = svio_hw_read(hw, SVIO_REG_RING_LIMITS);
	u32 tables = svio_hw_read(hw, SVIO_REG_TABLES);

	hw->max_txqs = min_t(u32, FIELD_GET(HIGH16, queues), SVIO_QUEUES_MAX);
	hw->max_rxqs = min_t(u32, FIELD_GET(LOW16, queues), SVIO_QUEUES_MAX);
	hw->vectors = svio_hw_read(hw, SVIO_REG_VECTORS);
	hw->segs_max = min_t(u32, svio_hw_read(hw, SVIO_REG_SEGS_MAX), SVIO_TX_SEGS_MAX);
	hw->mtu_max = read_mtu_max(hw);
	hw->ring_lg2_max = min_t(u32, FIELD_GET(HIGH16, limits), SVIO_RING_LG2_MAX);
	hw->ring_lg2_min = max_t(u32, FIELD_GET(LOW16, limits), SVIO_RING_LG2_MIN);
	hw->mac_filters = FIELD_GET(HIGH16, tables);
	hw->vlan_filters = FIELD_GET(LOW16, tables);
	hw->fw_version = svio_hw_read(hw, SVIO_REG_FW_VERSION);
}

int svio_hw_identify(struct svio_hw *hw)
{
	struct device *dev = &hw->pdev->dev;
	u32 version;

	if (!svio_hw_present(hw)) {
		dev_err(dev, "not an svio VIF, or not powered: no magic number in BAR0\n");
		return -ENODEV;
	}
	version = svio_hw_read(hw, SVIO_REG_VERSION);
	if (FIELD_GET(HIGH16, version) != SVIO_VERSION_MAJOR) {
		dev_err(dev, "device speaks interface %u.%u, this driver %u.x: update the driver\n",
			(u32)FIELD_GET(HIGH16, version), (u32)FIELD_GET(LOW16, version),
			SVIO_VERSION_MAJOR);
		return -ENODEV;
	}
	hw->offered = svio_hw_read(hw, SVIO_REG_FEATURES_LO) |
		      (u64)svio_hw_read(hw, SVIO_REG_FEATURES_HI) << 32;
	read_mac(hw);
	read_limits(hw);
	if (!hw->max_txqs || !hw->max_rxqs || hw->segs_max < 2 || hw->mtu_max < SVIO_MTU_MIN ||
	    hw->ring_lg2_min > hw->ring_lg2_max) {
		dev_err(dev, "device reports limits that make no sense\n");
		return -EPROTO;
	}
	return 0;
}

void svio_hw_accept(struct svio_hw *hw, u64 wanted)
{
	static const struct {
		u64 feature;
		u64 needs;
	} list[] = {
#define FEATURE_NEEDS(name, bit, needs, text) { BIT_ULL(bit), needs },
		SVIO_FEATURE_LIST(FEATURE_NEEDS)
#undef FEATURE_NEEDS
	};
	u64 known = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(list); i++)
		known |= list[i].feature;
	hw->features = hw->offered & wanted & known;
	/* What a feature needs has a lower bit: one pass in the list's order is enough. */
	for (i = 0; i < ARRAY_SIZE(list); i++)
		if (!svio_hw_has(hw, list[i].needs))
			hw->features &= ~list[i].feature;
}

int svio_hw_negotiate(struct svio_hw *hw)
{
	svio_hw_write(hw, SVIO_REG_DRIVER_FEATURES_LO, lower_32_bits(hw->features));
	svio_hw_write(hw, SVIO_REG_DRIVER_FEATURES_HI, upper_32_bits(hw->features));
	return control(hw, SVIO_CONTROL_NEGOTIATE, SVIO_VIF_STATE_NEGOTIATED);
}

int svio_hw_enable(struct svio_hw *hw)
{
	return control(hw, SVIO_CONTROL_ENABLE, SVIO_VIF_STATE_READY);
}

void svio_hw_error_log(const struct svio_hw *hw)
{
	u32 error = svio_hw_read(hw, SVIO_REG_ERROR);
	u32 info = svio_hw_read(hw, SVIO_REG_ERROR_INFO);
	u64 address = svio_hw_read(hw, SVIO_REG_ERROR_ADDR_LO) |
		      (u64)svio_hw_read(hw, SVIO_REG_ERROR_ADDR_HI) << 32;

	dev_err_ratelimited(&hw->pdev->dev,
			    "device stopped: %s (reason %u, kind %u, queue %u, address %#llx)\n",
			    svio_hw_error_text(error), error, (u32)FIELD_GET(HIGH16, info),
			    (u32)FIELD_GET(LOW16, info), address);
}

void svio_hw_dump(const struct svio_hw *hw, u32 *words)
{
	static const u16 offsets[] = {
#define REG_OFFSET(name, offset, access, reset, text) offset,
		SVIO_REG_LIST(REG_OFFSET)
#undef REG_OFFSET
	};
	int i;

	memset(words, 0, SVIO_REGS_BYTES);
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		words[offsets[i] / sizeof(u32)] = readl(hw->regs + offsets[i]);
}
