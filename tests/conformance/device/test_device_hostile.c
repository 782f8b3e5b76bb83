/* SPDX-License-Identifier: BSD-3-Clause */
/* A hostile guest is stopped with the right reason, and its neighbours do not notice. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device_guest.h"
#include "hostile.h"
#include "svio_test.h"

static struct device_lab lab;
static struct guest hostile;
static struct guest witness;
static struct guest from;
static struct guest to;
static struct neighbours neighbours;
static struct received received;

static const struct svio_vif_options hostile_options = { .features = SVIO_VIF_FEATURES_ALL,
							 .extra_bytes = HOSTILE_EXTRA_BYTES };

static void start(void)
{
	lab_start(&lab);
	lab_vif_add(&lab, "hostile", "");
	lab_vif_add(&lab, "witness", "");
	lab_vif_add(&lab, "from", "");
	lab_vif_add(&lab, "to", "");
	guest_open(&hostile, &lab, "hostile", &hostile_options);
	guest_open(&witness, &lab, "witness", NULL);
	guest_open(&from, &lab, "from", NULL);
	guest_open(&to, &lab, "to", NULL);
}

static void send_to_hostile(void *context)
{
	uint8_t frame[60];

	(void)context;
	frame_fill(frame, sizeof(frame), hostile.mac, witness.mac, 1);
	guest_send(&witness, frame, sizeof(frame), 0, NULL);
}

static uint32_t run_attacks(const struct hostile_attack *attacks, size_t count,
			    void (*prod)(void *context))
{
	uint32_t wrong = 0;

	for (size_t i = 0; i < count; i++) {
		struct hostile_outcome outcome;
		int status = hostile_attack_run(hostile.vif, &attacks[i], prod, NULL, &outcome);

		if (status || !outcome.as_expected) {
			printf("     %s: %s %s\n", attacks[i].name, outcome.sentence,
			       status ? svio_vif_message() : "");
			wrong++;
		}
	}
	return wrong;
}

static void attacks_by_transmit_rings_are_stopped(void)
{
	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
	CU_ASSERT_EQUAL(run_attacks(hostile_tx_attacks, hostile_tx_attack_count, NULL), 0);
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	CU_ASSERT_EQUAL(neighbours.stream.duplicates, 0);
}

static void attacks_by_receive_rings_are_stopped(void)
{
	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
	CU_ASSERT_EQUAL(run_attacks(hostile_rx_attacks, hostile_rx_attack_count, send_to_hostile),
			0);
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	CU_ASSERT_EQUAL(neighbours.stream.duplicates, 0);
}

static void attacks_by_registers_and_commands_are_stopped(void)
{
	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
	CU_ASSERT_EQUAL(run_attacks(hostile_vif_attacks, hostile_vif_attack_count, NULL), 0);
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	CU_ASSERT_EQUAL(neighbours.stream.duplicates, 0);
}

/* A descriptor that is nearly right: most fields good, some random. */
static struct svio_tx_desc random_desc(uint64_t *random, const struct svio_vif_raw *raw)
{
	struct svio_tx_desc desc = { .addr = raw->iova +
					     svio_test_random(random) % raw->memory_bytes,
				     .len = (uint16_t)(14 + svio_test_random(random) % 2000),
				     .flags = SVIO_TX_END };
	uint64_t dice = svio_test_random(random) % 16;

	if (dice == 0)
		desc.addr = svio_test_random(random);
	else if (dice == 1)
		desc.len = (uint16_t)svio_test_random(random);
	else if (dice == 2)
		desc.flags = (uint16_t)svio_test_random(random);
	else if (dice < 6)
		desc.flags = 0;
	else if (dice < 9)
		desc.flags |= SVIO_TX_EXT;
	else if (dice == 9)
		desc.vlan_tci = (uint16_t)svio_test_random(random);
	return desc;
}

static struct svio_tx_desc random_ext(uint64_t *random)
{
	struct svio_tx_ext ext = { .csum_start = (uint16_t)(svio_test_random(random) % 100),
				   .csum_offset = (uint16_t)(svio_test_random(random) % 20),
				   .gso_size = (uint16_t)(svio_test_random(random) % 1500),
				   .hdr_len = (uint16_t)(svio_test_random(random) % 100),
				   .gso_type = (uint8_t)(svio_test_random(random) % 6),
				   .flags = SVIO_TX_EXT_CSUM };
	struct svio_tx_desc desc;

	memcpy(&desc, &ext, sizeof(desc));
	return desc;
}

/* One queue's life: a ring of nonsense, while the guest goes on changing it, until the queue stops. */
static bool live_in_nonsense(uint64_t *random)
{
	struct svio_vif_raw raw;
	struct svio_vif_raw_queue queue;
	enum svio_error error = SVIO_ERROR_NONE;

	svio_vif_raw_get(hostile.vif, &raw);
	svio_vif_raw_queue_get(hostile.queue, &queue);
	for (uint32_t tail = 0; tail < 2000 && !error;) {
		for (int i = 0; i < 16; i++) {
			uint64_t at = svio_test_random(random) & ((1u << queue.tx_lg2) - 1);

			queue.tx_ring[at] = svio_test_random(random) % 4 ? random_desc(random, &raw)
									 : random_ext(random);
		}
		tail += (uint32_t)(svio_test_random(random) % 50);
		svio_vif_raw_tail_store(hostile.vif, SVIO_QUEUE_TX, 0, tail);
		if (svio_test_random(random) % 8 == 0)
			queue.rx_ring[svio_test_random(random) % (1u << queue.rx_lg2)].addr =
				svio_test_random(random);
		send_to_hostile(NULL);
		if (svio_vif_queue_error_get(hostile.vif, SVIO_QUEUE_TX, 0, &error, NULL))
			return false;
	}
	return svio_vif_reset(hostile.vif) == 0;
}

static void random_rings_hurt_nobody(void)
{
	uint64_t random = svio_test_seed(20261121);
	pid_t firmware = lab_firmware(&lab);

	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
	CU_ASSERT_EQUAL_FATAL(svio_vif_reset(hostile.vif), 0);
	for (int i = 0; i < 300; i++)
		CU_ASSERT_TRUE(live_in_nonsense(&random));
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	CU_ASSERT_EQUAL(neighbours.stream.duplicates, 0);
	CU_ASSERT_EQUAL(lab_firmware(&lab), firmware);
	while (guest_receive_now(&witness, 0, &received))
		;
}

/* The stopped queue is told by an event, too, and comes back alone; the other queue never stops. */
static void stopped_queue_is_told_and_restarts(void)
{
	struct svio_vif_buf buf;
	struct svio_vif_event event = { 0 };
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	enum svio_error error;
	uint8_t frame[60];

	CU_ASSERT_EQUAL_FATAL(svio_vif_reset(hostile.vif), 0);
	CU_ASSERT_EQUAL_FATAL(svio_vif_alloc_burst(hostile.queue, &buf, 1), 1);
	buf.len = 5;
	CU_ASSERT_EQUAL(svio_vif_tx_burst(hostile.queue, &buf, 1), 1);
	while (event.type != SVIO_EVENT_QUEUE_ERROR && lab_now_ns() < deadline)
		svio_vif_event_next(hostile.vif, &event);
	CU_ASSERT_EQUAL(event.type, SVIO_EVENT_QUEUE_ERROR);
	CU_ASSERT_EQUAL(event.error, SVIO_ERROR_FRAME_LEN);
	CU_ASSERT_EQUAL(event.kind, SVIO_QUEUE_TX);
	CU_ASSERT_EQUAL(event.qid, 0);
	CU_ASSERT_EQUAL(svio_vif_queue_error_get(hostile.vif, SVIO_QUEUE_RX, 0, &error, NULL), 0);
	CU_ASSERT_EQUAL(error, SVIO_ERROR_NONE);
	send_to_hostile(NULL);
	CU_ASSERT_TRUE(guest_receive(&hostile, &received));
	CU_ASSERT_EQUAL(svio_vif_queue_restart(hostile.vif, 0), 0);
	CU_ASSERT_EQUAL(svio_vif_queue_error_get(hostile.vif, SVIO_QUEUE_TX, 0, &error, NULL), 0);
	CU_ASSERT_EQUAL(error, SVIO_ERROR_NONE);
	frame_fill(frame, sizeof(frame), witness.mac, hostile.mac, 1);
	CU_ASSERT_TRUE(guest_send(&hostile, frame, sizeof(frame), 0, NULL));
	CU_ASSERT_TRUE(guest_receive(&witness, &received));
}

static void offload_without_feature_stops_the_queue(void)
{
	struct svio_vif_options options = { .features = 0, .extra_bytes = HOSTILE_EXTRA_BYTES };
	struct svio_vif_buf meta = { .flags = SVIO_VIF_CSUM, .csum_start = 34, .csum_offset = 16 };
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	enum svio_error error = SVIO_ERROR_NONE;
	uint8_t frame[100];

	guest_close(&hostile);
	guest_open(&hostile, &lab, "hostile", &options);
	frame_fill(frame, sizeof(frame), witness.mac, hostile.mac, 1);
	CU_ASSERT_TRUE(guest_send(&hostile, frame, sizeof(frame), 0, &meta));
	while (!error && lab_now_ns() < deadline)
		svio_vif_queue_error_get(hostile.vif, SVIO_QUEUE_TX, 0, &error, NULL);
	CU_ASSERT_EQUAL(error, SVIO_ERROR_OFFLOAD_FEATURE);
	guest_close(&hostile);
	guest_open(&hostile, &lab, "hostile", &hostile_options);
}

/* Guest memory that shrinks under the device: the VIF is lost, nobody else. */
static void memory_that_vanishes_stops_the_vif(void)
{
	struct svio_vif_raw raw;
	struct svio_vif_status status = { 0 };
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	int fd = memfd_create("vanishing", MFD_CLOEXEC);
	struct svio_vif_raw_queue queue;

	CU_ASSERT_FATAL(fd >= 0 && ftruncate(fd, 1 << 20) == 0);
	CU_ASSERT_TRUE_FATAL(neighbours_start(&neighbours, &from, &to));
	svio_vif_raw_get(hostile.vif, &raw);
	svio_vif_raw_queue_get(hostile.queue, &queue);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(hostile.vif, 0x7000000000, 1 << 20, fd, 0, true, true),
			0);
	CU_ASSERT_EQUAL(ftruncate(fd, 0), 0);
	queue.tx_ring[queue.tx_tail & ((1u << queue.tx_lg2) - 1)] =
		(struct svio_tx_desc){ .addr = 0x7000000000, .len = 100, .flags = SVIO_TX_END };
	svio_vif_raw_tail_store(hostile.vif, SVIO_QUEUE_TX, 0, queue.tx_tail + 1);
	while (status.state != SVIO_VIF_STATE_ERROR && lab_now_ns() < deadline)
		CU_ASSERT_EQUAL_FATAL(svio_vif_status(hostile.vif, &status), 0);
	CU_ASSERT_EQUAL(status.state, SVIO_VIF_STATE_ERROR);
	CU_ASSERT_EQUAL(status.error, SVIO_ERROR_MEMORY_GONE);
	CU_ASSERT_TRUE(neighbours_stop(&neighbours));
	guest_close(&hostile);
	close(fd);
	guest_open(&hostile, &lab, "hostile", &hostile_options);
	send_to_hostile(NULL);
	CU_ASSERT_TRUE(guest_receive(&hostile, &received));
}

/* Bus mastering off: the device leaves memory alone until it is on again. */
static void bus_master_off_stops_dma(void)
{
	struct svio_vif_raw_queue queue;

	CU_ASSERT_EQUAL_FATAL(svio_vif_reset(hostile.vif), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_bus_master_set(hostile.vif, false), 0);
	svio_vif_raw_queue_get(hostile.queue, &queue);
	for (int i = 0; i < 50; i++)
		send_to_hostile(NULL);
	CU_ASSERT_TRUE(guest_receives_only_marker(&to, &witness));
	CU_ASSERT_EQUAL(queue.rx_cmpl[0].flags, 0);
	CU_ASSERT_EQUAL(svio_vif_reset(hostile.vif), 0);
	send_to_hostile(NULL);
	CU_ASSERT_TRUE(guest_receive(&hostile, &received));
}

static void function_and_bus_reset_bring_state_reset(void)
{
	struct svio_vif_status status;

	CU_ASSERT_EQUAL(svio_vif_raw_function_reset(hostile.vif), 0);
	CU_ASSERT_EQUAL(svio_vif_status(hostile.vif, &status), 0);
	CU_ASSERT_EQUAL(status.state, SVIO_VIF_STATE_RESET);
	CU_ASSERT_EQUAL(svio_vif_reset(hostile.vif), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_bus_reset(hostile.vif), 0);
	CU_ASSERT_EQUAL(svio_vif_status(hostile.vif, &status), 0);
	CU_ASSERT_EQUAL(status.state, SVIO_VIF_STATE_RESET);
	CU_ASSERT_EQUAL(svio_vif_reset(hostile.vif), 0);
	send_to_hostile(NULL);
	CU_ASSERT_TRUE(guest_receive(&hostile, &received));
}

/* After all that: every packet is accounted for. */
static void books_balance(void)
{
	CU_ASSERT_TRUE(lab_books_balance(&lab));
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(attacks_by_transmit_rings_are_stopped),
		SVIO_TEST(attacks_by_receive_rings_are_stopped),
		SVIO_TEST(attacks_by_registers_and_commands_are_stopped),
		SVIO_TEST(random_rings_hurt_nobody),
		SVIO_TEST(stopped_queue_is_told_and_restarts),
		SVIO_TEST(offload_without_feature_stops_the_queue),
		SVIO_TEST(memory_that_vanishes_stops_the_vif),
		SVIO_TEST(bus_master_off_stops_dma),
		SVIO_TEST(function_and_bus_reset_bring_state_reset),
		SVIO_TEST(books_balance),
	};
	const struct svio_test_suite suite = { "device hostile", NULL, NULL, cases,
					       sizeof(cases) / sizeof(cases[0]) };
	int status;

	start();
	status = svio_test_run(&suite, argc, argv);
	guest_close(&hostile);
	guest_close(&witness);
	guest_close(&from);
	guest_close(&to);
	return lab_stop(&lab) ? 1 : status;
}
