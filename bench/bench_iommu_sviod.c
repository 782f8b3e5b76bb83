/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Maps and unmaps: how many a second, and how long an unmap takes while the
 * device's core is busy. Inside: timed by svio-bench-sviod itself. Over the
 * socket: by this process, as a client sees it.
 *
 * For an unmap this thread fills a's transmit ring, so that the core has work for
 * some tens of microseconds, and then asks. A sample counts when the core still
 * had work when the answer came, and nobody had lost a processor meanwhile.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench_iommu.h"
#include "bench_pair.h"
#include "bench_sviod.h"
#include "svio_vif_raw.h"

#define PAIRS_A_WINDOW 4096u
#define SOCKET_PAIRS   256u
#define SAMPLES        10000u /* of unmaps, per frame length and way */
#define TRIES_EACH     6u
#define DELAY_MAX_NS   20000u
#define IOVA           (1ull << 41)
#define MEMORY_BYTES   (1u << 20)
#define IDLE_US        20000u /* until an idle firmware sleeps */

struct ways {
	struct bench_device device;
	struct pair pair;
	struct bench_waits firmware;
	int measure;
	int memory;
};

static void connect_measure(struct ways *ways)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", ways->device.dir,
		 BENCH_SVIOD_SOCKET);
	ways->measure = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (ways->measure < 0 ||
	    connect(ways->measure, (struct sockaddr *)&address, sizeof(address)))
		err(1, "%s", address.sun_path);
}

static void open_ways(struct ways *ways, const struct iommu_options *options)
{
	memset(ways, 0, sizeof(*ways));
	ways->device.sviod_name = "../bench/svio-bench-sviod";
	ways->device.firmware_name = "svio-fw";
	bench_device_start(&ways->device, options->common.places.device_cpu,
			   options->common.places.first);
	/* The core polls all the time: whoever asks it for something must not wait behind it. */
	bench_pin(ways->device.sviod, options->common.places.guest_cpu,
		  options->common.places.first);
	pair_open(&ways->pair, &ways->device, false);
	bench_waits_open(&ways->firmware);
	bench_waits_add_process(&ways->firmware, ways->device.firmware);
	connect_measure(ways);
	ways->memory = memfd_create("svio-bench", MFD_CLOEXEC);
	if (ways->memory < 0 || ftruncate(ways->memory, MEMORY_BYTES))
		err(1, "memory");
}

static void close_ways(struct ways *ways)
{
	close(ways->memory);
	pair_close(&ways->pair);
	bench_waits_close(&ways->firmware);
	bench_device_stop(&ways->device);
	close(ways->measure);
}

static struct bench_sviod_answer ask(struct ways *ways, const struct bench_sviod_question *question)
{
	struct bench_sviod_answer answer;

	if (send(ways->measure, question, sizeof(*question), MSG_NOSIGNAL) != sizeof(*question) ||
	    recv(ways->measure, &answer, sizeof(answer), 0) != sizeof(answer))
		errx(1, "sviod has gone");
	return answer;
}

static void measure_pairs_inside(struct ways *ways, const struct iommu_options *options,
				 bool beside, struct bench_result *rates)
{
	const struct bench_sviod_question question = { .what = BENCH_SVIOD_PAIRS,
						       .count = PAIRS_A_WINDOW,
						       .beside = beside };
	unsigned long tries = options->windows.count * TRIES_EACH;

	rates->count = 0;
	rates->discarded = 0;
	while (tries-- && rates->count < options->windows.count) {
		struct bench_sviod_answer answer = ask(ways, &question);

		if (answer.preempted)
			rates->discarded++;
		else
			bench_result_add(rates, PAIRS_A_WINDOW * 1e9 / (double)answer.ns);
	}
}

static void socket_map(struct ways *ways)
{
	if (svio_vif_raw_dma_map(ways->pair.a, IOVA, 4096, ways->memory, 0, true, true))
		errx(1, "map: %s", svio_vif_message());
}

static void socket_unmap(struct ways *ways)
{
	if (svio_vif_raw_dma_unmap(ways->pair.a, IOVA, 4096))
		errx(1, "unmap: %s", svio_vif_message());
}

static void measure_pairs_socket(struct ways *ways, const struct iommu_options *options,
				 struct bench_result *rates)
{
	rates->count = 0;
	rates->discarded = 0;
	for (unsigned long i = 0; i < options->windows.count * 2; i++) {
		uint64_t start = bench_now_ns();

		for (uint32_t n = 0; n < SOCKET_PAIRS; n++) {
			socket_map(ways);
			socket_unmap(ways);
		}
		bench_result_add(rates, SOCKET_PAIRS * 1e9 / (double)(bench_now_ns() - start));
	}
}

static void report_rate(const char *what, const char *key, struct bench_result *rates,
			struct bench_json *json)
{
	struct iommu_figure figure = iommu_figure_of(rates);

	printf("%-46s %9.0f a second (%.0f - %.0f), %4.0f ns each\n", what, figure.median,
	       figure.low, figure.high, 1e9 / figure.median);
	fflush(stdout);
	iommu_report_figure(json, key, &figure);
}

/* b has all its buffers posted, a's ring is full. */
static void make_busy(struct pair *pair)
{
	struct svio_vif_buf bufs[PAIR_BURST];
	uint32_t n;

	do {
		n = svio_vif_rx_burst(pair->qb, bufs, PAIR_BURST);
		svio_vif_free_burst(pair->qb, bufs, n);
	} while (n);
	while (pair_send_new(pair, PAIR_BURST) == PAIR_BURST)
		;
}

static bool is_busy(struct pair *pair)
{
	return svio_vif_tx_pending(pair->qa) > PAIR_BURST;
}

static long count_preemptions(void)
{
	struct rusage usage;

	return getrusage(RUSAGE_THREAD, &usage) ? 0 : usage.ru_nivcsw;
}

/* One unmap beside a busy core; its time, or 0: the sample does not count. */
static uint64_t sample_inside(struct ways *ways, uint32_t delay_ns)
{
	const struct bench_sviod_question question = { .what = BENCH_SVIOD_UNMAP,
						       .delay_ns = delay_ns };
	struct bench_sviod_answer answer;
	uint64_t waited;

	make_busy(&ways->pair);
	waited = bench_waits_read(&ways->firmware);
	answer = ask(ways, &question);
	if (!is_busy(&ways->pair) || answer.preempted ||
	    bench_waits_read(&ways->firmware) != waited)
		return 0;
	return answer.ns;
}

static uint64_t sample_socket(struct ways *ways, uint32_t delay_ns)
{
	long preemptions;
	uint64_t waited;
	uint64_t start;
	uint64_t ns;

	socket_map(ways);
	make_busy(&ways->pair);
	waited = bench_waits_read(&ways->firmware);
	preemptions = count_preemptions();
	start = bench_now_ns();
	while (bench_now_ns() - start < delay_ns)
		;
	start = bench_now_ns();
	socket_unmap(ways);
	ns = bench_now_ns() - start;
	if (!is_busy(&ways->pair) || count_preemptions() != preemptions ||
	    bench_waits_read(&ways->firmware) != waited)
		return 0;
	return ns;
}

typedef uint64_t (*sample_fn)(struct ways *ways, uint32_t delay_ns);

static void measure_unmaps(struct ways *ways, sample_fn sample, struct bench_result *times)
{
	uint32_t tries = SAMPLES * TRIES_EACH;
	uint32_t random = 1;

	times->count = 0;
	times->discarded = 0;
	while (tries-- && times->count < SAMPLES) {
		uint64_t ns;

		random = random * 1664525u + 1013904223u;
		ns = sample(ways, (random >> 8) % DELAY_MAX_NS);
		if (ns)
			bench_result_add(times, (double)ns / 1e3);
		else
			times->discarded++;
	}
	pair_drain(&ways->pair);
}

/* p99 is what is asked for; the others say where it stands. Returns p99. */
static double report_unmaps(const char *way, uint32_t bytes, struct bench_result *times,
			    struct bench_json *json)
{
	static const struct {
		const char *name;
		double share;
	} quantiles[] = { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 } };
	double p99 = NAN;
	char key[64];

	printf("unmap while busy with %4u B, %-10s", bytes, way);
	for (size_t i = 0; i < sizeof(quantiles) / sizeof(quantiles[0]); i++) {
		double us = bench_result_quantile(times, quantiles[i].share);

		printf("  %s %.2f us", quantiles[i].name, us);
		snprintf(key, sizeof(key), "unmap_%s_%u_%s_us", way, bytes, quantiles[i].name);
		bench_json_number(json, key, us);
		if (i == 1)
			p99 = us;
	}
	printf("  (%zu samples, %zu thrown away)\n", times->count, times->discarded);
	fflush(stdout);
	return p99;
}

static void run_unmaps(struct ways *ways, struct bench_json *json)
{
	static const uint32_t lengths[] = { 64, 1500 };
	static struct bench_result times;
	double worst = 0;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		double p99;

		ways->pair.bytes = lengths[i];
		measure_unmaps(ways, sample_inside, &times);
		p99 = report_unmaps("inside", lengths[i], &times, json);
		worst = p99 > worst || isnan(p99) ? p99 : worst;
		measure_unmaps(ways, sample_socket, &times);
		report_unmaps("socket", lengths[i], &times, json);
	}
	bench_json_number(json, "unmap_p99_us", worst);
}

void iommu_run_sviod(const struct iommu_options *options, struct bench_json *json)
{
	static struct bench_result rates;
	struct ways ways;

	printf("\nmap and unmap of 4 KiB, each with a descriptor; the firmware sleeps\n");
	open_ways(&ways, options);
	usleep(IDLE_US);
	measure_pairs_inside(&ways, options, false, &rates);
	report_rate("inside sviod, alone in its tables", "map_unmap_alone_per_s", &rates, json);
	measure_pairs_inside(&ways, options, true, &rates);
	report_rate("inside sviod, beside others", "map_unmap_per_s", &rates, json);
	measure_pairs_socket(&ways, options, &rates);
	report_rate("over the socket, one after the other", "map_unmap_socket_per_s", &rates, json);
	run_unmaps(&ways, json);
	close_ways(&ways);
}
