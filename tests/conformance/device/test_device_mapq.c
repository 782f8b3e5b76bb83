/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest with a map queue (SPEC.md, chapter 11): what it grants works, what it does not is denied. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "device_guest.h"
#include "svio_test.h"

#define KILLS       4
#define EXTRA_BYTES (64u << 10)
#define SPARE_PAGE  (SVIO_MAP_PAGES_MAX - 64)

static struct device_lab lab;
static struct guest a; /* has a map queue */
static struct guest b;
static struct received received;

static void start(void)
{
	struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL,
					    .map_queue = true,
					    .extra_bytes = EXTRA_BYTES };

	lab_start(&lab);
	lab_vif_add(&lab, "a", "--map-queue");
	lab_vif_add(&lab, "b", "");
	guest_open(&a, &lab, "a", &options);
	guest_open(&b, &lab, "b", NULL);
}

static void stop(void)
{
	guest_close(&a);
	guest_close(&b);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

static enum svio_error map_error(void)
{
	enum svio_error error = SVIO_ERROR_COUNT;
	uint64_t addr;

	CU_ASSERT_EQUAL(svio_vif_queue_error_get(a.vif, SVIO_QUEUE_MAP, 0, &error, &addr), 0);
	return error;
}

static void change(uint64_t addr, uint32_t page, uint16_t pages, uint16_t flags)
{
	const struct svio_map_entry entry = {
		.addr = addr, .page = page, .pages = pages, .flags = flags
	};

	CU_ASSERT_EQUAL(svio_vif_map_post(a.vif, &entry, 1), 0);
	CU_ASSERT_EQUAL(svio_vif_map_wait(a.vif), 0);
}

static void not_offered_unless_asked_for(void)
{
	struct svio_vif_options options = { .map_queue = true };
	struct svio_vif *vif;

	lab_vif_add(&lab, "plain", "");
	options.path = lab_socket(&lab, "plain");
	CU_ASSERT_EQUAL(svio_vif_open(&options, &vif), -EOPNOTSUPP);
	lab_vif_del(&lab, "plain");
}

static void traffic_passes_both_ways(void)
{
	struct stream there;
	struct stream back;

	stream_start(&there, &a, &b);
	stream_start(&back, &b, &a);
	for (int i = 0; i < 20; i++) {
		CU_ASSERT_TRUE(stream_run(&there, 500));
		CU_ASSERT_TRUE(stream_drain(&there));
		CU_ASSERT_TRUE(stream_run(&back, 500));
		CU_ASSERT_TRUE(stream_drain(&back));
	}
	CU_ASSERT_EQUAL(there.lost + there.broken + back.lost + back.broken, 0);
}

/* Sends what lies in the extra memory, where the library thinks that it is granted. */
static bool send_extra(uint32_t offset, uint32_t bytes)
{
	struct svio_vif_buf buf = { .data = (uint8_t *)svio_vif_extra(a.vif) + offset,
				    .buf = SVIO_VIF_BUF_NONE,
				    .len = (uint16_t)bytes,
				    .flags = SVIO_VIF_END };

	frame_fill(buf.data, bytes, b.mac, a.mac, 5);
	return svio_vif_tx_burst(a.queue, &buf, 1) == 1;
}

static void revoked_page_is_refused_and_named(void)
{
	const uint8_t *extra = svio_vif_extra(a.vif);
	struct svio_vif_raw raw;
	enum svio_error error = SVIO_ERROR_NONE;
	uint64_t addr = 0;
	uint32_t page;
	char text[4096];

	svio_vif_raw_get(a.vif, &raw);
	page = (uint32_t)((uint64_t)(extra - raw.memory) >> 12);
	CU_ASSERT_TRUE(send_extra(4096, 100));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	change(0, page + 1, 1, SVIO_MAP_REVOKE);
	CU_ASSERT_TRUE(send_extra(4096, 100));
	while (!error)
		CU_ASSERT_EQUAL_FATAL(
			svio_vif_queue_error_get(a.vif, SVIO_QUEUE_TX, 0, &error, &addr), 0);
	CU_ASSERT_EQUAL(error, SVIO_ERROR_DMA_UNMAPPED);
	CU_ASSERT_EQUAL(addr, (uint64_t)(page + 1) << 12);
	CU_ASSERT_EQUAL(lab_svio(&lab, text, sizeof(text), "faults"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "not granted by the guest"));
	/* The neighbour's page is still there, and the queue comes back. */
	change(svio_vif_iova(a.vif, extra + 4096), page + 1, 1, SVIO_MAP_READ);
	CU_ASSERT_EQUAL(svio_vif_queue_restart(a.vif, 0), 0);
	CU_ASSERT_TRUE(send_extra(4096, 100));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_NONE);
}

/* A grant says where a page leads; whether the VIF may go there is not the guest's to say. */
static void granting_what_is_not_the_guests_gives_nothing(void)
{
	const uint64_t nowhere = 1ull << 40;
	const uint8_t *extra = svio_vif_extra(a.vif);
	struct svio_vif_raw raw;
	enum svio_error error = SVIO_ERROR_NONE;
	uint64_t addr = 0;
	uint32_t page;
	char text[4096];

	svio_vif_raw_get(a.vif, &raw);
	page = (uint32_t)((uint64_t)(extra - raw.memory) >> 12);
	change(0, page + 2, 1, SVIO_MAP_REVOKE);
	change(nowhere, page + 2, 1, SVIO_MAP_READ | SVIO_MAP_WRITE);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_NONE);
	CU_ASSERT_TRUE(send_extra(2 * 4096, 100));
	while (!error)
		CU_ASSERT_EQUAL_FATAL(
			svio_vif_queue_error_get(a.vif, SVIO_QUEUE_TX, 0, &error, &addr), 0);
	CU_ASSERT_EQUAL(error, SVIO_ERROR_DMA_UNMAPPED);
	CU_ASSERT_EQUAL(addr, (uint64_t)(page + 2) << 12);
	CU_ASSERT_EQUAL(lab_svio(&lab, text, sizeof(text), "faults"), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "not mapped"));
	CU_ASSERT_FALSE(guest_receive_now(&b, 0, &received));
	change(0, page + 2, 1, SVIO_MAP_REVOKE);
	change(svio_vif_iova(a.vif, extra + 8192), page + 2, 1, SVIO_MAP_READ);
	CU_ASSERT_EQUAL(svio_vif_queue_restart(a.vif, 0), 0);
	CU_ASSERT_TRUE(send_extra(2 * 4096, 100));
	CU_ASSERT_TRUE(guest_receive(&b, &received));
}

/* Entries without end, none of which is waited for: neighbours lose nothing. */
static void flood_leaves_the_neighbours_alone(void)
{
	uint64_t extra = svio_vif_iova(a.vif, svio_vif_extra(a.vif));
	const struct svio_map_entry entries[] = { { extra, SPARE_PAGE, 16, SVIO_MAP_READ },
						  { 0, SPARE_PAGE, 16, SVIO_MAP_REVOKE } };
	struct stream there;
	uint32_t posted = 0;
	struct guest c;

	lab_vif_add(&lab, "c", "");
	guest_open(&c, &lab, "c", NULL);
	stream_start(&there, &b, &c);
	for (int i = 0; i < 200; i++) {
		for (int n = 0; n < 64 && !svio_vif_map_post(a.vif, entries, 2); n++)
			posted++;
		CU_ASSERT_TRUE(stream_run(&there, 20));
	}
	CU_ASSERT_TRUE(stream_drain(&there));
	CU_ASSERT_EQUAL(there.lost + there.broken, 0);
	CU_ASSERT_EQUAL(svio_vif_map_wait(a.vif), 0);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_NONE);
	printf("     %u grants and revocations\n", posted);
	CU_ASSERT(posted > 200);
	guest_close(&c);
	lab_vif_del(&lab, "c");
}

/* Grants come and go while the firmware dies: the driver notices nothing. */
static void firmware_kill_keeps_grants(void)
{
	uint64_t extra = svio_vif_iova(a.vif, svio_vif_extra(a.vif));
	uint64_t random = svio_test_seed(20261121);
	struct stream there;
	struct stream back;

	stream_start(&there, &a, &b);
	stream_start(&back, &b, &a);
	for (int i = 0; i < KILLS; i++) {
		pid_t firmware;
		uint32_t strike = 20 + (uint32_t)(svio_test_random(&random) % 200);

		lab_firmware_await(&lab);
		firmware = lab_firmware(&lab);
		for (uint32_t n = 0; n < 300; n++) {
			const struct svio_map_entry entries[] = {
				{ extra, SPARE_PAGE, 16, SVIO_MAP_READ },
				{ 0, SPARE_PAGE + 3, 2, SVIO_MAP_REVOKE },
				{ extra, SPARE_PAGE + 4, 1, SVIO_MAP_WRITE },
				{ 0, SPARE_PAGE + 4, 12, SVIO_MAP_REVOKE },
				{ 0, SPARE_PAGE, 3, SVIO_MAP_REVOKE },
			};

			CU_ASSERT_EQUAL(svio_vif_map_post(a.vif, entries, 5), 0);
			if (n == strike)
				kill(firmware, SIGKILL);
			CU_ASSERT_TRUE(stream_run(&there, 5));
			CU_ASSERT_TRUE(stream_run(&back, 5));
			CU_ASSERT_EQUAL_FATAL(svio_vif_map_wait(a.vif), 0);
		}
	}
	CU_ASSERT_TRUE(stream_drain(&there));
	CU_ASSERT_TRUE(stream_drain(&back));
	CU_ASSERT_EQUAL(there.lost + there.broken + back.lost + back.broken, 0);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_NONE);
}

static void mistake_stops_the_map_queue_alone(void)
{
	const struct svio_map_entry twice = { .page = SPARE_PAGE,
					      .pages = 1,
					      .flags = SVIO_MAP_REVOKE };
	struct svio_vif_event event = { 0 };
	struct stream there;

	CU_ASSERT_EQUAL(svio_vif_map_post(a.vif, &twice, 1), 0);
	while (!event.type)
		svio_vif_event_next(a.vif, &event);
	CU_ASSERT_EQUAL(event.type, SVIO_EVENT_QUEUE_ERROR);
	CU_ASSERT_EQUAL(event.kind, SVIO_QUEUE_MAP);
	CU_ASSERT_EQUAL(event.error, SVIO_ERROR_MAP_MISSING);
	CU_ASSERT_FALSE(svio_vif_map_done(a.vif));
	stream_start(&there, &a, &b);
	CU_ASSERT_TRUE(stream_run(&there, 500));
	CU_ASSERT_TRUE(stream_drain(&there));
	CU_ASSERT_EQUAL(svio_vif_reset(a.vif), 0);
	CU_ASSERT_EQUAL(map_error(), SVIO_ERROR_NONE);
	stream_start(&there, &a, &b);
	CU_ASSERT_TRUE(stream_run(&there, 500));
}

SVIO_TEST_MAIN_WITH("device map queue", start, stop, SVIO_TEST(not_offered_unless_asked_for),
		    SVIO_TEST(traffic_passes_both_ways),
		    SVIO_TEST(revoked_page_is_refused_and_named),
		    SVIO_TEST(granting_what_is_not_the_guests_gives_nothing),
		    SVIO_TEST(flood_leaves_the_neighbours_alone),
		    SVIO_TEST(firmware_kill_keeps_grants),
		    SVIO_TEST(mistake_stops_the_map_queue_alone))
