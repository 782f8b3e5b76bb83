// SPDX-License-Identifier: BSD-3-Clause
#include "object.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "log.h"
#include "loop.h"
#include "mailbox.h"

#define NUMBERS         (SVIO_OBJECT_HOLLOW) /* 1..NUMBERS - 1 are used */
#define BUCKETS         1024
#define LINGER_NS       1000000000ull
#define SWEEP_PERIOD_US 1000000

struct svio_object {
	LIST_ENTRY(svio_object) bucket_link;
	struct svio_object *next_put; /* while puts > 0 */
	struct svio_objects *objects;
	dev_t device;
	ino_t inode;
	uint64_t bytes;
	uint64_t idle_since_ns; /* while refs == 0 */
	uint32_t number;
	uint32_t vif;  /* whose quota it counts against */
	uint32_t refs; /* mappings, those already put included until the flush */
	uint32_t puts;
	int fd;
	bool writable;
	bool leaving; /* OBJECT_DEL is under way: not found any more */
};

LIST_HEAD(object_list, svio_object);

/* What a VIF has brought in. */
struct owner {
	uint32_t count;
	uint64_t bytes;
};

struct svio_objects {
	struct svio_loop *loop;
	struct svio_mailbox *mailbox;
	struct svio_loop_source *sweep_timer; /* while an object is idle */
	struct svio_object *puts;
	struct owner *owners; /* [vifs_max] */
	uint64_t share;       /* bytes that are each VIF's own */
	uint64_t common;      /* what is left of the rest */
	uint32_t count;
	uint32_t count_max;
	uint32_t idle;
	uint32_t next_number;
	struct object_list buckets[BUCKETS];
	struct svio_object *by_number[NUMBERS];
};

struct svio_objects *svio_objects_new(struct svio_loop *loop, struct svio_mailbox *mailbox,
				      uint32_t vifs_max)
{
	struct svio_objects *objects = calloc(1, sizeof(*objects));
	struct rlimit limit;

	if (!objects)
		return NULL;
	objects->owners = calloc(vifs_max, sizeof(*objects->owners));
	if (!objects->owners) {
		free(objects);
		return NULL;
	}
	objects->loop = loop;
	objects->mailbox = mailbox;
	objects->next_number = 1;
	objects->share = SVIO_OBJECTS_BYTES / 2 / vifs_max;
	objects->common = SVIO_OBJECTS_BYTES / 2;
	/* A new firmware gets a copy of each; and there must be some left for everything else. */
	if (!getrlimit(RLIMIT_NOFILE, &limit) && limit.rlim_cur / 4 < NUMBERS)
		objects->count_max = (uint32_t)(limit.rlim_cur / 4);
	else
		objects->count_max = NUMBERS;
	return objects;
}

/* How many of a VIF's bytes are more than its share. */
static uint64_t beyond_share(const struct svio_objects *objects, uint64_t bytes)
{
	return bytes > objects->share ? bytes - objects->share : 0;
}

static bool have_bytes(const struct svio_objects *objects, uint32_t vif, uint64_t bytes)
{
	uint64_t has = objects->owners[vif].bytes;

	return bytes <= SVIO_OBJECTS_BYTES &&
	       beyond_share(objects, has + bytes) - beyond_share(objects, has) <= objects->common;
}

/* A VIF has now so many objects and bytes. */
static void charge(struct svio_objects *objects, uint32_t vif, uint32_t count, uint64_t bytes)
{
	struct owner *owner = &objects->owners[vif];

	objects->common += beyond_share(objects, owner->bytes);
	objects->common -= beyond_share(objects, bytes);
	owner->count = count;
	owner->bytes = bytes;
}

static void free_object(struct svio_object *object)
{
	struct svio_objects *objects = object->objects;
	const struct owner *owner = &objects->owners[object->vif];

	objects->by_number[object->number] = NULL;
	charge(objects, object->vif, owner->count - 1, owner->bytes - object->bytes);
	objects->count--;
	close(object->fd);
	free(object);
}

void svio_objects_free(struct svio_objects *objects)
{
	if (!objects)
		return;
	svio_loop_remove(objects->sweep_timer);
	for (uint32_t i = 1; i < NUMBERS; i++)
		if (objects->by_number[i])
			free_object(objects->by_number[i]);
	free(objects->owners);
	free(objects);
}

static struct object_list *bucket_of(struct svio_objects *objects, dev_t device, ino_t inode)
{
	uint64_t key = ((uint64_t)inode ^ ((uint64_t)device << 20)) * 0x9e3779b97f4a7c15ull;

	return &objects->buckets[key >> 54];
}

/* The numbers that were given back last are used last. 0: all are in use. */
static uint32_t choose_number(struct svio_objects *objects)
{
	for (uint32_t tries = 1; tries < NUMBERS; tries++) {
		uint32_t number = objects->next_number;

		objects->next_number = number + 1 < NUMBERS ? number + 1 : 1;
		if (!objects->by_number[number])
			return number;
	}
	return 0;
}

/*
 * Does this line of /proc/PID/maps show memory? *shared: as a shared mapping.
 *	start-end rights offset major:minor inode path
 */
static bool parse_map(const char *line, const struct stat *memory, bool *shared)
{
	const char *rights = strchr(line, ' ');
	char *at;

	if (!rights || strlen(rights) < 6)
		return false;
	*shared = rights[4] == 's';
	strtoul(rights + 6, &at, 16); /* the offset */
	if (strtoul(at, &at, 16) != major(memory->st_dev) || *at != ':')
		return false;
	if (strtoul(at + 1, &at, 16) != minor(memory->st_dev))
		return false;
	return strtoul(at, NULL, 10) == memory->st_ino;
}

/* Is one of the client's mappings of this inode shared? -1: it has none, or we may not look. */
static int is_mapped_shared(pid_t client, const struct stat *memory)
{
	char path[64], line[512];
	int answer = -1;
	bool shared;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)client);
	maps = fopen(path, "re");
	if (!maps)
		return -1;
	/* The tail of a line with a long path has no such form. */
	while (answer < 1 && fgets(line, sizeof(line), maps))
		if (parse_map(line, memory, &shared))
			answer = shared;
	fclose(maps);
	return answer;
}

/*
 * Only memory may become an object. The firmware reads and writes it at memory
 * speed: a file on a disk or of a user-space file system could make it wait
 * for as long as the client likes.
 */
static int check_memory(int fd, const struct stat *memory, const char **why)
{
	struct statfs filesystem;

	if (!S_ISREG(memory->st_mode) || fstatfs(fd, &filesystem) ||
	    (filesystem.f_type != TMPFS_MAGIC && filesystem.f_type != HUGETLBFS_MAGIC)) {
		*why = "the descriptor is not shared memory; use "
		       "-object memory-backend-memfd,share=on";
		return -EINVAL;
	}
	return 0;
}

/* How fd was opened: 0 and *writable, or -EACCES. */
static int read_access(int fd, bool *writable)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY)
		return -EACCES;
	*writable = (flags & O_ACCMODE) == O_RDWR;
	return 0;
}

static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS); /* -1: does not know seals */

	return seals >= 0 && (seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE));
}

static int post_add(struct svio_object *object, bool replay)
{
	struct svio_mailbox *mailbox = object->objects->mailbox;
	struct svio_mailbox_request request = {
		.type = SVIO_HOST_OBJECT_ADD,
		.vif = SVIO_MAILBOX_NO_VIF,
		.arg = { object->number, object->bytes, object->writable },
		.fds = { object->fd },
		.fd_count = 1,
	};

	return replay ? svio_mailbox_replay(mailbox, &request)
		      : svio_mailbox_post(mailbox, &request);
}

static int make_object(struct svio_objects *objects, uint32_t vif, int fd,
		       const struct stat *memory, bool writable, struct svio_object **made)
{
	struct svio_object *object;
	uint32_t number = choose_number(objects);
	int status;

	if (!number)
		return -ENOSPC;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	object->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (object->fd < 0) {
		status = -errno;
		free(object);
		return status;
	}
	object->objects = objects;
	object->device = memory->st_dev;
	object->inode = memory->st_ino;
	object->bytes = (uint64_t)memory->st_size;
	object->number = number;
	object->vif = vif;
	object->writable = writable;
	objects->by_number[number] = object;
	charge(objects, vif, objects->owners[vif].count + 1,
	       objects->owners[vif].bytes + object->bytes);
	objects->count++;
	status = post_add(object, false);
	if (status) {
		free_object(object);
		return status;
	}
	LIST_INSERT_HEAD(bucket_of(objects, object->device, object->inode), object, bucket_link);
	objects->idle++; /* until it is held */
	*made = object;
	return 0;
}

/* The size belongs to the key: memory that has grown is another object. */
static struct svio_object *find_object(struct svio_objects *objects, const struct stat *memory,
				       bool writable)
{
	struct svio_object *object;

	for (object = LIST_FIRST(bucket_of(objects, memory->st_dev, memory->st_ino)); object;
	     object = LIST_NEXT(object, bucket_link))
		if (object->device == memory->st_dev && object->inode == memory->st_ino &&
		    object->writable == writable && object->bytes == (uint64_t)memory->st_size)
			return object;
	return NULL;
}

static int check_new(const struct svio_objects *objects, uint32_t vif, int fd,
		     const struct stat *memory, pid_t client, const char **why)
{
	int status = check_memory(fd, memory, why);

	if (status)
		return status;
	if (objects->count >= objects->count_max) {
		*why = "the device has too many memory objects for its descriptors";
		return -ENOSPC;
	}
	if (objects->owners[vif].count >= SVIO_OBJECTS_A_VIF) {
		*why = "the VIF has brought in too many memory objects";
		return -ENOSPC;
	}
	if (!have_bytes(objects, vif, (uint64_t)memory->st_size)) {
		*why = "the VIF's memory is larger than the firmware's addresses that are left";
		return -ENOSPC;
	}
	if (client > 0 && is_mapped_shared(client, memory) == 0) {
		*why = "the client maps this memory privately: what the guest writes would not "
		       "be seen; use -object memory-backend-memfd,share=on";
		return -EINVAL;
	}
	return 0;
}

int svio_object_get(struct svio_objects *objects, uint32_t vif, int fd, uint64_t last,
		    bool writable, pid_t client, uint32_t *number, const char **why)
{
	struct svio_object *object;
	struct stat memory;
	bool may_write;
	int status;

	*why = "the descriptor cannot be used";
	if (fstat(fd, &memory))
		return -EINVAL;
	status = read_access(fd, &may_write);
	object = status ? NULL : find_object(objects, &memory, may_write);
	/* With a vIOMMU each packet comes by here: memory that is known has shown its seals. */
	if (!status && !object && may_write && is_sealed(fd)) {
		may_write = false;
		object = find_object(objects, &memory, false);
	}
	if (status || (writable && !may_write)) {
		*why = "the descriptor is read-only (or write-only), the mapping is not";
		return -EACCES;
	}
	if (memory.st_size <= 0 || last >= (uint64_t)memory.st_size) {
		*why = "the range ends behind the end of the memory";
		status = check_memory(fd, &memory, why);
		return status ? status : -EINVAL;
	}
	if (!object) {
		status = check_new(objects, vif, fd, &memory, client, why);
		if (!status)
			status = make_object(objects, vif, fd, &memory, may_write, &object);
		if (status)
			return status;
	}
	if (object->refs++ == 0)
		objects->idle--;
	*number = object->number;
	return 0;
}

static void start_sweeping(struct svio_objects *objects);

static void release(struct svio_object *object, uint32_t refs)
{
	object->refs -= refs;
	if (object->refs > 0)
		return;
	object->idle_since_ns = svio_clock_ns();
	object->objects->idle++;
	start_sweeping(object->objects);
}

void svio_object_unget(struct svio_objects *objects, uint32_t number)
{
	struct svio_object *object = number < NUMBERS ? objects->by_number[number] : NULL;

	if (object)
		release(object, 1);
}

void svio_object_put(struct svio_objects *objects, uint32_t number)
{
	struct svio_object *object = number < NUMBERS ? objects->by_number[number] : NULL;

	if (!object)
		return;
	if (object->puts++ == 0) {
		object->next_put = objects->puts;
		objects->puts = object;
	}
}

static void finish_del(void *context, int status)
{
	(void)status; /* a firmware that does not know it has let go of it */
	free_object(context);
}

static void remove_object(struct svio_object *object)
{
	struct svio_mailbox_request request = { .type = SVIO_HOST_OBJECT_DEL,
						.vif = SVIO_MAILBOX_NO_VIF,
						.arg = { object->number },
						.done = finish_del,
						.context = object };

	if (svio_mailbox_post(object->objects->mailbox, &request))
		return; /* no memory: the next sweep tries again */
	LIST_REMOVE(object, bucket_link);
	object->leaving = true;
	object->objects->idle--;
}

static void sweep(struct svio_objects *objects, uint64_t linger_ns)
{
	uint64_t now_ns = svio_clock_ns();

	for (uint32_t i = 1; i < NUMBERS && objects->idle > 0; i++) {
		struct svio_object *object = objects->by_number[i];

		if (object && !object->leaving && object->refs == 0 &&
		    now_ns - object->idle_since_ns >= linger_ns)
			remove_object(object);
	}
}

void svio_objects_sweep(struct svio_objects *objects)
{
	sweep(objects, 0);
}

static void handle_sweep_timer(void *context)
{
	struct svio_objects *objects = context;

	sweep(objects, LINGER_NS);
	if (objects->idle == 0) {
		svio_loop_remove(objects->sweep_timer);
		objects->sweep_timer = NULL;
	}
}

static void start_sweeping(struct svio_objects *objects)
{
	if (!objects->sweep_timer)
		objects->sweep_timer = svio_loop_add_timer(objects->loop, SWEEP_PERIOD_US,
							   SWEEP_PERIOD_US, handle_sweep_timer,
							   objects);
}

void svio_objects_put_flush(struct svio_objects *objects)
{
	struct svio_object *object;

	while ((object = objects->puts)) {
		uint32_t puts = object->puts;

		objects->puts = object->next_put;
		object->puts = 0;
		release(object, puts);
	}
}

int svio_objects_revoke(struct svio_objects *objects)
{
	struct svio_object *object;
	int status = 0;

	for (object = objects->puts; object && !status; object = object->next_put) {
		struct svio_mailbox_request request = { .type = SVIO_HOST_OBJECT_REVOKE,
							.vif = SVIO_MAILBOX_NO_VIF,
							.arg = { object->number } };

		status = svio_mailbox_post(objects->mailbox, &request);
	}
	return status;
}

int svio_objects_replay(struct svio_objects *objects)
{
	uint32_t left = objects->count;
	int status = 0;

	for (uint32_t i = 1; i < NUMBERS && left > 0 && !status; i++) {
		struct svio_object *object = objects->by_number[i];

		if (!object)
			continue;
		left--;
		if (!object->leaving)
			status = post_add(object, true);
	}
	return status;
}

uint32_t svio_objects_count(const struct svio_objects *objects)
{
	return objects->count;
}
