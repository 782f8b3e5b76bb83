/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What prop_poll_cost.py counts the instructions of: passes of the firmware on the fake port.
 *
 * usage: poll_cost ACTIVE IDLE ROUNDS PACKETS
 *
 * ACTIVE VIFs are awake, IDLE ones are not. In each round every active VIF
 * sends PACKETS (up to 32) to the next one, and the firmware polls until all are there; with 0
 * it polls once and finds nothing. Prints the packets that have arrived.
 */
#include <stdio.h>
#include <stdlib.h>

#include "guest.h"

/* Of the idle ones one in so many was used before. */
#define IDLE_USED 16

static struct guest guests[FAKE_VIFS];
static struct guest_packet packet;
static uint8_t frame[64];

/* What callgrind counts. */
static __attribute__((noinline)) uint32_t counted_poll(void)
{
	return svio_fw_poll(fake.fw);
}

static void fall_asleep(uint32_t vif)
{
	while (!fake.doorbells[vif]->asleep) {
		fake.hal.now_ns += 100000;
		svio_fw_poll(fake.fw);
	}
}

/* With queues, and asleep again: else each one's start would poll all others. */
static void add_sleeper(uint32_t vif)
{
	fake_vif_add(vif);
	guest_start_queues(&guests[vif], vif, GUEST_ALL_FEATURES, 6);
	fall_asleep(vif);
}

static void send_all(uint32_t active, uint32_t packets)
{
	for (uint32_t from = 0; from < active; from++) {
		guest_frame_between(frame, sizeof(frame), from, (from + 1) % active, from);
		for (uint32_t i = 0; i < packets; i++)
			guest_send(&guests[from], 0, frame, sizeof(frame));
	}
}

static unsigned long receive_all(uint32_t active)
{
	unsigned long received = 0;

	for (uint32_t to = 0; to < active; to++) {
		uint32_t count = 0;

		while (guest_receive(&guests[to], 0, &packet))
			count++;
		guest_post(&guests[to], 0, count);
		received += count;
	}
	return received;
}

int main(int argc, char **argv)
{
	uint32_t active, idle, rounds, packets;
	unsigned long received = 0;

	if (argc != 5)
		return 2;
	active = (uint32_t)strtoul(argv[1], NULL, 10);
	idle = (uint32_t)strtoul(argv[2], NULL, 10);
	rounds = (uint32_t)strtoul(argv[3], NULL, 10);
	packets = (uint32_t)strtoul(argv[4], NULL, 10);
	if (active < 1 || active + idle > FAKE_VIFS || packets > 32)
		return 2;
	fake_init();
	for (uint32_t vif = 0; vif < active; vif++)
		add_sleeper(vif);
	for (uint32_t vif = active; vif < active + idle; vif++) {
		if (vif % IDLE_USED)
			fake_vif_add(vif);
		else
			add_sleeper(vif);
	}
	for (uint32_t vif = 0; vif < active; vif++)
		svio_host_wake_set(fake.segment, vif);
	svio_fw_poll(fake.fw);
	receive_all(active);
	while (rounds--) {
		send_all(active, packets);
		do
			fake.hal.now_ns += 1000;
		while (counted_poll());
		received += receive_all(active);
	}
	printf("%lu\n", received);
	fake_free();
	return 0;
}
