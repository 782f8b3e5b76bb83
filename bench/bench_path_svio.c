/* SPDX-License-Identifier: BSD-3-Clause */
/* The path of this project: two VIFs of one device; the guests are in svio-bench. It rests of itself. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench_path.h"
#include "bench_vif_port.h"

struct state {
	struct bench_device device;
	struct svio_vif *vifs[2];
	struct vif_port ports[2];
};

static bool open_vifs(struct bench_path *path, struct state *state)
{
	static const char *const names[] = { "a", "b" };
	char socket[128];
	const struct svio_vif_options options = { .path = socket };

	for (int i = 0; i < 2; i++) {
		bench_device_vif_add(&state->device, names[i], socket);
		if (svio_vif_open(&options, &state->vifs[i])) {
			snprintf(path->why, sizeof(path->why), "%s", svio_vif_message());
			return false;
		}
	}
	vif_port_init(&state->ports[0], state->vifs[0], 0, state->vifs[1]);
	vif_port_init(&state->ports[1], state->vifs[1], 0, state->vifs[0]);
	return true;
}

static bool start(struct bench_path *path)
{
	struct state *state = calloc(1, sizeof(*state));

	if (!state)
		err(1, "memory");
	path->state = state;
	bench_unpin(); /* the firmware asks how many processors there are */
	bench_device_start(&state->device, path->places.device_cpu, path->places.first);
	bench_pin(getpid(), path->places.guest_cpu, path->places.first);
	bench_waits_add_process(&path->device, state->device.firmware);
	bench_waits_add_process(&path->device, state->device.sviod);
	bench_waits_add_thread(&path->guests);
	return open_vifs(path, state);
}

static bool run(struct bench_path *path, const struct guest_load *load, struct guest_result *result,
		uint32_t *times)
{
	struct state *state = path->state;
	struct guest_flow flow = { .from = &state->ports[0].port, .to = &state->ports[1].port };

	return bench_path_run_guests(path, &flow, 1, load, result, times);
}

/* Writes to the wake registers, and interrupts. */
static uint64_t count_notices(struct bench_path *path)
{
	struct state *state = path->state;
	uint64_t notices = 0;

	for (int i = 0; i < 2; i++) {
		uint64_t counters[SVIO_COUNTER_COUNT] = { 0 };

		if (svio_vif_stats_get(state->vifs[i], counters))
			errx(1, "%s", svio_vif_message());
		notices += counters[SVIO_COUNTER_wakes] + counters[SVIO_COUNTER_irqs];
	}
	return notices;
}

static void stop(struct bench_path *path)
{
	struct state *state = path->state;

	for (int i = 0; i < 2; i++)
		svio_vif_close(state->vifs[i]);
	bench_device_stop(&state->device);
	free(state);
}

const struct bench_path_type bench_path_svio = {
	.name = "svio",
	.title = "VIF to VIF (svio)",
	.start = start,
	.run = run,
	.notices = count_notices,
	.stop = stop,
};
