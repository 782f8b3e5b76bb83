/* SPDX-License-Identifier: BSD-3-Clause */
/* The VERSION handshake: what a client proposes, and our answer to it. */
#ifndef SVIO_BUS_VERSION_H
#define SVIO_BUS_VERSION_H

#include <stddef.h>
#include <stdint.h>

/* The largest reply, version and NUL included. */
#define BUS_VERSION_REPLY_BYTES 256

struct bus_version {
	uint32_t proposed;       /* bit n: the client named known capability n (version.c) */
	uint32_t fds_max;        /* descriptors that the client takes in one message */
	uint64_t data_bytes_max; /* that it takes in one message */
};

/*
 * Check a VERSION request's payload. 0; -EINVAL: too short, another major
 * version, JSON not terminated or not valid, or a capability of a wrong type or
 * value.
 */
int bus_version_parse(const uint8_t *payload, size_t bytes, struct bus_version *version);

/*
 * Make the reply's payload: of the capabilities that the client has proposed,
 * those that we support, as many as fit into room bytes (at least 4: QEMU wants
 * no reply longer than its request). Returns the payload's size.
 */
size_t bus_version_reply(const struct bus_version *version, uint8_t reply[BUS_VERSION_REPLY_BYTES],
			 size_t room);

#endif /* SVIO_BUS_VERSION_H */
