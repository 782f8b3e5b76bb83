/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a client's DMA_MAP and DMA_UNMAP must do, the plain way: a list of mappings, searched from
 * end to end. Shares no code with the device.
 */
#ifndef MAP_MODEL_H
#define MAP_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MODEL_MAPS 64

/* The memory that comes with a map, as the kernel sees it. */
struct model_memory {
	bool usable;   /* shared memory, open for reading */
	bool writable; /* and for writing */
	uint64_t bytes;
};

struct model_map {
	uint64_t iova, bytes, offset;
	bool memory; /* false: nothing behind it */
	bool readable, writable;
};

struct model {
	size_t count;
	struct model_map maps[MODEL_MAPS];
};

/* The fields of a message as they were sent. */
struct model_request {
	uint32_t argsz, flags;
	uint64_t offset, iova, bytes;
	const struct model_memory *memory; /* NULL: came without */
	bool malformed;                    /* wrong length or number of descriptors */
};

/* Must it succeed? Then it is done in the model. */
bool model_map(struct model *model, const struct model_request *request);
bool model_unmap(struct model *model, const struct model_request *request);

/* The mapping that holds an address; NULL: none. */
const struct model_map *model_find(const struct model *model, uint64_t iova);

#endif /* MAP_MODEL_H */
