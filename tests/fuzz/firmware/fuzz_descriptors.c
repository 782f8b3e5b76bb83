/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Descriptors, doorbells and packets of any bytes on running queues. The input
 * is a list of actions, each a byte and what it needs.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz_device.h"
#include "guest.h"
#include "svio_regs.h"

#define LG2 5

/* Sixteen bytes for a ring; with the flag their address lies in the data area. */
static void take_entry(struct fuzz_input *input, uint8_t how, void *entry)
{
	uint64_t words[2];

	fuzz_take_bytes(input, words, sizeof(words));
	if (how & 0x80)
		words[0] = GUEST_TX_DATA + (words[0] & 0xffff);
	if (how & 0x40)
		words[1] &= 0x0000000000070fffull; /* small length, known flags */
	memcpy(entry, words, sizeof(words));
}

/* A header that is right up to where the input changes it. */
static void write_data(struct fuzz_input *input, uint8_t how)
{
	uint8_t *at = fake_at(ATTACKER, GUEST_TX_DATA);
	uint32_t offset = (uint32_t)fuzz_take(input, 1);

	if (how & 0x20) {
		memcpy(at, fake_config(1 + how % 2)->mac, 6);
		memcpy(at + 6, fake_config(ATTACKER)->mac, 6);
		return;
	}
	fuzz_take_bytes(input, at + offset, 16);
}

static void act(struct fuzz_input *input)
{
	struct guest *guest = &fuzz_attacker;
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	uint32_t qid = how >> 3 & 1;
	uint8_t entry[16];
	uint32_t slot;

	switch (how & 7) {
	case 0:
	case 1:
		take_entry(input, how, entry);
		guest_tx_put(guest, qid, entry);
		break;
	case 2:
		guest_tx_ring(guest, qid);
		svio_fw_poll(fake.fw);
		break;
	case 3:
		slot = (uint32_t)fuzz_take(input, 1) & ((1u << LG2) - 1);
		take_entry(input, how, fake_at(ATTACKER, guest->rx[qid].ring) + (size_t)slot * 16);
		break;
	case 4:
		guest_doorbell(guest, how >> 4 & 1, qid)->tail = (uint32_t)fuzz_take(input, 4);
		break;
	case 5:
		guest_doorbell(guest, how >> 4 & 1, qid)->arm = (uint32_t)fuzz_take(input, 4);
		break;
	case 6:
		write_data(input, how);
		break;
	default:
		fake_wire_receive(fake_at(ATTACKER, GUEST_TX_DATA), 14 + how * 4, 0);
		svio_fw_poll(fake.fw);
		break;
	}
}

/* A class for each level, so that queues move as much as they can. */
static void set_classes(void)
{
	struct svio_host_vif_qos *qos = &fake_slot(ATTACKER)->qos;
	uint32_t i;

	qos->classes = SVIO_HOST_CLASSES;
	for (i = 0; i < SVIO_HOST_LEVELS; i++)
		qos->lane[i] = (uint8_t)i;
	for (i = 0; i < sizeof(qos->dscp_level); i++)
		qos->dscp_level[i] = (uint8_t)(i % SVIO_HOST_LEVELS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = { data, size_bytes };
	uint64_t features;
	uint32_t i;

	fuzz_device_begin();
	features = fuzz_take(&input, 1);
	if (features & 2)
		set_classes();
	features = features & 1 ? GUEST_ALL_FEATURES : 0;
	fake_config(ATTACKER)->vlan = (uint16_t)(fuzz_take(&input, 1) % 3);
	if (svio_fw_vif_update(fake.fw, ATTACKER))
		abort();
	memset(fake_at(ATTACKER, GUEST_TX_DATA), 0, 0x20000);
	guest_start(&fuzz_attacker, ATTACKER, features);
	for (i = 0; i < 2; i++) {
		guest_txq_create(&fuzz_attacker, i, LG2);
		guest_rxq_create(&fuzz_attacker, i, LG2, 256);
		guest_post(&fuzz_attacker, i, 20);
	}
	while (input.left)
		act(&input);
	fuzz_device_check();
	return 0;
}
