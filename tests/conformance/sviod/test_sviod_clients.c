// SPDX-License-Identifier: BSD-3-Clause
/*
 * Clients on the real sviod with its registry, IOMMU tables and firmware: what
 * test_bus_requests.c can check on a registry of its own only, and everything
 * that takes a process: firmware killed, sviod ended, descriptors counted.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_lab.h"
#include "svio_regs.h"
#include "svio_test.h"
#include "vfio_client.h"

#define MIB         (1024ull * 1024)
#define IRQ_EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

static struct device_lab lab;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	lab_start(&lab);
	lab_vif_add(&lab, "v", "");
	snprintf(client_path, sizeof(client_path), "%s", lab_socket(&lab, "v"));
}

static void teardown(void)
{
	if (lab.sviod)
		CU_ASSERT_EQUAL(lab_stop(&lab), 0);
	lab.sviod = 0;
}

static uint32_t read_register(struct client *client, uint32_t offset)
{
	uint32_t value = 0;

	CU_ASSERT_EQUAL(client_region_read(client, 0, offset, &value, sizeof(value)), 0);
	return value;
}

static void dma_map_mistakes_get_their_errors(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB), event = eventfd(0, EFD_CLOEXEC), read_only, error;
	char path[64];

	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, memory, 0, 3), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 2 * MIB - 4096, 8192, memory, 0, 1), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 0, 4 * MIB, -1, 0, 3), EEXIST);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, 0, memory, 0, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, 4096, memory, 0, 4), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, 4095, memory, 0, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB + 1, 4096, memory, 0, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, 2 * MIB, memory, 0, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, MIB, memory, 4096, 3), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, 4096, event, 0, 3), EINVAL);
	error = client_map(&client, UINT64_MAX - 4095, 8192, memory, 0, 3);
	CU_ASSERT(error == EINVAL || error == EOVERFLOW);
	error = client_map(&client, 8 * MIB, 8192, memory, UINT64_MAX - 4095, 3);
	CU_ASSERT(error == EINVAL || error == EOVERFLOW);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory);
	read_only = open(path, O_RDONLY | O_CLOEXEC);
	CU_ASSERT_FATAL(read_only >= 0);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, MIB, read_only, 0, 3), EACCES);
	CU_ASSERT_EQUAL(client_map(&client, 8 * MIB, MIB, read_only, 0, 1), 0);
	close(read_only);
	close(event);
	close(memory);
	client_close(&client);
}

static void dma_unmap_takes_whole_maps_only(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB);

	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, 4 * MIB, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_map(&client, 0xfffc0000, 256 << 10, -1, 0, 1), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, 4096, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB + 4096, MIB, 0), EINVAL);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, MIB + 4096, 0), EINVAL);
	CU_ASSERT_EQUAL(client_map(&client, MIB, MIB, memory, 0, 3), EEXIST); /* still there */
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, MIB, 0), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, MIB, MIB, 0), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 1ull << 47, 0), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 1ull << 63, 0), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	CU_ASSERT_EQUAL(client_map(&client, 0, 16 * MIB, -1, 0, 3), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 0, VFIO_DMA_UNMAP_FLAG_ALL), 0);
	close(memory);
	client_close(&client);
}

/* As with a vIOMMU: a map with a descriptor of its own and an unmap, for each packet. */
static void dma_map_unmap_a_page_ten_thousand_times_holds_nothing(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB), before;

	CU_ASSERT_EQUAL(client_map(&client, 0, 4096, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_unmap(&client, 0, 4096, 0), 0);
	before = lab_open_fds(lab.sviod);
	for (uint64_t i = 0; i < 10000; i++) {
		int error = client_map(&client, i << 12, 4096, memory, (i % 256) << 12, 3);

		CU_ASSERT_EQUAL_FATAL(error, 0);
		CU_ASSERT_EQUAL_FATAL(client_unmap(&client, i << 12, 4096, 0), 0);
	}
	printf("sviod: %d descriptors before, %d after\n", before, lab_open_fds(lab.sviod));
	/* Fewer where the administrator's connection was still there. */
	CU_ASSERT(lab_open_fds(lab.sviod) <= before);
	close(memory);
	client_close(&client);
}

static void registers_are_written_by_the_firmware_and_reset(void)
{
	struct client client = client_ready();
	uint32_t value = 0x55aa1234;
	struct reply reply;

	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_MAGIC), SVIO_MAGIC);
	CU_ASSERT_EQUAL(client_region_write(&client, 0, SVIO_REG_SCRATCH, &value, 4), 0);
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), value);
	CU_ASSERT_EQUAL(client_region_write(&client, 0, SVIO_REG_SCRATCH + 1, "x", 1), 0);
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), value);
	client_config_write(&client, 0x58, PCI_EXP_DEVCTL_BCR_FLR, 2);
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), 0);
	CU_ASSERT_EQUAL(client_region_write(&client, 0, SVIO_REG_SCRATCH, &value, 4), 0);
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_RESET, NULL, 0, &reply), 0);
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), 0);
	CU_ASSERT_EQUAL(client_region_write(&client, 0, SVIO_REG_SCRATCH, &value, 4), 0);
	client_close(&client);
	client = client_ready();
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), 0);
	client_close(&client);
}

static void second_client_is_told_busy(void)
{
	struct client first = client_ready(), second = client_connect();
	struct reply reply;

	CU_ASSERT_EQUAL(client_version(&second, client_qemu_json, &reply), EBUSY);
	client_receive(&second, &reply);
	CU_ASSERT(reply.closed);
	CU_ASSERT_EQUAL(read_register(&first, SVIO_REG_MAGIC), SVIO_MAGIC);
	client_close(&second);
	client_close(&first);
}

/* The write is under way while the firmware dies: the next firmware answers it. */
static void register_writes_survive_firmware_kills(void)
{
	struct client client = client_ready();

	for (uint32_t i = 1; i <= 10; i++) {
		struct {
			struct vfio_user_region_access access;
			uint32_t value;
		} write = { { SVIO_REG_SCRATCH, 0, 4 }, i };
		pid_t firmware = lab_firmware(&lab);
		struct reply reply;

		CU_ASSERT_FATAL(firmware > 0);
		/* Stopped, so that the write is certainly not done yet. */
		kill(firmware, SIGSTOP);
		client_send(&client, VFIO_USER_REGION_WRITE, 0, &write, 20, NULL, 0);
		kill(firmware, SIGKILL);
		client_receive(&client, &reply);
		CU_ASSERT_FALSE_FATAL(reply.closed);
		CU_ASSERT_EQUAL(reply.header.error, 0);
		CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), i);
		lab_firmware_await(&lab);
	}
	client_close(&client);
}

/* A client that goes while its write waits for a firmware that is stopped; the next one is served. */
static void client_that_leaves_a_pending_write_does_not_block_the_next(void)
{
	struct {
		struct vfio_user_region_access access;
		uint32_t value;
	} write = { { SVIO_REG_SCRATCH, 0, 4 }, 9 };
	struct client client = client_ready();
	pid_t firmware = lab_firmware(&lab);

	kill(firmware, SIGSTOP);
	client_send(&client, VFIO_USER_REGION_WRITE, 0, &write, 20, NULL, 0);
	client_close(&client);
	kill(firmware, SIGCONT);
	client = client_ready();
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_SCRATCH), 0);
	client_close(&client);
}

static void serve_one_client(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB), vector = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	uint32_t value = 1;

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 1, &vector, 1), 0);
	client_config_write(&client, PCI_COMMAND, 6, 2);
	CU_ASSERT_EQUAL(client_region_write(&client, 0, SVIO_REG_SCRATCH, &value, 4), 0);
	close(memory);
	close(vector);
	client_close(&client);
}

/* A client has left when the next one is let in: only then is a count of what is open sharp. */
static void connect_200_times_leaks_nothing(void)
{
	int sviod_fds, firmware_fds;
	long kib;
	struct client client;

	for (int i = 0; i < 10; i++)
		serve_one_client();
	client = client_ready();
	sviod_fds = lab_open_fds(lab.sviod);
	firmware_fds = lab_open_fds(lab_firmware(&lab));
	kib = lab_resident_kib(lab.sviod);
	client_close(&client);
	for (int i = 0; i < 200; i++)
		serve_one_client();
	client = client_ready();
	CU_ASSERT_EQUAL(lab_open_fds(lab.sviod), sviod_fds);
	CU_ASSERT_EQUAL(lab_open_fds(lab_firmware(&lab)), firmware_fds);
	printf("sviod: %ld KiB before, %ld KiB after 200 clients\n", kib,
	       lab_resident_kib(lab.sviod));
#ifndef __SANITIZE_ADDRESS__                                /* which keeps freed memory back */
	CU_ASSERT(lab_resident_kib(lab.sviod) - kib < 400); /* a page a client would be 800 */
#endif
	client_close(&client);
}

/* End of file, no reset of the connection: QEMU survives the one and not always the other. */
static void expect_clean_end(struct client *client)
{
	char byte;
	ssize_t got;

	fcntl(client->fd, F_SETFL, 0); /* wait for it */
	do
		got = recv(client->fd, &byte, 1, 0);
	while (got > 0);
	CU_ASSERT_EQUAL(got, 0);
}

static void vif_del_ends_client_cleanly(void)
{
	struct client client = client_ready();

	for (int i = 0; i < 100; i++)
		client_send(&client, VFIO_USER_DEVICE_RESET, 0, NULL, 0, NULL, 0);
	lab_vif_del(&lab, "v");
	expect_clean_end(&client);
	CU_ASSERT_EQUAL(access(client_path, F_OK), -1);
	close(client.fd);
	lab_vif_add(&lab, "v", "");
	client = client_ready();
	client_close(&client);
}

static void sigterm_ends_clients_cleanly(void)
{
	struct client client = client_ready();

	for (int i = 0; i < 100; i++)
		client_send(&client, VFIO_USER_DEVICE_RESET, 0, NULL, 0, NULL, 0);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
	lab.sviod = 0;
	expect_clean_end(&client);
	close(client.fd);
}

static int run_second_sviod(char *option, char *value)
{
	char program[] = SVIOD_PROGRAM, run_dir[] = "--run-dir", wire[] = "--wire", null[] = "null";
	char *argv[] = { program, run_dir, lab.dir, wire, null, option, value, NULL };
	int status;
	pid_t pid;

	CU_ASSERT_EQUAL_FATAL(posix_spawn(&pid, program, NULL, NULL, argv, environ), 0);
	CU_ASSERT_EQUAL(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void second_sviod_in_the_directory_gives_up(void)
{
	struct client client = client_ready();

	CU_ASSERT_EQUAL(run_second_sviod(NULL, NULL), 1);
	CU_ASSERT_EQUAL(read_register(&client, SVIO_REG_MAGIC), SVIO_MAGIC);
	client_close(&client);
	client = client_ready();
	client_close(&client);
}

static void sviod_bad_arguments_are_refused(void)
{
	static struct {
		char option[16], value[16];
		int status;
	} bad[] = { { "--max-vifs", "0", 2 },       { "--max-vifs", "4097", 2 },
		    { "--max-vifs", "many", 2 },    { "--pci-id", "12345610", 2 },
		    { "--pci-id", "ffff:0001", 2 }, { "--fw", "/nonexistent", 1 },
		    { "--what", "ever", 2 } };

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_EQUAL(run_second_sviod(bad[i].option, bad[i].value), bad[i].status);
}

SVIO_TEST_MAIN_WITH("clients of sviod", setup, teardown,
		    SVIO_TEST(dma_map_mistakes_get_their_errors),
		    SVIO_TEST(dma_unmap_takes_whole_maps_only),
		    SVIO_TEST(dma_map_unmap_a_page_ten_thousand_times_holds_nothing),
		    SVIO_TEST(registers_are_written_by_the_firmware_and_reset),
		    SVIO_TEST(second_client_is_told_busy),
		    SVIO_TEST(register_writes_survive_firmware_kills),
		    SVIO_TEST(client_that_leaves_a_pending_write_does_not_block_the_next),
		    SVIO_TEST(connect_200_times_leaks_nothing),
		    SVIO_TEST(vif_del_ends_client_cleanly), SVIO_TEST(sigterm_ends_clients_cleanly),
		    SVIO_TEST(second_sviod_in_the_directory_gives_up),
		    SVIO_TEST(sviod_bad_arguments_are_refused))
