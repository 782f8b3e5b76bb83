/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The TAP wire: a network interface of the host is the other end of the cable.
 *
 * Written on /dev/net/tun itself instead of DPDK's net_tap, because net_tap (of
 * 22.11) resets the interface's MTU and MAC each time it attaches, refuses
 * frames above 1522 bytes, has the kernel send a signal for every packet, and
 * needs DPDK's start, which would be most of a restart's pause. A TAP costs a
 * system call a frame either way.
 *
 * The interface is persistent, so that it keeps its addresses, MAC, MTU and
 * routes while a firmware is replaced; only its carrier blinks. Whether svio
 * made it is noted in the segment: then it goes when the device ends.
 *
 * Frames carry struct virtio_net_hdr: transmitted ones leave their L4 checksum
 * to the host's stack, which mostly never needs it.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "port.h"

#define RX_BURST 32
/* The header in front of a frame; what precedes it makes the frame 16-aligned. */
#define FRAME_OFFSET  16
#define HEADER_OFFSET (FRAME_OFFSET - sizeof(struct virtio_net_hdr))
#define BUFFER_BYTES  9216
/*
 * An empty read is a system call: after one, the interface is left alone for
 * a while, longer and longer up to IDLE_MAX_NS, so that VIF-to-VIF traffic does
 * not pay for a silent wire.
 */
#define IDLE_MIN_NS 1000
#define IDLE_MAX_NS 16000

_Static_assert(FRAME_OFFSET + SVIO_FRAME_BYTES_MAX + 1 <= BUFFER_BYTES,
	       "a frame that is too long must be seen to be");

struct tap {
	int fd;
	int control_fd; /* any socket of this network namespace, for interface ioctls */
	char name[IFNAMSIZ];
	uint64_t rx_next_ns; /* do not read before */
	uint64_t rx_idle_ns;
	uint32_t tx_refused; /* since the last flush */
	_Alignas(64) char rx[RX_BURST][BUFFER_BYTES];
	_Alignas(64) char tx[BUFFER_BYTES];
};

static uint32_t tap_rx(void *state, struct svio_wire_frame *frames, uint32_t max)
{
	struct tap *tap = state;
	uint32_t count;
	uint64_t now;

	if (tap->rx_idle_ns) {
		now = svio_hal_now_ns();
		if (now < tap->rx_next_ns)
			return 0;
	}
	for (count = 0; count < max && count < RX_BURST; count++) {
		char *buffer = tap->rx[count];
		const struct virtio_net_hdr *header;
		ssize_t n = read(tap->fd, buffer + HEADER_OFFSET, BUFFER_BYTES - HEADER_OFFSET);

		if (n < (ssize_t)sizeof(*header))
			break;
		header = (const void *)(buffer + HEADER_OFFSET);
		frames[count] = (struct svio_wire_frame){
			.data = buffer + FRAME_OFFSET,
			.bytes = (uint32_t)((size_t)n - sizeof(*header)),
			.flags = header->flags & VIRTIO_NET_HDR_F_DATA_VALID ? SVIO_WIRE_CSUM_OK
									     : 0,
		};
	}
	if (count) {
		tap->rx_idle_ns = 0;
		return count;
	}
	tap->rx_idle_ns = tap->rx_idle_ns ? tap->rx_idle_ns * 2 : IDLE_MIN_NS;
	if (tap->rx_idle_ns > IDLE_MAX_NS)
		tap->rx_idle_ns = IDLE_MAX_NS;
	tap->rx_next_ns = svio_hal_now_ns() + tap->rx_idle_ns;
	return 0;
}

static void tap_rx_done(void *state)
{
	(void)state;
}

static void *tap_tx_room(void *state, uint32_t bytes)
{
	struct tap *tap = state;

	return bytes <= SVIO_FRAME_BYTES_MAX ? tap->tx + FRAME_OFFSET : NULL;
}

/* The write runs the host's stack up to its socket; there is nothing to gain from batches. */
static void tap_tx_send(void *state, const struct svio_wire_frame *frame)
{
	struct tap *tap = state;
	struct virtio_net_hdr header = { .gso_type = VIRTIO_NET_HDR_GSO_NONE };
	size_t bytes = sizeof(header) + frame->bytes;

	if (frame->flags & SVIO_WIRE_CSUM) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = frame->csum_start;
		header.csum_offset = frame->csum_offset;
	}
	memcpy(tap->tx + HEADER_OFFSET, &header, sizeof(header));
	if (write(tap->fd, tap->tx + HEADER_OFFSET, bytes) != (ssize_t)bytes)
		tap->tx_refused++;
}

static uint32_t tap_tx_flush(void *state)
{
	struct tap *tap = state;
	uint32_t refused = tap->tx_refused;

	tap->tx_refused = 0;
	return refused;
}

static const struct svio_hal_wire_ops tap_ops = {
	.rx = tap_rx,
	.rx_done = tap_rx_done,
	.tx_room = tap_tx_room,
	.tx_send = tap_tx_send,
	.tx_flush = tap_tx_flush,
};

/* An interface's flags, MAC and so on: one ioctl by name. 0; -errno. */
static int query(struct tap *tap, unsigned long request, struct ifreq *ifr)
{
	memset(ifr, 0, sizeof(*ifr));
	memcpy(ifr->ifr_name, tap->name, sizeof(tap->name));
	return ioctl(tap->control_fd, request, ifr) < 0 ? -errno : 0;
}

/*
 * Attach to the interface, or make it. A persistent one that was made with
 * several queues is attached to only in kind.
 */
static int attach(struct tap *tap)
{
	static const short kinds[] = { IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
				       IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | IFF_MULTI_QUEUE };
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		struct ifreq ifr = { .ifr_flags = kinds[i] };

		memcpy(ifr.ifr_name, tap->name, sizeof(tap->name));
		if (ioctl(tap->fd, TUNSETIFF, &ifr) == 0)
			return 0;
		if (errno != EINVAL)
			break;
	}
	return -errno;
}

static void explain_attach(struct svio_port_wire *wire, int error)
{
	const char *name = wire->argument;

	switch (error) {
	case EPERM:
		svio_port_wire_fail(
			wire, "tap:%s: not permitted: run as root or with CAP_NET_ADMIN", name);
		break;
	case EBUSY:
		svio_port_wire_fail(wire,
				    "tap:%s: another program is attached to it: end that, or "
				    "choose another name",
				    name);
		break;
	case EINVAL:
		svio_port_wire_fail(wire,
				    "tap:%s: an interface of that name exists and is not a "
				    "TAP: choose another name",
				    name);
		break;
	default:
		svio_port_wire_fail(wire, "tap:%s: cannot attach: %s", name, strerror(error));
	}
}

static int check_name(struct svio_port_wire *wire)
{
	const char *name = wire->argument;

	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strpbrk(name, "/:%, \t\n")) {
		svio_port_wire_fail(wire, "tap:%s: not an interface name: give one as in tap:svio0",
				    name);
		return -EINVAL;
	}
	if (strlen(name) >= IFNAMSIZ) {
		svio_port_wire_fail(wire,
				    "tap:%s: the name has %zu characters: choose one of at most "
				    "%d",
				    name, strlen(name), IFNAMSIZ - 1);
		return -EINVAL;
	}
	return 0;
}

/* A new interface lives on until the device ends, and is up at once. */
static int adopt_new(struct svio_port_wire *wire, struct tap *tap)
{
	struct ifreq ifr;

	if (ioctl(tap->fd, TUNSETPERSIST, 1) < 0 || query(tap, SIOCGIFFLAGS, &ifr) < 0)
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	if (ioctl(tap->control_fd, SIOCSIFFLAGS, &ifr) < 0)
		return -errno;
	wire->segment->wire_flags |= SVIO_HOST_WIRE_MADE;
	return 0;
}

static int setup(struct svio_port_wire *wire, struct tap *tap)
{
	int header_bytes = sizeof(struct virtio_net_hdr);
	struct ifreq ifr;
	bool exists;
	int status;

	tap->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	tap->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (tap->fd < 0) {
		svio_port_wire_fail(wire,
				    "tap:%s: /dev/net/tun: %s: load the tun module (modprobe "
				    "tun) and run as root",
				    tap->name, strerror(errno));
		return -errno;
	}
	exists = query(tap, SIOCGIFFLAGS, &ifr) == 0;
	status = attach(tap);
	if (status < 0) {
		explain_attach(wire, -status);
		return status;
	}
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &header_bytes) < 0 ||
	    ioctl(tap->fd, TUNSETOFFLOAD, 0) < 0)
		status = -errno;
	if (!status && !exists)
		status = adopt_new(wire, tap);
	if (status < 0)
		svio_port_wire_fail(wire, "tap:%s: cannot set up the interface: %s", tap->name,
				    strerror(-status));
	return status;
}

static int open_tap(struct svio_port_wire *wire)
{
	struct tap *tap;
	int status = check_name(wire);

	if (status < 0)
		return status;
	tap = aligned_alloc(64, sizeof(*tap));
	if (!tap) {
		svio_port_wire_fail(wire, "tap:%s: no memory", wire->argument);
		return -ENOMEM;
	}
	memset(tap, 0, offsetof(struct tap, rx));
	memcpy(tap->name, wire->argument, strlen(wire->argument));
	tap->fd = -1;
	wire->state = tap;
	status = setup(wire, tap);
	wire->rx_fd = tap->fd;
	wire->link_fd = svio_port_linkwatch_open();
	return status;
}

static enum svio_port_wire_progress progress_tap(struct svio_port_wire *wire)
{
	(void)wire;
	return SVIO_PORT_WIRE_OPEN;
}

static void wait_tap(struct svio_port_wire *wire)
{
	(void)wire;
}

static void link_tap(struct svio_port_wire *wire, uint8_t mac[6], bool *up, uint32_t *speed_mbps)
{
	struct tap *tap = wire->state;
	struct ifreq ifr;

	*up = query(tap, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP);
	*speed_mbps = 0;
	memset(mac, 0, 6);
	if (query(tap, SIOCGIFHWADDR, &ifr) == 0)
		memcpy(mac, ifr.ifr_hwaddr.sa_data, 6);
}

static void sleep_tap(struct svio_port_wire *wire, uint64_t *max_sleep_ns)
{
	(void)wire;
	(void)max_sleep_ns;
}

static void wake_tap(struct svio_port_wire *wire, bool traffic)
{
	struct tap *tap = wire->state;

	if (traffic)
		tap->rx_idle_ns = 0;
}

static void close_tap(struct svio_port_wire *wire, bool forever)
{
	struct tap *tap = wire->state;

	if (!tap)
		return;
	if (tap->fd >= 0) {
		if (forever && (wire->segment->wire_flags & SVIO_HOST_WIRE_MADE)) {
			ioctl(tap->fd, TUNSETPERSIST, 0);
			wire->segment->wire_flags &= ~SVIO_HOST_WIRE_MADE;
		}
		close(tap->fd);
	}
	if (tap->control_fd >= 0)
		close(tap->control_fd);
	if (wire->link_fd >= 0)
		close(wire->link_fd);
	wire->rx_fd = -1;
	wire->link_fd = -1;
	wire->state = NULL;
	free(tap);
}

const struct svio_port_wire_kind svio_port_wire_tap = {
	.name = "tap",
	.csum = true,
	.open = open_tap,
	.progress = progress_tap,
	.wait = wait_tap,
	.ops = &tap_ops,
	.link = link_tap,
	.sleep = sleep_tap,
	.wake = wake_tap,
	.close = close_tap,
};
