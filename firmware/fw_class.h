/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which transmit queues are ready, and in which class of their VIF they wait.
 *
 * A queue waits in the class of the packet at its head. Where a VIF has no
 * classes all wait in class 0 and no packet is looked at. Else a queue that
 * becomes ready is unsorted until the VIF's next section, where its head is
 * looked at. That look decides nothing but where the queue waits: a packet is
 * sent only in a grant for the class that its copy in device memory belongs to.
 */
#ifndef SVIO_FW_CLASS_H
#define SVIO_FW_CLASS_H

#include "fw.h"

struct fw_packet;

/* The class of a packet whose head is in device memory, before the switch tags it. */
uint32_t fw_class_of(const struct fw_vif *vif, const struct fw_packet *packet);

/* The same of an untagged frame, by its first FW_CLASS_HEAD_BYTES. */
#define FW_CLASS_HEAD_BYTES 16
uint32_t fw_class_of_untagged(const struct fw_vif *vif, const void *head);

/* Queues that were not ready are now. */
void fw_class_ready(struct svio_fw *fw, struct fw_vif *vif, uint32_t queues);

/* A queue is empty, or is none any more. */
void fw_class_leave(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid);

/* No queue is ready any more; but for the leaf that is being served none is active. */
void fw_class_clear(struct svio_fw *fw, struct fw_vif *vif);

/* Classes, or what belongs to them, have changed: all queues are looked at again. */
void fw_class_again(struct svio_fw *fw, struct fw_vif *vif);

/* In a section: look at the heads of queues that are unsorted. */
void fw_class_sort(struct svio_fw *fw, struct fw_vif *vif);

/* In a section: a queue was served and has more; next: the class of its head, where it is known. */
#define FW_CLASS_UNKNOWN UINT32_MAX
void fw_class_move(struct svio_fw *fw, struct fw_vif *vif, uint32_t qid, uint32_t from,
		   uint32_t next);

#endif /* SVIO_FW_CLASS_H */
