/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A device with a fake firmware and a fake bus, in a run directory of its own,
 * driven on the test's own thread.
 */
#ifndef GLUE_FIXTURE_H
#define GLUE_FIXTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "fake_protocol.h"
#include "loop.h"
#include "registry.h"

/* A test that waits longer has failed. */
#define FIXTURE_WAIT_MS 20000

struct fixture {
	struct svio_loop *loop;
	struct svio_device *device;
	char run_dir[64];
	int fronts;    /* alive in the fake bus */
	int bus_fails; /* add() fails so many times */
};

/* Collects the answers of done callbacks. */
struct answers {
	int count;
	int last;
};
void count_answer(void *context, int status);

/* Opens a device; wire as in fake_protocol.h. Waits until it is ready where wait is set. */
void fixture_open(struct fixture *fixture, const char *wire, uint32_t vifs_max, bool wait);
/* Closes it and checks that nothing is left behind. */
void fixture_close(struct fixture *fixture);

/* Runs the loop until condition(context). False, with a failed assertion: it never came. */
bool fixture_wait(struct fixture *fixture, bool (*condition)(void *context), void *context);
/* Runs the loop until answers->count is count. */
bool fixture_wait_answers(struct fixture *fixture, struct answers *answers, int count);
bool fixture_wait_ready(struct fixture *fixture);
/* Runs the loop until the firmware is of this generation, and ready. */
bool fixture_wait_generation(struct fixture *fixture, uint32_t generation);
/* Runs the loop until no request is without an answer. */
bool fixture_wait_idle(struct fixture *fixture);

/* A VIF by the registry's own call; asserts that it worked. */
struct svio_vif *fixture_vif(struct fixture *fixture, const char *name);
/* A sealed memfd of this size; the caller's. */
int make_memory(size_t bytes);
int count_descriptors(void);

/* What the fake firmware was told: how many messages of this type, and how often it was woken. */
int fake_count(struct fixture *fixture, uint32_t type);
const struct fake_log *fake_log_of(struct fixture *fixture);

/* Log lines since the last log_clear() that contain text. */
void log_capture(void);
void log_clear(void);
int log_count(const char *text);

#endif /* GLUE_FIXTURE_H */
