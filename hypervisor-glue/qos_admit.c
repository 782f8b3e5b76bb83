// SPDX-License-Identifier: BSD-3-Clause
/*
 * Who is let in: the registry as a tree, and whether a change of it fits.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "device.h"
#include "settings.h"

static void copy_vif(struct svio_qos_vif *to, const struct svio_vif_settings *settings)
{
	memcpy(to->name, settings->name, sizeof(to->name));
	to->qos = settings->qos;
	to->rx_max_bps = settings->rx_max_bps;
}

struct svio_qos_tree *svio_device_qos_tree(struct svio_device *device)
{
	/* Room for one more: a VIF that is to be added. */
	struct svio_qos_tree *tree = svio_qos_tree_new(device->vif_count + 1);
	uint32_t slot = 0;
	struct svio_vif *vif;

	if (!tree)
		return NULL;
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		const struct svio_group *group = svio_group_get(device, i);

		if (!group)
			continue;
		memcpy(tree->group[i].name, group->name, sizeof(group->name));
		tree->group[i].parent = group->parent;
		tree->group[i].qos = group->qos;
	}
	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		copy_vif(&tree->vif[tree->vif_count++], &vif->settings);
	return tree;
}

int svio_device_admit_vif(struct svio_device *device, const struct svio_vif_settings *settings,
			  char *error)
{
	struct svio_qos_tree *tree = svio_device_qos_tree(device);
	int index, status;

	if (!tree) {
		snprintf(error, SVIO_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	index = svio_qos_tree_vif(tree, settings->name);
	if (index < 0)
		index = (int)tree->vif_count++;
	copy_vif(&tree->vif[index], settings);
	if (svio_group_get(device, settings->qos.group)) {
		status = svio_qos_tree_check_vif(tree, (uint32_t)index, error);
	} else {
		snprintf(error, SVIO_ERROR_BYTES, "there is no group %u", settings->qos.group);
		status = -ENOENT;
	}
	svio_qos_tree_free(tree);
	return status;
}

static int check_place(struct svio_device *device, const struct svio_qos_group *group, char *error)
{
	const struct svio_group *parent = svio_group_get(device, group->parent);
	int status = svio_name_check("group", group->name, error);

	if (status)
		return status;
	if (svio_group_find(device, group->name)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "group %s exists already: choose another name, or change it with qos set",
			 group->name);
		return -EEXIST;
	}
	if (svio_device_vif_find(device, group->name)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "%s is the name of a VIF: choose another, so that both can be told apart",
			 group->name);
		return -EEXIST;
	}
	if (!parent) {
		snprintf(error, SVIO_ERROR_BYTES, "there is no group %u", group->parent);
		return -ENOENT;
	}
	if (parent->parent == 0)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES,
		 "group %s cannot be below %s, which is below group %s already: groups nest once",
		 group->name, parent->name, device->groups[parent->parent]->name);
	return -EINVAL;
}

int svio_device_admit_group(struct svio_device *device, const struct svio_qos_group *group,
			    char *error)
{
	struct svio_qos_tree *tree;
	uint32_t number = 1;
	int status = check_place(device, group, error);

	if (status)
		return status;
	tree = svio_device_qos_tree(device);
	if (!tree) {
		snprintf(error, SVIO_ERROR_BYTES, "out of memory");
		return -ENOMEM;
	}
	while (number < SVIO_HOST_GROUPS_MAX && *tree->group[number].name)
		number++;
	/* With all numbers taken it is refused later, for that. */
	if (number < SVIO_HOST_GROUPS_MAX) {
		tree->group[number] = *group;
		memset(&tree->group[number].qos, 0, sizeof(group->qos));
		status = svio_qos_tree_check_group(tree, number, &group->qos, error);
	}
	svio_qos_tree_free(tree);
	return status;
}
