/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands about what a VIF receives, and in which queue. */
#include <string.h>

#include "fw_admin.h"
#include "fw_dma.h"
#include "svio_packet.h"

#define MAC_OFFSET FW_ADMIN_OFFSET(mac.mac)

static uint32_t vlan_of(const struct fw_vif *vif)
{
	return vif->vlan ? vif->vlan : FW_MAC_ANY_VLAN;
}

/* May this VIF own addresses that the administrator did not give it? */
static bool may_choose_mac(const struct fw_vif *vif)
{
	uint32_t flags = __atomic_load_n(&vif->slot->config.flags, __ATOMIC_RELAXED);

	return flags & (SVIO_HOST_VIF_MAC_SET | SVIO_HOST_VIF_TRUSTED);
}

static bool is_unicast(uint64_t mac)
{
	return mac && !(mac & 1);
}

static uint64_t *find_filter(struct fw_vif *vif, uint64_t mac)
{
	uint32_t i;

	for (i = 0; i < FW_MAC_FILTERS; i++) {
		if (vif->sram->mac_filter[i] == mac)
			return &vif->sram->mac_filter[i];
	}
	return NULL;
}

enum svio_admin_status fw_admin_mac_set(struct fw_admin_call *call)
{
	uint64_t mac = fw_mac_load(call->cmd->mac.mac);
	struct fw_vif *vif = call->vif;

	if (!is_unicast(mac))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, MAC_OFFSET);
	if (mac != vif->permanent_mac && !may_choose_mac(vif))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_DENIED, MAC_OFFSET);
	if (!fw_mac_static_free(call->fw->macs, mac, vlan_of(vif), vif->id))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_DENIED, MAC_OFFSET);
	fw_admin_commit(call);
	fw_switch_statics(call->fw, vif, false);
	vif->sram->mac = mac;
	fw_switch_statics(call->fw, vif, true);
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_mac_add(struct fw_admin_call *call)
{
	uint64_t mac = fw_mac_load(call->cmd->mac.mac);
	struct fw_vif *vif = call->vif;
	uint64_t *slot;

	if (!mac)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD, MAC_OFFSET);
	if (find_filter(vif, mac)) {
		if (call->repeat)
			return SVIO_ADMIN_STATUS_OK;
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_EXISTS, MAC_OFFSET);
	}
	/* Otherwise a guest could draw to itself what goes to any address behind the wire. */
	if (is_unicast(mac) && (!may_choose_mac(vif) ||
				!fw_mac_static_free(call->fw->macs, mac, vlan_of(vif), vif->id)))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_DENIED, MAC_OFFSET);
	slot = find_filter(vif, 0);
	if (!slot)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_NO_SPACE, MAC_OFFSET);
	fw_admin_commit(call);
	*slot = mac;
	fw_switch_statics(call->fw, vif, true);
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_mac_del(struct fw_admin_call *call)
{
	uint64_t mac = fw_mac_load(call->cmd->mac.mac);
	struct fw_vif *vif = call->vif;
	uint64_t *slot = mac ? find_filter(vif, mac) : NULL;

	if (!slot) {
		if (call->repeat)
			return SVIO_ADMIN_STATUS_OK;
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_MISSING, MAC_OFFSET);
	}
	fw_admin_commit(call);
	fw_switch_statics(call->fw, vif, false);
	*slot = 0;
	fw_switch_statics(call->fw, vif, true);
	return SVIO_ADMIN_STATUS_OK;
}

static enum svio_admin_status set_vlan(struct fw_admin_call *call, bool there)
{
	uint32_t vid = call->cmd->vlan.vid;
	uint64_t *word;
	uint64_t bit;

	if (!vid || vid > FW_VLAN_FILTERS)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(vlan.vid));
	word = &call->vif->sram->vlan_filter[vid / 64];
	bit = 1ull << (vid % 64);
	if (!!(*word & bit) == there && !call->repeat)
		return fw_admin_refuse(call,
				       there ? SVIO_ADMIN_STATUS_EXISTS : SVIO_ADMIN_STATUS_MISSING,
				       FW_ADMIN_OFFSET(vlan.vid));
	call->vif->sram->vlan_used = 1;
	fw_admin_commit(call);
	*word = there ? *word | bit : *word & ~bit;
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_vlan_add(struct fw_admin_call *call)
{
	return set_vlan(call, true);
}

enum svio_admin_status fw_admin_vlan_del(struct fw_admin_call *call)
{
	return set_vlan(call, false);
}

enum svio_admin_status fw_admin_rx_mode_set(struct fw_admin_call *call)
{
	uint32_t flags = call->cmd->rx_mode.flags;
	uint32_t was = call->vif->sram->rx_mode;

	if (flags & ~(uint32_t)SVIO_RX_MODE_FLAGS)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(rx_mode.flags));
	if (flags & SVIO_RX_MODE_PROMISC && !call->vif->trusted)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_DENIED,
				       FW_ADMIN_OFFSET(rx_mode.flags));
	fw_admin_commit(call);
	call->vif->sram->rx_mode = flags;
	if (flags & SVIO_RX_MODE_PROMISC && !(was & SVIO_RX_MODE_PROMISC))
		call->fw->promisc_count++;
	else if (!(flags & SVIO_RX_MODE_PROMISC) && was & SVIO_RX_MODE_PROMISC)
		call->fw->promisc_count--;
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_rss_set(struct fw_admin_call *call)
{
	const struct svio_admin_rss *body = &call->cmd->rss;
	struct fw_vif *vif = call->vif;

	if (body->types & ~(uint32_t)SVIO_RSS_TYPES)
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(rss.types));
	fw_admin_commit(call);
	memcpy(vif->sram->rss_key, body->key, sizeof(vif->sram->rss_key));
	vif->sram->rss_types = body->types;
	svio_rss_prepare(vif->rss, vif->sram->rss_key);
	return SVIO_ADMIN_STATUS_OK;
}

enum svio_admin_status fw_admin_rss_table_set(struct fw_admin_call *call)
{
	const struct svio_admin_buffer *body = &call->cmd->buffer;
	struct fw_qref ref = { .vif = call->vif, .kind = SVIO_QUEUE_ADMIN };
	uint8_t table[SVIO_RSS_TABLE_ENTRIES];
	uint32_t i;

	if (body->len != sizeof(table))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_FIELD,
				       FW_ADMIN_OFFSET(buffer.len));
	if (!fw_dma_mapped(call->fw, &ref, body->addr, sizeof(table), FW_READ) ||
	    fw_dma_read(call->fw, &ref, body->addr, table, sizeof(table)))
		return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_ADDRESS,
				       FW_ADMIN_OFFSET(buffer.addr));
	for (i = 0; i < sizeof(table); i++) {
		if (table[i] >= SVIO_QUEUES_MAX ||
		    call->vif->sram->queue[table[i]][SVIO_QUEUE_RX].state == FW_QUEUE_NONE)
			return fw_admin_refuse(call, SVIO_ADMIN_STATUS_BAD_QUEUE,
					       FW_ADMIN_OFFSET(buffer.addr));
	}
	fw_admin_commit(call);
	memcpy(call->vif->sram->rss_table, table, sizeof(table));
	return SVIO_ADMIN_STATUS_OK;
}
