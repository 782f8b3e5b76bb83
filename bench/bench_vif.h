/* SPDX-License-Identifier: BSD-3-Clause */
/* svio-bench vif: its parts, and what they found. */
#ifndef BENCH_VIF_H
#define BENCH_VIF_H

#include "bench_json.h"
#include "bench_measure.h"
#include "bench_options.h"

#define VIF_SIZES_MAX    8u
#define VIF_LOADS        3u
#define VIF_COUNTS_MAX   8u
#define VIF_QUEUES       3u
#define VIF_GUESTS       5u
#define VIF_SMALL_BYTES  64u /* of the frames where only one size is measured */
#define VIF_IDLE_DEFAULT 1024u

enum vif_part {
	VIF_PART_RATE = 0x1,
	VIF_PART_LATENCY = 0x2,
	VIF_PART_SCALE = 0x4,
	VIF_PART_IDLE = 0x8,
	VIF_PART_ALL = 0xf
};

struct vif_options {
	uint32_t sizes[VIF_SIZES_MAX];
	size_t size_count;
	unsigned parts;
	bool peers;
	const char *only;                /* names of peers begin so; NULL: all */
	uint32_t counts[VIF_COUNTS_MAX]; /* of VIFs that send at once, the least first */
	size_t count_count;
	uint32_t idle_vifs;
	struct measure_options measure;
	struct bench_places places;
};

struct vif_size {
	uint32_t bytes;
	struct measure_path one_way[MEASURE_PATHS_MAX];
	struct measure_path bounce[MEASURE_PATHS_MAX];
};

/* Arrays of paths are in the order of paths. No windows: not measured. */
struct vif_report {
	struct bench_path paths[MEASURE_PATHS_MAX]; /* the first is svio's */
	size_t path_count;
	struct vif_size sizes[VIF_SIZES_MAX];
	size_t size_count;
	struct measure_path ping[MEASURE_PATHS_MAX];
	struct measure_path loads[VIF_LOADS][MEASURE_PATHS_MAX];
	struct measure_path counts[VIF_COUNTS_MAX]; /* of vif_options.counts */
	struct measure_path queues[VIF_QUEUES];
	struct measure_path guests[VIF_GUESTS];
	double guest_pps;            /* of each of them */
	struct measure_path idle[2]; /* beside no idle VIFs, and beside idle_vifs */
	uint32_t idle_vifs;
	struct measure_figure idle_cpu; /* percent of a processor */
	char refused[256];              /* why there are no figures */
};

extern const double vif_loads[VIF_LOADS]; /* shares of a path's own rate */
extern const uint32_t vif_queues[VIF_QUEUES];
extern const uint32_t vif_guests[VIF_GUESTS];

/* Starts the paths; those that cannot be started here are told and left out, but for svio's. */
void vif_start_paths(const struct vif_options *options, struct vif_report *report);
void vif_stop_paths(struct vif_report *report);

/* The parts. Each prints as it goes. False: the machine is too noisy, which was told. */
bool vif_run_rate(const struct vif_options *options, struct vif_report *report);
bool vif_run_latency(const struct vif_options *options, struct vif_report *report);
bool vif_run_scale(const struct vif_options *options, struct vif_report *report);
bool vif_run_idle(const struct vif_options *options, struct vif_report *report);

/* measure_paths(); why it failed is told and in report->refused; what: for people. */
bool vif_measure(const struct vif_options *options, struct vif_report *report, const char *what,
		 struct measure_path *measured, size_t count, const struct guest_load *load,
		 const double *pps);

/* The best of the paths whose names begin so; NULL: none was measured. Least p50 or greatest rate. */
const struct measure_path *vif_best_rate(const struct measure_path *measured, size_t count,
					 const char *prefix);
const struct measure_path *vif_best_p50(const struct measure_path *measured, size_t count,
					const char *prefix);

/* The one of this name, NULL: was not measured. */
const struct measure_path *vif_find(const struct measure_path *measured, size_t count,
				    const char *name);

/* What the one of so many guests that got least has of what one alone has; guests: index of vif_guests. */
double vif_least_share(const struct vif_report *report, size_t guests);

/* The processor's cycles for a packet of a device that always had more. */
double vif_cycles_per_packet(double mpps);

void vif_free_report(struct vif_report *report);

/* Into the open object. */
void vif_write_json(struct bench_json *json, const struct vif_report *report,
		    const struct vif_options *options);

#endif /* BENCH_VIF_H */
