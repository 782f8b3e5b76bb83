/* SPDX-License-Identifier: GPL-2.0-only OR BSD-3-Clause */
/*
 * Counters of a VIF (SPEC.md, chapter 9): 64 bits, they wrap, and only a VIF's
 * creation sets them to zero (a reset by the driver does not).
 *
 * tx is from the guest, rx is to the guest. A packet is a frame, or an
 * unsegmented packet where segmentation was offloaded. Bytes are of the frame
 * from destination MAC to payload, without FCS.
 *
 * The books are kept at the switch, exactly. Every packet taken from a
 * transmit queue is one of tx_packets, tx_drop_spoof_mac, tx_drop_spoof_vlan or
 * tx_drop_malformed; for the whole device
 *   sum(tx_packets) + wire_rx_packets + copies
 *     = sum(rx_packets) + sum(rx_drop_*) + wire_tx_packets + wire_tx_drop + switch_drop
 * where copies is what flooding and segmentation added (device counters, svio_host.h).
 *
 * tx_drop_receiver is a note on the sender, no other drop: of its unicast packets
 * to another VIF those that are there in rx_drop_no_buffer, rx_drop_no_queue or
 * rx_drop_rate (each segment, where one was cut).
 */
#ifndef SVIO_COUNTERS_H
#define SVIO_COUNTERS_H

#include "svio_types.h"

/* X(name, meaning): the order is ABI; new ones come at the end. */
#define SVIO_COUNTER_LIST(X)                                                                  \
	X(tx_packets, "packets taken from the guest and switched")                            \
	X(tx_bytes, "bytes of tx_packets")                                                    \
	X(rx_packets, "packets given to the guest")                                           \
	X(rx_bytes, "bytes of rx_packets")                                                    \
	X(tx_multicast, "multicast packets among tx_packets")                                 \
	X(tx_broadcast, "broadcast packets among tx_packets")                                 \
	X(rx_multicast, "multicast packets among rx_packets")                                 \
	X(rx_broadcast, "broadcast packets among rx_packets")                                 \
	X(tx_drop_spoof_mac, "source MAC is not the VIF's")                                   \
	X(tx_drop_spoof_vlan, "VLAN is not the VIF's")                                        \
	X(tx_drop_malformed, "packet of a queue that was stopped for it")                     \
	X(rx_drop_no_buffer, "no or too few buffers posted")                                  \
	X(rx_drop_no_queue, "VIF has no running receive queue")                               \
	X(rx_drop_too_long, "longer than the VIF's MTU allows")                               \
	X(rx_drop_filter, "does not pass the VIF's receive filters")                          \
	X(rx_drop_rate, "above the VIF's receive ceiling")                                    \
	X(rx_drop_error, "receiver's ring or buffer was broken; its queue was stopped")       \
	X(tx_tso_packets, "unsegmented packets among tx_packets")                             \
	X(rx_tso_packets, "unsegmented packets among rx_packets")                             \
	X(irqs, "interrupts raised")                                                          \
	X(irqs_suppressed, "events that moderation or masking folded into another interrupt") \
	X(wakes, "times the VIF woke the device by the wake register")                        \
	X(dma_faults, "accesses that the IOMMU refused")                                      \
	X(queue_errors, "queues stopped for a reason")                                        \
	X(resets, "resets by register, function-level reset or bus")                          \
	X(admin_commands, "admin commands taken")                                             \
	X(admin_errors, "admin commands refused")                                             \
	X(tx_drop_receiver, "packets of this VIF that their receiver could not take")         \
	X(map_granted, "pages granted by the map queue")                                      \
	X(map_revoked, "pages revoked by the map queue, or with it")                          \
	X(tx_waits, "times a transmit queue waited for a receiver's buffers")

enum svio_counter {
#define SVIO_COUNTER_ENUM(name, text) SVIO_COUNTER_##name,
	SVIO_COUNTER_LIST(SVIO_COUNTER_ENUM)
#undef SVIO_COUNTER_ENUM
	SVIO_COUNTER_COUNT
};

/* Counters of one queue, in this order. */
#define SVIO_QUEUE_COUNTER_LIST(X)                          \
	X(packets, "packets through this queue")            \
	X(bytes, "bytes of packets")                        \
	X(drops, "packets of this queue that were dropped") \
	X(irqs, "interrupts raised for this queue")

enum svio_queue_counter {
#define SVIO_QUEUE_COUNTER_ENUM(name, text) SVIO_QUEUE_COUNTER_##name,
	SVIO_QUEUE_COUNTER_LIST(SVIO_QUEUE_COUNTER_ENUM)
#undef SVIO_QUEUE_COUNTER_ENUM
	SVIO_QUEUE_COUNTER_COUNT
};

SVIO_ASSERT(SVIO_COUNTER_COUNT <= 64);

#endif /* SVIO_COUNTERS_H */
