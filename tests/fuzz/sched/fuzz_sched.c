/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fuzz the scheduler: each 32 bytes of input are one call. If the first byte is
 * even the calls go through the model of tests/property, which checks who is
 * refused, ceilings, work conservation and next_ns; else they are made raw, with charges and times
 * that no caller would use, and only what always holds is checked.
 */
#include <stdlib.h>
#include <string.h>

#include "sched_model.h"
#include "svio_sched.h"

#define NODES 16

struct input {
	uint8_t call;
	uint8_t node;
	uint8_t parent;
	uint8_t flags; /* bit 0: leaf, active, more; 1: rates scaled down; 2: max_pps; 4: no max */
	uint8_t priority;
	uint8_t kind; /* bits 0-1: enum svio_sched_kind, 0: see flags; others: min, in max_bps / 64 */
	uint16_t packet_bytes;
	uint64_t max_bps;
	uint32_t burst_bytes;
	uint32_t weight;
	uint64_t time_ns; /* also: max_pps, bytes */
};

static const struct svio_sched_limits limits = { .leaves = 9, .vifs = 3, .groups = 4 };
static _Alignas(64) uint8_t memory[1 << 19];
static struct sched_model model;

static void require(bool condition)
{
	if (!condition)
		abort();
}

static void take_params(const struct input *in, struct svio_sched_params *params)
{
	memset(params, 0, sizeof(*params));
	params->max_bps = in->flags & 2 ? in->max_bps % 10000000000 : in->max_bps;
	params->min_bps = params->max_bps / 64 * (in->kind >> 2);
	if (in->flags & 16)
		params->max_bps = 0;
	params->max_pps = in->flags & 4 ? in->time_ns % 2000000000 : 0;
	params->burst_bytes = in->flags & 2 ? in->burst_bytes % 300000 : in->burst_bytes;
	params->weight = in->flags & 2 ? in->weight % 65536 : in->weight;
	params->priority = in->priority % 9;
}

static enum svio_sched_kind take_kind(const struct input *in)
{
	if (in->kind % 4 == 0)
		return in->flags & 1 ? SVIO_SCHED_LEAF : SVIO_SCHED_GROUP;
	return (enum svio_sched_kind)(in->kind % 4);
}

static void call_model(const struct input *in)
{
	struct svio_sched_params params;
	uint32_t node = in->node % (NODES + 2);

	take_params(in, &params);
	switch (in->call % 6) {
	case 0:
		sched_model_add(&model, in->parent % (NODES + 2), take_kind(in), &params,
				60 + in->packet_bytes % 65000);
		break;
	case 1:
		sched_model_set(&model, node, &params);
		break;
	case 2:
		sched_model_del(&model, node);
		break;
	case 3:
		sched_model_activate(&model, node, in->flags & 1);
		break;
	default:
		sched_model_step(&model, model.now_ns + in->time_ns % 10000000000, in->flags & 1);
	}
	require(model.wrong == NULL);
}

static void call_raw(struct svio_sched *sched, const struct input *in, uint64_t *now_ns)
{
	struct svio_sched_params params;
	struct svio_sched_grant grant;
	svio_sched_node node;
	uint64_t next_ns;

	take_params(in, &params);
	/* Up to 52 days at once: the whole input must stay below half of the clock's range. */
	*now_ns += in->flags & 8 ? in->max_bps >> 12 : in->max_bps % 1000000;
	switch (in->call % 6) {
	case 0:
		svio_sched_add(sched, in->parent, (enum svio_sched_kind)(in->node % 4), &params,
			       *now_ns, &node, NULL);
		break;
	case 1:
		svio_sched_set(sched, in->node, &params, *now_ns, NULL);
		break;
	case 2:
		svio_sched_del(sched, in->node);
		break;
	case 3:
		svio_sched_activate(sched, in->node, *now_ns);
		break;
	case 4:
		svio_sched_charge(sched, in->node, in->time_ns, in->weight, in->flags & 1, *now_ns);
		break;
	default:
		svio_sched_deactivate(sched, in->node);
	}
	if (*now_ns == SVIO_SCHED_NEVER)
		*now_ns += 1;
	next_ns = svio_sched_next_ns(sched, *now_ns);
	require(svio_sched_pick(sched, *now_ns, &grant) == (next_ns == *now_ns));
	if (next_ns != *now_ns)
		return;
	require(svio_sched_active(sched, grant.leaf) && grant.bytes && grant.packets);
	svio_sched_charge(sched, grant.leaf, in->packet_bytes, 1, in->flags & 1, *now_ns);
	require(svio_sched_active(sched, grant.leaf) == (in->flags & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t now_ns = UINT64_MAX - 1000000;
	struct svio_sched *sched = NULL;
	bool raw;

	require(svio_sched_bytes(&limits) <= sizeof(memory));
	if (size < 1)
		return 0;
	raw = *data & 1;
	data++;
	size--;
	if (raw)
		sched = svio_sched_init(memory, &limits, 10000000000, now_ns);
	else
		sched_model_init(&model, memory, &limits, 0, 40000000000, now_ns);
	for (; size >= sizeof(struct input); size -= sizeof(struct input)) {
		struct input in;

		memcpy(&in, data, sizeof(in));
		data += sizeof(in);
		if (raw)
			call_raw(sched, &in, &now_ns);
		else
			call_model(&in);
	}
	return 0;
}
