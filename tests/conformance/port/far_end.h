/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The other end of a wire's cable: a raw socket on an interface of the host. It sees frames
 * as the host's stack does, unsegmented and with their checksum left open where that is how they
 * come.
 */
#ifndef FAR_END_H
#define FAR_END_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#define FAR_END_BYTES 65600

struct far_end {
	int fd;
	uint64_t sent;
	uint64_t sent_bytes;
	uint64_t received;
	uint64_t received_bytes;
};

struct far_frame {
	struct virtio_net_hdr header;
	uint32_t bytes;
	uint8_t data[FAR_END_BYTES]; /* checksum completed, if it was open and the frame is one */
};

/* Aborts the program when it cannot. */
void far_end_open(struct far_end *end, const char *interface);
void far_end_close(struct far_end *end);

/* header may be NULL: a frame as it is. */
void far_end_send(struct far_end *end, const void *data, uint32_t bytes,
		  const struct virtio_net_hdr *header);

/* Waits for a frame. False: none comes. */
bool far_end_receive(struct far_end *end, struct far_frame *frame);

/* None is there. */
bool far_end_is_silent(struct far_end *end);

#endif /* FAR_END_H */
