/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: the group of a PCI device, as a folder that looks like sysfs has it. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "svio_iommu_group.h"
#include "svio_test.h"

#define NIC    "0x020000"
#define BRIDGE "0x060400"

static char sysfs[64];
static char why[SVIO_IOMMU_GROUP_WHY_BYTES];
static int group;

static void make_folder(const char *path)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s", sysfs, path);
	CU_ASSERT_FATAL(!mkdir(whole, 0700) || errno == EEXIST);
}

static void make_file(const char *folder, const char *name, const char *text)
{
	char whole[PATH_MAX];
	FILE *file;

	snprintf(whole, sizeof(whole), "%s/%s/%s", sysfs, folder, name);
	file = fopen(whole, "w");
	CU_ASSERT_FATAL(file != NULL);
	CU_ASSERT_FATAL(fprintf(file, "%s\n", text) > 0);
	fclose(file);
}

static void make_link(const char *folder, const char *name, const char *to)
{
	char whole[PATH_MAX];

	snprintf(whole, sizeof(whole), "%s/%s/%s", sysfs, folder, name);
	CU_ASSERT_FATAL(!symlink(to, whole));
}

/* driver or in_group NULL: it has none. */
static void add_device(const char *address, const char *class, const char *driver,
		       const char *in_group)
{
	char folder[128], to[128];

	snprintf(folder, sizeof(folder), "bus/pci/devices/%s", address);
	make_folder(folder);
	make_file(folder, "class", class);
	make_file(folder, "vendor", "0x8086");
	make_file(folder, "device", "0x10c9");
	make_file(folder, "irq", "0");
	if (driver) {
		snprintf(to, sizeof(to), "bus/pci/drivers/%s", driver);
		make_folder(to);
		snprintf(to, sizeof(to), "../../drivers/%s", driver);
		make_link(folder, "driver", to);
	}
	if (in_group) {
		snprintf(to, sizeof(to), "kernel/iommu_groups/%s", in_group);
		make_folder(to);
		snprintf(to, sizeof(to), "../../../../kernel/iommu_groups/%s", in_group);
		make_link(folder, "iommu_group", to);
	}
}

static void open_sysfs(void)
{
	snprintf(sysfs, sizeof(sysfs), "%s", "/tmp/svio-sysfs-XXXXXX");
	CU_ASSERT_FATAL(mkdtemp(sysfs) != NULL);
	make_folder("bus");
	make_folder("bus/pci");
	make_folder("bus/pci/devices");
	make_folder("bus/pci/drivers");
	make_folder("kernel");
	make_folder("kernel/iommu_groups");
	group = -1;
}

static void close_sysfs(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -r '%s'", sysfs);
	CU_ASSERT_EQUAL(system(command), 0);
}

static int check(const char *address)
{
	return svio_iommu_group_check(address, sysfs, &group, why);
}

static bool says(const char *text)
{
	if (strstr(why, text))
		return true;
	printf("    it says: %s\n", why);
	return false;
}

static void check_of_a_lone_device_gives_its_group(void)
{
	add_device("0000:03:00.0", NIC, "vfio-pci", "12");
	add_device("0000:04:00.0", NIC, "igb", "13");
	CU_ASSERT_EQUAL(check("0000:03:00.0"), 1);
	CU_ASSERT_EQUAL(group, 12);
	CU_ASSERT_EQUAL(check("03:00.0"), 1);
}

static void check_minds_no_bridge(void)
{
	add_device("0000:00:01.0", BRIDGE, "pcieport", "1");
	add_device("0000:01:00.0", NIC, "vfio-pci", "1");
	CU_ASSERT_EQUAL(check("0000:01:00.0"), 1);
	CU_ASSERT_EQUAL(group, 1);
}

static void check_of_a_shared_group_names_the_others_and_the_remedy(void)
{
	add_device("0000:03:00.0", NIC, "vfio-pci", "12");
	add_device("0000:03:00.1", NIC, "igb", "12");
	add_device("0000:05:00.0", NIC, NULL, "12");
	add_device("0000:06:00.0", NIC, "nvme", "9");
	CU_ASSERT_EQUAL(check("0000:03:00.0"), -EBUSY);
	CU_ASSERT(says("0000:03:00.0"));
	CU_ASSERT(says("group 12"));
	CU_ASSERT(says("0000:03:00.1 (igb)"));
	CU_ASSERT(says("0000:05:00.0 (no driver)"));
	CU_ASSERT(!strstr(why, "nvme"));
	CU_ASSERT(says("ACS"));
}

static void check_without_an_iommu_says_how_to_have_one(void)
{
	add_device("0000:03:00.0", NIC, "vfio-pci", NULL);
	CU_ASSERT_EQUAL(check("0000:03:00.0"), -ENXIO);
	CU_ASSERT(says("intel_iommu=on"));
}

static void check_is_not_deceived_by_a_group_without_an_iommu(void)
{
	add_device("0000:03:00.0", NIC, "vfio-pci", "0");
	make_file("kernel/iommu_groups/0", "name", "vfio-noiommu");
	CU_ASSERT_EQUAL(check("0000:03:00.0"), -ENXIO);
}

static void check_of_another_drivers_device_says_how_to_bind_it(void)
{
	add_device("0000:03:00.0", NIC, "igb", "12");
	add_device("0000:04:00.0", NIC, NULL, "13");
	CU_ASSERT_EQUAL(check("0000:03:00.0"), 0);
	CU_ASSERT(says("bound to igb"));
	CU_ASSERT(says("vfio-pci"));
	CU_ASSERT_EQUAL(check("0000:04:00.0"), 0);
	CU_ASSERT(says("no driver"));
}

static void check_of_what_is_not_there_says_so(void)
{
	add_device("0000:03:00.0", NIC, "vfio-pci", "12");
	CU_ASSERT_EQUAL(check("0000:03:00.1"), -ENODEV);
	CU_ASSERT(says("lspci"));
	CU_ASSERT_EQUAL(check("0001:03:00.0"), -ENODEV);
	CU_ASSERT_EQUAL(check("eth0"), -EINVAL);
	CU_ASSERT_EQUAL(check(""), -EINVAL);
	CU_ASSERT_EQUAL(check("03:00"), -EINVAL);
}

static void check_without_pci_says_so(void)
{
	CU_ASSERT_EQUAL(svio_iommu_group_check("03:00.0", "/nowhere", &group, why), -ENODEV);
	CU_ASSERT(says("no PCI bus"));
}

SVIO_TEST_MAIN_WITH("iommu group", open_sysfs, close_sysfs,
		    SVIO_TEST(check_of_a_lone_device_gives_its_group),
		    SVIO_TEST(check_minds_no_bridge),
		    SVIO_TEST(check_of_a_shared_group_names_the_others_and_the_remedy),
		    SVIO_TEST(check_without_an_iommu_says_how_to_have_one),
		    SVIO_TEST(check_is_not_deceived_by_a_group_without_an_iommu),
		    SVIO_TEST(check_of_another_drivers_device_says_how_to_bind_it),
		    SVIO_TEST(check_of_what_is_not_there_says_so),
		    SVIO_TEST(check_without_pci_says_so))
