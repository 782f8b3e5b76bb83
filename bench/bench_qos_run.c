/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Runs a scenario: senders that always have more, and one receiver that counts
 * what arrives of each, all on one thread; the device on another processor.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench.h"
#include "bench_qos.h"
#include "svio_vif.h"

#define BURST          32
#define RING_LG2       12 /* a sender kept off its processor for some ms has enough in its ring */
#define SMALL_RING_LG2 3
#define HEADER_BYTES   24
#define WARM_UP_NS     500000000ull
#define WINDOW_NS      20000000ull
#define WAIT_MAX_NS    400000ull /* the port makes up for a pause of 1 ms */
#define LONGER         4         /* times what was asked for, to find enough windows */
#define CHANGE_NS      (1000000000ull / QOS_CHANGES_HZ)
#define STEPS_PER_LOOK 8

struct guest {
	struct svio_vif *vif;
	struct svio_vif_queue *queue;
	uint32_t frame_bytes;
	uint8_t header[HEADER_BYTES];
	uint64_t received; /* by the receiver, bytes */
};

struct run {
	const struct qos_scenario *scenario;
	struct bench_device device;
	struct bench_control control;
	struct bench_waits waits;
	struct guest guests[QOS_VIFS_MAX];
	size_t guest_count;
	struct svio_vif *receiver;
	bool follows;  /* the last window directly before this one counted */
	bool changing; /* a change is under way */
	uint64_t change_at_ns;
	uint64_t changes;
};

/* False: refused; the reason is in measured. */
static bool ask(struct run *run, struct qos_measured *measured)
{
	if (bench_control_wait(&run->control) == BENCH_DONE)
		return true;
	snprintf(measured->refused, sizeof(measured->refused), "%.*s",
		 (int)sizeof(measured->refused) - 1, run->control.answer);
	return false;
}

static const char *settings_or_none(const char *settings)
{
	return settings ? settings : "";
}

static bool build_tree(struct run *run, struct qos_measured *measured)
{
	const struct qos_scenario *scenario = run->scenario;

	bench_control_send(&run->control,
			   "{\"cmd\": \"qos-set\", \"node\": \"port\", \"max_bps\": %.0f}",
			   QOS_PORT_MBPS * 1e6);
	if (!ask(run, measured))
		return false;
	for (const struct qos_group *group = scenario->groups; group->name; group++) {
		bench_control_send(&run->control, "{\"cmd\": \"group-add\", \"name\": \"%s\", %s}",
				   group->name, group->settings);
		if (!ask(run, measured))
			return false;
	}
	for (const struct qos_vif *vif = scenario->vifs; vif->name; vif++) {
		const char *settings = settings_or_none(vif->settings);

		bench_control_send(&run->control,
				   "{\"cmd\": \"vif-add\", \"name\": \"%s\"%s%s%s%s%s}", vif->name,
				   vif->group ? ", \"group\": \"" : "",
				   vif->group ? vif->group : "", vif->group ? "\"" : "",
				   *settings ? ", " : "", settings);
		if (!ask(run, measured))
			return false;
	}
	bench_control_send(&run->control, "{\"cmd\": \"vif-add\", \"name\": \"receiver\"}");
	return ask(run, measured);
}

static struct svio_vif *open_vif(const struct run *run, const char *name, uint8_t tx_ring_lg2,
				 uint8_t rx_ring_lg2)
{
	char path[128];
	const struct svio_vif_options options = { .path = path,
						  .tx_ring_lg2 = tx_ring_lg2,
						  .rx_ring_lg2 = rx_ring_lg2 };
	struct svio_vif *vif;

	snprintf(path, sizeof(path), "%s/%s.sock", run->device.dir, name);
	if (svio_vif_open(&options, &vif))
		errx(1, "%s", svio_vif_message());
	return vif;
}

static void open_guests(struct run *run)
{
	run->receiver = open_vif(run, "receiver", SMALL_RING_LG2, RING_LG2);
	for (const struct qos_vif *vif = run->scenario->vifs; vif->name; vif++) {
		struct guest *guest = &run->guests[run->guest_count++];

		guest->vif = open_vif(run, vif->name, RING_LG2, SMALL_RING_LG2);
		guest->queue = svio_vif_queue(guest->vif, 0);
		guest->frame_bytes = vif->frame_bytes;
		memcpy(guest->header, svio_vif_info(run->receiver)->mac, 6);
		memcpy(guest->header + 6, svio_vif_info(guest->vif)->mac, 6);
		guest->header[12] = 0x88;
		guest->header[13] = 0xb5;
		guest->header[16] = (uint8_t)(guest - run->guests);
	}
}

static void send_burst(struct guest *guest)
{
	struct svio_vif_buf bufs[BURST];
	uint32_t n = svio_vif_alloc_burst(guest->queue, bufs, BURST);
	uint32_t taken;

	for (uint32_t i = 0; i < n; i++) {
		memcpy(bufs[i].data, guest->header, HEADER_BYTES);
		bufs[i].len = (uint16_t)guest->frame_bytes;
	}
	taken = svio_vif_tx_burst(guest->queue, bufs, n);
	svio_vif_free_burst(guest->queue, bufs + taken, n - taken);
}

static void receive_all(struct run *run)
{
	struct svio_vif_queue *queue = svio_vif_queue(run->receiver, 0);
	struct svio_vif_buf bufs[BURST];
	uint32_t n;

	do {
		n = svio_vif_rx_burst(queue, bufs, BURST);
		for (uint32_t i = 0; i < n; i++) {
			uint8_t sender = bufs[i].data[16];

			if (sender < run->guest_count)
				run->guests[sender].received += bufs[i].len;
		}
		svio_vif_free_burst(queue, bufs, n);
	} while (n == BURST);
}

static void step(struct run *run)
{
	for (size_t i = 0; i < run->guest_count; i++) {
		if (run->guests[i].frame_bytes)
			send_burst(&run->guests[i]);
		receive_all(run);
	}
}

/* The next change of those VIFs that have some, as soon as it is time and the last is answered. */
static void change_settings(struct run *run, uint64_t now_ns)
{
	if (run->changing) {
		enum bench_answer answer = bench_control_poll(&run->control);

		if (answer == BENCH_REFUSED)
			errx(1, "a change was refused: %s", run->control.answer);
		run->changing = answer == BENCH_PENDING;
		run->changes += answer == BENCH_DONE;
	}
	if (run->changing || now_ns < run->change_at_ns)
		return;
	for (const struct qos_vif *vif = run->scenario->vifs; vif->name; vif++) {
		if (!vif->changes[0])
			continue;
		bench_control_send(&run->control, "{\"cmd\": \"vif-set\", \"name\": \"%s\", %s}",
				   vif->name, vif->changes[run->changes % 2]);
		run->changing = true;
		run->change_at_ns += CHANGE_NS;
		return;
	}
}

/* Packets for so long; returns how long it was. */
static uint64_t run_for(struct run *run, uint64_t ns)
{
	uint64_t start = bench_now_ns();
	uint64_t now = start;

	while (now - start < ns) {
		for (int i = 0; i < STEPS_PER_LOOK; i++)
			step(run);
		change_settings(run, now);
		now = bench_now_ns();
	}
	return now - start;
}

/*
 * One window. Who is off its processor when a window ends is known to have waited
 * only when it is back: a disturbed window takes the one before it along.
 */
static void measure_window(struct run *run, uint64_t start_ns, struct qos_measured *measured)
{
	uint64_t waited = bench_waits_read(&run->waits);
	uint64_t ns;

	/* What came before does not count. */
	receive_all(run);
	for (size_t i = 0; i < run->guest_count; i++)
		run->guests[i].received = 0;
	ns = run_for(run, WINDOW_NS);
	if (bench_waits_read(&run->waits) - waited > WAIT_MAX_NS) {
		measured->discarded += 1 + run->follows;
		measured->windows -= run->follows;
		run->follows = false;
		return;
	}
	run->follows = true;
	for (size_t i = 0; i < run->guest_count; i++)
		measured->mbps[i][measured->windows] =
			(double)run->guests[i].received * 8e3 / (double)ns;
	measured->seconds[measured->windows++] = (double)(bench_now_ns() - start_ns) / 1e9;
}

static void measure(struct run *run, const struct qos_options *options,
		    struct qos_measured *measured)
{
	uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };
	double windows = options->seconds * 1e9 / WINDOW_NS;
	size_t wanted = windows < QOS_WINDOWS_MAX ? (size_t)windows : QOS_WINDOWS_MAX;
	uint64_t changes;
	uint64_t start;

	run->change_at_ns = bench_now_ns();
	run_for(run, WARM_UP_NS);
	start = bench_now_ns();
	changes = run->changes;
	while (bench_now_ns() - start < (uint64_t)(options->seconds * 1e9) * LONGER &&
	       measured->windows < wanted)
		measure_window(run, start, measured);
	measured->changes = run->changes - changes;
	if (svio_vif_stats_get(run->receiver, counters))
		errx(1, "%s", svio_vif_message());
	measured->drops = counters[SVIO_COUNTER_rx_drop_no_buffer];
}

void qos_run(const struct qos_scenario *scenario, const struct qos_options *options,
	     struct qos_measured *measured)
{
	struct run *run = calloc(1, sizeof(*run));

	if (!run)
		err(1, "memory");
	memset(measured, 0, sizeof(*measured));
	measured->scenario = scenario;
	run->scenario = scenario;
	bench_pin(getpid(), options->places.device_cpu, options->places.first);
	bench_device_start(&run->device, options->places.device_cpu, options->places.first);
	bench_pin(getpid(), options->places.guest_cpu, options->places.first);
	bench_control_open(&run->control, &run->device);
	if (build_tree(run, measured)) {
		open_guests(run);
		bench_waits_open(&run->waits);
		bench_waits_add_process(&run->waits, run->device.firmware);
		bench_waits_add_thread(&run->waits);
		measure(run, options, measured);
		bench_waits_close(&run->waits);
		for (size_t i = 0; i < run->guest_count; i++)
			svio_vif_close(run->guests[i].vif);
		svio_vif_close(run->receiver);
	}
	bench_control_close(&run->control);
	bench_device_stop(&run->device);
	free(run);
}

double qos_mean_mbps(const struct qos_measured *measured, size_t vif)
{
	double sum = 0;

	for (size_t i = 0; i < measured->windows; i++)
		sum += measured->mbps[vif][i];
	return measured->windows ? sum / (double)measured->windows : 0;
}
