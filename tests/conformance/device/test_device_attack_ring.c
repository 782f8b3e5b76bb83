/* SPDX-License-Identifier: BSD-3-Clause */
/* Attacks by rings, descriptors and vectors: denied, logged, and nobody else notices. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "attack_bench.h"
#include "svio_test.h"

#define FILLING 0x11
#define SECRET  0x5e

#define FLIP_LIVES  100 /* how often a queue is set up and runs into something */
#define STORM       300
#define THRASH_MAPS 900
#define THRASH_SEND 400
#define STRIDE      (2ull << 20) /* each map then needs a table of its own */

/* Where rings are put: what is mapped there, and for whom. */
#define READ_ONLY  ATTACK_IOVA
#define WRITE_ONLY (ATTACK_IOVA + 0x10000000)
#define LAST_PAGE  (ATTACK_IOVA + 0x20000000)
#define WITNESS    (ATTACK_IOVA + 0x30000000)

static void start(void)
{
	attack_begin();
	attack_reset();
}

static uint32_t create(uint16_t kind, uint64_t ring, uint64_t completion, uint16_t vector)
{
	struct svio_admin_cmd command = {
		.opcode = kind == SVIO_QUEUE_TX ? SVIO_ADMIN_TXQ_CREATE : SVIO_ADMIN_RXQ_CREATE,
		.queue_create = { .ring = ring,
				  .completion = completion,
				  .qid = 1,
				  .vector = vector,
				  .buf_len = kind == SVIO_QUEUE_TX ? 0 : 2048,
				  .ring_lg2 = 6 }
	};
	struct svio_admin_cmpl completed = { .status = SVIO_ADMIN_STATUS_COUNT };

	svio_vif_admin(hostile.vif, &command, &completed);
	return completed.status;
}

static void map_places(const struct attack_memory *memory)
{
	CU_ASSERT_EQUAL(attack_map(memory, READ_ONLY, true, false), 0);
	CU_ASSERT_EQUAL(attack_map(memory, WRITE_ONLY, false, true), 0);
	CU_ASSERT_EQUAL(attack_map(memory, LAST_PAGE, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(witness.vif, WITNESS, memory->bytes, memory->fd, 0,
					     true, true),
			0);
}

static void unmap_places(uint64_t bytes)
{
	CU_ASSERT_EQUAL(attack_unmap(READ_ONLY, bytes), 0);
	CU_ASSERT_EQUAL(attack_unmap(WRITE_ONLY, bytes), 0);
	CU_ASSERT_EQUAL(attack_unmap(LAST_PAGE, bytes), 0);
	CU_ASSERT_EQUAL(svio_vif_raw_dma_unmap(witness.vif, WITNESS, bytes), 0);
}

/* Each place is wrong for one of the two, and the memory stays as it was. */
static void rings_in_foreign_places_are_refused(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	const struct {
		uint64_t ring, completion;
	} places[] = {
		{ WRITE_ONLY, WRITE_ONLY },
		{ READ_ONLY, READ_ONLY },
		{ WITNESS, LAST_PAGE },
		{ LAST_PAGE, WITNESS },
		{ LAST_PAGE + ATTACK_PAGE, LAST_PAGE },
		{ LAST_PAGE, LAST_PAGE + ATTACK_PAGE },
		{ LAST_PAGE + ATTACK_PAGE - 512, LAST_PAGE }, /* half of it behind the end */
		{ LAST_PAGE - 64, LAST_PAGE },
		{ UINT64_MAX - 63, LAST_PAGE },
		{ LAST_PAGE, UINT64_MAX - 63 },
		{ 1ull << 48, LAST_PAGE },
		{ LAST_PAGE + 16, LAST_PAGE },
	};

	map_places(&memory);
	memset(memory.data, FILLING, ATTACK_PAGE);
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		for (uint16_t kind = SVIO_QUEUE_TX; kind <= SVIO_QUEUE_RX; kind++)
			CU_ASSERT_EQUAL(create(kind, places[i].ring, places[i].completion,
					       SVIO_VECTOR_NONE),
					SVIO_ADMIN_STATUS_BAD_ADDRESS);
	for (uint32_t i = 0; i < ATTACK_PAGE; i++)
		CU_ASSERT_EQUAL(memory.data[i], FILLING);
	/* The places are not refused for something else. */
	CU_ASSERT_EQUAL(create(SVIO_QUEUE_TX, READ_ONLY, WRITE_ONLY, SVIO_VECTOR_NONE),
			SVIO_ADMIN_STATUS_OK);
	attack_reset();
	unmap_places(ATTACK_PAGE);
	attack_memory_free(&memory);
}

/* The same for the admin queue, whose rings are given by registers. */
static enum svio_error enable_at(uint64_t sq, uint64_t cq)
{
	const uint32_t writes[][2] = {
		{ SVIO_REG_CONTROL, SVIO_CONTROL_RESET },
		{ SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE },
		{ SVIO_REG_ADMIN_SQ_LO, (uint32_t)sq },
		{ SVIO_REG_ADMIN_SQ_HI, (uint32_t)(sq >> 32) },
		{ SVIO_REG_ADMIN_CQ_LO, (uint32_t)cq },
		{ SVIO_REG_ADMIN_CQ_HI, (uint32_t)(cq >> 32) },
		{ SVIO_REG_ADMIN_CONFIG, 0xffff0000u | 5 },
		{ SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE },
	};
	struct svio_vif_status status = { 0 };

	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		CU_ASSERT_EQUAL(svio_vif_raw_reg_write(hostile.vif, writes[i][0], writes[i][1]), 0);
	CU_ASSERT_EQUAL(svio_vif_status(hostile.vif, &status), 0);
	return status.state == SVIO_VIF_STATE_ERROR ? status.error : SVIO_ERROR_NONE;
}

static void admin_rings_in_foreign_places_stop_the_vif(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);

	map_places(&memory);
	CU_ASSERT_EQUAL(enable_at(WRITE_ONLY, WRITE_ONLY + 2048), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(READ_ONLY, READ_ONLY + 2048), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(WITNESS, LAST_PAGE), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(LAST_PAGE, WITNESS), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(LAST_PAGE + ATTACK_PAGE - 64, LAST_PAGE), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(LAST_PAGE, LAST_PAGE + ATTACK_PAGE - 64), SVIO_ERROR_ADMIN_RING);
	CU_ASSERT_EQUAL(enable_at(READ_ONLY, WRITE_ONLY), SVIO_ERROR_NONE);
	attack_reset();
	unmap_places(ATTACK_PAGE);
	attack_memory_free(&memory);
}

/* --- descriptors that change while the device reads them ---------------------------------- */

struct flipper {
	struct svio_vif_raw_queue queue;
	atomic_bool stop;
	uint64_t seed;
};

static struct svio_tx_desc flipped_desc(uint64_t *random)
{
	static const uint16_t lengths[] = { 0, 13, 64, 128, 4096, 4097, 9000, 0xffff };
	static const uint16_t flags[] = { 0, SVIO_TX_END, SVIO_TX_EXT | SVIO_TX_END, 0xffff };
	static const uint64_t addresses[] = { ATTACK_IOVA, ATTACK_IOVA + ATTACK_PAGE,
					      ATTACK_IOVA + ATTACK_PAGE - 64, UINT64_MAX - 63 };
	struct svio_tx_desc desc = { .addr = ATTACK_IOVA,
				     .len = ATTACK_FRAME,
				     .flags = SVIO_TX_END };
	uint64_t dice = svio_test_random(random);

	if (dice % 256 == 1)
		desc.len = lengths[(dice >> 8) % 8];
	else if (dice % 256 == 2)
		desc.flags = flags[(dice >> 8) % 4];
	else if (dice % 256 == 3)
		desc.addr = addresses[(dice >> 8) % 4];
	return desc;
}

/* Half a descriptor at a time, in no order, as fast as it goes. */
static void *flip(void *context)
{
	struct flipper *flipper = context;
	uint64_t random = flipper->seed;

	while (!atomic_load_explicit(&flipper->stop, memory_order_relaxed)) {
		struct svio_tx_desc desc = flipped_desc(&random);
		uint64_t dice = svio_test_random(&random);
		uint64_t *tx = (uint64_t *)&flipper->queue
				       .tx_ring[dice & ((1u << flipper->queue.tx_lg2) - 1)];
		uint64_t *rx = (uint64_t *)&flipper->queue
				       .rx_ring[dice >> 20 & ((1u << flipper->queue.rx_lg2) - 1)];
		uint64_t words[2];

		memcpy(words, &desc, sizeof(words));
		__atomic_store_n(&tx[0], words[0], __ATOMIC_RELAXED);
		if (dice >> 40 & 1)
			__atomic_store_n(&tx[1], words[1], __ATOMIC_RELAXED);
		/* The address of a receive buffer: the page that may be written, or one that may not. */
		if ((dice >> 41 & 63) == 0)
			__atomic_store_n(&rx[0], ATTACK_IOVA + (dice >> 50 & 1) * ATTACK_PAGE,
					 __ATOMIC_RELAXED);
	}
	return NULL;
}

/* What reached the witness came from the mapped page only. */
static uint32_t judge_witnessed(void)
{
	static const uint8_t secret[8] = { SECRET, SECRET, SECRET, SECRET,
					   SECRET, SECRET, SECRET, SECRET };
	static struct received received;
	uint32_t count = 0;

	while (guest_receive_now(&witness, 0, &received)) {
		CU_ASSERT_PTR_NULL(memmem(received.data, received.bytes, secret, sizeof(secret)));
		count++;
	}
	return count;
}

static void live_under_flips(uint64_t *random)
{
	struct flipper flipper = { .seed = svio_test_random(random) };
	enum svio_error error = SVIO_ERROR_NONE;
	pthread_t thread;
	uint32_t tail;

	/* It begins well, and most of the ring is good. */
	attack_reset();
	svio_vif_raw_queue_get(hostile.queue, &flipper.queue);
	for (uint32_t i = 0; i < 1u << flipper.queue.tx_lg2; i++)
		attack_put(ATTACK_IOVA, ATTACK_FRAME, SVIO_TX_END);
	tail = flipper.queue.tx_tail + 1;
	svio_vif_raw_tail_store(hostile.vif, SVIO_QUEUE_TX, 0, tail);
	CU_ASSERT_TRUE(attack_await_begun());
	CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, flip, &flipper), 0);
	for (int i = 0; i < 64 && !error; i++) {
		tail += (uint32_t)(svio_test_random(random) % 100);
		svio_vif_raw_tail_store(hostile.vif, SVIO_QUEUE_TX, 0, tail);
		attack_tease();
		CU_ASSERT_EQUAL_FATAL(
			svio_vif_queue_error_get(hostile.vif, SVIO_QUEUE_TX, 0, &error, NULL), 0);
	}
	atomic_store(&flipper.stop, true);
	pthread_join(thread, NULL);
}

static void descriptors_changed_while_they_are_read_hurt_nobody(void)
{
	uint64_t random = svio_test_seed(41);
	struct attack_memory memory = attack_memory_new(2 * ATTACK_PAGE);
	uint32_t witnessed = 0;

	/* Only the first page is mapped; the object has more, and it is secret. */
	CU_ASSERT_EQUAL(svio_vif_raw_dma_map(hostile.vif, ATTACK_IOVA, ATTACK_PAGE, memory.fd, 0,
					     true, true),
			0);
	memset(memory.data, SECRET, 2 * ATTACK_PAGE);
	memset(memory.data, FILLING, ATTACK_PAGE);
	attack_frame(memory.data, FILLING);
	for (int i = 0; i < FLIP_LIVES; i++) {
		attack_frame(memory.data, FILLING); /* received frames were written over it */
		live_under_flips(&random);
		witnessed += judge_witnessed();
	}
	for (uint32_t i = ATTACK_PAGE; i < 2 * ATTACK_PAGE; i++)
		CU_ASSERT_EQUAL(memory.data[i], SECRET);
	printf("     %u frames came out of it\n", witnessed);
	CU_ASSERT(witnessed >= FLIP_LIVES);
	CU_ASSERT(attack_counter("hostile", "queue_errors") >= FLIP_LIVES / 2);
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, ATTACK_PAGE), 0);
	attack_reset();
	attack_memory_free(&memory);
}

/* A ring with no end in it: every entry goes on, and the doorbell keeps ahead. */
static void chain_without_end_stops_the_queue(void)
{
	for (uint32_t lap = 0; lap < 2; lap++) {
		struct svio_vif_raw_queue queue;

		attack_reset();
		svio_vif_raw_queue_get(hostile.queue, &queue);
		if (lap) { /* the second time behind an extension */
			attack_put(svio_vif_iova(hostile.vif, queue.tx_ring), 64, SVIO_TX_EXT);
			attack_put(0, 0, 0);
		}
		for (uint32_t i = 2 * lap; i < 1u << queue.tx_lg2; i++)
			attack_put(svio_vif_iova(hostile.vif, queue.tx_ring), 64, 0);
		attack_ring();
		CU_ASSERT_EQUAL(attack_await_stop(SVIO_QUEUE_TX), SVIO_ERROR_DESC_CHAIN);
	}
}

/* --- floods -------------------------------------------------------------------------------- */

/* Every fault is counted, few are recorded, and a neighbour's record is not washed away. */
static void storm_of_faults_leaves_the_log_to_others(void)
{
	static struct attack_fault faults[ATTACK_FAULTS_MAX];
	int64_t before = attack_counter("hostile", "dma_faults");
	struct svio_vif_raw_queue queue;
	enum svio_error error = SVIO_ERROR_NONE;
	uint64_t told = 0;
	uint32_t count;

	/* The neighbour's own mistake comes first. */
	svio_vif_raw_queue_get(witness.queue, &queue);
	queue.tx_ring[queue.tx_tail & ((1u << queue.tx_lg2) - 1)] =
		(struct svio_tx_desc){ .addr = WITNESS, .len = 64, .flags = SVIO_TX_END };
	svio_vif_raw_tail_store(witness.vif, SVIO_QUEUE_TX, 0, queue.tx_tail + 1);
	while (!error && !svio_vif_queue_error_get(witness.vif, SVIO_QUEUE_TX, 0, &error, NULL))
		;
	CU_ASSERT_EQUAL(error, SVIO_ERROR_DMA_UNMAPPED);
	for (int i = 0; i < STORM; i++) {
		attack_send(ATTACK_IOVA);
		CU_ASSERT_EQUAL_FATAL(attack_await_stop(SVIO_QUEUE_TX), SVIO_ERROR_DMA_UNMAPPED);
		attack_reset();
	}
	CU_ASSERT_EQUAL(attack_counter("hostile", "dma_faults"), before + STORM);
	count = attack_faults("hostile", faults);
	for (uint32_t i = 0; i < count && i < ATTACK_FAULTS_MAX; i++)
		told += 1 + faults[i].suppressed;
	printf("     %u records tell of %lu faults\n", count, (unsigned long)told);
	CU_ASSERT(count < ATTACK_FAULTS_MAX);
	CU_ASSERT(told <= (uint64_t)before + STORM);
	CU_ASSERT_FATAL(attack_faults("witness", faults) > 0);
	CU_ASSERT_EQUAL(faults[0].address, WITNESS);
	CU_ASSERT_EQUAL(svio_vif_reset(witness.vif), 0);
	witness.queue = svio_vif_queue(witness.vif, 0);
}

/* Every piece of every packet lies in another page, below another table. */
static void translations_that_never_repeat_are_right(void)
{
	struct attack_memory memory = attack_memory_new(ATTACK_PAGE);
	uint16_t pieces = svio_vif_info(hostile.vif)->segs_max;
	uint32_t map = 0;

	for (uint32_t i = 0; i < THRASH_MAPS; i++)
		CU_ASSERT_EQUAL_FATAL(attack_map(&memory, ATTACK_IOVA + i * STRIDE, true, true), 0);
	attack_frame(memory.data, FILLING);
	for (uint32_t i = 0; i < THRASH_SEND; i++) {
		for (uint16_t n = 0; n < pieces; n++) {
			uint64_t page = ATTACK_IOVA + map++ * 7 % THRASH_MAPS * STRIDE;

			attack_put(n ? page + 14 : page, 64, n + 1 == pieces ? SVIO_TX_END : 0);
		}
		attack_ring();
		CU_ASSERT_TRUE_FATAL(attack_await_sent());
		CU_ASSERT_EQUAL(attack_witnessed(), FILLING);
	}
	CU_ASSERT_EQUAL(attack_unmap(ATTACK_IOVA, THRASH_MAPS * STRIDE), 0);
	attack_memory_free(&memory);
}

/* --- interrupts ---------------------------------------------------------------------------- */

static bool is_raised(struct guest *guest)
{
	struct pollfd pfd = { .fd = svio_vif_queue_fd(guest->queue), .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* A VIF has its own vectors and no others; a neighbour that waits for an interrupt gets none. */
static void vectors_of_others_cannot_be_reached(void)
{
	const struct svio_vif_options options = { .features = SVIO_VIF_FEATURES_ALL,
						  .interrupts = true };
	static struct received received;
	uint64_t ring;
	struct svio_vif_raw raw;
	struct guest quiet;

	lab_vif_add(&attack_lab, "quiet", "");
	guest_open(&quiet, &attack_lab, "quiet", &options);
	CU_ASSERT_EQUAL(svio_vif_queue_arm(quiet.queue, SVIO_VIF_RX), 0);
	guest_close(&hostile);
	guest_open(&hostile, &attack_lab, "hostile", &options);
	attack_reset();
	svio_vif_raw_get(hostile.vif, &raw);
	ring = raw.iova;
	for (uint32_t vector = svio_vif_info(hostile.vif)->vectors; vector < SVIO_VECTOR_NONE;
	     vector += 1 + vector / 16)
		CU_ASSERT_EQUAL(create(SVIO_QUEUE_RX, ring, ring, (uint16_t)vector),
				SVIO_ADMIN_STATUS_BAD_FIELD);
	/* Every arm word there is, of queues that exist and of others, and traffic that raises. */
	for (int i = 0; i < 100; i++) {
		for (uint32_t q = 0; q < SVIO_QUEUES_MAX; q++) {
			raw.doorbells->tx[q].arm = (svio_le32)(i * 1000003);
			raw.doorbells->rx[q].arm = 0xffffffff;
		}
		svio_vif_queue_arm(hostile.queue, SVIO_VIF_RX | SVIO_VIF_TX);
		attack_tease();
	}
	/* Its own interrupts still come. */
	while (svio_vif_queue_arm(hostile.queue, SVIO_VIF_RX))
		guest_receive_now(&hostile, 0, &received);
	attack_tease();
	CU_ASSERT_EQUAL_FATAL(svio_vif_queue_wait(hostile.queue, 20000), 0);
	CU_ASSERT_FALSE(is_raised(&quiet));
	CU_ASSERT_EQUAL(attack_counter("quiet", "irqs"), 0);
	CU_ASSERT(attack_counter("hostile", "irqs") > 0);
	guest_close(&quiet);
	lab_vif_del(&attack_lab, "quiet");
	guest_close(&hostile);
	guest_open(&hostile, &attack_lab, "hostile", NULL);
}

/* One device for all cases. */
int main(int argc, char **argv)
{
	static const struct svio_test_case cases[] = {
		SVIO_TEST(rings_in_foreign_places_are_refused),
		SVIO_TEST(admin_rings_in_foreign_places_stop_the_vif),
		SVIO_TEST(descriptors_changed_while_they_are_read_hurt_nobody),
		SVIO_TEST(chain_without_end_stops_the_queue),
		SVIO_TEST(storm_of_faults_leaves_the_log_to_others),
		SVIO_TEST(translations_that_never_repeat_are_right),
		SVIO_TEST(vectors_of_others_cannot_be_reached),
	};
	const struct svio_test_suite suite = { "device attack by rings", start, attack_end, cases,
					       sizeof(cases) / sizeof(cases[0]) };

	attack_bench_open();
	return attack_bench_close(svio_test_run(&suite, argc, argv));
}
