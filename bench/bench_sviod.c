/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench-sviod (bench_sviod.h): the libraries that sviod is made of, in the
 * same kind of process, with the same firmware below. What is timed here is what
 * a DMA_MAP and a DMA_UNMAP message costs behind the bus: the memory object of
 * the descriptor, the tables, the wait for the cores.
 */
#include <argp.h>
#include <err.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench_sviod.h"
#include "front.h"
#include "log.h"
#include "loop.h"
#include "registry.h"
#include "svio_pci.h"

#define PAGE      4096u
#define MEMORY    (16u << 20)
#define IOVA      (1ull << 40) /* apart from what the VIF's client has mapped */
#define VIFS      8
#define PAGES_LG2 9 /* that the pairs go round in */

static struct svio_device *device;
static int memory;

static struct svio_vif *find_vif(void)
{
	uint32_t slot = 0;
	struct svio_vif *vif;

	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		if (strcmp(svio_vif_name(vif), BENCH_SVIOD_VIF) == 0)
			return vif;
	errx(1, "there is no VIF %s", BENCH_SVIOD_VIF);
}

static void map_page(struct svio_vif *vif, uint64_t page)
{
	if (svio_vif_dma_map(vif, IOVA + page * PAGE, PAGE, memory, page * PAGE, true, true))
		errx(1, "a page cannot be mapped");
}

static void unmap_page(struct svio_vif *vif, uint64_t page)
{
	if (svio_vif_dma_unmap(vif, IOVA + page * PAGE, PAGE, false))
		errx(1, "a page cannot be unmapped");
}

/* Pages 1.., so that a neighbour at 0 may stay mapped. */
static uint64_t time_pairs(struct svio_vif *vif, uint32_t count)
{
	uint64_t start = svio_clock_ns();

	for (uint32_t i = 0; i < count; i++) {
		uint64_t page = 1 + i % ((1u << PAGES_LG2) - 1);

		map_page(vif, page);
		unmap_page(vif, page);
	}
	return svio_clock_ns() - start;
}

static uint64_t time_unmap(struct svio_vif *vif, uint32_t delay_ns)
{
	uint64_t start = svio_clock_ns();

	map_page(vif, 1);
	while (svio_clock_ns() - start < delay_ns)
		;
	start = svio_clock_ns();
	unmap_page(vif, 1);
	return svio_clock_ns() - start;
}

static long count_preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

static void handle_question(void *context, int fd, uint32_t events)
{
	struct bench_sviod_question question;
	struct bench_sviod_answer answer = { 0 };
	struct svio_vif *vif;
	long before;

	(void)events;
	if (recv(fd, &question, sizeof(question), 0) != sizeof(question)) {
		svio_loop_stop(context); /* svio-bench has gone */
		return;
	}
	vif = find_vif();
	if (question.beside)
		map_page(vif, 0);
	before = count_preemptions();
	if (question.what == BENCH_SVIOD_PAIRS)
		answer.ns = time_pairs(vif, question.count);
	else
		answer.ns = time_unmap(vif, question.delay_ns);
	answer.preempted = count_preemptions() != before;
	if (question.beside)
		unmap_page(vif, 0);
	if (send(fd, &answer, sizeof(answer), MSG_NOSIGNAL) != sizeof(answer))
		svio_loop_stop(context);
}

static void handle_connect(void *context, int fd, uint32_t events)
{
	struct sockaddr_un peer;
	socklen_t bytes = sizeof(peer);
	int client = accept4(fd, (struct sockaddr *)&peer, &bytes, SOCK_CLOEXEC);

	(void)events;
	if (client < 0 || !svio_loop_add_fd(context, client, EPOLLIN, handle_question, context))
		err(1, "accept");
}

static void open_socket(struct svio_loop *loop, const char *run_dir)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%.80s/%s", run_dir,
		 BENCH_SVIOD_SOCKET);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 1) ||
	    !svio_loop_add_fd(loop, fd, EPOLLIN, handle_connect, loop))
		err(1, "%s", address.sun_path);
}

static const struct argp_option argp_options[] = {
	{ "run-dir", 'd', "DIR", 0, "Where the sockets are made", 0 },
	{ "wire", 'w', "SPEC", 0, "The device's physical port", 0 },
	{ "fw", 'f', "PATH", 0, "The firmware program", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct svio_device_options *options = state->input;

	switch (key) {
	case 'd':
		options->run_dir = argument;
		return 0;
	case 'w':
		options->wire = argument;
		return 0;
	case 'f':
		options->fw_path = argument;
		return 0;
	case ARGP_KEY_END:
		if (!options->run_dir || !options->wire || !options->fw_path)
			argp_error(state, "run-dir, wire and fw are needed");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

/* Until SIGTERM, or until svio-bench has gone: the firmware ends by itself then. */
int main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Started by svio-bench iommu, which has it time its own work.",
	};
	struct svio_device_options options = { .vifs_max = VIFS };
	struct bus_settings settings = { .id = { SVIO_PCI_VENDOR_ID, SVIO_PCI_DEVICE_ID } };
	int status;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	memory = memfd_create("svio-bench", MFD_CLOEXEC);
	settings.loop = svio_loop_new();
	if (memory < 0 || ftruncate(memory, MEMORY) || !settings.loop)
		err(1, "cannot start");
	status = svio_device_open(&options, settings.loop, &bus_front_ops, &settings, &device);
	if (status)
		errx(1, "%s", strerror(-status));
	open_socket(settings.loop, options.run_dir);
	status = svio_loop_run(settings.loop);
	svio_device_close(device);
	return status ? 1 : 0;
}
