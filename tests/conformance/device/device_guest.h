/* SPDX-License-Identifier: BSD-3-Clause */
/* A guest of the tests: a VIF opened by libsvio-vif, and frames for it to send. */
#ifndef DEVICE_GUEST_H
#define DEVICE_GUEST_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "device_lab.h"
#include "svio_vif.h"
#include "svio_vif_raw.h"

#define FRAME_BYTES_MAX 65600

struct guest {
	struct device_lab *lab;
	char name[32];
	struct svio_vif *vif;
	struct svio_vif_queue *queue; /* pair 0 */
	uint8_t mac[6];
};

/* Features of a guest that takes every packet finished: no receive offloads. */
#define GUEST_PLAIN                                                                   \
	(SVIO_VIF_FEATURES_ALL & ~(SVIO_FEATURE(RX_PARTIAL) | SVIO_FEATURE(RX_TSO4) | \
				   SVIO_FEATURE(RX_TSO6) | SVIO_FEATURE(RX_USO)))

/*
 * Opens VIF name, which was added before. options may be NULL: one pair, all
 * features. The path in options is not looked at. Ends the program on failure.
 */
void guest_open(struct guest *guest, struct device_lab *lab, const char *name,
		const struct svio_vif_options *options);
void guest_close(struct guest *guest);

/*
 * Sends a frame, copied into as many buffers as it takes, cut bytes in the
 * first (0: as many as fit). meta (may be NULL): flags and offload metadata.
 * False: the device did not take it for a long time.
 */
bool guest_send(struct guest *guest, const void *frame, uint32_t bytes, uint32_t cut,
		const struct svio_vif_buf *meta);

/* A frame that was received. */
struct received {
	uint32_t bytes;
	uint32_t bufs;
	struct svio_vif_buf meta; /* of its first buffer */
	uint8_t data[FRAME_BYTES_MAX];
};

/* Waits for a frame on a pair and copies it. False: none came. */
bool guest_receive_on(struct guest *guest, uint16_t pair, struct received *received);
bool guest_receive(struct guest *guest, struct received *received);

/* Is there a frame now? Does not wait. */
bool guest_receive_now(struct guest *guest, uint16_t pair, struct received *received);

/*
 * Whether a frame that from sent before is nothing to guest: sends a marker and
 * looks whether that is the next frame to come. (One queue keeps the order.)
 */
bool guest_receives_only_marker(struct guest *guest, struct guest *from);

/* Frames. */
struct frame {
	const uint8_t *dst;
	const uint8_t *src;
	uint16_t vlan; /* TCI; 0: untagged */
	bool ipv6;
	bool udp; /* else TCP */
	uint16_t sport;
	uint16_t dport;
	uint32_t payload_bytes;
	uint8_t seed; /* of the payload */
	bool partial; /* the checksum field holds the pseudo-header's sum only */
};

/* Builds it with good checksums; returns its length. data: FRAME_BYTES_MAX. */
uint32_t frame_build(const struct frame *frame, uint8_t *data);

/* Offset of the TCP or UDP header; 0: there is none. */
uint32_t frame_l4_offset(const uint8_t *data, uint32_t bytes);

/* Offset of the payload behind TCP or UDP. */
uint32_t frame_payload_offset(const uint8_t *data, uint32_t bytes);

/* Are the checksums of IPv4, and of TCP or UDP, right? */
bool frame_checksums_hold(const uint8_t *data, uint32_t bytes);

/* Any frame of a length, 14 and up: an unknown Ethernet type and a pattern. */
void frame_fill(uint8_t *data, uint32_t bytes, const uint8_t *dst, const uint8_t *src,
		uint8_t seed);

/*
 * Sequence-checked traffic from one guest to another, in the caller's hands:
 * stream_step() sends and receives a little. Never more than a window is under
 * way, so that the receiver always has buffers and each loss is the device's.
 */
struct stream {
	struct guest *from;
	struct guest *to;
	uint64_t sent;
	uint64_t received;   /* in order, without duplicates */
	uint64_t lost;       /* numbers that were jumped over */
	uint64_t duplicates; /* numbers that had come already */
	uint64_t broken;     /* frames with other content */
	uint64_t last_ns;    /* when the last one came */
	uint64_t gap_max_ns; /* longest time without one */
};

void stream_start(struct stream *stream, struct guest *from, struct guest *to);
void stream_step(struct stream *stream);

/* Steps until count more have been received. False: nothing comes any more. */
bool stream_run(struct stream *stream, uint64_t count);

/* Waits until everything that was sent has come. False: it does not. */
bool stream_drain(struct stream *stream);

/* A stream on a thread of its own: the neighbours that must not notice. */
struct neighbours {
	struct stream stream; /* the thread's until neighbours_stop() */
	pthread_t thread;
	atomic_bool stop;
	bool drained;
};

bool neighbours_start(struct neighbours *neighbours, struct guest *from, struct guest *to);

/* Ends and prints it. Did everything arrive whole? Duplicates are the caller's to judge. */
bool neighbours_stop(struct neighbours *neighbours);

#endif /* DEVICE_GUEST_H */
