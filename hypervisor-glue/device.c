// SPDX-License-Identifier: BSD-3-Clause
/*
 * The device as a whole: its memory, its firmware process and what that must
 * hear when it starts.
 */
#include "device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "control.h"
#include "loop.h"
#include "run_dir.h"
#include "settings.h"

#define STOP_MAX_NS   2000000000ull
#define STOP_ROUND_MS 20

static void finish_hello(void *context, int status)
{
	struct svio_device *device = context;

	if (status) {
		svio_fw_process_let_end(device->firmware, "it cannot attach");
		return;
	}
	svio_fw_process_ready(device->firmware);
	device->ready_ns = svio_clock_ns();
	svio_log(SVIO_LOG_INFO, "the firmware (process %d) is ready: wire %s, %u VIFs",
		 (int)svio_fw_process_pid(device->firmware), device->wire, device->vif_count);
}

/* Everything that the registry knows, for a firmware that knows nothing. */
static int replay(struct svio_device *device)
{
	struct svio_mailbox_request hello = { .type = SVIO_HOST_HELLO,
					      .vif = SVIO_MAILBOX_NO_VIF,
					      .arg = { SVIO_HOST_VERSION },
					      .fds = { device->segment.fd, device->segment.arena_fd,
						       device->kick_fd },
					      .fd_count = 3,
					      .done = finish_hello,
					      .context = device };
	int status = svio_mailbox_replay(device->mailbox, &hello);

	if (!status)
		status = svio_objects_replay(device->objects);
	if (!status)
		status = svio_groups_replay(device);
	/*
	 * Not those that are being deleted: a new VIF may have their MAC already, and
	 * would be refused. The mailbox keeps their VIF_DEL to itself.
	 */
	for (uint32_t slot = 0; slot < device->segment.vifs_max && !status; slot++)
		if (device->vifs[slot] && !device->vifs[slot]->deleting)
			status = svio_vif_replay(device->vifs[slot]);
	return status;
}

static void handle_started(void *context, int socket)
{
	struct svio_device *device = context;
	int status = svio_mailbox_attach(device->mailbox, socket);

	if (!status)
		status = replay(device);
	if (status)
		svio_fw_process_kill(device->firmware, strerror(-status));
	else
		svio_mailbox_go(device->mailbox);
}

/* What the dead left in the segment as if it still ran. */
static void bury(struct svio_device *device)
{
	struct svio_host_segment *shared = device->segment.shared;

	__atomic_store_n(&shared->fw_state, SVIO_HOST_FW_NONE, __ATOMIC_RELEASE);
	for (uint32_t i = 0; i < SVIO_HOST_CORES_MAX; i++) {
		uint64_t epoch = __atomic_load_n(&shared->core[i].epoch, __ATOMIC_ACQUIRE);

		if (epoch & 1)
			__atomic_store_n(&shared->core[i].epoch, epoch + 1, __ATOMIC_RELEASE);
	}
}

static void handle_gone(void *context)
{
	struct svio_device *device = context;

	svio_mailbox_detach(device->mailbox);
	bury(device);
}

static void handle_failed(void *context)
{
	struct svio_device *device = context;

	device->status = -EIO;
	svio_loop_stop(device->loop);
}

static const struct svio_fw_process_ops process_ops = {
	.started = handle_started,
	.gone = handle_gone,
	.failed = handle_failed,
};

static void handle_broken(void *context, const char *reason)
{
	struct svio_device *device = context;

	svio_fw_process_kill(device->firmware, reason);
}

/* Each VIF takes descriptors for its doorbells, vectors, memory and sockets. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int check_options(const struct svio_device_options *options)
{
	if (options->vifs_max < 1 || options->vifs_max > SVIO_HOST_VIFS_MAX) {
		svio_log(SVIO_LOG_ERROR, "the number of VIFs must be 1 to %d", SVIO_HOST_VIFS_MAX);
		return -EINVAL;
	}
	if (!options->run_dir || !options->wire || !options->fw_path)
		return -EINVAL;
	return 0;
}

static int make_iommu(struct svio_device *device)
{
	size_t bytes = svio_iommu_state_bytes(device->segment.arena_bytes);
	void *state = calloc(1, bytes);

	if (!state)
		return -ENOMEM;
	device->iommu_state = state;
	device->iommu = svio_iommu_init(state, device->segment.arena, device->segment.arena_bytes,
					device->segment.vifs_max + 1);
	if (!device->iommu)
		return -EINVAL;
	return 0;
}

static int make_parts(struct svio_device *device, const struct svio_device_options *options)
{
	int status = svio_segment_create(&device->segment, options->vifs_max);

	if (status) {
		memset(&device->segment, 0, sizeof(device->segment));
		return status;
	}
	device->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (device->kick_fd < 0)
		return -errno;
	status = make_iommu(device);
	if (status)
		return status;
	status = svio_groups_open(device);
	if (status)
		return status;
	device->vifs = calloc(options->vifs_max, sizeof(struct svio_vif *));
	device->run_dir = strdup(options->run_dir);
	device->wire = strdup(options->wire);
	device->fw_path = strdup(options->fw_path);
	device->mailbox = svio_mailbox_new(device->loop, device->segment.shared, device->kick_fd,
					   handle_broken, device);
	if (!device->vifs || !device->run_dir || !device->wire || !device->fw_path ||
	    !device->mailbox)
		return -ENOMEM;
	device->objects = svio_objects_new(device->loop, device->mailbox, options->vifs_max);
	if (!device->objects)
		return -ENOMEM;
	status = svio_control_new(device, device->run_dir, &device->control);
	if (status)
		return status;
	if (options->irq) {
		device->irq = strdup(options->irq);
		if (!device->irq)
			return -ENOMEM;
	}
	return svio_fw_process_new(device->loop, device->fw_path, device->wire, device->irq,
				   &process_ops, device, &device->firmware);
}

/* Also of a device that is only half made. */
static void free_parts(struct svio_device *device)
{
	svio_mailbox_detach(device->mailbox); /* a firmware whose socket closes ends by itself */
	svio_fw_process_free(device->firmware);
	device->firmware = NULL;
	/* What is left is answered: that ends VIFs, objects and requests of control clients. */
	svio_mailbox_free(device->mailbox);
	svio_control_free(device->control);
	svio_objects_free(device->objects);
	svio_groups_close(device);
	free(device->iommu_state);
	if (device->kick_fd >= 0)
		close(device->kick_fd);
	if (device->segment.shared)
		svio_segment_destroy(&device->segment);
	free(device->vifs);
	free(device->fw_path);
	free(device->irq);
	free(device->wire);
	free(device->run_dir);
	close(device->lock_fd);
	free(device);
}

int svio_device_open(const struct svio_device_options *options, struct svio_loop *loop,
		     const struct svio_bus_ops *bus_ops, void *bus, struct svio_device **made)
{
	int status = check_options(options);
	struct svio_device *device;

	if (status)
		return status;
	device = calloc(1, sizeof(*device));
	if (!device)
		return -ENOMEM;
	device->loop = loop;
	device->bus_ops = bus_ops;
	device->bus = bus;
	device->kick_fd = -1;
	device->started_ns = svio_clock_ns();
	device->lock_fd = svio_run_dir_open(options->run_dir);
	if (device->lock_fd < 0) {
		status = device->lock_fd;
		free(device);
		return status;
	}
	raise_descriptor_limit();
	status = make_parts(device, options);
	if (status) {
		svio_log(SVIO_LOG_ERROR, "cannot start: %s", strerror(-status));
		free_parts(device);
		return status;
	}
	*made = device;
	return 0;
}

static void finish_stop(void *context, int status)
{
	(void)status;
	*(bool *)context = true;
}

/* Let the firmware take leave of every VIF, then stop; but do not wait for it for ever. */
static void stop_firmware(struct svio_device *device)
{
	bool stopped = false;
	struct svio_mailbox_request stop = { .type = SVIO_HOST_STOP,
					     .vif = SVIO_MAILBOX_NO_VIF,
					     .done = finish_stop,
					     .context = &stopped };
	uint64_t end_ns = svio_clock_ns() + STOP_MAX_NS;

	if (!svio_device_ready(device) || svio_mailbox_post(device->mailbox, &stop))
		return;
	svio_fw_process_stopping(device->firmware);
	while (!stopped && svio_device_ready(device) && svio_clock_ns() < end_ns)
		svio_loop_run_once(device->loop, STOP_ROUND_MS);
	if (!stopped)
		svio_mailbox_forget(device->mailbox, &stopped);
}

void svio_device_close(struct svio_device *device)
{
	uint32_t slot = 0;
	struct svio_vif *vif;
	char error[SVIO_ERROR_BYTES];

	if (!device)
		return;
	device->closing = true;
	svio_control_close(device->control);
	while ((vif = svio_device_vif_next(device, &slot)))
		if (svio_device_vif_del(device, vif->settings.name, error))
			svio_log(SVIO_LOG_ERROR, "%s", error);
	stop_firmware(device);
	free_parts(device);
}

int svio_device_status(const struct svio_device *device)
{
	return device->status;
}

bool svio_device_ready(const struct svio_device *device)
{
	return device->firmware && svio_fw_process_is_ready(device->firmware);
}

const struct svio_host_segment *svio_device_segment(const struct svio_device *device)
{
	return device->segment.shared;
}
