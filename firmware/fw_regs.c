/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * BAR0 (SPEC.md, chapter 3). Reads are answered by sviod from the image in the
 * slot, which is kept current here; writes come one by one. Access rules and
 * reset values are those of SVIO_REG_LIST.
 */
#include <errno.h>
#include <string.h>

#include "fw.h"
#include "svio_pci.h"

enum reg_access {
	RO,
	RW,
	WO
};

struct reg {
	uint16_t offset;
	uint16_t access;
	uint32_t reset;
};

static const struct reg regs[] = {
#define REG_ROW(name, at, how, value, text) { .offset = (at), .access = (how), .reset = (value) },
	SVIO_REG_LIST(REG_ROW)
#undef REG_ROW
};

#define REGS_COUNT (sizeof(regs) / sizeof(regs[0]))

#define RING_LIMITS (SVIO_RING_LG2_MAX << 16 | SVIO_RING_LG2_MIN)
#define FW_VERSION \
	(SVIO_FW_VERSION_MAJOR << 16 | SVIO_FW_VERSION_MINOR << 8 | SVIO_FW_VERSION_PATCH)

struct feature {
	uint64_t bit;
	uint64_t needs;
};

static const struct feature features[] = {
#define FEATURE_ROW(name, bit_number, mask, text) { 1ull << (bit_number), (mask) },
	SVIO_FEATURE_LIST(FEATURE_ROW)
#undef FEATURE_ROW
};

#define FEATURES_COUNT (sizeof(features) / sizeof(features[0]))

static bool has_map_queue(const struct fw_vif *vif)
{
	return vif->slot->config.flags & SVIO_HOST_VIF_MAP_QUEUE;
}

uint64_t fw_features_offered(const struct fw_vif *vif)
{
	uint64_t offered = 0;
	uint32_t i;

	for (i = 0; i < FEATURES_COUNT; i++)
		offered |= features[i].bit;
	return has_map_queue(vif) ? offered : offered & ~SVIO_FEATURE(MAP_QUEUE);
}

bool fw_features_valid(const struct fw_vif *vif, uint64_t accepted)
{
	uint32_t i;

	if (accepted & ~fw_features_offered(vif))
		return false;
	for (i = 0; i < FEATURES_COUNT; i++) {
		if (accepted & features[i].bit &&
		    (accepted & features[i].needs) != features[i].needs)
			return false;
	}
	return true;
}

uint32_t fw_reg_get(const struct fw_vif *vif, uint32_t offset)
{
	const uint32_t *word = (const uint32_t *)(const void *)(vif->slot->regs + offset);

	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

void fw_reg_set(struct fw_vif *vif, uint32_t offset, uint32_t value)
{
	uint32_t *word = (uint32_t *)(void *)(vif->slot->regs + offset);

	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* What config and the firmware decide. */
void fw_regs_refresh(struct svio_fw *fw, struct fw_vif *vif)
{
	const struct svio_host_vif_config *config = &vif->slot->config;
	uint64_t mac = fw_mac_load(config->mac);

	fw_reg_set(vif, SVIO_REG_FEATURES_LO, (uint32_t)fw_features_offered(vif));
	fw_reg_set(vif, SVIO_REG_FEATURES_HI, (uint32_t)(fw_features_offered(vif) >> 32));
	fw_reg_set(vif, SVIO_REG_MAC_LO, (uint32_t)mac);
	fw_reg_set(vif, SVIO_REG_MAC_HI, (uint32_t)(mac >> 32));
	fw_reg_set(vif, SVIO_REG_MTU_MAX, config->mtu_max);
	fw_reg_set(vif, SVIO_REG_LINK, fw_vif_link(vif));
	fw_reg_set(vif, SVIO_REG_LINK_SPEED, fw_vif_speed(fw, vif));
	fw_reg_set(vif, SVIO_REG_QUEUES, (uint32_t)config->txqs << 16 | config->rxqs);
	fw_reg_set(vif, SVIO_REG_VECTORS, config->vectors);
	fw_reg_set(vif, SVIO_REG_RING_LIMITS, RING_LIMITS);
	fw_reg_set(vif, SVIO_REG_SEGS_MAX, SVIO_TX_SEGS_MAX);
	fw_reg_set(vif, SVIO_REG_TABLES, (uint32_t)FW_MAC_FILTERS << 16 | FW_VLAN_FILTERS);
	fw_reg_set(vif, SVIO_REG_MAP_PAGES, has_map_queue(vif) ? SVIO_MAP_PAGES_MAX : 0);
	fw_reg_set(vif, SVIO_REG_FW_VERSION, FW_VERSION);
	fw_reg_set(vif, SVIO_REG_FW_GENERATION, fw->segment->fw_generation);
}

/* Everything as after power-on; the counter window stays. STATUS is the caller's. */
void fw_regs_reset(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t i;

	for (i = 0; i < REGS_COUNT; i++) {
		if (regs[i].offset != SVIO_REG_STATUS)
			fw_reg_set(vif, regs[i].offset, regs[i].reset);
	}
	fw_regs_refresh(fw, vif);
}

static void take_snapshot(struct fw_vif *vif)
{
	uint64_t *window = (uint64_t *)(void *)(vif->slot->regs + SVIO_REG_COUNTERS);
	uint32_t i;

	for (i = 0; i < SVIO_COUNTER_COUNT; i++)
		__atomic_store_n(&window[i], vif->slot->counters[i], __ATOMIC_RELAXED);
}

static const struct reg *find_reg(uint32_t offset)
{
	uint32_t i;

	for (i = 0; i < REGS_COUNT; i++) {
		if (regs[i].offset == offset)
			return &regs[i];
	}
	return NULL;
}

int svio_fw_reg_write(struct svio_fw *fw, uint32_t id, uint32_t offset, uint32_t value)
{
	struct fw_vif *vif = fw_vif_get(fw, id);
	const struct reg *reg;

	if (!vif)
		return -ENODEV;
	if (offset % 4 || offset >= SVIO_BAR_REGS_BYTES)
		return -EINVAL;
	fw->now_ns = svio_hal_now_ns();
	reg = find_reg(offset);
	if (!reg || reg->access == RO)
		return 0;
	if (reg->access == RW)
		fw_reg_set(vif, offset, value);
	else if (offset == SVIO_REG_CONTROL)
		fw_vif_control(fw, vif, value);
	else if (offset == SVIO_REG_SNAPSHOT)
		take_snapshot(vif);
	else if (offset == SVIO_REG_WAKE)
		fw_vif_activate(fw, vif);
	return 0;
}
