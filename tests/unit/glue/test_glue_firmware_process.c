// SPDX-License-Identifier: BSD-3-Clause
/* Starting, watching, giving up; the run directory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "device.h"
#include "glue_fixture.h"
#include "run_dir.h"
#include "svio_test.h"

static struct fixture fixture;

static void first_start_wire_cannot_be_opened_is_fatal(void)
{
	fixture_open(&fixture, "fake,exit=3", 1, false);
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), 0);
	CU_ASSERT_EQUAL(svio_loop_run(fixture.loop), 0); /* ends by itself */
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), -EIO);
	CU_ASSERT_EQUAL(log_count("cannot open the wire"), 1);
	fixture_close(&fixture);
}

static void first_start_other_version_is_fatal(void)
{
	fixture_open(&fixture, "fake,exit=4", 1, false);
	CU_ASSERT_EQUAL(svio_loop_run(fixture.loop), 0);
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), -EIO);
	CU_ASSERT_EQUAL(log_count("of another version"), 1);
	fixture_close(&fixture);
}

static void first_start_crash_is_tried_again(void)
{
	fixture_open(&fixture, "fake,exit=1@1", 1, false);
	fixture_wait_generation(&fixture, 2);
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), 0);
	CU_ASSERT_EQUAL(svio_fw_process_restarts(fixture.device->firmware), 1);
	fixture_close(&fixture);
}

static void start_refused_but_not_ended_is_ended(void)
{
	fixture_open(&fixture, "fake,linger=1@1", 1, false);
	fixture_wait_generation(&fixture, 2);
	CU_ASSERT_EQUAL(log_count("it cannot attach"), 1);
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), 0);
	fixture_close(&fixture);
}

static void later_start_wire_cannot_be_opened_is_tried_again(void)
{
	/* The second answer of generation 1 kills it; 2 has no wire; 3 has. */
	fixture_open(&fixture, "fake,die=2@1,exit=3@2", 1, true);
	fixture_vif(&fixture, "a");
	fixture_wait_generation(&fixture, 3);
	CU_ASSERT_EQUAL(svio_device_status(fixture.device), 0);
	fixture_wait_idle(&fixture);
	fixture_close(&fixture);
}

static bool has_slowed_down(void *context)
{
	(void)context;
	return log_count("slowly") > 0;
}

static void firmware_that_keeps_dying_is_started_slowly(void)
{
	fixture_open(&fixture, "fake,die=2", 1, true);
	fixture_vif(&fixture, "a");
	fixture_wait(&fixture, has_slowed_down, NULL);
	CU_ASSERT(svio_device_segment(fixture.device)->fw_generation >= 5);
	CU_ASSERT_EQUAL(svio_device_segment(fixture.device)->fw_state, SVIO_HOST_FW_NONE);
	fixture_close(&fixture);
}

static void *no_front(void *bus, struct svio_vif *vif, const char *path)
{
	(void)bus;
	(void)vif;
	(void)path;
	return NULL;
}

static int open_with(const char *run_dir, const char *fw_path)
{
	const struct svio_bus_ops ops = { .add = no_front };
	struct svio_device_options options = {
		.run_dir = run_dir, .wire = "fake", .fw_path = fw_path, .vifs_max = 1
	};
	struct svio_loop *loop = svio_loop_new();
	struct svio_device *device;
	int status = svio_device_open(&options, loop, &ops, NULL, &device);

	if (!status)
		svio_device_close(device);
	svio_loop_free(loop);
	return status;
}

static void open_without_program_is_refused(void)
{
	char dir[] = "/tmp/svio-test-glue-XXXXXX", path[64];
	int before;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	log_capture();
	before = count_descriptors();
	CU_ASSERT_EQUAL(open_with(dir, "/nonexistent/svio-fw"), -ENOENT);
	CU_ASSERT_EQUAL(open_with(dir, "/proc/version"), -EACCES);
	CU_ASSERT_EQUAL(count_descriptors(), before);
	CU_ASSERT_EQUAL(log_count("/nonexistent/svio-fw"), 1);
	snprintf(path, sizeof(path), "%s/lock", dir);
	unlink(path);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
}

static void run_dir_in_use_is_refused(void)
{
	char message[64];

	fixture_open(&fixture, "fake", 1, true);
	CU_ASSERT_EQUAL(open_with(fixture.run_dir, FAKE_FIRMWARE), -EBUSY);
	snprintf(message, sizeof(message), "another sviod (process %d)", (int)getpid());
	CU_ASSERT_EQUAL(log_count(message), 1);
	/* And the first is none the worse for it. */
	fixture_vif(&fixture, "a");
	fixture_wait_idle(&fixture);
	fixture_close(&fixture);
}

static void make_socket(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
}

static void run_dir_is_made_and_cleaned_of_stale_sockets(void)
{
	char parent[] = "/tmp/svio-test-glue-XXXXXX", dir[64], stale[80], file[80];
	struct stat status;
	int lock;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(parent));
	log_capture();
	snprintf(dir, sizeof(dir), "%s/run", parent);
	lock = svio_run_dir_open(dir);
	CU_ASSERT_FATAL(lock >= 0);
	CU_ASSERT_EQUAL(stat(dir, &status), 0);
	CU_ASSERT_EQUAL(status.st_mode & 07777, 0700);
	close(lock);
	snprintf(stale, sizeof(stale), "%s/web.sock", dir);
	snprintf(file, sizeof(file), "%s/precious.sock", dir);
	make_socket(stale);
	fclose(fopen(file, "w")); /* not a socket: not ours */
	lock = svio_run_dir_open(dir);
	CU_ASSERT(lock >= 0);
	CU_ASSERT_EQUAL(access(stale, F_OK), -1);
	CU_ASSERT_EQUAL(access(file, F_OK), 0);
	close(lock);
	CU_ASSERT_EQUAL(chmod(dir, 0777), 0);
	CU_ASSERT_EQUAL(svio_run_dir_open(dir), -EPERM);
	CU_ASSERT_EQUAL(svio_run_dir_open(file), -ENOTDIR);
	CU_ASSERT_EQUAL(svio_run_dir_open("/tmp/no/such/parent"), -ENOENT);
	CU_ASSERT_EQUAL(svio_run_dir_open("/tmp/0123456789012345678901234567890123456789012345678"
					  "901234567890123456789012345678901234567890123456789"),
			-ENAMETOOLONG);
	unlink(file);
	snprintf(file, sizeof(file), "%s/lock", dir);
	unlink(file);
	CU_ASSERT_EQUAL(rmdir(dir), 0);
	CU_ASSERT_EQUAL(rmdir(parent), 0);
}

SVIO_TEST_MAIN("glue firmware process", SVIO_TEST(first_start_wire_cannot_be_opened_is_fatal),
	       SVIO_TEST(first_start_other_version_is_fatal),
	       SVIO_TEST(first_start_crash_is_tried_again),
	       SVIO_TEST(start_refused_but_not_ended_is_ended),
	       SVIO_TEST(later_start_wire_cannot_be_opened_is_tried_again),
	       SVIO_TEST(firmware_that_keeps_dying_is_started_slowly),
	       SVIO_TEST(open_without_program_is_refused), SVIO_TEST(run_dir_in_use_is_refused),
	       SVIO_TEST(run_dir_is_made_and_cleaned_of_stale_sockets))
