/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IOMMU of the host: is a PCI device alone behind it?
 *
 * The IOMMU tells groups of devices apart, not devices. Whoever else is in the
 * group shares its domain: another driver's device could read what guests lend
 * to the wire.
 */
#ifndef SVIO_IOMMU_GROUP_H
#define SVIO_IOMMU_GROUP_H

#include <stddef.h>

#define SVIO_IOMMU_GROUP_WHY_BYTES 512

/*
 * Look at a device: "03:00.0" or "0000:03:00.0".
 *
 * sysfs: where that is; NULL: /sys. 1: it is bound to vfio-pci and alone in its group, whose
 * number is *group. 0: it has another driver, or none. -EINVAL: not an address; -ENODEV: no such
 * device; -ENXIO: bound to vfio-pci without an IOMMU; -EBUSY: its group has other devices. In all
 * cases but 1 why is a sentence or two for the administrator: what is, and what to do.
 */
int svio_iommu_group_check(const char *address, const char *sysfs, int *group,
			   char why[SVIO_IOMMU_GROUP_WHY_BYTES]);

#endif /* SVIO_IOMMU_GROUP_H */
