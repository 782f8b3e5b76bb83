/* SPDX-License-Identifier: BSD-3-Clause */
/* Receive: buffers, completions, steering, limits, and each mistake with its reason. */
#include <string.h>

#include "frame_builder.h"
#include "guest.h"
#include "svio_error.h"
#include "svio_packet.h"
#include "svio_regs.h"
#include "svio_rss.h"
#include "svio_test.h"

static struct guest guest[2];
static struct guest_packet packet;
static uint8_t frame[9100];

/* VIF 0 sends; VIF 1 has a receive queue 0 as asked, without buffers. */
static void start_as(struct svio_admin_cmd *cmd)
{
	fake_init();
	fake_vif_add(0);
	fake_vif_add(1);
	guest_start_queues(&guest[0], 0, GUEST_ALL_FEATURES, 8);
	guest_start(&guest[1], 1, GUEST_ALL_FEATURES);
	guest_queue_prepare(&guest[1], SVIO_QUEUE_RX, cmd);
	CU_ASSERT_EQUAL_FATAL(guest_command(&guest[1], cmd), 0);
}

static void start(uint32_t lg2, uint16_t buf_len)
{
	struct svio_admin_cmd cmd = guest_rxq_cmd(0, lg2, buf_len);

	start_as(&cmd);
}

static void setup(void)
{
	start(6, 2048);
}

static void send(uint32_t bytes, uint32_t seed)
{
	guest_frame_between(frame, bytes, 0, 1, seed);
	guest_send(&guest[0], 0, frame, bytes);
	fake_run();
}

static uint64_t counter(enum svio_counter which)
{
	return fake_counter(1, which);
}

static void buffers_are_filled_in_order_and_packet_spans_them(void)
{
	uint32_t bytes;

	start(6, 256);
	for (bytes = 14; bytes < 9018; bytes += 251) {
		guest_post(&guest[1], 0, UINT32_MAX);
		send(bytes, bytes);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
		CU_ASSERT_EQUAL(packet.bytes, bytes);
		CU_ASSERT_EQUAL(packet.buffers, (bytes + 255) / 256);
		CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
	}
	CU_ASSERT_TRUE(fake_books_balance());
}

static void smallest_ring_wraps_with_multi_buffer_packets(void)
{
	uint32_t i;

	start(3, 256);
	guest_warp(&guest[1], SVIO_QUEUE_RX, 0, UINT32_MAX - 9);
	for (i = 0; i < 200; i++) {
		uint32_t bytes = 14 + i * 37 % 2000;

		guest_post(&guest[1], 0, UINT32_MAX);
		send(bytes, i);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
		CU_ASSERT_EQUAL(packet.bytes, bytes);
		CU_ASSERT_EQUAL(memcmp(packet.data, frame, bytes), 0);
	}
}

static void no_buffer_drops_and_counts(void)
{
	uint32_t i;

	CU_ASSERT_EQUAL(guest_post(&guest[1], 0, 3), 3);
	for (i = 0; i < 10; i++)
		send(60, i);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_packets), 3);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_buffer), 7);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), 10);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void too_few_buffers_takes_none(void)
{
	start(6, 256);
	guest_post(&guest[1], 0, 3);
	send(1000, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_buffer), 1);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	send(768, 2);
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.buffers, 3);
}

static void no_queue_drops_and_counts(void)
{
	struct svio_admin_cmd destroy = { .opcode = SVIO_ADMIN_QUEUE_DESTROY };

	destroy.queue.kind = SVIO_QUEUE_RX;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &destroy), SVIO_ADMIN_STATUS_OK);
	send(60, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_queue), 1);
	CU_ASSERT_EQUAL(fake.hal.sent_count, 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void bus_master_off_drops_and_counts(void)
{
	guest_post(&guest[1], 0, UINT32_MAX);
	fake_config(1)->flags = 0;
	send(60, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_queue), 1);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
}

static void link_down_drops_and_counts(void)
{
	guest_post(&guest[1], 0, UINT32_MAX);
	fake_config(1)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), 0);
	send(60, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_queue), 1);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
}

static void longer_than_mtu_is_dropped(void)
{
	struct svio_admin_cmd mtu = { .opcode = SVIO_ADMIN_MTU_SET };

	guest_post(&guest[1], 0, UINT32_MAX);
	mtu.value.value = 1500;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &mtu), SVIO_ADMIN_STATUS_OK);
	send(1518, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_packets), 1);
	send(1519, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_too_long), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void receive_ceiling_drops_and_counts(void)
{
	uint32_t i;

	fake_config(1)->rx_max_bps = 8000000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), 0);
	for (i = 0; i < 400; i++) {
		guest_post(&guest[1], 0, UINT32_MAX);
		send(1500, i);
		while (guest_receive(&guest[1], 0, &packet))
			;
	}
	CU_ASSERT_TRUE(counter(SVIO_COUNTER_rx_drop_rate) > 50);
	CU_ASSERT_TRUE(counter(SVIO_COUNTER_rx_packets) > 50);
	CU_ASSERT_TRUE(fake_books_balance());
}

static uint64_t refused(uint32_t sender)
{
	return fake_counter(sender, SVIO_COUNTER_tx_drop_receiver);
}

static void sender_is_told_of_what_its_receiver_could_not_take(void)
{
	uint32_t i;

	send(60, 1); /* no buffer */
	CU_ASSERT_EQUAL(refused(0), 1);
	fake_config(1)->flags |= SVIO_HOST_VIF_LINK_DOWN;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), 0);
	send(60, 1); /* no queue */
	CU_ASSERT_EQUAL(refused(0), 2);
	fake_config(1)->flags &= ~(uint32_t)SVIO_HOST_VIF_LINK_DOWN;
	fake_config(1)->rx_max_bps = 8000;
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, 1), 0);
	for (i = 0; i < 400; i++) { /* more than its ceiling's burst */
		guest_post(&guest[1], 0, UINT32_MAX);
		send(1500, i);
		while (guest_receive(&guest[1], 0, &packet))
			;
	}
	CU_ASSERT_TRUE(counter(SVIO_COUNTER_rx_drop_rate) > 50);
	CU_ASSERT_EQUAL(refused(0), 2 + counter(SVIO_COUNTER_rx_drop_rate));
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), 402);
	CU_ASSERT_EQUAL(refused(1), 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* What is its own choice, or not for it alone, is no news for the sender. */
static void sender_is_not_told_of_other_drops(void)
{
	struct svio_admin_cmd mtu = { .opcode = SVIO_ADMIN_MTU_SET };

	mtu.value.value = 1000;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &mtu), SVIO_ADMIN_STATUS_OK);
	send(1500, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_too_long), 1);
	guest_frame_between(frame, 60, 0, 1, 1);
	memset(frame, 0xff, 6);
	guest_send(&guest[0], 0, frame, 60);
	guest_frame_between(frame, 60, 0, 1, 1);
	memset(frame + 6, 0x22, 6);
	fake_wire_receive(frame, 60, 0);
	fake_run();
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_buffer), 2);
	CU_ASSERT_EQUAL(refused(0), 0);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void sender_is_not_told_of_a_listener_that_is_too_slow(void)
{
	static struct guest listener;
	struct svio_admin_cmd mode = { .opcode = SVIO_ADMIN_RX_MODE_SET };

	fake_vif_prepare(2);
	fake_config(2)->flags |= SVIO_HOST_VIF_TRUSTED;
	CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, 2), 0);
	guest_start(&listener, 2, GUEST_ALL_FEATURES);
	CU_ASSERT_EQUAL(guest_rxq_create(&listener, 0, 6, 2048), 0);
	mode.rx_mode.flags = SVIO_RX_MODE_PROMISC;
	CU_ASSERT_EQUAL(guest_command(&listener, &mode), SVIO_ADMIN_STATUS_OK);
	guest_post(&guest[1], 0, UINT32_MAX);
	send(60, 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_packets), 1);
	CU_ASSERT_EQUAL(fake_counter(2, SVIO_COUNTER_rx_drop_no_buffer), 1);
	CU_ASSERT_EQUAL(refused(0), 0);
}

static void sender_is_told_of_each_segment(void)
{
	struct frame_spec spec = { .version = 4,
				   .protocol = SVIO_IPPROTO_TCP,
				   .payload_bytes = 3000 };
	struct svio_tx_ext ext = { .flags = SVIO_TX_EXT_CSUM,
				   .csum_start = 34,
				   .csum_offset = 16,
				   .gso_size = 1000,
				   .hdr_len = 54,
				   .gso_type = SVIO_GSO_TCP4 };
	uint32_t bytes = build_frame(&spec, frame);

	guest_start(&guest[1], 1, 0); /* takes nothing unsegmented */
	CU_ASSERT_EQUAL_FATAL(guest_rxq_create(&guest[1], 0, 6, 2048), 0);
	guest_post(&guest[1], 0, 1);
	memcpy(frame, fake_config(1)->mac, 6);
	memcpy(frame + 6, fake_config(0)->mac, 6);
	guest_send_pieces(&guest[0], 0, frame, bytes, 1, &ext);
	fake_run();
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_packets), 1);
	CU_ASSERT_EQUAL(refused(0), 2);
	CU_ASSERT_TRUE(fake_books_balance());
}

/* Descriptor 0 as given: the queue stops, the packet is counted, the sender is not concerned. */
static void expect_stop(struct svio_rx_desc desc, enum svio_error error, uint64_t addr)
{
	setup();
	guest_post(&guest[1], 0, 4);
	memcpy(fake_at(1, guest[1].rx[0].ring), &desc, sizeof(desc));
	send(1000, 1);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0), error);
	CU_ASSERT_EQUAL(guest[1].event.event, SVIO_EVENT_QUEUE_ERROR);
	CU_ASSERT_EQUAL(guest[1].event.info, addr);
	CU_ASSERT_EQUAL(guest[1].event.queue, SVIO_QUEUE_RX << 8);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_error), 1);
	CU_ASSERT_EQUAL(fake_counter(0, SVIO_COUNTER_tx_packets), 1);
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 1);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_TRUE(fake_books_balance());
}

#define BUFFER fake_iova(0x140000)

static void buffer_descriptors_are_checked(void)
{
	uint64_t ring = guest_rxq_cmd(0, 6, 2048).queue_create.ring;

	expect_stop((struct svio_rx_desc){ .addr = BUFFER, .len = 2047 }, SVIO_ERROR_BUF_LEN, ring);
	expect_stop((struct svio_rx_desc){ .addr = BUFFER, .len = 0 }, SVIO_ERROR_BUF_LEN, ring);
	expect_stop((struct svio_rx_desc){ .addr = BUFFER, .len = 2048, .reserved0 = 1 },
		    SVIO_ERROR_DESC_FLAGS, ring);
	expect_stop((struct svio_rx_desc){ .addr = BUFFER, .len = 2048, .reserved1 = 1 },
		    SVIO_ERROR_DESC_FLAGS, ring);
	expect_stop((struct svio_rx_desc){ .addr = GUEST_UNMAPPED - 100, .len = 2048 },
		    SVIO_ERROR_DMA_UNMAPPED, GUEST_UNMAPPED - 100);
	expect_stop((struct svio_rx_desc){ .addr = 0xffffffffffffff00, .len = 2048 },
		    SVIO_ERROR_DMA_RANGE, 0xffffffffffffff00);
}

static void read_only_buffer_is_refused(void)
{
	struct svio_rx_desc desc = { .addr = 0x50000000, .len = 2048 };

	guest_post(&guest[1], 0, 4);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[1], 0x50000000, 4096, 2, 0,
					     SVIO_IOMMU_READ),
			      0);
	memcpy(fake_at(1, guest[1].rx[0].ring), &desc, sizeof(desc));
	send(100, 1);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0), SVIO_ERROR_DMA_RIGHTS);
}

/* All of the receiver's memory is mapped anew, but for a hole. */
static void map_all_but(uint64_t hole, uint64_t bytes)
{
	const uint64_t end = fake_iova(FAKE_MEM_BYTES), behind = hole + bytes;
	const uint32_t rights = SVIO_IOMMU_READ | SVIO_IOMMU_WRITE;

	CU_ASSERT_EQUAL(fake_unmap(1, 0, UINT64_MAX), 0);
	CU_ASSERT_EQUAL(svio_iommu_map(fake.iommu, fake.domain[1], FAKE_IOVA, hole - FAKE_IOVA, 2,
				       0, rights),
			0);
	CU_ASSERT_EQUAL(svio_iommu_map(fake.iommu, fake.domain[1], behind, end - behind, 2,
				       behind - FAKE_IOVA, rights),
			0);
}

/*
 * A page of completions ends in the middle of what was read of the ring at once: the next lies
 * elsewhere, and what follows the first in its object is not the device's.
 */
static void completions_end_with_their_page(void)
{
	struct svio_admin_cmd cmd = guest_rxq_cmd(0, 9, 256);
	const uint64_t second = cmd.queue_create.completion + 4096;
	const uint64_t end = FAKE_IOVA + FAKE_MEM_BYTES, elsewhere = 0x3f0000;
	const uint32_t before = 250, after = 12;
	uint32_t i;

	cmd.queue_create.ring += 64; /* its pages end elsewhere */
	start_as(&cmd);
	for (i = 0; i < before; i++) {
		guest_post(&guest[1], 0, 1);
		send(60, i);
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	}
	CU_ASSERT_EQUAL_FATAL(fake_unmap(1, FAKE_IOVA, end - 1), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[1], FAKE_IOVA,
					     second - FAKE_IOVA, 2, 0, 3),
			      0);
	CU_ASSERT_EQUAL_FATAL(
		svio_iommu_map(fake.iommu, fake.domain[1], second, 4096, 2, elsewhere, 3), 0);
	CU_ASSERT_EQUAL_FATAL(svio_iommu_map(fake.iommu, fake.domain[1], second + 4096,
					     end - second - 4096, 2, second + 4096 - FAKE_IOVA, 3),
			      0);
	memset(fake_at(1, second), 0x5a, 4096);
	memset(fake.mem[1] + elsewhere, 0, 4096);
	guest_post(&guest[1], 0, after);
	for (i = 0; i < after; i++) {
		guest_frame_between(frame, 60, 0, 1, i);
		guest_send(&guest[0], 0, frame, 60);
	}
	fake_run();
	for (i = 0; i < 4096; i++)
		CU_ASSERT_EQUAL_FATAL(fake_at(1, second)[i], 0x5a);
	for (i = 0; i < before + after - 256; i++) {
		struct svio_rx_cmpl cmpl;

		memcpy(&cmpl, fake.mem[1] + elsewhere + (size_t)i * 16, sizeof(cmpl));
		CU_ASSERT_EQUAL(cmpl.len, 60);
	}
}

static void ring_unmapped_stops_the_queue(void)
{
	const uint64_t places[] = { guest[1].rx[0].ring, guest[1].rx[0].completion };

	for (size_t i = 0; i < 2; i++) {
		setup();
		guest_post(&guest[1], 0, 4);
		map_all_but(places[i], 4096);
		send(100, 1);
		CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0),
				SVIO_ERROR_RING_DMA);
		CU_ASSERT_EQUAL(guest[1].event.info, places[i]);
		CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_error), 1);
		CU_ASSERT_EQUAL(counter(SVIO_COUNTER_dma_faults), 1);
		CU_ASSERT_TRUE(fake_books_balance());
		fake_free();
	}
	setup();
}

static void tail_beyond_ring_stops_the_queue(void)
{
	guest_doorbell(&guest[1], SVIO_QUEUE_RX, 0)->tail = 65;
	send(60, 1);
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0), SVIO_ERROR_RING_INDEX);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_error), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void fourth_buffer_broken_shows_no_half_packet(void)
{
	struct svio_rx_desc desc = { .addr = GUEST_UNMAPPED, .len = 256 };

	start(6, 256);
	guest_post(&guest[1], 0, UINT32_MAX);
	memcpy(fake_at(1, guest[1].rx[0].ring) + 48, &desc, sizeof(desc));
	send(2000, 1);
	CU_ASSERT_FALSE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(guest_queue_error(&guest[1], SVIO_QUEUE_RX, 0), SVIO_ERROR_DMA_UNMAPPED);
}

static void set_rss(uint32_t types, uint32_t queues)
{
	struct svio_admin_cmd set = { .opcode = SVIO_ADMIN_RSS_SET };
	struct svio_admin_cmd table = { .opcode = SVIO_ADMIN_RSS_TABLE_SET };
	uint32_t i;

	for (i = 0; i < sizeof(set.rss.key); i++)
		set.rss.key[i] = (uint8_t)(i * 37 + 11);
	set.rss.types = types;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &set), SVIO_ADMIN_STATUS_OK);
	for (i = 0; i < 128; i++)
		fake_at(1, GUEST_SCRATCH)[i] = (uint8_t)(i % queues);
	table.buffer.addr = GUEST_SCRATCH;
	table.buffer.len = 128;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &table), SVIO_ADMIN_STATUS_OK);
}

static void rss_steers_by_hash_and_reports_it(void)
{
	struct frame_spec spec = { .version = 4, .protocol = 6, .payload_bytes = 100 };
	uint8_t key[SVIO_RSS_KEY_BYTES];
	static struct svio_rss rss;
	uint32_t seen = 0;
	uint32_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(i * 37 + 11);
	svio_rss_prepare(&rss, key);
	for (i = 1; i < GUEST_QUEUES; i++)
		CU_ASSERT_EQUAL_FATAL(guest_rxq_create(&guest[1], i, 6, 2048), 0);
	for (i = 0; i < GUEST_QUEUES; i++)
		guest_post(&guest[1], i, UINT32_MAX);
	set_rss(SVIO_RSS_TYPES, GUEST_QUEUES);
	for (i = 0; i < 32; i++) {
		uint32_t bytes = build_frame(&spec, frame);
		struct svio_packet info;
		uint32_t hash;

		memcpy(frame, fake_config(1)->mac, 6);
		memcpy(frame + 6, fake_config(0)->mac, 6);
		svio_put_be16(frame + 34, (uint16_t)(1000 + i)); /* source port */
		svio_packet_parse(frame, bytes, &info);
		svio_rss_hash(&rss, SVIO_RSS_TYPES, frame, &info, &hash);
		guest_send(&guest[0], 0, frame, bytes);
		fake_run();
		CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], hash % 128 % GUEST_QUEUES, &packet));
		CU_ASSERT_EQUAL(packet.first.hash, hash);
		CU_ASSERT_TRUE(packet.first.flags & SVIO_RX_HASH_L4);
		seen |= 1u << hash % 128 % GUEST_QUEUES;
	}
	CU_ASSERT_EQUAL(seen, (1u << GUEST_QUEUES) - 1);
}

static void rss_without_matching_type_uses_entry_zero(void)
{
	CU_ASSERT_EQUAL_FATAL(guest_rxq_create(&guest[1], 1, 6, 2048), 0);
	guest_post(&guest[1], 0, UINT32_MAX);
	guest_post(&guest[1], 1, UINT32_MAX);
	set_rss(SVIO_RSS_TYPES, 2);
	send(60, 1); /* not IP */
	CU_ASSERT_TRUE(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_FALSE(packet.first.flags & (SVIO_RX_HASH_L3 | SVIO_RX_HASH_L4));
}

static void table_entry_of_stopped_queue_drops(void)
{
	guest_doorbell(&guest[1], SVIO_QUEUE_RX, 0)->tail = 1000;
	CU_ASSERT_EQUAL_FATAL(guest_rxq_create(&guest[1], 1, 6, 2048), 0);
	guest_post(&guest[1], 1, UINT32_MAX);
	send(60, 1);
	send(60, 2);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_error), 1);
	CU_ASSERT_EQUAL(counter(SVIO_COUNTER_rx_drop_no_queue), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

static void queue_counters_add_up(void)
{
	struct svio_admin_cmd stats = { .opcode = SVIO_ADMIN_STATS_GET };
	uint64_t values[SVIO_QUEUE_COUNTER_COUNT];

	guest_post(&guest[1], 0, 2);
	send(60, 1);
	send(100, 2);
	send(60, 3);
	stats.buffer.addr = GUEST_SCRATCH;
	stats.buffer.len = sizeof(values);
	stats.buffer.kind = SVIO_STATS_RXQ;
	CU_ASSERT_EQUAL(guest_command(&guest[1], &stats), SVIO_ADMIN_STATUS_OK);
	memcpy(values, fake_at(1, GUEST_SCRATCH), sizeof(values));
	CU_ASSERT_EQUAL(values[SVIO_QUEUE_COUNTER_packets], 2);
	CU_ASSERT_EQUAL(values[SVIO_QUEUE_COUNTER_bytes], 160);
	CU_ASSERT_EQUAL(values[SVIO_QUEUE_COUNTER_drops], 1);
}

SVIO_TEST_MAIN_WITH(
	"firmware receive", setup, fake_free,
	SVIO_TEST(buffers_are_filled_in_order_and_packet_spans_them),
	SVIO_TEST(smallest_ring_wraps_with_multi_buffer_packets),
	SVIO_TEST(no_buffer_drops_and_counts), SVIO_TEST(too_few_buffers_takes_none),
	SVIO_TEST(no_queue_drops_and_counts), SVIO_TEST(bus_master_off_drops_and_counts),
	SVIO_TEST(link_down_drops_and_counts), SVIO_TEST(longer_than_mtu_is_dropped),
	SVIO_TEST(receive_ceiling_drops_and_counts),
	SVIO_TEST(sender_is_told_of_what_its_receiver_could_not_take),
	SVIO_TEST(sender_is_not_told_of_other_drops),
	SVIO_TEST(sender_is_not_told_of_a_listener_that_is_too_slow),
	SVIO_TEST(sender_is_told_of_each_segment), SVIO_TEST(buffer_descriptors_are_checked),
	SVIO_TEST(read_only_buffer_is_refused), SVIO_TEST(completions_end_with_their_page),
	SVIO_TEST(ring_unmapped_stops_the_queue), SVIO_TEST(tail_beyond_ring_stops_the_queue),
	SVIO_TEST(fourth_buffer_broken_shows_no_half_packet),
	SVIO_TEST(rss_steers_by_hash_and_reports_it),
	SVIO_TEST(rss_without_matching_type_uses_entry_zero),
	SVIO_TEST(table_entry_of_stopped_queue_drops), SVIO_TEST(queue_counters_add_up))
