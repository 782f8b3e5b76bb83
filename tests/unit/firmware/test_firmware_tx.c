/* SPDX-License-Identifier: BSD-3-Clause */
/* Transmit: shapes of packets, indices, and each mistake with the reason it gets. */

#include <string.h>

#include "fw_dma.h"
#include "guest.h"
#include "svio_error.h"
#include "svio_iommu_fault.h"
#include "svio_regs.h"
#include "svio_test.h"

static struct guest guest[2];
static struct guest_packet packet;
static uint8_t frame[70000];

static void setup_features(uint64_t features, uint32_t lg2)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < 2; i++) {
		fake_vif_add(i);
		guest_start_queues(&guest[i], i, features, lg2);
	}
}

static void setup(void)
{
	setup_features(GUEST_ALL_FEATURES, 6);
}

static void expect_arrival(uint32_t bytes)
{
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, bytes);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
}

static void send_every_length_and_split_arrives_whole(void)
{
	static const uint32_t lengths[] = { 14,  15,  17,  18,   60,   64,   127,  128,
					    129, 256, 512, 1500, 1514, 2048, 4096, 9014 };
	uint32_t seed = 1;
	size_t i;
	uint32_t pieces;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		for (pieces = 1; pieces <= 13; pieces += 3) {
			guest_frame_between(frame, lengths[i], 0, 1, seed++);
			guest_send_pieces(&guest[0], 0, frame, lengths[i], pieces, NULL);
			fake_run();
			expect_arrival(lengths[i]);
			guest_post(&guest[1], 0, UINT32_MAX);
		}
	}
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), guest[0].tx[0].tail);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void send_most_descriptors_arrives(void)
{
	guest_frame_between(frame, 400, 0, 1, 3);
	guest_send_pieces(&guest[0], 0, frame, 400, SVIO_TX_SEGS_MAX, NULL);
	fake_run();
	expect_arrival(400);
}

static void send_across_pages_and_mappings_arrives(void)
{
	uint64_t iova = 0x40000000;
	struct svio_tx_desc desc = { .len = 9000, .flags = SVIO_TX_END };
	uint32_t i;

	/* Three pages in reverse order in the object. */
	for (i = 0; i < 3; i++)
		CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], iova + i * 4096ull,
						     4096, 1, 0x300000 - i * 0x10000,
						     SVIO_IOMMU_READ),
				      0);
	guest_frame_between(frame, 9000, 0, 1, 9);
	desc.addr = iova + 1000;
	memcpy(fake.mem[0] + 0x300000 + 1000, frame, 3096);
	memcpy(fake.mem[0] + 0x2f0000, frame + 3096, 4096);
	memcpy(fake.mem[0] + 0x2e0000, frame + 7192, 9000 - 7192);
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	expect_arrival(9000);
}

/* A page whose translation no other address of the guest ousts. */
#define OWN_PAGE 0x40200000ull

static struct svio_tx_desc own_page = { .addr = OWN_PAGE, .len = 60, .flags = SVIO_TX_END };

static void map_own_page(uint32_t at)
{
	guest_frame_between(fake.mem[0] + at, 60, 0, 1, 1);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], OWN_PAGE, 4096, 1, at,
					     SVIO_IOMMU_READ),
			      0);
}

static bool own_page_arrives(void)
{
	guest_tx_put(&guest[0], 0, &own_page);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	return guest_receive(&guest[1], 0, &packet);
}

/* What was translated stays so for as many passes as nothing is taken away. */
static void translation_outlives_a_pass(void)
{
	uint64_t walks;

	map_own_page(0x300000);
	CU_ASSERT_TRUE(own_page_arrives());
	walks = fake_slot(0)->walks;
	for (int i = 0; i < 20; i++)
		CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_EQUAL(fake_slot(0)->walks, walks);
	fake_unmap(1, 0, 4095); /* of whatever domain: it is not told which */
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_TRUE(fake_slot(0)->walks > walks);
}

/* An address that leads elsewhere from now on does so with the next packet. */
static void remapped_between_passes_is_read_anew(void)
{
	map_own_page(0x300000);
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, OWN_PAGE, OWN_PAGE + 4095), 0);
	map_own_page(0x310000);
	memset(fake.mem[0] + 0x300000, 0xee, 60);
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_spoof_mac), 0);
}

/* Another domain, and objects that lie elsewhere: nothing of before is used. */
static void other_domain_or_objects_are_translated_anew(void)
{
	uint32_t domain = fake_config(0)->domain;
	uint64_t walks;

	map_own_page(0x300000);
	CU_ASSERT_TRUE(own_page_arrives());
	walks = fake_slot(0)->walks;
	svio_fw_objects_changed(fake.fw);
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_TRUE(fake_slot(0)->walks > walks);
	fake_config(0)->domain = fake.domain[1];
	CU_ASSERT_FALSE(own_page_arrives()); /* which has neither this ring nor such a page */
	fake_config(0)->domain = domain;
}

/* However often something was taken away while the device slept. */
static void waking_device_translates_anew(void)
{
	uint64_t deadline_ns;
	uint64_t walks;

	map_own_page(0x300000);
	CU_ASSERT_TRUE(own_page_arrives());
	walks = fake_slot(0)->walks;
	CU_ASSERT_TRUE(svio_fw_sleep(fake.fw, &deadline_ns));
	svio_fw_wake(fake.fw);
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_TRUE(fake_slot(0)->walks > walks);
}

/* What is unmapped between two passes is not read in the second, however recently it was. */
static void unmapped_between_passes_is_refused(void)
{
	map_own_page(0x300000);
	CU_ASSERT_TRUE(own_page_arrives());
	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, OWN_PAGE, OWN_PAGE + 4095), 0);
	CU_ASSERT_FALSE(own_page_arrives());
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_DMA_UNMAPPED);
}

/* Small pages in between: no translation reaches beyond its page. */
static void send_from_every_page_of_a_patchwork_arrives(void)
{
	uint64_t iova = 0x40000000;
	uint32_t i;

	for (i = 0; i < 64; i++)
		CU_ASSERT_EQUAL_FATAL(
			svio_iommu_map(fake.iommu, fake.domain[0], iova + i * 4096ull, 4096, 1,
				       0x200000 + (uint64_t)(i * 37 % 64) * 4096, SVIO_IOMMU_READ),
			0);
	for (i = 0; i < 64; i++) {
		struct svio_tx_desc desc = { .len = 60, .flags = SVIO_TX_END };

		desc.addr = iova + (uint64_t)(i * 11 % 64) * 4096 + i * 60ull;
		guest_frame_between(frame, 60, 0, 1, i);
		memcpy(fake.mem[0] + 0x200000 + (size_t)(i * 11 % 64 * 37 % 64) * 4096 + i * 60ull,
		       frame, 60);
		guest_tx_put(&guest[0], 0, &desc);
	}
	guest_tx_ring(&guest[0], 0);
	fake_run();
	for (i = 0; i < 64; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		expect_arrival(60);
	}
}

static void indices_wrap_over_32_bits(void)
{
	uint32_t start = UINT32_MAX - 20;
	uint32_t i;

	guest_warp(&guest[0], SVIO_QUEUE_TX, 0, start);
	guest_warp(&guest[1], SVIO_QUEUE_RX, 0, start);
	for (i = 0; i < 50; i++) {
		guest_post(&guest[1], 0, UINT32_MAX);
		guest_frame_between(frame, 100 + i, 0, 1, i);
		guest_send_pieces(&guest[0], 0, frame, 100 + i, 1 + i % 3, NULL);
		fake_run();
		expect_arrival(100 + i);
	}
	CU_ASSERT_TRUE(guest_tx_head(&guest[0], 0) < 100);
}

static void ring_filled_completely_is_consumed(void)
{
	uint32_t i;

	for (i = 0; i < 64; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		guest_send(&guest[0], 0, frame, 60);
	}
	CU_ASSERT_EQUAL(guest_tx_free(&guest[0], 0), 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_free(&guest[0], 0), 64);
	for (i = 0; i < 64; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		expect_arrival(60);
	}
}

static void queues_of_a_vif_take_turns(void)
{
	uint32_t i;

	for (i = 1; i < GUEST_QUEUES; i++)
		CU_ASSERT_EQUAL_FATAL(guest_txq_create(&guest[0], i, 6), 0);
	for (i = 0; i < 64 * GUEST_QUEUES; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		guest_send(&guest[0], i % GUEST_QUEUES, frame, 60);
	}
	fake_run();
	for (i = 0; i < GUEST_QUEUES; i++)
		CU_ASSERT_EQUAL(guest_tx_head(&guest[0], i), 64);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_packets) +
				fake_counter(1, SVIO_COUNTER_rx_drop_no_buffer),
			64ull * GUEST_QUEUES);
}

/* Entries as given, then: stopped with this reason and address, neighbours served. */
static void expect_stop(const void *entries, uint32_t count, enum svio_error error, uint64_t addr)
{
	const char *at = entries;
	uint32_t i;

	setup();
	for (i = 0; i < count; i++)
		guest_tx_put(&guest[0], 0, at + (size_t)i * 16);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), error);
	CU_ASSERT_TRUE(guest[0].events & 1u << SVIO_EVENT_QUEUE_ERROR);
	CU_ASSERT_EQUAL(guest[0].event.status, error);
	CU_ASSERT_EQUAL(guest[0].event.info, addr);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_queue_errors), 1);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_malformed), 1);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_READY);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));

	guest_frame_between(frame, 60, 1, 0, 1);
	guest_send(&guest[1], 0, frame, 60);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[0], 0, &packet));
	CU_ASSERT_TRUE(fake_books_balance());
}

#define RING      (guest[0].tx[0].ring)
#define DATA      GUEST_TX_DATA
#define DESC(...) ((struct svio_tx_desc){ __VA_ARGS__ })
#define STOPS(error, at, ...)                                                         \
	do {                                                                          \
		const struct svio_tx_desc entries_[] = { __VA_ARGS__ };               \
		expect_stop(entries_, sizeof(entries_) / 16, SVIO_ERROR_##error, at); \
	} while (0)

/* What an earlier batch looked up ahead is nothing to the long packet in the same places. */
static void pieces_behind_the_lookahead_are_looked_up_anew(void)
{
	uint32_t i;

	for (i = 0; i < 40; i++) {
		guest_frame_between(frame, 1000, 0, 1, i);
		guest_send(&guest[0], 0, frame, 1000);
	}
	fake_run();
	while (guest_receive(&guest[1], 0, &packet))
		;
	guest_post(&guest[1], 0, UINT32_MAX);
	guest_frame_between(frame, 1000, 0, 1, 77);
	guest_send_pieces(&guest[0], 0, frame, 1000, 30, NULL);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 1000);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 1000), 0);
}

static void descriptor_flags_are_checked(void)
{
	STOPS(DESC_FLAGS, RING, { .addr = DATA, .len = 60, .flags = 0x8001 });
	STOPS(DESC_FLAGS, RING, { .addr = DATA, .len = 60, .flags = SVIO_TX_END, .reserved = 1 });
	STOPS(DESC_FLAGS, RING, { .addr = DATA, .len = 60, .flags = SVIO_TX_END, .vlan_tci = 1 });
	STOPS(DESC_FLAGS, RING + 16, { .addr = DATA, .len = 60 },
	      { .addr = DATA, .len = 60, .flags = SVIO_TX_END | SVIO_TX_VLAN });
	STOPS(DESC_FLAGS, RING + 16, { .addr = DATA, .len = 60 },
	      { .addr = DATA, .len = 60, .flags = SVIO_TX_END | SVIO_TX_EXT });
	STOPS(DESC_FLAGS, RING + 16, { .addr = DATA, .len = 60 },
	      { .addr = DATA, .len = 60, .flags = SVIO_TX_END, .vlan_tci = 1 });
	STOPS(DESC_FLAGS, RING + 16, { .addr = DATA, .len = 60 },
	      { .addr = DATA, .len = 60, .flags = SVIO_TX_END, .reserved = 1 });
}

static void descriptor_length_zero_is_refused(void)
{
	STOPS(DESC_LEN, DATA, { .addr = DATA, .len = 0, .flags = SVIO_TX_END });
	STOPS(DESC_LEN, DATA + 5, { .addr = DATA, .len = 60 },
	      { .addr = DATA + 5, .len = 0, .flags = SVIO_TX_END });
}

static void chain_without_end_is_refused(void)
{
	struct svio_tx_desc many[SVIO_TX_SEGS_MAX + 1];
	uint32_t i;

	STOPS(DESC_CHAIN, RING + 16, { .addr = DATA, .len = 60 });
	for (i = 0; i <= SVIO_TX_SEGS_MAX; i++)
		many[i] = DESC(.addr = DATA, .len = 60);
	many[SVIO_TX_SEGS_MAX].flags = SVIO_TX_END;
	expect_stop(many, SVIO_TX_SEGS_MAX + 1, SVIO_ERROR_DESC_CHAIN,
		    RING + 16ull * SVIO_TX_SEGS_MAX);
}

static void frame_length_is_checked(void)
{
	STOPS(FRAME_LEN, DATA, { .addr = DATA, .len = 13, .flags = SVIO_TX_END });
	STOPS(FRAME_LEN, DATA, { .addr = DATA, .len = 9019, .flags = SVIO_TX_END });
	STOPS(FRAME_LEN, DATA, { .addr = DATA, .len = 65535 }, { .addr = DATA, .len = 65535 },
	      { .addr = DATA, .len = 60, .flags = SVIO_TX_END });
}

static void addresses_are_checked(void)
{
	STOPS(DMA_UNMAPPED, 0, { .addr = 0, .len = 60, .flags = SVIO_TX_END });
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_dma_faults), 1);
	STOPS(DMA_UNMAPPED, GUEST_UNMAPPED - 30,
	      { .addr = GUEST_UNMAPPED - 30, .len = 60, .flags = SVIO_TX_END });
	STOPS(DMA_RANGE, 1ull << 48, { .addr = 1ull << 48, .len = 60, .flags = SVIO_TX_END });
	STOPS(DMA_RANGE, UINT64_MAX, { .addr = UINT64_MAX, .len = 60, .flags = SVIO_TX_END });
}

static void rights_are_checked(void)
{
	struct svio_tx_desc desc = { .addr = 0x50000000, .len = 60, .flags = SVIO_TX_END };
	struct svio_iommu_fault_log *log;
	struct svio_iommu_fault fault;

	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], 0x50000000, 4096, 1, 0,
					     SVIO_IOMMU_WRITE),
			      0);
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_DMA_RIGHTS);
	log = (struct svio_iommu_fault_log *)(void *)((char *)fake.segment +
						      fake.segment->faults_offset);
	CU_ASSERT_EQUAL(log->head, 1);
	CU_ASSERT_TRUE_FATAL(svio_iommu_fault_get(log, 1, &fault));
	CU_ASSERT_EQUAL(fault.iova, 0x50000000);
	CU_ASSERT_EQUAL(fault.vif, 0);
	CU_ASSERT_EQUAL(fault.access, SVIO_IOMMU_READ);
	CU_ASSERT_EQUAL(fault.queue, SVIO_QUEUE_TX << 8);
}

/* What is remembered of a page holds to its edges and not a byte further. */
static void neighbours_of_what_is_remembered_are_looked_up(void)
{
	const uint64_t page = 0x50001000;
	struct fw_vif *vif = &fake.fw->vifs[0];
	struct fw_run run = { 0 };

	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], page, 4096, 1, 0x1000,
					     SVIO_IOMMU_READ),
			      0);
	fw_section_begin(fake.fw);
	CU_ASSERT_TRUE(fw_vif_open(fake.fw, vif));
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, page + 9, 64, FW_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, page, 64, FW_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_PTR_EQUAL(run.data, fake.mem[0] + 0x1000);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, page - 1, 64, FW_READ, &run),
			SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, page + 4095, 64, FW_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.bytes, 1);
	CU_ASSERT_EQUAL(fw_dma_find(fake.fw, vif, page + 4096, 64, FW_READ, &run),
			SVIO_IOMMU_FAULT_UNMAPPED);
	fw_section_end(fake.fw);
}

static void object_shorter_than_mapping_fails_the_vif(void)
{
	struct svio_tx_desc desc = { .addr = 0x60000000, .len = 60, .flags = SVIO_TX_END };

	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], 0x60000000, 4096, 1,
					     FAKE_MEM_BYTES, SVIO_IOMMU_READ),
			      0);
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_MEMORY_GONE);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR_ADDR_LO), 0x60000000);
}

/* It ends within a page of 1 GiB: not a byte of what lies behind it. */
static void object_that_ends_within_a_page_is_not_left(void)
{
	const uint64_t gib = 1ull << 30;
	struct svio_tx_desc desc = { .addr = gib + FAKE_MEM_BYTES - 60,
				     .len = 60,
				     .flags = SVIO_TX_END };

	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_map(fake.iommu, fake.domain[0], gib, gib, 1, 0, SVIO_IOMMU_READ), 0);
	guest_frame_between(fake.mem[0] + FAKE_MEM_BYTES - 60, 60, 0, 1, 1);
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	desc.len = 61;
	guest_tx_put(&guest[0], 0, &desc);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_STATUS), SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(fake_reg(0, SVIO_REG_ERROR), SVIO_ERROR_MEMORY_GONE);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
}

static void tail_beyond_ring_stops_the_queue(void)
{
	guest_doorbell(&guest[0], SVIO_QUEUE_TX, 0)->tail = 65;
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_RING_INDEX);
	CU_ASSERT_EQUAL(guest[0].event.info, 65);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_drop_malformed), 0);
}

static void tail_moved_back_stops_the_queue(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	guest_doorbell(&guest[0], SVIO_QUEUE_TX, 0)->tail = 1;
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_RING_INDEX);
}

static void unmap_under(uint64_t ring_bytes_from, uint64_t bytes)
{
	/* The one mapping cannot be split: replace it by all but the ring's page. */
	CU_ASSERT_EQUAL_FATAL(fake_unmap(0, FAKE_IOVA, FAKE_IOVA + FAKE_MEM_BYTES - 1), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], FAKE_IOVA,
					     ring_bytes_from - FAKE_IOVA, 1, 0,
					     SVIO_IOMMU_READ | SVIO_IOMMU_WRITE),
			      0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[0], ring_bytes_from + bytes,
					     FAKE_MEM_BYTES - (ring_bytes_from - FAKE_IOVA) - bytes,
					     1, ring_bytes_from - FAKE_IOVA + bytes,
					     SVIO_IOMMU_READ | SVIO_IOMMU_WRITE),
			      0);
}

static void ring_unmapped_stops_the_queue(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	unmap_under(guest[0].tx[0].ring, 4096);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_RING_DMA);
	CU_ASSERT_EQUAL(guest[0].event.info, guest[0].tx[0].ring);
}

static void status_unmapped_stops_the_queue(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	unmap_under(guest[0].tx[0].completion, 4096);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_RING_DMA);
	expect_arrival(60);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* What was sent before the mistake has gone and is given back. */
static void packets_before_the_mistake_are_sent(void)
{
	struct svio_tx_desc bad = { .addr = DATA, .len = 60, .flags = 0x4000 };
	uint32_t i;

	for (i = 0; i < 5; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		guest_send(&guest[0], 0, frame, 60);
	}
	guest_tx_put(&guest[0], 0, &bad);
	guest_tx_ring(&guest[0], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 5);
	CU_ASSERT_EQUAL(fake_counter(1, SVIO_COUNTER_rx_packets), 5);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_DESC_FLAGS);
}

static void stopped_queue_runs_again_after_destroy_and_create(void)
{
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };

	tail_beyond_ring_stops_the_queue();
	CU_ASSERT_EQUAL(guest_command(&guest[0], &destroy), SVIO_ADMIN_STATUS_OK);
	CU_ASSERT_EQUAL(guest_txq_create(&guest[0], 0, 5), SVIO_ADMIN_STATUS_OK);
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	expect_arrival(60);
}

static void bus_master_off_means_no_dma(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	fake_config(0)->flags &= ~(uint32_t)SVIO_HOST_VIF_BUS_MASTER;
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 0);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	fake_config(0)->flags |= SVIO_HOST_VIF_BUS_MASTER;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	fake_run();
	expect_arrival(60);
}

static void link_down_holds_packets_back(void)
{
	fake_config(0)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	fake_config(0)->flags &= ~(uint32_t)SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	fake_run();
	expect_arrival(60);
}

static void link_down_stops_a_ring_that_is_never_empty(void)
{
	uint64_t sent;
	uint32_t i;

	fake_qos(0)->max_bps = 8000000; /* so that the rest waits in the ring */
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	for (i = 0; i < 60; i++) {
		guest_frame_between(frame, 1000, 0, 1, i);
		guest_send(&guest[0], 0, frame, 1000);
	}
	fake_run();
	sent = fake_counter(0, SVIO_COUNTER_tx_packets);
	CU_ASSERT_TRUE_FATAL(sent < 60);
	fake_config(0)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	fake.hal.now_ns += 1000000000;
	fake_run();
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), sent);
	fake_config(0)->flags &= ~(uint32_t)SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	for (i = 0; i < 100; i++) {
		fake_run();
		fake.hal.now_ns += 10000000;
	}
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), 60);
}

static void features_not_accepted_cannot_be_used(void)
{
	struct svio_tx_desc vlan = {
		.addr = DATA, .len = 60, .flags = SVIO_TX_END | SVIO_TX_VLAN, .vlan_tci = 5
	};
	struct svio_tx_desc desc = { .addr = DATA, .len = 60, .flags = SVIO_TX_END | SVIO_TX_EXT };
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM, .csum_start = 34, .csum_offset = 6 };

	setup_features(0, 6);
	guest_tx_put(&guest[0], 0, &vlan);
	guest_tx_ring(&guest[0], 0);
	guest_tx_put(&guest[1], 0, &desc);
	guest_tx_put(&guest[1], 0, &ext);
	guest_tx_ring(&guest[1], 0);
	fake_run();
	CU_ASSERT_EQUAL(guest_queue_error(&guest[0], SVIO_QUEUE_TX, 0), SVIO_ERROR_OFFLOAD_FEATURE);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_TX, 0), SVIO_ERROR_OFFLOAD_FEATURE);
}

static void max_bps_holds_the_rest_back(void)
{
	uint64_t before;
	uint32_t i;

	fake_qos(0)->max_bps = 8000000; /* 1 byte a microsecond */
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 0), 0);
	for (i = 0; i < 60; i++) {
		guest_frame_between(frame, 1000, 0, 1, i);
		guest_send(&guest[0], 0, frame, 1000);
	}
	fake_run();
	before = fake_counter(0, SVIO_COUNTER_tx_packets);
	CU_ASSERT_TRUE(before < 60);
	fake.hal.now_ns += 10240000; /* time for ten */
	fake_run();

	CU_ASSERT_TRUE(fake_counter(0, SVIO_COUNTER_tx_packets) >= before + 8);
	CU_ASSERT_TRUE(fake_counter(0, SVIO_COUNTER_tx_packets) <= before + 12);
}

/* Grants of two that compete are short: they share sections, which stay bounded. */
static void grants_share_sections_of_64_packets(void)
{
	uint64_t epoch;
	uint32_t vif;
	uint32_t i;

	setup_features(GUEST_ALL_FEATURES, 8);
	for (vif = 0; vif < 2; vif++) {
		for (i = 0; i < 94; i++) {
			guest_frame_between(frame, 64, vif, !vif, i);
			guest_send(&guest[vif], 0, frame, 64);
		}
	}
	epoch = fake.segment->core[0].epoch;
	CU_ASSERT_EQUAL(svio_fw_poll(fake.fw), 188);
	CU_ASSERT_EQUAL((fake.segment->core[0].epoch - epoch) / 2, 3);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* A burst is left after the packet at hand, and each section gets on by one. */
static void unmap_that_waits_ends_the_section_after_a_packet(void)
{
	uint64_t epoch;
	uint32_t i;

	setup_features(GUEST_ALL_FEATURES, 6);
	for (i = 0; i < 40; i++) {
		guest_frame_between(frame, 64, 0, 1, i);
		guest_send(&guest[0], 0, frame, 64);
	}
	fake.hal.unmaps_wait = true;
	epoch = fake.segment->core[0].epoch;
	CU_ASSERT_EQUAL(svio_fw_poll(fake.fw), 40);
	CU_ASSERT_EQUAL((fake.segment->core[0].epoch - epoch) / 2, 40);
	for (i = 0; i < 40; i++)
		CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_TRUE(fake_books_balance());
}

static void unmap_that_waits_ends_the_section_after_a_frame_of_the_wire(void)
{
	uint64_t epoch;
	uint32_t i;

	setup_features(GUEST_ALL_FEATURES, 6);
	for (i = 0; i < 10; i++) {
		guest_frame_between(frame, 64, 7, 1, i);
		fake_wire_receive(frame, 64, 0);
	}
	fake.hal.unmaps_wait = true;
	epoch = fake.segment->core[0].epoch;
	CU_ASSERT_EQUAL(svio_fw_poll(fake.fw), 10);
	CU_ASSERT_EQUAL((fake.segment->core[0].epoch - epoch) / 2, 10);
	for (i = 0; i < 10; i++)
		CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_TRUE(fake_books_balance());
}

/* One that began to wait before this section did does not end it. */
static void unmap_of_before_does_not_end_the_section(void)
{
	uint64_t epoch;
	uint32_t i;

	setup_features(GUEST_ALL_FEATURES, 6);
	for (i = 0; i < 40; i++) {
		guest_frame_between(frame, 64, 0, 1, i);
		guest_send(&guest[0], 0, frame, 64);
	}
	fake.segment->unmaps++;
	epoch = fake.segment->core[0].epoch;
	CU_ASSERT_EQUAL(svio_fw_poll(fake.fw), 40);
	CU_ASSERT_EQUAL((fake.segment->core[0].epoch - epoch) / 2, 1);
}

SVIO_TEST_MAIN_WITH(
	"firmware transmit", setup, fake_free, SVIO_TEST(send_every_length_and_split_arrives_whole),
	SVIO_TEST(pieces_behind_the_lookahead_are_looked_up_anew),
	SVIO_TEST(send_most_descriptors_arrives), SVIO_TEST(send_across_pages_and_mappings_arrives),
	SVIO_TEST(unmapped_between_passes_is_refused), SVIO_TEST(translation_outlives_a_pass),
	SVIO_TEST(remapped_between_passes_is_read_anew),
	SVIO_TEST(other_domain_or_objects_are_translated_anew),
	SVIO_TEST(waking_device_translates_anew),
	SVIO_TEST(send_from_every_page_of_a_patchwork_arrives),
	SVIO_TEST(indices_wrap_over_32_bits), SVIO_TEST(ring_filled_completely_is_consumed),
	SVIO_TEST(queues_of_a_vif_take_turns), SVIO_TEST(descriptor_flags_are_checked),
	SVIO_TEST(descriptor_length_zero_is_refused), SVIO_TEST(chain_without_end_is_refused),
	SVIO_TEST(frame_length_is_checked), SVIO_TEST(addresses_are_checked),
	SVIO_TEST(rights_are_checked), SVIO_TEST(neighbours_of_what_is_remembered_are_looked_up),
	SVIO_TEST(object_shorter_than_mapping_fails_the_vif),
	SVIO_TEST(object_that_ends_within_a_page_is_not_left),
	SVIO_TEST(tail_beyond_ring_stops_the_queue), SVIO_TEST(tail_moved_back_stops_the_queue),
	SVIO_TEST(ring_unmapped_stops_the_queue), SVIO_TEST(status_unmapped_stops_the_queue),
	SVIO_TEST(packets_before_the_mistake_are_sent),
	SVIO_TEST(stopped_queue_runs_again_after_destroy_and_create),
	SVIO_TEST(bus_master_off_means_no_dma), SVIO_TEST(link_down_holds_packets_back),
	SVIO_TEST(link_down_stops_a_ring_that_is_never_empty),
	SVIO_TEST(features_not_accepted_cannot_be_used), SVIO_TEST(max_bps_holds_the_rest_back),
	SVIO_TEST(grants_share_sections_of_64_packets),
	SVIO_TEST(unmap_that_waits_ends_the_section_after_a_packet),
	SVIO_TEST(unmap_that_waits_ends_the_section_after_a_frame_of_the_wire),
	SVIO_TEST(unmap_of_before_does_not_end_the_section))
