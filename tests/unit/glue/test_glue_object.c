// SPDX-License-Identifier: BSD-3-Clause
/* Memory objects, through the maps of a VIF. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "device.h"
#include "glue_fixture.h"
#include "svio_iommu_walk.h"
#include "svio_test.h"

#define MIB  0x100000ull
#define VIFS 4

static struct fixture fixture;
static struct svio_vif *vif;

static void setup(void)
{
	fixture_open(&fixture, "fake", VIFS, true);
	vif = fixture_vif(&fixture, "a");
	fixture_wait_idle(&fixture);
}

static void teardown(void)
{
	fixture_close(&fixture);
}

static int map(uint64_t iova, uint64_t bytes, int fd, uint64_t offset)
{
	return svio_vif_dma_map(vif, iova, bytes, fd, offset, true, true);
}

static enum svio_iommu_fault_reason walk(uint64_t iova, uint32_t rights, struct svio_iommu_run *run)
{
	return svio_iommu_walk(vif->device->segment.arena, vif->domain, iova, rights, run);
}

static void map_same_memory_twice_is_one_object(void)
{
	struct svio_iommu_run a = { 0 }, b = { 0 };
	int fd = make_memory(4 * MIB), copy = dup(fd);

	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(map(16 * MIB, MIB, copy, 2 * MIB), 0);
	close(fd); /* the registry has its own */
	close(copy);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 1);
	CU_ASSERT_EQUAL(walk(0x1234, SVIO_IOMMU_READ, &a), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(walk(16 * MIB + 5, SVIO_IOMMU_WRITE, &b), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(a.object, b.object);
	CU_ASSERT_EQUAL(a.offset, 0x1234);
	CU_ASSERT_EQUAL(b.offset, 2 * MIB + 5);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_ADD), 1);
}

/* When the map is answered the guest may use it: the firmware has the memory by then. */
static void map_new_object_is_with_the_firmware_on_return(void)
{
	int fd = make_memory(MIB);

	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_ADD), 1);
	close(fd);
}

static void map_read_only_descriptor_cannot_be_written(void)
{
	char path[64];
	int fd = make_memory(MIB), read_only;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	read_only = open(path, O_RDONLY);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, read_only, 0, true, true), -EACCES);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, read_only, 0, true, false), 0);
	CU_ASSERT_EQUAL(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, MIB, MIB, fd, 0, true, true), -EACCES);
	close(read_only);
	close(fd);
	fixture_wait_idle(&fixture);
}

static void map_descriptor_that_cannot_be_read_is_refused(void)
{
	char path[64];
	int fd = make_memory(MIB), write_only, nothing;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	write_only = open(path, O_WRONLY);
	nothing = open(path, O_PATH);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, write_only, 0, false, true), -EACCES);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, nothing, 0, true, false), -EACCES);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 0);
	close(nothing);
	close(write_only);
	close(fd);
}

/* A file of a disk, large enough: this program. */
static void map_file_of_a_disk_is_refused(void)
{
	int program = open("/proc/self/exe", O_RDONLY);
	struct statfs filesystem;

	CU_ASSERT_EQUAL_FATAL(fstatfs(program, &filesystem), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, 4096, program, 0, true, false),
			filesystem.f_type == TMPFS_MAGIC ? 0 : -EINVAL);
	close(program);
	fixture_wait_idle(&fixture);
}

static void unmap_takes_no_more_than_its_range(void)
{
	struct svio_iommu_run run;
	int fd = make_memory(MIB);

	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(map(MIB, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(map(4 * MIB, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, MIB, MIB, false), 0);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(walk(MIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(walk(4 * MIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 4 * MIB + 4096, 4096, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 4 * MIB, 4095, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 4 * MIB + 1, MIB, false), -EINVAL);
	CU_ASSERT_EQUAL(walk(5 * MIB - 1, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	close(fd);
}

/* A mapping for reading only in the tables, of an object that could be written. */
static void map_readable_only_is_faulted_on_write(void)
{
	struct svio_iommu_run run;
	int fd = make_memory(MIB);

	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, fd, 0, true, false), 0);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_WRITE, &run), SVIO_IOMMU_FAULT_RIGHTS);
	close(fd);
}

static void map_what_is_not_memory_is_refused(void)
{
	int event = eventfd(0, 0), pair[2], file = open("/proc/self/maps", O_RDONLY);
	int zero = open("/dev/zero", O_RDWR), directory = open("/dev/shm", O_RDONLY);

	CU_ASSERT_EQUAL(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	CU_ASSERT_EQUAL(map(0, MIB, event, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, MIB, pair[0], 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, MIB, zero, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, file, 0, true, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, MIB, directory, 0, true, false), -EINVAL);
	CU_ASSERT_EQUAL(map(0, MIB, 9999, 0), -EINVAL);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 0);
	CU_ASSERT(log_count("share=on") > 0);
	close(event);
	close(file);
	close(zero);
	close(directory);
	close(pair[0]);
	close(pair[1]);
}

static void map_behind_the_end_is_refused(void)
{
	int fd = make_memory(MIB), empty = make_memory(0);

	CU_ASSERT_EQUAL(map(0, MIB + 4096, fd, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, MIB, fd, 4096), -EINVAL);
	CU_ASSERT_EQUAL(map(0, 4096, empty, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, 4096, fd, UINT64_MAX - 4095), -EOVERFLOW);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 0);
	/* Memory that has grown can be mapped to its new end. */
	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(ftruncate(fd, 2 * MIB), 0);
	CU_ASSERT_EQUAL(map(MIB, MIB, fd, MIB), 0);
	close(fd);
	close(empty);
}

static void map_misaligned_or_wrapping_is_refused(void)
{
	int fd = make_memory(MIB);

	CU_ASSERT_EQUAL(map(0, 0, fd, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(1, 4096, fd, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, 4097, fd, 0), -EINVAL);
	CU_ASSERT_EQUAL(map(0, 4096, fd, 2), -EINVAL);
	CU_ASSERT_EQUAL(map(UINT64_MAX - 4095, 8192, fd, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(map(1ull << 48, 4096, fd, 0), -EOVERFLOW);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 0, 4096, fd, 0, false, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 0);
	close(fd);
}

static void map_overlapping_is_refused_and_changes_nothing(void)
{
	struct svio_iommu_run run = { 0 };
	int fd = make_memory(4 * MIB), other = make_memory(4 * MIB);

	CU_ASSERT_EQUAL(map(MIB, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(map(MIB + 4096, 4096, other, 0), -EEXIST);
	CU_ASSERT_EQUAL(map(0, 4 * MIB, -1, 0), -EEXIST);
	CU_ASSERT_EQUAL(walk(MIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_OK);
	CU_ASSERT_EQUAL(run.offset, 0);
	close(fd);
	close(other);
}

static void map_without_memory_is_kept_but_never_accessible(void)
{
	struct svio_iommu_run run = { 0 };
	int fd = make_memory(MIB);

	CU_ASSERT_EQUAL(map(3 * MIB, MIB, -1, 0), 0);
	CU_ASSERT_EQUAL(map(3 * MIB, MIB, fd, 0), -EEXIST);
	if (walk(3 * MIB, SVIO_IOMMU_READ, &run) == SVIO_IOMMU_OK)
		CU_ASSERT_EQUAL(run.object, SVIO_OBJECT_HOLLOW); /* which no firmware has */
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 3 * MIB + 4096, 4096, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 3 * MIB, MIB, false), 0);
	CU_ASSERT_EQUAL(map(3 * MIB, MIB, fd, 0), 0);
	close(fd);
}

static void map_ram_without_descriptor_is_told(void)
{
	log_clear();
	CU_ASSERT_EQUAL(map(0, MIB, -1, 0), 0);
	CU_ASSERT_EQUAL(log_count("share=on"), 1);
}

/* What QEMU does with share=off: its memory is a private mapping of the memfd that it hands over. */
static void map_memory_private_in_client_is_refused(void)
{
	int private_fd = make_memory(MIB), shared_fd = make_memory(MIB);
	void *private_map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_PRIVATE, private_fd, 0);
	void *shared_map = mmap(NULL, MIB, PROT_READ | PROT_WRITE, MAP_SHARED, shared_fd, 0);

	CU_ASSERT_PTR_NOT_EQUAL(private_map, MAP_FAILED);
	CU_ASSERT_PTR_NOT_EQUAL(shared_map, MAP_FAILED);
	svio_vif_connected_by(vif, getpid());
	log_clear();
	CU_ASSERT_EQUAL(map(0, MIB, private_fd, 0), -EINVAL);
	CU_ASSERT_EQUAL(log_count("share=on"), 1);
	CU_ASSERT_EQUAL(map(0, MIB, shared_fd, 0), 0);
	/* After the client has gone nothing is known of the next one. */
	svio_vif_disconnected(vif);
	CU_ASSERT_EQUAL(map(0, MIB, private_fd, 0), 0);
	munmap(private_map, MIB);
	munmap(shared_map, MIB);
	close(private_fd);
	close(shared_fd);
}

static void unmap_superset_takes_all_inside(void)
{
	struct svio_iommu_run run;
	int fd = make_memory(4 * MIB);

	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	CU_ASSERT_EQUAL(map(2 * MIB, MIB, fd, MIB), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 1ull << 47, false), 0);
	CU_ASSERT_EQUAL(walk(0, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_UNMAPPED);
	CU_ASSERT_EQUAL(walk(2 * MIB, SVIO_IOMMU_READ, &run), SVIO_IOMMU_FAULT_UNMAPPED);
	/* Nothing there, whole address spaces, and all of nothing: success. */
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 1ull << 47, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 1ull << 60, 4096, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 1ull << 63, 1ull << 63, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, false), -EINVAL);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 8192, UINT64_MAX - 4095, false), -EINVAL);
	close(fd);
}

static bool objects_gone(void *context)
{
	return svio_objects_count(context) == 0;
}

/* As with a vIOMMU: one map and one unmap a packet do not map and unmap the memory each time. */
static void unmap_and_map_again_keeps_the_object(void)
{
	int fd = make_memory(4 * MIB);

	for (uint64_t i = 0; i < 200; i++) {
		int copy = dup(fd);

		CU_ASSERT_EQUAL(map(i * 4096, 4096, copy, i * 4096), 0);
		CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, i * 4096, 4096, false), 0);
		close(copy);
	}
	close(fd);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_ADD), 1);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_DEL), 0);
	/* But in the end it is let go. */
	fixture_wait(&fixture, objects_gone, vif->device->objects);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_DEL), 1);
}

/* A seal that forbids to write: no map of new memory may; one that is known was there before. */
static void sealed_memory_is_writable_only_where_it_was_mapped_before(void)
{
	int known = make_memory(MIB), fresh = make_memory(MIB);

	CU_ASSERT_EQUAL(map(0, MIB, known, 0), 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(known, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	CU_ASSERT_EQUAL_FATAL(fcntl(fresh, F_ADD_SEALS, F_SEAL_FUTURE_WRITE), 0);
	CU_ASSERT_EQUAL(map(MIB, MIB, known, 0), 0);
	CU_ASSERT_EQUAL(map(2 * MIB, MIB, fresh, 0), -EACCES);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 1);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 2 * MIB, MIB, fresh, 0, true, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_map(vif, 3 * MIB, MIB, fresh, 0, true, false), 0);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 2);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, true), 0);
	close(known);
	close(fresh);
}

/* Once a flush, whatever was unmapped, and answered before the unmap is. */
static void unmap_takes_back_what_the_wire_may_have(void)
{
	int fd = make_memory(4 * MIB);

	CU_ASSERT_EQUAL(map(0, 4096, fd, 0), 0);
	CU_ASSERT_EQUAL(map(4096, 4096, fd, 8192), 0);
	CU_ASSERT_EQUAL(map(8192, 4096, fd, 16384), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 4096, false), 0);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_REVOKE), 0);
	vif->device->segment.shared->wire_flags |= SVIO_HOST_WIRE_LENDS;
	CU_ASSERT_EQUAL(svio_vif_dma_unmap_begin(vif, 4096, 4096, false), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap_begin(vif, 8192, 4096, false), 0);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_REVOKE), 0);
	svio_vif_dma_unmap_flush(vif);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_REVOKE), 1);
	/* Nothing was mapped there. */
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 1ull << 30, false), 0);
	CU_ASSERT_EQUAL(fake_count(&fixture, SVIO_HOST_OBJECT_REVOKE), 1);
	close(fd);
}

static void disconnected_object_is_gone_at_once(void)
{
	int fd = make_memory(MIB), before = count_descriptors();

	CU_ASSERT_EQUAL(map(0, MIB, fd, 0), 0);
	svio_vif_disconnected(vif);
	fixture_wait_idle(&fixture);
	CU_ASSERT_EQUAL(svio_objects_count(vif->device->objects), 0);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	close(fd);
}

static void map_too_many_objects_is_refused(void)
{
	for (uint64_t i = 0; i <= SVIO_OBJECTS_A_VIF; i++) {
		int fd = make_memory(4096);
		int status = map(i * 4096, 4096, fd, 0);

		CU_ASSERT_EQUAL(status, i < SVIO_OBJECTS_A_VIF ? 0 : -ENOSPC);
		close(fd);
	}
	fixture_wait_idle(&fixture);
}

static int map_hollow_memory(struct svio_vif *of, uint64_t iova, uint64_t bytes)
{
	int fd = make_memory(bytes);
	int status = svio_vif_dma_map(of, iova, MIB, fd, 0, true, true);

	close(fd);
	return status;
}

/*
 * The firmware's addresses: one VIF gets its share and all that is common, another still its own
 * share, to the byte; and all of it comes back.
 */
static void map_too_many_bytes_is_refused_for_this_vif_only(void)
{
	const uint64_t share = SVIO_OBJECTS_BYTES / 2 / VIFS, common = SVIO_OBJECTS_BYTES / 2;
	struct svio_vif *other = fixture_vif(&fixture, "b");

	CU_ASSERT_EQUAL(map_hollow_memory(vif, 0, SVIO_OBJECTS_BYTES * 2), -ENOSPC);
	for (int round = 0; round < 2; round++) {
		CU_ASSERT_EQUAL(map_hollow_memory(vif, 0, common), 0);
		CU_ASSERT_EQUAL(map_hollow_memory(vif, MIB, share + MIB), -ENOSPC);
		CU_ASSERT_EQUAL(map_hollow_memory(vif, MIB, share), 0);
		CU_ASSERT_EQUAL(map_hollow_memory(vif, 2 * MIB, MIB), -ENOSPC);
		CU_ASSERT_EQUAL(map_hollow_memory(other, 0, share + MIB), -ENOSPC);
		CU_ASSERT_EQUAL(map_hollow_memory(other, 0, share), 0);
		CU_ASSERT_EQUAL(map_hollow_memory(other, MIB, MIB), -ENOSPC);
		svio_vif_disconnected(vif);
		svio_vif_disconnected(other);
		fixture_wait_idle(&fixture);
	}
}

/* What one VIF may map is bounded, and another one's share is its own. */
static void map_too_many_tables_is_refused_for_this_vif_only(void)
{
	struct svio_vif *other = fixture_vif(&fixture, "b");
	int fd = make_memory(4096), status = 0;
	uint64_t i;

	for (i = 0; i < 4096 && !status; i++)
		status = map(i << 30, 4096, fd, 0); /* a table or two each */
	CU_ASSERT_EQUAL(status, -ENOSPC);
	CU_ASSERT(i > 100);
	CU_ASSERT_EQUAL(svio_vif_dma_map(other, 0, 4096, fd, 0, true, true), 0);
	CU_ASSERT_EQUAL(svio_vif_dma_unmap(vif, 0, 0, true), 0);
	CU_ASSERT_EQUAL(map(0, 4096, fd, 0), 0);
	close(fd);
}

SVIO_TEST_MAIN_WITH(
	"glue object", setup, teardown, SVIO_TEST(map_same_memory_twice_is_one_object),
	SVIO_TEST(map_new_object_is_with_the_firmware_on_return),
	SVIO_TEST(map_read_only_descriptor_cannot_be_written),
	SVIO_TEST(map_descriptor_that_cannot_be_read_is_refused),
	SVIO_TEST(map_file_of_a_disk_is_refused), SVIO_TEST(unmap_takes_no_more_than_its_range),
	SVIO_TEST(map_readable_only_is_faulted_on_write),
	SVIO_TEST(map_what_is_not_memory_is_refused), SVIO_TEST(map_behind_the_end_is_refused),
	SVIO_TEST(map_misaligned_or_wrapping_is_refused),
	SVIO_TEST(map_overlapping_is_refused_and_changes_nothing),
	SVIO_TEST(map_without_memory_is_kept_but_never_accessible),
	SVIO_TEST(map_ram_without_descriptor_is_told),
	SVIO_TEST(map_memory_private_in_client_is_refused),
	SVIO_TEST(unmap_superset_takes_all_inside), SVIO_TEST(unmap_and_map_again_keeps_the_object),
	SVIO_TEST(sealed_memory_is_writable_only_where_it_was_mapped_before),
	SVIO_TEST(unmap_takes_back_what_the_wire_may_have),
	SVIO_TEST(disconnected_object_is_gone_at_once), SVIO_TEST(map_too_many_objects_is_refused),
	SVIO_TEST(map_too_many_bytes_is_refused_for_this_vif_only),
	SVIO_TEST(map_too_many_tables_is_refused_for_this_vif_only))
