// SPDX-License-Identifier: BSD-3-Clause
/* Clients come, wait, leave at the worst moment; VIFs go while clients are there. */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bus_bench.h"
#include "svio_test.h"

#define MIB         (1024ull * 1024)
#define IRQ_EVENTFD (VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER)

static void second_client_is_told_busy_at_once(void)
{
	struct client first = client_ready(), second = client_connect();
	struct reply reply;

	CU_ASSERT_EQUAL(client_version(&second, client_qemu_json, &reply), EBUSY);
	client_receive(&second, &reply);
	CU_ASSERT(reply.closed);
	client_close(&second);
	/* The first one does not notice. */
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_RESET], 1);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 0);
	CU_ASSERT_EQUAL(client_config_read(&first, 0, 2), 0x1234);
	client_close(&first);
	second = client_ready();
	client_close(&second);
}

/* One that connects and says nothing does not keep others out; and there is a limit to them. */
static void silent_strangers_do_not_block_a_client(void)
{
	struct client strangers[40], client;
	struct reply reply;
	size_t closed = 0;

	for (size_t i = 0; i < 40; i++) {
		strangers[i] = client_connect();
		bench_settle();
	}
	client = client_ready();
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	for (size_t i = 0; i < 40; i++) {
		struct pollfd poll_fd = { .fd = strangers[i].fd, .events = POLLIN };

		closed += poll(&poll_fd, 1, 0) > 0;
	}
	CU_ASSERT(closed >= 30 && closed < 40);
	/* The youngest is still heard. */
	CU_ASSERT_EQUAL(client_version(&strangers[39], client_qemu_json, &reply), EBUSY);
	for (size_t i = 0; i < 40; i++)
		client_close(&strangers[i]);
	client_close(&client);
}

static void serve_one_client(void)
{
	struct client client = client_ready();
	int memory = client_memory(MIB), vector = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	CU_ASSERT_EQUAL(client_map(&client, 0, MIB, memory, 0, 3), 0);
	CU_ASSERT_EQUAL(client_set_irqs(&client, IRQ_EVENTFD, 2, 0, 1, &vector, 1), 0);
	client_config_write(&client, 4, 6, 2);
	close(memory);
	close(vector);
	client_close(&client);
	fake_vif_forget(bench.vif);
}

static void connect_200_times_leaks_nothing(void)
{
	size_t fds, bytes;

	/* Freed memory that the allocator keeps at hand counts as used: let it get enough. */
	for (size_t i = 0; i < 20; i++)
		serve_one_client();
	fds = bench_count_fds();
	bytes = mallinfo2().uordblks;
	for (size_t i = 0; i < 200; i++)
		serve_one_client();
	/*
	 * What the allocator keeps at hand varies by some hundred bytes; the smallest block lost
	 * by each client would be 6400. The sanitizer's leak check is exact.
	 */
	CU_ASSERT(mallinfo2().uordblks < bytes + 4800);
	CU_ASSERT_EQUAL(bench_count_fds(), fds);
}

/* While the VIF works on a request, later ones wait in order, and others are served. */
static void pending_request_keeps_order_and_does_not_stop_others(void)
{
	struct vfio_user_region_access read = { 0, 7, 2 };
	struct {
		struct vfio_user_region_access access;
		uint32_t value;
	} write = { { 0x1c, 0, 4 }, 1 };
	struct client client = client_ready(), other = client_connect();
	uint16_t first = client.next_id;
	struct reply reply;

	bench.vif->hold = true;
	client_send(&client, VFIO_USER_REGION_WRITE, 0, &write, 20, NULL, 0);
	client_send(&client, VFIO_USER_REGION_READ, 0, &read, sizeof(read), NULL, 0);
	CU_ASSERT(client_is_silent(&client));
	CU_ASSERT_FATAL(fake_vif_held(bench.vif));
	CU_ASSERT_EQUAL(client_version(&other, client_qemu_json, &reply), EBUSY);
	fake_vif_release(bench.vif, 0);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.id, first);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	client_receive(&client, &reply);
	CU_ASSERT_EQUAL(reply.header.id, (uint16_t)(first + 1));
	client_close(&other);
	client_close(&client);
}

/* A register write that waits for a firmware that is being replaced must not spin the loop. */
static void pending_request_does_not_busy_loop_when_client_leaves(void)
{
	struct {
		struct vfio_user_region_access access;
		uint32_t value;
	} write = { { 0x1c, 0, 4 }, 1 };
	struct client client = client_ready();

	bench.vif->hold = true;
	client_send(&client, VFIO_USER_REGION_WRITE, 0, &write, 20, NULL, 0);
	bench_settle();
	CU_ASSERT_FATAL(fake_vif_held(bench.vif));
	client_close(&client);
	/* It is let go at once; the completion comes to nobody. */
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 1);
	CU_ASSERT_FALSE(bus_front_ops.connected(bench.front));
	fake_vif_release(bench.vif, -ECANCELED);
	bench.vif->hold = false;
	client = client_ready();
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	client_close(&client);
}

/* A front of its own, whose deadline is over at once. */
static void *add_impatient_front(void)
{
	struct bus_settings settings = bench.settings;
	void *front;

	settings.answer_max_us = 1;
	snprintf(client_path, sizeof(client_path), "%s/impatient.sock", bench.dir);
	front = bus_front_ops.add(&settings, bench.vif, client_path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(front);
	return front;
}

static void answer_overdue_is_refused_and_comes_to_nobody(void)
{
	struct {
		struct vfio_user_region_access access;
		uint32_t value;
	} write = { { 0x1c, 0, 4 }, 1 };
	void *front = add_impatient_front();
	struct client client = client_ready();
	struct reply reply;

	bench.vif->hold = true;
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_REGION_WRITE, &write, 20, &reply), ETIMEDOUT);
	CU_ASSERT_EQUAL(client_ask(&client, VFIO_USER_DEVICE_RESET, NULL, 0, &reply), ETIMEDOUT);
	/* What does not need the firmware goes on. */
	CU_ASSERT_EQUAL(client_config_read(&client, 0, 2), 0x1234);
	fake_vif_release(bench.vif, 0);
	CU_ASSERT(client_is_silent(&client));
	bench.vif->hold = false;
	CU_ASSERT_EQUAL(client_region_write(&client, 0, 0x90, &write, 4), 0);
	fake_vif_release(bench.vif, -EIO);
	CU_ASSERT(client_is_silent(&client));
	client_close(&client);
	bus_front_ops.del(front);
}

static void version_overdue_is_refused_and_ends_connection(void)
{
	void *front = add_impatient_front();
	struct client client = client_connect();
	struct reply reply;

	bench.vif->hold = true;
	CU_ASSERT_EQUAL(client_version(&client, client_qemu_json, &reply), ETIMEDOUT);
	client_receive(&client, &reply);
	CU_ASSERT(reply.closed);
	client_close(&client);
	CU_ASSERT_FALSE(bus_front_ops.connected(front));
	bench.vif->hold = false;
	fake_vif_release(bench.vif, 0);
	client = client_ready();
	client_close(&client);
	bus_front_ops.del(front);
}

/* VERSION waits for the reset; a second client in between is busy-told, the reply comes after. */
static void version_is_answered_after_reset(void)
{
	struct client client = client_connect(), second = client_connect();
	uint8_t payload[7] = { 0, 0, 0, 0, '{', '}', 0 };
	struct reply reply;

	bench.vif->hold = true;
	client_send(&client, VFIO_USER_VERSION, 0, payload, sizeof(payload), NULL, 0);
	CU_ASSERT(client_is_silent(&client));
	CU_ASSERT_EQUAL(client_version(&second, client_qemu_json, &reply), EBUSY);
	fake_vif_release(bench.vif, 0);
	client_receive(&client, &reply);
	CU_ASSERT_FALSE(reply.closed);
	CU_ASSERT_EQUAL(reply.header.error, 0);
	client_close(&second);
	client_close(&client);
}

/* Deleting the VIF: what the client has sent is taken out of the socket before it is closed. */
static void vif_del_closes_client_with_nothing_unread(void)
{
	static struct vfio_user_header resets[2000];
	struct client client = client_ready();
	struct reply reply;
	char byte;

	for (size_t i = 0; i < 2000; i++)
		resets[i] = (struct vfio_user_header){ .command = VFIO_USER_DEVICE_RESET,
						       .bytes = sizeof(resets[i]) };
	client_send_bytes(&client, resets, sizeof(resets), NULL, 0);
	bus_front_ops.del(bench.front);
	bench.front = NULL;
	/* A clean end of file; a reset of the connection would be ECONNRESET. */
	CU_ASSERT_EQUAL(recv(client.fd, &byte, 1, 0), 0);
	CU_ASSERT_EQUAL(access(bench.path, F_OK), -1);
	client_receive(&client, &reply);
	CU_ASSERT(reply.closed);
	close(client.fd);
}

static void vif_del_with_pending_request_is_clean(void)
{
	struct client client = client_ready();

	bench.vif->hold = true;
	client_send(&client, VFIO_USER_DEVICE_RESET, 0, NULL, 0, NULL, 0);
	bench_settle();
	CU_ASSERT_FATAL(fake_vif_held(bench.vif));
	bus_front_ops.del(bench.front);
	bench.front = NULL;
	fake_vif_release(bench.vif, -ECANCELED);
	CU_ASSERT_EQUAL(bench.vif->counts[FAKE_DISCONNECTED], 0);
	close(client.fd);
}

static void front_replaces_stale_socket_and_spares_a_file(void)
{
	char path[96];
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *front;

	snprintf(path, sizeof(path), "%s/other.sock", bench.dir);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	CU_ASSERT_EQUAL_FATAL(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	front = bus_front_ops.add(&bench.settings, bench.vif, path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(front);
	bus_front_ops.del(front);
	CU_ASSERT_EQUAL(access(path, F_OK), -1);

	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0);
	close(fd);
	CU_ASSERT_PTR_NULL(bus_front_ops.add(&bench.settings, bench.vif, path));
	CU_ASSERT_EQUAL(errno, EEXIST);
	CU_ASSERT_EQUAL(access(path, F_OK), 0);
	unlink(path);
}

static void front_path_too_long_is_refused(void)
{
	char path[200];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = 0;
	CU_ASSERT_PTR_NULL(bus_front_ops.add(&bench.settings, bench.vif, path));
	CU_ASSERT_EQUAL(errno, ENAMETOOLONG);
}

SVIO_TEST_MAIN_WITH("clients and VIFs come and go", bench_setup, bench_teardown,
		    SVIO_TEST(second_client_is_told_busy_at_once),
		    SVIO_TEST(silent_strangers_do_not_block_a_client),
		    SVIO_TEST(connect_200_times_leaks_nothing),
		    SVIO_TEST(pending_request_keeps_order_and_does_not_stop_others),
		    SVIO_TEST(pending_request_does_not_busy_loop_when_client_leaves),
		    SVIO_TEST(answer_overdue_is_refused_and_comes_to_nobody),
		    SVIO_TEST(version_overdue_is_refused_and_ends_connection),
		    SVIO_TEST(version_is_answered_after_reset),
		    SVIO_TEST(vif_del_closes_client_with_nothing_unread),
		    SVIO_TEST(vif_del_with_pending_request_is_clean),
		    SVIO_TEST(front_replaces_stale_socket_and_spares_a_file),
		    SVIO_TEST(front_path_too_long_is_refused))
