// SPDX-License-Identifier: BSD-3-Clause
#include "glue_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"
#include "svio_test.h"

#define LOG_LINES 1024

static char log_lines[LOG_LINES][256];
static int log_lines_used;

struct front {
	struct fixture *fixture;
	struct svio_vif *vif;
};

static void *add_front(void *bus, struct svio_vif *vif, const char *path)
{
	struct fixture *fixture = bus;
	struct front *front;

	if (fixture->bus_fails > 0) {
		fixture->bus_fails--;
		errno = EADDRINUSE;
		return NULL;
	}
	CU_ASSERT_EQUAL(strncmp(path, fixture->run_dir, strlen(fixture->run_dir)), 0);
	front = malloc(sizeof(*front));
	front->fixture = fixture;
	front->vif = vif;
	fixture->fronts++;
	return front;
}

static void del_front(void *context)
{
	struct front *front = context;

	/* As the bus does when it closes its client. */
	svio_vif_disconnected(front->vif);
	front->fixture->fronts--;
	free(front);
}

static bool front_connected(void *front)
{
	(void)front;
	return false;
}

static const struct svio_bus_ops fake_bus_ops = { .add = add_front,
						  .del = del_front,
						  .connected = front_connected };

void count_answer(void *context, int status)
{
	struct answers *answers = context;

	answers->count++;
	answers->last = status;
}

void fixture_open(struct fixture *fixture, const char *wire, uint32_t vifs_max, bool wait)
{
	struct svio_device_options options = { .run_dir = fixture->run_dir,
					       .wire = wire,
					       .fw_path = FAKE_FIRMWARE,
					       .vifs_max = vifs_max };

	memset(fixture, 0, sizeof(*fixture));
	snprintf(fixture->run_dir, sizeof(fixture->run_dir), "/tmp/svio-test-glue-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(fixture->run_dir));
	fixture->loop = svio_loop_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->loop);
	log_capture();
	CU_ASSERT_EQUAL_FATAL(svio_device_open(&options, fixture->loop, &fake_bus_ops, fixture,
					       &fixture->device),
			      0);
	if (wait)
		fixture_wait_ready(fixture);
}

static void remove_run_dir(const char *path)
{
	char entry_path[512];
	DIR *dir = opendir(path);
	struct dirent *entry;

	/* cppcheck-suppress readdirCalled ; one thread */
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		/* Only the lock may be left. */
		CU_ASSERT_STRING_EQUAL(entry->d_name, "lock");
		snprintf(entry_path, sizeof(entry_path), "%s/%s", path, entry->d_name);
		unlink(entry_path);
	}
	if (dir)
		closedir(dir);
	CU_ASSERT_EQUAL(rmdir(path), 0);
}

void fixture_close(struct fixture *fixture)
{
	CU_ASSERT_EQUAL(fake_log_of(fixture)->mistakes, 0);
	svio_device_close(fixture->device);
	CU_ASSERT_EQUAL(fixture->fronts, 0);
	svio_loop_free(fixture->loop);
	remove_run_dir(fixture->run_dir);
}

bool fixture_wait(struct fixture *fixture, bool (*condition)(void *context), void *context)
{
	uint64_t end_ns = svio_clock_ns() + FIXTURE_WAIT_MS * 1000000ull;

	while (!condition(context)) {
		if (svio_clock_ns() > end_ns) {
			CU_FAIL("what the test waits for did not come");
			return false;
		}
		svio_loop_run_once(fixture->loop, 5);
	}
	return true;
}

static bool has_answers(void *context)
{
	const int *const *counts = context;

	return *counts[0] >= *counts[1];
}

bool fixture_wait_answers(struct fixture *fixture, struct answers *answers, int count)
{
	const int *counts[] = { &answers->count, &count };

	return fixture_wait(fixture, has_answers, counts);
}

static bool is_ready(void *context)
{
	return svio_device_ready(context);
}

bool fixture_wait_ready(struct fixture *fixture)
{
	return fixture_wait(fixture, is_ready, fixture->device);
}

struct generation {
	struct svio_device *device;
	uint32_t number;
};

static bool is_generation(void *context)
{
	struct generation *wanted = context;

	return svio_device_segment(wanted->device)->fw_generation >= wanted->number &&
	       svio_device_ready(wanted->device);
}

bool fixture_wait_generation(struct fixture *fixture, uint32_t generation)
{
	struct generation wanted = { fixture->device, generation };

	return fixture_wait(fixture, is_generation, &wanted);
}

static bool is_idle(void *context)
{
	struct svio_device *device = context;

	return svio_device_ready(device) && svio_mailbox_pending(device->mailbox) == 0;
}

bool fixture_wait_idle(struct fixture *fixture)
{
	return fixture_wait(fixture, is_idle, fixture->device);
}

struct svio_vif *fixture_vif(struct fixture *fixture, const char *name)
{
	struct svio_vif_settings settings = { 0 };
	char error[256] = "";
	struct svio_vif *vif;

	snprintf(settings.name, sizeof(settings.name), "%s", name);
	CU_ASSERT_EQUAL(svio_device_vif_add(fixture->device, &settings, error), 0);
	CU_ASSERT_STRING_EQUAL(error, "");
	vif = svio_device_vif_find(fixture->device, name);
	CU_ASSERT_PTR_NOT_NULL_FATAL(vif);
	return vif;
}

int make_memory(size_t bytes)
{
	int fd = memfd_create("guest", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	CU_ASSERT_FATAL(fd >= 0);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fd, (off_t)bytes), 0);
	return fd;
}

int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int count = 0;

	/* cppcheck-suppress readdirCalled ; one thread */
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

const struct fake_log *fake_log_of(struct fixture *fixture)
{
	const struct svio_host_segment *segment = svio_device_segment(fixture->device);

	return (const struct fake_log *)((const char *)segment + segment->private_offset);
}

int fake_count(struct fixture *fixture, uint32_t type)
{
	const struct fake_log *log = fake_log_of(fixture);
	uint32_t used = __atomic_load_n(&log->count, __ATOMIC_ACQUIRE);
	int count = 0;

	for (uint32_t i = 0; i < used; i++)
		count += log->entry[i].type == type;
	return count;
}

static void keep_line(enum svio_log_level level, const char *line)
{
	(void)level;
	if (log_lines_used < LOG_LINES)
		snprintf(log_lines[log_lines_used++], sizeof(log_lines[0]), "%s", line);
}

void log_capture(void)
{
	log_clear();
	svio_log_set_sink(keep_line);
}

void log_clear(void)
{
	log_lines_used = 0;
}

int log_count(const char *text)
{
	int count = 0;

	for (int i = 0; i < log_lines_used; i++)
		count += strstr(log_lines[i], text) != NULL;
	return count;
}
