/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tree as the fake firmware was told of it: it refuses what a real one would, at the moment
 * it is told.
 */
#ifndef FAKE_TREE_H
#define FAKE_TREE_H

#include <stdbool.h>
#include <stdint.h>

#include "svio_host.h"

/* GROUP_SET, GROUP_DEL. 0; -ENOENT, -EBUSY, -E2BIG. */
int fake_tree_group(const struct svio_host_segment *segment, uint32_t number, bool set);
/* A VIF as it shall be; NULL: it goes. 0; -ENOENT: its group is not known; -E2BIG. */
int fake_tree_vif(uint32_t vif, const struct svio_host_vif_qos *qos);
/* QOS_READ: what is known has sent 1000 bytes and one packet more than the last time. */
void fake_tree_read(struct svio_host_segment *segment, struct svio_host_vif *vifs);

#endif /* FAKE_TREE_H */
