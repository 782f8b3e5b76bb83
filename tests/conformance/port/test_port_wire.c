/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-fw's wires, in a network namespace of this program's own. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svio_test.h"

#include "fake_sviod.h"

static struct fake_sviod f;
static bool entered;

static void setup(void)
{
	if (!entered)
		fake_enter_netns();
	entered = true;
	fake_open(&f);
}

static void teardown(void)
{
	fake_close(&f);
}

static uint64_t wire_rx_packets(void)
{
	return __atomic_load_n(&f.segment->counters[SVIO_DEVICE_COUNTER_wire_rx_packets],
			       __ATOMIC_RELAXED);
}

static uint64_t expected_packets;

static bool received(struct fake_sviod *unused)
{
	(void)unused;
	return wire_rx_packets() >= expected_packets;
}

/* A broadcast datagram out of an interface, which the host sends without asking by ARP. */
static void broadcast(const char *interface, size_t bytes)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(9),
				  .sin_addr.s_addr = htonl(INADDR_BROADCAST) };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char *data = calloc(1, bytes);
	int one = 1;

	CU_ASSERT_EQUAL_FATAL(setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &one, sizeof(one)), 0);
	CU_ASSERT_EQUAL_FATAL(setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface,
					 (socklen_t)strlen(interface)),
			      0);
	CU_ASSERT_EQUAL(sendto(fd, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)),
			(ssize_t)bytes);
	free(data);
	close(fd);
}

/* The wire takes a frame of this length from the host. */
static void expect_broadcast(const char *interface, size_t bytes)
{
	expected_packets = wire_rx_packets() + 1;
	broadcast(interface, bytes);
	CU_ASSERT_TRUE(fake_until(received, &f));
}

static bool link_is_up(struct fake_sviod *sviod)
{
	return __atomic_load_n(&sviod->segment->wire_link, __ATOMIC_RELAXED) & 1;
}

static bool link_is_down(struct fake_sviod *sviod)
{
	return !link_is_up(sviod);
}

static void expect_failure(const char *wire, const char *remedy)
{
	CU_ASSERT_TRUE(fake_start(&f, wire, NULL) < 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 3);
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), wire));
	if (!strstr(fake_log(&f), remedy))
		printf("%s: %s", wire, fake_log(&f));
	CU_ASSERT_PTR_NOT_NULL(strstr(fake_log(&f), remedy));
}

static void wire_nonsense_exits_3(void)
{
	expect_failure("cable", "not a wire");
	expect_failure("tap:", "interface name");
	expect_failure("tap:a/b", "interface name");
	expect_failure("tap:abcdefghijklmnop", "at most 15");
	expect_failure("tap:lo", "not a TAP");
	expect_failure("af_packet:", "interface name");
	expect_failure("af_packet:nosuch0", "ip link");
	CU_ASSERT_EQUAL(f.segment->wire_flags, 0);
}

static void wire_dpdk_absent_device_exits_3(void)
{
	expect_failure("net_nosuch0", "librte-net-");
	expect_failure("pcap:rx=/nonexistent/file.pcap", "DPDK");
}

static void wire_empty_exits_3(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "", NULL), -ECONNRESET);
	CU_ASSERT_EQUAL(fake_wait(&f), 3);
}

static void tap_absent_is_made_and_removed(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "tap:svt0", NULL), 0);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("svt0"), 0);
	CU_ASSERT_TRUE(f.segment->wire_flags & SVIO_HOST_WIRE_MADE);
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	CU_ASSERT_NOT_EQUAL(f.segment->wire_mac[5] | f.segment->wire_mac[4], 0);
	expect_broadcast("svt0", 64);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_EQUAL(if_nametoindex("svt0"), 0);
}

static void tap_made_is_removed_when_sviod_dies(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "tap:svt1", NULL), 0);
	close(f.socket);
	f.socket = -1;
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_EQUAL(if_nametoindex("svt1"), 0);
}

static void tap_survives_kill_with_its_settings(void)
{
	int i;

	CU_ASSERT_EQUAL(fake_start(&f, "tap:svt2", NULL), 0);
	fake_run("ip link set svt2 address 02:00:00:00:00:77 mtu 9000");
	fake_run("ip addr add 10.77.0.1/24 dev svt2");
	for (i = 0; i < 3; i++) {
		CU_ASSERT_EQUAL(fake_kill(&f, SIGKILL), -SIGKILL);
		CU_ASSERT_NOT_EQUAL(if_nametoindex("svt2"), 0);
		CU_ASSERT_EQUAL(fake_start(&f, "tap:svt2", NULL), 0);
		CU_ASSERT_TRUE(fake_try(
			"ip -o link show svt2 up | grep -q 'mtu 9000.*02:00:00:00:00:77'"));
		CU_ASSERT_TRUE(fake_try("ip -o addr show svt2 | grep -q 'inet 10.77.0.1/24'"));
		CU_ASSERT_EQUAL(f.segment->wire_mac[5], 0x77);
		expect_broadcast("svt2", 64);
		expect_broadcast("svt2", 8900);
	}
	CU_ASSERT_EQUAL(fake_kill(&f, SIGTERM), 0);
	CU_ASSERT_TRUE(fake_try("ip -o addr show svt2 | grep -q 'inet 10.77.0.1/24'"));
	CU_ASSERT_EQUAL(fake_start(&f, "tap:svt2", NULL), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_EQUAL(if_nametoindex("svt2"), 0);
}

static void tap_of_others_is_used_and_kept(void)
{
	static const char *const makes[] = { "ip tuntap add svt3 mode tap",
					     "ip tuntap add svt3 mode tap multi_queue" };
	size_t i;

	for (i = 0; i < 2; i++) {
		fake_run(makes[i]);
		fake_run("ip link set svt3 up");
		CU_ASSERT_EQUAL(fake_start(&f, "tap:svt3", NULL), 0);
		expect_broadcast("svt3", 64);
		CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
		CU_ASSERT_EQUAL(fake_wait(&f), 0);
		CU_ASSERT_NOT_EQUAL(if_nametoindex("svt3"), 0);
		fake_run("ip link del svt3");
	}
}

static void tap_in_use_exits_3(void)
{
	struct fake_sviod other;

	fake_open(&other);
	CU_ASSERT_EQUAL(fake_start(&other, "tap:svt4", NULL), 0);
	expect_failure("tap:svt4", "another program");
	CU_ASSERT_NOT_EQUAL(if_nametoindex("svt4"), 0);
	fake_close(&other);
}

static void tap_link_follows_the_interface(void)
{
	CU_ASSERT_EQUAL(fake_start(&f, "tap:svt5", NULL), 0);
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
	fake_run("ip link set svt5 down");
	CU_ASSERT_TRUE(fake_until(link_is_down, &f));
	fake_run("ip link set svt5 up");
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
}

static void af_packet_receives_and_reports_link(void)
{
	fake_run("ip link add sva0 mtu 9000 type veth peer name sva1 mtu 9000");
	fake_run("ip link set sva0 up && ip link set sva1 up && ip addr add 10.78.0.1/24 dev sva1");
	CU_ASSERT_EQUAL(fake_start(&f, "af_packet:sva0", NULL), 0);
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	expect_broadcast("sva1", 64);
	expect_broadcast("sva1", 8900);
	fake_run("ip link set sva1 down");
	CU_ASSERT_TRUE(fake_until(link_is_down, &f));
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_NOT_EQUAL(if_nametoindex("sva0"), 0);
	fake_run("ip link del sva0");
}

static void af_packet_sleeping_is_woken_by_each_frame(void)
{
	int i;

	fake_run("ip link add svb0 type veth peer name svb1");
	fake_run("sysctl -qw net.ipv6.conf.svb0.disable_ipv6=1 net.ipv6.conf.svb1.disable_ipv6=1");
	fake_run("ip link set svb0 up && ip link set svb1 up && ip addr add 10.79.0.1/24 dev svb1");
	CU_ASSERT_EQUAL(fake_start(&f, "af_packet:svb0", NULL), 0);
	for (i = 0; i < 50; i++) {
		CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
		expect_broadcast("svb1", 64);
	}
	fake_run("ip link del svb1");
}

/* A restarted firmware answers before DPDK is up; the wire follows. */
static void af_packet_restart_answers_first(void)
{
	fake_run("ip link add svc0 type veth peer name svc1");
	fake_run("ip link set svc0 up && ip link set svc1 up && ip addr add 10.80.0.1/24 dev svc1");
	CU_ASSERT_EQUAL(fake_start(&f, "af_packet:svc0", NULL), 0);
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	expect_broadcast("svc1", 64);
	CU_ASSERT_EQUAL(fake_kill(&f, SIGKILL), -SIGKILL);
	f.segment->wire_link = 0;
	CU_ASSERT_EQUAL(fake_start(&f, "af_packet:svc0", NULL), 0);
	CU_ASSERT_EQUAL(fake_vif_add(&f, 0), 0);
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	expect_broadcast("svc1", 64);
	/* And one whose wire is gone ends with status 3, although it has answered. */
	CU_ASSERT_EQUAL(fake_kill(&f, SIGKILL), -SIGKILL);
	fake_run("ip link del svc0");
	CU_ASSERT_TRUE(fake_start(&f, "af_packet:svc0", NULL) < 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 3);
}

static void af_packet_killed_while_opening_ends(void)
{
	fake_run("ip link add svd0 type veth peer name svd1");
	fake_run("ip link set svd0 up");
	f.segment->fw_generation = 1;
	CU_ASSERT_EQUAL(fake_start(&f, "af_packet:svd0", NULL), 0);
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	fake_run("ip link del svd0");
}

/* Any DPDK device, here one with a receive interrupt: it sleeps on that. */
static void dpdk_device_with_interrupt_is_woken_by_each_frame(void)
{
	int i;

	CU_ASSERT_EQUAL(fake_start(&f, "net_tap0,iface=svt6", NULL), 0);
	fake_run(
		"sysctl -qw net.ipv6.conf.svt6.disable_ipv6=1 && ip addr add 10.81.0.1/24 dev svt6");
	CU_ASSERT_TRUE(fake_until(link_is_up, &f));
	for (i = 0; i < 50; i++) {
		CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
		expect_broadcast("svt6", 64);
	}
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
}

/* A capture file with one broadcast frame of 60 bytes. */
static void write_pcap(const char *path)
{
	static const uint32_t header[] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1, 0, 0, 60, 60 };
	uint8_t frame[60] = { 255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 9, 8, 0 };
	FILE *file = fopen(path, "wb");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(header, sizeof(header), 1, file), 1);
	CU_ASSERT_EQUAL(fwrite(frame, sizeof(frame), 1, file), 1);
	fclose(file);
}

static void pcap_reads_and_writes_files(void)
{
	char folder[] = "/tmp/svio-port-XXXXXX", rx[64], tx[64], wire[192];
	struct stat st = { .st_size = 0 };

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	snprintf(rx, sizeof(rx), "%s/rx.pcap", folder);
	snprintf(tx, sizeof(tx), "%s/tx.pcap", folder);
	snprintf(wire, sizeof(wire), "pcap:rx=%s,tx=%s", rx, tx);
	write_pcap(rx);
	expected_packets = 1;
	CU_ASSERT_EQUAL(fake_start(&f, wire, NULL), 0);
	CU_ASSERT_TRUE(fake_until(received, &f));
	CU_ASSERT_TRUE(fake_until(fake_asleep, &f));
	CU_ASSERT_EQUAL(fake_ask_plain(&f, SVIO_HOST_STOP, 0, 0, 0), 0);
	CU_ASSERT_EQUAL(fake_wait(&f), 0);
	CU_ASSERT_EQUAL(stat(tx, &st), 0);
	CU_ASSERT_TRUE(st.st_size >= 24);
	unlink(rx);
	unlink(tx);
	rmdir(folder);
}

SVIO_TEST_MAIN_WITH("svio-fw wires", setup, teardown, SVIO_TEST(wire_nonsense_exits_3),
		    SVIO_TEST(wire_dpdk_absent_device_exits_3), SVIO_TEST(wire_empty_exits_3),
		    SVIO_TEST(tap_absent_is_made_and_removed),
		    SVIO_TEST(tap_made_is_removed_when_sviod_dies),
		    SVIO_TEST(tap_survives_kill_with_its_settings),
		    SVIO_TEST(tap_of_others_is_used_and_kept), SVIO_TEST(tap_in_use_exits_3),
		    SVIO_TEST(tap_link_follows_the_interface),
		    SVIO_TEST(af_packet_receives_and_reports_link),
		    SVIO_TEST(af_packet_sleeping_is_woken_by_each_frame),
		    SVIO_TEST(af_packet_restart_answers_first),
		    SVIO_TEST(af_packet_killed_while_opening_ends),
		    SVIO_TEST(dpdk_device_with_interrupt_is_woken_by_each_frame),
		    SVIO_TEST(pcap_reads_and_writes_files))
