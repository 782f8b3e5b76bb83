/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest's port that is a queue pair of a VIF. */
#ifndef BENCH_VIF_PORT_H
#define BENCH_VIF_PORT_H

#include "bench_guest.h"
#include "svio_vif.h"

struct vif_port {
	struct guest_port port;
	struct svio_vif_queue *queue;
};

/* own's frames go to the other. */
void vif_port_init(struct vif_port *port, struct svio_vif *own, uint16_t queue,
		   const struct svio_vif *other);

#endif /* BENCH_VIF_PORT_H */
