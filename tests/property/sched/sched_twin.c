/* SPDX-License-Identifier: BSD-3-Clause */
#include "sched_twin.h"

#include <string.h>

#include "svio_test.h"

static uint32_t packet_size(struct twin *twin, const struct twin_leaf *leaf)
{
	uint32_t choices = leaf->packet_max - leaf->packet_min + 1;

	return leaf->packet_min + (uint32_t)(svio_test_random(&twin->seed) % choices);
}

static long double larger(long double a, long double b)
{
	return a > b ? a : b;
}

/* From now on it counts what min promises a leaf. */
static void wait_anew(struct twin *twin, svio_sched_node leaf)
{
	twin->leaf[leaf].lacking = 0;
	twin->leaf[leaf].seen_ns = twin->model.now_ns;
	twin->leaf[leaf].seen_bytes = twin->model.node[leaf].bytes;
}

/* The device takes packets while the grant lasts; the last may exceed it. */
static void fetch(void *context, const struct svio_sched_grant *grant,
		  struct sched_model_load *load)
{
	struct twin *twin = context;
	struct twin_leaf *leaf = &twin->leaf[grant->leaf];

	while (load->bytes < grant->bytes && load->packets < grant->packets) {
		if (leaf->endless) {
			load->bytes += packet_size(twin, leaf);
		} else if (leaf->count) {
			load->bytes += leaf->queue[leaf->first];
			leaf->first = (leaf->first + 1) % TWIN_QUEUE;
			leaf->count--;
		} else {
			break;
		}
		load->packets++;
	}
	load->more = leaf->endless || leaf->count;
	twin->serving = grant->leaf;
	if (!load->more)
		wait_anew(twin, grant->leaf);
}

static void fluid_settings(const struct svio_sched_params *params, struct fluid_settings *fluid)
{
	/* The bucket of a scheduler whose last packet may be a largest one has so much less. */
	*fluid = (struct fluid_settings){
		.min = params->min_bps / 8.0L,
		.max = params->max_bps / 8.0L,
		.depth = sched_model_burst(params) - SVIO_SCHED_PACKET_BYTES_MAX,
		.weight = params->weight ? params->weight : 1,
		.priority = params->priority,
	};
}

void twin_init(struct twin *twin, void *memory, const struct svio_sched_limits *limits,
	       uint64_t port_bps, uint64_t device_bps, uint64_t now_ns, uint64_t seed)
{
	struct fluid_settings port;

	memset(twin, 0, sizeof(*twin));
	twin->seed = seed;
	sched_model_init(&twin->model, memory, limits, port_bps, device_bps, now_ns);
	twin->model.fetch = fetch;
	twin->model.context = twin;
	fluid_init(&twin->fluid, device_bps / 8.0L);
	fluid_settings(&twin->model.node[SVIO_SCHED_PORT].params, &port);
	fluid_set(&twin->fluid, SVIO_SCHED_PORT, &port);
	twin->fluid.node[SVIO_SCHED_PORT].tokens = port.depth;
}

svio_sched_node twin_add(struct twin *twin, svio_sched_node parent, enum svio_sched_kind kind,
			 const struct svio_sched_params *params)
{
	svio_sched_node node = sched_model_add(&twin->model, parent, kind, params, 0);
	struct fluid_settings settings;

	if (!node)
		return 0;
	fluid_settings(params, &settings);
	fluid_add(&twin->fluid, node, parent, kind == SVIO_SCHED_LEAF, &settings);
	return node;
}

void twin_packets(struct twin *twin, svio_sched_node leaf, uint32_t min, uint32_t max)
{
	twin->leaf[leaf].packet_min = min;
	twin->leaf[leaf].packet_max = max;
}

void twin_set(struct twin *twin, svio_sched_node node, const struct svio_sched_params *params)
{
	struct fluid_settings settings;

	sched_model_set(&twin->model, node, params);
	fluid_settings(params, &settings);
	fluid_set(&twin->fluid, node, &settings);
}

long double twin_real(const struct twin *twin, svio_sched_node leaf)
{
	long double bytes = (long double)twin->model.node[leaf].bytes;
	int64_t busy_ns = (int64_t)(twin->model.busy_ns - twin->model.now_ns);

	if (leaf == twin->serving && busy_ns > 0)
		bytes -= busy_ns / 8e9L * (long double)twin->model.device_bps;
	return bytes;
}

long double twin_hold(const struct twin *twin, svio_sched_node leaf)
{
	const struct sched_model_node *node = twin->model.node;
	long double bytes = sched_model_hold(&twin->model, &node[SVIO_SCHED_PORT].params);

	for (; leaf; leaf = node[leaf].parent)
		bytes += sched_model_hold(&twin->model, &node[leaf].params);
	return bytes;
}

static long double behind(const struct twin *twin, svio_sched_node leaf)
{
	return twin->fluid.node[leaf].served - twin_real(twin, leaf);
}

void twin_endless(struct twin *twin, svio_sched_node leaf, bool endless)
{
	twin->leaf[leaf].endless = endless;
	twin->leaf[leaf].count = 0;
	twin->leaf[leaf].base = behind(twin, leaf);
	fluid_endless(&twin->fluid, leaf, endless);
	sched_model_activate(&twin->model, leaf, endless);
	wait_anew(twin, leaf);
}

void twin_arrive(struct twin *twin, svio_sched_node leaf, uint32_t packets)
{
	struct twin_leaf *l = &twin->leaf[leaf];

	while (packets-- && l->count < TWIN_QUEUE && !l->endless) {
		uint32_t bytes = packet_size(twin, l);

		l->queue[(l->first + l->count++) % TWIN_QUEUE] = bytes;
		fluid_arrive(&twin->fluid, leaf, bytes);
	}
	if (l->count && !twin->model.node[leaf].active) {
		sched_model_activate(&twin->model, leaf, true);
		wait_anew(twin, leaf);
	}
}

/* The largest of all min * t - served that end now: like a queue that min fills. */
static void compare_min(struct twin *twin, svio_sched_node node)
{
	const struct sched_model_node *n = &twin->model.node[node];
	struct twin_leaf *leaf = &twin->leaf[node];
	long double seconds = (long double)(twin->model.now_ns - leaf->seen_ns) / 1e9L;

	leaf->lacking += n->params.min_bps * seconds / 8;
	leaf->lacking -= (long double)(n->bytes - leaf->seen_bytes);
	leaf->lacking = larger(0, leaf->lacking);
	leaf->lack = larger(leaf->lack, leaf->lacking);
	leaf->seen_ns = twin->model.now_ns;
	leaf->seen_bytes = n->bytes;
}

static void compare(struct twin *twin)
{
	uint32_t i;

	for (i = 1; i <= twin->model.nodes_max; i++) {
		struct twin_leaf *leaf = &twin->leaf[i];
		long double lag;

		if (twin->model.node[i].kind != SVIO_SCHED_LEAF)
			continue;
		lag = behind(twin, i) - leaf->base;
		leaf->lag = larger(leaf->lag, lag);
		leaf->lead = larger(leaf->lead, -lag);
		if (twin->model.node[i].active)
			compare_min(twin, i);
	}
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0 ? a : b;
}

void twin_run(struct twin *twin, uint64_t until_ns)
{
	struct sched_model *model = &twin->model;

	while (model->now_ns != until_ns && !model->wrong) {
		uint64_t next_ns = model->busy_ns;

		if ((int64_t)(model->now_ns - model->busy_ns) >= 0) {
			compare(twin);
			if (sched_model_serve(model, true, &next_ns))
				continue;
			if (next_ns == SVIO_SCHED_NEVER)
				next_ns = until_ns;
		}
		next_ns = earlier(next_ns, until_ns);
		fluid_advance(&twin->fluid, (long double)(next_ns - model->now_ns) / 1e9L);
		sched_model_advance(model, next_ns);
	}
}
