/* SPDX-License-Identifier: BSD-3-Clause */
#include "fw_class.h"

#include "fw_dma.h"
#include "fw_packet.h"

/* Bytes of a frame that tell its service level: up to a tag's, or to the DSCP. */
#define TAGGED_BYTES (SVIO_ETH_HEADER_BYTES + SVIO_VLAN_TAG_BYTES)
#define DSCP_BYTES   FW_CLASS_HEAD_BYTES
_Static_assert(DSCP_BYTES == SVIO_ETH_HEADER_BYTES + 2, "the type, and the DSCP behind it");

#define PCP_SHIFT 13

/* The class of an untagged frame, by its Ethernet type and the two bytes behind. */
static uint32_t class_of_type(const struct svio_host_vif_qos *qos, const uint8_t *type)
{
	uint32_t begin = svio_get_be16(type + 2);
	uint32_t level = 0;

	/* RFC 2474: the upper six bits of IPv4's second byte, of IPv6's second to ninth nibble. */
	if (svio_get_be16(type) == SVIO_ETHERTYPE_IPV4 && begin >> 12 == 4)
		level = qos->dscp_level[begin >> 2 & 63];
	else if (svio_get_be16(type) == SVIO_ETHERTYPE_IPV6 && begin >> 12 == 6)
		level = qos->dscp_level[begin >> 6 & 63];
	return qos->lane[level];
}

uint32_t fw_class_of(const struct fw_vif *vif, const struct fw_packet *packet)
{
	const struct svio_host_vif_qos *qos = &vif->qos.set;

	if (packet->tagged)
		return qos->lane[packet->tci >> PCP_SHIFT];
	if (packet->bytes < DSCP_BYTES)
		return qos->lane[0];
	return class_of_type(qos,
			     (const uint8_t *)packet->room + SVIO_VLAN_TAG_BYTES + FW_MACS_BYTES);
}

uint32_t fw_class_of_untagged(const struct fw_vif *vif, const void *head)
{
	return class_of_type(&vif->qos.set, (const uint8_t *)head + FW_MACS_BYTES);
}

/*
 * A look at a packet that stays in its ring; all zero before. Nothing of it is believed later, and
 * what is wrong with it is found, and recorded, when it is served.
 */
struct peek {
	struct svio_tx_desc first;
	uint32_t bytes; /* how many of the frame's were found */
	uint8_t frame[TAGGED_BYTES];
};

static bool peek_entry(struct svio_fw *fw, const struct fw_qref *ref, uint32_t index,
		       struct svio_tx_desc *desc)
{
	const struct fw_queue *queue = fw_queue_of(ref);
	uint64_t addr = queue->ring + 16ull * (index & ((1u << queue->ring_lg2) - 1));
	uint64_t words[2];
	struct fw_run run;

	if (fw_dma_find(fw, ref->vif, addr, 16, FW_READ, &run) != SVIO_IOMMU_OK || run.bytes < 16)
		return false;
	fw_dma_read16(words, run.data);
	memcpy(desc, words, sizeof(*desc));
	return true;
}

static bool peek_data(struct svio_fw *fw, struct fw_vif *vif, const struct svio_tx_desc *desc,
		      struct peek *peek)
{
	uint32_t left = desc->len;
	uint64_t addr = desc->addr;

	if (left > TAGGED_BYTES - peek->bytes)
		left = TAGGED_BYTES - peek->bytes;
	while (left) {
		struct fw_run run;

		if (fw_dma_find(fw, vif, addr, left, FW_READ, &run) != SVIO_IOMMU_OK)
			return false;
		memcpy(peek->frame + peek->bytes, run.data, run.bytes);
		peek->bytes += run.bytes;
		addr += run.bytes;
		left -= run.bytes;
	}
	return true;
}

/* False: there is no packet that could be looked at. */
static bool peek_packet(struct svio_fw *fw, const struct fw_qref *ref, struct peek *peek)
{
	const struct fw_queue *queue = fw_queue_of(ref);
	uint32_t left =
		fw_load(&fw_doorbell(ref->vif, SVIO_QUEUE_TX, ref->qid)->tail) - queue->index;
	uint32_t at = queue->index;
	struct svio_tx_desc desc;

	if (!left || left > 1u << queue->ring_lg2 || !peek_entry(fw, ref, at, &peek->first))
		return false;
	if (peek->first.flags & SVIO_TX_VLAN)
		return true;
	desc = peek->first;
	if (desc.flags & SVIO_TX_EXT) {
		at++;
		left--;
	}
	while (peek_data(fw, ref->vif, &desc, peek) && peek->bytes < TAGGED_BYTES) {
		if (desc.flags & SVIO_TX_END || left < 2)
			return true;
		at++;
		left--;
		if (!peek_entry(fw, ref, at, &desc))
			return false;
	}
	return peek->bytes == TAGGED_BYTES;
}

/* The class of the packet at the head, as far as a look tells. Malformed: 0. */
static uint32_t class_of_head(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid)
{
	const struct svio_host_vif_qos *qos = &vif->qos.set;
	const struct fw_qref ref = { .vif = vif, .kind = SVIO_QUEUE_TX, .qid = qid };
	struct peek peek = { 0 };
	const uint8_t *type = peek.frame + FW_MACS_BYTES;

	if (!peek_packet(fw, &ref, &peek))
		return 0;
	if (peek.first.flags & SVIO_TX_VLAN)
		return qos->lane[peek.first.vlan_tci >> PCP_SHIFT];
	if (peek.bytes == TAGGED_BYTES && svio_get_be16(type) == SVIO_ETHERTYPE_VLAN)
		return qos->lane[svio_get_be16(type + 2) >> PCP_SHIFT];
	return peek.bytes < DSCP_BYTES ? qos->lane[0] : class_of_type(qos, type);
}

static void join(struct svio_fw *fw, struct fw_vif *vif, uint32_t queues, uint32_t class)
{
	bool waits = vif->tx_class[class] != 0;

	vif->tx_class[class] |= queues;
	if (!waits)
		svio_sched_activate(fw->sched, vif->leaf[class], fw->now_ns);
}

void fw_class_ready(struct svio_fw *fw, struct fw_vif *vif, uint32_t queues)
{
	vif->tx_ready |= queues;
	if (vif->qos.set.classes)
		vif->tx_unsorted |= queues;
	else
		join(fw, vif, queues, 0);
}

/* A leaf that is being served is deactivated when it is charged. */
static void rest(struct svio_fw *fw, const struct fw_vif *vif, uint32_t class)
{
	if (!fw->sched_granted || fw->sched_leaf != vif->leaf[class])
		svio_sched_deactivate(fw->sched, vif->leaf[class]);
}

void fw_class_leave(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid)
{
	uint32_t bit = 1u << qid;
	uint32_t i;

	vif->tx_ready &= ~bit;
	vif->tx_unsorted &= ~bit;
	for (i = 0; i < SVIO_HOST_CLASSES; i++) {
		if (!(vif->tx_class[i] & bit))
			continue;
		vif->tx_class[i] &= ~bit;
		if (!vif->tx_class[i])
			rest(fw, vif, i);
	}
}

static void empty_classes(struct svio_fw *fw, struct fw_vif *vif)
{
	uint32_t count = vif->qos.set.classes ? vif->qos.set.classes : 1;
	uint32_t i;

	memset(vif->tx_class, 0, sizeof(vif->tx_class));
	vif->tx_unsorted = 0;
	for (i = 0; i < count; i++)
		rest(fw, vif, i);
}

void fw_class_clear(struct svio_fw *fw, struct fw_vif *vif)
{
	vif->tx_ready = 0;
	empty_classes(fw, vif);
}

void fw_class_again(struct svio_fw *fw, struct fw_vif *vif)
{
	empty_classes(fw, vif);
	if (vif->tx_ready)
		fw_class_ready(fw, vif, vif->tx_ready);
}

void fw_class_sort(struct svio_fw *fw, struct fw_vif *vif)
{
	while (vif->tx_unsorted) {
		uint32_t qid = (uint32_t)__builtin_ctz(vif->tx_unsorted);

		vif->tx_unsorted &= vif->tx_unsorted - 1;
		join(fw, vif, 1u << qid, class_of_head(fw, vif, qid));
	}
}

void fw_class_move(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid, uint32_t from,
		   uint32_t next)
{
	if (!(vif->tx_ready >> qid & 1)) /* its VIF failed meanwhile */
		return;
	if (next == FW_CLASS_UNKNOWN)
		next = class_of_head(fw, vif, qid);
	if (next == from)
		return;
	vif->tx_class[from] &= ~(1u << qid);
	join(fw, vif, 1u << qid, next);
}
