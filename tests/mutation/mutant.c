/* SPDX-License-Identifier: BSD-3-Clause */
/* Linked into every program of a mutated tree: who lives, and where the places are noted. */
#include "mutant.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PLACES 65536

static unsigned char unused[PLACES];

unsigned svio_mutant;
unsigned char *svio_mutant_place = unused;

/* Processes of one test share the file of SVIO_MUTANT_PLACES. */
__attribute__((constructor(101))) static void choose_mutant(void)
{
	const char *number = getenv("SVIO_MUTANT");
	const char *path = getenv("SVIO_MUTANT_PLACES");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *places = MAP_FAILED;

	if (number)
		svio_mutant = (unsigned)atoi(number);
	if (fd >= 0) {
		places = mmap(NULL, PLACES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
		close(fd);
	}
	if (places != MAP_FAILED)
		svio_mutant_place = places;
}
