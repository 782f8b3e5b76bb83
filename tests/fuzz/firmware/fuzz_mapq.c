/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The map ring: entries and tails of any bytes, packets that use what they have granted, and
 * firmwares that are replaced. The input is a list of actions, each a byte and what it needs.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz_device.h"
#include "map_guest.h"
#include "svio_regs.h"

#define LG2 5

static void require(bool holds)
{
	if (!holds)
		abort();
}

/* An entry, brought near the valid ones; with the flag it leads into memory or the hole. */
static void put_entry(struct fuzz_input *input, uint8_t how)
{
	uint64_t words[2];
	struct svio_map_entry entry;

	fuzz_take_bytes(input, words, how & 0x80 ? 16 : 6);
	memcpy(&entry, words, sizeof(entry));
	if (!(how & 0x80)) {
		entry.addr = fake_iova((uint32_t)words[0] % (FAKE_MEM_BYTES + 4096) & ~0xfffu);
		entry.page = (uint32_t)(words[0] >> 24) & 0xffff;
		entry.pages = (uint16_t)(1 + (words[0] >> 40) % 17);
		entry.flags = 1 + (how >> 5) % 4;
		if (entry.flags == SVIO_MAP_REVOKE)
			entry.addr = 0;
	}
	memcpy(fake_at(ATTACKER, MAP_RING) + (size_t)(map_tail++ % MAP_ENTRIES) * 16, &entry,
	       sizeof(entry));
}

/* Grant the pages that rings and the first buffers lie in, as a driver would. */
static void grant_rings(void)
{
	uint64_t addr;

	for (addr = FAKE_IOVA; addr < fake_iova(0x180000); addr += 16 << SVIO_MAP_PAGE_LG2)
		map_do(addr, (uint32_t)(addr >> SVIO_MAP_PAGE_LG2), 16, MAP_BOTH);
}

static void restart(void)
{
	uint32_t i;

	fake_attach();
	for (i = 0; i < 3; i++)
		require(!svio_fw_vif_add(fake.fw, i));
}

static void act(struct fuzz_input *input)
{
	struct guest *guest = &fuzz_attacker;
	uint8_t how = (uint8_t)fuzz_take(input, 1);
	struct svio_tx_desc desc = { .len = 60, .flags = SVIO_TX_END };

	switch (how & 7) {
	case 0:
	case 1:
	case 2:
		put_entry(input, how);
		break;
	case 3:
		map_ring();
		break;
	case 4:
		fake.doorbells[ATTACKER]->map.tail = (uint32_t)fuzz_take(input, how & 0x80 ? 4 : 1);
		break;
	case 5:
		desc.addr = fuzz_take(input, 4);
		guest_tx_put(guest, 0, &desc);
		guest_tx_ring(guest, 0);
		break;
	case 6:
		svio_fw_poll(fake.fw);
		break;
	default:
		if (how == 0xff)
			restart();
		else
			fake_wire_receive(fake_at(ATTACKER, GUEST_TX_DATA), 60, 0);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
	struct fuzz_input input = { data, size_bytes };

	fuzz_device_begin();
	fake_config(ATTACKER)->flags |= SVIO_HOST_VIF_MAP_QUEUE;
	require(!svio_fw_vif_update(fake.fw, ATTACKER));
	guest_start(&fuzz_attacker, ATTACKER, MAP_FEATURES);
	map_guest[0] = fuzz_attacker;
	require(!map_create());
	grant_rings();
	fuzz_attacker = map_guest[0];
	require(!guest_txq_create(&fuzz_attacker, 0, LG2));
	require(!guest_rxq_create(&fuzz_attacker, 0, LG2, 2048));
	guest_post(&fuzz_attacker, 0, 20);
	while (input.left)
		act(&input);
	fuzz_device_check();
	require(map_granted() == fake_counter(ATTACKER, SVIO_COUNTER_map_granted) -
					 fake_counter(ATTACKER, SVIO_COUNTER_map_revoked));
	require(!svio_fw_vif_reset(fake.fw, ATTACKER));
	require(!map_granted());
	return 0;
}
