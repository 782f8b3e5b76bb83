/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by what is mapped, and when: denied, logged, and nobody else notices. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "attack_bench.h"
#include "svio_test.h"

#define BEFORE 0x11 /* what a page holds while it is mapped, and afterwards */
#define AFTER  0x22

#define REUSES 300
#define GIB    (1ull << 30)
#define HUGE   (2u << 20)

/* Unmaps while the device is at it: SVIO_TEST_ROUNDS of them. */
static uint32_t races(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? (uint32_t)strtoul(text, NULL, 0) : 100;
}

static void start(void)
{
	attack_begin();
	attack_reset();
}

/* Each kind of bad access, and what the log must say of it, word by word. */
static void denied_accesses_are_logged(void)
{
	static const struct {
		uint64_t addr;
		uint16_t kind;
		enum svio_error error;
		const char *queue, *access, *reason;
	} attacks[] = {
		{ 0, SVIO_QUEUE_TX, SVIO_ERROR_DMA_UNMAPPED, "tx 0", "read", "not mapped" },
		{ ATTACK_IOVA + ATTACK_PAGE, SVIO_QUEUE_TX, SVIO_ERROR_DMA_UNMAPPED, "tx 0", "read",
		  "not mapped" },
		{ ATTACK_IOVA - 1, SVIO_QUEUE_TX, SVIO_ERROR_DMA_UNMAPPED, "tx 0", "read",
		  "not mapped" },
		{ 1ull << 48, SVIO_QUEUE_TX, SVIO_ERROR_DMA_RANGE, "tx 0", "read",
		  "address out of range" },
		{ UINT64_MAX - 3, SVIO_QUEUE_TX, SVIO_ERROR_DMA_RANGE, "tx 0", "read",
		  "address out of range" },
		{ ATTACK_IOVA + GIB, SVIO_QUEUE_TX, SVIO_ERROR_DMA_RIGHTS, "tx 0", "read",
		  "mapped without the right" },
		{ ATTACK_IOVA, SVIO_QUEUE_RX, SVIO_ERROR_DMA_RIGHTS, "rx 0", "write",
		  "mapped without the right" },
		{ 0, SVIO_QUEUE_RX, SVIO_ERROR_DMA_UNMAPPED, "rx 0", "write", "not mapped" },
	};
	static struct attack_fault faults[ATTACK_FAULTS_MAX];
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);

	CU_ASSERT_EQUAL(attack_map(&memory, ATTACK_IOVA, true, false), 0);
	CU_ASSERT_EQUAL(attack_map(&memory, ATTACK_IOVA + GIB, false, true), 0);
	for (size_t i = 0; i < sizeof(attacks) / sizeof(attacks[0]); i++) {
		int64_t counted = attack_counter("hostile", "dma_faults");
		struct svio_vif_raw_queue queue;
		uint32_t count;

		attack_reset();
		svio_vif_raw_queue_get(hostile.queue, &queue);
		for (uint32_t n = 0; attacks[i].kind == SVIO_QUEUE_RX && n < 1u << queue.rx_lg2;
		     n++)
			queue.rx_ring[n].addr = attacks[i].addr;
		if (attacks[i].kind == SVIO_QUEUE_TX)
			attack_send(attacks[i].addr);
		CU_ASSERT_EQUAL(attack_await_stop(attacks[i].kind), attacks[i].error);
		CU_ASSERT_EQUAL(attack_counter("hostile", "dma_faults"), counted + 1);
		count = attack_faults("hostile", faults);
		CU_ASSERT_FATAL(count > 0);
		CU_ASSERT_STRING_EQUAL(faults[count - 1].queue, attacks[i].queue);
		CU_ASSERT_STRING_EQUAL(faults[count - 1].access, attacks[i].access);
		CU_ASSERT_STRING_EQUAL(faults[count - 1].reason, attacks[i].reason);
		CU_ASSERT(faults[count - 1].address >= attacks[i].addr);
		CU_ASSERT(faults[count - 1].address - attacks[i].addr < ATTACK_FRAME);
	}
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, 2 * GIB), 0);
	attack_memory_free(&memory);
}

/* The page gets other contents as soon as the unmap is answered: nothing of them is ever sent. */
static void page_unmapped_during_dma_is_not_read(void)
{
	uint64_t random = svio_test_seed(4);
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	uint32_t witnessed = 0, foreign = 0;

	for (uint32_t i = 0; i < races(); i++) {
		uint32_t frames = 1 + (uint32_t)svio_test_random(&random) % 900;
		int filling;

		attack_reset();
		attack_frame(memory.data, BEFORE);
		CU_ASSERT_EQUAL_FATAL(attack_map(&memory, ATTACK_IOVA, true, true), 0);
		for (uint32_t n = 0; n < frames; n++)
			attack_put(ATTACK_IOVA, ATTACK_FRAME, SVIO_TX_END);
		attack_ring();
		if (i % 4)
			CU_ASSERT_TRUE(attack_await_begun());
		CU_ASSERT_EQUAL_FATAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
		attack_frame(memory.data, AFTER);
		attack_send(ATTACK_IOVA);
		CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_TX), SVIO_ERROR_DMA_UNMAPPED);
		for (; (filling = attack_witnessed()) >= 0; witnessed++)
			foreign += filling != BEFORE;
	}
	CU_ASSERT_EQUAL(foreign, 0);
	printf("     %u frames were sent before their page was taken away\n", witnessed);
	CU_ASSERT(witnessed > 0);
	attack_memory_free(&memory);
}

static bool is_filled(const struct attack_memory *memory, uint8_t filling)
{
	for (uint64_t i = 0; i < memory->bytes; i++)
		if (memory->data[i] != filling)
			return false;
	return true;
}

static void post_everywhere(uint64_t addr)
{
	struct svio_vif_raw_queue queue;

	svio_vif_raw_queue_get(hostile.queue, &queue);
	for (uint32_t i = 0; i < 1u << queue.rx_lg2; i++)
		queue.rx_ring[i].addr = addr;
}

/* Until at least one byte of the page is not zero, in three rounds of four. */
static void await_some_written(const struct attack_memory *memory, uint32_t round)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;

	while (round % 4 && is_filled(memory, 0) && lab_now_ns() < deadline)
		;
}

/* The same for receive buffers: after the answer nothing is written any more. */
static void page_unmapped_during_dma_is_not_written(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	uint32_t touched = 0;

	for (uint32_t i = 0; i < races(); i++) {
		attack_reset();
		memset(memory.data, 0, ATTACK_PAGE);
		CU_ASSERT_EQUAL_FATAL(attack_map(&memory, ATTACK_IOVA, true, true), 0);
		post_everywhere(ATTACK_IOVA);
		for (uint32_t n = 0; n < 16; n++)
			attack_tease();
		await_some_written(&memory, i % 16);
		CU_ASSERT_EQUAL_FATAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
		touched += !is_filled(&memory, 0);
		memset(memory.data, AFTER, ATTACK_PAGE);
		CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_RX), SVIO_ERROR_DMA_UNMAPPED);
		CU_ASSERT_TRUE(is_filled(&memory, AFTER));
	}
	printf("     %u of %u pages were written before they were taken away\n", touched, races());
	CU_ASSERT(touched > 0);
	attack_memory_free(&memory);
}

/* The address means other memory at once; large and small pages take turns, so caches may lie. */
static void address_reused_at_once_means_the_new_memory(void)
{
	struct attack_memory large = attack_memory_new(HUGE);
	struct attack_memory small = attack_memory_new(ATTACK_PAGE);

	attack_frame(large.data, BEFORE);
	attack_frame(large.data + ATTACK_PAGE, BEFORE);
	attack_frame(small.data, AFTER);
	for (uint32_t i = 0; i < REUSES; i++) {
		CU_ASSERT_EQUAL_FATAL(attack_map(&large, ATTACK_IOVA, true, true), 0);
		attack_send(ATTACK_IOVA);
		attack_send(ATTACK_IOVA + ATTACK_PAGE);
		CU_ASSERT_TRUE_FATAL(attack_await_sent());
		CU_ASSERT_EQUAL_FATAL(attack_unmap(ATTACK_IOVA, HUGE), 0);
		CU_ASSERT_EQUAL_FATAL(attack_map(&small, ATTACK_IOVA, true, true), 0);
		attack_send(ATTACK_IOVA);
		CU_ASSERT_TRUE_FATAL(attack_await_sent());
		CU_ASSERT_EQUAL(attack_witnessed(), BEFORE);
		CU_ASSERT_EQUAL(attack_witnessed(), BEFORE);
		CU_ASSERT_EQUAL(attack_witnessed(), AFTER);
		if (i + 1 == REUSES) {
			attack_send(ATTACK_IOVA + ATTACK_PAGE);
			CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_TX), SVIO_ERROR_DMA_UNMAPPED);
		}
		CU_ASSERT_EQUAL_FATAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
	}
	attack_memory_free(&large);
	attack_memory_free(&small);
}

static enum svio_error await_failure(void)
{
	uint64_t deadline = lab_now_ns() + LAB_PATIENCE_NS;
	struct svio_vif_status status = { 0 };

	while (status.state != SVIO_VIF_STATE_ERROR && lab_now_ns() < deadline)
		if (svio_vif_status(hostile.vif, &status))
			break;
	return status.error;
}

static void reconnect(void)
{
	guest_close(&hostile);
	guest_open(&hostile, &attack_lab, "hostile", NULL);
	attack_reset();
}

/* Truncated in the middle of copies, for reads and for writes, in every part of the memory. */
static void memory_truncated_during_dma_stops_only_its_vif(void)
{
	for (uint32_t i = 0; i < 8; i++) {
		struct attack_memory memory = attack_memory_new(16 * ATTACK_PAGE);

		for (uint32_t n = 0; n < 16; n++)
			attack_frame(memory.data + n * ATTACK_PAGE, BEFORE);
		CU_ASSERT_EQUAL_FATAL(attack_map(&memory, ATTACK_IOVA, true, true), 0);
		if (i & 1) {
			post_everywhere(ATTACK_IOVA + i * ATTACK_PAGE);
			attack_tease();
		} else {
			for (uint32_t n = 0; n < 500; n++)
				attack_put(ATTACK_IOVA + n % 16 * ATTACK_PAGE, ATTACK_FRAME,
					   SVIO_TX_END);
			attack_ring();
		}
		CU_ASSERT_EQUAL(ftruncate(memory.fd, i < 4 ? 0 : 5 * ATTACK_PAGE), 0);
		attack_send(ATTACK_IOVA + 15 * ATTACK_PAGE);
		CU_ASSERT_EQUAL(await_failure(), SVIO_ERROR_MEMORY_GONE);
		reconnect();
		attack_memory_free(&memory);
	}
}

/* The next firmware cannot map it at all: it starts all the same, and serves everybody else. */
static void truncated_memory_does_not_keep_a_firmware_from_starting(void)
{
	struct attack_memory memory = attack_memory_new(16 * ATTACK_PAGE);
	struct guest from, to;
	struct stream stream;

	attack_end();
	lab_vif_add(&attack_lab, "first", "");
	lab_vif_add(&attack_lab, "second", "");
	guest_open(&from, &attack_lab, "first", NULL);
	guest_open(&to, &attack_lab, "second", NULL);
	CU_ASSERT_EQUAL_FATAL(attack_map(&memory, ATTACK_IOVA, true, true), 0);
	CU_ASSERT_EQUAL(ftruncate(memory.fd, ATTACK_PAGE), 0);
	stream_start(&stream, &from, &to);
	CU_ASSERT_TRUE(stream_run(&stream, 1000));
	lab_firmware_kill(&attack_lab);
	CU_ASSERT_TRUE(stream_run(&stream, 1000));
	CU_ASSERT_TRUE(stream_drain(&stream));
	CU_ASSERT_EQUAL(stream.lost, 0);
	CU_ASSERT_EQUAL(stream.broken, 0);
	attack_send(ATTACK_IOVA);
	CU_ASSERT_EQUAL(await_failure(), SVIO_ERROR_MEMORY_GONE);
	reconnect();
	guest_close(&from);
	guest_close(&to);
	lab_vif_del(&attack_lab, "first");
	lab_vif_del(&attack_lab, "second");
	attack_memory_free(&memory);
	attack_begin();
}

/* What one VIF uses up is not missing to another: it maps new memory and sends from it. */
static void expect_witness_can_map(uint64_t bytes)
{
	struct attack_memory memory = attack_memory_new(bytes);

	CU_ASSERT_EQUAL(
		svio_vif_raw_dma_map(witness.vif, ATTACK_IOVA, bytes, memory.fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_unmap(witness.vif, ATTACK_IOVA, bytes), 0);
	attack_memory_free(&memory);
}

static void tables_used_up_are_refused_to_their_vif_only(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	uint32_t maps = 0;
	int status = 0;

	for (; !status && maps < 5000; maps++)
		status = attack_map(&memory, ATTACK_IOVA + maps * (uint64_t)HUGE, true, true);
	CU_ASSERT_EQUAL(status, -ENOSPC);
	CU_ASSERT(maps > 100);
	attack_frame(memory.data, BEFORE);
	attack_send(ATTACK_IOVA); /* those that were granted work */
	CU_ASSERT_TRUE(attack_await_sent());
	CU_ASSERT_EQUAL(attack_witnessed(), BEFORE);
	expect_witness_can_map(GIB);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, 5000ull * HUGE), 0);
	CU_ASSERT_EQUAL(attack_map(&memory, ATTACK_IOVA, true, true), 0);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
	attack_memory_free(&memory);
}

static void objects_used_up_are_refused_to_their_vif_only(void)
{
	uint32_t maps = 0;
	int status = 0;

	for (; !status && maps < 1000; maps++) {
		struct attack_memory memory = attack_memory_new(ATTACK_PAGE);

		status = attack_map(&memory, ATTACK_IOVA + maps * ATTACK_PAGE, true, true);
		attack_memory_free(&memory);
	}
	CU_ASSERT_EQUAL(status, -ENOSPC);
	CU_ASSERT(maps > 100);
	expect_witness_can_map(ATTACK_PAGE);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, 1000ull * ATTACK_PAGE), 0);
	reconnect();
}

/* Memory that exists only as a number takes addresses of the firmware's, which are not endless. */
static void addresses_of_the_firmware_used_up_are_refused_to_their_vif_only(void)
{
	uint32_t maps = 0;
	int status = 0;

	for (uint32_t lg2 = 46; lg2 >= 30; lg2--) {
		for (status = 0; !status && maps < 200; maps++) {
			int fd = memfd_create("hollow", MFD_CLOEXEC);

			CU_ASSERT_EQUAL_FATAL(ftruncate(fd, (off_t)1 << lg2), 0);
			status = svio_vif_raw_dma_map(hostile.vif, ATTACK_IOVA + maps * ATTACK_PAGE,
						      ATTACK_PAGE, fd, 0, true, true);
			close(fd);
		}
	}
	CU_ASSERT_EQUAL(status, -ENOSPC);
	expect_witness_can_map(64 * GIB);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, 1000ull * ATTACK_PAGE), 0);
	reconnect();
}

/* Two VIFs of one VM: each has its own rights and its own end of the mapping. */
static void shared_memory_is_walled_for_each_vif(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	struct svio_vif_buf buf = { .buf = SVIO_VIF_BUF_NONE };
	static struct received received;

	CU_ASSERT_EQUAL(attack_map(&memory, ATTACK_IOVA, true, false), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(witness.vif, ATTACK_IOVA, ATTACK_PAGE, memory.fd, 0,
					     true, true),
			0);
	attack_frame(memory.data, BEFORE);
	attack_send(ATTACK_IOVA);
	CU_ASSERT_TRUE(attack_await_sent());
	CU_ASSERT_EQUAL(attack_witnessed(), BEFORE);
	/* The witness may write there, its sibling may not. */
	post_everywhere(ATTACK_IOVA);
	CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_RX), SVIO_ERROR_DMA_RIGHTS);
	/* The witness lets go: the other keeps its own mapping; and the other way round. */
	attack_reset();
	CU_ASSERT_EQUAL(svio_vif_raw_dma_unmap(witness.vif, ATTACK_IOVA, ATTACK_PAGE), 0);
	attack_send(ATTACK_IOVA);
	CU_ASSERT_TRUE(attack_await_sent());
	CU_ASSERT_EQUAL(attack_witnessed(), BEFORE);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(witness.vif, ATTACK_IOVA, ATTACK_PAGE, memory.fd, 0,
					     true, true),
			0);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
	attack_send(ATTACK_IOVA);
	CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_TX), SVIO_ERROR_DMA_UNMAPPED);
	attack_reset();
	frame_fill(memory.data, ATTACK_FRAME, hostile.mac, witness.mac, 7);
	CU_ASSERT_EQUAL_FATAL(svio_vif_alloc_burst(witness.queue, &buf, 1), 1);
	{
		struct svio_vif_raw_queue queue;
		uint32_t at;

		/* The library's next descriptor, changed to the shared page before it is shown. */
		svio_vif_raw_queue_get(witness.queue, &queue);
		svio_vif_free_burst(witness.queue, &buf, 1);
		at = queue.tx_tail & ((1u << queue.tx_lg2) - 1);
		queue.tx_ring[at] = (struct svio_tx_desc){ .addr = ATTACK_IOVA,
							   .len = ATTACK_FRAME,
							   .flags = SVIO_TX_END };
		svio_vif_raw_tail_store(witness.vif, SVIO_QUEUE_TX, 0, queue.tx_tail + 1);
	}
	CU_ASSERT_TRUE(guest_receive(&hostile, &received));
	CU_ASSERT_EQUAL(received.bytes, ATTACK_FRAME);
	CU_ASSERT_EQUAL(memcmp(received.data, memory.data, ATTACK_FRAME), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_unmap(witness.vif, ATTACK_IOVA, ATTACK_PAGE), 0);
	guest_close(&witness);
	guest_open(&witness, &attack_lab, "witness", NULL);
	attack_memory_free(&memory);
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(denied_accesses_are_logged),
		SVIO_TEST(page_unmapped_during_dma_is_not_read),
		SVIO_TEST(page_unmapped_during_dma_is_not_written),
		SVIO_TEST(address_reused_at_once_means_the_new_memory),
		SVIO_TEST(memory_truncated_during_dma_stops_only_its_vif),
		SVIO_TEST(truncated_memory_does_not_keep_a_firmware_from_starting),
		SVIO_TEST(tables_used_up_are_refused_to_their_vif_only),
		SVIO_TEST(objects_used_up_are_refused_to_their_vif_only),
		SVIO_TEST(addresses_of_the_firmware_used_up_are_refused_to_their_vif_only),
		SVIO_TEST(shared_memory_is_walled_for_each_vif),
	};
	const struct svio_test_suite suite = { "device attack by maps", start, attack_end, cases,
					       sizeof(cases) / sizeof(cases[0]) };

	attack_bench_open();
	return attack_bench_close(svio_test_run(&suite, argc, argv));
}
