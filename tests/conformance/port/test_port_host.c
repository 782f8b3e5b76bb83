/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VIF and the host itself, over a TAP wire: what the host's own stack makes of our frames, and
 * we of its. In a network namespace of this program's own.
 */
#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "device_guest.h"
#include "svio_test.h"

#include "fake_sviod.h"

#define PORT        2000
#define PATIENCE_MS 20000
/* frame_build() sends from 10.0.0.1 to 10.0.0.2. */
#define HOST_ADDRESS  "10.0.0.2"
#define GUEST_ADDRESS "10.0.0.1"

static struct device_lab lab;
static struct guest guest;
static struct received received;
static uint8_t data[FRAME_BYTES_MAX];
static uint8_t host_mac[6];
static int udp;

static void read_host_mac(void)
{
	struct ifreq ifr = { .ifr_name = "svh0" };

	CU_ASSERT_EQUAL_FATAL(ioctl(udp, SIOCGIFHWADDR, &ifr), 0);
	memcpy(host_mac, ifr.ifr_hwaddr.sa_data, sizeof(host_mac));
}

static void start(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	char command[128];

	fake_enter_netns();
	lab_start_wire(&lab, "tap:svh0");
	lab_vif_add(&lab, "a", "");
	guest_open(&guest, &lab, "a", NULL);
	fake_run("ip link set svh0 mtu 9000 && ip addr add " HOST_ADDRESS "/24 dev svh0");
	snprintf(command, sizeof(command),
		 "ip neigh add " GUEST_ADDRESS " dev svh0 lladdr %02x:%02x:%02x:%02x:%02x:%02x",
		 guest.mac[0], guest.mac[1], guest.mac[2], guest.mac[3], guest.mac[4],
		 guest.mac[5]);
	fake_run(command);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	CU_ASSERT_EQUAL_FATAL(bind(udp, (struct sockaddr *)&address, sizeof(address)), 0);
	read_host_mac();
}

static void stop(void)
{
	close(udp);
	guest_close(&guest);
	CU_ASSERT_EQUAL(lab_stop(&lab), 0);
	CU_ASSERT_FALSE(fake_try("ip link show svh0 >/dev/null 2>&1"));
}

static struct frame make_frame(uint32_t payload_bytes, bool partial)
{
	return (struct frame){ .dst = host_mac,
			       .src = guest.mac,
			       .udp = true,
			       .sport = 1000,
			       .dport = PORT,
			       .payload_bytes = payload_bytes,
			       .seed = (uint8_t)payload_bytes,
			       .partial = partial };
}

/* The host's socket gets exactly this payload next. */
static bool host_gets(const uint8_t *payload, size_t bytes)
{
	static uint8_t got[FRAME_BYTES_MAX];
	struct pollfd p = { .fd = udp, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1 && recv(udp, got, sizeof(got), 0) == (ssize_t)bytes &&
	       memcmp(got, payload, bytes) == 0;
}

static void guest_to_host_every_length_arrives(void)
{
	static const uint32_t lengths[] = { 1, 18, 64, 1000, 1472, 1473, 3000, 8972 };
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		struct frame frame = make_frame(lengths[i], false);
		uint32_t bytes = frame_build(&frame, data);

		CU_ASSERT_TRUE(guest_send(&guest, data, bytes, 0, NULL));
		CU_ASSERT_TRUE(host_gets(data + bytes - lengths[i], lengths[i]));
	}
}

static struct svio_vif_buf offload(uint32_t bytes)
{
	return (struct svio_vif_buf){ .flags = SVIO_VIF_CSUM,
				      .csum_start = (uint16_t)frame_l4_offset(data, bytes),
				      .csum_offset = 6 };
}

static void guest_to_host_checksum_is_left_to_the_host(void)
{
	struct frame frame = make_frame(700, true);
	uint32_t bytes = frame_build(&frame, data);
	struct svio_vif_buf meta = offload(bytes);

	CU_ASSERT_TRUE(guest_send(&guest, data, bytes, 0, &meta));
	CU_ASSERT_TRUE(host_gets(data + bytes - 700, 700));
}

static void guest_to_host_unsegmented_is_segmented(void)
{
	struct frame frame = make_frame(5000, true);
	uint32_t bytes = frame_build(&frame, data), at;
	struct svio_vif_buf meta = offload(bytes);

	meta.gso_type = SVIO_GSO_UDP4;
	meta.gso_size = 1400;
	meta.hdr_len = (uint16_t)(bytes - 5000);
	CU_ASSERT_TRUE(guest_send(&guest, data, bytes, 0, &meta));
	for (at = 0; at < 5000; at += 1400)
		CU_ASSERT_TRUE(
			host_gets(data + bytes - 5000 + at, at + 1400 < 5000 ? 1400 : 5000 - at));
}

static void host_sends(size_t bytes)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons(1000),
				  .sin_addr.s_addr = inet_addr(GUEST_ADDRESS) };
	size_t i;

	for (i = 0; i < bytes; i++)
		data[i] = (uint8_t)(bytes + i * 3);
	CU_ASSERT_EQUAL(sendto(udp, data, bytes, 0, (struct sockaddr *)&to, sizeof(to)),
			(ssize_t)bytes);
}

/* The guest's next UDP packet; whatever else the host's stack says is passed over. */
static bool guest_gets_udp(void)
{
	while (guest_receive(&guest, &received))
		if (received.data[12] == 8 && received.data[13] == 0 && received.data[23] == 17)
			return true;
	return false;
}

static void host_to_guest_every_length_arrives(void)
{
	static const size_t lengths[] = { 1, 18, 64, 1472, 3000, 8972 };
	size_t i;

	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		uint32_t at;

		host_sends(lengths[i]);
		CU_ASSERT_TRUE_FATAL(guest_gets_udp());
		at = frame_payload_offset(received.data, received.bytes);
		/* Nobody needs it between the two, and this guest takes it so. */
		CU_ASSERT_TRUE(received.meta.flags & SVIO_VIF_CSUM);
		CU_ASSERT_EQUAL(received.meta.csum_start,
				frame_l4_offset(received.data, received.bytes));
		CU_ASSERT_EQUAL(received.meta.csum_offset, 6);
		CU_ASSERT_TRUE(received.bytes >= at + lengths[i]);
		CU_ASSERT_EQUAL(memcmp(received.data + at, data, lengths[i]), 0);
	}
}

static void firmware_kill_keeps_the_hosts_address(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		struct frame frame = make_frame(100, false);
		uint32_t bytes = frame_build(&frame, data);

		lab_firmware_kill(&lab);
		CU_ASSERT_TRUE(guest_send(&guest, data, bytes, 0, NULL));
		CU_ASSERT_TRUE(host_gets(data + bytes - 100, 100));
	}
	CU_ASSERT_TRUE(fake_try("ip -o addr show svh0 | grep -q " HOST_ADDRESS));
	CU_ASSERT_TRUE(fake_try("ip -o link show svh0 | grep -q 'mtu 9000'"));
}

static void device_comes_up(void)
{
	start();
	CU_ASSERT_TRUE(fake_try("ip -o link show svh0 up | grep -q LOWER_UP"));
}

static void device_goes_and_takes_its_tap_along(void)
{
	stop();
}

SVIO_TEST_MAIN("svio-fw and the host", SVIO_TEST(device_comes_up),
	       SVIO_TEST(guest_to_host_every_length_arrives),
	       SVIO_TEST(guest_to_host_checksum_is_left_to_the_host),
	       SVIO_TEST(guest_to_host_unsegmented_is_segmented),
	       SVIO_TEST(host_to_guest_every_length_arrives),
	       SVIO_TEST(firmware_kill_keeps_the_hosts_address),
	       SVIO_TEST(device_goes_and_takes_its_tap_along))
