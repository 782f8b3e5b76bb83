/* SPDX-License-Identifier: BSD-3-Clause */
/* The plot of svio-bench qos, by gnuplot: what each VIF got over time, and what it should (dashed). */
#include <err.h>
#include <stdlib.h>

#include "bench_qos.h"

#define COLUMNS      2
#define PANEL_WIDTH  560
#define PANEL_HEIGHT 260
#define GAP_SECONDS  0.03 /* one and a half windows */

bool qos_can_plot(void)
{
	return system("command -v gnuplot > /dev/null 2>&1") == 0;
}

static bool sends(const struct qos_vif *vif)
{
	return vif->frame_bytes != 0;
}

/* One block of "seconds Mbit/s" for each VIF, gnuplot's "index" counts them. */
static void write_data(FILE *gnuplot, const struct qos_measured *measured, size_t number)
{
	fprintf(gnuplot, "$data%zu << END\n", number);
	for (size_t i = 0; measured->scenario->vifs[i].name; i++) {
		if (!sends(&measured->scenario->vifs[i]))
			continue;
		for (size_t k = 0; k < measured->windows; k++) {
			/* No line across windows that were thrown away. */
			if (k && measured->seconds[k] - measured->seconds[k - 1] > GAP_SECONDS)
				fprintf(gnuplot, "\n");
			fprintf(gnuplot, "%.3f %.3f\n", measured->seconds[k], measured->mbps[i][k]);
		}
		fprintf(gnuplot, "\n\n");
	}
	fprintf(gnuplot, "END\n");
}

static void write_panel(FILE *gnuplot, const struct qos_measured *measured, size_t number)
{
	const struct qos_vif *vifs = measured->scenario->vifs;
	int index = 0;

	write_data(gnuplot, measured, number);
	fprintf(gnuplot, "set title \"%s\"\nplot ", measured->scenario->title);
	for (size_t i = 0; vifs[i].name; i++) {
		if (!sends(&vifs[i]))
			continue;
		fprintf(gnuplot,
			"%s$data%zu index %d with linespoints lw 2 pt 7 ps 0.3 lc %d title \"%s\", "
			"%.3f with lines dashtype 2 lc %d notitle",
			index ? ", " : "", number, index, index + 1, vifs[i].name,
			qos_expected_mbps(&vifs[i]), index + 1);
		index++;
	}
	fprintf(gnuplot, "\n");
}

void qos_plot(const char *path, const struct qos_measured *measured, size_t count)
{
	FILE *gnuplot = popen("gnuplot", "w");
	size_t panels = 0;
	size_t rows;

	for (size_t i = 0; i < count; i++)
		panels += measured[i].windows != 0;
	if (!gnuplot)
		err(1, "gnuplot");
	rows = panels ? (panels + COLUMNS - 1) / COLUMNS : 1;
	fprintf(gnuplot,
		"set terminal svg size %d,%zu background \"white\" font \"sans,12\"\n"
		"set output \"%s\"\nset multiplot layout %zu,%d\n"
		"set xlabel \"s\"\nset ylabel \"goodput, Mbit/s\"\nset yrange [0:1050]\n"
		"set grid ytics\nset key outside right top\n",
		COLUMNS * PANEL_WIDTH, rows * PANEL_HEIGHT, path, rows, COLUMNS);
	for (size_t i = 0; i < count; i++)
		if (measured[i].windows)
			write_panel(gnuplot, &measured[i], i);
	fprintf(gnuplot, "unset multiplot\n");
	if (pclose(gnuplot))
		errx(1, "gnuplot could not plot to %s", path);
}
