/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The QoS tree of a whole device, as an administrator sets it: port, groups,
 * VIFs, classes. And the question whether all of it fits together, which is
 * answered by the scheduler that the firmware runs (vif-sched), so that there
 * is one truth about what fits.
 */
#ifndef SVIO_QOS_TREE_H
#define SVIO_QOS_TREE_H

#include <stdint.h>

#include "svio_host.h"

struct svio_qos_group {
	char name[SVIO_HOST_NAME_BYTES]; /* empty: there is none with this number */
	uint32_t parent;                 /* a number; 0: the port */
	struct svio_host_qos qos;
};

struct svio_qos_vif {
	char name[SVIO_HOST_NAME_BYTES];
	struct svio_host_vif_qos qos;
	uint64_t rx_max_bps;
};

struct svio_qos_tree {
	struct svio_qos_group group[SVIO_HOST_GROUPS_MAX]; /* by number; 0: the port */
	struct svio_qos_vif *vif;
	uint32_t vif_count;
};

/* Room for so many VIFs, with a port and nothing else. NULL: no memory. */
struct svio_qos_tree *svio_qos_tree_new(uint32_t vif_room);
struct svio_qos_tree *svio_qos_tree_copy(const struct svio_qos_tree *tree);
/* NULL is fine. */
void svio_qos_tree_free(struct svio_qos_tree *tree);

/* The number of the group of that name, or of the port; -1: none. */
int svio_qos_tree_group(const struct svio_qos_tree *tree, const char *name);
/* The index of the VIF of that name; -1: none. */
int svio_qos_tree_vif(const struct svio_qos_tree *tree, const char *name);

/*
 * Is this tree possible? All of them: 0; -EINVAL, -E2BIG with a sentence that names the node and
 * the remedy in error (SVIO_ERROR_BYTES); -ENOMEM.
 */
int svio_qos_tree_check(const struct svio_qos_tree *tree, char *error);
/* Is it with these settings of a group (or the port)? The rest is taken for possible. */
int svio_qos_tree_check_group(const struct svio_qos_tree *tree, uint32_t number,
			      const struct svio_host_qos *qos, char *error);
/* The same tree, of which only this VIF is in doubt. */
int svio_qos_tree_check_vif(const struct svio_qos_tree *tree, uint32_t index, char *error);

#endif /* SVIO_QOS_TREE_H */
