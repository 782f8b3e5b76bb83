/* SPDX-License-Identifier: BSD-3-Clause */
/* See device_flow.h. */
#include "device_flow.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "svio_test.h"

#define PACKETS_DEFAULT   2000000ull
#define PACKETS_SANITIZED 100000ull
#define SEND_PACKETS      16
#define SEND_BUFS         (SEND_PACKETS * 8)
#define RECEIVE_BUFS      64
#define HEADER_BYTES      42 /* Ethernet, IPv4, UDP */
#define LABEL_BYTES       16
#define BODY_AT           (HEADER_BYTES + LABEL_BYTES)
#define LENGTH_MIN        60
#define LENGTH_MAX        (SVIO_FRAME_BYTES_MAX - SVIO_VLAN_TAG_BYTES)
#define PORT_FIRST        2000
#define PATTERN_STARTS    8192
#define STALL_NS          3000000
#define LOOKS             1024 /* in vain, before the clock is asked whether it is stuck */

/* What a frame says of itself, behind its headers. */
struct label {
	uint64_t number;
	uint32_t stream;
	uint32_t bytes;
};

/* A frame's payload is a piece of this that its number chooses. */
static uint8_t pattern[PATTERN_STARTS + SVIO_FRAME_BYTES_MAX];

/* Frames that were built and not all taken yet. */
struct batch {
	struct svio_vif_buf bufs[SEND_BUFS];
	uint32_t count;
	uint32_t done;
};

struct sender {
	struct flow *flow;
	uint64_t random;
	uint64_t left; /* packets to be built */
	struct batch batch[FLOW_QUEUES];
};

/* Whether something should have happened long ago. */
struct patience {
	uint64_t until_ns;
	uint32_t looks;
};

static bool is_over(struct patience *patience, bool progress)
{
	if (progress) {
		patience->looks = 0;
		return false;
	}
	sched_yield();
	if (++patience->looks % LOOKS)
		return false;
	if (patience->looks == LOOKS)
		patience->until_ns = lab_now_ns() + LAB_PATIENCE_NS;
	return lab_now_ns() > patience->until_ns;
}

uint64_t flow_packets(uint64_t divisor)
{
	const char *text = getenv("SVIO_TEST_PACKETS");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	uint64_t packets = PACKETS_SANITIZED;
#else
	uint64_t packets = PACKETS_DEFAULT;
#endif

	return (text ? strtoull(text, NULL, 10) : packets) / divisor;
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static const uint8_t *body_of(uint64_t number, uint32_t stream)
{
	return pattern + (number * 2654435761u + stream * 97ull) % PATTERN_STARTS;
}

/* Half of them short, one in sixteen longer than an ordinary MTU. */
static uint32_t choose_length(uint64_t random)
{
	uint32_t r = (uint32_t)(random >> 8);
	uint32_t kind = random & 15;

	if (kind < 8)
		return LENGTH_MIN + r % 68;
	if (kind < 12)
		return 128 + r % 472;
	if (kind < 15)
		return 600 + r % 915;
	return 1515 + r % (LENGTH_MAX - 1515 + 1);
}

static void write_headers(const struct flow *flow, uint8_t *frame, uint32_t bytes, uint32_t stream)
{
	uint8_t *ip = frame + 14;

	memset(frame, 0, HEADER_BYTES);
	memcpy(frame, flow->to->mac, 6);
	memcpy(frame + 6, flow->from->mac, 6);
	put16(frame + 12, 0x0800);
	ip[0] = 0x45;
	put16(ip + 2, bytes - 14);
	ip[8] = 64;
	ip[9] = 17;
	ip[12] = ip[16] = 10;
	ip[15] = 1;
	ip[19] = 2;
	put16(ip + 20, PORT_FIRST + stream);
	put16(ip + 22, PORT_FIRST);
	put16(ip + 24, bytes - 34);
}

/* One frame into bufs. How many; 0: the pool has too few at the moment. */
static uint32_t build(struct sender *sender, uint32_t q, struct svio_vif_buf *bufs, uint32_t bytes)
{
	struct flow *flow = sender->flow;
	struct svio_vif_queue *queue = svio_vif_queue(flow->from->vif, (uint16_t)q);
	uint32_t stream = q * FLOW_STREAMS + (uint32_t)(sender->random >> 60) % FLOW_STREAMS;
	struct label label = { flow->source[stream].next, stream, bytes };
	uint32_t room = svio_vif_info(flow->from->vif)->buf_bytes;
	uint32_t n = (bytes + room - 1) / room;
	const uint8_t *body = body_of(label.number, stream);
	uint32_t got = svio_vif_alloc_burst(queue, bufs, n);

	if (got < n) {
		svio_vif_free_burst(queue, bufs, got);
		return 0;
	}
	write_headers(flow, bufs[0].data, bytes, stream);
	memcpy(bufs[0].data + HEADER_BYTES, &label, sizeof(label));
	for (uint32_t i = 0, done = 0; i < n; i++) {
		uint32_t share = bytes - done < room ? bytes - done : room;
		uint32_t skip = i ? 0 : BODY_AT;

		memcpy(bufs[i].data + skip, body + done + skip - BODY_AT, share - skip);
		bufs[i].len = (uint16_t)share;
		bufs[i].flags = i + 1 == n ? SVIO_VIF_END : 0;
		done += share;
	}
	flow->source[stream].next++;
	flow->sent[q].packets++;
	flow->sent[q].bytes += bytes;
	flow->sent_bufs += n;
	return n;
}

static bool has_credit(const struct flow *flow, uint32_t bytes)
{
	uint32_t room = svio_vif_info(flow->from->vif)->buf_bytes;

	return !flow->window ||
	       flow->sent_bufs + (bytes + room - 1) / room - atomic_load(&flow->taken_bufs) <=
		       flow->window;
}

static void fill_batch(struct sender *sender, uint32_t q)
{
	struct batch *batch = &sender->batch[q];

	batch->count = 0;
	batch->done = 0;
	for (uint32_t i = 0; i < SEND_PACKETS && sender->left; i++) {
		uint32_t bytes = choose_length(svio_test_random(&sender->random));
		uint32_t n = 0;

		if (has_credit(sender->flow, bytes))
			n = build(sender, q, batch->bufs + batch->count, bytes);
		if (!n)
			break;
		batch->count += n;
		sender->left--;
	}
}

/* Build and send on one queue. False: nothing could be done. */
static bool send_some(struct sender *sender, uint32_t q)
{
	struct svio_vif_queue *queue = svio_vif_queue(sender->flow->from->vif, (uint16_t)q);
	struct batch *batch = &sender->batch[q];
	uint32_t taken;

	if (batch->done == batch->count)
		fill_batch(sender, q);
	taken = svio_vif_tx_burst(queue, batch->bufs + batch->done, batch->count - batch->done);
	batch->done += taken;
	return taken > 0;
}

static bool is_pending(const struct sender *sender, uint32_t q)
{
	return sender->batch[q].done < sender->batch[q].count ||
	       svio_vif_tx_pending(svio_vif_queue(sender->flow->from->vif, (uint16_t)q)) > 0;
}

static void *run_sender(void *context)
{
	struct sender *sender = context;
	struct flow *flow = sender->flow;
	struct patience patience = { 0 };
	bool pending = true;

	while ((sender->left || pending) && !atomic_load(&flow->give_up)) {
		bool progress = false;

		pending = false;
		for (uint32_t q = 0; q < FLOW_QUEUES; q++) {
			progress |= send_some(sender, q);
			pending |= is_pending(sender, q);
		}
		if (is_over(&patience, progress)) {
			atomic_store(&flow->give_up, true);
			break;
		}
	}
	atomic_store(&flow->sender_done, true);
	return NULL;
}

/* The frame in bufs[0..n): whose it is, and whether it is whole. */
static bool read_frame(const struct flow *flow, const struct svio_vif_buf *bufs, uint32_t n,
		       struct label *label)
{
	const uint8_t *body;
	uint32_t bytes = 0;

	if (bufs[0].len < BODY_AT)
		return false;
	memcpy(label, bufs[0].data + HEADER_BYTES, sizeof(*label));
	if (label->stream >= FLOW_ALL || memcmp(bufs[0].data, flow->to->mac, 6) != 0 ||
	    memcmp(bufs[0].data + 6, flow->from->mac, 6) != 0)
		return false;
	body = body_of(label->number, label->stream);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t skip = i ? 0 : BODY_AT;

		if (bytes + bufs[i].len > SVIO_FRAME_BYTES_MAX ||
		    memcmp(bufs[i].data + skip, body + bytes + skip - BODY_AT,
			   bufs[i].len - skip) != 0)
			return false;
		bytes += bufs[i].len;
	}
	return bytes == label->bytes;
}

static void judge_frame(struct flow *flow, uint32_t q, const struct svio_vif_buf *bufs, uint32_t n)
{
	struct flow_stream *sink;
	struct label label;

	if (!read_frame(flow, bufs, n, &label)) {
		flow->broken++;
		return;
	}
	flow->received[q].packets++;
	flow->received[q].bytes += label.bytes;
	sink = &flow->sink[label.stream];
	if (sink->queue < 0)
		sink->queue = (int)q;
	if (sink->queue != (int)q)
		flow->misplaced++;
	if (label.number < sink->next) {
		flow->duplicates++;
		return;
	}
	flow->lost += label.number - sink->next;
	sink->next = label.number + 1;
	atomic_fetch_add(&flow->taken_bufs, n);
}

static bool receive_some(struct flow *flow, uint32_t q)
{
	struct svio_vif_queue *queue = svio_vif_queue(flow->to->vif, (uint16_t)q);
	struct svio_vif_buf bufs[RECEIVE_BUFS];
	uint32_t n = svio_vif_rx_burst(queue, bufs, RECEIVE_BUFS);
	uint32_t first = 0;

	for (uint32_t i = 0; i < n; i++) {
		if (!(bufs[i].flags & SVIO_VIF_END))
			continue;
		judge_frame(flow, q, bufs + first, i + 1 - first);
		first = i + 1;
	}
	svio_vif_free_burst(queue, bufs, n);
	return n > 0;
}

static void stall(void)
{
	struct timespec pause = { .tv_nsec = STALL_NS };

	nanosleep(&pause, NULL);
}

/* Until the sender has nothing more under way, and nothing comes any more. */
static void receive_all(struct flow *flow)
{
	struct patience patience = { 0 };
	uint64_t stall_at = flow->stall_every;
	bool done;

	do {
		bool progress = false;

		done = atomic_load(&flow->sender_done);
		for (uint32_t q = 0; q < FLOW_QUEUES; q++)
			progress |= receive_some(flow, q);
		if (stall_at && flow_total(flow->received).packets >= stall_at) {
			stall_at += flow->stall_every;
			stall();
		}
		if (is_over(&patience, progress))
			atomic_store(&flow->give_up, true);
		done &= !progress;
	} while (!done && !atomic_load(&flow->give_up));
}

bool flow_prepare(struct guest *to)
{
	uint8_t key[SVIO_RSS_KEY_BYTES];
	uint8_t table[SVIO_RSS_TABLE_ENTRIES];
	uint64_t random = 1;

	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)svio_test_random(&random);
	for (size_t i = 0; i < sizeof(table); i++)
		table[i] = (uint8_t)(i % FLOW_QUEUES);
	return svio_vif_rss_set(to->vif, key, SVIO_RSS_UDP4) == 0 &&
	       svio_vif_rss_table_set(to->vif, table) == 0;
}

static void fill_pattern(void)
{
	uint64_t random = 2;

	for (size_t i = 0; i < sizeof(pattern); i++)
		pattern[i] = (uint8_t)svio_test_random(&random);
}

bool flow_run(struct flow *flow)
{
	static struct sender sender;
	pthread_t thread;

	fill_pattern();
	for (size_t i = 0; i < FLOW_ALL; i++)
		flow->sink[i].queue = -1;
	memset(&sender, 0, sizeof(sender));
	sender.flow = flow;
	sender.random = flow->seed;
	sender.left = flow->packets;
	if (pthread_create(&thread, NULL, run_sender, &sender))
		return false;
	receive_all(flow);
	pthread_join(thread, NULL);
	/* Numbers at the end of a stream that nothing came behind. */
	for (size_t i = 0; i < FLOW_ALL; i++)
		flow->lost += flow->source[i].next - flow->sink[i].next;
	flow->stuck = atomic_load(&flow->give_up);
	return !flow->stuck;
}

struct flow_sum flow_total(const struct flow_sum sums[FLOW_QUEUES])
{
	struct flow_sum total = { 0 };

	for (size_t q = 0; q < FLOW_QUEUES; q++) {
		total.packets += sums[q].packets;
		total.bytes += sums[q].bytes;
	}
	return total;
}

void flow_print(const struct flow *flow)
{
	struct flow_sum sent = flow_total(flow->sent);
	struct flow_sum received = flow_total(flow->received);

	printf("     %llu packets, %llu bytes: %llu received, %llu lost, %llu twice, %llu broken, "
	       "%llu misplaced%s\n",
	       (unsigned long long)sent.packets, (unsigned long long)sent.bytes,
	       (unsigned long long)received.packets, (unsigned long long)flow->lost,
	       (unsigned long long)flow->duplicates, (unsigned long long)flow->broken,
	       (unsigned long long)flow->misplaced, flow->stuck ? ", STUCK" : "");
}
