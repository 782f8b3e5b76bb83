/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory objects: the guests' memory as descriptors that their hypervisors
 * passed, each known to the IOMMU's tables and to the firmware by a number.
 *
 * The same memory arrives as many descriptors (with a vIOMMU as one a packet),
 * so an object is found again by device, inode and access. It is counted by
 * the mappings that use it; when none is left it lingers for a moment, because
 * mapping it in the firmware costs much more than keeping it, and is then
 * taken from the firmware. Its number is used again after that was answered.
 *
 * Nobody in sviod maps an object.
 */
#ifndef SVIO_OBJECT_H
#define SVIO_OBJECT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct svio_objects;
struct svio_object;
struct svio_loop;
struct svio_mailbox;

/* What tables name where a client maps a range with no memory behind it; the firmware has none. */
#define SVIO_OBJECT_HOLLOW 65535

/* Objects that one VIF may bring in. */
#define SVIO_OBJECTS_A_VIF 256

/*
 * Bytes of all objects. The firmware maps each whole, and its addresses are not endless: half of
 * this is shared out equally among the VIFs, so that no client can use up another's share with
 * memory that exists only as a number; the other half is for those who need more than theirs.
 */
#define SVIO_OBJECTS_BYTES (1ull << 46)

/* NULL: no memory. Both stay the caller's and outlive the objects. */
struct svio_objects *svio_objects_new(struct svio_loop *loop, struct svio_mailbox *mailbox,
				      uint32_t vifs_max);
void svio_objects_free(struct svio_objects *objects);

/*
 * Find or make the object of fd and hold it once more.
 *
 * fd stays the caller's. last: the last byte that will be used. client: the
 * process that maps this memory, for the test below; 0: not known.
 * why: static text for the log on failure.
 * 0 and *object; -EINVAL: not shared memory (a file on tmpfs or hugetlbfs, so
 * also a memfd), too short, or mapped private in the client: what the guest
 * writes would not be in it; -EACCES: fd lacks a right; -ENOSPC: the VIF has
 * too many, or too many bytes; -ENOMEM, -EMFILE.
 */
int svio_object_get(struct svio_objects *objects, uint32_t vif, int fd, uint64_t last,
		    bool writable, pid_t client, uint32_t *object, const char **why);

/* Undo one svio_object_get(): the object never came into the tables. */
void svio_object_unget(struct svio_objects *objects, uint32_t object);
/* A mapping is gone from the tables; takes effect at svio_objects_put_flush(). */
void svio_object_put(struct svio_objects *objects, uint32_t object);
/*
 * The wire reads guests' memory itself: have the firmware take back what it was lent of all
 * objects that were put since the last flush. It has done so when it has answered. 0; -ENOMEM.
 */
int svio_objects_revoke(struct svio_objects *objects);
/* After the grace period of all puts so far. */
void svio_objects_put_flush(struct svio_objects *objects);
/* Do not linger: a client has gone, and its memory with it. */
void svio_objects_sweep(struct svio_objects *objects);

/* To a new firmware: one OBJECT_ADD for each object that there is. 0; -errno. */
int svio_objects_replay(struct svio_objects *objects);

/* For tests and the control socket. */
uint32_t svio_objects_count(const struct svio_objects *objects);

#endif /* SVIO_OBJECT_H */
