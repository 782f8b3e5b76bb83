// SPDX-License-Identifier: BSD-3-Clause
/*
 * Device features ("VFIO_USER_DEVICE_FEATURE"): the log of what the device wrote to guest memory,
 * for a client that migrates its VM.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdlib.h>
#include <string.h>

#include "function.h"
#include "registry.h"
#include "session.h"
#include "svio_iommu_dirty.h"

/* Of <linux/vfio.h> since Linux 6.1; older headers lack them. */
#define DMA_LOGGING_START  6
#define DMA_LOGGING_STOP   7
#define DMA_LOGGING_REPORT 8

#define METHODS     ((uint32_t)(VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET))
#define KNOWN_FLAGS (VFIO_DEVICE_FEATURE_MASK | METHODS | VFIO_DEVICE_FEATURE_PROBE)

#define HEADER_BYTES  sizeof(struct vfio_user_device_feature)
#define CONTROL_BYTES (HEADER_BYTES + sizeof(struct vfio_user_dma_logging_control))
#define REPORT_BYTES  (HEADER_BYTES + sizeof(struct vfio_user_dma_logging_report))

_Static_assert(sizeof(struct vfio_user_dma_logging_range) == sizeof(struct svio_iommu_dirty_range),
	       "ranges are handed on as they came");

/* The payload is a control structure with as many ranges as it says. 0; -EINVAL; -E2BIG. */
static int read_control(const struct bus_request *request,
			struct vfio_user_dma_logging_control *control)
{
	if (request->payload_bytes < CONTROL_BYTES)
		return -EINVAL;
	memcpy(control, request->payload + HEADER_BYTES, sizeof(*control));
	if (control->reserved ||
	    request->payload_bytes !=
		    CONTROL_BYTES +
			    (uint64_t)control->ranges * sizeof(struct vfio_user_dma_logging_range))
		return -EINVAL;
	return control->ranges > SVIO_IOMMU_DIRTY_RANGES_MAX ? -E2BIG : 0;
}

/* The reply is the request, with the page size that is in use. */
static int start_logging(struct bus_session *session, const struct bus_request *request)
{
	struct svio_iommu_dirty_range ranges[SVIO_IOMMU_DIRTY_RANGES_MAX];
	uint8_t reply[CONTROL_BYTES + sizeof(ranges)];
	struct vfio_user_dma_logging_control control;
	int status = read_control(request, &control);

	if (status)
		return status;
	memcpy(ranges, request->payload + CONTROL_BYTES, control.ranges * sizeof(ranges[0]));
	status = svio_vif_dirty_start(session->function->vif, ranges, control.ranges,
				      &control.page_bytes);
	if (status)
		return status;
	memcpy(reply, request->payload, request->payload_bytes);
	memcpy(reply + HEADER_BYTES, &control, sizeof(control));
	bus_session_reply(session, reply, request->payload_bytes);
	return 0;
}

/* The specification gives it the data of START; the kernel's interface gives it none. */
static int stop_logging(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_dma_logging_control control;
	int status = request->payload_bytes > HEADER_BYTES ? read_control(request, &control) : 0;

	if (status)
		return status;
	svio_vif_dirty_stop(session->function->vif);
	bus_session_reply(session, request->payload, request->payload_bytes);
	return 0;
}

static int report_logging(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_device_feature feature;
	struct vfio_user_dma_logging_report report;
	uint64_t pages, reply_bytes;
	uint64_t *reply;
	int status;

	if (request->payload_bytes != REPORT_BYTES)
		return -EINVAL;
	memcpy(&feature, request->payload, sizeof(feature));
	memcpy(&report, request->payload + HEADER_BYTES, sizeof(report));
	pages = report.page_bytes ? report.bytes / report.page_bytes : UINT64_MAX;
	if (pages > 8ull * VFIO_USER_DATA_BYTES_MAX)
		return -EINVAL;
	reply_bytes = REPORT_BYTES + (pages + 63) / 64 * sizeof(*reply);
	if (reply_bytes > feature.argsz || reply_bytes > session->version.data_bytes_max ||
	    reply_bytes > VFIO_USER_DATA_BYTES_MAX)
		return -EINVAL;
	reply = malloc(reply_bytes);
	if (!reply)
		return -ENOMEM;
	feature.argsz = (uint32_t)reply_bytes;
	memcpy(reply, &feature, sizeof(feature));
	memcpy((uint8_t *)reply + HEADER_BYTES, &report, sizeof(report));
	status = svio_vif_dirty_report(session->function->vif, report.iova, report.bytes,
				       report.page_bytes, reply + REPORT_BYTES / sizeof(*reply));
	if (!status)
		bus_session_reply(session, reply, reply_bytes);
	free(reply);
	return status;
}

static const struct feature {
	uint32_t index;
	uint32_t methods;
	int (*handle)(struct bus_session *session, const struct bus_request *request);
} features[] = {
	{ DMA_LOGGING_START, VFIO_DEVICE_FEATURE_SET, start_logging },
	{ DMA_LOGGING_STOP, VFIO_DEVICE_FEATURE_SET, stop_logging },
	{ DMA_LOGGING_REPORT, VFIO_DEVICE_FEATURE_GET, report_logging },
};

static const struct feature *find_feature(uint32_t flags)
{
	for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
		if (features[i].index == (flags & VFIO_DEVICE_FEATURE_MASK))
			return &features[i];
	return NULL;
}

int bus_feature(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_device_feature wire;
	const struct feature *feature;

	memcpy(&wire, request->payload, sizeof(wire));
	if (wire.argsz < sizeof(wire) || wire.flags & ~KNOWN_FLAGS)
		return -EINVAL;
	feature = find_feature(wire.flags);
	if (!feature)
		return -ENOTTY;
	if (wire.flags & METHODS & ~feature->methods)
		return -EINVAL;
	/* The reply is never shorter than the request. */
	if (wire.argsz < request->payload_bytes)
		return -EINVAL;
	if (wire.flags & VFIO_DEVICE_FEATURE_PROBE) {
		bus_session_reply(session, request->payload, request->payload_bytes);
		return 0;
	}
	if (!(wire.flags & METHODS))
		return -EINVAL;
	return feature->handle(session, request);
}
