/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench qos: scenarios, what was measured of them, and their plot.
 */
#ifndef BENCH_QOS_H
#define BENCH_QOS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "bench.h"

#define QOS_PORT_MBPS   1000.0
#define QOS_VIFS_MAX    6
#define QOS_GROUPS_MAX  2
#define QOS_WINDOWS_MAX 4096

struct qos_group {
	const char *name;     /* NULL: no more */
	const char *settings; /* members of a JSON object, as for the control socket */
};

struct qos_vif {
	const char *name; /* NULL: no more */
	const char *group;
	const char *settings;   /* as a group's; "": none */
	uint32_t frame_bytes;   /* 0: it is there and sends nothing */
	double wire_mbps;       /* what it should get, framing included */
	const char *changes[2]; /* it is set to these in turns, QOS_CHANGES_HZ times a second */
};

#define QOS_CHANGES_HZ 100

struct qos_scenario {
	const char *name;
	const char *title;
	struct qos_group groups[QOS_GROUPS_MAX + 1];
	struct qos_vif vifs[QOS_VIFS_MAX + 1];
};

extern const struct qos_scenario qos_scenarios[];
extern const size_t qos_scenario_count;

/* What a VIF should get, in bits of its frames. */
double qos_expected_mbps(const struct qos_vif *vif);

struct qos_measured {
	const struct qos_scenario *scenario;
	char refused[160]; /* not "": sviod's reason; nothing was measured */
	size_t windows;
	size_t discarded;
	uint64_t changes;
	uint64_t drops;                             /* packets the receiver had no buffer for */
	double seconds[QOS_WINDOWS_MAX];            /* end of each window */
	double mbps[QOS_VIFS_MAX][QOS_WINDOWS_MAX]; /* of each VIF that sends */
};

struct qos_options {
	double seconds;
	struct bench_places places;
};

/* Runs a scenario on a device of its own. */
void qos_run(const struct qos_scenario *scenario, const struct qos_options *options,
	     struct qos_measured *measured);

double qos_mean_mbps(const struct qos_measured *measured, size_t vif);

/* Whether gnuplot is there. */
bool qos_can_plot(void);
/* One panel a scenario, into an SVG file. Ends the program when it cannot. */
void qos_plot(const char *path, const struct qos_measured *measured, size_t count);

#endif /* BENCH_QOS_H */
