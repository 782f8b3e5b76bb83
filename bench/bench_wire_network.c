/* SPDX-License-Identifier: BSD-3-Clause */
/* The namespace of the kernel's wires. */
#include <err.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench_wire.h"

#define APPEAR_MAX_NS 10000000000ull

static bool run_ip(const char *words)
{
	char command[128];

	snprintf(command, sizeof(command), "ip %s > /dev/null 2>&1", words);
	return system(command) == 0;
}

static void silence_ipv6(void)
{
	int fd = open("/proc/sys/net/ipv6/conf/default/disable_ipv6", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1", 1) != 1)
		warn("IPv6");
	if (fd >= 0)
		close(fd);
}

bool wire_make_network(void)
{
	if (access("/dev/net/tun", R_OK | W_OK) || unshare(CLONE_NEWNET))
		return false;
	silence_ipv6();
	return run_ip("link add svio0 type veth peer name svio1") &&
	       run_ip("link add testpmd0 type veth peer name testpmd1") &&
	       run_ip("link set svio0 up") && run_ip("link set svio1 up") &&
	       run_ip("link set testpmd0 up") && run_ip("link set testpmd1 up");
}

void wire_up(const char *interface)
{
	uint64_t deadline = bench_now_ns() + APPEAR_MAX_NS;
	char words[64];

	snprintf(words, sizeof(words), "link set %.16s up", interface);
	while (!run_ip(words)) {
		if (bench_now_ns() > deadline)
			errx(1, "%s cannot be set up", interface);
		usleep(10000);
	}
}

uint64_t wire_count(const char *interface)
{
	FILE *file = interface ? fopen("/proc/self/net/dev", "re") : NULL;
	size_t length = interface ? strlen(interface) : 0;
	char line[512];
	uint64_t packets = 0;

	while (file && fgets(line, sizeof(line), file)) {
		char *name = line + strspn(line, " ");

		if (strncmp(name, interface, length) != 0 || name[length] != ':')
			continue;
		name += length + 1;
		strtoull(name, &name, 10); /* bytes */
		packets = strtoull(name, NULL, 10);
	}
	if (file)
		fclose(file);
	return packets;
}
