/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packet path of a DPDK wire. Frames are sent in bursts: when the firmware flushes, which it
 * does before a guest hears that they were sent, or when a burst is full.
 */
#include <string.h>
#include <unistd.h>

#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "port.h"
#include "svio_packet.h"
#include "wire_dpdk.h"

/* How often a full transmit ring is tried again before the rest of a burst is dropped. */
#define TX_TRIES 4
/* Zero-copy: how long a NIC may take to send a burst before it is stopped. */
#define SENT_NS 20000000ull
/* mbufs that the longest packet takes when it is copied. */
#define COPIES_MAX 9
/* Where TCP and UDP have their checksums. */
#define TCP_CSUM 16
#define UDP_CSUM 6

static uint32_t dpdk_rx(void *state, struct svio_wire_frame *frames, uint32_t max)
{
	struct dpdk *d = state;
	uint16_t i, count;

	count = rte_eth_rx_burst(d->port, 0, d->rx, max < RX_BURST ? (uint16_t)max : RX_BURST);
	for (i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod(d->rx[i], const void *));
	for (i = 0; i < count; i++) {
		struct rte_mbuf *m = d->rx[i];
		bool whole = m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0;

		frames[i] = (struct svio_wire_frame){
			.data = rte_pktmbuf_mtod(m, const void *),
			/* One too long to be linear is reported as malformed: empty. */
			.bytes = whole ? m->pkt_len : 0,
			.flags = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
						 RTE_MBUF_F_RX_L4_CKSUM_GOOD
					 ? SVIO_WIRE_CSUM_OK
					 : 0,
		};
	}
	d->rx_count = count;
	if (count)
		d->look_ns = LOOK_MIN_NS;
	return count;
}

static void dpdk_rx_done(void *state)
{
	struct dpdk *d = state;

	rte_pktmbuf_free_bulk(d->rx, d->rx_count);
	d->rx_count = 0;
}

/* What the port asks to be written into the headers of frames that it works on. */
static uint16_t prepare(struct dpdk *d, uint16_t sent)
{
	uint16_t left = d->tx_count - sent;

	return d->tx_prepare ? rte_eth_tx_prepare(d->port, 0, d->tx + sent, left) : left;
}

static void send_queued(struct dpdk *d)
{
	uint16_t ready = d->tx_count ? prepare(d, 0) : 0;
	uint16_t sent = 0;
	int tries;

	for (tries = 0; sent < ready && tries < TX_TRIES; tries++)
		sent += rte_eth_tx_burst(d->port, 0, d->tx + sent, ready - sent);
	if (sent < d->tx_count) {
		d->tx_refused += d->tx_count - sent;
		rte_pktmbuf_free_bulk(d->tx + sent, d->tx_count - sent);
	}
	d->tx_count = 0;
	d->tx_prepare = false;
}

/*
 * An mbuf without data; pkt_len is the caller's to set. NULL: none is left. In a pool an
 * mbuf is unshared, and the only one of its chain: that leaves less to do than rte_pktmbuf_alloc().
 */
static inline struct rte_mbuf *take_spare(struct dpdk *d)
{
	struct rte_mbuf *m;

	if (!d->spare_count) {
		if (rte_mempool_get_bulk(d->pool, (void **)d->spare, TX_SPARE) < 0)
			return NULL;
		d->spare_count = TX_SPARE;
	}
	m = d->spare[--d->spare_count];
	m->ol_flags = 0;
	m->tx_offload = 0; /* what an earlier frame asked for; drivers look at it */
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = 0;
	return m;
}

static void *dpdk_tx_room(void *state, uint32_t bytes)
{
	struct dpdk *d = state;
	struct rte_mbuf *room;

	if (d->tx_count == TX_BURST)
		send_queued(d);
	if (!d->room)
		d->room = take_spare(d);
	room = d->room;
	if (!room || bytes > rte_pktmbuf_tailroom(room))
		return NULL;
	room->data_len = (uint16_t)bytes;
	room->pkt_len = bytes;
	d->last = room;
	return rte_pktmbuf_mtod(room, void *);
}

static void chain(struct dpdk *d, struct rte_mbuf *piece)
{
	d->last->next = piece;
	d->last = piece;
	d->room->nb_segs++;
}

/* False: it has to be copied. */
static bool lend_piece(struct dpdk *d, const char *data, uint32_t bytes)
{
	struct rte_mbuf *piece;

	/* What is left of the packet may have to be copied, in as many mbufs. */
	if (!d->lends || !d->link_up || d->room->nb_segs + COPIES_MAX >= d->segs_max)
		return false;
	piece = take_spare(d);
	if (!piece)
		return false;
	if (!svio_port_lend_attach(&d->lend, piece, data, (uint16_t)bytes)) {
		rte_pktmbuf_free(piece);
		return false;
	}
	chain(d, piece);
	d->lent_bytes += bytes;
	d->lent_now = true;
	return true;
}

static bool copy_piece(struct dpdk *d, const char *data, uint32_t bytes)
{
	while (bytes) {
		uint32_t n = rte_pktmbuf_tailroom(d->last);
		struct rte_mbuf *piece;

		if (!n) {
			piece = take_spare(d);
			if (!piece)
				return false;
			chain(d, piece);
			continue;
		}
		if (n > bytes)
			n = bytes;
		memcpy(rte_pktmbuf_mtod_offset(d->last, char *, d->last->data_len), data, n);
		d->last->data_len = (uint16_t)(d->last->data_len + n);
		data += n;
		bytes -= n;
	}
	return true;
}

static bool dpdk_tx_append(void *state, const char *data, uint32_t bytes)
{
	struct dpdk *d = state;

	d->room->pkt_len += bytes;
	if (lend_piece(d, data, bytes) || copy_piece(d, data, bytes))
		return true;
	rte_pktmbuf_free(d->room);
	d->room = NULL;
	return false;
}

/* A checksum that the port does not know how to complete. */
static void complete_checksum(struct rte_mbuf *m, const struct svio_wire_frame *frame)
{
	uint16_t *field =
		rte_pktmbuf_mtod_offset(m, uint16_t *, frame->csum_start + frame->csum_offset);
	uint16_t sum;

	if (rte_raw_cksum_mbuf(m, frame->csum_start, m->pkt_len - frame->csum_start, &sum) < 0)
		return;
	/* RFC 768: zero would mean "none"; for TCP both zeros are equal. */
	sum = sum == 0xffff ? sum : (uint16_t)~sum;
	memcpy(field, &sum, sizeof(sum));
}

/*
 * The port completes the checksums of TCP and UDP over IP, as the frame's own headers have them.
 * False: this is something else.
 */
static bool ask_port(struct dpdk *d, struct rte_mbuf *m, const struct svio_wire_frame *frame)
{
	struct svio_packet info;
	bool udp;

	svio_packet_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &info);
	udp = info.l4 == SVIO_IPPROTO_UDP;
	if (!info.l4 || info.l4_offset != frame->csum_start ||
	    frame->csum_offset != (udp ? UDP_CSUM : TCP_CSUM))
		return false;
	m->l2_len = info.l3_offset;
	m->l3_len = (uint16_t)(info.l4_offset - info.l3_offset);
	m->ol_flags |= udp ? RTE_MBUF_F_TX_UDP_CKSUM : RTE_MBUF_F_TX_TCP_CKSUM;
	m->ol_flags |= info.l3 == 4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6;
	if (frame->gso_type) {
		m->l4_len = (uint16_t)(frame->hdr_len - info.l4_offset);
		m->tso_segsz = frame->gso_size;
		m->ol_flags |= udp ? RTE_MBUF_F_TX_UDP_SEG : RTE_MBUF_F_TX_TCP_SEG;
		if (info.l3 == 4)
			m->ol_flags |= RTE_MBUF_F_TX_IP_CKSUM;
	}
	d->tx_prepare = true;
	return true;
}

static void dpdk_tx_send(void *state, const struct svio_wire_frame *frame)
{
	struct dpdk *d = state;
	struct rte_mbuf *m = d->room;

	if (frame->flags & SVIO_WIRE_CSUM && !ask_port(d, m, frame))
		complete_checksum(m, frame);
	d->tx[d->tx_count++] = m;
	d->room = NULL;
}

/* A NIC that does not send is stopped: that it lets go of memory must not depend on its peer. */
static void stop_standing(struct dpdk *d)
{
	svio_port_log("%s: the NIC does not send: it is started again and no memory is lent to it "
		      "any more",
		      d->wire->spec);
	d->lends = false;
	if (rte_eth_dev_stop(d->port) < 0 || rte_eth_dev_start(d->port) < 0) {
		/* With this process its IOMMU domain ends. */
		svio_port_log("%s: the NIC cannot be stopped", d->wire->spec);
		_exit(SVIO_PORT_EXIT_INTERNAL);
	}
}

/* Until the NIC has read all that was lent: who lent it has it back when this returns. */
static void wait_sent(struct dpdk *d)
{
	uint64_t until_ns = svio_hal_now_ns() + SENT_NS;

	while (d->lent_now && !svio_port_lend_sent(d->port, d->tx_descs)) {
		if (svio_hal_now_ns() > until_ns) {
			stop_standing(d);
			break;
		}
	}
	d->lent_now = false;
	if (svio_iommu_window_settle(&d->lend.window) < 0)
		_exit(SVIO_PORT_EXIT_INTERNAL);
}

void svio_port_dpdk_count_lent(struct dpdk *d)
{
	svio_le64 *counters = d->wire->segment->counters;

	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_tx_lent_bytes], d->lent_bytes,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_lends], d->lend.window.maps,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_revokes], d->lend.window.revokes,
			 __ATOMIC_RELAXED);
}

static uint32_t dpdk_tx_flush(void *state)
{
	struct dpdk *d = state;
	uint32_t refused;

	send_queued(d);
	if (d->zero_copy) {
		wait_sent(d);
		svio_port_dpdk_count_lent(d);
	}
	refused = d->tx_refused;
	d->tx_refused = 0;
	return refused;
}

const struct svio_hal_wire_ops svio_port_dpdk_ops = {
	.rx = dpdk_rx,
	.rx_done = dpdk_rx_done,
	.tx_room = dpdk_tx_room,
	.tx_append = dpdk_tx_append,
	.tx_send = dpdk_tx_send,
	.tx_flush = dpdk_tx_flush,
};

const struct svio_hal_wire_ops svio_port_dpdk_lending_ops = {
	.rx = dpdk_rx,
	.rx_done = dpdk_rx_done,
	.tx_room = dpdk_tx_room,
	.tx_append = dpdk_tx_append,
	.tx_send = dpdk_tx_send,
	.tx_flush = dpdk_tx_flush,
	.lends = true,
};

static bool offers(const struct dpdk *d, uint64_t offloads)
{
	return (d->tx_offloads & offloads) == offloads;
}

void svio_port_dpdk_offer(struct dpdk *d)
{
	struct svio_port_wire *wire = d->wire;
	const uint64_t segments = RTE_ETH_TX_OFFLOAD_MULTI_SEGS | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;

	wire->csum = offers(d, RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	if (!wire->csum || d->segs_max < 2 * COPIES_MAX)
		return;
	if (offers(d, segments | RTE_ETH_TX_OFFLOAD_TCP_TSO))
		wire->gso |= 1u << SVIO_GSO_TCP4 | 1u << SVIO_GSO_TCP6;
	if (offers(d, segments | RTE_ETH_TX_OFFLOAD_UDP_TSO))
		wire->gso |= 1u << SVIO_GSO_UDP4 | 1u << SVIO_GSO_UDP6;
}
