/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Interrupts, raised by the core or by the thread beside it. SVIO_TEST_ROUNDS: how many at the
 * moment when that thread falls asleep (default 20000).
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "port.h"
#include "svio_test.h"

#define VIFS        130 /* in three words */
#define PATIENCE_MS 60000

static struct svio_port_irq irq;
static struct {
	struct svio_host_segment segment;
	struct svio_host_vif vifs[VIFS];
} device;
static uint32_t log_lines;

void svio_port_log(const char *format, ...)
{
	(void)format;
	__atomic_fetch_add(&log_lines, 1, __ATOMIC_RELAXED);
}

static void open_irq(enum svio_port_irq_mode mode)
{
	cpu_set_t cpus;

	memset(&device, 0, sizeof(device));
	log_lines = 0;
	device.segment.vifs_max = VIFS;
	device.segment.vifs_offset = (uint64_t)((char *)device.vifs - (char *)&device.segment);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	CU_ASSERT_EQUAL_FATAL(svio_port_irq_open(&irq, mode, &cpus, &device.segment, 1), 0);
}

/* An eventfd of vector of vif; one end is irq's, the other is ours. */
static int connect_vector(uint32_t vif, uint32_t vector)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	CU_ASSERT_EQUAL(svio_port_irq_set(&irq, vif, vector, dup(fd)), 0);
	return fd;
}

/* Wait for it and take it. 0: it does not come. */
static uint64_t take(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint64_t times = 0;

	if (poll(&p, 1, PATIENCE_MS) != 1 || read(fd, &times, sizeof(times)) != sizeof(times))
		return 0;
	return times;
}

static bool await_pending(uint32_t vif, uint64_t bits)
{
	int i;

	for (i = 0; i < PATIENCE_MS; i++) {
		if (__atomic_load_n(&device.vifs[vif].pending, __ATOMIC_ACQUIRE) == bits)
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

static void check_raise(void)
{
	static const uint32_t vifs[] = { 0, 63, 64, 127, 128, VIFS - 1 };
	size_t i;

	for (i = 0; i < sizeof(vifs) / sizeof(vifs[0]); i++) {
		int low = connect_vector(vifs[i], 0), high = connect_vector(vifs[i], 63);

		svio_port_irq_raise(&irq, vifs[i], 63);
		CU_ASSERT_EQUAL(take(high), 1);
		svio_port_irq_raise(&irq, vifs[i], 0);
		svio_port_irq_raise(&irq, vifs[i], 63);
		CU_ASSERT_EQUAL(take(low), 1);
		CU_ASSERT_EQUAL(take(high), 1);
		CU_ASSERT_EQUAL(device.vifs[vifs[i]].pending, 0);
		close(low);
		close(high);
	}
	/* None of it is there. */
	svio_port_irq_raise(&irq, VIFS, 0);
	svio_port_irq_raise(&irq, UINT32_MAX, 0);
	svio_port_irq_raise(&irq, 0, SVIO_HAL_VECTORS_MAX);
	CU_ASSERT_EQUAL(device.segment.counters[SVIO_DEVICE_COUNTER_irq_writes], 18);
}

static void inline_raises_each_vector(void)
{
	open_irq(SVIO_PORT_IRQ_INLINE);
	check_raise();
	svio_port_irq_close(&irq);
}

static void sidecore_raises_each_vector(void)
{
	open_irq(SVIO_PORT_IRQ_SIDECORE);
	check_raise();
	svio_port_irq_close(&irq);
}

static void check_pending(void)
{
	int fd;

	svio_port_irq_raise(&irq, 1, 0);
	svio_port_irq_raise(&irq, 1, 63);
	CU_ASSERT_EQUAL(device.vifs[1].pending, 1ull << 63 | 1);
	CU_ASSERT_EQUAL(device.vifs[0].pending, 0);
	/* An eventfd that comes later gets what was missed. */
	fd = connect_vector(1, 63);
	CU_ASSERT_EQUAL(take(fd), 1);
	CU_ASSERT_EQUAL(device.vifs[1].pending, 1);
	/* One that cannot be written to is none. */
	CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 2, 5, open("/dev/null", O_RDONLY | O_CLOEXEC)), 0);
	svio_port_irq_raise(&irq, 2, 5);
	CU_ASSERT_TRUE(await_pending(2, 1ull << 5));
	close(fd);
}

static void inline_without_eventfd_is_pending(void)
{
	open_irq(SVIO_PORT_IRQ_INLINE);
	check_pending();
	svio_port_irq_close(&irq);
}

static void sidecore_without_eventfd_is_pending(void)
{
	open_irq(SVIO_PORT_IRQ_SIDECORE);
	check_pending();
	svio_port_irq_close(&irq);
}

/* One that is full is signalled already: neither waits nor is it pending. */
static void full_eventfd_is_signalled(void)
{
	uint64_t most = UINT64_MAX - 1;
	int fd;

	open_irq(SVIO_PORT_IRQ_INLINE);
	fd = connect_vector(0, 0);
	CU_ASSERT_EQUAL(write(fd, &most, sizeof(most)), (ssize_t)sizeof(most));
	svio_port_irq_raise(&irq, 0, 0);
	CU_ASSERT_EQUAL(device.vifs[0].pending, 0);
	close(fd);
	svio_port_irq_close(&irq);
}

/* A client's eventfd that waits, and is full, costs that client its interrupts and nobody else. */
static void sidecore_is_not_held_up_by_a_client(void)
{
	uint64_t most = UINT64_MAX - 1;
	int fd = eventfd(0, EFD_CLOEXEC), other;

	open_irq(SVIO_PORT_IRQ_SIDECORE);
	CU_ASSERT_EQUAL(write(fd, &most, sizeof(most)), (ssize_t)sizeof(most));
	CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 3, 1, dup(fd)), 0);
	other = connect_vector(4, 0);
	svio_port_irq_raise(&irq, 3, 1);
	CU_ASSERT_TRUE(await_pending(3, 1ull << 1));
	svio_port_irq_raise(&irq, 4, 0);
	CU_ASSERT_EQUAL(take(other), 1);
	CU_ASSERT_EQUAL(__atomic_load_n(&log_lines, __ATOMIC_RELAXED), 1);
	CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 3, 2, dup(fd)), -EPERM);
	svio_port_irq_release(&irq, 3);
	CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 3, 2, -1), 0);
	close(fd);
	close(other);
	svio_port_irq_close(&irq);
}

static uint32_t rounds(void)
{
	const char *text = getenv("SVIO_TEST_ROUNDS");

	return text ? (uint32_t)strtoul(text, NULL, 10) : 20000;
}

/*
 * The next one comes some random time after the last, about when the sidecore goes to sleep. A
 * wake that is lost is an interrupt that does not come.
 */
static void prop_no_interrupt_is_lost(void)
{
	uint64_t state = svio_test_seed(9);
	uint32_t i, lost = 0;
	int fds[4];

	open_irq(SVIO_PORT_IRQ_SIDECORE);
	for (i = 0; i < 4; i++)
		fds[i] = connect_vector(i * 40, i);
	for (i = 0; i < rounds() && !lost; i++) {
		uint32_t first = (uint32_t)svio_test_random(&state) % 4;
		uint32_t second = (uint32_t)svio_test_random(&state) % 4;
		/* The sidecore spins for 50 us; mostly much shorter, so that many rounds pass. */
		volatile uint64_t spin = svio_test_random(&state) % (i % 16 ? 500 : 60000);

		while (spin)
			spin--;
		svio_port_irq_raise(&irq, first * 40, first);
		svio_port_irq_raise(&irq, second * 40, second);
		lost += !take(fds[first]);
		if (second != first)
			lost += !take(fds[second]);
	}
	CU_ASSERT_EQUAL(lost, 0);
	CU_ASSERT_TRUE(device.segment.counters[SVIO_DEVICE_COUNTER_irq_wakes] > 0);
	for (i = 0; i < 4; i++)
		close(fds[i]);
	svio_port_irq_close(&irq);
}

/* Vectors are switched off and on while they are raised: each comes, or is pending. */
static void prop_switching_vectors_loses_no_interrupt(void)
{
	uint64_t state = svio_test_seed(10);
	uint32_t i, lost = 0;
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	open_irq(SVIO_PORT_IRQ_SIDECORE);
	for (i = 0; i < 5000 && !lost; i++) {
		volatile uint64_t spin = svio_test_random(&state) % 300;

		CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 7, 2, dup(fd)), 0);
		svio_port_irq_raise(&irq, 7, 2);
		while (spin)
			spin--;
		CU_ASSERT_EQUAL(svio_port_irq_set(&irq, 7, 2, -1), 0);
		/* From now on nobody writes it any more. */
		if (device.vifs[7].pending & 4) {
			device.vifs[7].pending = 0;
		} else {
			uint64_t times;

			lost += read(fd, &times, sizeof(times)) != sizeof(times);
		}
	}
	CU_ASSERT_EQUAL(lost, 0);
	close(fd);
	svio_port_irq_close(&irq);
}

/* Time as judge() sees it is an argument: the core's share decides, and few raises end it. */
static void auto_defers_when_raising_takes_long(void)
{
	uint64_t now_ns = 1;
	int fd, i;

	open_irq(SVIO_PORT_IRQ_AUTO);
	for (i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &irq.cpus);
	fd = connect_vector(0, 0);
	svio_port_irq_judge(&irq, now_ns += 50000000);
	CU_ASSERT_FALSE(irq.deferred);
	irq.raise_ns = 5000000;
	svio_port_irq_judge(&irq, now_ns += 50000000);
	CU_ASSERT_TRUE(irq.deferred);
	svio_port_irq_raise(&irq, 0, 0);
	CU_ASSERT_EQUAL(take(fd), 1);
	for (i = 0; i < 1000 && irq.deferred; i++)
		svio_port_irq_judge(&irq, now_ns += 50000000);
	CU_ASSERT_FALSE(irq.deferred);
	CU_ASSERT_TRUE(i > 1);
	svio_port_irq_raise(&irq, 0, 0);
	CU_ASSERT_EQUAL(take(fd), 1);
	close(fd);
	svio_port_irq_close(&irq);
}

static void auto_keeps_a_lone_processor_for_the_core(void)
{
	open_irq(SVIO_PORT_IRQ_AUTO);
	CPU_ZERO(&irq.cpus);
	CPU_SET(0, &irq.cpus);
	irq.raise_ns = 50000000;
	svio_port_irq_judge(&irq, 50000000);
	CU_ASSERT_FALSE(irq.deferred);
	CU_ASSERT_FALSE(irq.runs);
	svio_port_irq_close(&irq);
}

SVIO_TEST_MAIN("port interrupts", SVIO_TEST(inline_raises_each_vector),
	       SVIO_TEST(sidecore_raises_each_vector), SVIO_TEST(inline_without_eventfd_is_pending),
	       SVIO_TEST(sidecore_without_eventfd_is_pending), SVIO_TEST(full_eventfd_is_signalled),
	       SVIO_TEST(sidecore_is_not_held_up_by_a_client), SVIO_TEST(prop_no_interrupt_is_lost),
	       SVIO_TEST(prop_switching_vectors_loses_no_interrupt),
	       SVIO_TEST(auto_defers_when_raising_takes_long),
	       SVIO_TEST(auto_keeps_a_lone_processor_for_the_core))
