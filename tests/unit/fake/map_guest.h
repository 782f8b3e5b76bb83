/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A guest with a map queue (SPEC.md, chapter 11): VIF 0; its neighbours 1 and 2 have none.
 * Pages of the window are granted under the number that their I/O address has, so that the fake
 * guest's addresses serve, except where a test says otherwise.
 */
#ifndef SVIO_MAP_GUEST_H
#define SVIO_MAP_GUEST_H

#include "guest.h"
#include "svio_iommu_walk.h"

#define MAP_RING     fake_iova(0x9000)
#define MAP_STATUS   fake_iova(0xa000)
#define MAP_LG2      7
#define MAP_ENTRIES  (1u << MAP_LG2)
#define MAP_BOTH     (SVIO_MAP_READ | SVIO_MAP_WRITE)
#define MAP_FEATURES (GUEST_ALL_FEATURES | SVIO_FEATURE(MAP_QUEUE))

/* Pages of the window, and memory for them, that map_set_up_queues() leaves alone. */
#define SPARE_PAGE   0x100u
#define SPARE_WINDOW ((uint64_t)SPARE_PAGE << SVIO_MAP_PAGE_LG2)
#define SPARE_ADDR   fake_iova(0x300000)

extern struct guest map_guest[3];
extern struct guest_packet map_packet;
extern uint32_t map_tail;

/* A device with three VIFs; VIF 0 has created its map queue. False: something was refused. */
bool map_set_up(void);
/* Grants most of its memory, and makes a pair of queues that works. */
bool map_set_up_queues(void);
/* Another firmware process goes on. */
bool map_restart(void);

struct svio_admin_cmd map_create_cmd(void);
/* Both return the admin status. */
uint32_t map_create(void);
uint32_t map_destroy(uint16_t kind);

/* Fill an entry; tell the device; both, and let it work. */
void map_put(uint64_t addr, uint32_t page, uint32_t pages, uint32_t flags);
void map_ring(void);
void map_do(uint64_t addr, uint32_t page, uint32_t pages, uint32_t flags);

/* What the device has told: entries carried out; why the queue stopped. */
uint32_t map_head(void);
uint32_t map_error(void);

/* What the device keeps: an entry of the window, and how many are granted. */
uint64_t map_page(uint32_t page);
uint32_t map_granted(void);

/* A frame from one VIF to another arrives whole. */
bool map_passes(uint32_t from, uint32_t to, uint32_t seed);
/* VIF 0 sends what lies at a device address. */
void map_send_from(uint64_t addr, uint32_t bytes);
/* VIF 0's transmit queue has stopped for this, and the fault log says so; the others live. */
bool map_faulted(uint64_t addr, uint32_t error, uint32_t reason);

#endif /* SVIO_MAP_GUEST_H */
