/* SPDX-License-Identifier: BSD-3-Clause */
/* Who receives what: VIFs, the wire, VLANs, filters, anti-spoofing. */
#include <string.h>

#include "guest.h"
#include "svio_test.h"

static struct guest guest[4];
static struct guest_packet packet;
static uint8_t frame[9100];

static void setup(void)
{
	uint32_t i;

	fake_init();
	for (i = 0; i < 3; i++) {
		fake_vif_add(i);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, 6);
	}
}

static void teardown(void)
{
	fake_free();
}

static void unicast_to_vif_arrives_there_only(void)
{
	guest_frame_between(frame, 60, 0, 1, 1);
	guest_send(&guest[0], 0, frame, 60);
	fake_run();
	CU_ASSERT_TRUE_FATAL(guest_receive(&guest[1], 0, &packet));
	CU_ASSERT_EQUAL(packet.bytes, 60);
	CU_ASSERT_EQUAL(memcmp(packet.data, frame, 60), 0);
	CU_ASSERT_FALSE(guest_receive(&guest[2], 0, &packet));
	CU_ASSERT_EQUAL(fake.hal.sent_count, 0);
	CU_ASSERT_EQUAL(guest_tx_head(&guest[0], 0), 1);
	CU_ASSERT_TRUE(fake_books_balance());
}

SVIO_TEST_MAIN_WITH("firmware switch", setup, teardown,
		    SVIO_TEST(unicast_to_vif_arrives_there_only))
