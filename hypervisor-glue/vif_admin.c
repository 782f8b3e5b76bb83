// SPDX-License-Identifier: BSD-3-Clause
/*
 * VIFs come, change and go by the administrator's will.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "settings.h"

struct svio_vif *svio_device_vif_next(struct svio_device *device, uint32_t *slot)
{
	for (; *slot < device->segment.vifs_max; ++*slot) {
		struct svio_vif *vif = device->vifs[*slot];

		if (vif && !vif->deleting)
			return vif;
	}
	return NULL;
}

struct svio_vif *svio_device_vif_find(struct svio_device *device, const char *name)
{
	uint32_t slot = 0;
	struct svio_vif *vif;

	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		if (!strcmp(vif->settings.name, name))
			return vif;
	return NULL;
}

int svio_device_vif_missing(struct svio_device *device, const char *name, char *error)
{
	const char **names = calloc(device->vif_count + 1, sizeof(*names));
	const char *nearest = NULL;
	uint32_t slot = 0, count = 0;
	struct svio_vif *vif;

	for (; names && (vif = svio_device_vif_next(device, &slot)); slot++)
		names[count++] = vif->settings.name;
	if (names)
		nearest = svio_nearest(name, names, count);
	if (nearest)
		snprintf(error, SVIO_ERROR_BYTES, "there is no VIF %.40s: did you mean %s?", name,
			 nearest);
	else if (count > 0)
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no VIF %.40s: svio vif list names those there are", name);
	else
		snprintf(error, SVIO_ERROR_BYTES,
			 "there is no VIF %.40s, nor any other: svio vif add makes one", name);
	free(names);
	return -ENOENT;
}

/* The VIF that has this MAC, other than except. NULL: none. */
static struct svio_vif *find_mac(struct svio_device *device, const uint8_t mac[6],
				 const struct svio_vif *except)
{
	uint32_t slot = 0;
	struct svio_vif *vif;

	for (; (vif = svio_device_vif_next(device, &slot)); slot++)
		if (vif != except && !memcmp(vif->settings.mac, mac, 6))
			return vif;
	return NULL;
}

/* Give settings a MAC where they have none, and check that nobody else has it. */
static int choose_mac(struct svio_device *device, struct svio_vif_settings *settings,
		      const struct svio_vif *except, char *error)
{
	static const uint8_t zero[6];
	const struct svio_vif *other;
	char text[SVIO_MAC_BYTES];

	if (!memcmp(settings->mac, zero, sizeof(zero))) {
		uint32_t try = 0;

		do
			svio_mac_from_name(settings->name, try++, settings->mac);
		while (find_mac(device, settings->mac, except));
		return 0;
	}
	other = find_mac(device, settings->mac, except);
	if (!other)
		return 0;
	snprintf(error, SVIO_ERROR_BYTES,
		 "MAC address %s belongs to VIF %s already: choose another",
		 svio_mac_format(settings->mac, text), other->settings.name);
	return -EEXIST;
}

static void write_config(struct svio_vif *vif)
{
	const struct svio_vif_settings *settings = &vif->settings;
	struct svio_host_vif_config *config = &vif->shared->config;
	const uint32_t ours = SVIO_HOST_VIF_TRUSTED | SVIO_HOST_VIF_LINK_DOWN |
			      SVIO_HOST_VIF_MAC_SET | SVIO_HOST_VIF_MAP_QUEUE;
	uint32_t flags = (settings->trusted ? SVIO_HOST_VIF_TRUSTED | SVIO_HOST_VIF_MAC_SET : 0) |
			 (settings->map_queue ? SVIO_HOST_VIF_MAP_QUEUE : 0) |
			 (settings->link_down ? SVIO_HOST_VIF_LINK_DOWN : 0);

	/* One thread writes the flags, but the others are read at any time: no moment without them. */
	flags |= __atomic_load_n(&config->flags, __ATOMIC_RELAXED) & ~ours;
	__atomic_store_n(&config->flags, flags, __ATOMIC_RELEASE);
	config->domain = vif->domain;
	memcpy(config->mac, settings->mac, sizeof(config->mac));
	config->vlan = settings->vlan;
	config->txqs = settings->queues;
	config->rxqs = settings->queues;
	config->vectors = vif->vectors;
	config->mtu_max = settings->mtu_max;
	config->rx_max_bps = settings->rx_max_bps;
	config->rx_wait_us = settings->rx_wait_us;
	vif->shared->qos = settings->qos;
	memcpy(config->name, settings->name, sizeof(config->name));
}

/* A slot that nobody has; those freed last are used last, so that logs are not confused. */
static int choose_slot(struct svio_device *device, char *error)
{
	uint32_t vifs_max = device->segment.vifs_max;

	for (uint32_t i = 0; i < vifs_max; i++) {
		uint32_t slot = (device->next_slot + i) % vifs_max;

		if (device->vifs[slot])
			continue;
		device->next_slot = (slot + 1) % vifs_max;
		return (int)slot;
	}
	if (device->vif_count < vifs_max)
		snprintf(error, SVIO_ERROR_BYTES,
			 "all %u slots are taken, some by VIFs whose deletion waits for the "
			 "firmware: try again in a moment",
			 vifs_max);
	else
		snprintf(error, SVIO_ERROR_BYTES,
			 "the device has %u VIFs, as many as it can: delete one, or start sviod "
			 "with more",
			 vifs_max);
	return -ENOSPC;
}

static void free_vif(struct svio_vif *vif)
{
	struct svio_device *device = vif->device;

	for (uint16_t vector = 0; vector < vif->vectors; vector++)
		if (vif->irqs[vector].fd >= 0)
			close(vif->irqs[vector].fd);
	if (vif->doorbell_fd >= 0)
		close(vif->doorbell_fd);
	if (vif->domain)
		svio_iommu_domain_destroy(device->iommu, vif->domain);
	svio_segment_slot_release(&device->segment, vif->slot);
	device->vifs[vif->slot] = NULL;
	free(vif->path);
	free(vif);
}

/* What a VIF has of its own, before anyone knows of it. NULL with errno. */
static struct svio_vif *make_vif(struct svio_device *device, uint32_t slot,
				 const struct svio_vif_settings *settings)
{
	uint16_t vectors = svio_settings_vectors(settings);
	struct svio_vif *vif = calloc(1, sizeof(*vif) + vectors * sizeof(vif->irqs[0]));
	int status = 0;

	if (!vif)
		return NULL;
	vif->device = device;
	vif->slot = slot;
	vif->shared = &device->segment.vifs[slot];
	vif->settings = *settings;
	vif->accepted = *settings;
	vif->vectors = vectors;
	vif->faults_before = __atomic_load_n(&device->segment.faults->head, __ATOMIC_RELAXED);
	for (uint16_t vector = 0; vector < vectors; vector++)
		vif->irqs[vector] = (struct svio_irq){ .vif = vif, .fd = -1 };
	device->vifs[slot] = vif;
	vif->doorbell_fd = svio_segment_doorbell_create(settings->name);
	if (vif->doorbell_fd < 0)
		status = vif->doorbell_fd;
	else
		status = svio_iommu_domain_create(device->iommu, device->segment.pages_a_domain,
						  &vif->domain);
	if (!status && asprintf(&vif->path, "%s/%s.sock", device->run_dir, settings->name) < 0) {
		vif->path = NULL;
		status = -ENOMEM;
	}
	if (!status)
		return vif;
	free_vif(vif);
	errno = -status;
	return NULL;
}

static void finish_add(void *context, int status);

static int post_vif(struct svio_vif *vif, uint32_t type, svio_mailbox_done_fn done, void *context)
{
	struct svio_mailbox_request request = { .type = type,
						.vif = vif->slot,
						.fds = { vif->doorbell_fd },
						.fd_count = type == SVIO_HOST_VIF_ADD,
						.done = done,
						.context = context };

	return svio_mailbox_post(vif->device->mailbox, &request);
}

/* From now on the bus and the firmware know it. 0; -errno: nobody does. */
static int announce(struct svio_vif *vif)
{
	struct svio_device *device = vif->device;
	int status;

	write_config(vif);
	__atomic_store_n(&vif->shared->in_use, 1, __ATOMIC_RELEASE);
	vif->front = device->bus_ops->add(device->bus, vif, vif->path);
	if (!vif->front)
		return errno ? -errno : -EIO;
	status = post_vif(vif, SVIO_HOST_VIF_ADD, finish_add, vif);
	if (status) {
		vif->deleting = true; /* the firmware must not hear of it from the bus */
		device->bus_ops->del(vif->front);
		vif->front = NULL;
	}
	return status;
}

int svio_device_vif_add_then(struct svio_device *device, const struct svio_vif_settings *asked,
			     char *error, svio_mailbox_done_fn done, void *context)
{
	struct svio_vif_settings settings = *asked;
	int status = svio_settings_complete(&settings, error);
	struct svio_vif *vif;
	int slot;

	if (status)
		return status;
	if (svio_device_vif_find(device, settings.name)) {
		snprintf(error, SVIO_ERROR_BYTES,
			 "VIF %s exists already: choose another name, or change it with vif set",
			 settings.name);
		return -EEXIST;
	}
	if (svio_group_find(device, settings.name)) {
		snprintf(
			error, SVIO_ERROR_BYTES,
			"%s is the name of a group: choose another, so that both can be told apart",
			settings.name);
		return -EEXIST;
	}
	status = choose_mac(device, &settings, NULL, error);
	if (!status)
		status = svio_device_admit_vif(device, &settings, error);
	if (status)
		return status;
	slot = choose_slot(device, error);
	if (slot < 0)
		return slot;
	vif = make_vif(device, (uint32_t)slot, &settings);
	status = vif ? announce(vif) : -errno;
	if (status || !vif) {
		snprintf(error, SVIO_ERROR_BYTES, "VIF %s cannot be made: %s", settings.name,
			 strerror(-status));
		if (vif)
			free_vif(vif);
		return status;
	}
	vif->add_done = done;
	vif->add_context = context;
	device->vif_count++;
	return 0;
}

/* A change on its way to the firmware. */
struct update {
	struct svio_vif *vif;
	struct svio_vif_settings asked;
	svio_mailbox_done_fn done; /* or NULL */
	void *context;
};

static void finish_update(void *context, int status)
{
	struct update *update = context;
	struct svio_vif *vif = update->vif;

	vif->updates--;
	if (!status)
		vif->accepted = update->asked;
	if (status && status != -ECANCELED && !vif->deleting) {
		svio_log(SVIO_LOG_ERROR, "VIF %s: the firmware refused its new settings: %s",
			 vif->settings.name, strerror(-status));
		/* It goes on as before; so do we, but for a later change that is on its way. */
		if (vif->updates == 0) {
			vif->settings = vif->accepted;
			write_config(vif);
		}
	}
	if (update->done)
		update->done(update->context, status);
	free(update);
}

int svio_vif_update(struct svio_vif *vif, const struct svio_vif_settings *settings,
		    svio_mailbox_done_fn done, void *context)
{
	struct update *update = malloc(sizeof(*update));
	int status;

	if (!update)
		return -ENOMEM;
	*update =
		(struct update){ .vif = vif, .asked = *settings, .done = done, .context = context };
	vif->settings = *settings;
	write_config(vif);
	status = post_vif(vif, SVIO_HOST_VIF_UPDATE, finish_update, update);
	if (status) {
		vif->settings = vif->accepted;
		write_config(vif);
		free(update);
		return status;
	}
	vif->updates++;
	return 0;
}

int svio_device_vif_set_then(struct svio_device *device, const struct svio_vif_settings *asked,
			     char *error, svio_mailbox_done_fn done, void *context)
{
	struct svio_vif_settings settings = *asked;
	int status = svio_settings_complete(&settings, error);
	struct svio_vif *vif;

	if (status)
		return status;
	vif = svio_device_vif_find(device, settings.name);
	if (!vif)
		return svio_device_vif_missing(device, settings.name, error);
	if (settings.queues != vif->settings.queues) {
		snprintf(
			error, SVIO_ERROR_BYTES,
			"the queues of VIF %s are fixed while it exists: delete it and add it anew",
			settings.name);
		return -EINVAL;
	}
	status = choose_mac(device, &settings, vif, error);
	if (!status && memcmp(&settings.qos, &vif->settings.qos, sizeof(settings.qos)) != 0)
		status = svio_device_admit_vif(device, &settings, error);
	if (status)
		return status;
	status = svio_vif_update(vif, &settings, done, context);
	if (status)
		snprintf(error, SVIO_ERROR_BYTES, "VIF %s cannot be changed: %s", settings.name,
			 strerror(-status));
	return status;
}

static void finish_del(void *context, int status)
{
	struct svio_vif *vif = context;
	svio_mailbox_done_fn done = vif->del_done;
	void *del_context = vif->del_context;
	svio_mailbox_done_fn add_done = vif->add_done;
	void *add_context = vif->add_context;
	int add_status = vif->add_status;

	if (status && status != -ENODEV && status != -ECANCELED)
		svio_log(SVIO_LOG_ERROR, "VIF %s: the firmware did not delete it: %s",
			 vif->settings.name, strerror(-status));
	free_vif(vif);
	if (add_done)
		add_done(add_context, add_status);
	if (done)
		done(del_context, 0);
}

/* Take it from bus and firmware; the rest is done when the firmware has answered. */
static int remove_vif(struct svio_vif *vif, svio_mailbox_done_fn done, void *context)
{
	struct svio_device *device = vif->device;

	/* First of all: what the bus asks from now on, out of the callbacks below, is refused. */
	vif->deleting = true;
	vif->del_done = done;
	vif->del_context = context;
	device->vif_count--;
	svio_mailbox_cancel(device->mailbox, vif->slot);
	device->bus_ops->del(vif->front);
	vif->front = NULL;
	svio_vif_quiesce(vif);
	return post_vif(vif, SVIO_HOST_VIF_DEL, finish_del, vif);
}

static void finish_add(void *context, int status)
{
	struct svio_vif *vif = context;
	svio_mailbox_done_fn done = vif->add_done;

	if (vif->deleting || !status) {
		vif->add_done = NULL;
		if (done)
			done(vif->add_context, vif->deleting ? -ECANCELED : 0);
		return;
	}
	svio_log(SVIO_LOG_ERROR, "VIF %s: the firmware refused it: %s", vif->settings.name,
		 strerror(-status));
	vif->add_status = status;
	remove_vif(vif, NULL, NULL);
}

int svio_device_vif_del_then(struct svio_device *device, const char *name, char *error,
			     svio_mailbox_done_fn done, void *context)
{
	struct svio_vif *vif = svio_device_vif_find(device, name);
	int status;

	if (!vif)
		return svio_device_vif_missing(device, name, error);
	status = remove_vif(vif, done, context);
	if (status)
		snprintf(error, SVIO_ERROR_BYTES, "VIF %.40s is gone, but keeps its slot: %s", name,
			 strerror(-status));
	return status;
}

int svio_device_vif_add(struct svio_device *device, const struct svio_vif_settings *settings,
			char *error)
{
	return svio_device_vif_add_then(device, settings, error, NULL, NULL);
}

int svio_device_vif_set(struct svio_device *device, const struct svio_vif_settings *settings,
			char *error)
{
	return svio_device_vif_set_then(device, settings, error, NULL, NULL);
}

int svio_device_vif_del(struct svio_device *device, const char *name, char *error)
{
	return svio_device_vif_del_then(device, name, error, NULL, NULL);
}
