/* SPDX-License-Identifier: BSD-3-Clause */
#include "map_guest.h"

#include <string.h>

#include "svio_iommu_fault.h"
#include "svio_regs.h"

struct guest map_guest[3];
struct guest_packet map_packet;
uint32_t map_tail;

struct svio_admin_cmd map_create_cmd(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_MAPQ_CREATE };

	cmd.queue_create.ring = MAP_RING;
	cmd.queue_create.completion = MAP_STATUS;
	cmd.queue_create.vector = SVIO_VECTOR_NONE;
	cmd.queue_create.ring_lg2 = MAP_LG2;
	return cmd;
}

uint32_t map_create(void)
{
	struct svio_admin_cmd cmd = map_create_cmd();

	map_tail = 0;
	memset(fake_at(0, MAP_RING), 0, 0x2000);
	fake.doorbells[0]->map.tail = 0;
	return guest_command(&map_guest[0], &cmd);
}

uint32_t map_destroy(uint16_t kind)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };

	cmd.queue.kind = kind;
	return guest_command(&map_guest[0], &cmd);
}

void map_put(uint64_t addr, uint32_t page, uint32_t pages, uint32_t flags)
{
	struct svio_map_entry entry = {
		.addr = addr, .page = page, .pages = (uint16_t)pages, .flags = (uint16_t)flags
	};

	memcpy(fake_at(0, MAP_RING) + (size_t)(map_tail++ % MAP_ENTRIES) * 16, &entry,
	       sizeof(entry));
}

void map_ring(void)
{
	__atomic_store_n(&fake.doorbells[0]->map.tail, map_tail, __ATOMIC_SEQ_CST);
	if (fake.doorbells[0]->asleep)
		svio_host_wake_set(fake.segment, 0);
}

void map_do(uint64_t addr, uint32_t page, uint32_t pages, uint32_t flags)
{
	map_put(addr, page, pages, flags);
	map_ring();
	fake_run();
}

uint32_t map_head(void)
{
	uint32_t value;

	memcpy(&value, fake_at(0, MAP_STATUS), sizeof(value));
	return value;
}

uint32_t map_error(void)
{
	return guest_queue_error(&map_guest[0], SVIO_QUEUE_MAP, 0);
}

uint64_t map_page(uint32_t page)
{
	const char *maps = (const char *)fake.segment + fake.segment->maps_offset;

	return ((const struct svio_host_map *)(const void *)maps)->page[page];
}

uint32_t map_granted(void)
{
	uint32_t count = 0;
	uint32_t i;

	for (i = 0; i < SVIO_MAP_PAGES_MAX; i++)
		count += map_page(i) != 0;
	return count;
}

bool map_set_up(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < 3; i++) {
		fake_vif_prepare(i);
		if (!i)
			fake_config(i)->flags |= SVIO_HOST_VIF_MAP_QUEUE;
		if (svio_fw_vif_add(fake.fw, i))
			return false;
	}
	guest_start(&map_guest[0], 0, MAP_FEATURES);
	guest_start_queues(&map_guest[1], 1, 0, 6);
	guest_start_queues(&map_guest[2], 2, 0, 6);
	return map_create() == SVIO_ADMIN_STATUS_OK;
}

bool map_set_up_queues(void)
{
	uint64_t addr;

	for (addr = FAKE_IOVA; addr < SPARE_ADDR; addr += 16 << SVIO_MAP_PAGE_LG2)
		map_do(addr, (uint32_t)(addr >> SVIO_MAP_PAGE_LG2), 16, MAP_BOTH);
	if (guest_txq_create(&map_guest[0], 0, 6) || guest_rxq_create(&map_guest[0], 0, 6, 2048))
		return false;
	guest_post(&map_guest[0], 0, UINT32_MAX);
	return true;
}

bool map_restart(void)
{
	uint32_t i;

	fake_attach();
	for (i = 0; i < 3; i++) {
		if (svio_fw_vif_add(fake.fw, i))
			return false;
	}
	fake_run();
	return true;
}

bool map_passes(uint32_t from, uint32_t to, uint32_t seed)
{
	uint8_t frame[200];

	guest_frame_between(frame, sizeof(frame), from, to, seed);
	guest_send(&map_guest[from], 0, frame, sizeof(frame));
	fake_run();
	return guest_receive(&map_guest[to], 0, &map_packet) && map_packet.bytes == sizeof(frame) &&
	       !memcmp(map_packet.data, frame, sizeof(frame));
}

void map_send_from(uint64_t addr, uint32_t bytes)
{
	struct svio_tx_desc desc = { .addr = addr, .len = (uint16_t)bytes, .flags = SVIO_TX_END };

	guest_tx_put(&map_guest[0], 0, &desc);
	guest_tx_ring(&map_guest[0], 0);
}

bool map_faulted(uint64_t addr, uint32_t error, uint32_t reason)
{
	const char *log = (const char *)fake.segment + fake.segment->faults_offset;
	const struct svio_iommu_fault_log *faults =
		(const struct svio_iommu_fault_log *)(const void *)log;
	struct svio_iommu_fault fault = { 0 };

	fake_run();
	svio_iommu_fault_get(faults, faults->head, &fault);
	return guest_queue_error(&map_guest[0], SVIO_QUEUE_TX, 0) == error &&
	       fault.reason == reason && fault.iova == addr && !fault.vif &&
	       !guest_receive(&map_guest[1], 0, &map_packet) && map_passes(1, 2, 5) && !map_error();
}
