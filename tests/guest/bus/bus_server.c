// SPDX-License-Identifier: BSD-3-Clause
/*
 * The bus on a VIF that does nothing, for QEMU to open: prints a line for each
 * thing that the VIF is told, until its standard input ends.
 *
 * usage: bus_server SOCKET
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "fake_registry.h"
#include "front.h"
#include "loop.h"

#define VECTORS 5

static const char *const names[FAKE_CALL_COUNT] = {
	[FAKE_REG_READ] = "reg_read",
	[FAKE_REG_WRITE] = "reg_write",
	[FAKE_RESET] = "reset",
	[FAKE_BUS_MASTER] = "bus_master",
	[FAKE_DMA_MAP] = "dma_map",
	[FAKE_DMA_UNMAP_BEGIN] = "dma_unmap",
	[FAKE_DMA_UNMAP_FLUSH] = "dma_unmap_flush",
	[FAKE_IRQ_SET] = "irq_set",
	[FAKE_DISCONNECTED] = "disconnected",
};

static bool ended;

static void end_server(void *context, int fd, uint32_t events)
{
	char byte;

	(void)context;
	(void)events;
	if (read(fd, &byte, 1) <= 0)
		ended = true;
}

static void print_records(struct svio_vif *vif)
{
	for (size_t i = 0; i < vif->record_count; i++)
		printf("%s 0x%" PRIx64 "\n", names[vif->records[i].call], vif->records[i].arg);
	if (vif->record_count)
		fflush(stdout);
	fake_vif_forget(vif);
}

int main(int argc, char **argv)
{
	struct bus_settings settings = { .loop = svio_loop_new(), .id = { 0x1234, 0x5610 } };
	struct svio_vif *vif = fake_vif_new("vif", VECTORS);
	void *front = NULL;

	signal(SIGPIPE, SIG_IGN);
	if (argc == 2 && settings.loop && vif)
		front = bus_front_ops.add(&settings, vif, argv[1]);
	if (!front || !svio_loop_add_fd(settings.loop, STDIN_FILENO, EPOLLIN, end_server, NULL)) {
		fprintf(stderr, "usage: bus_server SOCKET (%s)\n", strerror(errno));
		return EXIT_FAILURE;
	}
	printf("ready\n");
	fflush(stdout);
	while (!ended && svio_loop_run_once(settings.loop, -1) == 0)
		print_records(vif);
	bus_front_ops.del(front);
	fake_vif_free(vif);
	svio_loop_free(settings.loop);
	return EXIT_SUCCESS;
}
