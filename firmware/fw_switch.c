/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The switch: who receives a packet.
 *
 * Unicast goes to the VIF that has the address in the packet's VLAN, else to the
 * wire; broadcast and multicast to all of the VLAN and the wire. Promiscuous
 * VIFs get a copy. Nothing goes back to where it came from. The books: what k
 * receivers make of one packet adds k - 1 copies; with none it is a switch_drop.
 */
#include "fw_packet.h"
#include "fw_rx.h"

/* Does the VIF see this VLAN? */
static bool is_member(const struct fw_vif *vif, uint32_t vlan)
{
	return !vif->vlan || vif->vlan == vlan;
}

/* A trunk's own choice of VLANs. */
static bool passes_vlan_filter(const struct fw_vif *vif, uint32_t vlan)
{
	if (vif->vlan || !vlan || !fw_feature(vif, SVIO_FEATURE(VLAN_FILTER)))
		return true;
	return vif->sram->vlan_filter[vlan / 64] >> (vlan % 64) & 1;
}

static bool wants_multicast(const struct fw_vif *vif, const struct fw_packet *packet)
{
	uint32_t i;

	if (packet->broadcast || !fw_feature(vif, SVIO_FEATURE(MAC_FILTER)) ||
	    vif->sram->rx_mode & (SVIO_RX_MODE_ALLMULTI | SVIO_RX_MODE_PROMISC))
		return true;
	for (i = 0; i < FW_MAC_FILTERS; i++) {
		if (vif->sram->mac_filter[i] == packet->dst)
			return true;
	}
	return false;
}

static uint32_t flood(struct svio_fw *fw, struct fw_packet *packet)
{
	uint32_t copies = 0;
	uint32_t id;

	for (id = 0; id < fw->vifs_end; id++) {
		struct fw_vif *vif = &fw->vifs[id];

		if (!vif->rx_running || id == packet->source || !is_member(vif, packet->vlan) ||
		    !passes_vlan_filter(vif, packet->vlan) || !wants_multicast(vif, packet))
			continue;
		copies += fw_rx_deliver(fw, vif, packet);
	}
	if (packet->source != FW_WIRE)
		copies += fw_wire_send(fw, packet);
	return copies;
}

/* Copies of unicast for whoever listens to all. owner has its own already. */
static uint32_t to_promiscuous(struct svio_fw *fw, struct fw_packet *packet, uint32_t owner)
{
	uint32_t copies = 0;
	uint32_t id;

	for (id = 0; id < fw->vifs_end; id++) {
		struct fw_vif *vif = &fw->vifs[id];

		if (!vif->rx_running || id == packet->source || id == owner ||
		    !(vif->sram->rx_mode & SVIO_RX_MODE_PROMISC) || !is_member(vif, packet->vlan))
			continue;
		copies += fw_rx_deliver(fw, vif, packet);
	}
	return copies;
}

/* In place of a number of copies: the packet has to wait. */
#define WAITS UINT32_MAX

static uint32_t unicast(struct svio_fw *fw, struct fw_packet *packet)
{
	uint32_t owner = fw_mac_find(fw->macs, packet->dst, packet->vlan, fw->now_ns);
	uint32_t copies = 0;

	packet->owner = owner;
	if (owner == FW_MAC_NOBODY) {
		if (packet->source != FW_WIRE)
			copies = fw_wire_send(fw, packet);
	} else if (owner != packet->source) {
		struct fw_vif *vif = &fw->vifs[owner];

		if (!passes_vlan_filter(vif, packet->vlan)) {
			fw_count(vif, SVIO_COUNTER_rx_drop_filter, 1);
			copies = 1;
		} else {
			if (vif->rx_wait_ns && packet->source != FW_WIRE &&
			    fw_rx_must_wait(fw, vif, packet))
				return WAITS;
			copies = fw_rx_deliver(fw, vif, packet);
		}
	}
	if (fw->promisc_count)
		copies += to_promiscuous(fw, packet, owner);
	return copies;
}

bool fw_switch_forward(struct svio_fw *fw, struct fw_packet *packet)
{
	uint32_t copies = packet->multicast ? flood(fw, packet) : unicast(fw, packet);

	if (copies == WAITS)
		return false;
	fw->section_copies += copies;
	if (!copies)
		fw_device_count(fw, SVIO_DEVICE_COUNTER_switch_drop, 1);
	else if (copies > 1)
		fw_device_count(fw, SVIO_DEVICE_COUNTER_copies, copies - 1);
	return true;
}

void fw_switch_statics(struct svio_fw *fw, struct fw_vif *vif, bool there)
{
	uint32_t vlan = vif->vlan ? vif->vlan : FW_MAC_ANY_VLAN;
	uint32_t i;

	if (there)
		fw_mac_static_add(fw->macs, vif->sram->mac, vlan, vif->id);
	else
		fw_mac_static_del(fw->macs, vif->sram->mac, vlan, vif->id);
	for (i = 0; i < FW_MAC_FILTERS; i++) {
		uint64_t mac = vif->sram->mac_filter[i];

		if (!mac || mac & 1)
			continue;
		if (there)
			fw_mac_static_add(fw->macs, mac, vlan, vif->id);
		else
			fw_mac_static_del(fw->macs, mac, vlan, vif->id);
	}
}
