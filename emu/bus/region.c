// SPDX-License-Identifier: BSD-3-Clause
/* The function's regions: BARs and configuration space ("Region Information" and what follows). */
#include <errno.h>
#include <linux/vfio.h>
#include <string.h>

#include "function.h"
#include "registry.h"
#include "session.h"

#define REGION_RW (VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE)

/* The largest region's size: accesses are checked to lie inside a region. */
#define ACCESS_BYTES_MAX 8192

/* What a region's write returns when bus_session_done() replies. */
#define WRITE_PENDING 1

/* An access is inside the region. A write: 0, WRITE_PENDING or -errno. */
static const struct region {
	uint32_t bytes; /* 0: there is no such region */
	uint32_t flags;
	void (*read)(struct bus_function *function, uint32_t offset, uint8_t *data, size_t bytes);
	int (*write)(struct bus_session *session, const struct vfio_user_region_access *access,
		     const uint8_t *data);
} regions[];

static void read_regs(struct bus_function *function, uint32_t offset, uint8_t *data, size_t bytes)
{
	svio_vif_reg_read(function->vif, offset, data, (uint32_t)bytes);
}

static int write_regs(struct bus_session *session, const struct vfio_user_region_access *access,
		      const uint8_t *data)
{
	struct bus_operation *operation = bus_session_begin(session, access, sizeof(*access));

	if (!operation)
		return -ENOMEM;
	svio_vif_reg_write(session->function->vif, (uint32_t)access->offset, data, access->count,
			   bus_session_done, operation);
	return WRITE_PENDING;
}

/*
 * The firmware polls doorbells as 32-bit words: an aligned word must not be
 * seen in halves. Whatever else a client writes may be.
 */
static int write_doorbell(struct bus_session *session, const struct vfio_user_region_access *access,
			  const uint8_t *data)
{
	uint64_t offset = access->offset;
	uint32_t bytes = access->count;
	uint8_t *to = session->function->doorbell + offset;

	while (bytes && (offset % 4 || bytes < 4)) {
		__atomic_store_n(to++, *data++, __ATOMIC_RELEASE);
		offset++;
		bytes--;
	}
	for (; bytes >= 4; bytes -= 4, to += 4, data += 4) {
		uint32_t word;

		memcpy(&word, data, sizeof(word));
		__atomic_store_n((uint32_t *)(void *)to, word, __ATOMIC_RELEASE);
	}
	for (; bytes; bytes--)
		__atomic_store_n(to++, *data++, __ATOMIC_RELEASE);
	return 0;
}

static void read_doorbell(struct bus_function *function, uint32_t offset, uint8_t *data,
			  size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		data[i] = __atomic_load_n(function->doorbell + offset + i, __ATOMIC_ACQUIRE);
}

static void read_msix(struct bus_function *function, uint32_t offset, uint8_t *data, size_t bytes)
{
	bus_msix_read(&function->msix, svio_vif_irq_pending(function->vif), offset, data, bytes);
}

static int write_msix(struct bus_session *session, const struct vfio_user_region_access *access,
		      const uint8_t *data)
{
	bus_msix_write(&session->function->msix, (uint32_t)access->offset, data, access->count);
	return 0;
}

static void read_config(struct bus_function *function, uint32_t offset, uint8_t *data, size_t bytes)
{
	bus_pci_config_read(&function->config, offset, data, bytes);
}

static int write_config(struct bus_session *session, const struct vfio_user_region_access *access,
			const uint8_t *data)
{
	struct bus_function *function = session->function;
	bool flr = bus_pci_config_write(&function->config, (uint32_t)access->offset, data,
					access->count);
	int status;

	if (flr) {
		bus_function_reset(function);
		status = bus_session_reset_vif(session, access, sizeof(*access));
		return status ? status : WRITE_PENDING;
	}
	bus_function_follow_config(function);
	return 0;
}

static const struct region regions[VFIO_PCI_NUM_REGIONS] = {
	[VFIO_PCI_BAR0_REGION_INDEX + SVIO_BAR_REGS] = { SVIO_BAR_REGS_BYTES, REGION_RW, read_regs,
							 write_regs },
	[VFIO_PCI_BAR0_REGION_INDEX + SVIO_BAR_DOORBELL] = { SVIO_BAR_DOORBELL_BYTES,
							     REGION_RW | VFIO_REGION_INFO_FLAG_MMAP,
							     read_doorbell, write_doorbell },
	[VFIO_PCI_BAR0_REGION_INDEX +
		SVIO_BAR_MSIX] = { SVIO_BAR_MSIX_BYTES, REGION_RW, read_msix, write_msix },
	[VFIO_PCI_CONFIG_REGION_INDEX] = { BUS_PCI_CONFIG_BYTES, REGION_RW, read_config,
					   write_config },
};

_Static_assert(SVIO_BAR_REGS_BYTES <= ACCESS_BYTES_MAX, "");
_Static_assert(SVIO_BAR_DOORBELL_BYTES <= ACCESS_BYTES_MAX, "");
_Static_assert(SVIO_BAR_MSIX_BYTES <= ACCESS_BYTES_MAX, "");
_Static_assert(BUS_PCI_CONFIG_BYTES <= ACCESS_BYTES_MAX, "");

uint32_t bus_region_count(void)
{
	return VFIO_PCI_NUM_REGIONS;
}

int bus_region_info(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_region_info info;
	const struct region *region;
	int fd = -1;

	memcpy(&info, request->payload, sizeof(info));
	if (info.argsz < sizeof(info) || info.index >= VFIO_PCI_NUM_REGIONS)
		return -EINVAL;
	region = &regions[info.index];
	info = (struct vfio_user_region_info){ .argsz = sizeof(info),
					       .flags = region->flags,
					       .index = info.index,
					       .bytes = region->bytes };
	if (region->flags & VFIO_REGION_INFO_FLAG_MMAP) {
		if (session->version.fds_max)
			fd = svio_vif_doorbell_fd(session->function->vif);
		else /* a client that takes no descriptors does it by message */
			info.flags &= ~(uint32_t)VFIO_REGION_INFO_FLAG_MMAP;
	}
	bus_conn_reply(session->conn, &info, sizeof(info), fd);
	return 0;
}

/* The region that an access is inside of, or NULL. */
static const struct region *check_access(const struct vfio_user_region_access *access)
{
	const struct region *region;

	if (access->region >= VFIO_PCI_NUM_REGIONS)
		return NULL;
	region = &regions[access->region];
	/* In this order nothing can wrap. A region of size 0 has no offset inside. */
	if (access->count == 0 || access->offset >= region->bytes ||
	    access->count > region->bytes - access->offset)
		return NULL;
	return region;
}

int bus_region_read(struct bus_session *session, const struct bus_request *request)
{
	struct {
		struct vfio_user_region_access access;
		uint8_t data[ACCESS_BYTES_MAX];
	} reply;
	const struct region *region;

	memcpy(&reply.access, request->payload, sizeof(reply.access));
	region = check_access(&reply.access);
	if (!region || reply.access.count > session->version.data_bytes_max)
		return -EINVAL;
	region->read(session->function, (uint32_t)reply.access.offset, reply.data,
		     reply.access.count);
	bus_session_reply(session, &reply, sizeof(reply.access) + reply.access.count);
	return 0;
}

int bus_region_write(struct bus_session *session, const struct bus_request *request)
{
	struct vfio_user_region_access access;
	const struct region *region;
	int status;

	memcpy(&access, request->payload, sizeof(access));
	region = check_access(&access);
	if (!region || request->payload_bytes != sizeof(access) + access.count)
		return -EINVAL;
	status = region->write(session, &access, request->payload + sizeof(access));
	if (!status)
		bus_session_reply(session, &access, sizeof(access));
	return status;
}
