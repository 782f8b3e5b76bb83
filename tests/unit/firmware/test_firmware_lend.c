/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames to a wire that reads guests' memory itself (svio_hal_wire_tx_append()). */
#include <string.h>

#include "guest.h"
#include "svio_test.h"

#define SENDER 0

static struct guest guest;
static uint8_t frame[SVIO_FRAME_BYTES_MAX];
static const uint8_t nobody[6] = { 0x02, 0, 0, 0, 0, 0x77 };

static void setup(void)
{
	fake_init();
	fake_vif_add(SENDER);
	guest_start_queues(&guest, SENDER, GUEST_ALL_FEATURES, 8);
	fake.hal.lends = true;
}

static void send(uint32_t bytes, uint32_t pieces, uint32_t seed)
{
	guest_frame(frame, bytes, nobody, fake_config(SENDER)->mac, seed);
	guest_send_pieces(&guest, 0, frame, bytes, pieces, NULL);
	fake_run();
}

static const struct fake_frame *last_sent(void)
{
	return &fake.hal.sent[(fake.hal.sent_count - 1) % FAKE_WIRE_FRAMES];
}

static void lent_frame_is_the_guests_frame(void)
{
	static const uint32_t sizes[] = { 640, 641, 1514, 4096, 9014 };

	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		for (uint32_t pieces = 1; pieces <= SVIO_WIRE_PIECES_MAX / 2; pieces++) {
			uint32_t before = fake.hal.lent;

			send(sizes[i], pieces, sizes[i] + pieces);
			CU_ASSERT_EQUAL_FATAL(last_sent()->bytes, sizes[i]);
			CU_ASSERT_EQUAL(memcmp(last_sent()->data, frame, sizes[i]), 0);
			CU_ASSERT(fake.hal.lent > before);
		}
}

static void head_is_sent_from_our_memory(void)
{
	uint32_t before = fake.hal.lent_bytes;

	send(1514, 1, 1);
	CU_ASSERT(fake.hal.lent_bytes > before);
	CU_ASSERT_EQUAL(fake.hal.lent_bytes - before, 1514 - 128);
}

static void short_frame_is_copied(void)
{
	send(60, 1, 1);
	CU_ASSERT_EQUAL(memcmp(last_sent()->data, frame, 60), 0);
	send(639, 1, 1);
	CU_ASSERT_EQUAL(memcmp(last_sent()->data, frame, 639), 0);
	CU_ASSERT_EQUAL(fake.hal.lent, 0);
}

/* Pieces that do not touch: the head, and one for each descriptor. */
static void send_scattered(uint32_t bytes, uint32_t pieces)
{
	uint32_t part = bytes / pieces;

	guest_frame(frame, bytes, nobody, fake_config(SENDER)->mac, pieces);
	for (uint32_t i = 0; i < pieces; i++) {
		struct svio_tx_desc desc = {
			.addr = guest_tx_place(&guest, frame + (size_t)i * part, part),
			.len = (uint16_t)part,
			.flags = i + 1 == pieces ? SVIO_TX_END : 0,
		};

		guest_tx_place(&guest, nobody, sizeof(nobody));
		guest_tx_put(&guest, 0, &desc);
	}
	guest_tx_ring(&guest, 0);
	fake_run();
	CU_ASSERT_EQUAL_FATAL(last_sent()->bytes, bytes);
	CU_ASSERT_EQUAL(memcmp(last_sent()->data, frame, bytes), 0);
}

static void frame_of_too_many_pieces_is_copied(void)
{
	/* What the head leaves of the first piece counts as one. */
	send_scattered(200 * SVIO_WIRE_PIECES_MAX, SVIO_WIRE_PIECES_MAX);
	CU_ASSERT_EQUAL(fake.hal.lent, SVIO_WIRE_PIECES_MAX);
	send_scattered(200 * (SVIO_WIRE_PIECES_MAX + 1), SVIO_WIRE_PIECES_MAX + 1);
	CU_ASSERT_EQUAL(fake.hal.lent, SVIO_WIRE_PIECES_MAX);
}

static uint32_t head_at_flush;

static void note_head(void)
{
	head_at_flush = guest_tx_head(&guest, 0);
}

static void guest_has_its_memory_back_only_after_the_wire_has_read_it(void)
{
	fake.hal.at_flush = note_head;
	for (uint32_t i = 0; i < 3; i++) {
		send(1514, 1, i);
		CU_ASSERT_EQUAL(head_at_flush, i);
		CU_ASSERT_EQUAL(guest_tx_head(&guest, 0), i + 1);
		CU_ASSERT_EQUAL(fake.hal.pieces, 0);
	}
}

static void frame_without_memory_is_dropped_and_the_next_is_sent(void)
{
	uint64_t before = fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop);

	fake.hal.append_fails = 1;
	send(1514, 1, 7);
	CU_ASSERT_EQUAL(fake_device_counter(SVIO_DEVICE_COUNTER_wire_tx_drop), before + 1);
	CU_ASSERT_EQUAL(fake.hal.sent_count, 0);
	send(1514, 2, 8);
	CU_ASSERT_EQUAL_FATAL(fake.hal.sent_count, 1);
	CU_ASSERT_EQUAL(memcmp(last_sent()->data, frame, 1514), 0);
}

SVIO_TEST_MAIN_WITH("firmware lend", setup, fake_free, SVIO_TEST(lent_frame_is_the_guests_frame),
		    SVIO_TEST(head_is_sent_from_our_memory), SVIO_TEST(short_frame_is_copied),
		    SVIO_TEST(frame_of_too_many_pieces_is_copied),
		    SVIO_TEST(guest_has_its_memory_back_only_after_the_wire_has_read_it),
		    SVIO_TEST(frame_without_memory_is_dropped_and_the_next_is_sent))
