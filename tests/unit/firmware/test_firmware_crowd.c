/* SPDX-License-Identifier: BSD-3-Clause */
/* Hundreds of VIFs that all receive at once: more than a section may have open. */
#include <string.h>

#include "fw.h"
#include "guest.h"
#include "svio_test.h"

#define CROWD  300u
#define FRAMES 3u
_Static_assert(CROWD > 4 * FW_RX_OPEN_MAX, "they do not fit, by far");

static struct guest guest[CROWD];
static struct guest_packet packet;
static uint8_t frame[100];

static void setup(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < CROWD; i++) {
		fake_vif_add(i);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, 4);
	}
}

static void broadcast_reaches_more_than_may_be_open_at_once(void)
{
	static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint32_t seed, i;

	for (seed = 0; seed < FRAMES; seed++) {
		guest_frame(frame, sizeof(frame), everybody, fake_config(0)->mac, seed);
		guest_send(&guest[0], 0, frame, sizeof(frame));
		fake_run();
		for (i = 1; i < CROWD; i++) {
			CU_ASSERT_TRUE_FATAL(guest_receive(&guest[i], 0, &packet));
			CU_ASSERT_EQUAL_FATAL(packet.bytes, sizeof(frame));
			CU_ASSERT_EQUAL_FATAL(memcmp(packet.data, frame, sizeof(frame)), 0);
			CU_ASSERT_FALSE(guest_receive(&guest[i], 0, &packet));
		}
	}
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), FRAMES);
	CU_ASSERT_TRUE(fake_books_balance());
}

SVIO_TEST_MAIN_WITH("firmware crowd", setup, fake_free,
		    SVIO_TEST(broadcast_reaches_more_than_may_be_open_at_once))
