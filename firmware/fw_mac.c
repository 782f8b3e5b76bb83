/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_mac.h"

#include <string.h>

#define LEARNED_SETS_LG2 10
#define LEARNED_WAYS     4
#define MAC_BITS         0xffffffffffffull
#define NODE_NONE        0u

/* A static address: a node in a chained hash over the MAC alone. Node 0 is not used. */
struct mac_node {
	uint64_t key; /* MAC | VLAN << 48 */
	uint32_t vif;
	uint32_t next;
};

/* A learned one: four ways a set, the oldest gives way. */
struct mac_learned {
	uint64_t key; /* 0: free */
	uint64_t seen_ns;
	uint32_t vif;
	uint32_t reserved;
};

struct fw_mac_table {
	uint32_t *head; /* 2^heads_lg2 */
	struct mac_node *node;
	struct mac_learned *learned;
	uint32_t heads_lg2;
	uint32_t nodes_max;
	uint32_t node_free;  /* chain of free nodes */
	uint32_t node_fresh; /* nodes from here on were never used */
	uint32_t learned_count;
};

static uint32_t heads_lg2_for(uint32_t statics_max)
{
	uint32_t lg2 = 4;

	while (lg2 < 20 && (1u << lg2) < statics_max)
		lg2++;
	return lg2;
}

static size_t round_line(size_t bytes)
{
	return (bytes + 63) & ~(size_t)63;
}

size_t fw_mac_table_bytes(uint32_t statics_max)
{
	return round_line(sizeof(struct fw_mac_table)) +
	       round_line(sizeof(uint32_t) << heads_lg2_for(statics_max)) +
	       round_line(sizeof(struct mac_node) * (statics_max + 1)) +
	       round_line((sizeof(struct mac_learned) * LEARNED_WAYS) << LEARNED_SETS_LG2);
}

struct fw_mac_table *fw_mac_table_init(void *memory, uint32_t statics_max)
{
	struct fw_mac_table *table = memory;
	char *at = memory;

	at += round_line(sizeof(*table));
	table->heads_lg2 = heads_lg2_for(statics_max);
	table->head = (uint32_t *)(void *)at;
	at += round_line(sizeof(uint32_t) << table->heads_lg2);
	table->node = (struct mac_node *)(void *)at;
	at += round_line(sizeof(struct mac_node) * (statics_max + 1));
	table->learned = (struct mac_learned *)(void *)at;
	table->nodes_max = statics_max;
	table->node_fresh = 1;
	return table;
}

/* Fibonacci hashing (Knuth, TAOCP 3, 6.4). */
static uint32_t hash(uint64_t key, uint32_t lg2)
{
	return (uint32_t)((key * 0x9e3779b97f4a7c15ull) >> (64 - lg2));
}

static uint64_t make_key(uint64_t mac, uint32_t vlan)
{
	return (mac & MAC_BITS) | (uint64_t)vlan << 48;
}

static bool vlans_meet(uint32_t a, uint32_t b)
{
	return a == b || a == FW_MAC_ANY_VLAN || b == FW_MAC_ANY_VLAN;
}

static const struct mac_node *find_static(const struct fw_mac_table *table, uint64_t mac,
					  uint32_t vlan)
{
	uint32_t i;

	for (i = table->head[hash(mac, table->heads_lg2)]; i != NODE_NONE;
	     i = table->node[i].next) {
		const struct mac_node *node = &table->node[i];

		if ((node->key & MAC_BITS) == mac && vlans_meet((uint32_t)(node->key >> 48), vlan))
			return node;
	}
	return NULL;
}

bool fw_mac_static_free(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif)
{
	uint32_t i;

	for (i = table->head[hash(mac, table->heads_lg2)]; i != NODE_NONE;
	     i = table->node[i].next) {
		const struct mac_node *node = &table->node[i];

		if ((node->key & MAC_BITS) == mac && node->vif != vif &&
		    vlans_meet((uint32_t)(node->key >> 48), vlan))
			return false;
	}
	return true;
}

static uint32_t take_node(struct fw_mac_table *table)
{
	uint32_t i = table->node_free;

	if (i != NODE_NONE) {
		table->node_free = table->node[i].next;
		return i;
	}
	return table->node_fresh <= table->nodes_max ? table->node_fresh++ : NODE_NONE;
}

static struct mac_learned *set_of(const struct fw_mac_table *table, uint64_t key)
{
	return &table->learned[(size_t)hash(key, LEARNED_SETS_LG2) * LEARNED_WAYS];
}

bool fw_mac_static_add(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif)
{
	uint32_t *head = &table->head[hash(mac, table->heads_lg2)];
	uint64_t key = make_key(mac, vlan);
	uint32_t i;

	if (!fw_mac_static_free(table, mac, vlan, vif))
		return false;
	for (i = *head; i != NODE_NONE; i = table->node[i].next) {
		if (table->node[i].key == key && table->node[i].vif == vif)
			return true;
	}
	i = take_node(table);
	if (i == NODE_NONE)
		return false;
	table->node[i] = (struct mac_node){ .key = key, .vif = vif, .next = *head };
	*head = i;
	return true;
}

void fw_mac_static_del(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif)
{
	uint32_t *link = &table->head[hash(mac, table->heads_lg2)];
	uint64_t key = make_key(mac, vlan);

	while (*link != NODE_NONE) {
		struct mac_node *node = &table->node[*link];

		if (node->key == key && node->vif == vif) {
			uint32_t freed = *link;

			*link = node->next;
			node->next = table->node_free;
			table->node_free = freed;
			return;
		}
		link = &node->next;
	}
}

static struct mac_learned *find_learned(const struct fw_mac_table *table, uint64_t key)
{
	struct mac_learned *set = set_of(table, key);
	int i;

	/* Key 0 marks what is free: no frame of address 0 may look like a find. */
	if (!key)
		return NULL;
	for (i = 0; i < LEARNED_WAYS; i++) {
		if (set[i].key == key)
			return &set[i];
	}
	return NULL;
}

uint32_t fw_mac_find(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint64_t now_ns)
{
	const struct mac_node *node = find_static(table, mac, vlan);
	const struct mac_learned *learned;

	if (node)
		return node->vif;
	if (!table->learned_count)
		return FW_MAC_NOBODY;
	learned = find_learned(table, make_key(mac, vlan));
	if (!learned || now_ns - learned->seen_ns > FW_MAC_AGE_NS)
		return FW_MAC_NOBODY;
	return learned->vif;
}

bool fw_mac_is_static(const struct fw_mac_table *table, uint64_t mac, uint32_t vlan)
{
	return find_static(table, mac, vlan) != NULL;
}

bool fw_mac_none_learned(const struct fw_mac_table *table)
{
	return !table->learned_count;
}

void fw_mac_learn(struct fw_mac_table *table, uint64_t mac, uint32_t vlan, uint32_t vif,
		  uint64_t now_ns)
{
	uint64_t key = make_key(mac, vlan);
	struct mac_learned *entry = find_learned(table, key);
	struct mac_learned *set = set_of(table, key);
	int i;

	if (!mac || find_static(table, mac, vlan))
		return;
	for (i = 0; !entry && i < LEARNED_WAYS; i++) {
		if (!set[i].key)
			entry = &set[i];
	}
	if (!entry) {
		entry = set;
		for (i = 1; i < LEARNED_WAYS; i++) {
			if (set[i].seen_ns < entry->seen_ns)
				entry = &set[i];
		}
	}
	if (!entry->key)
		table->learned_count++;
	*entry = (struct mac_learned){ .key = key, .seen_ns = now_ns, .vif = vif };
}

static void forget(struct fw_mac_table *table, struct mac_learned *entry)
{
	memset(entry, 0, sizeof(*entry));
	table->learned_count--;
}

void fw_mac_unlearn(struct fw_mac_table *table, uint64_t mac, uint32_t vlan)
{
	struct mac_learned *entry;

	if (!table->learned_count)
		return;
	entry = find_learned(table, make_key(mac, vlan));
	if (entry)
		forget(table, entry);
}

void fw_mac_forget_vif(struct fw_mac_table *table, uint32_t vif)
{
	uint32_t i;

	for (i = 0; table->learned_count && i < LEARNED_WAYS << LEARNED_SETS_LG2; i++) {
		if (table->learned[i].key && table->learned[i].vif == vif)
			forget(table, &table->learned[i]);
	}
}
