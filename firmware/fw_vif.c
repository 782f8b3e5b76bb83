/* SPDX-License-Identifier: BSD-3-Clause */
/* Life of a VIF: SPEC.md 3.1 for its states, svio_firmware.h for its coming and going. */
#include <errno.h>
#include <string.h>

#include "fw.h"
#include "fw_class.h"
#include "fw_mapq.h"
#include "fw_stage.h"
#include "fw_wait.h"
#include "svio_packet.h"
#include "svio_pci.h"

/* SRAM while it is being cleared: its counters are kept, the rest is worth nothing. */
#define CLEARING (FW_SRAM_MAGIC + 1)

/* At most one line a VIF and second. */
#define LOG_INTERVAL_NS 1000000000u

#define RX_OFFLOADS                                                                 \
	(SVIO_FEATURE(RX_CSUM) | SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_TSO4) | \
	 SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO) | SVIO_FEATURE(RX_VLAN))

#define TO(state) (1u << SVIO_VIF_STATE_##state)

/* Allowed moves: from a state, to a set of states. */
static const uint32_t moves[SVIO_VIF_STATE_COUNT] = {
	[SVIO_VIF_STATE_RESET] = TO(RESET) | TO(NEGOTIATED) | TO(ERROR),
	[SVIO_VIF_STATE_NEGOTIATED] = TO(RESET) | TO(READY) | TO(ERROR),
	[SVIO_VIF_STATE_READY] = TO(RESET) | TO(ERROR),
	[SVIO_VIF_STATE_ERROR] = TO(RESET),
};

/* What is true in each state; called after every move. */
static void settle(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->status == SVIO_VIF_STATE_READY) {
		fw_vif_activate(fw, vif);
		return;
	}
	vif->tx_running = 0;
	vif->rx_running = 0;
	vif->recover = false;
	fw_class_clear(fw, vif);
	fw_wait_forget(fw, vif, UINT32_MAX);
	vif->rx_stalled = 0;
	fw_vif_deactivate(fw, vif);
}

int fw_vif_move(struct svio_fw *fw, struct fw_vif *vif, enum svio_vif_state to)
{
	if (!(moves[vif->status] >> to & 1))
		return -EINVAL;
	vif->status = to;
	SVIO_HAL_STEP(fw->hal);
	fw_reg_set(vif, SVIO_REG_STATUS, to);
	SVIO_HAL_STEP(fw->hal);
	settle(fw, vif);
	return 0;
}

static void log_failure(struct svio_fw *fw, struct fw_vif *vif)
{
	if (fw->now_ns < vif->log_next_ns)
		return;
	vif->log_next_ns = fw->now_ns + LOG_INTERVAL_NS;
	fw_log(fw, vif->id, "stopped by an error: see its ERROR register");
}

void fw_vif_fail(struct svio_fw *fw, struct fw_vif *vif, enum svio_error error,
		 const struct fw_qref *cause, uint64_t addr)
{
	uint32_t info = cause ? cause->kind << 16 | cause->qid : SVIO_QUEUE_ADMIN << 16;

	if (vif->status == SVIO_VIF_STATE_ERROR)
		return;
	fw_reg_set(vif, SVIO_REG_ERROR, error);
	fw_reg_set(vif, SVIO_REG_ERROR_INFO, info);
	fw_reg_set(vif, SVIO_REG_ERROR_ADDR_LO, (uint32_t)addr);
	fw_reg_set(vif, SVIO_REG_ERROR_ADDR_HI, (uint32_t)(addr >> 32));
	log_failure(fw, vif);
	if (vif->status == SVIO_VIF_STATE_READY && error != SVIO_ERROR_ADMIN_RING)
		fw_admin_last_event(fw, vif, error, info, addr);
	fw_vif_move(fw, vif, SVIO_VIF_STATE_ERROR);
}

static void negotiate(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t accepted = (uint64_t)fw_reg_get(vif, SVIO_REG_DRIVER_FEATURES_HI) << 32 |
			    fw_reg_get(vif, SVIO_REG_DRIVER_FEATURES_LO);

	if (!fw_features_valid(vif, accepted)) {
		fw_vif_fail(fw, vif, SVIO_ERROR_FEATURES, NULL, 0);
		return;
	}
	vif->sram->features = accepted;
	vif->sram->offloads = accepted & RX_OFFLOADS;
	fw_vif_move(fw, vif, SVIO_VIF_STATE_NEGOTIATED);
}

static void enable(struct svio_fw *fw, struct fw_vif *vif)
{
	enum svio_error error = fw_admin_begin(fw, vif);

	if (error)
		fw_vif_fail(fw, vif, error, NULL, vif->sram->admin.sq);
	else
		fw_vif_move(fw, vif, SVIO_VIF_STATE_READY);
}

/* sviod sends a write again that a crash left unanswered: it may be done already. */
static bool is_done_already(const struct fw_vif *vif, uint32_t value)
{
	if (vif->control_seen || vif->sram->last_control != value)
		return false;
	if (vif->status == SVIO_VIF_STATE_ERROR)
		return true;
	return (value == SVIO_CONTROL_NEGOTIATE && vif->status == SVIO_VIF_STATE_NEGOTIATED) ||
	       (value == SVIO_CONTROL_ENABLE && vif->status == SVIO_VIF_STATE_READY);
}

void fw_vif_control(struct svio_fw *fw, struct fw_vif *vif, uint32_t value)
{
	uint32_t from = value == SVIO_CONTROL_NEGOTIATE ? SVIO_VIF_STATE_RESET
							: SVIO_VIF_STATE_NEGOTIATED;

	if (value == SVIO_CONTROL_RESET) {
		vif->control_seen = true;
		fw_count(vif, SVIO_COUNTER_resets, 1);
		fw_vif_clear(fw, vif);
		return;
	}
	if (value != SVIO_CONTROL_NEGOTIATE && value != SVIO_CONTROL_ENABLE)
		return;
	if (is_done_already(vif, value)) {
		vif->control_seen = true;
		return;
	}
	vif->control_seen = true;
	vif->sram->last_control = value;
	SVIO_HAL_STEP(fw->hal);
	if (vif->status != from)
		fw_vif_fail(fw, vif, SVIO_ERROR_SEQUENCE, NULL, 0);
	else if (value == SVIO_CONTROL_NEGOTIATE)
		negotiate(fw, vif);
	else
		enable(fw, vif);
}

static void count_promiscuous(struct svio_fw *fw, const struct fw_vif *vif, bool there)
{
	if (vif->sram->rx_mode & SVIO_RX_MODE_PROMISC)
		fw->promisc_count += there ? 1u : -1u;
}

/*
 * All of SRAM but its magic. What nobody wrote to is zero and stays untouched, as pages exist
 * from the first touch on. queue_used and vlan_used go last, with the rest: they are what a
 * repetition needs.
 */
static void clear_sram(struct fw_sram *sram)
{
	uint32_t kind;

	for (kind = SVIO_QUEUE_TX; kind <= SVIO_QUEUE_RX; kind++) {
		uint32_t left;

		for (left = sram->queue_used[kind]; left; left &= left - 1)
			memset(&sram->queue[__builtin_ctz(left)][kind], 0, sizeof(struct fw_queue));
	}
	if (sram->vlan_used)
		memset(sram->vlan_filter, 0, sizeof(sram->vlan_filter));
	memset((char *)sram + sizeof(sram->magic), 0,
	       offsetof(struct fw_sram, queue) - sizeof(sram->magic));
}

/* Power-on. A crash in here leaves CLEARING, and the next firmware begins again. */
void fw_vif_clear(struct svio_fw *fw, struct fw_vif *vif)
{
	struct fw_sram *sram = vif->sram;
	bool fresh = !sram->magic; /* its doorbells are zero, and need not exist yet */

	if (sram->magic == FW_SRAM_MAGIC) {
		fw_switch_statics(fw, vif, false);
		count_promiscuous(fw, vif, false);
	}
	fw_mac_forget_vif(fw->macs, vif->id);
	vif->status = SVIO_VIF_STATE_RESET;
	settle(fw, vif);
	memset(vif->irq_check, 0, sizeof(vif->irq_check));
	memset(vif->irq_unreported, 0, sizeof(vif->irq_unreported));
	/* While SRAM says how much there is. A crash in here leaves less granted, and is repeated. */
	if (sram->magic == FW_SRAM_MAGIC)
		fw_mapq_forget(fw, vif);

	__atomic_store_n(&sram->magic, CLEARING, __ATOMIC_SEQ_CST);
	SVIO_HAL_STEP(fw->hal);
	clear_sram(sram);
	sram->mac = fw_mac_load(vif->slot->config.mac);
	sram->mtu = vif->slot->config.mtu_max;
	fw_regs_reset(fw, vif);
	SVIO_HAL_STEP(fw->hal);
	if (!fresh)
		memset(vif->doorbells, 0, sizeof(*vif->doorbells));
	vif->slot->pending = 0;
	__atomic_store_n(&sram->magic, FW_SRAM_MAGIC, __ATOMIC_SEQ_CST);
	fw_switch_statics(fw, vif, true);
	fw_reg_set(vif, SVIO_REG_STATUS, SVIO_VIF_STATE_RESET);
}

int svio_fw_vif_reset(struct svio_fw *fw, uint32_t id)
{
	struct fw_vif *vif = fw_vif_get(fw, id);

	if (!vif)
		return -ENODEV;
	fw->now_ns = svio_hal_now_ns();
	fw_count(vif, SVIO_COUNTER_resets, 1);
	fw_vif_clear(fw, vif);
	return 0;
}

static bool config_valid(const struct svio_host_vif_config *config)
{
	return config->vlan < FW_MAC_ANY_VLAN && config->txqs && config->rxqs &&
	       config->txqs <= SVIO_QUEUES_MAX && config->rxqs <= SVIO_QUEUES_MAX &&
	       config->vectors && config->vectors <= SVIO_MSIX_VECTORS_MAX &&
	       config->mtu_max >= SVIO_MTU_MIN && config->mtu_max <= SVIO_MTU_MAX &&
	       !svio_mac_is_multicast(config->mac) && fw_mac_load(config->mac);
}

/*
 * What a VIF took while it was trusted ends with the trust: promiscuity, addresses
 * that the administrator did not give it, and what was learned behind it. Not
 * while its statics are in the switch's table.
 */
static void apply_trust(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t *filter = vif->sram->mac_filter;
	uint32_t i;

	if (vif->trusted)
		return;
	vif->sram->rx_mode &= ~(uint32_t)SVIO_RX_MODE_PROMISC;
	fw_mac_forget_vif(fw->macs, vif->id);
	if (vif->slot->config.flags & SVIO_HOST_VIF_MAC_SET)
		return;
	vif->sram->mac = vif->permanent_mac;
	for (i = 0; i < FW_MAC_FILTERS; i++) {
		if (!(filter[i] & 1)) /* multicast stays */
			filter[i] = 0;
	}
}

static uint32_t vlan_key(uint32_t vlan)
{
	return vlan ? vlan : FW_MAC_ANY_VLAN;
}

/* Copy what the packet path wants at hand. */
static void cache_config(struct svio_fw *fw, struct fw_vif *vif)
{
	const struct svio_host_vif_config *config = &vif->slot->config;

	vif->vlan = config->vlan;
	vif->trusted = config->flags & SVIO_HOST_VIF_TRUSTED;
	vif->permanent_mac = fw_mac_load(config->mac);
	svio_sched_meter_set(&vif->rx_meter, config->rx_max_bps, 0, fw->now_ns);
	vif->rx_wait_ns = config->rx_wait_us * 1000ull;
}

/*
 * Changes of config that no firmware was told of: sviod leaves out a VIF_UPDATE
 * that the replay covers. The registers show what the guest knows so far.
 */
static void catch_up(struct svio_fw *fw, struct fw_vif *vif)
{
	uint64_t mac = (uint64_t)fw_reg_get(vif, SVIO_REG_MAC_HI) << 32 |
		       fw_reg_get(vif, SVIO_REG_MAC_LO);

	if (vif->sram->mac == mac)
		vif->sram->mac = vif->permanent_mac;
	if (vif->sram->mtu > vif->slot->config.mtu_max)
		vif->sram->mtu = vif->slot->config.mtu_max;
	fw_vif_link_event(fw, vif);
	fw_regs_refresh(fw, vif);
	apply_trust(fw, vif);
}

/* Go on with what an earlier firmware left; rings are reconciled when they are first used. */
static void resume(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t status = fw_reg_get(vif, SVIO_REG_STATUS);
	uint32_t qid;

	vif->status = status < SVIO_VIF_STATE_COUNT ? status : SVIO_VIF_STATE_ERROR;
	catch_up(fw, vif);
	fw_switch_statics(fw, vif, true);
	count_promiscuous(fw, vif, true);
	svio_rss_prepare(vif->rss, vif->sram->rss_key);
	if (status >= SVIO_VIF_STATE_COUNT)
		fw_reg_set(vif, SVIO_REG_ERROR, SVIO_ERROR_INTERNAL);
	fw_reg_set(vif, SVIO_REG_STATUS, vif->status);
	if (vif->status != SVIO_VIF_STATE_READY)
		return;
	for (qid = 0; qid < SVIO_QUEUES_MAX; qid++) {
		if (vif->sram->queue[qid][SVIO_QUEUE_TX].state == FW_QUEUE_RUNNING)
			vif->tx_running |= 1u << qid;
		if (vif->sram->queue[qid][SVIO_QUEUE_RX].state == FW_QUEUE_RUNNING)
			vif->rx_running |= 1u << qid;
	}
	fw_mapq_resume(vif);
	vif->recover = true;
	fw_vif_activate(fw, vif);
}

/* What a VIF keeps over resets and crashes, but not over its deletion. */
static void clear_accounts(struct svio_host_vif *slot)
{
	memset(slot->regs, 0, sizeof(slot->regs));
	memset(slot->counters, 0, sizeof(slot->counters));
	memset(&slot->live, 0, sizeof(slot->live));
	memset(slot->class_live, 0, sizeof(slot->class_live));
	slot->descriptors = 0;
	slot->walks = 0;
}

/* SRAM is new, or of a firmware with another layout: what that one granted is not known. */
static void forget_stranger(struct svio_fw *fw, struct fw_vif *vif)
{
	if (vif->sram->magic) {
		memset(vif->sram->queue_used, 0xff, sizeof(vif->sram->queue_used));
		vif->sram->vlan_used = 1;
		vif->sram->map_end = SVIO_MAP_PAGES_MAX;
		fw_stage_clear(fw, vif);
	}
	clear_accounts(vif->slot);
}

int svio_fw_vif_add(struct svio_fw *fw, uint32_t id)
{
	struct svio_host_vif *slot;
	struct fw_vif *vif;
	int error;

	if (id >= fw->vifs_max || !fw->slots[id].in_use || !config_valid(&fw->slots[id].config))
		return -EINVAL;
	vif = &fw->vifs[id];
	slot = &fw->slots[id];
	if (vif->slot)
		return -EEXIST;
	fw->now_ns = svio_hal_now_ns();
	memset(vif, 0, sizeof(*vif));
	vif->doorbells = svio_hal_doorbells(fw->hal, id);
	if (!vif->doorbells || !fw_mac_static_free(fw->macs, fw_mac_load(slot->config.mac),
						   vlan_key(slot->config.vlan), id))
		return -EINVAL;
	vif->id = id;
	vif->sram = (struct fw_sram *)(void *)slot->private_state;
	vif->rss = &fw->rss[id];
	vif->slot = slot;
	vif->map = &fw->maps[id];
	if (vif->sram->magic != FW_SRAM_MAGIC && vif->sram->magic != CLEARING)
		forget_stranger(fw, vif);
	error = fw_qos_add(fw, vif);
	if (error) {
		vif->slot = NULL;
		return error;
	}
	if (fw->vifs_end <= id)
		fw->vifs_end = id + 1;
	cache_config(fw, vif);
	if (vif->sram->magic == FW_SRAM_MAGIC) {
		resume(fw, vif);
		return 0;
	}
	fw_vif_clear(fw, vif);
	return 0;
}

int svio_fw_vif_del(struct svio_fw *fw, uint32_t id)
{
	struct fw_vif *vif = fw_vif_get(fw, id);
	struct svio_host_vif *slot;

	if (!vif)
		return -ENODEV;
	slot = vif->slot;
	fw_vif_clear(fw, vif);
	fw_switch_statics(fw, vif, false);
	fw_qos_del(fw, vif);
	vif->slot = NULL;
	fw_irq_run(fw, true); /* takes it off the list */
	__atomic_store_n(&vif->sram->magic, CLEARING, __ATOMIC_SEQ_CST);
	clear_sram(vif->sram);
	clear_accounts(slot);
	__atomic_store_n(&vif->sram->magic, 0, __ATOMIC_SEQ_CST);
	return 0;
}

int svio_fw_vif_update(struct svio_fw *fw, uint32_t id)
{
	struct fw_vif *vif = fw_vif_get(fw, id);
	const struct svio_host_vif_config *config;
	uint64_t mac;
	int error;

	if (!vif)
		return -ENODEV;
	config = &vif->slot->config;
	mac = fw_mac_load(config->mac);
	if (!config_valid(config) || !fw_mac_static_free(fw->macs, mac, vlan_key(config->vlan), id))
		return -EINVAL;
	fw->now_ns = svio_hal_now_ns();
	error = fw_qos_update(fw, vif);
	if (error)
		return error;
	fw_switch_statics(fw, vif, false);
	if (vif->vlan != config->vlan)
		fw_mac_forget_vif(fw->macs, id); /* its stations are not in the old VLAN any more */
	if (vif->sram->mac == vif->permanent_mac)
		vif->sram->mac = mac;
	cache_config(fw, vif);
	count_promiscuous(fw, vif, false);
	apply_trust(fw, vif);
	count_promiscuous(fw, vif, true);
	fw_switch_statics(fw, vif, true);
	if (vif->sram->mtu > config->mtu_max)
		vif->sram->mtu = config->mtu_max;
	fw_vif_link_event(fw, vif);
	fw_regs_refresh(fw, vif);
	fw_vif_activate(fw, vif);
	return 0;
}

/* A VIF's link is the switch's: VIFs reach each other whatever the wire does. */
uint32_t fw_vif_link(const struct fw_vif *vif)
{
	return vif->slot->config.flags & SVIO_HOST_VIF_LINK_DOWN ? 0 : SVIO_LINK_UP;
}

uint32_t fw_vif_speed(const struct svio_fw *fw, const struct fw_vif *vif)
{
	uint64_t mbps = vif->qos.set.node.max_bps / 1000000;

	return mbps ? (uint32_t)mbps : fw->link_speed;
}

/* Tell the guest if link or speed differ from what the registers said. */
void fw_vif_link_event(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t link = fw_vif_link(vif);
	uint32_t speed = fw_vif_speed(fw, vif);

	if (fw_reg_get(vif, SVIO_REG_LINK) == link && fw_reg_get(vif, SVIO_REG_LINK_SPEED) == speed)
		return;
	fw_reg_set(vif, SVIO_REG_LINK, link);
	fw_reg_set(vif, SVIO_REG_LINK_SPEED, speed);
	if (vif->status == SVIO_VIF_STATE_READY)
		fw_admin_event(fw, vif, SVIO_EVENT_LINK);
}

void svio_fw_wire_link(struct svio_fw *fw, bool up, uint32_t speed_mbps)
{
	uint32_t id;

	fw->link_speed = speed_mbps;
	__atomic_store_n(&fw->segment->wire_link, up ? SVIO_LINK_UP : 0, __ATOMIC_RELAXED);
	__atomic_store_n(&fw->segment->wire_speed, speed_mbps, __ATOMIC_RELAXED);
	for (id = 0; id < fw->vifs_end; id++) {
		if (fw->vifs[id].slot)
			fw_vif_link_event(fw, &fw->vifs[id]);
	}
}
