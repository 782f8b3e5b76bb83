/* SPDX-License-Identifier: BSD-3-Clause */
/* What libsvio-vif says when a VIF cannot be opened: the right errno, and a sentence. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "device_guest.h"
#include "svio_test.h"

static struct device_lab lab;

static void start(void)
{
	lab_start(&lab);
	lab_vif_add(&lab, "a", "--queues 2");
}

static void stop(void)
{
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Opens and expects a refusal whose sentence has word in it. */
static void expect_refusal(const struct svio_vif_options *options, int error, const char *word)
{
	struct svio_vif *vif = (struct svio_vif *)options;
	int status = svio_vif_open(options, &vif);

	CU_ASSERT_EQUAL(status, error);
	CU_ASSERT_PTR_NULL(vif);
	if (!strstr(svio_vif_message(), word))
		printf("     says: %s\n", svio_vif_message());
	CU_ASSERT_PTR_NOT_NULL(strstr(svio_vif_message(), word));
}

static void open_without_socket_is_refused(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "nobody") };
	char path[200];

	expect_refusal(&options, -ENOENT, "svio vif list");
	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	options.path = path;
	expect_refusal(&options, -ENAMETOOLONG, "");
	options.path = NULL;
	expect_refusal(&options, -EINVAL, "path");
}

static void open_options_out_of_range_are_refused(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "a") };

	options.queues = 3;
	expect_refusal(&options, -EINVAL, "this VIF has 2 transmit");
	options.queues = 33;
	expect_refusal(&options, -EINVAL, "at most 32");
	options.queues = 0;
	options.tx_ring_lg2 = 2;
	expect_refusal(&options, -EINVAL, "2^3 to 2^12");
	options.tx_ring_lg2 = 0;
	options.rx_ring_lg2 = 13;
	expect_refusal(&options, -EINVAL, "2^3 to 2^12");
	options.rx_ring_lg2 = 0;
	options.buf_bytes = 255;
	expect_refusal(&options, -EINVAL, "256 to 65535");
	options.buf_bytes = 0;
	options.moderation_us = 10001;
	expect_refusal(&options, -EINVAL, "10001 us");
	options.moderation_us = 0;
	options.iova = 1ull << 48;
	expect_refusal(&options, -EINVAL, "2^48");
	options.iova = 0;
	options.features_required = 1ull << 60;
	expect_refusal(&options, -EOPNOTSUPP, "does not offer");
}

/* A feature that was not wanted is not agreed, nor one whose need was not wanted. */
static void open_features_are_what_was_wanted(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "a"),
					    .features = SVIO_FEATURE(TX_TSO4) | SVIO_FEATURE(MTU) };
	struct svio_vif *vif;

	CU_ASSERT_EQUAL_FATAL(svio_vif_open(&options, &vif), 0);
	CU_ASSERT_EQUAL(svio_vif_info(vif)->features, SVIO_FEATURE(MTU));
	CU_ASSERT_EQUAL(svio_vif_vlan_add(vif, 5), -EOPNOTSUPP);
	svio_vif_close(vif);
}

static void open_twice_is_busy_then_free(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "a") };
	struct svio_vif *vif;

	CU_ASSERT_EQUAL_FATAL(svio_vif_open(&options, &vif), 0);
	expect_refusal(&options, -EBUSY, "another client");
	svio_vif_close(vif);
	svio_vif_close(NULL);
}

/* A server of something else: answers the first message with bytes, or hangs up. */
struct stranger {
	int listener;
	const void *answer;
	size_t bytes;
};

static void *run_stranger(void *context)
{
	const struct stranger *stranger = context;
	int fd = accept(stranger->listener, NULL, NULL);
	char request[4096];

	if (read(fd, request, sizeof(request)) > 0 && stranger->bytes)
		if (write(fd, stranger->answer, stranger->bytes) < 0)
			perror("stranger");
	/* Until the client gives up. */
	if (stranger->bytes)
		while (read(fd, request, sizeof(request)) > 0)
			;
	close(fd);
	return NULL;
}

static void expect_stranger(const void *answer, size_t bytes, int error)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct svio_vif_options options = { .path = address.sun_path, .timeout_ms = 200 };
	struct stranger stranger = { .answer = answer, .bytes = bytes };
	pthread_t thread;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/stranger", lab.dir);
	stranger.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(stranger.listener, (struct sockaddr *)&address, sizeof(address)),
			      0);
	CU_ASSERT_EQUAL_FATAL(listen(stranger.listener, 1), 0);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, run_stranger, &stranger), 0);
	expect_refusal(&options, error, "stranger");
	pthread_join(thread, NULL);
	close(stranger.listener);
	unlink(address.sun_path);
}

struct reply {
	uint16_t id;
	uint16_t command;
	uint32_t bytes;
	uint32_t flags;
	uint32_t error;
	uint16_t major;
	uint16_t minor;
};

static void open_stranger_is_refused(void)
{
	struct reply wrong = { 1, 1, sizeof(wrong), 1, 0, 7, 0 };

	expect_stranger(NULL, 0, -EPROTO);
	expect_stranger("HTTP/1.0 400 Bad Request\r\n\r\n", 28, -EPROTO);
	expect_stranger(&wrong, sizeof(wrong), -EPROTO); /* major version 7 */
	wrong = (struct reply){ 2, 1, sizeof(wrong), 1, 0, 0, 0 };
	expect_stranger(&wrong, sizeof(wrong), -EPROTO); /* another id */
	wrong = (struct reply){ 1, 1, 0xffffffff, 1, 0, 0, 0 };
	expect_stranger(&wrong, sizeof(wrong), -EPROTO); /* too long */
	wrong = (struct reply){ 1, 1, 3, 1, 0, 0, 0 };
	expect_stranger(&wrong, sizeof(wrong), -EPROTO); /* too short */
	wrong = (struct reply){ 1, 1, sizeof(wrong), 0x21, EACCES, 0, 0 };
	expect_stranger(&wrong, sizeof(wrong), -EACCES); /* an error of its own */
	wrong = (struct reply){ 1, 1, sizeof(wrong), 1, 0, 0, 0 };
	expect_stranger(&wrong, 10, -ETIMEDOUT); /* half a header */
}

/* sviod ends under an open VIF: calls answer, nothing hangs. */
static void open_vif_survives_the_end_of_sviod(void)
{
	struct svio_vif_options options = { .path = lab_socket(&lab, "a") };
	struct svio_vif_status status;
	struct svio_vif *vif;

	CU_ASSERT_EQUAL_FATAL(svio_vif_open(&options, &vif), 0);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
	CU_ASSERT_EQUAL(svio_vif_status(vif, &status), -ENOTCONN);
	CU_ASSERT_EQUAL(svio_vif_reset(vif), -ENOTCONN);
	svio_vif_close(vif);
	start();
}

static void texts_are_never_null(void)
{
	for (uint32_t i = 0; i < 300; i++) {
		CU_ASSERT_PTR_NOT_NULL(svio_vif_error_text(i));
		CU_ASSERT_PTR_NOT_NULL(svio_vif_error_name(i));
		CU_ASSERT_PTR_NOT_NULL(svio_vif_admin_status_text(i));
		CU_ASSERT_PTR_NOT_NULL(svio_vif_counter_name(i));
		CU_ASSERT_PTR_NOT_NULL(svio_vif_feature_name(i));
	}
	CU_ASSERT_STRING_EQUAL(svio_vif_error_name(SVIO_ERROR_DMA_UNMAPPED), "DMA_UNMAPPED");
	CU_ASSERT_STRING_EQUAL(svio_vif_counter_name(SVIO_COUNTER_wakes), "wakes");
	CU_ASSERT_STRING_EQUAL(svio_vif_feature_name(17), "MAC_SET");
}

SVIO_TEST_MAIN_WITH("device open", start, stop, SVIO_TEST(open_without_socket_is_refused),
		    SVIO_TEST(open_options_out_of_range_are_refused),
		    SVIO_TEST(open_features_are_what_was_wanted),
		    SVIO_TEST(open_twice_is_busy_then_free), SVIO_TEST(open_stranger_is_refused),
		    SVIO_TEST(open_vif_survives_the_end_of_sviod), SVIO_TEST(texts_are_never_null))
