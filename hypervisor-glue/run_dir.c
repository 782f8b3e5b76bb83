// SPDX-License-Identifier: BSD-3-Clause
#include "run_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "log.h"
#include "svio_host.h"

#define LOCK_NAME "lock"

static int check_directory(const char *path, int dir_fd)
{
	struct stat stat_of_dir;

	if (fstat(dir_fd, &stat_of_dir))
		return -errno;
	if (stat_of_dir.st_uid != geteuid() || (stat_of_dir.st_mode & 022)) {
		svio_log(SVIO_LOG_ERROR,
			 "run directory %s is owned or may be written by someone else: "
			 "make it ours with mode 0700, or choose another with --run-dir",
			 path);
		return -EPERM;
	}
	return 0;
}

static int open_directory(const char *path)
{
	int dir_fd, status;

	if (strlen(path) + 1 + SVIO_HOST_NAME_BYTES + sizeof(".sock") >
	    sizeof(((struct sockaddr_un *)0)->sun_path)) {
		svio_log(SVIO_LOG_ERROR, "run directory %s: the path is too long for sockets in it",
			 path);
		return -ENAMETOOLONG;
	}
	if (mkdir(path, 0700) && errno != EEXIST) {
		status = -errno;
		svio_log(SVIO_LOG_ERROR, "cannot make the run directory %s: %s", path,
			 strerror(-status));
		return status;
	}
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0) {
		status = -errno;
		svio_log(SVIO_LOG_ERROR, "cannot use the run directory %s: %s", path,
			 strerror(-status));
		return status;
	}
	status = check_directory(path, dir_fd);
	if (status) {
		close(dir_fd);
		return status;
	}
	return dir_fd;
}

static int take_lock(const char *path, int dir_fd)
{
	int lock_fd = openat(dir_fd, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char pid[32] = "";
	int status;

	if (lock_fd < 0) {
		status = -errno;
		svio_log(SVIO_LOG_ERROR, "cannot open %s/%s: %s", path, LOCK_NAME,
			 strerror(-status));
		return status;
	}
	if (flock(lock_fd, LOCK_EX | LOCK_NB)) {
		if (read(lock_fd, pid, sizeof(pid) - 1) <= 0)
			memcpy(pid, "unknown", sizeof("unknown"));
		pid[strcspn(pid, "\n")] = '\0';
		svio_log(SVIO_LOG_ERROR,
			 "another sviod (process %s) has the run directory %s: "
			 "end it, or choose another with --run-dir",
			 pid, path);
		close(lock_fd);
		return -EBUSY;
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(lock_fd, 0) || pwrite(lock_fd, pid, strlen(pid), 0) < 0)
		svio_log(SVIO_LOG_WARNING, "cannot write %s/%s: %s", path, LOCK_NAME,
			 strerror(errno));
	return lock_fd;
}

/* With the lock held nobody listens on them. */
static void remove_stale_sockets(int dir_fd)
{
	int copy = dup(dir_fd);
	DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
	struct dirent *entry;

	if (!dir) {
		if (copy >= 0)
			close(copy);
		return;
	}
	/* cppcheck-suppress readdirCalled ; one thread */
	while ((entry = readdir(dir))) {
		const char *end = strrchr(entry->d_name, '.');
		struct stat stat_of_entry;

		if (end && !strcmp(end, ".sock") &&
		    !fstatat(dir_fd, entry->d_name, &stat_of_entry, AT_SYMLINK_NOFOLLOW) &&
		    S_ISSOCK(stat_of_entry.st_mode))
			unlinkat(dir_fd, entry->d_name, 0);
	}
	closedir(dir);
}

int svio_run_dir_open(const char *path)
{
	int dir_fd = open_directory(path);
	int lock_fd;

	if (dir_fd < 0)
		return dir_fd;
	lock_fd = take_lock(path, dir_fd);
	if (lock_fd >= 0)
		remove_stale_sockets(dir_fd);
	close(dir_fd);
	return lock_fd;
}
