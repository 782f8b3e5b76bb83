/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The switch's address tables.
 *
 * Static: the MACs that VIFs own (their own and their unicast filters). Never
 * full (sized for all), never learned over.
 * Learned: MACs that trusted VIFs send from. What stands behind the wire need
 * not be learned, since unknown unicast goes there anyway; a frame from the
 * wire only takes back an address that had been learned at a VIF.
 *
 * A MAC is a number here, byte 0 in bits 0-7 (fw_mac_load()).
 */
#ifndef SVIO_FW_MAC_H
#define SVIO_FW_MAC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FW_MAC_NOBODY   UINT32_MAX
#define FW_MAC_ANY_VLAN 4095u /* of a trunk VIF: its MACs are known in every VLAN */

/* A learned address is forgotten after this long without a frame from it. */
#define FW_MAC_AGE_NS 300000000000ull

struct fw_mac_table;

/* Bytes for statics_max static addresses and a fixed number of learned ones. */
size_t fw_mac_table_bytes(uint32_t statics_max);

/* memory: 64-aligned, zero-filled. */
struct fw_mac_table *fw_mac_table_init(void *memory, uint32_t statics_max);

/*
 * Add a static address. False: another VIF has it in that VLAN (or in any, for
 * a trunk), or there is no room: nothing is changed. Adding one's own again is
 * allowed and changes nothing.
 */
bool fw_mac_static_add(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif);
void fw_mac_static_del(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif);

/* Could vif add it? */
bool fw_mac_static_free(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan,
			uint32_t vif);

/* The VIF that has mac in vlan, static first, or FW_MAC_NOBODY. */
uint32_t fw_mac_find(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan,
		     uint64_t now_ns);

/* Is it a static address of anybody in vlan? */
bool fw_mac_is_static(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan);

/* mac was seen as a source at a VIF. Static addresses are not learned, nor is 0. */
void fw_mac_learn(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif,
		  uint64_t now_ns);

/* mac was seen as a source on the wire. */
void fw_mac_unlearn(struct fw_mac_table *table, uint64_t mac, uint32_t vlan);

/* Forget all that was learned at a VIF. */
void fw_mac_forget_vif(struct fw_mac_table *table, uint32_t vif);

/* Nothing was ever learned: the hot path can leave the learned table alone. */
bool fw_mac_none_learned(const struct fw_mac_table *table);

#endif /* SVIO_FW_MAC_H */
