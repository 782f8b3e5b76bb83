/* SPDX-License-Identifier: BSD-3-Clause */
#include "split_front.h"

#include <err.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Grant references and pages: a frame's id, receive ones after those to send. */
#define RX_GRANT(id) (SPLIT_RING_ENTRIES + (id))
#define TX_FRAME(id) (3 + (id))
#define RX_FRAME(id) (3 + SPLIT_RING_ENTRIES + (id))

struct split_memory *split_memory_new(void)
{
	void *memory = mmap(NULL, sizeof(struct split_memory), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (memory == MAP_FAILED)
		err(1, "a guest's memory");
	return memory;
}

void split_memory_free(struct split_memory *memory)
{
	munmap(memory, sizeof(*memory));
}

static void notify(struct split_front *front)
{
	const uint64_t one = 1;

	front->notifications++;
	if (write(front->backend_event, &one, sizeof(one)) != sizeof(one))
		err(1, "event channel");
}

/* Grants and posts the pages that were received, again. */
static void refill(struct split_front *front)
{
	if (!front->rx_used_count)
		return;
	while (front->rx_used_count) {
		uint16_t id = front->rx_used[--front->rx_used_count];

		split_grant_give(&front->memory->grants[RX_GRANT(id)], RX_FRAME(id),
				 SPLIT_DRIVER_DOMAIN, false);
		split_ring_entry(front->rx.shared, front->rx.req_prod++)->rx =
			(struct split_rx_request){ .id = id, .grant = RX_GRANT(id) };
	}
	if (split_front_publish(&front->rx))
		notify(front);
}

void split_front_open(struct split_front *front, struct split_memory *memory, int backend_event)
{
	memset(front, 0, sizeof(*front));
	front->memory = memory;
	front->backend_event = backend_event;
	front->tx.shared = &memory->tx.ring;
	front->rx.shared = &memory->rx.ring;
	split_ring_init(front->tx.shared);
	split_ring_init(front->rx.shared);
	for (uint16_t id = 0; id < SPLIT_RING_ENTRIES; id++) {
		front->tx_free[front->tx_free_count++] = id;
		front->rx_used[front->rx_used_count++] = id;
	}
	refill(front);
}

static void end_grant(struct split_front *front, uint32_t reference)
{
	if (!split_grant_end(&front->memory->grants[reference]))
		front->errors++;
}

/* Takes back the pages of frames that were sent. */
static void collect_sent(struct split_front *front)
{
	for (uint32_t n = split_front_responses(&front->tx); n; n--) {
		const struct split_response *response =
			&split_ring_entry(front->tx.shared, front->tx.rsp_cons++)->response;

		if (response->status < 0)
			front->errors++;
		end_grant(front, response->id);
		front->tx_free[front->tx_free_count++] = response->id;
	}
}

uint32_t split_front_send(struct split_front *front, const uint64_t *stamps, uint32_t n,
			  uint32_t bytes)
{
	collect_sent(front);
	if (n > front->tx_free_count)
		n = front->tx_free_count;
	for (uint32_t i = 0; i < n; i++) {
		uint16_t id = front->tx_free[--front->tx_free_count];

		guest_write(front->memory->tx_pages[id], &front->port, stamps[i]);
		split_grant_give(&front->memory->grants[id], TX_FRAME(id), SPLIT_DRIVER_DOMAIN,
				 true);
		split_ring_entry(front->tx.shared, front->tx.req_prod++)->tx =
			(struct split_tx_request){ .grant = id, .id = id, .size = (uint16_t)bytes };
	}
	if (n && split_front_publish(&front->tx))
		notify(front);
	return n;
}

uint32_t split_front_receive(struct split_front *front, uint64_t *stamps, uint32_t n)
{
	uint32_t ready = split_front_responses(&front->rx);
	uint32_t count = 0;

	if (n > ready)
		n = ready;
	for (uint32_t i = 0; i < n; i++) {
		struct split_response response =
			split_ring_entry(front->rx.shared, front->rx.rsp_cons++)->response;

		end_grant(front, RX_GRANT(response.id));
		if (response.status < 0)
			front->errors++;
		else
			stamps[count++] =
				guest_read(&front->port, front->memory->rx_pages[response.id]);
		front->rx_used[front->rx_used_count++] = response.id;
	}
	refill(front);
	return count;
}

bool split_front_sleep(struct split_front *front, bool sending)
{
	uint32_t under_way = front->tx.req_prod - front->tx.rsp_cons;

	if (split_front_arm(&front->rx, 1))
		return false;
	return !sending || !under_way || !split_front_arm(&front->tx, (under_way >> 1) + 1);
}
