/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What VIFs get of a port with a rate, to a fraction of a percent: real packets from guests' rings
 * through all of the firmware to the wire, on a clock that nothing disturbs.
 */
#include <string.h>

#include "guest.h"
#include "svio_packet.h"
#include "svio_sched.h"
#include "svio_test.h"

#define MBPS      1000000ull
#define MS        1000000ull
#define PORT_BPS  (1000 * MBPS)
#define RING_LG2  8
#define AHEAD     64u /* frames that wait in each ring */
#define PASS_NS   5000
#define CHANGE_NS (10 * MS) /* 100 changes a second */
#define FULL      1500
#define SHORT     64

enum {
	HIGH,
	CHANGING,
	WITH_MIN,
	WITH_MAX,
	WEIGHT2,
	FLOOD,
	CLASSES,
	VIFS
};

struct sender {
	struct svio_host_qos qos;
	uint32_t frame_bytes;
	uint32_t queues;
	uint64_t bps; /* expected, framing included */
};

/*
 * 1000 - 100 - 200 - 100 - 80 - 60 = 460 are left to the weights, and 50 more or less while
 * CHANGING has 50 or 150.
 */
static const struct sender senders[VIFS] = {
	[HIGH] = { { .max_bps = 100 * MBPS, .weight = 1, .priority = 7 }, FULL, 1, 100 * MBPS },
	[CHANGING] = { { .max_bps = 50 * MBPS, .weight = 1, .priority = 3 }, FULL, 1, 100 * MBPS },
	[WITH_MIN] = { { .min_bps = 200 * MBPS, .weight = 10 }, FULL, 1, 300 * MBPS },
	[WITH_MAX] = { { .max_bps = 80 * MBPS, .weight = 99 }, FULL, 1, 80 * MBPS },
	[WEIGHT2] = { { .weight = 20 }, FULL, 1, 200 * MBPS },
	[FLOOD] = { { .weight = 10 }, SHORT, 1, 100 * MBPS },
	[CLASSES] = { { .min_bps = 60 * MBPS, .weight = 6 }, FULL, 2, 120 * MBPS },
};

#define WEIGHTS (10 + 20 + 10 + 6)

static struct guest guest[VIFS];
static uint64_t changed_ns;
static uint32_t changes;

static void set_classes(struct svio_host_vif_qos *qos)
{
	uint32_t i;

	qos->classes = 2;
	qos->lane[1] = 1;
	qos->dscp_level[46] = 1;
	for (i = 0; i < 2; i++)
		qos->class_node[i] = (struct svio_host_qos){ .weight = i ? 3 : 1 };
}

static void setup(void)
{
	uint32_t i, q;

	fake_init();
	fake.segment->group[0].qos.max_bps = PORT_BPS;
	CU_ASSERT_EQUAL_FATAL(svio_fw_group_set(fake.fw, 0), 0);
	for (i = 0; i < VIFS; i++) {
		fake_vif_prepare(i);
		fake_slot(i)->qos.node = senders[i].qos;
		if (senders[i].queues > 1)
			set_classes(&fake_slot(i)->qos);
		CU_ASSERT_EQUAL_FATAL(svio_fw_vif_add(fake.fw, i), 0);
		guest_start_queues(&guest[i], i, GUEST_ALL_FEATURES, RING_LG2);
		for (q = 1; q < senders[i].queues; q++)
			CU_ASSERT_EQUAL_FATAL(guest_txq_create(&guest[i], q, RING_LG2), 0);
	}
	changed_ns = fake.hal.now_ns;
	changes = 0;
}

static void teardown(void)
{
	CU_ASSERT(fake_books_balance());
}

/* To nobody here: the wire. Queue n's frames are of class n. */
static void fill(uint32_t vif, uint32_t qid)
{
	static const uint8_t elsewhere[6] = { 0x02, 0, 0, 0, 0xee, 0xee };
	static uint8_t frame[FULL];
	uint32_t waiting = (1u << RING_LG2) - guest_tx_free(&guest[vif], qid);

	guest_frame(frame, senders[vif].frame_bytes, elsewhere, fake_config(vif)->mac, vif);
	svio_put_be16(frame + 12, SVIO_ETHERTYPE_IPV4);
	frame[14] = 0x45;
	frame[15] = (uint8_t)(qid ? 46 << 2 : 0);
	for (; waiting < AHEAD; waiting++)
		guest_send(&guest[vif], qid, frame, senders[vif].frame_bytes);
}

static void change(void)
{
	struct svio_host_qos *qos = &fake_slot(CHANGING)->qos.node;

	if (fake.hal.now_ns - changed_ns < CHANGE_NS)
		return;
	changed_ns += CHANGE_NS;
	*qos = senders[CHANGING].qos;
	if (++changes % 2) {
		qos->max_bps = 150 * MBPS;
		qos->weight = 9;
		qos->priority = 4;
	}
	CU_ASSERT_EQUAL(svio_fw_vif_update(fake.fw, CHANGING), 0);
}

static void run(uint64_t ns)
{
	uint64_t end_ns = fake.hal.now_ns + ns;
	uint32_t i, q;

	while (fake.hal.now_ns < end_ns) {
		for (i = 0; i < VIFS; i++)
			for (q = 0; q < senders[i].queues; q++)
				fill(i, q);
		svio_fw_poll(fake.fw);
		fake.hal.now_ns += PASS_NS;
		change();
	}
}

static void read_bytes(uint64_t *bytes)
{
	uint32_t i;

	svio_fw_qos_read(fake.fw);
	for (i = 0; i < VIFS; i++)
		bytes[i] = fake_slot(i)->live.bytes;
}

/* Bytes in ns, a multiple of MS. */
static int64_t bytes_in(uint64_t bps, uint64_t ns)
{
	return (int64_t)(bps / 8 * (ns / MS) / 1000);
}

/* What a VIF should have from now on for ns, whole times of CHANGING. */
static int64_t expected_bytes(uint32_t vif, uint64_t ns)
{
	int64_t bytes = bytes_in(senders[vif].bps, ns);
	int64_t more = bytes_in(50 * MBPS, CHANGE_NS);

	if (ns / CHANGE_NS % 2 == 0)
		return bytes;
	if (changes % 2 == 0) /* it has less */
		more = -more;
	if (vif == CHANGING)
		return bytes + more;
	if (vif == HIGH || vif == WITH_MAX)
		return bytes;
	return bytes - more * senders[vif].qos.weight / WEIGHTS;
}

static void check_bytes(uint32_t vif, int64_t bytes, int64_t expected, int64_t allowed)
{
	if (bytes - expected > allowed || expected - bytes > allowed)
		printf("     VIF %u: %lld bytes, expected %lld, at most %lld more or less\n", vif,
		       (long long)bytes, (long long)expected, (long long)allowed);
	CU_ASSERT(bytes - expected <= allowed);
	CU_ASSERT(expected - bytes <= allowed);
}

/* In each window of ns nobody is off by more than ppm and packets. */
static void check_windows(uint64_t ns, uint32_t windows, int64_t ppm, int64_t packets)
{
	uint64_t before[VIFS], after[VIFS];
	int64_t expected[VIFS];
	uint32_t i;

	read_bytes(before);
	while (windows--) {
		for (i = 0; i < VIFS; i++)
			expected[i] = expected_bytes(i, ns);
		run(ns);
		read_bytes(after);
		for (i = 0; i < VIFS; i++)
			check_bytes(i, (int64_t)(after[i] - before[i]), expected[i],
				    expected[i] * ppm / 1000000 +
					    packets * (FULL + SVIO_SCHED_FRAMING_BYTES));
		memcpy(before, after, sizeof(before));
	}
}

static void read_classes(uint64_t bytes[2])
{
	svio_fw_qos_read(fake.fw);
	bytes[0] = fake_slot(CLASSES)->class_live[0].bytes;
	bytes[1] = fake_slot(CLASSES)->class_live[1].bytes;
}

static void all_settings_at_once_over_100_ms(void)
{
	uint64_t before[2], after[2];
	uint32_t i;

	run(100 * MS);
	read_classes(before);
	check_windows(100 * MS, 5, 2500, 0);
	read_classes(after);
	CU_ASSERT(changes >= 50);
	for (i = 0; i < 2; i++) {
		int64_t expected = bytes_in(senders[CLASSES].bps / 4 * (i ? 3 : 1), 500 * MS);

		check_bytes(CLASSES, (int64_t)(after[i] - before[i]), expected, expected / 400);
	}
}

/* A percent of some is less than a packet then. */
static void all_settings_at_once_over_10_ms(void)
{
	run(100 * MS);
	check_windows(10 * MS, 20, 10000, 2);
}

SVIO_TEST_MAIN_WITH("firmware rates", setup, teardown, SVIO_TEST(all_settings_at_once_over_100_ms),
		    SVIO_TEST(all_settings_at_once_over_10_ms))
