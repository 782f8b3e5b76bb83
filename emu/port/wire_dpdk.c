/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any DPDK ethdev as the wire: net_af_packet, net_pcap, a NIC by PCI address,
 * any other device argument.
 *
 * DPDK's start (EAL: 0.1 to 0.2 s, most of it a sleep to measure the TSC) and
 * the opening of the port run on a thread of their own; until they are done the
 * core's thread serves its VIFs with no wire. What that thread wrote is read by
 * the core's thread only after progress says OPEN or FAILED.
 *
 * One queue each way, one mbuf a frame: the pool's buffers hold the longest.
 */
#include <net/if.h>
#include <pthread.h>
#include <regex.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_log.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "lend.h"
#include "port.h"

#define RX_BURST        32
#define TX_BURST        64
#define DESCS           512
#define POOL_MBUFS      2047
#define POOL_CACHE      256
#define DATA_ROOM_BYTES (RTE_PKTMBUF_HEADROOM + 9216)
/* How often a full transmit ring is tried again before the rest of a burst is dropped. */
#define TX_TRIES 4
/* A wire without a descriptor is looked at this often while asleep: doubling while it is silent. */
#define LOOK_MIN_NS 250000ull
#define LOOK_MAX_NS 8000000ull
/* Bounds what a lost event costs, and how late a NIC's link change is seen. */
#define SLEEP_MAX_NS 100000000ull
#define EAL_ARGS_MAX 24
/* Zero-copy: how long a NIC may take to send a burst before it is stopped. */
#define SENT_NS   20000000ull
#define ZERO_COPY ",zero-copy"

struct dpdk {
	uint16_t port;
	uint16_t rx_count;
	uint16_t tx_count;
	uint32_t tx_refused;   /* since the last flush */
	struct rte_mbuf *room; /* handed out by tx_room, not sent yet */
	struct rte_mbuf *last; /* of room's chain */
	uint32_t appended;     /* bytes of it behind room */
	bool zero_copy;        /* asked for */
	bool lends;            /* and possible, and no NIC has stood still with our memory */
	bool link_up;
	bool lent_now; /* since the last flush */
	uint16_t tx_descs;
	uint64_t lent_bytes;
	struct svio_port_lend lend;
	struct rte_mbuf *rx[RX_BURST];
	struct rte_mbuf *tx[TX_BURST];
	struct rte_mempool *pool;

	/* the opening thread */
	struct svio_port_wire *wire;
	pthread_t thread;
	bool thread_runs; /* to be joined */
	int progress;     /* enum svio_port_wire_progress, atomic */
	bool eal;         /* to be cleaned up */
	bool started;     /* the port */
	char device[256]; /* DPDK's device argument */
	bool pci;
	char eal_error[256]; /* what DPDK logged last */

	/* sleep */
	int readiness_fd;
	int intr_fd; /* of the receive queue, -1: none */
	bool intr_is_eventfd;
	unsigned int ifindex; /* of the host's interface behind it; 0: none */
	uint64_t look_ns;
	int control_fd; /* for interface ioctls */
};

static uint32_t dpdk_rx(void *state, struct svio_wire_frame *frames, uint32_t max)
{
	struct dpdk *d = state;
	uint16_t i, count;

	count = rte_eth_rx_burst(d->port, 0, d->rx, max < RX_BURST ? (uint16_t)max : RX_BURST);
	for (i = 0; i < count; i++) {
		struct rte_mbuf *m = d->rx[i];
		bool whole = m->nb_segs == 1 || rte_pktmbuf_linearize(m) == 0;

		frames[i] = (struct svio_wire_frame){
			.data = rte_pktmbuf_mtod(m, const void *),
			/* One too long to be linear is reported as malformed: empty. */
			.bytes = whole ? m->pkt_len : 0,
			.flags = (m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
						 RTE_MBUF_F_RX_L4_CKSUM_GOOD
					 ? SVIO_WIRE_CSUM_OK
					 : 0,
		};
	}
	d->rx_count = count;
	if (count)
		d->look_ns = LOOK_MIN_NS;
	return count;
}

static void dpdk_rx_done(void *state)
{
	struct dpdk *d = state;

	rte_pktmbuf_free_bulk(d->rx, d->rx_count);
	d->rx_count = 0;
}

static void send_queued(struct dpdk *d)
{
	uint16_t sent = 0;
	int tries;

	for (tries = 0; sent < d->tx_count && tries < TX_TRIES; tries++)
		sent += rte_eth_tx_burst(d->port, 0, d->tx + sent, d->tx_count - sent);
	if (sent < d->tx_count) {
		d->tx_refused += d->tx_count - sent;
		rte_pktmbuf_free_bulk(d->tx + sent, d->tx_count - sent);
	}
	d->tx_count = 0;
}

static void *dpdk_tx_room(void *state, uint32_t bytes)
{
	struct dpdk *d = state;

	if (bytes > SVIO_FRAME_BYTES_MAX)
		return NULL;
	if (d->tx_count == TX_BURST)
		send_queued(d);
	if (!d->room)
		d->room = rte_pktmbuf_alloc(d->pool);
	d->last = d->room;
	d->appended = 0;
	return d->room ? rte_pktmbuf_mtod(d->room, void *) : NULL;
}

static void dpdk_tx_send(void *state, const struct svio_wire_frame *frame)
{
	struct dpdk *d = state;
	struct rte_mbuf *m = d->room;

	m->data_len = (uint16_t)(frame->bytes - d->appended);
	m->pkt_len = frame->bytes;
	d->tx[d->tx_count++] = m;
	d->room = NULL;
}

static bool dpdk_tx_append(void *state, const char *data, uint32_t bytes)
{
	struct dpdk *d = state;
	struct rte_mbuf *piece = rte_pktmbuf_alloc(d->pool);

	if (!piece) {
		rte_pktmbuf_free(d->room);
		d->room = NULL;
		return false;
	}
	if (d->lends && d->link_up &&
	    svio_port_lend_attach(&d->lend, piece, data, (uint16_t)bytes)) {
		d->lent_bytes += bytes;
		d->lent_now = true;
	} else {
		memcpy(rte_pktmbuf_mtod(piece, void *), data, bytes);
		piece->data_len = (uint16_t)bytes;
	}
	d->last->next = piece;
	d->last = piece;
	d->room->nb_segs++;
	d->appended += bytes;
	return true;
}

/* A NIC that does not send is stopped: that it lets go of memory must not depend on its peer. */
static void stop_standing(struct dpdk *d)
{
	svio_port_log("%s: the NIC does not send: it is started again and no memory is lent to it "
		      "any more",
		      d->wire->spec);
	d->lends = false;
	if (rte_eth_dev_stop(d->port) < 0 || rte_eth_dev_start(d->port) < 0) {
		/* With this process its IOMMU domain ends. */
		svio_port_log("%s: the NIC cannot be stopped", d->wire->spec);
		_exit(SVIO_PORT_EXIT_INTERNAL);
	}
}

/* Until the NIC has read all that was lent: who lent it has it back when this returns. */
static void wait_sent(struct dpdk *d)
{
	uint64_t until_ns = svio_hal_now_ns() + SENT_NS;

	while (d->lent_now && !svio_port_lend_sent(d->port, d->tx_descs)) {
		if (svio_hal_now_ns() > until_ns) {
			stop_standing(d);
			break;
		}
	}
	d->lent_now = false;
	if (svio_iommu_window_settle(&d->lend.window) < 0)
		_exit(SVIO_PORT_EXIT_INTERNAL);
}

static void count_lent(struct dpdk *d)
{
	svio_le64 *counters = d->wire->segment->counters;

	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_tx_lent_bytes], d->lent_bytes,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_lends], d->lend.window.maps,
			 __ATOMIC_RELAXED);
	__atomic_store_n(&counters[SVIO_DEVICE_COUNTER_wire_revokes], d->lend.window.revokes,
			 __ATOMIC_RELAXED);
}

static uint32_t dpdk_tx_flush(void *state)
{
	struct dpdk *d = state;
	uint32_t refused;

	send_queued(d);
	if (d->zero_copy) {
		wait_sent(d);
		count_lent(d);
	}
	refused = d->tx_refused;
	d->tx_refused = 0;
	return refused;
}

static const struct svio_hal_wire_ops dpdk_ops = {
	.rx = dpdk_rx,
	.rx_done = dpdk_rx_done,
	.tx_room = dpdk_tx_room,
	.tx_send = dpdk_tx_send,
	.tx_flush = dpdk_tx_flush,
};

static const struct svio_hal_wire_ops dpdk_lending_ops = {
	.rx = dpdk_rx,
	.rx_done = dpdk_rx_done,
	.tx_room = dpdk_tx_room,
	.tx_append = dpdk_tx_append,
	.tx_send = dpdk_tx_send,
	.tx_flush = dpdk_tx_flush,
};

/* DPDK's log: errors become lines of ours, and the last one explains a failure. */
static ssize_t take_log(void *cookie, const char *text, size_t bytes)
{
	struct dpdk *d = cookie;
	int length = (int)bytes;

	while (length > 0 && text[length - 1] == '\n')
		length--;
	if (length == 0)
		return (ssize_t)bytes;
	svio_port_log("DPDK: %.*s", length, text);
	if (__atomic_load_n(&d->progress, __ATOMIC_RELAXED) == SVIO_PORT_WIRE_OPENING)
		snprintf(d->eal_error, sizeof(d->eal_error), "%.*s", length, text);
	return (ssize_t)bytes;
}

static void catch_log(struct dpdk *d)
{
	cookie_io_functions_t functions = { .write = take_log };
	FILE *stream = fopencookie(d, "w", functions);

	if (!stream)
		return;
	setvbuf(stream, NULL, _IOLBF, 0);
	rte_openlog_stream(stream);
}

/* Free hugepages of the default size, in bytes. */
static uint64_t free_huge_bytes(void)
{
	FILE *file = fopen("/proc/meminfo", "re");
	unsigned long long pages = 0, size_kib = 0;
	char line[128];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "HugePages_Free:", 15))
			pages = strtoull(line + 15, NULL, 10);
		else if (!strncmp(line, "Hugepagesize:", 13))
			size_kib = strtoull(line + 13, NULL, 10);
	}
	fclose(file);
	return pages * size_kib * 1024;
}

/* "0@(1,3)": one lcore that may float over the processors that this process may use. */
static void write_lcores(char *text, size_t bytes)
{
	const char *separator = "(";
	cpu_set_t set;
	size_t used;
	int cpu;

	used = (size_t)snprintf(text, bytes, "0@");
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (cpu = 0; cpu < CPU_SETSIZE && used + 8 < bytes; cpu++)
		if (CPU_ISSET(cpu, &set)) {
			used += (size_t)snprintf(text + used, bytes - used, "%s%d", separator, cpu);
			separator = ",";
		}
	snprintf(text + used, bytes - used, ")");
}

/*
 * No file of DPDK's is shared with other processes (--in-memory, --no-shconf),
 * so all svio-fw can use one --file-prefix; a prefix each would leave an empty
 * folder behind for every restart.
 */
#define NO_DEVICE "ffff:ff:1f.7"

static int start_eal(struct dpdk *d)
{
	char lcores[1024];
	const char *args[EAL_ARGS_MAX];
	int count = 0;

	write_lcores(lcores, sizeof(lcores));
	args[count++] = "svio-fw";
	args[count++] = "--lcores";
	args[count++] = lcores;
	args[count++] = "--file-prefix";
	args[count++] = "svio";
	args[count++] = "--no-telemetry";
	args[count++] = "--log-level=*:error";
	if (free_huge_bytes() >= 128ull << 20) {
		args[count++] = "--in-memory";
		if (d->zero_copy) {
			/* All of it now: what came later would not be in the NIC's domain. */
			args[count++] = "-m";
			args[count++] = "64";
			args[count++] = "--socket-limit=64";
		}
	} else {
		args[count++] = "--no-huge";
		args[count++] = "--no-shconf";
		args[count++] = "-m";
		args[count++] = "64";
	}
	if (d->zero_copy) {
		/* The device itself is probed later, in a container of its own. */
		args[count++] = "--iova-mode=va";
		args[count++] = "-a";
		args[count++] = NO_DEVICE;
		args[count] = NULL;
		return rte_eal_init(count, (char **)args);
	}
	if (d->pci) {
		args[count++] = "-a";
	} else {
		args[count++] = "--no-pci";
		args[count++] = "--vdev";
	}
	args[count++] = d->device;
	args[count] = NULL;
	/* EAL reorders the pointers and leaves the strings alone. */
	return rte_eal_init(count, (char **)args);
}

/* The longest MTU, up to ours, that ethdev's own checks let through. */
static uint16_t choose_mtu(const struct rte_eth_dev_info *info)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t mtu = SVIO_MTU_MAX;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (mtu > info->max_mtu)
		mtu = info->max_mtu;
	if (info->max_rx_pktlen > overhead && mtu > info->max_rx_pktlen - overhead)
		mtu = info->max_rx_pktlen - overhead;
	return (uint16_t)mtu;
}

static int configure_port(struct dpdk *d, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = { .rxmode.mtu = choose_mtu(info) };
	int status;

	/* Virtual devices would verify checksums in software, which the guest can do itself. */
	if (d->pci)
		conf.rxmode.offloads = info->rx_offload_capa & (RTE_ETH_RX_OFFLOAD_TCP_CKSUM |
								RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	if (d->zero_copy)
		conf.txmode.offloads = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	conf.intr_conf.rxq = 1;
	status = rte_eth_dev_configure(d->port, 1, 1, &conf);
	if (status < 0) {
		conf.intr_conf.rxq = 0;
		status = rte_eth_dev_configure(d->port, 1, 1, &conf);
	}
	return status;
}

static int start_port(struct dpdk *d)
{
	struct rte_eth_dev_info info;
	struct rte_eth_txconf *tx = &info.default_txconf;
	uint16_t rx_descs = DESCS, tx_descs = DESCS;
	int status;

	d->pool = rte_pktmbuf_pool_create("svio_wire", POOL_MBUFS, POOL_CACHE, 0, DATA_ROOM_BYTES,
					  SOCKET_ID_ANY);
	if (!d->pool)
		return -rte_errno;
	status = rte_eth_dev_info_get(d->port, &info);
	if (status < 0)
		return status;
	d->ifindex = info.if_index;
	/* Each frame is to be reported, where a driver would bundle reports. */
	if (d->zero_copy)
		tx->tx_rs_thresh = 1;
	if ((status = configure_port(d, &info)) < 0 ||
	    (status = rte_eth_dev_adjust_nb_rx_tx_desc(d->port, &rx_descs, &tx_descs)) < 0 ||
	    (status = rte_eth_rx_queue_setup(d->port, 0, rx_descs, SOCKET_ID_ANY, NULL, d->pool)) <
		    0 ||
	    (status = rte_eth_tx_queue_setup(d->port, 0, tx_descs, SOCKET_ID_ANY,
					     d->zero_copy ? tx : NULL)) < 0 ||
	    (status = rte_eth_dev_start(d->port)) < 0)
		return status;
	d->started = true;
	d->tx_descs = tx_descs;
	if (d->zero_copy && rte_eth_tx_descriptor_status(d->port, 0, 0) < 0)
		svio_port_log("%s: its driver does not tell what was sent: frames are copied",
			      d->wire->spec);
	else
		d->lends = d->zero_copy;
	/* Not every driver has these; one without receives everything anyway. */
	rte_eth_promiscuous_enable(d->port);
	rte_eth_allmulticast_enable(d->port);
	return 0;
}

#define DPDK_REMEDY "check its name, and that its driver's package (librte-net-*) is installed"

/* Probe the device in a container that is ours to map memory in. */
static int open_lending(struct dpdk *d)
{
	int status = svio_port_lend_open(&d->lend, d->device);

	if (!status) {
		status = rte_dev_probe(d->device);
		d->lend.error = "DPDK does not take the device";
	}
	if (!status)
		status = svio_port_lend_start(&d->lend);
	if (status)
		svio_port_wire_fail(d->wire, "%s: no zero-copy: %s (%s)", d->wire->spec,
				    d->lend.error, strerror(-status));
	return status;
}

static int open_port(struct dpdk *d)
{
	struct svio_port_wire *wire = d->wire;
	int status;

	if (start_eal(d) < 0) {
		svio_port_wire_fail(wire, "%s: DPDK does not take the device: %s: " DPDK_REMEDY,
				    wire->spec, d->eal_error);
		return -EIO;
	}
	d->eal = true;
	if (d->zero_copy && (status = open_lending(d)) != 0)
		return status;
	d->port = (uint16_t)rte_eth_find_next_owned_by(0, RTE_ETH_DEV_NO_OWNER);
	if (d->port >= RTE_MAX_ETHPORTS) {
		svio_port_wire_fail(wire, "%s: DPDK finds no such device: %s: " DPDK_REMEDY,
				    wire->spec, d->eal_error);
		return -ENODEV;
	}
	status = start_port(d);
	if (status < 0)
		svio_port_wire_fail(wire, "%s: DPDK cannot start the device: %s (%s)", wire->spec,
				    strerror(-status), d->eal_error);
	return status;
}

static void *run_open(void *argument)
{
	struct dpdk *d = argument;
	uint64_t one = 1;
	int progress = open_port(d) < 0 ? SVIO_PORT_WIRE_FAILED : SVIO_PORT_WIRE_OPEN;

	__atomic_store_n(&d->progress, progress, __ATOMIC_RELEASE);
	if (write(d->wire->kick_fd, &one, sizeof(one)) < 0)
		svio_port_log("cannot wake the core: %s", strerror(errno));
	return NULL;
}

/* "pcap:rx=FILE,tx=FILE" in net_pcap's own words. */
static void write_pcap_device(struct dpdk *d, const char *arguments)
{
	size_t used = (size_t)snprintf(d->device, sizeof(d->device), "net_pcap0");
	const char *p = arguments;

	while (*p && used < sizeof(d->device)) {
		int length = (int)strcspn(p, ",");
		const char *key = "";

		if (!strncmp(p, "rx=", 3) || !strncmp(p, "tx=", 3)) {
			key = *p == 'r' ? "rx_pcap" : "tx_pcap";
			p += 2;
			length -= 2;
		}
		used += (size_t)snprintf(d->device + used, sizeof(d->device) - used, ",%s%.*s", key,
					 length, p);
		p += length;
		if (*p == ',')
			p++;
	}
}

/* Blocks hold whole frames without padding, as net_af_packet counts on: 4 x 9216 = 9 pages. */
#define AF_PACKET_ARGUMENTS "blocksz=36864,framesz=9216,framecnt=512"

static int write_af_packet_device(struct dpdk *d, const char *arguments)
{
	char name[IFNAMSIZ];
	int length = (int)strcspn(arguments, ",");

	if (length == 0 || length >= IFNAMSIZ) {
		svio_port_wire_fail(d->wire,
				    "%s: not an interface name: give one as in af_packet:eth1",
				    d->wire->spec);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", length, arguments);
	d->ifindex = if_nametoindex(name);
	if (!d->ifindex) {
		svio_port_wire_fail(
			d->wire, "af_packet:%s: no such interface: `ip link` shows those there are",
			name);
		return -ENODEV;
	}
	snprintf(d->device, sizeof(d->device), "net_af_packet0,iface=%s,%s%s", name,
		 arguments[length] ? arguments + length + 1 : "",
		 arguments[length] ? "" : AF_PACKET_ARGUMENTS);
	/*
	 * Before net_af_packet binds its own socket: the kernel gives a frame to the
	 * youngest socket first, so when this one is readable the driver's ring has it.
	 */
	d->readiness_fd = svio_port_readiness_open(d->ifindex);
	return 0;
}

/* "00:1f.0" or "0000:00:1f.0", perhaps with device arguments behind a comma. */
static bool is_pci_address(const char *text)
{
	regex_t pattern;
	bool matches;

	if (regcomp(&pattern, "^([0-9a-f]{4}:)?[0-9a-f]{2}:[0-9a-f]{2}[.][0-7](,.*)?$",
		    REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		return false;
	matches = regexec(&pattern, text, 0, NULL, 0) == 0;
	regfree(&pattern);
	return matches;
}

static int write_device(struct dpdk *d)
{
	const char *spec = d->wire->spec;

	if (strlen(spec) + sizeof(AF_PACKET_ARGUMENTS) + 64 > sizeof(d->device)) {
		svio_port_wire_fail(d->wire, "%s: longer than %zu characters", spec,
				    sizeof(d->device) - sizeof(AF_PACKET_ARGUMENTS) - 64);
		return -EINVAL;
	}
	if (!strncmp(spec, "af_packet:", 10))
		return write_af_packet_device(d, spec + 10);
	if (!strncmp(spec, "pcap:", 5)) {
		write_pcap_device(d, spec + 5);
		return 0;
	}
	d->pci = is_pci_address(spec);
	if (!d->pci && strncmp(spec, "net_", 4) != 0 && strncmp(spec, "eth_", 4) != 0) {
		svio_port_wire_fail(
			d->wire,
			"%s: not a wire: use null, tap:NAME, af_packet:IF, "
			"pcap:rx=FILE,tx=FILE, a PCI address, or a DPDK device (net_...)",
			spec);
		return -EINVAL;
	}
	snprintf(d->device, sizeof(d->device), "%s", spec);
	if (d->pci && strstr(spec, ZERO_COPY)) {
		if (strcmp(strstr(spec, ZERO_COPY), ZERO_COPY) != 0) {
			svio_port_wire_fail(d->wire, "%s: zero-copy stands at the end", spec);
			return -EINVAL;
		}
		d->zero_copy = true;
		d->device[strlen(spec) - strlen(ZERO_COPY)] = '\0';
	}
	return 0;
}

static int open_dpdk(struct svio_port_wire *wire)
{
	struct dpdk *d = calloc(1, sizeof(*d));
	int status;

	if (!d) {
		svio_port_wire_fail(wire, "%s: no memory", wire->spec);
		return -ENOMEM;
	}
	d->wire = wire;
	d->readiness_fd = -1;
	d->intr_fd = -1;
	d->look_ns = LOOK_MIN_NS;
	d->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	wire->state = d;
	status = write_device(d);
	if (status < 0)
		return status;
	catch_log(d);
	status = pthread_create(&d->thread, NULL, run_open, d);
	if (status) {
		svio_port_wire_fail(wire, "%s: no thread: %s", wire->spec, strerror(status));
		return -status;
	}
	d->thread_runs = true;
	return 0;
}

static void join_opener(struct dpdk *d)
{
	if (d->thread_runs)
		pthread_join(d->thread, NULL);
	d->thread_runs = false;
}

static bool is_eventfd(int fd)
{
	char path[32], target[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strstr(target, "eventfd") != NULL;
}

/* On the core's thread, once: what it needs to use the port. */
static void adopt(struct dpdk *d)
{
	struct svio_port_wire *wire = d->wire;

	join_opener(d);
	if (d->zero_copy) {
		wire->ops = &dpdk_lending_ops;
		__atomic_or_fetch(&wire->segment->wire_flags, SVIO_HOST_WIRE_LENDS,
				  __ATOMIC_SEQ_CST);
	}
	/* Gives this thread an lcore number, and with it a cache in the pool. */
	if (rte_thread_register() < 0)
		svio_port_log("%s: no mbuf cache for this thread: %s", wire->spec,
			      rte_strerror(rte_errno));
	if (d->readiness_fd < 0) {
		/* Many drivers have none, which is no error worth a line. */
		rte_log_set_level_pattern("lib.ethdev", RTE_LOG_CRIT);
		d->intr_fd = rte_eth_dev_rx_intr_ctl_q_get_fd(d->port, 0);
		rte_log_set_level_pattern("lib.ethdev", RTE_LOG_ERR);
	}
	if (d->intr_fd >= 0)
		d->intr_is_eventfd = is_eventfd(d->intr_fd);
	wire->rx_fd = d->readiness_fd >= 0 ? d->readiness_fd : d->intr_fd;
	if (d->ifindex)
		wire->link_fd = svio_port_linkwatch_open();
}

static enum svio_port_wire_progress progress_dpdk(struct svio_port_wire *wire)
{
	struct dpdk *d = wire->state;
	int progress = __atomic_load_n(&d->progress, __ATOMIC_ACQUIRE);

	if (progress == SVIO_PORT_WIRE_OPEN && d->thread_runs)
		adopt(d);
	return (enum svio_port_wire_progress)progress;
}

static void wait_dpdk(struct svio_port_wire *wire)
{
	struct dpdk *d = wire->state;

	if (!d->thread_runs)
		return;
	pthread_join(d->thread, NULL);
	/* adopt() is still to come: there is nothing left to join. */
	d->thread_runs = false;
	if (__atomic_load_n(&d->progress, __ATOMIC_ACQUIRE) == SVIO_PORT_WIRE_OPEN)
		adopt(d);
}

static bool interface_up(struct dpdk *d)
{
	struct ifreq ifr = { .ifr_flags = 0 };

	return if_indextoname(d->ifindex, ifr.ifr_name) &&
	       ioctl(d->control_fd, SIOCGIFFLAGS, &ifr) == 0 && (ifr.ifr_flags & IFF_UP) &&
	       (ifr.ifr_flags & IFF_RUNNING);
}

static void link_dpdk(struct svio_port_wire *wire, uint8_t mac[6], bool *up, uint32_t *speed_mbps)
{
	struct dpdk *d = wire->state;
	struct rte_eth_link link = { .link_speed = 0 };
	struct rte_ether_addr address = { .addr_bytes = { 0 } };

	rte_eth_macaddr_get(d->port, &address);
	memcpy(mac, address.addr_bytes, 6);
	*up = rte_eth_link_get_nowait(d->port, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
	if (d->ifindex) /* net_af_packet says up whatever its interface does */
		*up = interface_up(d);
	d->link_up = *up;
	*speed_mbps = d->pci && link.link_speed != RTE_ETH_SPEED_NUM_UNKNOWN ? link.link_speed : 0;
}

static void sleep_dpdk(struct svio_port_wire *wire, uint64_t *max_sleep_ns)
{
	struct dpdk *d = wire->state;
	uint64_t most = SLEEP_MAX_NS;

	if (d->readiness_fd >= 0) {
		svio_port_readiness_drain(d->readiness_fd);
	} else if (d->intr_fd >= 0) {
		rte_eth_dev_rx_intr_enable(d->port, 0);
	} else {
		most = d->look_ns;
		d->look_ns = d->look_ns * 2 < LOOK_MAX_NS ? d->look_ns * 2 : LOOK_MAX_NS;
	}
	if (*max_sleep_ns > most)
		*max_sleep_ns = most;
}

static void wake_dpdk(struct svio_port_wire *wire, bool traffic)
{
	struct dpdk *d = wire->state;
	uint64_t count;

	if (d->readiness_fd >= 0 || d->intr_fd < 0)
		return;
	if (traffic && d->intr_is_eventfd && read(d->intr_fd, &count, sizeof(count)) < 0 &&
	    errno != EAGAIN)
		svio_port_log("%s: receive interrupt: %s", wire->spec, strerror(errno));
	rte_eth_dev_rx_intr_disable(d->port, 0);
}

static int revoke_dpdk(struct svio_port_wire *wire, const void *memory, uint64_t bytes)
{
	struct dpdk *d = wire->state;

	int status = 0;

	if (d->zero_copy && d->lend.window.iommu) {
		status = svio_iommu_window_revoke(&d->lend.window, memory, bytes);
		count_lent(d);
	}
	return status;
}

static void close_dpdk(struct svio_port_wire *wire, bool forever)
{
	struct dpdk *d = wire->state;

	(void)forever;
	if (!d)
		return;
	join_opener(d);
	if (d->started) {
		rte_eth_dev_stop(d->port);
		rte_eth_dev_close(d->port);
	}
	if (d->eal)
		rte_eal_cleanup();
	if (d->readiness_fd >= 0)
		close(d->readiness_fd);
	if (d->control_fd >= 0)
		close(d->control_fd);
	if (wire->link_fd >= 0)
		close(wire->link_fd);
	/* d itself stays: DPDK's log stream, used until the end of the process, points to it. */
}

const struct svio_port_wire_kind svio_port_wire_dpdk = {
	.name = "dpdk",
	.csum = false,
	.open = open_dpdk,
	.progress = progress_dpdk,
	.wait = wait_dpdk,
	.ops = &dpdk_ops,
	.link = link_dpdk,
	.sleep = sleep_dpdk,
	.wake = wake_dpdk,
	.revoke = revoke_dpdk,
	.close = close_dpdk,
};
