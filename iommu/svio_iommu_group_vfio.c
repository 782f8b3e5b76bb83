/* SPDX-License-Identifier: BSD-3-Clause */
#include "svio_iommu_group.h"

#include <errno.h>
#include <limits.h>
#include <pci/pci.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_BYTES 16
/* PCI's base class of bridges, which forward for others and do no DMA of their own. */
#define CLASS_BRIDGE 0x06

static void say(char *why, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void say(char *why, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(why, SVIO_IOMMU_GROUP_WHY_BYTES, format, arguments);
	va_end(arguments);
}

static const char *write_name(const struct pci_dev *device, char name[NAME_BYTES])
{
	snprintf(name, NAME_BYTES, "%04x:%02x:%02x.%u", (unsigned int)device->domain & 0xffffu,
		 device->bus, device->dev, (unsigned int)device->func & 7u);
	return name;
}

static const char *driver_of(struct pci_dev *device)
{
	const char *driver;

	pci_fill_info(device, PCI_FILL_DRIVER);
	driver = pci_get_string_property(device, PCI_FILL_DRIVER);
	return driver ? driver : "no driver";
}

/* NULL: it is in none. */
static const char *group_of(struct pci_dev *device)
{
	pci_fill_info(device, PCI_FILL_IOMMU_GROUP);
	return pci_get_string_property(device, PCI_FILL_IOMMU_GROUP);
}

static bool is_bridge(struct pci_dev *device)
{
	pci_fill_info(device, PCI_FILL_CLASS);
	return device->device_class >> 8 == CLASS_BRIDGE;
}

/* The group's other devices as "0000:00:1f.2 (ahci), ..."; "": there are none. */
static void list_others(struct pci_access *access, struct pci_dev *device, const char *group,
			char *list, size_t bytes)
{
	char name[NAME_BYTES];
	size_t used = 0;

	list[0] = '\0';
	for (struct pci_dev *other = access->devices; other; other = other->next) {
		const char *others_group = group_of(other);

		if (other == device || !others_group || strcmp(others_group, group) != 0 ||
		    is_bridge(other) || used >= bytes)
			continue;
		used += (size_t)snprintf(list + used, bytes - used, "%s%s (%s)", used ? ", " : "",
					 write_name(other, name), driver_of(other));
	}
}

/* A group that VFIO has made up for a device without an IOMMU says so in its name. */
static bool is_isolated(const char *sysfs, const char *group)
{
	char path[PATH_MAX], name[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%s/name", sysfs, group);
	file = fopen(path, "re");
	if (!file)
		return true;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	return strncmp(name, "vfio-noiommu", strlen("vfio-noiommu")) != 0;
}

static int check_group(struct pci_access *access, struct pci_dev *device, const char *sysfs,
		       int *number, char *why)
{
	const char *group = group_of(device);
	char name[NAME_BYTES], others[256];

	write_name(device, name);
	if (!group || !is_isolated(sysfs, group)) {
		say(why,
		    "%s: no IOMMU stands between it and memory: switch it on in the machine's "
		    "setup (VT-d, AMD-Vi) and, for Intel's, boot with intel_iommu=on",
		    name);
		return -ENXIO;
	}
	list_others(access, device, group, others, sizeof(others));
	if (others[0]) {
		say(why,
		    "%s: shares IOMMU group %s with %s: what is lent to the one is open to all. "
		    "Put it into a slot of its own, or switch on ACS in the machine's setup",
		    name, group, others);
		return -EBUSY;
	}
	*number = (int)strtol(group, NULL, 10);
	return 1;
}

static int check_device(struct pci_access *access, const char *address, const char *sysfs,
			int *group, char *why)
{
	struct pci_filter filter;
	struct pci_dev *device;
	char name[NAME_BYTES];

	pci_filter_init(access, &filter);
	if (pci_filter_parse_slot(&filter, (char *)address) || filter.func < 0) {
		say(why, "%s: not a PCI address: give one as in 0000:03:00.0", address);
		return -EINVAL;
	}
	pci_scan_bus(access);
	for (device = access->devices; device; device = device->next)
		if (device->domain == (filter.domain < 0 ? 0 : filter.domain) &&
		    device->bus == filter.bus && device->dev == filter.slot &&
		    device->func == filter.func)
			break;
	if (!device) {
		say(why, "%s: no such PCI device: `lspci -D` shows those there are", address);
		return -ENODEV;
	}
	if (strcmp(driver_of(device), "vfio-pci") != 0) {
		write_name(device, name);
		say(why, "%s: bound to %s: bind it to vfio-pci (dpdk-devbind.py -b vfio-pci %s)",
		    name, driver_of(device), name);
		return 0;
	}
	return check_group(access, device, sysfs, group, why);
}

int svio_iommu_group_check(const char *address, const char *sysfs, int *group,
			   char why[SVIO_IOMMU_GROUP_WHY_BYTES])
{
	struct pci_access *access_to_pci;
	char path[PATH_MAX];
	int status;

	why[0] = '\0';
	if (!sysfs)
		sysfs = "/sys";
	snprintf(path, sizeof(path), "%s/bus/pci", sysfs);
	/* libpci ends the process where this is missing. */
	if (access(path, R_OK | X_OK)) {
		say(why, "%s: no PCI bus: %s: %s", address, path, strerror(errno));
		return -ENODEV;
	}
	access_to_pci = pci_alloc();
	access_to_pci->method = PCI_ACCESS_SYS_BUS_PCI;
	pci_set_param(access_to_pci, (char *)"sysfs.path", path);
	pci_init(access_to_pci);
	status = check_device(access_to_pci, address, sysfs, group, why);
	pci_cleanup(access_to_pci);
	return status;
}
