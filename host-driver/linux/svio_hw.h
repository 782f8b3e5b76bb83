/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Registers (BAR0, each access leaves the guest) and doorbells (BAR2, memory
 * that the device polls).
 */
#ifndef SVIO_HW_H
#define SVIO_HW_H

#include <linux/io.h>
#include <linux/pci.h>
#include <linux/types.h>

#include "svio_regs.h"
#include "svio_ring.h"

/* All words of the register file, for the dump. */
#define SVIO_HW_REGS_WORDS (SVIO_REGS_BYTES / sizeof(u32))

struct svio_hw {
	struct pci_dev *pdev;
	void __iomem *regs;
	struct svio_doorbell_bar __iomem *bar;

	u64 offered; /* SVIO_FEATURE() bits */
	u64 features; /* accepted; constant from probe to remove */
	u32 fw_version;
	u16 max_txqs;
	u16 max_rxqs;
	u16 vectors;
	u16 segs_max;
	u16 mtu_max;
	u16 mac_filters;
	u16 vlan_filters;
	u8 ring_lg2_min;
	u8 ring_lg2_max;
	u8 mac[6];
};

static inline u32 svio_hw_read(const struct svio_hw *hw, enum svio_reg reg)
{
	return readl(hw->regs + reg);
}

static inline void svio_hw_write(const struct svio_hw *hw, enum svio_reg reg, u32 value)
{
	writel(value, hw->regs + reg);
}

static inline bool svio_hw_has(const struct svio_hw *hw, u64 features)
{
	return (hw->features & features) == features;
}

/* Store how far a ring is filled. The caller's descriptors are made visible first. Any context. */
static inline void svio_hw_post(svio_le32 __iomem *word, u32 value)
{
	dma_wmb(); /* descriptors before the tail that covers them */
	writel(value, word);
}

/*
 * The same, and wake a device that sleeps. Returns whether it had to be, which is a trapped
 * access. Pairs with the device's "store asleep, full barrier, look at all doorbells"
 * (SPEC.md 4.2). Any context.
 */
static inline bool svio_hw_ring(const struct svio_hw *hw, svio_le32 __iomem *word, u32 value)
{
	svio_hw_post(word, value);
	mb(); /* the tail before the look at asleep */
	if (likely(!readl(&hw->bar->asleep)))
		return false;
	svio_hw_write(hw, SVIO_REG_WAKE, 1);
	return true;
}

/*
 * Ask for one interrupt once the queue's completion index differs from @index.
 * The caller looks at its ring once more afterwards (SPEC.md 4.3).
 */
static inline void svio_hw_arm(struct svio_doorbell __iomem *db, u32 index)
{
	writel(SVIO_ARM_ENABLE | (index & SVIO_ARM_INDEX), &db->arm);
	mb(); /* the arm before the caller's look at the ring */
}

static inline void svio_hw_mask(struct svio_doorbell __iomem *db)
{
	writel(0, &db->arm);
}

/*
 * Map both BARs. -ENODEV: it is not a device that this driver knows. -EIO: a
 * BAR is missing or too small. Undone by svio_hw_unmap(). May sleep.
 */
int svio_hw_map(struct svio_hw *hw, struct pci_dev *pdev);
void svio_hw_unmap(struct svio_hw *hw);

/*
 * Bring the device to RESET; when it returns 0 the device touches no memory of
 * ours. -ENODEV: the function is gone; -ETIMEDOUT: it does not answer, and bus
 * mastering was taken from it instead. May sleep, up to some seconds.
 */
int svio_hw_reset(struct svio_hw *hw);

/* Read offered features and limits; the device is in RESET. -EPROTO: they make no sense. */
int svio_hw_identify(struct svio_hw *hw);

/* Set hw->features: what is both wanted and offered, less what lacks a feature it needs. */
void svio_hw_accept(struct svio_hw *hw, u64 wanted);

/* Read again what an administrator may have changed: MAC and MTU_MAX. In RESET. */
void svio_hw_refresh(struct svio_hw *hw);

/* RESET to NEGOTIATED with hw->features. -EIO or -ETIMEDOUT. May sleep. */
int svio_hw_negotiate(struct svio_hw *hw);

/* NEGOTIATED to READY; the admin registers are written. -EIO or -ETIMEDOUT. May sleep. */
int svio_hw_enable(struct svio_hw *hw);

/* Whether the function still answers: registers of an unplugged one read all ones. */
bool svio_hw_present(const struct svio_hw *hw);

/* Text of an enum svio_error that came from the device. */
const char *svio_hw_error_text(u32 error);

/* Print why the VIF is in ERROR, rate-limited. */
void svio_hw_error_log(const struct svio_hw *hw);

/* Copy the register file, SVIO_HW_REGS_WORDS words, for the dump. */
void svio_hw_dump(const struct svio_hw *hw, u32 *words);

#endif /* SVIO_HW_H */
