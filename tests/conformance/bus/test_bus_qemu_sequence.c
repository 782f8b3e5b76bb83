// SPDX-License-Identifier: BSD-3-Clause
/*
 * What QEMU's client sends from start to exit, as it was seen on the wire, and
 * what the device must have been told after each part.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bus_bench.h"
#include "svio_pci.h"
#include "svio_test.h"

#define KIB 1024ull
#define MIB (1024 * KIB)

#define IRQ_OFF     (VFIO_IRQ_SET_DATA_NONE | VFIO_IRQ_SET_ACTION_TRIGGER)
#define IRQ_EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

static bool json_has(const struct reply *reply, const char *text)
{
	return strstr((const char *)reply->payload + sizeof(struct vfio_user_version), text) !=
	       NULL;
}

static void version_qemu_request_gets_small_reply(void)
{
	struct client client = client_connect();
	struct vfio_user_version version;
	struct reply reply;

	CU_ASSERT_EQUAL(client_version(&client, client_qemu_json, &reply), 0);
	CU_ASSERT(reply.payload_bytes <= sizeof(version) + strlen(client_qemu_json) + 1);
	memcpy(&version, reply.payload, sizeof(version));
	CU_ASSERT_EQUAL(version.major, 0);
	CU_ASSERT_EQUAL(version.minor, 0);
	CU_ASSERT_EQUAL(reply.payload[reply.payload_bytes - 1], 0);
	CU_ASSERT(json_has(&reply, "\"max_msg_fds\":16"));
	CU_ASSERT(json_has(&reply, "\"max_data_xfer_size\":1048576"));
	CU_ASSERT(json_has(&reply, "\"pgsizes\":4096"));
	CU_ASSERT_FALSE(json_has(&reply, "twin_socket"));
	CU_ASSERT_FALSE(json_has(&reply, "write_multiple"));
	CU_ASSERT_FALSE(json_has(&reply, "migration"));
	CU_ASSERT_EQUAL(fake_vif_find(bench.vif, FAKE_RESET, 0, 0), 0);
	CU_ASSERT(bus_front_ops.connected(bench.front));
	client_close(&client);
	CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
}

/* RAM with a descriptor, read-only RAM, BIOS without: all sent before the first answer is read. */
static void dma_map_pipelined_maps_are_answered_in_order(void)
{
	static const struct vfio_user_dma_map maps[] = {
		{ 32, 3, 0, 0, 640 * KIB },
		{ 32, 1, 0xc0000, 0xc0000, 128 * KIB },
		{ 32, 3, 0x100000, 0x100000, 127 * MIB },
		{ 32, 1, 0, 0xfffc0000, 256 * KIB },
	};
	struct client client = client_ready();
	int fd = client_memory(128 * MIB);
	uint16_t first = client.next_id;
	struct reply reply;

	for (size_t i = 0; i < 4; i++)
		client_send(&client, VFIO_USER_DMA_MAP, 0, &maps[i], sizeof(maps[i]), &fd, i < 3);
	for (size_t i = 0; i < 4; i++) {
		client_receive(&client, &reply);
		CU_ASSERT_EQUAL(reply.header.id, first + i);
		CU_ASSERT_EQUAL(reply.header.error, 0);
		CU_ASSERT_EQUAL(reply.payload_bytes, 0);
	}
	CU_ASSERT_EQUAL(bench.vif->map_count, 4);
	close(fd);
	client_close(&client);
	CU_ASSERT_EQUAL(bench.vif->map_count, 0);
}

static void get_info_tells_resettable_pci_device(void)
{
	struct client client = client_ready();
	struct vfio_user_device_info info = { .argsz = sizeof(info) };
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_GET_INFO, &info, sizeof(info), &reply),
			0);
	CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(info));
	memcpy(&info, reply.payload, sizeof(info));
	CU_ASSERT_EQUAL(info.flags, VFIO_DEVICE_FLAGS_RESET | VFIO_DEVICE_FLAGS_PCI);
	CU_ASSERT(info.regions > VFIO_PCI_CONFIG_REGION_INDEX);
	CU_ASSERT(info.irqs > VFIO_PCI_ERR_IRQ_INDEX);
	client_close(&client);
}

static struct vfio_user_region_info ask_region(struct client *client, uint32_t index, int *fd)
{
	struct vfio_user_region_info info = { .argsz = sizeof(info), .index = index };
	struct reply reply;

	CU_ASSERT_EQUAL(client_ask(client, VFIO_USER_DEVICE_GET_REGION_INFO, &info, sizeof(info),
				   &reply),
			0);
	CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(info));
	memcpy(&info, reply.payload, sizeof(info));
	CU_ASSERT_EQUAL(info.index, index);
	*fd = reply.fd;
	return info;
}

static void get_region_info_tells_bars_and_config(void)
{
	static const uint64_t bytes[9] = { SVIO_BAR_REGS_BYTES,
					   0,
					   SVIO_BAR_DOORBELL_BYTES,
					   0,
					   SVIO_BAR_MSIX_BYTES,
					   0,
					   0,
					   4096,
					   0 };
	struct client client = client_ready();

	for (uint32_t i = 0; i < 9; i++) {
		int fd;
		struct vfio_user_region_info info = ask_region(&client, i, &fd);

		CU_ASSERT_EQUAL(info.bytes, bytes[i]);
		CU_ASSERT_EQUAL(!!(info.flags & VFIO_REGION_INFO_FLAG_MMAP), i == 2);
		CU_ASSERT_EQUAL(!!(info.flags & VFIO_REGION_INFO_FLAG_READ), bytes[i] != 0);
		CU_ASSERT_EQUAL(!!(info.flags & VFIO_REGION_INFO_FLAG_WRITE), bytes[i] != 0);
		CU_ASSERT_EQUAL(fd >= 0, i == 2);
		if (fd >= 0)
			close(fd);
	}
	client_close(&client);
}

static void region_info_doorbell_descriptor_is_the_devices_memory(void)
{
	struct client client = client_ready();
	int fd;
	struct vfio_user_region_info info = ask_region(&client, 2, &fd);
	uint32_t *page, value = 0x12345678;

	CU_ASSERT_FATAL(fd >= 0);
	page = mmap(NULL, info.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)info.offset);
	CU_ASSERT_FATAL(page != MAP_FAILED);
	CU_ASSERT_EQUAL(client_region_write(&client, 2, 0x1004, &value, 4), 0);
	CU_ASSERT_EQUAL(page[0x1004 / 4], value);
	page[1] = 42;
	CU_ASSERT_EQUAL(client_region_read(&client, 2, 4, &value, 4), 0);
	CU_ASSERT_EQUAL(value, 42);
	munmap(page, info.bytes);
	close(fd);
	client_close(&client);
}

static void get_irq_info_tells_resizable_msix(void)
{
	static const uint32_t counts[5] = { 0, 0, 5, 1, 0 };
	struct client client = client_ready();
	struct reply reply;

	for (uint32_t i = 0; i < 5; i++) {
		struct vfio_user_irq_info info = { .argsz = sizeof(info), .index = i };

		CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_GET_IRQ_INFO, &info,
					   sizeof(info), &reply),
				0);
		CU_ASSERT_EQUAL_FATAL(reply.payload_bytes, sizeof(info));
		memcpy(&info, reply.payload, sizeof(info));
		CU_ASSERT_EQUAL(info.count, counts[i]);
		CU_ASSERT_EQUAL(info.flags, counts[i] ? VFIO_IRQ_INFO_EVENTFD : 0);
	}
	client_close(&client);
}

static void config_read_whole_space_has_capabilities(void)
{
	struct client client = client_ready();
	uint8_t space[4096];
	uint8_t at, found = 0;

	CU_ASSERT_EQUAL(client_region_read(&client, 7, 0, space, sizeof(space)), 0);
	CU_ASSERT_EQUAL(space[0] | space[1] << 8, 0x1234);
	CU_ASSERT_EQUAL(space[2] | space[3] << 8, 0x5610);
	CU_ASSERT_EQUAL(space[PCI_CLASS_DEVICE + 1], 0x02);
	CU_ASSERT_EQUAL(space[PCI_INTERRUPT_PIN], 0);
	for (at = space[PCI_CAPABILITY_LIST]; at; at = space[at + 1]) {
		found |= space[at] == PCI_CAP_ID_PM ? 1 : 0;
		found |= space[at] == PCI_CAP_ID_EXP ? 2 : 0;
		found |= space[at] == PCI_CAP_ID_MSIX ? 4 : 0;
	}
	CU_ASSERT_EQUAL(found, 7);
	CU_ASSERT_EQUAL(client_region_read(&client, 7, 0, space, 256), 0);
	client_close(&client);
}

/* SET_IRQS(0) off, COMMAND 0, DEVICE_RESET, BARs zeroed; after this as after power-on. */
static void send_reset_block(struct client *client)
{
	struct reply reply;

	CU_ASSERT_EQUAL(client_set_irqs(client, IRQ_OFF, VFIO_PCI_INTX_IRQ_INDEX, 0, 0, NULL, 0),
			0);
	client_config_write(client, PCI_COMMAND, 0, 2);
	CU_ASSERT_EQUAL(client_ask(client, VFIO_USER_DEVICE_RESET, NULL, 0, &reply), 0);
	for (uint32_t bar = 0; bar < 6; bar++)
		client_config_write(client, PCI_BASE_ADDRESS_0 + 4 * bar, 0, 4);
}

static void reset_block_resets_vif(void)
{
	struct client client = client_ready();
	int err_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	CU_ASSERT_EQUAL(
		client_set_irqs(&client, IRQ_EVENTFD, VFIO_PCI_ERR_IRQ_INDEX, 0, 1, &err_fd, 1), 0);
	client_config_write(&client, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	CU_ASSERT(bench.vif->bus_master);
	fake_vif_forget(bench.vif);
	send_reset_block(&client);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
	CU_ASSERT_FALSE(bench.vif->bus_master);
	/* DMA stops before the reset, and the error interrupt reaches no vector. */
	CU_ASSERT(fake_vif_find(bench.vif, FAKE_BUS_MASTER, 0, 0) <
		  fake_vif_find(bench.vif, FAKE_RESET, 0, 0));
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_IRQ_SET], 0);
	close(err_fd);
	client_close(&client);
}

static void msix_enable_connects_vector_by_vector(void)
{
	struct client client = client_ready();

	for (uint32_t i = 0; i < 5; i++) {
		int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

		CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, VFIO_PCI_MSIX_IRQ_INDEX, i, 1,
						&fd, 1),
				0);
		close(fd);
		CU_ASSERT(bench.vif->vector_fds[i] >= 0);
	}
	/* One is taken away, then all. */
	CU_ASSERT_EQUAL(
		client_set_irqs(&client, IRQ_EVENTFD, VFIO_PCI_MSIX_IRQ_INDEX, 2, 1, NULL, 0), 0);
	CU_ASSERT(bench.vif->vector_fds[2] < 0);
	CU_ASSERT(bench.vif->vector_fds[3] >= 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_OFF, VFIO_PCI_MSIX_IRQ_INDEX, 0, 0, NULL, 0),
			0);
	for (uint32_t i = 0; i < 5; i++)
		CU_ASSERT(bench.vif->vector_fds[i] < 0);
	client_close(&client);
}

static uint8_t find_capability(struct client *client, uint8_t id)
{
	uint8_t at = (uint8_t)client_config_read(client, PCI_CAPABILITY_LIST, 1);

	while (at && client_config_read(client, at, 1) != id)
		at = (uint8_t)client_config_read(client, at + 1u, 1);
	CU_ASSERT_FATAL(at != 0);
	return at;
}

static void flr_resets_vif_and_keeps_vectors(void)
{
	struct client client = client_ready();
	uint8_t exp = find_capability(&client, PCI_CAP_ID_EXP);
	uint32_t control = client_config_read(&client, exp + PCI_EXP_DEVCTL, 2);
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	CU_ASSERT(client_config_read(&client, exp + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	CU_ASSERT_EQUAL(
		client_set_irqs(&client, IRQ_EVENTFD, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1, &fd, 1), 0);
	client_config_write(&client, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	fake_vif_forget(bench.vif);
	client_config_write(&client, exp + PCI_EXP_DEVCTL, control | PCI_EXP_DEVCTL_BCR_FLR, 2);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
	CU_ASSERT_FALSE(bench.vif->bus_master);
	CU_ASSERT_EQUAL(client_config_read(&client, PCI_COMMAND, 2), 0);
	CU_ASSERT_FALSE(client_config_read(&client, exp + PCI_EXP_DEVCTL, 2) &
			PCI_EXP_DEVCTL_BCR_FLR);
	CU_ASSERT(bench.vif->vector_fds[0] >= 0);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 0);
	close(fd);
	client_close(&client);
}

/* The reset block twice; the unmaps come after DEVICE_RESET, then maps of the same RAM again. */
static void system_reset_unmaps_after_reset_and_maps_again(void)
{
	struct client client = client_ready();
	int fd = client_memory(2 * MIB);

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, fd, MIB, 3), 0);
	send_reset_block(&client);
	send_reset_block(&client);
	CU_ASSERT_EQUAL(bench.vif->map_count, 2);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, MIB, 0), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, MIB, 0), 0);
	CU_ASSERT_EQUAL(client_map(&client, 0, 2 * MIB, fd, 0, 3), 0);
	CU_ASSERT_EQUAL(bench.vif->map_count, 1);
	close(fd);
	client_close(&client);
}

/* Unmaps that have arrived together are waited for once, and answered only after that. */
static void dma_unmap_burst_shares_one_grace_period(void)
{
	struct client client = client_ready();
	int fd = client_memory(16 * MIB);
	struct reply reply;

	for (uint64_t i = 0; i < 16; i++)
		CU_ASSERT_EQUAL(client_map(&client, i * MIB, MIB, fd, i * MIB, 3), 0);
	fake_vif_forget(bench.vif);
	for (uint64_t i = 0; i < 16; i++) {
		struct vfio_user_dma_unmap unmap = { sizeof(unmap), 0, i * MIB, MIB };

		client_send(&client, VFIO_USER_DMA_UNMAP, 0, &unmap, sizeof(unmap), NULL, 0);
	}
	for (uint64_t i = 0; i < 16; i++) {
		client_receive(&client, &reply);
		CU_ASSERT_EQUAL(reply.header.error, 0);
	}
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DMA_UNMAP_BEGIN], 16);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DMA_UNMAP_FLUSH], 1);
	CU_ASSERT_EQUAL(bench.vif->records[bench.vif->record_count - 1].call, FAKE_DMA_UNMAP_FLUSH);
	close(fd);
	client_close(&client);
}

/* A map of the range that was just unmapped must not be entered before the wait. */
static void dma_map_after_queued_unmap_waits_first(void)
{
	struct client client = client_ready();
	struct vfio_user_dma_unmap unmap = { sizeof(unmap), 0, 0, MIB };
	struct vfio_user_dma_map map = { sizeof(map), 3, 0, 0, MIB };
	int fd = client_memory(MIB);
	struct reply reply;

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, fd, 0, 3), 0);
	fake_vif_forget(bench.vif);
	client_send(&client, VFIO_USER_DMA_UNMAP, 0, &unmap, sizeof(unmap), NULL, 0);
	client_send(&client, VFIO_USER_DMA_MAP, 0, &map, sizeof(map), &fd, 1);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	CU_ASSERT_EQUAL(fake_vif_find(bench.vif, FAKE_DMA_UNMAP_BEGIN, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_vif_find(bench.vif, FAKE_DMA_UNMAP_FLUSH, 0, 0), 1);
	CU_ASSERT_EQUAL(fake_vif_find(bench.vif, FAKE_DMA_MAP, 0, 0), 2);
	close(fd);
	client_close(&client);
}

/* Exit: end of file, and everything of the client's is dropped. */
static void exit_drops_maps_and_vectors_and_listens_on(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB);
	int vector = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
					&vector, 1),
			0);
	client_config_write(&client, PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	fake_vif_forget(bench.vif);
	client_close(&client);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 1);
	CU_ASSERT_FALSE(bench.vif->bus_master);
	CU_ASSERT_EQUAL(bench.vif->map_count, 0);
	CU_ASSERT(bench.vif->vector_fds[0] < 0);
	fake_vif_forget(bench.vif);
	client = client_ready();
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
	CU_ASSERT_EQUAL(client_config_read(&client, PCI_COMMAND, 2), 0);
	close(memory);
	close(vector);
	client_close(&client);
}

SVIO_TEST_MAIN_WITH("QEMU's sequence", bench_setup, bench_teardown,
		    SVIO_TEST(version_qemu_request_gets_small_reply),
		    SVIO_TEST(dma_map_pipelined_maps_are_answered_in_order),
		    SVIO_TEST(get_info_tells_resettable_pci_device),
		    SVIO_TEST(get_region_info_tells_bars_and_config),
		    SVIO_TEST(region_info_doorbell_descriptor_is_the_devices_memory),
		    SVIO_TEST(get_irq_info_tells_resizable_msix),
		    SVIO_TEST(config_read_whole_space_has_capabilities),
		    SVIO_TEST(reset_block_resets_vif),
		    SVIO_TEST(msix_enable_connects_vector_by_vector),
		    SVIO_TEST(flr_resets_vif_and_keeps_vectors),
		    SVIO_TEST(system_reset_unmaps_after_reset_and_maps_again),
		    SVIO_TEST(dma_unmap_burst_shares_one_grace_period),
		    SVIO_TEST(dma_map_after_queued_unmap_waits_first),
		    SVIO_TEST(exit_drops_maps_and_vectors_and_listens_on))
