/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * vfio-user on the wire: "vfio-user Protocol Specification", version 0.0.
 *
 * Everything is in the byte order of the host, since both ends run on it.
 * Region, interrupt, DMA and feature flags are those of <linux/vfio.h>, as the
 * specification says.
 */
#ifndef SVIO_BUS_VFIO_USER_PROTO_H
#define SVIO_BUS_VFIO_USER_PROTO_H

#include <stddef.h>
#include <stdint.h>

#define VFIO_USER_MAJOR 0
#define VFIO_USER_MINOR 0

/* Commands ("Commands"). Those that a server sends are not listed: we send none. */
enum vfio_user_command {
	VFIO_USER_VERSION = 1,
	VFIO_USER_DMA_MAP = 2,
	VFIO_USER_DMA_UNMAP = 3,
	VFIO_USER_DEVICE_GET_INFO = 4,
	VFIO_USER_DEVICE_GET_REGION_INFO = 5,
	VFIO_USER_DEVICE_GET_REGION_IO_FDS = 6,
	VFIO_USER_DEVICE_GET_IRQ_INFO = 7,
	VFIO_USER_DEVICE_SET_IRQS = 8,
	VFIO_USER_REGION_READ = 9,
	VFIO_USER_REGION_WRITE = 10,
	VFIO_USER_DEVICE_RESET = 13,
	VFIO_USER_DEVICE_FEATURE = 16,
	VFIO_USER_COMMAND_END /* one beyond the last that we may answer */
};

/* Header flags ("Header"). */
#define VFIO_USER_TYPE_MASK    0x0f
#define VFIO_USER_TYPE_COMMAND 0x00
#define VFIO_USER_TYPE_REPLY   0x01
#define VFIO_USER_NO_REPLY     0x10
#define VFIO_USER_ERROR        0x20

/* What we accept; also what a client may assume when VERSION names nothing. */
#define VFIO_USER_DATA_BYTES_MAX  1048576u /* max_data_xfer_size */
#define VFIO_USER_DMA_MAPS_MAX    65535
#define VFIO_USER_PAGE_BYTES      4096
#define VFIO_USER_FDS_MAX         16 /* max_msg_fds: more would crash QEMU when it sends them */
#define VFIO_USER_FDS_MAX_DEFAULT 1

struct vfio_user_header {
	uint16_t id;
	uint16_t command;
	uint32_t bytes; /* of the message, this header included */
	uint32_t flags;
	uint32_t error; /* errno, positive; only with VFIO_USER_ERROR */
};

/* VERSION, both ways; JSON and a NUL may follow. */
struct vfio_user_version {
	uint16_t major;
	uint16_t minor;
};

/* DMA_MAP; the memory comes as a file descriptor, or not at all. */
struct vfio_user_dma_map {
	uint32_t argsz;
	uint32_t flags; /* VFIO_DMA_MAP_FLAG_READ, _WRITE */
	uint64_t offset;
	uint64_t iova;
	uint64_t bytes;
};

/* DMA_UNMAP, both ways. */
struct vfio_user_dma_unmap {
	uint32_t argsz;
	uint32_t flags; /* 0 or VFIO_DMA_UNMAP_FLAG_ALL */
	uint64_t iova;
	uint64_t bytes;
};

/* DEVICE_GET_INFO, both ways. */
struct vfio_user_device_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_DEVICE_FLAGS_* */
	uint32_t regions;
	uint32_t irqs;
};

/* DEVICE_GET_REGION_INFO, both ways. */
struct vfio_user_region_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_* */
	uint32_t index;
	uint32_t cap_offset;
	uint64_t bytes;
	uint64_t offset; /* for mmap of the descriptor that comes with the reply */
};

/* DEVICE_GET_IRQ_INFO, both ways. */
struct vfio_user_irq_info {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_INFO_* */
	uint32_t index;
	uint32_t count;
};

/* DEVICE_SET_IRQS; an array of bytes follows with DATA_BOOL, descriptors come with DATA_EVENTFD. */
struct vfio_user_irq_set {
	uint32_t argsz;
	uint32_t flags; /* VFIO_IRQ_SET_DATA_*, VFIO_IRQ_SET_ACTION_* */
	uint32_t index;
	uint32_t start;
	uint32_t count;
};

/* REGION_READ and REGION_WRITE, both ways; data follows in a read's reply and a write's request. */
struct vfio_user_region_access {
	uint64_t offset;
	uint32_t region;
	uint32_t count;
};

/* DEVICE_FEATURE, both ways; the feature's data follows. */
struct vfio_user_device_feature {
	uint32_t argsz; /* of the reply's payload */
	uint32_t flags; /* VFIO_DEVICE_FEATURE_MASK, _GET, _SET, _PROBE */
};

/* Data of DMA_LOGGING_START, both ways; ranges follow. */
struct vfio_user_dma_logging_control {
	uint64_t page_bytes; /* asked for; in the reply: in use */
	uint32_t ranges;     /* 0: everything is logged */
	uint32_t reserved;
};

struct vfio_user_dma_logging_range {
	uint64_t iova;
	uint64_t bytes;
};

/* Data of DMA_LOGGING_REPORT, both ways; in the reply a bitmap of 64-bit words follows. */
struct vfio_user_dma_logging_report {
	uint64_t iova;
	uint64_t bytes;
	uint64_t page_bytes;
};

/* The largest message that we accept: a write of as many bytes as we say we take. */
#define VFIO_USER_MESSAGE_BYTES_MAX                                                 \
	(sizeof(struct vfio_user_header) + sizeof(struct vfio_user_region_access) + \
	 VFIO_USER_DATA_BYTES_MAX)

#define VFIO_USER_ASSERT_OFFSET(type, member, value) \
	_Static_assert(offsetof(type, member) == (value), #type "." #member)

_Static_assert(sizeof(struct vfio_user_header) == 16, "header");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_header, command, 2);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_header, bytes, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_header, flags, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_header, error, 12);
_Static_assert(sizeof(struct vfio_user_version) == 4, "VERSION");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_version, minor, 2);
_Static_assert(sizeof(struct vfio_user_dma_map) == 32, "DMA_MAP");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_map, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_map, offset, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_map, iova, 16);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_map, bytes, 24);
_Static_assert(sizeof(struct vfio_user_dma_unmap) == 24, "DMA_UNMAP");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_unmap, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_unmap, iova, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_unmap, bytes, 16);
_Static_assert(sizeof(struct vfio_user_device_info) == 16, "DEVICE_GET_INFO");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_device_info, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_device_info, regions, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_device_info, irqs, 12);
_Static_assert(sizeof(struct vfio_user_region_info) == 32, "DEVICE_GET_REGION_INFO");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_info, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_info, index, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_info, cap_offset, 12);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_info, bytes, 16);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_info, offset, 24);
_Static_assert(sizeof(struct vfio_user_irq_info) == 16, "DEVICE_GET_IRQ_INFO");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_info, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_info, index, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_info, count, 12);
_Static_assert(sizeof(struct vfio_user_irq_set) == 20, "DEVICE_SET_IRQS");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_set, flags, 4);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_set, index, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_set, start, 12);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_irq_set, count, 16);
_Static_assert(sizeof(struct vfio_user_region_access) == 16, "REGION_READ, REGION_WRITE");
_Static_assert(sizeof(struct vfio_user_device_feature) == 8, "DEVICE_FEATURE");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_device_feature, flags, 4);
_Static_assert(sizeof(struct vfio_user_dma_logging_control) == 16, "DMA_LOGGING_START");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_logging_control, ranges, 8);
_Static_assert(sizeof(struct vfio_user_dma_logging_range) == 16, "DMA_LOGGING_START");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_logging_range, bytes, 8);
_Static_assert(sizeof(struct vfio_user_dma_logging_report) == 24, "DMA_LOGGING_REPORT");
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_logging_report, bytes, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_dma_logging_report, page_bytes, 16);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_access, region, 8);
VFIO_USER_ASSERT_OFFSET(struct vfio_user_region_access, count, 12);

#endif /* SVIO_BUS_VFIO_USER_PROTO_H */
