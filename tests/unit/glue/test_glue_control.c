// SPDX-License-Identifier: BSD-3-Clause
/* The control socket, as clients of all kinds use it. */
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control.h"
#include "control_client.h"
#include "device.h"
#include "glue_fixture.h"
#include "svio_iommu_walk.h"
#include "svio_test.h"

static void setup(void)
{
	fixture_open(&fixture, "fake", 8, true);
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
}

static void teardown(void)
{
	close(client.fd);
	fixture_close(&fixture);
}

static void socket_is_for_its_owner_only(void)
{
	struct stat status;
	char path[128];

	snprintf(path, sizeof(path), "%s/control.sock", fixture.run_dir);
	CU_ASSERT_EQUAL(stat(path, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 0777, 0600);
}

static void vif_life_from_add_to_del(void)
{
	struct json_object *vif;

	vif = ask("{\"cmd\":\"vif-add\",\"name\":\"web\",\"max_bps\":2500000000,\"vlan\":7,"
		  "\"mac\":\"52:54:00:12:34:56\",\"queues\":8,\"mtu\":1500,\"trusted\":true}");
	CU_ASSERT_STRING_EQUAL(field(vif, "name"), "web");
	CU_ASSERT_STRING_EQUAL(field(vif, "max_bps"), "2500000000");
	CU_ASSERT_STRING_EQUAL(field(vif, "vlan"), "7");
	CU_ASSERT_STRING_EQUAL(field(vif, "vectors"), "17");
	CU_ASSERT_STRING_EQUAL(field(vif, "state"), "reset");
	CU_ASSERT_STRING_EQUAL(field(vif, "link"), "up");
	json_object_put(vif);
	vif = ask("{\"cmd\":\"vif-set\",\"name\":\"web\",\"max_bps\":0,\"link\":\"down\"}");
	CU_ASSERT_STRING_EQUAL(field(vif, "max_bps"), "0");
	CU_ASSERT_STRING_EQUAL(field(vif, "link"), "down");
	CU_ASSERT_STRING_EQUAL(field(vif, "mtu"), "1500");
	CU_ASSERT_STRING_EQUAL(field(vif, "mac"), "52:54:00:12:34:56");
	json_object_put(vif);
	vif = ask("{\"cmd\":\"vif-show\",\"name\":\"web\"}");
	CU_ASSERT_STRING_EQUAL(field(vif, "trusted"), "true");
	json_object_put(vif);
	json_object_put(ask("{\"cmd\":\"vif-del\",\"name\":\"web\"}"));
	vif = ask("{\"cmd\":\"vif-list\"}");
	CU_ASSERT_EQUAL(json_object_array_length(vif), 0);
	json_object_put(vif);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_VIF_DEL), 1);
}

static void bad_requests_are_answered_with_a_sentence(void)
{
	json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"web\"}"));
	expect_error("nonsense", "EINVAL", "JSON");
	expect_error("[]", "EINVAL", "JSON");
	expect_error("7", "EINVAL", "JSON");
	expect_error("{\"cmd\":\"vif-list\"} x", "EINVAL", "JSON");
	expect_error("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}}}}", "EINVAL",
		     "JSON");
	expect_error("{\"cmd\":\"\xff\"}", "EINVAL", "JSON");
	expect_error("{}", "EINVAL", "cmd");
	expect_error("{\"cmd\":7}", "EINVAL", "cmd");
	expect_error("{\"cmd\":\"reboot\"}", "EINVAL", "unknown command \"reboot\"");
	expect_error("{\"cmd\":\"vif-add\"}", "EINVAL", "name");
	expect_error("{\"cmd\":\"vif-add\",\"name\":[]}", "EINVAL", "name");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"../x\"}", "EINVAL", "name");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"web\"}", "EEXIST", "exists");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"colour\":1}", "EINVAL", "colour");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"weight\":65536}", "EINVAL", "weight");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"priority\":8}", "EINVAL", "priority");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"group\":\"x\"}", "ENOENT", "group x");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"port\"}", "EINVAL", "port");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"vlan\":-1}", "EINVAL", "vlan");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"vlan\":1.5}", "EINVAL", "vlan");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"vlan\":70000}", "EINVAL", "vlan");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"vlan\":4095}", "EINVAL", "VLAN");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"queues\":33}", "EINVAL", "queues");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"max_bps\":99999999999999999999}",
		     "EINVAL", "max_bps");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"max_bps\":1}", "EINVAL", "max");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"mac\":\"x\"}", "EINVAL", "MAC");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"mac\":1}", "EINVAL", "mac");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"link\":\"off\"}", "EINVAL", "up");
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"b\",\"trusted\":1}", "EINVAL", "trusted");
	expect_error("{\"cmd\":\"vif-set\",\"name\":\"web\",\"queues\":2}", "EINVAL", "fixed");
	expect_error("{\"cmd\":\"vif-set\",\"name\":\"wbe\",\"vlan\":2}", "ENOENT",
		     "did you mean web");
	expect_error("{\"cmd\":\"vif-del\",\"name\":\"wbe\"}", "ENOENT", "did you mean web");
	expect_error("{\"cmd\":\"vif-show\",\"name\":\"zzzzzzzz\"}", "ENOENT", "vif list");
	expect_error("{\"cmd\":\"stats\",\"name\":\"wbe\"}", "ENOENT", "did you mean web");
	expect_error("{\"cmd\":\"faults\",\"name\":1}", "EINVAL", "name");
	CU_ASSERT_EQUAL(fixture.device->vif_count, 1);
}

static void requests_in_one_write_are_answered_in_order(void)
{
	char request[4096] = "";

	for (int i = 0; i < 20; i++) {
		size_t used = strlen(request);

		snprintf(request + used, sizeof(request) - used,
			 "{\"cmd\":\"%s\",\"name\":\"a\",\"id\":%d}\n",
			 i % 2 ? "vif-del" : "vif-add", i);
	}
	send_text(request);
	for (int i = 0; i < 20; i++) {
		struct json_object *answer = next_answer();

		CU_ASSERT(json_object_get_boolean(json_object_object_get(answer, "ok")));
		CU_ASSERT_EQUAL(json_object_get_int(json_object_object_get(answer, "id")), i);
		json_object_put(answer);
	}
}

static void request_in_single_bytes_is_answered(void)
{
	static const char request[] = "\n\n{\"cmd\":\"vif-list\",\"id\":\"x\"}\n";
	struct json_object *answer;

	for (size_t i = 0; i + 1 < sizeof(request); i++) {
		CU_ASSERT_EQUAL(send(client.fd, request + i, 1, 0), 1);
		svio_loop_run_once(fixture.loop, 0);
	}
	answer = next_answer();
	CU_ASSERT_STRING_EQUAL(field(answer, "id"), "x");
	json_object_put(answer);
}

/* Written, and the writing side closed, as a shell's pipe does. */
static void request_before_end_of_input_is_answered(void)
{
	struct json_object *answer;

	send_text("{\"cmd\":\"vif-add\",\"name\":\"a\"}\n{\"cmd\":\"device\"}\n");
	shutdown(client.fd, SHUT_WR);
	for (int i = 0; i < 2; i++) {
		answer = next_answer();
		CU_ASSERT(json_object_get_boolean(json_object_object_get(answer, "ok")));
		json_object_put(answer);
	}
	fixture_wait(&fixture, client_has_eof, &client);
	CU_ASSERT_EQUAL(client.bytes, 0);
}

static bool sent_all(void *context)
{
	size_t *left = context;
	static char junk[4096];
	ssize_t bytes;

	memset(junk, 'x', sizeof(junk));
	bytes = send(client.fd, junk, *left < sizeof(junk) ? *left : sizeof(junk), MSG_NOSIGNAL);
	if (bytes > 0)
		*left -= (size_t)bytes;
	client_receive(&client);
	return *left == 0 || client.eof;
}

static void request_without_end_is_refused_and_hung_up(void)
{
	size_t left = 4ul * SVIO_CONTROL_LINE_BYTES;

	fixture_wait(&fixture, sent_all, &left);
	fixture_wait(&fixture, client_has_eof, &client);
	CU_ASSERT(left > 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.in, "too long"));
}

/* One who asks and asks and never reads holds up nobody, and costs little. */
static void client_that_does_not_read_is_not_read_from(void)
{
	static const char request[] = "{\"cmd\":\"stats\"}\n";
	int deaf = connect_control();
	size_t sent = 0;

	for (int i = 0; i < 20000; i++) {
		ssize_t bytes = send(deaf, request, sizeof(request) - 1, MSG_NOSIGNAL);

		if (bytes > 0)
			sent += (size_t)bytes;
		if (i % 100 == 0)
			svio_loop_run_once(fixture.loop, 0);
	}
	CU_ASSERT(sent < 20000 * (sizeof(request) - 1));
	json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"a\"}"));
	close(deaf);
	json_object_put(ask("{\"cmd\":\"vif-del\",\"name\":\"a\"}"));
}

static void client_that_leaves_while_waiting_is_forgotten(void)
{
	static const char request[] = "{\"cmd\":\"vif-add\",\"name\":\"a\"}\n";
	int leaver = connect_control();

	CU_ASSERT_EQUAL(send(leaver, request, sizeof(request) - 1, 0), sizeof(request) - 1);
	while (!svio_device_vif_find(fixture.device, "a"))
		svio_loop_run_once(fixture.loop, 0);
	close(leaver); /* perhaps before the firmware has answered */
	fixture_wait_idle(&fixture);
	CU_ASSERT_PTR_NOT_NULL(svio_device_vif_find(fixture.device, "a"));
}

static void clients_200_leak_no_descriptor(void)
{
	int before, fds[SVIO_CONTROL_CLIENTS_MAX + 8];

	json_object_put(ask("{\"cmd\":\"vif-list\"}"));
	before = count_descriptors();
	for (int i = 0; i < 200; i++) {
		close(client.fd);
		memset(&client, 0, sizeof(client));
		client.fd = connect_control();
		if (i % 3)
			json_object_put(ask("{\"cmd\":\"device\"}"));
		else
			send_text("{\"cmd\":");
	}
	json_object_put(ask("{\"cmd\":\"device\"}"));
	CU_ASSERT_EQUAL(count_descriptors(), before);
	/* More at once than there may be: those too many are told so. */
	for (int i = 0; i < SVIO_CONTROL_CLIENTS_MAX + 8; i++) {
		fds[i] = connect_control();
		svio_loop_run_once(fixture.loop, 0);
	}
	close(client.fd);
	client.fd = fds[SVIO_CONTROL_CLIENTS_MAX + 7];
	client.bytes = 0;
	fixture_wait(&fixture, client_has_eof, &client);
	CU_ASSERT_PTR_NOT_NULL(strstr(client.in, "too many"));
	for (int i = 0; i < SVIO_CONTROL_CLIENTS_MAX + 7; i++)
		close(fds[i]);
	close(client.fd);
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
	json_object_put(ask("{\"cmd\":\"device\"}"));
	CU_ASSERT_EQUAL(count_descriptors(), before);
}

static uint64_t resident_bytes(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	char line[256] = "", *resident;

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_PTR_NOT_NULL(fgets(line, sizeof(line), file));
	fclose(file);
	strtoul(line, &resident, 10); /* size, then what is resident */
	return strtoul(resident, NULL, 10) * 4096;
}

static void vifs_1000_made_and_deleted_leak_nothing(void)
{
	int before = 0;
	uint64_t resident = 0;

	for (int i = 0; i < 1000; i++) {
		/* Everything that is kept for later is there after all slots were used. */
		if (i == 100) {
			before = count_descriptors();
			resident = resident_bytes();
		}
		json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"v%d\"}", i % 7));
		json_object_put(ask("{\"cmd\":\"vif-del\",\"name\":\"v%d\"}", i % 7));
	}
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(count_descriptors(), before);
#ifndef __SANITIZE_ADDRESS__ /* whose quarantine grows */
	CU_ASSERT(resident_bytes() < resident + (1 << 20));
#else
	(void)resident;
#endif
}

static void add_while_firmware_is_gone_is_answered_at_once(void)
{
	struct json_object *device;

	json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"a\"}"));
	fixture_close(&fixture);
	close(client.fd);
	fixture_open(&fixture, "fake,exit=1", 2, false); /* never ready */
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
	device = ask("{\"cmd\":\"device\"}");
	CU_ASSERT_STRING_EQUAL(field(json_object_object_get(device, "firmware"), "state"),
			       "starting");
	json_object_put(device);
	json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"a\"}"));
	json_object_put(ask("{\"cmd\":\"vif-set\",\"name\":\"a\",\"vlan\":5}"));
	json_object_put(ask("{\"cmd\":\"vif-del\",\"name\":\"a\"}"));
}

static void add_that_the_firmware_refuses_is_an_error(void)
{
	char wire[32];

	fixture_close(&fixture);
	close(client.fd);
	snprintf(wire, sizeof(wire), "fake,refuse=%d", SVIO_HOST_VIF_ADD);
	fixture_open(&fixture, wire, 2, true);
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
	expect_error("{\"cmd\":\"vif-add\",\"name\":\"a\"}", "EINVAL", "firmware answered");
	expect_error("{\"cmd\":\"vif-show\",\"name\":\"a\"}", "ENOENT", "no VIF");
}

static void add_with_the_firmware_dying_is_answered(void)
{
	fixture_close(&fixture);
	close(client.fd);
	fixture_open(&fixture, "fake,die=2@1", 2, true);
	memset(&client, 0, sizeof(client));
	client.fd = connect_control();
	json_object_put(ask("{\"cmd\":\"vif-add\",\"name\":\"a\"}"));
	CU_ASSERT_PTR_NOT_NULL(svio_device_vif_find(fixture.device, "a"));
}

static void stats_tells_counters_by_name(void)
{
	struct json_object *stats, *vifs, *counters;
	struct svio_vif *vif = fixture_vif(&fixture, "a");
	struct svio_host_vif *shared = vif->shared;

	fixture_vif(&fixture, "b");
	shared->counters[SVIO_COUNTER_rx_drop_no_buffer] = 1ull << 63;
	stats = ask("{\"cmd\":\"stats\"}");
	vifs = json_object_object_get(stats, "vifs");
	CU_ASSERT_EQUAL(json_object_array_length(vifs), 2);
	CU_ASSERT_PTR_NOT_NULL(json_object_object_get(stats, "device"));
	json_object_put(stats);
	stats = ask("{\"cmd\":\"stats\",\"name\":\"a\"}");
	vifs = json_object_object_get(stats, "vifs");
	CU_ASSERT_EQUAL(json_object_array_length(vifs), 1);
	counters = json_object_object_get(json_object_array_get_idx(vifs, 0), "counters");
	CU_ASSERT_STRING_EQUAL(field(counters, "rx_drop_no_buffer"), "9223372036854775808");
	CU_ASSERT_EQUAL(json_object_object_length(counters), SVIO_COUNTER_COUNT);
	json_object_put(stats);
}

static struct json_object *member(struct json_object *from, const char *a, const char *b)
{
	from = json_object_object_get(from, a);
	return b ? json_object_object_get(from, b) : from;
}

#define NUMBER(report, a, b) json_object_get_uint64(member(report, a, b))

/* Neighbours that continue each other are one line; ranges without memory are told as such. */
static void iommu_show_lists_the_map(void)
{
	struct json_object *report, *map, *line;
	struct svio_vif *vif = fixture_vif(&fixture, "a");
	int fd = make_memory(8 << 20);

	expect_error("{\"cmd\":\"iommu-show\"}", "EINVAL", "name");
	expect_error("{\"cmd\":\"iommu-show\",\"name\":\"b\"}", "ENOENT", "b");
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, 1 << 20, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 1 << 20, 1 << 20, fd, 1 << 20, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 2 << 20, 2 << 20, fd, 2 << 20, true, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 4 << 20, 1 << 20, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 1 << 30, 4096, -1, 0, true, true), 0);
	report = ask("{\"cmd\":\"iommu-show\",\"name\":\"a\"}");
	CU_ASSERT_EQUAL(NUMBER(report, "maps", NULL), 5);
	CU_ASSERT_EQUAL(NUMBER(report, "bytes", NULL), (5 << 20) + 4096);
	CU_ASSERT_EQUAL(NUMBER(report, "maps_left_out", NULL), 0);
	CU_ASSERT_EQUAL(NUMBER(report, "pages", "2m"), 1);
	CU_ASSERT_EQUAL(NUMBER(report, "pages", "4k"), 3 * 256 + 1);
	CU_ASSERT_EQUAL(NUMBER(report, "pages", "1g"), 0);
	CU_ASSERT_EQUAL(NUMBER(report, "tables", "pages_max"),
			fixture.device->segment.pages_a_domain);
	CU_ASSERT_EQUAL(NUMBER(report, "tables", "bytes"),
			NUMBER(report, "tables", "pages") * 4096);
	CU_ASSERT_PTR_NULL(member(report, "dirty_log", NULL));
	map = member(report, "map", NULL);
	CU_ASSERT_EQUAL_FATAL(json_object_array_length(map), 4);
	line = json_object_array_get_idx(map, 0);
	CU_ASSERT_EQUAL(NUMBER(line, "bytes", NULL), 2 << 20);
	CU_ASSERT_STRING_EQUAL(field(line, "rights"), "rw");
	line = json_object_array_get_idx(map, 1);
	CU_ASSERT_EQUAL(NUMBER(line, "offset", NULL), 2 << 20);
	CU_ASSERT_STRING_EQUAL(field(line, "rights"), "r");
	CU_ASSERT_EQUAL(NUMBER(json_object_array_get_idx(map, 2), "offset", NULL), 0);
	CU_ASSERT_PTR_NULL(member(json_object_array_get_idx(map, 3), "object", NULL));
	json_object_put(report);
	close(fd);
}

/* More maps than are listed: how many are not. */
static void iommu_show_is_bounded(void)
{
	struct json_object *report;
	struct svio_vif *vif = fixture_vif(&fixture, "a");
	int fd = make_memory(4096);

	for (uint64_t i = 0; i < 600; i++)
		CU_ASSERT_EQUAL(svio_vif_dma_map(vif, i * 8192, 4096, fd, 0, true, true), 0);
	report = ask("{\"cmd\":\"iommu-show\",\"name\":\"a\"}");
	CU_ASSERT_EQUAL(json_object_array_length(member(report, "map", NULL)), 512);
	CU_ASSERT_EQUAL(NUMBER(report, "maps_left_out", NULL), 600 - 512);
	json_object_put(report);
	close(fd);
}

static void add_fault(uint32_t slot, uint64_t iova, uint8_t reason);

static void iommu_show_tells_counts_and_the_dirty_log(void)
{
	struct svio_iommu_dirty_range range = { 0, 1 << 20 };
	struct json_object *report;
	struct svio_vif *vif = fixture_vif(&fixture, "a");
	uint64_t page_bytes = 65536, bitmap[1];

	vif->shared->descriptors = 1000;
	vif->shared->walks = 10;
	vif->shared->counters[SVIO_COUNTER_dma_faults] = 7;
	add_fault(vif->slot, 0x1000, SVIO_IOMMU_FAULT_UNMAPPED);
	add_fault(vif->slot + 1, 0x1000, SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(svio_vif_dirty_start(vif, &range, 1, &page_bytes), 0);
	svio_iommu_dirty_mark(vif->dirty->log.log, 0, 65536ull * 3);
	CU_ASSERT_EQUAL(svio_vif_dirty_report(vif, 0, 1 << 20, 65536, bitmap), 0);
	report = ask("{\"cmd\":\"iommu-show\",\"name\":\"a\"}");
	CU_ASSERT_EQUAL(NUMBER(report, "translations", "descriptors"), 1000);
	CU_ASSERT_EQUAL(NUMBER(report, "translations", "walks"), 10);
	CU_ASSERT_DOUBLE_EQUAL(
		json_object_get_double(member(report, "translations", "hit_rate_min")), 0.99, 1e-9);
	CU_ASSERT_EQUAL(NUMBER(report, "faults", "count"), 7);
	CU_ASSERT_EQUAL(NUMBER(report, "faults", "listed"), 1);
	CU_ASSERT_EQUAL(NUMBER(report, "dirty_log", "page_bytes"), 65536);
	CU_ASSERT_EQUAL(NUMBER(report, "dirty_log", "bytes"), 1 << 20);
	CU_ASSERT_EQUAL(NUMBER(report, "dirty_log", "reports"), 1);
	CU_ASSERT_EQUAL(NUMBER(report, "dirty_log", "pages_reported"), 3);
	json_object_put(report);
}

static void add_fault(uint32_t slot, uint64_t iova, uint8_t reason)
{
	struct svio_iommu_fault fault = { .vif = slot,
					  .iova = iova,
					  .bytes = 64,
					  .queue = 1 << 8 | 3,
					  .access = SVIO_IOMMU_WRITE,
					  .reason = reason,
					  .suppressed = 5 };

	svio_iommu_fault_add((struct svio_iommu_fault_log *)fixture.device->segment.faults, &fault);
}

/* Slots are used again: a new VIF is not blamed for the deeds of an old one. */
static void faults_are_told_with_the_right_name(void)
{
	struct json_object *report, *faults, *fault;
	struct svio_vif *vif;
	char error[256];

	for (int i = 0; i < 8; i++) {
		char name[16];

		snprintf(name, sizeof(name), "v%d", i);
		fixture_vif(&fixture, name);
	}
	add_fault(3, 0x1000, SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(svio_device_vif_del(fixture.device, "v3", error), 0);
	fixture_wait_idle(&fixture);
	vif = fixture_vif(&fixture, "new");
	CU_ASSERT_EQUAL(vif->slot, 3);
	add_fault(3, 0x2000, SVIO_IOMMU_FAULT_RIGHTS);
	add_fault(99999, 0x3000, 250);
	report = ask("{\"cmd\":\"faults\"}");
	faults = json_object_object_get(report, "faults");
	CU_ASSERT_EQUAL_FATAL(json_object_array_length(faults), 3);
	CU_ASSERT_STRING_EQUAL(field(json_object_array_get_idx(faults, 0), "vif"), "");
	fault = json_object_array_get_idx(faults, 1);
	CU_ASSERT_STRING_EQUAL(field(fault, "vif"), "new");
	CU_ASSERT_STRING_EQUAL(field(fault, "queue"), "rx 3");
	CU_ASSERT_STRING_EQUAL(field(fault, "access"), "write");
	CU_ASSERT_STRING_EQUAL(field(fault, "address"), "8192");
	CU_ASSERT_STRING_EQUAL(field(fault, "reason"), "mapped without the right");
	CU_ASSERT_STRING_EQUAL(field(fault, "suppressed"), "5");
	CU_ASSERT_STRING_EQUAL(field(json_object_array_get_idx(faults, 2), "reason"), "unknown");
	json_object_put(report);
	report = ask("{\"cmd\":\"faults\",\"name\":\"new\"}");
	CU_ASSERT_EQUAL(json_object_array_length(json_object_object_get(report, "faults")), 1);
	json_object_put(report);
	for (uint64_t i = 0; i < 1000; i++)
		add_fault(0, i << 12, SVIO_IOMMU_FAULT_RANGE);
	report = ask("{\"cmd\":\"faults\"}");
	faults = json_object_object_get(report, "faults");
	CU_ASSERT_EQUAL(json_object_array_length(faults), SVIO_IOMMU_FAULTS);
	CU_ASSERT_STRING_EQUAL(field(report, "recorded"), "1003");
	fault = json_object_array_get_idx(faults, SVIO_IOMMU_FAULTS - 1);
	CU_ASSERT_STRING_EQUAL(field(fault, "sequence"), "1003");
	json_object_put(report);
}

/* A VIF in state ERROR says why, whatever numbers are in its registers. */
static void show_stopped_vif_tells_the_reason(void)
{
	struct json_object *report, *error;
	struct svio_vif *vif = fixture_vif(&fixture, "a");
	uint32_t *regs = (uint32_t *)vif->shared->regs;

	fixture_wait_idle(&fixture);
	regs[SVIO_REG_STATUS / 4] = SVIO_VIF_STATE_ERROR;
	regs[SVIO_REG_ERROR / 4] = 10;
	regs[SVIO_REG_ERROR_INFO / 4] = 0 << 16 | 2;
	regs[SVIO_REG_ERROR_ADDR_HI / 4] = 1;
	report = ask("{\"cmd\":\"vif-show\",\"name\":\"a\"}");
	CU_ASSERT_STRING_EQUAL(field(report, "state"), "error");
	error = json_object_object_get(report, "error");
	CU_ASSERT_STRING_EQUAL(field(error, "name"), "DMA_UNMAPPED");
	CU_ASSERT_STRING_EQUAL(field(error, "queue"), "tx 2");
	CU_ASSERT_STRING_EQUAL(field(error, "address"), "4294967296");
	json_object_put(report);
	regs[SVIO_REG_ERROR / 4] = 0xffffffff;
	regs[SVIO_REG_ERROR_INFO / 4] = 0xffffffff;
	report = ask("{\"cmd\":\"vif-show\",\"name\":\"a\"}");
	CU_ASSERT_STRING_EQUAL(field(json_object_object_get(report, "error"), "name"), "unknown");
	json_object_put(report);
	regs[SVIO_REG_STATUS / 4] = 77;
	report = ask("{\"cmd\":\"vif-show\",\"name\":\"a\"}");
	CU_ASSERT_STRING_EQUAL(field(report, "state"), "unknown");
	json_object_put(report);
}

SVIO_TEST_MAIN_WITH("glue control", setup, teardown, SVIO_TEST(socket_is_for_its_owner_only),
		    SVIO_TEST(vif_life_from_add_to_del),
		    SVIO_TEST(bad_requests_are_answered_with_a_sentence),
		    SVIO_TEST(requests_in_one_write_are_answered_in_order),
		    SVIO_TEST(request_in_single_bytes_is_answered),
		    SVIO_TEST(request_before_end_of_input_is_answered),
		    SVIO_TEST(request_without_end_is_refused_and_hung_up),
		    SVIO_TEST(client_that_does_not_read_is_not_read_from),
		    SVIO_TEST(client_that_leaves_while_waiting_is_forgotten),
		    SVIO_TEST(clients_200_leak_no_descriptor),
		    SVIO_TEST(vifs_1000_made_and_deleted_leak_nothing),
		    SVIO_TEST(add_while_firmware_is_gone_is_answered_at_once),
		    SVIO_TEST(add_that_the_firmware_refuses_is_an_error),
		    SVIO_TEST(add_with_the_firmware_dying_is_answered),
		    SVIO_TEST(stats_tells_counters_by_name), SVIO_TEST(iommu_show_lists_the_map),
		    SVIO_TEST(iommu_show_is_bounded),
		    SVIO_TEST(iommu_show_tells_counts_and_the_dirty_log),
		    SVIO_TEST(faults_are_told_with_the_right_name),
		    SVIO_TEST(show_stopped_vif_tells_the_reason))
