/* SPDX-License-Identifier: BSD-3-Clause */
/* The receive path (SPEC, chapter 6). */
#include "vif_internal.h"

/*
 * Posts buffers and tells the device. No wake and no barrier: a device that
 * sleeps has nothing to deliver, and reads the tail when it has.
 */
void vif_rx_refill(struct svio_vif_queue *queue)
{
	struct vif_rx *rx = &queue->rx;
	struct vif_pool *pool = &queue->pool;
	uint32_t mask = rx->entries - 1;
	uint32_t n = rx->entries - (rx->tail - rx->head);
	const uint32_t *top;

	if (n > pool->count)
		n = pool->count;
	if (!n)
		return;
	pool->count -= n;
	top = pool->free + pool->count;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t slot = (rx->tail + i) & mask;
		uint64_t *words = (uint64_t *)&rx->ring[slot];

		words[0] = (uint64_t)(uintptr_t)vif_pool_data(pool, top[i]) + rx->iova_delta;
		words[1] = rx->buf_bytes;
		rx->shadow[slot] = top[i];
	}
	rx->tail += n;
	vif_doorbell_store(&rx->doorbell->tail, rx->tail);
}

static inline uint16_t phase_of(const struct vif_rx *rx, uint32_t index)
{
	return ((index >> rx->lg2) & 1) ^ 1;
}

/*
 * The second word of completion index: csum_start, csum_offset, gso_size, flags.
 * The acquire pairs with the device's release of it: the first word was written before.
 */
static inline uint64_t load_completion(const struct vif_rx *rx, uint32_t index)
{
	const uint64_t *words = (const uint64_t *)&rx->cmpl[index & (rx->entries - 1)];

	return __atomic_load_n(&words[1], __ATOMIC_ACQUIRE);
}

static inline void take_element(struct svio_vif_queue *queue, uint32_t index, uint64_t second,
				struct svio_vif_buf *buf)
{
	struct vif_rx *rx = &queue->rx;
	uint32_t slot = index & (rx->entries - 1);
	uint64_t first = *(const uint64_t *)&rx->cmpl[slot];
	uint16_t flags = (uint16_t)(second >> 48);

	buf->buf = rx->shadow[slot];
	buf->data = vif_pool_data(&queue->pool, buf->buf);
	__builtin_prefetch(buf->data);
	buf->len = (uint16_t)first;
	buf->flags = flags & (SVIO_VIF_END | SVIO_VIF_CSUM | SVIO_VIF_VLAN | SVIO_VIF_CSUM_OK |
			      SVIO_VIF_HASH_L3 | SVIO_VIF_HASH_L4);
	buf->vlan_tci = (uint16_t)(first >> 16);
	buf->hash = (uint32_t)(first >> 32);
	buf->csum_start = (uint16_t)second;
	buf->csum_offset = (uint16_t)(second >> 16);
	buf->gso_size = (uint16_t)(second >> 32);
	buf->gso_type = (uint8_t)((flags & SVIO_RX_GSO_MASK) >> SVIO_RX_GSO_SHIFT);
	buf->hdr_len = 0;
	buf->reserved = 0;
}

/* A packet of several buffers. Returns its elements, 0 when they do not fit n. */
static uint32_t take_packet(struct svio_vif_queue *queue, uint32_t index, struct svio_vif_buf *bufs,
			    uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint64_t second = load_completion(&queue->rx, index + i);

		take_element(queue, index + i, second, &bufs[i]);
		if (bufs[i].flags & SVIO_VIF_END)
			return i + 1;
		/* Of the others only len and END are valid. */
		if (i)
			bufs[i].flags &= SVIO_VIF_END;
	}
	return 0;
}

uint32_t svio_vif_rx_burst(struct svio_vif_queue *queue, struct svio_vif_buf *bufs, uint32_t n)
{
	struct vif_rx *rx = &queue->rx;
	uint32_t head = rx->head;
	uint32_t i = 0;

	while (i < n) {
		uint64_t second = load_completion(rx, head);
		uint16_t flags = (uint16_t)(second >> 48);
		uint32_t elements = 1;

		if ((flags & SVIO_RX_PHASE) != phase_of(rx, head))
			break;
		if (likely(flags & SVIO_RX_END))
			take_element(queue, head, second, &bufs[i]);
		else
			elements = take_packet(queue, head, &bufs[i], n - i);
		if (!elements)
			break;
		head += elements;
		i += elements;
	}
	rx->head = head;
	if (rx->entries - (rx->tail - head) >= VIF_RX_REFILL ||
	    rx->entries - (rx->tail - head) >= rx->entries / 2)
		vif_rx_refill(queue);
	return i;
}
