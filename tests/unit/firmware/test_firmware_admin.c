/* SPDX-License-Identifier: BSD-3-Clause */
/* Admin commands: each one that works, and each refusal with the field it names. */
#include <stddef.h>
#include <string.h>

#include "guest.h"
#include "svio_error.h"
#include "svio_iommu_fault.h"
#include "svio_regs.h"
#include "svio_test.h"

static struct guest guest;

static void setup(void)
{
	fake_init();
	fake_vif_add(0);
	guest_start(&guest, 0, GUEST_ALL_FEATURES);
}

static struct svio_admin_cmpl run(struct svio_admin_cmd cmd)
{
	struct svio_admin_cmpl cmpl = { .status = 0xffff };

	CU_ASSERT_TRUE(guest_admin(&guest, &cmd, &cmpl));
	return cmpl;
}

#define AT(field) offsetof(struct svio_admin_cmd, field)

#define EXPECT(cmd, expected, offset)                                       \
	do {                                                                \
		struct svio_admin_cmpl got_ = run(cmd);                     \
		CU_ASSERT_EQUAL(got_.status, SVIO_ADMIN_STATUS_##expected); \
		CU_ASSERT_EQUAL(got_.detail, offset);                       \
	} while (0)

#define EXPECT_OK(cmd) EXPECT(cmd, OK, 0)

/* A valid command with one field changed. */
#define WITH(base, field, value)                   \
	({                                         \
		struct svio_admin_cmd c_ = (base); \
		c_.field = (value);                \
		c_;                                \
	})

static struct svio_admin_cmd of(uint16_t opcode)
{
	return (struct svio_admin_cmd){ .opcode = opcode };
}

static void opcode_unknown_is_refused(void)
{
	EXPECT(of(SVIO_ADMIN_OPCODE_COUNT), BAD_OPCODE, 0);
	EXPECT(of(0xffff), BAD_OPCODE, 0);
	EXPECT_OK(of(SVIO_ADMIN_NOP));
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_admin_commands), 3);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_admin_errors), 2);
}

static void opcode_without_its_feature_is_refused(void)
{
	static const uint16_t opcodes[] = { SVIO_ADMIN_MODERATION_SET, SVIO_ADMIN_MAC_SET,
					    SVIO_ADMIN_MAC_ADD,        SVIO_ADMIN_MAC_DEL,
					    SVIO_ADMIN_VLAN_ADD,       SVIO_ADMIN_VLAN_DEL,
					    SVIO_ADMIN_RX_MODE_SET,    SVIO_ADMIN_RSS_SET,
					    SVIO_ADMIN_RSS_TABLE_SET,  SVIO_ADMIN_MTU_SET,
					    SVIO_ADMIN_MAPQ_CREATE };
	size_t i;

	guest_start(&guest, 0, 0);
	for (i = 0; i < sizeof(opcodes) / sizeof(opcodes[0]); i++)
		EXPECT(of(opcodes[i]), BAD_OPCODE, 0);
}

/* For every opcode, each byte that it does not use must be zero. */
static void reserved_bytes_are_checked(void)
{
	static const uint8_t used[SVIO_ADMIN_OPCODE_COUNT] = {
		[SVIO_ADMIN_NOP] = 0,          [SVIO_ADMIN_TXQ_CREATE] = 30,
		[SVIO_ADMIN_RXQ_CREATE] = 30,  [SVIO_ADMIN_QUEUE_DESTROY] = 4,
		[SVIO_ADMIN_QUEUE_GET] = 4,    [SVIO_ADMIN_MODERATION_SET] = 8,
		[SVIO_ADMIN_MAC_SET] = 6,      [SVIO_ADMIN_MAC_ADD] = 6,
		[SVIO_ADMIN_MAC_DEL] = 6,      [SVIO_ADMIN_VLAN_ADD] = 2,
		[SVIO_ADMIN_VLAN_DEL] = 2,     [SVIO_ADMIN_RX_MODE_SET] = 4,
		[SVIO_ADMIN_RSS_SET] = 44,     [SVIO_ADMIN_RSS_TABLE_SET] = 12,
		[SVIO_ADMIN_MTU_SET] = 8,      [SVIO_ADMIN_OFFLOAD_SET] = 8,
		[SVIO_ADMIN_STATS_GET] = 16,   [SVIO_ADMIN_LINK_GET] = 0,
		[SVIO_ADMIN_MAPQ_CREATE] = 21,
	};
	uint32_t opcode;
	uint32_t byte;

	fake_config(0)->flags |= SVIO_HOST_VIF_MAP_QUEUE;
	guest_start(&guest, 0, GUEST_ALL_FEATURES | SVIO_FEATURE(MAP_QUEUE));
	for (opcode = 0; opcode < SVIO_ADMIN_OPCODE_COUNT; opcode++) {
		struct svio_admin_cmd cmd = of((uint16_t)opcode);

		cmd.reserved = 1;
		EXPECT(cmd, BAD_RESERVED, AT(reserved));
		for (byte = used[opcode]; byte < 56; byte++) {
			cmd = of((uint16_t)opcode);
			cmd.bytes[byte] = 0x80;
			EXPECT(cmd, BAD_RESERVED, AT(bytes) + byte);
		}
	}
	EXPECT(WITH(guest_txq_cmd(0, 4), queue_create.reserved0[1], 1), BAD_RESERVED,
	       AT(queue_create.reserved0) + 1);
}

static void queue_create_bad_field_is_named(void)
{
	struct svio_admin_cmd tx = guest_txq_cmd(0, 4);
	struct svio_admin_cmd rx = guest_rxq_cmd(0, 4, 2048);

	EXPECT(WITH(tx, queue_create.qid, 4), BAD_QUEUE, AT(queue_create.qid));
	EXPECT(WITH(rx, queue_create.qid, 0xffff), BAD_QUEUE, AT(queue_create.qid));
	EXPECT(WITH(tx, queue_create.ring_lg2, 2), BAD_FIELD, AT(queue_create.ring_lg2));
	EXPECT(WITH(tx, queue_create.ring_lg2, 13), BAD_FIELD, AT(queue_create.ring_lg2));
	EXPECT(WITH(tx, queue_create.ring_lg2, 255), BAD_FIELD, AT(queue_create.ring_lg2));
	EXPECT(WITH(tx, queue_create.vector, 16), BAD_FIELD, AT(queue_create.vector));
	EXPECT(WITH(tx, queue_create.buf_len, 2048), BAD_FIELD, AT(queue_create.buf_len));
	EXPECT(WITH(rx, queue_create.buf_len, 255), BAD_FIELD, AT(queue_create.buf_len));
	EXPECT(WITH(rx, queue_create.moderation_us, 10001), BAD_FIELD,
	       AT(queue_create.moderation_us));
	EXPECT(WITH(tx, queue_create.ring, tx.queue_create.ring + 16), BAD_ADDRESS,
	       AT(queue_create.ring));
	EXPECT(WITH(tx, queue_create.ring, GUEST_UNMAPPED - 64), BAD_ADDRESS,
	       AT(queue_create.ring));
	EXPECT(WITH(tx, queue_create.ring, 1ull << 60), BAD_ADDRESS, AT(queue_create.ring));
	EXPECT(WITH(tx, queue_create.completion, GUEST_UNMAPPED), BAD_ADDRESS,
	       AT(queue_create.completion));
	EXPECT(WITH(rx, queue_create.completion, GUEST_UNMAPPED - 128), BAD_ADDRESS,
	       AT(queue_create.completion));
	CU_ASSERT_EQUAL(guest_queue_error(&guest, SVIO_QUEUE_TX, 0), UINT32_MAX);
	EXPECT_OK(tx);
	EXPECT_OK(WITH(rx, queue_create.vector, SVIO_VECTOR_NONE));
	EXPECT(tx, EXISTS, AT(queue_create.qid));
}

static void queue_create_moderation_needs_the_feature(void)
{
	struct svio_admin_cmd tx = guest_txq_cmd(0, 4);

	guest_start(&guest, 0, 0);
	EXPECT(WITH(tx, queue_create.moderation_us, 10), BAD_FIELD, AT(queue_create.moderation_us));
	EXPECT(WITH(tx, queue_create.moderation_frames, 2), BAD_FIELD,
	       AT(queue_create.moderation_frames));
	EXPECT_OK(WITH(tx, queue_create.moderation_frames, 1));
}

static void queue_create_needs_rights_of_its_rings(void)
{
	uint64_t readable = 0x20000000;
	uint64_t writable = 0x30000000;
	struct svio_admin_cmd rx = guest_rxq_cmd(0, 4, 2048);

	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], readable, 4096, 1, 0,
					     SVIO_IOMMU_READ),
			      0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], writable, 4096, 1, 4096,
					     SVIO_IOMMU_WRITE),
			      0);
	EXPECT(WITH(rx, queue_create.ring, writable), BAD_ADDRESS, AT(queue_create.ring));
	EXPECT(WITH(rx, queue_create.completion, readable), BAD_ADDRESS,
	       AT(queue_create.completion));
	rx.queue_create.ring = readable;
	rx.queue_create.completion = writable;
	EXPECT_OK(rx);
}

static struct svio_admin_cmd queue_cmd(uint16_t opcode, uint16_t kind, uint16_t qid)
{
	struct svio_admin_cmd cmd = of((uint16_t)opcode);

	cmd.queue.kind = kind;
	cmd.queue.qid = qid;
	return cmd;
}

static void queue_create_takes_the_largest_of_each(void)
{
	struct svio_admin_cmd cmd = guest_txq_cmd(0, SVIO_RING_LG2_MAX);

	cmd.queue_create.moderation_us = SVIO_MODERATION_US_MAX;
	EXPECT_OK(cmd);
	EXPECT(guest_txq_cmd(1, SVIO_RING_LG2_MAX + 1), BAD_FIELD, AT(queue_create.ring_lg2));
}

static void queue_destroy_makes_room_for_another(void)
{
	EXPECT(queue_cmd(SVIO_ADMIN_QUEUE_DESTROY, SVIO_QUEUE_TX, 0), BAD_QUEUE, AT(queue.qid));
	EXPECT(queue_cmd(SVIO_ADMIN_QUEUE_DESTROY, SVIO_QUEUE_TX, 32), BAD_QUEUE, AT(queue.qid));
	EXPECT(queue_cmd(SVIO_ADMIN_QUEUE_DESTROY, SVIO_QUEUE_ADMIN, 0), BAD_FIELD, AT(queue.kind));
	EXPECT_OK(guest_txq_cmd(0, 4));
	EXPECT_OK(queue_cmd(SVIO_ADMIN_QUEUE_DESTROY, SVIO_QUEUE_TX, 0));
	EXPECT(queue_cmd(SVIO_ADMIN_QUEUE_GET, SVIO_QUEUE_TX, 0), BAD_QUEUE, AT(queue.qid));
	EXPECT_OK(guest_txq_cmd(0, 5));
}

static void moderation_set_checks_queue_and_range(void)
{
	struct svio_admin_cmd cmd = queue_cmd(SVIO_ADMIN_MODERATION_SET, SVIO_QUEUE_RX, 1);

	EXPECT(cmd, BAD_QUEUE, AT(queue.qid));
	EXPECT_OK(guest_rxq_cmd(1, 4, 2048));
	EXPECT(WITH(cmd, queue.moderation_us, 10001), BAD_FIELD, AT(queue.moderation_us));
	cmd.queue.moderation_frames = 64;
	EXPECT_OK(WITH(cmd, queue.moderation_us, 10000));
}

static struct svio_admin_cmd mac_cmd(uint16_t opcode, uint8_t first, uint8_t last)
{
	struct svio_admin_cmd cmd = of((uint16_t)opcode);

	cmd.mac.mac[0] = first;
	cmd.mac.mac[5] = last;
	return cmd;
}

static void mac_set_follows_policy(void)
{
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_SET, 2, 99), DENIED, AT(mac.mac));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_SET, 0, 0), BAD_FIELD, AT(mac.mac));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_SET, 1, 1), BAD_FIELD, AT(mac.mac));
	EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_SET, 2, 1)); /* its own is always allowed */
	fake_config(0)->flags |= SVIO_HOST_VIF_MAC_SET;
	EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_SET, 2, 99));
	fake_vif_add(1);
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_SET, 2, 2), DENIED, AT(mac.mac));
}

static void mac_filters_add_and_delete(void)
{
	uint32_t i;

	EXPECT(mac_cmd(SVIO_ADMIN_MAC_ADD, 2, 99), DENIED, AT(mac.mac));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_ADD, 0, 0), BAD_FIELD, AT(mac.mac));
	EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_ADD, 1, 1));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_ADD, 1, 1), EXISTS, AT(mac.mac));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_DEL, 1, 2), MISSING, AT(mac.mac));
	EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_DEL, 1, 1));
	for (i = 0; i < fake_reg(0, SVIO_REG_TABLES) >> 16; i++)
		EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_ADD, 1, (uint8_t)(i + 1)));
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_ADD, 1, 200), NO_SPACE, AT(mac.mac));
}

static void mac_add_of_another_vif_is_denied(void)
{
	fake_config(0)->flags |= SVIO_HOST_VIF_MAC_SET;
	fake_vif_add(1);
	EXPECT(mac_cmd(SVIO_ADMIN_MAC_ADD, 2, 2), DENIED, AT(mac.mac));
	EXPECT_OK(mac_cmd(SVIO_ADMIN_MAC_ADD, 2, 77));
}

static void vlan_filters_add_and_delete(void)
{
	struct svio_admin_cmd add = of(SVIO_ADMIN_VLAN_ADD);
	struct svio_admin_cmd del = of(SVIO_ADMIN_VLAN_DEL);

	EXPECT(add, BAD_FIELD, AT(vlan.vid));
	EXPECT(WITH(add, vlan.vid, 4095), BAD_FIELD, AT(vlan.vid));
	EXPECT(WITH(del, vlan.vid, 4094), MISSING, AT(vlan.vid));
	EXPECT_OK(WITH(add, vlan.vid, 4094));
	EXPECT(WITH(add, vlan.vid, 4094), EXISTS, AT(vlan.vid));
	EXPECT_OK(WITH(del, vlan.vid, 4094));
	EXPECT(WITH(del, vlan.vid, 4094), MISSING, AT(vlan.vid));
}

static void rx_mode_promisc_needs_trust(void)
{
	struct svio_admin_cmd cmd = of(SVIO_ADMIN_RX_MODE_SET);

	EXPECT(WITH(cmd, rx_mode.flags, 4), BAD_FIELD, AT(rx_mode.flags));
	EXPECT(WITH(cmd, rx_mode.flags, SVIO_RX_MODE_PROMISC), DENIED, AT(rx_mode.flags));
	EXPECT_OK(WITH(cmd, rx_mode.flags, SVIO_RX_MODE_ALLMULTI));
	fake_config(0)->flags |= SVIO_HOST_VIF_TRUSTED;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	EXPECT_OK(WITH(cmd, rx_mode.flags, SVIO_RX_MODE_PROMISC));
}

static void rss_set_and_table_are_checked(void)
{
	struct svio_admin_cmd set = of(SVIO_ADMIN_RSS_SET);
	struct svio_admin_cmd table = of(SVIO_ADMIN_RSS_TABLE_SET);

	EXPECT(WITH(set, rss.types, 0x40), BAD_FIELD, AT(rss.types));
	EXPECT_OK(WITH(set, rss.types, SVIO_RSS_TYPES));
	EXPECT(table, BAD_FIELD, AT(buffer.len));
	table.buffer.len = 128;
	EXPECT(WITH(table, buffer.addr, GUEST_UNMAPPED - 127), BAD_ADDRESS, AT(buffer.addr));
	table.buffer.addr = GUEST_SCRATCH + 3;
	EXPECT(table, BAD_QUEUE, AT(buffer.addr));
	EXPECT_OK(guest_rxq_cmd(0, 4, 2048));
	EXPECT_OK(table);
	fake_at(0, GUEST_SCRATCH)[3 + 127] = 32;
	EXPECT(table, BAD_QUEUE, AT(buffer.addr));
}

static void mtu_set_checks_range(void)
{
	struct svio_admin_cmd cmd = of(SVIO_ADMIN_MTU_SET);

	EXPECT(WITH(cmd, value.value, 67), BAD_FIELD, AT(value.value));
	EXPECT(WITH(cmd, value.value, 9001), BAD_FIELD, AT(value.value));
	EXPECT(WITH(cmd, value.value, 1ull << 32 | 1500), BAD_FIELD, AT(value.value));
	EXPECT_OK(WITH(cmd, value.value, 68));
	EXPECT_OK(WITH(cmd, value.value, 9000));
}

static void offload_set_takes_a_subset_of_the_accepted(void)
{
	struct svio_admin_cmd cmd = of(SVIO_ADMIN_OFFLOAD_SET);

	EXPECT_OK(cmd);
	EXPECT(WITH(cmd, value.value, SVIO_FEATURE(TX_CSUM)), BAD_FIELD, AT(value.value));
	EXPECT(WITH(cmd, value.value, SVIO_FEATURE(RX_TSO4)), BAD_FIELD, AT(value.value));
	EXPECT_OK(WITH(cmd, value.value, SVIO_FEATURE(RX_TSO4) | SVIO_FEATURE(RX_PARTIAL)));
	guest_start(&guest, 0, SVIO_FEATURE(RX_CSUM));
	EXPECT(WITH(cmd, value.value, SVIO_FEATURE(RX_VLAN)), BAD_FIELD, AT(value.value));
	EXPECT_OK(WITH(cmd, value.value, SVIO_FEATURE(RX_CSUM)));
}

/* Two small mappings that adjoin, their memory far apart: 64 bytes in one, the rest in the other. */
static void buffer_across_mappings_is_written_whole(void)
{
	const uint64_t iova = 0x50001000;
	struct svio_admin_cmd cmd = of(SVIO_ADMIN_STATS_GET);
	const uint8_t *first = fake.mem[0] + 0x301000 - 64;
	const uint8_t *second = fake.mem[0] + 0x305000;
	uint64_t counters[SVIO_COUNTER_COUNT];

	CU_ASSERT_EQUAL(svio_iommu_map(fake.iommu, fake.domain[0], iova - 4096, 4096, 1, 0x300000,
				       SVIO_IOMMU_WRITE),
			0);
	CU_ASSERT_EQUAL(svio_iommu_map(fake.iommu, fake.domain[0], iova, 4096, 1, 0x305000,
				       SVIO_IOMMU_WRITE),
			0);
	cmd.buffer.addr = iova - 64;
	cmd.buffer.len = 4096;
	cmd.buffer.kind = SVIO_STATS_VIF;
	EXPECT_OK(cmd);
	memcpy(counters, first, 64);
	memcpy(counters + 8, second, sizeof(counters) - 64);
	/* The command that wrote them was counted after it. */
	counters[SVIO_COUNTER_admin_commands]++;
	CU_ASSERT_EQUAL(memcmp(counters, fake_slot(0)->counters, sizeof(counters)), 0);
}

/* The admin rings go while the VIF runs: it stops, and the log says which access it was. */
static void admin_ring_unmapped_fails_the_vif(void)
{
	struct svio_iommu_fault_log *log;
	struct svio_iommu_fault fault;

	for (int completions = 0; completions < 2; completions++) {
		struct svio_admin_cmd nop = of(SVIO_ADMIN_NOP);
		uint64_t ring = completions ? GUEST_ADMIN_CQ : GUEST_ADMIN_SQ;

		fake_free();
		setup();
		guest_admin_put(&guest, &nop);
		CU_ASSERT_EQUAL(fake_unmap(0, 0, UINT64_MAX), 0);
		if (completions)
			CU_ASSERT_EQUAL(svio_iommu_map(fake.iommu, fake.domain[0], GUEST_ADMIN_SQ,
						       4096, 1, GUEST_ADMIN_SQ - FAKE_IOVA,
						       SVIO_IOMMU_READ),
					0);
		fake_run();
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_ERROR);
		CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_ADMIN_RING);
		log = (struct svio_iommu_fault_log *)(void *)((char *)fake.segment +
							      fake.segment->faults_offset);
		CU_ASSERT_TRUE_FATAL(svio_iommu_fault_get(log, 1, &fault));
		CU_ASSERT_EQUAL(fault.queue >> 8, SVIO_QUEUE_ADMIN);
		CU_ASSERT_EQUAL(fault.access, completions ? SVIO_IOMMU_WRITE : SVIO_IOMMU_READ);
		CU_ASSERT(fault.iova - ring < 1024);
	}
}

static void stats_get_writes_counters(void)
{
	struct svio_admin_cmd cmd = of(SVIO_ADMIN_STATS_GET);
	struct svio_admin_cmpl cmpl;
	uint64_t counters[SVIO_COUNTER_COUNT + 1];

	cmd.buffer.addr = GUEST_SCRATCH;
	cmd.buffer.len = 4096;
	EXPECT(WITH(cmd, buffer.kind, 2), BAD_FIELD, AT(buffer.kind));
	EXPECT(WITH(cmd, buffer.kind, 4), BAD_FIELD, AT(buffer.kind));
	EXPECT(cmd, BAD_QUEUE, AT(buffer.qid));
	EXPECT(WITH(cmd, buffer.qid, SVIO_QUEUES_MAX), BAD_QUEUE, AT(buffer.qid));
	EXPECT(WITH(cmd, buffer.qid, 0xffff), BAD_QUEUE, AT(buffer.qid));
	cmd.buffer.kind = SVIO_STATS_VIF;
	EXPECT(WITH(cmd, buffer.qid, 1), BAD_QUEUE, AT(buffer.qid));
	EXPECT(WITH(cmd, buffer.addr, GUEST_UNMAPPED - 8), BAD_ADDRESS, AT(buffer.addr));
	cmpl = run(cmd);
	CU_ASSERT_EQUAL(cmpl.status, SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(cmpl.result, SVIO_COUNTER_COUNT * 8);
	memcpy(counters, fake_at(0, GUEST_SCRATCH), sizeof(counters));
	CU_ASSERT_EQUAL(counters[SVIO_COUNTER_admin_errors], 7);
	CU_ASSERT_EQUAL(counters[SVIO_COUNTER_COUNT], 0);
	cmpl = run(WITH(cmd, buffer.len, 15));
	CU_ASSERT_EQUAL(cmpl.result, 8);
	EXPECT_OK(guest_rxq_cmd(2, 4, 2048));
	cmd.buffer.kind = SVIO_STATS_RXQ;
	cmd.buffer.qid = 2;
	cmpl = run(cmd);
	CU_ASSERT_EQUAL(cmpl.result, SVIO_QUEUE_COUNTER_COUNT * 8);
}

static void link_get_tells_state_and_speed(void)
{
	struct svio_admin_cmpl cmpl = run(of(SVIO_ADMIN_LINK_GET));

	CU_ASSERT_EQUAL(cmpl.status, SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(cmpl.result, SVIO_LINK_UP);
	CU_ASSERT_EQUAL(cmpl.detail, 0);
	svio_fw_wire_link(fake.fw, true, 10000);
	cmpl = run(of(SVIO_ADMIN_LINK_GET));
	CU_ASSERT_EQUAL(cmpl.detail, 10000);
	CU_ASSERT_TRUE(guest.events & 1u << SVIO_EVENT_LINK);
}

/* Completions that the driver does not give back: commands wait, nothing is overwritten. */
static void completion_ring_full_holds_commands_back(void)
{
	struct svio_admin_cmd nop = of(SVIO_ADMIN_NOP);
	struct svio_admin_cmpl cmpl;
	uint32_t i;

	for (i = 0; i < 8; i++)
		memcpy(fake_at(0, GUEST_ADMIN_SQ) + (size_t)i * 64, &nop, sizeof(nop));
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->tail = 8;
	fake_run();
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->tail = 12;
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_admin_commands), 8);
	CU_ASSERT_TRUE(guest_admin_next(&guest, &cmpl));
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_admin_commands), 9);
	for (i = 0; i < 11; i++) {
		CU_ASSERT_TRUE(guest_admin_next(&guest, &cmpl));
		fake_run();
	}
	CU_ASSERT_FALSE(guest_admin_next(&guest, &cmpl));
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
}

/* Every queue breaks while there is no room: each cause is told later. */
static void events_wait_for_room_and_none_is_lost(void)
{
	struct svio_admin_cmd nop = of(SVIO_ADMIN_NOP);
	struct svio_admin_cmpl cmpl;
	uint32_t told = 0;
	uint32_t i;

	for (i = 0; i < GUEST_QUEUES; i++)
		CU_ASSERT_EQUAL_FATAL(guest_txq_create(&guest, i, 4), 0);
	for (i = 0; i < 8; i++)
		memcpy(fake_at(0, GUEST_ADMIN_SQ) + (size_t)i * 64, &nop, sizeof(nop));
	guest.admin_tail += 8;
	guest_doorbell(&guest, SVIO_QUEUE_ADMIN, 0)->tail = guest.admin_tail;
	fake_run();
	for (i = 0; i < GUEST_QUEUES; i++)
		guest_doorbell(&guest, SVIO_QUEUE_TX, i)->tail = 100 + i;
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_queue_errors), GUEST_QUEUES);
	for (i = 0; i < 8 + GUEST_QUEUES; i++) {
		CU_ASSERT_TRUE_FATAL(guest_admin_next(&guest, &cmpl));
		if (cmpl.event == SVIO_EVENT_QUEUE_ERROR) {
			CU_ASSERT_EQUAL(cmpl.status, SVIO_ERROR_RING_INDEX);
			CU_ASSERT_EQUAL(cmpl.queue >> 8, SVIO_QUEUE_TX);
			CU_ASSERT_EQUAL(cmpl.info, 100u + (cmpl.queue & 0xff));
			told |= 1u << (cmpl.queue & 0xff);
		}
		fake_run();
	}
	CU_ASSERT_EQUAL(told, (1u << GUEST_QUEUES) - 1);
	CU_ASSERT_FALSE(guest_admin_next(&guest, &cmpl));
}

/* SPEC.md, chapter 7: room that a sleeping device is given is announced as a tail is (4.2). */
static void completion_ring_full_lets_the_device_sleep(void)
{
	struct svio_admin_cmd nop = { .opcode = SVIO_ADMIN_NOP };
	struct svio_admin_cmpl cmpl;
	uint32_t i;

	for (i = 0; i < (1u << GUEST_ADMIN_LG2); i++)
		guest_admin_put(&guest, &nop);
	fake_run();
	guest_admin_put(&guest, &nop);
	for (i = 0; i < 2000 && !fake.doorbells[0]->asleep; i++) {
		fake.hal.now_ns += 100000;
		svio_fw_poll(fake.fw);
	}
	CU_ASSERT_EQUAL_FATAL(fake.doorbells[0]->asleep, 1);
	CU_ASSERT_TRUE(guest_admin_next(&guest, &cmpl)); /* wakes it */
	fake_run();
	for (i = 0; i < (1u << GUEST_ADMIN_LG2); i++)
		CU_ASSERT_TRUE(guest_admin_next(&guest, &cmpl));
	CU_ASSERT_EQUAL(cmpl.id, guest.admin_id);
}

SVIO_TEST_MAIN_WITH("firmware admin", setup, fake_free, SVIO_TEST(opcode_unknown_is_refused),
		    SVIO_TEST(opcode_without_its_feature_is_refused),
		    SVIO_TEST(reserved_bytes_are_checked),
		    SVIO_TEST(queue_create_bad_field_is_named),
		    SVIO_TEST(queue_create_moderation_needs_the_feature),
		    SVIO_TEST(queue_create_needs_rights_of_its_rings),
		    SVIO_TEST(queue_create_takes_the_largest_of_each),
		    SVIO_TEST(queue_destroy_makes_room_for_another),
		    SVIO_TEST(moderation_set_checks_queue_and_range),
		    SVIO_TEST(mac_set_follows_policy), SVIO_TEST(mac_filters_add_and_delete),
		    SVIO_TEST(mac_add_of_another_vif_is_denied),
		    SVIO_TEST(vlan_filters_add_and_delete), SVIO_TEST(rx_mode_promisc_needs_trust),
		    SVIO_TEST(rss_set_and_table_are_checked), SVIO_TEST(mtu_set_checks_range),
		    SVIO_TEST(offload_set_takes_a_subset_of_the_accepted),
		    SVIO_TEST(buffer_across_mappings_is_written_whole),
		    SVIO_TEST(admin_ring_unmapped_fails_the_vif),
		    SVIO_TEST(stats_get_writes_counters), SVIO_TEST(link_get_tells_state_and_speed),
		    SVIO_TEST(completion_ring_full_holds_commands_back),
		    SVIO_TEST(completion_ring_full_lets_the_device_sleep),
		    SVIO_TEST(events_wait_for_room_and_none_is_lost))
