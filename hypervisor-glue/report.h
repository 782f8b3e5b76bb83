/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What there is to tell about the device, as JSON. NULL only where memory is out.
 */
#ifndef SVIO_REPORT_H
#define SVIO_REPORT_H

#include <json-c/json.h>

struct svio_device;
struct svio_vif;

struct json_object *svio_report_vif(const struct svio_vif *vif);
struct json_object *svio_report_device(const struct svio_device *device);
/* Counters of one VIF, or (vif NULL) of the device and all VIFs. */
struct json_object *svio_report_stats(struct svio_device *device, const struct svio_vif *vif);
/* The newest records of the fault log, oldest first; of one VIF, or (vif NULL) of all. */
struct json_object *svio_report_faults(struct svio_device *device, const struct svio_vif *vif);
/* What a VIF's domain maps, how it is used, and its dirty log. */
struct json_object *svio_report_iommu(struct svio_vif *vif);
/* What every node did, as the firmware brought it up to date last. */
struct json_object *svio_report_qos(struct svio_device *device);

#endif /* SVIO_REPORT_H */
