/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench wire: one user-space guest and the wire, which is one of DPDK's cheapest ports: the
 * device's own cost, and no network's.
 *
 *   to-wire    the guest sends to nobody it knows; net_null takes all: packets/s taken
 *   from-wire  net_pcap repeats frames for the guest: packets/s received
 *
 * In turns with testpmd on the same port, which makes (txonly) or drops (rxonly) packets itself:
 * what DPDK's part costs with no guest, switch or scheduler behind it. Device and testpmd have one
 * processor, the guest another; the one that is not asked is stopped.
 */
#include <argp.h>
#include <err.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_wire.h"
#include "svio_vif.h"

#define WARM_UP_NS      100000000ull
#define WAIT_SHARE      100 /* of a window: what a process may have waited for its processor */
#define BURST           32
#define TESTPMD_SECONDS 2
#define SIZES_MAX       8
#define REPEAT          256 /* frames in the file that net_pcap repeats */

static const uint8_t guest_mac[6] = { 2, 0, 0, 0, 0, 1 };

struct options {
	uint32_t sizes[SIZES_MAX];
	size_t size_count;
	unsigned int windows; /* of each turn */
	uint64_t window_ns;
	unsigned int turns;
	const char *json_path;
	int device_cpu;
	int guest_cpu;
	bool first;
	bool testpmd; /* there is one */
	bool keep_disturbed;
};

/* A device with one guest and such a wire. */
struct side {
	struct bench_device device;
	struct svio_vif *vif;
	struct svio_vif_queue *queue;
	struct bench_waits waits;
	uint32_t bytes;
	bool to_wire;
	char vdev[192];
	char pcap[64];
};

static void write_frame(uint8_t *frame, const uint8_t *dst, const uint8_t *src)
{
	memcpy(frame, dst, 6);
	memcpy(frame + 6, src, 6);
	frame[12] = 0x88;
	frame[13] = 0xb5;
}

static const uint8_t nobody[6] = { 2, 0, 0, 0, 0, 0x77 };

static uint64_t send_some(struct side *side)
{
	struct svio_vif_buf bufs[BURST];
	uint32_t n = svio_vif_alloc_burst(side->queue, bufs, BURST);
	uint32_t before = svio_vif_tx_pending(side->queue);
	uint32_t taken;

	for (uint32_t i = 0; i < n; i++) {
		write_frame(bufs[i].data, nobody, guest_mac);
		bufs[i].len = (uint16_t)side->bytes;
	}
	taken = svio_vif_tx_burst(side->queue, bufs, n);
	svio_vif_free_burst(side->queue, bufs + taken, n - taken);
	return before + taken - svio_vif_tx_pending(side->queue);
}

static uint64_t receive_some(struct side *side)
{
	struct svio_vif_buf bufs[BURST];
	uint32_t n = svio_vif_rx_burst(side->queue, bufs, BURST);

	svio_vif_free_burst(side->queue, bufs, n);
	return n;
}

/* Packets in so much time. */
static uint64_t run_for(struct side *side, uint64_t ns)
{
	uint64_t end = bench_now_ns() + ns;
	uint64_t packets = 0;

	while (bench_now_ns() < end)
		packets += side->to_wire ? send_some(side) : receive_some(side);
	return packets;
}

/* Adds the rates of its windows, Mpps. */
static void measure_device(struct side *side, const struct options *options,
			   struct bench_result *result)
{
	kill(side->device.firmware, SIGCONT);
	run_for(side, WARM_UP_NS);
	for (unsigned int i = 0; i < options->windows; i++) {
		uint64_t waited = bench_waits_read(&side->waits);
		uint64_t start = bench_now_ns();
		uint64_t packets = run_for(side, options->window_ns);
		uint64_t ns = bench_now_ns() - start;

		if (bench_waits_read(&side->waits) - waited > ns / WAIT_SHARE &&
		    !options->keep_disturbed)
			result->discarded++;
		else
			bench_result_add(result, (double)packets * 1e3 / (double)ns);
	}
	kill(side->device.firmware, SIGSTOP);
}

/* Frames for the guest, in a file. */
static void write_pcap(struct side *side)
{
	const uint32_t header[] = { 0xa1b2c3d4, 4u << 16 | 2, 0, 0, 65535, 1 };
	const uint32_t record[] = { 0, 0, side->bytes, side->bytes };
	static uint8_t frame[SVIO_FRAME_BYTES_MAX];
	int fd;
	FILE *file;
	bool well;

	snprintf(side->pcap, sizeof(side->pcap), "/tmp/svio-bench.XXXXXX");
	fd = mkstemp(side->pcap);
	file = fd < 0 ? NULL : fdopen(fd, "w");
	if (!file)
		err(1, "%s", side->pcap);
	write_frame(frame, guest_mac, nobody);
	well = fwrite(header, sizeof(header), 1, file) == 1;
	for (int i = 0; i < REPEAT; i++)
		well = well && fwrite(record, sizeof(record), 1, file) == 1 &&
		       fwrite(frame, side->bytes, 1, file) == 1;
	if (fclose(file) || !well)
		err(1, "%s", side->pcap);
}

static void add_vif(struct side *side)
{
	struct bench_control control;

	bench_control_open(&control, &side->device);
	bench_control_send(&control,
			   "{\"cmd\": \"vif-add\", \"name\": \"a\", \"mac\": "
			   "\"%02x:%02x:%02x:%02x:%02x:%02x\"}",
			   guest_mac[0], guest_mac[1], guest_mac[2], guest_mac[3], guest_mac[4],
			   guest_mac[5]);
	if (bench_control_wait(&control) != BENCH_DONE)
		errx(1, "no VIF: %s", control.answer);
	bench_control_close(&control);
}

static void open_side(struct side *side, const struct options *options, uint32_t bytes,
		      bool to_wire)
{
	char path[128];
	struct svio_vif_options vif = { .path = path };

	memset(side, 0, sizeof(*side));
	side->bytes = bytes;
	side->to_wire = to_wire;
	if (to_wire) {
		snprintf(side->vdev, sizeof(side->vdev), "net_null0,no-rx=1");
	} else {
		write_pcap(side);
		snprintf(side->vdev, sizeof(side->vdev), "net_pcap0,rx_pcap=%s,infinite_rx=1",
			 side->pcap);
	}
	side->device.wire = side->vdev;
	bench_device_start(&side->device, options->device_cpu, options->first);
	add_vif(side);
	snprintf(path, sizeof(path), "%s/a.sock", side->device.dir);
	if (svio_vif_open(&vif, &side->vif))
		errx(1, "%s", svio_vif_message());
	side->queue = svio_vif_queue(side->vif, 0);
	bench_waits_open(&side->waits);
	bench_waits_add_process(&side->waits, side->device.firmware);
	bench_waits_add_thread(&side->waits);
	kill(side->device.firmware, SIGSTOP);
}

static void close_side(struct side *side)
{
	kill(side->device.firmware, SIGCONT);
	bench_waits_close(&side->waits);
	svio_vif_close(side->vif);
	bench_device_stop(&side->device);
	if (*side->pcap)
		unlink(side->pcap);
}

static void print_rate(FILE *json, const char *key, struct bench_result *result)
{
	double median = bench_result_quantile(result, 0.5);

	if (!json)
		return;
	if (isnan(median))
		fprintf(json, ", \"%s\": null", key);
	else
		fprintf(json, ", \"%s\": %.3f, \"%s_min\": %.3f, \"%s_max\": %.3f", key, median,
			key, bench_result_quantile(result, 0), key,
			bench_result_quantile(result, 1));
}

static void run_direction(const struct options *options, uint32_t bytes, bool to_wire, FILE *json)
{
	static struct bench_result device;
	static struct bench_result testpmd;
	const char *name = to_wire ? "to_wire" : "from_wire";
	const char *mode = to_wire ? "txonly" : "rxonly";
	struct side side;
	char key[64];

	device.count = device.discarded = testpmd.count = 0;
	open_side(&side, options, bytes, to_wire);
	for (unsigned int turn = 0; turn < options->turns; turn++) {
		measure_device(&side, options, &device);
		if (options->testpmd)
			bench_result_add(&testpmd,
					 wire_testpmd_mpps(side.vdev, mode, bytes,
							   options->device_cpu, TESTPMD_SECONDS));
	}
	close_side(&side);
	printf("%-9s %5u B  %7.3f Mpps (%.3f - %.3f; %zu windows, %zu thrown away), testpmd %s "
	       "%.3f Mpps\n",
	       name, bytes, bench_result_quantile(&device, 0.5), bench_result_quantile(&device, 0),
	       bench_result_quantile(&device, 1), device.count, device.discarded, mode,
	       bench_result_quantile(&testpmd, 0.5));
	fflush(stdout);
	snprintf(key, sizeof(key), "%s_mpps", name);
	print_rate(json, key, &device);
	snprintf(key, sizeof(key), "%s_testpmd_mpps", name);
	print_rate(json, key, &testpmd);
}

static void run_all(const struct options *options, FILE *json)
{
	if (options->first)
		bench_come_first();
	bench_pin(getpid(), options->guest_cpu, options->first);
	if (json)
		fprintf(json, "{\n  \"wire\": [");
	for (size_t i = 0; i < options->size_count; i++) {
		if (json)
			fprintf(json, "%s\n    {\"bytes\": %u", i ? "," : "", options->sizes[i]);
		run_direction(options, options->sizes[i], true, json);
		run_direction(options, options->sizes[i], false, json);
		if (json)
			fprintf(json, "}");
	}
	if (json)
		fprintf(json, "\n  ]\n}\n");
}

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 1514 (default: 64,1500)", 0 },
	{ "alone", 'a', NULL, 0, "Without testpmd", 0 },
	{ "windows", 'w', "N", 0, "Of each turn (default: 100)", 0 },
	{ "window-ms", 'm', "MS", 0, "Length of a window (default: 20)", 0 },
	{ "keep-disturbed", 'k', NULL, 0, "Count windows in which somebody had to wait, too", 0 },
	{ "turns", 'n', "N", 0, "Of each measurement (default: 3)", 0 },
	{ "device-cpu", 'd', "N", 0, "The device's processor (default: the first)", 0 },
	{ "guest-cpu", 'g', "N", 0, "The guest's processor (default: the second)", 0 },
	{ "first", 'f', NULL, 0,
	  "Run at the highest ordinary priority, for a machine that has other work", 0 },
	{ "json", 'j', "FILE", 0, "Write the figures to FILE, too", 0 },
	{ 0 }
};

static void parse_sizes(char *text, struct options *options, struct argp_state *state)
{
	char *at = NULL;

	options->size_count = 0;
	for (char *size = strtok_r(text, ",", &at); size; size = strtok_r(NULL, ",", &at)) {
		unsigned long bytes = strtoul(size, NULL, 10);

		if (bytes < 60 || bytes > 1514 || options->size_count == SIZES_MAX)
			argp_error(state, "'%s': up to %d frame lengths of 60 to 1514 bytes", size,
				   SIZES_MAX);
		options->sizes[options->size_count++] = (uint32_t)bytes;
	}
}

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	struct options *options = state->input;

	switch (key) {
	case 's':
		parse_sizes(argument, options, state);
		return 0;
	case 'w':
		options->windows = (unsigned int)bench_parse_number(argument, 10000, state);
		return 0;
	case 'm':
		options->window_ns = bench_parse_number(argument, 10000, state) * 1000000ull;
		return 0;
	case 'a':
		options->testpmd = false;
		return 0;
	case 'k':
		options->keep_disturbed = true;
		return 0;
	case 'n':
		options->turns = (unsigned int)bench_parse_number(argument, 1000, state);
		return 0;
	case 'd':
		options->device_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'g':
		options->guest_cpu = (int)strtol(argument, NULL, 10);
		return 0;
	case 'f':
		options->first = true;
		return 0;
	case 'j':
		options->json_path = argument;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_wire_main(int argc, char **argv)
{
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Packets between one user-space guest and the wire, in turns with testpmd on the "
		       "same kind of port. Starts devices of its own.\v"
		       "Example:\n  svio-bench wire --sizes 64,1500 --json out.json",
	};
	struct options options = { .sizes = { 64, 1500 },
				   .size_count = 2,
				   .windows = 100,
				   .window_ns = 20000000,
				   .turns = 3,
				   .device_cpu = bench_cpu(0),
				   .guest_cpu = bench_cpu(1),
				   .testpmd = wire_has_testpmd() };
	FILE *json = NULL;

	argp_parse(&parser, argc, argv, 0, NULL, &options);
	if (options.json_path) {
		json = fopen(options.json_path, "we");
		if (!json)
			err(1, "%s", options.json_path);
	}
	run_all(&options, json);
	if (json && fclose(json))
		err(1, "%s", options.json_path);
	return 0;
}
