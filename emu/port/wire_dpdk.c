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
 * One queue each way, one mbuf a frame: the pool's buffers hold the longest. A NIC that receives
 * in pieces all the same has them put together.
 */
#include <dirent.h>
#include <net/if.h>
#include <pthread.h>
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

#include "port.h"
#include "wire_dpdk.h"

#define DESCS           512
#define POOL_MBUFS      2047
#define POOL_CACHE      256
#define DATA_ROOM_BYTES (RTE_PKTMBUF_HEADROOM + 9216)
/*
 * net_af_xdp has its memory in pages that the kernel fills, a frame in each: header, mbuf and
 * data together are 4032 bytes, an odd number of cache lines, which no mempool rounds up. It
 * keeps 2048 of them for the kernel to receive into.
 */
#define XDP_POOL_MBUFS      6143
#define XDP_DATA_ROOM_BYTES (4032 - 64 - (int)sizeof(struct rte_mbuf))
#define XDP_KERNEL_ROOM     256 /* of that, in front of a frame */
/* Bounds what a lost event costs, and how late a NIC's link change is seen. */
#define SLEEP_MAX_NS    100000000ull
#define EAL_ARGS_MAX    24
#define XDP_FRAME_BYTES (XDP_DATA_ROOM_BYTES - RTE_PKTMBUF_HEADROOM - XDP_KERNEL_ROOM)

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

/* The longest MTU, up to ours, that ethdev's own checks let through, and an mbuf holds. */
static uint16_t choose_mtu(const struct dpdk *d, const struct rte_eth_dev_info *info)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
	uint32_t mtu = SVIO_MTU_MAX;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	if (mtu > info->max_mtu)
		mtu = info->max_mtu;
	if (info->max_rx_pktlen > overhead && mtu > info->max_rx_pktlen - overhead)
		mtu = info->max_rx_pktlen - overhead;
	if (d->xdp && mtu > XDP_FRAME_BYTES - overhead)
		mtu = XDP_FRAME_BYTES - overhead;
	return (uint16_t)mtu;
}

/*
 * Of hardware only: DPDK's drivers of other things do it in software, in more passes over a frame
 * than ours takes.
 */
static void choose_offloads(struct dpdk *d, const struct rte_eth_dev_info *info,
			    struct rte_eth_conf *conf)
{
	conf->rxmode.offloads = info->rx_offload_capa &
				(RTE_ETH_RX_OFFLOAD_TCP_CKSUM | RTE_ETH_RX_OFFLOAD_UDP_CKSUM);
	conf->txmode.offloads = info->tx_offload_capa &
				(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM |
				 RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_TSO |
				 RTE_ETH_TX_OFFLOAD_UDP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
	d->tx_offloads = conf->txmode.offloads;
	d->segs_max = info->tx_desc_lim.nb_seg_max;
}

static int configure_port(struct dpdk *d, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = { .rxmode.mtu = choose_mtu(d, info) };
	int status;

	if (d->pci)
		choose_offloads(d, info, &conf);
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

	d->pool = rte_pktmbuf_pool_create("svio_wire", d->xdp ? XDP_POOL_MBUFS : POOL_MBUFS,
					  POOL_CACHE, 0,
					  d->xdp ? XDP_DATA_ROOM_BYTES : DATA_ROOM_BYTES,
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
	else
		svio_port_log("%s: guests' memory is lent through %s", d->wire->spec,
			      d->lend.vfio.name);
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
	d->xsk_fd = -1;
	d->look_ns = LOOK_MIN_NS;
	d->control_fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	wire->state = d;
	status = svio_port_dpdk_device(d);
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

/*
 * net_af_xdp offers no descriptor to sleep on, but its socket is one: readable while
 * frames wait. -1: it has none.
 */
static int find_xsk(void)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;
	int found = -1;

	while (folder && found < 0 && (entry = readdir(folder))) {
		int fd = (int)strtol(entry->d_name, NULL, 10);
		int domain = 0;
		socklen_t bytes = sizeof(domain);

		if (*entry->d_name != '.' &&
		    getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &bytes) == 0 && domain == AF_XDP)
			found = fd;
	}
	if (folder)
		closedir(folder);
	return found;
}

/* On the core's thread, once: what it needs to use the port. */
static void adopt(struct dpdk *d)
{
	struct svio_port_wire *wire = d->wire;

	join_opener(d);
	svio_port_dpdk_offer(d);
	if (d->xdp)
		d->xsk_fd = find_xsk();
	if (d->zero_copy) {
		wire->ops = &svio_port_dpdk_lending_ops;
		__atomic_or_fetch(&wire->segment->wire_flags, SVIO_HOST_WIRE_LENDS,
				  __ATOMIC_SEQ_CST);
	}
	/* Gives this thread an lcore number, and with it a cache in the pool. */
	if (rte_thread_register() < 0)
		svio_port_log("%s: no mbuf cache for this thread: %s", wire->spec,
			      rte_strerror(rte_errno));
	if (d->readiness_fd < 0 && d->xsk_fd < 0) {
		/* Many drivers have none, which is no error worth a line. */
		rte_log_set_level_pattern("lib.ethdev", RTE_LOG_CRIT);
		d->intr_fd = rte_eth_dev_rx_intr_ctl_q_get_fd(d->port, 0);
		rte_log_set_level_pattern("lib.ethdev", RTE_LOG_ERR);
	}
	if (d->intr_fd >= 0)
		d->intr_is_eventfd = is_eventfd(d->intr_fd);
	wire->rx_fd = d->readiness_fd >= 0 ? d->readiness_fd
		      : d->xsk_fd >= 0     ? d->xsk_fd
					   : d->intr_fd;
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
	} else if (d->xsk_fd >= 0) {
		; /* level-triggered, armed by nobody */
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
		svio_port_dpdk_count_lent(d);
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
	.open = open_dpdk,
	.progress = progress_dpdk,
	.wait = wait_dpdk,
	.ops = &svio_port_dpdk_ops,
	.link = link_dpdk,
	.sleep = sleep_dpdk,
	.wake = wake_dpdk,
	.revoke = revoke_dpdk,
	.close = close_dpdk,
};
