/* SPDX-License-Identifier: BSD-3-Clause */
#include "split_backend.h"

#include <err.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 14u

static struct split_port *sender_of(struct split_backend *backend,
				    const struct split_packet *packet)
{
	return &backend->ports[packet->sender];
}

/* The end of a packet: the sender gets its page back and its answer, if it has not had it yet. */
static void release(struct split_backend *backend, struct split_packet *packet)
{
	struct split_port *sender = sender_of(backend, packet);

	if (packet->rest) {
		split_grant_unmap(&sender->guest, packet->grant, false);
		backend->unmapped = true;
		split_back_respond(&sender->tx, packet->id, 0);
	}
	backend->free_packets[backend->free_count++] = packet;
}

static void trap_once(bool *wanted)
{
	if (*wanted)
		split_hypercall();
	*wanted = false;
}

/* The bridge. */

static uint32_t bucket_of(const uint8_t *mac)
{
	return (mac[3] ^ mac[4] ^ mac[5]) % SPLIT_MAC_BUCKETS;
}

static void learn(struct split_backend *backend, const uint8_t *mac, uint32_t port)
{
	uint32_t bucket = bucket_of(mac);

	if (backend->macs[bucket].port_plus_1 == port + 1 &&
	    memcmp(backend->macs[bucket].mac, mac, 6) == 0)
		return;
	memcpy(backend->macs[bucket].mac, mac, 6);
	backend->macs[bucket].port_plus_1 = (uint8_t)(port + 1);
}

/* Where a frame goes: with two ports, one that is not known goes to the other. */
static uint32_t look_up(const struct split_backend *backend, const uint8_t *mac, uint32_t from)
{
	uint32_t bucket = bucket_of(mac);

	if (backend->macs[bucket].port_plus_1 && memcmp(backend->macs[bucket].mac, mac, 6) == 0)
		return backend->macs[bucket].port_plus_1 - 1u;
	return 1 - from;
}

static void bridge(struct split_backend *backend, struct split_packet *packet)
{
	struct split_port *to;
	uint32_t port;

	learn(backend, packet->linear + 6, packet->sender);
	port = look_up(backend, packet->linear, packet->sender);
	to = &backend->ports[port];
	if (port == packet->sender || to->queue_tail - to->queue_head == SPLIT_QUEUE) {
		backend->dropped++;
		release(backend, packet);
		return;
	}
	to->queue[to->queue_tail++ % SPLIT_QUEUE] = packet;
	backend->switched++;
}

/* What guests send. */

static bool is_sane(const struct split_tx_request *request)
{
	return request->size >= HEADER_BYTES &&
	       (uint32_t)request->offset + request->size <= SPLIT_PAGE;
}

/* Plans the copy of a request's head. false: the request is answered with an error. */
static bool plan(struct split_backend *backend, uint32_t port, struct split_packet **packet,
		 struct split_grant_copy *copy)
{
	struct split_ring_back *ring = &backend->ports[port].tx;
	const union split_entry *entry = split_ring_entry(ring->shared, ring->req_cons++);
	struct split_tx_request request;

	/* Read once: the guest may change it while it is checked. */
	memcpy(&request, entry, sizeof(request));
	atomic_signal_fence(memory_order_seq_cst);
	if (!is_sane(&request)) {
		backend->refused++;
		split_back_respond(ring, request.id, SPLIT_STATUS_ERROR);
		return false;
	}
	*packet = backend->free_packets[--backend->free_count];
	(*packet)->bytes = request.size;
	(*packet)->linear_bytes = request.size < SPLIT_COPY_BYTES ? request.size
								  : (uint16_t)SPLIT_COPY_BYTES;
	(*packet)->sender = (uint16_t)port;
	(*packet)->id = request.id;
	(*packet)->grant = request.grant;
	(*packet)->rest = NULL;
	*copy = (struct split_grant_copy){ .guest = &backend->ports[port].guest,
					   .reference = request.grant,
					   .offset = request.offset,
					   .bytes = (*packet)->linear_bytes,
					   .local = (*packet)->linear };
	return true;
}

/* Lends the rest of the frame from the guest's page. false: the guest does not allow it. */
static bool lend_rest(struct split_backend *backend, struct split_packet *packet, uint16_t offset)
{
	struct split_port *port = sender_of(backend, packet);
	uint8_t *page;

	backend->mapped = true;

	if (split_grant_map(&port->guest, packet->grant, SPLIT_DRIVER_DOMAIN, false, &page))
		return false;
	packet->rest = page + offset + packet->linear_bytes;
	return true;
}

static uint32_t take_requests(struct split_backend *backend, uint32_t number)
{
	struct split_port *port = &backend->ports[number];
	struct split_packet *packets[SPLIT_BURST];
	struct split_grant_copy copies[SPLIT_BURST];
	uint32_t n = split_back_requests(&port->tx);
	uint32_t count = 0;

	if (n > SPLIT_RING_ENTRIES) {
		port->broken = true;
		return 0;
	}
	n = n < SPLIT_BURST ? n : SPLIT_BURST;
	n = n < backend->free_count ? n : backend->free_count;
	for (uint32_t i = 0; i < n; i++)
		count += plan(backend, number, &packets[count], &copies[count]);
	split_grant_copy(copies, count, SPLIT_DRIVER_DOMAIN);
	for (uint32_t i = 0; i < count; i++) {
		bool whole = packets[i]->linear_bytes == packets[i]->bytes;

		if (copies[i].status ||
		    (!whole && !lend_rest(backend, packets[i], copies[i].offset))) {
			backend->refused++;
			split_back_respond(&port->tx, packets[i]->id, SPLIT_STATUS_ERROR);
			release(backend, packets[i]);
			continue;
		}
		if (whole)
			split_back_respond(&port->tx, packets[i]->id, 0);
		bridge(backend, packets[i]);
	}
	trap_once(&backend->mapped);
	return n;
}

/* What guests receive. */

/* One or two copies into the page of the next request; returns how many. */
static uint32_t plan_delivery(struct split_port *port, const struct split_packet *packet,
			      uint16_t *id, struct split_grant_copy *copies)
{
	const union split_entry *entry = split_ring_entry(port->rx.shared, port->rx.req_cons++);
	struct split_rx_request request;

	memcpy(&request, entry, sizeof(request));
	atomic_signal_fence(memory_order_seq_cst);
	*id = request.id;
	copies[0] = (struct split_grant_copy){ .guest = &port->guest,
					       .reference = request.grant,
					       .bytes = packet->linear_bytes,
					       .to_guest = true,
					       .local = (uint8_t *)packet->linear };
	if (!packet->rest)
		return 1;
	copies[1] = copies[0];
	copies[1].offset = packet->linear_bytes;
	copies[1].bytes = (uint16_t)(packet->bytes - packet->linear_bytes);
	copies[1].local = (uint8_t *)packet->rest;
	return 2;
}

static uint32_t deliver(struct split_backend *backend, struct split_port *port)
{
	struct split_grant_copy copies[2 * SPLIT_BURST];
	uint16_t ids[SPLIT_BURST];
	uint8_t counts[SPLIT_BURST];
	uint32_t n = port->queue_tail - port->queue_head;
	uint32_t room = n ? split_back_requests(&port->rx) : 0;
	uint32_t count = 0;

	if (room > SPLIT_RING_ENTRIES) {
		port->broken = true;
		return 0;
	}
	n = n < room ? n : room;
	n = n < SPLIT_BURST ? n : SPLIT_BURST;
	for (uint32_t i = 0; i < n; i++) {
		counts[i] = (uint8_t)plan_delivery(
			port, port->queue[(port->queue_head + i) % SPLIT_QUEUE], &ids[i],
			&copies[count]);
		count += counts[i];
	}
	split_grant_copy(copies, count, SPLIT_DRIVER_DOMAIN);
	for (uint32_t i = 0, k = 0; i < n; k += counts[i++]) {
		struct split_packet *packet = port->queue[port->queue_head++ % SPLIT_QUEUE];
		bool failed = copies[k].status || copies[k + counts[i] - 1].status;

		backend->refused += failed;
		split_back_respond(&port->rx, ids[i],
				   failed ? SPLIT_STATUS_ERROR : (int16_t)packet->bytes);
		release(backend, packet);
	}
	trap_once(&backend->unmapped);
	return n;
}

static void publish(struct split_backend *backend)
{
	const uint64_t one = 1;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++) {
		struct split_port *port = &backend->ports[i];
		bool notify = split_back_publish(&port->tx);

		if (!(split_back_publish(&port->rx) | notify))
			continue;
		backend->notifications++;
		if (write(port->guest_event, &one, sizeof(one)) != sizeof(one))
			err(1, "event channel");
	}
}

void split_backend_init(struct split_backend *backend)
{
	memset(backend, 0, sizeof(*backend));
	for (uint32_t i = 0; i < SPLIT_PACKETS; i++)
		backend->free_packets[backend->free_count++] = &backend->packets[i];
}

void split_backend_attach(struct split_backend *backend, uint32_t port, struct split_memory *memory,
			  int guest_event)
{
	struct split_port *to = &backend->ports[port];

	to->guest.pages = (uint8_t *)memory;
	to->guest.page_count = sizeof(*memory) / SPLIT_PAGE;
	to->guest.table = memory->grants;
	to->tx.shared = &memory->tx.ring;
	to->rx.shared = &memory->rx.ring;
	to->guest_event = guest_event;
}

uint32_t split_backend_step(struct split_backend *backend)
{
	uint32_t work = 0;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		if (!backend->ports[i].broken)
			work += take_requests(backend, i);
	for (uint32_t i = 0; i < SPLIT_PORTS; i++)
		if (!backend->ports[i].broken)
			work += deliver(backend, &backend->ports[i]);
	if (work)
		publish(backend);
	return work;
}

bool split_backend_sleep(struct split_backend *backend)
{
	bool may_sleep = true;

	for (uint32_t i = 0; i < SPLIT_PORTS; i++) {
		struct split_port *port = &backend->ports[i];

		if (port->broken)
			continue;
		may_sleep &= !split_back_arm(&port->tx);
		/* Pages are of interest only where somebody waits for one. */
		if (port->queue_head != port->queue_tail)
			may_sleep &= !split_back_arm(&port->rx);
	}
	return may_sleep;
}
