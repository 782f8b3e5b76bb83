/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The wire: the device's physical port, behind one of a few kinds of driver.
 *
 *   null          no wire: every packet to it is refused
 *   tap:NAME      wire_tap.c, on /dev/net/tun itself
 *   af_packet:IF, af_xdp:IF, pcap:..., any DPDK device   wire_dpdk.c, an rte_ethdev
 */
#ifndef SVIO_PORT_WIRE_H
#define SVIO_PORT_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_hal.h"

#define SVIO_PORT_WIRE_ERROR_BYTES 512

enum svio_port_wire_progress {
	SVIO_PORT_WIRE_OPENING,
	SVIO_PORT_WIRE_OPEN,
	SVIO_PORT_WIRE_FAILED, /* wire->error says why */
};

struct svio_port_wire;

/* What a kind of wire provides besides its packet path. Core's thread unless noted. */
struct svio_port_wire_kind {
	const char *name;
	/*
	 * Begin to open: 0; -errno with wire->error: cannot be opened. progress
	 * is OPEN when it is ready at once.
	 */
	int (*open)(struct svio_port_wire *wire);
	/* Progress of an open that goes on by itself. After FAILED only close() may follow. */
	enum svio_port_wire_progress (*progress)(struct svio_port_wire *wire);
	/* Block until progress() is no longer OPENING. */
	void (*wait)(struct svio_port_wire *wire);
	/* The packet path; state is wire->state. Valid once OPEN. */
	const struct svio_hal_wire_ops *ops;
	/* mac, link and speed (0: none, unknown) now. */
	void (*link)(struct svio_port_wire *wire, uint8_t mac[6], bool *up, uint32_t *speed_mbps);
	/*
	 * Before sleeping: make wire->rx_fd readable on traffic. *max_sleep_ns is
	 * lowered where the wire has no such descriptor and must be looked at.
	 */
	void (*sleep)(struct svio_port_wire *wire, uint64_t *max_sleep_ns);
	void (*wake)(struct svio_port_wire *wire, bool traffic);
	/*
	 * Take back guest memory that was lent (tx_append); NULL: the kind never lends. 0; -errno:
	 * the host refuses, only the end of this process takes it back.
	 */
	int (*revoke)(struct svio_port_wire *wire, const void *memory, uint64_t bytes);
	/* forever: the device ends; else another process will open the same wire. */
	void (*close)(struct svio_port_wire *wire, bool forever);
};

struct svio_port_wire {
	const struct svio_port_wire_kind *kind;
	const char *spec;                    /* as given to --wire */
	const char *argument;                /* spec without the kind's prefix */
	const struct svio_hal_wire_ops *ops; /* in place of the kind's; NULL: those */
	struct svio_host_segment *segment;
	int kick_fd; /* a thread that finishes an open writes it */
	void *state;
	int rx_fd;   /* readable when frames wait; -1: none */
	int link_fd; /* readable when the link may have changed; -1: none */
	/* What it does for a frame on transmit (struct svio_hal_ops); as of when it is open. */
	uint32_t csum;
	uint32_t gso;
	bool open;
	char error[SVIO_PORT_WIRE_ERROR_BYTES];
};

extern const struct svio_port_wire_kind svio_port_wire_null;
extern const struct svio_port_wire_kind svio_port_wire_tap;
extern const struct svio_port_wire_kind svio_port_wire_dpdk;
/* Frames to it are refused, none come: the null wire, and any wire before it is open. */
extern const struct svio_hal_wire_ops svio_port_wire_none;

/*
 * Choose the kind for spec and check what can be checked at once. spec stays
 * the caller's. 0; -EINVAL with wire->error: no such wire can be.
 */
int svio_port_wire_init(struct svio_port_wire *wire, const char *spec);

/* Write wire->error. */
void svio_port_wire_fail(struct svio_port_wire *wire, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* linkwatch.c: a descriptor that is readable after any interface's link has changed; -1: none. */
int svio_port_linkwatch_open(void);
void svio_port_linkwatch_drain(int fd);

/*
 * readiness.c: a descriptor that is readable when a network interface has
 * received a frame, for drivers that offer none; -1: none.
 */
int svio_port_readiness_open(unsigned int ifindex);
void svio_port_readiness_drain(int fd);

#endif /* SVIO_PORT_WIRE_H */
