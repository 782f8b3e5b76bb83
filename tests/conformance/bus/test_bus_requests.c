// SPDX-License-Identifier: BSD-3-Clause
/*
 * What a client may send, and what is right: one case for each row about the
 * contents of a message. (How messages arrive is test_bus_framing.c.)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus_bench.h"
#include "svio_pci.h"
#include "svio_test.h"

#define MIB         (1024ull * 1024)
#define IRQ_EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)
#define IRQ_OFF     (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)

/* Send a first message; it must be refused with EINVAL, then the server closes. */
static void expect_refused_first(uint16_t command, const void *payload, size_t bytes,
				 const int *fds, size_t fd_count)
{
	struct client client = client_connect();
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask_fds(&client, command, payload, bytes, fds, fd_count, &reply),
			EINVAL);
	client_receive(&client, &reply);
	CU_ASSERT(reply.closed);
	CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
	/* A stranger leaves no trace at the VIF. */
	CU_ASSERT_EQUAL(bench.vif->record_count, 0);
	client_close(&client);
}

static void expect_refused_version(uint16_t major, const char *json, size_t json_bytes)
{
	uint8_t payload[512] = { (uint8_t)major, (uint8_t)(major >> 8), 0, 0 };

	memcpy(payload + 4, json, json_bytes);
	expect_refused_first(VFIO_USER_VERSION, payload, 4 + json_bytes, NULL, 0);
}

static void first_message_not_version_is_refused(void)
{
	struct vfio_user_device_info info = { .argsz = sizeof(info) };

	expect_refused_first(VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), NULL, 0);
	expect_refused_first(VFIO_USER_DEVICE_RESET, NULL, 0, NULL, 0);
	expect_refused_first(999, NULL, 0, NULL, 0);
}

static void version_other_major_is_refused(void)
{
	expect_refused_version(1, "{}", 3);
}

static void version_short_payload_is_refused(void)
{
	expect_refused_first(VFIO_USER_VERSION, "\0", 2, NULL, 0);
	expect_refused_first(VFIO_USER_VERSION, NULL, 0, NULL, 0);
}

static void version_bad_json_is_refused(void)
{
	static const char *const texts[] = {
		"",
		"{",
		"nonsense",
		"[]",
		"1",
		"{} x",
		"{\"capabilities\": 1}",
		"{\"capabilities\": {\"max_msg_fds\": \"16\"}}",
		"{\"capabilities\": {\"max_msg_fds\": -1}}",
		"{\"capabilities\": {\"max_data_xfer_size\": true}}",
		"{\"capabilities\": {\"pgsizes\": 0}}",
		"{\"capabilities\": {\"pgsizes\": {}}}",
		"{\"capabilities\": {\"max_dma_maps\": 1.5}}",
		"{\"capabilities\": {\"twin_socket\": 7}}",
		"{\"capabilities\": {\"write_multiple\": \"yes\"}}",
		"{\"capabilities\": {\"migration\": []}}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		expect_refused_version(0, texts[i], strlen(texts[i]) + 1);
	expect_refused_version(0, "{}", 2);     /* no NUL */
	expect_refused_version(0, "{}\0{}", 6); /* one too many */
}

static void version_with_descriptor_is_refused(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);
	uint8_t payload[7] = { 0, 0, 0, 0, '{', '}', 0 };

	expect_refused_first(VFIO_USER_VERSION, payload, sizeof(payload), &fd, 1);
	close(fd);
}

/* The reply is never longer than the request, and offers only what was proposed. */
static void version_short_request_gets_shorter_reply(void)
{
	static const char *const texts[] = {
		NULL,
		"{}",
		"{\"capabilities\":{}}",
		"{\"capabilities\":{\"max_msg_fds\":1}}",
		"{\"capabilities\":{\"pgsizes\":4096,\"max_msg_fds\":1}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct client client = client_connect();
		struct reply reply;

		CU_ASSERT_EQUAL(client_version(&client, texts[i], &reply), 0);
		CU_ASSERT(reply.payload_bytes >= 4);
		CU_ASSERT(reply.payload_bytes <= 4 + (texts[i] ? strlen(texts[i]) + 1 : 0));
		client_close(&client);
	}
}

static void version_twice_is_refused(void)
{
	struct client client = client_ready();
	struct reply reply;

	CU_ASSERT_EQUAL(client_version(&client, client_qemu_json, &reply), EINVAL);
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
	client_close(&client);
}

static void unknown_command_is_refused(void)
{
	static const uint16_t commands[] = { 0, 6, 11, 12, 14, 15, 16, 17, 18, 19, 999, 0xffff };
	struct client client = client_ready();
	struct reply reply;

	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		CU_ASSERT_EQUAL(client_ask(&client, commands[i], NULL, 0, &reply), EINVAL);
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	client_close(&client);
}

static void payload_shorter_than_due_is_refused(void)
{
	static const struct {
		uint16_t command;
		size_t bytes;
	} due[] = { { 2, 32 }, { 3, 24 }, { 4, 16 }, { 5, 32 },
		    { 7, 16 }, { 8, 20 }, { 9, 16 }, { 10, 16 } };
	const uint8_t zeros[32] = { 0 };
	struct client client = client_ready();
	struct reply reply;

	for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
		CU_ASSERT_EQUAL(client_ask(&client, due[i].command, NULL, 0, &reply), EINVAL);
		CU_ASSERT_EQUAL(client_ask(&client, due[i].command, zeros, due[i].bytes - 1,
					   &reply),
				EINVAL);
	}
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_RESET, zeros, 4, &reply), EINVAL);
	client_close(&client);
}

/* NO_REPLY, valid or not: nothing comes, what is valid is done. */
static void no_reply_gets_no_reply(void)
{
	struct {
		struct vfio_user_region_access access;
		uint32_t value;
	} write = { { 0x90, 0, 4 }, 77 };
	struct client client = client_ready();

	client_send(&client, VFIO_USER_REGION_WRITE, VFIO_USER_NO_REPLY, &write, 20, NULL, 0);
	client_send(&client, 999, VFIO_USER_NO_REPLY, NULL, 0, NULL, 0);
	client_send(&client, VFIO_USER_DMA_MAP, VFIO_USER_NO_REPLY, NULL, 0, NULL, 0);
	client_send(&client, VFIO_USER_DEVICE_RESET, VFIO_USER_NO_REPLY, NULL, 0, NULL, 0);
	CU_ASSERT(client_is_silent(&client));
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_REG_WRITE], 1);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 2);
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	client_close(&client);
}

static void argsz_short_is_refused_huge_is_taken(void)
{
	static const uint16_t commands[] = { VFIO_USER_DEVICE_GET_INFO,
					     VFIO_USER_DEVICE_GET_REGION_INFO,
					     VFIO_USER_DEVICE_GET_IRQ_INFO };
	struct client client = client_ready();
	uint32_t payload[8] = { 0 };
	struct reply reply;

	for (size_t i = 0; i < 3; i++) {
		size_t bytes = commands[i] == VFIO_USER_DEVICE_GET_REGION_INFO ? 32 : 16;

		payload[0] = (uint32_t)bytes - 1;
		CU_ASSERT_EQUAL(client_ask(&client, commands[i], payload, bytes, &reply), EINVAL);
		payload[0] = 0;
		CU_ASSERT_EQUAL(client_ask(&client, commands[i], payload, bytes, &reply), EINVAL);
		payload[0] = 0xffffffff;
		CU_ASSERT_EQUAL(client_ask(&client, commands[i], payload, bytes, &reply), 0);
		CU_ASSERT_EQUAL(reply.payload_bytes, bytes);
		CU_ASSERT_EQUAL(reply.payload[0], bytes);
	}
	client_close(&client);
}

static void argsz_short_changes_no_maps_and_no_vectors(void)
{
	struct client client = client_ready();
	struct vfio_user_dma_map map = { .argsz = 31, .flags = 3, .bytes = MIB };
	struct vfio_user_dma_unmap unmap = { .argsz = 23, .bytes = MIB };
	struct vfio_user_irq_set set = { .argsz = 19,
					 .flags = VFIO_IRQ_SET_DATA_NONE |
						  VFIO_IRQ_SET_ACTION_TRIGGER,
					 .index = 2 };
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DMA_MAP, &map, sizeof(map), &reply), EINVAL);
	map.argsz = 32;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DMA_MAP, &map, sizeof(map), &reply), 0);
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &reply),
			EINVAL);
	unmap.argsz = 24;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DMA_UNMAP, &unmap, sizeof(unmap), &reply), 0);
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &reply),
			EINVAL);
	set.argsz = 20;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_SET_IRQS, &set, sizeof(set), &reply),
			0);
	client_close(&client);
}

static void info_index_out_of_range_is_refused(void)
{
	struct client client = client_ready();
	uint32_t payload[8] = { 32, 0, 9 };
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_GET_REGION_INFO, payload, 32, &reply),
			EINVAL);
	payload[2] = 0xffffffff;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_GET_REGION_INFO, payload, 32, &reply),
			EINVAL);
	payload[2] = 5;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_GET_IRQ_INFO, payload, 16, &reply),
			EINVAL);
	client_close(&client);
}

static int send_read(struct client *client, uint32_t region, uint64_t offset, uint32_t count)
{
	struct vfio_user_region_access access = { offset, region, count };
	struct reply reply;

	return client_ask(client, VFIO_USER_REGION_READ, &access, sizeof(access), &reply);
}

static int send_write(struct client *client, uint32_t region, uint64_t offset, uint32_t count,
		      size_t data_bytes)
{
	struct vfio_user_region_access access = { offset, region, count };
	uint8_t *payload = calloc(1, sizeof(access) + data_bytes);
	struct reply reply;
	int error;

	if (!payload)
		abort();
	memcpy(payload, &access, sizeof(access));
	error = client_ask(client, VFIO_USER_REGION_WRITE, payload, sizeof(access) + data_bytes,
			   &reply);
	free(payload);
	return error;
}

static void region_access_outside_is_refused(void)
{
	static const struct vfio_user_region_access accesses[] = {
		{ 0, 1, 4 },          { 0, 3, 4 },
		{ 0, 6, 4 },          { 0, 8, 4 },
		{ 0, 9, 4 },          { 0, 0xffffffff, 4 },
		{ 0x1000, 0, 4 },     { 0xffd, 0, 4 },
		{ 0x1fff, 2, 2 },     { 0x2000, 4, 1 },
		{ 0x1000, 7, 1 },     { 0xfff, 7, 2 },
		{ UINT64_MAX, 0, 1 }, { UINT64_MAX - 3, 0, 8 },
		{ 4, 7, 0xffffffff }, { 0, 0, 0xffffffff },
		{ 0, 0, 0 },
	};
	struct client client = client_ready();

	for (size_t i = 0; i < sizeof(accesses) / sizeof(accesses[0]); i++) {
		CU_ASSERT_EQUAL(send_read(&client, accesses[i].region, accesses[i].offset,
					  accesses[i].count),
				EINVAL);
		CU_ASSERT_EQUAL(send_write(&client, accesses[i].region, accesses[i].offset,
					   accesses[i].count,
					   accesses[i].count > 64 ? 64 : accesses[i].count),
				EINVAL);
	}
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_REG_WRITE], 0);
	client_close(&client);
}

static void region_write_count_not_datas_length_is_refused(void)
{
	struct client client = client_ready();

	CU_ASSERT_EQUAL(send_write(&client, 0, 0, 4, 3), EINVAL);
	CU_ASSERT_EQUAL(send_write(&client, 0, 0, 4, 5), EINVAL);
	CU_ASSERT_EQUAL(send_write(&client, 0, 0, 4, 0), EINVAL);
	/* As much as may be sent at all, to a region that is not so large. */
	CU_ASSERT_EQUAL(send_write(&client, 2, 0, MIB, MIB), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_REG_WRITE], 0);
	CU_ASSERT_EQUAL(send_write(&client, 0, 0, 4, 4), 0);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_REG_WRITE], 1);
	client_close(&client);
}

static void region_read_more_than_the_client_takes_is_refused(void)
{
	struct client client = client_connect();
	struct reply reply;

	CU_ASSERT_EQUAL(client_version(&client, "{\"capabilities\":{\"max_data_xfer_size\":64}}",
				       &reply),
			0);
	CU_ASSERT_EQUAL(send_read(&client, 7, 0, 65), EINVAL);
	CU_ASSERT_EQUAL(send_read(&client, 7, 0, 64), 0);
	client_close(&client);
}

static void dma_map_bad_range_is_refused(void)
{
	struct client client = client_ready();
	int fd = client_memory(MIB), error;

	CU_ASSERT_EQUAL(client_map(&client, 0, 0, fd, 0, 3), EINVAL);
	error = client_map(&client, UINT64_MAX - 4095, 8192, fd, 0, 3);
	CU_ASSERT(error == EINVAL || error == EOVERFLOW);
	error = client_map(&client, 0, 8192, fd, UINT64_MAX - 4095, 3);
	CU_ASSERT(error == EINVAL || error == EOVERFLOW);
	CU_ASSERT_EQUAL(bench.vif->map_count, 0);
	close(fd);
	client_close(&client);
}

static void dma_map_bad_flags_are_refused(void)
{
	struct client client = client_ready();
	int fd = client_memory(MIB);

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, fd, 0, 4), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, fd, 0, 3 | 1u << 31), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, fd, 0, 0), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DMA_MAP], 0);
	close(fd);
	client_close(&client);
}

static void dma_map_overlapping_is_refused(void)
{
	struct client client = client_ready();
	int fd = client_memory(MIB);

	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, 0, 3), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 2 * MIB - 4096, 8192, fd, 0, 1), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4 * MIB, -1, 0, 3), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 2 * MIB, MIB, fd, 0, 3), 0);
	close(fd);
	client_close(&client);
}

static void dma_map_bad_descriptor_is_refused(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB), event = eventfd(0, EFD_CLOEXEC), read_only;
	char path[64];

	CU_ASSERT_EQUAL(client_map(&client, 0, 2 * MIB, memory, 0, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, memory, 4096, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, event, 0, 3), EINVAL);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(read_only >= 0);
	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, read_only, 0, 3), EACCES);
	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, read_only, 0, 1), 0);
	close(read_only);
	close(event);
	close(memory);
	client_close(&client);
}

static void dma_map_two_descriptors_are_refused(void)
{
	struct vfio_user_dma_map map = { sizeof(map), 3, 0, 0, MIB };
	struct client client = client_ready();
	int fds[2] = { client_memory(MIB), client_memory(MIB) };
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask_fds(&client, VFIO_USER_DMA_MAP, &map, sizeof(map), fds, 2,
				       &reply),
			EINVAL);
	close(fds[0]);
	close(fds[1]);
	client_close(&client);
}

static void dma_unmap_whole_maps_succeeds(void)
{
	struct client client = client_ready();
	int fd = client_memory(MIB);

	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, 4 * MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, MIB, 0), 0); /* exact */
	CU_ASSERT_EQUAL(bench.vif->map_count, 2);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 1ull << 47, 0), 0); /* superset */
	CU_ASSERT_EQUAL(bench.vif->map_count, 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, MIB, 0), 0); /* nothing there */
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0); /* neither */
	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	CU_ASSERT_EQUAL(bench.vif->map_count, 0);
	close(fd);
	client_close(&client);
}

static void dma_unmap_splitting_is_refused(void)
{
	struct client client = client_ready();
	int fd = client_memory(MIB);

	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, 4096, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB + 4096, MIB, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, 0, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, UINT64_MAX - 4095, 8192, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, MIB, 1), EINVAL); /* dirty bitmap: not offered */
	CU_ASSERT_EQUAL(bench.vif->map_count, 1);
	close(fd);
	client_close(&client);
}

static void set_irqs_nonsense_is_refused(void)
{
	static const struct {
		uint32_t flags, index, start, count;
		size_t fds;
	} sets[] = {
		/* descriptors not equal to count */
		{ IRQ_EVENTFD, 2, 0, 2, 1 },
		{ IRQ_EVENTFD, 2, 0, 1, 2 },
		/* bad index */
		{ IRQ_EVENTFD, 5, 0, 1, 1 },
		{ IRQ_OFF, 0xffffffff, 0, 0, 0 },
		{ IRQ_EVENTFD, 0, 0, 1, 1 },
		{ IRQ_EVENTFD, 4, 0, 1, 1 },
		/* outside, wrapping */
		{ IRQ_EVENTFD, 2, 5, 1, 1 },
		{ IRQ_EVENTFD, 2, 4, 2, 2 },
		{ IRQ_EVENTFD, 2, 0xffffffff, 2, 2 },
		{ IRQ_EVENTFD, 2, 1, 0xffffffff, 0 },
		{ IRQ_EVENTFD, 2, 0, 0, 0 },
		{ IRQ_EVENTFD, 3, 1, 1, 1 },
		/* two actions or none, two kinds of data or none, unknown flags */
		{ IRQ_EVENTFD | VFIO_IRQ_SET_ACTION_MASK, 2, 0, 1, 1 },
		{ VFIO_IRQ_SET_DATA_EVENTFD, 2, 0, 1, 1 },
		{ IRQ_EVENTFD | VFIO_IRQ_SET_DATA_BOOL, 2, 0, 1, 1 },
		{ VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1, 0 },
		{ IRQ_EVENTFD | 1u << 6, 2, 0, 1, 1 },
		/* descriptors with another kind of data */
		{ IRQ_OFF, 2, 0, 0, 1 },
		{ IRQ_OFF, 2, 0, 1, 1 },
		/* data that are not there */
		{ VFIO_IRQ_SET_DATA_BOOL | VFIO_IRQ_SET_ACTION_TRIGGER, 2, 0, 1, 0 },
		/* what we do not offer */
		{ VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_MASK, 2, 0, 1, 0 },
		{ VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_UNMASK, 2, 0, 1, 1 },
	};
	struct client client = client_ready();
	int fds[2] = { eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		       eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		CU_ASSERT_EQUAL(client_set_irqs(&client, sets[i].flags, sets[i].index,
						sets[i].start, sets[i].count, fds, sets[i].fds),
				EINVAL);
	}
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_IRQ_SET], 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 3, 2, fds, 2), 0);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_IRQ_SET], 2);
	close(fds[0]);
	close(fds[1]);
	client_close(&client);
}

/* The firmware writes to it: a pipe or socket that is full would stop the packet path. */
static void set_irqs_descriptor_not_eventfd_is_refused(void)
{
	struct client client = client_ready();
	int memory = client_memory(4096), blocking = eventfd(0, EFD_CLOEXEC);
	int mixed[2] = { blocking, memory };

	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 1, &memory, 1), EINVAL);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 3, 0, 1, &memory, 1), EINVAL);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 2, mixed, 2), EINVAL);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_IRQ_SET], 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 1, &blocking, 1), 0);
	CU_ASSERT(fcntl(blocking, F_GETFL) & O_NONBLOCK);
	close(memory);
	close(blocking);
	client_close(&client);
}

static void msix_table_is_storage_and_pba_tells_pending(void)
{
	struct client client = client_ready();
	uint32_t entry[4] = { 0xfee00003, 1, 0x4021, 0xffffffff }, back[4];
	uint64_t pending = 0;

	CU_ASSERT_EQUAL(client_region_read(&client, 4, 16, back, sizeof(back)), 0);
	CU_ASSERT_EQUAL(back[3], 1); /* masked after reset */
	CU_ASSERT_EQUAL(client_region_write(&client, 4, 16, entry, sizeof(entry)), 0);
	CU_ASSERT_EQUAL(client_region_read(&client, 4, 16, back, sizeof(back)), 0);
	CU_ASSERT_EQUAL(back[0], 0xfee00000);
	CU_ASSERT_EQUAL(back[1], 1);
	CU_ASSERT_EQUAL(back[2], 0x4021);
	CU_ASSERT_EQUAL(back[3], 1);
	/* Beyond the VIF's five vectors there is nothing. */
	CU_ASSERT_EQUAL(client_region_write(&client, 4, 80, entry, sizeof(entry)), 0);
	CU_ASSERT_EQUAL(client_region_read(&client, 4, 80, back, sizeof(back)), 0);
	CU_ASSERT_EQUAL(back[0] | back[1] | back[2] | back[3], 0);
	bench.vif->pending = 0x12;
	CU_ASSERT_EQUAL(client_region_read(&client, 4, SVIO_MSIX_PBA_OFFSET, &pending, 8), 0);
	CU_ASSERT_EQUAL(pending, 0x12);
	CU_ASSERT_EQUAL(client_region_write(&client, 4, SVIO_MSIX_PBA_OFFSET, &pending, 8), 0);
	client_close(&client);
}

static void power_state_d3_stops_dma_and_d0_allows_it(void)
{
	struct client client = client_ready();
	uint8_t pm = (uint8_t)client_config_read(&client, PCI_CAPABILITY_LIST, 1);

	CU_ASSERT_EQUAL_FATAL(client_config_read(&client, pm, 1), PCI_CAP_ID_PM);
	client_config_write(&client, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	CU_ASSERT(bench.vif->bus_master);
	client_config_write(&client, pm + PCI_PM_CTRL, 3, 2);
	CU_ASSERT_FALSE(bench.vif->bus_master);
	CU_ASSERT_EQUAL(client_config_read(&client, PCI_COMMAND, 2), PCI_COMMAND_MASTER);
	client_config_write(&client, pm + PCI_PM_CTRL, 0, 2);
	CU_ASSERT(bench.vif->bus_master);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1); /* the one at VERSION */
	client_close(&client);
}

/* What the VIF refuses reaches the client; the connection goes on. */
static void vif_errors_reach_the_client(void)
{
	struct client client = client_ready();
	int fd = client_memory(4096), event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct reply reply;

	bench.vif->fail[FAKE_DMA_MAP] = -ENOSPC;
	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, fd, 0, 3), ENOSPC);
	bench.vif->fail[FAKE_REG_WRITE] = -EIO;
	CU_ASSERT_EQUAL(send_write(&client, 0, 0, 4, 4), EIO);
	bench.vif->fail[FAKE_RESET] = -EIO;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_RESET, NULL, 0, &reply), EIO);
	bench.vif->fail[FAKE_IRQ_SET] = -EMFILE;
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 1, &event, 1), EMFILE);
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	close(fd);
	close(event);
	client_close(&client);
}

SVIO_TEST_MAIN_WITH(
	"what a client may send", bench_setup, bench_teardown,
	SVIO_TEST(first_message_not_version_is_refused), SVIO_TEST(version_other_major_is_refused),
	SVIO_TEST(version_short_payload_is_refused), SVIO_TEST(version_bad_json_is_refused),
	SVIO_TEST(version_with_descriptor_is_refused),
	SVIO_TEST(version_short_request_gets_shorter_reply), SVIO_TEST(version_twice_is_refused),
	SVIO_TEST(unknown_command_is_refused), SVIO_TEST(payload_shorter_than_due_is_refused),
	SVIO_TEST(no_reply_gets_no_reply), SVIO_TEST(argsz_short_is_refused_huge_is_taken),
	SVIO_TEST(argsz_short_changes_no_maps_and_no_vectors),
	SVIO_TEST(info_index_out_of_range_is_refused), SVIO_TEST(region_access_outside_is_refused),
	SVIO_TEST(region_write_count_not_datas_length_is_refused),
	SVIO_TEST(region_read_more_than_the_client_takes_is_refused),
	SVIO_TEST(dma_map_bad_range_is_refused), SVIO_TEST(dma_map_bad_flags_are_refused),
	SVIO_TEST(dma_map_overlapping_is_refused), SVIO_TEST(dma_map_bad_descriptor_is_refused),
	SVIO_TEST(dma_map_two_descriptors_are_refused), SVIO_TEST(dma_unmap_whole_maps_succeeds),
	SVIO_TEST(dma_unmap_splitting_is_refused), SVIO_TEST(set_irqs_nonsense_is_refused),
	SVIO_TEST(set_irqs_descriptor_not_eventfd_is_refused),
	SVIO_TEST(msix_table_is_storage_and_pba_tells_pending),
	SVIO_TEST(power_state_d3_stops_dma_and_d0_allows_it),
	SVIO_TEST(vif_errors_reach_the_client))
