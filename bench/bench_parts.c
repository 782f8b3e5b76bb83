/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench parts: where the firmware's cycles go, of a packet from VIF to VIF.
 *
 * Some thousand times a second the kernel notes which instruction svio-fw is at. Each
 * address belongs to a function, most of them inlined into others, and a function to a
 * part of a packet's way. A part's cycles are its share of the samples times the cycles a
 * packet, which are those of the rate measured in the same windows.
 */
#include <argp.h>
#include <err.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "bench_crowd.h"
#include "bench_json.h"
#include "bench_options.h"
#include "bench_sample.h"
#include "bench_ticks.h"

#define SIZES_MAX   8
#define WINDOW_NS   100000000ull
#define WARM_UP_NS  20000000ull
#define WAIT_SHARE  100 /* of a window may be waited for a processor */
#define TRIES_EACH  8   /* windows for one that counts, at most */
#define SHARE_SHOWN 0.01

/* Of one pair of VIFs, and, as in svio-bench vif, of many. */
#define RING_LG2       10
#define RING_LG2_MANY  7
#define UNDER_WAY_MANY 96

enum part {
	PART_DOORBELL,
	PART_DESCRIPTORS,
	PART_TRANSLATION,
	PART_CLASSIFY,
	PART_SCHEDULE,
	PART_COPY,
	PART_COMPLETION,
	PART_OTHER,
	PARTS
};

static const struct {
	const char *key;
	const char *title;
} parts[PARTS] = {
	[PART_DOORBELL] = { "doorbell", "doorbells: which queues have something to send" },
	[PART_DESCRIPTORS] = { "descriptors", "descriptors: read, checked, buffers posted" },
	[PART_TRANSLATION] = { "translation", "translation: I/O addresses, rights, epochs" },
	[PART_CLASSIFY] = { "classify", "classify: header, anti-spoof, switch" },
	[PART_SCHEDULE] = { "schedule", "schedule: whom to serve, charge" },
	[PART_COPY] = { "copy", "copy: the frame, fetched ahead" },
	[PART_COMPLETION] = { "completion", "completion: receiver, sender, interrupts" },
	[PART_OTHER] = { "other", "the rest" },
};

/*
 * Functions whose names begin so; of inlined ones the innermost that is named here decides, so that
 * what reads or fetches a word belongs to whoever wants it.
 */
static const struct {
	const char *prefix;
	enum part part;
} functions[] = {
	{ "fw_tx_scan", PART_DOORBELL },
	{ "fw_class_", PART_DOORBELL },
	{ "svio_fw_poll", PART_DOORBELL },
	{ "fw_vif_activate", PART_DOORBELL },
	{ "poll_", PART_DOORBELL },
	{ "read_batch", PART_DESCRIPTORS },
	{ "read_on", PART_DESCRIPTORS },
	{ "should_read", PART_DESCRIPTORS },
	{ "has_whole", PART_DESCRIPTORS },
	{ "fw_dma_read16", PART_DESCRIPTORS },
	{ "is_plain", PART_DESCRIPTORS },
	{ "take_packet", PART_DESCRIPTORS },
	{ "add_data", PART_DESCRIPTORS },
	{ "fw_rx_refill", PART_DESCRIPTORS },
	{ "fw_rx_open", PART_DESCRIPTORS },
	{ "fw_rx_fetch", PART_DESCRIPTORS },
	{ "refill", PART_DESCRIPTORS },
	{ "load_", PART_DESCRIPTORS },
	{ "fw_dma_", PART_TRANSLATION },
	{ "svio_iommu_", PART_TRANSLATION },
	{ "iommu_", PART_TRANSLATION },
	{ "fw_section_", PART_TRANSLATION },
	{ "svio_hal_object", PART_TRANSLATION },
	{ "read_head", PART_CLASSIFY },
	{ "find_route", PART_CLASSIFY },
	{ "fw_mac_", PART_CLASSIFY },
	{ "fw_switch_", PART_CLASSIFY },
	{ "fw_packet_", PART_CLASSIFY },
	{ "src_of", PART_CLASSIFY },
	{ "dst_of", PART_CLASSIFY },
	{ "has_tag", PART_CLASSIFY },
	{ "svio_sched_", PART_SCHEDULE },
	{ "sched_", PART_SCHEDULE },
	{ "descend", PART_SCHEDULE },
	{ "take_turn", PART_SCHEDULE },
	{ "choose_", PART_SCHEDULE },
	{ "fw_qos_", PART_SCHEDULE },
	{ "fw_tx_serve", PART_SCHEDULE },
	{ "svio_hal_copy", PART_COPY },
	{ "svio_hal_move", PART_COPY },
	{ "fetch_payload", PART_COPY },
	{ "look_ahead", PART_COPY },
	{ "memcpy", PART_COPY },
	{ "fw_express_", PART_CLASSIFY },
	{ "check_desc", PART_DESCRIPTORS },
	{ "check_queue", PART_COMPLETION }, /* interrupts */
	{ "check_admin", PART_COMPLETION },
	{ "check_vif", PART_COMPLETION },
	{ "[libc", PART_COPY }, /* memcpy(), of longer frames */
	{ "fw_rx_publish", PART_COMPLETION },
	{ "fw_rx_close", PART_COMPLETION },
	{ "fw_irq_", PART_COMPLETION },
	{ "count_sent", PART_COMPLETION },
	{ "publish_", PART_COMPLETION },
	{ "put", PART_COMPLETION },
};

struct options {
	struct bench_options common;
	uint32_t sizes[SIZES_MAX];
	size_t size_count;
	struct bench_windows windows;
	unsigned long vifs; /* that send at once */
	bool functions;
	bool hugepages;
};

/* Of one length of frames. */
struct split {
	double cycles; /* a packet */
	double mpps;
	uint64_t samples;
	uint64_t of[PARTS];
	size_t discarded;
};

static enum part find_part(const struct sample_place *place)
{
	for (size_t i = 0; i < place->frame_count; i++)
		for (size_t k = 0; k < sizeof(functions) / sizeof(functions[0]); k++)
			if (strncmp(place->frames[i], functions[k].prefix,
				    strlen(functions[k].prefix)) == 0)
				return functions[k].part;
	return PART_OTHER;
}

/* Which functions a part is made of: for whoever works on them. */
static void print_functions(const struct sample_place *places, size_t count, uint64_t samples)
{
	bool *done = calloc(count + 1, sizeof(*done));

	if (!done)
		err(1, "memory");
	for (size_t i = 0; i < count; i++) {
		const char *name = places[i].frame_count ? places[i].frames[0] : "?";
		uint64_t sum = 0;

		for (size_t k = i; k < count; k++) {
			if (done[k] || find_part(&places[k]) != find_part(&places[i]) ||
			    strcmp(places[k].frame_count ? places[k].frames[0] : "?", name) != 0)
				continue;
			sum += places[k].count;
			done[k] = true;
		}
		if ((double)sum >= SHARE_SHOWN * (double)samples)
			printf("    %5.1f %%  %-12s %s\n", 100.0 * (double)sum / (double)samples,
			       parts[find_part(&places[i])].key, name);
	}
	free(done);
}

static void split_samples(struct sampler *sampler, const struct options *options,
			  struct split *split)
{
	size_t count;
	struct sample_place *places = sample_resolve(sampler, &count);

	if (!places)
		errx(1, "addr2line (package binutils) does not name what was sampled");
	for (size_t i = 0; i < count; i++)
		split->of[find_part(&places[i])] += places[i].count;
	split->samples = sampler->count;
	if (options->functions)
		print_functions(places, count, split->samples);
	free(places);
}

/* Windows that count are those in which nobody waited for a processor. */
static void run_windows(struct bench_path *path, struct sampler *sampler,
			const struct options *options, uint32_t bytes, struct split *split)
{
	const struct guest_load load = { .pattern = GUEST_ONE_WAY,
					 .bytes = bytes,
					 .under_way = options->vifs > 1 ? UNDER_WAY_MANY : 0,
					 .warm_up_ns = WARM_UP_NS,
					 .ns = options->windows.ns };
	double packets = 0;
	double ns = 0;

	for (unsigned long taken = 0, tries = 0; taken < options->windows.count; tries++) {
		struct guest_result result = { 0 };
		bool calm;

		if (tries == options->windows.count * TRIES_EACH)
			errx(3, "this machine has too much other work: %lu windows of %zu", taken,
			     options->windows.count);
		if (!path->type->run(path, &load, &result, NULL))
			errx(1, "%s", path->why);
		calm = result.device.waited_ns + result.guests.waited_ns < result.ns / WAIT_SHARE &&
		       !result.stolen;
		calm |= options->windows.keep_disturbed;
		sampler_take(sampler, calm);
		split->discarded += !calm;
		taken += calm;
		packets += calm ? (double)result.packets : 0;
		ns += calm ? (double)result.ns : 0;
	}
	split->mpps = packets / ns * 1000;
	split->cycles = bench_ticks_per_ns() * ns / packets;
}

static void measure(const struct options *options, uint32_t bytes, struct split *split)
{
	const struct crowd_options crowd_options = { .places = options->common.places,
						     .pairs = (uint32_t)options->vifs,
						     .queues = 1,
						     .hugepages = options->hugepages,
						     .ring_lg2 = options->vifs > 1 ? RING_LG2_MANY
										   : RING_LG2 };
	struct crowd_view view;
	struct sampler sampler;
	struct crowd crowd;
	char why[256];

	memset(split, 0, sizeof(*split));
	crowd_open(&crowd, &crowd_options);
	crowd_view_init(&view, &crowd, options->vifs);
	if (!sampler_open(&sampler, crowd.device.firmware, why))
		errx(1, "%s", why);
	run_windows(&view.path, &sampler, options, bytes, split);
	split_samples(&sampler, options, split);
	sampler_close(&sampler);
	crowd_close(&crowd);
}

static double part_cycles(const struct split *split, enum part part)
{
	return split->cycles * (double)split->of[part] / (double)split->samples;
}

static void print_split(const struct split *splits, const struct options *options)
{
	printf("cycles a packet%34s", "");
	for (size_t i = 0; i < options->size_count; i++)
		printf("%7u B", options->sizes[i]);
	printf("\n");
	for (int part = 0; part < PARTS; part++) {
		printf("%-48s ", parts[part].title);
		for (size_t i = 0; i < options->size_count; i++)
			printf("%8.1f ", part_cycles(&splits[i], (enum part)part));
		printf("\n");
	}
	printf("%-48s ", "all");
	for (size_t i = 0; i < options->size_count; i++)
		printf("%8.1f ", splits[i].cycles);
	printf("\n%-48s ", "Mpps");
	for (size_t i = 0; i < options->size_count; i++)
		printf("%8.2f ", splits[i].mpps);
	printf("\n");
}

static void write_json(struct bench_json *json, const struct split *splits,
		       const struct options *options)
{
	bench_json_open(json, "parts", '[');
	for (size_t i = 0; i < options->size_count; i++) {
		bench_json_open(json, NULL, '{');
		bench_json_count(json, "bytes", options->sizes[i]);
		bench_json_number(json, "mpps", splits[i].mpps);
		bench_json_number(json, "cycles_per_packet", splits[i].cycles);
		bench_json_count(json, "samples", splits[i].samples);
		bench_json_count(json, "windows_discarded", splits[i].discarded);
		for (int part = 0; part < PARTS; part++)
			bench_json_number(json, parts[part].key,
					  part_cycles(&splits[i], (enum part)part));
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 2048 (default: 64,512,1500)", 0 },
	{ "vifs", 'v', "N", 0, "How many VIFs send at once, 1 to 1000 (default: 1)", 0 },
	{ "functions", 'F', NULL, 0, "Show which functions the parts are made of, too", 0 },
	{ "hugepages", 'H', NULL, 0, "Guests' memory in huge pages", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		state->child_inputs[1] = &options->windows;
		return 0;
	case 's':
		options->size_count =
			bench_parse_list(argument, options->sizes, SIZES_MAX, 60, 2048, state);
		return 0;
	case 'v':
		options->vifs = bench_parse_number(argument, 1000, state);
		return 0;
	case 'F':
		options->functions = true;
		return 0;
	case 'H':
		options->hugepages = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_parts_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp },
						      { .argp = &bench_windows_keep_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Where the firmware's cycles go, of a packet from VIF to VIF. Starts a device of "
		       "its own. 20 windows of 100 ms for each length, unless told otherwise.\v"
		       "Example:\n  svio-bench parts --sizes 64 --functions",
		.children = children,
	};
	struct options options = {
		.sizes = { 64, 512, 1500 },
		.size_count = 3,
		.windows = { .count = 20, .ns = WINDOW_NS },
		.vifs = 1,
	};
	struct split splits[SIZES_MAX];
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	if (options.common.places.first)
		bench_come_first();
	for (size_t i = 0; i < options.size_count; i++)
		measure(&options, options.sizes[i], &splits[i]);
	print_split(splits, &options);
	write_json(&json, splits, &options);
	bench_json_finish(&json);
	return 0;
}
