/* SPDX-License-Identifier: BSD-3-Clause */
/* A peer's process: DPDK with one or two ports; forwards between them, or has the guests on them. */
#include "peer_dpdk.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_version.h>

#define ARGUMENTS_MAX  24
#define PORTS_MAX      2
#define MBUFS          8191 /* 2^n - 1: what a mempool has no waste with */
#define MBUF_CACHE     256
#define LINK_TRIES     2000
#define LINK_TRY_US    5000
#define STEPS_PER_LOOK 64

struct peer {
	const struct peer_kind *kind;
	bool device;
	const char *dir;
	int socket;
	struct peer_shared *shared;
	struct rte_mempool *pool;
};

/* A guest's port: number i of the process. */
struct peer_port {
	struct guest_port port;
	struct rte_mempool *pool;
	uint16_t number;
};

/* DPDK without huge pages, other devices, or words; memory in one file, as virtio-user wants it. */
static void start_dpdk(const struct peer *peer, const char *cpu)
{
	const struct peer_kind *kind = peer->kind;
	char lines[2 + PORTS_MAX][256];
	char *arguments[ARGUMENTS_MAX];
	char *at = NULL;
	int count = 0;

	snprintf(lines[0], sizeof(lines[0]),
		 "svio-bench --no-huge --no-shconf --no-pci --no-telemetry --single-file-segments "
		 "-m 256 --force-max-simd-bitwidth 512 --lcores 0@%s",
		 cpu);
	for (char *word = strtok_r(lines[0], " ", &at); word; word = strtok_r(NULL, " ", &at))
		arguments[count++] = word;
	for (uint32_t i = 0; i < kind->ports; i++) {
		char id[16] = "";

		if (kind->numbered)
			snprintf(id, sizeof(id), "id=%u,", i);
		snprintf(lines[1 + i], sizeof(lines[0]), "--vdev=%s%u,%s%s%s/v%u.sock",
			 peer->device ? kind->device : kind->guest, i, id,
			 peer->device ? kind->device_arguments : kind->guest_arguments, peer->dir,
			 i);
		arguments[count++] = lines[1 + i];
	}
	if (rte_eal_init(count, arguments) < 0)
		errx(1, "DPDK does not start: %s", rte_strerror(rte_errno));
}

static void start_port(const struct peer *peer, uint16_t port)
{
	struct rte_eth_conf conf = { 0 };
	struct rte_eth_dev_info info;

	if (rte_eth_dev_info_get(port, &info))
		errx(1, "port %u", port);
	/* As testpmd does where it can: all frames come from one pool and nobody else holds them. */
	conf.txmode.offloads = info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MBUF_FAST_FREE;
	if (rte_eth_dev_configure(port, 1, 1, &conf) ||
	    rte_eth_rx_queue_setup(port, 0, PEER_RING, SOCKET_ID_ANY, NULL, peer->pool) ||
	    rte_eth_tx_queue_setup(port, 0, PEER_RING, SOCKET_ID_ANY, NULL) ||
	    rte_eth_dev_start(port))
		errx(1, "port %u does not start: %s", port, rte_strerror(rte_errno));
	rte_eth_promiscuous_enable(port);
}

/* What is sent before is lost. */
static void await_links(const struct peer *peer)
{
	for (uint16_t i = 0; i < peer->kind->ports; i++) {
		struct rte_eth_link link = { 0 };

		for (int tries = 0; tries < LINK_TRIES; tries++) {
			if (rte_eth_link_get_nowait(i, &link) == 0 && link.link_status)
				break;
			usleep(LINK_TRY_US);
		}
		if (!link.link_status)
			errx(1, "port %u does not come up", i);
	}
}

static uint32_t forward(uint16_t from, uint16_t to)
{
	struct rte_mbuf *frames[GUEST_BURST];
	uint16_t n = rte_eth_rx_burst(from, 0, frames, GUEST_BURST);
	uint16_t taken;

	if (!n)
		return 0;
	taken = rte_eth_tx_burst(to, 0, frames, n);
	rte_pktmbuf_free_bulk(frames + taken, n - taken);
	return n;
}

/* What testpmd does in io mode. */
static void run_device(const struct peer *peer)
{
	uint16_t other = (uint16_t)(peer->kind->ports - 1);
	struct peer_answer answer = { 0 };
	struct peer_request request;

	while (recv(peer->socket, &request, sizeof(request), 0) == sizeof(request)) {
		do {
			for (int i = 0; i < STEPS_PER_LOOK; i++) {
				forward(0, other);
				if (other)
					forward(other, 0);
			}
		} while (atomic_load_explicit(&peer->shared->forwarding, memory_order_relaxed));
		send(peer->socket, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
}

static struct peer_port *to_peer_port(struct guest_port *port)
{
	return (struct peer_port *)port;
}

static uint32_t send_new(struct guest_port *port, const uint64_t *stamps, uint32_t n,
			 uint32_t bytes)
{
	struct peer_port *peer_port = to_peer_port(port);
	struct rte_mbuf *frames[GUEST_BURST];
	uint16_t taken;

	if (rte_pktmbuf_alloc_bulk(peer_port->pool, frames, n))
		return 0;
	for (uint32_t i = 0; i < n; i++) {
		guest_write(rte_pktmbuf_mtod(frames[i], uint8_t *), port, stamps[i]);
		frames[i]->data_len = (uint16_t)bytes;
		frames[i]->pkt_len = bytes;
	}
	taken = rte_eth_tx_burst(peer_port->number, 0, frames, (uint16_t)n);
	rte_pktmbuf_free_bulk(frames + taken, n - taken);
	return taken;
}

static uint32_t receive(struct guest_port *port, uint64_t *stamps)
{
	struct rte_mbuf *frames[GUEST_BURST];
	uint16_t n = rte_eth_rx_burst(to_peer_port(port)->number, 0, frames, GUEST_BURST);

	for (uint16_t i = 0; i < n; i++)
		stamps[i] = guest_read(port, rte_pktmbuf_mtod(frames[i], uint8_t *));
	rte_pktmbuf_free_bulk(frames, n);
	return n;
}

static uint32_t bounce(struct guest_port *port)
{
	struct peer_port *peer_port = to_peer_port(port);
	struct rte_mbuf *frames[GUEST_BURST];
	uint16_t n = rte_eth_rx_burst(peer_port->number, 0, frames, GUEST_BURST);
	uint16_t taken;

	if (!n)
		return 0;
	for (uint16_t i = 0; i < n; i++) {
		uint8_t *frame = rte_pktmbuf_mtod(frames[i], uint8_t *);

		guest_write(frame, port, guest_read(port, frame));
	}
	taken = rte_eth_tx_burst(peer_port->number, 0, frames, n);
	rte_pktmbuf_free_bulk(frames + taken, n - taken);
	return n;
}

static void run_guests(const struct peer *peer)
{
	static const struct guest_port_ops ops = { send_new, receive, bounce };
	static const uint8_t macs[PORTS_MAX][6] = { { 2, 0, 0, 0, 0, 1 }, { 2, 0, 0, 0, 0, 2 } };
	struct peer_port ports[PORTS_MAX] = { 0 };
	uint16_t last = (uint16_t)(peer->kind->ports - 1);
	struct guest_flow flow = { .from = &ports[0].port, .to = &ports[last].port };
	uint64_t stamps[GUEST_BURST];
	struct bench_waits device;
	struct bench_waits guests;
	struct guest_watch watch = { .device = &device, .guests = &guests };
	struct peer_request request;

	bench_waits_open(&device);
	bench_waits_open(&guests);
	bench_waits_add_process(&guests, getpid());
	for (uint16_t i = 0; i <= last; i++) {
		ports[i].port.ops = &ops;
		ports[i].pool = peer->pool;
		ports[i].number = i;
		guest_set_header(&ports[i].port, macs[i], macs[!i]);
		receive(&ports[i].port, stamps); /* memif's client posts no buffers before */
	}
	while (recv(peer->socket, &request, sizeof(request), 0) == sizeof(request)) {
		struct peer_answer answer = { 0 };

		if (!device.count)
			bench_waits_add_process(&device, request.device);
		watch.device_cpu = request.device_cpu;
		watch.guest_cpu = request.guest_cpu;
		answer.error = guest_run(&flow, 1, &request.load, &watch, &answer.result,
					 request.wants_times ? peer->shared->times : NULL);
		send(peer->socket, &answer, sizeof(answer), MSG_NOSIGNAL);
	}
}

static void map_shared(struct peer *peer, const char *descriptor)
{
	peer->shared = mmap(NULL, sizeof(*peer->shared), PROT_READ | PROT_WRITE, MAP_SHARED,
			    (int)strtol(descriptor, NULL, 10), 0);
	if (peer->shared == MAP_FAILED)
		err(1, "memory");
}

int peer_main(const struct peer_kind *kinds, size_t kind_count, char **words)
{
	struct peer peer = { .device = strcmp(words[0], "device") == 0,
			     .dir = words[2],
			     .socket = (int)strtol(words[4], NULL, 10) };
	size_t number = strtoul(words[1], NULL, 10);
	struct peer_answer ready = { 0 };

	if (number >= kind_count)
		return 2;
	peer.kind = &kinds[number];
	map_shared(&peer, words[5]);
	start_dpdk(&peer, words[3]);
	if (rte_eth_dev_count_avail() != peer.kind->ports)
		errx(1, "%u ports of %u", rte_eth_dev_count_avail(), peer.kind->ports);
	peer.pool = rte_pktmbuf_pool_create("frames", MBUFS, MBUF_CACHE, 0,
					    RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!peer.pool)
		errx(1, "no memory for frames");
	for (uint16_t i = 0; i < peer.kind->ports; i++)
		start_port(&peer, i);
	if (!peer.device)
		await_links(&peer);
	send(peer.socket, &ready, sizeof(ready), MSG_NOSIGNAL);
	if (peer.device)
		run_device(&peer);
	else
		run_guests(&peer);
	return 0;
}

const char *peer_version(void)
{
	return rte_version();
}
