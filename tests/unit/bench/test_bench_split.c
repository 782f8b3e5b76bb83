/* SPDX-License-Identifier: BSD-3-Clause */
/* bench: the split drivers' rings, grants and driver domain, with guests that lie, too. */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "split_backend.h"
#include "split_front.h"
#include "svio_test.h"

static struct split_memory *memories[SPLIT_PORTS];
static struct split_front fronts[SPLIT_PORTS];
static struct split_backend *backend;
static int to_backend[SPLIT_PORTS];
static int to_guest[SPLIT_PORTS];

static void open_domain(void)
{
	static const uint8_t macs[SPLIT_PORTS][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };

	backend = malloc(sizeof(*backend));
	CU_ASSERT_PTR_NOT_NULL_FATAL(backend);
	split_backend_init(backend);
	for (uint32_t i = 0; i < SPLIT_PORTS; i++) {
		memories[i] = split_memory_new();
		to_backend[i] = eventfd(0, EFD_NONBLOCK);
		to_guest[i] = eventfd(0, EFD_NONBLOCK);
		split_front_open(&fronts[i], memories[i], to_backend[i]);
		guest_set_header(&fronts[i].port, macs[i], macs[1 - i]);
		split_backend_attach(backend, i, memories[i], to_guest[i]);
	}
}

static void close_domain(void)
{
	for (uint32_t i = 0; i < SPLIT_PORTS; i++) {
		split_memory_free(memories[i]);
		close(to_backend[i]);
		close(to_guest[i]);
	}
	free(backend);
}

static uint64_t take_events(int fd)
{
	uint64_t count = 0;

	return read(fd, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static uint32_t send_one(uint32_t bytes, uint64_t stamp)
{
	return split_front_send(&fronts[0], &stamp, 1, bytes);
}

static struct split_grant_entry *grant_of_last_request(void)
{
	uint32_t index = fronts[0].tx.req_prod - 1;

	return &memories[0]->grants[split_ring_entry(fronts[0].tx.shared, index)->tx.grant];
}

/* The error of the one response that waits for the sender. */
static int16_t take_tx_status(void)
{
	CU_ASSERT_EQUAL_FATAL(split_front_responses(&fronts[0].tx), 1);
	return split_ring_entry(fronts[0].tx.shared, fronts[0].tx.rsp_cons)->response.status;
}

/* Rings. */

static void publish_tells_the_other_only_across_its_threshold(void)
{
	struct split_ring *ring = calloc(1, sizeof(*ring));
	struct split_ring_front front = { .shared = ring };

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	split_ring_init(ring);
	front.req_prod = 1;
	CU_ASSERT_TRUE(split_front_publish(&front));
	front.req_prod = 5;
	CU_ASSERT_FALSE(split_front_publish(&front));
	atomic_store(&ring->req_event, 8);
	front.req_prod = 7;
	CU_ASSERT_FALSE(split_front_publish(&front));
	front.req_prod = 9;
	CU_ASSERT_TRUE(split_front_publish(&front));
	CU_ASSERT_FALSE(split_front_publish(&front)); /* nothing new */
	free(ring);
}

static void publish_holds_where_the_indices_wrap(void)
{
	struct split_ring *ring = calloc(1, sizeof(*ring));
	struct split_ring_front front = { .shared = ring, .req_prod = UINT32_MAX - 1 };
	struct split_ring_back back = { .shared = ring, .req_cons = UINT32_MAX - 1 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	atomic_store(&ring->req_prod, UINT32_MAX - 1);
	CU_ASSERT_FALSE(split_back_arm(&back));
	front.req_prod += 3;
	CU_ASSERT_TRUE(split_front_publish(&front));
	CU_ASSERT_EQUAL(split_back_requests(&back), 3);
	back.req_cons += 3;
	CU_ASSERT_FALSE(split_back_arm(&back));
	front.req_prod++;
	CU_ASSERT_TRUE(split_front_publish(&front));
	free(ring);
}

static void arm_with_something_there_says_so(void)
{
	struct split_ring *ring = calloc(1, sizeof(*ring));
	struct split_ring_front front = { .shared = ring };

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	atomic_store(&ring->rsp_prod, 2);
	CU_ASSERT_TRUE(split_front_arm(&front, 1));
	CU_ASSERT_TRUE(split_front_arm(&front, 2));
	CU_ASSERT_FALSE(split_front_arm(&front, 3));
	CU_ASSERT_EQUAL(atomic_load(&ring->rsp_event), 3);
	free(ring);
}

/* Grants. */

static enum split_grant_status copy_to(uint32_t reference, uint16_t offset, uint16_t bytes,
				       uint32_t domain)
{
	static uint8_t local[2 * SPLIT_PAGE];
	struct split_grant_copy copy = { .guest = &backend->ports[0].guest,
					 .reference = reference,
					 .offset = offset,
					 .bytes = bytes,
					 .to_guest = true,
					 .local = local };

	split_grant_copy(&copy, 1, domain);
	return copy.status;
}

static void copy_wants_a_grant_for_this_domain_way_and_range(void)
{
	struct split_grant_entry *entry = &memories[0]->grants[7];

	CU_ASSERT_EQUAL(copy_to(SPLIT_GRANTS, 0, 1, 0), SPLIT_GRANT_BAD_REFERENCE);
	CU_ASSERT_EQUAL(copy_to(7, 0, 1, 0), SPLIT_GRANT_BAD_REFERENCE);
	split_grant_give(entry, 4, 3, false);
	CU_ASSERT_EQUAL(copy_to(7, 0, 1, 0), SPLIT_GRANT_BAD_DOMAIN);
	split_grant_give(entry, 4, 0, true);
	CU_ASSERT_EQUAL(copy_to(7, 0, 1, 0), SPLIT_GRANT_READ_ONLY);
	split_grant_give(entry, sizeof(struct split_memory) / SPLIT_PAGE, 0, false);
	CU_ASSERT_EQUAL(copy_to(7, 0, 1, 0), SPLIT_GRANT_BAD_PAGE);
	CU_ASSERT_TRUE(split_grant_end(entry)); /* what was refused leaves no mark */
	split_grant_give(entry, 4, 0, false);
	CU_ASSERT_EQUAL(copy_to(7, 1, SPLIT_PAGE, 0), SPLIT_GRANT_BAD_RANGE);
	CU_ASSERT_EQUAL(copy_to(7, 0, SPLIT_PAGE, 0), SPLIT_GRANT_OK);
	CU_ASSERT_TRUE(split_grant_end(entry));
}

static void end_waits_for_all_uses(void)
{
	struct split_guest_memory *guest = &backend->ports[0].guest;
	struct split_grant_entry *entry = &memories[0]->grants[7];
	uint8_t *page = NULL;

	split_grant_give(entry, 4, 0, false);
	CU_ASSERT_EQUAL(split_grant_map(guest, 7, 0, true, &page), SPLIT_GRANT_OK);
	CU_ASSERT_EQUAL(split_grant_map(guest, 7, 0, false, &page), SPLIT_GRANT_OK);
	CU_ASSERT_FALSE(split_grant_end(entry));
	split_grant_unmap(guest, 7, true);
	CU_ASSERT_FALSE(split_grant_end(entry));
	CU_ASSERT_EQUAL(atomic_load(&entry->word) & SPLIT_GRANT_WRITING, 0);
	split_grant_unmap(guest, 7, false);
	CU_ASSERT_TRUE(split_grant_end(entry));
	CU_ASSERT_EQUAL(copy_to(7, 0, 1, 0), SPLIT_GRANT_BAD_REFERENCE);
}

static void map_keeps_its_page_when_the_guest_changes_the_entry(void)
{
	struct split_guest_memory *guest = &backend->ports[0].guest;
	struct split_grant_entry *entry = &memories[0]->grants[7];
	uint8_t *first = NULL;
	uint8_t *second = NULL;

	split_grant_give(entry, 4, 0, false);
	CU_ASSERT_EQUAL(split_grant_map(guest, 7, 0, false, &first), SPLIT_GRANT_OK);
	atomic_store(&entry->frame, 5);
	CU_ASSERT_EQUAL(split_grant_map(guest, 7, 0, false, &second), SPLIT_GRANT_OK);
	CU_ASSERT_PTR_EQUAL(first, second);
	CU_ASSERT_PTR_EQUAL(first, memories[0]->tx_pages[1]);
}

/* The driver domain. */

static void frames_of_each_length_arrive_whole(void)
{
	static const uint32_t lengths[] = { 60, SPLIT_COPY_BYTES, SPLIT_COPY_BYTES + 1, 1500,
					    SPLIT_PAGE };

	for (uint32_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint64_t stamp = 0;
		uint32_t tx_page;
		uint16_t rx_page;

		CU_ASSERT_EQUAL_FATAL(send_one(lengths[i], 100 + i), 1);
		tx_page = (uint32_t)(grant_of_last_request() - memories[0]->grants);
		memset(memories[0]->tx_pages[tx_page] + GUEST_TOUCHED, (int)(0x40 + i),
		       SPLIT_PAGE - GUEST_TOUCHED);
		CU_ASSERT_EQUAL(split_backend_step(backend), 2);
		CU_ASSERT_EQUAL_FATAL(split_front_responses(&fronts[1].rx), 1);
		rx_page = split_ring_entry(fronts[1].rx.shared, fronts[1].rx.rsp_cons)->response.id;
		CU_ASSERT_EQUAL(split_ring_entry(fronts[1].rx.shared, fronts[1].rx.rsp_cons)
					->response.status,
				lengths[i]);
		CU_ASSERT_EQUAL(split_front_receive(&fronts[1], &stamp, 1), 1);
		CU_ASSERT_EQUAL(stamp, 100 + i);
		CU_ASSERT_EQUAL(memcmp(memories[0]->tx_pages[tx_page],
				       memories[1]->rx_pages[rx_page], lengths[i]),
				0);
	}
	CU_ASSERT_EQUAL(fronts[0].errors + fronts[1].errors, 0);
	CU_ASSERT_EQUAL(backend->switched, 5);
}

static void pages_are_granted_while_they_are_lent_and_no_longer(void)
{
	struct split_grant_entry *entry;
	uint64_t stamp;

	CU_ASSERT_EQUAL_FATAL(send_one(1500, 1), 1);
	entry = grant_of_last_request();
	/* The receiver has no page: its requests are hidden. */
	atomic_store(&fronts[1].rx.shared->req_prod, 0);
	CU_ASSERT_EQUAL(split_backend_step(backend), 1);
	CU_ASSERT_FALSE(split_grant_end(entry));
	CU_ASSERT_EQUAL(split_front_responses(&fronts[0].tx), 0);
	atomic_store(&fronts[1].rx.shared->req_prod, SPLIT_RING_ENTRIES);
	CU_ASSERT_EQUAL(split_backend_step(backend), 1);
	CU_ASSERT_EQUAL(take_tx_status(), 0);
	CU_ASSERT_EQUAL(split_front_receive(&fronts[1], &stamp, 1), 1);
	CU_ASSERT_TRUE(split_grant_end(entry));
}

static void request_that_lies_is_answered_with_an_error(void)
{
	CU_ASSERT_EQUAL_FATAL(send_one(64, 1), 1);
	CU_ASSERT_TRUE(split_grant_end(grant_of_last_request())); /* taken back too early */
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_tx_status(), SPLIT_STATUS_ERROR);
	CU_ASSERT_EQUAL_FATAL(send_one(SPLIT_PAGE + 1, 2), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_tx_status(), SPLIT_STATUS_ERROR);
	CU_ASSERT_EQUAL_FATAL(send_one(13, 3), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_tx_status(), SPLIT_STATUS_ERROR);
	CU_ASSERT_EQUAL(backend->refused, 3);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[1].rx), 0);
	CU_ASSERT_EQUAL(backend->free_count, SPLIT_PACKETS);
}

static void ring_that_lies_is_left_alone_and_the_other_guest_is_served(void)
{
	uint64_t stamp = 9;

	atomic_store(&fronts[0].tx.shared->req_prod, SPLIT_RING_ENTRIES + 1);
	split_backend_step(backend);
	CU_ASSERT_TRUE(backend->ports[0].broken);
	CU_ASSERT_EQUAL(split_front_send(&fronts[1], &stamp, 1, 64), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[1].tx), 1);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[0].rx), 0);
}

static void receiver_that_grants_nothing_costs_nobody_a_packet(void)
{
	for (uint32_t i = 0; i < SPLIT_RING_ENTRIES; i++)
		split_grant_end(&memories[1]->grants[SPLIT_RING_ENTRIES + i]);
	CU_ASSERT_EQUAL_FATAL(send_one(1500, 1), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_tx_status(), 0);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[1].rx), 1);
	CU_ASSERT_EQUAL(split_ring_entry(fronts[1].rx.shared, 0)->response.status,
			SPLIT_STATUS_ERROR);
	CU_ASSERT_EQUAL(backend->free_count, SPLIT_PACKETS);
	CU_ASSERT_TRUE(split_grant_end(grant_of_last_request()));
}

static void queue_of_a_receiver_without_pages_is_bounded(void)
{
	uint32_t sent = 0;

	atomic_store(&fronts[1].rx.shared->req_prod, 0);
	while (sent < SPLIT_QUEUE + 10) {
		CU_ASSERT_EQUAL_FATAL(send_one(64, sent), 1);
		sent++;
		split_backend_step(backend);
	}
	CU_ASSERT_EQUAL(backend->dropped, 10);
	CU_ASSERT_EQUAL(backend->free_count, SPLIT_PACKETS - SPLIT_QUEUE);
}

static void sleepers_are_told_once(void)
{
	uint64_t stamp;

	split_backend_step(backend);
	take_events(to_backend[0]);
	CU_ASSERT_TRUE(split_backend_sleep(backend));
	CU_ASSERT_TRUE(split_front_sleep(&fronts[1], false));
	CU_ASSERT_EQUAL_FATAL(send_one(64, 1), 1);
	CU_ASSERT_EQUAL_FATAL(send_one(64, 2), 1);
	CU_ASSERT_EQUAL(take_events(to_backend[0]), 1);
	CU_ASSERT_FALSE(split_backend_sleep(backend));
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_events(to_guest[1]), 1);
	CU_ASSERT_FALSE(split_front_sleep(&fronts[1], false));
	CU_ASSERT_EQUAL(split_front_receive(&fronts[1], &stamp, 1), 1);
}

static void sender_with_a_full_ring_is_told_when_half_of_it_is_answered(void)
{
	for (uint32_t i = 0; i < SPLIT_RING_ENTRIES; i++)
		CU_ASSERT_EQUAL_FATAL(send_one(64, i), 1);
	CU_ASSERT_EQUAL(send_one(64, 0), 0);
	CU_ASSERT_TRUE(split_front_sleep(&fronts[0], true));
	for (uint32_t answered = SPLIT_BURST; answered <= SPLIT_RING_ENTRIES / 2;
	     answered += SPLIT_BURST)
		split_backend_step(backend);
	CU_ASSERT_EQUAL(take_events(to_guest[0]), 0);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(take_events(to_guest[0]), 1);
}

static void domain_that_waits_for_a_page_is_told_of_it(void)
{
	uint64_t stamp;

	CU_ASSERT_EQUAL_FATAL(send_one(64, 1), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL_FATAL(split_front_receive(&fronts[1], &stamp, 1), 1);
	atomic_store(&fronts[1].rx.shared->req_prod, 1); /* the pages that follow come later */
	CU_ASSERT_EQUAL_FATAL(send_one(64, 2), 1);
	split_backend_step(backend);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[1].rx), 0);
	CU_ASSERT_TRUE(split_backend_sleep(backend));
	CU_ASSERT_TRUE(split_front_publish(&fronts[1].rx));
	split_backend_step(backend);
	CU_ASSERT_EQUAL(split_front_responses(&fronts[1].rx), 1);
}

static void random_traffic_arrives_once_and_in_order(void)
{
	uint64_t random = svio_test_seed(0x73706c6974);
	uint64_t sent = 0;
	uint64_t received = 0;

	while (received < 20000) {
		uint64_t stamps[GUEST_BURST];
		uint32_t n = (uint32_t)(svio_test_random(&random) % GUEST_BURST);

		for (uint32_t i = 0; i < n; i++)
			stamps[i] = sent + i;
		sent += split_front_send(&fronts[0], stamps, n,
					 60 + (uint32_t)(svio_test_random(&random) % 1441));
		if (svio_test_random(&random) % 3)
			split_backend_step(backend);
		n = split_front_receive(&fronts[1], stamps,
					(uint32_t)(svio_test_random(&random) % GUEST_BURST));
		for (uint32_t i = 0; i < n; i++)
			CU_ASSERT_EQUAL_FATAL(stamps[i], received++);
	}
	CU_ASSERT_EQUAL(backend->dropped + backend->refused, 0);
	CU_ASSERT_EQUAL(fronts[0].errors + fronts[1].errors, 0);
}

SVIO_TEST_MAIN_WITH("bench split", open_domain, close_domain,
		    SVIO_TEST(publish_tells_the_other_only_across_its_threshold),
		    SVIO_TEST(publish_holds_where_the_indices_wrap),
		    SVIO_TEST(arm_with_something_there_says_so),
		    SVIO_TEST(copy_wants_a_grant_for_this_domain_way_and_range),
		    SVIO_TEST(end_waits_for_all_uses),
		    SVIO_TEST(map_keeps_its_page_when_the_guest_changes_the_entry),
		    SVIO_TEST(frames_of_each_length_arrive_whole),
		    SVIO_TEST(pages_are_granted_while_they_are_lent_and_no_longer),
		    SVIO_TEST(request_that_lies_is_answered_with_an_error),
		    SVIO_TEST(ring_that_lies_is_left_alone_and_the_other_guest_is_served),
		    SVIO_TEST(receiver_that_grants_nothing_costs_nobody_a_packet),
		    SVIO_TEST(queue_of_a_receiver_without_pages_is_bounded),
		    SVIO_TEST(sleepers_are_told_once),
		    SVIO_TEST(sender_with_a_full_ring_is_told_when_half_of_it_is_answered),
		    SVIO_TEST(domain_that_waits_for_a_page_is_told_of_it),
		    SVIO_TEST(random_traffic_arrives_once_and_in_order))
