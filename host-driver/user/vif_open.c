/* SPDX-License-Identifier: BSD-3-Clause */
/* A VIF's life on the driver's side: open, set up, reset, close (SPEC, chapter 3.1). */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "svio_pci.h"
#include "svio_vif_raw.h"
#include "vif_internal.h"

#define DEFAULT_RING_LG2   10
#define DEFAULT_BUF_BYTES  2048
#define DEFAULT_BUFS_SPARE 512
#define DEFAULT_IOVA       (1ull << 32)
#define DEFAULT_TIMEOUT_MS 5000

static void fill_defaults(struct svio_vif_options *options)
{
	if (!options->queues)
		options->queues = 1;
	if (!options->tx_ring_lg2)
		options->tx_ring_lg2 = DEFAULT_RING_LG2;
	if (!options->rx_ring_lg2)
		options->rx_ring_lg2 = DEFAULT_RING_LG2;
	if (!options->buf_bytes)
		options->buf_bytes = DEFAULT_BUF_BYTES;
	if (!options->iova)
		options->iova = DEFAULT_IOVA;
	if (!options->timeout_ms)
		options->timeout_ms = DEFAULT_TIMEOUT_MS;
}

static bool ring_is_allowed(uint8_t lg2)
{
	return lg2 >= SVIO_RING_LG2_MIN && lg2 <= SVIO_RING_LG2_MAX;
}

static int check_options(struct svio_vif_options *options)
{
	if (!options->path)
		return vif_fail(-EINVAL, "no path of a VIF's socket was given");
	if (options->queues > SVIO_QUEUES_MAX)
		return vif_fail(-EINVAL, "%u pairs of queues: at most %u", options->queues,
				SVIO_QUEUES_MAX);
	if (!ring_is_allowed(options->tx_ring_lg2) || !ring_is_allowed(options->rx_ring_lg2))
		return vif_fail(-EINVAL, "a ring has 2^%u to 2^%u entries", SVIO_RING_LG2_MIN,
				SVIO_RING_LG2_MAX);
	if (options->buf_bytes < SVIO_RX_BUF_LEN_MIN || options->buf_bytes > 65535)
		return vif_fail(-EINVAL, "buffers of %u bytes: 256 to 65535", options->buf_bytes);
	if (options->moderation_us > SVIO_MODERATION_US_MAX)
		return vif_fail(-EINVAL, "moderation of %u us: at most %u", options->moderation_us,
				SVIO_MODERATION_US_MAX);
	if (options->map_queue) {
		options->features |= SVIO_FEATURE(MAP_QUEUE);
		options->features_required |= SVIO_FEATURE(MAP_QUEUE);
	}
	if (!options->bufs)
		options->bufs = (1u << options->tx_ring_lg2) + (1u << options->rx_ring_lg2) +
				DEFAULT_BUFS_SPARE;
	return 0;
}

static int map_doorbells(struct svio_vif *vif)
{
	struct vfio_user_region region;
	void *base = MAP_FAILED;
	int status = vfio_user_client_region_info(&vif->client, SVIO_BAR_DOORBELL, &region);

	if (status)
		return vif_fail(status, "BAR2 cannot be asked for: %s", strerror(-status));
	if (region.fd >= 0 && region.bytes == SVIO_BAR_DOORBELL_BYTES)
		base = mmap(NULL, SVIO_BAR_DOORBELL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
			    region.fd, (off_t)region.mmap_offset);
	if (region.fd >= 0)
		close(region.fd);
	if (base == MAP_FAILED)
		return vif_fail(-EPROTO, "BAR2 is not a page of doorbells that can be mapped");
	vif->bar2 = base;
	vif->doorbells = base;
	return 0;
}

static const char *connect_remedy(int status)
{
	switch (status) {
	case -ENOENT:
		return "no such socket: is there a VIF of that name? (svio vif list)";
	case -ECONNREFUSED:
		return "nobody serves this socket: is sviod running?";
	case -EBUSY:
		return "another client has this VIF open";
	case -EPROTO:
		return "what serves this socket does not speak vfio-user 0.x";
	default:
		return strerror(-status);
	}
}

static int connect_device(struct svio_vif *vif, const char *path)
{
	int status = vfio_user_client_connect(&vif->client, path, vif->options.timeout_ms);

	if (status)
		return vif_fail(status, "%s: %s", path, connect_remedy(status));
	status = map_doorbells(vif);
	if (!status)
		status = vif_info_read(vif);
	if (status)
		return status;
	if (vif->options.queues > vif->info.txqs_max || vif->options.queues > vif->info.rxqs_max)
		return vif_fail(-EINVAL, "%u pairs of queues: this VIF has %u transmit, %u receive",
				vif->options.queues, vif->info.txqs_max, vif->info.rxqs_max);
	if (vif->options.interrupts && !vif->info.vectors)
		return vif_fail(-EINVAL, "this VIF has no interrupt vectors: open it without");
	return 0;
}

static int reset_device(struct svio_vif *vif)
{
	uint32_t state = SVIO_VIF_STATE_COUNT;
	int status = vif_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_RESET);

	/* Usually true at once; each read takes its time, so this bounds it well below 1 s. */
	for (int i = 0; !status && state != SVIO_VIF_STATE_RESET && i < 1000; i++)
		status = vif_reg_read(vif, SVIO_REG_STATUS, &state);
	if (!status && state != SVIO_VIF_STATE_RESET)
		return vif_fail(-ETIMEDOUT, "the VIF does not come out of reset");
	return status;
}

static int open_raw(struct svio_vif *vif)
{
	int status = connect_device(vif, vif->options.path);

	/* The caller's string need not live longer. */
	vif->options.path = NULL;
	if (!status)
		status = vif_queues_allocate(vif);
	if (!status)
		status = vif_memory_create(vif);
	if (!status)
		status = vif_bus_master_set(vif, true);
	if (!status)
		status = reset_device(vif);
	if (!status)
		vif_queues_clear(vif);
	return status;
}

static int expect_state(struct svio_vif *vif, enum svio_vif_state expected)
{
	struct svio_vif_status status;
	int error = svio_vif_status(vif, &status);

	if (error)
		return error;
	if (status.state != expected)
		return vif_fail(-EPROTO, "the VIF went to state %u: %s", (unsigned int)status.state,
				svio_vif_error_text(status.error));
	return 0;
}

/* Leaves out what needs a feature that is not in the set, until nothing changes. */
static uint64_t drop_orphans(uint64_t features)
{
	uint64_t before;

	do {
		before = features;
#define DROP_ORPHAN(name, bit, needs, text)            \
	if ((features & (needs)) != (uint64_t)(needs)) \
		features &= ~SVIO_FEATURE(name);
		SVIO_FEATURE_LIST(DROP_ORPHAN)
#undef DROP_ORPHAN
	} while (features != before);
	return features;
}

static int negotiate(struct svio_vif *vif)
{
	uint64_t known = 0;
	uint64_t missing;
	int status;

#define KNOW(name, bit, needs, text) known |= SVIO_FEATURE(name);
	SVIO_FEATURE_LIST(KNOW)
#undef KNOW
	vif->info.features =
		drop_orphans(vif->info.features_offered & vif->options.features & known);
	missing = vif->options.features_required & ~vif->info.features;
	if (missing)
		return vif_fail(-EOPNOTSUPP, "the VIF does not offer the feature %s",
				svio_vif_feature_name((uint32_t)__builtin_ctzll(missing)));
	status = vif_reg_write64(vif, SVIO_REG_DRIVER_FEATURES_LO, vif->info.features);
	if (!status)
		status = vif_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_NEGOTIATE);
	return status ? status : expect_state(vif, SVIO_VIF_STATE_NEGOTIATED);
}

static int enable(struct svio_vif *vif)
{
	int status;

	vif_admin_clear(vif);
	status = vif_reg_write64(vif, SVIO_REG_ADMIN_SQ_LO, svio_vif_iova(vif, vif->admin.sq));
	if (!status)
		status = vif_reg_write64(vif, SVIO_REG_ADMIN_CQ_LO,
					 svio_vif_iova(vif, vif->admin.cq));
	if (!status)
		status = vif_reg_write(vif, SVIO_REG_ADMIN_CONFIG,
				       (uint32_t)SVIO_VECTOR_NONE << 16 | VIF_ADMIN_LG2);
	if (!status)
		status = vif_reg_write(vif, SVIO_REG_CONTROL, SVIO_CONTROL_ENABLE);
	return status ? status : expect_state(vif, SVIO_VIF_STATE_READY);
}

/* From RESET to READY with all queues. */
static int start(struct svio_vif *vif)
{
	int status = negotiate(vif);

	if (!status)
		status = enable(vif);
	if (status)
		return status;
	vif_queues_clear(vif);
	status = vif_map_create(vif);
	return status ? status : vif_queues_create(vif);
}

static int open_vif(const struct svio_vif_options *options, struct svio_vif **result, bool raw)
{
	struct svio_vif *vif = calloc(1, sizeof(*vif));
	int status;

	*result = NULL;
	if (!vif)
		return vif_fail(-ENOMEM, "no memory for a VIF");
	vif->client.socket = -1;
	vif->memory.fd = -1;
	vif->options = *options;
	fill_defaults(&vif->options);
	status = check_options(&vif->options);
	if (!status)
		status = open_raw(vif);
	if (!status && !raw)
		status = start(vif);
	if (status) {
		svio_vif_close(vif);
		return status;
	}
	vif->info.queues = vif->options.queues;
	vif->info.buf_bytes = vif->options.buf_bytes;
	*result = vif;
	return 0;
}

int svio_vif_open(const struct svio_vif_options *options, struct svio_vif **vif)
{
	return open_vif(options, vif, false);
}

int svio_vif_raw_open(const struct svio_vif_options *options, struct svio_vif **vif)
{
	return open_vif(options, vif, true);
}

int svio_vif_reset(struct svio_vif *vif)
{
	int status = vif_bus_master_set(vif, true);

	if (!status)
		status = reset_device(vif);
	return status ? status : start(vif);
}

/* The memory goes last: only after reset or disconnection the device lets go of it. */
void svio_vif_close(struct svio_vif *vif)
{
	if (!vif)
		return;
	if (vif->client.socket >= 0 && vif->doorbells)
		vfio_user_client_region_write(&vif->client, SVIO_BAR_REGS, SVIO_REG_CONTROL,
					      &(uint32_t){ SVIO_CONTROL_RESET }, 4);
	vfio_user_client_disconnect(&vif->client);
	if (vif->bar2)
		munmap(vif->bar2, SVIO_BAR_DOORBELL_BYTES);
	vif_queues_free(vif);
	vif_memory_destroy(vif);
	free(vif);
}

const struct svio_vif_info *svio_vif_info(const struct svio_vif *vif)
{
	return &vif->info;
}

void *svio_vif_extra(struct svio_vif *vif)
{
	return vif->options.extra_bytes ? vif->memory.base + vif->memory.extra_offset : NULL;
}

uint64_t svio_vif_iova(const struct svio_vif *vif, const void *data)
{
	return (uint64_t)(uintptr_t)data + vif_iova_delta(vif);
}

void vif_wake(struct svio_vif *vif)
{
	uint32_t value = 1;

	/* Posted: nothing to wait for. A connection that is gone shows at the next register. */
	vfio_user_client_region_post(&vif->client, SVIO_BAR_REGS, SVIO_REG_WAKE, &value,
				     sizeof(value));
}
