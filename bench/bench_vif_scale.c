/* SPDX-License-Identifier: BSD-3-Clause */
/* What a device with many VIFs, queues and guests does; svio only. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench_crowd.h"
#include "bench_vif.h"

#define PAIR_RING_LG2  7 /* small, as 256 pairs of larger ones measure the caches */
#define PAIR_UNDER_WAY 96
#define QUEUES_MAX     4
#define QUEUE_RING_LG2 10
#define GUESTS_MAX     8
#define GUEST_SHARE    (1.0 / 16) /* of what one alone can send: eight take half of the device */
#define IDLE_WINDOWS   7
#define IDLE_WINDOW_NS 300000000
#define REST_NS        500000000

const uint32_t vif_queues[VIF_QUEUES] = { 1, 2, QUEUES_MAX };
const uint32_t vif_guests[VIF_GUESTS] = { 1, 2, 4, 6, GUESTS_MAX };

/* A view of the crowd for each number of flows. */
static void make_views(struct crowd *crowd, struct crowd_view *views, struct measure_path *measured,
		       const uint32_t *flows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		crowd_view_init(&views[i], crowd, flows[i]);
		measured[i].path = &views[i].path;
	}
}

static bool run_counts(const struct vif_options *options, struct vif_report *report,
		       struct crowd *crowd)
{
	const struct guest_load load = { .pattern = GUEST_ONE_WAY,
					 .bytes = VIF_SMALL_BYTES,
					 .under_way = PAIR_UNDER_WAY };
	struct crowd_view views[VIF_COUNTS_MAX];

	make_views(crowd, views, report->counts, options->counts, options->count_count);
	if (!vif_measure(options, report, "active VIFs", report->counts, options->count_count,
			 &load, NULL))
		return false;
	for (size_t i = 0; i < options->count_count; i++) {
		const struct measure_path *of = &report->counts[i];

		printf("VIFs       %5u    %7.3f Mpps, %.0f cycles a packet (%.0f - %.0f; the guests "
		       "waited for the device at %.0f %% of their looks)\n",
		       options->counts[i], of->mpps.median, vif_cycles_per_packet(of->mpps.median),
		       vif_cycles_per_packet(of->mpps.high), vif_cycles_per_packet(of->mpps.low),
		       100 * of->held);
	}
	fflush(stdout);
	return true;
}

static bool run_guests(const struct vif_options *options, struct vif_report *report,
		       struct crowd *crowd)
{
	const struct guest_load load = { .pattern = GUEST_PACED, .bytes = VIF_SMALL_BYTES };
	struct crowd_view views[VIF_GUESTS];
	double pps[VIF_GUESTS];

	report->guest_pps = fmax(report->counts[0].mpps.median * 1e6 * GUEST_SHARE, 1);
	for (size_t i = 0; i < VIF_GUESTS; i++)
		pps[i] = report->guest_pps;
	make_views(crowd, views, report->guests, vif_guests, VIF_GUESTS);
	if (!vif_measure(options, report, "guests", report->guests, VIF_GUESTS, &load, pps))
		return false;
	for (size_t i = 0; i < VIF_GUESTS; i++)
		printf("guests     %5u    %7.3f Mpps together; the one with least has %.2f %% of what "
		       "one alone has\n",
		       vif_guests[i], report->guests[i].mpps.median,
		       100 * vif_least_share(report, i));
	fflush(stdout);
	return true;
}

double vif_least_share(const struct vif_report *report, size_t guests)
{
	const struct measure_path *of = &report->guests[guests];
	const struct measure_path *alone = &report->guests[0];

	return (double)of->least / (double)of->window_ns /
	       ((double)alone->least / (double)alone->window_ns);
}

static bool run_queues(const struct vif_options *options, struct vif_report *report)
{
	const struct guest_load load = { .pattern = GUEST_ONE_WAY,
					 .bytes = VIF_SMALL_BYTES,
					 .under_way = GUEST_UNDER_WAY };
	const struct crowd_options crowd_options = { .places = options->places,
						     .pairs = 1,
						     .queues = QUEUES_MAX,
						     .ring_lg2 = QUEUE_RING_LG2 };
	struct crowd_view views[VIF_QUEUES];
	struct crowd crowd;
	bool enough;

	crowd_open(&crowd, &crowd_options);
	make_views(&crowd, views, report->queues, vif_queues, VIF_QUEUES);
	enough = vif_measure(options, report, "queues", report->queues, VIF_QUEUES, &load, NULL);
	for (size_t i = 0; enough && i < VIF_QUEUES; i++)
		printf("queues     %5u    %7.3f Mpps  (%.3f - %.3f)\n", vif_queues[i],
		       report->queues[i].mpps.median, report->queues[i].mpps.low,
		       report->queues[i].mpps.high);
	fflush(stdout);
	crowd_close(&crowd);
	return enough;
}

bool vif_run_scale(const struct vif_options *options, struct vif_report *report)
{
	uint32_t most = options->counts[options->count_count - 1];
	const struct crowd_options crowd_options = { .places = options->places,
						     .pairs = most > GUESTS_MAX ? most : GUESTS_MAX,
						     .queues = 1,
						     .ring_lg2 = PAIR_RING_LG2 };
	struct crowd crowd;
	bool enough;

	crowd_open(&crowd, &crowd_options);
	enough = run_counts(options, report, &crowd) && run_guests(options, report, &crowd);
	crowd_close(&crowd);
	return enough && run_queues(options, report);
}

static void rest(uint64_t ns)
{
	const struct timespec span = { .tv_sec = (time_t)(ns / 1000000000),
				       .tv_nsec = (long)(ns % 1000000000) };

	nanosleep(&span, NULL);
}

/* Nobody sends: what sviod and the firmware use all the same, in percent of a processor. */
static void measure_idle(struct crowd *crowd, struct vif_report *report)
{
	double percent[IDLE_WINDOWS];

	rest(REST_NS);
	for (int i = 0; i < IDLE_WINDOWS; i++) {
		uint64_t cpu_ns = bench_waits_read_usage(&crowd->device_waits).cpu_ns;
		uint64_t start = bench_now_ns();

		rest(IDLE_WINDOW_NS);
		cpu_ns = bench_waits_read_usage(&crowd->device_waits).cpu_ns - cpu_ns;
		percent[i] = 100.0 * (double)cpu_ns / (double)(bench_now_ns() - start);
	}
	report->idle_cpu = measure_figure_of(percent, IDLE_WINDOWS, 0);
	printf("idle device, %u VIFs open: %.3f %% of a processor (%.3f - %.3f)\n",
	       crowd->vif_count, report->idle_cpu.median, report->idle_cpu.low,
	       report->idle_cpu.high);
}

bool vif_run_idle(const struct vif_options *options, struct vif_report *report)
{
	const struct guest_load load = { .pattern = GUEST_ONE_WAY, .bytes = VIF_SMALL_BYTES };
	struct crowd_options crowd_options = {
		.places = options->places, .pairs = 1, .queues = 1, .ring_lg2 = QUEUE_RING_LG2
	};
	struct crowd crowds[2];
	struct crowd_view views[2];
	bool enough;

	report->idle_vifs = options->idle_vifs;
	crowd_open(&crowds[0], &crowd_options);
	crowd_options.idle = options->idle_vifs;
	crowd_open(&crowds[1], &crowd_options);
	measure_idle(&crowds[1], report);
	for (int i = 0; i < 2; i++) {
		crowd_view_init(&views[i], &crowds[i], 1);
		report->idle[i].path = &views[i].path;
	}
	enough = vif_measure(options, report, "beside idle VIFs", report->idle, 2, &load, NULL);
	if (enough)
		printf("beside     %5u idle VIFs %7.3f Mpps, beside none %7.3f: %+.2f %%\n",
		       options->idle_vifs, report->idle[1].mpps.median, report->idle[0].mpps.median,
		       100 * (report->idle[1].mpps.median / report->idle[0].mpps.median - 1));
	fflush(stdout);
	for (int i = 0; i < 2; i++)
		crowd_close(&crowds[i]);
	return enough;
}
