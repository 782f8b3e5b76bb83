/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Memory objects: guests' memory, mapped once each for all VIFs that use it.
 *
 * The memory belongs to somebody else, who may truncate it while we copy. The
 * kernel then sends SIGBUS to the copying thread. The handler puts private zero
 * pages over the whole object and notes it, the copy goes on into those, and
 * between two polls the firmware is told to stop the VIFs that use the object.
 * The handler calls only mmap() and reads tables that its own thread writes
 * between polls.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "port.h"

static struct svio_hal *owner;
static uint8_t lost[SVIO_HAL_OBJECTS_MAX];
static volatile sig_atomic_t lost_any;
static uint32_t lost_next;

static bool covers(const char *base, uint64_t bytes, const char *address)
{
	return base && address >= base && address < base + bytes;
}

/* Private zero pages in place of a mapping. */
static bool blank(void *base, uint64_t bytes)
{
	void *pages = mmap(base, bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);

	/* cppcheck-suppress memleak ; it stays mapped, in the object's place */
	return pages == base;
}

/* Doorbell pages are sviod's memory, but a client holds the descriptor too. */
static bool blank_doorbells(const char *address)
{
	uint32_t vif;

	for (vif = 0; vif < owner->vifs_max; vif++) {
		char *base = (char *)owner->doorbells[vif];

		if (covers(base, sizeof(struct svio_doorbell_bar), address))
			return blank(base, sizeof(struct svio_doorbell_bar));
	}
	return false;
}

static void handle_sigbus(int signal_number, siginfo_t *info, void *context)
{
	const char *address = info->si_addr;
	uint32_t object;

	(void)context;
	for (object = 0; object < SVIO_HAL_OBJECTS_MAX; object++) {
		struct svio_hal_object *o = &owner->objects[object];

		if (covers(o->base, o->bytes, address) && blank(o->base, o->bytes)) {
			lost[object] = 1;
			lost_any = 1;
			return;
		}
	}
	if (owner->doorbells && blank_doorbells(address))
		return;
	/* A bug of ours: die of it as if there were no handler. */
	signal(signal_number, SIG_DFL);
}

int svio_port_objects_open(struct svio_hal *hal)
{
	struct sigaction action = { .sa_sigaction = handle_sigbus, .sa_flags = SA_SIGINFO };

	hal->objects = calloc(SVIO_HAL_OBJECTS_MAX, sizeof(*hal->objects));
	if (!hal->objects)
		return -ENOMEM;
	owner = hal;
	sigemptyset(&action.sa_mask);
	sigaction(SIGBUS, &action, NULL);
	return 0;
}

int svio_port_object_unmap(struct svio_hal *hal, uint64_t object)
{
	struct svio_hal_object *o;

	if (object >= SVIO_HAL_OBJECTS_MAX || !hal->objects[object].base)
		return -ENOENT;
	o = &hal->objects[object];
	munmap(o->base, o->bytes);
	o->base = NULL;
	o->bytes = 0;
	lost[object] = 0;
	return 0;
}

int svio_port_object_map(struct svio_hal *hal, uint64_t object, int fd, uint64_t bytes,
			 bool writable)
{
	int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
	struct stat st;
	void *base;

	if (object >= SVIO_HAL_OBJECTS_MAX || bytes == 0)
		return -EINVAL;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (uint64_t)st.st_size < bytes)
		return -EINVAL;
	base = mmap(NULL, bytes, prot, MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (base == MAP_FAILED)
		return -errno;
	/* A guest's memory has no place in our core dump, and no child may inherit it. */
	madvise(base, bytes, MADV_DONTDUMP);
	madvise(base, bytes, MADV_DONTFORK);
	svio_port_object_unmap(hal, object);
	hal->objects[object].base = base;
	hal->objects[object].bytes = bytes;
	return 0;
}

bool svio_port_objects_lost(void)
{
	if (!lost_any)
		return false;
	lost_any = 0;
	lost_next = 0;
	return true;
}

int64_t svio_port_object_lost_next(void)
{
	for (; lost_next < SVIO_HAL_OBJECTS_MAX; lost_next++)
		if (lost[lost_next]) {
			lost[lost_next] = 0;
			return lost_next;
		}
	return -1;
}
