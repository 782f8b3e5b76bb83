/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_sample.h"

#include <err.h>
#include <errno.h>
#include <glob.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench_folder.h"

#define PER_SECOND 7919 /* prime: in step with nothing */
#define RING_BYTES (1u << 18)
#define PROGRAM    "program"
#define IN_PROGRAM "[program]"

static size_t page_bytes(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

static bool add_thread(struct sampler *sampler, pid_t tid, char *why)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_CPU_CLOCK,
					.freq = 1,
					.sample_freq = PER_SECOND,
					.sample_type = PERF_SAMPLE_IP,
					.exclude_kernel = 1,
					.exclude_hv = 1 };
	int event = (int)syscall(SYS_perf_event_open, &attr, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	void *ring;

	if (event < 0) {
		snprintf(why, 256,
			 "the kernel does not sample (%s): be root, or set "
			 "/proc/sys/kernel/perf_event_paranoid to 2 at most",
			 strerror(errno));
		return false;
	}
	ring = mmap(NULL, page_bytes() + RING_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, event, 0);
	if (ring == MAP_FAILED) {
		snprintf(why, 256, "no memory for samples: %s", strerror(errno));
		close(event);
		return false;
	}
	sampler->threads[sampler->thread_count].event = event;
	sampler->threads[sampler->thread_count++].ring = ring;
	return true;
}

static void add_mapping(struct sampler *sampler, uint64_t start, uint64_t end, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t i = sampler->mapping_count;

	if (i == SAMPLE_MAPPINGS_MAX)
		return;
	sampler->mappings[i].start = start;
	sampler->mappings[i].end = end;
	snprintf(sampler->mappings[i].name, SAMPLE_NAME_BYTES, "[%.60s]", slash ? slash + 1 : path);
	sampler->mapping_count++;
}

/*
 * A line of /proc/PID/maps: start-end rights offset device inode path. A program's first mapping
 * begins at its file's first byte.
 */
static void read_mapping(struct sampler *sampler, char *line)
{
	char *at = line;
	uint64_t start = strtoull(at, &at, 16);
	uint64_t end = strtoull(at + 1, &at, 16);
	char *path = strpbrk(at, "/[");

	line[strcspn(line, "\n")] = 0;
	if (!path)
		return;
	if (!sampler->base && strcmp(path, sampler->program) == 0)
		sampler->base = start;
	if (at[3] == 'x')
		add_mapping(sampler, start, end,
			    strcmp(path, sampler->program) == 0 ? PROGRAM : path);
}

static bool read_mappings(struct sampler *sampler, pid_t pid)
{
	char path[64];
	char line[512];
	FILE *maps;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	n = readlink(path, sampler->program, sizeof(sampler->program) - 1);
	if (n < 0)
		return false;
	sampler->program[n] = 0;
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	maps = fopen(path, "re");
	if (!maps)
		return false;
	while (fgets(line, sizeof(line), maps))
		read_mapping(sampler, line);
	fclose(maps);
	return sampler->base != 0;
}

bool sampler_open(struct sampler *sampler, pid_t pid, char *why)
{
	char pattern[64];
	bool opened = true;
	glob_t tasks;

	memset(sampler, 0, sizeof(*sampler));
	snprintf(pattern, sizeof(pattern), "/proc/%d/task/*", (int)pid);
	if (!read_mappings(sampler, pid) || glob(pattern, GLOB_NOSORT, NULL, &tasks)) {
		snprintf(why, 256, "process %d has gone", (int)pid);
		return false;
	}
	for (size_t i = 0; opened && i < tasks.gl_pathc && i < SAMPLE_THREADS_MAX; i++)
		opened = add_thread(
			sampler, (pid_t)strtol(strrchr(tasks.gl_pathv[i], '/') + 1, NULL, 10), why);
	globfree(&tasks);
	if (!opened)
		sampler_close(sampler);
	return opened;
}

/* As its symbols have it, if it is in the program. */
static uint64_t relate(const struct sampler *sampler, uint64_t address)
{
	size_t i = 0;

	while (i < sampler->mapping_count &&
	       (address < sampler->mappings[i].start || address >= sampler->mappings[i].end))
		i++;
	if (i < sampler->mapping_count && strcmp(sampler->mappings[i].name, IN_PROGRAM) == 0)
		return address - sampler->base;
	return SAMPLE_LIBRARY | i;
}

static void keep_address(struct sampler *sampler, uint64_t address)
{
	if (sampler->count == sampler->room) {
		sampler->room = sampler->room ? 2 * sampler->room : 4096;
		sampler->addresses = reallocarray(sampler->addresses, sampler->room,
						  sizeof(*sampler->addresses));
		if (!sampler->addresses)
			err(1, "memory");
	}
	sampler->addresses[sampler->count++] = relate(sampler, address);
}

/* Records are whole multiples of 8 bytes, so none of a sample's two words is cut by the ring's end. */
static void take_ring(struct sampler *sampler, void *ring, bool keep)
{
	struct perf_event_mmap_page *control = ring;
	const char *data = (const char *)ring + page_bytes();
	uint64_t head = __atomic_load_n(&control->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = control->data_tail;

	while (tail != head) {
		struct perf_event_header header;
		uint64_t words[2];

		memcpy(&header, data + tail % RING_BYTES, sizeof(header));
		for (uint64_t i = 0; i < 2; i++)
			memcpy(&words[i], data + (tail + 8 * (i + 1)) % RING_BYTES, 8);
		if (header.type == PERF_RECORD_SAMPLE && keep)
			keep_address(sampler, words[0]);
		if (header.type == PERF_RECORD_LOST) /* its second word */
			sampler->lost += words[1];
		tail += header.size;
	}
	__atomic_store_n(&control->data_tail, tail, __ATOMIC_RELEASE);
}

void sampler_take(struct sampler *sampler, bool keep)
{
	for (size_t i = 0; i < sampler->thread_count; i++)
		take_ring(sampler, sampler->threads[i].ring, keep);
}

void sampler_close(struct sampler *sampler)
{
	while (sampler->thread_count) {
		sampler->thread_count--;
		munmap(sampler->threads[sampler->thread_count].ring, page_bytes() + RING_BYTES);
		close(sampler->threads[sampler->thread_count].event);
	}
	free(sampler->addresses);
	sampler->addresses = NULL;
}

static int compare_addresses(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a;
	uint64_t y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The samples by address, each address once. */
static struct sample_place *group(struct sampler *sampler, size_t *count)
{
	struct sample_place *places = calloc(sampler->count + 1, sizeof(*places));

	if (!places)
		err(1, "memory");
	qsort(sampler->addresses, sampler->count, sizeof(*sampler->addresses), compare_addresses);
	*count = 0;
	for (size_t i = 0; i < sampler->count; i++) {
		if (!*count || places[*count - 1].address != sampler->addresses[i])
			places[(*count)++].address = sampler->addresses[i];
		places[*count - 1].count++;
	}
	return places;
}

/* addr2line's answers: a line with the address, then a function and its place in turn. */
static bool read_frames(FILE *from, struct sample_place *places, size_t count)
{
	struct sample_place *place = places - 1;
	bool is_function = true;
	char line[1024];

	while (fgets(line, sizeof(line), from)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "0x", 2) == 0) {
			if (++place == places + count)
				return false;
			is_function = true;
			continue;
		}
		if (is_function && place >= places && place->frame_count < SAMPLE_FRAMES_MAX)
			snprintf(place->frames[place->frame_count++], SAMPLE_NAME_BYTES, "%.63s",
				 line);
		is_function = !is_function;
	}
	return place >= places;
}

static void name_library(const struct sampler *sampler, struct sample_place *place)
{
	size_t i = (size_t)(place->address & ~SAMPLE_LIBRARY);

	if (!(place->address & SAMPLE_LIBRARY))
		return;
	place->frame_count = 1;
	snprintf(place->frames[0], SAMPLE_NAME_BYTES, "%s",
		 i < sampler->mapping_count ? sampler->mappings[i].name : "[?]");
}

struct sample_place *sample_resolve(struct sampler *sampler, size_t *count)
{
	struct sample_place *places = group(sampler, count);
	char folder[BENCH_FOLDER_BYTES];
	char name[BENCH_FOLDER_BYTES + 16];
	char command[640];
	bool resolved;
	FILE *file;
	FILE *pipe;

	bench_folder_make(folder, "svio-parts");
	snprintf(name, sizeof(name), "%s/addresses", folder);
	file = fopen(name, "we");
	if (!file)
		err(1, "%s", name);
	for (size_t i = 0; i < *count; i++)
		fprintf(file, "0x%llx\n", (unsigned long long)places[i].address);
	if (fclose(file))
		err(1, "%s", name);
	snprintf(command, sizeof(command), "addr2line -a -f -i -e '%s' < '%s'", sampler->program,
		 name);
	pipe = popen(command, "re");
	resolved = pipe && read_frames(pipe, places, *count);
	if (pipe && pclose(pipe))
		resolved = false;
	bench_folder_remove(folder);
	for (size_t i = 0; i < *count; i++)
		name_library(sampler, &places[i]);
	if (resolved)
		return places;
	free(places);
	return NULL;
}
