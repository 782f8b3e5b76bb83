/* SPDX-License-Identifier: BSD-3-Clause */
/* iommu: the host's IOMMU through VFIO type 1 and iommufd, on a kernel that is played here. */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "svio_iommu_vfio.h"
#include "svio_test.h"

#define CONTAINER    77
#define ANSWER_BYTES 4096u /* the room that the backend gives */
#define PAGE         SVIO_IOMMU_PAGE_BYTES

/* iommufd's calls as <linux/iommufd.h> of Linux 6.2 has them. */
#define IOAS_IOVA_RANGES 0x3b84u
#define IOAS_MAP         0x3b85u
#define IOAS_UNMAP       0x3b86u
#define VFIO_IOAS        0x3b88u

/* What the kernel was asked, and what it is to answer. */
static struct {
	bool iommufd;
	int error;       /* of the next call to map or unmap */
	int query_error; /* of those that ask what there is */
	int ioas_error;  /* of iommufd's first, where it is type 1; ENOTTY */
	char *answer;    /* of VFIO_IOMMU_GET_INFO, as it lies, if set */
	uint64_t unmapped_bytes;
	struct vfio_iommu_type1_info info;
	struct vfio_iommu_type1_info_cap_iova_range ranges;
	struct vfio_iova_range range[2];
	struct vfio_iommu_type1_info_dma_avail avail;
	unsigned int capabilities;
	unsigned long request;
	uint64_t iova, address, bytes;
	uint32_t flags;
} kernel;

/* A call that succeeds leaves errno as it was: some other call's. */
static int answer(int error)
{
	errno = error ? error : EBADF;
	return error ? -1 : 0;
}

static int answer_error(void)
{
	return answer(kernel.error);
}

static void answer_info(char *to)
{
	struct vfio_iommu_type1_info info = kernel.info;
	uint32_t room;
	uint32_t at = sizeof(info);

	memcpy(&room, to, sizeof(room));
	if (kernel.capabilities) {
		info.flags |= VFIO_IOMMU_INFO_CAPS;
		info.cap_offset = at;
		info.argsz =
			at + sizeof(kernel.ranges) + sizeof(kernel.range) + sizeof(kernel.avail);
		CU_ASSERT_FATAL(room >= info.argsz);
		kernel.ranges.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;
		kernel.ranges.header.next =
			at + (uint32_t)sizeof(kernel.ranges) + (uint32_t)sizeof(kernel.range);
		kernel.avail.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
		memcpy(to + at, &kernel.ranges, sizeof(kernel.ranges));
		memcpy(to + at + sizeof(kernel.ranges), kernel.range, sizeof(kernel.range));
		memcpy(to + kernel.ranges.header.next, &kernel.avail, sizeof(kernel.avail));
	}
	memcpy(to, &info, sizeof(info));
}

static int type1_ioctl(unsigned long request, void *argument)
{
	struct vfio_iommu_type1_dma_map map;
	struct vfio_iommu_type1_dma_unmap unmap;

	switch (request) {
	case VFIO_IOMMU_GET_INFO:
		if (kernel.answer)
			memcpy(argument, kernel.answer, ANSWER_BYTES);
		else
			answer_info(argument);
		return answer(kernel.query_error);
	case VFIO_IOMMU_MAP_DMA:
		memcpy(&map, argument, sizeof(map));
		CU_ASSERT_EQUAL(map.argsz, sizeof(map));
		kernel.iova = map.iova;
		kernel.address = map.vaddr;
		kernel.bytes = map.size;
		kernel.flags = map.flags;
		return answer_error();
	case VFIO_IOMMU_UNMAP_DMA:
		memcpy(&unmap, argument, sizeof(unmap));
		CU_ASSERT_EQUAL(unmap.argsz, sizeof(unmap));
		CU_ASSERT_EQUAL(unmap.flags, 0);
		kernel.iova = unmap.iova;
		kernel.bytes = unmap.size;
		unmap.size = kernel.unmapped_bytes;
		memcpy(argument, &unmap, sizeof(unmap));
		return answer_error();
	default:
		return answer(kernel.ioas_error ? kernel.ioas_error : ENOTTY);
	}
}

static uint64_t word(const void *from, size_t at, size_t bytes)
{
	uint64_t value = 0;

	memcpy(&value, (const char *)from + at, bytes);
	return value;
}

/* Offsets in the structures are written out: this is what a kernel reads. */
static int iommufd_ioctl(unsigned long request, void *argument)
{
	uint64_t ranges[4] = { 0x1000, 0xfedfffff, 0xfef00000, 0x7fffffffffff };
	uint32_t count = 2, ioas = 5;

	switch (request) {
	case VFIO_IOAS:
		CU_ASSERT_EQUAL(word(argument, 0, 4), 12);
		memcpy((char *)argument + 4, &ioas, sizeof(ioas));
		return 0;
	case IOAS_IOVA_RANGES:
		CU_ASSERT_EQUAL(word(argument, 4, 4), 5);
		CU_ASSERT_FATAL(word(argument, 8, 4) >= 2);
		/* NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel's interface has it so */
		memcpy((char *)(uintptr_t)word(argument, 16, 8), ranges, sizeof(ranges));
		memcpy((char *)argument + 8, &count, sizeof(count));
		return answer(kernel.query_error);
	case IOAS_MAP:
		CU_ASSERT_EQUAL(word(argument, 0, 4), 40);
		CU_ASSERT_EQUAL(word(argument, 8, 4), 5);
		kernel.flags = (uint32_t)word(argument, 4, 4);
		kernel.address = word(argument, 16, 8);
		kernel.bytes = word(argument, 24, 8);
		kernel.iova = word(argument, 32, 8);
		return answer_error();
	case IOAS_UNMAP:
		CU_ASSERT_EQUAL(word(argument, 0, 4), 24);
		CU_ASSERT_EQUAL(word(argument, 4, 4), 5);
		kernel.iova = word(argument, 8, 8);
		kernel.bytes = word(argument, 16, 8);
		return answer_error();
	default:
		CU_FAIL("a call that iommufd would be asked in vain");
		errno = ENOTTY;
		return -1;
	}
}

static int fake_ioctl(int fd, unsigned long request, void *argument)
{
	CU_ASSERT_EQUAL(fd, CONTAINER);
	kernel.request = request;
	return kernel.iommufd ? iommufd_ioctl(request, argument) : type1_ioctl(request, argument);
}

static const struct svio_iommu_vfio_sys sys = { .ioctl = fake_ioctl };
static struct svio_iommu_vfio vfio;
static char memory[PAGE];

static void reset_kernel(void)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.info.argsz = sizeof(kernel.info);
	kernel.unmapped_bytes = PAGE;
}

static int map(uint64_t iova, uint32_t rights)
{
	return vfio.ops->map(&vfio, iova, memory, PAGE, rights);
}

static int unmap(uint64_t iova)
{
	return vfio.ops->unmap(&vfio, iova, PAGE);
}

static void type1_map_says_address_and_rights(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_STRING_EQUAL(vfio.name, "VFIO type 1");
	CU_ASSERT_EQUAL(map(0x5000, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(kernel.request, VFIO_IOMMU_MAP_DMA);
	CU_ASSERT_EQUAL(kernel.iova, 0x5000);
	CU_ASSERT_EQUAL(kernel.address, (uint64_t)(uintptr_t)memory);
	CU_ASSERT_EQUAL(kernel.bytes, PAGE);
	CU_ASSERT_EQUAL(kernel.flags, VFIO_DMA_MAP_FLAG_READ);
	CU_ASSERT_EQUAL(map(0x6000, SVIO_IOMMU_READ | SVIO_IOMMU_WRITE), 0);
	CU_ASSERT_EQUAL(kernel.flags, VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	CU_ASSERT_EQUAL(map(0x7000, SVIO_IOMMU_WRITE), 0);
	CU_ASSERT_EQUAL(kernel.flags, VFIO_DMA_MAP_FLAG_WRITE);
}

static void type1_unmap_of_nothing_is_an_error(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(unmap(0x5000), 0);
	CU_ASSERT_EQUAL(kernel.request, VFIO_IOMMU_UNMAP_DMA);
	CU_ASSERT_EQUAL(kernel.iova, 0x5000);
	CU_ASSERT_EQUAL(kernel.bytes, PAGE);
	kernel.unmapped_bytes = 0;
	CU_ASSERT_EQUAL(unmap(0x5000), -ENOENT);
}

static void kernels_error_is_ours(void)
{
	for (int i = 0; i < 2; i++) {
		reset_kernel();
		kernel.iommufd = i;
		CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
		kernel.error = ENOSPC;
		CU_ASSERT_EQUAL(map(0x5000, SVIO_IOMMU_READ), -ENOSPC);
		kernel.error = EIO;
		CU_ASSERT_EQUAL(unmap(0x5000), -EIO);
	}
}

static void type1_limits_are_found_in_the_chain(void)
{
	kernel.capabilities = 2;
	kernel.ranges.nr_iovas = 2;
	kernel.range[0] = (struct vfio_iova_range){ .start = 0x1000, .end = 0xfedfffff };
	kernel.range[1] = (struct vfio_iova_range){ .start = 0xfef00000, .end = 0x7fffffffff };
	kernel.avail.avail = 1234;
	CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(vfio.room, 1234);
	CU_ASSERT_EQUAL(vfio.ranges, 2);
	CU_ASSERT_EQUAL(map(0, SVIO_IOMMU_READ), -ERANGE);
	CU_ASSERT_EQUAL(map(0x1000, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(vfio.ops->map(&vfio, 0xfedff000, memory, 2ull * PAGE, SVIO_IOMMU_READ),
			-ERANGE);
	CU_ASSERT_EQUAL(map(0xfedff000, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(map(0xfee00000, SVIO_IOMMU_READ), -ERANGE);
	CU_ASSERT_EQUAL(map(0x7ffffff000, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(map(0x8000000000, SVIO_IOMMU_READ), -ERANGE);
}

static void type1_chain_that_lies_is_left(void)
{
	kernel.capabilities = 2;
	kernel.ranges.nr_iovas = 1000000; /* more than the answer holds */
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(vfio.ranges, 2);
	/* Without capabilities the kernel's defaults hold. */
	reset_kernel();
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(vfio.ranges, 0);
	CU_ASSERT_EQUAL(vfio.room, 65535);
	CU_ASSERT_EQUAL(map(0, SVIO_IOMMU_READ), 0);
}

/* An answer of argsz bytes whose chain begins at at; there the 16 bytes of a capability. */
static void lay_answer(uint32_t argsz, uint32_t flags, uint32_t at, uint16_t id, uint32_t next,
		       uint32_t value)
{
	static uint64_t room[ANSWER_BYTES / 8];
	const struct vfio_iommu_type1_info info = { .argsz = argsz,
						    .flags = flags,
						    .cap_offset = at };
	const struct vfio_info_cap_header header = { .id = id, .next = next };
	const uint32_t bytes = ANSWER_BYTES - at;

	memset(room, 0, sizeof(room));
	memcpy(room, &info, sizeof(info));
	memcpy((char *)room + at, &header, bytes < sizeof(header) ? bytes : sizeof(header));
	if (bytes >= 12)
		memcpy((char *)room + at + 8, &value, sizeof(value));
	kernel.answer = (char *)room;
}

static uint32_t room_of_answer(void)
{
	CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	return vfio.room;
}

static void type1_chain_is_followed_within_the_answer_only(void)
{
	const uint32_t caps = VFIO_IOMMU_INFO_CAPS;
	const uint16_t avail = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL;
	const uint16_t ranges = VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE;

	lay_answer(ANSWER_BYTES, caps, ANSWER_BYTES - 12, avail, 0, 77);
	CU_ASSERT_EQUAL(room_of_answer(), 77);
	lay_answer(ANSWER_BYTES, caps, ANSWER_BYTES - 16, avail, ANSWER_BYTES - 16, 77);
	CU_ASSERT_EQUAL(room_of_answer(), 77); /* it leads to itself */
	lay_answer(ANSWER_BYTES, caps, ANSWER_BYTES - 8, avail, 0, 0);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
	lay_answer(ANSWER_BYTES, caps, ANSWER_BYTES - 8, ranges, 0, 0);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
	lay_answer(ANSWER_BYTES, caps, 100, ranges, 0, 3);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
	CU_ASSERT_EQUAL(vfio.ranges, 3);
	/* The last of two ranges ends with the answer. */
	lay_answer(100 + sizeof(struct vfio_iommu_type1_info_cap_iova_range) +
			   2 * sizeof(struct vfio_iova_range),
		   caps, 100, ranges, 0, 3);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
	CU_ASSERT_EQUAL(vfio.ranges, 2);
	/* No capabilities, or more of them than there was room for. */
	lay_answer(ANSWER_BYTES, 0, 100, avail, 0, 77);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
	lay_answer(ANSWER_BYTES + 1, caps, 100, avail, 0, 77);
	CU_ASSERT_EQUAL(room_of_answer(), 65535);
}

static void query_that_fails_says_what_there_is_not(void)
{
	kernel.query_error = ENOTTY;
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), -ENOTSUP);
	kernel.query_error = EINVAL;
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), -ENOTSUP);
	kernel.query_error = EIO;
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), -EIO);
	kernel.query_error = 0;
	kernel.ioas_error = EINVAL; /* a kernel that hands all calls on to a driver */
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_STRING_EQUAL(vfio.name, "VFIO type 1");
	kernel.ioas_error = EPERM;
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), -EPERM);
	kernel.query_error = EIO;
	kernel.iommufd = true;
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(vfio.ranges, 0);
	kernel.query_error = EMSGSIZE; /* there are more */
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_EQUAL(vfio.ranges, 2);
	CU_ASSERT_EQUAL(svio_iommu_vfio_open(&vfio, -1, NULL), -EBADF);
}

static void iommufd_is_preferred_and_speaks_its_own_calls(void)
{
	kernel.iommufd = true;
	CU_ASSERT_EQUAL_FATAL(svio_iommu_vfio_open(&vfio, CONTAINER, &sys), 0);
	CU_ASSERT_STRING_EQUAL(vfio.name, "iommufd");
	CU_ASSERT_EQUAL(map(0x5000, SVIO_IOMMU_READ), 0);
	CU_ASSERT_EQUAL(kernel.request, IOAS_MAP);
	CU_ASSERT_EQUAL(kernel.iova, 0x5000);
	CU_ASSERT_EQUAL(kernel.address, (uint64_t)(uintptr_t)memory);
	CU_ASSERT_EQUAL(kernel.bytes, PAGE);
	CU_ASSERT_EQUAL(kernel.flags, 0x1 | 0x4); /* at this address, readable */
	CU_ASSERT_EQUAL(map(0x5000, SVIO_IOMMU_READ | SVIO_IOMMU_WRITE), 0);
	CU_ASSERT_EQUAL(kernel.flags, 0x1 | 0x2 | 0x4);
	CU_ASSERT_EQUAL(map(0x5000, SVIO_IOMMU_WRITE), 0);
	CU_ASSERT_EQUAL(kernel.flags, 0x1 | 0x2);
	CU_ASSERT_EQUAL(map(0xfee00000, SVIO_IOMMU_READ), -ERANGE);
	CU_ASSERT_EQUAL(unmap(0x5000), 0);
	CU_ASSERT_EQUAL(kernel.request, IOAS_UNMAP);
	CU_ASSERT_EQUAL(kernel.iova, 0x5000);
	CU_ASSERT_EQUAL(kernel.bytes, PAGE);
}

SVIO_TEST_MAIN_WITH("iommu vfio", reset_kernel, NULL, SVIO_TEST(type1_map_says_address_and_rights),
		    SVIO_TEST(type1_unmap_of_nothing_is_an_error), SVIO_TEST(kernels_error_is_ours),
		    SVIO_TEST(type1_limits_are_found_in_the_chain),
		    SVIO_TEST(type1_chain_that_lies_is_left),
		    SVIO_TEST(type1_chain_is_followed_within_the_answer_only),
		    SVIO_TEST(query_that_fails_says_what_there_is_not),
		    SVIO_TEST(iommufd_is_preferred_and_speaks_its_own_calls))
