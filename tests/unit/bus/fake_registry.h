/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A VIF registry for tests of the bus: it has the behaviour that registry.h
 * promises (maps are checked, vectors hold duplicates), does nothing with it,
 * and records each call. Completions can be held back, calls can be made to
 * fail.
 */
#ifndef FAKE_REGISTRY_H
#define FAKE_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "registry.h"

enum fake_call {
	FAKE_REG_READ,
	FAKE_REG_WRITE, /* arg: offset << 32 | first 32 bits of the data */
	FAKE_RESET,
	FAKE_BUS_MASTER,      /* arg: on */
	FAKE_DMA_MAP,         /* arg: iova */
	FAKE_DMA_UNMAP_BEGIN, /* arg: iova */
	FAKE_DMA_UNMAP_FLUSH,
	FAKE_IRQ_SET,     /* arg: vector << 1 | a descriptor came */
	FAKE_DIRTY_START, /* arg: count << 32 | page bytes */
	FAKE_DIRTY_STOP,
	FAKE_DIRTY_REPORT, /* arg: iova */
	FAKE_DISCONNECTED,
	FAKE_CALL_COUNT
};

#define FAKE_CALLS_MAX 4096
#define FAKE_MAPS_MAX  256
#define FAKE_HELD_MAX  8

struct fake_record {
	enum fake_call call;
	uint64_t arg;
};

struct fake_map {
	uint64_t iova;
	uint64_t bytes;
};

struct svio_vif {
	char name[32];
	uint16_t vectors;
	int doorbell_fd;
	uint8_t regs[4096];
	uint64_t pending;

	struct fake_record records[FAKE_CALLS_MAX];
	size_t record_count;
	size_t counts[FAKE_CALL_COUNT];

	int fail[FAKE_CALL_COUNT]; /* status of the next such call, once; 0: as usual */

	struct fake_map maps[FAKE_MAPS_MAX];
	size_t map_count;
	int vector_fds[64];
	bool bus_master;
	bool dirty; /* a log is kept: every third page is always dirty in it */
	int32_t client;

	bool hold; /* completions wait for fake_vif_release() */
	struct {
		svio_vif_done_fn done;
		void *context;
	} held[FAKE_HELD_MAX];
	size_t held_count;
};

/* NULL: no memory. */
struct svio_vif *fake_vif_new(const char *name, uint16_t vectors);
void fake_vif_free(struct svio_vif *vif);

/* Forget what was recorded so far. */
void fake_vif_forget(struct svio_vif *vif);

/* A completion is being held; let the oldest go. */
bool fake_vif_held(const struct svio_vif *vif);
void fake_vif_release(struct svio_vif *vif, int status);

/* Position of the first such call with this arg at or after from; SIZE_MAX: there is none. */
size_t fake_vif_find(const struct svio_vif *vif, enum fake_call call, uint64_t arg, size_t from);

#endif /* FAKE_REGISTRY_H */
