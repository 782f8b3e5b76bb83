// SPDX-License-Identifier: BSD-3-Clause
#include "bus_bench.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "svio_test.h"

struct bench bench;
static size_t fds_before;

size_t bench_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	/* cppcheck-suppress readdirCalled ; one thread */
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	CU_ASSERT(count > 3);
	return count;
}

void bench_setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	fds_before = bench_count_fds();
	memset(&bench, 0, sizeof(bench));
	snprintf(bench.dir, sizeof(bench.dir), "/tmp/bus-test.XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(bench.dir));
	snprintf(bench.path, sizeof(bench.path), "%s/vif.sock", bench.dir);
	bench.loop = svio_loop_new();
	CU_ASSERT_PTR_NOT_NULL_FATAL(bench.loop);
	bench.vif = fake_vif_new("vif", 5);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bench.vif);
	bench.settings = (struct bus_settings){ .loop = bench.loop, .id = { 0x1234, 0x5610 } };
	snprintf(client_path, sizeof(client_path), "%s", bench.path);
	client_pump = bench_settle;
	bench.front = bus_front_ops.add(&bench.settings, bench.vif, bench.path);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bench.front);
}

void bench_teardown(void)
{
	if (bench.front)
		bus_front_ops.del(bench.front);
	if (bench.vif)
		fake_vif_free(bench.vif);
	svio_loop_free(bench.loop);
	CU_ASSERT_EQUAL(rmdir(bench.dir), 0);
	CU_ASSERT_EQUAL(bench_count_fds(), fds_before);
}

/* The server's work is all caused by what is in its sockets: what is not there now never comes. */
void bench_settle(void)
{
	for (int i = 0; i < 64; i++)
		svio_loop_run_once(bench.loop, 0);
}
