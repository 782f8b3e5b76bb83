/* SPDX-License-Identifier: BSD-3-Clause */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

#include "svio_regs.h"

#define TX_RINGS         0x10000u
#define TX_STATUS        0x50000u
#define RX_RINGS         0x60000u
#define RX_CMPLS         0xa0000u
#define RX_BUFFERS       0x100000u
#define RX_BUFFERS_BYTES 0x40000u

static uint16_t phase_of(uint32_t index, uint32_t lg2)
{
	return (uint16_t)(~(index >> lg2) & 1);
}

struct svio_doorbell *guest_doorbell(struct guest *guest, uint32_t kind, uint32_t qid)
{
	struct svio_doorbell_bar *bar = fake.doorbells[guest->vif];

	if (kind == SVIO_QUEUE_ADMIN)
		return &bar->admin;
	return kind == SVIO_QUEUE_TX ? &bar->tx[qid] : &bar->rx[qid];
}

/* What a driver does after it stored a tail (SPEC.md 4.2). */
static void wake_if_asleep(struct guest *guest)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (fake.doorbells[guest->vif]->asleep)
		svio_host_wake_set(fake.segment, guest->vif);
}

uint32_t guest_start(struct guest *guest, uint32_t vif, uint64_t features)
{
	memset(guest, 0, sizeof(*guest));
	guest->vif = vif;
	fake_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);
	fake_reg_write(vif, SVIO_REG_DRIVER_FEATURES_LO, (uint32_t)features);
	fake_reg_write(vif, SVIO_REG_DRIVER_FEATURES_HI, (uint32_t)(features >> 32));
	fake_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	memset(fake_at(vif, GUEST_ADMIN_SQ), 0, 0x8000);
	fake_reg_write(vif, SVIO_REG_ADMIN_SQ_LO, (uint32_t)GUEST_ADMIN_SQ);
	fake_reg_write(vif, SVIO_REG_ADMIN_SQ_HI, (uint32_t)(GUEST_ADMIN_SQ >> 32));
	fake_reg_write(vif, SVIO_REG_ADMIN_CQ_LO, (uint32_t)GUEST_ADMIN_CQ);
	fake_reg_write(vif, SVIO_REG_ADMIN_CQ_HI, (uint32_t)(GUEST_ADMIN_CQ >> 32));
	fake_reg_write(vif, SVIO_REG_ADMIN_CONFIG, 0u << 16 | GUEST_ADMIN_LG2);
	fake_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	return fake_reg(vif, SVIO_REG_STATUS);
}

void guest_start_queues(struct guest *guest, uint32_t vif, uint64_t features, uint32_t lg2)
{
	if (guest_start(guest, vif, features) != SVIO_VIF_STATE_READY ||
	    guest_txq_create(guest, 0, lg2) || guest_rxq_create(guest, 0, lg2, 2048))
		abort();
	guest_post(guest, 0, UINT32_MAX);
}

bool guest_admin_next(struct guest *guest, struct svio_admin_cmpl *cmpl)
{
	uint32_t slot = guest->admin_head & ((1u << GUEST_ADMIN_LG2) - 1);
	const uint8_t *from = fake_at(guest->vif, GUEST_ADMIN_CQ) + slot * sizeof(*cmpl);

	memcpy(cmpl, from, sizeof(*cmpl));
	if ((cmpl->flags & SVIO_ADMIN_CMPL_PHASE) != phase_of(guest->admin_head, GUEST_ADMIN_LG2))
		return false;
	guest->admin_head++;
	guest_doorbell(guest, SVIO_QUEUE_ADMIN, 0)->head = guest->admin_head;
	wake_if_asleep(guest);
	if (cmpl->event) {
		guest->events |= 1u << cmpl->event;
		guest->event = *cmpl;
	}
	return true;
}

uint16_t guest_admin_put(struct guest *guest, struct svio_admin_cmd *cmd)
{
	uint32_t slot = guest->admin_tail & ((1u << GUEST_ADMIN_LG2) - 1);

	cmd->id = ++guest->admin_id;
	memcpy(fake_at(guest->vif, GUEST_ADMIN_SQ) + slot * sizeof(*cmd), cmd, sizeof(*cmd));
	guest->admin_tail++;
	guest_doorbell(guest, SVIO_QUEUE_ADMIN, 0)->tail = guest->admin_tail;
	wake_if_asleep(guest);
	return cmd->id;
}

bool guest_admin(struct guest *guest, struct svio_admin_cmd *cmd, struct svio_admin_cmpl *cmpl)
{
	uint16_t id = guest_admin_put(guest, cmd);

	fake_run();
	while (guest_admin_next(guest, cmpl)) {
		if (!cmpl->event && cmpl->id == id)
			return true;
		fake_run();
	}
	return false;
}

uint32_t guest_command(struct guest *guest, struct svio_admin_cmd *cmd)
{
	struct svio_admin_cmpl cmpl;

	return guest_admin(guest, cmd, &cmpl) ? cmpl.status : UINT32_MAX;
}

struct svio_admin_cmd guest_txq_cmd(uint32_t qid, uint32_t lg2)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_TXQ_CREATE };

	cmd.queue_create.ring = fake_iova(TX_RINGS + qid * 0x10000);
	cmd.queue_create.completion = fake_iova(TX_STATUS + qid * 64);
	cmd.queue_create.qid = (uint16_t)qid;
	cmd.queue_create.vector = (uint16_t)(1 + qid);
	cmd.queue_create.ring_lg2 = (uint8_t)lg2;
	return cmd;
}

struct svio_admin_cmd guest_rxq_cmd(uint32_t qid, uint32_t lg2, uint16_t buf_len)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_RXQ_CREATE };

	cmd.queue_create.ring = fake_iova(RX_RINGS + qid * 0x10000);
	cmd.queue_create.completion = fake_iova(RX_CMPLS + qid * 0x10000);
	cmd.queue_create.qid = (uint16_t)qid;
	cmd.queue_create.vector = (uint16_t)(8 + qid);
	cmd.queue_create.ring_lg2 = (uint8_t)lg2;
	cmd.queue_create.buf_len = buf_len;
	return cmd;
}

void guest_queue_prepare(struct guest *guest, uint32_t kind, const struct svio_admin_cmd *cmd)
{
	uint32_t qid = cmd->queue_create.qid;
	struct guest_queue *queue = kind == SVIO_QUEUE_TX ? &guest->tx[qid] : &guest->rx[qid];
	uint32_t bytes = 16u << cmd->queue_create.ring_lg2;
	struct svio_doorbell *doorbell = guest_doorbell(guest, kind, cmd->queue_create.qid);

	memset(queue, 0, sizeof(*queue));
	queue->ring = cmd->queue_create.ring;
	queue->completion = cmd->queue_create.completion;
	queue->ring_lg2 = cmd->queue_create.ring_lg2;
	queue->buf_len = cmd->queue_create.buf_len;
	queue->buffers = fake_iova(RX_BUFFERS + cmd->queue_create.qid * RX_BUFFERS_BYTES);
	memset(doorbell, 0, sizeof(*doorbell));
	memset(fake_at(guest->vif, queue->ring), 0, bytes);
	memset(fake_at(guest->vif, queue->completion), 0, kind == SVIO_QUEUE_TX ? 64 : bytes);
}

uint32_t guest_txq_create(struct guest *guest, uint32_t qid, uint32_t lg2)
{
	struct svio_admin_cmd cmd = guest_txq_cmd(qid, lg2);

	guest_queue_prepare(guest, SVIO_QUEUE_TX, &cmd);
	return guest_command(guest, &cmd);
}

uint32_t guest_rxq_create(struct guest *guest, uint32_t qid, uint32_t lg2, uint16_t buf_len)
{
	struct svio_admin_cmd cmd = guest_rxq_cmd(qid, lg2, buf_len);

	guest_queue_prepare(guest, SVIO_QUEUE_RX, &cmd);
	return guest_command(guest, &cmd);
}

uint32_t guest_post(struct guest *guest, uint32_t qid, uint32_t count)
{
	struct guest_queue *queue = &guest->rx[qid];
	uint32_t entries = 1u << queue->ring_lg2;
	uint32_t posted = 0;

	while (posted < count && queue->tail - queue->head < entries) {
		uint32_t slot = queue->tail & (entries - 1);
		struct svio_rx_desc desc = {
			.addr = queue->buffers + (uint64_t)slot * queue->buf_len % RX_BUFFERS_BYTES,
			.len = queue->buf_len,
		};

		memcpy(fake_at(guest->vif, queue->ring) + (size_t)slot * 16, &desc, sizeof(desc));
		queue->tail++;
		posted++;
	}
	__atomic_store_n(&guest_doorbell(guest, SVIO_QUEUE_RX, qid)->tail, queue->tail,
			 __ATOMIC_RELEASE);
	wake_if_asleep(guest);
	return posted;
}

void guest_tx_put(struct guest *guest, uint32_t qid, const void *entry)
{
	struct guest_queue *queue = &guest->tx[qid];
	uint32_t slot = queue->tail++ & ((1u << queue->ring_lg2) - 1);

	memcpy(fake_at(guest->vif, queue->ring) + (size_t)slot * 16, entry, 16);
}

void guest_tx_ring(struct guest *guest, uint32_t qid)
{
	__atomic_store_n(&guest_doorbell(guest, SVIO_QUEUE_TX, qid)->tail, guest->tx[qid].tail,
			 __ATOMIC_RELEASE);
	wake_if_asleep(guest);
}

uint32_t guest_tx_head(struct guest *guest, uint32_t qid)
{
	uint32_t head;

	memcpy(&head, fake_at(guest->vif, guest->tx[qid].completion), sizeof(head));
	return head;
}

uint32_t guest_tx_free(struct guest *guest, uint32_t qid)
{
	const struct guest_queue *queue = &guest->tx[qid];

	return (1u << queue->ring_lg2) - (queue->tail - guest_tx_head(guest, qid));
}

uint64_t guest_tx_place(struct guest *guest, const void *data, uint32_t bytes)
{
	uint64_t iova;

	if (guest->tx_data + bytes > GUEST_TX_BYTES)
		guest->tx_data = 0;
	iova = GUEST_TX_DATA + guest->tx_data;
	memcpy(fake_at(guest->vif, iova), data, bytes);
	guest->tx_data += bytes;
	return iova;
}

void guest_send(struct guest *guest, uint32_t qid, const void *data, uint32_t bytes)
{
	struct svio_tx_desc desc = {
		.addr = guest_tx_place(guest, data, bytes),
		.len = (uint16_t)bytes,
		.flags = SVIO_TX_END,
	};

	guest_tx_put(guest, qid, &desc);
	guest_tx_ring(guest, qid);
}

void guest_send_pieces(struct guest *guest, uint32_t qid, const void *data, uint32_t bytes,
		       uint32_t pieces, const struct svio_tx_ext *ext)
{
	const uint8_t *at = data;
	uint32_t i;

	for (i = 0; i < pieces; i++) {
		uint32_t n = bytes / (pieces - i);
		struct svio_tx_desc desc = { .len = (uint16_t)n };

		desc.addr = guest_tx_place(guest, at, n);
		if (i + 1 == pieces)
			desc.flags |= SVIO_TX_END;
		if (!i && ext)
			desc.flags |= SVIO_TX_EXT;
		guest_tx_put(guest, qid, &desc);
		if (!i && ext)
			guest_tx_put(guest, qid, ext);
		at += n;
		bytes -= n;
	}
	guest_tx_ring(guest, qid);
}

/* Completion number index of a queue; false: not written. */
static bool read_cmpl(struct guest *guest, const struct guest_queue *queue, uint32_t index,
		      struct svio_rx_cmpl *cmpl)
{
	uint32_t slot = index & ((1u << queue->ring_lg2) - 1);

	memcpy(cmpl, fake_at(guest->vif, queue->completion) + (size_t)slot * 16, sizeof(*cmpl));
	return (cmpl->flags & SVIO_RX_PHASE) == phase_of(index, queue->ring_lg2);
}

bool guest_receive(struct guest *guest, uint32_t qid, struct guest_packet *packet)
{
	struct guest_queue *queue = &guest->rx[qid];
	uint32_t entries = 1u << queue->ring_lg2;
	struct svio_rx_cmpl cmpl;

	packet->bytes = 0;
	packet->buffers = 0;
	do {
		struct svio_rx_desc desc;
		uint32_t slot = queue->head & (entries - 1);

		if (!read_cmpl(guest, queue, queue->head, &cmpl)) {
			if (packet->buffers)
				abort(); /* half a packet */
			return false;
		}
		if (!packet->buffers)
			packet->first = cmpl;
		if (!(cmpl.flags & SVIO_RX_FIRST) != !!packet->buffers)
			abort(); /* a packet that begins in another, or has no beginning */
		memcpy(&desc, fake_at(guest->vif, queue->ring) + (size_t)slot * 16, sizeof(desc));
		memcpy(packet->data + packet->bytes, fake_at(guest->vif, desc.addr), cmpl.len);
		packet->bytes += cmpl.len;
		packet->buffers++;
		queue->head++;
	} while (!(cmpl.flags & SVIO_RX_END));
	return true;
}

void guest_frame(uint8_t *frame, uint32_t bytes, const uint8_t dst[6], const uint8_t src[6],
		 uint32_t seed)
{
	uint32_t i;

	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5; /* local experimental, IEEE 802 */
	for (i = 14; i < bytes; i++)
		frame[i] = (uint8_t)(seed * 31 + i * 7 + (i >> 8));
}

void guest_frame_between(uint8_t *frame, uint32_t bytes, uint32_t from_vif, uint32_t to_vif,
			 uint32_t seed)
{
	guest_frame(frame, bytes, fake_config(to_vif)->mac, fake_config(from_vif)->mac, seed);
}

uint32_t guest_queue_error(struct guest *guest, uint32_t kind, uint32_t qid)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_GET };
	struct svio_admin_cmpl cmpl;

	cmd.queue.kind = (uint16_t)kind;
	cmd.queue.qid = (uint16_t)qid;
	if (!guest_admin(guest, &cmd, &cmpl) || cmpl.status)
		return UINT32_MAX;
	return cmpl.result;
}

/* Completions of the lap before, so that none looks new. */
static void age_cmpls(struct guest *guest, const struct guest_queue *queue, uint32_t index)
{
	uint32_t entries = 1u << queue->ring_lg2;
	uint32_t i;

	for (i = 0; i < entries; i++) {
		struct svio_rx_cmpl cmpl = { 0 };
		uint32_t slot = (index + i) & (entries - 1);

		cmpl.flags = phase_of(index + i, queue->ring_lg2) ^ SVIO_RX_PHASE;
		memcpy(fake_at(guest->vif, queue->completion) + (size_t)slot * 16, &cmpl, 16);
	}
}

void guest_warp(struct guest *guest, uint32_t kind, uint32_t qid, uint32_t index)
{
	struct guest_queue *queue = kind == SVIO_QUEUE_TX ? &guest->tx[qid] : &guest->rx[qid];

	fake_warp_queue(guest->vif, kind, qid, index);
	queue->tail = index;
	queue->head = index;
	guest_doorbell(guest, kind, qid)->tail = index;
	if (kind == SVIO_QUEUE_RX)
		age_cmpls(guest, queue, index);
}
