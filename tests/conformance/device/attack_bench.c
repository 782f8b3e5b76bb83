/* SPDX-License-Identifier: BSD-3-Clause */
/* See attack_bench.h. */
#include "attack_bench.h"

#include <errno.h>
#include <json-c/json.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "svio_test.h"

#define TEXT_BYTES (1u << 18)

struct device_lab attack_lab;
struct guest hostile;
struct guest witness;

static struct guest from;
static struct guest to;
static struct neighbours neighbours;
static struct svio_vif_raw_queue ring;
static uint32_t tail;
static pid_t firmware;
static char text[TEXT_BYTES];

void attack_bench_open(void)
{
	static const char *const names[] = { "hostile", "witness", "from", "to" };

	lab_start(&attack_lab);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		lab_vif_add(&attack_lab, names[i], "");
	guest_open(&hostile, &attack_lab, "hostile", NULL);
	guest_open(&witness, &attack_lab, "witness", NULL);
	guest_open(&from, &attack_lab, "from", NULL);
	guest_open(&to, &attack_lab, "to", NULL);
	firmware = lab_firmware(&attack_lab);
}

int attack_bench_close(int status)
{
	guest_close(&hostile);
	guest_close(&witness);
	guest_close(&from);
	guest_close(&to);
	return lab_stop(&attack_lab) ? 1 : status;
}

void attack_begin(void)
{
	firmware = lab_firmware(&attack_lab);
	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
}

void attack_end(void)
{
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	CU_ASSERT_EQUAL(neighbours.stream.duplicates, 0);
	CU_ASSERT_EQUAL(lab_firmware(&attack_lab), firmware);
	CU_ASSERT_EQUAL(kill(attack_lab.sviod, 0), 0);
}

void attack_reset(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_vif_reset(hostile.vif), 0);
	hostile.queue = svio_vif_queue(hostile.vif, 0);
	svio_vif_raw_queue_get(hostile.queue, &ring);
	tail = ring.tx_tail;
	while (attack_witnessed() >= 0)
		;
}

void attack_put(uint64_t addr, uint16_t len, uint16_t flags)
{
	ring.tx_ring[tail++ & ((1u << ring.tx_lg2) - 1)] =
		(struct svio_tx_desc){ .addr = addr, .len = len, .flags = flags };
}

void attack_ring(void)
{
	svio_vif_raw_tail_store(hostile.vif, SVIO_QUEUE_TX, 0, tail);
}

void attack_send(uint64_t addr)
{
	attack_put(addr, ATTACK_FRAME, SVIO_TX_END);
	attack_ring();
}

enum svio_error attack_await_stop(uint16_t kind)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	enum svio_error error = SVIO_ERROR_NONE;

	while (!error && lab_now_ns() < deadline) {
		if (kind == SVIO_QUEUE_RX)
			attack_tease();
		if (svio_vif_queue_error_get(hostile.vif, kind, 0, &error, NULL))
			break;
	}
	return error;
}

bool attack_await_begun(void)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (ring.tx_status->head == ring.tx_tail)
		if (lab_now_ns() > deadline)
			return false;
	return true;
}

bool attack_await_sent(void)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (ring.tx_status->head != tail) {
		if (lab_now_ns() > deadline)
			return false;
		sched_yield();
	}
	return true;
}

void attack_frame(void *at, uint8_t filling)
{
	uint8_t *frame = at;

	memset(frame, filling, ATTACK_FRAME);
	memcpy(frame, witness.mac, 6);
	memcpy(frame + 6, hostile.mac, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
}

void attack_tease(void)
{
	uint8_t frame[60];

	frame_fill(frame, sizeof(frame), hostile.mac, witness.mac, 1);
	guest_send(&witness, frame, sizeof(frame), 0, NULL);
}

int attack_witnessed(void)
{
	static struct received received;

	while (guest_receive_now(&witness, 0, &received)) {
		if (received.bytes < 64 || memcmp(received.data + 6, hostile.mac, 6) != 0)
			continue;
		for (uint32_t i = 15; i < received.bytes; i++)
			if (received.data[i] != received.data[14])
				return 256; /* two things in one frame */
		return received.data[14];
	}
	return -1;
}

struct attack_memory attack_memory_new(uint64_t bytes)
{
	struct attack_memory memory = {
		.fd = memfd_create("attack", MFD_CLOEXEC | MFD_ALLOW_SEALING), .bytes = bytes
	};
	void *data;

	CU_ASSERT_FATAL(memory.fd >= 0 && ftruncate(memory.fd, (off_t)bytes) == 0);
	data = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory.fd, 0);
	CU_ASSERT_FATAL(data != MAP_FAILED);
	memory.data = data;
	return memory;
}

void attack_memory_free(struct attack_memory *memory)
{
	munmap(memory->data, memory->bytes);
	close(memory->fd);
}

int attack_map(const struct attack_memory *memory, uint64_t iova, bool readable, bool writable)
{
	return svio_vif_raw_dma_map(hostile.vif, iova, memory->bytes, memory->fd, 0, readable,
				    writable);
}

int attack_unmap(uint64_t iova, uint64_t bytes)
{
	return svio_vif_raw_dma_unmap(hostile.vif, iova, bytes);
}

static struct json_object *ask(const char *request)
{
	return lab_svio(&attack_lab, text, sizeof(text), "%s", request) ? NULL
									: json_tokener_parse(text);
}

static void take_text(struct json_object *from_object, const char *name, char *to_text,
		      size_t bytes)
{
	struct json_object *value = json_object_object_get(from_object, name);

	snprintf(to_text, bytes, "%s", value ? json_object_get_string(value) : "");
}

static uint64_t take_number(struct json_object *from_object, const char *name)
{
	return json_object_get_uint64(json_object_object_get(from_object, name));
}

uint32_t attack_faults(const char *vif, struct attack_fault *faults)
{
	char request[64];
	struct json_object *report;
	struct json_object *list;
	uint32_t count;

	snprintf(request, sizeof(request), "faults %s --json", vif);
	report = ask(request);
	list = json_object_object_get(report, "faults");
	count = list ? (uint32_t)json_object_array_length(list) : 0;
	for (uint32_t i = 0; i < count && i < ATTACK_FAULTS_MAX; i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		take_text(entry, "queue", faults[i].queue, sizeof(faults[i].queue));
		take_text(entry, "access", faults[i].access, sizeof(faults[i].access));
		take_text(entry, "reason", faults[i].reason, sizeof(faults[i].reason));
		faults[i].address = take_number(entry, "address");
		faults[i].suppressed = take_number(entry, "suppressed");
	}
	json_object_put(report);
	return count;
}

int64_t attack_counter(const char *vif, const char *name)
{
	char request[64];
	struct json_object *report;
	struct json_object *counters;
	int64_t value = -1;

	snprintf(request, sizeof(request), "stats %s --json", vif);
	report = ask(request);
	counters = json_object_object_get(
		json_object_array_get_idx(json_object_object_get(report, "vifs"), 0), "counters");
	if (counters && json_object_object_get(counters, name))
		value = json_object_get_int64(json_object_object_get(counters, name));
	json_object_put(report);
	return value;
}
