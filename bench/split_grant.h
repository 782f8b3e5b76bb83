/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Split drivers: grants. A guest names pages that another domain may use, in a
 * table in its own memory; the hypervisor checks each use of them.
 *
 * The table has the form of Xen's first version: 8 bytes an entry, flags and
 * domain in one word that both sides change atomically. The hypervisor's part
 * (copy, map, unmap) runs in the driver domain's process here. It takes no locks,
 * since one thread calls it.
 */
#ifndef SPLIT_GRANT_H
#define SPLIT_GRANT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPLIT_PAGE   4096u
#define SPLIT_GRANTS 512u /* one page of entries */

#define SPLIT_DRIVER_DOMAIN 0u

/* Of an entry's word; the domain is in its upper half. */
#define SPLIT_GRANT_ACCESS   0x0001u /* the domain may use the page */
#define SPLIT_GRANT_READONLY 0x0004u
#define SPLIT_GRANT_READING  0x0008u /* the domain uses it now: hypervisor */
#define SPLIT_GRANT_WRITING  0x0010u

struct split_grant_entry {
	_Atomic uint32_t word;
	_Atomic uint32_t frame; /* page of the guest's memory */
};

/* The guest's side. */

/* Makes an entry valid. It must be free. */
void split_grant_give(struct split_grant_entry *entry, uint32_t frame, uint32_t domain,
		      bool readonly);
/* Takes it back. false: the domain still uses the page; nothing is changed. */
bool split_grant_end(struct split_grant_entry *entry);

/* The hypervisor's side: what it knows of a guest. */
struct split_guest_memory {
	uint8_t *pages; /* the guest's memory, where the driver domain's process has it */
	uint32_t page_count;
	struct split_grant_entry *table; /* SPLIT_GRANTS entries, the guest's */
	uint16_t readers[SPLIT_GRANTS];  /* uses of each grant under way */
	uint16_t writers[SPLIT_GRANTS];
	uint32_t frames[SPLIT_GRANTS]; /* of the grants that are in use: read once */
};

enum split_grant_status {
	SPLIT_GRANT_OK,
	SPLIT_GRANT_BAD_REFERENCE, /* no such entry, or it is not valid */
	SPLIT_GRANT_BAD_DOMAIN,    /* meant for another domain */
	SPLIT_GRANT_READ_ONLY,
	SPLIT_GRANT_BAD_PAGE,  /* the guest has no such page */
	SPLIT_GRANT_BAD_RANGE, /* beyond the page */
	SPLIT_GRANT_BUSY,      /* the guest changes the entry all the time */
};

/*
 * Marks the grant as used by domain, for as long as it is; *page is its page.
 * Each success wants one split_grant_unmap() with the same `write`.
 */
enum split_grant_status split_grant_map(struct split_guest_memory *guest, uint32_t reference,
					uint32_t domain, bool write, uint8_t **page);
void split_grant_unmap(struct split_guest_memory *guest, uint32_t reference, bool write);

/*
 * Once a batch of maps or of unmaps, where Xen traps into the hypervisor: a system
 * call that does nothing, which costs less. split_grant_copy() does it itself.
 */
void split_hypercall(void);

/* One copy between a granted page and the driver domain's own memory. */
struct split_grant_copy {
	struct split_guest_memory *guest;
	uint8_t *local;
	uint32_t reference;
	uint16_t offset; /* in the page */
	uint16_t bytes;
	enum split_grant_status status; /* afterwards */
	bool to_guest;
};

void split_grant_copy(struct split_grant_copy *copies, size_t count, uint32_t domain);

#endif /* SPLIT_GRANT_H */
