/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets from VIF to VIF with protection, and with a firmware that has none
 * (unprotected/unprotected.h). Both devices are there all the time, on one
 * processor, and the guests on another: the one that is not asked sleeps. They
 * take turns in windows, and each turn gives one ratio.
 */
#include <string.h>
#include <unistd.h>

#include "bench_iommu.h"
#include "bench_pair.h"

#define UNPROTECTED    "../bench/svio-fw-unprotected"
#define WARM_UP_NS     10000000ull
#define WAIT_MAX_SHARE 100
#define TRIES_EACH     6
#define TURNS          3 /* for each of the repetitions: a ratio is noisier than a time */
#define BOUNCE_PACKETS 512

struct side {
	struct bench_device device;
	struct pair pair;
	struct bench_result rates; /* Mpps */
};

struct measurement {
	const char *name;
	pair_step_fn step;
	uint32_t bytes;
};

static const struct measurement measurements[] = {
	{ "one_way", pair_step_one_way, 64 },
	{ "one_way", pair_step_one_way, 1500 },
	{ "bounce", pair_step_bounce, 64 },
	{ "bounce", pair_step_bounce, 1500 },
};

/* Mpps of one window; NAN: it does not count. */
static double run_window(struct side *side, const struct measurement *what, uint64_t window_ns)
{
	struct pair *pair = &side->pair;
	uint64_t waited;
	uint64_t packets;
	uint64_t start;
	uint64_t ns;

	pair->bytes = what->bytes;
	if (what->step == pair_step_bounce)
		for (int i = 0; i < BOUNCE_PACKETS; i += PAIR_BURST)
			pair_send_new(pair, PAIR_BURST);
	pair_run_steps(pair, what->step, WARM_UP_NS);
	waited = bench_waits_read(&pair->waits);
	start = bench_now_ns();
	packets = pair_run_steps(pair, what->step, window_ns);
	ns = bench_now_ns() - start;
	waited = bench_waits_read(&pair->waits) - waited;
	pair_drain(pair); /* and the device falls asleep */
	return waited > window_ns / WAIT_MAX_SHARE || !packets ? NAN
							       : (double)packets * 1e3 / (double)ns;
}

/* Who goes first changes from turn to turn. */
static void run_turn(struct side sides[2], const struct measurement *what, uint64_t window_ns,
		     unsigned long turn, struct bench_result *ratios)
{
	double mpps[2];

	mpps[turn % 2] = run_window(&sides[turn % 2], what, window_ns);
	mpps[1 - turn % 2] = run_window(&sides[1 - turn % 2], what, window_ns);
	if (isnan(mpps[0]) || isnan(mpps[1])) {
		ratios->discarded++;
		return;
	}
	bench_result_add(&sides[0].rates, mpps[0]);
	bench_result_add(&sides[1].rates, mpps[1]);
	bench_result_add(ratios, mpps[0] / mpps[1]);
}

/* The median ratio. */
static double run_measurement(struct side sides[2], const struct measurement *what,
			      const struct iommu_options *options, struct bench_json *json)
{
	static struct bench_result ratios;
	unsigned long wanted = options->windows.count * TURNS;
	struct iommu_figure figure;
	char key[64];

	ratios.count = 0;
	ratios.discarded = 0;
	sides[0].rates.count = 0;
	sides[1].rates.count = 0;
	for (unsigned long turn = 0; turn < wanted * TRIES_EACH && ratios.count < wanted; turn++)
		run_turn(sides, what, options->windows.ns, turn, &ratios);
	figure = iommu_figure_of(&ratios);
	printf("%-8s %5u B  %7.3f Mpps, without protection %7.3f: %.1f %% (%.1f - %.1f; %zu turns, "
	       "%zu thrown away)\n",
	       what->name, what->bytes, bench_result_quantile(&sides[0].rates, 0.5),
	       bench_result_quantile(&sides[1].rates, 0.5), 100 * figure.median, 100 * figure.low,
	       100 * figure.high, ratios.count, ratios.discarded);
	fflush(stdout);
	snprintf(key, sizeof(key), "vif_%s_%u_ratio", what->name, what->bytes);
	iommu_report_figure(json, key, &figure);
	return figure.median;
}

static void open_side(struct side *side, const char *firmware, const struct iommu_options *options)
{
	memset(&side->device, 0, sizeof(side->device));
	side->device.firmware_name = firmware;
	bench_device_start(&side->device, options->common.places.device_cpu,
			   options->common.places.first);
	pair_open(&side->pair, &side->device, false);
}

void iommu_run_throughput(const struct iommu_options *options, struct bench_json *json)
{
	static struct side sides[2];
	double worst = INFINITY;

	printf("\nVIF to VIF, with protection and by a firmware without, in turns\n");
	if (!bench_device_has(UNPROTECTED)) {
		iommu_report_missing(json, "vif_throughput_ratio",
				     "svio-fw-unprotected was not built");
		return;
	}
	open_side(&sides[0], "svio-fw", options);
	open_side(&sides[1], UNPROTECTED, options);
	for (size_t i = 0; i < sizeof(measurements) / sizeof(measurements[0]); i++) {
		double ratio = run_measurement(sides, &measurements[i], options, json);

		worst = ratio < worst || isnan(ratio) ? ratio : worst;
	}
	bench_json_number(json, "vif_throughput_ratio", worst);
	for (int i = 0; i < 2; i++) {
		pair_close(&sides[i].pair);
		bench_device_stop(&sides[i].device);
	}
}
