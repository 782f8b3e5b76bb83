/* SPDX-License-Identifier: BSD-3-Clause */
/* Pairs of queues: their memory, their making and unmaking, their interrupts. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "svio_vif_raw.h"
#include "vif_internal.h"

/* Every pool can hold every buffer of the VIF: callers may move buffers from pair to pair. */
int vif_queues_allocate(struct svio_vif *vif)
{
	const struct svio_vif_options *options = &vif->options;
	size_t tx = (size_t)1 << options->tx_ring_lg2;
	size_t rx = (size_t)1 << options->rx_ring_lg2;
	size_t bufs = (size_t)options->bufs * options->queues;
	uint32_t *numbers;

	vif->queues = aligned_alloc(SVIO_CACHE_LINE_BYTES,
				    options->queues * sizeof(struct svio_vif_queue));
	numbers = malloc(options->queues * (tx + rx + bufs) * sizeof(*numbers));
	vif->numbers = numbers;
	if (!vif->queues || !numbers)
		return vif_fail(-ENOMEM, "no memory for %u pairs of queues", options->queues);
	memset(vif->queues, 0, options->queues * sizeof(struct svio_vif_queue));
	for (uint16_t i = 0; i < options->queues; i++) {
		struct svio_vif_queue *queue = &vif->queues[i];

		queue->vif = vif;
		queue->index = i;
		queue->eventfd = -1;
		queue->tx.shadow = numbers;
		queue->rx.shadow = numbers + tx;
		queue->pool.free = numbers + tx + rx;
		numbers += tx + rx + bufs;
	}
	return 0;
}

void vif_queues_free(struct svio_vif *vif)
{
	for (uint16_t i = 0; vif->queues && i < vif->options.queues; i++)
		if (vif->queues[i].eventfd >= 0)
			close(vif->queues[i].eventfd);
	free(vif->queues);
	free(vif->numbers);
	vif->queues = NULL;
	vif->numbers = NULL;
}

static void clear_rings(struct svio_vif_queue *queue)
{
	struct vif_tx *tx = &queue->tx;
	struct vif_rx *rx = &queue->rx;

	memset(tx->ring, 0, tx->entries * sizeof(*tx->ring));
	memset(tx->status, 0, sizeof(*tx->status));
	memset(rx->ring, 0, rx->entries * sizeof(*rx->ring));
	memset(rx->cmpl, 0, rx->entries * sizeof(*rx->cmpl));
	tx->tail = 0;
	tx->reaped = 0;
	rx->tail = 0;
	rx->head = 0;
	tx->doorbell = &queue->vif->doorbells->tx[queue->index];
	rx->doorbell = &queue->vif->doorbells->rx[queue->index];
}

void vif_queues_clear(struct svio_vif *vif)
{
	uint32_t buf = 0;

	for (uint16_t i = 0; i < vif->options.queues; i++) {
		struct vif_pool *pool = &vif->queues[i].pool;

		clear_rings(&vif->queues[i]);
		/* The lowest number on top. */
		pool->count = vif->options.bufs;
		for (uint32_t n = pool->count; n > 0; n--)
			pool->free[n - 1] = buf++;
	}
}

static int create_queue(struct svio_vif *vif, uint16_t opcode, const void *ring,
			const void *completion, struct svio_admin_queue_create *create)
{
	struct svio_admin_cmd cmd = { .opcode = opcode };

	create->ring = vif_device_addr(vif, ring);
	create->completion = vif_device_addr(vif, completion);
	cmd.queue_create = *create;
	return svio_vif_admin(vif, &cmd, NULL);
}

static uint16_t pair_vector(const struct svio_vif_queue *queue)
{
	const struct svio_vif *vif = queue->vif;
	uint16_t vectors = vif->info.vectors;

	if (!vif->options.interrupts)
		return SVIO_VECTOR_NONE;
	if (vif->options.vectors && vif->options.vectors < vectors)
		vectors = vif->options.vectors;
	return queue->index % vectors;
}

/* The device looks for tail 0 from a new queue: doorbells first, then the command. */
static int create_pair(struct svio_vif_queue *queue)
{
	struct svio_vif *vif = queue->vif;
	bool moderated = vif->info.features & SVIO_FEATURE(MODERATION);
	struct svio_admin_queue_create create = {
		.qid = queue->index,
		.vector = pair_vector(queue),
		.ring_lg2 = vif->options.tx_ring_lg2,
		.moderation_us = moderated ? vif->options.moderation_us : 0,
		.moderation_frames = moderated ? vif->options.moderation_frames : 0,
	};
	int status;

	queue->tx.doorbell->arm = 0;
	queue->rx.doorbell->arm = 0;
	vif_doorbell_store(&queue->tx.doorbell->tail, 0);
	vif_doorbell_store(&queue->rx.doorbell->tail, 0);
	status =
		create_queue(vif, SVIO_ADMIN_TXQ_CREATE, queue->tx.ring, queue->tx.status, &create);
	if (status)
		return status;
	create.ring_lg2 = queue->rx.lg2;
	create.buf_len = (uint16_t)queue->rx.buf_bytes;
	status = create_queue(vif, SVIO_ADMIN_RXQ_CREATE, queue->rx.ring, queue->rx.cmpl, &create);
	if (!status)
		vif_rx_refill(queue);
	return status;
}

/* Pairs of one vector have one event, each by a descriptor of its own; the first one connects it. */
static int connect_vector(struct svio_vif_queue *queue)
{
	struct svio_vif *vif = queue->vif;
	uint16_t vector = pair_vector(queue);
	bool is_first = vector == queue->index;
	int status;

	if (queue->eventfd < 0)
		queue->eventfd = is_first ? eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
					  : fcntl(vif->queues[vector].eventfd, F_DUPFD_CLOEXEC, 0);
	if (queue->eventfd < 0)
		return vif_fail(-errno, "no eventfd for pair %u: %s", queue->index,
				strerror(errno));
	if (!is_first)
		return 0;
	status = vfio_user_client_msix_set(&vif->client, vector, queue->eventfd);
	if (status)
		return vif_fail(status, "vector %u cannot be connected: %s", vector,
				strerror(-status));
	return 0;
}

int vif_queues_create(struct svio_vif *vif)
{
	int status = 0;

	for (uint16_t i = 0; !status && i < vif->options.queues; i++) {
		if (vif->options.interrupts)
			status = connect_vector(&vif->queues[i]);
		if (!status)
			status = create_pair(&vif->queues[i]);
	}
	return status;
}

static int destroy_queue(struct svio_vif *vif, uint16_t kind, uint16_t qid)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY,
				      .queue = { .kind = kind, .qid = qid } };

	return svio_vif_admin(vif, &cmd, NULL);
}

static void reclaim(struct vif_pool *pool, const uint32_t *shadow, uint32_t from, uint32_t to,
		    uint32_t entries)
{
	for (uint32_t i = from; i != to; i++)
		if (shadow[i & (entries - 1)] != SVIO_VIF_BUF_NONE)
			pool->free[pool->count++] = shadow[i & (entries - 1)];
}

int svio_vif_queue_restart(struct svio_vif *vif, uint16_t index)
{
	struct svio_vif_queue *queue = svio_vif_queue(vif, index);
	int status;

	if (!queue)
		return vif_fail(-ENXIO, "there is no pair %u", index);
	status = destroy_queue(vif, SVIO_QUEUE_TX, index);
	if (!status)
		status = destroy_queue(vif, SVIO_QUEUE_RX, index);
	if (status)
		return status;
	reclaim(&queue->pool, queue->tx.shadow, queue->tx.reaped, queue->tx.tail,
		queue->tx.entries);
	reclaim(&queue->pool, queue->rx.shadow, queue->rx.head, queue->rx.tail, queue->rx.entries);
	clear_rings(queue);
	return create_pair(queue);
}

struct svio_vif_queue *svio_vif_queue(struct svio_vif *vif, uint16_t index)
{
	return vif->queues && index < vif->info.queues ? &vif->queues[index] : NULL;
}

static bool rx_waits(const struct vif_rx *rx)
{
	uint16_t flags =
		__atomic_load_n(&rx->cmpl[rx->head & (rx->entries - 1)].flags, __ATOMIC_ACQUIRE);

	return (flags & SVIO_RX_PHASE) == (((rx->head >> rx->lg2) & 1) ^ 1);
}

static bool tx_waits(const struct vif_tx *tx)
{
	return __atomic_load_n(&tx->status->head, __ATOMIC_ACQUIRE) != tx->reaped;
}

/*
 * SPEC 4.3: arm, full barrier, look once more. A device that sleeps need not be
 * woken: what it had completed before is seen here, and whatever completes
 * something later wakes it.
 */
uint32_t svio_vif_queue_arm(struct svio_vif_queue *queue, uint32_t ways)
{
	struct vif_rx *rx = &queue->rx;
	struct vif_tx *tx = &queue->tx;
	uint32_t ready = 0;

	vif_doorbell_store(&rx->doorbell->arm,
			   ways & SVIO_VIF_RX ? SVIO_ARM_ENABLE | (rx->head & SVIO_ARM_INDEX) : 0);
	vif_doorbell_store(&tx->doorbell->arm,
			   ways & SVIO_VIF_TX ? SVIO_ARM_ENABLE | (tx->reaped & SVIO_ARM_INDEX)
					      : 0);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if ((ways & SVIO_VIF_RX) && rx_waits(rx))
		ready |= SVIO_VIF_RX;
	if ((ways & SVIO_VIF_TX) && tx_waits(tx))
		ready |= SVIO_VIF_TX;
	if (ready) {
		vif_doorbell_store(&rx->doorbell->arm, 0);
		vif_doorbell_store(&tx->doorbell->arm, 0);
	}
	return ready;
}

int svio_vif_queue_wait(struct svio_vif_queue *queue, int timeout_ms)
{
	struct pollfd pfd = { .fd = queue->eventfd, .events = POLLIN };
	uint64_t count;
	int ready;

	if (queue->eventfd < 0)
		return vif_fail(-EOPNOTSUPP, "opened without interrupts");
	ready = poll(&pfd, 1, timeout_ms);
	if (ready < 0)
		return -errno;
	if (!ready)
		return -ETIMEDOUT;
	/* Another waiter of a shared vector may have been faster: as good as an interrupt. */
	if (read(queue->eventfd, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -errno;
	return 0;
}

int svio_vif_queue_fd(const struct svio_vif_queue *queue)
{
	return queue->eventfd >= 0 ? queue->eventfd : -EOPNOTSUPP;
}

void svio_vif_raw_queue_get(struct svio_vif_queue *queue, struct svio_vif_raw_queue *raw)
{
	raw->tx_ring = queue->tx.ring;
	raw->tx_status = queue->tx.status;
	raw->rx_ring = queue->rx.ring;
	raw->rx_cmpl = queue->rx.cmpl;
	raw->tx_lg2 = queue->vif->options.tx_ring_lg2;
	raw->rx_lg2 = queue->rx.lg2;
	raw->tx_tail = queue->tx.tail;
	raw->rx_tail = queue->rx.tail;
	raw->rx_head = queue->rx.head;
}
