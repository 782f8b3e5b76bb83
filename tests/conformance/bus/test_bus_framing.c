// SPDX-License-Identifier: BSD-3-Clause
/* How messages arrive: in pieces, several at once, with nonsense for a header, not at all. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bus_bench.h"
#include "svio_test.h"

static void expect_end(struct client *client, struct reply *reply)
{
	client_receive(client, reply);
	if (!reply->closed) {
		CU_ASSERT_EQUAL(reply->header.error, EINVAL);
		client_receive(client, reply);
	}
	CU_ASSERT(reply->closed);
}

/* Sizes that no message has: refused or closed, before and after the handshake. */
static void message_of_impossible_size_ends_connection(void)
{
	static const uint32_t sizes[] = { 0, 8, 15, 0xffffffff, VFIO_USER_MESSAGE_BYTES_MAX + 1 };

	for (size_t i = 0; i < 2 * sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct client client = i % 2 ? client_ready() : client_connect();
		struct vfio_user_header header = { .command = 4, .bytes = sizes[i / 2] };
		struct reply reply;

		client_send_bytes(&client, &header, sizeof(header), NULL, 0);
		/* Unread data must not turn the close into a reset. */
		client_send_bytes(&client, &header, sizeof(header), NULL, 0);
		expect_end(&client, &reply);
		client_close(&client);
		CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
	}
}

static void message_of_unknown_type_is_refused(void)
{
	struct client client = client_ready();
	struct reply reply;

	client_send(&client, VFIO_USER_DEVICE_RESET, 5, NULL, 0, NULL, 0);
	client_receive(&client, &reply);
	CU_ASSERT(reply.closed || reply.header.error == EINVAL);
	client_close(&client);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
}

static void reply_nobody_asked_for_ends_connection(void)
{
	struct client client = client_ready();
	struct reply reply;

	client_send(&client, VFIO_USER_DEVICE_RESET, VFIO_USER_TYPE_REPLY, NULL, 0, NULL, 0);
	expect_end(&client, &reply);
	client_close(&client);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
}

static void message_in_single_bytes_is_served(void)
{
	struct vfio_user_header header = { .id = 7, .command = VFIO_USER_DMA_MAP, .bytes = 48 };
	struct vfio_user_dma_map map = { sizeof(map), 3, 0, 0, 4096 };
	struct client client = client_ready();
	int fd = client_memory(4096);
	uint8_t message[48];
	struct reply reply;

	memcpy(message, &header, sizeof(header));
	memcpy(message + sizeof(header), &map, sizeof(map));
	for (size_t i = 0; i < sizeof(message); i++) {
		/* The descriptor comes with a byte in the middle: it is this message's all the same. */
		client_send_bytes(&client, message + i, 1, &fd, i == 20);
		if (i + 1 < sizeof(message))
			CU_ASSERT(client_is_silent(&client));
	}
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.id, 7);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	CU_ASSERT_EQUAL(bench.vif->map_count, 1);
	close(fd);
	client_close(&client);
}

static void two_messages_in_one_write_are_served(void)
{
	struct {
		struct vfio_user_header header;
		struct vfio_user_region_access access;
	} messages[2] = {
		{ { .id = 1, .command = VFIO_USER_REGION_READ, .bytes = 32 }, { 0, 7, 2 } },
		{ { .id = 2, .command = VFIO_USER_REGION_READ, .bytes = 32 }, { 2, 7, 2 } },
	};
	struct client client = client_ready();
	struct reply reply;

	client_send_bytes(&client, messages, sizeof(messages), NULL, 0);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.id, 1);
	CU_ASSERT_EQUAL(reply.payload[16] | reply.payload[17] << 8, 0x1234);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.id, 2);
	CU_ASSERT_EQUAL(reply.payload[16] | reply.payload[17] << 8, 0x5610);
	client_close(&client);
}

/* Half a message, with a descriptor, then the client is gone: the tear-down finds no leak. */
static void half_message_then_disconnect_leaks_nothing(void)
{
	struct vfio_user_header header = { .command = VFIO_USER_DMA_MAP, .bytes = 48 };
	struct client client = client_ready();
	int fd = client_memory(4096);

	client_send_bytes(&client, &header, sizeof(header), &fd, 1);
	bench_settle();
	client_close(&client);
	client = client_ready();
	client_send_bytes(&client, &header, 5, &fd, 1);
	client_close(&client);
	close(fd);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 2);
	CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
}

static void hundred_descriptors_are_survived_without_leak(void)
{
	struct vfio_user_dma_map map = { sizeof(map), 3, 0, 0, 4096 };
	struct client client = client_ready();
	int fd = client_memory(4096), fds[100];
	size_t before = bench_count_fds();
	struct reply reply;

	for (size_t i = 0; i < 100; i++)
		fds[i] = fd;
	CU_ASSERT_EQUAL(client_ask_fds(&client, VFIO_USER_DMA_MAP, &map, sizeof(map), fds, 100,
				       &reply),
			EINVAL);
	CU_ASSERT_EQUAL(bench_count_fds(), before);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, fd, 0, 3), 0);
	/* The same number in small portions within one message. */
	for (size_t i = 0; i < 48; i++) {
		struct vfio_user_header header = { .command = VFIO_USER_DMA_MAP, .bytes = 48 };
		uint8_t message[48] = { 0 };

		memcpy(message, &header, sizeof(header));
		client_send_bytes(&client, message + i, 1, fds, 2);
		bench_settle();
	}
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.error, EINVAL);
	CU_ASSERT_EQUAL(bench_count_fds(), before);
	close(fd);
	client_close(&client);
}

/* Descriptors that this process may not open any more: the kernel drops them, we refuse. */
static void descriptor_over_the_limit_is_refused(void)
{
	struct client client = client_ready();
	int fd = client_memory(4096);
	struct rlimit limit, none;

	CU_ASSERT_EQUAL_FATAL(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &none), 0);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, fd, 0, 3), EINVAL);
	CU_ASSERT_EQUAL_FATAL(setrlimit(RLIMIT_NOFILE, &limit), 0);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, fd, 0, 3), 0);
	close(fd);
	client_close(&client);
}

/* A client that asks and asks and does not read: it is slowed down, then gets every answer. */
static void client_that_does_not_read_is_slowed_down(void)
{
	enum {
		REQUESTS = 2000
	};
	struct vfio_user_region_access access = { 0, 7, 4096 };
	struct vfio_user_header header = { .command = VFIO_USER_REGION_READ, .bytes = 32 };
	struct client client = client_ready();
	uint8_t message[32];
	size_t sent = 0, received = 0;
	struct reply reply;

	memcpy(message + sizeof(header), &access, sizeof(access));
	while (sent < REQUESTS) {
		ssize_t count;

		header.id = (uint16_t)sent;
		memcpy(message, &header, sizeof(header));
		count = send(client.fd, message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (count < 0)
			break;
		CU_ASSERT_EQUAL_FATAL(count, sizeof(message));
		sent++;
		bench_settle();
	}
	/* Both sockets are full: the server holds no more than they do. */
	CU_ASSERT(sent < REQUESTS);
	for (; received < sent; received++) {
		client_receive(&client, &reply);
		CU_ASSERT_EQUAL_FATAL(reply.closed, false);
		CU_ASSERT_EQUAL(reply.header.id, (uint16_t)received);
		CU_ASSERT_EQUAL(reply.payload_bytes, 16 + 4096);
	}
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	client_close(&client);
}

/* The same, and it goes away without ever reading. */
static void client_that_never_reads_and_leaves_is_cleaned_up(void)
{
	struct vfio_user_region_access access = { 0, 7, 4096 };
	struct client client = client_ready();

	for (size_t i = 0; i < 200; i++) {
		struct {
			struct vfio_user_header header;
			struct vfio_user_region_access access;
		} message = { { .command = VFIO_USER_REGION_READ, .bytes = 32 }, access };

		if (send(client.fd, &message, sizeof(message), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
	bench_settle();
	client_close(&client);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 1);
	CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
}

SVIO_TEST_MAIN_WITH("how messages arrive", bench_setup, bench_teardown,
		    SVIO_TEST(message_of_impossible_size_ends_connection),
		    SVIO_TEST(message_of_unknown_type_is_refused),
		    SVIO_TEST(reply_nobody_asked_for_ends_connection),
		    SVIO_TEST(message_in_single_bytes_is_served),
		    SVIO_TEST(two_messages_in_one_write_are_served),
		    SVIO_TEST(half_message_then_disconnect_leaks_nothing),
		    SVIO_TEST(hundred_descriptors_are_survived_without_leak),
		    SVIO_TEST(descriptor_over_the_limit_is_refused),
		    SVIO_TEST(client_that_does_not_read_is_slowed_down),
		    SVIO_TEST(client_that_never_reads_and_leaves_is_cleaned_up))
