/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * usage: wire_fault PCI_ADDRESS
 * Lends a page to a NIC, sends from it, takes the page back, and has the NIC read it all the
 * same. Prints the page's address. That the second frame does not leave and that the kernel tells
 * of a fault at that address is for the caller to see.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include <rte_dev.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "emu/port/lend.h"

#define BYTES     1000
#define DESCS     128
#define PATIENCE  5
#define LINK_WAIT 100 /* tenths of a second */

static struct svio_port_lend lend;
static struct rte_mempool *pool;

static void start_port(const char *address)
{
	const char *args[] = { "wire_fault", "--no-huge",    "--no-shconf",
			       "-m",         "64",           "--no-telemetry",
			       "-a",         "ffff:ff:1f.7", "--iova-mode=va" };
	struct rte_eth_conf conf = { .txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS };

	if (rte_eal_init(sizeof(args) / sizeof(args[0]), (char **)args) < 0)
		errx(1, "no EAL");
	if (svio_port_lend_open(&lend, address) || rte_dev_probe(address) ||
	    svio_port_lend_start(&lend))
		errx(1, "%s: %s", address, lend.error ? lend.error : "not probed");
	pool = rte_pktmbuf_pool_create("pool", 511, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool || rte_eth_dev_configure(0, 1, 1, &conf) < 0 ||
	    rte_eth_rx_queue_setup(0, 0, 128, SOCKET_ID_ANY, NULL, pool) < 0 ||
	    rte_eth_tx_queue_setup(0, 0, DESCS, SOCKET_ID_ANY, NULL) < 0 ||
	    rte_eth_dev_start(0) < 0)
		errx(1, "%s: cannot be started", address);
}

static void wait_link(void)
{
	const struct timespec pause = { .tv_nsec = 100000000 };
	struct rte_eth_link link = { 0 };

	for (int i = 0; i < LINK_WAIT && !link.link_status; i++) {
		rte_eth_link_get_nowait(0, &link);
		nanosleep(&pause, NULL);
	}
	if (!link.link_status)
		errx(1, "no link");
}

static void send_frame(struct rte_mbuf *frame)
{
	const time_t end = time(NULL) + PATIENCE;

	frame->pkt_len = frame->data_len;
	if (rte_eth_tx_burst(0, 0, &frame, 1) != 1)
		errx(1, "not taken");
	while (!svio_port_lend_sent(0, DESCS) && time(NULL) <= end)
		;
}

/* As svio_port_lend_attach() does it, without asking. */
static struct rte_mbuf *refer_to(char *page)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(pool);

	if (!frame)
		errx(1, "no mbuf");
	rte_mbuf_ext_refcnt_update(&lend.shared, 1);
	rte_pktmbuf_attach_extbuf(frame, page, (rte_iova_t)page, BYTES, &lend.shared);
	frame->data_off = 0;
	frame->data_len = BYTES;
	return frame;
}

int main(int argc, char **argv)
{
	struct rte_mbuf *frame;
	char *page;

	if (argc != 2)
		errx(2, "usage: wire_fault PCI_ADDRESS");
	start_port(argv[1]);
	wait_link();
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	frame = rte_pktmbuf_alloc(pool);
	if (page == MAP_FAILED || !frame)
		errx(1, "no memory");
	memset(page, 'L', BYTES);
	if (!svio_port_lend_attach(&lend, frame, page, BYTES))
		errx(1, "the page is not taken");
	send_frame(frame);
	if (!svio_port_lend_sent(0, DESCS))
		errx(1, "the NIC does not send");
	if (svio_iommu_window_revoke(&lend.window, page, 4096))
		errx(1, "the page is not given back");
	memset(page, 'R', BYTES);
	printf("%s %#lx\n", lend.vfio.name, (unsigned long)page);
	send_frame(refer_to(page));
	return 0;
}
