// SPDX-License-Identifier: BSD-3-Clause
/*
 * A whole tree at once.
 *
 * The firmware takes one node's change after the other and refuses what does
 * not fit at that moment, and the segment says only what shall be. So a change
 * that fits in the end must not pass through something that does not: first each
 * node is relaxed (the lower of its two mins, the higher of its two ceilings),
 * which fits in any order, because it asks for less than what is; then, when
 * the firmware has all of that, each gets what it shall have, which fits in any
 * order, because it never asks for more than the end.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "device.h"

/* The firmware answers within microseconds; one that does not is replaced, and told the end only. */
#define SETTLE_MAX_NS 1000000000ull

#define NO_GROUP UINT32_MAX

struct load {
	struct svio_device *device;
	const struct svio_qos_tree *tree;
	uint32_t number[SVIO_HOST_GROUPS_MAX]; /* in the device, by number in tree; or NO_GROUP */
	uint32_t pending;                      /* requests, and the one who posts them */
	int status;                            /* the first error */
	svio_mailbox_done_fn done;             /* or NULL */
	void *context;
};

static void finish_part(void *context, int status)
{
	struct load *load = context;

	if (status && !load->status)
		load->status = status;
	if (--load->pending > 0)
		return;
	if (load->done)
		load->done(load->context, load->status);
	free(load);
}

/* After post: what was posted is waited for; what could not be is an error. */
static void note_post(struct load *load, int status)
{
	if (!status)
		load->pending++;
	else if (!load->status)
		load->status = status;
}

static bool same(const void *a, const void *b, size_t bytes)
{
	return memcmp(a, b, bytes) == 0;
}

static void set_group(struct load *load, struct svio_group *group, const struct svio_host_qos *qos)
{
	if (!same(&group->qos, qos, sizeof(*qos)))
		note_post(load, svio_group_update(group, qos, finish_part, load));
}

static void set_vif(struct load *load, struct svio_vif *vif,
		    const struct svio_vif_settings *settings)
{
	if (!same(&vif->settings.qos, &settings->qos, sizeof(settings->qos)) ||
	    vif->settings.rx_max_bps != settings->rx_max_bps)
		note_post(load, svio_vif_update(vif, settings, finish_part, load));
}

/* The number in tree of the device's group; NO_GROUP: it is not there. */
static uint32_t find_in_tree(const struct load *load, uint32_t number)
{
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++)
		if (*load->tree->group[i].name && load->number[i] == number)
			return i;
	return NO_GROUP;
}

/* Groups of the same name and place are the same; others are made anew. */
static void match_groups(struct load *load)
{
	for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++)
		load->number[i] = NO_GROUP;
	for (int nested = 0; nested <= 1; nested++) {
		for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
			const struct svio_qos_group *wanted = &load->tree->group[i];
			const struct svio_group *group;

			if (!*wanted->name || (wanted->parent != 0) != nested)
				continue;
			group = svio_group_find(load->device, wanted->name);
			if (group && group->parent == load->number[wanted->parent])
				load->number[i] = group->number;
		}
	}
}

static void relax(struct svio_host_qos *qos, const struct svio_host_qos *end)
{
	if (end->min_bps < qos->min_bps)
		qos->min_bps = end->min_bps;
	if (qos->max_bps && (!end->max_bps || end->max_bps > qos->max_bps))
		qos->max_bps = end->max_bps;
}

static void relax_groups(struct load *load)
{
	static const struct svio_host_qos nothing;

	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		struct svio_group *group = svio_group_get(load->device, i);
		uint32_t wanted = group ? find_in_tree(load, i) : NO_GROUP;
		struct svio_host_qos qos;

		if (!group)
			continue;
		qos = group->qos;
		relax(&qos, wanted == NO_GROUP ? &nothing : &load->tree->group[wanted].qos);
		set_group(load, group, &qos);
	}
}

static void relax_vifs(struct load *load)
{
	static const struct svio_host_qos nothing;

	for (uint32_t i = 0; i < load->tree->vif_count; i++) {
		const struct svio_qos_vif *wanted = &load->tree->vif[i];
		struct svio_vif *vif = svio_device_vif_find(load->device, wanted->name);
		struct svio_vif_settings settings;
		bool stays;

		if (!vif)
			continue;
		settings = vif->settings;
		/* One that moves asks for nothing until it is there. */
		stays = load->number[wanted->qos.group] == settings.qos.group &&
			wanted->qos.classes == settings.qos.classes;
		relax(&settings.qos.node, stays ? &wanted->qos.node : &nothing);
		for (uint32_t k = 0; k < settings.qos.classes; k++)
			relax(&settings.qos.class_node[k],
			      stays ? &wanted->qos.class_node[k] : &nothing);
		set_vif(load, vif, &settings);
	}
}

static void make_groups(struct load *load)
{
	for (int nested = 0; nested <= 1; nested++) {
		for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
			struct svio_qos_group wanted = load->tree->group[i];
			int status;

			if (!*wanted.name || (wanted.parent != 0) != nested ||
			    load->number[i] != NO_GROUP)
				continue;
			wanted.parent = load->number[wanted.parent];
			if (wanted.parent == NO_GROUP)
				continue; /* could not be made, which was noted */
			status = svio_group_make(load->device, &wanted, finish_part, load,
						 &load->number[i]);
			note_post(load, status);
			if (status)
				load->number[i] = NO_GROUP;
		}
	}
}

static void settle_vifs(struct load *load)
{
	for (uint32_t i = 0; i < load->tree->vif_count; i++) {
		const struct svio_qos_vif *wanted = &load->tree->vif[i];
		struct svio_vif *vif = svio_device_vif_find(load->device, wanted->name);
		struct svio_vif_settings settings;

		if (!vif || load->number[wanted->qos.group] == NO_GROUP)
			continue;
		settings = vif->settings;
		settings.qos = wanted->qos;
		settings.qos.group = load->number[wanted->qos.group];
		settings.rx_max_bps = wanted->rx_max_bps;
		set_vif(load, vif, &settings);
	}
}

static void settle_groups(struct load *load)
{
	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		struct svio_group *group = NULL;

		if (*load->tree->group[i].name && load->number[i] != NO_GROUP)
			group = svio_group_get(load->device, load->number[i]);
		if (group)
			set_group(load, group, &load->tree->group[i].qos);
	}
}

/* Those that are not in the tree: nested ones first. Everybody has left them by now. */
static void remove_groups(struct load *load)
{
	for (int nested = 1; nested >= 0; nested--) {
		for (uint32_t i = 1; i < SVIO_HOST_GROUPS_MAX; i++) {
			struct svio_group *group = svio_group_get(load->device, i);

			if (group && (group->parent != 0) == nested &&
			    find_in_tree(load, i) == NO_GROUP)
				note_post(load, svio_group_remove(group, finish_part, load));
		}
	}
}

/* New ones exist for a moment beside those that go. */
static bool has_room(const struct load *load)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < SVIO_HOST_GROUPS_MAX; i++) {
		count += load->device->groups[i] != NULL;
		count += *load->tree->group[i].name && load->number[i] == NO_GROUP;
	}
	return count <= SVIO_HOST_GROUPS_MAX;
}

int svio_device_qos_load(struct svio_device *device, const struct svio_qos_tree *tree,
			 svio_mailbox_done_fn done, void *context)
{
	struct load *load = calloc(1, sizeof(*load));

	if (!load)
		return -ENOMEM;
	load->device = device;
	load->tree = tree;
	load->done = done;
	load->context = context;
	load->pending = 1;
	match_groups(load);
	if (!has_room(load)) {
		free(load);
		return -ENOSPC;
	}
	relax_groups(load);
	relax_vifs(load);
	/*
	 * Also what was asked before and waits: it would be read as of the end. A firmware that is
	 * not there is told the end, in its replay.
	 */
	if (svio_mailbox_pending(device->mailbox) > 0 && svio_device_ready(device))
		svio_mailbox_settle(device->mailbox, SETTLE_MAX_NS);
	make_groups(load);
	settle_groups(load);
	settle_vifs(load);
	remove_groups(load);
	load->tree = NULL;
	finish_part(load, 0);
	return 0;
}
