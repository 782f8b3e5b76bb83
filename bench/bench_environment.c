/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_environment.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "bench_ticks.h"

/* The text behind the first line of a file that begins so; "": none. */
static void find_line(const char *path, const char *key, char *value, size_t bytes)
{
	FILE *file = fopen(path, "re");
	char line[4096];

	value[0] = 0;
	while (file && fgets(line, sizeof(line), file)) {
		char *text = line + strlen(key);

		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		text += strspn(text, "\t :");
		text[strcspn(text, "\n")] = 0;
		snprintf(value, bytes, "%.*s", (int)bytes - 1, text);
		break;
	}
	if (file)
		fclose(file);
}

static void write_line(struct bench_json *json, const char *name, const char *path, const char *key)
{
	char value[512];

	find_line(path, key, value, sizeof(value));
	bench_json_text(json, name, value[0] ? value : NULL);
}

static bool has_hypervisor(void)
{
	char flags[4096];

	find_line("/proc/cpuinfo", "flags", flags, sizeof(flags));
	return strstr(flags, " hypervisor") != NULL;
}

void bench_environment_write(struct bench_json *json, const struct bench_places *places)
{
	struct utsname system;
	double load[3] = { 0 };
	char date[32];
	time_t now = time(NULL);
	struct tm utc;

	uname(&system);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
	bench_json_open(json, "environment", '{');
	bench_json_text(json, "date", date);
	write_line(json, "processor", "/proc/cpuinfo", "model name");
	bench_json_count(json, "processors", (uint64_t)sysconf(_SC_NPROCESSORS_ONLN));
	bench_json_number(json, "tsc_ghz", bench_ticks_per_ns());
	bench_json_text(json, "virtual", has_hypervisor() ? "yes" : "no");
	bench_json_text(json, "kernel", system.release);
	write_line(json, "memory", "/proc/meminfo", "MemTotal");
	bench_json_text(json, "dpdk", bench_peer_version());
	bench_json_number(json, "load_1m", getloadavg(load, 1) == 1 ? load[0] : 0);
	bench_json_count(json, "device_cpu", (uint64_t)places->device_cpu);
	bench_json_count(json, "guest_cpu", (uint64_t)places->guest_cpu);
	bench_json_text(json, "priority", places->first ? "highest ordinary" : "usual");
	bench_json_close(json, '}');
}
