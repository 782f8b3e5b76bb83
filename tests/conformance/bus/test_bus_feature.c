// SPDX-License-Identifier: BSD-3-Clause
/* DEVICE_FEATURE: what a client may send about the dirty log, and what is right. */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "bus_bench.h"
#include "svio_test.h"

#define START  6u
#define STOP   7u
#define REPORT 8u

#define GET   ((uint32_t)VFIO_DEVICE_FEATURE_GET)
#define SET   ((uint32_t)VFIO_DEVICE_FEATURE_SET)
#define PROBE ((uint32_t)VFIO_DEVICE_FEATURE_PROBE)

#define PAGE       4096ull
#define RANGES_MAX 256u

struct start {
	struct vfio_user_device_feature feature;
	struct vfio_user_dma_logging_control control;
	struct vfio_user_dma_logging_range range[RANGES_MAX + 1];
};

struct report {
	struct vfio_user_device_feature feature;
	struct vfio_user_dma_logging_report report;
};

static struct client client;
static struct reply reply;

static int ask(const void *payload, size_t bytes)
{
	return client_ask(&client, VFIO_USER_DEVICE_FEATURE, payload, bytes, &reply);
}

/* A feature without data. */
static int ask_flags(uint32_t flags)
{
	struct vfio_user_device_feature feature = { sizeof(feature), flags };

	return ask(&feature, sizeof(feature));
}

static size_t start_bytes(uint32_t ranges)
{
	return offsetof(struct start, range) + ranges * sizeof(struct vfio_user_dma_logging_range);
}

/* A good one, of this many ranges. */
static struct start start_of(uint32_t ranges)
{
	struct start start = { .feature = { (uint32_t)start_bytes(ranges), SET | START },
			       .control = { .page_bytes = PAGE, .ranges = ranges } };

	for (uint32_t i = 0; i < ranges; i++)
		start.range[i] = (struct vfio_user_dma_logging_range){ 2 * PAGE * i, PAGE };
	return start;
}

static int ask_start(const struct start *start)
{
	return ask(start, start_bytes(start->control.ranges));
}

static struct report report_of(uint64_t bytes)
{
	return (struct report){ .feature = { 1 << 20, GET | REPORT },
				.report = { .bytes = bytes, .page_bytes = PAGE } };
}

static int ask_report(const struct report *report)
{
	return ask(report, sizeof(*report));
}

static void features_can_be_probed(void)
{
	static const uint32_t good[] = { PROBE | START,  PROBE | SET | START,
					 PROBE | STOP,   PROBE | SET | STOP,
					 PROBE | REPORT, PROBE | GET | REPORT };
	static const uint32_t bad[] = { PROBE | GET | START, PROBE | GET | SET | START,
					PROBE | GET | STOP, PROBE | SET | REPORT };

	client = client_ready();
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct vfio_user_device_feature feature;

		CU_ASSERT_EQUAL(ask_flags(good[i]), 0);
		CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(feature));
		memcpy(&feature, reply.payload, sizeof(feature));
		CU_ASSERT_EQUAL(feature.argsz, sizeof(feature));
		CU_ASSERT_EQUAL(feature.flags, good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(ask_flags(bad[i]), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_START], 0);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_STOP], 0);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_REPORT], 0);
	client_close(&client);
}

static void unknown_features_and_flags_are_refused(void)
{
	struct vfio_user_device_feature feature = { sizeof(feature) - 1, PROBE | START };

	client = client_ready();
	for (uint32_t index = 0; index < 20; index++)
		if (index < START || index > REPORT)
			CU_ASSERT_EQUAL(ask_flags(PROBE | index), ENOTTY);
	CU_ASSERT_EQUAL(ask_flags(PROBE | 0xffff), ENOTTY);
	CU_ASSERT_EQUAL(ask_flags(PROBE | 1u << 19 | START), EINVAL);
	CU_ASSERT_EQUAL(ask_flags(PROBE | 1u << 31 | START), EINVAL);
	CU_ASSERT_EQUAL(ask_flags(START), EINVAL);
	CU_ASSERT_EQUAL(ask_flags(GET | SET | START), EINVAL);
	CU_ASSERT_EQUAL(ask(&feature, sizeof(feature)), EINVAL);
	CU_ASSERT_EQUAL(ask(&feature, sizeof(feature) - 1), EINVAL);
	CU_ASSERT_EQUAL(ask(NULL, 0), EINVAL);
	client_close(&client);
}

static void start_tells_the_page_size_in_use(void)
{
	struct start start = start_of(RANGES_MAX);
	struct vfio_user_dma_logging_control control;

	client = client_ready();
	start.control.page_bytes = 1024;
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, start_bytes(RANGES_MAX));
	memcpy(&control, reply.payload + sizeof(struct vfio_user_device_feature), sizeof(control));
	CU_ASSERT_EQUAL(control.page_bytes, PAGE);
	CU_ASSERT_EQUAL(control.ranges, RANGES_MAX);
	CU_ASSERT_EQUAL(memcmp(reply.payload + offsetof(struct start, range), start.range,
			       RANGES_MAX * sizeof(start.range[0])),
			0);
	CU_ASSERT_EQUAL(fake_vif_find(bench.vif, FAKE_DIRTY_START,
				      (uint64_t)RANGES_MAX << 32 | 1024, 0),
			bench.vif->record_count - 1);
	CU_ASSERT_EQUAL(ask_start(&start), EBUSY);
	client_close(&client);
}

static void start_malformed_is_refused(void)
{
	struct start start = start_of(2);

	client = client_ready();
	for (size_t bytes = sizeof(start.feature); bytes < start_bytes(2); bytes++)
		CU_ASSERT_EQUAL(ask(&start, bytes), EINVAL);
	CU_ASSERT_EQUAL(ask(&start, start_bytes(2) + 1), EINVAL);
	CU_ASSERT_EQUAL(ask(&start, start_bytes(3)), EINVAL);
	start.feature.argsz--;
	CU_ASSERT_EQUAL(ask_start(&start), EINVAL);
	start = start_of(2);
	start.control.reserved = 1;
	CU_ASSERT_EQUAL(ask_start(&start), EINVAL);
	start = start_of(2);
	start.control.ranges = UINT32_MAX;
	CU_ASSERT_EQUAL(ask(&start, start_bytes(2)), EINVAL);
	start = start_of(RANGES_MAX + 1);
	CU_ASSERT_EQUAL(ask_start(&start), E2BIG);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_START], 0);
	start = start_of(1);
	start.range[0].bytes = 0;
	CU_ASSERT_EQUAL(ask_start(&start), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_START], 1);
	start = start_of(0);
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	client_close(&client);
}

static void stop_takes_no_data_or_that_of_start(void)
{
	struct start start = start_of(1);

	client = client_ready();
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	CU_ASSERT_EQUAL(ask_flags(SET | STOP), 0);
	CU_ASSERT_FALSE(bench.vif->dirty);
	CU_ASSERT_EQUAL(ask_flags(SET | STOP), 0);
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	start.feature.flags = SET | STOP;
	CU_ASSERT_EQUAL(ask(&start, start_bytes(1) - 1), EINVAL);
	CU_ASSERT_TRUE(bench.vif->dirty);
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	CU_ASSERT_FALSE(bench.vif->dirty);
	client_close(&client);
}

static void report_carries_the_bitmap(void)
{
	struct start start = start_of(1);
	struct report report = report_of(100 * PAGE), answer;
	uint64_t words[2];

	client = client_ready();
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL); /* not started */
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	report.feature.argsz = sizeof(report) + sizeof(words);
	CU_ASSERT_EQUAL(ask_report(&report), 0);
	CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(answer) + sizeof(words));
	memcpy(&answer, reply.payload, sizeof(answer));
	memcpy(words, reply.payload + sizeof(answer), sizeof(words));
	CU_ASSERT_EQUAL(memcmp(&answer, &report, sizeof(answer)), 0);
	CU_ASSERT_EQUAL(words[0], 0x9249249249249249);
	CU_ASSERT_EQUAL(words[1], 0x0000000924924924 & 0xfffffffff);
	client_close(&client);
}

static void report_malformed_is_refused(void)
{
	struct start start = start_of(1);
	struct report report = report_of(100 * PAGE);

	client = client_ready();
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	for (size_t bytes = sizeof(report.feature); bytes < sizeof(report); bytes++)
		CU_ASSERT_EQUAL(ask(&report, bytes), EINVAL);
	report.feature.argsz = sizeof(report) + 15;
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	report = report_of(100 * PAGE);
	report.report.page_bytes = 0;
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	/* More than a message has room for, and more than anything has. */
	report = report_of((1ull << 20) * 8 * PAGE);
	report.feature.argsz = UINT32_MAX;
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	report.report.bytes = UINT64_MAX;
	report.report.page_bytes = 1;
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DIRTY_REPORT], 0);
	report = report_of(100 * PAGE);
	report.report.page_bytes = 1024;
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	bench.vif->fail[FAKE_DIRTY_REPORT] = -EOVERFLOW;
	report = report_of(100 * PAGE);
	CU_ASSERT_EQUAL(ask_report(&report), EOVERFLOW);
	CU_ASSERT_EQUAL(ask_report(&report), 0);
	client_close(&client);
}

/* A client that takes less in a message asks for less. */
static void report_keeps_to_what_the_client_takes(void)
{
	struct start start = start_of(1);
	struct report report = report_of(8 * PAGE * 4096);

	client = client_connect();
	CU_ASSERT_EQUAL_FATAL(
		client_version(&client, "{\"capabilities\":{\"max_data_xfer_size\":4096}}", &reply),
		0);
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	CU_ASSERT_EQUAL(ask_report(&report), EINVAL);
	report.report.bytes = (4096 - sizeof(report)) * 8 * PAGE;
	CU_ASSERT_EQUAL(ask_report(&report), 0);
	CU_ASSERT_EQUAL(reply.payload_bytes, 4096);
	client_close(&client);
}

/* Unmaps that are queued are waited for first: what they ended is in the report. */
static void queued_unmaps_come_first(void)
{
	struct start start = start_of(1);
	struct report report = report_of(PAGE);
	struct vfio_user_dma_unmap unmap = { sizeof(unmap), 0, 0, PAGE };

	client = client_ready();
	CU_ASSERT_EQUAL(ask_start(&start), 0);
	fake_vif_forget(bench.vif);
	client_send(&client, VFIO_USER_DMA_UNMAP, 0, &unmap, sizeof(unmap), NULL, 0);
	client_send(&client, VFIO_USER_DEVICE_FEATURE, 0, &report, sizeof(report), NULL, 0);
	client_receive(&client, &reply);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	CU_ASSERT(fake_vif_find(bench.vif, FAKE_DMA_UNMAP_FLUSH, 0, 0) <
		  fake_vif_find(bench.vif, FAKE_DIRTY_REPORT, 0, 0));
	client_close(&client);
}

SVIO_TEST_MAIN_WITH("features", bench_setup, bench_teardown, SVIO_TEST(features_can_be_probed),
		    SVIO_TEST(unknown_features_and_flags_are_refused),
		    SVIO_TEST(start_tells_the_page_size_in_use),
		    SVIO_TEST(start_malformed_is_refused),
		    SVIO_TEST(stop_takes_no_data_or_that_of_start),
		    SVIO_TEST(report_carries_the_bitmap), SVIO_TEST(report_malformed_is_refused),
		    SVIO_TEST(report_keeps_to_what_the_client_takes),
		    SVIO_TEST(queued_unmaps_come_first))
