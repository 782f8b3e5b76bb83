// SPDX-License-Identifier: BSD-3-Clause
/*
 * Groups of VIFs, and the port above all of them, come, change and go by the
 * administrator's will.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "settings.h"

struct svio_group *svio_group_get(const struct svio_device *device, uint32_t number)
{
	struct svio_group *group = number < SVIO_HOST_GROUPS_MAX ? device->groups[number] : NULL;

	return group && !group->deleting ? group : NULL;
}

struct svio_group *svio_group_find(struct svio_device *device, const char *name)
{
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		struct svio_group *group = svio_group_get(device, i);

		if (group && !strcmp(group->name, name))
			return group;
	}
	return NULL;
}

int svio_group_missing(struct svio_device *device, const char *name, char *error)
{
	const char *names[SVIO_HOST_GROUPS_MAX], *nearest;
	size_t count = 0;

	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		if (svio_group_get(device, i))
			names[count++] = device->groups[i]->name;
	nearest = svio_nearest(name, names, count);
	if (nearest)
		snprintf(error, SVIO_ERROR_BYTES, "there is no group %.40s: did you mean %s?", name,
			 nearest);
	else if (count > 0)
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no group %.40s: svio group list names those there are", name);
	else
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no group %.40s, nor any other: svio group add makes one", name);
	return -ENOENT;
}

static struct svio_host_group *shared_of(const struct svio_group *group)
{
	return &group->device->segment.shared->group[group->number];
}

static void write_group(const struct svio_group *group)
{
	struct svio_host_group *shared = shared_of(group);

	shared->parent = group->parent;
	shared->qos = group->qos;
	__atomic_store_n(&shared->in_use, 1, __ATOMIC_RELEASE);
}

static void free_group(struct svio_group *group)
{
	memset(shared_of(group), 0, sizeof(struct svio_host_group));
	group->device->groups[group->number] = NULL;
	free(group);
}

static struct svio_group *make_group(struct svio_device *device, uint32_t number, const char *name)
{
	struct svio_group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->device = device;
	group->number = number;
	snprintf(group->name, sizeof(group->name), "%s", name);
	device->groups[number] = group;
	return group;
}

int svio_groups_open(struct svio_device *device)
{
	struct svio_group *port = make_group(device, 0, SVIO_PORT_NAME);

	if (!port)
		return -ENOMEM;
	write_group(port);
	return 0;
}

void svio_groups_close(struct svio_device *device)
{
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (device->groups[i])
			free_group(device->groups[i]);
}

static struct svio_mailbox_request request_of(const struct svio_group *group, uint32_t type)
{
	return (struct svio_mailbox_request){ .type = type,
					      .vif = SVIO_MAILBOX_NO_VIF,
					      .arg = { group->number } };
}

int svio_groups_replay(struct svio_device *device)
{
	int status = 0;

	for (int nested = 0; nested <= 1; nested++) {
		for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX && !status; i++) {
			struct svio_group *group = svio_group_get(device, i);
			struct svio_mailbox_request request;

			if (!group || !group->known || (group->parent != 0) != nested)
				continue;
			request = request_of(group, SVIO_HOST_GROUP_SET);
			status = svio_mailbox_replay(device->mailbox, &request);
		}
	}
	return status;
}

/* A group that never came into being, or goes: what is in it goes on below the port. */
static void release_members(struct svio_group *group)
{
	struct svio_device *device = group->device;

	for (uint32_t slot = 0; slot < device->segment.vifs_max; slot++) {
		struct svio_vif *vif = device->vifs[slot];

		if (!vif || vif->settings.qos.group != group->number)
			continue;
		vif->settings.qos.group = 0;
		vif->accepted.qos.group = 0;
		vif->shared->qos.group = 0;
	}
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
		struct svio_group *below = device->groups[i];

		if (!below || below->parent != group->number)
			continue;
		below->parent = 0;
		shared_of(below)->parent = 0;
	}
}

/* A change, or the group itself, on its way to the firmware. */
struct update {
	struct svio_group *group;
	struct svio_host_qos asked;
	bool fresh;                /* it is new */
	svio_mailbox_done_fn done; /* or NULL */
	void *context;
};

static void take_back(struct svio_group *group, bool fresh)
{
	if (fresh) {
		release_members(group);
		svio_group_remove(group, NULL, NULL);
	} else if (group->updates == 0) {
		/* It goes on as before; so do we, but for a later change that is on its way. */
		group->qos = group->accepted;
		write_group(group);
	}
}

static void finish_update(void *context, int status)
{
	struct update *update = context;
	struct svio_group *group = update->group;

	group->updates--;
	if (!status)
		group->accepted = update->asked;
	if (status && status != -ECANCELED && !group->deleting) {
		svio_log(SVIO_LOG_ERROR, "%s %s: the firmware refused its settings: %s",
			 group->number ? "group" : "the", group->name, strerror(-status));
		take_back(group, update->fresh);
	}
	if (update->done)
		update->done(update->context, status);
	free(update);
}

static int post_update(struct svio_group *group, bool fresh, svio_mailbox_done_fn done,
		       void *context)
{
	struct svio_mailbox_request request = request_of(group, SVIO_HOST_GROUP_SET);
	struct update *update = malloc(sizeof(*update));
	int status;

	if (!update)
		return -ENOMEM;
	*update = (struct update){ .group = group,
				   .asked = group->qos,
				   .fresh = fresh,
				   .done = done,
				   .context = context };
	request.done = finish_update;
	request.context = update;
	write_group(group);
	status = svio_mailbox_post(group->device->mailbox, &request);
	if (status) {
		free(update);
		return status;
	}
	group->known = true;
	group->updates++;
	return 0;
}

int svio_group_update(struct svio_group *group, const struct svio_host_qos *qos,
		      svio_mailbox_done_fn done, void *context)
{
	int status;

	group->qos = *qos;
	status = post_update(group, false, done, context);
	if (status) {
		group->qos = group->accepted;
		write_group(group);
	}
	return status;
}

int svio_group_make(struct svio_device *device, const struct svio_qos_group *what,
		    svio_mailbox_done_fn done, void *context, uint32_t *number)
{
	struct svio_group *group;
	int status;

	for (*number = 1; *number < SVIO_HOST_GROUPS_MAX && device->groups[*number]; ++*number)
		;
	if (*number == SVIO_HOST_GROUPS_MAX)
		return -ENOSPC;
	group = make_group(device, *number, what->name);
	if (!group)
		return -ENOMEM;
	group->parent = what->parent;
	group->qos = what->qos;
	group->accepted = what->qos;
	status = post_update(group, true, done, context);
	if (status)
		free_group(group);
	return status;
}

static void finish_del(void *context, int status)
{
	struct svio_group *group = context;
	svio_mailbox_done_fn done = group->del_done;
	void *del_context = group->del_context;

	/* One that it never accepted it does not know. */
	if (status && status != -ENOENT && status != -EINVAL && status != -ECANCELED)
		svio_log(SVIO_LOG_ERROR, "group %s: the firmware did not delete it: %s",
			 group->name, strerror(-status));
	free_group(group);
	if (done)
		done(del_context, 0);
}

int svio_group_remove(struct svio_group *group, svio_mailbox_done_fn done, void *context)
{
	struct svio_mailbox_request request = request_of(group, SVIO_HOST_GROUP_DEL);
	int status;

	group->deleting = true;
	group->del_done = done;
	group->del_context = context;
	request.done = finish_del;
	request.context = group;
	status = svio_mailbox_post(group->device->mailbox, &request);
	if (status)
		group->deleting = false;
	return status;
}

int svio_group_add_then(struct svio_device *device, const struct svio_qos_group *group, char *error,
			svio_mailbox_done_fn done, void *context)
{
	int status = svio_device_admit_group(device, group, error);
	uint32_t number;

	if (status)
		return status;
	status = svio_group_make(device, group, done, context, &number);
	if (status == -ENOSPC)
		snprintf(error, SVIO_ERROR_BYTES,
			 "the device has %d groups, as many as it can: delete one",
			 SVIO_HOST_GROUPS_MAX - 1);
	else if (status)
		snprintf(error, SVIO_ERROR_BYTES, "group %s cannot be made: %s", group->name,
			 strerror(-status));
	return status;
}

int svio_group_set_then(struct svio_group *group, const struct svio_host_qos *qos, char *error,
			svio_mailbox_done_fn done, void *context)
{
	struct svio_qos_tree *tree = svio_device_qos_tree(group->device);
	int status = -ENOMEM;

	snprintf(error, SVIO_ERROR_BYTES, "out of memory");
	if (tree)
		status = svio_qos_tree_check_group(tree, group->number, qos, error);
	svio_qos_tree_free(tree);
	if (status)
		return status;
	status = svio_group_update(group, qos, done, context);
	if (status)
		snprintf(error, SVIO_ERROR_BYTES, "%s cannot be changed: %s", group->name,
			 strerror(-status));
	return status;
}

/* Who is in it, by name; NULL: nobody. *leaving: in it only until the firmware has answered. */
static const char *find_member(const struct svio_group *group, bool *leaving)
{
	struct svio_device *device = group->device;
	uint32_t slot = 0;
	struct svio_vif *vif;

	*leaving = false;
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		if (svio_group_get(device, i) && device->groups[i]->parent == group->number)
			return device->groups[i]->name;
	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		if (vif->settings.qos.group == group->number)
			return vif->settings.name;
	*leaving = true;
	for (slot = 0; (vif = svio_device_vif_next(device, &slot)); slot++)
		if (vif->updates > 0 && vif->accepted.qos.group == group->number)
			return vif->settings.name;
	return NULL;
}

int svio_group_del_then(struct svio_group *group, char *error, svio_mailbox_done_fn done,
			void *context)
{
	const char *member;
	bool leaving;
	int status;

	if (group->number == 0) {
		snprintf(error, SVIO_ERROR_BYTES, "the port cannot be deleted");
		return -EINVAL;
	}
	member = find_member(group, &leaving);
	if (member && leaving)
		snprintf(error, SVIO_ERROR_BYTES,
			 "group %s is not empty yet: %s is just leaving it: try again", group->name,
			 member);
	else if (member && svio_group_find(group->device, member))
		snprintf(error, SVIO_ERROR_BYTES,
			 "group %s is not empty: group %s is in it: delete that first", group->name,
			 member);
	else if (member)
		snprintf(error, SVIO_ERROR_BYTES,
			 "group %s is not empty: %s is in it: move it (svio vif set %s --group "
			 "port) or delete it first",
			 group->name, member, member);
	if (member)
		return -EBUSY;
	status = svio_group_remove(group, done, context);
	if (status)
		snprintf(error, SVIO_ERROR_BYTES, "group %s cannot be deleted: %s", group->name,
			 strerror(-status));
	return status;
}
