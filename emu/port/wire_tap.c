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
 * Frames carry struct virtio_net_hdr, both ways: neither side completes a checksum
 * or segments what the other may never need so. A packet that is only passed on
 * crosses the host's stack, or from it to a guest, in one piece.
 */
#include <fcntl.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include "port.h"
#include "svio_packet.h"

/* Linux 6.2 and later. */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

#define RX_BURST 32
/* The header in front of a frame; what precedes it makes the frame 16-aligned. */
#define FRAME_OFFSET  16
#define HEADER_OFFSET (FRAME_OFFSET - sizeof(struct virtio_net_hdr))
#define BUFFER_BYTES  66048
/*
 * An empty read is a system call: after one, the interface is left alone for
 * a while, longer and longer up to IDLE_MAX_NS, so that VIF-to-VIF traffic does
 * not pay for a silent wire.
 */
#define IDLE_MIN_NS 1000
#define IDLE_MAX_NS 16000

_Static_assert(FRAME_OFFSET + SVIO_GSO_BYTES_MAX + 1 <= BUFFER_BYTES,
	       "a packet that is too long must be seen to be");

struct tap {
	int fd;
	int control_fd; /* any socket of this network namespace, for interface ioctls */
	char name[IFNAMSIZ];
	uint64_t rx_next_ns; /* do not read before */
	uint64_t rx_idle_ns;
	uint32_t tx_refused; /* since the last flush */
	uint32_t tx_pieces;
	/* The frame that is being made: what stands in tx, then what lies elsewhere. */
	struct iovec tx_piece[1 + SVIO_WIRE_GSO_PIECES_MAX];
	_Alignas(64) char tx[FRAME_OFFSET + SVIO_FRAME_BYTES_MAX];
	_Alignas(64) char rx[RX_BURST][BUFFER_BYTES];
};

/* What SVIO_GSO_* a frame from the host is; NONE: nothing that we know of. */
static uint8_t gso_type_of(const struct virtio_net_hdr *header, const uint8_t *frame)
{
	uint32_t l3 = svio_get_be16(frame + 12) == SVIO_ETHERTYPE_VLAN ? 18 : 14;

	switch (header->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_TCPV4:
		return SVIO_GSO_TCP4;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		return SVIO_GSO_TCP6;
	case VIRTIO_NET_HDR_GSO_UDP_L4:
		return frame[l3] >> 4 == 6 ? SVIO_GSO_UDP6 : SVIO_GSO_UDP4;
	default:
		return SVIO_GSO_NONE;
	}
}

/* The header's own hdr_len is but a hint. csum_start + 13 is in the frame. */
static uint16_t header_bytes(const struct virtio_net_hdr *header, const uint8_t *frame,
			     uint8_t gso_type)
{
	bool udp = gso_type == SVIO_GSO_UDP4 || gso_type == SVIO_GSO_UDP6;

	return (uint16_t)(header->csum_start +
			  (udp ? 8 : (frame[header->csum_start + 12] >> 4) * 4));
}

/* A frame from the host, n bytes with its header. The firmware checks what it is told. */
static void describe(const char *buffer, size_t n, struct svio_wire_frame *frame)
{
	const struct virtio_net_hdr *header = (const void *)(buffer + HEADER_OFFSET);
	const uint8_t *data = (const uint8_t *)buffer + FRAME_OFFSET;

	*frame = (struct svio_wire_frame){ .data = data, .bytes = (uint32_t)(n - sizeof(*header)) };
	if (header->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		frame->flags = SVIO_WIRE_CSUM_OK;
	if (!(header->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return;
	frame->flags = SVIO_WIRE_CSUM;
	frame->csum_start = header->csum_start;
	frame->csum_offset = header->csum_offset;
	if (frame->bytes < header->csum_start + 13u)
		return;
	frame->gso_type = gso_type_of(header, data);
	if (frame->gso_type == SVIO_GSO_NONE)
		return;
	frame->gso_size = header->gso_size;
	frame->hdr_len = header_bytes(header, data, frame->gso_type);
}

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
		ssize_t n = read(tap->fd, buffer + HEADER_OFFSET, BUFFER_BYTES - HEADER_OFFSET);

		if (n < (ssize_t)sizeof(struct virtio_net_hdr))
			break;
		describe(buffer, (size_t)n, &frames[count]);
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

	if (bytes > SVIO_FRAME_BYTES_MAX)
		return NULL;
	tap->tx_piece[0] =
		(struct iovec){ .iov_base = tap->tx + HEADER_OFFSET,
				.iov_len = sizeof(struct virtio_net_hdr) + (size_t)bytes };
	tap->tx_pieces = 1;
	return tap->tx + FRAME_OFFSET;
}

/* The kernel reads guests' memory itself: what is not there is an error of writev(), no signal. */
static bool tap_tx_append(void *state, const char *data, uint32_t bytes)
{
	struct tap *tap = state;

	tap->tx_piece[tap->tx_pieces++] =
		(struct iovec){ .iov_base = (char *)data, .iov_len = bytes };
	return true;
}

static uint8_t virtio_gso_type(uint8_t gso_type)
{
	static const uint8_t types[SVIO_GSO_COUNT] = {
		[SVIO_GSO_NONE] = VIRTIO_NET_HDR_GSO_NONE,
		[SVIO_GSO_TCP4] = VIRTIO_NET_HDR_GSO_TCPV4,
		[SVIO_GSO_TCP6] = VIRTIO_NET_HDR_GSO_TCPV6,
		[SVIO_GSO_UDP4] = VIRTIO_NET_HDR_GSO_UDP_L4,
		[SVIO_GSO_UDP6] = VIRTIO_NET_HDR_GSO_UDP_L4,
	};

	return types[gso_type];
}

/* The write runs the host's stack up to its socket; there is nothing to gain from batches. */
static void tap_tx_send(void *state, const struct svio_wire_frame *frame)
{
	struct tap *tap = state;
	struct virtio_net_hdr header = { .gso_type = virtio_gso_type(frame->gso_type) };
	size_t bytes = sizeof(header) + frame->bytes;

	if (frame->flags & SVIO_WIRE_CSUM) {
		header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
		header.csum_start = frame->csum_start;
		header.csum_offset = frame->csum_offset;
	}
	if (frame->gso_type) {
		header.gso_size = frame->gso_size;
		header.hdr_len = frame->hdr_len;
	}
	memcpy(tap->tx + HEADER_OFFSET, &header, sizeof(header));
	if (writev(tap->fd, tap->tx_piece, (int)tap->tx_pieces) != (ssize_t)bytes)
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
	.tx_append = tap_tx_append,
	.tx_send = tap_tx_send,
	.tx_flush = tap_tx_flush,
	.lends = true,
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

/* What the host may leave to us, and we to it. UDP: Linux 6.2 and later. 0; -errno. */
static int agree_offloads(struct svio_port_wire *wire, struct tap *tap)
{
	unsigned int tcp = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	unsigned int udp = TUN_F_USO4 | TUN_F_USO6;

	wire->csum = 1;
	wire->gso = 1u << SVIO_GSO_TCP4 | 1u << SVIO_GSO_TCP6;
	if (ioctl(tap->fd, TUNSETOFFLOAD, (unsigned long)(tcp | udp)) == 0) {
		wire->gso |= 1u << SVIO_GSO_UDP4 | 1u << SVIO_GSO_UDP6;
		return 0;
	}
	return ioctl(tap->fd, TUNSETOFFLOAD, (unsigned long)tcp) < 0 ? -errno : 0;
}

static int setup(struct svio_port_wire *wire, struct tap *tap)
{
	int vnet_bytes = sizeof(struct virtio_net_hdr);
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
	if (ioctl(tap->fd, TUNSETVNETHDRSZ, &vnet_bytes) < 0)
		status = -errno;
	if (!status)
		status = agree_offloads(wire, tap);
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
	.open = open_tap,
	.progress = progress_tap,
	.wait = wait_tap,
	.ops = &tap_ops,
	.link = link_tap,
	.sleep = sleep_tap,
	.wake = wake_tap,
	.close = close_tap,
};
