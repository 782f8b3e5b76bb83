/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * BAR0: the register file (SPEC.md, chapter 3).
 *
 * Registers are 32 bits wide and accessed as aligned 32-bit words; 64-bit
 * values are two registers, low word first. Other widths read zero and write
 * nothing. Unknown offsets read zero and ignore writes. No read has a side
 * effect.
 *
 * One list makes the offsets, the device's model, the driver's dump and the
 * register test: X(NAME, offset, access, reset value, meaning).
 *   RO  written by the device only          RW  driver may write, kept as written
 *   WO  reads zero, a write is an action
 * A reset value of 0 in an RO register may be replaced by the VIF's own value.
 */
#ifndef SVIO_REGS_H
#define SVIO_REGS_H

#include "svio_types.h"

#define SVIO_REG_LIST(X)                                                                           \
	X(MAGIC, 0x000, RO, 0x4f495653, "\"SVIO\", little-endian")                                 \
	X(VERSION, 0x004, RO, 0x00010000, "interface version: major << 16 | minor")                \
	X(FEATURES_LO, 0x008, RO, 0, "features offered, bits 0-31")                                \
	X(FEATURES_HI, 0x00c, RO, 0, "features offered, bits 32-63")                               \
	X(DRIVER_FEATURES_LO, 0x010, RW, 0, "features the driver accepts, bits 0-31")              \
	X(DRIVER_FEATURES_HI, 0x014, RW, 0, "features the driver accepts, bits 32-63")             \
	X(STATUS, 0x018, RO, 0, "state of the VIF, enum svio_vif_state")                           \
	X(CONTROL, 0x01c, WO, 0, "one of SVIO_CONTROL_*")                                          \
	X(ERROR, 0x020, RO, 0, "enum svio_error of a VIF in state ERROR")                          \
	X(ERROR_INFO, 0x024, RO, 0, "kind << 16 | queue id of the cause, see SVIO_QUEUE_*")        \
	X(ERROR_ADDR_LO, 0x028, RO, 0, "I/O address of the cause, low word")                       \
	X(ERROR_ADDR_HI, 0x02c, RO, 0, "I/O address of the cause, high word")                      \
	X(MAC_LO, 0x030, RO, 0, "permanent MAC: bytes 0-3, byte 0 in bits 0-7")                    \
	X(MAC_HI, 0x034, RO, 0, "permanent MAC: bytes 4-5 in bits 0-15")                           \
	X(MTU_MAX, 0x038, RO, 9000, "largest MTU, bytes of layer-3 payload")                       \
	X(LINK, 0x03c, RO, 0, "bit 0: link is up")                                                 \
	X(LINK_SPEED, 0x040, RO, 0, "Mbit/s; the VIF's max where it has one")                      \
	X(QUEUES, 0x044, RO, 0, "transmit queues << 16 | receive queues that may be created")      \
	X(VECTORS, 0x048, RO, 0, "MSI-X vectors of this VIF")                                      \
	X(RING_LIMITS, 0x04c, RO, 0x000c0003, "largest ring lg2 << 16 | smallest ring lg2")        \
	X(SEGS_MAX, 0x050, RO, 0, "descriptors a transmit packet may have, extension not counted") \
	X(TABLES, 0x054, RO, 0, "MAC filters << 16 | VLAN filters")                                \
	X(MAP_PAGES, 0x058, RO, 0, "pages of the map queue's window; 0: none is offered")          \
	X(ADMIN_SQ_LO, 0x060, RW, 0, "address of the admin commands, low word")                    \
	X(ADMIN_SQ_HI, 0x064, RW, 0, "address of the admin commands, high word")                   \
	X(ADMIN_CQ_LO, 0x068, RW, 0, "address of the admin completions, low word")                 \
	X(ADMIN_CQ_HI, 0x06c, RW, 0, "address of the admin completions, high word")                \
	X(ADMIN_CONFIG, 0x070, RW, 0, "vector << 16 | ring lg2 (SVIO_ADMIN_RING_LG2_*)")           \
	X(WAKE, 0x080, WO, 0, "wakes a device that is asleep; the value is ignored")               \
	X(SNAPSHOT, 0x084, WO, 0, "copies all counters into the window at SVIO_REG_COUNTERS")      \
	X(FW_VERSION, 0x088, RO, 0, "firmware version: major << 16 | minor << 8 | patch")          \
	X(FW_GENERATION, 0x08c, RO, 0, "how many firmware processes have served this device")      \
	X(SCRATCH, 0x090, RW, 0, "no meaning to the device: for register tests")

enum svio_reg {
#define SVIO_REG_ENUM(name, offset, access, reset, text) SVIO_REG_##name = (offset),
	SVIO_REG_LIST(SVIO_REG_ENUM)
#undef SVIO_REG_ENUM
};

/* Bytes of BAR0 that hold registers; the rest of the BAR reads zero. */
#define SVIO_REGS_BYTES 0x100
/* Window of 64-bit counters, enum svio_counter, 8 bytes each (svio_counters.h). */
#define SVIO_REG_COUNTERS       0x200
#define SVIO_REG_COUNTERS_BYTES 0x200
#define SVIO_REGS_IMAGE_BYTES   0x400

#define SVIO_MAGIC         0x4f495653u
#define SVIO_VERSION_MAJOR 1
#define SVIO_VERSION_MINOR 0

/* Writes to CONTROL. */
#define SVIO_CONTROL_RESET     0x1 /* any state -> RESET: queues gone, all as after power-on */
#define SVIO_CONTROL_NEGOTIATE 0x2 /* RESET -> NEGOTIATED: DRIVER_FEATURES is final */
#define SVIO_CONTROL_ENABLE    0x3 /* NEGOTIATED -> READY: the admin queue runs */

/*
 * STATUS. Who moves it:
 *
 *            NEGOTIATE             ENABLE
 *   RESET -------------> NEGOTIATED ------> READY
 *     ^  \                  |                 |
 *     |   \ bad features    | bad admin ring  | a mistake that is not one queue's own
 *     |    v                v                 v
 *     +---------------------- ERROR <---------+
 *       RESET, FLR (from every state)
 */
enum svio_vif_state {
	SVIO_VIF_STATE_RESET = 0,
	SVIO_VIF_STATE_NEGOTIATED = 1,
	SVIO_VIF_STATE_READY = 2,
	SVIO_VIF_STATE_ERROR = 3,
	SVIO_VIF_STATE_COUNT
};

#define SVIO_LINK_UP 0x1

/*
 * Feature bits. Offered in FEATURES, accepted in DRIVER_FEATURES. A driver
 * that accepts a bit may rely on it; the device never uses what was not
 * accepted. X(NAME, bit, needs, meaning); needs: bits that must be accepted too.
 */
#define SVIO_FEATURE_LIST(X)                                                                \
	X(TX_CSUM, 0, 0, "device completes a checksum given by start and offset")           \
	X(RX_CSUM, 1, 0, "device tells which receive checksums it has verified")            \
	X(RX_PARTIAL, 2, 0, "driver takes packets whose checksum is still to be completed") \
	X(TX_TSO4, 3, 1, "TCP segmentation, IPv4, on transmit")                             \
	X(TX_TSO6, 4, 1, "TCP segmentation, IPv6, on transmit")                             \
	X(TX_USO, 5, 1, "UDP segmentation, IPv4 and IPv6, on transmit")                     \
	X(RX_TSO4, 6, 4, "driver takes unsegmented TCP over IPv4")                          \
	X(RX_TSO6, 7, 4, "driver takes unsegmented TCP over IPv6")                          \
	X(RX_USO, 8, 4, "driver takes unsegmented UDP")                                     \
	X(TX_VLAN, 9, 0, "device inserts a VLAN tag on transmit")                           \
	X(RX_VLAN, 10, 0, "device can strip the VLAN tag on receive")                       \
	X(VLAN_FILTER, 11, 0, "receive filter by VLAN ID")                                  \
	X(MAC_FILTER, 12, 0, "receive filters beyond the VIF's own MAC; multicast filters") \
	X(RX_MODE, 13, 0, "promiscuous and all-multicast, as the VIF's policy allows")      \
	X(RSS, 14, 0, "Toeplitz hash and spreading over receive queues")                    \
	X(MODERATION, 15, 0, "interrupt moderation by time and count")                      \
	X(MTU, 16, 0, "the driver may change the MTU up to MTU_MAX")                        \
	X(MAC_SET, 17, 0, "the driver may change the VIF's MAC")                            \
	X(MAP_QUEUE, 18, 0, "the driver may grant and revoke its pages by a map queue")

enum svio_feature_bit {
#define SVIO_FEATURE_ENUM(name, bit, needs, text) SVIO_FEATURE_BIT_##name = (bit),
	SVIO_FEATURE_LIST(SVIO_FEATURE_ENUM)
#undef SVIO_FEATURE_ENUM
};
#define SVIO_FEATURE(name) (1ull << SVIO_FEATURE_BIT_##name)

#endif /* SVIO_REGS_H */
