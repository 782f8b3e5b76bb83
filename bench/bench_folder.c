/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_folder.h"

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static char folders[BENCH_FOLDERS_MAX][BENCH_FOLDER_BYTES]; /* "": free */
static pid_t owner; /* children that are no other program leave the folders alone */

/* As getdents64() has it. */
struct entry {
	uint64_t inode;
	int64_t offset;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

/* Only what a signal handler may do: so no opendir(). */
static void remove_files(int folder)
{
	_Alignas(struct entry) char entries[4096];
	long bytes;

	while ((bytes = syscall(SYS_getdents64, folder, entries, sizeof(entries))) > 0)
		for (long at = 0; at < bytes;) {
			const struct entry *entry = (const void *)(entries + at);

			if (entry->type != DT_DIR)
				unlinkat(folder, entry->name, 0);
			at += entry->bytes;
		}
}

static void remove_folder(char *path)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder >= 0) {
		remove_files(folder);
		close(folder);
	}
	rmdir(path);
	*path = 0;
}

static void remove_all(int signal_number)
{
	if (getpid() == owner)
		for (uint32_t i = 0; i < BENCH_FOLDERS_MAX; i++)
			if (*folders[i])
				remove_folder(folders[i]);
	raise(signal_number); /* SA_RESETHAND: ends the program */
}

static void handle_signals(void)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = remove_all, .sa_flags = SA_RESETHAND };

	owner = getpid();
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		struct sigaction before;

		if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			sigaction(ends[i], &action, NULL);
	}
}

void bench_folder_make(char path[BENCH_FOLDER_BYTES], const char *name)
{
	const char *tmp = getenv("TMPDIR");

	if (!owner)
		handle_signals();
	snprintf(path, BENCH_FOLDER_BYTES, "%.36s/%.16s.XXXXXX", tmp ? tmp : "/tmp", name);
	if (!mkdtemp(path))
		err(1, "%s", path);
	for (uint32_t i = 0; i < BENCH_FOLDERS_MAX; i++)
		if (!*folders[i]) {
			memcpy(folders[i], path, BENCH_FOLDER_BYTES);
			return;
		}
}

void bench_folder_remove(const char *path)
{
	char copy[BENCH_FOLDER_BYTES];

	snprintf(copy, sizeof(copy), "%s", path);
	for (uint32_t i = 0; i < BENCH_FOLDERS_MAX; i++)
		if (strcmp(folders[i], path) == 0)
			*folders[i] = 0;
	remove_folder(copy);
}
