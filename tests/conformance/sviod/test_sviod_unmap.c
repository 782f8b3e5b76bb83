// SPDX-License-Identifier: BSD-3-Clause
/* What an unmap waits for: once for all clients, and never for a firmware that sleeps. */
#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device_lab.h"
#include "svio_test.h"
#include "vfio_client.h"

#define MIB     (1024ull * 1024)
#define CLIENTS 6
#define UNMAPS  3 /* of each client */

static struct device_lab lab;
static struct client clients[CLIENTS];
static int memory;

static void setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	lab_start(&lab);
	memory = client_memory(MIB);
	for (int i = 0; i < CLIENTS; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		lab_vif_add(&lab, name, "");
		snprintf(client_path, sizeof(client_path), "%s", lab_socket(&lab, name));
		clients[i] = client_ready();
	}
}

static void teardown(void)
{
	for (int i = 0; i < CLIENTS; i++)
		client_close(&clients[i]);
	close(memory);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
}

/* Of the answer to a command of svio: a number below a path of keys. */
static int64_t ask_number(const char *command, const char *group, const char *key)
{
	char text[65536];
	struct json_object *all, *value = NULL, *within;
	int64_t number = -1;

	CU_ASSERT_EQUAL_FATAL(lab_svio(&lab, text, sizeof(text), "%s", command), 0);
	all = json_tokener_parse(text);
	within = all;
	if (group && !json_object_object_get_ex(all, group, &within))
		within = NULL;
	if (within && json_object_object_get_ex(within, key, &value))
		number = json_object_get_int64(value);
	json_object_put(all);
	CU_ASSERT(number >= 0);
	return number;
}

static int64_t waits(void)
{
	return ask_number("status --json", NULL, "unmap_waits");
}

static void map_pages(void)
{
	for (int i = 0; i < CLIENTS; i++)
		for (uint64_t page = 0; page < UNMAPS; page++)
			CU_ASSERT_EQUAL(client_map(&clients[i], page * 4096, 4096, memory,
						   page * 4096, 3),
					0);
}

static void send_unmap(struct client *client, uint64_t iova)
{
	struct vfio_user_dma_unmap unmap = { sizeof(unmap), 0, iova, 4096 };

	client_send(client, VFIO_USER_DMA_UNMAP, 0, &unmap, sizeof(unmap), NULL, 0);
}

static void receive_unmaps(struct client *client, int count)
{
	struct reply reply;

	for (int i = 0; i < count; i++) {
		client_receive(client, &reply);
		CU_ASSERT_EQUAL(reply.header.command, VFIO_USER_DMA_UNMAP);
		CU_ASSERT_EQUAL(reply.header.error, 0);
	}
}

/* sviod is stopped while they come, so that it finds them all there. */
static void stop_sviod(void)
{
	int status;

	kill(lab.sviod, SIGSTOP);
	CU_ASSERT_EQUAL(waitpid(lab.sviod, &status, WUNTRACED), lab.sviod);
}

static void unmaps_in_many_sockets_share_one_wait(void)
{
	int64_t before;

	map_pages();
	before = waits();
	stop_sviod();
	for (int i = 0; i < CLIENTS; i++)
		for (uint64_t page = 0; page < UNMAPS; page++)
			send_unmap(&clients[i], page * 4096);
	kill(lab.sviod, SIGCONT);
	for (int i = 0; i < CLIENTS; i++)
		receive_unmaps(&clients[i], UNMAPS);
	CU_ASSERT_EQUAL(waits() - before, 1);
}

/* One that has gone when its answer is due harms nobody. */
static void client_that_leaves_with_its_unmap_queued_is_no_matter(void)
{
	map_pages();
	stop_sviod();
	for (int i = 0; i < CLIENTS; i++)
		send_unmap(&clients[i], 0);
	client_close(&clients[1]);
	client_close(&clients[4]);
	kill(lab.sviod, SIGCONT);
	for (int i = 0; i < CLIENTS; i++)
		if (i != 1 && i != 4)
			receive_unmaps(&clients[i], 1);
	for (int i = 1; i < CLIENTS; i += 3) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		snprintf(client_path, sizeof(client_path), "%s", lab_socket(&lab, name));
		clients[i] = client_ready();
	}
}

static bool is_asleep(void)
{
	static int64_t slept;
	int64_t now = ask_number("stats --json", "device", "sleeps");
	bool asleep = slept > 0 && now == slept;

	slept = now;
	return asleep;
}

/* It has no translation of anything: nobody has to ask it. */
static void unmap_does_not_wake_a_sleeping_firmware(void)
{
	uint64_t give_up_ns = lab_now_ns() + LAB_PATIENCE_NS;
	int64_t kicks, sleeps;

	map_pages();
	while (!is_asleep() && lab_now_ns() < give_up_ns)
		;
	kicks = ask_number("stats --json", "device", "kicks");
	sleeps = ask_number("stats --json", "device", "sleeps");
	for (int i = 0; i < CLIENTS; i++) {
		send_unmap(&clients[i], 0);
		receive_unmaps(&clients[i], 1);
		send_unmap(&clients[i], 4096);
		receive_unmaps(&clients[i], 1);
	}
	CU_ASSERT_EQUAL(ask_number("stats --json", "device", "kicks"), kicks);
	CU_ASSERT_EQUAL(ask_number("stats --json", "device", "sleeps"), sleeps);
}

SVIO_TEST_MAIN_WITH("unmaps of sviod's clients", setup, teardown,
		    SVIO_TEST(unmaps_in_many_sockets_share_one_wait),
		    SVIO_TEST(client_that_leaves_with_its_unmap_queued_is_no_matter),
		    SVIO_TEST(unmap_does_not_wake_a_sleeping_firmware))
