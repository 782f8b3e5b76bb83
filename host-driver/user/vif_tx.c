/* SPDX-License-Identifier: BSD-3-Clause */
/* The transmit path (SPEC, chapter 5), and the pool that feeds it. */
#include "vif_internal.h"

/*
 * status.head is a line that the device writes: reading it costs a transfer
 * between cores. It is read when this share of the ring is in flight.
 */
#define REAP_SHARE 4

static inline void push_buf(struct vif_pool *pool, uint32_t buf)
{
	if (likely(buf != SVIO_VIF_BUF_NONE))
		pool->free[pool->count++] = buf;
}

void vif_tx_reap(struct svio_vif_queue *queue)
{
	struct vif_tx *tx = &queue->tx;
	uint32_t mask = tx->entries - 1;

	/* Pairs with the device's release of head: it has read those entries' data before. */
	uint32_t head = __atomic_load_n(&tx->status->head, __ATOMIC_ACQUIRE);

	/* A head beyond the tail is a broken device: believe nothing of it. */
	if (unlikely(head - tx->reaped > tx->tail - tx->reaped))
		return;
	for (uint32_t i = tx->reaped; i != head; i++)
		push_buf(&queue->pool, tx->shadow[i & mask]);
	tx->reaped = head;
}

uint32_t svio_vif_tx_pending(struct svio_vif_queue *queue)
{
	vif_tx_reap(queue);
	return queue->tx.tail - queue->tx.reaped;
}

uint32_t svio_vif_alloc_burst(struct svio_vif_queue *queue, struct svio_vif_buf *bufs, uint32_t n)
{
	struct vif_pool *pool = &queue->pool;

	if (unlikely(pool->count < n))
		vif_tx_reap(queue);
	if (n > pool->count)
		n = pool->count;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t buf = pool->free[--pool->count];

		bufs[i] = (struct svio_vif_buf){ .data = vif_pool_data(pool, buf),
						 .buf = buf,
						 .flags = SVIO_VIF_END };
		__builtin_prefetch(bufs[i].data, 1);
	}
	return n;
}

void svio_vif_free_burst(struct svio_vif_queue *queue, const struct svio_vif_buf *bufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		push_buf(&queue->pool, bufs[i].buf);
}

/* One entry, as two stores: address, then len | flags | vlan_tci | reserved. */
static inline void fill_entry(struct vif_tx *tx, uint32_t index, const struct svio_vif_buf *buf,
			      uint64_t flags, uint64_t vlan_tci)
{
	uint64_t *words = (uint64_t *)&tx->ring[index & (tx->entries - 1)];

	words[0] = (uint64_t)(uintptr_t)buf->data + tx->iova_delta;
	words[1] = buf->len | flags << 16 | vlan_tci << 32;
	tx->shadow[index & (tx->entries - 1)] = buf->buf;
}

static void fill_ext(struct vif_tx *tx, uint32_t index, const struct svio_vif_buf *buf)
{
	struct svio_tx_ext ext = { .csum_start = buf->csum_start,
				   .csum_offset = buf->csum_offset,
				   .gso_size = buf->gso_size,
				   .hdr_len = buf->hdr_len,
				   .gso_type = buf->gso_type,
				   .flags = SVIO_TX_EXT_CSUM };

	if (buf->gso_type == SVIO_GSO_NONE) {
		ext.gso_size = 0;
		ext.hdr_len = 0;
	}
	*(struct svio_tx_ext *)&tx->ring[index & (tx->entries - 1)] = ext;
	tx->shadow[index & (tx->entries - 1)] = SVIO_VIF_BUF_NONE;
}

/* Elements of the packet that begins at bufs[0], 0 when it does not end within n. */
static uint32_t count_elements(const struct svio_vif_buf *bufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		if (bufs[i].flags & SVIO_VIF_END)
			return i + 1;
	return 0;
}

/*
 * A packet with metadata or several buffers. Returns the entries that it took,
 * 0 when it does not fit room, and *elements.
 */
static uint32_t fill_packet(struct vif_tx *tx, uint32_t index, const struct svio_vif_buf *bufs,
			    uint32_t n, uint32_t room, uint32_t *elements)
{
	uint32_t count = count_elements(bufs, n);
	uint32_t ext = bufs[0].flags & SVIO_VIF_CSUM ? 1 : 0;
	bool vlan = bufs[0].flags & SVIO_VIF_VLAN;
	uint64_t flags = (ext ? SVIO_TX_EXT : 0) | (vlan ? SVIO_TX_VLAN : 0);

	if (!count || count + ext > room)
		return 0;
	fill_entry(tx, index, &bufs[0], flags | (count == 1 ? SVIO_TX_END : 0),
		   vlan ? bufs[0].vlan_tci : 0);
	if (ext)
		fill_ext(tx, index + 1, &bufs[0]);
	for (uint32_t i = 1; i < count; i++)
		fill_entry(tx, index + ext + i, &bufs[i], i + 1 == count ? SVIO_TX_END : 0, 0);
	*elements = count;
	return count + ext;
}

/* So few that the device waits for each of their lines: fetches of more overlap. */
#define FEW 4

static void hand_over(const struct vif_tx *tx, const struct svio_vif_buf *bufs, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		vif_demote(bufs[i].data);
	vif_demote(&tx->ring[(tx->tail - 1) & (tx->entries - 1)]);
	vif_demote(&tx->doorbell->tail);
}

#define TX_FLAGS (SVIO_VIF_END | SVIO_VIF_CSUM | SVIO_VIF_VLAN)

uint32_t svio_vif_tx_burst(struct svio_vif_queue *queue, const struct svio_vif_buf *bufs,
			   uint32_t n)
{
	struct vif_tx *tx = &queue->tx;
	uint32_t tail = tx->tail;
	uint32_t room;
	uint32_t i = 0;

	if (tail - tx->reaped >= tx->entries / REAP_SHARE)
		vif_tx_reap(queue);
	room = tx->entries - (tail - tx->reaped);
	while (i < n && room) {
		uint32_t elements = 1;
		uint32_t entries = 1;

		if (likely((bufs[i].flags & TX_FLAGS) == SVIO_VIF_END))
			fill_entry(tx, tail, &bufs[i], SVIO_TX_END, 0);
		else
			entries = fill_packet(tx, tail, &bufs[i], n - i, room, &elements);
		if (!entries)
			break;
		tail += entries;
		room -= entries;
		i += elements;
	}
	if (i) {
		tx->tail = tail;
		vif_doorbell_store(&tx->doorbell->tail, tail);
		if (i <= FEW)
			hand_over(tx, bufs, i);
		vif_tail_announce(queue->vif);
	}
	return i;
}
