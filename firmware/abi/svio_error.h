/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Why the device stopped a queue or a VIF, and how it answered a command
 * (SPEC.md, chapter 8). The numbers are ABI; the texts are for people.
 */
#ifndef SVIO_ERROR_H
#define SVIO_ERROR_H

/* X(NAME, number, text). A stopped queue or VIF carries one of these. */
#define SVIO_ERROR_LIST(X)                                                                    \
	X(NONE, 0, "no error")                                                                \
	X(RING_INDEX, 1, "doorbell index outside of the ring")                                \
	X(RING_DMA, 2, "ring or status memory is not mapped for the device")                  \
	X(DESC_FLAGS, 3, "descriptor has unknown flags or a reserved field that is not zero") \
	X(DESC_LEN, 4, "descriptor length is zero or too long")                               \
	X(DESC_CHAIN, 5, "packet has too many descriptors or does not end")                   \
	X(DESC_EXT, 6, "extension descriptor missing, misplaced or contradictory")            \
	X(FRAME_LEN, 7, "frame is shorter than 14 bytes or longer than allowed")              \
	X(OFFLOAD, 8, "checksum or segmentation metadata does not fit the frame")             \
	X(OFFLOAD_FEATURE, 9, "offload used that was not negotiated")                         \
	X(DMA_UNMAPPED, 10, "buffer address is not mapped for the device")                    \
	X(DMA_RIGHTS, 11, "buffer is mapped without the right that is needed")                \
	X(DMA_RANGE, 12, "buffer address plus length wraps")                                  \
	X(BUF_LEN, 13, "receive buffer is smaller than the queue's declared size")            \
	X(ADMIN_RING, 14, "admin queue memory or doorbell is broken")                         \
	X(FEATURES, 15, "driver asked for features that the device does not offer")           \
	X(BUS_MASTER, 16, "queues were enabled while bus mastering is off")                   \
	X(SEQUENCE, 17, "register written in a state that does not allow it")                 \
	X(MEMORY_GONE, 18, "guest memory vanished under the device")                          \
	X(STOPPED, 19, "stopped by the administrator")                                        \
	X(INTERNAL, 20, "the device found its own state broken and quarantined the VIF")      \
	X(MAP_ENTRY, 21, "map entry has bad flags, address or number of pages")               \
	X(MAP_RANGE, 22, "map entry goes beyond the window")                                  \
	X(MAP_EXISTS, 23, "page of the window is granted already")                            \
	X(MAP_MISSING, 24, "page to be revoked is not granted")

enum svio_error {
#define SVIO_ERROR_ENUM(name, number, text) SVIO_ERROR_##name = (number),
	SVIO_ERROR_LIST(SVIO_ERROR_ENUM)
#undef SVIO_ERROR_ENUM
	SVIO_ERROR_COUNT
};

/* X(NAME, number, text). How the device answered an admin command. */
#define SVIO_ADMIN_STATUS_LIST(X)                                                       \
	X(OK, 0, "done")                                                                \
	X(BAD_OPCODE, 1, "unknown or not offered command")                              \
	X(BAD_FIELD, 2, "a field has a value that is not allowed")                      \
	X(BAD_RESERVED, 3, "a reserved field is not zero")                              \
	X(BAD_QUEUE, 4, "no such queue")                                                \
	X(EXISTS, 5, "already there")                                                   \
	X(MISSING, 6, "not there")                                                      \
	X(BAD_ADDRESS, 7, "address is misaligned or not mapped with the rights needed") \
	X(NO_SPACE, 8, "table is full")                                                 \
	X(DENIED, 9, "not allowed by the VIF's policy")                                 \
	X(BAD_STATE, 10, "not possible in this state")                                  \
	X(BUSY, 11, "try again")

enum svio_admin_status {
#define SVIO_ADMIN_STATUS_ENUM(name, number, text) SVIO_ADMIN_STATUS_##name = (number),
	SVIO_ADMIN_STATUS_LIST(SVIO_ADMIN_STATUS_ENUM)
#undef SVIO_ADMIN_STATUS_ENUM
	SVIO_ADMIN_STATUS_COUNT
};

#endif /* SVIO_ERROR_H */
