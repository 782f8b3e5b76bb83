/* SPDX-License-Identifier: BSD-3-Clause */
/* Which wire a --wire means, and the wire that is none. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "port.h"

static uint32_t rx_nothing(void *state, struct svio_wire_frame *frames, uint32_t max)
{
	(void)state;
	(void)frames;
	(void)max;
	return 0;
}

static void rx_done_nothing(void *state)
{
	(void)state;
}

static void *no_room(void *state, uint32_t bytes)
{
	(void)state;
	(void)bytes;
	return NULL;
}

static void send_nothing(void *state, const struct svio_wire_frame *frame)
{
	(void)state;
	(void)frame;
}

static uint32_t flush_nothing(void *state)
{
	(void)state;
	return 0;
}

const struct svio_hal_wire_ops svio_port_wire_none = {
	.rx = rx_nothing,
	.rx_done = rx_done_nothing,
	.tx_room = no_room,
	.tx_send = send_nothing,
	.tx_flush = flush_nothing,
};

static int open_null(struct svio_port_wire *wire)
{
	(void)wire;
	return 0;
}

static enum svio_port_wire_progress progress_null(struct svio_port_wire *wire)
{
	(void)wire;
	return SVIO_PORT_WIRE_OPEN;
}

static void wait_null(struct svio_port_wire *wire)
{
	(void)wire;
}

/* No cable, yet up: a guest whose link is down would not talk to its neighbours either. */
static void link_null(struct svio_port_wire *wire, uint8_t mac[6], bool *up, uint32_t *speed_mbps)
{
	(void)wire;
	memset(mac, 0, 6);
	*up = true;
	*speed_mbps = 0;
}

static void sleep_null(struct svio_port_wire *wire, uint64_t *max_sleep_ns)
{
	(void)wire;
	(void)max_sleep_ns;
}

static void wake_null(struct svio_port_wire *wire, bool traffic)
{
	(void)wire;
	(void)traffic;
}

static void close_null(struct svio_port_wire *wire, bool forever)
{
	(void)wire;
	(void)forever;
}

const struct svio_port_wire_kind svio_port_wire_null = {
	.name = "null",
	.open = open_null,
	.progress = progress_null,
	.wait = wait_null,
	.ops = &svio_port_wire_none,
	.link = link_null,
	.sleep = sleep_null,
	.wake = wake_null,
	.close = close_null,
};

void svio_port_wire_fail(struct svio_port_wire *wire, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(wire->error, sizeof(wire->error), format, arguments);
	va_end(arguments);
}

int svio_port_wire_init(struct svio_port_wire *wire, const char *spec)
{
	*wire = (struct svio_port_wire){
		.spec = spec, .argument = spec, .rx_fd = -1, .link_fd = -1, .kick_fd = -1
	};
	if (!strcmp(spec, "null")) {
		wire->kind = &svio_port_wire_null;
	} else if (!strncmp(spec, "tap:", 4)) {
		wire->kind = &svio_port_wire_tap;
		wire->argument = spec + 4;
	} else if (*spec) {
		wire->kind = &svio_port_wire_dpdk;
	} else {
		svio_port_wire_fail(wire, "--wire is empty: use null, tap:NAME, af_packet:IF, "
					  "af_xdp:IF, pcap:... or a DPDK device");
		return -EINVAL;
	}
	return 0;
}
