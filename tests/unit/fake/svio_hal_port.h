/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The fake port: the firmware's HAL for tests. The clock stands until the test
 * moves it, frames to the wire are recorded, frames from it are what the test
 * put there, interrupts are counted, and a countdown can end the firmware at any
 * named step as a crash would (fake.h).
 */
#ifndef SVIO_HAL_PORT_H
#define SVIO_HAL_PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "svio_hal.h"

uint64_t svio_fake_now_ns(void);
void svio_fake_step(struct svio_hal *hal);
void svio_fake_copy(void *to, const void *from, size_t bytes);
char *svio_fake_object(struct svio_hal *hal, uint32_t object);
uint64_t svio_fake_object_bytes(struct svio_hal *hal, uint32_t object);
void svio_fake_raise(struct svio_hal *hal, uint32_t vif, uint32_t vector);
uint32_t svio_fake_wire_rx(struct svio_hal *hal, struct svio_wire_frame *frames, uint32_t max);
void svio_fake_wire_rx_done(struct svio_hal *hal);
void *svio_fake_wire_tx_room(struct svio_hal *hal, uint32_t bytes);
bool svio_fake_wire_lends(const struct svio_hal *hal);
bool svio_fake_wire_tx_append(struct svio_hal *hal, const char *data, uint32_t bytes);
void svio_fake_wire_tx_send(struct svio_hal *hal, const struct svio_wire_frame *frame);
uint32_t svio_fake_wire_tx_flush(struct svio_hal *hal);
struct svio_doorbell_bar *svio_fake_doorbells(struct svio_hal *hal, uint32_t vif);

/* Between two steps of the firmware that a crash may separate. */
#define SVIO_HAL_STEP(hal) svio_fake_step(hal)

static inline uint64_t svio_hal_now_ns(void)
{
	return svio_fake_now_ns();
}

static inline char *svio_hal_object(struct svio_hal *hal, uint32_t object)
{
	return svio_fake_object(hal, object);
}

static inline uint64_t svio_hal_object_bytes(struct svio_hal *hal, uint32_t object)
{
	return svio_fake_object_bytes(hal, object);
}

static inline void svio_hal_copy(void *to, const void *from, size_t bytes)
{
	svio_fake_copy(to, from, bytes);
}

static inline void svio_hal_raise(struct svio_hal *hal, uint32_t vif, uint32_t vector)
{
	svio_fake_raise(hal, vif, vector);
}

static inline uint32_t svio_hal_wire_rx(struct svio_hal *hal, struct svio_wire_frame *frames,
					uint32_t max)
{
	return svio_fake_wire_rx(hal, frames, max);
}

static inline void svio_hal_wire_rx_done(struct svio_hal *hal)
{
	svio_fake_wire_rx_done(hal);
}

static inline void *svio_hal_wire_tx_room(struct svio_hal *hal, uint32_t bytes)
{
	return svio_fake_wire_tx_room(hal, bytes);
}

static inline bool svio_hal_wire_lends(const struct svio_hal *hal)
{
	return svio_fake_wire_lends(hal);
}

static inline bool svio_hal_wire_tx_append(struct svio_hal *hal, const char *data, uint32_t bytes)
{
	return svio_fake_wire_tx_append(hal, data, bytes);
}

static inline void svio_hal_wire_tx_send(struct svio_hal *hal, const struct svio_wire_frame *frame)
{
	svio_fake_wire_tx_send(hal, frame);
}

static inline uint32_t svio_hal_wire_tx_flush(struct svio_hal *hal)
{
	return svio_fake_wire_tx_flush(hal);
}

static inline struct svio_doorbell_bar *svio_hal_doorbells(struct svio_hal *hal, uint32_t vif)
{
	return svio_fake_doorbells(hal, vif);
}

#endif /* SVIO_HAL_PORT_H */
