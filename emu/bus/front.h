/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bus front of a VIF: its listening socket and who has connected to it.
 * One client at a time; a second one that says VERSION is told EBUSY at once.
 */
#ifndef SVIO_BUS_FRONT_H
#define SVIO_BUS_FRONT_H

#include "pci_config.h"

struct svio_bus_ops;
struct svio_loop;

/*
 * How long a VIF may take to answer before its client is told an error. The
 * firmware has 3 s and is then replaced, QEMU waits 5 s.
 */
#define BUS_ANSWER_MAX_US 4000000

/* What all fronts share; the "bus" of struct svio_bus_ops. */
struct bus_settings {
	struct svio_loop *loop;
	struct bus_pci_id id;
	uint64_t answer_max_us; /* 0: BUS_ANSWER_MAX_US */
};

extern const struct svio_bus_ops bus_front_ops;

#endif /* SVIO_BUS_FRONT_H */
