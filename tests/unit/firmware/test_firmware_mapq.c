/* SPDX-License-Identifier: BSD-3-Clause */
/* The map queue (SPEC.md, chapter 11): its life, what it grants and what it denies. */
#include <setjmp.h>
#include <string.h>

#include "fw_dma.h"
#include "fw_stage.h"
#include "map_guest.h"
#include "svio_error.h"
#include "svio_regs.h"
#include "svio_test.h"

#define PAGE_OF(addr) ((uint32_t)((addr) >> SVIO_MAP_PAGE_LG2))

static void set_up(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up());
}

/* Life */

static void feature_is_offered_where_config_says(void)
{
	CU_ASSERT_TRUE(fake_reg(0, SVIO_REG_FEATURES_LO) & SVIO_FEATURE(MAP_QUEUE));
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_MAP_PAGES), SVIO_MAP_PAGES_MAX);
	CU_ASSERT_FALSE(fake_reg(1, SVIO_REG_FEATURES_LO) & SVIO_FEATURE(MAP_QUEUE));
	CU_ASSERT_EQUAL(fake_reg(1, SVIO_REG_MAP_PAGES), 0);
	CU_ASSERT_EQUAL(guest_start(&map_guest[1], 1, MAP_FEATURES), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(1, SVIO_REG_ERROR), SVIO_ERROR_FEATURES);
}

static void accepting_the_feature_changes_nothing(void)
{
	guest_start_queues(&map_guest[0], 0, MAP_FEATURES, 6);
	CU_ASSERT_TRUE(map_passes(0, 1, 1));
	CU_ASSERT_TRUE(map_passes(1, 0, 2));
	CU_ASSERT_EQUAL(map_granted(), 0);
}

static void create_refuses_what_makes_no_sense(void)
{
	struct svio_admin_cmd cmd = map_create_cmd();

	CU_ASSERT_EQUAL(guest_command(&map_guest[0], &cmd), SVIO_ADMIN_STATUS_EXISTS);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_BAD_QUEUE);
#define ANSWERED(field, value, status)    \
	cmd = map_create_cmd();           \
	cmd.queue_create.field = (value); \
	CU_ASSERT_EQUAL(guest_command(&map_guest[0], &cmd), SVIO_ADMIN_STATUS_##status)
	ANSWERED(ring_lg2, SVIO_RING_LG2_MIN, OK);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
	ANSWERED(ring_lg2, SVIO_RING_LG2_MIN - 1, BAD_FIELD);
	ANSWERED(ring_lg2, SVIO_MAP_RING_LG2_MAX + 1, BAD_FIELD);
	ANSWERED(vector, 1, BAD_FIELD);
	ANSWERED(qid, 1, BAD_RESERVED);
	ANSWERED(ring, MAP_RING + 16, BAD_ADDRESS);
	ANSWERED(ring, GUEST_UNMAPPED, BAD_ADDRESS);
	ANSWERED(ring, GUEST_UNMAPPED - 64, BAD_ADDRESS);
	ANSWERED(completion, MAP_STATUS + 4, BAD_ADDRESS);
	ANSWERED(completion, GUEST_UNMAPPED, BAD_ADDRESS);
	CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
}

static void create_and_destroy_need_that_no_queue_exists(void)
{
	struct svio_admin_cmd cmd = map_create_cmd();

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_BAD_STATE);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_TX), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_BAD_STATE);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_RX), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_TRUE(map_granted() > 0);
	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(map_granted(), 0);
	CU_ASSERT_EQUAL(guest_txq_create(&map_guest[0], 0, 6), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(guest_command(&map_guest[0], &cmd), SVIO_ADMIN_STATUS_BAD_STATE);
}

static void reset_ends_all_grants(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	CU_ASSERT_TRUE(map_granted() > 0);
	guest_start(&map_guest[0], 0, MAP_FEATURES);
	CU_ASSERT_EQUAL(map_granted(), 0);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_map_granted),
			fake_counter(0, SVIO_COUNTER_map_revoked));
	CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	CU_ASSERT_TRUE(map_passes(0, 1, 1));
	CU_ASSERT_EQUAL(svio_fw_vif_reset(fake.fw, 0), 0);
	CU_ASSERT_EQUAL(map_granted(), 0);
}

/* Translation */

static void traffic_passes_both_ways(void)
{
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	CU_ASSERT_EQUAL(map_head(), map_tail);
	for (i = 0; i < 200; i++) {
		CU_ASSERT_TRUE(map_passes(0, 1, i));
		CU_ASSERT_TRUE(map_passes(1, 0, i));
		guest_post(&map_guest[0], 0, UINT32_MAX);
		guest_post(&map_guest[1], 0, UINT32_MAX);
	}
	CU_ASSERT_TRUE(fake_books_balance());
}

static void rings_must_be_granted(void)
{
	CU_ASSERT_EQUAL(guest_txq_create(&map_guest[0], 0, 6), SVIO_ADMIN_STATUS_BAD_ADDRESS);
	CU_ASSERT_EQUAL(guest_rxq_create(&map_guest[0], 0, 6, 2048), SVIO_ADMIN_STATUS_BAD_ADDRESS);
	map_do(fake_iova(0x10000), PAGE_OF(fake_iova(0x10000)), 16, SVIO_MAP_READ);
	map_do(fake_iova(0x50000), PAGE_OF(fake_iova(0x50000)), 1, SVIO_MAP_READ);
	CU_ASSERT_EQUAL(guest_txq_create(&map_guest[0], 0, 6), SVIO_ADMIN_STATUS_BAD_ADDRESS);
	map_do(0, PAGE_OF(fake_iova(0x50000)), 1, SVIO_MAP_REVOKE);
	map_do(fake_iova(0x50000), PAGE_OF(fake_iova(0x50000)), 1, SVIO_MAP_WRITE);
	CU_ASSERT_EQUAL(guest_txq_create(&map_guest[0], 0, 6), SVIO_ADMIN_STATUS_OK);
}

/* The window leads where the grant says, not where the number points. */
static void page_leads_to_what_was_granted(void)
{
	uint8_t frame[2][100];
	uint32_t i;

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	for (i = 0; i < 2; i++) {
		guest_frame_between(frame[i], sizeof(frame[i]), 0, 1, 10 + i);
		memcpy(fake_at(0, SPARE_ADDR + i * 4096ull + 4000), frame[i], sizeof(frame[i]));
	}
	map_do(SPARE_ADDR, SPARE_PAGE, 2, SVIO_MAP_READ);
	map_send_from(SPARE_WINDOW + 4096 + 4000, 96);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&map_guest[1], 0, &map_packet));
	CU_ASSERT_EQUAL(memcmp(map_packet.data, frame[1], 96), 0);
	/* The same page, other memory: nothing of the first is remembered. */
	map_do(0, SPARE_PAGE + 1, 1, SVIO_MAP_REVOKE);
	map_do(SPARE_ADDR, SPARE_PAGE + 1, 1, SVIO_MAP_READ);
	map_send_from(SPARE_WINDOW + 4096 + 4000, 96);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&map_guest[1], 0, &map_packet));
	CU_ASSERT_EQUAL(memcmp(map_packet.data, frame[0], 96), 0);
}

/* A frame over two pages of the window that lie apart in memory. */
static void frame_over_two_pages_is_gathered(void)
{
	uint8_t frame[1000];

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	guest_frame_between(frame, sizeof(frame), 0, 1, 3);
	memcpy(fake_at(0, SPARE_ADDR + 3 * 4096ull + 3596), frame, 500);
	memcpy(fake_at(0, SPARE_ADDR), frame + 500, 500);
	map_do(SPARE_ADDR + 3 * 4096ull, SPARE_PAGE, 1, SVIO_MAP_READ);
	map_do(SPARE_ADDR, SPARE_PAGE + 1, 1, SVIO_MAP_READ);
	map_send_from(SPARE_WINDOW + 3596, sizeof(frame));
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&map_guest[1], 0, &map_packet));
	CU_ASSERT_EQUAL(map_packet.bytes, sizeof(frame));
	CU_ASSERT_EQUAL(memcmp(map_packet.data, frame, sizeof(frame)), 0);
}

static void admin_buffers_pass_the_window_by(void)
{
	struct svio_admin_cmd cmd = { .opcode = SVIO_ADMIN_STATS_GET };
	struct svio_admin_cmpl cmpl;

	CU_ASSERT_EQUAL(map_granted(), 0);
	cmd.buffer.addr = GUEST_SCRATCH;
	cmd.buffer.len = 8;
	cmd.buffer.kind = SVIO_STATS_VIF;
	CU_ASSERT_TRUE(guest_admin(&map_guest[0], &cmd, &cmpl));
	CU_ASSERT_EQUAL(cmpl.status, SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(cmpl.result, 8);
}

/* Denied */

static void page_not_granted_is_a_fault(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_GRANT));
}

/*
 * An I/O address that the second stage maps is worth nothing to a queue; nor is what lies
 * behind the table, which is a neighbour's.
 */
static void address_beyond_window_is_a_fault(void)
{
	const uint64_t beyond = (uint64_t)SVIO_MAP_PAGES_MAX << 12;
	char *maps = (char *)fake.segment + fake.segment->maps_offset;

	((struct svio_host_map *)(void *)maps)[1].page[0] = SPARE_ADDR | SVIO_MAP_READ;
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], beyond, 4096, 1, 0, 3), 0);
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_send_from(beyond, 100);
	CU_ASSERT_TRUE(map_faulted(beyond, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_GRANT));
}

static void page_without_right_is_a_fault(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(SPARE_ADDR, SPARE_PAGE, 1, SVIO_MAP_WRITE);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_RIGHTS, SVIO_IOMMU_FAULT_RIGHTS));
}

static void receive_into_read_only_page_is_a_fault(void)
{
	struct svio_rx_desc desc = { .addr = SPARE_WINDOW, .len = 2048 };

	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(SPARE_ADDR, SPARE_PAGE, 1, SVIO_MAP_READ);
	memset(fake_at(0, SPARE_ADDR), 0x5a, 4096);
	memcpy(fake_at(0, map_guest[0].rx[0].ring), &desc, sizeof(desc));
	CU_ASSERT_FALSE(map_passes(1, 0, 1));
	CU_ASSERT_EQUAL(guest_queue_error(&map_guest[0], SVIO_QUEUE_RX, 0), SVIO_ERROR_DMA_RIGHTS);
	CU_ASSERT_EQUAL(*fake_at(0, SPARE_ADDR), 0x5a);
}

/* What the host does not map can be granted, and is denied when it is used. */
static void granting_what_is_not_the_guests_gives_nothing(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(GUEST_UNMAPPED, SPARE_PAGE, 1, MAP_BOTH);
	CU_ASSERT_EQUAL(map_error(), 0);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(
		map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_UNMAPPED));
}

/* Nothing of a section's look-ups outlives a revocation, even within it. */
static void revocation_drops_what_is_remembered(void)
{
	struct fw_vif *vif = &fake.fw->vifs[0];
	struct fw_run run;

	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	fw_section_begin(fake.fw);
	CU_ASSERT_TRUE(fw_vif_open(fake.fw, vif));
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_WINDOW, 64, FW_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_WINDOW, 64, FW_WRITE, &run), SVIO_IOMMU_OK);
	CU_ASSERT_TRUE(fw_stage_revoke(fake.fw, vif, SPARE_PAGE, 1, false));
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_WINDOW, 64, FW_READ, &run),
			SVIO_IOMMU_FAULT_GRANT);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_WINDOW, 64, FW_WRITE, &run),
			SVIO_IOMMU_FAULT_GRANT);
	fw_section_end(fake.fw);
}

/* What was looked up without a first stage is not found once there is one. */
static void first_stage_begins_with_nothing_remembered(void)
{
	struct fw_vif *vif = &fake.fw->vifs[0];
	struct fw_run run;

	CU_ASSERT_EQUAL(map_destroy(SVIO_QUEUE_MAP), SVIO_ADMIN_STATUS_OK);
	fw_section_begin(fake.fw);
	CU_ASSERT_TRUE(fw_vif_open(fake.fw, vif));
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_ADDR, 64, FW_READ, &run), SVIO_IOMMU_OK);
	fw_section_end(fake.fw);
	CU_ASSERT_EQUAL(map_create(), SVIO_ADMIN_STATUS_OK);
	fw_section_begin(fake.fw);
	CU_ASSERT_TRUE(fw_vif_open(fake.fw, vif));
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, SPARE_ADDR, 64, FW_READ, &run),
			SVIO_IOMMU_FAULT_GRANT);
	fw_section_end(fake.fw);
}

/* The second stage's rights hold, whatever the first grants. */
static void second_stage_rights_hold(void)
{
	const uint64_t addr = fake_iova(FAKE_MEM_BYTES);

	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], addr, 4096, 1, 0x300000,
					     SVIO_IOMMU_WRITE),
			      0);
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(addr, SPARE_PAGE, 1, MAP_BOTH);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_RIGHTS, SVIO_IOMMU_FAULT_RIGHTS));
}

static void second_stage_unmap_takes_a_granted_page(void)
{
	const uint64_t addr = fake_iova(FAKE_MEM_BYTES);
	uint8_t frame[100];

	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_map(fake.iommu, fake.domain[0], addr, 4096, 1, 0x300000, 3), 0);
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(addr, SPARE_PAGE, 1, MAP_BOTH);
	guest_frame_between(frame, sizeof(frame), 0, 1, 3);
	memcpy(fake_at(0, SPARE_ADDR), frame, sizeof(frame));
	map_send_from(SPARE_WINDOW, 100);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&map_guest[1], 0, &map_packet));
	CU_ASSERT_EQUAL(fake_unmap(0, addr, addr + 4095), 0);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(
		map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_UNMAPPED));
}

static void revoked_page_is_a_fault(void)
{
	CU_ASSERT_TRUE_FATAL(map_set_up_queues());
	map_do(SPARE_ADDR, SPARE_PAGE, 1, MAP_BOTH);
	map_do(0, SPARE_PAGE, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_EQUAL(map_head(), map_tail);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_map_revoked), 1);
	map_send_from(SPARE_WINDOW, 100);
	CU_ASSERT_TRUE(map_faulted(SPARE_WINDOW, SVIO_ERROR_DMA_UNMAPPED, SVIO_IOMMU_FAULT_GRANT));
}

SVIO_TEST_MAIN_WITH(
	"firmware map queue", set_up, fake_free, SVIO_TEST(feature_is_offered_where_config_says),
	SVIO_TEST(accepting_the_feature_changes_nothing),
	SVIO_TEST(create_refuses_what_makes_no_sense),
	SVIO_TEST(create_and_destroy_need_that_no_queue_exists), SVIO_TEST(reset_ends_all_grants),
	SVIO_TEST(traffic_passes_both_ways), SVIO_TEST(rings_must_be_granted),
	SVIO_TEST(page_leads_to_what_was_granted), SVIO_TEST(frame_over_two_pages_is_gathered),
	SVIO_TEST(admin_buffers_pass_the_window_by), SVIO_TEST(page_not_granted_is_a_fault),
	SVIO_TEST(address_beyond_window_is_a_fault), SVIO_TEST(page_without_right_is_a_fault),
	SVIO_TEST(receive_into_read_only_page_is_a_fault),
	SVIO_TEST(granting_what_is_not_the_guests_gives_nothing),
	SVIO_TEST(revocation_drops_what_is_remembered),
	SVIO_TEST(first_stage_begins_with_nothing_remembered), SVIO_TEST(second_stage_rights_hold),
	SVIO_TEST(second_stage_unmap_takes_a_granted_page), SVIO_TEST(revoked_page_is_a_fault))
