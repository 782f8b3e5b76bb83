/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A vfio-user client: the side that owns the memory and drives the device.
 *
 * Synchronous: a request is sent and its reply awaited on the caller's thread.
 * Calls on one client may come from several threads; each holds the socket for
 * its own request and reply. Replies that do not come within the timeout, or
 * that do not fit their request, break the connection for good: the stream can
 * no longer be trusted, and every later call answers -ENOTCONN.
 *
 * Protocol: docs/interop/vfio-user.rst in QEMU's sources. The payloads are
 * those of <linux/vfio.h> where it has them.
 */
#ifndef VFIO_USER_CLIENT_H
#define VFIO_USER_CLIENT_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

/* Flags of vfio_user_client_dma_map(). */
#define VFIO_USER_DMA_READABLE  0x1
#define VFIO_USER_DMA_WRITEABLE 0x2

/* Flags of vfio_user_client_dma_unmap(). */
#define VFIO_USER_UNMAP_ALL 0x2

struct vfio_user_client {
	int socket; /* -1: not connected */
	uint16_t next_id;
	pthread_mutex_t lock; /* held from a request to its reply */
};

/* What the device says of one region (BAR, or configuration space). */
struct vfio_user_region {
	uint64_t bytes;
	uint64_t mmap_offset; /* of the region in fd */
	uint32_t flags;       /* VFIO_REGION_INFO_FLAG_* */
	int fd;               /* the caller closes it; -1: cannot be mapped */
};

/*
 * Connects to the socket at path and agrees on the protocol's version.
 * timeout_ms: for each reply, at least 1. 0; -EBUSY: the device has another
 * client; -ENAMETOOLONG; -EPROTO: not a vfio-user server or an unknown version;
 * or connect()'s errors.
 */
int vfio_user_client_connect(struct vfio_user_client *client, const char *path,
			     uint32_t timeout_ms);

/* Ends the connection; the device drops all maps and interrupts of it. Safe when not connected. */
void vfio_user_client_disconnect(struct vfio_user_client *client);

/*
 * The calls below: 0; the device's errno, negative; -ENOTCONN, -ETIMEDOUT or
 * -EPROTO when the connection is gone or was broken by this call.
 */

/* Gives the device [iova, iova + bytes): memory of fd from offset on. fd -1: nothing behind it. */
int vfio_user_client_dma_map(struct vfio_user_client *client, uint64_t iova, uint64_t bytes, int fd,
			     uint64_t offset, uint32_t flags);

/* Takes it back; when this returns the device does not touch it any more. */
int vfio_user_client_dma_unmap(struct vfio_user_client *client, uint64_t iova, uint64_t bytes,
			       uint32_t flags);

int vfio_user_client_region_info(struct vfio_user_client *client, uint32_t index,
				 struct vfio_user_region *region);

/* count: at most 4096 bytes. */
int vfio_user_client_region_read(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				 void *data, uint32_t count);
int vfio_user_client_region_write(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				  const void *data, uint32_t count);

/* A write that the device does not answer: returns when it was sent. */
int vfio_user_client_region_post(struct vfio_user_client *client, uint32_t index, uint64_t offset,
				 const void *data, uint32_t count);

/* Connects one MSI-X vector to an eventfd (which stays the caller's); fd -1: disconnects it. */
int vfio_user_client_msix_set(struct vfio_user_client *client, uint32_t vector, int fd);

/* Switches MSI-X off: all vectors are disconnected. */
int vfio_user_client_msix_disable(struct vfio_user_client *client);

int vfio_user_client_device_reset(struct vfio_user_client *client);

/* For DMA logging. */
struct vfio_user_range {
	uint64_t iova;
	uint64_t bytes;
};

#define VFIO_USER_RANGES_MAX 256

/* Logs what the device writes there; count 0: everywhere. *page_bytes: wished for, and got. */
int vfio_user_client_logging_start(struct vfio_user_client *client,
				   const struct vfio_user_range *ranges, uint32_t count,
				   uint64_t *page_bytes);
int vfio_user_client_logging_stop(struct vfio_user_client *client);

/* Takes a bit a page, (bytes / page_bytes + 63) / 64 words. */
int vfio_user_client_logging_report(struct vfio_user_client *client, uint64_t iova, uint64_t bytes,
				    uint64_t page_bytes, uint64_t *bitmap);

#endif /* VFIO_USER_CLIENT_H */
