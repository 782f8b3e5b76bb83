/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * svio-bench wire: one user-space guest and the wire.
 *
 *   to-wire       the guest sends to nobody it knows; net_null takes all: packets/s taken
 *   from-wire     net_pcap repeats frames for the guest: packets/s received
 *   to-af-packet  the guest sends by a packet socket on one end of a veth pair: packets/s at the other
 *   to-tap        the guest sends to a TAP: packets/s that the host's interface has
 *
 * The first two are DPDK's cheapest ports: the device's own cost, and no network's. The others are in a
 * network namespace that goes with svio-bench; nobody is behind them. From those nothing is measured:
 * who would have to send on a second processor is slower than what receives on the first.
 *
 * In turns with testpmd on the same kind of port, which makes (txonly) or drops (rxonly) packets itself:
 * what DPDK's part costs with no guest, switch or scheduler behind it. Device and testpmd have one
 * processor, which they keep busy, the guest another; the one that is not asked is stopped.
 */
#include <err.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_json.h"
#include "bench_options.h"
#include "bench_ticks.h"
#include "bench_wire.h"
#include "svio_vif.h"

#define WARM_UP_NS      100000000ull
#define WAIT_SHARE      100 /* of a window: what a process may have waited for its processor */
#define BURST           32
#define TESTPMD_SECONDS 2
#define SIZES_MAX       8
#define REPEAT          256 /* frames in the file that net_pcap repeats */

static const uint8_t guest_mac[6] = { 2, 0, 0, 0, 0, 1 };

/* A kind of wire. */
struct wire {
	const char *name;
	const char *key;     /* in the JSON */
	const char *spec;    /* for sviod; %s: the file with frames */
	const char *testpmd; /* its port; %s as above */
	const char *mode;    /* testpmd's */
	bool to_wire;
	/* Of wires of the kernel: interfaces that count what came, the device's and testpmd's. */
	const char *counter;
	const char *testpmd_counter;
};

static const struct wire wires[] = {
	{ .name = "null",
	  .key = "to_wire",
	  .spec = "net_null0,no-rx=1",
	  .testpmd = "net_null0,no-rx=1",
	  .mode = "txonly",
	  .to_wire = true },
	{ .name = "pcap",
	  .key = "from_wire",
	  .spec = "net_pcap0,rx_pcap=%s/frames,infinite_rx=1",
	  .testpmd = "net_pcap0,rx_pcap=%s/frames,infinite_rx=1",
	  .mode = "rxonly" },
	{ .name = "af_packet",
	  .key = "to_af_packet",
	  .spec = "af_packet:svio0",
	  .testpmd = "net_af_packet0,iface=testpmd0",
	  .mode = "txonly",
	  .to_wire = true,
	  .counter = "svio1",
	  .testpmd_counter = "testpmd1" },
	{ .name = "tap",
	  .key = "to_tap",
	  .spec = "tap:svio2",
	  .testpmd = "net_tap0,iface=testpmd2",
	  .mode = "txonly",
	  .to_wire = true,
	  .counter = "svio2",
	  .testpmd_counter = "testpmd2" },
};
#define WIRES (sizeof(wires) / sizeof(wires[0]))

struct options {
	uint32_t sizes[SIZES_MAX];
	size_t size_count;
	unsigned int turns;
	const char *only;             /* name of a wire; NULL: all */
	bool testpmd;                 /* there is one */
	struct bench_windows windows; /* of each turn */
	struct bench_options common;
};

/* A device with one guest and such a wire. */
struct side {
	const struct wire *wire;
	struct bench_device device;
	struct svio_vif *vif;
	struct svio_vif_queue *queue;
	struct bench_waits waits;
	uint32_t bytes;
	char spec[160];
	char testpmd[160];
	char folder[BENCH_FOLDER_BYTES]; /* "": none */
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
		packets += side->wire->to_wire ? send_some(side) : receive_some(side);
	return packets;
}

/* Adds the rates of its windows, Mpps. */
static void measure_device(struct side *side, const struct options *options,
			   struct bench_result *result)
{
	kill(side->device.firmware, SIGCONT);
	run_for(side, WARM_UP_NS);
	for (unsigned int i = 0; i < options->windows.count; i++) {
		uint64_t waited = bench_waits_read(&side->waits);
		uint64_t counted = wire_count(side->wire->counter);
		uint64_t start = bench_now_ns();
		uint64_t packets = run_for(side, options->windows.ns);
		uint64_t ns = bench_now_ns() - start;

		/* The device drops what a wire of the kernel has no room for. */
		if (side->wire->counter)
			packets = wire_count(side->wire->counter) - counted;
		if (bench_waits_read(&side->waits) - waited > ns / WAIT_SHARE &&
		    !options->windows.keep_disturbed)
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
	char path[96];
	FILE *file;
	bool well;

	bench_folder_make(side->folder, "svio-wire");
	snprintf(path, sizeof(path), "%s/frames", side->folder);
	file = fopen(path, "we");
	if (!file)
		err(1, "%s", path);
	write_frame(frame, guest_mac, nobody);
	well = fwrite(header, sizeof(header), 1, file) == 1;
	for (int i = 0; i < REPEAT; i++)
		well = well && fwrite(record, sizeof(record), 1, file) == 1 &&
		       fwrite(frame, side->bytes, 1, file) == 1;
	if (fclose(file) || !well)
		err(1, "%s", path);
}

/* A spec's %s, if it has one, is the folder. */
static void fill_spec(char *filled, size_t bytes, const char *spec, const char *folder)
{
	const char *mark = strstr(spec, "%s");

	if (mark)
		snprintf(filled, bytes, "%.*s%s%s", (int)(mark - spec), spec, folder, mark + 2);
	else
		snprintf(filled, bytes, "%s", spec);
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

static void open_side(struct side *side, const struct options *options, const struct wire *wire,
		      uint32_t bytes)
{
	const struct bench_places *places = &options->common.places;
	char path[128];
	struct svio_vif_options vif = { .path = path };

	memset(side, 0, sizeof(*side));
	side->bytes = bytes;
	side->wire = wire;
	if (!wire->to_wire)
		write_pcap(side);
	fill_spec(side->spec, sizeof(side->spec), wire->spec, side->folder);
	fill_spec(side->testpmd, sizeof(side->testpmd), wire->testpmd, side->folder);
	side->device.wire = side->spec;
	bench_device_start(&side->device, places->device_cpu, places->first);
	if (wire->counter)
		wire_up(wire->counter);
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
	if (*side->folder)
		bench_folder_remove(side->folder);
}

static double cycles_of(double mpps)
{
	return bench_ticks_per_ns() * 1e3 / mpps;
}

static void write_rate(struct bench_json *json, const char *key, const char *who,
		       struct bench_result *result)
{
	static const struct {
		const char *name;
		double share;
	} values[] = { { "mpps", 0.5 }, { "mpps_min", 0 }, { "mpps_max", 1 } };
	char name[64];

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		snprintf(name, sizeof(name), "%s_%s%s", key, who, values[i].name);
		bench_json_number(json, name, bench_result_quantile(result, values[i].share));
	}
	snprintf(name, sizeof(name), "%s_%scycles", key, who);
	bench_json_number(json, name, cycles_of(bench_result_quantile(result, 0.5)));
}

static void run_wire(const struct options *options, const struct wire *wire, uint32_t bytes,
		     struct bench_json *json)
{
	static struct bench_result device;
	static struct bench_result testpmd;
	struct side side;
	double median;

	device.count = device.discarded = testpmd.count = 0;
	open_side(&side, options, wire, bytes);
	for (unsigned int turn = 0; turn < options->turns; turn++) {
		const struct wire_testpmd how = { .vdev = side.testpmd,
						  .mode = wire->mode,
						  .counter = wire->testpmd_counter,
						  .bytes = bytes,
						  .cpu = options->common.places.device_cpu,
						  .seconds = TESTPMD_SECONDS };

		measure_device(&side, options, &device);
		if (options->testpmd)
			bench_result_add(&testpmd, wire_testpmd_mpps(&how));
	}
	close_side(&side);
	median = bench_result_quantile(&device, 0.5);
	printf("%-12s %5u B  %7.3f Mpps (%.3f - %.3f; %zu windows, %zu thrown away), %.0f cycles a packet; "
	       "testpmd %s %.3f Mpps, %.0f cycles\n",
	       wire->key, bytes, median, bench_result_quantile(&device, 0),
	       bench_result_quantile(&device, 1), device.count, device.discarded, cycles_of(median),
	       wire->mode, bench_result_quantile(&testpmd, 0.5),
	       cycles_of(bench_result_quantile(&testpmd, 0.5)));
	fflush(stdout);
	write_rate(json, wire->key, "", &device);
	write_rate(json, wire->key, "testpmd_", &testpmd);
}

static void run_all(const struct options *options, struct bench_json *json)
{
	const struct bench_places *places = &options->common.places;
	bool network = wire_make_network();

	if (!network)
		warnx("af_packet and tap are left out: a network namespace with veth and TAP wants root, "
		      "ip, and the modules veth and tun");
	if (places->first)
		bench_come_first();
	bench_pin(getpid(), places->guest_cpu, places->first);
	bench_json_open(json, "wire", '[');
	for (size_t i = 0; i < options->size_count; i++) {
		bench_json_open(json, NULL, '{');
		bench_json_count(json, "bytes", options->sizes[i]);
		for (size_t k = 0; k < WIRES; k++)
			if ((network || !wires[k].counter) &&
			    (!options->only || strcmp(options->only, wires[k].name) == 0))
				run_wire(options, &wires[k], options->sizes[i], json);
		bench_json_close(json, '}');
	}
	bench_json_close(json, ']');
}

static const struct argp_option argp_options[] = {
	{ "sizes", 's', "BYTES,...", 0, "Frame lengths, 60 to 1514 (default: 64,1500)", 0 },
	{ "wire", 'W', "NAME", 0, "Only null, pcap, af_packet or tap (default: all)", 0 },
	{ "alone", 'a', NULL, 0, "Without testpmd", 0 },
	{ "turns", 't', "N", 0, "Of each measurement (default: 3)", 0 },
	{ 0 }
};

static error_t parse_option(int key, char *argument, struct argp_state *state)
{
	const char *names[WIRES + 1] = { NULL };
	struct options *options = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &options->common;
		state->child_inputs[1] = &options->windows;
		return 0;
	case 's':
		options->size_count =
			bench_parse_list(argument, options->sizes, SIZES_MAX, 60, 1514, state);
		return 0;
	case 'W':
		for (size_t i = 0; i < WIRES; i++)
			names[i] = wires[i].name;
		options->only = names[bench_parse_name(argument, names, state)];
		return 0;
	case 'a':
		options->testpmd = false;
		return 0;
	case 't':
		options->turns = (unsigned int)bench_parse_number(argument, 1000, state);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int bench_wire_main(int argc, char **argv)
{
	static const struct argp_child children[] = { { .argp = &bench_options_argp },
						      { .argp = &bench_windows_keep_argp },
						      { 0 } };
	static const struct argp parser = {
		.options = argp_options,
		.parser = parse_option,
		.doc = "Packets between one user-space guest and the wire, in turns with testpmd on the "
		       "same kind of port: net_null, net_pcap, and of the kernel's a packet socket on a "
		       "veth pair and a TAP. Starts devices of its own. 100 windows of 20 ms in each "
		       "turn.\v"
		       "Examples:\n"
		       "  svio-bench wire --sizes 64,1500 --json out.json\n"
		       "  svio-bench wire --wire af_packet --sizes 64",
		.children = children,
	};
	struct options options = { .sizes = { 64, 1500 },
				   .size_count = 2,
				   .windows = { .count = 100, .ns = 20000000 },
				   .turns = 3,
				   .testpmd = wire_has_testpmd() };
	struct bench_json json;

	bench_options_init(&options.common);
	argp_parse(&parser, argc, argv, 0, NULL, &options);
	bench_json_create(&json, options.common.json_path);
	run_all(&options, &json);
	bench_json_finish(&json);
	return 0;
}
